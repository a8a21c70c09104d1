//! The upstream archive: taking the vendored folders out of a `.orig.tar.xz`, in memory.
//!
//! Nothing of the archive is trusted: a path that leads out of the archive's own folder, a file
//! that is no plain file, or one that comes twice stops the reading with its name.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Component, Path};

use anyhow::{Context, Result, bail};
use tar::EntryType;

use super::manifest::FOLDERS;
use crate::tool::sha256;

/// What was taken from an archive.
#[derive(Debug)]
pub struct Archive {
    /// The archive's file name.
    pub name: String,
    /// The archive's size in bytes.
    pub size: u64,
    /// The archive's SHA-256, in lower-case hexadecimal digits.
    pub sha256: String,
    /// The files of the vendored folders, by the path they have within a release's folder.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// Package and upstream version of an archive, from its name: `xen_4.14.6.orig.tar.xz`.
pub fn parse_name(name: &str) -> Option<(&str, &str)> {
    let (package, version) = name.strip_suffix(".orig.tar.xz")?.split_once('_')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || ".+-~".contains(c);
    let good = |word: &str| !word.is_empty() && word.chars().all(plain);
    (good(package) && good(version)).then_some((package, version))
}

/// An archive's file name, size and SHA-256, with the bytes themselves.
///
/// # Errors
/// It cannot be read.
pub fn load(path: &Path) -> Result<(String, Vec<u8>, String)> {
    let name = path
        .file_name()
        .with_context(|| format!("{} names no file", path.display()))?
        .to_string_lossy()
        .into_owned();
    let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    let digest = sha256(&bytes);
    Ok((name, bytes, digest))
}

/// Reads the vendored folders of an archive.
///
/// # Errors
/// It cannot be read, is no xz-compressed tar archive, lacks one of the folders, or holds something
/// that must not be unpacked.
pub fn read(path: &Path) -> Result<Archive> {
    let (name, bytes, digest) = load(path)?;
    let mut plain = Vec::new();
    lzma_rs::xz_decompress(&mut bytes.as_slice(), &mut plain)
        .with_context(|| format!("{} is no complete xz file", path.display()))?;
    let files = take_folders(&plain).with_context(|| format!("in {}", path.display()))?;
    Ok(Archive {
        name,
        size: bytes.len() as u64,
        sha256: digest,
        files,
    })
}

/// The files of the vendored folders of a tar archive.
fn take_folders(plain: &[u8]) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut top: Option<String> = None;
    for entry in tar::Archive::new(plain)
        .entries()
        .context("as tar archive")?
    {
        let mut entry = entry.context("as tar archive")?;
        let kind = entry.header().entry_type();
        if kind == EntryType::XGlobalHeader {
            continue;
        }
        let raw = entry.path_bytes().into_owned();
        let path = String::from_utf8(raw)
            .map_err(|error| anyhow::anyhow!("a path that is no UTF-8: {error}"))?;
        let (first, below) = split(&path)?;
        if *top.get_or_insert_with(|| first.to_owned()) != first {
            bail!("`{path}` stands beside the archive's own folder");
        }
        let Some(place) = place(&below) else {
            continue;
        };
        match kind {
            EntryType::Directory => continue,
            EntryType::Regular => {}
            other => bail!("`{path}` is no plain file ({other:?})"),
        }
        // Other systems' separators and drive letters among them.
        let plain = |c: char| c.is_ascii_alphanumeric() || "._+-/".contains(c);
        if !place.chars().all(plain) {
            bail!("`{path}` has characters that not every system takes");
        }
        let mut bytes = Vec::new();
        entry
            .read_to_end(&mut bytes)
            .with_context(|| format!("reading `{path}`"))?;
        if files.insert(place, bytes).is_some() {
            bail!("`{path}` comes twice");
        }
    }
    for (from, to) in FOLDERS {
        let inside = format!("{to}/");
        if !files.keys().any(|path| path.starts_with(&inside)) {
            bail!("there is no file below `{from}`: is it a Xen source archive?");
        }
    }
    Ok(files)
}

/// The first part of a path, and the rest without needless parts.
fn split(path: &str) -> Result<(String, String)> {
    let mut parts = Vec::new();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            Component::CurDir => {}
            _ => bail!("`{path}` leads out of the archive"),
        }
    }
    if parts.is_empty() {
        bail!("`{path}` names no file");
    }
    Ok((parts.remove(0), parts.join("/")))
}

/// Where a file of the archive goes within a release's folder.
fn place(below: &str) -> Option<String> {
    FOLDERS.iter().find_map(|(from, to)| {
        let rest = below.strip_prefix(from)?.strip_prefix('/')?;
        Some(format!("{to}/{rest}"))
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use tar::Header;

    /// A tar archive of these files, each with its kind.
    pub(crate) fn tar(files: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, kind, bytes) in files {
            let mut header = Header::new_gnu();
            // Written by hand: the library's own way refuses the paths that we must refuse.
            header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_entry_type(*kind);
            header.set_mode(0o644);
            header.set_size(bytes.len() as u64);
            if *kind == EntryType::Symlink {
                header.set_link_name("elsewhere").unwrap();
            }
            header.set_cksum();
            builder.append(&header, *bytes).unwrap();
        }
        builder.into_inner().unwrap()
    }

    /// Writes `xen_<version>.orig.tar.xz` into a folder and returns its path.
    pub(crate) fn write(
        folder: &Path,
        version: &str,
        files: &[(&str, &[u8])],
    ) -> std::path::PathBuf {
        let top = format!("xen-{version}");
        let named: Vec<_> = files
            .iter()
            .map(|(path, bytes)| (format!("{top}/{path}"), EntryType::Regular, *bytes))
            .collect();
        let named: Vec<_> = named
            .iter()
            .map(|(path, kind, bytes)| (path.as_str(), *kind, *bytes))
            .collect();
        let mut packed = Vec::new();
        lzma_rs::xz_compress(&mut tar(&named).as_slice(), &mut packed).unwrap();
        let path = folder.join(format!("xen_{version}.orig.tar.xz"));
        std::fs::write(&path, packed).unwrap();
        path
    }

    const XEN: (&str, EntryType, &[u8]) = ("x/xen/include/public/xen.h", EntryType::Regular, b"a");
    const SYS: (&str, EntryType, &[u8]) = (
        "x/tools/include/xen-sys/Linux/evtchn.h",
        EntryType::Regular,
        b"b",
    );

    #[test]
    fn the_two_folders_are_taken_and_nothing_else() {
        let files = take_folders(&tar(&[
            ("x/", EntryType::Directory, b""),
            ("x/xen/include/public/", EntryType::Directory, b""),
            XEN,
            ("x/xen/include/publicity.h", EntryType::Regular, b"c"),
            ("x/xen/link", EntryType::Symlink, b""),
            SYS,
        ]))
        .unwrap();
        let expected = ["include/public/xen.h", "include/xen-sys/Linux/evtchn.h"];
        assert_eq!(files.keys().collect::<Vec<_>>(), expected);
        assert_eq!(files[expected[0]], b"a");
    }

    #[test]
    fn what_must_not_be_unpacked_is_named() {
        let cases: [(&str, EntryType, &str); 8] = [
            ("x/../../etc/passwd", EntryType::Regular, "leads out"),
            ("/x/y", EntryType::Regular, "leads out"),
            ("y/z", EntryType::Regular, "beside"),
            (
                "x/xen/include/public/l.h",
                EntryType::Symlink,
                "no plain file",
            ),
            ("x/xen/include/public/h.h", EntryType::Link, "no plain file"),
            (
                "x/xen/include/public/a\\b.h",
                EntryType::Regular,
                "characters",
            ),
            (
                "x/xen/include/public/c:b.h",
                EntryType::Regular,
                "characters",
            ),
            (XEN.0, EntryType::Regular, "twice"),
        ];
        for (path, kind, expected) in cases {
            let error = take_folders(&tar(&[XEN, SYS, (path, kind, b"")])).unwrap_err();
            let error = format!("{error:#}");
            assert!(error.contains(expected) && error.contains(path), "{error}");
        }
    }

    #[test]
    fn an_archive_without_the_folders_is_refused() {
        for (entry, missing) in [(XEN, "xen-sys"), (SYS, "xen/include/public")] {
            let error = format!("{:#}", take_folders(&tar(&[entry])).unwrap_err());
            assert!(error.contains(missing), "{error}");
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("xen_1.orig.tar.xz");
        std::fs::write(&path, b"no xz").unwrap();
        let error = format!("{:#}", read(&path).unwrap_err());
        assert!(error.contains("no complete xz file"), "{error}");
    }

    #[test]
    fn names_tell_package_and_version() {
        assert_eq!(
            parse_name("xen_4.17.5+72-g01140da4e8.orig.tar.xz"),
            Some(("xen", "4.17.5+72-g01140da4e8"))
        );
        for name in ["xen-4.17.tar.xz", "xen_.orig.tar.xz", "xen_1.orig.tar.gz"] {
            assert_eq!(parse_name(name), None, "{name}");
        }
    }
}
