//! How a kernel tells Xen what it is (`xen/include/public/elfnote.h`).
//!
//! An x86 kernel carries ELF notes under the name "Xen": where to enter it, where its
//! hypercall page lies, which features it needs. A kernel places [`XenNote`]s in a
//! `.note.Xen` section; a loader reads a note segment by [`notes`]. The crash and core
//! dumps of a hypervisor or domain carry notes of the same kind.

use core::fmt;

/// The name that Xen's notes bear, with its zero byte.
pub const NAME: [u8; 4] = *b"Xen\0";

crate::words::open_enum! {
    /// What a note under the name "Xen" tells. Numbers are 4 or 8 bytes long, strings
    /// zero-terminated.
    #[doc(alias = "XEN_ELFNOTE_")]
    NoteType(u32) {
        /// String: `NAME=VALUE`.
        INFO = 0 => "XEN_ELFNOTE_INFO",
        /// Number: virtual address of the PV entry point.
        ENTRY = 1 => "XEN_ELFNOTE_ENTRY",
        /// Number: virtual address of the page that Xen is to fill with hypercalls.
        HYPERCALL_PAGE = 2 => "XEN_ELFNOTE_HYPERCALL_PAGE",
        /// Number: virtual address that the image is to be mapped at; 0 if not given.
        VIRT_BASE = 3 => "XEN_ELFNOTE_VIRT_BASE",
        /// Number: how far the ELF physical addresses are above the pseudo-physical ones.
        PADDR_OFFSET = 4 => "XEN_ELFNOTE_PADDR_OFFSET",
        /// String: the Xen version that the kernel was made for, `xen-3.0`.
        XEN_VERSION = 5 => "XEN_ELFNOTE_XEN_VERSION",
        /// String: name of the operating system.
        GUEST_OS = 6 => "XEN_ELFNOTE_GUEST_OS",
        /// String: version of the operating system.
        GUEST_VERSION = 7 => "XEN_ELFNOTE_GUEST_VERSION",
        /// String: the kind of loader, `generic`.
        LOADER = 8 => "XEN_ELFNOTE_LOADER",
        /// String, x86_32: whether the kernel uses PAE: `yes`, `no` or `bimodal`.
        PAE_MODE = 9 => "XEN_ELFNOTE_PAE_MODE",
        /// String: features by name; see [`note_names`](crate::features::note_names).
        FEATURES = 10 => "XEN_ELFNOTE_FEATURES",
        /// String: whether the symbol table is to be loaded, `yes` or `no`.
        BSD_SYMTAB = 11 => "XEN_ELFNOTE_BSD_SYMTAB",
        /// Number: lowest address that the hypervisor's hole may begin at.
        HV_START_LOW = 12 => "XEN_ELFNOTE_HV_START_LOW",
        /// Pairs of numbers: mask and value by which a non-present page table entry with a
        /// machine frame is known.
        L1_MFN_VALID = 13 => "XEN_ELFNOTE_L1_MFN_VALID",
        /// Number: whether the kernel can go on after a suspend that was cancelled.
        SUSPEND_CANCEL = 14 => "XEN_ELFNOTE_SUSPEND_CANCEL",
        /// Number, x86_64: virtual address that the table of machine frames is to lie at.
        INIT_P2M = 15 => "XEN_ELFNOTE_INIT_P2M",
        /// Number: whether the boot module may lie outside the initial mapping.
        MOD_START_PFN = 16 => "XEN_ELFNOTE_MOD_START_PFN",
        /// Number: the features that the kernel supports, a bit each.
        SUPPORTED_FEATURES = 17 => "XEN_ELFNOTE_SUPPORTED_FEATURES",
        /// Number: physical address of the 32-bit PVH entry point.
        PHYS32_ENTRY = 18 => "XEN_ELFNOTE_PHYS32_ENTRY",
        /// Up to three numbers of 4 bytes: the PVH kernel can be loaded elsewhere, with
        /// this alignment, from this address, up to this one.
        PHYS32_RELOC = 19 => "XEN_ELFNOTE_PHYS32_RELOC",
        /// Crash dump: what the hypervisor knew.
        CRASH_INFO = 0x100_0001 => "XEN_ELFNOTE_CRASH_INFO",
        /// Crash dump, one for each processor: registers.
        CRASH_REGS = 0x100_0002 => "XEN_ELFNOTE_CRASH_REGS",
        /// Core dump of a domain: marks it as such.
        DUMPCORE_NONE = 0x200_0000 => "XEN_ELFNOTE_DUMPCORE_NONE",
        /// Core dump of a domain: its header.
        DUMPCORE_HEADER = 0x200_0001 => "XEN_ELFNOTE_DUMPCORE_HEADER",
        /// Core dump of a domain: the version of Xen.
        DUMPCORE_XEN_VERSION = 0x200_0002 => "XEN_ELFNOTE_DUMPCORE_XEN_VERSION",
        /// Core dump of a domain: the version of the dump's format.
        DUMPCORE_FORMAT_VERSION = 0x200_0003 => "XEN_ELFNOTE_DUMPCORE_FORMAT_VERSION",
    }
}

impl NoteType {
    /// The greatest number of a note that a kernel carries.
    #[doc(alias = "XEN_ELFNOTE_MAX")]
    pub const MAX: Self = Self::PHYS32_RELOC;
}

/// A note as a kernel carries it, to be placed in a `.note.Xen` section:
///
/// ```
/// use xen_public::elfnote::{NoteType, XenNote};
///
/// #[used]
/// #[cfg_attr(target_os = "none", unsafe(link_section = ".note.Xen"))]
/// static LOADER: XenNote<[u8; 8]> = XenNote::new(NoteType::LOADER, *b"generic\0");
/// # assert_eq!(size_of_val(&LOADER), 24);
/// ```
///
/// Packed to four bytes, so that notes placed one after the other leave no gap.
#[repr(C, packed(4))]
#[derive(Clone, Copy)]
pub struct XenNote<T: Copy> {
    name_size: u32,
    desc_size: u32,
    kind: NoteType,
    name: [u8; 4],
    desc: T,
}

impl<T: Copy> XenNote<T> {
    /// A note of this type with this content, whose size must be a multiple of four: a
    /// string is padded with zero bytes.
    pub const fn new(kind: NoteType, desc: T) -> Self {
        const {
            assert!(
                size_of::<T>() % 4 == 0,
                "a note's content is a multiple of four bytes"
            )
        };
        Self {
            name_size: NAME.len() as u32,
            desc_size: size_of::<T>() as u32,
            kind,
            name: NAME,
            desc,
        }
    }
}

/// A note as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note<'a> {
    /// Whose note it is, with the zero byte that is usual.
    pub name: &'a [u8],
    /// What it tells; the meaning depends on the name.
    pub kind: u32,
    /// Its content.
    pub desc: &'a [u8],
}

impl<'a> Note<'a> {
    /// What the note tells if it is one of Xen's.
    pub fn xen(&self) -> Option<NoteType> {
        (self.name == NAME).then_some(NoteType::new(self.kind))
    }

    /// The content as a little-endian number of 4 or 8 bytes; `None` for another length.
    pub fn number(&self) -> Option<u64> {
        if let Ok(desc) = self.desc.try_into() {
            return Some(u32::from_le_bytes(desc).into());
        }
        self.desc.try_into().ok().map(u64::from_le_bytes)
    }

    /// The content as text, up to its zero byte; `None` if there is no zero byte or the
    /// text is not UTF-8.
    pub fn text(&self) -> Option<&'a str> {
        let end = self.desc.iter().position(|&byte| byte == 0)?;
        core::str::from_utf8(&self.desc[..end]).ok()
    }
}

/// A note ends after the bytes do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TruncatedNote {
    /// Where the note begins, in bytes.
    pub offset: usize,
    /// How many bytes it needs from there, without padding at its end.
    pub needed: u64,
    /// How many there are.
    pub found: usize,
}

impl fmt::Display for TruncatedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ELF note at offset {:#x} needs {} bytes where {} are left",
            self.offset, self.needed, self.found
        )
    }
}

impl core::error::Error for TruncatedNote {}

/// Reads the notes of an ELF note segment or section: little-endian, names and contents
/// padded to four bytes. Padding that is missing at the very end is no fault; a note that
/// does not fit is an error, the last item.
pub fn notes(bytes: &[u8]) -> Notes<'_> {
    Notes { bytes, offset: 0 }
}

/// The iterator that [`notes`] makes.
#[derive(Clone, Debug)]
pub struct Notes<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Iterator for Notes<'a> {
    type Item = Result<Note<'a>, TruncatedNote>;

    fn next(&mut self) -> Option<Self::Item> {
        const HEADER: u64 = 12;
        let rest = self
            .bytes
            .get(self.offset..)
            .filter(|rest| !rest.is_empty())?;
        let offset = self.offset;
        let truncated = |needed| TruncatedNote {
            offset,
            needed,
            found: rest.len(),
        };
        // Unless the note turns out whole, the iteration ends with it.
        self.offset = self.bytes.len();
        if (rest.len() as u64) < HEADER {
            return Some(Err(truncated(HEADER)));
        }
        let word = |i: usize| u32::from_le_bytes(core::array::from_fn(|byte| rest[4 * i + byte]));
        let (name_size, desc_size, kind) = (word(0), word(1), word(2));
        // 64 bits hold these sums whatever the sizes.
        let name_end = HEADER + u64::from(name_size);
        let desc_start = name_end.next_multiple_of(4);
        let desc_end = desc_start + u64::from(desc_size);
        // Without content nothing after the name is needed, not even its padding.
        let needed = if desc_size == 0 { name_end } else { desc_end };
        if needed > rest.len() as u64 {
            return Some(Err(truncated(needed)));
        }
        let name = &rest[HEADER as usize..name_end as usize];
        let desc = if desc_size == 0 {
            &[]
        } else {
            &rest[desc_start as usize..desc_end as usize]
        };
        // Beyond the end if the last padding lacks: there is no next note then.
        self.offset = offset + desc_end.next_multiple_of(4) as usize;
        Some(Ok(Note { name, kind, desc }))
    }
}

impl core::iter::FusedIterator for Notes<'_> {}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::format;
    use std::vec::Vec;

    fn note(name: &[u8], kind: u32, desc: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for word in [name.len() as u32, desc.len() as u32, kind] {
            bytes.extend(word.to_le_bytes());
        }
        for part in [name, desc] {
            bytes.extend(part);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes
    }

    #[test]
    fn notes_are_read_one_after_the_other() {
        let mut bytes = note(b"GNU\0", 3, &[1, 2, 3, 4, 5]);
        bytes.extend(note(&NAME, 18, &0x10_0000_u32.to_le_bytes()));
        bytes.extend(note(&NAME, 1, &(!0xfff_u64).to_le_bytes()));
        bytes.extend(note(&NAME, 6, b"test\0\0"));
        let read: Vec<_> = notes(&bytes).map(Result::unwrap).collect();
        assert_eq!(read.len(), 4);
        assert_eq!(
            (read[0].xen(), read[0].desc.len(), read[0].number()),
            (None, 5, None)
        );
        assert_eq!(read[1].xen(), Some(NoteType::PHYS32_ENTRY));
        assert_eq!(read[1].number(), Some(0x10_0000));
        assert_eq!(read[2].number(), Some(!0xfff));
        assert_eq!((read[3].text(), read[3].number()), (Some("test"), None));
        assert_eq!(read[0].text(), None);
    }

    #[test]
    fn padding_may_lack_at_the_end_but_content_may_not() {
        let whole = note(&NAME, 8, b"xyz");
        let read = notes(&whole[..19]).next().unwrap().unwrap();
        assert_eq!((read.desc, read.text()), (&b"xyz"[..], None));
        let error = notes(&whole[..18]).next().unwrap().unwrap_err();
        assert_eq!(
            error,
            TruncatedNote {
                offset: 0,
                needed: 19,
                found: 18
            }
        );
        assert_eq!(
            format!("{error}"),
            "ELF note at offset 0x0 needs 19 bytes where 18 are left"
        );
        let bare = note(b"Xen", 0, b"");
        assert_eq!(notes(&bare[..15]).next().unwrap().unwrap().name, b"Xen");
    }

    #[test]
    fn an_error_is_the_last_item() {
        let mut bytes = note(&NAME, 0, b"");
        bytes.extend([0xff; 12]);
        let mut all = notes(&bytes);
        assert!(all.next().unwrap().is_ok());
        let error = all.next().unwrap().unwrap_err();
        assert_eq!(
            error,
            TruncatedNote {
                offset: 16,
                needed: 0x2_0000_000b,
                found: 12
            }
        );
        assert_eq!(all.next(), None);
        assert_eq!(all.next(), None);
    }
}
