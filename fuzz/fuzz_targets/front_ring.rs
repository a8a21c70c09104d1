//! `xen_abi_fuzz::front_ring` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| xen_abi_fuzz::front_ring(data));
