//! What a device model does to the second domain: `dm_op`.
//!
//! The structures are read byte by byte, at the places that the headers of their releases give.
#![allow(unsafe_code)]

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::sync::atomic::Ordering::SeqCst;

use xen_public::native::hvm::dm_op::xen_dm_op_buf;

use super::Machine;
use super::bytes::Bytes;
use super::caller::{Address, Answer, Caller, Refusal, refuse, wide};
use super::events::State;
use super::memory::{Kind, Place};
use super::peer::{Neighbour, Whose};
use crate::hypercall::Errno;
use crate::version::{Guest, Release};

/// How many I/O request servers a domain may have.
const SERVERS: usize = 8;
/// Where the pages of the servers are in the served domain, if they are there.
const SERVER_GFNS: u64 = 0xf_eff0;
/// Where a request has its event channel.
const REQUEST_PORT: usize = 24;
/// Ranges of each kind that a server may claim.
const RANGES: usize = 256;
/// The most frames that are watched at once: a gibibyte.
pub(super) const WATCHED: u64 = 1 << 18;

/// An I/O request server.
#[derive(Clone, Debug, Default)]
pub(super) struct Server {
    pub(super) buffering: u8,
    pub(super) enabled: bool,
    pub(super) ranges: BTreeSet<(u32, u64, u64)>,
    /// The ports of the first processor's requests and of the buffered ones.
    ports: [u32; 2],
    /// The machine frames of both, once somebody has asked.
    pub(super) pages: Option<[u64; 2]>,
    /// Their numbers in the served domain, if they were asked for by these.
    gfns: Option<[u64; 2]>,
}

/// What a device model has done to a domain.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) servers: [Option<Server>; SERVERS],
    /// Levels of the lines of PCI devices, by device and pin; of the old interrupts; and of ARM's.
    pub(super) intx: BTreeMap<(u8, u8), bool>,
    pub(super) isa: BTreeMap<u8, bool>,
    pub(super) spis: BTreeMap<u32, bool>,
    pub(super) routes: [u8; 4],
    pub(super) messages: Vec<(u64, u32)>,
    /// What is to be injected into a processor: vector, kind, error code and address.
    pub(super) events: BTreeMap<u32, (u8, u8, u32, u64)>,
    /// The types of frames that are not plain memory.
    pub(super) types: BTreeMap<u64, u16>,
    pub(super) modified: BTreeSet<u64>,
    /// The type's server, for writes.
    pub(super) claims_type: Option<u16>,
    pub(super) ended: Option<u32>,
}

impl Neighbour {
    fn server(&mut self, id: u16) -> Result<&mut Server, Refusal> {
        let server = self.model.servers.get_mut(usize::from(id));
        let server = server.and_then(Option::as_mut);
        server.ok_or(Refusal::Errno(Errno::ENOENT))
    }

    pub(super) fn create_server(&mut self, buffering: u8, emulator: u16) -> Result<u16, Refusal> {
        if buffering > 2 || (self.guest == Guest::Arm && buffering != 0) {
            return refuse(Errno::EINVAL);
        }
        let free = self.model.servers.iter().position(Option::is_none);
        let free = free.ok_or(Refusal::Errno(Errno::ENOSPC))?;
        let state = State::Unbound { remote: emulator };
        let requests = self.occupy(state);
        let buffered = if buffering == 0 {
            0
        } else {
            self.occupy(state)
        };
        self.model.servers[free] = Some(Server {
            buffering,
            ports: [requests, buffered],
            ..Server::default()
        });
        Ok(free as u16)
    }

    pub(super) fn server_range(
        &mut self,
        id: u16,
        (kind, start, end): (u32, u64, u64),
        mapped: bool,
    ) -> Answer {
        let ranges = &mut self.server(id)?.ranges;
        if kind > 2 || start > end {
            return refuse(Errno::EINVAL);
        }
        if !mapped {
            return if ranges.remove(&(kind, start, end)) {
                Ok(0)
            } else {
                refuse(Errno::ENOENT)
            };
        }
        let overlaps =
            |range: &&(u32, u64, u64)| range.0 == kind && range.1 <= end && range.2 >= start;
        if ranges.iter().any(|range| overlaps(&range)) {
            return refuse(Errno::EEXIST);
        }
        if ranges.iter().filter(|range| range.0 == kind).count() == RANGES {
            return refuse(Errno::ENOSPC);
        }
        ranges.insert((kind, start, end));
        Ok(0)
    }

    pub(super) fn destroy_server(&mut self, id: u16) -> Answer {
        let Server { ports, gfns, .. } = self.server(id)?.clone();
        for port in ports.into_iter().filter(|port| *port != 0) {
            self.lines[port as usize].state = State::Free;
        }
        for frame in gfns.into_iter().flatten() {
            self.map.remove(&frame);
        }
        self.model.servers[usize::from(id)] = None;
        Ok(0)
    }

    fn last_frame(&self) -> u64 {
        self.map.keys().next_back().copied().unwrap_or(0)
    }

    pub(super) fn set_level(&mut self, [segment, bus, device, pin]: [u16; 4], level: u8) -> Answer {
        if segment != 0 || bus != 0 || device > 31 || pin > 3 || level > 1 {
            return refuse(Errno::EINVAL);
        }
        let line = (device as u8, pin as u8);
        self.model.intx.insert(line, level != 0);
        Ok(0)
    }

    pub(super) fn set_isa_level(&mut self, irq: u8, level: u8) -> Answer {
        if irq > 15 || level > 1 {
            return refuse(Errno::EINVAL);
        }
        self.model.isa.insert(irq, level != 0);
        Ok(0)
    }

    pub(super) fn set_route(&mut self, link: u8, irq: u8) -> Answer {
        if link > 3 || irq > 15 {
            return refuse(Errno::EINVAL);
        }
        self.model.routes[usize::from(link)] = irq;
        Ok(0)
    }

    pub(super) fn inject_message(&mut self, address: u64, data: u32) -> Answer {
        if data & 0xff == 0 {
            return refuse(Errno::ERANGE);
        }
        self.model.messages.push((address, data));
        Ok(0)
    }

    pub(super) fn inject_event(&mut self, vcpu: u32, event: (u8, u8, u32, u64)) -> Answer {
        if vcpu != 0 {
            return refuse(Errno::EINVAL);
        }
        if self.model.events.contains_key(&vcpu) {
            return refuse(Errno::EBUSY);
        }
        self.model.events.insert(vcpu, event);
        Ok(0)
    }

    pub(super) fn modify(&mut self, first: u64, pages: u64) -> Answer {
        let end = first.wrapping_add(pages);
        if end <= first || end > self.last_frame() + 1 {
            return refuse(Errno::EINVAL);
        }
        let there = self.map.range(first..end).map(|(frame, _)| *frame);
        self.model.modified.extend(there);
        Ok(0)
    }

    pub(super) fn set_type(&mut self, first: u64, pages: u64, kind: u16, newest: u16) -> Answer {
        let end = first.wrapping_add(pages);
        if end <= first || end > self.last_frame() + 1 || kind > newest || kind == 3 {
            return refuse(Errno::EINVAL);
        }
        if kind == 4 && self.model.claims_type.is_none() {
            return refuse(Errno::EINVAL);
        }
        for frame in first..end {
            let old = self.type_of(frame);
            let memory = self.map.contains_key(&frame);
            let allowed = match (old, kind) {
                (old, 4) => old == 0,
                (4, new) => new == 0,
                (_, 2) => true,
                _ => memory,
            };
            if !allowed {
                return refuse(Errno::EINVAL);
            }
            self.model.types.insert(frame, kind);
        }
        Ok(0)
    }

    /// The type of a frame: memory, or what a device model would have to answer for.
    pub(super) fn type_of(&self, frame: u64) -> u16 {
        let plain = if self.map.contains_key(&frame) { 0 } else { 2 };
        self.model.types.get(&frame).copied().unwrap_or(plain)
    }

    /// Which frames were modified since the last look, a bit for each.
    pub(super) fn watch(&mut self, first: u64, pages: u64) -> Vec<u8> {
        let mut bits = alloc::vec![0; pages.div_ceil(8) as usize];
        for index in 0..pages {
            if self.model.modified.remove(&first.wrapping_add(index)) {
                bits[index as usize / 8] |= 1 << (index % 8);
            }
        }
        bits
    }
}

impl Machine {
    /// Shows in a server's page which event channel is for its requests.
    fn show_port(&mut self, id: u16) -> Result<(), Refusal> {
        let server = self.neighbour_mut().server(id)?;
        let (pages, [port, _]) = (server.pages, server.ports);
        if let Some([requests, _]) = pages {
            self.memory.u32(requests, REQUEST_PORT).store(port, SeqCst);
        }
        Ok(())
    }

    pub(super) fn server_info(
        &mut self,
        id: u16,
        frames: bool,
    ) -> Result<([u64; 2], u32), Refusal> {
        let server = self.neighbour_mut().server(id)?.clone();
        let buffered = server.buffering != 0;
        if frames && server.gfns.is_none() {
            if server.pages.is_some() {
                return refuse(Errno::EPERM);
            }
            let pages = [self.memory.fresh(), self.memory.fresh()];
            let gfns = [0, 1].map(|page| SERVER_GFNS + 2 * u64::from(id) + page);
            let peer = self.neighbour_mut();
            for (gfn, machine) in gfns.into_iter().zip(pages) {
                let kind = Kind::Ram;
                peer.map.insert(gfn, Place { machine, kind });
            }
            let server = peer.server(id)?;
            (server.pages, server.gfns) = (Some(pages), Some(gfns));
            self.show_port(id)?;
        }
        let server = self.neighbour_mut().server(id)?;
        let [requests, buffer] = server.gfns.unwrap_or([u64::MAX; 2]);
        let buffer = if buffered { buffer } else { 0 };
        Ok(([requests, buffer], server.ports[1]))
    }

    /// A page of a server's, which is made when somebody first asks.
    pub(super) fn server_frame(&mut self, id: u32, frame: u64) -> Result<u64, Refusal> {
        let id = u16::try_from(id).map_err(|_| Refusal::Errno(Errno::EINVAL))?;
        let Server {
            buffering,
            pages,
            gfns,
            ..
        } = self.neighbour_mut().server(id)?.clone();
        if gfns.is_some() {
            return refuse(Errno::EPERM);
        }
        let pages = match pages {
            Some(pages) => pages,
            None => {
                let pages = [self.memory.fresh(), self.memory.fresh()];
                self.neighbour_mut().server(id)?.pages = Some(pages);
                self.show_port(id)?;
                pages
            }
        };
        match frame {
            0 if buffering == 0 => refuse(Errno::ENOENT),
            0 => Ok(pages[1]),
            1 => Ok(pages[0]),
            _ => refuse(Errno::EINVAL),
        }
    }

    pub(super) fn server_state(&mut self, id: u16, enabled: bool) -> Answer {
        let peer = self.neighbour_mut();
        let server = peer.server(id)?;
        server.enabled = enabled;
        if let (true, Some(gfns)) = (enabled, server.gfns) {
            // From now on the served domain can't reach them.
            for frame in gfns {
                peer.map.remove(&frame);
            }
        }
        Ok(0)
    }

    /// The domain that a device model's call is for.
    pub(super) fn served(&self, domid: u16) -> Result<(), Refusal> {
        match self.by_number(domid) {
            None => refuse(Errno::ESRCH),
            // None is its own device model.
            Some(Whose::Own) => refuse(Errno::EPERM),
            Some(Whose::Peer) => Ok(()),
        }
    }

    fn moves_pages(&mut self, from: u64, to: u64, pages: u32) -> Answer {
        for page in 0..u64::from(pages) {
            let map = &mut self.neighbour_mut().map;
            let Some(place) = map.remove(&from.wrapping_add(page)) else {
                return refuse(Errno::EINVAL);
            };
            map.insert(to.wrapping_add(page), place);
        }
        Ok(0)
    }

    /// Answers a sub-op of `dm_op`, whose structure is changed.
    ///
    /// # Safety
    ///
    /// `more` is memory of the caller's, address and length, as far as the sub-op takes any.
    unsafe fn serve(&mut self, command: u32, op: &mut Bytes<24>, more: (usize, usize)) -> Answer {
        let clear = |at: core::ops::Range<usize>| op.0[at].iter().all(|byte| *byte == 0);
        let padded = match command {
            1 => !clear(1..4),
            3 | 4 | 6 => !clear(2..4),
            5 => !clear(3..4),
            7 | 14 => !clear(4..8),
            12 => !clear(6..8),
            13 => !clear(7..8) || !clear(12..16),
            17 => !clear(4..8),
            18 => !clear(20..24),
            19 => !clear(5..8),
            _ => false,
        };
        if padded {
            return refuse(Errno::EINVAL);
        }
        let emulator = self.setup.domid;
        let since_4_11 = self.setup.since(4, 11);
        let peer = self.neighbour_mut();
        let id = op.u16(0);
        match command {
            1 => {
                let id = peer.create_server(op.u8(0), emulator)?;
                op.put(4, &id.to_le_bytes());
                Ok(0)
            }
            2 => {
                let flags = op.u16(2);
                let known = if since_4_11 { 1 } else { 0 };
                if flags & !known != 0 {
                    return refuse(Errno::EINVAL);
                }
                let ([requests, buffer], port) = self.server_info(id, flags & 1 == 0)?;
                op.put(4, &port.to_le_bytes());
                op.put(8, &requests.to_le_bytes());
                op.put(16, &buffer.to_le_bytes());
                Ok(0)
            }
            3 | 4 => peer.server_range(id, (op.u32(4), op.u64(8), op.u64(16)), command == 3),
            5 => self.server_state(id, op.u8(2) != 0),
            6 => peer.destroy_server(id),
            7 => {
                let (pages, first) = (u64::from(op.u32(0)), op.u64(8));
                if pages > WATCHED || more.0 == 0 || pages.div_ceil(8) > more.1 as u64 {
                    return refuse(Errno::EINVAL);
                }
                let bits = peer.watch(first, pages);
                // SAFETY: this function's contract, and the bits are no longer than the memory.
                unsafe { Caller::<u8>::array(more.0, bits.len()) }.put_bytes(&bits)?;
                Ok(0)
            }
            8 => {
                let line = [op.u16(0), op.u8(2).into(), op.u8(3).into(), op.u8(4).into()];
                peer.set_level(line, op.u8(5))
            }
            9 => peer.set_isa_level(op.u8(0), op.u8(1)),
            10 => peer.set_route(op.u8(0), op.u8(1)),
            11 => {
                let count = op.u32(0) as usize;
                if more.1 / 16 < count {
                    return refuse(Errno::EINVAL);
                }
                // SAFETY: this function's contract, and there is room for so many.
                let extents = unsafe { Caller::<[u32; 4]>::array(more.0, count) };
                for index in 0..count {
                    let [pages, pad, low, high] = extents.at(index)?;
                    if pad != 0 {
                        return refuse(Errno::EINVAL);
                    }
                    let first = u64::from(high) << 32 | u64::from(low);
                    peer.modify(first, pages.into())?;
                }
                Ok(0)
            }
            12 => peer.set_type(op.u64(8), op.u32(0).into(), op.u16(4), 4),
            13 => {
                let event = (op.u8(4), op.u8(5), op.u32(8), op.u64(16));
                peer.inject_event(op.u32(0), event)
            }
            14 => peer.inject_message(op.u64(8), op.u32(0)),
            15 => {
                // It claims writes to pages of one type, or gives them up.
                let (kind, flags) = (op.u16(2), op.u32(4));
                if kind != 4 || flags & !2 != 0 {
                    return refuse(Errno::EINVAL);
                }
                peer.server(id)?;
                peer.model.claims_type = (flags != 0).then_some(id);
                Ok(0)
            }
            16 => {
                peer.model.ended = Some(op.u32(0));
                Ok(0)
            }
            17 => self.moves_pages(op.u64(8), op.u64(16), op.u32(0)),
            18 => match op.u32(16) {
                0 | 1 | 4..=7 => Ok(0),
                // There is none to be taken away.
                u32::MAX => refuse(Errno::ENOENT),
                _ => refuse(Errno::EINVAL),
            },
            19 => {
                let (irq, level) = (op.u32(0), op.u8(4));
                if !(32..992).contains(&irq) || level > 1 {
                    return refuse(Errno::EINVAL);
                }
                peer.model.spis.insert(irq, level != 0);
                Ok(0)
            }
            _ => {
                op.put(0, &1_u32.to_le_bytes());
                Ok(0)
            }
        }
    }

    fn dm_op_there(&self, command: u32) -> bool {
        let setup = &self.setup;
        match command {
            1..=6 => true,
            20 => setup.since(4, 15),
            19 => setup.arm(),
            _ if setup.arm() => false,
            7..=15 => true,
            16 => setup.since(4, 10),
            17 | 18 => setup.since(4, 11),
            _ => false,
        }
    }

    /// Answers `dm_op`.
    ///
    /// # Safety
    ///
    /// The list is the address of `count` buffers, of which the first is an `xen_dm_op` and the second
    /// what that takes.
    pub(super) unsafe fn dm_op(&mut self, domid: u32, count: u32, list: usize) -> Answer {
        if count > 2 {
            return refuse(Errno::E2BIG);
        }
        if count == 0 && self.setup.since(4, 22) {
            return refuse(Errno::ENODATA);
        }
        // SAFETY: this function's contract.
        let buffers = unsafe { Caller::<xen_dm_op_buf>::array(list, count as usize) };
        buffers.check()?;
        let mut found = [(0, 0); 2];
        for (index, found) in found.iter_mut().enumerate().take(count as usize) {
            let buffer = buffers.at(index)?;
            *found = (buffer.h.address(), wide(buffer.size) as usize);
        }
        self.served(domid as u16)?;
        if self.neighbour().guest == Guest::Pv {
            // What refuses it came with 4.15, and to the branch of 4.14 late.
            let refused = self.setup.release >= Release::new(4, 14, 6);
            return if refused {
                refuse(Errno::EINVAL)
            } else {
                Ok(0)
            };
        }
        if !self.setup.privileged {
            return refuse(Errno::EPERM);
        }
        let [(address, length), more] = found;
        if length < 8 {
            return refuse(Errno::EFAULT);
        }
        // SAFETY: this function's contract: the buffer begins with the sub-op and a word that is 0.
        let [command, pad] = unsafe { Caller::<[u32; 2]>::new(address) }.get()?;
        if !self.dm_op_there(command) {
            return refuse(Errno::EOPNOTSUPP);
        }
        if length < 8 + structure(command) {
            return refuse(Errno::EFAULT);
        }
        if pad != 0 {
            return refuse(Errno::EINVAL);
        }
        let length = (length - 8).min(24);
        // SAFETY: this function's contract: so many bytes follow.
        let rest = unsafe { Caller::<u8>::array(address + 8, length) };
        let mut op = Bytes([0; 24]);
        op.put(0, &rest.bytes()?);
        // SAFETY: this function's contract.
        let answer = unsafe { self.serve(command, &mut op, more) }?;
        rest.put_bytes(&op.0[..length])?;
        Ok(answer)
    }
}

/// The bytes of a sub-op's structure in `dm_op`.
const fn structure(command: u32) -> usize {
    match command {
        1 | 8 => 6,
        2..=4 | 13 | 17 | 18 => 24,
        5 | 6 | 16 | 20 => 4,
        9 | 10 => 2,
        11 | 19 => 8,
        _ => 16,
    }
}
