//! Negative controls: boots that must be reported as failed, for the reason we know.
//!
//! A check that passes everything looks like one that works. So the guest is told to go wrong in
//! each way that a guest can, and the report on it must say so.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::machine::{self, Boot};

/// A boot that must fail.
struct Control {
    /// A name, for the report and the log.
    name: &'static str,
    /// What the guest is told.
    arguments: &'static str,
    /// What the guest says before it goes wrong, so that the failure is known to be ours.
    said: &'static str,
    /// The complaints that the report must make; others may stand beside them.
    complaints: &'static [&'static str],
    /// Whether the boot runs into the time limit.
    hangs: bool,
}

const CONTROLS: [Control; 5] = [
    Control {
        name: "wrong-release",
        arguments: "expect=9.9",
        said: "Xen ",
        complaints: &["FAIL: Xen 9.9 was expected", "no PASS on the console"],
        hangs: false,
    },
    Control {
        name: "panic",
        arguments: "expect=any end=panic",
        said: "Xen ",
        complaints: &["FAIL: panicked", "no PASS on the console"],
        hangs: false,
    },
    Control {
        name: "crash",
        arguments: "expect=any end=crash",
        said: "crashing as told",
        complaints: &[
            "no PASS on the console",
            "Xen did not see the guest's reboot",
        ],
        hangs: false,
    },
    Control {
        name: "silence",
        arguments: "expect=any end=silence",
        said: "keeping silent as told",
        complaints: &["no PASS on the console"],
        hangs: false,
    },
    Control {
        name: "hang",
        arguments: "expect=any end=hang",
        said: "hanging as told",
        complaints: &["killed at the time limit", "no PASS on the console"],
        hangs: true,
    },
];

/// The time limit for the boot that runs into it: many times what a boot takes.
const HANG: Duration = Duration::from_secs(15);

/// Boots the controls on a hypervisor; returns how many were reported as they must be, and how
/// many were not.
///
/// # Errors
/// As [`machine::boot`].
pub fn run(
    release: &str,
    hypervisor: &Path,
    kernel: &Path,
    time_limit: Duration,
) -> Result<(u32, u32)> {
    let (mut right, mut wrong) = (0, 0);
    for control in &CONTROLS {
        let outcome = machine::boot(&Boot {
            name: &format!("xen-{release}-{}", control.name),
            hypervisor,
            kernel,
            arguments: control.arguments,
            time_limit: if control.hangs {
                time_limit.min(HANG)
            } else {
                time_limit
            },
        })?;
        let missing = control.missing(&outcome.console, &outcome.complaints);
        let verdict = if missing.is_empty() {
            "fails, as it must"
        } else {
            "NOT AS IT MUST"
        };
        println!(
            "Xen {release:<5} control {:<14} {:.1} s  {verdict}",
            control.name,
            outcome.took.as_secs_f32()
        );
        if missing.is_empty() {
            right += 1;
            continue;
        }
        wrong += 1;
        for line in missing {
            println!("    {line}");
        }
        println!("    what was found: {:?}", outcome.complaints);
        println!(
            "    the console is in {}",
            super::shown(&outcome.log).display()
        );
    }
    Ok((right, wrong))
}

impl Control {
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
