//! Event channels on the bitmaps, against a model that only knows lists.

use alloc::collections::BTreeSet;
use core::sync::atomic::Ordering::SeqCst;

use quickcheck::quickcheck;
use xen_public::native::event_channel::*;
use xen_public::native::vcpu::vcpu_register_vcpu_info;

use super::*;

const CALL: u32 = 32;
const VCPUS: u32 = 2;
const PORTS: u32 = 12;

/// A port, in the model.
#[derive(Clone, Copy, PartialEq, Debug)]
enum End {
    Unbound(u16),
    Joined(u32),
    Virq(u32),
    Ipi,
}

#[derive(Default)]
struct Model {
    ports: alloc::collections::BTreeMap<u32, (End, u32)>,
    pending: BTreeSet<u32>,
    masked: BTreeSet<u32>,
    upcalls: BTreeSet<u32>,
    selected: BTreeSet<u32>,
}

impl Model {
    fn add(&mut self, end: End, vcpu: u32) -> u32 {
        let port = (1..).find(|port| !self.ports.contains_key(port)).unwrap();
        self.ports.insert(port, (end, vcpu));
        port
    }

    fn raise(&mut self, port: u32) {
        if self.pending.insert(port) {
            self.show(port);
        }
    }

    fn show(&mut self, port: u32) {
        let vcpu = self.ports.get(&port).map_or(0, |port| port.1);
        if !self.masked.contains(&port) && self.selected.insert(vcpu) {
            self.upcalls.insert(vcpu);
        }
    }

    fn send(&mut self, port: u32) -> bool {
        match self.ports.get(&port) {
            Some((End::Joined(other), _)) => self.raise(*other),
            Some((End::Ipi, _)) => self.raise(port),
            Some((End::Unbound(_), _)) => {}
            _ => return false,
        }
        true
    }

    fn close(&mut self, port: u32) -> bool {
        let Some((end, _)) = self.ports.remove(&port) else {
            return false;
        };
        if let End::Joined(other) = end {
            self.ports.get_mut(&other).unwrap().0 = End::Unbound(0);
        }
        self.pending.remove(&port);
        true
    }
}

/// The bits that are set in the first word of a bitmap.
fn bits(xen: &Simulated, offset: usize) -> BTreeSet<u32> {
    let machine = xen.machine.borrow();
    let word = machine
        .memory
        .word(machine.shared_info, offset)
        .load(SeqCst);
    (0..32).filter(|bit| word >> bit & 1 != 0).collect()
}

fn per_vcpu(xen: &Simulated, offset: usize) -> BTreeSet<u32> {
    let machine = xen.machine.borrow();
    let set = |vcpu: &u32| {
        let (frame, at) = machine.vcpu_info(*vcpu).unwrap();
        machine.memory.u8(frame, at + offset).load(SeqCst) != 0
    };
    (0..VCPUS).filter(set).collect()
}

const PENDING: usize = core::mem::offset_of!(shared_info, evtchn_pending);
const MASK: usize = core::mem::offset_of!(shared_info, evtchn_mask);
const UPCALL: usize =
    core::mem::offset_of!(xen_public::native::xen::vcpu_info, evtchn_upcall_pending);
const SELECTOR: usize =
    core::mem::offset_of!(xen_public::native::xen::vcpu_info, evtchn_pending_sel);

/// One step of both; whether they agree.
fn step(
    xen: &Simulated,
    model: &mut Model,
    (what, port, vcpu): (u8, u8, u8),
) -> Result<(), String> {
    let (port, vcpu) = (u32::from(port) % PORTS, u32::from(vcpu) % (VCPUS + 1));
    let (got, expected) = match what % 10 {
        0 => {
            let remote_dom = [0, DOMID_SELF, 3][port as usize % 3];
            let mut request = evtchn_alloc_unbound {
                dom: DOMID_SELF,
                remote_dom,
                port: 0,
            };
            let answer = op(xen, CALL, 6, &mut request);
            let remote = if remote_dom == 3 { 3 } else { 0 };
            let port = model.add(End::Unbound(remote), 0);
            ((answer, request.port), (0, port))
        }
        1 => {
            let mut request = evtchn_bind_interdomain {
                remote_port: port,
                ..evtchn_bind_interdomain::ZERO
            };
            let answer = op(xen, CALL, 0, &mut request);
            let expected = match model.ports.get(&port) {
                Some((End::Unbound(0), _)) => {
                    let local = model.add(End::Joined(port), 0);
                    model.ports.get_mut(&port).unwrap().0 = End::Joined(local);
                    model.raise(local);
                    (0, local)
                }
                _ => (errno(Errno::EINVAL), 0),
            };
            ((answer, request.local_port), expected)
        }
        2 => {
            let mut request = evtchn_bind_virq {
                virq: port % 3,
                vcpu,
                port: 0,
            };
            let answer = op(xen, CALL, 1, &mut request);
            let global = port % 3 == 2;
            let same =
                |(end, at): &(End, u32)| *end == End::Virq(port % 3) && (global || *at == vcpu);
            let expected = match () {
                () if global && vcpu != 0 => (errno(Errno::EINVAL), 0),
                () if vcpu >= VCPUS => (errno(Errno::ENOENT), 0),
                () if model.ports.values().any(same) => (errno(Errno::EEXIST), 0),
                () => (0, model.add(End::Virq(port % 3), vcpu)),
            };
            ((answer, request.port), expected)
        }
        3 => {
            let mut request = evtchn_bind_ipi { vcpu, port: 0 };
            let answer = op(xen, CALL, 7, &mut request);
            let expected = if vcpu < VCPUS {
                (0, model.add(End::Ipi, vcpu))
            } else {
                (errno(Errno::ENOENT), 0)
            };
            ((answer, request.port), expected)
        }
        4 => {
            let answer = op(xen, CALL, 3, &mut evtchn_close { port });
            let expected = if model.close(port) {
                0
            } else {
                errno(Errno::EINVAL)
            };
            ((answer, 0), (expected, 0))
        }
        5 => {
            let answer = op(xen, CALL, 4, &mut evtchn_send { port });
            let expected = if model.send(port) {
                0
            } else {
                errno(Errno::EINVAL)
            };
            ((answer, 0), (expected, 0))
        }
        6 => {
            let answer = op(xen, CALL, 9, &mut evtchn_unmask { port });
            if model.masked.remove(&port) && model.pending.contains(&port) {
                model.show(port);
            }
            ((answer, 0), (0, 0))
        }
        7 => {
            let answer = op(xen, CALL, 8, &mut evtchn_bind_vcpu { port, vcpu });
            let movable =
                |end: &End| matches!(end, End::Unbound(_) | End::Joined(_) | End::Virq(2));
            let expected = match model.ports.get_mut(&port) {
                _ if vcpu >= VCPUS => errno(Errno::ENOENT),
                Some((end, at)) if movable(end) => {
                    *at = vcpu;
                    0
                }
                _ => errno(Errno::EINVAL),
            };
            ((answer, 0), (expected, 0))
        }
        8 => {
            // The guest masks a port.
            let machine = xen.machine.borrow();
            let word = machine.memory.word(machine.shared_info, MASK);
            word.fetch_or(1 << port, SeqCst);
            model.masked.insert(port);
            ((0, 0), (0, 0))
        }
        _ => {
            // The guest takes its events: all of them, of one virtual processor.
            let vcpu = vcpu % VCPUS;
            let machine = xen.machine.borrow();
            let (frame, at) = machine.vcpu_info(vcpu).unwrap();
            machine.memory.u8(frame, at + UPCALL).store(0, SeqCst);
            machine.memory.word(frame, at + SELECTOR).store(0, SeqCst);
            let word = machine.memory.word(machine.shared_info, PENDING);
            word.store(0, SeqCst);
            model.pending.clear();
            model.selected.remove(&vcpu);
            model.upcalls.remove(&vcpu);
            ((0, 0), (0, 0))
        }
    };
    let seen = [
        bits(xen, PENDING),
        bits(xen, MASK),
        per_vcpu(xen, UPCALL),
        per_vcpu(xen, SELECTOR),
    ];
    let model = [
        &model.pending,
        &model.masked,
        &model.upcalls,
        &model.selected,
    ];
    if got == expected && seen.each_ref() == model {
        Ok(())
    } else {
        Err(alloc::format!(
            "{got:?}, not {expected:?}; {seen:?}, not {model:?}"
        ))
    }
}

/// Gives a virtual processor a `vcpu_info` outside the shared page, which has but one on ARM.
fn own_info(xen: &Simulated, vcpu: usize) {
    let mut request = vcpu_register_vcpu_info {
        mfn: xen.frames()[11],
        offset: 128,
        rsvd: 0,
    };
    let address = (&raw mut request).expose_provenance();
    assert_eq!(plain(xen, 24, [10, vcpu, address, 0, 0]), 0);
    // Xen has it look at everything; nothing is there yet.
    let machine = xen.machine.borrow();
    let (frame, at) = machine.vcpu_info(vcpu as u32).unwrap();
    machine.memory.u8(frame, at + UPCALL).store(0, SeqCst);
    machine.memory.word(frame, at + SELECTOR).store(0, SeqCst);
}

quickcheck! {
    fn ports_do_as_the_model(steps: Vec<(u8, u8, u8)>, kind: bool) -> Result<(), String> {
        let guest = if kind { Guest::Pv } else { Guest::Hvm };
        let xen = Simulated::builder(V4_17, guest).vcpus(VCPUS).build();
        if cfg!(any(target_arch = "arm", target_arch = "aarch64")) {
            own_info(&xen, 1);
        }
        let mut model = Model::default();
        for (index, what) in steps.into_iter().take(28).enumerate() {
            step(&xen, &mut model, what).map_err(|text| alloc::format!("step {index} {what:?}: {text}"))?;
        }
        Ok(())
    }
}

#[test]
fn a_status_tells_what_a_port_is() {
    let xen = Simulated::builder(V4_14, Guest::Pv).vcpus(2).build();
    let mut first = evtchn_alloc_unbound {
        dom: DOMID_SELF,
        remote_dom: DOMID_SELF,
        port: 0,
    };
    assert_eq!(op(&xen, CALL, 6, &mut first), 0);
    let mut join = evtchn_bind_interdomain {
        remote_dom: DOMID_SELF,
        remote_port: first.port,
        ..evtchn_bind_interdomain::ZERO
    };
    assert_eq!(op(&xen, CALL, 0, &mut join), 0);
    let mut ipi = evtchn_bind_ipi { vcpu: 1, port: 0 };
    assert_eq!(op(&xen, CALL, 7, &mut ipi), 0);
    let status = |port| {
        let mut status = evtchn_status {
            dom: DOMID_SELF,
            port,
            ..evtchn_status::ZERO
        };
        let answer = op(&xen, CALL, 5, &mut status);
        // SAFETY: all bytes are there, zero or written.
        let bytes = unsafe { status.u._bytes };
        (answer, status.status as i32, status.vcpu, bytes)
    };
    let joined = status(first.port);
    assert_eq!((joined.0, joined.1), (0, EVTCHNSTAT_interdomain));
    assert_eq!(joined.3[4..], join.local_port.to_ne_bytes());
    let closed = status(0);
    assert_eq!((closed.0, closed.1), (0, EVTCHNSTAT_closed));
    let ipi = status(ipi.port);
    assert_eq!((ipi.0, ipi.1, ipi.2), (0, EVTCHNSTAT_ipi, 1));
    assert_eq!(status(4000).0, errno(Errno::EINVAL));
    // The other end waits again once this one is closed.
    let mut close = evtchn_close {
        port: join.local_port,
    };
    assert_eq!(op(&xen, CALL, 3, &mut close), 0);
    assert_eq!(status(first.port).1, EVTCHNSTAT_unbound);
    let mut reset = evtchn_reset { dom: DOMID_SELF };
    assert_eq!(op(&xen, CALL, 10, &mut reset), 0);
    assert_eq!(status(first.port).1, EVTCHNSTAT_closed);
}

#[test]
#[cfg_attr(miri, ignore = "thousands of calls")]
fn ports_run_out() {
    let xen = pv(V4_17);
    let mut last = 0;
    loop {
        let mut request = evtchn_bind_ipi { vcpu: 0, port: 0 };
        match op(&xen, CALL, 7, &mut request) {
            0 => last = request.port,
            answer => {
                assert_eq!(answer, errno(Errno::ENOSPC));
                break;
            }
        }
    }
    let most = Bits::BITS * Bits::BITS;
    assert_eq!(last + 1, most);
}

/// The event calls of the oldest releases go over another number.
#[test]
fn the_compat_call_forwards() {
    for (release, newest) in [
        (Release::new(3, 0, 0), 8),
        (Release::new(3, 0, 2), 9),
        (Release::new(4, 9, 0), 13),
        (Release::new(4, 10, 0), 9),
    ] {
        let xen = pv(release);
        let mut request = evtchn_op::ZERO;
        request.cmd = 7;
        let address = (&raw mut request).expose_provenance();
        let ask = || plain(&xen, 16, [address, 0, 0, 0, 0]);
        assert_eq!(ask(), 0, "{release}");
        // SAFETY: all bytes are there, zero or written.
        let bytes = unsafe { request.u._bytes };
        assert_eq!(bytes[4..8], 1_u32.to_ne_bytes(), "{release}");
        for command in 0..=20 {
            // SAFETY: as for the others: the structure is read and written by the call alone.
            unsafe { (&raw mut request.cmd).write_volatile(command) };
            let there = ask() != ENOSYS;
            // set_priority is ENOSYS on the bitmaps, and so is expand_array before 4.8.
            let known = command <= newest && command != 13;
            assert_eq!(there, known, "{release} {command}");
        }
    }
}
