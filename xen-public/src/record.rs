//! [`record!`] declares a struct of the ABI with what every type here has: an all-zero
//! value, derives, the proof that it hides no padding, and the proof that it is laid out
//! as the generated type it stands for, in each ABI it stands for.

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

/// Declares a struct of the ABI: `record! { /** docs */ #[repr(C)] Ours { field: u32, } is
/// xen::theirs in x86_32 x86_64 }`. The `repr` is the caller's to give; derives, `ZERO`
/// and `Default` come from here. `Debug` and `PartialEq` are derived where the caller
/// asks for it.
///
/// The struct bears the generated one's field names, padding included. Each ABI named
/// gets compile-time asserts on the size and on each field's offset and size; the
/// patterns in them name every field of both structs, so that one which either side
/// gains or loses is a compile error too. Only the alignment may be greater than C's.
macro_rules! record {
    (
        $(#[$attr:meta])*
        $name:ident {
            $( $(#[$fattr:meta])* $field:ident: $ty:ty, )*
        } is $($path:ident)::+ in $($abi:ident)+
    ) => {
        crate::record::record! {
            $(#[$attr])*
            $name {
                $( $(#[$fattr])* $field: $ty, )*
            }
        }

        crate::record::same_layout!([$($abi)+] $name is [$($path)+] with [$($field)*]);
    };
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

/// The asserts of [`record!`], for one ABI after the other.
macro_rules! same_layout {
    ([] $($rest:tt)*) => {};
    (
        [$abi:ident $($abis:ident)*] $ours:ident is [$($path:ident)+] with [$($field:ident)*]
    ) => {
        const _: () = {
            use crate::abi::$abi $(::$path)+ as Theirs;
            assert!(size_of::<$ours>() == size_of::<Theirs>());
            assert!(align_of::<$ours>() >= align_of::<Theirs>());
            const OURS: &[(usize, usize)] = {
                let $ours { $($field,)* } = $ours::ZERO;
                &[$((core::mem::offset_of!($ours, $field), size_of_val(&$field)),)*]
            };
            const THEIRS: &[(usize, usize)] = {
                let Theirs { $($field,)* } = Theirs::ZERO;
                &[$((core::mem::offset_of!(Theirs, $field), size_of_val(&$field)),)*]
            };
            let mut i = 0;
            while i < OURS.len() {
                assert!(OURS[i].0 == THEIRS[i].0, "a field's offset differs");
                assert!(OURS[i].1 == THEIRS[i].1, "a field's size differs");
                i += 1;
            }
        };
        crate::record::same_layout!([$($abis)*] $ours is [$($path)+] with [$($field)*]);
    };
}

pub(crate) use {record, same_layout};
