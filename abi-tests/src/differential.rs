//! The same cases to Rust and to C programs, and every byte of what comes of them compared.
//!
//! quickcheck draws the cases, some thousand at a time. Each program gets them as one stream of bytes on
//! its standard input and writes its trace of them to the standard output, and Rust writes its own. Where
//! the two differ, the case is made smaller for as long as they still do, and shown with the step in
//! which it happens.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};
use std::io::Write as _;

use anyhow::{Context, Result, bail, ensure};
use quickcheck::{Arbitrary, Gen};

use crate::program::Program;

/// Work that C and Rust both do.
pub trait Case: Arbitrary + Debug {
    /// Writes the case as the C programs read it.
    fn encode(&self, to: &mut Vec<u8>);

    /// Does the work in Rust and traces it as the C programs do.
    fn run(&self, trace: &mut Trace);
}

/// What came of cases: bytes, the steps that made them, and how often what happened.
#[derive(Debug, Default)]
pub struct Trace {
    bytes: Vec<u8>,
    /// Where each step begins, and what it is.
    steps: Vec<(usize, &'static str)>,
    counts: Counts,
}

/// How often what happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<&'static str, u64>);

impl Counts {
    /// How often it was counted.
    pub fn of(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }

    /// Adds what another one counted.
    fn add(&mut self, other: &Self) {
        for (what, times) in &other.0 {
            *self.0.entry(what).or_default() += times;
        }
    }
}

impl Trace {
    /// The next bytes belong to this step.
    pub fn step(&mut self, what: &'static str) {
        self.steps.push((self.bytes.len(), what));
    }

    /// Adds bytes.
    pub fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Adds a byte.
    pub fn put8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    /// Adds a number of 16 bits.
    pub fn put16(&mut self, value: u16) {
        self.put(&value.to_le_bytes());
    }

    /// Adds a number of 32 bits.
    pub fn put32(&mut self, value: u32) {
        self.put(&value.to_le_bytes());
    }

    /// Adds a number of 64 bits.
    pub fn put64(&mut self, value: u64) {
        self.put(&value.to_le_bytes());
    }

    /// Counts something that happened.
    pub fn count(&mut self, what: &'static str) {
        *self.counts.0.entry(what).or_default() += 1;
    }
}

/// How many times as many cases a program gets that runs as it is than one that is emulated.
pub const EMULATED: usize = 10;

/// How many steps a smaller case is looked for.
const SHRINKS: usize = 500;

/// Draws `batches` times `cases` cases and has Rust and every program do them.
///
/// The generator's `size` is quickcheck's: how long lists get. Every [`EMULATED`]th batch goes to the
/// `emulated` programs too.
///
/// # Errors
/// A program that could not be run, or the first difference that was found.
pub fn compare<C: Case>(
    title: &str,
    programs: &[Program],
    emulated: &[Program],
    (batches, cases): (usize, usize),
    size: usize,
) -> Result<Counts> {
    ensure!(!programs.is_empty() && batches > 0 && cases > 0, "no work");
    let mut draw = Gen::new(size);
    let mut counts = Counts::default();
    let (mut steps, mut bytes) = (0, 0);
    for batch in 0..batches {
        let drawn: Vec<C> = (0..cases).map(|_| C::arbitrary(&mut draw)).collect();
        let rust = Batch::new(&drawn)?;
        let here = if batch % EMULATED == 0 { emulated } else { &[] };
        for program in programs.iter().chain(here) {
            if let Some((case, _)) = rust.differs(program)? {
                bail!("{title}: {}", explain(program, drawn[case].clone())?);
            }
        }
        counts.add(&rust.trace.counts);
        steps += rust.trace.steps.len();
        bytes += rust.trace.bytes.len();
    }
    let total = batches * cases;
    let mut text = format!(
        "{title}: {total} cases, {steps} operations, {bytes} bytes of results, 0 differences to any of\n"
    );
    for program in programs {
        text += &format!("    {program}\n");
    }
    for program in emulated {
        let some = batches.div_ceil(EMULATED) * cases;
        text += &format!("    {program}: {some} of the cases\n");
    }
    for (what, times) in &counts.0 {
        text += &format!("{times:>12} {what}\n");
    }
    // Past the test harness, so that the counts show when all is well too. A closed stream only loses
    // them.
    let _ = std::io::stderr().write_all(text.as_bytes());
    Ok(counts)
}

/// The first of `tries` drawn cases in which a program differs from Rust: the step in which it does.
///
/// # Errors
/// A program that could not be run.
pub fn first_difference<C: Case>(
    program: &Program,
    tries: usize,
    size: usize,
) -> Result<Option<&'static str>> {
    let mut draw = Gen::new(size);
    let drawn: Vec<C> = (0..tries).map(|_| C::arbitrary(&mut draw)).collect();
    Ok(Batch::new(&drawn)?.differs(program)?.map(|(_, step)| step))
}

/// Cases that Rust has done, and that programs can be asked to do.
struct Batch {
    /// The cases, as programs read them.
    input: tempfile::NamedTempFile,
    /// Rust's trace of them.
    trace: Trace,
    /// Where in it each case ends.
    ends: Vec<usize>,
}

impl Batch {
    fn new<C: Case>(cases: &[C]) -> Result<Self> {
        let (mut trace, mut bytes, mut ends) = (Trace::default(), Vec::new(), Vec::new());
        for case in cases {
            case.encode(&mut bytes);
            case.run(&mut trace);
            ends.push(trace.bytes.len());
        }
        let mut input = tempfile::NamedTempFile::new().context("making a file of cases")?;
        input.write_all(&bytes).context("writing the cases")?;
        Ok(Self { input, trace, ends })
    }

    /// The case and the step in which a program's trace is another one.
    fn differs(&self, program: &Program) -> Result<Option<(usize, &'static str)>> {
        let c = program.run(Some(self.input.path()))?;
        let rust = &self.trace.bytes;
        if c == *rust {
            return Ok(None);
        }
        let at = rust.iter().zip(&c).take_while(|(r, c)| r == c).count();
        let last = self.ends.len() - 1;
        let case = self.ends.partition_point(|end| *end <= at).min(last);
        let step = self.trace.steps.partition_point(|(begin, _)| *begin <= at);
        let step = step.checked_sub(1).map_or("", |s| self.trace.steps[s].1);
        Ok(Some((case, step)))
    }
}

/// Makes a case on which a program differs as small as may be, and tells of it.
fn explain<C: Case>(program: &Program, mut case: C) -> Result<String> {
    let differs = |case: &C| Batch::new(std::slice::from_ref(case))?.differs(program);
    let Some((_, mut step)) = differs(&case)? else {
        bail!("{program} differs on a case, but not when that is the only one: {case:?}");
    };
    let mut tries = 0;
    'smaller: loop {
        for smaller in case.shrink() {
            tries += 1;
            if tries > SHRINKS {
                break 'smaller;
            }
            if let Some((_, at)) = differs(&smaller)? {
                (case, step) = (smaller, at);
                continue 'smaller;
            }
        }
        break;
    }
    let batch = Batch::new(std::slice::from_ref(&case))?;
    let c = program.run(Some(batch.input.path()))?;
    let rust = &batch.trace.bytes;
    let at = rust.iter().zip(&c).take_while(|(r, c)| r == c).count();
    let mut text = format!("{program} differs in the step `{step}` of\n{case:?}\n");
    for (who, trace) in [("Rust", rust), ("C", &c)] {
        let from = &trace[at.min(trace.len())..];
        let shown = &from[..from.len().min(32)];
        let _ = writeln!(text, "{who} at byte {at}: {shown:02x?}");
    }
    Ok(text)
}
