//! By what a guest tells that it is Xen who answers its SMC and HVC calls
//! (`xen/include/public/arch-arm/smccc.h`).
//!
//! Arm's calling convention has each range of function numbers name its owner: the UID query of a range
//! returns the owner's UUID, four bytes in each of the registers 0 to 3, in the order in which the UUID's
//! bytes stand in memory on a little-endian machine.

use crate::xen::Uuid;

/// Xen, as the owner of the hypervisor service calls.
pub const XEN_SMCCC_UID: Uuid = Uuid::new(
    0xa718_12dc,
    0xc698,
    0x4369,
    0x9acf,
    [0x79, 0xd1, 0x8d, 0xde, 0xe6, 0x67],
);

/// Xen, as the owner of the standard service calls.
pub const SSSC_SMCCC_UID: Uuid = Uuid::new(
    0xf863_386f,
    0x4b39,
    0x4cbd,
    0x9220,
    [0xce, 0x16, 0x41, 0xe5, 0x9f, 0x6f],
);
