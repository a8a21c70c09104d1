//! bindgen's output, read: records with their fields and bitfields, aliases and constants, by name.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use quote::ToTokens;
use syn::visit::Visit;

/// All that one output declares.
#[derive(Clone, Debug, Default)]
pub struct Module {
    /// Structs and unions.
    pub records: BTreeMap<String, Record>,
    /// Typedefs and enums.
    pub aliases: BTreeMap<String, String>,
    /// Object-like macros and enumerators.
    pub constants: BTreeMap<String, Value>,
}

/// A struct or union.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Fields that C declares, in order.
    pub fields: Vec<Field>,
    /// The members of bitfields.
    pub bits: Vec<Bits>,
    /// Whether C only declares it.
    pub opaque: bool,
    /// bindgen's own asserts on it, as they are written.
    pub layout: String,
}

/// A field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name as bindgen writes it.
    pub rust: String,
    /// C's name; `None` if C gives it none.
    pub c: Option<String>,
    /// The type, as it is written.
    pub ty: String,
    /// The record that is the type or its array element, if it is one.
    pub record: Option<String>,
}

/// A member of a bitfield.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bits {
    /// C's name.
    pub c: String,
    /// The field that holds it.
    pub unit: String,
    /// Its first bit in that field.
    pub bit: usize,
    /// Its width.
    pub width: usize,
}

/// A constant's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number, with the sign that bindgen's type gives it.
    Number(i128),
    /// A string without its NUL.
    Text(Vec<u8>),
}

/// The names that bindgen makes up for what C does not name.
fn is_made_up(name: &str) -> bool {
    ["__Bindgen", "__Incomplete", "_bindgen_ty_"]
        .iter()
        .any(|start| name.starts_with(start))
}

/// Fields that C does not declare.
fn is_filling(name: &str) -> bool {
    [
        "_bitfield_",
        "_bindgen_align",
        "__bindgen_padding_",
        "__bindgen_align",
    ]
    .iter()
    .any(|start| name.starts_with(start))
        || name == "bindgen_union_field"
}

/// Names that bindgen changes beside Rust's keywords.
const CHANGED: [&str; 16] = [
    "gen", "bool", "str", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64",
    "i128", "isize", "f64",
];

/// C's name for an identifier that bindgen had to change: `type_` is `type`.
fn c_name(rust: &str) -> String {
    let changed =
        |word: &str| CHANGED.contains(&word) || syn::parse_str::<syn::Ident>(word).is_err();
    match rust.strip_suffix('_') {
        Some(word) if changed(word) => word.to_owned(),
        _ => rust.to_owned(),
    }
}

impl Module {
    /// Reads an output.
    ///
    /// # Errors
    /// It is no Rust file, or holds something that bindgen is not known to write.
    pub fn parse(text: &str) -> Result<Self> {
        let file = syn::parse_file(text).context("bindgen's output does not parse")?;
        let mut module = Self::default();
        for item in &file.items {
            match item {
                syn::Item::Struct(item) => module.record(&item.ident, &item.fields),
                syn::Item::Union(item) => {
                    module.record(&item.ident, &syn::Fields::Named(item.fields.clone()));
                }
                syn::Item::Type(item) => {
                    let name = item.ident.to_string();
                    let ty = item.ty.to_token_stream().to_string();
                    module.aliases.insert(name, ty);
                }
                syn::Item::Const(item) if item.ident == "_" => {}
                syn::Item::Const(item) => {
                    let name = item.ident.to_string();
                    let value = value(&item.expr).with_context(|| format!("constant `{name}`"))?;
                    module.constants.insert(c_name(&name), value);
                }
                // A typedef of an enum: `pub use self::tag as name;`.
                syn::Item::Use(item) => module.renamed(item)?,
                syn::Item::Impl(_) => {}
                other => bail!("bindgen wrote an unknown item: {}", other.to_token_stream()),
            }
        }
        // Bitfields and asserts come after their record.
        for item in &file.items {
            match item {
                syn::Item::Impl(item) if item.trait_.is_none() => module.accessors(item)?,
                syn::Item::Const(item) if item.ident == "_" => module.layout(item),
                _ => {}
            }
        }
        module.records.retain(|name, _| !is_made_up(name));
        module.aliases.retain(|name, _| !is_made_up(name));
        Ok(module)
    }

    fn record(&mut self, name: &syn::Ident, fields: &syn::Fields) {
        let mut record = Record::default();
        for field in fields {
            let Some(ident) = &field.ident else { continue };
            let rust = ident.to_string();
            if !is_filling(&rust) {
                let nameless = rust.starts_with("__bindgen_anon_");
                let (ty, inner) = field_type(&field.ty);
                record.fields.push(Field {
                    c: (!nameless).then(|| c_name(&rust)),
                    rust,
                    ty,
                    record: inner,
                });
            }
        }
        // What C only declares is `_unused: [u8; 0]` and nothing else.
        record.opaque = matches!(record.fields.as_slice(),
            [only] if only.rust == "_unused" && only.ty.starts_with("[u8 ; 0"));
        self.records.insert(name.to_string(), record);
    }

    fn renamed(&mut self, item: &syn::ItemUse) -> Result<()> {
        if let syn::UseTree::Path(path) = &item.tree {
            if let (true, syn::UseTree::Rename(tree)) = (path.ident == "self", &*path.tree) {
                let (name, of) = (tree.rename.to_string(), tree.ident.to_string());
                self.aliases.insert(name, of);
                return Ok(());
            }
        }
        bail!("bindgen wrote an unknown `{}`", item.to_token_stream())
    }

    /// The getters of bitfields: each names its unit, first bit and width.
    fn accessors(&mut self, item: &syn::ItemImpl) -> Result<()> {
        let name = item.self_ty.to_token_stream().to_string();
        let Some(record) = self.records.get_mut(&name) else {
            return Ok(());
        };
        for function in &item.items {
            let syn::ImplItem::Fn(function) = function else {
                continue;
            };
            let mut getter = Getter::default();
            getter.visit_block(&function.block);
            let inputs = function.sig.inputs.len();
            let whole = function.sig.receiver().is_some() && inputs == 1;
            if let (true, Some((unit, bit, width))) = (whole, getter.found) {
                record.bits.push(Bits {
                    c: c_name(&function.sig.ident.to_string()),
                    unit,
                    bit,
                    width,
                });
            }
        }
        let holds = record.bits.len();
        let text = item.to_token_stream().to_string();
        if text.contains("_bitfield_") && holds == 0 {
            bail!("the bitfields of `{name}` are written in an unknown way");
        }
        Ok(())
    }

    fn layout(&mut self, item: &syn::ItemConst) {
        let text = item.expr.to_token_stream().to_string();
        // The first assert is on the size, and names the record in a text.
        let named = text.split("\"Size of ").nth(1);
        let name = named.and_then(|rest| rest.split('"').next());
        if let Some(record) = name.and_then(|name| self.records.get_mut(name)) {
            record.layout = text;
        }
    }
}

/// Looks for `self._bitfield_N.get_const::<BIT, WIDTH>()` or `self._bitfield_N.get(BIT, WIDTH)`.
#[derive(Default)]
struct Getter {
    found: Option<(String, usize, usize)>,
}

impl<'ast> Visit<'ast> for Getter {
    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let numbers: Vec<usize> = match (call.method.to_string().as_str(), &call.turbofish) {
            ("get_const", Some(arguments)) => arguments
                .args
                .iter()
                .filter_map(|argument| match argument {
                    syn::GenericArgument::Const(expr) => number(expr),
                    _ => None,
                })
                .collect(),
            ("get", None) => call.args.iter().filter_map(number).collect(),
            _ => Vec::new(),
        };
        if let (syn::Expr::Field(field), [bit, width]) = (&*call.receiver, numbers.as_slice()) {
            let unit = field.member.to_token_stream().to_string();
            self.found = Some((unit, *bit, *width));
        }
        syn::visit::visit_expr_method_call(self, call);
    }
}

fn number(expr: &syn::Expr) -> Option<usize> {
    match expr {
        syn::Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Int(int),
            ..
        }) => int.base10_parse().ok(),
        _ => None,
    }
}

/// A field's type as it is written, without bindgen's wrappers, and the record in it.
fn field_type(ty: &syn::Type) -> (String, Option<String>) {
    let inner = match ty {
        syn::Type::Array(array) => field_type(&array.elem).1,
        syn::Type::Path(path) => {
            let last = path.path.segments.last();
            if let Some(wrapped) = last.filter(|s| s.ident == "__BindgenUnionField") {
                if let syn::PathArguments::AngleBracketed(arguments) = &wrapped.arguments {
                    if let Some(syn::GenericArgument::Type(inner)) = arguments.args.first() {
                        return field_type(inner);
                    }
                }
            }
            let flexible = last.filter(|s| s.ident == "__IncompleteArrayField");
            match flexible.map(|s| &s.arguments) {
                Some(syn::PathArguments::AngleBracketed(arguments)) => {
                    match arguments.args.first() {
                        Some(syn::GenericArgument::Type(inner)) => field_type(inner).1,
                        _ => None,
                    }
                }
                _ => last.map(|s| s.ident.to_string()),
            }
        }
        _ => None,
    };
    (ty.to_token_stream().to_string(), inner)
}

fn value(expr: &syn::Expr) -> Result<Value> {
    Ok(match expr {
        syn::Expr::Lit(syn::ExprLit { lit, .. }) => match lit {
            syn::Lit::Int(int) => Value::Number(int.base10_parse()?),
            syn::Lit::ByteStr(text) => {
                let mut bytes = text.value();
                if bytes.pop() != Some(0) {
                    bail!("a string without its NUL");
                }
                Value::Text(bytes)
            }
            other => bail!("{} is no known value", other.to_token_stream()),
        },
        syn::Expr::Unary(syn::ExprUnary {
            op: syn::UnOp::Neg(_),
            expr,
            ..
        }) => match value(expr)? {
            Value::Number(number) => Value::Number(-number),
            Value::Text(_) => bail!("the negative of a string"),
        },
        other => bail!("{} is no known value", other.to_token_stream()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_lose_what_bindgen_adds() {
        let module = Module::parse(
            "pub struct __BindgenBitfieldUnit<S> { storage: S }
             pub struct a { pub type_: u8, pub __bindgen_padding_0: [u8; 3], pub list: [b; 2],
                            pub __bindgen_anon_1: a__bindgen_ty_1, pub _bindgen_align: [u32; 0],
                            pub _bitfield_1: __BindgenBitfieldUnit<[u8; 4]>, pub tail_: u8 }
             const _: () = { [\"Size of a\"][size_of::<a>() - 8usize]; };
             impl a {
                 pub fn low(&self) -> u8 { self._bitfield_1.get_const::<3usize, 5u8>() as u8 }
                 pub fn set_low(&mut self, val: u8) { self._bitfield_1.set_const::<3usize, 5u8>(val) }
                 pub unsafe fn low_raw(this: *const Self) -> u8 { raw(this) }
             }
             pub struct c { _unused: [u8; 0] }
             pub use self::e as f;
             pub union d { pub x: __BindgenUnionField<e>, pub y: __IncompleteArrayField<e> }",
        )
        .unwrap();
        assert_eq!(module.records.len(), 3);
        let a = &module.records["a"];
        let names: Vec<_> = a.fields.iter().map(|f| f.c.as_deref()).collect();
        assert_eq!(names, [Some("type"), Some("list"), None, Some("tail_")]);
        assert_eq!(a.fields[1].record.as_deref(), Some("b"));
        assert!(a.layout.contains("8usize"));
        let low = Bits {
            c: "low".into(),
            unit: "_bitfield_1".into(),
            bit: 3,
            width: 5,
        };
        assert_eq!(a.bits, [low]);
        assert!(module.records["c"].opaque);
        assert_eq!(module.aliases["f"], "e");
        let d = &module.records["d"].fields;
        assert_eq!((d[0].ty.as_str(), d[0].record.as_deref()), ("e", Some("e")));
        assert_eq!(d[1].record.as_deref(), Some("e"));
    }

    #[test]
    fn constants_are_numbers_and_texts() {
        let module = Module::parse(
            "pub const A: u32 = 5; pub const B: i64 = -9; pub const C: &[u8; 3] = b\"ab\\0\";",
        )
        .unwrap();
        assert_eq!(module.constants["B"], Value::Number(-9));
        assert_eq!(module.constants["C"], Value::Text(b"ab".to_vec()));
        assert!(Module::parse("pub const D: f64 = 1.5;").is_err());
    }
}
