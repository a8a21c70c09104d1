//! Proving that the vendored headers are what their manifests and their archives say.
//!
//! [`tree`] holds the folder of all releases against the manifests in it; [`against`] holds one
//! release against the bytes of its archive. Both return every difference they find, each with the
//! file's name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};

use super::archive::Archive;
use super::import::{describe, licences};
use super::licence::is_permissive;
use super::manifest::{self, Manifest};
use crate::tool::sha256;

/// What else stands in the folder of all releases.
const BESIDE: [&str; 1] = ["README.md"];

/// What was found about one release.
#[derive(Debug)]
pub struct Release {
    /// The folder's name, such as `xen-4.20`.
    pub name: String,
    /// Its manifest, if that can be read.
    pub manifest: Option<Manifest>,
    /// What is wrong.
    pub problems: Vec<String>,
}

/// What was found about the whole folder.
#[derive(Debug, Default)]
pub struct Tree {
    /// Each release, by name.
    pub releases: Vec<Release>,
    /// What is wrong beside the releases.
    pub problems: Vec<String>,
}

/// Checks the folder of all releases against the manifests in it. The `required` releases must be
/// there, others may be.
///
/// # Errors
/// The folder cannot be read. What is wrong with its content is in the answer.
pub fn tree(vendor: &Path, required: &[&str]) -> Result<Tree> {
    let mut tree = Tree::default();
    for (name, kind) in list(vendor)? {
        if kind == Kind::Folder && name.starts_with("xen-") {
            tree.releases.push(release(vendor, &name)?);
        } else if kind != Kind::File || !BESIDE.contains(&name.as_str()) {
            tree.problems.push(format!(
                "{name}: {} that belongs to no release",
                kind.word()
            ));
        }
    }
    for name in required
        .iter()
        .map(|release| manifest::folder_name(release))
    {
        if !tree.releases.iter().any(|release| release.name == name) {
            tree.problems.push(format!("{name}: missing"));
        }
    }
    Ok(tree)
}

/// Checks one release's folder against its manifest.
fn release(vendor: &Path, name: &str) -> Result<Release> {
    let folder = vendor.join(name);
    let manifest = match Manifest::read(&folder) {
        Ok(manifest) => manifest,
        Err(error) => {
            return Ok(Release {
                name: name.to_owned(),
                manifest: None,
                problems: vec![format!("{name}/{}: {error:#}", manifest::NAME)],
            });
        }
    };
    let mut problems = Vec::new();
    let mut here = BTreeMap::new();
    walk(&folder, "", &mut here, &mut problems)?;
    here.remove(manifest::NAME);
    for file in &manifest.files {
        match here.get(&file.path) {
            None => problems.push(format!("{}: missing", file.path)),
            Some(bytes) if sha256(bytes) != file.sha256 => {
                problems.push(format!("{}: changed", file.path));
            }
            Some(_) => {}
        }
    }
    let listed: BTreeSet<&str> = manifest.files.iter().map(|file| &*file.path).collect();
    for path in here.keys() {
        if manifest.left_out.iter().any(|left| left.path == *path) {
            problems.push(format!("{path}: here, though the manifest leaves it out"));
        } else if !listed.contains(path.as_str()) {
            problems.push(format!("{path}: added, the manifest does not list it"));
        }
    }
    if problems.is_empty() {
        problems.extend(licence_problems(&manifest, &here));
    }
    Ok(Release {
        name: name.to_owned(),
        problems: problems
            .into_iter()
            .map(|problem| format!("{name}/{problem}"))
            .collect(),
        manifest: Some(manifest),
    })
}

/// Where the manifest's licences are not those that the files show, or not permissive.
fn licence_problems(manifest: &Manifest, here: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let found = match licences(here) {
        Ok(found) => found,
        Err(error) => return vec![format!("{}: {error:#}", manifest::NAME)],
    };
    let mut problems = Vec::new();
    for file in &manifest.files {
        let shown = &found[&file.path];
        if (&shown.licence, shown.basis) != (&file.licence, file.licence_from) {
            problems.push(format!(
                "{}: the file shows {} ({:?}), the manifest says {} ({:?})",
                file.path, shown.licence, shown.basis, file.licence, file.licence_from
            ));
        }
        if is_permissive(&file.licence) != Ok(true) {
            problems.push(format!("{}: {} is not permissive", file.path, file.licence));
        }
    }
    problems
}

/// Compares one release with the archive it came from, byte for byte.
pub fn against(vendor: &Path, manifest: &Manifest, archive: &Archive) -> Vec<String> {
    let name = manifest::folder_name(&manifest.release);
    let mut problems = Vec::new();
    let source = &manifest.source;
    if (&archive.sha256, archive.size) != (&source.sha256, source.size) {
        problems.push(format!(
            "{}: {} bytes, sha256 {}, but {name}/{} pins {} bytes, {}",
            archive.name,
            archive.size,
            archive.sha256,
            manifest::NAME,
            source.size,
            source.sha256
        ));
    }
    let mut expected: BTreeSet<&str> = archive.files.keys().map(String::as_str).collect();
    for left in &manifest.left_out {
        if !expected.remove(&*left.path) {
            problems.push(format!(
                "{name}/{}: left out, but not in the archive",
                left.path
            ));
        }
    }
    for file in &manifest.files {
        if !expected.remove(&*file.path) {
            problems.push(format!("{name}/{}: not in the archive", file.path));
            continue;
        }
        match std::fs::read(vendor.join(&name).join(&file.path)) {
            Ok(bytes) if bytes == archive.files[&file.path] => {}
            Ok(_) => problems.push(format!("{name}/{}: differs from the archive", file.path)),
            Err(error) => problems.push(format!("{name}/{}: {error}", file.path)),
        }
    }
    for path in expected {
        problems.push(format!(
            "{name}/{path}: in the archive, but neither here nor left out"
        ));
    }
    // Licences, reasons, versions: whatever else the manifest says must follow from the archive.
    if problems.is_empty() {
        let made = describe(
            archive,
            &source.archive,
            &manifest.release,
            &source.debian_version,
        );
        match made {
            Ok(made) if made == *manifest => {}
            Ok(_) => problems.push(format!(
                "{name}/{}: not what importing {} gives",
                manifest::NAME,
                archive.name
            )),
            Err(error) => problems.push(format!("{name}/{}: {error:#}", manifest::NAME)),
        }
    }
    problems
}

/// What a folder's entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
    Other,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::File => "a file",
            Kind::Folder => "a folder",
            Kind::Other => "a link or device",
        }
    }
}

/// The entries of a folder by name, links not followed.
fn list(folder: &Path) -> Result<BTreeMap<String, Kind>> {
    let reading = || format!("reading {}", folder.display());
    let mut entries = BTreeMap::new();
    for entry in std::fs::read_dir(folder).with_context(reading)? {
        let entry = entry.with_context(reading)?;
        let kind = entry.file_type().with_context(reading)?;
        let kind = match (kind.is_file(), kind.is_dir()) {
            (true, _) => Kind::File,
            (_, true) => Kind::Folder,
            _ => Kind::Other,
        };
        entries.insert(entry.file_name().to_string_lossy().into_owned(), kind);
    }
    Ok(entries)
}

/// Reads all files below a folder; what is no plain file, and folders without files, are problems.
fn walk(
    folder: &Path,
    prefix: &str,
    files: &mut BTreeMap<String, Vec<u8>>,
    problems: &mut Vec<String>,
) -> Result<()> {
    let entries = list(folder)?;
    if entries.is_empty() {
        problems.push(format!("{prefix}: an empty folder"));
    }
    for (name, kind) in entries {
        let path = folder.join(&name);
        let shown = format!("{prefix}{name}");
        match kind {
            Kind::Folder => walk(&path, &format!("{shown}/"), files, problems)?,
            Kind::Other => problems.push(format!("{shown}: {} instead of a file", kind.word())),
            Kind::File => {
                if is_executable(&path)? {
                    problems.push(format!("{shown}: marked as executable"));
                }
                let bytes =
                    std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
                files.insert(shown, bytes);
            }
        }
    }
    Ok(())
}

#[cfg(unix)]
fn is_executable(path: &Path) -> Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    let data = std::fs::metadata(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(data.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
#[expect(
    clippy::unnecessary_wraps,
    reason = "as on the systems that have the mark"
)]
fn is_executable(_: &Path) -> Result<bool> {
    Ok(false)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use quickcheck::{TestResult, quickcheck};

    use super::super::archive;
    use super::super::import::tests::{FILES, import_files};
    use super::*;

    struct Fixture {
        vendor: tempfile::TempDir,
        folder: PathBuf,
        manifest: Manifest,
    }

    fn fixture() -> Fixture {
        let vendor = tempfile::tempdir().unwrap();
        let (folder, manifest) = import_files(vendor.path(), &FILES).unwrap();
        Fixture {
            vendor,
            folder,
            manifest,
        }
    }

    impl Fixture {
        fn problems(&self) -> Vec<String> {
            let tree = tree(self.vendor.path(), &["4.20"]).unwrap();
            let releases = tree
                .releases
                .into_iter()
                .flat_map(|release| release.problems);
            tree.problems.into_iter().chain(releases).collect()
        }

        fn put(&self, path: &str, bytes: &[u8]) {
            let path = self.folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }

        fn archive(&self, files: &[(&str, &[u8])]) -> Archive {
            let downloads = tempfile::tempdir().unwrap();
            archive::read(&archive::tests::write(downloads.path(), "4.20.3", files)).unwrap()
        }

        /// Writes the manifest anew, so that it agrees with changed files.
        fn rewrite(&mut self) {
            for file in &mut self.manifest.files {
                file.sha256 = sha256(&std::fs::read(self.folder.join(&file.path)).unwrap());
            }
            self.put(manifest::NAME, self.manifest.to_text().unwrap().as_bytes());
        }
    }

    const HEADER: &str = "include/public/xen.h";

    #[test]
    fn what_was_imported_passes() {
        let made = fixture();
        assert_eq!(made.problems(), [""; 0]);
        std::fs::write(made.vendor.path().join("README.md"), "text").unwrap();
        assert_eq!(made.problems(), [""; 0]);
    }

    #[test]
    fn each_kind_of_change_is_found_by_name() {
        type Change = fn(&Fixture);
        let cases: [(Change, &str); 10] = [
            (
                |made| made.put(HEADER, b"/* SPDX-License-Identifier: MIT */\nint x;\n"),
                "xen-4.20/include/public/xen.h: changed",
            ),
            (
                |made| made.put("include/public/new.h", b""),
                "xen-4.20/include/public/new.h: added",
            ),
            (|made| made.put("note", b""), "xen-4.20/note: added"),
            (
                |made| std::fs::remove_file(made.folder.join(HEADER)).unwrap(),
                "xen-4.20/include/public/xen.h: missing",
            ),
            (
                |made| made.put("include/public/arch-x.h", FILES[3].1),
                "xen-4.20/include/public/arch-x.h: here, though",
            ),
            (
                |made| std::fs::create_dir(made.folder.join("include/empty")).unwrap(),
                "xen-4.20/include/empty/: an empty folder",
            ),
            (
                |made| std::fs::remove_file(made.folder.join(manifest::NAME)).unwrap(),
                "xen-4.20/PROVENANCE.toml: reading",
            ),
            (
                |made| std::fs::write(made.vendor.path().join("stray"), "").unwrap(),
                "stray: a file that belongs to no release",
            ),
            (
                |made| std::fs::remove_dir_all(&made.folder).unwrap(),
                "xen-4.20: missing",
            ),
            (
                |made| std::fs::rename(&made.folder, made.vendor.path().join("4.20")).unwrap(),
                "4.20: a folder that belongs to no release",
            ),
        ];
        for (change, expected) in cases {
            let made = fixture();
            change(&made);
            let problems = made.problems();
            assert!(
                problems[0].starts_with(expected),
                "{expected}: {problems:?}"
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_and_modes_are_found_by_name() {
        use std::os::unix::fs::PermissionsExt;
        let made = fixture();
        let path = made.folder.join(HEADER);
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&path, mode).unwrap();
        assert_eq!(
            made.problems(),
            ["xen-4.20/include/public/xen.h: marked as executable"]
        );
        std::fs::rename(&path, made.vendor.path().join("README.md")).unwrap();
        std::os::unix::fs::symlink("../../../README.md", &path).unwrap();
        let problems = made.problems();
        assert!(problems[0].contains("xen.h: a link"), "{problems:?}");
    }

    #[test]
    fn a_licence_that_the_file_does_not_show_is_found() {
        let mut made = fixture();
        made.manifest.files[2].licence = "ISC".to_owned();
        made.rewrite();
        let problems = made.problems();
        assert!(
            problems[0].contains("xen.h: the file shows MIT"),
            "{problems:?}"
        );
        let mut made = fixture();
        made.put(
            "include/public/io/blkif.h",
            b"// SPDX-License-Identifier: GPL-2.0-only\n",
        );
        made.manifest.files[1].licence = "GPL-2.0-only".to_owned();
        made.rewrite();
        let problems = made.problems();
        assert!(
            problems[1].contains("blkif.h: GPL-2.0-only is not"),
            "{problems:?}"
        );
    }

    quickcheck! {
        fn any_changed_byte_is_found(file: usize, at: usize, change: u8) -> TestResult {
            if change == 0 {
                return TestResult::discard();
            }
            let made = fixture();
            let listed = &made.manifest.files;
            let path = &listed[file % listed.len()].path;
            let mut bytes = std::fs::read(made.folder.join(path)).unwrap();
            let at = at % bytes.len();
            bytes[at] ^= change;
            made.put(path, &bytes);
            TestResult::from_bool(made.problems() == [format!("xen-4.20/{path}: changed")])
        }

        fn any_changed_byte_of_a_manifest_is_found(at: usize, change: u8) -> TestResult {
            if change == 0 {
                return TestResult::discard();
            }
            let made = fixture();
            let mut bytes = std::fs::read(made.folder.join(manifest::NAME)).unwrap();
            let at = at % bytes.len();
            bytes[at] ^= change;
            made.put(manifest::NAME, &bytes);
            let tree = tree(made.vendor.path(), &[]).unwrap();
            if !tree.releases[0].problems.is_empty() {
                return TestResult::passed();
            }
            // What describes the archive shows against the archive; which Debian revision had that
            // archive is known to the mirrors alone.
            let changed = tree.releases[0].manifest.as_ref().unwrap();
            let archive = made.archive(&FILES);
            let found = !against(made.vendor.path(), changed, &archive).is_empty();
            let revision = changed.source.debian_version.strip_prefix("4.20.3-");
            TestResult::from_bool(found || revision.is_some_and(|revision| revision != "1"))
        }
    }

    #[test]
    fn the_archive_itself_agrees() {
        let made = fixture();
        let mut archive = made.archive(&FILES);
        assert_eq!(
            against(made.vendor.path(), &made.manifest, &archive),
            [""; 0]
        );
        archive.name = "renamed".to_owned();
        assert_eq!(
            against(made.vendor.path(), &made.manifest, &archive),
            [""; 0]
        );
    }

    #[test]
    fn a_file_changed_together_with_its_manifest_shows_against_the_archive() {
        let mut made = fixture();
        made.put("include/public/io/blkif.h", b"int z;\n");
        made.rewrite();
        assert_eq!(made.problems(), [""; 0]);
        let archive = made.archive(&FILES);
        assert_eq!(
            against(made.vendor.path(), &made.manifest, &archive),
            ["xen-4.20/include/public/io/blkif.h: differs from the archive"]
        );
    }

    #[test]
    fn what_a_manifest_says_of_left_out_files_must_follow_from_the_archive() {
        let mut made = fixture();
        made.manifest.left_out[0].reason = "forgotten".to_owned();
        made.rewrite();
        assert_eq!(made.problems(), [""; 0]);
        let archive = made.archive(&FILES);
        assert_eq!(
            against(made.vendor.path(), &made.manifest, &archive),
            ["xen-4.20/PROVENANCE.toml: not what importing xen_4.20.3.orig.tar.xz gives"]
        );
    }

    #[test]
    fn another_archive_is_found_by_its_digest_and_its_files() {
        let made = fixture();
        let mut files = FILES.to_vec();
        files[1].1 = b"/* SPDX-License-Identifier: MIT */\r\nint w;\n";
        files[3].0 = "xen/include/public/arch-y.h";
        let problems = against(made.vendor.path(), &made.manifest, &made.archive(&files));
        for expected in [
            "xen_4.20.3.orig.tar.xz: ",
            "xen-4.20/include/public/arch-x.h: left out, but not",
            "xen-4.20/include/public/xen.h: differs",
            "xen-4.20/include/public/arch-y.h: in the archive, but neither",
        ] {
            let found = problems.iter().any(|problem| problem.starts_with(expected));
            assert!(found, "{expected}: {problems:?}");
        }
        files.remove(2);
        let problems = against(made.vendor.path(), &made.manifest, &made.archive(&files));
        let gone = "xen-4.20/include/public/io/blkif.h: not in the archive";
        assert!(
            problems.iter().any(|problem| problem == gone),
            "{problems:?}"
        );
    }
}
