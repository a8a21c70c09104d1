//! Byte rings.

use super::*;
use crate::ring::bytes::{AttachError, Corrupt, PacketError};
use crate::ring::flex::{self, Order, Xen9pfs};
use crate::ring::vchan::{Client, Orders, Server};
use crate::ring::{Notify, console};

/// One direction, with positions that do not wrap around.
#[derive(Debug)]
struct Naive {
    cons_at: usize,
    prod_at: usize,
    data_at: usize,
    size: u64,
    cons: u64,
    prod: u64,
    corrupt: Option<Corrupt>,
}

impl Naive {
    fn new([cons_at, prod_at, data_at, size]: [usize; 4]) -> Self {
        Self {
            cons_at,
            prod_at,
            data_at,
            size: size as u64,
            cons: position(0),
            prod: position(0),
            corrupt: None,
        }
    }

    /// Takes both indices from the page; false if they can't be.
    fn attach(&mut self, log: &mut Replay) -> bool {
        self.cons = position(log.loaded(self.cons_at));
        let prod = log.loaded(self.prod_at);
        let found = find(self.cons..=self.cons + self.size, prod);
        self.prod = found.unwrap_or(0);
        found.is_some()
    }

    /// What waits, or what is free.
    fn unread(&self) -> u64 {
        self.prod - self.cons
    }

    fn free(&self) -> u64 {
        self.size - self.unread()
    }

    /// Where the bytes from a position on lie.
    fn places(&self, from: u64, bytes: u64) -> Vec<Range<usize>> {
        let at = |position| self.data_at + (position % self.size) as usize;
        let places = (from..from + bytes).map(|position| at(position)..at(position) + 1);
        // Bytes side by side are one range.
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for place in places {
            match ranges.last_mut() {
                Some(last) if last.end == place.start => last.end = place.end,
                _ => ranges.push(place),
            }
        }
        ranges
    }

    fn look_for_bytes(&mut self, log: &mut Replay) -> Result<(), Corrupt> {
        if let Some(corrupt) = self.corrupt {
            return Err(corrupt);
        }
        let prod = log.loaded(self.prod_at);
        let Some(position) = find(self.prod..=self.cons + self.size, prod) else {
            let corrupt = Corrupt::Producer {
                prod,
                before: self.prod as u32,
                cons: self.cons as u32,
                size: self.size as u32,
            };
            (self.corrupt, self.prod) = (Some(corrupt), self.cons);
            return Err(corrupt);
        };
        self.prod = position;
        Ok(())
    }

    fn look_for_room(&mut self, log: &mut Replay) -> Result<(), Corrupt> {
        if let Some(corrupt) = self.corrupt {
            return Err(corrupt);
        }
        let cons = log.loaded(self.cons_at);
        let Some(position) = find(self.cons..=self.prod, cons) else {
            let corrupt = Corrupt::Consumer {
                cons,
                before: self.cons as u32,
                prod: self.prod as u32,
                size: self.size as u32,
            };
            (self.corrupt, self.cons) = (Some(corrupt), self.prod - self.size);
            return Err(corrupt);
        };
        self.cons = position;
        Ok(())
    }

    /// Sees to it that so much can be read, if it can. Who asks for nothing looks all the same.
    fn want_bytes(&mut self, log: &mut Replay, n: u64, ask: Ask) -> Result<u64, Corrupt> {
        if n == 0 || n > self.unread() {
            self.look_for_bytes(log)?;
        }
        if let (true, Some(at)) = (n > self.unread(), ask) {
            log.changed(at, |old| old | 1);
            self.look_for_bytes(log)?;
        }
        Ok(self.unread())
    }

    fn want_room(&mut self, log: &mut Replay, n: u64, ask: Ask) -> Result<u64, Corrupt> {
        if n == 0 || n > self.free() {
            self.look_for_room(log)?;
        }
        if let (true, Some(at)) = (n > self.free(), ask) {
            log.changed(at, |old| old | 2);
            self.look_for_room(log)?;
        }
        Ok(self.free())
    }

    /// Takes bytes that are there, or only looks at them.
    fn copy_out(&mut self, log: &mut Replay, n: u64, take: bool) -> Vec<u8> {
        let bytes = log.all(true, &self.places(self.cons, n));
        if take {
            self.drop(log, n);
        }
        bytes
    }

    fn drop(&mut self, log: &mut Replay, n: u64) {
        if n > 0 {
            self.cons += n;
            log.stored(self.cons_at, self.cons);
        }
    }

    /// Puts bytes where there is room.
    fn copy_in(&mut self, log: &mut Replay, bytes: &[u8]) {
        let n = bytes.len() as u64;
        let stored = log.all(false, &self.places(self.prod, n));
        assert_eq!(stored, bytes);
        if n > 0 {
            self.prod += n;
            log.stored(self.prod_at, self.prod);
        }
    }
}

/// Where one asks for events, in vchan.
type Ask = Option<usize>;

fn told(log: &mut Replay, wanted: Ask, bit: u8, n: u64) -> Notify {
    let asked = match wanted {
        _ if n == 0 => false,
        Some(at) => log.changed(at, |old| old & !bit) & bit != 0,
        None => true,
    };
    if asked {
        Notify::Needed
    } else {
        Notify::Suppressed
    }
}

#[derive(Debug, Default)]
struct Seen {
    read: u64,
    written: u64,
    corrupt: u64,
    after: u64,
    refused: u64,
    suppressed: u64,
}

impl Seen {
    fn check(&self, vchan: bool) {
        let all = [self.read, self.written, self.corrupt, self.after];
        let least = RUNS as u64 / 500;
        assert!(cfg!(miri) || all.iter().all(|n| *n > least), "{self:?}");
        let more = if vchan { self.suppressed } else { self.refused };
        assert!(cfg!(miri) || more > least, "{self:?}");
    }
}

/// A length: mostly small, sometimes about what is there, or too much.
fn length(g: &mut Gen, there: u64, size: u64) -> usize {
    let there = there as usize;
    match below(g, 16) {
        0 => size as usize + below(g, 3),
        1 => there + below(g, 3),
        2 => there,
        _ => below(g, 24),
    }
}

/// What console and flex have: steps of the halves that notify of every change.
macro_rules! step {
    ($g:ident, $seen:ident, $page:ident, $data:ident, $ring:ident, $reads:ident, $writes:ident) => {{
        let was_corrupt = [&$reads, &$writes].map(|half| half.corrupt.is_some());
        let reading = below($g, 2) == 0;
        let (there, half) = if reading {
            $page.expect($reads.prod, $reads.cons + $reads.size);
            ($reads.unread(), &mut $reads)
        } else {
            $page.expect($writes.cons, $writes.prod);
            ($writes.free(), &mut $writes)
        };
        let n = length($g, there, half.size);
        let wanted = n as u64;
        let mut bytes = vec![0; n];
        let mut log;
        let too_long = PacketError::TooLong {
            len: n,
            size: half.size as usize,
        };
        // Accesses to data come from a memory of their own with flex, between those to indices.
        macro_rules! done {
            () => {{
                log = merge($page.log(), $data);
            }};
        }
        if reading {
            let mut reader = $ring.reader();
            match below($g, 5) {
                0 => {
                    let found = reader.unread().map(|n| n as u64);
                    done!();
                    assert_eq!(found, half.look_for_bytes(&mut log).map(|()| half.unread()));
                }
                1 => {
                    let found = reader.peek(&mut bytes);
                    done!();
                    let expected = half.want_bytes(&mut log, wanted, None).map(|there| {
                        let peeked = half.copy_out(&mut log, there.min(wanted), false);
                        assert_eq!(bytes[..peeked.len()], peeked);
                        peeked.len()
                    });
                    assert_eq!(found, expected);
                }
                2 => {
                    let found = reader.skip(n).map(|moved| moved.bytes as u64);
                    done!();
                    let expected = half.want_bytes(&mut log, wanted, None).map(|there| {
                        half.drop(&mut log, there.min(wanted));
                        there.min(wanted)
                    });
                    assert_eq!(found, expected);
                }
                3 => {
                    let found = reader.read_packet(&mut bytes);
                    done!();
                    let expected = if wanted > half.size {
                        Err(too_long)
                    } else {
                        match half.want_bytes(&mut log, wanted, None) {
                            Err(corrupt) => Err(corrupt.into()),
                            Ok(there) if there < wanted => {
                                let unread = there as usize;
                                Err(PacketError::Incomplete { len: n, unread })
                            }
                            Ok(_) => {
                                assert_eq!(bytes, half.copy_out(&mut log, wanted, true));
                                Ok(told(&mut log, None, 0, wanted))
                            }
                        }
                    };
                    assert_eq!(found, expected);
                }
                _ => {
                    let found = reader.read(&mut bytes);
                    done!();
                    let expected = half.want_bytes(&mut log, wanted, None).map(|there| {
                        let taken = half.copy_out(&mut log, there.min(wanted), true);
                        assert_eq!(bytes[..taken.len()], taken);
                        taken.len()
                    });
                    assert_eq!(found.map(|moved| moved.bytes), expected);
                    $seen.read += expected.unwrap_or(0) as u64;
                }
            }
        } else {
            bytes.fill_with(|| u8::arbitrary($g));
            let mut writer = $ring.writer();
            match below($g, 4) {
                0 => {
                    let found = writer.free().map(|n| n as u64);
                    done!();
                    assert_eq!(found, half.look_for_room(&mut log).map(|()| half.free()));
                }
                1 => {
                    let found = writer.write_packet(&bytes);
                    done!();
                    let expected = if wanted > half.size {
                        Err(too_long)
                    } else {
                        match half.want_room(&mut log, wanted, None) {
                            Err(corrupt) => Err(corrupt.into()),
                            Ok(there) if there < wanted => {
                                let free = there as usize;
                                Err(PacketError::NoRoom { len: n, free })
                            }
                            Ok(_) => {
                                half.copy_in(&mut log, &bytes);
                                Ok(told(&mut log, None, 0, wanted))
                            }
                        }
                    };
                    assert_eq!(found, expected);
                }
                _ => {
                    let found = writer.write(&bytes);
                    done!();
                    let expected = half.want_room(&mut log, wanted, None).map(|there| {
                        half.copy_in(&mut log, &bytes[..there.min(wanted) as usize]);
                        there.min(wanted) as usize
                    });
                    assert_eq!(found.map(|moved| moved.bytes), expected);
                    $seen.written += expected.unwrap_or(0) as u64;
                }
            }
        }
        log.end();
        let corrupt = [&$reads, &$writes].map(|half| half.corrupt.is_some());
        let which = usize::from(!reading);
        $seen.corrupt += u64::from(corrupt[which] && !was_corrupt[which]);
        $seen.after += u64::from(was_corrupt[which]);
    }};
}

/// Accesses to a page and to the data: first what was loaded from the page, then the data, then what
/// was stored to the page.
fn merge(page: Replay, data: Option<&Script>) -> Replay {
    let (loads, rest): (VecDeque<_>, VecDeque<_>) = page
        .0
        .into_iter()
        .partition(|access| matches!(access, Access::Load(..)));
    let Some(data) = data else {
        return Replay(loads.into_iter().chain(rest).collect());
    };
    Replay(loads.into_iter().chain(data.log().0).chain(rest).collect())
}

/// Whether what an end was attached to is what the model says.
fn attached<T>(
    found: Result<T, AttachError>,
    mut log: Replay,
    reads: &mut Naive,
    writes: &mut Naive,
) -> Option<T> {
    let right = [reads.attach(&mut log), writes.attach(&mut log)];
    log.end();
    match found {
        Ok(ring) => {
            assert_eq!(right, [true, true]);
            Some(ring)
        }
        Err(error) => {
            let first = right.iter().position(|right| !right);
            match (first, error) {
                (Some(0), AttachError::Corrupt(Corrupt::Producer { .. })) => {}
                (Some(1), AttachError::Corrupt(Corrupt::Consumer { .. })) => {}
                other => panic!("{other:?}"),
            }
            None
        }
    }
}

/// Lets the page have indices that may be right.
fn begin(g: &mut Gen, page: &Script) {
    let index = position(start(g));
    let spread = below(g, 4) as u64;
    page.expect(index, index + spread);
}

#[test]
fn a_console_believes_each_value_once() {
    let mut g = Gen::new(16);
    let g = &mut g;
    let mut seen = Seen::default();
    for _ in 0..RUNS.div_ceil(10) {
        let page = Script::new(4096, &[3072, 3076, 3080, 3084]);
        let mut reads = Naive::new([3072, 3076, 0, 1024]);
        let mut writes = Naive::new([3080, 3084, 1024, 2048]);
        begin(g, &page);
        let ring = console::Front::attach(&page);
        let Some(mut ring) = attached(ring, page.log(), &mut reads, &mut writes) else {
            seen.refused += 1;
            continue;
        };
        let data = None;
        for _ in 0..STEPS {
            step!(g, seen, page, data, ring, reads, writes);
        }
    }
    seen.check(false);
}

#[test]
fn a_flex_ring_believes_each_value_once() {
    let mut g = Gen::new(16);
    let g = &mut g;
    let mut seen = Seen::default();
    for _ in 0..RUNS.div_ceil(10) {
        let page = Script::new(4096, &[0, 4, 64, 68]);
        let mut data = Script::new(4096, &[]);
        data.base = 1 << 20;
        let mut writes = Naive::new([0, 4, data.base, 2048]);
        let mut reads = Naive::new([64, 68, data.base + 2048, 2048]);
        begin(g, &page);
        let order = Order::new(0).unwrap();
        let ring = flex::Back::<Xen9pfs, _>::attach(&page, &data, order);
        let Some(mut ring) = attached(ring, page.log(), &mut reads, &mut writes) else {
            seen.refused += 1;
            continue;
        };
        let data = Some(&data);
        for _ in 0..STEPS {
            step!(g, seen, page, data, ring, reads, writes);
        }
    }
    seen.check(false);
}

/// Where vchan's client finds out what to notify of, and where its server does.
const CLI_NOTIFY: usize = 22;
const SRV_NOTIFY: usize = 23;

/// Steps of an end of a vchan, which notifies where it is asked.
macro_rules! vchan {
    ($g:ident, $seen:ident, $page:ident, $ring:ident, $reads:ident, $writes:ident,
     asks: $asks:ident, asked: $asked:ident) => {
        for _ in 0..STEPS {
            let was_corrupt = $reads.corrupt.is_some() || $writes.corrupt.is_some();
            let (asks, asked) = (Some($asks), Some($asked));
            let mut log;
            if below($g, 2) == 0 {
                $page.expect($reads.prod, $reads.cons + $reads.size);
                let n = length($g, $reads.unread(), $reads.size);
                let wanted = n as u64;
                let mut bytes = vec![0; n];
                if below($g, 4) == 0 {
                    let found = $ring.unread(n).map(|n| n as u64);
                    log = $page.log();
                    assert_eq!(found, $reads.want_bytes(&mut log, wanted, asks));
                } else {
                    let found = $ring.read(&mut bytes);
                    log = $page.log();
                    let expected = $reads.want_bytes(&mut log, wanted, asks).map(|there| {
                        let taken = $reads.copy_out(&mut log, there.min(wanted), true);
                        assert_eq!(bytes[..taken.len()], taken);
                        let count = taken.len() as u64;
                        $seen.read += count;
                        (taken.len(), told(&mut log, asked, 2, count))
                    });
                    assert_eq!(found.map(|moved| (moved.bytes, moved.notify)), expected);
                    $seen.suppressed += u64::from(
                        matches!(expected, Ok((bytes, Notify::Suppressed)) if bytes > 0),
                    );
                }
            } else {
                $page.expect($writes.cons, $writes.prod);
                let n = length($g, $writes.free(), $writes.size);
                let wanted = n as u64;
                let bytes: Vec<_> = (0..n).map(|_| u8::arbitrary($g)).collect();
                if below($g, 4) == 0 {
                    let found = $ring.write_packet(&bytes);
                    log = $page.log();
                    let size = $writes.size as usize;
                    let expected = if n > size {
                        Err(PacketError::TooLong { len: n, size })
                    } else {
                        match $writes.want_room(&mut log, wanted, asks) {
                            Err(corrupt) => Err(corrupt.into()),
                            Ok(there) if there < wanted => {
                                let free = there as usize;
                                Err(PacketError::NoRoom { len: n, free })
                            }
                            Ok(_) => {
                                $writes.copy_in(&mut log, &bytes);
                                Ok(told(&mut log, asked, 1, wanted))
                            }
                        }
                    };
                    assert_eq!(found, expected);
                } else {
                    let found = $ring.write(&bytes);
                    log = $page.log();
                    let expected = $writes.want_room(&mut log, wanted, asks).map(|there| {
                        let count = there.min(wanted);
                        $writes.copy_in(&mut log, &bytes[..count as usize]);
                        $seen.written += count;
                        (count as usize, told(&mut log, asked, 1, count))
                    });
                    assert_eq!(found.map(|moved| (moved.bytes, moved.notify)), expected);
                }
            }
            log.end();
            let corrupt = $reads.corrupt.is_some() || $writes.corrupt.is_some();
            $seen.corrupt += u64::from(corrupt && !was_corrupt);
            $seen.after += u64::from(was_corrupt);
        }
    };
}

#[test]
fn a_vchan_believes_each_value_once() {
    let mut g = Gen::new(16);
    let g = &mut g;
    let mut seen = Seen::default();
    let orders = Orders::new(10, 11).unwrap();
    for _ in 0..RUNS.div_ceil(20) {
        let page = Script::new(4096, &[0, 4, 8, 12]);
        let mut left = Naive::new([0, 4, 1024, 1024]);
        let mut right = Naive::new([8, 12, 2048, 2048]);
        let mut server = Server::init(&page, None, None, orders, &[]).unwrap();
        page.log();
        vchan!(g, seen, page, server, left, right, asks: CLI_NOTIFY, asked: SRV_NOTIFY);

        left = Naive::new([0, 4, 1024, 1024]);
        right = Naive::new([8, 12, 2048, 2048]);
        begin(g, &page);
        let client = Client::attach(&page, None, None, orders);
        let mut log = page.log();
        // That it is there, and what it waits for, which is nothing of the peer's.
        log.0.retain(|access| matches!(access, Access::Load(..)));
        let Some((mut client, _)) = attached(client, log, &mut right, &mut left) else {
            seen.refused += 1;
            continue;
        };
        vchan!(g, seen, page, client, right, left, asks: SRV_NOTIFY, asked: CLI_NOTIFY);
    }
    seen.check(true);
    assert!(cfg!(miri) || seen.refused > 0);
}
