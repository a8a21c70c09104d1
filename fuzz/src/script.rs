//! Input as a script.

use arbitrary::Unstructured;

/// The bytes of an input, read from the front as whatever is due next. Behind its end there are zeros.
#[derive(Debug)]
pub struct Script<'a>(Unstructured<'a>);

impl<'a> Script<'a> {
    /// The script that an input is.
    pub fn new(data: &'a [u8]) -> Self {
        Self(Unstructured::new(data))
    }

    /// Whether all was read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A number of 8 bits.
    pub fn u8(&mut self) -> u8 {
        self.0.arbitrary().unwrap_or(0)
    }

    /// A number of 16 bits.
    pub fn u16(&mut self) -> u16 {
        self.0.arbitrary().unwrap_or(0)
    }

    /// A number of 32 bits.
    pub fn u32(&mut self) -> u32 {
        self.0.arbitrary().unwrap_or(0)
    }

    /// A number of 64 bits.
    pub fn u64(&mut self) -> u64 {
        self.0.arbitrary().unwrap_or(0)
    }

    /// One of two.
    pub fn flip(&mut self) -> bool {
        self.u8() & 1 != 0
    }

    /// A number below a limit, which must not be zero.
    pub fn below(&mut self, limit: usize) -> usize {
        let number: usize = if limit > 256 {
            self.u16().into()
        } else {
            self.u8().into()
        };
        number % limit
    }

    /// One of several.
    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// A distance from -128 to 127, to be added to an index.
    pub fn step(&mut self) -> u32 {
        (self.u8() as i8) as u32
    }

    /// An index: small, or shortly before the highest, or any.
    pub fn index(&mut self) -> u32 {
        match self.u8() {
            0..=63 => 0,
            64..=127 => self.u8().into(),
            128..=223 => u32::MAX - u32::from(self.u8()),
            224.. => self.u32(),
        }
    }

    /// So many bytes, or what is left.
    pub fn bytes(&mut self, count: usize) -> &'a [u8] {
        let count = count.min(self.0.len());
        self.0.bytes(count).unwrap_or_default()
    }

    /// Bytes whose number comes first.
    pub fn some_bytes(&mut self) -> &'a [u8] {
        let count = self.u8().into();
        self.bytes(count)
    }
}
