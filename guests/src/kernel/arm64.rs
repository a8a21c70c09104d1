//! The arm64 kernel: how it starts, and its exceptions.
//!
//! The file begins with the header of an arm64 image, which Xen loads at a multiple of 2 MB. The page
//! tables have a granule of 4 kB and addresses of 39 bits, so the first table's entries stand for a
//! gigabyte each: the first maps devices to themselves, the second memory, and the third leads to the
//! kernel's block of 2 MB.

use core::arch::{asm, global_asm};

use xen_abi::hypercall::arm64::Hvc;

use super::arm::run;
use super::translated::Translated;
use super::{die, gic};

pub(super) use super::arm::END;

global_asm!(
    r#"
    .pushsection .text.entry, "ax", @progbits
    .global _start
_start:
    b 1f
    .long 0
    // Where to load from a multiple of 2 MB on; the size with everything; pages of 4 kB, anywhere.
    .quad 0
    .quad kernel_size
    .quad 0b1010
    .quad 0, 0, 0
    .ascii "ARM\x64"
    .long 0

1:  msr daifset, #0xf
    mov x20, x0
    // The target's code uses the floating point registers.
    mov x1, #(3 << 20)
    msr cpacr_el1, x1
    adr x21, _start
    tst x21, #0x1fffff
    b.ne 3f

    // Block, accessed: device (attribute 1), without code; normal memory (attribute 0), inner shareable.
    // Table.
    adrp x1, boot_tables
    add x1, x1, :lo12:boot_tables
    mov x2, #0x405
    orr x2, x2, #(3 << 53)
    str x2, [x1]
    mov x2, #0x701
    orr x3, x2, #0x40000000
    str x3, [x1, #8]
    add x3, x1, #0x1000
    orr x3, x3, #3
    str x3, [x1, #16]
    orr x3, x2, x21
    str x3, [x1, #0x1000]

    // Attribute 0: write-back; 1: device. Addresses of 39 bits below, none above, 40 bits of physical ones.
    mov x2, #0x04ff
    msr mair_el1, x2
    mov x2, #25
    orr x2, x2, #(1 << 23)
    orr x2, x2, #(2 << 32)
    msr tcr_el1, x2
    msr ttbr0_el1, x1
    dsb sy
    tlbi vmalle1
    ic iallu
    dsb sy
    isb
    mrs x2, sctlr_el1
    mov x3, #0x1005
    orr x2, x2, x3
    bic x2, x2, #2
    msr sctlr_el1, x2
    isb
    ldr x1, =2f
    br x1

2:  adrp x1, boot_stack_end
    add x1, x1, :lo12:boot_stack_end
    mov sp, x1
    adrp x1, vectors
    add x1, x1, :lo12:vectors
    msr vbar_el1, x1
    isb
    mov x29, xzr
    mov x30, xzr
    mov x0, x20
    mov x1, x21
    bl {run}
    udf #0

    // Nothing but a hypercall can tell that the address is wrong: console_io, write.
3:  mov x16, #18
    mov x0, #0
    adr x2, 4f
    mov x1, #5f - 4f
    hvc #0xea1
    b .
4:  .ascii "FAIL: not loaded at a multiple of 2 MB\n"
5:  .balign 4
    .ltorg

    .macro vector index
    .balign 128
    mov x0, #\index
    b fault_common
    .endm

    .balign 2048
vectors:
    vector 0
    vector 1
    vector 2
    vector 3
    vector 4
    .balign 128
    b interrupt
    vector 6
    vector 7
    vector 8
    vector 9
    vector 10
    vector 11
    vector 12
    vector 13
    vector 14
    vector 15
    .balign 128
    // All that a function may change; not the return address of the exception, which none does.
interrupt:
    sub sp, sp, #704
    stp x29, x30, [sp]
    stp x0, x1, [sp, #16]
    stp x2, x3, [sp, #32]
    stp x4, x5, [sp, #48]
    stp x6, x7, [sp, #64]
    stp x8, x9, [sp, #80]
    stp x10, x11, [sp, #96]
    stp x12, x13, [sp, #112]
    stp x14, x15, [sp, #128]
    stp x16, x17, [sp, #144]
    str x18, [sp, #160]
    add x0, sp, #176
    st1 {{v0.2d-v3.2d}}, [x0], #64
    st1 {{v4.2d-v7.2d}}, [x0], #64
    st1 {{v8.2d-v11.2d}}, [x0], #64
    st1 {{v12.2d-v15.2d}}, [x0], #64
    st1 {{v16.2d-v19.2d}}, [x0], #64
    st1 {{v20.2d-v23.2d}}, [x0], #64
    st1 {{v24.2d-v27.2d}}, [x0], #64
    st1 {{v28.2d-v31.2d}}, [x0]
    bl {handle}
    // Back with interrupts off.
    mrs x0, spsr_el1
    orr x0, x0, #(1 << 7)
    msr spsr_el1, x0
    add x0, sp, #176
    ld1 {{v0.2d-v3.2d}}, [x0], #64
    ld1 {{v4.2d-v7.2d}}, [x0], #64
    ld1 {{v8.2d-v11.2d}}, [x0], #64
    ld1 {{v12.2d-v15.2d}}, [x0], #64
    ld1 {{v16.2d-v19.2d}}, [x0], #64
    ld1 {{v20.2d-v23.2d}}, [x0], #64
    ld1 {{v24.2d-v27.2d}}, [x0], #64
    ld1 {{v28.2d-v31.2d}}, [x0]
    ldp x0, x1, [sp, #16]
    ldp x2, x3, [sp, #32]
    ldp x4, x5, [sp, #48]
    ldp x6, x7, [sp, #64]
    ldp x8, x9, [sp, #80]
    ldp x10, x11, [sp, #96]
    ldp x12, x13, [sp, #112]
    ldp x14, x15, [sp, #128]
    ldp x16, x17, [sp, #144]
    ldr x18, [sp, #160]
    ldp x29, x30, [sp]
    add sp, sp, #704
    eret

fault_common:
    // The stack may be what is wrong.
    mov x1, sp
    adrp x2, fault_stack_end
    add x2, x2, :lo12:fault_stack_end
    mov sp, x2
    bl {report}
    udf #0
    .popsection

    .pushsection .bss.tables, "aw", @nobits
    .balign 4096
boot_tables:
    .skip 0x2000
    .popsection

    .pushsection .bss.stack, "aw", @nobits
    .balign 16
    .skip 131072
boot_stack_end:
    .skip 16384
fault_stack_end:
    .popsection
    "#,
    run = sym run,
    report = sym report,
    handle = sym gic::handle,
);

/// What makes an exception, by the group's four entries: from this level with the stack in use.
extern "C" fn report(vector: u64, sp: u64) -> ! {
    let (syndrome, address, link): (u64, u64, u64);
    // SAFETY: reading the three registers has no effect.
    unsafe {
        asm!(
            "mrs {}, esr_el1",
            "mrs {}, far_el1",
            "mrs {}, elr_el1",
            out(reg) syndrome,
            out(reg) address,
            out(reg) link,
            options(nomem, nostack, preserves_flags),
        );
    }
    die(format_args!(
        "exception {vector}, esr {syndrome:#x}, elr {link:#x}, sp {sp:#x}, far {address:#x}"
    ))
}

/// What leads to Xen.
pub(super) type Way = Hvc;

/// The way to Xen.
pub(super) fn way() -> Way {
    // SAFETY: this is the kernel of Xen's guest.
    unsafe { Hvc::new() }
}

/// An exception: an instruction that is none.
pub(super) fn fault() -> ! {
    // SAFETY: an undefined instruction has no effect but its exception, whose handler does not return.
    unsafe { asm!("udf #0", options(noreturn)) }
}

/// The virtual counter.
pub(super) fn ticks() -> u64 {
    let ticks;
    // SAFETY: reading the counter has no effect; the barrier keeps the reads in order.
    unsafe { asm!("isb", "mrs {}, cntvct_el0", out(reg) ticks, options(nostack, preserves_flags)) };
    ticks
}

/// Sets the virtual timer to a time of the virtual counter, or stops it. It is stopped first, as it would
/// ring at once while its time is an old one.
pub(super) fn set_timer(time: Option<u64>) {
    // SAFETY: a timer that is stopped has no effect.
    unsafe {
        asm!(
            "msr cntv_ctl_el0, xzr",
            "isb",
            options(nostack, preserves_flags)
        )
    };
    let Some(time) = time else { return };
    // SAFETY: the timer's interrupt is handled where it is let through.
    unsafe {
        asm!(
            "msr cntv_cval_el0, {}",
            "msr cntv_ctl_el0, {}",
            "isb",
            in(reg) time,
            in(reg) 1_u64,
            options(nostack, preserves_flags),
        );
    }
}

/// Lets interrupts in, until one has come.
pub(super) fn let_in() {
    // SAFETY: the handler leaves all registers as they were.
    unsafe { asm!("msr daifclr, #2", "isb") };
}

/// Keeps interrupts out.
pub(super) fn keep_out() {
    // SAFETY: it has no other effect.
    unsafe { asm!("msr daifset, #2") };
}

/// Reads a device's register.
///
/// # Safety
///
/// There is one, mapped as such, and reading it has no effect on memory.
pub(super) unsafe fn load(register: usize) -> u32 {
    let value;
    // SAFETY: the caller vouches for it.
    unsafe {
        asm!("ldr {:w}, [{}]", out(reg) value, in(reg) register, options(nostack, preserves_flags));
    }
    value
}

/// Writes a device's register.
///
/// # Safety
///
/// There is one, mapped as such, and writing it has no effect on memory.
pub(super) unsafe fn store(register: usize, value: u32) {
    // SAFETY: the caller vouches for it.
    unsafe {
        asm!("str {:w}, [{}]", "dsb sy", in(reg) value, in(reg) register, options(nostack, preserves_flags));
    }
}

/// The counter's frequency.
pub(super) fn ticks_per_second<C>(_: &Translated<C>) -> u64 {
    let hertz;
    // SAFETY: reading the register has no effect.
    unsafe {
        asm!("mrs {}, cntfrq_el0", out(reg) hertz, options(nomem, nostack, preserves_flags));
    }
    hertz
}
