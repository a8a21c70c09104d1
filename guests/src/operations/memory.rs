//! `memory_op`: how much memory there is, pages given back and taken again, what is put where, and the
//! maps that Xen shows.
#![allow(unsafe_code)]

use core::ptr::NonNull;

use xen_abi::hypercall::memory_op::{
    self, Batch, E820Entry, E820Type, FrameWord, GrantFrame, Mapped, MemFlags, ReservedMemory,
    Resource, Space,
};
use xen_abi::hypercall::{Errno, Error, Result};
use xen_abi::version::{Guest, Operation, Release};
use xen_abi::xen_public::xen::{DomId, Gfn, PAGE_SHIFT, PAGE_SIZE};

use super::entries::wide;
use super::{Outcome, Program};
use crate::machine::{Machine, Page, WINDOWS, Window};

/// Domain 0, by its number.
const OWN: DomId = DomId::new(0);
/// A domain that there is not.
const NOBODY: DomId = DomId::new(0x7abc);
/// How many pages go back and come again.
const PAGES: usize = 3;
/// The first window that this part uses.
const FIRST_WINDOW: usize = 0;
/// A frame of a grant table that is larger than any.
const TOO_FAR: u32 = 0xf_ffff;

/// How far a batch came: what was done, of how many.
pub(super) fn reached(result: Result<()>, total: usize) -> Result<(usize, usize)> {
    match result {
        Ok(()) => Ok((total, total)),
        Err(Error::PartialBatch { done, total, .. }) => Ok((done, total)),
        Err(error) => Err(error),
    }
}

/// Fills a page with bytes of its own.
pub(super) fn mark(page: NonNull<Page>, first: u8) {
    for index in 0..PAGE_SIZE {
        // SAFETY: the byte is one of a page that is the program's own.
        let byte = unsafe { page.cast::<u8>().add(index) };
        // SAFETY: as above. The write is volatile because Xen and other mappings may look.
        unsafe { byte.write_volatile(first.wrapping_add(index as u8)) };
    }
}

/// Whether a page has the bytes that [`mark`] writes.
pub(super) fn marked(page: NonNull<Page>, first: u8) -> bool {
    (0..PAGE_SIZE).all(|index| {
        // SAFETY: the byte is one of a page that is mapped for the program.
        let byte = unsafe { page.cast::<u8>().add(index) };
        // SAFETY: as above. The read is volatile because the page may have other mappings.
        unsafe { byte.read_volatile() == first.wrapping_add(index as u8) }
    })
}

impl<M: Machine> Program<'_, '_, M> {
    /// All of `memory_op` that does no damage.
    pub fn memory(&mut self) {
        self.amounts();
        self.down_and_up();
        self.stopped_halfway();
        self.moved_and_removed();
        self.batch_of_frames();
        self.memory_maps();
        self.of_machine();
        self.resources();
    }

    /// The pages that the domain has now.
    fn current(&mut self) -> Option<usize> {
        self.run(Operation::XENMEM_current_reservation, |xen| {
            memory_op::current_reservation(xen, DomId::SELF)
        })
        .done()
    }

    fn amounts(&mut self) {
        let current = self.current();
        let maximum = self.run(Operation::XENMEM_maximum_reservation, |xen| {
            memory_op::maximum_reservation(xen, OWN)
        });
        let highest = self.run(Operation::XENMEM_maximum_ram_page, |xen| {
            memory_op::maximum_ram_page(xen)
        });
        let gpfn = self.run_alone(Operation::XENMEM_maximum_gpfn, &[], |xen| {
            memory_op::maximum_gpfn(xen, DomId::SELF)
        });
        let (current, maximum) = (current.unwrap_or(0), maximum.done().unwrap_or(0));
        self.report().say(format_args!(
            "memory: {current} pages of {maximum}, highest frame of the machine {highest:x?}, \
             of the domain {gpfn:x?}"
        ));
        self.check(
            Operation::XENMEM_current_reservation,
            current >= crate::machine::PAGES && current <= maximum,
            format_args!("{current} pages of at most {maximum}"),
        );
        let nobody = self.run_or(
            Operation::XENMEM_current_reservation,
            &[Errno::ESRCH],
            |xen| memory_op::current_reservation(xen, NOBODY),
        );
        self.check(
            Operation::XENMEM_current_reservation,
            nobody != Outcome::Done(current),
            format_args!("a domain that is not there has pages"),
        );
    }

    /// The number by which a page is asked for: on PV the pseudo-physical one.
    fn number(&self, page: NonNull<Page>) -> FrameWord {
        let address = page.addr().get();
        match self.machine().guest() {
            Guest::Pv => (address >> PAGE_SHIFT) as FrameWord,
            _ => self.frame_of(page),
        }
    }

    /// The frame of a page, as it stands in lists.
    fn frame_of(&self, page: NonNull<Page>) -> FrameWord {
        self.machine().frame(page.addr().get()) as FrameWord
    }

    fn take_pages<const N: usize>(&mut self) -> Option<[NonNull<Page>; N]> {
        let pages = [(); N].map(|()| self.machine().page());
        if pages.iter().any(Option::is_none) {
            self.report()
                .fail(format_args!("no pages are left for memory_op"));
            return None;
        }
        Some(pages.map(|page| page.expect("there is one")))
    }

    /// Gives pages back to Xen and takes as many again.
    fn down_and_up(&mut self) {
        let Some(pages) = self.take_pages::<PAGES>() else {
            return;
        };
        let arm = self.machine().guest() == Guest::Arm;
        let before = self.current();
        for (index, page) in pages.iter().enumerate() {
            mark(*page, index as u8);
        }
        let old = pages.map(|page| self.frame_of(page));
        let mut new = pages.map(|page| self.number(page));
        for page in pages {
            // SAFETY: nobody has a reference to the page.
            if let Err(error) = unsafe { self.machine().vacate(page) } {
                self.report().fail(format_args!("{error}"));
                return;
            }
        }
        let down = self.run(Operation::XENMEM_decrease_reservation, |xen| {
            // SAFETY: the pages are the program's own, and nobody uses them.
            unsafe { memory_op::decrease_reservation(xen, DomId::SELF, 0, &old) }
        });
        if down != Outcome::Done(()) {
            return;
        }
        let between = self.current();
        let up = self.run(Operation::XENMEM_populate_physmap, |xen| {
            // SAFETY: the frames are those of the pages that were given back.
            unsafe { memory_op::populate_physmap(xen, DomId::SELF, 0, MemFlags::ANY, &mut new) }
        });
        if up != Outcome::Done(()) {
            return;
        }
        // On ARM the pages of a domain 0 whose frames are the machine's stay its own.
        let gone = if arm { 0 } else { PAGES };
        let after = self.current();
        self.check(
            Operation::XENMEM_decrease_reservation,
            before
                .zip(between)
                .is_some_and(|(before, now)| now + gone == before),
            format_args!("{before:?} pages, then {between:?}, {gone} less"),
        );
        self.check(
            Operation::XENMEM_populate_physmap,
            before.is_some() && before == after,
            format_args!("{before:?} pages before, {after:?} at last"),
        );
        for (index, (page, (old, new))) in
            pages.into_iter().zip(old.into_iter().zip(new)).enumerate()
        {
            self.came_back(page, index as u8, old, new, arm);
        }
    }

    /// A page that was given back has memory again.
    fn came_back(
        &mut self,
        page: NonNull<Page>,
        first: u8,
        old: FrameWord,
        new: FrameWord,
        arm: bool,
    ) {
        // SAFETY: the page's frame went back, and the new one came for it.
        let page = match unsafe { self.machine().occupy(page, wide(new)) } {
            Ok(page) => page,
            Err(error) => {
                self.report().fail(format_args!("frame {new:#x}: {error}"));
                return;
            }
        };
        let populate = Operation::XENMEM_populate_physmap;
        let translated = self.machine().guest() != Guest::Pv;
        let known = self.frame_of(page);
        self.check(
            populate,
            known == new && (!translated || new == old),
            format_args!("frame {old:#x} came back as {new:#x}, and is {known:#x}"),
        );
        if arm {
            self.check(
                populate,
                marked(page, first),
                format_args!("frame {old:#x} is not the same memory"),
            );
        }
        mark(page, 0x5a);
        self.check(
            populate,
            marked(page, 0x5a),
            format_args!("frame {new:#x} does not keep what is written"),
        );
    }

    /// A window of this part's.
    fn own_window(&self, index: usize) -> Option<Window> {
        self.machine().window(FIRST_WINDOW + index)
    }

    /// A batch whose second page is none stops there, and says so.
    fn stopped_halfway(&mut self) {
        let Some([page]) = self.take_pages() else {
            return;
        };
        // SAFETY: nobody has a reference to the page.
        if let Err(error) = unsafe { self.machine().vacate(page) } {
            self.report().fail(format_args!("{error}"));
            return;
        }
        let hole = self.machine().window(WINDOWS - 2);
        let none = hole.and_then(|window| window.frame).unwrap_or(0xffff_ffff);
        let frames = [self.frame_of(page), none as FrameWord, self.frame_of(page)];
        let (mut again, mut much) = ([self.number(page)], [self.number(page)]);
        let operation = Operation::XENMEM_decrease_reservation;
        let down = self.run(operation, |xen| {
            // SAFETY: the page is the program's own, nobody uses it, and there is nothing else.
            let result = unsafe { memory_op::decrease_reservation(xen, DomId::SELF, 0, &frames) };
            reached(result, frames.len())
        });
        self.check(
            operation,
            down == Outcome::Done((1, 3)),
            format_args!("one page and two that are none: {down:?}"),
        );
        let operation = Operation::XENMEM_populate_physmap;
        let up = self.run(operation, |xen| {
            // SAFETY: the frame is that of the page that was given back.
            unsafe { memory_op::populate_physmap(xen, DomId::SELF, 0, MemFlags::ANY, &mut again) }
        });
        if up == Outcome::Done(()) {
            // SAFETY: the page's frame went back, and this one came for it.
            let place = unsafe { self.machine().occupy(page, wide(again[0])) };
            self.check(operation, place.is_ok(), format_args!("{place:?}"));
        }
        // More memory than there is on any machine: nothing comes of it.
        let operation = Operation::XENMEM_increase_reservation;
        let more = self.run(operation, |xen| {
            let flags = MemFlags::ANY;
            let result = memory_op::increase_reservation(xen, DomId::SELF, 30, flags, &mut much);
            reached(result, much.len())
        });
        self.check(
            operation,
            more == Outcome::Done((0, 1)),
            format_args!("2^30 pages: {more:?}"),
        );
    }

    /// A page goes to another frame and comes back; a page is taken out and gets new memory.
    fn moved_and_removed(&mut self) {
        let Some([page]) = self.take_pages() else {
            return;
        };
        let pv = self.machine().guest() == Guest::Pv;
        let own = Gfn::new(self.machine().frame(page.addr().get()));
        let window = self.own_window(0);
        let there = window.and_then(|window| window.frame).map(Gfn::new);
        let refusals: &[Errno] = if pv {
            &[Errno::EINVAL, Errno::EACCES]
        } else {
            &[]
        };
        mark(page, 0x11);
        let moved = self.run_or(Operation::XENMAPSPACE_gmfn, refusals, |xen| {
            let space = Space::Gmfn(own);
            // SAFETY: the page is the program's own, and the window empty.
            unsafe { memory_op::add_to_physmap(xen, DomId::SELF, space, there.unwrap_or(own)) }
        });
        if let (Outcome::Done(()), Some((window, there))) = (moved, window.zip(there)) {
            let behind = self.machine().behind(window);
            self.check(
                Operation::XENMAPSPACE_gmfn,
                behind.is_some_and(|page| marked(page, 0x11)),
                format_args!("the page is not in the window"),
            );
            let back = self.run(Operation::XENMAPSPACE_gmfn, |xen| {
                let space = Space::Gmfn(there);
                // SAFETY: it is the page that was moved before, and goes to where it was.
                unsafe { memory_op::add_to_physmap(xen, DomId::SELF, space, own) }
            });
            self.check(
                Operation::XENMAPSPACE_gmfn,
                back != Outcome::Done(()) || marked(page, 0x11),
                format_args!("the page did not come back"),
            );
        }
        let operation = Operation::XENMEM_remove_from_physmap;
        if pv {
            // It has no frames of its own to remove something from, and may not fall back on giving
            // a page away that is in use.
            if self.xen().can(operation).is_ok() {
                let _ = self.run_or(operation, &[Errno::EACCES, Errno::EINVAL], |xen| {
                    // SAFETY: it is the program's own page.
                    unsafe { memory_op::remove_from_physmap(xen, DomId::SELF, own) }
                });
            }
            return;
        }
        let removed = self.run(operation, |xen| {
            // SAFETY: it is the program's own page, which nobody uses.
            unsafe { memory_op::remove_from_physmap(xen, DomId::SELF, own) }
        });
        if removed == Outcome::Done(()) {
            let mut frames = [own.get() as FrameWord];
            let again = self.run(Operation::XENMEM_populate_physmap, |xen| {
                let flags = MemFlags::ANY;
                // SAFETY: there is nothing any more at the frame of the page.
                unsafe { memory_op::populate_physmap(xen, DomId::SELF, 0, flags, &mut frames) }
            });
            if again == Outcome::Done(()) {
                // SAFETY: this is what came for the page.
                let page = unsafe { self.machine().occupy(page, own.get()) };
                let page = page.unwrap_or(NonNull::dangling());
                mark(page, 0x22);
                self.check(
                    operation,
                    marked(page, 0x22),
                    format_args!("the page has no memory again"),
                );
            }
        }
    }

    /// A frame of the grant table, and one that there is not, go to windows in one batch.
    fn batch_of_frames(&mut self) {
        let pv = self.machine().guest() == Guest::Pv;
        let window = |index| self.own_window(index).and_then(|window| window.frame);
        let gpfns = [window(1), window(2)].map(|frame| frame.unwrap_or(0) as FrameWord);
        let indexes = [0, TOO_FAR.into()];
        let mut errors = [0; 2];
        let operation = Operation::XENMEM_add_to_physmap_batch;
        let refusals: &[Errno] = if pv {
            &[Errno::EACCES, Errno::EINVAL]
        } else {
            &[]
        };
        let batch = self.run_or(operation, refusals, |xen| {
            let space = Batch::GrantTable;
            // SAFETY: both windows are empty.
            unsafe {
                memory_op::add_to_physmap_batch(
                    xen,
                    DomId::SELF,
                    space,
                    &indexes,
                    &gpfns,
                    &mut errors,
                )
            }
        });
        if let Outcome::Done(Mapped { refused }) = batch {
            self.check(
                operation,
                (pv && refused == 2) || (refused == 1 && errors[0] == 0),
                format_args!("{refused} refused: {errors:?}"),
            );
            self.empty(1);
        }
    }

    /// Takes the grant table's frame out of a window again: on ARM it can be at one place only.
    fn empty(&mut self, index: usize) {
        let window = self.own_window(index);
        let Some(frame) = window.and_then(|window| window.frame) else {
            return;
        };
        if self.machine().guest() == Guest::Arm {
            let _ = self.run(Operation::XENMEM_remove_from_physmap, |xen| {
                // SAFETY: what is in the window belongs to the program, which does not use it.
                unsafe { memory_op::remove_from_physmap(xen, DomId::SELF, Gfn::new(frame)) }
            });
        }
    }

    /// The maps of the domain's memory and of the machine's.
    fn memory_maps(&mut self) {
        let mut map = [E820Entry::EMPTY; 64];
        // A domain that was given no map has none.
        let found = self.run_or(Operation::XENMEM_memory_map, &[Errno::ENOSYS], |xen| {
            memory_op::memory_map(xen, &mut map)
        });
        if let Some(count) = found.done() {
            self.show_map(Operation::XENMEM_memory_map, &map[..count]);
        }
        let size = self.run(Operation::XENMEM_machine_memory_map, |xen| {
            memory_op::machine_memory_map_size(xen)
        });
        let found = self.run(Operation::XENMEM_machine_memory_map, |xen| {
            memory_op::machine_memory_map(xen, &mut map)
        });
        if let Some(count) = found.done() {
            self.show_map(Operation::XENMEM_machine_memory_map, &map[..count]);
            // How many there are is asked for without a buffer since 4.7.
            let size = size.done().unwrap_or(0) as usize;
            let asked = !self.xen().release().before(Release::new(4, 7, 0));
            self.check(
                Operation::XENMEM_machine_memory_map,
                !asked || size == count,
                format_args!("{size} ranges, of which {count} are shown"),
            );
        }
    }

    fn show_map(&mut self, operation: Operation, map: &[E820Entry]) {
        let memory: u64 = map
            .iter()
            .filter(|entry| { entry.kind } == E820Type::RAM)
            .map(|entry| entry.size)
            .sum();
        self.report().say(format_args!(
            "{operation}: {} ranges, {memory:#x} bytes of memory",
            map.len()
        ));
        self.check(
            operation,
            memory >= (crate::machine::PAGES * PAGE_SIZE) as u64,
            format_args!("{memory:#x} bytes"),
        );
    }

    /// Xen's table from machine frames back, and what else it shows of itself.
    fn of_machine(&mut self) {
        let mapping = self.run_or_known(Operation::XENMEM_machphys_mapping, &[], |xen| {
            memory_op::machphys_mapping(xen)
        });
        if let Some(found) = mapping.done() {
            self.check(
                Operation::XENMEM_machphys_mapping,
                found.start < found.end && found.max_mfn > 0,
                format_args!("{found:x?}"),
            );
        }
        let mut frames = [0; 16];
        for (operation, wide) in [
            (Operation::XENMEM_machphys_mfn_list, true),
            (Operation::XENMEM_machphys_compat_mfn_list, false),
        ] {
            let work = |xen: &_| match wide {
                true => memory_op::machphys_mfn_list(xen, &mut frames),
                false => memory_op::machphys_compat_mfn_list(xen, &mut frames),
            };
            // The two lists are one for a 32-bit guest, and both need what 32-bit PV guests need.
            let found = if cfg!(target_arch = "x86") {
                self.run_or(operation, &[Errno::EOPNOTSUPP], work)
            } else {
                self.run_alone(operation, &[], work)
            };
            if let Some(count) = found.done() {
                self.check(
                    operation,
                    (1..=frames.len()).contains(&count) || !wide,
                    format_args!("{count} frames"),
                );
            }
        }
        for (operation, freed) in [
            (Operation::XENMEM_get_sharing_freed_pages, true),
            (Operation::XENMEM_get_sharing_shared_pages, false),
        ] {
            let pages = self.run_alone(operation, &[Errno::ENOSYS], |xen| match freed {
                true => memory_op::get_sharing_freed_pages(xen),
                false => memory_op::get_sharing_shared_pages(xen),
            });
            self.check(
                operation,
                matches!(pages, Outcome::Done(0) | Outcome::Not),
                format_args!("nobody shares pages, but {pages:?}"),
            );
        }
        let operation = Operation::XENMEM_get_vnumainfo;
        let _ = self.run_or_known(operation, &[], |xen| {
            memory_op::get_vnumainfo(xen, DomId::SELF, &mut [0; 4], &mut [0; 2], &mut [])
        });
        let mut ranges = [ReservedMemory::ZERO; 8];
        let operation = Operation::XENMEM_reserved_device_memory_map;
        let found = self.run_or(operation, &[Errno::ENOSYS], |xen| {
            memory_op::reserved_device_memory_map(xen, None, &mut ranges)
        });
        if let Some(count) = found.done() {
            self.check(
                operation,
                count <= ranges.len(),
                format_args!("{count} ranges"),
            );
        }
    }

    /// Resources are those of other domains; one's own grant table is had by the older calls.
    fn resources(&mut self) {
        let grants = Operation::XENMEM_resource_grant_table;
        let pv = self.machine().guest() == Guest::Pv;
        for (domain, refusal) in [(OWN, Errno::EPERM), (NOBODY, Errno::ESRCH)] {
            if self.xen().can(grants).is_err() && domain == NOBODY {
                continue;
            }
            let mut frames = [0; 1];
            let work = |xen: &_| {
                // SAFETY: nobody has a frame at number 0 there: it is refused, or only its number is
                // told.
                unsafe {
                    memory_op::acquire_resource(xen, domain, Resource::GrantTable, 0, &mut frames)
                }
            };
            let acquired = if pv {
                self.run_or(grants, &[refusal], work)
            } else {
                self.run_alone(grants, &[refusal], work)
            };
            self.mark(Operation::XENMEM_resource_grant_table_id_shared, false);
            let older = self.xen().can(grants).is_err();
            self.check(
                grants,
                acquired == Outcome::Not || (older && pv && domain == OWN),
                format_args!("of domain {domain}: {acquired:?}"),
            );
        }
        let frame = self.own_window(1).and_then(|window| window.frame);
        let mut frames = [frame.unwrap_or(0) as FrameWord];
        let older = if pv {
            Operation::GNTTABOP_setup_table
        } else {
            Operation::XENMEM_add_to_physmap
        };
        let own = self.run(older, |xen| {
            // SAFETY: the window is empty, or has this same frame.
            unsafe {
                memory_op::acquire_resource(xen, DomId::SELF, Resource::GrantTable, 0, &mut frames)
            }
        });
        self.check(
            older,
            own.done().is_none_or(|own| own.caller_owned) && frames[0] != 0,
            format_args!("the frame of the grant table is {:#x}", frames[0]),
        );
        let Some(window) = frame.zip(self.own_window(2)).map(|(_, window)| window) else {
            return;
        };
        self.empty(1);
        let to = Gfn::new(window.frame.unwrap_or(0));
        let moved = self.run(Operation::XENMAPSPACE_grant_table, |xen| {
            let space = Space::GrantTable(GrantFrame::shared(0).expect("the first"));
            // SAFETY: the window is empty.
            unsafe { memory_op::add_to_physmap(xen, DomId::SELF, space, to) }
        });
        self.check(
            Operation::XENMAPSPACE_grant_table,
            moved == Outcome::Done(()) && self.machine().behind(window).is_some(),
            format_args!("the table's frame is not in the window"),
        );
        self.empty(2);
    }
}
