//! The words of the compile target's ABI that argument structures are made of.
//!
//! Xen reads an argument in the ABI of its caller. The structures of `xen_public::native` are those of
//! the compile target; what differs between them is how wide a frame number, a count and a pointer are,
//! and this module is where such a word is made. Nothing is cut off on the way: what does not fit is an
//! [`Error::Argument`].

use core::mem::{align_of, size_of};

use xen_public::handle::{Handle32, Handle64};

use super::{Error, Result};

cfg_if::cfg_if! {
    if #[cfg(any(target_arch = "x86", target_arch = "x86_64"))] {
        use xen_public::native::arch_x86::xen as arch;
    } else {
        use xen_public::native::arch_arm as arch;
    }
}

/// A frame number as the lists of a hypercall hold it: 32 bits wide on x86_32, 64 elsewhere.
///
/// `Gfn::from` and its kin take one; `FrameWord::try_from` makes one, and can fail on x86_32 only.
#[doc(alias = "xen_pfn_t")]
pub type FrameWord = arch::xen_pfn_t;

/// An unsigned word of an argument structure: 32 bits wide on x86_32, 64 elsewhere.
#[doc(alias = "xen_ulong_t")]
pub type LongWord = arch::xen_ulong_t;

/// A guest handle of either width.
pub(super) trait Handle: Copy {
    /// The handle of an address that `expose_provenance` gave.
    fn of(address: usize) -> Self;
}

impl<T: ?Sized> Handle for Handle64<T> {
    #[inline]
    fn of(address: usize) -> Self {
        Self::from_raw(address as u64)
    }
}

// Only where an address always fits.
#[cfg(target_pointer_width = "32")]
impl<T: ?Sized> Handle for Handle32<T> {
    #[inline]
    fn of(address: usize) -> Self {
        Self::from_raw(address as u32)
    }
}

#[cfg(not(target_pointer_width = "32"))]
const _: fn() = || {
    // On the 64-bit ABIs no structure has one.
    let _: Option<Handle32<u8>> = None;
};

/// The handle of a list that Xen writes.
#[inline]
pub(super) fn writable<T, H: Handle>(list: &mut [T]) -> H {
    H::of(list.as_mut_ptr().expose_provenance())
}

/// The handle of a list that Xen reads.
#[inline]
pub(super) fn readable<T, H: Handle>(list: &[T]) -> H {
    H::of(list.as_ptr().expose_provenance())
}

/// A frame number as a word, or the error that says which argument it was.
#[inline]
pub(super) fn frame_word(
    call: &'static str,
    argument: &'static str,
    frame: u64,
) -> Result<FrameWord> {
    FrameWord::try_from(frame).map_err(|_| Error::Argument {
        call,
        argument,
        value: frame,
    })
}

/// A number as a long word, or the error that says which argument it was.
#[inline]
pub(super) fn long_word(
    call: &'static str,
    argument: &'static str,
    value: u64,
) -> Result<LongWord> {
    LongWord::try_from(value).map_err(|_| Error::Argument {
        call,
        argument,
        value,
    })
}

/// A word as 64 bits.
#[inline]
// It has them already where the ABI is not x86_32's.
#[allow(clippy::unnecessary_cast)]
pub(super) const fn wide(word: LongWord) -> u64 {
    word as u64
}

/// The length of a list as a 32-bit count.
#[inline]
pub(super) fn count(call: &'static str, length: usize) -> Result<u32> {
    match u32::try_from(length) {
        Ok(count) => Ok(count),
        Err(_) => Err(Error::TooLong {
            call,
            length,
            limit: u32::MAX as usize,
        }),
    }
}

const _: () = assert!(size_of::<FrameWord>() == size_of::<LongWord>());
const _: () = assert!(align_of::<FrameWord>() >= 4);
