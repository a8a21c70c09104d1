//! What is offered, what is learned, and what goes over the conduit.

use alloc::vec::Vec;

use super::*;
use crate::hypercall::Errno;
use crate::hypercall::fake::Fake;
use crate::version::Span;

const NEW: Release = Release::new(4, 17, 0);
const ENOSYS: isize = Errno::ENOSYS.to_return() as isize;

/// A hypervisor that answers always the same.
fn answering(release: Release, guest: Guest, answer: isize) -> Xen<Fake<'static>> {
    Fake::new(release, guest, move |_, _| answer).xen()
}

/// Whether the table offers an operation to a guest to whom Xen announces no feature.
fn by_table(operation: Operation, guest: Guest, release: Release) -> bool {
    let rows = core::iter::successors(Some(operation), |row| row.parent());
    let mut needs = rows.flat_map(|row| row.build().iter());
    operation.offered(guest, release)
        && !needs.any(|build| {
            let missing = match build.needs {
                Needs::Option => false,
                Needs::Feature(_) => true,
                Needs::LongMode => cfg!(target_arch = "x86"),
            };
            missing && build.matters(guest, release)
        })
}

/// Makes a call without pointers.
fn call(xen: &Xen<Fake<'_>>, operation: Operation) -> Result<usize> {
    // SAFETY: a fake uses no memory for it.
    unsafe { xen.call(operation, [1, 2, 3, 4]) }
}

#[test]
fn what_is_offered_is_what_the_table_says() {
    for guest in Guest::ALL {
        for release in [
            Release::OLDEST,
            Release::new(3, 0, 3),
            Release::new(4, 2, 0),
            NEW,
            Release::NEWEST,
        ] {
            let xen = answering(release, guest, 0);
            for operation in Operation::all() {
                let offered = by_table(operation, guest, release);
                assert_eq!(xen.can(operation).is_ok(), offered, "{operation}");
            }
        }
    }
}

#[test]
fn the_reason_is_release_guest_or_build() {
    let xen = answering(Release::new(4, 3, 0), Guest::Pv, 0);
    let operation = Operation::EVTCHNOP_init_control;
    let why = Why::Release {
        running: Release::new(4, 3, 0),
        guest: Guest::Pv,
        span: Span {
            first: Release::new(4, 4, 0),
            end: None,
        },
    };
    assert_eq!(xen.can(operation), Err(Unsupported { operation, why }));
    let operation = Operation::__HYPERVISOR_set_gdt;
    let xen = answering(NEW, Guest::Hvm, 0);
    let why = Why::Guest(Guest::Hvm);
    assert_eq!(xen.can(operation), Err(Unsupported { operation, why }));
    let operation = Operation::EVTCHNOP_send;
    xen.withhold(operation);
    let why = Why::Build { running: NEW };
    assert_eq!(xen.can(operation), Err(Unsupported { operation, why }));
}

#[test]
fn a_missing_feature_or_mode_is_a_reason_of_its_own() {
    let xen = answering(NEW, Guest::Hvm, 0);
    let operation = Operation::PHYSDEVOP_eoi;
    let why = Why::Feature(Operation::XENFEAT_hvm_pirqs);
    assert_eq!(xen.can(operation), Err(Unsupported { operation, why }));
    // So does what belongs to an operation that is not there.
    let old = answering(Release::new(4, 17, 0), Guest::Hvm, 0);
    for operation in [
        Operation::MAP_PIRQ_TYPE_MSI,
        Operation::MAP_PIRQ_TYPE_GSI,
        Operation::MAP_PIRQ_TYPE_MSI_SEG,
        Operation::MAP_PIRQ_TYPE_MULTI_MSI,
    ] {
        assert_eq!(old.can(operation), Err(Unsupported { operation, why }));
    }
    let operation = Operation::XENMEM_claim_pages;
    let why = Why::LongMode;
    let expected = if cfg!(target_arch = "x86") {
        Err(Unsupported { operation, why })
    } else {
        Ok(())
    };
    assert_eq!(xen.can(operation), expected);
}

#[test]
fn a_call_takes_its_arguments_to_xen() {
    let xen = answering(NEW, Guest::Pv, 7);
    assert_eq!(call(&xen, Operation::EVTCHNOP_send), Ok(7));
    // SAFETY: a fake uses no memory for it.
    let plain = unsafe { xen.call_plain(Operation::__HYPERVISOR_multicall, [1, 2, 3, 4, 5]) };
    assert_eq!(plain, Ok(7));
    assert_eq!(
        xen.conduit().calls(),
        [(32, [4, 1, 2, 3, 4]), (13, [1, 2, 3, 4, 5])]
    );
    assert_eq!(Conduit::guest(&xen), Some(Guest::Pv));
    let by_reference: &Fake<'_> = xen.conduit();
    assert_eq!(by_reference.calls().len(), 2);
    drop(xen.into_conduit());
}

#[test]
fn what_is_not_offered_is_not_called() {
    let xen = answering(Release::new(3, 0, 2), Guest::Pv, 0);
    let answer = call(&xen, Operation::EVTCHNOP_send);
    assert!(matches!(answer, Err(Error::Unsupported(_))), "{answer:?}");
    // SAFETY: the call is not made.
    let answer = unsafe { xen.call_long(Operation::XENMEM_claim_pages, [0; 4]) };
    assert!(matches!(answer, Err(Error::Unsupported(_))), "{answer:?}");
    assert_eq!(xen.conduit().calls(), []);
}

#[test]
fn an_answer_is_an_int_or_a_long() {
    let operation = Operation::XENMEM_maximum_ram_page;
    let wide = 0x1_0000_0002_u64 as isize;
    let xen = answering(NEW, Guest::Pv, wide);
    assert_eq!(call(&xen, operation), Ok(2), "the rest is of no meaning");
    // SAFETY: a fake uses no memory for it.
    let long = unsafe { xen.call_long(operation, [0; 4]) };
    assert_eq!(long, Ok(wide as usize));
    // An int of -1 without its sign above.
    #[cfg(target_pointer_width = "64")]
    {
        let xen = answering(NEW, Guest::Pv, 0xffff_ffff);
        let call_name = operation.name();
        let refused = Error::Refused {
            call: call_name,
            errno: Errno::EPERM,
        };
        assert_eq!(call(&xen, operation), Err(refused));
    }
}

#[test]
fn a_negative_answer_is_an_errno_or_nonsense() {
    let operation = Operation::EVTCHNOP_send;
    let name = operation.name();
    for (answer, errno) in [(-1, 1), (-22, 22), (-4095, 4095)] {
        let xen = answering(NEW, Guest::Pv, answer);
        let errno = Errno::new(errno);
        let refused = Error::Refused { call: name, errno };
        assert_eq!(call(&xen, operation), Err(refused));
        assert!(xen.can(operation).is_ok(), "nothing is learned from it");
    }
    for answer in [-4096, i32::MIN as isize] {
        let xen = answering(NEW, Guest::Pv, answer);
        let nonsense = Error::Nonsense { call: name, answer };
        assert_eq!(call(&xen, operation), Err(nonsense));
    }
}

#[test]
fn an_answer_that_means_absent_is_remembered() {
    let xen = answering(NEW, Guest::Pv, ENOSYS);
    let operation = Operation::EVTCHNOP_send;
    let why = Why::Build { running: NEW };
    let unsupported = Error::Unsupported(Unsupported { operation, why });
    assert_eq!(call(&xen, operation), Err(unsupported));
    assert_eq!(call(&xen, operation), Err(unsupported));
    assert_eq!(xen.conduit().calls().len(), 1);
    assert!(
        xen.can(Operation::EVTCHNOP_close).is_ok(),
        "the others stay"
    );
}

#[test]
fn an_answer_that_may_change_is_not_remembered() {
    let operation = Operation::EVTCHNOP_set_priority;
    assert!(!operation.is_sticky());
    let xen = answering(NEW, Guest::Pv, ENOSYS);
    for _ in 0..2 {
        let refused = Error::Refused {
            call: operation.name(),
            errno: Errno::ENOSYS,
        };
        assert_eq!(call(&xen, operation), Err(refused));
    }
    assert_eq!(xen.conduit().calls().len(), 2);
}

#[test]
fn withholding_touches_one_operation_or_one_hypercall() {
    for operation in Operation::all() {
        let xen = answering(NEW, Guest::Pv, 0);
        xen.withhold(operation);
        for other in Operation::all() {
            let offered = other != operation && by_table(other, Guest::Pv, NEW);
            assert_eq!(xen.can(other).is_ok(), offered, "{operation} {other}");
        }
    }
    let xen = answering(NEW, Guest::Pv, 0);
    xen.withhold_hypercall(Operation::EVTCHNOP_send);
    for other in Operation::all() {
        let offered = other.hypercall() != 32 && by_table(other, Guest::Pv, NEW);
        assert_eq!(xen.can(other).is_ok(), offered, "{other}");
    }
}

/// Whether the table names an older way of an operation, or of one of its older ways that is absent.
fn leads(xen: &Xen<Fake<'_>>, operation: Operation, older: Operation) -> bool {
    let mut ways = operation.via(xen.release());
    ways.any(|way| way == older || (xen.can(way).is_err() && leads(xen, way, older)))
}

#[test]
fn a_plan_is_direct_or_the_first_older_way_or_none() {
    let send = Operation::EVTCHNOP_send;
    let compat = Operation::__HYPERVISOR_event_channel_op_compat;
    let xen = answering(NEW, Guest::Pv, 0);
    assert_eq!(xen.plan(send), Plan::Direct);
    xen.withhold(send);
    assert_eq!(xen.plan(send), Plan::Fallback(compat));
    xen.withhold(compat);
    let why = Why::Build { running: NEW };
    let operation = send;
    assert_eq!(
        xen.plan(send),
        Plan::Unsupported(Unsupported { operation, why })
    );
    let xen = answering(Release::new(3, 0, 0), Guest::Pv, 0);
    assert_eq!(xen.plan(send), Plan::Fallback(compat));
    let plans: Vec<Plan> = Operation::all().map(|each| xen.plan(each)).collect();
    for (operation, plan) in Operation::all().zip(plans) {
        match plan {
            Plan::Direct => assert!(xen.can(operation).is_ok()),
            Plan::Fallback(older) => {
                assert!(leads(&xen, operation, older) && xen.can(older).is_ok());
            }
            Plan::Unsupported(unsupported) => {
                assert_eq!(xen.can(operation), Err(unsupported));
                let mut ways = operation.via(xen.release());
                assert!(ways.all(|older| xen.can(older).is_err()));
            }
        }
    }
}
