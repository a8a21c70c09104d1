//! Where Xen enters a PV kernel: a real entry, which takes an event's upcall and returns.
#![allow(unsafe_code)]

use xen_abi::hypercall::Plan;
use xen_abi::hypercall::callback_op::{Callback, Entry, register, register_entries, unregister};
use xen_abi::hypercall::set_callbacks::{self, Callbacks};
use xen_abi::version::Operation;

use super::{Outcome, Program};
use crate::machine::Machine;

/// The kinds of entry that a kernel registers; the one for NMIs is taken back.
const KINDS: [Callback; 6] = [
    Callback::Event,
    Callback::Failsafe,
    Callback::Syscall,
    Callback::Sysenter,
    Callback::Syscall32,
    Callback::Nmi,
];

impl<M: Machine> Program<'_, '_, M> {
    fn entry(&self) -> Entry {
        Entry {
            #[cfg(target_arch = "x86")]
            selector: 0,
            address: match self.machine().callback() {
                Some(crate::machine::Callback::Entry(address)) => address,
                // Nobody but a PV kernel is entered.
                _ => 0,
            },
        }
    }

    /// Has a PV guest's Xen enter the kernel for events; whether it does.
    pub(super) fn enter_for_events(&mut self) -> bool {
        if self.xen().can(Operation::CALLBACKOP_register).is_ok() {
            return self.enter_at(Callback::Event);
        }
        self.all_entries()
    }

    /// Registers the kernel's entry for a kind, which for other kinds than events is never entered: there is
    /// no user mode, no return that faults, and nobody who sends an NMI.
    fn enter_at(&mut self, kind: Callback) -> bool {
        let (op, row, entry) = (
            Operation::CALLBACKOP_register,
            kind.operation(),
            self.entry(),
        );
        let plan = match (self.xen().plan(op), self.xen().plan(row)) {
            // An older number of the kind, by the same call.
            (Plan::Direct, Plan::Fallback(_)) => Plan::Direct,
            (Plan::Direct, row) => row,
            (call, _) => call,
        };
        let registered = self.run_as(plan, op, &[], |xen| {
            // SAFETY: the entry is made for events, and for the others it is never entered.
            unsafe { register(xen, kind, entry, false) }
        });
        if matches!(registered, Outcome::Done(())) && plan == Plan::Direct {
            self.mark(row, true);
        }
        registered.done().is_some()
    }

    fn callbacks(&self) -> Callbacks {
        let entry = self.entry();
        Callbacks {
            event: entry,
            failsafe: entry,
            #[cfg(target_arch = "x86_64")]
            syscall: entry,
        }
    }

    /// Registers the entries that every kernel needs; whether it is done.
    fn all_entries(&mut self) -> bool {
        let (op, all) = (Operation::CALLBACKOP_register, self.callbacks());
        let registered = self.run(op, |xen| {
            // SAFETY: as for `enter_at`.
            unsafe { register_entries(xen, all) }
        });
        registered.done().is_some()
    }

    /// Registers all entries, one by one and together.
    pub(super) fn entries(&mut self) {
        self.all_entries();
        let all = self.callbacks();
        let op = Operation::__HYPERVISOR_set_callbacks;
        let _ = self.run(op, |xen| {
            // SAFETY: as for `enter_at`.
            unsafe { set_callbacks::set(xen, all) }
        });
        if self.xen().can(Operation::CALLBACKOP_register).is_ok() {
            for kind in KINDS {
                self.enter_at(kind);
            }
        }
        let op = Operation::CALLBACKOP_unregister;
        let _ = self.run(op, |xen| unregister(xen, Callback::Nmi));
    }
}
