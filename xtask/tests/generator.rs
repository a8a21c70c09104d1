//! The generator on a header of our own that holds each hard case, and on headers that it must refuse.

use std::sync::Mutex;

use anyhow::Result;
use quote::quote;
use xtask::generate::emit::Emitter;
use xtask::generate::model::Unit;
use xtask::generate::read::Reader;
use xtask::headers::{Abi, Mode, NEWEST, View};

/// libclang is loaded once a process at a time.
static CLANG: Mutex<()> = Mutex::new(());

const HARD_CASES: &str = include_str!("generator/hard-cases.h");

fn read(abi: Abi, header: &str) -> Result<Unit> {
    let _one = CLANG
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    let wrapper = "#include <stdint.h>\n#include <public/xen.h>\n#include <public/case.h>\n";
    let view = View::new(NEWEST, abi, Mode::Tools);
    let mut unit = Reader::new()?.read_text(&view, wrapper, Some(("case.h", header)))?;
    unit.headers
        .retain(|name, _| name == "case.h" || name == "xen.h" || name.starts_with("arch-"));
    Ok(unit)
}

fn emit(unit: &Unit) -> Result<String> {
    let files = Emitter::whole(unit, quote! { crate::set }, false).files()?;
    Ok(files["case.rs"].clone())
}

/// Compares with the committed text; `BLESS=1` writes it, for a person to read.
fn expect(abi: Abi, text: &str) {
    let path = format!(
        "{}/tests/generator/{}.rs",
        env!("CARGO_MANIFEST_DIR"),
        abi.module()
    );
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, text).expect("writing the expected text");
    }
    let expected = std::fs::read_to_string(&path).expect("reading the expected text");
    for (number, (is, should)) in text.lines().zip(expected.lines()).enumerate() {
        assert_eq!(is, should, "{path}:{}", number + 1);
    }
    assert_eq!(text.lines().count(), expected.lines().count(), "{path}");
}

#[test]
fn hard_cases_in_all_four_abis() -> Result<()> {
    for abi in xtask::headers::ABIS {
        let header = if abi.is_x86() {
            HARD_CASES.to_owned()
        } else {
            HARD_CASES.replace("arch-x86/xen.h", "arch-arm.h")
        };
        expect(abi, &emit(&read(abi, &header)?)?);
    }
    Ok(())
}

#[test]
fn the_unit_says_what_it_left_out() -> Result<()> {
    let unit = read(Abi::X86_64, HARD_CASES)?;
    let here = |header: &String| header == "case.h";
    let no_values: Vec<_> = unit
        .no_values
        .iter()
        .filter(|n| here(&n.header))
        .map(|n| (n.name.as_str(), n.empty))
        .collect();
    assert_eq!(no_values, [("EMPTY", true), ("NAMES_A_FIELD", false)]);
    let macros: Vec<_> = unit
        .function_macros
        .iter()
        .filter(|(h, _)| here(h))
        .collect();
    assert_eq!(macros.len(), 1);
    assert_eq!(macros[0].1, "CALL");
    let functions: Vec<_> = unit.functions.iter().filter(|(h, _)| here(h)).collect();
    assert_eq!(functions.len(), 1);
    assert_eq!(functions[0].1, "inlined");
    Ok(())
}

/// Each of these can't be represented: the message names the type and the field.
#[test]
fn what_can_not_be_represented_stops_the_generator() {
    let cases = [
        ("struct s { float f; };", &["`f`", "`s`", "float"][..]),
        (
            "union u { uint32_t b : 3; };",
            &["`b`", "`u`", "bitfield directly in a union"],
        ),
        ("struct s { int32_t b : 3; };", &["`b`", "`s`", "sign"]),
        ("struct s { uint8_t a[3]; uint32_t b : 4; };", &[]),
        (
            "struct s { uint16_t a : 12; uint8_t b; } __attribute__((packed));",
            &[],
        ),
        (
            "struct __attribute__((packed)) s { uint8_t a; uint32_t b; };",
            &[],
        ),
        (
            "struct in { uint64_t w; } __attribute__((aligned(8)));\n\
             struct __attribute__((packed, aligned(4))) s { uint32_t a; struct in b; };",
            &["`b`", "`s`", "packed"],
        ),
        (
            "static const int table[] = { 1 };",
            &["case.h", "variable `table`"],
        ),
        ("typedef int call_t(int);", &["call_t", "represented"]),
        (
            "typedef struct unknown unknown_t;",
            &["unknown_t", "no name"],
        ),
    ];
    for (header, words) in cases {
        let result = read(Abi::X86_32, header).and_then(|unit| emit(&unit));
        match result {
            Ok(text) => assert!(words.is_empty(), "`{header}` was accepted:\n{text}"),
            Err(error) => {
                let message = format!("{error:#}");
                assert!(!words.is_empty(), "`{header}` was refused: {message}");
                for word in words {
                    assert!(
                        message.contains(word),
                        "`{header}`: no {word} in: {message}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_header_that_does_not_parse_gives_clangs_message_and_the_file() {
    let error = read(Abi::Arm64, "struct s {\n  no_such_type x;\n};").expect_err("no such type");
    let message = format!("{error:#}");
    assert!(message.contains("case.h:2"), "{message}");
    assert!(message.contains("no_such_type"), "{message}");
}
