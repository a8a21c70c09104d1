//! What a frontend does to its part of the disk, as a list of jobs, and what the data must be.
//!
//! A round writes everything, flushes, reads everything and compares it, discards every fifth
//! stretch, flushes again, and reads everything once more. Sizes and places vary: single sectors,
//! requests whose segments begin and end within a page, direct requests of up to 11 pages, indirect
//! ones of up to 32.

use super::disk::SECTOR;

/// The most sectors of a job: 32 pages.
pub(crate) const MOST: u64 = 256;
/// The sectors of a page.
pub(crate) const PER_PAGE: u64 = 8;
/// The most segments in a request itself; more go into an indirect one.
pub(crate) const DIRECT: u64 = 11;

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) kind: Kind,
    /// The first sector, counted from the beginning of the disk.
    pub(crate) sector: u64,
    pub(crate) sectors: u64,
    /// The sector within the first page where the data begins.
    pub(crate) within: u64,
}

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
    Write,
    Discard,
}

impl Job {
    /// The segments of the request: one for each page that it touches.
    pub(crate) fn segments(self) -> u64 {
        (self.within + self.sectors).div_ceil(PER_PAGE)
    }

    /// Whether the segments have a page of their own.
    pub(crate) fn is_indirect(self) -> bool {
        self.segments() > DIRECT
    }
}

/// The part of the disk that a frontend has to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) first: u64,
    pub(crate) sectors: u64,
    /// Makes the data of each frontend and round its own.
    pub(crate) seed: u64,
}

/// How long the stretches are of which every fifth is discarded.
const STRETCH: u64 = 100;

impl Part {
    /// All jobs of one kind over the whole part, in sizes that vary.
    pub(crate) fn cover(self, kind: Kind) -> impl Iterator<Item = Job> {
        let mut at = 0;
        let mut dice = mix(self.seed ^ kind as u64);
        std::iter::from_fn(move || {
            let left = self.sectors - at;
            if left == 0 {
                return None;
            }
            dice = mix(dice);
            let (wanted, within) = match dice % 8 {
                0..=3 => (MOST, 0),
                4 => (DIRECT * PER_PAGE, 0),
                5 => (1 + (dice >> 8) % PER_PAGE, (dice >> 16) % PER_PAGE),
                6 => (1, (dice >> 8) % PER_PAGE),
                _ => (1 + (dice >> 8) % (MOST - PER_PAGE), (dice >> 32) % PER_PAGE),
            };
            let job = Job {
                kind,
                sector: self.first + at,
                sectors: wanted.min(left),
                within,
            };
            at += job.sectors;
            Some(job)
        })
    }

    /// The jobs that discard every fifth stretch.
    pub(crate) fn discards(self) -> impl Iterator<Item = Job> {
        (0..self.sectors.div_ceil(STRETCH))
            .filter(|stretch| stretch % 5 == 0)
            .map(move |stretch| Job {
                kind: Kind::Discard,
                sector: self.first + stretch * STRETCH,
                sectors: STRETCH.min(self.sectors - stretch * STRETCH),
                within: 0,
            })
    }

    /// What a sector must hold, before the discards or after.
    pub(crate) fn fill(self, sector: u64, discarded: bool, to: &mut [u8]) {
        if discarded && (sector - self.first) / STRETCH % 5 == 0 {
            to.fill(0);
            return;
        }
        let mut state = mix(self.seed.wrapping_add(sector));
        for word in to.chunks_exact_mut(8) {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            word.copy_from_slice(&(state ^ state >> 29).to_le_bytes());
        }
    }

    /// The bytes of the part.
    pub(crate) fn bytes(self) -> u64 {
        self.sectors * SECTOR
    }
}

/// A number that looks like chance and follows from the given one.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}
