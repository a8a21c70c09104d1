//! What device models, domain 0 and its toolstack use, and the parameters of HVM and ARM domains.

use xen_public::event_channel::EvtchnPort;
use xen_public::native::hvm::dm_op::xen_dm_op_modified_memory_extent;
use xen_public::native::platform as pf;
use xen_public::xen::{DomId, Gfn, VcpuId};

use super::entries;
use crate::hypercall::argo_op::{self, Address, Query};
use crate::hypercall::dm_op::{self, Event, IoRange};
use crate::hypercall::hvm_op::{self, HvmParam, MemType, altp2m, device_model};
use crate::hypercall::hypfs_op;
use crate::hypercall::kexec_op::{self, Image, Range};
use crate::hypercall::physdev_op::{
    self, DbgpBus, DbgpReset, PciDevice, PciFunction, Pirq, PirqChoice, PirqKind, Polarity, Reset,
    Source, Trigger,
};
use crate::hypercall::platform_op::{self, commands};
use crate::hypercall::tmem_op::{self, Key, Part, Pool};
use crate::hypercall::xsm_op::{self, Kind, Switch};

const ME: DomId = DomId::SELF;
const ZERO: DomId = DomId::new(0);
const OTHER: DomId = DomId::new(7);
const VCPU: VcpuId = VcpuId::new(0);
const PAGE: Gfn = Gfn::new(1);
const PORTS: IoRange = IoRange::Port(0x100, 0x10f);
const DEVICE: PciDevice = PciDevice {
    segment: 0,
    bus: 0,
    devfn: 8,
};
const FUNCTION: PciFunction = PciFunction {
    extended: false,
    physical: None,
    node: None,
};
const PIRQ: Pirq = Pirq::new(9);
const EVENT: Event = Event {
    vcpu: VCPU,
    vector: 6,
    kind: 3,
    insn_len: 0,
    error_code: None,
    cr2: 0,
};
const KEY: Key = Key {
    object: [1, 2, 3],
    index: 4,
};
const POOL: Pool = Pool::new(0).unwrap();

/// A part of a page that `tmem_op` moves.
fn part(frame: Gfn) -> Part {
    Part {
        frame,
        at: 0,
        frame_offset: 0,
        length: 16,
    }
}

entries! { xen, on;
    HVMOP_get_param Row "pv:EINVAL hvm:Done arm:Done" => hvm_op::get_param(xen, ME, HvmParam::STORE_EVTCHN);
    HVMOP_set_param Row "pv:EINVAL hvm:Done arm:Done@..4.14 arm:EPERM@4.14.." => {
        hvm_op::set_param(xen, ME, HvmParam::CALLBACK_IRQ, 0).and_then(|()| {
            hvm_op::get_param(xen, ME, HvmParam::CALLBACK_IRQ)
        }).inspect(|&value| on.right(value == 0))
    };
    HVMOP_flush_tlbs Row "Done" => hvm_op::flush_tlbs(xen);
    HVMOP_guest_request_vm_event Row "Done" => hvm_op::guest_request_vm_event(xen);
    HVMOP_pagetable_dying Row "EINVAL" => hvm_op::pagetable_dying(xen, ME, 0x1000);
    HVMOP_get_time Row "Done" => hvm_op::get_time(xen);
    HVMOP_xentrace Row "Done" => hvm_op::xentrace(xen, 1, &[2, 3]);
    HVMOP_get_mem_type Row "ESRCH | Done" => hvm_op::get_mem_type(xen, OTHER, PAGE);
    HVMOP_altp2m_get_domain_state Row "EOPNOTSUPP" => altp2m::get_domain_state(xen, OTHER);
    HVMOP_altp2m_set_domain_state Row "EOPNOTSUPP" => altp2m::set_domain_state(xen, OTHER, true);
    HVMOP_altp2m_vcpu_enable_notify Row "EOPNOTSUPP" => altp2m::vcpu_enable_notify(xen, OTHER, VCPU, PAGE);
    HVMOP_altp2m_vcpu_disable_notify Row "EOPNOTSUPP" => altp2m::vcpu_disable_notify(xen, OTHER, VCPU);
    HVMOP_altp2m_create_p2m Row "EOPNOTSUPP" => altp2m::create_p2m(xen, OTHER, 0);
    HVMOP_altp2m_destroy_p2m Row "EOPNOTSUPP" => altp2m::destroy_p2m(xen, OTHER, 1);
    HVMOP_altp2m_switch_p2m Row "EOPNOTSUPP" => altp2m::switch_p2m(xen, OTHER, 1);
    HVMOP_altp2m_set_mem_access Row "EOPNOTSUPP" => altp2m::set_mem_access(xen, OTHER, 1, PAGE, 0);
    HVMOP_altp2m_get_mem_access Row "EOPNOTSUPP" => altp2m::get_mem_access(xen, OTHER, 1, PAGE);
    HVMOP_altp2m_set_mem_access_multi More "EOPNOTSUPP" => {
        altp2m::set_mem_access_multi(xen, OTHER, 1, &[1], &[0])
    };
    HVMOP_altp2m_change_gfn Row "EOPNOTSUPP" => altp2m::change_gfn(xen, OTHER, 1, PAGE, None);
    HVMOP_altp2m_set_suppress_ve Row "EOPNOTSUPP" => altp2m::set_suppress_ve(xen, OTHER, 1, PAGE, true);
    HVMOP_altp2m_get_suppress_ve Row "EOPNOTSUPP" => altp2m::get_suppress_ve(xen, OTHER, 1, PAGE);
    HVMOP_altp2m_set_suppress_ve_multi Row "EOPNOTSUPP" => {
        altp2m::set_suppress_ve_multi(xen, OTHER, 1, (PAGE, PAGE), true)
    };
    HVMOP_altp2m_get_p2m_idx Row "EOPNOTSUPP" => altp2m::get_p2m_idx(xen, OTHER, VCPU);
    HVMOP_altp2m_set_visibility Row "EOPNOTSUPP" => altp2m::set_visibility(xen, OTHER, 1, true);
    HVMOP_set_isa_irq_level Row "ESRCH | Done" => device_model::set_isa_irq_level(xen, OTHER, 4, true);
    HVMOP_set_pci_link_route Row "ESRCH | Done" => device_model::set_pci_link_route(xen, OTHER, 1, 5);
    HVMOP_set_pci_intx_level Row "ESRCH | Done" => {
        device_model::set_pci_intx_level(xen, OTHER, [0, 0, 1, 0], true)
    };
    HVMOP_track_dirty_vram Row "ESRCH | Done" => {
        device_model::track_dirty_vram(xen, OTHER, PAGE, 8, &mut [0; 1])
    };
    HVMOP_modified_memory Row "ESRCH | Done" => device_model::modified_memory(xen, OTHER, PAGE, 1);
    HVMOP_set_mem_type More "ESRCH | Done" => device_model::set_mem_type(xen, OTHER, PAGE, 1, MemType::RAM);
    HVMOP_inject_trap More "ESRCH | Done" => {
        device_model::inject_trap(xen, OTHER, EVENT).inspect(|()| {
            on.there(|peer| peer.take_event(VCPU).is_some());
        })
    };
    HVMOP_inject_msi Row "ESRCH | Done" => device_model::inject_msi(xen, OTHER, 0xfee0_0000, 0x30);
    HVMOP_create_ioreq_server Row "ESRCH | Done" => device_model::create_ioreq_server(xen, OTHER, 0);
    HVMOP_get_ioreq_server_info Row "ESRCH | Done" => device_model::get_ioreq_server_info(xen, OTHER, 0);
    HVMOP_map_io_range_to_ioreq_server Row "ESRCH | Done" => {
        device_model::set_io_range(xen, OTHER, 0, (0, 0x100, 0x10f), true)
    };
    HVMOP_unmap_io_range_from_ioreq_server Row "ESRCH | Done" => {
        device_model::set_io_range(xen, OTHER, 0, (0, 0x100, 0x10f), false)
    };
    HVMOP_set_ioreq_server_state Row "ESRCH | Done" => device_model::set_ioreq_server_state(xen, OTHER, 0, true);
    HVMOP_destroy_ioreq_server Row "ESRCH | Done" => device_model::destroy_ioreq_server(xen, OTHER, 0);

    XEN_DMOP_create_ioreq_server Row "ESRCH | Done" => {
        dm_op::create_ioreq_server(xen, OTHER, 0).inspect(|&id| {
            on.there(|peer| peer.ioreq_server(id).is_some());
        })
    };
    XEN_DMOP_get_ioreq_server_info Row "ESRCH | Done" => dm_op::get_ioreq_server_info(xen, OTHER, 0, true);
    XEN_DMOP_map_io_range_to_ioreq_server Row "ESRCH | Done" => {
        dm_op::map_io_range_to_ioreq_server(xen, OTHER, 0, PORTS)
    };
    XEN_DMOP_unmap_io_range_from_ioreq_server Row "ESRCH | Done" => {
        dm_op::unmap_io_range_from_ioreq_server(xen, OTHER, 0, PORTS)
    };
    XEN_DMOP_set_ioreq_server_state Row "ESRCH | Done" => {
        dm_op::set_ioreq_server_state(xen, OTHER, 0, true).inspect(|()| {
            on.there(|peer| peer.ioreq_server(0).is_some_and(|server| server.enabled));
        })
    };
    XEN_DMOP_destroy_ioreq_server Row "ESRCH | Done" => dm_op::destroy_ioreq_server(xen, OTHER, 0);
    XEN_DMOP_track_dirty_vram Row "ESRCH | Done" => dm_op::track_dirty_vram(xen, OTHER, PAGE, 8, &mut [0; 1]);
    XEN_DMOP_set_pci_intx_level Row "ESRCH | Done" => {
        dm_op::set_pci_intx_level(xen, OTHER, 0, [0, 1, 2], true).inspect(|()| {
            on.there(|peer| peer.pci_intx_level(1, 2));
        })
    };
    XEN_DMOP_set_isa_irq_level Row "ESRCH | Done" => {
        dm_op::set_isa_irq_level(xen, OTHER, 6, true).inspect(|()| {
            on.there(|peer| peer.isa_irq_level(6));
        })
    };
    XEN_DMOP_set_pci_link_route Row "ESRCH | Done" => {
        dm_op::set_pci_link_route(xen, OTHER, 2, 7).inspect(|()| {
            on.there(|peer| peer.pci_link_routes()[2] == 7);
        })
    };
    XEN_DMOP_modified_memory Row "ESRCH | Done" => {
        let extent = xen_dm_op_modified_memory_extent {
            nr: 1,
            first_pfn: 1,
            ..xen_dm_op_modified_memory_extent::ZERO
        };
        dm_op::modified_memory(xen, OTHER, &mut [extent])
    };
    XEN_DMOP_set_mem_type More "ESRCH | Done" => dm_op::set_mem_type(xen, OTHER, PAGE, 1, MemType::RAM);
    XEN_DMOP_inject_event More "ESRCH | Done" => {
        dm_op::inject_event(xen, OTHER, EVENT).inspect(|()| {
            on.there(|peer| peer.take_event(VCPU) == Some((6, 3, u32::MAX, 0)));
        })
    };
    XEN_DMOP_inject_msi Row "ESRCH | Done" => {
        dm_op::inject_msi(xen, OTHER, 0xfee0_0000, 0x30).inspect(|()| {
            on.there(|peer| peer.messages().last() == Some(&(0xfee0_0000, 0x30)));
        })
    };
    XEN_DMOP_map_mem_type_to_ioreq_server Row "ESRCH | ENOENT" => {
        dm_op::map_mem_type_to_ioreq_server(xen, OTHER, 0, MemType::IOREQ_SERVER, 0)
    };
    XEN_DMOP_remote_shutdown Row "ESRCH | Done" => {
        dm_op::remote_shutdown(xen, OTHER, 0).inspect(|()| on.there(|peer| peer.ended() == Some(0)))
    };
    XEN_DMOP_relocate_memory More "ESRCH | Done" => dm_op::relocate_memory(xen, OTHER, PAGE, Gfn::new(2), 1);
    XEN_DMOP_pin_memory_cacheattr Alone "ESRCH | Done" => dm_op::pin_memory_cacheattr(xen, OTHER, PAGE, PAGE, 6);
    XEN_DMOP_set_irq_level Row "ESRCH | Done" => {
        dm_op::set_irq_level(xen, OTHER, 40, true).inspect(|()| on.there(|peer| peer.irq_level(40)))
    };
    XEN_DMOP_nr_vcpus Alone "ESRCH | Done" => {
        dm_op::nr_vcpus(xen, OTHER).inspect(|&vcpus| on.right(vcpus == 1))
    };

    PHYSDEVOP_eoi Row "Done" => physdev_op::eoi(xen, PIRQ);
    PHYSDEVOP_IRQ_UNMASK_NOTIFY Row "Done" => physdev_op::irq_unmask_notify(xen);
    PHYSDEVOP_irq_status_query Row "Done" => physdev_op::irq_status_query(xen, PIRQ);
    PHYSDEVOP_pirq_eoi_gmfn_v2 Row "Done" => physdev_op::pirq_eoi_gmfn(xen, on.gfn(40));
    PHYSDEVOP_map_pirq Row "Done" => physdev_op::map_pirq(xen, ME, Source::Gsi(11), PirqChoice::Any);
    PHYSDEVOP_map_pirq More "EIO" => {
        physdev_op::map_multi_msi(xen, ME, DEVICE, &mut 2, PirqChoice::Any)
    };
    PHYSDEVOP_unmap_pirq Row "Done" => physdev_op::unmap_pirq(xen, ME, Pirq::new(11));
    PHYSDEVOP_get_free_pirq More "Done" => physdev_op::get_free_pirq(xen, PirqKind::Gsi);
    PHYSDEVOP_alloc_irq_vector Row "Done" => physdev_op::alloc_irq_vector(xen, 11);
    PHYSDEVOP_free_irq_vector Row "Done" => physdev_op::free_irq_vector(xen, 11, 0x30);
    PHYSDEVOP_apic_read Row "Done" => physdev_op::apic_read(xen, 0xfec0_0000, 1);
    PHYSDEVOP_apic_write Row "Done" => physdev_op::apic_write(xen, 0xfec0_0000, 0x10, 1 << 16);
    PHYSDEVOP_setup_gsi Row "Done" => physdev_op::setup_gsi(xen, 11, Trigger::Level, Polarity::Low);
    PHYSDEVOP_pci_device_add Row "Done" => physdev_op::pci_device_add(xen, DEVICE, FUNCTION);
    PHYSDEVOP_restore_msi_ext Row "Done" => physdev_op::restore_msi(xen, DEVICE);
    PHYSDEVOP_prepare_msix Row "Done" => physdev_op::prepare_msix(xen, DEVICE);
    PHYSDEVOP_release_msix Row "Done" => physdev_op::release_msix(xen, DEVICE);
    PHYSDEVOP_pci_device_reset Row "Done" => physdev_op::pci_device_reset(xen, DEVICE, Reset::Function);
    PHYSDEVOP_pci_device_remove Row "Done" => physdev_op::pci_device_remove(xen, DEVICE);
    PHYSDEVOP_pci_mmcfg_reserved Row "Done" => {
        physdev_op::pci_mmcfg_reserved(xen, 0xe000_0000, 0, (0, 255), true)
    };
    PHYSDEVOP_dbgp_op Row "EIO" => physdev_op::dbgp_op(xen, DbgpReset::Done, DbgpBus::Unknown);
    PHYSDEVOP_set_iopl Row "Done" => physdev_op::set_iopl(xen, 1);
    PHYSDEVOP_set_iobitmap Row "Done" => physdev_op::set_iobitmap(xen, on.bytes(41), 64);

    XENPF_settime64 More "Done" => platform_op::set_time(xen, 1_000_000, 500, 0).inspect(|()| {
        on.right(xen.conduit().wallclock() == (1_000_000, 500));
    });
    XENPF_microcode_update2 More "EIO" => platform_op::update_microcode(xen, &[0; 64], false);
    XENPF_get_cpuinfo Row "EIO" => platform_op::processor(xen, 0);
    XENPF_get_cpuinfo Row "EIO" => platform_op::presence(xen, 0);
    XENPF_get_ucode_revision More "EIO" => platform_op::microcode(xen, 0);
    XENPF_get_dom0_console Row "EIO" => platform_op::dom0_console(xen);
    XENPF_cpu_online Row "EIO" => platform_op::cpu_online(xen, 0);
    XENPF_cpu_offline Row "EIO" => platform_op::cpu_offline(xen, 0);
    XENPF_cpu_hotadd Row "EIO" => platform_op::cpu_add(xen, 1, 1, 0);
    XENPF_getidletime Row "EIO" => platform_op::idle_times(xen, &mut [1], &mut [0; 8]);
    XENPF_resource_op Row "EIO" => platform_op::resources(xen, 0, &mut []);
    XENPF_get_symbol Row "EIO" => platform_op::symbol(xen, 0, &mut [0; 64]);
    XENPF_add_memtype Alone "EIO" => {
        commands::add_memtype(xen, &mut { pf::xenpf_add_memtype::ZERO })
    };
    XENPF_del_memtype Alone "EIO" => commands::del_memtype(xen, &mut { pf::xenpf_del_memtype::ZERO });
    XENPF_read_memtype Alone "EIO" => commands::read_memtype(xen, &mut { pf::xenpf_read_memtype::ZERO });
    XENPF_platform_quirk Alone "EIO" => {
        commands::platform_quirk(xen, &mut { pf::xenpf_platform_quirk::ZERO })
    };
    XENPF_efi_runtime_call Row "EIO" => {
        commands::efi_runtime_call(xen, &mut { pf::xenpf_efi_runtime_call::ZERO })
    };
    XENPF_firmware_info Row "EIO" => commands::firmware_info(xen, &mut { pf::xenpf_firmware_info::ZERO });
    XENPF_enter_acpi_sleep Row "EIO" => {
        commands::enter_acpi_sleep(xen, &mut { pf::xenpf_enter_acpi_sleep::ZERO })
    };
    XENPF_change_freq Row "EIO" => commands::change_freq(xen, &mut { pf::xenpf_change_freq::ZERO });
    XENPF_set_processor_pminfo Row "EIO" => {
        commands::set_processor_pminfo(xen, &mut { pf::xenpf_set_processor_pminfo::ZERO })
    };
    XENPF_mem_hotadd Row "EIO" => commands::mem_hotadd(xen, &mut { pf::xenpf_mem_hotadd::ZERO });
    XENPF_core_parking Row "EIO" => commands::core_parking(xen, &mut { pf::xenpf_core_parking::ZERO });

    KEXEC_CMD_kexec_get_range Row "Done" => kexec_op::range(xen, Range::Crash);
    KEXEC_CMD_kexec_load Alone "EIO" => kexec_op::load(xen, Image::Crash, 62, 0, &[], || None);
    KEXEC_CMD_kexec_unload Row "Done" => kexec_op::unload(xen, Image::Default);
    KEXEC_CMD_kexec_status Row "Done" => kexec_op::status(xen, Image::Default);
    KEXEC_CMD_kexec Row "ENOENT" => Err::<(), _>(kexec_op::kexec(xen, Image::Default));

    XEN_HYPFS_OP_get_version Row "Done" => {
        hypfs_op::get_version(xen).inspect(|&version| on.right(version == 1))
    };
    XEN_HYPFS_OP_read Row "ENOENT" => hypfs_op::read(xen, c"/nothing", &mut [0; 256]).map(|_| ());
    XEN_HYPFS_OP_read Row "Done" => hypfs_op::read(xen, c"/", &mut [0; 256]).map(|_| ());
    XEN_HYPFS_OP_write_contents Row "ENOENT" => hypfs_op::write_contents(xen, c"/nothing", b"1");

    XEN_ARGO_OP_register_ring Row "EIO" => argo_op::register_ring(xen, 1, ME, 4096, &[on.own(42)], true);
    XEN_ARGO_OP_unregister_ring Row "EIO" => argo_op::unregister_ring(xen, 1, OTHER);
    XEN_ARGO_OP_sendv Row "EIO" => {
        let (from, to) = (Address { domain: ME, port: 1 }, Address { domain: OTHER, port: 1 });
        argo_op::sendv(xen, from, to, &[b"text"], 1)
    };
    XEN_ARGO_OP_notify Row "EIO" => {
        let ring = Address { domain: OTHER, port: 1 };
        let mut query = [Query { ring, space_required: 1, flags: 0, max_message_size: 0 }];
        argo_op::notify(xen, &mut query)
    };

    TMEM_NEW_POOL Row "ENODEV EIO" => tmem_op::new_pool(xen, [1, 2], 0);
    TMEM_DESTROY_POOL Row "ENODEV EIO" => tmem_op::destroy_pool(xen, POOL);
    TMEM_PUT_PAGE Row "ENODEV EIO" => tmem_op::put_page(xen, POOL, KEY, on.gfn(43));
    TMEM_GET_PAGE Row "ENODEV EIO" => tmem_op::get_page(xen, POOL, KEY, on.gfn(43));
    TMEM_FLUSH_PAGE Row "ENODEV EIO" => tmem_op::flush_page(xen, POOL, KEY);
    TMEM_FLUSH_OBJECT Row "ENODEV EIO" => tmem_op::flush_object(xen, POOL, [1, 2, 3]);
    TMEM_NEW_PAGE Row "ENODEV EIO" => tmem_op::new_page(xen, POOL, KEY);
    TMEM_READ Row "ENODEV EIO" => tmem_op::read(xen, POOL, KEY, part(on.gfn(43)));
    TMEM_WRITE Row "ENODEV EIO" => tmem_op::write(xen, POOL, KEY, part(on.gfn(43)));
    TMEM_XCHG Row "ENODEV EIO" => tmem_op::exchange(xen, POOL, KEY, part(on.gfn(43)));

    FLASK_LOAD More "VersionMismatch EIO" => xsm_op::load(xen, &[0; 16]);
    FLASK_GETENFORCE More "VersionMismatch Done" => xsm_op::enforcing(xen).inspect(|&on_| on.right(!on_));
    FLASK_SETENFORCE More "VersionMismatch EIO" => xsm_op::set_enforcing(xen, true);
    FLASK_CONTEXT_TO_SID More "VersionMismatch EIO" => xsm_op::context_to_sid(xen, b"system_u:system_r:dom0_t\0");
    FLASK_SID_TO_CONTEXT More "VersionMismatch EIO" => xsm_op::sid_to_context(xen, 1, &mut [0; 64]);
    FLASK_ACCESS More "VersionMismatch EIO" => xsm_op::access(xen, 1, 1, 1, 1);
    FLASK_CREATE More "VersionMismatch EIO" => xsm_op::create(xen, 1, 1, 1);
    FLASK_RELABEL More "VersionMismatch EIO" => xsm_op::relabel(xen, 1, 1, 1);
    FLASK_MEMBER More "VersionMismatch EIO" => xsm_op::member(xen, 1, 1, 1);
    FLASK_POLICYVERS More "VersionMismatch EIO" => xsm_op::policy_version(xen);
    FLASK_GETBOOL More "VersionMismatch EIO" => xsm_op::switch(xen, 0, &mut [0; 32]);
    FLASK_GETBOOL More "VersionMismatch EIO" => xsm_op::switch_named(xen, b"name\0");
    FLASK_SETBOOL More "VersionMismatch EIO" => xsm_op::set_switch(xen, Switch::Number(0), true, false);
    FLASK_COMMITBOOLS More "VersionMismatch EIO" => xsm_op::commit_switches(xen);
    FLASK_MLS More "VersionMismatch EIO" => xsm_op::multi_level(xen);
    FLASK_DISABLE More "VersionMismatch EIO" => xsm_op::disable(xen);
    FLASK_GETAVC_THRESHOLD More "VersionMismatch EIO" => xsm_op::cache_threshold(xen);
    FLASK_SETAVC_THRESHOLD More "VersionMismatch EIO" => xsm_op::set_cache_threshold(xen, 512);
    FLASK_AVC_HASHSTATS More "VersionMismatch EIO" => xsm_op::cache_fill(xen);
    FLASK_AVC_CACHESTATS More "VersionMismatch EIO" => xsm_op::cache_use(xen, 0);
    FLASK_ADD_OCONTEXT More "VersionMismatch EIO" => xsm_op::label_range(xen, Kind::IoPort, 1, 0x60, 0x60);
    FLASK_DEL_OCONTEXT More "VersionMismatch EIO" => xsm_op::unlabel_range(xen, Kind::IoPort, 0x60, 0x60);
    FLASK_GET_PEER_SID Row "EIO" => xsm_op::peer_sid(xen, EvtchnPort::new(1));
    FLASK_RELABEL_DOMAIN Row "EIO" => xsm_op::relabel_domain(xen, ZERO, 1);
    FLASK_DEVICETREE_LABEL Row "EIO" => xsm_op::label_device_tree_node(xen, b"/cpus", 1);
}
