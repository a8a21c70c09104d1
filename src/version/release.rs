//! Releases of Xen, ranges of them, and the kinds of guest.

use core::fmt;

/// A release of Xen: the `4`, the `17` and the `5` of Xen 4.17.5.
///
/// Releases are ordered by age within a branch. Branches take over changes of later releases, so a
/// number alone does not tell what a hypervisor can do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release {
    /// The major number.
    pub major: u8,
    /// The minor number.
    pub minor: u8,
    /// The number of the point release, 0 for the first of a branch.
    pub point: u8,
}

/// Why a version and its text name no release.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ReleaseError {
    /// No Xen with this interface has such a version (`XENVER_version`'s answer).
    Version(u32),
    /// The releases from 3.0.0 to 3.0.4 differ in what their hypercall numbers mean, and the text
    /// that follows the version does not tell which it is.
    Extraversion {
        /// The version (`XENVER_version`'s answer).
        version: u32,
    },
}

impl fmt::Display for ReleaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Version(version) => write!(f, "{version:#010x} is no version of Xen"),
            Self::Extraversion { version } => write!(
                f,
                "version {version:#010x} alone names no release, and the text after it does not help"
            ),
        }
    }
}

impl core::error::Error for ReleaseError {}

impl Release {
    /// The oldest release that this crate knows of.
    pub const OLDEST: Self = Self::new(3, 0, 0);
    /// The newest release whose differences from older ones this crate knows.
    pub const NEWEST: Self = Self::new(4, 22, 0);

    /// The first release of each branch, oldest first.
    pub const ALL: [Self; 31] = {
        let mut all = [Self::OLDEST; 31];
        let (mut at, mut minor) = (1, 2);
        while minor <= 4 {
            all[at] = Self::new(3, 0, minor);
            (at, minor) = (at + 1, minor + 1);
        }
        minor = 1;
        while minor <= 4 {
            all[at] = Self::new(3, minor, 0);
            (at, minor) = (at + 1, minor + 1);
        }
        minor = 0;
        while minor <= Self::NEWEST.minor {
            all[at] = Self::new(4, minor, 0);
            (at, minor) = (at + 1, minor + 1);
        }
        assert!(at == all.len());
        all
    };

    /// The release of these numbers.
    pub const fn new(major: u8, minor: u8, point: u8) -> Self {
        Self {
            major,
            minor,
            point,
        }
    }

    /// The release that Xen's answers to `XENVER_version` and `XENVER_extraversion` name.
    ///
    /// The point release is the first number of `extraversion`, which is what follows a `.` there:
    /// `.5`, `.3-1`. A number before `-pre` or `-rc` is one that is not reached yet: `.4-pre` is
    /// 4.20.3 with later changes. A text without a number, such as `-unstable` or `-rc3`, stands for
    /// 0, except for 3.0.
    ///
    /// # Errors
    ///
    /// [`ReleaseError::Version`] for a version below 3.0, a 3.x that never was, and numbers above
    /// 255; [`ReleaseError::Extraversion`] for 3.0 without a point release.
    pub fn identify(version: u32, extraversion: &[u8]) -> Result<Self, ReleaseError> {
        let wrong = ReleaseError::Version(version);
        let major = u8::try_from(version >> 16).map_err(|_| wrong)?;
        let minor = u8::try_from(version & 0xffff).map_err(|_| wrong)?;
        if major < 3 || (major == 3 && minor > 4) {
            return Err(wrong);
        }
        let point = point(extraversion);
        if (major, minor) == (3, 0) {
            // Only these were released.
            return match point {
                Some(point @ 0..=4) => Ok(Self::new(3, 0, point)),
                _ => Err(ReleaseError::Extraversion { version }),
            };
        }
        Ok(Self::new(major, minor, point.unwrap_or(0)))
    }

    /// Whether both are of one branch, such as 4.17.0 and 4.17.5. The releases of 3.0 are branches
    /// of their own.
    pub const fn same_branch(self, other: Self) -> bool {
        self.major == other.major
            && self.minor == other.minor
            && (self.major != 3 || self.minor != 0 || self.point == other.point)
    }

    /// Whether this release is older than another: `<`, for constants.
    pub const fn before(self, other: Self) -> bool {
        self.key() < other.key()
    }

    const fn key(self) -> u32 {
        (self.major as u32) << 16 | (self.minor as u32) << 8 | self.point as u32
    }
}

/// The point release that an extraversion names, reached or, if none is, `None`.
fn point(extraversion: &[u8]) -> Option<u8> {
    let text = extraversion.strip_prefix(b".")?;
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(length);
    let number: u8 = core::str::from_utf8(digits).ok()?.parse().ok()?;
    if rest.starts_with(b"-pre") || rest.starts_with(b"-rc") {
        Some(number.saturating_sub(1))
    } else {
        Some(number)
    }
}

/// `4.17.5`; the first release of a branch has no third number, but those of 3.0 do.
impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if self.point != 0 || (self.major, self.minor) == (3, 0) {
            write!(f, ".{}", self.point)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The kinds of guest that Xen treats differently.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Guest {
    /// A paravirtual guest on x86: it knows the machine's frames and asks Xen for its page tables.
    Pv,
    /// A guest on x86 in hardware virtualisation, with emulated devices (HVM) or without (PVH).
    Hvm,
    /// A guest on 32-bit or 64-bit ARM.
    Arm,
}

impl Guest {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pv, Self::Hvm, Self::Arm];
}

impl fmt::Display for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pv => "x86 PV",
            Self::Hvm => "x86 HVM or PVH",
            Self::Arm => "ARM",
        })
    }
}

/// The releases that have something: from `first`, and before `end` if there is one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Span {
    /// The first release that has it.
    pub first: Release,
    /// The first release that does not have it any more.
    pub end: Option<Release>,
}

impl Span {
    /// Whether `release` is one of them. Releases newer than [`Release::NEWEST`] are taken to be
    /// like that one.
    pub const fn contains(&self, release: Release) -> bool {
        if release.before(self.first) {
            return false;
        }
        match self.end {
            Some(end) => release.before(end),
            None => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    const fn version(major: u32, minor: u32) -> u32 {
        major << 16 | minor
    }

    #[test]
    fn releases_are_told_by_version_and_text() {
        let is = |major, minor, text: &str| {
            Release::identify(version(major, minor), text.as_bytes())
                .map(|release| format!("{release}"))
        };
        assert_eq!(is(4, 17, ".5").unwrap(), "4.17.5");
        assert_eq!(is(4, 20, ".4-pre").unwrap(), "4.20.3");
        assert_eq!(is(4, 20, ".0-rc4").unwrap(), "4.20");
        assert_eq!(is(4, 21, "-unstable").unwrap(), "4.21");
        assert_eq!(is(4, 19, "").unwrap(), "4.19");
        assert_eq!(is(4, 19, "<denied>").unwrap(), "4.19");
        assert_eq!(is(4, 19, ".999").unwrap(), "4.19");
        assert_eq!(is(3, 0, ".3-1").unwrap(), "3.0.3");
        assert_eq!(is(3, 0, ".0").unwrap(), "3.0.0");
        assert_eq!(is(3, 4, ".1").unwrap(), "3.4.1");
        for text in ["", "-unstable", ".x", ".5", "<denied>"] {
            let error = is(3, 0, text).unwrap_err();
            assert_eq!(error, ReleaseError::Extraversion { version: 0x3_0000 });
        }
        for (major, minor) in [(0, 0), (2, 0), (3, 5), (0xffff, 0), (4, 0x100), (0x100, 0)] {
            let error = is(major, minor, ".1").unwrap_err();
            assert_eq!(error, ReleaseError::Version(version(major, minor)));
        }
    }

    #[test]
    fn a_span_has_its_first_release_and_not_its_end() {
        let span = Span {
            first: Release::new(3, 0, 3),
            end: Some(Release::new(4, 13, 0)),
        };
        assert!(!span.contains(Release::new(3, 0, 2)));
        assert!(span.contains(Release::new(3, 0, 3)));
        assert!(span.contains(Release::new(4, 12, 99)));
        assert!(!span.contains(Release::new(4, 13, 0)));
        let open = Span { end: None, ..span };
        assert!(open.contains(Release::new(5, 0, 0)));
    }

    #[test]
    fn the_releases_of_3_0_are_branches_of_their_own() {
        let release = Release::new;
        assert!(release(4, 17, 0).same_branch(release(4, 17, 5)));
        assert!(!release(4, 17, 0).same_branch(release(4, 18, 0)));
        assert!(!release(3, 0, 2).same_branch(release(3, 0, 3)));
        assert!(release(3, 1, 2).same_branch(release(3, 1, 3)));
    }
}
