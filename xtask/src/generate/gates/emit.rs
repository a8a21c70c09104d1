//! The table as Rust.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

use super::read::{Absent, Answer, KINDS, PRIVILEGES, Release, Row, Span};
use super::words::sentence;
use crate::generate::emit::render;

/// Lists that many rows have in common, by their place.
struct Pool<T> {
    lists: Vec<Vec<T>>,
}

impl<T: Clone + PartialEq> Pool<T> {
    /// The empty list is the first.
    fn new() -> Self {
        Self {
            lists: vec![Vec::new()],
        }
    }

    fn place(&mut self, list: &[T]) -> Result<Literal> {
        let at = match self.lists.iter().position(|there| there == list) {
            Some(at) => at,
            None => {
                self.lists.push(list.to_vec());
                self.lists.len() - 1
            }
        };
        let at = u8::try_from(at).context("more than 256 different lists in a column")?;
        Ok(Literal::u8_unsuffixed(at))
    }

    fn emit(&self, name: &str, ty: &str, item: impl Fn(&T) -> TokenStream) -> TokenStream {
        let (name, ty) = (format_ident!("{name}"), format_ident!("{ty}"));
        let lists = self.lists.iter().map(|list| {
            let items = list.iter().map(&item);
            quote! { &[#(#items),*] }
        });
        quote! { pub(super) static #name: &[&[#ty]] = &[#(#lists),*]; }
    }
}

/// The text of the generated file.
///
/// # Errors
/// The rows need more lists than a byte can number.
pub fn generate(rows: &[Row]) -> Result<String> {
    let places: BTreeMap<&str, u16> = rows
        .iter()
        .zip(0..)
        .map(|(row, at)| (row.name.as_str(), at))
        .collect();
    let (mut spans, mut answers) = (Pool::new(), Pool::new());
    let (mut points, mut builds, mut vias) = (Pool::new(), Pool::new(), Pool::new());
    let mut gates = Vec::new();
    for row in rows {
        let parent = match &row.parent {
            Some(name) => {
                let at = Literal::u16_unsuffixed(places[name.as_str()]);
                quote! { #at }
            }
            None => quote! { TOP },
        };
        let kind = named(&KINDS, &row.kind);
        let privilege = match &row.privilege {
            Some(privilege) => named(&PRIVILEGES, privilege),
            None => format_ident!("None"),
        };
        let sticky = row.sticky;
        let mut span_places = |lists: &[Vec<Span>; 3]| -> Result<Vec<Literal>> {
            lists.iter().map(|list| spans.place(list)).collect()
        };
        let in_spans = span_places(&row.spans)?;
        let in_answers = row
            .absent
            .iter()
            .map(|list| answers.place(list))
            .collect::<Result<Vec<_>>>()?;
        let point = points.place(&row.points)?;
        let build = builds.place(&row.build)?;
        let via = vias.place(&row.via)?;
        gates.push(quote! {
            Gate::new(
                #parent, Kind::#kind, Privilege::#privilege, #sticky,
                [#(#in_spans),*], [#(#in_answers),*], [#point, #build, #via]
            )
        });
    }
    let count = Literal::usize_unsuffixed(rows.len());
    let constants = rows.iter().zip(0..).map(|(row, at)| {
        let (name, at) = (format_ident!("{}", row.name), Literal::u16_unsuffixed(at));
        let title = format!(" {}", title(row));
        quote! {
            #[doc = #title]
            #[doc = ""]
            #[doc = gate_row!(#name)]
            pub const #name: Self = Self(#at);
        }
    });
    let arms = rows.iter().map(|row| {
        let parent = row
            .parent
            .as_deref()
            .map(|name| &rows[usize::from(places[name])]);
        let (name, text) = (format_ident!("{}", row.name), sentence(row, parent));
        quote! { (#name) => { #text }; }
    });
    let hypercalls = rows
        .iter()
        .map(|row| u8::try_from(row.hypercall).map(Literal::u8_unsuffixed))
        .collect::<Result<Vec<_>, _>>()
        .context("the number of a hypercall")?;
    let numbers = rows.iter().map(|row| Literal::u32_unsuffixed(row.number));
    let names = rows.iter().map(|row| &row.name);
    let notes = rows.iter().map(|row| &row.note);
    let spans = spans.emit("SPANS", "Span", |s| span(*s));
    let answers = answers.emit("ANSWERS", "Answer", answer);
    let points = points.emit("BACKPORTS", "Release", |release| self::release(*release));
    let builds = builds.emit("BUILDS", "Build", |build| {
        let option = &build.option;
        let absent = absent(&build.answer.absent);
        let releases = span(build.answer.releases);
        let guest = match build.guest {
            Some(guest) => {
                let guest = format_ident!("{}", ["Pv", "Hvm", "Arm"][guest]);
                quote! { Some(Guest::#guest) }
            }
            None => quote! { None },
        };
        let needs = if option.starts_with("XENFEAT_") {
            let feature = format_ident!("{option}");
            quote! { Needs::Feature(Operation::#feature) }
        } else if option == "64-bit" {
            quote! { Needs::LongMode }
        } else {
            quote! { Needs::Option }
        };
        quote! {
            Build {
                option: #option, needs: #needs, guest: #guest, absent: #absent, releases: #releases
            }
        }
    });
    let vias = vias.emit("VIAS", "Way", |way| {
        let (name, releases) = (format_ident!("{}", way.name), span(way.releases));
        match way.releases {
            Span::ALL => quote! { Way::always(Operation::#name) },
            _ => quote! { Way { operation: Operation::#name, releases: #releases } },
        }
    });
    render(quote! {
        #![doc = " The table of gates, from `gates.csv`."]
        use super::gate::{Absent, Answer, Build, Gate, Kind, Needs, Operation, Privilege, TOP, Way};
        use super::{Guest, Release, Span};
        use xen_public::errno::Errno;

        /// A row of the table as a text for documentation: `#[doc = gate_row!(EVTCHNOP_send)]`.
        macro_rules! gate_row { #(#arms)* }

        impl Operation { #(#constants)* }

        const fn between(first: Release, end: Release) -> Span {
            Span { first, end: Some(end) }
        }
        const fn from(first: Release) -> Span {
            Span { first, end: None }
        }
        const fn release(major: u8, minor: u8, point: u8) -> Release {
            Release::new(major, minor, point)
        }
        const fn answer(absent: Absent, releases: Span) -> Answer {
            Answer { absent, releases }
        }

        pub(super) const HYPERCALLS: &[u8; #count] = &[#(#hypercalls),*];
        pub(super) const NUMBERS: &[u32; #count] = &[#(#numbers),*];
        pub(super) static NAMES: [&str; #count] = [#(#names),*];
        pub(super) static NOTES: [&str; #count] = [#(#notes),*];
        pub(super) static GATES: [Gate; #count] = [#(#gates),*];
        #spans
        #answers
        #points
        #builds
        #vias
    })
}

/// What the constant is, before what the row says.
fn title(row: &Row) -> String {
    let number = match row.kind.as_str() {
        "flag" => format!("{:#x}", row.number),
        _ => row.number.to_string(),
    };
    let what = match row.kind.as_str() {
        "hypercall" => return format!("Hypercall {number}, `{}`.", row.name),
        "op" => "Sub-op",
        "param" => "Parameter",
        "type" => "Type",
        "flag" => "Flag",
        "feature" => "Feature bit",
        "assist" => "Type",
        _ => "Reason",
    };
    let parent = row.parent.as_deref().unwrap_or_default();
    format!("{what} {number} of `{parent}`, `{}`.", row.name)
}

fn named(names: &[(&str, &str)], name: &str) -> proc_macro2::Ident {
    let found = names.iter().find(|(there, _)| *there == name);
    format_ident!("{}", found.expect("the reader knows it").1)
}

fn release(release: Release) -> TokenStream {
    let Release(major, minor, point) = release;
    let [major, minor, point] = [major, minor, point].map(Literal::u8_unsuffixed);
    quote! { release(#major, #minor, #point) }
}

fn span(span: Span) -> TokenStream {
    let first = release(span.first);
    match span.end.map(release) {
        Some(end) => quote! { between(#first, #end) },
        None => quote! { from(#first) },
    }
}

fn absent(absent: &Absent) -> TokenStream {
    match absent {
        Absent::Errno(errno) => {
            let errno = format_ident!("{errno}");
            quote! { Absent::Errno(Errno::#errno) }
        }
        Absent::FalseSuccess => quote! { Absent::FalseSuccess },
        Absent::Other(number) => {
            let number = Literal::u32_unsuffixed(*number);
            quote! { Absent::OtherHypercall(#number) }
        }
        Absent::Unseen => quote! { Absent::Unseen },
    }
}

fn answer(answer: &Answer) -> TokenStream {
    let (absent, releases) = (absent(&answer.absent), span(answer.releases));
    quote! { answer(#absent, #releases) }
}
