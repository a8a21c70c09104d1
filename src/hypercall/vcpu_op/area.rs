//! Memory that Xen writes for a processor: `vcpu_info`, runstate, and a copy of the clock.

use core::ptr::NonNull;

use xen_public::native::vcpu::{
    vcpu_register_runstate_memory_area, vcpu_register_time_memory_area, vcpu_register_vcpu_info,
};
use xen_public::xen::{Gfn, PAGE_SIZE, VcpuId, VcpuTimeInfo};

use super::{RunstateInfo, operate};
use crate::hypercall::{Conduit, Errno, Error, Result, Xen};
use crate::version::{Guest, Operation};

#[cfg(any(target_arch = "arm", target_arch = "aarch64"))]
use xen_public::native::arch_arm::XEN_LEGACY_MAX_VCPUS;
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use xen_public::native::arch_x86::xen::XEN_LEGACY_MAX_VCPUS;
use xen_public::native::xen::vcpu_info;

/// How many processors have a `vcpu_info` in the shared page: 32 on x86, 1 on ARM.
#[doc(alias = "XEN_LEGACY_MAX_VCPUS")]
pub const LEGACY_VCPUS: u32 = XEN_LEGACY_MAX_VCPUS as u32;

/// Where a processor's `vcpu_info` is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "events and time of the processor are in one place or the other"]
pub enum VcpuInfoPlace {
    /// Where it was registered.
    Registered,
    /// In the shared page, `vcpu_info[vcpu]`.
    SharedInfo,
}

/// Moves a processor's `vcpu_info` to a frame of the guest's and an offset there
/// (`VCPUOP_register_vcpu_info`), which holds until the domain ends. What is pending comes along, and an
/// upcall with it. A processor above [`LEGACY_VCPUS`] has none before.
///
/// Any domain may, once for each processor; on ARM every processor of a domain needs it. Header:
/// `xen/include/public/vcpu.h`.
#[doc = gate_row!(VCPUOP_register_vcpu_info)]
///
/// # Errors
///
/// [`Error::Argument`] for an offset at which the structure would cross the page's end or its words their
/// alignment; [`Error::Refused`] with EINVAL or EBUSY where the processor has one already, EINVAL for a frame
/// that is not the domain's, ENOENT for a processor that is not there; [`Error::Unsupported`].
///
/// # Safety
///
/// Xen reads and writes the structure at any time, from this call to the end of the domain: the frame is
/// ordinary memory of this domain, which nothing but atomics and volatile accesses uses, and which is not
/// given away.
#[doc(alias = "VCPUOP_register_vcpu_info")]
#[doc(alias = "vcpu_register_vcpu_info")]
pub unsafe fn register_vcpu_info(
    xen: &Xen<impl Conduit>,
    vcpu: VcpuId,
    frame: Gfn,
    offset: u32,
) -> Result<()> {
    let operation = Operation::VCPUOP_register_vcpu_info;
    let size = size_of::<vcpu_info>() as u32;
    if offset % align_of::<vcpu_info>() as u32 != 0 || offset > PAGE_SIZE as u32 - size {
        return Err(Error::Argument {
            call: operation.name(),
            argument: "offset",
            value: offset.into(),
        });
    }
    let mut argument = vcpu_register_vcpu_info {
        mfn: frame.get(),
        offset,
        rsvd: 0,
    };
    // SAFETY: the call reads one `vcpu_register_vcpu_info`; what Xen does with the frame from now on is
    // what the caller vouches for.
    unsafe { operate(xen, operation, vcpu, &mut argument) }
}

/// [Registers](register_vcpu_info) a processor's `vcpu_info`, or leaves it in the shared page where this
/// Xen has no other place.
///
/// # Errors
///
/// As [`register_vcpu_info`]; [`Error::Unsupported`] only for a processor that has no place in the shared
/// page.
///
/// # Safety
///
/// As for [`register_vcpu_info`].
pub unsafe fn place_vcpu_info(
    xen: &Xen<impl Conduit>,
    vcpu: VcpuId,
    frame: Gfn,
    offset: u32,
) -> Result<VcpuInfoPlace> {
    // SAFETY: the caller keeps the contract of this call.
    match unsafe { register_vcpu_info(xen, vcpu, frame, offset) } {
        Ok(()) => Ok(VcpuInfoPlace::Registered),
        Err(Error::Unsupported(_)) if vcpu.get() < legacy_vcpus(xen.guest()) => {
            Ok(VcpuInfoPlace::SharedInfo)
        }
        Err(error) => Err(error),
    }
}

/// How many processors a kind of guest has in the shared page. It goes by the guest where it can, as
/// tests play one architecture's Xen on another.
fn legacy_vcpus(guest: Guest) -> u32 {
    match guest {
        Guest::Arm => 1,
        _ => LEGACY_VCPUS,
    }
}

/// How an area came to be written by Xen, or did not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "an area that Xen does not write must not be read"]
pub enum AreaPlace {
    /// Xen writes to the guest physical address.
    Physical,
    /// Xen writes through the virtual address, by the page tables that it finds in use then.
    Virtual,
    /// Xen writes neither. Of runstate, ask by [`get_runstate_info`](super::get_runstate_info); time is in
    /// `vcpu_info`.
    Nowhere,
}

/// The address that takes an area back.
const NO_ADDRESS: u64 = !0;

macro_rules! areas {
    (
        $what:literal, $record:ty, $argument:ident,
        $memory:ident = $memory_op:ident $memory_name:literal, $phys:ident = $phys_op:ident $phys_name:literal, $place:ident,
        when: $when:literal, end: $end:literal,
        by: $linear:ty, $address:expr, $some:expr, nowhere: $nowhere:expr
    ) => {
        #[doc = concat!("Has Xen write ", $what, " through a virtual address (`", $memory_name, "`),")]
        #[doc = concat!($when, ".")]
        ///
        #[doc = $end]
        ///
        /// The address is looked up in whatever page tables are in use when Xen writes, so it is one that
        /// the kernel has mapped always. Any domain may. Header: `xen/include/public/vcpu.h`.
        #[doc = gate_row!($memory_op)]
        ///
        /// # Errors
        ///
        /// [`Error::Refused`] with EFAULT for an address that can't be the guest's, ENOENT for a processor
        /// that is not there; [`Error::Unsupported`].
        ///
        /// # Safety
        ///
        /// From this call until another area is registered, Xen writes this one at any time: it stays mapped,
        /// is used for nothing else, and is only read by atomics or volatile accesses.
        #[doc(alias = $memory_name)]
        pub unsafe fn $memory(
            xen: &Xen<impl Conduit>,
            vcpu: VcpuId,
            area: $linear,
        ) -> Result<()> {
            let address: fn($linear) -> usize = $address;
            let address = address(area);
            let mut argument = $argument::ZERO;
            // A handle, a pointer and an address are the low bytes of the same word, and the rest is zero.
            argument.addr.p = address as u64;
            // SAFETY: the call reads one structure; what Xen writes from now on is what the caller vouches
            // for.
            unsafe { operate(xen, Operation::$memory_op, vcpu, &mut argument) }
        }

        #[doc = concat!("Has Xen write ", $what, " to a guest physical address (`", $phys_name, "`),")]
        #[doc = concat!($when, "; `None` ends it.")]
        ///
        /// The area does not cross a page. While it is registered, one at a virtual address is not written.
        /// Any domain on x86 may. Header: `xen/include/public/vcpu.h`.
        #[doc = gate_row!($phys_op)]
        ///
        /// # Errors
        ///
        /// [`Error::Refused`] with EINVAL or ENXIO for an area that crosses a page or is badly aligned,
        /// ENOENT for a processor that is not there; [`Error::Unsupported`].
        ///
        /// # Safety
        ///
        /// From this call until the area is taken back, Xen writes it at any time: it is ordinary memory of
        /// this domain, used for nothing else, and is only read by atomics or volatile accesses.
        #[doc(alias = $phys_name)]
        pub unsafe fn $phys(
            xen: &Xen<impl Conduit>,
            vcpu: VcpuId,
            area: Option<u64>,
        ) -> Result<()> {
            let mut argument = $argument::ZERO;
            argument.addr.p = area.unwrap_or(NO_ADDRESS);
            // SAFETY: the call reads one structure; what Xen writes from now on is what the caller vouches
            // for.
            unsafe { operate(xen, Operation::$phys_op, vcpu, &mut argument) }
        }

        #[doc = concat!("Has Xen write ", $what, " for a processor, by the newest way that it has:")]
        #[doc = concat!("[by its physical address](", stringify!($phys), "), else")]
        #[doc = concat!("[by its virtual one](", stringify!($memory), "), else not at all. The two are one area's.")]
        ///
        /// A Xen may announce the newer way by a feature bit and not have it (4.18 to 4.22 on ARM do): the
        /// table knows that, and where it does not, EINVAL is taken for it, and the older way answers for
        /// the area.
        ///
        /// # Errors
        ///
        /// As those functions; [`Error::Unsupported`] where there is nothing to make do with either.
        ///
        /// # Safety
        ///
        /// As for those functions.
        pub unsafe fn $place(
            xen: &Xen<impl Conduit>,
            vcpu: VcpuId,
            physical: u64,
            area: NonNull<$record>,
        ) -> Result<AreaPlace> {
            // SAFETY: the caller keeps the contract of this call.
            match unsafe { $phys(xen, vcpu, Some(physical)) } {
                Ok(()) => return Ok(AreaPlace::Physical),
                Err(Error::Unsupported(_)) => {}
                Err(Error::Refused { errno, .. }) if errno == Errno::EINVAL => {}
                Err(error) => return Err(error),
            }
            // SAFETY: the caller keeps the contract of this call.
            match unsafe { $memory(xen, vcpu, $some(area)) } {
                Ok(()) => Ok(AreaPlace::Virtual),
                Err(Error::Unsupported(unsupported)) => {
                    let nowhere: fn(&Xen<_>) -> bool = $nowhere;
                    if nowhere(xen) {
                        Ok(AreaPlace::Nowhere)
                    } else {
                        Err(unsupported.into())
                    }
                }
                Err(error) => Err(error),
            }
        }
    };
}

areas! {
    "what a processor did with its time", RunstateInfo, vcpu_register_runstate_memory_area,
    register_runstate_memory_area = VCPUOP_register_runstate_memory_area "VCPUOP_register_runstate_memory_area",
    register_runstate_phys_area = VCPUOP_register_runstate_phys_area "VCPUOP_register_runstate_phys_area",
    place_runstate,
    when: "each time that the processor is put on a physical one",
    end: "Nothing ends it but another address, as Xen writes to a null one like to any. An area at a physical address takes its place.",
    by: NonNull<RunstateInfo>, |area| area.as_ptr().expose_provenance(), core::convert::identity,
    nowhere: |xen| xen.can(Operation::VCPUOP_get_runstate_info).is_ok()
}

areas! {
    "a copy of a processor's clock", VcpuTimeInfo, vcpu_register_time_memory_area,
    register_vcpu_time_memory_area = VCPUOP_register_vcpu_time_memory_area "VCPUOP_register_vcpu_time_memory_area",
    register_vcpu_time_phys_area = VCPUOP_register_vcpu_time_phys_area "VCPUOP_register_vcpu_time_phys_area",
    place_vcpu_time,
    when: "each time that it writes the one in `vcpu_info`",
    end: "`None` ends it.",
    by: Option<NonNull<VcpuTimeInfo>>,
    |area| area.map_or(0, |area| area.as_ptr().expose_provenance()), Some,
    nowhere: |_| true
}
