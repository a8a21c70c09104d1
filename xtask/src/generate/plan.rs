//! From C's layout to a Rust one that comes out the same on every host: which `repr`, which padding,
//! which integers stand for bitfields.
//!
//! The only type whose alignment differs between hosts is the 64-bit integer: 4 or 8 bytes. A record is
//! laid out so that neither changes a thing: padding is explicit, and its alignment is forced up
//! (`align(A)`) where some host would give less than C does, or capped (`packed(A)`) where some host
//! would give more.

use anyhow::{Result, bail};

use super::model::{Member, Path, Record, Ty, Unit};

/// How a record is laid out in Rust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repr {
    /// `repr(C)`.
    Natural,
    /// `repr(C, align(A))`.
    Align(u64),
    /// `repr(C, packed(A))`.
    Packed(u64),
}

/// A record's Rust form.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The `repr`.
    pub repr: Repr,
    /// Fields in order, padding included.
    pub fields: Vec<Field>,
    /// The members of bitfields.
    pub bits: Vec<Bits>,
}

/// What a Rust field is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A C member (its place in [`Record::members`]).
    Member(usize),
    /// Bytes that C leaves as a hole.
    Padding(u64),
    /// All bytes of a union.
    Bytes(u64),
    /// An integer of so many bits around bitfields.
    Storage(u64),
    /// So many bytes around bitfields that no integer fits.
    ByteStorage(u64),
}

/// A Rust field.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name, not yet escaped.
    pub name: String,
    /// Offset in bytes.
    pub offset: u64,
    /// What it is.
    pub content: Content,
}

/// A member of a bitfield.
#[derive(Clone, Debug)]
pub struct Bits {
    /// C's name.
    pub name: String,
    /// The storage field, as an index into [`Plan::fields`].
    pub storage: usize,
    /// First bit, from the record's first.
    pub bit: u64,
    /// Width.
    pub width: u64,
}

/// The least and the greatest alignment that a host gives a type.
fn alignment(unit: &Unit, ty: &Ty) -> (u64, u64) {
    match ty.resolved() {
        Ty::Int { bits: 64, .. } => (4, 8),
        Ty::Int { bits, .. } => (bits / 8, bits / 8),
        Ty::Pointer => match unit.view.abi.pointer() {
            8 => (4, 8),
            n => (n, n),
        },
        Ty::Handle(bytes, _) => (*bytes, *bytes),
        Ty::Array(of, _) | Ty::Flexible(of) => alignment(unit, of),
        Ty::Record(path) => unit.record(path).map_or((1, 1), |r| (r.align, r.align)),
        Ty::Void | Ty::Alias(..) => (1, 1),
    }
}

/// Whether a type has an `align` in it, which may not stand in a packed record.
fn forces_alignment(unit: &Unit, ty: &Ty) -> Result<bool> {
    Ok(match ty.resolved() {
        Ty::Handle(bytes, _) => *bytes == 8,
        Ty::Array(of, _) | Ty::Flexible(of) => forces_alignment(unit, of)?,
        Ty::Record(path) => match unit.record(path) {
            Some(record) => {
                let plan = plan(unit, record, path)?;
                let mut inner = matches!(plan.repr, Repr::Align(_));
                for member in &record.members {
                    inner |= forces_alignment(unit, &member.ty)?;
                }
                inner
            }
            None => false,
        },
        _ => false,
    })
}

/// Lays a record out.
///
/// # Errors
/// No Rust layout has C's on every host: the type, the field and why.
pub fn plan(unit: &Unit, record: &Record, path: &Path) -> Result<Plan> {
    let at = format!("`{}` of {}", record.name, path.header);
    let mut fields: Vec<Field> = Vec::new();
    let mut bits = Vec::new();
    let mut end = 0;
    let mut members = record.members.iter().enumerate().peekable();
    while let Some((index, member)) = members.next() {
        if member.width.is_none() {
            if member.bit % 8 != 0 {
                bail!("field `{}` of {at} does not begin at a byte", member.name);
            }
            let offset = member.bit / 8;
            if !record.union {
                pad(&mut fields, end, offset);
            }
            fields.push(Field {
                name: member.name.clone(),
                offset,
                content: Content::Member(index),
            });
            end = offset + member.size;
            continue;
        }
        if record.union {
            bail!(
                "field `{}` of {at} is a bitfield directly in a union",
                member.name
            );
        }
        // A maximal run of bitfields.
        let mut run: Vec<&Member> = vec![member];
        while let Some((_, next)) = members.next_if(|(_, m)| m.width.is_some()) {
            run.push(next);
        }
        let first = run[0].bit;
        let last = run[run.len() - 1];
        let start = first / 8;
        let stop = (last.bit + last.width.unwrap_or(0)).div_ceil(8);
        if start < end {
            bail!(
                "field `{}` of {at} is a bitfield that shares a byte with a field",
                member.name
            );
        }
        let limit = members.peek().map_or(record.size, |(_, m)| m.bit / 8);
        let width = [1, 2, 4, 8].into_iter().find(|n| {
            start % n == 0 && start + n >= stop && *n <= record.align && start + n <= limit
        });
        pad(&mut fields, end, start);
        let storage = fields.len();
        let name = format!("_bits_0x{start:02x}");
        let content = match width {
            Some(bytes) => {
                end = start + bytes;
                Content::Storage(bytes * 8)
            }
            None => {
                end = stop;
                Content::ByteStorage(stop - start)
            }
        };
        fields.push(Field {
            name,
            offset: start,
            content,
        });
        for member in run {
            let Ty::Int { signed: false, .. } = member.ty.resolved() else {
                bail!("field `{}` of {at} is a bitfield with a sign", member.name);
            };
            bits.push(Bits {
                name: member.name.clone(),
                storage,
                bit: member.bit,
                width: member.width.unwrap_or(0),
            });
        }
    }
    if record.union {
        fields.push(Field {
            name: "_bytes".into(),
            offset: 0,
            content: Content::Bytes(record.size),
        });
    } else {
        pad(&mut fields, end, record.size);
    }

    let mut least = 1;
    let mut greatest = 1;
    let mut misplaced = None;
    for field in &fields {
        let (low, high) = match &field.content {
            Content::Member(index) => alignment(unit, &record.members[*index].ty),
            Content::Storage(64) => (4, 8),
            Content::Storage(bits) => (bits / 8, bits / 8),
            Content::Padding(_) | Content::Bytes(_) | Content::ByteStorage(_) => (1, 1),
        };
        least = least.max(low);
        greatest = greatest.max(high);
        if field.offset % high != 0 || high > record.align {
            misplaced = Some(field);
        }
    }
    let repr = match misplaced {
        None if least < record.align => Repr::Align(record.align),
        None => Repr::Natural,
        Some(field) => {
            for field in &fields {
                if let Content::Member(index) = field.content {
                    if forces_alignment(unit, &record.members[index].ty)? {
                        bail!(
                            "field `{}` of {at} has an alignment, but the record must be packed",
                            field.name
                        );
                    }
                }
            }
            if record.align >= 8 || least < record.align {
                bail!(
                    "field `{}` of {at} at offset {} can't be laid out the same on all hosts (C aligns the record to {})",
                    field.name,
                    field.offset,
                    record.align
                );
            }
            for field in &fields {
                let Content::Member(index) = field.content else {
                    continue;
                };
                let (_, high) = alignment(unit, &record.members[index].ty);
                if field.offset % high.min(record.align) != 0 {
                    bail!(
                        "field `{}` of {at} stands at odd offset {}",
                        field.name,
                        field.offset
                    );
                }
            }
            Repr::Packed(record.align)
        }
    };
    debug_assert!(matches!(repr, Repr::Packed(_)) || greatest <= record.align);
    Ok(Plan { repr, fields, bits })
}

fn pad(fields: &mut Vec<Field>, from: u64, to: u64) {
    if from < to {
        fields.push(Field {
            name: format!("_pad_0x{from:02x}"),
            offset: from,
            content: Content::Padding(to - from),
        });
    }
}
