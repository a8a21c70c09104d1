//! Each call's registers and bytes, by the number of the day and by the old one.

use alloc::vec::Vec;

use super::*;
use crate::hypercall::Errno;
use crate::hypercall::fake::{Fake, read};
use crate::version::Guest;

const NEW: Release = Release::new(4, 17, 0);
const OLD: Release = Release::new(3, 0, 0);
const CALL: u32 = 29;
const COMPAT: u32 = 6;

/// A hypervisor that answers always the same.
fn answering(release: Release, guest: Guest, answer: isize) -> Xen<Fake<'static>> {
    Fake::new(release, guest, move |_, _| answer).xen()
}

fn seconds(seconds: u32) -> NonZeroU32 {
    NonZeroU32::new(seconds).unwrap()
}

#[test]
fn yield_and_block_take_nothing() {
    for (release, guest, number) in [
        (NEW, Guest::Pv, CALL),
        (NEW, Guest::Hvm, CALL),
        (NEW, Guest::Arm, CALL),
        (Release::new(3, 0, 2), Guest::Pv, CALL),
        (OLD, Guest::Pv, COMPAT),
    ] {
        let xen = answering(release, guest, 0);
        yield_now(&xen).unwrap();
        block(&xen).unwrap();
        let expected = [(number, [0; 5]), (number, [1, 0, 0, 0, 0])];
        assert_eq!(xen.conduit().calls(), expected, "{release} {guest}");
        let xen = answering(release, guest, 3);
        assert!(matches!(
            yield_now(&xen),
            Err(Error::Nonsense { answer: 3, .. })
        ));
        assert!(matches!(
            block(&xen),
            Err(Error::Nonsense { answer: 3, .. })
        ));
    }
}

#[test]
fn withheld_calls_go_by_the_old_number_on_pv_alone() {
    for (guest, calls) in [(Guest::Pv, 3), (Guest::Hvm, 0), (Guest::Arm, 0)] {
        let xen = answering(NEW, guest, 0);
        for operation in [
            Operation::SCHEDOP_yield,
            Operation::SCHEDOP_block,
            Operation::SCHEDOP_shutdown,
        ] {
            xen.withhold(operation);
        }
        let answers = [
            yield_now(&xen),
            block(&xen),
            shutdown(&xen, ShutdownReason::CRASH),
        ];
        for answer in answers {
            assert_eq!(answer.is_ok(), guest == Guest::Pv, "{answer:?}");
        }
        assert_eq!(xen.conduit().calls().len(), calls);
    }
}

#[test]
fn a_shutdown_names_its_reason_in_memory_and_of_old_in_the_register() {
    let xen = Fake::new(NEW, Guest::Hvm, |number, [sub_op, address, ..]| {
        // SAFETY: the argument is a `sched_shutdown`, one word.
        let reason = unsafe { read::<u32>(address) };
        assert_eq!((number, sub_op, reason), (CALL, 2, 3));
        0
    })
    .xen();
    shutdown(&xen, ShutdownReason::CRASH).unwrap();
    let xen = answering(OLD, Guest::Pv, 0);
    shutdown(&xen, ShutdownReason::CRASH).unwrap();
    assert_eq!(xen.conduit().calls(), [(COMPAT, [2, 3, 0, 0, 0])]);
}

#[test]
fn a_reason_can_be_made_one_that_an_old_toolstack_knows() {
    for (reason, release, expected) in [
        (
            ShutdownReason::WATCHDOG,
            Release::new(4, 0, 1),
            ShutdownReason::CRASH,
        ),
        (
            ShutdownReason::WATCHDOG,
            Release::new(4, 1, 0),
            ShutdownReason::WATCHDOG,
        ),
        (
            ShutdownReason::SOFT_RESET,
            Release::new(4, 6, 0),
            ShutdownReason::REBOOT,
        ),
        (
            ShutdownReason::SOFT_RESET,
            Release::new(4, 7, 0),
            ShutdownReason::SOFT_RESET,
        ),
        (ShutdownReason::POWEROFF, OLD, ShutdownReason::POWEROFF),
    ] {
        assert_eq!(reason.or_older(release), expected, "{reason:?} {release}");
    }
}

#[test]
fn a_suspend_ends_in_one_of_two_ways() {
    const FRAME: Mfn = Mfn::new(0x1234);
    // SAFETY: the fake leaves the domain as it is.
    let sleep = |xen: &Xen<Fake<'_>>| unsafe { suspend(xen, Some(FRAME)) };
    for (answer, expected) in [(0, Suspended::Resumed), (1, Suspended::Cancelled)] {
        let xen = Fake::new(NEW, Guest::Pv, |number, [sub_op, address, frame, ..]| {
            // SAFETY: the argument is a `sched_shutdown`, one word.
            let reason = unsafe { read::<u32>(address) };
            assert_eq!((number, sub_op, reason, frame), (CALL, 2, 2, 0x1234));
            answer
        })
        .xen();
        assert_eq!(sleep(&xen), Ok(expected));
        let xen = answering(OLD, Guest::Pv, answer);
        assert_eq!(sleep(&xen), Ok(expected));
        assert_eq!(xen.conduit().calls(), [(COMPAT, [2, 2, 0x1234, 0, 0])]);
    }
    let nonsense = Error::Nonsense {
        call: "SCHEDOP_shutdown",
        answer: 2,
    };
    assert_eq!(sleep(&answering(NEW, Guest::Pv, 2)), Err(nonsense));
}

#[test]
fn a_poll_names_its_ports_and_blocks_where_there_is_none() {
    let ports = [EvtchnPort::new(3), EvtchnPort::new(5)];
    for (timeout, time) in [(None, 0), (Some(0), 1), (Some(1 << 40), 1 << 40)] {
        let xen = Fake::new(NEW, Guest::Arm, |number, [sub_op, address, ..]| {
            assert_eq!((number, sub_op), (CALL, 3));
            // SAFETY: the argument is a `sched_poll`.
            let argument = unsafe { read::<sched_poll>(address) };
            let (nr_ports, timeout) = (argument.nr_ports, argument.timeout);
            assert_eq!((nr_ports, timeout), (2, time));
            let ports = argument.ports;
            // SAFETY: it names two ports.
            let ports = unsafe { read::<[u32; 2]>(ports.raw() as usize) };
            assert_eq!(ports, [3, 5]);
            0
        })
        .xen();
        assert_eq!(poll(&xen, &ports, timeout), Ok(Waited::Polled));
    }
    let xen = answering(OLD, Guest::Pv, 0);
    assert_eq!(poll(&xen, &ports, None), Ok(Waited::Blocked));
    assert_eq!(xen.conduit().calls(), [(COMPAT, [1, 0, 0, 0, 0])]);
    let xen = answering(NEW, Guest::Pv, 0);
    xen.withhold(Operation::SCHEDOP_poll);
    assert_eq!(poll(&xen, &ports, None), Ok(Waited::Blocked));
    assert_eq!(xen.conduit().calls(), [(CALL, [1, 0, 0, 0, 0])]);
}

#[test]
fn a_poll_has_128_ports_at_most() {
    let ports: Vec<EvtchnPort> = (1..130).map(EvtchnPort::new).collect();
    let xen = answering(NEW, Guest::Pv, 0);
    assert_eq!(poll(&xen, &ports[..128], None), Ok(Waited::Polled));
    let too_long = Error::TooLong {
        call: "SCHEDOP_poll",
        length: 129,
        limit: 128,
    };
    assert_eq!(poll(&xen, &ports, None), Err(too_long));
    assert_eq!(xen.conduit().calls().len(), 1);
}

#[test]
fn another_domain_is_ended_by_its_number() {
    let xen = Fake::new(NEW, Guest::Pv, |number, [sub_op, address, ..]| {
        assert_eq!((number, sub_op), (CALL, 4));
        // SAFETY: the argument is a `sched_remote_shutdown`.
        let argument = unsafe { read::<sched_remote_shutdown>(address) };
        assert_eq!((argument.domain_id, argument.reason), (9, 1));
        0
    })
    .xen();
    remote_shutdown(&xen, DomId::new(9), ShutdownReason::REBOOT).unwrap();
    let xen = answering(Release::new(3, 0, 2), Guest::Pv, 0);
    let answer = remote_shutdown(&xen, DomId::new(9), ShutdownReason::REBOOT);
    assert!(matches!(answer, Err(Error::Unsupported(_))), "{answer:?}");
    assert_eq!(xen.conduit().calls(), []);
}

#[test]
fn a_reason_is_latched_or_is_the_end() {
    for (release, expected, calls) in [
        (NEW, Announced::Latched, "29.5"),
        (Release::new(4, 0, 1), Announced::Latched, "29.5"),
        (Release::new(4, 0, 0), Announced::Ended, "29.2"),
        (OLD, Announced::Ended, "6.2"),
    ] {
        let xen = answering(release, Guest::Pv, 0);
        let answer = shutdown_code(&xen, ShutdownReason::CRASH);
        assert_eq!(answer, Ok(expected), "{release}");
        assert_eq!(xen.conduit().numbers(), [calls], "{release}");
    }
}

#[test]
fn a_watchdog_is_started_poked_and_stopped() {
    let seen = core::cell::RefCell::new(Vec::new());
    let xen = Fake::new(NEW, Guest::Hvm, |number, [sub_op, address, ..]| {
        assert_eq!((number, sub_op), (CALL, 6));
        // SAFETY: the argument is a `sched_watchdog`.
        let argument = unsafe { read::<sched_watchdog>(address) };
        seen.borrow_mut().push((argument.id, argument.timeout));
        if argument.id == 0 { 2 } else { 0 }
    })
    .xen();
    let watchdog = Watchdog::start(&xen, seconds(30)).unwrap();
    assert_eq!(watchdog, Watchdog::from_id(seconds(2)));
    watchdog.poke(&xen, seconds(60)).unwrap();
    watchdog.stop(&xen).unwrap();
    assert_eq!(*seen.borrow(), [(0, 30), (2, 60), (2, 0)]);

    let xen = answering(NEW, Guest::Pv, 0);
    assert!(matches!(
        Watchdog::start(&xen, seconds(1)),
        Err(Error::Nonsense { answer: 0, .. })
    ));
    let xen = answering(NEW, Guest::Pv, 1);
    let watchdog = Watchdog::from_id(seconds(1));
    assert!(watchdog.poke(&xen, seconds(1)).is_err());
    let xen = answering(Release::new(4, 0, 1), Guest::Pv, 1);
    assert!(matches!(
        Watchdog::start(&xen, seconds(1)),
        Err(Error::Unsupported(_))
    ));
}

#[test]
fn a_processor_is_held_and_let_go() {
    let seen = core::cell::RefCell::new(Vec::new());
    let xen = Fake::new(NEW, Guest::Pv, |number, [sub_op, address, ..]| {
        assert_eq!((number, sub_op), (CALL, 7));
        // SAFETY: the argument is a `sched_pin_override`, one word.
        seen.borrow_mut().push(unsafe { read::<i32>(address) });
        0
    })
    .xen();
    pin_override(&xen, Some(3)).unwrap();
    pin_override(&xen, None).unwrap();
    let wrong = Error::Argument {
        call: "SCHEDOP_pin_override",
        argument: "pcpu",
        value: 0x8000_0000,
    };
    assert_eq!(pin_override(&xen, Some(0x8000_0000)), Err(wrong));
    assert_eq!(*seen.borrow(), [3, -1]);
}

#[test]
fn refusals_come_through() {
    let eperm = Errno::EPERM.to_return() as isize;
    for (release, call) in [
        (NEW, "SCHEDOP_shutdown"),
        (OLD, "__HYPERVISOR_sched_op_compat"),
    ] {
        let xen = answering(release, Guest::Pv, eperm);
        let errno = Errno::EPERM;
        assert_eq!(
            shutdown(&xen, ShutdownReason::REBOOT),
            Err(Error::Refused { call, errno })
        );
    }
}
