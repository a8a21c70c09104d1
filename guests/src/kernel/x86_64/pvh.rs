//! How the x86_64 kernel starts as a PVH guest: from 32-bit mode without paging to 64-bit mode, with
//! the first 4 GB mapped to themselves.

use core::arch::global_asm;

global_asm!(
    r#"
    .pushsection .text.entry, "ax", @progbits
    .code32
    .global pvh_start
pvh_start:
    cld
    cli
    lea esp, [boot_stack_end]

    # The first entry of each table, then 2048 of 2 MB each: present, writable.
    lea eax, [boot_tables + 0x1003]
    mov [boot_tables], eax
    lea edi, [boot_tables + 0x1000]
    lea eax, [boot_tables + 0x2003]
    mov ecx, 4
1:  mov [edi], eax
    add eax, 0x1000
    add edi, 8
    dec ecx
    jnz 1b
    lea edi, [boot_tables + 0x2000]
    mov eax, 0x83
    mov ecx, 2048
1:  mov [edi], eax
    add eax, 0x200000
    add edi, 8
    dec ecx
    jnz 1b

    # Physical addresses of 64 bits, the tables, long mode, paging.
    mov eax, cr4
    or eax, 0x20
    mov cr4, eax
    lea eax, [boot_tables]
    mov cr3, eax
    mov ecx, 0xc0000080
    rdmsr
    or eax, 0x100
    wrmsr
    mov eax, cr0
    or eax, 0x80000001
    mov cr0, eax

    lgdt [boot_descriptors]
    lea eax, [2f]
    push 8
    push eax
    retf
    .code64
2:  mov eax, 16
    mov ss, eax
    mov ds, eax
    mov es, eax
    lea rsp, [rip + boot_stack_end]
    xor ebp, ebp
    mov edi, ebx
    call {run}
    ud2

    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff
    .quad 0x00cf93000000ffff
boot_descriptors:
    .word boot_descriptors - boot_gdt - 1
    .long boot_gdt
    .popsection

    .pushsection .bss.tables, "aw", @nobits
    .balign 4096
boot_tables:
    .skip 0x6000
    .popsection
    "#,
    run = sym run,
);

extern "C" fn run(start_info: usize) -> ! {
    // SAFETY: the entry above passes what Xen gave it, and has mapped 4 GB.
    unsafe { super::super::pvh::run(start_info) }
}
