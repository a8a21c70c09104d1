//! What is the same in several ABIs is one Rust item: defined in the first of them, named in the others.
//!
//! Two records are the same if C lays them out alike and every record they mention is the same too (a
//! guest handle mentions what it points at; a typedef is what it stands for). Sameness is found by
//! starting from all that could be the same and striking out what mentions something that is not, until
//! nothing changes, so that records which mention each other don't stand in each other's way.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Item, Member, Path, Record, Ty, Unit};

/// For each unit, what it takes from an earlier one: the name's path and the place of that unit in the
/// list. A path that is not there is defined in the unit itself.
pub type Owners = Vec<BTreeMap<Path, usize>>;

/// Finds what the units share, each looking at those before it, in their order.
pub fn owners(units: &[Unit]) -> Owners {
    let mut owners: Owners = Vec::new();
    for (index, unit) in units.iter().enumerate() {
        let mut taken = BTreeMap::new();
        for earlier in 0..index {
            let found = shared(
                unit,
                &taken,
                &units[earlier],
                &owners[earlier],
                (index, earlier),
            );
            taken.extend(found);
        }
        owners.push(taken);
    }
    owners
}

/// What `unit` can take from `other` of what it has not taken yet.
fn shared(
    unit: &Unit,
    taken: &BTreeMap<Path, usize>,
    other: &Unit,
    other_taken: &BTreeMap<Path, usize>,
    (index, other_index): (usize, usize),
) -> BTreeMap<Path, usize> {
    let owner_in_other = |path: &Path| other_taken.get(path).copied().unwrap_or(other_index);
    let mut candidates: BTreeSet<Path> = BTreeSet::new();
    for (header, items) in &unit.headers {
        for item in items {
            let path = Path {
                header: header.clone(),
                name: item.name().to_owned(),
            };
            if !taken.contains_key(&path) && !other_taken.contains_key(&path) {
                candidates.insert(path);
            }
        }
    }
    loop {
        let same_record = |path: &Path| {
            let owner = match taken.get(path) {
                Some(owner) => *owner,
                None if candidates.contains(path) => owner_in_other(path),
                None => index,
            };
            owner == owner_in_other(path)
        };
        let stays = |path: &Path| {
            // A name may stand for a type and for a value: `use` takes both or none.
            let mine: Vec<&Item> = named(unit, path).collect();
            let theirs: Vec<&Item> = named(other, path).collect();
            mine.len() == theirs.len()
                && mine
                    .iter()
                    .all(|a| theirs.iter().any(|b| same(unit, a, other, b, &same_record)))
        };
        let struck: Vec<Path> = candidates.iter().filter(|p| !stays(p)).cloned().collect();
        if struck.is_empty() {
            break;
        }
        for path in struck {
            candidates.remove(&path);
        }
    }
    candidates
        .into_iter()
        .map(|path| (path, other_index))
        .collect()
}

fn named<'a>(unit: &'a Unit, path: &'a Path) -> impl Iterator<Item = &'a Item> {
    let items = unit.headers.get(&path.header).into_iter().flatten();
    items.filter(move |item| item.name() == path.name)
}

fn same(unit: &Unit, a: &Item, other: &Unit, b: &Item, record: &dyn Fn(&Path) -> bool) -> bool {
    let ty = |a: &Ty, b: &Ty| same_type(unit, a, other, b, record);
    match (a, b) {
        (Item::Constant(a), Item::Constant(b)) => a == b,
        (Item::Alias(a), Item::Alias(b)) => {
            (&a.name, &a.c, a.size) == (&b.name, &b.c, b.size) && ty(&a.ty, &b.ty)
        }
        (Item::Record(a), Item::Record(b)) => {
            let bare = |r: &Record| Record {
                members: Vec::new(),
                ..r.clone()
            };
            let place = |m: &Member| (m.name.clone(), m.nameless, m.bit, m.size, m.width);
            bare(a) == bare(b)
                && a.members.len() == b.members.len()
                && a.members
                    .iter()
                    .zip(&b.members)
                    .all(|(a, b)| place(a) == place(b) && ty(&a.ty, &b.ty))
        }
        _ => false,
    }
}

fn same_type(unit: &Unit, a: &Ty, other: &Unit, b: &Ty, record: &dyn Fn(&Path) -> bool) -> bool {
    let again = |a: &Ty, b: &Ty| same_type(unit, a, other, b, record);
    match (a.resolved(), b.resolved()) {
        (Ty::Record(a), Ty::Record(b)) => a == b && record(a),
        (Ty::Array(a, n), Ty::Array(b, m)) => n == m && again(a, b),
        (Ty::Flexible(a), Ty::Flexible(b)) => again(a, b),
        (Ty::Handle(n, a), Ty::Handle(m, b)) => n == m && again(a, b),
        (Ty::Pointer, Ty::Pointer) => unit.view.abi.pointer() == other.view.abi.pointer(),
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::headers::{Abi, Mode, NEWEST, View};

    fn path(name: &str) -> Path {
        Path {
            header: "a.h".into(),
            name: name.into(),
        }
    }

    fn record(name: &str, size: u64, ty: Ty) -> Item {
        let member = Member {
            name: "m".into(),
            nameless: false,
            bit: 0,
            size,
            width: None,
            ty,
        };
        Item::Record(Record {
            name: name.into(),
            union: false,
            size,
            align: 4,
            members: vec![member],
            c: format!("struct {name}"),
            named: true,
            base: Vec::new(),
            prefix: String::new(),
        })
    }

    fn unit(abi: Abi, items: Vec<Item>) -> Unit {
        Unit {
            view: View::new(NEWEST, abi, Mode::Guest),
            headers: BTreeMap::from([("a.h".to_owned(), items)]),
            no_values: Vec::new(),
            function_macros: Vec::new(),
            functions: Vec::new(),
        }
    }

    const WORD: Ty = Ty::Int {
        bits: 32,
        signed: false,
    };

    fn handle(name: &str) -> Ty {
        Ty::Handle(8, Box::new(Ty::Record(path(name))))
    }

    #[test]
    fn what_mentions_a_different_record_is_different() {
        let items = |inner: u64| {
            vec![
                record("inner", inner, WORD),
                record("outer", 8, Ty::Record(path("inner"))),
                record("points", 8, handle("outer")),
                record("alone", 4, WORD),
            ]
        };
        let owners = owners(&[unit(Abi::X86_64, items(4)), unit(Abi::Arm64, items(6))]);
        assert_eq!(owners[0], BTreeMap::new());
        assert_eq!(owners[1], BTreeMap::from([(path("alone"), 0)]));
    }

    #[test]
    fn records_that_point_at_each_other_are_shared() {
        let items = || vec![record("a", 8, handle("b")), record("b", 8, handle("a"))];
        let owners = owners(&[unit(Abi::X86_64, items()), unit(Abi::Arm64, items())]);
        assert_eq!(owners[1], BTreeMap::from([(path("a"), 0), (path("b"), 0)]));
    }

    #[test]
    fn pointers_are_the_same_where_they_are_as_wide() {
        let items = || vec![record("a", 8, Ty::Pointer)];
        let units = [Abi::X86_64, Abi::Arm32, Abi::Arm64].map(|abi| unit(abi, items()));
        let owners = owners(&units);
        assert_eq!(owners[1], BTreeMap::new());
        assert_eq!(owners[2], BTreeMap::from([(path("a"), 0)]));
    }

    #[test]
    fn a_third_takes_from_the_first_what_the_second_took() {
        let items = |size| {
            vec![
                record("a", 4, WORD),
                record("b", size, Ty::Record(path("a"))),
            ]
        };
        let units = [
            unit(Abi::X86_64, items(8)),
            unit(Abi::Arm64, items(4)),
            unit(Abi::Arm32, items(4)),
        ];
        let owners = owners(&units);
        assert_eq!(owners[1], BTreeMap::from([(path("a"), 0)]));
        assert_eq!(owners[2], BTreeMap::from([(path("a"), 0), (path("b"), 1)]));
    }

    #[test]
    fn a_name_with_a_type_and_a_value_is_shared_whole_or_not_at_all() {
        let constant = |value| {
            Item::Constant(crate::generate::model::Constant {
                name: "a".into(),
                value: crate::generate::model::Value::Int {
                    value,
                    bits: 32,
                    signed: true,
                },
                c_type: "int".into(),
                hex: false,
                enumerator: false,
            })
        };
        let items = |value| vec![record("a", 4, WORD), constant(value)];
        let units = [
            unit(Abi::X86_64, items(1)),
            unit(Abi::Arm64, items(2)),
            unit(Abi::Arm32, items(1)),
        ];
        let owners = owners(&units);
        assert_eq!(owners[1], BTreeMap::new());
        assert_eq!(owners[2], BTreeMap::from([(path("a"), 0)]));
    }
}
