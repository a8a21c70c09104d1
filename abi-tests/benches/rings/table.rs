//! The table: nanoseconds and instructions for one operation, on each side.

use std::path::Path;

use anyhow::{Context, Result};

use crate::cases::{CASES, Case};
use crate::sides::Side;

/// Prints the table as Markdown.
///
/// # Errors
/// A case without times.
pub(crate) fn print(home: &Path, sides: &[Side], counts: &[Vec<f64>]) -> Result<()> {
    let names: Vec<_> = sides.iter().map(|side| side.name.as_str()).collect();
    println!(
        "\n| one request | ns: {} | Rust to the better C | instructions: {} |",
        names.join(" | "),
        names.join(" | ")
    );
    println!(
        "|---|{}--:|{}",
        "--:|".repeat(names.len()),
        "--:|".repeat(names.len())
    );
    for (case, counts) in CASES.iter().zip(counts) {
        let mut row = format!("| {} |", case.name);
        let mut times = Vec::new();
        for name in &names {
            let time = nanoseconds(home, case, name)?;
            row += &format!(" {time:.1} |");
            times.push(time);
        }
        let better = times[1..].iter().copied().fold(f64::INFINITY, f64::min);
        row += &format!(" {:.2} |", times[0] / better);
        for at in 0..names.len() {
            row += &counts
                .get(at)
                .map_or(" |".to_owned(), |count| format!(" {count:.1} |"));
        }
        println!("{row}");
    }
    Ok(())
}

/// The median of the time that one operation took, of what criterion wrote down.
fn nanoseconds(home: &Path, case: &Case, side: &str) -> Result<f64> {
    let folder = case
        .name
        .replace(['?', '"', '/', '\\', '*', '<', '>', ':', '|', '^'], "_");
    let path = home.join(folder).join(side).join("new/estimates.json");
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let estimates: serde_json::Value = serde_json::from_str(&text)?;
    let median = estimates["median"]["point_estimate"].as_f64();
    let median = median.with_context(|| format!("no median in {}", path.display()))?;
    Ok(median / case.operations as f64)
}
