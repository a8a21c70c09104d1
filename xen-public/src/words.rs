//! Macros that make the small transparent types of this crate: plain numbers
//! ([`number!`]), open sets of named numbers ([`open_enum!`]) and flag words
//! ([`flags!`]). All three wrap one integer, accept every bit pattern (what
//! arrives from a hypervisor or a peer may be newer than these headers), and
//! convert to and from the integer both ways.

/// The part that all three kinds share: the struct and its conversions.
macro_rules! transparent {
    ($(#[$attr:meta])* $name:ident($raw:ty)) => {
        $(#[$attr])*
        #[repr(transparent)]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        #[cfg_attr(
            feature = "zerocopy",
            derive(
                zerocopy::FromBytes,
                zerocopy::IntoBytes,
                zerocopy::Immutable,
                zerocopy::KnownLayout
            )
        )]
        pub struct $name($raw);

        impl crate::record::Zero for $name {
            const ZERO: Self = Self(0);
        }

        impl From<$raw> for $name {
            #[inline]
            fn from(raw: $raw) -> Self {
                Self(raw)
            }
        }

        impl From<$name> for $raw {
            #[inline]
            fn from(value: $name) -> $raw {
                value.0
            }
        }
    };
}

/// A number that means one thing: `number!(/** docs */ GrantRef(u32));`.
/// Displays as the bare number, debug-prints as `GrantRef(8)`.
macro_rules! number {
    ($(#[$attr:meta])* $name:ident($raw:ty)) => {
        crate::words::transparent!($(#[$attr])* $name($raw));

        impl $name {
            /// Wraps the number as it stands in the ABI.
            #[inline]
            pub const fn new(raw: $raw) -> Self {
                Self(raw)
            }

            /// The number as it stands in the ABI.
            #[inline]
            pub const fn get(self) -> $raw {
                self.0
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Display::fmt(&self.0, f)
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.0)
            }
        }
    };
}

/// A C enum or set of `#define`s that crosses the boundary: named constants over
/// an integer that may hold any other value too. Prints the C name where there
/// is one, else the number.
macro_rules! open_enum {
    (
        $(#[$attr:meta])* $name:ident($raw:ty) {
            $( $(#[$cattr:meta])* $konst:ident = $value:literal => $cname:literal, )*
        }
    ) => {
        crate::words::transparent!($(#[$attr])* $name($raw));

        impl $name {
            $(
                $(#[$cattr])*
                #[doc(alias = $cname)]
                pub const $konst: Self = Self($value);
            )*

            /// Every named value, in the header's order.
            pub const ALL: &'static [Self] = &[$(Self::$konst,)*];

            /// Wraps the number as it stands in the ABI, named or not.
            #[inline]
            pub const fn new(raw: $raw) -> Self {
                Self(raw)
            }

            /// The number as it stands in the ABI.
            #[inline]
            pub const fn get(self) -> $raw {
                self.0
            }

            /// The name in the C header, or `None` for a number it does not name.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $( $value => Some($cname), )*
                    _ => None,
                }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                match self.name() {
                    Some(name) => f.pad(name),
                    None => core::fmt::Display::fmt(&self.0, f),
                }
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                match self.name() {
                    Some(name) => write!(f, concat!(stringify!($name), "({})"), name),
                    None => write!(f, concat!(stringify!($name), "({:?})"), self.0),
                }
            }
        }
    };
}

/// A word of flag bits. Unknown bits are kept as they are: they survive every
/// operation and are printed in hexadecimal after the names of the known ones.
macro_rules! flags {
    (
        $(#[$attr:meta])* $name:ident($raw:ty) {
            $( $(#[$cattr:meta])* $konst:ident = $value:expr => $cname:literal, )*
        }
    ) => {
        crate::words::transparent!($(#[$attr])* $name($raw));

        impl $name {
            $(
                $(#[$cattr])*
                #[doc(alias = $cname)]
                pub const $konst: Self = Self($value);
            )*

            /// No bit set.
            pub const EMPTY: Self = Self(0);

            /// The named bits with their names in the C header.
            pub const NAMED: &'static [(&'static str, Self)] = &[$(($cname, Self::$konst),)*];

            /// A word with exactly these bits, known or not.
            #[inline]
            pub const fn from_bits(bits: $raw) -> Self {
                Self(bits)
            }

            /// All bits, known or not.
            #[inline]
            pub const fn bits(self) -> $raw {
                self.0
            }

            /// Whether no bit is set.
            #[inline]
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// Whether every bit of `other` is set.
            #[inline]
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Whether at least one bit of `other` is set.
            #[inline]
            pub const fn intersects(self, other: Self) -> bool {
                self.0 & other.0 != 0
            }

            /// These bits and those of `other`.
            #[inline]
            #[must_use]
            pub const fn union(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// These bits without those of `other`.
            #[inline]
            #[must_use]
            pub const fn difference(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }

            /// The bits that the header gives no name.
            #[inline]
            #[must_use]
            pub const fn unknown(self) -> Self {
                Self(self.0 & !(0 $(| $value)*))
            }
        }

        impl core::ops::BitOr for $name {
            type Output = Self;
            #[inline]
            fn bitor(self, other: Self) -> Self {
                self.union(other)
            }
        }

        impl core::ops::BitOrAssign for $name {
            #[inline]
            fn bitor_assign(&mut self, other: Self) {
                *self = self.union(other);
            }
        }

        impl core::ops::BitAnd for $name {
            type Output = Self;
            #[inline]
            fn bitand(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }
        }

        impl core::ops::Sub for $name {
            type Output = Self;
            #[inline]
            fn sub(self, other: Self) -> Self {
                self.difference(other)
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                let mut separator = "";
                for &(name, bit) in Self::NAMED {
                    if self.contains(bit) {
                        write!(f, "{separator}{name}")?;
                        separator = " | ";
                    }
                }
                let unknown = self.unknown().0;
                if unknown != 0 || self.0 == 0 {
                    write!(f, "{separator}{unknown:#x}")?;
                }
                Ok(())
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

pub(crate) use {flags, number, open_enum, transparent};
