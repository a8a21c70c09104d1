//! How requests and responses lie in a slot, in each of the two layouts.
//!
//! A request begins with the same three things in all its forms: four bytes of which the first says
//! what the request is, the id, and the sector. What follows depends on the operation. So a slot is
//! read in two steps, the head and then what the operation asks for, and no byte is loaded twice.
//! The accesses are those that [`Slot`] allows: whole words of the ring's kind.
//!
//! The offsets here are held against the generated structures of every ABI when the crate compiles.

use core::mem::offset_of;

use xen_public::abi::{arm32, arm64, x86_32, x86_64};

use crate::ring::kinds::{BlkifX86_32, BlkifX86_64};
use crate::ring::{RingTypes, SharedMemory, Slot, slot_bytes, word_bytes};

/// The most segments in a request itself.
pub(super) const SEGMENTS: usize =
    x86_64::io::blkif::BLKIF_MAX_SEGMENTS_PER_REQUEST.unsigned_abs() as usize;
/// The most pages of an indirect request's segments.
pub(super) const PAGES: usize =
    x86_64::io::blkif::BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST.unsigned_abs() as usize;
/// The size of a segment, in a slot and in an indirect page alike.
pub(super) const SEGMENT_BYTES: usize = 8;

/// What all requests begin with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    /// `operation`.
    pub(super) operation: u8,
    /// `nr_segments`, `flag` of a discard, `indirect_op`.
    pub(super) second: u8,
    /// `handle`, `nr_segments` of an indirect request.
    pub(super) third: u16,
    /// `id`.
    pub(super) id: u64,
    /// `sector_number`.
    pub(super) sector: u64,
}

impl Head {
    /// The first four bytes, in memory's order.
    #[inline(always)]
    fn first(&self) -> [u8; 4] {
        let [a, b] = self.third.to_ne_bytes();
        [self.operation, self.second, a, b]
    }
}

/// The messages of one of blkif's rings, as they lie in its slots.
///
/// What the accessors of [`Slot`] can refuse, a place that is not in the slot or not made of whole
/// words, is ruled out for all of these by the assertions below, so there is a zero in its stead and
/// no way to fail.
pub(super) trait Wire: RingTypes + Sized {
    /// Loads the head.
    fn head<M: SharedMemory>(slot: &Slot<'_, Self, M>) -> Head;
    /// Loads a segment, of which there are [`SEGMENTS`], as its bytes.
    fn segment<M: SharedMemory>(slot: &Slot<'_, Self, M>, at: usize) -> u64;
    /// Loads the number of sectors to discard.
    fn nr_sectors<M: SharedMemory>(slot: &Slot<'_, Self, M>) -> u64;
    /// Loads the handle and the grants of an indirect request.
    fn indirect<M: SharedMemory>(slot: &Slot<'_, Self, M>) -> (u16, [u32; PAGES]);

    /// Stores the head.
    fn set_head<M: SharedMemory>(slot: &Slot<'_, Self, M>, head: &Head);
    /// Stores a segment as its bytes.
    fn set_segment<M: SharedMemory>(slot: &Slot<'_, Self, M>, at: usize, bytes: u64);
    /// Stores the number of sectors to discard.
    fn set_nr_sectors<M: SharedMemory>(slot: &Slot<'_, Self, M>, sectors: u64);
    /// Stores the handle and the grants of an indirect request, and zeros to its end.
    fn set_indirect<M: SharedMemory>(slot: &Slot<'_, Self, M>, handle: u16, grants: &[u32; PAGES]);

    /// Makes a response.
    fn response(id: u64, operation: u8, status: i16) -> Self::Response;
    /// Id, operation and status of a response.
    fn parts(response: &Self::Response) -> (u64, u8, i16);
}

/// The 64 bits of two words, in memory's order.
#[inline(always)]
fn join(first: u32, second: u32) -> u64 {
    let (low, high) = if cfg!(target_endian = "little") {
        (first, second)
    } else {
        (second, first)
    };
    (u64::from(high) << 32) | u64::from(low)
}

/// The two words of 64 bits, in memory's order.
#[inline(always)]
fn split(bits: u64) -> [u32; 2] {
    let (low, high) = (bits as u32, (bits >> 32) as u32);
    if cfg!(target_endian = "little") {
        [low, high]
    } else {
        [high, low]
    }
}

/// The 16 bits with which a word begins in memory.
#[inline(always)]
fn half(word: u32) -> u16 {
    let [a, b, _, _] = word.to_ne_bytes();
    u16::from_ne_bytes([a, b])
}

/// A word that begins with 16 bits and ends with zeros.
#[inline(always)]
fn widen(half: u16) -> u32 {
    let [a, b] = half.to_ne_bytes();
    u32::from_ne_bytes([a, b, 0, 0])
}

/// Where the segments begin, and a discard's number of sectors, and an indirect request's handle.
const REST_32: usize = 20;
/// As [`REST_32`].
const REST_64: usize = 24;

impl Wire for BlkifX86_32 {
    #[inline(always)]
    fn head<M: SharedMemory>(slot: &Slot<'_, Self, M>) -> Head {
        let [first, id, id_end, sector, sector_end] = slot.get::<[u32; 5]>(0).unwrap_or([0; 5]);
        let [operation, second, a, b] = first.to_ne_bytes();
        Head {
            operation,
            second,
            third: u16::from_ne_bytes([a, b]),
            id: join(id, id_end),
            sector: join(sector, sector_end),
        }
    }

    #[inline(always)]
    fn segment<M: SharedMemory>(slot: &Slot<'_, Self, M>, at: usize) -> u64 {
        slot.get(REST_32 + at * SEGMENT_BYTES).unwrap_or(0)
    }

    #[inline(always)]
    fn nr_sectors<M: SharedMemory>(slot: &Slot<'_, Self, M>) -> u64 {
        slot.get(REST_32).unwrap_or(0)
    }

    #[inline(always)]
    fn indirect<M: SharedMemory>(slot: &Slot<'_, Self, M>) -> (u16, [u32; PAGES]) {
        let [handle, a, b, c, d, e, f, g, h] = slot.get::<[u32; 9]>(REST_32).unwrap_or([0; 9]);
        (half(handle), [a, b, c, d, e, f, g, h])
    }

    #[inline(always)]
    fn set_head<M: SharedMemory>(slot: &Slot<'_, Self, M>, head: &Head) {
        let first = u32::from_ne_bytes(head.first());
        let [id, id_end] = split(head.id);
        let [sector, sector_end] = split(head.sector);
        let _fits = slot.set(0, &[first, id, id_end, sector, sector_end]);
    }

    #[inline(always)]
    fn set_segment<M: SharedMemory>(slot: &Slot<'_, Self, M>, at: usize, bytes: u64) {
        let _fits = slot.set(REST_32 + at * SEGMENT_BYTES, &bytes);
    }

    #[inline(always)]
    fn set_nr_sectors<M: SharedMemory>(slot: &Slot<'_, Self, M>, sectors: u64) {
        let _fits = slot.set(REST_32, &sectors);
    }

    #[inline(always)]
    fn set_indirect<M: SharedMemory>(slot: &Slot<'_, Self, M>, handle: u16, grants: &[u32; PAGES]) {
        let [a, b, c, d, e, f, g, h] = *grants;
        let _fits = slot.set(REST_32, &[widen(handle), a, b, c, d, e, f, g, h, 0, 0]);
    }

    #[inline(always)]
    fn response(id: u64, operation: u8, status: i16) -> Self::Response {
        x86_32::io::blkif::blkif_response {
            id,
            operation,
            status,
            ..x86_32::io::blkif::blkif_response::ZERO
        }
    }

    #[inline(always)]
    fn parts(response: &Self::Response) -> (u64, u8, i16) {
        (response.id, response.operation, response.status)
    }
}

impl Wire for BlkifX86_64 {
    #[inline(always)]
    fn head<M: SharedMemory>(slot: &Slot<'_, Self, M>) -> Head {
        let [first, id, sector] = slot.get::<[u64; 3]>(0).unwrap_or([0; 3]);
        let [operation, second, a, b, ..] = first.to_ne_bytes();
        Head {
            operation,
            second,
            third: u16::from_ne_bytes([a, b]),
            id,
            sector,
        }
    }

    #[inline(always)]
    fn segment<M: SharedMemory>(slot: &Slot<'_, Self, M>, at: usize) -> u64 {
        slot.get(REST_64 + at * SEGMENT_BYTES).unwrap_or(0)
    }

    #[inline(always)]
    fn nr_sectors<M: SharedMemory>(slot: &Slot<'_, Self, M>) -> u64 {
        slot.get(REST_64).unwrap_or(0)
    }

    #[inline(always)]
    fn indirect<M: SharedMemory>(slot: &Slot<'_, Self, M>) -> (u16, [u32; PAGES]) {
        let [handle, a, b, c, d, e, f, g, h, _] = slot.get::<[u32; 10]>(REST_64).unwrap_or([0; 10]);
        (half(handle), [a, b, c, d, e, f, g, h])
    }

    #[inline(always)]
    fn set_head<M: SharedMemory>(slot: &Slot<'_, Self, M>, head: &Head) {
        let first = join(u32::from_ne_bytes(head.first()), 0);
        let _fits = slot.set(0, &[first, head.id, head.sector]);
    }

    #[inline(always)]
    fn set_segment<M: SharedMemory>(slot: &Slot<'_, Self, M>, at: usize, bytes: u64) {
        let _fits = slot.set(REST_64 + at * SEGMENT_BYTES, &bytes);
    }

    #[inline(always)]
    fn set_nr_sectors<M: SharedMemory>(slot: &Slot<'_, Self, M>, sectors: u64) {
        let _fits = slot.set(REST_64, &sectors);
    }

    #[inline(always)]
    fn set_indirect<M: SharedMemory>(slot: &Slot<'_, Self, M>, handle: u16, grants: &[u32; PAGES]) {
        let [a, b, c, d, e, f, g, h] = *grants;
        let _fits = slot.set(REST_64, &[widen(handle), a, b, c, d, e, f, g, h, 0]);
    }

    #[inline(always)]
    fn response(id: u64, operation: u8, status: i16) -> Self::Response {
        x86_64::io::blkif::blkif_response {
            id,
            operation,
            status,
            ..x86_64::io::blkif::blkif_response::ZERO
        }
    }

    #[inline(always)]
    fn parts(response: &Self::Response) -> (u64, u8, i16) {
        (response.id, response.operation, response.status)
    }
}

/// Holds the offsets above against the structures of an ABI.
macro_rules! layout {
    ($kind:ident of $($abi:ident),*: id $id:literal, sector $sector:literal, rest $rest:ident,
     grants $grants:literal, request $request:literal, discard $discard:literal,
     response $response:literal) => {
        $(
            const _: () = {
                use $abi::io::blkif as c;
                assert!(size_of::<c::blkif_request>() == $request);
                assert!(offset_of!(c::blkif_request, operation) == 0);
                assert!(offset_of!(c::blkif_request, nr_segments) == 1);
                assert!(offset_of!(c::blkif_request, handle) == 2);
                assert!(offset_of!(c::blkif_request, id) == $id);
                assert!(offset_of!(c::blkif_request, sector_number) == $sector);
                assert!(offset_of!(c::blkif_request, seg) == $rest);
                assert!($request == $rest + SEGMENTS * SEGMENT_BYTES);

                assert!(size_of::<c::blkif_request_segment>() == SEGMENT_BYTES);
                assert!(offset_of!(c::blkif_request_segment, gref) == 0);
                assert!(offset_of!(c::blkif_request_segment, first_sect) == 4);
                assert!(offset_of!(c::blkif_request_segment, last_sect) == 5);

                assert!(size_of::<c::blkif_request_discard>() == $discard);
                assert!(offset_of!(c::blkif_request_discard, operation) == 0);
                assert!(offset_of!(c::blkif_request_discard, flag) == 1);
                assert!(offset_of!(c::blkif_request_discard, handle) == 2);
                assert!(offset_of!(c::blkif_request_discard, id) == $id);
                assert!(offset_of!(c::blkif_request_discard, sector_number) == $sector);
                assert!(offset_of!(c::blkif_request_discard, nr_sectors) == $rest);

                assert!(size_of::<c::blkif_request_indirect>() == 64);
                assert!(offset_of!(c::blkif_request_indirect, operation) == 0);
                assert!(offset_of!(c::blkif_request_indirect, indirect_op) == 1);
                assert!(offset_of!(c::blkif_request_indirect, nr_segments) == 2);
                assert!(offset_of!(c::blkif_request_indirect, id) == $id);
                assert!(offset_of!(c::blkif_request_indirect, sector_number) == $sector);
                assert!(offset_of!(c::blkif_request_indirect, handle) == $rest);
                assert!(offset_of!(c::blkif_request_indirect, indirect_grefs) == $grants);
                assert!($grants == $rest + 4);

                assert!(size_of::<c::blkif_response>() == $response);
                assert!(offset_of!(c::blkif_response, id) == 0);
                assert!(offset_of!(c::blkif_response, operation) == 8);
                assert!(offset_of!(c::blkif_response, status) == 10);
            };
        )*
        const _: () = {
            // Each part lies in the slot and consists of whole words, also of 8 bytes.
            assert!(slot_bytes::<$kind>() == $request);
            assert!($rest % word_bytes::<$kind>() == 0);
            assert!(SEGMENT_BYTES % word_bytes::<$kind>() == 0);
            assert!((64 - $rest) % word_bytes::<$kind>() == 0);
            assert!(64 <= $request);
        };
    };
}

layout! {
    BlkifX86_32 of x86_32: id 4, sector 12, rest REST_32,
    grants 24, request 108, discard 28, response 12
}
layout! {
    BlkifX86_64 of x86_64, arm32, arm64: id 8, sector 16, rest REST_64,
    grants 28, request 112, discard 32, response 16
}
