//! The grant table itself: its frames, its size, its version.

use xen_public::errno::Errno;
use xen_public::grant_table::GrantStatus;
use xen_public::native::grant_table::{
    gnttab_dump_table, gnttab_get_status_frames, gnttab_get_version, gnttab_query_size,
    gnttab_set_version, gnttab_setup_table,
};
use xen_public::xen::{DomId, Gfn};

use super::super::memory_op::{GrantFrame, Space, add_to_physmap};
use super::super::native::{FrameWord, count, writable};
use crate::hypercall::xen::only_zero;
use crate::hypercall::{Conduit, Error, Result, Xen};
use crate::version::{Operation, Release};

/// The frames of every grant table in Xen 3.0.
const FIXED_FRAMES: u32 = 4;

/// The release that brought tables of other sizes.
const SIZES_CAME: Release = Release::new(3, 1, 0);

const UNTOUCHED: i16 = GrantStatus::GENERAL_ERROR.get();

/// Makes a call with one structure.
///
/// # Safety
///
/// As for [`Conduit::hypercall`]; the call reads and writes no more than `argument`, apart from what
/// handles in it name.
unsafe fn single<T>(xen: &Xen<impl Conduit>, operation: Operation, argument: &mut T) -> Result<()> {
    let address = (&raw mut *argument).expose_provenance();
    // SAFETY: the caller keeps the contract of this call, and the argument is borrowed for it.
    let answer = unsafe { xen.call(operation, [address, 1, 0, 0]) }?;
    only_zero(operation, answer)
}

fn check(operation: Operation, status: i16) -> Result<()> {
    match GrantStatus::new(status) {
        GrantStatus::OKAY => Ok(()),
        status => Err(Error::Status {
            call: operation.name(),
            status,
        }),
    }
}

/// Makes the grant table of `domain` at least as large as `frames` and tells its frames
/// (`GNTTABOP_setup_table`).
///
/// `frames` is overwritten with the first frames of the table: machine frames on a PV guest, to be
/// mapped; on a translated guest the frames where
/// [`add_to_physmap`](crate::hypercall::memory_op::add_to_physmap) has put them, which is what to call
/// there. `domain` is [`DomId::SELF`] or, for a privileged caller, another. Header:
/// `xen/include/public/grant_table.h`.
#[doc = gate_row!(GNTTABOP_setup_table)]
///
/// # Errors
///
/// [`Error::Status`] with `general_error` for more frames than the table may have ([`query_size`]), with
/// `permission_denied` or `bad_domain`; [`Error::Refused`]; [`Error::Unsupported`].
#[doc(alias = "GNTTABOP_setup_table")]
#[doc(alias = "gnttab_setup_table")]
pub fn setup_table(xen: &Xen<impl Conduit>, domain: DomId, frames: &mut [FrameWord]) -> Result<()> {
    let operation = Operation::GNTTABOP_setup_table;
    let mut argument = gnttab_setup_table {
        dom: domain.get(),
        nr_frames: count(operation.name(), frames.len())?,
        status: UNTOUCHED,
        frame_list: writable(frames),
        ..gnttab_setup_table::ZERO
    };
    // SAFETY: the call reads and writes the structure and writes no more entries of `frames` than there
    // are.
    unsafe { single(xen, operation, &mut argument) }?;
    check(operation, argument.status)
}

/// Has Xen print a grant table on its console (`GNTTABOP_dump_table`), in Xen 3.0.0 only. Header:
/// `xen/include/public/grant_table.h`.
#[doc = gate_row!(GNTTABOP_dump_table)]
///
/// # Errors
///
/// [`Error::Unsupported`] everywhere else; [`Error::Status`] for a domain that is not there.
#[doc(alias = "GNTTABOP_dump_table")]
#[doc(alias = "gnttab_dump_table")]
pub fn dump_table(xen: &Xen<impl Conduit>, domain: DomId) -> Result<()> {
    let operation = Operation::GNTTABOP_dump_table;
    let mut argument = gnttab_dump_table {
        dom: domain.get(),
        status: UNTOUCHED,
    };
    // SAFETY: the call reads and writes the structure.
    unsafe { single(xen, operation, &mut argument) }?;
    check(operation, argument.status)
}

/// The size of a grant table, in frames.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[doc(alias = "gnttab_query_size")]
pub struct TableSize {
    /// How many it has.
    pub current: u32,
    /// How many it can have.
    pub max: u32,
}

/// Asks for the size of a grant table (`GNTTABOP_query_size`). `domain` is [`DomId::SELF`] or, for a
/// privileged caller, another. Header: `xen/include/public/grant_table.h`.
#[doc = gate_row!(GNTTABOP_query_size)]
///
/// Before Xen 3.1 every table has 4 frames, which is the answer there.
///
/// # Errors
///
/// [`Error::Status`] with `permission_denied` or `bad_domain`; [`Error::Nonsense`] for a table larger
/// than it can be; [`Error::Unsupported`].
#[doc(alias = "GNTTABOP_query_size")]
pub fn query_size(xen: &Xen<impl Conduit>, domain: DomId) -> Result<TableSize> {
    let operation = Operation::GNTTABOP_query_size;
    let mut argument = gnttab_query_size {
        dom: domain.get(),
        status: UNTOUCHED,
        ..gnttab_query_size::ZERO
    };
    // SAFETY: the call reads and writes the structure.
    match unsafe { single(xen, operation, &mut argument) } {
        Err(Error::Unsupported(_))
            if xen.release().before(SIZES_CAME)
                && xen.can(Operation::GNTTABOP_setup_table).is_ok() =>
        {
            return Ok(TableSize {
                current: FIXED_FRAMES,
                max: FIXED_FRAMES,
            });
        }
        answer => answer?,
    }
    check(operation, argument.status)?;
    let (current, max) = (argument.nr_frames, argument.max_nr_frames);
    if current > max {
        return Err(Error::Nonsense {
            call: operation.name(),
            answer: current as isize,
        });
    }
    Ok(TableSize { current, max })
}

/// Sets the version of the domain's own grant table (`GNTTABOP_set_version`), 1 or 2, which decides what
/// its entries look like. The table is emptied, but for its first eight entries. Header:
/// `xen/include/public/grant_table.h`.
#[doc = gate_row!(GNTTABOP_set_version)]
///
/// # Errors
///
/// [`Error::Refused`] with EBUSY while an entry is in use, with EINVAL for another number;
/// [`Error::Unsupported`] or [`Error::Refused`] with ENOSYS where Xen does not let this domain have
/// version 2 (as on ARM). [`best_version`] goes on with 1 there. [`Error::Nonsense`] if Xen says that
/// the version is another now.
///
/// # Safety
///
/// The grant table's frames are read and written by this domain in the form of the new version from now
/// on, and no entry after the first eight is relied on.
#[doc(alias = "GNTTABOP_set_version")]
#[doc(alias = "gnttab_set_version")]
pub unsafe fn set_version(xen: &Xen<impl Conduit>, version: u32) -> Result<()> {
    let operation = Operation::GNTTABOP_set_version;
    let mut argument = gnttab_set_version { version };
    // SAFETY: the call reads and writes the structure; the table's entries the caller vouches for.
    unsafe { single(xen, operation, &mut argument) }?;
    if argument.version != version {
        return Err(Error::Nonsense {
            call: operation.name(),
            answer: argument.version as isize,
        });
    }
    Ok(())
}

/// The version of a domain's grant table (`GNTTABOP_get_version`). `domain` is [`DomId::SELF`] or, for a
/// privileged caller, another. Header: `xen/include/public/grant_table.h`.
#[doc = gate_row!(GNTTABOP_get_version)]
///
/// Where no release lets this kind of guest set a version, it is 1. Where a version can be set but not
/// asked for (HVM before Xen 4.2), it is what the caller has set, and this is [`Error::Unsupported`].
///
/// # Errors
///
/// [`Error::Refused`] with ESRCH or EPERM; [`Error::Nonsense`] for a version that is none;
/// [`Error::Unsupported`].
#[doc(alias = "GNTTABOP_get_version")]
#[doc(alias = "gnttab_get_version")]
pub fn get_version(xen: &Xen<impl Conduit>, domain: DomId) -> Result<u32> {
    let operation = Operation::GNTTABOP_get_version;
    let mut argument = gnttab_get_version {
        dom: domain.get(),
        ..gnttab_get_version::ZERO
    };
    // SAFETY: the call reads and writes the structure.
    match unsafe { single(xen, operation, &mut argument) } {
        Err(Error::Unsupported(_))
            if xen.can(Operation::GNTTABOP_set_version).is_err()
                && xen.can(Operation::GNTTABOP_setup_table).is_ok() =>
        {
            Ok(1)
        }
        Ok(()) if matches!(argument.version, 1 | 2) => Ok(argument.version),
        // A table that was never used has none yet, and starts as 1.
        Ok(()) if argument.version == 0 => Ok(1),
        Ok(()) => Err(Error::Nonsense {
            call: operation.name(),
            answer: argument.version as isize,
        }),
        Err(error) => Err(error),
    }
}

/// Gives the domain's own grant table the best version that there is up to `maximum`, and says which it
/// is: 2 where `maximum` is 2 or more and Xen lets this domain have it, else 1.
#[doc = gate_row!(GNTTABOP_set_version)]
///
/// # Errors
///
/// [`Error::Refused`] with EBUSY while an entry is in use; other errors that don't mean that version 2 is
/// absent; [`Error::Argument`] for a maximum of 0.
///
/// # Safety
///
/// As for [`set_version`].
pub unsafe fn best_version(xen: &Xen<impl Conduit>, maximum: u32) -> Result<u32> {
    let operation = Operation::GNTTABOP_set_version;
    if maximum == 0 {
        return Err(Error::Argument {
            call: operation.name(),
            argument: "version",
            value: 0,
        });
    }
    if maximum >= 2 {
        // SAFETY: the caller vouches for the table's entries.
        match unsafe { set_version(xen, 2) } {
            Ok(()) => return Ok(2),
            Err(Error::Unsupported(_)) => return Ok(1),
            // The call is there: this is what it says where version 1 is all that may be had.
            Err(Error::Refused { errno, .. }) if errno == Errno::ENOSYS => {}
            Err(error) => return Err(error),
        }
    }
    // A kernel that ran before may have left the other version.
    // SAFETY: the caller vouches for the table's entries.
    match unsafe { set_version(xen, 1) } {
        Ok(()) | Err(Error::Unsupported(_)) => Ok(1),
        Err(Error::Refused { errno, .. }) if errno == Errno::ENOSYS => Ok(1),
        Err(error) => Err(error),
    }
}

/// The frames with the status words of a version 2 grant table (`GNTTABOP_get_status_frames`).
///
/// `frames` is overwritten with the first of them: 64-bit words on every ABI, machine frames of a PV
/// guest. `domain` is [`DomId::SELF`] or, for a privileged caller, another. Header:
/// `xen/include/public/grant_table.h`.
#[doc = gate_row!(GNTTABOP_get_status_frames)]
///
/// x86 HVM guests never have it: [`status_frames_by_physmap`] is their way, which needs frames to put
/// them at.
///
/// # Errors
///
/// [`Error::Status`] with `general_error` for more frames than there are; [`Error::Unsupported`].
#[doc(alias = "GNTTABOP_get_status_frames")]
#[doc(alias = "gnttab_get_status_frames")]
pub fn get_status_frames(xen: &Xen<impl Conduit>, domain: DomId, frames: &mut [u64]) -> Result<()> {
    let operation = Operation::GNTTABOP_get_status_frames;
    let mut argument = gnttab_get_status_frames {
        nr_frames: count(operation.name(), frames.len())?,
        dom: domain.get(),
        status: UNTOUCHED,
        ..gnttab_get_status_frames::ZERO
    };
    argument.frame_list = writable(frames);
    // SAFETY: the call reads and writes the structure and writes no more entries of `frames` than there
    // are.
    unsafe { single(xen, operation, &mut argument) }?;
    check(operation, argument.status)
}

/// Puts the frames with the status words of the domain's own version 2 grant table at frames of a
/// translated guest: frame `first` and those after it at `places`
/// (`XENMEM_add_to_physmap` with `XENMAPIDX_grant_table_status`), where
/// [`get_status_frames`] is not to be had. Header: `xen/include/public/memory.h`.
#[doc = gate_row!(XENMAPSPACE_grant_table)]
///
/// # Errors
///
/// As [`add_to_physmap`](crate::hypercall::memory_op::add_to_physmap); [`Error::PartialBatch`] after the
/// first frame.
///
/// # Safety
///
/// As for [`add_to_physmap`](crate::hypercall::memory_op::add_to_physmap).
#[doc(alias = "XENMAPIDX_grant_table_status")]
pub unsafe fn status_frames_by_physmap(
    xen: &Xen<impl Conduit>,
    first: u32,
    places: &[Gfn],
) -> Result<()> {
    let call = Operation::XENMEM_add_to_physmap.name();
    for (done, &place) in places.iter().enumerate() {
        let number = u32::try_from(done)
            .ok()
            .and_then(|done| first.checked_add(done))
            .and_then(GrantFrame::status)
            .ok_or(Error::Argument {
                call,
                argument: "idx",
                value: u64::from(first),
            })?;
        // SAFETY: the caller vouches for all places.
        let answer = unsafe { add_to_physmap(xen, DomId::SELF, Space::GrantTable(number), place) };
        answer.map_err(|error| error.after(call, done, places.len()))?;
    }
    Ok(())
}
