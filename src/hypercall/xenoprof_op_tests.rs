//! The arguments of the calls of a profile, and what comes back.
#![allow(unsafe_code)]

use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;

use super::*;
use crate::hypercall::Errno;
use crate::hypercall::fake::{Fake, read, write};
use crate::version::{Guest, Release};

/// Makes a call on a fake, or reads and writes what one was handed.
macro_rules! made {
    ($call:expr) => {
        // SAFETY: the conduit is a fake that changes nothing and keeps no address. What is read and
        // written are the structures that the call hands over, which live until it returns.
        unsafe { $call }
    };
}

const LAST: Release = Release::new(4, 21, 0);

/// A PV guest's Xen that answers by sub-op and argument.
fn profiler<'a>(running: Release, answer: impl Fn(usize, usize) -> isize + 'a) -> Xen<Fake<'a>> {
    Fake::new(
        running,
        Guest::Pv,
        move |number, [sub_op, address, rest @ ..]| {
            assert_eq!((number, rest), (31, [0; 3]));
            answer(sub_op, address)
        },
    )
    .xen()
}

#[test]
fn the_kind_of_processor_has_an_end() {
    let run = |name: Option<u8>, events| {
        let xen = profiler(LAST, move |sub_op, address| {
            let mut argument: xenoprof_init = made!(read(address));
            assert_eq!(sub_op, 0);
            (argument.num_events, argument.is_primary) = (events, 1);
            if let Some(byte) = name {
                argument.cpu_type = [byte; CPU_TYPE_LEN];
                argument.cpu_type[..11].copy_from_slice(b"i386/core_2");
            }
            made!(write(address, argument));
            0
        });
        init(&xen)
    };
    let found = run(Some(0), 4).unwrap();
    assert_eq!((found.events, found.primary), (4, true));
    assert_eq!(found.cpu_type(), b"i386/core_2");
    let unterminated = Error::Unterminated {
        call: "XENOPROF_init",
        size: 64,
    };
    assert_eq!(run(Some(b'x'), 4), Err(unterminated));
    assert_eq!(
        run(None, 4),
        Err(unterminated),
        "success, but nothing written"
    );
    assert!(matches!(
        run(Some(0), -1),
        Err(Error::Nonsense { answer: -1, .. })
    ));
}

#[test]
fn calls_without_argument_have_their_numbers() {
    let xen = profiler(LAST, |_, address| -(address as isize));
    for call in [
        reset_active_list,
        reset_passive_list,
        reserve_counters,
        setup_events,
        enable_virq,
        start,
        stop,
        disable_virq,
        release_counters,
        shutdown,
    ] {
        assert_eq!(call(&xen), Ok(()));
    }
    let numbers = [1, 2, 5, 7, 8, 9, 10, 11, 12, 13];
    let expected = numbers.map(|number| alloc::format!("31.{number}"));
    assert_eq!(xen.conduit().numbers(), expected);
}

#[test]
fn arguments_arrive() {
    let got = RefCell::new(Vec::<String>::new());
    let xen = profiler(LAST, |sub_op, address| {
        got.borrow_mut().push(match sub_op {
            3 => alloc::format!("active {}", made!(read::<u16>(address))),
            6 => {
                let counter: xenoprof_counter = made!(read(address));
                let (count, mask) = (counter.count, counter.unit_mask);
                alloc::format!("counter {} {count} {mask}", counter.ind)
            }
            15 => alloc::format!("depth {}", made!(read::<u32>(address))),
            16 => return 0x3ff,
            17 => {
                let ibs: xenoprof_ibs_counter = made!(read(address));
                alloc::format!("ibs {} {}", { ibs.op_enabled }, { ibs.dispatched_ops })
            }
            _ => panic!("sub-op {sub_op}"),
        });
        0
    });
    assert_eq!(set_active(&xen, DomId::new(7)), Ok(()));
    let choice = xenoprof_counter {
        ind: 1,
        count: 1 << 40,
        unit_mask: 3,
        ..xenoprof_counter::ZERO
    };
    assert_eq!(counter(&xen, choice), Ok(()));
    assert_eq!(set_backtrace(&xen, 16), Ok(()));
    assert_eq!(get_ibs_caps(&xen), Ok(0x3ff));
    let ibs = xenoprof_ibs_counter {
        op_enabled: 1,
        dispatched_ops: 2,
        ..xenoprof_ibs_counter::ZERO
    };
    assert_eq!(ibs_counter(&xen, ibs), Ok(()));
    let expected = [
        "active 7",
        "counter 1 1099511627776 3",
        "depth 16",
        "ibs 1 2",
    ];
    assert_eq!(*got.borrow(), expected);
}

#[test]
fn buffers_are_checked() {
    let run = |count: i32, size: i32| {
        let xen = profiler(LAST, move |sub_op, address| {
            if sub_op == 14 {
                let argument: xenoprof_get_buffer = made!(read(address));
                assert_eq!(
                    (argument.max_samples, { argument.buf_gmaddr }),
                    (500, 0x7000)
                );
                let answer = xenoprof_get_buffer {
                    nbuf: count,
                    bufsize: size,
                    buf_gmaddr: 0x1_0000_0000,
                    ..argument
                };
                made!(write(address, answer));
            } else {
                let argument: xenoprof_passive = made!(read(address));
                assert_eq!(
                    (sub_op, argument.domain_id, argument.max_samples),
                    (4, 9, 500)
                );
                let answer = xenoprof_passive {
                    nbuf: count,
                    bufsize: size,
                    ..argument
                };
                made!(write(address, answer));
            }
            0
        });
        let own = made!(get_buffer(&xen, 500, 0x7000));
        let other = made!(set_passive(&xen, DomId::new(9), 500, 0x7000));
        (own, other)
    };
    let (own, other) = run(4, 8192);
    let expected = Buffers {
        count: 4,
        size: 8192,
        address: 0x1_0000_0000,
    };
    assert_eq!(own, Ok(expected));
    assert_eq!(other.map(|buffers| buffers.address), Ok(0x7000));
    for (count, size) in [(-1, 1), (1, -1)] {
        let (own, other) = run(count, size);
        assert!(
            matches!(own, Err(Error::Nonsense { answer: -1, .. })),
            "{own:?}"
        );
        assert!(
            matches!(other, Err(Error::Nonsense { answer: -1, .. })),
            "{other:?}"
        );
    }
    let xen = profiler(LAST, |_, _| panic!("no call is made"));
    let many = made!(get_buffer(&xen, 1 << 31, 0));
    assert!(
        matches!(
            many,
            Err(Error::Argument {
                value: 0x8000_0000,
                ..
            })
        ),
        "{many:?}"
    );
}

#[test]
fn refusals_and_other_releases() {
    let xen = profiler(LAST, |_, _| -1);
    let refused = Err(Error::Refused {
        call: "XENOPROF_start",
        errno: Errno::EPERM,
    });
    assert_eq!(start(&xen), refused);
    for (running, guest) in [
        (Release::new(3, 0, 2), Guest::Pv),
        (Release::new(4, 22, 0), Guest::Pv),
        (LAST, Guest::Hvm),
    ] {
        let xen = Fake::new(running, guest, |_, _| panic!("no call is made")).xen();
        assert!(
            matches!(start(&xen), Err(Error::Unsupported(_))),
            "{running}"
        );
    }
    let xen = profiler(Release::new(4, 0, 0), |_, _| panic!("no call is made"));
    assert!(matches!(get_ibs_caps(&xen), Err(Error::Unsupported(_))));
    // A build without it: said once.
    let xen = profiler(LAST, |_, _| -38);
    for _ in 0..2 {
        assert!(matches!(init(&xen), Err(Error::Unsupported(_))));
    }
    assert_eq!(xen.conduit().calls().len(), 1);
}
