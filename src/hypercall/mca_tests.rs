//! Records and made errors against a conduit that knows the structures.
#![allow(unsafe_code)]

use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;

use xen_public::native::arch_x86::xen_mca::{mc_info, mcinfo_logical_cpu, mcinfo_msr};

use super::*;
use crate::hypercall::fake::{Fake, read, write};
use crate::version::Guest;

/// Makes a call on a fake, or reads and writes what one was handed.
macro_rules! made {
    ($call:expr) => {
        // SAFETY: the conduit is a fake that changes nothing and keeps no address. What is read and
        // written are the structures that the call hands over, which live until it returns.
        unsafe { $call }
    };
}

const NEW: Release = Release::new(4, 17, 5);

/// A domain 0's Xen that lets a closure read and change the argument.
fn mca<'a>(running: Release, answer: impl Fn(&mut xen_mc) -> isize + 'a) -> Xen<Fake<'a>> {
    Fake::new(running, Guest::Pv, move |number, [address, rest @ ..]| {
        assert_eq!((number, rest), (48, [0; 4]));
        let mut argument: xen_mc = made!(read(address));
        assert_eq!(argument.interface_version, 0x01ec_c003);
        let result = answer(&mut argument);
        made!(write(address, argument));
        result
    })
    .xen()
}

#[test]
fn records_are_fetched_and_acknowledged() {
    let run = |flags: u32, urgency| {
        let xen = mca(NEW, move |argument| {
            let mut fetch = made!(argument.u.mc_fetch);
            assert_eq!((argument.cmd, fetch.flags & 4), (1, 0));
            if flags == 0 {
                let mut info = mc_info::ZERO;
                info.mi_nentries = fetch.flags;
                made!(write(fetch.data.raw() as usize, info));
                fetch.fetch_id = 0x1_0000_0007;
            }
            fetch.flags = flags;
            argument.u.mc_fetch = fetch;
            0
        });
        let mut info = mc_info::ZERO;
        let result = fetch(&xen, urgency, &mut info);
        (result.map(|id| id.map(FetchId::get)), info.mi_nentries)
    };
    let id = Ok(Some(0x1_0000_0007));
    assert_eq!(run(0, Urgency::NonUrgent), (id, 1));
    assert_eq!(run(0, Urgency::Urgent), (id, 2));
    assert_eq!(run(2, Urgency::Urgent), (Ok(None), 0));
    for flags in [1, 3, 4, 0x10] {
        let nonsense = Error::Nonsense {
            call: "XEN_MC_fetch",
            answer: flags as isize,
        };
        assert_eq!(run(flags, Urgency::Urgent).0, Err(nonsense));
    }
    let xen = mca(NEW, |argument| {
        let fetch = made!(argument.u.mc_fetch);
        assert_eq!((argument.cmd, fetch.flags, fetch.fetch_id), (1, 6, 9));
        0
    });
    assert_eq!(ack(&xen, Urgency::Urgent, FetchId(9)), Ok(()));
}

#[test]
fn processors_are_counted_and_told() {
    let xen = mca(NEW, |argument| {
        let mut ask = made!(argument.u.mc_physcpuinfo);
        assert_eq!(argument.cmd, 3);
        let places = ask.info.raw() as usize;
        let count = if places == 0 { 6 } else { ask.ncpus.min(6) };
        for at in 0..if places == 0 { 0 } else { count } {
            let mut processor = mcinfo_logical_cpu::ZERO;
            processor.mc_cpunr = at + 1;
            let size = size_of::<mcinfo_logical_cpu>();
            made!(write(places + at as usize * size, processor));
        }
        ask.ncpus = count;
        argument.u.mc_physcpuinfo = ask;
        0
    });
    assert_eq!(physcpus(&xen), Ok(6));
    let mut places = [mcinfo_logical_cpu::ZERO; 8];
    assert_eq!(physcpuinfo(&xen, &mut places[..4]), Ok(4));
    assert_eq!(places.map(|place| place.mc_cpunr), [1, 2, 3, 4, 0, 0, 0, 0]);
    assert_eq!(physcpuinfo(&xen, &mut places), Ok(6));
    let none = physcpuinfo(&xen, &mut []);
    assert!(
        matches!(
            none,
            Err(Error::Argument {
                argument: "ncpus",
                ..
            })
        ),
        "{none:?}"
    );
    let xen = mca(NEW, |argument| {
        argument.u.mc_physcpuinfo.ncpus = 9;
        0
    });
    let more = physcpuinfo(&xen, &mut places);
    assert!(
        matches!(more, Err(Error::Nonsense { answer: 9, .. })),
        "{more:?}"
    );
}

#[test]
fn errors_are_made_as_told() {
    let got = RefCell::new(String::new());
    let xen = mca(NEW, |argument| {
        *got.borrow_mut() = match argument.cmd {
            2 => {
                let notify = made!(argument.u.mc_notifydomain);
                argument.u.mc_notifydomain.flags = 8;
                alloc::format!("{} {} {}", notify.mc_domid, notify.mc_vcpuid, notify.flags)
            }
            4 => {
                let inject = made!(argument.u.mc_msrinject);
                let [first, second, ..] = inject.mcinj_msr;
                let registers = [first.reg, first.value, second.reg, second.value];
                let (flags, count) = (inject.mcinj_flags, inject.mcinj_count);
                let (processor, domain) = (inject.mcinj_cpunr, inject.mcinj_domid);
                alloc::format!("{processor} {flags} {count} {domain} {registers:?}")
            }
            5 => alloc::format!("{}", made!(argument.u.mc_mceinject).mceinj_cpunr),
            other => panic!("{other}"),
        };
        0
    });
    assert_eq!(notifydomain(&xen, DomId::new(3), 2, 1), Ok(8));
    assert_eq!(got.take(), "3 2 1");
    let mut registers = [mcinfo_msr::ZERO; 9];
    registers[0] = mcinfo_msr {
        reg: 0x401,
        value: 7,
    };
    made!(msrinject(&xen, 5, true, None, &registers[..1])).unwrap();
    assert_eq!(got.take(), "5 1 1 0 [1025, 7, 0, 0]");
    made!(msrinject(
        &xen,
        5,
        false,
        Some(DomId::new(4)),
        &registers[..8]
    ))
    .unwrap();
    assert_eq!(got.take(), "5 2 8 4 [1025, 7, 0, 0]");
    let long = made!(msrinject(&xen, 5, false, None, &registers));
    assert!(
        matches!(long, Err(Error::TooLong { limit: 8, .. })),
        "{long:?}"
    );
    made!(mceinject(&xen, 6)).unwrap();
    assert_eq!(got.take(), "6");
}

#[test]
fn a_set_of_processors_is_interrupted_at_once() {
    use xen_public::toolstack::v4_20::x86_64::arch_x86::xen_mca as headers;
    assert_eq!(
        size_of::<InjectV2>(),
        size_of::<headers::xen_mc_inject_v2>()
    );
    assert_eq!(BROADCAST, headers::XEN_MC_INJECT_CPU_BROADCAST as u32);
    let kinds = [Injection::Mce, Injection::Cmci, Injection::Lmce];
    let numbers = [
        headers::XEN_MC_INJECT_TYPE_MCE,
        headers::XEN_MC_INJECT_TYPE_CMCI,
        headers::XEN_MC_INJECT_TYPE_LMCE,
    ];
    assert_eq!(kinds.map(|kind| kind as i32), numbers);

    let map = [0b101, 1];
    let got = RefCell::new(Vec::new());
    let xen = mca(NEW, |argument| {
        assert_eq!(argument.cmd, headers::XEN_MC_inject_v2 as u32);
        let at = (&raw const argument.u).expose_provenance();
        let words: [u32; 6] = made!(read(at));
        let inject: headers::xen_mc_inject_v2 = made!(
            core::ptr::from_ref(&words)
                .cast::<headers::xen_mc_inject_v2>()
                .read_unaligned()
        );
        let bitmap = inject.cpumap.bitmap.raw() as usize;
        got.borrow_mut()
            .push((inject.flags, bitmap, inject.cpumap.nr_bits));
        0
    });
    made!(inject_v2(&xen, Injection::Cmci, Target::These(&map))).unwrap();
    assert_eq!(got.take(), [(1, map.as_ptr() as usize, 16)]);
    made!(inject_v2(&xen, Injection::Mce, Target::All)).unwrap();
    let (flags, _, bits) = got.take()[0];
    assert_eq!((flags, bits), (8, 0));
}

#[test]
fn an_older_xen_interrupts_one_after_the_other() {
    let map = [0b101, 1];
    let run = |running, stop, injection, target| {
        let got = RefCell::new(Vec::new());
        let xen = mca(running, |argument| {
            assert_eq!(argument.cmd, 5);
            got.borrow_mut()
                .push(made!(argument.u.mc_mceinject).mceinj_cpunr);
            if got.borrow().len() > stop { -22 } else { 0 }
        });
        let result = made!(inject_v2(&xen, injection, target));
        drop(xen);
        (result, got.into_inner())
    };
    let old = Release::new(4, 0, 4);
    let these = Target::These(&map);
    let call = "XEN_MC_mceinject";
    let errno = Errno::EINVAL;
    assert_eq!(
        run(old, 9, Injection::Mce, these),
        (Ok(()), [0, 2, 8].to_vec())
    );
    let (result, got) = run(old, 0, Injection::Mce, these);
    assert_eq!(
        (result, got.len()),
        (Err(Error::Refused { call, errno }), 1)
    );
    let partial = Error::PartialBatch {
        call,
        done: 2,
        total: 3,
        cause: Some(errno.into()),
    };
    assert_eq!(run(old, 2, Injection::Mce, these).0, Err(partial));
    for (running, injection, target) in [
        (old, Injection::Mce, Target::All),
        (old, Injection::Cmci, these),
        (Release::new(3, 3, 0), Injection::Mce, these),
    ] {
        let (result, got) = run(running, 9, injection, target);
        let Err(Error::Unsupported(unsupported)) = result else {
            panic!("{result:?}");
        };
        assert_eq!(unsupported.operation, Operation::XEN_MC_inject_v2);
        assert_eq!(got, []);
    }
}

#[test]
fn another_version_is_told_from_a_policy() {
    for (running, mismatch) in [
        (Release::new(3, 3, 1), true),
        (Release::new(3, 4, 0), false),
        (NEW, false),
        (Release::new(4, 22, 9), false),
        (Release::new(4, 23, 0), true),
    ] {
        let xen = mca(running, |_| -13);
        let result = fetch(&xen, Urgency::Urgent, &mut mc_info::default());
        let call = "XEN_MC_fetch";
        let spoken = 0x01ec_c003;
        let errno = Errno::EACCES;
        let expected = if mismatch {
            Error::VersionMismatch { call, spoken }
        } else {
            Error::Refused { call, errno }
        };
        assert_eq!(result, Err(expected), "{running}");
    }
    for (running, guest) in [(NEW, Guest::Hvm), (Release::new(3, 2, 0), Guest::Pv)] {
        let xen = Fake::new(running, guest, |_, _| panic!("no call is made")).xen();
        let result = fetch(&xen, Urgency::Urgent, &mut mc_info::default());
        assert!(matches!(result, Err(Error::Unsupported(_))), "{result:?}");
    }
    // 3.3 answers 0 to what it does not know.
    let xen = mca(Release::new(3, 3, 1), |_| panic!("no call is made"));
    assert!(matches!(physcpus(&xen), Err(Error::Unsupported(_))));
}
