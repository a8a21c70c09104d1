//! `vcpu_op`, `set_timer_op`, and the clock.
#![allow(unsafe_code)]

use core::mem::offset_of;
use core::sync::atomic::Ordering::SeqCst;

use xen_public::native::vcpu::{
    RUNSTATE_offline, RUNSTATE_running, vcpu_get_physid, vcpu_register_vcpu_info,
    vcpu_runstate_info, vcpu_set_periodic_timer, vcpu_set_singleshot_timer,
};
use xen_public::native::xen::{vcpu_info, vcpu_time_info};

use super::Machine;
use super::build::Setup;
use super::caller::{Answer, Caller, Refusal, refuse};
use super::memory::{Bits, PAGE};
use crate::hypercall::Errno;
use crate::hypercall::sched_op::ShutdownReason;

/// The virtual interrupt of the timers.
const VIRQ_TIMER: u32 = 0;

/// Where x86 guests mask their upcalls: ARM's have nothing there.
const UPCALL_MASK: usize = offset_of!(vcpu_info, evtchn_upcall_pending) + 1;
/// A period or a delay that no timer takes.
const TOO_LONG: u64 = 3600 * 24 * 365 * 100 * 1_000_000_000;

/// Numbers from here on are no virtual processor's of any domain, up to 4.5.
fn most_vcpus(setup: &Setup) -> u32 {
    match (setup.arm(), setup.since(4, 0)) {
        (true, _) => 8,
        (false, true) => 8192,
        (false, false) => 32,
    }
}

/// A virtual processor.
#[derive(Clone, Debug)]
pub(super) struct Vcpu {
    initialised: bool,
    pub(super) up: bool,
    /// Where the guest has put its `vcpu_info`.
    pub(super) info: Option<(u64, usize)>,
    /// Where it wants its runstate: an address of its own.
    runstate: Option<usize>,
    /// Where it wants its time: an address of its own.
    time: Option<usize>,
    since: u64,
    spent: [u64; 4],
    period: Option<u64>,
    periodic: Option<u64>,
    singleshot: Option<u64>,
    nmi: bool,
}

impl Vcpu {
    pub(super) fn new(first: bool) -> Self {
        Self {
            initialised: first,
            up: first,
            info: None,
            runstate: None,
            time: None,
            since: 0,
            spent: [0; 4],
            period: None,
            periodic: None,
            singleshot: None,
            nmi: false,
        }
    }

    fn state(&self) -> i32 {
        if self.up {
            RUNSTATE_running
        } else {
            RUNSTATE_offline
        }
    }
}

/// After how many timers in a row a wait for something else is taken to be in vain.
pub(super) const FRUITLESS: u32 = 4096;

impl Machine {
    /// When the next timer fires.
    pub(super) fn next_timer(&self) -> Option<u64> {
        let timers = self
            .vcpus
            .iter()
            .flat_map(|vcpu| [vcpu.periodic, vcpu.singleshot]);
        let watchdogs = self.sched.watchdogs.iter().copied();
        timers.chain(watchdogs).flatten().min()
    }

    /// Moves the clock on, and fires what is due.
    pub(super) fn advance_to(&mut self, time: u64) {
        let mut fired = 0;
        while let Some(next) = self.next_timer().filter(|next| *next <= time) {
            self.clock = self.clock.max(next);
            self.fire();
            fired += 1;
            if fired == FRUITLESS {
                // A long way by a short period: once more at its end is as good as all between.
                for vcpu in &mut self.vcpus {
                    vcpu.periodic = vcpu.periodic.map(|at| at.max(time));
                }
            }
        }
        self.clock = self.clock.max(time);
        for vcpu in 0..self.setup.vcpus {
            self.show_time(vcpu);
            self.show_runstate(vcpu);
        }
    }

    fn fire(&mut self) {
        let now = self.clock;
        for index in 0..self.vcpus.len() {
            let vcpu = &mut self.vcpus[index];
            let mut due = false;
            if vcpu.singleshot.is_some_and(|at| at <= now) {
                vcpu.singleshot = None;
                due = true;
            }
            if vcpu.periodic.is_some_and(|at| at <= now) {
                vcpu.periodic = vcpu.period.map(|period| now + period);
                due = true;
            }
            if due {
                self.raise_virq(VIRQ_TIMER, index as u32);
            }
        }
        if self.sched.watchdogs.iter().flatten().any(|at| *at <= now) {
            self.sched.watchdogs = Default::default();
            self.sched.ended = ShutdownReason::new(4);
        }
    }

    /// Writes the time into a `vcpu_info`, and where else the guest wants it.
    pub(super) fn show_time(&self, vcpu: u32) {
        if let Some((frame, offset)) = self.vcpu_info(vcpu) {
            let at = offset + offset_of!(vcpu_info, time);
            let version = self
                .memory
                .u32(frame, at + offset_of!(vcpu_time_info, version));
            version.fetch_add(1, SeqCst);
            let time = at + offset_of!(vcpu_time_info, system_time);
            let clock = self.clock;
            self.memory.u32(frame, time).store(clock as u32, SeqCst);
            let high = (clock >> 32) as u32;
            self.memory.u32(frame, time + 4).store(high, SeqCst);
            version.fetch_add(1, SeqCst);
        }
        if let Some(address) = self.vcpus[vcpu as usize].time {
            // SAFETY: the guest has registered a vcpu_time_info there, which is Xen's to write as
            // long as the domain runs.
            let to = unsafe { Caller::<vcpu_time_info>::new(address) };
            let _ = to.put(vcpu_time_info {
                version: 2,
                system_time: self.clock,
                ..vcpu_time_info::ZERO
            });
        }
    }

    fn runstate(&self, vcpu: u32) -> vcpu_runstate_info {
        let vcpu = &self.vcpus[vcpu as usize];
        let state = vcpu.state();
        let mut time = vcpu.spent;
        time[state as usize] += self.clock - vcpu.since;
        vcpu_runstate_info {
            state,
            state_entry_time: vcpu.since,
            time,
            ..vcpu_runstate_info::ZERO
        }
    }

    fn show_runstate(&self, vcpu: u32) {
        if let Some(address) = self.vcpus[vcpu as usize].runstate {
            // SAFETY: the guest has registered a vcpu_runstate_info there, which is Xen's to write
            // as long as the domain runs.
            let to = unsafe { Caller::<vcpu_runstate_info>::new(address) };
            let _ = to.put(self.runstate(vcpu));
        }
    }

    fn set_up(&mut self, vcpu: u32, up: bool) {
        let spent = self.runstate(vcpu).time;
        let clock = self.clock;
        let entry = &mut self.vcpus[vcpu as usize];
        if entry.up != up {
            entry.spent = spent;
            entry.since = clock;
            entry.up = up;
        }
        self.show_runstate(vcpu);
    }

    /// Whether a virtual processor has an upcall waiting.
    pub(super) fn upcall_pending(&self, vcpu: u32) -> bool {
        self.vcpu_info(vcpu).is_some_and(|(frame, offset)| {
            let flag = offset + offset_of!(vcpu_info, evtchn_upcall_pending);
            self.memory.u8(frame, flag).load(SeqCst) != 0
        })
    }

    /// Whether an upcall is waiting that is not masked.
    pub(super) fn deliverable(&self, vcpu: u32) -> bool {
        if self.setup.arm() {
            return self.upcall_pending(vcpu);
        }
        self.upcall_pending(vcpu)
            && self.vcpu_info(vcpu).is_some_and(|(frame, offset)| {
                let mask = offset + UPCALL_MASK;
                self.memory.u8(frame, mask).load(SeqCst) == 0
            })
    }

    /// Masks the upcalls of a virtual processor, or lets them through.
    pub(super) fn set_upcall_mask(&self, vcpu: u32, masked: bool) {
        if self.setup.arm() {
            return;
        }
        if let Some((frame, offset)) = self.vcpu_info(vcpu) {
            let mask = offset + UPCALL_MASK;
            self.memory.u8(frame, mask).store(u8::from(masked), SeqCst);
        }
    }

    /// Answers `set_timer_op`: the time at which the timer of this virtual processor fires.
    pub(super) fn set_timer_op(&mut self, timeout: u64) -> Answer {
        let vcpu = self.current;
        let due = timeout != 0 && timeout <= self.clock;
        self.vcpus[vcpu as usize].singleshot = (timeout != 0 && !due).then_some(timeout);
        if due {
            self.raise_virq(VIRQ_TIMER, vcpu);
        }
        Ok(0)
    }

    /// Whether a kind of guest and a release have a sub-op, or the error of one that is not there.
    fn vcpu_op_there(&self, command: u32) -> bool {
        let setup = &self.setup;
        let hvm = match command {
            0..=3 | 11 | 12 => setup.since(4, 7),
            4 | 5 => setup.since(3, 4),
            6..=9 => setup.since(4, 1),
            10 => setup.since(4, 2),
            13 => setup.since(4, 3),
            _ => true,
        };
        let pv = match command {
            0..=3 => true,
            4 | 5 => setup.since_3_0(2),
            6..=9 => setup.since(3, 1),
            10 | 11 => setup.since(3, 2),
            12 => setup.since(3, 3),
            13 => setup.since(4, 0),
            14 | 15 => setup.since(4, 18),
            _ => false,
        };
        if setup.arm() {
            matches!(command, 5 | 10)
        } else {
            pv && (setup.pv() || hvm)
        }
    }

    /// Answers `vcpu_op`.
    ///
    /// # Safety
    ///
    /// As for [`Conduit::hypercall`](crate::hypercall::Conduit::hypercall): the argument is the
    /// address of the sub-op's structure, if it has one.
    pub(super) unsafe fn vcpu_op(&mut self, command: u32, vcpu: u32, argument: usize) -> Answer {
        let there = self.vcpu_op_there(command);
        let setup = &self.setup;
        // Old filters look at the sub-op first.
        if setup.arm() && setup.before(4, 17) && !there {
            return refuse(Errno::EINVAL);
        }
        if setup.hvm() && setup.before(4, 7) && !there {
            return refuse(Errno::ENOSYS);
        }
        if setup.before(4, 6) && vcpu >= most_vcpus(setup) {
            return refuse(Errno::EINVAL);
        }
        self.vcpu_exists(vcpu)?;
        if !there {
            return match (setup.arm(), setup.since_3_0(2)) {
                (true, _) => refuse(Errno::EINVAL),
                (false, true) => refuse(Errno::ENOSYS),
                // 3.0.0 does nothing and says that it went well.
                (false, false) => Ok(0),
            };
        }
        let own = vcpu == self.current;
        match command {
            0 if self.vcpus[vcpu as usize].initialised => refuse(Errno::EEXIST),
            0 => self.unmodelled(Errno::EIO),
            1 if !self.vcpus[vcpu as usize].initialised => refuse(Errno::EINVAL),
            1 | 2 => {
                let others = self.vcpus.iter().enumerate();
                let last = others
                    .filter(|(id, other)| *id as u32 != vcpu && other.up)
                    .count()
                    == 0;
                if command == 2 && last && setup.since(4, 0) {
                    self.sched.ended = Some(ShutdownReason::POWEROFF);
                    return Ok(0);
                }
                self.set_up(vcpu, command == 1);
                Ok(0)
            }
            3 => Ok(usize::from(self.vcpus[vcpu as usize].up)),
            4 => {
                // SAFETY: VCPUOP_get_runstate_info fills a vcpu_runstate_info.
                unsafe { Caller::new(argument) }.put(self.runstate(vcpu))?;
                Ok(0)
            }
            // SAFETY: VCPUOP_register_runstate_memory_area takes an address that stays the guest's.
            5 => unsafe { self.register_runstate(vcpu, argument) },
            6 => {
                // SAFETY: VCPUOP_set_periodic_timer takes a vcpu_set_periodic_timer.
                let request = unsafe { Caller::<vcpu_set_periodic_timer>::new(argument) }.get()?;
                if !(1_000_000..TOO_LONG).contains(&request.period_ns) {
                    return refuse(Errno::EINVAL);
                }
                let next = self.clock + request.period_ns;
                let vcpu = &mut self.vcpus[vcpu as usize];
                (vcpu.period, vcpu.periodic) = (Some(request.period_ns), Some(next));
                Ok(0)
            }
            7 => {
                let vcpu = &mut self.vcpus[vcpu as usize];
                (vcpu.period, vcpu.periodic) = (None, None);
                Ok(0)
            }
            8 | 9 if !own => refuse(Errno::EINVAL),
            8 => {
                // SAFETY: VCPUOP_set_singleshot_timer takes a vcpu_set_singleshot_timer.
                let request =
                    unsafe { Caller::<vcpu_set_singleshot_timer>::new(argument) }.get()?;
                let (at, now) = (request.timeout_abs_ns, self.clock);
                // The flag is looked at in older releases.
                if request.flags & 1 != 0 && at < now && self.setup.before(4, 18) {
                    return refuse(Errno::ETIME);
                }
                self.vcpus[vcpu as usize].singleshot = (at > now).then_some(at);
                if at <= now {
                    self.raise_virq(VIRQ_TIMER, vcpu);
                }
                Ok(0)
            }
            9 => {
                self.vcpus[vcpu as usize].singleshot = None;
                Ok(0)
            }
            // SAFETY: VCPUOP_register_vcpu_info takes a vcpu_register_vcpu_info.
            10 => unsafe { self.register_vcpu_info(vcpu, argument) },
            11 if argument != 0 => refuse(Errno::EINVAL),
            11 => {
                self.vcpus[vcpu as usize].nmi = true;
                Ok(0)
            }
            12 => {
                // Only a domain 0 whose virtual processors stay where they are may know.
                let _ = size_of::<vcpu_get_physid>();
                refuse(Errno::EINVAL)
            }
            // SAFETY: VCPUOP_register_vcpu_time_memory_area takes an address that stays the guest's.
            13 => unsafe { self.register_time(vcpu, argument) },
            // SAFETY: the physical forms take an address of the guest's physical memory.
            _ => unsafe { self.register_physical(command, vcpu, argument) },
        }
    }

    /// # Safety
    ///
    /// The argument is the address of a `vcpu_register_runstate_memory_area`, and the address in it
    /// is 0 or that of a `vcpu_runstate_info` that is Xen's to write as long as the domain runs.
    unsafe fn register_runstate(&mut self, vcpu: u32, argument: usize) -> Answer {
        // SAFETY: this function's contract; the structure is one address in eight bytes on 64 bits
        // and on ARM, whose lowest bits come first.
        let address = unsafe { Caller::<usize>::new(argument) }.get()?;
        // SAFETY: this function's contract.
        unsafe { Caller::<vcpu_runstate_info>::new(address) }.check()?;
        self.vcpus[vcpu as usize].runstate = Some(address);
        self.show_runstate(vcpu);
        Ok(0)
    }

    /// # Safety
    ///
    /// As for `register_runstate`, with a `vcpu_time_info`.
    unsafe fn register_time(&mut self, vcpu: u32, argument: usize) -> Answer {
        // SAFETY: this function's contract.
        let address = unsafe { Caller::<usize>::new(argument) }.get()?;
        if address == 0 {
            // Xen writes there no more. To a runstate at such an address it would.
            self.vcpus[vcpu as usize].time = None;
            return Ok(0);
        }
        // SAFETY: this function's contract.
        unsafe { Caller::<vcpu_time_info>::new(address) }.check()?;
        self.vcpus[vcpu as usize].time = Some(address);
        self.show_time(vcpu);
        Ok(0)
    }

    /// # Safety
    ///
    /// The argument is the address of a physical address in 64 bits.
    unsafe fn register_physical(&mut self, command: u32, vcpu: u32, argument: usize) -> Answer {
        // SAFETY: this function's contract.
        let physical = unsafe { Caller::<u64>::new(argument) }.get()?;
        let size = match command {
            14 => size_of::<vcpu_runstate_info>(),
            _ => size_of::<vcpu_time_info>(),
        };
        let entry = self.vcpus.get(vcpu as usize);
        debug_assert!(entry.is_some());
        let address = if physical == u64::MAX {
            None
        } else {
            let offset = physical as usize % PAGE;
            if offset + size > PAGE {
                return refuse(Errno::ENXIO);
            }
            if physical % 8 != 0 {
                return refuse(Errno::ENXIO);
            }
            let Some(frame) = self.memory.ram(physical >> 12) else {
                return refuse(Errno::EINVAL);
            };
            let page = self.memory.page(frame);
            Some(page.as_ptr().expose_provenance() + offset)
        };
        let entry = &mut self.vcpus[vcpu as usize];
        if command == 14 {
            entry.runstate = address;
        } else {
            entry.time = address;
        }
        self.show_runstate(vcpu);
        self.show_time(vcpu);
        Ok(0)
    }

    /// # Safety
    ///
    /// The argument is the address of a `vcpu_register_vcpu_info`.
    unsafe fn register_vcpu_info(&mut self, vcpu: u32, argument: usize) -> Answer {
        // SAFETY: this function's contract.
        let request = unsafe { Caller::<vcpu_register_vcpu_info>::new(argument) }.get()?;
        let offset = request.offset as usize;
        let size = size_of::<vcpu_info>();
        let newer = self.setup.since(4, 18);
        if self.vcpus[vcpu as usize].info.is_some() {
            return refuse(if newer { Errno::EBUSY } else { Errno::EINVAL });
        }
        if offset > PAGE - size {
            return refuse(if newer { Errno::ENXIO } else { Errno::EINVAL });
        }
        if offset % align_of::<Bits>() != 0 && newer {
            return refuse(Errno::ENXIO);
        }
        let Some(frame) = self.memory.ram(request.mfn) else {
            return refuse(Errno::EINVAL);
        };
        if offset % size_of::<Bits>() != 0 {
            // Xen would work with it; the words are atomic here, and no guest means it.
            return Err(Refusal::BadPointer(offset));
        }
        match self.vcpu_info(vcpu) {
            Some(old) => self.memory.copy(old, (frame, offset), size),
            None if self.setup.arm() => {}
            // Nobody could see its events so far: its upcalls begin masked.
            None => {
                let mask = offset + UPCALL_MASK;
                self.memory.u8(frame, mask).store(1, SeqCst);
            }
        }
        self.vcpus[vcpu as usize].info = Some((frame, offset));
        // Nothing that came meanwhile is lost: everything is to be looked at.
        let selector = offset + offset_of!(vcpu_info, evtchn_pending_sel);
        self.memory.word(frame, selector).store(Bits::MAX, SeqCst);
        self.upcall(vcpu);
        Ok(0)
    }
}
