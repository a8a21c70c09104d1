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

use super::{Conduit, arguments};
use crate::version::Guest;

/// The arguments in their registers. Those of arguments that are not there count as lost, but nothing is
/// loaded into them.
macro_rules! enter {
    ($number:expr, $first:expr, [$($register:tt = $value:ident),*], [$($lost:tt)*]) => {{
        let result: isize;
        // SAFETY: whoever made the conduit vouched that Xen takes this trap. It returns to the next
        // instruction and changes no register but the six named here. Flags and memory count as
        // changed, because neither `preserves_flags` nor `nomem` is given. Xen does not touch the
        // guest's stack. What Xen does with the arguments is what the caller answers for.
        unsafe {
            asm!(
                "hvc #{tag}",
                tag = const XEN_HYPERCALL_TAG,
                inout("x0") $first => result,
                inout("x16") $number as usize => _,
                $(inout($register) $value => _,)*
                $(lateout($lost) _,)*
                options(nostack),
            );
        }
        result
    }};
}

/// Calls with `hvc #0xEA1`.
#[derive(Debug)]
#[doc(alias = "XEN_HYPERCALL_TAG")]
pub struct Hvc(());

impl Hvc {
    /// The way by `hvc`.
    ///
    /// # Safety
    ///
    /// The code runs in the kernel (EL1) of a guest of Xen, and the value stays there. In any other
    /// place the instruction leads to another hypervisor or nowhere.
    pub const unsafe fn new() -> Self {
        Self(())
    }
}

// SAFETY: in the kernel of Xen's guest (which `new` asks for) `hvc` with this tag enters Xen with number
// and arguments as they stand in the registers.
unsafe impl Conduit for Hvc {
    #[inline(always)]
    unsafe fn hypercall(&self, number: u32, arguments: [usize; 5]) -> isize {
        let [first, second, third, fourth, fifth] = arguments;
        match arguments::count(number, first) {
            1 => enter!(number, first, [], ["x1" "x2" "x3" "x4"]),
            2 => enter!(number, first, ["x1" = second], ["x2" "x3" "x4"]),
            3 => enter!(number, first, ["x1" = second, "x2" = third], ["x3" "x4"]),
            4 => enter!(
                number,
                first,
                ["x1" = second, "x2" = third, "x3" = fourth],
                ["x4"]
            ),
            _ => enter!(
                number,
                first,
                ["x1" = second, "x2" = third, "x3" = fourth, "x4" = fifth],
                []
            ),
        }
    }

    fn guest(&self) -> Option<Guest> {
        Some(Guest::Arm)
    }
}
