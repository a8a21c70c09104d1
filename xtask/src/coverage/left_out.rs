//! `left-out.toml`: what of the headers is not in the crate, and why.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::item::{Item, Kind, Void};
use crate::headers::{ABIS, Abi, RELEASES, Release, View};
use crate::tool;

/// The list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// Its entries, in the file's order.
    pub left_out: Vec<Entry>,
}

/// Names that are left out for one reason.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What the names are.
    pub kind: EntryKind,
    /// The header, if all stand in one.
    pub header: Option<String>,
    /// The names; `*` stands for any characters.
    #[serde(default)]
    pub names: Vec<String>,
    /// In place of names: all macros that could not mean anything for this reason.
    pub rule: Option<Void>,
    /// The releases that have the names; without it, any.
    pub releases: Option<Vec<String>>,
    /// The ABIs that leave the names out; without it, all.
    pub abis: Option<Vec<String>>,
    /// Why Rust needs nothing in their place.
    pub reason: Option<String>,
    /// In place of a reason: the work that brings them.
    pub waits: Option<String>,
    /// The path of what Rust has in their place; it must exist.
    pub instead: Option<String>,
}

/// The kinds by the names they have in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    /// [`Kind::Type`].
    Type,
    /// [`Kind::Field`].
    Field,
    /// [`Kind::Enumerator`].
    Enumerator,
    /// [`Kind::Object`].
    Macro,
    /// [`Kind::Function`].
    Function,
}

impl EntryKind {
    fn is(self, kind: Kind) -> bool {
        match self {
            Self::Type => kind == Kind::Type,
            Self::Field => kind == Kind::Field,
            Self::Enumerator => kind == Kind::Enumerator,
            Self::Macro => kind == Kind::Object,
            Self::Function => kind == Kind::Function,
        }
    }
}

impl List {
    /// Reads the committed list.
    ///
    /// # Errors
    /// It can't be read or says something that makes no sense.
    pub fn read() -> Result<Self> {
        let path = tool::root().join("xtask/left-out.toml");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("reading {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("in {}", path.display()))
    }

    /// Reads a list.
    ///
    /// # Errors
    /// It is no list, or an entry contradicts itself.
    pub fn parse(text: &str) -> Result<Self> {
        let list: Self = toml::from_str(text)?;
        for entry in &list.left_out {
            entry
                .check()
                .with_context(|| format!("the entry {}", entry.describe()))?;
        }
        Ok(list)
    }

    /// The entry that an item falls under, by number. Plain names win over patterns and rules.
    pub fn find(&self, view: &View, item: &Item) -> Option<usize> {
        let fits = |exact: bool| {
            self.left_out
                .iter()
                .position(|entry| entry.matches(view, item, exact))
        };
        fits(true).or_else(|| fits(false))
    }
}

impl Entry {
    fn check(&self) -> Result<()> {
        if self.names.is_empty() == self.rule.is_none() {
            bail!("must have either `names` or a `rule`");
        }
        if self.rule.is_some() && self.kind != EntryKind::Macro {
            bail!("has a rule, which is for macros only");
        }
        match (&self.reason, &self.waits) {
            (Some(text), None) | (None, Some(text)) if !text.trim().is_empty() => {}
            _ => bail!("must have either a `reason` or the work it `waits` for"),
        }
        let mut seen = BTreeSet::new();
        for name in &self.names {
            if !seen.insert(name) {
                bail!("names `{name}` twice");
            }
        }
        for release in self.releases.iter().flatten() {
            Release::parse(release)?;
        }
        for abi in self.abis.iter().flatten() {
            if !ABIS.iter().any(|a| a.module() == abi) {
                bail!("speaks of `{abi}`, which is no ABI");
            }
        }
        Ok(())
    }

    /// The releases it speaks of.
    pub fn releases(&self) -> Vec<Release> {
        match &self.releases {
            Some(names) => RELEASES
                .into_iter()
                .filter(|r| names.iter().any(|n| n == r.0))
                .collect(),
            None => RELEASES.to_vec(),
        }
    }

    fn has_abi(&self, abi: Abi) -> bool {
        let named = |names: &Vec<String>| names.iter().any(|name| name == abi.module());
        self.abis.as_ref().is_none_or(named)
    }

    fn matches(&self, view: &View, item: &Item, exact: bool) -> bool {
        let here = self.kind.is(item.kind)
            && self.header.as_ref().is_none_or(|h| *h == item.header)
            && self.releases().contains(&view.release)
            && self.has_abi(view.abi);
        here && match self.rule {
            Some(rule) => !exact && item.void == Some(rule),
            None => self.names.iter().any(|name| {
                if exact {
                    *name == item.name
                } else {
                    is_pattern(name) && glob(name, &item.name)
                }
            }),
        }
    }

    /// The name or pattern of this entry under which an item falls.
    pub fn name_for(&self, item: &Item) -> Option<usize> {
        let exact = self.names.iter().position(|name| *name == item.name);
        exact.or_else(|| self.names.iter().position(|name| glob(name, &item.name)))
    }

    /// The entry in a few words.
    pub fn describe(&self) -> String {
        let what = match self.rule {
            Some(rule) => format!("rule {rule:?}").to_lowercase(),
            None => self.names.join(", "),
        };
        match &self.header {
            Some(header) => format!("`{what}` of {header}"),
            None => format!("`{what}`"),
        }
    }

    /// Why.
    pub fn why(&self) -> String {
        let mut text = match (&self.reason, &self.waits) {
            (Some(reason), _) => reason.clone(),
            (None, Some(waits)) => format!("waits for {waits}"),
            (None, None) => String::new(),
        };
        if let Some(path) = &self.instead {
            text += &format!("; Rust has {path}");
        }
        text
    }
}

fn is_pattern(name: &str) -> bool {
    name.contains('*')
}

/// Whether a name fits a pattern, in which `*` stands for any characters.
fn glob(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|tail| {
            (0..=tail.len()).any(|at| tail.is_char_boundary(at) && glob(rest, &tail[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::item::Shape;
    use super::*;
    use crate::headers::Mode;

    fn item(kind: Kind, name: &str, void: Option<Void>) -> Item {
        Item {
            kind,
            header: "xen.h".into(),
            name: name.into(),
            shape: Shape::Name,
            void,
            fact: String::new(),
        }
    }

    #[test]
    fn patterns() {
        assert!(glob("__guest_handle_*.p", "__guest_handle_void.p"));
        assert!(!glob("__guest_handle_*.p", "__guest_handle_void.q"));
        assert!(glob("*", ""));
        assert!(glob("a*b*c", "a-b-b-c"));
        assert!(!glob("a", "ab"));
    }

    #[test]
    fn entries_find_their_items() -> Result<()> {
        let list = List::parse(
            "[[left_out]]\nkind = 'macro'\nrule = 'empty'\nreason = 'guard'\n\
             [[left_out]]\nkind = 'macro'\nnames = ['A_*', 'B']\nreleases = ['4.14']\nabis = ['arm64']\nreason = 'gone'\n\
             [[left_out]]\nkind = 'type'\nheader = 'memory.h'\nnames = ['t']\nwaits = 'rings'\n\
             [[left_out]]\nkind = 'macro'\nnames = ['A_x']\nreason = 'by name'\n",
        )?;
        let view = |release| View::new(release, Abi::Arm64, Mode::Guest);
        let old = view(RELEASES[0]);
        let new = view(RELEASES[2]);
        let find = |view, kind, name, void| list.find(&view, &item(kind, name, void));
        assert_eq!(find(new, Kind::Object, "GUARD", Some(Void::Empty)), Some(0));
        assert_eq!(
            find(new, Kind::Object, "GUARD", Some(Void::Undefined)),
            None
        );
        assert_eq!(find(old, Kind::Object, "A_1", None), Some(1));
        assert_eq!(find(new, Kind::Object, "A_1", None), None);
        assert_eq!(find(old, Kind::Enumerator, "A_1", None), None);
        let other = View::new(RELEASES[0], Abi::Arm32, Mode::Guest);
        assert_eq!(find(other, Kind::Object, "A_1", None), None);
        assert_eq!(find(old, Kind::Object, "A_x", None), Some(3));
        assert_eq!(find(new, Kind::Type, "t", None), None, "another header");
        assert_eq!(
            list.left_out[1].name_for(&item(Kind::Object, "B", None)),
            Some(1)
        );
        Ok(())
    }

    #[test]
    fn entries_that_contradict_themselves() {
        let refused = |text: &str| {
            let error = List::parse(&format!("[[left_out]]\nkind = 'macro'\n{text}"));
            format!("{:#}", error.expect_err(text))
        };
        assert!(refused("reason = 'x'").contains("either `names` or a `rule`"));
        assert!(refused("names = ['A']").contains("either a `reason`"));
        assert!(refused("names = ['A']\nreason = ' '").contains("either a `reason`"));
        assert!(refused("names = ['A', 'A']\nreason = 'x'").contains("twice"));
        assert!(
            refused("names = ['A']\nreason = 'x'\nreleases = ['4.2']").contains("not vendored")
        );
        assert!(refused("names = ['A']\nreason = 'x'\nabis = ['mips']").contains("no ABI"));
        assert!(refused("names = ['A']\nreasn = 'x'").contains("unknown field"));
    }
}
