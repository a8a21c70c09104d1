//! libxenvchan's rings: a stream of bytes between two domains, of which neither needs to be a backend.
//!
//! The *server* makes a page and grants it, with the bytes the other way (`right`) and towards it (`left`)
//! in rings of their own. A ring of 1024 or 2048 bytes lies in the page itself, larger ones in pages
//! whose grants stand in the page ([`Orders`]). The *client* maps all that. Each side has a byte that
//! says whether it is there, and one that says which events it is waiting for.
//!
//! [`Server`] and [`Client`] each read from one ring and write to the other. An end that finds less than it
//! asked for sets its bit and looks again; the other end clears the bit when it has written or read
//! something, and sends an event only if the bit was set. So no wakeup is lost, and few events are sent for
//! nothing: only where the second look found what was asked for. A result says which ([`Notify`]).
//!
//! # Barriers
//!
//! Besides those of [all byte rings](super::bytes):
//!
//! | waits | moves |
//! |---|---|
//! | sets its bit | stores its index |
//! | [`virt_mb`](crate::barrier::virt_mb) | [`virt_mb`](crate::barrier::virt_mb) |
//! | loads the index | takes the bit |
//!
//! One of both sees what the other did. Setting and taking are single operations on memory: with a load
//! and a store, one end could undo what the other did to the byte's other bit in between, and the
//! wakeup would be lost. And as each of both is one operation, weaker barriers would do, too: who comes
//! second to the byte sees all that the other did before. The full ones are C's.
//!
//! Header: `xen/include/public/io/libxenvchan.h`.
#![allow(unsafe_code)]

use core::fmt;
use core::mem::offset_of;

use xen_public::abi::x86_64::io::libxenvchan::{
    VCHAN_NOTIFY_READ, VCHAN_NOTIFY_WRITE, ring_shared, vchan_interface,
};
use xen_public::grant_table::GrantRef;

use super::Notify;
use super::bytes::{Areas, Connection, Place, room};
pub use super::bytes::{AttachError, Corrupt, Moved, PacketError};
use super::memory::{SharedBits, SharedMemory};

#[cfg(test)]
mod tests;

const PAGE: usize = 4096;
/// The order of a page, from which on a ring has pages of its own.
const PAGE_ORDER: u16 = 12;

const LEFT_ORDER: usize = offset_of!(vchan_interface, left_order);
const RIGHT_ORDER: usize = offset_of!(vchan_interface, right_order);
const CLI_LIVE: usize = offset_of!(vchan_interface, cli_live);
const SRV_LIVE: usize = offset_of!(vchan_interface, srv_live);
const CLI_NOTIFY: usize = offset_of!(vchan_interface, cli_notify);
const SRV_NOTIFY: usize = offset_of!(vchan_interface, srv_notify);
const GRANTS: usize = offset_of!(vchan_interface, grants);

/// Waits for bytes to read.
const WRITE: u8 = VCHAN_NOTIFY_WRITE as u8;
/// Waits for room to write.
const READ: u8 = VCHAN_NOTIFY_READ as u8;

/// The sizes of both rings, as exponents of 2, of which 10 to 20 are possible.
///
/// 10 is at offset 1024 of the page, 11 at 2048, so not both can be 10, nor both 11. A larger one has
/// 2^(order - 12) pages, whose grants are in the page, and must leave room for the other ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Orders {
    left: u16,
    right: u16,
}

impl Orders {
    /// The largest order: 2^20 bytes.
    pub const MAX: u16 = 20;

    /// Takes the orders of the ring from client to server, and of that from server to client.
    ///
    /// # Errors
    ///
    /// [`BadOrders`] if no such page can be.
    pub fn new(left: u16, right: u16) -> Result<Self, BadOrders> {
        let orders = Self { left, right };
        let possible = |order| (10..=Self::MAX).contains(&order);
        let apart = left != right || left >= PAGE_ORDER;
        if !possible(left) || !possible(right) || !apart {
            return Err(BadOrders { left, right });
        }
        // The list of grants ends before the first ring in the page.
        let first = match left.min(right) {
            10 => 1024,
            11 => 2048,
            _ => PAGE,
        };
        if GRANTS + 4 * (orders.left_pages() + orders.right_pages()) > first {
            return Err(BadOrders { left, right });
        }
        Ok(orders)
    }

    /// Reads both from the page that a server has made, once. What it needs in pages is then known;
    /// [`grants`] says which.
    ///
    /// # Errors
    ///
    /// [`OrdersError`] if the page is too short, or says what can't be.
    pub fn read(page: &impl SharedMemory) -> Result<Self, OrdersError> {
        room(page, GRANTS).map_err(OrdersError::Page)?;
        // SAFETY: in front of `GRANTS`, which was just found to be in the page; a `uint16_t`.
        let left = unsafe { page.load_u16(LEFT_ORDER) };
        // SAFETY: as above.
        let right = unsafe { page.load_u16(RIGHT_ORDER) };
        Self::new(left, right).map_err(OrdersError::Orders)
    }

    /// The order of the ring from client to server.
    pub const fn left(self) -> u16 {
        self.left
    }

    /// The order of the ring from server to client.
    pub const fn right(self) -> u16 {
        self.right
    }

    /// How many pages of its own the ring from client to server has.
    pub const fn left_pages(self) -> usize {
        pages(self.left)
    }

    /// How many pages of its own the ring from server to client has.
    pub const fn right_pages(self) -> usize {
        pages(self.right)
    }

    /// Where the rings are, left first.
    fn places(self) -> (Place, Place) {
        let place = |order: u16, area, indices| Place {
            cons: indices + offset_of!(ring_shared, cons),
            prod: indices + offset_of!(ring_shared, prod),
            area,
            data: match order {
                10 => 1024,
                11 => 2048,
                _ => 0,
            },
            size: 1 << order.min(Self::MAX),
        };
        (
            place(self.left, 0, offset_of!(vchan_interface, left)),
            place(self.right, 1, offset_of!(vchan_interface, right)),
        )
    }
}

/// The pages of its own of a ring of that order.
const fn pages(order: u16) -> usize {
    if order < PAGE_ORDER {
        return 0;
    }
    1 << (order - PAGE_ORDER)
}

/// Orders that no page can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadOrders {
    /// Of the ring from client to server.
    pub left: u16,
    /// Of the ring from server to client.
    pub right: u16,
}

impl fmt::Display for BadOrders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { left, right } = self;
        write!(f, "no vchan has rings of 2^{left} and 2^{right} bytes")
    }
}

impl core::error::Error for BadOrders {}

/// Why a page has no orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OrdersError {
    /// It is too short.
    Page(AttachError),
    /// They can't be.
    Orders(BadOrders),
}

impl fmt::Display for OrdersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Page(error) => error.fmt(f),
            Self::Orders(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for OrdersError {}

/// The grants in a page, first those of the ring from client to server, then those of the other. Each is
/// read once, when the iterator comes to it.
///
/// # Errors
///
/// [`AttachError`] if the page is too short.
pub fn grants<M: SharedMemory>(
    page: &M,
    orders: Orders,
) -> Result<impl ExactSizeIterator<Item = GrantRef>, AttachError> {
    let count = orders.left_pages() + orders.right_pages();
    room(page, GRANTS + 4 * count)?;
    Ok((0..count).map(move |n| {
        // SAFETY: the page has room for `count` grants from `GRANTS` on, a multiple of 4.
        GrantRef::new(unsafe { page.load_u32(GRANTS + 4 * n) })
    }))
}

/// Why a vchan was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MakeError {
    /// Another number of grants than the rings have pages.
    Grants {
        /// How many were given.
        given: usize,
        /// How many pages there are.
        needed: usize,
    },
    /// A memory is missing or too short.
    Attach(AttachError),
}

impl fmt::Display for MakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grants { given, needed } => {
                write!(f, "{given} grants for rings of {needed} pages")
            }
            Self::Attach(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for MakeError {}

impl From<AttachError> for MakeError {
    fn from(error: AttachError) -> Self {
        Self::Attach(error)
    }
}

/// Whether the other side is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// It has left. What it wrote can still be read.
    Left,
    /// It is connected.
    Connected,
    /// No client has come yet.
    Awaited,
    /// Its byte has a value without a meaning, which C takes for a peer that is there.
    Unknown(u8),
}

impl Peer {
    const fn from_raw(byte: u8) -> Self {
        match byte {
            0 => Self::Left,
            1 => Self::Connected,
            2 => Self::Awaited,
            _ => Self::Unknown(byte),
        }
    }

    /// Whether there is a point in waiting for it.
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::Left)
    }
}

/// The memories as the core has them. A memory that is not needed is not used, and one that is must be
/// there.
fn areas<M: SharedMemory>(
    page: M,
    left: Option<M>,
    right: Option<M>,
    orders: Orders,
) -> Result<Areas<M>, AttachError> {
    room(&page, PAGE)?;
    let area = |memory: Option<M>, pages: usize| match memory {
        _ if pages == 0 => Ok(None),
        Some(memory) => Ok(Some(memory)),
        None => Err(AttachError::TooSmall {
            len: 0,
            needed: pages * PAGE,
        }),
    };
    let left = area(left, orders.left_pages())?;
    let right = area(right, orders.right_pages())?;
    Ok(Areas {
        page,
        others: [left, right],
    })
}

/// What both ends have.
macro_rules! end {
    ($end:ident, mine: $mine:ident, theirs: $theirs:ident, wanted: $wanted:ident, asked: $asked:ident) => {
        impl<M: SharedBits> $end<M> {
            /// Asks for an event when the other end has done that.
            #[inline]
            fn request(&self, bit: u8) {
                let page = self.connection.page();
                // SAFETY: the byte lies in the page, of which there are 4096 bytes: `areas` has looked.
                unsafe { page.fetch_or_u8($asked, bit) };
                // The bit before the index that is looked at next: else both ends could miss what
                // the other stored.
                page.mb();
            }

            /// Whether the other end has asked for an event when we have done that.
            #[inline]
            fn notify(&self, bytes: usize, bit: u8) -> Notify {
                if bytes == 0 {
                    return Notify::Suppressed;
                }
                let page = self.connection.page();
                // The index that was just stored before the bit.
                page.mb();
                // SAFETY: as in `request`.
                let asked = unsafe { page.fetch_and_u8($wanted, !bit) };
                if asked & bit == 0 {
                    return Notify::Suppressed;
                }
                Notify::Needed
            }

            /// The number of bytes that wait to be read. If there are fewer than `wanted`, an event
            /// comes when there are more.
            ///
            /// # Errors
            ///
            /// [`Corrupt`] if the writer's index can't be right.
            #[doc(alias = "libxenvchan_data_ready")]
            #[inline]
            pub fn unread(&mut self, wanted: usize) -> Result<usize, Corrupt> {
                let unread = self.connection.reader().unread_for(wanted)?;
                if unread >= wanted {
                    return Ok(unread);
                }
                self.request(WRITE);
                self.connection.reader().unread()
            }

            /// The number of bytes that can be written. If there are fewer than `wanted`, an event
            /// comes when there are more.
            ///
            /// # Errors
            ///
            /// [`Corrupt`] if the reader's index can't be right.
            #[doc(alias = "libxenvchan_buffer_space")]
            #[inline]
            pub fn free(&mut self, wanted: usize) -> Result<usize, Corrupt> {
                let free = self.connection.writer().free_for(wanted)?;
                if free >= wanted {
                    return Ok(free);
                }
                self.request(READ);
                self.connection.writer().free()
            }

            /// Takes bytes out of the ring, as many as are there and have room in `to`. Does not wait:
            /// with nothing to read that is 0. If `to` is not full, an event comes when there is more.
            ///
            /// # Errors
            ///
            /// [`Corrupt`] if the writer's index can't be right.
            #[doc(alias = "libxenvchan_read")]
            #[inline]
            pub fn read(&mut self, to: &mut [u8]) -> Result<Moved, Corrupt> {
                self.unread(to.len())?;
                let bytes = self.connection.reader().read_known(to);
                let notify = self.notify(bytes, READ);
                Ok(Moved { bytes, notify })
            }

            /// Puts bytes into the ring, as many as there is room for. Does not wait: with no room that
            /// is 0. If not all went in, an event comes when there is room.
            ///
            /// # Errors
            ///
            /// [`Corrupt`] if the reader's index can't be right.
            #[doc(alias = "libxenvchan_write")]
            #[inline]
            pub fn write(&mut self, from: &[u8]) -> Result<Moved, Corrupt> {
                self.free(from.len())?;
                let bytes = self.connection.writer().write_known(from);
                let notify = self.notify(bytes, WRITE);
                Ok(Moved { bytes, notify })
            }

            /// Takes `to.len()` bytes out of the ring, or none.
            ///
            /// # Errors
            ///
            /// [`PacketError::Incomplete`] if fewer are there; an event comes when there are more.
            /// [`PacketError::TooLong`] if there never can be so many, [`PacketError::Corrupt`] if the
            /// writer's index can't be right.
            #[doc(alias = "libxenvchan_recv")]
            #[inline]
            pub fn read_packet(&mut self, to: &mut [u8]) -> Result<Notify, PacketError> {
                let (len, size) = (to.len(), self.connection.reader().size());
                if len > size {
                    return Err(PacketError::TooLong { len, size });
                }
                let unread = self.unread(len)?;
                if len > unread {
                    return Err(PacketError::Incomplete { len, unread });
                }
                let bytes = self.connection.reader().read_known(to);
                Ok(self.notify(bytes, READ))
            }

            /// Puts all of the bytes into the ring, or none.
            ///
            /// # Errors
            ///
            /// [`PacketError::NoRoom`] if there is too little room; an event comes when there is more.
            /// [`PacketError::TooLong`] if there never can be enough, [`PacketError::Corrupt`] if the
            /// reader's index can't be right.
            #[doc(alias = "libxenvchan_send")]
            #[inline]
            pub fn write_packet(&mut self, from: &[u8]) -> Result<Notify, PacketError> {
                let (len, size) = (from.len(), self.connection.writer().size());
                if len > size {
                    return Err(PacketError::TooLong { len, size });
                }
                let free = self.free(len)?;
                if len > free {
                    return Err(PacketError::NoRoom { len, free });
                }
                let bytes = self.connection.writer().write_known(from);
                Ok(self.notify(bytes, WRITE))
            }

            /// Whether the other side is there.
            ///
            /// What it wrote before it left is seen by whoever looks after this.
            #[doc(alias = "libxenvchan_is_open")]
            pub fn peer(&self) -> Peer {
                let page = self.connection.page();
                // SAFETY: as in `request`.
                let byte = unsafe { page.load_u8($theirs) };
                page.rmb();
                Peer::from_raw(byte)
            }

            /// Leaves: the other end finds that we are gone, and needs an event to look. Gives back the
            /// page and the pages of the rings, left first.
            #[doc(alias = "libxenvchan_close")]
            pub fn close(self) -> (M, [Option<M>; 2], Notify) {
                let page = self.connection.page();
                // Who finds us gone finds all that we wrote.
                page.wmb();
                // SAFETY: as in `request`.
                unsafe { page.store_u8($mine, 0) };
                let areas = self.connection.into_areas();
                (areas.page, areas.others, Notify::Needed)
            }
        }
    };
}

/// The server's end: reads `left` and writes `right`.
///
/// ```
/// # use core::ptr::NonNull;
/// use xen_abi::ring::Mapping;
/// use xen_abi::ring::vchan::{Client, Orders, Peer, Server};
///
/// # #[repr(align(4096))]
/// # struct Page([u8; 4096]);
/// # let mut page = Page([0; 4096]);
/// # let base = NonNull::from(&mut page).cast();
/// # // SAFETY: the page outlives the rings and is touched only through mappings.
/// # let map = || unsafe { Mapping::new(base, 4096) };
/// # let (ours, theirs) = (map()?, map()?);
/// let mut server = Server::init(ours, None, None, Orders::new(10, 11)?, &[])?;
/// assert_eq!(server.peer(), Peer::Awaited);
///
/// // In the other domain:
/// let orders = Orders::read(&theirs)?;
/// let (mut client, notify) = Client::attach(theirs, None, None, orders)?;
/// assert!(notify.is_needed()); // wake up the server
/// assert!(client.write(b"ping")?.notify.is_needed()); // and again
///
/// let mut ping = [0; 4];
/// // Nobody waits for room in the ring.
/// assert!(!server.read_packet(&mut ping)?.is_needed());
/// assert_eq!((&ping, server.peer()), (b"ping", Peer::Connected));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
///
/// Header: `xen/include/public/io/libxenvchan.h` (`struct vchan_interface`).
#[doc(alias = "vchan_interface")]
#[doc(alias = "libxenvchan")]
#[derive(Debug)]
pub struct Server<M> {
    connection: Connection<M>,
}

end!(Server, mine: SRV_LIVE, theirs: CLI_LIVE, wanted: SRV_NOTIFY, asked: CLI_NOTIFY);

impl<M: SharedBits> Server<M> {
    /// Makes a vchan with empty rings in a page, which no client uses yet. A ring of 4096 bytes or more
    /// has a memory of its own, `left` or `right`; the grants of its pages are written to the page,
    /// those of `left` first.
    ///
    /// # Errors
    ///
    /// [`MakeError`] if there are more or fewer grants than pages, or a memory is missing or too short.
    #[doc(alias = "libxenvchan_server_init")]
    pub fn init(
        page: M,
        left: Option<M>,
        right: Option<M>,
        orders: Orders,
        grants: &[GrantRef],
    ) -> Result<Self, MakeError> {
        let needed = orders.left_pages() + orders.right_pages();
        let given = grants.len();
        if given != needed {
            return Err(MakeError::Grants { given, needed });
        }
        let (left_place, right_place) = orders.places();
        let areas = areas(page, left, right, orders)?;
        let connection = Connection::init(areas, left_place, right_place)?;
        let page = connection.page();
        for (n, gref) in grants.iter().enumerate() {
            // SAFETY: `Orders` has seen to it that so many grants fit in a page, of which `areas` has
            // found all bytes; `GRANTS` is a multiple of 4.
            unsafe { page.store_u32(GRANTS + 4 * n, gref.get()) };
        }
        for (at, order) in [(LEFT_ORDER, orders.left), (RIGHT_ORDER, orders.right)] {
            // SAFETY: members of the interface, in the page; each is a `uint16_t`.
            unsafe { page.store_u16(at, order) };
        }
        // A client that comes wakes us, and so does its first write.
        for (at, byte) in [
            (CLI_LIVE, 2),
            (SRV_LIVE, 1),
            (CLI_NOTIFY, WRITE),
            (SRV_NOTIFY, 0),
        ] {
            // SAFETY: as above; each is a `uint8_t`.
            unsafe { page.store_u8(at, byte) };
        }
        Ok(Self { connection })
    }
}

/// The client's end: reads `right` and writes `left`.
#[doc(alias = "vchan_interface")]
#[doc(alias = "libxenvchan")]
#[derive(Debug)]
pub struct Client<M> {
    connection: Connection<M>,
}

end!(Client, mine: CLI_LIVE, theirs: SRV_LIVE, wanted: CLI_NOTIFY, asked: SRV_NOTIFY);

impl<M: SharedBits> Client<M> {
    /// Attaches to a vchan that a server has made, with the orders that were [read](Orders::read) when
    /// its pages were mapped: the server could have changed them since. The server needs an
    /// event to find out.
    ///
    /// # Errors
    ///
    /// [`AttachError`] if a memory is missing or too short, or the indices can't be right.
    #[doc(alias = "libxenvchan_client_init")]
    pub fn attach(
        page: M,
        left: Option<M>,
        right: Option<M>,
        orders: Orders,
    ) -> Result<(Self, Notify), AttachError> {
        let (left_place, right_place) = orders.places();
        let areas = areas(page, left, right, orders)?;
        let connection = Connection::attach(areas, right_place, left_place)?;
        for (at, byte) in [(SRV_NOTIFY, WRITE), (CLI_LIVE, 1)] {
            // SAFETY: members of the interface, in the page, of which `areas` has found all bytes.
            unsafe { connection.page().store_u8(at, byte) };
        }
        Ok((Self { connection }, Notify::Needed))
    }
}
