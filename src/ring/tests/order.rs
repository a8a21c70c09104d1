//! The order of accesses and barriers on each way through the rings, as a memory sees it that writes
//! everything down.

use core::cell::RefCell;
use core::mem::offset_of;

use super::*;
use crate::ring::events::{EventConsumer, EventProducer, EventTypes, FbifIn};
use crate::ring::{console, xenstore};
use Op::*;
use x86_64::io::console::xencons_interface;
use x86_64::io::netif::{netif_tx_request, netif_tx_response};
use x86_64::io::xs_wire::xenstore_domain_interface;

/// What is done to the memory. Bytes that follow each other are one access.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Op {
    Load(usize),
    Store(usize),
    Mb,
    Rmb,
    Wmb,
}

/// A mapping and all that was done to it since it was last asked.
#[derive(Debug)]
struct Recorder {
    memory: Mapping,
    done: RefCell<Vec<Op>>,
}

impl Recorder {
    fn new() -> Self {
        Self {
            memory: pair(4096).0,
            done: RefCell::default(),
        }
    }

    fn note(&self, op: Op) {
        self.done.borrow_mut().push(op);
    }

    fn take(&self) -> Vec<Op> {
        self.done.take()
    }
}

// SAFETY: everything is handed through to a mapping, barriers too.
unsafe impl SharedMemory for Recorder {
    fn len(&self) -> usize {
        self.memory.len()
    }
    unsafe fn load_u8(&self, offset: usize) -> u8 {
        self.note(Load(offset));
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { self.memory.load_u8(offset) }
    }
    unsafe fn load_u16(&self, offset: usize) -> u16 {
        self.note(Load(offset));
        // SAFETY: as above.
        unsafe { self.memory.load_u16(offset) }
    }
    unsafe fn load_u32(&self, offset: usize) -> u32 {
        self.note(Load(offset));
        // SAFETY: as above.
        unsafe { self.memory.load_u32(offset) }
    }
    unsafe fn load_u64(&self, offset: usize) -> u64 {
        self.note(Load(offset));
        // SAFETY: as above.
        unsafe { self.memory.load_u64(offset) }
    }
    unsafe fn store_u8(&self, offset: usize, value: u8) {
        self.note(Store(offset));
        // SAFETY: as above.
        unsafe { self.memory.store_u8(offset, value) };
    }
    unsafe fn store_u16(&self, offset: usize, value: u16) {
        self.note(Store(offset));
        // SAFETY: as above.
        unsafe { self.memory.store_u16(offset, value) };
    }
    unsafe fn store_u32(&self, offset: usize, value: u32) {
        self.note(Store(offset));
        // SAFETY: as above.
        unsafe { self.memory.store_u32(offset, value) };
    }
    unsafe fn store_u64(&self, offset: usize, value: u64) {
        self.note(Store(offset));
        // SAFETY: as above.
        unsafe { self.memory.store_u64(offset, value) };
    }
    unsafe fn read_bytes(&self, offset: usize, to: &mut [u8]) {
        self.note(Load(offset));
        // SAFETY: as above.
        unsafe { self.memory.read_bytes(offset, to) };
    }
    unsafe fn write_bytes(&self, offset: usize, from: &[u8]) {
        self.note(Store(offset));
        // SAFETY: as above.
        unsafe { self.memory.write_bytes(offset, from) };
    }
    fn mb(&self) {
        self.note(Mb);
        self.memory.mb();
    }
    fn rmb(&self) {
        self.note(Rmb);
        self.memory.rmb();
    }
    fn wmb(&self) {
        self.note(Wmb);
        self.memory.wmb();
    }
}

#[test]
fn a_ring_of_requests_orders_slots_and_indices() {
    let page = Recorder::new();
    let mut front = FrontRing::<NetifTx, _>::init(&page).unwrap();
    page.take();
    let mut back = BackRing::<NetifTx, _>::attach(&page, 0).unwrap();
    assert_eq!(page.take(), []);

    front.put(&netif_tx_request::ZERO).unwrap();
    assert!(front.push_and_check_notify().is_needed());
    let push = [
        Store(64),
        Store(68),
        Store(72),
        Wmb,
        Store(REQ_PROD),
        Mb,
        Load(REQ_EVENT),
    ];
    assert_eq!(page.take(), push);
    assert!(back.take().unwrap().is_some());
    assert_eq!(
        page.take(),
        [Load(REQ_PROD), Rmb, Load(64), Load(68), Load(72)]
    );
    assert_eq!(back.requests().unwrap().len(), 0);
    assert_eq!(page.take(), [Load(REQ_PROD), Rmb]);

    back.put(&netif_tx_response::ZERO).unwrap();
    assert!(back.push_and_check_notify().is_needed());
    let push = [Store(64), Wmb, Store(RSP_PROD), Mb, Load(RSP_EVENT)];
    assert_eq!(page.take(), push);
    assert_eq!(back.final_check(), Ok(false));
    // What the last load finds is taken without another look, so it has its own barrier.
    let check = |prod, event| [Load(prod), Rmb, Store(event), Mb, Load(prod), Rmb];
    assert_eq!(page.take(), check(REQ_PROD, REQ_EVENT));

    assert_eq!(front.responses().unwrap().len(), 1);
    assert_eq!(page.take(), [Load(RSP_PROD), Rmb]);
    assert!(front.take().unwrap().is_some());
    page.take();
    assert_eq!(front.final_check(), Ok(false));
    assert_eq!(page.take(), check(RSP_PROD, RSP_EVENT));
    let again = BackRing::<NetifTx, _>::reattach(&page).unwrap();
    assert_eq!(again.req_cons(), 1);
    assert_eq!(page.take(), [Load(RSP_PROD), Load(REQ_PROD), Rmb]);
}

#[test]
fn a_ring_of_bytes_orders_data_and_indices() {
    const CONS: usize = offset_of!(xencons_interface, out_cons);
    const PROD: usize = offset_of!(xencons_interface, out_prod);
    const OUT: usize = offset_of!(xencons_interface, out);
    let page = Recorder::new();
    let mut guest = console::Front::attach(&page).unwrap();
    // Data is read or written next, without another look at the indices.
    assert_eq!(page.take().last(), Some(&Rmb));
    let mut daemon = console::Back::attach(&page).unwrap();
    page.take();
    let _ = guest.writer().write(&[1; 2048]).unwrap();
    assert_eq!(page.take(), [Store(OUT), Wmb, Store(PROD)]);
    let _ = daemon.reader().read(&mut [0; 8]).unwrap();
    let read = [Load(PROD), Rmb, Load(OUT), Wmb, Store(CONS)];
    assert_eq!(page.take(), read);
    let _ = guest.writer().write(&[1; 8]).unwrap();
    let write = [Load(CONS), Rmb, Store(OUT), Wmb, Store(PROD)];
    assert_eq!(page.take(), write);
}

#[test]
fn a_ring_of_events_orders_slots_and_indices() {
    const CONS: usize = FbifIn::CONS;
    const PROD: usize = FbifIn::PROD;
    let page = Recorder::new();
    let mut producer = EventProducer::<FbifIn, _>::attach(&page).unwrap();
    // The first slots are written without another look at the consumer's index.
    assert_eq!(page.take(), [Load(PROD), Load(CONS), Rmb]);
    let mut consumer = EventConsumer::<FbifIn, _>::attach(&page).unwrap();
    assert_eq!(page.take(), [Load(CONS), Load(PROD), Rmb]);
    for _ in 0..FbifIn::LEN {
        producer.put(&Message::zeroed()).unwrap();
    }
    page.take();
    assert!(producer.push().is_needed());
    assert_eq!(page.take(), [Wmb, Store(PROD)]);
    assert_eq!(consumer.events().unwrap().count(), FbifIn::LEN as usize);
    let ops = page.take();
    assert!(ops.starts_with(&[Load(PROD), Rmb]));
    assert!(ops.ends_with(&[Wmb, Store(CONS)]));
    producer.put(&Message::zeroed()).unwrap();
    assert!(page.take().starts_with(&[Load(CONS), Rmb]));
}

#[test]
fn a_reconnection_is_ordered_against_the_indices_before_and_after() {
    const CONNECTION: usize = offset_of!(xenstore_domain_interface, connection);
    const ERROR: usize = offset_of!(xenstore_domain_interface, error);
    let page = Recorder::new();
    let (mut server, _) = xenstore::Server::init(&page, xenstore::Features::RECONNECTION).unwrap();
    let client = xenstore::Client::attach(&page).unwrap();
    let client = client.connected().unwrap();
    page.take();
    let (waiting, _) = client.reconnect().unwrap();
    assert!(page.take().ends_with(&[Wmb, Store(CONNECTION)]));
    assert!(server.reconnect_requested());
    assert_eq!(page.take(), [Load(CONNECTION), Rmb]);
    let _ = server.reset();
    let reset = [Store(ERROR), Wmb, Store(CONNECTION)];
    assert!(page.take().ends_with(&reset));
    assert!(waiting.poll().unwrap().connected().is_some());
    assert!(page.take().starts_with(&[Load(CONNECTION), Rmb]));
}
