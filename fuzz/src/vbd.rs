//! Names and numbers of disks.

use xen_abi::blkif::vbd::{DiskKind, NotADisk, VirtualDevice, VirtualDisk};

use crate::script::Script;

/// Any text as a disk's name, as a value of `virtual-device` and as one of a configuration, and any number
/// as a disk.
///
/// What is read prints as it was written, means the same by its number, and is what a naive reader finds;
/// what is refused, that reader refuses too.
pub fn vbd(data: &[u8]) {
    let script = &mut Script::new(data);
    match script.u8() % 4 {
        0 => {
            let mut name = Vec::new();
            name.extend(script.one_of(&["", "xvd", "sd", "hd", "d"]).as_bytes());
            name.extend(script.bytes(usize::MAX));
            check_name(&name);
        }
        1 => check_number(script.u32()),
        2 => {
            let number = script.one_of(&[3 << 8, 8 << 8, 22 << 8, 202 << 8, 1 << 28, 2 << 28]);
            check_number(number ^ script.u16() as u32 ^ (script.u8() as u32) << 20);
        }
        _ => check_texts(script.bytes(usize::MAX)),
    }
}

/// The name of a disk by the documentation, with nothing but text and large numbers.
fn naive_name(name: &[u8]) -> Option<(DiskKind, u32, u8)> {
    let name = std::str::from_utf8(name).ok()?;
    let decimal = |text: &str, max: u32| -> Option<u32> {
        let number: u32 = text.parse().ok()?;
        (number.to_string() == text && number <= max).then_some(number)
    };
    for (prefix, kind, disks, partitions) in [
        ("xvd", DiskKind::Xvd, 0xf_ffff, 255),
        ("sd", DiskKind::Sd, 15, 15),
        ("hd", DiskKind::Hd, 3, 63),
    ] {
        if let Some(rest) = name.strip_prefix(prefix) {
            let letters = rest.trim_end_matches(|c: char| c.is_ascii_digit());
            let digits = &rest[letters.len()..];
            if letters.is_empty() || letters.len() > 12 {
                return None;
            }
            let mut above = 0_u128;
            for letter in letters.chars() {
                if !letter.is_ascii_lowercase() {
                    return None;
                }
                above = above * 26 + u128::from(letter) - u128::from('a') + 1;
            }
            let disk = u32::try_from(above - 1)
                .ok()
                .filter(|disk| *disk <= disks)?;
            let partition = match digits {
                "" => 0,
                "0" => return None,
                _ => decimal(digits, partitions)?,
            };
            return Some((kind, disk, partition as u8));
        }
    }
    let rest = name.strip_prefix('d')?;
    let (disk, partition) = rest.split_once('p').unwrap_or((rest, "0"));
    let disk = decimal(disk, 0xf_ffff)?;
    Some((DiskKind::Xvd, disk, decimal(partition, 255)? as u8))
}

fn check_name(name: &[u8]) {
    let found = VirtualDisk::from_name(name);
    let parts = |disk: &VirtualDisk| (disk.kind(), disk.disk(), disk.partition());
    assert_eq!(found.as_ref().ok().map(parts), naive_name(name), "{name:?}");
    match found {
        Ok(disk) => {
            let (plain, other) = (disk.to_string(), format!("{disk:#}"));
            let whole = other.strip_suffix("p0").unwrap_or(&other);
            assert!(
                [plain.as_str(), &other, whole]
                    .map(str::as_bytes)
                    .contains(&name)
            );
            assert_eq!(plain.parse(), Ok(disk));
            assert_eq!(other.parse(), Ok(disk));
            assert_eq!(disk.number().disk(), Ok(disk));
        }
        Err(error) => {
            assert!(error.at() <= name.len());
            assert!(error.to_string().is_ascii());
        }
    }
}

/// What a number means, from the table in the documentation.
fn naive_number(number: u32) -> Option<(DiskKind, u32, u8)> {
    let (kind, disk, partition) = match number {
        0xca00..=0xcaff => (DiskKind::Xvd, (number - 0xca00) / 16, number % 16),
        0x800..=0x8ff => (DiskKind::Sd, (number - 0x800) / 16, number % 16),
        0x300..=0x37f => (DiskKind::Hd, (number - 0x300) / 64, number % 64),
        0x1600..=0x167f => (DiskKind::Hd, 2 + (number - 0x1600) / 64, number % 64),
        0x1000_0000..=0x1fff_ffff => {
            let (disk, partition) = ((number - 0x1000_0000) / 256, number % 256);
            if disk < 16 && partition < 16 {
                return None;
            }
            (DiskKind::Xvd, disk, partition)
        }
        _ => return None,
    };
    Some((kind, disk, partition as u8))
}

fn check_number(number: u32) {
    let device = VirtualDevice::new(number);
    let found = device.disk();
    let parts = |disk: &VirtualDisk| (disk.kind(), disk.disk(), disk.partition());
    assert_eq!(found.as_ref().ok().map(parts), naive_number(number));
    match found {
        Ok(disk) => {
            assert_eq!(disk.number(), device);
            assert!(disk.partition() <= disk.kind().last_partition());
            assert!(disk.disk() <= disk.kind().last_disk());
            let again = VirtualDisk::new(disk.kind(), disk.disk(), disk.partition());
            assert_eq!(again, Ok(disk));
            check_name(disk.to_string().as_bytes());
            check_name(format!("{disk:#}").as_bytes());
        }
        Err(NotADisk::Future { number: n }) => assert!(n == number && n >= 2 << 28),
        Err(NotADisk::Long { number: n }) => assert!(n == number && n >> 28 == 1),
        Err(NotADisk::Reserved { number: n }) => assert!(n == number && n < 1 << 28),
        Err(error) => panic!("{error}"),
    }
}

fn check_texts(text: &[u8]) {
    let utf8 = std::str::from_utf8(text);
    let naive = |max: u32| {
        let number: u32 = utf8.ok()?.parse().ok()?;
        (number.to_string().as_bytes() == text && number <= max).then_some(number)
    };
    let found = VirtualDevice::from_xenstore(text);
    assert_eq!(
        found.as_ref().ok().map(|device| device.get()),
        naive(u32::MAX)
    );
    if let Err(error) = found {
        assert!(error.to_string().is_ascii());
    }
    let Ok(text) = utf8 else {
        return;
    };
    match VirtualDevice::from_configuration(text) {
        Ok(device) => {
            if let Some(number) = naive(u32::MAX) {
                assert_eq!(device.get(), number);
            } else if let Some((kind, disk, partition)) = naive_name(text.as_bytes()) {
                let disk = VirtualDisk::new(kind, disk, partition);
                assert_eq!(disk.map(VirtualDisk::number), Ok(device));
            } else {
                // In another base: 0, then x or not, then all digits.
                assert!(text.starts_with('0') && text.len() > 1);
                assert!(device.get() <= i32::MAX.unsigned_abs());
            }
        }
        Err(error) => {
            assert_eq!(naive(i32::MAX.unsigned_abs()), None);
            assert_eq!(naive_name(text.as_bytes()), None);
            assert!(error.to_string().is_ascii());
        }
    }
}
