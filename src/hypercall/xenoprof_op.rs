//! `HYPERVISOR_xenoprof_op`: profiling of the whole machine, in which Xen samples what domains do
//! (`xen/include/public/xenoprof.h`).
//!
//! Domain 0, the primary profiler, says which domains take part and what is counted; each *active*
//! one of them has its own buffer and reads it when `VIRQ_XENOPROF` comes, the samples of a
//! *passive* one go to the primary. The order is: [`init`], [`set_active`] and [`set_passive`],
//! [`reserve_counters`], [`counter`], [`setup_events`], [`enable_virq`] in each active domain,
//! [`start`]; and back: [`stop`], [`disable_virq`], [`release_counters`], [`shutdown`]. Xen refuses
//! what comes out of order (EPERM).
//!
//! For PV guests, from Xen 3.0.3 until 4.22, which has it no longer.
#![allow(unsafe_code)]

use xen_public::native::xenoprof::{
    XENOPROF_CPU_TYPE_SIZE, xenoprof_counter, xenoprof_get_buffer, xenoprof_ibs_counter,
    xenoprof_init, xenoprof_passive,
};
use xen_public::xen::DomId;

use super::xen::only_zero;
use super::{Conduit, Error, Result, Xen};
use crate::version::Operation;

/// How long the name of a processor's kind can be, with the NUL that ends it.
#[doc(alias = "XENOPROF_CPU_TYPE_SIZE")]
pub const CPU_TYPE_LEN: usize = XENOPROF_CPU_TYPE_SIZE as usize;

/// What [`init`] found.
#[doc(alias = "xenoprof_init")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Init {
    /// How many events can be counted at a time.
    pub events: u32,
    /// Whether this domain is the primary profiler.
    pub primary: bool,
    name: [u8; CPU_TYPE_LEN],
    length: usize,
}

impl Init {
    /// The kind of the machine's processors, as OProfile names it (`i386/core_2`).
    pub fn cpu_type(&self) -> &[u8] {
        &self.name[..self.length]
    }
}

/// A number that Xen left and that can't be below 0.
fn positive(operation: Operation, number: i32) -> Result<u32> {
    u32::try_from(number).map_err(|_| Error::Nonsense {
        call: operation.name(),
        answer: number as isize,
    })
}

/// Begins to profile (`XENOPROF_init`): domain 0 becomes the primary profiler.
///
/// For any PV guest. Header: `xen/include/public/xenoprof.h`.
#[doc = gate_row!(XENOPROF_init)]
///
/// # Errors
///
/// [`Error::Refused`] with ENODEV for a kind of processor that Xen can't count on;
/// [`Error::Unterminated`] for a name without an end, [`Error::Nonsense`] for a number below 0.
#[doc(alias = "XENOPROF_init")]
pub fn init(xen: &Xen<impl Conduit>) -> Result<Init> {
    let operation = Operation::XENOPROF_init;
    let mut argument = xenoprof_init {
        // Not NUL: a name that was never written does not pass for an empty one.
        cpu_type: [0xff; CPU_TYPE_LEN],
        ..xenoprof_init::ZERO
    };
    // SAFETY: the call reads and writes one `xenoprof_init` and changes no memory.
    unsafe { xen.call_with(operation, &mut argument) }?;
    let xenoprof_init {
        num_events,
        is_primary,
        cpu_type: name,
    } = argument;
    let end = name.iter().position(|&byte| byte == 0);
    Ok(Init {
        events: positive(operation, num_events)?,
        primary: is_primary != 0,
        name,
        length: end.ok_or(Error::Unterminated {
            call: operation.name(),
            size: CPU_TYPE_LEN,
        })?,
    })
}

/// Functions without an argument.
macro_rules! without_argument {
    ($(
        $(#[$doc:meta])*
        $name:ident $operation:ident $alias:literal $who:literal { $(#[$errors:meta])* }
    )*) => {$(
        $(#[$doc])*
        ///
        #[doc = $who]
        /// Header: `xen/include/public/xenoprof.h`.
        #[doc = gate_row!($operation)]
        ///
        /// # Errors
        ///
        $(#[$errors])*
        #[doc(alias = $alias)]
        pub fn $name(xen: &Xen<impl Conduit>) -> Result<()> {
            let operation = Operation::$operation;
            // SAFETY: the call has no pointer. It writes to buffers that were shared, which are only
            // reached by atomics.
            only_zero(operation, unsafe { xen.call(operation, [0; 4]) }?)
        }
    )*};
}

without_argument! {
    /// Forgets which domains are active (`XENOPROF_reset_active_list`).
    reset_active_list XENOPROF_reset_active_list "XENOPROF_reset_active_list"
        "For the primary profiler." {
            /// [`Error::Refused`] with EPERM for other domains.
        }

    /// Forgets which domains are passive (`XENOPROF_reset_passive_list`).
    reset_passive_list XENOPROF_reset_passive_list "XENOPROF_reset_passive_list"
        "For the primary profiler." {
            /// [`Error::Refused`] with EPERM for other domains.
        }

    /// Takes the machine's counters (`XENOPROF_reserve_counters`).
    reserve_counters XENOPROF_reserve_counters "XENOPROF_reserve_counters"
        "For the primary profiler." {
            /// [`Error::Refused`] with EPERM for other domains and out of order, EBUSY for counters
            /// in use.
        }

    /// Writes the choice of events to the counters (`XENOPROF_setup_events`).
    setup_events XENOPROF_setup_events "XENOPROF_setup_events"
        "For the primary profiler." {
            /// [`Error::Refused`] with EPERM for other domains and out of order.
        }

    /// Lets this domain be told of samples (`XENOPROF_enable_virq`).
    enable_virq XENOPROF_enable_virq "XENOPROF_enable_virq"
        "For active domains." {
            /// [`Error::Refused`] with EPERM for a domain that is not active, and out of order.
        }

    /// Begins to count (`XENOPROF_start`), once all active domains are ready.
    start XENOPROF_start "XENOPROF_start"
        "For the primary profiler." {
            /// [`Error::Refused`] with EPERM for other domains, out of order, and while an active
            /// domain is not ready.
        }

    /// Ends the counting (`XENOPROF_stop`).
    stop XENOPROF_stop "XENOPROF_stop"
        "For the primary profiler." {
            /// [`Error::Refused`] with EPERM for other domains and out of order.
        }

    /// Takes this domain out of the profile (`XENOPROF_disable_virq`), and its buffer away.
    disable_virq XENOPROF_disable_virq "XENOPROF_disable_virq"
        "For active domains." {
            /// [`Error::Refused`] with EPERM for a domain that is not active, and while Xen counts.
        }

    /// Gives the machine's counters back (`XENOPROF_release_counters`).
    release_counters XENOPROF_release_counters "XENOPROF_release_counters"
        "For the primary profiler." {
            /// [`Error::Refused`] with EPERM for other domains and out of order.
        }

    /// Ends the profile (`XENOPROF_shutdown`): there is no primary profiler any more.
    shutdown XENOPROF_shutdown "XENOPROF_shutdown"
        "For the primary profiler." {
            /// [`Error::Refused`] with EPERM for other domains and out of order.
        }
}

/// Makes a domain active (`XENOPROF_set_active`).
///
/// For the primary profiler. Header: `xen/include/public/xenoprof.h`.
#[doc = gate_row!(XENOPROF_set_active)]
///
/// # Errors
///
/// [`Error::Refused`] with EPERM for other domains and out of order, EINVAL for a domain that is
/// not there, E2BIG for more domains than Xen keeps.
#[doc(alias = "XENOPROF_set_active")]
pub fn set_active(xen: &Xen<impl Conduit>, domain: DomId) -> Result<()> {
    let mut argument = domain.get();
    // SAFETY: the call reads a domain's number of 16 bits and changes no memory.
    unsafe { xen.call_with(Operation::XENOPROF_set_active, &mut argument) }
}

/// Buffers that Xen has shared: a `xenoprof_buf` for each virtual processor, one behind the other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[must_use]
pub struct Buffers {
    /// How many.
    pub count: u32,
    /// The size of each, in bytes.
    pub size: u32,
    /// The address of the first: in the machine's memory for a PV guest, to be mapped as a page of
    /// Xen's (`DOMID_XEN`); otherwise the address that was asked for.
    pub address: u64,
}

/// What comes of the fields that Xen fills in.
fn buffers(operation: Operation, count: i32, size: i32, address: u64) -> Result<Buffers> {
    Ok(Buffers {
        count: positive(operation, count)?,
        size: positive(operation, size)?,
        address,
    })
}

/// The number of samples that a buffer shall hold, as Xen takes it.
fn samples(operation: Operation, number: u32) -> Result<i32> {
    i32::try_from(number).map_err(|_| Error::Argument {
        call: operation.name(),
        argument: "max_samples",
        value: number.into(),
    })
}

/// Makes a domain passive, and shares its buffers with the primary profiler
/// (`XENOPROF_set_passive`).
///
/// `samples` is how many each shall hold. `address` is where a translated domain is to have the
/// buffers in its physical memory. For the primary profiler. Header:
/// `xen/include/public/xenoprof.h`.
#[doc = gate_row!(XENOPROF_set_passive)]
///
/// # Errors
///
/// [`Error::Refused`] with EPERM for other domains and out of order, EINVAL for a domain that is
/// not there, E2BIG for more domains than Xen keeps, ENOMEM; [`Error::Argument`] for a number of
/// more than 31 bits; [`Error::Nonsense`] for a number or a size below 0.
///
/// # Safety
///
/// In a translated domain the buffers take the place of the memory at the address, which is
/// nobody's.
#[doc(alias = "XENOPROF_set_passive")]
#[doc(alias = "xenoprof_passive")]
pub unsafe fn set_passive(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    samples: u32,
    address: u64,
) -> Result<Buffers> {
    let operation = Operation::XENOPROF_set_passive;
    let mut argument = xenoprof_passive {
        domain_id: domain.get(),
        max_samples: self::samples(operation, samples)?,
        buf_gmaddr: address,
        ..xenoprof_passive::ZERO
    };
    // SAFETY: the call reads and writes one `xenoprof_passive`; the caller gives the address away.
    unsafe { xen.call_with(operation, &mut argument) }?;
    let xenoprof_passive {
        nbuf,
        bufsize,
        buf_gmaddr,
        ..
    } = argument;
    buffers(operation, nbuf, bufsize, buf_gmaddr)
}

/// Shares this domain's own buffers with it (`XENOPROF_get_buffer`). The arguments are those of
/// [`set_passive`].
///
/// For any PV guest. Header: `xen/include/public/xenoprof.h`.
#[doc = gate_row!(XENOPROF_get_buffer)]
///
/// # Errors
///
/// [`Error::Refused`] with EBUSY while something else uses the counters, ENOMEM;
/// [`Error::Argument`] for a number of more than 31 bits; [`Error::Nonsense`] for a number or a
/// size below 0.
///
/// # Safety
///
/// As for [`set_passive`].
#[doc(alias = "XENOPROF_get_buffer")]
#[doc(alias = "xenoprof_get_buffer")]
pub unsafe fn get_buffer(xen: &Xen<impl Conduit>, samples: u32, address: u64) -> Result<Buffers> {
    let operation = Operation::XENOPROF_get_buffer;
    let mut argument = xenoprof_get_buffer {
        max_samples: self::samples(operation, samples)?,
        buf_gmaddr: address,
        ..xenoprof_get_buffer::ZERO
    };
    // SAFETY: the call reads and writes one `xenoprof_get_buffer`; the caller gives the address away.
    unsafe { xen.call_with(operation, &mut argument) }?;
    let xenoprof_get_buffer {
        nbuf,
        bufsize,
        buf_gmaddr,
        ..
    } = argument;
    buffers(operation, nbuf, bufsize, buf_gmaddr)
}

/// Says what a counter counts (`XENOPROF_counter`): its index, the events from one sample to the
/// next, and in which modes.
///
/// For the primary profiler. Header: `xen/include/public/xenoprof.h`.
#[doc = gate_row!(XENOPROF_counter)]
///
/// # Errors
///
/// [`Error::Refused`] with EPERM for other domains and out of order, E2BIG for a counter that is
/// not there.
#[doc(alias = "XENOPROF_counter")]
pub fn counter(xen: &Xen<impl Conduit>, counter: xenoprof_counter) -> Result<()> {
    let mut argument = counter;
    // SAFETY: the call reads one `xenoprof_counter` and changes no memory.
    unsafe { xen.call_with(Operation::XENOPROF_counter, &mut argument) }
}

/// Sets how many frames of the stack go with each sample (`XENOPROF_set_backtrace`).
///
/// For the primary profiler. Header: `xen/include/public/xenoprof.h`.
#[doc = gate_row!(XENOPROF_set_backtrace)]
///
/// # Errors
///
/// [`Error::Refused`] with EPERM for other domains, EINVAL where Xen can't do it.
#[doc(alias = "XENOPROF_set_backtrace")]
pub fn set_backtrace(xen: &Xen<impl Conduit>, depth: u32) -> Result<()> {
    let mut argument = depth;
    // SAFETY: the call reads a word of 32 bits and changes no memory.
    unsafe { xen.call_with(Operation::XENOPROF_set_backtrace, &mut argument) }
}

/// What AMD's sampling of instructions can do: the bits of the CPUID leaf 0x8000001b; 0 without it
/// (`XENOPROF_get_ibs_caps`).
///
/// For the primary profiler. Header: `xen/include/public/xenoprof.h`.
#[doc = gate_row!(XENOPROF_get_ibs_caps)]
///
/// # Errors
///
/// [`Error::Refused`] with EPERM for other domains.
#[doc(alias = "XENOPROF_get_ibs_caps")]
pub fn get_ibs_caps(xen: &Xen<impl Conduit>) -> Result<u32> {
    // SAFETY: the call has no argument and changes nothing.
    let answer = unsafe { xen.call(Operation::XENOPROF_get_ibs_caps, [0; 4]) }?;
    // A C `int` above 0.
    Ok(answer as u32)
}

/// Sets AMD's sampling of instructions up (`XENOPROF_ibs_counter`).
///
/// For the primary profiler. Header: `xen/include/public/xenoprof.h`.
#[doc = gate_row!(XENOPROF_ibs_counter)]
///
/// # Errors
///
/// [`Error::Refused`] with EPERM for other domains and out of order, EINVAL on other processors.
#[doc(alias = "XENOPROF_ibs_counter")]
pub fn ibs_counter(xen: &Xen<impl Conduit>, counter: xenoprof_ibs_counter) -> Result<()> {
    let mut argument = counter;
    // SAFETY: the call reads one `xenoprof_ibs_counter` and changes no memory.
    unsafe { xen.call_with(Operation::XENOPROF_ibs_counter, &mut argument) }
}

#[cfg(test)]
#[path = "xenoprof_op_tests.rs"]
mod tests;
