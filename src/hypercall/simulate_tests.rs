//! The operations against a simulated hypervisor, honest and lying.

use super::*;
use crate::hypercall::{Error, console_io, sched_op, xen_version};

const REFUSED: fn(i32) -> Error = |number| Error::Refused(Errno::new(number));

#[test]
fn each_release_answers_as_itself() {
    for (release, text) in [
        (Release::V4_14, "4.14.6"),
        (Release::V4_17, "4.17.5"),
        (Release::V4_20, "4.20.4-pre"),
    ] {
        let xen = Simulated::new(release);
        let version = xen_version::version(&xen).unwrap();
        let extra = xen_version::extraversion(&xen).unwrap();
        assert_eq!(alloc::format!("{version}{extra}"), text);
        assert_eq!(xen_version::features(&xen), Ok(release.features));
        assert_eq!(xen_version::feature_submap(&xen, 1), Err(REFUSED(22)));
        let capabilities = xen_version::capabilities(&xen).unwrap();
        assert!(capabilities.as_bytes().starts_with(b"xen-3.0-x86_64 "));
    }
}

#[test]
fn calls_are_recorded_as_they_arrive() {
    let xen = Simulated::new(Release::V4_17);
    console_io::write(&xen, b"abc").unwrap();
    console_io::write(&xen, b"").unwrap();
    console_io::write(&xen, b"d\n").unwrap();
    assert_eq!(xen.console(), b"abcd\n");
    let calls = xen.calls();
    assert_eq!(calls.len(), 3);
    assert_eq!(
        (
            calls[0].number,
            calls[0].arguments[0],
            calls[0].arguments[1]
        ),
        (18, 0, 3)
    );
    assert_eq!(calls[0].arguments[3..], [0, 0]);
}

#[test]
fn a_domain_ends_with_its_reason() {
    let xen = Simulated::new(Release::V4_20);
    assert_eq!(xen.ended(), None);
    sched_op::shutdown(&xen, ShutdownReason::REBOOT).unwrap();
    assert_eq!(xen.ended(), Some(ShutdownReason::REBOOT));
    sched_op::shutdown(&xen, ShutdownReason(0x103)).unwrap();
    assert_eq!(xen.ended(), Some(ShutdownReason::CRASH), "Xen keeps 8 bits");
}

#[test]
fn what_it_does_not_know_is_not_there() {
    let xen = Simulated::new(Release::V4_14);
    for number in [0, 17, 18, 29, 63, 64, u32::MAX] {
        // SAFETY: the simulated hypervisor touches no memory for sub-op 99.
        let answer = unsafe { xen.hypercall(number, [99, 0, 0, 0, 0]) };
        assert_eq!(answer, ENOSYS, "{number}");
    }
}

#[test]
fn what_cannot_be_memory_is_a_fault() {
    let xen = Simulated::new(Release::V4_14);
    for (number, arguments) in [
        (17, [1, 0, 0, 0, 0]),
        (17, [3, usize::MAX - 100, 0, 0, 0]),
        (17, [6, 0, 0, 0, 0]),
        (18, [0, 1, 0, 0, 0]),
        (18, [0, 2, usize::MAX, 0, 0]),
        (29, [2, 0, 0, 0, 0]),
    ] {
        // SAFETY: none of these addresses can be memory, and the simulated hypervisor says so
        // before it looks there.
        let answer = unsafe { xen.hypercall(number, arguments) };
        assert_eq!(answer, EFAULT, "{number} {arguments:x?}");
    }
    assert_eq!((xen.console(), xen.ended()), (Vec::new(), None));
}

/// What `version` makes of an answer.
fn version_of(answer: isize) -> crate::hypercall::Result<Version> {
    let xen = Simulated::new(Release::V4_17);
    xen.falsify(17, 0, answer);
    xen_version::version(&xen)
}

#[test]
fn nonsense_is_an_error() {
    assert_eq!(
        version_of(0x0004_0011),
        Ok(Version {
            major: 4,
            minor: 17
        })
    );
    assert_eq!(version_of(0x0003_0000), Ok(Version { major: 3, minor: 0 }));
    assert_eq!(version_of(-38), Err(REFUSED(38)));
    assert_eq!(
        version_of(-5000),
        Err(Error::Nonsense {
            call: "XENVER_version",
            answer: -5000
        })
    );
    assert_eq!(
        version_of(17),
        Err(Error::Nonsense {
            call: "XENVER_version",
            answer: 17
        })
    );
    #[cfg(target_pointer_width = "64")]
    assert!(version_of(0x1_0004_0011).is_err(), "more than 32 bits");

    let xen = Simulated::new(Release::V4_17);
    xen.falsify(17, 1, 0);
    xen.falsify(17, 6, 4);
    xen.falsify(18, 0, 3);
    xen.falsify(29, 2, -1);
    let unterminated = Error::Unterminated {
        call: "XENVER_extraversion",
        size: 16,
    };
    assert_eq!(
        xen_version::extraversion(&xen),
        Err(unterminated),
        "success, but nothing written"
    );
    assert!(matches!(
        xen_version::features(&xen),
        Err(Error::Nonsense { answer: 4, .. })
    ));
    assert!(matches!(
        console_io::write(&xen, b"abc"),
        Err(Error::Nonsense { answer: 3, .. })
    ));
    assert_eq!(
        sched_op::shutdown(&xen, ShutdownReason::REBOOT),
        Err(REFUSED(1))
    );
    assert_eq!(xen.ended(), None);
}

#[test]
fn long_texts_are_cut_as_xen_cuts_them() {
    let xen = Simulated::new(Release {
        extraversion: ".5-a-very-long-branch-name",
        ..Release::V4_17
    });
    assert_eq!(
        xen_version::extraversion(&xen).unwrap().as_bytes(),
        b".5-a-very-long-"
    );
}
