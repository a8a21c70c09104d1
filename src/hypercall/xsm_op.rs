//! `HYPERVISOR_xsm_op`: Xen's security module, Flask (`xen/include/public/xsm/flask_op.h`).
//!
//! With Flask in force a policy says which domain may do what to which. Subjects and objects have labels,
//! texts such as `system_u:system_r:dom0_t`, and a number for each, its SID. The calls here load a policy,
//! ask it, and change its switches; who may do so is up to the policy.
//!
//! Without a security module every call is answered with ENOSYS. The calls are those of Xen 4.2 and
//! newer, with version 1 of the interface. Before, arguments were texts; such a Xen is not called.
#![doc = gate_row!(__HYPERVISOR_xsm_op)]
//!
//! # Errors
//!
//! Of all calls: [`Error::Unsupported`] where there is no security module, or a release does not know
//! the call; [`Error::VersionMismatch`] before Xen 4.2; [`Error::Refused`] with EACCES or EPERM if the
//! policy forbids it, EINVAL for a SID or label that it doesn't have.
#![allow(unsafe_code)]

use xen_public::event_channel::EvtchnPort;
use xen_public::native::xsm::flask_op::{
    XEN_FLASK_INTERFACE_VERSION, xen_flask_access, xen_flask_boolean, xen_flask_cache_stats,
    xen_flask_devicetree_label, xen_flask_hash_stats, xen_flask_load, xen_flask_ocontext,
    xen_flask_op, xen_flask_op_u, xen_flask_peersid, xen_flask_relabel, xen_flask_setavc_threshold,
    xen_flask_setenforce, xen_flask_sid_context, xen_flask_transition,
};
use xen_public::xen::DomId;

use super::native::{count, readable, writable};
use super::xen::only_zero;
use super::{Conduit, Error, Result, Xen};
use crate::version::{Operation, Release};

/// The first release with version 1 of the interface.
const STRUCTURED: Release = Release::new(4, 2, 0);

/// Makes a call with `u` and puts there what Xen made of it.
///
/// # Safety
///
/// Each handle in `u` is the address of memory that is valid for the reads and writes which the call
/// makes there.
unsafe fn operate(
    xen: &Xen<impl Conduit>,
    operation: Operation,
    u: &mut xen_flask_op_u,
) -> Result<usize> {
    xen.can(operation)?;
    let version = XEN_FLASK_INTERFACE_VERSION as u32;
    if xen.release().before(STRUCTURED) {
        // What stands at the version's place is the length of a text there.
        return Err(Error::VersionMismatch {
            call: operation.name(),
            spoken: version,
        });
    }
    let mut argument = xen_flask_op::ZERO;
    argument.cmd = operation.number();
    argument.interface_version = version;
    argument.u = *u;
    let address = (&raw mut argument).expose_provenance();
    // SAFETY: the call reads and writes one structure at the address, and what the caller vouches for.
    let answer = unsafe { xen.call_plain(operation, [address, 0, 0, 0, 0]) };
    *u = argument.u;
    answer
}

/// The same for a call whose only success is 0, with a structure that has no handles.
macro_rules! plain {
    ($xen:ident, $operation:ident, $field:ident, $argument:expr) => {{
        let mut u = xen_flask_op_u::ZERO;
        u.$field = $argument;
        // SAFETY: the structure has no handles.
        let answer = unsafe { operate($xen, Operation::$operation, &mut u) };
        only_zero(Operation::$operation, answer?)?;
        // SAFETY: all bytes of the union are initialised, and the type takes any bytes.
        unsafe { u.$field }
    }};
}

/// The answer of a call without a structure.
fn answer(xen: &Xen<impl Conduit>, operation: Operation) -> Result<usize> {
    let mut u = xen_flask_op_u::ZERO;
    // SAFETY: there are no handles.
    unsafe { operate(xen, operation, &mut u) }
}

/// The answer of a call that says yes or no.
fn yes_or_no(xen: &Xen<impl Conduit>, operation: Operation) -> Result<bool> {
    match answer(xen, operation)? {
        0 => Ok(false),
        1 => Ok(true),
        answer => Err(Error::Nonsense {
            call: operation.name(),
            answer: answer as isize,
        }),
    }
}

/// Loads a policy in its compiled form, which is in force at once.
///
/// Errors: see [the module](self); EINVAL also for what is no policy.
#[doc = gate_row!(FLASK_LOAD)]
#[doc(alias = "FLASK_LOAD")]
#[doc(alias = "xen_flask_load")]
pub fn load(xen: &Xen<impl Conduit>, policy: &[u8]) -> Result<()> {
    let operation = Operation::FLASK_LOAD;
    let mut argument = xen_flask_load::ZERO;
    argument.size = count(operation.name(), policy.len())?;
    argument.buffer = readable(policy);
    let mut u = xen_flask_op_u::ZERO;
    u.load = argument;
    // SAFETY: Xen reads as many bytes as the slice has.
    let answer = unsafe { operate(xen, operation, &mut u) }?;
    only_zero(operation, answer)
}

/// Whether what the policy forbids is refused; else it is only reported.
#[doc = gate_row!(FLASK_GETENFORCE)]
#[doc(alias = "FLASK_GETENFORCE")]
pub fn enforcing(xen: &Xen<impl Conduit>) -> Result<bool> {
    yes_or_no(xen, Operation::FLASK_GETENFORCE)
}

/// Says whether what the policy forbids is to be refused.
#[doc = gate_row!(FLASK_SETENFORCE)]
#[doc(alias = "FLASK_SETENFORCE")]
#[doc(alias = "xen_flask_setenforce")]
pub fn set_enforcing(xen: &Xen<impl Conduit>, enforcing: bool) -> Result<()> {
    let enforcing = u32::from(enforcing);
    let argument = xen_flask_setenforce { enforcing };
    plain!(xen, FLASK_SETENFORCE, enforce, argument);
    Ok(())
}

/// The SID of a label.
#[doc = gate_row!(FLASK_CONTEXT_TO_SID)]
#[doc(alias = "FLASK_CONTEXT_TO_SID")]
#[doc(alias = "xen_flask_sid_context")]
pub fn context_to_sid(xen: &Xen<impl Conduit>, context: &[u8]) -> Result<u32> {
    let operation = Operation::FLASK_CONTEXT_TO_SID;
    let mut argument = xen_flask_sid_context::ZERO;
    argument.size = count(operation.name(), context.len())?;
    argument.context = readable(context);
    let mut u = xen_flask_op_u::ZERO;
    u.sid_context = argument;
    // SAFETY: Xen reads as many bytes as the slice has.
    let answer = unsafe { operate(xen, operation, &mut u) }?;
    only_zero(operation, answer)?;
    // SAFETY: all bytes of the union are initialised, and the type takes any bytes.
    Ok(unsafe { u.sid_context }.sid)
}

/// The label of a SID, put into `context`; the result is its length.
///
/// Errors: see [the module](self); ERANGE also for a label that is longer than the slice.
#[doc = gate_row!(FLASK_SID_TO_CONTEXT)]
#[doc(alias = "FLASK_SID_TO_CONTEXT")]
#[doc(alias = "xen_flask_sid_context")]
pub fn sid_to_context(xen: &Xen<impl Conduit>, sid: u32, context: &mut [u8]) -> Result<usize> {
    let operation = Operation::FLASK_SID_TO_CONTEXT;
    let mut argument = xen_flask_sid_context::ZERO;
    argument.sid = sid;
    argument.size = count(operation.name(), context.len())?;
    argument.context = writable(context);
    let mut u = xen_flask_op_u::ZERO;
    u.sid_context = argument;
    // SAFETY: Xen writes no more bytes than the slice has.
    let answer = unsafe { operate(xen, operation, &mut u) }?;
    only_zero(operation, answer)?;
    // SAFETY: all bytes of the union are initialised, and the type takes any bytes.
    let length = unsafe { u.sid_context }.size;
    within(operation, length, context.len())
}

/// A length that Xen left, which can't be more than there was room for.
fn within(operation: Operation, length: u32, room: usize) -> Result<usize> {
    let length = length as usize;
    if length > room {
        return Err(Error::Nonsense {
            call: operation.name(),
            answer: length as isize,
        });
    }
    Ok(length)
}

/// What the policy says to these permissions (`request`) of a subject on an object of a class: the fields
/// `allowed`, `audit_allow`, `audit_deny` and `seqno` of the result.
#[doc = gate_row!(FLASK_ACCESS)]
#[doc(alias = "FLASK_ACCESS")]
pub fn access(
    xen: &Xen<impl Conduit>,
    subject: u32,
    object: u32,
    class: u32,
    request: u32,
) -> Result<xen_flask_access> {
    let mut argument = xen_flask_access::ZERO;
    argument.ssid = subject;
    argument.tsid = object;
    argument.tclass = class;
    argument.req = request;
    Ok(plain!(xen, FLASK_ACCESS, access, argument))
}

macro_rules! transitions {
    ($($(#[$meta:meta])* $name:ident $operation:ident;)*) => {
        $(
            $(#[$meta])*
            #[doc = gate_row!($operation)]
            #[doc(alias = "xen_flask_transition")]
            pub fn $name(
                xen: &Xen<impl Conduit>,
                subject: u32,
                object: u32,
                class: u32,
            ) -> Result<u32> {
                let mut argument = xen_flask_transition::ZERO;
                argument.ssid = subject;
                argument.tsid = object;
                argument.tclass = class;
                Ok(plain!(xen, $operation, transition, argument).newsid)
            }
        )*
    };
}

transitions! {
    /// The SID of what a subject makes of a class within an object.
    #[doc(alias = "FLASK_CREATE")]
    create FLASK_CREATE;
    /// The SID that an object of a class gets when a subject relabels it.
    #[doc(alias = "FLASK_RELABEL")]
    relabel FLASK_RELABEL;
    /// The SID of a subject's own member of an object of a class.
    #[doc(alias = "FLASK_MEMBER")]
    member FLASK_MEMBER;
}

/// The newest version of policies that this Xen reads.
#[doc = gate_row!(FLASK_POLICYVERS)]
#[doc(alias = "FLASK_POLICYVERS")]
pub fn policy_version(xen: &Xen<impl Conduit>) -> Result<u32> {
    Ok(answer(xen, Operation::FLASK_POLICYVERS)? as u32)
}

/// Which of the policy's switches is meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Switch<'a> {
    /// The one of this number, from 0 on.
    Number(u32),
    /// The one of this name.
    Name(&'a [u8]),
}

/// A switch of the policy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct State {
    /// Its number.
    pub number: u32,
    /// What is in force.
    pub enforcing: bool,
    /// What [`commit_switches`] would put in force.
    pub pending: bool,
}

/// The argument of a call about a switch.
fn switch_argument(operation: Operation, switch: Switch<'_>) -> Result<xen_flask_boolean> {
    let mut argument = xen_flask_boolean::ZERO;
    match switch {
        Switch::Number(number) => argument.bool_id = number,
        Switch::Name(name) => {
            argument.bool_id = u32::MAX;
            argument.size = count(operation.name(), name.len())?;
            argument.name = readable(name);
        }
    }
    Ok(argument)
}

/// What is left in the argument of a call about a switch.
fn state(answer: xen_flask_boolean) -> State {
    State {
        number: answer.bool_id,
        enforcing: answer.enforcing != 0,
        pending: answer.pending != 0,
    }
}

/// How a switch stands, and its name if there is a slice for it; the second result is the name's length.
///
/// Errors: see [the module](self); ENOENT also for a switch that the policy doesn't have, ERANGE for a name
/// that is longer than the slice.
#[doc = gate_row!(FLASK_GETBOOL)]
#[doc(alias = "FLASK_GETBOOL")]
#[doc(alias = "xen_flask_boolean")]
pub fn switch(xen: &Xen<impl Conduit>, number: u32, name: &mut [u8]) -> Result<(State, usize)> {
    let operation = Operation::FLASK_GETBOOL;
    let mut argument = switch_argument(operation, Switch::Number(number))?;
    argument.size = count(operation.name(), name.len())?;
    argument.name = writable(name);
    let mut u = xen_flask_op_u::ZERO;
    u.boolean = argument;
    // SAFETY: Xen writes no more bytes than the slice has.
    let answer = unsafe { operate(xen, operation, &mut u) }?;
    only_zero(operation, answer)?;
    // SAFETY: all bytes of the union are initialised, and the type takes any bytes.
    let left = unsafe { u.boolean };
    Ok((state(left), within(operation, left.size, name.len())?))
}

/// How the switch of a name stands.
///
/// Errors: see [the module](self); ENOENT also for a switch that the policy doesn't have.
#[doc = gate_row!(FLASK_GETBOOL)]
#[doc(alias = "FLASK_GETBOOL")]
pub fn switch_named(xen: &Xen<impl Conduit>, name: &[u8]) -> Result<State> {
    let operation = Operation::FLASK_GETBOOL;
    let mut u = xen_flask_op_u::ZERO;
    u.boolean = switch_argument(operation, Switch::Name(name))?;
    // SAFETY: Xen reads as many bytes as the name has; it writes none to a name that it was given.
    let answer = unsafe { operate(xen, operation, &mut u) }?;
    only_zero(operation, answer)?;
    // SAFETY: all bytes of the union are initialised, and the type takes any bytes.
    Ok(state(unsafe { u.boolean }))
}

/// Sets a switch, at once with `commit`, and else when [`commit_switches`] follows.
///
/// Errors: see [the module](self); ENOENT also for a switch that the policy doesn't have.
#[doc = gate_row!(FLASK_SETBOOL)]
#[doc(alias = "FLASK_SETBOOL")]
#[doc(alias = "xen_flask_boolean")]
pub fn set_switch(
    xen: &Xen<impl Conduit>,
    switch: Switch<'_>,
    on: bool,
    commit: bool,
) -> Result<State> {
    let operation = Operation::FLASK_SETBOOL;
    let mut argument = switch_argument(operation, switch)?;
    argument.new_value = u8::from(on);
    argument.commit = u8::from(commit);
    let mut u = xen_flask_op_u::ZERO;
    u.boolean = argument;
    // SAFETY: Xen reads as many bytes as a name has, and writes none there.
    let answer = unsafe { operate(xen, operation, &mut u) }?;
    only_zero(operation, answer)?;
    // SAFETY: all bytes of the union are initialised, and the type takes any bytes.
    Ok(state(unsafe { u.boolean }))
}

/// Puts all switches in force that were set before.
#[doc = gate_row!(FLASK_COMMITBOOLS)]
#[doc(alias = "FLASK_COMMITBOOLS")]
pub fn commit_switches(xen: &Xen<impl Conduit>) -> Result<()> {
    let operation = Operation::FLASK_COMMITBOOLS;
    only_zero(operation, answer(xen, operation)?)
}

/// Whether the policy has levels.
#[doc = gate_row!(FLASK_MLS)]
#[doc(alias = "FLASK_MLS")]
pub fn multi_level(xen: &Xen<impl Conduit>) -> Result<bool> {
    yes_or_no(xen, Operation::FLASK_MLS)
}

/// Takes the security module out of force for good, before a policy is loaded.
#[doc = gate_row!(FLASK_DISABLE)]
#[doc(alias = "FLASK_DISABLE")]
pub fn disable(xen: &Xen<impl Conduit>) -> Result<()> {
    let operation = Operation::FLASK_DISABLE;
    only_zero(operation, answer(xen, operation)?)
}

/// How many decisions the cache of them holds at most.
#[doc = gate_row!(FLASK_GETAVC_THRESHOLD)]
#[doc(alias = "FLASK_GETAVC_THRESHOLD")]
pub fn cache_threshold(xen: &Xen<impl Conduit>) -> Result<u32> {
    Ok(answer(xen, Operation::FLASK_GETAVC_THRESHOLD)? as u32)
}

/// Sets how many decisions the cache of them may hold.
#[doc = gate_row!(FLASK_SETAVC_THRESHOLD)]
#[doc(alias = "FLASK_SETAVC_THRESHOLD")]
#[doc(alias = "xen_flask_setavc_threshold")]
pub fn set_cache_threshold(xen: &Xen<impl Conduit>, threshold: u32) -> Result<()> {
    let argument = xen_flask_setavc_threshold { threshold };
    plain!(xen, FLASK_SETAVC_THRESHOLD, setavc_threshold, argument);
    Ok(())
}

/// How full the cache of decisions is.
#[doc = gate_row!(FLASK_AVC_HASHSTATS)]
#[doc(alias = "FLASK_AVC_HASHSTATS")]
pub fn cache_fill(xen: &Xen<impl Conduit>) -> Result<xen_flask_hash_stats> {
    let argument = xen_flask_hash_stats::ZERO;
    Ok(plain!(xen, FLASK_AVC_HASHSTATS, hash_stats, argument))
}

/// How a processor used the cache of decisions. Builds that count it have it.
///
/// Errors: see [the module](self); ENOENT also for a processor that is not there.
#[doc = gate_row!(FLASK_AVC_CACHESTATS)]
#[doc(alias = "FLASK_AVC_CACHESTATS")]
pub fn cache_use(xen: &Xen<impl Conduit>, cpu: u32) -> Result<xen_flask_cache_stats> {
    let mut argument = xen_flask_cache_stats::ZERO;
    argument.cpu = cpu;
    Ok(plain!(xen, FLASK_AVC_CACHESTATS, cache_stats, argument))
}

/// A kind of thing that a policy labels by numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Kind {
    /// Interrupts of the machine.
    #[doc(alias = "OCON_PIRQ")]
    Interrupt,
    /// I/O ports.
    #[doc(alias = "OCON_IOPORT")]
    IoPort,
    /// Frames of the machine that are not memory.
    #[doc(alias = "OCON_IOMEM")]
    IoMemory,
    /// PCI devices, by bus and function.
    #[doc(alias = "OCON_DEVICE")]
    Device,
    /// Any other of Flask's own numbers for it.
    Other(u32),
}

impl Kind {
    /// Flask's number; the policy's initial SIDs have 0.
    const fn number(self) -> u32 {
        match self {
            Self::Interrupt => 1,
            Self::IoPort => 2,
            Self::IoMemory => 3,
            Self::Device => 4,
            Self::Other(number) => number,
        }
    }
}

/// The argument of a call about a range's label.
fn range_label(kind: Kind, sid: u32, first: u64, last: u64) -> xen_flask_ocontext {
    xen_flask_ocontext {
        ocon: kind.number(),
        sid,
        low: first,
        high: last,
    }
}

/// Gives the interrupts, ports, frames or devices from `first` to `last` a label.
#[doc = gate_row!(FLASK_ADD_OCONTEXT)]
#[doc(alias = "FLASK_ADD_OCONTEXT")]
#[doc(alias = "xen_flask_ocontext")]
pub fn label_range(
    xen: &Xen<impl Conduit>,
    kind: Kind,
    sid: u32,
    first: u64,
    last: u64,
) -> Result<()> {
    let argument = range_label(kind, sid, first, last);
    plain!(xen, FLASK_ADD_OCONTEXT, ocontext, argument);
    Ok(())
}

/// Takes back [`label_range`], for exactly the same range.
#[doc = gate_row!(FLASK_DEL_OCONTEXT)]
#[doc(alias = "FLASK_DEL_OCONTEXT")]
#[doc(alias = "xen_flask_ocontext")]
pub fn unlabel_range(xen: &Xen<impl Conduit>, kind: Kind, first: u64, last: u64) -> Result<()> {
    let argument = range_label(kind, 0, first, last);
    plain!(xen, FLASK_DEL_OCONTEXT, ocontext, argument);
    Ok(())
}

/// The SID of the domain at the other end of one of our event channels.
///
/// Errors: see [the module](self); EINVAL also for a port that has no other end.
#[doc = gate_row!(FLASK_GET_PEER_SID)]
#[doc(alias = "FLASK_GET_PEER_SID")]
#[doc(alias = "xen_flask_peersid")]
pub fn peer_sid(xen: &Xen<impl Conduit>, port: EvtchnPort) -> Result<u32> {
    let mut argument = xen_flask_peersid::ZERO;
    argument.evtchn = port.get();
    Ok(plain!(xen, FLASK_GET_PEER_SID, peersid, argument).sid)
}

/// Gives a domain another label.
///
/// Errors: see [the module](self); ESRCH also for a domain that is not there.
#[doc = gate_row!(FLASK_RELABEL_DOMAIN)]
#[doc(alias = "FLASK_RELABEL_DOMAIN")]
#[doc(alias = "xen_flask_relabel")]
pub fn relabel_domain(xen: &Xen<impl Conduit>, domain: DomId, sid: u32) -> Result<()> {
    let domid = u32::from(domain.get());
    let argument = xen_flask_relabel { domid, sid };
    plain!(xen, FLASK_RELABEL_DOMAIN, relabel, argument);
    Ok(())
}

/// Gives a node of the device tree a label, by its path.
#[doc = gate_row!(FLASK_DEVICETREE_LABEL)]
#[doc(alias = "FLASK_DEVICETREE_LABEL")]
#[doc(alias = "xen_flask_devicetree_label")]
pub fn label_device_tree_node(xen: &Xen<impl Conduit>, path: &[u8], sid: u32) -> Result<()> {
    let operation = Operation::FLASK_DEVICETREE_LABEL;
    let mut argument = xen_flask_devicetree_label::ZERO;
    argument.sid = sid;
    argument.length = count(operation.name(), path.len())?;
    argument.path = readable(path);
    let mut u = xen_flask_op_u::ZERO;
    u.devicetree_label = argument;
    // SAFETY: Xen reads as many bytes as the slice has.
    let answer = unsafe { operate(xen, operation, &mut u) }?;
    only_zero(operation, answer)
}

#[cfg(test)]
mod tests;
