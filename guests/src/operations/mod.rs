//! Every operation that does no damage, done for real, and what came of it held against the table of
//! gates.
//!
//! A [`Program`] runs on any conduit: on the real hypervisors in the kernels of this package, and on
//! the simulated one of every release and kind of guest in tests. For each operation it knows before
//! what the table predicts for this release and kind of guest: the operation's own hypercall, an older
//! one in its place, or none at all. It watches what goes over the conduit, and anything else than
//! predicted is a surprise.

pub mod sweep;
mod watched;

use core::fmt;

pub use watched::{Made, Watched};
use xen_abi::hypercall::{Conduit, Errno, Error, Plan, Result, Xen};
use xen_abi::version::Operation;

use crate::report::Report;

/// How many operations were run, and how they were carried out.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Tally {
    /// By their own hypercall.
    pub direct: u32,
    /// By an older way.
    pub fallback: u32,
    /// Refused by us, since there is no way.
    pub unsupported: u32,
    /// Otherwise than the table predicts.
    pub unexpected: u32,
}

impl Tally {
    /// All of them.
    pub fn operations(&self) -> u32 {
        self.direct + self.fallback + self.unsupported + self.unexpected
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            direct,
            fallback,
            unsupported,
            unexpected,
        } = self;
        write!(
            f,
            "operations {} direct {direct} fallback {fallback} unsupported {unsupported} unexpected {unexpected}",
            self.operations()
        )
    }
}

/// What came of an operation that was carried out as predicted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Outcome<T> {
    /// This.
    Done(T),
    /// This Xen can't do it, as the table says; or it refused as it was expected to.
    Not,
    /// It went wrong, which has been reported.
    Wrong,
}

impl<T> Outcome<T> {
    /// The result, if there is one.
    pub fn done(self) -> Option<T> {
        match self {
            Self::Done(value) => Some(value),
            Self::Not | Self::Wrong => None,
        }
    }
}

/// The run of all operations on one hypervisor.
pub struct Program<'a, C: Conduit> {
    xen: &'a Xen<Watched<C>>,
    report: Report<'a, Xen<Watched<C>>>,
    tally: Tally,
}

impl<'a, C: Conduit> Program<'a, C> {
    /// A run on a hypervisor.
    pub fn new(xen: &'a Xen<Watched<C>>) -> Self {
        Self {
            xen,
            report: Report::new(xen),
            tally: Tally::default(),
        }
    }

    /// The hypervisor.
    pub fn xen(&self) -> &'a Xen<Watched<C>> {
        self.xen
    }

    /// The report that surprises go to.
    pub fn report(&mut self) -> &mut Report<'a, Xen<Watched<C>>> {
        &mut self.report
    }

    /// What was counted so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Runs an operation that must succeed wherever the table says that there is a way.
    pub fn run<T>(
        &mut self,
        operation: Operation,
        work: impl FnOnce(&'a Xen<Watched<C>>) -> Result<T>,
    ) -> Outcome<T> {
        self.judge(operation, &[], work)
    }

    /// Runs an operation that this domain may be refused, with one of these errors, wherever the
    /// table says that there is a way; success will do as well.
    pub fn run_or<T>(
        &mut self,
        operation: Operation,
        refusals: &[Errno],
        work: impl FnOnce(&'a Xen<Watched<C>>) -> Result<T>,
    ) -> Outcome<T> {
        self.judge(operation, refusals, work)
    }

    /// A result of an operation that was done as predicted, but is not what it should be.
    pub fn check(&mut self, operation: Operation, holds: bool, what: fmt::Arguments<'_>) {
        if !holds {
            self.tally.unexpected += 1;
            self.report.fail(format_args!("{operation}: {what}"));
        }
    }

    fn judge<T>(
        &mut self,
        operation: Operation,
        refusals: &[Errno],
        work: impl FnOnce(&'a Xen<Watched<C>>) -> Result<T>,
    ) -> Outcome<T> {
        let plan = self.xen.plan(operation);
        let watched = self.xen.conduit();
        watched.start();
        let result = work(self.xen);
        let made = watched.count();
        let direct = watched.any(|made| made.is(operation));
        let wrong = match (plan, result) {
            (Plan::Direct, Ok(value)) if direct => {
                self.tally.direct += 1;
                return Outcome::Done(value);
            }
            (Plan::Direct, Err(Error::Refused { errno, .. }))
                if direct && refusals.contains(&errno) =>
            {
                self.tally.direct += 1;
                return Outcome::Not;
            }
            (Plan::Fallback(_), Ok(value)) if !direct => {
                self.tally.fallback += 1;
                return Outcome::Done(value);
            }
            (Plan::Fallback(_), Err(Error::Refused { errno, .. }))
                if !direct && refusals.contains(&errno) =>
            {
                self.tally.fallback += 1;
                return Outcome::Not;
            }
            (Plan::Unsupported(_), Err(Error::Unsupported(_))) if made == 0 => {
                self.tally.unsupported += 1;
                return Outcome::Not;
            }
            (_, Ok(_)) => None,
            (_, Err(error)) => Some(error),
        };
        self.tally.unexpected += 1;
        let last = watched.last();
        self.report.fail(format_args!(
            "{operation}: predicted {plan:?}; its own call {}; {made} calls, the last {last:x?}",
            if direct { "was made" } else { "was not made" },
        ));
        if let Some(error) = wrong {
            self.report.say(format_args!("    {error}"));
        }
        Outcome::Wrong
    }
}
