//! The rows of a record: its fields in order, those of the nameless and other anonymous records inside
//! it beneath them, the members of bitfields beneath the integer that holds them, and the padding.

use xen_public::layout::{Field, Kind, Record, Tables};

use super::find::{Catalogue, Item, bit_place, bit_size};

/// One row of a record in one ABI.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// The names from the record down to here: what makes rows of different ABIs the same row.
    pub(crate) path: Vec<String>,
    pub(crate) name: String,
    pub(crate) ty: String,
    pub(crate) offset: String,
    pub(crate) size: String,
}

/// A record as it lies in one ABI.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) rows: Vec<Row>,
    pub(crate) size: usize,
    pub(crate) align: usize,
    pub(crate) repr: &'static str,
    /// Bytes that none of the record's own fields covers; those inside its fields do not count.
    pub(crate) padding: usize,
    /// Whether a member without a name in C is among the rows.
    pub(crate) nameless: bool,
    /// Whether a bitfield is among the rows.
    pub(crate) bits: bool,
    /// Named records whose fields are not shown.
    pub(crate) folded: Vec<&'static str>,
}

/// Lays out a record; `expand` shows the fields of named records inside it too.
pub(crate) fn shape(
    catalogue: &Catalogue,
    tables: &'static Tables,
    record: &'static Record,
    expand: bool,
) -> Shape {
    let mut walk = Walk {
        catalogue,
        expand,
        shape: Shape {
            rows: Vec::new(),
            size: record.size,
            align: record.align,
            repr: record.repr,
            padding: 0,
            nameless: false,
            bits: false,
            folded: Vec::new(),
        },
    };
    walk.record(tables, record, 0, &[], "");
    walk.shape
}

struct Walk<'a> {
    catalogue: &'a Catalogue,
    expand: bool,
    shape: Shape,
}

impl Walk<'_> {
    /// Adds the rows of a record that begins `base` bytes into the outermost one; `prefix` stands
    /// before each name.
    fn record(
        &mut self,
        tables: &'static Tables,
        record: &'static Record,
        base: usize,
        path: &[String],
        prefix: &str,
    ) {
        for field in record.fields {
            // Rust's own view of a union as bytes is no member of C's.
            if record.kind == Kind::Union && field.name == "_bytes" && field.c.is_empty() {
                continue;
            }
            self.field(tables, record, field, base, path, prefix);
        }
    }

    fn field(
        &mut self,
        tables: &'static Tables,
        record: &'static Record,
        field: &'static Field,
        base: usize,
        path: &[String],
        prefix: &str,
    ) {
        let padding = field.ty.starts_with("Pad<");
        if padding && path.is_empty() {
            self.shape.padding += field.size;
        }
        let mut path = path.to_vec();
        path.push(field.name.to_owned());
        let inner = self.inner(tables, field);
        let nameless = inner.is_some() && field.c.is_empty();
        self.shape.nameless |= nameless;
        let ty = match inner {
            _ if padding => "padding".to_owned(),
            Some((_, inner)) if !inner.named => {
                let kind = match inner.kind {
                    Kind::Struct => "struct",
                    Kind::Union => "union",
                };
                format!("{kind} {}", field.ty)
            }
            _ => field.ty.to_owned(),
        };
        let mark = if nameless { "*" } else { "" };
        let indent = "  ".repeat(path.len() - 1);
        self.shape.rows.push(Row {
            name: format!("{indent}{prefix}{}{mark}", field.name),
            ty,
            offset: (base + field.offset).to_string(),
            size: field.size.to_string(),
            path: path.clone(),
        });
        self.bitfields(record, field, base, &path, prefix);
        let Some((tables, inner)) = inner else { return };
        if inner.named && !self.expand {
            if !self.shape.folded.contains(&inner.name) {
                self.shape.folded.push(inner.name);
            }
            return;
        }
        let prefix = if field.ty.starts_with('[') {
            "[0]."
        } else {
            ""
        };
        self.record(tables, inner, base + field.offset, &path, prefix);
    }

    /// The record that a field or its array element is.
    fn inner(
        &self,
        tables: &'static Tables,
        field: &Field,
    ) -> Option<(&'static Tables, &'static Record)> {
        if field.record.is_empty() {
            return None;
        }
        let found = self.catalogue.resolve(tables, field.record)?;
        match found.item {
            Item::Record(record) => Some((found.tables, record)),
            _ => None,
        }
    }

    fn bitfields(
        &mut self,
        record: &Record,
        field: &Field,
        base: usize,
        path: &[String],
        prefix: &str,
    ) {
        for bits in record
            .bitfields
            .iter()
            .filter(|bits| bits.storage == field.name)
        {
            self.shape.bits = true;
            let mut path = path.to_vec();
            path.push(bits.name.to_owned());
            self.shape.rows.push(Row {
                name: format!("{}{prefix}{}", "  ".repeat(path.len() - 1), bits.name),
                ty: "bits".to_owned(),
                offset: bit_place(base * 8 + bits.bit),
                size: bit_size(bits.width),
                path,
            });
        }
    }
}
