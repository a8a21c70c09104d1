//! A device: what its two ends share, and what each is told about it.

use super::domain::{Domain, Event};
use super::options::Which;
use super::store::Directory;
use super::workload::Part;
use xen_abi::blkif::Protocol;

/// Errors of either end come from many places and are only shown.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

/// A frontend's device, with all that lies between the two ends.
#[derive(Debug)]
pub(crate) struct Device<'a> {
    pub(crate) which: Which,
    pub(crate) protocol: Protocol,
    pub(crate) part: Part,
    /// The frontend's pages.
    pub(crate) domain: Domain,
    pub(crate) to_back: Event,
    pub(crate) to_front: Event,
    /// The frontend's directory in xenstore, and the backend's.
    pub(crate) front: Directory<'a>,
    pub(crate) back: Directory<'a>,
}

impl Which {
    /// The ABI that the frontend names in xenstore. A host without a name of its own has x86_64's
    /// layout, as all hosts with 64-bit integers aligned to 8 bytes.
    pub(crate) fn protocol(self) -> Protocol {
        match self {
            Self::X86_32 => Protocol::X86_32,
            Self::X86_64 => Protocol::X86_64,
            Self::Native => Protocol::NATIVE.unwrap_or(Protocol::X86_64),
        }
    }
}
