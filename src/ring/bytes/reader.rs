//! The half that takes bytes out.
#![allow(unsafe_code)]

use super::{Corrupt, Half, Moved, PacketError, pieces};
use crate::ring::{Notify, SharedMemory};

/// The half that takes bytes out of a ring.
///
/// Made by the `reader` and `split` of a connection's end.
#[derive(Debug)]
pub struct Reader<'a, M> {
    // `half.place` passed the check against these memories: a `Connection` lends all three.
    pub(super) page: &'a M,
    pub(super) data: &'a M,
    pub(super) half: &'a mut Half,
}

impl<M: SharedMemory> Reader<'_, M> {
    /// The ring's size in bytes.
    #[inline]
    pub fn size(&self) -> usize {
        self.half.place.size as usize
    }

    /// The number of bytes that wait to be read.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the producer's index can't be right.
    #[inline]
    pub fn unread(&mut self) -> Result<usize, Corrupt> {
        if let Some(corrupt) = self.half.corrupt {
            return Err(corrupt);
        }
        // SAFETY: the check says that the index is aligned and in the page.
        let prod = unsafe { self.page.load_u32(self.half.place.prod) };
        let unread = prod.wrapping_sub(self.half.cons);
        if unread > self.half.place.size || unread < self.half.queued() {
            return Err(self.condemn(prod));
        }
        // The bytes must not be loaded before the index that says they are there.
        self.page.rmb();
        self.half.prod = prod;
        Ok(unread as usize)
    }

    /// Notes that the producer's index can't be right.
    #[cold]
    fn condemn(&mut self, prod: u32) -> Corrupt {
        let corrupt = Corrupt::Producer {
            prod,
            before: self.half.prod,
            cons: self.half.cons,
            size: self.half.place.size,
        };
        self.half.corrupt = Some(corrupt);
        // Nothing that was found before is handed out any more.
        self.half.prod = self.half.cons;
        corrupt
    }

    /// The number of bytes to read. The producer's index is only loaded if `wanted` are not known to
    /// be there.
    #[inline]
    pub(crate) fn unread_for(&mut self, wanted: usize) -> Result<usize, Corrupt> {
        let known = self.half.queued() as usize;
        if (1..=known).contains(&wanted) {
            return Ok(known);
        }
        self.unread()
    }

    /// Copies bytes out from the oldest unread one on. There are at least so many.
    #[inline]
    fn copy(&self, to: &mut [u8]) {
        let place = &self.half.place;
        let (start, first) = pieces(self.half.cons, place.size, to.len());
        let Some((head, tail)) = to.split_at_mut_checked(first) else {
            return;
        };
        // SAFETY: the data area has `size` bytes, and `start + head.len()` is at most `size`.
        unsafe { self.data.read_bytes(place.data + start, head) };
        if !tail.is_empty() && tail.len() <= self.size() {
            // SAFETY: the area has `size` bytes, and that many were just compared with.
            unsafe { self.data.read_bytes(place.data, tail) };
        }
    }

    /// Gives the oldest `bytes` bytes back to the producer. There are at least so many.
    #[inline]
    fn consume(&mut self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        self.half.cons = self.half.cons.wrapping_add(bytes as u32);
        // The producer may overwrite the bytes as soon as it sees the index: they must be loaded.
        self.page.wmb();
        // SAFETY: the check says that the index is aligned and in the page.
        unsafe { self.page.store_u32(self.half.place.cons, self.half.cons) };
    }

    /// Copies bytes to `to` without taking them out of the ring, as many as are there and have room.
    /// Returns how many.
    ///
    /// They can't change between this and the [`read`](Self::read) after it, if the producer is
    /// honest. If it is not they can: decide on one copy.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the producer's index can't be right.
    #[inline]
    pub fn peek(&mut self, to: &mut [u8]) -> Result<usize, Corrupt> {
        let bytes = self.unread_for(to.len())?.min(to.len());
        if let Some(to) = to.get_mut(..bytes) {
            self.copy(to);
        }
        Ok(bytes)
    }

    /// Takes bytes out of the ring, of those that are known to be there.
    #[inline]
    pub(crate) fn read_known(&mut self, to: &mut [u8]) -> usize {
        let bytes = to.len().min(self.half.queued() as usize);
        if let Some(to) = to.get_mut(..bytes) {
            self.copy(to);
            self.consume(bytes);
        }
        bytes
    }

    #[inline]
    fn read_some(&mut self, to: &mut [u8]) -> Result<usize, Corrupt> {
        self.unread_for(to.len())?;
        Ok(self.read_known(to))
    }

    #[inline]
    fn read_all(&mut self, to: &mut [u8]) -> Result<(), PacketError> {
        let (len, size) = (to.len(), self.size());
        if len > size {
            return Err(PacketError::TooLong { len, size });
        }
        let unread = self.unread_for(len)?;
        if len > unread {
            return Err(PacketError::Incomplete { len, unread });
        }
        self.copy(to);
        self.consume(len);
        Ok(())
    }

    /// Takes bytes out of the ring, as many as are there and have room in `to`. Does not wait:
    /// with nothing to read that is 0.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the producer's index can't be right.
    #[inline]
    pub fn read(&mut self, to: &mut [u8]) -> Result<Moved, Corrupt> {
        self.read_some(to).map(Moved::always)
    }

    /// Takes `to.len()` bytes out of the ring, or none.
    ///
    /// # Errors
    ///
    /// [`PacketError::Incomplete`] if fewer are there, [`PacketError::TooLong`] if there never can
    /// be so many, [`PacketError::Corrupt`] if the producer's index can't be right.
    #[doc(alias = "xen_9pfs_read_packet")]
    #[doc(alias = "pvcalls_read_packet")]
    #[doc(alias = "xencons_read_packet")]
    #[inline]
    pub fn read_packet(&mut self, to: &mut [u8]) -> Result<Notify, PacketError> {
        self.read_all(to)?;
        Ok(Moved::always(to.len()).notify)
    }

    /// Takes at most `bytes` bytes out of the ring and forgets them.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the producer's index can't be right.
    #[inline]
    pub fn skip(&mut self, bytes: usize) -> Result<Moved, Corrupt> {
        let bytes = self.unread_for(bytes)?.min(bytes);
        self.consume(bytes);
        Ok(Moved::always(bytes))
    }
}
