//! Words of Xen's trace buffers (`xen/include/public/trace.h`).
//!
//! Xen writes trace records into pages shared with the toolstack. A record starts
//! with one 32-bit header: bits 0 to 27 say which event it is, bits 28 to 30 how
//! many extra 32-bit words follow, and bit 31 whether a 64-bit cycle counter stands
//! between the two. [`trc_hd_to_event`], [`trc_hd_extra`] and
//! [`trc_hd_includes_cycle_count`] take it apart. [`trc_sched_class_evt`] builds the
//! event number of one scheduler's own event, and [`trc_pv_hypercall_v2_arg_32`] and
//! [`trc_pv_hypercall_v2_arg_64`] the marks in a hypercall record's first word.

use crate::abi::x86_64::trace as c;

const EVENT: u32 = 0x0fff_ffff;
const SCHED_ID: u32 = c::TRC_SCHED_ID_MASK as u32;
const HYPERCALL_ARGS: u32 = 6;
const HYPERCALL_ARG_SHIFT: u32 = 20;

/// The event of a record with this header: class, subclass and number (`TRC_*`).
#[doc(alias = "TRC_HD_TO_EVENT")]
pub const fn trc_hd_to_event(header: u32) -> u32 {
    header & EVENT
}

/// Whether a 64-bit cycle counter, low word first, follows the header.
#[doc(alias = "TRC_HD_INCLUDES_CYCLE_COUNT")]
pub const fn trc_hd_includes_cycle_count(header: u32) -> bool {
    header & c::TRC_HD_CYCLE_FLAG as u32 != 0
}

/// How many extra 32-bit words the record has, 0 to 7; the cycle counter does not count.
#[doc(alias = "TRC_HD_EXTRA")]
pub const fn trc_hd_extra(header: u32) -> u32 {
    header >> c::TRACE_EXTRA_SHIFT & c::TRACE_EXTRA_MAX as u32
}

/// The event number of a scheduler's own event.
///
/// `scheduler` is one of the `TRC_SCHED_*` scheduler numbers (`TRC_SCHED_CSCHED`,
/// `TRC_SCHED_CSCHED2`, ...; only its low three bits count), `event` that
/// scheduler's number, 0 to 511. Larger numbers run into the class, as they do in C.
///
/// ```
/// // Event 1 of the second credit scheduler.
/// assert_eq!(xen_public::trace::trc_sched_class_evt(1, 1), 0x2_2201);
/// ```
#[doc(alias = "TRC_SCHED_CLASS_EVT")]
pub const fn trc_sched_class_evt(scheduler: u32, event: u32) -> u32 {
    let id = scheduler << c::TRC_SCHED_ID_SHIFT & SCHED_ID;
    (c::TRC_SCHED_CLASS as u32 | id).wrapping_add(event & !SCHED_ID)
}

/// The mark, in the first extra word of a `TRC_PV_HYPERCALL_V2` record, that says
/// argument `index` (0 to 5) is there with 32 bits. A hypercall has no other
/// arguments: `None`.
#[doc(alias = "TRC_PV_HYPERCALL_V2_ARG_32")]
pub const fn trc_pv_hypercall_v2_arg_32(index: u32) -> Option<u32> {
    hypercall_arg(0b01, index)
}

/// The mark, in the first extra word of a `TRC_PV_HYPERCALL_V2` record, that says
/// argument `index` (0 to 5) is there with 64 bits, low word first. A hypercall
/// has no other arguments: `None`.
#[doc(alias = "TRC_PV_HYPERCALL_V2_ARG_64")]
pub const fn trc_pv_hypercall_v2_arg_64(index: u32) -> Option<u32> {
    hypercall_arg(0b10, index)
}

const fn hypercall_arg(width: u32, index: u32) -> Option<u32> {
    if index < HYPERCALL_ARGS {
        Some(width << (HYPERCALL_ARG_SHIFT + 2 * index))
    } else {
        None
    }
}
