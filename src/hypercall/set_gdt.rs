//! `HYPERVISOR_set_gdt`: a PV guest's global descriptor table (`xen/include/public/xen.h`).
//!
//! [`set`] names the frames that hold the table's entries, 512 in each. Xen checks their entries,
//! and from then on the guest may only read them: it changes an entry by
//! [`update_descriptor`](super::update_descriptor). The last 1024 of the 8192 places in the table
//! are Xen's own.
#![allow(unsafe_code)]

use xen_public::native::arch_x86::xen::{
    FIRST_RESERVED_GDT_ENTRY, FIRST_RESERVED_GDT_PAGE, xen_ulong_t,
};
use xen_public::xen::Mfn;

use super::xen::only_zero;
use super::{Conduit, Error, Result, Xen};
use crate::version::Operation;

const OPERATION: Operation = Operation::__HYPERVISOR_set_gdt;

/// How many entries a frame has: 4096 bytes by 8.
pub const ENTRIES_PER_FRAME: usize = 512;

/// How many entries a guest's table can have.
#[doc(alias = "FIRST_RESERVED_GDT_ENTRY")]
pub const MAX_ENTRIES: usize = FIRST_RESERVED_GDT_ENTRY as usize;

const MAX_FRAMES: usize = FIRST_RESERVED_GDT_PAGE as usize;
const _: () = assert!(MAX_FRAMES * ENTRIES_PER_FRAME == MAX_ENTRIES);

/// Sets the global descriptor table of the processor that makes the call: its machine frames in
/// order, and how many entries they hold together (`HYPERVISOR_set_gdt`). No entries are no table.
///
/// For any PV guest. Header: `xen/include/public/xen.h`.
#[doc = gate_row!(__HYPERVISOR_set_gdt)]
///
/// # Errors
///
/// [`Error::TooLong`] for more than [`MAX_ENTRIES`]; [`Error::Argument`] where the number of frames
/// is not that which the entries need, and on x86_32 for a frame of more than 32 bits: nothing is
/// sent. [`Error::Refused`] with EINVAL for a frame that is not the guest's, that it has mapped
/// writable, or with a descriptor that gives too much.
///
/// # Safety
///
/// Segment registers that are loaded from the table afterwards, at the latest when Xen returns to
/// this guest, get descriptors that fit the code that uses them.
#[doc(alias = "HYPERVISOR_set_gdt")]
pub unsafe fn set(xen: &Xen<impl Conduit>, frames: &[Mfn], entries: usize) -> Result<()> {
    let call = OPERATION.name();
    if entries > MAX_ENTRIES {
        return Err(Error::TooLong {
            call,
            length: entries,
            limit: MAX_ENTRIES,
        });
    }
    if frames.len() != entries.div_ceil(ENTRIES_PER_FRAME) {
        return Err(Error::Argument {
            call,
            argument: "frame_list",
            value: frames.len() as u64,
        });
    }
    let mut list: [xen_ulong_t; MAX_FRAMES] = [0; MAX_FRAMES];
    for (to, from) in list.iter_mut().zip(frames) {
        *to = xen_ulong_t::try_from(from.get()).map_err(|_| Error::Argument {
            call,
            argument: "frame_list",
            value: from.get(),
        })?;
    }
    let address = (&raw const list).expose_provenance();
    // SAFETY: the call reads a number for every 512 entries, of which there are no more than `list`
    // has; the caller vouches for the descriptors.
    let answer = unsafe { xen.call_plain(OPERATION, [address, entries, 0, 0, 0]) }?;
    only_zero(OPERATION, answer)
}
