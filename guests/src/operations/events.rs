//! Event channels: made, rung, seen in the shared page, masked, moved and closed.
#![allow(unsafe_code)]

use core::mem::offset_of;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU8, Ordering};

use xen_abi::hypercall::event_channel_op::{
    Binding, Priority, alloc_unbound, bind_interdomain, bind_ipi, bind_pirq, bind_vcpu, bind_virq,
    close, expand_array, send, set_priority, status, unmask,
};
use xen_abi::hypercall::{Errno, Plan};
use xen_abi::version::{Operation, Release};
use xen_abi::xen_public::event_channel::EvtchnPort;
use xen_abi::xen_public::native::xen::{shared_info, vcpu_info, vcpu_time_info};
use xen_abi::xen_public::xen::{DomId, Gfn, VcpuId, Virq};

use super::Program;
use crate::machine::Machine;

/// The only processor of the domain.
pub(super) const VCPU: VcpuId = VcpuId::new(0);
/// One that it does not have.
pub(super) const ABSENT: VcpuId = VcpuId::new(1);
/// This domain's own number.
pub(super) const OWN: DomId = DomId::new(0);
/// An interrupt that no release has.
const NO_VIRQ: Virq = Virq::new(24);
/// An interrupt line that no machine has.
const NO_PIRQ: u32 = 0x7fff_fff0;

/// How many ports have their bits in one word of the shared page: as many as there are words.
const WORD: u32 =
    if offset_of!(shared_info, evtchn_mask) - offset_of!(shared_info, evtchn_pending) == 64 * 8 {
        64
    } else {
        32
    };

/// Where a processor's events of two levels show. Bits are reached by bytes, in which they stand in the
/// same order as in words of either size.
#[derive(Clone, Copy)]
pub(super) struct Bits {
    shared: NonNull<u8>,
    info: NonNull<u8>,
}

impl Bits {
    /// The byte at an offset of the shared page or the `vcpu_info`.
    fn byte(&self, base: NonNull<u8>, offset: usize) -> &AtomicU8 {
        // SAFETY: `Program::bits` made this of memory that is there as long as the kernel, holds one of the
        // structures that the callers' offsets are of, and is reached by atomics alone on this side.
        unsafe { AtomicU8::from_ptr(base.as_ptr().wrapping_add(offset)) }
    }

    fn bit(&self, base: NonNull<u8>, offset: usize, index: u32) -> (&AtomicU8, u8) {
        let byte = self.byte(base, offset + (index / 8) as usize);
        (byte, 1 << (index % 8))
    }

    fn pending_bit(&self, port: EvtchnPort) -> (&AtomicU8, u8) {
        let offset = offset_of!(shared_info, evtchn_pending);
        self.bit(self.shared, offset, port.get() % (WORD * WORD))
    }

    fn mask_bit(&self, port: EvtchnPort) -> (&AtomicU8, u8) {
        let offset = offset_of!(shared_info, evtchn_mask);
        self.bit(self.shared, offset, port.get() % (WORD * WORD))
    }

    fn selector_bit(&self, port: EvtchnPort) -> (&AtomicU8, u8) {
        let offset = offset_of!(vcpu_info, evtchn_pending_sel);
        self.bit(self.info, offset, port.get() / WORD % WORD)
    }

    fn upcall(&self) -> &AtomicU8 {
        self.byte(self.info, offset_of!(vcpu_info, evtchn_upcall_pending))
    }

    /// Whether an event waits at a port.
    pub(super) fn pending(&self, port: EvtchnPort) -> bool {
        let (byte, bit) = self.pending_bit(port);
        byte.load(Ordering::SeqCst) & bit != 0
    }

    /// Whether Xen has pointed at the port's word, and at the processor.
    pub(super) fn announced(&self, port: EvtchnPort) -> bool {
        let (byte, bit) = self.selector_bit(port);
        self.upcall_pending() && byte.load(Ordering::SeqCst) & bit != 0
    }

    /// Whether Xen has something to tell the processor.
    pub(super) fn upcall_pending(&self) -> bool {
        self.upcall().load(Ordering::SeqCst) != 0
    }

    fn masked(&self, port: EvtchnPort) -> bool {
        let (byte, bit) = self.mask_bit(port);
        byte.load(Ordering::SeqCst) & bit != 0
    }

    fn mask(&self, port: EvtchnPort) {
        let (byte, bit) = self.mask_bit(port);
        byte.fetch_or(bit, Ordering::SeqCst);
    }

    /// Masks a PV processor's upcalls, or lets them through.
    pub(super) fn mask_upcalls(&self, masked: bool) {
        // Other kinds of guest have nothing there.
        let mask = offset_of!(vcpu_info, evtchn_upcall_pending) + 1;
        self.byte(self.info, mask)
            .store(u8::from(masked), Ordering::SeqCst);
    }

    /// The version of the clock's record.
    pub(super) fn clock_version(&self) -> u8 {
        let time = offset_of!(vcpu_info, time) + offset_of!(vcpu_time_info, version);
        self.byte(self.info, time).load(Ordering::SeqCst)
    }

    /// Forgets that anything was announced.
    pub(super) fn quiet(&self) {
        self.upcall().store(0, Ordering::SeqCst);
        for index in 0..WORD / 8 {
            let offset = offset_of!(vcpu_info, evtchn_pending_sel) + index as usize;
            self.byte(self.info, offset).store(0, Ordering::SeqCst);
        }
    }

    /// Takes a port's event, if there is one, in the order in which a kernel does, and lets the next one in.
    pub(super) fn take(&self, port: EvtchnPort) -> bool {
        self.quiet();
        let (byte, bit) = self.mask_bit(port);
        byte.fetch_and(!bit, Ordering::SeqCst);
        let (byte, bit) = self.pending_bit(port);
        byte.fetch_and(!bit, Ordering::SeqCst) & bit != 0
    }
}

impl<M: Machine> Program<'_, '_, M> {
    /// Where the events show now; a surprise where the shared page can't be mapped.
    pub(super) fn bits(&mut self) -> Option<Bits> {
        match self.machine().shared_info() {
            Ok(shared) => Some(Bits {
                shared,
                info: self.info.unwrap_or(shared),
            }),
            Err(error) => {
                self.report().fail(format_args!("the shared page: {error}"));
                None
            }
        }
    }

    /// Waits until something holds, for a second at most; whether it did.
    pub(super) fn wait(&self, holds: impl Fn() -> bool) -> bool {
        self.wait_for(self.machine().ticks_per_second(), holds)
    }

    /// The same for so many ticks at most.
    pub(super) fn wait_for(&self, limit: u64, holds: impl Fn() -> bool) -> bool {
        let start = self.machine().ticks();
        loop {
            if holds() {
                return true;
            }
            if self.machine().ticks().wrapping_sub(start) > limit {
                return false;
            }
            core::hint::spin_loop();
        }
    }

    /// Runs everything about event channels of two levels.
    pub(super) fn events(&mut self) {
        let Some(bits) = self.bits() else { return };
        self.channel(&bits);
        self.interrupts(&bits);
        self.refusals();
    }

    /// A port's status is this.
    pub(super) fn connected(&mut self, port: EvtchnPort, expected: Binding) {
        let op = Operation::EVTCHNOP_status;
        if let Some(is) = self.run(op, |xen| status(xen, DomId::SELF, port)).done() {
            let right = is.binding == expected && is.vcpu == VCPU;
            self.check(op, right, format_args!("{is:?}, not {expected:?}"));
        }
    }

    /// Rings at a port, and sees the event at another, with the upcall.
    fn rings(&mut self, bits: &Bits, at: EvtchnPort, seen: EvtchnPort) {
        let op = Operation::EVTCHNOP_send;
        bits.take(seen);
        self.check(
            op,
            !bits.pending(seen),
            format_args!("{seen} rings already"),
        );
        self.upcall(op, bits, true, |program| {
            let _ = program.run(op, |xen| send(xen, at));
        });
        let there = self.wait(|| bits.pending(seen) && bits.announced(seen));
        self.check(op, there, format_args!("no event at {seen}"));
        bits.take(seen);
    }

    /// A channel from this domain to itself.
    pub(super) fn channel(&mut self, bits: &Bits) {
        let op = Operation::EVTCHNOP_alloc_unbound;
        let made = self.run(op, |xen| alloc_unbound(xen, DomId::SELF, OWN));
        let Some(one) = made.done() else { return };
        self.connected(one, Binding::Unbound(OWN));
        let op = Operation::EVTCHNOP_bind_interdomain;
        let bound = self.upcall(op, bits, true, |program| {
            program.run(op, |xen| bind_interdomain(xen, OWN, one))
        });
        let Some(two) = bound.done() else { return };
        self.check(
            op,
            bits.pending(two) && bits.upcall_pending(),
            format_args!("{two} was not born with an event"),
        );
        self.connected(one, Binding::Interdomain(OWN, two));
        self.connected(two, Binding::Interdomain(OWN, one));
        self.rings(bits, one, two);
        self.rings(bits, two, one);

        // A masked event waits, and is not announced before it is unmasked.
        let op = Operation::EVTCHNOP_unmask;
        bits.take(two);
        bits.mask(two);
        self.upcall(Operation::EVTCHNOP_send, bits, false, |program| {
            let _ = program.run(Operation::EVTCHNOP_send, |xen| send(xen, one));
        });
        let quiet = bits.pending(two) && !bits.upcall_pending();
        self.check(op, quiet, format_args!("the masked {two} is not quiet"));
        // The first releases left it to the guest.
        let by_guest = self.xen().release().before(Release::new(3, 0, 2));
        let plan = match self.xen().can(op) {
            Err(unsupported) if by_guest => Plan::Unsupported(unsupported),
            _ => self.xen().plan(op),
        };
        self.upcall(op, bits, !by_guest, |program| {
            let _ = program.run_as(plan, op, &[], |xen| unmask(xen, two));
        });
        let heard = by_guest || !bits.masked(two) && self.wait(|| bits.announced(two));
        self.check(op, heard, format_args!("{two} is not heard"));
        bits.take(two);

        let op = Operation::EVTCHNOP_bind_vcpu;
        let _ = self.run(op, |xen| bind_vcpu(xen, two, VCPU));
        self.refused(op, &[Errno::ENOENT], |xen| bind_vcpu(xen, two, ABSENT));

        let op = Operation::EVTCHNOP_close;
        let _ = self.run(op, |xen| close(xen, one));
        self.connected(two, Binding::Unbound(OWN));
        let _ = self.run(op, |xen| close(xen, two));
        self.connected(two, Binding::Closed);
        self.refused(op, &[Errno::EINVAL], |xen| close(xen, two));
        let op = Operation::EVTCHNOP_send;
        self.refused(op, &[Errno::EINVAL], |xen| send(xen, two));
    }

    /// Ports at which something else than another port rings.
    pub(super) fn interrupts(&mut self, bits: &Bits) {
        let op = Operation::EVTCHNOP_bind_ipi;
        let made = self.run(op, |xen| bind_ipi(xen, VCPU));
        let Some(ipi) = made.done() else { return };
        self.connected(ipi, Binding::Ipi);
        self.rings(bits, ipi, ipi);
        let move_it = Operation::EVTCHNOP_bind_vcpu;
        self.refused(move_it, &[Errno::EINVAL], |xen| bind_vcpu(xen, ipi, VCPU));
        let _ = self.run(Operation::EVTCHNOP_close, |xen| close(xen, ipi));
        self.refused(op, &[Errno::ENOENT], |xen| bind_ipi(xen, ABSENT));

        let op = Operation::EVTCHNOP_bind_virq;
        for virq in [Virq::TIMER, Virq::DEBUG, Virq::DOM_EXC] {
            let made = self.run(op, |xen| bind_virq(xen, virq, VCPU));
            let Some(port) = made.done() else { continue };
            self.connected(port, Binding::Virq(virq));
            self.refused(op, &[Errno::EEXIST], |xen| bind_virq(xen, virq, VCPU));
            if virq == Virq::DOM_EXC {
                // Only this one is not the processor's own.
                let _ = self.run(move_it, |xen| bind_vcpu(xen, port, VCPU));
            } else {
                self.refused(move_it, &[Errno::EINVAL], |xen| bind_vcpu(xen, port, VCPU));
            }
            let _ = self.run(Operation::EVTCHNOP_close, |xen| close(xen, port));
            self.connected(port, Binding::Closed);
            bits.take(port);
        }
        self.refused(op, &[Errno::ENOENT], |xen| {
            bind_virq(xen, Virq::TIMER, ABSENT)
        });
        self.refused(op, &[Errno::EINVAL], |xen| bind_virq(xen, NO_VIRQ, VCPU));
        let op = Operation::EVTCHNOP_bind_pirq;
        self.refused(op, &[Errno::EINVAL], |xen| bind_pirq(xen, NO_PIRQ, false));
    }

    /// What can't be done with two levels.
    fn refusals(&mut self) {
        let op = Operation::EVTCHNOP_set_priority;
        let port = EvtchnPort::new(1);
        self.refused(op, &[Errno::ENOSYS], |xen| {
            set_priority(xen, port, Priority::HIGHEST)
        });
        let Some(page) = self.machine().page() else {
            self.report().fail(format_args!("no page is left"));
            return;
        };
        let frame = Gfn::new(self.machine().frame(page.addr().get()));
        let op = Operation::EVTCHNOP_expand_array;
        let two_levels = if self.xen().release().before(Release::new(4, 8, 0)) {
            Errno::ENOSYS
        } else {
            Errno::EOPNOTSUPP
        };
        self.refused(op, &[two_levels], |xen| {
            // SAFETY: the page belongs to this function alone, which never uses it.
            unsafe { expand_array(xen, frame) }
        });
    }
}
