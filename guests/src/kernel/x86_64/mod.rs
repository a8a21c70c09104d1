//! The x86_64 kernel: one ELF file for both kinds of domain 0.
//!
//! Its notes name two ways in. As a PV guest ([`pv`]) Xen fills the hypercall page, maps the kernel at
//! 1 MB and enters it in 64-bit mode; as PVH ([`pvh`]) Xen enters it with paging off in 32-bit mode.
//! From there on the two have the same way to Xen: the hypercall page, whose code differs.

mod memory;
mod paravirtual;
mod pv;
mod pvh;
mod traps;

use xen_abi::xen_public::elfnote::NoteType;

pub(super) use super::interrupts::{keep_out, let_in};
use super::x86::notes;
pub(super) use super::x86::{END, Way, fault, ticks, ticks_per_second, way};
pub(super) use traps::handle as handle_traps;

notes!(
    r#"
    xen_note {pae_mode}, .asciz "yes"
    xen_note {entry}, .quad _start
    xen_note {phys32_entry}, .long pvh_start
    xen_note {page}, .quad hypercall_page
    xen_note {virt_base}, .quad 0
    "#;
    entry = NoteType::ENTRY,
    phys32_entry = NoteType::PHYS32_ENTRY,
    page = NoteType::HYPERCALL_PAGE,
    virt_base = NoteType::VIRT_BASE,
    pae_mode = NoteType::PAE_MODE
);
