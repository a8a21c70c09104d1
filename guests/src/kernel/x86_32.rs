//! The 32-bit x86 kernel: PVH only, with paging off.
//!
//! Xen enters in 32-bit mode without paging and the kernel stays there, so that every physical
//! address below 4 GB is its own virtual one. The target's `core` expects a C library for a few
//! functions on bytes, which stand here.

use core::arch::{asm, global_asm};
use core::cell::UnsafeCell;

use xen_abi::xen_public::elfnote::NoteType;

use super::{die, interrupts, x86};

pub(super) use super::interrupts::{keep_out, let_in};
pub(super) use super::x86::{END, Way, fault, ticks, ticks_per_second, way};

/// How many vectors belong to exceptions.
const VECTORS: usize = 32;
/// The length of an exception's stub, in bytes.
const STUB: usize = 16;

global_asm!(
    r#"
    .pushsection .text.entry, "ax", @progbits
    .global _start
_start:
    cld
    cli
    lea esp, [boot_stack_end]
    lgdt [boot_descriptors]
    lea eax, [1f]
    push 8
    push eax
    retf
1:  mov eax, 16
    mov ss, eax
    mov ds, eax
    mov es, eax
    xor ebp, ebp
    sub esp, 12
    push ebx
    call {run}
    ud2

    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00cf9b000000ffff
    .quad 0x00cf93000000ffff
boot_descriptors:
    .word boot_descriptors - boot_gdt - 1
    .long boot_gdt
    .popsection

    .pushsection .text.traps, "ax", @progbits
    .balign {stub}
    .global trap_stubs
trap_stubs:
    .set vector, 0
    .rept {vectors}
    .balign {stub}
    .if ({with_error} >> vector) & 1
    .else
    push 0
    .endif
    push vector
    jmp trap_common
    .set vector, vector + 1
    .endr
trap_common:
    cld
    mov eax, esp
    and esp, -16
    sub esp, 12
    push eax
    call {report}
    ud2
    .popsection

    # Functions on bytes, as C calls them.
    .pushsection .text.bytes, "ax", @progbits
    .global memcpy, memmove, memset, memcmp, bcmp, strlen
memmove:
    mov eax, [esp + 4]
    mov ecx, [esp + 8]
    mov edx, eax
    sub edx, ecx
    cmp edx, [esp + 12]
    jae memcpy
    # The target begins within the source: from the end downwards.
    push esi
    push edi
    mov esi, ecx
    mov edi, eax
    mov ecx, [esp + 20]
    lea esi, [esi + ecx - 1]
    lea edi, [edi + ecx - 1]
    std
    rep movsb
    cld
    pop edi
    pop esi
    ret
memcpy:
    push esi
    push edi
    mov edi, [esp + 12]
    mov esi, [esp + 16]
    mov ecx, [esp + 20]
    mov eax, edi
    rep movsb
    pop edi
    pop esi
    ret
memset:
    push edi
    mov edi, [esp + 8]
    mov eax, [esp + 12]
    mov ecx, [esp + 16]
    mov edx, edi
    rep stosb
    mov eax, edx
    pop edi
    ret
memcmp:
bcmp:
    push esi
    push edi
    mov esi, [esp + 12]
    mov edi, [esp + 16]
    mov ecx, [esp + 20]
    xor eax, eax
    # Without bytes to compare, `repe` leaves the flags as they are: equal.
    cmp eax, eax
    repe cmpsb
    je 1f
    movzx eax, byte ptr [esi - 1]
    movzx edx, byte ptr [edi - 1]
    sub eax, edx
1:  pop edi
    pop esi
    ret
strlen:
    mov edx, [esp + 4]
    mov eax, edx
1:  cmp byte ptr [eax], 0
    je 2f
    inc eax
    jmp 1b
2:  sub eax, edx
    ret

    # Nobody unwinds, but the compiled `core` names who would.
    .global rust_eh_personality
rust_eh_personality:
    ud2
    .popsection
    "#,
    run = sym run,
    report = sym report,
    vectors = const VECTORS,
    stub = const STUB,
    // The exceptions that come with an error code.
    with_error = const 1_u32 << 8 | 0b11111 << 10 | 1 << 17 | 1 << 21 | 0b11 << 29,
);

x86::notes!("xen_note {phys32_entry}, .long _start"; phys32_entry = NoteType::PHYS32_ENTRY);

unsafe extern "C" {
    #[link_name = "trap_stubs"]
    static STUBS: u8;
}

extern "C" fn run(start_info: usize) -> ! {
    // SAFETY: the entry above passes what Xen gave it; without paging, all addresses are physical.
    unsafe { super::pvh::run(start_info) }
}

/// What a stub leaves on the stack, upwards.
#[repr(C)]
struct Frame {
    vector: u32,
    error: u32,
    eip: u32,
    cs: u32,
    eflags: u32,
}

extern "C" fn report(frame: &Frame) -> ! {
    let Frame {
        vector, error, eip, ..
    } = frame;
    die(format_args!(
        "exception {vector}, error code {error:#x}, eip {eip:#x}, esp {:#x}, cr2 {:#x}",
        core::ptr::from_ref(frame).addr() + size_of::<Frame>(),
        x86::fault_address()
    ))
}

/// The interrupt descriptor table.
struct Table(UnsafeCell<[u64; 256]>);

// SAFETY: the kernel has one processor, and only `handle_traps` touches the table.
unsafe impl Sync for Table {}

static TABLE: Table = Table(UnsafeCell::new([0; 256]));

/// What `lidt` reads.
#[repr(C, packed)]
struct Descriptor {
    limit: u16,
    base: u32,
}

/// Has the processor report exceptions, and take interrupts for events.
pub(super) fn handle_traps() {
    let table = TABLE.0.get();
    let traps = (0..VECTORS).map(|vector| (vector, (&raw const STUBS).addr() + vector * STUB));
    let interrupts = interrupts::handlers().map(|(vector, stub)| (vector.into(), stub));
    for (vector, stub) in traps.chain(interrupts) {
        let stub = stub as u64;
        // An interrupt gate in the code segment of the boot's descriptor table.
        let gate = (stub & 0xffff) | 8 << 16 | 0x8e00 << 32 | (stub >> 16) << 48;
        // SAFETY: nobody else has a reference to the table.
        unsafe { (*table)[vector] = gate };
    }
    let descriptor = Descriptor {
        limit: size_of_val(&TABLE) as u16 - 1,
        base: table.addr() as u32,
    };
    // SAFETY: the gates of exceptions lead to code that never returns to where the exception was, and those
    // of interrupts to handlers that leave all registers as they were.
    unsafe { asm!("lidt [{}]", in(reg) &raw const descriptor, options(readonly, nostack)) };
}
