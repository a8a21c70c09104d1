//! What a toolstack sees and a guest does not, with every type that it needs.

use std::collections::BTreeSet;

use super::model::{Item, Path, Ty, Unit};

/// The part of `tools` that is not the same in `guest`, closed over the types it mentions.
pub fn toolstack(guest: &Unit, tools: &Unit) -> Unit {
    let mut wanted: BTreeSet<(bool, Path)> = BTreeSet::new();
    let mut open: Vec<&Item> = Vec::new();
    for (header, items) in &tools.headers {
        let known = guest.headers.get(header).map_or(&[][..], Vec::as_slice);
        for item in items {
            if !known.contains(item) {
                let path = Path {
                    header: header.clone(),
                    name: item.name().to_owned(),
                };
                if wanted.insert((item.is_type(), path)) {
                    open.push(item);
                }
            }
        }
    }
    while let Some(item) = open.pop() {
        let mut needed = Vec::new();
        match item {
            Item::Record(record) => {
                record
                    .members
                    .iter()
                    .for_each(|m| m.ty.paths(true, &mut needed));
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
            Item::Alias(alias) => alias.ty.paths(true, &mut needed),
            Item::Constant(_) => {}
        }
        for path in needed {
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

/// The types that a type mentions, for tests and inventories.
pub fn mentioned(ty: &Ty) -> Vec<Path> {
    let mut paths = Vec::new();
    ty.paths(true, &mut paths);
    paths.into_iter().cloned().collect()
}
