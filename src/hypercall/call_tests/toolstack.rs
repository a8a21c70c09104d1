//! All commands of domctl and sysctl on every release, for every kind of guest and build: with the version
//! that it speaks, and with another.
//!
//! What the commands do is not played but for a few. What is held against the facts is who may call them,
//! in which order a call is refused, and which commands a release does not have.

extern crate std;

use alloc::string::String;
use alloc::vec::Vec;
use alloc::{format, vec};
use std::println;

use xen_public::xen::DomId;

use super::catalogue::said;
use super::matrix::{ON_ARM, builds, everywhere};
use crate::hypercall::simulate::Simulated;
use crate::hypercall::toolstack::{
    OnUnknown, Tokens, Toolstack, ToolstackError, V4_14, V4_17, V4_20, identify,
};
use crate::hypercall::{Error, Result, Xen, domctl, sysctl};
use crate::version::toolstack::Interfaces;
use crate::version::{Guest, Operation, Release};

const OWN: DomId = DomId::new(0);
/// The second domain, in builds that have one.
const OTHER: DomId = DomId::new(7);
const NOBODY: DomId = DomId::new(9);

type Answers = Vec<(&'static str, Result<usize>)>;

/// Makes all commands of domctl for a domain, and of sysctl, with the structures of a token.
fn make(xen: &Xen<&Simulated>, tokens: Tokens, domain: DomId) -> [Answers; 2] {
    macro_rules! by {
        ($($token:ident $release:ident)*) => {
            match tokens {
                $(Tokens::$token(abi) => [
                    domctl::$release::try_all(xen, abi, domain),
                    sysctl::$release::try_all(xen, abi),
                ],)*
            }
        };
    }
    by!(V4_14 v4_14 V4_17 v4_17 V4_20 v4_20)
}

/// Tokens for the structures of the newest release before this one, which send these versions.
fn assume(release: Release, spoken: Interfaces) -> Tokens {
    if release.before(Release::new(4, 15, 0)) {
        // SAFETY: the hypervisor is a simulated one, which looks at no more of the arguments than all
        // releases have.
        Tokens::V4_14(unsafe { V4_14::assume(spoken) })
    } else if release.before(Release::new(4, 18, 0)) {
        // SAFETY: as above.
        Tokens::V4_17(unsafe { V4_17::assume(spoken) })
    } else {
        // SAFETY: as above.
        Tokens::V4_20(unsafe { V4_20::assume(spoken) })
    }
}

/// What is asked: of whom, on what.
struct Question<'a> {
    xen: &'a Xen<&'a Simulated>,
    /// The hypercall's row.
    operation: Operation,
    /// Which versions are sent: those that are spoken, or others.
    spoken: bool,
    domain: DomId,
}

impl Question<'_> {
    fn since(&self, major: u8, minor: u8) -> bool {
        !self.xen.release().before(Release::new(major, minor, 0))
    }

    /// Commands that the release has for no guest, or not on this processor, as the headers and the
    /// hypervisors of 4.14, 4.17 and 4.20 say.
    fn is_absent(&self, call: &str) -> bool {
        const X86: [&str; 34] = [
            "XEN_DOMCTL_ioport_permission",
            "XEN_DOMCTL_hypercall_init",
            "XEN_DOMCTL_sendtrigger",
            "XEN_DOMCTL_gethvmcontext",
            "XEN_DOMCTL_sethvmcontext",
            "XEN_DOMCTL_get_address_size",
            "XEN_DOMCTL_ioport_mapping",
            "XEN_DOMCTL_set_ext_vcpucontext",
            "XEN_DOMCTL_get_ext_vcpucontext",
            "XEN_DOMCTL_debug_op",
            "XEN_DOMCTL_gethvmcontext_partial",
            "XEN_DOMCTL_mem_sharing_op",
            "XEN_DOMCTL_gettscinfo",
            "XEN_DOMCTL_settscinfo",
            "XEN_DOMCTL_getpageframeinfo3",
            "XEN_DOMCTL_setvcpuextstate",
            "XEN_DOMCTL_getvcpuextstate",
            "XEN_DOMCTL_audit_p2m",
            "XEN_DOMCTL_set_broken_page_p2m",
            "XEN_DOMCTL_get_vcpu_msrs",
            "XEN_DOMCTL_set_vcpu_msrs",
            "XEN_DOMCTL_psr_cmt_op",
            "XEN_DOMCTL_psr_alloc",
            "XEN_DOMCTL_get_cpu_policy",
            "XEN_DOMCTL_set_cpu_policy",
            "XEN_DOMCTL_vmtrace_op",
            "XEN_DOMCTL_gsi_permission",
            "XEN_SYSCTL_cpu_hotplug",
            "XEN_SYSCTL_psr_cmt_op",
            "XEN_SYSCTL_psr_alloc",
            "XEN_SYSCTL_get_cpu_levelling_caps",
            "XEN_SYSCTL_get_cpu_featureset",
            "XEN_SYSCTL_get_cpu_policy",
            "XEN_DOMCTL_gdbsx_",
        ];
        const ARM: [&str; 4] = [
            "XEN_DOMCTL_cacheflush",
            "XEN_DOMCTL_vuart_op",
            "XEN_DOMCTL_dt_overlay",
            "XEN_SYSCTL_dt_overlay",
        ];
        if !self.since(4, 14) {
            return false;
        }
        let arm = self.xen.guest() == Guest::Arm;
        let foreign = if arm { &X86[..] } else { &ARM[..] };
        let younger = match call {
            "XEN_DOMCTL_get_paging_mempool_size" | "XEN_DOMCTL_set_paging_mempool_size" => {
                !self.since(4, 17)
            }
            "XEN_SYSCTL_dt_overlay" => !self.since(4, 19),
            "XEN_DOMCTL_dt_overlay" | "XEN_DOMCTL_gsi_permission" | "XEN_DOMCTL_set_llc_colors" => {
                !self.since(4, 20)
            }
            _ => false,
        };
        younger
            || foreign.iter().any(|name| call.starts_with(name))
            || (call == "XEN_DOMCTL_shadow_op" && arm && self.since(4, 15))
    }

    /// How a command may end.
    fn expected(&self, call: &str) -> Vec<&'static str> {
        let hypervisor = *self.xen.conduit();
        let is_domctl = self.operation == Operation::__HYPERVISOR_domctl;
        if self.xen.can(self.operation).is_err() {
            return vec!["Unsupported"];
        }
        let version_first = self.since(4, if is_domctl { 0 } else { 3 });
        let privileged = hypervisor.is_privileged();
        if !privileged && !version_first {
            return vec!["EPERM"];
        }
        if !self.spoken {
            return vec!["VersionMismatch"];
        }
        // A domain that is made has no number yet, and a device is asked for without a domain.
        let any = ["XEN_DOMCTL_createdomain", "XEN_DOMCTL_get_device_group"].contains(&call);
        let there = self.domain == OWN || (self.domain == OTHER && hypervisor.has_peer());
        let info = call == "XEN_DOMCTL_getdomaininfo";
        if is_domctl
            && !there
            && !any
            && !info
            && self.since(4, 3)
            && (privileged || !self.since(4, 22))
        {
            return vec!["ESRCH"];
        }
        if !privileged {
            return vec!["EPERM"];
        }
        if self.is_absent(call) {
            return vec!["ENOSYS"];
        }
        if is_domctl && !there && !any {
            return if info && self.domain == OTHER {
                // The number is below that of the last domain, if there is one.
                vec!["ESRCH", "EIO"]
            } else {
                vec!["ESRCH"]
            };
        }
        let alone = self.domain == OWN;
        match call {
            "XEN_SYSCTL_getdomaininfolist" => vec!["Done"],
            "XEN_DOMCTL_pausedomain" | "XEN_DOMCTL_unpausedomain" if !alone => vec!["Done"],
            "XEN_DOMCTL_max_mem" if !alone => vec!["Done"],
            "XEN_DOMCTL_destroydomain"
            | "XEN_DOMCTL_pausedomain"
            | "XEN_DOMCTL_unpausedomain"
            | "XEN_DOMCTL_resumedomain"
                if alone =>
            {
                vec!["EINVAL"]
            }
            _ => vec!["EIO"],
        }
    }
}

/// Asks everything of one hypervisor; how many questions there were, and what was wrong.
fn ask(xen: &Xen<&Simulated>, wrong: &mut Vec<String>) -> usize {
    let hypervisor = *xen.conduit();
    // Not what was probed: a policy may hide the point release, and with it the version.
    let (release, guest) = (hypervisor.release(), xen.guest());
    let spoken = Interfaces::of(release).unwrap_or(Interfaces::OLDEST);
    let other = Interfaces {
        domctl: spoken.domctl + 1,
        sysctl: spoken.sysctl + 1,
    };
    let (domctl, sysctl) = (
        Operation::__HYPERVISOR_domctl,
        Operation::__HYPERVISOR_sysctl,
    );
    let mut count = 0;
    for (spoken, versions) in [(true, spoken), (false, other)] {
        let tokens = assume(release, versions);
        let domains = if spoken {
            &[OTHER, NOBODY, OWN][..]
        } else {
            &[OTHER]
        };
        for &domain in domains {
            let absent = [domctl, sysctl].map(|row| xen.can(row).is_err().then_some(row));
            let earlier = hypervisor.calls().len();
            let answers = make(xen, tokens, domain);
            for (operation, answers) in [domctl, sysctl].into_iter().zip(answers) {
                let question = Question {
                    xen,
                    operation,
                    spoken,
                    domain,
                };
                for (call, answer) in answers {
                    let word = said(&answer.map(drop));
                    let expected = question.expected(call);
                    if !expected.contains(&word.as_str()) {
                        wrong.push(format!(
                            "{call} for domain {domain} [{word}], not {expected:?}, on {release} for {guest}"
                        ));
                    }
                    count += 1;
                }
            }
            for row in absent.into_iter().flatten() {
                let calls = hypervisor.calls().split_off(earlier);
                if calls.iter().any(|call| call.number == row.hypercall()) {
                    wrong.push(format!("{row} called on {release} for {guest}"));
                }
            }
        }
    }
    count
}

#[test]
fn each_command_is_answered_as_the_facts_say() {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (release, guest) in everywhere() {
        for (name, builder) in builds(release, guest) {
            let hypervisor = builder.record_harm().build();
            let xen = Xen::probe(&hypervisor).unwrap();
            let already = wrong.len();
            count += ask(&xen, &mut wrong);
            for wrong in &mut wrong[already..] {
                wrong.push_str(", ");
                wrong.push_str(name);
            }
            let harm = hypervisor.harm();
            assert!(harm.is_empty(), "{harm:?} on {release} for {guest}, {name}");
        }
    }
    println!("{count} runs of commands of domctl and sysctl");
    assert!(count > if ON_ARM { 50_000 } else { 100_000 }, "{count}");
    assert!(
        wrong.is_empty(),
        "{} surprises:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Who asks for the structures gets those of the release, or hears why not.
#[test]
fn the_structures_are_found_where_they_are_known() {
    let (mut known, mut unvendored, mut absent, mut forbidden) = (0, 0, 0, 0);
    for (release, guest) in everywhere() {
        for (name, builder) in builds(release, guest) {
            let hypervisor = builder.build();
            let xen = Xen::probe(&hypervisor).unwrap();
            let there = [
                Operation::__HYPERVISOR_domctl,
                Operation::__HYPERVISOR_sysctl,
            ];
            let there = there.into_iter().all(|row| xen.can(row).is_ok());
            let spoken = Interfaces::of(release);
            match identify(&xen, OnUnknown::Mark) {
                Ok(Toolstack::Known(tokens)) => {
                    assert!(there, "{release} {guest} {name}");
                    assert!(tokens.vendored().release().same_branch(release));
                    assert_eq!(Some(tokens.interfaces()), spoken);
                    known += 1;
                }
                Ok(Toolstack::Unvendored(found)) => {
                    assert!(there, "{release} {guest} {name}");
                    assert_eq!(Some(found.spoken), spoken, "{release} {guest} {name}");
                    unvendored += 1;
                }
                Err(ToolstackError::Call(Error::Unsupported(_))) => {
                    // A build without sysctl is noticed by the first question.
                    let there = [
                        Operation::__HYPERVISOR_domctl,
                        Operation::__HYPERVISOR_sysctl,
                    ];
                    let there = there.into_iter().all(|row| xen.can(row).is_ok());
                    assert!(!there, "{release} {guest} {name}");
                    absent += 1;
                }
                Err(ToolstackError::Call(Error::Refused { errno, .. })) => {
                    assert_eq!(errno, xen_public::errno::Errno::EPERM);
                    assert!(!hypervisor.is_privileged() && release < Release::new(4, 3, 0));
                    forbidden += 1;
                }
                Err(error) => panic!("{error} on {release} for {guest}, {name}"),
            }
        }
    }
    let all = [known, unvendored, absent, forbidden];
    let least = if ON_ARM { 5 } else { 20 };
    assert!(all.into_iter().all(|count| count > least), "{all:?}");
}

/// What a few commands do to the other domain is seen there.
#[test]
fn the_other_is_stopped_and_let_go_on() {
    use domctl::v4_17 as d;
    use xen_public::toolstack::v4_17 as all;

    cfg_if::cfg_if! {
        if #[cfg(target_arch = "x86_64")] {
            use all::x86_64::domctl as c;
        } else if #[cfg(target_arch = "x86")] {
            use all::x86_32::domctl as c;
        } else if #[cfg(target_arch = "aarch64")] {
            use all::arm64::domctl as c;
        } else {
            use all::arm32::domctl as c;
        }
    }
    let release = Release::new(4, 17, 5);
    let hypervisor = Simulated::builder(release, Guest::Pv);
    let hypervisor = hypervisor.peer(OTHER, Guest::Hvm).build();
    let xen = Xen::probe(&hypervisor).unwrap();
    let Ok(Toolstack::Known(Tokens::V4_17(abi))) = identify(&xen, OnUnknown::Refuse) else {
        panic!("4.17 is known");
    };
    d::pausedomain(&xen, abi, OTHER).unwrap();
    d::pausedomain(&xen, abi, OTHER).unwrap();
    assert_eq!(hypervisor.peer().paused(), 2);
    d::unpausedomain(&xen, abi, OTHER).unwrap();
    assert_eq!(hypervisor.peer().paused(), 1);
    d::unpausedomain(&xen, abi, OTHER).unwrap();
    let again = d::unpausedomain(&xen, abi, OTHER);
    assert!(matches!(again, Err(Error::Refused { .. })), "{again:?}");
    let mut limit = c::xen_domctl_max_mem { max_memkb: 400 };
    d::max_mem(&xen, abi, OTHER, &mut limit).unwrap();
    let pages = crate::hypercall::memory_op::maximum_reservation(&xen, OTHER);
    assert_eq!(pages, Ok(100));
}
