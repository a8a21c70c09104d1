//! `grant_table_op`: the table itself.
//!
//! Entries are in pages of Xen's that the guest writes; a table of version 2 has status words in
//! pages of their own. What is mapped and copied is in `grant_maps.rs`.
#![allow(unsafe_code)]

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::sync::atomic::Ordering::SeqCst;
use core::sync::atomic::{AtomicU16, AtomicU32};

use xen_public::native::grant_table::{
    gnttab_get_status_frames, gnttab_get_version, gnttab_query_size, gnttab_set_version,
    gnttab_setup_table, gnttab_swap_grant_ref,
};

use super::Machine;
use super::build::{Build, Setup};
use super::caller::{Address, Answer, Caller, Refusal, refuse};
use super::grant_maps::{Active, Mapping};
use super::memory::{Kind, Memory, PAGE, Place};
use super::peer::Whose;
use super::reservations::Pfn;
use crate::hypercall::Errno;

/// What a grant operation answers in its `status`: `GNTST_`.
pub(super) mod status {
    pub(in super::super) const OKAY: i16 = 0;
    pub(in super::super) const GENERAL_ERROR: i16 = -1;
    pub(in super::super) const BAD_DOMAIN: i16 = -2;
    pub(in super::super) const BAD_GNTREF: i16 = -3;
    pub(in super::super) const BAD_HANDLE: i16 = -4;
    pub(in super::super) const PERMISSION_DENIED: i16 = -8;
    pub(in super::super) const BAD_PAGE: i16 = -9;
    pub(in super::super) const BAD_COPY_ARG: i16 = -10;
    pub(in super::super) const EAGAIN: i16 = -12;
}

/// Entries that belong to Xen's tools and survive a change of the version.
const RESERVED: u32 = 8;
/// Bits of the first argument that are the sub-op.
const COMMAND_MASK: u32 = 0xfff;

#[derive(Debug)]
pub(super) struct Grants {
    pub(super) version: u32,
    pub(super) shared: Vec<u64>,
    pub(super) status: Vec<u64>,
    /// Grants that are in use, by reference.
    pub(super) active: BTreeMap<u32, Active>,
    /// Mappings, by handle.
    pub(super) mappings: Vec<Option<Mapping>>,
}

impl Grants {
    pub(super) fn new() -> Self {
        Self {
            version: 1,
            shared: Vec::new(),
            status: Vec::new(),
            active: BTreeMap::new(),
            mappings: Vec::new(),
        }
    }

    /// Whether a grant of a machine frame is in use.
    pub(super) fn uses(&self, machine: u64) -> bool {
        let mut active = self.active.values();
        active.any(|active| active.machine == machine)
    }

    /// Bytes of an entry.
    fn entry_size(&self) -> usize {
        if self.version == 2 { 16 } else { 8 }
    }

    /// How many references there are.
    pub(super) fn references(&self) -> u32 {
        (self.shared.len() * (PAGE / self.entry_size())) as u32
    }

    /// Machine frame and offset of an entry. The reference is one that there is.
    pub(super) fn entry(&self, reference: u32) -> (u64, usize) {
        let per_frame = PAGE / self.entry_size();
        let reference = reference as usize;
        let frame = self.shared[reference / per_frame];
        (frame, reference % per_frame * self.entry_size())
    }

    /// The flags that the granting domain writes.
    pub(super) fn flags<'m>(&self, memory: &'m Memory, reference: u32) -> &'m AtomicU16 {
        let (frame, offset) = self.entry(reference);
        memory.u16(frame, offset)
    }

    /// The word in which Xen says whether a grant is in use.
    pub(super) fn status_word<'m>(&self, memory: &'m Memory, reference: u32) -> &'m AtomicU16 {
        if self.version != 2 {
            return self.flags(memory, reference);
        }
        let per_frame = PAGE / 2;
        let frame = self.status[reference as usize / per_frame];
        memory.u16(frame, reference as usize % per_frame * 2)
    }

    /// The domain that an entry is for.
    pub(super) fn granted_to<'m>(&self, memory: &'m Memory, reference: u32) -> &'m AtomicU16 {
        let (frame, offset) = self.entry(reference);
        memory.u16(frame, offset + 2)
    }

    pub(super) fn entry_word<'m>(
        &self,
        memory: &'m Memory,
        reference: u32,
        word: usize,
    ) -> &'m AtomicU32 {
        let (frame, offset) = self.entry(reference);
        memory.u32(frame, offset + word * 4)
    }

    /// The frame that an entry grants, by the granting domain's number.
    pub(super) fn granted_frame(&self, memory: &Memory, reference: u32) -> u64 {
        let word = |word| u64::from(self.entry_word(memory, reference, word).load(SeqCst));
        if self.version == 2 {
            word(2) | word(3) << 32
        } else {
            word(1)
        }
    }

    /// Offset and length of an entry for a part of a page.
    pub(super) fn granted_part(&self, memory: &Memory, reference: u32) -> (usize, usize) {
        let word = self.entry_word(memory, reference, 1).load(SeqCst);
        (word as usize & 0xffff, word as usize >> 16)
    }
}

impl Setup {
    /// How many frames a grant table may have.
    pub(super) fn most_grant_frames(&self) -> u32 {
        match self.grant_frames {
            Some(frames) => frames,
            None if self.before(3, 1) => 4,
            None if self.before(4, 10) => 32,
            None => 64,
        }
    }

    /// How many a grant table begins with.
    fn first_grant_frames(&self) -> u32 {
        let first = if self.before(4, 10) { 4 } else { 1 };
        first.min(self.most_grant_frames())
    }

    fn has_grant_v2(&self) -> bool {
        !self.arm() && (self.has(Build::GrantV2) || self.before(4, 11))
    }
}

impl Machine {
    pub(super) fn begin_grants(&mut self, whose: Whose) {
        self.grow_grants(whose, self.setup.first_grant_frames());
    }

    fn new_grant_frame(&mut self, whose: Whose, kind: Kind) -> u64 {
        let machine = self.memory.fresh();
        if self.setup.pv() && whose == Whose::Own {
            self.memory.put(machine, Place { machine, kind });
        }
        machine
    }

    fn grow_grants(&mut self, whose: Whose, frames: u32) {
        while (self.table(whose).shared.len() as u32) < frames {
            let frame = self.new_grant_frame(whose, Kind::GrantTable);
            self.table_mut(whose).shared.push(frame);
        }
        let statuses = match self.table(whose).version {
            2 => self.table(whose).shared.len().div_ceil(8),
            _ => 0,
        };
        while self.table(whose).status.len() < statuses {
            let frame = self.new_grant_frame(whose, Kind::GrantStatus);
            self.table_mut(whose).status.push(frame);
        }
    }

    /// The machine frame of a frame of a table, or of its status words; the table grows for it.
    pub(super) fn grant_machine_frame(
        &mut self,
        whose: Whose,
        index: u64,
        of_status: bool,
    ) -> Result<u64, Refusal> {
        let most = u64::from(self.setup.most_grant_frames());
        let none = Refusal::Errno(Errno::EINVAL);
        if of_status && self.table(whose).version == 2 {
            let index = usize::try_from(index).map_err(|_| none)?;
            return self.table(whose).status.get(index).copied().ok_or(none);
        }
        if of_status || index >= most {
            return Err(none);
        }
        if index >= self.table(whose).shared.len() as u64 {
            self.grow_grants(whose, index as u32 + 1);
        }
        Ok(self.table(whose).shared[index as usize])
    }

    /// A frame of the table, or of its status words, for the guest to map.
    pub(super) fn grant_frame(&mut self, index: u64, of_status: bool) -> Result<Place, Refusal> {
        let machine = self.grant_machine_frame(Whose::Own, index, of_status)?;
        let kind = if of_status {
            Kind::GrantStatus
        } else {
            Kind::GrantTable
        };
        Ok(Place { machine, kind })
    }

    /// Whose table a call is about, or the status that refuses it.
    fn table_of(&self, domid: u16) -> Result<Whose, i16> {
        match self.whose(domid) {
            None => Err(status::BAD_DOMAIN),
            Some(Whose::Peer) if !self.setup.privileged => Err(status::PERMISSION_DENIED),
            Some(whose) => Ok(whose),
        }
    }

    fn setup_table(&mut self, request: &gnttab_setup_table) -> Result<Whose, i16> {
        let whose = self.table_of(request.dom)?;
        if request.nr_frames > self.setup.most_grant_frames() {
            return Err(status::GENERAL_ERROR);
        }
        self.grow_grants(whose, request.nr_frames);
        Ok(whose)
    }

    /// The domain's own number of a frame of its table.
    fn grant_frame_number(&self, whose: Whose, machine: u64, kind: Kind) -> u64 {
        let place = Place { machine, kind };
        match whose {
            Whose::Own => self.memory.find(place).unwrap_or(u64::MAX),
            Whose::Peer => self.neighbour().number_of_shared(machine),
        }
    }

    /// # Safety
    ///
    /// The argument is the address of a `gnttab_setup_table`, which holds the address of a list.
    unsafe fn gnttab_setup_table(&mut self, argument: usize) -> Answer {
        // SAFETY: this function's contract.
        let structure = unsafe { Caller::<gnttab_setup_table>::new(argument) };
        let mut request = structure.get()?;
        let result = self.setup_table(&request);
        if let Ok(whose) = result {
            let count = request.nr_frames as usize;
            // SAFETY: this function's contract.
            let list = unsafe { Caller::<Pfn>::array(request.frame_list.address(), count) };
            for index in 0..count {
                let frame = self.table(whose).shared[index];
                let number = self.grant_frame_number(whose, frame, Kind::GrantTable);
                list.put_at(index, number as Pfn)?;
            }
        }
        request.status = result.err().unwrap_or(status::OKAY);
        structure.put(request)?;
        Ok(0)
    }

    /// # Safety
    ///
    /// The argument is the address of a `gnttab_query_size`.
    unsafe fn gnttab_query_size(&mut self, argument: usize) -> Answer {
        // SAFETY: this function's contract.
        let structure = unsafe { Caller::<gnttab_query_size>::new(argument) };
        let mut request = structure.get()?;
        match self.table_of(request.dom) {
            Ok(whose) => {
                request.nr_frames = self.table(whose).shared.len() as u32;
                request.max_nr_frames = self.setup.most_grant_frames();
                request.status = status::OKAY;
            }
            Err(status) => request.status = status,
        }
        structure.put(request)?;
        Ok(0)
    }

    fn set_version(&mut self, version: u32) -> Result<(), Refusal> {
        if version != 1 && version != 2 {
            return refuse(Errno::EINVAL);
        }
        if version == 2 && !self.setup.has_grant_v2() {
            return refuse(Errno::ENOSYS);
        }
        if version == self.grants.version {
            return Ok(());
        }
        if !self.grants.active.is_empty() {
            return refuse(Errno::EBUSY);
        }
        // The entries of Xen's tools are carried over; all others are lost.
        let kept: Vec<(u16, u16, u64)> = (0..RESERVED)
            .map(|reference| {
                let (table, memory) = (&self.grants, &self.memory);
                (
                    table.flags(memory, reference).load(SeqCst),
                    table.granted_to(memory, reference).load(SeqCst),
                    table.granted_frame(memory, reference),
                )
            })
            .collect();
        for frame in &self.grants.shared {
            self.memory.fill(*frame, 0);
        }
        self.grants.version = version;
        if version == 1 {
            for frame in core::mem::take(&mut self.grants.status) {
                self.memory.fill(frame, 0);
                if let Some(number) = self.memory.find(Place {
                    machine: frame,
                    kind: Kind::GrantStatus,
                }) {
                    self.memory.take(number);
                }
            }
        }
        self.grow_grants(Whose::Own, self.grants.shared.len() as u32);
        let (table, memory) = (&self.grants, &self.memory);
        for (reference, (flags, domain, frame)) in (0..).zip(kept) {
            table.flags(memory, reference).store(flags, SeqCst);
            table.granted_to(memory, reference).store(domain, SeqCst);
            let first = if version == 2 { 2 } else { 1 };
            let word = |word| table.entry_word(memory, reference, word);
            word(first).store(frame as u32, SeqCst);
            if version == 2 {
                word(3).store((frame >> 32) as u32, SeqCst);
            }
        }
        Ok(())
    }

    /// # Safety
    ///
    /// The argument is the address of a `gnttab_set_version`.
    unsafe fn gnttab_set_version(&mut self, argument: usize) -> Answer {
        // SAFETY: this function's contract.
        let structure = unsafe { Caller::<gnttab_set_version>::new(argument) };
        let mut request = structure.get()?;
        let result = self.set_version(request.version);
        request.version = self.grants.version;
        structure.put(request)?;
        result.map(|()| 0)
    }

    /// # Safety
    ///
    /// The argument is the address of a `gnttab_get_status_frames`, which holds that of a list.
    unsafe fn gnttab_get_status_frames(&mut self, argument: usize) -> Answer {
        // SAFETY: this function's contract.
        let structure = unsafe { Caller::<gnttab_get_status_frames>::new(argument) };
        let mut request = structure.get()?;
        let count = request.nr_frames as usize;
        request.status = match self.table_of(request.dom) {
            Err(status) => status,
            Ok(whose) if count > self.table(whose).status.len() => status::GENERAL_ERROR,
            Ok(whose) => {
                // SAFETY: this function's contract.
                let list = unsafe { Caller::<u64>::array(request.frame_list.address(), count) };
                for index in 0..count {
                    let frame = self.table(whose).status[index];
                    let number = self.grant_frame_number(whose, frame, Kind::GrantStatus);
                    list.put_at(index, number)?;
                }
                status::OKAY
            }
        };
        structure.put(request)?;
        Ok(0)
    }

    fn swap(&mut self, first: u32, second: u32) -> i16 {
        let (table, memory) = (&self.grants, &self.memory);
        let references = table.references();
        if first >= references || second >= references {
            return status::BAD_GNTREF;
        }
        let active = &table.active;
        if first == second {
            return status::OKAY;
        }
        if active.contains_key(&first) || active.contains_key(&second) {
            return status::EAGAIN;
        }
        for word in 0..table.entry_size() / 4 {
            let a = table.entry_word(memory, first, word);
            let b = table.entry_word(memory, second, word);
            let old = a.swap(b.load(SeqCst), SeqCst);
            b.store(old, SeqCst);
        }
        if table.version == 2 {
            let a = table.status_word(memory, first);
            let b = table.status_word(memory, second);
            let old = a.swap(b.load(SeqCst), SeqCst);
            b.store(old, SeqCst);
        }
        status::OKAY
    }

    /// Whether the release has a sub-op, for any guest.
    fn grant_op_there(&self, command: u32) -> bool {
        let setup = &self.setup;
        if setup.hvm() {
            return match command {
                6 => true,
                2 => setup.since(3, 3),
                0 | 1 | 5 | 8 => setup.since(4, 0),
                10 | 11 => setup.since(4, 2),
                _ => false,
            };
        }
        match command {
            0..=2 | 4 => true,
            3 => !setup.since_3_0(2),
            5 => setup.since_3_0(3),
            6 => setup.since(3, 1),
            7 => setup.since(3, 2),
            8..=10 => setup.since(4, 0),
            11 => setup.since(4, 2),
            12 => setup.since(4, 5),
            _ => false,
        }
    }

    /// Answers `grant_table_op`.
    ///
    /// # Safety
    ///
    /// As for [`Conduit::hypercall`](crate::hypercall::Conduit::hypercall): the argument is the
    /// address of `count` of the sub-op's structures. Pages that are granted or mapped are not
    /// relied on by other code.
    pub(super) unsafe fn grant_table_op(
        &mut self,
        command: u32,
        argument: usize,
        count: u32,
    ) -> Answer {
        let setup = &self.setup;
        if setup.hvm() && !self.grant_op_there(command) {
            return refuse(Errno::ENOSYS);
        }
        if setup.before(4, 0) && count > 512 {
            return refuse(Errno::EINVAL);
        }
        if setup.since(4, 0) && (count as i32) < 0 {
            return refuse(Errno::EINVAL);
        }
        if setup.since(4, 5) && command & COMMAND_MASK != 12 && command & !COMMAND_MASK != 0 {
            return refuse(if setup.since(4, 8) {
                Errno::EINVAL
            } else {
                Errno::ENOSYS
            });
        }
        let command = if setup.since(4, 5) {
            command & COMMAND_MASK
        } else {
            command
        };
        if !self.grant_op_there(command) {
            return refuse(Errno::ENOSYS);
        }
        // These take one structure only.
        if matches!(command, 2 | 3 | 6 | 9) && count != 1 {
            return refuse(Errno::EINVAL);
        }
        // For each call: the contract of this function is that of the sub-op.
        match command {
            // SAFETY: as above.
            2 => unsafe { self.gnttab_setup_table(argument) },
            3 => self.unmodelled(Errno::EIO),
            // SAFETY: as above.
            6 => unsafe { self.gnttab_query_size(argument) },
            // SAFETY: as above.
            8 => unsafe { self.gnttab_set_version(argument) },
            // SAFETY: as above.
            9 => unsafe { self.gnttab_get_status_frames(argument) },
            10 => {
                // SAFETY: as above.
                let structure = unsafe { Caller::<gnttab_get_version>::new(argument) };
                let mut request = structure.get()?;
                let whose = self.subject(request.dom)?;
                request.version = self.table(whose).version;
                structure.put(request)?;
                Ok(0)
            }
            11 => {
                // SAFETY: as above.
                let list =
                    unsafe { Caller::<gnttab_swap_grant_ref>::array(argument, count as usize) };
                list.check()?;
                for index in 0..count as usize {
                    let mut request = list.at(index)?;
                    request.status = self.swap(request.ref_a, request.ref_b);
                    list.put_at(index, request)?;
                }
                Ok(0)
            }
            // SAFETY: as above.
            _ => unsafe { self.use_grants(command, argument, count as usize) },
        }
    }
}
