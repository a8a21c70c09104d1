//! Names of disks: prefix, letters, digits.

use core::fmt;

use super::{DiskKind, NameFault, VbdNameError, VirtualDisk};

/// Letters enough for the highest disk, `xvdbgqcv`.
const LETTERS: usize = 5;

/// Writes `xvda1`, or `d0p1` in the alternate form of an xvd.
pub(super) fn print(disk: VirtualDisk, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if f.alternate() && disk.kind == DiskKind::Xvd {
        return write!(f, "d{}p{}", disk.disk, disk.partition);
    }
    f.write_str(disk.kind.prefix())?;
    // The letters come out last first. Their digits run from 1 to 26, so there is no zero.
    let mut letters = [0; LETTERS];
    let mut rest = disk.disk.saturating_add(1);
    let mut used = 0;
    for letter in letters.iter_mut().rev() {
        if let Some(above) = rest.checked_sub(1) {
            *letter = b'a'.saturating_add((above % 26) as u8);
            rest = above / 26;
            used += 1;
        }
    }
    for letter in letters.iter().skip(LETTERS.saturating_sub(used)) {
        fmt::Write::write_char(f, char::from(*letter))?;
    }
    if disk.partition != 0 {
        write!(f, "{}", disk.partition)?;
    }
    Ok(())
}

/// Reads a whole text as a name.
pub(super) fn parse(name: &[u8]) -> Result<VirtualDisk, VbdNameError> {
    let mut rest = Rest { name, at: 0 };
    if let Some(after) = name.strip_prefix(b"d") {
        rest.skip(1);
        return match after.first() {
            None | Some(b'0'..=b'9') => numbered(rest),
            Some(_) => Err(rest.fault(NameFault::NoDigit)),
        };
    }
    for kind in DiskKind::ALL {
        if name.starts_with(kind.prefix().as_bytes()) {
            rest.skip(kind.prefix().len());
            return lettered(kind, rest);
        }
    }
    Err(rest.fault(NameFault::UnknownPrefix))
}

/// What follows a prefix: letters, then perhaps a partition.
fn lettered(kind: DiskKind, mut rest: Rest<'_>) -> Result<VirtualDisk, VbdNameError> {
    let start = rest;
    let mut above = 0_u32;
    while let Some(letter @ b'a'..=b'z') = rest.byte() {
        let digit = u32::from(letter.wrapping_sub(b'a')).saturating_add(1);
        // Saturation is far above the highest disk of any kind.
        above = above.saturating_mul(26).saturating_add(digit);
        rest.skip(1);
    }
    let Some(disk) = above.checked_sub(1) else {
        return Err(rest.fault(NameFault::NoLetter));
    };
    if disk > kind.last_disk() {
        return Err(start.fault(NameFault::DiskTooHigh { kind }));
    }
    let partition = match rest.byte() {
        None => 0,
        Some(b'0') => return Err(rest.fault(NameFault::LeadingZero)),
        Some(b'1'..=b'9') => rest.partition(kind)?,
        Some(_) => return Err(rest.fault(NameFault::NotInAName)),
    };
    Ok(VirtualDisk {
        kind,
        disk,
        partition,
    })
}

/// What follows `d`: a number, then perhaps `p` and a number.
fn numbered(mut rest: Rest<'_>) -> Result<VirtualDisk, VbdNameError> {
    let kind = DiskKind::Xvd;
    let start = rest;
    let disk = rest.digits()?;
    if disk > kind.last_disk() {
        return Err(start.fault(NameFault::DiskTooHigh { kind }));
    }
    let partition = match rest.byte() {
        None => 0,
        Some(b'p') => {
            rest.skip(1);
            rest.partition(kind)?
        }
        Some(_) => return Err(rest.fault(NameFault::NotInAName)),
    };
    Ok(VirtualDisk {
        kind,
        disk,
        partition,
    })
}

/// A number of at most 31 bits that is all of `digits`.
pub(super) fn number(digits: &[u8], base: u32) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits
        .iter()
        .try_fold(0_u32, |number, byte| {
            let digit = char::from(*byte).to_digit(base)?;
            number.checked_mul(base)?.checked_add(digit)
        })
        .filter(|number| *number <= i32::MAX.unsigned_abs())
}

/// A name and how far it was read.
#[derive(Clone, Copy)]
struct Rest<'a> {
    name: &'a [u8],
    at: usize,
}

impl Rest<'_> {
    fn byte(&self) -> Option<u8> {
        self.name.get(self.at).copied()
    }

    fn skip(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
    }

    fn fault(&self, fault: NameFault) -> VbdNameError {
        VbdNameError::new(self.name, self.at, fault)
    }

    /// A decimal number without a leading zero. What no 32 bits can hold is `u32::MAX`.
    fn digits(&mut self) -> Result<u32, VbdNameError> {
        let start = *self;
        let mut number = 0_u32;
        while let Some(digit @ b'0'..=b'9') = self.byte() {
            let digit = u32::from(digit.wrapping_sub(b'0'));
            number = number.saturating_mul(10).saturating_add(digit);
            self.skip(1);
        }
        match (start.byte(), self.at.saturating_sub(start.at)) {
            (_, 0) => Err(start.fault(NameFault::NoDigit)),
            (Some(b'0'), 2..) => Err(start.fault(NameFault::LeadingZero)),
            _ => Ok(number),
        }
    }

    /// A partition's number, with which the name must end.
    fn partition(&mut self, kind: DiskKind) -> Result<u8, VbdNameError> {
        let start = *self;
        let number = self.digits()?;
        if self.byte().is_some() {
            return Err(self.fault(NameFault::NotInAName));
        }
        u8::try_from(number)
            .ok()
            .filter(|number| *number <= kind.last_partition())
            .ok_or_else(|| start.fault(NameFault::PartitionTooHigh { kind }))
    }
}
