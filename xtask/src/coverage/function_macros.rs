//! `macros.toml`: what became of each function-like macro.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::tool;

/// The list, by header and name.
pub type List = BTreeMap<(String, String), Macro>;

/// One macro of the list.
#[derive(Debug)]
pub struct Macro {
    /// What became of it.
    pub fate: Fate,
    /// The condition on which the headers define it, if the preprocessor need not see it.
    pub when: Option<String>,
}

/// What became of a macro.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The path of the item that stands for it.
    Done(String),
    /// The work that brings it.
    Waits(String),
    /// Why Rust needs nothing in its place.
    LeftOut(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    r#macro: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    header: String,
    name: String,
    rust: Option<String>,
    waits: Option<String>,
    left_out: Option<String>,
    when: Option<String>,
}

/// Reads the committed list.
///
/// # Errors
/// It can't be read or says something that makes no sense.
pub fn read() -> Result<List> {
    let path = tool::root().join("xtask/macros.toml");
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    parse(&text).with_context(|| format!("in {}", path.display()))
}

/// Reads a list.
///
/// # Errors
/// It is no list, an entry does not say one thing, or two are about the same macro.
pub fn parse(text: &str) -> Result<List> {
    let file: File = toml::from_str(text)?;
    let mut list = List::new();
    for entry in file.r#macro {
        let at = format!("{} of {}", entry.name, entry.header);
        let fate = match (entry.rust, entry.waits, entry.left_out) {
            (Some(path), None, None) => Fate::Done(path),
            (None, Some(work), None) => Fate::Waits(work),
            (None, None, Some(reason)) => Fate::LeftOut(reason),
            _ => bail!("{at} needs exactly one of `rust`, `waits` and `left_out`"),
        };
        let (Fate::Done(said) | Fate::Waits(said) | Fate::LeftOut(said)) = &fate;
        if said.trim().is_empty() {
            bail!("{at} says nothing");
        }
        let when = entry.when;
        let key = (entry.header, entry.name);
        if list.last_key_value().is_some_and(|(last, _)| key < *last) {
            bail!("{at} must stand further up: the list is sorted by header and name");
        }
        if list.insert(key, Macro { fate, when }).is_some() {
            bail!("{at} is listed twice");
        }
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_entry_says_one_thing() -> Result<()> {
        let entry = |text: &str| parse(&format!("[[macro]]\nheader = 'a.h'\nname = 'F'\n{text}"));
        let list = entry("rust = 'xen_public::f'\nwhen = 'X'")?;
        let listed = &list[&("a.h".to_owned(), "F".to_owned())];
        assert_eq!(listed.fate, Fate::Done("xen_public::f".into()));
        assert_eq!(listed.when.as_deref(), Some("X"));
        for wrong in [
            "",
            "rust = 'f'\nwaits = 'rings'",
            "left_out = ''",
            "waits = 'rings'\nx = 1",
        ] {
            assert!(entry(wrong).is_err(), "{wrong}");
        }
        let early = "waits = 'rings'\n[[macro]]\nheader = 'a.h'\nname = 'E'\nwaits = 'rings'";
        let error = entry(early).expect_err("out of order").to_string();
        assert!(
            error.starts_with("E of a.h must stand further up"),
            "{error}"
        );
        let twice = "waits = 'rings'\n[[macro]]\nheader = 'a.h'\nname = 'F'\nwaits = 'rings'";
        let error = entry(twice).expect_err("listed twice");
        assert_eq!(error.to_string(), "F of a.h is listed twice");
        Ok(())
    }
}
