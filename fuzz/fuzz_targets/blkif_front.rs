//! `xen_abi_fuzz::blkif_front` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| xen_abi_fuzz::blkif_front(data));
