//! The beginning of a peer's text, kept for an error message.

use core::fmt;

/// The first bytes of a value that came from elsewhere, and how long the whole of it was.
///
/// Errors carry it, so that they can say what was wrong without allocating and without keeping all
/// of what a hostile peer sent. It displays in quotes, with everything unprintable escaped.
///
/// ```
/// use xen_abi::blkif::Excerpt;
///
/// assert_eq!(Excerpt::of(b"-1\n").to_string(), r#""-1\n""#);
/// assert_eq!(
///     Excerpt::of(&[b'x'; 4000]).to_string(),
///     r#""xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"... (4000 bytes)"#
/// );
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Excerpt {
    bytes: [u8; Self::CAPACITY],
    length: usize,
}

impl Excerpt {
    /// How many bytes are kept.
    pub const CAPACITY: usize = 32;

    /// The beginning of `value`.
    pub fn of(value: &[u8]) -> Self {
        Self::beginning(value, value.len())
    }

    /// A value of `length` bytes of which no more than `start` is at hand.
    pub(crate) fn beginning(start: &[u8], length: usize) -> Self {
        let mut bytes = [0; Self::CAPACITY];
        for (to, from) in bytes.iter_mut().zip(start) {
            *to = *from;
        }
        Self { bytes, length }
    }

    /// The beginning of what `value` displays as.
    pub(crate) fn printed(value: &dyn fmt::Display) -> Self {
        let mut excerpt = Self::of(b"");
        // Writing to an excerpt can't fail; a `Display` that fails by itself leaves what it wrote.
        let _ = fmt::Write::write_fmt(&mut excerpt, format_args!("{value}"));
        excerpt
    }

    /// The bytes that were kept.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&self.bytes)
    }

    /// The length of the whole value in bytes.
    pub const fn length(&self) -> usize {
        self.length
    }

    /// Whether nothing was left off.
    pub const fn is_whole(&self) -> bool {
        self.length <= Self::CAPACITY
    }
}

impl fmt::Write for Excerpt {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.bytes.get_mut(self.length..).unwrap_or_default();
        for (to, from) in room.iter_mut().zip(text.as_bytes()) {
            *to = *from;
        }
        self.length = self.length.saturating_add(text.len());
        Ok(())
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.as_bytes().escape_ascii())?;
        if !self.is_whole() {
            write!(f, "... ({} bytes)", self.length)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

    use quickcheck::quickcheck;

    use super::*;

    quickcheck! {
        fn the_beginning_is_kept(value: Vec<u8>) -> bool {
            let excerpt = Excerpt::of(&value);
            let kept = value.len().min(32);
            excerpt.as_bytes() == &value[..kept]
                && excerpt.length() == value.len()
                && excerpt.is_whole() == (kept == value.len())
                && excerpt.to_string().is_ascii()
        }

        fn printing_in_pieces_is_printing_at_once(pieces: Vec<u8>) -> bool {
            struct Pieces(Vec<String>);
            impl fmt::Display for Pieces {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    self.0.iter().try_for_each(|piece| f.write_str(piece))
                }
            }
            let pieces: Vec<String> = pieces.iter().take(9).map(|n| "é".repeat(usize::from(n % 12))).collect();
            let whole = pieces.concat();
            Excerpt::printed(&Pieces(pieces)) == Excerpt::of(whole.as_bytes())
        }
    }

    #[test]
    fn the_border_is_at_32_bytes() {
        assert_eq!(Excerpt::of(&[b'a'; 32]).to_string().len(), 34);
        assert!(Excerpt::of(&[b'a'; 33]).to_string().ends_with("(33 bytes)"));
    }
}
