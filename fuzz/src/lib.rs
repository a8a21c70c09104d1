//! What a hostile peer can do to xen-abi, as functions of bytes.
//!
//! Each target reads its input as a [`Script`](script::Script): what is in a shared page, what the code
//! under test is called with, and what the peer writes in between. The page is a [`memory::Page`], which
//! sees every access, and what comes out is held against a naive reading of what was loaded.
//!
//! The targets are run by libFuzzer (`fuzz_targets`, with the feature `libfuzzer`), and by a test that
//! gives each of them its corpus and random bytes.

mod kinds;
pub mod memory;
pub mod script;

mod back;
mod blkif;
mod bytes;
mod events;
mod front;
mod nodes;
mod vbd;

pub use back::back_ring;
pub use blkif::{blkif_front, blkif_indirect, blkif_x86_32, blkif_x86_64};
pub use bytes::{byte_rings, vchan};
pub use events::events;
pub use front::front_ring;
pub use nodes::nodes;
pub use vbd::vbd;

/// A target by its name, which is also that of its corpus.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("back_ring", back_ring),
    ("blkif_front", blkif_front),
    ("blkif_indirect", blkif_indirect),
    ("blkif_x86_32", blkif_x86_32),
    ("blkif_x86_64", blkif_x86_64),
    ("byte_rings", byte_rings),
    ("events", events),
    ("front_ring", front_ring),
    ("nodes", nodes),
    ("vbd", vbd),
    ("vchan", vchan),
];
