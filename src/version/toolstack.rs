//! Which version of the toolstack's interfaces a release of Xen speaks.
//!
//! domctl and sysctl each carry a version, and a hypervisor refuses every other one. The structures
//! change with it, and sometimes without it: sysctl stayed at 0x15 from Xen 4.17 to 4.20 while
//! `pm_op` was laid out anew, and the domctl of 4.13 and that of 4.14 are both 0x12. So a version alone
//! does not tell what an argument looks like; the two versions and the release together do.

use core::fmt;

use super::Release;

/// The versions of both interfaces that a hypervisor speaks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Interfaces {
    /// `XEN_DOMCTL_INTERFACE_VERSION`, `xen/include/public/domctl.h`.
    #[doc(alias = "XEN_DOMCTL_INTERFACE_VERSION")]
    pub domctl: u32,
    /// `XEN_SYSCTL_INTERFACE_VERSION`, `xen/include/public/sysctl.h`.
    #[doc(alias = "XEN_SYSCTL_INTERFACE_VERSION")]
    pub sysctl: u32,
}

impl fmt::Display for Interfaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { domctl, sysctl } = self;
        write!(f, "domctl {domctl:#x}, sysctl {sysctl:#x}")
    }
}

/// From which release on both versions are these, until the next row.
#[rustfmt::skip]
const TABLE: [(Release, u32, u32); 29] = [
    (Release::new(3, 0, 3), 0x03, 0x02),
    (Release::new(3, 0, 4), 0x04, 0x02),
    (Release::new(3, 1, 0), 0x05, 0x03),
    (Release::new(3, 2, 0), 0x05, 0x06),
    (Release::new(3, 3, 0), 0x05, 0x06),
    (Release::new(3, 4, 0), 0x05, 0x06),
    (Release::new(4, 0, 0), 0x06, 0x07),
    (Release::new(4, 1, 0), 0x07, 0x08),
    (Release::new(4, 2, 0), 0x08, 0x09),
    (Release::new(4, 3, 0), 0x09, 0x0a),
    (Release::new(4, 4, 0), 0x09, 0x0a),
    (Release::new(4, 5, 0), 0x0a, 0x0b),
    (Release::new(4, 6, 0), 0x0b, 0x0c),
    (Release::new(4, 7, 0), 0x0b, 0x0d),
    (Release::new(4, 8, 0), 0x0c, 0x0e),
    (Release::new(4, 9, 0), 0x0d, 0x0f),
    (Release::new(4, 10, 0), 0x0e, 0x10),
    (Release::new(4, 10, 1), 0x0f, 0x10),
    (Release::new(4, 11, 0), 0x10, 0x11),
    (Release::new(4, 12, 0), 0x11, 0x12),
    (Release::new(4, 13, 0), 0x12, 0x12),
    (Release::new(4, 14, 0), 0x12, 0x13),
    (Release::new(4, 15, 0), 0x13, 0x13),
    (Release::new(4, 16, 0), 0x14, 0x14),
    (Release::new(4, 17, 0), 0x15, 0x15),
    (Release::new(4, 18, 0), 0x16, 0x15),
    (Release::new(4, 19, 0), 0x17, 0x15),
    (Release::new(4, 21, 0), 0x17, 0x16),
    (Release::new(4, 22, 0), 0x18, 0x16),
];

impl Interfaces {
    /// The first versions there were, those of Xen 3.0.3.
    pub const OLDEST: Self = Self {
        domctl: TABLE[0].1,
        sysctl: TABLE[0].2,
    };
    /// The newest versions that this crate knows of.
    pub const NEWEST: Self = Self {
        domctl: TABLE[TABLE.len() - 1].1,
        sysctl: TABLE[TABLE.len() - 1].2,
    };

    /// The versions that a release speaks. Before 3.0.3 there were other hypercalls in their place;
    /// a release newer than all that are known is taken to be like the newest.
    ///
    /// A hypervisor may have been built from a branch between two releases, so ask it:
    #[cfg_attr(
        feature = "toolstack",
        doc = "[`identify`](crate::hypercall::toolstack::identify)."
    )]
    #[cfg_attr(
        not(feature = "toolstack"),
        doc = "feature `toolstack` has the way to."
    )]
    pub fn of(release: Release) -> Option<Self> {
        let rows = TABLE.iter().rev();
        rows.copied()
            .find(|&(first, ..)| first <= release)
            .map(|(_, domctl, sysctl)| Self { domctl, sysctl })
    }
}

/// The releases whose toolstack headers this crate was made from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Vendored {
    /// Xen 4.14.
    V4_14,
    /// Xen 4.17.
    V4_17,
    /// Xen 4.20.
    V4_20,
}

impl Vendored {
    /// All of them, oldest first.
    pub const ALL: [Self; 3] = [Self::V4_14, Self::V4_17, Self::V4_20];

    /// The first release of the branch.
    pub const fn release(self) -> Release {
        match self {
            Self::V4_14 => Release::new(4, 14, 0),
            Self::V4_17 => Release::new(4, 17, 0),
            Self::V4_20 => Release::new(4, 20, 0),
        }
    }

    /// The versions in its headers.
    pub fn interfaces(self) -> Interfaces {
        // Every vendored release has a row.
        Interfaces::of(self.release()).unwrap_or(Interfaces::NEWEST)
    }

    /// The one whose structures a hypervisor uses that is of this release and speaks these versions:
    /// both versions are those of its headers, and it is of the same branch.
    pub fn exactly(release: Release, spoken: Interfaces) -> Option<Self> {
        Self::ALL.into_iter().find(|vendored| {
            vendored.interfaces() == spoken && vendored.release().same_branch(release)
        })
    }

    /// The one that is most like a hypervisor of another release: the same domctl counts most, then
    /// the same sysctl, then the distance in releases, and the older of two that are equally far.
    pub fn nearest(release: Release, spoken: Interfaces) -> Self {
        let minor = |release: Release| u16::from(release.major) << 8 | u16::from(release.minor);
        let [first, others @ ..] = Self::ALL;
        let unlike = |vendored: Self| {
            let its = vendored.interfaces();
            let distance = minor(vendored.release()).abs_diff(minor(release));
            (
                its.domctl != spoken.domctl,
                its.sysctl != spoken.sysctl,
                distance,
            )
        };
        others.into_iter().fold(first, |best, vendored| {
            if unlike(vendored) < unlike(best) {
                vendored
            } else {
                best
            }
        })
    }
}

impl fmt::Display for Vendored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.release(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use xen_public::toolstack::{v4_14, v4_17, v4_20};

    fn of(major: u8, minor: u8, point: u8) -> Option<(u32, u32)> {
        let interfaces = Interfaces::of(Release::new(major, minor, point))?;
        Some((interfaces.domctl, interfaces.sysctl))
    }

    #[test]
    fn the_vendored_headers_say_the_same() {
        macro_rules! same {
            ($($release:ident $vendored:ident)*) => {
                $(
                    let header = Interfaces {
                        domctl: $release::x86_64::domctl::XEN_DOMCTL_INTERFACE_VERSION as u32,
                        sysctl: $release::x86_64::sysctl::XEN_SYSCTL_INTERFACE_VERSION as u32,
                    };
                    assert_eq!(Vendored::$vendored.interfaces(), header);
                    let Release { major, minor, .. } = Vendored::$vendored.release();
                    let name = alloc::format!("v{major}_{minor}");
                    assert_eq!(stringify!($release), name);
                )*
            };
        }
        same!(v4_14 V4_14 v4_17 V4_17 v4_20 V4_20);
    }

    #[test]
    fn no_release_is_left_out_and_no_version_goes_back() {
        assert!(TABLE.windows(2).all(|rows| rows[0].0 < rows[1].0));
        assert!(TABLE.windows(2).all(|rows| rows[0].1 <= rows[1].1));
        assert!(TABLE.windows(2).all(|rows| rows[0].2 <= rows[1].2));
        let minors: Vec<_> = TABLE.iter().map(|row| (row.0.major, row.0.minor)).collect();
        for minor in 0..=22 {
            // 4.20 is as 4.19 was.
            assert_eq!(minors.contains(&(4, minor)), minor != 20, "4.{minor}");
        }
        let newest = Interfaces::of(Release::NEWEST);
        assert_eq!(newest, Some(Interfaces::NEWEST));
        assert_eq!(Interfaces::of(Release::new(9, 0, 0)), newest);
    }

    #[test]
    fn no_number_alone_tells_the_release() {
        assert_eq!(of(3, 0, 2), None);
        assert_eq!(of(3, 0, 3), Some((3, 2)));
        assert_eq!(of(3, 0, 4), Some((4, 2)));
        assert_eq!(of(4, 10, 0), Some((0xe, 0x10)));
        assert_eq!(of(4, 10, 1), Some((0xf, 0x10)));
        assert_eq!(of(4, 10, 4), Some((0xf, 0x10)));
        assert_eq!(of(4, 13, 4).unwrap().0, of(4, 14, 6).unwrap().0);
        for minor in 17..=20 {
            assert_eq!(of(4, minor, 0).unwrap().1, 0x15);
        }
        for minor in 19..=21 {
            assert_eq!(of(4, minor, 0).unwrap().0, 0x17);
        }
        assert_eq!(of(4, 19, 0), of(4, 20, 3));
    }

    #[test]
    fn only_all_three_together_make_a_release_known() {
        let exactly = |minor, domctl, sysctl| {
            Vendored::exactly(Release::new(4, minor, 2), Interfaces { domctl, sysctl })
        };
        assert_eq!(exactly(14, 0x12, 0x13), Some(Vendored::V4_14));
        assert_eq!(exactly(17, 0x15, 0x15), Some(Vendored::V4_17));
        assert_eq!(exactly(20, 0x17, 0x15), Some(Vendored::V4_20));
        assert_eq!(exactly(19, 0x17, 0x15), None);
        assert_eq!(exactly(20, 0x17, 0x16), None);
        assert_eq!(exactly(17, 0x16, 0x15), None);
        let nearest = |minor| {
            let release = Release::new(4, minor, 0);
            Vendored::nearest(release, Interfaces::of(release).unwrap())
        };
        assert_eq!(nearest(2), Vendored::V4_14);
        assert_eq!(nearest(13), Vendored::V4_14);
        assert_eq!(nearest(15), Vendored::V4_14);
        assert_eq!(nearest(16), Vendored::V4_17);
        assert_eq!(nearest(18), Vendored::V4_17);
        assert_eq!(nearest(19), Vendored::V4_20);
        assert_eq!(nearest(21), Vendored::V4_20);
        assert_eq!(nearest(22), Vendored::V4_20);
    }
}
