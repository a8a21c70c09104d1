//! The doc line of every generated item: it must name the item as C does, and the header.
//!
//! Generated files are written in one fixed way, so their lines tell all that is needed: public items begin
//! at a line's start, after their doc line and attributes. What a module takes from another ABI's must come
//! from the same header's module, where its doc line is looked at.

use anyhow::Result;

use super::probe::module;
use crate::generate;

/// What was found.
#[derive(Debug, Default)]
pub struct Documented {
    /// Public items looked at.
    pub items: usize,
    /// Public items that are another module's.
    pub shared: usize,
    /// Items whose doc line is missing or says something else.
    pub wrong: Vec<String>,
}

/// Looks at all generated modules as they stand in the tree.
///
/// # Errors
/// A file can't be read.
pub fn check() -> Result<Documented> {
    let mut found = Documented::default();
    for (path, text) in generate::committed()? {
        look(&path, &text, &mut found);
    }
    Ok(found)
}

fn look(path: &str, text: &str, found: &mut Documented) {
    let mut doc = None;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("pub use ") {
            let mut statement = line.to_owned();
            while !statement.ends_with(';') {
                let Some(more) = lines.next() else { break };
                statement += more.trim();
            }
            shared(path, &statement, found);
            doc = None;
        } else if let Some(said) = line.strip_prefix("///") {
            doc = doc.or(Some(said));
        } else if let Some(name) = item(line) {
            found.items += 1;
            let line = doc.take().unwrap_or_default();
            if let Some(wrong) = wrong(path, name, line) {
                found.wrong.push(format!(
                    "{path}: the doc line of `{name}` {wrong}: {line:?}"
                ));
            }
        } else if line.starts_with("pub ") || line.starts_with('}') {
            // A module, a table, an end: what was said before is not about the next item.
            doc = None;
        }
    }
}

/// Looks at what a module takes from another.
fn shared(path: &str, statement: &str, found: &mut Documented) {
    let taken = statement
        .trim_start_matches("pub use crate::")
        .trim_end_matches(';');
    let (from, names) = match taken.split_once("::{") {
        Some((from, names)) => (from, names.trim_end_matches('}')),
        None => taken.rsplit_once("::").unwrap_or(("", taken)),
    };
    found.shared += names
        .split(',')
        .filter(|name| !name.trim().is_empty())
        .count();
    // Below the ABI's own module the two paths are the same.
    let below = |path: &str, set: usize| path.split("::").skip(set).collect::<Vec<_>>().join("::");
    let own = path.trim_end_matches(".rs").replace('/', "::");
    let depth = if own.starts_with("toolstack::") { 3 } else { 2 };
    if own.split("::").next() != from.split("::").next() || below(&own, depth) != below(from, depth)
    {
        found
            .wrong
            .push(format!("{path} takes names from another header: {from}"));
    }
}

/// The name of the item that begins on this line.
fn item(line: &str) -> Option<&str> {
    let declared = line.strip_prefix("pub ")?;
    let keywords = ["struct ", "union ", "type ", "const ", "enum ", "fn "];
    let name = keywords.iter().find_map(|k| declared.strip_prefix(k))?;
    let name = name.strip_prefix("r#").unwrap_or(name);
    let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    Some(&name[..end.unwrap_or(name.len())])
}

/// What is wrong with a doc line, if anything.
fn wrong(path: &str, name: &str, line: &str) -> Option<&'static str> {
    let mut quoted = line.split('`').skip(1).step_by(2);
    let (Some(c), Some(header)) = (quoted.next(), quoted.next()) else {
        return Some("does not quote a C name and a header");
    };
    // `struct a.u.b` is the C name of what Rust calls `a_u_b`; a nameless member is told by what it is in.
    let words = c
        .rsplit(' ')
        .next()
        .unwrap_or(c)
        .replace("[]", "")
        .replace('.', "_");
    let nameless = c.starts_with("nameless ") && name.starts_with(&words);
    if words != name && !nameless {
        return Some("does not name it");
    }
    let file = path.trim_end_matches(".rs").replace('/', "::");
    if !file.ends_with(&module("", header)) {
        return Some("does not name its header");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(source: &str) -> Vec<String> {
        let mut found = Documented::default();
        look("abi/x86_64/io/blkif.rs", source, &mut found);
        found.wrong
    }

    #[test]
    fn doc_lines_that_say_what_they_must() {
        let good = "\
            /// `struct blkif_request`, `io/blkif.h`, 112 bytes.\n\
            #[repr(C)]\n#[cfg_attr(\n    any\n)]\npub struct blkif_request {\n    pub a: u8,\n}\n\
            /// `struct blkif_request.u.rw`, `io/blkif.h`, 8 bytes.\npub struct blkif_request_u_rw {}\n\
            /// `nameless union in blkif_request.u`, `io/blkif.h`, 8 bytes.\npub union blkif_request_u_id { a: u8 }\n\
            /// `TYPE`, `io/blkif.h`, `int`.\npub const TYPE: i32 = 1;\n\
            /// `type`, `io/blkif.h`, 1 byte.\npub type r#type = u8;\n\
            struct hidden;\n";
        assert_eq!(find(good), Vec::<String>::new());
    }

    #[test]
    fn names_of_another_abi() {
        let taken = |statement: &str| {
            let mut found = Documented::default();
            look("abi/x86_64/io/blkif.rs", statement, &mut found);
            (found.shared, found.wrong.len())
        };
        let same = "pub use crate::abi::x86_32::io::blkif";
        assert_eq!(taken(&format!("{same}::a;")), (1, 0));
        assert_eq!(
            taken(&format!("{same}::{{\n    a, b,\n    r#type,\n}};")),
            (3, 0)
        );
        assert_eq!(taken("pub use crate::abi::x86_32::io::netif::a;"), (1, 1));
        assert_eq!(
            taken("pub use crate::toolstack::v4_14::x86_32::io::blkif::a;"),
            (1, 1)
        );
    }

    #[test]
    fn doc_lines_that_do_not() {
        assert!(find("pub struct a {}")[0].contains("does not quote"));
        let after_another = "/// `a`, `io/blkif.h`.\npub type a = u8;\npub type b = u8;";
        assert!(find(after_another)[0].contains("`b` does not quote"));
        assert!(
            find("/// `struct b`, `io/blkif.h`.\npub struct a {}")[0].contains("does not name it")
        );
        assert!(find("/// `a`, `io/netif.h`.\npub type a = u8;")[0].contains("its header"));
        assert!(find("/// `a`, `xen/blkif.h`.\npub const a: u8 = 1;")[0].contains("its header"));
    }
}
