//! Sizes, bytes of state, and who is notified of what.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::ptr::NonNull;

use super::*;
use crate::ring::Mapping;

#[repr(C, align(4096))]
struct Pages([[u8; 4096]; 4]);

/// Memory of `pages` pages, which stays, and a way to map it.
fn memory(pages: usize) -> impl Fn() -> Mapping {
    assert!(pages <= 4);
    let base = NonNull::from(Box::leak(Box::new(Pages([[0; 4096]; 4])))).cast();
    // SAFETY: the leaked pages stay, and are only touched through mappings.
    move || unsafe { Mapping::new(base, pages * 4096) }.unwrap()
}

fn byte(page: &Mapping, at: usize) -> u8 {
    assert!(at < 4096);
    // SAFETY: in the page.
    unsafe { page.load_u8(at) }
}

/// Both ends over one page, with rings of 1024 and 2048 bytes.
fn small() -> (Server<Mapping>, Client<Mapping>, Mapping) {
    let map = memory(1);
    let orders = Orders::new(10, 11).unwrap();
    let server = Server::init(map(), None, None, orders, &[]).unwrap();
    let (client, _) = Client::attach(map(), None, None, Orders::read(&map()).unwrap()).unwrap();
    (server, client, map())
}

#[test]
fn orders_are_those_that_fit_in_a_page() {
    for left in 0..=30 {
        for right in 0..=30 {
            let in_page = [10, 11].map(|o| u8::from(left == o) + u8::from(right == o));
            let ranges = (10..=20).contains(&left) && (10..=20).contains(&right);
            let mut right_one = ranges && in_page[0] < 2 && in_page[1] < 2;
            // 256 grants and the 24 bytes before them do not fit in front of a ring at 1024.
            if (left == 10 && right == 20) || (left == 20 && right == 10) {
                right_one = false;
            }
            assert_eq!(
                Orders::new(left, right).is_ok(),
                right_one,
                "{left} {right}"
            );
        }
    }
    assert!(Orders::new(u16::MAX, 10).is_err());
    assert_eq!(Orders::new(12, 20).unwrap().right_pages(), 256);
}

#[test]
fn a_new_page_is_that_of_the_header() {
    let map = memory(1);
    let rings = [memory(1), memory(2)];
    let orders = Orders::new(12, 13).unwrap();
    let grefs = [5, 6, 7].map(GrantRef::new);
    let (left, right) = (Some(rings[0]()), Some(rings[1]()));
    let _server = Server::init(map(), left, right, orders, &grefs).unwrap();
    let page = map();
    let bytes: Vec<u8> = (0..40).map(|at| byte(&page, at)).collect();
    let mut expected = vec![0; 16];
    expected.extend(12u16.to_ne_bytes());
    expected.extend(13u16.to_ne_bytes());
    expected.extend([2, 1, 1, 0]);
    for gref in [5u32, 6, 7, 0] {
        expected.extend(gref.to_ne_bytes());
    }
    assert_eq!(bytes, expected);
    assert!(grants(&page, orders).unwrap().eq(grefs));
    let few = Server::init(
        map(),
        Some(rings[0]()),
        Some(rings[1]()),
        orders,
        &grefs[..2],
    );
    assert_eq!(
        few.err(),
        Some(MakeError::Grants {
            given: 2,
            needed: 3
        })
    );
    let none = Client::attach(map(), Some(rings[0]()), None, orders);
    let missing = AttachError::TooSmall {
        len: 0,
        needed: 8192,
    };
    assert_eq!(none.err(), Some(missing));
    let short = Client::attach(map(), Some(rings[0]()), Some(rings[0]()), orders);
    let missing = AttachError::TooSmall {
        len: 4096,
        needed: 8192,
    };
    assert_eq!(short.err(), Some(missing));
}

#[test]
fn bytes_are_where_the_orders_say() {
    let all = [(10, 11), (10, 12), (11, 10), (13, 11), (12, 12)];
    for (left, right) in all.into_iter().take(if cfg!(miri) { 2 } else { 5 }) {
        let orders = Orders::new(left, right).unwrap();
        let map = memory(1);
        let own = |pages| (pages > 0).then(|| memory(pages));
        let (l, r) = (own(orders.left_pages()), own(orders.right_pages()));
        let areas = || (l.as_ref().map(|m| m()), r.as_ref().map(|m| m()));
        let grefs: Vec<_> = (0..orders.left_pages() + orders.right_pages())
            .map(|n| GrantRef::new(n as u32))
            .collect();
        let (left_area, right_area) = areas();
        let mut server = Server::init(map(), left_area, right_area, orders, &grefs).unwrap();
        let (left_area, right_area) = areas();
        let (mut client, notify) = Client::attach(map(), left_area, right_area, orders).unwrap();
        assert!(notify.is_needed());
        let (there, back) = (vec![1; 1 << left], vec![2; 1 << right]);
        let _ = client.write_packet(&there).unwrap();
        let _ = server.write_packet(&back).unwrap();
        for (order, area, value) in [(left, &l, 1), (right, &r, 2)] {
            let (memory, at) = match (order, area) {
                (10, _) => (map(), 1024),
                (11, _) => (map(), 2048),
                (_, Some(area)) => (area(), 0),
                (_, None) => unreachable!("a ring of {order} has a memory"),
            };
            assert_eq!(byte(&memory, at), value);
            assert_eq!(byte(&memory, at + 1023), value);
        }
        let mut got = vec![0; 1 << left];
        let _ = server.read_packet(&mut got).unwrap();
        assert_eq!(got, there);
        let mut got = vec![0; 1 << right];
        let _ = client.read_packet(&mut got).unwrap();
        assert_eq!(got, back);
    }
}

#[test]
fn an_event_is_sent_to_who_waits_and_only_once() {
    let (mut server, mut client, page) = small();
    // Both begin as waiting for bytes.
    assert_eq!((byte(&page, CLI_NOTIFY), byte(&page, SRV_NOTIFY)), (1, 1));
    assert!(client.write(b"a").unwrap().notify.is_needed());
    assert!(!client.write(b"b").unwrap().notify.is_needed());
    // The server takes all there is, and that is what it asked for: it does not wait.
    let mut two = [0; 2];
    assert_eq!(server.read(&mut two).unwrap().bytes, 2);
    assert!(!client.write(b"c").unwrap().notify.is_needed());
    // Now it wanted more.
    assert_eq!(server.read(&mut two).unwrap().bytes, 1);
    assert!(client.write(b"d").unwrap().notify.is_needed());
    assert_eq!(server.unread(5), Ok(1));
    assert!(client.write(b"e").unwrap().notify.is_needed());

    // A writer without room waits for the reader, and for nothing else.
    let bytes = client.write(&[7; 2000]).unwrap().bytes;
    assert_eq!(bytes, 1024 - 2);
    assert_eq!(byte(&page, SRV_NOTIFY), WRITE | READ);
    assert!(server.write(b"x").unwrap().notify.is_needed());
    assert_eq!(byte(&page, SRV_NOTIFY), READ);
    assert!(server.read(&mut two).unwrap().notify.is_needed());
    assert!(!server.read(&mut two).unwrap().notify.is_needed());
    assert_eq!(client.free(4), Ok(4));
    // An end that moved nothing has nothing to tell, whoever waits.
    assert_eq!(client.read(&mut [0; 9]).unwrap().bytes, 1);
    assert_eq!(server.write(&[]).unwrap().notify, Notify::Suppressed);
    assert_eq!(byte(&page, SRV_NOTIFY), WRITE);
}

#[test]
fn packets_come_whole_or_not_at_all() {
    let (mut server, mut client, _) = small();
    let _ = server.write(&[1; 10]).unwrap();
    let incomplete = PacketError::Incomplete {
        len: 11,
        unread: 10,
    };
    assert_eq!(client.read_packet(&mut [0; 11]), Err(incomplete));
    assert!(server.write(&[1]).unwrap().notify.is_needed());
    assert_eq!(client.read_packet(&mut [0; 11]), Ok(Notify::Suppressed));
    let long = PacketError::TooLong {
        len: 2049,
        size: 2048,
    };
    assert_eq!(client.read_packet(&mut [0; 2049]), Err(long));
    assert_eq!(server.write_packet(&[0; 2049]), Err(long));
    let _ = server.write(&[0; 2000]).unwrap();
    let full = PacketError::NoRoom { len: 49, free: 48 };
    assert_eq!(server.write_packet(&[0; 49]), Err(full));
    assert!(client.read(&mut [0; 1]).unwrap().notify.is_needed());
    assert!(server.write_packet(&[0; 49]).is_ok());
}

#[test]
fn who_leaves_is_missed_and_leaves_its_bytes() {
    let (mut server, client, page) = small();
    assert_eq!(
        (server.peer(), client.peer()),
        (Peer::Connected, Peer::Connected)
    );
    let mut client = client;
    let _ = client.write(b"bye").unwrap();
    let (_, _, notify) = client.close();
    assert!(notify.is_needed());
    assert_eq!(server.peer(), Peer::Left);
    assert!(!server.peer().is_open());
    assert_eq!(server.read(&mut [0; 8]).unwrap().bytes, 3);
    let _ = server.close();
    assert_eq!((byte(&page, CLI_LIVE), byte(&page, SRV_LIVE)), (0, 0));
    assert_eq!(Peer::from_raw(77), Peer::Unknown(77));
}

/// Two threads that sleep whenever there is nothing to do, and are only woken by events: a lost one
/// would end this test by its timeout.
#[test]
fn no_wakeup_is_lost_between_two_threads() {
    extern crate std;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Duration;

    const TOTAL: u32 = if cfg!(miri) { 2000 } else { 2_000_000 };
    let (mut server, mut client, _) = small();
    let (to_server, server_events) = channel();
    let (to_client, client_events) = channel();
    let send = |notify: Notify, port: &Sender<()>| {
        if notify.is_needed() {
            // The other thread may be done already.
            let _ = port.send(());
        }
    };
    fn wait(port: &Receiver<()>) {
        port.recv_timeout(Duration::from_secs(60))
            .expect("a wakeup was lost");
    }
    let text = |n: u32| (n.wrapping_mul(0x9e37_79b1) >> 24) as u8;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut sent = 0;
            while sent < TOTAL {
                let upto = TOTAL.min(sent + 1 + sent % 1500);
                let part: Vec<u8> = (sent..upto).map(text).collect();
                let moved = client.write(&part).unwrap();
                send(moved.notify, &to_server);
                sent += moved.bytes as u32;
                if moved.bytes < part.len() {
                    wait(&client_events);
                }
            }
        });
        let mut got = 0;
        let mut buffer = [0; 700];
        while got < TOTAL {
            let left = buffer.len().min((TOTAL - got) as usize);
            let moved = server.read(&mut buffer[..left]).unwrap();
            for byte in &buffer[..moved.bytes] {
                assert_eq!(*byte, text(got));
                got += 1;
            }
            send(moved.notify, &to_client);
            if moved.bytes < left {
                wait(&server_events);
            }
        }
    });
}
