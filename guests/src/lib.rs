//! What the kernels of this package have in common: what they ask Xen and how they report.
//!
//! A kernel (`main.rs`) is the part that belongs to its processor: how it starts, which way to Xen
//! it has, how it ends. What it has to offer is a [`Machine`](machine::Machine). Everything else works
//! on any conduit and is tested on the host against a simulated hypervisor.
#![cfg_attr(not(test), no_std)]

pub mod checks;
pub mod device_tree;
pub mod machine;
pub mod operations;
pub mod report;
pub mod rows;
pub mod start_info;
