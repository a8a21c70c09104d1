//! `memory_op`: how much memory the domain has, and which.
//!
//! The calls that change it answer how many extents they got through, whatever stopped them.
#![allow(unsafe_code)]

use xen_public::native::memory::{
    xen_memory_domain, xen_memory_exchange, xen_memory_reservation, xen_pod_target,
};

use super::caller::{Address, Answer, Caller, Refusal, refuse, wide};
use super::memory::{Bits, Kind};
use super::peer::Whose;
use super::{Harm, Machine};
use crate::hypercall::Errno;
use crate::version::Guest;

/// A frame number as the structures have it.
pub(super) type Pfn = Bits;

/// Bits of the first argument that are the sub-op; the others count extents that are done.
const COMMAND_BITS: u32 = 6;
/// More extents than this can't be told from a sub-op.
const EXTENTS: u64 = u32::MAX as u64 >> COMMAND_BITS;

/// The extents of a reservation.
pub(super) struct Extents {
    pub(super) list: Caller<Pfn>,
    pub(super) given: bool,
    /// Which is next, and where they end.
    pub(super) done: usize,
    count: usize,
    order: u32,
}

impl Extents {
    pub(super) fn pages(&self) -> u64 {
        1 << self.order
    }
}

impl Machine {
    /// Whether the release has a sub-op for this kind of guest.
    fn memory_op_there(&self, command: u32) -> bool {
        let setup = &self.setup;
        let hvm = setup.hvm();
        let x86 = !setup.arm();
        match command {
            0..=4 => true,
            5 => x86,
            6 | 7 => setup.since_3_0(2),
            8 => x86 && setup.since_3_0(2) && setup.before(3, 4),
            9 if hvm => setup.before(4, 2) || setup.since(4, 6),
            9 => x86 && setup.since_3_0(3),
            10 if hvm => setup.before(4, 2) || setup.since(4, 19),
            10 => x86 && setup.since_3_0(3),
            11 => setup.since_3_0(3),
            12 if hvm => setup.before(4, 2),
            12 => x86 && setup.since_3_0(3),
            13 => x86 && setup.since_3_0(4),
            14 => setup.since(3, 1),
            15 => setup.since(4, 2),
            16 | 17 => x86 && setup.since(3, 4),
            18 => setup.since(4, 0),
            19 => setup.since(4, 2),
            // Builds of later releases have neither.
            // From then on, builds for use leave them out.
            20 => x86 && setup.since(4, 2) && setup.before(4, 16),
            22 => x86 && setup.since(4, 2) && setup.before(4, 13),
            21 => setup.since(4, 2) && (x86 || setup.since(4, 5)),
            23 => setup.since(4, 4) || (setup.arm() && setup.since(4, 3)),
            24 => setup.since(4, 3),
            25 => x86 && setup.since(4, 5),
            26 => setup.since(4, 5),
            27 => setup.since(4, 6),
            28 => setup.since(4, 11),
            _ => false,
        }
    }

    /// Answers `memory_op`.
    ///
    /// # Safety
    ///
    /// As for [`Conduit::hypercall`](crate::hypercall::Conduit::hypercall): the argument is the
    /// address of the sub-op's structure, if it has one.
    pub(super) unsafe fn memory_op(&mut self, command: u32, argument: usize) -> Answer {
        let done = (command >> COMMAND_BITS) as usize;
        let command = command & ((1 << COMMAND_BITS) - 1);
        if !self.memory_op_there(command) {
            return refuse(Errno::ENOSYS);
        }
        if done != 0 && !matches!(command, 0 | 1 | 6 | 7 | 23 | 28) {
            return refuse(Errno::EINVAL);
        }
        // For each call: the contract of this function is that of the sub-op.
        match command {
            0 | 1 | 6 => {
                // SAFETY: as above: an xen_memory_reservation.
                match unsafe { self.reservation(command, argument, done) } {
                    Err(Refusal::Errno(_)) => Ok(done),
                    // 3.0.0 says what is wrong with it, all others how far they came.
                    Err(Refusal::BadPointer(address)) if self.setup.since_3_0(2) => {
                        self.harm(Harm::BadPointer(address));
                        Ok(done)
                    }
                    other => other,
                }
            }
            2 => Ok(self.memory.highest() as usize + 1),
            3 | 4 | 14 => {
                // SAFETY: as above: an xen_memory_domain.
                let domain = unsafe { Caller::<xen_memory_domain>::new(argument) }.get()?;
                let whose = self.subject(domain.domid)?;
                Ok(match (whose, command) {
                    (Whose::Own, 3) => self.memory.owned() as usize,
                    (Whose::Own, 4) => self.setup.maximum_pages as usize,
                    (Whose::Own, _) => self.maximum_gpfn(),
                    (Whose::Peer, 3) => self.neighbour().owned() as usize,
                    (Whose::Peer, 4) => self.neighbour().most_pages as usize,
                    (Whose::Peer, _) => self.neighbour().highest_frame() as usize,
                })
            }
            // SAFETY: as above.
            5 | 9 | 10 | 12 | 13 | 25 => unsafe { self.memory_maps(command, argument) },
            // SAFETY: as above.
            7 => unsafe { self.add_to_physmap(argument) },
            // SAFETY: as above: an xen_memory_exchange.
            11 => unsafe { self.exchange(argument) },
            // SAFETY: as above.
            15 => unsafe { self.remove_from_physmap(argument) },
            // SAFETY: as above: an xen_pod_target.
            16 | 17 => unsafe { self.pod_target(command, argument) },
            18 | 19 => Ok(0),
            // SAFETY: as above: the structures begin alike.
            20..=22 => unsafe { self.of_others(command, argument) },
            // SAFETY: as above.
            23 => unsafe { self.add_to_physmap_batch(argument, done) },
            // SAFETY: as above: an xen_memory_reservation.
            24 => unsafe { self.claim(argument) },
            26 => {
                // SAFETY: as above: the structure begins with the domain and a reserved half word.
                let head = unsafe { Caller::<[u16; 2]>::new(argument) }.get()?;
                if head[1] != 0 {
                    return refuse(Errno::EINVAL);
                }
                self.subject(head[0])?;
                refuse(Errno::EOPNOTSUPP)
            }
            27 => {
                // SAFETY: as above: an xen_reserved_device_memory_map, whose second word is how
                // many ranges there are. There are none.
                let map = unsafe { Caller::<[u32; 2]>::new(argument) };
                let [flags, _] = map.get()?;
                if flags & !1 != 0 {
                    return refuse(Errno::EINVAL);
                }
                map.put([flags, 0])?;
                Ok(0)
            }
            // SAFETY: as above: an xen_mem_acquire_resource.
            28 => unsafe { self.acquire_resource(argument, done) },
            _ => self.unmodelled(Errno::EIO),
        }
    }

    /// Changes the reservation; answers the number of extents done.
    ///
    /// # Safety
    ///
    /// The argument is the address of an `xen_memory_reservation`, and that holds the address of
    /// its extents.
    unsafe fn reservation(&mut self, command: u32, argument: usize, done: usize) -> Answer {
        // SAFETY: this function's contract.
        let request = unsafe { Caller::<xen_memory_reservation>::new(argument) }.get()?;
        let count = wide(request.nr_extents);
        if count > EXTENTS || done as u64 >= count {
            return Ok(done);
        }
        let whose = self.subject(request.domid)?;
        let most = if self.setup.privileged { 18 } else { 9 };
        if request.extent_order > most {
            return Ok(done);
        }
        let address = request.extent_start.address();
        let mut extents = Extents {
            // SAFETY: this function's contract.
            list: unsafe { Caller::<Pfn>::array(address, count as usize) },
            given: address != 0,
            done,
            count: count as usize,
            order: request.extent_order,
        };
        if extents.given || command != 0 {
            extents.list.check()?;
        }
        while extents.done < extents.count {
            let ok = match command {
                _ if whose == Whose::Peer => self.peer_extent(command, &extents)?,
                0 => self.increase(&extents)?,
                1 => self.decrease(&extents)?,
                _ => self.populate(&extents)?,
            };
            if !ok {
                break;
            }
            extents.done += 1;
        }
        Ok(extents.done)
    }

    /// Whether the domain may have more pages, and the machine has them.
    fn room_for(&self, pages: u64) -> bool {
        let owned = self.memory.owned() + pages;
        owned <= self.setup.maximum_pages && owned <= self.setup.machine_pages
    }

    /// Machine frames in a row.
    fn allocate(&mut self, pages: u64) -> Option<u64> {
        if !self.room_for(pages) {
            return None;
        }
        let first = self.memory.fresh();
        for _ in 1..pages {
            self.memory.fresh();
        }
        Some(first)
    }

    fn increase(&mut self, extents: &Extents) -> Result<bool, Refusal> {
        let Some(first) = self.allocate(extents.pages()) else {
            return Ok(false);
        };
        if !self.setup.pv() {
            // Nothing leads there yet.
            self.memory.add_unplaced(extents.pages());
            return Ok(true);
        }
        for index in 0..extents.pages() {
            self.memory.put_ram(first + index, first + index);
        }
        if extents.given {
            extents.list.put_at(extents.done, first as Pfn)?;
        }
        Ok(true)
    }

    fn decrease(&mut self, extents: &Extents) -> Result<bool, Refusal> {
        let first = wide(extents.list.at(extents.done)?);
        for index in 0..extents.pages() {
            let frame = first.wrapping_add(index);
            match self.memory.place(frame) {
                Some(place) if place.kind == Kind::Ram => {
                    // What the domain keeps has what it had when it comes back.
                    if !self.memory.keeps() {
                        self.memory.fill(place.machine, 0xdb);
                    }
                    self.memory.take(frame);
                }
                Some(_) => {
                    self.harm(Harm::Overwrites(frame));
                    return Ok(false);
                }
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    fn populate(&mut self, extents: &Extents) -> Result<bool, Refusal> {
        let first = wide(extents.list.at(extents.done)?);
        let pages = extents.pages();
        if self.memory.keeps() {
            // The domain gets the very frames that it has given back, and no others.
            let own =
                |frame: u64| self.memory.was_given_back(frame) || self.memory.ram(frame).is_some();
            if !(0..pages).all(|index| own(first.wrapping_add(index))) {
                return Ok(false);
            }
            for frame in first..first + pages {
                self.memory.put_ram(frame, frame);
            }
            return Ok(true);
        }
        let Some(machine) = self.allocate(pages) else {
            return Ok(false);
        };
        for index in 0..pages {
            if self.setup.pv() {
                self.memory.put_ram(machine + index, machine + index);
                continue;
            }
            let frame = first.wrapping_add(index);
            match self.memory.place(frame) {
                // What was there is lost to everybody.
                Some(place) if place.kind == Kind::Ram => self.memory.add_unplaced(1),
                Some(_) => self.harm(Harm::Overwrites(frame)),
                None => {}
            }
            self.memory.put_ram(frame, machine + index);
        }
        if self.setup.pv() {
            extents.list.put_at(extents.done, machine as Pfn)?;
        }
        Ok(true)
    }

    fn maximum_gpfn(&self) -> usize {
        if self.setup.pv() {
            // What the guest has said of itself in the shared page.
            return self.max_pfn().max(1) - 1;
        }
        self.memory.highest_frame() as usize
    }

    /// # Safety
    ///
    /// The argument is the address of an `xen_memory_exchange`, which holds the addresses of two
    /// lists of extents.
    unsafe fn exchange(&mut self, argument: usize) -> Answer {
        // SAFETY: this function's contract.
        let structure = unsafe { Caller::<xen_memory_exchange>::new(argument) };
        let mut request = structure.get()?;
        let (into, out) = (request.r#in, request.out);
        let most = if self.setup.privileged { 18 } else { 9 };
        if into.extent_order.max(out.extent_order) > most {
            return refuse(Errno::EPERM);
        }
        let pages =
            |part: xen_memory_reservation| wide(part.nr_extents).checked_shl(part.extent_order);
        if request.nr_exchanged > into.nr_extents
            || into.domid != out.domid
            || pages(into) != pages(out)
        {
            return refuse(Errno::EINVAL);
        }
        self.own_domain(into.domid)?;
        if !self.setup.pv() || into.extent_order != 0 || out.extent_order != 0 {
            return self.unmodelled(Errno::EIO);
        }
        let count = into.nr_extents as usize;
        // SAFETY: this function's contract.
        let from = unsafe { Caller::<Pfn>::array(into.extent_start.address(), count) };
        // SAFETY: this function's contract.
        let to = unsafe { Caller::<Pfn>::array(out.extent_start.address(), count) };
        from.check()?;
        to.check()?;
        for index in request.nr_exchanged as usize..count {
            let frame = wide(from.at(index)?);
            if self.memory.ram(frame).is_none() {
                structure.put(request)?;
                return refuse(Errno::EINVAL);
            }
            self.memory.take(frame);
            let fresh = self.memory.fresh();
            self.memory.put_ram(fresh, fresh);
            to.put_at(index, fresh as Pfn)?;
            request.nr_exchanged += 1;
        }
        structure.put(request)?;
        Ok(0)
    }

    /// # Safety
    ///
    /// The argument is the address of an `xen_pod_target`.
    unsafe fn pod_target(&mut self, command: u32, argument: usize) -> Answer {
        // SAFETY: this function's contract.
        let structure = unsafe { Caller::<xen_pod_target>::new(argument) };
        let mut target = structure.get()?;
        let whose = self.subject(target.domid)?;
        let hvm = match whose {
            Whose::Own => self.setup.hvm(),
            Whose::Peer => self.neighbour().guest == Guest::Hvm,
        };
        if !hvm {
            return refuse(Errno::EINVAL);
        }
        if !self.setup.privileged {
            return refuse(Errno::EPERM);
        }
        if command == 16 && whose == Whose::Own {
            return self.unmodelled(Errno::EIO);
        }
        target.tot_pages = match whose {
            Whose::Own => self.memory.owned(),
            Whose::Peer => self.neighbour().owned(),
        };
        target.pod_cache_pages = 0;
        target.pod_entries = 0;
        structure.put(target)?;
        Ok(0)
    }

    /// Sub-ops for another domain's memory: pages that are away, or whose accesses somebody is told of,
    /// for which nobody ever asks here; and shared pages, which are not played.
    ///
    /// # Safety
    ///
    /// The argument is the address of a structure whose second half word is a domain's number.
    unsafe fn of_others(&mut self, command: u32, argument: usize) -> Answer {
        // SAFETY: this function's contract.
        let [op, domid] = unsafe { Caller::<[u16; 2]>::new(argument) }.get()?;
        let audit = if self.setup.since(4, 6) { 7 } else { 8 };
        if command == 22 && op as u8 == audit {
            // It counts all shared pages again, in builds for debugging.
            return refuse(Errno::ENOSYS);
        }
        if domid == self.setup.domid || !self.setup.privileged {
            return refuse(Errno::EPERM);
        }
        if self.subject(domid)? == Whose::Peer && command == 22 {
            return self.unmodelled(Errno::EIO);
        }
        if command == 21 && self.neighbour().guest == Guest::Pv {
            return refuse(Errno::EINVAL);
        }
        refuse(Errno::ENODEV)
    }

    /// # Safety
    ///
    /// The argument is the address of an `xen_memory_reservation`.
    unsafe fn claim(&mut self, argument: usize) -> Answer {
        // SAFETY: this function's contract.
        let request = unsafe { Caller::<xen_memory_reservation>::new(argument) }.get()?;
        let plain = request.extent_start.address() == 0
            && request.extent_order == 0
            && request.mem_flags == 0;
        let whose = self.by_number(request.domid);
        let (true, Some(whose)) = (plain, whose) else {
            return refuse(Errno::EINVAL);
        };
        if !self.setup.privileged {
            return refuse(Errno::EPERM);
        }
        let owned = match whose {
            Whose::Own => self.memory.owned(),
            Whose::Peer => self.neighbour().owned(),
        };
        match wide(request.nr_extents) {
            0 => Ok(0),
            pages if pages <= owned => refuse(Errno::EINVAL),
            pages if pages > self.setup.machine_pages => refuse(Errno::ENOMEM),
            _ => Ok(0),
        }
    }
}
