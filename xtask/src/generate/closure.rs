//! What a toolstack sees and a guest does not, with every type that it needs.

use std::collections::BTreeSet;

use super::model::{Item, Path, Unit};

/// The part of `tools` that is not the same in `guest`, with what mentions it, closed over the types it
/// mentions.
pub fn toolstack(guest: &Unit, tools: &Unit) -> Unit {
    let mut wanted: BTreeSet<(bool, Path)> = BTreeSet::new();
    let mut open: Vec<&Item> = Vec::new();
    for (header, item) in items(tools) {
        let known = guest.headers.get(header).map_or(&[][..], Vec::as_slice);
        if !known.contains(item) && wanted.insert(key(header, item)) {
            open.push(item);
        }
    }
    open.extend(spread(tools, &mut wanted));
    while let Some(item) = open.pop() {
        if let Item::Record(record) = item {
            // The table reaches a nameless record through those around it.
            let parents = record.base.iter().map(|(parent, _)| parent);
            for name in parents {
                let header = tools.headers.iter().find(|(_, items)| items.contains(item));
                if let Some((header, _)) = header {
                    let path = Path {
                        header: header.clone(),
                        name: name.clone(),
                    };
                    insert(tools, &path, &mut wanted, &mut open);
                }
            }
        }
        for path in mentioned(item) {
            insert(tools, path, &mut wanted, &mut open);
        }
    }
    let mut unit = tools.clone();
    for (header, items) in &mut unit.headers {
        items.retain(|item| {
            wanted.contains(&(
                item.is_type(),
                Path {
                    header: header.clone(),
                    name: item.name().to_owned(),
                },
            ))
        });
    }
    unit.headers.retain(|_, items| !items.is_empty());
    unit
}

fn insert<'a>(
    tools: &'a Unit,
    path: &Path,
    wanted: &mut BTreeSet<(bool, Path)>,
    open: &mut Vec<&'a Item>,
) {
    if wanted.insert((true, path.clone())) {
        if let Some(item) = tools.type_item(path) {
            open.push(item);
        }
    }
}

/// Adds what holds or names a type that differs: it is another type too, though it reads the same. The
/// items that were added.
pub(super) fn spread<'a>(unit: &'a Unit, differing: &mut BTreeSet<(bool, Path)>) -> Vec<&'a Item> {
    let mut added = Vec::new();
    loop {
        let before = added.len();
        for (header, item) in items(unit) {
            let differs = mentioned(item)
                .into_iter()
                .any(|path| differing.contains(&(true, path.clone())));
            if differs && differing.insert(key(header, item)) {
                added.push(item);
            }
        }
        if added.len() == before {
            return added;
        }
    }
}

fn items(unit: &Unit) -> impl Iterator<Item = (&String, &Item)> {
    let headers = unit.headers.iter();
    headers.flat_map(|(header, items)| items.iter().map(move |item| (header, item)))
}

/// An item's place, and whether it stands among the types.
pub(super) fn key(header: &str, item: &Item) -> (bool, Path) {
    let path = Path {
        header: header.to_owned(),
        name: item.name().to_owned(),
    };
    (item.is_type(), path)
}

/// The types that an item mentions.
fn mentioned(item: &Item) -> Vec<&Path> {
    let mut paths = Vec::new();
    match item {
        Item::Record(record) => {
            for member in &record.members {
                member.ty.paths(true, &mut paths);
            }
        }
        Item::Alias(alias) => alias.ty.paths(true, &mut paths),
        Item::Constant(_) => {}
    }
    paths
}
