//! Bytes into a type and back out are the same bytes, for whatever the bytes are.

use abi_tests::roundtrip::Type;
use abi_tests::{pins, whole};
use quickcheck::TestResult;
use quickcheck::quickcheck;
use xen_public::handle::{AddressTooWide, Handle32, Handle64};
use xen_public::pad::Pad;

/// The types of the crate that are no record of a header.
const OWN: &[Type] = &[
    Type::of::<Handle32<u8>>("Handle32"),
    Type::of::<Handle64<u8>>("Handle64"),
    Type::of::<Handle64<[u32]>>("Handle64 of a slice"),
    Type::of::<Pad<0>>("Pad<0>"),
    Type::of::<Pad<1>>("Pad<1>"),
    Type::of::<Pad<7>>("Pad<7>"),
];

#[cfg(feature = "zerocopy-generated")]
mod generated {
    use abi_tests::roundtrip::Type;

    macro_rules! whole_types {
        ($($root:ident $(::$module:ident)* { $($name:ident)* })*) => {
            /// Every generated type that is nothing but its bytes, of all ABIs and releases.
            pub(super) const ALL: &[Type] = &[$($(
                Type::of::<$root $(::$module)*::$name>(
                    concat!($(stringify!($module), "::",)* stringify!($name))
                ),
            )*)*];
        };
    }
    include!("../data/whole_types.rs");
}

fn result(types: &[Type], bytes: &[u8]) -> TestResult {
    let differences: Vec<_> = types.iter().filter_map(|t| t.difference(bytes)).collect();
    if differences.is_empty() {
        TestResult::passed()
    } else {
        TestResult::error(differences.join("\n"))
    }
}

#[test]
fn the_list_names_every_whole_type() -> anyhow::Result<()> {
    pins::check_text("whole_types.rs", &whole::source(xen_public::layout::all()))
}

#[cfg(feature = "zerocopy-generated")]
quickcheck! {
    fn every_generated_type_keeps_its_bytes(bytes: Vec<u8>) -> TestResult {
        result(generated::ALL, &bytes)
    }
}

quickcheck! {
    fn handles_and_padding_keep_their_bytes(bytes: Vec<u8>) -> TestResult {
        result(OWN, &bytes)
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
