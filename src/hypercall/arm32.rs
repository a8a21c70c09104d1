//! The way to Xen of an arm processor in 32-bit mode: `hvc #0xEA1`.
//!
//! The number is in r12, the arguments are in r0 to r4, the result in r0
//! (`xen/include/public/arch-arm.h`). Xen may leave anything in r12 and in the registers of the
//! arguments that the call has; memory counts as read and written, and the flags as changed. The
//! registers of arguments that a call does not have are left as they are.
//!
//! The instruction is one of ARMv7's virtualization extensions, whatever the target is, and there is
//! none in Thumb mode before ARMv7.
//!
//! Runs on real hypervisors in this crate's tests.
#![allow(unsafe_code)]

use core::arch::asm;

use xen_public::native::arch_arm::XEN_HYPERCALL_TAG;

use super::arguments;

pub use super::arm::Hvc;

/// The arguments in their registers. r1 to r3 count as lost even where a call has no such argument, as
/// that costs nothing; r4, which a function has to keep for its caller, only where it has.
macro_rules! enter {
    ($number:expr, $first:expr, [$($register:tt = $value:ident),*], [$($lost:tt)*]) => {{
        let result: isize;
        // SAFETY: the caller of the function around this vouches that Xen takes this trap. It returns to
        // the next instruction and changes no register but r0 to r3, r12 and, of a call with five
        // arguments, r4. Flags and memory count as changed, because neither `preserves_flags` nor
        // `nomem` is given. Neither the trap nor Xen touches the guest's stack. What Xen does with the
        // arguments is what the caller answers for.
        unsafe {
            asm!(
                ".arch_extension virt",
                "hvc #{tag}",
                tag = const XEN_HYPERCALL_TAG,
                inout("r0") $first => result,
                inout("r12") $number => _,
                $(inout($register) $value => _,)*
                $(lateout($lost) _,)*
                options(nostack),
            );
        }
        result
    }};
}

/// Executes `hvc #0xEA1`.
///
/// # Safety
///
/// It leads to Xen, and as for [`Conduit::hypercall`](super::Conduit::hypercall).
#[inline(always)]
pub(super) unsafe fn hvc(number: u32, arguments: [usize; 5]) -> isize {
    let [first, second, third, fourth, fifth] = arguments;
    match arguments::count(number, first) {
        1 => enter!(number, first, [], ["r1" "r2" "r3"]),
        2 => enter!(number, first, ["r1" = second], ["r2" "r3"]),
        3 => enter!(number, first, ["r1" = second, "r2" = third], ["r3"]),
        4 => enter!(
            number,
            first,
            ["r1" = second, "r2" = third, "r3" = fourth],
            []
        ),
        _ => enter!(
            number,
            first,
            ["r1" = second, "r2" = third, "r3" = fourth, "r4" = fifth],
            []
        ),
    }
}
