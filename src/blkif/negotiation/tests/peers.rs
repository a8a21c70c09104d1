//! Directories as toolstacks and drivers fill them.

use core::num::NonZeroU32;

use super::super::*;
use super::Store;
use crate::blkif::Protocol;
use crate::blkif::vbd::VirtualDevice;

/// libxl, for a writable disk of a guest.
#[test]
fn libxl() {
    let mut backend = Store::of(&[
        ("frontend-id", "3"),
        ("params", "/dev/vg/a disk"),
        ("script", "/etc/xen/scripts/block"),
        ("online", "1"),
        ("removable", "0"),
        ("bootable", "1"),
        ("state", "1"),
        ("dev", "xvda"),
        ("type", "phy"),
        ("mode", "w"),
        ("device-type", "disk"),
        ("discard-enable", "1"),
        ("specification", "xen"),
        ("physical-device", "fd:1c"),
    ]);
    let read = BackendConfiguration::read(&mut backend).unwrap();
    let expected = BackendConfiguration {
        mode: Mode::Writable,
        backend_type: Some(BackendType::PHY),
        device_type: Some(DeviceType::DISK),
        physical_device: Some(PhysicalDevice {
            major: 0xfd,
            minor: 0x1c,
        }),
        online: true,
        direct_io_safe: false,
        discard_enable: true,
    };
    assert_eq!(read, expected);

    let mut frontend = Store::of(&[
        ("backend-id", "0"),
        ("state", "1"),
        ("virtual-device", "51712"),
        ("device-type", "cdrom"),
        ("trusted", "0"),
        ("protocol", "x86_64-abi"),
    ]);
    let read = FrontendConfiguration::read(&mut frontend).unwrap();
    let expected = FrontendConfiguration {
        virtual_device: VirtualDevice::new(51712),
        device_type: Some(DeviceType::CDROM),
        trusted: false,
    };
    assert_eq!(read, expected);
    let untold = FrontendConfiguration::read(&mut frontend.without("trusted"));
    assert_eq!(untold.map(|told| told.trusted), Ok(true));
}

/// Linux's backend, on a device mapper target.
#[test]
fn linux_backend() {
    let mut store = Store::of(&[
        ("feature-max-indirect-segments", "256"),
        ("multi-queue-max-queues", "8"),
        ("max-ring-page-order", "4"),
        ("feature-flush-cache", "1"),
        ("discard-granularity", "65536"),
        ("discard-alignment", "0"),
        ("discard-secure", "0"),
        ("feature-discard", "1"),
        ("feature-barrier", "1"),
        ("feature-persistent", "1"),
        // The size of a partition that ends within a physical sector.
        ("sectors", "20971521"),
        ("info", "0"),
        ("sector-size", "512"),
        ("physical-sector-size", "4096"),
    ]);
    let offer = BackendTransport::read(&mut store).unwrap();
    assert_eq!((offer.ring.pages(), offer.queues.get()), (16, 8));
    let read = BackendProperties::read(&mut store).unwrap();
    let expected = BackendProperties {
        barrier: true,
        flush_cache: true,
        persistent: true,
        max_indirect_segments: 256,
        discard: Some(DiscardProperties {
            granularity: 65536,
            alignment: 0,
            secure: false,
        }),
        info: VdiskFlags::default(),
        sector_size: 512,
        physical_sector_size: 4096,
        sectors: 20_971_521,
    };
    assert_eq!(read, expected);
    assert_eq!(read.bytes(), Some(10_737_418_752));
}

/// A backend with what is required and no more: every default.
#[test]
fn plain_backend() {
    let mut store = Store::of(&[("sectors", "0"), ("info", "7"), ("sector-size", "2048")]);
    assert_eq!(
        BackendTransport::read(&mut store),
        Ok(BackendTransport::MINIMAL)
    );
    let read = BackendProperties::read(&mut store).unwrap();
    let all = VdiskFlags::CDROM | VdiskFlags::REMOVABLE | VdiskFlags::READ_ONLY;
    assert_eq!((read.info, read.physical_sector_size), (all, 2048));
    assert_eq!((read.discard, read.max_indirect_segments), (None, 0));
    assert!(!read.barrier && !read.flush_cache && !read.persistent);
    for flag in [
        VdiskFlags::CDROM,
        VdiskFlags::REMOVABLE,
        VdiskFlags::READ_ONLY,
    ] {
        assert!(read.info.contains(flag) && !VdiskFlags::default().contains(flag));
    }
}

/// Values that say "none" or more than can be used.
#[test]
fn values_at_the_border() {
    let right = Store::of(&[
        ("sectors", "8"),
        ("info", "0"),
        ("sector-size", "4096"),
        ("feature-discard", "1"),
        ("discard-granularity", "0"),
    ]);
    for (offered, used) in [
        ("0", 0),
        ("4096", 4096),
        ("4097", 4096),
        ("4294967295", 4096),
    ] {
        let mut store = right
            .clone()
            .with("feature-max-indirect-segments", offered.as_bytes());
        let read = BackendProperties::read(&mut store).unwrap();
        assert_eq!(read.max_indirect_segments, used);
        assert_eq!(read.discard.map(|discard| discard.granularity), Some(4096));
    }
    for (order, pages, used) in [
        ("5", "1", 16),
        ("0", "32", 16),
        ("1", "8", 8),
        ("3", "2", 8),
    ] {
        let mut store = Store::of(&[("max-ring-page-order", order), ("max-ring-pages", pages)]);
        let offer = BackendTransport::read(&mut store).unwrap();
        assert_eq!(offer.ring.pages(), used);
    }
}

/// An old frontend that knows nothing but one ring.
#[test]
fn frontend_without_any_choice() {
    let mut store = Store::of(&[("ring-ref", "8"), ("event-channel", "15")]);
    let offer = BackendTransport::MINIMAL;
    for absent in Protocol::ALL {
        let read = FrontendTransport::read(&mut store, &offer, absent).unwrap();
        assert_eq!(read, FrontendTransport::new(absent));
        let queue = read.read_queue(&mut store, 0).unwrap();
        assert_eq!(queue.event_channel.get(), 15);
        assert_eq!(queue.ring.as_slice(), [8.into()]);
    }
}

/// Linux's frontend with two queues of two pages.
#[test]
fn linux_frontend() {
    let mut store = Store::of(&[
        ("ring-page-order", "1"),
        ("multi-queue-num-queues", "2"),
        ("queue-0/ring-ref0", "8"),
        ("queue-0/ring-ref1", "9"),
        ("queue-0/event-channel", "5"),
        ("queue-1/ring-ref0", "10"),
        ("queue-1/ring-ref1", "11"),
        ("queue-1/event-channel", "6"),
        ("protocol", "x86_64-abi"),
        ("feature-persistent", "1"),
    ]);
    let two = NonZeroU32::new(2).unwrap();
    let offer = BackendTransport {
        ring: RingPages::MAX,
        queues: two,
    };
    let read = FrontendTransport::read(&mut store, &offer, Protocol::X86_32).unwrap();
    let expected = FrontendTransport::new(Protocol::X86_64)
        .with_ring(RingPages::from_order(1).unwrap())
        .with_queues(two)
        .with_persistent(true);
    assert_eq!(read, expected);
    let queue = read.read_queue(&mut store, 1).unwrap();
    assert_eq!(queue.ring.as_slice(), [10.into(), 11.into()]);
    assert_eq!(queue.event_channel.get(), 6);

    // What is written has the older scheme's node too, and nothing else is new.
    let mut written = Store::default();
    read.write(written.writer()).unwrap();
    for index in 0..2 {
        let queue = read.read_queue(&mut store, index).unwrap();
        read.write_queue(index, &queue, written.writer()).unwrap();
    }
    assert_eq!(written, store.with("num-ring-pages", b"2"));
}

/// One page, and a node that says so: the grant is under either name.
#[test]
fn one_counted_page() {
    let offer = BackendTransport::MINIMAL;
    for count in [("ring-page-order", "0"), ("num-ring-pages", "1")] {
        for grant in ["ring-ref", "ring-ref0"] {
            let mut store = Store::of(&[count, (grant, "8"), ("event-channel", "15")]);
            let read = FrontendTransport::read(&mut store, &offer, Protocol::Arm).unwrap();
            let queue = read.read_queue(&mut store, 0).unwrap();
            assert_eq!(queue.ring.as_slice(), [8.into()]);
        }
    }
}

/// One page and no node that says so: `ring-ref0` is a leftover.
#[test]
fn leftover_pages_do_not_count() {
    let nodes = [
        ("ring-ref", "8"),
        ("ring-ref0", "77"),
        ("event-channel", "15"),
    ];
    let mut store = Store::of(&nodes);
    let offer = BackendTransport::MINIMAL;
    let read = FrontendTransport::read(&mut store, &offer, Protocol::Arm).unwrap();
    let queue = read.read_queue(&mut store, 0).unwrap();
    assert_eq!(queue.ring.as_slice(), [8.into()]);
}
