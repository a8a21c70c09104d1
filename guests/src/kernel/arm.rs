//! What the kernels of both ARM processors have in common: what the device tree tells, and the program.
//!
//! Xen loads the kernel somewhere in the domain's memory and enters it with the MMU off and the address
//! of a device tree. The entries (`arm64.rs`, `arm32.rs`) map two things as normal memory: the kernel
//! at the address that it was linked at, and the second gigabyte of physical addresses, where QEMU's
//! machine has its memory, at the same virtual ones. Domain 0's frames are the machine's. The first
//! gigabyte, where the machine has its devices, is mapped to itself as such.
//!
//! The hole for foreign frames is the region that Xen offers for that in the device tree's node
//! `/hypervisor`. Upcalls come as the interrupt that the same node names, by the controller (`gic.rs`).

use guests::device_tree::{self, Region};
use guests::report::Report;
use xen_abi::hypercall::sched_op::ShutdownReason;
use xen_abi::version::Guest;
use xen_abi::xen_public::features::Features;
use xen_abi::xen_public::xen::PAGE_SIZE;

use super::translated::{HOLE_PAGES, Translated};
use super::{ask, die, finish, gic, known, processor};

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

/// The physical addresses that are mapped to themselves as memory.
const MAPPED: core::ops::Range<usize> = 0x4000_0000..0x8000_0000;
/// Those that are mapped as devices.
const DEVICES: core::ops::Range<usize> = 0..0x4000_0000;
/// How many bytes of registers both parts of the interrupt controller have.
const REGISTERS: usize = 0x1000;

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
    let told = match device_tree::read(&tree) {
        Ok(told) => told,
        Err(lack) => die(format_args!("{lack}")),
    };
    let (hole, needed) = (told.hole, HOLE_PAGES * PAGE_SIZE);
    report.say(format_args!(
        "hole: {:#x} bytes at {:#x}",
        hole.size, hole.start
    ));
    let used = Region {
        start: hole.start,
        size: needed,
    };
    if hole.size < needed || hole.start % PAGE_SIZE != 0 || !used.is_in(&MAPPED) {
        die(format_args!("{needed:#x} bytes of it are not mapped"));
    }
    let (distributor, interface) = (told.distributor, told.interface);
    report.say(format_args!(
        "interrupt controller at {:#x} and {:#x}: {} for upcalls, {} for the timer",
        distributor.start, interface.start, told.upcall, told.timer
    ));
    for registers in [distributor, interface] {
        if registers.size < REGISTERS || !registers.is_in(&DEVICES) {
            die(format_args!(
                "{REGISTERS:#x} bytes of registers are not mapped"
            ));
        }
    }
    // SAFETY: the registers are mapped, and both processors' vectors lead to the handler.
    unsafe { gic::start(&told) };
    let above = (&raw const KERNEL_START).addr().wrapping_sub(base);
    // SAFETY: the kernel is mapped from `base` on. Nothing is in the region, as Xen says, and it is
    // mapped to itself.
    let machine =
        unsafe { Translated::new(known(), Guest::Arm, told.command_line, above, hole.start) };
    ask(&machine, &mut report, "hvc", NEEDED, OTHERS);
    finish(&machine, report)
}
