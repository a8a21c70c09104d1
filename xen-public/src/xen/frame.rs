//! Frame numbers: pages counted from physical address 0, in the three address
//! spaces of Xen, kept apart by type.

use core::fmt;

/// log2 of the page size that all page-granular interfaces use: 4 KiB on every
/// architecture, whatever page size the guest runs with.
#[doc(alias = "XEN_PAGE_SHIFT")]
pub const PAGE_SHIFT: u32 = 12;

/// The page size of all page-granular interfaces, in bytes.
#[doc(alias = "XEN_PAGE_SIZE")]
pub const PAGE_SIZE: usize = 1 << PAGE_SHIFT;

/// A frame number does not fit the 32-bit `xen_pfn_t` of the x86_32 ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameTooWide(
    /// The frame number that did not fit.
    pub u64,
);

impl fmt::Display for FrameTooWide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "frame number {:#x} does not fit 32 bits", self.0)
    }
}

impl core::error::Error for FrameTooWide {}

macro_rules! frame {
    ($(#[$attr:meta])* $name:ident) => {
        crate::words::transparent! {
            $(#[$attr])*
            ///
            /// 64 bits wide, as `xen_pfn_t` is everywhere but on x86_32; the narrow
            /// form is a fallible conversion to `u32`. Prints in hexadecimal.
            #[doc(alias = "xen_pfn_t")]
            $name(u64)
        }

        impl $name {
            /// Wraps a frame number.
            #[inline]
            pub const fn new(frame: u64) -> Self {
                Self(frame)
            }

            /// The frame number.
            #[inline]
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The frame that an address lies in.
            #[inline]
            pub const fn containing(addr: u64) -> Self {
                Self(addr >> PAGE_SHIFT)
            }

            /// The address of the frame's first byte, or `None` if it lies beyond 64 bits.
            #[inline]
            pub const fn addr(self) -> Option<u64> {
                if self.0 >> (u64::BITS - PAGE_SHIFT) == 0 {
                    Some(self.0 << PAGE_SHIFT)
                } else {
                    None
                }
            }

            /// The number as the 32-bit `xen_pfn_t` of x86_32.
            #[inline]
            pub const fn to_pfn32(self) -> Result<u32, FrameTooWide> {
                if self.0 <= u32::MAX as u64 {
                    Ok(self.0 as u32)
                } else {
                    Err(FrameTooWide(self.0))
                }
            }
        }

        impl From<u32> for $name {
            #[inline]
            fn from(frame: u32) -> Self {
                Self(frame.into())
            }
        }

        impl TryFrom<$name> for u32 {
            type Error = FrameTooWide;
            #[inline]
            fn try_from(frame: $name) -> Result<u32, FrameTooWide> {
                frame.to_pfn32()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:#x}", self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:#x})"), self.0)
            }
        }
    };
}

frame! {
    /// A guest frame number: what a guest's interfaces take. It is the [`Pfn`] of a
    /// translated guest (HVM, PVH, Arm) and the [`Mfn`] of a PV guest.
    Gfn
}

frame! {
    /// A machine frame number: a page of the real machine's memory.
    Mfn
}

frame! {
    /// A pseudo-physical frame number: a page in the contiguous memory that a guest
    /// believes to have.
    Pfn
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    #[test]
    fn frames_and_addresses_convert_where_they_fit() {
        assert_eq!(Mfn::containing(0x1fff), Mfn::new(1));
        assert_eq!(Mfn::new(1).addr(), Some(0x1000));
        assert_eq!(Mfn::containing(u64::MAX).addr(), Some(!0xfff));
        assert_eq!(Mfn::new(1 << 52).addr(), None);
        assert_eq!(Mfn::new(u64::MAX).addr(), None);
        assert_eq!(Gfn::new(0xffff_ffff).to_pfn32(), Ok(u32::MAX));
        assert_eq!(u32::try_from(Gfn::new(1 << 32)), Err(FrameTooWide(1 << 32)));
        assert_eq!(Pfn::from(7u32), Pfn::from(7u64));
        assert_eq!(
            std::format!("{} {:?}", Pfn::new(0x1a), Pfn::new(0x1a)),
            "0x1a Pfn(0x1a)"
        );
    }
}
