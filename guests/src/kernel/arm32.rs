//! The arm32 kernel: how it starts, and its exceptions.
//!
//! The file begins with the header of a zImage that can be loaded anywhere; Xen takes a multiple of
//! 2 MB. The page table has one entry for each megabyte: those of the second gigabyte map memory to
//! itself, and the next two the kernel.

use core::arch::{asm, global_asm};

use xen_abi::hypercall::arm32::Hvc;

use super::arm::run;
use super::die;
use super::translated::Translated;

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

    // Sections: normal memory, write-back, shareable, for reading and writing.
    ldr r1, =boot_tables - _start
    add r1, r1, r9
    ldr r2, =0x11c0e
    add r3, r1, #0x400 * 4
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
    b fault_6
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
    fault 6
    fault 7
fault_common:
    mov r1, lr
    // The stack may be what is wrong, and this mode has none.
    ldr sp, =fault_stack_end
    bl {report}
    udf #0
    .ltorg
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

/// The way to Xen.
pub(super) fn way() -> Hvc {
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
