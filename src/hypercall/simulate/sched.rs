//! `sched_op` and its compat form, and the clock that a waiting domain moves.
#![allow(unsafe_code)]

use xen_public::native::sched::{
    sched_pin_override, sched_poll, sched_remote_shutdown, sched_shutdown, sched_watchdog,
};

use super::caller::{Address, Answer, Caller, refuse};
use super::peer::Whose;
use super::vcpus::FRUITLESS;
use super::{Harm, Machine};
use crate::hypercall::Errno;
use crate::hypercall::sched_op::ShutdownReason;
use crate::version::Release;

/// How many watchdogs a domain has.
const WATCHDOGS: usize = 2;
/// The most ports that a poll can name.
const POLL_LIMIT: u32 = 128;

/// What the scheduler knows of the domain.
#[derive(Debug, Default)]
pub(super) struct Sched {
    pub(super) ended: Option<ShutdownReason>,
    pub(super) code: Option<u32>,
    /// When each watchdog in use bites.
    pub(super) watchdogs: [Option<u64>; WATCHDOGS],
    pinned: bool,
}

impl Machine {
    /// Ends the domain, or suspends it.
    fn shutdown(&mut self, reason: u32) -> Answer {
        // Xen keeps the lowest 8 bits; the code of an earlier SCHEDOP_shutdown_code wins.
        let reason = self.sched.code.unwrap_or(reason & 0xff);
        match ShutdownReason::new(reason) {
            Some(reason) => {
                if reason == ShutdownReason::SOFT_RESET && self.setup.since(4, 7) {
                    self.reset_events();
                }
                self.sched.ended = Some(reason);
                Ok(0)
            }
            // What a domain finds when it comes back is not played here.
            None => self.unmodelled(Errno::EIO),
        }
    }

    /// Waits for an event of any kind that `awake` sees, no longer than until `deadline`.
    ///
    /// Periodic timers fire for ever: if that many in a row wake nobody, nothing will.
    fn sleep(&mut self, deadline: Option<u64>, awake: impl Fn(&Self) -> bool) -> bool {
        let mut fired = 0;
        loop {
            if awake(self) {
                return true;
            }
            let next = self.next_timer().filter(|_| fired < FRUITLESS);
            fired += 1;
            match (next, deadline) {
                (Some(next), _) if deadline.is_none_or(|deadline| next <= deadline) => {
                    self.advance_to(next);
                }
                (_, Some(deadline)) => {
                    self.advance_to(deadline);
                    return false;
                }
                _ => {
                    self.harm(Harm::SleepsForever);
                    return false;
                }
            }
        }
    }

    fn block(&mut self) -> Answer {
        let vcpu = self.current;
        self.set_upcall_mask(vcpu, false);
        self.sleep(None, |machine| machine.upcall_pending(vcpu));
        Ok(0)
    }

    /// # Safety
    ///
    /// The argument is the address of a `sched_poll`.
    unsafe fn poll(&mut self, argument: usize) -> Answer {
        // SAFETY: this function's contract.
        let poll = unsafe { Caller::<sched_poll>::new(argument) }.get()?;
        if poll.nr_ports > POLL_LIMIT {
            return refuse(Errno::EINVAL);
        }
        // SAFETY: a sched_poll has the address of that many ports, each a u32.
        let list = unsafe { Caller::<u32>::array(poll.ports.address(), poll.nr_ports as usize) };
        list.check()?;
        let mut ports = alloc::vec::Vec::new();
        for index in 0..poll.nr_ports as usize {
            let port = list.at(index)?;
            if port as usize >= self.events.ports.len() {
                return refuse(Errno::EINVAL);
            }
            ports.push(port);
        }
        let vcpu = self.current;
        let deadline = (poll.timeout != 0).then_some(poll.timeout);
        self.sleep(deadline, |machine| {
            ports.iter().any(|port| machine.is_pending(*port)) || machine.deliverable(vcpu)
        });
        Ok(0)
    }

    fn watchdog(&mut self, id: u32, timeout: u32) -> Answer {
        if id as usize > WATCHDOGS {
            return refuse(Errno::EINVAL);
        }
        let bites = (timeout != 0).then(|| self.clock + u64::from(timeout) * 1_000_000_000);
        match id {
            0 if timeout == 0 => refuse(Errno::EINVAL),
            0 => {
                let free = self.sched.watchdogs.iter().position(Option::is_none);
                let Some(free) = free else {
                    return refuse(Errno::ENOSPC);
                };
                self.sched.watchdogs[free] = bites;
                Ok(free + 1)
            }
            _ => {
                let watchdog = &mut self.sched.watchdogs[id as usize - 1];
                if watchdog.is_none() {
                    return refuse(Errno::EINVAL);
                }
                *watchdog = bites;
                Ok(0)
            }
        }
    }

    /// Answers `sched_op`.
    ///
    /// # Safety
    ///
    /// As for [`Conduit::hypercall`](crate::hypercall::Conduit::hypercall): the argument is the
    /// address of the sub-op's structure, if it has one.
    pub(super) unsafe fn sched_op(&mut self, command: u32, argument: usize) -> Answer {
        let since_4_0_1 = self.setup.release >= Release::new(4, 0, 1);
        match command {
            0 => Ok(0),
            1 => self.block(),
            2 => {
                // SAFETY: SCHEDOP_shutdown takes a sched_shutdown.
                let request = unsafe { Caller::<sched_shutdown>::new(argument) }.get()?;
                self.shutdown(request.reason)
            }
            // SAFETY: SCHEDOP_poll takes a sched_poll.
            3 => unsafe { self.poll(argument) },
            4 if self.setup.since_3_0(3) => {
                // SAFETY: SCHEDOP_remote_shutdown takes a sched_remote_shutdown.
                let request = unsafe { Caller::<sched_remote_shutdown>::new(argument) }.get()?;
                if !self.setup.privileged && self.setup.before(4, 3) {
                    return refuse(Errno::EPERM);
                }
                // Who is privileged is so over itself too.
                if request.domain_id == self.setup.domid {
                    return if self.setup.privileged {
                        self.shutdown(request.reason)
                    } else {
                        refuse(Errno::EPERM)
                    };
                }
                if self.subject(request.domain_id)? == Whose::Peer {
                    let ended = &mut self.neighbour_mut().model.ended;
                    ended.get_or_insert(request.reason);
                }
                Ok(0)
            }
            5 if since_4_0_1 => {
                // SAFETY: SCHEDOP_shutdown_code takes a sched_shutdown.
                let request = unsafe { Caller::<sched_shutdown>::new(argument) }.get()?;
                if self.sched.ended.is_some() {
                    return refuse(Errno::EBUSY);
                }
                self.sched.code = Some(request.reason & 0xff);
                Ok(0)
            }
            6 if self.setup.since(4, 1) => {
                // SAFETY: SCHEDOP_watchdog takes a sched_watchdog.
                let request = unsafe { Caller::<sched_watchdog>::new(argument) }.get()?;
                self.watchdog(request.id, request.timeout)
            }
            7 if self.setup.since(4, 7) => {
                if !self.setup.privileged {
                    return refuse(Errno::EPERM);
                }
                // SAFETY: SCHEDOP_pin_override takes a sched_pin_override.
                let request = unsafe { Caller::<sched_pin_override>::new(argument) }.get()?;
                // A negative number takes the override away; there are four processors.
                match request.pcpu {
                    ..0 if !self.sched.pinned => refuse(Errno::EINVAL),
                    ..0 => {
                        self.sched.pinned = false;
                        Ok(0)
                    }
                    0..4 if self.sched.pinned => refuse(Errno::EBUSY),
                    0..4 => {
                        self.sched.pinned = true;
                        Ok(0)
                    }
                    _ => refuse(Errno::EINVAL),
                }
            }
            _ => refuse(Errno::ENOSYS),
        }
    }

    /// Answers `sched_op_compat`: to shut down, the second argument is the reason itself. It was
    /// `sched_op` on 3.0.0.
    pub(super) fn sched_op_compat(&mut self, command: u32, argument: usize) -> Answer {
        match command {
            0 => Ok(0),
            1 => self.block(),
            2 => self.shutdown(argument as u32),
            _ => refuse(Errno::ENOSYS),
        }
    }
}
