//! `HYPERVISOR_vm_assist`: help from Xen that a domain asks for (`xen/include/public/xen.h`).
//!
//! Each [`Assist`] is a bit of the domain's, off at the start, which changes how Xen treats it from then
//! on.
#![allow(unsafe_code)]

use super::xen::only_zero;
use super::{Conduit, Errno, Error, Result, Unsupported, Why, Xen};
use crate::version::Operation;

/// Something that Xen can do for a domain: the `VMASST_TYPE_` numbers. Others can be made and reach Xen,
/// which refuses those that it does not know.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Assist(u32);

macro_rules! assists {
    ($($(#[$doc:meta])* $name:ident = $operation:ident;)*) => {
        impl Assist {
            $(
                $(#[$doc])*
                #[doc = gate_row!($operation)]
                pub const $name: Self = Self(Operation::$operation.number());
            )*

            /// The row of the table that tells which Xen has it, if it is one that this crate knows.
            pub const fn operation(self) -> Option<Operation> {
                match self {
                    $(Self::$name => Some(Operation::$operation),)*
                    _ => None,
                }
            }
        }
    };
}

assists! {
    /// 32-bit PV: Xen emulates accesses through segments that reach above what it gives to guests.
    #[doc(alias = "VMASST_TYPE_4gb_segments")]
    SEGMENTS_4GB = VMASST_TYPE_4gb_segments;
    /// 32-bit PV: each such access raises trap 15, to complain of it.
    #[doc(alias = "VMASST_TYPE_4gb_segments_notify")]
    SEGMENTS_4GB_NOTIFY = VMASST_TYPE_4gb_segments_notify;
    /// PV: the guest writes its page tables as if they were its own, and Xen catches that.
    #[doc(alias = "VMASST_TYPE_writable_pagetables")]
    WRITABLE_PAGETABLES = VMASST_TYPE_writable_pagetables;
    /// 32-bit PV with PAE: page directories may lie above 4 GiB.
    #[doc(alias = "VMASST_TYPE_pae_extended_cr3")]
    PAE_EXTENDED_CR3 = VMASST_TYPE_pae_extended_cr3;
    /// PV: the I/O privilege level is the one in the flags of an exception frame.
    #[doc(alias = "VMASST_TYPE_architectural_iopl")]
    ARCHITECTURAL_IOPL = VMASST_TYPE_architectural_iopl;
    /// Xen sets a flag in the runstate area while it writes there.
    #[doc(alias = "VMASST_TYPE_runstate_update_flag")]
    RUNSTATE_UPDATE_FLAG = VMASST_TYPE_runstate_update_flag;
    /// 64-bit PV: the table of machine frames is kept out of user mode's page tables.
    #[doc(alias = "VMASST_TYPE_m2p_strict")]
    M2P_STRICT = VMASST_TYPE_m2p_strict;
}

impl Assist {
    /// The assist of this number, known or not.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// Asks Xen for an assist (`VMASST_CMD_enable`).
///
/// Any domain may, for itself. Header: `xen/include/public/xen.h`.
#[doc = gate_row!(VMASST_CMD_enable)]
///
/// # Errors
///
/// [`Error::Unsupported`] for an assist that this Xen does not have for this kind of guest, by the table or
/// because it said so (by EINVAL); [`Error::Refused`] with EINVAL for one that this crate does not know
/// either.
#[doc(alias = "VMASST_CMD_enable")]
pub fn enable(xen: &Xen<impl Conduit>, assist: Assist) -> Result<()> {
    change(xen, Operation::VMASST_CMD_enable, assist)
}

/// Gives an assist up (`VMASST_CMD_disable`).
///
/// Any domain may, for itself. Header: `xen/include/public/xen.h`.
#[doc = gate_row!(VMASST_CMD_disable)]
///
/// # Errors
///
/// As [`enable`].
#[doc(alias = "VMASST_CMD_disable")]
pub fn disable(xen: &Xen<impl Conduit>, assist: Assist) -> Result<()> {
    change(xen, Operation::VMASST_CMD_disable, assist)
}

fn change(xen: &Xen<impl Conduit>, command: Operation, assist: Assist) -> Result<()> {
    // The command first: where it is missing, no assist is there, and the reason is the command's.
    xen.can(command)?;
    if let Some(operation) = assist.operation() {
        xen.can(operation)?;
    }
    // SAFETY: the call takes no pointer. No assist changes this domain's memory or what an address in use
    // means; what they change is how Xen answers to faults and to further calls.
    match unsafe { xen.call(command, [assist.0 as usize, 0, 0, 0]) } {
        Ok(answer) => only_zero(command, answer),
        // Here it has one meaning: Xen does not know the type.
        Err(Error::Refused { errno, call }) if errno == Errno::EINVAL => {
            let Some(operation) = assist.operation() else {
                return Err(Error::Refused { errno, call });
            };
            xen.withhold(operation);
            let running = xen.release();
            Err(Error::Unsupported(Unsupported {
                operation,
                why: Why::Build { running },
            }))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake::Fake;
    use super::*;
    use crate::version::{Guest, Release};

    const NUMBER: u32 = 21;

    #[test]
    fn command_and_type_are_the_arguments() {
        let xen = Fake::new(Release::new(4, 17, 0), Guest::Pv, |_, _| 0).xen();
        enable(&xen, Assist::RUNSTATE_UPDATE_FLAG).unwrap();
        disable(&xen, Assist::M2P_STRICT).unwrap();
        enable(&xen, Assist::new(77)).unwrap();
        assert_eq!(
            xen.conduit().calls(),
            [
                (NUMBER, [0, 5, 0, 0, 0]),
                (NUMBER, [1, 32, 0, 0, 0]),
                (NUMBER, [0, 77, 0, 0, 0])
            ]
        );
    }

    #[test]
    fn an_assist_of_another_release_or_guest_is_not_asked_for() {
        let old = Fake::new(Release::new(4, 5, 0), Guest::Pv, |_, _| 0).xen();
        let hvm = Fake::new(Release::new(4, 17, 0), Guest::Hvm, |_, _| 0).xen();
        for (xen, why) in [(&old, "4.6"), (&hvm, "HVM")] {
            let error = enable(xen, Assist::M2P_STRICT).unwrap_err();
            let text = alloc::format!("{error}");
            assert!(
                text.contains("VMASST_TYPE_m2p_strict") && text.contains(why),
                "{text}"
            );
            assert_eq!(xen.conduit().calls(), []);
        }
        let arm = Fake::new(Release::new(4, 7, 0), Guest::Arm, |_, _| 0).xen();
        let error = enable(&arm, Assist::RUNSTATE_UPDATE_FLAG).unwrap_err();
        let Error::Unsupported(unsupported) = error else {
            panic!("{error}");
        };
        assert_eq!(unsupported.operation, Operation::VMASST_CMD_enable);
    }

    #[test]
    fn an_unknown_type_is_told_by_einval() {
        let einval = |_, _| Errno::EINVAL.to_return() as isize;
        let xen = Fake::new(Release::new(4, 17, 0), Guest::Pv, einval).xen();
        let expected = Error::Unsupported(Unsupported {
            operation: Operation::VMASST_TYPE_4gb_segments,
            why: Why::Build {
                running: Release::new(4, 17, 0),
            },
        });
        assert_eq!(enable(&xen, Assist::SEGMENTS_4GB), Err(expected));
        assert_eq!(disable(&xen, Assist::SEGMENTS_4GB), Err(expected));
        assert_eq!(xen.conduit().calls().len(), 1, "it is remembered");
        let unknown = Error::Refused {
            call: "VMASST_CMD_enable",
            errno: Errno::EINVAL,
        };
        assert_eq!(enable(&xen, Assist::new(77)), Err(unknown));
    }
}
