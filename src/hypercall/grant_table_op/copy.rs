//! Copying without mapping.

use xen_public::grant_table::{GrantRef, GrantStatus};
use xen_public::native::grant_table::{gnttab_copy, gnttab_copy_ptr};
use xen_public::xen::{DomId, Gfn};

use super::super::native::{FrameWord, frame_word};
use super::batch::{Entry, UNTOUCHED, batch, entry};
use crate::hypercall::{Conduit, Result, Xen};
use crate::version::Operation;

/// Where bytes are copied from or to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CopyEnd {
    page: Page,
    offset: u16,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Page {
    Grant(DomId, GrantRef),
    Frame(FrameWord),
}

impl CopyEnd {
    /// In a page that a domain lends, `offset` bytes from its start.
    #[inline]
    #[doc(alias = "GNTCOPY_source_gref")]
    #[doc(alias = "GNTCOPY_dest_gref")]
    pub const fn grant(domain: DomId, grant: GrantRef, offset: u16) -> Self {
        Self {
            page: Page::Grant(domain, grant),
            offset,
        }
    }

    /// In a frame of the calling domain's own, `offset` bytes from its start.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`](crate::hypercall::Error::Argument) for a frame number that x86_32's word can't hold.
    #[inline]
    pub fn frame(frame: Gfn, offset: u16) -> Result<Self> {
        let call = GrantCopy::OPERATION.name();
        Ok(Self {
            page: Page::Frame(frame_word(call, "gmfn", frame.get())?),
            offset,
        })
    }

    #[inline]
    fn raw(self) -> gnttab_copy_ptr {
        let mut raw = gnttab_copy_ptr::ZERO;
        raw.offset = self.offset;
        match self.page {
            Page::Grant(domain, grant) => {
                raw.u.r#ref = grant.get();
                raw.domid = domain.get();
            }
            Page::Frame(frame) => {
                raw.u.gmfn = frame;
                raw.domid = DomId::SELF.get();
            }
        }
        raw
    }

    #[inline]
    const fn flag(self, flag: u16) -> u16 {
        match self.page {
            Page::Grant(..) => flag,
            Page::Frame(_) => 0,
        }
    }
}

/// Bytes to be copied.
#[derive(Clone, Copy)]
#[repr(transparent)]
#[doc(alias = "gnttab_copy")]
pub struct GrantCopy(gnttab_copy);

entry!(GrantCopy(gnttab_copy), GNTTABOP_copy);

impl GrantCopy {
    /// `length` bytes. Neither end crosses the end of its page.
    #[inline]
    pub fn new(source: CopyEnd, destination: CopyEnd, length: u16) -> Self {
        const SOURCE: u16 = everywhere!(u16, grant_table::GNTCOPY_source_gref);
        const DESTINATION: u16 = everywhere!(u16, grant_table::GNTCOPY_dest_gref);
        Self(gnttab_copy {
            source: source.raw(),
            dest: destination.raw(),
            len: length,
            flags: source.flag(SOURCE) | destination.flag(DESTINATION),
            status: UNTOUCHED,
            ..gnttab_copy::ZERO
        })
    }
}

/// Has Xen copy bytes between pages that are lent and pages of one's own (`GNTTABOP_copy`). Header:
/// `xen/include/public/grant_table.h`.
#[doc = gate_row!(GNTTABOP_copy)]
///
/// Where it is missing, the page can be [mapped](super::map_grant_ref) and the bytes copied; that needs an
/// address to map it at, so the caller does it.
///
/// # Errors
///
/// Those of the call as a whole: [`Error::Refused`](crate::hypercall::Error::Refused) with EFAULT, [`Error::PartialBatch`](crate::hypercall::Error::PartialBatch),
/// [`Error::Unsupported`](crate::hypercall::Error::Unsupported). Those of the entries are in them ([`Entry::check`]).
///
/// # Safety
///
/// The destinations that are the domain's own may be written: nothing relies on what is there, and
/// nothing but atomic accesses reach it meanwhile. The sources that are the domain's own may be read by
/// others.
#[doc(alias = "GNTTABOP_copy")]
#[inline]
pub unsafe fn copy(xen: &Xen<impl Conduit>, entries: &mut [GrantCopy]) -> Result<()> {
    // SAFETY: the call reads and writes the entries; what it copies the caller vouches for.
    unsafe { batch(xen, GrantCopy::OPERATION, entries) }
}
