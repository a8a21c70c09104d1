//! `HYPERVISOR_set_timer_op`: the one-shot timer of the processor that calls
//! (`xen/include/public/xen.h`).
//!
//! The oldest way to a timer, and the one behind [`vcpu_op`](super::vcpu_op)'s where those are not
//! there. x86 has it; ARM's timers are the processor's own.
#![allow(unsafe_code)]

use super::xen::only_zero;
use super::{Conduit, Result, Xen};
use crate::version::Operation;

/// Sets the timer of the processor that calls to a system time in nanoseconds, at which Xen raises
/// `VIRQ_TIMER` there, or stops it (`None`). A time that is past already is now.
///
/// Any domain on x86 may. Header: `xen/include/public/xen.h`.
#[doc = gate_row!(__HYPERVISOR_set_timer_op)]
///
/// # Errors
///
/// [`Error::Unsupported`](super::Error::Unsupported); no Xen is known to refuse.
#[doc(alias = "__HYPERVISOR_set_timer_op")]
#[doc(alias = "HYPERVISOR_set_timer_op")]
pub fn set(xen: &Xen<impl Conduit>, timeout: Option<u64>) -> Result<()> {
    let operation = Operation::__HYPERVISOR_set_timer_op;
    // To Xen 0 is no time.
    let time = timeout.map_or(0, |time| time.max(1));
    // SAFETY: the call takes no pointer and changes no memory.
    let answer = unsafe { xen.call_plain(operation, split(time)) }?;
    only_zero(operation, answer)
}

/// A time in the argument registers: one of 64 bits, or two of 32, the lower half first.
fn split(time: u64) -> [usize; 5] {
    if usize::BITS < u64::BITS {
        [time as usize, (time >> 32) as usize, 0, 0, 0]
    } else {
        [time as usize, 0, 0, 0, 0]
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake::Fake;
    use super::*;
    use crate::hypercall::Error;
    use crate::version::{Guest, Release};

    const NUMBER: u32 = 15;

    #[test]
    fn the_time_is_in_one_register_or_two() {
        let fake = Fake::new(Release::new(4, 17, 0), Guest::Pv, |_, _| 0);
        let xen = fake.xen();
        set(&xen, Some(0x1_0000_0002)).unwrap();
        set(&xen, Some(0)).unwrap();
        set(&xen, None).unwrap();
        let wide = usize::BITS == 64;
        let expected = if wide {
            [0x1_0000_0002_u64 as usize, 0, 0, 0, 0]
        } else {
            [2, 1, 0, 0, 0]
        };
        assert_eq!(
            xen.conduit().calls(),
            [
                (NUMBER, expected),
                (NUMBER, [1, 0, 0, 0, 0]),
                (NUMBER, [0; 5])
            ]
        );
    }

    #[test]
    fn arm_has_no_such_timer() {
        let xen = Fake::new(Release::new(4, 17, 0), Guest::Arm, |_, _| 0).xen();
        assert!(matches!(set(&xen, Some(1)), Err(Error::Unsupported(_))));
        assert_eq!(xen.conduit().calls(), []);
    }
}
