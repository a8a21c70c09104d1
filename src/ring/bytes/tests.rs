//! Both halves of a connection against a queue, and against indices that lie.
//!
//! They run on the flex ring's ends, which have nothing of their own in the data path.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;
use core::ptr::NonNull;

use quickcheck::{Arbitrary, Gen, QuickCheck};

use super::*;
use crate::ring::Mapping;

/// Zeroed pages.
#[repr(C, align(4096))]
struct Pages([[u8; 4096]; 4]);

/// Two mappings of the same `len` bytes, which stay as long as the program: the tests' pages are few.
fn pair(len: usize) -> [Mapping; 2] {
    assert!(len <= 4 * 4096);
    let base = NonNull::from(Box::leak(Box::new(Pages([[0; 4096]; 4])))).cast();
    [(); 2].map(|()| {
        // SAFETY: the leaked pages stay, and are only touched through the mappings.
        unsafe { Mapping::new(base, len) }.unwrap()
    })
}

/// Offsets of the indices in the tests' pages.
const CONS: [usize; 2] = [0, 16];
const PROD: [usize; 2] = [8, 24];
const DATA: usize = 64;

fn set(page: &Mapping, at: usize, value: u32) {
    assert!(at % 4 == 0 && at < DATA);
    // SAFETY: in front of the data, at a multiple of 4.
    unsafe { page.store_u32(at, value) };
}

fn get(page: &Mapping, at: usize) -> u32 {
    assert!(at % 4 == 0 && at < DATA);
    // SAFETY: in front of the data, at a multiple of 4.
    unsafe { page.load_u32(at) }
}

/// Two rings in one memory, of these sizes, the first read by the first end.
fn places(sizes: [u32; 2]) -> [Place; 2] {
    let place = |n: usize, data| Place {
        cons: CONS[n],
        prod: PROD[n],
        area: 0,
        data,
        size: sizes[n],
    };
    [place(0, DATA), place(1, DATA + sizes[0] as usize)]
}

fn areas(page: Mapping) -> Areas<Mapping> {
    Areas {
        page,
        others: [None, None],
    }
}

/// Both ends of a connection whose indices begin at `start`, and the page.
fn ends(sizes: [u32; 2], start: u32) -> (Connection<Mapping>, Connection<Mapping>, Mapping) {
    let len = DATA + (sizes[0] + sizes[1]) as usize;
    let [a, b] = pair(len);
    // SAFETY: as in `pair`.
    let page = unsafe { Mapping::new(a.base(), len) }.unwrap();
    for n in 0..2 {
        set(&page, CONS[n], start);
        set(&page, PROD[n], start);
    }
    let [first, second] = places(sizes);
    (
        Connection::attach(areas(a), first, second).unwrap(),
        Connection::attach(areas(b), second, first).unwrap(),
        page,
    )
}

/// What can be done at one of the ends, with this many bytes.
#[derive(Clone, Debug)]
enum Step {
    Write(bool, u16),
    WritePacket(bool, u16, u16),
    Read(bool, u16),
    ReadPacket(bool, u16),
    Peek(bool, u16),
    Skip(bool, u16),
}

impl Arbitrary for Step {
    fn arbitrary(g: &mut Gen) -> Self {
        let end = bool::arbitrary(g);
        // Around the sizes that occur, which are 1 to 64.
        let mut len = || u16::arbitrary(g) % 80;
        let (a, b) = (len(), len());
        match u8::arbitrary(g) % 8 {
            0 | 1 => Self::Write(end, a),
            2 => Self::WritePacket(end, a, b % 8),
            3 | 4 => Self::Read(end, a),
            5 => Self::ReadPacket(end, a),
            6 => Self::Peek(end, a),
            _ => Self::Skip(end, a),
        }
    }
}

/// Bytes that do not repeat with the period of a ring.
fn bytes(next: &mut u32, len: usize) -> Vec<u8> {
    let text = |n: u32| (n.wrapping_mul(0x9e37_79b1) >> 24) as u8;
    let from = *next;
    *next += len as u32;
    (from..*next).map(text).collect()
}

fn agrees_with_queues(steps: &[Step], start: u32, sizes: [u32; 2]) {
    let (mut a, mut b, page) = ends(sizes, start);
    let mut queues = [VecDeque::new(), VecDeque::new()];
    let mut moved = [[0u32; 2]; 2];
    let mut next = 0;
    let always = |bytes: usize| Moved::always(bytes).notify;
    for step in steps {
        let (Step::Write(end, _)
        | Step::WritePacket(end, ..)
        | Step::Read(end, _)
        | Step::ReadPacket(end, _)
        | Step::Peek(end, _)
        | Step::Skip(end, _)) = *step;
        let (reader, writer) = if end { a.split() } else { b.split() };
        let (mut reader, mut writer) = (reader, writer);
        let (from, to) = if end { (0, 1) } else { (1, 0) };
        let (unread, size) = (queues[from].len(), sizes[to] as usize);
        let free = size - queues[to].len();
        match *step {
            Step::Write(_, len) => {
                let text = bytes(&mut next, len.into());
                let count = free.min(text.len());
                let notify = always(count);
                let bytes = count;
                assert_eq!(writer.write(&text), Ok(Moved { bytes, notify }));
                queues[to].extend(&text[..count]);
                moved[to][1] += count as u32;
            }
            Step::WritePacket(_, first, second) => {
                let text = [first, second].map(|len| bytes(&mut next, len.into()));
                let len = text[0].len() + text[1].len();
                let wrote = writer.write_parts(&[&text[0], &text[1]]);
                if len > size {
                    assert_eq!(wrote, Err(PacketError::TooLong { len, size }));
                } else if len > free {
                    assert_eq!(wrote, Err(PacketError::NoRoom { len, free }));
                } else {
                    assert_eq!(wrote, Ok(always(len)));
                    queues[to].extend(text.iter().flatten());
                    moved[to][1] += len as u32;
                }
            }
            Step::Read(_, len) | Step::Peek(_, len) | Step::Skip(_, len) => {
                let mut text = vec![0; len.into()];
                let count = unread.min(text.len());
                let all = Moved {
                    bytes: count,
                    notify: always(count),
                };
                let expected: Vec<u8> = queues[from].iter().copied().take(count).collect();
                match step {
                    Step::Read(..) => assert_eq!(reader.read(&mut text), Ok(all)),
                    Step::Peek(..) => assert_eq!(reader.peek(&mut text), Ok(count)),
                    _ => assert_eq!(reader.skip(text.len()), Ok(all)),
                }
                if !matches!(step, Step::Skip(..)) {
                    assert_eq!(text[..count], expected);
                    assert!(text[count..].iter().all(|byte| *byte == 0));
                }
                if !matches!(step, Step::Peek(..)) {
                    queues[from].drain(..count);
                    moved[from][0] += count as u32;
                }
            }
            Step::ReadPacket(_, len) => {
                let mut text = vec![0; len.into()];
                let (len, size) = (text.len(), sizes[from] as usize);
                let read = reader.read_packet(&mut text);
                if len > size {
                    assert_eq!(read, Err(PacketError::TooLong { len, size }));
                } else if len > unread {
                    assert_eq!(read, Err(PacketError::Incomplete { len, unread }));
                } else {
                    assert_eq!(read, Ok(always(len)));
                    assert!(queues[from].drain(..len).eq(text));
                    moved[from][0] += len as u32;
                }
            }
        }
        assert_eq!(reader.unread(), Ok(queues[from].len()));
        assert_eq!(writer.free(), Ok(sizes[to] as usize - queues[to].len()));
        for n in 0..2 {
            assert_eq!(get(&page, CONS[n]), start.wrapping_add(moved[n][0]));
            assert_eq!(get(&page, PROD[n]), start.wrapping_add(moved[n][1]));
        }
    }
}

#[test]
fn any_sequence_of_steps_is_that_of_two_queues() {
    fn property(steps: Vec<Step>, before_wrap: u8, orders: (u8, u8)) -> bool {
        let sizes = [1 << (orders.0 % 7), 1 << (orders.1 % 7)];
        agrees_with_queues(&steps, 0u32.wrapping_sub(before_wrap.into()), sizes);
        true
    }
    QuickCheck::new()
        .tests(if cfg!(miri) { 5 } else { 1000 })
        .quickcheck(property as fn(Vec<Step>, u8, (u8, u8)) -> bool);
}

/// A reader and a writer of the same ring of 32 bytes, in which `written` bytes from `start` on were
/// written and `read` of them read.
fn halfway(
    start: u32,
    written: usize,
    read: usize,
) -> (Connection<Mapping>, Connection<Mapping>, Mapping) {
    let (mut a, mut b, page) = ends([32, 32], start);
    assert_eq!(
        b.writer().write(&[7; 32][..written]).unwrap().bytes,
        written
    );
    assert_eq!(a.reader().skip(read).unwrap().bytes, read);
    (a, b, page)
}

#[test]
fn any_index_of_the_peer_is_used_or_refused() {
    fn property(start: u32, written: u8, read: u8, claimed: u32, far: bool) -> bool {
        let written = written % 33;
        let read = read % (written + 1);
        let claimed = if far {
            claimed
        } else {
            start.wrapping_add(claimed % 140).wrapping_sub(50)
        };
        // As an exact number: how far the claim lies from the start, in either direction.
        let distance = i64::from(claimed.wrapping_sub(start) as i32);
        let (mut a, _b, page) = halfway(start, written.into(), read.into());
        set(&page, PROD[0], claimed);
        // The reader has seen all that was written.
        let honest = distance >= i64::from(written) && distance <= 32 + i64::from(read);
        let found = a.reader().unread();
        let reader = match found {
            Ok(count) => honest && count as i64 == distance - i64::from(read),
            Err(_) => !honest,
        };
        let (_a, mut b, page) = halfway(start, written.into(), read.into());
        set(&page, CONS[0], claimed);
        let honest = distance >= 0 && distance <= i64::from(written);
        let writer = match b.writer().free() {
            Ok(count) => honest && count as i64 == 32 - i64::from(written) + distance,
            Err(_) => !honest,
        };
        reader && writer
    }
    QuickCheck::new()
        .tests(if cfg!(miri) { 5 } else { 3000 })
        .quickcheck(property as fn(u32, u8, u8, u32, bool) -> bool);
}

#[test]
fn a_bad_index_ends_the_half_for_ever() {
    let (mut a, mut b, page) = halfway(100, 20, 10);
    set(&page, PROD[0], 143);
    let corrupt = Corrupt::Producer {
        prod: 143,
        before: 120,
        cons: 110,
        size: 32,
    };
    assert_eq!(a.reader().unread(), Err(corrupt));
    set(&page, PROD[0], 120);
    assert_eq!(a.reader().unread(), Err(corrupt));
    assert_eq!(a.reader().read(&mut [0; 4]), Err(corrupt));
    assert_eq!(a.reader().skip(4), Err(corrupt));
    assert_eq!(a.reader().read_packet(&mut [0; 4]), Err(corrupt.into()));

    set(&page, CONS[0], 99);
    let corrupt = Corrupt::Consumer {
        cons: 99,
        before: 100,
        prod: 120,
        size: 32,
    };
    assert_eq!(b.writer().free(), Err(corrupt));
    set(&page, CONS[0], 110);
    assert_eq!(b.writer().free(), Err(corrupt));
    assert_eq!(b.writer().write(&[1]), Err(corrupt));
    assert_eq!(b.writer().write_packet(&[1]), Err(corrupt.into()));
    // The other direction has its own indices.
    assert_eq!(b.reader().unread(), Ok(0));
    assert_eq!(a.writer().free(), Ok(32));
}

#[test]
fn an_index_may_not_go_back() {
    let (mut a, mut b, page) = halfway(100, 20, 10);
    // Still between what is consumed and the size, but less than it was.
    set(&page, PROD[0], 119);
    assert!(a.reader().unread().is_err());
    assert_eq!(b.writer().free(), Ok(22));
    set(&page, CONS[0], 109);
    let corrupt = Corrupt::Consumer {
        cons: 109,
        before: 110,
        prod: 120,
        size: 32,
    };
    assert_eq!(b.writer().free(), Err(corrupt));
}

#[test]
fn our_own_index_in_the_page_is_not_read_again() {
    let (mut a, mut b, page) = halfway(100, 20, 10);
    set(&page, CONS[0], 111);
    assert_eq!(a.reader().unread(), Ok(10));
    assert_eq!(a.reader().read(&mut [0; 1]).unwrap().bytes, 1);
    assert_eq!(get(&page, CONS[0]), 111);
    set(&page, PROD[0], 0);
    assert_eq!(b.writer().write(&[0; 3]).unwrap().bytes, 3);
    assert_eq!(get(&page, PROD[0]), 123);
}

#[test]
fn attaching_looks_at_lengths_offsets_and_indices() {
    let [a, _] = pair(DATA + 63);
    let [first, second] = places([32, 32]);
    let attach = |page: &Mapping, first, second| {
        Connection::attach(
            Areas {
                page,
                others: [None, None],
            },
            first,
            second,
        )
        .err()
    };
    let small = Some(AttachError::TooSmall {
        len: 127,
        needed: 128,
    });
    assert_eq!(attach(&a, first, second), small);
    assert_eq!(attach(&a, second, first), small);
    let odd = Place { cons: 2, ..first };
    assert_eq!(
        attach(&a, odd, first),
        Some(AttachError::Impossible { value: 2 })
    );
    let odd = Place { size: 31, ..first };
    assert_eq!(
        attach(&a, odd, first),
        Some(AttachError::Impossible { value: 31 })
    );
    let far = Place {
        prod: usize::MAX - 3,
        ..first
    };
    assert!(attach(&a, far, first).is_some());
    let far = Place {
        data: usize::MAX,
        ..first
    };
    assert!(attach(&a, far, first).is_some());
    let none = Place { size: 0, ..first };
    assert_eq!(
        attach(&a, none, first),
        Some(AttachError::Impossible { value: 0 })
    );
    set(&a, PROD[0], 33);
    let corrupt = Corrupt::Producer {
        prod: 33,
        before: 33,
        cons: 0,
        size: 32,
    };
    assert_eq!(attach(&a, first, first), Some(corrupt.into()));
    set(&a, PROD[0], 32);
    assert_eq!(attach(&a, first, first), None);
    set(&a, CONS[0], 33);
    assert!(attach(&a, first, first).is_some());
}

#[test]
fn two_threads_move_a_stream() {
    extern crate std;
    const TOTAL: u32 = if cfg!(miri) { 100 } else { 200_000 };
    let (mut a, mut b, _) = ends([64, 16], 0u32.wrapping_sub(TOTAL / 2));
    let text = |n: u32| (n.wrapping_mul(0x9e37_79b1) >> 24) as u8;
    // What one end writes comes back from the other, through both rings.
    let (mut back, mut there) = a.split();
    let (mut in_, mut out) = b.split();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut sent = 0;
            while sent < TOTAL {
                let upto = TOTAL.min(sent + 1 + sent % 23);
                let part: Vec<u8> = (sent..upto).map(text).collect();
                let bytes = there.write(&part).unwrap().bytes;
                sent += bytes as u32;
                if bytes == 0 {
                    std::thread::yield_now();
                }
            }
        });
        scope.spawn(move || {
            let mut echoed = 0;
            let mut buffer = [0; 19];
            while echoed < TOTAL {
                let bytes = in_.read(&mut buffer).unwrap().bytes;
                let mut rest = &buffer[..bytes];
                echoed += bytes as u32;
                while !rest.is_empty() {
                    let bytes = out.write(rest).unwrap().bytes;
                    rest = &rest[bytes..];
                    if bytes == 0 {
                        std::thread::yield_now();
                    }
                }
                if bytes == 0 {
                    std::thread::yield_now();
                }
            }
        });
        let mut got = 0;
        let mut buffer = [0; 29];
        while got < TOTAL {
            let bytes = back.read(&mut buffer).unwrap().bytes;
            for byte in &buffer[..bytes] {
                assert_eq!(*byte, text(got));
                got += 1;
            }
            if bytes == 0 {
                std::thread::yield_now();
            }
        }
    });
}

#[test]
fn nothing_asked_of_a_dead_half_is_an_error_too() {
    let (mut a, mut b, page) = halfway(100, 20, 10);
    set(&page, PROD[0], 143);
    set(&page, CONS[0], 99);
    assert!(a.reader().read(&mut []).is_err());
    assert!(a.reader().peek(&mut []).is_err());
    assert!(b.writer().write(&[]).is_err());
    assert!(b.writer().write_packet(&[]).is_err());
}
