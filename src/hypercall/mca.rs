//! `HYPERVISOR_mca`: what Xen knows of the machine's hardware errors
//! (`xen/include/public/arch-x86/xen-mca.h`).
//!
//! Xen handles machine checks and keeps a record of each, urgent or not. Domain 0 is woken by
//! `VIRQ_MCA`, [`fetch`]es the records one by one and [`ack`]nowledges each once it has it. For
//! tests, errors can be made ([`msrinject`], [`mceinject`], [`inject_v2`]).
//!
//! All is for domain 0, as a PV guest. The structures carry the version of this interface; that of
//! Xen 3.3 differs from all others, and calls there are [`Error::VersionMismatch`].
#![allow(unsafe_code)]

use xen_public::native::arch_x86::xen_mca::{
    MC_MSRINJ_F_GPADDR, MC_MSRINJ_F_INTERPOSE, MC_MSRINJ_MAXMSRS, XEN_MC_ACK, XEN_MC_NODATA,
    XEN_MC_NONURGENT, XEN_MC_URGENT, XEN_MCA_INTERFACE_VERSION, mc_info, mcinfo_logical_cpu,
    mcinfo_msr, xen_mc, xen_mc_fetch, xen_mc_mceinject, xen_mc_msrinject, xen_mc_notifydomain,
    xen_mc_physcpuinfo, xen_mc_u,
};
use xen_public::xen::DomId;

use super::native::Handle;
use super::xen::only_zero;
use super::{Conduit, Errno, Error, Result, Xen};
use crate::version::{Operation, Release};

const VERSION: u32 = XEN_MCA_INTERFACE_VERSION as u32;

/// An argument for an operation.
fn argument(operation: Operation) -> xen_mc {
    xen_mc {
        cmd: operation.number(),
        interface_version: VERSION,
        ..xen_mc::ZERO
    }
}

/// Makes the call.
///
/// # Safety
///
/// As for [`Conduit::hypercall`]; the call reads and writes no more than `argument`, apart from
/// what handles in it name.
unsafe fn operate(
    xen: &Xen<impl Conduit>,
    operation: Operation,
    argument: &mut xen_mc,
) -> Result<()> {
    let address = (&raw mut *argument).expose_provenance();
    // SAFETY: the caller keeps the contract of this call, and `argument` is borrowed for it.
    match unsafe { xen.call_plain(operation, [address, 0, 0, 0, 0]) } {
        Ok(answer) => only_zero(operation, answer),
        // A security policy says the same to those it keeps out.
        Err(Error::Refused { errno, .. })
            if errno == Errno::EACCES && !speaks_it(xen.release()) =>
        {
            Err(Error::VersionMismatch {
                call: operation.name(),
                spoken: VERSION,
            })
        }
        Err(error) => Err(error),
    }
}

/// Whether a release is known to speak this version.
fn speaks_it(release: Release) -> bool {
    let Release { major, minor, .. } = Release::NEWEST;
    !release.before(Release::new(3, 4, 0)) && release.before(Release::new(major, minor + 1, 0))
}

/// Which records it is about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Urgency {
    /// Errors that were found by looking, or corrected (`XEN_MC_NONURGENT`).
    #[doc(alias = "XEN_MC_NONURGENT")]
    NonUrgent,
    /// Errors that interrupted the machine (`XEN_MC_URGENT`).
    #[doc(alias = "XEN_MC_URGENT")]
    Urgent,
}

impl Urgency {
    const fn raw(self) -> u32 {
        match self {
            Self::NonUrgent => XEN_MC_NONURGENT as u32,
            Self::Urgent => XEN_MC_URGENT as u32,
        }
    }
}

/// The name of a record that was fetched, for [`ack`].
#[doc(alias = "fetch_id")]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[must_use = "Xen keeps a record until it is acknowledged"]
pub struct FetchId(u64);

impl FetchId {
    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// Gets the oldest record that was not fetched yet (`XEN_MC_fetch`); `None` if there is none, with
/// `info` as it was. [`McInfo`](xen_public::arch_x86::xen_mca::McInfo) reads it.
///
/// For domain 0. Header: `xen/include/public/arch-x86/xen-mca.h`.
#[doc = gate_row!(XEN_MC_fetch)]
///
/// # Errors
///
/// [`Error::Refused`] with EPERM for other domains; [`Error::VersionMismatch`] on Xen 3.3;
/// [`Error::Nonsense`] with the flags where they say neither that there is a record nor that there
/// is none.
#[doc(alias = "XEN_MC_fetch")]
#[doc(alias = "xen_mc_fetch")]
pub fn fetch(
    xen: &Xen<impl Conduit>,
    urgency: Urgency,
    info: &mut mc_info,
) -> Result<Option<FetchId>> {
    let operation = Operation::XEN_MC_fetch;
    let mut request = xen_mc_fetch {
        flags: urgency.raw(),
        ..xen_mc_fetch::ZERO
    };
    request.data = Handle::of((&raw mut *info).expose_provenance());
    let mut argument = argument(operation);
    argument.u.mc_fetch = request;
    // SAFETY: the call reads and writes the structure, and writes one `mc_info` at the handle, which is
    // borrowed for it.
    unsafe { operate(xen, operation, &mut argument) }?;
    // SAFETY: all bytes are valid for it.
    let xen_mc_fetch {
        flags, fetch_id, ..
    } = unsafe { argument.u.mc_fetch };
    match flags {
        0 => Ok(Some(FetchId(fetch_id))),
        flags if flags == XEN_MC_NODATA as u32 => Ok(None),
        flags => Err(Error::Nonsense {
            call: operation.name(),
            answer: flags as isize,
        }),
    }
}

/// Says that a record was taken care of (`XEN_MC_fetch` with `XEN_MC_ACK`), so that Xen may use its
/// place again. `urgency` is that which it was fetched with.
///
/// For domain 0. Header: `xen/include/public/arch-x86/xen-mca.h`.
#[doc = gate_row!(XEN_MC_fetch)]
///
/// # Errors
///
/// [`Error::Refused`] with EPERM for other domains; [`Error::VersionMismatch`] on Xen 3.3.
#[doc(alias = "XEN_MC_ACK")]
pub fn ack(xen: &Xen<impl Conduit>, urgency: Urgency, record: FetchId) -> Result<()> {
    let operation = Operation::XEN_MC_fetch;
    let mut argument = argument(operation);
    argument.u.mc_fetch = xen_mc_fetch {
        flags: urgency.raw() | XEN_MC_ACK as u32,
        fetch_id: record.0,
        ..xen_mc_fetch::ZERO
    };
    // SAFETY: the call reads the structure and changes no memory of this domain.
    unsafe { operate(xen, operation, &mut argument) }
}

/// Has Xen tell another domain of an error (`XEN_MC_notifydomain`), and returns the flags that it
/// answers with. No Xen is known to do it.
///
/// For domain 0. Header: `xen/include/public/arch-x86/xen-mca.h`.
#[doc = gate_row!(XEN_MC_notifydomain)]
///
/// # Errors
///
/// [`Error::Refused`] with EINVAL, EPERM for other domains; [`Error::VersionMismatch`] on Xen 3.3.
#[doc(alias = "XEN_MC_notifydomain")]
#[doc(alias = "xen_mc_notifydomain")]
pub fn notifydomain(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    processor: u16,
    flags: u32,
) -> Result<u32> {
    let operation = Operation::XEN_MC_notifydomain;
    let mut argument = argument(operation);
    argument.u.mc_notifydomain = xen_mc_notifydomain {
        mc_domid: domain.get(),
        mc_vcpuid: processor,
        flags,
    };
    // SAFETY: the call reads and writes the structure and changes no memory of this domain.
    unsafe { operate(xen, operation, &mut argument) }?;
    // SAFETY: all bytes are valid for it.
    Ok(unsafe { argument.u.mc_notifydomain }.flags)
}

/// How many of the machine's processors run (`XEN_MC_physcpuinfo` without a buffer).
///
/// For domain 0. Header: `xen/include/public/arch-x86/xen-mca.h`.
#[doc = gate_row!(XEN_MC_physcpuinfo)]
///
/// # Errors
///
/// [`Error::Refused`] with EPERM for other domains.
#[doc(alias = "XEN_MC_physcpuinfo")]
pub fn physcpus(xen: &Xen<impl Conduit>) -> Result<u32> {
    ask_physcpus(xen, 0, 0)
}

/// What the machine's processors are (`XEN_MC_physcpuinfo`). Returns how many of the places were
/// filled, from the first on: there may be more of both, see [`physcpus`].
///
/// For domain 0. Header: `xen/include/public/arch-x86/xen-mca.h`.
#[doc = gate_row!(XEN_MC_physcpuinfo)]
///
/// # Errors
///
/// [`Error::Argument`] for no places, [`Error::TooLong`] for more than 31 bits count;
/// [`Error::Refused`] with EPERM for other domains, ENOMEM; [`Error::Nonsense`] for more
/// processors than places.
#[doc(alias = "XEN_MC_physcpuinfo")]
#[doc(alias = "xen_mc_physcpuinfo")]
pub fn physcpuinfo(xen: &Xen<impl Conduit>, places: &mut [mcinfo_logical_cpu]) -> Result<usize> {
    let call = Operation::XEN_MC_physcpuinfo.name();
    if places.is_empty() {
        // Without a place Xen would take it for the question after the number.
        return Err(Error::Argument {
            call,
            argument: "ncpus",
            value: 0,
        });
    }
    let count = i32::try_from(places.len()).map_err(|_| Error::TooLong {
        call,
        length: places.len(),
        limit: i32::MAX as usize,
    })?;
    let filled = ask_physcpus(xen, count as u32, places.as_mut_ptr().expose_provenance())?;
    if filled as usize > places.len() {
        return Err(Error::Nonsense {
            call,
            answer: filled as isize,
        });
    }
    Ok(filled as usize)
}

/// Asks for the processors, with `count` places at an address that are borrowed for the call, or
/// none at 0.
fn ask_physcpus(xen: &Xen<impl Conduit>, count: u32, places: usize) -> Result<u32> {
    let operation = Operation::XEN_MC_physcpuinfo;
    let mut argument = argument(operation);
    argument.u.mc_physcpuinfo = xen_mc_physcpuinfo {
        ncpus: count,
        info: Handle::of(places),
        ..xen_mc_physcpuinfo::ZERO
    };
    // SAFETY: the call reads and writes the structure, and writes at most `count` places, which both
    // callers have borrowed.
    unsafe { operate(xen, operation, &mut argument) }?;
    // SAFETY: all bytes are valid for it.
    Ok(unsafe { argument.u.mc_physcpuinfo }.ncpus)
}

/// Writes to registers of a processor's error banks (`XEN_MC_msrinject`), as an error would leave
/// them.
///
/// With `interpose` Xen keeps the values and shows them when it reads, and the registers stay as
/// they are. With a domain the values are physical addresses of that domain's, to be replaced by
/// the machine's. For domain 0. Header: `xen/include/public/arch-x86/xen-mca.h`.
#[doc = gate_row!(XEN_MC_msrinject)]
///
/// # Errors
///
/// [`Error::TooLong`] for more than eight; [`Error::Refused`] with EINVAL for a processor, a
/// register or an address that can't be, ENODEV and ENOENT where there are no banks, EPERM for
/// other domains.
///
/// # Safety
///
/// The machine may stop, or take memory out of use, for an error that is none.
#[doc(alias = "XEN_MC_msrinject")]
#[doc(alias = "xen_mc_msrinject")]
pub unsafe fn msrinject(
    xen: &Xen<impl Conduit>,
    processor: u32,
    interpose: bool,
    addresses_of: Option<DomId>,
    registers: &[mcinfo_msr],
) -> Result<()> {
    let operation = Operation::XEN_MC_msrinject;
    const LIMIT: usize = MC_MSRINJ_MAXMSRS as usize;
    if registers.len() > LIMIT {
        return Err(Error::TooLong {
            call: operation.name(),
            length: registers.len(),
            limit: LIMIT,
        });
    }
    let flag = |set: bool, flag: i32| if set { flag as u32 } else { 0 };
    let mut request = xen_mc_msrinject {
        mcinj_cpunr: processor,
        mcinj_flags: flag(interpose, MC_MSRINJ_F_INTERPOSE)
            | flag(addresses_of.is_some(), MC_MSRINJ_F_GPADDR),
        mcinj_count: registers.len() as u32,
        mcinj_domid: addresses_of.map_or(0, DomId::get),
        ..xen_mc_msrinject::ZERO
    };
    request.mcinj_msr[..registers.len()].copy_from_slice(registers);
    let mut argument = argument(operation);
    argument.u.mc_msrinject = request;
    // SAFETY: the call reads the structure; the caller answers for the error that it makes.
    unsafe { operate(xen, operation, &mut argument) }
}

/// Interrupts a processor as a machine check does (`XEN_MC_mceinject`).
///
/// For domain 0. Header: `xen/include/public/arch-x86/xen-mca.h`.
#[doc = gate_row!(XEN_MC_mceinject)]
///
/// # Errors
///
/// As [`msrinject`].
///
/// # Safety
///
/// As for [`msrinject`].
#[doc(alias = "XEN_MC_mceinject")]
#[doc(alias = "xen_mc_mceinject")]
pub unsafe fn mceinject(xen: &Xen<impl Conduit>, processor: u32) -> Result<()> {
    let operation = Operation::XEN_MC_mceinject;
    let mut argument = argument(operation);
    argument.u.mc_mceinject = xen_mc_mceinject {
        mceinj_cpunr: processor,
    };
    // SAFETY: the call reads the structure; the caller answers for the error that it makes.
    unsafe { operate(xen, operation, &mut argument) }
}

/// What interrupts the processors.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u32)]
#[non_exhaustive]
pub enum Injection {
    /// A machine check (`XEN_MC_INJECT_TYPE_MCE`).
    #[doc(alias = "XEN_MC_INJECT_TYPE_MCE")]
    Mce = 0,
    /// The interrupt for corrected errors (`XEN_MC_INJECT_TYPE_CMCI`).
    #[doc(alias = "XEN_MC_INJECT_TYPE_CMCI")]
    Cmci = 1,
    /// A machine check that only its own processor sees (`XEN_MC_INJECT_TYPE_LMCE`).
    #[doc(alias = "XEN_MC_INJECT_TYPE_LMCE")]
    Lmce = 2,
}

/// Which of the machine's processors are interrupted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target<'a> {
    /// All (`XEN_MC_INJECT_CPU_BROADCAST`).
    #[doc(alias = "XEN_MC_INJECT_CPU_BROADCAST")]
    All,
    /// Those whose bits are set, the lowest bit of the first byte for processor 0.
    These(&'a [u8]),
}

/// `struct xen_mc_inject_v2`, which the headers show to toolstacks only.
#[repr(C, align(8))]
struct InjectV2 {
    flags: u32,
    _hole: u32,
    bitmap: u64,
    bits: u32,
    _end: u32,
}

/// The flag for all processors.
const BROADCAST: u32 = 8;

/// Interrupts processors as errors do (`XEN_MC_inject_v2`). Where Xen does not have it, machine
/// checks on certain processors are made one after the other, by [`mceinject`].
///
/// For domain 0. Header: `xen/include/public/arch-x86/xen-mca.h`.
#[doc = gate_row!(XEN_MC_inject_v2)]
///
/// # Errors
///
/// As [`msrinject`], EINVAL too for a kind that the machine does not have; [`Error::TooLong`] for a
/// set of more than 32 bits count. By the older way [`Error::PartialBatch`], by processors, where
/// it is not the first that is refused; [`Error::Unsupported`] for other kinds and for all
/// processors.
///
/// # Safety
///
/// As for [`msrinject`].
#[doc(alias = "XEN_MC_inject_v2")]
#[doc(alias = "xen_mc_inject_v2")]
pub unsafe fn inject_v2(
    xen: &Xen<impl Conduit>,
    injection: Injection,
    target: Target<'_>,
) -> Result<()> {
    let operation = Operation::XEN_MC_inject_v2;
    let (flags, map) = match target {
        Target::All => (BROADCAST, &[][..]),
        Target::These(map) => (0, map),
    };
    let bits = map
        .len()
        .checked_mul(8)
        .and_then(|bits| u32::try_from(bits).ok());
    let request = InjectV2 {
        flags: flags | injection as u32,
        _hole: 0,
        bitmap: map.as_ptr().expose_provenance() as u64,
        bits: bits.ok_or(Error::TooLong {
            call: operation.name(),
            length: map.len(),
            limit: u32::MAX as usize / 8,
        })?,
        _end: 0,
    };
    let mut argument = argument(operation);
    const { assert!(size_of::<InjectV2>() <= size_of::<xen_mc_u>()) };
    // SAFETY: the union is longer, its fields begin where it does, and writing needs no alignment.
    unsafe {
        (&raw mut argument.u)
            .cast::<InjectV2>()
            .write_unaligned(request)
    };
    // SAFETY: the call reads the structure and the set; the caller answers for the error that it makes.
    match unsafe { operate(xen, operation, &mut argument) } {
        Err(missing @ Error::Unsupported(_)) if injection == Injection::Mce => {
            // SAFETY: the caller answers for the errors.
            unsafe { one_by_one(xen, target, missing) }
        }
        result => result,
    }
}

/// Makes machine checks on one processor after the other, or returns `missing`.
///
/// # Safety
///
/// As for [`msrinject`].
#[cold]
unsafe fn one_by_one(xen: &Xen<impl Conduit>, target: Target<'_>, missing: Error) -> Result<()> {
    let Target::These(map) = target else {
        return Err(missing);
    };
    let set = |byte: u8, bit: usize| byte & 1 << bit != 0;
    let total: usize = map.iter().map(|byte| byte.count_ones() as usize).sum();
    if total == 0 {
        // Nothing would be called, and nothing happen.
        return Err(missing);
    }
    let mut done = 0;
    for at in (0..map.len() * 8).filter(|at| set(map[at / 8], at % 8)) {
        // SAFETY: the caller answers for the errors.
        match unsafe { mceinject(xen, at as u32) } {
            Ok(()) => done += 1,
            Err(Error::Unsupported(_)) if done == 0 => return Err(missing),
            Err(error) => return Err(error.after(Operation::XEN_MC_mceinject.name(), done, total)),
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "mca_tests.rs"]
mod tests;
