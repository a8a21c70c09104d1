//! What became of the suites, and what that means for the whole.

use std::fmt::Write;
use std::time::Duration;

use super::suites::Suite;

/// What became of a suite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All of it held.
    Passed {
        /// A figure worth showing, or nothing.
        note: String,
    },
    /// Something did not hold.
    Failed {
        /// What, in one line or a few.
        why: String,
    },
    /// It was not run to its end, and nothing is known of what it would have shown.
    NotRun {
        /// Why.
        reason: String,
        /// Whether it could run on this machine: what it lacks could be had.
        could: bool,
    },
}

/// A suite that had its turn.
#[derive(Clone, Debug)]
pub struct Row {
    /// The suite's name.
    pub name: &'static str,
    /// What became of it.
    pub outcome: Outcome,
    /// How long it took, set-up included.
    pub took: Duration,
    /// How long it was meant to take.
    pub budget: Duration,
}

impl Row {
    /// The suite's line: name, outcome, time, and the reason or figure.
    pub fn line(&self) -> String {
        let (word, rest) = match &self.outcome {
            Outcome::Passed { note } => ("passed", note.as_str()),
            Outcome::Failed { why } => ("FAILED", why.as_str()),
            Outcome::NotRun { reason, .. } => ("NOT RUN", reason.as_str()),
        };
        let mut line = format!(
            "{:<12} {word:<8}{:>5} s of {:>4} s",
            self.name,
            self.took.as_secs(),
            self.budget.as_secs()
        );
        // One line for each suite: what more there is stands in the log.
        if let Some(first) = rest.lines().next() {
            let _ = write!(line, "  {first}");
        }
        line
    }
}

/// All suites that were asked for.
#[derive(Clone, Debug)]
pub struct Report {
    /// In the suites' order, whoever ended first.
    pub rows: Vec<Row>,
    /// How long all took together, side by side.
    pub took: Duration,
    /// How long that was meant to take.
    pub planned: Duration,
    /// Whether a suite that did not run, but could have, counts as failed.
    pub strict: bool,
}

impl Report {
    fn count(&self, wanted: impl Fn(&Outcome) -> bool) -> usize {
        self.rows.iter().filter(|row| wanted(&row.outcome)).count()
    }

    fn passed(&self) -> usize {
        self.count(|outcome| matches!(outcome, Outcome::Passed { .. }))
    }

    fn failed(&self) -> usize {
        self.count(|outcome| match outcome {
            Outcome::Failed { .. } => true,
            Outcome::NotRun { could, .. } => self.strict && *could,
            Outcome::Passed { .. } => false,
        })
    }

    /// Whether nothing failed. A report in which nothing passed either is no good one.
    pub fn good(&self) -> bool {
        self.failed() == 0 && self.passed() > 0
    }

    /// A line for each suite, one for the time, and last the count.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for row in &self.rows {
            let _ = writeln!(text, "{}", row.line());
        }
        let over: Vec<&str> = self
            .rows
            .iter()
            .filter(|row| row.took > row.budget)
            .map(|row| row.name)
            .collect();
        let _ = write!(
            text,
            "{} s of {} s planned",
            self.took.as_secs(),
            self.planned.as_secs()
        );
        if !over.is_empty() {
            let _ = write!(text, "; over budget: {}", over.join(", "));
        }
        if self.strict {
            for row in &self.rows {
                if matches!(row.outcome, Outcome::NotRun { could: true, .. }) {
                    let _ = write!(
                        text,
                        "\n{} could run here, so it counts as failed",
                        row.name
                    );
                }
            }
        }
        let (passed, failed) = (self.passed(), self.failed());
        let _ = write!(text, "\n{passed} passed, {failed} failed");
        let skipped = self.rows.len() - passed - failed;
        if skipped > 0 {
            let _ = write!(text, ", {skipped} skipped");
        }
        text.push('\n');
        text
    }
}

/// What a command says that ended with the status for "nothing failed, but something was not run": its
/// lines with `NOT RUN: ` have the reasons. Without one its word is not taken for it.
pub fn outcome_of_not_run(output: &str, command: &str) -> Outcome {
    let reasons: Vec<&str> = output
        .lines()
        .filter_map(|line| line.split_once("NOT RUN: "))
        .map(|(_, reason)| reason.trim())
        .collect();
    if reasons.is_empty() {
        return Outcome::Failed {
            why: format!("`{command}` ended as if something was not run, but did not say what"),
        };
    }
    Outcome::NotRun {
        reason: reasons.join("; "),
        // The commands set up what they need themselves, so this machine has not got it.
        could: false,
    }
}

/// The suites with their budgets and what they prove.
pub fn list(suites: &[&Suite], together: Duration) -> String {
    let mut text = String::new();
    for suite in suites {
        let _ = writeln!(
            text,
            "{:<12}{:>4} s  {}",
            suite.name,
            suite.budget().as_secs(),
            suite.proves
        );
        let needs: Vec<String> = suite.needs.iter().map(ToString::to_string).collect();
        if !needs.is_empty() {
            let _ = writeln!(text, "{:>20}needs {}", "", needs.join(", "));
        }
        let wants: Vec<String> = suite.wants.iter().map(ToString::to_string).collect();
        if !wants.is_empty() {
            let _ = writeln!(text, "{:>20}uses {}", "", wants.join(", "));
        }
    }
    let _ = writeln!(text, "{:<12}{:>4} s  together", "", together.as_secs());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed() -> Outcome {
        Outcome::Passed {
            note: String::new(),
        }
    }

    fn failed() -> Outcome {
        Outcome::Failed {
            why: "x is 1, not 2\nmore".to_owned(),
        }
    }

    fn not_run(could: bool) -> Outcome {
        Outcome::NotRun {
            reason: "qemu is missing".to_owned(),
            could,
        }
    }

    fn report(strict: bool, outcomes: &[Outcome]) -> Report {
        let row = |outcome: &Outcome| Row {
            name: "suite",
            outcome: outcome.clone(),
            took: Duration::from_secs(7),
            budget: Duration::from_secs(5),
        };
        Report {
            rows: outcomes.iter().map(row).collect(),
            took: Duration::from_secs(12),
            planned: Duration::from_secs(10),
            strict,
        }
    }

    fn closing(strict: bool, outcomes: &[Outcome]) -> (bool, String) {
        let report = report(strict, outcomes);
        let last = report.text().lines().last().unwrap().to_owned();
        (report.good(), last)
    }

    #[test]
    fn the_last_line_is_the_count() {
        assert_eq!(
            closing(false, &[passed(), passed()]),
            (true, "2 passed, 0 failed".to_owned())
        );
        assert_eq!(
            closing(true, &[passed(), failed(), passed()]),
            (false, "2 passed, 1 failed".to_owned())
        );
    }

    #[test]
    fn what_did_not_run_has_not_passed() {
        assert_eq!(
            closing(false, &[passed(), not_run(true), not_run(false)]),
            (true, "1 passed, 0 failed, 2 skipped".to_owned())
        );
        assert_eq!(
            closing(false, &[not_run(false)]),
            (false, "0 passed, 0 failed, 1 skipped".to_owned())
        );
        assert!(!closing(false, &[]).0);
    }

    #[test]
    fn strictly_what_could_have_run_has_failed() {
        assert_eq!(
            closing(true, &[passed(), not_run(true), not_run(false)]),
            (false, "1 passed, 1 failed, 1 skipped".to_owned())
        );
        let text = report(true, &[not_run(true)]).text();
        assert!(text.contains("\nsuite could run here, so it counts as failed\n"));
    }

    #[test]
    fn each_suite_has_one_line_with_its_reason_and_time() {
        let text = report(false, &[passed(), failed(), not_run(false)]).text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "suite        passed      7 s of    5 s",
                "suite        FAILED      7 s of    5 s  x is 1, not 2",
                "suite        NOT RUN     7 s of    5 s  qemu is missing",
                "12 s of 10 s planned; over budget: suite, suite, suite",
                "1 passed, 1 failed, 1 skipped",
            ]
        );
    }

    #[test]
    fn a_command_that_did_not_run_something_must_say_what() {
        let output = "4.14 PASS\n4.17  NOT RUN: gone from the mirror\n4.20 NOT RUN: no qemu\n";
        assert_eq!(
            outcome_of_not_run(output, "c"),
            Outcome::NotRun {
                reason: "gone from the mirror; no qemu".to_owned(),
                could: false
            }
        );
        let outcome = outcome_of_not_run("all is well\n", "c");
        assert!(matches!(outcome, Outcome::Failed { .. }), "{outcome:?}");
    }
}
