//! The layout tables: the same figures for tools, taken from the compiled types.

use anyhow::Result;
use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

use super::{Emitter, ident, number, render};
use crate::generate::model::{Item, Path, Record, Ty, Value};
use crate::generate::plan::{self, Content, Repr};

impl Emitter<'_> {
    pub(super) fn layout(&self) -> Result<String> {
        let mut records = TokenStream::new();
        let mut aliases = TokenStream::new();
        let mut constants = TokenStream::new();
        for (header, items) in &self.unit.headers {
            for item in items {
                let name = item.name();
                let path = self.own_path(&Path {
                    header: header.clone(),
                    name: name.to_owned(),
                });
                match item {
                    Item::Record(record) => {
                        records.extend(self.layout_record(header, record, &path)?);
                    }
                    Item::Alias(alias) => {
                        let c = &alias.c;
                        let ty = self.ty(None, &alias.ty).to_string();
                        let ty = spelled(&ty);
                        aliases.extend(quote! {
                            Alias { name: #name, header: #header, c: #c, ty: #ty, size: size_of::<#path>() },
                        });
                    }
                    Item::Constant(constant) => {
                        let variant = match &constant.value {
                            Value::Int { bits, signed, .. } => {
                                format_ident!("{}{}", if *signed { 'I' } else { 'U' }, bits)
                            }
                            Value::Str(_) => format_ident!("Str"),
                        };
                        constants.extend(quote! {
                            Constant { name: #name, header: #header, value: Value::#variant(#path) },
                        });
                    }
                }
            }
        }
        let abi = self.unit.view.abi.module();
        let release = self.unit.view.release.0;
        let toolstack = self.toolstack;
        let interface = match self.unit.view.interface {
            Some(version) => {
                let version: Literal = format!("{version:#010x}").parse().expect("a literal");
                quote! { Some(#version) }
            }
            None => quote! { None },
        };
        render(quote! {
            #![doc = " The layout of every type of this ABI, as compiled."]
            #[allow(unused_imports)]
            use core::mem::offset_of;
            #[allow(unused_imports)]
            use crate::layout::types::{Alias, Bitfield, Constant, Field, Kind, Record, Tables, Value};
            #[doc = " The tables of this ABI."]
            pub static TABLES: Tables = Tables {
                abi: #abi,
                release: #release,
                toolstack: #toolstack,
                interface: #interface,
                records: RECORDS,
                aliases: ALIASES,
                constants: CONSTANTS,
            };
            static RECORDS: &[Record] = &[#records];
            static ALIASES: &[Alias] = &[#aliases];
            static CONSTANTS: &[Constant] = &[#constants];
        })
    }

    fn layout_record(
        &self,
        header: &str,
        record: &Record,
        path: &TokenStream,
    ) -> Result<TokenStream> {
        let own = Path {
            header: header.to_owned(),
            name: record.name.clone(),
        };
        let plan = plan::plan(self.all, record, &own)?;
        let name = &record.name;
        let kind = if record.union {
            quote! { Kind::Union }
        } else {
            quote! { Kind::Struct }
        };
        let repr = match plan.repr {
            Repr::Natural => "C".to_owned(),
            Repr::Align(n) => format!("C, align({n})"),
            Repr::Packed(n) => format!("C, packed({n})"),
        };
        let c = &record.c;
        let named = record.named;
        let steps = record.base.iter().map(|(parent, field)| {
            let parent = self.own_path(&Path {
                header: header.to_owned(),
                name: parent.clone(),
            });
            let field = ident(field);
            quote! { + offset_of!(#parent, #field) }
        });
        let fields = plan.fields.iter().map(|field| {
            let ident = ident(&field.name);
            let field_name = &field.name;
            let ty = self.field_type(None, record, field);
            let spelling = spelled(&ty.to_string());
            let (c, inner) = match &field.content {
                Content::Member(index) => {
                    let member = &record.members[*index];
                    let c = if member.nameless {
                        String::new()
                    } else {
                        format!("{}{}", record.prefix, member.name)
                    };
                    (c, record_name(&member.ty))
                }
                _ => (String::new(), String::new()),
            };
            quote! {
                Field {
                    name: #field_name,
                    ty: #spelling,
                    c: #c,
                    offset: offset_of!(#path, #ident),
                    size: size_of::<#ty>(),
                    record: #inner,
                }
            }
        });
        let bits = plan.bits.iter().map(|b| {
            let name = &b.name;
            let c = format!("{}{}", record.prefix, b.name);
            let storage = &plan.fields[b.storage].name;
            let bit = number(b.bit);
            let width = number(b.width);
            quote! { Bitfield { name: #name, c: #c, storage: #storage, bit: #bit, width: #width } }
        });
        Ok(quote! {
            Record {
                name: #name,
                header: #header,
                kind: #kind,
                repr: #repr,
                size: size_of::<#path>(),
                align: align_of::<#path>(),
                c: #c,
                named: #named,
                base: 0 #(#steps)*,
                fields: &[#(#fields),*],
                bitfields: &[#(#bits),*],
            },
        })
    }
}

fn record_name(ty: &Ty) -> String {
    match ty.resolved() {
        Ty::Record(path) => path.name.clone(),
        Ty::Array(of, _) | Ty::Flexible(of) => record_name(of),
        _ => String::new(),
    }
}

/// A type's tokens as a person writes them, its paths cut to their last part.
fn spelled(tokens: &str) -> String {
    let text = tokens
        .replace(" ; ", "; ")
        .replace(' ', "")
        .replace(';', "; ");
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars() {
        if c.is_alphanumeric() || c == '_' || c == '#' {
            word.push(c);
        } else if c == ':' {
            word.clear();
        } else {
            out += &word;
            word.clear();
            out.push(c);
        }
    }
    out + &word
}
