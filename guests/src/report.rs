//! What the kernel says, and the verdict on what it saw.
//!
//! A [`Report`] writes lines to Xen's console through the conduit under test. Whoever reads the
//! console decides by these lines alone: each surprise is a line `FAIL: what was wrong`, and the
//! last line is `PASS` if there was none. A kernel that can't write, stops or dies leaves no `PASS`.

use core::fmt;

use xen_abi::hypercall::{Conduit, console_io};

/// How many bytes of a line go to Xen in one hypercall.
const CHUNK: usize = 128;

/// The kernel's lines on the console and the number of surprises among them.
pub struct Report<'a, C> {
    xen: &'a C,
    chunk: [u8; CHUNK],
    filled: usize,
    surprises: u32,
}

impl<'a, C: Conduit> Report<'a, C> {
    /// A report that goes through `xen`, without surprises so far.
    pub fn new(xen: &'a C) -> Self {
        Self {
            xen,
            chunk: [0; CHUNK],
            filled: 0,
            surprises: 0,
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

    /// Writes `PASS` if there was no surprise, else how many there were; returns whether it was
    /// `PASS`.
    pub fn verdict(mut self) -> bool {
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
        assert_eq!(console.len(), 301 + 5);
        assert!(console.ends_with(b"0007\nPASS\n"));
        assert!(xen.calls().iter().all(|call| call.arguments[1] <= CHUNK));
    }

    #[test]
    fn a_surprise_is_never_a_pass() {
        let xen = simulated();
        let mut report = Report::new(&xen);
        report.check(true, format_args!("not this"));
        report.check(false, format_args!("this"));
        assert!(!report.verdict());
        assert_eq!(xen.console(), b"FAIL: this\nFAIL: surprises: 1\n");
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
