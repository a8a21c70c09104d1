//! Every file of every target's corpus, and random bytes, without libFuzzer.

use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use quickcheck::{Arbitrary, Gen};
use xen_abi_fuzz::TARGETS;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The names in a folder.
fn names(folder: &Path) -> BTreeSet<String> {
    std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn every_input_of_the_corpus_is_harmless() {
    for (target, run) in TARGETS {
        let folder = folder("corpus").join(target);
        let names = names(&folder);
        assert!(!names.is_empty(), "{} has no files", folder.display());
        let mut bad = Vec::new();
        for name in &names {
            let path = folder.join(name);
            let input = std::fs::read(&path).unwrap();
            if catch_unwind(|| run(&input)).is_err() {
                bad.push(path);
            }
        }
        assert!(bad.is_empty(), "{target} fails with {bad:?}");
        println!("{target}: {} inputs", names.len());
    }
}

#[test]
fn random_bytes_are_harmless() {
    for (target, run) in TARGETS {
        let mut g = Gen::new(256);
        for case in 0..3000 {
            let input = Vec::<u8>::arbitrary(&mut g);
            let ended = catch_unwind(|| run(&input));
            assert!(
                ended.is_ok(),
                "{target} fails in case {case} with {input:?}"
            );
        }
    }
}

#[test]
fn every_target_has_a_program_and_a_corpus() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(targets.len(), TARGETS.len());
    assert_eq!(names(&folder("corpus")), targets);
    let programs = targets.iter().map(|target| format!("{target}.rs"));
    assert_eq!(names(&folder("fuzz_targets")), programs.collect());
    let manifest = std::fs::read_to_string(folder("Cargo.toml")).unwrap();
    for target in &targets {
        let program = format!("name = \"{target}\"\npath = \"fuzz_targets/{target}.rs\"\n");
        assert!(
            manifest.contains(&program),
            "{target} is no program in Cargo.toml"
        );
        let file = folder("fuzz_targets").join(format!("{target}.rs"));
        let call = format!("xen_abi_fuzz::{target}(data)");
        assert!(
            std::fs::read_to_string(file).unwrap().contains(&call),
            "{target}"
        );
    }
}
