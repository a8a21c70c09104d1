//! A kernel's function for x86 and for all others, which `tests/hypercalls.rs` of `abi-tests` compiles
//! for a processor without a way to Xen, and which must not compile there.
#![no_std]

use xen_abi::hypercall::{Error, console_io, cpu};

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
type Way = cpu::Vmcall;
#[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
type Way = cpu::Hvc;

/// Says hello.
///
/// # Errors
/// As Xen says.
///
/// # Safety
/// This is the kernel of a guest that may call so.
pub unsafe fn hello() -> Result<(), Error> {
    // SAFETY: the caller's.
    let xen = unsafe { Way::new() };
    console_io::write(&xen, b"hello\n")?;
    Ok(())
}
