//! The pinned lists of names, `data/names/`: a change of what the crate exports shows in review, line by line.

use std::collections::BTreeMap;

use abi_tests::{names, pins};
use anyhow::{Context, Result};
use xen_public::layout::{self, Tables};

/// The list that a table belongs to.
fn file(tables: &Tables) -> String {
    let abi = tables.abi;
    match tables.interface {
        _ if tables.toolstack => format!("names/toolstack-{}-{abi}.txt", tables.release),
        Some(_) => format!("names/compat-{abi}.txt"),
        None => format!("names/{abi}.txt"),
    }
}

#[test]
fn the_names_are_the_pinned_ones() -> Result<()> {
    let mut files: BTreeMap<String, Vec<&Tables>> = BTreeMap::new();
    for tables in layout::all().chain(layout::compat()) {
        files.entry(file(tables)).or_default().push(tables);
    }
    assert_eq!(
        files.len(),
        20,
        "four ABIs: for guests, for older guests, for three toolstack releases"
    );
    let mut wrong = Vec::new();
    for (file, tables) in &files {
        let found = names::text(tables.iter().copied());
        if let Err(error) = pins::check_text(file, &found) {
            let pinned = std::fs::read_to_string(pins::path(file)).map_err(|_| error)?;
            let differences = names::differences(&pinned, &found).join("\n");
            wrong.push(format!(
                "{file} (ABI_TESTS_PIN=1 writes it anew):\n{differences}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let folder = pins::path("names");
    let entries =
        std::fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
    for entry in entries {
        let name = format!("names/{}", entry?.file_name().to_string_lossy());
        assert!(files.contains_key(&name), "{name} belongs to no ABI");
    }
    Ok(())
}
