//! What a virtual processor did with its time (`xen/include/public/vcpu.h`).
//!
//! Xen counts for each virtual processor how long it ran, could have run, was blocked
//! and was off line. A guest asks by `VCPUOP_get_runstate_info`, or registers an area
//! that Xen then writes at each switch.

use crate::pad::Pad;
use crate::record::record;

crate::words::open_enum! {
    /// What a virtual processor is doing. Written by Xen.
    #[doc(alias = "RUNSTATE_")]
    RunState(i32) {
        /// It runs on a physical processor.
        RUNNING = 0 => "RUNSTATE_running",
        /// It could run but no physical processor runs it: time stolen from the guest.
        RUNNABLE = 1 => "RUNSTATE_runnable",
        /// It waits for an event.
        BLOCKED = 2 => "RUNSTATE_blocked",
        /// Neither runnable nor blocked: paused, or not brought up.
        OFFLINE = 3 => "RUNSTATE_offline",
    }
}

impl RunState {
    /// The state's index in the `time` array; `None` for a state without one.
    #[inline]
    pub const fn index(self) -> Option<usize> {
        match self.get() {
            state @ 0..=3 => Some(state as usize),
            _ => None,
        }
    }
}

/// Bit 63 of `state_entry_time`: Xen is writing the registered area. Set only after the
/// guest asked for it by `VMASST_TYPE_runstate_update_flag`.
#[doc(alias = "XEN_RUNSTATE_UPDATE")]
pub const RUNSTATE_UPDATE: u64 = 1 << 63;

macro_rules! runstate_info {
    ($(#[$attr:meta])* $name:ident, abis: $($abi:ident)+, pads: [$($pad:ident: $padty:ty)?]) => {
        record! {
            $(#[$attr])*
            #[derive(Debug, PartialEq, Eq)]
            #[doc(alias = "vcpu_runstate_info")]
            #[doc(alias = "vcpu_runstate_info_t")]
            $name {
                /// What the processor is doing now.
                state: RunState,
                $(
                    /// Hole in the C struct.
                    $pad: $padty,
                )?
                /// When it began to, in nanoseconds of system time, with
                /// [`RUNSTATE_UPDATE`] as a flag on top.
                state_entry_time: u64,
                /// Nanoseconds spent in each state, by [`RunState::index`]. Their sum does
                /// not drift from system time.
                time: [u64; 4],
            } is vcpu::vcpu_runstate_info in $($abi)+
        }

        impl $name {
            /// Whether Xen was writing when `state_entry_time` was read.
            #[inline]
            pub const fn is_being_written(&self) -> bool {
                self.state_entry_time & RUNSTATE_UPDATE != 0
            }

            /// When the present state began, in nanoseconds of system time, without the flag.
            #[inline]
            pub const fn entered(&self) -> u64 {
                self.state_entry_time & !RUNSTATE_UPDATE
            }

            /// Nanoseconds spent in a state up to when the present one began; `None` for a
            /// state that has no count.
            pub fn time_in(&self, state: RunState) -> Option<u64> {
                let time = self.time;
                time.get(state.index()?).copied()
            }
        }
    };
}

runstate_info! {
    /// A virtual processor's state and times, x86_32: 44 bytes, the 64-bit fields
    /// aligned to four.
    #[repr(C, packed(4))]
    VcpuRunstateInfoX86_32, abis: x86_32, pads: []
}

runstate_info! {
    /// A virtual processor's state and times, x86_64, arm32 and arm64: 48 bytes.
    #[repr(C, align(8))]
    VcpuRunstateInfo, abis: x86_64 arm32 arm64, pads: [_pad_0x04: Pad<4>]
}

/// The local APIC's number of the physical processor in an x86 `vcpu_get_physid`
/// (`VCPUOP_get_physid`): its `phys_id`'s low half.
#[doc(alias = "vcpu_get_physid")]
pub const fn xen_vcpu_physid_to_x86_apicid(phys_id: u64) -> u32 {
    phys_id as u32
}

/// The ACPI number of the physical processor in an x86 `vcpu_get_physid`
/// (`VCPUOP_get_physid`): its `phys_id`'s high half.
#[doc(alias = "vcpu_get_physid")]
pub const fn xen_vcpu_physid_to_x86_acpiid(phys_id: u64) -> u32 {
    (phys_id >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_update_flag_is_not_part_of_the_time() {
        let info = VcpuRunstateInfo {
            state: RunState::BLOCKED,
            state_entry_time: RUNSTATE_UPDATE | 7,
            time: [10, 20, 30, 40],
            ..VcpuRunstateInfo::ZERO
        };
        assert!(info.is_being_written());
        assert_eq!(info.entered(), 7);
        assert_eq!(info.time_in(info.state), Some(30));

        let info = VcpuRunstateInfoX86_32 {
            state: RunState::RUNNING,
            state_entry_time: !RUNSTATE_UPDATE,
            time: [10, 20, 30, 40],
        };
        assert!(!info.is_being_written());
        assert_eq!(info.entered(), u64::MAX >> 1);
        assert_eq!(info.time_in(RunState::OFFLINE), Some(40));
    }

    #[test]
    fn a_state_without_a_count_has_no_time() {
        for state in [-1, 4, i32::MIN, i32::MAX] {
            assert_eq!(VcpuRunstateInfo::ZERO.time_in(RunState::new(state)), None);
        }
    }
}
