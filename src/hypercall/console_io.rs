//! `HYPERVISOR_console_io`: Xen's own console, for domain 0 and for debugging
//! (`xen/include/public/xen.h`).
//!
//! Xen refuses it to other domains unless it was built for debugging: they have a console ring.
#![allow(unsafe_code)]

use super::error::done;
use super::{Conduit, Error, Result, Xen};
use crate::version::Operation;

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

/// Reads what was typed on Xen's console and nobody has read yet, as much as `buffer` holds. Returns how
/// many bytes that is; 0 is no input.
///
/// Domain 0 may, if Xen's console has input at all and gives it to domain 0.
#[doc = gate_row!(CONSOLEIO_read)]
///
/// # Errors
///
/// [`Error::TooLong`] for a buffer of more than `i32::MAX` bytes; [`Error::Refused`] where this domain may
/// not read there (EPERM); [`Error::Nonsense`] for more bytes than the buffer has;
/// [`Error::Unsupported`].
#[doc(alias = "CONSOLEIO_read")]
pub fn read(xen: &Xen<impl Conduit>, buffer: &mut [u8]) -> Result<usize> {
    let operation = Operation::CONSOLEIO_read;
    let call = operation.name();
    const LIMIT: usize = i32::MAX as usize;
    if buffer.len() > LIMIT {
        return Err(Error::TooLong {
            call,
            length: buffer.len(),
            limit: LIMIT,
        });
    }
    let address = buffer.as_mut_ptr().expose_provenance();
    // SAFETY: the call writes at most as many bytes at the address as `buffer` has, and changes nothing
    // else.
    let count = unsafe { xen.call(operation, [buffer.len(), address, 0, 0]) }?;
    if count <= buffer.len() {
        Ok(count)
    } else {
        let answer = count as isize;
        Err(Error::Nonsense { call, answer })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Errno;
    use super::super::fake::{self, Fake};
    use super::*;
    use crate::version::{Guest, Release};

    const NEW: Release = Release::new(4, 17, 0);

    #[test]
    fn what_was_typed_is_read_into_the_buffer() {
        let xen = Fake::new(NEW, Guest::Pv, |number, [sub_op, count, address, ..]| {
            assert_eq!((number, sub_op, count), (18, 1, 8));
            // SAFETY: the buffer has 8 bytes.
            unsafe { fake::write(address, *b"abc") };
            3
        })
        .xen();
        let mut buffer = [0; 8];
        assert_eq!(read(&xen, &mut buffer), Ok(3));
        assert_eq!(&buffer, b"abc\0\0\0\0\0");
    }

    #[test]
    fn refusals_and_nonsense_come_through() {
        let answering =
            |release, guest, answer| Fake::new(release, guest, move |_, _| answer).xen();
        let mut buffer = [0; 8];
        let answer = 9;
        let call = "CONSOLEIO_read";
        let nonsense = Error::Nonsense { call, answer };
        assert_eq!(
            read(&answering(NEW, Guest::Pv, answer), &mut buffer),
            Err(nonsense)
        );
        assert_eq!(read(&answering(NEW, Guest::Pv, 8), &mut buffer), Ok(8));
        let errno = Errno::EPERM;
        let refused = Error::Refused { call, errno };
        assert_eq!(
            read(&answering(NEW, Guest::Arm, -1), &mut buffer),
            Err(refused)
        );
        let old = answering(Release::new(4, 3, 0), Guest::Hvm, 0);
        let answer = read(&old, &mut buffer);
        assert!(matches!(answer, Err(Error::Unsupported(_))), "{answer:?}");
        assert_eq!(old.conduit().calls(), []);
    }
}
