//! Every operation that does no damage, done for real, and what came of it held against the table of
//! gates.
//!
//! A [`Program`] runs on any conduit: on the real hypervisors in the kernels of this package, and on
//! the simulated one of every release and kind of guest in tests. For each operation it knows before
//! what the table predicts for this release and kind of guest: the operation's own hypercall, an older
//! one in its place, or none at all. It watches what goes over the conduit, and anything else than
//! predicted is a surprise. At the end each row that Xen offers was run, or has a reason why not; any other
//! is a surprise, too.

mod calls;
mod copies;
mod devices;
mod entries;
mod events;
mod expect;
mod fifo;
mod foreign;
mod frames;
mod grants;
#[cfg(test)]
mod host;
mod memory;
mod physdev;
mod rows;
mod scheduling;
pub mod sweep;
mod tables;
mod tools;
mod toolstack;
mod upcalls;
mod vcpus;
mod versions;
mod waiting;
mod watched;
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
mod x86;

use core::fmt;
use core::ptr::NonNull;

use xen_abi::hypercall::{Errno, Error, Plan, ProbeError, Result, Xen};
use xen_abi::version::Operation;

use crate::checks;
use crate::machine::Machine;
use crate::report::Report;
use crate::rows::How;
pub use watched::{Made, Watched};

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

/// The hypervisor as a program sees it: what its machine's way leads to, watched.
pub type Hypervisor<'a, M> = Xen<Watched<&'a <M as Machine>::Way>>;

/// An operation, what it belongs to, and so on up to its hypercall.
fn lineage(operation: Operation) -> impl Iterator<Item = Operation> {
    core::iter::successors(Some(operation), |operation| operation.parent())
}

/// Whether an operation, or what it belongs to, needs an option that is among those of
/// `without=CONFIG_A+CONFIG_B`.
fn left_out<C>(xen: &Xen<C>, operation: Operation, without: &str) -> bool {
    lineage(operation).flat_map(Operation::build).any(|build| {
        build.matters(xen.guest(), xen.release())
            && without.split('+').any(|option| option == build.option)
    })
}

/// The run of all operations on one hypervisor.
pub struct Program<'a, 'r, M: Machine> {
    machine: &'a M,
    xen: Hypervisor<'a, M>,
    report: &'r mut Report<'a, M::Way>,
    /// Where the processor's `vcpu_info` was registered, if it was.
    info: Option<NonNull<u8>>,
    /// Whether Xen interrupts the kernel for events.
    listening: bool,
}

/// Runs everything.
pub fn run<'a, M: Machine>(machine: &'a M, report: &mut Report<'a, M::Way>) {
    match Program::new(machine, report) {
        Ok(mut program) => program.all(),
        Err(error) => report.fail(format_args!("probe: {error}")),
    }
}

impl<'a, 'r, M: Machine> Program<'a, 'r, M> {
    /// A run on a machine, which has found out what its hypervisor is.
    ///
    /// # Errors
    ///
    /// What the probe says.
    pub fn new(
        machine: &'a M,
        report: &'r mut Report<'a, M::Way>,
    ) -> core::result::Result<Self, ProbeError> {
        let xen = Xen::probe(Watched::new(machine.xen()))?;
        let without = checks::argument(machine.command_line(), "without").unwrap_or_default();
        for operation in Operation::all().filter(|&operation| left_out(&xen, operation, without)) {
            xen.withhold(operation);
        }
        Ok(Self {
            machine,
            xen,
            report,
            info: None,
            listening: false,
        })
    }

    /// All parts, in an order in which each finds what it needs.
    pub fn all(&mut self) {
        self.sweep();
        self.unknown_sub_ops();
        self.unknown();
        self.absent_hypercalls();
        self.physdev();
        self.domain_0();
        self.tools();
        self.tables();
        self.memory();
        self.frames();
        self.grants();
        self.hvm_devices();
        self.versions();
        self.listen();
        self.events();
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        self.entries();
        self.scheduling();
        self.calls();
        self.vcpus();
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        self.by_local_apic();
        // From here on events are found in queues, and no longer in the shared page.
        self.fifo();
        self.count_upcalls();
        self.last();
        self.rows();
    }

    /// The hypervisor.
    pub fn xen(&self) -> &Hypervisor<'a, M> {
        &self.xen
    }

    /// The machine.
    pub fn machine(&self) -> &'a M {
        self.machine
    }

    /// The report that surprises go to.
    pub fn report(&mut self) -> &mut Report<'a, M::Way> {
        self.report
    }

    /// Runs an operation that must succeed wherever the table says that there is a way.
    pub fn run<T>(
        &mut self,
        operation: Operation,
        work: impl FnOnce(&Hypervisor<'a, M>) -> Result<T>,
    ) -> Outcome<T> {
        self.run_or(operation, &[], work)
    }

    /// A result of an operation that was done as predicted, but is not what it should be.
    pub fn check(&mut self, operation: Operation, holds: bool, what: fmt::Arguments<'_>) {
        self.report
            .check(holds, format_args!("{operation}: {what}"));
    }

    /// Runs an operation that this domain may be refused, with one of these errors, wherever the
    /// table says that there is a way; success will do as well.
    pub fn run_or<T>(
        &mut self,
        operation: Operation,
        refusals: &[Errno],
        work: impl FnOnce(&Hypervisor<'a, M>) -> Result<T>,
    ) -> Outcome<T> {
        let plan = self.xen.plan(operation);
        self.judge(operation, plan, refusals, false, work)
    }

    /// Runs an operation whose older way, if the table names one, is not taken by the function but left to
    /// its caller.
    pub fn run_alone<T>(
        &mut self,
        operation: Operation,
        refusals: &[Errno],
        work: impl FnOnce(&Hypervisor<'a, M>) -> Result<T>,
    ) -> Outcome<T> {
        let plan = match self.xen.can(operation) {
            Ok(()) => Plan::Direct,
            Err(unsupported) => Plan::Unsupported(unsupported),
        };
        self.judge(operation, plan, refusals, false, work)
    }

    /// Runs an operation whose answer is known without Xen where there is no way.
    pub fn run_or_known<T>(
        &mut self,
        operation: Operation,
        refusals: &[Errno],
        work: impl FnOnce(&Hypervisor<'a, M>) -> Result<T>,
    ) -> Outcome<T> {
        let plan = self.xen.plan(operation);
        self.judge(operation, plan, refusals, true, work)
    }

    /// An operation that is made do without, where there is nothing to call; whether it is one.
    fn without_call<T: PartialEq + fmt::Debug>(
        &mut self,
        operation: Operation,
        expected: T,
        work: impl FnOnce(&Hypervisor<'a, M>) -> Result<T>,
    ) -> bool {
        let Plan::Unsupported(_) = self.xen.plan(operation) else {
            return false;
        };
        self.xen.conduit().start();
        let result = work(&self.xen);
        let made = self.xen.conduit().count();
        let right = made == 0 && result.as_ref() == Ok(&expected);
        self.check(operation, right, format_args!("{result:?} by {made} calls"));
        self.report.fallback();
        self.report.rows().mark(operation, How::Absent);
        true
    }

    /// Runs an operation of which the plan is known: that of a row which is not a hypercall's own, such
    /// as a type, or one that is carried out in an older way without a row.
    pub fn run_as<T>(
        &mut self,
        plan: Plan,
        operation: Operation,
        refusals: &[Errno],
        work: impl FnOnce(&Hypervisor<'a, M>) -> Result<T>,
    ) -> Outcome<T> {
        self.judge(operation, plan, refusals, false, work)
    }

    /// Notes that a row which is part of a call was asked for with it, and done or refused.
    fn mark(&mut self, row: Operation, done: bool) {
        let how = if done { How::Done } else { How::Refused };
        self.report.rows().mark(row, how);
    }

    fn judge<T>(
        &mut self,
        operation: Operation,
        plan: Plan,
        refusals: &[Errno],
        known: bool,
        work: impl FnOnce(&Hypervisor<'a, M>) -> Result<T>,
    ) -> Outcome<T> {
        let watched = self.xen.conduit();
        watched.start();
        let result = work(&self.xen);
        let made = watched.count();
        let mut direct = watched.any(|made| made.is(operation));
        if let Plan::Fallback(older) = plan {
            // One number that has changed its name does not tell the two apart.
            direct &=
                (older.hypercall(), older.number()) != (operation.hypercall(), operation.number());
        }
        let refused = |error: &Error| match error {
            Error::Refused { errno, .. } => refusals.contains(errno),
            // What means that it is not there may also mean that this domain has none.
            Error::Unsupported(_) => {
                let last = watched.last().map(|last| Errno::check(last.answer as i64));
                matches!(last, Some(Err(errno)) if refusals.contains(&errno))
            }
            _ => false,
        };
        let error = match (plan, result) {
            (Plan::Direct, Ok(value)) if direct => {
                self.report.direct();
                self.report.rows().mark(operation, How::Done);
                return Outcome::Done(value);
            }
            (Plan::Direct, Err(error)) if direct && refused(&error) => {
                self.report.direct();
                self.report.rows().mark(operation, How::Refused);
                return Outcome::Not;
            }
            (Plan::Fallback(older), Ok(value)) if !direct => {
                self.report.fallback();
                self.report.rows().mark(operation, How::Older);
                if watched.any(|made| made.is(older)) {
                    self.report.rows().mark(older, How::Done);
                }
                return Outcome::Done(value);
            }
            (Plan::Fallback(older), Err(error)) if !direct && refused(&error) => {
                if watched.any(|made| made.is(older)) {
                    self.report.rows().mark(older, How::Refused);
                }
                self.report.fallback();
                self.report.rows().mark(operation, How::Older);
                return Outcome::Not;
            }
            (Plan::Unsupported(_), Err(Error::Unsupported(_))) if made == 0 => {
                self.report.unsupported();
                self.report.rows().mark(operation, How::Absent);
                return Outcome::Not;
            }
            (Plan::Unsupported(_), Ok(value)) if known && made == 0 => {
                self.report.fallback();
                self.report.rows().mark(operation, How::Absent);
                return Outcome::Done(value);
            }
            (_, Ok(_)) => None,
            (_, Err(error)) => Some(error),
        };
        let last = watched.last();
        self.report.fail(format_args!(
            "{operation}: predicted {plan:x?}; its own call was {}; {made} calls, the last {last:x?}",
            if direct { "made" } else { "not made" },
        ));
        match error {
            Some(error) => self.report.say(format_args!("    {error}")),
            None => self.report.say(format_args!("    it succeeded")),
        }
        Outcome::Wrong
    }
}
