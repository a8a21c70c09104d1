//! Guest handles: the addresses of guest memory that hypercall arguments carry (`XEN_GUEST_HANDLE`).
//!
//! A handle is an address in the caller's address space, as wide as the ABI says, and knows what it
//! points at. [`Handle64`] stands for `XEN_GUEST_HANDLE` of x86_64, arm64 and arm32 (where the upper
//! half is zero), for `XEN_GUEST_HANDLE_PARAM` of both 64-bit ABIs and for `XEN_GUEST_HANDLE_64`
//! everywhere; [`Handle32`] for `XEN_GUEST_HANDLE` of
//! x86_32 and for `XEN_GUEST_HANDLE_PARAM` of both 32-bit ABIs. Making one from a pointer is safe: only
//! the hypercall that is handed the handle reads or writes what it points at.

use core::fmt;
use core::marker::PhantomData;

/// A pointer that does not fit the handle's width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressTooWide {
    /// The address that was given.
    pub address: u64,
}

impl fmt::Display for AddressTooWide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "address {:#x} does not fit a 32-bit guest handle",
            self.address
        )
    }
}

impl core::error::Error for AddressTooWide {}

/// Eight bytes, aligned to eight on hosts that would align a `u64` to four as well.
#[repr(C, align(8))]
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
struct Aligned64(u64);

/// Four bytes, which every host aligns to four (so that a handle may stand in a packed record).
#[repr(C)]
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
struct Word32(u32);

macro_rules! handle {
    ($(#[$doc:meta])* $name:ident, $word:ident, $raw:ty) => {
        $(#[$doc])*
        #[repr(transparent)]
        #[cfg_attr(
            feature = "zerocopy",
            derive(
                zerocopy::FromBytes,
                zerocopy::IntoBytes,
                zerocopy::Immutable,
                zerocopy::KnownLayout
            )
        )]
        pub struct $name<T: ?Sized>($word, PhantomData<fn() -> *const T>);

        impl<T: ?Sized> $name<T> {
            /// The handle that points nowhere; many operations take it for "no buffer".
            pub const NULL: Self = Self::from_raw(0);
            /// All bytes zero, as every type of this crate has it: [`Self::NULL`].
            pub const ZERO: Self = Self::NULL;

            /// A handle for an address that is known as a number.
            #[must_use]
            pub const fn from_raw(address: $raw) -> Self {
                Self($word(address), PhantomData)
            }

            /// The address as a number.
            #[must_use]
            pub const fn raw(self) -> $raw {
                self.0.0
            }

            /// Whether this is [`Self::NULL`].
            #[must_use]
            pub const fn is_null(self) -> bool {
                self.raw() == 0
            }

            /// The same address, pointing at another type.
            #[must_use]
            #[doc(alias = "guest_handle_cast")]
            pub const fn cast<U: ?Sized>(self) -> $name<U> {
                $name::from_raw(self.raw())
            }
        }

        impl<T: ?Sized> Clone for $name<T> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<T: ?Sized> Copy for $name<T> {}

        impl<T: ?Sized> Default for $name<T> {
            fn default() -> Self {
                Self::NULL
            }
        }

        impl<T: ?Sized> PartialEq for $name<T> {
            fn eq(&self, other: &Self) -> bool {
                self.raw() == other.raw()
            }
        }

        impl<T: ?Sized> Eq for $name<T> {}

        impl<T: ?Sized> core::hash::Hash for $name<T> {
            fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
                self.raw().hash(state);
            }
        }

        impl<T: ?Sized> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:#x})"), self.raw())
            }
        }
    };
}

handle! {
    /// A guest handle of eight bytes, aligned to eight: `XEN_GUEST_HANDLE` on x86_64 and both arms,
    /// `XEN_GUEST_HANDLE_PARAM` on x86_64 and arm64, `XEN_GUEST_HANDLE_64` everywhere
    /// (`xen/include/public/arch-x86/xen.h`, `arch-arm.h`).
    #[doc(alias = "XEN_GUEST_HANDLE")]
    #[doc(alias = "XEN_GUEST_HANDLE_64")]
    #[doc(alias = "XEN_GUEST_HANDLE_PARAM")]
    Handle64, Aligned64, u64
}

handle! {
    /// A guest handle of four bytes: `XEN_GUEST_HANDLE` on x86_32, `XEN_GUEST_HANDLE_PARAM` on x86_32
    /// and arm32 (`xen/include/public/arch-x86/xen.h`, `arch-arm.h`).
    #[doc(alias = "XEN_GUEST_HANDLE")]
    #[doc(alias = "XEN_GUEST_HANDLE_PARAM")]
    Handle32, Word32, u32
}

impl<T> Handle64<T> {
    /// The handle of a pointer. A 32-bit pointer is zero-extended, as arm32 demands.
    #[must_use]
    #[doc(alias = "set_xen_guest_handle")]
    #[doc(alias = "set_xen_guest_handle_raw")]
    pub fn from_ptr(pointer: *const T) -> Self {
        Self::from_raw(pointer.expose_provenance() as u64)
    }
}

impl<T> Handle32<T> {
    /// The handle of a pointer; an address above 4 GiB is refused.
    ///
    /// # Errors
    /// [`AddressTooWide`] with the address, where it does not fit in 32 bits.
    #[doc(alias = "set_xen_guest_handle")]
    #[doc(alias = "set_xen_guest_handle_raw")]
    pub fn from_ptr(pointer: *const T) -> Result<Self, AddressTooWide> {
        let address = pointer.expose_provenance() as u64;
        u32::try_from(address)
            .map(Self::from_raw)
            .map_err(|_| AddressTooWide { address })
    }
}

impl<T: ?Sized> From<Handle32<T>> for Handle64<T> {
    fn from(narrow: Handle32<T>) -> Self {
        Self::from_raw(u64::from(narrow.raw()))
    }
}

impl<T: ?Sized> TryFrom<Handle64<T>> for Handle32<T> {
    type Error = AddressTooWide;

    fn try_from(wide: Handle64<T>) -> Result<Self, AddressTooWide> {
        u32::try_from(wide.raw())
            .map(Self::from_raw)
            .map_err(|_| AddressTooWide {
                address: wide.raw(),
            })
    }
}

const _: () = assert!(size_of::<Handle64<u8>>() == 8 && align_of::<Handle64<u8>>() == 8);
const _: () = assert!(size_of::<Handle32<u8>>() == 4 && align_of::<Handle32<u8>>() == 4);
static_assertions::assert_impl_all!(Handle64<u8>: Send, Sync);
static_assertions::assert_impl_all!(Handle32<u8>: Send, Sync);
