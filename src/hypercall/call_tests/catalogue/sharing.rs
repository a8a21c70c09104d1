//! What toolstacks do with the memory of other domains.

use xen_public::grant_table::GrantRef;
use xen_public::xen::{DomId, Gfn};

use super::entries;
use crate::hypercall::memory_op::{self as memory, Access, Page, Paging};

const ZERO: DomId = DomId::new(0);
/// There is no such domain.
const OTHER: DomId = DomId::new(7);
const FRAME: Page = Page::Frame(Gfn::new(1));
const GRANT: Page = Page::Grant(GrantRef::new(9));

entries! { xen, _on;
    XENMEM_get_sharing_freed_pages Row "Done" => memory::get_sharing_freed_pages(xen);
    XENMEM_get_sharing_shared_pages Alone "Done" => memory::get_sharing_shared_pages(xen);
    XENMEM_sharing_op_nominate_gfn Row "ESRCH ENOSYS | EIO ENOSYS" => memory::sharing_nominate(xen, OTHER, FRAME);
    XENMEM_sharing_op_nominate_gref Row "ESRCH ENOSYS | EIO ENOSYS" => memory::sharing_nominate(xen, OTHER, GRANT);
    XENMEM_sharing_op_share Row "ESRCH ENOSYS | EIO ENOSYS" => {
        memory::sharing_share(xen, OTHER, (FRAME, 1), OTHER, (FRAME, 2))
    };
    XENMEM_sharing_op_add_physmap More "ESRCH ENOSYS | EIO ENOSYS" => {
        memory::sharing_add_physmap(xen, OTHER, (Gfn::new(1), 1), OTHER, Gfn::new(2))
    };
    XENMEM_sharing_op_range_share Row "ESRCH ENOSYS | EIO ENOSYS" => {
        memory::sharing_range_share(xen, OTHER, OTHER, (Gfn::new(1), Gfn::new(2)))
    };
    XENMEM_sharing_op_debug_gfn More "ESRCH ENOSYS | EIO ENOSYS" => memory::sharing_debug(xen, OTHER, FRAME);
    XENMEM_sharing_op_debug_gref More "ESRCH ENOSYS | EIO ENOSYS" => memory::sharing_debug(xen, OTHER, GRANT);
    XENMEM_sharing_op_audit More "ENOSYS" => memory::sharing_audit(xen, OTHER);
    XENMEM_sharing_op_fork Row "ENOSYS" => memory::sharing_fork(xen, OTHER, OTHER, 0);
    XENMEM_sharing_op_fork_reset Row "ENOSYS" => memory::sharing_fork_reset(xen, OTHER, 1);
    XENMEM_claim_pages Row "Done" => memory::claim_pages(xen, ZERO, 0);
    XENMEM_reserved_device_memory_map Row "Done" => {
        memory::reserved_device_memory_map(xen, None, &mut [])
    };
    XENMEM_paging_op_nominate Row "ESRCH ENOSYS | ENODEV ENOSYS" => memory::paging_op(xen, OTHER, Gfn::new(1), Paging::Nominate);
    XENMEM_paging_op_evict Row "ESRCH ENOSYS | ENODEV ENOSYS" => memory::paging_op(xen, OTHER, Gfn::new(1), Paging::Evict);
    XENMEM_paging_op_prep Row "ESRCH ENOSYS | ENODEV ENOSYS" => {
        memory::paging_op(xen, OTHER, Gfn::new(1), Paging::Prepare(None))
    };
    XENMEM_access_op_set_access More "ESRCH | ENODEV" => {
        memory::set_access(xen, OTHER, Some(Gfn::new(1)), 1, Access::RW)
    };
    XENMEM_access_op_get_access More "ESRCH | ENODEV" => memory::get_access(xen, OTHER, Some(Gfn::new(1)));
    XENMEM_access_op_set_access_multi More "ESRCH | ENODEV" => {
        memory::set_access_multi(xen, OTHER, &[1], &[Access::RW.0])
    };
}
