//! Refusals that must come, and hypercalls that must not be there.
#![allow(unsafe_code)]

use xen_abi::hypercall::{Conduit, Errno, Error, Plan, Result};
use xen_abi::version::{Absent, Guest, Kind, Operation, Release};

use super::{Hypervisor, Outcome, Program};
use crate::machine::Machine;

/// The first release that refuses a number with bits that say how far a batch of grants came, if none
/// came so far.
const GRANTS_IN_PARTS: Release = Release::new(4, 8, 0);

/// What the result register holds.
fn answered(absent: Absent) -> i32 {
    match absent {
        Absent::Errno(errno) => errno.to_return() as i32,
        _ => 0,
    }
}

/// A number that no release has given to a sub-op of any hypercall.
const UNKNOWN: usize = 0x3e;

impl<'a, M: Machine> Program<'a, '_, M> {
    /// Runs an operation that must be refused with one of these errors, wherever the table says that
    /// there is a way.
    pub(super) fn refused<T>(
        &mut self,
        operation: Operation,
        refusals: &[Errno],
        work: impl FnOnce(&Hypervisor<'a, M>) -> Result<T>,
    ) {
        let holds = |error: &Error| matches!(error, Error::Refused { errno, .. } if refusals.contains(errno));
        self.fails(operation, holds, work);
    }

    /// Runs an operation that must fail with such an error, wherever the table says that there is a way.
    pub(super) fn fails<T>(
        &mut self,
        operation: Operation,
        holds: impl FnOnce(&Error) -> bool,
        work: impl FnOnce(&Hypervisor<'a, M>) -> Result<T>,
    ) {
        let outcome = self.run(operation, |xen| match work(xen) {
            Err(error @ Error::Unsupported(_)) => Err(error),
            result => Ok(result.err()),
        });
        if let Outcome::Done(error) = outcome {
            self.check(
                operation,
                error.as_ref().is_some_and(holds),
                format_args!("should have been refused otherwise: {error:?}"),
            );
        }
    }

    /// Runs an operation that only a real hypervisor carries out: a simulated one knows whether it is
    /// there, and no more. Where it is not, that is run everywhere.
    pub(super) fn run_real<T>(
        &mut self,
        operation: Operation,
        refusals: &[Errno],
        work: impl FnOnce(&Hypervisor<'a, M>) -> Result<T>,
    ) -> Outcome<T> {
        if self.left_to_real(operation) {
            return Outcome::Not;
        }
        self.run_or(operation, refusals, work)
    }

    /// Whether an operation is left out here because it takes a real hypervisor, which is said.
    pub(super) fn left_to_real(&mut self, operation: Operation) -> bool {
        let left =
            !self.machine().real() && !matches!(self.xen().plan(operation), Plan::Unsupported(_));
        if left {
            self.report()
                .say(format_args!("{operation}: left to the real hypervisors"));
        }
        left
    }

    /// Whether something is left out here because it takes a real hypervisor, be the operation there or not.
    pub(super) fn not_real(&mut self, operation: Operation) -> bool {
        self.left_to_real(operation) || !self.machine().real()
    }

    /// Counts operations for which there is no code on this processor, since no guest has it there.
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
    pub(super) fn not_here(&mut self, operations: &[Operation]) {
        for &operation in operations {
            let _ = self.run(operation, |xen| Ok(xen.can(operation)?));
        }
    }

    /// Each hypercall that is not there says so with the error of the table.
    pub fn absent_hypercalls(&mut self) {
        let (guest, release) = (self.xen().guest(), self.xen().release());
        let hypercalls = || Operation::all().filter(|op| op.kind() == Kind::Hypercall);
        let (mut count, nowhere) = (0_u32, self.machine().nowhere());
        for operation in hypercalls() {
            let number = operation.hypercall();
            let taken = hypercalls()
                .any(|other| other.hypercall() == number && self.xen().can(other).is_ok());
            let expected = match operation.expected_error(guest, release) {
                // Asking would run it.
                Absent::OtherHypercall(_) => continue,
                Absent::Errno(errno) => errno.to_return() as i32,
                _ => 0,
            };
            // Old releases had something of their own there for ARM.
            let other = guest == Guest::Arm
                && operation == Operation::__HYPERVISOR_mca
                && release < Release::new(4, 4, 0);
            // A guest without `iret` has no code for it in its hypercall page either.
            if taken || other || number == Operation::__HYPERVISOR_iret.hypercall() {
                continue;
            }
            // A sub-op that there is not, or no memory to read one from.
            let answer = self.ask_past(number, [nowhere, 0, 0, 0, 0]);
            self.check(
                operation,
                answer == expected,
                format_args!("absent by the table, and answers {answer}, not {expected}"),
            );
            count += 1;
        }
        self.report()
            .say(format_args!("hypercalls that are not there: {count}"));
    }

    /// Unknown numbers of hypercalls, and of the sub-ops of those hypercalls that the sweep leaves out
    /// because their arguments are of other shapes.
    pub fn unknown(&mut self) {
        use Operation as Op;
        for number in [43, 47, 56, 63, 64, 127] {
            // The oldest releases look at the lowest five bits, and run another hypercall.
            let release = self.xen().release();
            if self.xen().guest() == Guest::Pv && release < Release::new(3, 0, 3) {
                continue;
            }
            let answer = self.ask_past(number, [0; 5]);
            let expected = Errno::ENOSYS.to_return() as i32;
            self.report().check(
                answer == expected,
                format_args!("unknown hypercall {number}: {answer}, not {expected}"),
            );
        }
        let guest = self.xen().guest();
        for operation in [
            Op::__HYPERVISOR_console_io,
            Op::__HYPERVISOR_nmi_op,
            Op::__HYPERVISOR_vm_assist,
            Op::__HYPERVISOR_kexec_op,
            Op::__HYPERVISOR_xenoprof_op,
        ] {
            if self.xen().can(operation).is_err() {
                continue;
            }
            let answer = self.ask_past(operation.hypercall(), [UNKNOWN, UNKNOWN, 0, 0, 0]);
            let expected = answered(self.unknown_sub_op(operation));
            // Nothing was asked yet that tells whether this build has the hypercall at all.
            let without = operation.expected_error(guest, self.xen().release());
            let left_out = !operation.build().is_empty() && answer == answered(without);
            self.check(
                operation,
                answer == expected || left_out,
                format_args!(
                    "unknown sub-op {UNKNOWN:#x} of a {guest} guest: {answer}, not {expected}"
                ),
            );
        }
    }

    /// What the table says that an unknown sub-op of a hypercall answers.
    pub(super) fn unknown_sub_op(&self, hypercall: Operation) -> Absent {
        let (guest, release) = (self.xen().guest(), self.xen().release());
        Operation::all()
            .filter(|op| op.parent() == Some(hypercall) && op.build().is_empty())
            .filter(|op| matches!(op.kind(), Kind::Op | Kind::Assist))
            .map(|op| op.expected_error(guest, release))
            .next()
            .unwrap_or(Absent::Errno(Errno::ENOSYS))
    }

    /// What the unknown sub-ops of the hypercalls with plain arguments answer.
    pub fn unknown_sub_ops(&mut self) {
        let guest = self.xen().guest();
        let by_table: [_; 64] = core::array::from_fn(|number| {
            let all = Operation::all();
            all.into_iter()
                .find(|op| op.kind() == Kind::Hypercall && op.hypercall() == number as u32)
                .map(|op| self.unknown_sub_op(op))
        });
        let release = self.xen().release();
        self.unknown_numbers(
            |hypercall, number| match by_table[hypercall.hypercall() as usize] {
                _ if hypercall == Operation::__HYPERVISOR_grant_table_op
                    && number > 0xfff
                    && guest != Guest::Hvm
                    && release >= GRANTS_IN_PARTS =>
                {
                    Errno::EINVAL.to_return() as i32
                }
                Some(absent) => answered(absent),
                None => Errno::ENOSYS.to_return() as i32,
            },
        );
    }

    /// Makes a hypercall that is not kept in mind.
    pub(super) fn ask_past(&self, number: u32, arguments: [usize; 5]) -> i32 {
        // SAFETY: the callers ask for what is not there.
        let answer = unsafe { self.xen().conduit().inner().hypercall(number, arguments) };
        answer as i32
    }
}
