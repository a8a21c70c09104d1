//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};

pub(crate) const HELP: &str = "\
A block device in one program: a disk in a file, a backend, and frontends of three ABIs that write,
read, flush and discard over shared rings, each thread sleeping until it gets an event.

Usage: cargo run --release --example loopback -- [OPTIONS]

Options:
  -f, --file PATH      The disk, which is kept; made if it is not there. A file that is there is
                       overwritten from its beginning on, without a question. Without this option
                       the disk is made in the folder for temporary files, and removed at the end
  -s, --size MIB       Its size in MiB, from 3 to 65536 [default: 192]
  -d, --depth N        Requests in flight per frontend, from 1 to 256 [default: 32]
  -p, --protocol NAME  x86_32, x86_64 or native: run this frontend only; may be given again
  -r, --rounds N       How often everything is done, from 1 to 1000000 [default: 1]
  -q, --quiet          No progress bar
  -h, --help           Print this

Exit status: 0 if all data was right, 1 if not or if something failed, 2 for a wrong option.
";

/// Which frontend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    X86_32,
    X86_64,
    Native,
}

impl Which {
    pub(crate) const ALL: [Self; 3] = [Self::X86_32, Self::X86_64, Self::Native];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::X86_32 => "x86_32",
            Self::X86_64 => "x86_64",
            Self::Native => "native",
        }
    }
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) file: Option<PathBuf>,
    pub(crate) mebibytes: u64,
    pub(crate) depth: u32,
    pub(crate) frontends: Vec<Which>,
    pub(crate) rounds: u32,
    pub(crate) quiet: bool,
    pub(crate) help: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            file: None,
            mebibytes: 192,
            depth: 32,
            frontends: Which::ALL.to_vec(),
            rounds: 1,
            quiet: false,
            help: false,
        }
    }
}

/// Reads the command line, the program's name not included.
pub(crate) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Options, lexopt::Error> {
    let mut parser = Parser::from_args(arguments);
    let mut options = Options::default();
    let mut frontends = Vec::new();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => options.help = true,
            Arg::Short('q') | Arg::Long("quiet") => options.quiet = true,
            Arg::Short('f') | Arg::Long("file") => options.file = Some(parser.value()?.into()),
            Arg::Short('s') | Arg::Long("size") => {
                options.mebibytes = number(&mut parser, "--size", 3, 65_536)?;
            }
            Arg::Short('d') | Arg::Long("depth") => {
                options.depth = number(&mut parser, "--depth", 1, 256)? as u32;
            }
            Arg::Short('r') | Arg::Long("rounds") => {
                options.rounds = number(&mut parser, "--rounds", 1, 1_000_000)? as u32;
            }
            Arg::Short('p') | Arg::Long("protocol") => {
                let name = parser.value()?.string()?;
                let which = Which::ALL.into_iter().find(|which| which.name() == name);
                let Some(which) = which else {
                    return Err(lexopt::Error::Custom(
                        format!("--protocol is x86_32, x86_64 or native, not {name:?}").into(),
                    ));
                };
                if !frontends.contains(&which) {
                    frontends.push(which);
                }
            }
            _ => return Err(argument.unexpected()),
        }
    }
    if !frontends.is_empty() {
        options.frontends = frontends;
    }
    Ok(options)
}

/// The value of an option that is a number between two others.
fn number(parser: &mut Parser, option: &str, least: u64, most: u64) -> Result<u64, lexopt::Error> {
    let value = parser.value()?.string()?;
    match value.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(lexopt::Error::Custom(
            format!("{option} is a number from {least} to {most}, not {value:?}").into(),
        )),
    }
}
