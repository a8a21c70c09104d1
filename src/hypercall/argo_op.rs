//! `HYPERVISOR_argo_op`: messages between domains, copied by Xen (`xen/include/public/argo.h`).
//!
//! A domain registers a ring in its memory ([`register_ring`]) under a port; others send to it
//! ([`sendv`]), and Xen copies their bytes there, so that the two share no memory. How full a ring is, and
//! whether it is there, [`notify`] tells. Xen has all this only if it was built with Argo and started
//! with `argo=1`; [`Error::Unsupported`] is the rule.
#![allow(unsafe_code)]

use xen_public::native::argo::{
    xen_argo_addr, xen_argo_iov, xen_argo_register_ring, xen_argo_ring_data,
    xen_argo_ring_data_ent, xen_argo_send_addr, xen_argo_unregister_ring,
};
use xen_public::xen::DomId;

use super::native::{count, readable};
use super::xen::only_zero;
use super::{Conduit, Error, Result, Xen};
use crate::version::Operation;

/// As many pieces as a message can have.
pub const MAX_PIECES: usize = everywhere!(usize, argo::XEN_ARGO_MAXIOV);

/// The end of a message's way: a port of a domain.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[doc(alias = "xen_argo_addr")]
pub struct Address {
    /// The domain; [`DomId::INVALID`] stands for any.
    #[doc(alias = "XEN_ARGO_DOMID_ANY")]
    pub domain: DomId,
    /// The port.
    pub port: u32,
}

impl Address {
    fn raw(self) -> xen_argo_addr {
        xen_argo_addr {
            aport: self.port,
            domain_id: self.domain.get(),
            pad: 0,
        }
    }
}

/// Makes a ring of pages of the calling domain known under a port (`XEN_ARGO_OP_register_ring`).
///
/// `partner` is the domain that may send to it, [`DomId::INVALID`] for any. `length` is the ring's size
/// in bytes, within the pages that `frames` lists ([`Gfn`](xen_public::xen::Gfn)s, 64 bits wide everywhere). With `fail_exist` a ring that is there already stays.
/// Header: `xen/include/public/argo.h`.
#[doc = gate_row!(XEN_ARGO_OP_register_ring)]
///
/// # Errors
///
/// [`Error::Refused`] with EINVAL for a length that does not fit, with EEXIST, EPERM, ENODEV before the
/// domain could use Argo; [`Error::Unsupported`].
///
/// # Safety
///
/// The pages are given to Xen until the ring is unregistered: they are only reached as a ring is.
#[doc(alias = "XEN_ARGO_OP_register_ring")]
#[doc(alias = "XEN_ARGO_REGISTER_FLAG_FAIL_EXIST")]
pub unsafe fn register_ring(
    xen: &Xen<impl Conduit>,
    port: u32,
    partner: DomId,
    length: u32,
    frames: &[u64],
    fail_exist: bool,
) -> Result<()> {
    let operation = Operation::XEN_ARGO_OP_register_ring;
    count(operation.name(), frames.len())?;
    let argument = xen_argo_register_ring {
        aport: port,
        partner_id: partner.get(),
        len: length,
        ..xen_argo_register_ring::ZERO
    };
    let address = (&raw const argument).expose_provenance();
    let list = frames.as_ptr().expose_provenance();
    let arguments = [address, list, frames.len(), usize::from(fail_exist)];
    // SAFETY: the call reads the structure and the list; the pages the caller gives away.
    let answer = unsafe { xen.call(operation, arguments) }?;
    only_zero(operation, answer)
}

/// Ends a ring (`XEN_ARGO_OP_unregister_ring`). Its pages are the domain's own again. Header:
/// `xen/include/public/argo.h`.
#[doc = gate_row!(XEN_ARGO_OP_unregister_ring)]
///
/// # Errors
///
/// [`Error::Refused`] with ENOENT for a ring that is not there, with ENODEV; [`Error::Unsupported`].
#[doc(alias = "XEN_ARGO_OP_unregister_ring")]
pub fn unregister_ring(xen: &Xen<impl Conduit>, port: u32, partner: DomId) -> Result<()> {
    let operation = Operation::XEN_ARGO_OP_unregister_ring;
    let mut argument = xen_argo_unregister_ring {
        aport: port,
        partner_id: partner.get(),
        ..xen_argo_unregister_ring::ZERO
    };
    // SAFETY: the call reads the structure; after it Xen leaves the pages alone.
    unsafe { xen.call_with(operation, &mut argument) }
}

/// Sends a message, put together of pieces, to a ring (`XEN_ARGO_OP_sendv`), and tells how many bytes
/// went. Header: `xen/include/public/argo.h`.
#[doc = gate_row!(XEN_ARGO_OP_sendv)]
///
/// # Errors
///
/// [`Error::TooLong`] for more than eight pieces. [`Error::Refused`] with EAGAIN where the ring has no
/// room (an event tells when it has), with ECONNREFUSED where there is none, with EMSGSIZE, EPERM,
/// ENODEV. [`Error::Nonsense`] if Xen claims to have sent another number of bytes.
/// [`Error::Unsupported`].
#[doc(alias = "XEN_ARGO_OP_sendv")]
pub fn sendv(
    xen: &Xen<impl Conduit>,
    from: Address,
    to: Address,
    pieces: &[&[u8]],
    message_type: u32,
) -> Result<usize> {
    let operation = Operation::XEN_ARGO_OP_sendv;
    let call = operation.name();
    if pieces.len() > MAX_PIECES {
        return Err(Error::TooLong {
            call,
            length: pieces.len(),
            limit: MAX_PIECES,
        });
    }
    let mut list = [xen_argo_iov::ZERO; MAX_PIECES];
    let mut total = 0usize;
    for (entry, piece) in list.iter_mut().zip(pieces) {
        entry.iov_hnd = readable(piece);
        entry.iov_len = count(call, piece.len())?;
        total = total.saturating_add(piece.len());
    }
    let addresses = xen_argo_send_addr {
        src: from.raw(),
        dst: to.raw(),
    };
    let arguments = [
        (&raw const addresses).expose_provenance(),
        list.as_ptr().expose_provenance(),
        pieces.len(),
        message_type as usize,
    ];
    // SAFETY: the call reads the addresses, the list and the pieces.
    let sent = unsafe { xen.call(operation, arguments) }?;
    if sent == total {
        Ok(sent)
    } else {
        Err(Error::Nonsense {
            call,
            answer: sent as isize,
        })
    }
}

/// How many rings one question can be about here.
pub const MAX_QUERIES: usize = 16;

/// A question about a ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[doc(alias = "xen_argo_ring_data_ent")]
pub struct Query {
    /// The ring.
    pub ring: Address,
    /// For how many bytes there should be room; 0 asks nothing.
    pub space_required: u32,
    /// What Xen answered: `XEN_ARGO_RING_` flags.
    pub flags: u16,
    /// What Xen answered: the largest message that the ring can take.
    pub max_message_size: u32,
}

/// Asks about rings (`XEN_ARGO_OP_notify`), at most [`MAX_QUERIES`], and fills in the answers. Where there
/// is no room now, Xen sends an event when there is. Header: `xen/include/public/argo.h`.
#[doc = gate_row!(XEN_ARGO_OP_notify)]
///
/// # Errors
///
/// [`Error::TooLong`]; [`Error::Refused`] with ENODEV before the domain could use Argo;
/// [`Error::Unsupported`].
#[doc(alias = "XEN_ARGO_OP_notify")]
pub fn notify(xen: &Xen<impl Conduit>, queries: &mut [Query]) -> Result<()> {
    #[repr(C)]
    struct Argument {
        head: xen_argo_ring_data,
        entries: [xen_argo_ring_data_ent; MAX_QUERIES],
    }
    const _: () = {
        use core::mem::offset_of;
        assert!(offset_of!(Argument, entries) == offset_of!(xen_argo_ring_data, data));
    };
    let operation = Operation::XEN_ARGO_OP_notify;
    if queries.len() > MAX_QUERIES {
        return Err(Error::TooLong {
            call: operation.name(),
            length: queries.len(),
            limit: MAX_QUERIES,
        });
    }
    let mut argument = Argument {
        head: xen_argo_ring_data {
            nent: queries.len() as u32,
            ..xen_argo_ring_data::ZERO
        },
        entries: [xen_argo_ring_data_ent::ZERO; MAX_QUERIES],
    };
    for (entry, query) in argument.entries.iter_mut().zip(&*queries) {
        entry.ring = query.ring.raw();
        entry.space_required = query.space_required;
    }
    // SAFETY: the call reads the head and as many entries as it says, and writes the entries.
    unsafe { xen.call_with(operation, &mut argument) }?;
    for (query, entry) in queries.iter_mut().zip(&argument.entries) {
        query.flags = entry.flags;
        query.max_message_size = entry.max_message_size;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hypercall::fake::{Fake, read, write};
    use crate::version::{Guest, Release};
    use core::cell::Cell;
    use xen_public::errno::Errno;

    const NEW: Release = Release::new(4, 20, 0);
    const HERE: Address = Address {
        domain: DomId::new(1),
        port: 2,
    };
    const THERE: Address = Address {
        domain: DomId::new(3),
        port: 4,
    };

    #[test]
    fn a_ring_comes_and_goes() {
        let xen = Fake::new(
            NEW,
            Guest::Hvm,
            |number, [op, address, list, count, flags]| {
                assert_eq!(number, 39);
                if op == 2 {
                    // SAFETY: the function under test passes the address of this structure.
                    let ring: xen_argo_unregister_ring = unsafe { read(address) };
                    assert_eq!((ring.aport, ring.partner_id), (7, 0x7ff4));
                    assert_eq!((list, count, flags), (0, 0, 0));
                    return -2;
                }
                // SAFETY: the function under test passes the address of this structure.
                let ring: xen_argo_register_ring = unsafe { read(address) };
                assert_eq!((ring.aport, ring.partner_id, ring.len), (7, 0x7ff4, 8192));
                assert_eq!((op, count, flags), (1, 2, 1));
                // SAFETY: this is the list of frames.
                assert_eq!(unsafe { read::<[u64; 2]>(list) }, [16, 17]);
                0
            },
        )
        .xen();
        let any = DomId::INVALID;
        // SAFETY: there is no memory that could be given away.
        unsafe { register_ring(&xen, 7, any, 8192, &[16, 17], true) }.unwrap();
        let gone = Error::Refused {
            call: "XEN_ARGO_OP_unregister_ring",
            errno: Errno::ENOENT,
        };
        assert_eq!(unregister_ring(&xen, 7, any), Err(gone));
    }

    #[test]
    fn a_message_goes_whole() {
        let sent = Cell::new(5);
        let xen = Fake::new(NEW, Guest::Hvm, |_, [op, address, list, count, kind]| {
            assert_eq!((op, count, kind), (3, 2, 9));
            // SAFETY: the function under test passes the addresses of these structures.
            let way: xen_argo_send_addr = unsafe { read(address) };
            assert_eq!((way.src.aport, way.dst.domain_id), (2, 3));
            // SAFETY: as above.
            let pieces: [xen_argo_iov; 2] = unsafe { read(list) };
            assert_eq!((pieces[0].iov_len, pieces[1].iov_len), (2, 3));
            sent.get()
        })
        .xen();
        let send = || sendv(&xen, HERE, THERE, &[b"ab", b"cde"], 9);
        assert_eq!(send(), Ok(5));
        sent.set(4);
        assert!(matches!(send(), Err(Error::Nonsense { answer: 4, .. })));
        assert!(matches!(
            sendv(&xen, HERE, THERE, &[b"x".as_slice(); 9], 0),
            Err(Error::TooLong { limit: 8, .. })
        ));
    }

    #[test]
    fn answers_about_rings_are_filled_in() {
        let xen = Fake::new(NEW, Guest::Arm, |_, [op, address, ..]| {
            assert_eq!(op, 4);
            // SAFETY: the function under test passes the address of these structures.
            let mut found: (xen_argo_ring_data, [xen_argo_ring_data_ent; 2]) =
                unsafe { read(address) };
            assert_eq!(found.0.nent, 2);
            assert_eq!(found.1[1].space_required, 6);
            found.1[1].flags = 9;
            found.1[1].max_message_size = 100;
            // SAFETY: as above.
            unsafe { write(address, found) };
            0
        })
        .xen();
        let query = |space_required| Query {
            ring: THERE,
            space_required,
            flags: 0,
            max_message_size: 0,
        };
        let mut queries = [query(0), query(6)];
        notify(&xen, &mut queries).unwrap();
        assert_eq!((queries[1].flags, queries[1].max_message_size), (9, 100));
        assert!(notify(&xen, &mut [query(0); 17]).is_err());
    }

    #[test]
    fn without_argo_nothing_is_asked_twice() {
        for errno in [38, 95] {
            let xen = Fake::new(NEW, Guest::Hvm, |_, _| -errno).xen();
            for _ in 0..2 {
                let absent = notify(&xen, &mut []);
                assert!(matches!(absent, Err(Error::Unsupported(_))), "{absent:?}");
            }
            assert_eq!(xen.conduit().calls().len(), 1);
        }
    }
}
