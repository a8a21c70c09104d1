//! Each sub-op's structure, and each older way, against a conduit that knows what a release knows.
#![allow(unsafe_code)]

use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;

use xen_public::features::Features;
use xen_public::native::physdev::*;
use xen_public::xen::{DomId, Gfn};

use super::*;
use crate::hypercall::fake::{Fake, read, write};
use crate::version::{Guest, Release};

/// Makes a call on a fake, or reads and writes what one was handed.
macro_rules! made {
    ($call:expr) => {
        // SAFETY: the conduit is a fake that gives no access to ports and keeps no address. What is
        // read and written are the structures that the call hands over, which live until it returns.
        unsafe { $call }
    };
}

mod line;
mod pci;

const fn release(major: u8, minor: u8, point: u8) -> Release {
    Release::new(major, minor, point)
}

const NEW: Release = release(4, 20, 3);
const ENOSYS: isize = -38;
const EINVAL: isize = -22;

/// A PV guest's Xen that has the answer of a closure, by sub-op and argument's address.
fn pv<'a>(running: Release, answer: impl Fn(usize, usize) -> isize + 'a) -> Xen<Fake<'a>> {
    on(running, Guest::Pv, answer)
}

fn on<'a>(
    running: Release,
    guest: Guest,
    answer: impl Fn(usize, usize) -> isize + 'a,
) -> Xen<Fake<'a>> {
    Fake::new(
        running,
        guest,
        move |number, [sub_op, address, rest @ ..]| {
            assert_eq!((number, rest), (33, [0; 3]));
            answer(sub_op, address)
        },
    )
    .xen()
}

/// One that answers through the older hypercall: by sub-op and the address of its argument.
fn old<'a>(running: Release, answer: impl Fn(usize, usize) -> isize + 'a) -> Xen<Fake<'a>> {
    Fake::new(running, Guest::Pv, move |number, [address, rest @ ..]| {
        assert_eq!((number, rest), (19, [0; 4]));
        let call: physdev_op = made!(read(address));
        answer(
            call.cmd as usize,
            address + core::mem::offset_of!(physdev_op, u),
        )
    })
    .xen()
}

fn unsupported<T: core::fmt::Debug>(result: Result<T>) -> Operation {
    match result {
        Err(Error::Unsupported(unsupported)) => unsupported.operation,
        other => panic!("{other:?}"),
    }
}

fn refused<T>(call: &'static str, errno: Errno) -> Result<T> {
    Err(Error::Refused { call, errno })
}

#[test]
fn an_end_of_interrupt_is_told_by_three_ways() {
    let xen = pv(NEW, |_, address| made!(read::<u32>(address)) as isize - 77);
    assert_eq!(eoi(&xen, Pirq::new(77)), Ok(()));
    assert_eq!(
        eoi(&xen, Pirq::new(55)),
        refused("PHYSDEVOP_eoi", Errno::EINVAL)
    );
    assert_eq!(xen.conduit().numbers(), ["33.12", "33.12"]);

    // The sub-op is there, but told not to be.
    let xen = pv(NEW, |_, _| 0);
    xen.withhold(Operation::PHYSDEVOP_eoi);
    assert_eq!(eoi(&xen, Pirq::new(77)), Ok(()));
    assert_eq!(xen.conduit().calls(), [(33, [4, 0, 0, 0, 0])]);

    // No such sub-op in this build, nor the other.
    let xen = pv(NEW, |_, _| ENOSYS);
    xen.withhold(Operation::__HYPERVISOR_physdev_op_compat);
    for _ in 0..2 {
        assert_eq!(
            unsupported(eoi(&xen, Pirq::new(77))),
            Operation::PHYSDEVOP_eoi
        );
    }
    assert_eq!(
        xen.conduit().numbers(),
        ["33.12", "33.4"],
        "learned by the first"
    );

    for running in [release(3, 0, 0), release(3, 0, 2)] {
        let xen = old(running, |sub_op, _| sub_op as isize - 4);
        assert_eq!(eoi(&xen, Pirq::new(77)), Ok(()));
        assert_eq!(
            xen.conduit().calls().len(),
            1,
            "{running}: 33 is another hypercall"
        );
    }
    for guest in [Guest::Hvm, Guest::Arm] {
        let xen = on(release(4, 0, 0), guest, |_, _| panic!("no call is made"));
        assert_eq!(
            unsupported(eoi(&xen, Pirq::new(77))),
            Operation::PHYSDEVOP_eoi
        );
    }
    // An HVM guest without pirqs: Xen says so by a feature, or by the call.
    let xen = on(NEW, Guest::Hvm, |_, _| panic!("no call is made"));
    assert_eq!(
        unsupported(eoi(&xen, Pirq::new(77))),
        Operation::PHYSDEVOP_eoi
    );
    let xen = Fake::new(NEW, Guest::Hvm, |_, _| ENOSYS)
        .with_features(Features::HVM_PIRQS)
        .xen();
    for _ in 0..2 {
        assert_eq!(
            unsupported(eoi(&xen, Pirq::new(77))),
            Operation::PHYSDEVOP_eoi
        );
    }
    assert_eq!(xen.conduit().numbers(), ["33.12"]);
}

/// What the structures of the first sub-ops held, as text.
fn first_sub_ops(sub_op: usize, address: usize) -> String {
    match sub_op {
        5 => {
            let query: physdev_irq_status_query = made!(read(address));
            let flags = 3;
            made!(write(address, physdev_irq_status_query { flags, ..query }));
            alloc::format!("status {}", query.irq)
        }
        6 => alloc::format!("iopl {}", made!(read::<physdev_set_iopl>(address)).iopl),
        7 => {
            let set: physdev_set_iobitmap = made!(read(address));
            alloc::format!("iobitmap {:#x} {}", set.bitmap.raw(), set.nr_ports)
        }
        8 | 9 => {
            let apic: physdev_apic = made!(read(address));
            let (at, reg, value) = (apic.apic_physbase, apic.reg, apic.value);
            if sub_op == 8 {
                made!(write(
                    address,
                    physdev_apic {
                        value: 0x17_0020,
                        ..apic
                    }
                ));
            }
            alloc::format!("apic {at:#x} {reg} {value}")
        }
        10 => {
            let irq: physdev_irq = made!(read(address));
            made!(write(
                address,
                physdev_irq {
                    vector: 0x31,
                    ..irq
                }
            ));
            alloc::format!("vector {} {}", irq.irq, irq.vector)
        }
        _ => panic!("sub-op {sub_op}"),
    }
}

#[test]
fn the_first_sub_ops_are_the_same_by_both_numbers() {
    let bitmap = [0xff_u8; 3];
    let at = bitmap.as_ptr() as usize;
    let expected = [
        "status 9".into(),
        "iopl 3".into(),
        alloc::format!("iobitmap {at:#x} 16"),
        "apic 0xfec00000 1 0".into(),
        "apic 0xfec00000 16 7".into(),
        "vector 5 0".into(),
    ];
    let withheld = |xen: Xen<Fake<'static>>| {
        for sub_op in [
            Operation::PHYSDEVOP_irq_status_query,
            Operation::PHYSDEVOP_set_iopl,
            Operation::PHYSDEVOP_set_iobitmap,
            Operation::PHYSDEVOP_apic_read,
            Operation::PHYSDEVOP_apic_write,
            Operation::PHYSDEVOP_alloc_irq_vector,
        ] {
            xen.withhold(sub_op);
        }
        xen
    };
    // Handed over so that the conduits can own it.
    let got: &'static RefCell<Vec<String>> = alloc::boxed::Box::leak(Default::default());
    let keep = |sub_op, address| {
        got.borrow_mut().push(first_sub_ops(sub_op, address));
        0
    };
    for xen in [
        pv(NEW, keep),
        pv(release(3, 0, 3), keep),
        old(release(3, 0, 2), keep),
        old(release(3, 0, 0), keep),
        withheld(old(NEW, keep)),
    ] {
        let status = irq_status_query(&xen, Pirq::new(9)).unwrap();
        assert!(status.needs_eoi() && status.shared() && status.bits() == 3);
        made!(set_iopl(&xen, 3)).unwrap();
        made!(set_iobitmap(&xen, bitmap.as_ptr(), 16)).unwrap();
        assert_eq!(apic_read(&xen, 0xfec0_0000, 1), Ok(0x17_0020));
        made!(apic_write(&xen, 0xfec0_0000, 16, 7)).unwrap();
        assert_eq!(alloc_irq_vector(&xen, 5), Ok(0x31));
        assert_eq!(got.take(), expected, "{xen}");
    }
}

#[test]
fn the_older_number_has_errors_of_its_own() {
    let ask = |answer| irq_status_query(&old(release(3, 0, 2), move |_, _| answer), Pirq::new(0));
    assert_eq!(
        ask(EINVAL),
        refused("PHYSDEVOP_irq_status_query", Errno::EINVAL)
    );
    assert!(matches!(ask(1), Err(Error::Nonsense { answer: 1, .. })));
    assert_eq!(
        unsupported(ask(ENOSYS)),
        Operation::PHYSDEVOP_irq_status_query
    );
    for guest in [Guest::Hvm, Guest::Arm] {
        let xen = on(release(4, 20, 0), guest, |_, _| panic!("no call is made"));
        assert_eq!(
            unsupported(made!(set_iopl(&xen, 1))),
            Operation::PHYSDEVOP_set_iopl
        );
    }
}

#[test]
fn what_cannot_be_is_not_sent() {
    let xen = pv(NEW, |_, _| panic!("no call is made"));
    let argument = |result: Result<()>, name| match result {
        Err(Error::Argument { argument, .. }) => assert_eq!(argument, name),
        other => panic!("{other:?}"),
    };
    let (any, own) = (PirqChoice::Any, DomId::SELF);
    let (pirq, device) = (Pirq::new(1 << 31), DEVICE);
    argument(made!(set_iopl(&xen, 4)), "iopl");
    argument(
        made!(set_iobitmap(&xen, &raw const BYTE, 65537)),
        "nr_ports",
    );
    argument(
        map_pirq(&xen, own, Source::Gsi(1 << 31), any).map(drop),
        "index",
    );
    argument(
        map_pirq(&xen, own, Source::Gsi(1), PirqChoice::This(pirq)).map(drop),
        "pirq",
    );
    let table = Source::MsiX {
        device,
        entry: 0,
        table: 0,
    };
    argument(map_pirq(&xen, own, table, any).map(drop), "table_base");
    argument(
        map_multi_msi(&xen, own, device, &mut (1 << 31), any).map(drop),
        "entry_nr",
    );
    argument(unmap_pirq(&xen, own, pirq), "pirq");
    argument(
        setup_gsi(&xen, 1 << 31, Trigger::Edge, Polarity::High).map(drop),
        "gsi",
    );
    #[cfg(target_pointer_width = "32")]
    #[cfg(target_arch = "x86")]
    argument(
        made!(pirq_eoi_gmfn(&xen, Gfn::new(1 << 32))).map(drop),
        "gmfn",
    );
}

static BYTE: u8 = 0xff;

const DEVICE: PciDevice = PciDevice {
    segment: 0,
    bus: 3,
    devfn: 0xe2,
};
const FAR: PciDevice = PciDevice {
    segment: 0x8001,
    ..DEVICE
};

#[test]
fn devices_print_as_elsewhere() {
    assert_eq!(
        alloc::format!("{DEVICE} {FAR}"),
        "0000:03:1c.2 8001:03:1c.2"
    );
}

/// Maps on a release and returns what Xen got: type, index, pirq, bus, devfn, entry, table.
fn mapped(
    running: Release,
    source: Source,
    choice: PirqChoice,
) -> (Result<MappedPirq>, Vec<[i64; 7]>) {
    let got = RefCell::new(Vec::new());
    let xen = pv(running, |sub_op, address| {
        assert_eq!(sub_op, 13);
        let mut map: physdev_map_pirq = made!(read(address));
        assert_eq!(map.domid, 7);
        let words = [
            map.r#type,
            map.index,
            map.pirq,
            map.bus,
            map.devfn,
            map.entry_nr,
        ];
        let [a, b, c, d, e, f] = words.map(i64::from);
        got.borrow_mut()
            .push([a, b, c, d, e, f, map.table_base as i64]);
        map.pirq = if map.pirq < 0 { 40 } else { map.pirq };
        made!(write(address, map));
        0
    });
    let result = map_pirq(&xen, DomId::new(7), source, choice);
    drop(xen);
    (result, got.into_inner())
}

#[test]
fn sources_have_their_types() {
    let any = PirqChoice::Any;
    let this = PirqChoice::This(Pirq::new(20));
    let table = |device| Source::MsiX {
        device,
        entry: 5,
        table: 0x1_f000_0000,
    };
    let pirq = |number| {
        Ok(MappedPirq {
            pirq: Pirq::new(number),
            vector: None,
        })
    };
    let far = 0x8001_0003_u32 as i32;
    for (running, source, choice, number, expected) in [
        (NEW, Source::Gsi(9), any, 40, [1, 9, -1, 0, 0, 0, 0]),
        (NEW, Source::Gsi(9), this, 20, [1, 9, 20, 0, 0, 0, 0]),
        (
            NEW,
            Source::Msi(FAR),
            any,
            40,
            [3, -1, -1, far.into(), 0xe2, 0, 0],
        ),
        (
            NEW,
            table(DEVICE),
            this,
            20,
            [3, -1, 20, 3, 0xe2, 5, 0x1_f000_0000],
        ),
        (
            release(4, 1, 0),
            Source::Msi(DEVICE),
            any,
            40,
            [0, -1, -1, 3, 0xe2, 0, 0],
        ),
        (
            release(3, 3, 0),
            table(DEVICE),
            any,
            40,
            [0, -1, -1, 3, 0xe2, 5, 0x1_f000_0000],
        ),
    ] {
        assert_eq!(
            mapped(running, source, choice),
            (pirq(number), [expected].to_vec())
        );
    }
    // A segment that this Xen has no word for.
    let (result, got) = mapped(release(4, 1, 0), Source::Msi(FAR), any);
    assert_eq!(
        (unsupported(result), got.len()),
        (Operation::MAP_PIRQ_TYPE_MSI_SEG, 0)
    );
    let xen = pv(NEW, |_, _| 0);
    let result = map_pirq(&xen, DomId::SELF, Source::Gsi(1), any);
    assert!(
        matches!(result, Err(Error::Nonsense { answer: -1, .. })),
        "{result:?}"
    );
}

#[test]
fn several_messages_are_counted() {
    let any = PirqChoice::Any;
    // What Xen answers, and the number of messages it leaves.
    let run = |running, asked: u32, answer, left: i32| {
        let xen = pv(running, move |sub_op, address| {
            let mut map: physdev_map_pirq = made!(read(address));
            assert_eq!(
                (sub_op, map.bus, map.devfn),
                (13, 0x8001_0003_u32 as i32, 0xe2)
            );
            assert_eq!((map.r#type, map.entry_nr), (4, asked as i32));
            map.entry_nr = left;
            map.pirq = 48;
            made!(write(address, map));
            answer
        });
        let mut count = asked;
        (
            map_multi_msi(&xen, DomId::SELF, FAR, &mut count, any),
            count,
        )
    };
    assert_eq!(run(NEW, 3, 0, 4), (Ok(Pirq::new(48)), 4));
    let enfile = refused("PHYSDEVOP_map_pirq", Errno::new(23));
    assert_eq!(run(NEW, 8, -23, 2), (enfile, 2));
    let (result, count) = run(NEW, 8, 0, 2);
    assert!(
        matches!(result, Err(Error::Nonsense { answer: 2, .. })),
        "{result:?}"
    );
    assert_eq!(count, 8);

    let xen = pv(release(4, 3, 0), |_, address| {
        let mut map: physdev_map_pirq = made!(read(address));
        map.pirq = 50 + map.r#type;
        made!(write(address, map));
        0
    });
    let one = map_multi_msi(&xen, DomId::SELF, DEVICE, &mut 1, any);
    assert_eq!(one, Ok(Pirq::new(53)), "one message by its own type");
    let two = map_multi_msi(&xen, DomId::SELF, DEVICE, &mut 2, any);
    assert_eq!(unsupported(two), Operation::MAP_PIRQ_TYPE_MULTI_MSI);
}

#[test]
fn pirqs_are_reserved_and_taken_away() {
    let free = |running, answer, number| {
        let xen = pv(running, move |sub_op, address| {
            let mut argument: physdev_get_free_pirq = made!(read(address));
            assert_eq!((sub_op, argument.r#type), (23, 1));
            argument.pirq = number;
            made!(write(address, argument));
            answer
        });
        get_free_pirq(&xen, PirqKind::Gsi)
    };
    assert_eq!(free(NEW, 0, 33), Ok(PirqChoice::This(Pirq::new(33))));
    assert_eq!(
        free(release(4, 0, 1), 0, 33),
        Ok(PirqChoice::Any),
        "the mapping chooses"
    );
    assert_eq!(
        free(release(3, 2, 0), 0, 33),
        Ok(PirqChoice::Any),
        "a line has its own number"
    );
    assert_eq!(
        free(NEW, -28, 33),
        refused("PHYSDEVOP_get_free_pirq", Errno::ENOSPC)
    );
    assert!(matches!(free(NEW, 0, 1 << 31), Err(Error::Nonsense { .. })));

    let xen = pv(NEW, |sub_op, address| {
        let argument: physdev_unmap_pirq = made!(read(address));
        assert_eq!((sub_op, argument.domid, argument.pirq), (14, 5, 33));
        0
    });
    assert_eq!(unmap_pirq(&xen, DomId::new(5), Pirq::new(33)), Ok(()));
}

#[test]
fn a_shared_page_says_what_it_changes() {
    let share = |running, withheld: &[Operation]| {
        let xen = pv(running, |_, address| {
            let argument: physdev_pirq_eoi_gmfn = made!(read(address));
            assert_eq!(argument.gmfn, 0x1234);
            0
        });
        withheld
            .iter()
            .for_each(|&operation| xen.withhold(operation));
        let result = made!(pirq_eoi_gmfn(&xen, Gfn::new(0x1234)));
        (result, xen.conduit().numbers().join(" "))
    };
    let [v1, v2] = [
        Operation::PHYSDEVOP_pirq_eoi_gmfn_v1,
        Operation::PHYSDEVOP_pirq_eoi_gmfn_v2,
    ];
    assert_eq!(share(NEW, &[]), (Ok(EoiMap::Plain), "33.28".into()));
    assert_eq!(
        share(release(4, 1, 3), &[]),
        (Ok(EoiMap::Plain), "33.28".into())
    );
    assert_eq!(
        share(release(4, 1, 2), &[]),
        (Ok(EoiMap::Unmasking), "33.17".into())
    );
    assert_eq!(share(NEW, &[v2]), (Ok(EoiMap::Unmasking), "33.17".into()));
    assert_eq!(unsupported(share(NEW, &[v1, v2]).0), v2);
    assert_eq!(unsupported(share(release(3, 3, 0), &[]).0), v2);
    let xen = pv(NEW, |_, _| -16);
    let busy = refused("PHYSDEVOP_pirq_eoi_gmfn_v2", Errno::EBUSY);
    assert_eq!(made!(pirq_eoi_gmfn(&xen, Gfn::new(1))), busy);
}
