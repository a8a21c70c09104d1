//! `HYPERVISOR_sched_op`: what a domain tells Xen's scheduler (`xen/include/public/sched.h`).
//!
//! So far the end of the domain, [`shutdown`].
#![allow(unsafe_code)]

use xen_public::abi::x86_64::sched::sched_shutdown;

use super::error::done;
use super::{Conduit, Result};

pub(super) const HYPERCALL: u32 = everywhere!(u32, xen::__HYPERVISOR_sched_op);
pub(super) const SCHEDOP_SHUTDOWN: usize = everywhere!(usize, sched::SCHEDOP_shutdown);
same_everywhere!(sched::sched_shutdown { reason });

/// Why a domain ends: the `SHUTDOWN_` codes of `xen/include/public/sched.h`. Other numbers can be
/// made and reach Xen, which keeps the lowest 8 bits.
#[doc(alias = "sched_shutdown")]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ShutdownReason(u32);

impl ShutdownReason {
    /// The reason of this number, known or not; `None` for those that Xen takes for suspending
    /// (`SHUTDOWN_suspend`). A domain that was suspended runs on, perhaps on another machine with
    /// other frames below its memory, and must be prepared for it: [`shutdown`] is not for that.
    #[doc(alias = "SHUTDOWN_suspend")]
    pub const fn new(number: u32) -> Option<Self> {
        if number & 0xff == everywhere!(u32, sched::SHUTDOWN_suspend) {
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
    /// The domain's watchdog has run out.
    #[doc(alias = "SHUTDOWN_watchdog")]
    pub const WATCHDOG: Self = Self(everywhere!(u32, sched::SHUTDOWN_watchdog));
    /// Reset the domain's Xen interfaces and let it run on: memory and processors stay as they
    /// are, but event channels are closed, and pages shared with Xen are ordinary memory again.
    #[doc(alias = "SHUTDOWN_soft_reset")]
    pub const SOFT_RESET: Self = Self(everywhere!(u32, sched::SHUTDOWN_soft_reset));
}

/// Ends the whole domain (`SCHEDOP_shutdown`).
///
/// On a real hypervisor this domain does not run again once Xen has agreed, so `Ok` is seen only
/// after a [soft reset](ShutdownReason::SOFT_RESET), or from a simulated one.
///
/// # Errors
///
/// [`Error::Refused`](super::Error::Refused) where Xen does not let the domain end, and
/// [`Error::Nonsense`](super::Error::Nonsense) for an answer above 0.
#[doc(alias = "SCHEDOP_shutdown")]
pub fn shutdown(xen: &impl Conduit, reason: ShutdownReason) -> Result<()> {
    let argument = sched_shutdown { reason: reason.0 };
    let address = (&raw const argument).expose_provenance();
    // SAFETY: the call reads one `sched_shutdown` at the address, which is this function's own. It
    // ends the domain, and nothing runs any more; or, by a soft reset, it leaves all memory with
    // its content. Suspending, which would not, has no `ShutdownReason`.
    let answer = unsafe { xen.hypercall(HYPERCALL, [SCHEDOP_SHUTDOWN, address, 0, 0, 0]) };
    done("SCHEDOP_shutdown", answer)
}
