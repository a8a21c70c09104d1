//! Rust source from the model: one module per header, exact C names.

mod table;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

use super::model::{Alias, Constant, Item, Path, Record, Ty, Unit, Value};
use super::plan::{self, Content, Field, Plan, Repr};

/// A set of modules to write.
pub struct Emitter<'a> {
    /// What is emitted.
    pub unit: &'a Unit,
    /// All that the emitted types may mention.
    pub all: &'a Unit,
    /// The path of the root module of the types, such as `crate::abi::x86_64`.
    pub root: TokenStream,
    /// The types that stand elsewhere, with the root modules they have.
    pub homes: Homes,
    /// The root module of what is emitted, if not `root`.
    pub own: Option<TokenStream>,
    /// The types and constants that are named here and defined in another set, with its root module.
    pub shared: Homes,
    /// Whether the set is a toolstack's.
    pub toolstack: bool,
}

/// The root modules of types that stand in another set of modules.
pub type Homes = BTreeMap<Path, TokenStream>;

/// Generated files by path below the set's folder.
pub type Files = BTreeMap<String, String>;

/// A header's path as module names: `arch-x86/xen.h` is `arch_x86`, `xen`.
pub fn module_path(header: &str) -> Vec<String> {
    header
        .trim_end_matches(".h")
        .split('/')
        .map(|part| {
            let part = part.replace('-', "_");
            if part.starts_with(|c: char| c.is_ascii_digit()) {
                format!("_{part}")
            } else {
                part
            }
        })
        .collect()
}

/// An identifier that may be a keyword.
pub fn ident(name: &str) -> proc_macro2::Ident {
    match syn::parse_str::<syn::Ident>(name) {
        // A keyword since edition 2024, which syn does not count as one.
        Ok(ident) if name != "gen" => ident,
        _ => proc_macro2::Ident::new_raw(name, proc_macro2::Span::call_site()),
    }
}

fn number(value: u64) -> Literal {
    Literal::u64_unsuffixed(value)
}

fn int(bits: u64, signed: bool) -> proc_macro2::Ident {
    format_ident!("{}{}", if signed { 'i' } else { 'u' }, bits)
}

impl Emitter<'_> {
    /// An emitter of all that a unit has, with every type in the one set of modules.
    pub fn whole(unit: &Unit, root: TokenStream, toolstack: bool) -> Emitter<'_> {
        Emitter {
            unit,
            all: unit,
            root,
            homes: Homes::new(),
            own: None,
            shared: Homes::new(),
            toolstack,
        }
    }

    /// Writes all modules.
    ///
    /// # Errors
    /// A record that can't be represented: type and field.
    pub fn files(&self) -> Result<Files> {
        let mut files = Files::new();
        let mut folders: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        folders.entry(String::new()).or_default();
        for header in self.unit.headers.keys() {
            let modules = module_path(header);
            for depth in 0..modules.len() {
                let folder = modules[..depth].join("/");
                folders
                    .entry(folder)
                    .or_default()
                    .insert(modules[depth].clone());
            }
        }
        let children = |folder: &str| {
            let names = folders.get(folder).into_iter().flatten().map(|c| ident(c));
            quote! { #(pub mod #names;)* }
        };
        for (header, items) in &self.unit.headers {
            let file = module_path(header).join("/");
            // A header may share its name with a folder: `arch-arm.h` and `arch-arm/`.
            let inner = children(&file);
            let home = |item: &Item| {
                let path = Path {
                    header: header.clone(),
                    name: item.name().to_owned(),
                };
                self.shared
                    .get(&path)
                    .map(|root| (root.to_string(), root.clone()))
            };
            let mut tokens = TokenStream::new();
            let mut shared: BTreeMap<String, (TokenStream, BTreeSet<&str>)> = BTreeMap::new();
            let mut records = Vec::new();
            for item in items {
                if let Some((key, root)) = home(item) {
                    let (_, names) = shared.entry(key).or_insert((root, BTreeSet::new()));
                    names.insert(item.name());
                    continue;
                }
                tokens.extend(self.item(header, item)?);
                if let Item::Record(record) = item {
                    records.push(ident(&record.name));
                }
            }
            let modules: Vec<_> = module_path(header).iter().map(|m| ident(m)).collect();
            let uses = shared.values().map(|(root, names)| {
                let names = names.iter().map(|name| ident(name));
                quote! { #[doc(no_inline)] pub use #root #(::#modules)* ::{#(#names),*}; }
            });
            let plain = (!records.is_empty()).then(|| quote! { crate::plain! { #(#records)* } });
            let doc = format!(" `xen/include/public/{header}`.");
            let text = render(quote! { #![doc = #doc] #inner #(#uses)* #tokens #plain })?;
            files.insert(format!("{file}.rs"), text);
        }
        for folder in folders.keys() {
            if folder.is_empty() {
                let doc = format!(
                    " Xen {}, {}.",
                    self.unit.view.release,
                    self.unit.view.abi.module()
                );
                // Only the newest guest interface has older ones beside it.
                let compat =
                    (self.own.is_none() && !self.toolstack).then(|| quote! { pub mod compat; });
                let inner = children(folder);
                let text = render(
                    quote! { #![doc = #doc] #[cfg(feature = "layout")] pub mod layout; #compat #inner },
                )?;
                files.insert("mod.rs".into(), text);
            } else if let Entry::Vacant(file) = files.entry(format!("{folder}.rs")) {
                let doc = format!(
                    " Headers below `xen/include/public/{}`.",
                    folder.replace('_', "-")
                );
                let inner = children(folder);
                file.insert(render(quote! { #![doc = #doc] #inner })?);
            }
        }
        files.insert("layout.rs".into(), self.layout()?);
        Ok(files)
    }

    /// The path of a type from anywhere in the crate.
    fn full_path(&self, path: &Path) -> TokenStream {
        self.path_below(self.homes.get(path).unwrap_or(&self.root), path)
    }

    /// The path of something that is emitted.
    fn own_path(&self, path: &Path) -> TokenStream {
        self.path_below(self.own.as_ref().unwrap_or(&self.root), path)
    }

    fn path_below(&self, root: &TokenStream, path: &Path) -> TokenStream {
        let modules = module_path(&path.header).into_iter().map(|m| ident(&m));
        let name = ident(&path.name);
        quote! { #root #(::#modules)* ::#name }
    }

    /// A type as it is spelled in the module of `header`.
    fn ty(&self, header: Option<&str>, ty: &Ty) -> TokenStream {
        match ty {
            Ty::Int { bits, signed } => {
                let name = int(*bits, *signed);
                quote! { #name }
            }
            Ty::Pointer => {
                let name = int(self.unit.view.abi.pointer() * 8, false);
                quote! { #name }
            }
            Ty::Record(path) | Ty::Alias(path, _) => {
                let here = self.own.is_none() || self.unit.type_item(path).is_some();
                if header == Some(path.header.as_str()) && here {
                    let name = ident(&path.name);
                    quote! { #name }
                } else {
                    self.full_path(path)
                }
            }
            Ty::Array(of, length) => {
                let of = self.ty(header, of);
                let length = number(*length);
                quote! { [#of; #length] }
            }
            Ty::Flexible(of) => {
                let of = self.ty(header, of);
                quote! { [#of; 0] }
            }
            Ty::Handle(bytes, of) => {
                let handle = format_ident!("Handle{}", bytes * 8);
                let of = match of.as_ref() {
                    Ty::Void => quote! { core::ffi::c_void },
                    of => self.ty(header, of),
                };
                quote! { crate::handle::#handle<#of> }
            }
            Ty::Void => quote! { core::ffi::c_void },
        }
    }

    /// The value of a type whose bytes are all zero.
    fn zero(&self, header: &str, ty: &Ty) -> TokenStream {
        match ty.resolved() {
            Ty::Int { .. } | Ty::Pointer => quote! { 0 },
            Ty::Array(of, length) => {
                let of = self.zero(header, of);
                let length = number(*length);
                quote! { [#of; #length] }
            }
            Ty::Flexible(_) => quote! { [] },
            Ty::Handle(..) => {
                let ty = self.ty(Some(header), ty);
                quote! { <#ty>::ZERO }
            }
            other => {
                let ty = self.ty(Some(header), other);
                quote! { #ty::ZERO }
            }
        }
    }

    fn item(&self, header: &str, item: &Item) -> Result<TokenStream> {
        Ok(match item {
            Item::Record(record) => self.record(header, record)?,
            Item::Alias(alias) => self.alias(header, alias),
            Item::Constant(constant) => self.constant(header, constant),
        })
    }

    fn alias(&self, header: &str, alias: &Alias) -> TokenStream {
        let name = ident(&alias.name);
        let ty = self.ty(Some(header), &alias.ty);
        let doc = format!(" `{}`, `{header}`, {}.", alias.c, bytes(alias.size));
        quote! { #[doc = #doc] pub type #name = #ty; }
    }

    fn constant(&self, header: &str, constant: &Constant) -> TokenStream {
        let name = ident(&constant.name);
        let (ty, value) = literal(constant);
        let doc = match &constant.value {
            Value::Int { .. } => {
                format!(" `{}`, `{header}`, `{}`.", constant.name, constant.c_type)
            }
            Value::Str(text) => {
                format!(
                    " `{}`, `{header}`, string of {}.",
                    constant.name,
                    bytes(text.len() as u64)
                )
            }
        };
        quote! { #[doc = #doc] pub const #name: #ty = #value; }
    }

    fn record(&self, header: &str, record: &Record) -> Result<TokenStream> {
        let path = Path {
            header: header.to_owned(),
            name: record.name.clone(),
        };
        let plan = plan::plan(self.all, record, &path)?;
        let name = ident(&record.name);
        let repr = repr_tokens(plan.repr);
        let keyword = if record.union {
            quote! { union }
        } else {
            quote! { struct }
        };
        let doc = format!(
            " `{}`, `{header}`, {}.",
            c_spelling(record),
            bytes(record.size)
        );
        let union = self.all.has_union(&Ty::Record(path));
        let traits = (!union).then(|| {
            quote! { #[cfg_attr(feature = "extra-traits", derive(Debug, PartialEq, Eq))] }
        });
        // A flexible tail inside the padding leaves a hole that `IntoBytes` can't allow.
        let into_bytes = (!union && !self.flexible_in_padding(record, &plan))
            .then(|| quote! { zerocopy::IntoBytes, });
        let zerocopy = quote! {
            #[cfg_attr(
                feature = "zerocopy-generated",
                derive(zerocopy::FromBytes, #into_bytes zerocopy::Immutable, zerocopy::KnownLayout)
            )]
        };
        let fields = plan.fields.iter().map(|field| {
            let name = ident(&field.name);
            let ty = self.field_type(Some(header), record, field);
            quote! { pub #name: #ty }
        });
        let zero = if record.union {
            let size = number(record.size);
            quote! { _bytes: [0; #size] }
        } else {
            let inits = plan.fields.iter().map(|field| {
                let name = ident(&field.name);
                let value = match &field.content {
                    Content::Member(index) => self.zero(header, &record.members[*index].ty),
                    Content::Padding(_) => quote! { crate::pad::Pad::ZERO },
                    Content::Storage(_) => quote! { 0 },
                    Content::Bytes(n) | Content::ByteStorage(n) => {
                        let n = number(*n);
                        quote! { [0; #n] }
                    }
                };
                quote! { #name: #value }
            });
            quote! { #(#inits),* }
        };
        let zero_doc = match record.union {
            true => " All bytes zero. Assign a field afterwards: the bytes beyond it stay zero.",
            false => " All bytes zero.",
        };
        let accessors = self.accessors(&plan);
        Ok(quote! {
            #[doc = #doc]
            #repr
            #traits
            #zerocopy
            pub #keyword #name { #(#fields),* }
            impl #name {
                #[doc = #zero_doc]
                pub const ZERO: Self = Self { #zero };
                #accessors
            }
        })
    }

    fn flexible_in_padding(&self, record: &Record, plan: &Plan) -> bool {
        plan.fields.iter().any(|field| match &field.content {
            Content::Member(index) => {
                let member = &record.members[*index];
                matches!(member.ty.resolved(), Ty::Flexible(_)) && field.offset != record.size
            }
            _ => false,
        })
    }

    fn field_type(&self, header: Option<&str>, record: &Record, field: &Field) -> TokenStream {
        match &field.content {
            Content::Member(index) => self.ty(header, &record.members[*index].ty),
            Content::Padding(n) => {
                let n = number(*n);
                quote! { crate::pad::Pad<#n> }
            }
            Content::Bytes(n) | Content::ByteStorage(n) => {
                let n = number(*n);
                quote! { [u8; #n] }
            }
            Content::Storage(bits) => {
                let ty = int(*bits, false);
                quote! { #ty }
            }
        }
    }

    fn accessors(&self, plan: &Plan) -> TokenStream {
        let mut tokens = TokenStream::new();
        for bits in &plan.bits {
            let storage = &plan.fields[bits.storage];
            let field = ident(&storage.name);
            let get = ident(&bits.name);
            let set = format_ident!("set_{}", bits.name);
            let value_bits = [8, 16, 32, 64]
                .into_iter()
                .find(|n| bits.width <= *n)
                .unwrap_or(64);
            let value = int(value_bits, false);
            let shift = number(bits.bit - storage.offset * 8);
            let width = number(bits.width);
            let (get_doc, set_doc) = match bits.width {
                1 => (
                    format!(" Bit {} of the record.", bits.bit),
                    format!(" Sets `{}` to the lowest bit of the value.", bits.name),
                ),
                width => (
                    format!(
                        " Bits {} to {} of the record.",
                        bits.bit,
                        bits.bit + width - 1
                    ),
                    format!(
                        " Sets `{}` to the lowest {width} bits of the value.",
                        bits.name
                    ),
                ),
            };
            let (read, write) = match storage.content {
                Content::Storage(storage_bits) => {
                    let word = int(storage_bits, false);
                    let mask = Literal::u64_unsuffixed(u64::MAX >> (64 - bits.width));
                    (
                        quote! { ((self.#field >> #shift) & #mask) as #value },
                        quote! {
                            let mask: #word = #mask << #shift;
                            self.#field = (self.#field & !mask) | (((value as #word) << #shift) & mask);
                        },
                    )
                }
                _ => (
                    quote! { crate::bits::get(&self.#field, #shift, #width) as #value },
                    quote! { crate::bits::set(&mut self.#field, #shift, #width, value as u64); },
                ),
            };
            tokens.extend(quote! {
                #[doc = #get_doc]
                #[inline]
                #[must_use]
                pub const fn #get(&self) -> #value { #read }
                #[doc = #set_doc]
                #[inline]
                pub const fn #set(&mut self, value: #value) { #write }
            });
        }
        tokens
    }
}

fn c_spelling(record: &Record) -> String {
    let kind = if record.union { "union" } else { "struct" };
    if !record.named {
        return format!("nameless {kind} in {}", shorten(&record.c));
    }
    shorten(&record.c)
}

/// `__typeof__(((struct a *)0)->u.b)` as a person would say it: `struct a.u.b`.
fn shorten(c: &str) -> String {
    let inner = c
        .strip_prefix("__typeof__(((")
        .and_then(|c| c.strip_suffix(')'));
    match inner.and_then(|inner| inner.rsplit_once(" *)0)->")) {
        // What is named this way may stand in something that is, too.
        Some((parent, member)) => format!("{}.{}", shorten(parent), member.replace("[0]", "[]")),
        None => c.to_owned(),
    }
}

fn bytes(n: u64) -> String {
    if n == 1 {
        "1 byte".into()
    } else {
        format!("{n} bytes")
    }
}

fn repr_tokens(repr: Repr) -> TokenStream {
    match repr {
        Repr::Natural => quote! { #[repr(C)] },
        Repr::Align(n) => {
            let n = number(n);
            quote! { #[repr(C, align(#n))] }
        }
        Repr::Packed(n) => {
            let n = number(n);
            quote! { #[repr(C, packed(#n))] }
        }
    }
}

fn literal(constant: &Constant) -> (TokenStream, TokenStream) {
    match &constant.value {
        Value::Str(text) => (quote! { &str }, quote! { #text }),
        Value::Int {
            value,
            bits,
            signed,
        } => {
            let ty = int(*bits, *signed);
            let magnitude = value.unsigned_abs();
            let text = if constant.hex {
                format!("{magnitude:#x}")
            } else {
                magnitude.to_string()
            };
            let digits: Literal = text.parse().expect("digits are a literal");
            let sign = (*value < 0).then(|| quote! { - });
            (quote! { #ty }, quote! { #sign #digits })
        }
    }
}

/// Tokens as a formatted file.
///
/// # Errors
/// The tokens are no Rust file.
pub fn render(tokens: TokenStream) -> Result<String> {
    let file = syn::parse2(tokens).context("generated code does not parse")?;
    let text = prettyplease::unparse(&file);
    Ok(format!(
        "// Generated by `cargo xtask generate`; not to be edited.\n{text}"
    ))
}
