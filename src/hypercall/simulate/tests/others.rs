//! The second domain's memory, and what Xen keeps for it, in the hands of the first.

use xen_public::xen::{DomId, Gfn, Mfn, VcpuId};

use super::peer::{ON_ARM, PEER, beside, hole, map_page, write};
use super::*;
use crate::hypercall::hvm_op::{self, HvmParam};
use crate::hypercall::memory_op::{self as memory, *};
use crate::hypercall::sched_op::ShutdownReason;
use crate::version::Operation;

/// Whether the release that is played is this one or a later one.
fn since(xen: &Xen<&Simulated>, major: u8, minor: u8) -> bool {
    !xen.release().before(Release::new(major, minor, 0))
}

/// The bytes that a frame leads to which a call told or took: on PV by the machine's number.
fn led_to(xen: &Xen<&Simulated>, frame: FrameWord) -> NonNull<u8> {
    let page = match xen.guest() {
        Guest::Pv => xen.conduit().machine_page(Mfn::from(frame)),
        _ => xen.conduit().page(Gfn::from(frame).get()),
    };
    page.unwrap()
}

#[test]
fn its_memory_grows_and_shrinks() {
    beside(|xen, peer| {
        let count = || memory::current_reservation(xen, PEER).unwrap();
        assert_eq!((count(), peer.frames().len()), (64, 64), "{xen}");
        assert_eq!(memory::maximum_reservation(xen, PEER), Ok(128));
        if xen.can(Operation::XENMEM_populate_physmap).is_err() {
            assert!(!since(xen, 3, 1), "{xen}");
            return;
        }
        let mut frames = [0x900, 0x901].map(|frame: FrameWord| frame);
        // SAFETY: nothing relies on what stands at the frames.
        unsafe { memory::populate_physmap(xen, PEER, 0, MemFlags::ANY, &mut frames) }.unwrap();
        assert_eq!(count(), 66, "{xen}");
        let there = |frame: FrameWord| peer.page(Gfn::from(frame)).is_some();
        assert!(frames.into_iter().all(there), "{xen}");
        let pv = peer.guest() == Guest::Pv;
        assert_eq!(frames != [0x900, 0x901], pv, "{xen}");
        let own = xen.conduit().frames().len();
        // SAFETY: nothing uses the pages.
        unsafe { memory::decrease_reservation(xen, PEER, 0, &frames) }.unwrap();
        assert!(!there(frames[0]) && !there(frames[1]), "{xen}");
        assert_eq!((count(), xen.conduit().frames().len()), (64, own));
        let mut many = [0x900; 65];
        // SAFETY: nothing relies on what stands at the frames.
        let answer = unsafe { memory::populate_physmap(xen, PEER, 0, MemFlags::ANY, &mut many) };
        let partial = matches!(answer, Err(Error::PartialBatch { done: 64, .. }));
        assert!(partial || !pv, "{xen}: {answer:?}");
        let none = memory::current_reservation(xen, DomId::new(9));
        assert_eq!(refused(none), Some(Errno::ESRCH.get()));
    });
}

#[test]
fn pages_of_its_are_put_into_this_domains_map() {
    let mut put = 0;
    beside(|xen, peer| {
        let frames = peer.frames();
        write(peer.page(frames[5]).unwrap(), 0x61);
        let own = (hole(xen) >> 12) as FrameWord;
        let mut errors = [0; 2];
        let index = |frame: Gfn| frame.get() as _;
        let batch = Batch::Foreign(PEER);
        let (from, to) = ([index(frames[5]), 0xfff_ffff], [own, own + 1]);
        // SAFETY: nothing stands at the frames.
        let done = unsafe {
            memory::add_to_physmap_batch(xen, DomId::SELF, batch, &from, &to, &mut errors)
        };
        if xen.guest() == Guest::Pv {
            assert!(done.is_err(), "{xen}");
            return;
        }
        let Ok(done) = done else {
            assert!(
                matches!(done, Err(Error::Unsupported(_))),
                "{xen}: {done:?}"
            );
            assert!(!since(xen, 4, 4), "{xen}");
            return;
        };
        assert_eq!(done.refused, 1, "{xen}");
        assert_eq!(errors, [0, -Errno::EINVAL.get()]);
        assert_eq!(peek(led_to(xen, own).as_ptr()), 0x61, "{xen}");
        write(led_to(xen, own), 0x62);
        assert_eq!(peek(peer.page(frames[5]).unwrap().as_ptr()), 0x62);
        assert_eq!(memory::current_reservation(xen, PEER), Ok(64));
        // SAFETY: nothing uses it any more.
        unsafe { memory::remove_from_physmap(xen, DomId::SELF, Gfn::from(own)) }.unwrap();
        assert!(xen.conduit().page(own as u64).is_none(), "{xen}");
        put += 1;
    });
    assert!(put > if ON_ARM { 20 } else { 40 }, "{put}");
}

/// How a toolstack gets at the grant table of a domain that it makes: from 4.12 as a resource, before that
/// on PV by the table's frames, and for translated domains through their map.
#[test]
fn its_grant_table_is_to_be_had() {
    beside(|xen, peer| {
        let mut frames = [(hole(xen) >> 12) as FrameWord];
        let resource = Resource::GrantTable;
        // SAFETY: nothing stands at the frame.
        let acquired = unsafe { memory::acquire_resource(xen, PEER, resource, 0, &mut frames) };
        let direct = since(xen, 4, 12);
        let older = xen.guest() == Guest::Pv;
        if direct {
            acquired.unwrap();
            let frames = memory::acquire_resource_size(xen, PEER, resource).unwrap();
            let most = if since(xen, 4, 15) { 64 } else { 32 };
            assert_eq!(frames, most, "{xen}");
        } else if older && peer.guest() == Guest::Pv {
            acquired.unwrap();
        } else if older {
            // The frames that are told are its own, and it has put the table nowhere.
            assert!(acquired.is_ok(), "{xen}: {acquired:?}");
            assert!(
                xen.conduit().machine_page(Mfn::from(frames[0])).is_none(),
                "{xen}"
            );
            let space = Space::GrantTable(GrantFrame::shared(0).unwrap());
            let at = Gfn::new(0x777);
            // SAFETY: nothing stands at the frame.
            let put = unsafe { memory::add_to_physmap(xen, PEER, space, at) };
            if since(xen, 3, 1) {
                put.unwrap();
                assert!(peer.page(at).is_some(), "{xen}");
            }
            return;
        } else {
            assert!(
                matches!(acquired, Err(Error::Unsupported(_))),
                "{xen}: {acquired:?}"
            );
            return;
        }
        // What is written there is an entry of its table.
        let table = led_to(xen, frames[0]).cast::<u32>();
        // SAFETY: the table is a page that lives as long as the hypervisor; entry 1 is the third and
        // fourth word.
        let entry = unsafe { table.add(2) };
        // SAFETY: as above.
        unsafe { entry.cast::<[u32; 2]>().write_volatile([1, 0x4321]) };
        let reference = xen_public::grant_table::GrantRef::new(1);
        assert_eq!(peer.entry_of(reference), (1, Gfn::new(0x4321)), "{xen}");
        if older && peer.guest() == Guest::Pv {
            // A PV guest maps it as a page of the other's.
            let bytes = map_page(xen, 0x40_0000, Gfn::from(frames[0]).get());
            assert_eq!(bytes, table.cast(), "{xen}");
        }
    });
}

#[test]
fn a_privileged_domain_that_names_itself_ends() {
    for (privileged, ended) in [(true, Some(ShutdownReason::REBOOT)), (false, None)] {
        let builder = Simulated::builder(V4_17, Guest::Hvm).domid(3);
        let hypervisor = builder.privileged(privileged).build();
        let xen = Xen::probe(&hypervisor).unwrap();
        let reason = ShutdownReason::REBOOT;
        let answer = crate::hypercall::sched_op::remote_shutdown(&xen, DomId::new(3), reason);
        assert_eq!(answer.is_ok(), privileged, "{answer:?}");
        assert_eq!(hypervisor.ended(), ended);
    }
}

#[test]
fn who_may_not_have_a_resource_is_told_so() {
    let ask = |guest, privileged, domain: u16| {
        let xen = Simulated::builder(V4_17, guest)
            .privileged(privileged)
            .domid(3);
        let xen = xen
            .peer(
                PEER,
                if guest == Guest::Arm {
                    guest
                } else {
                    Guest::Pv
                },
            )
            .build();
        let xen = Xen::probe(&xen).unwrap();
        let size = |resource| {
            refused(memory::acquire_resource_size(
                &xen,
                DomId::new(domain),
                resource,
            ))
        };
        let server = size(Resource::IoreqServer(0));
        let trace = size(Resource::VmtraceBuf(VcpuId::new(0)));
        (size(Resource::GrantTable), server, trace)
    };
    let [eperm, esrch, eacces, einval] =
        [Errno::EPERM, Errno::ESRCH, Errno::EACCES, Errno::EINVAL].map(|errno| Some(errno.get()));
    assert_eq!(ask(Guest::Pv, true, 7), (None, einval, einval));
    assert_eq!(ask(Guest::Pv, true, 3), (eperm, eperm, eperm));
    assert_eq!(ask(Guest::Pv, true, 4), (esrch, esrch, esrch));
    assert_eq!(ask(Guest::Pv, false, 7), (eperm, eperm, eperm));
    assert_eq!(ask(Guest::Hvm, true, 7), (None, einval, einval));
    assert_eq!(ask(Guest::Hvm, false, 7), (eacces, eacces, eacces));
}

#[test]
fn its_parameters_map_and_end_are_the_toolstacks() {
    beside(|xen, peer| {
        if xen.can(Operation::HVMOP_set_param).is_ok() && peer.guest() != Guest::Pv {
            // SAFETY: the parameter is a port of the other's.
            unsafe { hvm_op::set_param(xen, PEER, HvmParam::STORE_EVTCHN, 17) }.unwrap();
            assert_eq!(peer.parameter(2), 17, "{xen}");
            assert_eq!(hvm_op::get_param(xen, PEER, HvmParam::STORE_EVTCHN), Ok(17));
        }
        if xen.can(Operation::XENMEM_set_memory_map).is_ok() {
            let map = [E820Entry {
                start: 0x1000,
                size: 1 << 20,
                kind: E820Type::RAM,
            }];
            memory::set_memory_map(xen, PEER, &map).unwrap();
            assert_eq!(peer.memory_map(), [(0x1000, 1 << 20, 1)], "{xen}");
        }
        assert_eq!(peer.ended(), None);
        if xen.can(Operation::SCHEDOP_remote_shutdown).is_ok() {
            let reason = ShutdownReason::REBOOT;
            crate::hypercall::sched_op::remote_shutdown(xen, PEER, reason).unwrap();
            assert_eq!(peer.ended(), Some(1), "{xen}");
            assert_eq!(xen.conduit().ended(), None);
        }
    });
}
