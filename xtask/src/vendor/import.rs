//! Making a release's folder from an upstream archive.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use super::archive::{self, Archive};
use super::licence::{self, Finding};
use super::manifest::{self, File, LeftOut, Manifest, Source};
use crate::tool::sha256;

/// What to import.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The archive, under the name that the source package gives it.
    pub archive: &'a Path,
    /// The release, such as `4.20`.
    pub release: &'a str,
    /// The version of the Debian source package that the archive belongs to.
    pub debian_version: &'a str,
    /// The folder of all releases.
    pub vendor: &'a Path,
    /// Whether a folder that is there already may be replaced.
    pub force: bool,
}

/// Makes the folder, and returns its path and its manifest.
///
/// # Errors
/// The archive is not of that release or not of that Debian version, holds something that must not
/// be unpacked, has a file whose licence is not known, or the folder is there already.
pub fn import(request: &Request<'_>) -> Result<(PathBuf, Manifest)> {
    let folder = request.vendor.join(manifest::folder_name(request.release));
    if folder.exists() && !request.force {
        bail!("{} is there already; --force replaces it", folder.display());
    }
    let name = request
        .archive
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    // Before the archive is unpacked, which takes its time.
    check_versions(&name, request.release, request.debian_version)?;
    let archive = archive::read(request.archive)?;
    let manifest = describe(&archive, &name, request.release, request.debian_version)?;
    std::fs::create_dir_all(request.vendor)
        .with_context(|| format!("creating {}", request.vendor.display()))?;
    // Complete or not at all.
    let scratch = tempfile::tempdir_in(request.vendor).context("making a scratch folder")?;
    let made = scratch.path().join("new");
    write(&made, &archive, &manifest)?;
    if folder.exists() {
        std::fs::rename(&folder, scratch.path().join("old"))
            .with_context(|| format!("replacing {}", folder.display()))?;
    }
    std::fs::rename(&made, &folder).with_context(|| format!("making {}", folder.display()))?;
    Ok((folder, manifest))
}

/// Package and upstream version of an archive's name.
///
/// # Errors
/// It is not the name of an upstream archive in a Debian source package.
pub fn name_parts(name: &str) -> Result<(&str, &str)> {
    archive::parse_name(name).with_context(|| {
        format!("`{name}` is not named as an upstream archive is: package_version.orig.tar.xz")
    })
}

/// The upstream part of a Debian version.
pub fn upstream_part(debian: &str) -> &str {
    let no_epoch = debian.split_once(':').map_or(debian, |(_, rest)| rest);
    no_epoch
        .rsplit_once('-')
        .map_or(no_epoch, |(upstream, _)| upstream)
}

/// The release must be two numbers, those of the archive's upstream version, and that must be the
/// Debian version's.
fn check_versions(archive: &str, release: &str, debian_version: &str) -> Result<()> {
    let (_, upstream) = name_parts(archive)?;
    let number = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    if !release
        .split_once('.')
        .is_some_and(|(major, minor)| number(major) && number(minor))
    {
        bail!("`{release}` is no release: give two numbers, such as 4.20");
    }
    let rest = upstream.strip_prefix(release);
    if rest.is_none_or(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
        bail!("the archive is of Xen {upstream}, which is not of release {release}");
    }
    if upstream_part(debian_version) != upstream {
        bail!("Debian version {debian_version} is not one of upstream version {upstream}");
    }
    Ok(())
}

/// The manifest of an archive that the source package names `name`, with the licence of each file.
///
/// # Errors
/// Name and versions do not go together, or the licence of a file is not known.
pub fn describe(
    archive: &Archive,
    name: &str,
    release: &str,
    debian_version: &str,
) -> Result<Manifest> {
    check_versions(name, release, debian_version)?;
    let (package, upstream) = name_parts(name)?;
    let mut manifest = Manifest {
        release: release.to_owned(),
        source: Source {
            package: package.to_owned(),
            debian_version: debian_version.to_owned(),
            upstream_version: upstream.to_owned(),
            archive: name.to_owned(),
            size: archive.size,
            sha256: archive.sha256.clone(),
        },
        files: Vec::new(),
        left_out: Vec::new(),
    };
    for (path, found) in licences(&archive.files)? {
        let Finding { licence, basis } = found;
        if licence::is_permissive(&licence).map_err(|error| anyhow!("`{path}`: {error}"))? {
            manifest.files.push(File {
                sha256: sha256(&archive.files[&path]),
                path,
                licence,
                licence_from: basis,
            });
        } else {
            manifest.left_out.push(LeftOut {
                reason: format!("{licence} is not a permissive licence"),
                path,
                licence,
                licence_from: basis,
            });
        }
    }
    Ok(manifest)
}

/// The licence of each of these files, by path.
///
/// # Errors
/// A file whose licence is not known, with its path.
pub fn licences(files: &BTreeMap<String, Vec<u8>>) -> Result<BTreeMap<String, Finding>> {
    // What each COPYING says of its folder.
    let mut covered = Vec::new();
    for (path, bytes) in files {
        let Some(folder) = path.strip_suffix("COPYING") else {
            continue;
        };
        let said = licence::covers_folder(&String::from_utf8_lossy(bytes));
        if let Some(licence) = said.map_err(|error| unknown(path, &error))? {
            covered.push((folder, licence));
        }
    }
    let mut found = BTreeMap::new();
    for (path, bytes) in files {
        let copying = covered
            .iter()
            .filter(|(folder, _)| path.starts_with(folder))
            .max_by_key(|(folder, _)| folder.len())
            .map(|(_, licence)| licence.as_str());
        let finding = licence::classify(&String::from_utf8_lossy(bytes), copying)
            .map_err(|error| unknown(path, &error))?;
        found.insert(path.clone(), finding);
    }
    Ok(found)
}

fn unknown(path: &str, error: &str) -> anyhow::Error {
    anyhow!("the licence of `{path}` is not known: {error}")
}

/// Writes the files that the manifest lists, and the manifest.
fn write(folder: &Path, archive: &Archive, manifest: &Manifest) -> Result<()> {
    let put = |path: &str, bytes: &[u8]| -> Result<()> {
        let path = folder.join(path);
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent)
            .and_then(|()| std::fs::write(&path, bytes))
            .with_context(|| format!("writing {}", path.display()))
    };
    for file in &manifest.files {
        put(&file.path, &archive.files[&file.path])?;
    }
    put(manifest::NAME, manifest.to_text()?.as_bytes())
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::licence::Basis;
    use super::*;

    pub(crate) const COPYING: &str = "\
This copyright applies to all files within this subdirectory and its
subdirectories:
Permission is hereby granted, free of charge, to any person obtaining a copy of this thing
without restriction, including without limitation the rights to use, copy, modify, merge, publish,
distribute, sublicense, and/or sell copies of the Software
The above copyright notice and this permission notice shall be included in all copies or substantial
portions of the Software.
THE SOFTWARE IS PROVIDED \"AS IS\", WITHOUT WARRANTY OF ANY KIND
";

    pub(crate) const FILES: [(&str, &[u8]); 5] = [
        ("xen/include/public/COPYING", COPYING.as_bytes()),
        (
            "xen/include/public/xen.h",
            b"/* SPDX-License-Identifier: MIT */\r\nint x;\n",
        ),
        ("xen/include/public/io/blkif.h", b"int y;\n"),
        (
            "xen/include/public/arch-x.h",
            b"/* SPDX-License-Identifier: GPL-2.0-or-later */\n",
        ),
        (
            "tools/include/xen-sys/Linux/evtchn.h",
            b"/* This file is in the public domain. */\n",
        ),
    ];

    /// Imports files as release 4.20 into a folder.
    pub(crate) fn import_files(
        vendor: &Path,
        files: &[(&str, &[u8])],
    ) -> Result<(PathBuf, Manifest)> {
        let downloads = tempfile::tempdir()?;
        let archive = archive::tests::write(downloads.path(), "4.20.3", files);
        import(&request(vendor, &archive))
    }

    fn request<'a>(vendor: &'a Path, archive: &'a Path) -> Request<'a> {
        Request {
            archive,
            release: "4.20",
            debian_version: "4.20.3-1",
            vendor,
            force: false,
        }
    }

    #[test]
    fn a_folder_is_made_from_an_archive() {
        let vendor = tempfile::tempdir().unwrap();
        let (folder, manifest) = import_files(vendor.path(), &FILES).unwrap();
        let read = |path: &str| std::fs::read(folder.join(path)).unwrap();
        assert_eq!(read("include/public/xen.h"), FILES[1].1, "line ends stay");
        assert_eq!(read("include/xen-sys/Linux/evtchn.h"), FILES[4].1);
        assert!(!folder.join("include/public/arch-x.h").exists());
        assert_eq!(manifest.left_out.len(), 1);
        assert_eq!(manifest.left_out[0].path, "include/public/arch-x.h");
        assert_eq!(manifest.left_out[0].licence, "GPL-2.0-or-later");
        let listed: Vec<_> = manifest
            .files
            .iter()
            .map(|file| (&*file.path, &*file.licence, file.licence_from))
            .collect();
        assert_eq!(
            listed,
            [
                ("include/public/COPYING", "MIT", Basis::Notice),
                ("include/public/io/blkif.h", "MIT", Basis::Copying),
                ("include/public/xen.h", "MIT", Basis::SpdxLine),
                (
                    "include/xen-sys/Linux/evtchn.h",
                    "LicenseRef-public-domain",
                    Basis::Notice
                ),
            ]
        );
        assert_eq!(Manifest::read(&folder).unwrap(), manifest);
        let kept: Vec<_> = std::fs::read_dir(vendor.path()).unwrap().collect();
        assert_eq!(kept.len(), 1, "no scratch folder stays");
    }

    #[test]
    fn an_existing_folder_is_replaced_only_on_demand() {
        let vendor = tempfile::tempdir().unwrap();
        let archive = archive::tests::write(vendor.path(), "4.20.3", &FILES);
        let request = request(vendor.path(), &archive);
        let (folder, first) = import(&request).unwrap();
        std::fs::write(folder.join("include/public/extra.h"), "x").unwrap();
        let error = format!("{:#}", import(&request).unwrap_err());
        assert!(error.contains("--force"), "{error}");
        let again = Request {
            force: true,
            ..request
        };
        let (_, second) = import(&again).unwrap();
        assert_eq!(first, second);
        assert!(!folder.join("include/public/extra.h").exists());
    }

    #[test]
    fn an_unknown_licence_stops_the_import_and_leaves_nothing() {
        let mut files = FILES.to_vec();
        files.push(("tools/include/xen-sys/MiniOS/x.h", b"int z;\n"));
        let vendor = tempfile::tempdir().unwrap();
        let error = format!("{:#}", import_files(vendor.path(), &files).unwrap_err());
        assert!(error.contains("include/xen-sys/MiniOS/x.h"), "{error}");
        assert_eq!(std::fs::read_dir(vendor.path()).unwrap().count(), 0);
    }

    #[test]
    fn release_archive_and_debian_version_must_agree() {
        let vendor = tempfile::tempdir().unwrap();
        let archive = archive::tests::write(vendor.path(), "4.20.3", &FILES);
        let good = request(vendor.path(), &archive);
        for (release, debian_version, expected) in [
            ("4.2", "4.20.3-1", "not of release 4.2"),
            ("4.17", "4.20.3-1", "Xen 4.20.3"),
            ("../x", "4.20.3-1", "no release"),
            ("4", "4.20.3-1", "no release"),
            ("4.20", "4.20.4-1", "4.20.4-1 is not one of"),
        ] {
            let bad = Request {
                release,
                debian_version,
                ..good.clone()
            };
            let error = format!("{:#}", import(&bad).unwrap_err());
            assert!(error.contains(expected), "{error}");
        }
        let misnamed = vendor.path().join("xen.tar.xz");
        std::fs::copy(&archive, &misnamed).unwrap();
        let bad = Request {
            archive: &misnamed,
            ..good
        };
        assert!(format!("{:#}", import(&bad).unwrap_err()).contains("xen.tar.xz"));
    }

    #[test]
    fn debian_versions_tell_their_upstream_part() {
        for (debian, upstream) in [
            ("4.14.6-1", "4.14.6"),
            ("4.20.3+127-gc42374a105-0+deb13u1", "4.20.3+127-gc42374a105"),
            ("1:2.0-3", "2.0"),
        ] {
            assert_eq!(upstream_part(debian), upstream);
        }
    }
}
