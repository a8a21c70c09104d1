//! The half that puts bytes in.
#![allow(unsafe_code)]

use super::{Corrupt, Half, Moved, PacketError, pieces};
use crate::ring::{Notify, SharedMemory};

/// The half that puts bytes into a ring.
///
/// Made by the `writer` and `split` of a connection's end.
#[derive(Debug)]
pub struct Writer<'a, M> {
    // `half.place` passed the check against these memories: a `Connection` lends all three.
    pub(super) page: &'a M,
    pub(super) data: &'a M,
    pub(super) half: &'a mut Half,
}

impl<M: SharedMemory> Writer<'_, M> {
    /// The ring's size in bytes.
    #[inline]
    pub fn size(&self) -> usize {
        self.half.place.size as usize
    }

    /// The number of bytes that can be written.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the consumer's index can't be right.
    #[inline]
    pub fn free(&mut self) -> Result<usize, Corrupt> {
        if let Some(corrupt) = self.half.corrupt {
            return Err(corrupt);
        }
        // SAFETY: the check says that the index is aligned and in the page.
        let cons = unsafe { self.page.load_u32(self.half.place.cons) };
        let queued = self.half.prod.wrapping_sub(cons);
        // What was consumed stays consumed, so no more can be queued than was known to be.
        if queued > self.half.queued() {
            return Err(self.condemn(cons));
        }
        // The bytes must not be overwritten before the index that says they are free.
        self.page.rmb();
        self.half.cons = cons;
        Ok(self.known_free())
    }

    /// Notes that the consumer's index can't be right.
    #[cold]
    fn condemn(&mut self, cons: u32) -> Corrupt {
        let corrupt = Corrupt::Consumer {
            cons,
            before: self.half.cons,
            prod: self.half.prod,
            size: self.half.place.size,
        };
        self.half.corrupt = Some(corrupt);
        // As if it were full: nothing more is written.
        self.half.cons = self.half.prod.wrapping_sub(self.half.place.size);
        corrupt
    }

    #[inline]
    fn known_free(&self) -> usize {
        self.size().saturating_sub(self.half.queued() as usize)
    }

    /// The number of bytes that can be written. The consumer's index is only loaded if `wanted` are
    /// not known to be free.
    #[inline]
    pub(crate) fn free_for(&mut self, wanted: usize) -> Result<usize, Corrupt> {
        let known = self.known_free();
        if (1..=known).contains(&wanted) {
            return Ok(known);
        }
        self.free()
    }

    /// Copies bytes in, from the byte `offset` after the newest one on. There is room for them.
    #[inline]
    fn copy(&self, offset: usize, from: &[u8]) {
        let place = &self.half.place;
        let index = self.half.prod.wrapping_add(offset as u32);
        let (start, first) = pieces(index, place.size, from.len());
        let Some((head, tail)) = from.split_at_checked(first) else {
            return;
        };
        // SAFETY: the data area has `size` bytes, and `start + head.len()` is at most `size`.
        unsafe { self.data.write_bytes(place.data + start, head) };
        if !tail.is_empty() && tail.len() <= self.size() {
            // SAFETY: the area has `size` bytes, and that many were just compared with.
            unsafe { self.data.write_bytes(place.data, tail) };
        }
    }

    /// Hands `bytes` bytes that were copied in to the consumer.
    #[inline]
    fn produce(&mut self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        self.half.prod = self.half.prod.wrapping_add(bytes as u32);
        // The consumer loads the bytes as soon as it sees the index: they must be stored.
        self.page.wmb();
        // SAFETY: the check says that the index is aligned and in the page.
        unsafe { self.page.store_u32(self.half.place.prod, self.half.prod) };
    }

    /// Puts bytes into the ring, where it is known to have room.
    #[inline]
    pub(crate) fn write_known(&mut self, from: &[u8]) -> usize {
        let bytes = from.len().min(self.known_free());
        if let Some(from) = from.get(..bytes) {
            self.copy(0, from);
            self.produce(bytes);
        }
        bytes
    }

    #[inline]
    fn write_some(&mut self, from: &[u8]) -> Result<usize, Corrupt> {
        self.free_for(from.len())?;
        Ok(self.write_known(from))
    }

    #[inline]
    fn write_all(&mut self, parts: &[&[u8]]) -> Result<usize, PacketError> {
        let size = self.size();
        let len = parts
            .iter()
            .fold(0, |len: usize, part| len.saturating_add(part.len()));
        if len > size {
            return Err(PacketError::TooLong { len, size });
        }
        let free = self.free_for(len)?;
        if len > free {
            return Err(PacketError::NoRoom { len, free });
        }
        let mut offset = 0;
        for part in parts {
            self.copy(offset, part);
            offset += part.len();
        }
        self.produce(len);
        Ok(len)
    }

    /// Puts bytes into the ring, as many as there is room for. Does not wait: with no room that is 0.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the consumer's index can't be right.
    #[inline]
    pub fn write(&mut self, from: &[u8]) -> Result<Moved, Corrupt> {
        self.write_some(from).map(Moved::always)
    }

    /// Puts all of the bytes into the ring, or none. The reader sees them all at once.
    ///
    /// # Errors
    ///
    /// [`PacketError::NoRoom`] if there is too little room, [`PacketError::TooLong`] if there never
    /// can be enough, [`PacketError::Corrupt`] if the consumer's index can't be right.
    #[doc(alias = "xen_9pfs_write_packet")]
    #[doc(alias = "pvcalls_write_packet")]
    #[doc(alias = "xencons_write_packet")]
    #[inline]
    pub fn write_packet(&mut self, from: &[u8]) -> Result<Notify, PacketError> {
        self.write_parts(&[from])
    }

    /// Puts all of the parts into the ring, one after the other, or none: a packet whose header and
    /// payload lie in different places.
    ///
    /// # Errors
    ///
    /// As for [`write_packet`](Self::write_packet).
    #[inline]
    pub fn write_parts(&mut self, parts: &[&[u8]]) -> Result<Notify, PacketError> {
        Ok(Moved::always(self.write_all(parts)?).notify)
    }
}
