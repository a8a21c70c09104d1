//! Virtual device numbers: which disk or partition a vbd is (`docs/man/xen-vbd-interface.7.pandoc`).
//!
//! The toolstack writes one number into the frontend's node `virtual-device`. It packs a kind of disk,
//! the disk's number and a partition, where partition 0 is the whole disk:
//!
//! | kind | disks | partitions | number |
//! |---|---|---|---|
//! | xvd | 0 to 15 | 0 to 15 | `202 << 8 \| disk << 4 \| partition` |
//! | xvd | 0 to 1048575 | 0 to 255 | `1 << 28 \| disk << 8 \| partition`, where the first form is too small |
//! | sd | 0 to 15 | 0 to 15 | `8 << 8 \| disk << 4 \| partition` |
//! | hd | 0 and 1 | 0 to 63 | `3 << 8 \| disk << 6 \| partition` |
//! | hd | 2 and 3 | 0 to 63 | `22 << 8 \| (disk - 2) << 6 \| partition` |
//!
//! All other numbers are reserved or deprecated. People write names: `xvda` is xvd disk 0, `xvdz` disk
//! 25, `xvdaa` disk 26, `hdb3` partition 3 of hd disk 1; `d536p37` is another way to write `xvdtq37`.
//!
//! [`VirtualDevice`] is the number, [`VirtualDisk`] what it means. There is one number for each meaning
//! and one name that prints it, and this module reads nothing else. It is stricter than libxl, which takes
//! `xvd` without a letter for a number, and than QEMU, which reads `xvda0` and `xvda01`.

mod error;
mod name;
#[cfg(test)]
mod tests;

use core::fmt;
use core::str::FromStr;

use super::decimal::{DecimalFault, decimal};

pub use error::{NameFault, NotADisk, NumberError, OutOfRange, VbdNameError};

/// The kinds of disk that a number can name. For a paravirtual guest the kind is advice on what to
/// call the disk; an HVM guest finds whole `hd` and `sd` disks on an emulated controller too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DiskKind {
    /// A Xen virtual disk.
    Xvd,
    /// Named as a SCSI disk.
    Sd,
    /// Named as an IDE or AHCI disk.
    Hd,
}

impl DiskKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Xvd, Self::Sd, Self::Hd];

    /// What names of this kind begin with.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Xvd => "xvd",
            Self::Sd => "sd",
            Self::Hd => "hd",
        }
    }

    /// The highest disk number.
    pub const fn last_disk(self) -> u32 {
        match self {
            Self::Xvd => 0xf_ffff,
            Self::Sd => 15,
            Self::Hd => 3,
        }
    }

    /// The highest partition number.
    pub const fn last_partition(self) -> u8 {
        match self {
            Self::Xvd => 255,
            Self::Sd => 15,
            Self::Hd => 63,
        }
    }
}

impl fmt::Display for DiskKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.prefix())
    }
}

/// A disk, or one partition of it, that a vbd number can name.
///
/// It displays as its name (`xvda1`); with `{:#}` an xvd displays in the other form (`d0p1`).
///
/// ```
/// use xen_abi::blkif::vbd::{DiskKind, VirtualDisk};
///
/// let disk: VirtualDisk = "d536p37".parse()?;
/// assert_eq!((disk.kind(), disk.disk(), disk.partition()), (DiskKind::Xvd, 536, 37));
/// assert_eq!(disk.to_string(), "xvdtq37");
/// assert_eq!(format!("{disk:#}"), "d536p37");
///
/// let wrong = "sda16".parse::<VirtualDisk>().unwrap_err();
/// assert_eq!(wrong.to_string(), r#""sda16": byte 3: the partition is higher than sd's last, 15"#);
/// # Ok::<(), xen_abi::blkif::vbd::VbdNameError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct VirtualDisk {
    kind: DiskKind,
    disk: u32,
    partition: u8,
}

impl VirtualDisk {
    /// Partition `partition` of disk `disk`, both counted as in the table above.
    ///
    /// # Errors
    ///
    /// Where the kind has no such disk or partition.
    pub const fn new(kind: DiskKind, disk: u32, partition: u8) -> Result<Self, OutOfRange> {
        if disk > kind.last_disk() {
            Err(OutOfRange::Disk { kind, disk })
        } else if partition > kind.last_partition() {
            Err(OutOfRange::Partition { kind, partition })
        } else {
            Ok(Self {
                kind,
                disk,
                partition,
            })
        }
    }

    /// The kind of disk.
    pub const fn kind(self) -> DiskKind {
        self.kind
    }

    /// The disk's number, from 0.
    pub const fn disk(self) -> u32 {
        self.disk
    }

    /// The partition's number; 0 is the whole disk.
    pub const fn partition(self) -> u8 {
        self.partition
    }

    /// Whether it is a disk and not one partition of it.
    pub const fn is_whole(self) -> bool {
        self.partition == 0
    }

    /// The number that stands for it in xenstore.
    pub const fn number(self) -> VirtualDevice {
        // The ranges that `new` checked keep the parts from overlapping.
        let partition = self.partition as u32;
        VirtualDevice(match (self.kind, self.disk) {
            (DiskKind::Xvd, disk @ ..=15) if partition <= 15 => 202 << 8 | disk << 4 | partition,
            (DiskKind::Xvd, disk) => 1 << 28 | disk << 8 | partition,
            (DiskKind::Sd, disk) => 8 << 8 | disk << 4 | partition,
            (DiskKind::Hd, disk @ ..=1) => 3 << 8 | disk << 6 | partition,
            (DiskKind::Hd, disk) => 22 << 8 | (disk & 1) << 6 | partition,
        })
    }
}

impl From<VirtualDisk> for VirtualDevice {
    fn from(disk: VirtualDisk) -> Self {
        disk.number()
    }
}

impl TryFrom<VirtualDevice> for VirtualDisk {
    type Error = NotADisk;

    fn try_from(device: VirtualDevice) -> Result<Self, NotADisk> {
        device.disk()
    }
}

impl fmt::Display for VirtualDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        name::print(*self, f)
    }
}

impl FromStr for VirtualDisk {
    type Err = VbdNameError;

    fn from_str(name: &str) -> Result<Self, VbdNameError> {
        Self::from_name(name.as_bytes())
    }
}

impl VirtualDisk {
    /// The disk of this name: as `parse`, for text that need not be UTF-8.
    ///
    /// # Errors
    ///
    /// Any text that is not exactly a name as the [module](self) describes them.
    pub fn from_name(name: &[u8]) -> Result<Self, VbdNameError> {
        name::parse(name)
    }
}

/// The number in the frontend's node `virtual-device`, which the toolstack writes: any 32-bit number.
///
/// ```
/// use xen_abi::blkif::vbd::{DiskKind, VirtualDevice};
///
/// let device = VirtualDevice::from_xenstore(b"51713")?;
/// assert_eq!(device.disk()?.to_string(), "xvda1");
///
/// let reserved = VirtualDevice::new(2 << 28).disk().unwrap_err();
/// assert_eq!(reserved.to_string(), "536870912 is no vbd: numbers from 2 << 28 are reserved");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "virtual-device")]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct VirtualDevice(u32);

impl VirtualDevice {
    /// The device of this number, whatever it means.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// What the number means. A frontend should ignore devices for which this is an error.
    ///
    /// # Errors
    ///
    /// Numbers that are reserved or deprecated, and such in the long form of xvd as fit the short one.
    pub const fn disk(self) -> Result<VirtualDisk, NotADisk> {
        let number = self.0;
        let (kind, disk, partition) = match number >> 8 {
            202 => (DiskKind::Xvd, number >> 4 & 15, number & 15),
            8 => (DiskKind::Sd, number >> 4 & 15, number & 15),
            3 if number & 0x80 == 0 => (DiskKind::Hd, number >> 6 & 1, number & 63),
            22 if number & 0x80 == 0 => (DiskKind::Hd, number >> 6 & 1 | 2, number & 63),
            0x20_0000.. => return Err(NotADisk::Future { number }),
            0x10_0000.. => (DiskKind::Xvd, number >> 8 & 0xf_ffff, number & 0xff),
            _ => return Err(NotADisk::Reserved { number }),
        };
        if number >> 28 == 1 && disk <= 15 && partition <= 15 {
            return Err(NotADisk::Long { number });
        }
        // At most 8 bits were kept of the partition.
        let partition = partition as u8;
        Ok(VirtualDisk {
            kind,
            disk,
            partition,
        })
    }

    /// The number as a value of xenstore: decimal, and in the one form that prints it.
    ///
    /// # Errors
    ///
    /// Everything that the toolstack does not write: signs, spaces, leading zeros, other bases, and
    /// numbers of more than 32 bits.
    pub fn from_xenstore(value: &[u8]) -> Result<Self, NumberError> {
        let fault = match decimal(value, u32::MAX.into()) {
            Ok(number) => match u32::try_from(number) {
                Ok(number) => return Ok(Self(number)),
                Err(_) => DecimalFault::TooLarge {
                    max: u32::MAX.into(),
                },
            },
            Err(fault) => fault,
        };
        Err(NumberError::new(value, fault))
    }

    /// The device as a domain's configuration may name it: by a name, or by a number in decimal, with
    /// `0x` in hexadecimal, or with a leading `0` in octal.
    ///
    /// Numbers reach to 2^31 - 1, as in libxl, and need not mean a disk: they are the way out for guests
    /// that are older than the format.
    ///
    /// # Errors
    ///
    /// What is neither; the error is that of reading a name.
    ///
    /// ```
    /// use xen_abi::blkif::vbd::VirtualDevice;
    ///
    /// for same in ["xvda1", "d0p1", "51713", "0xca01", "0145001"] {
    ///     assert_eq!(VirtualDevice::from_configuration(same), Ok(VirtualDevice::new(51713)));
    /// }
    /// ```
    pub fn from_configuration(text: &str) -> Result<Self, VbdNameError> {
        let (digits, base) = match text.as_bytes() {
            [b'0', b'x' | b'X', digits @ ..] => (digits, 16),
            [b'0', digits @ ..] if !digits.is_empty() => (digits, 8),
            digits => (digits, 10),
        };
        if text.as_bytes().first().is_some_and(u8::is_ascii_digit) {
            name::number(digits, base)
                .map(Self)
                .ok_or_else(|| VbdNameError::new(text.as_bytes(), 0, NameFault::BadNumber))
        } else {
            Ok(VirtualDisk::from_name(text.as_bytes())?.number())
        }
    }
}

impl From<u32> for VirtualDevice {
    fn from(number: u32) -> Self {
        Self(number)
    }
}

impl From<VirtualDevice> for u32 {
    fn from(device: VirtualDevice) -> u32 {
        device.0
    }
}

/// The decimal number, as xenstore holds it.
impl fmt::Display for VirtualDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
