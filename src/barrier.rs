//! Memory barriers: the order in which the other side of a shared page sees what this side does.
//!
//! Both sides of a ring run at the same time on different processors, and neither can lock the other
//! out. All they have is the order of their loads and stores, which compiler and processor change as
//! they like unless a barrier forbids it. The headers name three barriers and leave it to each port
//! to define them: [`xen_mb`], [`xen_rmb`], [`xen_wmb`], before interface version 0x00030208 [`mb`],
//! [`rmb`], [`wmb`]. Here they are the instructions that a kernel means by these names, strong enough
//! for memory of every kind.
//!
//! A ring lives in ordinary cacheable memory, and there less will do: [`virt_mb`], [`virt_rmb`],
//! [`virt_wmb`]. They order what processors see of each other's ordinary loads and stores, and are
//! never compiled away for a guest of one processor, since the peer runs on another. These are the
//! orders that `xen/include/public/io/ring.h` really needs, each with its barrier there and here:
//!
//! | place in `ring.h` | order | there | here |
//! |---|---|---|---|
//! | `RING_PUSH_REQUESTS`, `RING_PUSH_RESPONSES` | all accesses to slots, then the store of the producer index | `xen_wmb` | [`virt_wmb`] |
//! | `RING_PUSH_…_AND_CHECK_NOTIFY` | the same; then the store of the producer index, then the load of the event index | `xen_wmb`, `xen_mb` | [`virt_wmb`], [`virt_mb`] |
//! | `RING_FINAL_CHECK_FOR_…` | the store of the event index, then the load of the producer index | `xen_mb` | [`virt_mb`] |
//! | before `RING_GET_…`, `RING_COPY_…` | the load of the producer index, then all accesses to slots | left to the user | [`virt_rmb`] |
//!
//! The last row holds after a final check that found work as well: its barrier stands before the
//! load of the producer index and says nothing about what comes after.
//!
//! Ring code uses the `virt_` barriers and no stronger ones. The `xen_` barriers are for what a ring
//! is not: pages mapped write-combining, non-temporal stores, code ported line by line from C.
//!
//! # What they compile to
//!
//! | | x86_64, i686 | i586 | aarch64 | armv7 | riscv | powerpc64 |
//! |---|---|---|---|---|---|---|
//! | [`xen_mb`] | `mfence` | `lock add` | `dmb ish` | `dmb ish` | `fence rw,rw` | `sync` |
//! | [`xen_rmb`] | `lfence` | `lock add` | `dmb ishld` | `dmb ish` | `fence r,r` | `lwsync` |
//! | [`xen_wmb`] | `sfence` | `lock add` | `dmb ishst` | `dmb ish` | `fence w,w` | `lwsync` |
//! | [`virt_mb`] | `lock or`, `mfence` | `lock or` | `dmb ish` | `dmb ish` | `fence rw,rw` | `sync` |
//! | [`virt_rmb`] | nothing | nothing | `dmb ishld` | `dmb ish` | `fence r,rw` | `lwsync` |
//! | [`virt_wmb`] | nothing | nothing | `dmb ish` | `dmb ish` | `fence rw,w` | `lwsync` |
//!
//! Where that is "nothing" the compiler is still held to the order. On processors that are not in the
//! table, and under Miri, all six are fences of [`core::sync::atomic`].
//!
//! - i586 stands for any 32-bit x86 target without SSE2, where `lfence` and `mfence` may be missing.
//!   A locked operation does the work of all three, as it waits for the loads before it and empties
//!   the store buffers, those of write-combining memory too. Ordinary stores become visible in order
//!   on x86 without any barrier, but stores to write-combining memory do not, so `xen_wmb` has to be
//!   an instruction there as well; `sfence` came with SSE, and the lock has always been there.
//! - `ish` on Arm is the inner shareable domain, which all memory shared with Xen and between guests
//!   has to be mapped in (`xen/include/public/arch-arm.h`).
//! - armv7 has no `ishld`. It has `ishst`, but Rust 1.85 does not tell a crate whether it compiles
//!   for armv7 or for an older core that lacks the instruction, so all 32-bit Arm targets get fences:
//!   one step stronger than needed for `xen_wmb`, and right on every core.
//! - riscv's `i` and `o` bits order accesses to devices. Shared pages are main memory, so `r` and `w`
//!   are all that is needed.
//! - Rust 1.85 has no inline assembly for powerpc64, and needs none: the fences are the instructions.
#![allow(unsafe_code)]

use core::sync::atomic::{Ordering, fence};

/// A barrier that is one instruction.
#[cfg(all(
    not(miri),
    any(
        target_arch = "x86",
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv32",
        target_arch = "riscv64"
    )
))]
macro_rules! instruction {
    ($name:ident, $text:literal $(, $option:ident)?) => {
        #[inline(always)]
        pub(super) fn $name() {
            // SAFETY: the instruction exists on every processor that the surrounding `cfg` admits. It
            // changes no register, and no memory either: a fence touches none, and the locked addition
            // of 0 rewrites the word at the top of the stack, which is always mapped, with the value
            // that it has, in one step. Nothing is pushed, so `nostack` holds. `preserves_flags`
            // is given for the fences alone, because an addition sets the flags. `nomem` is not given:
            // the compiler has to take the block for one that reads and writes all memory, and so
            // moves no access across it.
            unsafe { core::arch::asm!($text, options(nostack $(, $option)?)) }
        }
    };
}

cfg_if::cfg_if! {
    if #[cfg(all(
        not(miri),
        any(target_arch = "x86_64", all(target_arch = "x86", target_feature = "sse2"))
    ))] {
        mod processor {
            instruction!(mb, "mfence", preserves_flags);
            instruction!(rmb, "lfence", preserves_flags);
            instruction!(wmb, "sfence", preserves_flags);
        }
    } else if #[cfg(all(not(miri), target_arch = "x86"))] {
        mod processor {
            instruction!(mb, "lock add dword ptr [esp], 0");
            instruction!(rmb, "lock add dword ptr [esp], 0");
            instruction!(wmb, "lock add dword ptr [esp], 0");
        }
    } else if #[cfg(all(not(miri), target_arch = "aarch64"))] {
        mod processor {
            instruction!(mb, "dmb ish", preserves_flags);
            instruction!(rmb, "dmb ishld", preserves_flags);
            instruction!(wmb, "dmb ishst", preserves_flags);
        }
    } else if #[cfg(all(not(miri), any(target_arch = "riscv32", target_arch = "riscv64")))] {
        mod processor {
            instruction!(mb, "fence rw, rw", preserves_flags);
            instruction!(rmb, "fence r, r", preserves_flags);
            instruction!(wmb, "fence w, w", preserves_flags);
        }
    } else {
        mod processor {
            pub(super) use super::{virt_mb as mb, virt_rmb as rmb, virt_wmb as wmb};
        }
    }
}

/// Every load and store before it, then every load and store after it.
///
/// For memory of every kind. In a ring, [`virt_mb`] is enough, which also tells the race that it is
/// for: both sides store one word and then load the other's.
#[doc(alias = "mb")]
#[doc(alias = "smp_mb")]
#[inline]
pub fn xen_mb() {
    processor::mb();
}

/// Every load before it, then every load after it.
///
/// For memory of every kind. In a ring, [`virt_rmb`] is enough, which also tells the race that it is
/// for. It has its counterpart in a [`xen_wmb`] of the side that writes:
///
/// | writer | reader |
/// |---|---|
/// | stores data | loads the word that says "there is data" |
/// | `xen_wmb` | `xen_rmb` |
/// | stores the word that says "there is data" | loads data |
///
/// Without this one the reader may load the data first, while it is still old, and then the word
/// when it is new. Stores after the barrier are *not* held back on every processor: where
/// the word also says that something may be overwritten, that is the work of [`virt_rmb`].
#[doc(alias = "rmb")]
#[doc(alias = "smp_rmb")]
#[inline]
pub fn xen_rmb() {
    processor::rmb();
}

/// Every store before it, then every store after it.
///
/// For memory of every kind. In a ring use [`virt_wmb`], which also tells the race that it is for.
/// It has its counterpart in a [`xen_rmb`] of the side that reads, and the table stands there.
/// Without this one the word that says "there is data" may become visible before the data.
///
/// Loads before the barrier are *not* completed first on every processor: where the store
/// after it also gives away something that was read, that is the work of [`virt_wmb`].
#[doc(alias = "wmb")]
#[doc(alias = "smp_wmb")]
#[inline]
pub fn xen_wmb() {
    processor::wmb();
}

/// The names of interface versions below 0x00030208.
pub use self::{xen_mb as mb, xen_rmb as rmb, xen_wmb as wmb};

/// In ordinary memory: every load and store before it, then every load and store after it.
///
/// The only barrier that keeps a store ahead of a later *load* of another word. A ring needs this
/// where each side announces something and then looks whether the other did. The producer publishes
/// its index and looks at the event index, whether the consumer wants to be notified; the consumer
/// sets the event index and looks at the producer index, whether there is more, before it sleeps:
///
/// | producer, push and check | consumer, final check |
/// |---|---|
/// | stores the producer index | stores the event index |
/// | `virt_mb` | `virt_mb` |
/// | loads the event index | loads the producer index |
///
/// With both barriers, at least one side sees the other's store: the producer notifies, or
/// the consumer goes on, or both. Without one of them a processor may keep its store in a buffer while
/// it loads already, x86 too, and the wakeup is lost:
///
/// | | producer | consumer |
/// |---|---|---|
/// | 1 | loads the event index: old, no notification wanted | |
/// | 2 | | loads the producer index: old, nothing to do |
/// | 3 | its store of the producer index becomes visible | |
/// | 4 | | its store of the event index becomes visible |
/// | 5 | sends nothing | sleeps, with a request in the ring |
///
/// Loads and stores here are atomic ones, for which [`Ordering::Relaxed`] is enough.
#[doc(alias = "smp_mb")]
#[inline]
pub fn virt_mb() {
    fence(Ordering::SeqCst);
}

/// In ordinary memory: every load before it, then every load and store after it.
///
/// For the side that has loaded an index which the other side published after [`virt_wmb`]:
///
/// | publisher | reader of the index |
/// |---|---|
/// | writes slots, or reads them for the last time | loads the index |
/// | `virt_wmb` | `virt_rmb` |
/// | stores the index | reads the slots, or overwrites them |
///
/// Without this one a slot may be read ahead of the index, with what stood there before, although
/// the index then says that it is new. That stores wait too is needed for the other half: a producer
/// that learns from the consumer's index that slots are free writes to them next, and must not do so
/// before it has seen the index.
///
/// It is a fence of [`Ordering::Acquire`], and costs nothing on x86.
#[doc(alias = "smp_rmb")]
#[inline]
pub fn virt_rmb() {
    fence(Ordering::Acquire);
}

/// In ordinary memory: every load and store before it, then every store after it.
///
/// For the side that publishes an index, whose counterpart is the [`virt_rmb`] of the side that
/// loads it; the table stands there. Without this one the other side may see the index before what it
/// says is in the slots.
///
/// It orders *loads* before the index too, which [`xen_wmb`] does not promise. An index does not
/// only hand over what was written. A backend that pushes a response gives up the slot that it has
/// read the request from, and a consumer of bytes gives up those that it took: the peer may overwrite
/// them as soon as it sees the index. A load that is still under way by then returns what the peer
/// wrote for later:
///
/// | | consumer | peer |
/// |---|---|---|
/// | 1 | stores the index: these slots are yours | |
/// | 2 | | loads the index, overwrites a slot |
/// | 3 | its load of the slot, begun before 1, gets the value of 2 | |
///
/// Hence a fence of [`Ordering::Release`]: `dmb ish` on aarch64, since `dmb ishst` orders stores
/// alone. On x86 it costs nothing.
#[doc(alias = "smp_wmb")]
#[inline]
pub fn virt_wmb() {
    fence(Ordering::Release);
}

#[cfg(test)]
mod tests {
    extern crate std;

    use core::sync::atomic::{
        AtomicU32, AtomicUsize,
        Ordering::{Relaxed, SeqCst},
    };
    use std::thread;

    use super::*;

    /// Rounds: enough for a processor to show what it does, or Miri to think of it.
    const ROUNDS: u32 = if cfg!(miri) { 100 } else { 20_000 };

    /// Lets two threads go at the same time, round by round.
    struct Start(AtomicUsize);

    impl Start {
        fn wait(&self, round: u32) {
            self.0.fetch_add(1, SeqCst);
            while self.0.load(SeqCst) < 2 * (round as usize + 1) {
                thread::yield_now();
            }
        }
    }

    /// Both threads store a word of theirs and load the other's. How often neither saw the other.
    fn lost_wakeups(barrier: fn()) -> usize {
        let words = || -> std::vec::Vec<[AtomicU32; 2]> {
            (0..ROUNDS).map(|_| Default::default()).collect()
        };
        let (indices, seen) = (words(), words());
        let start = Start(AtomicUsize::new(0));
        let side = |own: usize| {
            for (round, (index, seen)) in (0..).zip(indices.iter().zip(&seen)) {
                start.wait(round);
                index[own].store(1, Relaxed);
                barrier();
                seen[own].store(index[1 - own].load(Relaxed), Relaxed);
            }
        };
        thread::scope(|scope| {
            scope.spawn(|| side(0));
            side(1);
        });
        let lost = |seen: &&[AtomicU32; 2]| seen.iter().all(|word| word.load(Relaxed) == 0);
        seen.iter().filter(lost).count()
    }

    /// One thread writes a slot and publishes the index, the other takes the index and reads the slot.
    /// How often it found an older value there.
    fn stale_slots(wmb: fn(), rmb: fn()) -> usize {
        let (slot, index) = (AtomicU32::new(0), AtomicU32::new(0));
        let start = Start(AtomicUsize::new(0));
        thread::scope(|scope| {
            scope.spawn(|| {
                for round in 0..ROUNDS {
                    start.wait(round);
                    slot.store(round + 1, Relaxed);
                    wmb();
                    index.store(round + 1, Relaxed);
                }
            });
            let stale = |round: &u32| {
                start.wait(*round);
                let published = index.load(Relaxed);
                rmb();
                slot.load(Relaxed) < published
            };
            (0..ROUNDS).filter(stale).count()
        })
    }

    #[test]
    fn no_wakeup_is_lost() {
        assert_eq!(lost_wakeups(virt_mb), 0);
        assert_eq!(lost_wakeups(xen_mb), 0);
    }

    #[test]
    fn no_slot_is_stale() {
        assert_eq!(stale_slots(virt_wmb, virt_rmb), 0);
        assert_eq!(stale_slots(xen_wmb, xen_rmb), 0);
        assert_eq!(stale_slots(virt_mb, virt_mb), 0);
    }

    /// Miri knows the orders that a language without barriers allows, and shows them: by chance, so
    /// that each gets as many attempts as make it certain.
    #[test]
    #[cfg(miri)]
    fn weaker_barriers_break() {
        let breaks = |race: &dyn Fn() -> usize| (0..50).any(|_| race() != 0);
        assert!(breaks(&|| lost_wakeups(|| fence(Ordering::AcqRel)) as usize));
        assert!(breaks(&|| stale_slots(|| {}, virt_rmb) as usize));
        assert!(breaks(&|| stale_slots(virt_wmb, || {}) as usize));
    }
}
