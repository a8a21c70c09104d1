//! What a boot has shown, by its exit status and its console together.
//!
//! A boot passes only if all of this holds: QEMU ended by itself within the time limit and with
//! status 0, the guest wrote `PASS` as a line of its own, exactly once, and no line that starts
//! with `FAIL`, it counted its operations and found none of them unexpected, the version the guest
//! read through the ABI is the one in Xen's own banner, and Xen says that the end was the one that the
//! guest asked for. Anything else fails, with every reason there is.

use std::fmt;

/// How QEMU ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By itself, with this exit status.
    Status(i32),
    /// By a signal.
    Signal(i32),
    /// It was killed at the time limit, after this many seconds.
    TimeLimit(u64),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Status(status) => write!(f, "QEMU ended with status {status}"),
            End::Signal(signal) => write!(f, "QEMU was killed by signal {signal}"),
            End::TimeLimit(seconds) => write!(f, "killed at the time limit of {seconds} s"),
        }
    }
}

/// The version in the banner that Xen writes first of all: what stands between `Xen version ` and
/// the compiler, such as `4.17.5 (Debian 4.17.5+72-g01140da4e8-1)`.
pub fn banner(console: &str) -> Option<&str> {
    let line = console
        .lines()
        .find_map(|line| line.strip_prefix("(XEN) Xen version "))?;
    // Then come, in brackets, who built it and with what; a build without a vendor has only these.
    let end = match line.find(") (") {
        Some(end) => end + 1,
        None => line.find(' ').unwrap_or(line.len()),
    };
    Some(line[..end].trim_end())
}

/// What a kernel counted, as it writes it before its verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many operations were run.
    pub operations: u32,
    /// Those that Xen carried out as asked.
    pub direct: u32,
    /// Those that were carried out in an older way.
    pub fallback: u32,
    /// Those that Xen refused as it had to.
    pub unsupported: u32,
    /// Surprises.
    pub unexpected: u32,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} operations: {} direct, {} fallback, {} unsupported, {} unexpected",
            self.operations, self.direct, self.fallback, self.unsupported, self.unexpected
        )
    }
}

impl Counts {
    /// Reads a line such as `operations 3 direct 1 fallback 1 unsupported 1 unexpected 0`.
    fn read(line: &str) -> Option<Self> {
        let mut counts = Self::default();
        let mut words = line.trim_end().split(' ');
        for (name, count) in [
            ("operations", &mut counts.operations),
            ("direct", &mut counts.direct),
            ("fallback", &mut counts.fallback),
            ("unsupported", &mut counts.unsupported),
            ("unexpected", &mut counts.unexpected),
        ] {
            if words.next()? != name {
                return None;
            }
            *count = words.next()?.parse().ok()?;
        }
        words.next().is_none().then_some(counts)
    }

    /// What is wrong with the counts of a good boot.
    fn complaint(self) -> Option<String> {
        let Self {
            operations,
            direct,
            fallback,
            unsupported,
            unexpected,
        } = self;
        let sum: u64 = [direct, fallback, unsupported].map(u64::from).iter().sum();
        if operations == 0 || u64::from(operations) != sum || unexpected != 0 {
            Some(self.to_string())
        } else {
            None
        }
    }
}

/// All counts on a console.
pub fn counts(console: &str) -> Vec<Counts> {
    console.lines().filter_map(Counts::read).collect()
}

/// Why a boot does not pass; nothing if it does. `farewell` is what Xen writes at the end that the guest
/// asked for.
pub fn complaints(end: End, console: &str, farewell: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    if end != End::Status(0) {
        complaints.push(end.to_string());
    }
    let lines = || console.lines().map(str::trim_end);
    complaints.extend(
        lines()
            .filter(|line| line.starts_with("FAIL"))
            .map(str::to_owned),
    );
    match lines().filter(|line| *line == "PASS").count() {
        0 => complaints.push("no PASS on the console".to_owned()),
        1 => {}
        count => complaints.push(format!("{count} times PASS on the console")),
    }
    match *counts(console) {
        [] => complaints.push("no count of operations on the console".to_owned()),
        [counts] => complaints.extend(counts.complaint()),
        ref more => complaints.push(format!("{} counts of operations", more.len())),
    }
    let own = banner(console).and_then(|banner| banner.split(' ').next());
    let told = lines().find_map(|line| line.strip_prefix("Xen "));
    match (own, told) {
        (Some(own), Some(told)) if own == told => {}
        (None, _) => complaints.push("no banner of Xen's on the console".to_owned()),
        (Some(own), told) => complaints.push(format!(
            "Xen's banner says {own}, the guest read {}",
            told.unwrap_or("nothing")
        )),
    }
    if !lines().any(|line| line.starts_with("(XEN)") && line.contains(farewell)) {
        complaints.push(format!("Xen did not say {farewell:?}"));
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
(XEN) Xen version 4.17.5 (Debian 4.17.5+72-g01140da4e8-1) (builders@example.org) (gcc 12.2.0)\r
(XEN) *** Building a PV Dom0 ***\r
Xen 4.17.5\r
operations 9 direct 5 fallback 1 unsupported 3 unexpected 0\r
PASS\r
(XEN) Hardware Dom0 shutdown: rebooting machine\r
";

    const FAREWELL: &str = "shutdown: rebooting machine";

    fn complaints(end: End, console: &str) -> Vec<String> {
        super::complaints(end, console, FAREWELL)
    }

    /// The one complaint about a console that was changed in one place.
    fn only(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from), "{from}");
        let complaints = complaints(End::Status(0), &GOOD.replace(from, to));
        assert_eq!(complaints.len(), 1, "{complaints:?}");
        complaints.into_iter().next().unwrap()
    }

    #[test]
    fn a_good_boot_passes() {
        assert_eq!(complaints(End::Status(0), GOOD), Vec::<String>::new());
        assert_eq!(
            banner(GOOD),
            Some("4.17.5 (Debian 4.17.5+72-g01140da4e8-1)")
        );
    }

    #[test]
    fn the_console_alone_does_not_pass() {
        assert_eq!(
            complaints(End::Status(1), GOOD),
            ["QEMU ended with status 1"]
        );
        assert_eq!(
            complaints(End::Signal(9), GOOD),
            ["QEMU was killed by signal 9"]
        );
        assert_eq!(
            complaints(End::TimeLimit(5), GOOD),
            ["killed at the time limit of 5 s"]
        );
    }

    #[test]
    fn the_status_alone_does_not_pass() {
        let complaints = complaints(End::Status(0), "");
        assert_eq!(
            complaints,
            [
                "no PASS on the console",
                "no count of operations on the console",
                "no banner of Xen's on the console",
                "Xen did not say \"shutdown: rebooting machine\""
            ]
        );
    }

    #[test]
    fn each_missing_piece_is_named() {
        assert_eq!(only("PASS\r\n", ""), "no PASS on the console");
        assert_eq!(only("PASS", "PASSED"), "no PASS on the console");
        assert_eq!(only("PASS", "(XEN) PASS"), "no PASS on the console");
        assert_eq!(only("PASS", "PASS\nPASS"), "2 times PASS on the console");
        assert_eq!(only("PASS", "FAIL: why\nPASS"), "FAIL: why");
        assert_eq!(
            only("Xen 4.17.5\r\n", ""),
            "Xen's banner says 4.17.5, the guest read nothing"
        );
        assert_eq!(
            only("Xen 4.17.5\r", "Xen 4.17\r"),
            "Xen's banner says 4.17.5, the guest read 4.17"
        );
        assert_eq!(
            only("(XEN) Xen version", "(XEN)"),
            "no banner of Xen's on the console"
        );
        assert_eq!(
            only(
                "Hardware Dom0 shutdown: rebooting",
                "Hardware Dom0 crashed: rebooting"
            ),
            "Xen did not say \"shutdown: rebooting machine\""
        );
    }

    #[test]
    fn counts_that_are_none_or_do_not_add_up_are_named() {
        let only = |to: &str| {
            only(
                "operations 9 direct 5 fallback 1 unsupported 3 unexpected 0",
                to,
            )
        };
        let missing = "no count of operations on the console";
        for line in [
            "",
            "operations 9",
            "operations 9 direct 5 fallback 1 unsupported 3 unexpected",
            "operations 9 direct 5 fallback 1 unsupported 3 unexpected 0 more",
            "operations 9 direct 5 fallback 1 unexpected 0 unsupported 3",
            "operations 9 direct 5 fallback 1 unsupported -3 unexpected 0",
        ] {
            assert_eq!(only(line), missing, "{line}");
        }
        for line in [
            "operations 0 direct 0 fallback 0 unsupported 0 unexpected 0",
            "operations 9 direct 5 fallback 1 unsupported 2 unexpected 0",
            "operations 9 direct 5 fallback 1 unsupported 3 unexpected 1",
            "operations 9 direct 4294967295 fallback 1 unsupported 9 unexpected 0",
        ] {
            assert!(only(line).contains(" operations: "), "{line}");
        }
        let twice = "operations 1 direct 1 fallback 0 unsupported 0 unexpected 0\r\n";
        assert_eq!(only(&twice.repeat(2)), "2 counts of operations");
    }

    #[test]
    fn a_banner_without_a_vendor_is_read() {
        let console = "(XEN) Xen version 4.19.0 (me@here) (gcc 13) debug=y\n";
        assert_eq!(banner(console), Some("4.19.0 (me@here)"));
        assert_eq!(banner("(XEN) Xen version 4.19.0\n"), Some("4.19.0"));
        assert_eq!(banner("Xen version 4.19.0\n"), None);
    }
}
