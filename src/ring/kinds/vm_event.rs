//! The rings in which Xen tells a monitor of events in a guest: a layout for each release.
#![allow(unsafe_code)]

use xen_public::toolstack::{v4_14, v4_17, v4_20};

use v4_14::x86_64::vm_event as vm_event_v4_14;
use v4_17::x86_64::vm_event as vm_event_v4_17;
use v4_20::x86_64::vm_event as vm_event_v4_20;

use super::kind;
use crate::ring::message::Message;
use crate::ring::types::{HEADER_BYTES, RingTypes, generated, slot_bytes};

generated! {
    GENERATED_VM_EVENT:
    vm_event_v4_14 {
        plain: vm_event_x86_selector_reg vm_event_regs_x86 vm_event_regs_arm vm_event_mem_access
            vm_event_write_ctrlreg vm_event_singlestep vm_event_fast_singlestep vm_event_debug
            vm_event_mov_to_msr vm_event_desc_access_arch_vmx vm_event_cpuid
            vm_event_interrupt_x86 vm_event_paging vm_event_sharing vm_event_emul_read_data
            vm_event_emul_insn_data;
        with_union: vm_event_desc_access vm_event_st vm_event_desc_access_arch vm_event_st_u_interrupt
            vm_event_st_u vm_event_st_data_regs vm_event_st_data_emul vm_event_st_data;
    }
    vm_event_v4_17 {
        plain: vm_event_x86_selector_reg vm_event_regs_x86 vm_event_regs_arm vm_event_mem_access
            vm_event_write_ctrlreg vm_event_singlestep vm_event_fast_singlestep vm_event_debug
            vm_event_mov_to_msr vm_event_desc_access_arch_vmx vm_event_cpuid
            vm_event_interrupt_x86 vm_event_paging vm_event_sharing vm_event_emul_read_data
            vm_event_emul_insn_data vm_event_vmexit_arch_vmx vm_event_vmexit_arch
            vm_event_vmexit;
        with_union: vm_event_desc_access vm_event_st vm_event_desc_access_arch vm_event_st_u_interrupt
            vm_event_st_u vm_event_st_data_regs vm_event_st_data_emul vm_event_st_data;
    }
    vm_event_v4_20 {
        plain: vm_event_x86_selector_reg vm_event_regs_x86 vm_event_regs_arm vm_event_mem_access
            vm_event_write_ctrlreg vm_event_singlestep vm_event_fast_singlestep vm_event_debug
            vm_event_mov_to_msr vm_event_desc_access_arch_vmx vm_event_cpuid
            vm_event_interrupt_x86 vm_event_paging vm_event_sharing vm_event_emul_read_data
            vm_event_emul_insn_data vm_event_vmexit_arch_vmx vm_event_vmexit_arch
            vm_event_vmexit vm_event_io;
        with_union: vm_event_desc_access vm_event_st vm_event_desc_access_arch vm_event_st_u_interrupt
            vm_event_st_u vm_event_st_data_regs vm_event_st_data_emul vm_event_st_data;
    }
}

kind! {
    /// Events of a guest as Xen 4.14 tells them. Xen is the frontend and the monitor the backend: a
    /// request is what happened, the response says how the virtual CPU goes on. Requests and responses
    /// have the same structure, whose `version` says which release wrote it.
    ///
    /// Header: `xen/include/public/vm_event.h` of 4.14.
    #[doc(alias = "vm_event_sring")]
    #[cfg_attr(docsrs, doc(cfg(feature = "toolstack")))]
    VmEventV4_14 { Message<vm_event_v4_14::vm_event_st>, Message<vm_event_v4_14::vm_event_st> }
    vm_event_sring [vm_event_sring_entry]
    of v4_14::x86_64::vm_event, v4_14::x86_32::vm_event, v4_14::arm32::vm_event, v4_14::arm64::vm_event
}

kind! {
    /// Events of a guest as Xen 4.17 tells them. Xen is the frontend and the monitor the backend: a
    /// request is what happened, the response says how the virtual CPU goes on. Requests and responses
    /// have the same structure, whose `version` says which release wrote it.
    ///
    /// Header: `xen/include/public/vm_event.h` of 4.17.
    #[doc(alias = "vm_event_sring")]
    #[cfg_attr(docsrs, doc(cfg(feature = "toolstack")))]
    VmEventV4_17 { Message<vm_event_v4_17::vm_event_st>, Message<vm_event_v4_17::vm_event_st> }
    vm_event_sring [vm_event_sring_entry]
    of v4_17::x86_64::vm_event, v4_17::x86_32::vm_event, v4_17::arm32::vm_event, v4_17::arm64::vm_event
}

kind! {
    /// Events of a guest as Xen 4.20 tells them. Xen is the frontend and the monitor the backend: a
    /// request is what happened, the response says how the virtual CPU goes on. Requests and responses
    /// have the same structure, whose `version` says which release wrote it.
    ///
    /// Header: `xen/include/public/vm_event.h` of 4.20.
    #[doc(alias = "vm_event_sring")]
    #[cfg_attr(docsrs, doc(cfg(feature = "toolstack")))]
    VmEventV4_20 { Message<vm_event_v4_20::vm_event_st>, Message<vm_event_v4_20::vm_event_st> }
    vm_event_sring [vm_event_sring_entry]
    of v4_20::x86_64::vm_event, v4_20::x86_32::vm_event, v4_20::arm32::vm_event, v4_20::arm64::vm_event
}
