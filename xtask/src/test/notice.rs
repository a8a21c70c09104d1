//! The notice of Xen's headers goes with what is generated from them: `xen-public/LICENSE-XEN` has the
//! copyright lines of every vendored public header and the words of their licence.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::headers::RELEASES;
use crate::tool;

/// Where the licence's own words begin, in the headers' `COPYING` and in ours.
const TERMS: &str = "Permission is hereby granted";

/// Whether the notice is complete, and the licence files of both crates are the same.
///
/// # Errors
/// What is missing from it.
pub fn check(_log: &Path) -> Result<String> {
    let root = tool::root();
    let read =
        |path: &str| std::fs::read_to_string(root.join(path)).with_context(|| path.to_owned());
    for name in ["LICENSE-MIT", "LICENSE-APACHE"] {
        ensure!(
            read(name)? == read(&format!("xen-public/{name}"))?,
            "{name} and xen-public/{name} differ"
        );
    }
    let notice = read("xen-public/LICENSE-XEN")?;
    for release in RELEASES {
        let public = root.join(format!("vendor/xen-{}/include/public", release.0));
        let mut texts = Vec::new();
        collect(&public, &mut texts)?;
        ensure!(!texts.is_empty(), "{} has no files", public.display());
        let copying = std::fs::read_to_string(public.join("COPYING"))?;
        let missing = missing(&notice, &copying, &texts)?;
        ensure!(
            missing.is_empty(),
            "LICENSE-XEN lacks lines of Xen {}'s headers:\n{}",
            release.0,
            missing.join("\n")
        );
    }
    Ok(String::new())
}

/// The text of every file below a folder.
fn collect(folder: &Path, texts: &mut Vec<String>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, texts)?;
        } else {
            let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
            texts.push(String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    Ok(())
}

/// What the notice lacks: copyright lines of these texts, or the licence's terms.
fn missing(notice: &str, copying: &str, texts: &[String]) -> Result<Vec<String>> {
    let held: BTreeSet<String> = notice.lines().map(words).collect();
    let mut missing: Vec<String> = texts
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(copyright)
        .filter(|line| !held.contains(line))
        .collect();
    missing.sort_unstable();
    missing.dedup();
    let terms = |text: &str| text.find(TERMS).map(|at| words(&text[at..]));
    let due = terms(copying).with_context(|| format!("COPYING does not say `{TERMS}`"))?;
    if terms(notice).as_ref() != Some(&due) {
        missing.push("the terms of the licence, word for word".to_owned());
    }
    Ok(missing)
}

/// A line's copyright, if it claims one: without the comment's marks, in single blanks.
fn copyright(line: &str) -> Option<String> {
    let line = line.trim_start_matches(|c: char| c.is_whitespace() || "/*#".contains(c));
    let rest = line
        .get(..9)
        .filter(|word| word.eq_ignore_ascii_case("copyright"));
    let claimed = rest.is_some()
        && line[9..]
            .trim_start()
            .starts_with(|c: char| c == '(' || c.is_ascii_digit());
    claimed.then(|| words(line))
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const COPYING: &str = "XEN NOTICE\n\nPermission is hereby granted, to\nanyone.\n";

    fn lacks(notice: &str, header: &str) -> Vec<String> {
        missing(notice, COPYING, &[header.to_owned()]).unwrap()
    }

    #[test]
    fn every_copyright_line_and_the_terms_are_due() {
        let header = "/*\n * Copyright (c) 2005,  A Person\n * Copyright applies here\n */\nint copyright;\n";
        let good = "  Copyright (c) 2005, A Person\n\nPermission is hereby granted, to anyone.\n";
        assert!(lacks(good, header).is_empty());
        assert_eq!(
            lacks("Permission is hereby granted, to anyone.", header),
            ["Copyright (c) 2005, A Person"]
        );
        assert_eq!(
            lacks(
                "Copyright (c) 2005, A Person\nPermission is hereby granted, to us.",
                header
            ),
            ["the terms of the licence, word for word"]
        );
        assert!(missing(good, "nothing", &[]).is_err());
    }

    #[test]
    fn the_notice_of_this_tree_is_complete() {
        check(Path::new("")).unwrap();
    }
}
