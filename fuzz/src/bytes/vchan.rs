//! libxenvchan's rings, with a hostile other end.

use xen_abi::ring::bytes::{Corrupt, PacketError};
use xen_abi::ring::vchan::{BadOrders, Client, Orders, OrdersError, Peer, Server, grants};
use xen_abi::ring::{Notify, SharedMemory};
use xen_public::grant_table::GrantRef;

use super::half::{Half, Place, amount, attached, distance, pattern};
use crate::memory::Page;
use crate::script::Script;

/// Either end of a vchan, while the other writes what it likes.
///
/// As with the other byte rings, and an event is asked for and sent as the two bytes say: who finds too little
/// sets its bit, and who moves something clears the other's and sends an event if it was set.
pub fn vchan(data: &[u8]) {
    let script = &mut Script::new(data);
    let page = &Page::new(4096);
    page.fill(16, &script.u16().to_ne_bytes());
    page.fill(18, &script.u16().to_ne_bytes());
    if script.u8() % 8 != 0 {
        let order = |choice: u8| 10 + u16::from(choice % 4);
        page.fill(16, &order(script.u8()).to_ne_bytes());
        page.fill(18, &order(script.u8()).to_ne_bytes());
    }
    let Some(orders) = read_orders(page) else {
        return;
    };
    if orders.left() > 13 || orders.right() > 13 {
        // So large a ring would only cost time.
        return;
    }
    let memory = |order: u16| (order >= 12).then(|| Page::new(1 << order));
    let (left, right) = (memory(orders.left()), memory(orders.right()));
    let (left, right) = (left.as_ref(), right.as_ref());
    let place = |order: u16, at| Place {
        cons: at,
        prod: at + 4,
        data: match order {
            10 => 1024,
            11 => 2048,
            _ => 0,
        },
        size: 1 << order,
    };
    let left_half = Half::new(place(orders.left(), 0), page, left.unwrap_or(page));
    let right_half = Half::new(place(orders.right(), 8), page, right.unwrap_or(page));
    if script.flip() {
        let refs = vec![GrantRef::new(5); orders.left_pages() + orders.right_pages()];
        let server = Server::init(page, left, right, orders, &refs).expect("all is there");
        assert_eq!(read_orders(page), Some(orders));
        assert_eq!(page.read(20, 4), [2, 1, 1, 0]);
        run(
            script,
            &mut End::Server(server),
            page,
            left_half,
            right_half,
        );
    } else {
        for at in [0, 8] {
            let cons = script.index();
            page.set_u32(at, cons);
            page.set_u32(at + 4, cons.wrapping_add(distance(script)));
        }
        page.forget();
        let found = Client::attach(page, left, right, orders);
        let stores_of_indices = |at| page.log().stored_u32(at).len();
        assert_eq!([0, 4, 8, 12].map(stores_of_indices), [0; 4]);
        if let Some(((client, notify), [read, write])) = attach(found, page, right_half, left_half)
        {
            assert!(notify.is_needed());
            run(script, &mut End::Client(client), page, read, write);
        }
    }
}

/// As [`attached`], for one that also writes bytes which are no indices.
fn attach<'a, E>(
    found: Result<E, xen_abi::ring::bytes::AttachError>,
    page: &Page,
    read: Half<'a>,
    write: Half<'a>,
) -> Option<(E, [Half<'a>; 2])> {
    let indices = [0, 4, 8, 12].map(|at| page.log().loaded_u32(at));
    assert!(indices.iter().all(|loaded| loaded.len() == 1));
    // Once more, for a log without the stores.
    page.forget();
    for at in [0, 4, 8, 12] {
        // What is there is what was loaded: nothing drifts yet.
        let _ = load(page, at);
    }
    attached(found, read, write)
}

#[allow(unsafe_code)]
fn load(page: &Page, at: usize) -> u32 {
    // SAFETY: the offsets are in the page, which checks them.
    unsafe { page.load_u32(at) }
}

/// The orders, as the documentation has them, and the grants.
fn read_orders(page: &Page) -> Option<Orders> {
    let order = |at| u16::from_ne_bytes(page.read(at, 2).try_into().expect("two bytes"));
    let (left, right) = (order(16), order(18));
    let pages = |order: u16| {
        if order < 12 {
            0
        } else {
            1_usize << (order - 12)
        }
    };
    let possible = (10..=20).contains(&left)
        && (10..=20).contains(&right)
        && (left != right || left >= 12)
        && {
            let first = match left.min(right) {
                10 => 1024,
                11 => 2048,
                _ => 4096,
            };
            24 + 4 * (pages(left) + pages(right)) <= first
        };
    match Orders::read(&page) {
        Ok(orders) => {
            assert!(possible && (orders.left(), orders.right()) == (left, right));
            let grants = grants(&page, orders).expect("the page has room");
            assert_eq!(grants.count(), pages(left) + pages(right));
            Some(orders)
        }
        Err(error) => {
            assert_eq!(error, OrdersError::Orders(BadOrders { left, right }));
            assert!(!possible);
            None
        }
    }
}

/// Either end.
enum End<'a> {
    Server(Server<&'a Page>),
    Client(Client<&'a Page>),
}

macro_rules! either {
    ($end:expr, $inner:ident => $do:expr) => {
        match $end {
            End::Server($inner) => $do,
            End::Client($inner) => $do,
        }
    };
}

/// The bits by which an end asks for events.
const WRITTEN: u8 = 1;
const READ: u8 = 2;

/// The bytes of the two ends: whether the other lives, where we ask, where the other asks.
struct Bytes {
    live: usize,
    ours: usize,
    theirs: usize,
}

fn run(
    script: &mut Script<'_>,
    end: &mut End<'_>,
    page: &Page,
    mut read: Half<'_>,
    mut write: Half<'_>,
) {
    let bytes = match end {
        End::Server(_) => Bytes {
            live: 20,
            ours: 22,
            theirs: 23,
        },
        End::Client(_) => Bytes {
            live: 21,
            ours: 23,
            theirs: 22,
        },
    };
    while !script.is_empty() {
        read.forget();
        write.forget();
        let theirs = page.read(bytes.theirs, 1)[0];
        match script.u8() % 16 {
            0..=2 => read.peer(script, true),
            3..=5 => write.peer(script, false),
            6 => page.poke(bytes.theirs, script.u8()),
            7 => {
                let peer = either!(end, end => end.peer());
                let [byte] = page.log().loaded(bytes.live..bytes.live + 1)[..] else {
                    panic!("one byte");
                };
                let open = byte != Some(0);
                assert_eq!((peer.is_open(), peer == Peer::Left), (open, !open));
            }
            8 => {
                let wanted = amount(script);
                let found = either!(end, end => end.unread(wanted));
                assert_eq!(found, look_read(page, &bytes, &mut read, wanted));
            }
            9 => {
                let wanted = amount(script);
                let found = either!(end, end => end.free(wanted));
                assert_eq!(found, look_write(page, &bytes, &mut write, wanted));
            }
            10..=11 => {
                let mut buffer = vec![0; amount(script)];
                let found = either!(end, end => end.read(&mut buffer));
                let unread = look_read(page, &bytes, &mut read, buffer.len());
                let count = unread.map(|unread| unread.min(buffer.len()));
                assert_eq!(found.map(|moved| moved.bytes), count);
                read.came_out(&buffer[..count.unwrap_or(0)], true);
                if let (Ok(moved), Ok(count)) = (found, count) {
                    notified(page, &bytes, count, theirs, READ, moved.notify);
                }
            }
            12 => {
                let mut buffer = vec![0; amount(script)];
                let (len, size) = (buffer.len(), read.place.size as usize);
                let found = either!(end, end => end.read_packet(&mut buffer));
                let expected = if len > size {
                    Err(PacketError::TooLong { len, size })
                } else {
                    match look_read(page, &bytes, &mut read, len) {
                        Err(corrupt) => Err(corrupt.into()),
                        Ok(unread) if unread < len => Err(PacketError::Incomplete { len, unread }),
                        Ok(_) => Ok(()),
                    }
                };
                assert_eq!(found.map(|_| ()), expected);
                if expected.is_err() {
                    buffer.clear();
                }
                read.came_out(&buffer, true);
                if let Ok(notify) = found {
                    notified(page, &bytes, len, theirs, READ, notify);
                }
            }
            13..=14 => {
                let from = pattern(script);
                let found = either!(end, end => end.write(&from));
                let free = look_write(page, &bytes, &mut write, from.len());
                let count = free.map(|free| free.min(from.len()));
                assert_eq!(found.map(|moved| moved.bytes), count);
                write.went_in(&from[..count.unwrap_or(0)]);
                if let (Ok(moved), Ok(count)) = (found, count) {
                    notified(page, &bytes, count, theirs, WRITTEN, moved.notify);
                }
            }
            _ => {
                let from = pattern(script);
                let (len, size) = (from.len(), write.place.size as usize);
                let found = either!(end, end => end.write_packet(&from));
                let expected = if len > size {
                    Err(PacketError::TooLong { len, size })
                } else {
                    match look_write(page, &bytes, &mut write, len) {
                        Err(corrupt) => Err(corrupt.into()),
                        Ok(free) if free < len => Err(PacketError::NoRoom { len, free }),
                        Ok(_) => Ok(()),
                    }
                };
                assert_eq!(found.map(|_| ()), expected);
                write.went_in(if expected.is_ok() { &from } else { &[] });
                if let Ok(notify) = found {
                    notified(page, &bytes, len, theirs, WRITTEN, notify);
                }
            }
        }
    }
}

/// Looks at an index once, and if that is not enough asks for an event and looks again.
fn looks(
    page: &Page,
    bytes: &Bytes,
    bit: u8,
    at: usize,
    wanted: usize,
    mut mean: impl FnMut(u32) -> Result<usize, Corrupt>,
) -> Result<usize, Corrupt> {
    let loaded = page.log().loaded_u32(at);
    let mut last = 0;
    let mut looks = loaded.iter();
    for index in looks.by_ref() {
        last = mean(*index)?;
    }
    let [asked] = page.log().stored(bytes.ours..bytes.ours + 1)[..] else {
        panic!("one byte");
    };
    // The second look follows the bit, whose byte the other end may have changed since.
    assert_eq!(asked.is_some_and(|byte| byte & bit != 0), loaded.len() == 2);
    assert!(loaded.len() == 2 || last >= wanted);
    Ok(last)
}

fn look_read(
    page: &Page,
    bytes: &Bytes,
    read: &mut Half<'_>,
    wanted: usize,
) -> Result<usize, Corrupt> {
    let known = read.prod.wrapping_sub(read.cons) as usize;
    if (1..=known).contains(&wanted) {
        return Ok(known);
    }
    if let Some(corrupt) = read.corrupt {
        return Err(corrupt);
    }
    let at = read.place.prod;
    looks(page, bytes, WRITTEN, at, wanted, |prod| read.produced(prod))
}

fn look_write(
    page: &Page,
    bytes: &Bytes,
    write: &mut Half<'_>,
    wanted: usize,
) -> Result<usize, Corrupt> {
    let known = (write.place.size - write.prod.wrapping_sub(write.cons)) as usize;
    if (1..=known).contains(&wanted) {
        return Ok(known);
    }
    if let Some(corrupt) = write.corrupt {
        return Err(corrupt);
    }
    let at = write.place.cons;
    looks(page, bytes, READ, at, wanted, |cons| write.consumed(cons))
}

/// Whether the other end's bit was cleared if something moved, and an event is due if it was set.
fn notified(page: &Page, bytes: &Bytes, count: usize, theirs: u8, bit: u8, notify: Notify) {
    let [stored] = page.log().stored(bytes.theirs..bytes.theirs + 1)[..] else {
        panic!("one byte");
    };
    if count == 0 {
        assert_eq!((stored, notify), (None, Notify::Suppressed));
        return;
    }
    assert_eq!(stored, Some(theirs & !bit));
    assert_eq!(notify == Notify::Needed, theirs & bit != 0);
}
