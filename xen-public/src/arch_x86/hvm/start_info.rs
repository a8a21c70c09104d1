//! What a PVH guest finds at start (`xen/include/public/arch-x86/hvm/start_info.h`).
//!
//! The physical address of [`HvmStartInfo`] is in `ebx` at the kernel's 32-bit entry
//! point; Xen or the toolstack writes it and all that it points at, the guest reads. It
//! points at a command line, an array of [`HvmModlistEntry`], from version 1 on an array
//! of [`HvmMemmapTableEntry`], and the ACPI root pointer. Physical address 0 means "not
//! there". All numbers are little-endian; the `read` functions take bytes as they were
//! found, at any alignment, and check what can be checked.

use core::fmt;

use crate::record::record;
use crate::xen::StartFlags;

/// What [`HvmStartInfo::magic`] must be: "xEn3" with the top bit of the "E" set.
#[doc(alias = "XEN_HVM_START_MAGIC_VALUE")]
pub const MAGIC: u32 = 0x336e_c578;

/// The size of a version 0 structure in bytes: up to and with `rsdp_paddr`.
const VERSION_0_SIZE: usize = 40;

record! {
    /// The start of day structure: 56 bytes, 40 in version 0; the same in both x86 ABIs.
    #[repr(C, align(8))]
    #[derive(Debug, PartialEq, Eq)]
    #[doc(alias = "hvm_start_info")]
    HvmStartInfo {
        /// [`MAGIC`].
        magic: u32,
        /// Version of the structure. A greater one only adds to the end.
        version: u32,
        /// What the domain is.
        flags: StartFlags,
        /// How many modules there are.
        nr_modules: u32,
        /// Physical address of the array of [`HvmModlistEntry`].
        modlist_paddr: u64,
        /// Physical address of the command line, zero-terminated.
        cmdline_paddr: u64,
        /// Physical address of ACPI's root pointer.
        rsdp_paddr: u64,
        /// Physical address of the array of [`HvmMemmapTableEntry`]. From version 1.
        memmap_paddr: u64,
        /// How many entries that array has; 0 if there is no memory map. From version 1.
        memmap_entries: u32,
        /// Zero. From version 1.
        reserved: u32,
    } is arch_x86::hvm::start_info::hvm_start_info in x86_32 x86_64
}

record! {
    /// A module that was loaded with the kernel, the initial ram disk for one: 32 bytes.
    #[repr(C, align(8))]
    #[derive(Debug, PartialEq, Eq)]
    #[doc(alias = "hvm_modlist_entry")]
    HvmModlistEntry {
        /// Physical address of the module.
        paddr: u64,
        /// Its size in bytes.
        size: u64,
        /// Physical address of its command line, zero-terminated; 0 if it has none.
        cmdline_paddr: u64,
        /// Zero.
        reserved: u64,
    } is arch_x86::hvm::start_info::hvm_modlist_entry in x86_32 x86_64
}

record! {
    /// A range of the memory map: 24 bytes.
    #[repr(C, align(8))]
    #[derive(Debug, PartialEq, Eq)]
    #[doc(alias = "hvm_memmap_table_entry")]
    HvmMemmapTableEntry {
        /// Physical address of the range's first byte.
        addr: u64,
        /// Its size in bytes.
        size: u64,
        /// What it is good for.
        r#type: MemmapType,
        /// Zero in version 1.
        reserved: u32,
    } is arch_x86::hvm::start_info::hvm_memmap_table_entry in x86_32 x86_64
}

crate::words::open_enum! {
    /// What a range of the memory map is good for, in ACPI's numbers.
    #[doc(alias = "XEN_HVM_MEMMAP_TYPE_")]
    MemmapType(u32) {
        /// Memory that the guest may use.
        RAM = 1 => "XEN_HVM_MEMMAP_TYPE_RAM",
        /// Not for the guest's use.
        RESERVED = 2 => "XEN_HVM_MEMMAP_TYPE_RESERVED",
        /// ACPI tables; memory once they were read.
        ACPI = 3 => "XEN_HVM_MEMMAP_TYPE_ACPI",
        /// Memory that ACPI keeps across sleep states.
        NVS = 4 => "XEN_HVM_MEMMAP_TYPE_NVS",
        /// Memory with faults.
        UNUSABLE = 5 => "XEN_HVM_MEMMAP_TYPE_UNUSABLE",
        /// Memory that is not enabled.
        DISABLED = 6 => "XEN_HVM_MEMMAP_TYPE_DISABLED",
        /// Persistent memory.
        PMEM = 7 => "XEN_HVM_MEMMAP_TYPE_PMEM",
    }
}

/// Why bytes are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// There are too few bytes.
    TooShort {
        /// How many it takes.
        needed: u64,
        /// How many there are.
        found: usize,
    },
    /// The structure does not begin with [`MAGIC`].
    BadMagic {
        /// What it begins with.
        found: u32,
    },
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { needed, found } => {
                write!(f, "{found} bytes where {needed} are needed")
            }
            Self::BadMagic { found } => {
                write!(
                    f,
                    "HVM start info magic is {found:#010x}, not {MAGIC:#010x}"
                )
            }
        }
    }
}

impl core::error::Error for ReadError {}

/// Reads numbers one after the other from bytes whose length was checked before.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (head, tail) = self.0.split_at(N);
        self.0 = tail;
        core::array::from_fn(|i| head[i])
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }
}

fn at_least(bytes: &[u8], needed: usize) -> Result<Reader<'_>, ReadError> {
    if bytes.len() < needed {
        let (needed, found) = (needed as u64, bytes.len());
        return Err(ReadError::TooShort { needed, found });
    }
    Ok(Reader(bytes))
}

impl HvmStartInfo {
    /// Reads the structure from the bytes at its address. Of version 0 the fields that
    /// it lacks become zero; of a version that is newer than these headers the known
    /// fields are read.
    ///
    /// # Errors
    /// [`ReadError::BadMagic`] where it is another structure, [`ReadError::TooShort`]
    /// where the bytes end before its version says.
    pub fn read(bytes: &[u8]) -> Result<Self, ReadError> {
        let found = at_least(bytes, 4)?.u32();
        if found != MAGIC {
            return Err(ReadError::BadMagic { found });
        }
        let mut fields = at_least(bytes, VERSION_0_SIZE)?;
        let mut info = Self {
            magic: fields.u32(),
            version: fields.u32(),
            flags: StartFlags::from_bits(fields.u32()),
            nr_modules: fields.u32(),
            modlist_paddr: fields.u64(),
            cmdline_paddr: fields.u64(),
            rsdp_paddr: fields.u64(),
            ..Self::ZERO
        };
        if info.version >= 1 {
            let mut fields = at_least(bytes, size_of::<Self>())?;
            fields.take::<VERSION_0_SIZE>();
            info.memmap_paddr = fields.u64();
            info.memmap_entries = fields.u32();
            info.reserved = fields.u32();
        }
        Ok(info)
    }

    /// Where the modules are described, if there are any.
    pub const fn modules(&self) -> Option<Table> {
        Table::new(self.modlist_paddr, self.nr_modules)
    }

    /// Where the memory map is, if there is one.
    pub const fn memory_map(&self) -> Option<Table> {
        if self.version >= 1 {
            Table::new(self.memmap_paddr, self.memmap_entries)
        } else {
            None
        }
    }

    /// Physical address of the command line, if there is one.
    pub const fn command_line(&self) -> Option<u64> {
        present(self.cmdline_paddr)
    }

    /// Physical address of ACPI's root pointer, if there is one.
    pub const fn rsdp(&self) -> Option<u64> {
        present(self.rsdp_paddr)
    }
}

const fn present(paddr: u64) -> Option<u64> {
    if paddr == 0 { None } else { Some(paddr) }
}

/// An array in the guest's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// Physical address of its first entry.
    pub paddr: u64,
    /// How many entries it has, at least 1.
    pub entries: u32,
}

impl Table {
    const fn new(paddr: u64, entries: u32) -> Option<Self> {
        if paddr == 0 || entries == 0 {
            None
        } else {
            Some(Self { paddr, entries })
        }
    }
}

macro_rules! read_table {
    ($name:ident, $read:expr) => {
        impl $name {
            /// Reads the array of so many entries that the bytes begin with.
            ///
            /// # Errors
            /// [`ReadError::TooShort`] where the bytes end before the array does.
            pub fn read_table(
                bytes: &[u8],
                entries: u32,
            ) -> Result<impl ExactSizeIterator<Item = Self> + '_, ReadError> {
                const SIZE: usize = size_of::<$name>();
                let found = bytes.len();
                if (found / SIZE) < entries as usize {
                    let needed = u64::from(entries) * SIZE as u64;
                    return Err(ReadError::TooShort { needed, found });
                }
                let read: fn(Reader<'_>) -> Self = $read;
                Ok(bytes[..entries as usize * SIZE]
                    .chunks_exact(SIZE)
                    .map(move |entry| read(Reader(entry))))
            }
        }
    };
}

read_table!(HvmModlistEntry, |mut fields| HvmModlistEntry {
    paddr: fields.u64(),
    size: fields.u64(),
    cmdline_paddr: fields.u64(),
    reserved: fields.u64(),
});

read_table!(HvmMemmapTableEntry, |mut fields| HvmMemmapTableEntry {
    addr: fields.u64(),
    size: fields.u64(),
    r#type: MemmapType::new(fields.u32()),
    reserved: fields.u32(),
});

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::format;
    use std::vec::Vec;

    /// The structure's bytes as the header's picture shows them, every field different.
    fn bytes(version: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        for word in [MAGIC, version, 3, 0x11] {
            bytes.extend(word.to_le_bytes());
        }
        for word in [0x22_u64 << 32, 0x33, 0x44, 0x55] {
            bytes.extend(word.to_le_bytes());
        }
        for word in [0x66_u32, 0] {
            bytes.extend(word.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn every_field_is_read_from_its_place() {
        let info = HvmStartInfo::read(&bytes(1)).unwrap();
        assert_eq!(info.flags, StartFlags::PRIVILEGED | StartFlags::INITDOMAIN);
        let modules = Table {
            paddr: 0x22 << 32,
            entries: 0x11,
        };
        assert_eq!(info.modules(), Some(modules));
        assert_eq!((info.command_line(), info.rsdp()), (Some(0x33), Some(0x44)));
        let map = Table {
            paddr: 0x55,
            entries: 0x66,
        };
        assert_eq!(info.memory_map(), Some(map));
    }

    #[test]
    fn version_0_ends_before_the_memory_map() {
        let old = bytes(0);
        for length in [40, 56] {
            let info = HvmStartInfo::read(&old[..length]).unwrap();
            assert_eq!((info.memory_map(), info.memmap_paddr), (None, 0));
        }
        for (version, length, needed) in
            [(0, 39, 40), (1, 40, 56), (2, 55, 56), (1, 3, 4), (1, 0, 4)]
        {
            let error = ReadError::TooShort {
                needed,
                found: length,
            };
            assert_eq!(HvmStartInfo::read(&bytes(version)[..length]), Err(error));
        }
    }

    #[test]
    fn another_structure_is_refused() {
        let mut other = bytes(1);
        other[1] = b'E';
        let error = HvmStartInfo::read(&other).unwrap_err();
        assert_eq!(error, ReadError::BadMagic { found: 0x336e_4578 });
        assert_eq!(
            format!("{error}"),
            "HVM start info magic is 0x336e4578, not 0x336ec578"
        );
    }

    #[test]
    fn tables_are_read_whole_or_not_at_all() {
        let table: Vec<u8> = (0..48).collect();
        let read: Vec<_> = HvmMemmapTableEntry::read_table(&table, 2)
            .unwrap()
            .collect();
        assert_eq!(
            read[1].addr,
            u64::from_le_bytes([24, 25, 26, 27, 28, 29, 30, 31])
        );
        assert_eq!(
            read[1].r#type,
            MemmapType::new(u32::from_le_bytes([40, 41, 42, 43]))
        );
        for (entries, needed) in [(3, 72), (u32::MAX, 24 * 0xffff_ffff)] {
            let error = HvmMemmapTableEntry::read_table(&table, entries)
                .map(|_| ())
                .unwrap_err();
            assert_eq!(error, ReadError::TooShort { needed, found: 48 });
        }
        let modules: Vec<_> = HvmModlistEntry::read_table(&table, 1).unwrap().collect();
        assert_eq!(
            modules[0].reserved,
            u64::from_le_bytes([24, 25, 26, 27, 28, 29, 30, 31])
        );
        assert_eq!(HvmModlistEntry::read_table(&[], 0).unwrap().len(), 0);
    }
}
