use alloc::string::String;
use alloc::vec::Vec;
use core::cell::Cell;

use xen_public::errno::Errno;
use xen_public::native::memory::xen_add_to_physmap;
use xen_public::native::sched::sched_remote_shutdown;
use xen_public::xen::VcpuId;

use super::*;
use crate::hypercall::fake::{Fake, read, write};
use crate::hypercall::native::wide;
use crate::version::{Guest, Release};

const NEW: Release = Release::new(4, 20, 0);
const GUEST: DomId = DomId::new(5);

fn argument<T: Copy>(address: usize) -> T {
    // SAFETY: the functions under test pass the address of this structure.
    unsafe { read(address) }
}

fn answer<T>(address: usize, value: T) {
    // SAFETY: the functions under test pass the address of this structure, which they lend.
    unsafe { write(address, value) }
}

/// The bytes of an old argument.
fn bytes<const N: usize>(address: usize) -> [u8; N] {
    argument(address)
}

fn first_buffer(arguments: [usize; 5]) -> (usize, xen_dm_op) {
    let [domain, number, buffers, rest @ ..] = arguments;
    assert_eq!((domain, rest), (5, [0, 0]));
    assert!(number == 1 || number == 2);
    let buffer: xen_dm_op_buf = argument(buffers);
    assert_eq!(buffer.size, size_of::<xen_dm_op>() as LongWord);
    let address = usize::try_from(buffer.h.raw()).unwrap();
    (address, argument(address))
}

const EVENT: Event = Event {
    vcpu: VcpuId::new(1),
    vector: 14,
    kind: 3,
    insn_len: 0,
    error_code: None,
    cr2: 0x1234,
};

/// All operations that have an older one of the same name, once each.
fn everything(xen: &Xen<Fake<'_>>) -> Result<()> {
    set_ioreq_server_state(xen, GUEST, 3, true)?;
    destroy_ioreq_server(xen, GUEST, 3)?;
    map_io_range_to_ioreq_server(xen, GUEST, 3, IoRange::Port(1, 2))?;
    unmap_io_range_from_ioreq_server(xen, GUEST, 3, IoRange::Pci(1, 2))?;
    set_isa_irq_level(xen, GUEST, 4, true)?;
    set_pci_link_route(xen, GUEST, 1, 5)?;
    set_pci_intx_level(xen, GUEST, 0, [1, 2, 3], true)?;
    set_mem_type(xen, GUEST, Gfn::new(7), 2, MemType::READONLY)?;
    inject_msi(xen, GUEST, 0xfee0_0000, 0x41)?;
    inject_event(xen, GUEST, EVENT)?;
    track_dirty_vram(xen, GUEST, Gfn::new(7), 9, &mut [0; 2])?;
    let range = xen_dm_op_modified_memory_extent {
        nr: 1,
        pad: 0,
        first_pfn: 7,
    };
    modified_memory(xen, GUEST, &mut [range])
}

#[test]
fn each_operation_has_its_number_and_buffers() {
    let seen = Cell::new(Vec::new());
    let xen = Fake::new(NEW, Guest::Pv, |number, arguments| {
        assert_eq!(number, 41);
        let (_, operation) = first_buffer(arguments);
        let mut all = seen.take();
        all.push((operation.op, arguments[1]));
        seen.set(all);
        0
    })
    .xen();
    everything(&xen).unwrap();
    let numbers = [5, 6, 3, 4, 9, 10, 8, 12, 14, 13, 7, 11];
    let expected: Vec<_> = numbers
        .into_iter()
        .map(|number| (number, 1 + usize::from(matches!(number, 7 | 11))))
        .collect();
    assert_eq!(seen.take(), expected);
}

#[test]
fn each_older_operation_has_its_number_and_form() {
    let xen = Fake::new(
        Release::new(4, 8, 0),
        Guest::Pv,
        |number, [op, address, ..]| {
            assert_eq!(number, 34);
            match op {
                22 => assert_eq!(bytes(address), [5, 0, 3, 0, 1, 0]),
                21 => assert_eq!(bytes(address), [5, 0, 3, 0]),
                19 | 20 => {
                    let range: [u64; 3] = argument(address);
                    assert_eq!(range[1..], [1, 2]);
                    let [.., kind, _, _, _] = range[0].to_le_bytes();
                    assert_eq!(kind, if op == 19 { 0 } else { 2 });
                }
                3 => assert_eq!(bytes(address), [5, 0, 4, 1]),
                4 => assert_eq!(bytes(address), [5, 0, 1, 5]),
                2 => assert_eq!(bytes(address), [5, 0, 0, 1, 2, 3, 1, 0]),
                8 => assert_eq!(argument::<[u64; 2]>(address), [0x2_0001_0005, 7]),
                16 => assert_eq!(argument::<[u64; 2]>(address), [0x41_0000_0005, 0xfee0_0000]),
                14 => {
                    let words: [u32; 8] = argument(address);
                    assert_eq!(words, [5, 1, 14, 3, u32::MAX, 0, 0x1234, 0]);
                }
                6 => {
                    let track: [u64; 3] = argument(address);
                    assert_eq!(track[..2], [0x9_0000_0005, 7]);
                    // Nine pages are two bytes.
                    answer(usize::try_from(track[2]).unwrap(), [0xffu8, 1]);
                }
                7 => assert_eq!(argument::<[u64; 2]>(address), [0x1_0000_0005, 7]),
                op => panic!("{op}"),
            }
            0
        },
    )
    .xen();
    everything(&xen).unwrap();
    let expected = [22, 21, 19, 20, 3, 4, 2, 8, 16, 14, 6, 7].map(|op| alloc::format!("34.{op}"));
    assert_eq!(xen.conduit().numbers(), expected);
}

#[test]
fn numbers_of_pages_were_wide_once() {
    let xen = Fake::new(Release::new(4, 4, 0), Guest::Pv, |_, [op, address, ..]| {
        if op == 7 {
            assert_eq!(argument::<[u64; 3]>(address), [5, 7, 1]);
        } else {
            let track: [u64; 4] = argument(address);
            assert_eq!((op, &track[..3]), (6, &[5, 7, 9][..]));
        }
        0
    })
    .xen();
    let first = Gfn::new(7);
    track_dirty_vram(&xen, GUEST, first, 9, &mut [0; 2]).unwrap();
    let range = |first_pfn| xen_dm_op_modified_memory_extent {
        nr: 1,
        pad: 0,
        first_pfn,
    };
    modified_memory(&xen, GUEST, &mut [range(7), range(7)]).unwrap();
    assert_eq!(xen.conduit().calls().len(), 3);
    let short = track_dirty_vram(&xen, GUEST, first, 9, &mut [0; 1]);
    assert!(matches!(short, Err(Error::Argument { value: 9, .. })));
    // A form that this crate does not speak is not sent.
    let oldest = Fake::new(Release::new(4, 1, 0), Guest::Pv, |_, _| 0).xen();
    let kind = set_mem_type(&oldest, GUEST, first, 1, MemType::RAM);
    assert!(matches!(kind, Err(Error::Unsupported(_))));
    let event = inject_event(&oldest, GUEST, EVENT);
    assert!(matches!(event, Err(Error::Unsupported(_))));
    assert_eq!(oldest.conduit().calls(), []);
}

#[test]
fn a_server_is_created_and_found() {
    let id = Cell::new(4);
    let xen = Fake::new(NEW, Guest::Hvm, |_, arguments| {
        let (address, mut operation) = first_buffer(arguments);
        if operation.op == 1 {
            operation.u.create_ioreq_server.id = id.get();
        } else {
            // SAFETY: all bytes of the union are there.
            let info = unsafe { operation.u.get_ioreq_server_info };
            assert_eq!((info.id, info.flags), (4, 1));
            operation.u.get_ioreq_server_info.bufioreq_port = 9;
        }
        answer(address, operation);
        0
    })
    .xen();
    assert_eq!(create_ioreq_server(&xen, GUEST, 2), Ok(4));
    let info = get_ioreq_server_info(&xen, GUEST, 4, false).unwrap();
    assert_eq!((info.bufioreq_port, info.ioreq), (9, Gfn::new(0)));
    // A success that did nothing leaves what was there.
    id.set(u16::MAX);
    let nothing = create_ioreq_server(&xen, GUEST, 2);
    assert!(matches!(nothing, Err(Error::Nonsense { .. })));

    let old = Fake::new(Release::new(4, 6, 0), Guest::Pv, |_, [op, address, ..]| {
        if op == 17 {
            assert_eq!(bytes(address), [5, 0, 2, 0, 0, 0]);
            answer(address, [5u8, 0, 2, 0, 6, 0]);
        } else {
            assert_eq!(op, 18);
            answer(address, [0x9_0006_0005u64, 0x70, 0x71]);
        }
        0
    })
    .xen();
    assert_eq!(create_ioreq_server(&old, GUEST, 2), Ok(6));
    let expected = ServerInfo {
        ioreq: Gfn::new(0x70),
        bufioreq: Gfn::new(0x71),
        bufioreq_port: 9,
    };
    assert_eq!(get_ioreq_server_info(&old, GUEST, 6, false), Ok(expected));
}

#[test]
fn a_shutdown_and_a_move_have_other_older_ways() {
    let xen = Fake::new(
        Release::new(4, 9, 0),
        Guest::Pv,
        |number, [op, address, ..]| {
            if number == 29 {
                let shutdown: sched_remote_shutdown = argument(address);
                assert_eq!((op, shutdown.domain_id, shutdown.reason), (4, 5, 3));
                return 0;
            }
            assert_eq!((number, op), (12, 7));
            let add: xen_add_to_physmap = argument(address);
            assert_eq!((add.domid, add.space), (5, 2));
            assert_eq!(wide(add.gpfn), wide(add.idx) + 0x100);
            if wide(add.idx) == 0x12 { -22 } else { 0 }
        },
    )
    .xen();
    remote_shutdown(&xen, GUEST, 3).unwrap();
    let calls = xen.conduit().calls().len();
    assert_eq!(
        remote_shutdown(&xen, GUEST, 2),
        Err(Error::Argument {
            call: "SCHEDOP_remote_shutdown",
            argument: "reason",
            value: 2,
        }),
        "the caller may be meant, and suspended unprepared"
    );
    assert_eq!(xen.conduit().calls().len(), calls);
    let (from, to) = (Gfn::new(0x10), Gfn::new(0x110));
    // SAFETY: there is no memory that could be moved.
    let moved = unsafe { relocate_memory(&xen, GUEST, from, to, 4) };
    let expected = Error::PartialBatch {
        call: "XEN_DMOP_relocate_memory",
        done: 2,
        total: 4,
        cause: Some(Errno::EINVAL.into()),
    };
    assert_eq!(moved, Err(expected));
    // SAFETY: as above.
    let wraps = unsafe { relocate_memory(&xen, GUEST, from, Gfn::new(u64::MAX), 4) };
    assert!(matches!(wraps, Err(Error::Argument { .. })));
    let calls: Vec<String> = xen.conduit().numbers();
    assert_eq!(calls, ["29.4", "12.7", "12.7", "12.7"]);
}

#[test]
fn what_has_no_older_way_is_unsupported() {
    let xen = Fake::new(Release::new(4, 9, 0), Guest::Hvm, |_, _| 0).xen();
    let cached = pin_memory_cacheattr(&xen, GUEST, Gfn::new(0), Gfn::new(1), 0);
    assert!(matches!(cached, Err(Error::Unsupported(_))));
    assert!(matches!(
        set_irq_level(&xen, GUEST, 33, true),
        Err(Error::Unsupported(_))
    ));
    assert!(matches!(nr_vcpus(&xen, GUEST), Err(Error::Unsupported(_))));
    let kind = MemType::IOREQ_SERVER;
    map_mem_type_to_ioreq_server(&xen, GUEST, 1, kind, 2).unwrap();
    assert_eq!(xen.conduit().calls().len(), 1);
    let found = Fake::new(NEW, Guest::Arm, |_, _| 0).xen();
    set_irq_level(&found, GUEST, 33, true).unwrap();
    assert!(matches!(
        nr_vcpus(&found, GUEST),
        Err(Error::Nonsense { .. })
    ));
    // What is missing in a build is named by what was asked for.
    let without = Fake::new(NEW, Guest::Pv, |_, _| -38).xen();
    let Err(Error::Unsupported(absent)) = set_isa_irq_level(&without, GUEST, 1, true) else {
        panic!("it is there");
    };
    assert_eq!(absent.operation, Operation::XEN_DMOP_set_isa_irq_level);
}
