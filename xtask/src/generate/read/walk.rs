//! The first pass: every declaration of the headers, in their own order.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::{Context, Result, bail};
use clang::{Entity, EntityKind, TranslationUnit, Type, TypeKind};

use super::names::{
    first_leaf, is_array, is_identifier, names_itself, own_name, record_declaration,
};
use super::{Alias, Item, Member, NoValue, Path, Record, Ty, Unit};
use crate::headers::{View, public_path};

/// A macro of the headers, before its value is known.
pub(super) struct Macro {
    pub(super) header: String,
    pub(super) line: u32,
    pub(super) column: u32,
    pub(super) name: String,
    pub(super) body: Vec<String>,
}

impl Macro {
    pub(super) fn is_enumerator(&self) -> bool {
        self.body.first().is_some_and(|t| t == ENUMERATOR)
    }
}

/// Stands for the body of an enumerator, which is asked for its value like a macro.
pub(super) const ENUMERATOR: &str = "<enumerator>";

pub(super) struct Walk<'tu> {
    pub(super) root: String,
    pub(super) view: View,
    /// Records by canonical entity, with the name made for them.
    pub(super) names: HashMap<Entity<'tu>, Path>,
    pub(super) items: BTreeMap<String, Vec<(u32, u32, usize, Item)>>,
    pub(super) function_macros: Vec<(String, String)>,
    pub(super) functions: Vec<(String, String)>,
    pub(super) macros: Vec<Macro>,
    pub(super) done: HashSet<Entity<'tu>>,
    pub(super) sequence: usize,
}

/// Where an entity stands, if in a public header.
pub(super) struct Place {
    pub(super) header: String,
    pub(super) line: u32,
    pub(super) column: u32,
}

/// How C reaches a record.
#[derive(Clone)]
pub(super) struct Reach {
    pub(super) c: String,
    pub(super) named: bool,
    pub(super) base: Vec<(String, String)>,
    pub(super) prefix: String,
}

impl<'tu> Walk<'tu> {
    pub(super) fn new(view: View) -> Self {
        let root = view.release.include_dir().join("public");
        Self {
            root: root.to_string_lossy().into_owned(),
            view,
            names: HashMap::new(),
            items: BTreeMap::new(),
            function_macros: Vec::new(),
            functions: Vec::new(),
            macros: Vec::new(),
            done: HashSet::new(),
            sequence: 0,
        }
    }

    pub(super) fn place(&self, entity: Entity<'_>) -> Option<Place> {
        let location = entity.get_location()?.get_expansion_location();
        let path = location.file?.get_path();
        Some(Place {
            header: public_path(&self.root, &path.to_string_lossy())?,
            line: location.line,
            column: location.column,
        })
    }

    pub(super) fn unit(&mut self, tu: &'tu TranslationUnit<'tu>) -> Result<()> {
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
                EntityKind::VarDecl => bail!(
                    "{}: variable `{}` can't be represented",
                    place.header,
                    entity.get_name().unwrap_or_default()
                ),
                // Records and enums that are declared only, and uses of macros.
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn push(&mut self, place: &Place, item: Item) -> Result<()> {
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

    pub(super) fn enumeration(&mut self, entity: Entity<'tu>, place: &Place) -> Result<()> {
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

    pub(super) fn typedef(&mut self, entity: Entity<'tu>, place: &Place) -> Result<()> {
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
        let ty = self
            .ty(underlying)
            .with_context(|| format!("typedef {name}"))?;
        let size = underlying.get_canonical_type().get_sizeof();
        let size = size.with_context(|| format!("typedef {name}"))? as u64;
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

    pub(super) fn macro_definition(&mut self, entity: Entity<'tu>, place: Place) {
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
    pub(super) fn record(
        &mut self,
        entity: Entity<'tu>,
        place: &Place,
        name: (String, String),
    ) -> Result<()> {
        let (name, c) = name;
        let reach = Reach {
            c,
            named: true,
            base: Vec::new(),
            prefix: String::new(),
        };
        self.record_named(entity, place, name, reach)
    }

    pub(super) fn record_named(
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
    pub(super) fn nested(
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

    pub(super) fn finish(self, no_values: Vec<NoValue>) -> Result<Unit> {
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
