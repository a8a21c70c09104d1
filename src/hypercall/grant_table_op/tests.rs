use alloc::vec;
use core::cell::Cell;

use xen_public::errno::Errno;
use xen_public::grant_table::{GrantHandle, GrantRef, GrantStatus};
use xen_public::native::grant_table::{
    gnttab_copy, gnttab_get_status_frames, gnttab_get_version, gnttab_map_grant_ref,
    gnttab_query_size, gnttab_set_version, gnttab_setup_table,
};
use xen_public::native::memory::xen_add_to_physmap;
use xen_public::xen::{DomId, Gfn, Mfn};

use super::*;
use crate::hypercall::fake::{Fake, read, write};
use crate::hypercall::memory_op::FrameWord;
use crate::hypercall::native::wide;
use crate::hypercall::{Error, Result, Unsupported, Xen};
use crate::version::{Guest, Operation, Release};

const GRANT_TABLE_OP: u32 = 20;
const NEW: Release = Release::new(4, 20, 0);
const SIZE: usize = size_of::<gnttab_copy>();

fn argument<T: Copy>(address: usize) -> T {
    // SAFETY: the functions under test pass the address of this structure.
    unsafe { read(address) }
}

fn answer<T>(address: usize, value: T) {
    // SAFETY: the functions under test pass the address of this structure, which they lend.
    unsafe { write(address, value) }
}

fn unsupported<T: core::fmt::Debug>(result: Result<T>) -> Unsupported {
    match result {
        Err(Error::Unsupported(unsupported)) => unsupported,
        other => panic!("{other:?}"),
    }
}

fn status(status: GrantStatus, call: &'static str) -> Error {
    Error::Status { call, status }
}

fn one_copy() -> GrantCopy {
    let source = CopyEnd::grant(DomId::new(4), GrantRef::new(9), 16);
    let destination = CopyEnd::frame(Gfn::new(0x123), 32).unwrap();
    GrantCopy::new(source, destination, 100)
}

fn copy_all(xen: &Xen<Fake<'_>>, entries: &mut [GrantCopy]) -> Result<()> {
    // SAFETY: the fake copies nothing.
    unsafe { copy(xen, entries) }
}

#[test]
fn a_copy_is_what_xen_reads() {
    let xen = Fake::new(
        NEW,
        Guest::Hvm,
        |number, [op, address, count, rest @ ..]| {
            assert_eq!((number, op, count, rest), (GRANT_TABLE_OP, 5, 2, [0, 0]));
            let mut copy: gnttab_copy = argument(address);
            // SAFETY: the source is a grant, the destination a frame; all bytes of both are there.
            let grant = unsafe { copy.source.u.r#ref };
            // SAFETY: as above.
            let frame = unsafe { copy.dest.u.gmfn };
            assert_eq!((grant, copy.source.domid, copy.source.offset), (9, 4, 16));
            assert_eq!(
                (frame, copy.dest.domid, copy.dest.offset),
                (0x123, 0x7ff0, 32)
            );
            assert_eq!((copy.len, copy.flags), (100, 1));
            copy.status = 0;
            answer(address, copy);
            0
        },
    )
    .xen();
    let mut entries = [one_copy(); 2];
    assert_eq!(copy_all(&xen, &mut entries), Ok(()));
    assert_eq!(entries[0].check(), Ok(()));
    // The fake left the second one alone.
    let untouched = status(GrantStatus::GENERAL_ERROR, "GNTTABOP_copy");
    assert_eq!(entries[1].check(), Err(untouched));
}

#[test]
fn an_absent_copy_makes_no_call() {
    for (release, guest) in [
        (Release::new(3, 0, 2), Guest::Pv),
        (Release::new(3, 4, 0), Guest::Hvm),
        (Release::new(4, 2, 0), Guest::Arm),
    ] {
        let xen = Fake::new(release, guest, |_, _| 0).xen();
        let absent = unsupported(copy_all(&xen, &mut [one_copy()]));
        assert_eq!(absent.operation, Operation::GNTTABOP_copy);
        assert_eq!(xen.conduit().calls(), []);
    }
    // A build without grant tables is found out by the first call.
    let xen = Fake::new(NEW, Guest::Hvm, |_, _| -38).xen();
    unsupported(copy_all(&xen, &mut [one_copy()]));
    unsupported(copy_all(&xen, &mut [one_copy()]));
    assert_eq!(xen.conduit().calls().len(), 1);
}

#[test]
fn long_batches_go_in_parts() {
    let first = Cell::new(0);
    let xen = Fake::new(NEW, Guest::Pv, |_, [_, address, count, ..]| {
        if first.get() == 0 {
            first.set(address);
        }
        match ((address - first.get()) / SIZE, count) {
            (0, 512) => 0,
            (512, 512) => -14,
            other => panic!("{other:?}"),
        }
    })
    .xen();
    let mut entries = vec![one_copy(); 1025];
    let expected = Error::PartialBatch {
        call: "GNTTABOP_copy",
        done: 512,
        total: 1025,
        cause: Some(Errno::EFAULT.into()),
    };
    assert_eq!(copy_all(&xen, &mut entries), Err(expected));
    let refused = Error::Refused {
        call: "GNTTABOP_copy",
        errno: Errno::EFAULT,
    };
    let failing = Fake::new(NEW, Guest::Pv, |_, _| -14).xen();
    assert_eq!(copy_all(&failing, &mut entries), Err(refused));
}

#[test]
fn a_batch_of_any_length_is_passed_on_whole() {
    for (length, due) in [
        (0, &[0][..]),
        (1, &[1]),
        (512, &[512]),
        (513, &[512, 1]),
        (1024, &[512, 512]),
    ] {
        let xen = Fake::new(NEW, Guest::Pv, |_, _| 0).xen();
        let mut entries = vec![one_copy(); length];
        assert_eq!(copy_all(&xen, &mut entries), Ok(()));
        let calls = xen.conduit().calls();
        let counts = calls.iter().map(|(_, [.., count, _, _])| count);
        assert!(counts.eq(due), "{length}: {calls:?}");
        // Without the operation none is made, whatever the length.
        let old = Fake::new(NEW, Guest::Pv, |_, _| 0).xen();
        old.withhold(Operation::GNTTABOP_copy);
        unsupported(copy_all(&old, &mut entries));
        assert!(old.conduit().calls().is_empty());
    }
}

#[test]
fn only_entries_that_should_be_are_tried_again() {
    let tries = Cell::new(0);
    let xen = Fake::new(NEW, Guest::Pv, |_, [_, address, count, ..]| {
        for entry in 0..count {
            let mut copy: gnttab_copy = argument(address + entry * SIZE);
            let again = copy.len == 2 && tries.get() < 3;
            copy.status = if again { -12 } else { 0 };
            answer(address + entry * SIZE, copy);
        }
        tries.set(tries.get() + 1);
        0
    })
    .xen();
    let end = CopyEnd::grant(DomId::new(1), GrantRef::new(8), 0);
    let entry = |length| GrantCopy::new(end, end, length);
    let mut entries = [entry(1), entry(2), entry(3)];
    assert_eq!(copy_all(&xen, &mut entries), Ok(()));
    assert_eq!(entries[1].status(), GrantStatus::EAGAIN);
    let pauses = Cell::new(0);
    let mut go = |attempts| {
        let pause = |_| pauses.set(pauses.get() + 1);
        // SAFETY: the fake copies nothing.
        unsafe { retry(&xen, &mut entries, attempts, pause) }
    };
    assert_eq!(go(1), Ok(1));
    assert_eq!(go(0), Ok(1));
    assert_eq!(go(5), Ok(0));
    assert_eq!(pauses.get(), 3);
    assert_eq!(tries.get(), 4);
    assert!(
        xen.conduit().calls()[1..]
            .iter()
            .all(|(_, [.., count, _, _])| *count == 1)
    );
}

#[test]
fn a_mapping_is_only_there_if_its_status_says_so() {
    let outcome = Cell::new(0);
    let xen = Fake::new(NEW, Guest::Pv, |_, [op, address, ..]| {
        assert_eq!(op, 0);
        let mut map: gnttab_map_grant_ref = argument(address);
        assert_eq!(({ map.host_addr }, map.flags), (0x5000, 6));
        assert_eq!((map.dom, map.r#ref), (2, 11));
        (map.status, map.handle, map.dev_bus_addr) = (outcome.get(), 77, 0x9000);
        answer(address, map);
        0
    })
    .xen();
    let map = || {
        let flags = MapFlags::HOST | MapFlags::READONLY;
        let mut entry = MapGrant::new(DomId::new(2), GrantRef::new(11), flags, 0x5000);
        // SAFETY: the fake maps nothing.
        unsafe { map_grant_ref(&xen, core::slice::from_mut(&mut entry)) }.unwrap();
        entry.mapping()
    };
    let mapped = Mapping {
        handle: GrantHandle::new(77),
        dev_bus_addr: 0x9000,
    };
    assert_eq!(map(), Ok(mapped));
    for bad in [-2, 1] {
        outcome.set(bad);
        let expected = status(GrantStatus::new(bad), "GNTTABOP_map_grant_ref");
        assert_eq!(map(), Err(expected));
    }
}

#[test]
fn each_batch_has_its_number() {
    let xen = Fake::new(NEW, Guest::Pv, |_, _| 0).xen();
    let handle = GrantHandle::new(3);
    let frame = TransferFrame::new(Mfn::new(5), DomId::new(1), GrantRef::new(8)).unwrap();
    // SAFETY: the fake changes nothing.
    unsafe { unmap_grant_ref(&xen, &mut [UnmapGrant::new(handle, 0x1000, 0)]) }.unwrap();
    // SAFETY: as above.
    unsafe { unmap_and_replace(&xen, &mut [UnmapAndReplace::new(handle, 1, 2)]) }.unwrap();
    // SAFETY: as above.
    unsafe { transfer(&xen, &mut [frame]) }.unwrap();
    swap_grant_ref(
        &xen,
        &mut [SwapGrants::new(GrantRef::new(8), GrantRef::new(9))],
    )
    .unwrap();
    let flush = CacheFlush::bus_address(0x1000, 0, 64, CacheFlush::CLEAN | CacheFlush::INVAL);
    assert_eq!((flush.as_raw().length, flush.as_raw().op), (64, 3));
    // SAFETY: as above.
    unsafe { cache_flush(&xen, &mut [flush]) }.unwrap();
    let numbers = ["20.1", "20.7", "20.4", "20.11", "20.12"];
    assert_eq!(xen.conduit().numbers(), numbers);
    // The list of what HVM guests reach does not have all of them.
    let hvm = Fake::new(NEW, Guest::Hvm, |_, _| 0).xen();
    // SAFETY: as above.
    unsupported(unsafe { transfer(&hvm, &mut [frame]) });
    // SAFETY: as above.
    unsupported(unsafe { cache_flush(&hvm, &mut [flush]) });
    assert_eq!(hvm.conduit().calls(), []);
}

#[test]
fn a_table_is_set_up_and_its_status_checked() {
    let outcome = Cell::new(0);
    let xen = Fake::new(NEW, Guest::Pv, |_, [op, address, count, ..]| {
        assert_eq!((op, count), (2, 1));
        let mut setup: gnttab_setup_table = argument(address);
        assert_eq!((setup.dom, setup.nr_frames), (0x7ff0, 2));
        let list = usize::try_from(setup.frame_list.raw()).unwrap();
        answer(list, [0x10 as FrameWord, 0x11]);
        setup.status = outcome.get();
        answer(address, setup);
        0
    })
    .xen();
    let mut frames = [0; 2];
    assert_eq!(setup_table(&xen, DomId::SELF, &mut frames), Ok(()));
    assert_eq!(frames, [0x10, 0x11]);
    outcome.set(-1);
    let expected = status(GrantStatus::GENERAL_ERROR, "GNTTABOP_setup_table");
    assert_eq!(setup_table(&xen, DomId::SELF, &mut frames), Err(expected));
}

#[test]
fn tables_of_the_oldest_have_four_frames() {
    for point in [0, 2, 4] {
        let xen = Fake::new(Release::new(3, 0, point), Guest::Pv, |_, _| 0).xen();
        let fixed = TableSize { current: 4, max: 4 };
        assert_eq!(query_size(&xen, DomId::SELF), Ok(fixed));
        let dumped = dump_table(&xen, DomId::SELF);
        assert_eq!(xen.conduit().calls().len(), usize::from(point == 0));
        assert_eq!(matches!(dumped, Err(Error::Unsupported(_))), point != 0);
    }
    // Without grant tables there are no four frames either.
    let hvm = Fake::new(Release::new(3, 0, 4), Guest::Hvm, |_, _| 0).xen();
    unsupported(query_size(&hvm, DomId::SELF));
    for (current, wanted) in [(3, true), (33, false)] {
        let xen = Fake::new(NEW, Guest::Hvm, |_, [_, address, ..]| {
            let mut query: gnttab_query_size = argument(address);
            (query.nr_frames, query.max_nr_frames, query.status) = (current, 32, 0);
            answer(address, query);
            0
        })
        .xen();
        assert_eq!(query_size(&xen, DomId::SELF).is_ok(), wanted);
    }
}

/// What a hypervisor says to version 2, for a guest of a release, and what comes of it.
fn best_of(release: Release, guest: Guest, to_two: isize, maximum: u32) -> (Result<u32>, usize) {
    let xen = Fake::new(release, guest, |_, [op, address, ..]| {
        assert_eq!(op, 8);
        match argument::<gnttab_set_version>(address).version {
            2 => to_two,
            1 => 0,
            other => panic!("{other}"),
        }
    })
    .xen();
    // SAFETY: there is no table.
    let best = unsafe { best_version(&xen, maximum) };
    (best, xen.conduit().calls().len())
}

#[test]
fn the_best_version_is_the_one_that_xen_gives() {
    let refused = |errno| {
        Err(Error::Refused {
            call: "GNTTABOP_set_version",
            errno,
        })
    };
    assert_eq!(best_of(NEW, Guest::Pv, 0, 2), (Ok(2), 1));
    assert_eq!(best_of(NEW, Guest::Pv, 0, 7), (Ok(2), 1));
    assert_eq!(best_of(NEW, Guest::Hvm, 0, 1), (Ok(1), 1));
    // By the command line version 1 is all that there is.
    assert_eq!(best_of(NEW, Guest::Hvm, -38, 2), (Ok(1), 2));
    assert_eq!(best_of(NEW, Guest::Pv, -16, 2), (refused(Errno::EBUSY), 1));
    assert_eq!(best_of(NEW, Guest::Arm, -38, 2).0, Ok(1));
    assert_eq!(best_of(Release::new(3, 4, 0), Guest::Pv, 0, 2), (Ok(1), 0));
    assert!(matches!(
        best_of(NEW, Guest::Pv, 0, 0).0,
        Err(Error::Argument { .. })
    ));
}

#[test]
fn a_version_that_was_not_asked_for_is_nonsense() {
    let xen = Fake::new(NEW, Guest::Pv, |_, [_, address, ..]| {
        answer(address, gnttab_set_version { version: 1 });
        0
    })
    .xen();
    let nonsense = Error::Nonsense {
        call: "GNTTABOP_set_version",
        answer: 1,
    };
    // SAFETY: there is no table.
    assert_eq!(unsafe { set_version(&xen, 2) }, Err(nonsense));
}

#[test]
fn the_version_is_asked_for_or_known() {
    for (found, wanted) in [(0, Some(1)), (1, Some(1)), (2, Some(2)), (3, None)] {
        let xen = Fake::new(NEW, Guest::Arm, |_, [op, address, ..]| {
            assert_eq!(op, 10);
            let mut asked: gnttab_get_version = argument(address);
            asked.version = found;
            answer(address, asked);
            0
        })
        .xen();
        assert_eq!(get_version(&xen, DomId::SELF).ok(), wanted);
    }
    let old = Fake::new(Release::new(3, 4, 0), Guest::Pv, |_, _| 0).xen();
    assert_eq!(get_version(&old, DomId::SELF), Ok(1));
    assert_eq!(old.conduit().calls(), []);
    // It can be set there, but not asked for.
    let between = Fake::new(Release::new(4, 1, 0), Guest::Hvm, |_, _| 0).xen();
    unsupported(get_version(&between, DomId::SELF));
}

#[test]
fn status_frames_come_by_either_way() {
    let pv = Fake::new(NEW, Guest::Pv, |number, [op, address, ..]| {
        assert_eq!((number, op), (GRANT_TABLE_OP, 9));
        let mut get: gnttab_get_status_frames = argument(address);
        assert_eq!((get.nr_frames, get.dom), (1, 0x7ff0));
        answer(usize::try_from(get.frame_list.raw()).unwrap(), 0x33u64);
        get.status = 0;
        answer(address, get);
        0
    })
    .xen();
    let mut frames = [0];
    assert_eq!(get_status_frames(&pv, DomId::SELF, &mut frames), Ok(()));
    assert_eq!(frames, [0x33]);

    let hvm = Fake::new(NEW, Guest::Hvm, |number, [op, address, ..]| {
        assert_eq!((number, op), (12, 7));
        let add: xen_add_to_physmap = argument(address);
        assert_eq!((add.space, wide(add.gpfn)), (1, wide(add.idx) & 0xff));
        if { add.idx } == 0x8000_0002 { -22 } else { 0 }
    })
    .xen();
    unsupported(get_status_frames(&hvm, DomId::SELF, &mut frames));
    // SAFETY: there is no memory that could be replaced.
    let put = |places: &[Gfn]| unsafe { status_frames_by_physmap(&hvm, 1, places) };
    assert_eq!(put(&[Gfn::new(1)]), Ok(()));
    let expected = Error::PartialBatch {
        call: "XENMEM_add_to_physmap",
        done: 1,
        total: 2,
        cause: Some(Errno::EINVAL.into()),
    };
    assert_eq!(put(&[Gfn::new(1), Gfn::new(2)]), Err(expected));
}
