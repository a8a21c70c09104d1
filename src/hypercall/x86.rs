//! What both x86 ABIs have: the hypercall page, the instructions of HVM guests, and finding Xen.
#![allow(unsafe_code)]

use core::fmt;
use core::marker::PhantomData;

use super::{Conduit, Errno};
use crate::version::Guest;

#[cfg(target_arch = "x86")]
use super::x86_32 as cpu;
#[cfg(target_arch = "x86_64")]
use super::x86_64 as cpu;

mod setup;

pub use setup::{Instruction, SetupError, XenLeaves};

/// The number of `HYPERVISOR_iret`.
pub(super) const IRET: u32 = xen_public::native::xen::__HYPERVISOR_iret as u32;

/// Where a guest's hypercall page stands.
///
/// # Safety
///
/// [`address`](Self::address) always returns the same address, not 0, of a page of 4096 bytes, aligned
/// to that, executable, which Xen has filled with its stubs (by the ELF note
/// `XEN_ELFNOTE_HYPERCALL_PAGE` or the hypervisor's MSR) before the first hypercall, and which
/// nothing else writes.
pub unsafe trait HypercallPage {
    /// The page's virtual address, made by `expose_provenance`. A symbol's is best: where the linker knows it,
    /// a call names its stub without a look at any register (on x86_64).
    fn address() -> usize;
}

/// Calls through the hypercall page that `P` names.
pub struct Page<P>(PhantomData<fn() -> P>);

impl<P: HypercallPage> Page<P> {
    /// The way through `P`'s page. Safe, since `P` has vouched for the page.
    pub const fn new() -> Self {
        Self(PhantomData)
    }

    /// The address of a hypercall's stub, whose number is below [`STUBS`].
    #[inline]
    pub(super) fn stub(number: u32) -> usize {
        P::address() + number as usize * STUB
    }
}

impl<P> fmt::Debug for Page<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Page")
    }
}

impl<P: HypercallPage> Default for Page<P> {
    fn default() -> Self {
        Self::new()
    }
}

/// The length of a stub in the hypercall page, in bytes.
const STUB: usize = 32;
/// How many stubs the page has room for.
const STUBS: u32 = 4096 / STUB as u32;
/// Xen's answer to a call that it does not know.
const NO_SUCH_CALL: isize = Errno::ENOSYS.to_return() as isize;

// SAFETY: the stub in Xen's page passes number and arguments on as they stand in the registers;
// a number that has no stub gets the answer Xen gives to an unknown call.
unsafe impl<P: HypercallPage> Conduit for Page<P> {
    #[inline(always)]
    unsafe fn hypercall(&self, number: u32, arguments: [usize; 5]) -> isize {
        if number >= STUBS {
            return NO_SUCH_CALL;
        }
        // SAFETY: `P` vouches that Xen's code for this number stands there, and the caller for the
        // call.
        unsafe { cpu::call_stub(Self::stub(number), number, arguments) }
    }
}

/// Calls with `vmcall`, as HVM and PVH guests do on Intel's processors and those built like them.
///
/// On another processor the instruction is an invalid one: [`HvmCall::detect`] asks first.
#[derive(Debug)]
pub struct Vmcall(());

impl Vmcall {
    /// The way by `vmcall`.
    ///
    /// # Safety
    ///
    /// The code runs at privilege level 0 of an HVM or PVH guest of Xen, on a processor that has the
    /// instruction ([`Instruction::detect`]), and the value stays there. In any other place the
    /// instruction leads to another hypervisor or nowhere.
    pub const unsafe fn new() -> Self {
        Self(())
    }
}

// SAFETY: in an HVM guest's kernel (which `new` asks for) `vmcall` enters Xen with number and arguments
// as they stand in the registers.
unsafe impl Conduit for Vmcall {
    #[inline(always)]
    unsafe fn hypercall(&self, number: u32, arguments: [usize; 5]) -> isize {
        // SAFETY: whoever made `self` vouched for the instruction, and the caller does for the call.
        unsafe { cpu::vmcall(number, arguments) }
    }

    fn guest(&self) -> Option<Guest> {
        Some(Guest::Hvm)
    }
}

/// Calls with `vmmcall`, as HVM and PVH guests do on AMD's processors and those built like them.
///
/// On another processor the instruction is an invalid one: [`HvmCall::detect`] asks first.
#[derive(Debug)]
pub struct Vmmcall(());

impl Vmmcall {
    /// The way by `vmmcall`.
    ///
    /// # Safety
    ///
    /// As for [`Vmcall::new`].
    pub const unsafe fn new() -> Self {
        Self(())
    }
}

// SAFETY: in an HVM guest's kernel (which `new` asks for) `vmmcall` enters Xen with number and arguments
// as they stand in the registers.
unsafe impl Conduit for Vmmcall {
    #[inline(always)]
    unsafe fn hypercall(&self, number: u32, arguments: [usize; 5]) -> isize {
        // SAFETY: whoever made `self` vouched for the instruction, and the caller does for the call.
        unsafe { cpu::vmmcall(number, arguments) }
    }

    fn guest(&self) -> Option<Guest> {
        Some(Guest::Hvm)
    }
}

/// Calls with the one of `vmcall` and `vmmcall` that the processor has, for a kernel without a
/// hypercall page that runs on either.
///
/// A branch on each call. A kernel that decides once for all takes [`Vmcall`] or [`Vmmcall`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HvmCall(Instruction);

impl HvmCall {
    /// The way by this instruction.
    ///
    /// # Safety
    ///
    /// As for [`Vmcall::new`].
    pub const unsafe fn new(instruction: Instruction) -> Self {
        Self(instruction)
    }

    /// The way by the instruction that the processor has, as CPUID tells.
    ///
    /// # Errors
    ///
    /// [`SetupError::Vendor`] for a maker of whom it is not known.
    ///
    /// # Safety
    ///
    /// The code runs at privilege level 0 of an HVM or PVH guest of Xen, and the value stays there.
    pub unsafe fn detect() -> Result<Self, SetupError> {
        Instruction::detect().map(Self)
    }

    /// Which it is.
    pub const fn instruction(&self) -> Instruction {
        self.0
    }
}

// SAFETY: in an HVM guest's kernel (which `new` and `detect` ask for) the processor's instruction enters
// Xen with number and arguments as they stand in the registers.
unsafe impl Conduit for HvmCall {
    #[inline(always)]
    unsafe fn hypercall(&self, number: u32, arguments: [usize; 5]) -> isize {
        match self.0 {
            // SAFETY: whoever made `self` vouched for the instruction, and the caller does for the
            // call.
            Instruction::Vmcall => unsafe { cpu::vmcall(number, arguments) },
            // SAFETY: the same.
            Instruction::Vmmcall => unsafe { cpu::vmmcall(number, arguments) },
        }
    }

    fn guest(&self) -> Option<Guest> {
        Some(Guest::Hvm)
    }
}
