//! Saved state of a hardware-virtualised domain (`xen/include/public/hvm/save.h`,
//! `xen/include/public/arch-x86/hvm/save.h`).
//!
//! `XEN_DOMCTL_gethvmcontext` gives the toolstack a buffer that Xen filled with
//! records, one for each device or virtual processor, and
//! `XEN_DOMCTL_sethvmcontext` takes such a buffer back. Before each record stands
//! an eight-byte `hvm_save_descriptor`: a type code, an instance (the virtual
//! processor, most often) and the record's length. An `END` record closes the
//! buffer.
//!
//! [`SaveRecord`] binds each record's type to its code. It is implemented for the
//! generated types of every ABI that has them; on arm only the `END` record is
//! declared. [`X86_RECORDS`] and [`ARM_RECORDS`] list the same as data, for readers
//! of a buffer.
//!
//! Two x86 records vary in length, and C binds no type to them: code 16
//! (`CPU_XSAVE_CODE`, extended processor state) and code 20 (`CPU_MSR_CODE`,
//! model-specific registers). Of all others too, take the length from the
//! descriptor: a newer release may have added fields (4.20 added one to `LAPIC`).
//! Xen itself is a 64-bit program, so a buffer holds the types of `abi::x86_64`,
//! also for a 32-bit toolstack or guest; `LAPIC` is shorter by four bytes in
//! `abi::x86_32`, all others are alike.

/// A type that is the body of a save record.
///
/// ```
/// use xen_public::abi::x86_64::arch_x86::hvm::save::hvm_hw_cpu;
/// use xen_public::hvm::save::SaveRecord;
/// assert_eq!((hvm_hw_cpu::CODE, hvm_hw_cpu::LENGTH), (2, 1032));
/// ```
#[doc(alias = "HVM_SAVE_TYPE")]
pub trait SaveRecord: Copy {
    /// What C calls the record, `CPU` for example.
    const NAME: &'static str;

    /// The record's type code, as it stands in `hvm_save_descriptor.typecode`.
    #[doc(alias = "HVM_SAVE_CODE")]
    const CODE: u16;

    /// The record's length in bytes in the newest release, as it stands in
    /// `hvm_save_descriptor.length`.
    #[doc(alias = "HVM_SAVE_LENGTH")]
    const LENGTH: u32 = size_of::<Self>() as u32;
}

/// What [`SaveRecord`] says of a type, as data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordKind {
    /// What C calls the record.
    pub name: &'static str,
    /// Its type code.
    pub code: u16,
    /// Its length in bytes in the newest release.
    pub length: u32,
}

impl RecordKind {
    /// That of a type.
    pub const fn of<T: SaveRecord>() -> Self {
        Self {
            name: T::NAME,
            code: T::CODE,
            length: T::LENGTH,
        }
    }
}

/// Implements the trait for a type, and holds the code against the length of the
/// array with which C encodes it.
macro_rules! record {
    ($name:literal, $code:literal, $ty:ty, $encoded:ty) => {
        impl SaveRecord for $ty {
            const NAME: &'static str = $name;
            const CODE: u16 = $code;
        }

        encoded!($code, $encoded);
    };
}

/// Holds a code against the length of the array with which C encodes it.
macro_rules! encoded {
    ($code:literal, $encoded:ty) => {
        const _: () = assert!(size_of_val(&<$encoded>::ZERO.c) == $code);
    };
}

/// `two` records differ between the x86 ABIs and are two types there, `one` is the same in both.
macro_rules! x86_records {
    ($($types:ident $name:literal = $code:literal, $ty:ident, $encoded:ident;)*) => {
        $(
            record!($name, $code, crate::abi::x86_64::arch_x86::hvm::save::$ty,
                crate::abi::x86_64::arch_x86::hvm::save::$encoded);
            x86_32_record!($types $name, $code, crate::abi::x86_32::arch_x86::hvm::save::$ty,
                crate::abi::x86_32::arch_x86::hvm::save::$encoded);
        )*

        /// The records of an x86 domain, by code, with the lengths that Xen, a 64-bit
        /// program, gives them.
        pub const X86_RECORDS: &[RecordKind] = &[
            RecordKind::of::<crate::abi::x86_64::hvm::save::hvm_save_end>(),
            $(RecordKind::of::<crate::abi::x86_64::arch_x86::hvm::save::$ty>(),)*
        ];
    };
}

macro_rules! x86_32_record {
    (two $name:literal, $code:literal, $ty:ty, $encoded:ty) => {
        record!($name, $code, $ty, $encoded);
    };
    (one $name:literal, $code:literal, $ty:ty, $encoded:ty) => {
        encoded!($code, $encoded);
    };
}

// One type in all four ABIs.
record!(
    "END",
    0,
    crate::abi::x86_64::hvm::save::hvm_save_end,
    crate::abi::x86_64::hvm::save::__HVM_SAVE_TYPE_END
);
encoded!(0, crate::abi::x86_32::hvm::save::__HVM_SAVE_TYPE_END);
encoded!(0, crate::abi::arm32::hvm::save::__HVM_SAVE_TYPE_END);
encoded!(0, crate::abi::arm64::hvm::save::__HVM_SAVE_TYPE_END);

/// The records of an arm domain.
pub const ARM_RECORDS: &[RecordKind] =
    &[RecordKind::of::<crate::abi::arm64::hvm::save::hvm_save_end>()];

x86_records! {
    two "HEADER" = 1, hvm_save_header, __HVM_SAVE_TYPE_HEADER;
    two "CPU" = 2, hvm_hw_cpu, __HVM_SAVE_TYPE_CPU;
    one "PIC" = 3, hvm_hw_vpic, __HVM_SAVE_TYPE_PIC;
    two "IOAPIC" = 4, hvm_hw_vioapic, __HVM_SAVE_TYPE_IOAPIC;
    two "LAPIC" = 5, hvm_hw_lapic, __HVM_SAVE_TYPE_LAPIC;
    one "LAPIC_REGS" = 6, hvm_hw_lapic_regs, __HVM_SAVE_TYPE_LAPIC_REGS;
    two "PCI_IRQ" = 7, hvm_hw_pci_irqs, __HVM_SAVE_TYPE_PCI_IRQ;
    two "ISA_IRQ" = 8, hvm_hw_isa_irqs, __HVM_SAVE_TYPE_ISA_IRQ;
    one "PCI_LINK" = 9, hvm_hw_pci_link, __HVM_SAVE_TYPE_PCI_LINK;
    one "PIT" = 10, hvm_hw_pit, __HVM_SAVE_TYPE_PIT;
    two "RTC" = 11, hvm_hw_rtc, __HVM_SAVE_TYPE_RTC;
    two "HPET" = 12, hvm_hw_hpet, __HVM_SAVE_TYPE_HPET;
    one "PMTIMER" = 13, hvm_hw_pmtimer, __HVM_SAVE_TYPE_PMTIMER;
    two "MTRR" = 14, hvm_hw_mtrr, __HVM_SAVE_TYPE_MTRR;
    two "VIRIDIAN_DOMAIN" = 15, hvm_viridian_domain_context, __HVM_SAVE_TYPE_VIRIDIAN_DOMAIN;
    two "VIRIDIAN_VCPU" = 17, hvm_viridian_vcpu_context, __HVM_SAVE_TYPE_VIRIDIAN_VCPU;
    two "VMCE_VCPU" = 18, hvm_vmce_vcpu, __HVM_SAVE_TYPE_VMCE_VCPU;
    two "TSC_ADJUST" = 19, hvm_tsc_adjust, __HVM_SAVE_TYPE_TSC_ADJUST;
}
