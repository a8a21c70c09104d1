//! Many tables asked of many compilers: as many at a time as the machine has processors, and the result
//! as a table for people.

use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

use anyhow::{Context, Result};
use xen_public::layout::Tables;

use crate::compiler::{Compiler, Family};
use crate::oracle::{self, Headers, Outcome};
use crate::rows;

/// One table, one set of headers, one compiler.
#[derive(Clone, Debug)]
pub struct Job {
    /// What Rust says.
    pub tables: &'static Tables,
    /// What C reads.
    pub headers: Headers,
    /// Which compiler.
    pub family: Family,
}

/// A job with what came of it.
#[derive(Clone, Debug)]
pub struct Done {
    /// The job.
    pub job: Job,
    /// Rows and mismatches.
    pub outcome: Outcome,
}

/// Runs all jobs; the results stand in the jobs' order.
///
/// # Errors
/// The first job that could not be run to its end.
pub fn run(jobs: Vec<Job>, work: &Path) -> Result<Vec<Done>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let queue = Mutex::new(jobs.into_iter().enumerate());
    let done = Mutex::new(Vec::new());
    let next = || {
        queue
            .lock()
            .expect("no job panics while it holds the queue")
            .next()
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((index, job)) = next() {
                    let result = one(job, work);
                    done.lock()
                        .expect("pushing does not panic")
                        .push((index, result));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("all threads have ended well");
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

fn one(job: Job, work: &Path) -> Result<Done> {
    let abi = rows::abi(job.tables)?;
    let compiler = Compiler::find(job.family, abi)?;
    let outcome = oracle::ask(job.tables, &job.headers, &compiler, work)
        .with_context(|| format!("{} with {compiler}", job.headers.view))?;
    Ok(Done { job, outcome })
}

/// Prints what was run, how many rows each run had and how many of them differ. Goes to the standard
/// error stream past the test harness, so that the counts show when all is well too.
pub fn print(title: &str, results: &[Done]) {
    let mut text = format!(
        "{title}\n{:<8}{:<8}{:<8}{:<12}{:<8}{:>8}{:>12}\n",
        "release", "abi", "mode", "interface", "C", "rows", "mismatches"
    );
    for done in results {
        let view = done.job.headers.view;
        let mode = format!("{:?}", view.mode).to_lowercase();
        let interface = view
            .interface
            .map_or("newest".to_owned(), |version| format!("{version:#010x}"));
        text += &format!(
            "{:<8}{:<8}{:<8}{interface:<12}{:<8}{:>8}{:>12}\n",
            view.release.0,
            view.abi.module(),
            mode,
            done.job.family.to_string(),
            done.outcome.rows,
            done.outcome.mismatches.len()
        );
    }
    let rows: usize = results.iter().map(|d| d.outcome.rows).sum();
    let wrong: usize = results.iter().map(|d| d.outcome.mismatches.len()).sum();
    text += &format!("{:<44}{rows:>8}{wrong:>12}\n", "total");
    // A closed stream only loses the counts; the test still fails or passes by the results.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Every mismatch in a line of its own.
pub fn mismatches(results: &[Done]) -> Vec<String> {
    let line = |d: &Done, m| format!("{} {}: {m}", d.job.headers.view, d.job.family);
    results
        .iter()
        .flat_map(|d| d.outcome.mismatches.iter().map(move |m| line(d, m)))
        .collect()
}
