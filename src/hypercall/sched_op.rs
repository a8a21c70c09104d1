//! `HYPERVISOR_sched_op`: what a domain tells Xen's scheduler (`xen/include/public/sched.h`).
//!
//! A processor gives its time away ([`yield_now`]) or waits for events ([`block`], [`poll`]); the domain
//! ends ([`shutdown`]) or [sleeps](suspend), or is ended where it stops poking its [watchdog](Watchdog).
//!
//! Xen 3.0.0 knows the hypercall by another number, 6 (`sched_op_compat`), where the reason of a
//! shutdown is the argument itself. Every Xen still takes yield, block and shutdown there from PV guests,
//! which are led to it where the table says that there is no other way.
#![allow(unsafe_code)]

use core::num::NonZeroU32;

use xen_public::event_channel::EvtchnPort;
#[cfg(target_arch = "x86")]
use xen_public::handle::Handle32 as Handle;
#[cfg(not(target_arch = "x86"))]
use xen_public::handle::Handle64 as Handle;
use xen_public::native::sched::{
    sched_pin_override, sched_poll, sched_remote_shutdown, sched_shutdown, sched_watchdog,
};
use xen_public::xen::{DomId, Mfn};

use super::xen::only_zero;
use super::{Conduit, Error, Result, Unsupported, Xen};
use crate::version::{Operation, Release};

#[cfg(test)]
mod tests;

/// Why a domain ends: the `SHUTDOWN_` codes of `xen/include/public/sched.h`. Other numbers can be
/// made and reach Xen, which keeps the lowest 8 bits.
#[doc(alias = "sched_shutdown")]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ShutdownReason(u32);

/// The reason that [`ShutdownReason`] leaves out.
const SUSPEND: u32 = everywhere!(u32, sched::SHUTDOWN_suspend);

impl ShutdownReason {
    /// The reason of this number, known or not; `None` for those that Xen takes for suspending
    /// (`SHUTDOWN_suspend`). A domain that was suspended runs on, perhaps on another machine with
    /// other frames below its memory, and must be prepared for it: see [`suspend`].
    #[doc(alias = "SHUTDOWN_suspend")]
    pub const fn new(number: u32) -> Option<Self> {
        if number & 0xff == SUSPEND {
            None
        } else {
            Some(Self(number))
        }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The domain is finished: clean up. If it was domain 0, the machine is switched off.
    #[doc(alias = "SHUTDOWN_poweroff")]
    pub const POWEROFF: Self = Self(everywhere!(u32, sched::SHUTDOWN_poweroff));
    /// Clean up, then start the domain again. If it was domain 0, the machine is reset.
    #[doc(alias = "SHUTDOWN_reboot")]
    pub const REBOOT: Self = Self(everywhere!(u32, sched::SHUTDOWN_reboot));
    /// The domain has crashed: tell whoever looks after it.
    #[doc(alias = "SHUTDOWN_crash")]
    pub const CRASH: Self = Self(everywhere!(u32, sched::SHUTDOWN_crash));
    /// The domain's watchdog has run out. Toolstacks know it since Xen 4.1.
    #[doc(alias = "SHUTDOWN_watchdog")]
    pub const WATCHDOG: Self = Self(everywhere!(u32, sched::SHUTDOWN_watchdog));
    /// Reset the domain's Xen interfaces and let it run on: memory and processors stay as they
    /// are, but event channels are closed, and pages shared with Xen are ordinary memory again. Since
    /// Xen 4.7, if the toolstack can do it too.
    #[doc(alias = "SHUTDOWN_soft_reset")]
    pub const SOFT_RESET: Self = Self(everywhere!(u32, sched::SHUTDOWN_soft_reset));

    /// The reason itself where a release knows it, else the older one that comes nearest:
    /// [`CRASH`](Self::CRASH) for a watchdog, [`REBOOT`](Self::REBOOT) for a soft reset. [`shutdown`]
    /// passes on what it is given: Xen refuses no reason, but a toolstack of that time may not know it.
    pub const fn or_older(self, release: Release) -> Self {
        if self.0 == Self::WATCHDOG.0 && release.before(Release::new(4, 1, 0)) {
            Self::CRASH
        } else if self.0 == Self::SOFT_RESET.0 && release.before(Release::new(4, 7, 0)) {
            Self::REBOOT
        } else {
            self
        }
    }
}

/// Takes the old number, where there is one, for an operation that has not been offered.
#[cold]
#[inline(never)]
fn compat(
    xen: &Xen<impl Conduit>,
    unsupported: Unsupported,
    arguments: [usize; 2],
) -> Result<usize> {
    let older = Operation::__HYPERVISOR_sched_op_compat;
    if xen.can(older).is_err() {
        return Err(unsupported.into());
    }
    let number = unsupported.operation.number() as usize;
    let [first, second] = arguments;
    // SAFETY: the callers below pass numbers, and no addresses: the call uses no memory.
    unsafe { xen.call_plain(older, [number, first, second, 0, 0]) }
}

/// The same for an operation without an argument, whose only success is 0.
fn bare(xen: &Xen<impl Conduit>, unsupported: Unsupported) -> Result<()> {
    let operation = unsupported.operation;
    only_zero(operation, compat(xen, unsupported, [0; 2])?)
}

/// Lets other processors run (`SCHEDOP_yield`). Returns when Xen comes back to this one, which stays
/// runnable.
///
/// Any domain may. Header: `xen/include/public/sched.h`.
#[doc = gate_row!(SCHEDOP_yield)]
///
/// # Errors
///
/// None that a Xen is known to give; [`Error::Unsupported`].
#[doc(alias = "SCHEDOP_yield")]
#[inline]
pub fn yield_now(xen: &Xen<impl Conduit>) -> Result<()> {
    // SAFETY: the call takes no pointer and changes no memory.
    unsafe { xen.call_or(Operation::SCHEDOP_yield, [0; 4], bare) }
}

/// Waits until an event wants this processor (`SCHEDOP_block`). On PV Xen lets upcalls in first, even
/// if they are masked, so that an event between the last look and this call is not slept through; so the
/// upcall comes before this function returns.
///
/// On HVM and PVH Xen leaves the processor's interrupt flag alone. With interrupts off, the processor sleeps
/// on although an event waits already, and with interrupts on, an upcall that is taken just before the call
/// does not end the sleep: only what comes later does. The instructions `sti` and `hlt` in a row, or
/// [`poll`], have no such gap.
///
/// On ARM Xen lets all interrupts in, in the processor's own state, and they stay let in: a kernel needs its
/// vector for them, and one that keeps them out does so anew after the call.
///
/// Any domain may. Header: `xen/include/public/sched.h`.
#[doc = gate_row!(SCHEDOP_block)]
///
/// # Errors
///
/// None that a Xen is known to give; [`Error::Unsupported`].
#[doc(alias = "SCHEDOP_block")]
#[inline]
pub fn block(xen: &Xen<impl Conduit>) -> Result<()> {
    // SAFETY: the call takes no pointer. The upcall mask it clears is a byte that is reached by atomics
    // or volatile accesses only.
    unsafe { xen.call_or(Operation::SCHEDOP_block, [0; 4], bare) }
}

/// Ends the whole domain (`SCHEDOP_shutdown`).
///
/// On a real hypervisor this domain does not run again once Xen has agreed, so `Ok` is seen only
/// after a [soft reset](ShutdownReason::SOFT_RESET), or from a simulated one.
///
/// Any domain may. Header: `xen/include/public/sched.h`.
#[doc = gate_row!(SCHEDOP_shutdown)]
///
/// # Errors
///
/// [`Error::Refused`] where Xen does not let the domain end, [`Error::Nonsense`] for an answer above 0;
/// [`Error::Unsupported`].
#[doc(alias = "SCHEDOP_shutdown")]
pub fn shutdown(xen: &Xen<impl Conduit>, reason: ShutdownReason) -> Result<()> {
    let operation = Operation::SCHEDOP_shutdown;
    let mut argument = sched_shutdown { reason: reason.0 };
    // SAFETY: the call reads one `sched_shutdown`, which is this function's own. It ends the domain, and
    // nothing runs any more; or, by a soft reset, it leaves all memory with its content. Suspending,
    // which would not, has no `ShutdownReason`.
    match unsafe { xen.call_with(operation, &mut argument) } {
        Err(Error::Unsupported(unsupported)) => {
            only_zero(operation, compat(xen, unsupported, [reason.0 as usize, 0])?)
        }
        answer => answer,
    }
}

/// What became of a [suspend].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "a domain that was resumed elsewhere must ask again what Xen offers"]
pub enum Suspended {
    /// The domain runs on in a new one, perhaps on another machine: what it knew of Xen, its grants and
    /// event channels is gone, and [`Xen::resume`] is due.
    Resumed,
    /// The domain is the one it was: the suspend was cancelled, or was a checkpoint.
    Cancelled,
}

/// Puts the whole domain to sleep, for its state to be saved or moved (`SCHEDOP_shutdown` with
/// `SHUTDOWN_suspend`). `start_info` is the machine frame of a PV guest's start info page, which the
/// toolstack writes anew; other guests give `None`.
///
/// Any domain may, once it is prepared. Header: `xen/include/public/sched.h`.
#[doc = gate_row!(SCHEDOP_shutdown)]
///
/// # Errors
///
/// [`Error::Argument`] for a frame that no register holds; [`Error::Refused`] where Xen does not let the
/// domain sleep; [`Error::Nonsense`] for an answer above 1; [`Error::Unsupported`].
///
/// # Safety
///
/// This domain's other processors are down or spin without touching anything shared. After
/// [`Suspended::Resumed`], a PV guest's memory has other machine frames: no page table, no table of frames
/// and no mapping of a foreign or special page that relies on the old ones is used any more; pages shared
/// with Xen (shared info, grant table, event words, areas that Xen writes) are not what they were until
/// they are set up again. The caller calls [`Xen::resume`] before anything else.
#[doc(alias = "SHUTDOWN_suspend")]
pub unsafe fn suspend(xen: &Xen<impl Conduit>, start_info: Option<Mfn>) -> Result<Suspended> {
    let operation = Operation::SCHEDOP_shutdown;
    let frame = start_info.map_or(0, Mfn::get);
    let Ok(frame) = usize::try_from(frame) else {
        return Err(Error::Argument {
            call: operation.name(),
            argument: "start_info",
            value: frame,
        });
    };
    let argument = sched_shutdown { reason: SUSPEND };
    let address = (&raw const argument).expose_provenance();
    // SAFETY: the call reads one `sched_shutdown`, which is this function's own; what the sleep does to
    // the domain is what the caller vouches for.
    let answer = match unsafe { xen.call(operation, [address, frame, 0, 0]) } {
        Err(Error::Unsupported(unsupported)) => {
            compat(xen, unsupported, [SUSPEND as usize, frame])?
        }
        answer => answer?,
    };
    match answer {
        0 => Ok(Suspended::Resumed),
        1 => Ok(Suspended::Cancelled),
        answer => Err(Error::Nonsense {
            call: operation.name(),
            answer: answer as isize,
        }),
    }
}

/// How a [poll] waited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Waited {
    /// For one of the ports, until the time that was given.
    Polled,
    /// As [`block`] does, for any event that is not masked and without end: this Xen has no poll.
    Blocked,
}

/// Waits until one of these ports has an event pending, masked or not, or until `timeout`, in
/// nanoseconds of system time (`SCHEDOP_poll`). It also comes back when an event can be delivered to this
/// processor. Which of them it was it does not tell: look.
///
/// Xen before 3.0.2 has no such call, and the processor [blocks](block) instead: without a timer that is
/// set, and with all of these ports masked, that may be for ever.
///
/// Any domain may. Header: `xen/include/public/sched.h`.
#[doc = gate_row!(SCHEDOP_poll)]
///
/// # Errors
///
/// [`Error::TooLong`] for more than 128 ports; [`Error::Refused`] with EINVAL for a port out of range;
/// [`Error::Unsupported`].
#[doc(alias = "SCHEDOP_poll")]
#[doc(alias = "sched_poll")]
pub fn poll(xen: &Xen<impl Conduit>, ports: &[EvtchnPort], timeout: Option<u64>) -> Result<Waited> {
    let operation = Operation::SCHEDOP_poll;
    const LIMIT: usize = 128;
    if ports.len() > LIMIT {
        return Err(Error::TooLong {
            call: operation.name(),
            length: ports.len(),
            limit: LIMIT,
        });
    }
    let address = ports.as_ptr().expose_provenance();
    let mut argument = sched_poll {
        // No conversion loses anything: an address is as wide as a handle, or narrower.
        ports: Handle::from_raw(address as _),
        nr_ports: ports.len() as u32,
        // 0 is "no timeout", and a time that is long past anyway.
        timeout: timeout.map_or(0, |time| time.max(1)),
        ..sched_poll::ZERO
    };
    // SAFETY: the call reads one `sched_poll` and the ports it points at, which are `u32`s in memory, as
    // many as it says, borrowed for the call.
    match unsafe { xen.call_with(operation, &mut argument) } {
        Ok(()) => Ok(Waited::Polled),
        Err(Error::Unsupported(_)) => block(xen).map(|()| Waited::Blocked),
        Err(error) => Err(error),
    }
}

/// Declares that another domain has ended (`SCHEDOP_remote_shutdown`): for who runs a domain's devices
/// and sees it switch itself off.
///
/// Domains that are privileged over the other one; one that gives its own number ends itself. There is no
/// older way. Header: `xen/include/public/sched.h`.
#[doc = gate_row!(SCHEDOP_remote_shutdown)]
///
/// # Errors
///
/// [`Error::Refused`] with ESRCH for a domain that is not there, EPERM; [`Error::Unsupported`].
#[doc(alias = "SCHEDOP_remote_shutdown")]
#[doc(alias = "sched_remote_shutdown")]
pub fn remote_shutdown(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    reason: ShutdownReason,
) -> Result<()> {
    let mut argument = sched_remote_shutdown {
        domain_id: domain.get(),
        reason: reason.0,
        ..sched_remote_shutdown::ZERO
    };
    // SAFETY: the call reads one `sched_remote_shutdown` and changes no memory of this domain. Should the
    // domain name itself it ends, as by `shutdown`, and is not suspended: no reason says so.
    unsafe { xen.call_with(Operation::SCHEDOP_remote_shutdown, &mut argument) }
}

/// What [`shutdown_code`] did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Announced {
    /// Xen keeps the reason, and the domain runs on.
    Latched,
    /// This Xen can't keep a reason: the domain was told to end at once.
    Ended,
}

/// Announces why this domain will end, and lets it run on (`SCHEDOP_shutdown_code`). However it ends
/// then, this is the reason that the toolstack sees.
///
/// Xen before 4.1 (but 4.0.1) can't keep a reason, and the domain [ends](shutdown) here and now: call this when
/// nothing is left to do.
///
/// Any domain may, once. Header: `xen/include/public/sched.h`.
#[doc = gate_row!(SCHEDOP_shutdown_code)]
///
/// # Errors
///
/// [`Error::Refused`] with Xen's reason, though none is known to be given; [`Error::Unsupported`].
#[doc(alias = "SCHEDOP_shutdown_code")]
pub fn shutdown_code(xen: &Xen<impl Conduit>, reason: ShutdownReason) -> Result<Announced> {
    let mut argument = sched_shutdown { reason: reason.0 };
    // SAFETY: the call reads one `sched_shutdown` and changes no memory of this domain.
    match unsafe { xen.call_with(Operation::SCHEDOP_shutdown_code, &mut argument) } {
        Ok(()) => Ok(Announced::Latched),
        Err(Error::Unsupported(_)) => shutdown(xen, reason).map(|()| Announced::Ended),
        Err(error) => Err(error),
    }
}

/// A watchdog of this domain: if it is not poked in time, Xen ends the domain with
/// [`ShutdownReason::WATCHDOG`]. A domain can have two.
///
/// Dropping this leaves the watchdog running.
#[doc(alias = "SCHEDOP_watchdog")]
#[doc(alias = "sched_watchdog")]
#[derive(PartialEq, Eq, Hash, Debug)]
#[must_use = "a watchdog that is not poked ends the domain"]
pub struct Watchdog(NonZeroU32);

impl Watchdog {
    /// Starts a watchdog that runs out in so many seconds.
    ///
    /// Any domain may. There is no older way. Header: `xen/include/public/sched.h`.
    #[doc = gate_row!(SCHEDOP_watchdog)]
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with ENOSPC where the domain has both already, EINVAL for a time that is too
    /// long; [`Error::Nonsense`] for an answer of 0; [`Error::Unsupported`].
    pub fn start(xen: &Xen<impl Conduit>, seconds: NonZeroU32) -> Result<Self> {
        let answer = Self::set(xen, 0, seconds.get())?;
        let id = u32::try_from(answer).ok().and_then(NonZeroU32::new);
        id.map(Self).ok_or(Error::Nonsense {
            call: Operation::SCHEDOP_watchdog.name(),
            answer: answer as isize,
        })
    }

    /// The watchdog of a number that [`id`](Self::id) gave.
    pub const fn from_id(id: NonZeroU32) -> Self {
        Self(id)
    }

    /// Xen's number for it.
    pub const fn id(&self) -> NonZeroU32 {
        self.0
    }

    /// Pokes it: it runs out in so many seconds from now.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with EINVAL for a watchdog that does not run.
    pub fn poke(&self, xen: &Xen<impl Conduit>, seconds: NonZeroU32) -> Result<()> {
        let answer = Self::set(xen, self.0.get(), seconds.get())?;
        only_zero(Operation::SCHEDOP_watchdog, answer)
    }

    /// Stops it.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with EINVAL for a watchdog that does not run.
    pub fn stop(self, xen: &Xen<impl Conduit>) -> Result<()> {
        let answer = Self::set(xen, self.0.get(), 0)?;
        only_zero(Operation::SCHEDOP_watchdog, answer)
    }

    fn set(xen: &Xen<impl Conduit>, id: u32, timeout: u32) -> Result<usize> {
        let argument = sched_watchdog { id, timeout };
        let address = (&raw const argument).expose_provenance();
        // SAFETY: the call reads one `sched_watchdog`, which is this function's own, and changes no
        // memory of this domain.
        unsafe { xen.call(Operation::SCHEDOP_watchdog, [address, 0, 0, 0]) }
    }
}

/// Holds this virtual processor on a physical one, or lets it go where it belongs again
/// (`SCHEDOP_pin_override`).
///
/// The hardware domain may. There is no older way. Header: `xen/include/public/sched.h`.
#[doc = gate_row!(SCHEDOP_pin_override)]
///
/// # Errors
///
/// [`Error::Argument`] for a number that the call can't carry; [`Error::Refused`] with EPERM, EINVAL for
/// a processor that is not in the domain's pool, EBUSY where it is held already; [`Error::Unsupported`].
#[doc(alias = "SCHEDOP_pin_override")]
#[doc(alias = "sched_pin_override")]
pub fn pin_override(xen: &Xen<impl Conduit>, pcpu: Option<u32>) -> Result<()> {
    let operation = Operation::SCHEDOP_pin_override;
    let pcpu = match pcpu {
        None => -1,
        Some(pcpu) => i32::try_from(pcpu).map_err(|_| Error::Argument {
            call: operation.name(),
            argument: "pcpu",
            value: pcpu.into(),
        })?,
    };
    let mut argument = sched_pin_override { pcpu };
    // SAFETY: the call reads one `sched_pin_override` and changes no memory of this domain.
    unsafe { xen.call_with(operation, &mut argument) }
}
