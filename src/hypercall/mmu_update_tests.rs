//! Batches of page table changes against a conduit that carries them out as it is told.
#![allow(unsafe_code)]

use alloc::vec::Vec;
use core::cell::RefCell;

use super::*;
use crate::hypercall::Errno;
use crate::hypercall::fake::{Fake, read, write};
use crate::version::{Guest, Release};

/// Makes a call on a fake, or reads and writes what one was handed.
macro_rules! made {
    ($call:expr) => {
        // SAFETY: the conduit is a fake that changes neither page tables nor processors. What is read
        // and written are the structures that the call hands over, which live until it returns.
        unsafe { $call }
    };
}

const NEW: Release = Release::new(4, 17, 5);

/// What Xen got in a call: the entries and the owners.
type Got = (Vec<(u64, u64)>, usize);

/// A hypervisor that stops before the entry at place `stop` with an error, counted over all calls.
fn batches<'a>(
    got: &'a RefCell<Vec<Got>>,
    stop: usize,
    error: isize,
) -> impl Fn(u32, [usize; 5]) -> isize + 'a {
    move |number, [entries, count, done, owners, fifth]| {
        assert_eq!((number, fifth), (1, 0));
        let before: usize = got.borrow().iter().map(|(entries, _)| entries.len()).sum();
        let entries = (0..count)
            .map(|at| {
                let mmu_update { ptr, val } = made!(read(entries + at * size_of::<mmu_update>()));
                (ptr, val)
            })
            .collect();
        got.borrow_mut().push((entries, owners));
        let made = count.min(stop - before);
        made!(write(done, made as u32));
        if made < count { error } else { 0 }
    }
}

/// Sends changes to a hypervisor with these features that stops before the entry at place `stop`.
fn send_to(
    features: Features,
    updates: &[MmuUpdate],
    owners: Owners,
    stop: usize,
) -> (Result<()>, Vec<Got>) {
    let got = RefCell::default();
    let fake = Fake::new(NEW, Guest::Pv, batches(&got, stop, -22)).with_features(features);
    let xen = fake.xen();
    let result = made!(update(&xen, updates, owners));
    drop(xen);
    (result, got.into_inner())
}

const AD: Features = Features::MMU_PT_UPDATE_PRESERVE_AD;
const ALL: usize = usize::MAX;

#[test]
fn kinds_stand_in_the_lowest_bits() {
    let updates = [
        MmuUpdate::page_table(0x1_2345_6008, 0x8000_0000_0000_1067).unwrap(),
        MmuUpdate::machine_to_physical(Mfn::new(0x12_3456), Pfn::new(0x77)).unwrap(),
        MmuUpdate::page_table_preserving_ad(0x2010, 1).unwrap(),
        MmuUpdate::page_table_untranslated(0x2018, 2).unwrap(),
    ];
    let (result, got) = send_to(AD, &updates, Owners::SELF, ALL);
    assert_eq!(result, Ok(()));
    let entries = [
        (0x1_2345_6008, 0x8000_0000_0000_1067),
        (0x1_2345_6001, 0x77),
        (0x2012, 1),
        (0x201b, 2),
    ];
    assert_eq!(got, [(entries.to_vec(), 0x7ff0)]);
    let text = alloc::format!("{:?}", updates[3]);
    assert_eq!(text, "MMU_PT_UPDATE_NO_TRANSLATE(0x2018, 0x2)");
}

#[test]
fn addresses_are_checked() {
    for (entry, right) in [
        (0x1001, false),
        (0x1002, false),
        (0x1003, false),
        (0x1008, true),
    ] {
        assert_eq!(MmuUpdate::page_table(entry, 0).is_ok(), right, "{entry:#x}");
    }
    // Entries are as long as a register, or longer.
    assert_eq!(
        MmuUpdate::page_table(0x1004, 0).is_ok(),
        size_of::<usize>() == 4
    );
    assert_eq!(
        MmuUpdate::machine_to_physical(Mfn::new(1 << 52), Pfn::new(0)).unwrap_err(),
        Error::Argument {
            call: "MMU_MACHPHYS_UPDATE",
            argument: "ptr",
            value: 1 << 52
        }
    );
}

#[test]
fn owners_share_an_argument() {
    let update = [MmuUpdate::page_table(0, 0).unwrap()];
    for (tables, frames, raw) in [
        (None, DomId::SELF, 0x7ff0),
        (Some(DomId::SELF), DomId::IO, 0x7ff1),
        (Some(DomId::new(0)), DomId::new(3), 0x1_0003),
        (Some(DomId::new(0x7fef)), DomId::XEN, 0x7ff0_7ff2),
    ] {
        let (_, got) = send_to(AD, &update, Owners { tables, frames }, ALL);
        assert_eq!(got[0].1, raw, "{tables:?} {frames:?}");
    }
    assert_eq!(Owners::frames_of(DomId::new(7)).raw(), 7);
}

#[test]
fn bits_are_not_preserved_where_xen_does_not_say_so() {
    let updates: Vec<_> = (0..70)
        .map(|at| MmuUpdate::page_table_preserving_ad(at * 8, at).unwrap())
        .chain([MmuUpdate::machine_to_physical(Mfn::new(0), Pfn::new(9)).unwrap()])
        .collect();
    let (result, got) = send_to(AD, &updates, Owners::SELF, ALL);
    assert_eq!((result, got.len()), (Ok(()), 1));
    assert!(got[0].0[..70].iter().all(|(ptr, _)| ptr & 3 == 2));

    let (result, got) = send_to(
        Features::EMPTY,
        &updates,
        Owners::frames_of(DomId::new(4)),
        ALL,
    );
    assert_eq!(result, Ok(()));
    assert_eq!(
        got.iter().map(|(part, _)| part.len()).collect::<Vec<_>>(),
        [32, 32, 7]
    );
    let sent: Vec<_> = got.iter().flat_map(|(part, _)| part).copied().collect();
    let plain: Vec<_> = (0..70).map(|at| (at * 8, at)).chain([(1, 9)]).collect();
    assert_eq!(sent, plain);
    assert!(got.iter().all(|&(_, owners)| owners == 4));
    // Nothing to preserve: one call.
    let (_, got) = send_to(
        Features::EMPTY,
        &[MmuUpdate::page_table(0, 0).unwrap(); 70],
        Owners::SELF,
        ALL,
    );
    assert_eq!(got.len(), 1);

    for stop in [0, 1, 31, 32, 33, 70] {
        let (result, got) = send_to(Features::EMPTY, &updates, Owners::SELF, stop);
        let refused = Error::Refused {
            call: CALL,
            errno: Errno::EINVAL,
        };
        let partial = Error::PartialBatch {
            call: CALL,
            done: stop,
            total: 71,
            cause: Some(Errno::EINVAL.into()),
        };
        assert_eq!(result, Err(if stop == 0 { refused } else { partial }));
        assert_eq!(got.len(), stop / 32 + 1, "nothing is sent after an error");
    }
}

#[test]
fn a_withheld_kind_is_not_sent() {
    let got = RefCell::default();
    let fake = Fake::new(NEW, Guest::Pv, batches(&got, ALL, 0)).with_features(AD);
    let xen = fake.xen();
    xen.withhold(Operation::MMU_PT_UPDATE_PRESERVE_AD);
    let keep = MmuUpdate::page_table_preserving_ad(8, 0).unwrap();
    assert_eq!(made!(update(&xen, &[keep], Owners::SELF)), Ok(()));
    xen.withhold(Operation::MMU_PT_UPDATE_NO_TRANSLATE);
    let plain = MmuUpdate::page_table(8, 0).unwrap();
    let other = MmuUpdate::page_table_untranslated(8, 0).unwrap();
    let result = made!(update(&xen, &[plain, other], Owners::SELF));
    assert!(matches!(result, Err(Error::Unsupported(_))), "{result:?}");
    assert_eq!(xen.conduit().calls().len(), 1);
}

#[test]
fn releases_and_guests_without_it_get_no_call() {
    let other = [MmuUpdate::page_table_untranslated(8, 0).unwrap()];
    for (release, guest) in [
        (Release::new(4, 10, 4), Guest::Pv),
        (NEW, Guest::Hvm),
        (NEW, Guest::Arm),
    ] {
        let xen = Fake::new(release, guest, |_, _| panic!("no call is made")).xen();
        let result = made!(update(&xen, &other, Owners::SELF));
        assert!(matches!(result, Err(Error::Unsupported(_))), "{result:?}");
    }
    let xen = Fake::new(NEW, Guest::Pv, |_, _| panic!("no call is made")).xen();
    assert_eq!(made!(update(&xen, &[], Owners::SELF)), Ok(()));
}

/// What earlier calls of a batch have done is known, whatever is answered to a later one.
#[test]
fn nonsense_in_a_later_part_leaves_what_came_before() {
    let updates = [MmuUpdate::page_table_preserving_ad(0, 0).unwrap(); 40];
    for (answer, done) in [(-5000, 1), (0, 2), (1, 8)] {
        let xen = Fake::new(Release::new(3, 2, 0), Guest::Pv, |_, [_, count, to, ..]| {
            made!(write(to, if count == 32 { 32_u32 } else { done }));
            if count == 32 { 0 } else { answer }
        })
        .xen();
        let result = made!(update(&xen, &updates, Owners::SELF));
        assert!(
            matches!(
                result,
                Err(Error::PartialBatch {
                    done: 32,
                    total: 40,
                    ..
                })
            ),
            "{result:?}"
        );
    }
}

#[test]
fn an_answer_that_does_not_fit_is_nonsense() {
    let updates = [MmuUpdate::page_table(0, 0).unwrap(); 3];
    for (answer, done, nonsense) in [
        (0, 2, 2),
        (0, 4, 4),
        (-22, 4, 4),
        (1, 3, 1),
        (-5000, 1, -5000),
    ] {
        let xen = Fake::new(NEW, Guest::Pv, |_, [_, _, to, ..]| {
            made!(write(to, done));
            answer
        })
        .xen();
        let result = made!(update(&xen, &updates, Owners::SELF));
        let answer = nonsense;
        assert_eq!(result, Err(Error::Nonsense { call: CALL, answer }));
    }
    // Only the lower half of the register counts.
    #[cfg(target_pointer_width = "64")]
    {
        let xen = Fake::new(NEW, Guest::Pv, |_, _| 0x0000_0001_ffff_ffea).xen();
        let result = made!(update(&xen, &updates, Owners::SELF));
        assert!(matches!(
            result,
            Err(Error::Refused {
                errno: Errno::EINVAL,
                ..
            })
        ));
    }
}

#[test]
fn an_error_without_a_kind_to_blame_teaches_nothing() {
    // Where entries have 4 bytes, a Xen that has them with 8 does not know such an address.
    let xen = Fake::new(NEW, Guest::Pv, |_, _| -38).xen();
    let plain = [MmuUpdate::page_table(8, 0).unwrap()];
    for _ in 0..2 {
        let result = made!(update(&xen, &plain, Owners::SELF));
        assert!(matches!(
            result,
            Err(Error::Refused {
                errno: Errno::ENOSYS,
                ..
            })
        ));
    }
    let other = [MmuUpdate::page_table_untranslated(8, 0).unwrap()];
    for _ in 0..2 {
        let result = made!(update(&xen, &other, Owners::SELF));
        assert!(matches!(result, Err(Error::Unsupported(_))), "{result:?}");
    }
    assert_eq!(xen.conduit().calls().len(), 3);
}

#[test]
fn the_count_has_room_for_the_mark() {
    assert_eq!(countable(CALL, 0x7fff_ffff), Ok(()));
    let limit = 0x7fff_ffff;
    let length = limit + 1;
    let call = CALL;
    assert_eq!(
        countable(call, length),
        Err(Error::TooLong {
            call,
            length,
            limit
        })
    );
}
