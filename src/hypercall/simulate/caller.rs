//! The memory of the caller's that a call's arguments point at.
//!
//! A simulated hypervisor runs in the same address space as its guest and cannot ask page tables
//! what is there. It refuses what cannot be memory, address 0 and ranges that wrap around, and
//! relies on the contract of [`Conduit::hypercall`](crate::hypercall::Conduit::hypercall) for the
//! rest.
#![allow(unsafe_code)]

use core::marker::PhantomData;

use xen_public::handle::{Handle32, Handle64};

use crate::hypercall::Errno;

/// Why a call gives no result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refusal {
    /// Xen's error.
    Errno(Errno),
    /// An address that cannot be memory: EFAULT, and a test hears of it.
    BadPointer(usize),
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

/// What a call answers: 0 or more, or an error.
pub(super) type Answer = Result<usize, Refusal>;

/// An error as an answer.
pub(super) const fn refuse<T>(errno: Errno) -> Result<T, Refusal> {
    Err(Refusal::Errno(errno))
}

/// A word of the guest's, whose width depends on the ABI.
pub(super) fn wide(value: impl Into<u64>) -> u64 {
    value.into()
}

/// `count` values of the caller's that a call reads or writes.
pub(super) struct Caller<T> {
    address: usize,
    count: usize,
    values: PhantomData<*mut T>,
}

impl<T: Copy> Caller<T> {
    /// One value at an address.
    ///
    /// # Safety
    ///
    /// As for [`Self::array`] with a count of 1.
    pub(super) unsafe fn new(address: usize) -> Self {
        Self {
            address,
            count: 1,
            values: PhantomData,
        }
    }

    /// `count` values at an address.
    ///
    /// # Safety
    ///
    /// Unless the address is 0 or the range wraps around: as long as this lives, the memory is
    /// valid for reads of `count` values, and for writes if [`Self::put`] or [`Self::put_at`] is
    /// used; nothing else writes it meanwhile, its provenance is exposed, and its bytes make `T`s.
    pub(super) unsafe fn array(address: usize, count: usize) -> Self {
        Self {
            address,
            count,
            values: PhantomData,
        }
    }

    /// Whether there can be memory.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        let length = self.count.checked_mul(size_of::<T>());
        let end = length.and_then(|length| self.address.checked_add(length));
        if self.address >= super::Simulated::NOWHERE && end.is_some() && self.count != 0 {
            return Err(Refusal::Errno(Errno::EFAULT));
        }
        if self.count == 0 || (self.address != 0 && end.is_some()) {
            Ok(())
        } else {
            Err(Refusal::BadPointer(self.address))
        }
    }

    fn element(&self, index: usize) -> Result<usize, Refusal> {
        self.check()?;
        assert!(index < self.count, "an element beyond the caller's array");
        Ok(self.address + index * size_of::<T>())
    }

    /// The value.
    pub(super) fn get(&self) -> Result<T, Refusal> {
        self.at(0)
    }

    /// The value of an index below the count.
    pub(super) fn at(&self, index: usize) -> Result<T, Refusal> {
        let from = core::ptr::with_exposed_provenance::<T>(self.element(index)?);
        // SAFETY: the range can be memory, so whoever made this vouches for it, and the index is
        // within it. The caller's alignment is not relied on.
        Ok(unsafe { from.read_unaligned() })
    }

    /// Changes the value.
    pub(super) fn put(&self, value: T) -> Result<(), Refusal> {
        self.put_at(0, value)
    }

    /// Changes the value of an index below the count.
    pub(super) fn put_at(&self, index: usize, value: T) -> Result<(), Refusal> {
        let to = core::ptr::with_exposed_provenance_mut::<T>(self.element(index)?);
        // SAFETY: as in `at`, for a write.
        unsafe { to.write_unaligned(value) };
        Ok(())
    }
}

impl Caller<u8> {
    /// All the bytes.
    pub(super) fn bytes(&self) -> Result<alloc::vec::Vec<u8>, Refusal> {
        (0..self.count).map(|index| self.at(index)).collect()
    }

    /// Changes the first bytes, of which there are at least as many.
    pub(super) fn put_bytes(&self, bytes: &[u8]) -> Result<(), Refusal> {
        self.check()?;
        bytes
            .iter()
            .enumerate()
            .try_for_each(|(index, &byte)| self.put_at(index, byte))
    }
}

/// Addresses in structures.
pub(super) trait Address {
    /// The address that is meant.
    fn address(self) -> usize;
}

impl<T: ?Sized> Address for Handle64<T> {
    fn address(self) -> usize {
        self.raw() as usize
    }
}

impl<T: ?Sized> Address for Handle32<T> {
    fn address(self) -> usize {
        self.raw() as usize
    }
}
