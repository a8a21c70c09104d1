//! What a kernel asks Xen, whatever way it has there, and what the answers must be.
//!
//! Nothing here touches the processor: the functions take a conduit, and structures that the
//! kernel has read. Each answer is written down; one that is not right is a surprise.

use xen_abi::hypercall::{Conduit, Errno, Error, xen_version};
use xen_abi::xen_public::abi::x86_64::hypfs::{
    XEN_HYPFS_OP_read, XEN_HYPFS_TYPE_UINT, xen_hypfs_direntry,
};
use xen_abi::xen_public::abi::x86_64::xen::__HYPERVISOR_hypfs_op;
use xen_abi::xen_public::features::Features;
use xen_abi::xen_public::xen::PAGE_SIZE;

use crate::machine::{Machine, PAGES, WINDOWS};
use crate::report::Report;

/// A hypercall number that no release of Xen has given a meaning.
const UNKNOWN_HYPERCALL: u32 = 63;

/// The size of a page, in bytes.
const PAGE: usize = PAGE_SIZE;

/// The value of `name=value` on a kernel's command line.
pub fn argument<'a>(command_line: &'a str, name: &str) -> Option<&'a str> {
    let mut words = command_line.split_ascii_whitespace();
    words.find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

/// Xen's version is the one that `expect=X.Y` on the command line asks for (`expect=any` takes
/// every one), and it tells what it can run.
pub fn version<C: Conduit>(xen: &C, report: &mut Report<'_, C>, command_line: &str) {
    let version = xen_version::version(xen);
    match (version, xen_version::extraversion(xen)) {
        (Ok(version), Ok(extra)) => {
            report.direct();
            report.direct();
            report.say(format_args!("Xen {version}{extra}"));
        }
        (version, extra) => report.fail(format_args!("version: {version:?}, {extra:?}")),
    }
    match argument(command_line, "expect") {
        Some("any") => {}
        Some(expected) => {
            let (major, minor) = expected.split_once('.').unwrap_or_default();
            let as_expected = version
                .is_ok_and(|is| major.parse() == Ok(is.major) && minor.parse() == Ok(is.minor));
            report.check(as_expected, format_args!("Xen {expected} was expected"));
        }
        None => report.fail(format_args!("no expect=X.Y on the command line")),
    }
    match xen_version::capabilities(xen) {
        Ok(text) => {
            report.direct();
            report.say(format_args!("capabilities: {text}"));
        }
        Err(error) => report.fail(format_args!("capabilities: {error}")),
    }
}

/// The features that this kind of guest relies on are there, those of other kinds are not, and
/// there is no second word of them.
pub fn features<C: Conduit>(
    xen: &C,
    report: &mut Report<'_, C>,
    needed: Features,
    others: Features,
) {
    match xen_version::features(xen) {
        Ok(found) => {
            report.direct();
            report.say(format_args!("features: {found}"));
            report.check(
                found.contains(needed),
                format_args!("missing: {}", needed - found),
            );
            let strange = found & others;
            report.check(
                strange.is_empty(),
                format_args!("not for this guest: {strange}"),
            );
        }
        Err(error) => report.fail(format_args!("features: {error}")),
    }
    let second = xen_version::feature_submap(xen, 1);
    let refused = matches!(second, Err(Error::Refused { errno, .. }) if errno == Errno::EINVAL);
    report.unsupported();
    report.check(
        refused,
        format_args!("a second word of features: {second:?}"),
    );
}

/// An unknown hypercall is refused with ENOSYS; `way` is the name of the conduit under test.
pub fn unknown_hypercall(xen: &impl Conduit, report: &mut Report<'_, impl Conduit>, way: &str) {
    // SAFETY: no Xen knows the number; one that did would get zeros, and no address among them.
    let answer = unsafe { xen.hypercall(UNKNOWN_HYPERCALL, [0; 5]) };
    report.say(format_args!(
        "unknown hypercall {UNKNOWN_HYPERCALL} by {way}: {answer}"
    ));
    report.unsupported();
    let expected = Errno::ENOSYS.to_return();
    report.check(
        answer as i64 == expected,
        format_args!("an unknown hypercall should answer {expected}"),
    );
}

/// Another way to Xen leads to the same one.
pub fn same_xen<C: Conduit>(xen: &C, other: &impl Conduit, report: &mut Report<'_, C>, way: &str) {
    let version = xen_version::version(other);
    report.say(format_args!("by {way}: {version:?}"));
    report.check(
        version.is_ok() && version == xen_version::version(xen),
        format_args!("{way} and the hypercall page don't agree on the version"),
    );
    report.direct();
    report.direct();
    let (here, there) = (
        xen_version::extraversion(xen),
        xen_version::extraversion(other),
    );
    report.check(
        here == there,
        format_args!("{way}: extraversion {there:?}, not {here:?}"),
    );
}

/// A number that Xen's own file system shows, as `XEN_HYPFS_OP_read` writes it.
#[repr(C)]
#[derive(Clone, Copy)]
struct HypfsNumber {
    entry: xen_hypfs_direntry,
    number: u32,
}

/// All five arguments arrive, in their order: `hypfs_op`, which has five, reads the minor version
/// from Xen's file system, and notices by the fifth that a buffer is too small. A Xen built without
/// that file system is a surprise only if the command line has `need=hypfs`.
pub fn five_arguments(
    xen: &impl Conduit,
    report: &mut Report<'_, impl Conduit>,
    way: &str,
    command_line: &str,
) {
    const PATH: &[u8] = b"/buildinfo/version/minor\0";
    let mut found = HypfsNumber {
        entry: xen_hypfs_direntry::ZERO,
        number: 0,
    };
    let address = (&raw mut found).expose_provenance();
    let read = |size: usize| {
        let path = PATH.as_ptr().expose_provenance();
        let arguments = [XEN_HYPFS_OP_read as usize, path, PATH.len(), address, size];
        // SAFETY: the call reads the path, of the length in the third argument, and writes at most
        // `size` bytes to `found`, which has as many. It changes nothing in Xen.
        unsafe { xen.hypercall(__HYPERVISOR_hypfs_op as u32, arguments) as i64 }
    };
    let size = size_of::<HypfsNumber>();
    let (answer, short) = (read(size), read(size - 1));
    // SAFETY: `found` is this function's own and still there, and its bytes make a value whatever
    // Xen wrote. The read is volatile because only the address has been told of to Xen.
    let HypfsNumber { entry, number } = unsafe { (&raw const found).read_volatile() };
    if answer == Errno::ENOSYS.to_return() && argument(command_line, "need") != Some("hypfs") {
        report.unsupported();
        report.say(format_args!(
            "five arguments by {way}: not checked, this Xen has no hypfs"
        ));
        return;
    }
    report.say(format_args!(
        "five arguments by {way}: {answer}, minor version {number}; {short}"
    ));
    report.direct();
    report.direct();
    let minor = xen_version::version(xen).map(|version| u32::from(version.minor));
    report.check(
        answer == 0
            && i32::from(entry.r#type) == XEN_HYPFS_TYPE_UINT
            && entry.content_len == 4
            && Ok(number) == minor,
        format_args!("hypfs should show the minor version that xen_version tells: {minor:?}"),
    );
    report.check(
        short == Errno::ENOBUFS.to_return(),
        format_args!("hypfs should notice that the buffer is too small"),
    );
}

/// The kernel's machine has what a [`Machine`] must have: its pages are there, aligned, zero and
/// writable, each with a frame of its own; its windows are pages of addresses apart from them; the
/// shared page is mapped and shows no event, since none was asked for; and the clock goes forward.
pub fn machine<M: Machine>(machine: &M, report: &mut Report<'_, M::Way>) {
    // Two pages stay for the caller, because those that were taken are gone.
    let (first, second) = (machine.page(), machine.page());
    let (Some(first), Some(second)) = (first, second) else {
        report.fail(format_args!("there are {PAGES} pages, but not two"));
        return;
    };
    for page in [first, second] {
        // SAFETY: the page belongs to this function alone, and is filled with zeros.
        let content = unsafe { &mut *page.as_ptr() };
        let zero = content.0.iter().all(|&byte| byte == 0);
        content.0.fill(0xa5);
        report.check(
            zero && page.addr().get() % PAGE == 0,
            format_args!("the page at {page:?} is not aligned, or not zero"),
        );
    }
    let frames = [first, second].map(|page| machine.frame(page.addr().get()));
    report.say(format_args!(
        "pages: frames {:#x} and {:#x}",
        frames[0], frames[1]
    ));
    report.check(
        frames[0] != frames[1],
        format_args!("two pages have one frame"),
    );
    for index in 0..WINDOWS {
        let window = machine.window(index);
        let apart = window.is_some_and(|window| {
            let others = (0..index).filter_map(|other| machine.window(other));
            window.address % PAGE == 0
                && others
                    .map(|other| other.address)
                    .all(|other| other != window.address)
                && !frames.iter().any(|&frame| window.frame == Some(frame))
        });
        report.check(apart, format_args!("window {index} is none: {window:?}"));
    }
    report.check(
        machine.window(WINDOWS).is_none(),
        format_args!("there is one window too many"),
    );
    match machine.shared_info() {
        Ok(shared) => {
            report.direct();
            // SAFETY: the page is mapped for reading; its first byte is the first processor's
            // `evtchn_upcall_pending`. Xen may write it, so the read is volatile.
            let pending = unsafe { shared.as_ptr().read_volatile() };
            report.say(format_args!(
                "shared page at {shared:?}, upcall pending: {pending}"
            ));
            report.check(
                shared.addr().get() % PAGE == 0 && pending <= 1,
                format_args!("this is no shared page"),
            );
        }
        Err(error) => report.fail(format_args!("mapping the shared page: {error}")),
    }
    let start = machine.ticks();
    let later = (0..1_000_000)
        .map(|_| machine.ticks())
        .find(|&now| now != start);
    report.check(
        later.is_some_and(|later| later > start),
        format_args!("the clock went from {start} to {later:?}"),
    );
    report.say(format_args!("clock: {} Hz", machine.ticks_per_second()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::host::Host;
    use xen_abi::hypercall::simulate::{Build, Simulated};
    use xen_abi::version::{Guest, Release};

    fn simulated() -> Simulated {
        Simulated::new(Release::new(4, 17, 5), Guest::Pv)
    }

    /// Runs a check on a simulated Xen 4.17 that a test has prepared; the lines it wrote, with
    /// PASS or not.
    fn console(
        prepare: fn(&Simulated),
        check: fn(&Simulated, &mut Report<'_, Simulated>),
    ) -> String {
        console_of(&simulated(), prepare, check)
    }

    fn console_of(
        xen: &Simulated,
        prepare: fn(&Simulated),
        check: fn(&Simulated, &mut Report<'_, Simulated>),
    ) -> String {
        prepare(xen);
        let mut report = Report::new(xen);
        check(xen, &mut report);
        let passed = report.verdict();
        let text = String::from_utf8(xen.console()).unwrap();
        assert_eq!(passed, text.ends_with("\nPASS\n"), "{text}");
        assert_eq!(passed, !text.contains("FAIL"), "{text}");
        text
    }

    fn honest(_: &Simulated) {}

    #[test]
    fn the_expected_version_passes_and_others_do_not() {
        let good = console(honest, |xen, report| {
            version(xen, report, "x expect=4.17 y=z")
        });
        assert!(
            good.starts_with("Xen 4.17.5\n") && good.ends_with("PASS\n"),
            "{good}"
        );
        assert!(console(honest, |xen, report| version(xen, report, "expect=any")).contains("PASS"));
        for line in [
            "expect=4.18",
            "expect=9.9",
            "expect=4",
            "expect=",
            "",
            "expects=4.17",
        ] {
            let xen = simulated();
            let mut report = Report::new(&xen);
            version(&xen, &mut report, line);
            assert!(!report.verdict(), "{line:?}");
        }
    }

    #[test]
    fn refusals_of_what_must_be_there_are_surprises() {
        for sub_op in [0, 1, 3] {
            let xen = simulated();
            xen.falsify(17, sub_op, -1);
            let mut report = Report::new(&xen);
            version(&xen, &mut report, "expect=any");
            assert!(!report.verdict(), "{sub_op}");
        }
    }

    #[test]
    fn missing_and_strange_features_are_surprises() {
        let dom0 = Features::DOM0;
        let hvm = Features::HVM_CALLBACK_VECTOR;
        let check = |needed, others| {
            let xen = simulated();
            let mut report = Report::new(&xen);
            features(&xen, &mut report, needed, others);
            let _ = report.verdict();
            String::from_utf8(xen.console()).unwrap()
        };
        assert!(check(dom0, hvm).ends_with("PASS\n"));
        assert!(check(dom0 | hvm, Features::EMPTY).contains("FAIL: missing: XENFEAT_hvm_callback"));
        assert!(check(dom0, dom0).contains("FAIL: not for this guest: XENFEAT_dom0"));
        let lie: fn(&Simulated) = |xen| xen.falsify(17, 6, 0);
        let text = console(lie, |xen, report| {
            features(xen, report, Features::EMPTY, Features::EMPTY);
        });
        assert!(
            text.contains("FAIL: a second word of features: Ok(0)"),
            "{text}"
        );
    }

    #[test]
    fn an_unknown_hypercall_that_works_is_a_surprise() {
        let good = console(honest, |xen, report| {
            unknown_hypercall(xen, report, "memory")
        });
        assert!(good.contains("63 by memory: -38\n") && good.ends_with("\nPASS\n"));
        let text = console(
            |xen| xen.falsify(63, 0, 0),
            |xen, report| {
                unknown_hypercall(xen, report, "memory");
            },
        );
        assert!(
            text.contains("FAIL: an unknown hypercall should answer -38"),
            "{text}"
        );
    }

    #[test]
    fn a_fifth_argument_that_is_lost_is_a_surprise() {
        let without = |xen: &Simulated, report: &mut Report<'_, Simulated>| {
            five_arguments(xen, report, "memory", "");
        };
        let good = console(honest, without);
        assert!(good.contains("minor version 17; -105\n"), "{good}");
        let bare = || {
            let release = Release::new(4, 17, 5);
            let builder = Simulated::builder(release, Guest::Pv);
            builder.without(Build::Hypfs).build()
        };
        let text = console_of(&bare(), honest, without);
        assert!(text.contains("not checked, this Xen has no hypfs\n"));
        let needed = |xen: &Simulated, report: &mut Report<'_, Simulated>| {
            five_arguments(xen, report, "memory", "need=hypfs");
        };
        assert!(console_of(&bare(), honest, needed).contains("FAIL: hypfs should show"));
        let text = console(|xen| xen.falsify(42, 1, 0), without);
        assert!(
            text.contains("FAIL: hypfs should show the minor"),
            "nothing written: {text}"
        );
        assert!(text.contains("FAIL: hypfs should notice"), "{text}");
    }

    #[test]
    fn a_machine_that_lacks_something_is_a_surprise() {
        fn surprises(change: fn(&mut Host)) -> String {
            let mut host = Host::new(simulated());
            change(&mut host);
            let mut report = Report::new(host.xen());
            machine(&host, &mut report);
            let _ = report.verdict();
            let text = String::from_utf8(host.xen().console()).unwrap();
            text.lines()
                .filter(|line| line.starts_with("FAIL"))
                .collect()
        }
        assert_eq!(surprises(|_| ()), "");
        type Change = fn(&mut Host);
        let wrong: [(Change, &str); 7] = [
            (|host| host.pages = 1, "but not two"),
            (|host| host.fill = 1, "not zero"),
            (|host| host.same_frame = true, "two pages have one frame"),
            (|host| host.windows = WINDOWS - 1, "window 15 is none"),
            (|host| host.windows = WINDOWS + 1, "one window too many"),
            (
                |host| host.shared = Err(host.refused()),
                "mapping the shared page",
            ),
            (|host| host.stopped = true, "the clock went"),
        ];
        for (change, what) in wrong {
            let found = surprises(change);
            assert!(found.contains(what), "{what:?} is not in {found:?}");
        }
        assert!(surprises(|host| host.shared = Ok(7)).contains("this is no shared page"));
    }

    #[test]
    fn another_xen_is_noticed() {
        let same = |xen: &Simulated, report: &mut Report<'_, Simulated>| {
            same_xen(xen, &simulated(), report, "twin");
        };
        assert!(console(honest, same).contains("PASS"));
        let other = |xen: &Simulated, report: &mut Report<'_, Simulated>| {
            let stranger = Simulated::builder(Release::new(4, 20, 3), Guest::Pv);
            let stranger = stranger.extraversion(".4-pre").build();
            same_xen(xen, &stranger, report, "stranger");
        };
        let text = console(honest, other);
        assert!(
            text.contains("don't agree") && text.contains(".4-pre"),
            "{text}"
        );
    }
}
