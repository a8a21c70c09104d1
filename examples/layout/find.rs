//! Finding names in the layout tables, and names like them.
//!
//! Of each ABI there is one table of guest definitions, from the newest headers, and one of toolstack
//! definitions for each release. A name is looked for in the guest table first; a release that is
//! asked for by name goes before it.

use std::collections::BTreeMap;

use xen_public::layout::{Alias, Constant, Field, Record, Tables};

/// What a name is in one ABI.
#[derive(Clone, Copy)]
pub(crate) enum Item {
    Record(&'static Record),
    Alias(&'static Alias),
    Constant(&'static Constant),
}

impl Item {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Record(record) => record.name,
            Self::Alias(alias) => alias.name,
            Self::Constant(constant) => constant.name,
        }
    }

    pub(crate) fn header(self) -> &'static str {
        match self {
            Self::Record(record) => record.header,
            Self::Alias(alias) => alias.header,
            Self::Constant(constant) => constant.header,
        }
    }
}

/// A name in one ABI, with the table it stands in.
#[derive(Clone, Copy)]
pub(crate) struct Found {
    pub(crate) tables: &'static Tables,
    pub(crate) item: Item,
}

/// A field or bitfield of a name that was asked for, with its place in its record.
pub(crate) struct FieldFound {
    pub(crate) record: Found,
    pub(crate) ty: String,
    pub(crate) offset: String,
    pub(crate) size: String,
}

/// The tables that one run looks into.
pub(crate) struct Catalogue {
    /// For each ABI its tables in the order in which they are asked.
    abis: Vec<(&'static str, Vec<&'static Tables>)>,
    release: &'static str,
}

impl Catalogue {
    /// The guest tables and the toolstack's of `release`, or of the newest release.
    pub(crate) fn new(release: Option<&str>) -> Result<Self, String> {
        let releases = releases();
        let chosen = match release {
            None => releases.last().copied(),
            Some(asked) => releases.iter().copied().find(|known| *known == asked),
        };
        let Some(chosen) = chosen else {
            return Err(format!(
                "no definitions of release `{}`; there are {}",
                release.unwrap_or(""),
                releases.join(", ")
            ));
        };
        let mut abis: Vec<(_, Vec<_>)> = Vec::new();
        for tables in xen_public::layout::all() {
            if tables.toolstack && tables.release != chosen {
                continue;
            }
            let at = match abis.iter().position(|(abi, _)| *abi == tables.abi) {
                Some(at) => at,
                None => {
                    abis.push((tables.abi, Vec::new()));
                    abis.len() - 1
                }
            };
            let list = &mut abis[at].1;
            if tables.toolstack && release.is_some() {
                list.insert(0, tables);
            } else {
                list.push(tables);
            }
        }
        Ok(Self {
            abis,
            release: chosen,
        })
    }

    /// The number of ABIs.
    pub(crate) fn abis(&self) -> usize {
        self.abis.len()
    }

    /// What a name in C's spelling is, for each ABI in the order of the columns.
    pub(crate) fn look_up(&self, name: &str) -> Vec<(&'static str, Option<Found>)> {
        self.abis
            .iter()
            .map(|(abi, list)| {
                let name = plain_name(abi, name);
                let found = list.iter().find_map(|tables| find(tables, &name));
                (*abi, found)
            })
            .collect()
    }

    /// A name that stands in a table: in that table, or in another one of the same ABI.
    pub(crate) fn resolve(&self, tables: &'static Tables, name: &str) -> Option<Found> {
        find(tables, name).or_else(|| {
            let (_, list) = self.abis.iter().find(|(abi, _)| *abi == tables.abi)?;
            list.iter().find_map(|tables| find(tables, name))
        })
    }

    /// Every record with a field or bitfield of this name, for each ABI.
    pub(crate) fn fields(&self, name: &str) -> Vec<FieldFound> {
        let mut all = Vec::new();
        for tables in self.abis.iter().flat_map(|(_, list)| list) {
            for record in tables.records {
                // A later table's record is hidden if an earlier one has it too.
                let shown = self.resolve_first(tables.abi, record.name);
                if !shown.is_some_and(|shown| std::ptr::eq(shown.tables, *tables)) {
                    continue;
                }
                let found = |ty: &str, offset, size| FieldFound {
                    record: Found {
                        tables,
                        item: Item::Record(record),
                    },
                    ty: ty.to_owned(),
                    offset,
                    size,
                };
                for field in record.fields.iter().filter(|field| is_named(field, name)) {
                    all.push(found(
                        field.ty,
                        field.offset.to_string(),
                        field.size.to_string(),
                    ));
                }
                for bits in record.bitfields.iter().filter(|bits| bits.name == name) {
                    all.push(found("bits", bit_place(bits.bit), bit_size(bits.width)));
                }
            }
        }
        all
    }

    fn resolve_first(&self, abi: &str, name: &str) -> Option<Found> {
        let (_, list) = self.abis.iter().find(|(known, _)| *known == abi)?;
        list.iter().find_map(|tables| find(tables, name))
    }

    /// The releases other than the chosen one whose toolstack definitions have this name.
    pub(crate) fn other_releases(&self, name: &str) -> Vec<&'static str> {
        let mut found: Vec<&str> = xen_public::layout::all()
            .filter(|tables| tables.toolstack && tables.release != self.release)
            .filter(|tables| find(tables, &plain_name(tables.abi, name)).is_some())
            .map(|tables| tables.release)
            .collect();
        found.dedup();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// All names in order, each with what it is in the ABIs that have it.
    pub(crate) fn names(&self) -> BTreeMap<&'static str, Vec<Found>> {
        let mut names: BTreeMap<&str, Vec<Found>> = BTreeMap::new();
        for tables in self.abis.iter().flat_map(|(_, list)| list) {
            for item in items(tables) {
                let found = names.entry(item.name()).or_default();
                if !found.iter().any(|other| other.tables.abi == tables.abi) {
                    found.push(Found { tables, item });
                }
            }
        }
        names
    }

    /// Names that someone who typed `name` may have meant, the likeliest first.
    pub(crate) fn similar(&self, name: &str) -> Vec<&'static str> {
        const MOST: usize = 8;
        let wanted = plain_name("", name).to_lowercase();
        if wanted.is_empty() {
            return Vec::new();
        }
        let reach = (wanted.len() / 4).max(2);
        let mut scored: Vec<(usize, usize, &str)> = self
            .names()
            .into_keys()
            .filter(|known| wanted.contains("handle") || !known.starts_with("__guest_handle"))
            .filter_map(|known| {
                let lower = known.to_lowercase();
                let distance = strsim::damerau_levenshtein(&lower, &wanted);
                let rank = if lower == wanted {
                    0
                } else if distance <= reach {
                    1
                } else if wanted.len() > 2 && lower.contains(&wanted) {
                    2
                } else {
                    return None;
                };
                Some((rank, distance, known))
            })
            .collect();
        scored.sort_unstable();
        scored.truncate(MOST);
        scored.into_iter().map(|(_, _, known)| known).collect()
    }
}

/// The releases with toolstack definitions, oldest first.
fn releases() -> Vec<&'static str> {
    let mut releases: Vec<&str> = xen_public::layout::all()
        .filter(|tables| tables.toolstack)
        .map(|tables| tables.release)
        .collect();
    releases.dedup();
    releases
}

fn items(tables: &'static Tables) -> impl Iterator<Item = Item> {
    let records = tables.records.iter().map(Item::Record);
    let aliases = tables.aliases.iter().map(Item::Alias);
    let constants = tables.constants.iter().map(Item::Constant);
    records.chain(aliases).chain(constants)
}

fn find(tables: &'static Tables, name: &str) -> Option<Found> {
    items(tables)
        .find(|item| item.name() == name)
        .map(|item| Found { tables, item })
}

fn is_named(field: &Field, name: &str) -> bool {
    let in_c = field.c.rsplit('.').next().unwrap_or("");
    field.name == name || !in_c.is_empty() && in_c == name
}

/// Where a bit stands: its byte, and its number in that byte from the lowest.
pub(crate) fn bit_place(bit: usize) -> String {
    format!("{}:{}", bit / 8, bit % 8)
}

/// The width of a bitfield.
pub(crate) fn bit_size(width: usize) -> String {
    format!("{width}b")
}

/// The name that the tables know a C spelling by: without the keyword before a tag, and for a guest
/// handle's macro the type it stands for in that ABI.
fn plain_name(abi: &str, name: &str) -> String {
    let name = name.trim();
    for keyword in ["struct ", "union ", "enum "] {
        if let Some(tag) = name.strip_prefix(keyword) {
            return tag.trim().to_owned();
        }
    }
    let handle = |macro_name: &str| {
        let of = name.strip_prefix(macro_name)?.trim().strip_prefix('(')?;
        Some(of.strip_suffix(')')?.trim())
    };
    let arm = abi.starts_with("arm");
    if let Some(of) = handle("XEN_GUEST_HANDLE_64") {
        let wide = if abi == "x86_64" { "" } else { "64_" };
        return format!("__guest_handle_{wide}{of}");
    }
    if let Some(of) = handle("XEN_GUEST_HANDLE_PARAM") {
        return format!("__guest_handle_{of}");
    }
    if let Some(of) = handle("XEN_GUEST_HANDLE") {
        let wide = if arm { "64_" } else { "" };
        return format!("__guest_handle_{wide}{of}");
    }
    name.to_owned()
}
