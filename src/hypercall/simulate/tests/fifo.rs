//! FIFO event channels, taken from their queues as a guest takes them.

use alloc::collections::VecDeque;
use core::sync::atomic::Ordering::SeqCst;

use quickcheck::quickcheck;
use xen_public::native::event_channel::*;

use super::*;

const CALL: u32 = 32;
const PENDING: u32 = 1 << 31;
const MASKED: u32 = 1 << 30;
const LINKED: u32 = 1 << 29;
const LINK: u32 = 0x1_ffff;

/// The guest's side.
struct Queues<'a> {
    xen: &'a Simulated,
    control: u64,
    words: u64,
    heads: [u32; 16],
}

fn begin(xen: &Simulated) -> Queues<'_> {
    let frames = xen.frames();
    let (control, words) = (frames[3], frames[4]);
    let mut request = evtchn_init_control {
        control_gfn: control,
        ..evtchn_init_control::ZERO
    };
    assert_eq!(op(xen, CALL, 11, &mut request), 0);
    assert_eq!(request.link_bits, 17);
    let mut more = evtchn_expand_array { array_gfn: words };
    assert_eq!(op(xen, CALL, 12, &mut more), 0);
    Queues {
        xen,
        control,
        words,
        heads: [0; 16],
    }
}

impl Queues<'_> {
    fn with<T>(
        &self,
        frame: u64,
        offset: usize,
        work: impl FnOnce(&core::sync::atomic::AtomicU32) -> T,
    ) -> T {
        let machine = self.xen.machine.borrow();
        let frame = machine.memory.ram(frame).unwrap();
        work(machine.memory.u32(frame, offset))
    }

    fn word<T>(&self, port: u32, work: impl FnOnce(&core::sync::atomic::AtomicU32) -> T) -> T {
        self.with(self.words, port as usize * 4, work)
    }

    /// Takes the next event of the most urgent queue.
    fn take(&mut self) -> Option<u32> {
        loop {
            let ready = self.with(self.control, 0, |ready| ready.load(SeqCst));
            let busy = (0..16).find(|&queue| self.heads[queue] != 0 || ready >> queue & 1 != 0)?;
            let mut head = self.heads[busy];
            if head == 0 {
                self.with(self.control, 0, |ready| {
                    ready.fetch_and(!(1 << busy), SeqCst)
                });
                head = self.with(self.control, 8 + busy * 4, |head| head.load(SeqCst));
            }
            let before = self.word(head, |word| word.fetch_and(!(LINKED | LINK), SeqCst));
            self.heads[busy] = before & LINK;
            if before & PENDING != 0 && before & MASKED == 0 {
                self.word(head, |word| word.fetch_and(!PENDING, SeqCst));
                return Some(head);
            }
        }
    }
}

fn ipi(xen: &Simulated) -> u32 {
    let mut request = evtchn_bind_ipi { vcpu: 0, port: 0 };
    assert_eq!(op(xen, CALL, 7, &mut request), 0);
    request.port
}

quickcheck! {
    /// Events come by priority, and in their order within one.
    fn events_come_in_order(steps: Vec<(u8, u8)>) -> Result<(), String> {
        let xen = Simulated::new(V4_17, Guest::Hvm);
        let ports: Vec<u32> = (0..8).map(|_| ipi(&xen)).collect();
        let mut queues = begin(&xen);
        let mut priority = [7_usize; 9];
        let mut model: Vec<VecDeque<u32>> = alloc::vec![VecDeque::new(); 16];
        let mut masked = [false; 9];
        let mut waiting = [false; 9];
        let queued = |model: &[VecDeque<u32>], port| model.iter().any(|queue| queue.contains(&port));
        for (what, which) in steps.into_iter().take(40) {
            let port = ports[which as usize % 8];
            let at = port as usize;
            match what % 6 {
                0 | 1 => {
                    assert_eq!(op(&xen, CALL, 4, &mut evtchn_send { port }), 0);
                    if masked[at] {
                        waiting[at] = true;
                    } else if !queued(&model, port) {
                        model[priority[at]].push_back(port);
                    }
                }
                2 => {
                    let expected = model.iter_mut().find_map(VecDeque::pop_front);
                    let got = queues.take();
                    if got != expected {
                        return Err(alloc::format!("{got:?}, not {expected:?}"));
                    }
                }
                3 => {
                    let new = u32::from(which) % 17;
                    let mut request = evtchn_set_priority { port, priority: new };
                    let expected = if new > 15 { errno(Errno::EINVAL) } else { 0 };
                    assert_eq!(op(&xen, CALL, 13, &mut request), expected);
                    if new <= 15 {
                        priority[at] = new as usize;
                    }
                }
                4 if !queued(&model, port) => {
                    queues.word(port, |word| word.fetch_or(MASKED, SeqCst));
                    masked[at] = true;
                }
                5 => {
                    assert_eq!(op(&xen, CALL, 9, &mut evtchn_unmask { port }), 0);
                    masked[at] = false;
                    if core::mem::take(&mut waiting[at]) && !queued(&model, port) {
                        model[priority[at]].push_back(port);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

#[test]
fn what_is_pending_when_they_begin_is_not_lost() {
    let xen = Simulated::new(V4_20, Guest::Pv);
    let port = ipi(&xen);
    assert_eq!(op(&xen, CALL, 4, &mut evtchn_send { port }), 0);
    let mut queues = begin(&xen);
    assert_eq!(queues.take(), Some(port));
    assert_eq!(queues.take(), None);
    let mut again = evtchn_init_control {
        control_gfn: queues.control,
        ..evtchn_init_control::ZERO
    };
    assert_eq!(op(&xen, CALL, 11, &mut again), errno(Errno::EINVAL));
}

#[test]
fn a_control_block_must_fit_its_page() {
    let xen = Simulated::new(V4_20, Guest::Hvm);
    let frame = xen.frames()[9];
    for (gfn, offset, vcpu, answer) in [
        (frame, 4, 0, Errno::EINVAL),
        (frame, 4032, 0, Errno::EINVAL),
        (frame, 0, 1, Errno::ENOENT),
        (0xffff, 0, 0, Errno::EINVAL),
    ] {
        let mut request = evtchn_init_control {
            control_gfn: gfn,
            offset,
            vcpu,
            ..evtchn_init_control::ZERO
        };
        assert_eq!(
            op(&xen, CALL, 11, &mut request),
            errno(answer),
            "{gfn:#x} {offset} {vcpu}"
        );
    }
    let mut array = evtchn_expand_array { array_gfn: frame };
    assert_eq!(op(&xen, CALL, 12, &mut array), errno(Errno::EOPNOTSUPP));
}
