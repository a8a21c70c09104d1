//! `PROVENANCE.toml`: where the headers of a release come from, and what each file is.
//!
//! `vendor import` writes one manifest into each release's folder. Its text follows from its
//! content alone, so that any edit shows: [`Manifest::read`] refuses a text that it would not have
//! written itself.

use std::path::{Component, Path};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::licence::Basis;

/// The manifest's file name within a release's folder.
pub const NAME: &str = "PROVENANCE.toml";

const HEADER: &str = "\
# Where the files of this folder come from. Written by `cargo xtask vendor import`, checked by
# `cargo xtask vendor check`; not to be edited.
";

/// The folders of the upstream archive that are vendored, and where they go within a release's
/// folder.
pub const FOLDERS: [(&str, &str); 2] = [
    ("xen/include/public", "include/public"),
    ("tools/include/xen-sys", "include/xen-sys"),
];

/// A release's manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Manifest {
    /// The release, such as `4.20`.
    pub release: String,
    /// The archive that all files come from.
    pub source: Source,
    /// The files that are here, sorted by path.
    #[serde(rename = "file")]
    pub files: Vec<File>,
    /// The files of the vendored folders that are not here, sorted by path.
    #[serde(rename = "left-out", default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

/// An upstream archive within a Debian source package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Source {
    /// The Debian source package.
    pub package: String,
    /// The version of that package.
    pub debian_version: String,
    /// The upstream version, from the archive's name.
    pub upstream_version: String,
    /// The archive's file name.
    pub archive: String,
    /// The archive's size in bytes.
    pub size: u64,
    /// The archive's SHA-256, in lower-case hexadecimal digits.
    pub sha256: String,
}

/// A vendored file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct File {
    /// Its path within the release's folder.
    pub path: String,
    /// Its SHA-256, in lower-case hexadecimal digits.
    pub sha256: String,
    /// Its licence, an SPDX expression.
    pub licence: String,
    /// What the licence was read from.
    pub licence_from: Basis,
}

/// A file that is in the archive's vendored folders, but not here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LeftOut {
    /// The path it would have within the release's folder.
    pub path: String,
    /// Its licence, an SPDX expression.
    pub licence: String,
    /// What the licence was read from.
    pub licence_from: Basis,
    /// Why it is not here.
    pub reason: String,
}

impl Manifest {
    /// The text of the manifest.
    ///
    /// # Errors
    /// None that a manifest built by this program can meet.
    pub fn to_text(&self) -> Result<String> {
        let body = toml::to_string(self).context("writing the manifest as TOML")?;
        Ok(format!("{HEADER}{body}"))
    }

    /// Reads the manifest of a release's folder.
    ///
    /// # Errors
    /// It is not there, not understood, not as this program writes it, of another release than the
    /// folder's name says, or names a path that leads elsewhere.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(NAME);
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("reading {}", path.display()))?;
        let manifest: Self =
            toml::from_str(&text).with_context(|| format!("in {}", path.display()))?;
        manifest
            .check(folder, &text)
            .with_context(|| format!("in {}", path.display()))?;
        Ok(manifest)
    }

    fn check(&self, folder: &Path, text: &str) -> Result<()> {
        let named = folder_name(&self.release);
        if folder.file_name() != Some(named.as_ref()) {
            bail!("it is the manifest of {named}");
        }
        if let Some(number) = first_difference(text, &self.to_text()?) {
            bail!("line {number} is not as `vendor import` writes it: was it edited?");
        }
        let paths: Vec<&str> = self
            .files
            .iter()
            .map(|file| &*file.path)
            .chain(self.left_out.iter().map(|left| &*left.path))
            .collect();
        for path in &paths {
            let plain = Path::new(path)
                .components()
                .all(|part| matches!(part, Component::Normal(_)));
            let inside = FOLDERS.iter().any(|(_, to)| {
                path.strip_prefix(to)
                    .is_some_and(|rest| rest.starts_with('/'))
            });
            if !plain || !inside {
                bail!("`{path}` is no path within the vendored folders");
            }
        }
        let mut sorted = paths.clone();
        sorted.sort_unstable();
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            bail!("`{}` is listed twice", twice[0]);
        }
        Ok(())
    }
}

/// The number of the first line that differs.
fn first_difference(left: &str, right: &str) -> Option<usize> {
    if left == right {
        return None;
    }
    let same = left
        .split_inclusive('\n')
        .zip(right.split_inclusive('\n'))
        .take_while(|(left, right)| left == right)
        .count();
    Some(same + 1)
}

/// The name of a release's folder below `vendor/`.
pub fn folder_name(release: &str) -> String {
    format!("xen-{release}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::sha256;

    fn example() -> Manifest {
        Manifest {
            release: "4.20".to_owned(),
            source: Source {
                package: "xen".to_owned(),
                debian_version: "4.20.3-1".to_owned(),
                upstream_version: "4.20.3".to_owned(),
                archive: "xen_4.20.3.orig.tar.xz".to_owned(),
                size: 7,
                sha256: sha256(b"archive"),
            },
            files: vec![File {
                path: "include/public/xen.h".to_owned(),
                sha256: sha256(b""),
                licence: "MIT".to_owned(),
                licence_from: Basis::SpdxLine,
            }],
            left_out: vec![LeftOut {
                path: "include/public/arch-x.h".to_owned(),
                licence: "GPL-2.0-or-later".to_owned(),
                licence_from: Basis::Notice,
                reason: "not permissive".to_owned(),
            }],
        }
    }

    fn read(name: &str, text: &str) -> Result<Manifest> {
        let dir = tempfile::tempdir()?;
        let folder = dir.path().join(name);
        std::fs::create_dir(&folder)?;
        std::fs::write(folder.join(NAME), text)?;
        Manifest::read(&folder)
    }

    #[test]
    fn what_is_written_reads_back() {
        let mut manifest = example();
        assert_eq!(
            read("xen-4.20", &manifest.to_text().unwrap()).unwrap(),
            manifest
        );
        manifest.left_out.clear();
        assert_eq!(
            read("xen-4.20", &manifest.to_text().unwrap()).unwrap(),
            manifest
        );
    }

    #[test]
    fn a_manifest_that_was_not_written_here_is_refused() {
        let text = example().to_text().unwrap();
        let elsewhere = |path: &str| text.replace("include/public/xen.h", path);
        let cases = [
            ("xen-4.17", text.clone(), "manifest of xen-4.20"),
            ("xen-4.20", format!("{text}\n# note\n"), "was it edited"),
            ("xen-4.20", text.replace("size", "# x\nsize"), "line 10"),
            ("xen-4.20", text.replace("size", "seize"), "seize"),
            (
                "xen-4.20",
                elsewhere("include/public/../x.h"),
                "no path within",
            ),
            (
                "xen-4.20",
                elsewhere("/include/public/x.h"),
                "no path within",
            ),
            ("xen-4.20", elsewhere("README.md"), "no path within"),
            ("xen-4.20", elsewhere("include/public/arch-x.h"), "twice"),
        ];
        for (name, text, expected) in cases {
            let error = format!("{:#}", read(name, &text).unwrap_err());
            assert!(error.contains(expected), "{expected} is not in {error}");
        }
    }
}
