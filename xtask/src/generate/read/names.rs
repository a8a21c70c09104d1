//! How C names a declaration, if it does.

use clang::{Entity, EntityKind, Type, TypeKind};

pub(super) fn is_identifier(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

pub(super) fn is_pointer(ty: Type<'_>) -> bool {
    ty.get_canonical_type().get_kind() == TypeKind::Pointer
}

pub(super) fn is_array(ty: Type<'_>) -> bool {
    matches!(
        ty.get_canonical_type().get_kind(),
        TypeKind::ConstantArray | TypeKind::IncompleteArray
    )
}

/// The name that C gives a record or enum, and how C spells the type: by tag, or by the typedef that is
/// an untagged declaration's only name.
pub(super) fn own_name(entity: Entity<'_>) -> Option<(String, String)> {
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
pub(super) fn record_declaration(ty: Type<'_>) -> Option<Entity<'_>> {
    let canonical = ty.get_canonical_type();
    (canonical.get_kind() == TypeKind::Record).then(|| canonical.get_declaration())?
}

/// Whether a typedef of this name and type gives a record or enum the name it has anyway.
pub(super) fn names_itself(underlying: Type<'_>, name: &str) -> bool {
    let canonical = underlying.get_canonical_type();
    matches!(canonical.get_kind(), TypeKind::Record | TypeKind::Enum)
        && canonical
            .get_declaration()
            .and_then(own_name)
            .is_some_and(|(own, _)| own == name)
}

/// The first member with a name in a nameless record.
pub(super) fn first_leaf(ty: Type<'_>) -> Option<String> {
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
