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
    /// Run everything that proves the workspace, with all the set-up it takes.
    Test(xtask::test::Options),
    /// Boot real hypervisors under QEMU with our guests of five kinds as domain 0, and report.
    Xen(xtask::xen::Options),
    /// Generate xen-public's definitions from the vendored headers, and Rust from the table of gates.
    Generate {
        /// Compare with what stands in the tree instead of writing it.
        #[arg(long)]
        check: bool,
        /// The table of gates only, for which no libclang is needed.
        #[arg(long)]
        gates: bool,
    },
    /// Hold the crate against every name in the headers: what is there, left out, missing.
    Coverage(xtask::coverage::Options),
    /// Hold the types of all four ABIs on every kind of host against those of x86_64 Linux.
    Hosts(xtask::hosts::Options),
    /// Run the fuzz targets for a moment, each from its corpus on.
    Fuzz(xtask::fuzz::Options),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result: anyhow::Result<ExitCode> = match cli.command {
        Command::Vendor(command) => xtask::vendor::run(command),
        Command::Test(options) => xtask::test::command(&options),
        Command::Xen(options) => xtask::xen::command(&options),
        Command::Generate { check, gates } => generate(check, gates),
        Command::Coverage(options) => xtask::coverage::command(&options),
        Command::Hosts(options) => xtask::hosts::command(&options),
        Command::Fuzz(options) => xtask::fuzz::command(&options),
    };
    match result {
        Ok(status) => status,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn generate(check: bool, gates: bool) -> anyhow::Result<ExitCode> {
    use xtask::generate::gates::{MADE, TABLE};
    if check {
        xtask::generate::gates::check()?;
        println!("{MADE} is as {TABLE} makes it");
    } else {
        xtask::generate::gates::write()?;
        println!("{MADE} written");
    }
    if gates {
        return Ok(ExitCode::SUCCESS);
    }
    let files = xtask::generate::generate(|line| println!("{line}"))?;
    if check {
        xtask::generate::check(&files)?;
        println!(
            "{} generated files are as the headers make them",
            files.len()
        );
    } else {
        xtask::generate::write(&files)?;
        println!("{} files written", files.len());
    }
    Ok(ExitCode::SUCCESS)
}
