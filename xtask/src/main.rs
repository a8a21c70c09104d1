//! Maintenance commands: `cargo xtask --help`.
fn main() {}
