//! Both ends of a byte ring, over all interleavings.
//!
//! The rings have the sizes that their protocols give them, but hold so much to begin with that few
//! bytes fill or empty them, and only the bytes that a model touches are there. The tables of flaws
//! say which barrier each model depends on. The console's ring stands for all that notify of every
//! change, as the core that moves the bytes is one; vchan adds what it needs to be silent.

use loom::thread;
use ring_models::Flaw::{self, Missing, TwoSteps, Weak};
use ring_models::Place::{After, Consume, Publish};
use ring_models::{End, Events, LOST, Page, RACE, fails, holds};
use xen_abi::ring::bytes::PacketError;
use xen_abi::ring::console;
use xen_abi::ring::vchan::{Client, Orders, Server};

/// The flaws of both ends.
#[derive(Clone, Copy, Debug)]
struct Flaws {
    reader: Flaw,
    writer: Flaw,
}

const SOUND: Flaws = Flaws {
    reader: Flaw::None,
    writer: Flaw::None,
};

/// A model that takes the flaws of its ends.
type Model = fn(Flaws);

/// Runs two ends on threads of their own.
fn run(reader: impl FnOnce(&Events) + 'static, writer: impl FnOnce(&Events) + 'static) {
    let (ours, theirs) = Events::pair();
    let other = thread::spawn(move || {
        writer(&theirs);
        theirs.finish();
    });
    reader(&ours);
    ours.finish();
    other.join().unwrap();
}

/// The console's `in`: bytes 0 to 1023 of the page.
const IN_CONS: usize = 3072;
const IN_PROD: usize = 3076;
const OUT_CONS: usize = 3080;
const OUT_PROD: usize = 3084;
const IN_SIZE: u32 = 1024;

/// A console's ring that holds all it can but one byte. The oldest byte lies at 1, which two bytes
/// later is the place of the newest.
fn console(flaws: Flaws) -> (console::Front<End>, console::Back<End>) {
    let cons = 1u32.wrapping_sub(IN_SIZE);
    let words = [
        (IN_CONS, cons),
        (IN_PROD, cons.wrapping_add(IN_SIZE - 1)),
        (OUT_CONS, 0),
        (OUT_PROD, 0),
    ];
    let page = Page::sparse(&words, &[], 0, 2, 3088);
    let reader = console::Front::attach(End::new(&page, flaws.reader)).unwrap();
    let writer = console::Back::attach(End::new(&page, flaws.writer)).unwrap();
    (reader, writer)
}

/// Takes the oldest byte, which is zero, and gives its place back; then all others, unseen.
fn take_old(ring: &mut console::Front<End>) {
    let mut old = [0xff];
    let mut reader = ring.reader();
    assert_eq!(reader.read(&mut old).unwrap().bytes, 1);
    assert_eq!(old, [0]);
    let rest = IN_SIZE as usize - 2;
    assert_eq!(reader.skip(rest).unwrap().bytes, rest);
}

/// Two bytes, one by one. The second one goes to the place from which the reader takes its first. Both
/// ends look a few times and then give up.
fn one_by_one(flaws: Flaws) {
    const LOOKS: usize = 2;
    let (mut front, mut back) = console(flaws);
    run(
        move |_| {
            take_old(&mut front);
            for n in [100, 101] {
                let mut byte = [0];
                let mut take = || front.reader().read(&mut byte).unwrap().bytes;
                if (0..LOOKS).all(|_| take() == 0) {
                    return;
                }
                assert_eq!(byte, [n]);
            }
        },
        move |_| {
            for n in [100, 101] {
                let mut put = || back.writer().write(&[n]).unwrap().bytes;
                if (0..LOOKS).all(|_| put() == 0) {
                    return;
                }
            }
        },
    );
}

/// Two bytes as one packet, of which the reader sees none or both.
fn packet(flaws: Flaws) {
    let (mut front, mut back) = console(flaws);
    run(
        move |events| {
            take_old(&mut front);
            events.notify();
            let mut packet = [0; 2];
            loop {
                match front.reader().read_packet(&mut packet) {
                    Ok(_) => break,
                    Err(PacketError::Incomplete { unread: 0, .. }) => events.wait(),
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(packet, [100, 101]);
        },
        move |events| {
            loop {
                match back.writer().write_parts(&[&[100], &[101]]) {
                    Ok(notify) => {
                        assert!(notify.is_needed());
                        events.notify();
                        break;
                    }
                    Err(PacketError::NoRoom { free: 1, .. }) => events.wait(),
                    other => panic!("{other:?}"),
                }
            }
        },
    );
}

/// vchan's `left`, which the server reads: bytes 1024 to 2047 of the page.
const LEFT_CONS: usize = 0;
const LEFT_PROD: usize = 4;
const RIGHT_CONS: usize = 8;
const RIGHT_PROD: usize = 12;
/// Which events the client has to send.
const CLI_NOTIFY: usize = 22;
/// Which events the server has to send.
const SRV_NOTIFY: usize = 23;

/// A vchan with so many bytes on the way to the server, all zero.
fn vchan(old: u32, flaws: Flaws) -> (Server<End>, Client<End>) {
    let words = [LEFT_CONS, LEFT_PROD, RIGHT_CONS, RIGHT_PROD].map(|at| (at, 0));
    let flags = [16, 17, 18, 19, 20, 21, CLI_NOTIFY, SRV_NOTIFY];
    let page = Page::sparse(&words, &flags, 1024, 2, 4096);
    let orders = Orders::new(10, 11).unwrap();
    let reader = End::new(&page, flaws.reader);
    let server = Server::init(reader, None, None, orders, &[]).unwrap();
    page.set(LEFT_PROD, old);
    let writer = End::new(&page, flaws.writer);
    let (client, notify) = Client::attach(writer, None, None, orders).unwrap();
    assert!(notify.is_needed());
    // As after the event that the client has just sent.
    page.set_flag(CLI_NOTIFY, 0);
    (server, client)
}

/// Two bytes to a server that sleeps when there is none, and is woken only if it said so.
fn arrivals(flaws: Flaws) {
    let (mut server, mut client) = vchan(0, flaws);
    run(
        move |events| {
            let mut next = 100;
            while next < 102 {
                let mut byte = [0];
                let moved = server.read(&mut byte).unwrap();
                if moved.bytes == 0 {
                    events.wait();
                    continue;
                }
                // Nobody waits for room.
                assert!(!moved.notify.is_needed());
                assert_eq!(byte, [next]);
                next += 1;
            }
        },
        move |events| {
            for n in [100, 101] {
                let moved = client.write(&[n]).unwrap();
                assert_eq!(moved.bytes, 1);
                if moved.notify.is_needed() {
                    events.notify();
                }
            }
        },
    );
}

/// A full ring, whose reader takes two bytes, and a client that waits for room for two.
fn room(flaws: Flaws) {
    let (mut server, mut client) = vchan(1024, flaws);
    run(
        move |events| {
            for _ in 0..2 {
                let mut byte = [0xff];
                let moved = server.read(&mut byte).unwrap();
                assert_eq!((moved.bytes, byte), (1, [0]));
                if moved.notify.is_needed() {
                    events.notify();
                }
            }
        },
        move |events| {
            let mut next = 100;
            while next < 102 {
                if client.write(&[next]).unwrap().bytes == 0 {
                    events.wait();
                } else {
                    next += 1;
                }
            }
        },
    );
}

#[test]
fn bytes_arrive_whole_and_are_not_overwritten() {
    holds("one by one", || one_by_one(SOUND));
}

#[test]
fn a_packet_arrives_whole() {
    holds("packet", || packet(SOUND));
}

#[test]
fn bytes_wake_who_waits_for_them() {
    holds("arrivals", || arrivals(SOUND));
}

#[test]
fn room_wakes_who_waits_for_it() {
    holds("room", || room(SOUND));
}

/// Every barrier of both ends left out: the model that depends on it, and what it fails with.
const FLAWS: &[(Model, Flaws, &str)] = &[
    (one_by_one, reader(Missing(Consume)), RACE),
    (one_by_one, reader(Missing(Publish)), RACE),
    (one_by_one, writer(Missing(Consume)), RACE),
    (one_by_one, writer(Missing(Publish)), RACE),
    (packet, reader(Missing(Consume)), RACE),
    (packet, reader(Missing(Publish)), RACE),
    (packet, writer(Missing(Consume)), RACE),
    (packet, writer(Missing(Publish)), RACE),
    (arrivals, reader(Missing(Consume)), RACE),
    (arrivals, writer(Missing(Publish)), RACE),
    (arrivals, reader(Missing(After(CLI_NOTIFY))), LOST),
    (arrivals, writer(Missing(After(LEFT_PROD))), LOST),
    (arrivals, writer(TwoSteps), LOST),
    (room, reader(Missing(Publish)), RACE),
    (room, writer(Missing(Consume)), RACE),
    (room, reader(Missing(After(LEFT_CONS))), LOST),
    (room, writer(Missing(After(SRV_NOTIFY))), LOST),
    (room, reader(TwoSteps), LOST),
];

const fn reader(flaw: Flaw) -> Flaws {
    Flaws {
        reader: flaw,
        ..SOUND
    }
}

const fn writer(flaw: Flaw) -> Flaws {
    Flaws {
        writer: flaw,
        ..SOUND
    }
}

#[test]
fn every_barrier_is_needed() {
    for &(model, flaws, expected) in FLAWS {
        fails(&format!("{flaws:?}"), expected, move || model(flaws));
    }
}

/// Full barriers are what C has between a flag and an index. As both ends change the same flag in one
/// step each, one of them is second and sees what the other did before: no store needs to be ordered
/// before a later load.
#[test]
fn flags_that_change_in_one_step_need_no_full_barrier() {
    let weak = |reader, writer| Flaws {
        reader: Weak(After(reader)),
        writer: Weak(After(writer)),
    };
    holds("arrivals, weak", move || {
        arrivals(weak(CLI_NOTIFY, LEFT_PROD));
    });
    holds("room, weak", move || room(weak(LEFT_CONS, SRV_NOTIFY)));
}
