//! What `grant_table_op` does with pages that are lent, beside mapping them: copies of whole pages and of
//! parts, pages given away for good, caches written back; and the less common ways to map.
#![allow(unsafe_code)]

use core::ptr::NonNull;

use xen_abi::hypercall::Errno;
use xen_abi::hypercall::grant_table_op::{
    self, CacheFlush, CopyEnd, Entry, GrantCopy, MapFlags, MapGrant, TransferFrame, UnmapGrant,
};
use xen_abi::version::{Guest, Operation};
use xen_abi::xen_public::grant_table::{GrantRef, GrantStatus};
use xen_abi::xen_public::xen::{Gfn, Mfn, PAGE_SHIFT, PAGE_SIZE};

use super::entries::{OWN, Table};
use super::grants::{FIRST, MAPPED, NONE, Pages, SECOND};
use super::memory::{mark, marked};
use super::{Outcome, Program};
use crate::machine::{Machine, Page};

impl<M: Machine> Program<'_, '_, M> {
    pub(super) fn copy(&mut self, from: CopyEnd, to: CopyEnd) -> Outcome<GrantStatus> {
        self.run_alone(Operation::GNTTABOP_copy, &[], |xen| {
            let mut entry = [GrantCopy::new(from, to, 4096)];
            // SAFETY: nobody has a reference to the pages, which are the program's own.
            unsafe { grant_table_op::copy(xen, &mut entry) }?;
            Ok(entry[0].status())
        })
    }

    pub(super) fn end(&self, page: NonNull<Page>) -> CopyEnd {
        let frame = CopyEnd::frame(Gfn::new(self.gfn(page)), 0);
        frame.unwrap_or(CopyEnd::grant(OWN, NONE, 0))
    }

    /// Copying a page comes to a status.
    pub(super) fn copy_is(
        &mut self,
        from: NonNull<Page>,
        to: CopyEnd,
        expected: GrantStatus,
        what: &str,
    ) {
        let from = self.end(from);
        let copied = self.copy(from, to);
        self.is(Operation::GNTTABOP_copy, copied, expected, what);
    }

    /// A page is copied to the one that was lent, and from there to a third.
    pub(super) fn copies(&mut self, table: Table, pages: &Pages) {
        let lent = pages.frame;
        table.lend(FIRST, lent, 0);
        mark(pages.source, 0x34);
        mark(pages.target, 0);
        let grant = CopyEnd::grant(OWN, FIRST, 0);
        self.copy_is(pages.source, grant, GrantStatus::OKAY, "to a grant");
        self.copied_from(FIRST, pages, 0x34);
        self.check(
            Operation::GNTTABOP_copy,
            !table.in_use(FIRST),
            format_args!("it is shown as used when it is over"),
        );
        let past = CopyEnd::grant(OWN, FIRST, 8);
        let bad = GrantStatus::BAD_COPY_ARG;
        self.copy_is(pages.source, past, bad, "past the page's end");
    }

    pub(super) fn copied_from(&mut self, grant: GrantRef, pages: &Pages, first: u8) {
        let operation = Operation::GNTTABOP_copy;
        let to = self.end(pages.target);
        let copied = self.copy(CopyEnd::grant(OWN, grant, 0), to);
        self.is(operation, copied, GrantStatus::OKAY, "from a grant");
        self.check(
            operation,
            copied.done().is_none() || marked(pages.target, first),
            format_args!("grant {grant} has other bytes"),
        );
    }

    /// The bytes from an offset on are those that [`mark`] writes from another.
    fn part(page: NonNull<Page>, to: usize, from: usize, first: u8, length: usize) -> bool {
        (0..length).all(|index| {
            // SAFETY: the callers' parts are within the page, which is the program's own.
            let byte = unsafe { page.cast::<u8>().add(to + index) };
            // SAFETY: as above. Xen has written it.
            unsafe { byte.read_volatile() == first.wrapping_add((from + index) as u8) }
        })
    }

    /// A part of a page is copied; the status.
    fn piece(&mut self, from: CopyEnd, to: CopyEnd, length: u16) -> Outcome<GrantStatus> {
        self.run_alone(Operation::GNTTABOP_copy, &[], |xen| {
            let mut entry = [GrantCopy::new(from, to, length)];
            // SAFETY: nobody has a reference to the pages, which are the program's own.
            unsafe { grant_table_op::copy(xen, &mut entry) }?;
            Ok(entry[0].status())
        })
    }

    /// Parts of pages are copied from and to any offset, between frames and grants in all ways.
    pub(super) fn pieces(&mut self, table: Table, pages: &Pages) {
        const LENGTH: usize = 0x345;
        let operation = Operation::GNTTABOP_copy;
        let (okay, bad) = (GrantStatus::OKAY, GrantStatus::BAD_COPY_ARG);
        let lent = pages.lent.get();
        table.lend(SECOND, self.gfn(pages.target), 0);
        let frame = |program: &Self, page, offset| {
            let frame = Gfn::new(program.gfn(page));
            CopyEnd::frame(frame, offset).unwrap_or(CopyEnd::grant(OWN, NONE, 0))
        };
        let (source, target) = (pages.source, pages.target);
        for (from, to, read, written, what) in [
            (
                frame(self, source, 0x123),
                CopyEnd::grant(OWN, FIRST, 0x601),
                0x123,
                lent,
                "to a grant",
            ),
            (
                CopyEnd::grant(OWN, SECOND, 0x7),
                frame(self, lent, 0xf01 - LENGTH as u16),
                0x7,
                lent,
                "from a grant",
            ),
            (
                CopyEnd::grant(OWN, SECOND, 0x9),
                CopyEnd::grant(OWN, FIRST, 0x800),
                0x9,
                lent,
                "between grants",
            ),
            (
                frame(self, source, 0x11),
                frame(self, lent, 0x3),
                0x11,
                lent,
                "between frames",
            ),
        ] {
            mark(source, 0x51);
            mark(target, 0x51);
            mark(lent, 0xa7);
            let at = match what {
                "to a grant" => 0x601,
                "from a grant" => 0xf01 - LENGTH,
                "between grants" => 0x800,
                _ => 0x3,
            };
            let copied = self.piece(from, to, LENGTH as u16);
            self.is(operation, copied, okay, what);
            if copied.done().is_some() {
                self.mark(Operation::GNTCOPY_source_gref, true);
                self.mark(Operation::GNTCOPY_dest_gref, true);
            }
            let right = Self::part(written, at, read, 0x51, LENGTH)
                && Self::part(written, 0, 0, 0xa7, at)
                && Self::part(
                    written,
                    at + LENGTH,
                    at + LENGTH,
                    0xa7,
                    PAGE_SIZE - at - LENGTH,
                );
            self.check(
                operation,
                copied.done().is_none() || right,
                format_args!("{what}: other bytes"),
            );
        }
        let past = self.piece(
            CopyEnd::grant(OWN, SECOND, 0x801),
            frame(self, lent, 0),
            0x800,
        );
        self.is(operation, past, bad, "past the end of what is read");
        let past = self.piece(frame(self, lent, 0), CopyEnd::grant(OWN, SECOND, 0xfff), 2);
        self.is(operation, past, bad, "past the end of what is written");
        self.parts_lent(table, pages);
        table.revoke(SECOND);
        mark(source, 0x34);
        mark(target, 0x34);
        mark(lent, 0x34);
    }

    /// With version 2 a part of a page can be lent, and what somebody else has lent.
    fn parts_lent(&mut self, table: Table, pages: &Pages) {
        if table.status.is_none() || self.not_real(Operation::GNTTABOP_copy) {
            return;
        }
        let operation = Operation::GNTTABOP_copy;
        let (lent, target) = (pages.lent.get(), pages.target);
        let end = CopyEnd::frame(Gfn::new(self.gfn(lent)), 0x10);
        let end = end.unwrap_or(CopyEnd::grant(OWN, NONE, 0));
        table.revoke(SECOND);
        table.lend_part(SECOND, self.gfn(target), (0x200, 0x100));
        mark(lent, 0xa7);
        mark(target, 0x51);
        let part = self.piece(CopyEnd::grant(OWN, SECOND, 0x240), end, 0xc0);
        self.is(operation, part, GrantStatus::OKAY, "what is lent of a page");
        self.check(
            operation,
            Self::part(lent, 0x10, 0x240, 0x51, 0xc0),
            format_args!("other bytes of the part that is lent"),
        );
        let beyond = self.piece(CopyEnd::grant(OWN, SECOND, 0x240), end, 0xc1);
        let refused = GrantStatus::GENERAL_ERROR;
        self.is(operation, beyond, refused, "beyond what is lent of a page");
        let mapped = self.map_grant(OWN, SECOND, MapFlags::HOST);
        let whole = matches!(mapped, Outcome::Done(Err(_)));
        self.check(
            operation,
            whole,
            format_args!("a part is mapped: {mapped:?}"),
        );
        table.revoke(SECOND);
        // Nobody passes on what is their own.
        table.pass_on(SECOND, FIRST);
        let passed = self.piece(CopyEnd::grant(OWN, SECOND, 0), end, 8);
        self.is(operation, passed, refused, "what one has lent oneself");
        table.revoke(SECOND);
    }

    /// A page table entry's own address instead of one that it maps; for applications; for devices.
    pub(super) fn by_flags(&mut self, table: Table, pages: &Pages) {
        let operation = Operation::GNTTABOP_map_grant_ref;
        let window = self.machine().window(MAPPED);
        let (Some(pv), Some(window)) = (self.machine().paravirtual(), window) else {
            return;
        };
        let Some((entry, _)) = pv.entry(window.address) else {
            return self.check(operation, false, format_args!("the window has no entry"));
        };
        let address = window.address as u64;
        let frame = self.gfn(pages.lent.get());
        mark(pages.lent.get(), 0x34);
        // It may be paged out, and the call fail then, with an error that says so.
        let can_fail = MapFlags::from_bits(Operation::GNTMAP_can_fail.number());
        for (row, flags, place) in [
            (
                Operation::GNTMAP_can_fail,
                can_fail | MapFlags::HOST,
                address,
            ),
            (
                Operation::GNTMAP_contains_pte,
                MapFlags::CONTAINS_PTE | MapFlags::HOST,
                entry,
            ),
            (
                Operation::GNTMAP_application_map,
                MapFlags::APPLICATION | MapFlags::HOST,
                address,
            ),
            (
                Operation::GNTMAP_device_map,
                MapFlags::DEVICE | MapFlags::HOST,
                address,
            ),
            (
                Operation::GNTMAP_readonly,
                MapFlags::READONLY | MapFlags::HOST,
                address,
            ),
        ] {
            let mapped = self.run(row, |xen| {
                let mut entry = [MapGrant::new(OWN, FIRST, flags, place)];
                // SAFETY: the window is empty, and the page is the program's own.
                unsafe { grant_table_op::map_grant_ref(xen, &mut entry) }?;
                Ok(entry[0].mapping())
            });
            let Some(mapped) = mapped.done() else {
                continue;
            };
            let Ok(mapping) = mapped else {
                self.check(row, false, format_args!("{mapped:?}"));
                continue;
            };
            let behind = self.machine().behind(window);
            self.check(
                row,
                behind.is_some_and(|page| marked(page, 0x34)) && table.in_use(FIRST),
                format_args!("another page is mapped, or none"),
            );
            let device = row == Operation::GNTMAP_device_map;
            let (bus, shown) = (mapping.dev_bus_addr, frame << PAGE_SHIFT);
            self.check(
                row,
                !device || bus == shown,
                format_args!("{bus:#x} for devices, not {shown:#x}"),
            );
            let gone = self.run(Operation::GNTTABOP_unmap_grant_ref, |xen| {
                let bus = if device { bus } else { 0 };
                let mut entry = [UnmapGrant::new(mapping.handle, place, bus)];
                // SAFETY: nobody uses the window any more.
                unsafe { grant_table_op::unmap_grant_ref(xen, &mut entry) }?;
                Ok(entry[0].status())
            });
            self.is(row, gone, GrantStatus::OKAY, "mapped by its flag");
            self.check(
                row,
                !table.in_use(FIRST),
                format_args!("it is still in use"),
            );
        }
    }

    /// The cache of a page that is mapped.
    pub(super) fn flushed(&mut self, pages: &Pages) {
        let address = pages.frame << PAGE_SHIFT;
        let pv = self.machine().guest() == Guest::Pv;
        // The calls for it are there on x86, and some of them do nothing.
        let refusals: &[Errno] = if pv { &[Errno::EOPNOTSUPP] } else { &[] };
        let _ = self.run_or(Operation::GNTTABOP_cache_flush, refusals, |xen| {
            let mut entry = [CacheFlush::bus_address(address, 64, 128, CacheFlush::CLEAN)];
            // SAFETY: cleaning loses nothing.
            unsafe { grant_table_op::cache_flush(xen, &mut entry) }
        });
        let both = CacheFlush::CLEAN | CacheFlush::INVAL;
        for (row, what) in [
            (Operation::GNTTAB_CACHE_CLEAN, CacheFlush::CLEAN),
            (Operation::GNTTAB_CACHE_INVAL, both),
        ] {
            mark(pages.target, 0x35);
            let target = self.gfn(pages.target) << PAGE_SHIFT;
            let flushed = self.run_or(row, refusals, |xen| {
                let mut entry = [CacheFlush::bus_address(target, 0, 4096, what)];
                // SAFETY: what is cleaned first is not lost when it is invalidated.
                unsafe { grant_table_op::cache_flush(xen, &mut entry) }
            });
            let kept = marked(pages.target, 0x35);
            self.check(row, kept, format_args!("bytes are lost: {flushed:?}"));
        }
        // No release has it.
        let row = Operation::GNTTAB_CACHE_SOURCE_GREF;
        let by_grant = self.run_or(row, &[Errno::EINVAL, Errno::EOPNOTSUPP], |xen| {
            let mut entry = [CacheFlush::grant(FIRST, 0, 128, CacheFlush::CLEAN)];
            // SAFETY: cleaning loses nothing.
            unsafe { grant_table_op::cache_flush(xen, &mut entry) }
        });
        let refused = by_grant == Outcome::Not;
        self.check(row, refused, format_args!("by a grant: {by_grant:?}"));
        let over = self.run_or(Operation::GNTTABOP_cache_flush, &[Errno::EINVAL], |xen| {
            let mut entry = [CacheFlush::bus_address(
                address,
                4000,
                128,
                CacheFlush::CLEAN,
            )];
            // SAFETY: cleaning loses nothing.
            unsafe { grant_table_op::cache_flush(xen, &mut entry) }
        });
        self.check(
            Operation::GNTTABOP_cache_flush,
            over == Outcome::Not,
            format_args!("past the page's end: {over:?}"),
        );
    }

    /// A page is given away, and taken by whoever gave it; a page that is none can't be given.
    pub(super) fn transfer(&mut self, table: Table) {
        let operation = Operation::GNTTABOP_transfer;
        let given = self.gives(0xffff_fff0);
        self.is(
            operation,
            given,
            GrantStatus::BAD_PAGE,
            "a page that is none",
        );
        if self.not_real(operation) {
            return;
        }
        let Some(page) = self.machine().page() else {
            return self.check(operation, false, format_args!("no page is left"));
        };
        mark(page, 0x61);
        let frame = self.gfn(page);
        if self.machine().guest() != Guest::Pv {
            // What Xen numbers for a guest it does not take away.
            let given = self.gives(frame);
            self.is(
                operation,
                given,
                GrantStatus::GENERAL_ERROR,
                "a page of one's own",
            );
            let kept = marked(page, 0x61);
            return self.check(operation, kept, format_args!("the page is another one"));
        }
        // It is in use as long as it is mapped.
        let given = self.gives(frame);
        self.is(
            operation,
            given,
            GrantStatus::BAD_PAGE,
            "a page that is mapped",
        );
        let number = (page.addr().get() >> PAGE_SHIFT) as u64;
        table.accept(FIRST, number);
        // SAFETY: nobody has a reference to the page.
        if let Err(error) = unsafe { self.machine().vacate(page) } {
            return self.check(operation, false, format_args!("{error}"));
        }
        let given = self.gives(frame);
        self.is(operation, given, GrantStatus::OKAY, "a page");
        let came = table.transferred(FIRST);
        table.revoke(FIRST);
        self.check(
            operation,
            came == Some(frame),
            format_args!("{came:x?} came"),
        );
        // SAFETY: the page's frame was given away, and this one came for it.
        let place = unsafe { self.machine().occupy(page, came.unwrap_or(frame)) };
        self.check(
            operation,
            place.is_ok_and(|page| marked(page, 0x61)),
            format_args!("the page has lost its bytes"),
        );
        let pv = self.machine().paravirtual();
        let known = pv.map(|pv| pv.physical(frame));
        self.check(
            operation,
            known == Some(number),
            format_args!("the frame is page {known:x?}, not {number:#x}"),
        );
    }

    /// Gives a frame away, to domain 0 itself.
    fn gives(&mut self, frame: u64) -> Outcome<GrantStatus> {
        self.run_alone(Operation::GNTTABOP_transfer, &[Errno::EOPNOTSUPP], |xen| {
            let mut entry = [TransferFrame::new(Mfn::new(frame), OWN, FIRST)?];
            // SAFETY: nobody uses the frame, or Xen refuses to take it.
            unsafe { grant_table_op::transfer(xen, &mut entry) }?;
            Ok(entry[0].status())
        })
    }
}
