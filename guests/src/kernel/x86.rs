//! What the kernels of both x86 processors have in common: the clock, and the processor's tables for
//! those that have their own.

use core::arch::asm;
use core::mem::offset_of;

use guests::machine::{Machine, tsc_frequency};
use xen_abi::hypercall::sched_op::ShutdownReason;
use xen_abi::xen_public::native::xen::{shared_info, vcpu_info, vcpu_time_info};

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
