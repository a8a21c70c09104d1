//! Pages of events.

use super::*;
use crate::ring::events::{EVENT_PAGE_BYTES, EventConsumer, EventProducer, EventTypes};
use crate::ring::{AttachReason, Corrupt, Notify, PutError};

/// As fbif's `in`.
enum Own {}
impl EventTypes for Own {
    type Event = [u64; 5];
    const CONS: usize = 0;
    const PROD: usize = 4;
    const OFFSET: usize = 1024;
    const LEN: u32 = 25;
}

const LEN: u64 = 25;

fn slot(position: u64) -> Range<usize> {
    let at = 1024 + (position as u32 % 25) as usize * 40;
    at..at + 40
}

fn words(bytes: &[u8]) -> [u64; 5] {
    let mut words = bytes.chunks_exact(8);
    [(); 5].map(|()| u64::from_ne_bytes(words.next().unwrap().try_into().unwrap()))
}

#[derive(Debug)]
struct Consumer {
    cons: u64,
    confirmed: u64,
    prod: u64,
    corrupt: Option<Corrupt>,
}

impl Consumer {
    fn look(&mut self, log: &mut Replay) -> Result<u64, Corrupt> {
        if let Some(corrupt) = self.corrupt {
            return Err(corrupt);
        }
        let index = log.loaded(Own::PROD);
        let Some(position) = find(self.prod..=self.confirmed + LEN, index) else {
            let corrupt = Corrupt::EventProducer {
                prod: index,
                cons: self.confirmed as u32,
                len: 25,
            };
            self.corrupt = Some(corrupt);
            self.prod = self.cons;
            return Err(corrupt);
        };
        self.prod = position;
        Ok(position - self.cons)
    }

    fn confirm(&mut self, log: &mut Replay) -> bool {
        if self.confirmed == self.cons {
            return false;
        }
        log.stored(Own::CONS, self.cons);
        self.confirmed = self.cons;
        true
    }

    fn copy(&mut self, log: &mut Replay) -> [u64; 5] {
        let event = words(&log.all(true, &[slot(self.cons)]));
        self.cons += 1;
        event
    }

    fn take(&mut self, log: &mut Replay) -> Result<Option<[u64; 5]>, Corrupt> {
        if self.cons == self.prod {
            self.confirm(log);
            if self.look(log)? == 0 {
                return Ok(None);
            }
        }
        Ok(Some(self.copy(log)))
    }
}

#[test]
fn a_consumer_of_events_believes_each_value_once() {
    let mut g = Gen::new(16);
    let (mut taken, mut corrupt, mut after, mut refused) = (0, 0, 0, 0);
    for _ in 0..RUNS {
        let page = Script::new(EVENT_PAGE_BYTES, &[0, 4]);
        let index = position(start(&mut g));
        page.expect(index, index + below(&mut g, 27) as u64);
        let attached = EventConsumer::<Own, _>::attach(&page);
        let mut log = page.log();
        let index = position(log.loaded(Own::CONS));
        let mut naive = Consumer {
            cons: index,
            confirmed: index,
            prod: index,
            corrupt: None,
        };
        let expected = naive.look(&mut log);
        log.end();
        let mut ring = match attached {
            Ok(ring) => ring,
            Err(error) => {
                let expected = AttachReason::Corrupt(expected.unwrap_err());
                assert_eq!(error.reason, expected);
                refused += 1;
                continue;
            }
        };
        expected.unwrap();
        for _ in 0..STEPS {
            page.expect(naive.prod, naive.confirmed + LEN);
            let was_corrupt = naive.corrupt.is_some();
            let mut log;
            match below(&mut g, 8) {
                0..5 => {
                    let found = ring.take();
                    log = page.log();
                    assert_eq!(found, naive.take(&mut log));
                    taken += u64::from(matches!(found, Ok(Some(_))));
                }
                5 => {
                    let most = below(&mut g, 26);
                    let found = ring.events().map(|e| e.take(most).collect::<Vec<_>>());
                    log = page.log();
                    let expected = naive.look(&mut log).map(|there| {
                        let events = (0..there.min(most as u64)).map(|_| naive.copy(&mut log));
                        let events = events.collect();
                        naive.confirm(&mut log);
                        events
                    });
                    assert_eq!(found, expected);
                }
                6 => {
                    let found = ring.confirm();
                    log = page.log();
                    assert_eq!(found, naive.confirm(&mut log));
                }
                _ => {
                    let found = ring.unconsumed().map(u64::from);
                    log = page.log();
                    assert_eq!(found, naive.look(&mut log));
                }
            }
            log.end();
            corrupt += u64::from(naive.corrupt.is_some() && !was_corrupt);
            after += u64::from(was_corrupt);
        }
    }
    assert!(cfg!(miri) || (taken > 1000 && corrupt > 100 && after > 100 && refused > 10));
}

#[derive(Debug)]
struct Producer {
    cons: u64,
    put: u64,
    prod: u64,
    corrupt: Option<Corrupt>,
}

impl Producer {
    /// Whether the next event's slot holds one that waits.
    fn is_full(&self) -> bool {
        let mut waiting = self.cons..self.put;
        self.put - self.cons >= LEN || waiting.any(|p| slot(p) == slot(self.put))
    }

    fn put(&mut self, log: &mut Replay, event: [u64; 5]) -> Result<(), PutError> {
        if let Some(corrupt) = self.corrupt {
            return Err(corrupt.into());
        }
        if self.is_full() {
            let index = log.loaded(Own::CONS);
            let Some(position) = find(self.cons..=self.prod, index) else {
                let corrupt = Corrupt::EventConsumer {
                    cons: index,
                    before: self.cons as u32,
                    prod: self.prod as u32,
                };
                self.corrupt = Some(corrupt);
                return Err(corrupt.into());
            };
            self.cons = position;
            if self.is_full() {
                return Err(PutError::Full { size: 25 });
            }
        }
        assert_eq!(words(&log.all(false, &[slot(self.put)])), event);
        self.put += 1;
        Ok(())
    }
}

#[test]
fn a_producer_of_events_believes_each_value_once() {
    let mut g = Gen::new(16);
    let (mut put, mut full, mut corrupt, mut after, mut refused) = (0, 0, 0, 0, 0);
    for _ in 0..RUNS {
        let page = Script::new(EVENT_PAGE_BYTES, &[0, 4]);
        let index = position(start(&mut g));
        page.expect(index, index + below(&mut g, 27) as u64);
        let attached = EventProducer::<Own, _>::attach(&page);
        let mut log = page.log();
        let prod = log.loaded(Own::PROD);
        let cons = log.loaded(Own::CONS);
        log.end();
        let before = position(prod);
        let Some(oldest) = find(before - LEN..=before, cons) else {
            let len = 25;
            let expected = Corrupt::EventProducer { prod, cons, len };
            let reason = attached.err().unwrap().reason;
            assert_eq!(reason, AttachReason::Corrupt(expected));
            refused += 1;
            continue;
        };
        let mut ring = attached.ok().unwrap();
        let mut naive = Producer {
            cons: oldest,
            put: before,
            prod: before,
            corrupt: None,
        };
        for _ in 0..2 * STEPS {
            page.expect(naive.cons, naive.prod);
            let was_corrupt = naive.corrupt.is_some();
            let mut log;
            if below(&mut g, 8) == 0 {
                let found = ring.push();
                log = page.log();
                if naive.prod == naive.put {
                    assert_eq!(found, Notify::Suppressed);
                } else {
                    assert_eq!(found, Notify::Needed);
                    log.stored(Own::PROD, naive.put);
                    naive.prod = naive.put;
                }
            } else {
                let event = [(); 5].map(|()| u64::arbitrary(&mut g));
                let found = ring.put(&event);
                log = page.log();
                assert_eq!(found, naive.put(&mut log, event));
                put += u64::from(found.is_ok());
                full += u64::from(found == Err(PutError::Full { size: 25 }));
            }
            log.end();
            corrupt += u64::from(naive.corrupt.is_some() && !was_corrupt);
            after += u64::from(was_corrupt);
        }
    }
    assert!(cfg!(miri) || (put > 1000 && full > 100 && corrupt > 100 && after > 100));
    assert!(cfg!(miri) || refused > 10);
}
