//! A digest of numbers that costs an interpreter little. The command that compares digests has this
//! file too.

/// A digest being made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Digest(u64);

impl Digest {
    /// The digest of nothing.
    pub(crate) const EMPTY: Self = Self(0xcbf2_9ce4_8422_2325);

    /// Takes in a number; of a wider one the low 64 bits.
    pub(crate) fn number(&mut self, number: i128) {
        self.0 = (self.0 ^ number as u64)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29);
    }

    /// Takes in a short text.
    pub(crate) fn text(&mut self, text: &str) {
        for byte in text.as_bytes() {
            self.number(i128::from(*byte));
        }
    }

    /// The digest so far.
    pub(crate) fn value(self) -> u64 {
        self.0
    }
}
