//! What the kernel says, and the verdict on what it saw.
//!
//! A [`Report`] writes lines to Xen's console through the conduit under test. Whoever reads the
//! console decides by these lines alone: each surprise is a line `FAIL: what was wrong`, and the
//! last line is `PASS` if there was none. A kernel that can't write, stops or dies leaves no `PASS`.
//!
//! The line before it counts the operations that were run: `operations 12 direct 9 fallback 1
//! unsupported 2 unexpected 0`. Each was answered directly, by an older way, or by a refusal that was
//! to be expected; `unexpected` counts the surprises.

use core::fmt;

use xen_abi::hypercall::{Conduit, console_io};

use crate::rows::Rows;

/// How many bytes of a line go to Xen in one hypercall.
const CHUNK: usize = 128;

/// The kernel's lines on the console and the number of surprises among them.
pub struct Report<'a, C> {
    xen: &'a C,
    chunk: [u8; CHUNK],
    filled: usize,
    surprises: u32,
    direct: u32,
    fallback: u32,
    unsupported: u32,
    rows: Rows,
}

impl<'a, C: Conduit> Report<'a, C> {
    /// A report that goes through `xen`, without surprises so far.
    pub fn new(xen: &'a C) -> Self {
        Self {
            xen,
            chunk: [0; CHUNK],
            filled: 0,
            surprises: 0,
            direct: 0,
            fallback: 0,
            unsupported: 0,
            rows: Rows::NONE,
        }
    }

    /// Writes a line.
    pub fn say(&mut self, line: fmt::Arguments<'_>) {
        // A line that can't be written is a surprise that can't be told: it only counts.
        if fmt::Write::write_fmt(self, format_args!("{line}\n"))
            .and_then(|()| self.flush())
            .is_err()
        {
            self.surprises += 1;
        }
    }

    /// Writes a surprise and counts it.
    pub fn fail(&mut self, reason: fmt::Arguments<'_>) {
        self.surprises += 1;
        self.say(format_args!("FAIL: {reason}"));
    }

    /// Writes a surprise unless `holds`.
    pub fn check(&mut self, holds: bool, reason: fmt::Arguments<'_>) {
        if !holds {
            self.fail(reason);
        }
    }

    /// Counts an operation that Xen carried out as it was asked to.
    pub fn direct(&mut self) {
        self.direct += 1;
    }

    /// Counts an operation that was carried out in an older way.
    pub fn fallback(&mut self) {
        self.fallback += 1;
    }

    /// Counts an operation that Xen refused as it had to.
    pub fn unsupported(&mut self) {
        self.unsupported += 1;
    }

    /// What became of each row of the table of gates.
    pub fn rows(&mut self) -> &mut Rows {
        &mut self.rows
    }

    /// Writes the counts, then `PASS` if there was no surprise, else how many there were; returns
    /// whether it was `PASS`.
    pub fn verdict(mut self) -> bool {
        let Self {
            direct,
            fallback,
            unsupported,
            surprises,
            ..
        } = self;
        let operations = direct + fallback + unsupported;
        self.say(format_args!(
            "operations {operations} direct {direct} fallback {fallback} \
             unsupported {unsupported} unexpected {surprises}"
        ));
        match self.surprises {
            0 => self.say(format_args!("PASS")),
            count => self.say(format_args!("FAIL: surprises: {count}")),
        }
        self.surprises == 0
    }

    fn flush(&mut self) -> fmt::Result {
        let filled = core::mem::take(&mut self.filled);
        console_io::write(self.xen, &self.chunk[..filled]).map_err(|_| fmt::Error)
    }
}

impl<C: Conduit> fmt::Write for Report<'_, C> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            if self.filled == CHUNK {
                self.flush()?;
            }
            self.chunk[self.filled] = byte;
            self.filled += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xen_abi::hypercall::simulate::Simulated;
    use xen_abi::version::{Guest, Release};

    fn simulated() -> Simulated {
        Simulated::new(Release::new(4, 17, 5), Guest::Pv)
    }

    #[test]
    fn long_lines_go_out_in_chunks() {
        let xen = simulated();
        let mut report = Report::new(&xen);
        report.say(format_args!("{:0300}", 7));
        assert!(report.verdict());
        let console = xen.console();
        let end = b"0007\noperations 0 direct 0 fallback 0 unsupported 0 unexpected 0\nPASS\n";
        assert_eq!(console.len(), 301 + end.len() - 5);
        assert!(console.ends_with(end));
        assert!(xen.calls().iter().all(|call| call.arguments[1] <= CHUNK));
    }

    #[test]
    fn a_surprise_is_never_a_pass() {
        let xen = simulated();
        let mut report = Report::new(&xen);
        report.check(true, format_args!("not this"));
        report.check(false, format_args!("this"));
        report.direct();
        report.direct();
        report.fallback();
        report.unsupported();
        assert!(!report.verdict());
        let expected = "FAIL: this\n\
            operations 4 direct 2 fallback 1 unsupported 1 unexpected 1\n\
            FAIL: surprises: 1\n";
        assert_eq!(String::from_utf8(xen.console()).unwrap(), expected);
    }

    #[test]
    fn silence_is_no_pass_either() {
        let xen = simulated();
        xen.falsify(18, 0, -1);
        let mut report = Report::new(&xen);
        report.say(format_args!("unheard"));
        assert!(!report.verdict());
        assert_eq!(xen.console(), b"");
    }
}
