//! Takes every path of the rings and of blkif with values that the compiler knows nothing about.
//!
//! `tests/panic_free.rs` of `abi-tests` links it for targets without a system, where nothing is in the
//! program but what these paths reach, and looks for the functions by which Rust panics. On a host
//! it runs the same paths, with all the checks of a debug build if it is one.
#![cfg_attr(target_os = "none", no_std, no_main)]

use core::ptr::NonNull;

use xen_abi::ring::Mapping;

mod bytes;
mod paths;

/// The shared memory: what is in it does not matter, as the other end may have written anything.
#[repr(C, align(4096))]
struct Memory([u8; Memory::BYTES]);

impl Memory {
    const BYTES: usize = 4 * 4096;
}

/// As many mappings of one memory as the paths ask for.
#[derive(Clone, Copy)]
struct Shared(NonNull<Memory>);

impl Shared {
    /// A mapping whose length the compiler does not know.
    fn map(self) -> Option<Mapping> {
        let bytes = core::hint::black_box(Memory::BYTES);
        // SAFETY: the memory lives as long as the program, and is only used through mappings. The
        // length is that of the memory.
        unsafe { Mapping::new(self.0.cast(), bytes) }.ok()
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    let memory = Box::leak(Box::new(Memory([0; Memory::BYTES])));
    paths::all(Shared(NonNull::from(memory)));
}

#[cfg(target_os = "none")]
mod bare {
    use core::cell::UnsafeCell;
    use core::ptr::NonNull;

    use super::{Memory, Shared, paths};

    struct Place(UnsafeCell<Memory>);

    // SAFETY: there is one thread, and all accesses are through mappings.
    unsafe impl Sync for Place {}

    static MEMORY: Place = Place(UnsafeCell::new(Memory([0; Memory::BYTES])));

    /// Where the program would begin; it is linked and looked at, and never started.
    #[unsafe(no_mangle)]
    extern "C" fn _start() -> ! {
        if let Some(memory) = NonNull::new(MEMORY.0.get()) {
            paths::all(Shared(memory));
        }
        loop {
            core::hint::spin_loop();
        }
    }

    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
        loop {
            core::hint::spin_loop();
        }
    }
}
