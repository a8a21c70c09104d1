//! Reading the headers with libclang: records as the compiler lays them out, constants as it evaluates
//! them. Two passes: one over the headers, one over a list of declarations that ask for the type and
//! value of every macro.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::{Context, Result, anyhow, bail};
use clang::diagnostic::Severity;
use clang::{
    Clang, Entity, EntityKind, EvaluationResult, Index, TranslationUnit, Type, TypeKind, Unsaved,
};

use super::model::{Alias, Constant, Item, Member, NoValue, Path, Record, Ty, Unit, Value};
use crate::headers::View;

const MAIN: &str = "xen-public-all.c";

/// libclang, loaded. One per process at a time.
pub struct Reader {
    clang: Clang,
}

/// The text of a header that is no vendored one, for tests: the path below `public/` and its text.
pub type Extra<'a> = (&'a str, &'a str);

impl Reader {
    /// Loads libclang.
    ///
    /// # Errors
    /// None is found, with where it was looked for and what package brings it.
    pub fn new() -> Result<Self> {
        let clang = Clang::new().map_err(|e| {
            anyhow!("{e}\nlibclang 14 or newer is needed (Debian: libclang-14-dev or newer; or set LIBCLANG_PATH)")
        })?;
        Ok(Self { clang })
    }

    /// What libclang says of its version.
    pub fn version(&self) -> String {
        clang::get_version()
    }

    /// Reads all headers of a view.
    ///
    /// # Errors
    /// A header does not parse (clang's messages), or declares what can't be represented (type and field).
    pub fn read(&self, view: &View) -> Result<Unit> {
        self.read_text(view, &view.wrapper()?, None)
            .with_context(|| format!("reading the headers of {view}"))
    }

    /// Reads a text of includes, with one header given as text.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub fn read_text(&self, view: &View, wrapper: &str, extra: Option<Extra<'_>>) -> Result<Unit> {
        let index = Index::new(&self.clang, false, false);
        let mut unsaved = Vec::new();
        if let Some((path, text)) = extra {
            unsaved.push(Unsaved::new(
                view.release.include_dir().join("public").join(path),
                text,
            ));
        }
        let tu = parse(&index, view, wrapper, &unsaved)?;
        let errors = errors(&tu);
        if !errors.is_empty() {
            bail!("clang does not accept the headers:\n{}", errors.join("\n"));
        }
        let mut walk = Walk {
            root: view
                .release
                .include_dir()
                .join("public")
                .to_string_lossy()
                .into_owned()
                + "/",
            view: *view,
            names: HashMap::new(),
            items: BTreeMap::new(),
            function_macros: Vec::new(),
            functions: Vec::new(),
            macros: Vec::new(),
            done: HashSet::new(),
            sequence: 0,
        };
        walk.unit(&tu)?;
        let macros = std::mem::take(&mut walk.macros);
        let no_values = values(&index, view, wrapper, &unsaved, &mut walk, macros)?;
        walk.finish(no_values)
    }
}

fn parse<'i>(
    index: &'i Index<'i>,
    view: &View,
    text: &str,
    unsaved: &[Unsaved],
) -> Result<TranslationUnit<'i>> {
    let mut arguments = view.clang_args();
    arguments.push("-ferror-limit=0".into());
    let mut files = vec![Unsaved::new(MAIN, text)];
    files.extend(unsaved.iter().cloned());
    index
        .parser(MAIN)
        .arguments(&arguments)
        .unsaved(&files)
        .detailed_preprocessing_record(true)
        .parse()
        .with_context(|| format!("libclang failed with `{}`", arguments.join(" ")))
}

fn errors(tu: &TranslationUnit<'_>) -> Vec<String> {
    tu.get_diagnostics()
        .iter()
        .filter(|d| d.get_severity() >= Severity::Error)
        .map(|d| d.formatter().format())
        .collect()
}

/// A macro of the headers, before its value is known.
struct Macro {
    header: String,
    line: u32,
    column: u32,
    name: String,
    body: Vec<String>,
}

impl Macro {
    fn is_enumerator(&self) -> bool {
        self.body.first().is_some_and(|t| t == ENUMERATOR)
    }
}

/// Stands for the body of an enumerator, which is asked for its value like a macro.
const ENUMERATOR: &str = "<enumerator>";

struct Walk<'tu> {
    root: String,
    view: View,
    /// Records by canonical entity, with the name made for them.
    names: HashMap<Entity<'tu>, Path>,
    items: BTreeMap<String, Vec<(u32, u32, usize, Item)>>,
    function_macros: Vec<(String, String)>,
    functions: Vec<(String, String)>,
    macros: Vec<Macro>,
    done: HashSet<Entity<'tu>>,
    sequence: usize,
}

/// Where an entity stands, if in a public header.
struct Place {
    header: String,
    line: u32,
    column: u32,
}

/// How C reaches a record.
#[derive(Clone)]
struct Reach {
    c: String,
    named: bool,
    base: Vec<(String, String)>,
    prefix: String,
}

impl<'tu> Walk<'tu> {
    fn place(&self, entity: Entity<'_>) -> Option<Place> {
        let location = entity.get_location()?.get_expansion_location();
        let path = location.file?.get_path();
        Some(Place {
            header: self.header_of(&path.to_string_lossy())?,
            line: location.line,
            column: location.column,
        })
    }

    /// The header's path below `public/`, with `..` resolved.
    fn header_of(&self, path: &str) -> Option<String> {
        let relative = path.strip_prefix(&self.root)?;
        let mut parts: Vec<&str> = Vec::new();
        for part in relative.split('/') {
            match part {
                "." | "" => {}
                ".." => {
                    parts.pop()?;
                }
                other => parts.push(other),
            }
        }
        Some(parts.join("/"))
    }

    fn unit(&mut self, tu: &'tu TranslationUnit<'tu>) -> Result<()> {
        for entity in tu.get_entity().get_children() {
            let Some(place) = self.place(entity) else {
                continue;
            };
            match entity.get_kind() {
                EntityKind::StructDecl | EntityKind::UnionDecl if entity.is_definition() => {
                    // One without tag or typedef is named when the member that has its type is seen.
                    if let Some(name) = own_name(entity) {
                        self.record(entity, &place, name)?;
                    }
                }
                EntityKind::EnumDecl if entity.is_definition() => {
                    self.enumeration(entity, &place)?
                }
                EntityKind::TypedefDecl => self.typedef(entity, &place)?,
                EntityKind::MacroDefinition => self.macro_definition(entity, place),
                EntityKind::FunctionDecl => {
                    let name = entity.get_name().unwrap_or_default();
                    self.functions.push((place.header, name));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn push(&mut self, place: &Place, item: Item) -> Result<()> {
        let items = self.items.entry(place.header.clone()).or_default();
        if let Some((.., old)) = items
            .iter()
            .find(|(.., old)| old.is_type() == item.is_type() && old.name() == item.name())
        {
            let same = match (old, &item) {
                (Item::Constant(a), Item::Constant(b)) => a.value == b.value,
                (a, b) => a == b,
            };
            if same {
                return Ok(());
            }
            bail!(
                "{}: `{}` is declared twice, differently:\n{old:?}\n{item:?}",
                place.header,
                item.name()
            );
        }
        self.sequence += 1;
        items.push((place.line, place.column, self.sequence, item));
        Ok(())
    }

    fn enumeration(&mut self, entity: Entity<'tu>, place: &Place) -> Result<()> {
        if !self.done.insert(entity) {
            return Ok(());
        }
        let underlying = entity
            .get_enum_underlying_type()
            .context("an enum without a type")?;
        if let Some((name, c)) = own_name(entity) {
            let ty = self.ty(underlying)?;
            let size = underlying.get_sizeof()? as u64;
            self.push(place, Item::Alias(Alias { name, c, ty, size }))?;
        }
        for child in entity.get_children() {
            if child.get_kind() != EntityKind::EnumConstantDecl {
                continue;
            }
            let name = child.get_name().context("an enumerator without a name")?;
            // The type of an enumerator in an expression is asked for with the macros.
            let at = self.place(child).unwrap_or_else(|| Place {
                header: place.header.clone(),
                line: place.line,
                column: place.column,
            });
            self.macros.push(Macro {
                header: at.header,
                line: at.line,
                column: at.column,
                name,
                body: vec![ENUMERATOR.into()],
            });
        }
        Ok(())
    }

    fn typedef(&mut self, entity: Entity<'tu>, place: &Place) -> Result<()> {
        let name = entity.get_name().context("a typedef without a name")?;
        let underlying = entity
            .get_typedef_underlying_type()
            .context("a typedef of nothing")?;
        if names_itself(underlying, &name) {
            return Ok(());
        }
        if let Some(ty) = self.pointer_handle(&name, underlying)? {
            let size = underlying.get_sizeof()? as u64;
            return self.push(
                place,
                Item::Alias(Alias {
                    c: name.clone(),
                    name,
                    ty,
                    size,
                }),
            );
        }
        if underlying.get_canonical_type().get_kind() == TypeKind::FunctionPrototype {
            return Ok(());
        }
        let ty = self
            .ty(underlying)
            .with_context(|| format!("typedef {name}"))?;
        let size = match underlying.get_canonical_type().get_sizeof() {
            Ok(size) => size as u64,
            // A typedef of a record that no header completes.
            Err(_) => return Ok(()),
        };
        self.push(
            place,
            Item::Alias(Alias {
                c: name.clone(),
                name,
                ty,
                size,
            }),
        )
    }

    fn macro_definition(&mut self, entity: Entity<'tu>, place: Place) {
        let Some(name) = entity.get_name() else {
            return;
        };
        if entity.is_function_like_macro() {
            let found = (place.header, name);
            if !self.function_macros.contains(&found) {
                self.function_macros.push(found);
            }
            return;
        }
        let body = entity.get_range().map_or_else(Vec::new, |range| {
            range
                .tokenize()
                .into_iter()
                .skip(1)
                .map(|t| t.get_spelling())
                .collect()
        });
        self.macros.push(Macro {
            header: place.header,
            line: place.line,
            column: place.column,
            name,
            body,
        });
    }

    /// Reads a record that has a name of its own.
    fn record(&mut self, entity: Entity<'tu>, place: &Place, name: (String, String)) -> Result<()> {
        let (name, c) = name;
        let reach = Reach {
            c,
            named: true,
            base: Vec::new(),
            prefix: String::new(),
        };
        self.record_named(entity, place, name, reach)
    }

    fn record_named(
        &mut self,
        entity: Entity<'tu>,
        place: &Place,
        name: String,
        reach: Reach,
    ) -> Result<()> {
        let entity = entity.get_canonical_entity();
        if !self.done.insert(entity) {
            return Ok(());
        }
        let path = Path {
            header: place.header.clone(),
            name: name.clone(),
        };
        self.names.insert(entity, path);
        let ty = entity.get_type().context("a record without a type")?;
        let union = entity.get_kind() == EntityKind::UnionDecl;
        let fields = ty.get_fields().unwrap_or_default();

        if let Some(handle) = self.handle(&name, ty, &fields)? {
            return self.push(place, handle);
        }

        let mut members = Vec::new();
        let mut seen = HashSet::new();
        for field in fields {
            let spelled = field.get_name().filter(|n| is_identifier(n));
            let width = if field.is_bit_field() {
                field.get_bit_field_width()
            } else {
                None
            };
            let nameless = spelled.is_none();
            if nameless && width.is_some() {
                continue;
            }
            let field_type = field.get_type().context("a field without a type")?;
            let field_name = match spelled {
                Some(name) => name,
                None => first_leaf(field_type)
                    .with_context(|| format!("{name}: a nameless member without a leaf"))?,
            };
            let here = || format!("field `{field_name}` of `{name}`");
            if !seen.insert(field_name.clone()) {
                bail!("{}: the name is taken", here());
            }
            self.nested(field_type, place, &name, &field_name, nameless, &reach)
                .with_context(here)?;
            let mut ty = self.ty(field_type).with_context(here)?;
            let mut size = match field_type.get_canonical_type().get_kind() {
                TypeKind::IncompleteArray => 0,
                _ => field_type.get_sizeof().with_context(here)? as u64,
            };
            if let Ty::Array(of, 0) = &ty {
                ty = Ty::Flexible(of.clone());
                size = 0;
            }
            members.push(Member {
                bit: field.get_offset_of_field().with_context(here)? as u64,
                name: field_name,
                nameless,
                size,
                width: width.map(|w| w as u64),
                ty,
            });
        }
        // Tagged records and enums that are declared inside this one.
        for child in entity.get_definition().unwrap_or(entity).get_children() {
            let Some(inner) = self.place(child) else {
                continue;
            };
            match child.get_kind() {
                EntityKind::StructDecl | EntityKind::UnionDecl if child.is_definition() => {
                    if let Some(name) = own_name(child) {
                        self.record(child, &inner, name)?;
                    }
                }
                EntityKind::EnumDecl if child.is_definition() => self.enumeration(child, &inner)?,
                _ => {}
            }
        }
        let record = Record {
            union,
            size: ty.get_sizeof().with_context(|| name.clone())? as u64,
            align: ty.get_alignof().with_context(|| name.clone())? as u64,
            name,
            members,
            c: reach.c,
            named: reach.named,
            base: reach.base,
            prefix: reach.prefix,
        };
        self.push(place, Item::Record(record))
    }

    /// Names and reads the anonymous record that a member's type declares, if it does.
    fn nested(
        &mut self,
        ty: Type<'tu>,
        place: &Place,
        parent: &str,
        field: &str,
        nameless: bool,
        reach: &Reach,
    ) -> Result<()> {
        let mut ty = ty;
        let mut index = String::new();
        while let Some(of) = ty.get_element_type().filter(|_| is_array(ty)) {
            index += "[0]";
            ty = of;
        }
        let Some(declaration) = record_declaration(ty) else {
            return Ok(());
        };
        if own_name(declaration).is_some() {
            return Ok(());
        }
        let name = format!("{parent}_{field}");
        let inner = if nameless {
            let mut base = reach.base.clone();
            base.push((parent.to_owned(), field.to_owned()));
            Reach {
                c: reach.c.clone(),
                named: false,
                base,
                prefix: reach.prefix.clone(),
            }
        } else {
            let c = format!(
                "__typeof__((({} *)0)->{}{field}{index})",
                reach.c, reach.prefix
            );
            Reach {
                c,
                named: true,
                base: Vec::new(),
                prefix: String::new(),
            }
        };
        self.record_named(declaration, place, name, inner)
    }

    /// A guest handle: a typedef of an anonymous record around one pointer, by the headers' own naming.
    fn handle(
        &mut self,
        name: &str,
        ty: Type<'tu>,
        fields: &[Entity<'tu>],
    ) -> Result<Option<Item>> {
        if !name.starts_with("__guest_handle_") {
            return Ok(None);
        }
        let mut first = fields.first().and_then(Entity::get_type);
        while let Some(inner) = first.filter(|t| record_declaration(*t).is_some()) {
            first = inner
                .get_canonical_type()
                .get_fields()
                .unwrap_or_default()
                .first()
                .and_then(Entity::get_type);
        }
        let pointer = first
            .filter(|t| t.get_kind() == TypeKind::Pointer)
            .with_context(|| format!("`{name}` does not begin with a pointer"))?;
        let pointee = pointer.get_pointee_type().context("a pointer to nothing")?;
        let target = self.handle_of(pointee)?;
        let size = ty.get_sizeof()? as u64;
        Ok(Some(Item::Alias(Alias {
            name: name.to_owned(),
            c: name.to_owned(),
            ty: Ty::Handle(size, Box::new(target)),
            size,
        })))
    }

    /// A guest handle as it is below interface version 0x00030201: a typedef of a bare pointer.
    fn pointer_handle(&mut self, name: &str, underlying: Type<'tu>) -> Result<Option<Ty>> {
        if !name.starts_with("__guest_handle_") || !is_pointer(underlying) {
            return Ok(None);
        }
        let pointee = underlying
            .get_pointee_type()
            .context("a pointer to nothing")?;
        let target = self.handle_of(pointee)?;
        Ok(Some(Ty::Handle(self.view.abi.pointer(), Box::new(target))))
    }

    /// What a handle points at.
    fn handle_of(&mut self, pointee: Type<'tu>) -> Result<Ty> {
        let declaration = record_declaration(pointee);
        let incomplete = declaration.is_some_and(|d| d.get_definition().is_none());
        if incomplete || pointee.get_canonical_type().get_kind() == TypeKind::Void {
            return Ok(Ty::Void);
        }
        if let Some(declaration) = declaration {
            self.ensure(declaration)?;
        }
        self.ty(pointee)
    }

    /// Reads a tagged record now that something mentions before the walk reaches it.
    fn ensure(&mut self, declaration: Entity<'tu>) -> Result<()> {
        let Some(definition) = declaration.get_definition() else {
            return Ok(());
        };
        let (Some(place), Some(name)) = (self.place(definition), own_name(definition)) else {
            return Ok(());
        };
        self.record(definition, &place, name)
    }

    fn ty(&mut self, ty: Type<'tu>) -> Result<Ty> {
        let int = |bits, signed| Ok(Ty::Int { bits, signed });
        let pointer = self.view.abi.pointer() * 8;
        match ty.get_kind() {
            TypeKind::Elaborated => self.ty(ty
                .get_elaborated_type()
                .context("an elaborated type of nothing")?),
            TypeKind::Attributed => {
                self.ty(ty.get_modified_type().context("an attribute on nothing")?)
            }
            TypeKind::Typedef => {
                let declaration = ty
                    .get_declaration()
                    .context("a typedef without declaration")?;
                let underlying = declaration
                    .get_typedef_underlying_type()
                    .context("a typedef of nothing")?;
                let Some(place) = self.place(declaration) else {
                    return self.ty(underlying);
                };
                let name = declaration.get_name().context("a typedef without name")?;
                if name.starts_with("__guest_handle_") {
                    if let Some(record) = record_declaration(underlying) {
                        self.ensure(record)?;
                        let path = Path {
                            header: place.header,
                            name,
                        };
                        let known = self.items.get(&path.header).and_then(|items| {
                            items
                                .iter()
                                .find(|(.., i)| i.is_type() && i.name() == path.name)
                        });
                        let Some((.., Item::Alias(alias))) = known else {
                            bail!("guest handle `{}` is used before it is known", path.name);
                        };
                        return Ok(Ty::Alias(path, Box::new(alias.ty.clone())));
                    }
                }
                if names_itself(underlying, &name) {
                    return self.ty(underlying);
                }
                let to = match self.pointer_handle(&name, underlying)? {
                    Some(handle) => handle,
                    None => self.ty(underlying)?,
                };
                Ok(Ty::Alias(
                    Path {
                        header: place.header,
                        name,
                    },
                    Box::new(to),
                ))
            }
            TypeKind::Record => {
                let declaration = ty
                    .get_declaration()
                    .context("a record without declaration")?;
                self.ensure(declaration)?;
                match self.names.get(&declaration.get_canonical_entity()) {
                    Some(path) => Ok(Ty::Record(path.clone())),
                    None => bail!("`{}` has no name", ty.get_display_name()),
                }
            }
            TypeKind::Enum => {
                let declaration = ty
                    .get_declaration()
                    .context("an enum without declaration")?;
                let underlying = declaration
                    .get_enum_underlying_type()
                    .context("an enum without a type")?;
                let to = self.ty(underlying)?;
                match (own_name(declaration), self.place(declaration)) {
                    (Some((name, _)), Some(place)) => Ok(Ty::Alias(
                        Path {
                            header: place.header,
                            name,
                        },
                        Box::new(to),
                    )),
                    _ => Ok(to),
                }
            }
            TypeKind::ConstantArray => {
                let of = ty.get_element_type().context("an array of nothing")?;
                let length = ty.get_size().unwrap_or(0) as u64;
                Ok(Ty::Array(Box::new(self.ty(of)?), length))
            }
            TypeKind::IncompleteArray => {
                let of = ty.get_element_type().context("an array of nothing")?;
                Ok(Ty::Flexible(Box::new(self.ty(of)?)))
            }
            TypeKind::Pointer => Ok(Ty::Pointer),
            TypeKind::Void => Ok(Ty::Void),
            // `char` has no sign that all ABIs share.
            TypeKind::CharS | TypeKind::CharU | TypeKind::UChar | TypeKind::Bool => int(8, false),
            TypeKind::SChar => int(8, true),
            TypeKind::Short => int(16, true),
            TypeKind::UShort => int(16, false),
            TypeKind::Int => int(32, true),
            TypeKind::UInt => int(32, false),
            TypeKind::Long => int(pointer, true),
            TypeKind::ULong => int(pointer, false),
            TypeKind::LongLong => int(64, true),
            TypeKind::ULongLong => int(64, false),
            other => bail!(
                "type `{}` ({other:?}) can't be represented",
                ty.get_display_name()
            ),
        }
    }

    fn finish(self, no_values: Vec<NoValue>) -> Result<Unit> {
        let mut headers = BTreeMap::new();
        for (header, mut items) in self.items {
            items.sort_by_key(|(line, column, sequence, _)| (*line, *column, *sequence));
            headers.insert(header, items.into_iter().map(|(.., item)| item).collect());
        }
        let mut function_macros = self.function_macros;
        function_macros.sort();
        let mut functions = self.functions;
        functions.sort();
        functions.dedup();
        Ok(Unit {
            view: self.view,
            headers,
            no_values,
            function_macros,
            functions,
        })
    }
}

/// The second pass: asks the compiler for the type and value of each macro and enumerator that is still
/// defined at the end, and for the type of those that name one.
fn values<'tu>(
    index: &Index<'_>,
    view: &View,
    wrapper: &str,
    unsaved: &[Unsaved],
    walk: &mut Walk<'tu>,
    macros: Vec<Macro>,
) -> Result<Vec<NoValue>> {
    // The last definition of a name counts.
    let mut last: BTreeMap<String, Macro> = BTreeMap::new();
    for m in macros {
        last.insert(m.name.clone(), m);
    }
    let macros: Vec<Macro> = last.into_values().collect();
    let ask = |declaration: &dyn Fn(usize, &Macro) -> Option<String>| {
        let mut text = wrapper.to_owned();
        let first = text.lines().count();
        // Three lines each, so that a message's line tells which macro it is about.
        for (i, m) in macros.iter().enumerate() {
            let guard = if m.is_enumerator() {
                "1".into()
            } else {
                format!("defined({})", m.name)
            };
            text += &format!(
                "#if {guard}\n{}\n#endif\n",
                declaration(i, m).unwrap_or_default()
            );
        }
        (text, first)
    };
    let failed = |tu: &TranslationUnit<'_>, first: usize| -> HashSet<usize> {
        tu.get_diagnostics()
            .iter()
            .filter(|d| d.get_severity() >= Severity::Error)
            .filter_map(|d| {
                let at = d.get_location().get_expansion_location();
                (at.line as usize)
                    .checked_sub(first + 1)
                    .map(|line| line / 3)
            })
            .collect()
    };
    let is_value = |m: &Macro| !m.body.is_empty();

    // Which are expressions, and which are still defined.
    let (text, first) =
        ask(&|i, m| is_value(m).then(|| format!("__typeof__({0}) xen_v_{i} = ({0});", m.name)));
    let tu = parse(index, view, &text, unsaved)?;
    let bad = failed(&tu, first);
    let mut declared: HashMap<usize, Entity<'_>> = HashMap::new();
    let children = tu.get_entity().get_children();
    for entity in &children {
        if entity.get_kind() == EntityKind::VarDecl {
            let name = entity.get_name().unwrap_or_default();
            if let Some(i) = name.strip_prefix("xen_v_").and_then(|n| n.parse().ok()) {
                declared.insert(i, *entity);
            }
        }
    }
    // Strings are read through a pointer, which libclang evaluates in every version.
    let is_string = |entity: &Entity<'_>| {
        entity
            .get_type()
            .is_some_and(|t| is_array(t.get_canonical_type()))
    };
    let strings: HashSet<usize> = declared
        .iter()
        .filter(|(i, e)| !bad.contains(i) && is_string(e))
        .map(|(i, _)| *i)
        .collect();
    // Addresses become integers as wide as they are.
    let pointers: HashSet<usize> = declared
        .iter()
        .filter(|(i, e)| !bad.contains(i) && e.get_type().is_some_and(|t| is_pointer(t)))
        .map(|(i, _)| *i)
        .collect();
    let rest: HashSet<usize> = bad.iter().copied().filter(|i| *i < macros.len()).collect();
    let (text2, _) = ask(&|i, m| {
        if strings.contains(&i) {
            Some(format!("const char *xen_s_{i} = {};", m.name))
        } else if pointers.contains(&i) {
            Some(format!(
                "unsigned long xen_p_{i} = (unsigned long)({});",
                m.name
            ))
        } else if rest.contains(&i) {
            Some(format!(
                "typedef {0} xen_t_{i}; typedef struct {0} xen_r_{i};",
                m.name
            ))
        } else {
            None
        }
    });
    let tu2 = parse(index, view, &text2, unsaved)?;
    let mut second: HashMap<usize, (String, Entity<'_>)> = HashMap::new();
    let children2 = tu2.get_entity().get_children();
    for entity in &children2 {
        let name = entity.get_name().unwrap_or_default();
        let number = ["xen_s_", "xen_t_", "xen_p_", "xen_r_"]
            .iter()
            .find_map(|p| name.strip_prefix(p));
        let Some(i) = number.and_then(|n| n.parse().ok()) else {
            continue;
        };
        // A declaration that clang could not read has a type without a size, or is taken for `int`.
        let wanted = match entity.get_kind() {
            EntityKind::VarDecl => name.starts_with("xen_s_") || name.starts_with("xen_p_"),
            EntityKind::TypedefDecl => entity.get_typedef_underlying_type().is_some_and(|t| {
                t.get_canonical_type().get_sizeof().is_ok()
                    && t.get_kind() != TypeKind::Int
                    && record_declaration(t).is_none_or(|d| walk.place(d).is_some())
            }),
            _ => false,
        };
        // clang reads a bare tag as the struct of that tag, with an error; the tag is what C accepts.
        if wanted && name.starts_with("xen_r_") {
            second.insert(i, (name, *entity));
        } else if wanted {
            second.entry(i).or_insert((name, *entity));
        }
    }

    let mut no_values = Vec::new();
    for (i, m) in macros.iter().enumerate() {
        let place = Place {
            header: m.header.clone(),
            line: m.line,
            column: m.column,
        };
        let constant = |value, c_type: String| {
            Item::Constant(Constant {
                name: m.name.clone(),
                value,
                c_type,
                hex: m
                    .body
                    .iter()
                    .any(|t| t.starts_with("0x") || t.starts_with("0X")),
                enumerator: m.is_enumerator(),
            })
        };
        let undefined = !bad.contains(&i) && !declared.contains_key(&i);
        if is_value(m) && undefined {
            continue;
        } else if !is_value(m) {
            no_values.push(NoValue {
                header: m.header.clone(),
                name: m.name.clone(),
                empty: true,
            });
        } else if strings.contains(&i) {
            let value = second.get(&i).and_then(|(_, e)| e.evaluate());
            let Some(EvaluationResult::String(text)) = value else {
                bail!(
                    "{}: the string `{}` can't be evaluated: {value:?}",
                    m.header,
                    m.name
                );
            };
            let text = text
                .into_string()
                .with_context(|| format!("`{}`", m.name))?;
            walk.push(&place, constant(Value::Str(text), "char []".into()))?;
        } else if !rest.contains(&i) {
            let entity = declared[&i];
            let ty = entity
                .get_type()
                .context("a variable without a type")?
                .get_canonical_type();
            if !ty.is_integer() && !is_pointer(ty) {
                // A compound literal: a value, but none that a constant of C's could hold.
                no_values.push(NoValue {
                    header: m.header.clone(),
                    name: m.name.clone(),
                    empty: false,
                });
                continue;
            }
            let evaluated = if pointers.contains(&i) {
                second.get(&i).map(|(_, e)| e)
            } else {
                Some(&entity)
            };
            let value = match evaluated.and_then(Entity::evaluate) {
                Some(EvaluationResult::SignedInteger(v)) => i128::from(v),
                Some(EvaluationResult::UnsignedInteger(v)) => i128::from(v),
                other => bail!(
                    "{}: the value of `{}` can't be told: {other:?}",
                    m.header,
                    m.name
                ),
            };
            let bits = ty.get_sizeof()? as u64 * 8;
            let signed = ty.is_signed_integer();
            let wrapped = wrap(value, bits, signed);
            let value = Value::Int {
                value: wrapped,
                bits,
                signed,
            };
            walk.push(&place, constant(value, ty.get_display_name()))?;
        } else if let Some((asked, entity)) = second.get(&i) {
            let c = if asked.starts_with("xen_r_") {
                format!("struct {}", m.name)
            } else {
                m.name.clone()
            };
            let ty = entity
                .get_typedef_underlying_type()
                .context("a typedef of nothing")?;
            let size = ty.get_sizeof()? as u64;
            let rust = alias_target(walk, ty).with_context(|| format!("macro `{}`", m.name))?;
            let alias = Alias {
                name: m.name.clone(),
                c,
                ty: rust,
                size,
            };
            walk.push(&place, Item::Alias(alias))?;
        } else {
            no_values.push(NoValue {
                header: m.header.clone(),
                name: m.name.clone(),
                empty: false,
            });
        }
    }
    Ok(no_values)
}

/// The type that a macro names. The second pass has entities of its own, so records are found by name.
fn alias_target(walk: &mut Walk<'_>, ty: Type<'_>) -> Result<Ty> {
    let canonical = ty.get_canonical_type();
    if let Some(declaration) = record_declaration(canonical) {
        let (name, _) = own_name(declaration).context("a macro that names an anonymous type")?;
        let place = walk
            .place(declaration)
            .context("a type from outside the headers")?;
        return Ok(Ty::Record(Path {
            header: place.header,
            name,
        }));
    }
    let pointer = walk.view.abi.pointer() * 8;
    Ok(match canonical.get_kind() {
        TypeKind::Pointer => Ty::Pointer,
        kind if canonical.is_integer() => {
            let bits = canonical.get_sizeof()? as u64 * 8;
            let char = matches!(kind, TypeKind::CharS | TypeKind::CharU);
            debug_assert!(bits <= 64 && pointer <= 64);
            Ty::Int {
                bits,
                signed: !char && canonical.is_signed_integer(),
            }
        }
        other => bail!(
            "`{}` ({other:?}) can't be represented",
            ty.get_display_name()
        ),
    })
}

fn wrap(value: i128, bits: u64, signed: bool) -> i128 {
    let modulus = 1i128 << bits;
    let low = value.rem_euclid(modulus);
    if signed && low >= modulus / 2 {
        low - modulus
    } else {
        low
    }
}

fn is_identifier(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn is_pointer(ty: Type<'_>) -> bool {
    ty.get_canonical_type().get_kind() == TypeKind::Pointer
}

fn is_array(ty: Type<'_>) -> bool {
    matches!(
        ty.get_canonical_type().get_kind(),
        TypeKind::ConstantArray | TypeKind::IncompleteArray
    )
}

/// The name that C gives a record or enum, and how C spells the type: by tag, or by the typedef that is
/// an untagged declaration's only name.
fn own_name(entity: Entity<'_>) -> Option<(String, String)> {
    let usr = entity.get_usr().map(|u| u.0).unwrap_or_default();
    let (keyword, mark) = match entity.get_kind() {
        EntityKind::StructDecl => ("struct", "@SA@"),
        EntityKind::UnionDecl => ("union", "@UA@"),
        EntityKind::EnumDecl => ("enum", "@EA@"),
        _ => return None,
    };
    if let Some((_, name)) = usr.rsplit_once(mark) {
        return is_identifier(name).then(|| (name.to_owned(), name.to_owned()));
    }
    let name = entity.get_name().filter(|n| is_identifier(n))?;
    let c = format!("{keyword} {name}");
    Some((name, c))
}

/// The record that a type is, behind typedefs.
fn record_declaration(ty: Type<'_>) -> Option<Entity<'_>> {
    let canonical = ty.get_canonical_type();
    (canonical.get_kind() == TypeKind::Record).then(|| canonical.get_declaration())?
}

/// Whether a typedef of this name and type gives a record or enum the name it has anyway.
fn names_itself(underlying: Type<'_>, name: &str) -> bool {
    let canonical = underlying.get_canonical_type();
    matches!(canonical.get_kind(), TypeKind::Record | TypeKind::Enum)
        && canonical
            .get_declaration()
            .and_then(own_name)
            .is_some_and(|(own, _)| own == name)
}

/// The first member with a name in a nameless record.
fn first_leaf(ty: Type<'_>) -> Option<String> {
    for field in ty.get_canonical_type().get_fields()? {
        if let Some(name) = field.get_name().filter(|n| is_identifier(n)) {
            return Some(name);
        }
        if let Some(leaf) = field.get_type().and_then(first_leaf) {
            return Some(leaf);
        }
    }
    None
}
