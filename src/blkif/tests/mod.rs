//! Both ends against each other, against a naive reading of the bytes, and against pages that lie.
#![allow(unsafe_code)]

mod frontend;
mod hostile;
mod oracle;
mod round_trip;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ptr::NonNull;

use quickcheck::{Arbitrary, Gen};

use super::*;
use crate::ring::kinds::{BlkifX86_32, BlkifX86_64};
use crate::ring::{Mapping, SharedMemory, word_bytes};
use xen_public::grant_table::GrantRef;

/// How often a property is tried.
fn tests(natively: u64) -> u64 {
    if cfg!(miri) { 3 } else { natively }
}

/// Zeroed pages.
#[repr(C, align(4096))]
struct Pages<const N: usize>([[u8; 4096]; N]);

/// `COUNT` mappings of the same zeroed memory, which is leaked: the tests' pages are few.
fn mappings<const COUNT: usize>(len: usize) -> [Mapping; COUNT] {
    assert!(len <= 4 * 4096);
    let base = NonNull::from(Box::leak(Box::new(Pages([[0; 4096]; 4])))).cast();
    [(); COUNT].map(|()| {
        // SAFETY: the leaked pages stay, and are only touched through the mappings.
        unsafe { Mapping::new(base, len) }.unwrap()
    })
}

/// The width of all accesses to the slots of a ring.
fn word(layout: Layout) -> usize {
    match layout {
        Layout::X86_32 => word_bytes::<BlkifX86_32>(),
        Layout::X86_64 => word_bytes::<BlkifX86_64>(),
    }
}

/// Writes whole words to the slots of a ring, as the other end would.
fn poke(page: &Mapping, layout: Layout, at: usize, bytes: &[u8]) {
    let word = word(layout);
    assert!(at >= 64 && at % word == 0 && bytes.len() % word == 0);
    assert!(at + bytes.len() <= page.len());
    for (at, bytes) in (at..).step_by(word).zip(bytes.chunks(word)) {
        if word == 8 {
            // SAFETY: within the page, and at a multiple of 8.
            unsafe { page.store_u64(at, u64::from_ne_bytes(bytes.try_into().unwrap())) };
        } else {
            // SAFETY: within the page, and at a multiple of 4.
            unsafe { page.store_u32(at, u32::from_ne_bytes(bytes.try_into().unwrap())) };
        }
    }
}

/// Reads whole words from the slots of a ring, as the other end would.
fn peek(page: &Mapping, layout: Layout, at: usize, len: usize) -> Vec<u8> {
    let word = word(layout);
    assert!(at >= 64 && at % word == 0 && len % word == 0 && at + len <= page.len());
    (at..at + len)
        .step_by(word)
        .flat_map(|at| {
            if word == 8 {
                // SAFETY: within the page, and at a multiple of 8.
                unsafe { page.load_u64(at) }.to_ne_bytes().to_vec()
            } else {
                // SAFETY: within the page, and at a multiple of 4.
                unsafe { page.load_u32(at) }.to_ne_bytes().to_vec()
            }
        })
        .collect()
}

const LAYOUTS: [Layout; 2] = [Layout::X86_32, Layout::X86_64];

impl Arbitrary for Layout {
    fn arbitrary(g: &mut Gen) -> Self {
        *g.choose(&LAYOUTS).unwrap()
    }
}

impl Arbitrary for Segment {
    fn arbitrary(g: &mut Gen) -> Self {
        let (a, b) = (u8::arbitrary(g) % 8, u8::arbitrary(g) % 8);
        Self::new(GrantRef::new(u32::arbitrary(g)), a.min(b), a.max(b)).unwrap()
    }
}

/// A request that is well-formed for a disk of 2^40 sectors with everything on offer.
impl Arbitrary for Body {
    fn arbitrary(g: &mut Gen) -> Self {
        let sector = u64::arbitrary(g) % (1 << 39);
        let some = 1 + usize::arbitrary(g) % Segments::MAX;
        let mut transfer = |least: usize| {
            let segments: Vec<_> = (0..some.max(least))
                .map(|_| Segment::arbitrary(g))
                .collect();
            Transfer::new(sector, &segments).unwrap()
        };
        let (full, some) = (transfer(Segments::MAX), transfer(1));
        match u8::arbitrary(g) % 9 {
            0 => Self::Read(full),
            1 => Self::Read(some),
            2 => Self::Write(full),
            3 => Self::Write(some),
            4 => Self::Barrier(some),
            5 => Self::Barrier(Transfer::new(sector, &[]).unwrap()),
            6 => Self::Flush,
            7 => Self::Discard(Discard {
                sector,
                sectors: 1 + u64::arbitrary(g) % (1 << 39),
                secure: bool::arbitrary(g),
            }),
            _ => {
                let count = 1 + u16::arbitrary(g) % MAX_INDIRECT_SEGMENTS;
                let grants: Vec<_> = (0..count.div_ceil(SEGMENTS_PER_PAGE))
                    .map(|_| GrantRef::new(u32::arbitrary(g)))
                    .collect();
                let direction = *g.choose(&[Direction::Read, Direction::Write]).unwrap();
                Self::Indirect(Indirect::new(direction, sector, count, &grants).unwrap())
            }
        }
    }
}

/// Everything on offer, on a disk of 2^40 sectors.
fn generous() -> Limits {
    Limits::new(1 << 40)
        .with_barrier()
        .with_flush()
        .with_discard(DiscardLimits::new(512, 0).unwrap().with_secure())
        .with_indirect(MAX_INDIRECT_SEGMENTS)
}
