//! Waits of an ARM processor, and what ends them: an event, the processor's own timer, a time of Xen's.
//!
//! Xen has no timer with an event there. What wakes a processor that blocks is an interrupt, of which the
//! virtual timer's is the one that can be set; Xen watches it while the processor sleeps.
//!
//! The time up to which a poll waits is Xen's own: the physical counter since Xen looked at it first. A domain
//! is told neither that moment nor the time, but for one thing: the record of the processor's runstate says
//! in it when the processor began to run. So after a sleep the time of waking up is known, and from there on
//! the processor's counter goes on. Trying times that grow until one is waited for would come less close, and
//! take a wait for each.
#![allow(unsafe_code)]

use core::ptr::NonNull;

use xen_abi::hypercall::event_channel_op::{bind_ipi, close, send};
use xen_abi::hypercall::sched_op::{Waited, block, poll};
use xen_abi::hypercall::vcpu_op::{RunstateInfo, register_runstate_memory_area};
use xen_abi::version::Operation;
use xen_abi::xen_public::event_channel::EvtchnPort;
use xen_abi::xen_public::vcpu::RunState;

use super::Program;
use super::events::{Bits, VCPU};
use super::scheduling::SHORT;
use super::vcpus::runs;
use crate::machine::Machine;

/// What is too long for any of the waits, in nanoseconds.
pub(super) const LONG: u64 = 1_000_000_000;
/// How far two clocks are apart by rounding alone, in nanoseconds.
const ROUNDING: u64 = 1000;

/// A moment: by Xen's time, in nanoseconds, and the ticks of the processor's counter, which were read a
/// little later.
#[derive(Clone, Copy, Debug)]
struct Moment {
    time: u64,
    ticks: u64,
}

/// Where Xen writes how the processor spends its time.
#[derive(Clone, Copy)]
struct Record(NonNull<RunstateInfo>);

impl Record {
    fn read(self) -> RunstateInfo {
        // SAFETY: `Program::record` made this of a page that is mapped as long as the kernel runs. Xen writes
        // it before the processor runs: the read is volatile.
        unsafe { self.0.read_volatile() }
    }

    /// How long the processor has slept, in nanoseconds.
    fn slept(self) -> u64 {
        self.read().time_in(RunState::BLOCKED).unwrap_or_default()
    }
}

impl<M: Machine> Program<'_, '_, M> {
    /// Sets the processor's own timer; whether it has one.
    pub(super) fn alarm_of_processor(&self, nanoseconds: u64) -> bool {
        let hertz = u128::from(self.machine().ticks_per_second());
        let ticks = u128::from(nanoseconds) * hertz / 1_000_000_000;
        self.machine().set_alarm(Some(ticks as u64))
    }

    /// Runs all waits.
    pub(super) fn waiting(&mut self, bits: &Bits) {
        let made = self.run(Operation::EVTCHNOP_bind_ipi, |xen| bind_ipi(xen, VCPU));
        let Some(port) = made.done() else { return };
        self.woken_by_event(bits, port);
        let timer = self.machine().set_alarm(None);
        self.report().check(
            timer || !cfg!(kernel),
            format_args!("the processor has no timer"),
        );
        let record = if timer { self.record() } else { None };
        if let Some(record) = record {
            if let Some(woken) = self.woken_by_timer(bits, record) {
                self.woken_in_time(bits, record, port, woken);
            }
        }
        let _ = self.run(Operation::EVTCHNOP_close, |xen| close(xen, port));
    }

    /// Blocks while an event waits, of which the upcall was kept out so far. The timer is set for the case that
    /// nothing else wakes the processor.
    fn woken_by_event(&mut self, bits: &Bits, port: EvtchnPort) {
        let op = Operation::SCHEDOP_block;
        bits.take(port);
        let _ = self.let_new_in(bits);
        self.keep_out(bits);
        let (upcalls, alarms) = (self.machine().upcalls(), self.machine().alarms());
        let _ = self.run(Operation::EVTCHNOP_send, |xen| send(xen, port));
        let kept = self.machine().upcalls() == upcalls;
        self.check(op, kept, format_args!("the upcall was not kept out"));
        self.alarm_of_processor(LONG);
        let start = self.machine().ticks();
        let blocked = self.run(op, block).done();
        let elapsed = self.nanoseconds(self.machine().ticks().wrapping_sub(start));
        self.keep_out(bits);
        self.machine().set_alarm(None);
        // A timer that is stopped leaves no interrupt behind.
        let _ = self.let_new_in(bits);
        self.keep_out(bits);
        let upcalls = self.machine().upcalls().wrapping_sub(upcalls);
        let alarms = self.machine().alarms().wrapping_sub(alarms);
        let right = upcalls == 1 && alarms == 0 && elapsed < LONG && bits.pending(port);
        self.check(
            op,
            blocked.is_none() || right,
            format_args!("{upcalls} upcalls and {alarms} alarms after {elapsed} ns"),
        );
        bits.take(port);
    }

    /// A page in which Xen writes the processor's runstate from now on.
    fn record(&mut self) -> Option<Record> {
        let record: NonNull<RunstateInfo> = self.spare()?.cast();
        let placed = self.run(Operation::VCPUOP_register_runstate_memory_area, |xen| {
            // SAFETY: the page belongs to this program, which gives it to nobody else and only reads it,
            // by volatile accesses, and it is mapped as long as the kernel runs.
            unsafe { register_runstate_memory_area(xen, VCPU, record) }
        });
        placed.done().map(|()| Record(record))
    }

    /// Blocks until the timer rings, and sees in the runstate that the processor has slept until then. Where it
    /// rang before the processor was asleep, a longer time is tried.
    fn woken_by_timer(&mut self, bits: &Bits, record: Record) -> Option<Moment> {
        let op = Operation::SCHEDOP_block;
        let mut seen = (0, 0, 0, record.read());
        for delay in [SHORT, 2 * SHORT, 4 * SHORT] {
            let _ = self.let_new_in(bits);
            self.keep_out(bits);
            let (alarms, before) = (self.machine().alarms(), record.slept());
            let start = self.machine().ticks();
            self.alarm_of_processor(delay);
            let blocked = self.run(op, block).done();
            let ticks = self.machine().ticks();
            self.keep_out(bits);
            self.machine().set_alarm(None);
            blocked?;
            let elapsed = self.nanoseconds(ticks.wrapping_sub(start));
            let alarms = self.machine().alarms().wrapping_sub(alarms);
            let slept = record.slept().wrapping_sub(before);
            let is = record.read();
            let in_time = elapsed + ROUNDING >= delay && elapsed < LONG;
            if alarms == 1 && in_time && runs(&is) && slept >= delay / 2 && slept <= elapsed {
                let time = is.entered();
                return Some(Moment { time, ticks });
            }
            seen = (alarms, elapsed, slept, is);
        }
        self.check(op, false, format_args!("alarms, elapsed, slept: {seen:?}"));
        None
    }

    /// Polls a port at which nothing rings, until a time of Xen's, and sees by Xen's own word that it was over
    /// as the processor ran again.
    fn woken_in_time(&mut self, bits: &Bits, record: Record, port: EvtchnPort, last: Moment) {
        let op = Operation::SCHEDOP_poll;
        let mut seen = (None, 0, 0, 0);
        for delay in [SHORT, 2 * SHORT, 4 * SHORT] {
            bits.take(port);
            let before = record.slept();
            let start = self.machine().ticks();
            let since = self.nanoseconds(start.wrapping_sub(last.ticks));
            let until = last.time.saturating_add(since + delay);
            let waited = self.run(op, |xen| poll(xen, &[port], Some(until))).done();
            let elapsed = self.nanoseconds(self.machine().ticks().wrapping_sub(start));
            let (slept, is) = (record.slept().wrapping_sub(before), record.read());
            let late = is.entered().saturating_sub(until);
            let silent = waited == Some(Waited::Polled) && !bits.pending(port);
            let in_time = is.entered() >= until && elapsed < LONG;
            if silent && in_time && slept >= delay / 2 && elapsed >= delay / 2 {
                return;
            }
            seen = (waited, elapsed, slept, late);
        }
        self.check(
            op,
            false,
            format_args!("waited, elapsed, slept, late: {seen:?}"),
        );
    }
}
