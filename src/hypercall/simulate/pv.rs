//! The calls for paravirtual guests on x86: callbacks, page tables, segments, debug registers; and
//! `vm_assist`.
//!
//! The guest's page tables are not played. What changes a mapping at an address of the guest's does
//! it in the simulated address space; what pins or loads a page table is not modelled.
#![allow(unsafe_code)]

use alloc::collections::BTreeMap;

use xen_public::native::xen::{mmu_update, mmuext_op};

use super::Machine;
use super::caller::{Answer, Caller, Refusal, refuse, wide};
use super::memory::{Bits, Kind, PAGE, Place};
use super::peer::Whose;
use crate::hypercall::Errno;
use crate::version::Guest;

/// Descriptors that a guest may have.
const DESCRIPTORS: u32 = 14 * 512;
/// Bits of a page table entry: present, and its frame.
const PRESENT: u64 = 1;
const FRAME: u64 = 0x000f_ffff_ffff_f000;

/// Bytes of an entry of the trap table, and where its address is.
const TRAP: usize = 4 + size_of::<usize>() + (size_of::<usize>() - 4);
const TRAP_ADDRESS: usize = TRAP - size_of::<usize>();

/// What a guest has told Xen of itself.
#[derive(Debug, Default)]
pub(super) struct Kernel {
    /// Entry points by their `CALLBACKTYPE_`.
    callbacks: BTreeMap<u16, usize>,
    /// Handlers by vector.
    traps: usize,
    debug: [usize; 8],
    /// Assists that are on, by number.
    assists: u64,
}

impl Machine {
    /// Where the guest wants to be entered for events, once it has said so.
    pub(super) fn event_callback(&self) -> Option<usize> {
        self.kernel.callbacks.get(&0).copied()
    }

    /// # Safety
    ///
    /// The argument is 0 or the address of entries, of which the last has no address.
    unsafe fn set_trap_table(&mut self, argument: usize) -> Answer {
        self.kernel.traps = 0;
        if argument == 0 {
            return Ok(0);
        }
        for index in 0..256 {
            let Some(entry) = argument.checked_add(index * TRAP + TRAP_ADDRESS) else {
                return Err(Refusal::BadPointer(argument));
            };
            // SAFETY: this function's contract: the entries before this one had an address.
            if unsafe { Caller::<usize>::new(entry) }.get()? == 0 {
                break;
            }
            self.kernel.traps += 1;
        }
        Ok(0)
    }

    /// # Safety
    ///
    /// The argument is the address of a list of frame numbers, as many as the entries need.
    unsafe fn set_gdt(&mut self, argument: usize, entries: u32) -> Answer {
        if entries > DESCRIPTORS {
            return refuse(Errno::EINVAL);
        }
        let frames = entries.div_ceil(512) as usize;
        // SAFETY: this function's contract.
        let list = unsafe { Caller::<Bits>::array(argument, frames) };
        for index in 0..frames {
            if self.memory.ram(wide(list.at(index)?)).is_none() {
                return refuse(Errno::EINVAL);
            }
        }
        Ok(0)
    }

    fn update_descriptor(&mut self, address: u64, descriptor: u64) -> Answer {
        let offset = address as usize % PAGE;
        match self.memory.ram(address >> 12) {
            Some(frame) if offset % 8 == 0 => {
                use core::sync::atomic::Ordering::SeqCst;
                let (low, high) = (descriptor as u32, (descriptor >> 32) as u32);
                self.memory.u32(frame, offset).store(low, SeqCst);
                self.memory.u32(frame, offset + 4).store(high, SeqCst);
                Ok(0)
            }
            _ => refuse(Errno::EINVAL),
        }
    }

    fn update_va_mapping(&mut self, address: usize, entry: u64, whose: Whose) -> Answer {
        let frame = (entry & FRAME) >> 12;
        let there = match whose {
            Whose::Own => self.memory.place(frame),
            Whose::Peer => self.foreign_page(frame),
        };
        let place = match entry & PRESENT {
            0 => None,
            _ => match there {
                Some(place) if !matches!(place.kind, Kind::Mapped(_)) => Some(place),
                _ => return refuse(Errno::EINVAL),
            },
        };
        self.memory.put_linear(address as u64, place);
        Ok(0)
    }

    fn debug_register(&self, register: usize) -> Result<usize, Refusal> {
        match register {
            0..=3 | 6 | 7 => Ok(register),
            // These two are other names of 6 and 7.
            4 | 5 => Ok(register + 2),
            _ => refuse(Errno::EINVAL),
        }
    }

    /// The error of a command that `mmu_update` or `mmuext_op` does not know.
    fn unknown_update(&self) -> Errno {
        if self.setup.release >= crate::version::Release::new(3, 0, 4) {
            Errno::ENOSYS
        } else {
            Errno::EINVAL
        }
    }

    /// Whose pages a call is about.
    fn foreign(&self, domid: u32) -> Result<Whose, Refusal> {
        match self.whose(domid as u16) {
            Some(Whose::Own) => Ok(Whose::Own),
            _ if !self.setup.privileged => refuse(Errno::EPERM),
            Some(whose) => Ok(whose),
            None => refuse(Errno::ESRCH),
        }
    }

    /// A page of the second domain's: by its own number, or if it is PV by the machine's, as are the
    /// pages that Xen keeps for it.
    fn foreign_page(&self, frame: u64) -> Option<Place> {
        let peer = self.neighbour();
        let kept = |frames: &[u64]| peer.guest == Guest::Pv && frames.contains(&frame);
        let machine = match peer.map.get(&frame) {
            Some(place) => place.machine,
            None if kept(&peer.grants.shared) || kept(&peer.grants.status) => frame,
            None => return None,
        };
        let kind = Kind::Foreign;
        Some(Place { machine, kind })
    }

    fn update_one(&mut self, update: mmu_update) -> Result<(), Refusal> {
        let setup = &self.setup;
        match update.ptr & 3 {
            1 => match self.memory.ram(update.ptr >> 12) {
                Some(_) => Ok(()),
                None => refuse(Errno::EINVAL),
            },
            2 if setup.before(3, 3) => refuse(self.unknown_update()),
            3 if setup.before(4, 11) => refuse(self.unknown_update()),
            _ => self.unmodelled(Errno::EIO).map(|_| ()),
        }
    }

    /// Works on a list and tells how far it came.
    fn batch(
        &mut self,
        count: u32,
        done: &Caller<u32>,
        wants_done: bool,
        mut work: impl FnMut(&mut Self, usize) -> Result<(), Refusal>,
    ) -> Answer {
        let mut result = Ok(0);
        let mut finished = 0;
        for index in 0..count as usize {
            match work(self, index) {
                Ok(()) => finished += 1,
                Err(refusal) => {
                    result = Err(refusal);
                    break;
                }
            }
        }
        if wants_done {
            done.put(finished)?;
        }
        result
    }

    /// # Safety
    ///
    /// `list` is the address of `count` structures and `done` 0 or the address of a counter.
    unsafe fn mmu_update(&mut self, list: usize, count: u32, done: usize, domid: u32) -> Answer {
        if self.foreign(domid)? == Whose::Peer {
            return self.unmodelled(Errno::EIO);
        }
        // SAFETY: this function's contract.
        let updates = unsafe { Caller::<mmu_update>::array(list, count as usize) };
        updates.check()?;
        // SAFETY: this function's contract.
        let counter = unsafe { Caller::<u32>::new(done) };
        self.batch(count, &counter, done != 0, |machine, index| {
            machine.update_one(updates.at(index)?)
        })
    }

    fn extended_one(&mut self, operation: mmuext_op) -> Result<(), Refusal> {
        let setup = &self.setup;
        let arg1 = {
            // SAFETY: every field of the union is an integer, which any bits make.
            unsafe { operation.arg1.mfn }
        };
        if setup.hvm() && operation.cmd > 4 {
            return refuse(Errno::EOPNOTSUPP);
        }
        match operation.cmd {
            // Flushes: there is nothing here that remembers.
            6..=12 => Ok(()),
            18 if setup.since(4, 1) => Ok(()),
            16 | 17 if setup.since(3, 4) => {
                let Some(to) = self.memory.ram(wide(arg1)) else {
                    return refuse(Errno::EINVAL);
                };
                if operation.cmd == 16 {
                    self.memory.fill(to, 0);
                    return Ok(());
                }
                // SAFETY: as for the first.
                let from = unsafe { operation.arg2.src_mfn };
                let Some(from) = self.memory.ram(wide(from)) else {
                    return refuse(Errno::EINVAL);
                };
                self.memory.copy((from, 0), (to, 0), PAGE);
                Ok(())
            }
            19 | 20 if setup.since(4, 1) => refuse(Errno::EOPNOTSUPP),
            0..=5 | 13 | 15 => self.unmodelled(Errno::EIO).map(|_| ()),
            14 if !setup.since_3_0(2) => self.unmodelled(Errno::EIO).map(|_| ()),
            _ => refuse(self.unknown_update()),
        }
    }

    /// # Safety
    ///
    /// As for `mmu_update`.
    unsafe fn mmuext_op(&mut self, list: usize, count: u32, done: usize, domid: u32) -> Answer {
        if self.foreign(domid)? == Whose::Peer {
            return self.unmodelled(Errno::EIO);
        }
        // SAFETY: this function's contract.
        let operations = unsafe { Caller::<mmuext_op>::array(list, count as usize) };
        operations.check()?;
        // SAFETY: this function's contract.
        let counter = unsafe { Caller::<u32>::new(done) };
        self.batch(count, &counter, done != 0, |machine, index| {
            machine.extended_one(operations.at(index)?)
        })
    }

    /// Whether a `CALLBACKTYPE_` is one of the release's.
    fn callback_there(&self, kind: u16) -> bool {
        let since_3_2 = self.setup.since(3, 2);
        match kind {
            0 | 1 | 4 => true,
            2 => cfg!(target_pointer_width = "64"),
            // It has moved, and the old number stayed for 32 bits.
            3 => !since_3_2 || (cfg!(target_pointer_width = "32") && self.setup.before(4, 3)),
            5 => since_3_2,
            7 => since_3_2 && cfg!(target_pointer_width = "64"),
            _ => false,
        }
    }

    /// # Safety
    ///
    /// The argument is the address of a `callback_register` or `callback_unregister`.
    unsafe fn callback_op(&mut self, command: u32, argument: usize) -> Answer {
        let unknown = if self.setup.release >= crate::version::Release::new(3, 0, 4) {
            Errno::ENOSYS
        } else {
            Errno::EINVAL
        };
        if command > 1 {
            return refuse(unknown);
        }
        // SAFETY: this function's contract: both begin with the type.
        let kind = unsafe { Caller::<u16>::new(argument) }.get()?;
        if !self.callback_there(kind) {
            return refuse(unknown);
        }
        if command == 0 {
            let Some(address) = argument.checked_add(size_of::<usize>()) else {
                return Err(Refusal::BadPointer(argument));
            };
            // SAFETY: this function's contract. On 32 bits the address is behind a selector.
            let address = unsafe { Caller::<usize>::new(address) }.get()?;
            self.kernel.callbacks.insert(kind, address);
            return Ok(0);
        }
        match kind {
            4 => {
                self.kernel.callbacks.remove(&kind);
                Ok(0)
            }
            _ => refuse(Errno::EINVAL),
        }
    }

    fn nmi_op(&mut self, command: u32) -> Answer {
        let first = self.setup.privileged && self.current == 0;
        match command {
            0 if !first && self.setup.before(3, 2) => refuse(Errno::EINVAL),
            0 => {
                self.kernel.callbacks.insert(4, 1);
                Ok(0)
            }
            1 => {
                self.kernel.callbacks.remove(&4);
                Ok(0)
            }
            _ => refuse(Errno::ENOSYS),
        }
    }

    fn assist_there(&self, assist: usize) -> bool {
        let setup = &self.setup;
        let flag = assist == 5 && setup.since(4, 8);
        if !setup.pv() {
            return flag;
        }
        flag || match assist {
            0..=2 => true,
            3 => setup.since_3_0(3),
            4 => setup.since(4, 7),
            32 => setup.since(4, 6) && cfg!(target_pointer_width = "64"),
            _ => false,
        }
    }

    /// Answers `vm_assist`.
    pub(super) fn vm_assist(&mut self, command: u32, assist: usize) -> Answer {
        if !self.assist_there(assist) {
            return refuse(Errno::EINVAL);
        }
        let bit = 1_u64 << assist;
        match command {
            0 => self.kernel.assists |= bit,
            1 => self.kernel.assists &= !bit,
            _ => return refuse(Errno::ENOSYS),
        }
        if assist == 3 {
            self.setup.pae_above_4gb = command == 0;
        }
        Ok(0)
    }

    /// Answers the calls for paravirtual guests.
    ///
    /// # Safety
    ///
    /// As for [`Conduit::hypercall`](crate::hypercall::Conduit::hypercall).
    pub(super) unsafe fn pv_call(&mut self, number: u32, arguments: [usize; 5]) -> Answer {
        let [first, second, third, fourth, _] = arguments;
        let wide32 = |low: usize, high: usize| (high as u64) << 32 | low as u64;
        let narrow = cfg!(target_pointer_width = "32");
        // For each call: this function's contract.
        match number {
            // SAFETY: as above.
            0 => unsafe { self.set_trap_table(first) },
            // SAFETY: as above.
            1 => unsafe { self.mmu_update(first, second as u32, third, fourth as u32) },
            // SAFETY: as above.
            2 => unsafe { self.set_gdt(first, second as u32) },
            3 | 5 => Ok(0),
            4 => {
                // Event and failsafe; their selectors come before them on 32 bits.
                let (event, failsafe) = if narrow {
                    (second, fourth)
                } else {
                    (first, second)
                };
                self.kernel.callbacks.insert(0, event);
                self.kernel.callbacks.insert(1, failsafe);
                Ok(0)
            }
            8 => {
                let register = self.debug_register(first)?;
                self.kernel.debug[register] = second;
                Ok(0)
            }
            9 => Ok(self.kernel.debug[self.debug_register(first)?]),
            10 if narrow => self.update_descriptor(wide32(first, second), wide32(third, fourth)),
            10 => self.update_descriptor(first as u64, second as u64),
            14 if narrow => self.update_va_mapping(first, wide32(second, third), Whose::Own),
            14 => self.update_va_mapping(first, second as u64, Whose::Own),
            22 if !self.setup.privileged => refuse(Errno::EPERM),
            22 => {
                let domid = arguments[if narrow { 4 } else { 3 }];
                let whose = self.foreign(domid as u32)?;
                let entry = if narrow {
                    wide32(second, third)
                } else {
                    second as u64
                };
                self.update_va_mapping(first, entry, whose)
            }
            25 if first as u32 <= 3 && !narrow => Ok(0),
            25 if narrow => refuse(Errno::ENOSYS),
            25 => refuse(Errno::EINVAL),
            // SAFETY: as above.
            26 => unsafe { self.mmuext_op(first, second as u32, third, fourth as u32) },
            28 => self.nmi_op(first as u32),
            // SAFETY: as above.
            _ => unsafe { self.callback_op(first as u32, second) },
        }
    }
}
