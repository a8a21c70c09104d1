//! `memory_op` for the second domain: its memory, frames of it in the caller's map, and what Xen keeps
//! for it.
#![allow(unsafe_code)]

use xen_public::native::memory::xen_mem_acquire_resource;

use super::build::Build;
use super::caller::{Address, Answer, Caller, Refusal, refuse, wide};
use super::memory::{Kind, Place};
use super::peer::Whose;
use super::physmap::{GMFN, GMFN_RANGE, GRANT_TABLE, STATUS};
use super::reservations::{Extents, Pfn};
use super::{DOMID_SELF, Machine};
use crate::hypercall::Errno;
use crate::version::Guest;

/// The most frames of a resource at once before 4.15.
const AT_ONCE: u32 = 32;
/// Frames of an I/O request server: the buffered requests, and one for up to 128 processors.
const SERVER_FRAMES: u32 = 2;

impl Machine {
    /// Changes the second domain's memory by one extent; whether it could.
    pub(super) fn peer_extent(&mut self, command: u32, extents: &Extents) -> Result<bool, Refusal> {
        let pages = extents.pages();
        let pv = self.neighbour().guest == Guest::Pv;
        if command == 1 {
            let first = wide(extents.list.at(extents.done)?);
            for index in 0..pages {
                let frame = first.wrapping_add(index);
                let Some(machine) = self.ram_of(Whose::Peer, frame) else {
                    return Ok(false);
                };
                self.memory.fill(machine, 0xdb);
                self.neighbour_mut().map.remove(&frame);
            }
            return Ok(true);
        }
        if self.neighbour().owned() + pages > self.neighbour().most_pages {
            return Ok(false);
        }
        let machine = self.memory.fresh();
        for _ in 1..pages {
            self.memory.fresh();
        }
        let first = match command {
            _ if pv => machine,
            0 => {
                // Nothing leads there yet.
                self.neighbour_mut().unplaced += pages;
                return Ok(true);
            }
            _ => wide(extents.list.at(extents.done)?),
        };
        for index in 0..pages {
            let kind = Kind::Ram;
            let place = Place {
                machine: machine + index,
                kind,
            };
            let map = &mut self.neighbour_mut().map;
            map.insert(first.wrapping_add(index), place);
        }
        if pv && (command != 0 || extents.given) {
            extents.list.put_at(extents.done, machine as Pfn)?;
        }
        Ok(true)
    }

    /// Puts something at a frame number of the second domain's.
    pub(super) fn map_peer(&mut self, space: u32, index: u64, frame: u64) -> Result<(), Refusal> {
        let there = self.neighbour().map.get(&index).copied();
        let place = match space {
            GRANT_TABLE => {
                let of_status = index & STATUS != 0;
                let machine = self.grant_machine_frame(Whose::Peer, index & !STATUS, of_status)?;
                let kind = if of_status {
                    Kind::GrantStatus
                } else {
                    Kind::GrantTable
                };
                Place { machine, kind }
            }
            GMFN if !self.setup.arm() && self.setup.since(3, 4) => match there {
                Some(place) if place.kind == Kind::Ram => place,
                _ => return refuse(Errno::EINVAL),
            },
            _ if self.setup.arm() => return refuse(Errno::ENOSYS),
            _ => return refuse(Errno::EINVAL),
        };
        let map = &mut self.neighbour_mut().map;
        let mut places = map.iter();
        let old = places.find(|(_, there)| **there == place);
        if let Some(old) = old.map(|(frame, _)| *frame) {
            map.remove(&old);
        }
        map.insert(frame, place);
        Ok(())
    }

    /// The same for several pages in a row, from 4.2.
    pub(super) fn map_peer_range(
        &mut self,
        (space, size): (u32, u16),
        index: u64,
        frame: u64,
    ) -> Result<(), Refusal> {
        if space != GMFN_RANGE {
            return self.map_peer(space, index, frame);
        }
        for page in 0..u64::from(size) {
            self.map_peer(GMFN, index.wrapping_add(page), frame.wrapping_add(page))?;
        }
        Ok(())
    }

    /// Puts a page that is not its own at a frame number of the caller's.
    fn put_foreign(&mut self, machine: u64, frame: u64) -> Result<(), Refusal> {
        match self.memory.place(frame).map(|place| place.kind) {
            Some(Kind::Mapped(_)) => return refuse(Errno::EINVAL),
            Some(Kind::Ram) if self.setup.arm() && !self.memory.keeps() => {
                // The page is lost to everybody.
                self.memory.add_unplaced(1);
            }
            _ => {}
        }
        let kind = Kind::Foreign;
        self.memory.put(frame, Place { machine, kind });
        Ok(())
    }

    /// Puts a page of another domain's into the caller's map.
    pub(super) fn map_foreign(
        &mut self,
        domid: u16,
        index: u64,
        frame: u64,
    ) -> Result<(), Refusal> {
        if domid == DOMID_SELF || domid == self.setup.domid {
            return refuse(Errno::EINVAL);
        }
        if self.setup.hvm() && !self.setup.privileged {
            return refuse(Errno::EPERM);
        }
        self.subject(domid)?;
        let machine = self.ram_of(Whose::Peer, index);
        let machine = machine.ok_or(Refusal::Errno(Errno::EINVAL))?;
        self.put_foreign(machine, frame)
    }

    /// How many frames a resource has; none for what the domain or the release does not have.
    fn resource_frames(&self, kind: u16, id: u32) -> u32 {
        let peer = self.neighbour();
        match (kind, id) {
            (0, _) if peer.guest == Guest::Pv => 0,
            (0, _) if self.setup.arm() && !self.setup.has(Build::IoreqServer) => 0,
            (0, _) => SERVER_FRAMES,
            (1, 0) => self.setup.most_grant_frames(),
            (1, 1) if peer.grants.version == 2 => self.setup.most_grant_frames().div_ceil(8),
            _ => 0,
        }
    }

    fn resource_there(&self, kind: u16) -> bool {
        let setup = &self.setup;
        match kind {
            0 => setup.since(4, 15) || !setup.arm(),
            1 => setup.since(4, 12),
            2 => setup.since(4, 15) && !setup.arm(),
            _ => false,
        }
    }

    fn resource_frame(&mut self, kind: u16, id: u32, frame: u64) -> Result<u64, Refusal> {
        match (kind, id) {
            (0, _) => self.server_frame(id, frame),
            (1, 0 | 1) => self.grant_machine_frame(Whose::Peer, frame, id == 1),
            _ => refuse(Errno::EINVAL),
        }
    }

    /// # Safety
    ///
    /// The argument is the address of an `xen_mem_acquire_resource`, which holds 0 or the address of a
    /// list.
    pub(super) unsafe fn acquire_resource(&mut self, argument: usize, done: usize) -> Answer {
        if !self.setup.pv() && !self.setup.privileged {
            return refuse(Errno::EACCES);
        }
        // SAFETY: this function's contract.
        let structure = unsafe { Caller::<xen_mem_acquire_resource>::new(argument) };
        let mut request = structure.get()?;
        if request.pad != 0 || done != 0 {
            return refuse(Errno::EINVAL);
        }
        let list = request.frame_list.address();
        let since_4_15 = self.setup.since(4, 15);
        if !since_4_15 {
            match (list, request.nr_frames) {
                (0, 0) => {
                    // Not how many there are.
                    request.nr_frames = AT_ONCE;
                    structure.put(request)?;
                    return Ok(0);
                }
                (0, _) => return refuse(Errno::EINVAL),
                (_, count) if count > AT_ONCE => return refuse(Errno::E2BIG),
                _ => {}
            }
        }
        match self.by_number(request.domid) {
            None => return refuse(Errno::ESRCH),
            // One's own is not to be had this way.
            Some(Whose::Own) => return refuse(Errno::EPERM),
            Some(Whose::Peer) if !self.setup.privileged => return refuse(Errno::EPERM),
            Some(Whose::Peer) => {}
        }
        let (kind, id) = (request.r#type, request.id);
        let frames = self.resource_frames(kind, id);
        if !self.resource_there(kind) {
            return refuse(if since_4_15 {
                Errno::EINVAL
            } else {
                Errno::EOPNOTSUPP
            });
        }
        if since_4_15 && (frames == 0 || (list == 0 && request.nr_frames != 0)) {
            return refuse(Errno::EINVAL);
        }
        if since_4_15 && list == 0 {
            request.nr_frames = frames;
            structure.put(request)?;
            return Ok(0);
        }
        if frames == 0 || (since_4_15 && request.nr_frames == 0) {
            return refuse(Errno::EINVAL);
        }
        let count = request.nr_frames as usize;
        // SAFETY: this function's contract.
        let list = unsafe { Caller::<Pfn>::array(list, count) };
        list.check()?;
        let mut found = alloc::vec::Vec::new();
        for index in 0..count as u64 {
            let frame = request.frame.checked_add(index);
            let frame = frame.ok_or(Refusal::Errno(Errno::EINVAL))?;
            found.push(self.resource_frame(kind, id, frame)?);
        }
        for (index, machine) in found.into_iter().enumerate() {
            if self.setup.pv() {
                list.put_at(index, machine as Pfn)?;
            } else {
                self.put_foreign(machine, wide(list.at(index)?))?;
            }
        }
        if kind == 0 && self.setup.before(4, 13) {
            // The pages of a server belonged to who made it.
            request.pad = 1;
            structure.put(request)?;
        }
        Ok(0)
    }
}
