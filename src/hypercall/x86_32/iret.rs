//! `HYPERVISOR_iret`: leaves the kernel for a saved context.

use core::arch::asm;
use core::mem::offset_of;

use super::super::x86::IRET;
use super::{HypercallPage, Page, PvInt82};

/// All registers of the place that [`Page::iret`] and [`PvInt82::iret`] go to: Xen takes the last six
/// from the kernel's stack and leaves the others as they stand.
///
/// The headers have no structure for what is on the stack; this is what every Xen reads there. The
/// segment registers ds, es, fs and gs and the x87 and vector registers are those of the moment.
#[derive(Clone, Copy)]
#[repr(C)]
#[allow(missing_docs)]
pub struct Context {
    pub edi: u32,
    pub esi: u32,
    pub ebp: u32,
    pub ebx: u32,
    pub edx: u32,
    pub ecx: u32,
    pub eax: u32,
    pub eip: u32,
    pub cs: u32,
    pub eflags: u32,
    /// The stack pointer: only read where `cs` is of privilege 2 or 3. Back in the kernel (privilege 1)
    /// the stack begins here.
    pub esp: u32,
    /// The stack's segment: only read where `cs` is of privilege 2 or 3.
    pub ss: u32,
}

// The code below pops the registers one by one and reaches into the frame.
const _: () = {
    assert!(offset_of!(Context, eax) == 24);
    assert!(offset_of!(Context, eip) == 28);
};

impl PvInt82 {
    /// Goes to `context` and does not come back (`HYPERVISOR_iret`). Xen sets the upcall mask from the
    /// flag for interrupts (bit 9) of `eflags` in the same step. If it can't read the context it ends the
    /// domain; a virtual 8086 context gets a general protection fault.
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
        // is at the context's `eax` when Xen is entered.
        unsafe {
            asm!(
                "mov esp, {context}",
                "pop edi",
                "pop esi",
                "pop ebp",
                "pop ebx",
                "pop edx",
                "pop ecx",
                "mov eax, {iret}",
                "int 0x82",
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
    /// That stub pushes eax itself, where the context has it, and is jumped to. The rest is as for
    /// [`PvInt82::iret`].
    ///
    /// # Safety
    ///
    /// This is the kernel of a PV guest, and as for [`PvInt82::iret`].
    #[doc(alias = "HYPERVISOR_iret")]
    #[inline]
    pub unsafe fn iret(&self, context: *mut Context) -> ! {
        // SAFETY: the caller vouches for the context and for what happens there. The context's place of
        // eax holds the stub's address once eax is loaded, and the `ret` takes it from there, so that
        // the stack pointer is at `eip` when the stub pushes eax.
        unsafe {
            asm!(
                "mov esp, ecx",
                "mov eax, [ecx + 24]",
                "mov [ecx + 24], edx",
                "pop edi",
                "pop esi",
                "pop ebp",
                "pop ebx",
                "pop edx",
                "pop ecx",
                "ret",
                in("ecx") context,
                in("edx") Self::stub(IRET),
                options(noreturn),
            )
        }
    }
}
