use core::cell::Cell;

use xen_public::errno::Errno;
use xen_public::grant_table::GrantRef;
use xen_public::native::memory::xen_memory_reservation;
use xen_public::xen::{DomId, Gfn};

use super::*;

const GUEST: DomId = DomId::new(5);

#[test]
fn sharing_and_access_have_the_numbers_of_their_release() {
    let number = Cell::new(0);
    let at = |release, run: &dyn Fn(&Xen<Fake<'_>>) -> Result<()>| {
        let xen = Fake::new(release, Guest::Pv, |_, [_, address, ..]| {
            number.set(argument::<u8>(address));
            0
        })
        .xen();
        number.set(99);
        run(&xen)
            .map(|()| number.get())
            .map_err(|error| match error {
                Error::Unsupported(unsupported) => unsupported.operation,
                error => panic!("{error}"),
            })
    };
    let page = Page::Frame(Gfn::new(1));
    let debug = |xen: &Xen<Fake<'_>>| sharing_debug(xen, GUEST, page);
    let audit = |xen: &Xen<Fake<'_>>| sharing_audit(xen, GUEST).map(drop);
    let nominate = |xen: &Xen<Fake<'_>>| sharing_nominate(xen, GUEST, page).map(drop);
    let set = |xen: &Xen<Fake<'_>>| set_access(xen, GUEST, None, 1, Access::RW);
    let get = |xen: &Xen<Fake<'_>>| get_access(xen, GUEST, None).map(drop);
    let (old, new) = (release(4, 5, 2), release(4, 6, 0));
    assert_eq!((at(old, &debug), at(new, &debug)), (Ok(4), Ok(3)));
    assert_eq!((at(old, &audit), at(new, &audit)), (Ok(8), Ok(7)));
    assert_eq!((at(old, &nominate), at(new, &nominate)), (Ok(0), Ok(0)));
    assert_eq!((at(old, &set), at(new, &set)), (Ok(1), Ok(0)));
    assert_eq!((at(old, &get), at(new, &get)), (Ok(2), Ok(1)));
    let older = release(4, 4, 0);
    assert_eq!(at(older, &set), Err(Operation::XENMEM_access_op_set_access));
    let oldest = release(4, 1, 0);
    assert_eq!(at(oldest, &debug), Err(Operation::XENMEM_sharing_op));
    let fork = |xen: &Xen<Fake<'_>>| sharing_fork_reset(xen, GUEST, 8);
    let flag = Operation::XENMEM_FORK_RESET_MEMORY;
    assert_eq!(
        (at(release(4, 16, 0), &fork), at(NEW, &fork)),
        (Err(flag), Ok(10))
    );
}

#[test]
fn a_page_is_nominated_by_frame_or_grant() {
    let xen = Fake::new(NEW, Guest::Pv, |_, [op, address, ..]| {
        assert_eq!(op, 22);
        // The sub-op, the domain, then two words.
        let mut words: [u64; 3] = argument(address);
        let by_grant = words[0] & 0xff == 1;
        assert_eq!(
            (words[0] >> 16, words[1]),
            (5, if by_grant { 9 } else { 7 })
        );
        words[2] = 0x77;
        answer(address, words);
        0
    })
    .xen();
    let nominate = |page| sharing_nominate(&xen, GUEST, page);
    assert_eq!(nominate(Page::Frame(Gfn::new(7))), Ok(0x77));
    assert_eq!(nominate(Page::Grant(GrantRef::new(9))), Ok(0x77));
}

#[test]
fn reserved_ranges_are_written_or_counted() {
    let (found, answered) = (Cell::new(1u32), Cell::new(0));
    let xen = Fake::new(NEW, Guest::Pv, |_, [op, address, ..]| {
        assert_eq!(op, 27);
        let [flags, room]: [u32; 2] = argument(address);
        assert_eq!((flags, room), (1, 2));
        answer(address + 4, found.get());
        answered.get()
    })
    .xen();
    let ask = || reserved_device_memory_map(&xen, None, &mut [ReservedMemory::ZERO; 2]);
    assert_eq!(ask(), Ok(1));
    found.set(3);
    assert!(matches!(ask(), Err(Error::Nonsense { answer: 3, .. })));
    answered.set(-105);
    assert_eq!(ask(), Ok(3));
    answered.set(-1);
    let refused = Error::Refused {
        call: "XENMEM_reserved_device_memory_map",
        errno: Errno::EPERM,
    };
    assert_eq!(ask(), Err(refused));
}

#[test]
fn claims_and_pages_have_their_arguments() {
    let xen = Fake::new(NEW, Guest::Pv, |_, [op, address, ..]| match op {
        24 => {
            let claim: xen_memory_reservation = argument(address);
            assert_eq!((claim.nr_extents, claim.domid), (100, 5));
            assert!(claim.extent_start.is_null());
            -12
        }
        20 => {
            let [head, buffer, page]: [u64; 3] = argument(address);
            assert_eq!((head, page), (0x5_0002, 8));
            assert_eq!(argument::<u8>(usize::try_from(buffer).unwrap()), 0xaa);
            0
        }
        18 => 7,
        op => panic!("{op}"),
    })
    .xen();
    let no_memory = Error::Refused {
        call: "XENMEM_claim_pages",
        errno: Errno::ENOMEM,
    };
    if cfg!(target_arch = "x86") {
        unsupported(claim_pages(&xen, GUEST, 100));
    } else {
        assert_eq!(claim_pages(&xen, GUEST, 100), Err(no_memory));
    }
    let content = [0xaa; 4096];
    let step = Paging::Prepare(Some(&content));
    assert_eq!(paging_op(&xen, GUEST, Gfn::new(8), step), Ok(()));
    assert_eq!(get_sharing_freed_pages(&xen), Ok(7));
    let old = Fake::new(release(4, 1, 0), Guest::Pv, |_, _| 7).xen();
    unsupported(get_sharing_shared_pages(&old));
    unsupported(paging_op(&old, GUEST, Gfn::new(8), Paging::Evict));
    assert_eq!(old.conduit().calls(), []);
}

#[test]
fn accesses_become_single_calls() {
    let xen = Fake::new(release(4, 7, 0), Guest::Pv, |_, [_, address, ..]| {
        let words: [u64; 2] = argument(address);
        if words[1] == 9 { -22 } else { 0 }
    })
    .xen();
    let expected = Error::PartialBatch {
        call: "XENMEM_access_op_set_access_multi",
        done: 1,
        total: 2,
        cause: Some(Errno::EINVAL.into()),
    };
    let set = |pages: &[u64], allowed: &[u8]| set_access_multi(&xen, GUEST, pages, allowed);
    assert_eq!(set(&[8, 9], &[1, 2]), Err(expected));
    assert_eq!(set(&[8], &[1]), Ok(()));
    assert!(matches!(set(&[8], &[]), Err(Error::Argument { .. })));
}
