//! The sub-ops that need no more than their structure, under their own names.
//!
//! Each takes the structure of the header by `&mut` and leaves there what Xen made of it. Those whose
//! structures carry addresses, or that change how memory is reached, are `unsafe`.
#![allow(unsafe_code)]

use xen_public::native::platform as c;

use super::platform_op;
use crate::hypercall::xen::only_zero;
use crate::hypercall::{Conduit, Result, Xen};
use crate::version::Operation;

macro_rules! command {
    (
        $(#[$meta:meta])*
        command $name:ident($field:ident: $argument:ident) = $operation:ident
    ) => {
        $(#[$meta])*
        ///
        /// Errors: see [the module](super).
        #[doc = gate_row!($operation)]
        pub fn $name(xen: &Xen<impl Conduit>, argument: &mut c::$argument) -> Result<()> {
            let operation = Operation::$operation;
            let mut payload = c::xen_platform_op_u::ZERO;
            payload.$field = *argument;
            // SAFETY: the structure has no handles, and the sub-op touches no memory of ours.
            let answer = unsafe { platform_op(xen, operation, &mut payload) };
            // SAFETY: all bytes of the payload are initialised, and the type takes any bytes.
            *argument = unsafe { payload.$field };
            only_zero(operation, answer?)
        }
    };
    (
        $(#[$meta:meta])*
        danger $name:ident($field:ident: $argument:ident) = $operation:ident
    ) => {
        $(#[$meta])*
        ///
        /// Errors: see [the module](super).
        #[doc = gate_row!($operation)]
        ///
        /// # Safety
        ///
        /// Each handle in `argument` is null or the address of memory that is valid for the reads and
        /// writes which the sub-op makes there. What it does to memory, processors and firmware breaks
        /// no promise that other code relies on.
        pub unsafe fn $name(xen: &Xen<impl Conduit>, argument: &mut c::$argument) -> Result<()> {
            let operation = Operation::$operation;
            let mut payload = c::xen_platform_op_u::ZERO;
            payload.$field = *argument;
            // SAFETY: the caller vouches for the argument and for what the sub-op does.
            let answer = unsafe { platform_op(xen, operation, &mut payload) };
            // SAFETY: all bytes of the payload are initialised, and the type takes any bytes.
            *argument = unsafe { payload.$field };
            only_zero(operation, answer?)
        }
    };
}

macro_rules! commands {
    ($($(#[$meta:meta])* $kind:ident $name:ident($field:ident: $argument:ident) = $operation:ident;)*) => {
        $(command! { $(#[$meta])* $kind $name($field: $argument) = $operation })*

        /// The sub-ops that have a function here.
        #[cfg(test)]
        pub(super) const COMMANDS: &[Operation] = &[$(Operation::$operation),*];
    };
}

commands! {
    /// Sets how a range of the machine's frames is cached, in a free register for it.
    #[doc(alias = "XENPF_add_memtype")]
    danger add_memtype(add_memtype: xenpf_add_memtype) = XENPF_add_memtype;
    /// Takes back [`add_memtype`], by its register.
    #[doc(alias = "XENPF_del_memtype")]
    danger del_memtype(del_memtype: xenpf_del_memtype) = XENPF_del_memtype;
    /// Which range a register sets the caching of, and how.
    #[doc(alias = "XENPF_read_memtype")]
    command read_memtype(read_memtype: xenpf_read_memtype) = XENPF_read_memtype;
    /// Tells Xen of a chipset that behaves differently.
    #[doc(alias = "XENPF_platform_quirk")]
    command platform_quirk(platform_quirk: xenpf_platform_quirk) = XENPF_platform_quirk;
    /// Calls a runtime service of EFI.
    #[doc(alias = "XENPF_efi_runtime_call")]
    danger efi_runtime_call(efi_runtime_call: xenpf_efi_runtime_call) = XENPF_efi_runtime_call;
    /// What firmware told Xen at the start: disks, monitor, EFI's tables.
    #[doc(alias = "XENPF_firmware_info")]
    danger firmware_info(firmware_info: xenpf_firmware_info) = XENPF_firmware_info;
    /// Puts the machine to sleep.
    #[doc(alias = "XENPF_enter_acpi_sleep")]
    command enter_acpi_sleep(enter_acpi_sleep: xenpf_enter_acpi_sleep) = XENPF_enter_acpi_sleep;
    /// Tells Xen that a processor runs at another frequency.
    #[doc(alias = "XENPF_change_freq")]
    command change_freq(change_freq: xenpf_change_freq) = XENPF_change_freq;
    /// Tells Xen of the power states of a processor, as ACPI has them.
    #[doc(alias = "XENPF_set_processor_pminfo")]
    danger set_processor_pminfo(set_pminfo: xenpf_set_processor_pminfo) = XENPF_set_processor_pminfo;
    /// Tells Xen of memory that was plugged.
    #[doc(alias = "XENPF_mem_hotadd")]
    danger mem_hotadd(mem_add: xenpf_mem_hotadd) = XENPF_mem_hotadd;
    /// Sets or reads how many processors are kept idle.
    #[doc(alias = "XENPF_core_parking")]
    command core_parking(core_parking: xenpf_core_parking) = XENPF_core_parking;
}
