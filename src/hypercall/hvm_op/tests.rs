use alloc::format;
use alloc::vec::Vec;
use core::cell::Cell;

use xen_public::errno::Errno;
use xen_public::native::hvm::hvm_op::{
    xen_hvm_altp2m_op, xen_hvm_get_mem_type, xen_hvm_param, xen_hvm_xentrace,
};
use xen_public::xen::VcpuId;

use super::*;
use crate::hypercall::Unsupported;
use crate::hypercall::fake::{Fake, read, write};
use crate::version::{Guest, Release};

const NEW: Release = Release::new(4, 20, 0);
const HVM_OP: u32 = 34;

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
fn parameters_are_read_and_set() {
    let xen = Fake::new(NEW, Guest::Hvm, |number, [op, address, ..]| {
        assert_eq!(number, HVM_OP);
        let mut param: xen_hvm_param = argument(address);
        assert_eq!((param.domid, param.pad), (0x7ff0, 0));
        if op == 1 {
            assert_eq!(param.index, 17);
            param.value = 0xfeff_f000;
            answer(address, param);
            return 0;
        }
        assert_eq!((param.index, { param.value }), (0, 0x0200_0000_0000_0033));
        -17
    })
    .xen();
    let found = get_param(&xen, DomId::SELF, HvmParam::CONSOLE_PFN);
    assert_eq!(found, Ok(0xfeff_f000));
    let via = CallbackVia::Vector(0x33).value();
    // SAFETY: nothing raises the vector.
    let set = unsafe { set_param(&xen, DomId::SELF, HvmParam::CALLBACK_IRQ, via) };
    let refused = Error::Refused {
        call: "HVMOP_set_param",
        errno: Errno::EEXIST,
    };
    assert_eq!(set, Err(refused));
}

#[test]
fn a_parameter_of_another_release_is_unsupported() {
    let ask = |release, param| {
        let xen = Fake::new(release, Guest::Hvm, |_, _| -22).xen();
        get_param(&xen, DomId::SELF, param)
    };
    let old = unsupported(ask(Release::new(4, 0, 0), HvmParam::CONSOLE_PFN));
    assert_eq!(old.operation, Operation::HVM_PARAM_CONSOLE_PFN);
    // Known there, so that it is the argument that is wrong; and known nowhere.
    for param in [
        HvmParam::CONSOLE_PFN,
        HvmParam::MONITOR_RING_PFN,
        HvmParam::new(99),
    ] {
        assert!(
            matches!(ask(NEW, param), Err(Error::Refused { .. })),
            "{param}"
        );
    }
    // Two names for one index: the older one is known there.
    let renamed = ask(Release::new(4, 5, 0), HvmParam::MONITOR_RING_PFN);
    assert!(matches!(renamed, Err(Error::Refused { .. })));
    assert_eq!(
        format!("{} {:?}", HvmParam::new(28), HvmParam::new(99)),
        "HVM_PARAM_MONITOR_RING_PFN HvmParam(99)"
    );
}

#[test]
fn ways_of_events_have_their_numbers() {
    let pci = CallbackVia::PciIntx {
        domain: 0x1234,
        bus: 0x56,
        devfn: 0x78,
        intx: 3,
    };
    let ppi = CallbackVia::Ppi {
        number: 31,
        edge: false,
        low: true,
    };
    let values = [
        CallbackVia::None,
        CallbackVia::Gsi(9),
        pci,
        CallbackVia::Vector(0xf3),
        ppi,
    ];
    let numbers: Vec<u64> = values.iter().map(|via| via.value()).collect();
    let expected = [
        0,
        9,
        0x0100_1234_0056_7803,
        0x0200_0000_0000_00f3,
        0x0200_0000_0000_021f,
    ];
    assert_eq!(numbers, expected);
}

#[test]
fn small_calls_have_their_arguments() {
    let xen = Fake::new(NEW, Guest::Hvm, |_, [op, address, ..]| {
        match op {
            5 | 24 => assert_eq!(address, 0),
            9 => {
                let dying: xen_hvm_pagetable_dying = argument(address);
                assert_eq!((dying.domid, { dying.gpa }), (0x7ff0, 0x5000));
            }
            10 => answer(address, xen_hvm_get_time { now: 77 }),
            11 => {
                let trace: xen_hvm_xentrace = argument(address);
                assert_eq!((trace.event, trace.extra_bytes), (3, 8));
                assert_eq!(trace.extra[..4], 5u32.to_ne_bytes());
            }
            15 => {
                let mut kind: xen_hvm_get_mem_type = argument(address);
                assert_eq!({ kind.pfn }, 8);
                kind.mem_type = 2;
                answer(address, kind);
            }
            op => panic!("{op}"),
        }
        0
    })
    .xen();
    flush_tlbs(&xen).unwrap();
    guest_request_vm_event(&xen).unwrap();
    pagetable_dying(&xen, DomId::SELF, 0x5000).unwrap();
    assert_eq!(get_time(&xen), Ok(77));
    xentrace(&xen, 3, &[5, 6]).unwrap();
    assert!(matches!(
        xentrace(&xen, 3, &[0; 8]),
        Err(Error::TooLong { limit: 7, .. })
    ));
    let kind = get_mem_type(&xen, DomId::SELF, Gfn::new(8));
    assert_eq!(kind, Ok(MemType::DEVICE_MODEL));
    assert_eq!(xen.conduit().calls().len(), 6);
}

#[test]
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
fn a_vector_of_each_processor_becomes_one_of_all() {
    use xen_public::features::Features;

    let set = |release, features| {
        let xen = Fake::new(release, Guest::Hvm, |_, [op, address, ..]| {
            if op == 0 {
                let param: xen_hvm_param = argument(address);
                assert_eq!((param.index, { param.value }), (0, 0x0200_0000_0000_00f3));
            }
            0
        })
        .with_features(features)
        .xen();
        // SAFETY: nothing raises the vector.
        let set = unsafe { set_evtchn_upcall_vector(&xen, VcpuId::new(1), 0xf3) };
        (set, xen.conduit().numbers())
    };
    let global = Features::HVM_CALLBACK_VECTOR | Features::AUTO_TRANSLATED_PHYSMAP;
    let none = Features::AUTO_TRANSLATED_PHYSMAP;
    let (direct, calls) = set(NEW, global);
    assert_eq!((direct, calls[0].as_str()), (Ok(Upcall::PerVcpu), "34.23"));
    let (older, calls) = set(Release::new(4, 5, 0), global);
    assert_eq!((older, calls[0].as_str()), (Ok(Upcall::Global), "34.0"));
    let (absent, calls) = set(Release::new(4, 5, 0), none);
    unsupported(absent);
    assert!(calls.is_empty());
}

#[test]
fn views_are_asked_for_with_their_version() {
    let command = Cell::new(0);
    let xen = Fake::new(NEW, Guest::Hvm, |_, [op, address, ..]| {
        assert_eq!(op, 25);
        let mut asked: xen_hvm_altp2m_op = argument(address);
        assert_eq!((asked.version, asked.domain), (1, 0x7ff0));
        command.set(asked.cmd);
        match asked.cmd {
            1 => asked.u.domain_state.state = 1,
            4 => asked.u.view.view = 5,
            12 => {
                // SAFETY: all bytes of the union are there.
                assert_eq!(unsafe { asked.u.mem_access.gfn }, 9);
                asked.u.mem_access.access = 7;
            }
            14 => asked.u.get_vcpu_p2m_idx.altp2m_idx = 3,
            15 => {
                asked.u.suppress_ve_multi.first_error = -22;
                asked.u.suppress_ve_multi.first_error_gfn = 12;
            }
            6 => return -95,
            _ => {}
        }
        answer(address, asked);
        0
    })
    .xen();
    let me = DomId::SELF;
    assert_eq!(altp2m::get_domain_state(&xen, me), Ok(true));
    assert_eq!(altp2m::create_p2m(&xen, me, 7), Ok(5));
    assert_eq!(altp2m::get_mem_access(&xen, me, 5, Gfn::new(9)), Ok(7));
    assert_eq!(altp2m::get_p2m_idx(&xen, me, VcpuId::new(0)), Ok(3));
    altp2m::set_visibility(&xen, me, 5, true).unwrap();
    assert_eq!(command.get(), 16);
    // The domain has none now; that is not for ever.
    let off = Error::Refused {
        call: "HVMOP_altp2m_switch_p2m",
        errno: Errno::EOPNOTSUPP,
    };
    for _ in 0..2 {
        // SAFETY: there are no views.
        assert_eq!(unsafe { altp2m::switch_p2m(&xen, me, 5) }, Err(off));
    }
    let range = |first, last| (Gfn::new(first), Gfn::new(last));
    let some = altp2m::set_suppress_ve_multi(&xen, me, 5, range(10, 19), true);
    let expected = Error::PartialBatch {
        call: "HVMOP_altp2m_set_suppress_ve_multi",
        done: 2,
        total: 10,
        cause: Some(Errno::EINVAL.into()),
    };
    assert_eq!(some, Err(expected));
    let outside = altp2m::set_suppress_ve_multi(&xen, me, 5, range(13, 19), true);
    assert!(matches!(outside, Err(Error::Nonsense { .. })));
}

#[test]
fn accesses_are_set_one_by_one_before_there_were_lists() {
    let xen = Fake::new(Release::new(4, 10, 0), Guest::Hvm, |_, [_, address, ..]| {
        let asked: xen_hvm_altp2m_op = argument(address);
        // SAFETY: all bytes of the union are there.
        let access = unsafe { asked.u.mem_access };
        assert_eq!((asked.cmd, access.view), (7, 2));
        if { access.gfn } == 9 { -14 } else { 0 }
    })
    .xen();
    let set = |pages: &[u64], allowed: &[u8]| {
        altp2m::set_mem_access_multi(&xen, DomId::SELF, 2, pages, allowed)
    };
    assert_eq!(set(&[7, 8], &[1, 2]), Ok(()));
    let expected = Error::PartialBatch {
        call: "HVMOP_altp2m_set_mem_access_multi",
        done: 1,
        total: 3,
        cause: Some(Errno::EFAULT.into()),
    };
    assert_eq!(set(&[8, 9, 10], &[1, 2, 3]), Err(expected));
    assert!(matches!(set(&[8], &[]), Err(Error::Argument { .. })));
    unsupported(altp2m::get_p2m_idx(&xen, DomId::SELF, VcpuId::new(0)));
}
