//! That the fields of every type account for each of its bytes.
//!
//! The generated structs name their padding, so that the sizes of the fields add up to the size of the
//! struct and each field begins where the one before it ends; unions carry all of their bytes as
//! `_bytes`. A type for which that holds has no byte that a copy could lose or that could leak what
//! stood in memory before.

use xen_public::layout::{Kind, Record, Tables};

/// What is wrong with the records of a table, one line each.
pub fn hidden(tables: &Tables) -> Vec<String> {
    let mut found = Vec::new();
    for record in tables.records {
        match record.kind {
            Kind::Struct => of_struct(record, &mut found),
            Kind::Union => of_union(record, &mut found),
        }
    }
    found
}

fn of_struct(record: &Record, found: &mut Vec<String>) {
    let mut end = 0;
    for field in record.fields {
        if field.offset != end {
            found.push(format!(
                "{}.{} begins at {}, but the fields before it end at {end}",
                record.name, field.name, field.offset
            ));
        }
        end = field.offset + field.size;
    }
    let sum: usize = record.fields.iter().map(|f| f.size).sum();
    if sum != record.size {
        found.push(format!(
            "{} has {} bytes, its fields have {sum}",
            record.name, record.size
        ));
    }
}

fn of_union(record: &Record, found: &mut Vec<String>) {
    match record.fields.iter().find(|f| f.name == "_bytes") {
        Some(f) if f.offset == 0 && f.size == record.size => {}
        Some(f) => found.push(format!(
            "{}._bytes has {} bytes from {}, the union has {}",
            record.name, f.size, f.offset, record.size
        )),
        None => found.push(format!("{} is a union without `_bytes`", record.name)),
    }
    for field in record
        .fields
        .iter()
        .filter(|f| f.offset != 0 || f.size > record.size)
    {
        found.push(format!(
            "{}.{} does not lie within the union from its start",
            record.name, field.name
        ));
    }
}
