//! Batches of requests that are answered as they come, and large messages, which go by in blocks.

use super::*;

#[test]
fn a_batch_ends_whatever_is_done_with_its_ring() {
    let (mut front, mut back, _) = ring_at::<NetifRx>(4096, u32::MAX - 1);
    for id in 0..4 {
        front.put(&request(id)).unwrap();
    }
    front.push();
    let mut requests = back.requests().unwrap();
    assert_eq!(requests.len(), 4);
    assert_eq!(requests.next().unwrap().id, 0);
    // More arrive, and the ring hears of them; they are no part of the batch.
    for id in 4..10 {
        front.put(&request(id)).unwrap();
    }
    front.push();
    assert_eq!(requests.ring().unconsumed_requests(), Ok(9));
    assert_eq!(requests.len(), 3);
    assert_eq!(
        requests.by_ref().map(|r| r.id).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert_eq!(requests.len(), 0);
    // Of the next batch, some are taken by other ways.
    let mut requests = back.requests().unwrap();
    for id in 4..9 {
        assert_eq!(requests.ring().take().unwrap().unwrap().id, id);
    }
    assert_eq!((requests.len(), requests.next().unwrap().id), (1, 9));
    assert!(requests.next().is_none());
    assert_eq!(back.unanswered(), 10);
}

#[test]
fn a_batch_that_has_ended_stays_ended() {
    let (mut front, mut back, _) = ring_at::<NetifRx>(4096, 0);
    for id in 0..3 {
        front.put(&request(id)).unwrap();
    }
    front.push();
    let mut requests = back.requests().unwrap();
    assert_eq!(requests.next().unwrap().id, 0);
    // Whoever has the ring takes the rest.
    assert_eq!(requests.ring().take().unwrap().unwrap().id, 1);
    assert_eq!(requests.ring().take().unwrap().unwrap().id, 2);
    assert!(requests.next().is_none());
    front.put(&request(3)).unwrap();
    front.push();
    assert_eq!(requests.ring().unconsumed_requests(), Ok(1));
    assert!(requests.next().is_none());
    assert_eq!(requests.len(), 0);
    // What is left early stays, in whatever way the rest is taken.
    front.put(&request(4)).unwrap();
    front.push();
    let first = back.requests().unwrap().next();
    assert_eq!(first.map(|r| r.id), Some(3));
    assert_eq!(back.take().unwrap().unwrap().id, 4);
    assert!(back.take().unwrap().is_none());
}

/// A mapping without blocks of its own: those are made of words.
struct Words(Mapping);

// SAFETY: everything is handed through to a mapping.
unsafe impl SharedMemory for Words {
    fn len(&self) -> usize {
        self.0.len()
    }
    unsafe fn load_u8(&self, offset: usize) -> u8 {
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { self.0.load_u8(offset) }
    }
    unsafe fn load_u16(&self, offset: usize) -> u16 {
        // SAFETY: as above.
        unsafe { self.0.load_u16(offset) }
    }
    unsafe fn load_u32(&self, offset: usize) -> u32 {
        // SAFETY: as above.
        unsafe { self.0.load_u32(offset) }
    }
    unsafe fn load_u64(&self, offset: usize) -> u64 {
        // SAFETY: as above.
        unsafe { self.0.load_u64(offset) }
    }
    unsafe fn store_u8(&self, offset: usize, value: u8) {
        // SAFETY: as above.
        unsafe { self.0.store_u8(offset, value) };
    }
    unsafe fn store_u16(&self, offset: usize, value: u16) {
        // SAFETY: as above.
        unsafe { self.0.store_u16(offset, value) };
    }
    unsafe fn store_u32(&self, offset: usize, value: u32) {
        // SAFETY: as above.
        unsafe { self.0.store_u32(offset, value) };
    }
    unsafe fn store_u64(&self, offset: usize, value: u64) {
        // SAFETY: as above.
        unsafe { self.0.store_u64(offset, value) };
    }
}

/// What goes in by blocks comes out by words and the other way round, in every slot.
macro_rules! blocks_are_words {
    ($kind:ident, $abi:ident) => {{
        use $abi::io::blkif::blkif_request;
        let sent = |id: u64| {
            let mut sent = blkif_request::ZERO;
            (sent.id, sent.sector_number) = (id << 40 | 1, !id);
            (sent.operation, sent.nr_segments, sent.handle) = (1, 2, 0x0403);
            for (at, segment) in (1..).zip(&mut sent.seg) {
                (segment.gref, segment.first_sect, segment.last_sect) = (at * 0x1234_567, 5, 6);
            }
            sent
        };
        let (a, b) = pair(4096);
        let mut front = FrontRing::<$kind, _>::init(a).unwrap();
        let mut back = BackRing::<$kind, _>::attach(Words(b), 0).unwrap();
        for id in 0..32 {
            front.put(&sent(id)).unwrap();
        }
        front.push();
        let same = |a: &blkif_request, b: &blkif_request| {
            let segments = a.seg.iter().zip(&b.seg);
            (a.operation, a.nr_segments, a.handle) == (b.operation, b.nr_segments, b.handle)
                && (a.id, a.sector_number) == (b.id, b.sector_number)
                && segments.into_iter().all(|(a, b)| {
                    (a.gref, a.first_sect, a.last_sect) == (b.gref, b.first_sect, b.last_sect)
                })
        };
        for id in 0..32 {
            assert!(same(&back.take().unwrap().unwrap(), &sent(id)));
        }
        let (a, b) = pair(4096);
        let mut front = FrontRing::<$kind, _>::init(Words(a)).unwrap();
        let mut back = BackRing::<$kind, _>::attach(b, 0).unwrap();
        for id in 0..32 {
            front.put(&sent(id)).unwrap();
        }
        front.push();
        assert!(
            back.requests()
                .unwrap()
                .zip(0..)
                .all(|(got, id)| same(&got, &sent(id)))
        );
    }};
}

#[test]
fn blocks_are_words() {
    blocks_are_words!(BlkifX86_32, x86_32);
    blocks_are_words!(BlkifX86_64, x86_64);
}
