//! Byte rings: the one core of [flex](super::flex), [console](super::console),
//! [xenstore](super::xenstore) and [vchan](super::vchan) rings.
//!
//! A byte ring carries bytes in one direction. It has two indices, which count the bytes produced and
//! consumed modulo 2^32, and a data area whose size is a power of two: the byte with the number `n`
//! lies at `n` modulo the size. Two of them make a connection. The protocols differ in where all that
//! lies and when the other end is notified; how bytes are moved is here, in [`Reader`] and
//! [`Writer`], the halves of a connection's end.
//!
//! # What is believed
//!
//! Our own index is kept in private memory and only ever written to the page. The peer's index
//! is loaded once and checked: it can't be more than the size ahead or behind, and it can't go back.
//! If it does, the half returns [`Corrupt`] now and for ever. Bytes are copied between the page and
//! private buffers, each once; what they mean is decided on the copy.
//!
//! # Barriers
//!
//! | who | first | barrier | then |
//! |---|---|---|---|
//! | reader | loads `prod` | [`virt_rmb`](crate::barrier::virt_rmb) | loads data |
//! | reader | loads data | [`virt_wmb`](crate::barrier::virt_wmb) | stores `cons` |
//! | writer | loads `cons` | [`virt_rmb`](crate::barrier::virt_rmb) | stores data |
//! | writer | stores data | [`virt_wmb`](crate::barrier::virt_wmb) | stores `prod` |
//!
//! The second one is often written as a full barrier. It need not be one: all it has to prevent is
//! that a load of data happens after the store that gives the bytes back, and no *load* after that
//! store is part of it. The third has no other guarantee either: that a store comes after a load on whose result it
//! depends is true of processors, but not of compilers. Only a protocol in which the peer says whether
//! it wants to be notified, as vchan's does, needs a full barrier as well.
//!
//! The peer's index is loaded again only when what is known of it is not enough, so small reads and writes
//! leave its cache line alone.
#![allow(unsafe_code)]

/// What every end has: its two halves, over a field `connection`.
macro_rules! halves {
    ($reads:literal, $writes:literal) => {
        #[doc = concat!("The half that reads `", $reads, "`.")]
        #[inline]
        pub fn reader(&mut self) -> Reader<'_, M> {
            self.connection.reader()
        }

        #[doc = concat!("The half that writes `", $writes, "`.")]
        #[inline]
        pub fn writer(&mut self) -> Writer<'_, M> {
            self.connection.writer()
        }

        /// Both halves at once, which can be used by two threads.
        #[inline]
        pub fn split(&mut self) -> (Reader<'_, M>, Writer<'_, M>) {
            self.connection.split()
        }
    };
}
pub(super) use halves;

mod error;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

use super::Notify;
use super::memory::SharedMemory;

pub use error::{AttachError, Corrupt, PacketError};
pub use reader::Reader;
pub use writer::Writer;

/// How much was moved, and whether the other end has to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the other end may sleep until it is notified"]
pub struct Moved {
    /// How many bytes.
    pub bytes: usize,
    /// Whether an event must be sent.
    pub notify: Notify,
}

impl Moved {
    /// In protocols that notify of every change.
    #[inline]
    fn always(bytes: usize) -> Self {
        let notify = if bytes == 0 {
            Notify::Suppressed
        } else {
            Notify::Needed
        };
        Self { bytes, notify }
    }
}

/// Where one byte ring lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Offset of the consumer index in the index page.
    pub(crate) cons: usize,
    /// Offset of the producer index in the index page.
    pub(crate) prod: usize,
    /// Which of [`Areas`] the data is in.
    pub(crate) area: usize,
    /// Offset of the data there.
    pub(crate) data: usize,
    /// Bytes of data.
    pub(crate) size: u32,
}

/// The memories of a connection: the page with the indices, and others for data. Data whose area is
/// not there is in the page.
#[derive(Debug)]
pub(crate) struct Areas<M> {
    pub(crate) page: M,
    pub(crate) others: [Option<M>; 2],
}

impl<M: SharedMemory> Areas<M> {
    /// The memory that holds the data of a ring.
    #[inline]
    fn data(&self, area: usize) -> &M {
        match self.others.get(area) {
            Some(Some(memory)) => memory,
            _ => &self.page,
        }
    }

    /// Whether everything that `place` names is there: what all accesses rely on.
    fn check(&self, place: &Place) -> Result<(), AttachError> {
        for index in [place.cons, place.prod] {
            if index % 4 != 0 {
                return Err(AttachError::Impossible { value: index });
            }
            room(&self.page, index.saturating_add(4))?;
        }
        let size = place.size as usize;
        if !size.is_power_of_two() {
            return Err(AttachError::Impossible { value: size });
        }
        room(self.data(place.area), place.data.saturating_add(size))
    }
}

/// Whether a memory has so many bytes.
pub(crate) fn room(memory: &impl SharedMemory, needed: usize) -> Result<(), AttachError> {
    let len = memory.len();
    if len < needed {
        return Err(AttachError::TooSmall { len, needed });
    }
    Ok(())
}

/// What one half knows: both indices, ours and the last one of the peer that was found right.
#[derive(Debug)]
struct Half {
    place: Place,
    cons: u32,
    prod: u32,
    corrupt: Option<Corrupt>,
}

impl Half {
    /// The bytes that are produced and not consumed, as far as known. At most the size.
    #[inline]
    fn queued(&self) -> u32 {
        self.prod.wrapping_sub(self.cons)
    }
}

/// Both halves of one end, with its memories.
#[derive(Debug)]
pub(crate) struct Connection<M> {
    // The places of `reading` and `writing` passed the check of `areas`, which do not change.
    areas: Areas<M>,
    reading: Half,
    writing: Half,
}

impl<M: SharedMemory> Connection<M> {
    /// Goes on with rings whose indices are in the page, wherever they are by now.
    pub(crate) fn attach(areas: Areas<M>, read: Place, write: Place) -> Result<Self, AttachError> {
        areas.check(&read)?;
        areas.check(&write)?;
        let load = |at| {
            // SAFETY: the check says that an index at this offset is aligned and in the page.
            unsafe { areas.page.load_u32(at) }
        };
        let half = |place: Place| Half {
            place,
            cons: load(place.cons),
            prod: load(place.prod),
            corrupt: None,
        };
        let (reading, writing) = (half(read), half(write));
        let (size, prod, cons) = (read.size, reading.prod, reading.cons);
        if reading.queued() > size {
            let before = prod;
            Err(Corrupt::Producer {
                prod,
                before,
                cons,
                size,
            })?;
        }
        let (size, prod, cons) = (write.size, writing.prod, writing.cons);
        if writing.queued() > size {
            let before = cons;
            Err(Corrupt::Consumer {
                cons,
                before,
                prod,
                size,
            })?;
        }
        // The bytes that `reading` says are there must not be loaded before it, and those that
        // `writing` says are free must not be stored before it.
        areas.page.rmb();
        Ok(Self {
            areas,
            reading,
            writing,
        })
    }

    /// Empties both rings, with all indices zero, and attaches.
    pub(crate) fn init(areas: Areas<M>, read: Place, write: Place) -> Result<Self, AttachError> {
        areas.check(&read)?;
        areas.check(&write)?;
        let half = |place| Half {
            place,
            cons: 0,
            prod: 0,
            corrupt: None,
        };
        let mut connection = Self {
            reading: half(read),
            writing: half(write),
            areas,
        };
        connection.reset();
        Ok(connection)
    }

    /// Empties both rings, with all indices zero.
    pub(crate) fn reset(&mut self) {
        for half in [&mut self.reading, &mut self.writing] {
            (half.cons, half.prod, half.corrupt) = (0, 0, None);
            for at in [half.place.cons, half.place.prod] {
                // SAFETY: the check says that an index at this offset is aligned and in the page.
                unsafe { self.areas.page.store_u32(at, 0) };
            }
        }
    }

    /// The page with the indices.
    #[inline]
    pub(crate) fn page(&self) -> &M {
        &self.areas.page
    }

    /// The memories.
    pub(crate) fn into_areas(self) -> Areas<M> {
        self.areas
    }

    #[inline]
    pub(crate) fn reader(&mut self) -> Reader<'_, M> {
        self.split().0
    }

    #[inline]
    pub(crate) fn writer(&mut self) -> Writer<'_, M> {
        self.split().1
    }

    #[inline]
    pub(crate) fn split(&mut self) -> (Reader<'_, M>, Writer<'_, M>) {
        let reader = Reader {
            page: &self.areas.page,
            data: self.areas.data(self.reading.place.area),
            half: &mut self.reading,
        };
        let writer = Writer {
            page: &self.areas.page,
            data: self.areas.data(self.writing.place.area),
            half: &mut self.writing,
        };
        (reader, writer)
    }
}

/// The two pieces of a span of `len` bytes from the byte with the number `index`: where the first
/// begins, and how long it is before the span goes on at the beginning of the ring.
#[inline]
fn pieces(index: u32, size: u32, len: usize) -> (usize, usize) {
    let start = (index & size.wrapping_sub(1)) as usize;
    (start, len.min(size as usize - start))
}
