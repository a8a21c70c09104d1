//! Tables and headers with one thing wrong in them, to prove that the oracles notice.
//!
//! Altered tables live as long as the program, as the real ones do.

use std::path::Path;

use anyhow::{Context, Result, bail};
use xen_public::layout::{Constant, Record, Tables};

/// The table with one record changed.
///
/// # Errors
/// There is no record of that name.
pub fn record(tables: &Tables, name: &str, change: impl FnOnce(&mut Record)) -> Result<Tables> {
    let mut records = tables.records.to_vec();
    match records.iter_mut().find(|r| r.name == name) {
        Some(record) => change(record),
        None => bail!("{} has no record `{name}`", tables.abi),
    }
    Ok(Tables {
        records: records.leak(),
        ..*tables
    })
}

/// The table with one constant changed.
///
/// # Errors
/// There is no constant of that name.
pub fn constant(tables: &Tables, name: &str, change: impl FnOnce(&mut Constant)) -> Result<Tables> {
    let mut constants = tables.constants.to_vec();
    match constants.iter_mut().find(|c| c.name == name) {
        Some(constant) => change(constant),
        None => bail!("{} has no constant `{name}`", tables.abi),
    }
    Ok(Tables {
        constants: constants.leak(),
        ..*tables
    })
}

/// A copy of a folder of headers.
///
/// # Errors
/// A file or folder can't be read or written.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("creating {}", to.display()))?;
    for entry in std::fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let entry = entry?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy(&path, &target)?;
        } else {
            std::fs::copy(&path, &target).with_context(|| format!("copying {}", path.display()))?;
        }
    }
    Ok(())
}

/// Replaces a text that stands exactly once in a file.
///
/// # Errors
/// It stands there never or more than once, or the file can't be read or written.
pub fn edit(file: &Path, old: &str, new: &str) -> Result<()> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    match text.matches(old).count() {
        1 => {}
        n => bail!("{old:?} stands {n} times in {}", file.display()),
    }
    std::fs::write(file, text.replacen(old, new, 1))
        .with_context(|| format!("writing {}", file.display()))
}
