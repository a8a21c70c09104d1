//! Words of the memory operations (`xen/include/public/memory.h`).
//!
//! Reservations (`XENMEM_populate_physmap` and its kin) take one 32-bit word,
//! `mem_flags`, that packs the address width the memory must be reachable with
//! (bits 0 to 7), the NUMA node plus one (bits 8 to 15, 0 for any node) and single
//! flags above. The guest writes it, Xen reads it. Build it by or-ing
//! [`xenmemf_address_bits`], [`xenmemf_node`] or [`xenmemf_exact_node`] and the
//! `XENMEMF_*` flags. Besides: the frame numbers of an ioreq server's resource, and
//! (feature `toolstack`) the frame-or-grant words of page sharing.

use crate::abi::x86_64::memory as c;
#[cfg(feature = "toolstack")]
use crate::toolstack::v4_20::x86_64::memory::XENMEM_SHARING_OP_FIELD_IS_GREF_FLAG as IS_GREF;

/// `mem_flags` asking for memory whose machine addresses fit in `bits` bits;
/// 0 asks for nothing in particular. More than 255 does not fit the field.
#[doc(alias = "XENMEMF_address_bits")]
pub const fn xenmemf_address_bits(bits: u32) -> u32 {
    bits
}

/// The address width in bits that `mem_flags` asks for, 0 for any.
#[doc(alias = "XENMEMF_get_address_bits")]
pub const fn xenmemf_get_address_bits(mem_flags: u32) -> u32 {
    mem_flags & 0xff
}

/// `mem_flags` preferring memory of NUMA node `node`, 0 to 254. `u32::MAX` gives
/// the word that names no node.
///
/// ```
/// use xen_public::memory::{xenmemf_get_node, xenmemf_node};
/// assert_eq!(xenmemf_node(0), 0x100);
/// assert_eq!(xenmemf_get_node(xenmemf_node(3)), 3);
/// ```
#[doc(alias = "XENMEMF_node")]
pub const fn xenmemf_node(node: u32) -> u32 {
    node.wrapping_add(1) << 8
}

/// The NUMA node that `mem_flags` asks for; 255 where it names none.
#[doc(alias = "XENMEMF_get_node")]
pub const fn xenmemf_get_node(mem_flags: u32) -> u32 {
    (mem_flags >> 8).wrapping_sub(1) & 0xff
}

/// `mem_flags` demanding memory of NUMA node `node` and no other: the call fails
/// rather than take it elsewhere.
#[doc(alias = "XENMEMF_exact_node")]
#[doc(alias = "XENMEMF_exact_node_request")]
pub const fn xenmemf_exact_node(node: u32) -> u32 {
    xenmemf_node(node) | c::XENMEMF_exact_node_request as u32
}

/// The frame, within an ioreq server's resource (`XENMEM_acquire_resource`), of
/// its synchronous request page number `index`. Frame 0 is the buffered one.
#[doc(alias = "XENMEM_resource_ioreq_server_frame_ioreq")]
pub const fn xenmem_resource_ioreq_server_frame_ioreq(index: u64) -> u64 {
    index.wrapping_add(1)
}

/// The page-sharing word (`source_gfn` or `client_gfn` of `xen_mem_sharing_op`)
/// that names a page by grant reference and not by frame number.
#[cfg(feature = "toolstack")]
#[doc(alias = "XENMEM_SHARING_OP_FIELD_MAKE_GREF")]
pub const fn xenmem_sharing_op_field_make_gref(grant_ref: u32) -> u64 {
    IS_GREF | grant_ref as u64
}

/// Whether a page-sharing word holds a grant reference; else it is a frame number.
#[cfg(feature = "toolstack")]
#[doc(alias = "XENMEM_SHARING_OP_FIELD_IS_GREF")]
pub const fn xenmem_sharing_op_field_is_gref(field: u64) -> bool {
    field & IS_GREF != 0
}

/// The grant reference of a page-sharing word for which
/// [`xenmem_sharing_op_field_is_gref`] holds. Only the mark is taken off: a word
/// with more than 32 bits besides it names no grant reference that exists.
#[cfg(feature = "toolstack")]
#[doc(alias = "XENMEM_SHARING_OP_FIELD_GET_GREF")]
pub const fn xenmem_sharing_op_field_get_gref(field: u64) -> u64 {
    field & !IS_GREF
}
