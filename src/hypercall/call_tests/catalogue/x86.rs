//! What only x86 has.

use xen_public::native::arch_x86::xen::vcpu_guest_context;
use xen_public::native::arch_x86::xen_mca::{mc_info, mcinfo_logical_cpu, mcinfo_msr};
use xen_public::native::hvm::hvm_vcpu::vcpu_hvm_context;
use xen_public::native::xenoprof::{xenoprof_counter, xenoprof_ibs_counter};
use xen_public::xen::{DomId, Mfn, Pfn, VcpuId};

use super::entries;
use crate::hypercall::callback_op::{self, Callback, Entry};
use crate::hypercall::debugreg::{self, DebugRegister};
use crate::hypercall::hvm_op;
use crate::hypercall::mca::{self, Injection, Target, Urgency};
use crate::hypercall::mmu_update::{self, MmuUpdate, Owners};
use crate::hypercall::mmuext_op::{self, MmuExtOp};
use crate::hypercall::set_callbacks::{self, Callbacks};
use crate::hypercall::set_trap_table::{self, TrapInfo};
use crate::hypercall::update_va_mapping::{self, Flush, Processors};
use crate::hypercall::xenpmu_op::{self, PmuFeatures, PmuMode};
use crate::hypercall::{
    fpu_taskswitch, nmi_op, set_gdt, stack_switch, update_descriptor, vcpu_op, xenoprof_op,
};

const ME: DomId = DomId::SELF;
const OTHER: DomId = DomId::new(7);
const FIRST: VcpuId = VcpuId::new(0);
const SECOND: VcpuId = VcpuId::new(1);
const EVERYWHERE: Flush<'static> = Flush::Tlb(Processors::All);

/// Where a kernel is entered.
const ENTRY: Entry = Entry {
    #[cfg(target_arch = "x86")]
    selector: 0xe033,
    address: 0x10_0000,
};
const CALLBACKS: Callbacks = Callbacks {
    event: ENTRY,
    failsafe: ENTRY,
    #[cfg(target_arch = "x86_64")]
    syscall: ENTRY,
};

entries! { xen, on;
    __HYPERVISOR_set_trap_table Row "Done" => {
        let handler = TrapInfo::new(3, 3, false, 0xe033, 0x10_0000)?;
        set_trap_table::set(xen, &[handler, TrapInfo::END])
    };
    __HYPERVISOR_set_trap_table Row "Done" => set_trap_table::clear(xen);
    __HYPERVISOR_set_gdt Row "Done" => set_gdt::set(xen, &[on.mfn(50)], 8);
    __HYPERVISOR_stack_switch Row "Done" => stack_switch::stack_switch(xen, 0xe02b, 0x20_0000);
    __HYPERVISOR_fpu_taskswitch Row "Done" => fpu_taskswitch::fpu_taskswitch(xen, false);
    __HYPERVISOR_set_debugreg Row "Done" => debugreg::set(xen, DebugRegister::Dr0, 0x1000);
    __HYPERVISOR_get_debugreg Row "Done" => {
        debugreg::set(xen, DebugRegister::Dr0, 0x1000)?;
        debugreg::get(xen, DebugRegister::Dr0).inspect(|&value| on.right(value == 0x1000))
    };
    __HYPERVISOR_update_descriptor Row "Done" => update_descriptor::update(xen, on.own(51) << 12, 0);
    CALLBACKOP_register Alone "Done" => callback_op::register(xen, Callback::Event, ENTRY, true);
    CALLBACKOP_register More "Done EINVAL@..3.0.3" => callback_op::register(xen, Callback::Nmi, ENTRY, false);
    CALLBACKOP_register Row "Done" => callback_op::register_entries(xen, CALLBACKS);
    CALLBACKOP_unregister Row "Done" => callback_op::unregister(xen, Callback::Nmi);
    __HYPERVISOR_set_callbacks Row "Done" => set_callbacks::set(xen, CALLBACKS);
    XENNMI_register_callback Row "Done EINVAL@..3.2" => nmi_op::register_callback(xen, 0x10_0000);
    XENNMI_unregister_callback Row "Done" => nmi_op::unregister_callback(xen);
    MMU_NORMAL_PT_UPDATE Row "EIO" => {
        let update = MmuUpdate::page_table(on.own(52) << 12, 0)?;
        mmu_update::update(xen, &[update, update], Owners::SELF)
    };
    MMU_MACHPHYS_UPDATE Row "Done" => {
        let update = MmuUpdate::machine_to_physical(on.mfn(53), Pfn::new(53))?;
        mmu_update::update(xen, &[update], Owners::SELF)
    };
    MMU_PT_UPDATE_PRESERVE_AD More "EIO" => {
        let update = MmuUpdate::page_table_preserving_ad(on.own(52) << 12, 0)?;
        mmu_update::update(xen, &[update], Owners::SELF)
    };
    MMU_PT_UPDATE_NO_TRANSLATE Row "EIO" => {
        let update = MmuUpdate::page_table_untranslated(on.own(52) << 12, 0)?;
        mmu_update::update(xen, &[update], Owners::SELF)
    };
    MMUEXT_TLB_FLUSH_LOCAL Row "Done" => mmuext_op::operate(xen, &[MmuExtOp::tlb_flush_local()], ME);
    MMUEXT_INVLPG_LOCAL Row "Done" => mmuext_op::operate(xen, &[MmuExtOp::invlpg_local(0x1000)], ME);
    MMUEXT_TLB_FLUSH_ALL Row "Done" => mmuext_op::operate(xen, &[MmuExtOp::tlb_flush_all()], ME);
    MMUEXT_INVLPG_ALL Row "Done" => mmuext_op::operate(xen, &[MmuExtOp::invlpg_all(0x1000)], ME);
    MMUEXT_FLUSH_CACHE Row "Done" => mmuext_op::operate(xen, &[MmuExtOp::flush_cache()], ME);
    MMUEXT_FLUSH_CACHE_GLOBAL Row "Done" => {
        mmuext_op::operate(xen, &[MmuExtOp::flush_cache_global()], ME)
    };
    MMUEXT_SET_LDT Row "EIO" => mmuext_op::operate(xen, &[MmuExtOp::set_ldt(0, 0)], ME);
    MMUEXT_COPY_PAGE Row "Done" => {
        let copy = MmuExtOp::copy_page(on.mfn(54), on.mfn(55))?;
        mmuext_op::operate(xen, &[copy], ME)
    };
    MMUEXT_CLEAR_PAGE Row "Done" => {
        mmuext_op::operate(xen, &[MmuExtOp::clear_page(on.mfn(54))?], ME)
    };
    MMUEXT_PIN_L1_TABLE Row "EIO" => {
        mmuext_op::operate(xen, &[MmuExtOp::pin_l1_table(on.mfn(56))?], ME)
    };
    MMUEXT_UNPIN_TABLE Row "EIO" => {
        mmuext_op::operate(xen, &[MmuExtOp::unpin_table(on.mfn(56))?], ME)
    };
    __HYPERVISOR_update_va_mapping Row "Done" => {
        update_va_mapping::update(xen, 0x40_0000, 0, EVERYWHERE)
    };
    __HYPERVISOR_update_va_mapping_otherdomain Row "ESRCH | Done" => {
        update_va_mapping::update_otherdomain(xen, 0x40_0000, 0, Flush::None, OTHER)
    };
    VCPUOP_initialise More "EIO" => {
        vcpu_op::initialise(xen, SECOND, &vcpu_guest_context::ZERO)
    };
    VCPUOP_initialise More "EIO" => {
        vcpu_op::initialise_hvm(xen, SECOND, &vcpu_hvm_context::ZERO)
    };
    VCPUOP_get_physid Row "EINVAL" => vcpu_op::get_physid(xen, FIRST);
    HVMOP_set_evtchn_upcall_vector More "Done" => {
        hvm_op::set_evtchn_upcall_vector(xen, FIRST, 0xf3)
    };

    XEN_MC_fetch Row "VersionMismatch@..3.4 EIO@3.4.." => {
        let mut info = mc_info::ZERO;
        mca::fetch(xen, Urgency::NonUrgent, &mut info)
    };
    XEN_MC_notifydomain Row "VersionMismatch@..3.4 EIO@3.4.." => mca::notifydomain(xen, OTHER, 0, 0);
    XEN_MC_physcpuinfo Row "EIO" => mca::physcpus(xen);
    XEN_MC_physcpuinfo Row "EIO" => mca::physcpuinfo(xen, &mut [mcinfo_logical_cpu::ZERO; 2]);
    XEN_MC_msrinject Row "EIO" => mca::msrinject(xen, 0, true, None, &[mcinfo_msr::ZERO]);
    XEN_MC_mceinject Row "EIO" => mca::mceinject(xen, 0);
    XEN_MC_inject_v2 Alone "EIO" => mca::inject_v2(xen, Injection::Cmci, Target::These(&[1]));

    XENPMU_mode_get Row "Done" => xenpmu_op::mode_get(xen).inspect(|&mode| {
        on.right(mode == PmuMode::SELF);
    });
    XENPMU_mode_set Row "EIO" => xenpmu_op::mode_set(xen, PmuMode::SELF);
    XENPMU_feature_get Row "EIO" => xenpmu_op::feature_get(xen);
    XENPMU_feature_set Row "EIO" => xenpmu_op::feature_set(xen, PmuFeatures::INTEL_BTS);
    XENPMU_init Row "EIO" => xenpmu_op::init(xen, FIRST, on.gfn(60));
    XENPMU_finish Row "EIO" => xenpmu_op::finish(xen, FIRST);
    XENPMU_lvtpc_set Row "EIO" => xenpmu_op::lvtpc_set(xen);
    XENPMU_flush Row "EIO" => xenpmu_op::flush(xen);

    XENOPROF_init Row "EIO" => xenoprof_op::init(xen).map(|_| ());
    XENOPROF_reset_active_list Row "EPERM" => xenoprof_op::reset_active_list(xen);
    XENOPROF_reset_passive_list Row "EPERM" => xenoprof_op::reset_passive_list(xen);
    XENOPROF_set_active Row "EPERM" => xenoprof_op::set_active(xen, ME);
    XENOPROF_set_passive Row "EPERM" => xenoprof_op::set_passive(xen, OTHER, 16, on.own(61) << 12);
    XENOPROF_reserve_counters Row "EPERM" => xenoprof_op::reserve_counters(xen);
    XENOPROF_counter Row "EPERM" => xenoprof_op::counter(xen, xenoprof_counter::ZERO);
    XENOPROF_setup_events Row "EPERM" => xenoprof_op::setup_events(xen);
    XENOPROF_enable_virq Row "EIO" => xenoprof_op::enable_virq(xen);
    XENOPROF_start Row "EPERM" => xenoprof_op::start(xen);
    XENOPROF_stop Row "EPERM" => xenoprof_op::stop(xen);
    XENOPROF_disable_virq Row "EIO" => xenoprof_op::disable_virq(xen);
    XENOPROF_release_counters Row "EPERM" => xenoprof_op::release_counters(xen);
    XENOPROF_get_buffer Row "EIO" => xenoprof_op::get_buffer(xen, 16, on.own(61) << 12);
    XENOPROF_set_backtrace Row "EPERM" => xenoprof_op::set_backtrace(xen, 4);
    XENOPROF_get_ibs_caps Row "EPERM" => xenoprof_op::get_ibs_caps(xen);
    XENOPROF_ibs_counter Row "EPERM" => xenoprof_op::ibs_counter(xen, xenoprof_ibs_counter::ZERO);
    XENOPROF_shutdown Row "EPERM" => xenoprof_op::shutdown(xen);
    MMUEXT_NEW_BASEPTR Row "EIO" => {
        mmuext_op::operate(xen, &[MmuExtOp::new_baseptr(Mfn::new(0xfff_ffff))?], ME)
    };
}

/// The bases of segments, which 64-bit kernels set by a call.
#[cfg(target_arch = "x86_64")]
pub(super) mod long_mode {
    use super::super::entries;
    use crate::hypercall::set_segment_base as base;

    entries! { xen, _on;
        SEGBASE_FS Row "Done" => base::fs(xen, 0x1000);
        SEGBASE_GS_USER Row "Done" => base::gs_user(xen, 0x2000);
        SEGBASE_GS_KERNEL Row "Done" => base::gs_kernel(xen, 0x3000);
        SEGBASE_GS_USER_SEL Row "Done" => base::gs_user_selector(xen, 0x2b);
    }
}
