//! UUIDs, by which toolstacks know domains.

use core::fmt;
use core::str::FromStr;

/// A UUID of 16 bytes in the order in which they are printed: Xen's `xen_uuid_t`
/// and `xen_domain_handle_t` (`xen/include/public/xen.h`).
///
/// This is the order of libuuid and Linux. Microsoft's GUIDs keep the first three
/// groups little-endian; their bytes must be swapped first.
///
/// ```
/// use xen_public::xen::Uuid;
///
/// const ID: Uuid = Uuid::new(0x00112233, 0x4455, 0x6677, 0x8899, [0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff]);
/// assert_eq!(ID.to_string(), "00112233-4455-6677-8899-aabbccddeeff");
/// assert_eq!("00112233-4455-6677-8899-AABBCCDDEEFF".parse(), Ok(ID));
/// ```
#[repr(transparent)]
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "zerocopy",
    derive(
        zerocopy::FromBytes,
        zerocopy::IntoBytes,
        zerocopy::Immutable,
        zerocopy::KnownLayout,
        zerocopy::Unaligned
    )
)]
#[doc(alias = "xen_uuid_t")]
#[doc(alias = "xen_domain_handle_t")]
pub struct Uuid(pub [u8; 16]);

impl Uuid {
    /// All bytes zero: the handle of a domain that was given none.
    pub const ZERO: Self = Self([0; 16]);

    /// The UUID of the five groups that are printed with dashes between them.
    #[doc(alias = "XEN_DEFINE_UUID")]
    #[doc(alias = "XEN_DEFINE_UUID_")]
    pub const fn new(a: u32, b: u16, c: u16, d: u16, e: [u8; 6]) -> Self {
        let [a0, a1, a2, a3] = a.to_be_bytes();
        let [b0, b1] = b.to_be_bytes();
        let [c0, c1] = c.to_be_bytes();
        let [d0, d1] = d.to_be_bytes();
        let [e0, e1, e2, e3, e4, e5] = e;
        Self([
            a0, a1, a2, a3, b0, b1, c0, c1, d0, d1, e0, e1, e2, e3, e4, e5,
        ])
    }

    /// The 16 bytes.
    pub const fn bytes(self) -> [u8; 16] {
        self.0
    }
}

/// The positions of the dashes in a printed UUID.
const DASHES: [usize; 4] = [8, 13, 18, 23];
/// The length of a printed UUID.
const TEXT: usize = 36;

/// Why a text is no UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseUuidError {
    /// The text is not 36 bytes long.
    Length(usize),
    /// A byte is not what its place needs: a dash or a hexadecimal digit.
    Byte {
        /// Where it stands, counted from 0.
        at: usize,
        /// The byte that was found.
        found: u8,
    },
}

impl fmt::Display for ParseUuidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Length(found) => {
                write!(f, "a UUID is written with {TEXT} characters, not {found}")
            }
            Self::Byte { at, found } => {
                let wanted = if DASHES.contains(&at) {
                    "a dash"
                } else {
                    "a hexadecimal digit"
                };
                let found = found.escape_ascii();
                write!(f, "byte {at} of a UUID is {wanted}, not '{found}'")
            }
        }
    }
}

impl core::error::Error for ParseUuidError {}

impl FromStr for Uuid {
    type Err = ParseUuidError;

    /// Reads the printed form, with digits of either case.
    fn from_str(text: &str) -> Result<Self, ParseUuidError> {
        let text = text.as_bytes();
        if text.len() != TEXT {
            return Err(ParseUuidError::Length(text.len()));
        }
        let mut bytes = [0; 16];
        let mut digits = 0;
        for (at, &found) in text.iter().enumerate() {
            let wrong = ParseUuidError::Byte { at, found };
            if DASHES.contains(&at) {
                if found != b'-' {
                    return Err(wrong);
                }
                continue;
            }
            let digit = char::from(found).to_digit(16).ok_or(wrong)? as u8;
            bytes[digits / 2] = bytes[digits / 2] << 4 | digit;
            digits += 1;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uuid({self})")
    }
}

impl From<[u8; 16]> for Uuid {
    fn from(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl From<Uuid> for [u8; 16] {
    fn from(uuid: Uuid) -> Self {
        uuid.0
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    #[test]
    fn wrong_texts_are_named() {
        let parse = |text: &str| text.parse::<Uuid>();
        assert_eq!(parse(""), Err(ParseUuidError::Length(0)));
        let long = "00112233-4455-6677-8899-aabbccddeeff0";
        assert_eq!(parse(long), Err(ParseUuidError::Length(37)));
        let undashed = "00112233+4455-6677-8899-aabbccddeeff";
        let error = parse(undashed).unwrap_err();
        assert_eq!(error, ParseUuidError::Byte { at: 8, found: b'+' });
        assert_eq!(error.to_string(), "byte 8 of a UUID is a dash, not '+'");
        let error = parse("00112233-4455-6677-8899-aabbccddeefg").unwrap_err();
        assert_eq!(
            error.to_string(),
            "byte 35 of a UUID is a hexadecimal digit, not 'g'"
        );
    }

    #[test]
    fn text_and_bytes_agree() {
        let bytes = core::array::from_fn(|i| (i * 37 + 200) as u8);
        let uuid = Uuid(bytes);
        assert_eq!(uuid.to_string().parse(), Ok(uuid));
        assert_eq!(<[u8; 16]>::from(uuid), bytes);
    }
}
