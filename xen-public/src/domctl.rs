//! Packed option words of the domain-control interface
//! (`xen/include/public/domctl.h`, feature `toolstack`).
//!
//! `xen_domctl_createdomain` carries some options as a small number in the low
//! bits of a 32-bit word whose other bits are reserved. The functions here take
//! that number out of the word; the words are written by the toolstack and read
//! by Xen.

use crate::toolstack::v4_20::x86_64::domctl as c;

/// The highest grant-table version that a domain may use, from `grant_opts`
/// (Xen 4.17 and newer): 1 or 2, or 0 for no grant table.
#[doc(alias = "XEN_DOMCTL_GRANT_version")]
#[doc(alias = "XEN_DOMCTL_GRANT_version_mask")]
pub const fn xen_domctl_grant_version(grant_opts: u32) -> u32 {
    grant_opts & c::XEN_DOMCTL_GRANT_version_mask as u32
}

/// How alternate p2m views are used, from `altp2m_opts` (Xen 4.20 and newer):
/// 0 for not at all, or one of `XEN_DOMCTL_ALTP2M_{mixed,external,limited}`.
#[doc(alias = "XEN_DOMCTL_ALTP2M_mode")]
#[doc(alias = "XEN_DOMCTL_ALTP2M_mode_mask")]
pub const fn xen_domctl_altp2m_mode(altp2m_opts: u32) -> u32 {
    altp2m_opts & c::XEN_DOMCTL_ALTP2M_mode_mask
}
