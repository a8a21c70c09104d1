//! A digest of names and numbers that is cheap to interpret: FNV-1a over their bytes, each number as its
//! little-endian bytes without the leading zeros. The program that compares digests has it too.

/// A digest being made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Digest(u64);

impl Digest {
    /// The digest of nothing.
    pub(crate) const EMPTY: Self = Self(0xcbf2_9ce4_8422_2325);

    /// Takes in one byte.
    fn byte(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    }

    /// Takes in a text and its end.
    pub(crate) fn text(&mut self, text: &str) {
        for byte in text.bytes() {
            self.byte(byte);
        }
        self.byte(0xff);
    }

    /// Takes in a number and its end.
    pub(crate) fn number(&mut self, number: i128) {
        let mut rest = number;
        while rest != 0 && rest != -1 {
            self.byte((rest & 0xff) as u8);
            rest >>= 8;
        }
        self.byte(if rest == 0 { 0xfe } else { 0xfd });
    }

    /// The digest so far.
    pub(crate) fn value(self) -> u64 {
        self.0
    }
}
