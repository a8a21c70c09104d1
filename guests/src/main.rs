//! Bare-metal kernels that run on the real hypervisor.
fn main() {}
