//! Memory and grants.

use xen_public::grant_table::{GrantHandle, GrantRef};
use xen_public::xen::{DomId, Mfn, VcpuId};

use super::entries;
use crate::hypercall::grant_table_op::{self as grants, *};
use crate::hypercall::memory_op::{self as memory, *};
use crate::version::Guest;

const ME: DomId = DomId::SELF;
const ZERO: DomId = DomId::new(0);
/// There is no such domain.
const OTHER: DomId = DomId::new(7);
const REF: GrantRef = GrantRef::new(9);

entries! { xen, on;
    XENMEM_current_reservation Row "Done" => memory::current_reservation(xen, ME).inspect(|&pages| {
        // A page that was taken out of the domain's map is its own still.
        on.right(pages >= xen.conduit().frames().len());
    });
    XENMEM_maximum_reservation Row "Done" => memory::maximum_reservation(xen, ME).inspect(|&pages| {
        on.right(pages == 512);
    });
    XENMEM_maximum_gpfn Alone "Done" => memory::maximum_gpfn(xen, ME);
    XENMEM_maximum_ram_page Row "Done" => memory::maximum_ram_page(xen);
    XENMEM_increase_reservation Row "Done" => {
        let before = memory::current_reservation(xen, ME)?;
        let increased = memory::increase_reservation(xen, ME, 0, MemFlags::ANY, &mut [0; 2]);
        increased.and_then(|()| memory::current_reservation(xen, ME)).inspect(|&after| {
            on.right(after == before + 2);
        })
    };
    XENMEM_decrease_reservation Row "Done" => {
        let before = memory::current_reservation(xen, ME)?;
        let frames = [on.own(250) as FrameWord, on.own(251) as FrameWord];
        let decreased = memory::decrease_reservation(xen, ME, 0, &frames);
        decreased.and_then(|()| memory::current_reservation(xen, ME)).inspect(|&after| {
            // An ARM domain whose memory is the machine's keeps it for later.
            on.right(after + 2 == before || xen.guest() == Guest::Arm);
        })
    };
    XENMEM_populate_physmap Row "Done arm:PartialBatch" => {
        let mut frames = [on.nothing(0).get() as FrameWord];
        memory::populate_physmap(xen, ME, 0, MemFlags::ANY, &mut frames)
    };
    XENMEM_exchange Alone "pv:Done hvm:EIO arm:EIO" => {
        let mut out = [on.own(249) as FrameWord];
        let give = Extents { order: 0, flags: MemFlags::ANY, frames: &mut out };
        let mut back = [on.own(249) as FrameWord];
        let take = Extents { order: 0, flags: MemFlags::ANY, frames: &mut back };
        memory::exchange(xen, ME, give, take)
    };
    XENMEM_memory_map Row "pv:ENOSYS hvm:ENOSYS@..4.2 hvm:Done@4.6.." => memory::memory_map(xen, &mut [E820Entry::EMPTY; 16]);
    XENMEM_machine_memory_map Row "Done" => memory::machine_memory_map(xen, &mut [E820Entry::EMPTY; 16]);
    XENMEM_machine_memory_map Row "Done" => memory::machine_memory_map_size(xen);
    XENMEM_set_memory_map Row "Done" => {
        let map = [E820Entry { start: 0, size: 1 << 20, kind: E820Type::RAM }];
        memory::set_memory_map(xen, ME, &map)
    };
    XENMEM_add_to_physmap Row "pv:EINVAL@..4.14 pv:EACCES@4.14.. hvm:Done arm:Done" => {
        memory::add_to_physmap(xen, ME, Space::SharedInfo, on.nothing(2))
    };
    XENMEM_add_to_physmap_batch Row "pv:Done@..4.4 pv:EINVAL@4.4..4.14 pv:EACCES@4.14.. hvm:Done arm:Done" => {
        let mut errors = [0];
        memory::add_to_physmap_batch(
            xen, ME, Batch::GrantTable, &[0], &[on.nothing(3).get() as FrameWord], &mut errors,
        )
    };
    XENMEM_add_to_physmap_range Alone "Done" => {
        let mut errors = [0];
        memory::add_to_physmap_range(
            xen, ME, Batch::GrantTable, &[0], &[on.nothing(4).get() as FrameWord], &mut errors,
        )
    };
    XENMEM_remove_from_physmap Row "pv:Done@..4.2 pv:EINVAL@4.2..4.14 pv:EACCES@4.14.. hvm:Done arm:Done" => memory::remove_from_physmap(xen, ME, on.gfn(248));
    XENMEM_machphys_mfn_list Row "Done" => memory::machphys_mfn_list(xen, &mut [0; 4]);
    XENMEM_machphys_compat_mfn_list ROW_OF_X86_32 "Done" => memory::machphys_compat_mfn_list(xen, &mut [0; 4]);
    XENMEM_machphys_mapping More "Done" => memory::machphys_mapping(xen);
    XENMEM_set_pod_target Alone "ESRCH | Done" => memory::set_pod_target(xen, OTHER, 64);
    XENMEM_get_pod_target Row "ESRCH | Done" => memory::get_pod_target(xen, OTHER);
    XENMEM_get_vnumainfo More "Done" => {
        let (mut distances, mut nodes) = ([0; 1], [0; 2]);
        let mut ranges = [xen_public::native::memory::xen_vmemrange::ZERO; 1];
        memory::get_vnumainfo(xen, ME, &mut distances, &mut nodes, &mut ranges)
    };
    XENMEM_acquire_resource More "Done GNTST_bad_domain ESRCH | Done" => memory::acquire_resource_size(xen, OTHER, Resource::GrantTable);
    XENMEM_acquire_resource More "GNTST_bad_domain ESRCH | Done" => {
        let mut frames = [on.nothing(5).get() as FrameWord];
        memory::acquire_resource(xen, OTHER, Resource::GrantTable, 0, &mut frames)
    };

    GNTTABOP_query_size More "Done" => grants::query_size(xen, ME).inspect(|size| {
        on.right(size.current <= size.max && size.max != 0);
    });
    GNTTABOP_get_version More "Done" => grants::get_version(xen, ME).inspect(|version| {
        on.right([1, 2].contains(version));
    });
    GNTTABOP_set_version Row "Done" => grants::set_version(xen, 1);
    GNTTABOP_set_version More "Done" => grants::best_version(xen, 2).inspect(|version| {
        on.right([1, 2].contains(version));
    });
    GNTTABOP_setup_table Row "Done" => grants::setup_table(xen, ME, &mut [0]);
    GNTTABOP_get_status_frames Alone "Done GNTST_general_error@4.11.." => grants::get_status_frames(xen, ME, &mut [0]);
    XENMEM_add_to_physmap Row "pv:EINVAL@..4.14 pv:EACCES@4.14.. hvm:Done hvm:EINVAL@..4.0 hvm:EINVAL@4.11.. arm:EINVAL" => grants::status_frames_by_physmap(xen, 0, &[on.nothing(6)]);
    GNTTABOP_dump_table Row "EIO" => grants::dump_table(xen, ZERO);
    GNTTABOP_map_grant_ref Row "GNTST_general_error" => {
        let address = on.nothing(7).get() << 12;
        let mut map = [MapGrant::new(ZERO, REF, MapFlags::HOST, address)];
        grants::map_grant_ref(xen, &mut map).and_then(|()| map[0].mapping())
    };
    GNTTABOP_map_grant_ref Row "GNTST_bad_domain | Done" => {
        let address = on.nothing(8).get() << 12;
        let granted = on.theirs(|peer| peer.grant(peer.frames()[9], false));
        let mut map = [MapGrant::new(OTHER, granted.unwrap_or(REF), MapFlags::HOST, address)];
        grants::map_grant_ref(xen, &mut map).and_then(|()| map[0].mapping()).and_then(|mapping| {
            on.there(|peer| xen.conduit().mapped(address) == peer.page(peer.frames()[9]));
            let mut unmap = [UnmapGrant::new(mapping.handle, address, 0)];
            grants::unmap_grant_ref(xen, &mut unmap)
        })
    };
    GNTTABOP_copy Alone "Done" => {
        let granted = on.theirs(|peer| peer.grant(peer.frames()[9], true));
        let from = CopyEnd::grant(OTHER, granted.unwrap_or(REF), 0);
        let mut copy = [GrantCopy::new(from, CopyEnd::frame(on.gfn(12), 0)?, 16)];
        grants::copy(xen, &mut copy).inspect(|()| {
            on.right(copy[0].status().check().is_ok() == granted.is_some());
        })
    };
    GNTTABOP_unmap_grant_ref Row "Done" => {
        let address = on.nothing(7).get() << 12;
        grants::unmap_grant_ref(xen, &mut [UnmapGrant::new(GrantHandle::new(77), address, 0)])
    };
    GNTTABOP_unmap_and_replace Alone "Done" => {
        let handle = GrantHandle::new(77);
        grants::unmap_and_replace(xen, &mut [UnmapAndReplace::new(handle, 0x1000, 0x2000)])
    };
    GNTTABOP_transfer Alone "Done" => {
        let give = TransferFrame::new(Mfn::new(0xfff_ffff), OTHER, REF)?;
        grants::transfer(xen, &mut [give])
    };
    GNTTABOP_copy Alone "Done" => {
        let from = CopyEnd::frame(on.gfn(10), 0)?;
        let to = CopyEnd::frame(on.gfn(11), 0)?;
        on.bytes(10).write(0x5a);
        on.bytes(11).write(0);
        let copied = grants::copy(xen, &mut [GrantCopy::new(from, to, 16)]);
        copied.inspect(|()| on.right(on.bytes(11).read() == 0x5a))
    };
    GNTTABOP_copy More "Done" => {
        let from = CopyEnd::grant(ZERO, GrantRef::new(500), 0);
        let to = CopyEnd::frame(on.gfn(11), 0)?;
        let mut entries = [GrantCopy::new(from, to, 16)];
        grants::retry(xen, &mut entries, 2, |_| {})
    };
    GNTTABOP_swap_grant_ref Row "Done" => {
        grants::swap_grant_ref(xen, &mut [SwapGrants::new(REF, GrantRef::new(10))])
    };
    GNTTABOP_cache_flush Row "Done" => {
        let flush = CacheFlush::bus_address(on.own(0) << 12, 0, 64, CacheFlush::CLEAN);
        grants::cache_flush(xen, &mut [flush])
    };
    XENMEM_acquire_resource More "ESRCH | EINVAL" => {
        let vmtrace = Resource::VmtraceBuf(VcpuId::new(0));
        memory::acquire_resource_size(xen, OTHER, vmtrace)
    };
}
