//! Alternative views of a guest's memory (`HVMOP_altp2m`, `xen/include/public/hvm/hvm_op.h`).
//!
//! A guest, or who watches it, has up to ten views of its memory beside the usual one, each with its own
//! access rights and its own pages, and switches between them. It must be on for the guest (a parameter,
//! [`HvmParam::ALTP2M`](super::HvmParam::ALTP2M), and then [`set_domain_state`]). Where the processor or
//! the domain has none of it, Xen answers EOPNOTSUPP, which is [`Error::Refused`]: it is no property of
//! the release.
//!
//! `domain` is [`DomId::SELF`](xen_public::xen::DomId::SELF), or one that the caller controls. A view is
//! named by a number, 0 for the usual one.

use xen_public::native::hvm::hvm_op::{
    xen_hvm_altp2m_change_gfn, xen_hvm_altp2m_domain_state, xen_hvm_altp2m_get_vcpu_p2m_idx,
    xen_hvm_altp2m_mem_access, xen_hvm_altp2m_op, xen_hvm_altp2m_op_u,
    xen_hvm_altp2m_set_mem_access_multi, xen_hvm_altp2m_set_visibility, xen_hvm_altp2m_suppress_ve,
    xen_hvm_altp2m_suppress_ve_multi, xen_hvm_altp2m_vcpu_disable_notify,
    xen_hvm_altp2m_vcpu_enable_notify, xen_hvm_altp2m_view,
};
use xen_public::xen::{DomId, Gfn, VcpuId};

use crate::hypercall::native::{count, readable};
use crate::hypercall::{Conduit, Error, Result, Xen};
use crate::version::Operation;

/// The number that stands for no frame.
const INVALID_GFN: u64 = u64::MAX;

/// A union with nothing in it but what `fill` puts there.
fn union_of(fill: impl FnOnce(&mut xen_hvm_altp2m_op_u)) -> xen_hvm_altp2m_op_u {
    let mut union = xen_hvm_altp2m_op_u::ZERO;
    fill(&mut union);
    union
}

fn operate(
    xen: &Xen<impl Conduit>,
    operation: Operation,
    domain: DomId,
    union: xen_hvm_altp2m_op_u,
) -> Result<xen_hvm_altp2m_op_u> {
    xen.can(operation)?;
    let mut argument = xen_hvm_altp2m_op {
        version: everywhere!(u32, hvm::hvm_op::HVMOP_ALTP2M_INTERFACE_VERSION),
        cmd: operation.number(),
        domain: domain.get(),
        u: union,
        ..xen_hvm_altp2m_op::ZERO
    };
    // SAFETY: the call reads and writes the structure, and reads lists that it names, which the functions
    // below borrow. What may be read, written and executed can become less by it, and a page be replaced
    // by another of the domain: the functions that do so are unsafe.
    match unsafe { xen.call_with(Operation::HVMOP_altp2m, &mut argument) } {
        Ok(()) => Ok(argument.u),
        Err(Error::Refused { errno, .. }) => Err(Error::Refused {
            call: operation.name(),
            errno,
        }),
        Err(error) => Err(error),
    }
}

/// Whether views are on for a domain (`HVMOP_altp2m_get_domain_state`).
#[doc = gate_row!(HVMOP_altp2m_get_domain_state)]
///
/// # Errors
///
/// [`Error::Refused`], [`Error::Unsupported`].
#[doc(alias = "HVMOP_altp2m_get_domain_state")]
pub fn get_domain_state(xen: &Xen<impl Conduit>, domain: DomId) -> Result<bool> {
    let operation = Operation::HVMOP_altp2m_get_domain_state;
    let found = operate(xen, operation, domain, xen_hvm_altp2m_op_u::ZERO)?;
    // SAFETY: all bytes of the union are there, and any byte is a number.
    Ok(unsafe { found.domain_state.state } != 0)
}

/// Switches views on or off for a domain (`HVMOP_altp2m_set_domain_state`).
#[doc = gate_row!(HVMOP_altp2m_set_domain_state)]
///
/// # Errors
///
/// [`Error::Refused`], [`Error::Unsupported`].
///
/// # Safety
///
/// Off takes all processors of the domain back to its own physmap and drops the views: what the domain's
/// code relies on has the same pages there as in the views that are used now.
#[doc(alias = "HVMOP_altp2m_set_domain_state")]
pub unsafe fn set_domain_state(xen: &Xen<impl Conduit>, domain: DomId, on: bool) -> Result<()> {
    let union = union_of(|u| u.domain_state = xen_hvm_altp2m_domain_state { state: on.into() });
    let operation = Operation::HVMOP_altp2m_set_domain_state;
    operate(xen, operation, domain, union).map(drop)
}

/// Has Xen write about violations of a processor into a page of the guest and raise an exception there
/// (`HVMOP_altp2m_vcpu_enable_notify`).
#[doc = gate_row!(HVMOP_altp2m_vcpu_enable_notify)]
///
/// # Errors
///
/// [`Error::Refused`], [`Error::Unsupported`].
///
/// # Safety
///
/// The page is given to Xen, and the guest handles the exception.
#[doc(alias = "HVMOP_altp2m_vcpu_enable_notify")]
pub unsafe fn vcpu_enable_notify(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    vcpu: VcpuId,
    page: Gfn,
) -> Result<()> {
    let union = union_of(|u| {
        u.enable_notify = xen_hvm_altp2m_vcpu_enable_notify {
            vcpu_id: vcpu.get(),
            pad: 0,
            gfn: page.get(),
        };
    });
    let operation = Operation::HVMOP_altp2m_vcpu_enable_notify;
    operate(xen, operation, domain, union).map(drop)
}

/// Ends what [`vcpu_enable_notify`] began (`HVMOP_altp2m_vcpu_disable_notify`).
#[doc = gate_row!(HVMOP_altp2m_vcpu_disable_notify)]
///
/// # Errors
///
/// [`Error::Refused`], [`Error::Unsupported`].
#[doc(alias = "HVMOP_altp2m_vcpu_disable_notify")]
pub fn vcpu_disable_notify(xen: &Xen<impl Conduit>, domain: DomId, vcpu: VcpuId) -> Result<()> {
    let vcpu_id = vcpu.get();
    let union = union_of(|u| u.disable_notify = xen_hvm_altp2m_vcpu_disable_notify { vcpu_id });
    let operation = Operation::HVMOP_altp2m_vcpu_disable_notify;
    operate(xen, operation, domain, union).map(drop)
}

fn view(number: u16, access: u16) -> xen_hvm_altp2m_op_u {
    union_of(|u| {
        u.view = xen_hvm_altp2m_view {
            view: number,
            hvmmem_default_access: access,
        };
    })
}

/// Makes a view whose pages have this access at first (`XENMEM_access_`), and tells its number
/// (`HVMOP_altp2m_create_p2m`).
#[doc = gate_row!(HVMOP_altp2m_create_p2m)]
///
/// # Errors
///
/// [`Error::Refused`], [`Error::Unsupported`].
#[doc(alias = "HVMOP_altp2m_create_p2m")]
pub fn create_p2m(xen: &Xen<impl Conduit>, domain: DomId, access: u16) -> Result<u16> {
    let operation = Operation::HVMOP_altp2m_create_p2m;
    let found = operate(xen, operation, domain, view(0, access))?;
    // SAFETY: all bytes of the union are there, and any bytes are a number.
    Ok(unsafe { found.view.view })
}

/// Destroys a view (`HVMOP_altp2m_destroy_p2m`).
#[doc = gate_row!(HVMOP_altp2m_destroy_p2m)]
///
/// # Errors
///
/// [`Error::Refused`] with EBUSY while a processor uses it; [`Error::Unsupported`].
#[doc(alias = "HVMOP_altp2m_destroy_p2m")]
pub fn destroy_p2m(xen: &Xen<impl Conduit>, domain: DomId, number: u16) -> Result<()> {
    let operation = Operation::HVMOP_altp2m_destroy_p2m;
    operate(xen, operation, domain, view(number, 0)).map(drop)
}

/// Switches all processors of a domain to a view (`HVMOP_altp2m_switch_p2m`).
#[doc = gate_row!(HVMOP_altp2m_switch_p2m)]
///
/// # Errors
///
/// [`Error::Refused`], [`Error::Unsupported`].
///
/// # Safety
///
/// What the domain's code relies on has the same pages in the view.
#[doc(alias = "HVMOP_altp2m_switch_p2m")]
pub unsafe fn switch_p2m(xen: &Xen<impl Conduit>, domain: DomId, number: u16) -> Result<()> {
    let operation = Operation::HVMOP_altp2m_switch_p2m;
    operate(xen, operation, domain, view(number, 0)).map(drop)
}

fn access(number: u16, page: Gfn, access: u16) -> xen_hvm_altp2m_op_u {
    union_of(|u| {
        u.mem_access = xen_hvm_altp2m_mem_access {
            view: number,
            access,
            pad: 0,
            gfn: page.get(),
        };
    })
}

/// Sets how a page can be accessed in a view (`HVMOP_altp2m_set_mem_access`, `XENMEM_access_`).
#[doc = gate_row!(HVMOP_altp2m_set_mem_access)]
///
/// # Errors
///
/// [`Error::Refused`], [`Error::Unsupported`].
#[doc(alias = "HVMOP_altp2m_set_mem_access")]
pub fn set_mem_access(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    number: u16,
    page: Gfn,
    allowed: u16,
) -> Result<()> {
    let operation = Operation::HVMOP_altp2m_set_mem_access;
    operate(xen, operation, domain, access(number, page, allowed)).map(drop)
}

/// Tells how a page can be accessed in a view (`HVMOP_altp2m_get_mem_access`, `XENMEM_access_`).
#[doc = gate_row!(HVMOP_altp2m_get_mem_access)]
///
/// # Errors
///
/// [`Error::Refused`], [`Error::Unsupported`].
#[doc(alias = "HVMOP_altp2m_get_mem_access")]
pub fn get_mem_access(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    number: u16,
    page: Gfn,
) -> Result<u16> {
    let operation = Operation::HVMOP_altp2m_get_mem_access;
    let found = operate(xen, operation, domain, access(number, page, 0))?;
    // SAFETY: all bytes of the union are there, and any bytes are a number.
    Ok(unsafe { found.mem_access.access })
}

/// Sets how pages can be accessed in a view, one access for each page
/// (`HVMOP_altp2m_set_mem_access_multi`).
#[doc = gate_row!(HVMOP_altp2m_set_mem_access_multi)]
///
/// Before Xen 4.11 each page is a [`set_mem_access`].
///
/// # Errors
///
/// [`Error::Argument`] for lists of different lengths; [`Error::PartialBatch`] where single calls stopped;
/// [`Error::Refused`], [`Error::Unsupported`].
#[doc(alias = "HVMOP_altp2m_set_mem_access_multi")]
pub fn set_mem_access_multi(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    number: u16,
    pages: &[u64],
    allowed: &[u8],
) -> Result<()> {
    let operation = Operation::HVMOP_altp2m_set_mem_access_multi;
    let call = operation.name();
    if pages.len() != allowed.len() {
        return Err(Error::Argument {
            call,
            argument: "nr",
            value: allowed.len() as u64,
        });
    }
    if xen.can(operation).is_err() {
        let total = pages.len();
        for (done, (&page, &allowed)) in pages.iter().zip(allowed).enumerate() {
            let answer = set_mem_access(xen, domain, number, Gfn::new(page), allowed.into());
            answer.map_err(|error| error.after(call, done, total))?;
        }
        return Ok(());
    }
    let nr = count(call, pages.len())?;
    let union = union_of(|u| {
        u.set_mem_access_multi = xen_hvm_altp2m_set_mem_access_multi {
            view: number,
            nr,
            pfn_list: readable(pages),
            access_list: readable(allowed),
            ..xen_hvm_altp2m_set_mem_access_multi::ZERO
        };
    });
    operate(xen, operation, domain, union).map(drop)
}

/// Puts the page of another frame at a frame of a view, or (`None`) its own again
/// (`HVMOP_altp2m_change_gfn`).
#[doc = gate_row!(HVMOP_altp2m_change_gfn)]
///
/// # Errors
///
/// [`Error::Refused`], [`Error::Unsupported`].
///
/// # Safety
///
/// Nothing relies on what the frame shows in this view.
#[doc(alias = "HVMOP_altp2m_change_gfn")]
pub unsafe fn change_gfn(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    number: u16,
    frame: Gfn,
    shows: Option<Gfn>,
) -> Result<()> {
    let union = union_of(|u| {
        u.change_gfn = xen_hvm_altp2m_change_gfn {
            view: number,
            old_gfn: frame.get(),
            new_gfn: shows.map_or(INVALID_GFN, Gfn::get),
            ..xen_hvm_altp2m_change_gfn::ZERO
        };
    });
    let operation = Operation::HVMOP_altp2m_change_gfn;
    operate(xen, operation, domain, union).map(drop)
}

fn suppress(number: u16, page: Gfn, on: bool) -> xen_hvm_altp2m_op_u {
    union_of(|u| {
        u.suppress_ve = xen_hvm_altp2m_suppress_ve {
            view: number,
            suppress_ve: on.into(),
            gfn: page.get(),
            ..xen_hvm_altp2m_suppress_ve::ZERO
        };
    })
}

/// Sets whether violations of a page go to Xen and not to the guest
/// (`HVMOP_altp2m_set_suppress_ve`).
#[doc = gate_row!(HVMOP_altp2m_set_suppress_ve)]
///
/// # Errors
///
/// [`Error::Refused`], [`Error::Unsupported`].
#[doc(alias = "HVMOP_altp2m_set_suppress_ve")]
pub fn set_suppress_ve(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    number: u16,
    page: Gfn,
    on: bool,
) -> Result<()> {
    let operation = Operation::HVMOP_altp2m_set_suppress_ve;
    operate(xen, operation, domain, suppress(number, page, on)).map(drop)
}

/// Tells whether violations of a page go to Xen and not to the guest
/// (`HVMOP_altp2m_get_suppress_ve`).
#[doc = gate_row!(HVMOP_altp2m_get_suppress_ve)]
///
/// # Errors
///
/// [`Error::Refused`], [`Error::Unsupported`].
#[doc(alias = "HVMOP_altp2m_get_suppress_ve")]
pub fn get_suppress_ve(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    number: u16,
    page: Gfn,
) -> Result<bool> {
    let operation = Operation::HVMOP_altp2m_get_suppress_ve;
    let found = operate(xen, operation, domain, suppress(number, page, false))?;
    // SAFETY: all bytes of the union are there, and any byte is a number.
    Ok(unsafe { found.suppress_ve.suppress_ve } != 0)
}

/// The same for all pages from `first` to `last`, both included
/// (`HVMOP_altp2m_set_suppress_ve_multi`). Xen goes on after a page that it refuses.
#[doc = gate_row!(HVMOP_altp2m_set_suppress_ve_multi)]
///
/// # Errors
///
/// [`Error::PartialBatch`] with the first page that was refused, counted from `first`, and why; later ones
/// may have been set. [`Error::Refused`], [`Error::Unsupported`]; [`Error::Nonsense`] for an error outside
/// of the range.
#[doc(alias = "HVMOP_altp2m_set_suppress_ve_multi")]
pub fn set_suppress_ve_multi(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    number: u16,
    (first, last): (Gfn, Gfn),
    on: bool,
) -> Result<()> {
    let operation = Operation::HVMOP_altp2m_set_suppress_ve_multi;
    let union = union_of(|u| {
        u.suppress_ve_multi = xen_hvm_altp2m_suppress_ve_multi {
            view: number,
            suppress_ve: on.into(),
            first_gfn: first.get(),
            last_gfn: last.get(),
            ..xen_hvm_altp2m_suppress_ve_multi::ZERO
        };
    });
    let found = operate(xen, operation, domain, union)?;
    // SAFETY: all bytes of the union are there, and any bytes are numbers.
    let found = unsafe { found.suppress_ve_multi };
    let (error, page) = (found.first_error, found.first_error_gfn);
    if error == 0 {
        return Ok(());
    }
    let nonsense = Error::Nonsense {
        call: operation.name(),
        answer: error as isize,
    };
    let Err(errno) = xen_public::errno::Errno::check(error.into()) else {
        return Err(nonsense);
    };
    if page < first.get() || page > last.get() {
        return Err(nonsense);
    }
    Err(Error::PartialBatch {
        call: operation.name(),
        done: (page - first.get()) as usize,
        total: (last.get() - first.get()).saturating_add(1) as usize,
        cause: Some(errno.into()),
    })
}

/// Tells the view that a processor uses (`HVMOP_altp2m_get_p2m_idx`).
#[doc = gate_row!(HVMOP_altp2m_get_p2m_idx)]
///
/// # Errors
///
/// [`Error::Refused`], [`Error::Unsupported`].
#[doc(alias = "HVMOP_altp2m_get_p2m_idx")]
pub fn get_p2m_idx(xen: &Xen<impl Conduit>, domain: DomId, vcpu: VcpuId) -> Result<u16> {
    let union = union_of(|u| {
        u.get_vcpu_p2m_idx = xen_hvm_altp2m_get_vcpu_p2m_idx {
            vcpu_id: vcpu.get(),
            ..xen_hvm_altp2m_get_vcpu_p2m_idx::ZERO
        };
    });
    let operation = Operation::HVMOP_altp2m_get_p2m_idx;
    let found = operate(xen, operation, domain, union)?;
    // SAFETY: all bytes of the union are there, and any bytes are a number.
    Ok(unsafe { found.get_vcpu_p2m_idx.altp2m_idx })
}

/// Sets whether the guest itself can switch to a view (`HVMOP_altp2m_set_visibility`).
#[doc = gate_row!(HVMOP_altp2m_set_visibility)]
///
/// # Errors
///
/// [`Error::Refused`], [`Error::Unsupported`].
#[doc(alias = "HVMOP_altp2m_set_visibility")]
pub fn set_visibility(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    number: u16,
    visible: bool,
) -> Result<()> {
    let union = union_of(|u| {
        u.set_visibility = xen_hvm_altp2m_set_visibility {
            altp2m_idx: number,
            visible: visible.into(),
            pad: 0,
        };
    });
    let operation = Operation::HVMOP_altp2m_set_visibility;
    operate(xen, operation, domain, union).map(drop)
}
