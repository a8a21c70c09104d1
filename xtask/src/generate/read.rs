//! Reading the headers with libclang: records as the compiler lays them out, constants as it evaluates
//! them. Two passes: one over the headers, one over a list of declarations that ask for the type and
//! value of every macro.

mod names;
mod types;
mod values;
mod walk;

use anyhow::{Context, Result, anyhow, bail};
use clang::diagnostic::Severity;
use clang::{Clang, Index, TranslationUnit, Unsaved};

use self::values::values;
use self::walk::Walk;
use super::model::{Alias, Constant, Item, Member, NoValue, Path, Record, Ty, Unit, Value};
use crate::headers::View;

const MAIN: &str = "xen-public-all.c";

/// libclang, loaded. One per process at a time.
pub struct Reader {
    clang: Clang,
}

/// The text of a header that is no vendored one, for tests: the path below `public/` and its text.
pub type Extra<'a> = (&'a str, &'a str);

impl Reader {
    /// Loads libclang.
    ///
    /// # Errors
    /// None is found, with where it was looked for and what package brings it.
    pub fn new() -> Result<Self> {
        let clang = Clang::new().map_err(|e| {
            anyhow!("{e}\nlibclang 14 or newer is needed (Debian: libclang-14-dev or newer; or set LIBCLANG_PATH)")
        })?;
        Ok(Self { clang })
    }

    /// What libclang says of its version.
    pub fn version(&self) -> String {
        clang::get_version()
    }

    /// Reads all headers of a view.
    ///
    /// # Errors
    /// A header does not parse (clang's messages), or declares what can't be represented (type and field).
    pub fn read(&self, view: &View) -> Result<Unit> {
        self.read_text(view, &view.wrapper()?, None)
            .with_context(|| format!("reading the headers of {view}"))
    }

    /// Reads a text of includes, with one header given as text.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub fn read_text(&self, view: &View, wrapper: &str, extra: Option<Extra<'_>>) -> Result<Unit> {
        let index = Index::new(&self.clang, false, false);
        let mut unsaved = Vec::new();
        if let Some((path, text)) = extra {
            unsaved.push(Unsaved::new(
                view.release.include_dir().join("public").join(path),
                text,
            ));
        }
        let tu = parse(&index, view, wrapper, &unsaved)?;
        let errors = errors(&tu);
        if !errors.is_empty() {
            bail!("clang does not accept the headers:\n{}", errors.join("\n"));
        }
        let mut walk = Walk::new(*view);
        walk.unit(&tu)?;
        let macros = std::mem::take(&mut walk.macros);
        let no_values = values(&index, view, wrapper, &unsaved, &mut walk, macros)?;
        walk.finish(no_values)
    }
}

fn parse<'i>(
    index: &'i Index<'i>,
    view: &View,
    text: &str,
    unsaved: &[Unsaved],
) -> Result<TranslationUnit<'i>> {
    let mut arguments = view.clang_args();
    arguments.push("-ferror-limit=0".into());
    let mut files = vec![Unsaved::new(MAIN, text)];
    files.extend(unsaved.iter().cloned());
    index
        .parser(MAIN)
        .arguments(&arguments)
        .unsaved(&files)
        .detailed_preprocessing_record(true)
        .parse()
        .with_context(|| format!("libclang failed with `{}`", arguments.join(" ")))
}

fn errors(tu: &TranslationUnit<'_>) -> Vec<String> {
    tu.get_diagnostics()
        .iter()
        .filter(|d| d.get_severity() >= Severity::Error)
        .map(|d| d.formatter().format())
        .collect()
}
