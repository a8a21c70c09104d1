//! The maintenance commands of the workspace as a library, so that tests can reach their parts.

pub mod headers;
pub mod apt;
pub mod tool;
