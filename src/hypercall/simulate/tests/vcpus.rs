//! Virtual processors, timers and the scheduler's calls.

use core::sync::atomic::Ordering::SeqCst;

use xen_public::native::event_channel::evtchn_bind_virq;
use xen_public::native::sched::{sched_poll, sched_watchdog};
use xen_public::native::vcpu::*;

use super::*;

/// `vcpu_op` with a structure.
fn vcpu_op<S>(xen: &Simulated, sub_op: usize, vcpu: usize, structure: &mut S) -> isize {
    let address = (&raw mut *structure).expose_provenance();
    // SAFETY: as in `op`.
    unsafe { xen.hypercall(24, [sub_op, vcpu, address, 0, 0]) }
}

fn timer_port(xen: &Simulated) -> u32 {
    let mut request = evtchn_bind_virq::ZERO;
    assert_eq!(op(xen, 32, 1, &mut request), 0);
    request.port
}

fn pending(xen: &Simulated, port: u32) -> bool {
    xen.machine.borrow().is_pending(port)
}

#[test]
fn timers_fire_when_they_are_due() {
    for (release, guest) in everywhere() {
        let since = Release::new(if guest == Guest::Hvm { 4 } else { 3 }, 1, 0);
        if guest == Guest::Arm || release < since {
            continue;
        }
        let xen = Simulated::new(release, guest);
        let port = timer_port(&xen);
        let mut once = vcpu_set_singleshot_timer {
            timeout_abs_ns: 5_000_000,
            ..vcpu_set_singleshot_timer::ZERO
        };
        assert_eq!(vcpu_op(&xen, 8, 0, &mut once), 0, "{release} {guest}");
        xen.advance(4_999_999);
        assert!(!pending(&xen, port));
        xen.advance(1);
        assert!(pending(&xen, port));
        // A guest that waits sleeps until then.
        let mut often = vcpu_set_periodic_timer {
            period_ns: 1_000_000,
        };
        assert_eq!(vcpu_op(&xen, 6, 0, &mut often), 0);
        {
            let machine = xen.machine.borrow();
            let clear = |offset| {
                machine
                    .memory
                    .word(machine.shared_info, offset)
                    .store(0, SeqCst)
            };
            clear(core::mem::offset_of!(shared_info, evtchn_pending));
            clear(0);
            clear(core::mem::offset_of!(
                xen_public::native::xen::vcpu_info,
                evtchn_pending_sel
            ));
        }
        assert_eq!(plain(&xen, 29, [1, 0, 0, 0, 0]), 0);
        assert_eq!(xen.clock(), 6_000_000);
        assert_eq!(plain(&xen, 24, [7, 0, 0, 0, 0]), 0);
    }
}

#[test]
fn set_timer_fires_too() {
    let xen = Simulated::new(Release::new(3, 0, 4), Guest::Pv);
    let port = timer_port(&xen);
    assert_eq!(plain(&xen, 15, [1000, 0, 0, 0, 0]), 0);
    let mut ports = [port];
    let mut poll = sched_poll {
        nr_ports: 1,
        timeout: 400,
        ..sched_poll::ZERO
    };
    poll.ports = handle(ports.as_mut_ptr().expose_provenance());
    assert_eq!(op(&xen, 29, 3, &mut poll), 0);
    assert_eq!((xen.clock(), pending(&xen, port)), (400, false));
    poll.timeout = 0;
    assert_eq!(op(&xen, 29, 3, &mut poll), 0);
    assert_eq!((xen.clock(), pending(&xen, port)), (1000, true));
}

#[test]
fn a_domain_that_nothing_wakes_is_noticed() {
    let xen = Simulated::builder(V4_17, Guest::Hvm).record_harm().build();
    assert_eq!(plain(&xen, 29, [1, 0, 0, 0, 0]), 0);
    assert_eq!(xen.harm()[0].1, Harm::SleepsForever);
}

/// A timer without a port fires for ever and wakes nobody; a year of it passes at once.
#[test]
fn a_periodic_timer_that_wakes_nobody_is_noticed() {
    const YEAR: u64 = 365 * 86_400 * 1_000_000_000;
    let xen = Simulated::builder(V4_17, Guest::Hvm).record_harm().build();
    let mut period = vcpu_set_periodic_timer {
        period_ns: 1_000_000,
    };
    assert_eq!(vcpu_op(&xen, 6, 0, &mut period), 0);
    assert_eq!(plain(&xen, 29, [1, 0, 0, 0, 0]), 0);
    assert_eq!(xen.harm()[0].1, Harm::SleepsForever);
    let before = xen.clock();
    xen.advance(YEAR);
    assert_eq!(xen.clock(), before + YEAR);
}

#[test]
fn virtual_processors_go_up_and_down() {
    let xen = Simulated::builder(V4_20, Guest::Pv).vcpus(2).build();
    let up = |vcpu| plain(&xen, 24, [3, vcpu, 0, 0, 0]);
    assert_eq!((up(0), up(1), up(2)), (1, 0, errno(Errno::ENOENT)));
    assert_eq!(plain(&xen, 24, [1, 1, 0, 0, 0]), errno(Errno::EINVAL));
    assert_eq!(plain(&xen, 24, [2, 0, 0, 0, 0]), 0);
    assert_eq!(xen.ended(), Some(ShutdownReason::POWEROFF), "the last one");
}

#[test]
fn the_runstate_adds_up() {
    let xen = Simulated::new(V4_14, Guest::Pv);
    let mut area = alloc::boxed::Box::new(vcpu_runstate_info::ZERO);
    let mut address = (&raw mut *area).expose_provenance();
    assert_eq!(vcpu_op(&xen, 5, 0, &mut address), 0);
    xen.advance(77);
    let mut now = vcpu_runstate_info::ZERO;
    assert_eq!(vcpu_op(&xen, 4, 0, &mut now), 0);
    let times = { now.time };
    assert_eq!((now.state, times), (RUNSTATE_running, [77, 0, 0, 0]));
    let shown = peek(&raw const *area);
    assert_eq!({ shown.time }, times);
}

#[test]
fn a_vcpu_info_moves_with_what_it_holds() {
    for (release, again) in [(V4_17, Errno::EINVAL), (V4_20, Errno::EBUSY)] {
        let xen = Simulated::new(release, Guest::Arm);
        let frame = xen.frames()[11];
        let mut request = vcpu_register_vcpu_info {
            mfn: frame,
            offset: 128,
            rsvd: 0,
        };
        assert_eq!(vcpu_op(&xen, 10, 0, &mut request), 0);
        let page = xen.page(frame).unwrap();
        assert_eq!(
            peek(page.as_ptr().wrapping_add(128)),
            1,
            "look at everything"
        );
        assert_eq!(vcpu_op(&xen, 10, 0, &mut request), errno(again));
    }
}

#[test]
fn watchdogs_bite() {
    let xen = pv(V4_20);
    let dog = |id, timeout| op(&xen, 29, 6, &mut sched_watchdog { id, timeout });
    assert_eq!((dog(0, 5), dog(0, 9)), (1, 2));
    assert_eq!(dog(0, 3), errno(Errno::ENOSPC));
    assert_eq!(
        (dog(3, 1), dog(0, 0)),
        (errno(Errno::EINVAL), errno(Errno::EINVAL))
    );
    assert_eq!(dog(1, 0), 0);
    assert_eq!(dog(1, 4), errno(Errno::EINVAL));
    xen.advance(8_999_999_999);
    assert_eq!(xen.ended(), None);
    xen.advance(1);
    assert_eq!(xen.ended(), Some(ShutdownReason::new(4).unwrap()));
}
