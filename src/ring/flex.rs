//! Flex rings: two byte rings of a size that the frontend chooses, for 9pfs and pvcalls.
//!
//! A connection has an *index page* and a *data ring* of 2^order pages. The index page holds the
//! indices of both directions, the order, and the grants of the data ring's pages; the frontend makes
//! and fills it. The data ring is mapped in one piece: its first half is `in`, from backend
//! to frontend, the second half is `out`. Each protocol names its index page with a type:
//! [`Xen9pfs`], whose page is what `DEFINE_XEN_FLEX_RING_AND_INTF` declares, and [`Pvcalls`], which has a
//! page of its own with an error word per direction. A protocol that is not here takes an
//! [`Interface`] of its own.
//!
//! The frontend grants the pages and makes a [`Front`]. The backend maps the index page, asks it for
//! [`order`] and [`refs`], maps those, and makes a [`Back`]. Both have a [`Reader`] and a
//! [`Writer`] for bytes and for packets. The peer is notified of each change; what comes back says so.
//!
//! The console ring uses the same functions in C, under the name `xencons`, but its sizes are
//! fixed: it is in [`console`](super::console).
//!
//! Header: `xen/include/public/io/ring.h`, `io/9pfs.h`, `io/pvcalls.h`.
#![allow(unsafe_code)]

use core::fmt;
use core::marker::PhantomData;
use core::mem::offset_of;

use xen_public::abi::x86_64::io::_9pfs::xen_9pfs_data_intf;
use xen_public::abi::x86_64::io::pvcalls::pvcalls_data_intf;
use xen_public::grant_table::GrantRef;

use super::Notify;
use super::bytes::{Areas, Connection, Place, halves, room};
pub use super::bytes::{AttachError, Corrupt, Moved, PacketError, Reader, Writer};
use super::memory::SharedMemory;

#[cfg(test)]
mod tests;

/// Bytes of a page, on every architecture.
const PAGE: usize = 4096;

/// The offset that an index stands for in a ring of `ring_size` bytes, a power of two.
///
/// Where C adds it to the buffer's address (`NAME_get_ring_ptr`), here it is the offset in the
/// direction's half of the data ring. [`Reader`] and [`Writer`] do this themselves.
#[doc(alias = "xen_9pfs_mask")]
#[doc(alias = "pvcalls_mask")]
#[doc(alias = "xencons_mask")]
#[doc(alias = "MASK_XENCONS_IDX")]
#[doc(alias = "MASK_XENSTORE_IDX")]
#[doc(alias = "xen_9pfs_get_ring_ptr")]
#[doc(alias = "pvcalls_get_ring_ptr")]
#[doc(alias = "xencons_get_ring_ptr")]
#[inline]
pub const fn mask(index: u32, ring_size: u32) -> u32 {
    index & ring_size.wrapping_sub(1)
}

/// The bytes in a ring of `ring_size` bytes, a power of two, whose indices are these.
///
/// Indices that no honest peer can have written are not noticed: they are counted modulo the size.
/// [`Reader::unread`] and [`Writer::free`] notice.
#[doc(alias = "xen_9pfs_queued")]
#[doc(alias = "pvcalls_queued")]
#[doc(alias = "xencons_queued")]
#[inline]
pub const fn queued(prod: u32, cons: u32, ring_size: u32) -> u32 {
    if prod == cons {
        return 0;
    }
    let (prod, cons) = (mask(prod, ring_size), mask(cons, ring_size));
    if prod > cons {
        prod - cons
    } else {
        ring_size.wrapping_sub(cons - prod)
    }
}

/// How many pages a data ring has: a power of two, given by its exponent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Order(u8);

impl Order {
    /// The largest: more pages would have no room for their grants in the index page.
    pub const MAX: Self = Self(9);

    /// Takes an order, for instance the backend's `max-ring-page-order`.
    ///
    /// # Errors
    ///
    /// [`BadOrder`] if it is above [`MAX`](Self::MAX).
    pub fn new(order: u32) -> Result<Self, BadOrder> {
        Self::at_most(order, Self::MAX)
    }

    /// Takes an order of at most `max`.
    fn at_most(order: u32, max: Self) -> Result<Self, BadOrder> {
        match u8::try_from(order) {
            Ok(small) if small <= max.0 => Ok(Self(small)),
            _ => Err(BadOrder { order, max }),
        }
    }

    /// The exponent.
    pub const fn get(self) -> u32 {
        self.0 as u32
    }

    /// The number of pages of the data ring.
    pub const fn pages(self) -> usize {
        1 << self.0
    }

    /// The number of bytes of one direction: half of the data ring.
    #[doc(alias = "XEN_FLEX_RING_SIZE")]
    pub const fn ring_size(self) -> usize {
        self.pages() * (PAGE / 2)
    }
}

/// An order above what is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadOrder {
    /// The order.
    pub order: u32,
    /// The largest allowed.
    pub max: Order,
}

impl fmt::Display for BadOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (order, max) = (self.order, self.max.0);
        write!(
            f,
            "a data ring of 2^{order} pages, where 2^{max} are allowed"
        )
    }
}

impl core::error::Error for BadOrder {}

/// Where a protocol has what in its index page, as offsets in bytes. All but the grants are
/// multiples of 4.
///
/// The values given here are those of `struct NAME_data_intf` as `DEFINE_XEN_FLEX_RING_AND_INTF`
/// declares it. A protocol that uses `DEFINE_XEN_FLEX_RING` with a struct of its own sets what
/// differs.
#[doc(alias = "DEFINE_XEN_FLEX_RING")]
#[doc(alias = "DEFINE_XEN_FLEX_RING_AND_INTF")]
#[doc(alias = "data_intf")]
pub trait Interface {
    /// The index of what the frontend has read.
    const IN_CONS: usize = offset_of!(xen_9pfs_data_intf, in_cons);
    /// The index of what the backend has written.
    const IN_PROD: usize = offset_of!(xen_9pfs_data_intf, in_prod);
    /// The index of what the backend has read.
    const OUT_CONS: usize = offset_of!(xen_9pfs_data_intf, out_cons);
    /// The index of what the frontend has written.
    const OUT_PROD: usize = offset_of!(xen_9pfs_data_intf, out_prod);
    /// The order, which the frontend writes.
    const RING_ORDER: usize = offset_of!(xen_9pfs_data_intf, ring_order);
    /// The grants of the data ring's pages, which the frontend writes.
    const REF: usize = offset_of!(xen_9pfs_data_intf, r#ref);
    /// Other words, which begin as zero.
    const ZEROED: &'static [usize] = &[];
}

/// The rings of 9pfs: requests in `out`, responses in `in`, each a packet with its length in front.
///
/// Header: `xen/include/public/io/9pfs.h` (`struct xen_9pfs_data_intf`).
#[doc(alias = "xen_9pfs_data_intf")]
#[derive(Clone, Copy, Debug)]
pub enum Xen9pfs {}

impl Interface for Xen9pfs {}

/// The rings of an active pvcalls socket: the bytes that go through it.
///
/// Header: `xen/include/public/io/pvcalls.h` (`struct pvcalls_data_intf`).
#[doc(alias = "pvcalls_data_intf")]
#[derive(Clone, Copy, Debug)]
pub enum Pvcalls {}

const IN_ERROR: usize = offset_of!(pvcalls_data_intf, in_error);
const OUT_ERROR: usize = offset_of!(pvcalls_data_intf, out_error);

impl Interface for Pvcalls {
    const IN_CONS: usize = offset_of!(pvcalls_data_intf, in_cons);
    const IN_PROD: usize = offset_of!(pvcalls_data_intf, in_prod);
    const OUT_CONS: usize = offset_of!(pvcalls_data_intf, out_cons);
    const OUT_PROD: usize = offset_of!(pvcalls_data_intf, out_prod);
    const RING_ORDER: usize = offset_of!(pvcalls_data_intf, ring_order);
    const REF: usize = offset_of!(pvcalls_data_intf, r#ref);
    const ZEROED: &'static [usize] = &[IN_ERROR, OUT_ERROR];
}

/// Loads 32 bits of an index page.
fn load(page: &impl SharedMemory, at: usize) -> Result<u32, AttachError> {
    word(page, at)?;
    // SAFETY: just checked.
    Ok(unsafe { page.load_u32(at) })
}

/// Stores 32 bits to an index page.
fn store(page: &impl SharedMemory, at: usize, value: u32) -> Result<(), AttachError> {
    word(page, at)?;
    // SAFETY: just checked.
    unsafe { page.store_u32(at, value) };
    Ok(())
}

/// Whether 32 bits can be at an offset.
fn word(page: &impl SharedMemory, at: usize) -> Result<(), AttachError> {
    if at % 4 != 0 {
        return Err(AttachError::Impossible { value: at });
    }
    room(page, at.saturating_add(4))
}

/// The order that the frontend has written to an index page, read once.
///
/// # Errors
///
/// [`InterfaceError::Order`] if it is above `max`, which the backend has published as
/// `max-ring-page-order`; [`InterfaceError::Page`] if the page has no room for it.
pub fn order<P: Interface>(page: &impl SharedMemory, max: Order) -> Result<Order, InterfaceError> {
    Ok(Order::at_most(load(page, P::RING_ORDER)?, max)?)
}

/// The grants that the frontend has written to an index page, for a data ring of that order. Each is
/// read once, when the iterator comes to it.
///
/// # Errors
///
/// [`AttachError::TooSmall`] if the page has no room for them.
pub fn refs<P: Interface, M: SharedMemory>(
    page: &M,
    order: Order,
) -> Result<impl ExactSizeIterator<Item = GrantRef>, AttachError> {
    word(page, P::REF)?;
    room(page, P::REF.saturating_add(order.pages() * 4))?;
    Ok((0..order.pages()).map(move |n| {
        // SAFETY: the page has room for `pages` grants from `REF` on, a multiple of 4.
        GrantRef::new(unsafe { page.load_u32(P::REF + n * 4) })
    }))
}

/// Why an index page can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InterfaceError {
    /// The order is too large.
    Order(BadOrder),
    /// So many pages are no power of two, or too many.
    Pages {
        /// The number of grants that was given.
        refs: usize,
    },
    /// What should be in the page or in the data ring is not.
    Page(AttachError),
}

impl fmt::Display for InterfaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order(error) => error.fmt(f),
            Self::Pages { refs } => write!(
                f,
                "a data ring of {refs} pages, where a power of two of at most {} is needed",
                Order::MAX.pages()
            ),
            Self::Page(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for InterfaceError {}

impl From<BadOrder> for InterfaceError {
    fn from(error: BadOrder) -> Self {
        Self::Order(error)
    }
}

impl From<AttachError> for InterfaceError {
    fn from(error: AttachError) -> Self {
        Self::Page(error)
    }
}

/// The places of both directions, `in` first.
fn places<P: Interface>(order: Order) -> (Place, Place) {
    let ring_size = order.ring_size();
    let place = |cons, prod, data| Place {
        cons,
        prod,
        area: 0,
        data,
        size: ring_size as u32,
    };
    (
        place(P::IN_CONS, P::IN_PROD, 0),
        place(P::OUT_CONS, P::OUT_PROD, ring_size),
    )
}

/// The memories as the core has them.
fn areas<M>(page: M, data: M) -> Areas<M> {
    Areas {
        page,
        others: [Some(data), None],
    }
}

/// What both ends have.
macro_rules! end {
    ($end:ident, $reads:literal, $writes:literal) => {
        impl<P: Interface, M: SharedMemory> $end<P, M> {
            halves!($reads, $writes);

            /// Lets go of the rings and gives back index page and data ring.
            pub fn into_memory(self) -> (M, Option<M>) {
                let areas = self.connection.into_areas();
                let [data, _] = areas.others;
                (areas.page, data)
            }
        }
    };
}

/// The frontend's end: reads `in` and writes `out`.
///
/// ```
/// # use core::ptr::NonNull;
/// use xen_abi::ring::Mapping;
/// use xen_abi::ring::flex::{self, Back, Front, Order, Xen9pfs};
/// use xen_public::grant_table::GrantRef;
///
/// # #[repr(align(4096))]
/// # struct Pages([u8; 3 * 4096]);
/// # let mut pages = Pages([0; 3 * 4096]);
/// # let base = NonNull::from(&mut pages).cast::<u8>();
/// # // SAFETY: in the array; the pages outlive the rings and are touched only through mappings.
/// # let map = |from, len| unsafe { Mapping::new(base.add(from), len) }.unwrap();
/// # let (page, data) = (map(0, 4096), map(4096, 2 * 4096));
/// # let (their_page, their_data) = (map(0, 4096), map(4096, 2 * 4096));
/// let mut front = Front::<Xen9pfs, _>::init(page, data, &[8, 9].map(GrantRef::new))?;
/// let notify = front.writer().write_packet(b"Tversion")?;
/// assert!(notify.is_needed());
///
/// // In the other domain:
/// let order = flex::order::<Xen9pfs>(&their_page, Order::MAX)?;
/// assert!(flex::refs::<Xen9pfs, _>(&their_page, order)?.eq([8, 9].map(GrantRef::new)));
/// let mut back = Back::<Xen9pfs, _>::attach(their_page, their_data, order)?;
/// let mut request = [0; 8];
/// assert!(back.reader().read_packet(&mut request)?.is_needed());
/// assert_eq!(&request, b"Tversion");
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Front<P, M> {
    connection: Connection<M>,
    protocol: PhantomData<fn() -> P>,
}

end!(Front, "in", "out");

impl<P: Interface, M: SharedMemory> Front<P, M> {
    /// Makes empty rings: zeroes the indices and writes order and grants to the index page. The
    /// backend must not be using it yet.
    ///
    /// # Errors
    ///
    /// [`InterfaceError::Pages`] if the number of grants is not that of a data ring,
    /// [`InterfaceError::Page`] if the index page has no room for them, or the data ring has fewer
    /// pages.
    pub fn init(page: M, data: M, refs: &[GrantRef]) -> Result<Self, InterfaceError> {
        let pages = refs.len();
        if !pages.is_power_of_two() || pages > Order::MAX.pages() {
            return Err(InterfaceError::Pages { refs: pages });
        }
        let order = Order::at_most(pages.trailing_zeros(), Order::MAX)?;
        room(&data, pages * PAGE)?;
        let (read, write) = places::<P>(order);
        for at in P::ZEROED {
            store(&page, *at, 0)?;
        }
        for (n, gref) in refs.iter().enumerate() {
            store(&page, P::REF.saturating_add(n * 4), gref.get())?;
        }
        store(&page, P::RING_ORDER, order.get())?;
        Ok(Self {
            connection: Connection::init(areas(page, data), read, write)?,
            protocol: PhantomData,
        })
    }

    /// Goes on with rings that are in use, from the indices in the page.
    ///
    /// # Errors
    ///
    /// [`AttachError`] if a memory is too short or the indices can't be right.
    pub fn attach(page: M, data: M, order: Order) -> Result<Self, AttachError> {
        for at in P::ZEROED {
            word(&page, *at)?;
        }
        room(&data, order.pages() * PAGE)?;
        let (read, write) = places::<P>(order);
        Ok(Self {
            connection: Connection::attach(areas(page, data), read, write)?,
            protocol: PhantomData,
        })
    }
}

/// The backend's end: reads `out` and writes `in`.
#[derive(Debug)]
pub struct Back<P, M> {
    connection: Connection<M>,
    protocol: PhantomData<fn() -> P>,
}

end!(Back, "out", "in");

impl<P: Interface, M: SharedMemory> Back<P, M> {
    /// Attaches to rings that a frontend has made, at the indices in the page. The order is what
    /// [`order`] returned when the data ring was mapped: the frontend could have changed it
    /// since.
    ///
    /// # Errors
    ///
    /// [`AttachError`] if a memory is too short or the indices can't be right.
    pub fn attach(page: M, data: M, order: Order) -> Result<Self, AttachError> {
        for at in P::ZEROED {
            word(&page, *at)?;
        }
        room(&data, order.pages() * PAGE)?;
        let (write, read) = places::<P>(order);
        Ok(Self {
            connection: Connection::attach(areas(page, data), read, write)?,
            protocol: PhantomData,
        })
    }
}

impl<M: SharedMemory> Front<Pvcalls, M> {
    /// Why the backend reads no more from the socket: an error number, or 0 as long as it does.
    ///
    /// What was read before is in the ring: it is all there for a [`Reader::unread`] after this.
    pub fn in_error(&self) -> i32 {
        self.error(IN_ERROR)
    }

    /// Why the backend writes no more to the socket: an error number, or 0 as long as it does.
    pub fn out_error(&self) -> i32 {
        self.error(OUT_ERROR)
    }

    fn error(&self, at: usize) -> i32 {
        let page = self.connection.page();
        // SAFETY: `init` and `attach` have checked the words of `ZEROED`, of which this is one.
        let error = unsafe { page.load_u32(at) };
        // The backend's last bytes were there before the error.
        page.rmb();
        error as i32
    }
}

impl<M: SharedMemory> Back<Pvcalls, M> {
    /// Says that no more will be read from the socket, and why: an error number as in C's
    /// `in_error`, where ENOTCONN stands for an orderly end.
    pub fn set_in_error(&mut self, error: i32) -> Notify {
        self.set_error(IN_ERROR, error)
    }

    /// Says that no more will be written to the socket, and why.
    pub fn set_out_error(&mut self, error: i32) -> Notify {
        self.set_error(OUT_ERROR, error)
    }

    fn set_error(&mut self, at: usize, error: i32) -> Notify {
        let page = self.connection.page();
        // Who sees the error also sees all bytes before it.
        page.wmb();
        // SAFETY: `attach` has checked the words of `ZEROED`, of which this is one.
        unsafe { page.store_u32(at, error as u32) };
        Notify::Needed
    }
}
