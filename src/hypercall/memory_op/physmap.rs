//! What stands at the frames of a translated guest.

use xen_public::errno::Errno;
use xen_public::native::memory::{
    xen_add_to_physmap, xen_add_to_physmap_batch, xen_add_to_physmap_batch_extra,
    xen_remove_from_physmap,
};
use xen_public::xen::{DomId, Gfn};

use super::super::native::{FrameWord, LongWord, frame_word, long_word, readable, writable};
use super::{decrease_reservation, zero};
use crate::hypercall::{Conduit, Error, Result, Xen};
use crate::version::Operation;

/// A frame of a domain's grant table, as an index of [`Space::GrantTable`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct GrantFrame(u32);

impl GrantFrame {
    const STATUS: u32 = everywhere!(u32, memory::XENMAPIDX_grant_table_status);

    /// The frame of this number with entries. `None` for numbers that no table reaches.
    pub const fn shared(frame: u32) -> Option<Self> {
        if frame & Self::STATUS == 0 {
            Some(Self(frame))
        } else {
            None
        }
    }

    /// The frame of this number with the status words of a version 2 table.
    #[doc(alias = "XENMAPIDX_grant_table_status")]
    pub const fn status(frame: u32) -> Option<Self> {
        if frame & Self::STATUS == 0 {
            Some(Self(frame | Self::STATUS))
        } else {
            None
        }
    }

    /// The index as Xen takes it.
    pub const fn index(self) -> u32 {
        self.0
    }
}

/// What is put at a frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
#[doc(alias = "phys_map_space")]
pub enum Space {
    /// The page that Xen shares with the domain.
    #[doc(alias = "XENMAPSPACE_shared_info")]
    SharedInfo,
    /// A frame of the domain's grant table.
    #[doc(alias = "XENMAPSPACE_grant_table")]
    GrantTable(GrantFrame),
    /// A page that the domain has elsewhere; it moves.
    #[doc(alias = "XENMAPSPACE_gmfn")]
    Gmfn(Gfn),
    /// As many pages that the domain has elsewhere, in a row; they move.
    #[doc(alias = "XENMAPSPACE_gmfn_range")]
    GmfnRange {
        /// The first of them.
        first: Gfn,
        /// How many.
        size: u16,
    },
    /// A page of a device's registers, for domains that may reach them (ARM).
    #[doc(alias = "XENMAPSPACE_dev_mmio")]
    DevMmio(Gfn),
}

impl Space {
    const fn operation(self) -> Operation {
        match self {
            Self::SharedInfo => Operation::XENMAPSPACE_shared_info,
            Self::GrantTable(_) => Operation::XENMAPSPACE_grant_table,
            Self::Gmfn(_) => Operation::XENMAPSPACE_gmfn,
            Self::GmfnRange { .. } => Operation::XENMAPSPACE_gmfn_range,
            Self::DevMmio(_) => Operation::XENMAPSPACE_dev_mmio,
        }
    }

    const fn index(self) -> u64 {
        match self {
            Self::SharedInfo => 0,
            Self::GrantTable(frame) => frame.0 as u64,
            Self::Gmfn(frame) | Self::GmfnRange { first: frame, .. } | Self::DevMmio(frame) => {
                frame.get()
            }
        }
    }
}

/// Puts something at a frame of a translated guest (`XENMEM_add_to_physmap`).
///
/// `domain` is [`DomId::SELF`] or one that the caller controls; `gpfn` a frame of it, the first of
/// several for [`Space::GmfnRange`]. A page of the domain's own that stood there is freed. Header:
/// `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_add_to_physmap)]
///
/// A range becomes single moves where the release has no ranges
#[doc = gate_row!(XENMAPSPACE_gmfn_range)]
///
/// # Errors
///
/// [`Error::Refused`], such as with EINVAL for a PV guest; [`Error::Unsupported`] for a space that the
/// release does not have; [`Error::PartialBatch`] where single moves stopped within a range;
/// [`Error::Argument`] for a frame number that x86_32's word can't hold.
///
/// # Safety
///
/// Nothing relies on what stood at `gpfn` or, where pages move, at the frames they come from. What is
/// put there is memory that Xen or others write.
#[doc(alias = "XENMEM_add_to_physmap")]
#[doc(alias = "xen_add_to_physmap")]
pub unsafe fn add_to_physmap(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    space: Space,
    gpfn: Gfn,
) -> Result<()> {
    let operation = Operation::XENMEM_add_to_physmap;
    if let Err(unsupported) = xen.can(space.operation()) {
        return match space {
            // SAFETY: the caller vouches for all frames of the range.
            Space::GmfnRange { first, size } => unsafe {
                move_each(xen, domain, first, size, gpfn)
            },
            _ => Err(Error::Unsupported(unsupported)),
        };
    }
    let call = operation.name();
    let mut argument = xen_add_to_physmap {
        domid: domain.get(),
        size: match space {
            Space::GmfnRange { size, .. } => size,
            _ => 0,
        },
        space: space.operation().number(),
        idx: long_word(call, "idx", space.index())?,
        gpfn: frame_word(call, "gpfn", gpfn.get())?,
    };
    // SAFETY: the call reads the structure; what becomes of the frames the caller vouches for.
    unsafe { zero(xen, operation, &mut argument) }
}

/// A range, page by page.
///
/// # Safety
///
/// As for [`add_to_physmap`].
#[cold]
unsafe fn move_each(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    first: Gfn,
    size: u16,
    gpfn: Gfn,
) -> Result<()> {
    let call = Operation::XENMAPSPACE_gmfn_range.name();
    for page in 0..size {
        let at = |frame: Gfn, argument| {
            let sum = frame.get().checked_add(page.into());
            sum.map(Gfn::new).ok_or(Error::Argument {
                call,
                argument,
                value: frame.get(),
            })
        };
        let space = Space::Gmfn(at(first, "idx")?);
        // SAFETY: the caller vouches for all frames of the range.
        let answer = unsafe { add_to_physmap(xen, domain, space, at(gpfn, "gpfn")?) };
        answer.map_err(|error| error.after(call, page.into(), size.into()))?;
    }
    Ok(())
}

/// What a [batch](add_to_physmap_batch) puts at frames.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Batch {
    /// Frames of the grant table; each index is a [`GrantFrame::index`].
    GrantTable,
    /// Pages that the domain has elsewhere; each index is a [`Gfn`].
    Gmfn,
    /// Pages of another domain, which the caller controls; each index is a [`Gfn`] of that one.
    #[doc(alias = "XENMAPSPACE_gmfn_foreign")]
    Foreign(DomId),
    /// Pages of a device's registers (ARM); each index is a frame of them.
    DevMmio,
}

impl Batch {
    const fn operation(self) -> Operation {
        match self {
            Self::GrantTable => Operation::XENMAPSPACE_grant_table,
            Self::Gmfn => Operation::XENMAPSPACE_gmfn,
            Self::Foreign(_) => Operation::XENMAPSPACE_gmfn_foreign,
            Self::DevMmio => Operation::XENMAPSPACE_dev_mmio,
        }
    }

    fn single(self, index: LongWord) -> Option<Space> {
        let frame = Gfn::from(index);
        Some(match self {
            Self::GrantTable => Space::GrantTable(GrantFrame(u32::try_from(frame.get()).ok()?)),
            Self::Gmfn => Space::Gmfn(frame),
            Self::Foreign(_) => return None,
            Self::DevMmio => Space::DevMmio(frame),
        })
    }
}

/// How the entries of a [batch](add_to_physmap_batch) went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub struct Mapped {
    /// How many entries were refused: those whose error is not 0.
    pub refused: usize,
}

/// Puts several things at frames of a translated guest (`XENMEM_add_to_physmap_batch`).
///
/// Entry by entry what `indexes` names, in the meaning of `space`, is put at the frame in `gpfns`.
/// Xen writes 0 or a negative error number (`XEN_E*`) into `errors` for each and goes on after a
/// refusal. The three lists have the same length, at most 65535. Header: `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_add_to_physmap_batch)]
///
/// On ARM, Xen 4.3 has [`add_to_physmap_range`] under the same number; elsewhere before 4.4 each entry
/// is an [`add_to_physmap`], which can't do [`Batch::Foreign`].
///
/// # Errors
///
/// [`Error::Refused`] for the batch as a whole, with no entry carried out; [`Error::PartialBatch`] if
/// single calls ended in the middle; [`Error::Unsupported`]; [`Error::TooLong`]; [`Error::Argument`] for
/// lists of different lengths; [`Error::Nonsense`] for a positive error.
///
/// # Safety
///
/// As for [`add_to_physmap`], for each entry.
#[doc(alias = "XENMEM_add_to_physmap_batch")]
#[doc(alias = "xen_add_to_physmap_batch")]
pub unsafe fn add_to_physmap_batch(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    space: Batch,
    indexes: &[LongWord],
    gpfns: &[FrameWord],
    errors: &mut [i32],
) -> Result<Mapped> {
    let operation = Operation::XENMEM_add_to_physmap_batch;
    // SAFETY: the caller vouches for the frames.
    match unsafe { batch(xen, operation, domain, space, indexes, gpfns, errors) } {
        Err(Error::Unsupported(unsupported)) if unsupported.operation == operation => {
            if xen.can(Operation::XENMEM_add_to_physmap_range).is_ok() {
                // SAFETY: the caller vouches for the frames.
                return unsafe { add_to_physmap_range(xen, domain, space, indexes, gpfns, errors) };
            }
            if let Batch::Foreign(_) = space {
                return Err(Error::Unsupported(unsupported));
            }
            // SAFETY: the caller vouches for the frames.
            unsafe { one_by_one(xen, domain, space, indexes, gpfns, errors) }
        }
        answer => answer,
    }
}

/// The batch of ARM's Xen 4.3 (`XENMEM_add_to_physmap_range`), which
/// [`add_to_physmap_batch`] turns to by itself. Header: `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_add_to_physmap_range)]
///
/// # Errors
///
/// As [`add_to_physmap_batch`].
///
/// # Safety
///
/// As for [`add_to_physmap`], for each entry.
#[doc(alias = "XENMEM_add_to_physmap_range")]
pub unsafe fn add_to_physmap_range(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    space: Batch,
    indexes: &[LongWord],
    gpfns: &[FrameWord],
    errors: &mut [i32],
) -> Result<Mapped> {
    let operation = Operation::XENMEM_add_to_physmap_range;
    // SAFETY: the caller vouches for the frames.
    unsafe { batch(xen, operation, domain, space, indexes, gpfns, errors) }
}

fn lengths(call: &'static str, indexes: usize, gpfns: usize, errors: usize) -> Result<u16> {
    if gpfns != indexes || errors != indexes {
        return Err(Error::Argument {
            call,
            argument: "size",
            value: gpfns as u64,
        });
    }
    u16::try_from(indexes).map_err(|_| Error::TooLong {
        call,
        length: indexes,
        limit: u16::MAX.into(),
    })
}

/// # Safety
///
/// As for [`add_to_physmap`], for each entry.
unsafe fn batch(
    xen: &Xen<impl Conduit>,
    operation: Operation,
    domain: DomId,
    space: Batch,
    indexes: &[LongWord],
    gpfns: &[FrameWord],
    errors: &mut [i32],
) -> Result<Mapped> {
    let call = operation.name();
    let size = lengths(call, indexes.len(), gpfns.len(), errors.len())?;
    xen.can(operation)?;
    xen.can(space.operation())?;
    // What Xen does not reach must not look done.
    errors.fill(-Errno::EAGAIN.get());
    let mut argument = xen_add_to_physmap_batch {
        domid: domain.get(),
        space: space.operation().number() as u16,
        size,
        idxs: readable(indexes),
        gpfns: readable(gpfns),
        errs: writable(errors),
        ..xen_add_to_physmap_batch::ZERO
    };
    if let Batch::Foreign(domain) = space {
        argument.u = xen_add_to_physmap_batch_extra {
            foreign_domid: domain.get(),
        };
    }
    // SAFETY: the call reads the structure and two lists of `size` entries and writes one of as many;
    // what becomes of the frames the caller vouches for.
    unsafe { zero(xen, operation, &mut argument) }?;
    refusals(call, errors)
}

fn refusals(call: &'static str, errors: &[i32]) -> Result<Mapped> {
    let mut refused = 0;
    for &error in errors {
        match error {
            0 => {}
            error if Errno::check(error.into()).is_err() => refused += 1,
            error => {
                return Err(Error::Nonsense {
                    call,
                    answer: error as isize,
                });
            }
        }
    }
    Ok(Mapped { refused })
}

/// # Safety
///
/// As for [`add_to_physmap`], for each entry.
#[cold]
unsafe fn one_by_one(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    space: Batch,
    indexes: &[LongWord],
    gpfns: &[FrameWord],
    errors: &mut [i32],
) -> Result<Mapped> {
    let call = Operation::XENMEM_add_to_physmap_batch.name();
    let total = usize::from(lengths(call, indexes.len(), gpfns.len(), errors.len())?);
    errors.fill(-Errno::EAGAIN.get());
    for (done, ((&index, &gpfn), error)) in indexes.iter().zip(gpfns).zip(&mut *errors).enumerate()
    {
        let unfit = Error::Argument {
            call,
            argument: "idxs",
            value: Gfn::from(index).get(),
        };
        let single = space.single(index);
        let single = single.ok_or_else(|| unfit.after(call, done, total))?;
        // SAFETY: the caller vouches for each frame.
        *error = match unsafe { add_to_physmap(xen, domain, single, Gfn::from(gpfn)) } {
            Ok(()) => 0,
            Err(Error::Refused { errno, .. }) => -errno.get(),
            Err(other) => return Err(other.after(call, done, total)),
        };
    }
    refusals(call, errors)
}

/// Takes away what stands at a frame of a translated guest (`XENMEM_remove_from_physmap`).
///
/// The mapping is gone, the page lives on with whoever else has it: it undoes
/// [`add_to_physmap`]. `domain` is [`DomId::SELF`] or one that the caller controls. Header:
/// `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_remove_from_physmap)]
///
/// Before Xen 4.2 the frame is given up by [`decrease_reservation`]. **That is not the same**: the page
/// is freed, if it is the domain's own, where otherwise it only loses its place.
///
/// # Errors
///
/// [`Error::Refused`] with ENOENT where nothing stands at the frame, with EACCES for PV guests;
/// [`Error::PartialBatch`] if the older way was refused; [`Error::Argument`] for a frame number that
/// x86_32's word can't hold.
///
/// # Safety
///
/// Nothing relies on what stands at `gpfn`.
#[doc(alias = "XENMEM_remove_from_physmap")]
#[doc(alias = "xen_remove_from_physmap")]
pub unsafe fn remove_from_physmap(xen: &Xen<impl Conduit>, domain: DomId, gpfn: Gfn) -> Result<()> {
    let operation = Operation::XENMEM_remove_from_physmap;
    let frame = frame_word(operation.name(), "gpfn", gpfn.get())?;
    let mut argument = xen_remove_from_physmap {
        domid: domain.get(),
        gpfn: frame,
        ..xen_remove_from_physmap::ZERO
    };
    // SAFETY: the call reads the structure; what becomes of the frame the caller vouches for.
    match unsafe { zero(xen, operation, &mut argument) } {
        Err(Error::Unsupported(_)) => {
            // SAFETY: the caller does not rely on what stands at the frame.
            unsafe { decrease_reservation(xen, domain, 0, &[frame]) }
        }
        answer => answer,
    }
}
