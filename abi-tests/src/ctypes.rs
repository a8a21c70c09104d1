//! C's types as numbers, and which of them a Rust type may stand for.
//!
//! `_Generic` gives each C expression a code; [`of_rust`] says for a Rust integer type which codes agree
//! with it on an ABI. A `long` is 32 or 64 bits wide, plain `char` is `u8` whatever its sign is on a
//! target, and a pointer is an unsigned integer of its width.

use xtask::headers::Abi;

/// The C types that `_Generic` tells apart, with their codes.
const CODES: &[(u8, &str)] = &[
    (1, "_Bool"),
    (2, "char"),
    (3, "signed char"),
    (4, "unsigned char"),
    (5, "short"),
    (6, "unsigned short"),
    (7, "int"),
    (8, "unsigned int"),
    (9, "long"),
    (10, "unsigned long"),
    (11, "long long"),
    (12, "unsigned long long"),
];

/// What is added to gcc's and clang's `__builtin_classify_type` for types that have no code of their own.
const OTHER: u8 = 100;
/// The class of pointers.
const POINTER: u8 = OTHER + 5;
/// The class of structs.
const STRUCT: u8 = OTHER + 12;
/// The class of unions.
const UNION: u8 = OTHER + 13;

/// The C macro that turns an expression into its type's code.
pub fn macros() -> String {
    let arms: Vec<String> = CODES.iter().map(|(c, t)| format!("{t}: {c}")).collect();
    format!(
        "#define ORACLE_CODE(x) _Generic((x), {}, default: {OTHER} + __builtin_classify_type(x))\n",
        arms.join(", ")
    )
}

/// A code in words.
pub fn describe(code: u64) -> String {
    let known = CODES.iter().find(|(c, _)| u64::from(*c) == code);
    match (known, u8::try_from(code)) {
        (Some((_, name)), _) => (*name).to_owned(),
        (None, Ok(POINTER)) => "a pointer".into(),
        (None, Ok(STRUCT)) => "a struct".into(),
        (None, Ok(UNION)) => "a union".into(),
        _ => format!("a type of class {code}"),
    }
}

/// The codes of the C types that a Rust integer type may stand for; `None` for any other type.
pub fn of_rust(ty: &str, abi: Abi) -> Option<Vec<u8>> {
    let long32 = abi.pointer() == 4;
    let mut codes = match ty {
        "u8" => vec![1, 2, 4],
        "i8" => vec![3],
        "u16" => vec![6],
        "i16" => vec![5],
        "u32" => vec![8],
        "i32" => vec![7],
        "u64" => vec![12],
        "i64" => vec![11],
        _ => return None,
    };
    match ty {
        "u32" if long32 => codes.extend([10, POINTER]),
        "i32" if long32 => codes.push(9),
        "u64" if !long32 => codes.extend([10, POINTER]),
        "i64" if !long32 => codes.push(9),
        _ => {}
    }
    Some(codes)
}

/// The codes a guest handle may have: the struct or union around its pointer.
pub fn of_handle() -> Vec<u8> {
    vec![STRUCT, UNION]
}

/// The code of a struct or union that C gives no name.
pub fn of_record(union: bool) -> Vec<u8> {
    vec![if union { UNION } else { STRUCT }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_follows_the_abi() {
        assert!(of_rust("u32", Abi::Arm32).unwrap().contains(&10));
        assert!(!of_rust("u64", Abi::X86_32).unwrap().contains(&10));
        assert!(of_rust("u64", Abi::X86_64).unwrap().contains(&10));
        assert!(of_rust("domid_t", Abi::X86_64).is_none());
    }

    #[test]
    fn every_code_has_one_meaning() {
        for (code, name) in CODES {
            assert_eq!(describe(u64::from(*code)), *name);
        }
    }
}
