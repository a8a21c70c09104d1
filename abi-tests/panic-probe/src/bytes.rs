//! The paths of the byte rings.

use core::hint::black_box;

use xen_abi::ring::bytes::{Reader, Writer};
use xen_abi::ring::flex::{self, Interface, Order, Pvcalls, Xen9pfs};
use xen_abi::ring::{Mapping, console, vchan, xenstore};
use xen_public::grant_table::GrantRef;

use super::Shared;
use super::paths::any;

/// Takes all of them.
pub(crate) fn all(memory: Shared) {
    flex_ends::<Xen9pfs>(memory);
    flex_ends::<Pvcalls>(memory);
    console_ends(memory);
    xenstore_ends(memory);
    vchan_ends(memory);
}

#[inline(never)]
fn flex_ends<P: Interface>(memory: Shared) {
    let (Some(page), Some(data)) = (memory.map(), memory.map()) else {
        return;
    };
    let Ok(order) = flex::order::<P>(&page, Order::MAX) else {
        return;
    };
    let mut buffer = [0; 64];
    if let Ok(mut back) = flex::Back::<P, _>::attach(page, data, order) {
        byte_ends(back.split(), memory, &mut buffer);
    }
    let (Some(page), Some(data)) = (memory.map(), memory.map()) else {
        return;
    };
    let refs = [GrantRef::new(any(memory)); 4];
    let refs = refs.get(..any(memory) as usize).unwrap_or(&refs);
    if let Ok(mut front) = flex::Front::<P, _>::init(page, data, refs) {
        byte_ends(front.split(), memory, &mut buffer);
    }
}

#[inline(never)]
fn byte_ends(
    (mut reader, mut writer): (Reader<'_, Mapping>, Writer<'_, Mapping>),
    memory: Shared,
    buffer: &mut [u8; 64],
) {
    while any(memory) != 0 {
        let count = any(memory) as usize;
        if let Some(to) = buffer.get_mut(..count) {
            black_box(reader.peek(to).is_ok());
            black_box(reader.read(to).is_ok());
            black_box(reader.read_packet(to).is_ok());
        }
        black_box(reader.skip(count).is_ok());
        black_box((reader.unread().is_ok(), reader.size()));
        if let Some(from) = buffer.get(..count) {
            black_box(writer.write(from).is_ok());
            black_box(writer.write_packet(from).is_ok());
            black_box(writer.write_parts(&[from, from]).is_ok());
        }
        black_box((writer.free().is_ok(), writer.size()));
    }
}

#[inline(never)]
fn console_ends(memory: Shared) {
    let (Some(a), Some(b), Some(c)) = (memory.map(), memory.map(), memory.map()) else {
        return;
    };
    let mut buffer = [0; 64];
    if let Ok(mut front) = console::Front::attach(a) {
        byte_ends(front.split(), memory, &mut buffer);
    }
    if let Ok(mut back) = console::Back::init(b) {
        byte_ends(back.split(), memory, &mut buffer);
    }
    if let Ok(mut back) = console::Back::attach(c) {
        byte_ends(back.split(), memory, &mut buffer);
    }
}

#[inline(never)]
fn xenstore_ends(memory: Shared) {
    let (Some(a), Some(b), Some(c)) = (memory.map(), memory.map(), memory.map()) else {
        return;
    };
    let mut buffer = [0; 64];
    if let Some(mut client) = xenstore::Client::attach(a)
        .ok()
        .and_then(|end| end.connected())
    {
        byte_ends(client.split(), memory, &mut buffer);
        black_box((client.features(), client.error()));
        if let Ok((waiting, notify)) = client.reconnect() {
            let _ = black_box((waiting.poll().is_ok(), notify));
        }
    }
    let features = xenstore::Server::attach(c).map(|server| server.reconnect_requested());
    black_box(features.is_ok());
    if let Ok((mut server, _)) = xenstore::Server::init(b, xenstore::Features::default()) {
        byte_ends(server.split(), memory, &mut buffer);
        black_box(server.reconnect_requested());
        let _ = black_box(server.reset());
        let error = xenstore::ServerError::from_raw(any(memory));
        if let Some(error) = error {
            let _ = black_box(server.set_error(error));
        }
    }
}

/// What both ends can do; they are two types with the same functions.
macro_rules! vchan_end {
    ($end:ident, $memory:ident, $buffer:ident) => {{
        while any($memory) != 0 {
            let count = any($memory) as usize;
            black_box(($end.unread(count).is_ok(), $end.free(count).is_ok()));
            if let Some(to) = $buffer.get_mut(..count) {
                black_box($end.read(to).is_ok());
                black_box($end.read_packet(to).is_ok());
            }
            if let Some(from) = $buffer.get(..count) {
                black_box($end.write(from).is_ok());
                black_box($end.write_packet(from).is_ok());
            }
            black_box($end.peer());
        }
        let _ = black_box($end.close());
    }};
}

#[inline(never)]
fn vchan_ends(memory: Shared) {
    let (Some(page), Some(left), Some(right)) = (memory.map(), memory.map(), memory.map()) else {
        return;
    };
    let mut refs = [GrantRef::new(any(memory)); 8];
    let Ok(orders) = vchan::Orders::read(&page) else {
        return;
    };
    if let Ok(grants) = vchan::grants(&page, orders) {
        for (to, from) in refs.iter_mut().zip(grants) {
            *to = from;
        }
    }
    let refs = refs.get(..any(memory) as usize).unwrap_or(&refs);
    let mut buffer = [0; 64];
    if let Ok((mut client, notify)) = vchan::Client::attach(page, Some(left), Some(right), orders) {
        let _ = black_box(notify);
        vchan_end!(client, memory, buffer);
    }
    let (Some(page), Some(left), Some(right)) = (memory.map(), memory.map(), memory.map()) else {
        return;
    };
    if let Ok(mut server) = vchan::Server::init(page, Some(left), Some(right), orders, refs) {
        vchan_end!(server, memory, buffer);
    }
}
