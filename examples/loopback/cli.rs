//! The command line, the run, and the answer as text with its exit status.
//!
//! Status 0 means that all data was right, 1 that it was not or that something failed, 2 a wrong option.

mod backend;
mod device;
mod disk;
mod domain;
mod frontend;
mod options;
mod store;
mod table;
mod workload;

use std::ffi::OsString;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use device::{Device, Error};
use disk::{Disk, SECTOR};
use domain::{Domain, Event};
use options::Options;
use store::Store;
use workload::Part;

/// What to print and how to exit.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// For standard output.
    pub(crate) text: String,
    /// For standard error.
    pub(crate) complaint: String,
    /// The exit status.
    pub(crate) status: u8,
}

/// Answers a command line, the program's name not included.
pub(crate) fn answer(arguments: impl IntoIterator<Item = OsString>) -> Answer {
    let failed = |status, complaint| Answer {
        complaint,
        status,
        ..Answer::default()
    };
    let done = match options::parse(arguments) {
        Err(error) => return failed(2, format!("error: {error}\nTry --help.\n")),
        Ok(options) if options.help => Ok(options::HELP.to_owned()),
        Ok(options) => run(&options),
    };
    match done {
        Err(error) => failed(1, format!("error: {error}\n")),
        Ok(text) => Answer {
            text,
            ..Answer::default()
        },
    }
}

/// A file for the disk that nobody asked for: a new one each time, which goes when this is dropped.
fn temporary() -> Result<tempfile::TempPath, Error> {
    let mut builder = tempfile::Builder::new();
    let file = builder.prefix("xen-abi-loopback-").suffix(".img");
    Ok(file.tempfile()?.into_temp_path())
}

/// Runs all frontends, and returns the table of what they did.
fn run(options: &Options) -> Result<String, Error> {
    let made;
    let path = match &options.file {
        Some(asked) => asked.as_path(),
        None => {
            made = temporary()?;
            &*made
        }
    };
    let named = |error| format!("{}: {error}", path.display());
    let sectors = options.mebibytes * (1 << 20) / SECTOR;
    Disk::create(path, sectors * SECTOR).map_err(named)?;

    let store = Store::default();
    let share = sectors / options.frontends.len() as u64;
    let devices: Vec<_> = (0..)
        .zip(&options.frontends)
        .map(|(index, which)| Device {
            which: *which,
            protocol: which.protocol(),
            part: Part {
                first: index * share,
                sectors: share,
                seed: index,
            },
            domain: Domain::new(frontend::pages(options.depth)),
            to_back: Event::default(),
            to_front: Event::default(),
            front: store.directory(format!("/local/domain/{}/device/vbd/51712", index + 1)),
            back: store.directory(format!("/local/domain/0/backend/vbd/{}/51712", index + 1)),
        })
        .collect();

    // Everything is written once and read twice in a round.
    let bytes = devices
        .iter()
        .map(|device| device.part.bytes())
        .sum::<u64>();
    let bar = ProgressBar::new(3 * bytes * u64::from(options.rounds));
    bar.set_style(ProgressStyle::with_template(
        "{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
    )?);
    if options.quiet {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let begin = Instant::now();
    let reports = std::thread::scope(|scope| {
        let progress = |bytes| bar.inc(bytes);
        let threads: Vec<_> = devices
            .iter()
            .map(|device| {
                let back = scope.spawn(|| backend::serve(device, path, sectors));
                let front = scope
                    .spawn(move || frontend::run(device, options.depth, options.rounds, &progress));
                (device, front, back)
            })
            .collect();
        threads
            .into_iter()
            .map(|(device, front, back)| {
                let name = device.which.name();
                let front = front.join().map_err(|_| "its thread panicked".into());
                let back = back.join().map_err(|_| "its thread panicked".into());
                let back: Result<_, Error> = back.and_then(|result| result);
                let front: Result<_, Error> = front.and_then(|result| result);
                // If both failed, one is the cause of the other.
                match (back, front) {
                    (Ok(()), Ok(report)) => Ok(report),
                    (Err(back), Ok(_)) => Err(format!("{name} backend: {back}")),
                    (Ok(()), Err(front)) => Err(format!("{name} frontend: {front}")),
                    (Err(back), Err(front)) => {
                        Err(format!("{name} backend: {back}; its frontend: {front}"))
                    }
                }
            })
            .collect::<Result<Vec<_>, String>>()
    });
    bar.finish_and_clear();
    let reports = reports?;
    let time = begin.elapsed();

    let mut disk = Disk::open(path).map_err(named)?;
    for (device, report) in devices.iter().zip(&reports) {
        let hash = disk
            .hash(device.part.first, device.part.bytes())
            .map_err(named)?;
        if hash != report.hash {
            return Err(format!(
                "{}: the file does not hold what the frontend read",
                device.which.name()
            )
            .into());
        }
    }
    Ok(table::render(&devices, &reports, time))
}
