//! The memory that Xen has given to this domain, seen from three sides that must agree: the list of
//! machine frames in the start info, Xen's own table from machine frames back to ours, and the
//! processor's page table register.

use core::arch::asm;

use guests::report::Report;
use xen_abi::hypercall::Conduit;
use xen_abi::xen_public::abi::x86_64::arch_x86::xen_x86_64::machine_to_phys_mapping;
use xen_abi::xen_public::arch_x86::xen_x86_64::xen_cr3_to_pfn;
use xen_abi::xen_public::xen::{PAGE_SHIFT, StartInfoX86_64};

/// Where Xen shows its table from machine to pseudo-physical frames to 64-bit PV guests.
const MACHINE_TO_PHYS: usize = machine_to_phys_mapping as usize;

/// Every page of the domain has a machine frame that Xen's table maps back to it, and the page
/// table in use is the one that the start info names.
///
/// # Safety
///
/// `info` is the start info that Xen gave to this kernel, and its list has what the kernel has changed
/// of its memory's frames since.
pub(super) unsafe fn check<C: Conduit>(info: &StartInfoX86_64, report: &mut Report<'_, C>) {
    let list = core::ptr::with_exposed_provenance::<u64>(info.mfn_list as usize);
    let table = core::ptr::with_exposed_provenance::<u64>(MACHINE_TO_PHYS);
    // SAFETY: the list that Xen made has `nr_pages` entries in mapped memory of this domain, the
    // number is less than that in both uses below, and nothing writes the list.
    let frame_of = |pfn: u64| unsafe { list.wrapping_add(pfn as usize).read() };
    // SAFETY: Xen maps the table for reading, with an entry for each frame of the machine, and the
    // frame is one that Xen itself named. Xen may write the entry of a frame as it changes hands,
    // so the read is volatile.
    let page_of = |mfn: u64| unsafe { table.wrapping_add(mfn as usize).read_volatile() };

    let strangers = (0..info.nr_pages)
        .filter(|&pfn| page_of(frame_of(pfn)) != pfn)
        .count();
    report.say(format_args!(
        "pages: {}, not mapped back: {strangers}",
        info.nr_pages
    ));
    report.check(
        strangers == 0,
        format_args!("pages are not mapped back by Xen's table"),
    );

    let cr3: u64;
    // SAFETY: reading cr3 has no effect; Xen emulates the instruction for a PV kernel.
    unsafe { asm!("mov {}, cr3", out(reg) cr3, options(nomem, nostack, preserves_flags)) };
    let expected = frame_of(info.pt_base >> PAGE_SHIFT);
    report.say(format_args!(
        "page table: cr3 {cr3:#x}, frame of pt_base {expected:#x}"
    ));
    report.check(
        xen_cr3_to_pfn(cr3) == expected,
        format_args!("cr3 does not name the page table of the start info"),
    );
}
