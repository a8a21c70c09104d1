//! The page that Xen shares with a domain, and the part of it that belongs to each
//! virtual processor.
//!
//! Both sides write it at any time, so none of these structs is to be borrowed in
//! place: they give offsets and sizes for volatile or atomic accesses, and a shape
//! for private copies.

use super::time::VcpuTimeInfo;
use crate::arch_arm::{ArchSharedInfoArm, ArchVcpuInfoArm};
use crate::arch_x86::xen::{ArchSharedInfoX86_32, ArchSharedInfoX86_64};
use crate::arch_x86::xen_x86_32::ArchVcpuInfoX86_32;
use crate::arch_x86::xen_x86_64::ArchVcpuInfoX86_64;
use crate::pad::Pad;
use crate::record::record;

record! {
    /// One virtual processor's part of the shared page, x86_32: 64 bytes
    /// (`xen/include/public/xen.h`).
    ///
    /// Lies in [`SharedInfoX86_32`] for the first 32 processors, or wherever
    /// `VCPUOP_register_vcpu_info` put it.
    #[repr(C)]
    #[derive(Debug, PartialEq, Eq)]
    #[doc(alias = "vcpu_info")]
    #[doc(alias = "vcpu_info_t")]
    VcpuInfoX86_32 {
        /// Xen sets it to non-zero when an event waits for this processor; the guest
        /// clears it before it looks for events.
        evtchn_upcall_pending: u8,
        /// The guest sets it to non-zero to hold upcalls back; only Xen on the
        /// processor's own behalf reads it. Blocking clears it.
        evtchn_upcall_mask: u8,
        /// Hole in the C struct.
        _pad_0x02: Pad<2>,
        /// A bit for each word of `evtchn_pending` that may have a bit set. Set by Xen,
        /// cleared by the guest.
        evtchn_pending_sel: u32,
        /// What x86_32 adds.
        arch: ArchVcpuInfoX86_32,
        /// The time record.
        time: VcpuTimeInfo,
    } is xen::vcpu_info in x86_32
}

record! {
    /// One virtual processor's part of the shared page, x86_64: 64 bytes
    /// (`xen/include/public/xen.h`).
    ///
    /// Lies in [`SharedInfoX86_64`] for the first 32 processors, or wherever
    /// `VCPUOP_register_vcpu_info` put it.
    #[repr(C, align(8))]
    #[derive(Debug, PartialEq, Eq)]
    #[doc(alias = "vcpu_info")]
    #[doc(alias = "vcpu_info_t")]
    VcpuInfoX86_64 {
        /// Xen sets it to non-zero when an event waits for this processor; the guest
        /// clears it before it looks for events.
        evtchn_upcall_pending: u8,
        /// The guest sets it to non-zero to hold upcalls back; only Xen on the
        /// processor's own behalf reads it. Blocking clears it.
        evtchn_upcall_mask: u8,
        /// Hole in the C struct.
        _pad_0x02: Pad<6>,
        /// A bit for each word of `evtchn_pending` that may have a bit set. Set by Xen,
        /// cleared by the guest.
        evtchn_pending_sel: u64,
        /// What x86_64 adds.
        arch: ArchVcpuInfoX86_64,
        /// The time record.
        time: VcpuTimeInfo,
    } is xen::vcpu_info in x86_64
}

record! {
    /// One virtual processor's part of the shared page, arm32 and arm64: 48 bytes
    /// (`xen/include/public/xen.h`).
    ///
    /// Upcalls are masked in the interrupt controller on Arm, so there is no mask here.
    /// Every processor registers its own by `VCPUOP_register_vcpu_info`.
    #[repr(C, align(8))]
    #[derive(Debug, PartialEq, Eq)]
    #[doc(alias = "vcpu_info")]
    #[doc(alias = "vcpu_info_t")]
    VcpuInfoArm {
        /// Xen sets it to non-zero when an event waits for this processor; the guest
        /// clears it before it looks for events.
        evtchn_upcall_pending: u8,
        /// Hole in the C struct, named there.
        pad0: Pad<1>,
        /// Hole in the C struct.
        _pad_0x02: Pad<6>,
        /// A bit for each word of `evtchn_pending` that may have a bit set. Set by Xen,
        /// cleared by the guest.
        evtchn_pending_sel: u64,
        /// What Arm adds: nothing.
        arch: ArchVcpuInfoArm,
        /// The time record.
        time: VcpuTimeInfo,
    } is xen::vcpu_info in arm32 arm64
}

record! {
    /// The shared page of an x86_32 domain: 2344 bytes (`xen/include/public/xen.h`).
    ///
    /// Never larger than a page; a newer Xen may append to it.
    #[repr(C)]
    #[derive(Debug, PartialEq, Eq)]
    #[doc(alias = "shared_info")]
    #[doc(alias = "shared_info_t")]
    SharedInfoX86_32 {
        /// The first virtual processors' parts.
        vcpu_info: [VcpuInfoX86_32; 32],
        /// A bit for each event channel of the two-level ABI. Set by Xen, cleared by the guest.
        evtchn_pending: [u32; 32],
        /// A set bit keeps its channel from causing an upcall. Written by the guest.
        evtchn_mask: [u32; 32],
        /// Change counter of the wall clock, as in [`VcpuTimeInfo`].
        wc_version: u32,
        /// The wall clock when system time was 0: seconds since 1970, low 32 bits (the
        /// high ones are in [`arch`](Self::arch)). Written by Xen.
        wc_sec: u32,
        /// The nanoseconds to add. Written by Xen.
        wc_nsec: u32,
        /// What x86_32 adds.
        arch: ArchSharedInfoX86_32,
    } is xen::shared_info in x86_32
}

record! {
    /// The shared page of an x86_64 domain: 3136 bytes (`xen/include/public/xen.h`).
    ///
    /// Never larger than a page; a newer Xen may append to it.
    #[repr(C, align(8))]
    #[derive(Debug, PartialEq, Eq)]
    #[doc(alias = "shared_info")]
    #[doc(alias = "shared_info_t")]
    SharedInfoX86_64 {
        /// The first virtual processors' parts.
        vcpu_info: [VcpuInfoX86_64; 32],
        /// A bit for each event channel of the two-level ABI. Set by Xen, cleared by the guest.
        evtchn_pending: [u64; 64],
        /// A set bit keeps its channel from causing an upcall. Written by the guest.
        evtchn_mask: [u64; 64],
        /// Change counter of the wall clock, as in [`VcpuTimeInfo`].
        wc_version: u32,
        /// The wall clock when system time was 0: seconds since 1970, low 32 bits.
        /// Written by Xen.
        wc_sec: u32,
        /// The nanoseconds to add. Written by Xen.
        wc_nsec: u32,
        /// The high 32 bits of the seconds. Written by Xen.
        wc_sec_hi: u32,
        /// What x86_64 adds.
        arch: ArchSharedInfoX86_64,
    } is xen::shared_info in x86_64
}

record! {
    /// The shared page of an arm32 or arm64 domain: 1088 bytes (`xen/include/public/xen.h`).
    ///
    /// Never larger than a page; a newer Xen may append to it.
    #[repr(C, align(8))]
    #[derive(Debug, PartialEq, Eq)]
    #[doc(alias = "shared_info")]
    #[doc(alias = "shared_info_t")]
    SharedInfoArm {
        /// The first virtual processor's part.
        vcpu_info: [VcpuInfoArm; 1],
        /// A bit for each event channel of the two-level ABI. Set by Xen, cleared by the guest.
        evtchn_pending: [u64; 64],
        /// A set bit keeps its channel from causing an upcall. Written by the guest.
        evtchn_mask: [u64; 64],
        /// Change counter of the wall clock, as in [`VcpuTimeInfo`].
        wc_version: u32,
        /// The wall clock when system time was 0: seconds since 1970, low 32 bits.
        /// Written by Xen.
        wc_sec: u32,
        /// The nanoseconds to add. Written by Xen.
        wc_nsec: u32,
        /// The high 32 bits of the seconds. Written by Xen.
        wc_sec_hi: u32,
        /// What Arm adds: nothing.
        arch: ArchSharedInfoArm,
    } is xen::shared_info in arm32 arm64
}

/// The wall clock at system time 0, as the shared page tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WallClock {
    /// Seconds since 1970-01-01 00:00 UTC.
    pub seconds: u64,
    /// Nanoseconds to add to them.
    pub nanoseconds: u32,
}

impl SharedInfoX86_32 {
    /// The wall clock of a consistent copy (see [`wc_version`](Self::wc_version)).
    #[doc(alias = "xen_wc_sec_hi")]
    pub const fn wall_clock(&self) -> WallClock {
        wall_clock(self.arch.wc_sec_hi, self.wc_sec, self.wc_nsec)
    }
}

impl SharedInfoX86_64 {
    /// The wall clock of a consistent copy (see [`wc_version`](Self::wc_version)).
    #[doc(alias = "xen_wc_sec_hi")]
    pub const fn wall_clock(&self) -> WallClock {
        wall_clock(self.wc_sec_hi, self.wc_sec, self.wc_nsec)
    }
}

impl SharedInfoArm {
    /// The wall clock of a consistent copy (see [`wc_version`](Self::wc_version)).
    #[doc(alias = "xen_wc_sec_hi")]
    pub const fn wall_clock(&self) -> WallClock {
        wall_clock(self.wc_sec_hi, self.wc_sec, self.wc_nsec)
    }
}

const fn wall_clock(seconds_high: u32, seconds_low: u32, nanoseconds: u32) -> WallClock {
    WallClock {
        seconds: (seconds_high as u64) << 32 | seconds_low as u64,
        nanoseconds,
    }
}
