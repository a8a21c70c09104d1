//! The way to Xen of an arm64 processor: `hvc #0xEA1`.
//!
//! The number is in x16, the arguments are in x0 to x4, the result in x0
//! (`xen/include/public/arch-arm.h`). Xen may leave anything in x16 and in the registers of the
//! arguments that the call has; memory counts as read and written, and the flags as changed. The
//! registers of arguments that a call does not have are left as they are.
//!
//! Runs on real hypervisors in this crate's tests.
#![allow(unsafe_code)]

use core::arch::asm;

use xen_public::native::arch_arm::XEN_HYPERCALL_TAG;

use super::arguments;

pub use super::arm::Hvc;

/// The arguments in their registers, the last one first: those that a function has for itself move on to
/// make room for the sub-op, and so each does before its register is needed. The registers of arguments
/// that are not there count as lost, but nothing is loaded into them.
macro_rules! enter {
    ($number:expr, $first:expr, [$($register:tt = $value:ident),*], [$($lost:tt)*]) => {{
        let result: isize;
        // SAFETY: the caller of the function around this vouches that Xen takes this trap. It returns to
        // the next instruction and changes no register but the six named here. Flags and memory count
        // as changed, because neither `preserves_flags` nor `nomem` is given. Neither the trap nor Xen
        // touches the guest's stack. What Xen does with the arguments is what the caller answers for.
        unsafe {
            asm!(
                "hvc #{tag}",
                tag = const XEN_HYPERCALL_TAG,
                $(inout($register) $value => _,)*
                inout("x0") $first => result,
                inout("x16") $number as usize => _,
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
        1 => enter!(number, first, [], ["x1" "x2" "x3" "x4"]),
        2 => enter!(number, first, ["x1" = second], ["x2" "x3" "x4"]),
        3 => enter!(number, first, ["x2" = third, "x1" = second], ["x3" "x4"]),
        4 => enter!(
            number,
            first,
            ["x3" = fourth, "x2" = third, "x1" = second],
            ["x4"]
        ),
        _ => enter!(
            number,
            first,
            ["x4" = fifth, "x3" = fourth, "x2" = third, "x1" = second],
            []
        ),
    }
}
