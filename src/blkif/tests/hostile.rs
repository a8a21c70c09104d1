//! Slots and pages as a hostile frontend would write them, also while they are being read.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use core::cell::RefCell;

use quickcheck::QuickCheck;

use super::oracle::Disk;
use super::*;

impl Arbitrary for Disk {
    fn arbitrary(g: &mut Gen) -> Self {
        let sector_size = *g.choose(&[512, 512, 1024, 2048, 4096]).unwrap();
        let unit = 512 * (1 + u32::arbitrary(g) % 4);
        Self {
            sectors: *g.choose(&[0, 7, 64, 1000, 1 << 20, u64::MAX]).unwrap(),
            sector_size,
            read_only: u8::arbitrary(g) % 4 == 0,
            barrier: u8::arbitrary(g) % 4 != 0,
            flush: u8::arbitrary(g) % 4 != 0,
            discard: (u8::arbitrary(g) % 4 != 0).then(|| {
                let alignment = 512 * (u32::arbitrary(g) % 6);
                (unit, alignment, bool::arbitrary(g))
            }),
            indirect: *g.choose(&[0, 1, 256, 4096]).unwrap(),
        }
    }
}

/// The bytes of a slot: any, or those of a request that is nearly right.
#[derive(Clone, Debug)]
struct Bytes(Vec<u8>);

/// A request of the layout with some bytes wrong, in 112 bytes.
fn nearly_right(g: &mut Gen, layout: Layout) -> Vec<u8> {
    let mut body = Body::arbitrary(g);
    // Close to the start, most of the time: the disks are small.
    let near = u64::arbitrary(g) % 64;
    if u8::arbitrary(g) % 4 != 0 {
        let near = if bool::arbitrary(g) { near & !7 } else { near };
        match &mut body {
            Body::Read(transfer) | Body::Write(transfer) | Body::Barrier(transfer) => {
                transfer.sector = near;
                if bool::arbitrary(g) {
                    let whole = transfer.segments.iter().map(|s| Segment::whole(s.gref()));
                    let whole: Vec<_> = whole.collect();
                    *transfer = Transfer::new(near, &whole).unwrap();
                }
            }
            Body::Discard(discard) => {
                discard.sector = near;
                discard.sectors %= 64;
            }
            Body::Indirect(indirect) => {
                let pages = indirect.page_grants();
                let count = indirect.nr_segments();
                *indirect = Indirect::new(indirect.direction(), near, count, pages).unwrap();
                if bool::arbitrary(g) {
                    let (direction, count) = (indirect.direction(), count % 4 + 1);
                    let pages = &indirect.page_grants()[..1];
                    *indirect = Indirect::new(direction, near, count, pages).unwrap();
                }
            }
            Body::Flush => {}
        }
    }
    let mut bytes: Vec<u8> = oracle::written(layout, u64::arbitrary(g), u16::arbitrary(g), &body)
        .into_iter()
        .map(|byte| byte.unwrap_or_else(|| u8::arbitrary(g)))
        .collect();
    for _ in 0..u8::arbitrary(g) % 4 {
        // The first bytes decide the most.
        let below = if bool::arbitrary(g) { 32 } else { bytes.len() };
        let at = usize::arbitrary(g) % below;
        bytes[at] = *g.choose(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 255]).unwrap();
    }
    bytes.resize(112, 0);
    bytes
}

impl Arbitrary for Bytes {
    fn arbitrary(g: &mut Gen) -> Self {
        let layout = Layout::arbitrary(g);
        Self(match u8::arbitrary(g) % 8 {
            0 => (0..112).map(|_| u8::arbitrary(g)).collect(),
            _ => nearly_right(g, layout),
        })
    }
}

/// True once in a while. Numbers would not do: they are zero more often than others.
fn one_in_32(g: &mut Gen) -> bool {
    let mut choices = [false; 32];
    choices[0] = true;
    *g.choose(&choices).unwrap()
}

/// The name of a refusal's reason, or of what was taken.
fn kind(verdict: &Result<Request, Refusal>) -> String {
    let text = match verdict {
        Ok(request) => format!("{:?}", request.body),
        Err(refusal) => format!("{:?}", refusal.reason),
    };
    let end = text.find(|c: char| !c.is_alphanumeric());
    text[..end.unwrap_or(text.len())].to_string()
}

/// All that can come of a slot.
const KINDS: [&str; 20] = [
    "Alignment",
    "Barrier",
    "Discard",
    "DiscardAlignment",
    "DiscardFlag",
    "EmptyDiscard",
    "Flush",
    "FlushWithSegments",
    "Indirect",
    "IndirectOperation",
    "NoSegments",
    "NotOffered",
    "OutOfRange",
    "Read",
    "ReadOnly",
    "SegmentAlignment",
    "SegmentCount",
    "SegmentRange",
    "UnknownOperation",
    "Write",
];

/// Whether the cases so far are enough: at least that many, with every outcome among them. Ten times
/// as many without one of them is a fault of this test.
fn enough(case: u64, least: u64, seen: &BTreeSet<String>) -> bool {
    let all = cfg!(miri) || KINDS.iter().all(|kind| seen.contains(*kind));
    assert!(
        all || case < 10 * least,
        "not everything was seen: {seen:?}"
    );
    all && case >= least
}

#[test]
fn any_slot_gets_the_naive_verdict() {
    let mut place = Request::EMPTY;
    let mut g = Gen::new(16);
    let mut seen = BTreeSet::new();
    let least = tests(20_000);
    for case in 0.. {
        if enough(case, least, &seen) {
            break;
        }
        let (layout, disk) = (Layout::arbitrary(&mut g), Disk::arbitrary(&mut g));
        let Bytes(slot) = Bytes::arbitrary(&mut g);
        let [page] = mappings(64 + 112);
        // SAFETY: the producer's index in the header.
        unsafe { page.store_u32(0, 1) };
        poke(&page, layout, 64, &slot);
        let expected = disk.verdict(layout, &slot);
        let limits = disk.limits();
        let mut back = BackRing::attach(layout, page, 0).unwrap();
        let found = back.take(&limits).unwrap().unwrap();
        assert_eq!(found, expected, "{layout:?} {disk:?} {slot:?}");
        // Once more, into a place that was used before and gets nothing of what is refused.
        let [page] = mappings(64 + 112);
        // SAFETY: the producer's index in the header.
        unsafe { page.store_u32(0, 1) };
        poke(&page, layout, 64, &slot);
        back = BackRing::attach(layout, page, 0).unwrap();
        let taken = back.take_into(&limits, &mut place).unwrap().unwrap();
        assert_eq!(taken, found.map(|_| ()));
        assert_eq!(place, found.unwrap_or(Request::EMPTY));
        seen.insert(kind(&found));
        // The answer is in the slot, by hand-written offsets.
        let response = match &found {
            Ok(request) => request.respond(Status::Okay),
            Err(refusal) => refusal.response(),
        };
        back.put(&response).unwrap();
        let page = back.into_memory();
        let answer = peek(&page, layout, 64, 16);
        let id_at = if layout == Layout::X86_32 { 4 } else { 8 };
        assert_eq!(answer[..8], slot[id_at..id_at + 8]);
        let inner = slot[0] == 6 && disk.indirect != 0;
        assert_eq!(answer[8], slot[usize::from(inner)]);
        assert_eq!(answer[9], 0);
        let status = i16::from_ne_bytes([answer[10], answer[11]]);
        assert_eq!(
            status,
            match kind(&found).as_str() {
                "UnknownOperation" | "NotOffered" => -2,
                _ if found.is_err() => -1,
                _ => 0,
            }
        );
    }
}

/// A ring of one slot, or a page of segments, in which every load finds other bytes than the last
/// one would have: those of another request that is nearly right.
///
/// It remembers each byte that was loaded, and that none was loaded twice.
struct Changing {
    /// Bytes that stay: a ring's header, or none.
    header: usize,
    len: usize,
    layout: Layout,
    g: RefCell<Gen>,
    loaded: RefCell<Vec<Option<u8>>>,
}

impl Changing {
    fn new(header: usize, len: usize, layout: Layout) -> Self {
        Self {
            header,
            len,
            layout,
            g: RefCell::new(Gen::new(16)),
            loaded: RefCell::new(vec![None; len]),
        }
    }

    fn load<const N: usize>(&self, offset: usize) -> [u8; N] {
        assert!(offset % N == 0 && offset + N <= self.len);
        if offset < self.header {
            // One request was produced.
            let mut word = [0; N];
            let one = [1, 0, 0, 0, 0, 0, 0, 0];
            let one = if cfg!(target_endian = "little") {
                one
            } else {
                [0, 0, 0, 1, 0, 0, 0, 0]
            };
            if offset == 0 {
                word.copy_from_slice(&one[..N]);
            }
            return word;
        }
        let g = &mut *self.g.borrow_mut();
        let mut bytes = [0; N];
        if self.header == 0 {
            // Single bytes or halves of a segment would be fine too, but are not expected.
            let segment = oracle::segment_bytes(&Segment::arbitrary(g));
            let at = offset % 8;
            bytes.copy_from_slice(&segment[at..at + N]);
            if one_in_32(g) && one_in_32(g) {
                bytes[N - 3] = u8::arbitrary(g);
            }
        } else {
            let at = offset - self.header;
            // Zeros are rare in what is nearly right, and are what an empty discard is made of.
            if at < 8 || !one_in_32(g) {
                bytes.copy_from_slice(&nearly_right(g, self.layout)[at..at + N]);
            }
        }
        for (place, byte) in self.loaded.borrow_mut()[offset..].iter_mut().zip(bytes) {
            assert_eq!(*place, None, "a byte at {offset} is loaded twice");
            *place = Some(byte);
        }
        bytes
    }
}

// SAFETY: offsets are checked, the length never changes, and there is no other thread.
unsafe impl SharedMemory for Changing {
    fn len(&self) -> usize {
        self.len
    }
    unsafe fn load_u8(&self, offset: usize) -> u8 {
        u8::from_ne_bytes(self.load(offset))
    }
    unsafe fn load_u16(&self, offset: usize) -> u16 {
        u16::from_ne_bytes(self.load(offset))
    }
    unsafe fn load_u32(&self, offset: usize) -> u32 {
        u32::from_ne_bytes(self.load(offset))
    }
    unsafe fn load_u64(&self, offset: usize) -> u64 {
        u64::from_ne_bytes(self.load(offset))
    }
    unsafe fn store_u8(&self, _: usize, _: u8) {
        unreachable!("nothing is stored to what is read");
    }
    unsafe fn store_u16(&self, _: usize, _: u16) {
        unreachable!("nothing is stored to what is read");
    }
    unsafe fn store_u32(&self, _: usize, _: u32) {
        unreachable!("nothing is stored to what is read");
    }
    unsafe fn store_u64(&self, _: usize, _: u64) {
        unreachable!("nothing is stored to what is read");
    }
}

#[test]
fn a_slot_that_changes_at_every_load_is_one_request() {
    let mut g = Gen::new(16);
    let mut seen = BTreeSet::new();
    let least = if cfg!(miri) { 1 } else { 5000 };
    for case in 0.. {
        if enough(case, least, &seen) {
            break;
        }
        let (layout, disk) = (Layout::arbitrary(&mut g), Disk::arbitrary(&mut g));
        let memory = Changing::new(64, 64 + 112, layout);
        let mut back = BackRing::attach(layout, memory, 0).unwrap();
        let limits = disk.limits();
        let found = back.take(&limits).unwrap().unwrap();
        let loaded = back.into_memory().loaded.into_inner();
        // What was loaded decides, and nothing else: the rest may be anything.
        for rest in [0, 0xff, 5] {
            let slot: Vec<_> = loaded[64..].iter().map(|b| b.unwrap_or(rest)).collect();
            assert_eq!(found, disk.verdict(layout, &slot), "{layout:?} {disk:?}");
        }
        // No more is loaded than the operation has.
        let head = if layout == Layout::X86_32 { 20 } else { 24 };
        let count = loaded.iter().flatten().count() - head;
        let most = match found {
            Ok(Request {
                body: Body::Read(t) | Body::Write(t) | Body::Barrier(t),
                ..
            }) => 8 * t.segments.len(),
            Ok(Request {
                body: Body::Flush, ..
            }) => 0,
            Ok(Request {
                body: Body::Discard(_),
                ..
            }) => 8,
            Ok(_) => 40,
            Err(_) => 88,
        };
        assert!(count <= most, "{count} bytes for {found:?}");
        seen.insert(kind(&found));
    }
}

#[test]
fn indirect_pages_that_change_at_every_load_are_one_list() {
    let mut g = Gen::new(16);
    let (mut longest, mut cut) = (0, 0);
    for _ in 0..tests(300) {
        let mut disk = Disk::arbitrary(&mut g);
        if bool::arbitrary(&mut g) {
            (disk.sectors, disk.sector_size) = (1 << 20, 512);
        }
        let limits = disk.limits();
        let count = 1 + u16::arbitrary(&mut g)
            % if cfg!(miri) || bool::arbitrary(&mut g) {
                4
            } else {
                1200
            };
        let pages: Vec<_> = (0..3)
            .map(|_| Changing::new(0, 4096, Layout::X86_64))
            .collect();
        let grants = [GrantRef::new(9); 3];
        let needed = usize::from(count.div_ceil(512));
        let sector = u64::arbitrary(&mut g) % 64;
        let request = Indirect::new(Direction::Read, sector, count, &grants[..needed]).unwrap();
        let mut segments = Vec::new();
        let mut bad = None;
        for segment in IndirectSegments::new(&request, &pages, &limits).unwrap() {
            assert_eq!(bad, None, "nothing comes behind an error");
            match segment {
                Ok(segment) => segments.push(segment),
                Err(error) => bad = Some(error),
            }
        }
        let loaded: Vec<u8> = pages
            .iter()
            .flat_map(|page| page.loaded.borrow().clone())
            .map_while(|byte| byte)
            .collect();
        assert_eq!(disk.indirect(sector, &loaded), (segments.clone(), bad));
        if bad.is_none() {
            assert_eq!(segments.len(), usize::from(count));
            longest = longest.max(segments.len());
        } else {
            assert_eq!(loaded.len(), 8 * (segments.len() + 1));
            cut += 1;
        }
    }
    assert!(cfg!(miri) || (longest > 512 && cut > 0), "{longest} {cut}");
}

#[test]
fn pages_and_buffers_that_are_too_small_are_refused() {
    let [page, short] = mappings(4096);
    // SAFETY: part of a page that lives on.
    let short = unsafe { Mapping::new(short.base(), 80) }.unwrap();
    let limits = generous();
    let indirect = |count: u16| {
        let pages = usize::from(count.div_ceil(512));
        Indirect::new(Direction::Write, 0, count, &[GrantRef::new(3); 8][..pages]).unwrap()
    };
    let new = |count, pages| IndirectSegments::new(&indirect(count), pages, &limits).err();
    let both = |count| IndirectSegments::new(&indirect(count), &[&page, &short], &limits).err();
    assert_eq!(new(512, core::slice::from_ref(&page)), None);
    let error = IndirectError::Pages {
        given: 1,
        needed: 2,
    };
    assert_eq!(new(513, core::slice::from_ref(&page)), Some(error));
    assert_eq!(both(522), None);
    let error = IndirectError::PageTooSmall {
        index: 1,
        len: 80,
        needed: 88,
    };
    assert_eq!(both(523), Some(error));
    let mut buffer = [Segment::whole(GrantRef::new(0)); 4];
    let request = indirect(5);
    let reader = IndirectSegments::new(&request, core::slice::from_ref(&page), &limits).unwrap();
    let error = IndirectError::Buffer {
        given: 4,
        needed: 5,
    };
    assert_eq!(reader.read_into(&mut buffer), Err(error));
    let many = vec![Segment::whole(GrantRef::new(0)); 4097];
    let error = BadRequest::SegmentCount {
        count: 4097,
        max: 4096,
    };
    assert_eq!(
        write_indirect_segments(&[&page; 9], &many),
        Err(error.into())
    );
    let error = IndirectError::Pages {
        given: 7,
        needed: 8,
    };
    assert_eq!(write_indirect_segments(&[&page; 7], &many[1..]), Err(error));
    if !cfg!(miri) {
        assert_eq!(write_indirect_segments(&[&page; 8], &many[1..]), Ok(()));
    }
}

#[test]
fn a_request_is_written_to_its_bytes_and_no_others() {
    const FILLED: usize = if cfg!(miri) { 112 * 2 } else { 4096 - 64 };
    fn property(layout: Layout, body: Body, handle: u16, fill: u8) -> bool {
        let [page, look] = mappings(4096);
        poke(&page, layout, 64, &[fill; FILLED]);
        let mut front = FrontRing::init(layout, page, [Shadow::FREE; 1], handle).unwrap();
        let id = front.put(&body, 0).unwrap();
        let slots = peek(&look, layout, 64, 112 * 2);
        let expected = oracle::written(layout, id, handle, &body);
        let expected = expected.into_iter().chain(core::iter::repeat(None));
        slots
            .into_iter()
            .eq(expected.map(|b| b.unwrap_or(fill)).take(112 * 2))
    }
    QuickCheck::new()
        .tests(tests(3000))
        .quickcheck(property as fn(Layout, Body, u16, u8) -> bool);
}
