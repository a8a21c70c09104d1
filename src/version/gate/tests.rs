//! What the table says of a few rows, and how it is asked.

use super::*;
use alloc::format;

const fn release(major: u8, minor: u8, point: u8) -> Release {
    Release::new(major, minor, point)
}

const ENOSYS: Absent = Absent::Errno(Errno::ENOSYS);
const EINVAL: Absent = Absent::Errno(Errno::EINVAL);
const EOPNOTSUPP: Absent = Absent::Errno(Errno::EOPNOTSUPP);

// What stands for a call is known when it is compiled.
const _: () = assert!(Operation::EVTCHNOP_send.hypercall() == 32);
const _: () = assert!(Operation::EVTCHNOP_send.number() == 4);

#[test]
fn rows_are_found_by_name_and_place() {
    for (at, operation) in Operation::all().enumerate() {
        assert_eq!(operation.index(), at);
        assert_eq!(Operation::named(operation.name()), Some(operation));
        assert_eq!(format!("{operation}"), operation.name());
        if let Some(parent) = operation.parent() {
            assert_eq!(operation.hypercall(), parent.hypercall());
        } else {
            assert_eq!(operation.kind(), Kind::Hypercall);
            assert_eq!(operation.hypercall(), operation.number());
        }
    }
    assert_eq!(Operation::all().len(), Operation::COUNT);
    assert_eq!(Operation::named("EVTCHNOP_sen"), None);
    assert_eq!(
        Operation::XENMEMF_vnode.parent(),
        Operation::named("XENMEM_populate_physmap")
    );
}

#[test]
fn releases_and_guests_decide() {
    let send = Operation::EVTCHNOP_send;
    assert!(!send.offered(Guest::Pv, release(3, 0, 2)));
    assert!(send.offered(Guest::Pv, release(3, 0, 3)));
    assert!(!send.offered(Guest::Arm, release(4, 1, 6)));
    assert!(send.offered(Guest::Arm, release(4, 2, 0)));
    // A release that is newer than the table.
    assert!(send.offered(Guest::Hvm, release(5, 1, 0)));

    let status = Operation::GNTTABOP_get_status_frames;
    assert_eq!(status.span(Guest::Hvm), None);
    assert_eq!(
        status.reason(Guest::Hvm, Release::NEWEST),
        Some(Reason::Guest)
    );

    let xenoprof = Operation::XENOPROF_init;
    let gone = xenoprof.reason(Guest::Pv, release(4, 22, 0));
    let span = xenoprof.span(Guest::Pv).unwrap();
    assert_eq!(span.end, Some(release(4, 22, 0)));
    assert_eq!(gone, Some(Reason::Release { span }));
}

#[test]
fn what_was_taken_away_and_given_back() {
    let map = Operation::XENMEM_memory_map;
    let [first, second] = *map.spans(Guest::Hvm) else {
        panic!("{:?}", map.spans(Guest::Hvm));
    };
    assert!(map.offered(Guest::Hvm, release(4, 1, 6)));
    let reason = map.reason(Guest::Hvm, release(4, 4, 0));
    assert_eq!(reason, Some(Reason::Release { span: second }));
    assert!(map.offered(Guest::Hvm, release(4, 6, 0)));
    let before = map.reason(Guest::Hvm, release(3, 0, 2));
    assert_eq!(before, Some(Reason::Release { span: first }));
    assert_eq!(map.span(Guest::Hvm), Some(second));
}

#[test]
fn branches_that_took_something_over() {
    let prepare = Operation::PHYSDEVOP_prepare_msix;
    for (point, there) in [
        (release(4, 1, 4), false),
        (release(4, 1, 5), true),
        (release(4, 2, 1), false),
        (release(4, 2, 2), true),
        (release(4, 3, 0), true),
    ] {
        assert_eq!(prepare.offered(Guest::Pv, point), there, "{point}");
        assert!(!prepare.offered(Guest::Hvm, point), "{point}");
    }
    // ARM had no hypercalls then.
    let code = Operation::SCHEDOP_shutdown_code;
    assert!(code.offered(Guest::Pv, release(4, 0, 1)));
    assert!(!code.offered(Guest::Arm, release(4, 0, 1)));
}

#[test]
fn absences_show_as_the_releases_show_them() {
    let expected = |operation: Operation, guest, release| operation.expected_error(guest, release);
    let (pv, hvm, arm) = (Guest::Pv, Guest::Hvm, Guest::Arm);
    let other = Absent::OtherHypercall;
    // Numbers above 31 lose their upper bits.
    assert_eq!(
        expected(Operation::EVTCHNOP_send, pv, release(3, 0, 2)),
        other(0)
    );
    assert_eq!(
        expected(Operation::PHYSDEVOP_eoi, pv, release(3, 0, 0)),
        other(1)
    );
    assert_eq!(
        expected(Operation::__HYPERVISOR_domctl, pv, release(3, 0, 0)),
        other(4)
    );
    assert_eq!(
        expected(Operation::SCHEDOP_yield, pv, release(3, 0, 0)),
        ENOSYS
    );
    // The whole hypercall is missing, or the sub-op.
    let timer = Operation::VCPUOP_set_singleshot_timer;
    assert_eq!(expected(timer, arm, release(4, 2, 0)), ENOSYS);
    assert_eq!(expected(timer, arm, release(4, 20, 0)), EINVAL);
    assert_eq!(expected(timer, hvm, release(4, 0, 0)), ENOSYS);
    assert_eq!(expected(timer, pv, release(3, 0, 0)), Absent::FalseSuccess);
    let status = Operation::KEXEC_CMD_kexec_status;
    assert_eq!(expected(status, pv, release(3, 0, 3)), ENOSYS);
    assert_eq!(expected(status, pv, release(3, 1, 0)), EINVAL);
    assert_eq!(expected(status, pv, release(4, 8, 0)), Absent::FalseSuccess);
    // There by its release, and left out of the build.
    let control = Operation::EVTCHNOP_init_control;
    assert_eq!(expected(control, pv, release(4, 21, 0)), EOPNOTSUPP);
    assert_eq!(expected(control, pv, release(4, 3, 0)), ENOSYS);
    let feature = Operation::XENFEAT_hvm_pirqs;
    assert_eq!(expected(feature, hvm, release(4, 0, 0)), Absent::BitClear);
}

#[test]
fn errors_that_mean_more_than_absent_are_not_taken_for_it() {
    for operation in Operation::all() {
        for guest in Guest::ALL {
            for errno in [Errno::EINVAL, Errno::EPERM, Errno::ENOENT, Errno::ESRCH] {
                assert!(!operation.means_absent(guest, errno), "{operation}");
            }
        }
    }
    let send = Operation::EVTCHNOP_send;
    assert!(send.means_absent(Guest::Pv, Errno::ENOSYS));
    assert!(!send.means_absent(Guest::Pv, Errno::EOPNOTSUPP));
    let argo = Operation::XEN_ARGO_OP_sendv;
    assert!(argo.means_absent(Guest::Arm, Errno::ENOSYS));
    // Only ARM is told so of the option; elsewhere it is about the device.
    let add = Operation::PHYSDEVOP_pci_device_add;
    assert!(add.means_absent(Guest::Arm, Errno::EOPNOTSUPP));
    assert!(!add.means_absent(Guest::Hvm, Errno::EOPNOTSUPP));
    assert!(argo.means_absent(Guest::Arm, Errno::EOPNOTSUPP));
    assert!(!Operation::EVTCHNOP_set_priority.is_sticky());
    assert!(send.is_sticky());
}

#[test]
fn no_release_offers_what_another_hypercall_answers() {
    for operation in Operation::all().filter(|operation| operation.hypercall() > 31) {
        for point in [0, 1, 2] {
            let old = release(3, 0, point);
            for guest in Guest::ALL {
                assert!(!operation.offered(guest, old), "{operation} on {old}");
            }
        }
    }
}
