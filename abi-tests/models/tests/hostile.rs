//! Ends whose pages somebody rewrites all the time, at full speed: blkif's in both layouts, the pages
//! of indirect requests, and a flex ring. Whatever comes out is right in itself, or refused with a
//! reason; nothing panics, and what was found corrupt stays so.
#![allow(unsafe_code)]

use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use xen_abi::blkif::{
    BackRing, Body, Direction, DiscardLimits, FrontRing, Indirect, IndirectSegments, Layout,
    Limits, Segment, Shadow, Status, SubmitError, Transfer,
};
use xen_abi::ring::flex::{Back, Order, Xen9pfs};
use xen_abi::ring::{HEADER_BYTES, Mapping, SharedMemory};
use xen_abi::xen_public::grant_table::GrantRef;

#[repr(align(4096))]
struct Pages([u8; 2 * 4096]);

/// Two pages of these bytes, as often as they are needed. They are never freed.
fn pages(fill: u8) -> impl Fn() -> Mapping + Send + Sync + 'static {
    let pages = Box::leak(Box::new(Pages([fill; 8192])));
    let base = NonNull::from(&mut pages.0)
        .cast::<u8>()
        .as_ptr()
        .expose_provenance();
    move || {
        let base = NonNull::new(std::ptr::with_exposed_provenance_mut(base)).unwrap();
        // SAFETY: the pages stay, and are only touched through these mappings, at each place with
        // the width with which the ends do it.
        unsafe { Mapping::new(base, 8192) }.unwrap()
    }
}

/// Numbers for who rewrites the pages (xorshift).
struct Noise(u32);

impl Noise {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    fn below(&mut self, limit: u32) -> u32 {
        (self.next() >> 8) % limit
    }

    /// An index, mostly a small one.
    fn index(&mut self, usual: u32) -> u32 {
        if self.below(16) == 0 {
            self.next()
        } else {
            self.below(usual)
        }
    }
}

/// How long an end is attacked, and at most where some outcome is rare: two threads that share a processor
/// seldom meet.
const ATTACK: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// Runs `end`, which counts its outcomes, again and again while `rewrite` goes on. Each outcome has to be
/// seen.
fn attacked<const N: usize>(
    rewrite: impl Fn(&mut Noise) + Send + Sync,
    outcomes: [&str; N],
    mut end: impl FnMut(&mut [u64; N]),
) {
    let stop = AtomicBool::new(false);
    let mut counts = [0; N];
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut noise = Noise(0x9e37_79b9);
            let mut rounds = 0u64;
            while !stop.load(Relaxed) {
                for _ in 0..64 {
                    rewrite(&mut noise);
                }
                rounds += 64;
            }
            rounds
        });
        let start = Instant::now();
        let mut rounds = 0;
        while if cfg!(miri) {
            rounds < 20
        } else {
            start.elapsed() < ATTACK || (counts.contains(&0) && start.elapsed() < LONGEST)
        } {
            // A panic in here must not leave the other thread running.
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| end(&mut counts)));
            if let Err(panic) = ended {
                stop.store(true, Relaxed);
                std::panic::resume_unwind(panic);
            }
            rounds += 1;
        }
        stop.store(true, Relaxed);
        println!(
            "{rounds} rounds, rewritten {} times",
            writer.join().unwrap()
        );
    });
    for (outcome, count) in outcomes.iter().zip(counts) {
        println!("{outcome}: {count}");
        assert!(cfg!(miri) || count > 0, "{outcome} was never seen");
    }
}

/// Slots that are rewritten, and their bytes.
const SLOTS: usize = 8;

fn slot_bytes(layout: Layout) -> usize {
    match layout {
        Layout::X86_32 => 108,
        Layout::X86_64 => 112,
    }
}

/// So many bytes of a ring that it has 8 slots.
fn ring(layout: Layout, pages: &impl Fn() -> Mapping) -> Mapping {
    let len = HEADER_BYTES + SLOTS * slot_bytes(layout);
    // SAFETY: fewer bytes of the same pages.
    unsafe { Mapping::new(pages().base(), len) }.unwrap()
}

/// Rewrites one word of a slot, of the width with which the layout's words are accessed. `word` gives
/// the 32 bits for each place in the structure without padding.
fn rewrite_slot(
    page: &Mapping,
    layout: Layout,
    noise: &mut Noise,
    word: impl Fn(&mut Noise, u32) -> u32,
) {
    let slot = HEADER_BYTES + noise.below(SLOTS as u32) as usize * slot_bytes(layout);
    match layout {
        Layout::X86_32 => {
            let at = noise.below(27);
            let value = word(noise, at);
            // SAFETY: in a slot, and a multiple of 4.
            unsafe { page.store_u32(slot + 4 * at as usize, value) };
        }
        Layout::X86_64 => {
            let at = noise.below(14);
            let value = match at {
                0 => u64::from(word(noise, 0)),
                _ => u64::from(word(noise, 2 * at - 1)) | u64::from(word(noise, 2 * at)) << 32,
            };
            if cfg!(target_pointer_width = "64") {
                // SAFETY: in a slot, and a multiple of 8.
                unsafe { page.store_u64(slot + 8 * at as usize, value) };
            } else {
                // SAFETY: as above.
                unsafe { page.store_u32(slot + 8 * at as usize, value as u32) };
            }
        }
    }
}

const SECTORS: u64 = 64;

fn limits() -> Limits {
    Limits::new(SECTORS)
        .with_barrier()
        .with_flush()
        .with_discard(DiscardLimits::new(512, 0).unwrap())
        .with_indirect(64)
}

/// A word of a request that may well be right.
fn request_word(noise: &mut Noise, at: u32) -> u32 {
    match at {
        0 => noise.below(8) | noise.below(13) << 8 | noise.below(70) << 16,
        1 | 2 => noise.next(),
        3 => noise.below(80),
        4 => u32::from(noise.below(16) == 0),
        // Grants, or a number of sectors.
        _ if at % 2 == 1 => noise.below(32),
        // Sectors, or the upper half of their number.
        _ => match noise.below(4) {
            0 => 0,
            1 => noise.below(8) | noise.below(10) << 8,
            _ => noise.below(4) | (4 + noise.below(4)) << 8,
        },
    }
}

/// Whether segments can be in a frame each, and together on the disk.
fn in_limits(sector: u64, segments: &[Segment]) {
    let mut end = sector;
    for segment in segments {
        assert!(segment.first_sect() <= segment.last_sect() && segment.last_sect() < 8);
        end += u64::from(segment.last_sect() - segment.first_sect()) + 1;
    }
    assert!(end <= SECTORS, "{sector} {segments:?}");
}

fn backend(layout: Layout) {
    let pages = pages(0);
    let page = pages();
    let limits = limits();
    let rewrite = move |noise: &mut Noise| {
        rewrite_slot(&page, layout, noise, request_word);
        let at = 4 * noise.below(4) as usize;
        // SAFETY: one of the four indices.
        unsafe { page.store_u32(at, noise.index(16)) };
    };
    let outcomes = [
        "a transfer",
        "another operation",
        "a refusal",
        "a corrupt ring",
    ];
    attacked(rewrite, outcomes, |counts| {
        let [transfers, others, refused, corrupt] = counts;
        let mut back = BackRing::attach(layout, ring(layout, &pages), 0).unwrap();
        assert_eq!(back.size() as usize, SLOTS);
        for _ in 0..100 {
            let response = match back.take(&limits) {
                Err(error) => {
                    *corrupt += 1;
                    // It stays so, whatever the page says next.
                    assert_eq!(back.take(&limits), Err(error));
                    assert_eq!(back.final_check(), Err(error));
                    return;
                }
                Ok(None) => {
                    let _ = back.push_and_check_notify();
                    let _ = back.final_check();
                    continue;
                }
                Ok(Some(Err(refusal))) => {
                    *refused += 1;
                    let response = refusal.response();
                    assert!(response.status != Status::Okay);
                    response
                }
                Ok(Some(Ok(request))) => {
                    match &request.body {
                        Body::Read(transfer) | Body::Write(transfer) => {
                            *transfers += 1;
                            assert!((1..=11).contains(&transfer.segments.len()));
                            in_limits(transfer.sector, &transfer.segments);
                        }
                        Body::Barrier(transfer) => {
                            *others += 1;
                            // An empty one has no place on the disk.
                            let empty = transfer.segments.is_empty();
                            in_limits(if empty { 0 } else { transfer.sector }, &transfer.segments);
                        }
                        Body::Discard(discard) => {
                            *others += 1;
                            let end = discard.sector.checked_add(discard.sectors);
                            assert!(discard.sectors > 0 && end.unwrap() <= SECTORS);
                            assert!(!discard.secure);
                        }
                        Body::Indirect(indirect) => {
                            *others += 1;
                            let count = indirect.nr_segments();
                            assert!((1..=64).contains(&count) && indirect.sector() < SECTORS);
                            assert_eq!(indirect.page_grants().len(), 1);
                        }
                        Body::Flush => *others += 1,
                        other => panic!("{other:?}"),
                    }
                    request.respond(Status::Okay)
                }
            };
            assert!(back.unanswered() as usize <= SLOTS);
            back.put(&response).unwrap();
        }
    });
}

#[test]
fn a_blkif_backend_of_x86_32_survives() {
    backend(Layout::X86_32);
}

#[test]
fn a_blkif_backend_of_x86_64_survives() {
    backend(Layout::X86_64);
}

#[test]
fn readers_of_indirect_segments_survive() {
    let pages = pages(0);
    let page = pages();
    let grants = [GrantRef::new(1), GrantRef::new(2)];
    let limits = Limits::new(SECTORS).with_indirect(1024);
    let rewrite = move |noise: &mut Noise| {
        let at = noise.below(1024) as usize;
        let (first, last) = match noise.below(32) {
            0 => (noise.below(256), noise.below(256)),
            _ => (noise.below(4), 4 + noise.below(4)),
        };
        let segment = u64::from(noise.next()) | u64::from(first | last << 8) << 32;
        // SAFETY: in the pages, and a multiple of 8.
        unsafe { page.store_u64(8 * at, segment.to_le()) };
    };
    let lent = [pages()];
    let outcomes = ["a whole list", "a bad segment", "a list beyond the disk"];
    attacked(rewrite, outcomes, |counts| {
        let [whole, range, beyond] = counts;
        for count in [1, 2, 5, 10, 512] {
            let request = Indirect::new(Direction::Write, 3, count, &grants[..1]).unwrap();
            let mut segments = Vec::new();
            let mut bad = None;
            for segment in IndirectSegments::new(&request, &lent, &limits).unwrap() {
                assert!(bad.is_none(), "nothing comes behind an error");
                match segment {
                    Ok(segment) => segments.push(segment),
                    Err(error) => bad = Some(error),
                }
            }
            in_limits(3, &segments);
            match bad {
                None => {
                    assert_eq!(segments.len(), usize::from(count));
                    *whole += 1;
                }
                Some(xen_abi::blkif::BadRequest::OutOfRange { .. }) => *beyond += 1,
                Some(_) => *range += 1,
            }
        }
    });
}

/// A word of a response that may well be right: of the id, in two parts, or the rest.
fn response_word(noise: &mut Noise, at: u32) -> u32 {
    match at {
        0 => noise.below(9),
        1 => noise.below(3),
        _ => noise.below(4) | [0, 0, 0xffff, 0xfffe, 7][noise.below(5) as usize] << 16,
    }
}

fn frontend(layout: Layout) {
    let pages = pages(0);
    let page = pages();
    let rewrite = move |noise: &mut Noise| {
        let slot = HEADER_BYTES + noise.below(SLOTS as u32) as usize * slot_bytes(layout);
        let [id, generation, rest] = [0, 1, 2].map(|at| response_word(noise, at));
        if layout == Layout::X86_64 && cfg!(target_pointer_width = "64") {
            // SAFETY: in a slot, and a multiple of 8.
            unsafe { page.store_u64(slot, u64::from(id) | u64::from(generation) << 32) };
            // SAFETY: as above.
            unsafe { page.store_u64(slot + 8, u64::from(rest)) };
        } else {
            for (at, word) in [id, generation, rest].into_iter().enumerate() {
                // SAFETY: in a slot, and a multiple of 4.
                unsafe { page.store_u32(slot + 4 * at, word) };
            }
        }
        let at = 4 * noise.below(4) as usize;
        // SAFETY: one of the four indices.
        unsafe { page.store_u32(at, noise.index(8)) };
    };
    let segment = Segment::whole(GrantRef::new(8));
    let bodies = [
        Body::Read(Transfer::new(0, &[segment]).unwrap()),
        Body::Write(Transfer::new(8, &[segment; 11]).unwrap()),
        Body::Flush,
    ];
    let outcomes = ["a completion", "a bad response", "a corrupt ring"];
    attacked(rewrite, outcomes, |counts| {
        let [completed, bad, corrupt] = counts;
        let memory = ring(layout, &pages);
        let mut front = FrontRing::attach(layout, memory, [Shadow::FREE; SLOTS], 0, 0).unwrap();
        let mut in_flight = Vec::new();
        for tag in 0..100 {
            let body = &bodies[tag % 3];
            match front.put(body, tag as u64) {
                Ok(id) => in_flight.push((id, tag as u64, body.operation())),
                Err(SubmitError::TableFull { .. } | SubmitError::Ring(_)) => {}
                Err(error) => panic!("{error}"),
            }
            let _ = front.push_and_check_notify();
            match front.take() {
                Err(error) => {
                    *corrupt += 1;
                    assert_eq!(front.take(), Err(error));
                    assert_eq!(front.final_check(), Err(error));
                    assert!(front.put(body, 0).is_err());
                    return;
                }
                Ok(None) => {
                    let _ = front.final_check();
                }
                Ok(Some(Err(_))) => *bad += 1,
                Ok(Some(Ok(done))) => {
                    *completed += 1;
                    let asked = in_flight.iter().position(|(id, ..)| *id == done.id);
                    let asked = in_flight.swap_remove(asked.expect("a request in flight"));
                    assert_eq!(asked, (done.id, done.tag, done.operation));
                }
            }
            assert_eq!(front.in_flight() as usize, in_flight.len());
        }
    });
}

#[test]
fn a_blkif_frontend_of_x86_32_survives() {
    frontend(Layout::X86_32);
}

#[test]
fn a_blkif_frontend_of_x86_64_survives() {
    frontend(Layout::X86_64);
}

#[test]
fn a_flex_ring_survives() {
    /// `in_cons`, `in_prod`, `out_cons` and `out_prod`.
    const INDICES: [usize; 4] = [0, 4, 64, 68];
    let (indices, bytes) = (pages(0), pages(0x80));
    let (page, data) = (indices(), bytes());
    let rewrite = move |noise: &mut Noise| {
        let at = INDICES[noise.below(4) as usize];
        let index = noise.index(64) + if at % 8 == 4 { 40 } else { 0 };
        // SAFETY: an index, in the page.
        unsafe { page.store_u32(at, index) };
        let at = noise.below(4096) as usize;
        // SAFETY: in the data ring.
        unsafe { data.store_u8(at, 0x80 | noise.next() as u8) };
    };
    let outcomes = [
        "a byte that was read",
        "a byte that was written",
        "a corrupt ring",
        "a ring that can't be",
    ];
    attacked(rewrite, outcomes, |counts| {
        let [read, written, corrupt, refused] = counts;
        let order = Order::new(0).unwrap();
        let Ok(mut back) = Back::<Xen9pfs, _>::attach(indices(), bytes(), order) else {
            *refused += 1;
            return;
        };
        for _ in 0..100 {
            let mut buffer = [0; 48];
            let (mut reader, mut writer) = back.split();
            let from = match reader.read(&mut buffer) {
                Ok(moved) => moved.bytes,
                Err(error) => {
                    *corrupt += 1;
                    assert_eq!(reader.unread(), Err(error));
                    assert_eq!(reader.read(&mut buffer), Err(error));
                    return;
                }
            };
            // All of them were written by somebody, and no more than were asked for.
            assert!(buffer[..from].iter().all(|byte| *byte >= 0x80));
            assert!(buffer[from..].iter().all(|byte| *byte == 0));
            *read += from as u64;
            match writer.write(&[0xc0; 100]) {
                Ok(moved) => {
                    assert!(moved.bytes <= 100);
                    *written += moved.bytes as u64;
                }
                Err(error) => {
                    *corrupt += 1;
                    assert_eq!(writer.free(), Err(error));
                    assert_eq!(writer.write(&[0xc0]), Err(error));
                    return;
                }
            }
        }
    });
}
