//! Protocols between the two halves of split devices (`xen/include/public/io/`).

pub mod console;
pub mod usbif;
pub mod vscsiif;
pub mod xs_wire;
