//! `HYPERVISOR_xenpmu_op`: the processors' performance counters for a PV guest
//! (`xen/include/public/pmu.h`).
//!
//! Where Xen was started to virtualise the counters (`vpmu`), a guest gives each of its processors
//! a page for them by [`init`] and finds samples there when Xen raises `VIRQ_XENPMU`. What may be
//! counted, and for whom, is for domain 0 to say: [`mode_set`], [`feature_set`].
#![allow(unsafe_code)]

use xen_public::native::pmu::{
    XENPMU_FEATURE_ARCH_ONLY, XENPMU_FEATURE_INTEL_BTS, XENPMU_FEATURE_IPC_ONLY, XENPMU_MODE_ALL,
    XENPMU_MODE_HV, XENPMU_MODE_OFF, XENPMU_MODE_SELF, XENPMU_VER_MAJ, XENPMU_VER_MIN,
    xen_pmu_params, xen_pmu_params_version,
};
use xen_public::xen::{Gfn, VcpuId};

use super::xen::only_zero;
use super::{Conduit, Error, Result, Xen};
use crate::version::Operation;

const MAJOR: u32 = XENPMU_VER_MAJ as u32;
const MINOR: u32 = XENPMU_VER_MIN as u32;

/// An argument with the version of this interface.
fn argument(value: u64, processor: u32) -> xen_pmu_params {
    xen_pmu_params {
        version: xen_pmu_params_version {
            maj: MAJOR,
            min: MINOR,
        },
        val: value,
        vcpu: processor,
        ..xen_pmu_params::ZERO
    }
}

/// Makes the call for a value, and checks that Xen speaks the same version.
fn ask(xen: &Xen<impl Conduit>, operation: Operation) -> Result<u64> {
    let mut argument = argument(0, 0);
    // SAFETY: the call reads and writes one `xen_pmu_params` and changes nothing else.
    unsafe { xen.call_with(operation, &mut argument) }?;
    if argument.version.maj != MAJOR {
        return Err(Error::VersionMismatch {
            call: operation.name(),
            spoken: MAJOR << 16 | MINOR,
        });
    }
    Ok(argument.val)
}

/// Makes the call with a value.
///
/// # Safety
///
/// The operation reads its argument and changes no memory but what the caller has given away.
unsafe fn tell(
    xen: &Xen<impl Conduit>,
    operation: Operation,
    value: u64,
    processor: u32,
) -> Result<()> {
    let mut argument = argument(value, processor);
    // SAFETY: the call reads one `xen_pmu_params`; for what it does besides the caller vouches.
    unsafe { xen.call_with(operation, &mut argument) }
}

/// Makes the call without an argument.
fn plain(xen: &Xen<impl Conduit>, operation: Operation) -> Result<()> {
    // SAFETY: the call has no pointer. It writes to the processor's page, which is only reached by
    // atomics, as whoever shared it has promised.
    only_zero(operation, unsafe { xen.call(operation, [0; 4]) }?)
}

/// Who counts. Values unknown to this crate are kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PmuMode(u64);

impl PmuMode {
    /// Nobody.
    #[doc(alias = "XENPMU_MODE_OFF")]
    pub const OFF: Self = Self(XENPMU_MODE_OFF as u64);
    /// Each guest what it does itself.
    #[doc(alias = "XENPMU_MODE_SELF")]
    pub const SELF: Self = Self(XENPMU_MODE_SELF as u64);
    /// So too, and domain 0 what Xen does.
    #[doc(alias = "XENPMU_MODE_HV")]
    pub const HYPERVISOR: Self = Self(XENPMU_MODE_HV as u64);
    /// Domain 0 what all do.
    #[doc(alias = "XENPMU_MODE_ALL")]
    pub const ALL: Self = Self(XENPMU_MODE_ALL as u64);

    /// The mode of this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// What may be counted, a bit for each. Bits unknown to this crate are kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PmuFeatures(u64);

impl PmuFeatures {
    /// Intel's records of branches.
    #[doc(alias = "XENPMU_FEATURE_INTEL_BTS")]
    pub const INTEL_BTS: Self = Self(XENPMU_FEATURE_INTEL_BTS as u64);
    /// Cycles and instructions only.
    #[doc(alias = "XENPMU_FEATURE_IPC_ONLY")]
    pub const IPC_ONLY: Self = Self(XENPMU_FEATURE_IPC_ONLY as u64);
    /// The events that all processors of an architecture have only.
    #[doc(alias = "XENPMU_FEATURE_ARCH_ONLY")]
    pub const ARCH_ONLY: Self = Self(XENPMU_FEATURE_ARCH_ONLY as u64);

    /// The features of these bits.
    pub const fn new(bits: u64) -> Self {
        Self(bits)
    }

    /// The bits.
    pub const fn bits(self) -> u64 {
        self.0
    }
}

/// Which mode it is (`XENPMU_mode_get`).
///
/// For domain 0. Header: `xen/include/public/pmu.h`.
#[doc = gate_row!(XENPMU_mode_get)]
///
/// # Errors
///
/// [`Error::Unsupported`] where Xen was started without counters for guests; [`Error::Refused`]
/// with EPERM for other domains; [`Error::VersionMismatch`] where Xen speaks another major version.
#[doc(alias = "XENPMU_mode_get")]
pub fn mode_get(xen: &Xen<impl Conduit>) -> Result<PmuMode> {
    ask(xen, Operation::XENPMU_mode_get).map(PmuMode)
}

/// Sets the mode (`XENPMU_mode_set`).
///
/// For domain 0. Header: `xen/include/public/pmu.h`.
#[doc = gate_row!(XENPMU_mode_set)]
///
/// # Errors
///
/// As [`mode_get`]; [`Error::Refused`] with EINVAL for a mode that Xen does not know, that a 32-bit
/// domain 0 can't have, or another major version, EBUSY while guests count.
#[doc(alias = "XENPMU_mode_set")]
pub fn mode_set(xen: &Xen<impl Conduit>, mode: PmuMode) -> Result<()> {
    // SAFETY: the operation changes no memory.
    unsafe { tell(xen, Operation::XENPMU_mode_set, mode.0, 0) }
}

/// Which features there are (`XENPMU_feature_get`).
///
/// For domain 0. Header: `xen/include/public/pmu.h`.
#[doc = gate_row!(XENPMU_feature_get)]
///
/// # Errors
///
/// As [`mode_get`].
#[doc(alias = "XENPMU_feature_get")]
pub fn feature_get(xen: &Xen<impl Conduit>) -> Result<PmuFeatures> {
    ask(xen, Operation::XENPMU_feature_get).map(PmuFeatures)
}

/// Sets the features (`XENPMU_feature_set`).
///
/// For domain 0. Header: `xen/include/public/pmu.h`.
#[doc = gate_row!(XENPMU_feature_set)]
///
/// # Errors
///
/// As [`mode_set`].
#[doc(alias = "XENPMU_feature_set")]
pub fn feature_set(xen: &Xen<impl Conduit>, features: PmuFeatures) -> Result<()> {
    // SAFETY: the operation changes no memory.
    unsafe { tell(xen, Operation::XENPMU_feature_set, features.0, 0) }
}

/// Shares a page for a processor's counters (`XENPMU_init`): it becomes a `xen_pmu_data`. `frame`
/// is the page's by the number that its interfaces take, in a PV guest a machine frame.
///
/// For any PV guest, each processor once. Header: `xen/include/public/pmu.h`.
#[doc = gate_row!(XENPMU_init)]
///
/// # Errors
///
/// [`Error::Unsupported`] where Xen was started without counters for guests; [`Error::Refused`]
/// with EINVAL for a frame that is not an ordinary page of this domain's, for a processor that is
/// not there, and another major version, EEXIST where the processor has a page, ENOENT where it
/// can't count.
///
/// # Safety
///
/// Xen reads and writes the page until [`finish`]: it is only reached by atomics until then, but
/// for what Xen has just left there for the processor that looks.
#[doc(alias = "XENPMU_init")]
pub unsafe fn init(xen: &Xen<impl Conduit>, processor: VcpuId, frame: Gfn) -> Result<()> {
    // SAFETY: the caller gives the page away.
    unsafe { tell(xen, Operation::XENPMU_init, frame.get(), processor.get()) }
}

/// Ends the counting on a processor and gives its page back (`XENPMU_finish`). Xen does not say
/// whether there was one.
///
/// For any PV guest. Header: `xen/include/public/pmu.h`.
#[doc = gate_row!(XENPMU_finish)]
///
/// # Errors
///
/// [`Error::Unsupported`] where Xen was started without counters for guests; [`Error::Refused`]
/// with EINVAL for another major version.
#[doc(alias = "XENPMU_finish")]
pub fn finish(xen: &Xen<impl Conduit>, processor: VcpuId) -> Result<()> {
    // SAFETY: the operation changes no memory; Xen lets go of the page.
    unsafe { tell(xen, Operation::XENPMU_finish, 0, processor.get()) }
}

/// Takes the interrupt's setting over from this processor's page (`XENPMU_lvtpc_set`).
///
/// For any PV guest. Header: `xen/include/public/pmu.h`.
#[doc = gate_row!(XENPMU_lvtpc_set)]
///
/// # Errors
///
/// [`Error::Unsupported`] where Xen was started without counters for guests; [`Error::Refused`]
/// with EINVAL for a processor without a page.
#[doc(alias = "XENPMU_lvtpc_set")]
pub fn lvtpc_set(xen: &Xen<impl Conduit>) -> Result<()> {
    plain(xen, Operation::XENPMU_lvtpc_set)
}

/// Takes the counters over from this processor's page, once a sample was served (`XENPMU_flush`).
///
/// For any PV guest. Header: `xen/include/public/pmu.h`.
#[doc = gate_row!(XENPMU_flush)]
///
/// # Errors
///
/// As [`lvtpc_set`]; [`Error::Refused`] with EIO for values that the processor can't take.
#[doc(alias = "XENPMU_flush")]
pub fn flush(xen: &Xen<impl Conduit>) -> Result<()> {
    plain(xen, Operation::XENPMU_flush)
}

#[cfg(test)]
#[path = "xenpmu_op_tests.rs"]
mod tests;
