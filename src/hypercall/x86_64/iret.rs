//! `HYPERVISOR_iret`: leaves the kernel for a saved context (`xen/include/public/arch-x86/xen-x86_64.h`).

use core::arch::asm;
use core::mem::offset_of;

use xen_public::abi::x86_64::arch_x86::xen_x86_64::iret_context;

use super::super::x86::IRET;
use super::{HypercallPage, Page, PvSyscall};

/// All registers of the place that [`Page::iret`] and [`PvSyscall::iret`] go to: Xen takes those in
/// `frame` from the kernel's stack and leaves the others as they stand.
///
/// The segment registers fs, gs, ds and es and the x87 and vector registers are those of the moment.
#[derive(Clone, Copy)]
#[repr(C)]
#[allow(missing_docs)]
pub struct Context {
    pub r15: u64,
    pub r14: u64,
    pub r13: u64,
    pub r12: u64,
    pub rbp: u64,
    pub rbx: u64,
    pub r10: u64,
    pub r9: u64,
    pub r8: u64,
    pub rdx: u64,
    pub rsi: u64,
    pub rdi: u64,
    /// What Xen reads. A `cs` of privilege 3 leads to user mode, any other to kernel mode; with
    /// `VGCF_in_syscall` in `flags` r11, rcx, cs and ss are not restored.
    #[doc(alias = "iret_context")]
    pub frame: iret_context,
}

// The code below pops the registers one by one and reaches into the frame.
const _: () = {
    assert!(offset_of!(Context, frame) == 96);
    assert!(offset_of!(iret_context, rax) == 0);
    assert!(offset_of!(iret_context, r11) == 8);
    assert!(offset_of!(iret_context, rcx) == 16);
    assert!(offset_of!(iret_context, flags) == 24);
};

impl PvSyscall {
    /// Goes to `context` and does not come back (`HYPERVISOR_iret`). Xen sets the upcall mask from the
    /// flag for interrupts (bit 9) of the frame's `rflags` in the same step. If it can't read the frame,
    /// or if user mode has no page tables, it ends the domain.
    ///
    /// # Safety
    ///
    /// The code there may run with these registers, and nothing is needed any more of the stack this
    /// is called on. `context` is valid for reads and writes and stands on a stack of the kernel: Xen may
    /// deliver an event while the registers are loaded and then uses the memory below the part that
    /// is still needed.
    #[doc(alias = "HYPERVISOR_iret")]
    #[inline]
    pub unsafe fn iret(&self, context: *mut Context) -> ! {
        // SAFETY: the caller vouches for the context and for what happens there. The stack pointer
        // is at the frame when Xen is entered.
        unsafe {
            asm!(
                "mov rsp, {context}",
                "pop r15",
                "pop r14",
                "pop r13",
                "pop r12",
                "pop rbp",
                "pop rbx",
                "pop r10",
                "pop r9",
                "pop r8",
                "pop rdx",
                "pop rsi",
                "pop rdi",
                "mov eax, {iret}",
                "syscall",
                "ud2",
                context = in(reg) context,
                iret = const IRET,
                options(noreturn),
            )
        }
    }
}

impl<P: HypercallPage> Page<P> {
    /// Goes to `context` and does not come back, by the stub in the page (`HYPERVISOR_iret`). Only the
    /// page of a PV guest has one; in an HVM or PVH guest an invalid instruction (`ud2`) stands there.
    ///
    /// That stub pushes rcx, r11 and rax itself, where the frame has them, and is jumped to. The rest
    /// is as for [`PvSyscall::iret`].
    ///
    /// # Safety
    ///
    /// This is the kernel of a PV guest, and as for [`PvSyscall::iret`].
    #[doc(alias = "HYPERVISOR_iret")]
    #[inline]
    pub unsafe fn iret(&self, context: *mut Context) -> ! {
        // SAFETY: the caller vouches for the context and for what happens there. The frame's place of
        // rcx holds the stub's address once rcx is loaded, and the `ret` takes it from there, so that
        // the stack pointer is at the frame's `flags` when the stub pushes the three registers.
        unsafe {
            asm!(
                "mov rsp, rdi",
                "mov rcx, [rdi + 112]",
                "mov [rdi + 112], rsi",
                "pop r15",
                "pop r14",
                "pop r13",
                "pop r12",
                "pop rbp",
                "pop rbx",
                "pop r10",
                "pop r9",
                "pop r8",
                "pop rdx",
                "pop rsi",
                "pop rdi",
                "pop rax",
                "pop r11",
                "ret",
                in("rdi") context,
                in("rsi") Self::stub(IRET),
                options(noreturn),
            )
        }
    }
}
