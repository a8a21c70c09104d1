//! Each barrier in two functions of its own, which `tests/barriers.rs` of `abi-tests` compiles for many
//! targets and reads back from the object file: `probe_…` is the barrier alone, `held_…` has it between
//! two stores to one word, the first of which a compiler drops unless the barrier holds it back.
//!
//! They stand in another crate than the barriers, as a user's code does.
#![no_std]

use core::cell::Cell;

use xen_abi::barrier;

macro_rules! probes {
    ($($barrier:ident: $probe:ident, $held:ident;)*) => {$(
        #[doc = concat!("`", stringify!($barrier), "` and no more.")]
        #[unsafe(no_mangle)]
        pub extern "C" fn $probe() {
            barrier::$barrier();
        }

        #[doc = concat!("`", stringify!($barrier), "` between two stores.")]
        #[unsafe(no_mangle)]
        pub extern "C" fn $held(word: &Cell<u32>) {
            word.set(1);
            barrier::$barrier();
            word.set(2);
        }
    )*};
}

probes! {
    xen_mb: probe_xen_mb, held_xen_mb;
    xen_rmb: probe_xen_rmb, held_xen_rmb;
    xen_wmb: probe_xen_wmb, held_xen_wmb;
    mb: probe_mb, held_mb;
    rmb: probe_rmb, held_rmb;
    wmb: probe_wmb, held_wmb;
    virt_mb: probe_virt_mb, held_virt_mb;
    virt_rmb: probe_virt_rmb, held_virt_rmb;
    virt_wmb: probe_virt_wmb, held_virt_wmb;
}

/// The two stores of `held_…` with nothing between them, which a compiler makes one: without that,
/// the others would show nothing.
#[unsafe(no_mangle)]
pub extern "C" fn held_nothing(word: &Cell<u32>) {
    word.set(1);
    word.set(2);
}
