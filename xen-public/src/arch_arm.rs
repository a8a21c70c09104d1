//! What is particular to Arm, 32 and 64 bits (`xen/include/public/arch-arm.h`).

use crate::record::record;

record! {
    /// Arm's part of a virtual processor's shared record: empty.
    #[repr(C)]
    #[derive(Debug, PartialEq, Eq)]
    #[doc(alias = "arch_vcpu_info")]
    ArchVcpuInfoArm {}
}

record! {
    /// Arm's part of the shared page: empty.
    #[repr(C)]
    #[derive(Debug, PartialEq, Eq)]
    #[doc(alias = "arch_shared_info")]
    ArchSharedInfoArm {}
}
