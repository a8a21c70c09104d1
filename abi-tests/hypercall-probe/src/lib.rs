//! Each conduit of the target's processor in functions of its own, which `tests/hypercalls.rs` of
//! `abi-tests` compiles for many targets and follows instruction by instruction.
//!
//! For a conduit `way` there are `way_1` to `way_5`, a hypercall of that many arguments, which they take
//! in the other order, so that none is in its place by chance, and whose answer they return;
//! `way_twice`, two of them that are the same; `way_int`, whose answer is taken for a C `int`; `way_held`,
//! which stores to a word before and after the call and returns what it finds there in between;
//! `way_live`, which keeps values over the call; and `way_iret`.
//! `way_send`, `way_copy`, `way_yield` and `way_block` are calls as C makes them too (`c/hypercalls.c`), and
//! `way_gated_send` and so on the crate's own functions; `way_gated_one` is a copy whose list is one entry.
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

use xen_abi::hypercall::grant_table_op::{self, GrantCopy};
use xen_abi::hypercall::{Conduit, Xen, cpu, event_channel_op, int, sched_op};
use xen_abi::xen_public::event_channel::EvtchnPort;
use xen_abi::xen_public::native::event_channel::evtchn_send;
use xen_abi::xen_public::native::grant_table::gnttab_copy;

/// Copies to be made.
#[derive(Debug)]
#[repr(C)]
pub struct Copies<'a>(&'a mut [GrantCopy]);

/// A word whose values nothing is known of.
type Word = Cell<usize>;

macro_rules! probes {
    ($way:expr; $one:ident $two:ident $three:ident $four:ident $five:ident $twice:ident $int:ident $held:ident
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

        /// `HYPERVISOR_xen_version` and the very same again.
        ///
        /// # Safety
        /// As for the hypercall.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $twice(a: usize, b: usize) -> isize {
            // SAFETY: the caller's.
            unsafe {
                $way.hypercall(17, [b, a, 0, 0, 0]);
                $way.hypercall(17, [b, a, 0, 0, 0])
            }
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

macro_rules! calls {
    ($way:ty = $new:expr; $send:ident $copy:ident $yield:ident $block:ident $gated_send:ident
        $gated_copy:ident $gated_one:ident $gated_yield:ident $gated_block:ident) => {
        /// `EVTCHNOP_send`, with the structure of its argument.
        ///
        /// # Safety
        /// As for the hypercall.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $send(port: u32) -> i32 {
            let mut argument = evtchn_send { port };
            let address = (&raw mut argument).expose_provenance();
            // SAFETY: the caller's.
            unsafe { $new.hypercall(32, [4, address, 0, 0, 0]) as i32 }
        }

        /// `GNTTABOP_copy`.
        ///
        /// # Safety
        /// As for the hypercall.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $copy(copies: *mut gnttab_copy, count: u32) -> i32 {
            let address = copies.expose_provenance();
            // SAFETY: the caller's.
            unsafe { $new.hypercall(20, [5, address, count as usize, 0, 0]) as i32 }
        }

        /// `SCHEDOP_yield`.
        ///
        /// # Safety
        /// As for the hypercall.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $yield() -> i32 {
            // SAFETY: the caller's.
            unsafe { $new.hypercall(29, [0; 5]) as i32 }
        }

        /// `SCHEDOP_block`.
        ///
        /// # Safety
        /// As for the hypercall.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $block() -> i32 {
            // SAFETY: the caller's.
            unsafe { $new.hypercall(29, [1, 0, 0, 0, 0]) as i32 }
        }

        /// `EVTCHNOP_send` by the crate's function.
        #[unsafe(no_mangle)]
        pub extern "C" fn $gated_send(xen: &Xen<$way>, port: EvtchnPort) -> bool {
            event_channel_op::send(xen, port).is_ok()
        }

        /// `GNTTABOP_copy` by the crate's function.
        ///
        /// # Safety
        /// As for that function.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $gated_copy(xen: &Xen<$way>, copies: &mut Copies<'_>) -> bool {
            // SAFETY: the caller's.
            unsafe { grant_table_op::copy(xen, copies.0) }.is_ok()
        }

        /// `GNTTABOP_copy` by the crate's function, with one entry.
        ///
        /// # Safety
        /// As for that function.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $gated_one(xen: &Xen<$way>, copy: &mut GrantCopy) -> bool {
            // SAFETY: the caller's.
            unsafe { grant_table_op::copy(xen, core::slice::from_mut(copy)) }.is_ok()
        }

        /// `SCHEDOP_yield` by the crate's function.
        #[unsafe(no_mangle)]
        pub extern "C" fn $gated_yield(xen: &Xen<$way>) -> bool {
            sched_op::yield_now(xen).is_ok()
        }

        /// `SCHEDOP_block` by the crate's function.
        #[unsafe(no_mangle)]
        pub extern "C" fn $gated_block(xen: &Xen<$way>) -> bool {
            sched_op::block(xen).is_ok()
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
    pub struct Somewhere;

    unsafe extern "C" {
        static hypercall_page: [u8; 4096];
    }

    // SAFETY: the program with these functions has such a page.
    unsafe impl HypercallPage for Somewhere {
        fn address() -> usize {
            (&raw const hypercall_page).expose_provenance()
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

    calls!(Page<Somewhere> = Page::<Somewhere>::new(); page_send page_copy page_yield page_block
        page_gated_send page_gated_copy page_gated_one page_gated_yield page_gated_block);
    probes!(Page::<Somewhere>::new();
        page_1 page_2 page_3 page_4 page_5 page_twice page_int page_held page_live);
    calls!(Vmcall = Vmcall::new(); vmcall_send vmcall_copy vmcall_yield vmcall_block
        vmcall_gated_send vmcall_gated_copy vmcall_gated_one vmcall_gated_yield vmcall_gated_block);
    probes!(Vmcall::new();
        vmcall_1 vmcall_2 vmcall_3 vmcall_4 vmcall_5 vmcall_twice vmcall_int vmcall_held vmcall_live);
    calls!(Vmmcall = Vmmcall::new(); vmmcall_send vmmcall_copy vmmcall_yield vmmcall_block
        vmmcall_gated_send vmmcall_gated_copy vmmcall_gated_one vmmcall_gated_yield vmmcall_gated_block);
    probes!(Vmmcall::new();
        vmmcall_1 vmmcall_2 vmmcall_3 vmmcall_4 vmmcall_5 vmmcall_twice vmmcall_int vmmcall_held vmmcall_live);
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

    calls!(cpu::PvSyscall = cpu::PvSyscall::new(); syscall_send syscall_copy syscall_yield syscall_block
        syscall_gated_send syscall_gated_copy syscall_gated_one syscall_gated_yield syscall_gated_block);
    probes!(cpu::PvSyscall::new();
        syscall_1 syscall_2 syscall_3 syscall_4 syscall_5 syscall_twice syscall_int syscall_held syscall_live);
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

    calls!(cpu::PvInt82 = cpu::PvInt82::new(); int82_send int82_copy int82_yield int82_block
        int82_gated_send int82_gated_copy int82_gated_one int82_gated_yield int82_gated_block);
    probes!(cpu::PvInt82::new();
        int82_1 int82_2 int82_3 int82_4 int82_5 int82_twice int82_int int82_held int82_live);
}

/// The way of both arm ABIs.
#[cfg(any(target_arch = "aarch64", target_arch = "arm"))]
pub mod arm {
    use super::*;

    calls!(cpu::Hvc = cpu::Hvc::new(); hvc_send hvc_copy hvc_yield hvc_block
        hvc_gated_send hvc_gated_copy hvc_gated_one hvc_gated_yield hvc_gated_block);
    probes!(cpu::Hvc::new(); hvc_1 hvc_2 hvc_3 hvc_4 hvc_5 hvc_twice hvc_int hvc_held hvc_live);
}
