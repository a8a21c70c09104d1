//! Structures that are read byte by byte, at the places that the headers of their releases give.
#![allow(unsafe_code)]

use super::caller::{Caller, Refusal};

/// Bytes of a structure.
pub(super) struct Bytes<const N: usize>(pub(super) [u8; N]);

impl<const N: usize> Bytes<N> {
    /// The bytes at an address.
    ///
    /// # Safety
    ///
    /// The address is that of at least so many bytes.
    pub(super) unsafe fn read(address: usize) -> Result<Self, Refusal> {
        // SAFETY: this function's contract.
        unsafe { Caller::<[u8; N]>::new(address) }.get().map(Self)
    }

    /// A byte.
    pub(super) fn u8(&self, at: usize) -> u8 {
        self.0[at]
    }

    fn number(&self, at: usize, length: usize) -> u64 {
        let bytes = self.0[at..at + length].iter().rev();
        bytes.fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    /// A half word.
    pub(super) fn u16(&self, at: usize) -> u16 {
        self.number(at, 2) as u16
    }

    /// A word.
    pub(super) fn u32(&self, at: usize) -> u32 {
        self.number(at, 4) as u32
    }

    /// A long word.
    pub(super) fn u64(&self, at: usize) -> u64 {
        self.number(at, 8)
    }

    /// Changes bytes.
    pub(super) fn put(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }
}
