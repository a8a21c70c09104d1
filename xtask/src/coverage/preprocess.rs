//! Macros as a preprocessor tells them.
//!
//! One run with `-dD` lists every definition with the header it stands in; a second one asks for the
//! expansion of each macro without parameters that is still defined at the end.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};

use super::inventory::header;
use crate::compiler::Compiler;
use crate::headers::View;
use crate::tool;

/// All macros of a view.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Macros {
    /// Those without parameters, by name.
    pub objects: BTreeMap<String, Object>,
    /// Header and name of those with parameters.
    pub functions: BTreeSet<(String, String)>,
}

/// A macro without parameters.
#[derive(Debug, PartialEq, Eq)]
pub struct Object {
    /// The header of its last definition.
    pub header: String,
    /// What it expands to at the end; `None` once it is undefined again.
    pub expansion: Option<String>,
}

impl Object {
    /// Whether it expands to nothing.
    pub fn is_empty(&self) -> bool {
        self.expansion.as_ref().is_some_and(String::is_empty)
    }
}

/// Asks a compiler for all macros of the view's headers.
///
/// # Errors
/// The compiler fails: its command line and messages.
pub fn macros(compiler: &Compiler, view: &View, wrapper: &str) -> Result<Macros> {
    let dir = tempfile::tempdir().context("making a folder for C source")?;
    let run = |name: &str, text: &str, options: &[&str]| -> Result<String> {
        let source = dir.path().join(name);
        std::fs::write(&source, text).with_context(|| format!("writing {}", source.display()))?;
        let mut command = compiler.command();
        command.arg("-E").args(options).args(view.common_args());
        let output = tool::run(command.arg(&source))?;
        String::from_utf8(output.stdout).context("the preprocessor's output")
    };
    let public = view.release.include_dir().join("public");
    let listing = run("definitions.c", wrapper, &["-dD"])?;
    let mut macros = definitions(&listing, &public.to_string_lossy());

    let mut ask = wrapper.to_owned();
    for (name, _) in macros.objects.iter().filter(|(_, m)| m.expansion.is_some()) {
        ask += &format!("\"{MARK}{name}\" {name}\n");
    }
    expansions(&run("expansions.c", &ask, &["-P"])?, &mut macros);
    Ok(macros)
}

/// Begins the lines that tell expansions.
const MARK: &str = "expansion of ";

/// Reads a listing with line markers, `#define` and `#undef`.
fn definitions(listing: &str, public: &str) -> Macros {
    let mut macros = Macros::default();
    let mut current = None;
    for line in listing.lines() {
        if let Some(rest) = line.strip_prefix("# ") {
            let file = rest.split('"').nth(1).unwrap_or_default();
            current = header(public, file);
        } else if let Some(rest) = line.strip_prefix("#define ") {
            let Some(current) = &current else { continue };
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            let (name, body) = rest.split_at(end.unwrap_or(rest.len()));
            if body.starts_with('(') {
                macros.functions.insert((current.clone(), name.to_owned()));
                macros.objects.remove(name);
            } else {
                let object = Object {
                    header: current.clone(),
                    expansion: Some(body.trim().to_owned()),
                };
                macros.objects.insert(name.to_owned(), object);
            }
        } else if let Some(name) = line.strip_prefix("#undef ") {
            if let Some(object) = macros.objects.get_mut(name.trim()) {
                object.expansion = None;
            }
        }
    }
    macros
}

/// Reads the lines that were asked for.
fn expansions(output: &str, macros: &mut Macros) {
    for line in output.lines() {
        let Some(rest) = line.strip_prefix(&format!("\"{MARK}")) else {
            continue;
        };
        let Some((name, text)) = rest.split_once('"') else {
            continue;
        };
        if let Some(object) = macros.objects.get_mut(name) {
            let words: Vec<&str> = text.split_whitespace().collect();
            object.expansion = Some(words.join(" "));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_told_from_uses_and_other_files() {
        let listing = "# 1 \"<built-in>\" 1\n\
            #define __SIZEOF_INT__ 4\n\
            # 1 \"/v/public/hvm/../arch-x86/xen.h\" 1\n\
            #define F(x) G(x)\n\
            #define PARENTHESISED (1)\n\
            #define GUARD\n\
            #define GONE 1\n\
            #undef GONE\n\
            use(x)\n\
            # 1 \"/usr/include/other.h\" 1\n\
            #define H(x) x\n\
            # 9 \"/v/public/xen.h\" 2\n\
            #define BACK 3\n";
        let mut macros = definitions(listing, "/v/public");
        let function = ("arch-x86/xen.h".to_owned(), "F".to_owned());
        assert_eq!(macros.functions, BTreeSet::from([function]));
        let names: Vec<&str> = macros.objects.keys().map(String::as_str).collect();
        assert_eq!(names, ["BACK", "GONE", "GUARD", "PARENTHESISED"]);
        assert!(macros.objects["GUARD"].is_empty());
        assert!(!macros.objects["BACK"].is_empty() && !macros.objects["GONE"].is_empty());
        assert_eq!(macros.objects["GONE"].expansion, None);
        assert_eq!(macros.objects["BACK"].header, "xen.h");

        expansions(
            "typedef int x;\n\"expansion of BACK\" (1 <<  2)\n\"other\" 7\n",
            &mut macros,
        );
        assert_eq!(
            macros.objects["BACK"].expansion.as_deref(),
            Some("(1 << 2)")
        );
        assert_eq!(macros.objects["GONE"].expansion, None);
    }
}
