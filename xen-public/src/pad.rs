//! Padding that C leaves implicit, made a field, so that every byte of a type has a name and a value.
//!
//! The bytes carry no meaning: two paddings are always equal, and `Debug` prints none of them. They
//! exist so that a value written to a shared page never carries stale memory of ours along.

use core::fmt;

/// `N` bytes that C's compiler would leave as a hole. Written as zero, ignored when read.
#[repr(transparent)]
#[derive(Clone, Copy)]
#[cfg_attr(
    feature = "zerocopy",
    derive(
        zerocopy::FromBytes,
        zerocopy::IntoBytes,
        zerocopy::Immutable,
        zerocopy::KnownLayout,
        zerocopy::Unaligned
    )
)]
pub struct Pad<const N: usize>([u8; N]);

impl<const N: usize> Pad<N> {
    /// Padding as it is to be written: all bytes zero.
    pub const ZERO: Self = Self([0; N]);
}

impl<const N: usize> Default for Pad<N> {
    fn default() -> Self {
        Self::ZERO
    }
}

impl<const N: usize> PartialEq for Pad<N> {
    /// Always equal: what a peer left in a hole says nothing.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<const N: usize> Eq for Pad<N> {}

impl<const N: usize> fmt::Debug for Pad<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "_")
    }
}

#[cfg(test)]
mod tests {
    use super::Pad;

    #[test]
    fn padding_compares_equal_whatever_it_holds() {
        assert_eq!(Pad([1, 2, 3]), Pad::<3>::ZERO);
        assert_eq!(size_of::<Pad<7>>(), 7);
        assert_eq!(align_of::<Pad<7>>(), 1);
    }
}
