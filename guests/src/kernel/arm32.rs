//! The arm32 kernel: how it starts, and its exceptions.
//!
//! The file begins with the header of a zImage that can be loaded anywhere; Xen takes a multiple of
//! 2 MB. The page table has one entry for each megabyte: those of the first gigabyte map devices to
//! themselves, those of the second memory, and the next two the kernel.

use core::arch::{asm, global_asm};

use xen_abi::hypercall::arm32::Hvc;

use super::arm::run;
use super::translated::Translated;
use super::{die, gic};

pub(super) use super::arm::END;

global_asm!(
    r#"
    .pushsection .text.entry, "ax", %progbits
    .arm
    .arch_extension virt
    .global _start
_start:
    .rept 8
    mov r0, r0
    .endr
    b 1f
    // The mark of a zImage; where it wants to be (anywhere); where it ends from there.
    .long 0x016f2818
    .long 0
    .long kernel_size

1:  cpsid aif
    mov r8, r2
    adr r9, _start
    lsl r1, r9, #11
    cmp r1, #0
    bne 3f

    // Sections, for reading and writing: devices, shareable, without code; normal memory, write-back,
    // shareable.
    ldr r1, =boot_tables - _start
    add r1, r1, r9
    mov r3, r1
    ldr r4, =0xc16
1:  str r4, [r3], #4
    add r4, r4, #0x100000
    tst r4, #0x40000000
    beq 1b
    ldr r2, =0x11c0e
    orr r4, r2, #0x40000000
1:  str r4, [r3], #4
    adds r4, r4, #0x100000
    bpl 1b
    orr r4, r2, r9
    str r4, [r3], #4
    add r4, r4, #0x100000
    str r4, [r3]

    mov r2, #0
    mcr p15, 0, r2, c2, c0, 2
    mcr p15, 0, r1, c2, c0, 0
    mov r2, #1
    mcr p15, 0, r2, c3, c0, 0
    dsb
    mov r2, #0
    mcr p15, 0, r2, c8, c7, 0
    mcr p15, 0, r2, c7, c5, 0
    dsb
    isb
    // MMU and caches on; alignment checks, high vectors, remapped attributes off.
    mrc p15, 0, r2, c1, c0, 0
    ldr r3, =0x1005
    orr r2, r2, r3
    ldr r3, =0x30002002
    bic r2, r2, r3
    mcr p15, 0, r2, c1, c0, 0
    isb
    ldr pc, =2f

2:  ldr sp, =boot_stack_end
    ldr r1, =vectors
    mcr p15, 0, r1, c12, c0, 0
    isb
    mov r0, r8
    mov r1, r9
    bl {run}
    udf #0

    // Nothing but a hypercall can tell that the address is wrong: console_io, write.
3:  mov r12, #18
    mov r0, #0
    adr r2, 4f
    adr r1, 5f
    sub r1, r1, r2
    hvc #0xea1
    b .
4:  .ascii "FAIL: not loaded at a multiple of 2 MB\n"
5:  .balign 4
    .ltorg

    .balign 32
vectors:
    b fault_0
    b fault_1
    b fault_2
    b fault_3
    b fault_4
    b fault_5
    b interrupt
    b fault_7

    .macro fault index
fault_\index:
    mov r0, #\index
    b fault_common
    .endm
    fault 0
    fault 1
    fault 2
    fault 3
    fault 4
    fault 5
    fault 7
fault_common:
    mov r1, lr
    // The stack may be what is wrong, and this mode has none.
    ldr sp, =fault_stack_end
    bl {report}
    udf #0
    .ltorg

    // The way back and all that a function may change, on the stack of the kernel's own mode, which is
    // aligned for a function.
interrupt:
    sub lr, lr, #4
    srsdb sp!, #0x13
    cps #0x13
    push {{r0-r3, r12, lr}}
    and r0, sp, #4
    sub sp, sp, r0
    push {{r0, r1}}
    bl {handle}
    pop {{r0, r1}}
    add sp, sp, r0
    // Back with interrupts off.
    ldr r0, [sp, #28]
    orr r0, r0, #0x80
    str r0, [sp, #28]
    pop {{r0-r3, r12, lr}}
    rfeia sp!
    .popsection

    .pushsection .bss.tables, "aw", %nobits
    .balign 16384
boot_tables:
    .skip 0x4000
    .popsection

    .pushsection .bss.stack, "aw", %nobits
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

/// Vector 1 is an undefined instruction, 3 an aborted fetch, 4 an aborted access. The link register is
/// 4 (an access: 8) above the instruction.
extern "C" fn report(vector: u32, link: u32) -> ! {
    let (fetch, access, fetched, accessed): (u32, u32, u32, u32);
    // SAFETY: reading the four registers has no effect.
    unsafe {
        asm!(
            "mrc p15, 0, {}, c5, c0, 1",
            "mrc p15, 0, {}, c5, c0, 0",
            "mrc p15, 0, {}, c6, c0, 2",
            "mrc p15, 0, {}, c6, c0, 0",
            out(reg) fetch,
            out(reg) access,
            out(reg) fetched,
            out(reg) accessed,
            options(nomem, nostack, preserves_flags),
        );
    }
    die(format_args!(
        "exception {vector}, lr {link:#x}, ifsr {fetch:#x}, ifar {fetched:#x}, dfsr {access:#x}, \
         dfar {accessed:#x}"
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
    let (low, high): (u32, u32);
    // SAFETY: reading the counter has no effect; the barrier keeps the reads in order.
    unsafe {
        asm!(
            "isb",
            "mrrc p15, 1, {}, {}, c14",
            out(reg) low,
            out(reg) high,
            options(nostack, preserves_flags),
        );
    }
    u64::from(high) << 32 | u64::from(low)
}

/// Sets the virtual timer to a time of the virtual counter, or stops it. It is stopped first, as it would
/// ring at once while its time is an old one.
pub(super) fn set_timer(time: Option<u64>) {
    // SAFETY: a timer that is stopped has no effect.
    unsafe {
        asm!("mcr p15, 0, {}, c14, c3, 1", "isb", in(reg) 0, options(nostack, preserves_flags));
    }
    let Some(time) = time else { return };
    // SAFETY: the timer's interrupt is handled where it is let through.
    unsafe {
        asm!(
            "mcrr p15, 3, {}, {}, c14",
            "mcr p15, 0, {}, c14, c3, 1",
            "isb",
            in(reg) time as u32,
            in(reg) (time >> 32) as u32,
            in(reg) 1,
            options(nostack, preserves_flags),
        );
    }
}

/// Lets interrupts in, until one has come.
pub(super) fn let_in() {
    // SAFETY: the handler leaves all registers as they were.
    unsafe { asm!("cpsie i", "isb") };
}

/// Keeps interrupts out.
pub(super) fn keep_out() {
    // SAFETY: it has no other effect.
    unsafe { asm!("cpsid i") };
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
        asm!("ldr {}, [{}]", out(reg) value, in(reg) register, options(nostack, preserves_flags));
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
        asm!("str {}, [{}]", "dsb", in(reg) value, in(reg) register, options(nostack, preserves_flags));
    }
}

/// The counter's frequency.
pub(super) fn ticks_per_second<C>(_: &Translated<C>) -> u64 {
    let hertz: u32;
    // SAFETY: reading the register has no effect.
    unsafe {
        asm!(
            "mrc p15, 0, {}, c14, c0, 0",
            out(reg) hertz,
            options(nomem, nostack, preserves_flags),
        );
    }
    hertz.into()
}
