//! Batches of operations on page tables against a conduit that writes down what it gets.
#![allow(unsafe_code)]

use alloc::vec::Vec;
use core::cell::RefCell;

use super::*;
use crate::hypercall::fake::{Fake, read, write};
use crate::hypercall::{Cause, Errno, Unsupported, Why};
use crate::version::{Guest, Release};

/// Makes a call on a fake, or reads and writes what one was handed.
macro_rules! made {
    ($call:expr) => {
        // SAFETY: the conduit is a fake that changes neither page tables nor processors. What is read
        // and written are the structures that the call hands over, which live until it returns.
        unsafe { $call }
    };
}

/// Has all operations but one.
const NEW: Release = Release::new(4, 9, 4);

/// The entries of a call, as number and two words.
fn entries(address: usize, count: usize) -> Vec<[usize; 3]> {
    let entry = |at| {
        let entry: mmuext_op = made!(read(address + at * size_of::<mmuext_op>()));
        let first = made!(entry.arg1._bytes);
        let second = made!(entry.arg2._bytes);
        let (first, second) = (usize::from_ne_bytes(first), usize::from_ne_bytes(second));
        [entry.cmd as usize, first, second]
    };
    (0..count).map(entry).collect()
}

#[test]
fn operations_arrive_as_they_were_made() {
    let frame = |number| Mfn::new(number);
    let words = [0b101, 1];
    let set = VcpuMask::new(&words).unwrap();
    let address = words.as_ptr() as usize;
    let operations = [
        MmuExtOp::pin_l1_table(frame(1)).unwrap(),
        MmuExtOp::pin_l2_table(frame(2)).unwrap(),
        MmuExtOp::pin_l3_table(frame(3)).unwrap(),
        MmuExtOp::pin_l4_table(frame(4)).unwrap(),
        MmuExtOp::unpin_table(frame(5)).unwrap(),
        MmuExtOp::new_baseptr(frame(6)).unwrap(),
        MmuExtOp::tlb_flush_local(),
        MmuExtOp::invlpg_local(0x7000),
        MmuExtOp::tlb_flush_multi(set),
        MmuExtOp::invlpg_multi(0x8000, set),
        MmuExtOp::tlb_flush_all(),
        MmuExtOp::invlpg_all(0x9000),
        MmuExtOp::flush_cache(),
        MmuExtOp::set_ldt(0xa000, 8192),
        MmuExtOp::clear_page(frame(0xb)).unwrap(),
        MmuExtOp::copy_page(frame(0xc), frame(0xd)).unwrap(),
        MmuExtOp::flush_cache_global(),
        MmuExtOp::mark_super(frame(0xe)).unwrap(),
        MmuExtOp::unmark_super(frame(0xf)).unwrap(),
    ];
    let expected = [
        [0, 1, 0],
        [1, 2, 0],
        [2, 3, 0],
        [3, 4, 0],
        [4, 5, 0],
        [5, 6, 0],
        [6, 0, 0],
        [7, 0x7000, 0],
        [8, 0, address],
        [9, 0x8000, address],
        [10, 0, 0],
        [11, 0x9000, 0],
        [12, 0, 0],
        [13, 0xa000, 8192],
        [16, 0xb, 0],
        [17, 0xc, 0xd],
        [18, 0, 0],
        [19, 0xe, 0],
        [20, 0xf, 0],
    ];
    let got = RefCell::new(Vec::new());
    let xen = Fake::new(NEW, Guest::Pv, |number, [at, count, done, owner, fifth]| {
        assert_eq!((number, owner, fifth), (26, 3, 0));
        got.borrow_mut().extend(entries(at, count));
        made!(write(done, count as u32));
        0
    })
    .xen();
    assert_eq!(made!(operate(&xen, &operations, DomId::new(3))), Ok(()));
    assert_eq!(*got.borrow(), expected);
    for (operation, [number, ..]) in operations.iter().zip(expected) {
        assert_eq!(operation.operation().number() as usize, number);
        assert_eq!(operation.operation().hypercall(), 26);
    }
    assert_eq!(alloc::format!("{:?}", operations[0]), "MMUEXT_PIN_L1_TABLE");
}

#[cfg(target_arch = "x86_64")]
#[test]
fn user_mode_has_its_own_tables() {
    let operation = MmuExtOp::new_user_baseptr(Mfn::new(1 << 40)).unwrap();
    let got = entries((&raw const operation).expose_provenance(), 1);
    assert_eq!(got, [[15, 1 << 40, 0]]);
}

#[cfg(target_arch = "x86")]
#[test]
fn frames_have_32_bits() {
    assert!(MmuExtOp::pin_l1_table(Mfn::new(0xffff_ffff)).is_ok());
    let wrong = Error::Argument {
        call: "MMUEXT_COPY_PAGE",
        argument: "mfn",
        value: 1 << 32,
    };
    let copy = MmuExtOp::copy_page(Mfn::new(0), Mfn::new(1 << 32));
    assert_eq!(copy.unwrap_err(), wrong);
}

#[test]
fn a_set_has_words() {
    assert_eq!(VcpuMask::new(&[]), None);
}

#[test]
fn a_release_without_one_of_them_gets_none() {
    let pin = MmuExtOp::pin_l1_table(Mfn::new(1)).unwrap();
    let clear = MmuExtOp::clear_page(Mfn::new(1)).unwrap();
    let global = MmuExtOp::flush_cache_global();
    let reassign = MmuExtOp::reassign_page(Mfn::new(1)).unwrap();
    let super_page = MmuExtOp::unmark_super(Mfn::new(1)).unwrap();
    for (release, guest, operation) in [
        (Release::new(3, 3, 0), Guest::Pv, clear),
        (Release::new(4, 0, 4), Guest::Pv, global),
        (Release::new(3, 0, 2), Guest::Pv, reassign),
        (Release::new(4, 10, 0), Guest::Pv, super_page),
        (NEW, Guest::Hvm, clear),
        (Release::new(4, 6, 0), Guest::Hvm, pin),
        (NEW, Guest::Arm, pin),
    ] {
        let xen = Fake::new(release, guest, |_, _| panic!("no call is made")).xen();
        let result = made!(operate(&xen, &[pin, operation], DomId::SELF));
        let Err(Error::Unsupported(unsupported)) = result else {
            panic!("{release} {guest}: {result:?}");
        };
        let named = [operation.operation(), Operation::__HYPERVISOR_mmuext_op];
        assert!(named.contains(&unsupported.operation), "{unsupported}");
    }
    let xen = Fake::new(NEW, Guest::Pv, |_, _| panic!("no call is made")).xen();
    assert_eq!(made!(operate(&xen, &[], DomId::SELF)), Ok(()));
}

#[test]
fn an_error_is_about_the_entry_where_xen_stopped() {
    let operations = [
        MmuExtOp::tlb_flush_all(),
        MmuExtOp::mark_super(Mfn::new(0)).unwrap(),
    ];
    let run = |stop: u32, answer: isize| {
        let xen = Fake::new(NEW, Guest::Pv, move |_, [_, _, done, ..]| {
            made!(write(done, stop));
            answer
        })
        .xen();
        let result = made!(operate(&xen, &operations, DomId::SELF));
        let offered = operations.map(|operation| xen.can(operation.operation()).is_ok());
        (result, offered)
    };
    let partial = |done, cause| {
        Err(Error::PartialBatch {
            call: CALL,
            done,
            total: 2,
            cause: Some(cause),
        })
    };
    let refused = |call, errno| Err(Error::Refused { call, errno });
    assert_eq!(
        run(1, -22),
        (partial(1, Errno::EINVAL.into()), [true, true])
    );
    // A build without the second operation: the first stays.
    let why = Why::Build { running: NEW };
    let operation = Operation::MMUEXT_MARK_SUPER;
    let missing = Cause::Unsupported(Unsupported { operation, why });
    assert_eq!(run(1, -38), (partial(1, missing), [true, false]));
    assert_eq!(
        run(0, -1),
        (refused("MMUEXT_TLB_FLUSH_ALL", Errno::EPERM), [true, true])
    );
    assert!(matches!(
        run(3, 0).0,
        Err(Error::Nonsense { answer: 3, .. })
    ));
}
