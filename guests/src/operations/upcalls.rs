//! Upcalls: how Xen interrupts the kernel for an event, in the way that this kind of kernel has.
//!
//! Upcalls are kept out but for the moments in which one is expected, or expected not to come. The handler
//! touches no event: what polling sees is there with an upcall and without.
#![allow(unsafe_code)]

use xen_abi::hypercall::hvm_op::{CallbackVia, HvmParam, get_param, set_param};
use xen_abi::hypercall::xen_version;
use xen_abi::version::{Guest, Operation};
use xen_abi::xen_public::xen::DomId;

use super::Program;
use super::events::Bits;
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
            Some(Callback::Interrupt) => true,
            None => false,
        };
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
        set.done().is_some() && right
    }

    /// Lets one upcall in: at once, if one waits.
    fn let_in(&mut self, bits: &Bits) -> Since {
        let since = Since(self.machine().upcalls());
        if self.listening {
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
        result
    }
}
