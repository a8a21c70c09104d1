//! What every kernel asks Xen, whatever way it has there, and what the answers must be.

use xen_abi::hypercall::{Conduit, xen_version};

use crate::report::Report;

/// A hypercall number that no release of Xen has given a meaning.
const UNKNOWN_HYPERCALL: u32 = 63;
/// What Xen answers to it: the error ENOSYS.
const ENOSYS: isize = -38;

/// Xen tells its version.
pub fn version<C: Conduit>(xen: &C, report: &mut Report<'_, C>) {
    match (xen_version::version(xen), xen_version::extraversion(xen)) {
        (Ok(version), Ok(extra)) => report.say(format_args!("Xen {version}{extra}")),
        (version, extra) => report.fail(format_args!("version: {version:?}, {extra:?}")),
    }
}

/// An unknown hypercall is refused with ENOSYS.
pub fn unknown_hypercall<C: Conduit>(xen: &C, report: &mut Report<'_, C>) {
    // SAFETY: no Xen knows the number; one that did would get zeros, and no address among them.
    let answer = unsafe { xen.hypercall(UNKNOWN_HYPERCALL, [0; 5]) };
    report.say(format_args!(
        "unknown hypercall {UNKNOWN_HYPERCALL}: {answer}"
    ));
    report.check(
        answer == ENOSYS,
        format_args!("the answer should be {ENOSYS}"),
    );
}
