//! Lines, with and without Xen's help.

use super::*;

#[test]
fn a_line_is_set_up_or_left_to_the_guest() {
    let xen = pv(NEW, |sub_op, address| {
        let gsi: physdev_setup_gsi = made!(read(address));
        assert_eq!(
            (sub_op, gsi.gsi, gsi.triggering, gsi.polarity),
            (21, 19, 1, 1)
        );
        0
    });
    assert_eq!(setup_gsi(&xen, 19, Trigger::Level, Polarity::Low), Ok(None));
    let vector = |sub_op: usize, address| {
        assert_eq!(sub_op, 10);
        made!(write(
            address,
            physdev_irq {
                irq: 19,
                vector: 0x41
            }
        ));
        0
    };
    for xen in [pv(release(3, 4, 0), vector), old(release(3, 0, 1), vector)] {
        assert_eq!(
            setup_gsi(&xen, 19, Trigger::Edge, Polarity::High),
            Ok(Some(0x41))
        );
    }
    let xen = on(release(4, 19, 0), Guest::Hvm, |_, _| {
        panic!("no call is made")
    });
    let result = setup_gsi(&xen, 19, Trigger::Edge, Polarity::High);
    assert_eq!(unsupported(result), Operation::PHYSDEVOP_setup_gsi);

    let xen = pv(release(4, 1, 0), |sub_op, address| {
        let irq: physdev_irq = made!(read(address));
        assert_eq!((sub_op, irq.irq, irq.vector), (11, 19, 0x41));
        0
    });
    assert_eq!(free_irq_vector(&xen, 19, 0x41), Ok(()));
    let xen = pv(release(4, 2, 0), |_, _| panic!("no call is made"));
    assert_eq!(
        unsupported(free_irq_vector(&xen, 19, 0x41)),
        Operation::PHYSDEVOP_free_irq_vector
    );
}

#[test]
fn without_pirqs_a_line_has_a_vector() {
    let any = PirqChoice::Any;
    let give = |sub_op: usize, address| {
        assert_eq!(sub_op, 10);
        let irq: physdev_irq = made!(read(address));
        made!(write(
            address,
            physdev_irq {
                vector: irq.irq + 0x30,
                ..irq
            }
        ));
        0
    };
    let expected = Ok(MappedPirq {
        pirq: Pirq::new(9),
        vector: Some(0x39),
    });
    for (xen, number) in [
        (pv(release(3, 2, 0), give), 33),
        (old(release(3, 0, 2), give), 19),
    ] {
        for choice in [any, PirqChoice::This(Pirq::new(9))] {
            assert_eq!(
                map_pirq(&xen, DomId::SELF, Source::Gsi(9), choice),
                expected
            );
        }
        let sent = xen.conduit().calls();
        assert!(sent.len() == 2 && sent.iter().all(|call| call.0 == number));
        for (domain, source, choice) in [
            (DomId::SELF, Source::Gsi(9), PirqChoice::This(Pirq::new(8))),
            (DomId::new(1), Source::Gsi(9), any),
            (DomId::SELF, Source::Msi(DEVICE), any),
        ] {
            let result = map_pirq(&xen, domain, source, choice);
            assert_eq!(unsupported(result), Operation::PHYSDEVOP_map_pirq);
        }
        assert_eq!(xen.conduit().calls().len(), 2, "nothing else is sent");
        assert_eq!(
            unsupported(unmap_pirq(&xen, DomId::SELF, Pirq::new(9))),
            Operation::PHYSDEVOP_unmap_pirq
        );
        let free = get_free_pirq(&xen, PirqKind::Msi);
        assert_eq!(unsupported(free), Operation::PHYSDEVOP_get_free_pirq);
    }
    let xen = pv(release(3, 2, 0), |_, _| -1);
    let result = map_pirq(&xen, DomId::SELF, Source::Gsi(9), any);
    assert_eq!(result, refused("PHYSDEVOP_alloc_irq_vector", Errno::EPERM));
}
