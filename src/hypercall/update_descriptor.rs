//! `HYPERVISOR_update_descriptor`: a PV guest's change of a segment descriptor
//! (`xen/include/public/xen.h`).
//!
//! The pages of the descriptor tables are the guest's to read and Xen's to write.
#![allow(unsafe_code)]

use super::xen::only_zero;
use super::{Conduit, Result, Xen};
use crate::version::Operation;

/// The arguments: two values of 64 bits, each in one register.
#[cfg(target_arch = "x86_64")]
fn arguments(address: u64, descriptor: u64) -> [usize; 5] {
    [address as usize, descriptor as usize, 0, 0, 0]
}

/// The arguments: two values of 64 bits, each in two registers, the lower half first.
#[cfg(target_arch = "x86")]
fn arguments(address: u64, descriptor: u64) -> [usize; 5] {
    let halves = |value: u64| [value as usize, (value >> 32) as usize];
    let ([a, b], [c, d]) = (halves(address), halves(descriptor));
    [a, b, c, d, 0]
}

/// Writes a descriptor (`HYPERVISOR_update_descriptor`). `address` is the machine address of its
/// entry, a multiple of 8 in a page that is, or may become, part of a descriptor table;
/// `descriptor` is the new entry as the processor reads it.
///
/// For any PV guest. Header: `xen/include/public/xen.h`.
#[doc = gate_row!(__HYPERVISOR_update_descriptor)]
///
/// # Errors
///
/// [`Error::Refused`](super::Error::Refused) with EINVAL for an address that is no such entry of
/// this guest's, and for a descriptor that gives too much.
///
/// # Safety
///
/// Segment registers that are loaded from the entry afterwards fit the code that uses them; if the
/// page is no descriptor table's, nothing else relies on its contents.
#[doc(alias = "HYPERVISOR_update_descriptor")]
pub unsafe fn update(xen: &Xen<impl Conduit>, address: u64, descriptor: u64) -> Result<()> {
    let operation = Operation::__HYPERVISOR_update_descriptor;
    // SAFETY: the caller vouches for what is written at the machine address.
    let answer = unsafe { xen.call_plain(operation, arguments(address, descriptor)) }?;
    only_zero(operation, answer)
}
