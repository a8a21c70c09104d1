//! Types through bytes and back.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The difference between some bytes and what comes back when a `T` is made from them and written out
/// again; `None` if there is none. The bytes are repeated or cut to the size of `T`.
pub fn difference<T: FromBytes + IntoBytes + Immutable + KnownLayout>(
    seed: &[u8],
) -> Option<String> {
    let bytes: Vec<u8> = seed
        .iter()
        .copied()
        .chain([0xa5])
        .cycle()
        .take(size_of::<T>())
        .collect();
    let name = std::any::type_name::<T>();
    let value = match T::read_from_bytes(&bytes) {
        Ok(value) => value,
        Err(error) => {
            return Some(format!(
                "{name} can't be read from {} bytes: {error}",
                bytes.len()
            ));
        }
    };
    let back = value.as_bytes();
    if back == bytes {
        return None;
    }
    let at = bytes.iter().zip(back).position(|(a, b)| a != b);
    Some(format!(
        "{name}: {} bytes went in, {} came back, the first difference is at {at:?}",
        bytes.len(),
        back.len()
    ))
}
