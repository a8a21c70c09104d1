use core::cell::Cell;

use xen_public::errno::Errno;
use xen_public::native::memory::{
    xen_machphys_mapping, xen_machphys_mfn_list, xen_memory_map, xen_vnuma_topology_info,
};
use xen_public::xen::DomId;

use super::*;

#[test]
fn sizes_are_long() {
    let large = isize::MAX;
    let xen = Fake::new(
        NEW,
        Guest::Pv,
        |_, [op, ..]| if op == 14 { -3 } else { large },
    )
    .xen();
    let domain = DomId::SELF;
    assert_eq!(current_reservation(&xen, domain), Ok(large as usize));
    assert_eq!(maximum_reservation(&xen, domain), Ok(large as usize));
    assert_eq!(maximum_ram_page(&xen), Ok(large as usize));
    let gone = Error::Refused {
        call: "XENMEM_maximum_gpfn",
        errno: Errno::ESRCH,
    };
    assert_eq!(maximum_gpfn(&xen, domain), Err(gone));
    assert_eq!(xen.conduit().numbers(), ["12.3", "12.4", "12.2", "12.14"]);
}

#[test]
fn the_machine_to_physical_table_is_where_xen_or_the_abi_says() {
    let xen = Fake::new(NEW, Guest::Pv, |_, [_, address, ..]| {
        let mapping = xen_machphys_mapping {
            v_start: 0x1000,
            v_end: 0x2000,
            max_mfn: 4096 / size_of::<FrameWord>() as LongWord - 1,
        };
        answer(address, mapping);
        0
    })
    .xen();
    let found = machphys_mapping(&xen).unwrap();
    assert_eq!((found.start, found.end), (0x1000, 0x2000));
    let short = Fake::new(NEW, Guest::Pv, |_, [_, address, ..]| {
        let mapping = xen_machphys_mapping {
            v_start: 0x1000,
            v_end: 0x1010,
            max_mfn: 4,
        };
        answer(address, mapping);
        0
    })
    .xen();
    assert!(matches!(
        machphys_mapping(&short),
        Err(Error::Nonsense { .. })
    ));
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    {
        let old = Fake::new(release(3, 0, 2), Guest::Pv, |_, _| NOT_THERE).xen();
        assert_eq!(machphys_mapping(&old), Ok(MachPhys::FIXED));
        assert_eq!(old.conduit().calls(), []);
    }
    let translated = Fake::new(NEW, Guest::Hvm, |_, _| NOT_THERE).xen();
    unsupported(machphys_mapping(&translated));
}

#[test]
fn a_list_of_the_table_is_no_longer_than_its_room() {
    for (written, wanted) in [(1, Some(1)), (3, None)] {
        let xen = Fake::new(NEW, Guest::Pv, |_, [_, address, ..]| {
            let mut list: xen_machphys_mfn_list = argument(address);
            assert_eq!(list.max_extents, 2);
            list.nr_extents = written;
            answer(address, list);
            0
        })
        .xen();
        assert_eq!(machphys_mfn_list(&xen, &mut [0; 2]).ok(), wanted);
        assert_eq!(machphys_compat_mfn_list(&xen, &mut [0; 2]).ok(), wanted);
    }
    let old = Fake::new(release(4, 4, 0), Guest::Pv, |_, _| 0).xen();
    let compat = machphys_compat_mfn_list(&old, &mut [0; 2]);
    if cfg!(target_arch = "x86") {
        assert_eq!(compat, Ok(0));
    } else {
        unsupported(compat);
    }
}

#[test]
fn maps_are_filled_up_to_their_room() {
    let xen = Fake::new(NEW, Guest::Hvm, |_, [op, address, ..]| {
        let mut map: xen_memory_map = argument(address);
        if op == 13 {
            return -1;
        }
        if map.buffer.is_null() {
            map.nr_entries = 5;
        } else {
            let entry = E820Entry {
                start: 0x10_0000,
                size: 0x1000,
                kind: E820Type::RAM,
            };
            answer(address!(map.buffer), entry);
            map.nr_entries = if op == 9 { 1 } else { 9 };
        }
        answer(address, map);
        0
    })
    .xen();
    let mut entries = [E820Entry::EMPTY; 2];
    assert_eq!(memory_map(&xen, &mut entries), Ok(1));
    assert_eq!({ entries[0].size }, 0x1000);
    assert_eq!({ entries[0].kind }, E820Type::RAM);
    assert_eq!(machine_memory_map_size(&xen), Ok(5));
    let too_many = Error::Nonsense {
        call: "XENMEM_machine_memory_map",
        answer: 9,
    };
    assert_eq!(machine_memory_map(&xen, &mut entries), Err(too_many));
    let refused = Error::Refused {
        call: "XENMEM_set_memory_map",
        errno: Errno::EPERM,
    };
    assert_eq!(set_memory_map(&xen, DomId::new(1), &entries), Err(refused));
}

#[test]
fn nodes_are_told_or_there_is_one() {
    let (answered, found) = (Cell::new(0), Cell::new((2, 2, 1)));
    let xen = Fake::new(NEW, Guest::Hvm, |_, [_, address, ..]| {
        let mut info: xen_vnuma_topology_info = argument(address);
        assert_eq!(
            (info.nr_vnodes, info.nr_vcpus, info.nr_vmemranges),
            (2, 3, 1)
        );
        (info.nr_vnodes, info.nr_vcpus, info.nr_vmemranges) = found.get();
        answer(address, info);
        answered.get()
    })
    .xen();
    let ask = || {
        get_vnumainfo(
            &xen,
            DomId::SELF,
            &mut [0; 4],
            &mut [0; 3],
            &mut [Default::default()],
        )
    };
    let sizes = |nodes, vcpus, ranges| VnumaSizes {
        nodes,
        vcpus,
        ranges,
    };
    assert_eq!(ask(), Ok(Vnuma::Filled(sizes(2, 2, 1))));
    found.set((2, 4, 1));
    assert!(matches!(ask(), Err(Error::Nonsense { .. })));
    answered.set(-105);
    assert_eq!(ask(), Ok(Vnuma::TooSmall(sizes(2, 4, 1))));
    answered.set(-95);
    assert_eq!(ask(), Ok(Vnuma::OneNode));
    let old = Fake::new(release(4, 4, 0), Guest::Hvm, |_, _| NOT_THERE).xen();
    let one = get_vnumainfo(&old, DomId::SELF, &mut [], &mut [], &mut []);
    assert_eq!(one, Ok(Vnuma::OneNode));
    assert_eq!(old.conduit().calls(), []);
}
