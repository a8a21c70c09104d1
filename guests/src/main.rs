//! A bare-metal kernel that runs as domain 0 on the real hypervisor and checks what it sees there.
//!
//! One source for five kinds of guest on four targets: `x86_64-unknown-none` (one ELF file that Xen
//! boots as PV and as PVH), `i586-unknown-linux-gnu` (32-bit PVH; the target is a stand-in, nothing
//! of Linux is used), `aarch64-unknown-none` and `armv7a-none-eabi`. On every other target it is a
//! program that says so, which keeps `cargo test --workspace` going.
#![cfg_attr(kernel, no_std, no_main)]

#[cfg(kernel)]
mod kernel;

#[cfg(all(target_os = "none", not(kernel)))]
compile_error!("no kernel for this target: build.rs lists those that there are");

#[cfg(not(kernel))]
fn main() {
    println!("This is a kernel for Xen, not a program: `cargo xtask xen` builds it and boots it.");
}
