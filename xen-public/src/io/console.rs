//! Indices of the PV console's rings (`xen/include/public/io/console.h`).
//!
//! The shared page of a console holds two byte rings, 1024 bytes towards the guest
//! and 2048 out of it, with a producer and a consumer index each. The indices run
//! freely through all 32 bits; where one points in its ring is the index modulo the
//! ring's size.

/// Where the free-running `index` points in a ring of `LEN` bytes, a power of two
/// (any other does not compile).
///
/// ```
/// use xen_public::io::console::mask_xencons_idx;
/// assert_eq!(mask_xencons_idx::<2048>(0xffff_ffff), 2047);
/// ```
///
/// ```compile_fail
/// xen_public::io::console::mask_xencons_idx::<1000>(1);
/// ```
#[doc(alias = "MASK_XENCONS_IDX")]
pub const fn mask_xencons_idx<const LEN: usize>(index: u32) -> usize {
    const { assert!(LEN.is_power_of_two(), "a ring's length is a power of two") };
    index as usize & (LEN - 1)
}
