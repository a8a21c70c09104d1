//! What the hypervisor offers this domain (`xen/include/public/features.h`).
//!
//! Features are numbered from 0. `XENVER_get_features` tells them 32 at a time: the
//! guest asks for a submap by index and Xen answers with a word in which bit `n` of
//! submap `i` stands for feature `32 * i + n`. [`Features`] is such a word for
//! submap 0, the only one so far; [`Feature`] is a feature's number. A kernel names
//! the features that it can use or needs in its ELF notes, as numbers or as a string
//! that [`note_names`] reads.

use core::fmt;

/// How many submaps these headers know: `XENVER_get_features` with a greater index
/// has nothing named to tell.
#[doc(alias = "XENFEAT_NR_SUBMAPS")]
pub const NR_SUBMAPS: u32 = 1;

crate::words::open_enum! {
    /// A feature's number.
    #[doc(alias = "XENFEAT_")]
    Feature(u32) {
        /// Page tables need no write protection: the guest writes entries itself.
        WRITABLE_PAGE_TABLES = 0 => "XENFEAT_writable_page_tables",
        /// Descriptor tables need no write protection.
        WRITABLE_DESCRIPTOR_TABLES = 1 => "XENFEAT_writable_descriptor_tables",
        /// Xen translates between the guest's frame numbers and the machine's: gfn is pfn.
        AUTO_TRANSLATED_PHYSMAP = 2 => "XENFEAT_auto_translated_physmap",
        /// The guest kernel runs in the processor's supervisor mode.
        SUPERVISOR_MODE_KERNEL = 3 => "XENFEAT_supervisor_mode_kernel",
        /// x86_32 page directories may lie above 4 GiB.
        PAE_PGDIR_ABOVE_4GB = 4 => "XENFEAT_pae_pgdir_above_4gb",
        /// x86 PV: `MMU_PT_UPDATE_PRESERVE_AD` is there.
        MMU_PT_UPDATE_PRESERVE_AD = 5 => "XENFEAT_mmu_pt_update_preserve_ad",
        /// x86 PV: `MMUEXT_CLEAR_PAGE` and `MMUEXT_COPY_PAGE` are there.
        HIGHMEM_ASSIST = 6 => "XENFEAT_highmem_assist",
        /// Mapping a grant honours the flags for the page table entry's software bits.
        GNTTAB_MAP_AVAIL_BITS = 7 => "XENFEAT_gnttab_map_avail_bits",
        /// x86 HVM: event channels can be announced by an interrupt vector.
        HVM_CALLBACK_VECTOR = 8 => "XENFEAT_hvm_callback_vector",
        /// x86 HVM: the time records of `vcpu_time_info` can be relied on.
        HVM_SAFE_PVCLOCK = 9 => "XENFEAT_hvm_safe_pvclock",
        /// x86 HVM: physical interrupts can be bound to event channels.
        HVM_PIRQS = 10 => "XENFEAT_hvm_pirqs",
        /// The domain is the hardware domain; in a kernel's ELF note: it can be one.
        DOM0 = 11 => "XENFEAT_dom0",
        /// `XENMEMF_vnode` may name a virtual NUMA node in memory operations.
        MEMORY_OP_VNODE_SUPPORTED = 13 => "XENFEAT_memory_op_vnode_supported",
        /// Arm: the hypervisor follows the SMC calling convention.
        ARM_SMCCC_SUPPORTED = 14 => "XENFEAT_ARM_SMCCC_supported",
        /// x86 PVH, in the ELF note of a Linux kernel: the ACPI root pointer may lie anywhere.
        LINUX_RSDP_UNRESTRICTED = 15 => "XENFEAT_linux_rsdp_unrestricted",
        /// The guest's frame numbers are not those of the machine.
        NOT_DIRECT_MAPPED = 16 => "XENFEAT_not_direct_mapped",
        /// The guest's frame numbers are those of the machine.
        DIRECT_MAPPED = 17 => "XENFEAT_direct_mapped",
        /// `VCPUOP_register_runstate_phys_area` is there.
        RUNSTATE_PHYS_AREA = 18 => "XENFEAT_runstate_phys_area",
        /// `VCPUOP_register_vcpu_time_phys_area` is there.
        VCPU_TIME_PHYS_AREA = 19 => "XENFEAT_vcpu_time_phys_area",
        /// Device models see every write to an MSI-X vector's control word.
        DM_MSIX_ALL_WRITES = 20 => "XENFEAT_dm_msix_all_writes",
    }
}

impl Feature {
    /// The submap to ask for with `XENVER_get_features`.
    #[inline]
    pub const fn submap(self) -> u32 {
        self.0 / u32::BITS
    }

    /// The feature's bit in its submap.
    #[inline]
    pub const fn mask(self) -> u32 {
        1 << (self.0 % u32::BITS)
    }

    /// Finds a feature by its name without `XENFEAT_`, as ELF notes spell it.
    pub fn from_note_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|feature| feature.name().and_then(|n| n.strip_prefix("XENFEAT_")) == Some(name))
    }
}

crate::words::flags! {
    /// Submap 0: features 0 to 31. Written by Xen. Bits that newer hypervisors set
    /// are kept.
    #[doc(alias = "xen_feature_info")]
    Features(u32) {
        /// Page tables need no write protection: the guest writes entries itself.
        WRITABLE_PAGE_TABLES = 1 << 0 => "XENFEAT_writable_page_tables",
        /// Descriptor tables need no write protection.
        WRITABLE_DESCRIPTOR_TABLES = 1 << 1 => "XENFEAT_writable_descriptor_tables",
        /// Xen translates between the guest's frame numbers and the machine's: gfn is pfn.
        AUTO_TRANSLATED_PHYSMAP = 1 << 2 => "XENFEAT_auto_translated_physmap",
        /// The guest kernel runs in the processor's supervisor mode.
        SUPERVISOR_MODE_KERNEL = 1 << 3 => "XENFEAT_supervisor_mode_kernel",
        /// x86_32 page directories may lie above 4 GiB.
        PAE_PGDIR_ABOVE_4GB = 1 << 4 => "XENFEAT_pae_pgdir_above_4gb",
        /// x86 PV: `MMU_PT_UPDATE_PRESERVE_AD` is there.
        MMU_PT_UPDATE_PRESERVE_AD = 1 << 5 => "XENFEAT_mmu_pt_update_preserve_ad",
        /// x86 PV: `MMUEXT_CLEAR_PAGE` and `MMUEXT_COPY_PAGE` are there.
        HIGHMEM_ASSIST = 1 << 6 => "XENFEAT_highmem_assist",
        /// Mapping a grant honours the flags for the page table entry's software bits.
        GNTTAB_MAP_AVAIL_BITS = 1 << 7 => "XENFEAT_gnttab_map_avail_bits",
        /// x86 HVM: event channels can be announced by an interrupt vector.
        HVM_CALLBACK_VECTOR = 1 << 8 => "XENFEAT_hvm_callback_vector",
        /// x86 HVM: the time records of `vcpu_time_info` can be relied on.
        HVM_SAFE_PVCLOCK = 1 << 9 => "XENFEAT_hvm_safe_pvclock",
        /// x86 HVM: physical interrupts can be bound to event channels.
        HVM_PIRQS = 1 << 10 => "XENFEAT_hvm_pirqs",
        /// The domain is the hardware domain; in a kernel's ELF note: it can be one.
        DOM0 = 1 << 11 => "XENFEAT_dom0",
        /// `XENMEMF_vnode` may name a virtual NUMA node in memory operations.
        MEMORY_OP_VNODE_SUPPORTED = 1 << 13 => "XENFEAT_memory_op_vnode_supported",
        /// Arm: the hypervisor follows the SMC calling convention.
        ARM_SMCCC_SUPPORTED = 1 << 14 => "XENFEAT_ARM_SMCCC_supported",
        /// x86 PVH, in the ELF note of a Linux kernel: the ACPI root pointer may lie anywhere.
        LINUX_RSDP_UNRESTRICTED = 1 << 15 => "XENFEAT_linux_rsdp_unrestricted",
        /// The guest's frame numbers are not those of the machine.
        NOT_DIRECT_MAPPED = 1 << 16 => "XENFEAT_not_direct_mapped",
        /// The guest's frame numbers are those of the machine.
        DIRECT_MAPPED = 1 << 17 => "XENFEAT_direct_mapped",
        /// `VCPUOP_register_runstate_phys_area` is there.
        RUNSTATE_PHYS_AREA = 1 << 18 => "XENFEAT_runstate_phys_area",
        /// `VCPUOP_register_vcpu_time_phys_area` is there.
        VCPU_TIME_PHYS_AREA = 1 << 19 => "XENFEAT_vcpu_time_phys_area",
        /// Device models see every write to an MSI-X vector's control word.
        DM_MSIX_ALL_WRITES = 1 << 20 => "XENFEAT_dm_msix_all_writes",
    }
}

impl Features {
    /// Whether a feature is set; one beyond feature 31 is not.
    #[inline]
    pub const fn has(self, feature: Feature) -> bool {
        feature.submap() == 0 && self.0 & feature.mask() != 0
    }
}

/// A feature named in a kernel's `XEN_ELFNOTE_FEATURES` string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoteFeature<'a> {
    /// The name as written, without the `!`.
    pub name: &'a str,
    /// Whether the kernel cannot run without it (a `!` stood before the name).
    pub required: bool,
}

impl NoteFeature<'_> {
    /// The feature's number, or `None` if these headers do not name it.
    pub fn feature(&self) -> Option<Feature> {
        Feature::from_note_name(self.name)
    }
}

impl fmt::Display for NoteFeature<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.required { "!" } else { "" })?;
        f.write_str(self.name)
    }
}

/// Reads a `XEN_ELFNOTE_FEATURES` string: names separated by `|`, each with a `!`
/// before it if the kernel needs the feature. Empty names are passed over.
///
/// ```
/// use xen_public::features::{Feature, note_names};
///
/// let mut names = note_names("!writable_page_tables|some_new_feature");
/// let first = names.next().unwrap();
/// assert!(first.required && first.feature() == Some(Feature::WRITABLE_PAGE_TABLES));
/// assert_eq!(names.next().unwrap().feature(), None);
/// ```
pub fn note_names(text: &str) -> impl Iterator<Item = NoteFeature<'_>> {
    text.split('|').filter_map(|item| {
        let (name, required) = match item.strip_prefix('!') {
            Some(name) => (name, true),
            None => (item, false),
        };
        (!name.is_empty()).then_some(NoteFeature { name, required })
    })
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::format;

    #[test]
    fn every_numbered_feature_has_its_flag() {
        assert_eq!(Feature::ALL.len(), Features::NAMED.len());
        for (feature, &(name, flag)) in Feature::ALL.iter().zip(Features::NAMED) {
            assert_eq!(feature.name(), Some(name));
            assert_eq!(feature.mask(), flag.bits());
            assert!(feature.submap() < NR_SUBMAPS);
            assert!(flag.has(*feature));
            assert!(!(Features::from_bits(!0) - flag).has(*feature));
        }
    }

    #[test]
    fn unknown_bits_are_kept_and_shown() {
        let features = Features::DOM0 | Features::from_bits(1 << 31);
        assert_eq!(format!("{features}"), "XENFEAT_dom0 | 0x80000000");
        assert_eq!(features.unknown().bits(), 1 << 31);
        assert_eq!(format!("{:?}", Features::EMPTY), "Features(0x0)");
        assert_eq!(format!("{}", Features::DOM0), "XENFEAT_dom0");
    }

    #[test]
    fn features_beyond_the_first_submap_are_not_mistaken_for_low_ones() {
        let far = Feature::new(32 + 11);
        assert_eq!((far.submap(), far.mask()), (1, 1 << 11));
        assert!(!Features::from_bits(!0).has(far));
    }

    #[test]
    fn note_strings_are_read_as_written() {
        let read: std::vec::Vec<_> = note_names("!dom0||x|!").map(|n| format!("{n}")).collect();
        assert_eq!(read, ["!dom0", "x"]);
        assert_eq!(
            Feature::from_note_name("ARM_SMCCC_supported"),
            Some(Feature::ARM_SMCCC_SUPPORTED)
        );
        assert_eq!(Feature::from_note_name("XENFEAT_dom0"), None);
    }
}
