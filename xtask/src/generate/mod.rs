//! `cargo xtask generate`: Rust definitions from the vendored headers.
//!
//! libclang reads each view of the headers (release, ABI, guest or toolstack) into a [`model::Unit`];
//! [`plan`] finds for each record the Rust layout that is C's on every host; [`emit`] writes one module
//! per header. The guest ABI comes from the newest release; what only a toolstack sees comes from each
//! release, with the types it needs.

pub mod closure;
pub mod compat;
pub mod emit;
pub mod gates;
pub mod model;
pub mod plan;
pub mod read;
pub mod share;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use self::emit::{Emitter, Files};
use self::read::Reader;
use crate::headers::{Abi, Mode, NEWEST, RELEASES, View};
use crate::tool;

/// The order in which the ABIs are looked at for what they share: what several have is defined in the
/// first of them.
const SHARING: [Abi; 4] = [Abi::X86_64, Abi::Arm64, Abi::Arm32, Abi::X86_32];

/// The generated folders, below `xen-public/src`.
const FOLDERS: [&str; 2] = ["abi", "toolstack"];

/// Generates all files, by path below `xen-public/src`.
///
/// # Errors
/// libclang is missing, a header does not parse, or something in it can't be represented.
pub fn generate(mut progress: impl FnMut(&str)) -> Result<Files> {
    let reader = Reader::new()?;
    progress(&reader.version());
    let mut files = Files::new();
    let abi_root = |abi: Abi| {
        let module = format_ident!("{}", abi.module());
        quote! { crate::abi::#module }
    };
    let views = SHARING.map(|abi| View::new(NEWEST, abi, Mode::Guest));
    let units = views
        .iter()
        .map(|view| reader.read(view))
        .collect::<Result<Vec<_>>>()?;
    for (made, unit) in share(&units, &abi_root, false)?.into_iter().zip(&units) {
        let abi = unit.view.abi;
        progress(&summary(unit, made.len()));
        let (compat, gates) = compat::files(&reader, unit, abi)?;
        progress(&format!(
            "{}: {} interface versions switch names or layouts",
            unit.view,
            gates.len()
        ));
        for (path, text) in made.into_iter().chain(compat) {
            files.insert(format!("abi/{}/{path}", abi.module()), text);
        }
    }
    files.insert("abi/mod.rs".into(), roots::abi()?);
    for release in RELEASES {
        let version = format_ident!("{}", release.module());
        let root = |abi: Abi| {
            let module = format_ident!("{}", abi.module());
            quote! { crate::toolstack::#version::#module }
        };
        let mut units = Vec::new();
        for abi in SHARING {
            let guest = reader.read(&View::new(release, abi, Mode::Guest))?;
            let tools = reader.read(&View::new(release, abi, Mode::Tools))?;
            units.push(closure::toolstack(&guest, &tools));
        }
        for (made, unit) in share(&units, &root, true)?.into_iter().zip(&units) {
            progress(&summary(unit, made.len()));
            let folder = format!("toolstack/{}/{}", release.module(), unit.view.abi.module());
            for (path, text) in made {
                files.insert(format!("{folder}/{path}"), text);
            }
        }
        files.insert(
            format!("toolstack/{}/mod.rs", release.module()),
            roots::release(release)?,
        );
    }
    files.insert("toolstack/mod.rs".into(), roots::toolstack()?);
    Ok(files)
}

/// The files of each unit; what is the same in several is defined in the first.
fn share(
    units: &[model::Unit],
    root: &dyn Fn(Abi) -> TokenStream,
    toolstack: bool,
) -> Result<Vec<Files>> {
    let owners = share::owners(units);
    let emit = |(unit, taken): (&model::Unit, BTreeMap<model::Path, usize>)| {
        let mut emitter = Emitter::whole(unit, root(unit.view.abi), toolstack);
        let home = |owner: usize| root(units[owner].view.abi);
        emitter.shared = taken
            .into_iter()
            .map(|(path, owner)| (path, home(owner)))
            .collect();
        emitter.files()
    };
    units.iter().zip(owners).map(emit).collect()
}

fn summary(unit: &model::Unit, files: usize) -> String {
    use model::Item;
    let mut counts = [0; 3];
    for item in unit.headers.values().flatten() {
        counts[match item {
            Item::Record(_) => 0,
            Item::Alias(_) => 1,
            Item::Constant(_) => 2,
        }] += 1;
    }
    let [records, aliases, constants] = counts;
    format!(
        "{:<20} {records:>5} records {aliases:>5} aliases {constants:>5} constants {files:>3} files",
        unit.view.to_string()
    )
}

/// The modules above the sets.
mod roots {
    use anyhow::Result;
    use quote::{format_ident, quote};

    use super::emit::render;
    use crate::headers::{ABIS, RELEASES, Release};

    pub(super) fn abi() -> Result<String> {
        let names: Vec<_> = ABIS.map(|a| format_ident!("{}", a.module())).into();
        render(quote! {
            #![doc = " The guest ABI of the newest vendored release, for each of the four ABIs, under C's own names."]
            #(pub mod #names;)*
            #[doc = " The tables of all ABIs."]
            #[cfg(feature = "layout")]
            pub static TABLES: &[&crate::layout::types::Tables] = &[#(&#names::layout::TABLES),*];
            #[doc = " The tables of all ABIs' older interface versions."]
            #[cfg(feature = "layout")]
            pub static COMPAT_TABLES: &[&[&crate::layout::types::Tables]] = &[#(#names::compat::TABLES),*];
        })
    }

    pub(super) fn release(release: Release) -> Result<String> {
        let names: Vec<_> = ABIS.map(|a| format_ident!("{}", a.module())).into();
        let doc = format!(" The toolstack interfaces of Xen {release}.");
        render(quote! { #![doc = #doc] #(pub mod #names;)* })
    }

    pub(super) fn toolstack() -> Result<String> {
        let releases: Vec<_> = RELEASES.map(|r| format_ident!("{}", r.module())).into();
        let tables = RELEASES.iter().flat_map(|r| {
            let release = format_ident!("{}", r.module());
            ABIS.map(move |a| {
                let abi = format_ident!("{}", a.module());
                quote! { &#release::#abi::layout::TABLES }
            })
        });
        render(quote! {
            #![doc = " The toolstack interfaces (domctl, sysctl and what hangs on them) of each vendored release, with the types they need."]
            #(pub mod #releases;)*
            #[doc = " The tables of all releases and ABIs."]
            #[cfg(feature = "layout")]
            pub static TABLES: &[&crate::layout::types::Tables] = &[#(#tables),*];
        })
    }
}

/// The generated files as they stand in the tree.
///
/// # Errors
/// A folder or file can't be read.
pub fn committed() -> Result<Files> {
    let root = tool::root().join("xen-public/src");
    let mut files = BTreeMap::new();
    for folder in FOLDERS {
        let dir = root.join(folder);
        if dir.exists() {
            collect(&root, &dir, &mut files)?;
        }
    }
    Ok(files)
}

fn collect(root: &Path, dir: &Path, files: &mut Files) -> Result<()> {
    for entry in std::fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else {
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("reading {}", path.display()))?;
            let name = path.strip_prefix(root).expect("below the root");
            files.insert(name.to_string_lossy().into_owned(), text);
        }
    }
    Ok(())
}

/// Writes the files, and removes generated files that are no longer made.
///
/// # Errors
/// A file can't be written.
pub fn write(files: &Files) -> Result<()> {
    let root = tool::root().join("xen-public/src");
    for old in committed()?.keys() {
        if !files.contains_key(old) {
            std::fs::remove_file(root.join(old)).with_context(|| format!("removing {old}"))?;
        }
    }
    for (name, text) in files {
        let path = root.join(name);
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir).with_context(|| format!("creating {}", dir.display()))?;
        }
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

/// Compares what is made with what stands in the tree.
///
/// # Errors
/// They differ: the first differing line of each file.
pub fn check(files: &Files) -> Result<()> {
    let old = committed()?;
    let mut differences = Vec::new();
    for (name, text) in files {
        match old.get(name) {
            None => differences.push(format!("{name}: missing")),
            Some(there) if there != text => {
                let lines = there.lines().zip(text.lines());
                let at = lines.take_while(|(a, b)| a == b).count();
                let line = |t: &str| t.lines().nth(at).unwrap_or("<end>").trim().to_owned();
                differences.push(format!(
                    "{name}:{}: has `{}`, the headers give `{}`",
                    at + 1,
                    line(there),
                    line(text)
                ));
            }
            Some(_) => {}
        }
    }
    for name in old.keys().filter(|name| !files.contains_key(*name)) {
        differences.push(format!("{name}: not generated from any header"));
    }
    if !differences.is_empty() {
        bail!(
            "{} of {} generated files differ (run `cargo xtask generate`):\n{}",
            differences.len(),
            files.len(),
            differences.join("\n")
        );
    }
    Ok(())
}
