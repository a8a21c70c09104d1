//! `HYPERVISOR_tmem_op`: transcendent memory, which Xen 4.0 to 4.12 had (`xen/include/public/tmem.h`).
//!
//! A guest put pages that it could do without into a pool of Xen's ([`put_page`]) and got them again
//! ([`get_page`]), or did not, if the pool was ephemeral and Xen needed the memory. A page is found by
//! the pool's number, an object's (three words) and an index. Today every call is
//! [`Error::Unsupported`]; a kernel that runs on old hypervisors may find it.
//!
//! Before Xen 4.4 an unknown operation answers as if it had worked, so nothing is asked that the release
//! does not have. Two errors have numbers of their own: 1000 for a client that is frozen, 1001 for
//! an empty pool.
#![allow(unsafe_code)]

use xen_public::native::compat::before_0x00041300::tmem::{
    tmem_op, tmem_op_u_creat, tmem_op_u_gen,
};
use xen_public::xen::Gfn;

use super::native::frame_word;
use super::{Conduit, Error, Result, Xen};
use crate::version::Operation;

/// A pool's number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Pool(i32);

impl Pool {
    /// The pool of this number; negative ones are errors, not pools.
    pub const fn new(number: i32) -> Option<Self> {
        if number < 0 { None } else { Some(Self(number)) }
    }

    /// The number.
    pub const fn get(self) -> i32 {
        self.0
    }
}

/// What names a page in a pool.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[doc(alias = "xen_tmem_oid")]
pub struct Key {
    /// The object.
    pub object: [u64; 3],
    /// The page of it.
    pub index: u32,
}

/// Makes a call and tells its answer.
///
/// # Safety
///
/// Where the call writes a page of the guest, nothing relies on what is in it.
unsafe fn operate(
    xen: &Xen<impl Conduit>,
    operation: Operation,
    mut argument: tmem_op,
) -> Result<usize> {
    argument.cmd = operation.number();
    let address = (&raw mut argument).expose_provenance();
    // SAFETY: the call reads the structure, and reads or writes a page of the guest, for which the caller
    // vouches.
    unsafe { xen.call_plain(operation, [address, 0, 0, 0, 0]) }
}

fn keyed(pool: Pool, key: Key, page: Option<tmem_op_u_gen>) -> tmem_op {
    let mut argument = tmem_op::ZERO;
    argument.pool_id = pool.0;
    let mut part = page.unwrap_or_default();
    part.oid.oid = key.object;
    part.index = key.index;
    argument.u.r#gen = part;
    argument
}

fn with_frame(operation: Operation, frame: Gfn) -> Result<tmem_op_u_gen> {
    Ok(tmem_op_u_gen {
        cmfn: frame_word(operation.name(), "cmfn", frame.get())?,
        ..tmem_op_u_gen::ZERO
    })
}

/// An answer of yes (1) or no (0).
fn yes(operation: Operation, answer: usize) -> Result<bool> {
    match answer {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(Error::Nonsense {
            call: operation.name(),
            answer: other as isize,
        }),
    }
}

/// Makes a pool (`TMEM_NEW_POOL`): a shared one is found again by `uuid`; `flags` are `TMEM_POOL_`
/// (1 persistent, 2 shared, the version in the upper 8 bits, which must be 1). Header:
/// `xen/include/public/tmem.h`.
#[doc = gate_row!(TMEM_NEW_POOL)]
///
/// # Errors
///
/// [`Error::Refused`] with ENODEV where it is switched off, with EPERM, ENOMEM; [`Error::Unsupported`].
#[doc(alias = "TMEM_NEW_POOL")]
pub fn new_pool(xen: &Xen<impl Conduit>, uuid: [u64; 2], flags: u32) -> Result<Pool> {
    let operation = Operation::TMEM_NEW_POOL;
    let mut argument = tmem_op::ZERO;
    argument.u.creat = tmem_op_u_creat {
        uuid,
        flags,
        ..tmem_op_u_creat::ZERO
    };
    // SAFETY: the call writes no page of the guest.
    let answer = unsafe { operate(xen, operation, argument) }?;
    // A call's answer is a C `int` and not negative here.
    let number = i32::try_from(answer).ok().and_then(Pool::new);
    number.ok_or(Error::Nonsense {
        call: operation.name(),
        answer: answer as isize,
    })
}

/// Ends a pool with all its pages (`TMEM_DESTROY_POOL`), and tells whether there was one. Header:
/// `xen/include/public/tmem.h`.
#[doc = gate_row!(TMEM_DESTROY_POOL)]
///
/// # Errors
///
/// [`Error::Refused`] with ENODEV; [`Error::Unsupported`].
#[doc(alias = "TMEM_DESTROY_POOL")]
pub fn destroy_pool(xen: &Xen<impl Conduit>, pool: Pool) -> Result<bool> {
    let operation = Operation::TMEM_DESTROY_POOL;
    let mut argument = tmem_op::ZERO;
    argument.pool_id = pool.0;
    // SAFETY: the call writes no page of the guest.
    yes(operation, unsafe { operate(xen, operation, argument) }?)
}

/// Copies a page of the guest into a pool (`TMEM_PUT_PAGE`), and tells whether the pool took it. Header:
/// `xen/include/public/tmem.h`.
#[doc = gate_row!(TMEM_PUT_PAGE)]
///
/// # Errors
///
/// [`Error::Refused`] with ENODEV, ENOMEM, 1000; [`Error::Argument`] for a frame number that x86_32's word
/// can't hold; [`Error::Unsupported`].
#[doc(alias = "TMEM_PUT_PAGE")]
pub fn put_page(xen: &Xen<impl Conduit>, pool: Pool, key: Key, frame: Gfn) -> Result<bool> {
    let operation = Operation::TMEM_PUT_PAGE;
    let argument = keyed(pool, key, Some(with_frame(operation, frame)?));
    // SAFETY: the call reads a page of the guest and writes none.
    yes(operation, unsafe { operate(xen, operation, argument) }?)
}

/// Copies a page of a pool into one of the guest (`TMEM_GET_PAGE`), and tells whether it was still there.
/// Header: `xen/include/public/tmem.h`.
#[doc = gate_row!(TMEM_GET_PAGE)]
///
/// # Errors
///
/// As [`put_page`].
///
/// # Safety
///
/// Nothing relies on what is in the frame.
#[doc(alias = "TMEM_GET_PAGE")]
pub unsafe fn get_page(xen: &Xen<impl Conduit>, pool: Pool, key: Key, frame: Gfn) -> Result<bool> {
    let operation = Operation::TMEM_GET_PAGE;
    let argument = keyed(pool, key, Some(with_frame(operation, frame)?));
    // SAFETY: for the page the caller vouches.
    yes(operation, unsafe { operate(xen, operation, argument) }?)
}

/// Drops a page of a pool (`TMEM_FLUSH_PAGE`), and tells whether it was there. Header:
/// `xen/include/public/tmem.h`.
#[doc = gate_row!(TMEM_FLUSH_PAGE)]
///
/// # Errors
///
/// [`Error::Refused`] with ENODEV, 1000; [`Error::Unsupported`].
#[doc(alias = "TMEM_FLUSH_PAGE")]
pub fn flush_page(xen: &Xen<impl Conduit>, pool: Pool, key: Key) -> Result<bool> {
    let operation = Operation::TMEM_FLUSH_PAGE;
    let argument = keyed(pool, key, None);
    // SAFETY: the call writes no page of the guest.
    yes(operation, unsafe { operate(xen, operation, argument) }?)
}

/// Drops all pages of an object (`TMEM_FLUSH_OBJECT`), and tells whether there were any. Header:
/// `xen/include/public/tmem.h`.
#[doc = gate_row!(TMEM_FLUSH_OBJECT)]
///
/// # Errors
///
/// As [`flush_page`].
#[doc(alias = "TMEM_FLUSH_OBJECT")]
pub fn flush_object(xen: &Xen<impl Conduit>, pool: Pool, object: [u64; 3]) -> Result<bool> {
    let operation = Operation::TMEM_FLUSH_OBJECT;
    let argument = keyed(pool, Key { object, index: 0 }, None);
    // SAFETY: the call writes no page of the guest.
    yes(operation, unsafe { operate(xen, operation, argument) }?)
}

/// Bytes within a page of a pool, and where they are in the guest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part {
    /// The page of the guest.
    pub frame: Gfn,
    /// Where the bytes begin in the pool's page.
    pub at: u32,
    /// Where they begin in the guest's page.
    pub frame_offset: u32,
    /// How many.
    pub length: u32,
}

fn part(operation: Operation, pool: Pool, key: Key, part: Part) -> Result<tmem_op> {
    let place = tmem_op_u_gen {
        tmem_offset: part.at,
        pfn_offset: part.frame_offset,
        len: part.length,
        ..with_frame(operation, part.frame)?
    };
    Ok(keyed(pool, key, Some(place)))
}

/// Makes an empty page in a pool (`TMEM_NEW_PAGE`), before Xen 4.4. Header: `xen/include/public/tmem.h`.
#[doc = gate_row!(TMEM_NEW_PAGE)]
///
/// # Errors
///
/// As [`put_page`].
#[doc(alias = "TMEM_NEW_PAGE")]
pub fn new_page(xen: &Xen<impl Conduit>, pool: Pool, key: Key) -> Result<bool> {
    let operation = Operation::TMEM_NEW_PAGE;
    // SAFETY: the call writes no page of the guest.
    yes(operation, unsafe {
        operate(xen, operation, keyed(pool, key, None))
    }?)
}

/// Copies part of a page of a pool into one of the guest (`TMEM_READ`), before Xen 4.4. Header:
/// `xen/include/public/tmem.h`.
#[doc = gate_row!(TMEM_READ)]
///
/// # Errors
///
/// As [`put_page`].
///
/// # Safety
///
/// As for [`get_page`].
#[doc(alias = "TMEM_READ")]
pub unsafe fn read(xen: &Xen<impl Conduit>, pool: Pool, key: Key, bytes: Part) -> Result<bool> {
    let operation = Operation::TMEM_READ;
    let argument = part(operation, pool, key, bytes)?;
    // SAFETY: for the page the caller vouches.
    yes(operation, unsafe { operate(xen, operation, argument) }?)
}

/// Copies part of a page of the guest into one of a pool (`TMEM_WRITE`), before Xen 4.4. Header:
/// `xen/include/public/tmem.h`.
#[doc = gate_row!(TMEM_WRITE)]
///
/// # Errors
///
/// As [`put_page`].
#[doc(alias = "TMEM_WRITE")]
pub fn write(xen: &Xen<impl Conduit>, pool: Pool, key: Key, bytes: Part) -> Result<bool> {
    let operation = Operation::TMEM_WRITE;
    let argument = part(operation, pool, key, bytes)?;
    // SAFETY: the call reads a page of the guest and writes none.
    yes(operation, unsafe { operate(xen, operation, argument) }?)
}

/// Swaps part of a page of a pool with one of the guest (`TMEM_XCHG`), before Xen 4.4. Header:
/// `xen/include/public/tmem.h`.
#[doc = gate_row!(TMEM_XCHG)]
///
/// # Errors
///
/// As [`put_page`].
///
/// # Safety
///
/// As for [`get_page`].
#[doc(alias = "TMEM_XCHG")]
pub unsafe fn exchange(xen: &Xen<impl Conduit>, pool: Pool, key: Key, bytes: Part) -> Result<bool> {
    let operation = Operation::TMEM_XCHG;
    let argument = part(operation, pool, key, bytes)?;
    // SAFETY: for the page the caller vouches.
    yes(operation, unsafe { operate(xen, operation, argument) }?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hypercall::fake::{Fake, read as peek};
    use crate::version::{Guest, Release};
    use core::cell::Cell;
    use xen_public::errno::Errno;

    const KEY: Key = Key {
        object: [1, 2, 3],
        index: 4,
    };

    #[test]
    fn pages_come_and_go_in_the_releases_that_have_it() {
        let answer = Cell::new(1);
        let xen = Fake::new(Release::new(4, 4, 0), Guest::Pv, |number, arguments| {
            assert_eq!((number, arguments[1..].iter().sum::<usize>()), (38, 0));
            // SAFETY: the functions under test pass the address of this structure.
            let asked: tmem_op = unsafe { peek(arguments[0]) };
            if asked.cmd == 1 {
                // SAFETY: all bytes of the union are there.
                let pool = unsafe { asked.u.creat };
                assert_eq!((pool.uuid, pool.flags), ([8, 9], 0x0100_0001));
            } else {
                // SAFETY: all bytes of the union are there.
                let page = unsafe { asked.u.r#gen };
                assert_eq!((asked.pool_id, page.oid.oid, page.index), (6, [1, 2, 3], 4));
                assert_eq!(page.cmfn, if asked.cmd == 6 { 0 } else { 0x99 });
            }
            answer.get()
        })
        .xen();
        answer.set(6);
        let pool = new_pool(&xen, [8, 9], 0x0100_0001).unwrap();
        assert_eq!(pool.get(), 6);
        answer.set(1);
        assert_eq!(put_page(&xen, pool, KEY, Gfn::new(0x99)), Ok(true));
        answer.set(0);
        // SAFETY: there is no page that could be written.
        let got = unsafe { get_page(&xen, pool, KEY, Gfn::new(0x99)) };
        assert_eq!(got, Ok(false));
        answer.set(2);
        assert!(matches!(
            flush_page(&xen, pool, KEY),
            Err(Error::Nonsense { answer: 2, .. })
        ));
        answer.set(-1000);
        let frozen = Error::Refused {
            call: "TMEM_PUT_PAGE",
            errno: Errno::new(1000),
        };
        assert_eq!(put_page(&xen, pool, KEY, Gfn::new(0x99)), Err(frozen));
        // This went with 4.4.
        assert!(matches!(
            new_page(&xen, pool, KEY),
            Err(Error::Unsupported(_))
        ));
        assert_eq!(xen.conduit().calls().len(), 5);
    }

    #[test]
    fn elsewhere_nothing_is_asked() {
        for release in [Release::new(3, 4, 0), Release::new(4, 13, 0)] {
            let xen = Fake::new(release, Guest::Pv, |_, _| 0).xen();
            assert!(matches!(
                new_pool(&xen, [0; 2], 0),
                Err(Error::Unsupported(_))
            ));
            let pool = Pool::new(0).unwrap();
            assert!(matches!(
                destroy_pool(&xen, pool),
                Err(Error::Unsupported(_))
            ));
            assert_eq!(xen.conduit().calls(), []);
        }
    }

    #[test]
    fn parts_of_pages_are_for_the_first_releases() {
        let xen = Fake::new(Release::new(4, 3, 0), Guest::Hvm, |_, arguments| {
            // SAFETY: the functions under test pass the address of this structure.
            let asked: tmem_op = unsafe { peek(arguments[0]) };
            // SAFETY: all bytes of the union are there.
            let page = unsafe { asked.u.r#gen };
            assert!(matches!(asked.cmd, 8..=10));
            assert_eq!((page.tmem_offset, page.pfn_offset, page.len), (1, 2, 3));
            1
        })
        .xen();
        let (pool, bytes) = (
            Pool::new(6).unwrap(),
            Part {
                frame: Gfn::new(9),
                at: 1,
                frame_offset: 2,
                length: 3,
            },
        );
        // SAFETY: there is no page that could be written.
        assert_eq!(unsafe { read(&xen, pool, KEY, bytes) }, Ok(true));
        assert_eq!(write(&xen, pool, KEY, bytes), Ok(true));
        // SAFETY: as above.
        assert_eq!(unsafe { exchange(&xen, pool, KEY, bytes) }, Ok(true));
        assert_eq!(xen.conduit().calls().len(), 3);
    }
}
