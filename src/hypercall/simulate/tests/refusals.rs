//! What each release says to what it does not know, row by row.

use super::matrix::op_first;
use super::*;
use Guest::{Arm, Hvm, Pv};

/// Both ends of a row's releases: the first, and the first after it.
type Span = ((u8, u8, u8), (u8, u8, u8));
const END: (u8, u8, u8) = (99, 0, 0);

/// A question: the hypercall, its first three arguments, and who asks.
struct Row {
    call: u32,
    arguments: [usize; 3],
    guests: &'static [Guest],
    privileged: bool,
    releases: Span,
    /// An error, or 0.
    answer: i32,
}

const fn row(
    call: u32,
    arguments: [usize; 3],
    guests: &'static [Guest],
    releases: Span,
    answer: Errno,
) -> Row {
    Row {
        call,
        arguments,
        guests,
        privileged: true,
        releases,
        answer: answer.get(),
    }
}

const fn unprivileged(row: Row) -> Row {
    Row {
        privileged: false,
        ..row
    }
}

const ALL: &[Guest] = &[Pv, Hvm, Arm];
const X86: &[Guest] = &[Pv, Hvm];
const NONE: Errno = Errno::new(0);
const UNKNOWN: usize = 0x3e;
/// Bits above those of a grant operation's number.
const HIGH: usize = 1 << 20;

#[rustfmt::skip]
const ROWS: &[Row] = &[
    row(12, [UNKNOWN, 0, 0], &[Pv], ((3, 0, 0), END), Errno::ENOSYS),
    row(12, [UNKNOWN, 0, 0], &[Hvm], ((3, 0, 3), END), Errno::ENOSYS),
    row(12, [UNKNOWN, 0, 0], &[Arm], ((4, 2, 0), END), Errno::ENOSYS),
    // Known sub-ops that a wrapper for HVM does not let through.
    row(12, [12, 0, 0], &[Hvm], ((4, 2, 0), END), Errno::ENOSYS),
    row(12, [10, 0, 0], &[Hvm], ((4, 2, 0), (4, 19, 0)), Errno::ENOSYS),
    row(12, [9, 0, 0], &[Hvm], ((4, 2, 0), (4, 6, 0)), Errno::ENOSYS),
    row(12, [8, 0, 0], X86, ((3, 4, 0), END), Errno::ENOSYS),
    row(12, [28, 0, 0], &[Pv], ((3, 0, 0), (4, 11, 0)), Errno::ENOSYS),
    row(16, [0, 0, 0], &[Arm], ((4, 2, 0), END), Errno::ENOSYS),
    row(6, [0, 0, 0], &[Arm], ((4, 2, 0), END), Errno::ENOSYS),
    row(19, [0, 0, 0], &[Arm], ((4, 2, 0), END), Errno::ENOSYS),
    row(32, [UNKNOWN, 0, 0], ALL, ((3, 0, 3), END), Errno::ENOSYS),
    row(32, [11, 0, 0], ALL, ((3, 0, 3), (4, 4, 0)), Errno::ENOSYS),
    row(32, [10, 0, 0], ALL, ((3, 0, 3), (3, 1, 0)), Errno::ENOSYS),
    row(20, [UNKNOWN, 0, 0], &[Pv], ((3, 0, 0), END), Errno::ENOSYS),
    row(20, [UNKNOWN, 0, 0], &[Arm], ((4, 3, 0), END), Errno::ENOSYS),
    row(20, [UNKNOWN, 0, 513], &[Pv], ((3, 0, 0), (4, 0, 0)), Errno::EINVAL),
    row(20, [UNKNOWN, 0, 513], &[Pv], ((4, 0, 0), END), Errno::ENOSYS),
    row(20, [0, 0, 0x8000_0000], &[Pv], ((4, 0, 0), END), Errno::EINVAL),
    row(20, [HIGH, 0, 0], &[Pv], ((4, 5, 0), (4, 8, 0)), Errno::ENOSYS),
    row(20, [HIGH, 0, 0], &[Pv, Arm], ((4, 8, 0), END), Errno::EINVAL),
    row(20, [6, 0, 1], &[Hvm], ((3, 0, 3), (3, 2, 0)), Errno::ENOSYS),
    row(20, [2, 0, 1], &[Hvm], ((3, 2, 0), (3, 3, 0)), Errno::ENOSYS),
    row(20, [0, 0, 0], &[Hvm], ((3, 2, 0), (4, 0, 0)), Errno::ENOSYS),
    row(20, [0, 0, 0], &[Hvm], ((4, 0, 0), END), NONE),
    row(20, [10, 0, 1], &[Hvm], ((4, 0, 0), (4, 2, 0)), Errno::ENOSYS),
    row(20, [4, 0, 0], &[Hvm], ((3, 2, 0), END), Errno::ENOSYS),
    row(20, [9, 0, 1], &[Hvm], ((3, 2, 0), END), Errno::ENOSYS),
    row(20, [12, 0, 0], &[Pv], ((3, 0, 0), (4, 5, 0)), Errno::ENOSYS),
    row(29, [UNKNOWN, 0, 0], ALL, ((3, 0, 0), END), Errno::ENOSYS),
    row(29, [0, 0, 0], &[Pv], ((3, 0, 0), (3, 0, 2)), Errno::ENOSYS),
    row(29, [5, 0, 0], &[Pv], ((3, 0, 0), (4, 0, 1)), Errno::ENOSYS),
    row(29, [7, 0, 0], ALL, ((3, 0, 3), (4, 7, 0)), Errno::ENOSYS),
    row(6, [UNKNOWN, 0, 0], &[Pv], ((3, 0, 0), END), Errno::ENOSYS),
    row(24, [UNKNOWN, 0, 0], &[Pv], ((3, 0, 0), (3, 0, 2)), NONE),
    row(24, [UNKNOWN, 0, 0], &[Pv], ((3, 0, 2), END), Errno::ENOSYS),
    row(24, [UNKNOWN, 9, 0], &[Pv], ((3, 0, 0), END), Errno::ENOENT),
    row(24, [3, 8192, 0], &[Pv], ((3, 0, 0), (4, 6, 0)), Errno::EINVAL),
    row(24, [3, 8192, 0], &[Pv], ((4, 6, 0), END), Errno::ENOENT),
    row(24, [UNKNOWN, 9, 0], &[Hvm], ((3, 4, 0), (4, 7, 0)), Errno::ENOSYS),
    row(24, [UNKNOWN, 9, 0], &[Hvm], ((4, 7, 0), END), Errno::ENOENT),
    row(24, [3, 0, 0], &[Hvm], ((3, 4, 0), (4, 7, 0)), Errno::ENOSYS),
    row(24, [7, 0, 0], &[Hvm], ((4, 1, 0), END), NONE),
    row(24, [0, 9, 0], &[Arm], ((4, 3, 0), (4, 17, 0)), Errno::EINVAL),
    row(24, [0, 9, 0], &[Arm], ((4, 17, 0), END), Errno::ENOENT),
    row(24, [14, 0, 0], &[Arm], ((4, 3, 0), END), Errno::EINVAL),
    row(33, [UNKNOWN, 0, 0], &[Pv], ((3, 0, 3), (3, 0, 4)), Errno::EINVAL),
    row(33, [UNKNOWN, 0, 0], &[Pv], ((3, 0, 4), END), Errno::ENOSYS),
    row(33, [5, 0, 0], &[Hvm], ((4, 9, 0), END), Errno::ENOSYS),
    row(33, [6, 0, 0], &[Hvm], ((4, 1, 0), END), Errno::ENOSYS),
    row(33, [25, 0, 0], &[Arm], ((4, 2, 0), END), Errno::ENOSYS),
    row(33, [30, 0, 0], &[Pv], ((4, 2, 0), (4, 2, 2)), Errno::ENOSYS),
    row(33, [30, 0, 0], &[Pv], ((4, 1, 0), (4, 1, 5)), Errno::ENOSYS),
    row(33, [28, 0, 0], &[Pv], ((4, 1, 0), (4, 1, 3)), Errno::ENOSYS),
    #[cfg(target_pointer_width = "64")]
    row(25, [4, 0, 0], &[Pv], ((3, 0, 0), END), Errno::EINVAL),
    #[cfg(target_pointer_width = "32")]
    row(25, [4, 0, 0], &[Pv], ((3, 0, 0), END), Errno::ENOSYS),
    row(17, [UNKNOWN, 0, 0], ALL, ((3, 0, 0), END), Errno::ENOSYS),
    unprivileged(row(17, [UNKNOWN, 0, 0], ALL, ((3, 0, 0), END), Errno::ENOSYS)),
    row(17, [11, 0, 0], ALL, ((3, 0, 0), (4, 20, 0)), Errno::ENOSYS),
    unprivileged(row(17, [10, 0, 0], ALL, ((4, 7, 0), END), Errno::EPERM)),
    unprivileged(row(17, [14, 0, 0], ALL, ((4, 20, 0), END), Errno::EPERM)),
    row(34, [UNKNOWN, 0, 0], ALL, ((3, 0, 3), END), Errno::ENOSYS),
    row(34, [17, 0, 0], X86, ((4, 9, 0), END), Errno::ENOSYS),
    row(34, [12, 0, 0], X86, ((4, 5, 0), END), Errno::ENOSYS),
    row(21, [9, 0, 0], &[Pv], ((3, 0, 0), END), Errno::ENOSYS),
    row(21, [0, 0, 0], &[Pv], ((3, 0, 0), END), NONE),
    row(21, [0, 9, 0], &[Pv], ((3, 0, 0), END), Errno::EINVAL),
    row(21, [0, 0, 0], &[Hvm], ((3, 0, 3), (4, 14, 0)), Errno::ENOSYS),
    row(21, [0, 0, 0], &[Hvm], ((4, 14, 0), END), Errno::EINVAL),
    row(21, [0, 5, 0], &[Arm], ((4, 8, 0), END), NONE),
    row(18, [UNKNOWN, 0, 0], &[Pv], ((3, 0, 0), END), Errno::ENOSYS),
    unprivileged(row(18, [UNKNOWN, 0, 0], &[Pv], ((3, 0, 0), END), Errno::EPERM)),
    unprivileged(row(18, [0, 0, 0], ALL, ((4, 4, 0), END), Errno::EPERM)),
    row(30, [UNKNOWN, 0, 0], &[Pv], ((3, 0, 3), (3, 0, 4)), Errno::EINVAL),
    row(30, [UNKNOWN, 0, 0], &[Pv], ((3, 0, 0), (3, 0, 3)), Errno::ENOSYS),
    row(30, [UNKNOWN, 0, 0], &[Pv], ((3, 0, 4), END), Errno::ENOSYS),
    row(28, [UNKNOWN, 0, 0], &[Pv], ((3, 0, 0), END), Errno::ENOSYS),
    row(27, [0, 0, 0], X86, ((3, 0, 0), END), Errno::ENOSYS),
    row(37, [UNKNOWN, 0, 0], &[Pv], ((3, 0, 3), (3, 0, 4)), Errno::ENOSYS),
    row(37, [UNKNOWN, 0, 0], &[Pv], ((3, 0, 4), (3, 2, 0)), Errno::EINVAL),
    row(37, [UNKNOWN, 0, 0], &[Pv], ((3, 2, 0), (4, 20, 3)), NONE),
    row(37, [UNKNOWN, 0, 0], &[Pv], ((4, 20, 3), (4, 21, 0)), Errno::EOPNOTSUPP),
    row(37, [UNKNOWN, 0, 0], &[Pv], ((4, 21, 0), (4, 22, 0)), NONE),
    row(37, [UNKNOWN, 0, 0], &[Pv], ((4, 22, 0), END), Errno::EOPNOTSUPP),
    unprivileged(row(37, [UNKNOWN, 0, 0], &[Pv], ((3, 0, 4), END), Errno::EPERM)),
    row(40, [UNKNOWN, 0, 0], &[Pv], ((4, 6, 0), END), Errno::EOPNOTSUPP),
    row(40, [0, 0, 0], &[Hvm], ((4, 7, 0), END), Errno::EOPNOTSUPP),
    row(41, [3, 0, 0], X86, ((4, 9, 0), (4, 22, 0)), Errno::ESRCH),
    row(41, [0, 0, 0], X86, ((4, 9, 0), (4, 22, 0)), Errno::EPERM),
    row(41, [0, 1, Simulated::NOWHERE], X86, ((4, 9, 0), END), Errno::EFAULT),
    row(41, [3, 3, 0], X86, ((4, 9, 0), END), Errno::E2BIG),
    row(41, [3, 0, 0], X86, ((4, 22, 0), END), Errno::ENODATA),
    row(39, [1, 0, 0], ALL, ((3, 0, 3), END), Errno::ENOSYS),
    unprivileged(row(42, [UNKNOWN, 0, 0], ALL, ((4, 14, 0), END), Errno::EPERM)),
    row(38, [UNKNOWN, 0, 0], &[Pv], ((3, 4, 0), (4, 0, 0)), Errno::ENOSYS),
    row(38, [UNKNOWN, 0, 0], &[Pv], ((4, 0, 0), (4, 13, 0)), Errno::ENODEV),
    row(31, [UNKNOWN, 0, 0], &[Pv], ((3, 0, 3), (4, 20, 0)), Errno::EINVAL),
    row(31, [15, 0, 0], &[Pv], ((3, 0, 3), (3, 2, 0)), Errno::EINVAL),
    row(15, [0, 0, 0], &[Hvm], ((3, 0, 3), (4, 1, 0)), Errno::ENOSYS),
    row(15, [0, 0, 0], &[Arm], ((4, 2, 0), END), Errno::ENOSYS),
];

fn within(release: Release, ((a, b, c), (d, e, f)): Span) -> bool {
    release >= Release::new(a, b, c) && release < Release::new(d, e, f)
}

#[test]
fn each_row_is_answered_as_it_says() {
    let mut asked = 0;
    let mut wrong: Vec<String> = Vec::new();
    for row in ROWS {
        for (release, guest) in everywhere() {
            if !row.guests.contains(&guest) || !within(release, row.releases) {
                continue;
            }
            if release < Release::new(3, 0, 3) && row.call > 31 {
                continue;
            }
            let builder = Simulated::builder(release, guest).privileged(row.privileged);
            let xen = builder.build();
            let [first, second, third] = row.arguments;
            let answer = plain(&xen, row.call, [first, second, third, 0, 0]);
            let question = alloc::format!("{} {:x?}", row.call, row.arguments);
            if answer != -(row.answer as isize) || !xen.unmodelled().is_empty() {
                let expected = row.answer;
                wrong.push(alloc::format!(
                    "{question} on {release} for {guest}: {answer}, not -{expected}"
                ));
            }
            asked += 1;
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(asked > 1500, "{asked}");
}

/// Who is refused first: the caller without rights or the wrong interface version.
#[test]
fn rights_and_versions_are_looked_at_in_order() {
    for release in RELEASES {
        let dated = |major, minor| release >= Release::new(major, minor, 0);
        for (number, version_first) in [(35, dated(4, 3)), (36, dated(4, 0)), (7, dated(4, 3))] {
            if release < Release::new(3, 0, 3) {
                continue;
            }
            let xen = Simulated::builder(release, Pv).privileged(false).build();
            let mut words = [1_u32, 0x7777, 0, 0];
            let expected = if version_first {
                Errno::EACCES
            } else {
                Errno::EPERM
            };
            assert_eq!(
                op_first(&xen, number, &mut words),
                errno(expected),
                "{number} {release}"
            );
            let xen = pv(release);
            assert_eq!(op_first(&xen, number, &mut words), errno(Errno::EACCES));
        }
    }
}

#[test]
fn interface_versions_are_those_of_the_release() {
    for (release, domctl, sysctl) in [
        ((3, 0, 3), 3, 2),
        ((3, 1, 2), 5, 3),
        ((3, 4, 0), 5, 6),
        ((4, 2, 0), 8, 9),
        ((4, 4, 0), 9, 0xa),
        ((4, 6, 0), 0xb, 0xc),
        ((4, 7, 0), 0xb, 0xd),
        ((4, 10, 0), 0xe, 0x10),
        ((4, 10, 1), 0xf, 0x10),
        ((4, 13, 4), 0x12, 0x12),
        ((4, 19, 0), 0x17, 0x15),
        ((4, 21, 0), 0x17, 0x16),
        ((4, 22, 0), 0x18, 0x16),
    ] {
        let (major, minor, point) = release;
        let xen = pv(Release::new(major, minor, point));
        for (number, version) in [(36, domctl), (35, sysctl)] {
            let accepts = |interface| {
                let mut words = [0x3e3e, interface, 0, 0];
                op_first(&xen, number, &mut words) == ENOSYS
            };
            let found: Vec<u32> = (0..0x40).filter(|version| accepts(*version)).collect();
            assert_eq!(found, [version], "{number} on {release:?}");
        }
    }
}

/// What a row is about is there when the release has it: no row is right because nothing is.
#[test]
fn spaces_and_types_have_their_own_errors() {
    use xen_public::native::memory::xen_add_to_physmap;
    for (release, guest) in everywhere() {
        let mut request = xen_add_to_physmap {
            domid: DOMID_SELF,
            space: 9,
            gpfn: 0x9000,
            ..xen_add_to_physmap::ZERO
        };
        let xen = Simulated::new(release, guest);
        let answer = op(&xen, 12, 7, &mut request);
        let expected = match guest {
            _ if release < Release::new(3, 0, 2) => Errno::ENOSYS,
            Arm => Errno::ENOSYS,
            Pv if release >= Release::new(4, 14, 0) => Errno::EACCES,
            _ => Errno::EINVAL,
        };
        assert_eq!(answer, errno(expected), "{release} {guest}");
    }
}
