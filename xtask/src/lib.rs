//! The maintenance commands of the workspace as a library, so that tests can reach their parts.

pub mod apt;
pub mod compiler;
pub mod coverage;
pub mod fuzz;
pub mod generate;
pub mod headers;
pub mod hosts;
pub mod rust;
pub mod test;
pub mod tool;
pub mod vendor;
pub mod xen;
