//! `HYPERVISOR_hypfs_op`: Xen's parameters and state as a tree of names (`xen/include/public/hypfs.h`).
//!
//! A path leads to a directory or to a value ([`read`]), and some values can be [written](write_contents).
//! For domain 0 and whom it lets. A path is absolute, such as `/params/gnttab_max_frames`.
#![allow(unsafe_code)]

use xen_public::errno::Errno;
use xen_public::native::hypfs::{xen_hypfs_direntry, xen_hypfs_dirlistentry};

use super::xen::only_zero;
use super::{Conduit, Error, Result, Xen};
use crate::version::Operation;

/// As many bytes as a path can have, with its end.
pub const MAX_PATH: usize = everywhere!(usize, hypfs::XEN_HYPFS_MAX_PATHLEN);

const HEAD: usize = size_of::<xen_hypfs_direntry>();
/// Where an entry's name stands in a directory.
const NAME: usize = core::mem::offset_of!(xen_hypfs_dirlistentry, name);

/// What an entry is (`XEN_HYPFS_TYPE_`). Other numbers are kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct EntryType(pub u8);

impl EntryType {
    /// A directory.
    #[doc(alias = "XEN_HYPFS_TYPE_DIR")]
    pub const DIR: Self = Self(everywhere!(u8, hypfs::XEN_HYPFS_TYPE_DIR));
    /// Bytes.
    #[doc(alias = "XEN_HYPFS_TYPE_BLOB")]
    pub const BLOB: Self = Self(everywhere!(u8, hypfs::XEN_HYPFS_TYPE_BLOB));
    /// A text with a zero at its end.
    #[doc(alias = "XEN_HYPFS_TYPE_STRING")]
    pub const STRING: Self = Self(everywhere!(u8, hypfs::XEN_HYPFS_TYPE_STRING));
    /// A number without sign.
    #[doc(alias = "XEN_HYPFS_TYPE_UINT")]
    pub const UINT: Self = Self(everywhere!(u8, hypfs::XEN_HYPFS_TYPE_UINT));
    /// A number with sign.
    #[doc(alias = "XEN_HYPFS_TYPE_INT")]
    pub const INT: Self = Self(everywhere!(u8, hypfs::XEN_HYPFS_TYPE_INT));
    /// Zero or one.
    #[doc(alias = "XEN_HYPFS_TYPE_BOOL")]
    pub const BOOL: Self = Self(everywhere!(u8, hypfs::XEN_HYPFS_TYPE_BOOL));
}

/// How an entry's bytes are encoded (`XEN_HYPFS_ENC_`). Other numbers are kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Encoding(pub u8);

impl Encoding {
    /// As they are.
    #[doc(alias = "XEN_HYPFS_ENC_PLAIN")]
    pub const PLAIN: Self = Self(everywhere!(u8, hypfs::XEN_HYPFS_ENC_PLAIN));
    /// Compressed by gzip.
    #[doc(alias = "XEN_HYPFS_ENC_GZIP")]
    pub const GZIP: Self = Self(everywhere!(u8, hypfs::XEN_HYPFS_ENC_GZIP));
}

/// What Xen says of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[doc(alias = "xen_hypfs_direntry")]
pub struct Entry {
    /// What it is.
    pub kind: EntryType,
    /// How its bytes are encoded.
    pub encoding: Encoding,
    /// How many bytes it has.
    pub len: u32,
    /// How many bytes can be written at most; 0 for none.
    pub max_write_len: u32,
}

impl Entry {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?));
        Some(Self {
            kind: EntryType(*bytes.first()?),
            encoding: Encoding(*bytes.get(1)?),
            len: word(core::mem::offset_of!(xen_hypfs_direntry, content_len))?,
            max_write_len: word(core::mem::offset_of!(xen_hypfs_direntry, max_write_len))?,
        })
    }
}

/// What [`read`] found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found<'a> {
    /// The entry and its bytes.
    Whole(Entry, &'a [u8]),
    /// The entry; the buffer is too small for its bytes, of which there are none then. It should have
    /// this many bytes.
    TooSmall(Entry, usize),
}

/// The newest version of the interface that Xen speaks (`XEN_HYPFS_OP_get_version`); this module speaks
/// version 1. Header: `xen/include/public/hypfs.h`.
#[doc = gate_row!(XEN_HYPFS_OP_get_version)]
///
/// # Errors
///
/// [`Error::Refused`] with EPERM for unprivileged domains; [`Error::Nonsense`] for version 0;
/// [`Error::Unsupported`].
#[doc(alias = "XEN_HYPFS_OP_get_version")]
pub fn get_version(xen: &Xen<impl Conduit>) -> Result<u32> {
    let operation = Operation::XEN_HYPFS_OP_get_version;
    // SAFETY: the call has no arguments and changes nothing.
    match unsafe { xen.call(operation, [0; 4]) }? {
        0 => Err(Error::Nonsense {
            call: operation.name(),
            answer: 0,
        }),
        version => Ok(version as u32),
    }
}

/// A path that Xen can be given: its end is one zero.
fn check_path(operation: Operation, path: &core::ffi::CStr) -> Result<usize> {
    let length = path.to_bytes_with_nul().len();
    if length > MAX_PATH {
        return Err(Error::TooLong {
            call: operation.name(),
            length,
            limit: MAX_PATH,
        });
    }
    Ok(length)
}

/// Reads an entry (`XEN_HYPFS_OP_read`) into `buffer`, 12 bytes and more. A buffer that is too small is
/// no error: the result says what it takes. Header: `xen/include/public/hypfs.h`.
#[doc = gate_row!(XEN_HYPFS_OP_read)]
///
/// # Errors
///
/// [`Error::Argument`] for a buffer below 12 bytes; [`Error::TooLong`] for a path of more than 1023;
/// [`Error::Refused`] with ENOENT, EINVAL, EPERM; [`Error::Nonsense`] for an entry that claims more bytes
/// than there is room for; [`Error::Unsupported`].
#[doc(alias = "XEN_HYPFS_OP_read")]
pub fn read<'a>(
    xen: &Xen<impl Conduit>,
    path: &core::ffi::CStr,
    buffer: &'a mut [u8],
) -> Result<Found<'a>> {
    let operation = Operation::XEN_HYPFS_OP_read;
    let call = operation.name();
    let length = check_path(operation, path)?;
    if buffer.len() < HEAD {
        return Err(Error::Argument {
            call,
            argument: "arg4",
            value: buffer.len() as u64,
        });
    }
    // What Xen leaves alone says nothing.
    buffer[..HEAD].fill(0);
    let arguments = [
        path.as_ptr().expose_provenance(),
        length,
        buffer.as_mut_ptr().expose_provenance(),
        buffer.len(),
    ];
    // SAFETY: the call reads the path and writes no more of the buffer than there is.
    let answer = unsafe { xen.call(operation, arguments) };
    let (head, content) = buffer.split_at(HEAD);
    let entry = Entry::parse(head);
    let nonsense = |answer| Error::Nonsense { call, answer };
    let entry = entry.ok_or(nonsense(0))?;
    let needed = usize::try_from(entry.len).map_err(|_| nonsense(-1))?;
    match answer {
        Ok(0) => match content.get(..needed) {
            Some(content) => Ok(Found::Whole(entry, content)),
            None => Err(nonsense(needed as isize)),
        },
        Ok(other) => Err(nonsense(other as isize)),
        Err(Error::Refused { errno, .. }) if errno == Errno::ENOBUFS && needed > content.len() => {
            Ok(Found::TooSmall(entry, needed.saturating_add(HEAD)))
        }
        Err(error) => Err(error),
    }
}

/// The entries of a directory, from the bytes that [`read`] found. An entry that does not lie within
/// them ends it with an error.
pub fn entries(content: &[u8]) -> Entries<'_> {
    Entries { rest: content }
}

/// An iterator over a directory: see [`entries`].
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    rest: &'a [u8],
}

impl<'a> Entries<'a> {
    fn parse(&mut self) -> Option<(Entry, &'a [u8])> {
        let entry = Entry::parse(self.rest)?;
        let next = u16::from_ne_bytes(*self.rest.get(HEAD..)?.first_chunk()?);
        let name = self.rest.get(NAME..)?;
        let end = name.iter().position(|&byte| byte == 0)?;
        self.rest = match usize::from(next) {
            0 => &[],
            // An entry that does not go forward would never end.
            next if next > NAME + end => self.rest.get(next..)?,
            _ => return None,
        };
        Some((entry, &name[..end]))
    }
}

impl<'a> Iterator for Entries<'a> {
    /// An entry and its name without the zero.
    type Item = Result<(Entry, &'a [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let left = self.rest.len();
        Some(self.parse().ok_or_else(|| {
            self.rest = &[];
            Error::Nonsense {
                call: Operation::XEN_HYPFS_OP_read.name(),
                answer: left as isize,
            }
        }))
    }
}

/// Writes an entry (`XEN_HYPFS_OP_write_contents`). Type and encoding stay; the size can change for bytes
/// and texts (which are given with their zero). Header: `xen/include/public/hypfs.h`.
#[doc = gate_row!(XEN_HYPFS_OP_write_contents)]
///
/// # Errors
///
/// [`Error::TooLong`] for the path; [`Error::Refused`] with EACCES where nothing can be written, ENOSPC,
/// EDOM, EINVAL, ENOENT, EPERM; [`Error::Unsupported`].
#[doc(alias = "XEN_HYPFS_OP_write_contents")]
pub fn write_contents(
    xen: &Xen<impl Conduit>,
    path: &core::ffi::CStr,
    content: &[u8],
) -> Result<()> {
    let operation = Operation::XEN_HYPFS_OP_write_contents;
    let length = check_path(operation, path)?;
    let arguments = [
        path.as_ptr().expose_provenance(),
        length,
        content.as_ptr().expose_provenance(),
        content.len(),
    ];
    // SAFETY: the call reads the path and the content. It changes how Xen works.
    let answer = unsafe { xen.call(operation, arguments) }?;
    only_zero(operation, answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hypercall::fake::{Fake, read as peek, write};
    use crate::version::{Guest, Release};
    use alloc::vec::Vec;
    use core::cell::Cell;

    const NEW: Release = Release::new(4, 20, 0);

    fn head(kind: u8, len: u32) -> [u8; HEAD] {
        let mut head = [0; HEAD];
        head[0] = kind;
        head[4..8].copy_from_slice(&len.to_ne_bytes());
        head[8..].copy_from_slice(&7u32.to_ne_bytes());
        head
    }

    #[test]
    fn an_entry_is_read_or_its_size_told() {
        let (len, answer) = (Cell::new(3), Cell::new(0));
        let xen = Fake::new(
            NEW,
            Guest::Pv,
            |number, [op, path, length, buffer, size]| {
                assert_eq!((number, op, length, size), (42, 1, 3, 16));
                // SAFETY: this is the path.
                assert_eq!(unsafe { peek::<[u8; 3]>(path) }, *b"/a\0");
                // SAFETY: this is the buffer, which has room for both.
                unsafe { write(buffer, head(2, len.get())) };
                // SAFETY: as above.
                unsafe { write(buffer + HEAD, *b"xy\0") };
                answer.get()
            },
        )
        .xen();
        let mut buffer = [0; 16];
        let entry = |len| Entry {
            kind: EntryType::STRING,
            encoding: Encoding::PLAIN,
            len,
            max_write_len: 7,
        };
        let whole = Found::Whole(entry(3), b"xy\0");
        assert_eq!(read(&xen, c"/a", &mut buffer), Ok(whole));
        len.set(5);
        let claimed = read(&xen, c"/a", &mut buffer);
        assert!(matches!(claimed, Err(Error::Nonsense { answer: 5, .. })));
        answer.set(-105);
        let small = Found::TooSmall(entry(5), 17);
        assert_eq!(read(&xen, c"/a", &mut buffer), Ok(small));
        assert!(matches!(
            read(&xen, c"/a", &mut [0; 11]),
            Err(Error::Argument { value: 11, .. })
        ));
    }

    #[test]
    fn a_directory_ends_whatever_it_holds() {
        let mut bytes = Vec::new();
        for (name, next) in [(b"ab\0", 20u16), (b"c\0\0", 0)] {
            bytes.extend(head(0, 1));
            bytes.extend(next.to_ne_bytes());
            bytes.extend(name);
            bytes.extend([0; 3]);
        }
        let names = |bytes: &[u8]| -> Vec<Option<Vec<u8>>> {
            entries(bytes)
                .map(|entry| entry.ok().map(|(_, name)| name.to_vec()))
                .collect()
        };
        assert_eq!(names(&bytes), [Some(b"ab".to_vec()), Some(b"c".to_vec())]);
        // Backwards, into the name, out of the bytes.
        for next in [1u16, 16, 400] {
            bytes[HEAD..HEAD + 2].copy_from_slice(&next.to_ne_bytes());
            assert_eq!(names(&bytes), [None], "{next}");
        }
        assert_eq!(names(&bytes[..HEAD]), [None]);
        assert_eq!(names(&[]), []);
    }

    #[test]
    fn versions_and_writes_are_checked() {
        let answer = Cell::new(1);
        let xen = Fake::new(NEW, Guest::Hvm, |_, [op, _, length, _, size]| {
            if op == 2 {
                assert_eq!((length, size), (3, 1));
            }
            answer.get()
        })
        .xen();
        assert_eq!(get_version(&xen), Ok(1));
        assert!(matches!(
            write_contents(&xen, c"/a", b"1"),
            Err(Error::Nonsense { .. })
        ));
        answer.set(0);
        assert!(matches!(
            get_version(&xen),
            Err(Error::Nonsense { answer: 0, .. })
        ));
        assert_eq!(write_contents(&xen, c"/a", b"1"), Ok(()));
        let long = [b'a'; MAX_PATH];
        let long = alloc::ffi::CString::new(long).unwrap();
        assert!(matches!(
            write_contents(&xen, &long, b""),
            Err(Error::TooLong { limit: 1024, .. })
        ));
        answer.set(-1);
        let refused = Error::Refused {
            call: "XEN_HYPFS_OP_get_version",
            errno: Errno::EPERM,
        };
        assert_eq!(get_version(&xen), Err(refused));
        let old = Fake::new(Release::new(4, 13, 0), Guest::Pv, |_, _| 1).xen();
        assert!(matches!(get_version(&old), Err(Error::Unsupported(_))));
    }
}
