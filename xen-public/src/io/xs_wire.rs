//! Words of the xenstore protocol (`xen/include/public/io/xs_wire.h`).
//!
//! A guest and the xenstore daemon talk through a shared page with a ring of 1024
//! bytes each way, whose producer and consumer indices run freely through all 32
//! bits: [`mask_xenstore_idx`] says where one points. A request that fails is
//! answered by a message of type `XS_ERROR` whose payload is the error's *name*,
//! `ENOENT` and a closing NUL for example, so that both ends may number errors as
//! they like: [`xsd_errno`] and [`xsd_error_name`] translate.

use crate::abi::x86_64::io::xs_wire::XENSTORE_RING_SIZE;
use crate::errno::Errno;

/// Where the free-running `index` points in either ring.
///
/// ```
/// assert_eq!(xen_public::io::xs_wire::mask_xenstore_idx(0xffff_ffff), 1023);
/// ```
#[doc(alias = "MASK_XENSTORE_IDX")]
pub const fn mask_xenstore_idx(index: u32) -> usize {
    (index & (XENSTORE_RING_SIZE as u32 - 1)) as usize
}

/// All errors that the protocol names, in the order of C's table. `EPERM` came after
/// Xen 4.14.
#[doc(alias = "xsd_errors")]
#[doc(alias = "XSD_ERROR")]
pub const XSD_ERRORS: &[(&str, Errno)] = &[
    ("EINVAL", Errno::EINVAL),
    ("EACCES", Errno::EACCES),
    ("EEXIST", Errno::EEXIST),
    ("EISDIR", Errno::EISDIR),
    ("ENOENT", Errno::ENOENT),
    ("ENOMEM", Errno::ENOMEM),
    ("ENOSPC", Errno::ENOSPC),
    ("EIO", Errno::EIO),
    ("ENOTEMPTY", Errno::ENOTEMPTY),
    ("ENOSYS", Errno::ENOSYS),
    ("EROFS", Errno::EROFS),
    ("EBUSY", Errno::EBUSY),
    ("EAGAIN", Errno::EAGAIN),
    ("EISCONN", Errno::EISCONN),
    ("E2BIG", Errno::E2BIG),
    ("EPERM", Errno::EPERM),
];

/// The error that the payload of an `XS_ERROR` message names, with or without its
/// closing NUL; `None` for a name outside the protocol.
///
/// ```
/// use xen_public::{errno::Errno, io::xs_wire::xsd_errno};
/// assert_eq!(xsd_errno(b"ENOENT\0"), Some(Errno::ENOENT));
/// assert_eq!(xsd_errno(b"ENOTTY"), None);
/// ```
pub fn xsd_errno(payload: &[u8]) -> Option<Errno> {
    let name = payload.strip_suffix(b"\0").unwrap_or(payload);
    let found = XSD_ERRORS
        .iter()
        .find(|(known, _)| known.as_bytes() == name);
    found.map(|&(_, errno)| errno)
}

/// The name under which an error travels, or `None` for one that the protocol has
/// no name for.
pub fn xsd_error_name(errno: Errno) -> Option<&'static str> {
    let found = XSD_ERRORS.iter().find(|&&(_, known)| known == errno);
    found.map(|&(name, _)| name)
}
