//! `cargo xtask vendor`: the pristine Xen headers in `vendor/`, and the proof that they are.
//!
//! A release's folder is made by [`import`] from the upstream archive of a Debian source package,
//! and its manifest ([`manifest`]) says which archive that was and what each file is. [`check`]
//! proves the folder unmodified, against the manifest alone or against the archive, which comes
//! from the machine's own apt ([`crate::apt`]) or from a file. Only permissively licensed files are
//! vendored; [`licence`] reads from each file what it is under.
//!
//! A comparison that could not be made is reported as `NOT RUN` with the reason, and shows in the
//! exit status: 0 all passed, 1 something failed, [`NOT_RUN`] nothing failed but something was not
//! run.

pub mod archive;
pub mod check;
pub mod import;
pub mod licence;
pub mod manifest;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};

use crate::apt::{self, Apt};
use crate::headers::RELEASES;
use crate::tool::{self, NOT_RUN};
use manifest::Manifest;

/// The commands on `vendor/`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make the folder of a release from an upstream archive.
    Import {
        /// The archive, as the source package names it: xen_4.20.3.orig.tar.xz.
        archive: PathBuf,
        /// The release, such as 4.20.
        #[arg(long, value_name = "X.Y")]
        release: String,
        /// The version of the Debian source package; found through apt if it is not given.
        #[arg(long, value_name = "VERSION")]
        debian_version: Option<String>,
        /// Replace the folder if it is there already.
        #[arg(long)]
        force: bool,
    },
    /// Prove that no vendored file was changed, added or removed.
    ///
    /// Exit status: 0 all passed, 1 something failed, 3 nothing failed but a comparison with the
    /// archive could not be run.
    Check {
        /// Compare with the pinned archives too, which the machine's apt fetches.
        #[arg(long)]
        against_source: bool,
        /// Compare with this archive, which needs no network; can be given more than once.
        #[arg(long, value_name = "FILE")]
        source: Vec<PathBuf>,
    },
}

/// Runs a command on the workspace's `vendor/`.
///
/// # Errors
/// The command could not do its work. What a check found wrong is printed, and is in the exit
/// status.
pub fn run(command: Command) -> Result<ExitCode> {
    let vendor = tool::root().join("vendor");
    match command {
        Command::Import {
            archive,
            release,
            debian_version,
            force,
        } => {
            let debian_version = match debian_version {
                Some(version) => version,
                None => find_debian_version(&archive)?,
            };
            let request = import::Request {
                archive: &archive,
                release: &release,
                debian_version: &debian_version,
                vendor: &vendor,
                force,
            };
            let (folder, manifest) = import::import(&request)?;
            println!("made {}", folder.display());
            print!("{}", summary(&manifest));
            Ok(ExitCode::SUCCESS)
        }
        Command::Check {
            against_source,
            source,
        } => {
            let sources = Sources::new(&source, against_source)?;
            let status = run_check(&vendor, &RELEASES.map(|release| release.0), &sources)?;
            Ok(ExitCode::from(status.code()))
        }
    }
}

/// The one version that apt offers of the archive's upstream version.
fn find_debian_version(archive: &Path) -> Result<String> {
    let name = archive.file_name().unwrap_or_default().to_string_lossy();
    let (package, upstream) = import::name_parts(&name)?;
    let hint = || format!("looking for the Debian version of {name}; --debian-version gives it");
    let offered = Apt::machine()
        .and_then(|apt| apt.offered_source(package))
        .with_context(hint)?;
    let mut versions: Vec<_> = offered
        .into_iter()
        .map(|offer| offer.version)
        .filter(|version| import::upstream_part(version) == upstream)
        .collect();
    versions.sort_unstable();
    versions.dedup();
    match versions.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(anyhow!("no version on offer has that upstream version")).with_context(hint),
        more => Err(anyhow!("{} have that upstream version", more.join(", "))).with_context(hint),
    }
}

/// What a manifest lists, for people.
fn summary(manifest: &Manifest) -> String {
    let mut licences: BTreeMap<&str, usize> = BTreeMap::new();
    for file in &manifest.files {
        *licences.entry(&file.licence).or_default() += 1;
    }
    let mut text = format!("  {} files\n", manifest.files.len());
    for (licence, count) in licences {
        text += &format!("  {count:5} {licence}\n");
    }
    for left in &manifest.left_out {
        text += &format!("  left out: {} ({})\n", left.path, left.reason);
    }
    text
}

/// Where archives to compare with come from.
#[derive(Debug)]
struct Sources {
    /// Given files, by SHA-256.
    files: BTreeMap<String, PathBuf>,
    /// The machine's apt for all others, if it was asked for, or why it cannot be used.
    apt: Option<Result<Apt, String>>,
    /// Whether archives are compared with at all.
    wanted: bool,
}

impl Sources {
    fn new(files: &[PathBuf], against_source: bool) -> Result<Self> {
        let mut by_digest = BTreeMap::new();
        for file in files {
            let (_, _, digest) = archive::load(file)?;
            by_digest.insert(digest, file.clone());
        }
        Ok(Self {
            wanted: against_source || !files.is_empty(),
            files: by_digest,
            apt: against_source.then(|| Apt::machine().map_err(|error| error.to_string())),
        })
    }

    /// The archive of a release, or why there is none to compare with: nothing is known then, unless apt
    /// brought something wrong.
    fn archive(&self, manifest: &Manifest) -> Result<PathBuf, (Status, String)> {
        let source = &manifest.source;
        if let Some(file) = self.files.get(&source.sha256) {
            return Ok(file.clone());
        }
        // The right name with another digest: that is for the comparison to tell.
        let named = |file: &&PathBuf| {
            file.file_name()
                .is_some_and(|name| *name == *source.archive)
        };
        if let Some(file) = self.files.values().find(named) {
            return Ok(file.clone());
        }
        match &self.apt {
            None => Err((Status::NotRun, "no --source FILE given for it".to_owned())),
            Some(Err(reason)) => Err((Status::NotRun, reason.clone())),
            Some(Ok(apt)) => apt
                .fetch_source(&source.package, &source.debian_version)
                .map_err(|error| match error {
                    apt::Error::Failed(error) => (Status::Failed, format!("{error:#}")),
                    error => (Status::NotRun, error.to_string()),
                }),
        }
    }
}

/// How a check ended, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Status {
    Passed,
    NotRun,
    Failed,
}

impl Status {
    fn code(self) -> u8 {
        match self {
            Status::Passed => 0,
            Status::NotRun => NOT_RUN,
            Status::Failed => 1,
        }
    }
}

/// Checks the folder and prints what was found, a line a release and a line a problem.
fn run_check(vendor: &Path, required: &[&str], sources: &Sources) -> Result<Status> {
    let tree = check::tree(vendor, required)?;
    let mut status = Status::Passed;
    let mut fail = |problems: &[String]| {
        for problem in problems {
            println!("  FAILED {problem}");
        }
        if !problems.is_empty() {
            status = Status::Failed;
        }
    };
    for release in &tree.releases {
        match &release.manifest {
            Some(manifest) if release.problems.is_empty() => println!(
                "{}: {} files as the manifest says, {} left out",
                release.name,
                manifest.files.len(),
                manifest.left_out.len()
            ),
            _ => println!("{}: not as the manifest says", release.name),
        }
        fail(&release.problems);
    }
    fail(&tree.problems);
    if sources.wanted {
        let known: Vec<_> = tree
            .releases
            .iter()
            .filter_map(|r| r.manifest.as_ref())
            .collect();
        refuse_strangers(&known, sources)?;
        for manifest in known {
            status = status.max(compare(vendor, manifest, sources));
        }
    }
    Ok(status)
}

/// A given file that no release was made from would otherwise go unused without a word.
fn refuse_strangers(manifests: &[&Manifest], sources: &Sources) -> Result<()> {
    for (digest, file) in &sources.files {
        let fits = |manifest: &&&Manifest| {
            manifest.source.sha256 == *digest
                || file
                    .file_name()
                    .is_some_and(|name| *name == *manifest.source.archive)
        };
        if manifests.iter().find(fits).is_none() {
            bail!(
                "{}: no release here comes from it, by name or by sha256 {digest}",
                file.display()
            );
        }
    }
    Ok(())
}

/// Compares one release with its archive and prints the outcome.
fn compare(vendor: &Path, manifest: &Manifest, sources: &Sources) -> Status {
    let name = manifest::folder_name(&manifest.release);
    let path = match sources.archive(manifest) {
        Ok(path) => path,
        Err((status, reason)) => {
            let word = if status == Status::Failed {
                "FAILED"
            } else {
                "NOT RUN"
            };
            println!("{name}: {word}: comparison with the archive: {reason}");
            return status;
        }
    };
    let problems = match archive::read(&path) {
        Ok(archive) => check::against(vendor, manifest, &archive),
        Err(error) => vec![format!("{error:#}")],
    };
    if problems.is_empty() {
        println!(
            "{name}: {} files identical to {}",
            manifest.files.len(),
            manifest.source.archive
        );
        return Status::Passed;
    }
    println!("{name}: not as {}", path.display());
    for problem in problems {
        println!("  FAILED {problem}");
    }
    Status::Failed
}

#[cfg(test)]
mod tests {
    use super::import::tests::{FILES, import_files};
    use super::*;

    fn vendor() -> tempfile::TempDir {
        let vendor = tempfile::tempdir().unwrap();
        import_files(vendor.path(), &FILES).unwrap();
        vendor
    }

    #[test]
    fn a_passed_check_passes_and_a_failed_one_fails() {
        let vendor = vendor();
        let sources = Sources::new(&[], false).unwrap();
        assert_eq!(
            run_check(vendor.path(), &["4.20"], &sources).unwrap(),
            Status::Passed
        );
        std::fs::write(vendor.path().join("xen-4.20/include/x.h"), "").unwrap();
        assert_eq!(
            run_check(vendor.path(), &["4.20"], &sources).unwrap(),
            Status::Failed
        );
        let nothing = tempfile::tempdir().unwrap();
        assert_eq!(
            run_check(nothing.path(), &["4.20"], &sources).unwrap(),
            Status::Failed
        );
    }

    #[test]
    fn a_given_archive_is_compared_and_a_strange_one_refused() {
        let vendor = vendor();
        let downloads = tempfile::tempdir().unwrap();
        let check = |version: &str, files: &[(&str, &[u8])]| {
            let file = archive::tests::write(downloads.path(), version, files);
            run_check(vendor.path(), &["4.20"], &Sources::new(&[file], false)?)
        };
        assert_eq!(check("4.20.3", &FILES).unwrap(), Status::Passed);
        let mut tampered = FILES;
        tampered[2].1 = b"int yy;\n";
        assert_eq!(check("4.20.3", &tampered).unwrap(), Status::Failed);
        let error = format!("{:#}", check("4.19.9", &FILES).unwrap_err());
        assert!(
            error.contains("xen_4.19.9.orig.tar.xz: no release"),
            "{error}"
        );
        let broken = downloads.path().join("xen_4.20.3.orig.tar.xz");
        std::fs::write(&broken, "cut off").unwrap();
        let sources = Sources::new(&[broken], false).unwrap();
        assert_eq!(
            run_check(vendor.path(), &["4.20"], &sources).unwrap(),
            Status::Failed
        );
    }

    #[test]
    fn no_mirror_is_not_run_with_the_reason_and_never_hides_a_failure() {
        let vendor = vendor();
        let etc = tempfile::tempdir().unwrap();
        let apt = Apt::new(etc.path(), etc.path()).map_err(|error| error.to_string());
        let sources = Sources {
            files: BTreeMap::new(),
            apt: Some(apt),
            wanted: true,
        };
        let manifest = Manifest::read(&vendor.path().join("xen-4.20")).unwrap();
        let (status, reason) = sources.archive(&manifest).unwrap_err();
        let told = reason.contains("name no Debian release") || reason.contains("no apt-");
        assert!(told && status == Status::NotRun, "{status:?}: {reason}");
        let status = run_check(vendor.path(), &["4.20"], &sources).unwrap();
        assert_eq!((status, status.code()), (Status::NotRun, NOT_RUN));
        std::fs::write(vendor.path().join("stray"), "").unwrap();
        assert_eq!(
            run_check(vendor.path(), &["4.20"], &sources).unwrap(),
            Status::Failed
        );
    }

    #[test]
    fn a_release_without_a_given_archive_is_not_run() {
        let vendor = vendor();
        let sources = Sources {
            files: BTreeMap::new(),
            apt: None,
            wanted: true,
        };
        assert_eq!(
            run_check(vendor.path(), &["4.20"], &sources).unwrap(),
            Status::NotRun
        );
    }

    #[test]
    fn the_summary_counts_licences_and_names_what_is_left_out() {
        let vendor = vendor();
        let manifest = Manifest::read(&vendor.path().join("xen-4.20")).unwrap();
        let text = summary(&manifest);
        assert!(text.contains("4 files\n"), "{text}");
        assert!(text.contains("3 MIT\n"), "{text}");
        assert!(
            text.contains("left out: include/public/arch-x.h (GPL"),
            "{text}"
        );
    }
}
