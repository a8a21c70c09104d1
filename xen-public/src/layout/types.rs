//! What the tables are made of. The generated tables stand on this alone.

/// The tables of one ABI, or of one ABI of one toolstack release.
#[derive(Clone, Copy, Debug)]
pub struct Tables {
    /// The ABI's module name: `x86_32`, `x86_64`, `arm32` or `arm64`.
    pub abi: &'static str,
    /// The vendored release the types come from, such as `4.20`.
    pub release: &'static str,
    /// Whether these are the types behind `__XEN_TOOLS__` (module `toolstack`).
    pub toolstack: bool,
    /// The interface version the headers were read at; `None` is the newest of the release. Tables of an
    /// older one hold only what is not the same in the newest (module `compat`).
    pub interface: Option<u32>,
    /// Structs and unions, by header and place in it.
    pub records: &'static [Record],
    /// Typedefs, enums and guest handles.
    pub aliases: &'static [Alias],
    /// Object-like macros and enumerators.
    pub constants: &'static [Constant],
}

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A C `struct`.
    Struct,
    /// A C `union`.
    Union,
}

/// A struct or union.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    /// The Rust name: C's tag or typedef, or the name made for an anonymous record.
    pub name: &'static str,
    /// The header below `xen/include/public`, such as `io/blkif.h`.
    pub header: &'static str,
    /// Struct or union.
    pub kind: Kind,
    /// The `repr` it is compiled with, such as `C, packed(4)`.
    pub repr: &'static str,
    /// `size_of` in bytes.
    pub size: usize,
    /// `align_of` in bytes.
    pub align: usize,
    /// A C type expression: this record's own if C can name it, else that of the nearest record around
    /// it that C can name.
    pub c: &'static str,
    /// Whether `c` names this record itself.
    pub named: bool,
    /// Where this record begins in `c`, in bytes; 0 if `named`.
    pub base: usize,
    /// Fields in order, padding included.
    pub fields: &'static [Field],
    /// The members of the bitfields that integer fields stand for.
    pub bitfields: &'static [Bitfield],
}

/// A field of a record.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The Rust name.
    pub name: &'static str,
    /// The Rust type as it is written in the source.
    pub ty: &'static str,
    /// The C member designator within [`Record::c`]; empty for what C does not name (padding, the bytes
    /// of a union, the integer around bitfields, a nameless member).
    pub c: &'static str,
    /// Offset within this record, in bytes.
    pub offset: usize,
    /// Size in bytes; 0 for a flexible array.
    pub size: usize,
    /// The record that is the field's type or its array element, by Rust name; empty if it is none.
    pub record: &'static str,
}

/// A member of a C bitfield.
#[derive(Clone, Copy, Debug)]
pub struct Bitfield {
    /// C's name, which the accessor carries too.
    pub name: &'static str,
    /// The C member designator within [`Record::c`].
    pub c: &'static str,
    /// The integer field that holds it.
    pub storage: &'static str,
    /// Its first bit, counted from the record's first bit in the order of a little-endian machine.
    pub bit: usize,
    /// Its width in bits.
    pub width: usize,
}

/// A name for an integer, an array, a record or a guest handle.
#[derive(Clone, Copy, Debug)]
pub struct Alias {
    /// The name, C's own.
    pub name: &'static str,
    /// The header below `xen/include/public`.
    pub header: &'static str,
    /// The C type expression: the name, or `enum name`.
    pub c: &'static str,
    /// The Rust type it stands for, as it is written in the source.
    pub ty: &'static str,
    /// `size_of` in bytes.
    pub size: usize,
}

/// An object-like macro or an enumerator.
#[derive(Clone, Copy, Debug)]
pub struct Constant {
    /// The name, C's own.
    pub name: &'static str,
    /// The header below `xen/include/public`.
    pub header: &'static str,
    /// The value, in a variant that says what Rust type the constant has.
    pub value: Value,
}

/// A constant's value with its Rust type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// C's `int`, and `long` where it has 32 bits.
    I32(i32),
    /// C's `unsigned int`, and `unsigned long` where it has 32 bits.
    U32(u32),
    /// C's `long long`, and `long` where it has 64 bits.
    I64(i64),
    /// C's `unsigned long long`, and `unsigned long` where it has 64 bits.
    U64(u64),
    /// C's `uint8_t`.
    U8(u8),
    /// C's `uint16_t`.
    U16(u16),
    /// A string, without C's closing NUL.
    Str(&'static str),
}

impl Value {
    /// The value as a number that holds any of them; `None` for a string.
    #[must_use]
    pub const fn as_i128(self) -> Option<i128> {
        Some(match self {
            Self::I32(v) => v as i128,
            Self::U32(v) => v as i128,
            Self::I64(v) => v as i128,
            Self::U64(v) => v as i128,
            Self::U8(v) => v as i128,
            Self::U16(v) => v as i128,
            Self::Str(_) => return None,
        })
    }

    /// The Rust type: `i32`, `u64`, `&str` and so on.
    #[must_use]
    pub const fn type_name(self) -> &'static str {
        match self {
            Self::I32(_) => "i32",
            Self::U32(_) => "u32",
            Self::I64(_) => "i64",
            Self::U64(_) => "u64",
            Self::U8(_) => "u8",
            Self::U16(_) => "u16",
            Self::Str(_) => "&str",
        }
    }
}
