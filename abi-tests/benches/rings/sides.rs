//! The three sides of a comparison: Rust, and C by two compilers.

use std::path::Path;

use abi_tests::compiler::{Compiler, FAMILIES};
use anyhow::{Context, Result, ensure};
use libloading::Library;
use xtask::headers::{Abi, Mode, NEWEST, View};
use xtask::tool;

use crate::loops::{self, Loop};

/// One of those that are compared.
#[derive(Debug)]
pub(crate) struct Side {
    /// Its name in the table.
    pub(crate) name: String,
    /// The loaded C; Rust's loops are in this program.
    library: Option<Library>,
}

impl Side {
    /// Its loop of that name.
    pub(crate) fn find(&self, name: &str) -> Result<Loop> {
        match &self.library {
            None => loops::find(name).with_context(|| format!("loops.rs has no {name}")),
            Some(library) => {
                // SAFETY: every function of `loops.c` that is not static has this type.
                let found = unsafe { library.get::<Loop>(name.as_bytes()) };
                Ok(*found.with_context(|| format!("loops.c has no {name}"))?)
            }
        }
    }
}

/// Rust, then the C compilers.
///
/// # Errors
/// A compiler that is missing, or that refuses the loops.
pub(crate) fn all() -> Result<Vec<Side>> {
    let abi = if cfg!(target_arch = "x86_64") {
        Abi::X86_64
    } else {
        ensure!(
            cfg!(target_arch = "aarch64"),
            "the C loops know the barriers of x86_64 and aarch64 alone"
        );
        Abi::Arm64
    };
    let view = View {
        release: NEWEST,
        abi,
        mode: Mode::Guest,
        interface: None,
    };
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/rings/loops.c");
    let dir = tempfile::tempdir().context("making a folder for C libraries")?;
    let mut sides = vec![Side {
        name: "Rust".to_owned(),
        library: None,
    }];
    for family in FAMILIES {
        let path = dir.path().join(format!("{family}.so"));
        let mut compile = Compiler::find(family, abi)?.command();
        // The first options are for checks; these are a driver's.
        compile.args(view.common_args());
        compile.args(["-fhosted", "-O2", "-Wall", "-Wextra", "-Werror"]);
        compile.args(["-fPIC", "-shared", "-nostdlib", "-o"]);
        tool::run(compile.arg(&path).arg(&source))?;
        // SAFETY: a library without initialisers, compiled from `loops.c` just now.
        let library = unsafe { Library::new(&path) };
        sides.push(Side {
            name: family.to_string(),
            library: Some(library.with_context(|| format!("loading {}", path.display()))?),
        });
    }
    Ok(sides)
}
