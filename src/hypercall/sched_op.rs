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
pub struct ShutdownReason(pub u32);

impl ShutdownReason {
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
    /// Reset the domain's Xen interfaces and run it again in place.
    #[doc(alias = "SHUTDOWN_soft_reset")]
    pub const SOFT_RESET: Self = Self(everywhere!(u32, sched::SHUTDOWN_soft_reset));
}

/// Ends the whole domain (`SCHEDOP_shutdown`).
///
/// On a real hypervisor this domain does not run again once Xen has agreed, so `Ok` is seen only
/// from a simulated one. (Suspending, code 2, returns and needs a further argument: it is not for
/// this function.)
#[doc(alias = "SCHEDOP_shutdown")]
pub fn shutdown(xen: &impl Conduit, reason: ShutdownReason) -> Result<()> {
    let argument = sched_shutdown { reason: reason.0 };
    let address = (&raw const argument).expose_provenance();
    // SAFETY: the call reads one `sched_shutdown` at the address, which is this function's own. It
    // ends the domain, which breaks no promise of memory safety: nothing runs any more.
    let answer = unsafe { xen.hypercall(HYPERCALL, [SCHEDOP_SHUTDOWN, address, 0, 0, 0]) };
    done("SCHEDOP_shutdown", answer)
}
