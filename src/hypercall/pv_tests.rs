//! The calls of a PV kernel that have no batches: registers, limits, refusals.
#![allow(unsafe_code)]

use alloc::vec::Vec;
use core::cell::RefCell;

use xen_public::native::arch_x86::xen::{trap_info, xen_ulong_t};
use xen_public::xen::Mfn;

use super::debugreg::DebugRegister;
use super::fake::{Fake, read};
use super::set_trap_table::TrapInfo;
use super::{
    Errno, Error, debugreg, fpu_taskswitch, set_gdt, set_trap_table, stack_switch,
    update_descriptor,
};
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

/// A hypervisor that answers all calls with the same.
fn answering<'a>(guest: Guest, answer: isize) -> super::Xen<Fake<'a>> {
    Fake::new(NEW, guest, move |_, _| answer).xen()
}

#[test]
fn values_stand_in_their_registers() {
    let xen = answering(Guest::Pv, 0);
    made!(stack_switch::stack_switch(&xen, 0xe021, 0x9000)).unwrap();
    made!(fpu_taskswitch::fpu_taskswitch(&xen, true)).unwrap();
    made!(fpu_taskswitch::fpu_taskswitch(&xen, false)).unwrap();
    debugreg::set(&xen, DebugRegister::Dr7, 0x401).unwrap();
    made!(update_descriptor::update(
        &xen,
        0x1_2345_6008,
        0x00cf_fa00_0000_ffff
    ))
    .unwrap();
    #[cfg(target_arch = "x86_64")]
    let descriptor = [0x1_2345_6008, 0x00cf_fa00_0000_ffff, 0, 0, 0];
    #[cfg(target_arch = "x86")]
    let descriptor = [0x2345_6008, 1, 0xffff, 0x00cf_fa00, 0];
    let expected = [
        (3, [0xe021, 0x9000, 0, 0, 0]),
        (5, [1, 0, 0, 0, 0]),
        (5, [0, 0, 0, 0, 0]),
        (8, [7, 0x401, 0, 0, 0]),
        (10, descriptor),
    ];
    assert_eq!(xen.conduit().calls(), expected);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn segments_have_their_numbers() {
    use super::set_segment_base::{fs, gs_kernel, gs_user, gs_user_selector};
    let xen = answering(Guest::Pv, 0);
    made!(fs(&xen, 1 << 40)).unwrap();
    made!(gs_user(&xen, 2)).unwrap();
    made!(gs_kernel(&xen, 3)).unwrap();
    made!(gs_user_selector(&xen, 0x2b)).unwrap();
    let expected = [[0, 1 << 40], [1, 2], [2, 3], [3, 0x2b]];
    let expected = expected.map(|[which, base]| (25, [which, base, 0, 0, 0]));
    assert_eq!(xen.conduit().calls(), expected);
    let xen = answering(Guest::Pv, -22);
    let refused = Error::Refused {
        call: "SEGBASE_FS",
        errno: Errno::EINVAL,
    };
    assert_eq!(made!(fs(&xen, 1 << 63)), Err(refused));
}

#[test]
fn a_trap_table_arrives_up_to_its_end() {
    let got = RefCell::new(Vec::new());
    let xen = Fake::new(NEW, Guest::Pv, |number, [mut address, rest @ ..]| {
        assert_eq!((number, rest), (0, [0; 4]));
        while address != 0 {
            let trap: trap_info = made!(read(address));
            let handler = (trap.vector, trap.flags, trap.cs, trap.address as usize);
            got.borrow_mut().push(handler);
            address = if trap.address == 0 {
                0
            } else {
                address + size_of::<trap_info>()
            };
        }
        0
    })
    .xen();
    let breakpoint = TrapInfo::new(3, 3, true, 0xe019, 0x8000).unwrap();
    let fault = TrapInfo::new(14, 0, false, 0xe019, usize::MAX).unwrap();
    made!(set_trap_table::set(
        &xen,
        &[breakpoint, fault, TrapInfo::END]
    ))
    .unwrap();
    let expected = [
        (3, 7, 0xe019, 0x8000),
        (14, 0, 0xe019, usize::MAX),
        (0, 0, 0, 0),
    ];
    assert_eq!(*got.borrow(), expected);
    assert_eq!((breakpoint.vector(), breakpoint.address()), (3, 0x8000));
    let text = alloc::format!("{breakpoint:?}");
    assert_eq!(text, "TrapInfo(0x3: 0xe019:0x8000, flags 0x7)");

    let wrong = |value| {
        Err(Error::Argument {
            call: "__HYPERVISOR_set_trap_table",
            argument: "traps",
            value,
        })
    };
    let sent = xen.conduit().calls().len();
    for (traps, value) in [
        (&[][..], 0),
        (&[breakpoint], 1),
        (&[TrapInfo::END, fault], 0),
        (&[fault, TrapInfo::END, TrapInfo::END], 1),
    ] {
        assert_eq!(made!(set_trap_table::set(&xen, traps)), wrong(value));
    }
    assert_eq!(xen.conduit().calls().len(), sent, "nothing is sent");
    set_trap_table::clear(&xen).unwrap();
    assert_eq!(xen.conduit().calls()[sent..], [(0, [0; 5])]);
    assert!(TrapInfo::new(3, 0, true, 0xe019, 0).is_err());
    assert!(TrapInfo::new(3, 4, true, 0xe019, 1).is_err());
}

#[test]
fn a_descriptor_table_has_as_many_frames_as_it_needs() {
    let got = RefCell::new(Vec::new());
    let xen = Fake::new(NEW, Guest::Pv, |number, [address, entries, rest @ ..]| {
        assert_eq!((number, rest), (2, [0; 3]));
        let frames = (0..entries.div_ceil(512))
            .map(|at| made!(read(address + at * size_of::<xen_ulong_t>())))
            .collect::<Vec<xen_ulong_t>>();
        got.borrow_mut().push(frames);
        0
    })
    .xen();
    let frames: Vec<_> = (1..=15).map(Mfn::new).collect();
    let set = |frames: &[Mfn], entries| made!(set_gdt::set(&xen, frames, entries));
    for (count, entries) in [(0, 0), (1, 1), (1, 512), (2, 513), (14, 7168)] {
        assert_eq!(set(&frames[..count], entries), Ok(()));
        let list: Vec<_> = (1..=count as xen_ulong_t).collect();
        assert_eq!(got.borrow_mut().pop(), Some(list));
    }
    let argument = |value| Error::Argument {
        call: "__HYPERVISOR_set_gdt",
        argument: "frame_list",
        value,
    };
    assert_eq!(set(&frames[..1], 513), Err(argument(1)));
    assert_eq!(set(&frames[..2], 512), Err(argument(2)));
    let too_long = Error::TooLong {
        call: "__HYPERVISOR_set_gdt",
        length: 7169,
        limit: 7168,
    };
    assert_eq!(set(&frames, 7169), Err(too_long));
    let high = set(&[Mfn::new(1 << 32)], 1);
    #[cfg(target_arch = "x86_64")]
    assert_eq!(
        (high, got.borrow_mut().pop()),
        (Ok(()), Some([1 << 32].to_vec()))
    );
    #[cfg(target_arch = "x86")]
    assert_eq!(high, Err(argument(1 << 32)));
    assert!(got.borrow().is_empty(), "nothing else is sent");
}

#[test]
fn a_debug_register_holds_any_value() {
    use DebugRegister::{Dr0, Dr3, Dr6, Dr7};
    // What the registers hold, 7 at last.
    let ask = |register, value: isize, last: isize| {
        let xen = Fake::new(NEW, Guest::Pv, move |number, [register, rest @ ..]| {
            assert_eq!((number, rest), (9, [0; 4]));
            if register == 7 { last } else { value }
        })
        .xen();
        let result = debugreg::get(&xen, register);
        (result, xen.conduit().numbers().join(" "))
    };
    assert_eq!(ask(Dr0, 0x1000, 0x400), (Ok(0x1000), "9.0".into()));
    assert_eq!(ask(Dr6, 0x4ff0, 0x400), (Ok(0x4ff0), "9.6".into()));
    assert_eq!(ask(Dr7, 0, 0x400), (Ok(0x400), "9.7".into()));
    assert_eq!(
        ask(Dr3, -4096, -38),
        (Ok(-4096_isize as usize), "9.3".into())
    );
    // An address in the last page, which looks like an error.
    assert_eq!(
        ask(Dr3, -38, 0x400),
        (Ok(-38_isize as usize), "9.3 9.7".into())
    );
    // No such call.
    let (result, calls) = ask(Dr0, -38, -38);
    assert!(matches!(result, Err(Error::Unsupported(_))), "{result:?}");
    assert_eq!(calls, "9.0 9.7");
    let refused = Error::Refused {
        call: "__HYPERVISOR_get_debugreg",
        errno: Errno::EINVAL,
    };
    assert_eq!(ask(Dr6, -22, 0).0, Err(refused));
}

#[test]
fn only_pv_guests_have_them() {
    for guest in [Guest::Hvm, Guest::Arm] {
        let xen = Fake::new(NEW, guest, |_, _| panic!("no call is made")).xen();
        let results = [
            made!(stack_switch::stack_switch(&xen, 0, 0)),
            made!(fpu_taskswitch::fpu_taskswitch(&xen, true)),
            debugreg::set(&xen, DebugRegister::Dr0, 0),
            debugreg::get(&xen, DebugRegister::Dr0).map(drop),
            made!(update_descriptor::update(&xen, 0, 0)),
            set_trap_table::clear(&xen),
            made!(set_gdt::set(&xen, &[], 0)),
        ];
        for result in results {
            assert!(matches!(result, Err(Error::Unsupported(_))), "{result:?}");
        }
    }
}

#[test]
fn success_is_zero() {
    let xen = answering(Guest::Pv, 1);
    let results = [
        made!(stack_switch::stack_switch(&xen, 0, 0)),
        made!(fpu_taskswitch::fpu_taskswitch(&xen, true)),
        debugreg::set(&xen, DebugRegister::Dr0, 0),
        made!(update_descriptor::update(&xen, 0, 0)),
        set_trap_table::clear(&xen),
        made!(set_gdt::set(&xen, &[], 0)),
    ];
    for result in results {
        assert!(
            matches!(result, Err(Error::Nonsense { answer: 1, .. })),
            "{result:?}"
        );
    }
    let xen = answering(Guest::Pv, -1);
    let refused = Error::Refused {
        call: "__HYPERVISOR_set_debugreg",
        errno: Errno::EPERM,
    };
    assert_eq!(debugreg::set(&xen, DebugRegister::Dr0, 0), Err(refused));
}
