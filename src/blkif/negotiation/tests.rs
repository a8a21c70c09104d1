//! What is written is read back; anything else is read as a naive reader does, or refused.

mod arbitrary;
mod peers;
mod wrong;

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::convert::Infallible;
use core::fmt::Debug;
use core::num::NonZeroU32;

use quickcheck::{Arbitrary, Gen, quickcheck};
use xen_public::grant_table::GrantRef;

use self::arbitrary::{Choice, Group};
use super::*;
use crate::blkif::{DiscardLimits, Limits, Protocol};

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
        let found: Vec<_> = self
            .get(name)
            .map(|value| (name, value))
            .into_iter()
            .collect();
        Listed(&found).read(name, buffer)
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
        Some(DiscardProperties {
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

/// What printing both configurations gives: the nodes as they are, and defaults where there are none.
fn naive_configurations(store: &Store) -> Result<Store, ()> {
    let mut printed = Store::default();
    for (name, default) in [
        ("online", "0"),
        ("direct-io-safe", "0"),
        ("discard-enable", "1"),
        ("trusted", "1"),
    ] {
        let flag = store.number(name, 1)?;
        let text = flag.map_or(default.to_owned(), |flag| flag.to_string());
        printed = printed.with(name, text.as_bytes());
    }
    let mode = store
        .get("mode")
        .filter(|mode| [b"r", b"w"].iter().any(|known| *mode == *known));
    printed = printed.with("mode", mode.ok_or(())?);
    let device = store.number("virtual-device", u32::MAX.into())?.ok_or(())?;
    printed = printed.with("virtual-device", device.to_string().as_bytes());
    for name in ["type", "device-type"] {
        if let Some(word) = store.get(name) {
            if word.is_empty()
                || word.len() > 32
                || word.iter().any(|byte| !(33..127).contains(byte))
            {
                return Err(());
            }
            printed = printed.with(name, word);
        }
    }
    if let Some(pair) = store.get("physical-device") {
        let text = core::str::from_utf8(pair).map_err(drop)?;
        let (major, minor) = text.split_once(':').ok_or(())?;
        let [major, minor] = [major, minor].map(|part| u32::from_str_radix(part, 16));
        let again = alloc::format!("{:x}:{:x}", major.map_err(drop)?, minor.map_err(drop)?);
        if again != text {
            return Err(());
        }
        printed = printed.with("physical-device", pair);
    }
    Ok(printed)
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
}

/// Many directories of a group: what `read` makes of each is what `naive` says. Both kinds of outcome
/// must be common, or little would be shown.
fn as_the_naive_reader<G: Group, T: PartialEq + Debug, C: Arbitrary + Debug>(
    naive: fn(&Store, &C) -> Result<T, ()>,
    read: fn(&mut Store, &C) -> Result<T, Error<Infallible>>,
) {
    let (cases, size) = if cfg!(miri) { (1, 8) } else { (4000, 100) };
    let mut g = Gen::new(size);
    let mut accepted = 0;
    for _ in 0..cases {
        let mut store = arbitrary::directory::<G>(&mut g);
        let context = C::arbitrary(&mut g);
        let expected = naive(&store, &context);
        let outcome = read(&mut store, &context);
        accepted += u32::from(outcome.is_ok());
        if let Err(error) = outcome {
            says_what_is_wrong(&store, error);
        }
        assert_eq!(outcome.map_err(drop), expected, "{store:?} {context:?}");
    }
    if !cfg!(miri) {
        let some = cases / 20..cases * 19 / 20;
        assert!(some.contains(&accepted), "{accepted} of {cases} accepted");
    }
}

/// The error is about a node, and has the beginning of its value.
fn says_what_is_wrong(store: &Store, error: Error<Infallible>) {
    let Error::Value(wrong) = error;
    let name = wrong.node().to_string();
    assert!(error.to_string().starts_with(&(name.clone() + ": ")));
    match (store.get(&name), wrong.value()) {
        (None, None) => assert_eq!(wrong.fault(), Fault::Missing),
        (Some(value), Some(excerpt)) => {
            assert_eq!(excerpt.length(), value.len());
            assert!(value.starts_with(excerpt.as_bytes()));
        }
        (value, excerpt) => panic!("{name}: {value:?}, but the error has {excerpt:?}"),
    }
}

#[test]
fn an_offer_is_as_the_naive_reader_has_it() {
    as_the_naive_reader::<arbitrary::Offer, _, ()>(
        |store, ()| naive_offer(store),
        |store, ()| BackendTransport::read(store),
    );
}

#[test]
fn properties_are_as_the_naive_reader_has_them() {
    as_the_naive_reader::<arbitrary::Properties, _, ()>(
        |store, ()| naive_properties(store),
        |store, ()| BackendProperties::read(store),
    );
}

#[test]
fn a_choice_is_as_the_naive_reader_has_it() {
    as_the_naive_reader::<arbitrary::Transport, _, BackendTransport>(naive_choice, chosen);
}

#[test]
fn configurations_are_as_the_naive_reader_has_them() {
    as_the_naive_reader::<arbitrary::Configuration, _, ()>(
        |store, ()| naive_configurations(store),
        |store, ()| {
            let mut printed = Store::default();
            BackendConfiguration::read(store)?.write(printed.writer())?;
            let mut frontend = Store::default();
            FrontendConfiguration::read(store)?.write(frontend.writer())?;
            printed.0.extend(frontend.0);
            Ok(printed)
        },
    );
}

quickcheck! {
    fn what_is_published_is_what_is_served(properties: BackendProperties) -> bool {
        let mut expected = Limits::new(properties.sectors);
        for (flag, with) in [
            (properties.barrier, Limits::with_barrier as fn(Limits) -> Limits),
            (properties.flush_cache, Limits::with_flush),
            (properties.info.bits() & 4 != 0, Limits::with_read_only),
        ] {
            if flag {
                expected = with(expected);
            }
        }
        expected = expected
            .with_indirect(properties.max_indirect_segments)
            .with_sector_size(properties.sector_size)
            .unwrap();
        if let Some(DiscardProperties { granularity, alignment, secure }) = properties.discard {
            let discard = DiscardLimits::new(granularity, alignment).unwrap();
            expected = expected.with_discard(if secure { discard.with_secure() } else { discard });
        }
        properties.limits() == Ok(expected)
    }
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
