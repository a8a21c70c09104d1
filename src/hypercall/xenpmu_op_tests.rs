//! The arguments of calls about performance counters.
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
        // SAFETY: the conduit is a fake that changes nothing and keeps no address. What is read and
        // written are the structures that the call hands over, which live until it returns.
        unsafe { $call }
    };
}

const NEW: Release = Release::new(4, 17, 5);

#[test]
fn arguments_arrive() {
    let got = RefCell::new(Vec::new());
    let xen = Fake::new(NEW, Guest::Pv, |number, [sub_op, address, rest @ ..]| {
        assert_eq!((number, rest), (40, [0; 3]));
        let mut argument = xen_pmu_params::ZERO;
        if address != 0 {
            argument = made!(read(address));
            assert_eq!((argument.version.maj, argument.version.min), (0, 1));
            let value = if sub_op == 0 { 2 } else { 5 };
            if matches!(sub_op, 0 | 2) {
                made!(write(
                    address,
                    xen_pmu_params {
                        val: value,
                        ..argument
                    }
                ));
            }
        }
        got.borrow_mut()
            .push((sub_op, { argument.val }, argument.vcpu));
        0
    })
    .xen();
    let processor = VcpuId::from(3);
    assert_eq!(mode_get(&xen), Ok(PmuMode::HYPERVISOR));
    assert_eq!(mode_set(&xen, PmuMode::ALL), Ok(()));
    assert_eq!(feature_get(&xen), Ok(PmuFeatures::new(5)));
    assert_eq!(feature_set(&xen, PmuFeatures::IPC_ONLY), Ok(()));
    assert_eq!(made!(init(&xen, processor, Gfn::new(1 << 33))), Ok(()));
    assert_eq!(finish(&xen, processor), Ok(()));
    assert_eq!(lvtpc_set(&xen), Ok(()));
    assert_eq!(flush(&xen), Ok(()));
    let expected = [
        (0, 0, 0),
        (1, 4, 0),
        (2, 0, 0),
        (3, 2, 0),
        (4, 1 << 33, 3),
        (5, 0, 3),
        (6, 0, 0),
        (7, 0, 0),
    ];
    assert_eq!(*got.borrow(), expected);
    assert_eq!(PmuMode::new(9).get(), 9);
    assert_eq!(
        PmuFeatures::INTEL_BTS.bits() | PmuFeatures::ARCH_ONLY.bits(),
        5
    );
    assert_eq!((PmuMode::OFF.get(), PmuMode::SELF.get()), (0, 1));
}

#[test]
fn what_xen_does_not_offer_and_what_it_refuses() {
    let answering = |running, guest, answer| Fake::new(running, guest, move |_, _| answer).xen();
    // Started without counters: said once.
    let xen = answering(NEW, Guest::Pv, -95);
    for _ in 0..2 {
        assert!(matches!(mode_get(&xen), Err(Error::Unsupported(_))));
    }
    assert_eq!(xen.conduit().calls().len(), 1);
    let refused = Err(Error::Refused {
        call: "XENPMU_flush",
        errno: Errno::EIO,
    });
    assert_eq!(flush(&answering(NEW, Guest::Pv, -5)), refused);
    assert!(matches!(
        lvtpc_set(&answering(NEW, Guest::Pv, 1)),
        Err(Error::Nonsense { .. })
    ));
    for (running, guest) in [(Release::new(4, 5, 0), Guest::Pv), (NEW, Guest::Arm)] {
        let xen = Fake::new(running, guest, |_, _| panic!("no call is made")).xen();
        assert!(matches!(flush(&xen), Err(Error::Unsupported(_))));
    }
}

#[test]
fn another_major_version_is_an_error() {
    let xen = Fake::new(NEW, Guest::Pv, |_, [_, address, ..]| {
        let mut argument: xen_pmu_params = made!(read(address));
        argument.version.maj = 1;
        made!(write(address, argument));
        0
    })
    .xen();
    let mismatch = Err(Error::VersionMismatch {
        call: "XENPMU_mode_get",
        spoken: 1,
    });
    assert_eq!(mode_get(&xen), mismatch);
}
