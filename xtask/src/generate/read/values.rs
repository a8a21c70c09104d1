//! The second pass: what every macro and enumerator is worth.
//!
//! The compiler is asked through declarations that follow the headers, three lines a macro (guard,
//! declaration, end), so that the line of a message tells which macro it is about. A first unit finds
//! which macros are still defined, which are expressions and of what type; a second one asks for strings
//! and addresses in the form that libclang can evaluate, and whether the rest names types.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::{Context, Result, bail};
use clang::diagnostic::Severity;
use clang::{
    Entity, EntityKind, EvaluationResult, Index, TranslationUnit, Type, TypeKind, Unsaved,
};

use super::names::{is_array, is_pointer, own_name, record_declaration};
use super::walk::{Macro, Place, Walk};
use super::{Alias, Constant, Item, NoValue, Path, Ty, Value, parse};
use crate::headers::View;

/// What the first unit says a macro is.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Undefined,
    Empty,
    Integer,
    Text,
    Address,
    /// An expression of another type, such as a compound literal.
    Other,
    /// No expression: a type, or nothing that stands alone.
    NoExpression,
}

/// Evaluates the macros, adds what they are to the walk's items, and returns those without a value.
pub(super) fn values(
    index: &Index<'_>,
    view: &View,
    wrapper: &str,
    unsaved: &[Unsaved],
    walk: &mut Walk<'_>,
    macros: Vec<Macro>,
) -> Result<Vec<NoValue>> {
    // The last definition of a name counts.
    let last: BTreeMap<String, Macro> = macros.into_iter().map(|m| (m.name.clone(), m)).collect();
    let macros: Vec<Macro> = last.into_values().collect();

    let first = ask(wrapper, &macros, |i, m| {
        Some(match m.body.as_slice() {
            [] => format!("int xen_v_{i};"),
            _ => format!("__typeof__({0}) xen_v_{i} = ({0});", m.name),
        })
    });
    let first = parse(index, view, &first, unsaved)?;
    let refused = refused(&first, wrapper.lines().count());
    let children = first.get_entity().get_children();
    let variables = numbered(&children, &["xen_v_"]);
    let kinds: Vec<Kind> = macros
        .iter()
        .enumerate()
        .map(|(i, m)| {
            let ty = variables.get(&i).and_then(|(_, entity)| entity.get_type());
            match ty.map(|t| t.get_canonical_type()) {
                _ if refused.contains(&i) => Kind::NoExpression,
                None => Kind::Undefined,
                Some(_) if m.body.is_empty() => Kind::Empty,
                Some(ty) if is_array(ty) => Kind::Text,
                Some(ty) if is_pointer(ty) => Kind::Address,
                Some(ty) if ty.is_integer() => Kind::Integer,
                Some(_) => Kind::Other,
            }
        })
        .collect();

    let second = ask(wrapper, &macros, |i, m| match kinds[i] {
        // Every version of libclang evaluates a string that is reached through a pointer.
        Kind::Text => Some(format!("const char *xen_s_{i} = {};", m.name)),
        Kind::Address => Some(format!(
            "unsigned long xen_p_{i} = (unsigned long)({});",
            m.name
        )),
        Kind::NoExpression => Some(format!(
            "typedef {0} xen_t_{i}; typedef struct {0} xen_r_{i};",
            m.name
        )),
        Kind::Undefined | Kind::Empty | Kind::Integer | Kind::Other => None,
    });
    let second = parse(index, view, &second, unsaved)?;
    let children = second.get_entity().get_children();
    let converted = numbered(&children, &["xen_s_", "xen_p_"]);
    let types: Vec<Entity<'_>> = children
        .iter()
        .copied()
        .filter(|e| names_type(walk, *e))
        .collect();
    // clang reads a bare tag as the struct of that tag, with an error; the tag is what C accepts, so it
    // comes last and counts.
    let types = numbered(&types, &["xen_t_", "xen_r_"]);

    let mut no_values = Vec::new();
    for (i, m) in macros.iter().enumerate() {
        let item = match kinds[i] {
            Kind::Undefined => continue,
            Kind::Empty | Kind::Other => None,
            Kind::Integer | Kind::Address => {
                let declared = variables.get(&i).context("a value without a variable")?.1;
                let asked = converted.get(&i).map_or(declared, |(_, entity)| *entity);
                Some(integer(m, declared, asked)?)
            }
            Kind::Text => Some(text(m, converted.get(&i).map(|(_, entity)| *entity))?),
            Kind::NoExpression => match types.get(&i) {
                Some((name, entity)) => Some(
                    alias(walk, m, *entity, name.starts_with("xen_r_"))
                        .with_context(|| format!("macro `{}`", m.name))?,
                ),
                None => None,
            },
        };
        match item {
            Some(item) => {
                let place = Place {
                    header: m.header.clone(),
                    line: m.line,
                    column: m.column,
                };
                walk.push(&place, item)?;
            }
            None => no_values.push(NoValue {
                header: m.header.clone(),
                name: m.name.clone(),
                empty: kinds[i] == Kind::Empty,
            }),
        }
    }
    Ok(no_values)
}

/// The wrapper followed by a declaration a macro.
fn ask(
    wrapper: &str,
    macros: &[Macro],
    declare: impl Fn(usize, &Macro) -> Option<String>,
) -> String {
    let mut text = wrapper.to_owned();
    for (i, m) in macros.iter().enumerate() {
        let guard = match m.is_enumerator() {
            true => "1".to_owned(),
            false => format!("defined({})", m.name),
        };
        text += &format!(
            "#if {guard}\n{}\n#endif\n",
            declare(i, m).unwrap_or_default()
        );
    }
    text
}

/// The macros whose lines clang has an error for.
fn refused(tu: &TranslationUnit<'_>, wrapper_lines: usize) -> HashSet<usize> {
    tu.get_diagnostics()
        .iter()
        .filter(|d| d.get_severity() >= Severity::Error)
        .filter_map(|d| {
            let line = d.get_location().get_expansion_location().line as usize;
            line.checked_sub(wrapper_lines + 1).map(|line| line / 3)
        })
        .collect()
}

/// The declarations that carry one of the prefixes and a number, by number; the last one counts.
fn numbered<'e>(
    entities: &[Entity<'e>],
    prefixes: &[&str],
) -> HashMap<usize, (String, Entity<'e>)> {
    let mut found = HashMap::new();
    for entity in entities {
        let name = entity.get_name().unwrap_or_default();
        let number = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix));
        if let Some(number) = number.and_then(|n| n.parse().ok()) {
            found.insert(number, (name, *entity));
        }
    }
    found
}

/// Whether a typedef is of a type of the headers. One that clang could not read has a type without a
/// size, or one that the declaration itself made, or is taken for `int`.
fn names_type(walk: &Walk<'_>, entity: Entity<'_>) -> bool {
    entity.get_kind() == EntityKind::TypedefDecl
        && entity.get_typedef_underlying_type().is_some_and(|ty| {
            ty.get_canonical_type().get_sizeof().is_ok()
                && ty.get_kind() != TypeKind::Int
                && record_declaration(ty).is_none_or(|d| walk.place(d).is_some())
        })
}

fn constant(m: &Macro, value: Value, c_type: String) -> Item {
    let hex = |token: &String| token.starts_with("0x") || token.starts_with("0X");
    Item::Constant(Constant {
        name: m.name.clone(),
        value,
        c_type,
        hex: m.body.iter().any(hex),
        enumerator: m.is_enumerator(),
    })
}

/// The value of `asked`, with the type of `declared`.
fn integer(m: &Macro, declared: Entity<'_>, asked: Entity<'_>) -> Result<Item> {
    let ty = declared
        .get_type()
        .context("a variable without a type")?
        .get_canonical_type();
    let value = match asked.evaluate() {
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
    let value = Value::Int {
        value: wrap(value, bits, signed),
        bits,
        signed,
    };
    Ok(constant(m, value, ty.get_display_name()))
}

fn text(m: &Macro, asked: Option<Entity<'_>>) -> Result<Item> {
    let value = asked.and_then(|entity| entity.evaluate());
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
    Ok(constant(m, Value::Str(text), "char []".into()))
}

fn alias(walk: &Walk<'_>, m: &Macro, entity: Entity<'_>, tag: bool) -> Result<Item> {
    let ty = entity
        .get_typedef_underlying_type()
        .context("a typedef of nothing")?;
    Ok(Item::Alias(Alias {
        name: m.name.clone(),
        c: if tag {
            format!("struct {}", m.name)
        } else {
            m.name.clone()
        },
        ty: alias_target(walk, ty)?,
        size: ty.get_sizeof()? as u64,
    }))
}

/// The type that a macro names. The second pass has entities of its own, so records are found by name.
fn alias_target(walk: &Walk<'_>, ty: Type<'_>) -> Result<Ty> {
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
    Ok(match canonical.get_kind() {
        TypeKind::Pointer => Ty::Pointer,
        // `char` has no sign that all ABIs share.
        TypeKind::CharS | TypeKind::CharU => Ty::Int {
            bits: 8,
            signed: false,
        },
        _ if canonical.is_integer() => Ty::Int {
            bits: canonical.get_sizeof()? as u64 * 8,
            signed: canonical.is_signed_integer(),
        },
        other => bail!(
            "`{}` ({other:?}) can't be represented",
            ty.get_display_name()
        ),
    })
}

/// The value that an integer of that width and sign has after an assignment.
fn wrap(value: i128, bits: u64, signed: bool) -> i128 {
    let modulus = 1i128 << bits;
    let low = value.rem_euclid(modulus);
    if signed && low >= modulus / 2 {
        low - modulus
    } else {
        low
    }
}
