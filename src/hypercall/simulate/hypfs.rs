//! `hypfs_op`: a few leaves of Xen's own file system.
#![allow(unsafe_code)]

use alloc::vec::Vec;

use xen_public::native::hypfs::{
    XEN_HYPFS_MAX_PATHLEN, XEN_HYPFS_TYPE_DIR, XEN_HYPFS_TYPE_STRING, XEN_HYPFS_TYPE_UINT,
    xen_hypfs_direntry,
};

use super::Machine;
use super::caller::{Answer, Caller, Refusal, refuse};
use crate::hypercall::Errno;

/// The version of `hypfs_op`.
const VERSION: usize = 1;

/// Bytes before the name of an entry in a directory.
const NAME: usize = 14;

/// The names in a directory.
fn names(path: &[u8]) -> Option<&'static [&'static str]> {
    match path {
        b"/" => Some(&["buildinfo"]),
        b"/buildinfo" => Some(&["version"]),
        b"/buildinfo/version" => Some(&["extra", "major", "minor"]),
        _ => None,
    }
}

impl Machine {
    /// What a directory holds: for each name its type, two half words, the lengths of its content and
    /// of what may be written, how far the next is, and the name.
    fn directory(&self, path: &[u8], names: &[&str]) -> Result<Vec<u8>, Refusal> {
        let mut all = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let mut full = path.strip_suffix(b"/").unwrap_or(path).to_vec();
            full.push(b'/');
            full.extend(name.bytes());
            let (kind, content) = self.leaf(&full)?;
            let length = NAME + (name.len() + 1).next_multiple_of(4);
            let last = index + 1 == names.len();
            let next = if last { 0 } else { length as u16 };
            let end = all.len() + length;
            all.extend((kind as u32).to_le_bytes());
            all.extend((content.len() as u32).to_le_bytes());
            all.extend([0; 4]);
            all.extend(next.to_le_bytes());
            all.extend(name.bytes());
            all.resize(end, 0);
        }
        Ok(all)
    }

    /// The type and content of a leaf or a directory.
    fn leaf(&self, path: &[u8]) -> Result<(i32, Vec<u8>), Refusal> {
        let number = |number: u8| {
            (
                XEN_HYPFS_TYPE_UINT,
                u32::from(number).to_ne_bytes().to_vec(),
            )
        };
        let text = |text: &str| {
            let mut bytes = text.as_bytes().to_vec();
            bytes.push(0);
            (XEN_HYPFS_TYPE_STRING, bytes)
        };
        if let Some(names) = names(path) {
            return Ok((XEN_HYPFS_TYPE_DIR, self.directory(path, names)?));
        }
        match path {
            b"/buildinfo/version/major" => Ok(number(self.setup.release.major)),
            b"/buildinfo/version/minor" => Ok(number(self.setup.release.minor)),
            b"/buildinfo/version/extra" => Ok(text(&self.setup.extraversion)),
            _ => refuse(Errno::ENOENT),
        }
    }

    /// Answers `hypfs_op`.
    ///
    /// # Safety
    ///
    /// As for [`Conduit::hypercall`](crate::hypercall::Conduit::hypercall): the second and third
    /// argument are address and length of a path, the fourth and fifth those of a buffer.
    pub(super) unsafe fn hypfs_op(&mut self, arguments: [usize; 5]) -> Answer {
        let [command, path, path_length, buffer, size] = arguments;
        if !self.setup.privileged {
            return refuse(Errno::EPERM);
        }
        if command as u32 == 0 {
            return if arguments[1..] == [0; 4] {
                Ok(VERSION)
            } else {
                refuse(Errno::EINVAL)
            };
        }
        if path_length == 0 || path_length > XEN_HYPFS_MAX_PATHLEN as usize {
            return refuse(Errno::EINVAL);
        }
        // SAFETY: this function's contract.
        let path = unsafe { Caller::<u8>::array(path, path_length) }.bytes()?;
        if path.iter().position(|byte| *byte == 0) != Some(path.len() - 1) || path[0] != b'/' {
            return refuse(Errno::EINVAL);
        }
        let (kind, content) = self.leaf(&path[..path.len() - 1])?;
        match command as u32 {
            1 => {
                let head = size_of::<xen_hypfs_direntry>();
                if size < head {
                    return refuse(Errno::EINVAL);
                }
                let entry = xen_hypfs_direntry {
                    r#type: kind as u8,
                    content_len: content.len() as u32,
                    ..xen_hypfs_direntry::ZERO
                };
                // SAFETY: this function's contract; the buffer has room for it.
                unsafe { Caller::new(buffer) }.put(entry)?;
                if size < head + content.len() {
                    return refuse(Errno::ENOBUFS);
                }
                // SAFETY: this function's contract; the buffer has room for both.
                let rest = unsafe { Caller::<u8>::array(buffer + head, content.len()) };
                rest.put_bytes(&content)?;
                Ok(0)
            }
            // These leaves are not for writing.
            2 => refuse(Errno::EACCES),
            _ => refuse(Errno::EOPNOTSUPP),
        }
    }
}
