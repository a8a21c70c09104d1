//! The domain's processors: which are there, what they did with their time, their timers, and the memory
//! that Xen writes for them.
#![allow(unsafe_code)]

use core::mem::offset_of;
use core::ptr::NonNull;

use xen_abi::hypercall::event_channel_op::{bind_ipi, bind_virq, close, send};
use xen_abi::hypercall::vcpu_op::{
    self, AreaPlace, RunstateInfo, Ticks, VcpuInfoPlace, get_runstate_info, is_up, place_runstate,
    place_vcpu_info, place_vcpu_time, register_runstate_memory_area, register_runstate_phys_area,
    register_vcpu_time_memory_area, register_vcpu_time_phys_area, set_periodic_timer,
    set_singleshot_timer, stop_periodic_timer, stop_singleshot_timer,
};
use xen_abi::hypercall::{Errno, Plan, set_timer_op};
use xen_abi::version::{Guest, Operation};
use xen_abi::xen_public::event_channel::EvtchnPort;
use xen_abi::xen_public::native::xen::{vcpu_info, vcpu_time_info};
use xen_abi::xen_public::vcpu::RunState;
use xen_abi::xen_public::xen::{Gfn, PAGE_SHIFT, VcpuTimeInfo, Virq};

use super::Program;
use super::events::{ABSENT, Bits, VCPU};
use super::scheduling::SHORT;
use crate::machine::{Machine, Page};

/// A time that is long past.
const LONG_PAST: u64 = 1;
/// Where the areas stand in the page that they share.
const TIME_AREA: usize = 256;

impl<M: Machine> Program<'_, '_, M> {
    /// Runs everything about processors. Afterwards the processor's `vcpu_info` is elsewhere.
    pub(super) fn vcpus(&mut self) {
        self.processors();
        let Some(bits) = self.bits() else { return };
        self.timers(&bits);
        self.areas();
        self.move_info();
    }

    fn processors(&mut self) {
        let op = Operation::VCPUOP_is_up;
        if let Some(up) = self.run(op, |xen| is_up(xen, VCPU)).done() {
            self.check(op, up, format_args!("this processor is down"));
        }
        self.refused(op, &[Errno::ENOENT], |xen| is_up(xen, ABSENT));
        self.refused(Operation::VCPUOP_up, &[Errno::ENOENT], |xen| {
            vcpu_op::up(xen, ABSENT)
        });
        self.refused(Operation::VCPUOP_down, &[Errno::ENOENT], |xen| {
            vcpu_op::down(xen, ABSENT)
        });
        self.refused(Operation::VCPUOP_send_nmi, &[Errno::ENOENT], |xen| {
            vcpu_op::send_nmi(xen, ABSENT)
        });
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        self.other_processors();
        let op = Operation::VCPUOP_get_runstate_info;
        let first = self.run(op, |xen| get_runstate_info(xen, VCPU)).done();
        self.wait_for(self.machine().ticks_per_second() / 1000, || false);
        let second = self.run(op, |xen| get_runstate_info(xen, VCPU)).done();
        if let (Some(first), Some(second)) = (first, second) {
            let grown = total(&second) > total(&first) && runs(&second);
            self.check(op, grown, format_args!("{first:?}, then {second:?}"));
        }
    }

    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    fn other_processors(&mut self) {
        use xen_abi::xen_public::native::arch_x86::xen::vcpu_guest_context;
        use xen_abi::xen_public::native::hvm::hvm_vcpu::vcpu_hvm_context;
        let op = Operation::VCPUOP_initialise;
        if self.xen().guest() == Guest::Hvm {
            let context = vcpu_hvm_context::ZERO;
            self.refused(op, &[Errno::ENOENT], |xen| {
                // SAFETY: there is no such processor that could run.
                unsafe { vcpu_op::initialise_hvm(xen, ABSENT, &context) }
            });
        } else {
            let context = vcpu_guest_context::ZERO;
            self.refused(op, &[Errno::ENOENT], |xen| {
                // SAFETY: there is no such processor that could run.
                unsafe { vcpu_op::initialise(xen, ABSENT, &context) }
            });
        }
        let op = Operation::VCPUOP_get_physid;
        // Refused unless the processor is held on one.
        let physid = self.run_or(op, &[Errno::EINVAL], |xen| vcpu_op::get_physid(xen, VCPU));
        if let Some(physid) = physid.done() {
            self.report().say(format_args!("held on {physid:?}"));
        }
    }

    /// The system time, by the record that Xen keeps for the processor; `None` where it keeps none.
    pub(super) fn now(&self) -> Option<u64> {
        if self.xen().guest() == Guest::Arm {
            return None;
        }
        let info = match self.info {
            Some(info) => info,
            None => self.machine().shared_info().ok()?,
        };
        // SAFETY: a `vcpu_info` stands there.
        let time = unsafe { info.add(offset_of!(vcpu_info, time)) };
        // SAFETY: the field is inside of it.
        let version = unsafe { time.add(offset_of!(vcpu_time_info, version)) }.cast::<u32>();
        let mut tries = 0..1000;
        tries.find_map(|_| {
            // SAFETY: the word is aligned, and Xen's to write: the read is volatile.
            let before = unsafe { version.read_volatile() };
            // SAFETY: as above; any bytes make a record.
            let record = unsafe { time.cast::<VcpuTimeInfo>().read_volatile() };
            // SAFETY: as above.
            let after = unsafe { version.read_volatile() };
            let settled = before == after && !VcpuTimeInfo::is_being_written(before);
            settled.then(|| record.system_time_at(self.machine().ticks()))?
        })
    }

    /// Waits until Xen has written the record of the clock anew. The first one of a PVH domain 0 was seen
    /// with a time stamp that does not fit the counter, which made the clock run late by up to a second.
    pub(super) fn clock_settles(&mut self, bits: &Bits) {
        if self.xen().guest() != Guest::Hvm {
            return;
        }
        let first = bits.clock_version();
        let renewed = (0..5).any(|_| self.wait(|| bits.clock_version() != first));
        self.report().check(
            renewed,
            format_args!("the clock's record is still version {first}"),
        );
    }

    /// Sets the one-shot timer; whether it is set.
    pub(super) fn alarm(&mut self, nanoseconds: u64) -> bool {
        let op = Operation::VCPUOP_set_singleshot_timer;
        let Some(now) = self.now() else {
            self.refused(op, &[Errno::EINVAL], |xen| {
                set_singleshot_timer(xen, VCPU, nanoseconds, false)
            });
            return false;
        };
        let set = self.run(op, |xen| {
            set_singleshot_timer(xen, VCPU, now + nanoseconds, false)
        });
        set.done().is_some()
    }

    /// Stops the timer that ticks from the start.
    pub(super) fn stop_ticks(&mut self) {
        let op = Operation::VCPUOP_stop_periodic_timer;
        let _ = self.run(op, |xen| stop_periodic_timer(xen, VCPU));
    }

    /// Sees the one-shot timer's event, and that it did not come before its time.
    pub(super) fn rings_once(&mut self, bits: &Bits) {
        let op = Operation::EVTCHNOP_bind_virq;
        let made = self.run(op, |xen| bind_virq(xen, Virq::TIMER, VCPU));
        let Some(port) = made.done() else { return };
        let op = Operation::VCPUOP_set_singleshot_timer;
        self.fires(op, bits, port, SHORT, Self::alarm);
        let _ = self.run(Operation::EVTCHNOP_close, |xen| close(xen, port));
    }

    /// Sees a timer's event and its upcall, and that it did not come before its time. Where it did, a longer
    /// time is tried, as Xen's clock may leap forward meanwhile.
    pub(super) fn fires(
        &mut self,
        op: Operation,
        bits: &Bits,
        port: EvtchnPort,
        first: u64,
        set: impl Fn(&mut Self, u64) -> bool,
    ) {
        let mut seen = (false, 0);
        for delay in [first, 2 * first, 4 * first] {
            bits.take(port);
            let since = self.let_new_in(bits);
            let start = self.machine().ticks();
            if !set(self, delay) {
                self.keep_out(bits);
                return;
            }
            let fired = self.wait(|| bits.pending(port) && self.taken(since));
            self.keep_out(bits);
            let elapsed = self.nanoseconds(self.machine().ticks().wrapping_sub(start));
            bits.take(port);
            if fired && elapsed >= delay / 2 {
                return;
            }
            seen = (fired, elapsed);
        }
        self.check(op, false, format_args!("rings, after ns: {seen:?}"));
    }

    fn timers(&mut self, bits: &Bits) {
        self.stop_ticks();
        self.rings_once(bits);
        let op = Operation::VCPUOP_set_singleshot_timer;
        // Some releases say that the time is past, and others let it ring.
        let _ = self.run_or(op, &[Errno::ETIME], |xen| {
            set_singleshot_timer(xen, VCPU, LONG_PAST, true)
        });
        let op = Operation::VCPUOP_stop_singleshot_timer;
        let _ = self.run(op, |xen| stop_singleshot_timer(xen, VCPU));
        let Some(now) = self.now() else {
            let op = Operation::VCPUOP_set_periodic_timer;
            let _ = self.run(op, |xen| set_periodic_timer(xen, VCPU, SHORT, 0));
            let op = Operation::__HYPERVISOR_set_timer_op;
            let _ = self.run(op, |xen| set_timer_op::set(xen, None));
            return;
        };
        let made = self.run(Operation::EVTCHNOP_bind_virq, |xen| {
            bind_virq(xen, Virq::TIMER, VCPU)
        });
        let Some(port) = made.done() else { return };

        if self.xen().can(Operation::VCPUOP_set_periodic_timer).is_ok() {
            self.ticks_again(bits, port, now);
        } else {
            self.ticks_once(bits, port);
        }
        let op = Operation::__HYPERVISOR_set_timer_op;
        self.fires(op, bits, port, SHORT, |program, delay| {
            let until = program.now().map(|now| now + delay);
            let set = program.run(op, |xen| set_timer_op::set(xen, until));
            set.done().is_some()
        });
        let _ = self.run(op, |xen| set_timer_op::set(xen, None));
        let _ = self.run(Operation::EVTCHNOP_close, |xen| close(xen, port));
    }

    /// The periodic timer, and that it stops.
    fn ticks_again(&mut self, bits: &Bits, port: EvtchnPort, now: u64) {
        let op = Operation::VCPUOP_set_periodic_timer;
        self.refused(op, &[Errno::EINVAL], |xen| {
            set_periodic_timer(xen, VCPU, 1000, now)
        });
        bits.take(port);
        let start = self.machine().ticks();
        let ticks = self.run(op, |xen| set_periodic_timer(xen, VCPU, SHORT, now));
        if let Some(ticks) = ticks.done() {
            let periodic = ticks == Ticks::Periodic;
            self.check(op, periodic, format_args!("{ticks:?}"));
            let mut came = 0;
            while came < 3 && self.wait(|| bits.pending(port)) {
                bits.take(port);
                came += 1;
            }
            let elapsed = self.nanoseconds(self.machine().ticks().wrapping_sub(start));
            let right = came == 3 && elapsed >= SHORT / 2;
            self.check(op, right, format_args!("{came} in {elapsed} ns"));
        }
        self.stop_ticks();
        bits.take(port);
        let limit = self.machine().ticks_per_second() / 50;
        let still = !self.wait_for(limit, || bits.pending(port));
        let op = Operation::VCPUOP_stop_periodic_timer;
        self.check(op, still, format_args!("it ticks on"));
    }

    /// What stands for the periodic timer where there is none.
    fn ticks_once(&mut self, bits: &Bits, port: EvtchnPort) {
        let op = Operation::VCPUOP_set_periodic_timer;
        self.fires(op, bits, port, SHORT, |program, delay| {
            let now = program.now().unwrap_or_default();
            let ticks = program.run(op, |xen| set_periodic_timer(xen, VCPU, delay, now));
            let Some(ticks) = ticks.done() else {
                return false;
            };
            program.check(op, ticks == Ticks::Once, format_args!("{ticks:?}"));
            true
        });
    }

    /// A page that nobody has used.
    pub(super) fn spare(&mut self) -> Option<NonNull<Page>> {
        let page = self.machine().page();
        if page.is_none() {
            self.report().fail(format_args!("no page is left"));
        }
        page
    }

    /// Areas that Xen writes for the processor: by a virtual address, by a physical one, and no more.
    fn areas(&mut self) {
        let Some(page) = self.spare() else { return };
        let runstate = page.cast::<RunstateInfo>();
        // SAFETY: both structures are inside of the page.
        let time = unsafe { page.cast::<u8>().add(TIME_AREA) }.cast::<VcpuTimeInfo>();
        let frame = self.machine().frame(page.addr().get());
        let physical = frame << PAGE_SHIFT;
        let op = Operation::VCPUOP_register_runstate_memory_area;
        let placed = self.run(op, |xen| {
            // SAFETY: the page belongs to this program, which gives it to nobody else and only reads it,
            // by volatile accesses, and it is mapped as long as the kernel runs.
            unsafe { register_runstate_memory_area(xen, VCPU, runstate) }
        });
        if placed.done().is_some() {
            self.runstate_is_written(op, runstate);
        }

        let op = Operation::VCPUOP_register_runstate_phys_area;
        let expected = match self.xen().plan(op) {
            Plan::Direct => AreaPlace::Physical,
            _ => AreaPlace::Virtual,
        };
        let placed = self.run(op, |xen| {
            // SAFETY: as above, and the frame is the page's.
            unsafe { place_runstate(xen, VCPU, physical, runstate) }
        });
        if let Some(place) = placed.done() {
            self.check(op, place == expected, format_args!("{place:?}"));
            self.runstate_is_written(op, runstate);
            if place == AreaPlace::Physical {
                let _ = self.run(op, |xen| {
                    // SAFETY: nothing is written any more.
                    unsafe { register_runstate_phys_area(xen, VCPU, None) }
                });
            }
        }

        let op = Operation::VCPUOP_register_vcpu_time_memory_area;
        let placed = self.run(op, |xen| {
            // SAFETY: as for the runstate, in a part of the page of its own.
            unsafe { register_vcpu_time_memory_area(xen, VCPU, Some(time)) }
        });
        if placed.done().is_some() {
            self.time_is_written(op, time);
        }
        let phys = Operation::VCPUOP_register_vcpu_time_phys_area;
        if let Plan::Unsupported(_) = self.xen().plan(phys) {
            // Making do without is all that is left.
            let place = {
                // SAFETY: as above.
                unsafe { place_vcpu_time(self.xen(), VCPU, physical + TIME_AREA as u64, time) }
            };
            let nowhere = place == Ok(AreaPlace::Nowhere);
            self.check(phys, nowhere, format_args!("{place:?}"));
            self.report().unsupported();
            return;
        }
        let placed = self.run(phys, |xen| {
            // SAFETY: as above.
            unsafe { place_vcpu_time(xen, VCPU, physical + TIME_AREA as u64, time) }
        });
        match placed.done() {
            Some(AreaPlace::Physical) => {
                self.time_is_written(phys, time);
                let _ = self.run(phys, |xen| {
                    // SAFETY: nothing is written any more.
                    unsafe { register_vcpu_time_phys_area(xen, VCPU, None) }
                });
            }
            Some(_) => self.time_is_written(phys, time),
            None => {}
        }
        let _ = self.run(op, |xen| {
            // SAFETY: nothing is written any more.
            unsafe { register_vcpu_time_memory_area(xen, VCPU, None) }
        });
    }

    fn runstate_is_written(&mut self, op: Operation, area: NonNull<RunstateInfo>) {
        // SAFETY: the area is in a page that is mapped, and Xen's to write: the read is volatile. Any
        // bytes make a record.
        let seen = unsafe { area.read_volatile() };
        let good = runs(&seen) && total(&seen) > 0;
        self.check(op, good, format_args!("{seen:?}"));
        // So that what comes next is not taken for what was there.
        // SAFETY: as above, for writing; Xen writes all of it again.
        unsafe { area.write_volatile(RunstateInfo::ZERO) };
    }

    fn time_is_written(&mut self, op: Operation, area: NonNull<VcpuTimeInfo>) {
        // SAFETY: the area is in a page that is mapped, and Xen's to write: the read is volatile. Any
        // bytes make a record.
        let written = || unsafe { area.read_volatile() }.system_time > 0;
        let good = self.wait(written);
        // SAFETY: as above.
        let seen = unsafe { area.read_volatile() };
        self.check(op, good, format_args!("{seen:?}"));
        // SAFETY: as above, for writing; Xen writes all of it again.
        unsafe { area.write_volatile(VcpuTimeInfo::ZERO) };
    }

    /// Moves the `vcpu_info` out of the shared page, and sees events in its new place.
    fn move_info(&mut self) {
        let op = Operation::VCPUOP_register_vcpu_info;
        let Some(page) = self.spare() else { return };
        let frame = Gfn::new(self.machine().frame(page.addr().get()));
        // SAFETY: the page belongs to this program, which gives it to nobody else, has it mapped as long as
        // the kernel runs, and reaches it by atomics and volatile accesses.
        let place =
            |xen: &super::Hypervisor<'_, M>| unsafe { place_vcpu_info(xen, VCPU, frame, 0) };
        if self.without_call(op, VcpuInfoPlace::SharedInfo, place) {
            return;
        }
        let placed = self.run(op, place);
        match placed.done() {
            Some(VcpuInfoPlace::Registered) => self.info = Some(page.cast()),
            Some(place) => self.check(op, false, format_args!("{place:?}")),
            None => return,
        }
        let Some(bits) = self.bits() else { return };
        self.check(
            op,
            bits.upcall_pending(),
            format_args!("no upcall came along"),
        );
        let made = self.run(Operation::EVTCHNOP_bind_ipi, |xen| bind_ipi(xen, VCPU));
        if let Some(port) = made.done() {
            bits.take(port);
            self.upcall(op, &bits, true, |program| {
                let _ = program.run(Operation::EVTCHNOP_send, |xen| send(xen, port));
            });
            let there = bits.pending(port) && bits.announced(port);
            self.check(op, there, format_args!("no event in the new place"));
            bits.take(port);
            let _ = self.run(Operation::EVTCHNOP_close, |xen| close(xen, port));
        }
        if self.xen().guest() != Guest::Arm {
            let clock = self.now();
            let goes = clock.is_some_and(|then| self.wait(|| self.now() > Some(then)));
            self.check(op, goes, format_args!("no clock in the new place"));
        }
        let twice = [Errno::EINVAL, Errno::EBUSY];
        self.refused(op, &twice, place);
    }
}

/// All time that a processor has had.
fn total(info: &RunstateInfo) -> u64 {
    info.time
        .iter()
        .fold(0, |sum, time| sum.saturating_add(*time))
}

/// Whether the processor runs, as whoever asks does.
pub(super) fn runs(info: &RunstateInfo) -> bool {
    info.state == RunState::RUNNING
}
