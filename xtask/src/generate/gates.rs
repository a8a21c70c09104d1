//! `src/version/table.rs` from `src/version/gates.csv`, the table of what which release of Xen offers.
//!
//! The table is edited by hand. A row is a hypercall, or something that belongs to one; the columns:
//!
//! | column | what it says |
//! |---|---|
//! | `name` | the name in Xen's headers |
//! | `parent` | the row it belongs to; a hypercall has none |
//! | `header` | the module below `xen_public::abi::<abi>` (or a toolstack's) that has the name today |
//! | `number` | the number in the header |
//! | `kind` | `hypercall`, `op`, `param`, `type`, `flag`, `feature`, `assist`, `reason` |
//! | `pv`, `hvm`, `arm` | the releases that offer it to that kind of guest, through its parent's own (newest) number: `3.0.3..`, `4.0..4.13` (not in 4.13), several, or `-` for none |
//! | `points` | point releases of older branches that took it over |
//! | `privilege` | `control`, `hardware`, `device-model` or nothing |
//! | `build` | options without which it is missing, with the answer if that is not ENOSYS: `argo=1(EOPNOTSUPP@4.12..)`; `XENFEAT_` names are bits that announce it, `64-bit` is the caller's word size, `hvm:` before it restricts it to that kind of guest |
//! | `absent_pv`, `absent_hvm`, `absent_arm` | what a call answers where the parent is there and this is not: `EINVAL@..3.0.4 ENOSYS@3.0.4..`; `0` is a false success, `OTHER` another hypercall, `?` nothing that can be relied on; empty is ENOSYS |
//! | `sticky` | `no` if such an error may pass |
//! | `via` | the older ways, best first: names of rows; `NAME@3.0.2..` if it leads there in these releases only |
//! | `note` | what else there is to know |
//!
//! Numbers above 31 run another hypercall before 3.0.3; that is a rule here, not a cell.

mod emit;
mod read;
mod words;

use anyhow::{Context, Result, bail};

pub use self::emit::generate;
pub use self::read::{Absent, Answer, Build, Release, Row, Span, Way, parse};
pub use self::words::sentence;
use crate::tool;

/// The table, below the project's root.
pub const TABLE: &str = "src/version/gates.csv";

/// What is made of it.
pub const MADE: &str = "src/version/table.rs";

/// The rows of the table.
///
/// # Errors
/// It can't be read, or something in it is wrong: all that is, each with line and column.
pub fn rows() -> Result<Vec<Row>> {
    let text = std::fs::read_to_string(tool::root().join(TABLE))
        .with_context(|| format!("reading {TABLE}"))?;
    parse(&text)
}

/// Writes the generated file.
///
/// # Errors
/// The table is wrong, or the file can't be written.
pub fn write() -> Result<()> {
    let text = generate(&rows()?)?;
    std::fs::write(tool::root().join(MADE), text).with_context(|| format!("writing {MADE}"))
}

/// Compares the generated file with what the table makes.
///
/// # Errors
/// The table is wrong, or they differ: the first differing line.
pub fn check() -> Result<()> {
    let made = generate(&rows()?)?;
    let there = std::fs::read_to_string(tool::root().join(MADE))
        .with_context(|| format!("reading {MADE}"))?;
    if there != made {
        let lines = there.lines().zip(made.lines());
        let at = lines.take_while(|(a, b)| a == b).count();
        let line = |text: &str| text.lines().nth(at).unwrap_or("<end>").trim().to_owned();
        bail!(
            "{MADE}:{}: has `{}`, {TABLE} gives `{}` (run `cargo xtask generate`)",
            at + 1,
            line(&there),
            line(&made)
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests;
