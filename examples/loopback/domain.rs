//! What a hypervisor gives two domains that share a device, simulated: pages, grants and events.
//!
//! A frontend owns a [`Domain`] of pages and grants some of them; a backend maps what was granted,
//! and nothing else. Both then see the same memory through a [`Mapping`], as two domains would.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::fmt;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use xen_abi::ring::{Mapping, Notify, SharedMemory};
use xen_public::grant_table::GrantRef;

/// The bytes of a page.
pub(crate) const PAGE: usize = 4096;

/// The pages of a domain. Page `n` is granted by reference `n + FIRST_GRANT`.
#[derive(Debug)]
pub(crate) struct Domain {
    base: NonNull<u8>,
    granted: Vec<AtomicBool>,
}

/// The first references are reserved in a real grant table, too.
const FIRST_GRANT: u32 = 8;

// SAFETY: the pages are only accessed through mappings, whose accesses are atomic; the rest of the
// fields may be shared as they are.
unsafe impl Send for Domain {}
// SAFETY: as above.
unsafe impl Sync for Domain {}

impl Domain {
    /// A domain with zeroed pages.
    pub(crate) fn new(pages: usize) -> Self {
        let layout = Self::layout(pages);
        // SAFETY: the size is not zero.
        let base = unsafe { alloc_zeroed(layout) };
        let Some(base) = NonNull::new(base) else {
            handle_alloc_error(layout)
        };
        Self {
            base,
            granted: (0..pages).map(|_| AtomicBool::new(false)).collect(),
        }
    }

    fn layout(pages: usize) -> Layout {
        assert!(pages > 0, "a domain has at least one page");
        Layout::array::<[u8; PAGE]>(pages)
            .and_then(|layout| layout.align_to(PAGE))
            .expect("the pages fit into the address space")
    }

    /// The domain's own view of `count` pages from page `first`.
    pub(crate) fn own(&self, first: usize, count: usize) -> Mapping {
        let end = first.checked_add(count);
        assert!(end.is_some_and(|end| end <= self.granted.len()));
        // SAFETY: the pages lie in the domain's, as just asserted.
        let at = unsafe { self.base.add(first * PAGE) };
        // SAFETY: the pages live as long as the domain, and every thread that has a mapping of them
        // has the domain too (the scope of threads in `run` sees to it). Nothing accesses them but
        // mappings, and both ends of a ring use the same widths at the same place.
        unsafe { Mapping::new(at, count * PAGE) }.expect("pages are aligned")
    }

    /// Lets the backend map a page.
    pub(crate) fn grant(&self, page: usize) -> GrantRef {
        self.granted[page].store(true, Ordering::Release);
        GrantRef::new(FIRST_GRANT + u32::try_from(page).expect("a domain has few pages"))
    }

    /// What the hypervisor does for a backend: maps granted pages side by side.
    pub(crate) fn map(&self, grants: &[GrantRef]) -> Result<Mapping, BadGrant> {
        let bad = |grant: &GrantRef| BadGrant(grant.get());
        let (Some(first), count) = (grants.first(), grants.len()) else {
            return Err(BadGrant(0));
        };
        for (at, grant) in grants.iter().enumerate() {
            let page = grant.get().checked_sub(FIRST_GRANT).ok_or(bad(grant))?;
            let granted = self.granted.get(page as usize).ok_or(bad(grant))?;
            // Without page tables of our own, only neighbours can be mapped as neighbours.
            if !granted.load(Ordering::Acquire) || grant.get() - first.get() != at as u32 {
                return Err(bad(grant));
            }
        }
        Ok(self.own((first.get() - FIRST_GRANT) as usize, count))
    }
}

impl Drop for Domain {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with the same layout; no mapping is left.
        unsafe { dealloc(self.base.as_ptr(), Self::layout(self.granted.len())) };
    }
}

/// A reference that grants nothing.
#[derive(Debug)]
pub(crate) struct BadGrant(u32);

impl fmt::Display for BadGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "grant reference {} maps no page", self.0)
    }
}

impl std::error::Error for BadGrant {}

/// One direction of an event channel: a flag that stays set until somebody waits for it.
#[derive(Debug, Default)]
pub(crate) struct Event {
    pending: Mutex<bool>,
    raised: Condvar,
    sent: AtomicU64,
    suppressed: AtomicU64,
}

/// How long the other end may take. A flush of many GiB takes minutes on a slow disk.
const PATIENCE: Duration = Duration::from_secs(600);

/// No event came for so long that none will.
#[derive(Debug)]
pub(crate) struct Lost;

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no event for ten minutes, with requests on the ring")
    }
}

impl std::error::Error for Lost {}

impl Event {
    /// Sends an event, if the ring says that one is needed, and counts either way.
    pub(crate) fn notify(&self, notify: Notify) {
        if notify.is_needed() {
            self.sent.fetch_add(1, Ordering::Relaxed);
            self.send();
        } else {
            self.suppressed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sends an event.
    pub(crate) fn send(&self) {
        *self.pending.lock().unwrap() = true;
        self.raised.notify_one();
    }

    /// Waits for an event.
    pub(crate) fn wait(&self) -> Result<(), Lost> {
        let (mut pending, waited) = self
            .raised
            .wait_timeout_while(self.pending.lock().unwrap(), PATIENCE, |pending| !*pending)
            .unwrap();
        if waited.timed_out() {
            return Err(Lost);
        }
        *pending = false;
        Ok(())
    }

    /// How many events were sent, and how many were not needed.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (
            self.sent.load(Ordering::Relaxed),
            self.suppressed.load(Ordering::Relaxed),
        )
    }
}

/// Copies out of shared pages. What is read may change at any time; what was copied does not.
pub(crate) fn read(pages: &Mapping, offset: usize, to: &mut [u8]) {
    check(pages, offset, to.len());
    // SAFETY: the range lies in the mapping, as just checked.
    unsafe { pages.read_bytes(offset, to) }
}

/// Copies into shared pages.
pub(crate) fn write(pages: &Mapping, offset: usize, from: &[u8]) {
    check(pages, offset, from.len());
    // SAFETY: the range lies in the mapping, as just checked.
    unsafe { pages.write_bytes(offset, from) }
}

fn check(pages: &Mapping, offset: usize, count: usize) {
    let end = offset.checked_add(count);
    assert!(
        end.is_some_and(|end| end <= pages.len()),
        "{count} bytes at {offset} of {}",
        pages.len()
    );
}
