//! `HYPERVISOR_set_segment_base`: the bases of the segments fs and gs of a 64-bit PV guest
//! (`xen/include/public/arch-x86/xen-x86_64.h`).
//!
//! A PV guest can't write the registers that hold them. gs has two bases, that of the kernel and
//! that of user mode, which Xen exchanges when the guest goes from one to the other. All are those
//! of the processor that makes the call.
#![allow(unsafe_code)]

use super::xen::only_zero;
use super::{Conduit, Result, Xen};
use crate::version::Operation;

/// Sets the base of fs (`SEGBASE_FS`).
///
/// For any 64-bit PV guest. Header: `xen/include/public/arch-x86/xen-x86_64.h`.
#[doc = gate_row!(SEGBASE_FS)]
///
/// # Errors
///
/// [`Error::Refused`](super::Error::Refused) with EINVAL for an address that the processor can't
/// have.
///
/// # Safety
///
/// What code finds through fs afterwards, such as its thread's variables, is what it takes it for.
#[doc(alias = "SEGBASE_FS")]
pub unsafe fn fs(xen: &Xen<impl Conduit>, base: usize) -> Result<()> {
    // SAFETY: the caller vouches for the base.
    unsafe { set(xen, Operation::SEGBASE_FS, base) }
}

/// Sets the base that gs has in user mode (`SEGBASE_GS_USER`).
///
/// For any 64-bit PV guest. Header: `xen/include/public/arch-x86/xen-x86_64.h`.
#[doc = gate_row!(SEGBASE_GS_USER)]
///
/// # Errors
///
/// As [`fs`].
///
/// # Safety
///
/// What user mode finds through gs afterwards is what it takes it for.
#[doc(alias = "SEGBASE_GS_USER")]
pub unsafe fn gs_user(xen: &Xen<impl Conduit>, base: usize) -> Result<()> {
    // SAFETY: the caller vouches for the base.
    unsafe { set(xen, Operation::SEGBASE_GS_USER, base) }
}

/// Sets the base that gs has in the kernel (`SEGBASE_GS_KERNEL`).
///
/// For any 64-bit PV guest. Header: `xen/include/public/arch-x86/xen-x86_64.h`.
#[doc = gate_row!(SEGBASE_GS_KERNEL)]
///
/// # Errors
///
/// As [`fs`].
///
/// # Safety
///
/// What the kernel finds through gs afterwards, such as its processor's variables, is what it takes
/// it for.
#[doc(alias = "SEGBASE_GS_KERNEL")]
pub unsafe fn gs_kernel(xen: &Xen<impl Conduit>, base: usize) -> Result<()> {
    // SAFETY: the caller vouches for the base.
    unsafe { set(xen, Operation::SEGBASE_GS_KERNEL, base) }
}

/// Loads the selector that gs has in user mode, and its base from the descriptor
/// (`SEGBASE_GS_USER_SEL`). Xen loads 0 where the descriptor can't be used, and does not say so.
///
/// For any 64-bit PV guest. Header: `xen/include/public/arch-x86/xen-x86_64.h`.
#[doc = gate_row!(SEGBASE_GS_USER_SEL)]
///
/// # Errors
///
/// [`Error::Unsupported`](super::Error::Unsupported) for guests that are not PV.
///
/// # Safety
///
/// As for [`gs_user`].
#[doc(alias = "SEGBASE_GS_USER_SEL")]
pub unsafe fn gs_user_selector(xen: &Xen<impl Conduit>, selector: u16) -> Result<()> {
    // SAFETY: the caller vouches for the selector.
    unsafe { set(xen, Operation::SEGBASE_GS_USER_SEL, selector.into()) }
}

/// Makes the call.
///
/// # Safety
///
/// As for the functions above.
unsafe fn set(xen: &Xen<impl Conduit>, operation: Operation, base: usize) -> Result<()> {
    // SAFETY: the call has no pointer that Xen follows; the caller vouches for the base.
    let answer = unsafe { xen.call(operation, [base, 0, 0, 0]) }?;
    only_zero(operation, answer)
}
