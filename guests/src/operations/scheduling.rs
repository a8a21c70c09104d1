//! The scheduler: time given away, waited for, and kept under watch.
#![allow(unsafe_code)]

use core::num::NonZeroU32;

use xen_abi::hypercall::event_channel_op::{bind_ipi, bind_virq, close, send};
use xen_abi::hypercall::sched_op::{
    ShutdownReason, Waited, Watchdog, block, pin_override, poll, remote_shutdown, yield_now,
};
use xen_abi::hypercall::{Errno, Result};
use xen_abi::version::{Guest, Operation};
use xen_abi::xen_public::event_channel::EvtchnPort;
use xen_abi::xen_public::xen::{DomId, Virq};

use super::Program;
use super::events::{Bits, VCPU};
use crate::checks;
use crate::machine::Machine;

/// A domain that is not there.
const NOBODY: DomId = DomId::new(0x1234);
/// How long a short wait is, in nanoseconds: more than the clock that Xen shows and its timers were seen
/// apart on an emulated machine.
pub(super) const SHORT: u64 = 30_000_000;
/// How often a wait that ended early is taken up again.
const TRIES: usize = 1000;

impl<M: Machine> Program<'_, '_, M> {
    /// Runs everything that a domain tells the scheduler, but how it ends.
    pub(super) fn scheduling(&mut self) {
        let Some(bits) = self.bits() else { return };
        self.clock_settles(&bits);
        self.yielding();
        self.polling(&bits);
        let op = Operation::SCHEDOP_watchdog;
        let minute = const { NonZeroU32::new(60).unwrap() };
        let started = self.run(op, |xen| Watchdog::start(xen, minute));
        if let Some(watchdog) = started.done() {
            let _ = self.run(op, |xen| watchdog.poke(xen, minute));
            let id = watchdog.id();
            let _ = self.run(op, |xen| watchdog.stop(xen));
            self.refused(op, &[Errno::EINVAL], |xen| {
                Watchdog::from_id(id).poke(xen, minute)
            });
        }
        let op = Operation::SCHEDOP_pin_override;
        if self
            .run(op, |xen| pin_override(xen, Some(0)))
            .done()
            .is_some()
        {
            self.refused(op, &[Errno::EBUSY], |xen| pin_override(xen, Some(0)));
            let _ = self.run(op, |xen| pin_override(xen, None));
        }
        let op = Operation::SCHEDOP_remote_shutdown;
        self.refused(op, &[Errno::ESRCH], |xen| {
            remote_shutdown(xen, NOBODY, ShutdownReason::POWEROFF)
        });
        self.sleep(&bits);
    }

    /// Gives the processor away, and gets it back.
    pub(super) fn yielding(&mut self) {
        let _ = self.run(Operation::SCHEDOP_yield, yield_now);
    }

    /// How many nanoseconds so many ticks are.
    pub(super) fn nanoseconds(&self, ticks: u64) -> u64 {
        (u128::from(ticks) * 1_000_000_000 / u128::from(self.machine().ticks_per_second())) as u64
    }

    /// Waits for a port that rings already, and for one that never does.
    fn polling(&mut self, bits: &Bits) {
        let op = Operation::SCHEDOP_poll;
        if self.xen().can(op).is_err() {
            // By a block, if at all: see `polls_by_block`.
            return;
        }
        let made = self.run(Operation::EVTCHNOP_bind_ipi, |xen| bind_ipi(xen, VCPU));
        let Some(port) = made.done() else { return };
        bits.take(port);
        let _ = self.run(Operation::EVTCHNOP_send, |xen| send(xen, port));
        let waited = self.run(op, |xen| poll(xen, &[port], None)).done();
        let rings = waited == Some(Waited::Polled) && bits.pending(port);
        self.check(op, rings, format_args!("{waited:?} for a port that rings"));

        bits.take(port);
        // What no clock of the domain tells is long past.
        let now = self.now();
        let until = now.map_or(1, |now| now + SHORT);
        let start = self.machine().ticks();
        let waited = self.run(op, |xen| poll(xen, &[port], Some(until))).done();
        // Whatever else wakes the processor ends the wait, too.
        let mut tries = 0..TRIES;
        let early = || tries.next().is_some() && self.now().is_some_and(|now| now < until);
        let again = core::iter::repeat_with(early).take_while(|early| *early);
        let waited = again.fold(waited, |last, _| {
            last.and_then(|_| poll(self.xen(), &[port], Some(until)).ok())
        });
        let elapsed = self.nanoseconds(self.machine().ticks().wrapping_sub(start));
        let silent = waited == Some(Waited::Polled) && !bits.pending(port);
        let in_time = elapsed < 1_000_000_000 && self.now().is_none_or(|now| now >= until);
        self.check(
            op,
            silent && in_time,
            format_args!("{waited:?} for {elapsed} ns"),
        );
        let nowhere = EvtchnPort::new(u32::MAX);
        self.refused(op, &[Errno::EINVAL], |xen| poll(xen, &[nowhere], Some(1)));
        let _ = self.run(Operation::EVTCHNOP_close, |xen| close(xen, port));
    }

    /// Blocks until the timer rings, where the kernel takes the timer's upcall. On ARM there is no such timer,
    /// and [`waiting`](Self::waiting) takes the place of all this.
    pub(super) fn sleep(&mut self, bits: &Bits) {
        match self.xen().guest() {
            Guest::Arm => self.waiting(bits),
            _ => self.sleep_by(Operation::SCHEDOP_block, bits, |xen, _| block(xen)),
        }
    }

    /// Waits until the timer rings, by a call that waits for any event.
    ///
    /// On PV Xen lets upcalls in for it. A PVH processor does not wake if its event came before it sleeps:
    /// what has been taken ends no sleep, and the next one makes no difference to what Xen has announced
    /// already. So its timer is set for a time that is long for the way from one call to the next.
    ///
    /// With `alarm=other` on the command line the timer rings at another port than the one that is looked at.
    pub(super) fn sleep_by(
        &mut self,
        op: Operation,
        bits: &Bits,
        wait: impl Fn(&super::Hypervisor<'_, M>, EvtchnPort) -> Result<()>,
    ) {
        if !self.listening {
            return;
        }
        let first = match self.xen().guest() {
            Guest::Hvm => 4 * SHORT,
            _ => SHORT,
        };
        let bind = Operation::EVTCHNOP_bind_virq;
        let made = self.run(bind, |xen| bind_virq(xen, Virq::TIMER, VCPU));
        let Some(timer) = made.done() else { return };
        let made = self.run(Operation::EVTCHNOP_bind_ipi, |xen| bind_ipi(xen, VCPU));
        let Some(other) = made.done() else { return };
        let elsewhere = checks::argument(self.machine().command_line(), "alarm") == Some("other");
        let port = if elsewhere { other } else { timer };
        self.stop_ticks();
        bits.take(timer);
        self.fires(op, bits, port, first, |program, delay| {
            if !program.alarm(delay) {
                return false;
            }
            let waited = program.run(op, |xen| wait(xen, port)).done();
            let woken = waited.is_none() || bits.pending(port);
            program.check(op, woken, format_args!("woken without the timer"));
            waited.is_some() && woken
        });
        for port in [timer, other] {
            let _ = self.run(Operation::EVTCHNOP_close, |xen| close(xen, port));
        }
    }
}
