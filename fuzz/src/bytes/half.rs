//! One direction of a byte ring, by the letter.

use std::fmt;

use xen_abi::ring::Notify;
use xen_abi::ring::bytes::{AttachError, Corrupt, Moved, PacketError, Reader, Writer};

use crate::memory::{Log, Page};
use crate::script::Script;

/// Where a direction lies.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) cons: usize,
    pub(super) prod: usize,
    pub(super) data: usize,
    pub(super) size: u32,
}

/// What is known of a direction.
pub(super) struct Half<'a> {
    pub(super) place: Place,
    page: &'a Page,
    data: &'a Page,
    pub(super) cons: u32,
    pub(super) prod: u32,
    pub(super) corrupt: Option<Corrupt>,
}

/// How far an index is ahead of another: few bytes, about as many as a ring has, or any.
pub(super) fn distance(script: &mut Script<'_>) -> u32 {
    match script.u8() {
        few @ 0..=99 => few.into(),
        100..=199 => u32::from(script.u16() % 2048),
        near @ 200..=239 => script.one_of(&[1024, 2048]) + u32::from(near) - 219,
        240.. => script.u32(),
    }
}

/// How many bytes to move.
pub(super) fn amount(script: &mut Script<'_>) -> usize {
    match script.u8() {
        few @ 0..=127 => few.into(),
        128..=223 => usize::from(script.u16() % 2100),
        // Sizes of rings, and a little more.
        224.. => script.one_of(&[0, 1023, 1024, 1025, 2047, 2048, 2049]),
    }
}

impl<'a> Half<'a> {
    /// A direction whose indices are zero.
    pub(super) fn new(place: Place, page: &'a Page, data: &'a Page) -> Self {
        Self {
            place,
            page,
            data,
            cons: 0,
            prod: 0,
            corrupt: None,
        }
    }

    pub(super) fn reset(&mut self) {
        (self.cons, self.prod, self.corrupt) = (0, 0, None);
        for at in [self.place.cons, self.place.prod] {
            assert_eq!(self.page.get_u32(at), 0);
        }
    }

    pub(super) fn forget(&self) {
        self.page.forget();
        self.data.forget();
    }

    /// Lets nothing change by itself any more.
    pub(super) fn still(&self) {
        self.page.set_drift(&[]);
        self.data.set_drift(&[]);
    }

    /// The indices that were loaded to attach, each once.
    fn attach(&mut self, log: &Log) {
        let one = |at| match log.loaded_u32(at)[..] {
            [index] => index,
            ref other => panic!("{other:?} was loaded"),
        };
        (self.cons, self.prod) = (one(self.place.cons), one(self.place.prod));
    }

    fn queued(&self) -> u32 {
        self.prod.wrapping_sub(self.cons)
    }

    fn free(&self) -> usize {
        (self.place.size - self.queued()) as usize
    }

    /// A look at the peer's producer index.
    fn look_read(&mut self) -> Result<usize, Corrupt> {
        let loaded = self.page.log().loaded_u32(self.place.prod);
        if let Some(corrupt) = self.corrupt {
            assert_eq!(loaded, []);
            return Err(corrupt);
        }
        let [prod] = loaded[..] else {
            panic!("{loaded:?} of one index");
        };
        self.produced(prod)
    }

    /// What the peer's producer index means.
    pub(super) fn produced(&mut self, prod: u32) -> Result<usize, Corrupt> {
        let (size, cons, before) = (self.place.size, self.cons, self.prod);
        let unread = prod.wrapping_sub(cons);
        if unread > size || unread < self.queued() {
            let corrupt = Corrupt::Producer {
                prod,
                before,
                cons,
                size,
            };
            self.corrupt = Some(corrupt);
            self.prod = cons;
            return Err(corrupt);
        }
        self.prod = prod;
        Ok(unread as usize)
    }

    /// A look at the peer's consumer index.
    fn look_write(&mut self) -> Result<usize, Corrupt> {
        let loaded = self.page.log().loaded_u32(self.place.cons);
        if let Some(corrupt) = self.corrupt {
            assert_eq!(loaded, []);
            return Err(corrupt);
        }
        let [cons] = loaded[..] else {
            panic!("{loaded:?} of one index");
        };
        self.consumed(cons)
    }

    /// What the peer's consumer index means.
    pub(super) fn consumed(&mut self, cons: u32) -> Result<usize, Corrupt> {
        let (size, prod, before) = (self.place.size, self.prod, self.cons);
        if prod.wrapping_sub(cons) > prod.wrapping_sub(before) {
            let corrupt = Corrupt::Consumer {
                cons,
                before,
                prod,
                size,
            };
            self.corrupt = Some(corrupt);
            // As if it were full.
            self.cons = prod.wrapping_sub(size);
            return Err(corrupt);
        }
        self.cons = cons;
        Ok(self.free())
    }

    /// What is there to read, for so many bytes.
    fn unread_for(&mut self, wanted: usize) -> Result<usize, Corrupt> {
        if (1..=self.queued() as usize).contains(&wanted) {
            return Ok(self.queued() as usize);
        }
        self.look_read()
    }

    /// What room there is, for so many bytes.
    fn free_for(&mut self, wanted: usize) -> Result<usize, Corrupt> {
        if (1..=self.free()).contains(&wanted) {
            return Ok(self.free());
        }
        self.look_write()
    }

    /// Where the byte with an index lies.
    fn at(&self, index: u32) -> usize {
        self.place.data + (index % self.place.size) as usize
    }

    fn is_data(&self, at: usize) -> bool {
        (self.place.data..self.place.data + self.place.size as usize).contains(&at)
    }

    /// Bytes that came out were loaded once, from where they are due, and nothing else was.
    pub(super) fn came_out(&mut self, bytes: &[u8], consumed: bool) {
        let log = self.data.log();
        let data = log.loads().filter(|(at, _)| self.is_data(*at));
        let loaded = data.flat_map(|(at, bytes)| (at..).zip(bytes.iter().copied()));
        let due = (0..).map(|n| self.at(self.cons.wrapping_add(n)));
        assert!(loaded.eq(due.zip(bytes.iter().copied())));
        assert!(!log.stores().any(|(at, _)| self.is_data(at)));
        drop(log);
        self.take(if consumed { bytes.len() } else { 0 });
    }

    /// So many bytes are given back.
    pub(super) fn take(&mut self, bytes: usize) {
        assert!(bytes <= self.queued() as usize);
        let stored = self.page.log().stored_u32(self.place.cons);
        self.cons = self.cons.wrapping_add(bytes as u32);
        assert_eq!(stored, if bytes == 0 { vec![] } else { vec![self.cons] });
    }

    /// Bytes that went in were stored once, to where they are due, and nothing else was.
    pub(super) fn went_in(&mut self, bytes: &[u8]) {
        assert!(bytes.len() <= self.free());
        let log = self.data.log();
        let data = log.stores().filter(|(at, _)| self.is_data(*at));
        let stored = data.flat_map(|(at, bytes)| (at..).zip(bytes.iter().copied()));
        let due = (0..).map(|n| self.at(self.prod.wrapping_add(n)));
        assert!(stored.eq(due.zip(bytes.iter().copied())));
        assert!(!log.loads().any(|(at, _)| self.is_data(at)));
        drop(log);
        let stored = self.page.log().stored_u32(self.place.prod);
        self.prod = self.prod.wrapping_add(bytes.len() as u32);
        assert_eq!(
            stored,
            if bytes.is_empty() {
                vec![]
            } else {
                vec![self.prod]
            }
        );
    }

    /// The peer writes something.
    pub(super) fn peer(&self, script: &mut Script<'_>, reading: bool) {
        match script.u8() % 4 {
            0 => self.page.scribble(script),
            1 => self.data.scribble(script),
            2 => {
                let drift = script.some_bytes();
                self.page.set_drift(drift);
                self.data.set_drift(drift);
            }
            _ if reading => {
                let prod = self.cons.wrapping_add(distance(script));
                self.page.set_u32(self.place.prod, prod);
            }
            _ => {
                let cons = self.prod.wrapping_sub(distance(script));
                self.page.set_u32(self.place.cons, cons);
            }
        }
    }
}

/// Holds what came of attaching against the indices that were found.
pub(super) fn attached<'a, E>(
    found: Result<E, AttachError>,
    mut read: Half<'a>,
    mut write: Half<'a>,
) -> Option<(E, [Half<'a>; 2])> {
    {
        let log = read.page.log();
        read.attach(&log);
        write.attach(&log);
        assert_eq!(log.stores().count(), 0);
    }
    let (size, cons, prod) = (read.place.size, read.cons, read.prod);
    let reading = (read.queued() > size).then_some(Corrupt::Producer {
        prod,
        before: prod,
        cons,
        size,
    });
    let (size, cons, prod) = (write.place.size, write.cons, write.prod);
    let writing = (write.queued() > size).then_some(Corrupt::Consumer {
        cons,
        before: cons,
        prod,
        size,
    });
    match (found, reading.or(writing)) {
        (Ok(end), None) => Some((end, [read, write])),
        (Err(AttachError::Corrupt(found)), Some(expected)) => {
            assert_eq!(found, expected);
            None
        }
        (found, expected) => panic!("{:?}, not {expected:?}", found.err()),
    }
}

fn same<T: fmt::Debug + PartialEq>(
    found: &Result<T, PacketError>,
    expected: &Result<T, PacketError>,
) {
    assert_eq!(found, expected);
}

/// Whether so much moved, with an event for anything.
fn moved(bytes: usize) -> Moved {
    let notify = if bytes == 0 {
        Notify::Suppressed
    } else {
        Notify::Needed
    };
    Moved { bytes, notify }
}

/// One operation on either half, or on the page by the peer.
pub(super) fn step(
    script: &mut Script<'_>,
    reader: &mut Reader<'_, &Page>,
    writer: &mut Writer<'_, &Page>,
    halves: &mut [Half<'_>; 2],
) {
    let [read, write] = halves;
    match script.u8() % 16 {
        0..=2 => read.peer(script, true),
        3..=5 => write.peer(script, false),
        6 => assert_eq!(reader.unread(), read.look_read()),
        7 => assert_eq!(writer.free(), write.look_write()),
        8..=9 => {
            let mut buffer = vec![0; amount(script)];
            let taken = script.u8() != 0;
            let found = if taken {
                reader.read(&mut buffer)
            } else {
                reader.peek(&mut buffer).map(moved)
            };
            let expected = read.unread_for(buffer.len()).map(|n| n.min(buffer.len()));
            assert_eq!(found, expected.map(moved));
            let bytes = &buffer[..expected.unwrap_or(0)];
            read.came_out(bytes, taken);
        }
        10 => {
            let mut buffer = vec![0; amount(script)];
            let (len, size) = (buffer.len(), read.place.size as usize);
            let found = reader.read_packet(&mut buffer);
            let expected = if len > size {
                Err(PacketError::TooLong { len, size })
            } else {
                match read.unread_for(len) {
                    Err(corrupt) => Err(corrupt.into()),
                    Ok(unread) if unread < len => Err(PacketError::Incomplete { len, unread }),
                    Ok(_) => Ok(moved(len).notify),
                }
            };
            same(&found, &expected);
            if expected.is_err() {
                buffer.clear();
            }
            read.came_out(&buffer, true);
        }
        11 => {
            let wanted = amount(script);
            let found = reader.skip(wanted);
            let expected = read.unread_for(wanted).map(|n| n.min(wanted));
            assert_eq!(found, expected.map(moved));
            read.take(expected.unwrap_or(0));
        }
        12..=13 => {
            let bytes = pattern(script);
            let found = writer.write(&bytes);
            let expected = write.free_for(bytes.len()).map(|n| n.min(bytes.len()));
            assert_eq!(found, expected.map(moved));
            write.went_in(&bytes[..expected.unwrap_or(0)]);
        }
        _ => {
            let bytes = pattern(script);
            let (len, size) = (bytes.len(), write.place.size as usize);
            let (a, b) = bytes.split_at(script.below(len + 1));
            let found = if b.is_empty() {
                writer.write_packet(a)
            } else {
                writer.write_parts(&[a, &[], b])
            };
            let expected = if len > size {
                Err(PacketError::TooLong { len, size })
            } else {
                match write.free_for(len) {
                    Err(corrupt) => Err(corrupt.into()),
                    Ok(free) if free < len => Err(PacketError::NoRoom { len, free }),
                    Ok(_) => Ok(moved(len).notify),
                }
            };
            same(&found, &expected);
            let bytes = if expected.is_ok() { &bytes[..] } else { &[] };
            write.went_in(bytes);
        }
    }
}

/// Bytes of which no two neighbours are the same.
pub(super) fn pattern(script: &mut Script<'_>) -> Vec<u8> {
    let (first, count) = (script.u8(), amount(script));
    (0..count)
        .map(|n| first.wrapping_add(n as u8 ^ (n >> 8) as u8))
        .collect()
}
