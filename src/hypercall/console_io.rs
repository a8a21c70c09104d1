//! `HYPERVISOR_console_io`: Xen's own console, for domain 0 and for debugging
//! (`xen/include/public/xen.h`).
//!
//! Xen refuses it to other domains unless it was built for debugging: they have a console ring.
#![allow(unsafe_code)]

use super::error::done;
use super::{Conduit, Error, Result};

pub(super) const HYPERCALL: u32 = everywhere!(u32, xen::__HYPERVISOR_console_io);
pub(super) const CONSOLEIO_WRITE: usize = everywhere!(usize, xen::CONSOLEIO_write);

/// Writes all of `text` to Xen's console. Domain 0's bytes go out as they are.
///
/// Xen says nothing of a part: it has written everything, or it answers with an error and may
/// have written some.
///
/// # Errors
///
/// [`Error::TooLong`] for more than `i32::MAX` bytes, of which nothing is sent; [`Error::Refused`]
/// where this domain may not write there (EPERM); [`Error::Nonsense`] for an answer above 0.
#[doc(alias = "CONSOLEIO_write")]
pub fn write(xen: &impl Conduit, text: &[u8]) -> Result<()> {
    const CALL: &str = "CONSOLEIO_write";
    const LIMIT: usize = i32::MAX as usize;
    if text.len() > LIMIT {
        return Err(Error::TooLong {
            call: CALL,
            length: text.len(),
            limit: LIMIT,
        });
    }
    let address = text.as_ptr().expose_provenance();
    // SAFETY: the call reads `text.len()` bytes at the address, which are `text`'s, and changes
    // no memory of this domain.
    let answer = unsafe { xen.hypercall(HYPERCALL, [CONSOLEIO_WRITE, text.len(), address, 0, 0]) };
    done(CALL, answer)
}
