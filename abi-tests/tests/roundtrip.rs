//! Bytes into a type and back out are the same bytes, for whatever the bytes are.

use abi_tests::roundtrip::Type;
use abi_tests::{pins, whole};
use anyhow::Result;
use quickcheck::TestResult;
use quickcheck::quickcheck;
use xen_public::handle::{AddressTooWide, Handle32, Handle64};
use xen_public::pad::Pad;

/// A module's path and some types in it.
type Module = (&'static str, &'static [Type]);

/// The types of the crate that are no record of a header.
const OWN: &[Type] = &[
    Type::of::<Handle32<u8>>("Handle32"),
    Type::of::<Handle64<u8>>("Handle64"),
    Type::of::<Handle64<[u32]>>("Handle64 of a slice"),
    Type::of::<Pad<0>>("Pad<0>"),
    Type::of::<Pad<1>>("Pad<1>"),
    Type::of::<Pad<7>>("Pad<7>"),
];

/// Every generated type that is nothing but its bytes, made and written as plain memory.
mod plain {
    use abi_tests::roundtrip::Type;

    use super::Module;

    macro_rules! whole_types {
        ($($root:ident $(::$module:ident)* { $($name:ident)* })*) => {
            &[$((stringify!($root $(::$module)*), {
                use $root $(::$module)*::*;
                // SAFETY: the lists name only structs of integers, arrays, padding and handles whose
                // fields leave no byte out; `the_lists_name_every_whole_type` holds them to that.
                &[$(unsafe { Type::plain::<$name>(stringify!($name)) }),*]
            }),)*]
        };
    }

    pub(super) static GUEST: &[Module] = include!("../data/whole_types.rs");
    #[cfg(feature = "toolstack")]
    pub(super) static TOOLSTACK: &[Module] = include!("../data/whole_toolstack_types.rs");
    #[cfg(not(feature = "toolstack"))]
    pub(super) static TOOLSTACK: &[Module] = &[];
}

/// The same types, made and written by zerocopy, which refuses to compile what has padding.
#[cfg(feature = "zerocopy-generated")]
mod derived {
    use abi_tests::roundtrip::Type;

    use super::Module;

    macro_rules! whole_types {
        ($($root:ident $(::$module:ident)* { $($name:ident)* })*) => {
            &[$((stringify!($root $(::$module)*), {
                use $root $(::$module)*::*;
                &[$(Type::of::<$name>(stringify!($name))),*]
            }),)*]
        };
    }

    pub(super) static GUEST: &[Module] = include!("../data/whole_types.rs");
    #[cfg(feature = "toolstack")]
    pub(super) static TOOLSTACK: &[Module] = include!("../data/whole_toolstack_types.rs");
    #[cfg(not(feature = "toolstack"))]
    pub(super) static TOOLSTACK: &[Module] = &[];
}

fn result(modules: &[Module], bytes: &[u8]) -> TestResult {
    let of = |(module, types): &Module| {
        let differences = types.iter().filter_map(|t| t.difference(bytes));
        differences
            .map(|d| format!("{module}: {d}"))
            .collect::<Vec<_>>()
    };
    let differences: Vec<_> = modules.iter().flat_map(of).collect();
    if differences.is_empty() {
        TestResult::passed()
    } else {
        TestResult::error(differences.join("\n"))
    }
}

fn count(modules: &[Module]) -> usize {
    modules.iter().map(|(_, types)| types.len()).sum()
}

#[test]
fn the_lists_name_every_whole_type() -> Result<()> {
    let newest = xen_public::layout::all().filter(|t| !t.toolstack);
    let guest = whole::source(newest.chain(xen_public::layout::compat()))?;
    pins::check_text("whole_types.rs", &guest)?;
    assert!(count(plain::GUEST) > 1000, "{} types", count(plain::GUEST));
    if cfg!(feature = "toolstack") {
        let toolstack = xen_public::layout::all().filter(|t| t.toolstack);
        pins::check_text("whole_toolstack_types.rs", &whole::source(toolstack)?)?;
        assert!(
            count(plain::TOOLSTACK) > 1000,
            "{} types",
            count(plain::TOOLSTACK)
        );
    }
    Ok(())
}

quickcheck! {
    fn every_generated_type_keeps_its_bytes(bytes: Vec<u8>) -> TestResult {
        let found = result(plain::GUEST, &bytes);
        if found.is_failure() {
            return found;
        }
        result(plain::TOOLSTACK, &bytes)
    }
}

#[cfg(feature = "zerocopy-generated")]
quickcheck! {
    fn every_derived_type_keeps_its_bytes(bytes: Vec<u8>) -> TestResult {
        let found = result(derived::GUEST, &bytes);
        if found.is_failure() {
            return found;
        }
        result(derived::TOOLSTACK, &bytes)
    }
}

#[test]
fn a_type_that_loses_a_byte_is_noticed() {
    let bytes = Type::of::<[u8; 4]>("bytes");
    assert_eq!(bytes.difference(&[1, 2, 3, 4]), None);
    let lossy = Type::with("lossy", 4, |bytes, back| {
        back.copy_from_slice(bytes);
        back[1] = 0;
        true
    });
    let found = lossy.difference(&[1, 2, 3, 4]).expect("byte 1 is lost");
    assert!(
        found.contains("byte 1 of 4") && found.contains("0x02"),
        "{found}"
    );
}

quickcheck! {
    fn handles_and_padding_keep_their_bytes(bytes: Vec<u8>) -> TestResult {
        result(&[("handle and pad", OWN)], &bytes)
    }

    fn handles_keep_their_address(address: u64) -> bool {
        let wide = Handle64::<u32>::from_raw(address);
        let narrow = Handle32::<u32>::try_from(wide);
        wide.raw() == address
            && wide.cast::<u8>().cast::<u32>() == wide
            && wide.is_null() == (address == 0)
            && match u32::try_from(address) {
                Ok(low) => narrow.is_ok_and(|n| n.raw() == low && Handle64::from(n) == wide),
                Err(_) => narrow == Err(AddressTooWide { address }),
            }
    }

    fn narrow_handles_widen_and_come_back(address: u32) -> bool {
        let narrow = Handle32::<u16>::from_raw(address);
        let wide = Handle64::from(narrow);
        wide.raw() == u64::from(address) && Handle32::try_from(wide) == Ok(narrow)
    }
}
