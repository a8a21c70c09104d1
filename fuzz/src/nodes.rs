//! Values of xenstore's nodes.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;

use xen_abi::blkif::negotiation::{
    BackendConfiguration, BackendProperties, BackendTransport, Error, FrontendConfiguration,
    FrontendTransport, Nodes, RingPages, names,
};
use xen_abi::blkif::{Layout, MAX_INDIRECT_SEGMENTS, Operation, Protocol};

use crate::script::Script;

/// Any values in the nodes of both ends.
///
/// Each node is read at most once. What is read is within what the documentation promises, and written
/// and read again it is the same. What is refused names a node that is there, or is missing.
pub fn nodes(data: &[u8]) {
    let script = &mut Script::new(data);
    let what = script.u8() % 5;
    let queues = script.u8();
    let store = &mut Store::default();
    while !script.is_empty() {
        let (name, value) = (name(script), value(script));
        store.values.insert(name, value);
    }
    match what {
        0 => {
            let found = checked(store, BackendConfiguration::read);
            if let Some(found) = found {
                assert_eq!(
                    BackendConfiguration::read(&mut written(|w| found.write(w))),
                    Ok(found)
                );
            }
        }
        1 => {
            let found = checked(store, FrontendConfiguration::read);
            if let Some(found) = found {
                assert_eq!(
                    FrontendConfiguration::read(&mut written(|w| found.write(w))),
                    Ok(found)
                );
            }
        }
        2 => {
            let found = checked(store, BackendTransport::read);
            if let Some(found) = found {
                assert!(found.ring <= RingPages::MAX && found.queues.get() > 0);
                assert_eq!(
                    BackendTransport::read(&mut written(|w| found.write(w))),
                    Ok(found)
                );
            }
        }
        3 => transport(store, queues),
        _ => {
            let found = checked(store, BackendProperties::read);
            if let Some(found) = found {
                properties(&found);
            }
        }
    }
}

/// A directory that is watched while it is read.
#[derive(Default)]
struct Store {
    values: BTreeMap<String, Vec<u8>>,
    /// What was asked for.
    asked: Vec<String>,
}

impl Nodes for Store {
    type Error = Infallible;

    fn read(&mut self, name: &str, buffer: &mut [u8]) -> Result<Option<usize>, Infallible> {
        assert!(
            !self.asked.iter().any(|known| known == name),
            "{name} is read twice"
        );
        self.asked.push(name.to_owned());
        let value = self.values.get(name);
        Ok(value.map(|value| {
            let count = value.len().min(buffer.len());
            buffer[..count].copy_from_slice(&value[..count]);
            value.len()
        }))
    }
}

/// Reads something, and checks an error for sense.
fn checked<T>(
    store: &mut Store,
    read: impl FnOnce(&mut Store) -> Result<T, Error<Infallible>>,
) -> Option<T> {
    store.asked.clear();
    match read(store) {
        Ok(found) => Some(found),
        Err(Error::Value(error)) => {
            let name = error.node().to_string();
            let asked = store.asked.contains(&name);
            let queue = name.contains("event-channel");
            assert!(asked || queue, "{name} was not asked for");
            if let (Some(value), Some(shown)) = (store.values.get(&name), error.value()) {
                if shown.length() == value.len() {
                    assert!(value.starts_with(shown.as_bytes()), "{error}");
                }
            }
            assert!(error.to_string().is_ascii());
            None
        }
        Err(Error::Xenstore(never)) => match never {},
    }
}

/// What one writes, as a directory.
fn written(
    write: impl FnOnce(
        &mut dyn FnMut(&str, &dyn fmt::Display) -> Result<(), Infallible>,
    ) -> Result<(), Error<Infallible>>,
) -> Store {
    let mut store = Store::default();
    add(&mut store, write);
    store
}

fn add(
    store: &mut Store,
    write: impl FnOnce(
        &mut dyn FnMut(&str, &dyn fmt::Display) -> Result<(), Infallible>,
    ) -> Result<(), Error<Infallible>>,
) {
    let done = write(&mut |name, value| {
        let value = value.to_string().into_bytes();
        let before = store.values.insert(name.to_owned(), value);
        assert_eq!(before, None, "{name} is written twice");
        Ok(())
    });
    assert_eq!(done, Ok(()), "what was read can be written");
}

/// What a frontend chose, within what was offered.
fn transport(store: &mut Store, queues: u8) {
    let Some(offer) = checked(store, BackendTransport::read) else {
        return;
    };
    let absent = Protocol::X86_32;
    let read = |store: &mut Store| FrontendTransport::read(store, &offer, absent);
    let Some(found) = checked(store, read) else {
        return;
    };
    assert!(found.ring() <= offer.ring && found.queues() <= offer.queues);
    if !store.values.contains_key(names::PROTOCOL) {
        assert_eq!(found.protocol(), absent);
    }
    let mut copy = written(|w| found.write(w));
    for queue in 0..found.queues().get().min(3).max(queues.into()) {
        let read = |store: &mut Store| found.read_queue(store, queue);
        if let Some(nodes) = checked(store, read) {
            assert!(queue < found.queues().get());
            assert_eq!(nodes.ring.pages(), found.ring());
            assert_eq!(nodes.ring.as_slice().len() as u32, found.ring().pages());
            assert_ne!(nodes.event_channel.get(), 0);
            add(&mut copy, |w| found.write_queue(queue, &nodes, w));
            copy.asked.clear();
            assert_eq!(found.read_queue(&mut copy, queue), Ok(nodes));
        }
    }
    copy.asked.clear();
    // The other default, as the node is there now.
    let again = FrontendTransport::read(&mut copy, &offer, Protocol::Arm).expect("as written");
    let parts = |f: &FrontendTransport| (f.protocol(), f.ring(), f.queues(), f.persistent());
    assert_eq!(parts(&again), parts(&found));
    assert_eq!(
        found.protocol().layout() == Layout::X86_32,
        found.protocol() == Protocol::X86_32
    );
}

/// What a backend offers, as limits too.
fn properties(found: &BackendProperties) {
    assert_eq!(
        BackendProperties::read(&mut written(|w| found.write(w))),
        Ok(*found)
    );
    assert!([512, 1024, 2048, 4096].contains(&found.sector_size));
    assert_eq!(found.physical_sector_size % found.sector_size, 0);
    assert!(found.max_indirect_segments <= MAX_INDIRECT_SEGMENTS);
    assert_eq!(found.bytes(), Some(found.sectors * 512));
    let limits = found.limits().expect("what can be read is consistent");
    assert_eq!(limits.sectors(), found.sectors);
    for (operation, offered) in [
        (Operation::Read, true),
        (Operation::Write, true),
        (Operation::Barrier, found.barrier),
        (Operation::Flush, found.flush_cache),
        (Operation::Discard, found.discard.is_some()),
        (Operation::Indirect, found.max_indirect_segments != 0),
    ] {
        assert_eq!(limits.offers(operation), offered);
    }
}

/// Nodes that some of the readers look for, and so that all can succeed.
const NAMES: &[&str] = &[
    names::MODE,
    names::TYPE,
    names::PHYSICAL_DEVICE,
    names::ONLINE,
    names::DIRECT_IO_SAFE,
    names::DISCARD_ENABLE,
    names::DEVICE_TYPE,
    names::MAX_RING_PAGE_ORDER,
    names::MAX_RING_PAGES,
    names::MULTI_QUEUE_MAX_QUEUES,
    names::FEATURE_BARRIER,
    names::FEATURE_FLUSH_CACHE,
    names::FEATURE_DISCARD,
    names::FEATURE_PERSISTENT,
    names::FEATURE_MAX_INDIRECT_SEGMENTS,
    names::DISCARD_ALIGNMENT,
    names::DISCARD_GRANULARITY,
    names::DISCARD_SECURE,
    names::INFO,
    names::SECTOR_SIZE,
    names::PHYSICAL_SECTOR_SIZE,
    names::SECTORS,
    names::VIRTUAL_DEVICE,
    names::TRUSTED,
    names::PROTOCOL,
    names::EVENT_CHANNEL,
    names::RING_REF,
    names::RING_PAGE_ORDER,
    names::NUM_RING_PAGES,
    names::MULTI_QUEUE_NUM_QUEUES,
];

fn name(script: &mut Script<'_>) -> String {
    let choice = usize::from(script.u8());
    if let Some(name) = NAMES.get(choice % 64) {
        return (*name).to_owned();
    }
    // Of a page, of a queue, or both.
    let (page, queue) = (script.u8() % 17, choice / 64);
    let (ring, port) = (names::RING_REF, names::EVENT_CHANNEL);
    match choice % 4 {
        0 => format!("{ring}{page}"),
        1 => format!("queue-{queue}/{ring}{page}"),
        2 => format!("queue-{queue}/{ring}"),
        _ => format!("queue-{queue}/{port}"),
    }
}

/// Values that mean something, and others.
const VALUES: &[&str] = &[
    "0",
    "1",
    "2",
    "3",
    "4",
    "5",
    "8",
    "16",
    "512",
    "1024",
    "2048",
    "4096",
    "4294967295",
    "4294967296",
    "18446744073709551615",
    "36028797018963967",
    "r",
    "w",
    "phy",
    "qdisk",
    "disk",
    "cdrom",
    "fd:1",
    "x86_32-abi",
    "x86_64-abi",
    "arm-abi",
    "51712",
    "01",
    "-1",
    "+1",
    " 1",
    "",
];

fn value(script: &mut Script<'_>) -> Vec<u8> {
    let choice = usize::from(script.u8());
    match choice {
        0..=127 => VALUES[choice % VALUES.len()].as_bytes().to_vec(),
        128..=191 => script.u8().to_string().into_bytes(),
        192..=207 => script.u32().to_string().into_bytes(),
        208..=215 => script.u64().to_string().into_bytes(),
        216..=219 => vec![script.u8(); script.u8().into()],
        220.. => script.bytes(choice - 220).to_vec(),
    }
}
