//! `xen_abi_fuzz::events` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| xen_abi_fuzz::events(data));
