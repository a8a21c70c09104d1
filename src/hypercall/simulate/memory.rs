//! The machine's frames and the guest's view of them.
//!
//! A machine frame is a page of host memory, allocated when somebody first looks at it. The guest's
//! own numbers lead to machine frames by the physical map; a PV guest uses the machine's numbers, so
//! its map has each frame at its own number. No page goes back to the host before the hypervisor
//! ends: a guest that still uses one after giving it away reads bytes that mean nothing, and
//! nothing worse happens to the test.
#![allow(unsafe_code)]

use alloc::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::cell::RefCell;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU8, AtomicU16, AtomicU32};

use super::build::Setup;

/// Bytes in a page.
pub(super) const PAGE: usize = 4096;
const LAYOUT: Layout = match Layout::from_size_align(PAGE, PAGE) {
    Ok(layout) => layout,
    Err(_) => panic!("a page has a layout"),
};

/// The first machine frame that is given to a domain.
const FIRST_MACHINE_FRAME: u64 = 0x1000;
/// Where RAM begins on ARM.
pub(super) const ARM_RAM: u64 = 0x4_0000;

cfg_if::cfg_if! {
    if #[cfg(target_arch = "x86")] {
        /// A word of the event bitmaps.
        pub(super) type Word = core::sync::atomic::AtomicU32;
        /// Its value.
        pub(super) type Bits = u32;
    } else {
        /// A word of the event bitmaps.
        pub(super) type Word = core::sync::atomic::AtomicU64;
        /// Its value.
        pub(super) type Bits = u64;
    }
}

/// What stands at a place of the physical map.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// The domain's own memory.
    Ram,
    /// The page that the domain shares with Xen.
    SharedInfo,
    /// A frame of the grant table.
    GrantTable,
    /// A frame of the grant table's status words.
    GrantStatus,
    /// A grant that is mapped, by its handle.
    Mapped(u32),
    /// A page of another domain's, or one that Xen keeps for it.
    Foreign,
}

/// A place of the physical map.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub(super) machine: u64,
    pub(super) kind: Kind,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Memory {
    pages: RefCell<BTreeMap<u64, NonNull<u8>>>,
    map: BTreeMap<u64, Place>,
    /// What PV guests have at addresses of their own page tables, by page number.
    linear: BTreeMap<u64, Place>,
    /// Frames that the domain gave back and may get again, where guest and machine agree.
    given_back: BTreeSet<u64>,
    /// How many pages of RAM the domain has in its map, and how many that nothing leads to.
    owned: u64,
    unplaced: u64,
    first: u64,
    next: u64,
    /// Whether pages that the domain gives back stay its own, to be had again at the same number.
    keeps: bool,
}

impl Memory {
    pub(super) fn new(setup: &Setup) -> Self {
        let direct = setup.pv() || (setup.arm() && setup.privileged);
        let first = if setup.arm() && setup.privileged {
            ARM_RAM
        } else {
            FIRST_MACHINE_FRAME
        };
        let mut memory = Self {
            pages: RefCell::new(BTreeMap::new()),
            map: BTreeMap::new(),
            linear: BTreeMap::new(),
            given_back: BTreeSet::new(),
            owned: 0,
            unplaced: 0,
            first,
            next: first,
            keeps: setup.arm() && setup.privileged,
        };
        let base = match (direct, setup.arm()) {
            (true, _) => first,
            (false, true) => ARM_RAM,
            (false, false) => 0,
        };
        // In one go: tests make many of these.
        let kind = Kind::Ram;
        let ram = |index| {
            (
                base + index,
                Place {
                    machine: first + index,
                    kind,
                },
            )
        };
        memory.map = (0..setup.pages).map(ram).collect();
        memory.owned = setup.pages;
        memory.next += setup.pages;
        memory
    }

    /// A machine frame that nobody has had yet.
    pub(super) fn fresh(&mut self) -> u64 {
        let frame = self.next;
        self.next += 1;
        frame
    }

    /// The highest machine frame that was ever given to anybody.
    pub(super) fn highest(&self) -> u64 {
        self.next - 1
    }

    /// Whether a machine frame was ever given to anybody.
    pub(super) fn is_used(&self, machine: u64) -> bool {
        (self.first..self.next).contains(&machine)
    }

    /// How many pages of RAM the domain has.
    pub(super) fn owned(&self) -> u64 {
        self.owned + self.unplaced
    }

    /// Gives the domain pages that nothing leads to.
    pub(super) fn add_unplaced(&mut self, pages: u64) {
        self.unplaced += pages;
    }

    /// Whether pages that the domain gives back stay its own, as on ARM's directly mapped domains.
    pub(super) fn keeps(&self) -> bool {
        self.keeps
    }

    /// Where in the map a page of Xen's or of the domain's is.
    pub(super) fn find(&self, wanted: Place) -> Option<u64> {
        let mut places = self.map.iter();
        places
            .find(|(_, place)| **place == wanted)
            .map(|(frame, _)| *frame)
    }

    /// What the guest has at a frame number.
    pub(super) fn place(&self, frame: u64) -> Option<Place> {
        self.map.get(&frame).copied()
    }

    /// The machine frame of the domain's own RAM at a frame number.
    pub(super) fn ram(&self, frame: u64) -> Option<u64> {
        let place = self.place(frame)?;
        (place.kind == Kind::Ram).then_some(place.machine)
    }

    /// The frame numbers of the domain's RAM.
    pub(super) fn frames(&self) -> Vec<u64> {
        let ram = self.map.iter().filter(|(_, place)| place.kind == Kind::Ram);
        ram.map(|(frame, _)| *frame).collect()
    }

    /// The highest frame number that leads somewhere.
    pub(super) fn highest_frame(&self) -> u64 {
        self.map.keys().next_back().copied().unwrap_or(0)
    }

    /// Puts RAM at a frame number. What was there is lost.
    pub(super) fn put_ram(&mut self, frame: u64, machine: u64) {
        let kind = Kind::Ram;
        self.put(frame, Place { machine, kind });
        if self.given_back.remove(&machine) && self.keeps {
            self.unplaced -= 1;
        }
    }

    /// Puts anything at a frame number. RAM that was there is lost.
    pub(super) fn put(&mut self, frame: u64, place: Place) {
        self.take(frame);
        if place.kind == Kind::Ram {
            self.owned += 1;
        }
        self.map.insert(frame, place);
    }

    /// Takes away what is at a frame number.
    pub(super) fn take(&mut self, frame: u64) -> Option<Place> {
        let place = self.map.remove(&frame)?;
        if place.kind == Kind::Ram {
            self.owned -= 1;
            self.given_back.insert(place.machine);
            self.unplaced += u64::from(self.keeps);
        }
        Some(place)
    }

    /// Takes a page of the domain's own away for good: it is another's from now on.
    pub(super) fn give_away(&mut self, frame: u64) {
        if let Some(Place {
            kind: Kind::Ram, ..
        }) = self.map.remove(&frame)
        {
            self.owned -= 1;
        }
    }

    /// Moves what is at a frame number to another, where anything else is lost.
    pub(super) fn move_place(&mut self, from: u64, to: u64) {
        if let Some(place) = self.map.remove(&from) {
            self.owned -= u64::from(place.kind == Kind::Ram);
            self.put(to, place);
        }
    }

    /// Takes away what is at a frame number; if it is RAM, the domain still has the page.
    pub(super) fn take_quietly(&mut self, frame: u64) {
        if let Some(place) = self.map.remove(&frame) {
            if place.kind == Kind::Ram {
                self.owned -= 1;
                self.unplaced += 1;
                if self.keeps {
                    self.given_back.insert(place.machine);
                }
            }
        }
    }

    /// Whether a frame was the domain's once and is free now.
    pub(super) fn was_given_back(&self, machine: u64) -> bool {
        self.given_back.contains(&machine)
    }

    /// What a PV guest has at an address.
    pub(super) fn linear(&self, address: u64) -> Option<Place> {
        self.linear.get(&(address >> 12)).copied()
    }

    /// Puts something at an address of a PV guest, or nothing.
    pub(super) fn put_linear(&mut self, address: u64, place: Option<Place>) {
        match place {
            Some(place) => self.linear.insert(address >> 12, place),
            None => self.linear.remove(&(address >> 12)),
        };
    }

    /// The bytes of a machine frame.
    pub(super) fn page(&self, machine: u64) -> NonNull<u8> {
        let mut pages = self.pages.borrow_mut();
        *pages.entry(machine).or_insert_with(|| {
            // SAFETY: the layout's size is not 0.
            let page = unsafe { alloc_zeroed(LAYOUT) };
            let Some(page) = NonNull::new(page) else {
                handle_alloc_error(LAYOUT)
            };
            // Guests pass its address to hypercalls.
            let _ = page.as_ptr().expose_provenance();
            page
        })
    }

    /// The place of a value in a machine frame, if it is whole and aligned there.
    fn cell<T>(&self, machine: u64, offset: usize) -> NonNull<T> {
        assert!(offset % align_of::<T>() == 0 && offset + size_of::<T>() <= PAGE);
        // SAFETY: the sum stays within the page, by the assertion.
        unsafe { self.page(machine).add(offset) }.cast()
    }

    /// A word of 32 bits in a machine frame, shared with the guest.
    pub(super) fn u32(&self, machine: u64, offset: usize) -> &AtomicU32 {
        let cell = self.cell::<AtomicU32>(machine, offset);
        // SAFETY: the page lives as long as `self` and is initialised, and `cell` has checked the
        // place. Hypervisor and guest both know that the other may write it at any time.
        unsafe { cell.as_ref() }
    }

    /// A word of 16 bits in a machine frame, shared with the guest.
    pub(super) fn u16(&self, machine: u64, offset: usize) -> &AtomicU16 {
        let cell = self.cell::<AtomicU16>(machine, offset);
        // SAFETY: as in `u32`.
        unsafe { cell.as_ref() }
    }

    /// A byte in a machine frame, shared with the guest.
    pub(super) fn u8(&self, machine: u64, offset: usize) -> &AtomicU8 {
        let cell = self.cell::<AtomicU8>(machine, offset);
        // SAFETY: as in `u32`.
        unsafe { cell.as_ref() }
    }

    /// A word of the event bitmaps in a machine frame, shared with the guest.
    pub(super) fn word(&self, machine: u64, offset: usize) -> &Word {
        let cell = self.cell::<Word>(machine, offset);
        // SAFETY: as in `u32`.
        unsafe { cell.as_ref() }
    }

    /// Copies bytes between machine frames; the ranges are within their pages and may overlap.
    pub(super) fn copy(&self, from: (u64, usize), to: (u64, usize), length: usize) {
        assert!(from.1 + length <= PAGE && to.1 + length <= PAGE);
        let (source, target) = (self.page(from.0), self.page(to.0));
        // SAFETY: within the page, by the assertion.
        let source = unsafe { source.add(from.1) };
        // SAFETY: within the page, by the assertion.
        let target = unsafe { target.add(to.1) };
        // SAFETY: both ranges are initialised bytes of pages that live as long as `self`. A guest
        // whose memory is copied keeps its hands off meanwhile, as it must on a real hypervisor.
        unsafe { core::ptr::copy(source.as_ptr(), target.as_ptr(), length) };
    }

    /// Fills a page with one byte.
    pub(super) fn fill(&self, machine: u64, byte: u8) {
        let page = self.page(machine);
        // SAFETY: the whole page is this memory's own, as in `copy`.
        unsafe { page.write_bytes(byte, PAGE) };
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        for page in self.pages.get_mut().values() {
            // SAFETY: allocated with this layout in `page`, and not freed before.
            unsafe { dealloc(page.as_ptr(), LAYOUT) };
        }
    }
}
