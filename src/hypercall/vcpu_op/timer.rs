//! A processor's two timers, on x86.

use xen_public::native::vcpu::{
    VCPU_SSHOTTMR_future, vcpu_set_periodic_timer, vcpu_set_singleshot_timer,
};
use xen_public::xen::VcpuId;

use super::{operate, simple};
use crate::hypercall::xen::only_zero;
use crate::hypercall::{Conduit, Error, Result, Xen, set_timer_op};
use crate::version::Operation;

/// How a timer that was to tick ticks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "a tick that comes once must be asked for again"]
pub enum Ticks {
    /// Again and again.
    Periodic,
    /// Once: this Xen has no such timer, and the one-shot timer was set. Ask again when it has run out.
    Once,
}

/// Sets a processor's periodic timer: Xen raises `VIRQ_TIMER` there each `period` nanoseconds
/// (`VCPUOP_set_periodic_timer`).
///
/// A Xen without such timers ticks 100 times a second by itself; there this sets the one-shot timer of the
/// processor that calls, by [`set_timer_op`], to `now`, the system time in nanoseconds, and a period more.
///
/// Any domain on x86 may. Header: `xen/include/public/vcpu.h`.
#[doc = gate_row!(VCPUOP_set_periodic_timer)]
///
/// # Errors
///
/// [`Error::Refused`] with EINVAL for a period below a millisecond or beyond what Xen counts, ENOENT for
/// a processor that is not there; [`Error::Unsupported`].
#[doc(alias = "VCPUOP_set_periodic_timer")]
#[doc(alias = "vcpu_set_periodic_timer")]
pub fn set_periodic_timer(
    xen: &Xen<impl Conduit>,
    vcpu: VcpuId,
    period: u64,
    now: u64,
) -> Result<Ticks> {
    let mut argument = vcpu_set_periodic_timer { period_ns: period };
    // SAFETY: the call reads one `vcpu_set_periodic_timer` and changes no memory.
    match unsafe {
        operate(
            xen,
            Operation::VCPUOP_set_periodic_timer,
            vcpu,
            &mut argument,
        )
    } {
        Ok(()) => Ok(Ticks::Periodic),
        Err(unsupported @ Error::Unsupported(_)) => {
            older(xen, unsupported, Some(now.saturating_add(period))).map(|()| Ticks::Once)
        }
        Err(error) => Err(error),
    }
}

/// Stops a processor's periodic timer (`VCPUOP_stop_periodic_timer`), which runs from the domain's start,
/// 100 times a second. A Xen without this call has no way to stop it.
///
/// Any domain on x86 may. Header: `xen/include/public/vcpu.h`.
#[doc = gate_row!(VCPUOP_stop_periodic_timer)]
///
/// # Errors
///
/// [`Error::Refused`] with ENOENT for a processor that is not there; [`Error::Unsupported`].
#[doc(alias = "VCPUOP_stop_periodic_timer")]
pub fn stop_periodic_timer(xen: &Xen<impl Conduit>, vcpu: VcpuId) -> Result<()> {
    let operation = Operation::VCPUOP_stop_periodic_timer;
    // SAFETY: the call takes no pointer and changes no memory.
    let answer = unsafe { simple(xen, operation, vcpu) }?;
    only_zero(operation, answer)
}

/// Sets the one-shot timer of the processor that calls, `vcpu`, to a system time in nanoseconds, at which
/// Xen raises `VIRQ_TIMER` there (`VCPUOP_set_singleshot_timer`). With `future`, a time that is past
/// already is an error, if Xen cares to say so; without, and by the older way, the event comes at once.
///
/// Any domain on x86 may. A Xen without this call gets [`set_timer_op`]. Header:
/// `xen/include/public/vcpu.h`.
#[doc = gate_row!(VCPUOP_set_singleshot_timer)]
///
/// # Errors
///
/// [`Error::Refused`] with EINVAL for another processor than the one that calls, ETIME for a time past,
/// ENOENT for a processor that is not there; [`Error::Unsupported`].
#[doc(alias = "VCPUOP_set_singleshot_timer")]
#[doc(alias = "vcpu_set_singleshot_timer")]
#[doc(alias = "VCPU_SSHOTTMR_future")]
pub fn set_singleshot_timer(
    xen: &Xen<impl Conduit>,
    vcpu: VcpuId,
    timeout: u64,
    future: bool,
) -> Result<()> {
    let mut argument = vcpu_set_singleshot_timer {
        timeout_abs_ns: timeout,
        flags: if future { VCPU_SSHOTTMR_future } else { 0 },
        ..vcpu_set_singleshot_timer::ZERO
    };
    // SAFETY: the call reads one `vcpu_set_singleshot_timer` and changes no memory.
    match unsafe {
        operate(
            xen,
            Operation::VCPUOP_set_singleshot_timer,
            vcpu,
            &mut argument,
        )
    } {
        Err(unsupported @ Error::Unsupported(_)) => older(xen, unsupported, Some(timeout)),
        answer => answer,
    }
}

/// Stops the one-shot timer of the processor that calls, `vcpu` (`VCPUOP_stop_singleshot_timer`).
///
/// Any domain on x86 may. A Xen without this call gets [`set_timer_op`]. Header:
/// `xen/include/public/vcpu.h`.
#[doc = gate_row!(VCPUOP_stop_singleshot_timer)]
///
/// # Errors
///
/// As [`set_singleshot_timer`].
#[doc(alias = "VCPUOP_stop_singleshot_timer")]
pub fn stop_singleshot_timer(xen: &Xen<impl Conduit>, vcpu: VcpuId) -> Result<()> {
    let operation = Operation::VCPUOP_stop_singleshot_timer;
    // SAFETY: the call takes no pointer and changes no memory.
    match unsafe { simple(xen, operation, vcpu) } {
        Ok(answer) => only_zero(operation, answer),
        Err(unsupported @ Error::Unsupported(_)) => older(xen, unsupported, None),
        Err(error) => Err(error),
    }
}

/// Takes the older hypercall, or gives back why the newer one is not there if neither is.
#[cold]
fn older(xen: &Xen<impl Conduit>, unsupported: Error, timeout: Option<u64>) -> Result<()> {
    match set_timer_op::set(xen, timeout) {
        Err(Error::Unsupported(_)) => Err(unsupported),
        answer => answer,
    }
}
