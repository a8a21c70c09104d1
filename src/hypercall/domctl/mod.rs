//! `HYPERVISOR_domctl`: making, watching and changing other domains (`xen/include/public/domctl.h`).
//!
//! What a toolstack does to domains. The structures differ between releases, so there is a module for
//! each release whose headers this crate was made from, with the same functions where the release has
//! them: [`v4_14`], [`v4_17`], [`v4_20`]. Each function takes that release's token, which
//! [`identify`](super::toolstack::identify) gives out. The structures are those of
//! [`xen_public::toolstack`] for the compile target.
//!
//! For every command there is a function named after it, whose argument is the structure as it is in
//! the header. Those whose structure carries addresses are `unsafe`; for the usual ones there are
//! functions with slices beside them ([`v4_17::page_types`], [`v4_17::vcpu_affinity`]). Long work is
//! continued by Xen itself; where Xen leaves the rest to its caller, the functions with slices do it.
//!
//! Callers must be privileged over the domain: domain 0, or what a security policy names. Others get
//! EPERM.
#![doc = gate_row!(__HYPERVISOR_domctl)]
//!
//! # Errors
//!
//! [`Error::Refused`] with ESRCH for a domain that is not there, EPERM without the privilege, EINVAL for
//! an argument that the command can't have, ENOSYS or EOPNOTSUPP for one that this hypervisor was built
//! without. [`Error::VersionMismatch`] if Xen doesn't speak the token's version, which happens after
//! a migration to another release. [`Error::Unsupported`] where there is no domctl at all.
//!
//! [`Error::Refused`]: super::Error::Refused
//! [`Error::VersionMismatch`]: super::Error::VersionMismatch
//! [`Error::Unsupported`]: super::Error::Unsupported
#![allow(unsafe_code)]

#[macro_use]
mod commands;
#[macro_use]
mod slices;
#[cfg(test)]
mod tests;

/// Commands of the headers that have no function here, and why.
#[cfg(test)]
const LEFT_OUT: &[(&str, &str)] = &[
    (
        "XEN_DOMCTL_real_mode_area",
        "of PowerPC, which Xen no longer runs on",
    ),
    (
        "XEN_DOMCTL_set_opt_feature",
        "of Itanium, which Xen no longer runs on",
    ),
];

/// The module of one release: the call itself, and the commands that not all releases have.
macro_rules! release {
    (
        $(#[$meta:meta])*
        $release:ident, $token:ident;
        $($more:tt)*
    ) => {
        $(#[$meta])*
        pub mod $release {
            use xen_public::toolstack::$release as all;
            use xen_public::xen::{DomId, VcpuId};

            cfg_if::cfg_if! {
                if #[cfg(target_arch = "x86_64")] {
                    use all::x86_64 as native;
                    use native::arch_x86::xen::xen_pfn_t;
                } else if #[cfg(target_arch = "x86")] {
                    use all::x86_32 as native;
                    use native::arch_x86::xen::xen_pfn_t;
                } else if #[cfg(target_arch = "aarch64")] {
                    use all::arm64 as native;
                    use native::arch_arm::xen_pfn_t;
                } else {
                    use all::arm32 as native;
                    use native::arch_arm::xen_pfn_t;
                }
            }

            use native::domctl as c;

            use crate::hypercall::native::count;
            use crate::hypercall::toolstack::{
                Abi, Interface, $token, carry, no_more_than_done, within,
            };
            use crate::hypercall::{Conduit, Error, Result, Xen};

            /// Makes any command: `call` is its name, `command` its number, and `payload` what the
            /// command's structure is taken from and, after success, put into. The answer is what
            /// stands in the result register, and the domain that Xen left in the argument, which is
            /// another one only for `XEN_DOMCTL_createdomain`.
            ///
            /// # Errors
            ///
            /// See [the module](super).
            ///
            /// # Safety
            ///
            /// `payload` is what the command takes: each handle in it is null or the address of memory
            /// that is valid for the reads and writes which the command makes there. What the command
            /// does to memory, devices and the life of this domain breaks no promise that other code
            /// relies on.
            #[doc(alias = "xen_domctl")]
            #[inline]
            pub unsafe fn domctl(
                xen: &Xen<impl Conduit>,
                abi: $token,
                call: &'static str,
                command: u32,
                domain: DomId,
                payload: &mut c::xen_domctl_u,
            ) -> Result<(usize, DomId)> {
                let mut argument = c::xen_domctl::ZERO;
                argument.cmd = command;
                let version = abi.interfaces().domctl;
                argument.interface_version = version;
                argument.domain = domain.get();
                argument.u = *payload;
                // SAFETY: the structure is the one that the token vouches for, and what its payload
                // needs the caller vouches for.
                let answer = unsafe { carry(xen, Interface::Domctl, version, call, &mut argument) };
                *payload = argument.u;
                Ok((answer?, DomId::new(argument.domain)))
            }

            domctl_commands!($token; $($more)*);
            domctl_slices!($token);

            /// Makes every command with an argument that is zero throughout.
            #[cfg(test)]
            pub(crate) fn try_all(
                xen: &Xen<&crate::hypercall::simulate::Simulated>,
                abi: $token,
                domain: DomId,
            ) -> alloc::vec::Vec<(&'static str, Result<usize>)> {
                let commands = COMMANDS.iter().chain(WRITTEN);
                let make = |&(call, command): &(&'static str, i32)| {
                    let mut payload = c::xen_domctl_u::ZERO;
                    // SAFETY: all handles are null, and the hypervisor is a simulated one, which has no
                    // memory or devices that other code relies on.
                    let answer = unsafe { domctl(xen, abi, call, command as u32, domain, &mut payload) };
                    (call, answer.map(|(answer, _)| answer))
                };
                commands.map(make).collect()
            }
        }
    };
}

release! {
    /// The commands of Xen 4.14.
    v4_14, V4_14;
    /// Forbids or allows that a domain is migrated, which is for its device model and Xen's clocks to know.
    #[doc(alias = "XEN_DOMCTL_disable_migrate")]
    command disable_migrate(disable_migrate: xen_domctl_disable_migrate) = XEN_DOMCTL_disable_migrate;
}

release! {
    /// The commands of Xen 4.17.
    v4_17, V4_17;
    /// Turns the tracing of a vCPU by the processor on or off, and reads where it stands.
    #[doc(alias = "XEN_DOMCTL_vmtrace_op")]
    command vmtrace_op(vmtrace_op: xen_domctl_vmtrace_op) = XEN_DOMCTL_vmtrace_op;
    /// How much memory Xen keeps for a domain's page tables, in bytes.
    #[doc(alias = "XEN_DOMCTL_get_paging_mempool_size")]
    command get_paging_mempool_size(paging_mempool: xen_domctl_paging_mempool) = XEN_DOMCTL_get_paging_mempool_size;
    /// Sets how much memory Xen keeps for a domain's page tables, in bytes.
    #[doc(alias = "XEN_DOMCTL_set_paging_mempool_size")]
    command set_paging_mempool_size(paging_mempool: xen_domctl_paging_mempool) = XEN_DOMCTL_set_paging_mempool_size;
}

release! {
    /// The commands of Xen 4.20.
    v4_20, V4_20;
    /// Turns the tracing of a vCPU by the processor on or off, and reads where it stands.
    #[doc(alias = "XEN_DOMCTL_vmtrace_op")]
    command vmtrace_op(vmtrace_op: xen_domctl_vmtrace_op) = XEN_DOMCTL_vmtrace_op;
    /// How much memory Xen keeps for a domain's page tables, in bytes.
    #[doc(alias = "XEN_DOMCTL_get_paging_mempool_size")]
    command get_paging_mempool_size(paging_mempool: xen_domctl_paging_mempool) = XEN_DOMCTL_get_paging_mempool_size;
    /// Sets how much memory Xen keeps for a domain's page tables, in bytes.
    #[doc(alias = "XEN_DOMCTL_set_paging_mempool_size")]
    command set_paging_mempool_size(paging_mempool: xen_domctl_paging_mempool) = XEN_DOMCTL_set_paging_mempool_size;
    /// Attaches the devices of a device tree overlay to a domain, or detaches them.
    #[cfg(any(target_arch = "arm", target_arch = "aarch64"))]
    #[doc(alias = "XEN_DOMCTL_dt_overlay")]
    danger dt_overlay(dt_overlay: xen_domctl_dt_overlay) = XEN_DOMCTL_dt_overlay;
    /// Lets a domain use an interrupt of the machine by its number at the interrupt controllers, or no more.
    #[doc(alias = "XEN_DOMCTL_gsi_permission")]
    danger gsi_permission(gsi_permission: xen_domctl_gsi_permission) = XEN_DOMCTL_gsi_permission;
    /// Gives a domain that has no memory yet its colours of the last-level cache.
    #[doc(alias = "XEN_DOMCTL_set_llc_colors")]
    danger set_llc_colors(set_llc_colors: xen_domctl_set_llc_colors) = XEN_DOMCTL_set_llc_colors;
}
