//! The registers of changes by address.
#![allow(unsafe_code)]

use super::*;
use crate::hypercall::fake::Fake;
use crate::hypercall::{Errno, Error};
use crate::version::{Guest, Release};

/// Makes a call on a fake, or reads and writes what one was handed.
macro_rules! made {
    ($call:expr) => {
        // SAFETY: the conduit is a fake that changes neither page tables nor processors. What is read
        // and written are the structures that the call hands over, which live until it returns.
        unsafe { $call }
    };
}

const ENTRY: u64 = 0x8000_0001_2345_6067;

#[test]
fn flags_say_what_is_flushed_where() {
    let words = [1];
    let set = Processors::These(VcpuMask::new(&words).unwrap());
    let address = words.as_ptr() as usize;
    for (flush, raw) in [
        (Flush::None, 0),
        (Flush::Tlb(Processors::Local), 1),
        (Flush::Tlb(Processors::All), 5),
        (Flush::Tlb(set), address | 1),
        (Flush::Address(Processors::Local), 2),
        (Flush::Address(Processors::All), 6),
        (Flush::Address(set), address | 2),
    ] {
        assert_eq!(flush.raw(), raw, "{flush:?}");
    }
}

#[test]
fn entries_of_64_bits_have_their_registers() {
    let xen = Fake::new(Release::new(4, 17, 5), Guest::Pv, |_, _| 0).xen();
    let flush = Flush::Address(Processors::All);
    made!(update(&xen, 0x7000, ENTRY, flush)).unwrap();
    made!(update_otherdomain(
        &xen,
        0x8000,
        ENTRY,
        flush,
        DomId::new(5)
    ))
    .unwrap();
    #[cfg(target_arch = "x86_64")]
    let expected = [
        (14, [0x7000, ENTRY as usize, 6, 0, 0]),
        (22, [0x8000, ENTRY as usize, 6, 5, 0]),
    ];
    #[cfg(target_arch = "x86")]
    let expected = [
        (14, [0x7000, 0x2345_6067, 0x8000_0001, 6, 0]),
        (22, [0x8000, 0x2345_6067, 0x8000_0001, 6, 5]),
    ];
    assert_eq!(xen.conduit().calls(), expected);
}

#[test]
fn refusals_and_other_guests() {
    let xen = Fake::new(Release::new(4, 17, 5), Guest::Pv, |_, _| -22).xen();
    let refused = |call| {
        Err(Error::Refused {
            call,
            errno: Errno::EINVAL,
        })
    };
    let own = made!(update(&xen, 0, 0, Flush::None));
    assert_eq!(own, refused("__HYPERVISOR_update_va_mapping"));
    let other = made!(update_otherdomain(&xen, 0, 0, Flush::None, DomId::IO));
    assert_eq!(other, refused("__HYPERVISOR_update_va_mapping_otherdomain"));
    let xen = Fake::new(Release::new(4, 17, 5), Guest::Hvm, |_, _| panic!("no call")).xen();
    let own = made!(update(&xen, 0, 0, Flush::None));
    assert!(matches!(own, Err(Error::Unsupported(_))), "{own:?}");
}
