//! What flex rings add to byte rings: the index page.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ptr::NonNull;

use super::*;
use crate::ring::Mapping;

#[repr(C, align(4096))]
struct Pages([[u8; 4096]; 5]);

/// Memory of an index page and of a data ring of four pages, and a way to map it.
fn memory() -> impl Fn() -> (Mapping, Mapping) {
    let base = NonNull::from(Box::leak(Box::new(Pages([[0; 4096]; 5])))).cast::<u8>();
    move || {
        // SAFETY: the leaked pages stay, and are only touched through mappings.
        let page = unsafe { Mapping::new(base, 4096) }.unwrap();
        // SAFETY: in the array.
        let base = unsafe { base.add(4096) };
        // SAFETY: as above; the rest of the array.
        let data = unsafe { Mapping::new(base, 4 * 4096) }.unwrap();
        (page, data)
    }
}

/// The order of the data ring that both ends use, and the bytes of each of its halves.
const ORDER: u32 = if cfg!(miri) { 0 } else { 2 };
const HALF: usize = 2048 << ORDER;

fn grants(count: u32) -> Vec<GrantRef> {
    (0..count).map(|n| GrantRef::new(1000 + n)).collect()
}

fn begins_and_carries<P: Interface>() {
    let map = memory();
    let (page, data) = map();
    let mut front = Front::<P, _>::init(page, data, &grants(1 << ORDER)).unwrap();
    let (page, data) = map();
    let order = order::<P>(&page, Order::new(ORDER).unwrap()).unwrap();
    assert_eq!(
        (order.get(), order.pages(), order.ring_size()),
        (ORDER, 1 << ORDER, HALF)
    );
    assert!(refs::<P, _>(&page, order).unwrap().eq(grants(1 << ORDER)));
    let mut back = Back::<P, _>::attach(page, data, order).unwrap();
    let _ = front.writer().write_packet(&[1; HALF]).unwrap();
    let _ = back.writer().write_packet(&[2; HALF]).unwrap();
    let mut got = [0; HALF];
    let _ = back.reader().read_packet(&mut got).unwrap();
    assert_eq!(got, [1; HALF]);
    let _ = front.reader().read_packet(&mut got).unwrap();
    assert_eq!(got, [2; HALF]);
    // `in` is the first half of the data ring, `out` the second.
    let (_, data) = map();
    data_is(&data, 0, 2);
    data_is(&data, HALF, 1);
    // Both go on where they were.
    let _ = front.writer().write_packet(b"more").unwrap();
    let (page, data) = back.into_memory();
    let mut back = Back::<P, _>::attach(page, data.unwrap(), order).unwrap();
    assert_eq!(back.reader().unread(), Ok(4));
    let (page, data) = front.into_memory();
    let mut front = Front::<P, _>::attach(page, data.unwrap(), order).unwrap();
    assert_eq!(front.writer().free(), Ok(HALF - 4));
}

fn data_is(data: &Mapping, from: usize, byte: u8) {
    let mut got = [0; HALF];
    // SAFETY: `from` is at most half of the four pages.
    unsafe { data.read_bytes(from, &mut got) };
    assert_eq!(got, [byte; HALF]);
}

#[test]
fn the_index_page_of_each_protocol_serves_both_ends() {
    begins_and_carries::<Xen9pfs>();
    if !cfg!(miri) {
        begins_and_carries::<Pvcalls>();
    }
}

#[test]
fn the_words_are_where_the_header_has_them() {
    let map = memory();
    let (page, data) = map();
    let mut front = Front::<Xen9pfs, _>::init(page, data, &grants(2)).unwrap();
    let _ = front.writer().write_packet(&[9; 5]).unwrap();
    let (page, _) = map();
    let words: Vec<u32> = (0..35)
        // SAFETY: in the page, at a multiple of 4.
        .map(|n| unsafe { page.load_u32(n * 4) })
        .collect();
    let mut expected = [0; 35];
    // out_prod, ring_order, ref[0], ref[1]
    (expected[17], expected[32], expected[33], expected[34]) = (5, 1, 1000, 1001);
    assert_eq!(words, expected);
}

#[test]
fn a_hostile_order_is_refused() {
    let (page, data) = memory()();
    for (value, max, right) in [
        (0, Order::MAX, true),
        (9, Order::MAX, true),
        (10, Order::MAX, false),
        (3, Order(2), false),
        (32, Order::MAX, false),
        (256, Order::MAX, false),
        (u32::MAX, Order::MAX, false),
    ] {
        store(&page, Xen9pfs::RING_ORDER, value).unwrap();
        let found = order::<Xen9pfs>(&page, max);
        let bad = BadOrder { order: value, max };
        assert_eq!(
            found.map(Order::get),
            if right { Ok(value) } else { Err(bad.into()) }
        );
    }
    // The largest order has its grants in the page, and needs its data ring.
    assert_eq!(refs::<Xen9pfs, _>(&page, Order::MAX).unwrap().len(), 512);
    let attached = Back::<Xen9pfs, _>::attach(page, data, Order::MAX);
    let (len, needed) = (4 * 4096, 512 * 4096);
    assert_eq!(attached.err(), Some(AttachError::TooSmall { len, needed }));
}

#[test]
fn a_front_is_made_of_a_power_of_two_of_pages() {
    for count in [0, 3, 513, 1024] {
        let (page, data) = memory()();
        let made = Front::<Xen9pfs, _>::init(page, data, &grants(count));
        let refs = count as usize;
        assert_eq!(made.err(), Some(InterfaceError::Pages { refs }));
    }
    let (page, data) = memory()();
    let made = Front::<Xen9pfs, _>::init(page, data, &grants(8));
    assert!(matches!(
        made.err(),
        Some(InterfaceError::Page(AttachError::TooSmall { .. }))
    ));
}

#[test]
fn errors_of_a_socket_reach_the_frontend() {
    let map = memory();
    let (page, data) = map();
    store(&page, IN_ERROR, 77).unwrap();
    let front = Front::<Pvcalls, _>::init(page, data, &grants(1)).unwrap();
    assert_eq!((front.in_error(), front.out_error()), (0, 0));
    let (page, data) = map();
    let mut back = Back::<Pvcalls, _>::attach(page, data, Order(0)).unwrap();
    assert!(back.set_in_error(-107).is_needed());
    assert_eq!((front.in_error(), front.out_error()), (-107, 0));
    assert!(back.set_out_error(-32).is_needed());
    assert_eq!((front.in_error(), front.out_error()), (-107, -32));
}

#[test]
fn an_index_becomes_an_offset_and_two_a_count() {
    assert_eq!(mask(u32::MAX, 2048), 2047);
    assert_eq!(mask(4096, 2048), 0);
    assert_eq!(queued(5, 5, 2048), 0);
    assert_eq!(queued(2053, 5, 2048), 2048);
    assert_eq!(queued(3, u32::MAX - 3, 2048), 7);
}
