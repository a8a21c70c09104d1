//! `HYPERVISOR_update_va_mapping`: a PV guest's change of one entry of its lowest page tables,
//! found by the address that it maps, with the flush that the change needs
//! (`xen/include/public/xen.h`).
//!
//! [`update`] maps frames of the guest's own, [`update_otherdomain`] those of another domain. The
//! tables are those of the address space in use. Entries of higher levels, those of other address
//! spaces, and batches go by [`mmu_update`](super::mmu_update).
#![allow(unsafe_code)]

use xen_public::native::xen::{
    UVMF_ALL, UVMF_INVLPG, UVMF_LOCAL, UVMF_MULTI, UVMF_NONE, UVMF_TLB_FLUSH,
};
use xen_public::xen::DomId;

use super::mmuext_op::VcpuMask;
use super::xen::only_zero;
use super::{Conduit, Result, Xen};
use crate::version::Operation;

/// What is flushed after the change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flush<'a> {
    /// Nothing: the entry was not present, or somebody else flushes (`UVMF_NONE`).
    #[doc(alias = "UVMF_NONE")]
    None,
    /// All cached translations of these processors (`UVMF_TLB_FLUSH`).
    #[doc(alias = "UVMF_TLB_FLUSH")]
    Tlb(Processors<'a>),
    /// The cached translation of the address on these processors (`UVMF_INVLPG`).
    #[doc(alias = "UVMF_INVLPG")]
    Address(Processors<'a>),
}

/// Whose cached translations are flushed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Processors<'a> {
    /// The one that makes the call (`UVMF_LOCAL`).
    #[doc(alias = "UVMF_LOCAL")]
    Local,
    /// All of the domain's (`UVMF_ALL`).
    #[doc(alias = "UVMF_ALL")]
    All,
    /// Those of a set (`UVMF_MULTI`).
    #[doc(alias = "UVMF_MULTI")]
    These(VcpuMask<'a>),
}

impl Flush<'_> {
    /// The argument: what to flush in the lowest two bits, and on which processors above them,
    /// where the address of a set has its own.
    fn raw(self) -> usize {
        let (what, processors) = match self {
            Self::None => return UVMF_NONE as usize,
            Self::Tlb(processors) => (UVMF_TLB_FLUSH, processors),
            Self::Address(processors) => (UVMF_INVLPG, processors),
        };
        let processors = match processors {
            Processors::Local => UVMF_LOCAL as usize,
            Processors::All => UVMF_ALL as usize,
            Processors::These(mask) => UVMF_MULTI as usize | mask.address(),
        };
        what as usize | processors
    }
}

/// The arguments up to the flags: the entry takes two of 32 bits.
#[cfg(target_arch = "x86_64")]
fn arguments(address: usize, entry: u64, flush: Flush<'_>, owner: usize) -> [usize; 5] {
    [address, entry as usize, flush.raw(), owner, 0]
}

/// The arguments up to the flags: the entry takes two of 32 bits.
#[cfg(target_arch = "x86")]
fn arguments(address: usize, entry: u64, flush: Flush<'_>, owner: usize) -> [usize; 5] {
    let high = (entry >> 32) as usize;
    [address, entry as usize, high, flush.raw(), owner]
}

/// Writes the entry of the lowest page table that maps `address`, and flushes
/// (`HYPERVISOR_update_va_mapping`).
///
/// `entry` is the new entry as the processor reads it, with a machine frame of the guest's own; 0
/// maps nothing. For any PV guest. Header: `xen/include/public/xen.h`.
#[doc = gate_row!(__HYPERVISOR_update_va_mapping)]
///
/// # Errors
///
/// [`Error::Refused`](super::Error::Refused) with EINVAL where no table stands for the address or
/// the entry would give more than the guest has, with EBUSY where it would make a page writable that
/// is in use as a table: then nothing changed. With EFAULT the entry was written, but the set of processors could not be read, and nothing was flushed.
///
/// # Safety
///
/// What is mapped at the address afterwards is what users of this address space take it for: no
/// page goes away or changes its contents or its permissions under a reference to it, and no page
/// gets a second place where Rust relies on one. Nobody relies on the absence of translations that
/// were not flushed. A set of processors covers all that the domain may have.
#[doc(alias = "HYPERVISOR_update_va_mapping")]
pub unsafe fn update(
    xen: &Xen<impl Conduit>,
    address: usize,
    entry: u64,
    flush: Flush<'_>,
) -> Result<()> {
    let operation = Operation::__HYPERVISOR_update_va_mapping;
    // SAFETY: the caller vouches for the change; of this domain's memory the call reads a set of
    // processors that `flush` borrows.
    let answer = unsafe { xen.call_plain(operation, arguments(address, entry, flush, 0)) }?;
    only_zero(operation, answer)
}

/// The same with a frame of another domain, or with `DomId::IO` of a device
/// (`HYPERVISOR_update_va_mapping_otherdomain`).
///
/// `owner` is who the frame belongs to. For a PV guest that may control it, or to whom the device
/// was given. Header: `xen/include/public/xen.h`.
#[doc = gate_row!(__HYPERVISOR_update_va_mapping_otherdomain)]
///
/// # Errors
///
/// As [`update`], and [`Error::Refused`](super::Error::Refused) with ESRCH for an owner that is not
/// there and EPERM for one that this domain may not control.
///
/// # Safety
///
/// As for [`update`]. The page belongs to another domain, which writes there without Rust's
/// knowledge.
#[doc(alias = "HYPERVISOR_update_va_mapping_otherdomain")]
pub unsafe fn update_otherdomain(
    xen: &Xen<impl Conduit>,
    address: usize,
    entry: u64,
    flush: Flush<'_>,
    owner: DomId,
) -> Result<()> {
    let operation = Operation::__HYPERVISOR_update_va_mapping_otherdomain;
    let arguments = arguments(address, entry, flush, owner.get().into());
    // SAFETY: the caller vouches for the change; of this domain's memory the call reads a set of
    // processors that `flush` borrows.
    let answer = unsafe { xen.call_plain(operation, arguments) }?;
    only_zero(operation, answer)
}

#[cfg(test)]
#[path = "update_va_mapping_tests.rs"]
mod tests;
