//! Valid values of each type, and directories that are often nearly valid.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::num::NonZeroU32;

use quickcheck::{Arbitrary, Gen};
use xen_public::event_channel::EvtchnPort;
use xen_public::grant_table::GrantRef;

use super::super::*;
use super::Store;
use crate::blkif::Protocol;
use crate::blkif::vbd::VirtualDevice;

impl Arbitrary for RingPages {
    fn arbitrary(g: &mut Gen) -> Self {
        Self::from_order(u32::arbitrary(g) % 5).unwrap()
    }
}

impl Arbitrary for BackendTransport {
    fn arbitrary(g: &mut Gen) -> Self {
        let few = NonZeroU32::new(1 + u32::arbitrary(g) % 4).unwrap();
        Self {
            ring: RingPages::arbitrary(g),
            queues: if bool::arbitrary(g) {
                few
            } else {
                NonZeroU32::arbitrary(g)
            },
        }
    }
}

impl Arbitrary for DiscardProperties {
    fn arbitrary(g: &mut Gen) -> Self {
        Self {
            // A multiple of every sector size.
            granularity: (1 + u32::arbitrary(g) % 0xf_ffff) * 4096,
            alignment: u32::arbitrary(g) / 512 * 512,
            secure: bool::arbitrary(g),
        }
    }
}

impl Arbitrary for BackendProperties {
    fn arbitrary(g: &mut Gen) -> Self {
        let sector_size = *g.choose(&[512, 1024, 2048, 4096]).unwrap();
        Self {
            barrier: bool::arbitrary(g),
            flush_cache: bool::arbitrary(g),
            persistent: bool::arbitrary(g),
            max_indirect_segments: u16::arbitrary(g) % 4097,
            discard: Option::arbitrary(g),
            info: VdiskFlags::from_bits(u32::arbitrary(g)),
            sector_size,
            physical_sector_size: sector_size * (1 + u32::from(u16::arbitrary(g))),
            sectors: u64::arbitrary(g) >> 9,
        }
    }
}

impl Arbitrary for Word {
    fn arbitrary(g: &mut Gen) -> Self {
        let length = 1 + usize::arbitrary(g) % Word::CAPACITY;
        let text: Vec<u8> = (0..length)
            .map(|_| b'!' + u8::arbitrary(g) % (b'~' - b'!' + 1))
            .collect();
        Word::new(&text).unwrap()
    }
}

impl Arbitrary for BackendConfiguration {
    fn arbitrary(g: &mut Gen) -> Self {
        Self {
            mode: *g.choose(&[Mode::ReadOnly, Mode::Writable]).unwrap(),
            backend_type: Option::arbitrary(g).map(BackendType::new),
            device_type: Option::arbitrary(g).map(DeviceType::new),
            physical_device: Option::arbitrary(g)
                .map(|(major, minor)| PhysicalDevice { major, minor }),
            online: bool::arbitrary(g),
            direct_io_safe: bool::arbitrary(g),
            discard_enable: bool::arbitrary(g),
        }
    }
}

impl Arbitrary for FrontendConfiguration {
    fn arbitrary(g: &mut Gen) -> Self {
        Self {
            virtual_device: VirtualDevice::new(u32::arbitrary(g)),
            device_type: Option::arbitrary(g).map(DeviceType::new),
            trusted: bool::arbitrary(g),
        }
    }
}

/// A frontend's choice with all its queues.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub(super) transport: FrontendTransport,
    pub(super) queues: Vec<Queue>,
}

impl Arbitrary for Choice {
    fn arbitrary(g: &mut Gen) -> Self {
        let ring = RingPages::arbitrary(g);
        let queues = 1 + u32::arbitrary(g) % 12;
        let transport = FrontendTransport::new(*g.choose(&Protocol::ALL).unwrap())
            .with_persistent(bool::arbitrary(g))
            .with_ring(ring)
            .with_queues(NonZeroU32::new(queues).unwrap());
        let mut queue = || {
            let grants: Vec<GrantRef> = (0..ring.pages())
                .map(|_| GrantRef::new(u32::arbitrary(g)))
                .collect();
            Queue {
                event_channel: EvtchnPort::new(u32::arbitrary(g).max(1)),
                ring: RingRefs::new(&grants).unwrap(),
            }
        };
        let queues = (0..queues).map(|_| queue()).collect();
        Self { transport, queues }
    }
}

/// Which nodes a random directory is to have.
pub(super) trait Group {
    const NAMES: &'static [&'static str];
    const QUEUES: bool = false;
}

macro_rules! groups {
    ($($(#[$doc:meta])* $group:ident: $($name:ident)*;)*) => {$(
        $(#[$doc])*
        pub(super) enum $group {}

        impl Group for $group {
            const NAMES: &'static [&'static str] = &[$(names::$name),*];
        }
    )*};
}

groups! {
    /// Those of [`BackendTransport`].
    Offer: MAX_RING_PAGE_ORDER MAX_RING_PAGES MULTI_QUEUE_MAX_QUEUES;
    /// Those of [`BackendProperties`].
    Properties: FEATURE_BARRIER FEATURE_FLUSH_CACHE FEATURE_DISCARD FEATURE_PERSISTENT
        FEATURE_MAX_INDIRECT_SEGMENTS DISCARD_ALIGNMENT DISCARD_GRANULARITY DISCARD_SECURE INFO
        SECTOR_SIZE PHYSICAL_SECTOR_SIZE SECTORS;
    /// Those of both configurations.
    Configuration: MODE TYPE PHYSICAL_DEVICE ONLINE DIRECT_IO_SAFE DISCARD_ENABLE DEVICE_TYPE
        VIRTUAL_DEVICE TRUSTED;
}

/// Those of [`FrontendTransport`] and its queues.
pub(super) enum Transport {}

impl Group for Transport {
    const NAMES: &'static [&'static str] = &[
        names::PROTOCOL,
        names::RING_PAGE_ORDER,
        names::NUM_RING_PAGES,
        names::MULTI_QUEUE_NUM_QUEUES,
        names::FEATURE_PERSISTENT,
    ];
    const QUEUES: bool = true;
}

/// Nodes with values that are mostly right.
pub(super) fn directory<G: Group>(g: &mut Gen) -> Store {
    let mut store = Store::default();
    let mut list: Vec<String> = G::NAMES.iter().map(ToString::to_string).collect();
    if G::QUEUES {
        for queue in ["", "queue-0/", "queue-1/"] {
            list.push(format!("{queue}event-channel"));
            list.push(format!("{queue}ring-ref"));
            list.extend((0..16).map(|page| format!("{queue}ring-ref{page}")));
        }
    }
    // How rare a wrong value is: half of the directories have about one.
    let odd = *g.choose(&[4, 40, 160, 160]).unwrap();
    let pages = *g.choose(&["1", "2", "4"]).unwrap();
    for name in list {
        let needed = [names::SECTORS, names::INFO, names::SECTOR_SIZE].contains(&&*name);
        let absent = match needed || name.contains("ring-ref") || name.contains("event") {
            true => u8::arbitrary(g) % odd == 0,
            false => u8::arbitrary(g) % 3 == 0,
        };
        if !absent {
            let value = value(g, &name, pages, odd);
            store = store.with(&name, &value);
        }
    }
    store
}

/// A value that suits the name, unless chance wants another.
fn value(g: &mut Gen, name: &str, pages: &str, odd: u8) -> Vec<u8> {
    match u8::arbitrary(g) % odd {
        0 => Vec::arbitrary(g),
        1 => {
            let wrong: &[&[u8]] = &[
                b"",
                b"-1",
                b"+1",
                b" 1",
                b"1 ",
                b"01",
                b"1\0",
                b"1\n",
                b"0x10",
                b"4294967295",
                b"4294967296",
                b"18446744073709551616",
                b"\xff\xfe",
                &[b'1'; 100],
                b"3",
                b"511",
            ];
            g.choose(wrong).unwrap().to_vec()
        }
        _ => {
            let pick = |g: &mut Gen, of: &[&str]| g.choose(of).unwrap().to_string().into_bytes();
            match name {
                names::PROTOCOL => pick(g, &["x86_32-abi", "x86_64-abi", "arm-abi"]),
                names::MODE => pick(g, &["r", "w"]),
                names::TYPE => pick(g, &["file", "phy", "tap", "qdisk"]),
                names::DEVICE_TYPE => pick(g, &["disk", "cdrom", "floppy"]),
                names::PHYSICAL_DEVICE => pick(g, &["fd:0", "7:1c", "103:0"]),
                names::SECTOR_SIZE => pick(g, &["512", "512", "1024", "2048", "4096"]),
                names::PHYSICAL_SECTOR_SIZE => pick(g, &["512", "4096", "4096", "8192"]),
                names::DISCARD_GRANULARITY => pick(g, &["0", "512", "4096", "1048576"]),
                names::DISCARD_ALIGNMENT => pick(g, &["0", "512", "1000", "3584"]),
                names::MAX_RING_PAGE_ORDER => pick(g, &["0", "1", "2", "3", "4", "5", "31"]),
                names::MAX_RING_PAGES => pick(g, &["1", "2", "4", "8", "16", "32", "65536"]),
                // The same in both schemes, mostly.
                names::RING_PAGE_ORDER => {
                    let order = match pages {
                        "1" => "0",
                        "2" => "1",
                        _ => "2",
                    };
                    pick(g, &[order, order, order, order, order, "0", "1", "3", "5"])
                }
                names::NUM_RING_PAGES => {
                    pick(g, &[pages, pages, pages, pages, pages, "1", "2", "8", "32"])
                }
                names::MULTI_QUEUE_NUM_QUEUES => pick(g, &["1", "1", "2", "2", "3"]),
                names::MULTI_QUEUE_MAX_QUEUES => pick(g, &["1", "4", "0"]),
                names::SECTORS => (u64::arbitrary(g) >> (u8::arbitrary(g) % 64))
                    .to_string()
                    .into_bytes(),
                names::INFO | names::VIRTUAL_DEVICE => u32::arbitrary(g).to_string().into_bytes(),
                names::FEATURE_MAX_INDIRECT_SEGMENTS => {
                    pick(g, &["0", "256", "4096", "4097", "65535", "70000"])
                }
                _ if name.contains("ring-ref") => {
                    pick(g, &["8", "8", "8", "8", "8", "8", "9", "0"])
                }
                _ if name.contains("event-channel") => pick(g, &["1", "31", "4294967295"]),
                _ => pick(g, &["0", "1"]),
            }
        }
    }
}
