//! What the kernels of both x86 processors have in common: the notes by which Xen knows them, the hypercall
//! page, the stack, the clock.

use core::arch::{asm, global_asm};
use core::mem::offset_of;

use guests::machine::{Machine, tsc_frequency};
use xen_abi::hypercall::cpu::{HypercallPage, Page};
use xen_abi::hypercall::sched_op::ShutdownReason;
use xen_abi::xen_public::native::xen::{shared_info, vcpu_info, vcpu_time_info};

global_asm!(
    r#"
    .pushsection .hypercall, "ax", @progbits
    .balign 4096
    .global hypercall_page
hypercall_page:
    .skip 4096
    .popsection

    .pushsection .bss.stack, "aw", @nobits
    .balign 16
    .skip 131072
    .global boot_stack_end
boot_stack_end:
    .popsection
    "#
);

/// Writes the notes that every kernel has, and those of its own in the same form.
macro_rules! notes {
    ($($own:literal),+; $($name:ident = $value:expr),+) => {
        core::arch::global_asm!(
            r#"
    .macro xen_note type, content:vararg
    .balign 4
    .long 4, 2f - 1f, \type
    .asciz "Xen"
1:  \content
2:  .balign 4
    .endm

    .pushsection .note.Xen, "a", @note
    xen_note {guest_os}, .asciz "xen-abi"
    xen_note {xen_version}, .asciz "xen-3.0"
    xen_note {loader}, .asciz "generic"
            "#,
            $($own,)+
            ".popsection",
            guest_os = const xen_abi::xen_public::elfnote::NoteType::GUEST_OS.get(),
            xen_version = const xen_abi::xen_public::elfnote::NoteType::XEN_VERSION.get(),
            loader = const xen_abi::xen_public::elfnote::NoteType::LOADER.get(),
            $($name = const $value.get()),+
        );
    };
}
pub(super) use notes;

unsafe extern "C" {
    #[link_name = "hypercall_page"]
    static HYPERCALL_PAGE: [u8; 4096];
}

/// The page above, which Xen is to fill: the ELF note of a PV kernel names it, and a PVH kernel asks for it.
pub(super) struct OwnPage;

// SAFETY: the page is aligned to 4096 in a section of its own, nothing in the kernels writes it, and Xen fills
// it before the first hypercall: before it enters a PV kernel, and as soon as a PVH kernel asks for it.
unsafe impl HypercallPage for OwnPage {
    fn address() -> usize {
        (&raw const HYPERCALL_PAGE).expose_provenance()
    }
}

/// What leads to Xen.
pub(super) type Way = Page<OwnPage>;

/// The way to Xen.
pub(super) fn way() -> Way {
    Page::new()
}

/// How a kernel of this processor ends.
pub(super) const END: ShutdownReason = ShutdownReason::REBOOT;

/// What is taken for the clock's frequency where Xen does not tell it.
const SOME_HERTZ: u64 = 1_000_000_000;

/// The processor's time stamp counter.
pub(super) fn ticks() -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: reading the counter has no effect; a kernel may do so.
    unsafe {
        asm!("rdtsc", out("eax") low, out("edx") high, options(nomem, nostack, preserves_flags));
    }
    u64::from(high) << 32 | u64::from(low)
}

/// The counter's frequency, by what Xen shows of it in the shared page.
pub(super) fn ticks_per_second(machine: &impl Machine) -> u64 {
    const TIME: usize = offset_of!(shared_info, vcpu_info) + offset_of!(vcpu_info, time);
    let Ok(shared) = machine.shared_info() else {
        return SOME_HERTZ;
    };
    // SAFETY: the field is in the shared page, which is mapped and aligned.
    let factor = unsafe { shared.add(TIME + offset_of!(vcpu_time_info, tsc_to_system_mul)) };
    // SAFETY: as above.
    let shift = unsafe { shared.add(TIME + offset_of!(vcpu_time_info, tsc_shift)) };
    // SAFETY: Xen writes the word at any time, but always the same value on a machine whose counter
    // has one speed; the read is volatile.
    let factor = unsafe { factor.cast::<u32>().read_volatile() };
    // SAFETY: as above.
    let shift = unsafe { shift.cast::<i8>().read_volatile() };
    tsc_frequency(factor, shift).unwrap_or(SOME_HERTZ)
}

/// The address whose access made the last page fault.
pub(super) fn fault_address() -> usize {
    let address: usize;
    // SAFETY: reading cr2 has no effect; Xen emulates the instruction for a PV kernel.
    unsafe { asm!("mov {}, cr2", out(reg) address, options(nomem, nostack, preserves_flags)) };
    address
}

/// An exception: an instruction that is none.
pub(super) fn fault() -> ! {
    // SAFETY: an invalid instruction has no effect but its exception, whose handler does not return.
    unsafe { asm!("ud2", options(noreturn)) }
}
