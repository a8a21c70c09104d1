//! `HYPERVISOR_grant_table_op`: memory lent by one domain to another (`xen/include/public/grant_table.h`).
//!
//! A domain lends a page by filling an entry of its grant table, which needs no hypercall. The other
//! domain [maps](map_grant_ref) the page by the entry's number and [unmaps](unmap_grant_ref) it, or has
//! Xen [copy](copy()) bytes from or to it without mapping anything. The table itself is set up here as
//! well: [`setup_table`], [`query_size`], and its version ([`best_version`]).
//!
//! # Batches
//!
//! Most operations take a batch, a slice of argument structures, and Xen leaves a status in each: `Ok`
//! of the call means that every entry was looked at, not that it was carried out. Before a call each
//! status is one of failure ([`GrantStatus::GENERAL_ERROR`]), so an entry that Xen never reached does
//! not look done. A batch longer than 512 entries goes in several calls, since Xen before 4.0 takes no
//! more; if one of these is refused, [`Error::PartialBatch`] tells how many entries went before.
//!
//! # Domains
//!
//! Whose page is mapped is said by number: [`DomId::SELF`](xen_public::xen::DomId::SELF) is `bad_domain`
//! to [`map_grant_ref`] and [`transfer`], even for a domain's own grants. A copy takes it for both ends,
//! and a frame (not a grant) as an end is always that of `DomId::SELF`: to any other number, even the
//! caller's own, the answer is `permission_denied`. What sets up tables takes `DomId::SELF` too.
//!
//! # Oldest releases
//!
//! The structures are those of today on every release: the headers of 3.0 before 3.0.2 have the same
//! fields at the same places for mapping, unmapping, setting up, dumping and transfer, with plain pointers
//! where handles are now, and the same entries in the table. They have no copy, and no status
//! below `bad_page` (-9).
//!
//! # Try again
//!
//! [`GrantStatus::EAGAIN`] says that the page is elsewhere just now (paged out, or being shared): nothing
//! was done, and a later try may do. [`retry`] repeats those entries a bounded number of times.
//!
//! [`GrantStatus::GENERAL_ERROR`]: xen_public::grant_table::GrantStatus::GENERAL_ERROR
//! [`GrantStatus::EAGAIN`]: xen_public::grant_table::GrantStatus::EAGAIN
//! [`Error::PartialBatch`]: super::Error::PartialBatch
#![allow(unsafe_code)]

mod batch;
mod copy;
mod setup;
#[cfg(test)]
mod tests;

pub use batch::{
    CacheFlush, Entry, MapFlags, MapGrant, Mapping, SwapGrants, TransferFrame, UnmapAndReplace,
    UnmapGrant, cache_flush, map_grant_ref, retry, swap_grant_ref, transfer, unmap_and_replace,
    unmap_grant_ref,
};
pub use copy::{CopyEnd, GrantCopy, copy};
pub use setup::{
    TableSize, best_version, dump_table, get_status_frames, get_version, query_size, set_version,
    setup_table, status_frames_by_physmap,
};
