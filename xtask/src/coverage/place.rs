//! Where in the crate each item of the headers should be.
//!
//! What a guest sees is in `abi`, as the newest release declares it; what only a toolstack sees is in that
//! release's `toolstack`; what the headers give only to readers of an older interface version is in the
//! `compat` module of the version that ended it. A name that an older release shows to guests counts as
//! there if the newest release still has it in any of these: the guest ABI is backward compatible, and where
//! the declaration has changed since, the tables say so.

use std::collections::{BTreeSet, HashMap};

use super::function_macros::{self, Fate};
use super::inventory::Inventory;
use super::item::{Item, Kind, Shape};
use super::probe::{module, question};
use crate::headers::{Abi, Mode, NEWEST, Release, View};

/// The inventories of all views.
pub type Stock = HashMap<View, Inventory>;

/// An item of a view and the lines that ask for it.
pub struct Asked<'a> {
    /// The view.
    pub view: View,
    /// The item.
    pub item: &'a Item,
    /// It is in the crate if one of these lines compiles.
    pub lines: Vec<String>,
    /// Whether the crate has it as the newest release declares it, which is another way.
    pub changed: bool,
}

/// The lines that ask for what the interface versions of one ABI switch, by kind and name: each in its
/// newest form.
pub type Switched = HashMap<(Kind, String), String>;

/// The questions about what the headers switch by interface version, for one ABI.
///
/// # Panics
/// The stock lacks the newest guest view.
pub fn older<'a>(stock: &'a Stock, abi: Abi) -> (Vec<Asked<'a>>, Switched) {
    let newest = View::new(NEWEST, abi, Mode::Guest);
    let mut versions: Vec<u32> = stock
        .keys()
        .filter(|view| view.abi == abi && view.release == NEWEST)
        .filter_map(|view| view.interface)
        .collect();
    versions.sort_unstable();
    let mut asked = Vec::new();
    let mut switched = Switched::new();
    // From the newest to the oldest: what differs from the next version is what the gate between switches.
    let mut later = &stock[&newest];
    for version in versions.into_iter().rev() {
        let view = View {
            interface: Some(version),
            ..newest
        };
        let root = format!("{}::compat::before_{:#010x}", guest_root(abi), version + 1);
        for item in &stock[&view].items {
            // Their list tells on which conditions the headers have them.
            if matches!(item.kind, Kind::FunctionMacro | Kind::Function) {
                continue;
            }
            let same = |other: &Item| other.fact == item.fact;
            if later.get(item.kind, &item.name).is_some_and(same) {
                continue;
            }
            let line = ask(&root, item);
            let key = (item.kind, item.name.clone());
            switched.entry(key).or_insert_with(|| line.clone());
            asked.push(Asked {
                view,
                item,
                lines: vec![line],
                changed: false,
            });
        }
        later = &stock[&view];
    }
    (asked, switched)
}

/// The interface versions that the headers of a view compare with, on the lines of a text.
pub fn compared(text: &str) -> BTreeSet<u32> {
    let mut versions = BTreeSet::new();
    for line in text.lines().filter(|l| l.trim_start().starts_with('#')) {
        for rest in line.split("__XEN_INTERFACE_VERSION__").skip(1) {
            let compared = rest.trim_start().strip_prefix(['<', '>', '=', '!']);
            let digits = compared.map(|c| c.trim_start_matches([' ', '=']));
            let Some(hex) = digits.and_then(|d| d.strip_prefix("0x")) else {
                continue;
            };
            let end = hex.find(|c: char| !c.is_ascii_hexdigit());
            versions.extend(u32::from_str_radix(&hex[..end.unwrap_or(hex.len())], 16));
        }
    }
    versions
}

/// The questions about one view.
///
/// # Panics
/// The stock lacks a view that this one is compared with.
pub fn questions<'a>(
    stock: &'a Stock,
    view: View,
    switched: &Switched,
    macros: &function_macros::List,
) -> Vec<Asked<'a>> {
    let guest = |release| &stock[&View::new(release, view.abi, Mode::Guest)];
    let own = guest(view.release);
    let newest = guest(NEWEST);
    let newest_tools = &stock[&View::new(NEWEST, view.abi, Mode::Tools)];
    let asked = |item: &'a Item| {
        let mut changed = false;
        let lines = if item.kind == Kind::FunctionMacro {
            match macros
                .get(&(item.header.clone(), item.name.clone()))
                .map(|m| &m.fate)
            {
                Some(Fate::Done(path)) => vec![there(path)],
                _ => Vec::new(),
            }
        } else if view.mode == Mode::Guest {
            vec![ask(&guest_root(view.abi), item)]
        } else if own
            .get(item.kind, &item.name)
            .is_none_or(|g| g.fact != item.fact)
        {
            vec![ask(&toolstack_root(view.release, view.abi), item)]
        } else if let Some(now) = newest.get(item.kind, &item.name) {
            changed = now.fact != item.fact;
            vec![ask(&guest_root(view.abi), now)]
        } else if let Some(now) = newest_tools.get(item.kind, &item.name) {
            // Taken from guests since.
            changed = now.fact != item.fact;
            vec![ask(&toolstack_root(NEWEST, view.abi), now)]
        } else {
            // Gone since, or for older interface versions only; the toolstack modules of that release may
            // have it for a type of theirs.
            let key = (item.kind, item.name.clone());
            let older = switched.get(&key).cloned();
            let own = [
                ask(&toolstack_root(view.release, view.abi), item),
                ask(&guest_root(view.abi), item),
            ];
            own.into_iter().chain(older).collect()
        };
        Asked {
            view,
            item,
            lines,
            changed,
        }
    };
    stock[&view].items.iter().map(asked).collect()
}

/// The line that asks whether a path exists. `use` reaches nothing inside a type or a trait, so for
/// `Type::function` the type is asked for; [`source`](super::source) knows the function.
pub fn there(path: &str) -> String {
    let outer = path.rsplit_once("::").map_or("", |(outer, _)| outer);
    let last = outer.rsplit("::").next().unwrap_or_default();
    let in_type = last.starts_with(|c: char| c.is_ascii_uppercase());
    format!("use {} as _;", if in_type { outer } else { path })
}

fn ask(root: &str, item: &Item) -> String {
    let name = match &item.shape {
        Shape::Field { of, .. } | Shape::Bitfield { of, .. } => of,
        Shape::Name | Shape::Value(_) => &item.name,
    };
    question(&module(root, &item.header), name, &item.shape)
}

fn guest_root(abi: Abi) -> String {
    format!("xen_public::abi::{}", abi.module())
}

fn toolstack_root(release: Release, abi: Abi) -> String {
    format!(
        "xen_public::toolstack::{}::{}",
        release.module(),
        abi.module()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::RELEASES;

    const ABI: Abi = Abi::X86_64;
    const OLDEST: Release = RELEASES[0];

    fn item(kind: Kind, name: &str, fact: &str) -> Item {
        Item {
            kind,
            header: "xen.h".into(),
            name: name.into(),
            shape: Shape::Name,
            void: None,
            fact: fact.into(),
        }
    }

    /// Types by name and fact.
    type Types<'a> = &'a [(&'a str, &'a str)];

    /// A stock in which each view has these types.
    fn stock(views: &[(Release, Mode, Types<'_>)]) -> Stock {
        let mut stock = Stock::new();
        for (release, mode, types) in views {
            let items = types
                .iter()
                .map(|(name, fact)| item(Kind::Type, name, fact));
            let view = View::new(*release, ABI, *mode);
            stock.insert(view, Inventory::new(view, items.collect()));
        }
        stock
    }

    #[test]
    fn each_item_is_asked_for_where_it_belongs() {
        let guest_now = [("same", "1"), ("changed", "2")];
        let tools_now = [("same", "1"), ("changed", "2"), ("taken", "1")];
        let guest_old = [
            ("same", "1"),
            ("changed", "1"),
            ("taken", "1"),
            ("gone", "1"),
            ("switched", "1"),
        ];
        let tools_old = [
            ("same", "1"),
            ("changed", "1"),
            ("taken", "1"),
            ("gone", "1"),
            ("switched", "1"),
            ("tools", "1"),
        ];
        let stock = stock(&[
            (NEWEST, Mode::Guest, &guest_now),
            (NEWEST, Mode::Tools, &tools_now),
            (OLDEST, Mode::Guest, &guest_old),
            (OLDEST, Mode::Tools, &tools_old),
        ]);
        let line = "use compat::switched as _;".to_owned();
        let switched = Switched::from([((Kind::Type, "switched".to_owned()), line.clone())]);
        let asked = questions(
            &stock,
            View::new(OLDEST, ABI, Mode::Tools),
            &switched,
            &function_macros::List::new(),
        );
        let abi = "use xen_public::abi::x86_64::xen";
        let old = "use xen_public::toolstack::v4_14::x86_64::xen";
        let now = "use xen_public::toolstack::v4_20::x86_64::xen";
        let wanted: [(&str, bool, Vec<String>); 6] = [
            ("same", false, vec![format!("{abi}::same as _;")]),
            ("changed", true, vec![format!("{abi}::changed as _;")]),
            ("taken", false, vec![format!("{now}::taken as _;")]),
            (
                "gone",
                false,
                vec![format!("{old}::gone as _;"), format!("{abi}::gone as _;")],
            ),
            (
                "switched",
                false,
                vec![
                    format!("{old}::switched as _;"),
                    format!("{abi}::switched as _;"),
                    line,
                ],
            ),
            ("tools", false, vec![format!("{old}::tools as _;")]),
        ];
        assert_eq!(asked.len(), wanted.len());
        for (asked, (name, changed, lines)) in asked.iter().zip(wanted) {
            assert_eq!(asked.item.name, name);
            assert_eq!((asked.changed, &asked.lines), (changed, &lines), "{name}");
        }
    }

    #[test]
    fn what_gates_switch_is_asked_for_at_the_gate_that_does() {
        let mut stock = stock(&[(NEWEST, Mode::Guest, &[("now", "1"), ("always", "1")])]);
        let types: [(u32, &[(&str, &str)]); 2] = [
            (0x0003_0203, &[("now", "3"), ("old", "1"), ("always", "1")]),
            (0x0004_06ff, &[("now", "2"), ("old", "1"), ("always", "1")]),
        ];
        for (version, types) in types {
            let view = View {
                interface: Some(version),
                ..View::new(NEWEST, ABI, Mode::Guest)
            };
            let items = types
                .iter()
                .map(|(name, fact)| item(Kind::Type, name, fact));
            stock.insert(view, Inventory::new(view, items.collect()));
        }
        let (asked, switched) = older(&stock, ABI);
        let lines: Vec<&String> = asked.iter().flat_map(|a| &a.lines).collect();
        let compat = "use xen_public::abi::x86_64::compat";
        assert_eq!(
            lines,
            [
                &format!("{compat}::before_0x00040700::xen::now as _;"),
                &format!("{compat}::before_0x00040700::xen::old as _;"),
                &format!("{compat}::before_0x00030204::xen::now as _;"),
            ]
        );
        let now = &switched[&(Kind::Type, "now".to_owned())];
        assert_eq!(now, lines[0], "the newest form");
    }

    #[test]
    fn compared_versions() {
        let text = "#if __XEN_INTERFACE_VERSION__ < 0x00040700\n\
            /* __XEN_INTERFACE_VERSION__ < 0x1 */\n\
            # elif __XEN_INTERFACE_VERSION__>=0x3 && __XEN_INTERFACE_VERSION__ > 0x040600\n\
            #elif !defined(__XEN_INTERFACE_VERSION__)\n\
            #define __XEN_INTERFACE_VERSION__ 0x00000000\n";
        assert_eq!(
            compared(text),
            BTreeSet::from([0x0004_0700, 3, 0x0004_0600])
        );
    }
}
