//! `xen_version`.
#![allow(unsafe_code)]

use xen_public::features::Features;
use xen_public::native::version::{xen_compile_info, xen_feature_info};

use super::Machine;
use super::build::{Build, Setup};
use super::caller::{Answer, Caller, Refusal, refuse};
use crate::hypercall::Errno;
use crate::version::Release;

/// What a domain reads that may not know.
const DENIED: &str = "<denied>";

/// The features that a release gives to a domain.
pub(super) fn features(setup: &Setup) -> Features {
    let mut features = Features::EMPTY;
    let mut set = |condition: bool, feature: Features| {
        if condition {
            features |= feature;
        }
    };
    let translated = !setup.pv();
    let x86 = !setup.arm();
    let since_4_0_1 = setup.release >= Release::new(4, 0, 1);
    set(translated, Features::WRITABLE_PAGE_TABLES);
    set(
        translated && setup.release == Release::new(3, 0, 2),
        Features::WRITABLE_DESCRIPTOR_TABLES,
    );
    set(translated, Features::AUTO_TRANSLATED_PHYSMAP);
    set(setup.pae_above_4gb, Features::PAE_PGDIR_ABOVE_4GB);
    set(
        setup.pv() && setup.since(3, 3),
        Features::MMU_PT_UPDATE_PRESERVE_AD,
    );
    let since_3_4 = setup.since(3, 4);
    set(setup.pv() && since_3_4, Features::HIGHMEM_ASSIST);
    set(setup.pv() && since_3_4, Features::GNTTAB_MAP_AVAIL_BITS);
    set(setup.hvm() && since_4_0_1, Features::HVM_CALLBACK_VECTOR);
    set(setup.hvm() && since_4_0_1, Features::HVM_SAFE_PVCLOCK);
    set(
        setup.hvm() && setup.since(4, 1) && setup.hvm_pirqs(),
        Features::HVM_PIRQS,
    );
    set(setup.privileged && setup.since(4, 2), Features::DOM0);
    set(setup.since(4, 6), Features::MEMORY_OP_VNODE_SUPPORTED);
    set(
        setup.arm() && setup.since(4, 10),
        Features::ARM_SMCCC_SUPPORTED,
    );
    let direct = setup.pv() || (setup.arm() && setup.privileged);
    set(setup.since(4, 16) && !direct, Features::NOT_DIRECT_MAPPED);
    set(setup.since(4, 16) && direct, Features::DIRECT_MAPPED);
    set(setup.since(4, 18), Features::RUNSTATE_PHYS_AREA);
    set(x86 && setup.since(4, 18), Features::VCPU_TIME_PHYS_AREA);
    set(x86 && setup.since(4, 19), Features::DM_MSIX_ALL_WRITES);
    features
}

impl Setup {
    /// Whether this HVM guest has physical interrupts as event channels: every one has before 4.9.
    pub(super) fn hvm_pirqs(&self) -> bool {
        self.has(Build::HvmPirqs) || self.before(4, 9)
    }

    fn capabilities(&self) -> &'static str {
        if self.arm() {
            "xen-3.0-aarch64 xen-3.0-armv7l "
        } else {
            "xen-3.0-x86_64 hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 "
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

impl Machine {
    /// Answers `xen_version`.
    ///
    /// # Safety
    ///
    /// As for [`Conduit::hypercall`](crate::hypercall::Conduit::hypercall): the argument is the
    /// address of what the sub-op reads and writes.
    pub(super) unsafe fn xen_version(&mut self, command: u32, argument: usize) -> Answer {
        /// Writes a text of the caller's size.
        ///
        /// # Safety
        ///
        /// The argument is the address of `N` bytes for the call to write.
        unsafe fn text<const N: usize>(argument: usize, text: &str) -> Answer {
            // SAFETY: this function's contract.
            let to = unsafe { Caller::<[u8; N]>::new(argument) };
            to.put(terminated(text))?;
            Ok(0)
        }
        // From 4.7 a policy decides what a domain without privilege may know: by default
        // everything but the command line and the build id.
        let setup = &self.setup;
        let secret = setup.has(Build::SecretVersion) || matches!(command, 9 | 10 | 14);
        let denied = secret && !setup.privileged && setup.since(4, 7);
        let say = |text| if denied { DENIED } else { text };
        match command {
            0 => Ok(usize::from(setup.release.major) << 16 | usize::from(setup.release.minor)),
            // SAFETY: XENVER_extraversion fills 16 bytes.
            1 => unsafe { text::<16>(argument, say(&setup.extraversion)) },
            2 => {
                // SAFETY: XENVER_compile_info fills an xen_compile_info.
                let to = unsafe { Caller::<xen_compile_info>::new(argument) };
                to.put(xen_compile_info {
                    compiler: terminated(say("gcc")),
                    compile_by: terminated(say("simulation")),
                    compile_domain: terminated(say("")),
                    compile_date: terminated(say("")),
                })?;
                Ok(0)
            }
            // SAFETY: XENVER_capabilities fills 1024 bytes.
            3 => unsafe { text::<1024>(argument, if denied { "" } else { setup.capabilities() }) },
            // SAFETY: XENVER_changeset fills 64 bytes.
            4 => unsafe { text::<64>(argument, say(CHANGESET)) },
            5 => {
                // SAFETY: XENVER_platform_parameters fills an xen_platform_parameters, one word.
                let to = unsafe { Caller::<usize>::new(argument) };
                to.put(virt_start(setup))?;
                Ok(0)
            }
            6 if setup.since_3_0(2) => {
                // SAFETY: XENVER_get_features reads and writes an xen_feature_info.
                let to = unsafe { Caller::<xen_feature_info>::new(argument) };
                let mut info = to.get()?;
                if info.submap_idx != 0 {
                    return refuse(Errno::EINVAL);
                }
                info.submap = features(setup).bits();
                to.put(info)?;
                Ok(0)
            }
            7 if setup.since_3_0(3) => match argument {
                _ if denied => Ok(0),
                0 => Ok(4096),
                _ => refuse(Errno::EINVAL),
            },
            8 if setup.since_3_0(3) => {
                // SAFETY: XENVER_guest_handle fills 16 bytes.
                let to = unsafe { Caller::<[u8; 16]>::new(argument) };
                let mut handle = [0; 16];
                if !denied {
                    handle[14..].copy_from_slice(&setup.domid.to_be_bytes());
                }
                to.put(handle)?;
                Ok(0)
            }
            // SAFETY: XENVER_commandline fills 1024 bytes.
            9 if setup.since(4, 0) && !denied => unsafe {
                text::<1024>(argument, &setup.command_line)
            },
            9 if setup.since(4, 0) => {
                // SAFETY: XENVER_commandline has 1024 bytes to fill; a refusal fills some.
                let to = unsafe { Caller::<[u8; DENIED.len() + 1]>::new(argument) };
                to.put(terminated(DENIED))?;
                Ok(0)
            }
            // SAFETY: the sub-ops from 10 on take an xen_varbuf or 0.
            10 if setup.since(4, 7) => unsafe { self.build_id(argument, denied) },
            11..=14 if setup.since(4, 20) => {
                if denied {
                    return refuse(Errno::EPERM);
                }
                let text = match command {
                    11 => setup.extraversion.as_str(),
                    12 => setup.capabilities(),
                    13 => CHANGESET,
                    _ => &setup.command_line,
                };
                // SAFETY: as for 10.
                unsafe { varbuf(argument, text.as_bytes()) }
            }
            _ => refuse(Errno::ENOSYS),
        }
    }

    /// # Safety
    ///
    /// The argument is the address of an `xen_build_id`, followed by as many bytes as it says, or 0.
    unsafe fn build_id(&self, argument: usize, denied: bool) -> Answer {
        if denied {
            return refuse(Errno::EPERM);
        }
        if argument != 0 && self.setup.before(4, 20) {
            // SAFETY: it begins with its length.
            let length = unsafe { Caller::<u32>::new(argument) }.get()?;
            if length == 0 {
                return refuse(Errno::EINVAL);
            }
        }
        match &self.setup.build_id {
            // SAFETY: this function's contract.
            Some(bytes) => unsafe { varbuf(argument, bytes) },
            None => refuse(Errno::ENODATA),
        }
    }
}

const CHANGESET: &str = "simulated";

/// Where Xen begins in the address space of a guest.
fn virt_start(setup: &Setup) -> usize {
    let start: u64 = match (setup.arm(), size_of::<usize>()) {
        (true, _) => 0x20_0000,
        (false, 4) => 0xf580_0000,
        (false, _) => 0xffff_8000_0000_0000,
    };
    start as usize
}

/// Answers with bytes, or with their number if the caller gives no room.
///
/// # Safety
///
/// The argument is the address of an `xen_varbuf`, followed by as many bytes as it says, or 0.
unsafe fn varbuf(argument: usize, bytes: &[u8]) -> Answer {
    if argument == 0 {
        return Ok(bytes.len());
    }
    // SAFETY: it begins with the length of what follows.
    let length = unsafe { Caller::<u32>::new(argument) }.get()? as usize;
    if bytes.len() > length {
        return refuse(Errno::ENOBUFS);
    }
    let Some(start) = argument.checked_add(4) else {
        return Err(Refusal::BadPointer(argument));
    };
    // SAFETY: this function's contract; `bytes` are no more than that.
    unsafe { Caller::<u8>::array(start, bytes.len()) }.put_bytes(bytes)?;
    Ok(bytes.len())
}
