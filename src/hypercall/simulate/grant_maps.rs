//! `grant_table_op`: grants that are mapped and copied, each by its domain's number.
#![allow(unsafe_code)]

use core::sync::atomic::Ordering::SeqCst;

use xen_public::native::grant_table::{
    GTF_accept_transfer, GTF_permit_access, GTF_reading, GTF_readonly, GTF_sub_page,
    GTF_transfer_committed, GTF_transfer_completed, GTF_type_mask, GTF_writing, gnttab_cache_flush,
    gnttab_copy, gnttab_copy_ptr, gnttab_map_grant_ref, gnttab_transfer, gnttab_unmap_and_replace,
    gnttab_unmap_grant_ref,
};

use super::caller::{Answer, Caller, refuse, wide};
use super::grants::status;
use super::memory::{Kind, PAGE, Place};
use super::peer::Whose;
use super::{DOMID_SELF, Harm, Machine};
use crate::hypercall::Errno;
use crate::version::Guest;

const PERMIT_ACCESS: u16 = GTF_permit_access as u16;
const TYPE: u16 = GTF_type_mask as u16;
const READONLY: u16 = GTF_readonly as u16;
const READING: u16 = GTF_reading as u16;
const WRITING: u16 = GTF_writing as u16;
const SUB_PAGE: u16 = GTF_sub_page as u16;
const ACCEPT_TRANSFER: u16 = GTF_accept_transfer as u16;
const TRANSFERRED: u16 = GTF_transfer_committed as u16 | GTF_transfer_completed as u16;

const DEVICE_MAP: u32 = 1;
const HOST_MAP: u32 = 2;
const MAP_READONLY: u32 = 4;
const APPLICATION_MAP: u32 = 8;
const CONTAINS_PTE: u32 = 16;

/// A grant that is in use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Active {
    pub(super) machine: u64,
    /// The part of the page that is granted.
    start: usize,
    length: usize,
    readers: u32,
    writers: u32,
}

/// A grant that is mapped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mapping {
    owner: Whose,
    reference: u32,
    flags: u32,
}

/// One side of a copy: a machine frame, where in it, and how much there is.
struct Side {
    machine: u64,
    start: usize,
    length: usize,
    /// The grant and how it is used.
    pinned: Option<(Whose, u32, bool)>,
}

impl Machine {
    /// Lets a domain take a grant of another's table, or its own, into use: for reading only or for
    /// writing too.
    pub(super) fn pin(
        &mut self,
        owner: Whose,
        user: u16,
        reference: u32,
        readonly: bool,
        whole: bool,
    ) -> Result<Active, i16> {
        let (table, memory) = (self.table(owner), &self.memory);
        if reference >= table.references() {
            return Err(status::BAD_GNTREF);
        }
        let known = table.active.get(&reference).copied();
        let needs_word = known.is_none_or(|active| !readonly && active.writers == 0);
        let flags = table.flags(memory, reference).load(SeqCst);
        let part = table.version == 2 && flags & SUB_PAGE != 0;
        if needs_word {
            let to = table.granted_to(memory, reference).load(SeqCst);
            if flags & TYPE != PERMIT_ACCESS || to != user {
                return Err(status::GENERAL_ERROR);
            }
            if !readonly && flags & READONLY != 0 {
                return Err(status::GENERAL_ERROR);
            }
            if part && whole {
                return Err(status::GENERAL_ERROR);
            }
        }
        let mut active = match known {
            Some(active) => active,
            None => {
                let frame = table.granted_frame(memory, reference);
                let machine = self.ram_of(owner, frame).ok_or(status::BAD_PAGE)?;
                let (start, length) = if part {
                    table.granted_part(memory, reference)
                } else {
                    (0, PAGE)
                };
                if start + length > PAGE {
                    return Err(status::BAD_COPY_ARG);
                }
                Active {
                    machine,
                    start,
                    length,
                    readers: 0,
                    writers: 0,
                }
            }
        };
        let bits = if readonly { READING } else { READING | WRITING };
        if needs_word {
            table.status_word(memory, reference).fetch_or(bits, SeqCst);
        }
        if readonly {
            active.readers += 1;
        } else {
            active.writers += 1;
        }
        self.table_mut(owner).active.insert(reference, active);
        Ok(active)
    }

    pub(super) fn unpin(&mut self, owner: Whose, reference: u32, readonly: bool) {
        let Some(active) = self.table_mut(owner).active.get_mut(&reference) else {
            return;
        };
        if readonly {
            active.readers -= 1;
        } else {
            active.writers -= 1;
        }
        let (readers, writers) = (active.readers, active.writers);
        let word = self.table(owner).status_word(&self.memory, reference);
        if writers == 0 {
            word.fetch_and(!WRITING, SeqCst);
        }
        if readers + writers == 0 {
            word.fetch_and(!READING, SeqCst);
            self.table_mut(owner).active.remove(&reference);
        }
    }

    fn map(&mut self, request: &mut gnttab_map_grant_ref) -> Result<(), i16> {
        let flags = request.flags;
        if flags & (DEVICE_MAP | HOST_MAP) == 0 {
            return Err(status::BAD_GNTREF);
        }
        let pv = self.setup.pv();
        if !pv && flags & (DEVICE_MAP | APPLICATION_MAP | CONTAINS_PTE) != 0 {
            return Err(status::GENERAL_ERROR);
        }
        // A domain is known by its number here, and by no other name.
        let owner = self.by_number(request.dom).ok_or(status::BAD_DOMAIN)?;
        let readonly = flags & MAP_READONLY != 0;
        let (reference, user) = (request.r#ref, self.setup.domid);
        let active = self.pin(owner, user, reference, readonly, true)?;
        let free = self.grants.mappings.iter().position(Option::is_none);
        let handle = free.unwrap_or(self.grants.mappings.len());
        if flags & HOST_MAP != 0 {
            let place = Place {
                machine: active.machine,
                kind: Kind::Mapped(handle as u32),
            };
            let frame = request.host_addr >> 12;
            if pv {
                // An entry of a page table is one of the guest's addresses here too.
                self.memory.put_linear(request.host_addr, Some(place));
            } else {
                match self.memory.place(frame).map(|there| there.kind) {
                    None => {}
                    // The page that was there is lost to everybody.
                    Some(Kind::Ram) => self.memory.add_unplaced(1),
                    Some(_) => {
                        self.harm(Harm::Overwrites(frame));
                        self.unpin(owner, reference, readonly);
                        return Err(status::GENERAL_ERROR);
                    }
                }
                if self.setup.hvm() {
                    // A machine frame is at one guest frame only: the domain's own moves away.
                    let machine = active.machine;
                    let kind = Kind::Ram;
                    if let Some(own) = self.memory.find(Place { machine, kind }) {
                        self.memory.take_quietly(own);
                    }
                }
                self.memory.put(frame, place);
            }
        }
        let mapping = Some(Mapping {
            owner,
            reference,
            flags,
        });
        match free {
            Some(free) => self.grants.mappings[free] = mapping,
            None => self.grants.mappings.push(mapping),
        }
        request.handle = handle as u32;
        request.dev_bus_addr = active.machine << 12;
        Ok(())
    }

    /// Takes a mapping away; `put` is what stands there afterwards, on PV.
    fn unmap(&mut self, address: u64, handle: u32, put: Option<Place>) -> Result<(), i16> {
        let known = self.grants.mappings.get(handle as usize).copied().flatten();
        let Mapping {
            owner,
            reference,
            flags,
        } = known.ok_or(status::BAD_HANDLE)?;
        let kind = Kind::Mapped(handle);
        if flags & HOST_MAP != 0 && address != 0 {
            let there = if self.setup.pv() {
                self.memory.linear(address)
            } else {
                self.memory.place(address >> 12)
            };
            if there.map(|place| place.kind) != Some(kind) {
                return Err(status::GENERAL_ERROR);
            }
            if self.setup.pv() {
                self.memory.put_linear(address, put);
            } else {
                self.memory.take(address >> 12);
            }
        } else if flags & HOST_MAP != 0 {
            // The address is what says that the mapping goes.
            return Ok(());
        }
        self.grants.mappings[handle as usize] = None;
        self.unpin(owner, reference, flags & MAP_READONLY != 0);
        Ok(())
    }

    /// Finds one side of a copy.
    fn side(&mut self, side: &gnttab_copy_ptr, granted: bool, writes: bool) -> Result<Side, i16> {
        let domid = side.domid;
        if domid != DOMID_SELF && !granted {
            return Err(status::PERMISSION_DENIED);
        }
        let owner = self.whose(domid).ok_or(status::BAD_DOMAIN)?;
        if granted {
            // SAFETY: the flags say that this is a reference; any bits make one.
            let reference = unsafe { side.u.r#ref };
            let active = self.pin(owner, self.setup.domid, reference, !writes, false)?;
            return Ok(Side {
                machine: active.machine,
                start: active.start,
                length: active.length,
                pinned: Some((owner, reference, !writes)),
            });
        }
        // SAFETY: the flags say that this is a frame; any bits make one.
        let frame = unsafe { side.u.gmfn };
        let machine = self.memory.ram(wide(frame));
        Ok(Side {
            machine: machine.ok_or(status::BAD_PAGE)?,
            start: 0,
            length: PAGE,
            pinned: None,
        })
    }

    fn copy_one(&mut self, request: &gnttab_copy) -> Result<(), i16> {
        let length = usize::from(request.len);
        let (from, to) = (request.source.offset, request.dest.offset);
        let (from, to) = (usize::from(from), usize::from(to));
        if from + length > PAGE || to + length > PAGE {
            return Err(status::BAD_COPY_ARG);
        }
        let source = self.side(&request.source, request.flags & 1 != 0, false)?;
        let dest = self.side(&request.dest, request.flags & 2 != 0, true);
        let result = dest.and_then(|dest| {
            let outside = |side: &Side, offset: usize| {
                offset < side.start || offset + length > side.start + side.length
            };
            let result = if outside(&source, from) || outside(&dest, to) {
                Err(status::BAD_COPY_ARG)
            } else {
                self.memory
                    .copy((source.machine, from), (dest.machine, to), length);
                Ok(())
            };
            if let Some((owner, reference, readonly)) = dest.pinned {
                self.unpin(owner, reference, readonly);
            }
            result
        });
        if let Some((owner, reference, readonly)) = source.pinned {
            self.unpin(owner, reference, readonly);
        }
        result
    }

    fn transfer(&mut self, request: &gnttab_transfer) -> i16 {
        let frame = wide(request.mfn);
        let Some(machine) = self.memory.ram(frame) else {
            return status::BAD_PAGE;
        };
        match self.by_number(request.domid) {
            None => return status::BAD_DOMAIN,
            Some(Whose::Own) => {
                let _ = self.unmodelled(Errno::EIO);
                return status::GENERAL_ERROR;
            }
            Some(Whose::Peer) => {}
        }
        let (reference, own) = (request.r#ref, self.setup.domid);
        let peer = self.neighbour();
        if reference >= peer.grants.references() {
            return status::BAD_GNTREF;
        }
        let flags = peer.grants.flags(&self.memory, reference);
        let to = peer.grants.granted_to(&self.memory, reference).load(SeqCst);
        if flags.load(SeqCst) != ACCEPT_TRANSFER || to != own {
            return status::BAD_GNTREF;
        }
        // The entry named the place where the page is wanted, if its domain has such places.
        let wanted = peer.grants.granted_frame(&self.memory, reference);
        let number = if peer.guest == Guest::Pv {
            machine
        } else {
            wanted
        };
        let word = peer.grants.entry_word(&self.memory, reference, 1);
        word.store(number as u32, SeqCst);
        flags.fetch_or(TRANSFERRED, SeqCst);
        self.memory.give_away(frame);
        let kind = Kind::Ram;
        let place = Place { machine, kind };
        self.neighbour_mut().map.insert(number, place);
        status::OKAY
    }

    fn cache_flush(&mut self, request: &gnttab_cache_flush) -> Answer {
        let (offset, length) = (usize::from(request.offset), usize::from(request.length));
        if offset >= PAGE || length > PAGE || offset + length > PAGE {
            return refuse(Errno::EINVAL);
        }
        if length == 0 || request.op == 0 {
            return Ok(0);
        }
        if request.op & !3 != 0 {
            return refuse(if request.op >> 31 != 0 {
                Errno::EOPNOTSUPP
            } else {
                Errno::EINVAL
            });
        }
        // SAFETY: without the flag for a reference it is an address; any bits make one.
        let frame = unsafe { request.a.dev_bus_addr } >> 12;
        let mapped = [Whose::Own, Whose::Peer].into_iter().any(|whose| {
            let there = whose == Whose::Own || self.peer.is_some();
            there && self.table(whose).uses(frame)
        });
        // Whoever owns a frame need not have mapped it.
        let mut owned = self.memory.frames().into_iter();
        let own = owned.any(|gfn| self.memory.ram(gfn) == Some(frame));
        if !mapped && !own {
            return refuse(Errno::EPERM);
        }
        Ok(0)
    }

    /// Answers the sub-ops that take a list of operations on grants.
    ///
    /// # Safety
    ///
    /// The argument is the address of `count` structures of the sub-op's.
    pub(super) unsafe fn use_grants(
        &mut self,
        command: u32,
        argument: usize,
        count: usize,
    ) -> Answer {
        /// Works on each structure of a list, and hands it back.
        ///
        /// # Safety
        ///
        /// The argument is the address of `count` structures `S`.
        unsafe fn each<S: Copy>(
            argument: usize,
            count: usize,
            mut work: impl FnMut(&mut S),
        ) -> Answer {
            // SAFETY: this function's contract.
            let list = unsafe { Caller::<S>::array(argument, count) };
            list.check()?;
            for index in 0..count {
                let mut request = list.at(index)?;
                work(&mut request);
                list.put_at(index, request)?;
            }
            Ok(0)
        }
        let okay = |result: Result<(), i16>| result.err().unwrap_or(status::OKAY);
        match command {
            // SAFETY: GNTTABOP_map_grant_ref takes gnttab_map_grant_ref.
            0 => unsafe {
                each(argument, count, |request: &mut gnttab_map_grant_ref| {
                    request.status = okay(self.map(request));
                })
            },
            // SAFETY: GNTTABOP_unmap_grant_ref takes gnttab_unmap_grant_ref.
            1 => unsafe {
                each(argument, count, |request: &mut gnttab_unmap_grant_ref| {
                    request.status = okay(self.unmap(request.host_addr, request.handle, None));
                })
            },
            // SAFETY: GNTTABOP_transfer takes gnttab_transfer.
            4 => unsafe {
                each(argument, count, |request: &mut gnttab_transfer| {
                    request.status = self.transfer(request);
                })
            },
            // SAFETY: GNTTABOP_copy takes gnttab_copy.
            5 => unsafe {
                each(argument, count, |request: &mut gnttab_copy| {
                    request.status = okay(self.copy_one(request));
                })
            },
            // SAFETY: GNTTABOP_unmap_and_replace takes gnttab_unmap_and_replace.
            7 => unsafe {
                each(argument, count, |request: &mut gnttab_unmap_and_replace| {
                    let (address, new) = (request.host_addr, request.new_addr);
                    request.status = if self.setup.pv() {
                        let there = self.memory.linear(new);
                        let result = self.unmap(address, request.handle, there);
                        if result.is_ok() {
                            self.memory.put_linear(new, None);
                        }
                        okay(result)
                    } else {
                        match self.grants.mappings.get(request.handle as usize) {
                            Some(Some(_)) => status::GENERAL_ERROR,
                            _ => status::BAD_HANDLE,
                        }
                    };
                })
            },
            _ => {
                // SAFETY: GNTTABOP_cache_flush takes gnttab_cache_flush.
                let list = unsafe { Caller::<gnttab_cache_flush>::array(argument, count) };
                list.check()?;
                for index in 0..count {
                    let request = list.at(index)?;
                    self.cache_flush(&request)?;
                }
                Ok(0)
            }
        }
    }
}
