//! What the sources of the published crates declare, and under which C names rustdoc's search finds it.
//!
//! The compiler tells whether a path exists ([`probe`](super::probe)), but not which `#[doc(alias)]` the
//! item carries, and `use` reaches no associated function. Here the hand-written modules are parsed, and a
//! path is followed through `pub mod`, `pub use` and `impl` blocks to the item that it means. Of what a
//! macro of ours makes, only a type is seen that the call begins with, after attributes; the generated modules, whose doc lines [`docs`](super::docs) looks at, are
//! not read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ImplItem, Item, Lit, Meta, Token, TraitItem, UseTree, Visibility};

use crate::tool;

/// The published crates: name in paths, and the file of the root module.
const CRATES: [(&str, &str); 2] = [
    ("xen_abi", "src/lib.rs"),
    ("xen_public", "xen-public/src/lib.rs"),
];

/// Modules of generated files.
const GENERATED: [&str; 2] = ["xen_public::abi", "xen_public::toolstack"];

/// A chain of re-exports longer than this is taken for a circle.
const MOST_STEPS: u32 = 16;

/// The declarations of some crates, by the path of the module, crate first.
#[derive(Debug, Default)]
pub struct Source {
    modules: BTreeMap<Vec<String>, Module>,
}

#[derive(Debug, Default)]
struct Module {
    items: BTreeMap<String, Vec<Declared>>,
    uses: Vec<Use>,
    impls: Vec<(Vec<String>, Members)>,
}

type Members = BTreeMap<String, BTreeSet<String>>;

/// An item of a module.
#[derive(Debug, Default)]
struct Declared {
    public: bool,
    module: bool,
    aliases: BTreeSet<String>,
    /// Its variants, associated functions and constants that others may use, with their aliases.
    members: Members,
}

#[derive(Debug)]
struct Use {
    public: bool,
    /// The name it gives; a glob gives all.
    name: Option<String>,
    path: Vec<String>,
}

/// Where an item is declared: module, name, and which of the items of that name.
type Place = (Vec<String>, String, usize);

impl Source {
    /// Reads the published crates.
    ///
    /// # Errors
    /// A file can't be read or parsed.
    pub fn read() -> Result<Self> {
        let mut source = Self::default();
        for (name, root) in CRATES {
            source.add(name, &tool::root().join(root))?;
        }
        source.attach_impls();
        Ok(source)
    }

    /// A crate `xen_abi` of which this text is all.
    #[cfg(test)]
    pub(super) fn of(text: &str) -> Self {
        let file = syn::parse_file(text).expect("Rust");
        let mut source = Self::default();
        let root = vec!["xen_abi".to_owned()];
        source
            .module(root, file.items, Path::new("no such folder"))
            .expect("modules within the text");
        source.attach_impls();
        source
    }

    /// Reads one crate from the file of its root module.
    fn add(&mut self, name: &str, root: &Path) -> Result<()> {
        let file = parse(root)?;
        let dir = root.parent().context("a root module without a folder")?;
        self.module(vec![name.to_owned()], file.items, dir)?;
        Ok(())
    }

    /// What is wrong with a path that should lead to an item with this name or alias; `None` if nothing
    /// is.
    pub fn wrong(&self, path: &str, alias: &str) -> Option<String> {
        let segments: Vec<String> = path.split("::").map(str::to_owned).collect();
        let aliases = match self.aliases(&segments) {
            found if found.is_empty() => return Some(format!("`{path}` does not exist")),
            found => found,
        };
        let own_name = segments.last().is_some_and(|name| name == alias);
        let carried = own_name || aliases.iter().any(|carried| carried.contains(alias));
        (!carried).then(|| format!("`{path}` does not carry #[doc(alias = \"{alias}\")]"))
    }

    /// The aliases of each item that a path of public names means.
    fn aliases(&self, path: &[String]) -> Vec<&BTreeSet<String>> {
        let Some((last, front)) = path.split_last() else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for module in self.modules_at(front) {
            let places = self.places(&module, last, true, MOST_STEPS);
            found.extend(places.iter().filter_map(|p| Some(&self.at(p)?.aliases)));
        }
        if let Some((of, front)) = front.split_last() {
            for module in self.modules_at(front) {
                let places = self.places(&module, of, true, MOST_STEPS);
                found.extend(places.iter().filter_map(|p| self.at(p)?.members.get(last)));
            }
        }
        found
    }

    fn at(&self, (module, name, number): &Place) -> Option<&Declared> {
        self.modules.get(module)?.items.get(name)?.get(*number)
    }

    /// The modules that a path of public names means, as they are declared.
    fn modules_at(&self, path: &[String]) -> Vec<Vec<String>> {
        let Some((root, rest)) = path.split_first() else {
            return Vec::new();
        };
        self.follow(vec![root.clone()], rest, true, MOST_STEPS)
    }

    /// The modules that a path means, seen from a module.
    fn follow(
        &self,
        from: Vec<String>,
        path: &[String],
        public: bool,
        steps: u32,
    ) -> Vec<Vec<String>> {
        let mut at = vec![from];
        for name in path {
            let mut next = Vec::new();
            for module in &at {
                for place in self.places(module, name, public, steps) {
                    if self.at(&place).is_some_and(|item| item.module) {
                        let (mut path, name, _) = place;
                        path.push(name);
                        next.push(path);
                    }
                }
            }
            at = next;
        }
        at.retain(|path| self.modules.contains_key(path));
        at
    }

    /// The items that a name means in a module, or only those that other crates see.
    fn places(&self, module: &[String], name: &str, public: bool, steps: u32) -> Vec<Place> {
        let (Some(content), Some(steps)) = (self.modules.get(module), steps.checked_sub(1)) else {
            return Vec::new();
        };
        let own = content.items.get(name).map_or(&[][..], Vec::as_slice);
        let mut found: Vec<Place> = own
            .iter()
            .enumerate()
            .filter(|(_, item)| item.public || !public)
            .map(|(number, _)| (module.to_vec(), name.to_owned(), number))
            .collect();
        for used in content.uses.iter().filter(|u| u.public || !public) {
            let mut path = used.path.clone();
            let last = match &used.name {
                None => name.to_owned(),
                Some(given) if given == name => match path.pop() {
                    Some(last) => last,
                    None => continue,
                },
                Some(_) => continue,
            };
            // A glob gives to others only what they may see.
            let public = public && used.name.is_none();
            for from in self.used_from(module, &path, steps) {
                found.extend(self.places(&from, &last, public, steps));
            }
        }
        found
    }

    /// The modules that the path of a `use` in a module, without its last name, means.
    fn used_from(&self, module: &[String], path: &[String], steps: u32) -> Vec<Vec<String>> {
        let mut from = module.to_vec();
        let mut rest = path;
        while let Some((first, after)) = rest.split_first() {
            match first.as_str() {
                "self" => {}
                "crate" => from.truncate(1),
                "super" => drop(from.pop()),
                name if rest.len() == path.len()
                    && self.modules.contains_key(&[name.to_owned()][..]) =>
                {
                    from = vec![name.to_owned()];
                }
                _ => break,
            }
            rest = after;
        }
        self.follow(from, rest, false, steps)
    }

    /// Gives each type what its `impl` blocks declare.
    fn attach_impls(&mut self) {
        let mut given = Vec::new();
        for (module, content) in &self.modules {
            for (path, members) in &content.impls {
                let Some((name, front)) = path.split_last() else {
                    continue;
                };
                for from in self.used_from(module, front, MOST_STEPS) {
                    for place in self.places(&from, name, false, MOST_STEPS) {
                        given.push((place, members.clone()));
                    }
                }
            }
        }
        for ((module, name, number), members) in given {
            let items = self.modules.get_mut(&module);
            let named = items.and_then(|content| content.items.get_mut(&name));
            if let Some(item) = named.and_then(|items| items.get_mut(number)) {
                item.members.extend(members);
            }
        }
    }

    /// Reads the items of a module, and its modules from their files below `dir`.
    fn module(&mut self, path: Vec<String>, items: Vec<Item>, dir: &Path) -> Result<()> {
        self.modules.entry(path.clone()).or_default();
        for item in items {
            if attributes(&item).iter().any(is_for_tests) {
                continue;
            }
            match item {
                Item::Mod(module) => {
                    let name = module.ident.to_string();
                    let inner: Vec<String> = path.iter().cloned().chain([name.clone()]).collect();
                    let mut attrs = module.attrs;
                    let below = dir.join(&name);
                    if GENERATED.contains(&inner.join("::").as_str()) {
                        // Only its name is known.
                    } else if let Some((_, items)) = module.content {
                        self.module(inner, items, &below)?;
                    } else {
                        let file = parse(&file_of(dir, &name)?)?;
                        attrs.extend(file.attrs);
                        self.module(inner, file.items, &below)?;
                    }
                    let item = Declared {
                        module: true,
                        ..declared(&module.vis, &attrs)
                    };
                    self.declare(&path, &name, item);
                }
                Item::Use(item) => {
                    let mut uses = Vec::new();
                    flatten(&item.tree, Vec::new(), is_public(&item.vis), &mut uses);
                    self.modules
                        .entry(path.clone())
                        .or_default()
                        .uses
                        .extend(uses);
                }
                Item::Impl(item) if item.trait_.is_none() => {
                    if let syn::Type::Path(of) = &*item.self_ty {
                        let of = of.path.segments.iter().map(|s| s.ident.to_string());
                        let entry = (of.collect(), impl_members(&item.items));
                        self.modules
                            .entry(path.clone())
                            .or_default()
                            .impls
                            .push(entry);
                    }
                }
                Item::Macro(item) => {
                    let exported = item.attrs.iter().any(|a| a.path().is_ident("macro_export"));
                    if let (Some(name), true) = (&item.ident, exported) {
                        let entry = Declared {
                            public: true,
                            ..declared(&Visibility::Inherited, &item.attrs)
                        };
                        self.declare(&path[..1], &name.to_string(), entry);
                    } else if let Ok((name, entry)) = item.mac.parse_body_with(made) {
                        self.declare(&path, &name, entry);
                    }
                }
                item => {
                    if let Some((name, entry)) = plain(&item) {
                        self.declare(&path, &name, entry);
                    }
                }
            }
        }
        Ok(())
    }

    fn declare(&mut self, module: &[String], name: &str, item: Declared) {
        let content = self.modules.entry(module.to_vec()).or_default();
        content.items.entry(name.to_owned()).or_default().push(item);
    }
}

/// An item that holds no other modules.
fn plain(item: &Item) -> Option<(String, Declared)> {
    let (name, vis, attrs, members) = match item {
        Item::Fn(i) => (&i.sig.ident, &i.vis, &i.attrs, Members::new()),
        Item::Const(i) => (&i.ident, &i.vis, &i.attrs, Members::new()),
        Item::Static(i) => (&i.ident, &i.vis, &i.attrs, Members::new()),
        Item::Struct(i) => (&i.ident, &i.vis, &i.attrs, Members::new()),
        Item::Union(i) => (&i.ident, &i.vis, &i.attrs, Members::new()),
        Item::Type(i) => (&i.ident, &i.vis, &i.attrs, Members::new()),
        Item::Enum(i) => {
            let variants = i.variants.iter();
            let members = variants.map(|v| (v.ident.to_string(), aliases(&v.attrs)));
            (&i.ident, &i.vis, &i.attrs, members.collect())
        }
        Item::Trait(i) => {
            let members = i.items.iter().filter_map(|item| match item {
                TraitItem::Fn(f) => Some((f.sig.ident.to_string(), aliases(&f.attrs))),
                TraitItem::Const(c) => Some((c.ident.to_string(), aliases(&c.attrs))),
                TraitItem::Type(t) => Some((t.ident.to_string(), aliases(&t.attrs))),
                _ => None,
            });
            (&i.ident, &i.vis, &i.attrs, members.collect())
        }
        _ => return None,
    };
    let entry = Declared {
        members,
        ..declared(vis, attrs)
    };
    Some((name.to_string(), entry))
}

/// The type that a call of a macro begins with, after attributes: `handle! { #[doc(...)] Handle64, ... }`.
fn made(input: ParseStream<'_>) -> syn::Result<(String, Declared)> {
    let attrs = input.call(Attribute::parse_outer)?;
    let name: syn::Ident = input.parse()?;
    input.parse::<proc_macro2::TokenStream>()?;
    if attrs.is_empty() {
        return Err(syn::Error::new(name.span(), "no item"));
    }
    let entry = Declared {
        public: true,
        ..declared(&Visibility::Inherited, &attrs)
    };
    Ok((name.to_string(), entry))
}

/// What an `impl` block without a trait gives to others.
fn impl_members(items: &[ImplItem]) -> Members {
    let public = items.iter().filter_map(|item| match item {
        ImplItem::Fn(f) => Some((&f.sig.ident, &f.vis, &f.attrs)),
        ImplItem::Const(c) => Some((&c.ident, &c.vis, &c.attrs)),
        _ => None,
    });
    public
        .filter(|(_, vis, attrs)| is_public(vis) && !attrs.iter().any(is_for_tests))
        .map(|(name, _, attrs)| (name.to_string(), aliases(attrs)))
        .collect()
}

fn declared(vis: &Visibility, attrs: &[Attribute]) -> Declared {
    Declared {
        public: is_public(vis),
        module: false,
        aliases: aliases(attrs),
        members: Members::new(),
    }
}

fn is_public(vis: &Visibility) -> bool {
    matches!(vis, Visibility::Public(_))
}

/// The names in `#[doc(alias = "a")]` and `#[doc(alias("a", "b"))]`.
fn aliases(attrs: &[Attribute]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for attr in attrs.iter().filter(|a| a.path().is_ident("doc")) {
        let Ok(metas) = attr.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
        else {
            continue;
        };
        for meta in metas.iter().filter(|m| m.path().is_ident("alias")) {
            match meta {
                Meta::NameValue(one) => {
                    if let Expr::Lit(syn::ExprLit {
                        lit: Lit::Str(name),
                        ..
                    }) = &one.value
                    {
                        found.insert(name.value());
                    }
                }
                Meta::List(list) => {
                    let names = list
                        .parse_args_with(Punctuated::<syn::LitStr, Token![,]>::parse_terminated);
                    found.extend(names.iter().flatten().map(syn::LitStr::value));
                }
                Meta::Path(_) => {}
            }
        }
    }
    found
}

fn is_for_tests(attr: &Attribute) -> bool {
    let condition = attr.parse_args::<syn::Path>();
    attr.path().is_ident("cfg") && condition.is_ok_and(|path| path.is_ident("test"))
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Mod(i) => &i.attrs,
        Item::Fn(i) => &i.attrs,
        Item::Const(i) => &i.attrs,
        Item::Static(i) => &i.attrs,
        Item::Struct(i) => &i.attrs,
        Item::Union(i) => &i.attrs,
        Item::Type(i) => &i.attrs,
        Item::Enum(i) => &i.attrs,
        Item::Trait(i) => &i.attrs,
        Item::Impl(i) => &i.attrs,
        Item::Use(i) => &i.attrs,
        Item::Macro(i) => &i.attrs,
        _ => &[],
    }
}

/// The names that a `use` gives.
fn flatten(tree: &UseTree, mut path: Vec<String>, public: bool, uses: &mut Vec<Use>) {
    let (name, last) = match tree {
        UseTree::Path(inner) => {
            path.push(inner.ident.to_string());
            return flatten(&inner.tree, path, public, uses);
        }
        UseTree::Group(group) => {
            for tree in &group.items {
                flatten(tree, path.clone(), public, uses);
            }
            return;
        }
        UseTree::Name(name) if name.ident == "self" => (path.last().cloned(), None),
        UseTree::Name(name) => (Some(name.ident.to_string()), Some(name.ident.to_string())),
        UseTree::Rename(to) if to.ident == "self" => (Some(to.rename.to_string()), None),
        UseTree::Rename(to) => (Some(to.rename.to_string()), Some(to.ident.to_string())),
        UseTree::Glob(_) => (None, None),
    };
    path.extend(last);
    uses.push(Use { public, name, path });
}

/// The file of a module that stands in `dir` or in a folder of its own.
fn file_of(dir: &Path, name: &str) -> Result<PathBuf> {
    let files = [
        dir.join(format!("{name}.rs")),
        dir.join(name).join("mod.rs"),
    ];
    match files.into_iter().find(|file| file.is_file()) {
        Some(file) => Ok(file),
        None => bail!("no file for the module `{name}` in {}", dir.display()),
    }
}

fn parse(path: &Path) -> Result<syn::File> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    syn::parse_file(&text).with_context(|| format!("parsing {}", path.display()))
}

#[cfg(test)]
mod tests;
