//! Maintenance commands of the workspace: `cargo xtask --help`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Maintenance commands of the xen-abi workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The pristine Xen headers: import them, prove them unmodified.
    #[command(subcommand)]
    Vendor(xtask::vendor::Command),
    /// Boot real hypervisors under QEMU with our guest as domain 0, and report.
    Xen(xtask::xen::Options),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result: anyhow::Result<ExitCode> = match cli.command {
        Command::Vendor(command) => xtask::vendor::run(command),
        Command::Xen(options) => xtask::xen::command(&options),
    };
    match result {
        Ok(status) => status,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
