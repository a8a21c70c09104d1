//! Which ABI a frontend's ring follows: the xenstore node `protocol` (`xen/include/public/io/protocols.h`).
//!
//! Requests and responses have the layout of the frontend's own C compiler, and a backend may serve
//! domains of other architectures than its own. So the frontend writes the name of its ABI into the
//! node `protocol` before it connects, and the backend reads it. There are three names and only two
//! layouts: what differs is whether 64-bit numbers are aligned to 4 bytes, as on x86_32, or to 8.
//!
//! An absent node means the backend's native ABI by `blkif.h`. Linux's backend and newer QEMU on x86
//! take x86_32 instead, as the frontends that write no node are old 32-bit ones. This crate makes the
//! choice the backend's: [`Protocol::of_frontend`] asks for it. A frontend always writes the node.

use core::fmt;
use core::str::FromStr;

use cfg_if::cfg_if;
use xen_public::abi::x86_64::io::protocols as c;

use super::Excerpt;

/// The ABI that a frontend's ring follows, by its name in xenstore.
///
/// ```
/// use xen_abi::blkif::{Layout, Protocol};
///
/// let protocol: Protocol = "arm-abi".parse()?;
/// assert_eq!(protocol, Protocol::Arm);
/// assert_eq!(protocol.layout(), Layout::X86_64);
/// assert_eq!(protocol.to_string(), "arm-abi");
///
/// let wrong = "ia64-abi".parse::<Protocol>().unwrap_err();
/// assert_eq!(wrong.to_string(), r#"protocol: "ia64-abi" is no ABI that blkif is known for"#);
/// # Ok::<(), xen_abi::blkif::UnknownProtocol>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Protocol {
    /// 32-bit x86.
    #[doc(alias = "XEN_IO_PROTO_ABI_X86_32")]
    X86_32,
    /// 64-bit x86.
    #[doc(alias = "XEN_IO_PROTO_ABI_X86_64")]
    X86_64,
    /// Arm, of 32 and of 64 bits alike.
    #[doc(alias = "XEN_IO_PROTO_ABI_ARM")]
    Arm,
}

/// The layout of requests and responses on a ring.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Layout {
    /// 64-bit numbers are aligned to 4 bytes: a request is 108 bytes long, a response 12.
    X86_32,
    /// 64-bit numbers are aligned to 8 bytes: a request is 112 bytes long, a response 16.
    X86_64,
}

cfg_if! {
    if #[cfg(target_arch = "x86")] {
        const NATIVE: Option<Protocol> = Some(Protocol::X86_32);
    } else if #[cfg(target_arch = "x86_64")] {
        const NATIVE: Option<Protocol> = Some(Protocol::X86_64);
    } else if #[cfg(any(target_arch = "arm", target_arch = "aarch64"))] {
        const NATIVE: Option<Protocol> = Some(Protocol::Arm);
    } else {
        const NATIVE: Option<Protocol> = None;
    }
}

impl Protocol {
    /// The ABI of the compile target; none where `protocols.h` has no name for it.
    #[doc(alias = "XEN_IO_PROTO_ABI_NATIVE")]
    pub const NATIVE: Option<Self> = NATIVE;

    /// All that are known.
    pub const ALL: [Self; 3] = [Self::X86_32, Self::X86_64, Self::Arm];

    /// The name in xenstore.
    pub const fn name(self) -> &'static str {
        match self {
            Self::X86_32 => c::XEN_IO_PROTO_ABI_X86_32,
            Self::X86_64 => c::XEN_IO_PROTO_ABI_X86_64,
            Self::Arm => c::XEN_IO_PROTO_ABI_ARM,
        }
    }

    /// How its requests and responses lie in memory.
    pub const fn layout(self) -> Layout {
        match self {
            Self::X86_32 => Layout::X86_32,
            Self::X86_64 | Self::Arm => Layout::X86_64,
        }
    }

    /// The protocol by the value of a frontend's node `protocol`, which must be one of the known
    /// names to the byte.
    ///
    /// # Errors
    ///
    /// Any other value. A backend must not guess then: with the wrong layout it would read other
    /// sectors than it was asked for.
    pub fn from_value(value: &[u8]) -> Result<Self, UnknownProtocol> {
        Self::ALL
            .into_iter()
            .find(|protocol| protocol.name().as_bytes() == value)
            .ok_or_else(|| UnknownProtocol(Excerpt::of(value)))
    }

    /// What a frontend speaks whose node `protocol` has this value, or is absent.
    ///
    /// The protocol of a frontend without the node is the backend's policy, so it is to be given:
    /// [`Protocol::X86_32`] as Linux's backend and newer QEMU on x86, or [`Protocol::NATIVE`] as
    /// `blkif.h` says.
    ///
    /// # Errors
    ///
    /// As [`from_value`](Self::from_value).
    ///
    /// ```
    /// use xen_abi::blkif::Protocol;
    ///
    /// let absent = Protocol::X86_32;
    /// assert_eq!(Protocol::of_frontend(None, absent), Ok(Protocol::X86_32));
    /// assert_eq!(Protocol::of_frontend(Some(b"x86_64-abi"), absent), Ok(Protocol::X86_64));
    /// assert!(Protocol::of_frontend(Some(b""), absent).is_err());
    /// ```
    pub fn of_frontend(value: Option<&[u8]>, absent: Self) -> Result<Self, UnknownProtocol> {
        value.map_or(Ok(absent), Self::from_value)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Protocol {
    type Err = UnknownProtocol;

    fn from_str(value: &str) -> Result<Self, UnknownProtocol> {
        Self::from_value(value.as_bytes())
    }
}

/// The node `protocol` names no ABI that this crate knows a ring layout for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct UnknownProtocol(Excerpt);

impl UnknownProtocol {
    /// The beginning of the node's value.
    pub const fn value(&self) -> Excerpt {
        self.0
    }
}

impl fmt::Display for UnknownProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "protocol: {} is no ABI that blkif is known for", self.0)
    }
}

impl core::error::Error for UnknownProtocol {}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    use quickcheck::quickcheck;
    use xen_public::abi::{arm32, arm64, x86_32};

    use super::*;

    #[test]
    fn each_name_is_that_of_its_own_headers() {
        let native = [
            (
                x86_32::io::protocols::XEN_IO_PROTO_ABI_NATIVE,
                Protocol::X86_32,
            ),
            (c::XEN_IO_PROTO_ABI_NATIVE, Protocol::X86_64),
            (arm32::io::protocols::XEN_IO_PROTO_ABI_NATIVE, Protocol::Arm),
            (arm64::io::protocols::XEN_IO_PROTO_ABI_NATIVE, Protocol::Arm),
        ];
        for (name, protocol) in native {
            assert_eq!(name.parse(), Ok(protocol));
            assert_eq!(protocol.to_string(), name);
        }
    }

    #[test]
    fn the_layouts_are_those_of_the_generated_types() {
        use core::mem::size_of;
        use xen_public::abi::x86_64;

        // Request, response, and where the request's id lies, in each ABI's headers.
        macro_rules! of {
            ($abi:ident) => {
                (
                    size_of::<$abi::io::blkif::blkif_request>(),
                    size_of::<$abi::io::blkif::blkif_response>(),
                    core::mem::offset_of!($abi::io::blkif::blkif_request, id),
                )
            };
        }
        let sizes = |layout| match layout {
            Layout::X86_32 => (108, 12, 4),
            Layout::X86_64 => (112, 16, 8),
        };
        assert_eq!(sizes(Protocol::X86_32.layout()), of!(x86_32));
        assert_eq!(sizes(Protocol::X86_64.layout()), of!(x86_64));
        assert_eq!(sizes(Protocol::Arm.layout()), of!(arm32));
        assert_eq!(sizes(Protocol::Arm.layout()), of!(arm64));
    }

    #[cfg(any(
        target_arch = "x86",
        target_arch = "x86_64",
        target_arch = "arm",
        target_arch = "aarch64"
    ))]
    #[test]
    fn the_native_one_is_that_of_the_targets_headers() {
        let name = xen_public::native::io::protocols::XEN_IO_PROTO_ABI_NATIVE;
        assert_eq!(Protocol::NATIVE.map(Protocol::name), Some(name));
    }

    #[test]
    fn near_misses_are_refused() {
        for protocol in Protocol::ALL {
            let name = protocol.name();
            for wrong in [
                format!("{name}\0"),
                format!("{name}\n"),
                format!(" {name}"),
                name.to_uppercase(),
                name[1..].into(),
                name[..name.len() - 1].into(),
            ] {
                let error = wrong.parse::<Protocol>().unwrap_err();
                assert_eq!(error.value(), Excerpt::of(wrong.as_bytes()));
            }
        }
    }

    quickcheck! {
        fn arbitrary_bytes_are_refused_or_the_name(value: Vec<u8>) -> bool {
            match Protocol::from_value(&value) {
                Ok(protocol) => protocol.name().as_bytes() == value,
                Err(error) => error.value() == Excerpt::of(&value),
            }
        }
    }
}
