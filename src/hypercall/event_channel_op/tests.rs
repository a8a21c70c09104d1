//! Each call's registers and bytes, by the number of the day and by the old one.

use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::hypercall::fake::{Fake, read, write};
use crate::hypercall::{Unsupported, Why};
use crate::version::{Guest, Release};

const NEW: Release = Release::new(4, 17, 0);
const OLD: Release = Release::new(3, 0, 0);
const CALL: u32 = 32;
const COMPAT: u32 = 16;
const ENOSYS: isize = Errno::ENOSYS.to_return() as isize;
const EINVAL: isize = Errno::EINVAL.to_return() as isize;

const PORT: EvtchnPort = EvtchnPort::new(7);
const VCPU: VcpuId = VcpuId::new(3);
const DOMAIN: DomId = DomId::new(0x1234);

/// A hypervisor that writes `answer` over the argument of `sub_op`, at `offset`, whichever way it came,
/// and keeps what stood there.
fn answering<'a>(
    release: Release,
    guest: Guest,
    (offset, answer): (usize, u32),
    seen: &'a core::cell::RefCell<Vec<(u32, u32, Vec<u32>)>>,
) -> Xen<Fake<'a>> {
    let words = |address: usize, count: usize| -> Vec<u32> {
        // SAFETY: each test passes structures of at least this many words.
        let word = |at| unsafe { read::<u32>(address + 4 * at) };
        (0..count).map(word).collect()
    };
    Fake::new(release, guest, move |number, arguments| {
        let (sub_op, address) = match number {
            CALL => (arguments[0] as u32, arguments[1]),
            COMPAT => {
                // SAFETY: the old call has one `evtchn_op`, whose first word is the sub-op.
                let sub_op = unsafe { read::<u32>(arguments[0]) };
                (sub_op, arguments[0] + 4)
            }
            number => panic!("hypercall {number}"),
        };
        let before = words(address, offset / 4 + 1);
        seen.borrow_mut().push((number, sub_op, before));
        // SAFETY: as above.
        unsafe { write(address + offset, answer) };
        0
    })
    .xen()
}

/// What one of the operations does, its place for the answer, its sub-op and its words before it.
type Case = (
    fn(&Xen<Fake<'_>>) -> Result<u32>,
    usize,
    u32,
    &'static [u32],
);

const CASES: [Case; 9] = [
    (
        |xen| Ok(bind_interdomain(xen, DOMAIN, PORT)?.get()),
        8,
        0,
        &[0x1234, 7, 0],
    ),
    (
        |xen| Ok(bind_virq(xen, Virq::CONSOLE, VCPU)?.get()),
        8,
        1,
        &[2, 3, 0],
    ),
    (|xen| Ok(bind_pirq(xen, 9, true)?.get()), 8, 2, &[9, 1, 0]),
    (|xen| close(xen, PORT).map(|()| 5), 0, 3, &[7]),
    (|xen| send(xen, PORT).map(|()| 5), 0, 4, &[7]),
    (
        |xen| Ok(alloc_unbound(xen, DomId::SELF, DOMAIN)?.get()),
        4,
        6,
        &[0x1234_7ff0, 0],
    ),
    (|xen| Ok(bind_ipi(xen, VCPU)?.get()), 4, 7, &[3, 0]),
    (|xen| bind_vcpu(xen, PORT, VCPU).map(|()| 5), 4, 8, &[7, 3]),
    (|xen| unmask(xen, PORT).map(|()| 5), 0, 9, &[7]),
];

#[test]
fn each_call_has_its_bytes_and_its_answer_by_either_number() {
    for (guest, release, number) in [
        (Guest::Pv, NEW, CALL),
        (Guest::Hvm, NEW, CALL),
        (Guest::Arm, NEW, CALL),
        (Guest::Pv, Release::new(3, 0, 3), CALL),
        (Guest::Pv, Release::new(3, 0, 2), COMPAT),
        (Guest::Pv, OLD, COMPAT),
    ] {
        for (operation, offset, sub_op, words) in CASES {
            if sub_op == 9 && release == OLD {
                continue; // has a test of its own
            }
            let seen = core::cell::RefCell::default();
            let xen = answering(release, guest, (offset, 5), &seen);
            assert_eq!(operation(&xen), Ok(5), "{release} {guest} {sub_op}");
            let expected = vec![(number, sub_op, words.to_vec())];
            assert_eq!(*seen.borrow(), expected, "{release} {guest}");
        }
    }
}

#[test]
fn what_is_withheld_goes_by_the_old_number_on_pv_alone() {
    let seen = core::cell::RefCell::default();
    let xen = answering(NEW, Guest::Pv, (0, 7), &seen);
    xen.withhold(Operation::EVTCHNOP_send);
    send(&xen, PORT).unwrap();
    close(&xen, PORT).unwrap();
    let numbers: Vec<u32> = seen.borrow().iter().map(|call| call.0).collect();
    assert_eq!(numbers, [COMPAT, CALL]);
    for guest in [Guest::Hvm, Guest::Arm] {
        let xen = answering(NEW, guest, (0, 7), &seen);
        xen.withhold(Operation::EVTCHNOP_send);
        let why = Why::Build { running: NEW };
        let operation = Operation::EVTCHNOP_send;
        assert_eq!(
            send(&xen, PORT),
            Err(Error::Unsupported(Unsupported { operation, why }))
        );
        assert_eq!(xen.conduit().calls(), []);
    }
}

#[test]
fn a_call_that_turns_out_to_be_missing_goes_by_the_old_number_at_once() {
    let answer = |number, _| if number == CALL { ENOSYS } else { 0 };
    let xen = Fake::new(NEW, Guest::Pv, answer).xen();
    send(&xen, PORT).unwrap();
    send(&xen, PORT).unwrap();
    let numbers: Vec<u32> = xen.conduit().calls().iter().map(|call| call.0).collect();
    assert_eq!(
        numbers,
        [CALL, COMPAT, COMPAT],
        "the second time it is known"
    );
}

#[test]
fn refusals_and_nonsense_come_through() {
    for (release, call) in [
        (NEW, "EVTCHNOP_send"),
        (OLD, "__HYPERVISOR_event_channel_op_compat"),
    ] {
        let xen = Fake::new(release, Guest::Pv, |_, _| EINVAL).xen();
        let errno = Errno::EINVAL;
        assert_eq!(send(&xen, PORT), Err(Error::Refused { call, errno }));
        let xen = Fake::new(release, Guest::Pv, |_, _| 1).xen();
        let answer = 1;
        assert_eq!(send(&xen, PORT), Err(Error::Nonsense { call, answer }));
    }
}

#[test]
fn a_port_that_can_not_be_one_is_nonsense() {
    for (operation, offset, sub_op, _) in CASES {
        let wrong = if matches!(sub_op, 0..=2 | 6 | 7) {
            [0, PORTS, u32::MAX]
        } else {
            continue;
        };
        for port in wrong {
            for release in [NEW, OLD] {
                let seen = core::cell::RefCell::default();
                let xen = answering(release, Guest::Pv, (offset, port), &seen);
                let answer = operation(&xen);
                assert!(
                    matches!(answer, Err(Error::Nonsense { answer, .. }) if answer == port as isize),
                    "{sub_op} {port:#x}: {answer:?}"
                );
            }
        }
        let seen = core::cell::RefCell::default();
        let xen = answering(NEW, Guest::Pv, (offset, PORTS - 1), &seen);
        assert_eq!(operation(&xen), Ok(PORTS - 1));
    }
}

#[test]
fn a_status_tells_what_the_port_is_bound_to() {
    for (words, binding) in [
        ([0_u32, 9, 0xffff_ffff, 9], Binding::Closed),
        ([1, 9, 0xabcd_1234, 9], Binding::Unbound(DOMAIN)),
        ([2, 9, 0xabcd_1234, 7], Binding::Interdomain(DOMAIN, PORT)),
        ([3, 9, 11, 12], Binding::Pirq(11)),
        ([4, 9, 2, 12], Binding::Virq(Virq::CONSOLE)),
        ([5, 9, 2, 12], Binding::Ipi),
        ([6, 9, 2, 12], Binding::Other(EvtchnStatus::new(6))),
    ] {
        for (release, skip) in [(NEW, 0), (OLD, 4)] {
            let xen = Fake::new(release, Guest::Pv, |_, [first, second, ..]| {
                let address = if skip == 0 { second } else { first + skip };
                // SAFETY: the argument is an `evtchn_status`, 24 bytes, of which the first 8 come in.
                let before = unsafe { read::<[u32; 2]>(address) };
                assert_eq!(before, [0x1234, 7]);
                // SAFETY: as above.
                unsafe { write(address + 8, words) };
                0
            })
            .xen();
            let vcpu = VcpuId::new(9);
            assert_eq!(status(&xen, DOMAIN, PORT), Ok(Status { binding, vcpu }));
        }
    }
}

#[test]
fn unmasking_is_the_guests_own_work_before_3_0_2() {
    for (release, calls) in [
        (OLD, 0),
        (Release::new(3, 0, 1), 0),
        (Release::new(3, 0, 2), 1),
    ] {
        let xen = Fake::new(release, Guest::Pv, |_, _| 0).xen();
        let answer = unmask(&xen, PORT);
        assert_eq!(answer.is_ok(), calls == 1, "{release}: {answer:?}");
        assert_eq!(xen.conduit().calls().len(), calls, "{release}");
    }
}

#[test]
fn a_reset_is_one_call_or_one_for_each_port() {
    let xen = Fake::new(NEW, Guest::Hvm, |_, [sub_op, address, ..]| {
        // SAFETY: the argument is an `evtchn_reset`, one word of 16 bits.
        assert_eq!((sub_op, unsafe { read::<u16>(address) }), (10, 0x7ff0));
        0
    })
    .xen();
    assert_eq!(close_all(&xen, 1..5), Ok(Closed::All));
    assert_eq!(xen.conduit().calls().len(), 1);

    // Port 3 is not open.
    let port = |[first, second, ..]: [usize; 5], number| {
        let address = if number == CALL { second } else { first + 4 };
        // SAFETY: the argument is an `evtchn_close`, one word.
        unsafe { read::<u32>(address) }
    };
    for (release, number) in [(OLD, COMPAT), (Release::new(3, 0, 3), CALL)] {
        let xen = Fake::new(release, Guest::Pv, |number, arguments| {
            if port(arguments, number) == 3 {
                EINVAL
            } else {
                0
            }
        })
        .xen();
        assert_eq!(close_all(&xen, 1..5), Ok(Closed::Each(3)));
        let numbers: Vec<u32> = xen.conduit().calls().iter().map(|call| call.0).collect();
        assert_eq!(numbers, [number; 4]);
        let unsupported = reset(&xen, DomId::SELF).unwrap_err();
        let text = alloc::format!("{unsupported}");
        assert!(
            text.contains("EVTCHNOP_reset") && text.contains("3.1"),
            "{text}"
        );
    }

    let eperm = Errno::EPERM.to_return() as isize;
    let xen = Fake::new(OLD, Guest::Pv, |number, arguments| {
        if port(arguments, number) == 3 {
            eperm
        } else {
            0
        }
    })
    .xen();
    let partial = Error::PartialBatch {
        call: "EVTCHNOP_close",
        done: 2,
        total: 4,
        cause: Some(Errno::EPERM.into()),
    };
    assert_eq!(close_all(&xen, 1..5), Err(partial));
}

mod fifo {
    use super::*;
    use crate::hypercall::event_channel_op::fifo::*;
    use xen_public::native::event_channel::{evtchn_init_control, evtchn_set_priority};
    use xen_public::xen::Gfn;

    const FRAME: Gfn = Gfn::new(0x1_2345_6789);

    /// A hypervisor that gives 17 link bits.
    fn linking(release: Release, bits: u8) -> Xen<Fake<'static>> {
        Fake::new(release, Guest::Hvm, move |number, [sub_op, address, ..]| {
            assert_eq!((number, sub_op), (CALL, 11));
            // SAFETY: the argument is an `evtchn_init_control`.
            let mut argument = unsafe { read::<evtchn_init_control>(address) };
            assert_eq!(
                (argument.control_gfn, argument.offset, argument.vcpu),
                (FRAME.get(), 64, 3)
            );
            argument.link_bits = bits;
            // SAFETY: as above.
            unsafe { write(address, argument) };
            0
        })
        .xen()
    }

    /// SAFETY: nothing is behind the frame but a fake.
    fn set_up(xen: &Xen<Fake<'_>>) -> Result<EventAbi> {
        // SAFETY: the fake leaves the frame alone.
        unsafe { set_up_fifo(xen, VCPU, FRAME, 64) }
    }

    #[test]
    fn the_abi_is_what_xen_can_do() {
        let xen = linking(NEW, 17);
        assert_eq!(set_up(&xen), Ok(EventAbi::Fifo { link_bits: 17 }));
        let xen = linking(Release::new(4, 3, 0), 17);
        assert_eq!(set_up(&xen), Ok(EventAbi::TwoLevel));
        assert_eq!(xen.conduit().calls(), []);
        let absent = Errno::EOPNOTSUPP.to_return() as isize;
        let xen = Fake::new(Release::new(4, 22, 0), Guest::Pv, |_, _| absent).xen();
        assert_eq!(set_up(&xen), Ok(EventAbi::TwoLevel));
        assert_eq!(set_up(&xen), Ok(EventAbi::TwoLevel));
        assert_eq!(xen.conduit().calls().len(), 1, "it is remembered");
        let xen = Fake::new(NEW, Guest::Pv, |_, _| EINVAL).xen();
        let refused = Error::Refused {
            call: "EVTCHNOP_init_control",
            errno: Errno::EINVAL,
        };
        assert_eq!(set_up(&xen), Err(refused));
    }

    #[test]
    fn nonsense_is_not_taken_for_link_bits() {
        for bits in [0, 30, 255] {
            let answer = set_up(&linking(NEW, bits));
            assert!(
                matches!(answer, Err(Error::Nonsense { answer, .. }) if answer == isize::from(bits)),
                "{answer:?}"
            );
        }
    }

    #[test]
    fn a_control_block_stands_within_its_page() {
        for (offset, good) in [
            (0, true),
            (4, false),
            (4024, true),
            (4032, false),
            (u32::MAX, false),
        ] {
            let xen = Fake::new(NEW, Guest::Pv, |_, [_, address, ..]| {
                // SAFETY: the argument is an `evtchn_init_control`.
                let mut argument = unsafe { read::<evtchn_init_control>(address) };
                argument.link_bits = 17;
                // SAFETY: as above.
                unsafe { write(address, argument) };
                0
            })
            .xen();
            // SAFETY: the fake leaves the frame alone.
            let answer = unsafe { init_control(&xen, VCPU, FRAME, offset) };
            assert_eq!(answer.is_ok(), good, "{offset}: {answer:?}");
            assert_eq!(xen.conduit().calls().len(), usize::from(good));
        }
    }

    #[test]
    fn pages_and_priorities_go_to_xen() {
        let xen = Fake::new(NEW, Guest::Arm, |number, [sub_op, address, ..]| {
            match (number, sub_op) {
                (CALL, 12) => {
                    // SAFETY: the argument is an `evtchn_expand_array`, one word of 64 bits.
                    assert_eq!(unsafe { read::<u64>(address) }, FRAME.get());
                }
                (CALL, 13) => {
                    // SAFETY: the argument is an `evtchn_set_priority`.
                    let argument = unsafe { read::<evtchn_set_priority>(address) };
                    assert_eq!((argument.port, argument.priority), (7, 15));
                }
                other => panic!("{other:?}"),
            }
            0
        })
        .xen();
        // SAFETY: the fake leaves the frame alone.
        unsafe { expand_array(&xen, FRAME) }.unwrap();
        set_priority(&xen, PORT, Priority::LOWEST).unwrap();
        assert_eq!(xen.conduit().calls().len(), 2);
        assert_eq!(Priority::new(16), None);
        assert_eq!(Priority::new(7), Some(Priority::DEFAULT));
    }

    #[test]
    fn two_levels_refuse_a_priority_without_its_being_remembered() {
        let xen = Fake::new(NEW, Guest::Pv, |_, _| ENOSYS).xen();
        for _ in 0..2 {
            let answer = set_priority(&xen, PORT, Priority::DEFAULT);
            let refused = Error::Refused {
                call: "EVTCHNOP_set_priority",
                errno: Errno::ENOSYS,
            };
            assert_eq!(answer, Err(refused));
        }
        assert_eq!(xen.conduit().calls().len(), 2, "it may be there later");
    }
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
mod by_hand {
    use super::local::{Words, unmask};
    use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed};

    #[test]
    fn a_held_back_event_is_announced() {
        let [pending, mask, selector] = [0b100, 0b110, 0].map(AtomicUsize::new);
        let upcall_pending = AtomicU8::new(0);
        let words = Words {
            pending: &pending,
            mask: &mask,
            selector: &selector,
            upcall_pending: &upcall_pending,
        };
        let port = |bit: u32| 5 * usize::BITS + bit;
        assert!(!unmask(words, port(1)), "nothing was pending");
        assert_eq!((mask.load(Relaxed), selector.load(Relaxed)), (0b100, 0));
        assert_eq!(upcall_pending.load(Relaxed), 0);
        assert!(unmask(words, port(2)));
        assert_eq!((mask.load(Relaxed), selector.load(Relaxed)), (0, 1 << 5));
        assert_eq!(upcall_pending.load(Relaxed), 1);
        assert_eq!(pending.load(Relaxed), 0b100, "the event stays");
        upcall_pending.store(0, Relaxed);
        assert!(unmask(words, port(2)), "still pending");
        assert_eq!(upcall_pending.load(Relaxed), 0, "announced already");
    }
}
