//! The second domain: what the first does with it by calls is seen on its side, and the other way round.

use core::sync::atomic::Ordering::SeqCst;

use xen_public::event_channel::EvtchnPort;
use xen_public::grant_table::{GrantRef, GrantStatus};
use xen_public::xen::{DomId, Gfn, Mfn};

use super::*;
use crate::hypercall::event_channel_op::{self as events, Binding};
use crate::hypercall::grant_table_op::{self as grants, *};
use crate::version::Operation;

pub(super) const PEER: DomId = DomId::new(7);
pub(super) const OWN: DomId = DomId::new(0);

/// Whether this is code for ARM's processors.
pub(super) const ON_ARM: bool = cfg!(any(target_arch = "arm", target_arch = "aarch64"));

/// Runs a test on each release, for each kind of guest beside each kind that its machine can have: those
/// whose code the compile target is, for ARM has no page tables that Xen writes.
pub(super) fn beside(mut test: impl FnMut(&Xen<&Simulated>, Peer<'_>)) {
    let mut count = 0;
    for (release, guest) in everywhere() {
        for other in Guest::ALL {
            let arm = |guest| guest == Guest::Arm;
            if arm(other) != arm(guest)
                || ON_ARM && !arm(guest)
                || !Simulated::exists(release, other)
            {
                continue;
            }
            let hypervisor = Simulated::builder(release, guest).peer(PEER, other).build();
            test(&Xen::probe(&hypervisor).unwrap(), hypervisor.peer());
            count += 1;
        }
    }
    assert!(count > if ON_ARM { 15 } else { 150 }, "{count}");
}

/// Maps a frame of the other domain as a page, as a PV guest does; where it leads.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
pub(super) fn map_page(xen: &Xen<&Simulated>, address: usize, frame: u64) -> NonNull<u8> {
    use crate::hypercall::update_va_mapping::{Flush, update_otherdomain};

    // SAFETY: the callers' tests use nothing else at the address.
    let mapped = unsafe { update_otherdomain(xen, address, frame << 12 | 1, Flush::None, PEER) };
    mapped.unwrap();
    xen.conduit().mapped(address as u64).unwrap()
}

#[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
pub(super) fn map_page(xen: &Xen<&Simulated>, _: usize, _: u64) -> NonNull<u8> {
    unreachable!("{} maps no pages by entries", xen.guest())
}

pub(super) fn write(page: NonNull<u8>, byte: u8) {
    // SAFETY: the page lives as long as its hypervisor, and nothing else uses it now.
    unsafe { page.write_volatile(byte) };
}

fn pending(xen: &Xen<&Simulated>, port: EvtchnPort) -> bool {
    xen.conduit().machine.borrow().is_pending(port.get())
}

#[test]
fn events_go_both_ways() {
    beside(|xen, peer| {
        // It waits for this domain.
        let theirs = peer.alloc_unbound(OWN);
        let ours = events::bind_interdomain(xen, PEER, theirs).unwrap();
        let status = events::status(xen, DomId::SELF, ours).unwrap();
        assert_eq!(status.binding, Binding::Interdomain(PEER, theirs), "{xen}");
        let status = events::status(xen, PEER, theirs).unwrap();
        assert_eq!(status.binding, Binding::Interdomain(OWN, ours), "{xen}");
        assert!(!peer.take_pending(theirs));
        events::send(xen, ours).unwrap();
        assert!(peer.take_pending(theirs), "{xen}");
        let other = events::bind_interdomain(xen, PEER, theirs);
        assert_eq!(refused(other), Some(Errno::EINVAL.get()));

        // This domain waits for it.
        let ours = events::alloc_unbound(xen, DomId::SELF, PEER).unwrap();
        let theirs = peer.bind_interdomain(ours).unwrap();
        assert!(peer.take_pending(theirs));
        assert!(!pending(xen, ours), "{xen}");
        peer.send(theirs).unwrap();
        assert!(pending(xen, ours), "{xen}");
        peer.close(theirs).unwrap();
        let status = events::status(xen, DomId::SELF, ours).unwrap();
        assert_eq!(status.binding, Binding::Unbound(PEER), "{xen}");

        // A toolstack makes a port there for another domain still.
        let port = events::alloc_unbound(xen, PEER, DomId::new(9)).unwrap();
        let status = events::status(xen, PEER, port).unwrap();
        assert_eq!(status.binding, Binding::Unbound(DomId::new(9)), "{xen}");
        let other = events::bind_interdomain(xen, PEER, port);
        assert_eq!(refused(other), Some(Errno::EINVAL.get()));
        if events::reset(xen, PEER).is_ok() {
            let status = events::status(xen, PEER, port).unwrap();
            assert_eq!(status.binding, Binding::Closed, "{xen}");
        }
    });
}

#[test]
fn who_has_no_privilege_only_uses_what_is_meant_for_it() {
    let xen = Simulated::builder(V4_17, Guest::Hvm).privileged(false);
    let xen = xen.domid(3).peer(PEER, Guest::Pv).build();
    let (peer, xen) = (xen.peer(), Xen::probe(&xen).unwrap());
    let own = DomId::new(3);
    let port = peer.alloc_unbound(own);
    let ours = events::bind_interdomain(&xen, PEER, port).unwrap();
    events::send(&xen, ours).unwrap();
    assert!(peer.take_pending(port));
    let eperm = Some(Errno::EPERM.get());
    assert_eq!(refused(events::alloc_unbound(&xen, PEER, own)), eperm);
    assert_eq!(refused(events::status(&xen, PEER, port)), eperm);
    assert_eq!(refused(events::reset(&xen, PEER)), eperm);
    let nobody = DomId::new(5);
    let esrch = Some(Errno::ESRCH.get());
    assert_eq!(refused(events::alloc_unbound(&xen, nobody, own)), esrch);
    assert_eq!(refused(events::bind_interdomain(&xen, nobody, port)), esrch);
    let size = grants::query_size(&xen, PEER);
    let status = GrantStatus::PERMISSION_DENIED;
    assert!(matches!(size, Err(Error::Status { status: found, .. }) if found == status));
}

/// An address at which the guest has nothing.
pub(super) fn hole(xen: &Xen<&Simulated>) -> u64 {
    let top = xen.conduit().frames().into_iter().max().unwrap();
    (top + 0x10_0000) << 12
}

#[test]
fn pages_that_the_other_grants_are_mapped_and_copied() {
    beside(|xen, peer| {
        let frame = peer.frames()[3];
        let page = peer.page(frame).unwrap();
        write(page, 0x5a);
        let reference = peer.grant(frame, true);
        let address = hole(xen);
        let map = |reference, flags| {
            let mut map = [MapGrant::new(PEER, reference, flags, address)];
            // SAFETY: nothing is at the address, and what is put there is only looked at.
            unsafe { grants::map_grant_ref(xen, &mut map) }.and_then(|()| map[0].mapping())
        };
        if xen.can(Operation::GNTTABOP_map_grant_ref).is_ok() {
            let writable = map(reference, MapFlags::HOST);
            assert!(matches!(writable, Err(Error::Status { .. })), "{xen}");
            let mapping = map(reference, MapFlags::HOST | MapFlags::READONLY).unwrap();
            let mapped = xen.conduit().mapped(address).unwrap();
            assert_eq!(peek(mapped.as_ptr()), 0x5a, "{xen}");
            assert!(!peer.end_grant(reference), "{xen}");
            assert_eq!(peer.entry_of(reference), (1 | 4 | 8, frame));
            let mut unmap = [UnmapGrant::new(mapping.handle, address, 0)];
            // SAFETY: nothing uses the mapping any more.
            unsafe { grants::unmap_grant_ref(xen, &mut unmap) }.unwrap();
            assert!(unmap[0].status().check().is_ok(), "{xen}");
            assert!(xen.conduit().mapped(address).is_none(), "{xen}");
        }
        assert!(peer.end_grant(reference), "{xen}");

        if xen.can(Operation::GNTTABOP_copy).is_ok() {
            let reference = peer.grant(frame, false);
            let own = Gfn::new(xen.conduit().frames()[9]);
            let ours = xen.conduit().page(own.get()).unwrap();
            write(ours, 0);
            let copy = |from, to| {
                let mut copy = [GrantCopy::new(from, to, 16)];
                // SAFETY: both are pages of the simulation's, which are only looked at.
                unsafe { grants::copy(xen, &mut copy) }.map(|()| copy[0].status())
            };
            let (theirs, here) = (CopyEnd::grant(PEER, reference, 0), CopyEnd::frame(own, 0));
            let here = here.unwrap();
            assert!(copy(theirs, here).unwrap().check().is_ok(), "{xen}");
            assert_eq!(peek(ours.as_ptr()), 0x5a);
            write(ours, 0x77);
            assert!(copy(here, theirs).unwrap().check().is_ok(), "{xen}");
            assert_eq!(peek(page.as_ptr()), 0x77, "{xen}");
            assert!(peer.end_grant(reference));
            assert!(copy(theirs, here).unwrap().check().is_err(), "{xen}");
        }
    });
}

#[test]
fn the_other_maps_what_it_is_granted() {
    beside(|xen, peer| {
        let own = xen.conduit().frames()[11];
        let page = xen.conduit().page(own).unwrap();
        let table = xen.conduit().machine.borrow().grants.entry(12);
        let put = |flags: u16, domid: u16| {
            let machine = xen.conduit().machine.borrow();
            let (frame, offset) = table;
            machine.memory.u16(frame, offset + 2).store(domid, SeqCst);
            machine
                .memory
                .u32(frame, offset + 4)
                .store(own as u32, SeqCst);
            machine.memory.u16(frame, offset).store(flags, SeqCst);
        };
        let reference = GrantRef::new(12);
        put(1, 5);
        assert_eq!(peer.map(reference, false), Err(GrantStatus::GENERAL_ERROR));
        put(1, PEER.get());
        write(page, 0x21);
        let mapped = peer.map(reference, false).unwrap();
        assert_eq!(peek(mapped.as_ptr()), 0x21, "{xen}");
        let flags = || {
            let machine = xen.conduit().machine.borrow();
            machine.grants.flags(&machine.memory, 12).load(SeqCst)
        };
        assert_eq!(flags(), 1 | 8 | 16, "{xen}");
        write(mapped, 0x22);
        assert_eq!(peek(page.as_ptr()), 0x22);
        peer.unmap(reference, false);
        assert_eq!(flags(), 1, "{xen}");
    });
}

#[test]
fn a_page_is_given_away() {
    beside(|xen, peer| {
        let can = xen.can(Operation::GNTTABOP_transfer);
        if can.is_err() || xen.guest() != Guest::Pv {
            return;
        }
        let before = xen.conduit().frames();
        let own = before[13];
        let page = xen.conduit().page(own).unwrap();
        write(page, 0x33);
        let wanted = Gfn::new(0x500);
        let reference = peer.accept_transfer(wanted);
        let give = |reference| {
            let give = TransferFrame::new(Mfn::new(own), PEER, reference).unwrap();
            let mut give = [give];
            // SAFETY: nothing uses the page after this.
            unsafe { grants::transfer(xen, &mut give) }.map(|()| give[0].status())
        };
        assert!(give(GrantRef::new(20)).unwrap().check().is_err(), "{xen}");
        assert!(give(reference).unwrap().check().is_ok(), "{xen}");
        assert_eq!(xen.conduit().frames().len(), before.len() - 1);
        let (flags, frame) = peer.entry_of(reference);
        assert_eq!(flags, 2 | 4 | 8, "{xen}");
        let theirs = peer.page(frame).unwrap();
        assert_eq!(peek(theirs.as_ptr()), 0x33, "{xen}");
        assert_eq!(frame == wanted, peer.guest() != Guest::Pv);
        assert!(give(reference).unwrap().check().is_err());
    });
}
