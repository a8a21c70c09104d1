//! How many arguments a hypercall has.
//!
//! A conduit loads the registers of those and leaves the others as they are, so that a call of two
//! arguments costs no more than it has to. A kernel's calls have constant numbers, and the compiler
//! drops the question.

/// `SCHEDOP_shutdown`.
const SHUTDOWN: usize = xen_public::native::sched::SCHEDOP_shutdown as usize;

/// The hypercalls of each number of arguments that is not five, by the ABI of this processor.
macro_rules! counts {
    ($($count:literal: $($name:ident)*;)*) => {
        /// How many arguments the hypercall `number` has, the first of which is this: 1 to 5, and 5 for a
        /// number that is not known.
        #[inline]
        #[allow(non_upper_case_globals)]
        pub(super) const fn count(number: u32, first: usize) -> u32 {
            $($(
                const $name: u32 = xen_public::native::xen::$name as u32;
            )*)*
            match number {
                // A PV guest that suspends itself passes a third one, which its toolstack reads.
                __HYPERVISOR_sched_op | __HYPERVISOR_sched_op_compat if first == SHUTDOWN => 3,
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
        __HYPERVISOR_physdev_op_compat __HYPERVISOR_sysctl __HYPERVISOR_domctl
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
        __HYPERVISOR_physdev_op_compat __HYPERVISOR_sysctl __HYPERVISOR_domctl
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_hypercalls() {
        // By number: set_trap_table, mmu_update, and so on.
        #[cfg(not(target_arch = "x86"))]
        const COUNTS: [u32; 43] = [
            1, 4, 2, 2, 3, 1, 2, 1, 2, 1, 2, 5, 2, 2, 3, 1, 1, 2, 3, 1, 3, 2, 4, 5, 3, 2, 4, 5, 2,
            2, 2, 2, 2, 2, 2, 1, 1, 2, 1, 5, 2, 3, 5,
        ];
        #[cfg(target_arch = "x86")]
        const COUNTS: [u32; 43] = [
            1, 4, 2, 2, 4, 1, 2, 1, 2, 1, 4, 5, 2, 2, 4, 2, 1, 2, 3, 1, 3, 2, 5, 5, 3, 5, 4, 5, 2,
            2, 2, 2, 2, 2, 2, 1, 1, 2, 1, 5, 2, 3, 5,
        ];
        for (number, due) in (0..).zip(COUNTS) {
            assert_eq!(count(number, 0), due, "{number}");
        }
        for number in [43, 48, 55, 56, u32::MAX] {
            assert_eq!(count(number, 0), 5, "{number}");
        }
    }

    #[test]
    fn a_shutdown_has_three() {
        for number in [6, 29] {
            assert_eq!(count(number, 2), 3);
            assert_eq!(count(number, 3), 2);
        }
        assert_eq!(count(17, 2), 2);
    }
}
