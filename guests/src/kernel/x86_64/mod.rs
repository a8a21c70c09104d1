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

use core::arch::global_asm;

use xen_abi::hypercall::cpu::{HypercallPage, Page};
use xen_abi::xen_public::elfnote::NoteType;

pub(super) use super::interrupts::{keep_out, let_in};
pub(super) use super::x86::{END, fault, ticks, ticks_per_second};
pub(super) use traps::handle as handle_traps;

global_asm!(
    r#"
    .pushsection .hypercall, "ax", @progbits
    .balign 4096
    .global hypercall_page
hypercall_page:
    .skip 4096
    .popsection

    .pushsection .bss.stack, "aw", @nobits
    .balign 16
    .skip 131072
    .global boot_stack_end
boot_stack_end:
    .popsection

    .macro xen_note type, content:vararg
    .balign 4
    .long 4, 2f - 1f, \type
    .asciz "Xen"
1:  \content
2:  .balign 4
    .endm

    .pushsection .note.Xen, "a", @note
    xen_note {guest_os}, .asciz "xen-abi"
    xen_note {xen_version}, .asciz "xen-3.0"
    xen_note {loader}, .asciz "generic"
    xen_note {pae_mode}, .asciz "yes"
    xen_note {entry}, .quad _start
    xen_note {phys32_entry}, .long pvh_start
    xen_note {page}, .quad hypercall_page
    xen_note {virt_base}, .quad 0
    .popsection
    "#,
    entry = const NoteType::ENTRY.get(),
    phys32_entry = const NoteType::PHYS32_ENTRY.get(),
    page = const NoteType::HYPERCALL_PAGE.get(),
    virt_base = const NoteType::VIRT_BASE.get(),
    xen_version = const NoteType::XEN_VERSION.get(),
    guest_os = const NoteType::GUEST_OS.get(),
    loader = const NoteType::LOADER.get(),
    pae_mode = const NoteType::PAE_MODE.get(),
);

/// The page that the ELF note for the hypercall page names.
pub(super) struct NotedPage;

unsafe extern "C" {
    #[link_name = "hypercall_page"]
    static HYPERCALL_PAGE: [u8; 4096];
}

// SAFETY: the page is aligned to 4096 in a section of its own, nothing in this kernel writes it,
// and Xen fills it before the first hypercall: before it enters a PV kernel whose ELF note names it,
// and as soon as a PVH kernel asks for it.
unsafe impl HypercallPage for NotedPage {
    fn address() -> usize {
        (&raw const HYPERCALL_PAGE).addr()
    }
}

/// The way to Xen.
pub(super) fn way() -> Page<NotedPage> {
    Page::new()
}

/// The address of the page that Xen is to fill.
pub(super) fn hypercall_page() -> usize {
    NotedPage::address()
}
