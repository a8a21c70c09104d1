//! Types through bytes and back.

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// A type that can be made from bytes and written out again.
#[derive(Clone, Copy, Debug)]
pub struct Type {
    /// Its name, with the module.
    pub name: &'static str,
    size: usize,
    through: fn(&[u8], &mut [u8]) -> bool,
}

impl Type {
    /// The type `T`, by zerocopy's proofs.
    pub const fn of<T: FromBytes + IntoBytes + Immutable>(name: &'static str) -> Self {
        Self {
            name,
            size: size_of::<T>(),
            through: through::<T>,
        }
    }

    /// A type that some function takes bytes through; `false` if it can't.
    pub const fn with(
        name: &'static str,
        size: usize,
        through: fn(&[u8], &mut [u8]) -> bool,
    ) -> Self {
        Self {
            name,
            size,
            through,
        }
    }

    /// The type `T`, by the caller's word.
    ///
    /// # Safety
    /// Any bytes are a value of `T`, and every byte of a `T` belongs to one of its fields.
    pub const unsafe fn plain<T: Copy>(name: &'static str) -> Self {
        Self {
            name,
            size: size_of::<T>(),
            through: copied::<T>,
        }
    }

    /// What is wrong with what comes back when a value is made from some bytes and written out again;
    /// `None` if it is the same. The bytes are repeated or cut to the type's size.
    pub fn difference(&self, seed: &[u8]) -> Option<String> {
        let tail = [0xa5];
        let bytes: Vec<u8> = seed
            .iter()
            .chain(&tail)
            .copied()
            .cycle()
            .take(self.size)
            .collect();
        // Whatever is not written stays unlike what it should be.
        let mut back: Vec<u8> = bytes.iter().map(|b| !b).collect();
        if !(self.through)(&bytes, &mut back) {
            return Some(format!(
                "{} does not take its own {} bytes",
                self.name, self.size
            ));
        }
        let at = bytes.iter().zip(&back).position(|(a, b)| a != b)?;
        Some(format!(
            "{}: byte {at} of {} went in as {:#04x} and came back as {:#04x}",
            self.name, self.size, bytes[at], back[at]
        ))
    }
}

/// Bytes into a value and the value into bytes; `false` if the lengths do not fit.
fn through<T: FromBytes + IntoBytes + Immutable>(bytes: &[u8], back: &mut [u8]) -> bool {
    T::read_from_bytes(bytes).is_ok_and(|value| value.write_to(back).is_ok())
}

/// As [`through`], for a type that may be made from any bytes and has no padding.
fn copied<T: Copy>(bytes: &[u8], back: &mut [u8]) -> bool {
    if bytes.len() != size_of::<T>() || back.len() != size_of::<T>() {
        return false;
    }
    // SAFETY: as many bytes as T has are there, aligned or not, and any are a value of T
    // (`Type::plain`'s contract).
    let value: T = unsafe { bytes.as_ptr().cast::<T>().read_unaligned() };
    let moved = std::hint::black_box(value);
    // SAFETY: there is room for the bytes of a T, aligned or not, and a T leaves none of them
    // uninitialised (`Type::plain`'s contract).
    unsafe { back.as_mut_ptr().cast::<T>().write_unaligned(moved) };
    true
}

/// [`Type::difference`] for a type under its Rust name.
pub fn difference<T: FromBytes + IntoBytes + Immutable>(seed: &[u8]) -> Option<String> {
    Type::of::<T>(std::any::type_name::<T>()).difference(seed)
}
