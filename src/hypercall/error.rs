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
        /// Xen's reason, where it gives one.
        cause: Option<Errno>,
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
    /// error: what was refused at the first entry stays a refusal.
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
        match self {
            Self::Refused { errno, .. } if done > 0 => Self::PartialBatch {
                call,
                done,
                total,
                cause: Some(errno),
            },
            Self::PartialBatch {
                done: more, cause, ..
            } => Self::PartialBatch {
                call,
                done: done + more,
                total,
                cause,
            },
            error => error,
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
                    Some(errno) => write!(f, ": {errno}"),
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
mod tests {
    use super::*;

    #[test]
    fn answers_are_taken_apart_at_the_borders() {
        let nonsense = |answer| Err(Error::Nonsense { call: "x", answer });
        let refused = |errno| Err(Error::Refused { call: "x", errno });
        assert_eq!(checked("x", 0), Ok(0));
        assert_eq!(checked("x", isize::MAX), Ok(isize::MAX as usize));
        assert_eq!(checked("x", -1), refused(Errno::EPERM));
        assert_eq!(checked("x", -4095), refused(Errno::new(4095)));
        assert_eq!(checked("x", -4096), nonsense(-4096));
        assert_eq!(checked("x", isize::MIN), nonsense(isize::MIN));
    }

    #[test]
    fn only_zero_is_done() {
        assert_eq!(done("x", 0), Ok(()));
        assert_eq!(
            done("x", 1),
            Err(Error::Nonsense {
                call: "x",
                answer: 1
            })
        );
        let refused = done("x", -38).unwrap_err();
        let expected = Error::Refused {
            call: "x",
            errno: Errno::ENOSYS,
        };
        assert_eq!(refused, expected);
        let text = alloc::format!("{refused}");
        assert!(text.starts_with("x: Xen refused: ENOSYS (38)"), "{text}");
    }

    /// One of each variant, and what it prints.
    fn each() -> [(Error, &'static str); 18] {
        use crate::version::Span;
        let running = Release::new(4, 3, 1);
        let unsupported = |operation, why| Error::Unsupported(Unsupported { operation, why });
        let span = |first, end| Why::Release {
            running,
            guest: Guest::Arm,
            span: Span { first, end },
        };
        let send = Operation::EVTCHNOP_send;
        [
            (
                unsupported(send, span(Release::new(4, 4, 0), None)),
                "EVTCHNOP_send: Xen 4.3.1 does not have it: it came to ARM guests with Xen 4.4",
            ),
            (
                unsupported(
                    send,
                    span(Release::new(4, 0, 0), Some(Release::new(4, 3, 0))),
                ),
                "EVTCHNOP_send: Xen 4.3.1 does not have it: it went with Xen 4.3",
            ),
            (
                unsupported(
                    send,
                    span(Release::new(4, 4, 0), Some(Release::new(4, 5, 0))),
                ),
                "EVTCHNOP_send: Xen 4.3.1 does not have it: it came to ARM guests with Xen 4.4",
            ),
            (
                unsupported(send, Why::Guest(Guest::Hvm)),
                "EVTCHNOP_send: Xen does not give it to x86 HVM or PVH guests",
            ),
            (
                unsupported(send, Why::Build { running }),
                "EVTCHNOP_send: this Xen 4.3.1 was built or started without it",
            ),
            (
                unsupported(send, Why::Feature(Operation::XENFEAT_hvm_pirqs)),
                "EVTCHNOP_send: Xen gives it to domains with XENFEAT_hvm_pirqs, which is off",
            ),
            (
                unsupported(send, Why::LongMode),
                "EVTCHNOP_send: Xen does not give it to 32-bit callers",
            ),
            (
                Error::Refused {
                    call: "EVTCHNOP_send",
                    errno: Errno::EINVAL,
                },
                "EVTCHNOP_send: Xen refused: EINVAL (22): an argument is not valid",
            ),
            (
                Error::Refused {
                    call: "EVTCHNOP_send",
                    errno: Errno::new(4095),
                },
                "EVTCHNOP_send: Xen refused: unknown error 4095",
            ),
            (
                Error::VersionMismatch {
                    call: "__HYPERVISOR_domctl",
                    spoken: 0x15,
                },
                "__HYPERVISOR_domctl: Xen does not speak version 0x15 of the interface",
            ),
            (
                Error::PartialBatch {
                    call: "XENMEM_populate_physmap",
                    done: 3,
                    total: 8,
                    cause: None,
                },
                "XENMEM_populate_physmap: 3 of 8 were done",
            ),
            (
                Error::PartialBatch {
                    call: "__HYPERVISOR_multicall",
                    done: 0,
                    total: 8,
                    cause: Some(Errno::new(200)),
                },
                "__HYPERVISOR_multicall: 0 of 8 were done: unknown error 200",
            ),
            (
                Error::Status {
                    call: "GNTTABOP_copy",
                    status: GrantStatus::BAD_GNTREF,
                },
                "GNTTABOP_copy: GNTST_bad_gntref",
            ),
            (
                Error::Nonsense {
                    call: "XENVER_version",
                    answer: 0x20000,
                },
                "XENVER_version: 0x20000 is no answer that Xen's ABI knows",
            ),
            (
                Error::Unterminated {
                    call: "XENVER_extraversion",
                    size: 16,
                },
                "XENVER_extraversion: the text has no end within its 16 bytes",
            ),
            (
                Error::TooLong {
                    call: "SCHEDOP_poll",
                    length: 129,
                    limit: 128,
                },
                "SCHEDOP_poll: 129 to be passed, but at most 128 can be",
            ),
            (
                Error::Short {
                    call: "XENVER_build_id",
                    needed: 24,
                    given: 4,
                },
                "XENVER_build_id: a buffer of 24 bytes is needed, and this one has 4",
            ),
            (
                Error::Argument {
                    call: "HVMOP_set_param",
                    argument: "index",
                    value: 0x30,
                },
                "HVMOP_set_param: index can't be 0x30",
            ),
        ]
    }

    /// The variant's place. One that is added has to be added here, and above.
    const fn place(error: &Error) -> usize {
        match error {
            Error::Unsupported(_) => 0,
            Error::Refused { .. } => 1,
            Error::VersionMismatch { .. } => 2,
            Error::PartialBatch { .. } => 3,
            Error::Status { .. } => 4,
            Error::Nonsense { .. } => 5,
            Error::Unterminated { .. } => 6,
            Error::TooLong { .. } => 7,
            Error::Short { .. } => 8,
            Error::Argument { .. } => 9,
        }
    }

    #[test]
    fn each_error_says_what_was_wrong() {
        use core::error::Error as _;
        let mut seen = [false; 10];
        for (error, text) in each() {
            seen[place(&error)] = true;
            assert_eq!(alloc::format!("{error}"), text);
            let source = error.source().map(|source| alloc::format!("{source}"));
            let unsupported = matches!(error, Error::Unsupported(_));
            assert_eq!(source.as_deref(), unsupported.then_some(text));
        }
        assert_eq!(seen, [true; 10]);
    }
}
