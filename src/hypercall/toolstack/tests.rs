use alloc::format;
use alloc::vec::Vec;
use core::cell::Cell;

use super::newest::{domctl as d, sysctl as s};
use super::*;
use crate::hypercall::fake::{Fake, read};
use crate::hypercall::{Unsupported, Why};
use crate::version::Guest;

const DOMCTL: u32 = 36;
const SYSCTL: u32 = 35;

/// The header that both structures begin with.
fn head(address: usize) -> (u32, u32) {
    // SAFETY: both calls' arguments begin with two words, and are alive.
    let [command, version] = unsafe { read::<[u32; 2]>(address) };
    (command, version)
}

/// Answers as Xen does whose interfaces have these versions, to a domain that may ask.
fn speaking(domctl: u32, sysctl: u32) -> impl Fn(u32, [usize; 5]) -> isize {
    move |number, [address, ..]| {
        let (command, version) = head(address);
        match number {
            DOMCTL if version != domctl => -13,
            SYSCTL if version != sysctl => -13,
            DOMCTL => {
                assert_eq!(command, d::XEN_DOMCTL_getdomaininfo as u32);
                // SAFETY: the call's argument, which is alive.
                let argument = unsafe { read::<d::xen_domctl>(address) };
                assert_eq!(argument.domain, 0x7ff4);
                // Xen 4.17 and older refuse a number that is no domain's.
                if domctl < 0x16 { -22 } else { -3 }
            }
            SYSCTL => {
                assert_eq!(command, s::XEN_SYSCTL_getdomaininfolist as u32);
                // SAFETY: the call's argument, which is alive.
                let argument = unsafe { read::<s::xen_sysctl>(address) };
                // SAFETY: all bytes of a union are there.
                let bytes = unsafe { argument.u._bytes };
                assert_eq!(bytes, [0; 128]);
                0
            }
            _ => panic!("hypercall {number}"),
        }
    }
}

fn release(minor: u8) -> Release {
    Release::new(4, minor, 1)
}

#[test]
fn vendored_releases_are_known_after_two_questions() {
    let found = |minor, domctl, sysctl| {
        let xen = Fake::new(release(minor), Guest::Pv, speaking(domctl, sysctl)).xen();
        let found = identify(&xen, OnUnknown::Refuse).unwrap();
        assert_eq!(xen.conduit().calls().len(), 2);
        let Toolstack::Known(tokens) = found else {
            panic!("{found:?}");
        };
        assert_eq!(tokens.interfaces(), Interfaces { domctl, sysctl });
        tokens.vendored()
    };
    assert_eq!(found(14, 0x12, 0x13), Vendored::V4_14);
    assert_eq!(found(17, 0x15, 0x15), Vendored::V4_17);
    assert_eq!(found(20, 0x17, 0x15), Vendored::V4_20);
}

#[test]
fn every_release_is_found_by_what_it_is_known_for() {
    for minor in 3..=22 {
        let spoken = Interfaces::of(release(minor)).unwrap();
        for guest in Guest::ALL {
            let fake = Fake::new(
                release(minor),
                guest,
                speaking(spoken.domctl, spoken.sysctl),
            );
            let xen = fake.xen();
            let found = identify(&xen, OnUnknown::Mark).unwrap();
            assert_eq!(xen.conduit().calls().len(), 2, "4.{minor} {guest}");
            match found {
                Toolstack::Known(tokens) => {
                    assert!(matches!(minor, 14 | 17 | 20), "4.{minor}");
                    assert_eq!(tokens.interfaces(), spoken);
                }
                Toolstack::Unvendored(unvendored) => {
                    assert!(!matches!(minor, 14 | 17 | 20), "4.{minor}");
                    assert_eq!(unvendored.spoken, spoken);
                    let refused = identify(&xen, OnUnknown::Refuse);
                    assert_eq!(refused, Err(ToolstackError::Unvendored(unvendored)));
                }
            }
        }
    }
}

#[test]
fn an_unexpected_version_is_searched_for_and_named() {
    // 4.17 by name, but with a later domctl; and one that no release has yet.
    for domctl in [0x16, 0x19, 0x20, 0x3] {
        let xen = Fake::new(release(17), Guest::Pv, speaking(domctl, 0x15)).xen();
        let found = identify(&xen, OnUnknown::Mark).unwrap();
        let Toolstack::Unvendored(unvendored) = found else {
            panic!("{found:?}");
        };
        assert_eq!(
            unvendored.spoken,
            Interfaces {
                domctl,
                sysctl: 0x15
            }
        );
        assert_eq!(unvendored.nearest(), Vendored::V4_17);
        // SAFETY: no call is made with it.
        let tokens = unsafe { unvendored.use_nearest() };
        assert_eq!(tokens.vendored(), Vendored::V4_17);
        assert_eq!(tokens.interfaces().domctl, domctl);
        let asked: Vec<_> = xen.conduit().calls().iter().map(|call| call.0).collect();
        assert!(asked.len() <= 32, "{asked:?}");
    }
    let xen = Fake::new(release(17), Guest::Pv, speaking(0x15, 0x99)).xen();
    assert_eq!(
        identify(&xen, OnUnknown::Mark),
        Err(ToolstackError::NoVersion {
            call: "__HYPERVISOR_sysctl",
            newest: 0x1e
        })
    );
}

#[test]
fn without_privilege_the_order_of_xens_checks_decides() {
    // From 4.3 on the version is looked at before the caller.
    let by_caller = |number, [address, ..]: [usize; 5]| match (number, head(address).1) {
        (DOMCTL, 0x15) | (SYSCTL, 0x15) => -1,
        _ => -13,
    };
    let xen = Fake::new(release(17), Guest::Hvm, by_caller).xen();
    assert!(matches!(
        identify(&xen, OnUnknown::Refuse),
        Ok(Toolstack::Known(Tokens::V4_17(_)))
    ));
    // Before, the answer says nothing of the version.
    let xen = Fake::new(Release::new(4, 2, 0), Guest::Pv, |_, _| -1).xen();
    assert_eq!(
        identify(&xen, OnUnknown::Mark),
        Err(ToolstackError::Call(Error::Refused {
            call: "__HYPERVISOR_sysctl",
            errno: Errno::EPERM
        }))
    );
    let xen = Fake::new(Release::new(3, 4, 0), Guest::Pv, |_, _| -1).xen();
    let error = identify(&xen, OnUnknown::Mark).unwrap_err();
    assert_eq!(
        format!("{error}"),
        format!(
            "{}",
            Error::Refused {
                call: "__HYPERVISOR_domctl",
                errno: Errno::EPERM
            }
        )
    );
}

#[test]
fn where_there_is_none_nothing_is_asked() {
    for (release, guest) in [
        (Release::new(3, 0, 2), Guest::Pv),
        (Release::new(4, 2, 0), Guest::Hvm),
    ] {
        let xen = Fake::new(release, guest, |number, _| panic!("{number}")).xen();
        let answer = identify(&xen, OnUnknown::Mark);
        assert!(
            matches!(
                answer,
                Err(ToolstackError::Call(Error::Unsupported(Unsupported {
                    operation: Operation::__HYPERVISOR_domctl,
                    ..
                })))
            ),
            "{answer:?}"
        );
    }
    // A newer Xen that was built without sysctl.
    let without = |number, [address, ..]: [usize; 5]| match (number, head(address).1) {
        (SYSCTL, _) => -38,
        (_, 0x17) => -3,
        _ => -13,
    };
    let xen = Fake::new(release(21), Guest::Pv, without).xen();
    let answer = identify(&xen, OnUnknown::Mark);
    let why = Why::Build {
        running: release(21),
    };
    let operation = Operation::__HYPERVISOR_sysctl;
    let unsupported = Error::Unsupported(Unsupported { operation, why });
    assert_eq!(answer, Err(ToolstackError::Call(unsupported)));
}

#[test]
fn refusals_are_told_apart() {
    // What the questions answer, what the call itself answers, and what that means.
    let outcome = |question: isize, answer: isize| {
        let calls = Cell::new(0);
        let xen = Fake::new(release(17), Guest::Pv, |_, _| {
            calls.set(calls.get() + 1);
            if calls.get() == 1 { answer } else { question }
        })
        .xen();
        let mut argument = [0_u64; 18];
        // SAFETY: the fake looks at nothing.
        unsafe { carry(&xen, Interface::Domctl, 0x15, "XEN_DOMCTL_x", &mut argument) }
    };
    let refused = |errno| {
        Err(Error::Refused {
            call: "XEN_DOMCTL_x",
            errno,
        })
    };
    assert_eq!(outcome(-3, 0), Ok(0));
    assert_eq!(outcome(-3, 5), Ok(5));
    assert_eq!(
        outcome(-13, -13),
        Err(Error::VersionMismatch {
            call: "XEN_DOMCTL_x",
            spoken: 0x15
        })
    );
    // The version is right, so it is a policy that says no.
    assert_eq!(outcome(-3, -13), refused(Errno::EACCES));
    // The command is unknown, but there is a domctl.
    assert_eq!(outcome(-3, -38), refused(Errno::ENOSYS));
    assert_eq!(outcome(-3, -22), refused(Errno::EINVAL));
    let absent = outcome(-38, -38);
    assert!(matches!(absent, Err(Error::Unsupported(_))), "{absent:?}");
    let nonsense = Error::Nonsense {
        call: "XEN_DOMCTL_x",
        answer: -5000,
    };
    assert_eq!(outcome(-3, -5000), Err(nonsense));
}

#[test]
fn errors_say_what_was_found() {
    let spoken = Interfaces {
        domctl: 0x16,
        sysctl: 0x15,
    };
    let release = Release::new(4, 18, 2);
    let unvendored = Unvendored { release, spoken };
    assert_eq!(
        format!("{}", ToolstackError::Unvendored(unvendored)),
        "Xen 4.18.2 with domctl 0x16, sysctl 0x15 is none of the releases known here, of which Xen 4.17 is nearest"
    );
    let none = ToolstackError::NoVersion {
        call: "__HYPERVISOR_domctl",
        newest: 0x20,
    };
    assert_eq!(
        format!("{none}"),
        "__HYPERVISOR_domctl: Xen speaks no version of the interface up to 0x20"
    );
}
