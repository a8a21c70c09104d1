//! What xenstore adds to byte rings: reconnection, features and errors.

use alloc::boxed::Box;
use core::ptr::NonNull;

use super::*;
use crate::ring::Mapping;

#[repr(C, align(4096))]
struct Memory([u8; 4096]);

/// A zeroed page, which stays, and a way to map it.
fn page() -> impl Fn() -> Mapping {
    let base = NonNull::from(Box::leak(Box::new(Memory([0; 4096])))).cast();
    // SAFETY: the leaked page stays, and is only touched through mappings.
    move || unsafe { Mapping::new(base, 4096) }.unwrap()
}

fn word(page: &Mapping, at: usize) -> u32 {
    assert!(at < 4096 && at % 4 == 0);
    // SAFETY: in the page, at a multiple of 4.
    unsafe { page.load_u32(at) }
}

fn set_word(page: &Mapping, at: usize, value: u32) {
    assert!(at < 4096 && at % 4 == 0);
    // SAFETY: in the page, at a multiple of 4.
    unsafe { page.store_u32(at, value) };
}

fn client(page: Mapping) -> Client<Mapping> {
    Client::attach(page).unwrap().connected().unwrap()
}

#[test]
fn words_are_where_the_protocol_has_them() {
    let map = page();
    let mut client = client(map());
    let _ = client.writer().write(b"abc").unwrap();
    let mut server = Server::attach(map()).unwrap();
    let _ = server.writer().write(b"hello").unwrap();
    let page = map();
    assert_eq!(word(&page, 2052), 3);
    assert_eq!(word(&page, 2060), 5);
    assert_eq!(word(&page, 0).to_ne_bytes(), *b"abc\0");
    assert_eq!(word(&page, 1024).to_ne_bytes(), *b"hell");
    server.offer(Features::ERROR);
    let _ = server.set_error(ServerError::Protocol);
    assert_eq!([2064, 2068, 2072].map(|at| word(&page, at)), [2, 0, 3]);
}

#[test]
fn a_guest_and_a_server_go_through_a_reconnection() {
    let map = page();
    let page = map();
    let (mut server, notify) = Server::init(map(), Features::RECONNECTION).unwrap();
    assert!(notify.is_needed());
    let mut client = client(map());
    let _ = client.writer().write(&[1; 700]).unwrap();
    let _ = server.writer().write(&[2; 1024]).unwrap();
    let _ = server.reader().skip(300).unwrap();
    assert!(!server.reconnect_requested());
    // Even if an index went wrong.
    set_word(&page, 2060, 7000);
    assert!(client.reader().unread().is_err());
    set_word(&page, 2056, 9000);
    assert!(server.writer().free().is_err());

    let (waiting, notify) = client.reconnect().unwrap();
    assert!(notify.is_needed() && server.reconnect_requested());
    assert_eq!(word(&page, 2068), 1);
    let Attached::Reconnecting(waiting) = waiting.poll().unwrap() else {
        panic!("the server has not reset the ring");
    };
    assert!(server.reset().is_needed());
    assert!(!server.reconnect_requested());
    let mut client = waiting.poll().unwrap().connected().unwrap();
    for at in [2048, 2052, 2056, 2060, 2068, 2072] {
        assert_eq!(word(&page, at), 0);
    }
    let _ = client.writer().write_packet(&[3; 1024]).unwrap();
    let mut got = [0; 1024];
    let _ = server.reader().read_packet(&mut got).unwrap();
    assert_eq!(got, [3; 1024]);
    assert_eq!(client.reader().unread(), Ok(0));
}

#[test]
fn without_the_feature_there_is_no_reconnection_and_no_error() {
    let map = page();
    let (mut server, _) = Server::init(map(), Features::NONE).unwrap();
    let client = client(map());
    let client = client.reconnect().unwrap_err();
    assert_eq!(word(&map(), 2068), 0);
    let _ = server.set_error(ServerError::RingIndex);
    assert_eq!(client.error(), None);
    server.offer(Features::ERROR);
    assert_eq!(client.error(), Some(ServerError::RingIndex));
    assert!(!client.features().contains(Features::RECONNECTION));
    let _ = server.reset();
    assert_eq!(client.error(), None);
}

#[test]
fn offered_features_stay_whatever_the_guest_writes() {
    let map = page();
    let (mut server, notify) = Server::init(map(), Features::RECONNECTION).unwrap();
    assert!(notify.is_needed());
    set_word(&map(), 2064, 0x8000_0000);
    server.offer(Features::ERROR);
    assert_eq!(word(&map(), 2064), 3);
}

#[test]
fn errors_of_later_servers_are_kept() {
    for word in [1, 2, 3, 4, u32::MAX] {
        assert_eq!(
            ServerError::from_raw(word).map(ServerError::raw),
            Some(word)
        );
    }
    assert_eq!(ServerError::from_raw(0), None);
}

#[test]
fn a_guest_that_finds_a_reset_under_way_looks_at_nothing_else() {
    let map = page();
    set_word(&map(), 2068, 1);
    // Indices that would be refused.
    set_word(&map(), 2060, 5000);
    let Attached::Reconnecting(waiting) = Client::attach(map()).unwrap() else {
        panic!("the page says otherwise");
    };
    set_word(&map(), 2068, 0);
    assert!(matches!(waiting.poll(), Err(AttachError::Corrupt(_))));
}

#[test]
fn a_short_page_is_refused() {
    let base = page()().base();
    let short = || {
        // SAFETY: the first bytes of a leaked page.
        unsafe { Mapping::new(base, 2072) }.unwrap()
    };
    let error = AttachError::TooSmall {
        len: 2072,
        needed: 2076,
    };
    assert_eq!(Client::attach(short()).err(), Some(error));
    assert_eq!(Server::attach(short()).err(), Some(error));
}
