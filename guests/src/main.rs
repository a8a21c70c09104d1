//! A bare-metal kernel that runs as domain 0 on the real hypervisor and checks what it sees there.
//!
//! Built for `x86_64-unknown-none` it is an ELF kernel that Xen boots as a PV guest (`x86_64.rs`).
//! Everywhere else it is a program that says so, which keeps `cargo test --workspace` going.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(all(target_os = "none", target_arch = "x86_64"))]
mod x86_64;

#[cfg(all(target_os = "none", not(target_arch = "x86_64")))]
compile_error!("this kernel is for x86_64-unknown-none only");

#[cfg(not(target_os = "none"))]
fn main() {
    println!("This is a kernel for Xen, not a program: `cargo xtask xen` builds it and boots it.");
}
