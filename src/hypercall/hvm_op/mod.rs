//! `HYPERVISOR_hvm_op`: translated guests (`xen/include/public/hvm/hvm_op.h`).
//!
//! A guest finds its xenstore and console rings by [`get_param`], and says by [`set_param`] how events
//! are to reach it ([`CallbackVia`]). Some calls are for the guest alone, such as [`flush_tlbs`]; others
//! are for a domain that serves it. What a device model does came here before Xen 4.9 and has moved to
//! [`dm_op`](super::dm_op), which finds the way back by itself; the older calls are in [`device_model`].
//! Alternative views of a guest's memory are in [`altp2m`].
#![allow(unsafe_code)]

pub mod altp2m;
pub mod device_model;
mod param;
#[cfg(test)]
mod tests;

pub use param::{CallbackVia, HvmParam, get_param, set_param};

use xen_public::native::hvm::hvm_op::{
    xen_hvm_get_mem_type, xen_hvm_get_time, xen_hvm_pagetable_dying, xen_hvm_xentrace,
};
use xen_public::xen::{DomId, Gfn};

use super::xen::only_zero;
use super::{Conduit, Error, Result, Xen};
use crate::version::Operation;

/// Makes a call that has no argument.
fn bare(xen: &Xen<impl Conduit>, operation: Operation) -> Result<()> {
    // SAFETY: the calls of this module without an argument read and write no memory of the guest.
    let answer = unsafe { xen.call(operation, [0; 4]) }?;
    only_zero(operation, answer)
}

/// Makes all processors of the calling guest forget what they cached of page tables
/// (`HVMOP_flush_tlbs`). Header: `xen/include/public/hvm/hvm_op.h`.
#[doc = gate_row!(HVMOP_flush_tlbs)]
///
/// # Errors
///
/// [`Error::Unsupported`], and then the guest has to interrupt its processors itself; [`Error::Refused`].
#[doc(alias = "HVMOP_flush_tlbs")]
pub fn flush_tlbs(xen: &Xen<impl Conduit>) -> Result<()> {
    bare(xen, Operation::HVMOP_flush_tlbs)
}

/// Tells whoever watches the calling guest that it asks for attention
/// (`HVMOP_guest_request_vm_event`). Header: `xen/include/public/hvm/hvm_op.h`.
#[doc = gate_row!(HVMOP_guest_request_vm_event)]
///
/// # Errors
///
/// [`Error::Unsupported`]; [`Error::Refused`].
#[doc(alias = "HVMOP_guest_request_vm_event")]
pub fn guest_request_vm_event(xen: &Xen<impl Conduit>) -> Result<()> {
    bare(xen, Operation::HVMOP_guest_request_vm_event)
}

/// Hints that a guest's own top page table, at physical address `gpa`, is about to go
/// (`HVMOP_pagetable_dying`), so that Xen need not keep its shadow. `domain` is [`DomId::SELF`]. Header:
/// `xen/include/public/hvm/hvm_op.h`.
#[doc = gate_row!(HVMOP_pagetable_dying)]
///
/// # Errors
///
/// [`Error::Refused`] with EINVAL where Xen keeps no shadows, with EOPNOTSUPP for another domain. As it is
/// a hint, errors can be passed over.
#[doc(alias = "HVMOP_pagetable_dying")]
#[doc(alias = "xen_hvm_pagetable_dying")]
pub fn pagetable_dying(xen: &Xen<impl Conduit>, domain: DomId, gpa: u64) -> Result<()> {
    let mut argument = xen_hvm_pagetable_dying {
        domid: domain.get(),
        gpa,
        ..xen_hvm_pagetable_dying::ZERO
    };
    // SAFETY: the call reads the structure. Shadows are Xen's own: they follow the guest's tables.
    unsafe { xen.call_with(Operation::HVMOP_pagetable_dying, &mut argument) }
}

/// The time since Xen started, in nanoseconds (`HVMOP_get_time`). Header:
/// `xen/include/public/hvm/hvm_op.h`.
#[doc = gate_row!(HVMOP_get_time)]
///
/// # Errors
///
/// [`Error::Unsupported`], and then the clock in the shared info page is the way.
#[doc(alias = "HVMOP_get_time")]
#[doc(alias = "xen_hvm_get_time")]
pub fn get_time(xen: &Xen<impl Conduit>) -> Result<u64> {
    let mut argument = xen_hvm_get_time::ZERO;
    // SAFETY: the call writes the structure.
    unsafe { xen.call_with(Operation::HVMOP_get_time, &mut argument) }?;
    Ok(argument.now)
}

/// Writes a record of the guest's own into Xen's trace buffer (`HVMOP_xentrace`): the event, below
/// 0x1000, and up to seven words. Header: `xen/include/public/hvm/hvm_op.h`.
#[doc = gate_row!(HVMOP_xentrace)]
///
/// # Errors
///
/// [`Error::TooLong`] for more words, [`Error::Refused`] with EINVAL for an event with other bits;
/// [`Error::Unsupported`].
#[doc(alias = "HVMOP_xentrace")]
#[doc(alias = "xen_hvm_xentrace")]
pub fn xentrace(xen: &Xen<impl Conduit>, event: u16, extra: &[u32]) -> Result<()> {
    let operation = Operation::HVMOP_xentrace;
    let mut argument = xen_hvm_xentrace {
        event,
        extra_bytes: (size_of_val(extra).min(usize::from(u16::MAX))) as u16,
        ..xen_hvm_xentrace::ZERO
    };
    let limit = argument.extra.len() / 4;
    if extra.len() > limit {
        return Err(Error::TooLong {
            call: operation.name(),
            length: extra.len(),
            limit,
        });
    }
    for (to, word) in argument.extra.chunks_exact_mut(4).zip(extra) {
        to.copy_from_slice(&word.to_ne_bytes());
    }
    // SAFETY: the call reads the structure.
    unsafe { xen.call_with(operation, &mut argument) }
}

/// What a page of a translated guest is to its processors.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[doc(alias = "hvmmem_type_t")]
pub struct MemType(u16);

impl MemType {
    /// Memory.
    #[doc(alias = "HVMMEM_ram_rw")]
    pub const RAM: Self = Self(everywhere!(u16, hvm::hvm_op::HVMMEM_ram_rw));
    /// Memory to be read; what is written is thrown away.
    #[doc(alias = "HVMMEM_ram_ro")]
    pub const READONLY: Self = Self(everywhere!(u16, hvm::hvm_op::HVMMEM_ram_ro));
    /// The device model is asked for what is read and gets what is written.
    #[doc(alias = "HVMMEM_mmio_dm")]
    pub const DEVICE_MODEL: Self = Self(everywhere!(u16, hvm::hvm_op::HVMMEM_mmio_dm));
    /// Memory whose writes an I/O request server has claimed.
    #[doc(alias = "HVMMEM_ioreq_server")]
    pub const IOREQ_SERVER: Self = Self(everywhere!(u16, hvm::hvm_op::HVMMEM_ioreq_server));

    /// The type of this number, known or not.
    pub const fn new(number: u16) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

/// What a page of `domain` is to its processors (`HVMOP_get_mem_type`). `domain` is [`DomId::SELF`] or one
/// that the caller controls. Header: `xen/include/public/hvm/hvm_op.h`.
#[doc = gate_row!(HVMOP_get_mem_type)]
///
/// # Errors
///
/// [`Error::Refused`] with ESRCH or EPERM, with EINVAL for a PV guest; [`Error::Unsupported`].
#[doc(alias = "HVMOP_get_mem_type")]
#[doc(alias = "xen_hvm_get_mem_type")]
pub fn get_mem_type(xen: &Xen<impl Conduit>, domain: DomId, page: Gfn) -> Result<MemType> {
    let mut argument = xen_hvm_get_mem_type {
        domid: domain.get(),
        pfn: page.get(),
        ..xen_hvm_get_mem_type::ZERO
    };
    // SAFETY: the call reads and writes the structure.
    unsafe { xen.call_with(Operation::HVMOP_get_mem_type, &mut argument) }?;
    Ok(MemType(argument.mem_type))
}

/// Sets the vector by which one processor of the calling guest learns of events
/// (`HVMOP_set_evtchn_upcall_vector`), through its local APIC, so that the guest ends the interrupt
/// there. `vector` is 0x10 or more. Header: `xen/include/public/hvm/hvm_op.h`.
#[doc = gate_row!(HVMOP_set_evtchn_upcall_vector)]
///
/// Before Xen 4.6 the vector is set for all processors at once ([`CallbackVia::Vector`]), which is what
/// this does then, if Xen has `XENFEAT_hvm_callback_vector`. **The guest must not end that interrupt at
/// the APIC**: the result says which of the two it is.
///
/// # Errors
///
/// [`Error::Refused`] with EINVAL for a vector below 0x10, with ENOENT for a processor that is not there;
/// [`Error::Unsupported`].
///
/// # Safety
///
/// The guest has a handler at this vector, on this processor (on all of them where it is set for all).
#[doc(alias = "HVMOP_set_evtchn_upcall_vector")]
#[doc(alias = "xen_hvm_evtchn_upcall_vector")]
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
pub unsafe fn set_evtchn_upcall_vector(
    xen: &Xen<impl Conduit>,
    vcpu: xen_public::xen::VcpuId,
    vector: u8,
) -> Result<Upcall> {
    use xen_public::features::Features;
    use xen_public::native::hvm::hvm_op::xen_hvm_evtchn_upcall_vector;
    let operation = Operation::HVMOP_set_evtchn_upcall_vector;
    let mut argument = xen_hvm_evtchn_upcall_vector {
        vcpu: vcpu.get(),
        vector,
        ..xen_hvm_evtchn_upcall_vector::ZERO
    };
    // SAFETY: the call reads the structure; for the handler the caller vouches.
    match unsafe { xen.call_with(operation, &mut argument) } {
        Ok(()) => Ok(Upcall::PerVcpu),
        Err(Error::Unsupported(_)) if xen.features().contains(Features::HVM_CALLBACK_VECTOR) => {
            let via = CallbackVia::Vector(vector);
            // SAFETY: for the handler the caller vouches.
            unsafe { set_param(xen, DomId::SELF, HvmParam::CALLBACK_IRQ, via.value()) }?;
            Ok(Upcall::Global)
        }
        Err(error) => Err(error),
    }
}

/// How a vector that was [set](set_evtchn_upcall_vector) brings events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
pub enum Upcall {
    /// To the one processor, through its local APIC: the handler ends the interrupt there.
    PerVcpu,
    /// To all processors, past their local APICs: there is no interrupt to be ended.
    Global,
}
