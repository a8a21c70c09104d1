//! The parts of `memory_op` that say what is where: the physical map and the memory maps.
#![allow(unsafe_code)]

use core::mem::offset_of;
use core::sync::atomic::Ordering::SeqCst;

use xen_public::native::memory::{
    xen_add_to_physmap, xen_add_to_physmap_batch, xen_foreign_memory_map, xen_machphys_mapping,
    xen_machphys_mfn_list, xen_memory_map, xen_remove_from_physmap,
};
use xen_public::native::xen::shared_info;

use super::caller::{Address, Answer, Caller, Refusal, refuse, wide};
use super::memory::{Bits, Kind, Place};
use super::peer::Whose;
use super::reservations::Pfn;
use super::{Harm, Machine};
use crate::hypercall::Errno;
use crate::version::Guest;

const SHARED_INFO: u32 = 0;
pub(super) const GRANT_TABLE: u32 = 1;
pub(super) const GMFN: u32 = 2;
pub(super) const GMFN_RANGE: u32 = 3;
const GMFN_FOREIGN: u32 = 4;
const DEV_MMIO: u32 = 5;
/// In an index of the grant table: its status frames.
pub(super) const STATUS: u64 = 1 << 31;
/// The most entries in a memory map.
const MAP_ENTRIES: u32 = 128;
/// The first frame of the table that leads from machine to guest frames.
const MACHINE_TO_PHYS: u64 = 0x100;

/// An entry of a memory map: start and size in bytes, and 1 for RAM.
pub(super) type E820 = [u32; 5];

fn e820(start: u64, size: u64) -> E820 {
    let halves = |value: u64| [value as u32, (value >> 32) as u32];
    let ([start, start_high], [size, size_high]) = (halves(start), halves(size));
    [start, start_high, size, size_high, 1]
}

impl Machine {
    /// What a PV guest has said about its size: how many frame numbers it has.
    pub(super) fn max_pfn(&self) -> usize {
        let offset = offset_of!(shared_info, arch);
        self.memory.word(self.shared_info, offset).load(SeqCst) as usize
    }

    /// Whether a domain has a physical map to change, or the error of one that has none.
    fn translated(&self, whose: Whose) -> Result<(), Refusal> {
        let guest = match whose {
            Whose::Own => self.setup.guest,
            Whose::Peer => self.neighbour().guest,
        };
        if guest != Guest::Pv {
            Ok(())
        } else if self.setup.since(4, 14) {
            refuse(Errno::EACCES)
        } else {
            refuse(Errno::EINVAL)
        }
    }

    fn map_space(&self, space: u32, index: u64) -> Result<Place, Refusal> {
        let unknown = if self.setup.arm() {
            Errno::ENOSYS
        } else {
            Errno::EINVAL
        };
        match space {
            SHARED_INFO if index == 0 => Ok(Place {
                machine: self.shared_info,
                kind: Kind::SharedInfo,
            }),
            SHARED_INFO => refuse(Errno::EINVAL),
            GMFN if !self.setup.arm() && self.setup.since(3, 4) => {
                let place = self.memory.place(index);
                let ram = place.filter(|place| place.kind == Kind::Ram);
                ram.ok_or(Refusal::Errno(Errno::EINVAL))
            }
            _ => refuse(unknown),
        }
    }

    fn map_one(&mut self, space: u32, index: u64, frame: u64) -> Result<(), Refusal> {
        let place = match space {
            GRANT_TABLE => self.grant_frame(index & !STATUS, index & STATUS != 0)?,
            _ => self.map_space(space, index)?,
        };
        let shared = place.kind != Kind::Ram;
        if shared && self.setup.arm() && self.setup.since(4, 17) {
            // It has to be taken from where it is first.
            if self.memory.find(place).is_some() {
                return refuse(Errno::EBUSY);
            }
        }
        match self.memory.place(frame) {
            Some(there) if there == place => return Ok(()),
            Some(there) if matches!(there.kind, Kind::Mapped(_)) => {
                self.harm(Harm::Overwrites(frame));
                return refuse(Errno::EPERM);
            }
            Some(there) if there.kind == Kind::Ram && self.setup.arm() && !self.memory.keeps() => {
                // The page is lost to everybody.
                self.memory.add_unplaced(1);
            }
            _ => {}
        }
        match self.memory.find(place) {
            Some(old) => self.memory.move_place(old, frame),
            None => self.memory.put(frame, place),
        }
        Ok(())
    }

    /// # Safety
    ///
    /// The argument is the address of an `xen_add_to_physmap`.
    pub(super) unsafe fn add_to_physmap(&mut self, argument: usize) -> Answer {
        // SAFETY: this function's contract.
        let structure = unsafe { Caller::<xen_add_to_physmap>::new(argument) };
        let request = structure.get()?;
        let since_4_3 = self.setup.since(4, 3);
        if request.space == GMFN_FOREIGN && since_4_3 {
            return refuse(Errno::ENOSYS);
        }
        let whose = self.subject(request.domid)?;
        self.translated(whose)?;
        self.mmio_permission(whose, request.space)?;
        let (index, frame) = (wide(request.idx), wide(request.gpfn));
        if whose == Whose::Peer {
            self.map_peer_range((request.space, request.size), index, frame)?;
            return Ok(0);
        }
        if request.space == GMFN_RANGE && self.setup.since(4, 2) {
            for page in 0..u64::from(request.size) {
                self.map_one(GMFN, index.wrapping_add(page), frame.wrapping_add(page))?;
            }
            return Ok(0);
        }
        if request.space == DEV_MMIO && self.setup.arm() && self.setup.since(4, 7) {
            return self.unmodelled(Errno::EIO);
        }
        if request.gpfn == Bits::MAX as _ {
            return refuse(Errno::EINVAL);
        }
        self.map_one(request.space, index, frame)?;
        Ok(0)
    }

    fn mmio_permission(&self, whose: Whose, space: u32) -> Result<(), Refusal> {
        let allowed = self.setup.privileged && whose == Whose::Own;
        if space == DEV_MMIO && self.setup.since(4, 7) && !allowed {
            refuse(Errno::EACCES)
        } else {
            Ok(())
        }
    }

    /// # Safety
    ///
    /// The argument is the address of an `xen_add_to_physmap_batch`, which holds the addresses of
    /// three lists.
    pub(super) unsafe fn add_to_physmap_batch(&mut self, argument: usize, done: usize) -> Answer {
        // SAFETY: this function's contract.
        let request = unsafe { Caller::<xen_add_to_physmap_batch>::new(argument) }.get()?;
        let space = u32::from(request.space);
        if space == GMFN_RANGE {
            return refuse(if self.setup.since(4, 10) {
                Errno::EOPNOTSUPP
            } else {
                Errno::ENOSYS
            });
        }
        let whose = self.subject(request.domid)?;
        self.translated(whose)?;
        self.mmio_permission(whose, space)?;
        let count = request.size as usize;
        if count <= done {
            return if done == 0 {
                Ok(0)
            } else {
                refuse(Errno::EILSEQ)
            };
        }
        // SAFETY: this function's contract.
        let indices = unsafe { Caller::<Bits>::array(request.idxs.address(), count) };
        // SAFETY: this function's contract.
        let frames = unsafe { Caller::<Pfn>::array(request.gpfns.address(), count) };
        // SAFETY: this function's contract.
        let errors = unsafe { Caller::<i32>::array(request.errs.address(), count) };
        indices.check()?;
        frames.check()?;
        errors.check()?;
        for entry in done..count {
            let index = wide(indices.at(entry)?);
            let frame = wide(frames.at(entry)?);
            let result = if space == GMFN_FOREIGN {
                // SAFETY: for this space the half word is a domain's number; any bits are one.
                let owner = unsafe { request.u.foreign_domid };
                match whose {
                    Whose::Own => self.map_foreign(owner, index, frame),
                    Whose::Peer => self.unmodelled(Errno::EIO).map(drop),
                }
            } else {
                match whose {
                    Whose::Own => self.map_one(space, index, frame),
                    Whose::Peer => self.map_peer(space, index, frame),
                }
            };
            errors.put_at(
                entry,
                match result {
                    Ok(()) => 0,
                    Err(Refusal::Errno(errno)) => -errno.get(),
                    Err(other) => return Err(other),
                },
            )?;
        }
        Ok(0)
    }

    /// # Safety
    ///
    /// The argument is the address of an `xen_remove_from_physmap`.
    pub(super) unsafe fn remove_from_physmap(&mut self, argument: usize) -> Answer {
        // SAFETY: this function's contract.
        let request = unsafe { Caller::<xen_remove_from_physmap>::new(argument) }.get()?;
        let whose = self.subject(request.domid)?;
        self.translated(whose)?;
        let frame = wide(request.gpfn);
        if whose == Whose::Peer {
            if let Some(place) = self.neighbour_mut().map.remove(&frame) {
                self.neighbour_mut().unplaced += u64::from(place.kind == Kind::Ram);
                return Ok(0);
            }
        }
        let there = self.memory.place(frame);
        match there.filter(|_| whose == Whose::Own) {
            Some(_) => {
                // The page still belongs to the domain, but nothing leads there.
                self.memory.take_quietly(frame);
                Ok(0)
            }
            None if self.setup.since(4, 5) => refuse(Errno::ENOENT),
            None => refuse(Errno::EINVAL),
        }
    }

    /// The sub-ops that tell where memory is.
    ///
    /// # Safety
    ///
    /// The argument is the address of the sub-op's structure, which may hold that of a list.
    pub(super) unsafe fn memory_maps(&mut self, command: u32, argument: usize) -> Answer {
        match command {
            5 | 25 => {
                // SAFETY: this function's contract: an xen_machphys_mfn_list.
                let structure = unsafe { Caller::<xen_machphys_mfn_list>::new(argument) };
                let mut list = structure.get()?;
                list.nr_extents = list.max_extents.min(1);
                let (address, count) = (list.extent_start.address(), list.nr_extents as usize);
                // SAFETY: this function's contract: room for `max_extents`.
                let extents = unsafe { Caller::<Pfn>::array(address, count) };
                if count > 0 {
                    extents.put(MACHINE_TO_PHYS as Pfn)?;
                }
                structure.put(list)?;
                Ok(0)
            }
            9 => {
                // SAFETY: this function's contract: an xen_memory_map.
                let structure = unsafe { Caller::<xen_memory_map>::new(argument) };
                let mut map = structure.get()?;
                if self.e820.is_empty() {
                    return refuse(Errno::ENOSYS);
                }
                map.nr_entries = map.nr_entries.min(self.e820.len() as u32);
                let count = map.nr_entries as usize;
                // SAFETY: this function's contract: room for as many entries as it said.
                let buffer = unsafe { Caller::<E820>::array(map.buffer.address(), count) };
                for (index, entry) in self.e820.iter().enumerate().take(count) {
                    buffer.put_at(index, *entry)?;
                }
                structure.put(map)?;
                Ok(0)
            }
            10 => {
                if !self.setup.privileged {
                    return refuse(Errno::EPERM);
                }
                // SAFETY: this function's contract: an xen_memory_map.
                let structure = unsafe { Caller::<xen_memory_map>::new(argument) };
                let mut map = structure.get()?;
                let entries = [e820(0, 0x9f000), e820(0x10_0000, 0x1ff0_0000)];
                let buffer = map.buffer.address();
                if buffer != 0 && (map.nr_entries as usize) < entries.len() + 1 {
                    return refuse(Errno::EINVAL);
                }
                if buffer != 0 {
                    // SAFETY: this function's contract: room for as many entries as it said.
                    let buffer = unsafe { Caller::<E820>::array(buffer, entries.len()) };
                    for (index, entry) in entries.iter().enumerate() {
                        buffer.put_at(index, *entry)?;
                    }
                }
                map.nr_entries = entries.len() as u32;
                structure.put(map)?;
                Ok(0)
            }
            12 => {
                // SAFETY: this function's contract: an xen_machphys_mapping.
                let structure = unsafe { Caller::<xen_machphys_mapping>::new(argument) };
                let (start, end) = if cfg!(target_pointer_width = "32") {
                    (0xf580_0000, 0xf680_0000)
                } else {
                    (u64::MAX << 47, (u64::MAX << 47) + (1 << 38))
                };
                structure.put(xen_machphys_mapping {
                    v_start: start as _,
                    v_end: end as _,
                    max_mfn: self.memory.highest() as _,
                })?;
                Ok(0)
            }
            _ => {
                // SAFETY: this function's contract: an xen_foreign_memory_map.
                let request = unsafe { Caller::<xen_foreign_memory_map>::new(argument) }.get()?;
                if request.map.nr_entries > MAP_ENTRIES {
                    return refuse(Errno::EINVAL);
                }
                let whose = self.subject(request.domid)?;
                let count = request.map.nr_entries as usize;
                let buffer = request.map.buffer.address();
                // SAFETY: this function's contract: as many entries as it says.
                let buffer = unsafe { Caller::<E820>::array(buffer, count) };
                let map = (0..count).map(|index| buffer.at(index));
                let map = map.collect::<Result<_, _>>()?;
                match whose {
                    Whose::Own => self.e820 = map,
                    Whose::Peer => self.neighbour_mut().e820 = map,
                }
                Ok(0)
            }
        }
    }

    /// The memory map that a guest begins with.
    pub(super) fn first_e820(&self) -> alloc::vec::Vec<E820> {
        if self.setup.hvm() && self.setup.since(4, 6) {
            alloc::vec![e820(0, self.setup.pages * 4096)]
        } else {
            alloc::vec::Vec::new()
        }
    }
}
