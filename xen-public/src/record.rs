//! [`record!`] declares a struct of the ABI with what every type here has: an all-zero
//! value, derives, and the proof that it hides no padding.

/// Types whose all-zero value is a constant.
pub(crate) trait Zero: Copy {
    /// The value with every byte zero.
    const ZERO: Self;
}

macro_rules! zero {
    ($($int:ty)*) => {
        $(impl Zero for $int {
            const ZERO: Self = 0;
        })*
    };
}
zero!(u8 u16 u32 u64 i8 i16 i32 i64);

impl<T: Zero, const N: usize> Zero for [T; N] {
    const ZERO: Self = [T::ZERO; N];
}

impl<const N: usize> Zero for crate::pad::Pad<N> {
    const ZERO: Self = Self::ZERO;
}

/// Declares a struct of the ABI. The `repr` is the caller's to give; derives, `ZERO`
/// and `Default` come from here. `Debug` and `PartialEq` are derived where the caller
/// asks for it.
macro_rules! record {
    (
        $(#[$attr:meta])*
        $name:ident {
            $( $(#[$fattr:meta])* $field:ident: $ty:ty, )*
        }
    ) => {
        $(#[$attr])*
        #[derive(Clone, Copy)]
        #[cfg_attr(
            feature = "zerocopy",
            derive(
                zerocopy::FromBytes,
                zerocopy::IntoBytes,
                zerocopy::Immutable,
                zerocopy::KnownLayout
            )
        )]
        pub struct $name {
            $( $(#[$fattr])* pub $field: $ty, )*
        }

        impl $name {
            /// The value with every byte zero.
            pub const ZERO: Self = Self {
                $( $field: <$ty as crate::record::Zero>::ZERO, )*
            };
        }

        impl crate::record::Zero for $name {
            const ZERO: Self = Self::ZERO;
        }

        impl Default for $name {
            fn default() -> Self {
                Self::ZERO
            }
        }

        // No hidden padding: the fields account for every byte.
        const _: () = assert!(size_of::<$name>() == 0 $(+ size_of::<$ty>())*);
    };
}

pub(crate) use record;
