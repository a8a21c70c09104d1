//! Xen's public headers as Rust definitions.
#![no_std]
#![forbid(unsafe_code)]
