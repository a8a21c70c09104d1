//! The whole comparison, and its table.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Mutex;

use anyhow::{Context, Result};
use xen_public::layout::{self, Tables};
use xtask::headers::{ABIS, Abi, Mode, NEWEST, RELEASES, Release, View};

use crate::compile::{self, Unit};
use crate::explained::Explained;
use crate::generate;
use crate::model::Module;
use crate::pair::{self, Finding, Paired, Pairs, What};

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Line {
    /// Release, ABI and mode.
    pub view: View,
    /// What was compared.
    pub paired: Paired,
    /// Rows that rustc confirmed or not.
    pub rows: usize,
    /// bindgen's items that only the guest's table has to have.
    pub guests: usize,
    /// Differences with a reason.
    pub explained: usize,
    /// Differences without.
    pub mismatches: Vec<Finding>,
}

/// The titles over the lines.
pub fn heading() -> String {
    format!(
        "{:<20} {:>6} {:>7} {:>10} {:>7} {:>7} {:>10} {:>11}",
        "headers", "types", "fields", "constants", "rows", "guest's", "explained", "mismatches"
    )
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:<20} {:>6} {:>7} {:>10} {:>7} {:>7} {:>10} {:>11}",
            self.view.to_string(),
            self.paired.types,
            self.paired.fields,
            self.paired.constants,
            self.rows,
            self.guests,
            self.explained,
            self.mismatches.len()
        )
    }
}

/// The view that a table is made from.
///
/// # Errors
/// It names a release or ABI that there is not.
pub fn view(tables: &Tables) -> Result<View> {
    let mode = if tables.toolstack {
        Mode::Tools
    } else {
        Mode::Guest
    };
    let abi = ABIS.into_iter().find(|abi| abi.module() == tables.abi);
    let abi = abi.with_context(|| format!("the layout table names ABI `{}`", tables.abi))?;
    Ok(View::new(Release::parse(tables.release)?, abi, mode))
}

/// bindgen's outputs by view, as text and read.
pub struct Outputs(BTreeMap<View, (String, Module)>);

impl Outputs {
    /// Runs bindgen for these views.
    ///
    /// # Errors
    /// bindgen fails, or writes what it is not known to write.
    pub fn generate(views: &[View], work: &Path) -> Result<Self> {
        let mut outputs = BTreeMap::new();
        for view in views {
            let folder = work.join(view.to_string().replace(' ', "-"));
            let text = generate::bindings(view, &folder)?;
            let module = Module::parse(&text).with_context(|| view.to_string())?;
            outputs.insert(*view, (text, module));
        }
        Ok(Self(outputs))
    }

    fn of(&self, view: &View) -> Result<&(String, Module)> {
        let output = self.0.get(view);
        output.with_context(|| format!("bindgen was not run for {view}"))
    }

    /// Pairs one table with what bindgen made of its headers.
    ///
    /// # Errors
    /// bindgen was not run for it.
    pub fn pair(&self, tables: &Tables) -> Result<Pairs> {
        let view = view(tables)?;
        let (_, theirs) = self.of(&view)?;
        let guest = match view.mode {
            Mode::Guest => None,
            Mode::Tools => {
                let guest = View {
                    mode: Mode::Guest,
                    ..view
                };
                Some(&self.of(&guest)?.1)
            }
        };
        Ok(pair::pair(tables, theirs, guest))
    }

    /// Compares tables of one ABI: pairs them, and has rustc confirm the pairs' rows.
    ///
    /// # Errors
    /// bindgen was not run for one of them, or rustc fails on something else than a row.
    pub fn compare(&self, abi: Abi, tables: &[&Tables], work: &Path) -> Result<Vec<(View, Pairs)>> {
        let mut all = Vec::new();
        for tables in tables {
            all.push((view(tables)?, self.pair(tables)?));
        }
        let mut units = Vec::new();
        for (index, (view, pairs)) in all.iter().enumerate() {
            units.push(Unit {
                name: format!("m{index}_{}", view.to_string().replace(['.', ' '], "_")),
                bindings: &self.of(view)?.0,
                rows: &pairs.rows,
            });
        }
        let failures = compile::check(abi, &units, &work.join(abi.module()))?;
        for failure in failures {
            let pairs = &mut all[failure.unit].1;
            let finding = match failure.row.and_then(|row| pairs.rows.get(row)) {
                Some(row) => Finding {
                    about: row.about,
                    name: row.name.clone(),
                    what: What::Value(format!("`{}` does not hold", row.claim)),
                },
                None => Finding {
                    about: pair::About::Type,
                    name: "bindgen's".into(),
                    what: What::Value(format!("own assert fails: {}", failure.message)),
                },
            };
            pairs.findings.insert(finding);
        }
        Ok(all)
    }
}

/// Compares all tables of these ABIs. Rows of a record that rustc refuses hide its other rows.
///
/// # Errors
/// bindgen or rustc fails on something else than a difference, or the list of explanations is bad.
pub fn run(abis: &[Abi], work: &Path, progress: impl Fn(&Line) + Sync) -> Result<Vec<Line>> {
    let explained = Mutex::new(Explained::load()?);
    let lines = Mutex::new(Vec::new());
    let queue = Mutex::new(abis.to_vec());
    let one = |abi: Abi| -> Result<()> {
        let tables: Vec<&Tables> = layout::all().filter(|t| t.abi == abi.module()).collect();
        // What is a toolstack's only shows beside what a guest sees.
        let modes = [Mode::Guest, Mode::Tools];
        let views: Vec<View> = RELEASES
            .into_iter()
            .flat_map(|release| modes.map(|mode| View::new(release, abi, mode)))
            .collect();
        let outputs = Outputs::generate(&views, work)?;
        for (view, mut pairs) in outputs.compare(abi, &tables, work)? {
            let mut explained = explained.lock().expect("no worker panics");
            let count = explained.explain(&view, &mut pairs.findings);
            let line = Line {
                view,
                paired: pairs.paired,
                rows: pairs.rows.len(),
                guests: pairs.guests,
                explained: count,
                mismatches: pairs.findings.into_iter().collect(),
            };
            progress(&line);
            lines.lock().expect("no worker panics").push(line);
        }
        Ok(())
    };
    let worker = || -> Result<()> {
        loop {
            let next = queue.lock().expect("no worker panics").pop();
            match next {
                Some(abi) => one(abi)?,
                None => return Ok(()),
            }
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..std::thread::available_parallelism().map_or(1, usize::from))
            .map(|_| scope.spawn(worker))
            .collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().expect("no worker panics"))
    })?;
    let mut lines = lines.into_inner().expect("no worker panics");
    lines.sort_by_key(|line| line.view);
    if abis.len() == ABIS.len() {
        let unused = explained.into_inner().expect("no worker panics").unused();
        anyhow::ensure!(
            unused.is_empty(),
            "data/explained.txt has lines that explain nothing: {unused:?}"
        );
    }
    let expected = abis.len() * (RELEASES.len() + 1);
    anyhow::ensure!(
        lines.len() == expected,
        "{} tables were compared, not {expected} ({NEWEST}'s guests and every toolstack)",
        lines.len()
    );
    Ok(lines)
}
