//! What Xen is told of PCI devices.

use super::*;

#[test]
fn devices_are_added_as_the_release_knows_them() {
    // What Xen is told, with sub-ops below those that the release has.
    let add = |running, device, function| {
        let got = RefCell::new(String::new());
        let xen = pv(running, |sub_op, address| {
            *got.borrow_mut() = match sub_op {
                25 => {
                    let add: physdev_pci_device_add = made!(read(address));
                    let node: u32 = made!(read(address + size_of::<physdev_pci_device_add>()));
                    let (bus, devfn) = (add.physfn.bus, add.physfn.devfn);
                    let of = [add.seg, add.bus.into(), add.devfn.into()];
                    alloc::format!("25 {of:x?} {} {bus:x} {devfn:x} {node}", add.flags)
                }
                20 => {
                    let add: physdev_manage_pci_ext = made!(read(address));
                    let of = [add.bus, add.devfn, add.physfn.bus, add.physfn.devfn];
                    alloc::format!("20 {of:x?} {} {}", add.is_extfn, add.is_virtfn)
                }
                15 => {
                    let add: physdev_manage_pci = made!(read(address));
                    alloc::format!("15 {:x} {:x}", add.bus, add.devfn)
                }
                _ => panic!("sub-op {sub_op}"),
            };
            0
        });
        let result = pci_device_add(&xen, device, function).map(|by| by.number());
        drop(xen);
        (result, got.into_inner())
    };
    let plain = PciFunction::default();
    let all = PciFunction {
        extended: true,
        physical: Some((4, 8)),
        node: Some(6),
    };
    let near = PciFunction {
        node: Some(6),
        ..plain
    };
    let told = |by, text: &str| (Ok(by), String::from(text));
    assert_eq!(add(NEW, DEVICE, plain), told(25, "25 [0, 3, e2] 0 0 0 0"));
    assert_eq!(add(NEW, FAR, all), told(25, "25 [8001, 3, e2] 7 4 8 6"));
    let middle = release(4, 1, 0);
    assert_eq!(add(middle, DEVICE, all), told(20, "20 [3, e2, 4, 8] 1 1"));
    assert_eq!(add(middle, DEVICE, near), told(20, "20 [3, e2, 0, 0] 0 0"));
    let first = release(3, 3, 0);
    assert_eq!(add(first, DEVICE, near), told(15, "15 3 e2"));
    let wanted = Operation::PHYSDEVOP_pci_device_add;
    for (running, device, function) in [
        (middle, FAR, plain),
        (first, FAR, plain),
        (first, DEVICE, all),
        (release(3, 2, 0), DEVICE, plain),
    ] {
        let (result, got) = add(running, device, function);
        assert_eq!((unsupported(result), got.as_str()), (wanted, ""));
    }
    let xen = pv(middle, |_, _| -1);
    let result = pci_device_add(&xen, DEVICE, plain);
    assert_eq!(
        result,
        refused("PHYSDEVOP_manage_pci_add_ext", Errno::EPERM)
    );
}

/// The calls about one device: sub-op, and the structure as bytes.
fn about_device(
    running: Release,
    call: impl Fn(&Xen<Fake<'_>>) -> Result<()>,
) -> (Result<()>, Vec<String>) {
    let got = RefCell::new(Vec::new());
    let xen = pv(running, |sub_op, address| {
        let text = if matches!(sub_op, 16 | 19) {
            let device: [u8; 2] = made!(read(address));
            alloc::format!("{sub_op} {device:x?}")
        } else {
            let device: physdev_pci_device = made!(read(address));
            alloc::format!(
                "{sub_op} {:x} {:x} {:x}",
                device.seg,
                device.bus,
                device.devfn
            )
        };
        got.borrow_mut().push(text);
        0
    });
    let result = call(&xen);
    drop(xen);
    (result, got.into_inner())
}

#[test]
fn devices_go_and_sleep() {
    let told = |text: &str| (Ok(()), [String::from(text)].to_vec());
    let remove = |running, device| about_device(running, |xen| pci_device_remove(xen, device));
    let restore = |running, device| about_device(running, |xen| restore_msi(xen, device));
    assert_eq!(remove(NEW, FAR), told("26 8001 3 e2"));
    assert_eq!(remove(release(4, 1, 0), DEVICE), told("16 [3, e2]"));
    assert_eq!(restore(NEW, FAR), told("27 8001 3 e2"));
    assert_eq!(restore(release(3, 4, 0), DEVICE), told("19 [3, e2]"));
    let (removal, restoring) = (
        Operation::PHYSDEVOP_pci_device_remove,
        Operation::PHYSDEVOP_restore_msi_ext,
    );
    for (result, operation) in [
        (remove(release(4, 1, 0), FAR), removal),
        (remove(release(3, 2, 0), DEVICE), removal),
        (restore(release(4, 1, 0), FAR), restoring),
        (restore(release(3, 3, 0), DEVICE), restoring),
    ] {
        assert_eq!((unsupported(result.0), result.1.len()), (operation, 0));
    }
    let prepare = about_device(NEW, |xen| prepare_msix(xen, FAR));
    assert_eq!(prepare, told("30 8001 3 e2"));
    let release_table = about_device(NEW, |xen| release_msix(xen, FAR));
    assert_eq!(release_table, told("31 8001 3 e2"));
    let early = about_device(release(4, 2, 1), |xen| prepare_msix(xen, FAR));
    assert_eq!(unsupported(early.0), Operation::PHYSDEVOP_prepare_msix);
    let backport = about_device(release(4, 2, 2), |xen| prepare_msix(xen, FAR));
    assert_eq!(backport, prepare);
}

#[test]
fn resets_and_reservations_are_told() {
    let xen = pv(NEW, |sub_op, address| {
        match sub_op {
            24 => {
                let space: physdev_pci_mmcfg_reserved = made!(read(address));
                let buses = (space.segment, space.start_bus, space.end_bus);
                assert_eq!({ space.address }, 0x1_e000_0000);
                assert_eq!((buses, space.flags), ((1, 2, 0xff), 1));
            }
            29 => {
                let reset: physdev_dbgp_op = made!(read(address));
                let device = made!(reset.u.pci);
                let expected = if reset.op == 1 {
                    (0, 0, 0, 0)
                } else {
                    (1, 0x8001, 3, 0xe2)
                };
                assert_eq!((reset.bus, device.seg, device.bus, device.devfn), expected);
            }
            32 => {
                let reset: xen_public::native::physdev::pci_device_reset = made!(read(address));
                assert_eq!(
                    (reset.dev.seg, reset.dev.bus, reset.dev.devfn),
                    (0x8001, 3, 0xe2)
                );
                assert_eq!(reset.flags, 3);
            }
            _ => panic!("sub-op {sub_op}"),
        }
        0
    });
    assert_eq!(
        pci_mmcfg_reserved(&xen, 0x1_e000_0000, 1, (2, 0xff), true),
        Ok(())
    );
    assert_eq!(dbgp_op(&xen, DbgpReset::Prepare, DbgpBus::Unknown), Ok(()));
    assert_eq!(dbgp_op(&xen, DbgpReset::Done, DbgpBus::Pci(FAR)), Ok(()));
    assert_eq!(super::pci_device_reset(&xen, FAR, Reset::Function), Ok(()));
    assert_eq!(
        xen.conduit().numbers(),
        ["33.24", "33.29", "33.29", "33.32"]
    );
    let kinds = [Reset::Cold, Reset::Warm, Reset::Hot, Reset::Function];
    assert_eq!(kinds.map(|kind| kind as u8), [0, 1, 2, 3]);
}
