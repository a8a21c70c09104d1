//! Device-model operations (`xen/include/public/hvm/dm_op.h`).
//!
//! An emulator claims the PCI functions whose configuration space it answers for.
//! `XEN_DMOP_map_io_range_to_ioreq_server` takes them as a range of numbers that
//! pack segment, bus, device and function; [`xen_dmop_pci_sbdf`] packs one.

/// The number of a PCI function: `segment` in bits 16 to 31, `bus` in 8 to 15,
/// `device` (its low five bits) in 3 to 7, `function` (its low three) in 0 to 2.
///
/// The `start` and `end` of a range are 64 bits wide: extend this with zeros. (In C
/// a segment above `0x7fff` given as a plain `int` is extended with its sign.)
#[doc(alias = "XEN_DMOP_PCI_SBDF")]
pub const fn xen_dmop_pci_sbdf(segment: u16, bus: u8, device: u8, function: u8) -> u32 {
    (segment as u32) << 16
        | (bus as u32) << 8
        | ((device & 0x1f) as u32) << 3
        | (function & 0x07) as u32
}
