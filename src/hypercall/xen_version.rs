//! `HYPERVISOR_xen_version`: which Xen this is and what it offers (`xen/include/public/version.h`).
//!
//! The one hypercall that every guest of every release may make, and so the first to make. What makes up
//! a [probe](super::Xen::probe) goes over any conduit; the rest takes a hypervisor that was probed, since
//! not every release has it.
#![allow(unsafe_code)]

#[cfg(any(
    target_arch = "x86",
    target_arch = "x86_64",
    target_arch = "arm",
    target_arch = "aarch64"
))]
mod details;

use core::fmt;

use xen_public::abi::x86_64::version::xen_feature_info;
use xen_public::features::Features;

use super::error::{checked, done};
use super::{Conduit, Error, Result};

#[cfg(any(
    target_arch = "x86",
    target_arch = "x86_64",
    target_arch = "arm",
    target_arch = "aarch64"
))]
pub use details::{
    BUFFER_HEAD, CHANGESET_LEN, COMMANDLINE_LEN, CompileInfo, build_id, capabilities2, changeset,
    changeset2, commandline, commandline2, compile_info, extraversion2, guest_handle, pagesize,
    platform_parameters,
};

pub(super) const HYPERCALL: u32 = everywhere!(u32, xen::__HYPERVISOR_xen_version);
pub(super) const XENVER_VERSION: usize = everywhere!(usize, version::XENVER_version);
pub(super) const XENVER_EXTRAVERSION: usize = everywhere!(usize, version::XENVER_extraversion);
pub(super) const XENVER_CAPABILITIES: usize = everywhere!(usize, version::XENVER_capabilities);
pub(super) const XENVER_GET_FEATURES: usize = everywhere!(usize, version::XENVER_get_features);
/// The size of an extraversion, in bytes.
pub const EXTRAVERSION_LEN: usize = everywhere!(usize, version::XEN_EXTRAVERSION_LEN);
/// The size of a list of capabilities, in bytes.
pub const CAPABILITIES_LEN: usize = everywhere!(usize, version::XEN_CAPABILITIES_INFO_LEN);
same_everywhere!(version::xen_feature_info { submap_idx, submap });

/// A release of Xen: the `4` and the `17` of Xen 4.17.
///
/// Branches take over changes of later releases, so a number alone does not tell what a
/// hypervisor can do: ask for the feature itself where there is a way to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Version {
    /// The major number.
    pub major: u16,
    /// The minor number.
    pub minor: u16,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Xen's version (`XENVER_version`).
///
/// # Errors
///
/// [`Error::Nonsense`] for a version below 3.0 or of more than 32 bits; [`Error::Refused`], which
/// no Xen is known to give.
#[doc(alias = "XENVER_version")]
pub fn version(xen: &impl Conduit) -> Result<Version> {
    const CALL: &str = "XENVER_version";
    // SAFETY: the call takes no pointer and changes nothing.
    let answer = unsafe { xen.hypercall(HYPERCALL, [XENVER_VERSION, 0, 0, 0, 0]) };
    let nonsense = Error::Nonsense { call: CALL, answer };
    let packed = u32::try_from(checked(CALL, answer)?).map_err(|_| nonsense)?;
    let version = Version {
        major: (packed >> 16) as u16,
        minor: packed as u16,
    };
    // No Xen that speaks this ABI is older than 3.0.
    if version.major < 3 {
        Err(nonsense)
    } else {
        Ok(version)
    }
}

/// A text that Xen left in a buffer of `N` bytes, up to its NUL.
///
/// Xen promises ASCII; the type does not rely on it.
#[derive(Clone, Copy)]
pub struct Text<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Text<N> {
    /// The text's bytes, without the NUL.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Fills a buffer by a sub-op that takes its address, and finds the text's end.
    fn ask(xen: &impl Conduit, call: &'static str, sub_op: usize) -> Result<Self> {
        // Not NUL: a buffer that was never written does not pass for an empty text.
        let mut bytes = [0xff; N];
        let address = bytes.as_mut_ptr().expose_provenance();
        // SAFETY: the callers below name sub-ops that write at most `N` bytes at the address, which
        // is this function's own buffer, and change nothing else.
        done(call, unsafe {
            xen.hypercall(HYPERCALL, [sub_op, address, 0, 0, 0])
        })?;
        match bytes.iter().position(|&byte| byte == 0) {
            Some(length) => Ok(Self { bytes, length }),
            None => Err(Error::Unterminated { call, size: N }),
        }
    }
}

/// The text, with everything that is not printable ASCII escaped.
impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_bytes().escape_ascii(), f)
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl<const N: usize> PartialEq for Text<N> {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl<const N: usize> Eq for Text<N> {}

/// What follows the release in Xen's full version, such as `.5` or `-rc1`
/// (`XENVER_extraversion`). A domain that may not know gets `<denied>` or nothing.
///
/// # Errors
///
/// [`Error::Unterminated`] for a text without an end, [`Error::Refused`] with Xen's reason,
/// [`Error::Nonsense`] for an answer above 0.
#[doc(alias = "XENVER_extraversion")]
#[doc(alias = "xen_extraversion_t")]
pub fn extraversion(xen: &impl Conduit) -> Result<Text<EXTRAVERSION_LEN>> {
    Text::ask(xen, "XENVER_extraversion", XENVER_EXTRAVERSION)
}

/// The kinds of guest that Xen can run, as words with spaces between them, such as
/// `xen-3.0-x86_64 hvm-3.0-x86_64` (`XENVER_capabilities`).
///
/// # Errors
///
/// As [`extraversion`].
#[doc(alias = "XENVER_capabilities")]
#[doc(alias = "xen_capabilities_info_t")]
pub fn capabilities(xen: &impl Conduit) -> Result<Text<CAPABILITIES_LEN>> {
    Text::ask(xen, "XENVER_capabilities", XENVER_CAPABILITIES)
}

/// The features that Xen gives to this domain: [submap](feature_submap) 0, the only one so far.
///
/// # Errors
///
/// As [`feature_submap`].
pub fn features(xen: &impl Conduit) -> Result<Features> {
    feature_submap(xen, 0).map(Features::from_bits)
}

/// One word of 32 features that Xen gives to this domain, by
/// [`Feature::submap`](xen_public::features::Feature::submap) (`XENVER_get_features`).
///
/// # Errors
///
/// [`Error::Refused`] with EINVAL for a word that this Xen does not have; [`Error::Nonsense`] for
/// an answer above 0, or for one about another word.
#[doc(alias = "XENVER_get_features")]
#[doc(alias = "xen_feature_info")]
pub fn feature_submap(xen: &impl Conduit, submap: u32) -> Result<u32> {
    const CALL: &str = "XENVER_get_features";
    let mut info = xen_feature_info {
        submap_idx: submap,
        submap: 0,
    };
    let address = (&raw mut info).expose_provenance();
    // SAFETY: the call reads and writes one `xen_feature_info` at the address, which is this
    // function's own, and changes nothing else.
    let answer = unsafe { xen.hypercall(HYPERCALL, [XENVER_GET_FEATURES, address, 0, 0, 0]) };
    done(CALL, answer)?;
    if info.submap_idx != submap {
        return Err(Error::Nonsense {
            call: CALL,
            answer: info.submap_idx as isize,
        });
    }
    Ok(info.submap)
}
