//! What is known of a name, as text: ABIs that agree stand in one column or on one line.

use std::fmt::Write;

use xen_public::layout::{Alias, Constant, Kind, Record, Tables, Value};

use super::find::{Catalogue, FieldFound, Found, Item};
use super::grid::{Column, Grid};
use super::rows::{Shape, shape};

/// The text for a name; `None` if nothing has it.
pub(crate) fn name(catalogue: &Catalogue, name: &str, expand: bool) -> Option<String> {
    let found = catalogue.look_up(name);
    if found.iter().all(|(_, found)| found.is_none()) {
        let fields = catalogue.fields(name);
        return (!fields.is_empty()).then(|| show_fields(name, &fields));
    }
    let mut text = heading(&found);
    let aliases = pick(&found, |item| match item {
        Item::Alias(alias) => Some(alias),
        _ => None,
    });
    let constants = pick(&found, |item| match item {
        Item::Constant(constant) => Some(constant),
        _ => None,
    });
    let mut records = pick(&found, |item| match item {
        Item::Record(record) => Some(record),
        _ => None,
    });
    if !aliases.is_empty() {
        text += "\n";
        text += &show_aliases(catalogue, &aliases);
        for (tables, alias) in &aliases {
            if let Some((_, Some(found))) = chain(catalogue, tables, alias).last() {
                if let Item::Record(record) = found.item {
                    records.push((found.tables, record));
                }
            }
        }
    }
    if !constants.is_empty() {
        text += "\n";
        text += &show_constants(catalogue, &constants);
    }
    if !records.is_empty() {
        text += "\n";
        text += &show_records(catalogue, &records, expand);
    }
    Some(text)
}

/// Every name, or those that contain `pattern` in any case, with what it is and where; empty if there
/// are none.
pub(crate) fn list(catalogue: &Catalogue, pattern: Option<&str>) -> String {
    let pattern = pattern.unwrap_or("").to_lowercase();
    let mut grid = Grid::new(vec![
        Column::text("name", 40),
        Column::text("is", 8),
        Column::text("header", 16),
        Column::text("in", 13),
    ]);
    let mut any = false;
    for (name, found) in catalogue.names() {
        if !name.to_lowercase().contains(&pattern) {
            continue;
        }
        any = true;
        let kinds = distinct(found.iter().map(|found| kind(found.item)));
        let headers = distinct(found.iter().map(|found| found.item.header()));
        let abis: Vec<&str> = found.iter().map(|found| found.tables.abi).collect();
        grid.row(vec![
            name.to_owned(),
            kinds.join(" "),
            headers.join(" "),
            together(catalogue, &abis),
        ]);
    }
    if any { grid.render() } else { String::new() }
}

/// The name's kind, and for each ABI the path in Rust and the header, or that it is absent.
fn heading(all: &[(&str, Option<Found>)]) -> String {
    let kinds = distinct(
        all.iter()
            .filter_map(|(_, found)| *found)
            .map(|found| format!("{} {}", kind(found.item), found.item.name())),
    );
    let mut text = kinds.join(", ") + "\n";
    let places = grouped(all, |(_, found)| {
        found.map(|found| {
            let root = if found.tables.toolstack {
                format!("toolstack::v{}", found.tables.release.replace('.', "_"))
            } else {
                "abi".to_owned()
            };
            let module = module(found.item.header());
            (
                format!("xen_public::{root}::<abi>::{module}::{}", found.item.name()),
                found.item.header(),
            )
        })
    });
    let one = places.len() == 1;
    for (members, place) in places {
        let abis: Vec<&str> = members.iter().map(|(abi, _)| *abi).collect();
        let label = if one { "" } else { &abis.join(" ") };
        let label = if label.is_empty() {
            String::new()
        } else {
            format!("{label}: ")
        };
        let _ = match place {
            Some((path, header)) => {
                let place = format!("xen/include/public/{header}");
                // All on one line, or as few as fit.
                let line = format!("  {label}{path}");
                if line.len() + 2 + place.len() <= 100 {
                    writeln!(text, "{line}  {place}")
                } else if line.len() <= 100 {
                    writeln!(text, "{line}\n    {place}")
                } else {
                    let name = path.rfind("::").map_or(0, |at| at + 2);
                    let (module, name) = path.split_at(name);
                    writeln!(text, "  {label}{module}\n      {name}\n    {place}")
                }
            }
            None => writeln!(text, "  {label}absent"),
        };
    }
    text
}

fn show_aliases(catalogue: &Catalogue, aliases: &[(&'static Tables, &'static Alias)]) -> String {
    let mut grid = Grid::new(vec![
        Column::text("in", 13),
        Column::text("stands for", 40),
        Column::figures("size"),
    ]);
    let groups = grouped(aliases, |(tables, alias)| {
        let steps: Vec<String> = chain(catalogue, tables, alias)
            .into_iter()
            .map(|(ty, _)| ty)
            .collect();
        (steps.join(" = "), alias.size)
    });
    for (members, (steps, size)) in groups {
        let abis: Vec<&str> = members.iter().map(|(tables, _)| tables.abi).collect();
        grid.row(vec![together(catalogue, &abis), steps, size.to_string()]);
    }
    grid.render()
}

/// What a typedef stands for, what that stands for, and so on, each with what it is if it has a name.
fn chain(
    catalogue: &Catalogue,
    tables: &'static Tables,
    alias: &'static Alias,
) -> Vec<(String, Option<Found>)> {
    let mut steps = Vec::new();
    let (mut tables, mut alias) = (tables, alias);
    loop {
        let found = catalogue.resolve(tables, alias.ty);
        steps.push((alias.ty.to_owned(), found));
        match found {
            Some(found) => match found.item {
                Item::Alias(next) if !std::ptr::eq(next, alias) => {
                    (tables, alias) = (found.tables, next);
                }
                _ => return steps,
            },
            None => return steps,
        }
    }
}

fn show_constants(
    catalogue: &Catalogue,
    constants: &[(&'static Tables, &'static Constant)],
) -> String {
    let numbers = constants
        .iter()
        .any(|(_, constant)| constant.value.as_i128().is_some());
    let mut columns = vec![
        Column::text("in", 13),
        Column::text("Rust type", 9),
        Column::text("value", 20),
    ];
    if numbers {
        columns.push(Column::figures("hex"));
    }
    let mut grid = Grid::new(columns);
    for (members, value) in grouped(constants, |(_, constant)| constant.value) {
        let abis: Vec<&str> = members.iter().map(|(tables, _)| tables.abi).collect();
        let (decimal, hex) = spelled(value);
        let mut row = vec![
            together(catalogue, &abis),
            value.type_name().to_owned(),
            decimal,
        ];
        row.extend(numbers.then_some(hex));
        grid.row(row);
    }
    grid.render()
}

/// A value in decimal and in hexadecimal, a negative one as the bits of its type.
fn spelled(value: Value) -> (String, String) {
    match value {
        Value::I32(v) => (v.to_string(), format!("{v:#x}")),
        Value::U32(v) => (v.to_string(), format!("{v:#x}")),
        Value::I64(v) => (v.to_string(), format!("{v:#x}")),
        Value::U64(v) => (v.to_string(), format!("{v:#x}")),
        Value::U8(v) => (v.to_string(), format!("{v:#x}")),
        Value::U16(v) => (v.to_string(), format!("{v:#x}")),
        Value::Str(v) => (format!("{v:?}"), String::new()),
    }
}

fn show_records(
    catalogue: &Catalogue,
    records: &[(&'static Tables, &'static Record)],
    expand: bool,
) -> String {
    let shapes: Vec<(&str, Shape)> = records
        .iter()
        .map(|(tables, record)| (tables.abi, shape(catalogue, tables, record, expand)))
        .collect();
    let groups: Vec<(String, &Shape)> = grouped(&shapes, |(_, shape)| shape)
        .into_iter()
        .map(|(members, shape)| {
            let abis: Vec<&str> = members.iter().map(|(abi, _)| *abi).collect();
            (together(catalogue, &abis), shape)
        })
        .collect();
    let mut grid = Grid::new(vec![Column::text("field", 24), Column::text("type", 14)]);
    for (label, _) in &groups {
        let columns = vec![Column::figures("offset"), Column::figures("size")];
        grid.span(label, columns);
    }
    for path in merged(groups.iter().map(|(_, shape)| *shape)) {
        let cells: Vec<_> = groups
            .iter()
            .map(|(_, shape)| shape.rows.iter().find(|row| row.path == path))
            .collect();
        let name = cells.iter().flatten().map(|row| row.name.clone()).next();
        let types = distinct(cells.iter().flatten().map(|row| row.ty.clone()));
        let mut line = vec![name.unwrap_or_default(), types.join(" | ")];
        for row in cells {
            let none = || "-".to_owned();
            line.push(row.map_or_else(none, |row| row.offset.clone()));
            line.push(row.map_or_else(none, |row| row.size.clone()));
        }
        grid.row(line);
    }
    grid.blank();
    let each = |of: fn(&Shape) -> String| groups.iter().map(|(_, shape)| of(shape)).collect();
    grid.span_row("size", each(|shape| shape.size.to_string()));
    grid.span_row("align", each(|shape| shape.align.to_string()));
    grid.span_row("padding", each(|shape| shape.padding.to_string()));
    grid.span_row("repr in Rust", each(|shape| shape.repr.to_owned()));
    grid.render() + &notes(&groups)
}

fn notes(groups: &[(String, &Shape)]) -> String {
    let mut text = String::new();
    if groups.iter().any(|(_, shape)| shape.bits) {
        text += "\noffset 4:1 is bit 1 of byte 4, counted from the lowest; size 3b is 3 bits\n";
    }
    if groups.iter().any(|(_, shape)| shape.nameless) {
        text += "\n* has no name in C, where its members are written as the outer record's own\n";
    }
    let folded = distinct(
        groups
            .iter()
            .flat_map(|(_, shape)| shape.folded.iter().copied()),
    );
    if !folded.is_empty() {
        let _ = writeln!(
            text,
            "\n--expand shows the fields of {} too",
            folded.join(", ")
        );
    }
    text
}

/// The paths of all rows in an order that fits every ABI's.
fn merged<'a>(shapes: impl Iterator<Item = &'a Shape>) -> Vec<Vec<String>> {
    let mut paths: Vec<Vec<String>> = Vec::new();
    for shape in shapes {
        let mut next = 0;
        for row in &shape.rows {
            match paths.iter().position(|path| *path == row.path) {
                Some(at) => next = next.max(at + 1),
                None => {
                    paths.insert(next, row.path.clone());
                    next += 1;
                }
            }
        }
    }
    paths
}

fn show_fields(name: &str, fields: &[FieldFound]) -> String {
    let mut text = format!("field {name} of\n\n");
    let mut grid = Grid::new(vec![
        Column::text("record", 24),
        Column::text("header", 16),
        Column::text("type", 14),
        Column::text("in", 13),
        Column::figures("offset"),
        Column::figures("size"),
    ]);
    let groups = grouped(fields, |field| {
        let record = field.record.item;
        let place = (record.name(), record.header());
        (place, &field.ty, &field.offset, &field.size)
    });
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, ((record, header), ..))| (*header, *record));
    let bits = fields.iter().any(|field| field.offset.contains(':'));
    for (members, ((record, header), ty, offset, size)) in groups {
        let abis = distinct(members.iter().map(|field| field.record.tables.abi));
        grid.row(vec![
            record.to_owned(),
            header.to_owned(),
            ty.clone(),
            abis.join(" "),
            offset.clone(),
            size.clone(),
        ]);
    }
    text += &grid.render();
    if bits {
        text += "\noffset 4:1 is bit 1 of byte 4, counted from the lowest; size 3b is 3 bits\n";
    }
    text
}

/// The items of one kind, with their tables.
fn pick<T>(
    found: &[(&str, Option<Found>)],
    kind: impl Fn(Item) -> Option<T>,
) -> Vec<(&'static Tables, T)> {
    found
        .iter()
        .filter_map(|(_, found)| *found)
        .filter_map(|found| Some((found.tables, kind(found.item)?)))
        .collect()
}

/// Members with the same key together, in the order of their first.
fn grouped<'a, T, K: PartialEq>(all: &'a [T], key: impl Fn(&'a T) -> K) -> Vec<(Vec<&'a T>, K)> {
    let mut groups: Vec<(Vec<&T>, K)> = Vec::new();
    for member in all {
        let key = key(member);
        match groups.iter_mut().find(|(_, known)| *known == key) {
            Some((members, _)) => members.push(member),
            None => groups.push((vec![member], key)),
        }
    }
    groups
}

fn distinct<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = Vec::new();
    for one in all {
        if !seen.contains(&one) {
            seen.push(one);
        }
    }
    seen
}

/// The ABIs of a group in words.
fn together(catalogue: &Catalogue, abis: &[&str]) -> String {
    if abis.len() == catalogue.abis() {
        "all four ABIs".to_owned()
    } else {
        abis.join(" ")
    }
}

fn kind(item: Item) -> &'static str {
    match item {
        Item::Record(record) if record.kind == Kind::Union => "union",
        Item::Record(_) => "struct",
        Item::Alias(alias) if alias.c.starts_with("enum ") => "enum",
        Item::Alias(alias) if alias.ty.starts_with("Handle") => "guest handle",
        Item::Alias(_) => "typedef",
        Item::Constant(_) => "constant",
    }
}

/// The Rust module of a header: `hvm/hvm_op.h` is `hvm::hvm_op`.
fn module(header: &str) -> String {
    let stem = header.strip_suffix(".h").unwrap_or(header);
    stem.split('/')
        .map(|part| {
            let part = part.replace('-', "_");
            if part.starts_with(|c: char| c.is_ascii_digit()) {
                format!("_{part}")
            } else {
                part
            }
        })
        .collect::<Vec<_>>()
        .join("::")
}
