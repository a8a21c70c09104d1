//! A hypervisor in memory, to run code against without Xen.
//!
//! [`Simulated`] is a conduit whose other end is a few lines of Rust in the same process. It plays
//! domain 0's hypervisor of a chosen [`Release`], with the answers that release was seen to give,
//! and it writes down what it was asked. What it knows is `xen_version` (version, extraversion,
//! capabilities, features), `console_io` (write) and `sched_op` (shutdown, but not to suspend): every
//! other call gets ENOSYS, which a test must not take for what a real Xen would say to it. It has no domains, no
//! page tables and no time. It cannot tell whether an address is mapped, but refuses with EFAULT
//! what cannot be memory: address 0 and ranges that wrap around.
//!
//! [`Simulated::falsify`] makes it lie, to see how the code under test takes nonsense.
//!
//! It allocates, unlike the rest of this crate: it is for tests.
#![allow(unsafe_code)]

use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use xen_public::features::Features;

use super::sched_op::ShutdownReason;
use super::xen_version::Version;
use super::{Conduit, Errno, console_io, sched_op, xen_version};

/// A release of Xen as the simulated hypervisor plays it: what Debian's build of it answered to an
/// x86_64 PV domain 0.
#[derive(Clone, Copy, Debug)]
pub struct Release {
    /// The version.
    pub version: Version,
    /// What follows it; at most 15 bytes reach the guest.
    pub extraversion: &'static str,
    /// The kinds of guest it can run.
    pub capabilities: &'static str,
    /// The first word of features.
    pub features: Features,
}

/// What 4.14 gave to a PV domain 0.
const FEATURES_4_14: Features = Features::PAE_PGDIR_ABOVE_4GB
    .union(Features::MMU_PT_UPDATE_PRESERVE_AD)
    .union(Features::HIGHMEM_ASSIST)
    .union(Features::GNTTAB_MAP_AVAIL_BITS)
    .union(Features::DOM0)
    .union(Features::MEMORY_OP_VNODE_SUPPORTED);

impl Release {
    /// Xen 4.14 of Debian 11.
    pub const V4_14: Self = Self {
        version: Version {
            major: 4,
            minor: 14,
        },
        extraversion: ".6",
        capabilities: "xen-3.0-x86_64 hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 ",
        features: FEATURES_4_14,
    };
    /// Xen 4.17 of Debian 12.
    pub const V4_17: Self = Self {
        version: Version {
            major: 4,
            minor: 17,
        },
        extraversion: ".5",
        features: FEATURES_4_14.union(Features::DIRECT_MAPPED),
        ..Self::V4_14
    };
    /// Xen 4.20 of Debian 13.
    pub const V4_20: Self = Self {
        version: Version {
            major: 4,
            minor: 20,
        },
        extraversion: ".4-pre",
        features: FEATURES_4_14
            .difference(Features::PAE_PGDIR_ABOVE_4GB)
            .union(Features::DIRECT_MAPPED)
            .union(Features::RUNSTATE_PHYS_AREA)
            .union(Features::VCPU_TIME_PHYS_AREA)
            .union(Features::DM_MSIX_ALL_WRITES),
        ..Self::V4_17
    };
}

/// A hypercall as it arrived.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Call {
    /// Its number.
    pub number: u32,
    /// Its arguments.
    pub arguments: [usize; 5],
}

/// A simulated hypervisor; see the [module](self) for what it can and cannot do.
#[derive(Debug)]
pub struct Simulated {
    release: Release,
    calls: RefCell<Vec<Call>>,
    console: RefCell<Vec<u8>>,
    ended: Cell<Option<ShutdownReason>>,
    lies: RefCell<Vec<(u32, usize, isize)>>,
}

const EFAULT: isize = Errno::EFAULT.to_return() as isize;
const EINVAL: isize = Errno::EINVAL.to_return() as isize;
const ENOSYS: isize = Errno::ENOSYS.to_return() as isize;

impl Simulated {
    /// A hypervisor that plays `release`.
    pub const fn new(release: Release) -> Self {
        Self {
            release,
            calls: RefCell::new(Vec::new()),
            console: RefCell::new(Vec::new()),
            ended: Cell::new(None),
            lies: RefCell::new(Vec::new()),
        }
    }

    /// From now on, sub-op `sub_op` of hypercall `number` does nothing and answers `answer`, in
    /// place of what it was told to answer before.
    pub fn falsify(&self, number: u32, sub_op: usize, answer: isize) {
        self.lies.borrow_mut().push((number, sub_op, answer));
    }

    /// All hypercalls so far, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.borrow().clone()
    }

    /// Everything that was written to the console.
    pub fn console(&self) -> Vec<u8> {
        self.console.borrow().clone()
    }

    /// Why the domain ended, if it did. The real hypervisor would not have run it any further;
    /// this one can't stop its caller and goes on answering.
    pub fn ended(&self) -> Option<ShutdownReason> {
        self.ended.get()
    }

    /// Answers `xen_version`.
    ///
    /// # Safety
    ///
    /// As for [`Conduit::hypercall`].
    unsafe fn xen_version(&self, sub_op: usize, address: usize) -> isize {
        let Release {
            version,
            extraversion,
            capabilities,
            features,
        } = self.release;
        let mut submap = [0; 4];
        let (bytes, at): (&[u8], usize) = match sub_op {
            xen_version::XENVER_VERSION => {
                return ((u32::from(version.major) << 16) | u32::from(version.minor)) as isize;
            }
            xen_version::XENVER_EXTRAVERSION => (
                &terminated::<{ xen_version::EXTRAVERSION_LEN }>(extraversion),
                0,
            ),
            xen_version::XENVER_CAPABILITIES => (
                &terminated::<{ xen_version::CAPABILITIES_LEN }>(capabilities),
                0,
            ),
            xen_version::XENVER_GET_FEATURES => {
                // SAFETY: the call reads a `xen_feature_info`, of which this is the first half.
                if unsafe { read(address, &mut submap) } != 0 {
                    return EFAULT;
                }
                if u32::from_ne_bytes(submap) != 0 {
                    return EINVAL;
                }
                (&features.bits().to_ne_bytes(), 4)
            }
            _ => return ENOSYS,
        };
        // SAFETY: `bytes` is what the call writes, at its place.
        unsafe { write(address, at, bytes) }
    }

    /// Answers `console_io`.
    ///
    /// # Safety
    ///
    /// As for [`Conduit::hypercall`].
    unsafe fn console_io(&self, sub_op: usize, count: usize, address: usize) -> isize {
        if sub_op != console_io::CONSOLEIO_WRITE {
            return ENOSYS;
        }
        // Xen's count is 32 bits wide.
        let count = count as u32 as usize;
        if count == 0 {
            return 0;
        }
        if !possible(address, count) {
            return EFAULT;
        }
        let mut text = alloc::vec![0; count];
        // SAFETY: the call reads `count` bytes at the address.
        let answer = unsafe { read(address, &mut text) };
        self.console.borrow_mut().append(&mut text);
        answer
    }

    /// Answers `sched_op`.
    ///
    /// # Safety
    ///
    /// As for [`Conduit::hypercall`].
    unsafe fn sched_op(&self, sub_op: usize, address: usize) -> isize {
        if sub_op != sched_op::SCHEDOP_SHUTDOWN {
            return ENOSYS;
        }
        let mut reason = [0; 4];
        // SAFETY: the call reads a `sched_shutdown`, which is one word of 32 bits.
        let answer = unsafe { read(address, &mut reason) };
        if answer != 0 {
            return answer;
        }
        // Xen keeps the lowest 8 bits.
        match ShutdownReason::new(u32::from_ne_bytes(reason) & 0xff) {
            Some(reason) => self.ended.set(Some(reason)),
            None => return ENOSYS,
        }
        0
    }
}

// SAFETY: the calls are answered from memory; the only memory of the caller's that is touched is
// what the ABI gives to `XENVER_extraversion` (16 bytes written), `XENVER_capabilities` (1024
// written), `XENVER_get_features` (8 read, 4 of them written), `CONSOLEIO_write` (its count read)
// and `SCHEDOP_shutdown` (4 read), and no address is kept.
unsafe impl Conduit for Simulated {
    unsafe fn hypercall(&self, number: u32, arguments: [usize; 5]) -> isize {
        self.calls.borrow_mut().push(Call { number, arguments });
        let [sub_op, second, third, ..] = arguments;
        // Xen's sub-op is 32 bits wide.
        let sub_op = sub_op as u32 as usize;
        let lies = self.lies.borrow();
        let told = |lie: &&(u32, usize, isize)| (lie.0, lie.1) == (number, sub_op);
        if let Some(lie) = lies.iter().rfind(told) {
            return lie.2;
        }
        // For each call: this function's caller keeps the same contract, for the same call.
        match number {
            // SAFETY: as above.
            xen_version::HYPERCALL => unsafe { self.xen_version(sub_op, second) },
            // SAFETY: as above.
            console_io::HYPERCALL => unsafe { self.console_io(sub_op, second, third) },
            // SAFETY: as above.
            sched_op::HYPERCALL => unsafe { self.sched_op(sub_op, second) },
            _ => ENOSYS,
        }
    }
}

/// A text with NULs up to `N` bytes, cut where only the terminating one has room.
fn terminated<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = [0; N];
    let length = text.len().min(N - 1);
    bytes[..length].copy_from_slice(&text.as_bytes()[..length]);
    bytes
}

/// Whether there can be memory of this length at this address.
fn possible(address: usize, length: usize) -> bool {
    address != 0 && address.checked_add(length).is_some()
}

/// Reads the caller's memory; 0, or EFAULT if it can't be memory.
///
/// # Safety
///
/// If it can be memory, the bytes at the address are valid for reads, nothing writes them
/// meanwhile, and the address's provenance is exposed.
unsafe fn read(address: usize, to: &mut [u8]) -> isize {
    if !possible(address, to.len()) {
        return EFAULT;
    }
    let from = core::ptr::with_exposed_provenance::<u8>(address);
    // SAFETY: the caller vouches for `from`; `to` is memory of the simulation's own, so the two do
    // not overlap.
    unsafe { core::ptr::copy_nonoverlapping(from, to.as_mut_ptr(), to.len()) };
    0
}

/// Writes to the caller's memory, `offset` bytes after `address`; 0, or EFAULT if it can't be
/// memory.
///
/// # Safety
///
/// If it can be memory, the bytes there are valid for writes, nothing else uses them meanwhile,
/// and the address's provenance is exposed.
unsafe fn write(address: usize, offset: usize, bytes: &[u8]) -> isize {
    if !possible(address, offset + bytes.len()) {
        return EFAULT;
    }
    let to = core::ptr::with_exposed_provenance_mut::<u8>(address + offset);
    // SAFETY: the caller vouches for `to`; `bytes` is memory of the simulation's own, so the two do
    // not overlap.
    unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
    0
}

#[cfg(test)]
#[path = "simulate_tests.rs"]
mod tests;
