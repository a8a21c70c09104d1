//! The operations against a simulated hypervisor, honest and lying.

mod events;
mod fifo;
mod grants;
mod matrix;
mod memory;
mod others;
mod peer;
mod refusals;
// ARM's guests are served by no device model that all releases have.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
mod served;
mod vcpus;

use alloc::string::String;

use super::caller::wide;
use super::memory::Bits;
use super::*;
use crate::hypercall::xen_version::Version;

cfg_if::cfg_if! {
    if #[cfg(target_arch = "x86")] {
        use xen_public::handle::Handle32 as Handle;
    } else {
        use xen_public::handle::Handle64 as Handle;
    }
}

use crate::hypercall::{Error, Xen, console_io, sched_op, xen_version};

const V4_14: Release = Release::new(4, 14, 6);
const V4_17: Release = Release::new(4, 17, 5);
const V4_20: Release = Release::new(4, 20, 3);

const EFAULT: isize = Errno::EFAULT.to_return() as isize;
const EIO: isize = Errno::EIO.to_return() as isize;
const ENOSYS: isize = Errno::ENOSYS.to_return() as isize;

/// Releases that differ from the one before.
const RELEASES: [Release; 39] = [
    Release::new(3, 0, 0),
    Release::new(3, 0, 2),
    Release::new(3, 0, 3),
    Release::new(3, 0, 4),
    Release::new(3, 1, 0),
    Release::new(3, 2, 0),
    Release::new(3, 3, 0),
    Release::new(3, 4, 0),
    Release::new(4, 0, 0),
    Release::new(4, 0, 1),
    Release::new(4, 0, 2),
    Release::new(4, 1, 0),
    Release::new(4, 1, 3),
    Release::new(4, 1, 5),
    Release::new(4, 2, 0),
    Release::new(4, 2, 2),
    Release::new(4, 3, 0),
    Release::new(4, 4, 0),
    Release::new(4, 5, 0),
    Release::new(4, 6, 0),
    Release::new(4, 7, 0),
    Release::new(4, 8, 0),
    Release::new(4, 9, 0),
    Release::new(4, 10, 0),
    Release::new(4, 10, 1),
    Release::new(4, 11, 0),
    Release::new(4, 12, 0),
    Release::new(4, 13, 0),
    Release::new(4, 14, 0),
    Release::new(4, 14, 1),
    Release::new(4, 15, 0),
    Release::new(4, 16, 0),
    Release::new(4, 17, 0),
    Release::new(4, 18, 0),
    Release::new(4, 19, 0),
    Release::new(4, 20, 0),
    Release::new(4, 20, 3),
    Release::new(4, 21, 0),
    Release::new(4, 22, 0),
];

/// Each of the releases with each kind of guest that it has.
fn everywhere() -> impl Iterator<Item = (Release, Guest)> {
    let all = |release| Guest::ALL.into_iter().map(move |guest| (release, guest));
    let pairs = RELEASES.into_iter().flat_map(all);
    pairs.filter(|(release, guest)| Simulated::exists(*release, *guest))
}

/// A sub-op with a structure.
fn op<S>(xen: &Simulated, number: u32, sub_op: usize, structure: &mut S) -> isize {
    let address = (&raw mut *structure).expose_provenance();
    // SAFETY: the callers pass the structure that the sub-op takes; it is their own, and so is the
    // memory that it points at. Nothing here relies on what is mapped where.
    unsafe { xen.hypercall(number, [sub_op, address, 0, 0, 0]) }
}

/// The same for calls that take a number of structures.
fn ops<S>(xen: &Simulated, number: u32, sub_op: usize, structures: &mut [S]) -> isize {
    let address = structures.as_mut_ptr().expose_provenance();
    // SAFETY: as in `op`, for each of them.
    unsafe { xen.hypercall(number, [sub_op, address, structures.len(), 0, 0]) }
}

/// A call without an address.
fn plain(xen: &Simulated, number: u32, arguments: [usize; 5]) -> isize {
    // SAFETY: the callers pass no address but of what `op` may be passed.
    unsafe { xen.hypercall(number, arguments) }
}

/// What stands in memory that a call may have written by its address.
fn peek<T: Copy>(place: *const T) -> T {
    // SAFETY: the callers pass their own variables, and places within pages that live as long as
    // their hypervisor; nothing else uses them now.
    unsafe { place.read_volatile() }
}

/// The address of a list, in a structure.
fn handle<T>(address: usize) -> Handle<T> {
    Handle::from_raw(address as _)
}

fn errno(errno: Errno) -> isize {
    errno.to_return() as isize
}

fn pv(release: Release) -> Simulated {
    Simulated::new(release, Guest::Pv)
}

/// The error number that Xen refused with, if it did.
fn refused<T>(result: crate::hypercall::Result<T>) -> Option<i32> {
    match result {
        Err(Error::Refused { errno, .. }) => Some(errno.get()),
        _ => None,
    }
}

#[test]
fn each_release_answers_as_itself() {
    let common = Features::MMU_PT_UPDATE_PRESERVE_AD
        | Features::HIGHMEM_ASSIST
        | Features::GNTTAB_MAP_AVAIL_BITS
        | Features::DOM0
        | Features::MEMORY_OP_VNODE_SUPPORTED;
    let above = Features::PAE_PGDIR_ABOVE_4GB;
    let newest = Features::DIRECT_MAPPED
        | Features::RUNSTATE_PHYS_AREA
        | Features::VCPU_TIME_PHYS_AREA
        | Features::DM_MSIX_ALL_WRITES;
    // What the hypervisors of three Debian releases gave to a PV domain 0.
    for (release, extra, text, features) in [
        (V4_14, ".6", "4.14.6", common | above),
        (
            V4_17,
            ".5",
            "4.17.5",
            common | above | Features::DIRECT_MAPPED,
        ),
        (V4_20, ".4-pre", "4.20.4-pre", common | newest),
    ] {
        let xen = Simulated::builder(release, Guest::Pv)
            .extraversion(extra)
            .build();
        let version = xen_version::version(&xen).unwrap();
        let extra = xen_version::extraversion(&xen).unwrap();
        assert_eq!(alloc::format!("{version}{extra}"), text);
        assert_eq!(xen_version::features(&xen), Ok(features));
        assert_eq!(refused(xen_version::feature_submap(&xen, 1)), Some(22));
        let capabilities = xen_version::capabilities(&xen).unwrap();
        assert!(capabilities.as_bytes().starts_with(b"xen-3.0-x86_64 "));
    }
}

#[test]
fn calls_are_recorded_as_they_arrive() {
    let xen = pv(V4_17);
    console_io::write(&xen, b"abc").unwrap();
    console_io::write(&xen, b"").unwrap();
    console_io::write(&xen, b"d\n").unwrap();
    assert_eq!(xen.console(), b"abcd\n");
    let calls = xen.calls();
    assert_eq!(calls.len(), 3);
    assert_eq!(
        (
            calls[0].number,
            calls[0].arguments[0],
            calls[0].arguments[1]
        ),
        (18, 0, 3)
    );
    assert_eq!(calls[0].arguments[3..], [0, 0]);
}

#[test]
fn a_domain_ends_with_its_reason() {
    let hypervisor = pv(V4_20);
    let xen = Xen::probe(&hypervisor).unwrap();
    assert_eq!(hypervisor.ended(), None);
    sched_op::shutdown(&xen, ShutdownReason::REBOOT).unwrap();
    assert_eq!(hypervisor.ended(), Some(ShutdownReason::REBOOT));
    sched_op::shutdown(&xen, ShutdownReason::new(0x103).unwrap()).unwrap();
    assert_eq!(
        hypervisor.ended(),
        Some(ShutdownReason::CRASH),
        "Xen keeps 8 bits"
    );
}

#[test]
fn a_domain_that_may_not_end_is_told_so() {
    let hypervisor = pv(V4_20);
    hypervisor.falsify(29, 2, -1);
    let xen = Xen::probe(&hypervisor).unwrap();
    assert_eq!(
        refused(sched_op::shutdown(&xen, ShutdownReason::REBOOT)),
        Some(1)
    );
    assert_eq!(hypervisor.ended(), None);
}

#[test]
fn suspending_is_no_end() {
    for number in [2, 0x102, 0xffff_ff02] {
        assert_eq!(ShutdownReason::new(number), None, "{number:#x}");
        let xen = pv(V4_20);
        let address = (&raw const number).expose_provenance();
        // SAFETY: the call reads one `sched_shutdown`, a word of 32 bits, which `number` is.
        let answer = unsafe { xen.hypercall(29, [2, address, 0, 0, 0]) };
        assert_eq!((answer, xen.ended()), (EIO, None), "{number:#x}");
        assert_eq!(xen.unmodelled().len(), 1);
    }
    assert_eq!(ShutdownReason::new(6).map(ShutdownReason::get), Some(6));
}

/// Answers every call with success and writes 7 into the first word at its second argument.
struct Echo;

// SAFETY: the one call made on it below gives 8 bytes at that address to be written.
unsafe impl Conduit for Echo {
    unsafe fn hypercall(&self, _: u32, arguments: [usize; 5]) -> isize {
        // SAFETY: as above; the caller keeps the contract of `XENVER_get_features`.
        let word = unsafe { caller::Caller::<u32>::new(arguments[1]) };
        word.put(7).map_or(EFAULT, |()| 0)
    }
}

#[test]
fn features_of_another_word_are_no_answer() {
    let wrong = Error::Nonsense {
        call: "XENVER_get_features",
        answer: 7,
    };
    assert_eq!(xen_version::feature_submap(&Echo, 0), Err(wrong));
    assert_eq!(xen_version::feature_submap(&Echo, 7), Ok(0));
}

#[test]
fn what_it_does_not_know_is_not_there() {
    let xen = pv(V4_14);
    for number in [11, 17, 18, 29, 63, 64, u32::MAX] {
        // SAFETY: the simulated hypervisor touches no memory for sub-op 99.
        let answer = unsafe { xen.hypercall(number, [99, 0, 0, 0, 0]) };
        assert_eq!(answer, ENOSYS, "{number}");
    }
}

#[test]
fn what_cannot_be_memory_is_a_fault() {
    let xen = Simulated::builder(V4_14, Guest::Pv).record_harm().build();
    for (number, arguments) in [
        (17, [1, 0, 0, 0, 0]),
        (17, [3, usize::MAX - 100, 0, 0, 0]),
        (17, [6, 0, 0, 0, 0]),
        (18, [0, 1, 0, 0, 0]),
        (18, [0, 2, usize::MAX, 0, 0]),
        (29, [2, 0, 0, 0, 0]),
    ] {
        // SAFETY: none of these addresses can be memory, and the simulated hypervisor says so
        // before it looks there.
        let answer = unsafe { xen.hypercall(number, arguments) };
        assert_eq!(answer, EFAULT, "{number} {arguments:x?}");
        let harm = xen.harm();
        let (call, last) = harm[harm.len() - 1];
        assert_eq!(call, Call { number, arguments });
        assert!(matches!(last, Harm::BadPointer(_)), "{last}");
    }
    assert_eq!(xen.harm().len(), 6);
    assert_eq!((xen.console(), xen.ended()), (Vec::new(), None));
}

/// What `version` makes of an answer.
fn version_of(answer: isize) -> crate::hypercall::Result<Version> {
    let xen = pv(V4_17);
    xen.falsify(17, 0, answer);
    xen_version::version(&xen)
}

#[test]
fn nonsense_is_an_error() {
    assert_eq!(
        version_of(0x0004_0011),
        Ok(Version {
            major: 4,
            minor: 17
        })
    );
    assert_eq!(version_of(0x0003_0000), Ok(Version { major: 3, minor: 0 }));
    assert_eq!(refused(version_of(-38)), Some(38));
    assert_eq!(
        version_of(-5000),
        Err(Error::Nonsense {
            call: "XENVER_version",
            answer: -5000
        })
    );
    assert_eq!(
        version_of(17),
        Err(Error::Nonsense {
            call: "XENVER_version",
            answer: 17
        })
    );
    #[cfg(target_pointer_width = "64")]
    assert!(version_of(0x1_0004_0011).is_err(), "more than 32 bits");

    let xen = pv(V4_17);
    xen.falsify(17, 1, 0);
    xen.falsify(17, 6, 4);
    xen.falsify(18, 0, 3);
    let unterminated = Error::Unterminated {
        call: "XENVER_extraversion",
        size: 16,
    };
    assert_eq!(
        xen_version::extraversion(&xen),
        Err(unterminated),
        "success, but nothing written"
    );
    assert!(matches!(
        xen_version::features(&xen),
        Err(Error::Nonsense { answer: 4, .. })
    ));
    assert!(matches!(
        console_io::write(&xen, b"abc"),
        Err(Error::Nonsense { answer: 3, .. })
    ));
    assert_eq!(xen.ended(), None);
    xen.falsify(17, 0, 0x0005_0001);
    xen.falsify(17, 0, 0x0006_0002);
    let newest = Version { major: 6, minor: 2 };
    assert_eq!(xen_version::version(&xen), Ok(newest), "the last lie holds");
}

#[test]
fn long_texts_are_cut_as_xen_cuts_them() {
    let builder = Simulated::builder(V4_17, Guest::Pv);
    let xen = builder.extraversion(".5-a-very-long-branch-name").build();
    assert_eq!(
        xen_version::extraversion(&xen).unwrap().as_bytes(),
        b".5-a-very-long-"
    );
}

#[test]
fn directories_of_xens_file_system_are_listed() {
    use crate::hypercall::hypfs_op::{Found, entries, read};

    let xen = Simulated::new(V4_20, Guest::Pv);
    let xen = Xen::probe(&xen).unwrap();
    for (path, expected) in [
        (c"/", &[("buildinfo", 0)][..]),
        (c"/buildinfo", &[("version", 0)]),
        (
            c"/buildinfo/version",
            &[("extra", 2), ("major", 3), ("minor", 3)],
        ),
    ] {
        let mut buffer = [0; 256];
        let Ok(Found::Whole(entry, content)) = read(&xen, path, &mut buffer) else {
            panic!("{path:?} is there");
        };
        assert_eq!(entry.kind.0, 0, "{path:?} is a directory");
        let found = entries(content).map(|entry| {
            let (entry, name) = entry.unwrap();
            (core::str::from_utf8(name).unwrap(), entry.kind.0)
        });
        assert!(found.eq(expected.iter().copied()), "{path:?}");
    }
}
