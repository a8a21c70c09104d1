//! Running bindgen over the vendored headers.

use std::path::Path;

use anyhow::{Context, Result};
use xtask::headers::View;

/// What bindgen makes of a view of the headers; `work` is a folder for its files, one view at a time.
///
/// # Errors
/// bindgen finds no libclang, or a header does not parse.
pub fn bindings(view: &View, work: &Path) -> Result<String> {
    let here = || format!("bindgen over the headers of {view}");
    std::fs::create_dir_all(work).with_context(|| format!("creating {}", work.display()))?;
    // A file, and not a text in memory: the fallback for macros reads it again.
    let wrapper = work.join("xen-public-all.h");
    std::fs::write(&wrapper, view.wrapper()?)
        .with_context(|| format!("writing {}", wrapper.display()))?;
    let mut clang = view.clang_args();
    clang.push("-ferror-limit=0".into());
    let bindings = bindgen::Builder::default()
        .header(wrapper.to_string_lossy())
        .clang_args(clang)
        .use_core()
        .blocklist_type("max_align_t")
        .default_enum_style(bindgen::EnumVariation::Consts)
        .prepend_enum_name(false)
        .generate_comments(false)
        .ignore_functions()
        .formatter(bindgen::Formatter::None)
        // Without it, constants that are casts, sizes or other names' values are lost.
        .clang_macro_fallback()
        .clang_macro_fallback_build_dir(work)
        .generate()
        .with_context(here)?;
    Ok(bindings.to_string())
}
