//! `hvm_op`.
#![allow(unsafe_code)]

use xen_public::native::hvm::hvm_op::{xen_hvm_get_time, xen_hvm_param, xen_hvm_xentrace};

use super::Machine;
use super::build::Setup;
use super::caller::{Answer, Caller, Refusal, refuse};
use super::peer::Whose;
use crate::hypercall::Errno;
use crate::version::{Guest, Release};

/// Parameters that any release has.
pub(super) const PARAMETERS: usize = 39;

/// How many parameters a release has.
fn parameters(setup: &Setup) -> u32 {
    let newer = setup.since_or_backport(4, 7, &[Release::new(4, 5, 4), Release::new(4, 6, 3)]);
    match () {
        () if setup.since(4, 10) => 39,
        () if setup.since(4, 9) => 38,
        () if newer => 37,
        () if setup.since(4, 6) => 36,
        () if setup.since(4, 5) => 35,
        () if setup.since(4, 3) => 32,
        () if setup.since(4, 2) => 30,
        () if setup.release >= Release::new(4, 1, 1) => 26,
        () if setup.since(4, 1) => 24,
        () if setup.since(3, 4) => 17,
        () if setup.since(3, 3) => 15,
        () if setup.since(3, 2) => 11,
        () if setup.release >= Release::new(3, 0, 4) => 7,
        () => 5,
    }
}

impl Machine {
    /// What a domain may do with its own parameter.
    fn own_parameter(&self, index: u32, set: bool) -> Result<(), Refusal> {
        let setup = &self.setup;
        if setup.arm() {
            if setup.before(4, 14) {
                return Ok(());
            }
            return match index {
                0 | 1 | 2 | 17 | 18 if !set => Ok(()),
                0 | 1 | 2 | 17 | 18 | 28 => refuse(Errno::EPERM),
                _ => refuse(Errno::EINVAL),
            };
        }
        if setup.before(4, 6) {
            return Ok(());
        }
        match index {
            0 | 2 | 15 | 18 | 19 | 34 | 36 | 37 => Ok(()),
            1 | 17 | 35 if !set => Ok(()),
            13 | 26 if setup.since(4, 12) && setup.before(4, 14) && !set => refuse(Errno::ENODATA),
            4 | 13 | 20..=23 | 25 | 26 | 30 if setup.since(4, 14) => refuse(Errno::EINVAL),
            24 if setup.since(4, 15) => refuse(Errno::EINVAL),
            _ => refuse(Errno::EPERM),
        }
    }

    /// # Safety
    ///
    /// The argument is the address of an `xen_hvm_param`.
    unsafe fn parameter(&mut self, argument: usize, set: bool) -> Answer {
        // SAFETY: this function's contract.
        let structure = unsafe { Caller::<xen_hvm_param>::new(argument) };
        let mut request = structure.get()?;
        if request.index >= parameters(&self.setup) {
            return refuse(Errno::EINVAL);
        }
        let whose = self.subject(request.domid)?;
        let guest = match whose {
            Whose::Own => self.setup.guest,
            Whose::Peer => self.neighbour().guest,
        };
        if guest == Guest::Pv {
            return refuse(Errno::EINVAL);
        }
        let index = request.index as usize;
        let value = match whose {
            Whose::Own => {
                self.own_parameter(request.index, set)?;
                &mut self.parameters[index]
            }
            Whose::Peer => &mut self.neighbour_mut().parameters[index],
        };
        if set {
            *value = request.value;
        } else {
            request.value = *value;
            structure.put(request)?;
        }
        Ok(0)
    }

    fn hvm_op_there(&self, command: u32) -> bool {
        let setup = &self.setup;
        let from = |major, minor, point| setup.release >= Release::new(major, minor, point);
        if setup.arm() {
            return matches!(command, 0 | 1) || (command == 24 && setup.since(4, 6));
        }
        match command {
            0 | 1 => true,
            2..=4 => from(3, 0, 4) && setup.before(4, 9),
            5 => from(3, 2, 0),
            6..=8 => from(3, 3, 0) && setup.before(4, 9),
            9 => from(4, 0, 1),
            10 => from(4, 0, 2),
            11 => from(4, 1, 0),
            12 | 13 => from(4, 1, 0) && setup.before(4, 5),
            14 => from(4, 1, 0) && setup.before(4, 9),
            15 => from(4, 1, 1),
            16 => from(4, 2, 0) && setup.before(4, 9),
            17..=22 => from(4, 5, 0) && setup.before(4, 9),
            23..=25 => from(4, 6, 0),
            _ => false,
        }
    }

    /// Answers `hvm_op`.
    ///
    /// # Safety
    ///
    /// As for [`Conduit::hypercall`](crate::hypercall::Conduit::hypercall): the argument is the
    /// address of the sub-op's structure, if it has one.
    pub(super) unsafe fn hvm_op(&mut self, command: u32, argument: usize) -> Answer {
        if !self.hvm_op_there(command) {
            return refuse(Errno::ENOSYS);
        }
        let pv = self.setup.pv();
        match command {
            // SAFETY: both take an xen_hvm_param.
            0 | 1 => unsafe { self.parameter(argument, command == 0) },
            5 if argument != 0 || pv => refuse(Errno::EINVAL),
            5 => Ok(0),
            9 => {
                // SAFETY: HVMOP_pagetable_dying takes an xen_hvm_pagetable_dying, which begins with
                // the domain. Page tables are never shadowed here.
                let domid = unsafe { Caller::<u16>::new(argument) }.get()?;
                self.own_domain(domid)?;
                refuse(Errno::EINVAL)
            }
            10 => {
                // SAFETY: HVMOP_get_time fills an xen_hvm_get_time.
                let to = unsafe { Caller::<xen_hvm_get_time>::new(argument) };
                to.put(xen_hvm_get_time { now: self.clock })?;
                Ok(0)
            }
            11 => {
                // SAFETY: HVMOP_xentrace takes an xen_hvm_xentrace.
                let request = unsafe { Caller::<xen_hvm_xentrace>::new(argument) }.get()?;
                if request.extra_bytes > 28 || request.event >> 12 != 0 {
                    return refuse(Errno::EINVAL);
                }
                Ok(0)
            }
            15 => {
                // SAFETY: HVMOP_get_mem_type takes an xen_hvm_get_mem_type: the domain, the type,
                // two reserved half words, and a frame.
                let structure = unsafe { Caller::<[u16; 8]>::new(argument) };
                let mut request = structure.get()?;
                let whose = self.subject(request[0])?;
                let no_types = match whose {
                    Whose::Own => pv,
                    Whose::Peer => self.neighbour().guest == Guest::Pv,
                };
                if no_types {
                    return refuse(Errno::EINVAL);
                }
                let frame = (0..4).fold(0, |frame, part| {
                    frame | u64::from(request[4 + part]) << (16 * part)
                });
                // Memory, or what a device model would have to answer for.
                request[1] = match whose {
                    Whose::Peer => self.neighbour().type_of(frame),
                    Whose::Own if self.memory.place(frame).is_some() => 0,
                    Whose::Own => 2,
                };
                structure.put(request)?;
                Ok(0)
            }
            23 if pv => refuse(Errno::EINVAL),
            23 => {
                // SAFETY: HVMOP_set_evtchn_upcall_vector takes a virtual processor and a vector.
                let [vcpu, vector] = unsafe { Caller::<[u32; 2]>::new(argument) }.get()?;
                if vector as u8 <= 15 {
                    return refuse(Errno::EINVAL);
                }
                self.vcpu_exists(vcpu)?;
                Ok(0)
            }
            24 if argument != 0 => refuse(Errno::EINVAL),
            24 => Ok(0),
            25 => {
                // SAFETY: HVMOP_altp2m takes an xen_hvm_altp2m_op, which begins with the interface's
                // version and the sub-op.
                let [version, _] = unsafe { Caller::<[u32; 2]>::new(argument) }.get()?;
                if version != 1 && self.setup.since(4, 8) {
                    return refuse(Errno::EINVAL);
                }
                refuse(Errno::EOPNOTSUPP)
            }
            // SAFETY: this function's contract.
            _ => unsafe { self.old_device_model(command, argument) },
        }
    }
}
