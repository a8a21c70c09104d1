//! Segments of an indirect request, in pages that a hostile frontend writes.

use xen_abi::blkif::{
    BadRequest, Direction, Indirect, IndirectError, IndirectSegments, MAX_INDIRECT_SEGMENTS,
    SEGMENTS_PER_PAGE, Segment, write_indirect_segments,
};
use xen_public::grant_table::GrantRef;

use super::disk::Disk;
use super::segment;
use crate::memory::Page;
use crate::script::Script;

/// The segments of an indirect request from its pages, which change as soon as they are loaded from.
///
/// Each segment that comes out was loaded once, is in its frame and on the disk; the first that is not ends
/// them, with a reason that is true of what was loaded; and what is written is read again.
pub fn blkif_indirect(data: &[u8]) {
    let script = &mut Script::new(data);
    let disk = Disk::new(script);
    if script.u8() % 4 == 0 {
        written(script);
        return;
    }
    let count = match script.u8() % 4 {
        0 => 1 + script.u16() % MAX_INDIRECT_SEGMENTS,
        _ => 1 + script.below(40) as u16,
    };
    let needed = usize::from(count.div_ceil(SEGMENTS_PER_PAGE));
    let sector = if script.flip() {
        u64::from(script.u8())
    } else {
        disk.sectors.wrapping_sub(script.u16().into())
    };
    let grants = vec![GrantRef::new(7); needed];
    let request = Indirect::new(Direction::Read, sector, count, &grants).expect("well-formed");
    // Now and then too few pages, or one that is too short.
    let given = match script.u8() {
        0 => needed - 1,
        1 => needed + 1,
        _ => needed,
    };
    let last = 8 * (usize::from(count - 1) % 512 + 1);
    let short = script.u8() == 0;
    let pages: Vec<Page> = (1..=given)
        .map(|page| match page == needed {
            false => Page::new(4096),
            true if short => Page::new(last - 1),
            true => Page::new(last + script.below(9)),
        })
        .collect();
    fill(&pages, script);
    let limits = disk.limits();
    let reader = match IndirectSegments::new(&request, &pages, &limits) {
        Ok(reader) => reader,
        Err(IndirectError::Pages {
            given: n,
            needed: m,
        }) => {
            assert!(n == given && m == needed && given < needed);
            return;
        }
        Err(IndirectError::PageTooSmall {
            index,
            len,
            needed: n,
        }) => {
            assert!(short && (index, len, n) == (needed - 1, last - 1, last));
            return;
        }
        Err(error) => panic!("{error}"),
    };
    assert!(given >= needed && !short);
    assert!(pages.iter().all(|page| page.log().is_empty()));
    let mut found = Vec::new();
    let mut end = None;
    for item in reader {
        assert_eq!(end, None, "nothing comes behind an error");
        match item {
            Ok(segment) => found.push(segment),
            Err(bad) => end = Some(bad),
        }
    }
    assert!(end.is_some() || found.len() == usize::from(count));
    check(&disk, sector, &pages, &found, end);
}

/// Few bytes of a script, over and over, and some changed.
fn fill(pages: &[Page], script: &mut Script<'_>) {
    let pattern: Vec<u8> = (0..1 + script.below(4))
        .flat_map(|_| {
            let segment = segment(script);
            let gref = segment.gref().get().to_ne_bytes();
            [
                gref.as_slice(),
                &[segment.first_sect(), segment.last_sect(), 0, 0],
            ]
            .concat()
        })
        .collect();
    let pattern = pattern.repeat(4096 / pattern.len() + 1);
    for page in pages {
        page.fill(0, &pattern);
    }
    while let (false, Some(page)) = (script.is_empty(), pages.get(script.below(8))) {
        if script.flip() {
            page.set_drift(script.some_bytes());
        }
        page.scribble(script);
    }
}

/// Holds what came out against what was loaded.
fn check(disk: &Disk, sector: u64, pages: &[Page], found: &[Segment], end: Option<BadRequest>) {
    // One load for each, in their order, and no other.
    let logs: Vec<_> = pages.iter().map(Page::log).collect();
    let loads: Vec<_> = logs.iter().flat_map(|log| log.loads()).collect();
    assert_eq!(loads.len(), found.len() + usize::from(end.is_some()));
    let mut sectors = 0;
    for (index, (at, loaded)) in loads.into_iter().enumerate() {
        assert_eq!((at, loaded.len()), (index % 512 * 8, 8));
        let (first, last) = (loaded[4], loaded[5]);
        let good = Disk::is_range(first, last);
        if good {
            sectors += u64::from(last) - u64::from(first) + 1;
        }
        let Some(segment) = found.get(index) else {
            let true_reason = match end {
                Some(BadRequest::SegmentRange {
                    index: n,
                    first_sect,
                    last_sect,
                }) => (usize::from(n), first_sect, last_sect) == (index, first, last) && !good,
                Some(BadRequest::SegmentAlignment {
                    index: n,
                    first_sect,
                    last_sect,
                    block,
                }) => {
                    (usize::from(n), first_sect, last_sect) == (index, first, last)
                        && block == disk.block
                        && good
                        && !disk.is_aligned(first, last)
                }
                Some(BadRequest::OutOfRange {
                    sector: from,
                    sectors: n,
                    capacity,
                }) => {
                    (from, n, capacity) == (sector, sectors, disk.sectors)
                        && good
                        && !disk.holds(sector, sectors)
                }
                _ => false,
            };
            assert!(true_reason, "{end:?} of {loaded:?}");
            break;
        };
        assert!(good && disk.is_aligned(first, last) && disk.holds(sector, sectors));
        assert_eq!(segment.gref().get().to_ne_bytes(), loaded[..4]);
        assert_eq!((segment.first_sect(), segment.last_sect()), (first, last));
    }
}

/// Segments are read as they were written.
fn written(script: &mut Script<'_>) {
    let few: Vec<Segment> = (0..1 + script.below(20)).map(|_| segment(script)).collect();
    let segments: Vec<Segment> = few
        .iter()
        .copied()
        .cycle()
        .take(script.u16().into())
        .collect();
    let pages: Vec<Page> = (0..script.below(10)).map(|_| Page::new(4096)).collect();
    let fits = segments.len() <= 512 * pages.len();
    match write_indirect_segments(&pages, &segments) {
        Ok(()) => assert!(fits && segments.len() <= MAX_INDIRECT_SEGMENTS.into()),
        Err(IndirectError::Pages { given, needed }) => {
            assert!(!fits);
            assert_eq!((given, needed), (pages.len(), segments.len().div_ceil(512)));
            return;
        }
        Err(IndirectError::Bad(BadRequest::SegmentCount { count, max })) => {
            assert!(max == MAX_INDIRECT_SEGMENTS && usize::from(count) == segments.len());
            assert!(count > max);
            return;
        }
        Err(error) => panic!("{error}"),
    }
    let Ok(count @ 1..) = u16::try_from(segments.len()) else {
        return;
    };
    let grants = vec![GrantRef::new(1); usize::from(count).div_ceil(512)];
    let request = Indirect::new(Direction::Write, 0, count, &grants).expect("well-formed");
    let limits = xen_abi::blkif::Limits::new(u64::MAX);
    let reader = IndirectSegments::new(&request, &pages, &limits).expect("as many pages");
    let mut buffer = vec![Segment::whole(GrantRef::new(0)); script.u16().into()];
    let given = buffer.len();
    match reader.read_into(&mut buffer) {
        Ok(found) => assert_eq!(found, segments),
        Err(error) => {
            let needed = segments.len();
            assert_eq!(error, IndirectError::Buffer { given, needed });
            assert!(given < needed);
        }
    }
}
