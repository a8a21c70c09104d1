//! A device model and the domain that it serves: the same functions have the same effects by `dm_op` and
//! by what there was before it.

use core::sync::atomic::{AtomicU32, Ordering::SeqCst};

use xen_public::event_channel::EvtchnPort;
use xen_public::native::hvm::dm_op::xen_dm_op_modified_memory_extent;
use xen_public::xen::{DomId, Gfn, Mfn, VcpuId};

use super::peer::{PEER, beside, hole, map_page, write};
use super::*;
use crate::hypercall::dm_op::{self, Event, IoRange, MemType};
use crate::hypercall::event_channel_op as events;
use crate::hypercall::memory_op::{self as memory, *};
use crate::version::Operation;

const FIRST: VcpuId = VcpuId::new(0);

/// Runs a test for each domain that a device model can serve, where the release has a call for it;
/// whether that is `dm_op`, or the older ones, is told.
fn serving(mut test: impl FnMut(&Xen<&Simulated>, Peer<'_>, bool)) {
    let (mut direct, mut older) = (0, 0);
    beside(|xen, peer| {
        let newer = xen.can(Operation::__HYPERVISOR_dm_op).is_ok();
        if peer.guest() != Guest::Hvm || !(newer || xen.can(Operation::HVMOP_inject_msi).is_ok()) {
            return;
        }
        test(xen, peer, newer);
        direct += usize::from(newer);
        older += usize::from(!newer);
    });
    assert!(direct > 20 && older > 10, "{direct} {older}");
}

/// The calls that were made of a hypercall.
fn made(xen: &Xen<&Simulated>, number: u32) -> usize {
    let calls = xen.conduit().calls();
    calls.iter().filter(|call| call.number == number).count()
}

#[test]
fn interrupts_are_raised_by_either_way() {
    serving(|xen, peer, newer| {
        dm_op::set_pci_intx_level(xen, PEER, 0, [0, 3, 1], true).unwrap();
        assert!(
            peer.pci_intx_level(3, 1) && !peer.pci_intx_level(3, 0),
            "{xen}"
        );
        dm_op::set_pci_intx_level(xen, PEER, 0, [0, 3, 1], false).unwrap();
        assert!(!peer.pci_intx_level(3, 1), "{xen}");
        dm_op::set_isa_irq_level(xen, PEER, 4, true).unwrap();
        assert!(peer.isa_irq_level(4) && !peer.isa_irq_level(5), "{xen}");
        dm_op::set_pci_link_route(xen, PEER, 1, 5).unwrap();
        assert_eq!(peer.pci_link_routes(), [0, 5, 0, 0], "{xen}");
        dm_op::inject_msi(xen, PEER, 0xfee0_1000, 0x4031).unwrap();
        assert_eq!(peer.messages(), [(0xfee0_1000, 0x4031)], "{xen}");
        let event = Event {
            vcpu: FIRST,
            vector: 14,
            kind: 3,
            insn_len: 0,
            error_code: Some(2),
            cr2: 0x1234_5678_9abc,
        };
        dm_op::inject_event(xen, PEER, event).unwrap();
        let again = dm_op::inject_event(xen, PEER, event);
        assert_eq!(refused(again), Some(Errno::EBUSY.get()), "{xen}");
        assert_eq!(
            peer.take_event(FIRST),
            Some((14, 3, 2, 0x1234_5678_9abc)),
            "{xen}"
        );
        // It was done by the way that the release has.
        assert_eq!(made(xen, 41) >= 7, newer, "{xen}");
        let wrong = dm_op::set_isa_irq_level(xen, PEER, 16, true);
        assert_eq!(refused(wrong), Some(Errno::EINVAL.get()));
        let nobody = dm_op::set_isa_irq_level(xen, DomId::new(9), 4, true);
        assert_eq!(refused(nobody), Some(Errno::ESRCH.get()));
    });
}

#[test]
fn memory_is_watched_by_either_way() {
    serving(|xen, peer, newer| {
        let frames = peer.frames();
        peer.modify(frames[9]);
        let mut bits = [0; 2];
        dm_op::track_dirty_vram(xen, PEER, frames[8], 16, &mut bits).unwrap();
        assert_eq!(bits, [2, 0], "{xen}");
        dm_op::track_dirty_vram(xen, PEER, frames[8], 16, &mut bits).unwrap();
        assert_eq!(bits, [0, 0], "{xen}");
        let extent = |first: Gfn, nr| xen_dm_op_modified_memory_extent {
            nr,
            first_pfn: first.get(),
            ..xen_dm_op_modified_memory_extent::ZERO
        };
        let mut extents = [extent(frames[20], 2), extent(frames[30], 1)];
        dm_op::modified_memory(xen, PEER, &mut extents).unwrap();
        assert_eq!(
            peer.modified(),
            [frames[20], frames[21], frames[30]],
            "{xen}"
        );
        dm_op::set_mem_type(xen, PEER, frames[3], 2, MemType::READONLY).unwrap();
        assert_eq!(peer.mem_type(frames[4]), MemType::READONLY, "{xen}");
        assert_eq!(peer.mem_type(frames[5]), MemType::RAM);
        let told = crate::hypercall::hvm_op::get_mem_type(xen, PEER, frames[3]);
        assert_eq!(told, Ok(MemType::READONLY), "{xen}");
        assert_eq!(made(xen, 41) >= 4, newer, "{xen}");
    });
}

#[test]
fn an_emulator_gets_its_pages_by_the_frames_that_it_is_told() {
    let mut count = 0;
    serving(|xen, peer, newer| {
        let Ok(id) = dm_op::create_ioreq_server(xen, PEER, 2) else {
            // Before 4.5 there is one page for all.
            assert!(
                xen.can(Operation::HVMOP_create_ioreq_server).is_err() && !newer,
                "{xen}"
            );
            return;
        };
        dm_op::map_io_range_to_ioreq_server(xen, PEER, id, IoRange::Port(0x100, 0x10f)).unwrap();
        let taken = dm_op::map_io_range_to_ioreq_server(xen, PEER, id, IoRange::Port(0x10f, 0x110));
        assert_eq!(refused(taken), Some(Errno::EEXIST.get()), "{xen}");
        let info = dm_op::get_ioreq_server_info(xen, PEER, id, true).unwrap();
        let server = peer.ioreq_server(id).unwrap();
        assert_eq!((server.buffering, server.enabled), (2, false), "{xen}");
        assert_eq!(server.ranges, [(0, 0x100, 0x10f)], "{xen}");
        let [requests, buffer] = server.pages.unwrap();
        assert_eq!(peer.page(info.ioreq), Some(requests), "{xen}");
        assert_eq!(peer.page(info.bufioreq), Some(buffer), "{xen}");
        let port = EvtchnPort::new(info.bufioreq_port);
        events::bind_interdomain(xen, PEER, port).unwrap();
        dm_op::set_ioreq_server_state(xen, PEER, id, true).unwrap();
        assert!(peer.ioreq_server(id).unwrap().enabled);
        // The guest can't reach the pages any more.
        assert!(peer.page(info.ioreq).is_none(), "{xen}");
        dm_op::unmap_io_range_from_ioreq_server(xen, PEER, id, IoRange::Port(0x100, 0x10f))
            .unwrap();
        assert!(peer.ioreq_server(id).unwrap().ranges.is_empty());
        dm_op::destroy_ioreq_server(xen, PEER, id).unwrap();
        assert_eq!(peer.ioreq_server(id), None, "{xen}");
        let gone = dm_op::destroy_ioreq_server(xen, PEER, id);
        assert_eq!(refused(gone), Some(Errno::ENOENT.get()));
        assert_eq!(made(xen, 41) >= 8, newer, "{xen}");
        count += 1;
    });
    assert!(count > 20, "{count}");
}

/// From 4.11 the pages of a server are a resource, and the guest never has them; before that the frames
/// that are told are mapped as the guest's.
#[test]
fn an_emulator_gets_its_pages_as_a_resource() {
    serving(|xen, peer, _| {
        let Ok(id) = dm_op::create_ioreq_server(xen, PEER, 2) else {
            return;
        };
        let own = (hole(xen) >> 12) as FrameWord;
        let mut frames = [own, own + 1];
        let resource = Resource::IoreqServer(id);
        // SAFETY: nothing stands at the frames.
        let acquired = unsafe { memory::acquire_resource(xen, PEER, resource, 0, &mut frames) };
        let direct = !xen.release().before(Release::new(4, 11, 0));
        let pages = if direct {
            let acquired = acquired.unwrap();
            let owned = xen.release().before(Release::new(4, 13, 0));
            assert_eq!(acquired.caller_owned, owned, "{xen}");
            let info = dm_op::get_ioreq_server_info(xen, PEER, id, false).unwrap();
            let port = EvtchnPort::new(info.bufioreq_port);
            events::bind_interdomain(xen, PEER, port).unwrap();
            let both = dm_op::get_ioreq_server_info(xen, PEER, id, true);
            assert_eq!(refused(both), Some(Errno::EPERM.get()), "{xen}");
            [frames[1], frames[0]].map(|frame| {
                let page = match xen.guest() {
                    Guest::Pv => xen.conduit().machine_page(Mfn::from(frame)),
                    _ => xen.conduit().page(Gfn::from(frame).get()),
                };
                page.unwrap()
            })
        } else {
            assert!(
                matches!(acquired, Err(Error::Unsupported(_))),
                "{xen}: {acquired:?}"
            );
            let info = dm_op::get_ioreq_server_info(xen, PEER, id, true).unwrap();
            let told = [info.ioreq, info.bufioreq];
            if xen.guest() == Guest::Pv {
                // The guest's frames are mapped as pages of the other's.
                let [ioreq, bufioreq] = told.map(|frame| frame.get());
                [
                    map_page(xen, 0x40_0000, ioreq),
                    map_page(xen, 0x40_1000, bufioreq),
                ]
            } else {
                let (from, mut errors) = (told.map(|frame| frame.get() as _), [0; 2]);
                // SAFETY: nothing stands at the frames.
                let done = unsafe {
                    let batch = Batch::Foreign(PEER);
                    memory::add_to_physmap_batch(
                        xen,
                        DomId::SELF,
                        batch,
                        &from,
                        &frames,
                        &mut errors,
                    )
                };
                assert_eq!(done.unwrap().refused, 0, "{xen}");
                frames.map(|frame| xen.conduit().page(Gfn::from(frame).get()).unwrap())
            }
        };
        let server = peer.ioreq_server(id).unwrap();
        assert_eq!(server.pages, Some(pages), "{xen}");
        // In the page of requests is the port of each processor's.
        // SAFETY: the page lives as long as the hypervisor, and the port is its word at 24.
        let port = unsafe { pages[0].add(24) }.cast::<AtomicU32>();
        // SAFETY: as above; nothing writes it otherwise than by atomics.
        let port = EvtchnPort::new(unsafe { port.as_ref() }.load(SeqCst));
        let ours = events::bind_interdomain(xen, PEER, port).unwrap();
        events::send(xen, ours).unwrap();
        assert!(peer.take_pending(port), "{xen}");
        write(pages[1], 9);
        assert_eq!(peek(server.pages.unwrap()[1].as_ptr()), 9);
    });
}

#[test]
fn what_came_with_dm_op_works_there() {
    beside(|xen, peer| {
        if xen.can(Operation::XEN_DMOP_nr_vcpus).is_ok() && peer.guest() == Guest::Hvm {
            assert_eq!(dm_op::nr_vcpus(xen, PEER), Ok(1), "{xen}");
        }
        if peer.guest() == Guest::Arm && xen.can(Operation::XEN_DMOP_set_irq_level).is_ok() {
            let answer = dm_op::set_irq_level(xen, PEER, 40, true);
            // Builds of ARM leave it out.
            assert!(
                matches!(answer, Err(Error::Unsupported(_))),
                "{xen}: {answer:?}"
            );
        }
        if peer.guest() != Guest::Hvm {
            return;
        }
        if xen.can(Operation::XEN_DMOP_relocate_memory).is_ok() {
            let (from, to) = (peer.frames()[7], Gfn::new(0x600));
            let page = peer.page(from);
            // SAFETY: nothing relies on the frames.
            unsafe { dm_op::relocate_memory(xen, PEER, from, to, 1) }.unwrap();
            assert_eq!((peer.page(from), peer.page(to)), (None, page), "{xen}");
        }
        if xen.can(Operation::XEN_DMOP_remote_shutdown).is_ok() {
            dm_op::remote_shutdown(xen, PEER, 2).unwrap();
            assert_eq!(peer.ended(), Some(2), "{xen}");
        }
        if xen
            .can(Operation::XEN_DMOP_map_mem_type_to_ioreq_server)
            .is_ok()
        {
            let frame = peer.frames()[3];
            let claim = || dm_op::set_mem_type(xen, PEER, frame, 1, MemType::IOREQ_SERVER);
            assert_eq!(refused(claim()), Some(Errno::EINVAL.get()), "{xen}");
            let id = dm_op::create_ioreq_server(xen, PEER, 0).unwrap();
            let kind = MemType::IOREQ_SERVER;
            dm_op::map_mem_type_to_ioreq_server(xen, PEER, id, kind, 2).unwrap();
            claim().unwrap();
            assert_eq!(peer.mem_type(frame), kind, "{xen}");
        }
    });
    let xen = Simulated::builder(V4_17, Guest::Arm).with(Build::IoreqServer);
    let xen = xen.peer(PEER, Guest::Arm).build();
    let (peer, xen) = (xen.peer(), Xen::probe(&xen).unwrap());
    assert_eq!(dm_op::nr_vcpus(&xen, PEER), Ok(1));
    dm_op::set_irq_level(&xen, PEER, 40, true).unwrap();
    assert!(peer.irq_level(40) && !peer.irq_level(41));
    let own = dm_op::set_irq_level(&xen, PEER, 16, true);
    assert_eq!(refused(own), Some(Errno::EINVAL.get()));
    let id = dm_op::create_ioreq_server(&xen, PEER, 0).unwrap();
    let mut frames = [(hole(&xen) >> 12) as FrameWord];
    let resource = Resource::IoreqServer(id);
    // SAFETY: nothing stands at the frame.
    unsafe { memory::acquire_resource(&xen, PEER, resource, 1, &mut frames) }.unwrap();
    let pages = peer.ioreq_server(id).unwrap().pages.unwrap();
    assert_eq!(
        xen.conduit().page(Gfn::from(frames[0]).get()),
        Some(pages[0])
    );
}

/// A guest that is not served by anybody: up to 4.14 it looks as if all had gone well.
#[test]
fn a_pv_domain_has_no_device_model() {
    for (release, expected) in [
        (Release::new(4, 8, 0), Some(Errno::EINVAL.get())),
        (Release::new(4, 9, 0), None),
        (Release::new(4, 14, 0), None),
        (Release::new(4, 15, 0), Some(Errno::EINVAL.get())),
    ] {
        let xen = Simulated::builder(release, Guest::Pv)
            .peer(PEER, Guest::Pv)
            .build();
        let xen = Xen::probe(&xen).unwrap();
        let answer = dm_op::set_isa_irq_level(&xen, PEER, 4, true);
        assert_eq!(refused(answer), expected, "{release}");
        assert!(!xen.conduit().peer().isa_irq_level(4));
    }
}
