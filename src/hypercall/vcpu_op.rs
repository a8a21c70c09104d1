//! `HYPERVISOR_vcpu_op`: a domain's virtual processors (`xen/include/public/vcpu.h`).
//!
//! On x86 a domain starts its other processors by [`initialise`] and [`up`]; on ARM by PSCI, and of this
//! hypercall only [`register_vcpu_info`] and [`register_runstate_memory_area`] are there. Each processor has
//! two timers, and memory that Xen writes for it: events and time (`vcpu_info`), what it did with its time
//! (runstate), and a copy of the clock.
//!
//! Where a release lacks something, the functions named `place_` and those of the timers take the older
//! way and say which it was; the others make the one call they are named after.
#![allow(unsafe_code)]

mod area;
#[cfg(test)]
mod tests;
mod timer;

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use xen_public::native::{
    arch_x86::xen::vcpu_guest_context, hvm::hvm_vcpu::vcpu_hvm_context, vcpu::vcpu_get_physid,
};
use xen_public::vcpu as records;
use xen_public::xen::VcpuId;

use super::xen::only_zero;
use super::{Conduit, Error, Result, Xen};
use crate::version::Operation;
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use crate::{
    hypercall::{Unsupported, Why},
    version::Guest,
};

pub use area::{
    AreaPlace, LEGACY_VCPUS, VcpuInfoPlace, place_runstate, place_vcpu_info, place_vcpu_time,
    register_runstate_memory_area, register_runstate_phys_area, register_vcpu_info,
    register_vcpu_time_memory_area, register_vcpu_time_phys_area,
};
pub use timer::{
    Ticks, set_periodic_timer, set_singleshot_timer, stop_periodic_timer, stop_singleshot_timer,
};

/// What a virtual processor did with its time, as the ABI of the compile target lays it out.
#[cfg(target_arch = "x86")]
pub type RunstateInfo = records::VcpuRunstateInfoX86_32;
/// What a virtual processor did with its time, as the ABI of the compile target lays it out.
#[cfg(not(target_arch = "x86"))]
pub type RunstateInfo = records::VcpuRunstateInfo;

/// Makes a call about a processor that takes one structure.
///
/// # Safety
///
/// As for [`Conduit::hypercall`]; the call reads and writes no more than `argument` at the address, apart
/// from what it names.
unsafe fn operate<T>(
    xen: &Xen<impl Conduit>,
    operation: Operation,
    vcpu: VcpuId,
    argument: &mut T,
) -> Result<()> {
    let address = (&raw mut *argument).expose_provenance();
    // SAFETY: the caller keeps the contract of this call, and `argument` is borrowed for it.
    let answer = unsafe { xen.call(operation, [vcpu.get() as usize, address, 0, 0]) }?;
    only_zero(operation, answer)
}

/// Makes a call about a processor that takes nothing more.
///
/// # Safety
///
/// As for [`Conduit::hypercall`].
unsafe fn simple(xen: &Xen<impl Conduit>, operation: Operation, vcpu: VcpuId) -> Result<usize> {
    // SAFETY: the caller keeps the contract of this call.
    unsafe { xen.call(operation, [vcpu.get() as usize, 0, 0, 0]) }
}

/// Gives a processor of a PV domain its first state: registers, stack, page tables, trap table
/// (`VCPUOP_initialise`). It stays down until it is brought [up].
///
/// Any PV domain may, once for each processor that never ran. Header: `xen/include/public/vcpu.h`.
#[doc = gate_row!(VCPUOP_initialise)]
///
/// # Errors
///
/// [`Error::Refused`] with EEXIST for a processor that has a state, ENOENT for one that is not there,
/// EINVAL for a state that Xen does not allow; [`Error::Unsupported`] for other kinds of guest:
/// [`initialise_hvm`] is theirs.
///
/// # Safety
///
/// Once the processor is up it runs from that state, in this domain's memory: code, stack, descriptor
/// tables and page tables are valid for that and belong to it, as if another thread were started.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
#[doc(alias = "VCPUOP_initialise")]
#[doc(alias = "vcpu_guest_context")]
pub unsafe fn initialise(
    xen: &Xen<impl Conduit>,
    vcpu: VcpuId,
    context: &vcpu_guest_context,
) -> Result<()> {
    // SAFETY: the caller vouches for the state.
    unsafe { initialise_from(xen, vcpu, context, Guest::Pv) }
}

/// Gives a processor of an HVM or PVH domain its first state (`VCPUOP_initialise`). It stays down until
/// it is brought [up].
///
/// Any HVM domain may, since Xen 4.7. Header: `xen/include/public/hvm/hvm_vcpu.h`.
#[doc = gate_row!(VCPUOP_initialise)]
///
/// # Errors
///
/// As for [`initialise`], the other way round.
///
/// # Safety
///
/// As for [`initialise`].
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
#[doc(alias = "VCPUOP_initialise")]
#[doc(alias = "vcpu_hvm_context")]
pub unsafe fn initialise_hvm(
    xen: &Xen<impl Conduit>,
    vcpu: VcpuId,
    context: &vcpu_hvm_context,
) -> Result<()> {
    // SAFETY: the caller vouches for the state.
    unsafe { initialise_from(xen, vcpu, context, Guest::Hvm) }
}

/// Initialises by a structure that one kind of guest has.
///
/// # Safety
///
/// As for [`initialise`], and `T` is the structure of this kind of guest.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
unsafe fn initialise_from<T>(
    xen: &Xen<impl Conduit>,
    vcpu: VcpuId,
    context: &T,
    kind: Guest,
) -> Result<()> {
    let operation = Operation::VCPUOP_initialise;
    if xen.guest() != kind {
        // Xen would take the bytes for the other structure.
        return Err(Error::Unsupported(Unsupported {
            operation,
            why: Why::Guest(xen.guest()),
        }));
    }
    let address = (&raw const *context).expose_provenance();
    // SAFETY: the call reads the structure of this kind of guest and writes nothing here; what starts
    // from it is what the caller vouches for.
    let answer = unsafe { xen.call(operation, [vcpu.get() as usize, address, 0, 0]) }?;
    only_zero(operation, answer)
}

/// Lets a processor run that was initialised or taken [down] (`VCPUOP_up`).
///
/// Any domain on x86 may. Header: `xen/include/public/vcpu.h`.
#[doc = gate_row!(VCPUOP_up)]
///
/// # Errors
///
/// [`Error::Refused`] with EINVAL for a processor without a state, ENOENT for one that is not there;
/// [`Error::Unsupported`].
#[doc(alias = "VCPUOP_up")]
pub fn up(xen: &Xen<impl Conduit>, vcpu: VcpuId) -> Result<()> {
    let operation = Operation::VCPUOP_up;
    // SAFETY: the call takes no pointer. The processor goes on from where it was taken down, or from the
    // state that `initialise` was answered for.
    let answer = unsafe { simple(xen, operation, vcpu) }?;
    only_zero(operation, answer)
}

/// Stops a processor from running (`VCPUOP_down`). It may run on for a moment after the call, unless it
/// is the one that calls. If it was the last one up, the domain ends (since Xen 4.8).
///
/// Any domain on x86 may. Header: `xen/include/public/vcpu.h`.
#[doc = gate_row!(VCPUOP_down)]
///
/// # Errors
///
/// [`Error::Refused`] with ENOENT for a processor that is not there; [`Error::Unsupported`].
#[doc(alias = "VCPUOP_down")]
pub fn down(xen: &Xen<impl Conduit>, vcpu: VcpuId) -> Result<()> {
    let operation = Operation::VCPUOP_down;
    // SAFETY: the call takes no pointer; a processor that stands still touches no memory.
    let answer = unsafe { simple(xen, operation, vcpu) }?;
    only_zero(operation, answer)
}

/// Whether a processor is up (`VCPUOP_is_up`).
///
/// Any domain on x86 may. Header: `xen/include/public/vcpu.h`.
#[doc = gate_row!(VCPUOP_is_up)]
///
/// # Errors
///
/// [`Error::Refused`] with ENOENT for a processor that is not there; [`Error::Nonsense`] for an answer
/// that is neither; [`Error::Unsupported`].
#[doc(alias = "VCPUOP_is_up")]
pub fn is_up(xen: &Xen<impl Conduit>, vcpu: VcpuId) -> Result<bool> {
    let operation = Operation::VCPUOP_is_up;
    // SAFETY: the call takes no pointer and changes nothing.
    match unsafe { simple(xen, operation, vcpu) }? {
        0 => Ok(false),
        1 => Ok(true),
        answer => Err(Error::Nonsense {
            call: operation.name(),
            answer: answer as isize,
        }),
    }
}

/// What a processor is doing, and how long it did what (`VCPUOP_get_runstate_info`).
///
/// Any domain on x86 may. Header: `xen/include/public/vcpu.h`.
#[doc = gate_row!(VCPUOP_get_runstate_info)]
///
/// # Errors
///
/// [`Error::Refused`] with ENOENT for a processor that is not there; [`Error::Unsupported`].
#[doc(alias = "VCPUOP_get_runstate_info")]
pub fn get_runstate_info(xen: &Xen<impl Conduit>, vcpu: VcpuId) -> Result<RunstateInfo> {
    let mut info = RunstateInfo::ZERO;
    // SAFETY: the call writes one `vcpu_runstate_info`, any bytes of which are valid, and nothing else.
    unsafe { operate(xen, Operation::VCPUOP_get_runstate_info, vcpu, &mut info) }?;
    Ok(info)
}

/// Sends a processor an NMI (`VCPUOP_send_nmi`).
///
/// Any domain on x86 may. Header: `xen/include/public/vcpu.h`.
#[doc = gate_row!(VCPUOP_send_nmi)]
///
/// # Errors
///
/// [`Error::Refused`] with ENOENT for a processor that is not there; [`Error::Unsupported`].
#[doc(alias = "VCPUOP_send_nmi")]
pub fn send_nmi(xen: &Xen<impl Conduit>, vcpu: VcpuId) -> Result<()> {
    let operation = Operation::VCPUOP_send_nmi;
    // SAFETY: the call takes no pointer; the handler that it runs is the domain's own, which takes NMIs at
    // any time.
    let answer = unsafe { simple(xen, operation, vcpu) }?;
    only_zero(operation, answer)
}

/// The physical processor on which a virtual one is held.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PhysicalId {
    /// The number that its local APIC has.
    pub apic: u32,
    /// The number that ACPI has for it.
    pub acpi: u32,
}

/// Which physical processor a virtual one is held on (`VCPUOP_get_physid`).
///
/// The hardware domain may, where each of its processors is held on one. Header:
/// `xen/include/public/vcpu.h`.
#[doc = gate_row!(VCPUOP_get_physid)]
///
/// # Errors
///
/// [`Error::Refused`] with EINVAL for a processor that is not held, or another domain's; ENOENT for one
/// that is not there; [`Error::Unsupported`].
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
#[doc(alias = "VCPUOP_get_physid")]
#[doc(alias = "vcpu_get_physid")]
pub fn get_physid(xen: &Xen<impl Conduit>, vcpu: VcpuId) -> Result<PhysicalId> {
    let mut argument = vcpu_get_physid::ZERO;
    // SAFETY: the call writes one `vcpu_get_physid` and nothing else.
    unsafe { operate(xen, Operation::VCPUOP_get_physid, vcpu, &mut argument) }?;
    let physid = argument.phys_id;
    Ok(PhysicalId {
        apic: records::xen_vcpu_physid_to_x86_apicid(physid),
        acpi: records::xen_vcpu_physid_to_x86_acpiid(physid),
    })
}
