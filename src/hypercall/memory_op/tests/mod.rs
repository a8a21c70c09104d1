// Before the modules that use it.
/// The address that a handle of the native ABI holds.
macro_rules! address {
    ($handle:expr) => {
        usize::try_from($handle.raw()).unwrap()
    };
}

mod physmap;
mod query;
mod resource;
#[cfg(feature = "toolstack")]
mod toolstack;

use alloc::vec;
use alloc::vec::Vec;
use core::cell::Cell;

use xen_public::errno::Errno;
use xen_public::native::memory::{xen_memory_exchange, xen_memory_reservation};
use xen_public::native::xen::mmu_update;
use xen_public::xen::DomId;

use super::super::native::wide;
use super::*;
use crate::hypercall::fake::{Fake, read, write};
use crate::hypercall::{Error, Unsupported, Why};
use crate::version::{Guest, Operation, Release};

const MEMORY_OP: u32 = 12;
const NEW: Release = Release::new(4, 20, 0);
const NOT_THERE: isize = -38;

fn release(major: u8, minor: u8, point: u8) -> Release {
    Release::new(major, minor, point)
}

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

#[test]
fn a_reservation_grows_by_what_xen_writes() {
    let xen = Fake::new(NEW, Guest::Pv, |number, [op, address, ..]| {
        assert_eq!((number, op), (MEMORY_OP, 0));
        let reservation: xen_memory_reservation = argument(address);
        assert_eq!(reservation.nr_extents, 3);
        assert_eq!(reservation.extent_order, 2);
        assert_eq!(reservation.mem_flags, 0x2_0220);
        assert_eq!(reservation.domid, 0x7ff0);
        answer(
            address!(reservation.extent_start),
            [0x40 as FrameWord, 0x44],
        );
        2
    })
    .xen();
    let mut frames = [0; 3];
    let flags = MemFlags::ANY.address_bits(32).exact_node(1);
    let grown = increase_reservation(&xen, DomId::SELF, 2, flags, &mut frames);
    let partial = Error::PartialBatch {
        call: "XENMEM_increase_reservation",
        done: 2,
        total: 3,
        cause: None,
    };
    assert_eq!(grown, Err(partial));
    assert_eq!(frames, [0x40, 0x44, 0]);
}

#[test]
fn a_count_above_the_batch_is_nonsense() {
    let xen = Fake::new(NEW, Guest::Pv, |_, _| 4).xen();
    // SAFETY: there is no memory that could go.
    let shrunk = unsafe { decrease_reservation(&xen, DomId::SELF, 0, &[1, 2, 3]) };
    let nonsense = Error::Nonsense {
        call: "XENMEM_decrease_reservation",
        answer: 4,
    };
    assert_eq!(shrunk, Err(nonsense));
}

#[test]
fn flags_that_the_release_does_not_know_are_not_sent() {
    let wanted = [
        (release(3, 2, 0), MemFlags::ANY.node(0)),
        (release(4, 0, 0), MemFlags::ANY.exact_node(0)),
        (release(3, 3, 0), MemFlags::POPULATE_ON_DEMAND),
        (release(4, 5, 0), MemFlags::ANY.node(3).virtual_node()),
    ];
    for (release, flags) in wanted {
        let xen = Fake::new(release, Guest::Pv, |_, _| 1).xen();
        let refused = increase_reservation(&xen, DomId::SELF, 0, flags, &mut [0]);
        let why = unsupported(refused).why;
        assert!(matches!(why, Why::Release { .. }), "{release}: {why:?}");
        assert_eq!(xen.conduit().calls(), [], "{release}");
        // By the caller's choice they are left out.
        let flags = flags.address_bits(31).only_address_bits();
        increase_reservation(&xen, DomId::SELF, 0, flags, &mut [0]).unwrap();
        assert_eq!(flags.bits(), 31);
        assert_eq!(xen.conduit().calls().len(), 1, "{release}");
    }
    let xen = Fake::new(release(3, 3, 0), Guest::Pv, |_, _| 1).xen();
    let flags = MemFlags::ANY.node(2);
    increase_reservation(&xen, DomId::SELF, 0, flags, &mut [0]).unwrap();
}

#[test]
fn populating_is_one_call_where_there_is_one() {
    let xen = Fake::new(NEW, Guest::Hvm, |number, [op, address, ..]| {
        assert_eq!((number, op), (MEMORY_OP, 6));
        let reservation: xen_memory_reservation = argument(address);
        assert_eq!(argument::<FrameWord>(address!(reservation.extent_start)), 7);
        1
    })
    .xen();
    // SAFETY: there is no memory that could be replaced.
    unsafe { populate_physmap(&xen, DomId::SELF, 0, MemFlags::ANY, &mut [7]) }.unwrap();
}

#[test]
fn populating_the_oldest_takes_an_extent_and_enters_its_pages() {
    let entered = Cell::new(vec![]);
    let xen = Fake::new(
        release(3, 0, 0),
        Guest::Pv,
        |number, [first, second, ..]| {
            if number == MEMORY_OP {
                assert_eq!(first, 0);
                let reservation: xen_memory_reservation = argument(second);
                let list = address!(reservation.extent_start);
                let given = 0x100 + 16 * entered.take_len() as FrameWord;
                answer(list, given);
                return 1;
            }
            assert_eq!((number, second), (1, 1));
            let update: mmu_update = argument(first);
            let mut all = entered.take();
            all.push((update.ptr, update.val));
            entered.set(all);
            0
        },
    )
    .xen();
    let mut frames = [8, 12];
    // SAFETY: there is no memory that could be replaced.
    unsafe { populate_physmap(&xen, DomId::SELF, 1, MemFlags::ANY, &mut frames) }.unwrap();
    assert_eq!(frames, [0x100, 0x120]);
    let expected = [
        (0x10_0001, 8),
        (0x10_1001, 9),
        (0x12_0001, 12),
        (0x12_1001, 13),
    ];
    assert_eq!(entered.take(), expected);
}

#[test]
fn extents_beyond_all_frames_are_no_panic() {
    // The oldest way, with a frame that Xen gives and one that the caller has.
    let populate = |given: FrameWord, order, first: FrameWord| {
        let xen = Fake::new(
            Release::new(3, 0, 1),
            Guest::Pv,
            |number, [_, second, ..]| {
                if number == MEMORY_OP {
                    let reservation: xen_memory_reservation = argument(second);
                    answer(address!(reservation.extent_start), given);
                    return 1;
                }
                0
            },
        )
        .xen();
        // SAFETY: there is no memory that could be replaced.
        unsafe { populate_physmap(&xen, DomId::SELF, order, MemFlags::ANY, &mut [first]) }
    };
    let call = "XENMEM_populate_physmap";
    assert_eq!(populate(0x100, 1, 8), Ok(()));
    for order in [21, 64, u32::MAX] {
        let (argument, value) = ("extent_order", order.into());
        let error = Error::Argument {
            call,
            argument,
            value,
        };
        assert_eq!(populate(0x100, order, 8), Err(error));
    }
    if size_of::<FrameWord>() == 8 {
        let answer = FrameWord::MAX as isize;
        let nonsense = Error::Nonsense { call, answer };
        assert_eq!(populate(FrameWord::MAX, 1, 8), Err(nonsense));
        assert_eq!(populate(FrameWord::MAX, 0, 8), Err(nonsense));
        let (argument, value) = ("extent_start", u64::MAX);
        let error = Error::Argument {
            call,
            argument,
            value,
        };
        assert_eq!(populate(0x100, 1, !0), Err(error));
    }
}

trait TakeLen {
    fn take_len(&self) -> usize;
}

impl<T> TakeLen for Cell<Vec<T>> {
    fn take_len(&self) -> usize {
        let all = self.take();
        let length = all.len();
        self.set(all);
        length
    }
}

#[test]
fn an_exchange_says_how_far_it_came() {
    let xen = Fake::new(NEW, Guest::Pv, |_, [op, address, ..]| {
        assert_eq!(op, 11);
        let mut exchange: xen_memory_exchange = argument(address);
        assert_eq!({ exchange.nr_exchanged }, 0);
        let (give, take) = (exchange.r#in, exchange.out);
        assert_eq!((give.nr_extents, give.extent_order), (4, 0));
        assert_eq!((take.nr_extents, take.extent_order), (1, 2));
        assert_eq!(take.mem_flags, 32);
        exchange.nr_exchanged = 0;
        answer(address, exchange);
        -12
    })
    .xen();
    let exchanged = |low: &mut [FrameWord]| {
        let give = Extents {
            order: 0,
            flags: MemFlags::ANY,
            frames: &mut [1, 2, 3, 4],
        };
        let take = Extents {
            order: 2,
            flags: MemFlags::ANY.address_bits(32),
            frames: low,
        };
        // SAFETY: there is no memory that could go.
        unsafe { exchange(&xen, DomId::SELF, give, take) }
    };
    let refused = Error::Refused {
        call: "XENMEM_exchange",
        errno: Errno::ENOMEM,
    };
    assert_eq!(exchanged(&mut [9]), Err(refused));
    // Sides of different sizes don't go out.
    assert!(matches!(
        exchanged(&mut [9, 10]),
        Err(Error::Argument { value: 2, .. })
    ));
    assert_eq!(xen.conduit().calls().len(), 1);
}

#[test]
fn part_of_an_exchange_is_told() {
    for (done, answered) in [(2, -12), (5, -12), (3, 0), (4, 0)] {
        let xen = Fake::new(NEW, Guest::Pv, |_, [_, address, ..]| {
            let mut exchange: xen_memory_exchange = argument(address);
            exchange.nr_exchanged = done;
            answer(address, exchange);
            answered
        })
        .xen();
        let side = |frames| Extents {
            order: 0,
            flags: MemFlags::ANY,
            frames,
        };
        let (mut old, mut new) = ([1, 2, 3, 4], [5, 6, 7, 8]);
        // SAFETY: there is no memory that could go.
        let result = unsafe { exchange(&xen, DomId::SELF, side(&mut old), side(&mut new)) };
        let call = "XENMEM_exchange";
        let expected = match (done, answered) {
            (4, 0) => Ok(()),
            (2, _) => Err(Error::PartialBatch {
                call,
                done: 2,
                total: 4,
                cause: Some(Errno::ENOMEM.into()),
            }),
            _ => Err(Error::Nonsense {
                call,
                answer: done as isize,
            }),
        };
        assert_eq!(result, expected);
    }
}
