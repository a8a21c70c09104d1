//! What Xen tells of its build, its command line and the domain.

use xen_public::native::version::{xen_compile_info, xen_platform_parameters};
use xen_public::xen::{PAGE_SIZE, Uuid};

use super::Text;
use crate::hypercall::{Conduit, Errno, Error, Result, Xen};
use crate::version::Operation;

/// The size of a changeset, in bytes.
pub const CHANGESET_LEN: usize = everywhere!(usize, version::XEN_CHANGESET_INFO_LEN);
/// The size of a command line, in bytes.
#[doc(alias = "xen_commandline_t")]
pub const COMMANDLINE_LEN: usize = size_of::<xen_public::native::version::xen_commandline_t>();

/// How many bytes stand in front of the text in the buffer of a call that takes one of any length.
#[doc(alias = "xen_varbuf")]
#[doc(alias = "xen_build_id")]
pub const BUFFER_HEAD: usize = size_of::<u32>();

impl<const N: usize> Text<N> {
    /// The text that stands in a buffer up to its NUL.
    fn within(operation: Operation, bytes: [u8; N]) -> Result<Self> {
        match bytes.iter().position(|&byte| byte == 0) {
            Some(length) => Ok(Self { bytes, length }),
            None => Err(Error::Unterminated {
                call: operation.name(),
                size: N,
            }),
        }
    }

    /// The text that a sub-op leaves in a buffer of this size.
    fn of(xen: &Xen<impl Conduit>, operation: Operation) -> Result<Self> {
        // Not NUL: a buffer that was never written does not pass for an empty text.
        let mut bytes = [0xff; N];
        // SAFETY: the callers below name sub-ops that write at most `N` bytes at the address, and change
        // nothing else.
        unsafe { xen.call_with(operation, &mut bytes) }?;
        Self::within(operation, bytes)
    }
}

/// Who built Xen, by what and when.
#[doc(alias = "xen_compile_info")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CompileInfo {
    /// The compiler and its version.
    pub compiler: Text<64>,
    /// The user who built it.
    pub by: Text<16>,
    /// The machine or network that it was built on.
    pub domain: Text<32>,
    /// When it was built.
    pub date: Text<32>,
}

/// Who built Xen, by what and when (`XENVER_compile_info`). A domain that may not know gets `<denied>`.
///
/// Any domain may. Header: `xen/include/public/version.h`.
#[doc = gate_row!(XENVER_compile_info)]
///
/// # Errors
///
/// [`Error::Unterminated`] for a text without an end; [`Error::Nonsense`] for an answer above 0.
#[doc(alias = "XENVER_compile_info")]
pub fn compile_info(xen: &Xen<impl Conduit>) -> Result<CompileInfo> {
    let operation = Operation::XENVER_compile_info;
    let mut info = xen_compile_info {
        compiler: [0xff; 64],
        compile_by: [0xff; 16],
        compile_domain: [0xff; 32],
        compile_date: [0xff; 32],
    };
    // SAFETY: the call writes one `xen_compile_info`, and changes nothing else.
    unsafe { xen.call_with(operation, &mut info) }?;
    Ok(CompileInfo {
        compiler: Text::within(operation, info.compiler)?,
        by: Text::within(operation, info.compile_by)?,
        domain: Text::within(operation, info.compile_domain)?,
        date: Text::within(operation, info.compile_date)?,
    })
}

/// The state of the sources that Xen was built from (`XENVER_changeset`), such as a date and the first
/// digits of a commit. A domain that may not know gets `<denied>`.
///
/// Any domain may. Header: `xen/include/public/version.h`.
#[doc = gate_row!(XENVER_changeset)]
///
/// # Errors
///
/// As [`compile_info`].
#[doc(alias = "XENVER_changeset")]
#[doc(alias = "xen_changeset_info_t")]
pub fn changeset(xen: &Xen<impl Conduit>) -> Result<Text<CHANGESET_LEN>> {
    Text::of(xen, Operation::XENVER_changeset)
}

/// The virtual address at which Xen's part of the address space begins (`XENVER_platform_parameters`).
/// It means something to 32-bit PV guests: what lies from there on is Xen's. To others it is 0 or what the
/// architecture fixes.
///
/// Any domain may. Header: `xen/include/public/version.h`.
#[doc = gate_row!(XENVER_platform_parameters)]
///
/// # Errors
///
/// [`Error::Nonsense`] for an answer above 0.
#[doc(alias = "XENVER_platform_parameters")]
#[doc(alias = "xen_platform_parameters")]
#[allow(clippy::useless_conversion)] // 32 bits wide on x86_32
pub fn platform_parameters(xen: &Xen<impl Conduit>) -> Result<u64> {
    let mut parameters = xen_platform_parameters::ZERO;
    // SAFETY: the call writes one `xen_platform_parameters`, and changes nothing else.
    unsafe { xen.call_with(Operation::XENVER_platform_parameters, &mut parameters) }?;
    Ok(parameters.virt_start.into())
}

/// The size of a page, in bytes (`XENVER_pagesize`). Xen before 3.0.3 does not say; on the architectures
/// of this crate it is 4096.
///
/// Any domain may. Header: `xen/include/public/version.h`.
#[doc = gate_row!(XENVER_pagesize)]
///
/// # Errors
///
/// [`Error::Nonsense`] for a size that no page has: 0 is what Xen says where a policy keeps it from the
/// domain.
#[doc(alias = "XENVER_pagesize")]
pub fn pagesize(xen: &Xen<impl Conduit>) -> Result<usize> {
    let operation = Operation::XENVER_pagesize;
    // SAFETY: the call takes no pointer and changes nothing.
    match unsafe { xen.call(operation, [0; 4]) } {
        Ok(size) if size.is_power_of_two() && size >= PAGE_SIZE => Ok(size),
        Ok(size) => Err(Error::Nonsense {
            call: operation.name(),
            answer: size as isize,
        }),
        Err(Error::Unsupported(_)) => Ok(PAGE_SIZE),
        Err(error) => Err(error),
    }
}

/// The domain's own UUID, which its toolstack gave it (`XENVER_guest_handle`). All bytes are 0 if it gave
/// none, or where a policy keeps it from the domain.
///
/// Any domain may. For Xen before 3.0.3, xenstore has it (`vm`). Header: `xen/include/public/version.h`.
#[doc = gate_row!(XENVER_guest_handle)]
///
/// # Errors
///
/// [`Error::Nonsense`] for an answer above 0; [`Error::Unsupported`].
#[doc(alias = "XENVER_guest_handle")]
pub fn guest_handle(xen: &Xen<impl Conduit>) -> Result<Uuid> {
    let mut bytes = [0; 16];
    // SAFETY: the call writes 16 bytes, and changes nothing else.
    unsafe { xen.call_with(Operation::XENVER_guest_handle, &mut bytes) }?;
    Ok(Uuid(bytes))
}

/// Xen's own command line (`XENVER_commandline`). A domain that may not know gets `<denied>`.
///
/// Any domain may. There is no older way. Header: `xen/include/public/version.h`.
#[doc = gate_row!(XENVER_commandline)]
///
/// # Errors
///
/// [`Error::Unterminated`] for a text without an end; [`Error::Nonsense`] for an answer above 0;
/// [`Error::Unsupported`].
#[doc(alias = "XENVER_commandline")]
pub fn commandline(xen: &Xen<impl Conduit>) -> Result<Text<COMMANDLINE_LEN>> {
    Text::of(xen, Operation::XENVER_commandline)
}

/// The bytes that a sub-op leaves in a buffer of any length, after [`BUFFER_HEAD`].
fn variable<'a>(
    xen: &Xen<impl Conduit>,
    operation: Operation,
    buffer: &'a mut [u8],
) -> Result<&'a [u8]> {
    let call = operation.name();
    xen.can(operation)?;
    let given = buffer.len().saturating_sub(BUFFER_HEAD);
    let room = u32::try_from(given).unwrap_or(u32::MAX);
    if let Some(head) = buffer.first_chunk_mut() {
        *head = room.to_ne_bytes();
        let address = buffer.as_mut_ptr().expose_provenance();
        // SAFETY: the call reads a length at the address and writes no more than so many bytes after it,
        // which are the buffer's; it changes nothing else.
        match unsafe { xen.call(operation, [address, 0, 0, 0]) } {
            Err(Error::Refused { errno, .. }) if errno == Errno::ENOBUFS => {}
            // What Xen calls an empty buffer.
            Err(Error::Refused { errno, .. }) if errno == Errno::EINVAL && room == 0 => {}
            Ok(length) => {
                let text = buffer[BUFFER_HEAD..].get(..length);
                let answer = length as isize;
                return text.ok_or(Error::Nonsense { call, answer });
            }
            Err(error) => return Err(error),
        }
    }
    // SAFETY: without a buffer the call writes nothing, and answers with the length.
    let needed = unsafe { xen.call(operation, [0; 4]) }?;
    Err(Error::Short {
        call,
        needed: needed.saturating_add(BUFFER_HEAD),
        given: buffer.len(),
    })
}

/// The same, or what an older sub-op has room for.
fn variable_or<'a, const N: usize>(
    xen: &Xen<impl Conduit>,
    operation: Operation,
    older: impl FnOnce() -> Result<Text<N>>,
    buffer: &'a mut [u8],
) -> Result<&'a [u8]> {
    let missing = xen.can(operation).is_err();
    if !missing {
        // The borrow ends before the older way takes the buffer.
        match variable(xen, operation, buffer).map(<[u8]>::len) {
            Err(Error::Unsupported(_)) => {}
            Ok(length) => return Ok(&buffer[BUFFER_HEAD..][..length]),
            Err(error) => return Err(error),
        }
    }
    let text = older()?;
    let (given, text) = (buffer.len(), text.as_bytes());
    let room = buffer
        .get_mut(BUFFER_HEAD..)
        .and_then(|room| room.get_mut(..text.len()));
    let room = room.ok_or(Error::Short {
        call: operation.name(),
        needed: text.len() + BUFFER_HEAD,
        given,
    })?;
    room.copy_from_slice(text);
    Ok(room)
}

/// The build ID of Xen's image, some 20 bytes that are no text (`XENVER_build_id`), left in `buffer` after
/// the first [`BUFFER_HEAD`] bytes.
///
/// Privileged domains may. There is no older way. Header: `xen/include/public/version.h`.
#[doc = gate_row!(XENVER_build_id)]
///
/// # Errors
///
/// [`Error::Short`] with the length of a buffer that is long enough; [`Error::Refused`] with EPERM, or
/// ENODATA for an image without a build ID; [`Error::Nonsense`] for more than there is room for;
/// [`Error::Unsupported`].
#[doc(alias = "XENVER_build_id")]
pub fn build_id<'a>(xen: &Xen<impl Conduit>, buffer: &'a mut [u8]) -> Result<&'a [u8]> {
    variable(xen, Operation::XENVER_build_id, buffer)
}

macro_rules! variable {
    (
        $(
            $(#[$doc:meta])*
            $name:ident = $operation:ident, else $older:expr;
        )*
    ) => {
        $(
            $(#[$doc])*
            /// The text is left in `buffer` after the first [`BUFFER_HEAD`] bytes and has no NUL. Xen before
            /// 4.20 has it in a buffer of fixed size, in which it may be cut.
            ///
            /// Header: `xen/include/public/version.h`.
            #[doc = gate_row!($operation)]
            ///
            /// # Errors
            ///
            /// [`Error::Short`] with the length of a buffer that is long enough; [`Error::Refused`] with EPERM
            /// for a domain that may not know; [`Error::Nonsense`] for more than there is room for, and by the
            /// older way what that has.
            pub fn $name<'a>(xen: &Xen<impl Conduit>, buffer: &'a mut [u8]) -> Result<&'a [u8]> {
                variable_or(xen, Operation::$operation, || $older(xen), buffer)
            }
        )*
    };
}

variable! {
    /// What follows the release in Xen's full version (`XENVER_extraversion2`), of any length.
    ///
    #[doc(alias = "XENVER_extraversion2")]
    extraversion2 = XENVER_extraversion2, else super::extraversion;
    /// The kinds of guest that Xen can run (`XENVER_capabilities2`), of any length.
    ///
    #[doc(alias = "XENVER_capabilities2")]
    capabilities2 = XENVER_capabilities2, else super::capabilities;
    /// The state of the sources that Xen was built from (`XENVER_changeset2`), of any length.
    ///
    #[doc(alias = "XENVER_changeset2")]
    changeset2 = XENVER_changeset2, else changeset;
    /// Xen's own command line (`XENVER_commandline2`), of any length. Privileged domains may; by the older
    /// way others get `<denied>`.
    ///
    #[doc(alias = "XENVER_commandline2")]
    commandline2 = XENVER_commandline2, else commandline;
}

#[cfg(test)]
mod tests;
