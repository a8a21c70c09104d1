//! Events in queues: the switch to the FIFO, and an event seen in its queue.
#![allow(unsafe_code)]

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering};

use xen_abi::hypercall::event_channel_op::{
    EventAbi, Priority, bind_ipi, close, expand_array, send, set_priority, set_up_fifo, unmask,
};
use xen_abi::hypercall::sched_op::poll;
use xen_abi::version::Operation;
use xen_abi::xen_public::event_channel::EvtchnPort;
use xen_abi::xen_public::native::event_channel::{
    EVTCHN_FIFO_LINKED, EVTCHN_FIFO_MASKED, EVTCHN_FIFO_PENDING,
};
use xen_abi::xen_public::xen::Gfn;

use super::Program;
use super::events::{Bits, VCPU};
use crate::machine::{Machine, Page};

/// The processor's control block begins with a word of bits, one for each queue that is not empty.
const READY: usize = 0;
/// Where the heads of the queues begin in it, a word each.
const HEADS: usize = 8;

const PENDING: u32 = 1 << EVTCHN_FIFO_PENDING;
const MASKED: u32 = 1 << EVTCHN_FIFO_MASKED;
const LINKED: u32 = 1 << EVTCHN_FIFO_LINKED;

/// Where the events show: the processor's control block, the first page of event words, and what says
/// that there is something to see.
struct Queues {
    control: NonNull<Page>,
    words: NonNull<Page>,
    bits: Bits,
}

impl Queues {
    fn at(&self, page: NonNull<Page>, offset: usize) -> &AtomicU32 {
        // SAFETY: the callers' offsets are multiples of 4 within the page, which is given to Xen and on this
        // side is reached by atomics alone.
        unsafe { AtomicU32::from_ptr(page.as_ptr().cast::<u8>().wrapping_add(offset).cast()) }
    }

    /// A port's word; the first 1024 ports have theirs in this page.
    fn word(&self, port: EvtchnPort) -> &AtomicU32 {
        self.at(self.words, (port.get() as usize % 1024) * 4)
    }

    /// Whether a port is alone in this queue, with an event.
    fn queued(&self, port: EvtchnPort, priority: Priority) -> bool {
        let ready = self.at(self.control, READY).load(Ordering::SeqCst);
        let head = self.at(self.control, HEADS + priority.get() as usize * 4);
        let word = self.word(port).load(Ordering::SeqCst);
        ready & (1 << priority.get()) != 0
            && head.load(Ordering::SeqCst) == port.get()
            && word & (PENDING | LINKED | MASKED) == PENDING | LINKED
            && self.bits.upcall_pending()
    }

    /// Empties all queues, as a kernel does that looks at every event's word on its way.
    fn empty(&self) {
        self.bits.quiet();
        let ready = self.at(self.control, READY).swap(0, Ordering::SeqCst);
        for queue in 0..16 {
            if ready & (1 << queue) == 0 {
                continue;
            }
            let mut port = self
                .at(self.control, HEADS + queue * 4)
                .load(Ordering::SeqCst);
            // No queue is longer than there are words.
            for _ in 0..1024 {
                if port == 0 {
                    break;
                }
                let word = self.word(EvtchnPort::new(port));
                port = word.load(Ordering::SeqCst) & ((1 << 17) - 1);
                word.store(0, Ordering::SeqCst);
            }
        }
    }
}

impl<M: Machine> Program<'_, '_, M> {
    /// Switches the domain to the FIFO, and sees events there. It never comes back.
    pub(super) fn fifo(&mut self) {
        let (control, words) = (self.machine().page(), self.machine().page());
        let (Some(control), Some(words)) = (control, words) else {
            self.report().fail(format_args!("no page is left"));
            return;
        };
        let frame = |machine: &M, page: NonNull<Page>| Gfn::new(machine.frame(page.addr().get()));
        let op = Operation::EVTCHNOP_init_control;
        let block = frame(self.machine(), control);
        // SAFETY: the page belongs to this program, which reaches it by atomics alone.
        let switch = |xen: &super::Hypervisor<'_, M>| unsafe { set_up_fifo(xen, VCPU, block, 0) };
        if self.without_call(op, EventAbi::TwoLevel, switch) {
            return;
        }
        let switched = self.run(op, switch);
        let Some(abi) = switched.done() else { return };
        let right = abi == EventAbi::Fifo { link_bits: 17 };
        self.check(op, right, format_args!("{abi:?}"));
        let op = Operation::EVTCHNOP_expand_array;
        let array = frame(self.machine(), words);
        let expanded = self.run(op, |xen| {
            // SAFETY: as above; the page is full of zeros.
            unsafe { expand_array(xen, array) }
        });
        let (Some(()), Some(bits)) = (expanded.done(), self.bits()) else {
            return;
        };
        self.queue(&Queues {
            control,
            words,
            bits,
        });
    }

    fn queue(&mut self, queues: &Queues) {
        let made = self.run(Operation::EVTCHNOP_bind_ipi, |xen| bind_ipi(xen, VCPU));
        let Some(port) = made.done() else { return };
        queues.empty();
        let op = Operation::EVTCHNOP_send;
        let bits = &queues.bits;
        self.upcall(op, bits, true, |program| {
            let _ = program.run(op, |xen| send(xen, port));
        });
        self.queued(op, queues, port, Priority::DEFAULT);
        let op = Operation::SCHEDOP_poll;
        let _ = self.run(op, |xen| poll(xen, &[port], None));
        queues.empty();

        let op = Operation::EVTCHNOP_unmask;
        queues.word(port).fetch_or(MASKED, Ordering::SeqCst);
        self.upcall(Operation::EVTCHNOP_send, bits, false, |program| {
            let _ = program.run(Operation::EVTCHNOP_send, |xen| send(xen, port));
        });
        let word = queues.word(port).load(Ordering::SeqCst);
        let waits = word & (PENDING | MASKED | LINKED) == PENDING | MASKED;
        self.check(op, waits, format_args!("masked, its word is {word:#x}"));
        self.upcall(op, bits, true, |program| {
            let _ = program.run(op, |xen| unmask(xen, port));
        });
        self.queued(op, queues, port, Priority::DEFAULT);
        queues.empty();

        let op = Operation::EVTCHNOP_set_priority;
        let _ = self.run(op, |xen| set_priority(xen, port, Priority::HIGHEST));
        self.upcall(op, bits, true, |program| {
            let _ = program.run(Operation::EVTCHNOP_send, |xen| send(xen, port));
        });
        self.queued(op, queues, port, Priority::HIGHEST);
        queues.empty();
        let _ = self.run(Operation::EVTCHNOP_close, |xen| close(xen, port));
    }

    fn queued(&mut self, op: Operation, queues: &Queues, port: EvtchnPort, priority: Priority) {
        let word = queues.word(port).load(Ordering::SeqCst);
        let ready = queues.at(queues.control, READY).load(Ordering::SeqCst);
        self.check(
            op,
            queues.queued(port, priority),
            format_args!("{port} is not in queue {priority:?}: word {word:#x}, ready {ready:#x}"),
        );
    }
}
