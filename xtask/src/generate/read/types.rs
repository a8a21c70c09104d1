//! C's types as the model has them: integers by width, guest handles by target, everything else by name.

use anyhow::{Context, Result, bail};
use clang::{Entity, Type, TypeKind};

use super::names::{is_pointer, names_itself, own_name, record_declaration};
use super::walk::Walk;
use super::{Alias, Item, Path, Ty};

impl<'tu> Walk<'tu> {
    /// A guest handle: a typedef of an anonymous record around one pointer, by the headers' own naming.
    pub(super) fn handle(
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
    pub(super) fn pointer_handle(
        &mut self,
        name: &str,
        underlying: Type<'tu>,
    ) -> Result<Option<Ty>> {
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
    pub(super) fn handle_of(&mut self, pointee: Type<'tu>) -> Result<Ty> {
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
    pub(super) fn ensure(&mut self, declaration: Entity<'tu>) -> Result<()> {
        let Some(definition) = declaration.get_definition() else {
            return Ok(());
        };
        let (Some(place), Some(name)) = (self.place(definition), own_name(definition)) else {
            return Ok(());
        };
        self.record(definition, &place, name)
    }

    pub(super) fn ty(&mut self, ty: Type<'tu>) -> Result<Ty> {
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
}
