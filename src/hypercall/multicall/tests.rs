//! Batches against fakes that run them, partly run them, or do not know them.

use alloc::vec::Vec;
use core::cell::RefCell;

use super::*;
use crate::hypercall::fake::{Fake, read, write};
use crate::hypercall::{Errno, Unsupported};
use crate::version::{Guest, Release};

const NEW: Release = Release::new(4, 17, 0);
const ENOSYS: isize = Errno::ENOSYS.to_return() as isize;
const EPERM: isize = Errno::EPERM.to_return() as isize;
const SIZE: usize = size_of::<multicall_entry>();

/// What a call of the batch below answers.
fn answer(number: u32, [first, ..]: [usize; 5]) -> isize {
    match (number, first) {
        (29, 0) => 0,
        (32, 4) => EPERM,
        (12, 2) => 0x1234,
        other => panic!("{other:?}"),
    }
}

/// A hypervisor that runs the first `limit` entries of a multicall and then answers `end`, and writes
/// down what it ran.
fn running<'a>(
    release: Release,
    guest: Guest,
    limit: usize,
    end: isize,
    ran: &'a RefCell<Vec<(u32, [usize; 5])>>,
) -> Xen<Fake<'a>> {
    Fake::new(release, guest, move |number, arguments| {
        if number != 13 {
            ran.borrow_mut().push((number, arguments));
            return answer(number, arguments);
        }
        let [address, count, rest @ ..] = arguments;
        assert_eq!(rest, [0; 3]);
        for at in (0..count.min(limit)).map(|index| address + index * SIZE) {
            // SAFETY: the batch has that many entries at the address.
            let mut entry = unsafe { read::<multicall_entry>(at) };
            let [first, second, third, fourth, fifth, sixth] = entry.args;
            assert_eq!(sixth, 0);
            let arguments = [first, second, third, fourth, fifth].map(|word| word as usize);
            ran.borrow_mut().push((entry.op as u32, arguments));
            // Xen may leave anything but the result.
            let result = answer(entry.op as u32, arguments) as Word;
            entry = multicall_entry {
                op: 0xaaaa,
                result,
                args: [0xaaaa; 6],
            };
            // SAFETY: as above.
            unsafe { write(at, entry) };
        }
        end
    })
    .xen()
}

/// Three calls, the second of which is refused.
fn batch() -> Batch<4> {
    let mut batch = Batch::new();
    batch.push(Operation::SCHEDOP_yield, [0; 4]).unwrap();
    batch.push(Operation::EVTCHNOP_send, [7, 8, 9, 10]).unwrap();
    batch
        .push(Operation::XENMEM_maximum_ram_page, [0; 4])
        .unwrap();
    batch
}

const CALLS: [(u32, [usize; 5]); 3] = [(29, [0; 5]), (32, [4, 7, 8, 9, 10]), (12, [2, 0, 0, 0, 0])];

/// Makes a batch of fakes' calls.
fn make<const N: usize>(batch: &mut Batch<N>, xen: &Xen<Fake<'_>>) -> Result<Made> {
    // SAFETY: the fakes use no memory of theirs.
    unsafe { batch.make(xen) }
}

#[test]
fn each_call_has_its_result_however_it_was_made() {
    for (release, guest, made) in [
        (NEW, Guest::Pv, Made::Together),
        (NEW, Guest::Hvm, Made::Together),
        (NEW, Guest::Arm, Made::Together),
        (Release::new(4, 15, 0), Guest::Hvm, Made::OneByOne),
        (Release::new(4, 4, 0), Guest::Arm, Made::OneByOne),
    ] {
        let ran = RefCell::default();
        let xen = running(release, guest, 3, 0, &ran);
        let mut batch = batch();
        assert_eq!((batch.len(), batch.raw(0)), (3, None));
        assert_eq!(make(&mut batch, &xen), Ok(made), "{release} {guest}");
        assert_eq!(*ran.borrow(), CALLS, "{release} {guest}");
        assert_eq!(batch.result(&xen, 0), Ok(0));
        let refused = Error::Refused {
            call: "EVTCHNOP_send",
            errno: Errno::EPERM,
        };
        assert_eq!(batch.result(&xen, 1), Err(refused));
        assert_eq!(batch.result_long(&xen, 2), Ok(0x1234));
        assert!(batch.result(&xen, 3).is_err());
    }
}

#[test]
fn a_multicall_that_turns_out_to_be_missing_is_made_one_by_one() {
    let ran = RefCell::default();
    let xen = running(NEW, Guest::Hvm, 0, ENOSYS, &ran);
    assert_eq!(make(&mut batch(), &xen), Ok(Made::OneByOne));
    assert_eq!(*ran.borrow(), CALLS);
    assert_eq!(make(&mut batch(), &xen), Ok(Made::OneByOne));
    let tries = xen.conduit().calls();
    assert_eq!(tries.iter().filter(|call| call.0 == 13).count(), 1);
}

#[test]
fn a_batch_that_xen_left_says_how_far_it_came() {
    let efault = Errno::EFAULT.to_return() as isize;
    for (limit, end, cause) in [
        (2, efault, Some(Errno::EFAULT.into())),
        (0, efault, Some(Errno::EFAULT.into())),
        (2, 0, None),
    ] {
        let ran = RefCell::default();
        let xen = running(NEW, Guest::Pv, limit, end, &ran);
        let mut batch = batch();
        let partial = Error::PartialBatch {
            call: "__HYPERVISOR_multicall",
            done: limit,
            total: 3,
            cause,
        };
        assert_eq!(make(&mut batch, &xen), Err(partial));
        for index in 0..3 {
            assert_eq!(batch.raw(index).is_some(), index < limit);
        }
    }
}

#[test]
fn a_call_of_another_release_stops_the_batch_before_it_starts() {
    // By its number 32 & 31 another hypercall would run.
    for release in [Release::new(3, 0, 0), Release::new(3, 0, 2)] {
        let ran = RefCell::default();
        let xen = running(release, Guest::Pv, 3, 0, &ran);
        let answer = make(&mut batch(), &xen);
        let Err(Error::Unsupported(Unsupported { operation, .. })) = answer else {
            panic!("{answer:?}");
        };
        let first = xen
            .can(Operation::SCHEDOP_yield)
            .map_err(|_| Operation::SCHEDOP_yield);
        assert_eq!(operation, first.err().unwrap_or(Operation::EVTCHNOP_send));
        assert_eq!(xen.conduit().calls(), []);
    }
    let ran = RefCell::default();
    let xen = running(NEW, Guest::Pv, 3, 0, &ran);
    xen.withhold(Operation::XENMEM_maximum_ram_page);
    assert!(matches!(
        make(&mut batch(), &xen),
        Err(Error::Unsupported(_))
    ));
    assert_eq!(*ran.borrow(), []);
}

#[test]
fn a_result_may_teach_that_a_call_is_missing() {
    let mut batch = Batch::<1>::new();
    batch.push(Operation::SCHEDOP_poll, [0; 4]).unwrap();
    let xen = Fake::new(NEW, Guest::Pv, |number, [address, ..]| {
        assert_eq!(number, 13);
        // SAFETY: the batch has an entry at the address.
        let mut entry = unsafe { read::<multicall_entry>(address) };
        // The upper half of the register was left as it was.
        entry.result = ENOSYS as Word & 0xffff_ffff;
        // SAFETY: as above.
        unsafe { write(address, entry) };
        0
    })
    .xen();
    make(&mut batch, &xen).unwrap();
    assert!(xen.can(Operation::SCHEDOP_poll).is_ok());
    let answer = batch.result(&xen, 0);
    assert!(matches!(answer, Err(Error::Unsupported(_))), "{answer:?}");
    assert!(xen.can(Operation::SCHEDOP_poll).is_err());
}

#[test]
fn a_batch_has_its_size() {
    let mut batch = Batch::<1>::default();
    assert!(batch.is_empty());
    batch.push(Operation::SCHEDOP_yield, [0; 4]).unwrap();
    let too_long = Error::TooLong {
        call: "__HYPERVISOR_multicall",
        length: 2,
        limit: 1,
    };
    assert_eq!(batch.push(Operation::SCHEDOP_yield, [0; 4]), Err(too_long));
    assert_eq!(alloc::format!("{batch:?}"), "[SCHEDOP_yield]");
    batch.clear();
    assert!(batch.is_empty());
    let ran = RefCell::default();
    let xen = running(NEW, Guest::Pv, 0, 0, &ran);
    assert_eq!(make(&mut batch, &xen), Ok(Made::Together), "nothing to do");
}
