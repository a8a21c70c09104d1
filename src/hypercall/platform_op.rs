//! `HYPERVISOR_platform_op`: what the domain that owns the hardware does for Xen
//! (`xen/include/public/platform.h`).
//!
//! Xen leaves to domain 0 what needs ACPI's interpreter or a driver: setting the clock, telling the
//! power states of processors, plugging processors and memory, updating microcode, calling EFI. All of
//! it has one interface version, the same in all releases. On ARM there is only [`set_time`].
//!
//! The functions in [`commands`] are named after the sub-ops and take the header's structures; those
//! here are for what has an older way or carries lists.
#![doc = gate_row!(__HYPERVISOR_platform_op)]
//!
//! # Errors
//!
//! Of all calls: [`Error::Unsupported`] where the release or the kind of guest doesn't have it, or Xen
//! says that it does not know it; [`Error::Refused`] with EPERM without the privilege, EACCES if a
//! security policy forbids it; [`Error::VersionMismatch`] if Xen doesn't speak this version.
#![allow(unsafe_code)]

use xen_public::native::platform::{
    XENPF_INTERFACE_VERSION, xen_platform_op, xen_platform_op_u, xenpf_cpu_hotadd, xenpf_cpu_ol,
    xenpf_dom0_console_t, xenpf_getidletime, xenpf_microcode_update, xenpf_microcode_update2,
    xenpf_pcpu_version, xenpf_pcpuinfo, xenpf_resource_entry, xenpf_resource_op, xenpf_settime32,
    xenpf_settime64, xenpf_symdata, xenpf_ucode_revision,
};

use super::native::{count, readable, writable};
use super::xen::only_zero;
use super::{Cause, Conduit, Errno, Error, Result, Xen};
use crate::version::Operation;

pub mod commands;

const VERSION: u32 = XENPF_INTERFACE_VERSION as u32;

/// A sub-op that no release has.
const NO_COMMAND: u32 = u32::MAX;

/// Makes any sub-op: `payload` is what its structure is taken from, and put into. The answer is what
/// stands in the result register.
///
/// Errors: see [the module](self).
///
/// # Safety
///
/// `payload` is what the sub-op takes: each handle in it is null or the address of memory that is valid
/// for the reads and writes which the sub-op makes there. What it does to the machine breaks no promise
/// that other code relies on.
#[doc(alias = "xen_platform_op")]
pub unsafe fn platform_op(
    xen: &Xen<impl Conduit>,
    operation: Operation,
    payload: &mut xen_platform_op_u,
) -> Result<usize> {
    let mut argument = xen_platform_op::ZERO;
    argument.cmd = operation.number();
    argument.interface_version = VERSION;
    argument.u = *payload;
    let address = (&raw mut argument).expose_provenance();
    // SAFETY: the call reads and writes one structure at the address, and what the caller vouches for.
    let answer = unsafe { xen.call_plain(operation, [address, 0, 0, 0, 0]) };
    *payload = argument.u;
    match answer {
        Err(Error::Refused { call, errno }) if errno == Errno::EACCES => Err(refused(xen, call)),
        answer => answer,
    }
}

/// What EACCES means: another version, or a security policy. A sub-op that nobody has tells them apart.
#[cold]
fn refused(xen: &Xen<impl Conduit>, call: &'static str) -> Error {
    let errno = Errno::EACCES;
    let mut argument = xen_platform_op::ZERO;
    argument.cmd = NO_COMMAND;
    argument.interface_version = VERSION;
    let address = (&raw mut argument).expose_provenance();
    let number = Operation::__HYPERVISOR_platform_op.hypercall();
    // SAFETY: the call reads the structure, finds no such sub-op, and does nothing.
    let answer = unsafe { xen.hypercall(number, [address, 0, 0, 0, 0]) };
    if answer as i32 == -errno.get() {
        let spoken = VERSION;
        Error::VersionMismatch { call, spoken }
    } else {
        Error::Refused { call, errno }
    }
}

/// The same for a structure without handles whose only success is 0.
macro_rules! plain {
    ($xen:expr, $operation:ident, $field:ident, $argument:expr) => {{
        let mut payload = xen_platform_op_u::ZERO;
        payload.$field = $argument;
        // SAFETY: the structure has no handles, and the sub-op touches no memory of ours.
        let answer = unsafe { platform_op($xen, Operation::$operation, &mut payload) };
        match answer.and_then(|answer| only_zero(Operation::$operation, answer)) {
            // SAFETY: all bytes of the payload are initialised, and the type takes any bytes.
            Ok(()) => Ok(unsafe { payload.$field }),
            Err(error) => Err(error),
        }
    }};
}

/// Sets the wall clock: it is `secs` seconds and `nsecs` nanoseconds after the start of 1970 when Xen's
/// system time is `system_time` nanoseconds. Before Xen 4.6 the seconds have 32 bits, which end in 2106.
///
/// Errors: see [the module](self); [`Error::Argument`] for a time that such a Xen can't take.
#[doc = gate_row!(XENPF_settime64)]
#[doc(alias = "XENPF_settime64")]
#[doc(alias = "XENPF_settime32")]
#[doc(alias = "XENPF_settime")]
#[doc(alias = "xenpf_settime64")]
pub fn set_time(xen: &Xen<impl Conduit>, secs: u64, nsecs: u32, system_time: u64) -> Result<()> {
    let mut argument = xenpf_settime64::ZERO;
    argument.secs = secs;
    argument.nsecs = nsecs;
    argument.system_time = system_time;
    match plain!(xen, XENPF_settime64, settime64, argument) {
        Err(Error::Unsupported(_)) if xen.can(Operation::XENPF_settime32).is_ok() => {
            let mut argument = xenpf_settime32::ZERO;
            argument.secs = u32::try_from(secs).map_err(|_| Error::Argument {
                call: "XENPF_settime32",
                argument: "secs",
                value: secs,
            })?;
            argument.nsecs = nsecs;
            argument.system_time = system_time;
            plain!(xen, XENPF_settime32, settime32, argument).map(drop)
        }
        answer => answer.map(drop),
    }
}

/// Loads microcode into all processors. `force` takes it even if it is not newer than what they have,
/// which only Xen 4.20 and newer can.
///
/// Errors: see [the module](self); [`Error::Unsupported`] also for `force` on an older Xen.
#[doc = gate_row!(XENPF_microcode_update2)]
#[doc(alias = "XENPF_microcode_update2")]
#[doc(alias = "XENPF_microcode_update")]
#[doc(alias = "XENPF_UCODE_FORCE")]
pub fn update_microcode(xen: &Xen<impl Conduit>, data: &[u8], force: bool) -> Result<()> {
    let operation = Operation::XENPF_microcode_update2;
    let mut argument = xenpf_microcode_update2::ZERO;
    if force {
        argument.flags = xen_public::native::platform::XENPF_UCODE_FORCE as u32;
    }
    let length = count(operation.name(), data.len())?;
    argument.length = length;
    argument.data = readable(data);
    let mut payload = xen_platform_op_u::ZERO;
    payload.microcode2 = argument;
    // SAFETY: Xen reads as many bytes as the slice has.
    match unsafe { platform_op(xen, operation, &mut payload) } {
        Err(Error::Unsupported(_))
            if !force && xen.can(Operation::XENPF_microcode_update).is_ok() =>
        {
            let operation = Operation::XENPF_microcode_update;
            let mut argument = xenpf_microcode_update::ZERO;
            argument.length = length;
            argument.data = readable(data);
            let mut payload = xen_platform_op_u::ZERO;
            payload.microcode = argument;
            // SAFETY: as above.
            only_zero(operation, unsafe {
                platform_op(xen, operation, &mut payload)
            }?)
        }
        answer => only_zero(operation, answer?),
    }
}

/// What Xen tells of a processor of the machine.
#[derive(Clone, Copy)]
pub enum Processor {
    /// What kind it is (Xen 4.2 and newer). A processor that is not online has family 0.
    Version(xenpf_pcpu_version),
    /// Whether it is there and online.
    Presence(xenpf_pcpuinfo),
}

impl Processor {
    /// The highest number of a processor that is there.
    pub fn max_present(&self) -> u32 {
        match self {
            Self::Version(version) => version.max_present,
            Self::Presence(info) => info.max_present,
        }
    }
}

/// What kind of processor the one of this number is, or on Xen 4.0 and 4.1 only whether it is there.
///
/// Errors: see [the module](self); EBUSY also while processors come and go.
#[doc = gate_row!(XENPF_get_cpu_version)]
#[doc(alias = "XENPF_get_cpu_version")]
#[doc(alias = "XENPF_get_cpuinfo")]
#[doc(alias = "xenpf_pcpu_version")]
pub fn processor(xen: &Xen<impl Conduit>, cpu: u32) -> Result<Processor> {
    let mut argument = xenpf_pcpu_version::ZERO;
    argument.xen_cpuid = cpu;
    match plain!(xen, XENPF_get_cpu_version, pcpu_version, argument) {
        Err(Error::Unsupported(_)) if xen.can(Operation::XENPF_get_cpuinfo).is_ok() => {
            presence(xen, cpu).map(Processor::Presence)
        }
        answer => answer.map(Processor::Version),
    }
}

/// Whether the processor of this number is there and online, and its numbers in ACPI's tables.
///
/// Errors: see [the module](self); EBUSY also while processors come and go.
#[doc = gate_row!(XENPF_get_cpuinfo)]
#[doc(alias = "XENPF_get_cpuinfo")]
#[doc(alias = "xenpf_pcpuinfo")]
pub fn presence(xen: &Xen<impl Conduit>, cpu: u32) -> Result<xenpf_pcpuinfo> {
    let mut argument = xenpf_pcpuinfo::ZERO;
    argument.xen_cpuid = cpu;
    plain!(xen, XENPF_get_cpuinfo, pcpu_info, argument)
}

/// What is known of a processor's microcode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Microcode {
    /// The processor's signature, as CPUID leaf 1 has it in EAX.
    pub signature: u32,
    /// The platform's flags and the revision, where Xen tells them (4.18 and newer).
    pub loaded: Option<(u32, u32)>,
}

/// Which microcode a processor runs. Before Xen 4.18 only the processor's signature is known, made from
/// family, model and stepping.
///
/// Errors: see [the module](self); ENOENT also for a processor that is not online, whichever way it is
/// asked.
#[doc = gate_row!(XENPF_get_ucode_revision)]
#[doc(alias = "XENPF_get_ucode_revision")]
#[doc(alias = "xenpf_ucode_revision")]
pub fn microcode(xen: &Xen<impl Conduit>, cpu: u32) -> Result<Microcode> {
    let mut argument = xenpf_ucode_revision::ZERO;
    argument.cpu = cpu;
    match plain!(xen, XENPF_get_ucode_revision, ucode_revision, argument) {
        Err(Error::Unsupported(_)) if xen.can(Operation::XENPF_get_cpu_version).is_ok() => {
            let mut argument = xenpf_pcpu_version::ZERO;
            argument.xen_cpuid = cpu;
            let version = plain!(xen, XENPF_get_cpu_version, pcpu_version, argument)?;
            if version.family == 0 {
                return Err(Error::Refused {
                    call: Operation::XENPF_get_cpu_version.name(),
                    errno: Errno::ENOENT,
                });
            }
            let (signature, loaded) = (signature(&version), None);
            Ok(Microcode { signature, loaded })
        }
        answer => answer.map(|answer| Microcode {
            signature: answer.signature,
            loaded: Some((answer.pf, answer.revision)),
        }),
    }
}

/// CPUID's signature: families above 15 and models above 15 go on in fields of their own.
fn signature(version: &xenpf_pcpu_version) -> u32 {
    let (family, model) = (version.family, version.model);
    let beyond = family.saturating_sub(15) & 0xff;
    beyond << 20
        | (model >> 4 & 0xf) << 16
        | family.min(15) << 8
        | (model & 0xf) << 4
        | version.stepping & 0xf
}

/// The console that Xen has set up, and how many bytes of the structure Xen knows; what stands beyond is
/// zero. A PV domain 0 finds the same in its start page, and on an older Xen only there.
///
/// Errors: see [the module](self); ENODEV also if there is none.
#[doc = gate_row!(XENPF_get_dom0_console)]
#[doc(alias = "XENPF_get_dom0_console")]
#[doc(alias = "dom0_vga_console_info")]
pub fn dom0_console(xen: &Xen<impl Conduit>) -> Result<(xenpf_dom0_console_t, usize)> {
    let operation = Operation::XENPF_get_dom0_console;
    let mut payload = xen_platform_op_u::ZERO;
    // SAFETY: the structure has no handles, and Xen only fills it in.
    let size = unsafe { platform_op(xen, operation, &mut payload) }?;
    if size == 0 || size > size_of::<xen_platform_op_u>() {
        return Err(Error::Nonsense {
            call: operation.name(),
            answer: size as isize,
        });
    }
    // SAFETY: all bytes of the payload are initialised, and the type takes any bytes.
    Ok((unsafe { payload.dom0_console }, size))
}

/// Takes a processor online.
///
/// Errors: see [the module](self); EINVAL also for a processor that is not there, EBUSY while others come
/// and go.
#[doc = gate_row!(XENPF_cpu_online)]
#[doc(alias = "XENPF_cpu_online")]
#[doc(alias = "xenpf_cpu_ol")]
pub fn cpu_online(xen: &Xen<impl Conduit>, cpu: u32) -> Result<()> {
    let argument = xenpf_cpu_ol { cpuid: cpu };
    plain!(xen, XENPF_cpu_online, cpu_ol, argument).map(drop)
}

/// Takes a processor offline.
///
/// Errors: see [the module](self); EINVAL also for processor 0 and one that is not there, EBUSY while
/// others come and go.
#[doc = gate_row!(XENPF_cpu_offline)]
#[doc(alias = "XENPF_cpu_offline")]
#[doc(alias = "xenpf_cpu_ol")]
pub fn cpu_offline(xen: &Xen<impl Conduit>, cpu: u32) -> Result<()> {
    let argument = xenpf_cpu_ol { cpuid: cpu };
    plain!(xen, XENPF_cpu_offline, cpu_ol, argument).map(drop)
}

/// Tells Xen of a processor that was plugged, by its numbers in ACPI's tables and its proximity domain.
/// The result is the number that Xen gave it.
///
/// Errors: see [the module](self); EEXIST also for one that is known.
#[doc = gate_row!(XENPF_cpu_hotadd)]
#[doc(alias = "XENPF_cpu_hotadd")]
#[doc(alias = "xenpf_cpu_hotadd")]
pub fn cpu_add(xen: &Xen<impl Conduit>, apic_id: u32, acpi_id: u32, pxm: u32) -> Result<u32> {
    let mut payload = xen_platform_op_u::ZERO;
    payload.cpu_add = xenpf_cpu_hotadd {
        apic_id,
        acpi_id,
        pxm,
    };
    // SAFETY: the structure has no handles, and the sub-op touches no memory of ours.
    let cpu = unsafe { platform_op(xen, Operation::XENPF_cpu_hotadd, &mut payload) }?;
    Ok(cpu as u32)
}

/// How long processors were idle, in nanoseconds: of those whose bit is set in `cpus`, lowest first. The
/// bits of processors without an answer are cleared. The result is the time of the answer, by Xen's clock.
///
/// Errors: see [the module](self); [`Error::Refused`] with ENOSYS if it is not domain 0 that drives the
/// processors' frequencies; [`Error::Argument`] if there is not a time for each bit.
#[doc = gate_row!(XENPF_getidletime)]
#[doc(alias = "XENPF_getidletime")]
#[doc(alias = "xenpf_getidletime")]
pub fn idle_times(xen: &Xen<impl Conduit>, cpus: &mut [u8], times: &mut [u64]) -> Result<u64> {
    let operation = Operation::XENPF_getidletime;
    let call = operation.name();
    let bits = cpus.len().saturating_mul(8);
    if times.len() < bits {
        let (argument, value) = ("idletime", times.len() as u64);
        return Err(Error::Argument {
            call,
            argument,
            value,
        });
    }
    let mut argument = xenpf_getidletime::ZERO;
    argument.cpumap_nr_cpus = count(call, bits)?;
    argument.cpumap_bitmap = writable(cpus);
    argument.idletime = writable(times);
    let mut payload = xen_platform_op_u::ZERO;
    payload.getidletime = argument;
    // SAFETY: Xen reads and writes as many bits as the bitmap has, and writes a time for each of them.
    let answer = unsafe { platform_op(xen, operation, &mut payload) }?;
    only_zero(operation, answer)?;
    // SAFETY: all bytes of the payload are initialised, and the type takes any bytes.
    Ok(unsafe { payload.getidletime }.now)
}

/// Reads and writes MSRs of a processor, one entry after the other. `XEN_RESOURCE_OP_MSR_READ` and `_WRITE`
/// are what an entry can be.
///
/// Errors: see [the module](self); [`Error::PartialBatch`] if not all entries were carried out, with the
/// reason that Xen left in the entry after the last; EINVAL for more entries than Xen takes, ENODEV for a
/// processor that is not online.
///
/// # Safety
///
/// What is written breaks nothing that code on that processor relies on.
#[doc = gate_row!(XENPF_resource_op)]
#[doc(alias = "XENPF_resource_op")]
#[doc(alias = "xenpf_resource_op")]
pub unsafe fn resources(
    xen: &Xen<impl Conduit>,
    cpu: u32,
    entries: &mut [xenpf_resource_entry],
) -> Result<()> {
    let operation = Operation::XENPF_resource_op;
    let (call, total) = (operation.name(), entries.len());
    let mut argument = xenpf_resource_op::ZERO;
    argument.nr_entries = count(call, total)?;
    argument.cpu = cpu;
    argument.entries = writable(entries);
    let mut payload = xen_platform_op_u::ZERO;
    payload.resource_op = argument;
    // SAFETY: Xen reads and writes as many entries as the slice has; the caller vouches for what they do.
    let done = unsafe { platform_op(xen, operation, &mut payload) }?;
    if done == total {
        return Ok(());
    }
    let Some(failed) = entries.get(done) else {
        let answer = done as isize;
        return Err(Error::Nonsense { call, answer });
    };
    // SAFETY: all bytes of the union are initialised, and the type takes any bytes.
    let code = unsafe { failed.u.ret };
    let cause = Errno::check(i64::from(code)).err().map(Cause::from);
    Err(Error::PartialBatch {
        call,
        done,
        total,
        cause,
    })
}

/// A symbol of Xen's own code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Symbol {
    /// The number to ask for next.
    pub next: u32,
    /// The kind, as `nm` shows it. 0 after the last symbol.
    pub kind: u8,
    /// The address in Xen.
    pub address: u64,
    /// How long the name is, with its final NUL; the slice has as much of it as it holds.
    pub length: usize,
}

/// A symbol of Xen's own code, by its number from 0 on; its name is put into `name`.
///
/// Errors: see [the module](self); ERANGE also for a number beyond the last.
#[doc = gate_row!(XENPF_get_symbol)]
#[doc(alias = "XENPF_get_symbol")]
#[doc(alias = "xenpf_symdata")]
pub fn symbol(xen: &Xen<impl Conduit>, number: u32, name: &mut [u8]) -> Result<Symbol> {
    let operation = Operation::XENPF_get_symbol;
    let mut argument = xenpf_symdata::ZERO;
    argument.namelen = count(operation.name(), name.len())?;
    argument.symnum = number;
    argument.name = writable(name);
    let mut payload = xen_platform_op_u::ZERO;
    payload.symdata = argument;
    // SAFETY: Xen writes no more bytes than the slice has.
    let answer = unsafe { platform_op(xen, operation, &mut payload) }?;
    only_zero(operation, answer)?;
    // SAFETY: all bytes of the payload are initialised, and the type takes any bytes.
    let left = unsafe { payload.symdata };
    Ok(Symbol {
        next: left.symnum,
        kind: left.r#type,
        address: left.address,
        length: left.namelen as usize,
    })
}

#[cfg(test)]
mod tests;
