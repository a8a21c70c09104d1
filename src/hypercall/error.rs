//! What can go wrong with a hypercall: Xen refuses, Xen answers nonsense, or the request can't be
//! put into words.

use core::fmt;

use xen_public::errno::Errno;

/// The outcome of a hypercall.
pub type Result<T> = core::result::Result<T, Error>;

/// Why a hypercall gave no result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Error {
    /// Xen refused.
    Refused {
        /// The call, by its name in the header (`XENVER_version`).
        call: &'static str,
        /// Xen's error number. Numbers unknown to this crate are kept.
        errno: Errno,
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
    /// The request holds more bytes than its count can say; nothing was sent.
    TooLong {
        /// The call, by its name in the header (`CONSOLEIO_write`).
        call: &'static str,
        /// How many bytes were to be passed.
        length: usize,
        /// How many can be passed.
        limit: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Refused { call, errno } => write!(f, "{call}: Xen refused: {errno}"),
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
            } => {
                write!(
                    f,
                    "{call}: {length} bytes, but at most {limit} can be passed"
                )
            }
        }
    }
}

impl core::error::Error for Error {}

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
}
