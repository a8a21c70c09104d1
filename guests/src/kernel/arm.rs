//! What the kernels of both ARM processors have in common: what the device tree tells, and the program.
//!
//! Xen loads the kernel somewhere in the domain's memory and enters it with the MMU off and the address
//! of a device tree. The entries (`arm64.rs`, `arm32.rs`) map two things as normal memory: the kernel
//! at the address that it was linked at, and the second gigabyte of physical addresses, where QEMU's
//! machine has its memory, at the same virtual ones. Domain 0's frames are the machine's.
//!
//! The hole for foreign frames is the region that Xen offers for that in the device tree's node
//! `/hypervisor`. Upcalls would come as the interrupt that the same node names; the kernels have no
//! interrupt controller and look at the shared page instead.

use guests::report::Report;
use xen_abi::hypercall::sched_op::ShutdownReason;
use xen_abi::version::Guest;
use xen_abi::xen_public::features::Features;
use xen_abi::xen_public::xen::PAGE_SIZE;

use super::translated::{HOLE_PAGES, Translated};
use super::{ask, die, finish, processor};

/// How a kernel of this processor ends.
pub(super) const END: ShutdownReason = ShutdownReason::POWEROFF;

/// What an ARM domain 0 relies on.
const NEEDED: Features = Features::WRITABLE_PAGE_TABLES
    .union(Features::AUTO_TRANSLATED_PHYSMAP)
    .union(Features::DOM0)
    .union(Features::MEMORY_OP_VNODE_SUPPORTED)
    .union(Features::ARM_SMCCC_SUPPORTED);

/// What belongs to x86, and to guests whose frames are not the machine's.
const OTHERS: Features = Features::MMU_PT_UPDATE_PRESERVE_AD
    .union(Features::HIGHMEM_ASSIST)
    .union(Features::GNTTAB_MAP_AVAIL_BITS)
    .union(Features::HVM_CALLBACK_VECTOR)
    .union(Features::HVM_SAFE_PVCLOCK)
    .union(Features::HVM_PIRQS)
    .union(Features::NOT_DIRECT_MAPPED);

/// The physical addresses that are mapped to themselves.
const MAPPED: core::ops::Range<usize> = 0x4000_0000..0x8000_0000;

unsafe extern "C" {
    /// Where the linker script begins the kernel's memory.
    #[link_name = "kernel_start"]
    static KERNEL_START: u8;
}

/// The kernel, on its own stack, mapped where it was linked: `tree` is the device tree's address and
/// `base` that of the kernel, both physical.
pub(super) extern "C" fn run(tree: usize, base: usize) -> ! {
    let xen = processor::way();
    let mut report = Report::new(&xen);
    report.say(format_args!(
        "loaded at {base:#x}, device tree at {tree:#x}"
    ));
    if !MAPPED.contains(&tree) {
        die(format_args!("the device tree is not in the mapped memory"));
    }
    // SAFETY: Xen put a device tree there, in memory that is mapped and that nothing writes.
    let tree = match unsafe { fdt::Fdt::from_ptr(core::ptr::with_exposed_provenance(tree)) } {
        Ok(tree) => tree,
        Err(error) => die(format_args!("the device tree: {error}")),
    };
    let command_line = tree.chosen().bootargs().unwrap_or_default();
    let region = tree
        .find_node("/hypervisor")
        .and_then(|node| node.reg()?.next());
    let Some(region) = region else {
        die(format_args!(
            "the device tree has no /hypervisor with a region"
        ))
    };
    let (hole, size) = (
        region.starting_address.addr(),
        region.size.unwrap_or_default(),
    );
    report.say(format_args!("hole: {size:#x} bytes at {hole:#x}"));
    let needed = HOLE_PAGES * PAGE_SIZE;
    if size < needed || hole % PAGE_SIZE != 0 || hole < MAPPED.start || hole > MAPPED.end - needed {
        die(format_args!("{needed:#x} bytes of it are not mapped"));
    }
    let above = (&raw const KERNEL_START).addr().wrapping_sub(base);
    // SAFETY: the kernel is mapped from `base` on. Nothing is in the region, as Xen says, and it is
    // mapped to itself.
    let machine =
        unsafe { Translated::new(processor::way(), Guest::Arm, command_line, above, hole) };
    ask(&machine, &mut report, "hvc", NEEDED, OTHERS);
    finish(&machine, report)
}
