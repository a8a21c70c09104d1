//! Exceptions of the x86_64 kernel: all of them are reported, none is survived. As PVH it takes
//! [interrupts] as well.
//!
//! As PVH the kernel has a table of its own, whose gates lead to a stub per vector; as PV it tells Xen
//! where the stubs are. There Xen pushes rcx and r11 as well, which other stubs take off the stack
//! again (`xen/include/public/arch-x86/xen.h`).

use core::arch::{asm, global_asm};
use core::cell::UnsafeCell;

use xen_abi::hypercall::set_trap_table::{TrapInfo, set};
use xen_abi::hypercall::{Conduit, Result, Xen};
use xen_abi::xen_public::abi::x86_64::arch_x86::xen_x86_64::FLAT_RING3_CS64;

use super::super::{die, interrupts, x86};

/// How many vectors belong to exceptions.
const VECTORS: usize = 32;
/// The length of a stub, in bytes.
const STUB: usize = 16;

global_asm!(
    r#"
    .macro trap_stubs from_xen
    .set vector, 0
    .rept {vectors}
    .balign {stub}
    .if \from_xen
    pop rcx
    pop r11
    .endif
    .if ({with_error} >> vector) & 1
    .else
    push 0
    .endif
    push vector
    jmp trap_common
    .set vector, vector + 1
    .endr
    .endm

    .pushsection .text.traps, "ax", @progbits
    .global trap_stubs_own, trap_stubs_xen
    .balign {stub}
trap_stubs_own:
    trap_stubs 0
    .balign {stub}
trap_stubs_xen:
    trap_stubs 1
trap_common:
    cld
    mov rdi, rsp
    and rsp, -16
    call {report}
    ud2
    .popsection
    "#,
    vectors = const VECTORS,
    stub = const STUB,
    // The exceptions that come with an error code.
    with_error = const 1 << 8 | 0b11111 << 10 | 1 << 17 | 1 << 21 | 0b11 << 29,
    report = sym report,
);

unsafe extern "C" {
    #[link_name = "trap_stubs_own"]
    static STUBS_OWN: u8;
    #[link_name = "trap_stubs_xen"]
    static STUBS_XEN: u8;
}

/// What a stub leaves on the stack, upwards.
#[repr(C)]
struct Frame {
    vector: u64,
    error: u64,
    rip: u64,
    cs: u64,
    rflags: u64,
    rsp: u64,
    ss: u64,
}

extern "C" fn report(frame: &Frame) -> ! {
    let Frame {
        vector,
        error,
        rip,
        rsp,
        ..
    } = frame;
    die(format_args!(
        "exception {vector}, error code {error:#x}, rip {rip:#x}, rsp {rsp:#x}, cr2 {:#x}",
        x86::fault_address()
    ))
}

/// The interrupt descriptor table of the PVH kernel, two words a vector.
struct Table(UnsafeCell<[[u64; 2]; 256]>);

// SAFETY: the kernel has one processor, and only `handle` touches the table.
unsafe impl Sync for Table {}

static TABLE: Table = Table(UnsafeCell::new([[0; 2]; 256]));

/// What `lidt` reads.
#[repr(C, packed)]
struct Descriptor {
    limit: u16,
    base: u64,
}

/// Has the processor report exceptions, and take interrupts for events, on a machine of one's own.
pub(in super::super) fn handle() {
    let table = TABLE.0.get();
    let first = (&raw const STUBS_OWN).addr();
    let traps = (0..VECTORS).map(|vector| (vector, first + vector * STUB));
    let interrupts = interrupts::handlers().map(|(vector, stub)| (vector.into(), stub));
    for (vector, stub) in traps.chain(interrupts) {
        let stub = stub as u64;
        // An interrupt gate in the code segment of the boot's descriptor table.
        let low = (stub & 0xffff) | 8 << 16 | 0x8e00 << 32 | (stub >> 16 & 0xffff) << 48;
        // SAFETY: nobody else has a reference to the table.
        unsafe { (*table)[vector] = [low, stub >> 32] };
    }
    let descriptor = Descriptor {
        limit: size_of_val(&TABLE) as u16 - 1,
        base: table.addr() as u64,
    };
    // SAFETY: the gates of exceptions lead to code that never returns to where the exception was, and those
    // of interrupts to handlers that leave all registers as they were.
    unsafe { asm!("lidt [{}]", in(reg) &raw const descriptor, options(readonly, nostack)) };
}

/// Has Xen report exceptions to this PV kernel.
///
/// # Errors
///
/// What Xen answered.
pub(super) fn handle_by_xen(xen: &Xen<impl Conduit>) -> Result<()> {
    let first = (&raw const STUBS_XEN).addr();
    let handler = |vector: usize| {
        let selector = FLAT_RING3_CS64 as u16;
        TrapInfo::new(vector as u8, 0, false, selector, first + vector * STUB)
    };
    // The last entry is the end's mark.
    let mut table = [TrapInfo::END; VECTORS + 1];
    for (vector, entry) in table[..VECTORS].iter_mut().enumerate() {
        *entry = handler(vector)?;
    }
    // SAFETY: the stubs are there for good, and none of them returns to where the exception was.
    unsafe { set(xen, &table) }
}
