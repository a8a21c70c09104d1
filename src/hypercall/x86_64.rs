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
//! The three instructions write nothing to the stack. The page's stubs are functions: a call pushes a return
//! address, and the stack is aligned for it. On targets without an operating system (`none`, `uefi`) the
//! compiler may keep the stack as it is around the instructions; on others it holds it free and aligned. The
//! compiler's own targets of the first kind have no red zone, and one of your own has to switch it off
//! (`disable-redzone`), as for any code that takes interrupts on its stack.
//!
//! Code that is compiled with checks of indirect calls (KCFI) can't use [`Page`]: Xen's stubs carry no type.
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

/// One way of entering Xen: what the assembly promises besides, the instruction, what is in rax before it,
/// and the arguments in their registers. Those of arguments that are not there count as lost, but nothing
/// is loaded into them.
macro_rules! enter {
    ($options:tt $instruction:literal, $rax:expr, $number:expr, $arguments:expr) => {{
        let [first, second, third, fourth, fifth] = $arguments;
        match arguments::count($number, first) {
            1 => enter!(@ $options $instruction, $rax; "rdi" = first; "rsi" "rdx" "r10" "r8"),
            2 => enter!(@ $options $instruction, $rax;
                "rdi" = first, "rsi" = second; "rdx" "r10" "r8"),
            3 => enter!(@ $options $instruction, $rax;
                "rdi" = first, "rsi" = second, "rdx" = third; "r10" "r8"),
            4 => enter!(@ $options $instruction, $rax;
                "rdi" = first, "rsi" = second, "rdx" = third, "r10" = fourth; "r8"),
            _ => enter!(@ $options $instruction, $rax;
                "rdi" = first, "rsi" = second, "rdx" = third, "r10" = fourth, "r8" = fifth;),
        }
    }};
    (@ [$($options:tt)*] $instruction:literal, $rax:expr;
        $($register:tt = $value:ident),*; $($lost:tt)*) => {{
        let result: isize;
        // SAFETY: the caller of the function around this vouches that the instruction leads to Xen.
        // Xen returns to the next instruction (the one call that does not is not the caller's to
        // make, by `Conduit`'s contract) and changes no register but the eight named here. Flags and
        // memory count as changed, because neither `preserves_flags` nor `nomem` is given. `call`
        // pushes a return address, and stands here without `nostack`; for the others see `trap`. What
        // Xen does with the arguments is what the caller answers for.
        unsafe {
            asm!(
                $instruction,
                inout("rax") $rax => result,
                $(inout($register) $value => _,)*
                $(lateout($lost) _,)*
                lateout("rcx") _,
                lateout("r11") _,
                $($options)*
            );
        }
        result
    }};
}

cfg_if::cfg_if! {
    if #[cfg(any(target_os = "none", target_os = "uefi"))] {
        /// [`enter`] by an instruction that traps, with `nostack`.
        ///
        /// `syscall`, `vmcall` and `vmmcall` change no memory themselves, and Xen writes nothing to the
        /// stack as part of a call. What it may put there before the next instruction is the frame of an
        /// event, an interrupt or an NMI that has been waiting, as before any other instruction and at
        /// the same place, which it aligns itself: assembly around it promises no more about its own
        /// stack than the code before and after. Two calls are the reason themselves, `SCHEDOP_block`,
        /// which lets events in, and `VCPUOP_send_nmi` to oneself; that is what `sti` and `int` do, whose
        /// frames a stack without a red zone takes anywhere. The compiler's own targets that come here
        /// have none, and another has to switch it off, as the module's documentation says.
        macro_rules! trap {
            ($($way:tt)*) => {
                enter!([options(nostack)] $($way)*)
            };
        }
    } else {
        /// [`enter`] by an instruction that traps, without `nostack`.
        ///
        /// The code of an operating system's target has a red zone below its stack, unless it was
        /// compiled otherwise, which can't be seen from here. Code that takes events on its stack can't
        /// have one; but code that is only ever interrupted where it calls `SCHEDOP_block` could, as long
        /// as the red zone is not in use there.
        macro_rules! trap {
            ($($way:tt)*) => {
                enter!([] $($way)*)
            };
        }
    }
}

/// Calls a stub as a function of so many arguments.
macro_rules! call {
    ($stub:ident($($argument:ident: $type:ty),*)) => {{
        type Stub = unsafe extern "sysv64" fn($($type),*) -> isize;
        // SAFETY: a pointer to code and a pointer to a function are the same on this processor, and the
        // caller of the function around this vouches that the address is that of the stub, so it is not null.
        let stub = unsafe { core::mem::transmute::<*const (), Stub>($stub) };
        // SAFETY: so it is Xen's code for this call, whose first three arguments are where this convention
        // has them and whose answer is too. It returns (the one call that does not is not the caller's to
        // make, by `Conduit`'s contract) and changes no register but those that the convention gives it,
        // no flag that it keeps, and nothing above its return address. What Xen does with the arguments
        // is what the caller answers for.
        unsafe { stub($($argument),*) }
    }};
}

/// Calls the stub at this address.
///
/// With up to three arguments a stub is a function as C has them, and called as one: where the address is
/// known when the program is linked the instruction names it, and where nothing is left to do after it,
/// it is a jump. The fourth argument is in another register.
///
/// # Safety
///
/// It is the hypercall page's for this number, and as for [`Conduit::hypercall`].
#[inline(always)]
pub(super) unsafe fn call_stub(stub: usize, number: u32, arguments: [usize; 5]) -> isize {
    let [first, second, third, _, _] = arguments;
    let code = core::ptr::with_exposed_provenance::<()>(stub);
    match arguments::count(number, first) {
        1 => call!(code(first: usize)),
        2 => call!(code(first: usize, second: usize)),
        3 => call!(code(first: usize, second: usize, third: usize)),
        _ => enter!([] "call rax", stub, number, arguments),
    }
}

/// Executes `vmcall`.
///
/// # Safety
///
/// It leads to Xen, and as for [`Conduit::hypercall`].
#[inline(always)]
pub(super) unsafe fn vmcall(number: u32, arguments: [usize; 5]) -> isize {
    trap!("vmcall", number as usize, number, arguments)
}

/// Executes `vmmcall`.
///
/// # Safety
///
/// It leads to Xen, and as for [`Conduit::hypercall`].
#[inline(always)]
pub(super) unsafe fn vmmcall(number: u32, arguments: [usize; 5]) -> isize {
    trap!("vmmcall", number as usize, number, arguments)
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
        trap!("syscall", number as usize, number, arguments)
    }

    fn guest(&self) -> Option<Guest> {
        Some(Guest::Pv)
    }
}
