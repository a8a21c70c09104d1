//! Tells the bare-metal kernels from every other build, and links them with their linker scripts.
//!
//! There is no bare target for 32-bit x86 in rustup, so the Linux target without SSE stands for it:
//! its `core` needs nothing of Linux, nor of the SSE registers that nobody has switched on.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(kernel)");
    let var = |name: &str| std::env::var(name).unwrap_or_default();
    let target = var("TARGET");
    let (script, options): (_, &[_]) = match &*target {
        // The default is a relocatable executable, but nobody relocates this one.
        "x86_64-unknown-none" => ("x86.ld", &["--no-pie"]),
        "i586-unknown-linux-gnu" => ("x86.ld", &["--no-pie", "-m", "elf_i386"]),
        "aarch64-unknown-none" | "armv7a-none-eabi" => ("arm.ld", &[]),
        _ => return,
    };
    println!("cargo::rustc-cfg=kernel");
    println!("cargo::rerun-if-changed={script}");
    let script = format!("-T{}/{script}", var("CARGO_MANIFEST_DIR"));
    for option in [&*script].into_iter().chain(options.iter().copied()) {
        println!("cargo::rustc-link-arg-bins={option}");
    }
}
