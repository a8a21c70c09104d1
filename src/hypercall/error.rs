//! What can go wrong with a hypercall: this Xen does not have it, Xen refuses, Xen answers nonsense,
//! or the request can't be put into words.

use core::fmt;

use xen_public::errno::Errno;
use xen_public::grant_table::GrantStatus;

use crate::version::{Guest, Operation, Release, Span};

/// The outcome of a hypercall.
pub type Result<T> = core::result::Result<T, Error>;

/// Why a hypercall gave no result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Error {
    /// The running hypervisor does not have the operation, and there is no older way to do the same.
    Unsupported(Unsupported),
    /// Xen refused.
    Refused {
        /// The call, by its name in the header (`XENVER_version`).
        call: &'static str,
        /// Xen's error number. Numbers unknown to this crate are kept.
        errno: Errno,
    },
    /// Xen speaks another version of the call's interface, whose structures differ.
    VersionMismatch {
        /// The call, by its name in the header (`__HYPERVISOR_domctl`).
        call: &'static str,
        /// The version of the interface that the call was made with.
        spoken: u32,
    },
    /// A batch ended before its end. What stands before `done` was carried out; nothing after it was.
    PartialBatch {
        /// The call, by its name in the header (`XENMEM_populate_physmap`).
        call: &'static str,
        /// How many entries were carried out.
        done: usize,
        /// How many there are.
        total: usize,
        /// Why it went no further, where that is known.
        cause: Option<Cause>,
    },
    /// Xen answered, and the entry's own status says that it was not carried out.
    Status {
        /// The call, by its name in the header (`GNTTABOP_map_grant_ref`).
        call: &'static str,
        /// The status (`GNTST_`).
        status: GrantStatus,
    },
    /// Xen's answer is not one that the ABI knows for this call.
    Nonsense {
        /// The call, by its name in the header (`XENVER_version`).
        call: &'static str,
        /// What stood in the result register, or in a word that should have been left as it was.
        answer: isize,
    },
    /// Xen answered with success, but the text it left has no terminating NUL.
    Unterminated {
        /// The call, by its name in the header (`XENVER_extraversion`).
        call: &'static str,
        /// The size of the text's buffer in bytes.
        size: usize,
    },
    /// The request holds more than its count can say, or than Xen takes; nothing was sent.
    TooLong {
        /// The call, by its name in the header (`CONSOLEIO_write`).
        call: &'static str,
        /// How many bytes or entries were to be passed.
        length: usize,
        /// How many can be passed.
        limit: usize,
    },
    /// Xen's answer is longer than the buffer for it.
    Short {
        /// The call, by its name in the header (`XENVER_build_id`).
        call: &'static str,
        /// How many bytes the buffer must have.
        needed: usize,
        /// How many it has.
        given: usize,
    },
    /// An argument is none that the call can have; nothing was sent.
    Argument {
        /// The call, by its name in the header (`HVMOP_set_param`).
        call: &'static str,
        /// The argument's name in the header (`index`).
        argument: &'static str,
        /// The value.
        value: u64,
    },
}

/// Why a batch ended before its end: what was wrong with the entry that was the first not to be carried
/// out. It is what an [`Error`] says of a single call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Cause {
    /// Xen refused, with this error number.
    Refused(Errno),
    /// The hypervisor does not have the operation of the entry.
    Unsupported(Unsupported),
    /// The entry's own status says that it was not carried out.
    Status(GrantStatus),
    /// Xen's answer is not one that the ABI knows.
    Nonsense(isize),
    /// Xen speaks another version of the interface than this one.
    VersionMismatch(u32),
    /// An argument of the entry is none that the call can have.
    Argument {
        /// The argument's name in the header.
        argument: &'static str,
        /// The value.
        value: u64,
    },
}

impl Cause {
    /// Xen's error number, if it gave one.
    pub const fn errno(&self) -> Option<Errno> {
        match *self {
            Self::Refused(errno) => Some(errno),
            _ => None,
        }
    }

    /// What an error of a single call says; `None` for one that no entry of a batch can have.
    pub(crate) const fn of(error: Error) -> Option<Self> {
        match error {
            Error::Refused { errno, .. } => Some(Self::Refused(errno)),
            Error::Unsupported(unsupported) => Some(Self::Unsupported(unsupported)),
            Error::Status { status, .. } => Some(Self::Status(status)),
            Error::Nonsense { answer, .. } => Some(Self::Nonsense(answer)),
            Error::VersionMismatch { spoken, .. } => Some(Self::VersionMismatch(spoken)),
            Error::Argument {
                argument, value, ..
            } => Some(Self::Argument { argument, value }),
            Error::PartialBatch { cause, .. } => cause,
            Error::Unterminated { .. } | Error::TooLong { .. } | Error::Short { .. } => None,
        }
    }
}

impl From<Errno> for Cause {
    fn from(errno: Errno) -> Self {
        Self::Refused(errno)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(errno) => fmt::Display::fmt(errno, f),
            Self::Unsupported(unsupported) => fmt::Display::fmt(unsupported, f),
            Self::Status(status) => fmt::Display::fmt(status, f),
            Self::Nonsense(answer) => {
                write!(f, "{answer:#x} is no answer that Xen's ABI knows")
            }
            Self::VersionMismatch(spoken) => {
                write!(f, "Xen does not speak version {spoken:#x} of the interface")
            }
            Self::Argument { argument, value } => write!(f, "{argument} can't be {value:#x}"),
        }
    }
}

impl core::error::Error for Cause {}

/// An operation that the running hypervisor does not have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unsupported {
    /// The operation.
    pub operation: Operation,
    /// Why it is not there.
    pub why: Why,
}

/// Why a hypervisor does not have an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Why {
    /// Other releases have it.
    Release {
        /// The release that is running.
        running: Release,
        /// The kind of guest that asks.
        guest: Guest,
        /// The next releases that have it for this kind of guest, or the last ones that had.
        span: Span,
    },
    /// No release has it for this kind of guest.
    Guest(Guest),
    /// The release has it for domains with a feature that Xen announces, and this one does not have it.
    Feature(Operation),
    /// The release has it for callers in 64-bit mode, and this one is not.
    LongMode,
    /// The release has it, but this hypervisor was built or started without it: it said so when it
    /// was asked. [`Xen::withhold`](super::Xen::withhold) has the same effect.
    Build {
        /// The release that is running.
        running: Release,
    },
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operation = self.operation;
        match self.why {
            Why::Release {
                running,
                guest,
                span: Span { first, end },
            } => match end {
                Some(end) if !running.before(end) => write!(
                    f,
                    "{operation}: Xen {running} does not have it: it went with Xen {end}"
                ),
                _ => write!(
                    f,
                    "{operation}: Xen {running} does not have it: it came to {guest} guests with Xen {first}"
                ),
            },
            Why::Guest(guest) => write!(f, "{operation}: Xen does not give it to {guest} guests"),
            Why::Feature(feature) => {
                write!(
                    f,
                    "{operation}: Xen gives it to domains with {feature}, which is off"
                )
            }
            Why::LongMode => write!(f, "{operation}: Xen does not give it to 32-bit callers"),
            Why::Build { running } => write!(
                f,
                "{operation}: this Xen {running} was built or started without it"
            ),
        }
    }
}

impl core::error::Error for Unsupported {}

impl From<Unsupported> for Error {
    fn from(unsupported: Unsupported) -> Self {
        Self::Unsupported(unsupported)
    }
}

impl Error {
    /// The error of a batch of `total` entries, of which `done` were carried out before one ended with this
    /// error: what was refused at the first entry stays what it is.
    #[cfg_attr(
        not(any(
            target_arch = "x86",
            target_arch = "x86_64",
            target_arch = "arm",
            target_arch = "aarch64"
        )),
        allow(dead_code)
    )]
    #[cold]
    pub(crate) fn after(self, call: &'static str, done: usize, total: usize) -> Self {
        let done = match self {
            Self::PartialBatch { done: more, .. } => done + more,
            error if done == 0 => return error,
            _ => done,
        };
        Self::PartialBatch {
            call,
            done,
            total,
            cause: Cause::of(self),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Unsupported(unsupported) => fmt::Display::fmt(&unsupported, f),
            Self::Refused { call, errno } => write!(f, "{call}: Xen refused: {errno}"),
            Self::VersionMismatch { call, spoken } => write!(
                f,
                "{call}: Xen does not speak version {spoken:#x} of the interface"
            ),
            Self::PartialBatch {
                call,
                done,
                total,
                cause,
            } => {
                write!(f, "{call}: {done} of {total} were done")?;
                match cause {
                    Some(cause) => write!(f, ": {cause}"),
                    None => Ok(()),
                }
            }
            Self::Status { call, status } => write!(f, "{call}: {status}"),
            Self::Nonsense { call, answer } => {
                write!(f, "{call}: {answer:#x} is no answer that Xen's ABI knows")
            }
            Self::Unterminated { call, size } => {
                write!(f, "{call}: the text has no end within its {size} bytes")
            }
            Self::TooLong {
                call,
                length,
                limit,
            } => write!(
                f,
                "{call}: {length} to be passed, but at most {limit} can be"
            ),
            Self::Short {
                call,
                needed,
                given,
            } => write!(
                f,
                "{call}: a buffer of {needed} bytes is needed, and this one has {given}"
            ),
            Self::Argument {
                call,
                argument,
                value,
            } => write!(f, "{call}: {argument} can't be {value:#x}"),
        }
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Unsupported(unsupported) => Some(unsupported),
            Self::PartialBatch {
                cause: Some(cause), ..
            } => Some(cause),
            _ => None,
        }
    }
}

/// Takes an answer apart: 0 and above is the call's own result, -4095 to -1 an error of Xen, and
/// anything below that nonsense.
pub(crate) fn checked(call: &'static str, answer: isize) -> Result<usize> {
    match Errno::check(answer as i64) {
        Err(errno) => Err(Error::Refused { call, errno }),
        Ok(_) => usize::try_from(answer).map_err(|_| Error::Nonsense { call, answer }),
    }
}

/// The same for a call whose only success is 0.
pub(crate) fn done(call: &'static str, answer: isize) -> Result<()> {
    match checked(call, answer)? {
        0 => Ok(()),
        _ => Err(Error::Nonsense { call, answer }),
    }
}

#[cfg(test)]
mod tests;
