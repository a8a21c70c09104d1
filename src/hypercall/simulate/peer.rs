//! The second domain: what the calls of the first do to it, and what the test does in its name.
#![allow(unsafe_code)]

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::SeqCst;

use xen_public::event_channel::EvtchnPort;
use xen_public::grant_table::{GrantRef, GrantStatus};
use xen_public::native::grant_table::{GTF_accept_transfer, GTF_permit_access, GTF_readonly};
use xen_public::xen::{DomId, Gfn};

use super::caller::{Refusal, refuse};
use super::device_model::Model;
use super::events::State;
use super::grants::Grants;
use super::hvm::PARAMETERS;
use super::memory::{ARM_RAM, Kind, Place};
use super::physmap::E820;
use super::{DOMID_SELF, Machine, Simulated};
use crate::hypercall::Errno;
use crate::version::Guest;

/// How many pages of memory it begins with.
const PAGES: u64 = 64;
/// How many it may have at first.
const MOST_PAGES: u64 = 128;
/// References below this belong to Xen's tools.
const FIRST_REFERENCE: u32 = 8;

/// One of the two domains.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Whose {
    Own,
    Peer,
}

/// A port of the second domain's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) state: State,
    pub(super) pending: bool,
}

impl Line {
    const FREE: Self = Self {
        state: State::Free,
        pending: false,
    };
}

/// The second domain.
#[derive(Debug)]
pub(super) struct Neighbour {
    pub(super) domid: u16,
    pub(super) guest: Guest,
    /// What is at the domain's own frame numbers.
    pub(super) map: BTreeMap<u64, Place>,
    /// Pages of its that nothing leads to.
    pub(super) unplaced: u64,
    /// How many pages it may have.
    pub(super) most_pages: u64,
    /// How often it was stopped.
    pub(super) paused: u32,
    pub(super) lines: Vec<Line>,
    pub(super) grants: Grants,
    /// The memory map that it was told.
    pub(super) e820: Vec<E820>,
    /// Parameters of HVM and ARM domains.
    pub(super) parameters: [u64; PARAMETERS],
    pub(super) model: Model,
}

impl Neighbour {
    /// How many pages of memory it has.
    pub(super) fn owned(&self) -> u64 {
        let ram = self.map.values().filter(|place| place.kind == Kind::Ram);
        ram.count() as u64 + self.unplaced
    }

    /// The highest of its frame numbers.
    pub(super) fn highest_frame(&self) -> u64 {
        self.map.keys().next_back().copied().unwrap_or(0)
    }

    /// A port that exists.
    pub(super) fn line(&self, port: u32) -> Result<Line, Refusal> {
        let line = self.lines.get(port as usize).copied();
        line.ok_or(Refusal::Errno(Errno::EINVAL))
    }

    /// A new port.
    pub(super) fn occupy(&mut self, state: State) -> u32 {
        let free = |line: &Line| line.state == State::Free;
        let port = self.lines.iter().position(free);
        let port = port.unwrap_or_else(|| {
            self.lines.push(Line::FREE);
            self.lines.len() - 1
        });
        self.lines[port] = Line {
            state,
            pending: false,
        };
        port as u32
    }

    /// Its own number of a page that Xen shares with it: a PV domain has the machine's, and others
    /// have put it somewhere or not.
    pub(super) fn number_of_shared(&self, machine: u64) -> u64 {
        if self.guest == Guest::Pv {
            return machine;
        }
        let mut places = self.map.iter();
        let place = places.find(|(_, place)| place.machine == machine);
        place.map_or(u64::MAX, |(frame, _)| *frame)
    }
}

impl Machine {
    /// Makes the second domain, if there is to be one.
    pub(super) fn begin_peer(&mut self) {
        let Some((domid, guest)) = self.setup.peer else {
            return;
        };
        let frames = (0..PAGES).map(|index| {
            let machine = self.memory.fresh();
            let own = match guest {
                Guest::Pv => machine,
                Guest::Hvm => index,
                _ => ARM_RAM + index,
            };
            let kind = Kind::Ram;
            (own, Place { machine, kind })
        });
        let map = frames.collect();
        let reserved = Line {
            state: State::Reserved,
            pending: false,
        };
        self.peer = Some(Neighbour {
            domid,
            guest,
            map,
            unplaced: 0,
            most_pages: MOST_PAGES,
            paused: 0,
            lines: alloc::vec![reserved],
            grants: Grants::new(),
            e820: Vec::new(),
            parameters: [0; PARAMETERS],
            model: Model::default(),
        });
        self.begin_grants(Whose::Peer);
    }

    /// The second domain, where a number of its was found before.
    pub(super) fn neighbour(&self) -> &Neighbour {
        self.peer.as_ref().expect("there is a second domain")
    }

    /// The same, to be changed.
    pub(super) fn neighbour_mut(&mut self) -> &mut Neighbour {
        self.peer.as_mut().expect("there is a second domain")
    }

    /// The domain that has a number.
    pub(super) fn by_number(&self, domid: u16) -> Option<Whose> {
        if domid == self.setup.domid {
            return Some(Whose::Own);
        }
        let peer = self.peer.as_ref()?;
        (peer.domid == domid).then_some(Whose::Peer)
    }

    /// The domain that has a number, or the caller by the name that each has for itself.
    pub(super) fn whose(&self, domid: u16) -> Option<Whose> {
        if domid == DOMID_SELF {
            Some(Whose::Own)
        } else {
            self.by_number(domid)
        }
    }

    /// The domain that a call is about, which must be the caller's own unless it has privilege.
    pub(super) fn subject(&self, domid: u16) -> Result<Whose, Refusal> {
        match self.whose(domid) {
            None => refuse(Errno::ESRCH),
            Some(Whose::Peer) if !self.setup.privileged => refuse(Errno::EPERM),
            Some(whose) => Ok(whose),
        }
    }

    /// The caller's own domain, by either name: the call is not played for another.
    pub(super) fn own_domain(&mut self, domid: u16) -> Result<(), Refusal> {
        match self.subject(domid)? {
            Whose::Own => Ok(()),
            Whose::Peer => self.unmodelled(Errno::EIO).map(drop),
        }
    }

    /// A domain's grant table.
    pub(super) fn table(&self, whose: Whose) -> &Grants {
        match whose {
            Whose::Own => &self.grants,
            Whose::Peer => &self.neighbour().grants,
        }
    }

    /// The same, to be changed.
    pub(super) fn table_mut(&mut self, whose: Whose) -> &mut Grants {
        match whose {
            Whose::Own => &mut self.grants,
            Whose::Peer => &mut self.neighbour_mut().grants,
        }
    }

    /// The machine frame of a domain's own memory at one of its frame numbers.
    pub(super) fn ram_of(&self, whose: Whose, frame: u64) -> Option<u64> {
        match whose {
            Whose::Own => self.memory.ram(frame),
            Whose::Peer => {
                let place = self.neighbour().map.get(&frame)?;
                (place.kind == Kind::Ram).then_some(place.machine)
            }
        }
    }

    /// Closes a port of the second domain's; the caller's end waits for somebody else.
    fn close_peer_port(&mut self, port: u32) -> Result<(), Refusal> {
        match self.neighbour().line(port)?.state {
            State::Free | State::Reserved => return refuse(Errno::EINVAL),
            State::Interdomain { port: other, .. } => {
                let remote = self.neighbour().domid;
                self.events.ports[other as usize].state = State::Unbound { remote };
            }
            _ => {}
        }
        self.neighbour_mut().lines[port as usize] = Line::FREE;
        Ok(())
    }

    /// Closes all ports of the second domain's.
    pub(super) fn reset_peer_events(&mut self) {
        for port in 1..self.neighbour().lines.len() as u32 {
            // Only those that are open can be closed.
            let _ = self.close_peer_port(port);
        }
    }
}

/// What a refusal is to the second domain.
fn errno(refusal: Refusal) -> Errno {
    match refusal {
        Refusal::Errno(errno) => errno,
        Refusal::BadPointer(_) => Errno::EFAULT,
    }
}

/// The second domain of a [`Simulated`], as the test sees it and acts for it: see [`Simulated::peer`].
///
/// Nothing that it does is refused for want of a call: it stands for a guest that gets along with its
/// release.
#[derive(Clone, Copy, Debug)]
pub struct Peer<'a>(&'a Simulated);

impl<'a> Peer<'a> {
    pub(super) fn new(hypervisor: &'a Simulated) -> Self {
        let there = hypervisor.machine.borrow().peer.is_some();
        assert!(there, "there is no second domain");
        Self(hypervisor)
    }

    pub(super) fn with<T>(self, work: impl FnOnce(&mut Machine) -> T) -> T {
        work(&mut self.0.machine.borrow_mut())
    }

    /// Its number.
    pub fn domid(self) -> DomId {
        DomId::new(self.with(|machine| machine.neighbour().domid))
    }

    /// Its kind.
    pub fn guest(self) -> Guest {
        self.with(|machine| machine.neighbour().guest)
    }

    /// The numbers of the frames that are its memory.
    pub fn frames(self) -> Vec<Gfn> {
        self.with(|machine| {
            let places = machine.neighbour().map.iter();
            let ram = places.filter(|(_, place)| place.kind == Kind::Ram);
            ram.map(|(frame, _)| Gfn::new(*frame)).collect()
        })
    }

    /// The bytes of a frame, by its own number; `None` for a hole. They stay where they are as long as
    /// the hypervisor exists.
    pub fn page(self, frame: Gfn) -> Option<NonNull<u8>> {
        self.with(|machine| {
            let place = machine.neighbour().map.get(&frame.get())?;
            Some(machine.memory.page(place.machine))
        })
    }

    /// Makes a port that a domain may bind to.
    pub fn alloc_unbound(self, remote: DomId) -> EvtchnPort {
        let state = State::Unbound {
            remote: remote.get(),
        };
        EvtchnPort::new(self.with(|machine| machine.neighbour_mut().occupy(state)))
    }

    /// Binds to a port that the first domain has made for it.
    ///
    /// # Errors
    ///
    /// EINVAL if there is no such port.
    pub fn bind_interdomain(self, remote_port: EvtchnPort) -> Result<EvtchnPort, Errno> {
        self.with(|machine| {
            let (domain, remote) = (machine.setup.domid, machine.neighbour().domid);
            let other = machine.events.ports.get_mut(remote_port.get() as usize);
            let other = other.filter(|port| port.state == State::Unbound { remote });
            let other = other.ok_or(Errno::EINVAL)?;
            let port = remote_port.get();
            let own = machine.peer.as_mut().ok_or(Errno::ESRCH)?;
            let own = own.occupy(State::Interdomain { domain, port });
            other.state = State::Interdomain {
                domain: remote,
                port: own,
            };
            // Whatever was sent in vain may have been meant for this end.
            machine.neighbour_mut().lines[own as usize].pending = true;
            Ok(EvtchnPort::new(own))
        })
    }

    /// Raises an event at the other end of a port.
    ///
    /// # Errors
    ///
    /// EINVAL if the port can't be sent by.
    pub fn send(self, port: EvtchnPort) -> Result<(), Errno> {
        self.with(|machine| {
            let line = machine.neighbour().line(port.get()).map_err(errno)?;
            match line.state {
                State::Interdomain { port: other, .. } => machine.set_pending(other),
                State::Unbound { .. } => {}
                _ => return Err(Errno::EINVAL),
            }
            Ok(())
        })
    }

    /// Whether a port of its has an event pending, which is forgotten.
    pub fn take_pending(self, port: EvtchnPort) -> bool {
        self.with(|machine| {
            let lines = &mut machine.neighbour_mut().lines;
            let line = lines.get_mut(port.get() as usize);
            line.is_some_and(|line| core::mem::take(&mut line.pending))
        })
    }

    /// Closes a port.
    ///
    /// # Errors
    ///
    /// EINVAL if it is not open.
    pub fn close(self, port: EvtchnPort) -> Result<(), Errno> {
        self.with(|machine| machine.close_peer_port(port.get()).map_err(errno))
    }

    /// Writes an entry of its grant table that is unused.
    fn entry(self, flags: u16, frame: Gfn) -> GrantRef {
        self.with(|machine| {
            let (table, memory) = (&machine.neighbour().grants, &machine.memory);
            let mut references = FIRST_REFERENCE..table.references();
            let free = references.find(|&free| table.flags(memory, free).load(SeqCst) == 0);
            let free = free.expect("the second domain has a free grant");
            let to = table.granted_to(memory, free);
            to.store(machine.setup.domid, SeqCst);
            let word = table.entry_word(memory, free, 1);
            word.store(frame.get() as u32, SeqCst);
            table.flags(memory, free).store(flags, SeqCst);
            GrantRef::new(free)
        })
    }

    /// Grants the first domain one of its frames.
    ///
    /// # Panics
    ///
    /// If its grant table is full.
    pub fn grant(self, frame: Gfn, readonly: bool) -> GrantRef {
        let readonly = if readonly { GTF_readonly as u16 } else { 0 };
        self.entry(GTF_permit_access as u16 | readonly, frame)
    }

    /// Lets the first domain give it a page (`GNTTABOP_transfer`), to be put at a frame number of its,
    /// which means nothing to a PV domain.
    ///
    /// # Panics
    ///
    /// If its grant table is full.
    pub fn accept_transfer(self, frame: Gfn) -> GrantRef {
        self.entry(GTF_accept_transfer as u16, frame)
    }

    /// Flags and frame of an entry of its grant table, with what Xen wrote there.
    ///
    /// # Panics
    ///
    /// If there is no such entry.
    pub fn entry_of(self, reference: GrantRef) -> (u16, Gfn) {
        self.with(|machine| {
            let (table, memory) = (&machine.neighbour().grants, &machine.memory);
            let reference = reference.get();
            assert!(reference < table.references(), "no such reference");
            let flags = table.flags(memory, reference).load(SeqCst);
            (flags, Gfn::new(table.granted_frame(memory, reference)))
        })
    }

    /// Takes a grant back; whether it could, since nobody used it.
    pub fn end_grant(self, reference: GrantRef) -> bool {
        self.with(|machine| {
            let table = &machine.neighbour().grants;
            let free = !table.active.contains_key(&reference.get());
            if free && reference.get() < table.references() {
                let flags = table.flags(&machine.memory, reference.get());
                flags.store(0, SeqCst);
            }
            free
        })
    }

    /// Maps a page that the first domain granted it; the bytes of it.
    ///
    /// # Errors
    ///
    /// The status that Xen would give.
    pub fn map(self, reference: GrantRef, readonly: bool) -> Result<NonNull<u8>, GrantStatus> {
        self.with(|machine| {
            let user = machine.neighbour().domid;
            let active = machine.pin(Whose::Own, user, reference.get(), readonly, true);
            let active = active.map_err(GrantStatus::new)?;
            Ok(machine.memory.page(active.machine))
        })
    }

    /// Takes a mapping away that [`Self::map`] made, with the same arguments.
    pub fn unmap(self, reference: GrantRef, readonly: bool) {
        self.with(|machine| machine.unpin(Whose::Own, reference.get(), readonly));
    }
}
