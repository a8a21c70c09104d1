//! Debian packages of given versions through the machine's own apt, without touching its state.
//!
//! [`Apt::machine`] reads the machine's apt sources and adds the other Debian releases on the same
//! mirrors (see [`sources`]). Everything apt keeps goes into folders of our own: one for the source
//! index and one for each architecture, so that packages of a foreign architecture can be had
//! without configuring it. Indexes are read again after a day, or when a download fails.
//! Downloads are kept, and apt checks them against the signed index.
//!
//! ```no_run
//! let apt = xtask::apt::Apt::machine()?;
//! for offer in apt.offered("xen-hypervisor-4.17-amd64", "amd64")? {
//!     println!("{} from {}", offer.version, offer.origin);
//! }
//! let deb = apt.fetch_deb("xen-hypervisor-4.17-amd64", "4.17.5+72-g01140da4e8-1", "amd64")?;
//! println!("{}", deb.display());
//! # Ok::<(), xtask::apt::Error>(())
//! ```
//!
//! Installing packages is another matter: [`may_install`] says whether it is allowed here.

pub mod sources;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow};

use crate::tool;
use sources::Entry;

/// How long an index is good for.
const FRESH: Duration = Duration::from_secs(24 * 60 * 60);

/// What [`Apt`] can answer instead of a package.
#[derive(Debug)]
pub enum Error {
    /// There is no apt here, no Debian mirror in its sources, or no mirror that answers. Nothing is
    /// known about the package.
    Unavailable(String),
    /// The mirrors answered, and have other versions of the package or none.
    NotOffered {
        /// The package asked for.
        package: String,
        /// The version asked for.
        version: String,
        /// What there is instead.
        offered: Vec<Offer>,
        /// What apt complained about when it read the indexes: a suite missing from the answer.
        complaint: Option<String>,
    },
    /// A command failed, with its output, or a file could not be written.
    Failed(anyhow::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Unavailable(reason) => f.write_str(reason),
            Error::NotOffered {
                package,
                version,
                offered,
                complaint,
            } => {
                write!(f, "{package} {version} is no longer offered")?;
                let mut versions: Vec<_> = offered.iter().map(|offer| &*offer.version).collect();
                versions.dedup();
                if versions.is_empty() {
                    write!(f, ", nor is any other version")?;
                } else {
                    write!(f, "; on offer: {}", versions.join(", "))?;
                }
                match complaint {
                    Some(complaint) => write!(f, "\n(incomplete: {complaint})"),
                    None => Ok(()),
                }
            }
            Error::Failed(error) => write!(f, "{error:#}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<anyhow::Error> for Error {
    fn from(error: anyhow::Error) -> Self {
        Error::Failed(error)
    }
}

/// A version that a mirror has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The Debian version.
    pub version: String,
    /// Address, suite and component as apt shows them.
    pub origin: String,
}

/// A kind of package index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Index<'a> {
    Source,
    Binary(&'a str),
}

/// An index that was read: its apt configuration, and what apt complained about.
struct Ready {
    conf: PathBuf,
    complaint: Option<String>,
    just_read: bool,
}

/// A private apt on the machine's mirrors.
#[derive(Debug)]
pub struct Apt {
    entries: Vec<Entry>,
    dir: PathBuf,
    /// Why an index could not be had, by its name: a network that does not answer can take minutes
    /// to say so, and need not be asked again.
    dead: Mutex<BTreeMap<String, String>>,
}

impl Apt {
    /// The machine's mirrors, with the cache below cargo's target folder.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where there is no apt or no Debian mirror.
    pub fn machine() -> Result<Self, Error> {
        Self::new(Path::new("/etc/apt"), &tool::cache_dir("apt")?)
    }

    /// As [`machine`](Self::machine), with the sources read below `etc` and everything kept below
    /// `dir`.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where there is no apt or no Debian mirror, [`Error::Failed`] for
    /// sources that cannot be understood.
    pub fn new(etc: &Path, dir: &Path) -> Result<Self, Error> {
        for program in ["apt-get", "apt-cache"] {
            if !tool::have(program) {
                return Err(Error::Unavailable(format!("no {program} on this machine")));
            }
        }
        let configured = sources::read(etc)?;
        let entries = sources::widen(&configured);
        if entries.is_empty() {
            let mut suites: Vec<_> = configured.iter().map(|entry| &*entry.suite).collect();
            suites.sort_unstable();
            suites.dedup();
            return Err(Error::Unavailable(format!(
                "the apt sources below {} name no Debian release (suites found: {})",
                etc.display(),
                if suites.is_empty() {
                    "none".to_owned()
                } else {
                    suites.join(" ")
                }
            )));
        }
        let dir = std::path::absolute(dir).context("finding the cache folder")?;
        Ok(Self {
            entries,
            dir,
            dead: Mutex::default(),
        })
    }

    /// The versions of a binary package for an architecture (`amd64`, `arm64`, `armhf`), over all
    /// releases; none if the package is unknown.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when no mirror answers.
    pub fn offered(&self, package: &str, arch: &str) -> Result<Vec<Offer>, Error> {
        madison(&self.ready(Index::Binary(arch), false)?, package)
    }

    /// The versions of a source package, over all releases; none if the package is unknown.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when no mirror answers.
    pub fn offered_source(&self, package: &str) -> Result<Vec<Offer>, Error> {
        madison(&self.ready(Index::Source, false)?, package)
    }

    /// Downloads one version of a binary package, and returns the file. A package that was
    /// downloaded before is returned without asking a mirror.
    ///
    /// # Errors
    /// [`Error::NotOffered`] with what there is instead, [`Error::Unavailable`] when no mirror
    /// answers, [`Error::Failed`] when the download fails or does not match the signed index.
    pub fn fetch_deb(&self, package: &str, version: &str, arch: &str) -> Result<PathBuf, Error> {
        let escaped = version.replace(':', "%3a");
        let folder = self.dir.join("debs");
        for built_for in [arch, "all"] {
            let known = folder.join(format!("{package}_{escaped}_{built_for}.deb"));
            if known.is_file() {
                return Ok(known);
            }
        }
        let words = ["download", &format!("{package}={version}")];
        self.fetch(Index::Binary(arch), package, version, &words, &folder)
    }

    /// Downloads the upstream archive (`.orig.tar.*`) of one version of a source package, and
    /// returns the file. This asks the mirrors each time, whether or not the file was downloaded
    /// before.
    ///
    /// # Errors
    /// As [`fetch_deb`](Self::fetch_deb).
    pub fn fetch_source(&self, package: &str, version: &str) -> Result<PathBuf, Error> {
        let words = [
            "source",
            "--download-only",
            "--tar-only",
            &format!("{package}={version}"),
        ];
        let folder = self.dir.join("sources");
        self.fetch(Index::Source, package, version, &words, &folder)
    }

    /// Runs the downloading command in an empty folder and moves the one file it brings to
    /// `folder`. A failure on an index that is not new is tried once more on a new one.
    fn fetch(
        &self,
        index: Index<'_>,
        package: &str,
        version: &str,
        words: &[&str],
        folder: &Path,
    ) -> Result<PathBuf, Error> {
        let mut again = false;
        loop {
            let ready = self.ready(index, again)?;
            let offered = madison(&ready, package)?;
            let result = if offered.iter().any(|offer| offer.version == version) {
                download(&ready, words, folder).map_err(|error| match format!("{error:#}") {
                    text if unanswered(&text) && !refused(&text) => Error::Unavailable(text),
                    _ => Error::Failed(error),
                })
            } else {
                Err(Error::NotOffered {
                    package: package.to_owned(),
                    version: version.to_owned(),
                    offered,
                    complaint: ready.complaint.clone(),
                })
            };
            if result.is_ok() || ready.just_read {
                return result;
            }
            again = true;
        }
    }

    /// The index, read again if it is old, made from other sources, or `again` asks for it.
    fn ready(&self, index: Index<'_>, again: bool) -> Result<Ready, Error> {
        let (name, source) = match index {
            Index::Source => ("source", true),
            Index::Binary(arch) => (arch, false),
        };
        let home = self.dir.join(name);
        let conf = home.join("apt.conf");
        let stamp = home.join("complaint");
        let wanted = sources::render(&self.entries, source);
        let list = home.join("mirrors.sources");
        if !again && fresh(&stamp) && std::fs::read_to_string(&list).is_ok_and(|old| old == wanted)
        {
            let complaint = std::fs::read_to_string(&stamp).context("reading the stamp")?;
            return Ok(Ready {
                conf,
                complaint: Some(complaint).filter(|text| !text.is_empty()),
                just_read: false,
            });
        }
        // Held to the end: two readings of one index at a time would disturb each other.
        let mut dead = self.dead.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reason) = dead.get(name) {
            return Err(Error::Unavailable(reason.clone()));
        }
        for folder in ["lists/partial", "cache/archives/partial"] {
            let folder = home.join(folder);
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("creating {}", folder.display()))?;
        }
        let native = match index {
            Index::Source => String::new(),
            Index::Binary(arch) => format!(
                "APT::Architecture \"{arch}\";\n#clear APT::Architectures;\nAPT::Architectures:: \"{arch}\";\n"
            ),
        };
        write(&list, &wanted)?;
        write(&home.join("status"), "")?;
        write(
            &conf,
            &format!("{}{native}", configuration(&home, &list, source)),
        )?;
        let mut update = apt("apt-get", &conf, &["update"]);
        eprintln!(
            "apt: reading the {name} index of {} suites",
            self.entries.len()
        );
        let output = update
            .output()
            .with_context(|| format!("cannot start `{}`", tool::line(&update)))?;
        // Not one index: no mirror answers. Some of them: go on, and remember what was missing. But what
        // a mirror did answer must be what is signed.
        let stderr = String::from_utf8_lossy(&output.stderr);
        let complaint = complaints(&stderr, output.status.success());
        let nothing = !has_index(&home.join("lists"), source);
        if refused(&stderr) || (nothing && !unanswered(&stderr)) {
            return Err(Error::Failed(anyhow!(
                "`{}` failed ({}):\n{stderr}",
                tool::line(&update),
                output.status
            )));
        }
        if nothing {
            let reason = format!(
                "`{}` brought no index ({}): {}",
                tool::line(&update),
                output.status,
                complaint.unwrap_or_default()
            );
            dead.insert(name.to_owned(), reason.clone());
            return Err(Error::Unavailable(reason));
        }
        write(&stamp, complaint.as_deref().unwrap_or_default())?;
        Ok(Ready {
            conf,
            complaint,
            just_read: true,
        })
    }
}

/// The lines of apt's that tell of something missing, the first few of them.
fn complaints(stderr: &str, success: bool) -> Option<String> {
    const SHOWN: usize = 3;
    let lines: Vec<_> = stderr
        .lines()
        .filter(|line| line.starts_with("E:") || line.starts_with("W:") || !success)
        .collect();
    let mut text = lines[..lines.len().min(SHOWN)].join("; ");
    if lines.len() > SHOWN {
        text += &format!("; and {} more", lines.len() - SHOWN);
    }
    (!lines.is_empty()).then_some(text)
}

/// Whether apt says that what came is not what the mirror signed, or that the signature is not good.
fn refused(text: &str) -> bool {
    const WORDS: [&str; 8] = [
        "hash sum mismatch",
        "unexpected size",
        "gpg error",
        "no_pubkey",
        "not signed",
        "invalid signature",
        "signatures were invalid",
        "could not be verified",
    ];
    holds_one(text, &WORDS)
}

/// Whether apt says that a mirror could not be reached.
fn unanswered(text: &str) -> bool {
    const WORDS: [&str; 14] = [
        "could not resolve",
        "temporary failure resolving",
        "something wicked happened resolving",
        "could not connect",
        "cannot initiate the connection",
        "unable to connect",
        "connection failed",
        "connection refused",
        "connection timed out",
        "network is unreachable",
        "no route to host",
        // A proxy that does not let us out.
        "403  forbidden",
        "407  proxy authentication required",
        "502  bad gateway",
    ];
    holds_one(text, &WORDS)
}

fn holds_one(text: &str, words: &[&str]) -> bool {
    let text = text.to_lowercase();
    words.iter().any(|word| text.contains(word))
}

/// Whether the lists folder holds an index file.
fn has_index(lists: &Path, source: bool) -> bool {
    let part = if source { "_Sources" } else { "_Packages" };
    std::fs::read_dir(lists).is_ok_and(|files| {
        files
            .flatten()
            .any(|file| file.file_name().to_string_lossy().contains(part))
    })
}

/// Whether the file was written within the last day.
fn fresh(stamp: &Path) -> bool {
    std::fs::metadata(stamp)
        .and_then(|data| data.modified())
        .is_ok_and(|written| written.elapsed().is_ok_and(|age| age < FRESH))
}

/// The settings that keep apt within `home`, on top of the machine's own (proxies and the like).
fn configuration(home: &Path, list: &Path, source: bool) -> String {
    let quoted = |path: &Path| format!("\"{}\"", path.display());
    format!(
        "Dir::Etc::sourcelist {};\n\
         Dir::Etc::sourceparts \"/dev/null\";\n\
         Dir::Etc::preferences \"/dev/null\";\n\
         Dir::Etc::preferencesparts \"/dev/null\";\n\
         Dir::State {};\n\
         Dir::State::lists {};\n\
         Dir::State::status {};\n\
         Dir::Cache {};\n\
         Dir::Cache::archives {};\n\
         Dir::Cache::pkgcache \"pkgcache.bin\";\n\
         Dir::Cache::srcpkgcache \"srcpkgcache.bin\";\n\
         // The folder may be closed to the user that apt would change to.\n\
         APT::Sandbox::User \"root\";\n\
         APT::Default-Release \"\";\n\
         APT::Get::Only-Source \"{source}\";\n\
         Acquire::Languages \"none\";\n\
         Acquire::Retries \"2\";\n\
         // Hooks that other packages have put there are for the machine's own state.\n\
         #clear APT::Update::Pre-Invoke;\n\
         #clear APT::Update::Post-Invoke;\n\
         #clear APT::Update::Post-Invoke-Success;\n",
        quoted(list),
        quoted(home),
        quoted(&home.join("lists")),
        quoted(&home.join("status")),
        quoted(&home.join("cache")),
        quoted(&home.join("cache/archives")),
    )
}

/// An apt command with the private settings, in plain English.
fn apt(program: &str, conf: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.arg("-c").arg(conf).args(words).env("LC_ALL", "C");
    command
}

/// What `apt-cache madison` lists.
fn madison(ready: &Ready, package: &str) -> Result<Vec<Offer>, Error> {
    let mut command = apt("apt-cache", &ready.conf, &["madison", package]);
    let output = tool::run(&mut command)?;
    Ok(parse_madison(
        &String::from_utf8_lossy(&output.stdout),
        package,
    ))
}

/// Lines of the form `package | version | origin`.
fn parse_madison(text: &str, package: &str) -> Vec<Offer> {
    text.lines()
        .filter_map(|line| {
            let mut cells = line.split('|').map(str::trim);
            (cells.next()? == package).then_some(())?;
            Some(Offer {
                version: cells.next()?.to_owned(),
                origin: cells.next()?.to_owned(),
            })
        })
        .collect()
}

fn download(ready: &Ready, words: &[&str], folder: &Path) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    let empty = tempfile::tempdir_in(folder).context("making a download folder")?;
    let mut command = apt("apt-get", &ready.conf, words);
    eprintln!("apt: {}", words.join(" "));
    tool::run(command.current_dir(empty.path()))?;
    let files = std::fs::read_dir(empty.path())
        .and_then(Iterator::collect::<std::io::Result<Vec<_>>>)
        .context("reading the download folder")?;
    let [file] = files.as_slice() else {
        return Err(anyhow!(
            "`{}` brought {} files instead of one",
            tool::line(&command),
            files.len()
        ));
    };
    let kept = folder.join(file.file_name());
    std::fs::rename(file.path(), &kept).with_context(|| format!("keeping {}", kept.display()))?;
    Ok(kept)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

/// The way in which this machine lets us install packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installer {
    /// We are root.
    Root,
    /// `sudo` works without a password.
    Sudo,
}

impl Installer {
    /// Installs packages from the machine's own sources, at whatever version these have. The
    /// machine's package lists are read again if they don't know a package. Nothing is removed for
    /// it.
    ///
    /// # Errors
    /// What apt-get said.
    pub fn install(self, packages: &[&str]) -> anyhow::Result<()> {
        let _alone = tool::installing()?;
        if let Err(first) = tool::run(self.apt_get().args(["install", "-y"]).args(packages)) {
            tool::run(self.apt_get().arg("update")).context(first)?;
            tool::run(self.apt_get().args(["install", "-y"]).args(packages))?;
        }
        Ok(())
    }

    fn apt_get(self) -> Command {
        let mut command = match self {
            Installer::Root => Command::new("apt-get"),
            Installer::Sudo => {
                let mut sudo = Command::new("sudo");
                sudo.args(["-n", "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
                sudo
            }
        };
        command.env("DEBIAN_FRONTEND", "noninteractive").args([
            "-q",
            "--no-install-recommends",
            "--no-remove",
        ]);
        command
    }
}

/// Whether packages may be installed here, and if not, why.
///
/// # Errors
/// The reason as a sentence.
pub fn may_install() -> Result<Installer, String> {
    if !tool::have("apt-get") {
        return Err("no apt-get on this machine".to_owned());
    }
    let user = tool::run(Command::new("id").arg("-u")).map_err(|error| format!("{error:#}"))?;
    if user.stdout.trim_ascii() == b"0" {
        return Ok(Installer::Root);
    }
    if !tool::have("sudo") {
        return Err("not root, and no sudo on this machine".to_owned());
    }
    match tool::run(Command::new("sudo").args(["-n", "true"])) {
        Ok(_) => Ok(Installer::Sudo),
        Err(_) => Err("not root, and sudo asks for a password".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn madison_lines_are_read() {
        let text = "       xen |   4.14.6-1 | http://m/os bullseye/main Sources\n\
                    other | 1 | x\n\
                    xen | 4.17.5+72-g01140da4e8-1 | http://m/os bookworm/main Sources\n";
        let offers = parse_madison(text, "xen");
        assert_eq!(offers.len(), 2);
        assert_eq!(offers[0].version, "4.14.6-1");
        assert_eq!(offers[1].origin, "http://m/os bookworm/main Sources");
    }

    #[test]
    fn no_debian_mirror_is_unavailable_and_says_what_was_found() {
        let etc = tempfile::tempdir().unwrap();
        std::fs::write(
            etc.path().join("sources.list"),
            "deb http://mirror.example/ubuntu noble main\n",
        )
        .unwrap();
        match Apt::new(etc.path(), etc.path()) {
            Err(Error::Unavailable(reason)) => {
                assert!(
                    reason.contains("noble") || reason.contains("no apt-"),
                    "{reason}"
                );
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_version_that_is_gone_names_the_others() {
        let error = Error::NotOffered {
            package: "xen".to_owned(),
            version: "1".to_owned(),
            offered: vec![Offer {
                version: "2".to_owned(),
                origin: "x".to_owned(),
            }],
            complaint: Some("W: bullseye".to_owned()),
        };
        assert_eq!(
            error.to_string(),
            "xen 1 is no longer offered; on offer: 2\n(incomplete: W: bullseye)"
        );
    }

    #[test]
    fn a_wrong_index_is_told_from_none() {
        let offline = "W: Failed to fetch http://m/dists/x/InRelease  Temporary failure resolving 'm'\n\
            W: Some index files failed to download. They have been ignored, or old ones used instead.";
        assert!(unanswered(offline) && !refused(offline));
        let wrong = "E: Failed to fetch http://m/Packages.xz  Hash Sum mismatch\n   Hashes of expected file:";
        assert!(refused(wrong) && !unanswered(wrong));
        let unsigned =
            "W: GPG error: http://m x InRelease: The following signatures couldn't be verified";
        assert!(refused(unsigned));
        let gone = "E: The repository 'http://m x Release' does not have a Release file.";
        assert!(!refused(gone) && !unanswered(gone));
    }

    /// A mirror on this machine whose index is not the signed one, and one that no one listens at.
    #[test]
    fn a_wrong_index_fails_and_a_silent_mirror_is_unavailable() {
        if !tool::have("apt-get") || !tool::have("apt-cache") {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let ask = |mirror: &str, name: &str| {
            let etc = dir.path().join(name);
            std::fs::create_dir_all(&etc).unwrap();
            let line = format!("deb {mirror} bookworm main\n");
            std::fs::write(etc.join("sources.list"), line).unwrap();
            let apt = Apt::new(&etc, &etc.join("cache")).unwrap();
            apt.offered("xen", "amd64")
        };
        let release = dir.path().join("mirror/dists/bookworm");
        std::fs::create_dir_all(&release).unwrap();
        std::fs::write(release.join("InRelease"), "Origin: nobody\n").unwrap();
        let wrong = ask(&format!("file:{}/mirror", dir.path().display()), "wrong");
        assert!(matches!(wrong, Err(Error::Failed(_))), "{wrong:?}");
        // Port 9 of this machine.
        let silent = ask("http://127.0.0.1:9/debian", "silent");
        assert!(matches!(silent, Err(Error::Unavailable(_))), "{silent:?}");
    }

    #[test]
    fn the_settings_name_every_folder_that_apt_writes() {
        let text = configuration(Path::new("/h"), Path::new("/h/l"), true);
        for key in ["Dir::State::lists \"/h/lists\"", "Dir::Cache \"/h/cache\""] {
            assert!(text.contains(key), "{key} is not in\n{text}");
        }
    }

    #[test]
    fn complaints_are_warnings_or_a_failure() {
        assert_eq!(complaints("", true), None);
        assert_eq!(complaints("Get:1\n", true), None);
        assert_eq!(complaints("W: a\nE: b\n", true).unwrap(), "W: a; E: b");
        assert_eq!(complaints("odd\n", false).unwrap(), "odd");
        let many = complaints("W: a\nW: b\nW: c\nW: d\nW: e\n", true).unwrap();
        assert_eq!(many, "W: a; W: b; W: c; and 2 more");
    }
}
