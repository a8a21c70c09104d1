//! Protocols between the two halves of split devices (`xen/include/public/io/`).

pub mod console;
pub mod xs_wire;
