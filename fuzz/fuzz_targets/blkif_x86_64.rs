//! `xen_abi_fuzz::blkif_x86_64` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| xen_abi_fuzz::blkif_x86_64(data));
