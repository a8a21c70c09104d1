//! `HYPERVISOR_kexec_op`: starting another system in place of Xen (`xen/include/public/kexec.h`).
//!
//! Domain 0 loads an image, at once or to be there after a crash, and starts it with [`kexec`]. Xen 4.4
//! brought a second way to load one, by segments which Xen puts in place; before, domain 0 put the
//! image together itself and passed a list of pages. [`load`] and [`unload`] take the newer way where
//! it is, and the older one elsewhere.
//!
//! Whether it is there is hard to tell: Xen 3.2 to 4.21 answers an unknown command with 0, as if it were
//! done. So a 0 is believed only after the same command, with an argument that can't be, was refused.
//! Releases that answer as they should (4.22, and late ones of 4.20) are recognised by it, whatever the
//! table says.
//!
//! Only a PV domain 0 has this call; others get EPERM, or have no such hypercall.
#![doc = gate_row!(__HYPERVISOR_kexec_op)]
#![allow(unsafe_code)]

use xen_public::native::kexec::{
    KEXEC_RANGE_MA_BOOT_PARAM, KEXEC_RANGE_MA_CPU, KEXEC_RANGE_MA_CRASH, KEXEC_RANGE_MA_EFI_MEMMAP,
    KEXEC_RANGE_MA_VMCOREINFO, KEXEC_RANGE_MA_XEN, KEXEC_RANGE_MA_XENHEAP, KEXEC_TYPE_CRASH,
    KEXEC_TYPE_DEFAULT, xen_kexec_exec, xen_kexec_image, xen_kexec_load, xen_kexec_load_v1,
    xen_kexec_range, xen_kexec_segment, xen_kexec_status, xen_kexec_unload,
};

use super::native::readable;
use super::xen::only_zero;
use super::{Conduit, Error, Result, Xen};
use crate::version::Operation;

/// What an image is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Image {
    /// To be started by [`kexec`].
    #[doc(alias = "KEXEC_TYPE_DEFAULT")]
    Default,
    /// To be started when Xen or domain 0 crashes.
    #[doc(alias = "KEXEC_TYPE_CRASH")]
    Crash,
}

impl Image {
    const fn number(self) -> i32 {
        match self {
            Self::Default => KEXEC_TYPE_DEFAULT,
            Self::Crash => KEXEC_TYPE_CRASH,
        }
    }
}

/// An image type that no Xen has.
const NO_TYPE: u8 = 0xff;

/// A range of the machine's memory that has to do with a crash image.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Range {
    /// What is set aside for the crash image.
    #[doc(alias = "KEXEC_RANGE_MA_CRASH")]
    Crash,
    /// Xen itself.
    #[doc(alias = "KEXEC_RANGE_MA_XEN")]
    Xen,
    /// The note that Xen leaves for a processor, by its number.
    #[doc(alias = "KEXEC_RANGE_MA_CPU")]
    Cpu(u32),
    /// Xen's heap, on Itanium.
    #[doc(alias = "KEXEC_RANGE_MA_XENHEAP")]
    XenHeap,
    /// The boot parameters, on Itanium.
    #[doc(alias = "KEXEC_RANGE_MA_BOOT_PARAM")]
    BootParam,
    /// EFI's memory map, on Itanium.
    #[doc(alias = "KEXEC_RANGE_MA_EFI_MEMMAP")]
    EfiMemmap,
    /// What a crash image has to know of Xen.
    #[doc(alias = "KEXEC_RANGE_MA_VMCOREINFO")]
    Vmcoreinfo,
}

impl Range {
    /// The row of the table, the number, and what goes with it.
    const fn parts(self) -> (Operation, i32, u32) {
        match self {
            Self::Crash => (Operation::KEXEC_RANGE_MA_CRASH, KEXEC_RANGE_MA_CRASH, 0),
            Self::Xen => (Operation::KEXEC_RANGE_MA_XEN, KEXEC_RANGE_MA_XEN, 0),
            Self::Cpu(cpu) => (Operation::KEXEC_RANGE_MA_CPU, KEXEC_RANGE_MA_CPU, cpu),
            Self::XenHeap => {
                let number = KEXEC_RANGE_MA_XENHEAP;
                (Operation::KEXEC_RANGE_MA_XENHEAP, number, 0)
            }
            Self::BootParam => {
                let number = KEXEC_RANGE_MA_BOOT_PARAM;
                (Operation::KEXEC_RANGE_MA_BOOT_PARAM, number, 0)
            }
            Self::EfiMemmap => {
                let number = KEXEC_RANGE_MA_EFI_MEMMAP;
                (Operation::KEXEC_RANGE_MA_EFI_MEMMAP, number, 0)
            }
            Self::Vmcoreinfo => {
                let number = KEXEC_RANGE_MA_VMCOREINFO;
                (Operation::KEXEC_RANGE_MA_VMCOREINFO, number, 0)
            }
        }
    }
}

/// Which way an image was loaded.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Loaded {
    /// By its segments (`KEXEC_CMD_kexec_load`).
    Segments,
    /// By a list of pages (`KEXEC_CMD_kexec_load_v1`).
    PageList,
}

/// A segment of an image: `data` goes to the machine address `destination`, and zeros follow up to
/// `size` bytes. Page-aligned, as Xen asks for. Header: `xen/include/public/kexec.h`.
///
/// Xen reads `data` when the image is loaded; [`load`] is where it has to be alive.
#[doc(alias = "xen_kexec_segment")]
pub fn segment(data: &[u8], destination: u64, size: u64) -> xen_kexec_segment {
    let mut segment = xen_kexec_segment::ZERO;
    segment.buf.h = readable(data);
    segment.buf_size = data.len() as u64;
    segment.dest_maddr = destination;
    segment.dest_size = size;
    segment
}

/// The error for a command that claims to be done and is not there, which is kept in mind.
#[cold]
fn absent(xen: &Xen<impl Conduit>, operation: Operation) -> Error {
    xen.withhold(operation);
    match xen.can(operation) {
        Err(unsupported) => unsupported.into(),
        Ok(()) => Error::Nonsense {
            call: operation.name(),
            answer: 0,
        },
    }
}

/// Makes a command, and if it claims to be done, makes sure that it exists: `impossible` is the same
/// with an argument that Xen can't carry out.
///
/// # Safety
///
/// As for [`Conduit::hypercall`] with the address of `argument` alone. Whoever has the command refuses
/// `impossible`, and who has not looks at neither.
unsafe fn sure<T>(
    xen: &Xen<impl Conduit>,
    operation: Operation,
    argument: &mut T,
    impossible: &mut T,
) -> Result<usize> {
    let address = (&raw mut *argument).expose_provenance();
    // SAFETY: the caller keeps the contract of this call, and `argument` is borrowed for it.
    let answer = unsafe { xen.call(operation, [address, 0, 0, 0]) }?;
    if answer != 0 {
        return Ok(answer);
    }
    let address = (&raw mut *impossible).expose_provenance();
    // SAFETY: the caller says that nothing is done with it.
    match unsafe { xen.call(operation, [address, 0, 0, 0]) } {
        Ok(0) => Err(absent(xen, operation)),
        Err(Error::Unsupported(unsupported)) => Err(unsupported.into()),
        _ => Ok(0),
    }
}

/// Loads an image: the segments go where they say, and the image begins at the machine address `entry`.
/// `arch` is what the image is made for (`EM_386` 3, `EM_X86_64` 62, and so on).
///
/// On a Xen without this, `older` gives the same image as a list of pages that domain 0 has filled, with
/// the code that puts them in place at its beginning; `None` gives up. The result says which way was
/// taken. Header: `xen/include/public/kexec.h`.
///
#[doc = gate_row!(KEXEC_CMD_kexec_load)]
///
/// # Errors
///
/// [`Error::Refused`] with EINVAL for segments that can't be, ENOMEM, EBUSY while a crash is on its way,
/// EPERM for all but domain 0. [`Error::Unsupported`] without the call, or without the newer way and an
/// `older` image.
///
/// # Safety
///
/// The buffers of the segments are alive and hold their data. What will run is what the caller wants to
/// run with all power over the machine, and it is put where nobody is harmed.
#[doc(alias = "KEXEC_CMD_kexec_load")]
#[doc(alias = "KEXEC_CMD_kexec_load_v1")]
#[doc(alias = "xen_kexec_load")]
pub unsafe fn load(
    xen: &Xen<impl Conduit>,
    image: Image,
    arch: u16,
    entry: u64,
    segments: &[xen_kexec_segment],
    older: impl FnOnce() -> Option<xen_kexec_image>,
) -> Result<Loaded> {
    let operation = Operation::KEXEC_CMD_kexec_load;
    let call = operation.name();
    let (length, limit) = (segments.len(), u32::MAX as usize - 1);
    if length > limit {
        return Err(Error::TooLong {
            call,
            length,
            limit,
        });
    }
    let mut argument = xen_kexec_load::ZERO;
    argument.r#type = image.number() as u8;
    argument.arch = arch;
    argument.nr_segments = length as u32;
    argument.segments.h = readable(segments);
    argument.entry_maddr = entry;
    // Nobody takes so many segments, and there is no such type of image.
    let mut impossible = xen_kexec_load::ZERO;
    impossible.r#type = NO_TYPE;
    impossible.nr_segments = u32::MAX;
    // SAFETY: the segments are as many as it says, and the caller vouches for them.
    match unsafe { sure(xen, operation, &mut argument, &mut impossible) } {
        Ok(answer) => only_zero(operation, answer).map(|()| Loaded::Segments),
        Err(Error::Unsupported(unsupported)) => {
            let operation = Operation::KEXEC_CMD_kexec_load_v1;
            if xen.can(operation).is_err() {
                return Err(unsupported.into());
            }
            let image_v1 = older().ok_or(unsupported)?;
            let mut argument = xen_kexec_load_v1::ZERO;
            argument.r#type = image.number();
            argument.image = image_v1;
            // SAFETY: the structure has no handles, and the caller vouches for the image.
            unsafe { xen.call_with(operation, &mut argument) }.map(|()| Loaded::PageList)
        }
        Err(error) => Err(error),
    }
}

/// Forgets an image. Header: `xen/include/public/kexec.h`.
///
#[doc = gate_row!(KEXEC_CMD_kexec_unload)]
///
/// # Errors
///
/// [`Error::Refused`] with EBUSY while a crash is on its way, EPERM for all but domain 0;
/// [`Error::Unsupported`] without the call.
#[doc(alias = "KEXEC_CMD_kexec_unload")]
#[doc(alias = "KEXEC_CMD_kexec_unload_v1")]
#[doc(alias = "xen_kexec_unload")]
pub fn unload(xen: &Xen<impl Conduit>, image: Image) -> Result<()> {
    let operation = Operation::KEXEC_CMD_kexec_unload;
    let mut argument = xen_kexec_unload {
        r#type: image.number() as u8,
    };
    let mut impossible = xen_kexec_unload { r#type: NO_TYPE };
    // SAFETY: Xen reads the structure and forgets pages that are its own.
    match unsafe { sure(xen, operation, &mut argument, &mut impossible) } {
        Ok(answer) => only_zero(operation, answer),
        Err(Error::Unsupported(_)) => {
            // Older releases read the image as well, and look only at its type.
            let mut argument = xen_kexec_load_v1::ZERO;
            argument.r#type = image.number();
            // SAFETY: as above.
            unsafe { xen.call_with(Operation::KEXEC_CMD_kexec_unload_v1, &mut argument) }
        }
        Err(error) => Err(error),
    }
}

/// Whether an image is loaded. Header: `xen/include/public/kexec.h`.
///
#[doc = gate_row!(KEXEC_CMD_kexec_status)]
///
/// # Errors
///
/// [`Error::Unsupported`] before Xen 4.9, which can't tell; [`Error::Refused`] with EPERM for all but
/// domain 0.
#[doc(alias = "KEXEC_CMD_kexec_status")]
#[doc(alias = "xen_kexec_status")]
pub fn status(xen: &Xen<impl Conduit>, image: Image) -> Result<bool> {
    let operation = Operation::KEXEC_CMD_kexec_status;
    let mut argument = xen_kexec_status {
        r#type: image.number() as u8,
    };
    let mut impossible = xen_kexec_status { r#type: NO_TYPE };
    // SAFETY: Xen reads the structure and changes nothing.
    match unsafe { sure(xen, operation, &mut argument, &mut impossible) }? {
        0 => Ok(false),
        1 => Ok(true),
        answer => Err(Error::Nonsense {
            call: operation.name(),
            answer: answer as isize,
        }),
    }
}

/// Where a range is: its first machine address and its size in bytes. A crash range of size 0 says that
/// nothing is set aside. Header: `xen/include/public/kexec.h`.
///
#[doc = gate_row!(KEXEC_CMD_kexec_get_range)]
///
/// # Errors
///
/// [`Error::Refused`] with EINVAL for a processor that is not there, ERANGE for a range above 4 GiB that
/// a 32-bit domain 0 asks for, EPERM for all but domain 0; [`Error::Unsupported`] for a range that this
/// release does not know, and if Xen claims to have answered but has not.
#[doc(alias = "KEXEC_CMD_kexec_get_range")]
#[doc(alias = "xen_kexec_range")]
pub fn range(xen: &Xen<impl Conduit>, range: Range) -> Result<(u64, u64)> {
    let operation = Operation::KEXEC_CMD_kexec_get_range;
    let (row, number, nr) = range.parts();
    xen.can(row)?;
    let mut argument = xen_kexec_range::ZERO;
    argument.range = number;
    argument.nr = nr as i32;
    // No range begins at the last byte.
    argument.start = !0;
    argument.size = !0;
    // SAFETY: Xen reads and writes the structure and changes nothing else.
    unsafe { xen.call_with(operation, &mut argument) }?;
    #[allow(clippy::useless_conversion)]
    let (start, size) = (u64::from(argument.start), u64::from(argument.size));
    if (argument.start, argument.size) == (!0, !0) {
        return Err(absent(xen, operation));
    }
    Ok((start, size))
}

/// Starts an image in place of Xen and all domains. It returns only if that is not to be. Header:
/// `xen/include/public/kexec.h`.
///
#[doc = gate_row!(KEXEC_CMD_kexec)]
///
/// # Errors
///
/// The result: [`Error::Refused`] with ENOENT if no such image is loaded, EPERM for all but domain 0;
/// [`Error::Unsupported`] without the call; [`Error::Nonsense`] if Xen says it is done.
///
/// # Safety
///
/// Everything that runs on the machine ends here. What is loaded may be started.
#[doc(alias = "KEXEC_CMD_kexec")]
#[doc(alias = "xen_kexec_exec")]
#[must_use]
pub unsafe fn kexec(xen: &Xen<impl Conduit>, image: Image) -> Error {
    let operation = Operation::KEXEC_CMD_kexec;
    let mut argument = xen_kexec_exec {
        r#type: image.number(),
    };
    // SAFETY: the caller is ready for what comes.
    match unsafe { xen.call_with(operation, &mut argument) } {
        Err(error) => error,
        Ok(()) => Error::Nonsense {
            call: operation.name(),
            answer: 0,
        },
    }
}

#[cfg(test)]
mod tests;
