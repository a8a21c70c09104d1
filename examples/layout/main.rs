//! Shows how Xen's types lie in memory: `cargo run --example layout -- blkif_request`.
//!
//! For any name of Xen's public headers (a struct, union, typedef, enum, guest handle, constant or
//! field) it prints what that is in each of the four ABIs, side by side, with ABIs that agree in one
//! column. All figures are those of the types as compiled for this host.

use std::io::Write;
use std::process::ExitCode;

#[path = "cli.rs"]
mod cli;

fn main() -> ExitCode {
    let answer = cli::answer(std::env::args_os().skip(1));
    // A reader that closes the pipe early, such as `head`, has seen what it wanted.
    let _ = std::io::stdout().write_all(answer.text.as_bytes());
    let _ = std::io::stderr().write_all(answer.complaint.as_bytes());
    ExitCode::from(answer.status)
}
