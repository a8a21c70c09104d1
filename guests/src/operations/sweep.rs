//! Which sub-ops are there: every one asked for with an address at which nothing can be.
//!
//! Xen looks at a sub-op's number before it reads the argument, so a sub-op that is there answers
//! EFAULT (or something else of its own), and one that is not gives itself away by the error for
//! unknown numbers. Nothing is carried out either way. Sub-ops that take no argument, or that do
//! something before they read it, are left to the program that runs them for real.
#![allow(unsafe_code)]

use xen_abi::hypercall::{Conduit, Errno};
use xen_abi::version::{Absent, Guest, Kind, Needs, Operation};

use super::{Program, lineage};
use crate::checks;
use crate::machine::Machine;
use crate::rows::How;

/// How a hypercall with sub-ops takes its arguments.
#[derive(Clone, Copy)]
enum Shape {
    /// Sub-op, address.
    Address,
    /// Sub-op, address, count.
    Batch,
    /// Sub-op, virtual processor, address.
    Vcpu,
}

/// The hypercalls whose sub-ops are asked for.
const SWEPT: [(Operation, Shape); 9] = [
    (Operation::__HYPERVISOR_event_channel_op, Shape::Address),
    (Operation::__HYPERVISOR_sched_op, Shape::Address),
    (Operation::__HYPERVISOR_memory_op, Shape::Address),
    (Operation::__HYPERVISOR_physdev_op, Shape::Address),
    (Operation::__HYPERVISOR_xen_version, Shape::Address),
    (Operation::__HYPERVISOR_hvm_op, Shape::Address),
    (Operation::__HYPERVISOR_callback_op, Shape::Address),
    (Operation::__HYPERVISOR_grant_table_op, Shape::Batch),
    (Operation::__HYPERVISOR_vcpu_op, Shape::Vcpu),
];

/// Sub-ops that would do something, whatever the address.
const LEFT_OUT: [Operation; 9] = [
    // Gives the processor away, or waits.
    Operation::SCHEDOP_yield,
    Operation::SCHEDOP_block,
    // No argument, so it would be carried out.
    Operation::VCPUOP_up,
    Operation::VCPUOP_down,
    Operation::VCPUOP_send_nmi,
    Operation::VCPUOP_stop_periodic_timer,
    Operation::VCPUOP_stop_singleshot_timer,
    // The address is not looked at.
    Operation::HVMOP_flush_tlbs,
    Operation::HVMOP_guest_request_vm_event,
];

/// Sub-ops that ARM knows but does not do: it reads the argument before it says so.
const READ_FIRST: [Operation; 6] = [
    Operation::EVTCHNOP_bind_pirq,
    Operation::XENMEM_exchange,
    Operation::GNTTABOP_transfer,
    Operation::GNTTABOP_unmap_and_replace,
    Operation::GNTTABOP_set_version,
    Operation::GNTTABOP_get_status_frames,
];

/// Numbers that no release has given to any sub-op of the hypercalls above.
const UNKNOWN: [u32; 3] = [0x3e, 0x7fff, 0xffff_ffff];

/// What a sweep has seen.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Seen {
    /// Sub-ops that are there.
    pub there: u32,
    /// Sub-ops that are not.
    pub absent: u32,
}

impl<M: Machine> Program<'_, '_, M> {
    /// Asks for every sub-op with an address at which this domain has no memory, and reports those
    /// whose presence or absence is not what the table predicts.
    ///
    /// Where the whole hypercall is missing, its own error is looked for.
    pub fn sweep(&mut self) -> Seen {
        let nowhere = self.machine().nowhere();
        let mut seen = Seen::default();
        for (hypercall, shape) in SWEPT {
            let ops = Operation::all().filter(|op| {
                op.kind() == Kind::Op && op.parent() == Some(hypercall) && !LEFT_OUT.contains(op)
            });
            for op in ops {
                if !self.given_away(op) {
                    self.look(op, shape, nowhere, &mut seen);
                }
            }
        }
        self.report().say(format_args!(
            "sub-ops: {} there, {} not",
            seen.there, seen.absent
        ));
        seen
    }

    /// Whether another sub-op has the number now.
    fn given_away(&self, op: Operation) -> bool {
        let others = Operation::all().filter(|other| {
            *other != op && other.parent() == op.parent() && other.number() == op.number()
        });
        self.xen().can(op).is_err()
            && others
                .into_iter()
                .any(|other| self.xen().can(other).is_ok())
    }

    fn look(&mut self, op: Operation, shape: Shape, nowhere: usize, seen: &mut Seen) {
        self.report().rows().mark(op, How::Number);
        let xen = self.xen();
        let (guest, release) = (xen.guest(), xen.release());
        let expected = op.expected_error(guest, release);
        if let Absent::OtherHypercall(_) = expected {
            // Asking would run it.
            return;
        }
        let answer = self.ask(op.hypercall(), op.number(), shape, nowhere);
        let there = xen.can(op).is_ok();
        let absent = match expected {
            Absent::Errno(errno) => answer == errno.to_return() as i32,
            Absent::FalseSuccess => answer == 0,
            _ => false,
        };
        let read_first = guest == Guest::Arm && READ_FIRST.contains(&op);
        let absent = absent || !there && read_first && answer == Errno::EFAULT.to_return() as i32;
        // An error that also means other things says nothing of what is there.
        let hidden = !matches!(
            expected,
            Absent::Errno(errno) if errno == Errno::ENOSYS || errno == Errno::EOPNOTSUPP
        );
        if there && !hidden && absent && self.build_unknown() && may_be_left_out(op) {
            for part in Operation::all().filter(|part| lineage(*part).any(|whole| whole == op)) {
                xen.withhold(part);
            }
            seen.absent += 1;
            return;
        }
        let as_predicted = if there { hidden || !absent } else { absent };
        if as_predicted {
            if there {
                seen.there += 1;
            } else {
                seen.absent += 1;
            }
        } else {
            self.check(
                op,
                false,
                format_args!(
                    "the table says {}, and where it is absent {expected}; Xen answers {answer}",
                    if there { "there" } else { "absent" }
                ),
            );
        }
    }

    /// Whether nobody has said what the hypervisor was built without: then what it answers says so.
    pub(super) fn build_unknown(&self) -> bool {
        checks::argument(self.machine().command_line(), "without").is_none()
    }

    fn ask(&self, hypercall: u32, number: u32, shape: Shape, nowhere: usize) -> i32 {
        let number = number as usize;
        let arguments = match shape {
            Shape::Address => [number, nowhere, 0, 0, 0],
            Shape::Batch => [number, nowhere, 1, 0, 0],
            Shape::Vcpu => [number, 0, nowhere, 0, 0],
        };
        // SAFETY: there is no memory at the address that Xen could read or write, so what has an
        // argument is not carried out; what has none, and would do something, was left out.
        let answer = unsafe { self.xen().hypercall(hypercall, arguments) };
        answer as i32
    }

    /// Asks for numbers that are no sub-op, and sees that the answer is the one `expected`.
    pub fn unknown_numbers(&mut self, expected: impl Fn(Operation, u32) -> i32) {
        let nowhere = self.machine().nowhere();
        for (hypercall, shape) in SWEPT {
            if self.xen().can(hypercall).is_err() {
                continue;
            }
            for number in UNKNOWN {
                let answer = self.ask(hypercall.hypercall(), number, shape, nowhere);
                let expected = expected(hypercall, number);
                self.check(
                    hypercall,
                    answer == expected,
                    format_args!("unknown sub-op {number:#x}: {answer}, not {expected}"),
                );
            }
        }
    }
}

/// Whether a build may lack an operation, or what it belongs to.
fn may_be_left_out(op: Operation) -> bool {
    lineage(op)
        .flat_map(Operation::build)
        .any(|build| build.needs == Needs::Option)
}
