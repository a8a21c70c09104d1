//! The ways to Xen of an x86_64 processor.
//!
//! | conduit | enters Xen by | in |
//! |---|---|---|
//! | [`Page`] | the stub in the hypercall page | any guest |
//! | [`PvSyscall`] | `syscall` | a PV guest |
//! | [`Vmcall`] | `vmcall` | an HVM or PVH guest on Intel's processors |
//! | [`Vmmcall`] | `vmmcall` | an HVM or PVH guest on AMD's processors |
//! | [`HvmCall`] | one of these two, chosen at run time | an HVM or PVH guest |
//!
//! Either way the registers are the same (`xen/include/public/arch-x86/xen-x86_64.h`): the number
//! in rax, the arguments in rdi, rsi, rdx, r10 and r8, the result in rax. Xen may leave anything in
//! the argument registers, and `syscall` itself overwrites rcx and r11, so all seven are lost. Memory
//! counts as read and written, and the flags as changed. The registers of arguments that a call does
//! not have are left as they are.
//!
//! `HYPERVISOR_iret` does not come back; it has its own functions, [`Page::iret`] and
//! [`PvSyscall::iret`].
//!
//! An HVM or PVH guest has its hypercall page made: [`XenLeaves`] finds Xen by CPUID and
//! [`XenLeaves::install`] asks for the page. A PV guest names the page in an ELF note and finds it
//! filled.
//!
//! `Page` and `PvSyscall` run on real hypervisors in the tests of this crate, in PV guests, and `Page` and
//! `Vmmcall` in PVH guests. `vmcall` can't: it is held against its disassembly only.
#![allow(unsafe_code)]

use core::arch::asm;

use super::{Conduit, arguments};
use crate::version::Guest;

mod iret;

pub use super::x86::{
    HvmCall, HypercallPage, Instruction, Page, SetupError, Vmcall, Vmmcall, XenLeaves,
};
pub use iret::Context;

/// One way of entering Xen: the instruction, what is in rax before it, and the arguments in their
/// registers. Those of arguments that are not there count as lost, but nothing is loaded into them.
macro_rules! enter {
    ($instruction:literal, $rax:expr, $number:expr, $arguments:expr) => {{
        let [first, second, third, fourth, fifth] = $arguments;
        match arguments::count($number, first) {
            1 => enter!(@ $instruction, $rax; "rdi" = first; "rsi" "rdx" "r10" "r8"),
            2 => enter!(@ $instruction, $rax; "rdi" = first, "rsi" = second; "rdx" "r10" "r8"),
            3 => enter!(@ $instruction, $rax;
                "rdi" = first, "rsi" = second, "rdx" = third; "r10" "r8"),
            4 => enter!(@ $instruction, $rax;
                "rdi" = first, "rsi" = second, "rdx" = third, "r10" = fourth; "r8"),
            _ => enter!(@ $instruction, $rax;
                "rdi" = first, "rsi" = second, "rdx" = third, "r10" = fourth, "r8" = fifth;),
        }
    }};
    (@ $instruction:literal, $rax:expr;
        $($register:tt = $value:ident),*; $($lost:tt)*) => {{
        let result: isize;
        // SAFETY: the caller of the function around this vouches that the instruction leads to Xen.
        // Xen returns to the next instruction (the one call that does not is not the caller's to
        // make, by `Conduit`'s contract) and changes no register but the eight named here. Flags and
        // memory count as changed, because neither `preserves_flags` nor `nomem` is given. `call`
        // pushes a return address, and for a PV guest Xen may deliver an event on this very stack
        // before it returns, so `nostack` is not given either, and the compiler keeps the red zone
        // out of the way. What Xen does with the arguments is what the caller answers for.
        unsafe {
            asm!(
                $instruction,
                inout("rax") $rax => result,
                $(inout($register) $value => _,)*
                $(lateout($lost) _,)*
                lateout("rcx") _,
                lateout("r11") _,
            );
        }
        result
    }};
}

/// Calls the stub at this address.
///
/// # Safety
///
/// It is the hypercall page's for this number, and as for [`Conduit::hypercall`].
#[inline(always)]
pub(super) unsafe fn call_stub(stub: usize, number: u32, arguments: [usize; 5]) -> isize {
    enter!("call rax", stub, number, arguments)
}

/// Executes `vmcall`.
///
/// # Safety
///
/// It leads to Xen, and as for [`Conduit::hypercall`].
#[inline(always)]
pub(super) unsafe fn vmcall(number: u32, arguments: [usize; 5]) -> isize {
    enter!("vmcall", number as usize, number, arguments)
}

/// Executes `vmmcall`.
///
/// # Safety
///
/// It leads to Xen, and as for [`Conduit::hypercall`].
#[inline(always)]
pub(super) unsafe fn vmmcall(number: u32, arguments: [usize; 5]) -> isize {
    enter!("vmmcall", number as usize, number, arguments)
}

/// Calls with a `syscall` instruction of its own, as PV guest kernels may.
#[derive(Debug)]
pub struct PvSyscall(());

impl PvSyscall {
    /// The way by `syscall`.
    ///
    /// # Safety
    ///
    /// The code runs in the kernel of a PV guest, and the value stays there. In any other place
    /// the instruction leads elsewhere: in a process of an operating system it is a system call.
    pub const unsafe fn new() -> Self {
        Self(())
    }
}

// SAFETY: in a PV guest's kernel (which `new` asks for) `syscall` enters Xen with number and
// arguments as they stand in the registers.
unsafe impl Conduit for PvSyscall {
    #[inline(always)]
    unsafe fn hypercall(&self, number: u32, arguments: [usize; 5]) -> isize {
        enter!("syscall", number as usize, number, arguments)
    }

    fn guest(&self) -> Option<Guest> {
        Some(Guest::Pv)
    }
}
