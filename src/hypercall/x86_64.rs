//! The ways to Xen of an x86_64 processor.
//!
//! A PV guest has two. The *hypercall page* is a page of the guest that Xen fills with one stub of
//! 32 bytes per hypercall; the guest calls the stub ([`Page`]). The stubs of a PV guest end in
//! `syscall`, which a guest may as well issue itself ([`PvSyscall`]).
//!
//! Either way the registers are the same (`xen/include/public/arch-x86/xen-x86_64.h`): the number
//! in rax, the arguments in rdi, rsi, rdx, r10 and r8, the result in rax. Xen may leave anything in
//! the argument registers, and `syscall` itself overwrites rcx and r11, so all seven are lost.
#![allow(unsafe_code)]

use core::arch::asm;
use core::marker::PhantomData;

use super::{Conduit, Errno};

/// Where a guest's hypercall page stands.
///
/// # Safety
///
/// [`address`](Self::address) always returns the same address, of a page of 4096 bytes, aligned to
/// that, executable, which Xen has filled with its stubs (by the ELF note
/// `XEN_ELFNOTE_HYPERCALL_PAGE` or the hypervisor's MSR) before the first hypercall, and which
/// nothing else writes.
pub unsafe trait HypercallPage {
    /// The page's virtual address.
    fn address() -> usize;
}

/// Calls through the hypercall page that `P` names.
pub struct Page<P>(PhantomData<fn() -> P>);

impl<P: HypercallPage> Page<P> {
    /// The way through `P`'s page. Safe, since `P` has vouched for the page.
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<P> core::fmt::Debug for Page<P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
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
    #[inline]
    unsafe fn hypercall(&self, number: u32, arguments: [usize; 5]) -> isize {
        if number >= STUBS {
            return NO_SUCH_CALL;
        }
        let stub = P::address() + number as usize * STUB;
        let [first, second, third, fourth, fifth] = arguments;
        let result: isize;
        // SAFETY: `P` vouches that Xen's code stands at `stub`. It returns with a plain `ret` (the
        // one call that does not is not the caller's to make, by the trait's contract) and
        // changes no register but the eight named here; flags and memory count as changed, because
        // neither `preserves_flags` nor `nomem` is given. The block pushes a return address, so
        // `nostack` is not given either and the compiler keeps the red zone out of the way. What
        // Xen does with the arguments is what this function's caller answers for.
        unsafe {
            asm!(
                "call {stub}",
                stub = in(reg) stub,
                out("rax") result,
                inout("rdi") first => _,
                inout("rsi") second => _,
                inout("rdx") third => _,
                inout("r10") fourth => _,
                inout("r8") fifth => _,
                out("rcx") _,
                out("r11") _,
            );
        }
        result
    }
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
    #[inline]
    unsafe fn hypercall(&self, number: u32, arguments: [usize; 5]) -> isize {
        let [first, second, third, fourth, fifth] = arguments;
        let result: isize;
        // SAFETY: whoever made `self` vouched that Xen is at the other end. Xen changes no
        // register but the eight named here; flags and memory count as changed, because neither
        // `preserves_flags` nor `nomem` is given. Xen has a stack of its own, but may deliver an
        // event on the guest's before it returns, so `nostack` is not given either. What Xen does
        // with the arguments is what this function's caller answers for.
        unsafe {
            asm!(
                "syscall",
                inout("rax") number as usize => result,
                inout("rdi") first => _,
                inout("rsi") second => _,
                inout("rdx") third => _,
                inout("r10") fourth => _,
                inout("r8") fifth => _,
                out("rcx") _,
                out("r11") _,
            );
        }
        result
    }
}
