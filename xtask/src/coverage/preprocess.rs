//! Macros as a preprocessor tells them.
//!
//! A run with `-dD` lists every definition with the header it stands in, and at the end the expansion of
//! each name that any header's text defines, as far as it is still defined.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};

use crate::compiler::Compiler;
use crate::headers::{RELEASES, View, public_path};
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
    let mut text = wrapper.to_owned();
    for name in names(view)? {
        text += &format!("\"{MARK}{name}\" {name}\n");
    }
    let dir = tempfile::tempdir().context("making a folder for C source")?;
    let source = dir.path().join("macros.c");
    std::fs::write(&source, text).with_context(|| format!("writing {}", source.display()))?;
    let mut command = compiler.command();
    command.args(["-E", "-dD"]).args(view.common_args());
    let output = tool::run(command.arg(&source))?;
    let output = String::from_utf8(output.stdout).context("the preprocessor's output")?;

    let public = view.release.include_dir().join("public");
    let mut macros = definitions(&output, &public.to_string_lossy());
    expansions(&output, &mut macros)?;
    Ok(macros)
}

/// Every name that the text of some header defines.
fn names(view: &View) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for header in view.all_headers()? {
        let path = view.release.include_dir().join("public").join(&header);
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("reading {}", path.display()))?;
        names.extend(text.lines().filter_map(defined).map(str::to_owned));
    }
    Ok(names)
}

/// Whether the text of that header defines the name in some release, on whatever condition.
///
/// # Errors
/// The header can't be read.
pub fn stands_in_text(header: &str, name: &str) -> Result<bool> {
    for release in RELEASES {
        let path = release.include_dir().join("public").join(header);
        if !path.exists() {
            continue;
        }
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("reading {}", path.display()))?;
        if text.lines().any(|line| defined(line) == Some(name)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The name that a line defines.
fn defined(line: &str) -> Option<&str> {
    let directive = line.trim_start().strip_prefix('#')?.trim_start();
    let rest = directive.strip_prefix("define")?;
    let name = rest.trim_start();
    if name.len() == rest.len() {
        return None;
    }
    let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    Some(&name[..end.unwrap_or(name.len())])
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
            current = public_path(public, file);
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
fn expansions(output: &str, macros: &mut Macros) -> Result<()> {
    let mut answered = BTreeSet::new();
    for line in output.lines() {
        let Some(rest) = line.strip_prefix(&format!("\"{MARK}")) else {
            continue;
        };
        let Some((name, text)) = rest.split_once('"') else {
            continue;
        };
        answered.insert(name);
        let known = macros.objects.get_mut(name);
        if let Some(expansion) = known.and_then(|object| object.expansion.as_mut()) {
            let words: Vec<&str> = text.split_whitespace().collect();
            *expansion = words.join(" ");
        }
    }
    let mut defined = macros.objects.iter().filter(|(_, o)| o.expansion.is_some());
    match defined.find(|(name, _)| !answered.contains(name.as_str())) {
        None => Ok(()),
        Some((name, object)) => bail!("{}: no line defines `{name}`", object.header),
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

        let error = expansions("\"expansion of BACK\" 3\n", &mut macros);
        let error = error.expect_err("others are defined too").to_string();
        assert_eq!(error, "arch-x86/xen.h: no line defines `GUARD`");
        let output = "typedef int x;\n\"expansion of BACK\" (1 <<  2)\n\"other\" 7\n\
            \"expansion of GUARD\" \n\"expansion of GONE\" GONE\n\"expansion of PARENTHESISED\" (1)\n";
        expansions(output, &mut macros).expect("all are answered");
        assert_eq!(
            macros.objects["BACK"].expansion.as_deref(),
            Some("(1 << 2)")
        );
        assert_eq!(macros.objects["GONE"].expansion, None);
    }

    #[test]
    fn names_on_conditions() -> Result<()> {
        assert!(stands_in_text("io/ring.h", "xen_mb")?);
        assert!(!stands_in_text("io/ring.h", "xen_never")?);
        assert!(!stands_in_text("io/never.h", "xen_mb")?);
        Ok(())
    }

    #[test]
    fn names_that_lines_define() {
        assert_eq!(defined("#define A"), Some("A"));
        assert_eq!(defined(" #  define\tF(x) x"), Some("F"));
        assert_eq!(defined("#undef A"), None);
        assert_eq!(defined("#defined A"), None);
        assert_eq!(defined("// #define A"), None);
    }
}
