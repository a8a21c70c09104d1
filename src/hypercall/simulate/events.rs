//! `event_channel_op`, and the bits that go up in the shared page.
#![allow(unsafe_code)]

use alloc::vec::Vec;
use core::mem::offset_of;
use core::sync::atomic::Ordering::SeqCst;

use xen_public::native::event_channel::{
    EVTCHNSTAT_closed, EVTCHNSTAT_interdomain, EVTCHNSTAT_ipi, EVTCHNSTAT_pirq, EVTCHNSTAT_unbound,
    EVTCHNSTAT_virq, evtchn_alloc_unbound, evtchn_bind_interdomain, evtchn_bind_ipi,
    evtchn_bind_pirq, evtchn_bind_vcpu, evtchn_bind_virq, evtchn_close, evtchn_expand_array,
    evtchn_init_control, evtchn_reset, evtchn_send, evtchn_set_priority, evtchn_status,
    evtchn_unmask,
};
use xen_public::native::xen::{shared_info, vcpu_info};

use super::caller::{Answer, Caller, Refusal, refuse};
use super::fifo::Fifo;
use super::memory::{Bits, Word};
use super::peer::Whose;
use super::{DOMID_SELF, Machine};
use crate::hypercall::Errno;
use crate::hypercall::vcpu_op::LEGACY_VCPUS;

/// Bits in a word of the bitmaps, and words in one of them.
const WORD: u32 = Bits::BITS;
/// Ports that the bitmaps hold.
const PORTS_2L: u32 = WORD * WORD;
/// Ports that exist once one of their group was used.
const BUCKET: u32 = 64;
/// Virtual interrupts.
const VIRQS: u32 = 24;
/// Physical interrupts of an x86 domain.
const PIRQS: u32 = 256;

/// What a port is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    Free,
    Reserved,
    Unbound { remote: u16 },
    Interdomain { domain: u16, port: u32 },
    Pirq(u32),
    Virq(u32),
    Ipi,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Port {
    pub(super) state: State,
    pub(super) vcpu: u32,
    pub(super) priority: u32,
    /// Where a FIFO queue last had it.
    pub(super) last: (u32, u32),
    /// Pending with no word to say so yet.
    pub(super) pending: bool,
}

impl Port {
    const FREE: Self = Self {
        state: State::Free,
        vcpu: 0,
        priority: 7,
        last: (0, 7),
        pending: false,
    };
}

#[derive(Debug)]
pub(super) struct Events {
    pub(super) ports: Vec<Port>,
    pub(super) fifo: Option<Fifo>,
}

impl Events {
    pub(super) fn new() -> Self {
        let mut ports = alloc::vec![Port::FREE; BUCKET as usize];
        ports[0].state = State::Reserved;
        Self { ports, fifo: None }
    }
}

/// Whether a virtual interrupt belongs to the domain and not to each virtual processor.
fn global(virq: u32) -> bool {
    // The timer, the debugger, and the two profilers.
    !matches!(virq, 0 | 1 | 7 | 13)
}

impl Machine {
    /// The most ports there can be.
    fn port_limit(&self) -> u32 {
        match self.events.fifo {
            Some(_) => Fifo::PORTS,
            None => PORTS_2L,
        }
    }

    /// A port that exists, whatever it is.
    fn port(&self, port: u32) -> Result<Port, Refusal> {
        let found = self.events.ports.get(port as usize).copied();
        found.ok_or(Refusal::Errno(Errno::EINVAL))
    }

    fn set_state(&mut self, port: u32, state: State) {
        self.events.ports[port as usize].state = state;
    }

    fn free_port(&mut self) -> Result<u32, Refusal> {
        let count = self.events.ports.len() as u32;
        for port in 0..count {
            let free = self.events.ports[port as usize].state == State::Free;
            if free && !self.fifo_busy(port) {
                return Ok(port);
            }
        }
        if count >= self.port_limit() {
            return refuse(Errno::ENOSPC);
        }
        let more = (count + BUCKET) as usize;
        self.events.ports.resize(more, Port::FREE);
        Ok(count)
    }

    fn occupy(&mut self, state: State, vcpu: u32) -> Result<u32, Refusal> {
        let port = self.free_port()?;
        let entry = &mut self.events.ports[port as usize];
        let last = entry.last;
        *entry = Port {
            state,
            vcpu,
            last,
            ..Port::FREE
        };
        Ok(port)
    }

    pub(super) fn vcpu_exists(&self, vcpu: u32) -> Result<(), Refusal> {
        if vcpu < self.setup.vcpus {
            Ok(())
        } else {
            refuse(Errno::ENOENT)
        }
    }

    /// Closes a port, and lets the other end wait for somebody else.
    fn close_port(&mut self, port: u32) -> Answer {
        match self.port(port)?.state {
            State::Free | State::Reserved => return refuse(Errno::EINVAL),
            State::Interdomain {
                domain,
                port: other,
            } => {
                let remote = self.setup.domid;
                let state = State::Unbound { remote };
                match self.by_number(domain) {
                    Some(Whose::Peer) => self.neighbour_mut().lines[other as usize].state = state,
                    _ => self.set_state(other, state),
                }
            }
            _ => {}
        }
        self.clear_pending(port);
        let last = self.events.ports[port as usize].last;
        self.events.ports[port as usize] = Port { last, ..Port::FREE };
        Ok(0)
    }

    fn send(&mut self, port: u32) -> Answer {
        match self.port(port)?.state {
            State::Interdomain {
                domain,
                port: other,
            } => match self.by_number(domain) {
                Some(Whose::Peer) => self.neighbour_mut().lines[other as usize].pending = true,
                _ => self.set_pending(other),
            },
            State::Ipi => self.set_pending(port),
            State::Unbound { .. } => {}
            _ => return refuse(Errno::EINVAL),
        }
        Ok(0)
    }

    /// Raises a virtual interrupt, if the guest has bound it.
    pub(super) fn raise_virq(&mut self, virq: u32, vcpu: u32) -> bool {
        let bound =
            |port: &Port| port.state == State::Virq(virq) && (global(virq) || port.vcpu == vcpu);
        match self.events.ports.iter().position(bound) {
            Some(port) => {
                self.set_pending(port as u32);
                true
            }
            None => false,
        }
    }

    /// A word of the shared page's bitmaps: pending for `offset_of!(shared_info, evtchn_pending)`.
    fn bitmap(&self, bitmap: usize, port: u32) -> (&Word, Bits) {
        let offset = bitmap + (port / WORD) as usize * size_of::<Bits>();
        let word = self.memory.word(self.shared_info, offset);
        (word, 1 << (port % WORD))
    }

    /// Where a virtual processor's `vcpu_info` is, if the guest can see it.
    pub(super) fn vcpu_info(&self, vcpu: u32) -> Option<(u64, usize)> {
        // What has no place in the structures of this compile target is not in the page either.
        let shown = if self.setup.arm() { 1 } else { LEGACY_VCPUS };
        let registered = self.vcpus.get(vcpu as usize)?.info;
        let offset = offset_of!(shared_info, vcpu_info) + vcpu as usize * size_of::<vcpu_info>();
        registered.or((vcpu < shown).then_some((self.shared_info, offset)))
    }

    /// Tells a virtual processor that there is something for it.
    pub(super) fn upcall(&self, vcpu: u32) {
        if let Some((frame, offset)) = self.vcpu_info(vcpu) {
            let flag = offset + offset_of!(vcpu_info, evtchn_upcall_pending);
            self.memory.u8(frame, flag).store(1, SeqCst);
        }
    }

    /// Makes a port pending.
    pub(super) fn set_pending(&mut self, port: u32) {
        if self.events.fifo.is_some() {
            return self.fifo_set_pending(port);
        }
        let (pending, bit) = self.bitmap(offset_of!(shared_info, evtchn_pending), port);
        if pending.fetch_or(bit, SeqCst) & bit == 0 {
            self.deliver(port);
        }
    }

    /// Shows a pending port to its virtual processor, unless it is masked.
    fn deliver(&self, port: u32) {
        let (mask, bit) = self.bitmap(offset_of!(shared_info, evtchn_mask), port);
        let vcpu = self.events.ports[port as usize].vcpu;
        if mask.load(SeqCst) & bit != 0 {
            return;
        }
        let Some((frame, offset)) = self.vcpu_info(vcpu) else {
            return;
        };
        let selector = self
            .memory
            .word(frame, offset + offset_of!(vcpu_info, evtchn_pending_sel));
        let word = 1 << (port / WORD);
        if selector.fetch_or(word, SeqCst) & word == 0 {
            self.upcall(vcpu);
        }
    }

    fn clear_pending(&mut self, port: u32) {
        if self.events.fifo.is_some() {
            return self.fifo_clear_pending(port);
        }
        let (pending, bit) = self.bitmap(offset_of!(shared_info, evtchn_pending), port);
        pending.fetch_and(!bit, SeqCst);
    }

    /// Whether a port is pending.
    pub(super) fn is_pending(&self, port: u32) -> bool {
        if self.events.fifo.is_some() {
            return self.fifo_is_pending(port);
        }
        let (pending, bit) = self.bitmap(offset_of!(shared_info, evtchn_pending), port);
        pending.load(SeqCst) & bit != 0
    }

    /// Whether the port's bit in the shared page says pending, whatever the guest uses now.
    pub(super) fn bitmap_pending(&self, port: u32) -> bool {
        let (pending, bit) = self.bitmap(offset_of!(shared_info, evtchn_pending), port);
        port < PORTS_2L && pending.load(SeqCst) & bit != 0
    }

    fn unmask(&mut self, port: u32) -> Answer {
        self.port(port)?;
        if self.events.fifo.is_some() {
            self.fifo_unmask(port);
            return Ok(0);
        }
        let (mask, bit) = self.bitmap(offset_of!(shared_info, evtchn_mask), port);
        let was_masked = mask.fetch_and(!bit, SeqCst) & bit != 0;
        if was_masked && self.is_pending(port) {
            self.deliver(port);
        }
        Ok(0)
    }

    fn alloc_unbound(&mut self, request: &mut evtchn_alloc_unbound) -> Answer {
        let whose = self.subject(request.dom)?;
        let remote = match request.remote_dom {
            DOMID_SELF => self.setup.domid,
            other => other,
        };
        let state = State::Unbound { remote };
        request.port = match whose {
            Whose::Own => self.occupy(state, 0)?,
            Whose::Peer => self.neighbour_mut().occupy(state),
        };
        Ok(0)
    }

    fn bind_interdomain(&mut self, request: &mut evtchn_bind_interdomain) -> Answer {
        let whose = self.whose(request.remote_dom);
        let whose = whose.ok_or(Refusal::Errno(Errno::ESRCH))?;
        let own = self.setup.domid;
        let local = self.free_port()?;
        let other = request.remote_port;
        let (domain, state) = match whose {
            Whose::Own => (own, self.port(other)?.state),
            Whose::Peer => (self.neighbour().domid, self.neighbour().line(other)?.state),
        };
        if state != (State::Unbound { remote: own }) {
            return refuse(Errno::EINVAL);
        }
        let bound = State::Interdomain {
            domain,
            port: other,
        };
        let port = self.occupy(bound, 0)?;
        debug_assert_eq!(port, local);
        let back = State::Interdomain { domain: own, port };
        match whose {
            Whose::Own => self.set_state(other, back),
            Whose::Peer => self.neighbour_mut().lines[other as usize].state = back,
        }
        // Whatever the other end has sent in vain may have been meant for this one.
        self.set_pending(port);
        request.local_port = port;
        Ok(0)
    }

    fn bind_virq(&mut self, request: &mut evtchn_bind_virq) -> Answer {
        let evtchn_bind_virq { virq, vcpu, .. } = *request;
        if virq >= VIRQS || (global(virq) && vcpu != 0) {
            return refuse(Errno::EINVAL);
        }
        self.vcpu_exists(vcpu)?;
        let same = |port: &Port| port.state == State::Virq(virq) && port.vcpu == vcpu;
        let moved = |port: &Port| port.state == State::Virq(virq) && global(virq);
        if self
            .events
            .ports
            .iter()
            .any(|port| same(port) || moved(port))
        {
            return refuse(Errno::EEXIST);
        }
        request.port = self.occupy(State::Virq(virq), vcpu)?;
        Ok(0)
    }

    fn bind_ipi(&mut self, request: &mut evtchn_bind_ipi) -> Answer {
        self.vcpu_exists(request.vcpu)?;
        request.port = self.occupy(State::Ipi, request.vcpu)?;
        Ok(0)
    }

    fn bind_pirq(&mut self, request: &mut evtchn_bind_pirq) -> Answer {
        let pirq = request.pirq;
        if self.setup.arm() && self.setup.since(4, 19) {
            return refuse(Errno::EOPNOTSUPP);
        }
        if self.setup.arm() || pirq >= PIRQS {
            return refuse(Errno::EINVAL);
        }
        if self.setup.pv() && !self.setup.privileged {
            return refuse(Errno::EPERM);
        }
        let bound = |port: &Port| port.state == State::Pirq(pirq);
        if self.events.ports.iter().any(bound) {
            return refuse(Errno::EEXIST);
        }
        // The machine has the old interrupts of a PC, and Xen keeps the first for itself.
        if self.setup.pv() && pirq == 0 {
            return refuse(Errno::EBUSY);
        }
        if self.setup.pv() && pirq > 15 {
            return refuse(Errno::EINVAL);
        }
        request.port = self.occupy(State::Pirq(pirq), 0)?;
        Ok(0)
    }

    fn status(&mut self, request: &mut evtchn_status) -> Answer {
        let (state, vcpu) = match self.subject(request.dom)? {
            Whose::Own => {
                let port = self.port(request.port)?;
                (port.state, port.vcpu)
            }
            Whose::Peer => (self.neighbour().line(request.port)?.state, 0),
        };
        let status = match state {
            State::Free | State::Reserved => EVTCHNSTAT_closed,
            State::Unbound { remote } => {
                request.u.unbound.dom = remote;
                EVTCHNSTAT_unbound
            }
            State::Interdomain { domain, port } => {
                request.u.interdomain.dom = domain;
                request.u.interdomain.port = port;
                EVTCHNSTAT_interdomain
            }
            State::Pirq(pirq) => {
                request.u.pirq = pirq;
                EVTCHNSTAT_pirq
            }
            State::Virq(virq) => {
                request.u.virq = virq;
                EVTCHNSTAT_virq
            }
            State::Ipi => EVTCHNSTAT_ipi,
        };
        request.status = status as u32;
        request.vcpu = vcpu;
        Ok(0)
    }

    fn bind_vcpu(&mut self, port: u32, vcpu: u32) -> Answer {
        self.vcpu_exists(vcpu)?;
        match self.port(port)?.state {
            State::Virq(virq) if global(virq) => {}
            State::Unbound { .. } | State::Interdomain { .. } | State::Pirq(_) => {}
            _ => return refuse(Errno::EINVAL),
        }
        self.events.ports[port as usize].vcpu = vcpu;
        Ok(0)
    }

    /// Closes every port, and goes back to the bitmaps.
    pub(super) fn reset_events(&mut self) {
        for port in 1..self.events.ports.len() as u32 {
            // Only those that are open can be closed.
            let _ = self.close_port(port);
        }
        self.events.fifo = None;
        self.events.ports.truncate(PORTS_2L as usize);
    }

    /// Answers `event_channel_op`.
    ///
    /// # Safety
    ///
    /// As for [`Conduit::hypercall`](crate::hypercall::Conduit::hypercall): the argument is the
    /// address of the sub-op's structure.
    pub(super) unsafe fn event_channel_op(&mut self, command: u32, argument: usize) -> Answer {
        /// Reads the structure, works on it, and hands it back where that gave no error.
        ///
        /// # Safety
        ///
        /// The argument is the address of the sub-op's structure, which is an `S`.
        unsafe fn with<S: Copy>(argument: usize, work: impl FnOnce(&mut S) -> Answer) -> Answer {
            // SAFETY: this function's contract.
            let structure = unsafe { Caller::<S>::new(argument) };
            let mut value = structure.get()?;
            let answer = work(&mut value)?;
            structure.put(value)?;
            Ok(answer)
        }
        /// Reads the structure.
        ///
        /// # Safety
        ///
        /// As for `with`.
        unsafe fn read<S: Copy>(argument: usize) -> Result<S, Refusal> {
            // SAFETY: this function's contract.
            unsafe { Caller::<S>::new(argument) }.get()
        }
        let fifo_there = self.setup.since(4, 4);
        match command {
            // SAFETY: EVTCHNOP_bind_interdomain takes an evtchn_bind_interdomain.
            0 => unsafe { with(argument, |request| self.bind_interdomain(request)) },
            // SAFETY: EVTCHNOP_bind_virq takes an evtchn_bind_virq.
            1 => unsafe { with(argument, |request| self.bind_virq(request)) },
            // SAFETY: EVTCHNOP_bind_pirq takes an evtchn_bind_pirq.
            2 => unsafe { with(argument, |request| self.bind_pirq(request)) },
            3 => {
                // SAFETY: EVTCHNOP_close takes an evtchn_close.
                let evtchn_close { port } = unsafe { read(argument) }?;
                self.close_port(port)
            }
            4 => {
                // SAFETY: EVTCHNOP_send takes an evtchn_send.
                let evtchn_send { port } = unsafe { read(argument) }?;
                self.send(port)
            }
            // SAFETY: EVTCHNOP_status takes an evtchn_status.
            5 => unsafe { with(argument, |request| self.status(request)) },
            // SAFETY: EVTCHNOP_alloc_unbound takes an evtchn_alloc_unbound.
            6 => unsafe { with(argument, |request| self.alloc_unbound(request)) },
            // SAFETY: EVTCHNOP_bind_ipi takes an evtchn_bind_ipi.
            7 => unsafe { with(argument, |request| self.bind_ipi(request)) },
            8 => {
                // SAFETY: EVTCHNOP_bind_vcpu takes an evtchn_bind_vcpu.
                let evtchn_bind_vcpu { port, vcpu } = unsafe { read(argument) }?;
                self.bind_vcpu(port, vcpu)
            }
            9 if self.setup.since_3_0(2) => {
                // SAFETY: EVTCHNOP_unmask takes an evtchn_unmask.
                let evtchn_unmask { port } = unsafe { read(argument) }?;
                self.unmask(port)
            }
            10 if self.setup.since(3, 1) => {
                // SAFETY: EVTCHNOP_reset takes an evtchn_reset.
                let evtchn_reset { dom } = unsafe { read(argument) }?;
                match self.subject(dom)? {
                    Whose::Own => self.reset_events(),
                    Whose::Peer => self.reset_peer_events(),
                }
                Ok(0)
            }
            // SAFETY: EVTCHNOP_init_control takes an evtchn_init_control.
            11 if fifo_there => unsafe {
                with(argument, |request: &mut evtchn_init_control| {
                    self.init_control(request)
                })
            },
            12 if fifo_there => {
                // SAFETY: EVTCHNOP_expand_array takes an evtchn_expand_array.
                let evtchn_expand_array { array_gfn } = unsafe { read(argument) }?;
                self.expand_array(array_gfn)
            }
            13 if fifo_there => {
                // SAFETY: EVTCHNOP_set_priority takes an evtchn_set_priority.
                let evtchn_set_priority { port, priority } = unsafe { read(argument) }?;
                self.port(port)?;
                self.set_priority(port, priority)
            }
            // Xen's own, to go on with a long reset.
            14 if self.reset_cont_there() => self.unmodelled(Errno::EIO),
            _ => refuse(Errno::ENOSYS),
        }
    }

    fn reset_cont_there(&self) -> bool {
        use crate::version::Release;
        self.setup.since_or_backport(
            4,
            15,
            &[
                Release::new(4, 12, 4),
                Release::new(4, 13, 2),
                Release::new(4, 14, 1),
            ],
        )
    }

    /// Answers `event_channel_op_compat`: the sub-op's number and structure in one.
    ///
    /// # Safety
    ///
    /// As for [`Conduit::hypercall`](crate::hypercall::Conduit::hypercall): the argument is the
    /// address of an `evtchn_op`.
    pub(super) unsafe fn event_channel_op_compat(&mut self, argument: usize) -> Answer {
        // SAFETY: an evtchn_op begins with its sub-op's number.
        let command = unsafe { Caller::<u32>::new(argument) }.get()?;
        if self.setup.since(4, 10) && command > 9 {
            return refuse(Errno::ENOSYS);
        }
        // SAFETY: the number is followed by the union of the sub-ops' structures, which has the
        // alignment of a u32 in every release.
        unsafe { self.event_channel_op(command, argument + 4) }
    }
}
