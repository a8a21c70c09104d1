//! `grant_table_op`: a page lent to the domain itself, mapped, copied and taken back, in both versions of
//! the table, and what Xen refuses.
#![allow(unsafe_code)]

use core::cell::Cell;
use core::ptr::NonNull;

use xen_abi::hypercall::grant_table_op::{
    self, CopyEnd, Entry, MapFlags, MapGrant, SwapGrants, UnmapAndReplace, UnmapGrant,
};
use xen_abi::hypercall::memory_op::{self, FrameWord, GrantFrame, MemFlags, Space};
use xen_abi::hypercall::{Errno, Error, Result};
use xen_abi::version::{Guest, Operation};
use xen_abi::xen_public::grant_table::{GrantHandle, GrantRef, GrantStatus};
use xen_abi::xen_public::xen::{DomId, Gfn, PAGE_SHIFT};

use super::entries::{FOR_READING, OWN, Table, wide};
use super::memory::{mark, marked};
use super::{Outcome, Program};
use crate::machine::{Machine, Page, Window};

/// A domain that there is not.
pub(super) const NOBODY: DomId = DomId::new(0x7abc);
/// The window of the table's first frame.
const TABLE: usize = 3;
/// The window that grants are mapped in.
pub(super) const MAPPED: usize = 4;
/// The window of a page that takes a grant's place.
pub(super) const OTHER: usize = 5;
/// The window of the first frame with status words.
const STATUS: usize = 6;
/// The references that are used, and one that is in no table.
pub(super) const FIRST: GrantRef = GrantRef::FIRST_UNRESERVED;
pub(super) const SECOND: GrantRef = GrantRef::new(FIRST.get() + 1);
pub(super) const READONLY: GrantRef = GrantRef::new(FIRST.get() + 2);
pub(super) const NONE: GrantRef = GrantRef::new(0x7fff_ff00);

/// The status that a call came to.
fn status(result: Result<()>) -> Result<GrantStatus> {
    match result {
        Ok(()) => Ok(GrantStatus::OKAY),
        Err(Error::Status { status, .. }) => Ok(status),
        Err(error) => Err(error),
    }
}

/// The pages that are lent, and that others are copied to and from.
pub(super) struct Pages {
    pub(super) lent: Cell<NonNull<Page>>,
    pub(super) frame: u64,
    pub(super) source: NonNull<Page>,
    pub(super) target: NonNull<Page>,
}

impl<M: Machine> Program<'_, '_, M> {
    /// All of `grant_table_op` that does no damage.
    pub fn grants(&mut self) {
        let Some(entries) = self.table() else {
            return;
        };
        let pages = [(); 3].map(|()| self.machine().page());
        let [Some(lent), Some(source), Some(target)] = pages else {
            self.report()
                .fail(format_args!("no pages are left for grants"));
            return;
        };
        let pages = Pages {
            lent: Cell::new(lent),
            frame: self.gfn(lent),
            source,
            target,
        };
        let table = Table {
            entries,
            status: None,
        };
        self.version(1);
        self.lend_and_take_back(table, &pages);
        self.transfer(table);
        self.second_version(table, &pages);
        self.version(1);
        self.copies(table, &pages);
        table.revoke(FIRST);
    }

    pub(super) fn gfn(&self, page: NonNull<Page>) -> u64 {
        self.machine().frame(page.addr().get())
    }

    /// Puts a frame, or nothing, into a window of a PV guest.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn put(&mut self, window: Window, frame: Option<u64>) {
        use xen_abi::hypercall::update_va_mapping::{self, Flush, Processors};
        /// Present, writable, accessed, dirty.
        const FLAGS: u64 = 0x63;
        let entry = frame.map_or(0, |frame| frame << PAGE_SHIFT | FLAGS);
        let flush = Flush::Address(Processors::Local);
        let _ = self.run(Operation::__HYPERVISOR_update_va_mapping, |xen| {
            // SAFETY: the window is for nobody else's use, and nobody has a reference to what was
            // there.
            unsafe { update_va_mapping::update(xen, window.address, entry, flush) }
        });
    }

    #[cfg(not(target_arch = "x86_64"))]
    pub(super) fn put(&mut self, window: Window, frame: Option<u64>) {
        self.report().fail(format_args!(
            "no PV guest on this processor, to put {frame:?} into {window:?}"
        ));
    }

    /// The table's first frame, in its window.
    fn table(&mut self) -> Option<NonNull<Page>> {
        let query = Operation::GNTTABOP_query_size;
        let size = self.run_or_known(query, &[], |xen| {
            grant_table_op::query_size(xen, DomId::SELF)
        });
        let size = size.done()?;
        self.report().say(format_args!(
            "grant table: {} frames of {}",
            size.current, size.max
        ));
        self.check(query, size.max > 0, format_args!("{size:?}"));
        if self.xen().can(query).is_ok() {
            let nobody = self.run(query, |xen| {
                status(grant_table_op::query_size(xen, NOBODY).map(drop))
            });
            self.is(query, nobody, GrantStatus::BAD_DOMAIN, "of nobody");
        }
        let mut frames = [0; 1];
        let setup = Operation::GNTTABOP_setup_table;
        let set_up = self.run_alone(setup, &[], |xen| {
            grant_table_op::setup_table(xen, DomId::SELF, &mut frames)
        });
        let window = self.machine().window(TABLE)?;
        match window.frame {
            None => {
                set_up.done()?;
                self.put(window, Some(wide(frames[0])));
            }
            Some(frame) => {
                let space = Space::GrantTable(GrantFrame::shared(0)?);
                self.in_window(space, frame)?;
            }
        }
        self.machine().behind(window)
    }

    /// Puts a frame of the grant table into a window of a translated guest.
    pub(super) fn in_window(&mut self, space: Space, frame: u64) -> Option<()> {
        self.run(Operation::XENMAPSPACE_grant_table, |xen| {
            // SAFETY: the window is empty.
            unsafe { memory_op::add_to_physmap(xen, DomId::SELF, space, Gfn::new(frame)) }
        })
        .done()
    }

    /// A status is the one that was expected, wherever the operation is there.
    pub(super) fn is(
        &mut self,
        operation: Operation,
        outcome: Outcome<GrantStatus>,
        expected: GrantStatus,
        what: &str,
    ) {
        self.check(
            operation,
            matches!(outcome, Outcome::Not) || outcome == Outcome::Done(expected),
            format_args!("{what}: {outcome:?}, not {expected:?}"),
        );
    }

    fn version(&mut self, expected: u32) {
        let operation = Operation::GNTTABOP_get_version;
        let version = self.run_or_known(operation, &[], |xen| {
            grant_table_op::get_version(xen, DomId::SELF)
        });
        self.check(
            operation,
            version.done().is_none_or(|version| version == expected),
            format_args!("{version:?}, not {expected}"),
        );
    }

    /// Maps a grant; its handle, or the status.
    pub(super) fn map_grant(
        &mut self,
        domain: DomId,
        grant: GrantRef,
        flags: MapFlags,
    ) -> Outcome<core::result::Result<GrantHandle, GrantStatus>> {
        let address = self
            .machine()
            .window(MAPPED)
            .map_or(0, |window| window.address);
        self.run(Operation::GNTTABOP_map_grant_ref, |xen| {
            let mut entry = [MapGrant::new(domain, grant, flags, address as u64)];
            // SAFETY: the window is empty, and the page is the program's own.
            unsafe { grant_table_op::map_grant_ref(xen, &mut entry) }?;
            Ok(match entry[0].mapping() {
                Ok(mapping) => Ok(mapping.handle),
                Err(_) => Err(entry[0].status()),
            })
        })
    }

    pub(super) fn unmap_grant(&mut self, handle: GrantHandle) -> Outcome<GrantStatus> {
        let address = self
            .machine()
            .window(MAPPED)
            .map_or(0, |window| window.address);
        self.run(Operation::GNTTABOP_unmap_grant_ref, |xen| {
            let mut entry = [UnmapGrant::new(handle, address as u64, 0)];
            // SAFETY: nobody uses the window any more.
            unsafe { grant_table_op::unmap_grant_ref(xen, &mut entry) }?;
            Ok(entry[0].status())
        })
    }

    /// Mapping a grant is refused with a status.
    fn unmappable(&mut self, domain: DomId, grant: GrantRef, expected: GrantStatus, what: &str) {
        let mapped = match self.map_grant(domain, grant, MapFlags::HOST) {
            Outcome::Done(Ok(handle)) => {
                let _ = self.unmap_grant(handle);
                Outcome::Done(GrantStatus::OKAY)
            }
            Outcome::Done(Err(status)) => Outcome::Done(status),
            Outcome::Not => Outcome::Not,
            Outcome::Wrong => return,
        };
        self.is(Operation::GNTTABOP_map_grant_ref, mapped, expected, what);
    }

    /// A page is lent, mapped, copied, exchanged and taken back, and nothing is to be had without
    /// leave.
    fn lend_and_take_back(&mut self, table: Table, pages: &Pages) {
        let lent = pages.frame;
        table.lend(FIRST, lent, 0);
        mark(pages.lent.get(), 0x31);
        self.mapped(table, pages);
        self.replaced(table, pages);
        self.copies(table, pages);
        self.pieces(table, pages);
        self.by_flags(table, pages);
        self.swapped(table, pages);

        table.lend(READONLY, lent, FOR_READING);
        let refused = GrantStatus::GENERAL_ERROR;
        self.unmappable(OWN, READONLY, refused, "for writing what is for reading");
        let to = CopyEnd::grant(OWN, READONLY, 0);
        self.copy_is(pages.source, to, refused, "to what is for reading");
        let read = self.map_grant(OWN, READONLY, MapFlags::HOST | MapFlags::READONLY);
        if let Outcome::Done(read) = read {
            self.check(
                Operation::GNTTABOP_map_grant_ref,
                read.is_ok() && table.in_use(READONLY),
                format_args!("for reading: {read:?}"),
            );
            if let Ok(handle) = read {
                self.mark(Operation::GNTMAP_readonly, true);
                let gone = self.unmap_grant(handle);
                let unmap = Operation::GNTTABOP_unmap_grant_ref;
                self.is(unmap, gone, GrantStatus::OKAY, "for reading");
                self.refill(pages);
            }
        }

        table.revoke(READONLY);
        table.revoke(FIRST);
        self.unmappable(OWN, FIRST, refused, "what was taken back");
        let to = CopyEnd::grant(OWN, FIRST, 0);
        self.copy_is(pages.source, to, refused, "to what was taken back");
        table.lend(FIRST, lent, 0);
        let (no_grant, no_domain) = (GrantStatus::BAD_GNTREF, GrantStatus::BAD_DOMAIN);
        self.unmappable(OWN, NONE, no_grant, "what is in no table");
        self.unmappable(DomId::SELF, FIRST, no_domain, "of DOMID_SELF");
        self.unmappable(NOBODY, FIRST, no_domain, "of nobody");
        let none = self.unmap_grant(GrantHandle::new(0x00ff_fff0));
        let unmap = Operation::GNTTABOP_unmap_grant_ref;
        self.is(
            unmap,
            none,
            GrantStatus::BAD_HANDLE,
            "what was never mapped",
        );
    }

    /// What is mapped is the page that was lent, for reading and writing.
    fn mapped(&mut self, table: Table, pages: &Pages) {
        let map = Operation::GNTTABOP_map_grant_ref;
        let Outcome::Done(mapped) = self.map_grant(OWN, FIRST, MapFlags::HOST) else {
            return;
        };
        let handle = match mapped {
            Ok(handle) => {
                self.mark(Operation::GNTMAP_host_map, true);
                handle
            }
            Err(status) => return self.check(map, false, format_args!("{status}")),
        };
        self.check(map, table.in_use(FIRST), format_args!("no use is shown"));
        let window = self.machine().window(MAPPED);
        let behind = window.and_then(|window| self.machine().behind(window));
        self.check(
            map,
            behind.is_some_and(|page| marked(page, 0x31)),
            format_args!("what is mapped is not the page that was lent"),
        );
        if let (Some(page), false) = (behind, self.moves()) {
            mark(page, 0x32);
            self.check(
                map,
                marked(pages.lent.get(), 0x32),
                format_args!("what is written does not arrive"),
            );
        }
        self.flushed(pages);
        let set = Operation::GNTTABOP_set_version;
        let other = if table.status.is_some() { 1 } else { 2 };
        // Not while something is mapped; ENOSYS where there is no version 2.
        let busy = self.run_or(set, &[Errno::EBUSY, Errno::ENOSYS], |xen| {
            // SAFETY: nothing is lost if it is refused, as it must be.
            unsafe { grant_table_op::set_version(xen, other) }
        });
        self.check(
            set,
            busy == Outcome::Not,
            format_args!("the version changed under a mapping"),
        );
        let gone = self.unmap_grant(handle);
        let unmap = Operation::GNTTABOP_unmap_grant_ref;
        self.is(unmap, gone, GrantStatus::OKAY, "what is mapped");
        self.check(
            unmap,
            !table.in_use(FIRST),
            format_args!("it is still shown as used"),
        );
        let again = self.unmap_grant(handle);
        self.is(unmap, again, GrantStatus::BAD_HANDLE, "twice");
        self.refill(pages);
    }

    /// Whether a page of the domain's own leaves its frame when it is mapped as a grant.
    pub(super) fn moves(&self) -> bool {
        self.machine().guest() == Guest::Hvm
    }

    /// Gives the lent page memory again where it was lost by being mapped elsewhere.
    pub(super) fn refill(&mut self, pages: &Pages) {
        if !self.moves() {
            return;
        }
        let operation = Operation::XENMEM_populate_physmap;
        let frame = pages.frame;
        let mut frames = [frame as FrameWord];
        let filled = self.run(operation, |xen| {
            // SAFETY: there is nothing at the frame any more.
            unsafe { memory_op::populate_physmap(xen, DomId::SELF, 0, MemFlags::ANY, &mut frames) }
        });
        if filled == Outcome::Done(()) {
            // SAFETY: this is what came for the page.
            match unsafe { self.machine().occupy(pages.lent.get(), frame) } {
                Ok(page) => pages.lent.set(page),
                Err(error) => self.report().fail(format_args!("{error}")),
            }
        }
    }

    /// A mapping gives way to another page's.
    fn replaced(&mut self, table: Table, pages: &Pages) {
        let replace = Operation::GNTTABOP_unmap_and_replace;
        let pv = self.machine().guest() == Guest::Pv;
        let windows = self
            .machine()
            .window(MAPPED)
            .zip(self.machine().window(OTHER));
        let Some((window, other)) = windows else {
            return;
        };
        let mut handle = GrantHandle::new(0);
        if pv && self.xen().can(replace).is_ok() {
            let Outcome::Done(Ok(mapped)) = self.map_grant(OWN, FIRST, MapFlags::HOST) else {
                return;
            };
            handle = mapped;
            mark(pages.target, 0x33);
            let target = self.gfn(pages.target);
            self.put(other, Some(target));
        }
        let (host, new) = (window.address as u64, other.address as u64);
        let replaced = self.run_alone(replace, &[], |xen| {
            let mut entry = [UnmapAndReplace::new(handle, host, new)];
            // SAFETY: nobody uses either window.
            unsafe { grant_table_op::unmap_and_replace(xen, &mut entry) }?;
            Ok(entry[0].status())
        });
        self.is(replace, replaced, GrantStatus::OKAY, "by another page");
        if replaced.done().is_some() {
            let behind = self.machine().behind(window);
            self.check(
                replace,
                behind.is_some_and(|page| marked(page, 0x33)) && !table.in_use(FIRST),
                format_args!("the other page is not there"),
            );
            self.put(window, None);
        }
    }

    /// What one reference stands for, the other does.
    fn swapped(&mut self, table: Table, pages: &Pages) {
        let operation = Operation::GNTTABOP_swap_grant_ref;
        table.revoke(SECOND);
        for there in [false, true] {
            let swapped = self.run(operation, |xen| {
                let mut entry = [SwapGrants::new(FIRST, SECOND)];
                grant_table_op::swap_grant_ref(xen, &mut entry)?;
                Ok(entry[0].status())
            });
            self.is(operation, swapped, GrantStatus::OKAY, "both unused");
            if swapped.done().is_none() {
                return;
            }
            let (full, empty) = if there {
                (FIRST, SECOND)
            } else {
                (SECOND, FIRST)
            };
            mark(pages.target, 0);
            self.copied_from(full, pages, 0x34);
            let to = CopyEnd::grant(OWN, empty, 0);
            let refused = GrantStatus::GENERAL_ERROR;
            self.copy_is(pages.source, to, refused, "to what was swapped away");
        }
    }

    /// The same with a table of version 2, and back to version 1.
    fn second_version(&mut self, table: Table, pages: &Pages) {
        let set = Operation::GNTTABOP_set_version;
        let none = self.run_or(set, &[Errno::EINVAL], |xen| {
            // SAFETY: there is no such version, and nothing becomes of it.
            unsafe { grant_table_op::set_version(xen, 3) }
        });
        self.check(set, none == Outcome::Not, format_args!("3: {none:?}"));
        // ENOSYS: there is no version 2 here.
        let second = self.run_or(set, &[Errno::ENOSYS], |xen| {
            // SAFETY: nothing is lent but what may be lost.
            unsafe { grant_table_op::set_version(xen, 2) }
        });
        if second != Outcome::Done(()) {
            return;
        }
        self.version(2);
        self.with_status(table, pages);
        let first = self.run(set, |xen| {
            // SAFETY: nothing is lent any more.
            unsafe { grant_table_op::set_version(xen, 1) }
        });
        self.check(set, first == Outcome::Done(()), format_args!("{first:?}"));
    }

    /// What a table of version 2 has besides.
    fn with_status(&mut self, table: Table, pages: &Pages) {
        let mut frames = [0; 1];
        let get = Operation::GNTTABOP_get_status_frames;
        let got = self.run_alone(get, &[], |xen| {
            grant_table_op::get_status_frames(xen, DomId::SELF, &mut frames)
        });
        let Some(window) = self.machine().window(STATUS) else {
            return;
        };
        match (window.frame, GrantFrame::status(0)) {
            (None, _) if got == Outcome::Done(()) => self.put(window, Some(frames[0])),
            (Some(frame), Some(first)) => {
                if self.in_window(Space::GrantTable(first), frame).is_none() {
                    return;
                }
            }
            _ => return,
        }
        let status = self.machine().behind(window);
        self.check(get, status.is_some(), format_args!("no status words"));
        let table = Table { status, ..table };
        if status.is_some() {
            self.lend_and_take_back(table, pages);
            table.revoke(FIRST);
        }
        if window.frame.is_none() {
            self.put(window, None);
        }
    }
}
