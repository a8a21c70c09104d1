//! Running other programs, with their command line and their output in the error when they fail.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

/// The exit status for "nothing failed, but something was not run".
pub const NOT_RUN: u8 = 3;

/// The workspace's root folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask stands in the workspace")
        .to_path_buf()
}

/// A folder for what the commands download or build, below cargo's target folder. The path is
/// absolute, because some of the programs run in folders of their own.
pub fn cache_dir(name: &str) -> Result<PathBuf> {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let dir = std::path::absolute(target.join("xtask").join(name))
        .with_context(|| format!("finding {}", target.display()))?;
    std::fs::create_dir_all(&dir).with_context(|| format!("creating {}", dir.display()))?;
    Ok(dir)
}

/// Waits until no other process holds the folder; it is this one's until the file is closed. `what` says who
/// they are.
///
/// # Errors
/// The file can't be made or locked.
pub fn alone(dir: &Path, what: &str) -> Result<File> {
    use rustix::fs::{FlockOperation, flock};
    let path = dir.join("lock");
    let file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        eprintln!("another {what} is at work in {}", dir.display());
        flock(&file, FlockOperation::LockExclusive)
            .with_context(|| format!("locking {}", path.display()))?;
    }
    Ok(file)
}

/// Waits until no other process of ours installs anything: neither apt nor rustup expects another of itself
/// beside it.
///
/// # Errors
/// As [`alone`].
pub fn installing() -> Result<File> {
    alone(&cache_dir("installing")?, "installation")
}

/// SHA-256 in lower-case hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Writes a file, its folders too, if it does not hold this text already: cargo takes a file that was
/// written for one that changed.
pub fn write_changed(path: &Path, text: &str) -> Result<()> {
    if std::fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).with_context(|| format!("creating {}", dir.display()))?;
    }
    std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

/// The command line as a person would type it.
pub fn line(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| {
            let word = word.to_string_lossy();
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,+@%".contains(c);
            if !word.is_empty() && word.chars().all(plain) {
                word.into_owned()
            } else {
                format!("'{}'", word.replace('\'', r"'\''"))
            }
        })
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs a command to its end and returns what it printed; an exit status other than 0 is an error
/// that shows the command and all of its output.
pub fn run(command: &mut Command) -> Result<Output> {
    let output = command
        .output()
        .with_context(|| format!("cannot start `{}`", line(command)))?;
    if !output.status.success() {
        bail!(
            "`{}` failed ({}):\n{}{}",
            line(command),
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(output)
}

/// Whether a program of this name can be started from PATH.
pub fn have(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_sha256() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), expected);
    }

    #[test]
    fn a_failure_shows_command_and_output() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo err >&2; exit 3"]);
        let error = run(&mut command).unwrap_err().to_string();
        for part in [
            "sh -c 'echo out; echo err >&2; exit 3'",
            ": 3",
            "out\n",
            "err\n",
        ] {
            assert!(error.contains(part), "{part:?} is not in {error:?}");
        }
        let error = format!(
            "{:#}",
            run(&mut Command::new("no-such-program")).unwrap_err()
        );
        assert!(error.contains("cannot start `no-such-program`"), "{error}");
    }

    #[test]
    fn one_run_at_a_time_has_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path();
        let first = alone(path, "test").unwrap();
        let (send, receive) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let second = alone(path, "test");
                send.send(second.is_ok()).unwrap();
            });
            let waiting = receive.recv_timeout(std::time::Duration::from_millis(200));
            assert!(waiting.is_err(), "{waiting:?}");
            drop(first);
            assert_eq!(
                receive.recv_timeout(std::time::Duration::from_secs(20)),
                Ok(true)
            );
        });
    }
}
