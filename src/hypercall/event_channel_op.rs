//! `HYPERVISOR_event_channel_op`: notifications between domains, and from interrupts to a domain
//! (`xen/include/public/event_channel.h`).
//!
//! An event channel carries one bit. Its ends are named by ports, numbers of the domain that has the
//! end; a port is made by [`alloc_unbound`] or by one of the `bind_` functions, rung by [`send`], and
//! given back by [`close`]. Where the bits are found depends on the [ABI](EventAbi) that the domain
//! chose: two levels of words in the shared page, which every Xen has and every domain starts with, or
//! the queues of the [FIFO](set_up_fifo), from Xen 4.4 on.
//!
//! Xen 3.0.0 to 3.0.2 know the hypercall by another number, 16, with the sub-op inside of the structure
//! (`evtchn_op`). A PV guest is taken there where the table says that there is no other way. No call is
//! ever made to find out: on those releases this hypercall's number, 32, runs `set_trap_table`. What is
//! too young for them has no way at all, but [`unmask`](local) can be done by the guest itself, and a
//! [reset] by closing port after port.
//!
//! The structures of the sub-ops, and of `evtchn_op` around them, are the same in the headers of 3.0 before
//! 3.0.2 as today. Of [`unmask`] those know nothing.
//!
//! `EVTCHNOP_reset_cont` is left out: it is how Xen continues a reset that it interrupted, and no guest
//! makes it.
#![allow(unsafe_code)]

mod fifo;
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
pub mod local;
#[cfg(test)]
mod tests;

use core::ops::Range;

use xen_public::event_channel::{EvtchnPort, EvtchnStatus};
use xen_public::native::event_channel::{
    BIND_PIRQ__WILL_SHARE, evtchn_alloc_unbound, evtchn_bind_interdomain, evtchn_bind_ipi,
    evtchn_bind_pirq, evtchn_bind_vcpu, evtchn_bind_virq, evtchn_close, evtchn_op, evtchn_op_u,
    evtchn_reset, evtchn_send, evtchn_status, evtchn_unmask,
};
use xen_public::xen::{DomId, VcpuId, Virq};

use super::xen::only_zero;
use super::{Conduit, Errno, Error, Plan, Result, Unsupported, Xen};
use crate::version::Operation;

pub use fifo::{EventAbi, Priority, expand_array, init_control, set_priority, set_up_fifo};

/// One more than the highest port of any ABI, the FIFO's.
#[doc(alias = "EVTCHN_FIFO_NR_CHANNELS")]
pub const PORTS: u32 = 1 << 17;

/// Makes a call of a sub-op that is as old as the hypercall, by either number.
///
/// # Safety
///
/// As for [`Conduit::hypercall`]; `argument` is all memory that the call uses.
#[inline]
unsafe fn operate<T: Copy>(
    xen: &Xen<impl Conduit>,
    operation: Operation,
    argument: &mut T,
) -> Result<()> {
    let argument = &raw mut *argument;
    let address = argument.expose_provenance();
    // The raw pointer goes along: a reference that lives through the call would deny Xen's writes.
    let older = move |xen: &Xen<_>, unsupported| {
        // SAFETY: it is what the caller has lent, for all of this; nothing else uses it now.
        let argument = unsafe { &mut *argument };
        // SAFETY: the same call, by its older name.
        unsafe { older(xen, unsupported, argument) }
    };
    // SAFETY: the caller keeps the contract of this call, and `argument` is borrowed for it; no reference
    // that was made from it lives while Xen reads and writes there.
    unsafe { xen.call_or(operation, [address, 0, 0, 0], older) }
}

/// Makes a call by the older number, where there is one.
///
/// # Safety
///
/// As for [`operate`].
#[cold]
#[inline(never)]
unsafe fn older<T: Copy>(
    xen: &Xen<impl Conduit>,
    unsupported: Unsupported,
    argument: &mut T,
) -> Result<()> {
    const {
        assert!(size_of::<T>() <= size_of::<evtchn_op_u>());
        assert!(align_of::<T>() <= align_of::<evtchn_op_u>());
    }
    let compat = Operation::__HYPERVISOR_event_channel_op_compat;
    // It is older than some of its sub-ops.
    if xen.plan(unsupported.operation) != Plan::Fallback(compat) {
        return Err(unsupported.into());
    }
    let mut whole = evtchn_op {
        cmd: unsupported.operation.number(),
        u: evtchn_op_u::ZERO,
    };
    let inner = (&raw mut whole.u).cast::<T>();
    // SAFETY: `inner` points at the union, which is large enough for a `T` and aligned for it (asserted
    // above), is this function's own and has all bytes written.
    unsafe { inner.write(*argument) };
    let address = (&raw mut whole).expose_provenance();
    // SAFETY: the call reads and writes one `evtchn_op`, this function's own; the rest is as the caller
    // promised for the same sub-op.
    let answer = unsafe { xen.call_plain(compat, [address, 0, 0, 0, 0]) }?;
    only_zero(compat, answer)?;
    // SAFETY: as for the write; the argument structures have no invalid values, since they are made of
    // integers alone.
    *argument = unsafe { inner.read() };
    Ok(())
}

/// A port that Xen gave out. Port 0 is never one, and none is above what the FIFO can name.
fn port(operation: Operation, port: u32) -> Result<EvtchnPort> {
    if port != 0 && port < PORTS {
        Ok(EvtchnPort::new(port))
    } else {
        Err(Error::Nonsense {
            call: operation.name(),
            answer: port as isize,
        })
    }
}

/// Rings: raises an event at the other end of `port` (`EVTCHNOP_send`). On a port bound to
/// [`bind_ipi`], the event arrives at this domain's own processor; on an unbound one it is dropped.
///
/// Any domain may, with its own ports. Header: `xen/include/public/event_channel.h`.
#[doc = gate_row!(EVTCHNOP_send)]
///
/// # Errors
///
/// [`Error::Refused`] with EINVAL for a port that is closed, out of range, or bound to an interrupt.
#[doc(alias = "EVTCHNOP_send")]
#[doc(alias = "evtchn_send")]
#[inline]
pub fn send(xen: &Xen<impl Conduit>, port: EvtchnPort) -> Result<()> {
    let mut argument = evtchn_send { port: port.get() };
    // SAFETY: the call reads one `evtchn_send`. It sets bits in pages that the guest shares with Xen or
    // with its peer, which are reached by atomics or volatile accesses only.
    unsafe { operate(xen, Operation::EVTCHNOP_send, &mut argument) }
}

/// Makes a port of `domain` to which `remote` may bind, and nobody else
/// (`EVTCHNOP_alloc_unbound`). The peer learns its number by xenstore or by a message.
///
/// Any domain may, for itself ([`DomId::SELF`]); for others, privileged ones. Header:
/// `xen/include/public/event_channel.h`.
#[doc = gate_row!(EVTCHNOP_alloc_unbound)]
///
/// # Errors
///
/// [`Error::Refused`] with ENOSPC where the domain has no port left, EPERM or ESRCH for a domain that is
/// not the caller's to choose; [`Error::Nonsense`] for a port that can't be one.
#[doc(alias = "EVTCHNOP_alloc_unbound")]
#[doc(alias = "evtchn_alloc_unbound")]
pub fn alloc_unbound(xen: &Xen<impl Conduit>, domain: DomId, remote: DomId) -> Result<EvtchnPort> {
    let operation = Operation::EVTCHNOP_alloc_unbound;
    let mut argument = evtchn_alloc_unbound {
        dom: domain.get(),
        remote_dom: remote.get(),
        port: 0,
    };
    // SAFETY: the call reads and writes one `evtchn_alloc_unbound` and changes no other memory.
    unsafe { operate(xen, operation, &mut argument) }?;
    port(operation, argument.port)
}

/// Makes a port of this domain and connects it with `remote_port` of `remote`
/// (`EVTCHNOP_bind_interdomain`), which that domain made for this one by [`alloc_unbound`]. The new port
/// is born with an event pending, since the peer may have rung before.
///
/// Any domain may. Header: `xen/include/public/event_channel.h`.
#[doc = gate_row!(EVTCHNOP_bind_interdomain)]
///
/// # Errors
///
/// [`Error::Refused`] with ESRCH for a domain that is not there, EINVAL for a port that does not wait
/// for this domain, ENOSPC where no port is left; [`Error::Nonsense`] for a port that can't be one.
#[doc(alias = "EVTCHNOP_bind_interdomain")]
#[doc(alias = "evtchn_bind_interdomain")]
pub fn bind_interdomain(
    xen: &Xen<impl Conduit>,
    remote: DomId,
    remote_port: EvtchnPort,
) -> Result<EvtchnPort> {
    let operation = Operation::EVTCHNOP_bind_interdomain;
    let mut argument = evtchn_bind_interdomain {
        remote_dom: remote.get(),
        remote_port: remote_port.get(),
        ..evtchn_bind_interdomain::ZERO
    };
    // SAFETY: the call reads and writes one `evtchn_bind_interdomain`; the event it raises is a bit in
    // pages that are reached by atomics or volatile accesses only.
    unsafe { operate(xen, operation, &mut argument) }?;
    port(operation, argument.local_port)
}

/// Makes a port at which a virtual interrupt arrives on a processor (`EVTCHNOP_bind_virq`). A global
/// interrupt is bound on processor 0, and can be moved by [`bind_vcpu`]; one that is each processor's
/// own can't.
///
/// Any domain may; the interrupts that tell of the machine are privileged domains'. Header:
/// `xen/include/public/event_channel.h`.
#[doc = gate_row!(EVTCHNOP_bind_virq)]
///
/// # Errors
///
/// [`Error::Refused`] with EEXIST where it is bound already, EINVAL for an interrupt that this Xen does
/// not know or a global one on another processor, ENOENT for a processor that is not there, EPERM,
/// ENOSPC; [`Error::Nonsense`] for a port that can't be one.
#[doc(alias = "EVTCHNOP_bind_virq")]
#[doc(alias = "evtchn_bind_virq")]
pub fn bind_virq(xen: &Xen<impl Conduit>, virq: Virq, vcpu: VcpuId) -> Result<EvtchnPort> {
    let operation = Operation::EVTCHNOP_bind_virq;
    let mut argument = evtchn_bind_virq {
        virq: virq.get(),
        vcpu: vcpu.get(),
        port: 0,
    };
    // SAFETY: the call reads and writes one `evtchn_bind_virq` and changes no other memory.
    unsafe { operate(xen, operation, &mut argument) }?;
    port(operation, argument.port)
}

/// Makes a port at which a physical interrupt line arrives (`EVTCHNOP_bind_pirq`); `shared` says that
/// others may have the line too.
///
/// Domains that were given the line may. An HVM domain needs
/// [`HVM_PIRQS`](xen_public::features::Features::HVM_PIRQS). Header:
/// `xen/include/public/event_channel.h`.
#[doc = gate_row!(EVTCHNOP_bind_pirq)]
///
/// # Errors
///
/// [`Error::Refused`] with EEXIST where it is bound already, EPERM for a line of others, EINVAL for one
/// out of range, EBUSY where the line can't be shared, ENOSPC; [`Error::Nonsense`] for a port that can't
/// be one.
#[doc(alias = "EVTCHNOP_bind_pirq")]
#[doc(alias = "evtchn_bind_pirq")]
#[doc(alias = "BIND_PIRQ__WILL_SHARE")]
pub fn bind_pirq(xen: &Xen<impl Conduit>, pirq: u32, shared: bool) -> Result<EvtchnPort> {
    let operation = Operation::EVTCHNOP_bind_pirq;
    let mut argument = evtchn_bind_pirq {
        pirq,
        flags: if shared {
            BIND_PIRQ__WILL_SHARE as u32
        } else {
            0
        },
        port: 0,
    };
    // SAFETY: the call reads and writes one `evtchn_bind_pirq` and changes no other memory.
    unsafe { operate(xen, operation, &mut argument) }?;
    port(operation, argument.port)
}

/// Makes a port that rings at one of this domain's own processors (`EVTCHNOP_bind_ipi`), from wherever
/// it is [sent](send).
///
/// Any domain may. Header: `xen/include/public/event_channel.h`.
#[doc = gate_row!(EVTCHNOP_bind_ipi)]
///
/// # Errors
///
/// [`Error::Refused`] with ENOENT for a processor that is not there, ENOSPC where no port is left;
/// [`Error::Nonsense`] for a port that can't be one.
#[doc(alias = "EVTCHNOP_bind_ipi")]
#[doc(alias = "evtchn_bind_ipi")]
pub fn bind_ipi(xen: &Xen<impl Conduit>, vcpu: VcpuId) -> Result<EvtchnPort> {
    let operation = Operation::EVTCHNOP_bind_ipi;
    let mut argument = evtchn_bind_ipi {
        vcpu: vcpu.get(),
        port: 0,
    };
    // SAFETY: the call reads and writes one `evtchn_bind_ipi` and changes no other memory.
    unsafe { operate(xen, operation, &mut argument) }?;
    port(operation, argument.port)
}

/// Chooses the processor on which a port's events arrive (`EVTCHNOP_bind_vcpu`). New ports are on
/// processor 0. Those of [`bind_ipi`], and of interrupts that are each processor's own, stay where they
/// are.
///
/// Any domain may, with its own ports. Header: `xen/include/public/event_channel.h`.
#[doc = gate_row!(EVTCHNOP_bind_vcpu)]
///
/// # Errors
///
/// [`Error::Refused`] with ENOENT for a processor that is not there, EINVAL for a port that is closed,
/// out of range, or can't be moved.
#[doc(alias = "EVTCHNOP_bind_vcpu")]
#[doc(alias = "evtchn_bind_vcpu")]
pub fn bind_vcpu(xen: &Xen<impl Conduit>, port: EvtchnPort, vcpu: VcpuId) -> Result<()> {
    let mut argument = evtchn_bind_vcpu {
        port: port.get(),
        vcpu: vcpu.get(),
    };
    // SAFETY: the call reads one `evtchn_bind_vcpu` and changes no memory of this domain.
    unsafe { operate(xen, Operation::EVTCHNOP_bind_vcpu, &mut argument) }
}

/// Gives a port back (`EVTCHNOP_close`). The other end becomes unbound, waiting for this domain.
///
/// Any domain may, with its own ports. Header: `xen/include/public/event_channel.h`.
#[doc = gate_row!(EVTCHNOP_close)]
///
/// # Errors
///
/// [`Error::Refused`] with EINVAL for a port that is closed already, out of range, or Xen's own.
#[doc(alias = "EVTCHNOP_close")]
#[doc(alias = "evtchn_close")]
pub fn close(xen: &Xen<impl Conduit>, port: EvtchnPort) -> Result<()> {
    let mut argument = evtchn_close { port: port.get() };
    // SAFETY: the call reads one `evtchn_close`; the bits it clears are in pages that are reached by
    // atomics or volatile accesses only.
    unsafe { operate(xen, Operation::EVTCHNOP_close, &mut argument) }
}

/// What a port is connected to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Binding {
    /// To nothing: the port is not in use.
    Closed,
    /// To nothing yet: it waits for this domain.
    Unbound(DomId),
    /// To a port of another domain.
    Interdomain(DomId, EvtchnPort),
    /// To a physical interrupt line.
    Pirq(u32),
    /// To a virtual interrupt.
    Virq(Virq),
    /// To this domain's own sends.
    Ipi,
    /// To something that this crate does not know.
    Other(EvtchnStatus),
}

/// A port as Xen sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Status {
    /// What it is connected to.
    pub binding: Binding,
    /// The processor on which its events arrive.
    pub vcpu: VcpuId,
}

/// What a port is connected to, and where its events arrive (`EVTCHNOP_status`).
///
/// Any domain may, of itself ([`DomId::SELF`]); of others, privileged ones. Header:
/// `xen/include/public/event_channel.h`.
#[doc = gate_row!(EVTCHNOP_status)]
///
/// # Errors
///
/// [`Error::Refused`] with EINVAL for a port out of range, ESRCH or EPERM for a domain that is not the
/// caller's to ask about.
#[doc(alias = "EVTCHNOP_status")]
#[doc(alias = "evtchn_status")]
pub fn status(xen: &Xen<impl Conduit>, domain: DomId, port: EvtchnPort) -> Result<Status> {
    let mut argument = evtchn_status {
        dom: domain.get(),
        port: port.get(),
        ..evtchn_status::ZERO
    };
    // SAFETY: the call reads and writes one `evtchn_status` and changes no other memory.
    unsafe { operate(xen, Operation::EVTCHNOP_status, &mut argument) }?;
    // SAFETY: the union is plain integers, any bytes of which are valid, and all of it was written.
    let bytes = unsafe { argument.u._bytes };
    let [a, b, _, _, e, f, g, h] = bytes;
    let domain = DomId::new(u16::from_ne_bytes([a, b]));
    let first = u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let second = u32::from_ne_bytes([e, f, g, h]);
    let binding = match EvtchnStatus::new(argument.status) {
        EvtchnStatus::CLOSED => Binding::Closed,
        EvtchnStatus::UNBOUND => Binding::Unbound(domain),
        EvtchnStatus::INTERDOMAIN => Binding::Interdomain(domain, EvtchnPort::new(second)),
        EvtchnStatus::PIRQ => Binding::Pirq(first),
        EvtchnStatus::VIRQ => Binding::Virq(Virq::new(first)),
        EvtchnStatus::IPI => Binding::Ipi,
        other => Binding::Other(other),
    };
    Ok(Status {
        binding,
        vcpu: VcpuId::new(argument.vcpu),
    })
}

/// Clears a port's mask bit and delivers the event that it held back, wherever that belongs
/// (`EVTCHNOP_unmask`).
///
/// Any domain may, with its own ports. Xen 3.0.0 and 3.0.1 have no such call: there the guest does it
/// [itself](local), for ports of the processor that it runs on. Header:
/// `xen/include/public/event_channel.h`.
#[doc = gate_row!(EVTCHNOP_unmask)]
///
/// # Errors
///
/// [`Error::Refused`] with EINVAL for a port that is closed or out of range; [`Error::Unsupported`] where
/// this Xen leaves it to the guest.
#[doc(alias = "EVTCHNOP_unmask")]
#[doc(alias = "evtchn_unmask")]
pub fn unmask(xen: &Xen<impl Conduit>, port: EvtchnPort) -> Result<()> {
    let mut argument = evtchn_unmask { port: port.get() };
    // SAFETY: the call reads one `evtchn_unmask`; the bits it changes are in pages that are reached by
    // atomics or volatile accesses only.
    unsafe { operate(xen, Operation::EVTCHNOP_unmask, &mut argument) }
}

/// Closes all ports of a domain (`EVTCHNOP_reset`), those to xenstore and console too, and takes it back
/// to the ABI of two levels.
///
/// Any domain may, of itself ([`DomId::SELF`]); of others, privileged ones. [`close_all`] is the way of
/// a Xen without this call. Header: `xen/include/public/event_channel.h`.
#[doc = gate_row!(EVTCHNOP_reset)]
///
/// # Errors
///
/// [`Error::Refused`] with ESRCH or EPERM for a domain that is not the caller's to reset.
#[doc(alias = "EVTCHNOP_reset")]
#[doc(alias = "evtchn_reset")]
pub fn reset(xen: &Xen<impl Conduit>, domain: DomId) -> Result<()> {
    let mut argument = evtchn_reset { dom: domain.get() };
    // SAFETY: the call reads one `evtchn_reset`; the bits it clears are in pages that are reached by
    // atomics or volatile accesses only, and Xen lets go of those that were given to it for events.
    unsafe { xen.call_with(Operation::EVTCHNOP_reset, &mut argument) }
}

/// How [`close_all`] closed the ports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Closed {
    /// All ports of the domain, by [`reset`].
    All,
    /// This many of the range, each by a call of its own. The others were not open.
    Each(usize),
}

/// Closes all ports of this domain by [`reset`], or, where Xen does not have that, each port of a range
/// by [`close`]. A domain of a Xen that old has at most 1024 ports, with 64-bit words 4096.
///
/// # Errors
///
/// As [`reset`] and [`close`]; [`Error::PartialBatch`] where a port after the first could not be closed,
/// with the number of those of the range that had been dealt with.
pub fn close_all(xen: &Xen<impl Conduit>, ports: Range<u32>) -> Result<Closed> {
    match reset(xen, DomId::SELF) {
        Err(Error::Unsupported(_)) => {}
        answer => return answer.map(|()| Closed::All),
    }
    let mut closed = 0;
    for (done, port) in ports.clone().enumerate() {
        match close(xen, EvtchnPort::new(port)) {
            Ok(()) => closed += 1,
            // Not open.
            Err(Error::Refused { errno, .. }) if errno == Errno::EINVAL => {}
            Err(error) => {
                let call = Operation::EVTCHNOP_close.name();
                return Err(error.after(call, done, ports.len()));
            }
        }
    }
    Ok(Closed::Each(closed))
}
