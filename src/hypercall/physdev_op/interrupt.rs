//! Real interrupts as events: pirqs.

use xen_public::native::physdev::{
    MAP_PIRQ_TYPE_GSI, MAP_PIRQ_TYPE_MSI, MAP_PIRQ_TYPE_MSI_SEG, MAP_PIRQ_TYPE_MULTI_MSI,
    XENIRQSTAT_needs_eoi, XENIRQSTAT_shared, physdev_eoi, physdev_get_free_pirq,
    physdev_irq_status_query, physdev_map_pirq, physdev_pirq_eoi_gmfn, physdev_unmap_pirq,
};
use xen_public::xen::{DomId, Gfn};

use super::{PciDevice, alloc_irq_vector, compat, operate, wrong};
use crate::hypercall::xen::only_zero;
use crate::hypercall::{Conduit, Error, Plan, Result, Xen};
use crate::version::Operation;

/// The number of a real interrupt in a domain.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Pirq(u32);

impl Pirq {
    /// The pirq of this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl core::fmt::Display for Pirq {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

/// Says that an interrupt was served, so that Xen lets its line be raised again (`PHYSDEVOP_eoi`).
///
/// For any guest with pirqs. Where [`pirq_eoi_gmfn`] was answered with [`EoiMap::Unmasking`], Xen
/// unmasks the pirq's event channel too. Where Xen has no such sub-op, [`irq_unmask_notify`] takes
/// its place, which is about all pirqs whose event channel is not masked: unmask that one before.
/// Header: `xen/include/public/physdev.h`.
#[doc = gate_row!(PHYSDEVOP_eoi)]
///
/// # Errors
///
/// [`Error::Refused`] with EINVAL for a number that is no pirq of this domain;
/// [`Error::Unsupported`] for a guest without pirqs.
#[doc(alias = "PHYSDEVOP_eoi")]
#[doc(alias = "physdev_eoi")]
#[inline]
pub fn eoi(xen: &Xen<impl Conduit>, pirq: Pirq) -> Result<()> {
    let mut argument = physdev_eoi { irq: pirq.0 };
    // SAFETY: the call reads one `physdev_eoi` and changes no memory but bits in pages that are only
    // reached by atomics.
    match unsafe { xen.call_with(Operation::PHYSDEVOP_eoi, &mut argument) } {
        Err(error @ Error::Unsupported(_)) => notify_instead(xen, error),
        result => result,
    }
}

/// What [`eoi`] does where Xen doesn't know it.
#[cold]
#[inline(never)]
fn notify_instead(xen: &Xen<impl Conduit>, missing: Error) -> Result<()> {
    match irq_unmask_notify(xen) {
        Err(Error::Unsupported(_)) => Err(missing),
        result => result,
    }
}

/// Says that pirqs may come again: all whose event channels are not masked
/// (`PHYSDEVOP_IRQ_UNMASK_NOTIFY`). [`eoi`] is about one and costs less.
///
/// For any PV guest. Header: `xen/include/public/physdev.h`.
#[doc = gate_row!(PHYSDEVOP_IRQ_UNMASK_NOTIFY)]
///
/// # Errors
///
/// [`Error::Unsupported`] for guests that are not PV.
#[doc(alias = "PHYSDEVOP_IRQ_UNMASK_NOTIFY")]
pub fn irq_unmask_notify(xen: &Xen<impl Conduit>) -> Result<()> {
    let operation = Operation::PHYSDEVOP_IRQ_UNMASK_NOTIFY;
    // SAFETY: the call has no argument and changes no memory.
    match unsafe { xen.call(operation, [0; 4]) } {
        Err(error @ Error::Unsupported(_)) => {
            // SAFETY: the same call, whose argument is none of the structures: it looks at nothing.
            unsafe { compat(xen, operation, &mut [0_u32; 0], error) }
        }
        answer => only_zero(operation, answer?),
    }
}

/// What Xen says of a pirq's line.
#[doc(alias = "XENIRQSTAT")]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct IrqStatus(u32);

impl IrqStatus {
    /// Whether an [`eoi`] is needed once an interrupt was served.
    #[doc(alias = "XENIRQSTAT_needs_eoi")]
    #[doc(alias = "PHYSDEVOP_IRQ_NEEDS_UNMASK_NOTIFY")]
    pub const fn needs_eoi(self) -> bool {
        self.0 & XENIRQSTAT_needs_eoi != 0
    }

    /// Whether several domains share the line.
    #[doc(alias = "XENIRQSTAT_shared")]
    #[doc(alias = "PHYSDEVOP_IRQ_SHARED")]
    pub const fn shared(self) -> bool {
        self.0 & XENIRQSTAT_shared != 0
    }

    /// All bits, those unknown to this crate too.
    pub const fn bits(self) -> u32 {
        self.0
    }
}

/// Asks about a pirq's line (`PHYSDEVOP_irq_status_query`).
///
/// For any guest with pirqs. Header: `xen/include/public/physdev.h`.
#[doc = gate_row!(PHYSDEVOP_irq_status_query)]
///
/// # Errors
///
/// [`Error::Refused`] with EINVAL for a number that is no pirq of this domain;
/// [`Error::Unsupported`] for a guest without pirqs.
#[doc(alias = "PHYSDEVOP_irq_status_query")]
#[doc(alias = "PHYSDEVOP_IRQ_STATUS_QUERY")]
#[doc(alias = "physdev_irq_status_query")]
pub fn irq_status_query(xen: &Xen<impl Conduit>, pirq: Pirq) -> Result<IrqStatus> {
    let mut argument = physdev_irq_status_query {
        irq: pirq.0,
        flags: 0,
    };
    // SAFETY: the sub-op's structure, which the call reads and writes; it changes nothing else.
    unsafe { operate(xen, Operation::PHYSDEVOP_irq_status_query, &mut argument) }?;
    Ok(IrqStatus(argument.flags))
}

/// What a shared page of pirqs changes about [`eoi`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[must_use]
pub enum EoiMap {
    /// Nothing but that it is only needed for a pirq whose bit is set
    /// (`PHYSDEVOP_pirq_eoi_gmfn_v2`).
    Plain,
    /// It also unmasks the pirq's event channel (`PHYSDEVOP_pirq_eoi_gmfn_v1`). Where it is not
    /// needed, the guest unmasks the event channel itself.
    Unmasking,
}

/// Shares a page in which Xen keeps a bit for each pirq: whether it needs an [`eoi`]
/// (`PHYSDEVOP_pirq_eoi_gmfn_v2`). Where Xen does not have it the first form is taken
/// (`PHYSDEVOP_pirq_eoi_gmfn_v1`), which changes what [`eoi`] does: the answer says which it was.
///
/// `frame` is a page of the guest's own, by the number that its interfaces take: a machine frame in
/// a PV guest. The lowest bit is that of pirq 0. Once for a domain, and for as long as it lives.
/// For any PV guest. Without either form ask each pirq by [`irq_status_query`]. Header:
/// `xen/include/public/physdev.h`.
#[doc = gate_row!(PHYSDEVOP_pirq_eoi_gmfn_v2)]
///
/// # Errors
///
/// [`Error::Refused`] with EBUSY where the domain has shared a page before, EINVAL for a frame that
/// is not an ordinary page of this domain's; [`Error::Argument`] on x86_32 for a frame of more than
/// 32 bits.
///
/// # Safety
///
/// Xen writes to the page from now on, for as long as the domain lives: it is only reached by
/// atomics.
#[doc(alias = "PHYSDEVOP_pirq_eoi_gmfn")]
#[doc(alias = "PHYSDEVOP_pirq_eoi_gmfn_v1")]
#[doc(alias = "PHYSDEVOP_pirq_eoi_gmfn_v2")]
#[doc(alias = "physdev_pirq_eoi_gmfn")]
pub unsafe fn pirq_eoi_gmfn(xen: &Xen<impl Conduit>, frame: Gfn) -> Result<EoiMap> {
    let newer = Operation::PHYSDEVOP_pirq_eoi_gmfn_v2;
    // On x86_32 a frame's number has 32 bits.
    #[allow(clippy::useless_conversion)]
    let gmfn = frame.get().try_into();
    let mut argument = physdev_pirq_eoi_gmfn {
        gmfn: gmfn.map_err(|_| wrong(newer, "gmfn", frame.get()))?,
    };
    // SAFETY: the call reads one `physdev_pirq_eoi_gmfn`; the caller gives the page away.
    let missing = match unsafe { xen.call_with(newer, &mut argument) } {
        Err(error @ Error::Unsupported(_)) => error,
        result => return result.map(|()| EoiMap::Plain),
    };
    let older = Operation::PHYSDEVOP_pirq_eoi_gmfn_v1;
    // SAFETY: as above.
    match unsafe { xen.call_with(older, &mut argument) } {
        Err(Error::Unsupported(_)) => Err(missing),
        result => result.map(|()| EoiMap::Unmasking),
    }
}

/// Which number a pirq is to have.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PirqChoice {
    /// Any that is free.
    Any,
    /// This one.
    This(Pirq),
}

impl PirqChoice {
    fn raw(self, operation: Operation) -> Result<i32> {
        match self {
            Self::Any => Ok(-1),
            Self::This(Pirq(number)) => {
                i32::try_from(number).map_err(|_| wrong(operation, "pirq", number.into()))
            }
        }
    }
}

/// Where an interrupt comes from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Source {
    /// An input of the interrupt controllers, counted over all of them (`MAP_PIRQ_TYPE_GSI`).
    #[doc(alias = "MAP_PIRQ_TYPE_GSI")]
    Gsi(u32),
    /// The one message of a PCI device (`MAP_PIRQ_TYPE_MSI_SEG`, or `MAP_PIRQ_TYPE_MSI` where Xen
    /// does not know that and the device is in segment 0).
    #[doc(alias = "MAP_PIRQ_TYPE_MSI")]
    #[doc(alias = "MAP_PIRQ_TYPE_MSI_SEG")]
    Msi(PciDevice),
    /// A message from the table of a PCI device (MSI-X), by the same types.
    MsiX {
        /// The device.
        device: PciDevice,
        /// The entry in the table.
        entry: u16,
        /// The address of the table in the machine's memory.
        table: u64,
    },
}

/// A pirq that was mapped.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[must_use]
pub struct MappedPirq {
    /// Its number.
    pub pirq: Pirq,
    /// The interrupt vector, where Xen leaves it to the guest to write it to the interrupt
    /// controller ([`apic_write`](super::apic_write)): before Xen 3.3.
    pub vector: Option<u32>,
}

/// Makes an interrupt a pirq of a domain (`PHYSDEVOP_map_pirq`).
///
/// For a domain's own devices, and for others by whoever controls them; an HVM guest maps its
/// emulated lines. Where Xen does not have it, domain 0 gets the vector of a line
/// ([`alloc_irq_vector`]), and the pirq has the line's number; messages can't be had. Header:
/// `xen/include/public/physdev.h`.
#[doc = gate_row!(PHYSDEVOP_map_pirq)]
///
/// # Errors
///
/// [`Error::Unsupported`] for a device outside of segment 0 where Xen knows no others, and where
/// the older way does not lead to what was asked for. [`Error::Refused`] with EINVAL for a line or
/// a device that is not there, ENODEV for one without messages, EEXIST for a pirq that has another
/// source, EPERM and ESRCH for the domain, ENOSPC where no number is free. [`Error::Argument`] for
/// numbers of more than 31 bits, and an address 0 of a table.
#[doc(alias = "PHYSDEVOP_map_pirq")]
#[doc(alias = "physdev_map_pirq")]
pub fn map_pirq(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    source: Source,
    choice: PirqChoice,
) -> Result<MappedPirq> {
    let operation = Operation::PHYSDEVOP_map_pirq;
    let mut argument = physdev_map_pirq {
        domid: domain.get(),
        pirq: choice.raw(operation)?,
        index: -1,
        ..physdev_map_pirq::ZERO
    };
    match source {
        Source::Gsi(line) => {
            let index = i32::try_from(line);
            argument.index = index.map_err(|_| wrong(operation, "index", line.into()))?;
            argument.r#type = MAP_PIRQ_TYPE_GSI;
        }
        Source::Msi(device) => by_message(xen, &mut argument, device)?,
        Source::MsiX { table: 0, .. } => return Err(wrong(operation, "table_base", 0)),
        Source::MsiX {
            device,
            entry,
            table,
        } => {
            by_message(xen, &mut argument, device)?;
            argument.entry_nr = entry.into();
            argument.table_base = table;
        }
    }
    match map(xen, &mut argument) {
        Ok(pirq) => Ok(MappedPirq { pirq, vector: None }),
        Err(error @ Error::Unsupported(_)) => by_vector(xen, domain, source, choice, error),
        Err(error) => Err(error),
    }
}

/// Fills in the device of a message, and the type that can say it.
fn by_message(
    xen: &Xen<impl Conduit>,
    argument: &mut physdev_map_pirq,
    device: PciDevice,
) -> Result<()> {
    argument.bus = device.bus.into();
    argument.devfn = device.devfn.into();
    argument.r#type = MAP_PIRQ_TYPE_MSI;
    match xen.can(Operation::MAP_PIRQ_TYPE_MSI_SEG) {
        Ok(()) => {
            argument.r#type = MAP_PIRQ_TYPE_MSI_SEG;
            argument.bus |= segment(device);
        }
        Err(missing) if device.segment != 0 => return Err(missing.into()),
        Err(_) => {}
    }
    Ok(())
}

/// A device's segment where `bus` has it.
fn segment(device: PciDevice) -> i32 {
    (u32::from(device.segment) << 16) as i32
}

/// Makes the call and checks the number that it gave.
fn map(xen: &Xen<impl Conduit>, argument: &mut physdev_map_pirq) -> Result<Pirq> {
    let operation = Operation::PHYSDEVOP_map_pirq;
    // SAFETY: the call reads and writes one `physdev_map_pirq` and changes no memory.
    unsafe { xen.call_with(operation, argument) }?;
    let pirq = argument.pirq;
    u32::try_from(pirq).map(Pirq).map_err(|_| Error::Nonsense {
        call: operation.name(),
        answer: pirq as isize,
    })
}

/// Maps a line of domain 0 where its pirq has the line's own number; otherwise returns `missing`.
#[cold]
#[inline(never)]
fn by_vector(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    source: Source,
    choice: PirqChoice,
    missing: Error,
) -> Result<MappedPirq> {
    let Source::Gsi(line) = source else {
        return Err(missing);
    };
    let pirq = Pirq(line);
    if domain != DomId::SELF || (choice != PirqChoice::Any && choice != PirqChoice::This(pirq)) {
        return Err(missing);
    }
    match alloc_irq_vector(xen, line) {
        Ok(vector) => Ok(MappedPirq {
            pirq,
            vector: Some(vector),
        }),
        Err(Error::Unsupported(_)) => Err(missing),
        Err(error) => Err(error),
    }
}

/// Makes several messages of a PCI device pirqs with numbers in a row, and returns the first
/// (`PHYSDEVOP_map_pirq` with `MAP_PIRQ_TYPE_MULTI_MSI`).
///
/// `count` is how many, 1 to 32; Xen rounds it up to a power of two, and `count` says so
/// afterwards. If Xen answers that there are not so many (ENFILE), it says how many there may
/// be, and nothing was mapped. Where Xen has no such type, one message is mapped as a
/// [`Source::Msi`]. Header: `xen/include/public/physdev.h`.
#[doc = gate_row!(MAP_PIRQ_TYPE_MULTI_MSI)]
///
/// # Errors
///
/// As [`map_pirq`]; [`Error::Refused`] with EDOM for a number of messages that no device has,
/// EOPNOTSUPP for several where the machine can't remap interrupts. [`Error::Nonsense`] for a
/// number of messages below that asked for.
#[doc(alias = "MAP_PIRQ_TYPE_MULTI_MSI")]
pub fn map_multi_msi(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    device: PciDevice,
    count: &mut u32,
    choice: PirqChoice,
) -> Result<Pirq> {
    let operation = Operation::PHYSDEVOP_map_pirq;
    if let Err(missing) = xen.can(Operation::MAP_PIRQ_TYPE_MULTI_MSI) {
        if *count != 1 {
            return Err(missing.into());
        }
        return map_pirq(xen, domain, Source::Msi(device), choice).map(|mapped| mapped.pirq);
    }
    let asked = i32::try_from(*count).map_err(|_| wrong(operation, "entry_nr", (*count).into()))?;
    let mut argument = physdev_map_pirq {
        domid: domain.get(),
        r#type: MAP_PIRQ_TYPE_MULTI_MSI,
        index: -1,
        pirq: choice.raw(operation)?,
        bus: i32::from(device.bus) | segment(device),
        devfn: device.devfn.into(),
        entry_nr: asked,
        ..physdev_map_pirq::ZERO
    };
    let result = map(xen, &mut argument);
    let given = argument.entry_nr;
    if result.is_ok() && given < asked {
        return Err(Error::Nonsense {
            call: operation.name(),
            answer: given as isize,
        });
    }
    if let Ok(given) = u32::try_from(given) {
        *count = given;
    }
    result
}

/// Takes a pirq away from a domain (`PHYSDEVOP_unmap_pirq`). Of several in a row, the first takes
/// all.
///
/// For whoever could map it. Header: `xen/include/public/physdev.h`.
#[doc = gate_row!(PHYSDEVOP_unmap_pirq)]
///
/// # Errors
///
/// [`Error::Refused`] with EINVAL for a number that is no pirq of the domain, EPERM and ESRCH for
/// the domain; [`Error::Argument`] for a number of more than 31 bits.
#[doc(alias = "PHYSDEVOP_unmap_pirq")]
#[doc(alias = "physdev_unmap_pirq")]
pub fn unmap_pirq(xen: &Xen<impl Conduit>, domain: DomId, pirq: Pirq) -> Result<()> {
    let operation = Operation::PHYSDEVOP_unmap_pirq;
    let mut argument = physdev_unmap_pirq {
        domid: domain.get(),
        pirq: PirqChoice::This(pirq).raw(operation)?,
        ..physdev_unmap_pirq::ZERO
    };
    // SAFETY: the call reads one `physdev_unmap_pirq` and changes no memory.
    unsafe { xen.call_with(operation, &mut argument) }
}

/// What a free pirq is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum PirqKind {
    /// A message (`MAP_PIRQ_TYPE_MSI`).
    Msi,
    /// A line (`MAP_PIRQ_TYPE_GSI`).
    Gsi,
}

/// Whether [`map_pirq`] has a way to map this kind and to choose the number. Lines have an older one.
#[cold]
fn chooses<C>(xen: &Xen<C>, kind: PirqKind) -> bool {
    let operation = Operation::PHYSDEVOP_map_pirq;
    match kind {
        PirqKind::Msi => xen.can(operation).is_ok(),
        PirqKind::Gsi => !matches!(xen.plan(operation), Plan::Unsupported(_)),
    }
}

/// Reserves a pirq of this domain for [`map_pirq`] (`PHYSDEVOP_get_free_pirq`). Where Xen does not
/// do that, the answer is [`PirqChoice::Any`], with which [`map_pirq`] chooses and maps in one.
///
/// For any guest with pirqs. Header: `xen/include/public/physdev.h`.
#[doc = gate_row!(PHYSDEVOP_get_free_pirq)]
///
/// # Errors
///
/// [`Error::Refused`] with ENOSPC where none is free; [`Error::Unsupported`] where Xen maps no
/// pirqs either; [`Error::Nonsense`] for a number of more than 31 bits.
#[doc(alias = "PHYSDEVOP_get_free_pirq")]
#[doc(alias = "physdev_get_free_pirq")]
pub fn get_free_pirq(xen: &Xen<impl Conduit>, kind: PirqKind) -> Result<PirqChoice> {
    let operation = Operation::PHYSDEVOP_get_free_pirq;
    let mut argument = physdev_get_free_pirq {
        r#type: match kind {
            PirqKind::Msi => MAP_PIRQ_TYPE_MSI,
            PirqKind::Gsi => MAP_PIRQ_TYPE_GSI,
        },
        pirq: 0,
    };
    // SAFETY: the call reads and writes one `physdev_get_free_pirq` and changes no memory.
    match unsafe { xen.call_with(operation, &mut argument) } {
        Err(Error::Unsupported(_)) if chooses(xen, kind) => return Ok(PirqChoice::Any),
        result => result?,
    }
    let choice = PirqChoice::This(Pirq(argument.pirq));
    choice.raw(operation).map_err(|_| Error::Nonsense {
        call: operation.name(),
        answer: argument.pirq as isize,
    })?;
    Ok(choice)
}
