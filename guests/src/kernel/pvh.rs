//! How a PVH kernel starts, in either word size: what Xen tells it, and the hypercall page.
//!
//! Xen enters with paging off and the physical address of a `hvm_start_info` in ebx
//! (`xen/include/public/arch-x86/hvm/start_info.h`). The kernel finds Xen by its CPUID leaves and asks
//! for the hypercall page. Until it is there, there is no way to tell anyone what is wrong: the kernel
//! then stops with an invalid instruction.

use core::ffi::CStr;

use guests::checks;
use guests::report::Report;
use xen_abi::hypercall::cpu::{HvmCall, HypercallPage, Instruction, XenLeaves};
use xen_abi::hypercall::memory_op::{E820Entry, memory_map};
use xen_abi::hypercall::{Conduit, Xen};
use xen_abi::version::Guest;
use xen_abi::xen_public::features::Features;
use xen_abi::xen_public::native::arch_x86::hvm::start_info::{
    XEN_HVM_START_MAGIC_VALUE, hvm_start_info,
};
use xen_abi::xen_public::xen::PAGE_SIZE;

use super::translated::{HOLE_PAGES, Translated};
use super::x86::OwnPage;
use super::{ask, finish, known, processor};

/// What a PVH domain 0 relies on.
const NEEDED: Features = Features::WRITABLE_PAGE_TABLES
    .union(Features::AUTO_TRANSLATED_PHYSMAP)
    .union(Features::HVM_CALLBACK_VECTOR)
    .union(Features::HVM_SAFE_PVCLOCK)
    .union(Features::DOM0)
    .union(Features::MEMORY_OP_VNODE_SUPPORTED);

/// What belongs to PV guests.
const OTHERS: Features = Features::MMU_PT_UPDATE_PRESERVE_AD
    .union(Features::HIGHMEM_ASSIST)
    .union(Features::GNTTAB_MAP_AVAIL_BITS)
    .union(Features::DIRECT_MAPPED);

/// Where the windows stand: at 1 GB, above all memory of the machine and below its devices.
const HOLE: usize = 0x4000_0000;

/// The kernel, on its own stack, with physical addresses mapped as they are.
///
/// # Safety
///
/// `start_info` is the address that Xen gave, and the first 4 GB of addresses are mapped to
/// themselves. Nobody else uses the addresses at [`HOLE`].
pub(super) unsafe fn run(start_info: usize) -> ! {
    let Ok(leaves) = XenLeaves::find() else {
        super::x86::fault()
    };
    // SAFETY: this is the kernel of a PVH guest, and the page is its own and for nothing else.
    if unsafe { leaves.install(0, OwnPage::address() as u64) }.is_err() {
        super::x86::fault();
    }
    processor::handle_traps();
    let xen = processor::way();
    // SAFETY: Xen gave the address of a start info that nothing writes any more. All bit patterns
    // are values of it.
    let info = unsafe { at::<hvm_start_info>(start_info as u64).read() };
    // SAFETY: the address is that of the command line, a string that ends with a NUL.
    let command_line = unsafe { text(info.cmdline_paddr) };
    // SAFETY: addresses are physical ones; `check` sees that the hole is one.
    let machine = unsafe { Translated::new(known(), Guest::Hvm, command_line, 0, HOLE) };
    let mut report = Report::new(&xen);
    check(&info, &known(), &mut report);
    ask(&machine, &mut report, "hypercall page", NEEDED, OTHERS);
    // SAFETY: this is the kernel of a PVH guest.
    match unsafe { HvmCall::detect() } {
        Ok(direct) => {
            let way = match direct.instruction() {
                Instruction::Vmcall => "vmcall",
                Instruction::Vmmcall => "vmmcall",
            };
            checks::same_xen(&xen, &direct, &mut report, way);
            checks::unknown_hypercall(&direct, &mut report, way);
            checks::five_arguments(&direct, &mut report, way, command_line);
        }
        Err(error) => report.fail(format_args!("{error}")),
    }
    finish(&machine, report)
}

/// A pointer to something that Xen left at a physical address.
fn at<T>(address: u64) -> *const T {
    core::ptr::with_exposed_provenance(address as usize)
}

/// A string of Xen's; nothing for address 0 or what is no text.
///
/// # Safety
///
/// There is a string that ends with a NUL, or the address is 0.
unsafe fn text(address: u64) -> &'static str {
    if address == 0 {
        return "";
    }
    // SAFETY: the caller vouches for it, and nothing writes it.
    unsafe { CStr::from_ptr(at(address)) }
        .to_str()
        .unwrap_or_default()
}

/// The start info is one, and there is nothing where the windows are to stand, by the memory map that
/// Xen gives to the domain (that of the start info is not there in domain 0).
fn check<C: Conduit>(info: &hvm_start_info, xen: &Xen<C>, report: &mut Report<'_, C>) {
    const ROOM: usize = 64;

    report.say(format_args!(
        "start info: magic {:#x}, version {}, flags {:#x}",
        info.magic, info.version, info.flags
    ));
    report.check(
        info.magic == XEN_HVM_START_MAGIC_VALUE as u32,
        format_args!("no start info of a PVH guest"),
    );
    let mut map = [E820Entry::EMPTY; ROOM];
    let count = match memory_map(xen, &mut map) {
        Ok(count) => count,
        Err(error) => {
            report.fail(format_args!("{error}"));
            return;
        }
    };
    report.direct();
    let hole = HOLE as u64..(HOLE + HOLE_PAGES * PAGE_SIZE) as u64;
    report.say(format_args!("memory map: {count} ranges"));
    report.check(count > 0, format_args!("the memory map is empty"));
    for E820Entry { start, size, kind } in map.into_iter().take(count) {
        report.check(
            start >= hole.end || start.saturating_add(size) <= hole.start,
            format_args!("{size:#x} bytes of type {kind:?} at {start:#x}, where a hole should be"),
        );
    }
}
