//! Types, fields, enumerators and functions from libclang, and the C type of each macro that has a value.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::{Context, Result, bail};
use clang::diagnostic::Severity;
use clang::{
    Clang, Entity, EntityKind, EvaluationResult, Index, TranslationUnit, Type, TypeKind, Unsaved,
};

use super::item::{Item, Kind, Shape, Void};
use super::preprocess::Macros;
use crate::headers::{View, public_path};

const MAIN: &str = "coverage.c";
/// Begins the names of the variables that ask for a macro's type.
const ASK: &str = "xen_coverage_";

/// All items of a view, given its macros.
pub(super) fn items(
    clang: &Clang,
    view: &View,
    wrapper: &str,
    macros: Macros,
) -> Result<Vec<Item>> {
    // One line for each macro with a body, so that a message's line tells the macro.
    let asked: Vec<&String> = macros
        .objects
        .iter()
        .filter(|(_, m)| m.expansion.is_some() && !m.is_empty())
        .map(|(name, _)| name)
        .collect();
    let first = wrapper.lines().count();
    let mut text = wrapper.to_owned();
    for (i, name) in asked.iter().enumerate() {
        text += &format!("__typeof__({name}) {ASK}{i} = ({name});\n");
    }

    let index = Index::new(clang, false, false);
    let tu = parse(&index, view, &text)?;
    let mut failed = HashSet::new();
    for diagnostic in tu.get_diagnostics() {
        if diagnostic.get_severity() < Severity::Error {
            continue;
        }
        let at = diagnostic.get_location().get_expansion_location();
        match (at.line as usize).checked_sub(first + 1) {
            Some(i) if at.file.is_some_and(|f| f.get_path().ends_with(MAIN)) => {
                failed.insert(i);
            }
            _ => bail!(
                "clang does not accept the headers: {}",
                diagnostic.formatter().format()
            ),
        }
    }

    let mut walk = Walk {
        public: view
            .release
            .include_dir()
            .join("public")
            .to_string_lossy()
            .into_owned(),
        pointer: view.abi.pointer(),
        items: BTreeMap::new(),
        forward: BTreeMap::new(),
        named: HashSet::new(),
    };
    for entity in tu.get_entity().get_children() {
        walk.declaration(entity)?;
    }
    let forward = std::mem::take(&mut walk.forward);
    for (name, header) in forward {
        if !walk.items.contains_key(&(Kind::Type, name.clone())) {
            walk.add(Kind::Type, &header, &name, Shape::Name, "incomplete".into())?;
        }
    }
    let types = walk.values(&tu, &failed);
    let mut items: Vec<Item> = walk.items.into_values().collect();

    let numbers: HashMap<&String, usize> = asked.iter().enumerate().map(|(i, n)| (*n, i)).collect();
    for (name, object) in &macros.objects {
        let value = numbers.get(name).and_then(|i| types.get(i));
        let void = match &object.expansion {
            None => Some(Void::Undefined),
            Some(_) if object.is_empty() => Some(Void::Empty),
            Some(_) => None,
        };
        items.push(Item {
            kind: Kind::Object,
            header: object.header.clone(),
            name: name.clone(),
            shape: value.map_or(Shape::Name, |v| Shape::Value(v.ty.clone())),
            void,
            fact: match value {
                Some(Value {
                    ty,
                    number: Some(number),
                }) => format!("{ty} {number}"),
                _ => format!("{:?}", object.expansion),
            },
        });
    }
    for (header, name) in macros.functions {
        items.push(Item {
            kind: Kind::FunctionMacro,
            header,
            name,
            shape: Shape::Name,
            void: None,
            fact: String::new(),
        });
    }
    Ok(items)
}

/// The value of a macro.
struct Value {
    /// Its Rust type.
    ty: String,
    /// The number, if it is one.
    number: Option<String>,
}

fn parse<'i>(index: &'i Index<'i>, view: &View, text: &str) -> Result<TranslationUnit<'i>> {
    let mut arguments = view.clang_args();
    arguments.push("-ferror-limit=0".into());
    index
        .parser(MAIN)
        .arguments(&arguments)
        .unsaved(&[Unsaved::new(MAIN, text)])
        .parse()
        .with_context(|| format!("libclang failed with `{}`", arguments.join(" ")))
}

struct Walk<'tu> {
    public: String,
    pointer: u64,
    items: BTreeMap<(Kind, String), Item>,
    /// Tags that are declared, with the header.
    forward: BTreeMap<String, String>,
    /// Records whose fields have been listed.
    named: HashSet<Entity<'tu>>,
}

impl<'tu> Walk<'tu> {
    fn header(&self, entity: Entity<'_>) -> Option<String> {
        let file = entity.get_location()?.get_expansion_location().file?;
        public_path(&self.public, &file.get_path().to_string_lossy())
    }

    fn add(
        &mut self,
        kind: Kind,
        header: &str,
        name: &str,
        shape: Shape,
        fact: String,
    ) -> Result<()> {
        let item = Item {
            kind,
            header: header.to_owned(),
            name: name.to_owned(),
            shape,
            void: None,
            fact,
        };
        let key = (kind, name.to_owned());
        match self.items.get(&key) {
            None => {
                self.items.insert(key, item);
            }
            Some(old) if old.fact == item.fact => {}
            Some(old) => bail!("`{name}` is two different things: {old:?} and {item:?}"),
        }
        Ok(())
    }

    fn declaration(&mut self, entity: Entity<'tu>) -> Result<()> {
        let Some(header) = self.header(entity) else {
            return Ok(());
        };
        match entity.get_kind() {
            EntityKind::StructDecl | EntityKind::UnionDecl => {
                // Those without a tag are named by their typedef or the member that has their type.
                let Some(tag) = tag(entity) else {
                    return Ok(());
                };
                if entity.is_definition() {
                    let ty = entity.get_type().context("a record without a type")?;
                    self.add(
                        Kind::Type,
                        &header,
                        &tag,
                        Shape::Name,
                        named_fact(&tag, ty)?,
                    )?;
                    self.record(&header, &tag, ty)?;
                } else {
                    self.forward.entry(tag).or_insert(header);
                }
            }
            EntityKind::EnumDecl => {
                if let Some(tag) = tag(entity).filter(|_| entity.is_definition()) {
                    let ty = entity.get_type().context("an enum without a type")?;
                    self.add(Kind::Type, &header, &tag, Shape::Name, fact(ty)?)?;
                }
                for child in entity.get_children() {
                    self.enumerator(child, &header)?;
                }
            }
            EntityKind::TypedefDecl => {
                let name = entity.get_name().context("a typedef without a name")?;
                let ty = entity
                    .get_typedef_underlying_type()
                    .context("a typedef of nothing")?;
                let fact = named_fact(&name, ty)?;
                self.add(Kind::Type, &header, &name, Shape::Name, fact)?;
                if record(ty).is_some_and(|declaration| tag(declaration).is_none()) {
                    self.record(&header, &name, ty)?;
                }
            }
            EntityKind::FunctionDecl => {
                let name = entity.get_name().context("a function without a name")?;
                let ty = entity.get_type().context("a function without a type")?;
                self.add(
                    Kind::Function,
                    &header,
                    &name,
                    Shape::Name,
                    ty.get_display_name(),
                )?;
            }
            EntityKind::FieldDecl => {}
            other => bail!("{header}: {:?} is a {other:?}", entity.get_name()),
        }
        Ok(())
    }

    fn enumerator(&mut self, entity: Entity<'tu>, parent: &str) -> Result<()> {
        if entity.get_kind() != EntityKind::EnumConstantDecl {
            return Ok(());
        }
        let name = entity.get_name().context("an enumerator without a name")?;
        let (signed, unsigned) = entity
            .get_enum_constant_value()
            .context("an enumerator without a value")?;
        let ty = entity.get_type().context("an enumerator without a type")?;
        let ty = match ty.get_canonical_type().get_kind() {
            TypeKind::Enum => ty
                .get_declaration()
                .and_then(|d| d.get_enum_underlying_type())
                .context("an enum without a type")?,
            _ => ty,
        };
        let header = self.header(entity).unwrap_or_else(|| parent.to_owned());
        let shape = self.rust(ty).map_or(Shape::Name, Shape::Value);
        let fact = format!("{} {signed} {unsigned}", ty.get_display_name());
        self.add(Kind::Enumerator, &header, &name, shape, fact)
    }

    /// Lists the fields of a record under the name that Rust should have for it: C's own, or `Parent_field`
    /// for one that only a member declares; a member without a name goes by its first leaf.
    fn record(&mut self, header: &str, name: &str, ty: Type<'tu>) -> Result<()> {
        let declaration = record(ty).with_context(|| format!("`{name}` is no record"))?;
        let definition = declaration.get_definition().unwrap_or(declaration);
        if !self.named.insert(definition.get_canonical_entity()) {
            return Ok(());
        }
        let whole = fact(ty)?;
        for field in ty.get_canonical_type().get_fields().unwrap_or_default() {
            let ty = field.get_type().context("a field without a type")?;
            let own = field.get_name().filter(|n| is_identifier(n));
            if own.is_none() && field.is_bit_field() {
                continue;
            }
            let leaf = match &own {
                Some(own) => own.clone(),
                None => first_leaf(ty)
                    .with_context(|| format!("a nameless member of `{name}` has no leaf"))?,
            };
            if own.is_some() {
                let of = name.to_owned();
                let field_name = leaf.clone();
                let shape = if field.is_bit_field() {
                    Shape::Bitfield {
                        of,
                        field: field_name,
                    }
                } else {
                    Shape::Field {
                        of,
                        field: field_name,
                    }
                };
                self.add(
                    Kind::Field,
                    header,
                    &format!("{name}.{leaf}"),
                    shape,
                    whole.clone(),
                )?;
            }
            let element = element(ty);
            if record(element).is_some_and(|declaration| tag(declaration).is_none()) {
                // A guest handle is one type, whatever C wraps its pointer in.
                let inner = match name.starts_with("__guest_handle_") {
                    true => name.to_owned(),
                    false => format!("{name}_{leaf}"),
                };
                self.record(header, &inner, element)?;
            }
        }
        for child in definition.get_children() {
            self.declaration(child)?;
        }
        Ok(())
    }

    /// The macros' values, by number.
    fn values(
        &self,
        tu: &'tu TranslationUnit<'tu>,
        failed: &HashSet<usize>,
    ) -> HashMap<usize, Value> {
        let mut values = HashMap::new();
        for entity in tu.get_entity().get_children() {
            let name = entity.get_name().unwrap_or_default();
            let number = name.strip_prefix(ASK).and_then(|n| n.parse().ok());
            let Some(i) = number.filter(|i| !failed.contains(i)) else {
                continue;
            };
            if let Some(ty) = entity.get_type().and_then(|ty| self.rust(ty)) {
                let number = match entity.evaluate() {
                    Some(EvaluationResult::SignedInteger(n)) => Some(n.to_string()),
                    Some(EvaluationResult::UnsignedInteger(n)) => Some(n.to_string()),
                    _ => None,
                };
                values.insert(i, Value { ty, number });
            }
        }
        values
    }

    /// The Rust type of a constant of a C type.
    fn rust(&self, ty: Type<'_>) -> Option<String> {
        let ty = ty.get_canonical_type();
        match ty.get_kind() {
            TypeKind::ConstantArray => Some("&str".into()),
            // Addresses are integers as wide as they are.
            TypeKind::Pointer => Some(format!("u{}", self.pointer * 8)),
            _ if ty.is_integer() => {
                let sign = if ty.is_signed_integer() { 'i' } else { 'u' };
                Some(format!("{sign}{}", ty.get_sizeof().ok()? * 8))
            }
            _ => None,
        }
    }
}

/// What a type is, in a text that does not depend on where it is declared.
fn fact(ty: Type<'_>) -> Result<String> {
    // What C wraps the pointer in differs between interface versions.
    if is_handle(ty) {
        return Ok(format!("handles of {}", ty.get_sizeof()?));
    }
    let canonical = ty.get_canonical_type();
    Ok(match canonical.get_kind() {
        TypeKind::Record => {
            let Ok(size) = canonical.get_sizeof() else {
                return Ok("incomplete".into());
            };
            let mut text = format!("{size}/{} {{", canonical.get_alignof()?);
            for field in canonical.get_fields().unwrap_or_default() {
                let ty = field.get_type().context("a field without a type")?;
                let name = field
                    .get_name()
                    .filter(|n| is_identifier(n))
                    .unwrap_or_default();
                let width = field
                    .get_bit_field_width()
                    .map_or(String::new(), |w| format!(":{w}"));
                let inner = match record(element(ty)) {
                    _ if is_handle(ty) => fact(ty)?,
                    Some(declaration) if tag(declaration).is_none() => {
                        format!("{} {}", fact(element(ty))?, ty.get_sizeof().unwrap_or(0))
                    }
                    _ => plain(ty),
                };
                text += &format!(" {name}{width}@{} {inner};", field.get_offset_of_field()?);
            }
            text + " }"
        }
        TypeKind::Enum => {
            let underlying = canonical
                .get_declaration()
                .and_then(|d| d.get_enum_underlying_type());
            format!(
                "enum {}",
                underlying
                    .context("an enum without a type")?
                    .get_display_name()
            )
        }
        _ => plain(ty),
    })
}

/// What the type of a name is.
fn named_fact(name: &str, ty: Type<'_>) -> Result<String> {
    if name.starts_with("__guest_handle_") {
        return Ok(format!("handle of {}", ty.get_sizeof()?));
    }
    fact(ty)
}

fn is_handle(ty: Type<'_>) -> bool {
    ty.get_display_name().contains("__guest_handle_")
}

/// The spelling of a type without typedefs, and without the places of what has no name.
fn plain(ty: Type<'_>) -> String {
    let mut text = ty.get_canonical_type().get_display_name();
    while let Some(at) = text.find(" at ") {
        let end = text[at..].find(')').map_or(text.len(), |end| at + end);
        text.replace_range(at..end, "");
    }
    text
}

/// The type of an array's elements, or the type itself.
fn element(ty: Type<'_>) -> Type<'_> {
    let mut ty = ty.get_canonical_type();
    while matches!(
        ty.get_kind(),
        TypeKind::ConstantArray | TypeKind::IncompleteArray
    ) {
        match ty.get_element_type() {
            Some(of) => ty = of.get_canonical_type(),
            None => break,
        }
    }
    ty
}

/// The declaration of a record, behind typedefs.
fn record(ty: Type<'_>) -> Option<Entity<'_>> {
    let canonical = ty.get_canonical_type();
    (canonical.get_kind() == TypeKind::Record).then(|| canonical.get_declaration())?
}

/// A record's or enum's name. Newer versions of libclang give an untagged one the name of its typedef,
/// which is the same to us.
fn tag(entity: Entity<'_>) -> Option<String> {
    entity.get_name().filter(|name| is_identifier(name))
}

fn is_identifier(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
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
