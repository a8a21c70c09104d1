//! Every release with every kind of guest: what is there at all.
//!
//! The rows are facts read from the sources of each release, apart from those that the simulation
//! was written from.

use super::*;

const fn r(major: u8, minor: u8) -> Option<Release> {
    Some(Release::new(major, minor, 0))
}

const fn r3(point: u8) -> Option<Release> {
    Some(Release::new(3, 0, point))
}

type Row = (u32, [Option<Release>; 3], Option<Release>);

/// A hypercall's number, the first release in which PV, HVM and ARM guests reach it, and the first in
/// which nobody does.
const HYPERCALLS: [Row; 48] = [
    (0, [r3(0), None, None], None),
    (1, [r3(0), None, None], None),
    (2, [r3(0), None, None], None),
    (3, [r3(0), None, None], None),
    (4, [r3(0), None, None], None),
    (5, [r3(0), None, None], None),
    (6, [r3(0), None, None], None),
    (7, [r3(0), r(4, 7), r(4, 7)], None),
    (8, [r3(0), None, None], None),
    (9, [r3(0), None, None], None),
    (10, [r3(0), None, None], None),
    (11, [None, None, None], None),
    (12, [r3(0), r3(3), r(4, 2)], None),
    (13, [r3(0), r(4, 16), r(4, 5)], None),
    (14, [r3(0), None, None], None),
    (15, [r3(0), r(4, 1), None], None),
    (16, [r3(0), None, None], None),
    (17, [r3(0), r3(3), r(4, 2)], None),
    (18, [r3(0), r(4, 4), r(4, 2)], None),
    (19, [r3(0), None, None], None),
    (20, [r3(0), r(3, 2), r(4, 3)], None),
    (21, [r3(0), r(4, 14), r(4, 8)], None),
    (22, [r3(0), None, None], None),
    (23, [r3(0), None, None], None),
    (24, [r3(0), r(3, 4), r(4, 3)], None),
    (25, [r3(0), None, None], None),
    (26, [r3(0), r(4, 7), None], None),
    (27, [r3(0), r(4, 3), r(4, 5)], None),
    (28, [r3(2), None, None], None),
    (29, [r3(2), r(3, 1), r(4, 2)], None),
    (30, [r3(3), None, None], None),
    (31, [r3(3), None, None], r(4, 22)),
    (32, [r3(3), r3(3), r(4, 2)], None),
    (33, [r3(3), r(4, 1), r(4, 2)], None),
    (34, [r3(3), r3(3), r(4, 2)], None),
    (35, [r3(3), r(4, 1), r(4, 2)], None),
    (36, [r3(3), r(4, 3), r(4, 2)], None),
    (37, [r3(4), None, None], None),
    (38, [r(4, 0), r(4, 1), None], r(4, 13)),
    (39, [r(4, 12), r(4, 12), r(4, 12)], None),
    (40, [r(4, 6), r(4, 7), None], None),
    (41, [r(4, 9), r(4, 9), r(4, 15)], None),
    (42, [r(4, 14), r(4, 14), r(4, 14)], None),
    (43, [None, None, None], None),
    (49, [r(4, 8), r(4, 5), None], None),
    (50, [None, None, None], None),
    (63, [None, None, None], None),
    (64, [None, None, None], None),
];

const OPTIONAL: [Build; 4] = [Build::Argo, Build::Xenoprof, Build::IoreqServer, Build::Xsm];

#[test]
fn numbers_lead_where_the_release_says() {
    for (release, guest) in everywhere() {
        let whole = OPTIONAL
            .into_iter()
            .fold(Simulated::builder(release, guest), Builder::with);
        for (number, first, removed) in HYPERCALLS {
            let since = first[guest as usize].is_some_and(|first| release >= first);
            let there = since && removed.is_none_or(|removed| release < removed);
            let found = presence::hypercall(&whole.0, number);
            assert_eq!(found, there, "{number} on {release} for {guest}");
        }
    }
}

#[test]
fn what_is_left_out_is_not_there() {
    for (number, build, guest) in [
        (20, Build::GrantTable, Guest::Pv),
        (31, Build::Xenoprof, Guest::Pv),
        (35, Build::Sysctl, Guest::Hvm),
        (37, Build::Kexec, Guest::Pv),
        (39, Build::Argo, Guest::Arm),
        (41, Build::Hvm, Guest::Pv),
        (41, Build::IoreqServer, Guest::Arm),
        (42, Build::Hypfs, Guest::Hvm),
    ] {
        let release = Release::new(4, 21, 0);
        let ask = |builder: Builder| {
            let xen = builder.build();
            plain(&xen, number, [99, 0, 0, 0, 0])
        };
        let builder = Simulated::builder(release, guest);
        assert_eq!(ask(builder.without(build)), ENOSYS, "{build:?}");
    }
}

/// The oldest releases run another call for a number above 31, and nobody may try.
#[test]
fn numbers_are_masked_on_the_oldest() {
    for (release, number, runs) in [
        (Release::new(3, 0, 0), 32, Some(0)),
        (Release::new(3, 0, 2), 33, Some(1)),
        (Release::new(3, 0, 2), 63, Some(31)),
        (Release::new(3, 0, 3), 32, None),
        (Release::new(3, 0, 3), 63, None),
    ] {
        let xen = Simulated::builder(release, Guest::Pv).record_harm().build();
        let _ = plain(&xen, number, [99, 0, 0, 0, 0]);
        let harm: Vec<Harm> = xen.harm().into_iter().map(|(_, harm)| harm).collect();
        let expected: Vec<Harm> = runs.into_iter().map(Harm::Masked).collect();
        assert_eq!(harm, expected, "{number} on {release}");
    }
}

/// What runs in the place of another does its own work with the registers that it finds, and may look as
/// if all had gone well.
#[test]
fn the_wrong_hypercall_is_run() {
    let xen = Simulated::builder(Release::new(3, 0, 2), Guest::Pv);
    let xen = xen.record_harm().build();
    // xenpmu_op sets a debug register, and dm_op reads it.
    assert_eq!(plain(&xen, 40, [3, 0x1234, 0, 0, 0]), 0);
    assert_eq!(plain(&xen, 9, [3, 0, 0, 0, 0]), 0x1234);
    assert_eq!(plain(&xen, 41, [3, 1, 0, 0, 0]), 0x1234);
    // domctl takes its structure for the address to be entered at.
    let _ = plain(&xen, 36, [0x5678, 0, 0, 0, 0]);
    let narrow = cfg!(target_pointer_width = "32");
    let entry = if narrow { 0 } else { 0x5678 };
    assert_eq!(xen.event_callback(), Some(entry));
    // The address of an argument is not followed: here it is no list of calls, but a version.
    let mut version = [u32::MAX; 4];
    let address = (&raw mut version).expose_provenance();
    assert_eq!(plain(&xen, 45, [address, 1, 0, 0, 0]), EFAULT);
    assert_eq!(plain(&xen, 32, [9, 0, 0, 0, 0]), EFAULT);
    let harm = xen
        .harm()
        .into_iter()
        .map(|(call, harm)| (call.number, harm));
    let expected = [(40, 8), (41, 9), (36, 4), (45, 13), (32, 0)];
    let expected = expected.map(|(number, runs)| (number, Harm::Masked(runs)));
    assert!(harm.eq(expected), "{:?}", xen.harm());
}

#[test]
#[should_panic(expected = "harm: event_channel_op (hypercall 32)")]
fn harm_fails_the_test() {
    let xen = pv(Release::new(3, 0, 1));
    let _ = plain(&xen, 32, [9, 0, 0, 0, 0]);
}

#[test]
#[should_panic(expected = "has no ARM guests")]
fn a_guest_that_never_was_is_no_guest() {
    let _ = Simulated::new(Release::new(4, 1, 0), Guest::Arm);
}

/// A feature, the first release that gives it to PV, HVM and ARM domains, and the first that does not
/// any more.
const FEATURES: [(Features, [Option<Release>; 3]); 16] = [
    (Features::WRITABLE_PAGE_TABLES, [None, r3(2), r(4, 2)]),
    (Features::AUTO_TRANSLATED_PHYSMAP, [None, r3(2), r(4, 2)]),
    (Features::MMU_PT_UPDATE_PRESERVE_AD, [r(3, 3), None, None]),
    (Features::HIGHMEM_ASSIST, [r(3, 4), None, None]),
    (Features::GNTTAB_MAP_AVAIL_BITS, [r(3, 4), None, None]),
    (
        Features::HVM_CALLBACK_VECTOR,
        [None, Some(Release::new(4, 0, 1)), None],
    ),
    (
        Features::HVM_SAFE_PVCLOCK,
        [None, Some(Release::new(4, 0, 1)), None],
    ),
    (Features::DOM0, [r(4, 2), r(4, 2), r(4, 2)]),
    (
        Features::MEMORY_OP_VNODE_SUPPORTED,
        [r(4, 6), r(4, 6), r(4, 6)],
    ),
    (Features::ARM_SMCCC_SUPPORTED, [None, None, r(4, 10)]),
    (Features::NOT_DIRECT_MAPPED, [None, r(4, 16), None]),
    (Features::DIRECT_MAPPED, [r(4, 16), None, r(4, 16)]),
    (Features::RUNSTATE_PHYS_AREA, [r(4, 18), r(4, 18), r(4, 18)]),
    (Features::VCPU_TIME_PHYS_AREA, [r(4, 18), r(4, 18), None]),
    (Features::DM_MSIX_ALL_WRITES, [r(4, 19), r(4, 19), None]),
    (Features::LINUX_RSDP_UNRESTRICTED, [None, None, None]),
];

#[test]
fn releases_say_who_they_are_and_what_they_give() {
    for (release, guest) in everywhere() {
        let xen = Simulated::new(release, guest);
        let packed = isize::from(release.major) << 16 | isize::from(release.minor);
        assert_eq!(plain(&xen, 17, [0; 5]), packed, "{release} {guest}");
        let mut text = [0xff_u8; 16];
        assert_eq!(op(&xen, 17, 1, &mut text), 0);
        let text = peek(&raw const text);
        assert_eq!(Release::identify(packed as u32, &text), Ok(release));
        let mut info = xen_public::native::version::xen_feature_info::ZERO;
        let answer = op(&xen, 17, 6, &mut info);
        if release < Release::new(3, 0, 2) {
            assert_eq!(answer, ENOSYS);
            continue;
        }
        assert_eq!(answer, 0);
        let found = Features::from_bits(info.submap);
        for (feature, first) in FEATURES {
            let given = first[guest as usize].is_some_and(|first| release >= first);
            assert_eq!(
                found.contains(feature),
                given,
                "{feature} {release} {guest}"
            );
        }
        info.submap_idx = 1;
        assert_eq!(op(&xen, 17, 6, &mut info), errno(Errno::EINVAL));
    }
}

/// What the hypervisors of three Debian releases answered when they were asked for what they lack.
#[test]
fn three_real_releases_are_played_to_the_letter() {
    let guests = [Guest::Pv, Guest::Hvm, Guest::Arm];
    for (release, guest) in [V4_14, V4_17, V4_20]
        .into_iter()
        .flat_map(|release| guests.map(|guest| (release, guest)))
    {
        let xen = Simulated::new(release, guest);
        let say = |number, answer: isize| {
            let found = plain(&xen, number, [0x3e, 0, 0, 1, 0]);
            assert_eq!(found, answer, "{number} on {release} for {guest}");
        };
        for number in [60, 32, 29, 17, 33, 34, 12, 18] {
            say(number, ENOSYS);
        }
        let arm = guest == Guest::Arm;
        let einval = errno(Errno::EINVAL);
        say(20, ENOSYS);
        let wide = plain(&xen, 20, [0x7fff_ffff, 0, 0, 0, 0]);
        let expected = if guest == Guest::Hvm { ENOSYS } else { einval };
        assert_eq!(wide, expected, "{release} {guest}");
        say(24, if arm { einval } else { ENOSYS });
        let absent = plain(&xen, 24, [0x3e, 7, 0, 0, 0]);
        let first = if arm && release == V4_14 {
            einval
        } else {
            errno(Errno::ENOENT)
        };
        assert_eq!(absent, first, "{release} {guest}");
        assert_eq!(plain(&xen, 21, [0, 0x3e, 0, 0, 0]), einval);
        say(42, einval);
        if !arm {
            say(40, errno(Errno::EOPNOTSUPP));
        }
        let kexec = match guest {
            Guest::Pv if release < V4_20 => 0,
            Guest::Pv => errno(Errno::EOPNOTSUPP),
            _ => ENOSYS,
        };
        say(37, kexec);
        let multicall = plain(&xen, 13, [8, 0, 0, 0, 0]);
        let there = guest != Guest::Hvm || release >= V4_17;
        assert_eq!(multicall, if there { 0 } else { ENOSYS });
        let (sysctl, domctl) = match release.minor {
            14 => (0x13, 0x12),
            17 => (0x15, 0x15),
            _ => (0x15, 0x17),
        };
        let eacces = errno(Errno::EACCES);
        for (number, version) in [(35, sysctl), (36, domctl)] {
            let mut words = [0_u32; 4];
            for (interface, answer) in [(version - 1, eacces), (version, ENOSYS)] {
                (words[0], words[1]) = (0x3e3e, interface);
                assert_eq!(
                    op_first(&xen, number, &mut words),
                    answer,
                    "{number} {release}"
                );
            }
        }
    }
}

/// A call whose first argument is its structure.
pub(super) fn op_first<S>(xen: &Simulated, number: u32, structure: &mut S) -> isize {
    let address = (&raw mut *structure).expose_provenance();
    plain(xen, number, [address, 0, 0, 0, 0])
}

#[test]
fn a_multicall_makes_its_calls() {
    use xen_public::native::xen::multicall_entry;
    for (release, guest) in everywhere() {
        let xen = Simulated::new(release, guest);
        let mut entries = [multicall_entry::ZERO; 3];
        (entries[0].op, entries[1].op, entries[2].op) = (17, 11, 13);
        let address = entries.as_mut_ptr().expose_provenance();
        let answer = plain(&xen, 13, [address, 3, 0, 0, 0]);
        let there = match guest {
            Guest::Pv => true,
            Guest::Hvm => release >= Release::new(4, 16, 0),
            _ => release >= Release::new(4, 5, 0),
        };
        assert_eq!(answer, if there { 0 } else { ENOSYS }, "{release} {guest}");
        if there {
            let entries = peek(&raw const entries);
            let results = entries.map(|entry| { entry.result } as isize);
            let version = isize::from(release.major) << 16 | isize::from(release.minor);
            assert_eq!(results, [version, ENOSYS, errno(Errno::EINVAL)]);
        }
    }
}
