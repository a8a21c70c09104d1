//! The interrupts that a PVH kernel takes, both for events: one by a vector that Xen raises past the local
//! APIC, as long as `evtchn_upcall_pending` is set, and one by a vector of the processor's own, which
//! comes through its local APIC and is ended there.
//!
//! Both handlers count, and return with further interrupts kept out: what Xen has announced stays as it is,
//! and would interrupt without end. The interrupt flag is clear but from [`let_in`] on.

use core::arch::{asm, global_asm};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering};

use guests::machine::Callback;

/// The vector that is set for all processors.
const VECTOR: u8 = 0x40;
/// How Xen interrupts these kernels.
pub(super) const fn callback() -> Callback {
    Callback::Vector(VECTOR)
}
/// The vector of the processor's own.
const OWN_VECTOR: u8 = 0x41;
/// The registers of the local APIC, where every processor begins with them.
const APIC: usize = 0xfee0_0000;
/// What is written to, in order to end the interrupt in service.
const END: usize = APIC + 0xb0;
/// The register whose bit 8 switches the local APIC on; below it, the vector for what is spurious.
const SPURIOUS: usize = APIC + 0xf0;
/// On, with a vector that has no gate.
const ON: u32 = 1 << 8 | 0xff;

global_asm!(
    r#"
    # Xen interrupts nothing but this kernel, whose stack is the one in use: upwards, there are the
    # address, the code segment and the flags, among them the interrupt flag.
    .macro count_and_return count
    .if {long}
    lock inc dword ptr [rip + \count]
    and dword ptr [rsp + 16], ~0x200
    iretq
    .else
    lock inc dword ptr [\count]
    and dword ptr [esp + 8], ~0x200
    iretd
    .endif
    .endm

    .pushsection .text.interrupts, "ax", @progbits
    .global upcall_by_vector, upcall_by_apic
upcall_by_vector:
    count_and_return {upcalls}
upcall_by_apic:
    .if {long}
    push rax
    mov eax, {end}
    mov dword ptr [rax], 0
    pop rax
    .else
    mov dword ptr [{end}], 0
    .endif
    count_and_return {ended}
    .popsection
    "#,
    long = const cfg!(target_arch = "x86_64") as u32,
    end = const END,
    upcalls = sym UPCALLS,
    ended = sym ENDED,
);

/// How often Xen has interrupted by [`VECTOR`].
static UPCALLS: AtomicU32 = AtomicU32::new(0);
/// How often Xen has interrupted by [`OWN_VECTOR`].
static ENDED: AtomicU32 = AtomicU32::new(0);

unsafe extern "C" {
    #[link_name = "upcall_by_vector"]
    static BY_VECTOR: u8;
    #[link_name = "upcall_by_apic"]
    static BY_APIC: u8;
}

/// The vectors and the addresses of their handlers, for the table.
pub(super) fn handlers() -> [(u8, usize); 2] {
    [
        (VECTOR, (&raw const BY_VECTOR).addr()),
        (OWN_VECTOR, (&raw const BY_APIC).addr()),
    ]
}

/// Lets one interrupt in, at once if it waits.
pub(super) fn let_in() {
    // SAFETY: the table's gates lead to handlers that leave all registers as they were. The flag takes
    // effect after one more instruction.
    unsafe { asm!("sti", "nop", options(nostack)) };
}

/// Keeps interrupts out.
pub(super) fn keep_out() {
    // SAFETY: nothing waits for an interrupt.
    unsafe { asm!("cli", options(nostack)) };
}

/// How often Xen has interrupted past the local APIC.
pub(super) fn upcalls() -> u32 {
    UPCALLS.load(Ordering::Relaxed)
}

/// How often an interrupt was ended at the local APIC.
pub(super) fn ended() -> u32 {
    ENDED.load(Ordering::Relaxed)
}

/// The vector of the processor's own, for which the local APIC is switched on; `None` if it stays off.
pub(super) fn own_vector() -> Option<u8> {
    let register = NonNull::new(core::ptr::with_exposed_provenance_mut::<u32>(SPURIOUS))?;
    // SAFETY: addresses are physical ones, where the local APIC has the register, for nobody else's use.
    // What it lets through has a handler.
    unsafe { register.write_volatile(ON) };
    // SAFETY: as above.
    let now = unsafe { register.read_volatile() };
    (now & ON == ON).then_some(OWN_VECTOR)
}
