//! The machine's apt sources: reading both of their formats, and deriving from them the other
//! Debian releases that the same mirrors offer.
//!
//! No mirror is named in this project. What a machine has configured in `sources.list`,
//! `sources.list.d/*.list` (one line an entry) and `sources.list.d/*.sources` (deb822 stanzas) is
//! read into [`Entry`] values; [`widen`] keeps those that are Debian suites, and repeats them for
//! each release in [`RELEASES`] with the same address, components and signing keys.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// The Debian releases whose packages this project knows, oldest first.
pub const RELEASES: [&str; 3] = ["bullseye", "bookworm", "trixie"];

/// Every suite name that stands for a Debian release, these and others: an entry with one of them
/// tells where a Debian mirror is.
const SUITES: [&str; 13] = [
    "buster",
    "bullseye",
    "bookworm",
    "trixie",
    "forky",
    "duke",
    "sid",
    "oldoldstable",
    "oldstable",
    "stable",
    "testing",
    "unstable",
    "rc-buggy",
];

/// Options that are not carried over: [`Entry`] holds them itself, or they choose what is fetched,
/// which is decided anew.
const OWN_FIELDS: [&str; 11] = [
    "types",
    "uris",
    "suites",
    "components",
    "enabled",
    "architectures",
    "arch",
    "languages",
    "lang",
    "targets",
    "target",
];

/// One source: an address, a suite on it and its components.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The address as configured.
    pub uri: String,
    /// The suite, such as `bookworm` or `bookworm-security`.
    pub suite: String,
    /// The components, such as `main`.
    pub components: Vec<String>,
    /// The options that say how to reach and to trust the source (`signed-by` and the like): names
    /// in lower case, values as a deb822 field holds them, with their line breaks.
    pub options: BTreeMap<String, String>,
}

/// Reads a `sources.list` or `*.list` file.
///
/// # Errors
/// A line that is no entry, with its number.
pub fn parse_list(text: &str) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let number = index + 1;
        let (kind, rest) = line
            .split_once(char::is_whitespace)
            .with_context(|| format!("line {number}: `{line}` is no apt source"))?;
        if kind != "deb" && kind != "deb-src" {
            bail!("line {number}: `{kind}` is neither deb nor deb-src");
        }
        let mut rest = rest.trim_start();
        let mut options = BTreeMap::new();
        if let Some(inner) = rest.strip_prefix('[') {
            let (inside, after) = inner
                .split_once(']')
                .with_context(|| format!("line {number}: `[` without `]`"))?;
            for option in inside.split_whitespace() {
                let (name, value) = option
                    .split_once('=')
                    .with_context(|| format!("line {number}: option `{option}` has no `=`"))?;
                keep_option(
                    &mut options,
                    name.trim_end_matches(['+', '-']),
                    &value.replace(',', " "),
                );
            }
            rest = after.trim_start();
        }
        let mut words = rest.split_whitespace().map(str::to_owned);
        let (Some(uri), Some(suite)) = (words.next(), words.next()) else {
            bail!("line {number}: `{line}` lacks an address or a suite");
        };
        entries.push(Entry {
            uri,
            suite,
            components: words.collect(),
            options,
        });
    }
    Ok(entries)
}

/// Reads a deb822 `*.sources` file. Disabled stanzas give nothing.
///
/// # Errors
/// A line that is neither a field nor a continuation, or a stanza without an address or a suite.
pub fn parse_deb822(text: &str) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut fields: Vec<(String, String)> = Vec::new();
    // An empty line after the last one closes the last stanza.
    for (index, line) in text.lines().chain([""]).enumerate() {
        if line.starts_with('#') {
            continue;
        }
        if line.trim().is_empty() {
            entries.extend(stanza(&std::mem::take(&mut fields))?);
        } else if line.starts_with([' ', '\t']) {
            let (_, value) = fields
                .last_mut()
                .with_context(|| format!("line {}: continues no field", index + 1))?;
            value.push('\n');
            value.push_str(line.trim_end());
        } else {
            let (name, value) = line
                .split_once(':')
                .with_context(|| format!("line {}: `{line}` is no `Field: value`", index + 1))?;
            fields.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    Ok(entries)
}

/// The entries of one deb822 stanza: one for each address and suite.
fn stanza(fields: &[(String, String)]) -> Result<Vec<Entry>> {
    let words = |name: &str| -> Vec<String> {
        fields
            .iter()
            .filter(|(field, _)| field == name)
            .flat_map(|(_, value)| value.split_whitespace().map(str::to_owned))
            .collect()
    };
    let off = |word: &String| ["no", "false", "0", "off"].contains(&word.to_lowercase().as_str());
    if fields.is_empty() || words("enabled").iter().any(off) {
        return Ok(Vec::new());
    }
    let (uris, suites) = (words("uris"), words("suites"));
    if uris.is_empty() || suites.is_empty() {
        bail!("a stanza without URIs or without Suites");
    }
    let mut options = BTreeMap::new();
    for (name, value) in fields {
        keep_option(&mut options, name, value);
    }
    let mut entries = Vec::new();
    for uri in &uris {
        for suite in &suites {
            entries.push(Entry {
                uri: uri.clone(),
                suite: suite.clone(),
                components: words("components"),
                options: options.clone(),
            });
        }
    }
    Ok(entries)
}

fn keep_option(options: &mut BTreeMap<String, String>, name: &str, value: &str) {
    let name = name.to_ascii_lowercase();
    if !OWN_FIELDS.contains(&name.as_str()) && !name.starts_with("x-") {
        options.insert(name, value.to_owned());
    }
}

/// Reads all sources below an apt configuration folder (`/etc/apt` on a Debian machine): none where
/// there is no such folder.
///
/// # Errors
/// A file that cannot be read or understood, with its path.
pub fn read(etc: &Path) -> Result<Vec<Entry>> {
    let mut files = vec![etc.join("sources.list")];
    let parts = etc.join("sources.list.d");
    if parts.is_dir() {
        let listing = std::fs::read_dir(&parts).with_context(|| parts.display().to_string())?;
        let mut found = listing
            .map(|item| item.map(|item| item.path()))
            .collect::<std::io::Result<Vec<_>>>()
            .with_context(|| parts.display().to_string())?;
        found.sort();
        files.extend(found);
    }
    let mut entries = Vec::new();
    for file in files.into_iter().filter(|file| file.is_file()) {
        let parse = match file.extension().and_then(|extension| extension.to_str()) {
            Some("list") => parse_list,
            Some("sources") => parse_deb822,
            _ => continue,
        };
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("reading {}", file.display()))?;
        entries.extend(parse(&text).with_context(|| format!("in {}", file.display()))?);
    }
    Ok(entries)
}

/// The suites of every release in [`RELEASES`] on the mirrors that `entries` name: a main suite
/// gives the main suites, `-updates` the `-updates`, `-security` the `-security` ones. Sources that
/// are no Debian suite, or lack the component `main`, give nothing.
pub fn widen(entries: &[Entry]) -> Vec<Entry> {
    let mut wide = Vec::new();
    for entry in entries {
        let Some(suffix) = SUITES
            .iter()
            .filter_map(|suite| entry.suite.strip_prefix(suite))
            .find(|suffix| ["", "-updates", "-security"].contains(suffix))
        else {
            continue;
        };
        let main = entry.components.iter().any(|component| component == "main");
        if !main || entry.uri.starts_with("cdrom:") {
            continue;
        }
        for release in RELEASES {
            let other = Entry {
                suite: format!("{release}{suffix}"),
                components: vec!["main".to_owned()],
                ..entry.clone()
            };
            let twin = |known: &Entry| known.uri == other.uri && known.suite == other.suite;
            if !wide.iter().any(twin) {
                wide.push(other);
            }
        }
    }
    wide
}

/// The entries as a deb822 file that fetches one kind of index only.
pub fn render(entries: &[Entry], source: bool) -> String {
    let (types, targets) = if source {
        ("deb-src", "Sources")
    } else {
        ("deb", "Packages")
    };
    let mut text = String::new();
    for entry in entries {
        let _ = write!(
            text,
            "Types: {types}\nURIs: {}\nSuites: {}\nComponents: {}\nTargets: {targets}\n",
            entry.uri,
            entry.suite,
            entry.components.join(" ")
        );
        for (name, value) in &entry.options {
            let _ = writeln!(text, "{name}: {value}");
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE_LINE: &str = "\
# a comment
deb [arch=amd64 signed-by=/keys/a.gpg,/keys/b.gpg] http://mirror.example/os bookworm main contrib # tail
deb-src http://mirror.example/os bookworm-updates main
";

    const DEB822: &str = "\
Types: deb deb-src
# a comment within a stanza
URIs: http://mirror.example/os
Suites: bookworm
 bookworm-updates
Components: main contrib
Architectures: amd64
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBF
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
URIs: http://off.example/os
Suites: trixie
Components: main
Enabled: no
";

    fn suites(entries: &[Entry]) -> Vec<&str> {
        entries.iter().map(|entry| entry.suite.as_str()).collect()
    }

    #[test]
    fn one_line_entries_are_read() {
        let entries = parse_list(ONE_LINE).unwrap();
        assert_eq!(suites(&entries), ["bookworm", "bookworm-updates"]);
        assert_eq!(entries[0].components, ["main", "contrib"]);
        assert_eq!(entries[0].options.len(), 1, "arch is not carried over");
        assert_eq!(entries[0].options["signed-by"], "/keys/a.gpg /keys/b.gpg");
        assert_eq!(entries[1].uri, "http://mirror.example/os");
    }

    #[test]
    fn deb822_stanzas_are_read() {
        let entries = parse_deb822(DEB822).unwrap();
        assert_eq!(suites(&entries), ["bookworm", "bookworm-updates"]);
        assert_eq!(entries[0].options.len(), 1);
        assert!(entries[0].options["signed-by"].contains("\n .\n mQINBF\n"));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let cases = [
            ("rpm http://x y main", "`rpm` is neither"),
            ("deb [signed-by=/a http://x y", "`[` without `]`"),
            ("\ndeb http://x", "line 2"),
        ];
        for (text, expected) in cases {
            let error = format!("{:#}", parse_list(text).unwrap_err());
            assert!(error.contains(expected), "{text:?} gave {error:?}");
        }
        assert!(parse_deb822("Suites: bookworm\n").is_err());
        assert!(parse_deb822("nonsense\n").is_err());
    }

    #[test]
    fn other_releases_are_derived_from_debian_suites_only() {
        let text = "\
deb http://a/os bookworm main
deb http://a/os stable contrib
deb http://a/security trixie-security main
deb http://b/tools cloud-bookworm main
deb http://c/docker bookworm stable
deb http://d/os bookworm-backports main
deb http://a/os trixie main
";
        let wide = widen(&parse_list(text).unwrap());
        assert_eq!(
            suites(&wide),
            [
                "bullseye",
                "bookworm",
                "trixie",
                "bullseye-security",
                "bookworm-security",
                "trixie-security"
            ]
        );
        assert!(wide[..3].iter().all(|entry| entry.uri == "http://a/os"));
    }

    #[test]
    fn what_is_rendered_reads_back() {
        let wide = widen(&parse_deb822(DEB822).unwrap());
        assert_eq!(wide.len(), 6);
        for source in [true, false] {
            assert_eq!(parse_deb822(&render(&wide, source)).unwrap(), wide);
        }
        assert!(render(&wide, true).contains("Types: deb-src\n"));
        assert!(render(&wide, false).contains("Targets: Packages\n"));
    }

    #[test]
    fn a_folder_gives_all_its_files() {
        let etc = tempfile::tempdir().unwrap();
        let parts = etc.path().join("sources.list.d");
        assert_eq!(read(etc.path()).unwrap(), []);
        std::fs::create_dir(&parts).unwrap();
        std::fs::write(etc.path().join("sources.list"), ONE_LINE).unwrap();
        std::fs::write(parts.join("debian.sources"), DEB822).unwrap();
        std::fs::write(parts.join("debian.sources.bak"), "nonsense").unwrap();
        assert_eq!(read(etc.path()).unwrap().len(), 4);
        std::fs::write(parts.join("bad.list"), "nonsense").unwrap();
        let error = format!("{:#}", read(etc.path()).unwrap_err());
        assert!(error.contains("bad.list"), "{error}");
    }
}
