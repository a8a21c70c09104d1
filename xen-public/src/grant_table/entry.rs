//! Entries of a grant table, in both versions, and their flag word.
//!
//! A domain chooses by `GNTTABOP_set_version` which of the two its table holds; version 1
//! is the default. The table is shared with Xen, which sets flags while a grant is in
//! use: an entry is made valid by writing the flags last, after a write barrier, and taken
//! back by an atomic compare-and-exchange of the flags (version 1) or by clearing them and
//! then reading the status word (version 2). These structs are for private copies.

use core::fmt;

use super::GrantRef;
use crate::record::record;
use crate::xen::DomId;

/// What an entry allows: the low two bits of its flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GrantType {
    /// Nothing.
    #[doc(alias = "GTF_invalid")]
    Invalid,
    /// To map or copy the page, or a part of it.
    #[doc(alias = "GTF_permit_access")]
    PermitAccess,
    /// To give a page of one's own to the granting domain.
    #[doc(alias = "GTF_accept_transfer")]
    AcceptTransfer,
    /// To copy through a grant that a third domain made to the granting one (version 2 only).
    #[doc(alias = "GTF_transitive")]
    Transitive,
}

impl GrantType {
    /// The bits of the flag word that say so.
    pub const fn flags(self) -> GrantFlags {
        GrantFlags::new(match self {
            Self::Invalid => 0,
            Self::PermitAccess => 1,
            Self::AcceptTransfer => 2,
            Self::Transitive => 3,
        })
    }
}

crate::words::transparent! {
    /// The flag word of a grant entry, and the status word that version 2 keeps apart.
    ///
    /// The low two bits are the [`GrantType`]; what bits 2 and 3 mean depends on it. Bits
    /// without a name are kept. Written by the granting domain; Xen sets and clears
    /// [`READING`](Self::READING), [`WRITING`](Self::WRITING) and the two of a transfer.
    #[doc(alias = "GTF_")]
    #[doc(alias = "grant_status_t")]
    GrantFlags(u16)
}

impl GrantFlags {
    /// The bits of the [`GrantType`].
    #[doc(alias = "GTF_type_mask")]
    pub const TYPE_MASK: Self = Self(3);

    /// Access or transitive: only reading is allowed.
    #[doc(alias = "GTF_readonly")]
    pub const READONLY: Self = Self(1 << 2);

    /// Access or transitive: the page is in use for reading. Set by Xen; with version 2 in
    /// the status word.
    #[doc(alias = "GTF_reading")]
    pub const READING: Self = Self(1 << 3);

    /// Access or transitive: the page is in use for writing. Set by Xen; with version 2 in
    /// the status word.
    #[doc(alias = "GTF_writing")]
    pub const WRITING: Self = Self(1 << 4);

    /// Access, x86: the write-through bit of mappings.
    #[doc(alias = "GTF_PWT")]
    pub const PWT: Self = Self(1 << 5);

    /// Access, x86: the cache-disable bit of mappings.
    #[doc(alias = "GTF_PCD")]
    pub const PCD: Self = Self(1 << 6);

    /// Access, x86: the attribute-table bit of mappings.
    #[doc(alias = "GTF_PAT")]
    pub const PAT: Self = Self(1 << 7);

    /// Access, version 2: only a part of the page, and only for copying.
    #[doc(alias = "GTF_sub_page")]
    pub const SUB_PAGE: Self = Self(1 << 8);

    /// Transfer: Xen has begun, so that the entry must stay as it is. Set by Xen.
    #[doc(alias = "GTF_transfer_committed")]
    pub const TRANSFER_COMMITTED: Self = Self(1 << 2);

    /// Transfer: done, the entry holds the frame's number. Set by Xen.
    #[doc(alias = "GTF_transfer_completed")]
    pub const TRANSFER_COMPLETED: Self = Self(1 << 3);

    /// A word with exactly these bits.
    #[inline]
    pub const fn new(bits: u16) -> Self {
        Self(bits)
    }

    /// All bits of the word.
    #[inline]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// What the entry allows.
    #[inline]
    pub const fn grant_type(self) -> GrantType {
        match self.0 & Self::TYPE_MASK.0 {
            0 => GrantType::Invalid,
            1 => GrantType::PermitAccess,
            2 => GrantType::AcceptTransfer,
            _ => GrantType::Transitive,
        }
    }

    /// Whether every bit of `other` is set.
    #[inline]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether an access or transitive grant is in use by the other domain.
    #[inline]
    pub const fn is_in_use(self) -> bool {
        self.0 & (Self::READING.0 | Self::WRITING.0) != 0
    }

    /// These bits and those of `other`.
    #[inline]
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The names of the set bits, by what they mean for the entry's type.
    fn names(self) -> impl Iterator<Item = &'static str> {
        let transfer = matches!(self.grant_type(), GrantType::AcceptTransfer);
        let access: &[(u16, &str)] = &[
            (2, "GTF_readonly"),
            (3, "GTF_reading"),
            (4, "GTF_writing"),
            (5, "GTF_PWT"),
            (6, "GTF_PCD"),
            (7, "GTF_PAT"),
            (8, "GTF_sub_page"),
        ];
        let accept: &[(u16, &str)] =
            &[(2, "GTF_transfer_committed"), (3, "GTF_transfer_completed")];
        let kind = match self.grant_type() {
            GrantType::Invalid => "GTF_invalid",
            GrantType::PermitAccess => "GTF_permit_access",
            GrantType::AcceptTransfer => "GTF_accept_transfer",
            GrantType::Transitive => "GTF_transitive",
        };
        let table = if transfer { accept } else { access };
        core::iter::once(kind).chain(
            table
                .iter()
                .filter(move |(bit, _)| self.0 >> bit & 1 != 0)
                .map(|&(_, name)| name),
        )
    }

    /// The bits that have no name for the entry's type.
    const fn unknown(self) -> u16 {
        match self.grant_type() {
            GrantType::AcceptTransfer => self.0 & !0xf,
            _ => self.0 & !0x1ff,
        }
    }
}

impl core::ops::BitOr for GrantFlags {
    type Output = Self;
    #[inline]
    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

impl fmt::Display for GrantFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.names().enumerate() {
            write!(f, "{}{name}", if i == 0 { "" } else { " | " })?;
        }
        match self.unknown() {
            0 => Ok(()),
            bits => write!(f, " | {bits:#x}"),
        }
    }
}

impl fmt::Debug for GrantFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GrantFlags({self})")
    }
}

record! {
    /// What entries of both versions begin with: 4 bytes, the same in every ABI.
    #[repr(C)]
    #[derive(Debug, PartialEq, Eq)]
    #[doc(alias = "grant_entry_header")]
    GrantEntryHeader {
        /// What is allowed and what is going on.
        flags: GrantFlags,
        /// To whom. Written by the granting domain.
        domid: DomId,
    } is grant_table::grant_entry_header in x86_32 x86_64 arm32 arm64
}

record! {
    /// A grant table entry of version 1: 8 bytes, the same in every ABI.
    #[repr(C)]
    #[derive(Debug, PartialEq, Eq)]
    #[doc(alias = "grant_entry_v1")]
    #[doc(alias = "grant_entry_v1_t")]
    #[doc(alias = "grant_entry")]
    GrantEntryV1 {
        /// What is allowed and what is going on.
        flags: GrantFlags,
        /// To whom. Written by the granting domain.
        domid: DomId,
        /// Access: the frame that is lent, written by the granting domain. Transfer: the
        /// frame slot to fill, and when it is complete the frame that was given, written by
        /// Xen. A frame beyond 32 bits needs version 2.
        frame: u32,
    } is grant_table::grant_entry_v1 in x86_32 x86_64 arm32 arm64
}

record! {
    /// A grant table entry of version 2: 16 bytes, the same in every ABI, in one of the
    /// shapes of [`GrantBodyV2`]. The shape is told by the flags, so that the bytes are
    /// reached through [`header`](Self::header) and [`body`](Self::body).
    ///
    /// The flags are written by the granting domain alone; what goes on stands in a
    /// separate array of status words ([`GrantFlags`]) that Xen writes.
    #[repr(C, align(8))]
    #[derive(PartialEq, Eq)]
    #[doc(alias = "grant_entry_v2")]
    #[doc(alias = "grant_entry_v2_t")]
    GrantEntryV2 {
        /// The entry as it lies in memory.
        bytes: [u8; 16],
    }
}

/// What a version 2 entry says after its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantBodyV2 {
    /// The entry allows nothing: what it holds means nothing.
    Invalid,
    /// Access to the whole page, or acceptance of a transfer.
    #[doc(alias = "full_page")]
    FullPage {
        /// The frame, as in [`GrantEntryV1::frame`].
        frame: u64,
    },
    /// Copying from or to a part of a page ([`GrantFlags::SUB_PAGE`]).
    #[doc(alias = "sub_page")]
    SubPage {
        /// The frame that the part lies in.
        frame: u64,
        /// The part's first byte in the page.
        offset: u16,
        /// Its length in bytes.
        length: u16,
    },
    /// Copying through a grant that another domain made.
    #[doc(alias = "transitive")]
    Transitive {
        /// The domain that made it.
        domid: DomId,
        /// The grant in that domain's table.
        gref: GrantRef,
    },
}

/// Where the fields of a version 2 entry lie, in bytes.
mod at {
    pub(super) const FLAGS: usize = 0;
    pub(super) const DOMID: usize = 2;
    pub(super) const FRAME: usize = 8;
    pub(super) const PAGE_OFF: usize = 4;
    pub(super) const LENGTH: usize = 6;
    pub(super) const TRANS_DOMID: usize = 4;
    pub(super) const GREF: usize = 8;
}

macro_rules! same_shapes {
    ($($abi:ident)+) => {
        $(const _: () = {
            use crate::abi::$abi::grant_table::grant_entry_v2 as Theirs;
            use core::mem::offset_of;
            assert!(size_of::<GrantEntryV2>() == size_of::<Theirs>());
            assert!(align_of::<GrantEntryV2>() >= align_of::<Theirs>());
            assert!(offset_of!(Theirs, hdr.flags) == at::FLAGS);
            assert!(offset_of!(Theirs, hdr.domid) == at::DOMID);
            assert!(offset_of!(Theirs, full_page.hdr) == 0);
            assert!(offset_of!(Theirs, full_page.frame) == at::FRAME);
            assert!(offset_of!(Theirs, sub_page.hdr) == 0);
            assert!(offset_of!(Theirs, sub_page.page_off) == at::PAGE_OFF);
            assert!(offset_of!(Theirs, sub_page.length) == at::LENGTH);
            assert!(offset_of!(Theirs, sub_page.frame) == at::FRAME);
            assert!(offset_of!(Theirs, transitive.hdr) == 0);
            assert!(offset_of!(Theirs, transitive.trans_domid) == at::TRANS_DOMID);
            assert!(offset_of!(Theirs, transitive.gref) == at::GREF);
        };)+
    };
}
same_shapes!(x86_32 x86_64 arm32 arm64);

impl GrantEntryV2 {
    /// An entry of the given shape. The header's type and [`GrantFlags::SUB_PAGE`] are
    /// made to fit the shape; for [`GrantBodyV2::FullPage`] a header that accepts a
    /// transfer stays so. Unused bytes are zero.
    #[must_use]
    pub fn new(header: GrantEntryHeader, body: GrantBodyV2) -> Self {
        let clear = GrantFlags::TYPE_MASK.0 | GrantFlags::SUB_PAGE.0;
        let plain = GrantFlags(header.flags.0 & !clear);
        let mut entry = Self::ZERO;
        let flags = match body {
            GrantBodyV2::Invalid => plain,
            GrantBodyV2::FullPage { frame } => {
                entry.put(at::FRAME, frame.to_ne_bytes());
                match header.flags.grant_type() {
                    GrantType::AcceptTransfer => plain | GrantType::AcceptTransfer.flags(),
                    _ => plain | GrantType::PermitAccess.flags(),
                }
            }
            GrantBodyV2::SubPage {
                frame,
                offset,
                length,
            } => {
                entry.put(at::PAGE_OFF, offset.to_ne_bytes());
                entry.put(at::LENGTH, length.to_ne_bytes());
                entry.put(at::FRAME, frame.to_ne_bytes());
                plain | GrantType::PermitAccess.flags() | GrantFlags::SUB_PAGE
            }
            GrantBodyV2::Transitive { domid, gref } => {
                entry.put(at::TRANS_DOMID, domid.get().to_ne_bytes());
                entry.put(at::GREF, gref.get().to_ne_bytes());
                plain | GrantType::Transitive.flags()
            }
        };
        entry.put(at::FLAGS, flags.0.to_ne_bytes());
        entry.put(at::DOMID, header.domid.get().to_ne_bytes());
        entry
    }

    /// The flags and the domain that may use the grant.
    pub fn header(&self) -> GrantEntryHeader {
        GrantEntryHeader {
            flags: GrantFlags(u16::from_ne_bytes(self.get(at::FLAGS))),
            domid: DomId::new(u16::from_ne_bytes(self.get(at::DOMID))),
        }
    }

    /// What follows the header, in the shape that the flags tell.
    pub fn body(&self) -> GrantBodyV2 {
        let flags = self.header().flags;
        let frame = u64::from_ne_bytes(self.get(at::FRAME));
        match flags.grant_type() {
            GrantType::Invalid => GrantBodyV2::Invalid,
            GrantType::PermitAccess if flags.contains(GrantFlags::SUB_PAGE) => {
                GrantBodyV2::SubPage {
                    frame,
                    offset: u16::from_ne_bytes(self.get(at::PAGE_OFF)),
                    length: u16::from_ne_bytes(self.get(at::LENGTH)),
                }
            }
            GrantType::PermitAccess | GrantType::AcceptTransfer => GrantBodyV2::FullPage { frame },
            GrantType::Transitive => GrantBodyV2::Transitive {
                domid: DomId::new(u16::from_ne_bytes(self.get(at::TRANS_DOMID))),
                gref: GrantRef::new(u32::from_ne_bytes(self.get(at::GREF))),
            },
        }
    }

    fn get<const N: usize>(&self, at: usize) -> [u8; N] {
        core::array::from_fn(|i| self.bytes[at + i])
    }

    fn put<const N: usize>(&mut self, at: usize, value: [u8; N]) {
        self.bytes[at..at + N].copy_from_slice(&value);
    }
}

impl fmt::Debug for GrantEntryV2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantEntryV2")
            .field("header", &self.header())
            .field("body", &self.body())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::format;

    fn header(flags: u16) -> GrantEntryHeader {
        GrantEntryHeader {
            flags: GrantFlags::new(flags),
            domid: DomId::new(0x1234),
        }
    }

    #[test]
    fn flags_are_named_by_what_they_mean_for_the_type() {
        assert_eq!(
            format!("{}", GrantFlags::new(0b01101)),
            "GTF_permit_access | GTF_readonly | GTF_reading"
        );
        assert_eq!(
            format!("{}", GrantFlags::new(0b11110)),
            "GTF_accept_transfer | GTF_transfer_committed | GTF_transfer_completed | 0x10"
        );
        assert_eq!(
            format!("{:?}", GrantFlags::new(0x8000)),
            "GrantFlags(GTF_invalid | 0x8000)"
        );
        assert!(GrantFlags::WRITING.is_in_use() && !GrantFlags::READONLY.is_in_use());
    }

    #[test]
    fn each_shape_lies_where_the_header_says() {
        let frame = 0x1122_3344_5566_7788_u64;
        let full = GrantEntryV2::new(header(0b100), GrantBodyV2::FullPage { frame });
        assert_eq!(full.bytes[..2], 0b101_u16.to_ne_bytes());
        assert_eq!(full.bytes[2..4], 0x1234_u16.to_ne_bytes());
        assert_eq!(full.bytes[4..8], [0; 4]);
        assert_eq!(full.bytes[8..], frame.to_ne_bytes());

        let part = GrantBodyV2::SubPage {
            frame,
            offset: 0x0a0b,
            length: 0x0c0d,
        };
        let part = GrantEntryV2::new(header(0), part);
        assert_eq!(part.bytes[..2], 0x101_u16.to_ne_bytes());
        assert_eq!(part.bytes[4..6], 0x0a0b_u16.to_ne_bytes());
        assert_eq!(part.bytes[6..8], 0x0c0d_u16.to_ne_bytes());
        assert_eq!(part.bytes[8..], frame.to_ne_bytes());

        let via = GrantBodyV2::Transitive {
            domid: DomId::new(0x0506),
            gref: GrantRef::new(0x0708_090a),
        };
        let via = GrantEntryV2::new(header(0), via);
        assert_eq!(via.bytes[..2], 3_u16.to_ne_bytes());
        assert_eq!(via.bytes[4..6], 0x0506_u16.to_ne_bytes());
        assert_eq!(via.bytes[6..8], [0; 2]);
        assert_eq!(via.bytes[8..12], 0x0708_090a_u32.to_ne_bytes());
        assert_eq!(via.bytes[12..], [0; 4]);
    }

    #[test]
    fn what_is_written_is_read_back() {
        let frame = u64::MAX;
        for body in [
            GrantBodyV2::Invalid,
            GrantBodyV2::FullPage { frame },
            GrantBodyV2::SubPage {
                frame,
                offset: 4095,
                length: 1,
            },
            GrantBodyV2::Transitive {
                domid: DomId::new(3),
                gref: GrantRef::new(u32::MAX),
            },
        ] {
            // An interpreter would take minutes for all of them.
            let step = if cfg!(miri) { 251 } else { 1 };
            for flags in (0..=u16::MAX).step_by(step) {
                let entry = GrantEntryV2::new(header(flags), body);
                assert_eq!(entry.body(), body);
                assert_eq!(entry.header().domid, DomId::new(0x1234));
                assert_eq!(entry.header().flags.bits() & !0x103, flags & !0x103);
                if let GrantBodyV2::FullPage { .. } = body {
                    let accepts = flags & 3 == 2;
                    let kind = entry.header().flags.grant_type();
                    assert_eq!(kind == GrantType::AcceptTransfer, accepts);
                }
            }
        }
    }
}
