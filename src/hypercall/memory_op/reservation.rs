//! Growing and shrinking what a domain has.

use core::fmt;

use xen_public::memory::{xenmemf_get_address_bits, xenmemf_node};
use xen_public::native::memory::{xen_memory_exchange, xen_memory_reservation};
use xen_public::native::xen::mmu_update;
use xen_public::xen::DomId;

use super::super::native::{FrameWord, LongWord, readable, wide, writable};
use super::long;
use crate::hypercall::{Cause, Conduit, Error, Result, Unsupported, Why, Xen};
use crate::version::{Guest, Operation, Release, Span};

/// Xen puts the place where it was interrupted into the upper bits of the sub-op, so that a batch
/// can't be longer than this; it would answer that nothing was done.
const LONGEST: usize = (u32::MAX >> 6) as usize;

/// The release before which the word held nothing but address bits.
const FLAGS_CAME: Release = Release::new(3, 3, 0);

/// What memory to take for a reservation (`XENMEMF_`): the flags of `mem_flags`.
///
/// ```
/// use xen_abi::hypercall::memory_op::MemFlags;
///
/// let low = MemFlags::ANY.address_bits(32).exact_node(1);
/// assert_eq!(low.bits(), 0x2_0220);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
#[doc(alias = "mem_flags")]
pub struct MemFlags(u32);

impl MemFlags {
    /// Any memory.
    pub const ANY: Self = Self(0);

    /// Populate on demand: nothing is allocated until the guest touches it. For
    /// [`populate_physmap`](super::populate_physmap) of an x86 HVM guest that is being built.
    #[doc(alias = "XENMEMF_populate_on_demand")]
    pub const POPULATE_ON_DEMAND: Self = Self(everywhere!(u32, memory::XENMEMF_populate_on_demand));

    const EXACT: u32 = everywhere!(u32, memory::XENMEMF_exact_node_request);
    const VNODE: u32 = everywhere!(u32, memory::XENMEMF_vnode);

    /// The word as Xen takes it, whatever it holds.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The word as Xen takes it.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The same, and machine addresses of no more than this many bits (0: any).
    #[must_use]
    #[doc(alias = "XENMEMF_address_bits")]
    pub const fn address_bits(self, bits: u8) -> Self {
        Self(self.0 & !0xff | bits as u32)
    }

    /// The same, rather from this NUMA node, 0 to 254; 255 stands for any.
    #[must_use]
    #[doc(alias = "XENMEMF_node")]
    pub const fn node(self, node: u8) -> Self {
        Self(self.0 & !(0xff00 | Self::EXACT) | xenmemf_node(node as u32) & 0xff00)
    }

    /// The same, from this NUMA node, 0 to 254, and no other.
    #[must_use]
    #[doc(alias = "XENMEMF_exact_node")]
    #[doc(alias = "XENMEMF_exact_node_request")]
    pub const fn exact_node(self, node: u8) -> Self {
        Self(self.node(node).0 | Self::EXACT)
    }

    /// The same, where the node is one of the domain's virtual nodes.
    #[must_use]
    #[doc(alias = "XENMEMF_vnode")]
    pub const fn virtual_node(self) -> Self {
        Self(self.0 | Self::VNODE)
    }

    /// The same without anything but the address width, which every release knows: what to ask for
    /// where [`Error::Unsupported`] came back for the other flags and they may as well be ignored.
    #[must_use]
    #[doc(alias = "XENMEMF_get_address_bits")]
    pub const fn only_address_bits(self) -> Self {
        Self(xenmemf_get_address_bits(self.0))
    }

    /// The word for the running release, or what it can't do.
    ///
    /// Before Xen 3.3 there was a number of bits in this word and nothing else: a flag there would be
    /// taken for a number too large to matter, so it must not be sent.
    fn word<C>(self, xen: &Xen<C>) -> Result<u32> {
        for (flag, operation) in [
            (
                Self::POPULATE_ON_DEMAND.0,
                Operation::XENMEMF_populate_on_demand,
            ),
            (Self::EXACT, Operation::XENMEMF_exact_node_request),
            (Self::VNODE, Operation::XENMEMF_vnode),
        ] {
            if self.0 & flag != 0 {
                xen.can(operation)?;
            }
        }
        if self != self.only_address_bits() && xen.release().before(FLAGS_CAME) {
            return Err(Error::Unsupported(Unsupported {
                // The table has no row for the node; the flag that demands one is the nearest.
                operation: Operation::XENMEMF_exact_node_request,
                why: Why::Release {
                    running: xen.release(),
                    guest: xen.guest(),
                    span: Span {
                        first: FLAGS_CAME,
                        end: None,
                    },
                },
            }));
        }
        Ok(self.0)
    }
}

/// `MemFlags(0x10220)`
impl fmt::Debug for MemFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemFlags({:#x})", self.0)
    }
}

/// The size of every extent of a batch: `2^order` pages, aligned to as many.
///
/// Xen allows unprivileged domains small orders only (up to 9 for most, by its command line).
fn reservation(
    operation: Operation,
    domain: DomId,
    order: u32,
    flags: u32,
    frames: &mut [FrameWord],
) -> Result<xen_memory_reservation> {
    if frames.len() > LONGEST {
        return Err(Error::TooLong {
            call: operation.name(),
            length: frames.len(),
            limit: LONGEST,
        });
    }
    Ok(xen_memory_reservation {
        extent_start: writable(frames),
        nr_extents: frames.len() as LongWord,
        extent_order: order,
        mem_flags: flags,
        domid: domain.get(),
        ..xen_memory_reservation::ZERO
    })
}

/// What a count of extents means.
fn all_of(operation: Operation, done: usize, total: usize) -> Result<()> {
    let call = operation.name();
    if done == total {
        Ok(())
    } else if done < total {
        Err(Error::PartialBatch {
            call,
            done,
            total,
            cause: None,
        })
    } else {
        Err(Error::Nonsense {
            call,
            answer: done as isize,
        })
    }
}

/// Takes memory from Xen without a place in the domain's order (`XENMEM_increase_reservation`).
///
/// Each entry of `frames` is overwritten with the machine frame ([`Mfn`](xen_public::xen::Mfn)) of an
/// extent of `2^order` pages, for PV guests as for translated ones. A PV guest then enters them in its
/// tables; for a translated guest [`populate_physmap`] is the call to make. `domain` is
/// [`DomId::SELF`], or one that the caller controls. Header: `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_increase_reservation)]
///
/// # Errors
///
/// [`Error::PartialBatch`] with how many entries were written, where Xen has no more or allows no more;
/// [`Error::Unsupported`] for [`flags`](MemFlags) that the release does not have; [`Error::TooLong`].
#[doc(alias = "XENMEM_increase_reservation")]
pub fn increase_reservation(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    order: u32,
    flags: MemFlags,
    frames: &mut [FrameWord],
) -> Result<()> {
    let operation = Operation::XENMEM_increase_reservation;
    xen.can(operation)?;
    let flags = flags.word(xen)?;
    let mut argument = reservation(operation, domain, order, flags, frames)?;
    // SAFETY: the call reads the structure and writes no more entries of `frames` than there are.
    let done = unsafe { long(xen, operation, &mut argument) }?;
    all_of(operation, done, frames.len())
}

/// Gives memory back to Xen (`XENMEM_decrease_reservation`).
///
/// Each entry of `frames` is the first [`Gfn`](xen_public::xen::Gfn) of an extent of `2^order` pages.
/// The entries are read only. Header: `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_decrease_reservation)]
///
/// # Errors
///
/// [`Error::PartialBatch`]: the entries before `done` are gone, the one at it is what Xen did not
/// accept (not the domain's, mapped by somebody, of a PV guest still in use as a page table).
///
/// # Safety
///
/// The pages are gone, and what was in them: nothing may use them any more, neither this domain's
/// processors nor devices nor Xen nor a domain that they were granted to. On a PV guest no page table
/// maps them.
#[doc(alias = "XENMEM_decrease_reservation")]
pub unsafe fn decrease_reservation(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    order: u32,
    frames: &[FrameWord],
) -> Result<()> {
    let operation = Operation::XENMEM_decrease_reservation;
    if frames.len() > LONGEST {
        return Err(Error::TooLong {
            call: operation.name(),
            length: frames.len(),
            limit: LONGEST,
        });
    }
    let mut argument = xen_memory_reservation {
        extent_start: readable(frames),
        nr_extents: frames.len() as LongWord,
        extent_order: order,
        domid: domain.get(),
        ..xen_memory_reservation::ZERO
    };
    // SAFETY: the call reads the structure and the list; what it takes away the caller vouches for.
    let done = unsafe { long(xen, operation, &mut argument) }?;
    all_of(operation, done, frames.len())
}

/// Puts memory where the domain has none (`XENMEM_populate_physmap`).
///
/// Each entry of `frames` is the first [`Pfn`](xen_public::xen::Pfn) of an extent of `2^order` pages
/// that is to be filled. It is overwritten with the extent's first [`Gfn`](xen_public::xen::Gfn): the
/// machine frame on a PV guest, which Xen has entered in the machine-to-physical table as this
/// pseudo-physical frame; the same number again on a translated one. Header:
/// `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_populate_physmap)]
///
/// Before Xen 3.0.2 a PV guest gets the same by [`increase_reservation`] for each extent and an update
/// of the machine-to-physical table (`HYPERVISOR_mmu_update`) for each page, made here.
///
/// # Errors
///
/// As [`increase_reservation`].
///
/// # Safety
///
/// On a translated guest what stood at these frames is replaced: nothing relies on it.
#[doc(alias = "XENMEM_populate_physmap")]
pub unsafe fn populate_physmap(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    order: u32,
    flags: MemFlags,
    frames: &mut [FrameWord],
) -> Result<()> {
    let operation = Operation::XENMEM_populate_physmap;
    let word = flags.word(xen)?;
    let mut argument = reservation(operation, domain, order, word, frames)?;
    // SAFETY: the call reads the structure and writes no more entries of `frames` than there are; what
    // it replaces the caller vouches for.
    match unsafe { long(xen, operation, &mut argument) } {
        Ok(done) => all_of(operation, done, frames.len()),
        Err(Error::Unsupported(_)) if xen.guest() == Guest::Pv && domain == DomId::SELF => {
            populate_by_increase(xen, order, flags, frames)
        }
        Err(error) => Err(error),
    }
}

/// The largest order of an extent: no release gives more than 4 GiB in one.
const LARGEST: u32 = 20;

/// What [`populate_physmap`] does on a PV guest, for the oldest releases.
#[cold]
fn populate_by_increase(
    xen: &Xen<impl Conduit>,
    order: u32,
    flags: MemFlags,
    frames: &mut [FrameWord],
) -> Result<()> {
    let call = Operation::XENMEM_populate_physmap.name();
    if order > LARGEST {
        return Err(Error::Argument {
            call,
            argument: "extent_order",
            value: order.into(),
        });
    }
    let total = frames.len();
    let broken_off = |done, error: Error| match (done, error) {
        (1.., _) | (_, Error::Refused { .. } | Error::PartialBatch { .. }) => Error::PartialBatch {
            call,
            done,
            total,
            cause: Cause::of(error),
        },
        _ => error,
    };
    for (done, entry) in frames.iter_mut().enumerate() {
        let first = *entry;
        let mut machine = [0];
        increase_reservation(xen, DomId::SELF, order, flags, &mut machine)
            .map_err(|error| broken_off(done, error))?;
        let [machine] = machine;
        // What Xen gave is the domain's own now, so it is kept whatever becomes of the table.
        *entry = machine;
        enter(xen, machine, first, order).map_err(|error| broken_off(done, error))?;
    }
    Ok(())
}

/// The frames of an extent that begins at `first`, if the numbers of all of them have no more than `bits`
/// bits. `order` is no larger than [`LARGEST`].
fn pages(first: FrameWord, order: u32, bits: u32) -> Option<core::ops::RangeInclusive<u64>> {
    let last = wide(first).checked_add((1 << order) - 1)?;
    (last <= u64::MAX >> (64 - bits)).then_some(wide(first)..=last)
}

/// Enters an extent in the machine-to-physical table.
fn enter(xen: &Xen<impl Conduit>, machine: FrameWord, first: FrameWord, order: u32) -> Result<()> {
    const MACHPHYS_UPDATE: u64 = everywhere!(u64, xen::MMU_MACHPHYS_UPDATE);
    let operation = Operation::__HYPERVISOR_mmu_update;
    let call = Operation::XENMEM_populate_physmap.name();
    let machine_pages = pages(machine, order, 52).ok_or(Error::Nonsense {
        call,
        answer: machine as isize,
    })?;
    let physical_pages = pages(first, order, 64).ok_or(Error::Argument {
        call,
        argument: "extent_start",
        value: wide(first),
    })?;
    for (machine, physical) in machine_pages.zip(physical_pages) {
        let mut update = mmu_update {
            ptr: machine << 12 | MACHPHYS_UPDATE,
            val: physical,
        };
        let address = (&raw mut update).expose_provenance();
        let arguments = [address, 1, 0, usize::from(DomId::SELF.get()), 0];
        // SAFETY: the call reads one update, whose kind changes only the entry of a page that Xen has
        // just given to this domain and nobody uses yet.
        let answer = unsafe { xen.call_plain(operation, arguments) }?;
        super::only_zero(operation, answer)?;
    }
    Ok(())
}

/// One side of an [`exchange`].
#[derive(Debug)]
pub struct Extents<'a> {
    /// Each extent has `2^order` pages.
    pub order: u32,
    /// What memory to take; means nothing on the side that is given away.
    pub flags: MemFlags,
    /// The first frame of each extent.
    pub frames: &'a mut [FrameWord],
}

/// Exchanges memory for other memory, in one step (`XENMEM_exchange`).
///
/// `give` lists what the domain gives away ([`Gfn`](xen_public::xen::Gfn)s). `take` lists where the new
/// memory goes in the domain's order ([`Pfn`](xen_public::xen::Pfn)s), and is overwritten with its
/// machine frames. Both sides have the same number of pages. It is what a PV guest uses to get memory
/// that is contiguous or low in the machine. `domain` is [`DomId::SELF`] or one that the caller
/// controls. Header: `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_exchange)]
///
/// # Errors
///
/// [`Error::PartialBatch`] with how many extents of `give` were exchanged and Xen's reason; the
/// corresponding first entries of `take.frames` hold the new frames. [`Error::Refused`] where none was.
/// [`Error::Argument`] for sides of different sizes. [`Error::Unsupported`] for flags that the release
/// does not have.
///
/// # Safety
///
/// As for [`decrease_reservation`] with what is given away.
#[doc(alias = "XENMEM_exchange")]
#[doc(alias = "xen_memory_exchange")]
pub unsafe fn exchange(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    give: Extents<'_>,
    take: Extents<'_>,
) -> Result<()> {
    let operation = Operation::XENMEM_exchange;
    xen.can(operation)?;
    let call = operation.name();
    let pages = |side: &Extents<'_>| {
        u64::try_from(side.frames.len())
            .ok()
            .zip(1u64.checked_shl(side.order))
            .and_then(|(extents, each)| extents.checked_mul(each))
    };
    if pages(&give).is_none() || pages(&give) != pages(&take) {
        return Err(Error::Argument {
            call,
            argument: "out.nr_extents",
            value: take.frames.len() as u64,
        });
    }
    let total = give.frames.len();
    let flags = take.flags.word(xen)?;
    let mut argument = xen_memory_exchange {
        r#in: reservation(operation, domain, give.order, 0, give.frames)?,
        out: reservation(operation, domain, take.order, flags, take.frames)?,
        nr_exchanged: 0,
    };
    // SAFETY: the call reads the structure and both lists, and writes the second list and a count in
    // the structure; what it takes away the caller vouches for.
    let answer = unsafe { super::zero(xen, operation, &mut argument) };
    let done = argument.nr_exchanged;
    match (answer, usize::try_from(done)) {
        (Ok(()), Ok(done)) if done == total => Ok(()),
        (Err(error), Ok(done)) if done == 0 || done < total => Err(error.after(call, done, total)),
        _ => Err(Error::Nonsense {
            call,
            answer: done as isize,
        }),
    }
}
