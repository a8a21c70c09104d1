//! The verdict on every item once the compiler has answered, and its table.

use std::collections::{BTreeMap, BTreeSet};

use super::function_macros::{self, Fate};
use super::item::{KINDS, Kind};
use super::left_out;
use super::place::{Asked, there};
use super::source::Source;
use crate::headers::{Abi, Mode, Release, View};

/// Numbers of one kind in one view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// In the headers.
    pub headers: usize,
    /// In the crate.
    pub there: usize,
    /// Of those, declared otherwise by the newest release.
    pub changed: usize,
    /// Left out with a reason.
    pub left_out: usize,
    /// Waiting for other work.
    pub waiting: usize,
    /// None of these.
    pub missing: usize,
}

/// The outcome.
#[derive(Debug, Default)]
pub struct Verdict {
    /// The numbers. Those of all older interface versions of a release stand under version 0.
    pub counts: BTreeMap<(Abi, Kind, View), Counts>,
    /// What is missing, with the views that have it.
    pub missing: BTreeMap<String, BTreeSet<View>>,
    /// What is wrong with the lists.
    pub rot: BTreeSet<String>,
    /// The items under each entry of the left-out list: kind, header and name, with the views.
    pub left_out: BTreeMap<usize, BTreeMap<Name, BTreeSet<View>>>,
}

/// Kind, header and name.
pub type Name = (Kind, String, String);

impl Verdict {
    /// Whether nothing is missing and the lists are right.
    pub fn is_good(&self) -> bool {
        self.missing.is_empty() && self.rot.is_empty()
    }
}

/// Judges every item by the lines that failed.
pub fn judge(
    asked: &[Asked<'_>],
    failed: &BTreeMap<String, String>,
    list: &left_out::List,
    macros: &function_macros::List,
) -> Verdict {
    let mut verdict = Verdict::default();
    // By entry and number of the name in it (0 for a rule): the releases that have such an item.
    let mut used: BTreeMap<(usize, usize), BTreeSet<Release>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for Asked {
        view,
        item,
        lines,
        changed,
    } in asked
    {
        let row = View {
            interface: view.interface.map(|_| 0),
            ..*view
        };
        let key = (view.abi, item.kind, row);
        let counts = verdict.counts.entry(key).or_default();
        counts.headers += 1;
        let there = lines.iter().any(|line| !failed.contains_key(line));
        let what = format!("{}: {} `{}`", item.header, one(item.kind), item.name);

        if item.kind == Kind::FunctionMacro {
            let key = (item.header.clone(), item.name.clone());
            let fate = macros.get(&key).map(|m| &m.fate);
            seen.insert(key);
            match fate {
                Some(Fate::Done(_)) if there => counts.there += 1,
                Some(Fate::Waits(_)) => counts.waiting += 1,
                Some(Fate::LeftOut(_)) => counts.left_out += 1,
                other => {
                    counts.missing += 1;
                    let why = match other {
                        Some(Fate::Done(path)) => format!("`{path}` does not exist"),
                        _ => "not in xtask/macros.toml".into(),
                    };
                    verdict
                        .missing
                        .entry(format!("{what}: {why}"))
                        .or_default()
                        .insert(*view);
                }
            }
            continue;
        }

        let entry = list.find(view, item);
        if let Some(number) = entry {
            let entry = &list.left_out[number];
            let name = entry.name_for(item).unwrap_or(0);
            used.entry((number, name)).or_default().insert(view.release);
            let under = verdict.left_out.entry(number).or_default();
            let key = (item.kind, item.header.clone(), item.name.clone());
            under.entry(key).or_default().insert(*view);
            if there {
                verdict.rot.insert(format!(
                    "{what} is in the crate, but stands in left-out.toml"
                ));
            }
            if entry.waits.is_some() {
                counts.waiting += 1;
            } else {
                counts.left_out += 1;
            }
        } else if there {
            counts.there += 1;
            counts.changed += usize::from(*changed);
        } else {
            counts.missing += 1;
            // One that is there as something else is told so.
            let message = lines.first().and_then(|line| failed.get(line));
            let other = message.filter(|m| m.starts_with("mismatched"));
            let why = other.map_or("", |_| ": of another type");
            let what = format!("{what}{why}");
            verdict.missing.entry(what).or_default().insert(*view);
        }
    }

    for (number, entry) in list.left_out.iter().enumerate() {
        let instead = entry.instead.as_ref().map(|path| there(path));
        if instead.is_some_and(|line| failed.contains_key(&line)) {
            verdict.rot.insert(format!(
                "left-out.toml: {}: what Rust should have instead does not exist",
                entry.describe()
            ));
        }
        let names = entry.names.len().max(1);
        for name in 0..names {
            let releases = used.get(&(number, name)).cloned().unwrap_or_default();
            let called = entry
                .names
                .get(name)
                .map_or_else(|| entry.describe(), |n| format!("`{n}`"));
            if releases.is_empty() {
                verdict
                    .rot
                    .insert(format!("left-out.toml: {called} is in no header"));
            } else if entry.releases.is_some() {
                for release in entry.releases() {
                    if !releases.contains(&release) {
                        verdict.rot.insert(format!(
                            "left-out.toml: {called} is in no header of {release}"
                        ));
                    }
                }
            }
        }
    }
    for (key, entry) in macros {
        let (header, name) = key;
        if entry.when.is_none() && !seen.contains(key) {
            verdict
                .rot
                .insert(format!("macros.toml: {name} of {header} is in no header"));
        }
        if entry.when.is_some() && seen.contains(key) {
            verdict.rot.insert(format!(
                "macros.toml: {name} of {header} needs no `when`: the preprocessor sees it"
            ));
        }
    }
    verdict
}

/// What stands for a macro or an inline function without rustdoc's search finding it by the C name, or
/// where the compiler looks no further than the type.
pub fn not_found_by_c_name(
    source: &Source,
    macros: &function_macros::List,
    list: &left_out::List,
    verdict: &Verdict,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for ((header, name), entry) in macros {
        let Fate::Done(path) = &entry.fate else {
            continue;
        };
        if let Some(what) = source.wrong(path, name) {
            wrong.push(format!("macros.toml: {name} of {header}: {what}"));
        }
    }
    for (number, items) in &verdict.left_out {
        let Some(path) = &list.left_out[*number].instead else {
            continue;
        };
        let functions = items.keys().filter(|(kind, ..)| *kind == Kind::Function);
        for (_, header, name) in functions {
            if let Some(what) = source.wrong(path, name) {
                wrong.push(format!("left-out.toml: {name} of {header}: {what}"));
            }
        }
    }
    wrong
}

/// One of a kind.
pub fn one(kind: Kind) -> &'static str {
    match kind {
        Kind::Type => "type",
        Kind::Field => "field",
        Kind::Enumerator => "enum constant",
        Kind::Object => "macro",
        Kind::FunctionMacro => "function-like macro",
        Kind::Function => "inline function",
    }
}

/// The table of one ABI.
pub fn table(verdict: &Verdict, abi: Abi) -> String {
    let mut text = format!(
        "{:<35}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}\n",
        abi.module(),
        "in headers",
        "in crate",
        "(changed)",
        "left out",
        "waiting",
        "missing"
    );
    for kind in KINDS {
        for ((_, _, view), c) in verdict
            .counts
            .iter()
            .filter(|((a, k, _), _)| (*a, *k) == (abi, kind))
        {
            let mode = match view.mode {
                _ if view.interface.is_some() => "older",
                Mode::Guest => "guest",
                Mode::Tools => "tools",
            };
            text += &format!(
                "  {:<21} {} {mode} {:>10}{:>10}{:>10}{:>10}{:>10}{:>10}\n",
                kind, view.release, c.headers, c.there, c.changed, c.left_out, c.waiting, c.missing
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::item::{Item, Shape, Void};
    use super::*;
    use crate::headers::NEWEST;

    const ABI: Abi = Abi::X86_64;

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

    /// Judges these items of one view; those whose lines are `no` have failed.
    fn verdict(items: &[(Item, &str)], list: &str, macros: &str) -> Verdict {
        let view = View::new(NEWEST, ABI, Mode::Guest);
        let asked: Vec<Asked<'_>> = items
            .iter()
            .map(|(item, line)| Asked {
                view,
                item,
                lines: vec![(*line).to_owned()],
                changed: false,
            })
            .collect();
        let no = |line: &str| (line.to_owned(), "not found".to_owned());
        let other = ("other".to_owned(), "mismatched types".to_owned());
        let failed = BTreeMap::from([no("no"), no("use xen_public::no as _;"), other]);
        let list = left_out::List::parse(list).expect("a list");
        let macros = function_macros::parse(macros).expect("a list of macros");
        judge(&asked, &failed, &list, &macros)
    }

    const NOTHING: &str = "left_out = []";
    const NO_MACROS: &str = "macro = []";

    #[test]
    fn what_is_not_there_is_missing() {
        let items = [
            (item(Kind::Type, "here", ""), "yes"),
            (item(Kind::Type, "away", ""), "no"),
            (item(Kind::Object, "OTHER", ""), "other"),
        ];
        let verdict = verdict(&items, NOTHING, NO_MACROS);
        let missing: Vec<&String> = verdict.missing.keys().collect();
        assert_eq!(
            missing,
            [
                "xen.h: macro `OTHER`: of another type",
                "xen.h: type `away`"
            ]
        );
        assert!(!verdict.is_good());
        let counts = verdict.counts.values().next().expect("one kind");
        assert_eq!((counts.headers, counts.there, counts.missing), (2, 1, 1));
    }

    #[test]
    fn what_is_left_out_must_be_away_and_in_the_headers() {
        let left_out =
            |names: &str| format!("[[left_out]]\nkind = 'type'\nreason = 'x'\nnames = {names}");
        let away = [(item(Kind::Type, "away", ""), "no")];
        let good = verdict(&away, &left_out("['away']"), NO_MACROS);
        assert!(good.is_good(), "{good:?}");
        assert_eq!(good.counts.values().next().map(|c| c.left_out), Some(1));

        let here = [(item(Kind::Type, "away", ""), "yes")];
        let there = verdict(&here, &left_out("['aw*']"), NO_MACROS);
        assert_eq!(
            Vec::from_iter(&there.rot),
            ["xen.h: type `away` is in the crate, but stands in left-out.toml"]
        );
        let unknown = verdict(&away, &left_out("['away', 'never']"), NO_MACROS);
        assert_eq!(
            Vec::from_iter(&unknown.rot),
            ["left-out.toml: `never` is in no header"]
        );
        let old = left_out("['away']") + "\nreleases = ['4.17', '4.20']";
        let partly = verdict(&away, &old, NO_MACROS);
        assert_eq!(
            Vec::from_iter(&partly.rot),
            ["left-out.toml: `away` is in no header of 4.17"]
        );
        let instead = left_out("['away']") + "\ninstead = 'xen_public::no'";
        let instead = verdict(&away, &instead, NO_MACROS);
        assert_eq!(instead.rot.len(), 1, "{:?}", instead.rot);
    }

    #[test]
    fn rules_stand_for_macros_without_a_meaning() {
        let mut guard = item(Kind::Object, "GUARD", "");
        guard.void = Some(Void::Empty);
        let rule = "[[left_out]]\nkind = 'macro'\nreason = 'x'\nrule = 'empty'";
        assert!(verdict(&[(guard, "no")], rule, NO_MACROS).is_good());
        let plain = [(item(Kind::Object, "PLAIN", ""), "no")];
        let verdict = verdict(&plain, rule, NO_MACROS);
        assert_eq!((verdict.missing.len(), verdict.rot.len()), (1, 1));
    }

    #[test]
    fn function_like_macros_are_held_against_their_list() {
        let entry = |name: &str, said: &str| {
            format!("[[macro]]\nheader = 'xen.h'\nname = '{name}'\n{said}\n")
        };
        let macros = entry("DONE", "rust = 'xen_public::yes'")
            + &entry("HIDDEN", "waits = 'rings'\nwhen = '__XEN__'")
            + &entry("LEFT", "left_out = 'x'")
            + &entry("WAITS", "waits = 'rings'");
        let items = |names: &[&str]| {
            let made = names
                .iter()
                .map(|name| (item(Kind::FunctionMacro, name, ""), "yes"));
            made.collect::<Vec<_>>()
        };
        let all = verdict(&items(&["DONE", "WAITS", "LEFT"]), NOTHING, &macros);
        assert!(all.is_good(), "{all:?}");
        let counts = all.counts.values().next().expect("one kind");
        assert_eq!((counts.there, counts.waiting, counts.left_out), (1, 1, 1));

        let some = verdict(
            &items(&["DONE", "WAITS", "NEW", "HIDDEN"]),
            NOTHING,
            &macros,
        );
        assert_eq!(
            Vec::from_iter(some.missing.keys()),
            ["xen.h: function-like macro `NEW`: not in xtask/macros.toml"]
        );
        assert_eq!(
            Vec::from_iter(&some.rot),
            [
                "macros.toml: HIDDEN of xen.h needs no `when`: the preprocessor sees it",
                "macros.toml: LEFT of xen.h is in no header"
            ]
        );
        let mut wrong = items(&["DONE"]);
        wrong[0].1 = "no";
        let wrong = verdict(&wrong, NOTHING, &entry("DONE", "rust = 'xen_public::no'"));
        assert_eq!(
            Vec::from_iter(wrong.missing.keys()),
            ["xen.h: function-like macro `DONE`: `xen_public::no` does not exist"]
        );
    }

    #[test]
    fn what_stands_for_a_macro_or_function_is_found_by_its_c_name() {
        let source = Source::of(
            "pub struct Ring; impl Ring {
                #[doc(alias = \"RING_FULL\")] pub fn full() {}
                #[doc(alias = \"ring_mask\")] pub fn mask() {}
            }",
        );
        let unfound = |full: &str, mask: &str| {
            let list = format!(
                "[[left_out]]\nkind = 'function'\nnames = ['ring_*']\nreason = 'x'\ninstead = '{mask}'"
            );
            let macros =
                format!("[[macro]]\nheader = 'xen.h'\nname = 'RING_FULL'\nrust = '{full}'");
            let items = [
                (item(Kind::Function, "ring_mask", ""), "no"),
                (item(Kind::FunctionMacro, "RING_FULL", ""), "yes"),
            ];
            let verdict = verdict(&items, &list, &macros);
            assert!(verdict.is_good(), "{verdict:?}");
            let list = left_out::List::parse(&list).expect("a list");
            let macros = function_macros::parse(&macros).expect("a list of macros");
            not_found_by_c_name(&source, &macros, &list, &verdict)
        };
        let (full, mask) = ("xen_abi::Ring::full", "xen_abi::Ring::mask");
        assert_eq!(unfound(full, mask), [""; 0]);
        assert_eq!(
            unfound(mask, "xen_abi::Ring::none"),
            [
                "macros.toml: RING_FULL of xen.h: `xen_abi::Ring::mask` does not carry #[doc(alias = \"RING_FULL\")]",
                "left-out.toml: ring_mask of xen.h: `xen_abi::Ring::none` does not exist",
            ]
        );
    }
}
