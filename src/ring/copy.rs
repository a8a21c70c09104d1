//! Copies between shared and private memory.
//!
//! Rust has no atomic memcpy, and a plain one may not be used on memory that somebody else writes: the
//! compiler could take what it reads for something that stays. So either the copy is made of relaxed
//! atomic accesses, or of instructions that the compiler does not look into.
//!
//! To Rust's memory model, the block of assembly is a loop of relaxed atomic loads or stores of
//! single bytes: what it does cannot be told from that. That processors move 16 bytes at a time
//! does no harm, as nobody relies on a value wider than a byte in the data of a byte ring. The two
//! ends copy spans of their own there, so a given byte may be accessed in pieces of different
//! widths. An honest peer never accesses a byte at the same time as we do, though: the indices see to
//! that. A race happens only if the other domain breaks the protocol, and then each byte is some byte
//! that it wrote.
#![allow(unsafe_code)]

use core::sync::atomic::{AtomicU8, Ordering::Relaxed};

#[cfg(all(
    target_arch = "x86_64",
    target_pointer_width = "64",
    target_feature = "sse2",
    not(miri)
))]
use core::arch::x86_64::__m128i;
#[cfg(not(miri))]
use core::sync::atomic::AtomicUsize;

/// Bytes of a word.
#[cfg(not(miri))]
const WORD: usize = size_of::<usize>();

/// The bytes in front of the first whole word at an address.
#[cfg(not(miri))]
#[inline]
fn head(address: *const u8, len: usize) -> usize {
    (address.addr().wrapping_neg() % WORD).min(len)
}

/// Copies `to.len()` bytes out of shared memory, each loaded once.
///
/// # Safety
///
/// So many bytes at `from` are shared memory: readable, and accessed in this program only
/// atomically or by these functions.
#[inline]
pub(super) unsafe fn read(from: *mut u8, to: &mut [u8]) {
    cfg_if::cfg_if! {
        if #[cfg(miri)] {
            // SAFETY: the caller's promise.
            unsafe { read_bytes(from, to) }
        } else if #[cfg(all(target_arch = "x86_64", target_pointer_width = "64", target_feature = "sse2"))] {
            // SAFETY: the caller vouches for `from`, the slice for `to`; they do not overlap, since
            // no reference to shared memory is alive.
            unsafe { copy(from, to.as_mut_ptr(), to.len()) }
        } else {
            // SAFETY: the caller's promise.
            unsafe { read_words(from, to) }
        }
    }
}

/// Copies `from.len()` bytes into shared memory, each stored once.
///
/// # Safety
///
/// So many bytes at `to` are shared memory: writable, and accessed in this program only
/// atomically or by these functions.
#[inline]
pub(super) unsafe fn write(to: *mut u8, from: &[u8]) {
    cfg_if::cfg_if! {
        if #[cfg(miri)] {
            // SAFETY: the caller's promise.
            unsafe { write_bytes(to, from) }
        } else if #[cfg(all(target_arch = "x86_64", target_pointer_width = "64", target_feature = "sse2"))] {
            // SAFETY: the caller vouches for `to`, the slice for `from`; they do not overlap, since
            // no reference to shared memory is alive.
            unsafe { copy(from.as_ptr(), to, from.len()) }
        } else {
            // SAFETY: the caller's promise.
            unsafe { write_words(to, from) }
        }
    }
}

/// Copies `len` bytes, each loaded and stored once.
///
/// # Safety
///
/// So many bytes are readable at `from` and writable at `to`, and they do not overlap.
#[cfg(all(
    target_arch = "x86_64",
    target_pointer_width = "64",
    target_feature = "sse2",
    not(miri)
))]
#[inline]
unsafe fn copy(from: *const u8, to: *mut u8, len: usize) {
    // SAFETY: loads at `from` and stores at `to`, both advancing together: 64 bytes as often as they
    // go into `len`, then 32, 16, 8, 4, 2 and 1 for each bit of what is left, so `len` in all and none
    // twice. Pointers and length have 64 bits, so they fill the registers that they come in. The
    // registers that change are declared, flags are clobbered by default, the stack is not touched.
    // `nomem` is not given, so the compiler keeps the copy where it stands.
    unsafe {
        core::arch::asm!(
            "mov {count}, {len}",
            "shr {count}, 6",
            "jz 3f",
            "2:",
            "movups {a}, [{from}]",
            "movups {b}, [{from} + 16]",
            "movups {c}, [{from} + 32]",
            "movups {d}, [{from} + 48]",
            "movups [{to}], {a}",
            "movups [{to} + 16], {b}",
            "movups [{to} + 32], {c}",
            "movups [{to} + 48], {d}",
            "add {from}, 64",
            "add {to}, 64",
            "dec {count}",
            "jnz 2b",
            "3:",
            "test {len:l}, 63",
            "jz 9f",
            "test {len:l}, 32",
            "jz 4f",
            "movups {a}, [{from}]",
            "movups {b}, [{from} + 16]",
            "movups [{to}], {a}",
            "movups [{to} + 16], {b}",
            "add {from}, 32",
            "add {to}, 32",
            "4:",
            "test {len:l}, 16",
            "jz 5f",
            "movups {a}, [{from}]",
            "movups [{to}], {a}",
            "add {from}, 16",
            "add {to}, 16",
            "5:",
            "test {len:l}, 8",
            "jz 6f",
            "mov {count}, [{from}]",
            "mov [{to}], {count}",
            "add {from}, 8",
            "add {to}, 8",
            "6:",
            "test {len:l}, 4",
            "jz 7f",
            "mov {count:e}, [{from}]",
            "mov [{to}], {count:e}",
            "add {from}, 4",
            "add {to}, 4",
            "7:",
            "test {len:l}, 2",
            "jz 8f",
            "movzx {count:e}, word ptr [{from}]",
            "mov [{to}], {count:x}",
            "add {from}, 2",
            "add {to}, 2",
            "8:",
            "test {len:l}, 1",
            "jz 9f",
            "movzx {count:e}, byte ptr [{from}]",
            "mov [{to}], {count:l}",
            "9:",
            from = inout(reg) from => _,
            to = inout(reg) to => _,
            len = in(reg) len,
            count = out(reg) _,
            a = out(xmm_reg) _,
            b = out(xmm_reg) _,
            c = out(xmm_reg) _,
            d = out(xmm_reg) _,
            options(nostack),
        );
    }
}

/// Loads 16 bytes: to Rust's memory model, relaxed loads of the words that the peer stores there, in
/// any order. Processors move aligned words whole, so what the instruction does can't be told from
/// that; only that all go by at once.
///
/// # Safety
///
/// So many bytes at `from` are shared memory, as for [`read`].
#[cfg(all(
    target_arch = "x86_64",
    target_pointer_width = "64",
    target_feature = "sse2",
    not(miri)
))]
#[inline(always)]
pub(super) unsafe fn load_block(from: *const u8) -> u128 {
    let block: __m128i;
    // SAFETY: a load of bytes for which the caller vouches, at any alignment. The register that
    // changes is declared; flags and stack are not touched.
    unsafe {
        core::arch::asm!(
            "movups {block}, xmmword ptr [{from}]",
            from = in(reg) from,
            block = lateout(xmm_reg) block,
            options(nostack, preserves_flags, readonly),
        );
    }
    // SAFETY: 16 bytes both, of which any are a value.
    unsafe { core::mem::transmute::<__m128i, u128>(block) }
}

/// Stores 16 bytes, as [`load_block`] loads them.
///
/// # Safety
///
/// So many bytes at `to` are shared memory, as for [`write`].
#[cfg(all(
    target_arch = "x86_64",
    target_pointer_width = "64",
    target_feature = "sse2",
    not(miri)
))]
#[inline(always)]
pub(super) unsafe fn store_block(to: *mut u8, block: u128) {
    // SAFETY: 16 bytes both, of which any are a value.
    let block = unsafe { core::mem::transmute::<u128, __m128i>(block) };
    // SAFETY: a store of bytes for which the caller vouches, at any alignment. No register changes,
    // no flag, and the stack is not touched.
    unsafe {
        core::arch::asm!(
            "movups xmmword ptr [{to}], {block}",
            to = in(reg) to,
            block = in(xmm_reg) block,
            options(nostack, preserves_flags),
        );
    }
}

/// Copies out, a byte at a time.
///
/// # Safety
///
/// As for [`read`].
#[inline]
unsafe fn read_bytes(from: *mut u8, to: &mut [u8]) {
    for (n, byte) in to.iter_mut().enumerate() {
        // SAFETY: `n` is below the slice's length, for which the caller vouches.
        let at = unsafe { from.add(n) };
        // SAFETY: shared memory, of which the caller promises that all accesses are atomic.
        *byte = unsafe { AtomicU8::from_ptr(at) }.load(Relaxed);
    }
}

/// Copies in, a byte at a time.
///
/// # Safety
///
/// As for [`write`].
#[inline]
unsafe fn write_bytes(to: *mut u8, from: &[u8]) {
    for (n, byte) in from.iter().enumerate() {
        // SAFETY: `n` is below the slice's length, for which the caller vouches.
        let at = unsafe { to.add(n) };
        // SAFETY: shared memory, of which the caller promises that all accesses are atomic.
        unsafe { AtomicU8::from_ptr(at) }.store(*byte, Relaxed);
    }
}

/// Copies out, a word at a time where the shared memory has whole ones.
///
/// # Safety
///
/// As for [`read`].
#[cfg(not(miri))]
#[cfg_attr(
    all(
        target_arch = "x86_64",
        target_pointer_width = "64",
        target_feature = "sse2"
    ),
    allow(dead_code)
)]
#[inline]
unsafe fn read_words(mut from: *mut u8, to: &mut [u8]) {
    let Some((first, rest)) = to.split_at_mut_checked(head(from, to.len())) else {
        return;
    };
    // SAFETY: the first of the caller's bytes.
    unsafe { read_bytes(from, first) };
    // SAFETY: within the caller's bytes, or one beyond the last.
    from = unsafe { from.add(first.len()) };
    let mut words = rest.chunks_exact_mut(WORD);
    for word in &mut words {
        // SAFETY: the caller's bytes go on for another word, which begins at a multiple of its size.
        let value = unsafe { AtomicUsize::from_ptr(from.cast()) }.load(Relaxed);
        word.copy_from_slice(&value.to_ne_bytes());
        // SAFETY: as above.
        from = unsafe { from.add(WORD) };
    }
    // SAFETY: the last of the caller's bytes.
    unsafe { read_bytes(from, words.into_remainder()) };
}

/// Copies in, a word at a time where the shared memory has whole ones.
///
/// # Safety
///
/// As for [`write`].
#[cfg(not(miri))]
#[cfg_attr(
    all(
        target_arch = "x86_64",
        target_pointer_width = "64",
        target_feature = "sse2"
    ),
    allow(dead_code)
)]
#[inline]
unsafe fn write_words(mut to: *mut u8, from: &[u8]) {
    let Some((first, rest)) = from.split_at_checked(head(to, from.len())) else {
        return;
    };
    // SAFETY: the first of the caller's bytes.
    unsafe { write_bytes(to, first) };
    // SAFETY: within the caller's bytes, or one beyond the last.
    to = unsafe { to.add(first.len()) };
    let words = rest.chunks_exact(WORD);
    let last = words.remainder();
    for word in words {
        let mut value = [0; WORD];
        value.copy_from_slice(word);
        // SAFETY: the caller's bytes go on for another word, which begins at a multiple of its size.
        let cell = unsafe { AtomicUsize::from_ptr(to.cast()) };
        cell.store(usize::from_ne_bytes(value), Relaxed);
        // SAFETY: as above.
        to = unsafe { to.add(WORD) };
    }
    // SAFETY: the last of the caller's bytes.
    unsafe { write_bytes(to, last) };
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;

    /// Every length and every pair of alignments: all bytes arrive, and none beside them change.
    fn copies(one: impl Fn(&mut [u8], &[u8])) {
        // Miri has one way only, byte by byte, and takes its time for each.
        let lens: Vec<usize> = if cfg!(miri) {
            vec![0, 1, 9]
        } else {
            (0..300).chain([4096]).collect()
        };
        for len in lens {
            for (to_at, from_at) in [(0, 0), (1, 0), (0, 3), (5, 5), (7, 2), (8, 15), (9, 16)] {
                let from: Vec<u8> = (0..len + 32).map(|n| (n * 7 + 1) as u8).collect();
                let mut to = vec![0; len + 32];
                one(&mut to[to_at..to_at + len], &from[from_at..from_at + len]);
                assert_eq!(to[to_at..to_at + len], from[from_at..from_at + len]);
                assert!(
                    to[..to_at]
                        .iter()
                        .chain(&to[to_at + len..])
                        .all(|b| *b == 0)
                );
            }
        }
    }

    #[test]
    fn every_way_out_copies_every_byte() {
        type Way = unsafe fn(*mut u8, &mut [u8]);
        let ways: &[Way] = &[
            read,
            read_bytes,
            #[cfg(not(miri))]
            read_words,
        ];
        for way in ways {
            copies(|to, from| {
                let mut shared = from.to_vec();
                // SAFETY: `shared` has as many bytes as `to`.
                unsafe { way(shared.as_mut_ptr(), to) };
            });
        }
    }

    #[test]
    fn every_way_in_copies_every_byte() {
        type Way = unsafe fn(*mut u8, &[u8]);
        let ways: &[Way] = &[
            write,
            write_bytes,
            #[cfg(not(miri))]
            write_words,
        ];
        for way in ways {
            copies(|to, from| {
                // SAFETY: `to` has as many bytes as `from`.
                unsafe { way(to.as_mut_ptr(), from) };
            });
        }
    }
}
