//! The ways to Xen of an x86 processor in 32-bit mode.
//!
//! | conduit | enters Xen by | in |
//! |---|---|---|
//! | [`Page`] | the stub in the hypercall page | any guest |
//! | [`PvInt82`] | `int 0x82` | a PV guest |
//! | [`Vmcall`] | `vmcall` | an HVM or PVH guest on Intel's processors |
//! | [`Vmmcall`] | `vmmcall` | an HVM or PVH guest on AMD's processors |
//! | [`HvmCall`] | one of these two, chosen at run time | an HVM or PVH guest |
//!
//! Either way the registers are the same (`xen/include/public/arch-x86/xen-x86_32.h`): the number
//! in eax, the arguments in ebx, ecx, edx, esi and edi, the result in eax. Xen may leave anything in
//! the registers of the arguments that the call has. Memory counts as read and written, and the flags
//! as changed. The registers of arguments that a call does not have are left as they are.
//!
//! `int 0x82`, `vmcall` and `vmmcall` write nothing to the stack, and for a call of up to three arguments
//! the compiler may keep it as it is around them. A call of the page's stub pushes a return address, and the
//! stack is aligned for it.
//!
//! `HYPERVISOR_iret` does not come back; it has its own functions, [`Page::iret`] and
//! [`PvInt82::iret`].
//!
//! An HVM or PVH guest has its hypercall page made: [`XenLeaves`] finds Xen by CPUID and
//! [`XenLeaves::install`] asks for the page. A PV guest names the page in an ELF note and finds it
//! filled.
//!
//! `Page` and `Vmmcall` run on real hypervisors in this crate's tests, in PVH guests. `vmcall` and
//! `int 0x82` can't: they are held against their disassembly only.
#![allow(unsafe_code)]

use core::arch::asm;

use super::{Conduit, arguments};
use crate::version::Guest;

mod iret;

pub use super::x86::{
    HvmCall, HypercallPage, Instruction, Page, SetupError, Vmcall, Vmmcall, XenLeaves,
};
pub use iret::Context;

/// One way of entering Xen: what the assembly promises besides, the instruction, what is in eax before it,
/// and the arguments in their registers.
///
/// The compiler has esi for itself (it may hold the frame's base), so the fourth argument comes in edi
/// or through memory, and esi is put back after the call.
macro_rules! enter {
    ($options:tt $instruction:literal, $eax:expr, $number:expr, $arguments:expr) => {{
        let [first, second, third, fourth, fifth] = $arguments;
        match arguments::count($number, first) {
            1 => enter!(@ $options $instruction; $eax;
                inout("ebx") first => _, lateout("ecx") _, lateout("edx") _),
            2 => enter!(@ $options $instruction; $eax;
                inout("ebx") first => _, inout("ecx") second => _, lateout("edx") _),
            3 => enter!(@ $options $instruction; $eax;
                inout("ebx") first => _, inout("ecx") second => _, inout("edx") third => _),
            4 => enter!(@ [] "push esi", "mov esi, edi", $instruction, "pop esi"; $eax;
                inout("ebx") first => _, inout("ecx") second => _, inout("edx") third => _,
                inout("edi") fourth => _),
            _ => {
                let last = [fourth, fifth];
                enter!(@ [] "push esi", "mov esi, [edi]", "mov edi, [edi + 4]", $instruction,
                    "pop esi"; $eax;
                    inout("ebx") first => _, inout("ecx") second => _, inout("edx") third => _,
                    inout("edi") last.as_ptr() => _)
            }
        }
    }};
    (@ [$($options:tt)*] $($template:literal),*; $eax:expr; $($operands:tt)*) => {{
        let result: isize;
        // SAFETY: the caller of the function around this vouches that the instruction leads to Xen.
        // Xen returns to the next instruction (the one call that does not is not the caller's to
        // make, by `Conduit`'s contract) and changes no register but eax and those of the arguments
        // that the call has: named here, or esi, which is put back. Flags and memory count as changed,
        // because neither `preserves_flags` nor `nomem` is given; the same lets the block read the two
        // arguments that edi may point to. `call` and `push` use the stack, and stand here without
        // `nostack`; for the others see `trap`. What Xen does with the arguments is what the caller
        // answers for.
        unsafe {
            asm!($($template,)* inout("eax") $eax => result, $($operands)*, $($options)*);
        }
        result
    }};
}

/// [`enter`] by an instruction that traps, with `nostack` unless esi has to be pushed.
///
/// `int 0x82`, `vmcall` and `vmmcall` write nothing to the guest's stack (the frame of `int 0x82` is on
/// Xen's), and Xen does not as part of a call. What it may put there before the next instruction is the frame
/// of an event, an interrupt or an NMI that has been waiting, as before any other instruction. It goes below
/// the stack pointer, where code of this ABI, which has no red zone, keeps nothing.
macro_rules! trap {
    ($($way:tt)*) => {
        enter!([options(nostack)] $($way)*)
    };
}

/// Calls the stub at this address.
///
/// # Safety
///
/// It is the hypercall page's for this number, and as for [`Conduit::hypercall`].
#[inline(always)]
pub(super) unsafe fn call_stub(stub: usize, number: u32, arguments: [usize; 5]) -> isize {
    enter!([] "call eax", stub, number, arguments)
}

/// Executes `vmcall`.
///
/// # Safety
///
/// It leads to Xen, and as for [`Conduit::hypercall`].
#[inline(always)]
pub(super) unsafe fn vmcall(number: u32, arguments: [usize; 5]) -> isize {
    trap!("vmcall", number, number, arguments)
}

/// Executes `vmmcall`.
///
/// # Safety
///
/// It leads to Xen, and as for [`Conduit::hypercall`].
#[inline(always)]
pub(super) unsafe fn vmmcall(number: u32, arguments: [usize; 5]) -> isize {
    trap!("vmmcall", number, number, arguments)
}

/// Calls with an `int 0x82` instruction of its own, as 32-bit PV guest kernels may.
#[derive(Debug)]
pub struct PvInt82(());

impl PvInt82 {
    /// The way by `int 0x82`.
    ///
    /// # Safety
    ///
    /// The code runs in the kernel of a 32-bit PV guest, and the value stays there. In any other place
    /// the interrupt leads elsewhere.
    pub const unsafe fn new() -> Self {
        Self(())
    }
}

// SAFETY: in a 32-bit PV guest's kernel (which `new` asks for) `int 0x82` enters Xen with number and
// arguments as they stand in the registers.
unsafe impl Conduit for PvInt82 {
    #[inline(always)]
    unsafe fn hypercall(&self, number: u32, arguments: [usize; 5]) -> isize {
        trap!("int 0x82", number, number, arguments)
    }

    fn guest(&self) -> Option<Guest> {
        Some(Guest::Pv)
    }
}
