//! Entries of the grant table, as the guest writes them.
#![allow(unsafe_code)]

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU16, AtomicU32, Ordering};

use xen_abi::hypercall::memory_op::FrameWord;
use xen_abi::xen_public::grant_table::GrantRef;
use xen_abi::xen_public::xen::DomId;

use crate::machine::Page;

/// A frame's number, as wide as there are.
// It is as wide already where the ABI is not x86_32's.
#[allow(clippy::unnecessary_cast)]
pub(super) const fn wide(frame: FrameWord) -> u64 {
    frame as u64
}

/// Domain 0, by its number: grants are not mapped by any other name.
pub(super) const OWN: DomId = DomId::new(0);
/// What an entry says: access is allowed.
const PERMIT_ACCESS: u16 = 1;
/// Access is for reading only.
pub(super) const FOR_READING: u16 = 1 << 2;
/// What an entry says besides: a page is awaited; it came; a part of a page is lent; what another domain
/// has lent is passed on.
const ACCEPT_TRANSFER: u16 = 2;
const TRANSFER_COMPLETED: u16 = 1 << 3;
const SUB_PAGE: u16 = 1 << 8;
const TRANSITIVE: u16 = 3;
/// Somebody reads, or writes.
const IN_USE: u16 = 0b11 << 3;

/// The table's first frame, and where version 2 has its status words.
#[derive(Clone, Copy)]
pub(super) struct Table {
    /// The frame, which is mapped.
    pub(super) entries: NonNull<Page>,
    /// The first frame with status words, which version 2 has.
    pub(super) status: Option<NonNull<Page>>,
}

impl Table {
    fn half(page: NonNull<Page>, offset: usize) -> &'static AtomicU16 {
        debug_assert!(offset < size_of::<Page>());
        // SAFETY: the offset is within the page.
        let word = unsafe { page.cast::<u8>().add(offset) }.cast::<u16>();
        // SAFETY: the page stays mapped as long as the table is used, offsets are multiples of 2, and
        // Xen and the program reach what is shared by atomics only.
        unsafe { AtomicU16::from_ptr(word.as_ptr()) }
    }

    fn word(page: NonNull<Page>, offset: usize) -> &'static AtomicU32 {
        debug_assert!(offset < size_of::<Page>());
        // SAFETY: the offset is within the page.
        let word = unsafe { page.cast::<u8>().add(offset) }.cast::<u32>();
        // SAFETY: as in `half`, with multiples of 4.
        unsafe { AtomicU32::from_ptr(word.as_ptr()) }
    }

    /// Where the entry of a reference is.
    fn offset(&self, grant: GrantRef) -> usize {
        grant.get() as usize * if self.status.is_some() { 16 } else { 8 }
    }

    /// Lends a frame to domain 0.
    pub(super) fn lend(&self, grant: GrantRef, frame: u64, flags: u16) {
        let offset = self.offset(grant);
        if self.status.is_some() {
            let high = (frame >> 32) as u32;
            Self::word(self.entries, offset + 8).store(frame as u32, Ordering::Relaxed);
            Self::word(self.entries, offset + 12).store(high, Ordering::Relaxed);
        } else {
            Self::word(self.entries, offset + 4).store(frame as u32, Ordering::Relaxed);
        }
        Self::half(self.entries, offset + 2).store(OWN.get(), Ordering::Relaxed);
        Self::half(self.entries, offset).store(PERMIT_ACCESS | flags, Ordering::Release);
    }

    /// Lends a part of a frame to domain 0, in version 2: offset and length.
    pub(super) fn lend_part(&self, grant: GrantRef, frame: u64, (from, length): (u16, u16)) {
        let offset = self.offset(grant);
        Self::half(self.entries, offset + 4).store(from, Ordering::Relaxed);
        Self::half(self.entries, offset + 6).store(length, Ordering::Relaxed);
        self.lend(grant, frame, SUB_PAGE);
    }

    /// Passes on to domain 0 what domain 0 has lent as `lent`, in version 2.
    pub(super) fn pass_on(&self, grant: GrantRef, lent: GrantRef) {
        let offset = self.offset(grant);
        Self::half(self.entries, offset + 2).store(OWN.get(), Ordering::Relaxed);
        Self::half(self.entries, offset + 4).store(OWN.get(), Ordering::Relaxed);
        Self::word(self.entries, offset + 8).store(lent.get(), Ordering::Relaxed);
        Self::half(self.entries, offset).store(TRANSITIVE, Ordering::Release);
    }

    /// Awaits a page of domain 0's, in version 1.
    pub(super) fn accept(&self, grant: GrantRef, page: u64) {
        let offset = self.offset(grant);
        Self::word(self.entries, offset + 4).store(page as u32, Ordering::Relaxed);
        Self::half(self.entries, offset + 2).store(OWN.get(), Ordering::Relaxed);
        Self::half(self.entries, offset).store(ACCEPT_TRANSFER, Ordering::Release);
    }

    /// The frame of a page that was awaited and came, in version 1.
    pub(super) fn transferred(&self, grant: GrantRef) -> Option<u64> {
        let offset = self.offset(grant);
        let flags = Self::half(self.entries, offset).load(Ordering::Acquire);
        let frame = Self::word(self.entries, offset + 4).load(Ordering::Relaxed);
        (flags & TRANSFER_COMPLETED != 0).then_some(frame.into())
    }

    /// Takes back what was lent.
    pub(super) fn revoke(&self, grant: GrantRef) {
        Self::half(self.entries, self.offset(grant)).store(0, Ordering::Release);
    }

    /// Whether somebody uses what was lent.
    pub(super) fn in_use(&self, grant: GrantRef) -> bool {
        let word = match self.status {
            Some(status) => Self::half(status, grant.get() as usize * 2),
            None => Self::half(self.entries, self.offset(grant)),
        };
        word.load(Ordering::Acquire) & IN_USE != 0
    }
}
