//! Checks that are no tests of any crate: what the crates depend on, what their packages hold, what
//! they cost to compile.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::process;
use super::suites::MSRV;
use crate::tool;

/// All that `xen-public` may depend on without any feature.
const BARE: [&str; 3] = ["cfg-if", "static_assertions", "xen-public"];

/// The packages that are for others to use, each with files that its archive must hold.
const PUBLISHED: [(&str, &[&str]); 2] = [
    (
        "xen-public",
        &["src/lib.rs", "src/abi/x86_64/io/blkif.rs", "LICENSE-XEN"],
    ),
    (
        "xen-abi",
        &["src/lib.rs", "examples/layout/main.rs", "CHANGELOG.md"],
    ),
];

/// What each of those archives must hold.
const EVERYWHERE: [&str; 4] = ["Cargo.toml", "README.md", "LICENSE-MIT", "LICENSE-APACHE"];

/// The folders an archive may have files in.
const FOLDERS: [&str; 3] = ["src/", "examples/", "tests/"];

/// Runs a command, adds it and its output to the log, and returns what it printed.
fn logged(command: &mut Command, log: &Path) -> Result<String> {
    let output = tool::run(command)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    note(log, &format!("$ {}\n{text}{errors}", tool::line(command)))?;
    Ok(text)
}

fn note(log: &Path, text: &str) -> Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(log)?;
    file.write_all(text.as_bytes())
        .with_context(|| format!("writing {}", log.display()))
}

/// `xen-public` without features depends on nothing but what is allowed, on any target, and neither
/// published crate has a build script.
pub fn dependencies(log: &Path) -> Result<String> {
    let mut tree = process::program("cargo", &["tree", "--package", "xen-public"]);
    tree.args([
        "--no-default-features",
        "--target",
        "all",
        "--edges",
        "normal,build",
    ]);
    tree.args(["--prefix", "none", "--format", "{p}"]);
    let printed = logged(&mut tree, log)?;
    let found = packages_of(&printed);
    let allowed: BTreeSet<String> = BARE.map(str::to_owned).into();
    ensure!(
        found == allowed,
        "xen-public without features depends on {found:?}, not on {allowed:?}"
    );
    for (package, _) in PUBLISHED {
        let folder = folder(package);
        ensure!(
            !folder.join("build.rs").exists(),
            "{package} has a build script"
        );
    }
    Ok(String::new())
}

/// The names of the packages in what `cargo tree` prints without prefixes.
fn packages_of(printed: &str) -> BTreeSet<String> {
    printed
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

/// The folder of a published package.
fn folder(package: &str) -> PathBuf {
    match package {
        "xen-abi" => tool::root(),
        other => tool::root().join(other),
    }
}

/// The toolchain that the suite runs is the one that `Cargo.toml` promises.
pub fn msrv(log: &Path) -> Result<String> {
    let text = std::fs::read_to_string(tool::root().join("Cargo.toml"))?;
    let manifest: toml::Table = text.parse().context("Cargo.toml")?;
    let promised = manifest
        .get("workspace")
        .and_then(|workspace| workspace.get("package")?.get("rust-version")?.as_str())
        .context("Cargo.toml has no workspace.package.rust-version")?;
    note(log, &format!("rust-version = \"{promised}\"\n"))?;
    ensure!(
        MSRV == format!("{promised}.0"),
        "Cargo.toml promises Rust {promised}, and the suite runs {MSRV}"
    );
    Ok(String::new())
}

/// The published crates package, compile from their packages, and the packages hold what they should and
/// nothing else.
pub fn packages(log: &Path) -> Result<String> {
    let target = tool::cache_dir("package")?;
    let mut package = process::program("cargo", &["package", "--workspace", "--allow-dirty"]);
    for member in unpublished(&tool::root())? {
        package.args(["--exclude", &member]);
    }
    package.arg("--target-dir").arg(&target);
    // Archives of earlier versions are none of ours.
    let made = target.join("package");
    if made.exists() {
        std::fs::remove_dir_all(&made).with_context(|| made.display().to_string())?;
    }
    logged(&mut package, log)?;
    let mut sizes = Vec::new();
    for (name, files) in PUBLISHED {
        let archive = archive(&made, name)?;
        let held = contents(&archive)?;
        note(log, &format!("{}\n{held:#?}\n", archive.display()))?;
        judge(&held, files).with_context(|| archive.display().to_string())?;
        let size = std::fs::metadata(&archive)?.len();
        sizes.push(format!("{name} {} KiB", size.div_ceil(1024)));
    }
    Ok(sizes.join(", "))
}

/// The workspace members that say they are not to be published, by their packages' names.
fn unpublished(root: &Path) -> Result<Vec<String>> {
    let read = |folder: &Path| -> Result<toml::Table> {
        let path = folder.join("Cargo.toml");
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        text.parse().with_context(|| path.display().to_string())
    };
    let workspace = read(root)?;
    let members = workspace
        .get("workspace")
        .and_then(|workspace| workspace.get("members")?.as_array())
        .context("Cargo.toml has no workspace.members")?;
    let mut names = Vec::new();
    for member in members {
        let folder = member.as_str().context("a member that is no text")?;
        let manifest = read(&root.join(folder))?;
        let package = manifest
            .get("package")
            .with_context(|| format!("{folder} is no package"))?;
        if package.get("publish").and_then(toml::Value::as_bool) == Some(false) {
            let name = package.get("name").and_then(toml::Value::as_str);
            names.push(
                name.with_context(|| format!("{folder} has no name"))?
                    .to_owned(),
            );
        }
    }
    Ok(names)
}

/// The one archive of a package in a folder.
fn archive(folder: &Path, name: &str) -> Result<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let file = entry?.file_name().to_string_lossy().into_owned();
        let version = file
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('-')?.strip_suffix(".crate"));
        if version.is_some_and(|v| v.starts_with(|c: char| c.is_ascii_digit())) {
            found.push(folder.join(file));
        }
    }
    match found.as_slice() {
        [one] => Ok(one.clone()),
        _ => bail!(
            "{} has not one archive of {name}: {found:?}",
            folder.display()
        ),
    }
}

/// The paths in a package's archive, without the folder that all stand in.
fn contents(archive: &Path) -> Result<BTreeSet<String>> {
    let file = std::fs::File::open(archive)?;
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(file).read_to_end(&mut bytes)?;
    let mut paths = BTreeSet::new();
    for entry in tar::Archive::new(bytes.as_slice()).entries()? {
        let path = entry?.path()?.to_string_lossy().into_owned();
        let (_, inner) = path
            .split_once('/')
            .with_context(|| format!("{path} is not in the package's folder"))?;
        paths.insert(inner.to_owned());
    }
    Ok(paths)
}

/// Whether an archive holds what it must, and only files of the kinds it may.
fn judge(held: &BTreeSet<String>, files: &[&str]) -> Result<()> {
    for must in EVERYWHERE.iter().chain(files) {
        ensure!(held.contains(*must), "{must} is missing");
    }
    let stray: Vec<&String> = held
        .iter()
        .filter(|path| path.contains('/') && !FOLDERS.iter().any(|folder| path.starts_with(folder)))
        .collect();
    ensure!(stray.is_empty(), "files that don't belong: {stray:?}");
    Ok(())
}

/// How long `xen-public` alone takes to compile with its default features: the best of three.
pub fn cost(log: &Path) -> Result<String> {
    let target = tool::cache_dir("cost")?;
    let cargo = |arguments: &[&str]| {
        let mut command = process::program("cargo", arguments);
        command
            .args(["--package", "xen-public", "--target-dir"])
            .arg(&target)
            // As whoever uses it compiles it.
            .env("CARGO_PROFILE_DEV_DEBUG", "2");
        command
    };
    logged(&mut cargo(&["build"]), log)?;
    let mut best = Duration::MAX;
    for _ in 0..3 {
        logged(&mut cargo(&["clean"]), log)?;
        let start = Instant::now();
        logged(&mut cargo(&["build"]), log)?;
        best = best.min(start.elapsed());
    }
    Ok(format!(
        "xen-public alone, default features: {:.1} s",
        best.as_secs_f32()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_published_is_everything_else() {
        let mut names = unpublished(&tool::root()).unwrap();
        names.sort_unstable();
        assert!(names.contains(&"xtask".to_owned()), "{names:?}");
        for (published, _) in PUBLISHED {
            assert!(!names.contains(&published.to_owned()), "{names:?}");
        }
    }

    #[test]
    fn a_tree_is_read_by_its_first_words() {
        let printed = "xen-public v0.1.0 (/x/xen-public)\ncfg-if v1.0.4\n\ncfg-if v1.0.4 (*)\n";
        let found: Vec<String> = packages_of(printed).into_iter().collect();
        assert_eq!(found, ["cfg-if", "xen-public"]);
    }

    fn held(more: &[&str]) -> BTreeSet<String> {
        let base = EVERYWHERE.iter().chain(&["src/lib.rs"]);
        base.chain(more).map(|&path| path.to_owned()).collect()
    }

    #[test]
    fn an_archive_holds_its_files_and_no_strays() {
        judge(
            &held(&["Cargo.toml.orig", "src/abi/mod.rs"]),
            &["src/lib.rs"],
        )
        .unwrap();
        let error = judge(&held(&[]), &["LICENSE-XEN"]).unwrap_err();
        assert_eq!(error.to_string(), "LICENSE-XEN is missing");
        let error = judge(&held(&["vendor/xen-4.20/COPYING"]), &[]).unwrap_err();
        assert!(error.to_string().contains("vendor/xen-4.20/COPYING"));
    }

    #[test]
    fn an_archive_is_read_without_its_folder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x-1.0.0.crate");
        let gz = flate2::write::GzEncoder::new(
            std::fs::File::create(&path).unwrap(),
            flate2::Compression::fast(),
        );
        let mut builder = tar::Builder::new(gz);
        let mut header = tar::Header::new_gnu();
        header.set_size(1);
        builder
            .append_data(&mut header, "x-1.0.0/src/lib.rs", &b"a"[..])
            .unwrap();
        builder.into_inner().unwrap().finish().unwrap();
        let paths: Vec<String> = contents(&path).unwrap().into_iter().collect();
        assert_eq!(paths, ["src/lib.rs"]);
        assert_eq!(archive(dir.path(), "x").unwrap(), path);
        assert!(archive(dir.path(), "y").is_err());
        std::fs::write(dir.path().join("x-1.0.1.crate"), "").unwrap();
        assert!(archive(dir.path(), "x").is_err());
    }
}
