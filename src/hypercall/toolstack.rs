//! The interfaces of a toolstack: which versions this hypervisor speaks, and so what its arguments look like.
//!
//! [`domctl`] and [`sysctl`] are not part of Xen's stable interface. Their structures differ from
//! release to release; each call carries the interface's version, and Xen refuses every other one.
//! Nothing tells that version but trying, and it does not name a release (see
//! [`version::toolstack`](crate::version::toolstack)). So [`identify`] finds both versions with two
//! questions that change nothing, predicted from the release that is running, and takes versions and
//! release together: where they are those of headers that this crate was made from, there is a token
//! for it, [`V4_14`], [`V4_17`] or [`V4_20`], and the calls of that release take the token. What
//! becomes of another hypervisor is the caller's choice ([`OnUnknown`]).
//!
//! ```no_run
//! use xen_abi::hypercall::toolstack::{OnUnknown, Toolstack, Tokens, ToolstackError, identify};
//! use xen_abi::hypercall::{Conduit, Xen, domctl};
//! use xen_abi::xen_public::xen::DomId;
//!
//! /// How many pages domain 1 has.
//! fn pages(xen: &Xen<impl Conduit>) -> Result<u64, ToolstackError> {
//!     let domain = DomId::new(1);
//!     let Toolstack::Known(tokens) = identify(xen, OnUnknown::Refuse)? else {
//!         return Ok(0); // Not with `Refuse`.
//!     };
//!     Ok(match tokens {
//!         Tokens::V4_14(abi) => domctl::v4_14::getdomaininfo(xen, abi, domain)?.tot_pages,
//!         Tokens::V4_17(abi) => domctl::v4_17::getdomaininfo(xen, abi, domain)?.tot_pages,
//!         Tokens::V4_20(abi) => domctl::v4_20::getdomaininfo(xen, abi, domain)?.tot_pages,
//!         _ => 0,
//!     })
//! }
//! ```
//!
//! Who may ask: the questions need no privilege from Xen 4.3 on (the refusal itself tells the version);
//! before, only a privileged domain gets to know. After a migration or a resume, ask again.
//!
//! [`domctl`]: super::domctl
//! [`sysctl`]: super::sysctl
#![allow(unsafe_code)]

use core::fmt;

use xen_public::toolstack::v4_20;
use xen_public::xen::DomId;

use super::error::checked;
use super::{Conduit, Errno, Error, Result, Xen};
use crate::version::toolstack::{Interfaces, Vendored};
use crate::version::{Operation, Release};

cfg_if::cfg_if! {
    if #[cfg(target_arch = "x86_64")] {
        use v4_20::x86_64 as newest;
    } else if #[cfg(target_arch = "x86")] {
        use v4_20::x86_32 as newest;
    } else if #[cfg(target_arch = "aarch64")] {
        use v4_20::arm64 as newest;
    } else {
        use v4_20::arm32 as newest;
    }
}

/// How many versions newer than all known ones are tried.
const AHEAD: u32 = 8;

/// One of the two interfaces.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Interface {
    Domctl,
    Sysctl,
}

impl Interface {
    /// The hypercall.
    fn operation(self) -> Operation {
        match self {
            Self::Domctl => Operation::__HYPERVISOR_domctl,
            Self::Sysctl => Operation::__HYPERVISOR_sysctl,
        }
    }

    /// The version of it among both.
    fn of(self, interfaces: Interfaces) -> u32 {
        match self {
            Self::Domctl => interfaces.domctl,
            Self::Sysctl => interfaces.sysctl,
        }
    }

    /// The first release that looks at the version before it looks at the caller's privilege.
    fn version_first(self) -> Release {
        match self {
            Self::Domctl => Release::new(4, 0, 0),
            Self::Sysctl => Release::new(4, 3, 0),
        }
    }
}

/// What a token of a release is to the calls: the versions to speak. Sealed.
pub trait Abi: Copy + sealed::Sealed {
    /// The release whose structures belong to it.
    const VENDORED: Vendored;

    /// The versions that the hypervisor speaks.
    fn interfaces(self) -> Interfaces;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! tokens {
    ($($(#[$meta:meta])* $token:ident)*) => {
        $(
            $(#[$meta])*
            ///
            /// Made by [`identify`]; it says that the hypervisor was found to use these structures.
            #[derive(Clone, Copy, PartialEq, Eq, Debug)]
            pub struct $token(Interfaces);

            impl $token {
                /// The token of a hypervisor that speaks these versions, whatever its release.
                ///
                /// # Safety
                ///
                /// The structures that the hypervisor expects with these versions are laid out as
                /// those of this release, as far as they are used: it reads and writes memory by its
                /// own idea of them.
                pub const unsafe fn assume(spoken: Interfaces) -> Self {
                    Self(spoken)
                }
            }

            impl sealed::Sealed for $token {}

            impl Abi for $token {
                const VENDORED: Vendored = Vendored::$token;

                fn interfaces(self) -> Interfaces {
                    self.0
                }
            }
        )*

        /// The token of one of the releases whose headers this crate was made from.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[non_exhaustive]
        pub enum Tokens {
            $($(#[$meta])* $token($token),)*
        }

        impl Tokens {
            /// Which of them it is.
            pub fn vendored(self) -> Vendored {
                match self {
                    $(Self::$token(_) => Vendored::$token,)*
                }
            }

            /// The versions that the hypervisor speaks.
            pub fn interfaces(self) -> Interfaces {
                match self {
                    $(Self::$token(token) => token.0,)*
                }
            }

            fn new(vendored: Vendored, spoken: Interfaces) -> Self {
                match vendored {
                    $(Vendored::$token => Self::$token($token(spoken)),)*
                }
            }
        }
    };
}

tokens! {
    /// The toolstack's structures of Xen 4.14.
    V4_14
    /// The toolstack's structures of Xen 4.17.
    V4_17
    /// The toolstack's structures of Xen 4.20.
    V4_20
}

/// What becomes of a hypervisor whose headers this crate does not have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnUnknown {
    /// It is an error.
    Refuse,
    /// It is named, and the caller decides ([`Unvendored::use_nearest`]).
    Mark,
}

/// What [`identify`] found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Toolstack {
    /// A hypervisor whose structures are known.
    Known(Tokens),
    /// One whose structures are not.
    Unvendored(Unvendored),
}

/// A hypervisor that speaks versions, or is of a release, whose headers this crate does not have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unvendored {
    /// The release that is running.
    pub release: Release,
    /// The versions it speaks.
    pub spoken: Interfaces,
}

impl Unvendored {
    /// The known release that is most like it.
    pub fn nearest(self) -> Vendored {
        Vendored::nearest(self.release, self.spoken)
    }

    /// The nearest release's structures, sent with the versions that this hypervisor speaks.
    ///
    /// # Safety
    ///
    /// The caller knows that the structures of the calls it is going to make are the same in both.
    pub unsafe fn use_nearest(self) -> Tokens {
        Tokens::new(self.nearest(), self.spoken)
    }
}

impl fmt::Display for Unvendored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { release, spoken } = self;
        write!(
            f,
            "Xen {release} with {spoken} is none of the releases known here, of which Xen {} is nearest",
            self.nearest()
        )
    }
}

impl core::error::Error for Unvendored {}

/// Why there is no token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ToolstackError {
    /// A question was not answered, or a later call was not.
    Call(Error),
    /// The structures of this hypervisor are not known, and that was to be refused.
    Unvendored(Unvendored),
    /// The hypervisor speaks no version of an interface that is known or might come next.
    NoVersion {
        /// The hypercall, by its name in the header (`__HYPERVISOR_domctl`).
        call: &'static str,
        /// The newest version that was tried.
        newest: u32,
    },
}

impl fmt::Display for ToolstackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(error) => fmt::Display::fmt(error, f),
            Self::Unvendored(unvendored) => fmt::Display::fmt(unvendored, f),
            Self::NoVersion { call, newest } => write!(
                f,
                "{call}: Xen speaks no version of the interface up to {newest:#x}"
            ),
        }
    }
}

impl core::error::Error for ToolstackError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Call(error) => Some(error),
            Self::Unvendored(unvendored) => Some(unvendored),
            Self::NoVersion { .. } => None,
        }
    }
}

impl From<Error> for ToolstackError {
    fn from(error: Error) -> Self {
        Self::Call(error)
    }
}

/// Finds out which structures this hypervisor's domctl and sysctl have.
///
/// The versions that the release is known for are tried first, then all others. What is asked with
/// each is `XEN_SYSCTL_getdomaininfolist` for no domain at all, and `XEN_DOMCTL_getdomaininfo` of
/// [`DomId::INVALID`], which no domain has: neither changes anything on any release.
///
/// # Errors
///
/// [`ToolstackError::Unvendored`] with [`OnUnknown::Refuse`]. [`ToolstackError::Call`] with
/// [`Error::Unsupported`] where there is no domctl or sysctl (before Xen 3.0.3, for HVM guests before
/// 4.3, and where Xen was built without sysctl); with EPERM for a domain without privilege on releases
/// that look at the privilege first, which are those before 4.3. [`ToolstackError::NoVersion`] if all
/// versions are refused.
pub fn identify(
    xen: &Xen<impl Conduit>,
    on_unknown: OnUnknown,
) -> core::result::Result<Toolstack, ToolstackError> {
    let release = xen.release();
    let spoken = Interfaces {
        domctl: search(xen, Interface::Domctl)?,
        sysctl: search(xen, Interface::Sysctl)?,
    };
    if let Some(vendored) = Vendored::exactly(release, spoken) {
        return Ok(Toolstack::Known(Tokens::new(vendored, spoken)));
    }
    let unvendored = Unvendored { release, spoken };
    match on_unknown {
        OnUnknown::Refuse => Err(ToolstackError::Unvendored(unvendored)),
        OnUnknown::Mark => Ok(Toolstack::Unvendored(unvendored)),
    }
}

/// The version of an interface that Xen speaks.
fn search(
    xen: &Xen<impl Conduit>,
    interface: Interface,
) -> core::result::Result<u32, ToolstackError> {
    let operation = interface.operation();
    xen.can(operation).map_err(Error::from)?;
    let predicted = Interfaces::of(xen.release()).unwrap_or(Interfaces::OLDEST);
    let predicted = interface.of(predicted);
    let newest = interface.of(Interfaces::NEWEST) + AHEAD;
    let all = (interface.of(Interfaces::OLDEST)..=newest).rev();
    let others = all.filter(|&version| version != predicted);
    for version in core::iter::once(predicted).chain(others) {
        if speaks(xen, interface, version)? {
            return Ok(version);
        }
    }
    Err(ToolstackError::NoVersion {
        call: operation.name(),
        newest,
    })
}

/// Whether Xen speaks a version of an interface.
fn speaks(xen: &Xen<impl Conduit>, interface: Interface, version: u32) -> Result<bool> {
    let operation = interface.operation();
    let answer = ask(xen, interface, version);
    let Err(error) = checked(operation.name(), answer) else {
        return Ok(true);
    };
    let Error::Refused { errno, .. } = error else {
        return Err(error);
    };
    match errno {
        Errno::EACCES => Ok(false),
        // No domain has this number, nor could one have it. Xen looked for it, so it took the argument.
        Errno::ESRCH | Errno::EINVAL if interface == Interface::Domctl => Ok(true),
        // This caller may not, which older releases find out before they look at the version.
        Errno::EPERM if !xen.release().before(interface.version_first()) => Ok(true),
        // All releases know both questions, so it is the hypercall that is not there.
        Errno::ENOSYS => {
            xen.withhold(operation);
            Err(xen.can(operation).map_or_else(Error::from, |()| error))
        }
        _ => Err(error),
    }
}

/// Asks something that changes nothing, and returns the answer.
fn ask(xen: &Xen<impl Conduit>, interface: Interface, version: u32) -> isize {
    use newest::{domctl as d, sysctl as s};

    /// An argument, with room for a release whose structure is larger: Xen copies as much as it knows.
    #[repr(C)]
    struct Roomy<T>(T, [u64; 32]);

    let carry = |address: usize| {
        let number = interface.operation().hypercall();
        // SAFETY: the address is that of an argument with all its handles null, which is alive and used
        // by nobody else until the call is over. Both questions read and write it, no more.
        let answer = unsafe { xen.hypercall(number, [address, 0, 0, 0, 0]) };
        answer as i32 as isize
    };
    match interface {
        Interface::Domctl => {
            let mut argument = Roomy(d::xen_domctl::ZERO, [0; 32]);
            argument.0.cmd = d::XEN_DOMCTL_getdomaininfo as u32;
            argument.0.interface_version = version;
            argument.0.domain = DomId::INVALID.get();
            carry((&raw mut argument).expose_provenance())
        }
        Interface::Sysctl => {
            let mut argument = Roomy(s::xen_sysctl::ZERO, [0; 32]);
            argument.0.cmd = s::XEN_SYSCTL_getdomaininfolist as u32;
            argument.0.interface_version = version;
            carry((&raw mut argument).expose_provenance())
        }
    }
}

/// Makes one call of an interface; `call` is its name for errors.
///
/// # Safety
///
/// As for [`Conduit::hypercall`] with the address of `argument` alone; the call reads and writes no
/// more than `argument` there, apart from what handles in it name.
#[inline]
pub(super) unsafe fn carry<T>(
    xen: &Xen<impl Conduit>,
    interface: Interface,
    version: u32,
    call: &'static str,
    argument: &mut T,
) -> Result<usize> {
    let operation = interface.operation();
    xen.can(operation)?;
    let address = (&raw mut *argument).expose_provenance();
    // SAFETY: the caller keeps the contract of this call, and `argument` is borrowed for it.
    let answer = unsafe { xen.hypercall(operation.hypercall(), [address, 0, 0, 0, 0]) };
    let answer = answer as i32 as isize;
    if answer >= 0 {
        Ok(answer as usize)
    } else {
        Err(refused(xen, interface, version, call, answer))
    }
}

/// The result of a command whose only success is 0.
#[inline]
pub(super) fn no_more_than_done(call: &'static str, answer: usize) -> Result<()> {
    let nonsense = Error::Nonsense {
        call,
        answer: answer as isize,
    };
    if answer == 0 { Ok(()) } else { Err(nonsense) }
}

/// A number of entries or bytes that Xen left, which is no larger than the room there was.
pub(super) fn within(call: &'static str, left: impl Into<u64>, room: usize) -> Result<usize> {
    let left = left.into();
    let answer = left as isize;
    usize::try_from(left)
        .ok()
        .filter(|&left| left <= room)
        .ok_or(Error::Nonsense { call, answer })
}

/// What a negative answer means. EACCES is a version that Xen does not speak, or what a security policy
/// says to a call it forbids; ENOSYS is an interface that was left out, or an unknown command. A
/// question that every policy allows tells them apart.
#[cold]
#[inline(never)]
fn refused(
    xen: &Xen<impl Conduit>,
    interface: Interface,
    version: u32,
    call: &'static str,
    answer: isize,
) -> Error {
    let error = match checked(call, answer) {
        Err(error) => error,
        Ok(_) => return Error::Nonsense { call, answer },
    };
    let Error::Refused { errno, .. } = error else {
        return error;
    };
    if errno != Errno::EACCES && errno != Errno::ENOSYS {
        return error;
    }
    match speaks(xen, interface, version) {
        Ok(false) if errno == Errno::EACCES => Error::VersionMismatch {
            call,
            spoken: version,
        },
        Err(Error::Unsupported(unsupported)) if errno == Errno::ENOSYS => {
            Error::Unsupported(unsupported)
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests;
