//! Each conduit of the target's processor in functions of its own, which `tests/hypercalls.rs` of
//! `abi-tests` compiles for many targets and follows instruction by instruction.
//!
//! For a conduit `way` there are `way_1` to `way_5`, a hypercall of that many arguments, which they take
//! in the other order, so that none is in its place by chance, and whose answer they return; `way_int`,
//! where it is taken for a C `int`; `way_held`, which stores to a word before and after the call and
//! returns what it finds there in between; `way_live`, which keeps values over the call; and `way_iret`.
//!
//! They stand in another crate than the conduits, as a user's code does.
#![no_std]
#![cfg(any(
    target_arch = "x86",
    target_arch = "arm",
    all(
        any(target_arch = "x86_64", target_arch = "aarch64"),
        target_pointer_width = "64"
    )
))]
// Making a conduit is as unsafe as the one call it is made for.
#![allow(clippy::multiple_unsafe_ops_per_block)]

use core::cell::Cell;

use xen_abi::hypercall::{Conduit, cpu, int};

/// A word whose values nothing is known of.
type Word = Cell<usize>;

macro_rules! probes {
    ($way:expr; $one:ident $two:ident $three:ident $four:ident $five:ident $int:ident $held:ident
        $live:ident) => {
        /// `HYPERVISOR_fpu_taskswitch`.
        ///
        /// # Safety
        /// As for the hypercall.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $one(a: usize) -> isize {
            // SAFETY: the caller's.
            unsafe { $way.hypercall(5, [a, 0, 0, 0, 0]) }
        }

        /// `HYPERVISOR_xen_version`.
        ///
        /// # Safety
        /// As for the hypercall.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $two(a: usize, b: usize) -> isize {
            // SAFETY: the caller's.
            unsafe { $way.hypercall(17, [b, a, 0, 0, 0]) }
        }

        /// `HYPERVISOR_grant_table_op`.
        ///
        /// # Safety
        /// As for the hypercall.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $three(a: usize, b: usize, c: usize) -> isize {
            // SAFETY: the caller's.
            unsafe { $way.hypercall(20, [c, b, a, 0, 0]) }
        }

        /// `HYPERVISOR_mmu_update`.
        ///
        /// # Safety
        /// As for the hypercall.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $four(a: usize, b: usize, c: usize, d: usize) -> isize {
            // SAFETY: the caller's.
            unsafe { $way.hypercall(1, [d, c, b, a, 0]) }
        }

        /// `HYPERVISOR_hypfs_op`.
        ///
        /// # Safety
        /// As for the hypercall.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $five(a: usize, b: usize, c: usize, d: usize, e: usize) -> isize {
            // SAFETY: the caller's.
            unsafe { $way.hypercall(42, [e, d, c, b, a]) }
        }

        /// `HYPERVISOR_physdev_op`, whose answer is a C `int`.
        ///
        /// # Safety
        /// As for the hypercall.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $int(a: usize, b: usize) -> isize {
            // SAFETY: the caller's.
            int(unsafe { $way.hypercall(33, [b, a, 0, 0, 0]) })
        }

        /// Stores around a call, and a load after it.
        ///
        /// # Safety
        /// As for the hypercall.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $held(word: &Word) -> usize {
            word.set(1);
            // SAFETY: the caller's.
            unsafe { $way.hypercall(17, [2, core::ptr::from_ref(word).addr(), 0, 0, 0]) };
            let seen = word.get();
            word.set(3);
            seen
        }

        /// Values that are needed after the call as well.
        ///
        /// # Safety
        /// As for the hypercall.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $live(a: usize, b: usize, c: usize, words: &[Word; 8]) -> isize {
            let kept: [usize; 8] = core::array::from_fn(|at| words[at].get());
            // SAFETY: the caller's.
            let answer = unsafe { $way.hypercall(42, [a, b, c, kept[0], kept[1]]) };
            for (at, value) in kept.into_iter().enumerate() {
                words[7 - at].set(value);
            }
            words[0].set(a);
            words[1].set(b);
            words[2].set(c);
            answer
        }
    };
}

// SAFETY (of the ways below): nobody runs these functions but where the way leads to Xen.

/// The ways of both x86 ABIs.
#[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
pub mod x86 {
    use xen_abi::hypercall::cpu::{Context, HypercallPage, Page, Vmcall, Vmmcall};

    use super::*;

    /// A page that another crate has.
    struct Somewhere;

    unsafe extern "C" {
        static hypercall_page: [u8; 4096];
    }

    // SAFETY: the program with these functions has such a page.
    unsafe impl HypercallPage for Somewhere {
        fn address() -> usize {
            (&raw const hypercall_page).addr()
        }
    }

    /// Goes to a context by the page's stub.
    ///
    /// # Safety
    /// As for the hypercall.
    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn page_iret(context: *mut Context) -> ! {
        // SAFETY: the caller's.
        unsafe { Page::<Somewhere>::new().iret(context) }
    }

    probes!(Page::<Somewhere>::new();
        page_1 page_2 page_3 page_4 page_5 page_int page_held page_live);
    probes!(Vmcall::new();
        vmcall_1 vmcall_2 vmcall_3 vmcall_4 vmcall_5 vmcall_int vmcall_held vmcall_live);
    probes!(Vmmcall::new();
        vmmcall_1 vmmcall_2 vmmcall_3 vmmcall_4 vmmcall_5 vmmcall_int vmmcall_held vmmcall_live);
}

/// x86_64's way of PV guests.
#[cfg(target_arch = "x86_64")]
pub mod pv {
    use super::*;

    /// Goes to a context by `syscall`.
    ///
    /// # Safety
    /// As for the hypercall.
    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn syscall_iret(context: *mut cpu::Context) -> ! {
        // SAFETY: the caller's.
        unsafe { cpu::PvSyscall::new().iret(context) }
    }

    probes!(cpu::PvSyscall::new();
        syscall_1 syscall_2 syscall_3 syscall_4 syscall_5 syscall_int syscall_held syscall_live);
}

/// x86_32's way of PV guests.
#[cfg(target_arch = "x86")]
pub mod pv {
    use super::*;

    /// Goes to a context by `int 0x82`.
    ///
    /// # Safety
    /// As for the hypercall.
    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn int82_iret(context: *mut cpu::Context) -> ! {
        // SAFETY: the caller's.
        unsafe { cpu::PvInt82::new().iret(context) }
    }

    probes!(cpu::PvInt82::new();
        int82_1 int82_2 int82_3 int82_4 int82_5 int82_int int82_held int82_live);
}

/// The way of both arm ABIs.
#[cfg(any(target_arch = "aarch64", target_arch = "arm"))]
pub mod arm {
    use super::*;

    probes!(cpu::Hvc::new(); hvc_1 hvc_2 hvc_3 hvc_4 hvc_5 hvc_int hvc_held hvc_live);
}
