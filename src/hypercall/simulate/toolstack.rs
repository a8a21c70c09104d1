//! The calls of toolstacks and of domain 0: `domctl`, `sysctl`, `platform_op` and what else is for
//! the privileged.
//!
//! Whether a call is there, which interface version it takes and in which order it refuses is
//! played. What most of them would do is not: they are `unmodelled`.
#![allow(unsafe_code)]

use super::Machine;
use super::build::{Build, Setup};
use super::caller::{Answer, Caller, Refusal, refuse};
use super::peer::Whose;
use crate::hypercall::Errno;
use crate::version::Release;

/// Interface versions of `domctl` and `sysctl`, by the first release that has them.
const INTERFACES: [(Release, u32, u32); 25] = [
    (Release::new(3, 0, 3), 0x3, 0x2),
    (Release::new(3, 0, 4), 0x4, 0x2),
    (Release::new(3, 1, 0), 0x5, 0x3),
    (Release::new(3, 2, 0), 0x5, 0x6),
    (Release::new(4, 0, 0), 0x6, 0x7),
    (Release::new(4, 1, 0), 0x7, 0x8),
    (Release::new(4, 2, 0), 0x8, 0x9),
    (Release::new(4, 3, 0), 0x9, 0xa),
    (Release::new(4, 5, 0), 0xa, 0xb),
    (Release::new(4, 6, 0), 0xb, 0xc),
    (Release::new(4, 7, 0), 0xb, 0xd),
    (Release::new(4, 8, 0), 0xc, 0xe),
    (Release::new(4, 9, 0), 0xd, 0xf),
    (Release::new(4, 10, 0), 0xe, 0x10),
    (Release::new(4, 10, 1), 0xf, 0x10),
    (Release::new(4, 11, 0), 0x10, 0x11),
    (Release::new(4, 12, 0), 0x11, 0x12),
    (Release::new(4, 13, 0), 0x12, 0x12),
    (Release::new(4, 14, 0), 0x12, 0x13),
    (Release::new(4, 15, 0), 0x13, 0x13),
    (Release::new(4, 16, 0), 0x14, 0x14),
    (Release::new(4, 17, 0), 0x15, 0x15),
    (Release::new(4, 18, 0), 0x16, 0x15),
    (Release::new(4, 19, 0), 0x17, 0x15),
    (Release::new(4, 21, 0), 0x17, 0x16),
];
/// The newest of them.
const NEWEST: (Release, u32, u32) = (Release::new(4, 22, 0), 0x18, 0x16);

/// Whether a release has a command of `domctl`. From 4.14 on: those of older releases, which this crate
/// has no structures for, are taken to have all numbers that were ever given.
fn domctl_there(setup: &Setup, command: u32) -> bool {
    let x86 = !setup.arm();
    if setup.before(4, 14) {
        return matches!(command, 1..=100 | 1000..=1003);
    }
    match command {
        1..=5 | 9 | 11..=20 | 24 | 25 | 27 | 29 | 35 | 37..=39 | 45..=48 | 50 | 56 | 64 => true,
        66 | 68 | 69 | 74 | 77 | 79 | 80 => true,
        10 => x86 || setup.before(4, 15),
        21 | 22 | 28 | 33 | 34 | 36 | 40 | 42 | 43 | 54 | 55 | 57 | 59..=63 => x86,
        65 | 67 | 72 | 73 | 75 | 78 | 82 | 83 | 1000..=1003 => x86,
        58 => setup.before(4, 15),
        71 | 81 => !x86,
        84 => x86 && setup.since(4, 15),
        85 | 86 => setup.since(4, 17),
        87 => !x86 && setup.since(4, 20),
        88 => x86 && setup.since(4, 20),
        89 => setup.since(4, 20),
        90..=100 => setup.since(4, 21),
        _ => false,
    }
}

/// The same for `sysctl`.
fn sysctl_there(setup: &Setup, command: u32) -> bool {
    let x86 = !setup.arm();
    if setup.before(4, 14) {
        return (1..=40).contains(&command);
    }
    match command {
        1..=10 | 12 | 14..=20 | 22 | 27 => true,
        11 | 21 | 23 | 25 | 26 | 29 => x86,
        30 => !x86 && setup.since(4, 19),
        31..=40 => setup.since(4, 21),
        _ => false,
    }
}

/// The version that `platform_op` takes, and the one that `dom0_op` took.
const PLATFORM: u32 = 0x0300_0001;
const DOM0: u32 = 0x0300_0000;

/// The versions that a release takes for `domctl` and `sysctl`.
fn interfaces(release: Release) -> (u32, u32) {
    let mut all = INTERFACES.iter().chain([&NEWEST]);
    let known = all.rfind(|(first, ..)| *first <= release);
    known.map_or((0, 0), |(_, domctl, sysctl)| (*domctl, *sysctl))
}

/// In which order a call looks at the caller and at the interface version.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    CallerFirst,
    VersionFirst,
}

impl Machine {
    fn privileged(&self) -> Result<(), Refusal> {
        if self.setup.privileged {
            Ok(())
        } else {
            refuse(Errno::EPERM)
        }
    }

    /// Reads command and interface version, and refuses what has no right or the wrong version.
    ///
    /// # Safety
    ///
    /// The argument is the address of a structure that begins with both.
    unsafe fn command(&self, argument: usize, version: u32, order: Order) -> Result<u32, Refusal> {
        if order == Order::CallerFirst {
            self.privileged()?;
        }
        // SAFETY: this function's contract.
        let [command, interface] = unsafe { Caller::<[u32; 2]>::new(argument) }.get()?;
        if interface != version {
            return refuse(Errno::EACCES);
        }
        if order == Order::VersionFirst {
            self.privileged()?;
        }
        Ok(command)
    }

    /// # Safety
    ///
    /// The argument is the address of an `xen_domctl`.
    unsafe fn domctl(&mut self, argument: usize) -> Answer {
        let (version, _) = interfaces(self.setup.release);
        if self.setup.before(4, 0) {
            self.privileged()?;
        }
        // SAFETY: this function's contract: command, interface version, and a domain.
        let [command, interface, domain] = unsafe { Caller::<[u32; 3]>::new(argument) }.get()?;
        if interface != version {
            return refuse(Errno::EACCES);
        }
        let domid = domain as u16;
        let found = self.by_number(domid);
        // createdomain names one that is not there yet; these two look for the next one, or for the
        // domain that has a device.
        let missing = found.is_none() && !matches!(command, 1 | 5 | 50);
        if self.setup.since(4, 3) && missing {
            return refuse(if self.setup.since(4, 22) && !self.setup.privileged {
                Errno::EPERM
            } else {
                Errno::ESRCH
            });
        }
        self.privileged()?;
        if !domctl_there(&self.setup, command) {
            return refuse(Errno::ENOSYS);
        }
        if missing {
            return refuse(Errno::ESRCH);
        }
        match (command, found) {
            // Nobody ends, stops or resumes itself.
            (2..=4 | 27, Some(Whose::Own)) => refuse(Errno::EINVAL),
            (3, _) => {
                self.neighbour_mut().paused += 1;
                Ok(0)
            }
            (4, _) => match self.neighbour().paused {
                0 => refuse(Errno::EINVAL),
                _ => {
                    self.neighbour_mut().paused -= 1;
                    Ok(0)
                }
            },
            (11, Some(Whose::Peer)) => {
                let Some(limit) = argument.checked_add(16) else {
                    return Err(Refusal::BadPointer(argument));
                };
                // SAFETY: this function's contract: the limit in units of 1024 bytes.
                let limit = unsafe { Caller::<u64>::new(limit) }.get()?;
                self.neighbour_mut().most_pages = limit / 4;
                Ok(0)
            }
            // Of a number beyond all domains. Up to 4.17 it looks for the next domain, but not from a
            // number on that none can have.
            (5, None) => {
                let own = self.setup.domid;
                let peer = self.peer.as_ref().map_or(own, |peer| peer.domid);
                let next = domid < own.max(peer) && self.setup.before(4, 18);
                if next {
                    return self.unmodelled(Errno::EIO);
                }
                let reserved = domid >= 0x7ff0;
                refuse(if reserved && self.setup.before(4, 18) {
                    Errno::EINVAL
                } else {
                    Errno::ESRCH
                })
            }
            _ => self.unmodelled(Errno::EIO),
        }
    }

    /// # Safety
    ///
    /// The argument is the address of an `xen_sysctl`.
    unsafe fn sysctl(&mut self, argument: usize) -> Answer {
        let (_, version) = interfaces(self.setup.release);
        let order = if self.setup.since(4, 3) {
            Order::VersionFirst
        } else {
            Order::CallerFirst
        };
        // SAFETY: this function's contract.
        let command = unsafe { self.command(argument, version, order) }?;
        if !sysctl_there(&self.setup, command) {
            return refuse(Errno::ENOSYS);
        }
        // XEN_SYSCTL_getdomaininfolist for no domain at all has nothing to fill in.
        if command == 6 {
            let Some(most) = argument.checked_add(12) else {
                return Err(Refusal::BadPointer(argument));
            };
            // SAFETY: this function's contract: the first domain and how many come behind the version.
            if unsafe { Caller::<u32>::new(most) }.get()? == 0 {
                return Ok(0);
            }
        }
        self.unmodelled(Errno::EIO)
    }

    fn platform_there(setup: &Setup, command: u32) -> bool {
        if setup.arm() {
            return command == 62;
        }
        match command {
            17 | 31..=33 | 35 | 39 => true,
            48 | 49 | 60 => setup.since(4, 2),
            50..=53 => setup.since(3, 2),
            54 => setup.since(3, 3),
            55..=59 => setup.since(4, 0),
            61 => setup.since(4, 5),
            62 | 63 => setup.since(4, 6),
            64 | 65 => setup.since(4, 18),
            66 => setup.since(4, 20),
            _ => false,
        }
    }

    /// # Safety
    ///
    /// The argument is the address of an `xen_platform_op`, or before 3.0.3 of a `dom0_op`.
    unsafe fn platform_op(&mut self, argument: usize) -> Answer {
        if !self.setup.since_3_0(3) {
            // SAFETY: this function's contract.
            let command = unsafe { self.command(argument, DOM0, Order::CallerFirst) }?;
            return match command {
                2 | 6..=13 | 15 | 17..=22 | 24 | 25 | 28 | 29 | 31..=41 | 43 | 44 => {
                    self.unmodelled(Errno::EIO)
                }
                45..=48 if self.setup.since_3_0(2) => self.unmodelled(Errno::EIO),
                _ => refuse(Errno::ENOSYS),
            };
        }
        let order = if self.setup.since(4, 3) {
            Order::VersionFirst
        } else {
            Order::CallerFirst
        };
        // SAFETY: this function's contract.
        let command = unsafe { self.command(argument, PLATFORM, order) }?;
        if !Self::platform_there(&self.setup, command) {
            return refuse(Errno::ENOSYS);
        }
        let Some(body) = argument.checked_add(8) else {
            return Err(Refusal::BadPointer(argument));
        };
        match command {
            17 => {
                // SAFETY: XENPF_settime32 has seconds, nanoseconds and the system time.
                let time = unsafe { Caller::<[u32; 4]>::new(body) }.get()?;
                self.wallclock = (u64::from(time[0]), time[1]);
                Ok(0)
            }
            62 => {
                // SAFETY: XENPF_settime64 has seconds, nanoseconds, a word that must be 0, and the
                // system time.
                let time = unsafe { Caller::<[u32; 6]>::new(body) }.get()?;
                if time[3] != 0 {
                    return refuse(Errno::EINVAL);
                }
                let seconds = u64::from(time[1]) << 32 | u64::from(time[0]);
                self.wallclock = (seconds, time[2]);
                Ok(0)
            }
            _ => self.unmodelled(Errno::EIO),
        }
    }

    /// # Safety
    ///
    /// The argument is the address of the sub-op's structure.
    unsafe fn kexec_op(&mut self, command: u32, argument: usize) -> Answer {
        self.privileged()?;
        let setup = &self.setup;
        let since_4_4 = setup.since(4, 4);
        let known = match command {
            0..=3 => true,
            4 | 5 => since_4_4,
            6 => setup.since(4, 9),
            _ => false,
        };
        if !known {
            // For a long time a slip made it look as if all had gone well.
            let corrected = setup.since_or_backport(4, 22, &[Release::new(4, 20, 3)]);
            return match () {
                () if setup.before(3, 2) => refuse(Errno::EINVAL),
                () if corrected => refuse(Errno::EOPNOTSUPP),
                () => Ok(0),
            };
        }
        match command {
            3 => {
                // SAFETY: KEXEC_CMD_kexec_get_range has two numbers, and size and start to fill in.
                let range = unsafe { Caller::<[u32; 2]>::new(argument) }.get()?;
                match range[0] {
                    // No memory is kept for a crash.
                    0 => {
                        let Some(rest) = argument.checked_add(8) else {
                            return Err(Refusal::BadPointer(argument));
                        };
                        // SAFETY: as above.
                        unsafe { Caller::<[usize; 2]>::new(rest) }.put([0, 0])?;
                        Ok(0)
                    }
                    2 | 6 => self.unmodelled(Errno::EIO),
                    _ => refuse(Errno::EINVAL),
                }
            }
            0 | 2 | 5 => {
                let kind = match command {
                    // SAFETY: KEXEC_CMD_kexec_unload has the type of the image, one byte.
                    5 => u32::from(unsafe { Caller::<u8>::new(argument) }.get()?),
                    // SAFETY: the others have it in one word.
                    _ => unsafe { Caller::<u32>::new(argument) }.get()?,
                };
                match (kind, command) {
                    (0 | 1, 0) => refuse(Errno::ENOENT),
                    (0 | 1, _) => Ok(0),
                    _ => refuse(Errno::EINVAL),
                }
            }
            6 => {
                // SAFETY: KEXEC_CMD_kexec_status has the type of the image, one byte.
                match unsafe { Caller::<u8>::new(argument) }.get()? {
                    0 | 1 => Ok(0),
                    _ => refuse(Errno::EINVAL),
                }
            }
            _ => self.unmodelled(Errno::EIO),
        }
    }

    /// # Safety
    ///
    /// The argument is the address of an `xen_flask_op`.
    unsafe fn xsm_op(&mut self, argument: usize) -> Answer {
        let setup = &self.setup;
        if setup.before(3, 2) || !setup.has(Build::Xsm) {
            return refuse(Errno::ENOSYS);
        }
        // SAFETY: this function's contract: command and, from 4.2, interface version.
        let [command, interface] = unsafe { Caller::<[u32; 2]>::new(argument) }.get()?;
        let last = match () {
            () if setup.since(4, 6) => 25,
            () if setup.since(4, 3) => 24,
            () if setup.since(4, 2) => 23,
            () if setup.since(4, 0) => 22,
            () => 20,
        };
        let known = (1..=last).contains(&command) && !(command == 15 && setup.since(4, 16));
        if setup.since(4, 2) && (interface != 1 || !known) {
            return refuse(Errno::ENOSYS);
        }
        if !known {
            return refuse(if setup.since(3, 3) {
                Errno::EINVAL
            } else {
                Errno::ENOSYS
            });
        }
        match command {
            // It is not enforced.
            2 => Ok(0),
            _ => self.unmodelled(Errno::EIO),
        }
    }

    fn xenoprof_op(&mut self, command: u32) -> Answer {
        let setup = &self.setup;
        let last = match () {
            () if setup.since(4, 1) => 17,
            () if setup.since(3, 2) => 15,
            () => 14,
        };
        match command {
            _ if command > last => refuse(Errno::EINVAL),
            0 | 8 | 11 | 14 => self.unmodelled(Errno::EIO),
            // Nobody has become the primary profiler.
            _ => refuse(Errno::EPERM),
        }
    }

    /// # Safety
    ///
    /// The argument is the address of an `xen_pmu_params`.
    unsafe fn xenpmu_op(&mut self, command: u32, argument: usize) -> Answer {
        let setup = &self.setup;
        if !setup.has(Build::Vpmu) || setup.hvm() {
            return refuse(Errno::EOPNOTSUPP);
        }
        if command > 7 {
            return refuse(if setup.before(4, 9) || !setup.privileged {
                Errno::EPERM
            } else {
                Errno::EINVAL
            });
        }
        if command <= 3 {
            self.privileged()?;
        }
        match command {
            0 => {
                // SAFETY: XENPMU_mode_get fills in version and value, each of two words.
                let to = unsafe { Caller::<[u32; 4]>::new(argument) };
                // Each domain its own.
                to.put([0, 1, 1, 0])?;
                Ok(0)
            }
            _ => self.unmodelled(Errno::EIO),
        }
    }

    fn tmem_op(&mut self) -> Answer {
        if self.setup.has(Build::Tmem) {
            self.unmodelled(Errno::EIO)
        } else {
            refuse(Errno::ENODEV)
        }
    }

    fn argo_op(&mut self, command: u32, fourth: usize, fifth: usize) -> Answer {
        let wide = |argument: usize| argument as u64 > u64::from(u32::MAX);
        if wide(fourth) || wide(fifth) {
            return refuse(Errno::EINVAL);
        }
        match command {
            1..=4 => self.unmodelled(Errno::EIO),
            _ => refuse(Errno::EOPNOTSUPP),
        }
    }

    /// # Safety
    ///
    /// The argument is the address of an `xen_mc`.
    unsafe fn mca(&mut self, argument: usize) -> Answer {
        let setup = &self.setup;
        if setup.arm() {
            return Ok(0);
        }
        let since_3_4 = setup.since(3, 4);
        if since_3_4 {
            self.privileged()?;
        }
        let version = if since_3_4 { 0x01ec_c003 } else { 0x0300_0001 };
        // SAFETY: this function's contract.
        let [command, interface] = unsafe { Caller::<[u32; 2]>::new(argument) }.get()?;
        if interface != version {
            return refuse(Errno::EACCES);
        }
        let known = match command {
            1 | 2 => true,
            3..=5 => since_3_4,
            6 => setup.since(4, 1),
            _ => false,
        };
        match (known, since_3_4) {
            (true, _) => self.unmodelled(Errno::EIO),
            (false, true) => refuse(Errno::EINVAL),
            (false, false) => Ok(0),
        }
    }

    /// Answers the calls of toolstacks and of domain 0.
    ///
    /// # Safety
    ///
    /// As for [`Conduit::hypercall`](crate::hypercall::Conduit::hypercall).
    pub(super) unsafe fn toolstack_call(&mut self, number: u32, arguments: [usize; 5]) -> Answer {
        let [first, second, third, fourth, fifth] = arguments;
        // For each call: this function's contract.
        match number {
            // SAFETY: as above.
            7 => unsafe { self.platform_op(first) },
            // SAFETY: as above.
            27 => unsafe { self.xsm_op(first) },
            31 => self.xenoprof_op(first as u32),
            // SAFETY: as above.
            35 => unsafe { self.sysctl(first) },
            // SAFETY: as above.
            36 => unsafe { self.domctl(first) },
            // SAFETY: as above.
            37 => unsafe { self.kexec_op(first as u32, second) },
            38 => self.tmem_op(),
            39 => self.argo_op(first as u32, fourth, fifth),
            // SAFETY: as above.
            40 => unsafe { self.xenpmu_op(first as u32, second) },
            // SAFETY: as above.
            41 => unsafe { self.dm_op(first as u32, second as u32, third) },
            // SAFETY: as above.
            48 => unsafe { self.mca(first) },
            // Xen's own, to go on with a long call.
            _ => self.unmodelled(Errno::EIO),
        }
    }
}
