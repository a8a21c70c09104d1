//! `HYPERVISOR_sysctl`: watching and changing the whole machine (`xen/include/public/sysctl.h`).
//!
//! What a toolstack asks of the machine and of Xen itself. The structures differ between releases, so
//! there is a module for each release whose headers this crate was made from, with the same functions
//! where the release has them: [`v4_14`], [`v4_17`], [`v4_20`]. Each function takes that release's
//! token, which [`identify`](super::toolstack::identify) gives out. The structures are those of
//! [`xen_public::toolstack`] for the compile target.
//!
//! For every command there is a function named after it, whose argument is the structure as it is in
//! the header. Those whose structure carries addresses are `unsafe`; for the usual ones there are
//! functions with slices beside them ([`v4_17::domains`], [`v4_17::cpu_topology`]).
//!
//! Callers must be privileged: domain 0, or what a security policy names. Others get EPERM.
#![doc = gate_row!(__HYPERVISOR_sysctl)]
//!
//! # Errors
//!
//! [`Error::Refused`] with EPERM without the privilege, EINVAL for an argument that the command can't
//! have, ENOSYS or EOPNOTSUPP for one that this hypervisor was built without.
//! [`Error::VersionMismatch`] if Xen doesn't speak the token's version, which happens after a migration
//! to another release. [`Error::Unsupported`] where there is no sysctl at all.
//!
//! [`Error::Refused`]: super::Error::Refused
//! [`Error::VersionMismatch`]: super::Error::VersionMismatch
//! [`Error::Unsupported`]: super::Error::Unsupported
#![allow(unsafe_code)]

#[macro_use]
mod commands;
#[macro_use]
mod slices;

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
            use xen_public::xen::DomId;

            cfg_if::cfg_if! {
                if #[cfg(target_arch = "x86_64")] {
                    use all::x86_64 as native;
                } else if #[cfg(target_arch = "x86")] {
                    use all::x86_32 as native;
                } else if #[cfg(target_arch = "aarch64")] {
                    use all::arm64 as native;
                } else {
                    use all::arm32 as native;
                }
            }

            use native::sysctl as c;

            use crate::hypercall::native::count;
            use crate::hypercall::toolstack::{
                Abi, Interface, $token, carry, no_more_than_done, within,
            };
            use crate::hypercall::{Conduit, Error, Result, Xen};

            /// Makes any command: `call` is its name, `command` its number, and `payload` what the
            /// command's structure is taken from and, after the call, put into. The answer is what
            /// stands in the result register.
            ///
            /// # Errors
            ///
            /// See [the module](super).
            ///
            /// # Safety
            ///
            /// `payload` is what the command takes: each handle in it is null or the address of memory
            /// that is valid for the reads and writes which the command makes there. What the command
            /// does to memory, processors and Xen itself breaks no promise that other code relies on.
            #[doc(alias = "xen_sysctl")]
            #[inline]
            pub unsafe fn sysctl(
                xen: &Xen<impl Conduit>,
                abi: $token,
                call: &'static str,
                command: u32,
                payload: &mut c::xen_sysctl_u,
            ) -> Result<usize> {
                let mut argument = c::xen_sysctl::ZERO;
                argument.cmd = command;
                let version = abi.interfaces().sysctl;
                argument.interface_version = version;
                argument.u = *payload;
                // SAFETY: the structure is the one that the token vouches for, and what its payload
                // needs the caller vouches for.
                let answer = unsafe { carry(xen, Interface::Sysctl, version, call, &mut argument) };
                *payload = argument.u;
                answer
            }

            sysctl_commands!($token; $($more)*);
            sysctl_slices!($token);

            /// Makes every command with an argument that is zero throughout.
            #[cfg(test)]
            pub(crate) fn try_all(
                xen: &Xen<&crate::hypercall::simulate::Simulated>,
                abi: $token,
            ) -> alloc::vec::Vec<(&'static str, Result<usize>)> {
                let make = |&(call, command): &(&'static str, i32)| {
                    let mut payload = c::xen_sysctl_u::ZERO;
                    // SAFETY: all handles are null, and the hypervisor is a simulated one, which has no
                    // memory or devices that other code relies on.
                    let answer = unsafe { sysctl(xen, abi, call, command as u32, &mut payload) };
                    (call, answer)
                };
                COMMANDS.iter().map(make).collect()
            }
        }
    };
}

release! {
    /// The commands of Xen 4.14.
    v4_14, V4_14;
}

release! {
    /// The commands of Xen 4.17.
    v4_17, V4_17;
}

release! {
    /// The commands of Xen 4.20.
    v4_20, V4_20;
    /// Adds a device tree overlay to Xen's device tree, or takes it out.
    #[cfg(any(target_arch = "arm", target_arch = "aarch64"))]
    #[doc(alias = "XEN_SYSCTL_dt_overlay")]
    danger dt_overlay(dt_overlay: xen_sysctl_dt_overlay) = XEN_SYSCTL_dt_overlay;
}
