//! The xenstore ring: a guest's bytes to the xenstore server and back, 1024 each way.
//!
//! Both directions are in one page, with the words of two features that a server may
//! [offer](Features). The guest is the [`Client`]: it writes `req` and reads `rsp`. Whoever changed an
//! index notifies the other end; what comes back says so. What the bytes mean is a matter of messages with a
//! `struct xsd_sockmsg` in front ([`Reader::peek`] and [`Writer::write_parts`] serve well there).
//!
//! # Reconnecting
//!
//! With [`Features::RECONNECTION`] the guest can ask for a ring as good as new:
//!
//! | guest | server |
//! |---|---|
//! | [`Client::reconnect`]: stores `connection` = 1, notifies | |
//! | holds a [`Waiting`], which looks at nothing else | [`Server::reconnect_requested`] |
//! | | forgets messages, watches and transactions |
//! | | [`Server::reset`]: empties the rings, stores `connection` = 0, notifies |
//! | [`Waiting::poll`]: a [`Client`] that starts anew | |
//!
//! A guest can also find `connection` = 1 when it starts, because whoever built it got there before the
//! server did. So [`Client::attach`] answers with one of the two, [`Attached`].
//!
//! # Errors
//!
//! With [`Features::ERROR`] a server that gives up on a guest says why ([`ServerError`]), and does
//! nothing more for it, unless a reconnection helps.
//!
//! Header: `xen/include/public/io/xs_wire.h`; the protocol is described in
//! `docs/misc/xenstore-ring.txt`.
#![allow(unsafe_code)]

use core::fmt;
use core::mem::offset_of;

use xen_public::abi::x86_64::io::xs_wire::{
    XENSTORE_CONNECTED, XENSTORE_ERROR_COMM, XENSTORE_ERROR_NONE, XENSTORE_ERROR_PROTO,
    XENSTORE_ERROR_RINGIDX, XENSTORE_RECONNECT, XENSTORE_RING_SIZE, XENSTORE_SERVER_FEATURE_ERROR,
    XENSTORE_SERVER_FEATURE_RECONNECTION, xenstore_domain_interface,
};

use super::Notify;
use super::bytes::{Areas, Connection, Place, halves, room};
pub use super::bytes::{AttachError, Corrupt, Moved, PacketError, Reader, Writer};
use super::memory::SharedMemory;

#[cfg(test)]
mod tests;

const REQ: Place = Place {
    cons: offset_of!(xenstore_domain_interface, req_cons),
    prod: offset_of!(xenstore_domain_interface, req_prod),
    area: 0,
    data: offset_of!(xenstore_domain_interface, req),
    size: XENSTORE_RING_SIZE as u32,
};

const RSP: Place = Place {
    cons: offset_of!(xenstore_domain_interface, rsp_cons),
    prod: offset_of!(xenstore_domain_interface, rsp_prod),
    area: 0,
    data: offset_of!(xenstore_domain_interface, rsp),
    size: XENSTORE_RING_SIZE as u32,
};

/// The words behind the indices.
#[derive(Clone, Copy)]
#[repr(usize)]
enum Word {
    Features = offset_of!(xenstore_domain_interface, server_features),
    Connection = offset_of!(xenstore_domain_interface, connection),
    Error = offset_of!(xenstore_domain_interface, error),
}

/// A page that has room for the whole interface.
#[derive(Debug)]
struct Page<M>(M);

impl<M: SharedMemory> Page<M> {
    fn new(memory: M) -> Result<Self, AttachError> {
        room(&memory, size_of::<xenstore_domain_interface>())?;
        Ok(Self(memory))
    }

    fn load(&self, word: Word) -> u32 {
        // SAFETY: a member of the interface, for which `new` found room; it is a `uint32_t`.
        unsafe { self.0.load_u32(word as usize) }
    }

    fn store(&self, word: Word, value: u32) {
        // SAFETY: as in `load`.
        unsafe { self.0.store_u32(word as usize, value) };
    }

    fn features(&self) -> Features {
        Features(self.load(Word::Features))
    }

    /// The page, as the core has memories.
    fn areas(self) -> Areas<M> {
        Areas {
            page: self.0,
            others: [None, None],
        }
    }
}

/// What a server offers, in the word `server_features`. Bits are set at any time and never cleared; a
/// guest ignores those it does not know.
#[doc(alias = "server_features")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Features(u32);

impl Features {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// A ring can be reset: [`Client::reconnect`].
    #[doc(alias = "XENSTORE_SERVER_FEATURE_RECONNECTION")]
    pub const RECONNECTION: Self = Self(XENSTORE_SERVER_FEATURE_RECONNECTION as u32);
    /// The server says why it stopped: [`Client::error`].
    #[doc(alias = "XENSTORE_SERVER_FEATURE_ERROR")]
    pub const ERROR: Self = Self(XENSTORE_SERVER_FEATURE_ERROR as u32);

    /// The features of these bits.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The bits.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether all of `features` are among these.
    pub const fn contains(self, features: Self) -> bool {
        self.0 & features.0 == features.0
    }
}

impl core::ops::BitOr for Features {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Why a server does nothing more for a guest, from the word `error`. It is for diagnosis only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerError {
    /// The event channel does not work.
    #[doc(alias = "XENSTORE_ERROR_COMM")]
    Communication,
    /// An index could not be right.
    #[doc(alias = "XENSTORE_ERROR_RINGIDX")]
    RingIndex,
    /// A message broke the protocol, by its length for instance.
    #[doc(alias = "XENSTORE_ERROR_PROTO")]
    Protocol,
    /// Something that came later than this crate.
    Other(u32),
}

impl ServerError {
    /// The error of a word, of which 0 is none.
    pub const fn from_raw(word: u32) -> Option<Self> {
        match word as i32 {
            XENSTORE_ERROR_NONE => None,
            XENSTORE_ERROR_COMM => Some(Self::Communication),
            XENSTORE_ERROR_RINGIDX => Some(Self::RingIndex),
            XENSTORE_ERROR_PROTO => Some(Self::Protocol),
            _ => Some(Self::Other(word)),
        }
    }

    /// The word.
    pub const fn raw(self) -> u32 {
        match self {
            Self::Communication => XENSTORE_ERROR_COMM as u32,
            Self::RingIndex => XENSTORE_ERROR_RINGIDX as u32,
            Self::Protocol => XENSTORE_ERROR_PROTO as u32,
            Self::Other(word) => word,
        }
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the xenstore server stopped: ")?;
        match self {
            Self::Communication => f.write_str("it can't reach the guest"),
            Self::RingIndex => f.write_str("an index of the ring was wrong"),
            Self::Protocol => f.write_str("a message broke the protocol"),
            Self::Other(word) => write!(f, "error {word}"),
        }
    }
}

impl core::error::Error for ServerError {}

/// What a guest finds in the page.
#[derive(Debug)]
pub enum Attached<M> {
    /// A ring to use.
    #[doc(alias = "XENSTORE_CONNECTED")]
    Connected(Client<M>),
    /// A ring that the server has yet to reset.
    #[doc(alias = "XENSTORE_RECONNECT")]
    Reconnecting(Waiting<M>),
}

impl<M> Attached<M> {
    /// The ring, if there is one to use.
    pub fn connected(self) -> Option<Client<M>> {
        match self {
            Self::Connected(client) => Some(client),
            Self::Reconnecting(_) => None,
        }
    }
}

/// A guest's end that waits for the server to reset the ring. Nothing in the page but the word
/// `connection` means anything until then.
#[derive(Debug)]
#[must_use = "the ring can be used once the server has reset it"]
pub struct Waiting<M> {
    page: Page<M>,
}

impl<M: SharedMemory> Waiting<M> {
    /// Looks whether the server is done. To be called after each event.
    ///
    /// # Errors
    ///
    /// [`AttachError`] if the server left indices that can't be right.
    pub fn poll(self) -> Result<Attached<M>, AttachError> {
        Client::attach(self.page.0)
    }

    /// Gives up and gives back the page.
    pub fn into_memory(self) -> M {
        self.page.0
    }
}

/// The guest's end: reads `rsp` and writes `req`.
///
/// ```
/// # use core::ptr::NonNull;
/// use xen_abi::ring::Mapping;
/// use xen_abi::ring::xenstore::{Attached, Client, Features, Server};
///
/// # #[repr(align(4096))]
/// # struct Page([u8; 4096]);
/// # let mut page = Page([0; 4096]);
/// # let base = NonNull::from(&mut page).cast();
/// # // SAFETY: the page outlives the rings and is touched only through mappings.
/// # let map = || unsafe { Mapping::new(base, 4096) };
/// # let (ours, theirs) = (map()?, map()?);
/// let (mut server, notify) = Server::init(theirs, Features::RECONNECTION)?;
/// assert!(notify.is_needed()); // now send an event to the guest's port
/// let Attached::Connected(mut client) = Client::attach(ours)? else {
///     return Err("not yet reset".into());
/// };
/// let (header, path) = ([0; 16], b"domid\0");
/// assert!(client.writer().write_parts(&[&header, path])?.is_needed());
/// assert_eq!(server.reader().unread()?, 22);
///
/// // A new start, after kexec for instance.
/// let Ok((waiting, notify)) = client.reconnect() else {
///     return Err("the server does not offer it".into());
/// };
/// assert!(notify.is_needed());
/// assert!(server.reconnect_requested());
/// assert!(server.reset().is_needed());
/// let mut client = waiting.poll()?.connected().ok_or("not yet reset")?;
/// assert_eq!(client.writer().free()?, 1024);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
///
/// Header: `xen/include/public/io/xs_wire.h` (`struct xenstore_domain_interface`).
#[doc(alias = "xenstore_domain_interface")]
#[derive(Debug)]
pub struct Client<M> {
    connection: Connection<M>,
}

impl<M: SharedMemory> Client<M> {
    /// Attaches to the ring in a page, at whatever indices it has.
    ///
    /// # Errors
    ///
    /// [`AttachError`] if the page is too short or the indices can't be right.
    pub fn attach(memory: M) -> Result<Attached<M>, AttachError> {
        let page = Page::new(memory)?;
        if page.load(Word::Connection) != XENSTORE_CONNECTED as u32 {
            return Ok(Attached::Reconnecting(Waiting { page }));
        }
        // The server resets the indices before it says so.
        page.0.rmb();
        let connection = Connection::attach(page.areas(), RSP, REQ)?;
        Ok(Attached::Connected(Self { connection }))
    }

    /// Asks the server to reset the ring. All requests, watches and transactions are gone, and so is
    /// what is unread. Works for a ring that returns [`Corrupt`], too.
    ///
    /// # Errors
    ///
    /// The same end, if the server does not offer this.
    #[allow(clippy::result_large_err)] // The error is what was given.
    pub fn reconnect(self) -> Result<(Waiting<M>, Notify), Self> {
        if !self.features().contains(Features::RECONNECTION) {
            return Err(self);
        }
        let page = Page(self.into_memory());
        // Our last stores of indices must not arrive behind the zeros that the server stores once it
        // sees the word.
        page.0.wmb();
        page.store(Word::Connection, XENSTORE_RECONNECT as u32);
        Ok((Waiting { page }, Notify::Needed))
    }

    /// What the server offers by now.
    pub fn features(&self) -> Features {
        self.page().features()
    }

    /// Why the server does nothing more for us, if it says so.
    pub fn error(&self) -> Option<ServerError> {
        // Without the feature the word is not defined.
        if !self.features().contains(Features::ERROR) {
            return None;
        }
        ServerError::from_raw(self.page().load(Word::Error))
    }

    halves!("rsp", "req");

    /// Lets go of the ring and gives back the page.
    pub fn into_memory(self) -> M {
        self.connection.into_areas().page
    }

    /// The page, in which `attach` found room.
    fn page(&self) -> Page<&M> {
        Page(self.connection.page())
    }
}

/// The server's end: reads `req` and writes `rsp`.
#[doc(alias = "xenstore_domain_interface")]
#[derive(Debug)]
pub struct Server<M> {
    connection: Connection<M>,
    /// What is offered: our own copy of the word, which the guest could change.
    features: Features,
}

impl<M: SharedMemory> Server<M> {
    /// Makes an empty ring in a page, with these features, no error and no reconnection under way. The
    /// guest must not be using it yet, but it may be [waiting](Waiting) already, so it is to be
    /// notified.
    ///
    /// # Errors
    ///
    /// [`AttachError`] if the page is too short.
    pub fn init(memory: M, features: Features) -> Result<(Self, Notify), AttachError> {
        let page = Page::new(memory)?;
        page.store(Word::Features, features.0);
        let connection = Connection::init(page.areas(), REQ, RSP)?;
        let mut server = Self {
            connection,
            features,
        };
        let notify = server.reset();
        Ok((server, notify))
    }

    /// Attaches to a ring that is in use, as after a restart of the server. What is offered is taken
    /// from the page, where the guest could have changed it: [offer](Self::offer) it all once more.
    ///
    /// # Errors
    ///
    /// [`AttachError`] if the page is too short or the indices can't be right.
    pub fn attach(memory: M) -> Result<Self, AttachError> {
        let page = Page::new(memory)?;
        let features = page.features();
        let connection = Connection::attach(page.areas(), REQ, RSP)?;
        Ok(Self {
            connection,
            features,
        })
    }

    /// Offers more features. What was offered stays, whatever the guest wrote there.
    pub fn offer(&mut self, features: Features) {
        self.features = self.features | features;
        self.page().store(Word::Features, self.features.0);
    }

    /// Whether the guest asks for a reset.
    pub fn reconnect_requested(&self) -> bool {
        let page = self.page();
        let requested = page.load(Word::Connection) == XENSTORE_RECONNECT as u32;
        // What the guest did with the ring it did before.
        page.0.rmb();
        requested
    }

    /// Empties both directions, clears the error, and tells the guest that it is connected. Messages,
    /// watches and transactions have to be forgotten before. Works for a ring that returns [`Corrupt`], too.
    pub fn reset(&mut self) -> Notify {
        self.connection.reset();
        let page = self.page();
        page.store(Word::Error, XENSTORE_ERROR_NONE as u32);
        // The guest looks at nothing before it sees the last word.
        page.0.wmb();
        page.store(Word::Connection, XENSTORE_CONNECTED as u32);
        Notify::Needed
    }

    /// Tells the guest that nothing more will be done for it, and why. Means something to it only
    /// if [`Features::ERROR`] is offered.
    pub fn set_error(&mut self, error: ServerError) -> Notify {
        self.page().store(Word::Error, error.raw());
        Notify::Needed
    }

    halves!("req", "rsp");

    /// Lets go of the ring and gives back the page.
    pub fn into_memory(self) -> M {
        self.connection.into_areas().page
    }

    /// The page, in which `init` or `attach` found room.
    fn page(&self) -> Page<&M> {
        Page(self.connection.page())
    }
}
