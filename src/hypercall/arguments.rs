//! How many arguments a hypercall has.
//!
//! A conduit loads the registers of those and leaves the others as they are, so that a call of two
//! arguments costs no more than it has to. A kernel's calls have constant numbers, and the compiler
//! drops the question.

/// The hypercalls of each number of arguments that is not five, by the ABI of this processor.
macro_rules! counts {
    ($($count:literal: $($name:ident)*;)*) => {
        /// How many arguments the hypercall `number` has: 1 to 5, and 5 for a number that is not known.
        #[inline]
        #[allow(non_upper_case_globals)]
        pub(super) const fn count(number: u32) -> u32 {
            $($(
                const $name: u32 = xen_public::native::xen::$name as u32;
            )*)*
            match number {
                $($($name)|* => $count,)*
                _ => 5,
            }
        }
    };
}

#[cfg(not(target_arch = "x86"))]
counts! {
    1: __HYPERVISOR_set_trap_table __HYPERVISOR_fpu_taskswitch __HYPERVISOR_platform_op
        __HYPERVISOR_get_debugreg __HYPERVISOR_set_timer_op __HYPERVISOR_event_channel_op_compat
        __HYPERVISOR_physdev_op_compat __HYPERVISOR_xsm_op __HYPERVISOR_sysctl __HYPERVISOR_domctl
        __HYPERVISOR_tmem_op;
    2: __HYPERVISOR_set_gdt __HYPERVISOR_stack_switch __HYPERVISOR_sched_op_compat
        __HYPERVISOR_set_debugreg __HYPERVISOR_update_descriptor __HYPERVISOR_memory_op
        __HYPERVISOR_multicall __HYPERVISOR_xen_version __HYPERVISOR_vm_assist
        __HYPERVISOR_set_segment_base __HYPERVISOR_nmi_op __HYPERVISOR_sched_op
        __HYPERVISOR_callback_op __HYPERVISOR_xenoprof_op __HYPERVISOR_event_channel_op
        __HYPERVISOR_physdev_op __HYPERVISOR_hvm_op __HYPERVISOR_kexec_op __HYPERVISOR_xenpmu_op;
    3: __HYPERVISOR_set_callbacks __HYPERVISOR_update_va_mapping __HYPERVISOR_console_io
        __HYPERVISOR_grant_table_op __HYPERVISOR_vcpu_op __HYPERVISOR_dm_op;
    4: __HYPERVISOR_mmu_update __HYPERVISOR_update_va_mapping_otherdomain __HYPERVISOR_mmuext_op;
}

// A value of 64 bits takes two arguments here, and a callback is a selector and an offset.
#[cfg(target_arch = "x86")]
counts! {
    1: __HYPERVISOR_set_trap_table __HYPERVISOR_fpu_taskswitch __HYPERVISOR_platform_op
        __HYPERVISOR_get_debugreg __HYPERVISOR_event_channel_op_compat
        __HYPERVISOR_physdev_op_compat __HYPERVISOR_xsm_op __HYPERVISOR_sysctl __HYPERVISOR_domctl
        __HYPERVISOR_tmem_op;
    2: __HYPERVISOR_set_gdt __HYPERVISOR_stack_switch __HYPERVISOR_sched_op_compat
        __HYPERVISOR_set_debugreg __HYPERVISOR_memory_op __HYPERVISOR_multicall
        __HYPERVISOR_set_timer_op __HYPERVISOR_xen_version __HYPERVISOR_vm_assist
        __HYPERVISOR_nmi_op __HYPERVISOR_sched_op __HYPERVISOR_callback_op __HYPERVISOR_xenoprof_op
        __HYPERVISOR_event_channel_op __HYPERVISOR_physdev_op __HYPERVISOR_hvm_op
        __HYPERVISOR_kexec_op __HYPERVISOR_xenpmu_op;
    3: __HYPERVISOR_console_io __HYPERVISOR_grant_table_op __HYPERVISOR_vcpu_op
        __HYPERVISOR_dm_op;
    4: __HYPERVISOR_set_callbacks __HYPERVISOR_update_descriptor __HYPERVISOR_update_va_mapping
        __HYPERVISOR_mmu_update __HYPERVISOR_mmuext_op;
}
