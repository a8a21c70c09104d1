//! Each call's registers and bytes, and each older way.

use alloc::vec::Vec;
use core::cell::RefCell;

use super::*;
use crate::hypercall::fake::{Fake, read};
use crate::version::{Guest, Release};
use xen_public::native::nmi::xennmi_callback;

const NEW: Release = Release::new(4, 17, 0);
const OLD: Release = Release::new(3, 0, 2);
const CALL: u32 = 30;
const ENOSYS: isize = Errno::ENOSYS.to_return() as isize;
const EINVAL: isize = Errno::EINVAL.to_return() as isize;

const fn entry(address: usize) -> Entry {
    Entry {
        #[cfg(target_arch = "x86")]
        selector: 0xe019,
        address,
    }
}

const CALLBACKS: Callbacks = Callbacks {
    event: entry(0x1000),
    failsafe: entry(0x2000),
    #[cfg(target_arch = "x86_64")]
    syscall: entry(0x3000),
};

/// The arguments of `set_callbacks` with these.
const AT_ONCE: [usize; 5] = if cfg!(target_arch = "x86") {
    [0xe019, 0x1000, 0xe019, 0x2000, 0]
} else {
    [0x1000, 0x2000, 0x3000, 0, 0]
};

/// A hypervisor that answers always the same.
fn answering(release: Release, guest: Guest, answer: isize) -> Xen<Fake<'static>> {
    Fake::new(release, guest, move |_, _| answer).xen()
}

/// SAFETY: a fake enters nothing.
fn register_at(xen: &Xen<Fake<'_>>, callback: Callback, mask: bool) -> Result<()> {
    // SAFETY: a fake enters nothing.
    unsafe { register(xen, callback, entry(0x4000), mask) }
}

const ALL: [(Callback, u16); 6] = [
    (Callback::Event, 0),
    (Callback::Failsafe, 1),
    (Callback::Syscall, 2),
    (Callback::Sysenter, 5),
    (Callback::Nmi, 4),
    (Callback::Syscall32, 7),
];

#[test]
fn an_entry_is_registered_by_its_type() {
    for (callback, kind) in ALL {
        for mask in [false, true] {
            let xen = Fake::new(NEW, Guest::Pv, |number, [sub_op, address, ..]| {
                assert_eq!((number, sub_op), (CALL, 0));
                // SAFETY: the argument is a `callback_register`.
                let argument = unsafe { read::<callback_register>(address) };
                assert_eq!((argument.r#type, argument.flags), (kind, u16::from(mask)));
                #[cfg(target_arch = "x86_64")]
                assert_eq!(argument.address, 0x4000);
                #[cfg(target_arch = "x86")]
                assert_eq!(
                    (argument.address.cs, argument.address.eip),
                    (0xe019, 0x4000)
                );
                0
            })
            .xen();
            register_at(&xen, callback, mask).unwrap();
            assert_eq!(xen.conduit().calls().len(), 1);
        }
        let xen = Fake::new(NEW, Guest::Pv, |number, [sub_op, address, ..]| {
            assert_eq!((number, sub_op), (CALL, 1));
            // SAFETY: the argument is a `callback_unregister`.
            let argument = unsafe { read::<callback_unregister>(address) };
            assert_eq!(argument.r#type, kind);
            0
        })
        .xen();
        unregister(&xen, callback).unwrap();
    }
}

#[test]
fn sysenter_has_its_older_number_where_the_table_says_so() {
    for (release, kind) in [(Release::new(3, 0, 3), 3), (Release::new(3, 2, 0), 5)] {
        let xen = Fake::new(release, Guest::Pv, |_, [_, address, ..]| {
            // SAFETY: the argument begins with the type.
            assert_eq!(unsafe { read::<u16>(address) }, kind, "{release}");
            0
        })
        .xen();
        register_at(&xen, Callback::Sysenter, false).unwrap();
    }
    let xen = answering(Release::new(3, 0, 3), Guest::Pv, 0);
    let answer = register_at(&xen, Callback::Syscall32, false);
    assert!(matches!(answer, Err(Error::Unsupported(_))), "{answer:?}");
    assert_eq!(xen.conduit().calls(), []);
}

#[test]
fn nmis_go_by_their_own_hypercall_where_there_is_no_other() {
    let withheld = |answer| {
        let xen = answering(NEW, Guest::Pv, answer);
        xen.withhold(Operation::CALLBACKOP_register);
        xen.withhold(Operation::CALLBACKOP_unregister);
        xen
    };
    for xen in [answering(OLD, Guest::Pv, 0), withheld(0)] {
        register_at(&xen, Callback::Nmi, false).unwrap();
        unregister(&xen, Callback::Nmi).unwrap();
        assert_eq!(xen.conduit().numbers(), ["28.0", "28.1"]);
        // The others can't go one by one.
        let answer = register_at(&xen, Callback::Event, false);
        assert!(matches!(answer, Err(Error::Unsupported(_))), "{answer:?}");
        assert!(unregister(&xen, Callback::Event).is_err());
        assert_eq!(xen.conduit().calls().len(), 2);
    }
    let seen = RefCell::new(Vec::new());
    let xen = Fake::new(OLD, Guest::Pv, |_, [_, address, ..]| {
        // SAFETY: the argument is a `xennmi_callback`.
        let argument = unsafe { read::<xennmi_callback>(address) };
        seen.borrow_mut().push(argument.handler_address as usize);
        0
    })
    .xen();
    register_at(&xen, Callback::Nmi, false).unwrap();
    assert_eq!(*seen.borrow(), [0x4000]);
    let xen = answering(Release::new(3, 0, 0), Guest::Pv, 0);
    let answer = register_at(&xen, Callback::Nmi, false);
    assert!(matches!(answer, Err(Error::Unsupported(_))), "{answer:?}");
    assert_eq!(xen.conduit().calls(), []);
}

#[test]
fn entries_go_one_by_one_or_all_at_once() {
    // SAFETY: a fake enters nothing.
    let register = |xen: &Xen<Fake<'_>>| unsafe { register_entries(xen, CALLBACKS) };
    let xen = answering(NEW, Guest::Pv, 0);
    register(&xen).unwrap();
    let each = if cfg!(target_arch = "x86") { 2 } else { 3 };
    let numbers: Vec<u32> = xen.conduit().calls().iter().map(|call| call.0).collect();
    assert_eq!(numbers, alloc::vec![CALL; each]);

    let old = answering(OLD, Guest::Pv, 0);
    let oldest = answering(Release::new(3, 0, 0), Guest::Pv, 0);
    let withheld = answering(NEW, Guest::Pv, 0);
    withheld.withhold(Operation::CALLBACKOP_register);
    for xen in [old, oldest, withheld] {
        register(&xen).unwrap();
        assert_eq!(xen.conduit().calls(), [(4, AT_ONCE)]);
    }
    // It turns out to be missing.
    let xen = Fake::new(
        NEW,
        Guest::Pv,
        |number, _| {
            if number == CALL { ENOSYS } else { 0 }
        },
    )
    .xen();
    register(&xen).unwrap();
    let numbers: Vec<u32> = xen.conduit().calls().iter().map(|call| call.0).collect();
    assert_eq!(numbers, [CALL, 4]);

    for guest in [Guest::Hvm, Guest::Arm] {
        let xen = answering(NEW, guest, 0);
        assert!(matches!(register(&xen), Err(Error::Unsupported(_))));
        assert_eq!(xen.conduit().calls(), []);
    }
    let refused = Error::Refused {
        call: "CALLBACKOP_register",
        errno: Errno::EINVAL,
    };
    assert_eq!(register(&answering(NEW, Guest::Pv, EINVAL)), Err(refused));
}

#[test]
fn an_unknown_type_is_not_there_and_the_others_are() {
    let xen = Fake::new(NEW, Guest::Pv, |_, [_, address, ..]| {
        // SAFETY: the argument begins with the type.
        match unsafe { read::<u16>(address) } {
            7 => ENOSYS,
            _ => 0,
        }
    })
    .xen();
    for _ in 0..2 {
        let answer = register_at(&xen, Callback::Syscall32, false);
        let Err(Error::Unsupported(unsupported)) = answer else {
            panic!("{answer:?}");
        };
        assert_eq!(unsupported.operation, Operation::CALLBACKTYPE_syscall32);
    }
    assert_eq!(xen.conduit().calls().len(), 1, "it is remembered");
    register_at(&xen, Callback::Failsafe, false).unwrap();
}
