//! Each call's registers and bytes, and each older way.

use core::ptr::NonNull;

use super::*;
use crate::hypercall::Errno;
use crate::hypercall::fake::{Fake, read, write};
use crate::version::{Guest, Release};
use xen_public::features::Features;
use xen_public::native::vcpu::{
    vcpu_register_vcpu_info, vcpu_set_periodic_timer, vcpu_set_singleshot_timer,
};
use xen_public::vcpu::RunState;
use xen_public::xen::{Gfn, VcpuTimeInfo};

const NEW: Release = Release::new(4, 20, 0);
const OLD: Release = Release::new(3, 0, 0);
const VCPU: VcpuId = VcpuId::new(3);
const FRAME: Gfn = Gfn::new(0x1_2345_6789);
const ENOSYS: isize = Errno::ENOSYS.to_return() as isize;
const EINVAL: isize = Errno::EINVAL.to_return() as isize;

/// A hypervisor that answers always the same.
fn answering(release: Release, guest: Guest, answer: isize) -> Xen<Fake<'static>> {
    Fake::new(release, guest, move |_, _| answer).xen()
}

fn is_unsupported<T>(answer: &Result<T>) -> bool {
    matches!(answer, Err(Error::Unsupported(_)))
}

#[test]
fn calls_about_a_processor_name_it() {
    let xen = answering(NEW, Guest::Hvm, 0);
    up(&xen, VCPU).unwrap();
    down(&xen, VCPU).unwrap();
    assert_eq!(is_up(&xen, VCPU), Ok(false));
    send_nmi(&xen, VCPU).unwrap();
    stop_periodic_timer(&xen, VCPU).unwrap();
    stop_singleshot_timer(&xen, VCPU).unwrap();
    let expected = [1, 2, 3, 11, 7, 9].map(|sub_op| (24, [sub_op, 3, 0, 0, 0]));
    assert_eq!(xen.conduit().calls(), expected);
    assert_eq!(is_up(&answering(NEW, Guest::Pv, 1), VCPU), Ok(true));
    let nonsense = is_up(&answering(NEW, Guest::Pv, 2), VCPU);
    assert!(matches!(nonsense, Err(Error::Nonsense { answer: 2, .. })));
}

#[test]
fn arm_has_two_calls_and_the_others_are_not_made() {
    let xen = answering(NEW, Guest::Arm, 0);
    assert!(is_unsupported(&up(&xen, VCPU)));
    assert!(is_unsupported(&down(&xen, VCPU)));
    assert!(is_unsupported(&is_up(&xen, VCPU)));
    assert!(is_unsupported(&get_runstate_info(&xen, VCPU)));
    assert!(is_unsupported(&send_nmi(&xen, VCPU)));
    assert!(is_unsupported(&set_periodic_timer(&xen, VCPU, 1, 1)));
    assert!(is_unsupported(&stop_periodic_timer(&xen, VCPU)));
    assert!(is_unsupported(&set_singleshot_timer(&xen, VCPU, 1, true)));
    let answer = stop_singleshot_timer(&xen, VCPU);
    let Err(Error::Unsupported(unsupported)) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(
        unsupported.operation,
        Operation::VCPUOP_stop_singleshot_timer,
        "what was asked for is missing, whatever the older way is"
    );
    assert_eq!(xen.conduit().calls(), []);
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
mod x86 {
    use super::*;
    use crate::hypercall::{Unsupported, Why};

    #[test]
    fn a_state_is_of_one_kind_of_guest() {
        let pv = vcpu_guest_context::ZERO;
        let hvm = vcpu_hvm_context::ZERO;
        let pv_at = (&raw const pv).addr();
        let hvm_at = (&raw const hvm).addr();
        for (guest, right) in [(Guest::Pv, pv_at), (Guest::Hvm, hvm_at)] {
            let xen = answering(NEW, guest, 0);
            // SAFETY: the fake starts no processor.
            let by_pv = unsafe { initialise(&xen, VCPU, &pv) };
            // SAFETY: as above.
            let by_hvm = unsafe { initialise_hvm(&xen, VCPU, &hvm) };
            let wrong = Err(Error::Unsupported(Unsupported {
                operation: Operation::VCPUOP_initialise,
                why: Why::Guest(guest),
            }));
            let expected = if guest == Guest::Pv {
                [Ok(()), wrong]
            } else {
                [wrong, Ok(())]
            };
            assert_eq!([by_pv, by_hvm], expected);
            assert_eq!(xen.conduit().calls(), [(24, [0, 3, right, 0, 0])]);
        }
        let xen = answering(Release::new(4, 6, 0), Guest::Hvm, 0);
        // SAFETY: the fake starts no processor.
        assert!(is_unsupported(&unsafe { initialise_hvm(&xen, VCPU, &hvm) }));
    }

    #[test]
    fn a_physical_processor_has_two_numbers() {
        let xen = Fake::new(NEW, Guest::Pv, |number, [sub_op, vcpu, address, ..]| {
            assert_eq!((number, sub_op, vcpu), (24, 12, 3));
            // SAFETY: the argument is a `vcpu_get_physid`, one word of 64 bits.
            unsafe { write(address, 0x0000_0009_0000_0007_u64) };
            0
        })
        .xen();
        let expected = PhysicalId { apic: 7, acpi: 9 };
        assert_eq!(get_physid(&xen, VCPU), Ok(expected));
        let xen = answering(Release::new(3, 2, 0), Guest::Pv, 0);
        assert!(is_unsupported(&get_physid(&xen, VCPU)));
    }
}

#[test]
fn a_runstate_is_read_as_xen_wrote_it() {
    let written = RunstateInfo {
        state: RunState::BLOCKED,
        state_entry_time: 7,
        time: [1, 2, 3, 4],
        ..RunstateInfo::ZERO
    };
    let xen = Fake::new(NEW, Guest::Pv, |number, [sub_op, vcpu, address, ..]| {
        assert_eq!((number, sub_op, vcpu), (24, 4, 3));
        // SAFETY: the argument is a `vcpu_runstate_info`.
        unsafe { write(address, written) };
        0
    })
    .xen();
    let info = get_runstate_info(&xen, VCPU).unwrap();
    assert_eq!(
        (info.state, info.time_in(info.state)),
        (RunState::BLOCKED, Some(3))
    );
    assert!(is_unsupported(&get_runstate_info(
        &answering(OLD, Guest::Pv, 0),
        VCPU
    )));
}

#[test]
fn a_tick_is_periodic_or_one_at_a_time() {
    let xen = Fake::new(NEW, Guest::Pv, |number, [sub_op, vcpu, address, ..]| {
        assert_eq!((number, sub_op, vcpu), (24, 6, 3));
        // SAFETY: the argument is a `vcpu_set_periodic_timer`.
        let argument = unsafe { read::<vcpu_set_periodic_timer>(address) };
        assert_eq!({ argument.period_ns }, 10_000_000);
        0
    })
    .xen();
    let ticks = set_periodic_timer(&xen, VCPU, 10_000_000, 5);
    assert_eq!(ticks, Ok(Ticks::Periodic));
    // Xen 3.0.4 has no such timers, HVM guests before 4.1 have neither.
    let xen = answering(Release::new(3, 0, 4), Guest::Pv, 0);
    let ticks = set_periodic_timer(&xen, VCPU, 10, 5);
    assert_eq!(ticks, Ok(Ticks::Once));
    assert_eq!(xen.conduit().calls(), [(15, [15, 0, 0, 0, 0])]);
    assert!(is_unsupported(&stop_periodic_timer(&xen, VCPU)));
    let xen = answering(Release::new(4, 0, 0), Guest::Hvm, 0);
    assert!(is_unsupported(&set_periodic_timer(&xen, VCPU, 10, 5)));
    assert_eq!(xen.conduit().calls(), []);
    let xen = answering(NEW, Guest::Hvm, 0);
    xen.withhold(Operation::VCPUOP_set_periodic_timer);
    let ticks = set_periodic_timer(&xen, VCPU, u64::MAX, 5);
    assert_eq!(ticks, Ok(Ticks::Once), "a time that is too far is the last");
}

#[test]
fn a_one_shot_timer_is_set_by_either_hypercall() {
    for (future, flags) in [(false, 0), (true, 1)] {
        let xen = Fake::new(NEW, Guest::Hvm, |number, [sub_op, vcpu, address, ..]| {
            assert_eq!((number, sub_op, vcpu), (24, 8, 3));
            // SAFETY: the argument is a `vcpu_set_singleshot_timer`.
            let argument = unsafe { read::<vcpu_set_singleshot_timer>(address) };
            let (timeout, flag) = (argument.timeout_abs_ns, argument.flags);
            assert_eq!((timeout, flag), (77, flags));
            0
        })
        .xen();
        set_singleshot_timer(&xen, VCPU, 77, future).unwrap();
    }
    let old = answering(OLD, Guest::Pv, 0);
    let withheld = answering(NEW, Guest::Hvm, 0);
    withheld.withhold(Operation::VCPUOP_set_singleshot_timer);
    withheld.withhold(Operation::VCPUOP_stop_singleshot_timer);
    for xen in [old, withheld] {
        set_singleshot_timer(&xen, VCPU, 77, true).unwrap();
        stop_singleshot_timer(&xen, VCPU).unwrap();
        assert_eq!(
            xen.conduit().calls(),
            [(15, [77, 0, 0, 0, 0]), (15, [0; 5])]
        );
    }
    let xen = answering(NEW, Guest::Pv, EINVAL);
    let refused = Error::Refused {
        call: "VCPUOP_set_singleshot_timer",
        errno: Errno::EINVAL,
    };
    assert_eq!(set_singleshot_timer(&xen, VCPU, 1, false), Err(refused));
}

/// Places a `vcpu_info` at an offset that is good on every ABI.
fn place(xen: &Xen<Fake<'_>>, vcpu: u32) -> Result<VcpuInfoPlace> {
    // SAFETY: the fake leaves the frame alone.
    unsafe { place_vcpu_info(xen, VcpuId::new(vcpu), FRAME, 0x40) }
}

#[test]
fn a_vcpu_info_is_registered_or_in_the_shared_page() {
    let xen = Fake::new(NEW, Guest::Arm, |number, [sub_op, vcpu, address, ..]| {
        assert_eq!((number, sub_op, vcpu), (24, 10, 3));
        // SAFETY: the argument is a `vcpu_register_vcpu_info`.
        let argument = unsafe { read::<vcpu_register_vcpu_info>(address) };
        let (mfn, offset, rsvd) = (argument.mfn, argument.offset, argument.rsvd);
        assert_eq!((mfn, offset, rsvd), (FRAME.get(), 0x40, 0));
        0
    })
    .xen();
    assert_eq!(place(&xen, 3), Ok(VcpuInfoPlace::Registered));

    // The last that the shared page of this compile target has; only x86 has the first two kinds.
    let x86 = if cfg!(any(target_arch = "arm", target_arch = "aarch64")) {
        0
    } else {
        31
    };
    for (release, guest, last) in [
        (Release::new(3, 1, 0), Guest::Pv, x86),
        (Release::new(4, 1, 0), Guest::Hvm, x86),
        (Release::new(4, 2, 0), Guest::Arm, 0),
    ] {
        let xen = answering(release, guest, 0);
        assert_eq!(place(&xen, last), Ok(VcpuInfoPlace::SharedInfo));
        assert!(is_unsupported(&place(&xen, last + 1)), "{guest}");
        assert_eq!(xen.conduit().calls(), [], "{guest}");
    }
    for (guest, last) in [(Guest::Pv, x86), (Guest::Hvm, x86), (Guest::Arm, 0)] {
        let xen = answering(NEW, guest, 0);
        xen.withhold(Operation::VCPUOP_register_vcpu_info);
        assert_eq!(place(&xen, last), Ok(VcpuInfoPlace::SharedInfo));
        assert!(is_unsupported(&place(&xen, last + 1)));
    }
    let refused = place(&answering(NEW, Guest::Pv, EINVAL), 0);
    assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
}

#[test]
fn a_vcpu_info_stays_within_its_page() {
    let size = size_of::<xen_public::native::xen::vcpu_info>() as u32;
    for (offset, good) in [
        (0, true),
        (2, false),
        (4096 - size, true),
        (4096 - size + 8, false),
        (4096, false),
        (u32::MAX - 7, false),
    ] {
        let xen = answering(NEW, Guest::Pv, 0);
        // SAFETY: the fake leaves the frame alone.
        let answer = unsafe { register_vcpu_info(&xen, VCPU, FRAME, offset) };
        assert_eq!(answer.is_ok(), good, "{offset}: {answer:?}");
        assert_eq!(xen.conduit().calls().len(), usize::from(good));
    }
}

const PHYSICAL: u64 = 0x1_2345_6780;

/// A hypervisor that knows these sub-ops, each with the address that it must come with, and answers
/// `other` to the rest.
fn areas<'a>(
    release: Release,
    guest: Guest,
    known: &'a [(usize, u64)],
    other: isize,
) -> Xen<Fake<'a>> {
    let fake = Fake::new(release, guest, move |number, [sub_op, vcpu, at, ..]| {
        assert_eq!((number, vcpu), (24, 3));
        let Some(&(_, expected)) = known.iter().find(|known| known.0 == sub_op) else {
            return other;
        };
        // SAFETY: the argument is one word of 64 bits, in each of the four calls.
        assert_eq!(unsafe { read::<u64>(at) }, expected);
        0
    });
    let both = Features::RUNSTATE_PHYS_AREA | Features::VCPU_TIME_PHYS_AREA;
    fake.with_features(both).xen()
}

#[test]
fn an_area_is_written_by_the_newest_way() {
    let mut info = RunstateInfo::ZERO;
    let area = NonNull::from(&mut info);
    let at = area.as_ptr().addr() as u64;
    let physical = (14, PHYSICAL);
    let linear = (5, at);
    for (release, guest, known, other, expected, calls) in [
        (
            NEW,
            Guest::Pv,
            &[physical][..],
            0,
            AreaPlace::Physical,
            &["24.14"][..],
        ),
        (
            NEW,
            Guest::Hvm,
            &[physical],
            0,
            AreaPlace::Physical,
            &["24.14"],
        ),
        // The feature bit is set, and yet it is not there: the table knows.
        (NEW, Guest::Arm, &[linear], 0, AreaPlace::Virtual, &["24.5"]),
        // A Xen of which the table does not know.
        (
            NEW,
            Guest::Pv,
            &[linear],
            EINVAL,
            AreaPlace::Virtual,
            &["24.14", "24.5"],
        ),
        (
            NEW,
            Guest::Pv,
            &[linear],
            ENOSYS,
            AreaPlace::Virtual,
            &["24.14", "24.5"],
        ),
        (
            Release::new(4, 17, 0),
            Guest::Pv,
            &[linear],
            0,
            AreaPlace::Virtual,
            &["24.5"],
        ),
        (
            NEW,
            Guest::Pv,
            &[],
            ENOSYS,
            AreaPlace::Nowhere,
            &["24.14", "24.5"],
        ),
    ] {
        let xen = areas(release, guest, known, other);
        // SAFETY: the fake writes nothing.
        let place = unsafe { place_runstate(&xen, VCPU, PHYSICAL, area) };
        assert_eq!(place, Ok(expected), "{release} {guest}");
        assert_eq!(xen.conduit().numbers(), calls, "{release} {guest}");
    }
    // Neither an area nor a call to ask by.
    for (release, guest) in [(OLD, Guest::Pv), (Release::new(4, 2, 0), Guest::Arm)] {
        let xen = areas(release, guest, &[], 0);
        // SAFETY: the fake writes nothing.
        let place = unsafe { place_runstate(&xen, VCPU, PHYSICAL, area) };
        assert!(is_unsupported(&place), "{place:?}");
        assert_eq!(xen.conduit().calls(), []);
    }
}

#[test]
fn a_copy_of_the_clock_is_written_by_the_newest_way() {
    let mut info = VcpuTimeInfo::ZERO;
    let area = NonNull::from(&mut info);
    let at = area.as_ptr().addr() as u64;
    for (release, guest, known, other, expected, calls) in [
        (
            NEW,
            Guest::Hvm,
            &[(15, PHYSICAL)][..],
            0,
            AreaPlace::Physical,
            &["24.15"][..],
        ),
        (
            NEW,
            Guest::Hvm,
            &[(13, at)],
            EINVAL,
            AreaPlace::Virtual,
            &["24.15", "24.13"],
        ),
        (
            Release::new(4, 17, 0),
            Guest::Hvm,
            &[(13, at)],
            0,
            AreaPlace::Virtual,
            &["24.13"],
        ),
        (
            Release::new(3, 4, 0),
            Guest::Pv,
            &[],
            0,
            AreaPlace::Nowhere,
            &[],
        ),
        (NEW, Guest::Arm, &[], 0, AreaPlace::Nowhere, &[]),
    ] {
        let xen = areas(release, guest, known, other);
        // SAFETY: the fake writes nothing.
        let place = unsafe { place_vcpu_time(&xen, VCPU, PHYSICAL, area) };
        assert_eq!(place, Ok(expected), "{release} {guest}");
        assert_eq!(xen.conduit().numbers(), calls, "{release} {guest}");
    }
}

#[test]
fn an_area_is_taken_back() {
    let xen = areas(NEW, Guest::Pv, &[(13, 0), (14, !0), (15, !0)], -1);
    // SAFETY: nothing is registered.
    unsafe { register_vcpu_time_memory_area(&xen, VCPU, None) }.unwrap();
    // SAFETY: as above.
    unsafe { register_runstate_phys_area(&xen, VCPU, None) }.unwrap();
    // SAFETY: as above.
    unsafe { register_vcpu_time_phys_area(&xen, VCPU, None) }.unwrap();
    assert_eq!(xen.conduit().calls().len(), 3);
}

#[test]
fn a_refused_area_is_an_error() {
    let mut info = RunstateInfo::ZERO;
    let area = NonNull::from(&mut info);
    let enoent = Errno::ENOENT.to_return() as isize;
    let xen = areas(NEW, Guest::Pv, &[], enoent);
    // SAFETY: the fake writes nothing.
    let place = unsafe { place_runstate(&xen, VCPU, PHYSICAL, area) };
    let refused = Error::Refused {
        call: "VCPUOP_register_runstate_phys_area",
        errno: Errno::ENOENT,
    };
    assert_eq!(place, Err(refused));
    assert_eq!(xen.conduit().calls().len(), 1);
}
