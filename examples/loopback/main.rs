//! A block device in one program: `cargo run --release --example loopback`.
//!
//! A disk in a file, one backend, and three frontends of different ABIs, each with a ring, grants
//! and an event channel of its own, as Xen would give them. Both ends of each ring are threads that
//! sleep until the other sends an event. The frontends write, read, flush and discard; at the end
//! the data that they saw is compared with the file by its hash.

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
