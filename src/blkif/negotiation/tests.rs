//! What is written is read back; anything else is read as a naive reader does, or refused.

mod arbitrary;
mod peers;
mod wrong;

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::convert::Infallible;
use core::num::NonZeroU32;

use quickcheck::quickcheck;
use xen_public::grant_table::GrantRef;

use self::arbitrary::{Choice, Directory};
use super::*;
use crate::blkif::Protocol;

/// A directory of xenstore.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Store(BTreeMap<String, Vec<u8>>);

impl Store {
    fn of(nodes: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), value.as_bytes().to_vec());
        Self(nodes.iter().map(owned).collect())
    }

    fn with(mut self, name: &str, value: &[u8]) -> Self {
        self.0.insert(name.to_owned(), value.to_vec());
        self
    }

    fn without(mut self, name: &str) -> Self {
        assert!(self.0.remove(name).is_some(), "{name}");
        self
    }

    /// What a `write` method takes. No name may be written twice.
    fn writer(&mut self) -> impl FnMut(&str, &dyn core::fmt::Display) -> Result<(), Infallible> {
        |name, value| {
            let before = self.0.insert(name.to_owned(), value.to_string().into());
            assert_eq!(before, None, "{name}");
            Ok(())
        }
    }

    fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(Vec::as_slice)
    }
}

impl Nodes for Store {
    type Error = Infallible;

    fn read(&mut self, name: &str, buffer: &mut [u8]) -> Result<Option<usize>, Infallible> {
        buffer.fill(0xff);
        let list: Vec<(&String, &Vec<u8>)> = self.0.iter().collect();
        Listed(&list).read(name, buffer)
    }
}

/// A number as the standard library reads and prints it again.
fn number(value: &[u8], max: u64) -> Result<u64, ()> {
    let text = core::str::from_utf8(value).map_err(drop)?;
    let number: u128 = text.parse().map_err(drop)?;
    if number.to_string() != text || number > max.into() {
        return Err(());
    }
    Ok(number as u64)
}

/// A naive reader of numbers by name.
impl Store {
    fn number(&self, name: &str, max: u64) -> Result<Option<u64>, ()> {
        self.get(name).map(|value| number(value, max)).transpose()
    }

    fn number_or(&self, name: &str, default: u64) -> Result<u64, ()> {
        Ok(self.number(name, u32::MAX.into())?.unwrap_or(default))
    }

    fn flag(&self, name: &str) -> Result<bool, ()> {
        Ok(self.number(name, 1)? == Some(1))
    }
}

fn naive_offer(store: &Store) -> Result<BackendTransport, ()> {
    let order = store.number_or("max-ring-page-order", 0)?;
    let pages = store.number_or("max-ring-pages", 1)?;
    if ![1, 2, 4, 8, 16].contains(&pages) && (pages < 16 || pages.count_ones() != 1) {
        return Err(());
    }
    let by_order = [1, 2, 4, 8].get(order as usize).copied().unwrap_or(16);
    let queues = store.number_or("multi-queue-max-queues", 1)? as u32;
    Ok(BackendTransport {
        ring: RingPages::from_pages((pages as u32).min(16).max(by_order)).ok_or(())?,
        queues: NonZeroU32::new(queues).ok_or(())?,
    })
}

/// The protocol, pages, queues and persistence that a frontend chose, and the rings' grants and ports.
type Chosen = (Protocol, u64, u64, bool, Vec<(Vec<u64>, u64)>);

fn naive_choice(store: &Store, offer: &BackendTransport) -> Result<Chosen, ()> {
    let protocol = match store.get("protocol") {
        None | Some(b"x86_32-abi") => Protocol::X86_32,
        Some(b"x86_64-abi") => Protocol::X86_64,
        Some(b"arm-abi") => Protocol::Arm,
        _ => return Err(()),
    };
    let order = store.number("ring-page-order", u32::MAX.into())?;
    let count = store.number("num-ring-pages", u32::MAX.into())?;
    let counted = order.or(count).is_some();
    let pages = match (order, count) {
        (None, None) => 1,
        (Some(order), None) if order < 5 => 1 << order,
        (None, Some(count)) if [1, 2, 4, 8, 16].contains(&count) => count,
        (Some(order), Some(count)) if order < 5 && 1 << order == count => count,
        _ => return Err(()),
    };
    let queues = store.number_or("multi-queue-num-queues", 1)?;
    let persistent = store.flag("feature-persistent")?;
    if pages > offer.ring.pages().into() || queues == 0 || queues > offer.queues.get().into() {
        return Err(());
    }
    let mut rings = Vec::new();
    for queue in 0..queues {
        let directory = if queues == 1 {
            String::new()
        } else {
            alloc::format!("queue-{queue}/")
        };
        let read = |name: &str| store.number(&(directory.clone() + name), u32::MAX.into());
        let port = read("event-channel")?.filter(|port| *port != 0).ok_or(())?;
        let mut grants = Vec::new();
        for page in 0..pages {
            let numbered = read(&alloc::format!("ring-ref{page}"));
            grants.push(match (pages, counted) {
                (1, false) => read("ring-ref")?.ok_or(())?,
                (1, true) => match (numbered?, read("ring-ref")?) {
                    (Some(one), Some(other)) if one != other => return Err(()),
                    (one, other) => one.or(other).ok_or(())?,
                },
                _ => numbered?.ok_or(())?,
            });
        }
        rings.push((grants, port));
    }
    Ok((protocol, pages, queues, persistent, rings))
}

/// The same by the code under test.
fn chosen(store: &mut Store, offer: &BackendTransport) -> Result<Chosen, Error<Infallible>> {
    let transport = FrontendTransport::read(store, offer, Protocol::X86_32)?;
    let queues = transport.queues().get();
    let rings = (0..queues).map(|queue| {
        let queue = transport.read_queue(store, queue)?;
        let grants = queue.ring.as_slice().iter();
        let grants = grants.map(|grant| grant.get().into()).collect();
        Ok((grants, queue.event_channel.get().into()))
    });
    Ok((
        transport.protocol(),
        transport.ring().pages().into(),
        queues.into(),
        transport.persistent(),
        rings.collect::<Result<_, Error<Infallible>>>()?,
    ))
}

fn naive_properties(store: &Store) -> Result<BackendProperties, ()> {
    let required = |name, max| store.number(name, max)?.ok_or(());
    let sector_size = required("sector-size", u32::MAX.into())?;
    if ![512, 1024, 2048, 4096].contains(&sector_size) {
        return Err(());
    }
    let physical = store.number_or("physical-sector-size", sector_size)?;
    if physical == 0 || physical % sector_size != 0 {
        return Err(());
    }
    let discard = if store.flag("feature-discard")? {
        let granularity = match store.number_or("discard-granularity", 0)? {
            0 => sector_size,
            bytes => bytes,
        };
        let alignment = store.number_or("discard-alignment", 0)?;
        if granularity % sector_size != 0 || alignment % 512 != 0 {
            return Err(());
        }
        Some(Discard {
            granularity: granularity as u32,
            alignment: alignment as u32,
            secure: store.flag("discard-secure")?,
        })
    } else {
        None
    };
    Ok(BackendProperties {
        barrier: store.flag("feature-barrier")?,
        flush_cache: store.flag("feature-flush-cache")?,
        persistent: store.flag("feature-persistent")?,
        max_indirect_segments: store
            .number_or("feature-max-indirect-segments", 0)?
            .min(4096) as u16,
        discard,
        info: VdiskFlags::from_bits(required("info", u32::MAX.into())? as u32),
        sector_size: sector_size as u32,
        physical_sector_size: physical as u32,
        sectors: required("sectors", 0x7f_ffff_ffff_ffff)?,
    })
}

quickcheck! {
    fn an_offer_is_read_back(offer: BackendTransport) -> bool {
        let mut store = Store::default();
        offer.write(store.writer()) == Ok(()) && BackendTransport::read(&mut store) == Ok(offer)
    }

    fn properties_are_read_back(properties: BackendProperties) -> bool {
        let mut store = Store::default();
        properties.write(store.writer()) == Ok(())
            && BackendProperties::read(&mut store) == Ok(properties)
    }

    fn configurations_are_read_back(
        backend: BackendConfiguration,
        frontend: FrontendConfiguration
    ) -> bool {
        let mut store = Store::default();
        backend.write(store.writer()).unwrap();
        let mut other = Store::default();
        frontend.write(other.writer()).unwrap();
        BackendConfiguration::read(&mut store) == Ok(backend)
            && FrontendConfiguration::read(&mut other) == Ok(frontend)
    }

    fn a_choice_is_read_back(choice: Choice, absent: bool) -> bool {
        let mut store = Store::default();
        choice.transport.write(store.writer()).unwrap();
        for (index, queue) in (0..).zip(&choice.queues) {
            choice.transport.write_queue(index, queue, store.writer()).unwrap();
        }
        let offer = BackendTransport {
            ring: choice.transport.ring(),
            queues: choice.transport.queues(),
        };
        let absent = if absent { Protocol::Arm } else { Protocol::X86_32 };
        let read = FrontendTransport::read(&mut store, &offer, absent).unwrap();
        let queues: Result<Vec<Queue>, _> =
            (0..read.queues().get()).map(|queue| read.read_queue(&mut store, queue)).collect();
        read == choice.transport && queues == Ok(choice.queues)
    }

    fn an_offer_is_as_the_naive_reader_has_it(directory: Directory) -> bool {
        let mut store = directory.0;
        let expected = naive_offer(&store);
        BackendTransport::read(&mut store).map_err(drop) == expected
    }

    fn properties_are_as_the_naive_reader_has_them(directory: Directory) -> bool {
        let mut store = directory.0;
        let expected = naive_properties(&store);
        BackendProperties::read(&mut store).map_err(drop) == expected
    }

    fn a_choice_is_as_the_naive_reader_has_it(
        directory: Directory,
        offer: BackendTransport
    ) -> bool {
        let mut store = directory.0;
        let expected = naive_choice(&store, &offer);
        chosen(&mut store, &offer).map_err(drop) == expected
    }

    fn configurations_of_anyone_print_as_they_were_read(directory: Directory) -> bool {
        let mut store = directory.0;
        if let Ok(backend) = BackendConfiguration::read(&mut store) {
            let mut again = Store::default();
            backend.write(again.writer()).unwrap();
            for (name, value) in &again.0 {
                let before = store.get(name);
                let default: &[u8] = if name == "discard-enable" { b"1" } else { b"0" };
                assert_eq!(before.unwrap_or(default), value.as_slice(), "{name}");
            }
        }
        if let Ok(frontend) = FrontendConfiguration::read(&mut store) {
            let mut again = Store::default();
            frontend.write(again.writer()).unwrap();
            for (name, value) in &again.0 {
                assert_eq!(store.get(name).unwrap_or(b"1"), value.as_slice(), "{name}");
            }
        }
        true
    }

    fn errors_name_a_node_and_its_value(directory: Directory) -> bool {
        let mut store = directory.0;
        let offer = BackendTransport::MINIMAL;
        let errors = [
            BackendTransport::read(&mut store).err(),
            BackendProperties::read(&mut store).err(),
            BackendConfiguration::read(&mut store).err(),
            FrontendConfiguration::read(&mut store).err(),
            FrontendTransport::read(&mut store, &offer, Protocol::Arm).err(),
        ];
        errors.into_iter().flatten().all(|error| {
            let Error::Value(error) = error;
            let value = store.get(&error.node().to_string());
            error.to_string().starts_with(&error.node().to_string())
                && match (value, error.value()) {
                    (None, None) => error.fault() == Fault::Missing,
                    (Some(value), Some(excerpt)) => {
                        excerpt.length() == value.len() && value.starts_with(excerpt.as_bytes())
                    }
                    _ => false,
                }
        })
    }
}

#[test]
fn the_largest_indirect_request_is_that_of_the_header() {
    assert_eq!(BackendProperties::MAX_INDIRECT_SEGMENTS, 4096);
}

#[test]
fn rings_have_1_to_16_pages() {
    for pages in 0..70 {
        let known = [1, 2, 4, 8, 16].iter().position(|known| *known == pages);
        let ring = RingPages::from_pages(pages);
        assert_eq!(ring.map(|ring| ring.order() as usize), known);
        assert_eq!(ring.map(RingPages::pages), known.map(|_| pages));
        let grants: Vec<GrantRef> = (0..pages).map(GrantRef::new).collect();
        let refs = RingRefs::new(&grants);
        assert_eq!(refs.map(|refs| refs.pages()), ring);
        assert_eq!(
            refs.map(|refs| refs.as_slice().to_vec()),
            known.map(|_| grants)
        );
    }
    for order in 0..40 {
        assert_eq!(RingPages::from_order(order).is_some(), order <= 4);
    }
    assert_eq!(RingPages::from_order(u32::MAX), None);
    assert_eq!(RingPages::from_pages(1 << 31), None);
}
