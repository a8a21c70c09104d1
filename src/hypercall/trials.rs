//! Trying out what the table can't know: hypercalls that a Xen of the right release may have been built
//! or started without.
//!
//! Each trial is a question that changes nothing, of one hypercall that the table says the release has. An
//! answer that means "not there" takes the whole hypercall out; any other one, a refusal too, leaves it as
//! it is, since it shows that somebody answers.
#![allow(unsafe_code)]

use xen_public::native::argo::xen_argo_unregister_ring;
use xen_public::native::grant_table::gnttab_query_size;
use xen_public::native::pmu::xen_pmu_params;
use xen_public::native::xen::multicall_entry;
use xen_public::native::xsm::flask_op::{XEN_FLASK_INTERFACE_VERSION, xen_flask_op};
use xen_public::xen::DomId;

use super::{Conduit, Error, Result, Xen};
use crate::version::{Operation, Release};

/// The first release whose `xsm_op` has the structure that is used here.
const FLASK: Release = Release::new(4, 2, 0);

/// Tries out everything.
pub(super) fn run(xen: &Xen<impl Conduit>) {
    multicall(xen);
    grants(xen);
    security(xen);
    argo(xen);
    performance(xen);
    configuration(xen);
}

/// Takes a hypercall out if a trial by one of its operations was answered by nobody.
fn learn(
    xen: &Xen<impl Conduit>,
    operation: Operation,
    trial: impl FnOnce(Operation) -> Result<usize>,
) {
    if xen.can(operation).is_ok() && matches!(trial(operation), Err(Error::Unsupported(_))) {
        xen.withhold_hypercall(operation);
    }
}

/// No calls at all, in one.
fn multicall(xen: &Xen<impl Conduit>) {
    let mut none = multicall_entry::ZERO;
    let address = (&raw mut none).expose_provenance();
    learn(xen, Operation::__HYPERVISOR_multicall, |operation| {
        // SAFETY: the call uses as many entries at the address as it is told, which is none.
        unsafe { xen.call_plain(operation, [address, 0, 0, 0, 0]) }
    });
}

/// How large this domain's grant table is.
fn grants(xen: &Xen<impl Conduit>) {
    let mut size = gnttab_query_size {
        dom: DomId::SELF.get(),
        ..gnttab_query_size::ZERO
    };
    let address = (&raw mut size).expose_provenance();
    learn(xen, Operation::GNTTABOP_query_size, |operation| {
        // SAFETY: the call reads and writes one structure, and changes nothing else.
        unsafe { xen.call(operation, [address, 1, 0, 0]) }
    });
}

/// Whether a security policy is in force.
fn security(xen: &Xen<impl Conduit>) {
    if xen.release().before(FLASK) {
        return;
    }
    let mut question = xen_flask_op {
        cmd: Operation::FLASK_GETENFORCE.number(),
        interface_version: XEN_FLASK_INTERFACE_VERSION as u32,
        ..xen_flask_op::ZERO
    };
    let address = (&raw mut question).expose_provenance();
    learn(xen, Operation::FLASK_GETENFORCE, |operation| {
        // SAFETY: the call reads and writes one structure, and changes nothing else.
        unsafe { xen.call_plain(operation, [address, 0, 0, 0, 0]) }
    });
}

/// To give up a ring that can't exist: its partner's number is none that a domain has.
fn argo(xen: &Xen<impl Conduit>) {
    let mut ring = xen_argo_unregister_ring {
        partner_id: DomId::SELF.get(),
        ..xen_argo_unregister_ring::ZERO
    };
    let address = (&raw mut ring).expose_provenance();
    learn(xen, Operation::XEN_ARGO_OP_unregister_ring, |operation| {
        // SAFETY: the call reads one structure and finds no ring of that name.
        unsafe { xen.call(operation, [address, 0, 0, 0]) }
    });
}

/// Which features of performance counting are on.
fn performance(xen: &Xen<impl Conduit>) {
    let mut features = xen_pmu_params::ZERO;
    let address = (&raw mut features).expose_provenance();
    learn(xen, Operation::XENPMU_feature_get, |operation| {
        // SAFETY: the call reads and writes one structure, and changes nothing else.
        unsafe { xen.call(operation, [address, 0, 0, 0]) }
    });
}

/// The version of the tree of configuration.
fn configuration(xen: &Xen<impl Conduit>) {
    learn(xen, Operation::XEN_HYPFS_OP_get_version, |operation| {
        // SAFETY: the call takes no pointer and changes nothing.
        unsafe { xen.call(operation, [0; 4]) }
    });
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec::Vec;

    use super::super::fake::{Fake, read};
    use super::*;
    use crate::hypercall::{Errno, Unsupported, Why};
    use crate::version::Guest;

    const NEW: Release = Release::new(4, 20, 0);

    /// The trials that a probe makes, each by its number and first argument.
    fn trials(release: Release, guest: Guest) -> Vec<u32> {
        let xen = Xen::probe(Fake::new(release, guest, |_, _| 0)).unwrap();
        let calls = xen.conduit().calls();
        let trials = calls.iter().map(|call| call.0).filter(|&call| call != 17);
        trials.collect()
    }

    #[test]
    fn only_what_a_release_has_is_tried() {
        for (release, guest, expected) in [
            (NEW, Guest::Pv, &[13, 20, 27, 39, 40, 42][..]),
            (NEW, Guest::Hvm, &[13, 20, 27, 39, 40, 42]),
            (NEW, Guest::Arm, &[13, 20, 27, 39, 42]),
            (Release::new(4, 14, 0), Guest::Hvm, &[20, 27, 39, 40, 42]),
            (Release::new(4, 2, 0), Guest::Pv, &[13, 20, 27]),
            (Release::new(4, 1, 0), Guest::Pv, &[13, 20]),
            (Release::new(3, 0, 4), Guest::Pv, &[13]),
            (Release::new(3, 0, 0), Guest::Pv, &[13]),
            (Release::new(3, 0, 3), Guest::Hvm, &[]),
        ] {
            assert_eq!(trials(release, guest), expected, "{release} {guest}");
        }
    }

    #[test]
    fn each_trial_is_a_question_that_changes_nothing() {
        let _ = Xen::probe(Fake::new(NEW, Guest::Pv, |number, arguments| {
            let [first, second, third, fourth, fifth] = arguments;
            match (number, first) {
                (13, address) => assert!(address != 0 && second == 0),
                (20, 6) => {
                    // SAFETY: the argument begins with the domain.
                    assert_eq!((unsafe { read::<u16>(second) }, third), (0x7ff0, 1));
                }
                // SAFETY: the argument begins with these two words.
                (27, address) => assert_eq!(unsafe { read::<[u32; 2]>(address) }, [2, 1]),
                (39, 2) => {
                    // SAFETY: the argument is this structure.
                    let ring = unsafe { read::<xen_argo_unregister_ring>(second) };
                    assert_eq!((ring.aport, ring.partner_id, ring.pad), (0, 0x7ff0, 0));
                    assert_eq!((third, fourth, fifth), (0, 0, 0));
                }
                (40, 2) => assert!(second != 0),
                (42, 0) => assert_eq!((second, third, fourth, fifth), (0, 0, 0, 0)),
                other => panic!("{other:?}"),
            }
            0
        }))
        .unwrap();
    }

    /// Whether all that the table offers of a hypercall is offered, or nothing.
    fn offered(xen: &Xen<Fake<'_>>, number: u32) -> bool {
        let mut operations = Operation::all().filter(|operation| {
            operation.hypercall() == number && operation.offered(xen.guest(), xen.release())
        });
        let first = xen.can(operations.next().unwrap()).is_ok();
        assert!(operations.all(|operation| xen.can(operation).is_ok() == first));
        first
    }

    #[test]
    fn nobody_at_home_takes_the_hypercall_out() {
        let all = [13, 20, 27, 39, 40, 42];
        for (missing, errno) in [
            (13, Errno::ENOSYS),
            (20, Errno::ENOSYS),
            (27, Errno::ENOSYS),
            (39, Errno::ENOSYS),
            (39, Errno::EOPNOTSUPP),
            (40, Errno::EOPNOTSUPP),
            (42, Errno::ENOSYS),
        ] {
            let xen = Xen::probe(Fake::new(NEW, Guest::Pv, |number, _| {
                if number == missing {
                    errno.to_return() as isize
                } else {
                    0
                }
            }))
            .unwrap();
            for number in all {
                assert_eq!(
                    offered(&xen, number),
                    number != missing,
                    "{missing} {number}"
                );
            }
        }
    }

    #[test]
    fn a_refusal_is_an_answer() {
        for errno in [
            Errno::EPERM,
            Errno::EINVAL,
            Errno::ENODEV,
            Errno::ENOENT,
            Errno::EFAULT,
        ] {
            let refuse = |_, _| errno.to_return() as isize;
            let xen = Xen::probe(Fake::new(NEW, Guest::Pv, refuse)).unwrap();
            for number in [13, 20, 27, 39, 40, 42] {
                assert!(offered(&xen, number), "{number} {errno}");
            }
        }
    }

    #[test]
    fn what_was_not_built_says_so() {
        let enosys = |_, _| Errno::ENOSYS.to_return() as isize;
        let xen = Xen::probe(Fake::new(NEW, Guest::Pv, enosys)).unwrap();
        let operation = Operation::XEN_ARGO_OP_sendv;
        let why = Why::Build { running: NEW };
        let unsupported = Unsupported { operation, why };
        assert_eq!(xen.can(operation), Err(unsupported));
        assert_eq!(
            format!("{unsupported}"),
            "XEN_ARGO_OP_sendv: this Xen 4.20 was built or started without it"
        );
    }
}
