//! Reading machine-check telemetry (`xen/include/public/arch-x86/xen-mca.h`).
//!
//! The `XEN_MC_fetch` operation fills an `mc_info`: a count, flags, and an area in
//! which entries of different types stand one behind the other. Each begins with a
//! 16-bit type (`MC_TYPE_*`) and the 16-bit size of the whole entry in bytes, and
//! that size leads to the next. [`McInfo`] walks them. Where C's macros follow any
//! size they find, an entry that is smaller than its own header or that leaves the
//! area is reported as [`McInfoError`], and ends the walk.

use core::fmt;

use crate::abi::x86_64::arch_x86::xen_mca::{mc_info, mcinfo_common};

/// The length of an `mc_info`'s entry area, in bytes.
#[doc(alias = "mi_data")]
pub const MI_DATA_BYTES: usize = MI_DATA_WORDS * 8;

const MI_DATA_WORDS: usize = mc_info::ZERO.mi_data.len();
const HEADER_BYTES: usize = size_of::<mcinfo_common>();

/// The entries of a machine-check record that was fetched from Xen.
///
/// ```
/// use xen_public::arch_x86::xen_mca::McInfo;
///
/// let area = [2u16, 4, 1, 8, 0xbeef, 0xcafe].map(u16::to_ne_bytes);
/// let info = McInfo::new(2, area.as_flattened());
/// let bank = info.lookup(1).unwrap().expect("there is a bank entry");
/// assert_eq!(bank.bytes.len(), 8);
/// assert!(info.lookup(3).unwrap().is_none());
/// ```
#[derive(Clone, Copy, Debug)]
#[doc(alias = "mc_info")]
pub struct McInfo<'a> {
    nentries: u32,
    area: &'a [u8],
}

/// An entry: its type and its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "mcinfo_common")]
pub struct McEntry<'a> {
    /// What the entry holds: one of `MC_TYPE_*`.
    pub kind: u16,
    /// Where in the area the entry begins, in bytes.
    pub offset: usize,
    /// The whole entry, its four-byte header included.
    pub bytes: &'a [u8],
}

/// An entry whose size can't be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct McInfoError {
    /// Where in the area the entry begins, in bytes.
    pub offset: usize,
    /// The size that it gives itself, in bytes; `None` where the area ends before it.
    pub size: Option<u16>,
    /// The length of the area, in bytes.
    pub area: usize,
}

impl fmt::Display for McInfoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offset, size, area } = self;
        match size {
            Some(size) if usize::from(*size) < HEADER_BYTES => write!(
                f,
                "machine-check entry at byte {offset} says it is {size} bytes long, less than its header"
            ),
            Some(size) => write!(
                f,
                "machine-check entry at byte {offset} says it is {size} bytes long, but the area ends at byte {area}"
            ),
            None => write!(
                f,
                "machine-check entry expected at byte {offset}, but the area ends at byte {area}"
            ),
        }
    }
}

impl core::error::Error for McInfoError {}

/// The bytes of an `mc_info`'s `mi_data`, in the order in which they stand in memory.
pub fn mi_data_bytes(words: &[u64; MI_DATA_WORDS]) -> [u8; MI_DATA_BYTES] {
    let mut bytes = [0; MI_DATA_BYTES];
    for (to, word) in bytes.chunks_exact_mut(8).zip(words) {
        to.copy_from_slice(&word.to_ne_bytes());
    }
    bytes
}

impl<'a> McInfo<'a> {
    /// The record with `mi_nentries` entries in `area`, the bytes of `mi_data`.
    pub const fn new(nentries: u32, area: &'a [u8]) -> Self {
        Self { nentries, area }
    }

    /// How many entries there are.
    #[doc(alias = "x86_mcinfo_nentries")]
    pub const fn nentries(&self) -> u32 {
        self.nentries
    }

    /// The first entry, or `None` where there is none.
    ///
    /// # Errors
    /// [`McInfoError`] where the entry's size can't be true.
    #[doc(alias = "x86_mcinfo_first")]
    pub fn first(&self) -> Result<Option<McEntry<'a>>, McInfoError> {
        self.entries().next().transpose()
    }

    /// All entries, in order. The first one that can't be true is the last one given.
    #[doc(alias = "x86_mcinfo_next")]
    pub const fn entries(&self) -> McEntries<'a> {
        McEntries {
            left: self.nentries,
            offset: 0,
            area: self.area,
        }
    }

    /// The first entry of type `kind` (`MC_TYPE_*`), or `None` where there is none.
    ///
    /// # Errors
    /// [`McInfoError`] where an entry before it has a size that can't be true.
    #[doc(alias = "x86_mcinfo_lookup")]
    pub fn lookup(&self, kind: u16) -> Result<Option<McEntry<'a>>, McInfoError> {
        self.entries()
            .find(|entry| !matches!(entry, Ok(entry) if entry.kind != kind))
            .transpose()
    }
}

/// The walk through a record's entries, made by [`McInfo::entries`].
#[derive(Clone, Debug)]
pub struct McEntries<'a> {
    left: u32,
    offset: usize,
    area: &'a [u8],
}

impl<'a> McEntries<'a> {
    fn entry(&self) -> Result<McEntry<'a>, McInfoError> {
        let Self { offset, area, .. } = *self;
        let wrong = |size| McInfoError {
            offset,
            size,
            area: area.len(),
        };
        let rest = &area[offset..];
        let Some(&[k0, k1, s0, s1]) = rest.first_chunk() else {
            return Err(wrong(None));
        };
        let size = u16::from_ne_bytes([s0, s1]);
        match rest.get(..usize::from(size)) {
            Some(bytes) if bytes.len() >= HEADER_BYTES => Ok(McEntry {
                kind: u16::from_ne_bytes([k0, k1]),
                offset,
                bytes,
            }),
            _ => Err(wrong(Some(size))),
        }
    }
}

impl<'a> Iterator for McEntries<'a> {
    type Item = Result<McEntry<'a>, McInfoError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let entry = self.entry();
        match &entry {
            Ok(entry) => self.offset += entry.bytes.len(),
            Err(_) => self.left = 0,
        }
        Some(entry)
    }
}

impl core::iter::FusedIterator for McEntries<'_> {}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;
    use std::vec::Vec;

    fn area(halves: &[u16]) -> Vec<u8> {
        halves.iter().flat_map(|half| half.to_ne_bytes()).collect()
    }

    #[test]
    fn entries_come_in_order_and_stop_at_the_count() {
        let area = area(&[0, 6, 9, 1, 4, 2, 8, 5, 5]);
        let of = |count| {
            let entries = McInfo::new(count, &area).entries();
            entries
                .map(|entry| entry.map(|entry| (entry.kind, entry.offset, entry.bytes.len())))
                .collect::<Vec<_>>()
        };
        assert_eq!(of(0), []);
        let three = [Ok((0, 0, 6)), Ok((1, 6, 4)), Ok((2, 10, 8))];
        assert_eq!(of(2), three[..2]);
        assert_eq!(of(3), three);
        let past_the_end = of(u32::MAX);
        assert_eq!(past_the_end.len(), 4);
        let error = past_the_end[3].unwrap_err();
        assert_eq!(
            error.to_string(),
            "machine-check entry expected at byte 18, but the area ends at byte 18"
        );
    }

    #[test]
    fn a_false_size_ends_the_walk() {
        for size in [0, 3, 9, 0xffff] {
            let area = area(&[7, 4, 1, size, 0, 0]);
            let info = McInfo::new(9, &area);
            assert_eq!(info.first().unwrap().unwrap().kind, 7);
            assert_eq!(info.entries().count(), 2, "size {size}");
            let error = info.lookup(3).unwrap_err();
            assert_eq!((error.offset, error.size, error.area), (4, Some(size), 12));
            assert!(error.to_string().contains(&std::format!(" {size} bytes")));
            // What stands before the false entry is still found.
            assert_eq!(info.lookup(7).unwrap().unwrap().offset, 0);
        }
    }

    #[test]
    fn words_keep_their_memory_order() {
        let mut words = [0; MI_DATA_WORDS];
        words[1] = u64::from_ne_bytes([1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(mi_data_bytes(&words)[8..16], [1, 2, 3, 4, 5, 6, 7, 8]);
    }
}
