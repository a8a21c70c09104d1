//! The calls against the simulated hypervisor of every release and kind of guest: each works, directly or
//! by its older way, or says that it is not there. The hypervisor panics at a call that would do harm.
#![allow(unsafe_code)]

mod catalogue;
mod lies;
mod matrix;
#[cfg(feature = "toolstack")]
mod toolstack;

use alloc::vec::Vec;
use core::num::NonZeroU32;

use xen_public::event_channel::EvtchnPort;
use xen_public::xen::{DomId, Gfn, VcpuId, Virq};

use super::event_channel_op::{self, Binding, Closed, EventAbi, Priority};
use super::multicall::{Batch, Made};
use super::sched_op::{self, Announced, ShutdownReason, Waited, Watchdog};
use super::simulate::Simulated;
use super::vcpu_op::{self, AreaPlace, Ticks, VcpuInfoPlace};
use super::vm_assist::{self, Assist};
use super::{Error, Result, Xen, console_io, set_timer_op, xen_version};
use crate::version::{Guest, Operation, Release};

const SELF: DomId = DomId::new(0);
const VCPU: VcpuId = VcpuId::new(0);

/// One of each branch and, where a point release differs, of that.
fn releases() -> Vec<Release> {
    let oldest = (0..=4).map(|point| Release::new(3, 0, point));
    let older = (1..=4).map(|minor| Release::new(3, minor, 0));
    let newer = (0..=22).map(|minor| Release::new(4, minor, 0));
    let backport = [Release::new(4, 0, 1)];
    oldest.chain(older).chain(newer).chain(backport).collect()
}

/// Runs a test on each release for each kind of guest that it has.
fn everywhere(test: impl Fn(&Xen<&Simulated>)) {
    let mut count = 0;
    for release in releases() {
        for guest in Guest::ALL {
            if Simulated::exists(release, guest) {
                let hypervisor = Simulated::builder(release, guest).vcpus(2).build();
                test(&Xen::probe(&hypervisor).unwrap());
                count += 1;
            }
        }
    }
    assert!(count > 60, "{count}");
}

/// Whether the release that is played is this one or a later one.
fn since(xen: &Xen<&Simulated>, major: u8, minor: u8, point: u8) -> bool {
    !xen.release().before(Release::new(major, minor, point))
}

/// What a call gave, where it is expected to be there; else that it said that it is not.
fn there<T>(xen: &Xen<&Simulated>, expected: bool, answer: Result<T>) -> Option<T> {
    match answer {
        Ok(value) if expected => Some(value),
        Err(Error::Unsupported(_)) if !expected => None,
        Ok(_) => panic!("{xen}: there"),
        Err(error) => panic!("{xen}: {error}"),
    }
}

#[test]
fn events_are_made_sent_and_closed() {
    everywhere(|xen| {
        let here = event_channel_op::alloc_unbound(xen, DomId::SELF, SELF).unwrap();
        let there_ = event_channel_op::bind_interdomain(xen, SELF, here).unwrap();
        event_channel_op::send(xen, there_).unwrap();
        let status = event_channel_op::status(xen, DomId::SELF, here).unwrap();
        assert_eq!(status.binding, Binding::Interdomain(SELF, there_), "{xen}");
        event_channel_op::bind_vcpu(xen, here, VcpuId::new(1)).unwrap();
        let status = event_channel_op::status(xen, DomId::SELF, here).unwrap();
        assert_eq!(status.vcpu.get(), 1);
        let ipi = event_channel_op::bind_ipi(xen, VCPU).unwrap();
        event_channel_op::send(xen, ipi).unwrap();
        let timer = event_channel_op::bind_virq(xen, Virq::TIMER, VCPU);
        assert!(
            timer.is_ok() || xen.guest() == Guest::Arm,
            "{xen}: {timer:?}"
        );
        there(
            xen,
            since(xen, 3, 0, 2),
            event_channel_op::unmask(xen, here),
        );
        event_channel_op::close(xen, there_).unwrap();
        let status = event_channel_op::status(xen, DomId::SELF, here).unwrap();
        assert_eq!(status.binding, Binding::Unbound(SELF), "{xen}");
        let closed = event_channel_op::close_all(xen, 1..64).unwrap();
        let open = 2 + usize::from(timer.is_ok());
        let expected = if since(xen, 3, 1, 0) {
            Closed::All
        } else {
            Closed::Each(open)
        };
        assert_eq!(closed, expected, "{xen}");
        let status = event_channel_op::status(xen, DomId::SELF, here).unwrap();
        assert_eq!(status.binding, Binding::Closed);
    });
}

#[test]
fn the_event_abi_is_what_the_release_has() {
    everywhere(|xen| {
        let frames = xen.conduit().frames();
        let [control, array] = [frames[4], frames[5]].map(Gfn::new);
        // SAFETY: the frames are memory of the hypervisor's own that nothing else uses.
        let abi = unsafe { event_channel_op::set_up_fifo(xen, VCPU, control, 0) }.unwrap();
        let fifo = since(xen, 4, 4, 0);
        let expected = if fifo {
            EventAbi::Fifo { link_bits: 17 }
        } else {
            EventAbi::TwoLevel
        };
        assert_eq!(abi, expected, "{xen}");
        // SAFETY: as above.
        there(xen, fifo, unsafe {
            event_channel_op::expand_array(xen, array)
        });
        let port = event_channel_op::bind_ipi(xen, VCPU).unwrap();
        let set = event_channel_op::set_priority(xen, port, Priority::HIGHEST);
        there(xen, fifo, set);
    });
}

#[test]
fn a_processor_gives_its_time_away_and_waits() {
    everywhere(|xen| {
        // HVM guests have no sched_op before 3.1.
        let sched = xen.guest() != Guest::Hvm || since(xen, 3, 1, 0);
        there(xen, sched, sched_op::yield_now(xen));
        let ports = [0; 2].map(|_| event_channel_op::bind_ipi(xen, VCPU).unwrap());
        event_channel_op::send(xen, ports[1]).unwrap();
        if let Some(waited) = there(xen, sched, sched_op::poll(xen, &ports, None)) {
            let old = !since(xen, 3, 0, 2);
            let expected = if old { Waited::Blocked } else { Waited::Polled };
            assert_eq!(waited, expected, "{xen}");
        }
        event_channel_op::send(xen, ports[0]).unwrap();
        there(xen, sched, sched_op::block(xen));
    });
}

#[test]
fn watchdogs_latches_and_ends() {
    everywhere(|xen| {
        let seconds = NonZeroU32::new(30).unwrap();
        let newer = since(xen, 4, 1, 0);
        if let Some(watchdog) = there(xen, newer, Watchdog::start(xen, seconds)) {
            watchdog.poke(xen, seconds).unwrap();
            watchdog.stop(xen).unwrap();
        }
        let sched = xen.guest() != Guest::Hvm || since(xen, 3, 1, 0);
        let reason = ShutdownReason::REBOOT;
        if let Some(announced) = there(xen, sched, sched_op::shutdown_code(xen, reason)) {
            let latched = xen.can(Operation::SCHEDOP_shutdown_code).is_ok();
            let ended = xen.conduit().ended();
            if latched {
                assert_eq!((announced, ended), (Announced::Latched, None), "{xen}");
                sched_op::shutdown(xen, ShutdownReason::CRASH).unwrap();
                assert!(xen.conduit().ended().is_some());
            } else {
                assert_eq!(
                    (announced, ended),
                    (Announced::Ended, Some(reason)),
                    "{xen}"
                );
            }
        }
    });
}

#[test]
fn processors_and_timers() {
    everywhere(|xen| {
        let x86 = xen.guest() != Guest::Arm;
        let hvm = xen.guest() == Guest::Hvm;
        let ops = x86 && (!hvm || since(xen, 4, 7, 0));
        if let Some(up) = there(xen, ops, vcpu_op::is_up(xen, VCPU)) {
            assert!(up);
            assert_eq!(vcpu_op::is_up(xen, VcpuId::new(1)), Ok(false));
        }
        let runstate = x86 && since(xen, 3, 0, 2) && (!hvm || since(xen, 3, 4, 0));
        there(xen, runstate, vcpu_op::get_runstate_info(xen, VCPU));
        let timers = x86 && (!hvm || since(xen, 4, 1, 0));
        let later = xen.conduit().clock() + 1_000_000_000;
        let set = vcpu_op::set_singleshot_timer(xen, VCPU, later, false);
        there(xen, timers, set);
        there(xen, timers, vcpu_op::stop_singleshot_timer(xen, VCPU));
        there(xen, timers, set_timer_op::set(xen, Some(later)));
        there(xen, timers, set_timer_op::set(xen, None));
        let ticks = vcpu_op::set_periodic_timer(xen, VCPU, 10_000_000, later);
        if let Some(ticks) = there(xen, timers, ticks) {
            let direct = since(xen, 3, 1, 0);
            let expected = if direct { Ticks::Periodic } else { Ticks::Once };
            assert_eq!(ticks, expected, "{xen}");
        }
        let direct = timers && since(xen, 3, 1, 0);
        there(xen, direct, vcpu_op::stop_periodic_timer(xen, VCPU));
    });
}

#[test]
fn a_vcpu_info_is_where_the_release_can_have_it() {
    everywhere(|xen| {
        let frame = Gfn::new(xen.conduit().frames()[4]);
        let first = match xen.guest() {
            Guest::Pv => (3, 2, 0),
            Guest::Hvm => (4, 2, 0),
            _ => (4, 3, 0),
        };
        let registered = since(xen, first.0, first.1, first.2);
        // SAFETY: the frame is memory of the hypervisor's own that nothing else uses.
        let place = unsafe { vcpu_op::place_vcpu_info(xen, VCPU, frame, 0) };
        let expected = if registered {
            VcpuInfoPlace::Registered
        } else {
            VcpuInfoPlace::SharedInfo
        };
        assert_eq!(place, Ok(expected), "{xen}");
    });
}

#[test]
fn assists_belong_to_release_and_guest() {
    everywhere(|xen| {
        let offered = xen.can(Operation::VMASST_TYPE_runstate_update_flag).is_ok();
        let answer = vm_assist::enable(xen, Assist::RUNSTATE_UPDATE_FLAG);
        there(xen, offered, answer);
        let answer = vm_assist::disable(xen, Assist::RUNSTATE_UPDATE_FLAG);
        there(xen, offered, answer);
    });
}

#[test]
fn texts_are_the_same_by_either_way() {
    everywhere(|xen| {
        let mut buffer = [0; 2048];
        let extraversion = xen_version::extraversion(xen).unwrap();
        let longer = xen_version::extraversion2(xen, &mut buffer).unwrap();
        assert_eq!(longer, extraversion.as_bytes(), "{xen}");
        let capabilities = xen_version::capabilities(xen).unwrap();
        let longer = xen_version::capabilities2(xen, &mut buffer).unwrap();
        assert_eq!(longer, capabilities.as_bytes(), "{xen}");
        let changeset = xen_version::changeset(xen).unwrap();
        let longer = xen_version::changeset2(xen, &mut buffer).unwrap();
        assert_eq!(longer, changeset.as_bytes(), "{xen}");
        let known = since(xen, 4, 0, 0);
        if let Some(line) = there(xen, known, xen_version::commandline(xen)) {
            let longer = xen_version::commandline2(xen, &mut buffer).unwrap();
            assert_eq!(longer, line.as_bytes(), "{xen}");
        }
        let compiler = xen_version::compile_info(xen).unwrap().compiler;
        assert!(!compiler.as_bytes().is_empty());
        xen_version::platform_parameters(xen).unwrap();
        assert_eq!(xen_version::pagesize(xen), Ok(4096));
        let known = since(xen, 3, 0, 3);
        there(xen, known, xen_version::guest_handle(xen));
        match xen_version::build_id(xen, &mut buffer) {
            Err(Error::Unsupported(_)) => assert!(!since(xen, 4, 7, 0), "{xen}"),
            // An image without one.
            Err(Error::Refused { .. }) | Ok(_) => assert!(since(xen, 4, 7, 0), "{xen}"),
            Err(error) => panic!("{xen}: {error}"),
        }
    });
}

#[test]
fn what_is_typed_is_read() {
    everywhere(|xen| {
        xen.conduit().type_in(b"abcdef");
        let mut buffer = [0; 4];
        let console = xen.guest() != Guest::Hvm || since(xen, 4, 4, 0);
        if let Some(count) = there(xen, console, console_io::read(xen, &mut buffer)) {
            assert_eq!((count, &buffer), (4, b"abcd"), "{xen}");
            assert_eq!(console_io::read(xen, &mut buffer), Ok(2));
            assert_eq!(console_io::read(xen, &mut buffer), Ok(0));
        }
    });
}

#[test]
fn batches_are_made_together_or_one_by_one() {
    everywhere(|xen| {
        let port = event_channel_op::bind_ipi(xen, VCPU).unwrap();
        let mut batch = Batch::<3>::new();
        batch.push(Operation::XENVER_version, [0; 4]).unwrap();
        let argument = port.get();
        let address = (&raw const argument).expose_provenance();
        let send = Operation::EVTCHNOP_send;
        batch.push(send, [address, 0, 0, 0]).unwrap();
        batch.push(send, [address, 0, 0, 0]).unwrap();
        let offered = since(xen, 3, 0, 3);
        // SAFETY: the calls read a version and a port that lives until they are done.
        let made = unsafe { batch.make(xen) };
        if let Some(made) = there(xen, offered, made) {
            let direct = xen.can(Operation::__HYPERVISOR_multicall).is_ok();
            assert_eq!(made == Made::Together, direct, "{xen}");
            let version = batch.result(xen, 0).unwrap();
            let major = usize::from(xen.release().major);
            assert_eq!(version >> 16, major, "{xen}");
            assert_eq!(batch.result(xen, 1), Ok(0));
            assert_eq!(batch.result(xen, 2), Ok(0));
        }
        // A port that is none.
        let answer = event_channel_op::send(xen, EvtchnPort::new(99));
        assert!(matches!(answer, Err(Error::Refused { .. })), "{xen}");
    });
}

#[test]
fn an_area_is_written_by_what_the_release_has() {
    everywhere(|xen| {
        let frames = xen.conduit().frames();
        let physical = Gfn::new(frames[4]).addr().unwrap();
        // It lives as long as any hypervisor.
        let area = alloc::boxed::Box::leak(alloc::boxed::Box::new(vcpu_op::RunstateInfo::ZERO));
        let area = core::ptr::NonNull::from(area);
        // SAFETY: the frame is the hypervisor's own memory and the area this function's, which nothing
        // else uses until the hypervisor is gone.
        let place = unsafe { vcpu_op::place_runstate(xen, VCPU, physical, area) };
        let expected = if xen
            .can(Operation::VCPUOP_register_runstate_phys_area)
            .is_ok()
        {
            AreaPlace::Physical
        } else {
            AreaPlace::Virtual
        };
        let known = xen
            .can(Operation::VCPUOP_register_runstate_memory_area)
            .is_ok();
        if let Some(place) = there(xen, known, place) {
            assert_eq!(place, expected, "{xen}");
            assert_eq!(
                place == AreaPlace::Physical,
                xen.guest() != Guest::Arm && since(xen, 4, 18, 0)
            );
        }
    });
}
