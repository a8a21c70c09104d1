//! The operations that take batches.

use xen_public::grant_table::{GrantHandle, GrantRef, GrantStatus};
use xen_public::native::grant_table::{
    gnttab_cache_flush, gnttab_map_grant_ref, gnttab_swap_grant_ref, gnttab_transfer,
    gnttab_unmap_and_replace, gnttab_unmap_grant_ref,
};
use xen_public::xen::{DomId, Mfn};

use super::super::native::frame_word;
use crate::hypercall::{Conduit, Error, Result, Xen};
use crate::version::Operation;

/// As many entries as every release takes in one call.
const AT_ONCE: usize = 512;

pub(super) const UNTOUCHED: i16 = GrantStatus::GENERAL_ERROR.get();

/// Makes a call with a batch.
///
/// # Safety
///
/// As for [`Conduit::hypercall`]; the call reads and writes no more than the entries.
#[inline(always)]
pub(super) unsafe fn batch<T>(
    xen: &Xen<impl Conduit>,
    operation: Operation,
    entries: &mut [T],
) -> Result<()> {
    let address = entries.as_mut_ptr().expose_provenance();
    let rest = [address, entries.len(), 0, 0];
    // 0 for 1 to 512 entries, and never for more or none: known to the compiler where the length is.
    let hindrance = entries.len().wrapping_sub(1) / AT_ONCE;
    // SAFETY: the caller keeps the contract of this call, and the entries are borrowed for it.
    match unsafe { xen.attempt_done(operation, hindrance, rest) } {
        Ok(()) => Ok(()),
        // SAFETY: the same.
        Err(0) if hindrance != 0 => unsafe { in_parts(xen, operation, entries) },
        Err(answer) => Err(xen.undone(operation, answer)),
    }
}

/// A batch that is too long, or empty.
///
/// # Safety
///
/// As for [`batch`].
#[cold]
#[inline(never)]
unsafe fn in_parts<T>(
    xen: &Xen<impl Conduit>,
    operation: Operation,
    entries: &mut [T],
) -> Result<()> {
    if entries.is_empty() {
        let address = entries.as_mut_ptr().expose_provenance();
        // SAFETY: the caller keeps the contract of this call.
        return unsafe { xen.call_done(operation, [address, 0, 0, 0]) };
    }
    let (mut done, total) = (0, entries.len());
    for part in entries.chunks_mut(AT_ONCE) {
        // SAFETY: the caller keeps the contract of this call.
        let answer = unsafe { batch(xen, operation, part) };
        answer.map_err(|error| error.after(operation.name(), done, total))?;
        done += part.len();
    }
    Ok(())
}

pub(super) mod sealed {
    pub trait Sealed {}
}

/// An entry of a batch, with the status that Xen leaves in it.
pub trait Entry: sealed::Sealed + Sized {
    /// The operation that it is an entry of.
    const OPERATION: Operation;

    /// What Xen said of it; a failure before the call.
    fn status(&self) -> GrantStatus;

    /// `Ok` if Xen carried the entry out.
    ///
    /// # Errors
    ///
    /// [`Error::Status`] with what Xen said.
    fn check(&self) -> Result<()> {
        // Above zero there is no status either.
        match self.status() {
            GrantStatus::OKAY => Ok(()),
            status => Err(Error::Status {
                call: Self::OPERATION.name(),
                status,
            }),
        }
    }
}

macro_rules! entry {
    ($name:ident($raw:ident), $operation:ident) => {
        impl $crate::hypercall::grant_table_op::batch::sealed::Sealed for $name {}

        impl Entry for $name {
            const OPERATION: Operation = Operation::$operation;

            #[inline]
            fn status(&self) -> GrantStatus {
                GrantStatus::new(self.0.status)
            }
        }

        impl $name {
            /// The structure as Xen reads it.
            pub const fn as_raw(&self) -> &$raw {
                &self.0
            }
        }

        impl ::core::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("status", &self.status())
                    .finish_non_exhaustive()
            }
        }
    };
}
pub(super) use entry;

/// What a mapping is for (`GNTMAP_`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct MapFlags(u32);

impl MapFlags {
    /// For processors: a mapping of the guest itself. The address of the [entry](MapGrant) says where.
    #[doc(alias = "GNTMAP_host_map")]
    pub const HOST: Self = Self(everywhere!(u32, grant_table::GNTMAP_host_map));
    /// For devices: Xen answers with the address to give them.
    #[doc(alias = "GNTMAP_device_map")]
    pub const DEVICE: Self = Self(everywhere!(u32, grant_table::GNTMAP_device_map));
    /// Only to be read.
    #[doc(alias = "GNTMAP_readonly")]
    pub const READONLY: Self = Self(everywhere!(u32, grant_table::GNTMAP_readonly));
    /// With [`HOST`](Self::HOST) on a PV guest: for the application that runs too.
    #[doc(alias = "GNTMAP_application_map")]
    pub const APPLICATION: Self = Self(everywhere!(u32, grant_table::GNTMAP_application_map));
    /// With [`HOST`](Self::HOST) on a PV guest: the address is that of a page table entry in the
    /// machine, not a virtual one.
    #[doc(alias = "GNTMAP_contains_pte")]
    pub const CONTAINS_PTE: Self = Self(everywhere!(u32, grant_table::GNTMAP_contains_pte));

    /// The word as Xen takes it, whatever it holds, such as available bits for the page table entry
    /// (`GNTMAP_guest_avail_mask`, with `XENFEAT_gnttab_map_avail_bits`).
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The word as Xen takes it.
    pub const fn bits(self) -> u32 {
        self.0
    }
}

impl core::ops::BitOr for MapFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A page to be mapped.
#[derive(Clone, Copy)]
#[repr(transparent)]
#[doc(alias = "gnttab_map_grant_ref")]
pub struct MapGrant(gnttab_map_grant_ref);

entry!(MapGrant(gnttab_map_grant_ref), GNTTABOP_map_grant_ref);

/// A page that was mapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub struct Mapping {
    /// What names the mapping when it is undone.
    pub handle: GrantHandle,
    /// The address for devices, if [`MapFlags::DEVICE`] asked for one.
    pub dev_bus_addr: u64,
}

impl MapGrant {
    /// The page that `domain` lends under `grant`, to be mapped at `host_addr`: a virtual address of a
    /// PV guest (or a [page table entry's](MapFlags::CONTAINS_PTE)), the address of a frame of a
    /// translated one, where no memory stands.
    ///
    /// `domain` is a number, not [`DomId::SELF`].
    #[inline]
    pub const fn new(domain: DomId, grant: GrantRef, flags: MapFlags, host_addr: u64) -> Self {
        Self(gnttab_map_grant_ref {
            host_addr,
            flags: flags.0,
            r#ref: grant.get(),
            dom: domain.get(),
            status: UNTOUCHED,
            ..gnttab_map_grant_ref::ZERO
        })
    }

    /// The mapping, once the call was made.
    ///
    /// # Errors
    ///
    /// [`Error::Status`] with what Xen said.
    pub fn mapping(&self) -> Result<Mapping> {
        self.check()?;
        Ok(Mapping {
            handle: GrantHandle::new(self.0.handle),
            dev_bus_addr: self.0.dev_bus_addr,
        })
    }
}

/// Maps pages that other domains lend (`GNTTABOP_map_grant_ref`). Header:
/// `xen/include/public/grant_table.h`.
#[doc = gate_row!(GNTTABOP_map_grant_ref)]
///
/// # Errors
///
/// Those of the call as a whole: [`Error::Refused`] with EFAULT or EPERM, [`Error::PartialBatch`],
/// [`Error::Unsupported`]. Those of the entries are in them: [`MapGrant::mapping`].
///
/// # Safety
///
/// Nothing relies on what stood at the addresses. What is mapped is memory that another domain writes:
/// it is only reached as such, until it is [unmapped](unmap_grant_ref). An x86 HVM or PVH guest that maps
/// a page which it lends to itself loses the page at its own frame, which has to be populated again.
#[doc(alias = "GNTTABOP_map_grant_ref")]
pub unsafe fn map_grant_ref(xen: &Xen<impl Conduit>, entries: &mut [MapGrant]) -> Result<()> {
    // SAFETY: the call reads and writes the entries; what it maps the caller vouches for.
    unsafe { batch(xen, MapGrant::OPERATION, entries) }
}

/// A mapping to be undone.
#[derive(Clone, Copy)]
#[repr(transparent)]
#[doc(alias = "gnttab_unmap_grant_ref")]
pub struct UnmapGrant(gnttab_unmap_grant_ref);

entry!(UnmapGrant(gnttab_unmap_grant_ref), GNTTABOP_unmap_grant_ref);

impl UnmapGrant {
    /// The mapping of this handle, at the address it was made at. An address of 0 leaves that side
    /// alone.
    #[inline]
    pub const fn new(handle: GrantHandle, host_addr: u64, dev_bus_addr: u64) -> Self {
        Self(gnttab_unmap_grant_ref {
            host_addr,
            dev_bus_addr,
            handle: handle.get(),
            status: UNTOUCHED,
            ..gnttab_unmap_grant_ref::ZERO
        })
    }
}

/// Undoes mappings (`GNTTABOP_unmap_grant_ref`). After the call no processor and no device reaches the
/// pages by them, whatever they had cached. Header: `xen/include/public/grant_table.h`.
#[doc = gate_row!(GNTTABOP_unmap_grant_ref)]
///
/// # Errors
///
/// As [`map_grant_ref`]; those of the entries are in them ([`Entry::check`]).
///
/// # Safety
///
/// Nothing uses the mappings any more, and the addresses are those of the handles' mappings.
#[doc(alias = "GNTTABOP_unmap_grant_ref")]
pub unsafe fn unmap_grant_ref(xen: &Xen<impl Conduit>, entries: &mut [UnmapGrant]) -> Result<()> {
    // SAFETY: the call reads and writes the entries; what it unmaps the caller vouches for.
    unsafe { batch(xen, UnmapGrant::OPERATION, entries) }
}

/// A mapping to be undone, and what takes its place.
#[derive(Clone, Copy)]
#[repr(transparent)]
#[doc(alias = "gnttab_unmap_and_replace")]
pub struct UnmapAndReplace(gnttab_unmap_and_replace);

entry!(
    UnmapAndReplace(gnttab_unmap_and_replace),
    GNTTABOP_unmap_and_replace
);

impl UnmapAndReplace {
    /// The mapping of this handle at `host_addr`, replaced by what is mapped at `new_addr`, which loses
    /// it.
    #[inline]
    pub const fn new(handle: GrantHandle, host_addr: u64, new_addr: u64) -> Self {
        Self(gnttab_unmap_and_replace {
            host_addr,
            new_addr,
            handle: handle.get(),
            status: UNTOUCHED,
            ..gnttab_unmap_and_replace::ZERO
        })
    }
}

/// Undoes mappings of a PV guest and puts others in their place, in one step
/// (`GNTTABOP_unmap_and_replace`). Header: `xen/include/public/grant_table.h`.
#[doc = gate_row!(GNTTABOP_unmap_and_replace)]
///
/// Where it is missing, [`unmap_grant_ref`] and then `HYPERVISOR_update_va_mapping` do the same in two
/// steps, between which the address has no mapping; that is the caller's choice to make.
///
/// # Errors
///
/// As [`unmap_grant_ref`].
///
/// # Safety
///
/// As for [`unmap_grant_ref`]; nothing relies on what is mapped at the new addresses.
#[doc(alias = "GNTTABOP_unmap_and_replace")]
pub unsafe fn unmap_and_replace(
    xen: &Xen<impl Conduit>,
    entries: &mut [UnmapAndReplace],
) -> Result<()> {
    // SAFETY: the call reads and writes the entries; what it unmaps the caller vouches for.
    unsafe { batch(xen, UnmapAndReplace::OPERATION, entries) }
}

/// A page to be given away.
#[derive(Clone, Copy)]
#[repr(transparent)]
#[doc(alias = "gnttab_transfer")]
pub struct TransferFrame(gnttab_transfer);

entry!(TransferFrame(gnttab_transfer), GNTTABOP_transfer);

impl TransferFrame {
    /// The page of this machine frame, to the domain of this number, which said by its entry `grant` that
    /// it takes one.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] for a frame number that x86_32's word can't hold.
    pub fn new(frame: Mfn, domain: DomId, grant: GrantRef) -> Result<Self> {
        let call = Self::OPERATION.name();
        Ok(Self(gnttab_transfer {
            mfn: frame_word(call, "mfn", frame.get())?,
            domid: domain.get(),
            r#ref: grant.get(),
            status: UNTOUCHED,
            ..gnttab_transfer::ZERO
        }))
    }
}

/// Gives pages of a PV guest away (`GNTTABOP_transfer`). Header: `xen/include/public/grant_table.h`.
#[doc = gate_row!(GNTTABOP_transfer)]
///
/// Where it is missing, the bytes can go by [`copy()`](super::copy()), into pages that the other domain has.
///
/// # Errors
///
/// As [`map_grant_ref`]. **An entry that failed has lost its page all the same**, unless its status is
/// [`GrantStatus::BAD_PAGE`].
///
/// # Safety
///
/// As for [`decrease_reservation`](crate::hypercall::memory_op::decrease_reservation): nothing uses the
/// pages.
#[doc(alias = "GNTTABOP_transfer")]
pub unsafe fn transfer(xen: &Xen<impl Conduit>, entries: &mut [TransferFrame]) -> Result<()> {
    // SAFETY: the call reads and writes the entries; the pages the caller has no use for.
    unsafe { batch(xen, TransferFrame::OPERATION, entries) }
}

/// Two entries of the domain's own table to be swapped.
#[derive(Clone, Copy)]
#[repr(transparent)]
#[doc(alias = "gnttab_swap_grant_ref")]
pub struct SwapGrants(gnttab_swap_grant_ref);

entry!(SwapGrants(gnttab_swap_grant_ref), GNTTABOP_swap_grant_ref);

impl SwapGrants {
    /// These two.
    #[inline]
    pub const fn new(one: GrantRef, other: GrantRef) -> Self {
        Self(gnttab_swap_grant_ref {
            ref_a: one.get(),
            ref_b: other.get(),
            status: UNTOUCHED,
            ..gnttab_swap_grant_ref::ZERO
        })
    }
}

/// Swaps the contents of entries of the domain's own table (`GNTTABOP_swap_grant_ref`), which nobody has
/// in use. Header: `xen/include/public/grant_table.h`.
#[doc = gate_row!(GNTTABOP_swap_grant_ref)]
///
/// Before Xen 4.2 a domain can swap entries that nobody uses by writing to its table, which this crate
/// does not hold.
///
/// # Errors
///
/// As [`map_grant_ref`]; those of the entries are in them ([`Entry::check`]): `eagain` while one is in use.
#[doc(alias = "GNTTABOP_swap_grant_ref")]
pub fn swap_grant_ref(xen: &Xen<impl Conduit>, entries: &mut [SwapGrants]) -> Result<()> {
    // SAFETY: the call reads and writes the entries, and the grant table, which is shared with Xen and
    // reached as such. It lends no page that was not lent.
    unsafe { batch(xen, SwapGrants::OPERATION, entries) }
}

/// Part of a page whose data caches are to be brought in line with memory.
#[derive(Clone, Copy)]
#[repr(transparent)]
#[doc(alias = "gnttab_cache_flush")]
pub struct CacheFlush(gnttab_cache_flush);

impl CacheFlush {
    /// Write back what is newer in the caches.
    #[doc(alias = "GNTTAB_CACHE_CLEAN")]
    pub const CLEAN: u32 = everywhere!(u32, grant_table::GNTTAB_CACHE_CLEAN);
    /// Throw away what the caches hold. With [`CLEAN`](Self::CLEAN): after writing it back.
    #[doc(alias = "GNTTAB_CACHE_INVAL")]
    pub const INVAL: u32 = everywhere!(u32, grant_table::GNTTAB_CACHE_INVAL);

    /// `length` bytes from `offset` on of a page that was granted, by its address for devices; what to
    /// do is [`CLEAN`](Self::CLEAN), [`INVAL`](Self::INVAL) or both.
    pub const fn bus_address(page: u64, offset: u16, length: u16, what: u32) -> Self {
        let mut raw = gnttab_cache_flush::ZERO;
        raw.a.dev_bus_addr = page;
        Self::with(raw, offset, length, what)
    }

    /// The same by the number of the grant. The headers have it; no release of Xen carries it out.
    #[doc(alias = "GNTTAB_CACHE_SOURCE_GREF")]
    pub const fn grant(grant: GrantRef, offset: u16, length: u16, what: u32) -> Self {
        const BY_GRANT: u32 = everywhere!(u32, grant_table::GNTTAB_CACHE_SOURCE_GREF);
        let mut raw = gnttab_cache_flush::ZERO;
        raw.a.r#ref = grant.get();
        Self::with(raw, offset, length, what | BY_GRANT)
    }

    const fn with(mut raw: gnttab_cache_flush, offset: u16, length: u16, what: u32) -> Self {
        raw.offset = offset;
        raw.length = length;
        raw.op = what;
        Self(raw)
    }

    /// The structure as Xen reads it.
    pub const fn as_raw(&self) -> &gnttab_cache_flush {
        &self.0
    }
}

/// Brings data caches in line with memory for parts of pages that were granted
/// (`GNTTABOP_cache_flush`), on ARM, before and after devices that don't look into the caches. Entries
/// have no status: the call ends at the first one that Xen refuses. Header:
/// `xen/include/public/grant_table.h`.
#[doc = gate_row!(GNTTABOP_cache_flush)]
///
/// # Errors
///
/// [`Error::Refused`] with EINVAL for a part that is no part of a page or another word than these two,
/// with EPERM for a page that was not granted, with EOPNOTSUPP; which entry it was is not said.
///
/// # Safety
///
/// Throwing away what the caches hold without writing it back loses what was written: nothing relies on
/// it.
#[doc(alias = "GNTTABOP_cache_flush")]
pub unsafe fn cache_flush(xen: &Xen<impl Conduit>, entries: &mut [CacheFlush]) -> Result<()> {
    // SAFETY: the call reads the entries; what is lost the caller vouches for.
    unsafe { batch(xen, Operation::GNTTABOP_cache_flush, entries) }
}

/// Repeats those entries of a batch whose status is [`GrantStatus::EAGAIN`], at most `attempts` times,
/// each time after `pause(attempt)`, which lets time pass (yields, sleeps). The result is how many still
/// have that status.
///
/// # Errors
///
/// As the operation's own function.
///
/// # Safety
///
/// As for the operation's own function.
pub unsafe fn retry<E: Entry>(
    xen: &Xen<impl Conduit>,
    entries: &mut [E],
    attempts: u32,
    mut pause: impl FnMut(u32),
) -> Result<usize> {
    let waiting = |entry: &E| entry.status() == GrantStatus::EAGAIN;
    for attempt in 0..attempts {
        if !entries.iter().any(waiting) {
            return Ok(0);
        }
        pause(attempt);
        for entry in entries.iter_mut().filter(|entry| waiting(entry)) {
            let one = core::slice::from_mut(entry);
            // SAFETY: the caller keeps the contract of the operation.
            unsafe { batch(xen, E::OPERATION, one) }?;
        }
    }
    Ok(entries.iter().filter(|entry| waiting(entry)).count())
}
