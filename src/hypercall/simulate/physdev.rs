//! `physdev_op` and its compat form: the machine's devices, of which there are a few interrupts of a
//! PC, and the PCI devices that the guest tells Xen of.
#![allow(unsafe_code)]

use alloc::collections::BTreeSet;
use core::mem::offset_of;

use xen_public::native::physdev::{
    physdev_apic, physdev_get_free_pirq, physdev_irq, physdev_irq_status_query, physdev_manage_pci,
    physdev_map_pirq, physdev_op, physdev_pci_device, physdev_pirq_eoi_gmfn, physdev_setup_gsi,
    physdev_unmap_pirq,
};

use super::caller::{Answer, Caller, Refusal, refuse, wide};
use super::{DOMID_SELF, Machine};
use crate::hypercall::Errno;
use crate::version::Release;

/// Physical interrupts, and those of them that an interrupt controller has.
const PIRQS: u32 = 256;
const GSIS: i32 = 24;

/// What the guest has told of devices.
#[derive(Debug, Default)]
pub(super) struct Devices {
    /// PCI devices by segment, bus and function.
    known: BTreeSet<(u16, u8, u8)>,
    mapped: BTreeSet<i32>,
    eoi_page: Option<u64>,
    iopl: u32,
}

impl Machine {
    /// Whether the release has a sub-op for this kind of guest.
    fn physdev_op_there(&self, command: u32) -> bool {
        let setup = &self.setup;
        let since = |major, minor| setup.since(major, minor);
        if setup.hvm() {
            let first = setup.privileged;
            return match command {
                13 | 14 => setup.hvm_pirqs() || since(4, 20),
                5 | 12 | 23 => setup.hvm_pirqs(),
                24 => first && since(4, 11),
                25 | 26 | 29 => first && since(4, 17),
                21 | 32 => first && since(4, 20),
                _ => false,
            };
        }
        let msix = [Release::new(4, 1, 5), Release::new(4, 2, 2)];
        let pirq_eoi = [Release::new(4, 1, 3)];
        match command {
            4..=10 => true,
            11 => setup.since_3_0(4) && setup.before(4, 2),
            12 => setup.since_3_0(3),
            13..=16 => since(3, 3),
            17 | 19 | 20 => since(3, 4),
            21 => since(4, 0),
            23 => since(4, 1),
            24..=27 => since(4, 2),
            28 => setup.since_or_backport(4, 2, &pirq_eoi),
            29 => since(4, 3),
            30 | 31 => setup.since_or_backport(4, 3, &msix),
            32 => since(4, 20),
            _ => false,
        }
    }

    fn device(&mut self, device: (u16, u8, u8), change: Option<bool>) -> Answer {
        if !self.setup.privileged {
            return refuse(Errno::EPERM);
        }
        match change {
            Some(true) => {
                self.devices.known.insert(device);
                Ok(0)
            }
            Some(false) if self.devices.known.remove(&device) => Ok(0),
            None if self.devices.known.contains(&device) => Ok(0),
            _ => refuse(Errno::ENODEV),
        }
    }

    /// Whether a call is about the interrupts that an HVM guest has of itself, which need no privilege.
    fn own_pirqs(&self, domid: u16) -> bool {
        self.setup.hvm() && domid == DOMID_SELF
    }

    fn map_pirq(&mut self, request: &mut physdev_map_pirq) -> Answer {
        self.own_domain(request.domid)?;
        // MAP_PIRQ_TYPE_GSI
        if request.r#type != 1 {
            return self.unmodelled(Errno::EIO);
        }
        if !self.setup.privileged && !self.own_pirqs(request.domid) {
            return refuse(Errno::EPERM);
        }
        if !(0..GSIS).contains(&request.index) || request.pirq >= PIRQS as i32 {
            return refuse(Errno::EINVAL);
        }
        if request.pirq < 0 {
            request.pirq = request.index;
        }
        self.devices.mapped.insert(request.pirq);
        Ok(0)
    }

    /// # Safety
    ///
    /// As for `physdev_op`.
    unsafe fn interrupts(&mut self, command: u32, argument: usize) -> Answer {
        let allowed = || {
            if self.setup.privileged {
                Ok(())
            } else {
                refuse(Errno::EPERM)
            }
        };
        match command {
            // PHYSDEVOP_IRQ_UNMASK_NOTIFY ends every interrupt.
            4 => Ok(0),
            5 => {
                // SAFETY: PHYSDEVOP_irq_status_query takes a physdev_irq_status_query.
                let structure = unsafe { Caller::<physdev_irq_status_query>::new(argument) };
                let mut query = structure.get()?;
                if query.irq >= PIRQS {
                    return refuse(Errno::EINVAL);
                }
                // It wants to be told of an interrupt's end.
                query.flags = 1;
                structure.put(query)?;
                Ok(0)
            }
            8 | 9 => {
                allowed()?;
                // SAFETY: both take a physdev_apic.
                let structure = unsafe { Caller::<physdev_apic>::new(argument) };
                let mut request = structure.get()?;
                if command == 8 {
                    request.value = 0;
                    structure.put(request)?;
                }
                Ok(0)
            }
            10 | 11 => {
                if command == 11 {
                    return Ok(0);
                }
                allowed()?;
                // SAFETY: PHYSDEVOP_alloc_irq_vector takes a physdev_irq.
                let structure = unsafe { Caller::<physdev_irq>::new(argument) };
                let mut request = structure.get()?;
                if request.irq >= PIRQS {
                    return refuse(Errno::EINVAL);
                }
                request.vector = request.irq;
                structure.put(request)?;
                Ok(0)
            }
            12 => {
                // SAFETY: PHYSDEVOP_eoi takes a physdev_eoi, one word.
                let irq = unsafe { Caller::<u32>::new(argument) }.get()?;
                if irq >= PIRQS {
                    return refuse(Errno::EINVAL);
                }
                Ok(0)
            }
            13 => {
                // SAFETY: PHYSDEVOP_map_pirq takes a physdev_map_pirq.
                let structure = unsafe { Caller::<physdev_map_pirq>::new(argument) };
                let mut request = structure.get()?;
                let answer = self.map_pirq(&mut request)?;
                structure.put(request)?;
                Ok(answer)
            }
            14 => {
                // SAFETY: PHYSDEVOP_unmap_pirq takes a physdev_unmap_pirq.
                let request = unsafe { Caller::<physdev_unmap_pirq>::new(argument) }.get()?;
                self.own_domain(request.domid)?;
                let own = self.own_pirqs(request.domid);
                if !self.setup.privileged && !own {
                    return refuse(Errno::EPERM);
                }
                if self.devices.mapped.remove(&request.pirq) {
                    Ok(0)
                } else {
                    refuse(Errno::EINVAL)
                }
            }
            17 | 28 => {
                // SAFETY: both take a physdev_pirq_eoi_gmfn.
                let request = unsafe { Caller::<physdev_pirq_eoi_gmfn>::new(argument) }.get()?;
                let Some(frame) = self.memory.ram(wide(request.gmfn)) else {
                    return refuse(Errno::EINVAL);
                };
                if self.devices.eoi_page.is_some() {
                    return refuse(Errno::EBUSY);
                }
                self.devices.eoi_page = Some(frame);
                Ok(0)
            }
            21 => {
                allowed()?;
                // SAFETY: PHYSDEVOP_setup_gsi takes a physdev_setup_gsi.
                let request = unsafe { Caller::<physdev_setup_gsi>::new(argument) }.get()?;
                if (0..GSIS).contains(&request.gsi) {
                    Ok(0)
                } else {
                    refuse(Errno::EINVAL)
                }
            }
            _ => {
                // SAFETY: PHYSDEVOP_get_free_pirq takes a physdev_get_free_pirq.
                let structure = unsafe { Caller::<physdev_get_free_pirq>::new(argument) };
                let mut request = structure.get()?;
                let free = (GSIS..PIRQS as i32).find(|pirq| !self.devices.mapped.contains(pirq));
                request.pirq = free.ok_or(Refusal::Errno(Errno::ENOSPC))? as u32;
                structure.put(request)?;
                Ok(0)
            }
        }
    }

    /// Answers `physdev_op`.
    ///
    /// # Safety
    ///
    /// As for [`Conduit::hypercall`](crate::hypercall::Conduit::hypercall): the argument is the
    /// address of the sub-op's structure.
    pub(super) unsafe fn physdev_op(&mut self, command: u32, argument: usize) -> Answer {
        if self.setup.arm() {
            return refuse(Errno::ENOSYS);
        }
        if !self.physdev_op_there(command) {
            return refuse(if self.setup.release >= Release::new(3, 0, 4) {
                Errno::ENOSYS
            } else {
                Errno::EINVAL
            });
        }
        match command {
            6 => {
                // SAFETY: PHYSDEVOP_set_iopl takes a physdev_set_iopl, one word.
                let iopl = unsafe { Caller::<u32>::new(argument) }.get()?;
                if iopl > 3 {
                    return refuse(Errno::EINVAL);
                }
                self.devices.iopl = iopl;
                Ok(0)
            }
            7 => {
                // SAFETY: PHYSDEVOP_set_iobitmap takes an address and the number of ports.
                let words = unsafe { Caller::<[usize; 2]>::new(argument) }.get()?;
                if words[1] as u32 > 65536 {
                    return refuse(Errno::EINVAL);
                }
                Ok(0)
            }
            15 | 16 | 19 | 20 => {
                // SAFETY: all begin with bus and function.
                let device = unsafe { Caller::<physdev_manage_pci>::new(argument) }.get()?;
                let change = match command {
                    19 => None,
                    _ => Some(command != 16),
                };
                self.device((0, device.bus, device.devfn), change)
            }
            24 | 29 if !self.setup.privileged => refuse(Errno::EPERM),
            24 => Ok(0),
            29 => self.unmodelled(Errno::EIO),
            25..=27 | 30..=32 => {
                // SAFETY: all begin with segment, bus and function.
                let device = unsafe { Caller::<physdev_pci_device>::new(argument) }.get()?;
                let change = match command {
                    25 => Some(true),
                    26 => Some(false),
                    _ => None,
                };
                self.device((device.seg, device.bus, device.devfn), change)
            }
            // SAFETY: this function's contract.
            _ => unsafe { self.interrupts(command, argument) },
        }
    }

    /// Answers `physdev_op_compat`: the sub-op's number and structure in one. It was `physdev_op`
    /// up to 3.0.2.
    ///
    /// # Safety
    ///
    /// As for [`Conduit::hypercall`](crate::hypercall::Conduit::hypercall): the argument is the
    /// address of a `physdev_op`.
    pub(super) unsafe fn physdev_op_compat(&mut self, argument: usize) -> Answer {
        // SAFETY: the structure begins with the sub-op's number.
        let command = unsafe { Caller::<u32>::new(argument) }.get()?;
        let Some(structure) = argument.checked_add(offset_of!(physdev_op, u)) else {
            return Err(Refusal::BadPointer(argument));
        };
        // SAFETY: the union of the sub-ops' structures follows the number.
        unsafe { self.physdev_op(command, structure) }
    }
}
