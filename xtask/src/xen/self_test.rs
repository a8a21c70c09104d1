//! Negative controls: boots that must be reported as failed, for the reason we know.
//!
//! A check that passes everything looks like one that works. So the guest is told to go wrong in
//! each way that a guest can, and the report on it must say so.

use std::time::Duration;

use super::kind::Kind;
use super::machine::Outcome;

/// A boot that must fail.
#[derive(Debug)]
pub struct Control {
    /// A name, for the report and the log.
    pub name: &'static str,
    /// What the guest is told.
    pub arguments: &'static str,
    /// What the guest says before it goes wrong, so that the failure is known to be ours.
    said: &'static str,
    /// The complaints that the report must make; others may stand beside them.
    complaints: &'static [&'static str],
    /// Whether the boot runs into the time limit.
    hangs: bool,
    /// The kinds of guest that are to fail this way; one is enough for what is the same code in all.
    kinds: &'static [Kind],
}

const CONTROLS: [Control; 8] = [
    Control {
        name: "wrong-release",
        arguments: "expect=9.9",
        said: "Xen ",
        complaints: &["FAIL: Xen 9.9 was expected", "no PASS on the console"],
        hangs: false,
        kinds: &Kind::ALL,
    },
    Control {
        name: "no-upcalls",
        arguments: "expect=any upcalls=out",
        said: "Xen ",
        complaints: &[
            "FAIL: EVTCHNOP_bind_interdomain: 0 upcalls",
            "no PASS on the console",
        ],
        hangs: false,
        kinds: &Kind::ALL,
    },
    Control {
        name: "other-alarm",
        arguments: "expect=any alarm=other",
        said: "Xen ",
        complaints: &[
            "FAIL: SCHEDOP_block: woken without the timer",
            "no PASS on the console",
        ],
        hangs: false,
        kinds: &[Kind::X86_64Pv, Kind::X86_64Pvh],
    },
    Control {
        name: "panic",
        arguments: "expect=any end=panic",
        said: "Xen ",
        complaints: &["FAIL: panicked", "no PASS on the console"],
        hangs: false,
        kinds: &[Kind::X86_64Pv],
    },
    Control {
        name: "fault",
        arguments: "expect=any end=fault",
        said: "faulting as told",
        complaints: &["FAIL: exception", "no PASS on the console"],
        hangs: false,
        kinds: &Kind::ALL,
    },
    Control {
        name: "other-end",
        arguments: "expect=any end=watchdog",
        said: "ending otherwise as told",
        complaints: &["no PASS on the console", "Xen did not say"],
        hangs: false,
        kinds: &[Kind::X86_64Pv],
    },
    Control {
        name: "silence",
        arguments: "expect=any end=silence",
        said: "keeping silent as told",
        complaints: &["no PASS on the console"],
        hangs: false,
        kinds: &Kind::ALL,
    },
    Control {
        name: "hang",
        arguments: "expect=any end=hang",
        said: "hanging as told",
        complaints: &["killed at the time limit", "no PASS on the console"],
        hangs: true,
        kinds: &[Kind::X86_64Pv],
    },
];

/// The time limit for the boot that runs into it: many times what a boot takes.
const HANG: Duration = Duration::from_secs(10);

/// The controls for a kind of guest.
pub fn controls(kind: Kind) -> impl Iterator<Item = &'static Control> {
    CONTROLS
        .iter()
        .filter(move |control| control.kinds.contains(&kind))
}

impl Control {
    /// When to give up on the boot.
    pub fn time_limit(&self, general: Duration) -> Duration {
        if self.hangs {
            general.min(HANG)
        } else {
            general
        }
    }

    /// What is wrong with the report on the boot; nothing if it fails as it must.
    pub fn wrong(&self, outcome: &Outcome) -> Vec<String> {
        self.missing(&outcome.console, &outcome.complaints)
    }

    /// What the boot should have shown and did not.
    fn missing(&self, console: &str, complaints: &[String]) -> Vec<String> {
        let mut missing = Vec::new();
        if !console.lines().any(|line| line.starts_with(self.said)) {
            missing.push(format!("the guest did not come to say {:?}", self.said));
        }
        for expected in self.complaints {
            if !complaints
                .iter()
                .any(|complaint| complaint.starts_with(expected))
            {
                missing.push(format!("not reported: {expected:?}"));
            }
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_that_passes_or_fails_otherwise_is_noticed() {
        for control in &CONTROLS {
            let console = format!("(XEN) so far\n{} and so on\n", control.said);
            let found: Vec<_> = control
                .complaints
                .iter()
                .map(|&text| text.to_owned())
                .collect();
            assert!(
                control.missing(&console, &found).is_empty(),
                "{}",
                control.name
            );
            assert!(
                !control.missing(&console, &[]).is_empty(),
                "passed: {}",
                control.name
            );
            assert!(
                !control.missing(&console, &found[1..]).is_empty(),
                "{}",
                control.name
            );
            assert!(
                !control.missing("(XEN) panic\n", &found).is_empty(),
                "{}",
                control.name
            );
        }
    }
}
