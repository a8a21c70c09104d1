use alloc::vec;
use core::cell::Cell;

use xen_public::errno::Errno;
use xen_public::native::memory::{
    xen_add_to_physmap, xen_add_to_physmap_batch, xen_memory_reservation, xen_remove_from_physmap,
};
use xen_public::xen::{DomId, Gfn};

use super::*;

#[test]
fn a_frame_of_the_grant_table_is_put_at_a_frame() {
    let xen = Fake::new(NEW, Guest::Hvm, |number, [op, address, ..]| {
        assert_eq!((number, op), (MEMORY_OP, 7));
        let add: xen_add_to_physmap = argument(address);
        assert_eq!((add.domid, add.size, add.space), (0x7ff0, 0, 1));
        assert_eq!({ add.idx }, 0x8000_0003);
        assert_eq!({ add.gpfn }, 0x55);
        0
    })
    .xen();
    let space = Space::GrantTable(GrantFrame::status(3).unwrap());
    // SAFETY: there is no memory that could be replaced.
    unsafe { add_to_physmap(&xen, DomId::SELF, space, Gfn::new(0x55)) }.unwrap();
    assert_eq!(GrantFrame::shared(0x8000_0000), None);
}

#[test]
fn a_range_is_moved_page_by_page_before_there_were_ranges() {
    let moved = Cell::new(vec![]);
    let xen = Fake::new(release(4, 1, 0), Guest::Hvm, |_, [_, address, ..]| {
        let add: xen_add_to_physmap = argument(address);
        assert_eq!(add.space, 2);
        let mut all = moved.take();
        all.push((wide(add.idx), wide(add.gpfn)));
        let full = all.len() > 2;
        moved.set(all);
        if full { -12 } else { 0 }
    })
    .xen();
    let range = |size| Space::GmfnRange {
        first: Gfn::new(16),
        size,
    };
    // SAFETY: there is no memory that could be replaced.
    let stopped = unsafe { add_to_physmap(&xen, DomId::SELF, range(4), Gfn::new(32)) };
    assert_eq!(moved.take(), [(16, 32), (17, 33), (18, 34)]);
    let expected = Error::PartialBatch {
        call: "XENMAPSPACE_gmfn_range",
        done: 2,
        total: 4,
        cause: Some(Errno::ENOMEM.into()),
    };
    assert_eq!(stopped, Err(expected));
    let device = Space::DevMmio(Gfn::new(1));
    // SAFETY: as above.
    let refused = unsafe { add_to_physmap(&xen, DomId::SELF, device, Gfn::new(1)) };
    assert_eq!(
        unsupported(refused).operation,
        Operation::XENMAPSPACE_dev_mmio
    );
}

#[test]
fn a_batch_has_an_error_for_each_entry() {
    let xen = Fake::new(NEW, Guest::Arm, |_, [op, address, ..]| {
        assert_eq!(op, 23);
        let add: xen_add_to_physmap_batch = argument(address);
        // SAFETY: both are the same 16 bits.
        let foreign = unsafe { add.u.foreign_domid };
        assert_eq!((add.domid, add.space, add.size, foreign), (0x7ff0, 4, 2, 5));
        assert_eq!(argument::<[LongWord; 2]>(address!(add.idxs)), [1, 2]);
        assert_eq!(argument::<[FrameWord; 2]>(address!(add.gpfns)), [3, 4]);
        // Entries that are not reached don't look done.
        assert!(
            argument::<[i32; 2]>(address!(add.errs))
                .iter()
                .all(|&error| error < 0)
        );
        answer(address!(add.errs), [0, -14]);
        0
    })
    .xen();
    let mut errors = [0; 2];
    let space = Batch::Foreign(DomId::new(5));
    // SAFETY: there is no memory that could be replaced.
    let mapped =
        unsafe { add_to_physmap_batch(&xen, DomId::SELF, space, &[1, 2], &[3, 4], &mut errors) };
    assert_eq!(mapped, Ok(Mapped { refused: 1 }));
    assert_eq!(errors, [0, -14]);
    // SAFETY: as above.
    let short =
        unsafe { add_to_physmap_batch(&xen, DomId::SELF, space, &[1, 2], &[3], &mut errors) };
    assert!(matches!(short, Err(Error::Argument { .. })));
}

#[test]
fn a_batch_becomes_single_calls() {
    let xen = Fake::new(release(4, 2, 0), Guest::Hvm, |_, [op, address, ..]| {
        assert_eq!(op, 7);
        let add: xen_add_to_physmap = argument(address);
        if { add.idx } == 2 { -22 } else { 0 }
    })
    .xen();
    let mut errors = [7; 3];
    let add = |space, errors: &mut [i32]| {
        // SAFETY: there is no memory that could be replaced.
        unsafe { add_to_physmap_batch(&xen, DomId::SELF, space, &[1, 2, 3], &[4, 5, 6], errors) }
    };
    assert_eq!(add(Batch::Gmfn, &mut errors), Ok(Mapped { refused: 1 }));
    assert_eq!(errors, [0, -22, 0]);
    assert_eq!(xen.conduit().calls().len(), 3);
    let foreign = add(Batch::Foreign(DomId::new(1)), &mut errors);
    unsupported(foreign);
    assert_eq!(xen.conduit().calls().len(), 3);
}

#[test]
fn arm_had_the_batch_by_another_name() {
    let xen = Fake::new(release(4, 3, 0), Guest::Arm, |_, [op, address, ..]| {
        assert_eq!(op, 23);
        let add: xen_add_to_physmap_batch = argument(address);
        answer(address!(add.errs), 0i32);
        0
    })
    .xen();
    let space = Batch::Foreign(DomId::new(1));
    // SAFETY: there is no memory that could be replaced.
    let mapped = unsafe { add_to_physmap_batch(&xen, DomId::SELF, space, &[1], &[4], &mut [1]) };
    assert_eq!(mapped, Ok(Mapped { refused: 0 }));
}

#[test]
fn removing_a_frame_gives_it_up_on_old_releases() {
    for (release, wanted) in [(NEW, 15), (release(4, 1, 0), 1)] {
        let xen = Fake::new(release, Guest::Hvm, |_, [op, address, ..]| {
            assert_eq!(op, wanted);
            if op == 15 {
                let remove: xen_remove_from_physmap = argument(address);
                assert_eq!((remove.domid, { remove.gpfn }), (0x7ff0, 9));
                return 0;
            }
            let reservation: xen_memory_reservation = argument(address);
            assert_eq!((reservation.nr_extents, reservation.extent_order), (1, 0));
            assert_eq!(argument::<FrameWord>(address!(reservation.extent_start)), 9);
            1
        })
        .xen();
        // SAFETY: there is no memory that could go.
        unsafe { remove_from_physmap(&xen, DomId::SELF, Gfn::new(9)) }.unwrap();
        assert_eq!(xen.conduit().calls().len(), 1);
    }
}
