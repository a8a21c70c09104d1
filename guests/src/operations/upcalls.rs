//! Upcalls: how Xen interrupts the kernel for an event, in the way that this kind of kernel has.
//!
//! Upcalls are kept out but for the moments in which one is expected, or expected not to come. The handler
//! touches no event: what polling sees is there with an upcall and without.
#![allow(unsafe_code)]

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use xen_abi::hypercall::event_channel_op::{bind_ipi, close, send};
use xen_abi::hypercall::hvm_op::{CallbackVia, HvmParam, get_param, set_param};
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use xen_abi::hypercall::hvm_op::{Upcall, set_evtchn_upcall_vector};
use xen_abi::hypercall::xen_version;
use xen_abi::version::{Guest, Operation};
use xen_abi::xen_public::xen::DomId;

use super::Program;
use super::events::Bits;
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use super::{Outcome, events::VCPU};
use crate::checks;
use crate::machine::{Callback, Machine};

/// How many upcalls there were as the next one was let in.
#[derive(Clone, Copy)]
#[must_use]
pub(super) struct Since(u32);

impl<M: Machine> Program<'_, '_, M> {
    /// Has Xen interrupt the kernel for events from now on, where the kernel takes that.
    pub(super) fn listen(&mut self) {
        self.listening = match self.machine().callback() {
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Some(Callback::Entry(_)) => self.enter_for_events(),
            #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
            Some(Callback::Entry(_)) => false,
            Some(Callback::Vector(vector)) => self.interrupt_by(vector),
            Some(Callback::Interrupt(number)) => self.interrupt_by_xen(number),
            None => false,
        };
    }

    /// Says how many upcalls there were in all.
    pub(super) fn count_upcalls(&mut self) {
        if self.machine().callback().is_some() {
            let (upcalls, ended) = (self.machine().upcalls(), self.machine().ended());
            let alarms = self.machine().alarms();
            self.report().say(format_args!(
                "upcalls: {upcalls}, and {ended} ended at a local APIC; the processor's timer: {alarms}"
            ));
        }
    }

    /// Sets the vector by which Xen interrupts every processor of a PVH kernel; whether it is set.
    fn interrupt_by(&mut self, vector: u8) -> bool {
        let row = Operation::HVM_PARAM_CALLBACK_TYPE_VECTOR;
        if self.xen().can(row).is_err() {
            return false;
        }
        let (op, value) = (
            Operation::HVMOP_set_param,
            CallbackVia::Vector(vector).value(),
        );
        let set = self.run(op, |xen| {
            // SAFETY: the kernel has a handler at the vector, as it says.
            unsafe { set_param(xen, DomId::SELF, HvmParam::CALLBACK_IRQ, value) }
        });
        let is = self.run(Operation::HVMOP_get_param, |xen| {
            get_param(xen, DomId::SELF, HvmParam::CALLBACK_IRQ)
        });
        let right = is.done() == Some(value);
        self.check(row, right, format_args!("{is:x?}, not {value:#x}"));
        if right {
            self.mark(row, true);
        }
        set.done().is_some() && right
    }

    /// Sees that Xen names the interrupt that the device tree names.
    fn interrupt_by_xen(&mut self, number: u32) -> bool {
        let row = Operation::HVM_PARAM_CALLBACK_TYPE_PPI;
        if self.not_real(row) {
            return true;
        }
        let is = self.run(Operation::HVMOP_get_param, |xen| {
            get_param(xen, DomId::SELF, HvmParam::CALLBACK_IRQ)
        });
        let right = is.done().is_some_and(|is| {
            is >> 56 == u64::from(row.number()) && is & 0xff == u64::from(number)
        });
        self.check(row, right, format_args!("{is:x?}, not interrupt {number}"));
        if right {
            self.mark(row, true);
        }
        true
    }

    /// Lets one upcall in: at once, if one waits. None at all if the command line has `upcalls=out`.
    fn let_in(&mut self, bits: &Bits) -> Since {
        let since = Since(self.machine().upcalls());
        let out = checks::argument(self.machine().command_line(), "upcalls") == Some("out");
        if self.listening && !out {
            self.machine().let_in();
            if self.xen().guest() == Guest::Pv {
                bits.mask_upcalls(false);
                // Xen looks at it on the way back from any call.
                let _ = xen_version::version(self.xen());
            }
        }
        since
    }

    /// Lets one upcall in, but none for what was announced before, which is forgotten.
    pub(super) fn let_new_in(&mut self, bits: &Bits) -> Since {
        bits.quiet();
        // An interrupt controller may have kept one that is over.
        let _ = self.let_in(bits);
        self.keep_out(bits);
        self.let_in(bits)
    }

    /// Keeps upcalls out.
    pub(super) fn keep_out(&mut self, bits: &Bits) {
        if self.listening {
            self.machine().keep_out();
            if self.xen().guest() == Guest::Pv {
                bits.mask_upcalls(true);
            }
        }
    }

    /// Whether an upcall was taken, if there are any.
    pub(super) fn taken(&self, since: Since) -> bool {
        !self.listening || self.machine().upcalls() != since.0
    }

    /// Does something that makes Xen interrupt the kernel, once, or does not if it is not `expected` to.
    /// What was announced before is forgotten.
    pub(super) fn upcall<T>(
        &mut self,
        op: Operation,
        bits: &Bits,
        expected: bool,
        work: impl FnOnce(&mut Self) -> T,
    ) -> T {
        if !self.listening {
            return work(self);
        }
        let since = self.let_new_in(bits);
        let result = work(self);
        if expected {
            self.wait(|| self.taken(since));
        } else {
            self.wait_for(self.machine().ticks_per_second() / 1000, || {
                self.taken(since)
            });
        }
        self.keep_out(bits);
        let came = self.machine().upcalls().wrapping_sub(since.0);
        self.check(
            op,
            came == u32::from(expected),
            format_args!("{came} upcalls"),
        );
        if expected && came == 0 {
            // It is said; the others need not be waited for.
            self.listening = false;
        }
        result
    }
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
impl<M: Machine> Program<'_, '_, M> {
    /// Has Xen interrupt the processor by a vector of its own as well, through the local APIC, and sees that
    /// it does so once for each event.
    pub(super) fn by_local_apic(&mut self) {
        let (Some(vector), true) = (self.machine().own_vector(), self.listening) else {
            return;
        };
        let Some(bits) = self.bits() else { return };
        let made = self.run(Operation::EVTCHNOP_bind_ipi, |xen| bind_ipi(xen, VCPU));
        let Some(port) = made.done() else { return };
        bits.take(port);
        let op = Operation::HVMOP_set_evtchn_upcall_vector;
        // Xen raises the interrupt as it is told of the vector, to be sure.
        self.ends_one(op, |program| {
            let set = program.run(op, |xen| {
                // SAFETY: the kernel has a handler at the vector, as it says.
                unsafe { set_evtchn_upcall_vector(xen, VCPU, vector) }
            });
            let right = set == Outcome::Done(Upcall::PerVcpu);
            program.check(op, right, format_args!("{set:?}"));
        });
        for _ in 0..2 {
            // The vector that is set for all comes first; the local APIC has kept the other.
            self.upcall(op, &bits, true, |program| {
                let _ = program.run(Operation::EVTCHNOP_send, |xen| send(xen, port));
            });
            bits.take(port);
            self.ends_one(op, |_| ());
        }
        let _ = self.run(Operation::EVTCHNOP_close, |xen| close(xen, port));
    }

    /// Sees one interrupt that is ended at the local APIC, where no other waits.
    fn ends_one(&mut self, op: Operation, work: impl FnOnce(&mut Self)) {
        let before = self.machine().ended();
        self.machine().let_in();
        work(self);
        self.wait(|| self.machine().ended() != before);
        self.machine().keep_out();
        let came = self.machine().ended().wrapping_sub(before);
        self.check(op, came == 1, format_args!("{came} were ended"));
    }
}
