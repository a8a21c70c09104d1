//! Rings of bytes: flex, console, xenstore and vchan, with a hostile peer.

mod half;
mod vchan;

pub use vchan::vchan;

use xen_abi::ring::bytes::AttachError;
use xen_abi::ring::bytes::{Reader, Writer};
use xen_abi::ring::flex::{Interface, Order, Pvcalls, Xen9pfs};
use xen_abi::ring::xenstore::{Attached, Features, ServerError};
use xen_abi::ring::{console, flex, xenstore};
use xen_public::grant_table::GrantRef;

use crate::memory::Page;
use crate::script::Script;
use half::{Half, Place, attached, step};

/// Either end of flex, console and xenstore rings, while the peer writes what it likes.
///
/// Bytes that come out were each loaded once from where the indices say, bytes that go in stand there and
/// nowhere else; no more are moved than there are or have room; an index that can't be right is told with
/// its value and ends its direction.
pub fn byte_rings(data: &[u8]) {
    let script = &mut Script::new(data);
    match script.u8() % 8 {
        0 => flex_front::<Xen9pfs>(script, |_, _| ()),
        1 => flex_back::<Xen9pfs>(script, |_, _, _| ()),
        2 => flex_front::<Pvcalls>(script, |front, page| {
            assert_eq!(front.in_error(), page.get_u32(8) as i32);
            assert_eq!(front.out_error(), page.get_u32(72) as i32);
        }),
        3 => flex_back::<Pvcalls>(script, |back, page, script| {
            let error = script.u8().into();
            assert!(back.set_in_error(error).is_needed());
            assert_eq!(page.get_u32(8) as i32, error);
            assert!(back.set_out_error(error).is_needed());
            assert_eq!(page.get_u32(72) as i32, error);
        }),
        4 => console_front(script),
        5 => console_back(script),
        6 => xenstore_client(script),
        _ => xenstore_server(script),
    }
}

/// The two halves of an end.
trait End<'a> {
    fn halves(&mut self) -> (Reader<'_, &'a Page>, Writer<'_, &'a Page>);
}

macro_rules! ends {
    ($([$($generic:tt)*] $end:ty),*) => {$(
        impl<'a $($generic)*> End<'a> for $end {
            fn halves(&mut self) -> (Reader<'_, &'a Page>, Writer<'_, &'a Page>) {
                self.split()
            }
        }
    )*};
}

ends! {
    [, P: Interface] flex::Front<P, &'a Page>, [, P: Interface] flex::Back<P, &'a Page>,
    [] console::Front<&'a Page>, [] console::Back<&'a Page>,
    [] xenstore::Client<&'a Page>, [] xenstore::Server<&'a Page>
}

const CONSOLE_IN: Place = Place {
    cons: 3072,
    prod: 3076,
    data: 0,
    size: 1024,
};
const CONSOLE_OUT: Place = Place {
    cons: 3080,
    prod: 3084,
    data: 1024,
    size: 2048,
};
const XENSTORE_REQ: Place = Place {
    cons: 2048,
    prod: 2052,
    data: 0,
    size: 1024,
};
const XENSTORE_RSP: Place = Place {
    cons: 2056,
    prod: 2060,
    data: 1024,
    size: 1024,
};
/// `server_features`, `connection` and `error`.
const XENSTORE_WORDS: [usize; 3] = [2064, 2068, 2072];
const FLEX_IN: Place = Place {
    cons: 0,
    prod: 4,
    data: 0,
    size: 2048,
};
const FLEX_OUT: Place = Place {
    cons: 64,
    prod: 68,
    data: 2048,
    size: 2048,
};
const FLEX_ORDER: usize = 128;
const FLEX_REFS: usize = 132;

/// Writes indices that a ring in use could have, or not.
fn indices(page: &Page, place: &Place, script: &mut Script<'_>) {
    let cons = script.index();
    page.set_u32(place.cons, cons);
    page.set_u32(place.prod, cons.wrapping_add(half::distance(script)));
}

fn flex_front<'s, P: Interface>(
    script: &mut Script<'s>,
    special: impl Fn(&mut flex::Front<P, &Page>, &Page),
) {
    let (page, data) = (&Page::new(4096), &Page::new(4096));
    let (read, write) = (
        Half::new(FLEX_IN, page, data),
        Half::new(FLEX_OUT, page, data),
    );
    if script.flip() {
        page.scribble(script);
        let front = flex::Front::<P, _>::init(page, data, &[GrantRef::new(9)]);
        assert_eq!((page.get_u32(FLEX_ORDER), page.get_u32(FLEX_REFS)), (0, 9));
        let front = front.expect("the page is large enough");
        return run(script, front, [read, write], |front, _, _| {
            special(front, page)
        });
    }
    indices(page, &FLEX_IN, script);
    indices(page, &FLEX_OUT, script);
    let order = Order::new(0).expect("an order");
    let front = flex::Front::<P, _>::attach(page, data, order);
    if let Some((front, halves)) = attached(front, read, write) {
        run(script, front, halves, |front, _, _| special(front, page));
    }
}

fn flex_back<'s, P: Interface>(
    script: &mut Script<'s>,
    special: impl Fn(&mut flex::Back<P, &Page>, &Page, &mut Script<'_>),
) {
    let (page, data) = (&Page::new(4096), &Page::new(4096));
    page.set_u32(FLEX_ORDER, script.step());
    page.fill(FLEX_REFS, script.some_bytes());
    let written = page.get_u32(FLEX_ORDER);
    let max = Order::new(u32::from(script.u8() % 10)).expect("an order");
    match flex::order::<P>(&page, max) {
        Ok(order) => {
            assert!(order.get() == written && order <= max);
            let refs = flex::refs::<P, _>(&page, order).expect("the page has room");
            assert_eq!(refs.len(), order.pages());
            page.forget();
            assert_eq!(refs.count(), 1 << written);
            assert_eq!(page.log().loads().count(), 1 << written);
        }
        Err(error) => assert!(written > max.get(), "{error}"),
    }
    page.forget();
    indices(page, &FLEX_IN, script);
    indices(page, &FLEX_OUT, script);
    let (read, write) = (
        Half::new(FLEX_OUT, page, data),
        Half::new(FLEX_IN, page, data),
    );
    let order = Order::new(0).expect("an order");
    let back = flex::Back::<P, _>::attach(page, data, order);
    if let Some((back, halves)) = attached(back, read, write) {
        run(script, back, halves, |back, script, _| {
            special(back, page, script)
        });
    }
}

fn console_front(script: &mut Script<'_>) {
    let page = &Page::new(3088 + script.below(8));
    indices(page, &CONSOLE_IN, script);
    indices(page, &CONSOLE_OUT, script);
    let (read, write) = (
        Half::new(CONSOLE_IN, page, page),
        Half::new(CONSOLE_OUT, page, page),
    );
    if let Some((front, halves)) = attached(console::Front::attach(page), read, write) {
        run(script, front, halves, |_, _, _| ());
    }
}

fn console_back(script: &mut Script<'_>) {
    let page = &Page::new(3088 + script.below(8));
    indices(page, &CONSOLE_IN, script);
    indices(page, &CONSOLE_OUT, script);
    let (read, write) = (
        Half::new(CONSOLE_OUT, page, page),
        Half::new(CONSOLE_IN, page, page),
    );
    if script.flip() {
        let back = console::Back::init(page).expect("the page is large enough");
        return run(script, back, [read, write], |_, _, _| ());
    }
    if let Some((back, halves)) = attached(console::Back::attach(page), read, write) {
        run(script, back, halves, |_, _, _| ());
    }
}

fn xenstore_client(script: &mut Script<'_>) {
    let [features, connection, error] = XENSTORE_WORDS;
    let page = &Page::new(2076 + script.below(8));
    indices(page, &XENSTORE_REQ, script);
    indices(page, &XENSTORE_RSP, script);
    page.set_u32(features, script.u8().into());
    page.set_u32(error, script.u8().into());
    page.set_u32(connection, u32::from(script.u8() % 16 / 15));
    let attach = |found: Result<Attached<_>, AttachError>| match found {
        Ok(Attached::Connected(client)) => Some(Ok(client)),
        Ok(Attached::Reconnecting(waiting)) => {
            assert_ne!(page.get_u32(connection), 0);
            assert_eq!(page.log().loads().count(), 1);
            // The server comes.
            page.set_u32(connection, 0);
            page.forget();
            match waiting.poll() {
                Ok(Attached::Connected(client)) => Some(Ok(client)),
                Ok(Attached::Reconnecting(_)) => None,
                Err(error) => Some(Err(error)),
            }
        }
        Err(error) => Some(Err(error)),
    };
    let halves = || {
        (
            Half::new(XENSTORE_RSP, page, page),
            Half::new(XENSTORE_REQ, page, page),
        )
    };
    let (read, write) = halves();
    let found = attach(xenstore::Client::attach(page)).expect("the connection's word says so");
    let Some((mut client, halves_found)) = attached(found, read, write) else {
        return;
    };
    run(script, &mut client, halves_found, |client, _, _| {
        let offered = Features::from_bits(page.get_u32(features));
        assert_eq!(client.features(), offered);
        let said = ServerError::from_raw(page.get_u32(error));
        assert_eq!(
            client.error(),
            said.filter(|_| offered.contains(Features::ERROR))
        );
    });
    page.set_drift(&[]);
    let can = client.features().contains(Features::RECONNECTION);
    match client.reconnect() {
        Ok((waiting, notify)) => {
            assert!(can && notify.is_needed() && page.get_u32(connection) == 1);
            let Ok(Attached::Reconnecting(waiting)) = waiting.poll() else {
                panic!("nobody came");
            };
            page.forget();
            page.set_u32(connection, 0);
            let (read, write) = halves();
            attached(attach(waiting.poll()).expect("connected"), read, write);
        }
        Err(_) => assert!(!can),
    }
}

fn xenstore_server(script: &mut Script<'_>) {
    let [features, connection, error] = XENSTORE_WORDS;
    let page = &Page::new(2076 + script.below(8));
    indices(page, &XENSTORE_REQ, script);
    indices(page, &XENSTORE_RSP, script);
    page.set_u32(features, script.u8().into());
    let (read, write) = (
        Half::new(XENSTORE_REQ, page, page),
        Half::new(XENSTORE_RSP, page, page),
    );
    let (server, halves) = if script.flip() {
        page.set_u32(connection, 1);
        let offered = Features::from_bits(script.u8().into());
        let (server, notify) =
            xenstore::Server::init(page, offered).expect("the page is large enough");
        assert!(notify.is_needed());
        assert_eq!(page.get_u32(features), offered.bits());
        assert_eq!(page.get_u32(connection), 0);
        (server, [read, write])
    } else {
        match attached(xenstore::Server::attach(page), read, write) {
            Some(found) => found,
            None => return,
        }
    };
    run(script, server, halves, |server, script, halves| {
        match script.u8() % 4 {
            0 => {
                assert!(server.reset().is_needed());
                assert_eq!((page.get_u32(connection), page.get_u32(error)), (0, 0));
                for half in halves {
                    half.reset();
                }
            }
            1 => {
                page.set_u32(connection, script.u8().into());
                let asked = page.get_u32(connection) == 1;
                assert_eq!(server.reconnect_requested(), asked);
            }
            2 => {
                let said = script.u8().into();
                if let Some(error) = ServerError::from_raw(said) {
                    assert!(server.set_error(error).is_needed());
                }
                assert!(said == 0 || page.get_u32(error) == said);
            }
            _ => {
                let more = Features::from_bits(script.u8().into());
                server.offer(more);
                let offered = Features::from_bits(page.get_u32(features));
                assert!(offered.contains(more));
            }
        }
    });
}

impl<'a, E: End<'a>> End<'a> for &mut E {
    fn halves(&mut self) -> (Reader<'_, &'a Page>, Writer<'_, &'a Page>) {
        (**self).halves()
    }
}

/// Does what the script says to an end and its page.
fn run<'a, E: End<'a>>(
    script: &mut Script<'_>,
    mut end: E,
    mut halves: [Half<'a>; 2],
    special: impl Fn(&mut E, &mut Script<'_>, &mut [Half<'a>; 2]),
) {
    while !script.is_empty() {
        for half in &halves {
            half.forget();
        }
        match script.u8() % 8 {
            0 => {
                // What these load is compared with what is there.
                halves[0].still();
                special(&mut end, script, &mut halves);
            }
            _ => {
                let (mut reader, mut writer) = end.halves();
                step(script, &mut reader, &mut writer, &mut halves);
            }
        }
    }
}
