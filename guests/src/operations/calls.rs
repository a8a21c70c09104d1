//! Older ways, taken because the newer ones are withheld: on PV all of them are still there, whatever the
//! release; elsewhere there is none, and nothing is called.
#![allow(unsafe_code)]

use xen_abi::hypercall::event_channel_op::{bind_ipi, close};
use xen_abi::hypercall::sched_op::{Waited, poll};
use xen_abi::hypercall::vcpu_op::{VcpuInfoPlace, place_vcpu_info};
use xen_abi::hypercall::{Error, Plan};
use xen_abi::version::{Guest, Operation};
use xen_abi::xen_public::xen::Gfn;

use super::Program;
use super::events::VCPU;
use crate::machine::Machine;

impl<'a, M: Machine> Program<'a, '_, M> {
    /// Runs the older ways, each on a hypervisor that was probed anew.
    pub(super) fn calls(&mut self) {
        self.without(&[Operation::__HYPERVISOR_event_channel_op], |program| {
            let Some(bits) = program.bits() else { return };
            program.older(Operation::EVTCHNOP_send);
            program.channel(&bits);
            program.interrupts(&bits);
        });
        self.without(&[Operation::__HYPERVISOR_sched_op], |program| {
            program.older(Operation::SCHEDOP_yield);
            program.yielding();
            let Some(bits) = program.bits() else { return };
            program.sleep(&bits);
        });
        self.without(&[Operation::SCHEDOP_poll], |program| {
            program.polls_by_block()
        });
        self.without(&[Operation::VCPUOP_initialise], |program| {
            let Some(bits) = program.bits() else { return };
            program.rings_once(&bits);
            program.stays_in_shared_page();
        });
        self.without(&[Operation::__HYPERVISOR_multicall], |program| {
            program.batch()
        });
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        self.without(&[Operation::__HYPERVISOR_callback_op], |program| {
            program.entries()
        });
    }

    /// Runs something without some hypercalls, on a hypervisor that was probed anew.
    pub(super) fn without(
        &mut self,
        withheld: &[Operation],
        work: impl FnOnce(&mut Program<'a, '_, M>),
    ) {
        let (info, listening) = (self.info, self.listening);
        let machine = self.machine();
        match Program::new(machine, self.report) {
            Ok(mut program) => {
                program.info = info;
                program.listening = listening;
                for &operation in withheld {
                    if operation == Operation::SCHEDOP_poll {
                        program.xen().withhold(operation);
                    } else {
                        program.xen().withhold_hypercall(operation);
                    }
                }
                work(&mut program);
            }
            Err(error) => self.report().fail(format_args!("probe: {error}")),
        }
    }

    /// Runs something without some operations, each by itself, on a hypervisor that was probed anew.
    pub(super) fn without_only(
        &mut self,
        withheld: &[Operation],
        work: impl FnOnce(&mut Program<'a, '_, M>),
    ) {
        self.without(&[], |program| {
            for &operation in withheld {
                program.xen().withhold(operation);
            }
            work(program);
        });
    }

    /// What is withheld has an older way on PV, and nowhere else.
    fn older(&mut self, operation: Operation) {
        let plan = self.xen().plan(operation);
        let right = match plan {
            Plan::Fallback(_) => self.xen().guest() == Guest::Pv,
            Plan::Unsupported(_) => self.xen().guest() != Guest::Pv,
            _ => false,
        };
        self.check(
            operation,
            right,
            format_args!("withheld, its plan is {plan:x?}"),
        );
    }

    /// Without a poll, the processor blocks: not at all if an event is due, but on PVH.
    fn polls_by_block(&mut self) {
        // An upcall that can't be taken would not end the sleep.
        if !self.listening {
            return;
        }
        let Some(bits) = self.bits() else { return };
        if self.xen().guest() == Guest::Hvm {
            let op = Operation::SCHEDOP_poll;
            return self.sleep_by(op, &bits, |xen, port| match poll(xen, &[port], None)? {
                Waited::Blocked => Ok(()),
                Waited::Polled => Err(Error::Nonsense {
                    call: op.name(),
                    answer: 0,
                }),
            });
        }
        let made = self.run(Operation::EVTCHNOP_bind_ipi, |xen| bind_ipi(xen, VCPU));
        let Some(port) = made.done() else { return };
        bits.take(port);
        if self.alarm_of_processor(super::waiting::LONG) || self.alarm(super::scheduling::SHORT) {
            let op = Operation::SCHEDOP_poll;
            let send = Operation::EVTCHNOP_send;
            let _ = self.run(send, |xen| {
                xen_abi::hypercall::event_channel_op::send(xen, port)
            });
            let (start, alarms) = (self.machine().ticks(), self.machine().alarms());
            let waited = self.run(op, |xen| poll(xen, &[port], None)).done();
            let elapsed = self.nanoseconds(self.machine().ticks().wrapping_sub(start));
            let by_event = elapsed < super::waiting::LONG && self.machine().alarms() == alarms;
            let right = waited == Some(Waited::Blocked) && bits.pending(port) && by_event;
            self.check(op, right, format_args!("{waited:?} after {elapsed} ns"));
            self.keep_out(&bits);
            self.machine().set_alarm(None);
        }
        bits.take(port);
        let _ = self.run(Operation::EVTCHNOP_close, |xen| close(xen, port));
    }

    /// Without its own place, the `vcpu_info` stays where it is.
    fn stays_in_shared_page(&mut self) {
        let op = Operation::VCPUOP_register_vcpu_info;
        let nowhere = Gfn::new(0);
        // SAFETY: the call is withheld, so that no frame is given to Xen.
        let place = unsafe { place_vcpu_info(self.xen(), VCPU, nowhere, 0) };
        let right = place == Ok(VcpuInfoPlace::SharedInfo);
        self.check(op, right, format_args!("{place:?}"));
        self.report().fallback();
    }
}
