//! `data/explained.txt`: the differences that are expected, each with its reason.
//!
//! A line is `WHERE: FINDING | REASON`. WHERE is `RELEASE ABI MODE`, each a name, several with commas
//! between them, or `*`; FINDING is as [`crate::pair::Finding`] prints it, where a name may end in `*`.
//! A line that fits nothing any more is an error, so that the list can't outlive its reasons.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail};
use xtask::headers::View;

use crate::pair::Finding;

/// The list.
#[derive(Debug)]
pub struct Explained {
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    number: usize,
    place: [String; 3],
    finding: String,
    used: bool,
}

impl Explained {
    /// Reads the file of the crate.
    ///
    /// # Errors
    /// The file can't be read, or a line is not of the form.
    pub fn load() -> Result<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/explained.txt");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("reading {}", path.display()))?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    /// Reads a list.
    ///
    /// # Errors
    /// A line that is not of the form, with its number.
    pub fn parse(text: &str) -> Result<Self> {
        let mut lines = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let number = index + 1;
            let parts = line
                .split_once(": ")
                .and_then(|(place, rest)| Some((place, rest.split_once(" | ")?)));
            let Some((place, (finding, reason))) = parts else {
                bail!("line {number} is not `WHERE: FINDING | REASON`: {line}");
            };
            let place: Vec<String> = place.split(' ').map(str::to_owned).collect();
            let Ok(place) = <[String; 3]>::try_from(place) else {
                bail!("line {number} does not begin with release, ABI and mode: {line}");
            };
            if reason.trim().is_empty() {
                bail!("line {number} gives no reason: {line}");
            }
            lines.push(Line {
                number,
                place,
                finding: finding.trim().to_owned(),
                used: false,
            });
        }
        Ok(Self { lines })
    }

    /// Takes the findings that a line explains out of the set; how many those were.
    pub fn explain(&mut self, view: &View, findings: &mut BTreeSet<Finding>) -> usize {
        let words = view.to_string();
        let before = findings.len();
        findings.retain(|finding| {
            let text = finding.to_string();
            let mut known = false;
            for line in &mut self.lines {
                if line.is_at(&words) && fits(&line.finding, &text) {
                    line.used = true;
                    known = true;
                }
            }
            !known
        });
        before - findings.len()
    }

    /// The numbers of the lines that explained nothing.
    pub fn unused(&self) -> Vec<usize> {
        let unused = self.lines.iter().filter(|line| !line.used);
        unused.map(|line| line.number).collect()
    }
}

impl Line {
    /// `view` as [`View`] prints it.
    fn is_at(&self, view: &str) -> bool {
        let mut words = view.split(' ');
        self.place.iter().all(|wanted| {
            let word = words.next().unwrap_or_default();
            wanted == "*" || wanted.split(',').any(|w| w == word)
        })
    }
}

/// Whether a line's finding, which may have a `*` at the end of its name, is this one.
fn fits(pattern: &str, finding: &str) -> bool {
    let (mut wanted, mut found) = (pattern.splitn(3, ' '), finding.splitn(3, ' '));
    (0..3).all(|_| match (wanted.next(), found.next()) {
        (Some(w), Some(f)) => w
            .strip_suffix('*')
            .map_or(w == f, |start| f.starts_with(start)),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pair::{About, What};
    use xtask::headers::{Abi, Mode, Release};

    fn findings() -> BTreeSet<Finding> {
        let constant = |name: &str, what| Finding {
            about: About::Constant,
            name: name.into(),
            what,
        };
        BTreeSet::from([
            constant("XEN_INVALID_X", What::Sign),
            constant("XEN_INVALID_Y", What::Sign),
            constant("XEN_Z", What::NotInBindgen),
        ])
    }

    #[test]
    fn lines_explain_where_they_say() {
        let view = View::new(Release("4.17"), Abi::Arm32, Mode::Tools);
        let take = |line: &str| {
            let mut list = Explained::parse(&format!("# comment\n\n{line}\n")).unwrap();
            let taken = list.explain(&view, &mut findings());
            (taken, list.unused())
        };
        assert_eq!(
            take("* * *: constant XEN_INVALID_* sign | why"),
            (2, vec![])
        );
        assert_eq!(
            take("* arm32,arm64 *: constant XEN_Z not-in-bindgen | why"),
            (1, vec![])
        );
        assert_eq!(
            take("4.20 * *: constant XEN_INVALID_* sign | why"),
            (0, vec![3])
        );
        assert_eq!(
            take("* * guest: constant XEN_Z not-in-bindgen | why"),
            (0, vec![3])
        );
        assert_eq!(take("* * *: constant XEN_Z sign | why"), (0, vec![3]));
        assert_eq!(take("* * *: type XEN_Z not-in-bindgen | why"), (0, vec![3]));
    }

    #[test]
    fn a_line_needs_place_and_reason() {
        for bad in [
            "constant X sign | why",
            "* * *: constant X sign",
            "* *: constant X sign | y",
        ] {
            assert!(Explained::parse(bad).is_err(), "{bad}");
        }
        assert!(Explained::parse("* * *: constant X sign |  ").is_err());
    }
}
