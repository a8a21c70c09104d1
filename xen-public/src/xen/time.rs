//! The time record that Xen keeps for each virtual processor, and the arithmetic
//! that turns a counter value into nanoseconds.

use crate::pad::Pad;
use crate::record::record;

crate::words::flags! {
    /// What holds for a [`VcpuTimeInfo`]. Written by Xen.
    PvclockFlags(u8) {
        /// The counters of all processors agree: times read on one never run behind
        /// those read on another.
        TSC_STABLE = 1 << 0 => "XEN_PVCLOCK_TSC_STABLE_BIT",
        /// The guest was stopped by its host; the guest clears the bit when it has
        /// taken notice.
        GUEST_STOPPED = 1 << 1 => "XEN_PVCLOCK_GUEST_STOPPED",
    }
}

/// How to get from ticks of the time stamp counter to nanoseconds:
/// `(ticks * 2^shift) * mul / 2^32`, a negative shift first dropping the low bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeScale {
    /// Nanoseconds for a shifted tick, times 2^32.
    pub mul: u32,
    /// Power of two to multiply the ticks by; negative to divide.
    pub shift: i8,
}

impl TimeScale {
    /// Nanoseconds in so many ticks, rounded down; `None` if they exceed 64 bits.
    ///
    /// Takes any scale that a hypervisor may write.
    ///
    /// ```
    /// use xen_public::xen::TimeScale;
    ///
    /// // 2 GHz: half a nanosecond a tick.
    /// let scale = TimeScale { mul: 1 << 31, shift: 0 };
    /// assert_eq!(scale.nanoseconds(2_000_000_000), Some(1_000_000_000));
    /// ```
    pub const fn nanoseconds(self, ticks: u64) -> Option<u64> {
        let right = if self.shift < 0 {
            self.shift.unsigned_abs() as u32
        } else {
            0
        };
        let ticks = if right < u64::BITS { ticks >> right } else { 0 };
        // At most 96 bits.
        let product = ticks as u128 * self.mul as u128;
        let nanoseconds = if self.shift > 32 {
            let left = (self.shift - 32) as u32;
            if product.leading_zeros() < left {
                return None;
            }
            product << left
        } else if self.shift > 0 {
            product >> (32 - self.shift as u32)
        } else {
            product >> 32
        };
        if nanoseconds > u64::MAX as u128 {
            None
        } else {
            Some(nanoseconds as u64)
        }
    }

    /// The counter's frequency in hertz, rounded down; `None` if the scale is that of
    /// no counter (`mul` is 0) or the frequency exceeds 64 bits.
    pub const fn frequency(self) -> Option<u64> {
        if self.mul == 0 {
            return None;
        }
        // 62 bits at most.
        let unshifted = (1_000_000_000u64 << 32) / self.mul as u64;
        let shift = self.shift.unsigned_abs() as u32;
        if self.shift >= 0 {
            Some(if shift < u64::BITS {
                unshifted >> shift
            } else {
                0
            })
        } else if unshifted == 0 {
            Some(0)
        } else if unshifted.leading_zeros() < shift {
            None
        } else {
            Some(unshifted << shift)
        }
    }
}

record! {
    /// When a virtual processor's counter stood where, and how fast it runs: enough to
    /// tell the system time without a hypercall. The same in every ABI.
    ///
    /// Written by Xen while the guest runs, read by the guest: [`version`](Self::version)
    /// is odd while Xen writes and differs after each change, so a reader copies it, the
    /// rest, and it again, and starts over unless both are the same even number.
    /// Part of `vcpu_info`; with `VCPUOP_register_vcpu_time_memory_area` also on its own
    /// (`xen/include/public/xen.h`).
    #[repr(C, align(8))]
    #[derive(Debug, PartialEq, Eq)]
    #[doc(alias = "vcpu_time_info")]
    #[doc(alias = "vcpu_time_info_t")]
    VcpuTimeInfo {
        /// Change counter; odd while Xen writes.
        version: u32,
        /// Hole in the C struct, named there.
        pad0: Pad<4>,
        /// The time stamp counter when the record was made, in ticks.
        tsc_timestamp: u64,
        /// The system time then, in nanoseconds since Xen started.
        system_time: u64,
        /// [`TimeScale::mul`].
        tsc_to_system_mul: u32,
        /// [`TimeScale::shift`].
        tsc_shift: i8,
        /// What holds for this record.
        flags: PvclockFlags,
        /// Hole in the C struct, named there.
        pad1: Pad<2>,
    } is xen::vcpu_time_info in x86_32 x86_64 arm32 arm64
}

impl VcpuTimeInfo {
    /// Whether Xen was writing when this version was read.
    #[inline]
    pub const fn is_being_written(version: u32) -> bool {
        version & 1 != 0
    }

    /// The scale from ticks to nanoseconds.
    #[inline]
    pub const fn scale(&self) -> TimeScale {
        TimeScale {
            mul: self.tsc_to_system_mul,
            shift: self.tsc_shift,
        }
    }

    /// The system time in nanoseconds when the counter stands at `tsc`; `None` if it
    /// exceeds 64 bits. A counter value before the record's own counts as that one, so
    /// that a processor whose counter lags a little never sees a time from the far end.
    pub const fn system_time_at(&self, tsc: u64) -> Option<u64> {
        match self
            .scale()
            .nanoseconds(tsc.saturating_sub(self.tsc_timestamp))
        {
            Some(elapsed) => self.system_time.checked_add(elapsed),
            None => None,
        }
    }
}
