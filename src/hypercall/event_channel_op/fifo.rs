//! The event ABI of queues, and the calls that set it up.

use xen_public::event_channel::EvtchnPort;
use xen_public::native::event_channel::{
    EVTCHN_FIFO_PRIORITY_DEFAULT, EVTCHN_FIFO_PRIORITY_MAX, EVTCHN_FIFO_PRIORITY_MIN,
    evtchn_expand_array, evtchn_init_control, evtchn_set_priority,
};
use xen_public::xen::{Gfn, PAGE_SIZE, VcpuId};

use crate::hypercall::{Conduit, Error, Result, Xen};
use crate::version::Operation;

/// Where a domain finds its events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
#[non_exhaustive]
pub enum EventAbi {
    /// In the words of the shared page, under a word of selectors for each processor: 1024 ports, or
    /// 4096 where words have 64 bits. There are no priorities.
    TwoLevel,
    /// In a linked queue for each priority of each processor, through an array of words that the guest
    /// [adds to](expand_array) page by page.
    Fifo {
        /// How many bits of an event's word are the link to the next.
        link_bits: u8,
    },
}

/// Gives a processor its control block and so chooses the FIFO ABI (`EVTCHNOP_init_control`). The block
/// is 68 bytes at `offset`, a multiple of 8, in the frame `control`. Returns the number of bits that link
/// one event's word to the next.
///
/// The first call of a domain switches all of its ports over; pending events come with them. Each
/// processor needs a block of its own before events arrive there. Header:
/// `xen/include/public/event_channel.h`.
#[doc = gate_row!(EVTCHNOP_init_control)]
///
/// # Errors
///
/// [`Error::Argument`] for an offset at which no block can stand; [`Error::Refused`] with EINVAL for a
/// block that is there already or a frame that is not the domain's, ENOENT for a processor that is not
/// there; [`Error::Nonsense`] for link bits that no word has; [`Error::Unsupported`] for a Xen before
/// 4.4 or built without the FIFO: stay with two levels, as [`set_up_fifo`] does.
///
/// # Safety
///
/// From this call to a reset of the domain's event channels, Xen reads and writes the block at any time:
/// the frame is ordinary memory of this domain that nothing but atomics and volatile accesses uses.
#[doc(alias = "EVTCHNOP_init_control")]
#[doc(alias = "evtchn_init_control")]
pub unsafe fn init_control(
    xen: &Xen<impl Conduit>,
    vcpu: VcpuId,
    control: Gfn,
    offset: u32,
) -> Result<u8> {
    let operation = Operation::EVTCHNOP_init_control;
    // A word of ready queues, a reserved one, and a head for each of 16.
    const BLOCK: u32 = 4 + 4 + 16 * 4;
    if offset % 8 != 0 || offset > PAGE_SIZE as u32 - BLOCK {
        return Err(Error::Argument {
            call: operation.name(),
            argument: "offset",
            value: offset.into(),
        });
    }
    let mut argument = evtchn_init_control {
        control_gfn: control.get(),
        offset,
        vcpu: vcpu.get(),
        ..evtchn_init_control::ZERO
    };
    // SAFETY: the call reads and writes one `evtchn_init_control`; what Xen does with the frame from now
    // on is what the caller vouches for.
    unsafe { xen.call_with(operation, &mut argument) }?;
    // An event's word has 29 bits beside its flags.
    match argument.link_bits {
        bits @ 1..=29 => Ok(bits),
        bits => Err(Error::Nonsense {
            call: operation.name(),
            answer: bits.into(),
        }),
    }
}

/// Chooses the FIFO ABI by [`init_control`] of the first processor, or stays with two levels where this
/// Xen has nothing else. A program that knows both goes by the result.
///
/// # Errors
///
/// As [`init_control`], but for [`Error::Unsupported`], which is [`EventAbi::TwoLevel`].
///
/// # Safety
///
/// As for [`init_control`].
pub unsafe fn set_up_fifo(
    xen: &Xen<impl Conduit>,
    vcpu: VcpuId,
    control: Gfn,
    offset: u32,
) -> Result<EventAbi> {
    // SAFETY: the caller keeps the contract of this call.
    match unsafe { init_control(xen, vcpu, control, offset) } {
        Ok(link_bits) => Ok(EventAbi::Fifo { link_bits }),
        Err(Error::Unsupported(_)) => Ok(EventAbi::TwoLevel),
        Err(error) => Err(error),
    }
}

/// Adds a page to the array of event words, for the next 1024 ports (`EVTCHNOP_expand_array`). A port
/// without a word can't be used.
///
/// Any domain that chose the [FIFO](set_up_fifo). Header: `xen/include/public/event_channel.h`.
#[doc = gate_row!(EVTCHNOP_expand_array)]
///
/// # Errors
///
/// [`Error::Refused`] with ENOSPC where the array has all of its pages, EINVAL for a frame that is not
/// the domain's, EOPNOTSUPP (ENOSYS before Xen 4.8) while the domain has two levels;
/// [`Error::Unsupported`].
///
/// # Safety
///
/// From this call to a reset of the domain's event channels, Xen reads and writes the page at any time:
/// it is ordinary memory of this domain that nothing but atomics and volatile accesses uses. All of its
/// words are 0, or masked events.
#[doc(alias = "EVTCHNOP_expand_array")]
#[doc(alias = "evtchn_expand_array")]
pub unsafe fn expand_array(xen: &Xen<impl Conduit>, array: Gfn) -> Result<()> {
    let mut argument = evtchn_expand_array {
        array_gfn: array.get(),
    };
    // SAFETY: the call reads one `evtchn_expand_array`; what Xen does with the frame from now on is what
    // the caller vouches for.
    unsafe { xen.call_with(Operation::EVTCHNOP_expand_array, &mut argument) }
}

/// The queue of the FIFO ABI that a port's events go to: 0 is served first, 15 last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Priority(u32);

impl Priority {
    /// Served first.
    #[doc(alias = "EVTCHN_FIFO_PRIORITY_MAX")]
    pub const HIGHEST: Self = Self(EVTCHN_FIFO_PRIORITY_MAX as u32);
    /// That of a port which was given none.
    #[doc(alias = "EVTCHN_FIFO_PRIORITY_DEFAULT")]
    pub const DEFAULT: Self = Self(EVTCHN_FIFO_PRIORITY_DEFAULT as u32);
    /// Served last.
    #[doc(alias = "EVTCHN_FIFO_PRIORITY_MIN")]
    pub const LOWEST: Self = Self(EVTCHN_FIFO_PRIORITY_MIN as u32);

    /// The priority of this number; `None` above 15.
    pub const fn new(number: u32) -> Option<Self> {
        if number <= Self::LOWEST.0 {
            Some(Self(number))
        } else {
            None
        }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// Chooses the queue of a port's events (`EVTCHNOP_set_priority`).
///
/// Any domain that chose the [FIFO](set_up_fifo). With two levels there is nothing to choose and no
/// other way to do it: all ports are alike, and a program goes on without. Header:
/// `xen/include/public/event_channel.h`.
#[doc = gate_row!(EVTCHNOP_set_priority)]
///
/// # Errors
///
/// [`Error::Refused`] with EINVAL for a port that is closed or out of range, ENOSYS while the domain has
/// two levels; [`Error::Unsupported`].
#[doc(alias = "EVTCHNOP_set_priority")]
#[doc(alias = "evtchn_set_priority")]
pub fn set_priority(xen: &Xen<impl Conduit>, port: EvtchnPort, priority: Priority) -> Result<()> {
    let mut argument = evtchn_set_priority {
        port: port.get(),
        priority: priority.get(),
    };
    // SAFETY: the call reads one `evtchn_set_priority` and changes no memory of this domain.
    unsafe { xen.call_with(Operation::EVTCHNOP_set_priority, &mut argument) }
}
