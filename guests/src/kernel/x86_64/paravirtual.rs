//! What the program on a PV guest needs of the processor itself.

use core::arch::{asm, global_asm};
use core::mem::offset_of;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering};

use guests::machine::{Machine, Page, Paravirtual, SOFTWARE_INTERRUPT};
use xen_abi::hypercall::cpu::PvSyscall;
use xen_abi::hypercall::iret::Context;
use xen_abi::xen_public::abi::x86_64::arch_x86::xen_x86_64::{
    FLAT_RING3_CS64, FLAT_RING3_SS64, iret_context, machine_to_phys_mapping,
};
use xen_abi::xen_public::xen::{PAGE_SHIFT, PAGE_SIZE};

use super::pv::Pv;
use super::way;

/// The number of `HYPERVISOR_iret`.
const IRET: u32 = xen_abi::version::Operation::__HYPERVISOR_iret.hypercall();

// Xen leaves rcx and r11, and above them what the processor would. Back it goes by the call, which wants
// rax, r11, rcx and flags there instead.
global_asm!(
    r#"
    .pushsection .text.interrupt, "ax", @progbits
    .global software_interrupt
software_interrupt:
    lock inc dword ptr [rip + {count}]
    pop rcx
    pop r11
    push 0
    push rcx
    push r11
    push rax
    mov eax, {iret}
    syscall
    ud2
    .popsection
    "#,
    count = sym COUNT,
    iret = const IRET,
);

/// How often the handler has run.
static COUNT: AtomicU32 = AtomicU32::new(0);

unsafe extern "C" {
    #[link_name = "software_interrupt"]
    static HANDLER: u8;
}

/// The bits of an entry that are the frame.
const FRAME: u64 = 0x000f_ffff_ffff_f000;

// SAFETY: entries and frames are read where Xen has put them, and the handler above goes back to where
// it was entered from with all registers as they were.
unsafe impl Paravirtual for Pv<'_> {
    fn base(&self) -> u64 {
        self.frame(self.info.pt_base as usize)
    }

    fn entry(&self, address: usize) -> Option<(u64, u64)> {
        let mut table = self.info.pt_base as usize;
        for level in (0..4).rev() {
            let index = address >> (PAGE_SHIFT as usize + 9 * level) & 511;
            let place = core::ptr::with_exposed_provenance::<u64>(table + 8 * index);
            // SAFETY: the tables are pages of this domain's, mapped for reading at the address of their
            // own number; the processor and Xen write them.
            let entry = unsafe { place.read_volatile() };
            if level == 0 {
                let machine = (self.frame(table) << PAGE_SHIFT) | (8 * index as u64);
                return Some((machine, entry));
            }
            if entry & 1 == 0 {
                return None;
            }
            table = (self.physical((entry & FRAME) >> PAGE_SHIFT) << PAGE_SHIFT) as usize;
        }
        None
    }

    fn physical(&self, frame: u64) -> u64 {
        let table = core::ptr::with_exposed_provenance::<u64>(machine_to_phys_mapping as usize);
        // SAFETY: Xen maps the table for reading, and the frame is one that it has named; it writes the
        // table as well.
        unsafe { table.wrapping_add(frame as usize).read_volatile() }
    }

    fn handler(&self) -> (u16, usize) {
        (FLAT_RING3_CS64 as u16, (&raw const HANDLER).addr())
    }

    fn interrupt(&self) -> u32 {
        // SAFETY: the handler leaves all registers and the flags as they were.
        unsafe { asm!("int {}", const SOFTWARE_INTERRUPT) };
        COUNT.load(Ordering::Relaxed)
    }

    fn word_by_fs(&self) -> u64 {
        let word;
        // SAFETY: the caller has mapped what is there.
        unsafe { asm!("mov {}, fs:[0]", out(reg) word, options(readonly, nostack)) };
        word
    }

    fn word_by_gs(&self) -> u64 {
        let word;
        // SAFETY: as above.
        unsafe { asm!("mov {}, gs:[0]", out(reg) word, options(readonly, nostack)) };
        word
    }

    fn iret(&self, room: NonNull<Page>) -> [(&'static str, Result<(), &'static str>); 2] {
        // SAFETY: this is the kernel of a PV guest, and the page is free.
        let by_page = unsafe { round_trip(leave_by_page, room) };
        // SAFETY: as above.
        let by_syscall = unsafe { round_trip(leave_by_syscall, room) };
        [("hypercall page", by_page), ("syscall", by_syscall)]
    }
}

extern "C" fn leave_by_page(context: *mut Context) -> ! {
    // SAFETY: `round_trip` has made the context.
    unsafe { way().iret(context) }
}

extern "C" fn leave_by_syscall(context: *mut Context) -> ! {
    // SAFETY: this is the kernel of a PV guest.
    let direct = unsafe { PvSyscall::new() };
    // SAFETY: `round_trip` has made the context.
    unsafe { direct.iret(context) }
}

/// Where registers stand in a context.
const RIP: usize = offset_of!(Context, frame) + offset_of!(iret_context, rip);
const RBX: usize = offset_of!(Context, rbx);
const RBP: usize = offset_of!(Context, rbp);
const R12: usize = offset_of!(Context, r12);

/// Leaves for a label below with registers and a stack of its own, and comes back; what was not as told.
///
/// # Safety
///
/// This is the kernel of a PV guest, and the page is nobody's.
unsafe fn round_trip(
    leave: extern "C" fn(*mut Context) -> !,
    room: NonNull<Page>,
) -> Result<(), &'static str> {
    let stack = room.addr().get() as u64 + PAGE_SIZE as u64;
    // In the middle of the page, with room below for what Xen may need of a stack.
    // SAFETY: the offset is within the page.
    let context = unsafe { room.byte_add(PAGE_SIZE / 2) }
        .cast::<Context>()
        .as_ptr();
    let frame = iret_context {
        rax: 0xa1,
        r11: 0xb2,
        rcx: 0xc3,
        flags: 0,
        rip: 0,
        // Privilege 3 would lead to user mode.
        cs: FLAT_RING3_CS64 as u64 & !3,
        // Without the flag for interrupts, so that events stay masked.
        rflags: 2,
        rsp: stack,
        ss: FLAT_RING3_SS64 as u64,
    };
    let told = Context {
        r15: 0xf6,
        r14: 0xe5,
        r13: 0xd4,
        r12: 0,
        rbp: 0,
        rbx: 0,
        r10: 0x10,
        r9: 0x9,
        r8: 0x8,
        rdx: 0xd,
        rsi: 0x51,
        rdi: 0xd1,
        frame,
    };
    // SAFETY: the page is nobody's, and aligned.
    unsafe { context.write(told) };
    let (rax, rcx, rdx, rdi, rsi, rsp): (u64, u64, u64, u64, u64, u64);
    let (r8, r9, r10, r11, r13, r14, r15): (u64, u64, u64, u64, u64, u64, u64);
    // SAFETY: the context leads to the label, where rbx and rbp are as they were, and the stack pointer is
    // put back out of r12. All other registers are given up.
    unsafe {
        asm!(
            "lea rax, [rip + 2f]",
            "mov [rdi + {rip}], rax",
            "mov [rdi + {rbx}], rbx",
            "mov [rdi + {rbp}], rbp",
            "mov [rdi + {r12}], rsp",
            "call rsi",
            "2:",
            "xchg rsp, r12",
            rip = const RIP,
            rbx = const RBX,
            rbp = const RBP,
            r12 = const R12,
            inout("rdi") context => rdi,
            inout("rsi") leave => rsi,
            out("rax") rax,
            out("rcx") rcx,
            out("rdx") rdx,
            out("r8") r8,
            out("r9") r9,
            out("r10") r10,
            out("r11") r11,
            out("r12") rsp,
            out("r13") r13,
            out("r14") r14,
            out("r15") r15,
        );
    }
    if rsp != stack {
        return Err("the stack is another one");
    }
    if [rax, r11, rcx] != [frame.rax, frame.r11, frame.rcx] {
        return Err("the registers that Xen loads are others");
    }
    let loaded = [r15, r14, r13, r10, r9, r8, rdx, rsi, rdi];
    let Context {
        r15,
        r14,
        r13,
        r10,
        r9,
        r8,
        rdx,
        rsi,
        rdi,
        ..
    } = told;
    if loaded != [r15, r14, r13, r10, r9, r8, rdx, rsi, rdi] {
        return Err("the registers that Xen leaves are others");
    }
    Ok(())
}
