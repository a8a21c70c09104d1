//! Block devices: requests, responses and the pages of indirect segments.

mod back;
mod disk;
mod front;
mod indirect;

pub use back::{blkif_x86_32, blkif_x86_64};
pub use front::blkif_front;
pub use indirect::blkif_indirect;

use xen_abi::blkif::{
    Body, Direction, Discard, Indirect, Layout, MAX_INDIRECT_SEGMENTS, Segment, Segments, Transfer,
};
use xen_public::grant_table::GrantRef;

use crate::script::Script;

/// Where things are in a slot.
struct Offsets {
    /// The bytes of a slot.
    slot: usize,
    id: usize,
    sector: usize,
    /// Segments, a discard's number of sectors, an indirect request's handle.
    rest: usize,
    /// The bytes of a response.
    response: usize,
}

fn offsets(layout: Layout) -> Offsets {
    match layout {
        Layout::X86_32 => Offsets {
            slot: 108,
            id: 4,
            sector: 12,
            rest: 20,
            response: 12,
        },
        Layout::X86_64 => Offsets {
            slot: 112,
            id: 8,
            sector: 16,
            rest: 24,
            response: 16,
        },
    }
}

fn segment(script: &mut Script<'_>) -> Segment {
    let gref = GrantRef::new(script.u8().into());
    let sectors = script.u8();
    let (a, b) = (sectors & 7, sectors >> 3 & 7);
    Segment::new(gref, a.min(b), a.max(b)).expect("in the frame and in order")
}

/// A well-formed request.
fn body(script: &mut Script<'_>) -> Body {
    let sector = if script.flip() {
        script.u8().into()
    } else {
        script.u64()
    };
    let mut transfer = |least: usize| {
        let count = least + script.below(Segments::MAX + 1 - least);
        let segments: Vec<_> = (0..count).map(|_| segment(script)).collect();
        Transfer::new(sector, &segments).expect("at most 11")
    };
    match sector % 7 {
        0 => Body::Read(transfer(1)),
        1 => Body::Write(transfer(1)),
        2 => Body::Barrier(transfer(0)),
        3 => Body::Flush,
        4 => Body::Discard(Discard {
            sector,
            sectors: script.u64(),
            secure: script.flip(),
        }),
        _ => {
            let count = 1 + script.u16() % MAX_INDIRECT_SEGMENTS;
            let grants: Vec<_> = (0..count.div_ceil(512))
                .map(|_| GrantRef::new(script.u8().into()))
                .collect();
            let direction = script.one_of(&[Direction::Read, Direction::Write]);
            let indirect = Indirect::new(direction, sector, count, &grants);
            Body::Indirect(indirect.expect("as many pages as needed"))
        }
    }
}
