//! `xen_abi_fuzz::byte_rings` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| xen_abi_fuzz::byte_rings(data));
