//! Messages with unions, the slots that reinterpret a slot, and whether each type is what it is said
//! to be.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use quickcheck::QuickCheck;

use super::*;
use crate::ring::{AnyBytes, Field, Message, field, kinds};
use kinds::{Displif, Fsif, UsbifUrb};
use x86_64::io::displif::{xendispl_page_flip_req, xendispl_req, xendispl_resp};
use x86_64::io::fsif::fsif_sring_entry;
use x86_64::io::netif::{
    NETRXF_extra_info, NETTXF_extra_info, XEN_NETIF_EXTRA_FLAG_MORE, XEN_NETIF_EXTRA_TYPE_GSO,
    XEN_NETIF_EXTRA_TYPE_HASH, netif_extra_info, netif_rx_request, netif_rx_response,
    netif_tx_request, netif_tx_response,
};
use x86_64::io::usbif::usbif_urb_request;
use xen_public::layout::{self, Kind, Record, Tables};

#[test]
fn fields_lie_where_the_structure_has_them() {
    let request = Message::<xendispl_req>::zeroed()
        .with(field!(xendispl_req, id), 0x0102)
        .with(field!(xendispl_req, operation), 0x15)
        .with(
            field!(xendispl_req, op.pg_flip.fb_cookie),
            0x1122_3344_5566_7788,
        );
    let whole = request.get();
    assert_eq!((whole.id, whole.operation), (0x0102, 0x15));
    // SAFETY: the bytes of a message are all initialised.
    let cookie = unsafe { whole.op.pg_flip.fb_cookie };
    assert_eq!(cookie, 0x1122_3344_5566_7788);
    assert_eq!(
        request.at(field!(xendispl_req, op.pg_flip)).fb_cookie,
        cookie
    );

    let mut expected = [0; 64];
    expected[..2].copy_from_slice(&0x0102u16.to_ne_bytes());
    expected[2] = 0x15;
    expected[8..16].copy_from_slice(&cookie.to_ne_bytes());
    assert_eq!(request.as_bytes(), expected);

    let flip = xendispl_page_flip_req { fb_cookie: 5 };
    let other = request.with(field!(xendispl_req, op.pg_flip), flip);
    assert_ne!(other, request);
    assert_eq!(other.at(field!(xendispl_req, op.pg_flip.fb_cookie)), 5);
    assert_eq!(Message::from(flip).as_bytes(), 5u64.to_ne_bytes());
    assert_eq!(
        format!("{:?}", Message::from(0x1234_u16.to_be())),
        "Message([12, 34])"
    );
    assert_eq!(Message::<xendispl_req>::default(), Message::zeroed());
}

#[test]
fn a_field_must_lie_in_its_structure() {
    fn new<F>(offset: usize) -> Option<Field<xendispl_req, F>> {
        Field::new(offset, |_, _| ())
    }
    assert_eq!(new::<u64>(56).map(Field::offset), Some(56));
    assert!(new::<u64>(57).is_none());
    assert!(new::<u64>(64).is_none());
    assert!(new::<[u64; 0]>(64).is_some());
    assert!(new::<[u64; 0]>(65).is_none());
    assert!(new::<u8>(usize::MAX).is_none());
    assert!(new::<[u8; 65]>(0).is_none());
    assert!(new::<[u8; 64]>(0).is_some());
}

#[test]
fn what_a_union_leaves_unset_is_zero_in_the_page() {
    let (a, b) = pair(4096);
    for offset in (64..4096).step_by(8) {
        // SAFETY: within the page.
        unsafe { b.store_u64(offset, u64::MAX) };
    }
    let mut front = FrontRing::<Displif, _>::init(a).unwrap();
    let mut back = BackRing::<Displif, _>::attach(&b, 0).unwrap();
    let request = Message::zeroed().with(field!(xendispl_req, op.pg_flip.fb_cookie), u64::MAX);
    front.put(&request).unwrap();
    let mut slot = [1; 64];
    // SAFETY: within the page.
    unsafe { b.read_bytes(64, &mut slot) };
    assert_eq!(slot[..8], [0; 8]);
    assert_eq!(slot[8..16], [0xff; 8]);
    assert_eq!(slot[16..], [0; 48]);

    front.push();
    assert_eq!(back.take(), Ok(Some(request)));
    let response = Message::zeroed().with(field!(xendispl_resp, status), -22);
    back.put(&response).unwrap();
    back.push();
    assert_eq!(front.take(), Ok(Some(response)));
}

#[test]
fn a_message_brings_any_bytes_through_the_ring() {
    fn arrives(bytes: Vec<u8>) -> bool {
        let (_, mut back, page) = ring_at::<UsbifUrb>(4096, 0);
        let mut slot = [0; 148];
        for (to, from) in slot.iter_mut().zip(&bytes) {
            *to = *from;
        }
        for (at, word) in slot.chunks_exact(4).enumerate() {
            let word = u32::from_ne_bytes([word[0], word[1], word[2], word[3]]);
            // SAFETY: within the page, at a multiple of 4, the width of this ring's accesses.
            unsafe { page.store_u32(64 + 4 * at, word) };
        }
        set_index(&page, REQ_PROD, 1);
        let request = back.take().unwrap().unwrap();
        let pipe = core::mem::offset_of!(usbif_urb_request, pipe);
        let expected = u32::from_ne_bytes(slot[pipe..pipe + 4].try_into().unwrap());
        request.as_bytes() == slot
            && request.at(field!(usbif_urb_request, pipe)) == expected
            && request.get().pipe == expected
    }
    assert_eq!(word_bytes::<UsbifUrb>(), 4);
    QuickCheck::new()
        .rng(Gen::new(if cfg!(miri) { 5 } else { 100 }))
        .tests(if cfg!(miri) { 3 } else { 200 })
        .quickcheck(arrives as fn(Vec<u8>) -> bool);
}

#[test]
fn the_grants_of_a_file_request_fill_the_slot() {
    assert_eq!(slot_bytes::<Fsif>(), 56);
    let grants = Field::new(
        core::mem::offset_of!(fsif_sring_entry, req.u.fread.grefs),
        |_, _: [u32; 6]| (),
    )
    .unwrap();
    assert_eq!(grants.offset() + 6 * 4, 56);
    let (mut front, mut back, _) = ring_at::<Fsif>(4096, 0);
    let request = Message::zeroed()
        .with(field!(fsif_sring_entry, req.u.fread.len), 6 << 12)
        .with(grants, [1, 2, 3, 4, 5, 6]);
    front.put(&request).unwrap();
    front.push();
    let request = back.take().unwrap().unwrap();
    assert_eq!(request.at(grants), [1, 2, 3, 4, 5, 6]);
}

type Extra = Message<netif_extra_info>;

fn extra(more: bool, value: u16) -> Extra {
    let flags = if more {
        XEN_NETIF_EXTRA_FLAG_MORE as u8
    } else {
        0
    };
    Extra::zeroed()
        .with(
            field!(netif_extra_info, r#type),
            XEN_NETIF_EXTRA_TYPE_GSO as u8,
        )
        .with(field!(netif_extra_info, flags), flags)
        .with(field!(netif_extra_info, u.gso.size), value)
}

fn says_more(extra: &Extra) -> bool {
    extra.at(field!(netif_extra_info, flags)) & XEN_NETIF_EXTRA_FLAG_MORE as u8 != 0
}

/// What a backend takes: a request with its extras, or the request whose extras are missing.
fn take_packet<M: SharedMemory>(
    back: &mut BackRing<NetifTx, M>,
) -> Result<Option<(netif_tx_request, Vec<Extra>, bool)>, Corrupt> {
    let Some(request) = back.take()? else {
        return Ok(None);
    };
    let mut extras = Vec::new();
    let mut more = request.flags & NETTXF_extra_info as u16 != 0;
    while more {
        let Some(extra) = back.take_extra::<Extra>()? else {
            break;
        };
        more = says_more(&extra);
        extras.push(extra);
    }
    Ok(Some((request, extras, !more)))
}

fn tx(id: u16, extra: bool) -> netif_tx_request {
    netif_tx_request {
        gref: u32::from(id) + 8,
        offset: 0,
        flags: if extra { NETTXF_extra_info as u16 } else { 0 },
        id,
        size: 60,
    }
}

#[test]
fn extra_information_follows_what_announces_it() {
    // Random chains, across the wrap of the indices.
    fn arrives(chains: Vec<u8>) -> bool {
        let (mut front, mut back, _) = ring_at::<NetifTx>(4096, u32::MAX - 9);
        for (id, chain) in chains.into_iter().enumerate() {
            let (id, count) = (id as u16, u16::from(chain % 6));
            front.put(&tx(id, count > 0)).unwrap();
            for at in 0..count {
                front.put_extra(&extra(at + 1 < count, at)).unwrap();
            }
            front.push();
            let (request, extras, whole) = take_packet(&mut back).unwrap().unwrap();
            let expected: Vec<_> = (0..count).map(|at| extra(at + 1 < count, at)).collect();
            if !whole || request.id != id || extras != expected || back.take().unwrap().is_some() {
                return false;
            }
            // Each slot takes a response, that of an extra included.
            for _ in 0..=count {
                back.put(&netif_tx_response { id, status: 0 }).unwrap();
            }
            back.push();
            if front.responses().unwrap().count() != usize::from(count) + 1 {
                return false;
            }
        }
        true
    }
    QuickCheck::new()
        .rng(Gen::new(if cfg!(miri) { 5 } else { 100 }))
        .tests(if cfg!(miri) { 3 } else { 200 })
        .quickcheck(arrives as fn(Vec<u8>) -> bool);
}

#[test]
fn extra_information_that_does_not_come_is_no_slot() {
    let (mut front, mut back, _) = ring_at::<NetifTx>(4096, 0);
    front.put(&tx(1, true)).unwrap();
    front.push();
    // Announced, but the next slot is not published.
    let (request, extras, whole) = take_packet(&mut back).unwrap().unwrap();
    assert_eq!((request.id, extras.len(), whole), (1, 0, false));

    // A chain that says that it goes on, to the end of what is published.
    let (mut front, mut back, _) = ring_at::<NetifTx>(4096, 0);
    front.put(&tx(2, true)).unwrap();
    for at in 0..255 {
        front.put_extra(&extra(true, at)).unwrap();
    }
    assert_eq!(
        front.put_extra(&extra(true, 0)),
        Err(PutError::Full { size: 256 })
    );
    front.push();
    let (_, extras, whole) = take_packet(&mut back).unwrap().unwrap();
    assert_eq!((extras.len(), whole), (255, false));

    // A frontend that publishes more than there is while a chain is taken.
    let (mut front, mut back, other) = ring_at::<NetifTx>(4096, 0);
    front.put(&tx(3, true)).unwrap();
    front.push();
    back.take().unwrap();
    set_index(&other, REQ_PROD, 258);
    assert!(back.take_extra::<Extra>().is_err());
    assert!(back.take().is_err());
}

#[test]
fn extra_information_comes_with_responses_too() {
    let (mut front, mut back, _) = ring_at::<NetifRx>(4096, u32::MAX);
    for id in 0..2 {
        front
            .put(&netif_rx_request {
                id,
                gref: 9,
                ..netif_rx_request::ZERO
            })
            .unwrap();
    }
    front.push();
    assert_eq!(back.requests().unwrap().count(), 2);
    let hash = Extra::zeroed()
        .with(
            field!(netif_extra_info, r#type),
            XEN_NETIF_EXTRA_TYPE_HASH as u8,
        )
        .with(field!(netif_extra_info, u.hash.value), [1, 2, 3, 4]);
    let flags = NETRXF_extra_info as u16;
    back.put(&netif_rx_response {
        id: 0,
        flags,
        status: 60,
        ..netif_rx_response::ZERO
    })
    .unwrap();
    back.put_extra(&hash).unwrap();
    assert!(matches!(
        back.put_extra(&hash),
        Err(PutError::Unasked { .. })
    ));
    back.push();
    let response = front.take().unwrap().unwrap();
    assert_eq!(response.flags & flags, flags);
    let received = front.take_extra::<Extra>().unwrap().unwrap();
    assert_eq!(received, hash);
    assert_eq!(
        received.at(field!(netif_extra_info, u.hash.value)),
        [1, 2, 3, 4]
    );
    assert_eq!(front.take_extra::<Extra>(), Ok(None));
}

/// All records of a name, with the tables they stand in.
fn records(name: &str) -> Vec<(&'static Tables, &'static Record)> {
    layout::all()
        .flat_map(|tables| tables.records.iter().map(move |record| (tables, record)))
        .filter(|(_, record)| record.name == name)
        .collect()
}

fn part_of(tables: &Tables, name: &str) -> &'static Record {
    tables
        .records
        .iter()
        .find(|record| record.name == name)
        .unwrap()
}

/// Whether a record is a union or has one in it, however deep.
fn holds_union(tables: &Tables, record: &Record) -> bool {
    record.kind == Kind::Union
        || record.fields.iter().any(|field| {
            !field.record.is_empty() && holds_union(tables, part_of(tables, field.record))
        })
}

/// Whether fields cover each byte of a record: one after the other in a struct, at least one of them
/// all of it in a union.
fn has_no_gap(record: &Record) -> bool {
    if record.kind == Kind::Union {
        return record
            .fields
            .iter()
            .any(|field| field.name == "_bytes" && field.size == record.size);
    }
    let mut end = 0;
    for field in record.fields {
        if field.offset != end {
            return false;
        }
        end += field.size;
    }
    end == record.size
}

#[test]
#[cfg_attr(
    miri,
    ignore = "compares tables, without a single access to shared memory"
)]
fn types_are_what_they_are_said_to_be() {
    #[cfg(feature = "toolstack")]
    let vm_event = kinds::GENERATED_VM_EVENT;
    #[cfg(not(feature = "toolstack"))]
    let vm_event = &[];
    assert!(kinds::GENERATED.len() > 90);
    let events = crate::ring::events::GENERATED;
    for &(header, name, with_union) in kinds::GENERATED.iter().chain(events).chain(vm_event) {
        let found = records(name);
        assert!(!found.is_empty(), "{header}::{name}");
        for (tables, record) in found {
            let at = format!("{} {} {header}::{name}", tables.release, tables.abi);
            assert_eq!(holds_union(tables, record), with_union, "{at}");
            assert!(has_no_gap(record), "{at}");
        }
    }
}

/// The fields that are no records, by their path, with offset and size; padding is left out.
fn leaves(
    tables: &Tables,
    record: &Record,
    path: &str,
    base: usize,
) -> BTreeMap<String, (usize, usize)> {
    let mut all = BTreeMap::new();
    for field in record.fields {
        let path = format!("{path}.{}", field.name);
        if field.name.starts_with("_pad_0x") {
            continue;
        }
        all.insert(path.clone(), (base + field.offset, field.size));
        if !field.record.is_empty() {
            // What an inner record has for padding at its end may differ; its fields may not.
            all.remove(&path);
            let inner = part_of(tables, field.record);
            all.extend(leaves(tables, inner, &path, base + field.offset));
        }
    }
    all
}

#[test]
#[cfg_attr(
    miri,
    ignore = "compares tables, without a single access to shared memory"
)]
fn the_abis_share_the_layout_of_what_has_one_kind() {
    let mut compared = 0;
    for name in [
        "netif_tx_request",
        "netif_tx_response",
        "netif_rx_request",
        "netif_rx_response",
        "netif_extra_info",
        "xen_netif_ctrl_request",
        "xen_netif_ctrl_response",
        "vscsiif_request",
        "vscsiif_response",
        "usbif_urb_request",
        "usbif_urb_response",
        "usbif_conn_request",
        "usbif_conn_response",
        "xen_pvcalls_request",
        "xen_pvcalls_response",
        "xendispl_req",
        "xendispl_resp",
        "xendispl_evt",
        "xensnd_req",
        "xensnd_resp",
        "xensnd_evt",
        "xencamera_req",
        "xencamera_resp",
        "xencamera_evt",
        "fsif_request",
        "fsif_response",
        "vm_event_st",
    ] {
        let mut by_release = BTreeMap::new();
        for (tables, record) in records(name) {
            // A record stands in the tables of the ABI that has it first.
            let layout = leaves(tables, record, "", 0);
            let first = by_release
                .entry((tables.release, tables.toolstack))
                .or_insert(layout.clone());
            assert_eq!(*first, layout, "{name} of {}", tables.abi);
            compared += layout.len();
        }
    }
    assert!(compared > 800, "{compared}");
    // blkif is the one that differs, and so can't pass here.
    let blkif = records("blkif_request");
    let layouts: Vec<_> = blkif
        .iter()
        .map(|(tables, record)| leaves(tables, record, "", 0))
        .collect();
    assert!(layouts.iter().any(|layout| *layout != layouts[0]));
}

/// That a type can be received, for the compiler.
const fn any_bytes<T: AnyBytes>() {}
const _: () = any_bytes::<[Message<xendispl_req>; 3]>();
