//! What is particular to Arm, 32 and 64 bits (`xen/include/public/arch-arm.h`).

pub mod smccc;

use crate::record::record;

record! {
    /// Arm's part of a virtual processor's shared record: empty.
    #[repr(C)]
    #[derive(Debug, PartialEq, Eq)]
    #[doc(alias = "arch_vcpu_info")]
    ArchVcpuInfoArm {} is arch_arm::arch_vcpu_info in arm32 arm64
}

record! {
    /// Arm's part of the shared page: empty.
    #[repr(C)]
    #[derive(Debug, PartialEq, Eq)]
    #[doc(alias = "arch_shared_info")]
    ArchSharedInfoArm {} is arch_arm::arch_shared_info in arm32 arm64
}
