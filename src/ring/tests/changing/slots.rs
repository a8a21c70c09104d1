//! Rings of requests and responses.

use super::*;
use crate::ring::{BackRing, Corrupt, FrontRing, Notify, PutError, RingTypes};

/// What a ring looks like, and its messages in bytes.
trait Messages: RingTypes<Request: Same, Response: Same> {
    const SLOT: usize;
}

trait Same: Copy {
    const BYTES: usize = size_of::<Self>();
    fn of(bytes: &[u8]) -> Self;
    fn bytes(&self) -> Vec<u8>;
}

impl<const N: usize> Same for [u64; N] {
    fn of(bytes: &[u8]) -> Self {
        let mut words = bytes.chunks_exact(8);
        [(); N].map(|()| u64::from_ne_bytes(words.next().unwrap().try_into().unwrap()))
    }
    fn bytes(&self) -> Vec<u8> {
        self.iter().flat_map(|word| word.to_ne_bytes()).collect()
    }
}

impl<const N: usize> Same for [u8; N] {
    fn of(bytes: &[u8]) -> Self {
        bytes.try_into().unwrap()
    }
    fn bytes(&self) -> Vec<u8> {
        self.to_vec()
    }
}

enum Words {}
impl RingTypes for Words {
    type Request = [u64; 3];
    type Response = [u64; 5];
}
impl Messages for Words {
    const SLOT: usize = 40;
}

enum Bytes {}
impl RingTypes for Bytes {
    type Request = [u8; 7];
    type Response = [u8; 2];
}
impl Messages for Bytes {
    const SLOT: usize = 7;
}

/// One end, with positions that do not wrap around.
#[derive(Debug)]
struct Naive {
    /// The frontend, or else the backend.
    front: bool,
    size: u64,
    slot: usize,
    /// Messages of the other end that were taken, and those that are known to be there.
    taken: u64,
    known: u64,
    /// Messages that were put, and those of them that the other end can see.
    put: u64,
    pushed: u64,
    corrupt: Option<Corrupt>,
}

impl Naive {
    /// The last message that the other end can have produced.
    fn last(&self) -> u64 {
        if self.front {
            self.pushed
        } else {
            self.put + self.size
        }
    }

    fn at(&self, front: usize, back: usize) -> usize {
        if self.front { front } else { back }
    }

    fn slot(&self, position: u64, bytes: usize) -> Range<usize> {
        let at = 64 + (position % self.size) as usize * self.slot;
        at..at + bytes
    }

    fn look(&mut self, log: &mut Replay) -> Result<u64, Corrupt> {
        if let Some(corrupt) = self.corrupt {
            return Err(corrupt);
        }
        let index = log.loaded(self.at(8, 0));
        let Some(position) = find(self.taken..=self.last(), index) else {
            self.known = self.taken;
            let corrupt = if self.front {
                Corrupt::ResponseProducer {
                    rsp_prod: index,
                    rsp_cons: self.taken as u32,
                    req_prod: self.pushed as u32,
                }
            } else {
                Corrupt::RequestProducer {
                    req_prod: index,
                    req_cons: self.taken as u32,
                    rsp_prod_pvt: self.put as u32,
                    size: self.size as u32,
                }
            };
            self.corrupt = Some(corrupt);
            return Err(corrupt);
        };
        self.known = position;
        Ok(position - self.taken)
    }

    /// Copies out the next message, which is there.
    fn copy(&mut self, log: &mut Replay, bytes: usize) -> Vec<u8> {
        let range = self.slot(self.taken, bytes);
        self.taken += 1;
        log.all(true, &[range])
    }

    fn take(&mut self, log: &mut Replay, bytes: usize) -> Result<Option<Vec<u8>>, Corrupt> {
        if self.taken == self.known && self.look(log)? == 0 {
            return Ok(None);
        }
        Ok(Some(self.copy(log, bytes)))
    }

    fn put(&mut self, log: &mut Replay, message: &[u8]) -> Result<(), PutError> {
        if let Some(corrupt) = self.corrupt {
            return Err(corrupt.into());
        }
        if self.front && self.put - self.taken == self.size {
            let size = self.size as u32;
            return Err(PutError::Full { size });
        }
        if !self.front && self.put == self.taken {
            let req_cons = self.taken as u32;
            return Err(PutError::Unasked { req_cons });
        }
        let range = self.slot(self.put, message.len());
        assert_eq!(log.all(false, &[range]), message);
        self.put += 1;
        Ok(())
    }

    fn push(&mut self, log: &mut Replay) -> u64 {
        log.stored(self.at(0, 8), self.put);
        core::mem::replace(&mut self.pushed, self.put)
    }

    fn push_and_check(&mut self, log: &mut Replay) -> Notify {
        let old = self.push(log);
        let event = log.loaded(self.at(4, 12));
        match find(old + 1..=self.pushed, event) {
            Some(_) => Notify::Needed,
            None => Notify::Suppressed,
        }
    }

    fn final_check(&mut self, log: &mut Replay, count: u32) -> Result<bool, Corrupt> {
        if self.look(log)? != 0 {
            return Ok(true);
        }
        let possible = self.last() - self.taken;
        let count = u64::from(count).min(possible).max(1);
        log.stored(self.at(12, 4), self.taken + count);
        Ok(self.look(log)? >= count)
    }
}

/// How often the interesting happened.
#[derive(Debug, Default)]
struct Seen {
    taken: u64,
    put: u64,
    needed: u64,
    corrupt: u64,
    after: u64,
}

/// Runs one end through random steps, with the model behind it.
macro_rules! run {
    ($g:ident, $seen:ident, $types:ident, $ring:ident, $front:literal, $batch:ident, $look:ident,
     in: $in:ident, out: $out:ident) => {{
        let size = 1 << below($g, 4);
        let page = Script::new(64 + size * $types::SLOT, &[0, 4, 8, 12]);
        let index = start($g);
        let mut ring = $ring::<$types, _>::attach(&page, index).unwrap();
        assert_eq!(ring.size() as usize, size);
        let index = position(index);
        let mut naive = Naive {
            front: $front,
            size: size as u64,
            slot: $types::SLOT,
            taken: index,
            known: index,
            put: index,
            pushed: index,
            corrupt: None,
        };
        type In = <$types as RingTypes>::$in;
        type Out = <$types as RingTypes>::$out;
        page.log().end();
        for _ in 0..STEPS {
            page.expect(naive.taken, naive.last());
            let was_corrupt = naive.corrupt.is_some();
            let step = below($g, 16);
            let mut log;
            match step {
                0..5 => {
                    let found = ring.take();
                    log = page.log();
                    let expected = naive.take(&mut log, In::BYTES);
                    assert_eq!(found.map(|m| m.map(|m| m.bytes())), expected);
                    $seen.taken += u64::from(matches!(expected, Ok(Some(_))));
                }
                5 => {
                    let most = below($g, size + 1);
                    let found: Result<Vec<_>, _> = ring
                        .$batch()
                        .map(|batch| batch.take(most).map(|m| m.bytes()).collect());
                    log = page.log();
                    let expected = naive.look(&mut log).map(|there| {
                        let count = most.min(there as usize);
                        let copy = |_| naive.copy(&mut log, In::BYTES);
                        (0..count).map(copy).collect::<Vec<_>>()
                    });
                    assert_eq!(found, expected);
                    $seen.taken += expected.map_or(0, |all| all.len() as u64);
                }
                6..11 => {
                    let message: Vec<_> = (0..Out::BYTES).map(|_| u8::arbitrary($g)).collect();
                    let found = ring.put(&Out::of(&message));
                    log = page.log();
                    assert_eq!(found, naive.put(&mut log, &message));
                    $seen.put += u64::from(found.is_ok());
                }
                11 => {
                    ring.push();
                    log = page.log();
                    naive.push(&mut log);
                }
                12 | 13 => {
                    page.expect(naive.pushed, naive.put + 1);
                    let found = ring.push_and_check_notify();
                    log = page.log();
                    assert_eq!(found, naive.push_and_check(&mut log));
                    $seen.needed += u64::from(found.is_needed());
                }
                14 => {
                    let count = below($g, size + 2) as u32;
                    let found = ring.final_check_after(count);
                    log = page.log();
                    assert_eq!(found, naive.final_check(&mut log, count));
                }
                _ => {
                    let found = ring.$look().map(u64::from);
                    log = page.log();
                    assert_eq!(found, naive.look(&mut log));
                }
            }
            log.end();
            $seen.corrupt += u64::from(naive.corrupt.is_some() && !was_corrupt);
            $seen.after += u64::from(was_corrupt);
        }
    }};
}

#[test]
fn a_backend_believes_each_value_once() {
    let mut g = Gen::new(16);
    let g = &mut g;
    let mut seen = Seen::default();
    for _ in 0..RUNS {
        run!(g, seen, Words, BackRing, false, requests, unconsumed_requests, in: Request, out: Response);
        run!(g, seen, Bytes, BackRing, false, requests, unconsumed_requests, in: Request, out: Response);
    }
    check(&seen);
}

#[test]
fn a_frontend_believes_each_value_once() {
    let mut g = Gen::new(16);
    let g = &mut g;
    let mut seen = Seen::default();
    for _ in 0..RUNS {
        run!(g, seen, Words, FrontRing, true, responses, unconsumed_responses, in: Response, out: Request);
        run!(g, seen, Bytes, FrontRing, true, responses, unconsumed_responses, in: Response, out: Request);
    }
    check(&seen);
}

fn check(seen: &Seen) {
    let least = RUNS as u64 / 4;
    for count in [seen.taken, seen.put, seen.needed, seen.corrupt, seen.after] {
        assert!(cfg!(miri) || count > least, "{seen:?}");
    }
}
