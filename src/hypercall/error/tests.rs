//! What errors say, and how answers become errors.

use super::*;
use alloc::string::ToString;

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
fn each() -> [(Error, &'static str); 23] {
    use crate::version::Span;
    let running = Release::new(4, 3, 1);
    let unsupported = |operation, why| Error::Unsupported(Unsupported { operation, why });
    let span = |first, end| Why::Release {
        running,
        guest: Guest::Arm,
        span: Span { first, end },
    };
    let send = Operation::EVTCHNOP_send;
    let stopped = |cause| Error::PartialBatch {
        call: "x",
        done: 3,
        total: 8,
        cause: Some(cause),
    };
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
                cause: Some(Errno::new(200).into()),
            },
            "__HYPERVISOR_multicall: 0 of 8 were done: unknown error 200",
        ),
        (
            stopped(Cause::Unsupported(Unsupported {
                operation: send,
                why: Why::LongMode,
            })),
            "x: 3 of 8 were done: EVTCHNOP_send: Xen does not give it to 32-bit callers",
        ),
        (
            stopped(Cause::Status(GrantStatus::BAD_GNTREF)),
            "x: 3 of 8 were done: GNTST_bad_gntref",
        ),
        (
            stopped(Cause::Nonsense(0x20000)),
            "x: 3 of 8 were done: 0x20000 is no answer that Xen's ABI knows",
        ),
        (
            stopped(Cause::VersionMismatch(0x15)),
            "x: 3 of 8 were done: Xen does not speak version 0x15 of the interface",
        ),
        (
            stopped(Cause::Argument {
                argument: "gpfn",
                value: 1 << 33,
            }),
            "x: 3 of 8 were done: gpfn can't be 0x200000000",
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
        let expected = match error {
            Error::Unsupported(_) => Some(text),
            Error::PartialBatch { cause, .. } => {
                cause.and(text.split_once(" were done: ").map(|(_, cause)| cause))
            }
            _ => None,
        };
        assert_eq!(source.as_deref(), expected);
    }
    assert_eq!(seen, [true; 10]);
}

#[test]
fn a_batch_ends_with_what_was_wrong_with_an_entry() {
    for (error, text) in each() {
        let (first, later) = (error.after("y", 0, 9), error.after("y", 2, 9));
        let Error::PartialBatch { done, cause, .. } = later else {
            panic!("{later}");
        };
        match error {
            Error::PartialBatch {
                done: inner,
                cause: why,
                ..
            } => {
                assert_eq!((done, cause), (2 + inner, why));
                assert!(
                    first
                        .to_string()
                        .starts_with(&alloc::format!("y: {inner} of 9"))
                );
            }
            _ => {
                assert_eq!((first, done), (error, 2));
                let why = cause.map(|cause| cause.to_string()).unwrap_or_default();
                assert!(text.ends_with(&why), "{why}");
                let known = matches!(place(&error), 0..=5 | 9);
                assert_eq!(cause.is_some(), known, "{error}");
            }
        }
    }
    let refused = Cause::from(Errno::EPERM);
    assert_eq!(refused.errno(), Some(Errno::EPERM));
    assert_eq!(Cause::Nonsense(1).errno(), None);
}
