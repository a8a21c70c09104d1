use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use xen_public::errno::Errno;
use xen_public::layout::{Tables, Value};
use xen_public::toolstack::{v4_14 as h14, v4_17 as h17, v4_20 as h20};
use xen_public::xen::{DomId, VcpuId};

use super::*;
use crate::hypercall::fake::{Fake, read, write};
use crate::hypercall::native::FrameWord;
use crate::hypercall::toolstack::{V4_14, V4_17, V4_20};
use crate::hypercall::{Error, Xen, sysctl};
use crate::version::toolstack::Vendored;
use crate::version::{Guest, Release};

cfg_if::cfg_if! {
    if #[cfg(target_arch = "x86_64")] {
        use h17::x86_64 as native;
    } else if #[cfg(target_arch = "x86")] {
        use h17::x86_32 as native;
    } else if #[cfg(target_arch = "aarch64")] {
        use h17::arm64 as native;
    } else {
        use h17::arm32 as native;
    }
}
use native::{domctl as d, sysctl as s};

fn v4_17_token() -> V4_17 {
    // SAFETY: the fakes of these tests read the structures of 4.17.
    unsafe { V4_17::assume(Vendored::V4_17.interfaces()) }
}

fn fake<'a>(answer: impl Fn(u32, [usize; 5]) -> isize + 'a) -> Xen<Fake<'a>> {
    Fake::new(Release::new(4, 17, 2), Guest::Pv, answer).xen()
}

/// The commands of a header: the constants of this prefix that go on with a small letter, apart from
/// those that name a value of a command's field.
fn commands(tables: &'static Tables, prefix: &str) -> BTreeMap<&'static str, i64> {
    let values = |rest: &str| match rest {
        "vmtrace_op" => false,
        _ => ["vmtrace_", "cpu_featureset_", "cpu_policy_", "pm_op_"]
            .iter()
            .any(|field| rest.starts_with(field)),
    };
    let all = tables.constants.iter().filter_map(|constant| {
        let rest = constant.name.strip_prefix(prefix)?;
        let command = rest.starts_with(|first: char| first.is_ascii_lowercase()) && !values(rest);
        command.then(|| match constant.value {
            Value::I32(number) => (constant.name, i64::from(number)),
            other => panic!("{}: {other:?}", constant.name),
        })
    });
    all.collect()
}

/// Every command of each release's headers has a function, or a reason why not, and no other has.
#[test]
fn no_command_of_the_headers_is_left_out() {
    let check = |tables, prefix, ours: [&[(&'static str, i32)]; 2]| {
        let mut wanted = commands(tables, prefix);
        if prefix == "XEN_DOMCTL_" {
            for (name, why) in LEFT_OUT {
                assert!(!why.is_empty() && wanted.remove(name).is_some(), "{name}");
            }
        }
        let ours = ours.into_iter().flatten();
        let ours: BTreeMap<_, _> = ours
            .map(|&(name, number)| (name, i64::from(number)))
            .collect();
        assert_eq!(ours, wanted, "{}", tables.release);
        ours.len()
    };
    macro_rules! count {
        ($($header:ident $ours:ident)*) => {
            [$((
                check(&$header::x86_64::layout::TABLES, "XEN_DOMCTL_", [$ours::COMMANDS, $ours::WRITTEN]),
                check(&$header::x86_64::layout::TABLES, "XEN_SYSCTL_", [sysctl::$ours::COMMANDS, &[]]),
            )),*]
        };
    }
    let counts = count!(h14 v4_14 h17 v4_17 h20 v4_20);
    assert_eq!(counts, [(70, 26), (72, 26), (75, 27)]);
}

#[test]
fn a_command_carries_version_domain_and_payload() {
    let xen = fake(|number, [address, ..]| {
        assert_eq!(number, 36);
        // SAFETY: the call's argument, which is alive.
        let mut argument = unsafe { read::<d::xen_domctl>(address) };
        assert_eq!(argument.cmd, 5);
        assert_eq!(argument.interface_version, 0x15);
        assert_eq!(argument.domain, 7);
        // SAFETY: all bytes of a union are there.
        assert_eq!(unsafe { argument.u._bytes }, [0; 128]);
        argument.u.getdomaininfo.tot_pages = 1234;
        argument.u.getdomaininfo.domain = 7;
        // SAFETY: the same argument.
        unsafe { write(address, argument) };
        0
    });
    let info = v4_17::getdomaininfo(&xen, v4_17_token(), DomId::new(7)).unwrap();
    assert_eq!((info.domain, info.tot_pages), (7, 1234));
    assert_eq!(xen.conduit().calls().len(), 1);

    let xen = fake(|_, [address, ..]| {
        // SAFETY: the call's argument, which is alive.
        let argument = unsafe { read::<d::xen_domctl>(address) };
        // SAFETY: what the call put there.
        let memory = unsafe { argument.u.max_mem };
        assert_eq!((argument.cmd, memory.max_memkb), (11, 4096));
        -1
    });
    let mut memory = d::xen_domctl_max_mem { max_memkb: 4096 };
    let refused = v4_17::max_mem(&xen, v4_17_token(), DomId::new(7), &mut memory);
    let call = "XEN_DOMCTL_max_mem";
    let errno = Errno::EPERM;
    assert_eq!(refused, Err(Error::Refused { call, errno }));
    assert_eq!(xen.conduit().calls().len(), 1);

    let xen = fake(|_, _| 3);
    let call = "XEN_DOMCTL_pausedomain";
    let paused = v4_17::pausedomain(&xen, v4_17_token(), DomId::new(7));
    assert_eq!(paused, Err(Error::Nonsense { call, answer: 3 }));
}

#[test]
fn each_release_says_its_own_version() {
    let version = |release: Vendored| {
        let xen = Fake::new(release.release(), Guest::Pv, |_, [address, ..]| {
            // SAFETY: both interfaces' arguments begin with two words.
            let [_, version] = unsafe { read::<[u32; 2]>(address) };
            -(version as isize) - 1000
        })
        .xen();
        let interfaces = release.interfaces();
        let domain = DomId::new(1);
        let answers = match release {
            Vendored::V4_14 => {
                // SAFETY: the fake reads two words and writes nothing.
                let abi = unsafe { V4_14::assume(interfaces) };
                let physinfo = sysctl::v4_14::physinfo(&xen, abi).map(drop);
                [v4_14::pausedomain(&xen, abi, domain), physinfo]
            }
            Vendored::V4_17 => {
                let abi = v4_17_token();
                let physinfo = sysctl::v4_17::physinfo(&xen, abi).map(drop);
                [v4_17::pausedomain(&xen, abi, domain), physinfo]
            }
            Vendored::V4_20 => {
                // SAFETY: as above.
                let abi = unsafe { V4_20::assume(interfaces) };
                let physinfo = sysctl::v4_20::physinfo(&xen, abi).map(drop);
                [v4_20::pausedomain(&xen, abi, domain), physinfo]
            }
        };
        answers.map(|answer| match answer {
            Err(Error::Refused { errno, .. }) => errno.get() - 1000,
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(version(Vendored::V4_14), [0x12, 0x13]);
    assert_eq!(version(Vendored::V4_17), [0x15, 0x15]);
    assert_eq!(version(Vendored::V4_20), [0x17, 0x15]);
}

#[test]
fn a_new_domain_has_the_number_that_xen_gave_it() {
    let made = |number: u16| {
        let xen = fake(move |_, [address, ..]| {
            // SAFETY: the call's argument, which is alive.
            let mut argument = unsafe { read::<d::xen_domctl>(address) };
            argument.domain = number;
            // SAFETY: the same argument.
            unsafe { write(address, argument) };
            0
        });
        let domain = d::xen_domctl_createdomain::ZERO;
        v4_17::createdomain(&xen, v4_17_token(), DomId::new(0), &domain)
    };
    assert_eq!(made(9), Ok(DomId::new(9)));
    let call = "XEN_DOMCTL_createdomain";
    let answer = 0x7ff0;
    assert_eq!(made(0x7ff0), Err(Error::Nonsense { call, answer }));
}

/// Answers `XEN_DOMCTL_getpageframeinfo3` by turning each frame into its double, up to so many calls.
fn doubling<'a>(calls: usize) -> Xen<Fake<'a>> {
    let left = core::cell::Cell::new(calls);
    fake(move |_, [address, ..]| {
        if left.get() == 0 {
            return -14;
        }
        left.set(left.get() - 1);
        // SAFETY: the call's argument, which is alive.
        let argument = unsafe { read::<d::xen_domctl>(address) };
        // SAFETY: what the call put there.
        let frames = unsafe { argument.u.getpageframeinfo3 };
        assert!(frames.num <= 1024);
        for index in 0..frames.num as usize {
            let at = frames.array.raw() as usize + index * size_of::<FrameWord>();
            // SAFETY: the slice has this frame.
            let frame = unsafe { read::<FrameWord>(at) };
            // SAFETY: as above.
            unsafe { write(at, 2 * frame) };
        }
        0
    })
}

#[test]
fn long_batches_go_in_parts_and_say_how_far_they_came() {
    let mut frames: Vec<_> = (0..2500).collect();
    let xen = doubling(3);
    let domain = DomId::new(1);
    assert_eq!(
        v4_17::page_types(&xen, v4_17_token(), domain, &mut frames),
        Ok(())
    );
    assert_eq!(xen.conduit().calls().len(), 3);
    assert!(
        frames
            .iter()
            .enumerate()
            .all(|(index, &frame)| frame as usize == 2 * index)
    );
    let partial = v4_17::page_types(&doubling(2), v4_17_token(), domain, &mut frames);
    let call = "XEN_DOMCTL_getpageframeinfo3";
    let cause = Some(Errno::EFAULT.into());
    let (done, total) = (2048, 2500);
    assert_eq!(
        partial,
        Err(Error::PartialBatch {
            call,
            done,
            total,
            cause
        })
    );
    let errno = Errno::EFAULT;
    let refused = v4_17::page_types(&doubling(0), v4_17_token(), domain, &mut frames);
    assert_eq!(refused, Err(Error::Refused { call, errno }));
    assert_eq!(
        v4_17::page_types(&doubling(0), v4_17_token(), domain, &mut []),
        Ok(())
    );
}

#[test]
fn what_xen_leaves_of_a_mapping_is_asked_for_again() {
    // Answers for one call after the other, and what was asked.
    let run = |answers: &[isize], frames: u64| {
        let asked = core::cell::RefCell::new(Vec::new());
        let xen = fake(|_, [address, ..]| {
            // SAFETY: the call's argument, which is alive.
            let argument = unsafe { read::<d::xen_domctl>(address) };
            // SAFETY: what the call put there.
            let mapping = unsafe { argument.u.memory_mapping };
            let mut asked = asked.borrow_mut();
            asked.push((mapping.first_gfn, mapping.first_mfn, mapping.nr_mfns));
            answers[asked.len() - 1]
        });
        // SAFETY: the fake maps nothing.
        let answer = unsafe {
            v4_17::memory_mapping(
                &xen,
                v4_17_token(),
                DomId::new(1),
                0x100,
                0x900,
                frames,
                true,
            )
        };
        drop(xen);
        (answer, asked.into_inner())
    };
    let (answer, asked) = run(&[0, 0, 0], 130);
    assert_eq!(answer, Ok(()));
    assert_eq!(
        asked,
        [(0x100, 0x900, 64), (0x140, 0x940, 64), (0x180, 0x980, 2)]
    );
    let (answer, asked) = run(&[10, 0, 0], 80);
    assert_eq!(answer, Ok(()));
    assert_eq!(
        asked,
        [(0x100, 0x900, 64), (0x10a, 0x90a, 64), (0x14a, 0x94a, 6)]
    );
    let call = "XEN_DOMCTL_memory_mapping";
    let (done, total, cause) = (64, 130, Some(Errno::EPERM.into()));
    let partial = Error::PartialBatch {
        call,
        done,
        total,
        cause,
    };
    assert_eq!(run(&[0, -1], 130).0, Err(partial));
    assert_eq!(run(&[64], 130).0, Err(Error::Nonsense { call, answer: 64 }));
    let errno = Errno::EPERM;
    assert_eq!(run(&[-1], 130).0, Err(Error::Refused { call, errno }));
}

#[test]
fn counts_that_xen_leaves_are_checked() {
    let context = |size: u32| {
        fake(move |_, [address, ..]| {
            // SAFETY: the call's argument, which is alive.
            let mut argument = unsafe { read::<d::xen_domctl>(address) };
            argument.u.hvmcontext.size = size;
            // SAFETY: the same argument.
            unsafe { write(address, argument) };
            0
        })
    };
    let domain = DomId::new(1);
    let mut buffer = [0; 100];
    assert_eq!(
        v4_17::hvm_context(&context(5000), v4_17_token(), domain, None),
        Ok(5000)
    );
    let saved = v4_17::hvm_context(&context(100), v4_17_token(), domain, Some(&mut buffer));
    assert_eq!(saved, Ok(100));
    let saved = v4_17::hvm_context(&context(101), v4_17_token(), domain, Some(&mut buffer));
    let call = "XEN_DOMCTL_gethvmcontext";
    assert_eq!(saved, Err(Error::Nonsense { call, answer: 101 }));
}

#[test]
fn bitmaps_are_passed_with_their_bits() {
    let xen = fake(|_, [address, ..]| {
        // SAFETY: the call's argument, which is alive.
        let argument = unsafe { read::<d::xen_domctl>(address) };
        // SAFETY: what the call put there.
        let affinity = unsafe { argument.u.vcpuaffinity };
        assert_eq!((argument.cmd, affinity.vcpu, affinity.flags), (25, 3, 3));
        assert_eq!(
            (affinity.cpumap_hard.nr_bits, affinity.cpumap_soft.nr_bits),
            (16, 8)
        );
        // SAFETY: the first byte of the slice.
        unsafe { write(affinity.cpumap_hard.bitmap.raw() as usize, 0x5a_u8) };
        0
    });
    let (mut hard, mut soft) = ([0; 2], [0; 1]);
    let token = v4_17_token();
    let vcpu = VcpuId::new(3);
    v4_17::vcpu_affinity(&xen, token, DomId::new(1), vcpu, &mut hard, &mut soft).unwrap();
    assert_eq!((hard, soft), ([0x5a, 0], [0]));

    let xen = fake(|_, [address, ..]| {
        // SAFETY: the call's argument, which is alive.
        let argument = unsafe { read::<d::xen_domctl>(address) };
        // SAFETY: what the call put there.
        let affinity = unsafe { argument.u.vcpuaffinity };
        assert_eq!(
            (argument.cmd, affinity.flags),
            (9, d::XEN_VCPUAFFINITY_SOFT)
        );
        assert!(affinity.cpumap_hard.bitmap.is_null());
        0
    });
    let set = v4_17::set_vcpu_affinity(&xen, token, DomId::new(1), vcpu, None, Some(&mut soft));
    assert_eq!(set, Ok(()));
}

#[test]
fn devices_are_asked_for_until_all_are_done() {
    let devices = [native::physdev::physdev_pci_device::ZERO; 10];
    let run = |parts: &[isize]| {
        let calls = core::cell::Cell::new(0);
        let xen = fake(|number, [address, ..]| {
            assert_eq!(number, 35);
            // SAFETY: the call's argument, which is alive.
            let mut argument = unsafe { read::<s::xen_sysctl>(address) };
            assert_eq!((argument.cmd, argument.interface_version), (22, 0x15));
            let part = parts[calls.get()];
            calls.set(calls.get() + 1);
            if part < 0 {
                return part;
            }
            // SAFETY: what the call put there.
            let nodes = unsafe { argument.u.pcitopoinfo.nodes };
            for index in 0..part as usize {
                // SAFETY: the slice has that many nodes.
                unsafe { write(nodes.raw() as usize + 4 * index, 5_u32) };
            }
            argument.u.pcitopoinfo.num_devs = part as u32;
            // SAFETY: the same argument.
            unsafe { write(address, argument) };
            0
        });
        let mut nodes = [0; 10];
        let answer = sysctl::v4_17::pci_topology(&xen, v4_17_token(), &devices, &mut nodes);
        (answer, nodes.iter().filter(|&&node| node == 5).count())
    };
    let call = "XEN_SYSCTL_pcitopoinfo";
    let total = 10;
    assert_eq!(run(&[4, 6]), (Ok(()), 10));
    let stuck = Error::PartialBatch {
        call,
        done: 4,
        total,
        cause: None,
    };
    assert_eq!(run(&[4, 0]), (Err(stuck), 4));
    let cause = Some(Errno::EFAULT.into());
    let refused = Error::PartialBatch {
        call,
        done: 4,
        total,
        cause,
    };
    assert_eq!(run(&[4, -14]), (Err(refused), 4));
    let short = sysctl::v4_17::pci_topology(&fake(|_, _| 0), v4_17_token(), &devices, &mut [0]);
    let (argument, value) = ("nodes", 1);
    assert_eq!(
        short,
        Err(Error::Argument {
            call,
            argument,
            value
        })
    );
}

#[test]
fn lists_are_as_long_as_xen_says_and_no_longer() {
    let listing = |domains: u32| {
        fake(move |_, [address, ..]| {
            // SAFETY: the call's argument, which is alive.
            let mut argument = unsafe { read::<s::xen_sysctl>(address) };
            // SAFETY: what the call put there.
            let list = unsafe { argument.u.getdomaininfolist };
            assert_eq!((list.first_domain, list.max_domains), (1, 2));
            argument.u.getdomaininfolist.num_domains = domains;
            // SAFETY: the same argument.
            unsafe { write(address, argument) };
            0
        })
    };
    let mut list = [d::xen_domctl_getdomaininfo::ZERO; 2];
    let mut domains =
        |count| sysctl::v4_17::domains(&listing(count), v4_17_token(), DomId::new(1), &mut list);
    assert_eq!(domains(0), Ok(0));
    assert_eq!(domains(2), Ok(2));
    let call = "XEN_SYSCTL_getdomaininfolist";
    assert_eq!(domains(3), Err(Error::Nonsense { call, answer: 3 }));

    let xen = fake(|_, [address, ..]| {
        // SAFETY: the call's argument, which is alive.
        let mut argument = unsafe { read::<s::xen_sysctl>(address) };
        // SAFETY: what the call put there.
        let console = unsafe { argument.u.readconsole };
        assert_eq!(
            (
                console.clear,
                console.incremental,
                console.index,
                console.count
            ),
            (0, 1, 77, 8)
        );
        // SAFETY: the slice has eight bytes.
        unsafe { write(console.buffer.raw() as usize, *b"(XEN)") };
        argument.u.readconsole.count = 5;
        argument.u.readconsole.index = 82;
        // SAFETY: the same argument.
        unsafe { write(address, argument) };
        0
    });
    let mut text = [0; 8];
    let read = sysctl::v4_17::console(&xen, v4_17_token(), Some(77), &mut text);
    assert_eq!((read, &text[..5]), (Ok((5, 82)), &b"(XEN)"[..]));

    let memory = &mut [s::xen_sysctl_meminfo::ZERO; 2];
    let short = sysctl::v4_17::numa(&fake(|_, _| 0), v4_17_token(), memory, &mut [0; 3]);
    let (call, argument, value) = ("XEN_SYSCTL_numainfo", "distance", 3);
    assert_eq!(
        short,
        Err(Error::Argument {
            call,
            argument,
            value
        })
    );
}
