//! Values that are one word, of a set that is open.

use core::fmt;

use super::Fault;
use crate::blkif::Excerpt;

/// A short word of printable ASCII: the value of a node whose set of values is open.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Word {
    bytes: [u8; Self::CAPACITY],
    length: usize,
}

impl Word {
    /// The most bytes of a word.
    pub const CAPACITY: usize = 32;

    /// The word.
    ///
    /// # Errors
    ///
    /// [`Fault::NotAWord`] if it is empty or has a space or another byte that doesn't print,
    /// [`Fault::TooLong`] beyond [`CAPACITY`](Self::CAPACITY).
    pub fn new(text: &[u8]) -> Result<Self, Fault> {
        if text.is_empty() || !text.iter().all(u8::is_ascii_graphic) {
            return Err(Fault::NotAWord);
        }
        let mut bytes = [0; Self::CAPACITY];
        bytes
            .get_mut(..text.len())
            .ok_or(Fault::TooLong)?
            .copy_from_slice(text);
        Ok(Self {
            bytes,
            length: text.len(),
        })
    }

    /// A word of this module, at compile time.
    const fn literal(text: &str) -> Self {
        let mut word = Self {
            bytes: [0; Self::CAPACITY],
            length: text.len(),
        };
        let mut at = 0;
        while at < text.len() {
            word.bytes[at] = text.as_bytes()[at];
            at += 1;
        }
        word
    }

    /// The word as text.
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..self.length).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Excerpt::of(self.as_str().as_bytes()).fmt(f)
    }
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $constant:ident = $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub struct $name(Word);

        impl $name {
            $($(#[$of])* pub const $constant: Self = Self(Word::literal($text));)*

            /// Wraps the word, known or not.
            pub const fn new(word: Word) -> Self {
                Self(word)
            }

            /// The word.
            pub const fn word(self) -> Word {
                self.0
            }

            pub(super) fn parse(value: &[u8]) -> Result<Self, Fault> {
                Word::new(value).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

words! {
    /// What the frontend's domain should take the device for: the node `device-type`, written by the
    /// toolstack. The header leaves the set of words open.
    DeviceType {
        /// A disk.
        DISK = "disk",
        /// A CD-ROM drive.
        CDROM = "cdrom",
        /// A floppy disk drive.
        FLOPPY = "floppy",
    }

    /// What backs the disk: the node `type`, written by the toolstack for the backend and the hotplug
    /// scripts.
    BackendType {
        /// A file.
        FILE = "file",
        /// A physical device.
        PHY = "phy",
        /// A process that taps the requests.
        TAP = "tap",
        /// QEMU. The header doesn't know it, libxl does.
        QDISK = "qdisk",
        /// A backend of its own. The header doesn't know it, libxl does.
        STANDALONE = "standalone",
    }
}
