//! FIFO event channels: event words in pages of the guest's, and queues of them for each priority
//! (`xen/include/public/event_channel.h`, "FIFO ABI").
//!
//! Setting an event links its word to the tail of its queue; the guest takes events from the head
//! and clears LINKED. Both sides change the words by compare and exchange.

use alloc::vec::Vec;
use core::mem::offset_of;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::SeqCst;

use xen_public::native::event_channel::{
    EVTCHN_FIFO_BUSY, EVTCHN_FIFO_LINK_BITS, EVTCHN_FIFO_LINK_MASK, EVTCHN_FIFO_LINKED,
    EVTCHN_FIFO_MASKED, EVTCHN_FIFO_MAX_QUEUES, EVTCHN_FIFO_NR_CHANNELS, EVTCHN_FIFO_PENDING,
    EVTCHN_FIFO_PRIORITY_MIN, evtchn_fifo_control_block, evtchn_init_control,
};

use super::Machine;
use super::build::Build;
use super::caller::{Answer, refuse};
use super::memory::PAGE;
use crate::hypercall::Errno;

const PENDING: u32 = 1 << EVTCHN_FIFO_PENDING;
const MASKED: u32 = 1 << EVTCHN_FIFO_MASKED;
const LINKED: u32 = 1 << EVTCHN_FIFO_LINKED;
const BUSY: u32 = 1 << EVTCHN_FIFO_BUSY;
const LINK: u32 = EVTCHN_FIFO_LINK_MASK as u32;
const QUEUES: usize = EVTCHN_FIFO_MAX_QUEUES as usize;
/// Event words in a page.
const WORDS: u32 = (PAGE / 4) as u32;

/// The queues of one virtual processor.
#[derive(Clone, Debug)]
struct Control {
    /// Frame and offset of the control block, once the guest has given it.
    block: Option<(u64, usize)>,
    tails: [u32; QUEUES],
}

/// The domain's FIFO event channels.
#[derive(Debug)]
pub(super) struct Fifo {
    array: Vec<u64>,
    controls: Vec<Control>,
}

impl Fifo {
    /// The most ports there can be.
    pub(super) const PORTS: u32 = EVTCHN_FIFO_NR_CHANNELS as u32;
}

impl Machine {
    fn fifo_word(&self, port: u32) -> Option<&AtomicU32> {
        let array = &self.events.fifo.as_ref()?.array;
        let frame = array.get((port / WORDS) as usize)?;
        Some(self.memory.u32(*frame, (port % WORDS) as usize * 4))
    }

    pub(super) fn init_control(&mut self, request: &mut evtchn_init_control) -> Answer {
        if self.setup.since(4, 21) && !self.setup.has(Build::Fifo) {
            return refuse(Errno::EOPNOTSUPP);
        }
        let evtchn_init_control {
            control_gfn,
            offset,
            vcpu,
            ..
        } = *request;
        request.link_bits = EVTCHN_FIFO_LINK_BITS as u8;
        self.vcpu_exists(vcpu)?;
        let offset = offset as usize;
        let last = PAGE - size_of::<evtchn_fifo_control_block>();
        if offset > last || offset % 8 != 0 {
            return refuse(Errno::EINVAL);
        }
        let taken = |fifo: &Fifo| fifo.controls[vcpu as usize].block.is_some();
        if self.events.fifo.as_ref().is_some_and(taken) {
            return refuse(Errno::EINVAL);
        }
        let Some(frame) = self.memory.ram(control_gfn) else {
            return refuse(Errno::EINVAL);
        };
        if self.events.fifo.is_none() {
            self.begin_fifo();
        }
        if let Some(fifo) = &mut self.events.fifo {
            fifo.controls[vcpu as usize].block = Some((frame, offset));
        }
        Ok(0)
    }

    /// Goes over from the bitmaps. What is pending there is told of when its word comes.
    fn begin_fifo(&mut self) {
        for port in 1..self.events.ports.len() as u32 {
            let pending = self.bitmap_pending(port);
            self.events.ports[port as usize].pending = pending;
        }
        let control = Control {
            block: None,
            tails: [0; QUEUES],
        };
        self.events.fifo = Some(Fifo {
            array: Vec::new(),
            controls: alloc::vec![control; self.setup.vcpus as usize],
        });
    }

    pub(super) fn expand_array(&mut self, frame: u64) -> Answer {
        if self.setup.since(4, 21) && !self.setup.has(Build::Fifo) {
            return refuse(Errno::EOPNOTSUPP);
        }
        let Some(fifo) = &mut self.events.fifo else {
            return refuse(if self.setup.since(4, 8) {
                Errno::EOPNOTSUPP
            } else {
                Errno::ENOSYS
            });
        };
        let first = fifo.array.len() as u32 * WORDS;
        if first >= Fifo::PORTS {
            return refuse(Errno::ENOSPC);
        }
        let Some(machine) = self.memory.ram(frame) else {
            return refuse(Errno::EINVAL);
        };
        fifo.array.push(machine);
        let end = (first + WORDS).min(self.events.ports.len() as u32);
        for port in first..end {
            if self.events.ports[port as usize].pending {
                self.events.ports[port as usize].pending = false;
                self.fifo_set_pending(port);
            }
        }
        Ok(0)
    }

    pub(super) fn set_priority(&mut self, port: u32, priority: u32) -> Answer {
        if self.events.fifo.is_none() {
            return refuse(Errno::ENOSYS);
        }
        if priority > EVTCHN_FIFO_PRIORITY_MIN as u32 {
            return refuse(Errno::EINVAL);
        }
        self.events.ports[port as usize].priority = priority;
        Ok(0)
    }

    pub(super) fn fifo_set_pending(&mut self, port: u32) {
        let Some(word) = self.fifo_word(port) else {
            self.events.ports[port as usize].pending = true;
            return;
        };
        let before = word.fetch_or(PENDING, SeqCst);
        if before & (MASKED | LINKED) == 0 {
            self.link(port);
        }
    }

    /// Puts a port at the tail of its queue.
    fn link(&mut self, port: u32) {
        let super::events::Port {
            vcpu,
            priority,
            last,
            ..
        } = self.events.ports[port as usize];
        let Some(fifo) = &mut self.events.fifo else {
            return;
        };
        let Some((frame, offset)) = fifo.controls[vcpu as usize].block else {
            return;
        };
        // It may be the tail of a queue that the guest has emptied.
        let old = &mut fifo.controls[last.0 as usize].tails[last.1 as usize];
        if *old == port {
            *old = 0;
        }
        let tail = core::mem::replace(
            &mut fifo.controls[vcpu as usize].tails[priority as usize],
            port,
        );
        self.events.ports[port as usize].last = (vcpu, priority);
        let Some(word) = self.fifo_word(port) else {
            return;
        };
        if word.fetch_or(LINKED, SeqCst) & LINKED != 0 {
            return;
        }
        let behind = |word: &AtomicU32| {
            // Whoever is not linked any more has been taken, and with it the queue was emptied.
            let mut now = word.load(SeqCst);
            while now & LINKED != 0 {
                let then = (now & !(BUSY | LINK)) | port;
                match word.compare_exchange(now, then, SeqCst, SeqCst) {
                    Ok(_) => return true,
                    Err(other) => now = other,
                }
            }
            false
        };
        if tail != 0 && self.fifo_word(tail).is_some_and(behind) {
            return;
        }
        let head = offset + offset_of!(evtchn_fifo_control_block, head) + priority as usize * 4;
        self.memory.u32(frame, head).store(port, SeqCst);
        let ready = offset + offset_of!(evtchn_fifo_control_block, ready);
        let bit = 1 << priority;
        if self.memory.u32(frame, ready).fetch_or(bit, SeqCst) & bit == 0 {
            self.upcall(vcpu);
        }
    }

    pub(super) fn fifo_clear_pending(&mut self, port: u32) {
        self.events.ports[port as usize].pending = false;
        if let Some(word) = self.fifo_word(port) {
            word.fetch_and(!PENDING, SeqCst);
        }
    }

    pub(super) fn fifo_unmask(&mut self, port: u32) {
        let Some(word) = self.fifo_word(port) else {
            return;
        };
        if word.fetch_and(!MASKED, SeqCst) & PENDING != 0 {
            self.fifo_set_pending(port);
        }
    }

    pub(super) fn fifo_is_pending(&self, port: u32) -> bool {
        let in_word = |word: &AtomicU32| word.load(SeqCst) & PENDING != 0;
        self.fifo_word(port).is_some_and(in_word)
    }

    /// Whether a port still hangs in a queue.
    pub(super) fn fifo_busy(&self, port: u32) -> bool {
        let in_word = |word: &AtomicU32| word.load(SeqCst) & LINKED != 0;
        self.fifo_word(port).is_some_and(in_word)
    }
}
