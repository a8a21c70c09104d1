//! What a test sees of what a device model has done to the second domain.

use alloc::vec::Vec;
use core::ptr::NonNull;

use xen_public::xen::{Gfn, VcpuId};

use super::peer::Peer;
use crate::hypercall::hvm_op::MemType;

/// An I/O request server, as its domain has it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct IoreqServer {
    /// How it buffers: `HVM_IOREQSRV_BUFIOREQ_`.
    pub buffering: u8,
    /// Whether it gets requests.
    pub enabled: bool,
    /// What it claims: kind, first and last.
    pub ranges: Vec<(u32, u64, u64)>,
    /// The bytes of the requests' page and of the buffered ones', once somebody has asked for them.
    pub pages: Option<[NonNull<u8>; 2]>,
}

impl Peer<'_> {
    /// The level of a pin of a PCI device.
    pub fn pci_intx_level(self, device: u8, pin: u8) -> bool {
        let level = |levels: Option<&bool>| levels.copied().unwrap_or(false);
        self.with(|machine| level(machine.neighbour().model.intx.get(&(device, pin))))
    }

    /// The level of one of the old interrupts.
    pub fn isa_irq_level(self, irq: u8) -> bool {
        let level = |levels: Option<&bool>| levels.copied().unwrap_or(false);
        self.with(|machine| level(machine.neighbour().model.isa.get(&irq)))
    }

    /// The level of an interrupt of ARM's.
    pub fn irq_level(self, irq: u32) -> bool {
        let level = |levels: Option<&bool>| levels.copied().unwrap_or(false);
        self.with(|machine| level(machine.neighbour().model.spis.get(&irq)))
    }

    /// Where the four links lead.
    pub fn pci_link_routes(self) -> [u8; 4] {
        self.with(|machine| machine.neighbour().model.routes)
    }

    /// The message interrupts that it got: address and data.
    pub fn messages(self) -> Vec<(u64, u32)> {
        self.with(|machine| machine.neighbour().model.messages.clone())
    }

    /// The event that a processor of its gets next, which is forgotten: vector, kind, error code and
    /// address.
    pub fn take_event(self, vcpu: VcpuId) -> Option<(u8, u8, u32, u64)> {
        self.with(|machine| machine.neighbour_mut().model.events.remove(&vcpu.get()))
    }

    /// The type of a frame.
    pub fn mem_type(self, frame: Gfn) -> MemType {
        MemType::new(self.with(|machine| machine.neighbour().type_of(frame.get())))
    }

    /// The frames that were said to be modified, and not asked for since.
    pub fn modified(self) -> Vec<Gfn> {
        self.with(|machine| {
            let modified = machine.neighbour().model.modified.iter();
            modified.copied().map(Gfn::new).collect()
        })
    }

    /// It writes to a frame, which shows to those who watch.
    pub fn modify(self, frame: Gfn) {
        self.with(|machine| machine.neighbour_mut().model.modified.insert(frame.get()));
    }

    /// How often it was stopped without being let go on.
    pub fn paused(self) -> u32 {
        self.with(|machine| machine.neighbour().paused)
    }

    /// Why somebody has ended it, if it was ended: a `SHUTDOWN_` number.
    pub fn ended(self) -> Option<u32> {
        self.with(|machine| machine.neighbour().model.ended)
    }

    /// An I/O request server of its.
    pub fn ioreq_server(self, id: u16) -> Option<IoreqServer> {
        self.with(|machine| {
            let server = machine.neighbour().model.servers.get(usize::from(id))?;
            let server = server.as_ref()?;
            Some(IoreqServer {
                buffering: server.buffering,
                enabled: server.enabled,
                ranges: server.ranges.iter().copied().collect(),
                pages: server
                    .pages
                    .map(|pages| pages.map(|page| machine.memory.page(page))),
            })
        })
    }

    /// A parameter of its.
    ///
    /// # Panics
    ///
    /// If no release has a parameter of that number.
    pub fn parameter(self, index: usize) -> u64 {
        self.with(|machine| machine.neighbour().parameters[index])
    }

    /// The memory map that it was told: start and size in bytes, and the type.
    pub fn memory_map(self) -> Vec<(u64, u64, u32)> {
        let wide = |low: u32, high: u32| u64::from(high) << 32 | u64::from(low);
        self.with(|machine| {
            let map = machine.neighbour().e820.iter();
            map.map(|entry| (wide(entry[0], entry[1]), wide(entry[2], entry[3]), entry[4]))
                .collect()
        })
    }
}
