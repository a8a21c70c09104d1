//! Links the bare-metal kernel with its linker script; every other target links as usual.

fn main() {
    println!("cargo::rerun-if-changed=x86_64.ld");
    let var = |name: &str| std::env::var(name).unwrap_or_default();
    if var("CARGO_CFG_TARGET_OS") != "none" || var("CARGO_CFG_TARGET_ARCH") != "x86_64" {
        return;
    }
    println!(
        "cargo::rustc-link-arg-bins=-T{}/x86_64.ld",
        var("CARGO_MANIFEST_DIR")
    );
    // The target's default is a relocatable executable, but nobody relocates this one.
    println!("cargo::rustc-link-arg-bins=--no-pie");
}
