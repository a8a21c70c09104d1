//! Members of bitfields that lie in bytes, where no integer of C's alignment covers them.

/// The bits from `first` on, `width` of them (at most 64), counted from the first byte's lowest.
pub(crate) const fn get(bytes: &[u8], first: usize, width: usize) -> u64 {
    let mut value = 0;
    let mut i = 0;
    while i < width {
        let bit = first + i;
        value |= (((bytes[bit / 8] >> (bit % 8)) & 1) as u64) << i;
        i += 1;
    }
    value
}

/// Sets them to the low bits of `value`.
pub(crate) const fn set(bytes: &mut [u8], first: usize, width: usize, value: u64) {
    let mut i = 0;
    while i < width {
        let bit = first + i;
        let mask = 1 << (bit % 8);
        if (value >> i) & 1 == 1 {
            bytes[bit / 8] |= mask;
        } else {
            bytes[bit / 8] &= !mask;
        }
        i += 1;
    }
}
