//! What only domain 0 may ask: the toolstack's interfaces, the platform's, and what goes with them.
//!
//! Nothing here changes a domain. What is set is set back, and what is asked for is compared with what
//! other calls say of the same thing.
#![allow(unsafe_code)]

use core::mem::offset_of;

use xen_abi::hypercall::toolstack::{
    Abi, OnUnknown, Tokens, Toolstack, ToolstackError, V4_14, V4_17, V4_20, identify,
};
use xen_abi::hypercall::{Errno, Error, kexec_op, platform_op, xsm_op};
use xen_abi::version::Operation;
use xen_abi::version::toolstack::{Interfaces, Vendored};
use xen_abi::xen_public::native::platform::{
    XEN_CORE_PARKING_GET, XEN_FW_KBD_SHIFT_FLAGS, XEN_RESOURCE_OP_MSR_READ, xenpf_core_parking,
    xenpf_firmware_info, xenpf_read_memtype, xenpf_resource_entry,
};
use xen_abi::xen_public::native::xen::shared_info;
use xen_abi::xen_public::xen::DomId;

use super::{Outcome, Program};
use crate::machine::Machine;

/// A domain that is not there.
const NOBODY: DomId = DomId::new(0x77);
/// The time stamp counter's number among the model-specific registers.
const TSC: u64 = 0x10;

/// The reads of one release.
macro_rules! reads {
    ($name:ident, $release:ident, $token:ident) => {
        fn $name(&mut self, abi: $token) {
            use Operation as Op;
            #[cfg(target_arch = "arm")]
            use xen_abi::xen_public::toolstack::$release::arm32 as native;
            #[cfg(target_arch = "aarch64")]
            use xen_abi::xen_public::toolstack::$release::arm64 as native;
            #[cfg(target_arch = "x86")]
            use xen_abi::xen_public::toolstack::$release::x86_32 as native;
            #[cfg(target_arch = "x86_64")]
            use xen_abi::xen_public::toolstack::$release::x86_64 as native;

            use native::{domctl as d, sysctl as s};
            use xen_abi::hypercall::{domctl::$release as domctl, sysctl::$release as sysctl};

            let (sys, dom) = (Op::__HYPERVISOR_sysctl, Op::__HYPERVISOR_domctl);
            let own = DomId::new(0);

            let machine = self.run(sys, |xen| sysctl::physinfo(xen, abi)).done();
            let info = self
                .run(dom, |xen| domctl::getdomaininfo(xen, abi, own))
                .done();
            if let (Some(machine), Some(info)) = (machine, info) {
                self.report().say(format_args!(
                    "machine: {} processors, {} pages, {} free; domain: {} pages, {} processors",
                    machine.nr_cpus,
                    { machine.total_pages },
                    { machine.free_pages },
                    { info.tot_pages },
                    info.nr_online_vcpus,
                ));
                self.check(
                    sys,
                    machine.nr_cpus == 1
                        && machine.max_cpu_id < 4096
                        && machine.nr_nodes >= 1
                        && machine.free_pages < machine.total_pages,
                    format_args!("physinfo makes no sense"),
                );
                self.check(
                    dom,
                    info.domain == 0
                        && info.nr_online_vcpus == 1
                        && info.max_vcpu_id == 0
                        && info.tot_pages > 0
                        && info.tot_pages <= info.max_pages
                        && info.tot_pages < machine.total_pages,
                    format_args!("getdomaininfo makes no sense"),
                );
                let mut list = [d::xen_domctl_getdomaininfo::ZERO; 2];
                let count = self.run(sys, |xen| sysctl::domains(xen, abi, own, &mut list));
                self.check(
                    sys,
                    count.done() == Some(1)
                        && list[0].domain == 0
                        && list[0].max_pages == info.max_pages
                        && list[0].shared_info_frame == info.shared_info_frame,
                    format_args!("the list of domains is not that of domain 0"),
                );
            }
            self.refused(dom, &[Errno::ESRCH], |xen| {
                domctl::getdomaininfo(xen, abi, NOBODY)
            });

            let mut vcpu = d::xen_domctl_getvcpuinfo::ZERO;
            let _ = self.run(dom, |xen| domctl::getvcpuinfo(xen, abi, own, &mut vcpu));
            self.check(
                dom,
                (vcpu.online, vcpu.running, vcpu.blocked) == (1, 1, 0),
                format_args!("the processor that asks does not run"),
            );
            vcpu.vcpu = 99;
            self.refused(dom, &[Errno::ESRCH, Errno::EINVAL], |xen| {
                domctl::getvcpuinfo(xen, abi, own, &mut vcpu)
            });

            let mut processors = [s::xen_sysctl_cputopo::ZERO; 4];
            let count = self.run(sys, |xen| sysctl::cpu_topology(xen, abi, &mut processors));
            self.check(
                sys,
                count.done().is_some_and(|count| count >= 1) && processors[0].node == 0,
                format_args!("cputopoinfo makes no sense"),
            );
            let mut memory = [s::xen_sysctl_meminfo::ZERO];
            let mut distances = [0];
            let nodes = self.run(sys, |xen| {
                sysctl::numa(xen, abi, &mut memory, &mut distances)
            });
            self.check(
                sys,
                nodes.done() == Some(1) && memory[0].memfree <= memory[0].memsize,
                format_args!("numainfo makes no sense"),
            );
            let mut idle = [s::xen_sysctl_cpuinfo::ZERO; 2];
            let count = self.run(sys, |xen| sysctl::idle_times(xen, abi, &mut idle));
            self.check(
                sys,
                count.done() == Some(1),
                format_args!("getcpuinfo makes no sense"),
            );
            let scheduler = self.run(sys, |xen| sysctl::sched_id(xen, abi)).done();
            self.check(
                sys,
                scheduler.is_some_and(|scheduler| (1..16).contains(&scheduler.sched_id)),
                format_args!("sched_id makes no sense"),
            );

            let mut text = [0; 2048];
            let read = self.run(sys, |xen| sysctl::console(xen, abi, None, &mut text));
            let text = &text[..read.done().map_or(0, |(length, _)| length)];
            self.check(
                sys,
                text.windows(11).any(|part| part == b"Xen version"),
                format_args!(
                    "the console's {} bytes do not begin with Xen's banner",
                    text.len()
                ),
            );

            // No release has these, and none reads a payload that it does not know.
            let refused = &[Errno::ENOSYS, Errno::EOPNOTSUPP];
            let mut nothing = (s::xen_sysctl_u::ZERO, d::xen_domctl_u::ZERO);
            // SAFETY: the command is unknown.
            self.refused(sys, refused, |xen| unsafe {
                sysctl::sysctl(xen, abi, "unknown", 0x3e7, &mut nothing.0)
            });
            // SAFETY: as above.
            self.refused(dom, refused, |xen| unsafe {
                domctl::domctl(xen, abi, "unknown", 0x3e7, own, &mut nothing.1)
            });

            let Interfaces { domctl, sysctl } = abi.interfaces();
            // SAFETY: no hypervisor takes what comes with this version.
            let wrong = unsafe {
                $token::assume(Interfaces {
                    domctl: domctl + 1,
                    sysctl: sysctl - 1,
                })
            };
            let mismatch = |error: &Error| matches!(error, Error::VersionMismatch { .. });
            self.fails(dom, mismatch, |xen| domctl::getdomaininfo(xen, wrong, own));
            self.fails(sys, mismatch, |xen| sysctl::physinfo(xen, wrong));
        }
    };
}

impl<M: Machine> Program<'_, '_, M> {
    /// Everything that is for domain 0 only.
    pub fn domain_0(&mut self) {
        self.interfaces();
        self.clock();
        self.platform();
        self.kexec();
        self.flask();
        self.counters();
        self.machine_checks();
    }

    /// The release that the toolstack's interfaces are those of, and its reads.
    fn interfaces(&mut self) {
        let operation = Operation::__HYPERVISOR_domctl;
        let release = self.xen().release();
        let found = self.run(operation, |xen| match identify(xen, OnUnknown::Mark) {
            Ok(found) => Ok(Ok(found)),
            Err(ToolstackError::Call(error)) => Err(error),
            Err(error) => Ok(Err(error)),
        });
        let Outcome::Done(found) = found else {
            return;
        };
        let expected = Vendored::ALL
            .into_iter()
            .find(|vendored| vendored.release().same_branch(release));
        let tokens = match found {
            Ok(Toolstack::Known(tokens)) => Some(tokens),
            Ok(Toolstack::Unvendored(unvendored)) => {
                self.report().say(format_args!("{unvendored}"));
                None
            }
            Err(error) => return self.check(operation, false, format_args!("{error}")),
        };
        self.check(
            operation,
            tokens.map(Tokens::vendored) == expected,
            format_args!("Xen {release} was taken for {tokens:?}"),
        );
        let Some(tokens) = tokens.filter(|_| !self.left_to_real(operation)) else {
            return;
        };
        let spoken = tokens.interfaces();
        self.report().say(format_args!("toolstack: {spoken}"));
        match tokens {
            Tokens::V4_14(abi) => self.reads_4_14(abi),
            Tokens::V4_17(abi) => self.reads_4_17(abi),
            Tokens::V4_20(abi) => self.reads_4_20(abi),
            _ => self.check(operation, false, format_args!("no reads for {spoken}")),
        }
    }

    reads!(reads_4_14, v4_14, V4_14);
    reads!(reads_4_17, v4_17, V4_17);
    reads!(reads_4_20, v4_20, V4_20);

    /// The wall clock's seconds and nanoseconds, as Xen shows them.
    fn wall_clock(&self) -> Option<(u32, u32)> {
        let shared = self.machine().shared_info().ok()?;
        let word = |offset: usize| {
            let word = shared.as_ptr().wrapping_byte_add(offset).cast::<u32>();
            // SAFETY: the page is mapped for reading, and the word is in it. Xen may write it.
            unsafe { word.read_volatile() }
        };
        let seconds = word(offset_of!(shared_info, wc_sec));
        Some((seconds, word(offset_of!(shared_info, wc_nsec))))
    }

    /// The wall clock is set to another time, which it shows, and back.
    pub(super) fn clock(&mut self) {
        let operation = Operation::XENPF_settime64;
        let Some((seconds, nanoseconds)) = self.wall_clock() else {
            return self.check(operation, false, format_args!("no shared page"));
        };
        for seconds in [seconds.wrapping_add(86_400), seconds] {
            let set = self.run(operation, |xen| {
                platform_op::set_time(xen, seconds.into(), nanoseconds, 0)
            });
            if set.done().is_none() || !self.machine().real() {
                continue;
            }
            let shown = self.wall_clock();
            self.check(
                operation,
                shown == Some((seconds, nanoseconds)),
                format_args!("set to {seconds}.{nanoseconds:09}, the clock shows {shown:?}"),
            );
        }
    }

    /// What the platform interface tells, without what it changes.
    fn platform(&mut self) {
        use Operation as Op;
        use platform_op::commands;

        let mut shift = xenpf_firmware_info::ZERO;
        shift.r#type = XEN_FW_KBD_SHIFT_FLAGS as u32;
        // SAFETY: this type has no handles, and is only read.
        let _ = self.run_real(Op::XENPF_firmware_info, &[], |xen| unsafe {
            commands::firmware_info(xen, &mut shift)
        });
        let mut none = xenpf_firmware_info::ZERO;
        none.r#type = 0xffff;
        if !self.left_to_real(Op::XENPF_firmware_info) {
            // SAFETY: there is no such type.
            self.refused(Op::XENPF_firmware_info, &[Errno::EINVAL], |xen| unsafe {
                commands::firmware_info(xen, &mut none)
            });
        }
        let mut range = xenpf_read_memtype::ZERO;
        // Not every processor has such registers.
        let _ = self.run_real(Op::XENPF_read_memtype, &[Errno::EINVAL], |xen| {
            commands::read_memtype(xen, &mut range)
        });
        let mut parking = xenpf_core_parking::ZERO;
        parking.r#type = XEN_CORE_PARKING_GET as u32;
        let _ = self.run_real(Op::XENPF_core_parking, &[], |xen| {
            commands::core_parking(xen, &mut parking)
        });
        self.check(
            Op::XENPF_core_parking,
            parking.idle_nums == 0,
            format_args!("{} processors are kept idle", parking.idle_nums),
        );

        // Not where it is Xen that drives the processors' frequencies.
        let (mut cpus, mut times) = ([1], [0; 8]);
        let _ = self.run_real(Op::XENPF_getidletime, &[Errno::ENOSYS], |xen| {
            platform_op::idle_times(xen, &mut cpus, &mut times)
        });
        let presence = self.run_real(Op::XENPF_get_cpuinfo, &[], |xen| {
            platform_op::presence(xen, 0)
        });
        if let Some(info) = presence.done() {
            self.check(
                Op::XENPF_get_cpuinfo,
                info.max_present == 0 && info.flags & 1 == 1,
                format_args!("flags {:#x}, the last is {}", info.flags, info.max_present),
            );
        }
        let processor = self.run_real(Op::XENPF_get_cpu_version, &[], |xen| {
            platform_op::processor(xen, 0)
        });
        if let Some(processor) = processor.done() {
            self.check(
                Op::XENPF_get_cpu_version,
                processor.max_present() == 0,
                format_args!("the last processor is {}", processor.max_present()),
            );
        }
        let microcode = self.run_real(Op::XENPF_get_ucode_revision, &[], |xen| {
            platform_op::microcode(xen, 0)
        });
        if let Some(microcode) = microcode.done() {
            let direct = self.xen().can(Op::XENPF_get_ucode_revision).is_ok();
            self.check(
                Op::XENPF_get_ucode_revision,
                microcode.loaded.is_some() == direct,
                format_args!("{microcode:x?}"),
            );
        }
        let mut name = [0; 64];
        let symbol = self.run_real(Op::XENPF_get_symbol, &[], |xen| {
            platform_op::symbol(xen, 0, &mut name)
        });
        if let Some(symbol) = symbol.done() {
            self.check(
                Op::XENPF_get_symbol,
                symbol.next == 1 && symbol.length > 1 && name[0] != 0 && symbol.address >> 47 != 0,
                format_args!("{symbol:x?}"),
            );
        }
        // None where Xen has only a serial line.
        let _ = self.run_real(
            Op::XENPF_get_dom0_console,
            &[Errno::ENODEV],
            platform_op::dom0_console,
        );
        let mut entry = [xenpf_resource_entry::ZERO];
        entry[0].u.cmd = XEN_RESOURCE_OP_MSR_READ as u32;
        entry[0].idx = TSC;
        // SAFETY: the register is only read.
        let read = self.run_real(Op::XENPF_resource_op, &[], |xen| unsafe {
            platform_op::resources(xen, 0, &mut entry)
        });
        if read.done().is_some() {
            let ticks = entry[0].val;
            self.check(
                Op::XENPF_resource_op,
                ticks != 0,
                format_args!("{ticks} ticks"),
            );
        }
    }

    /// What can be asked of `kexec_op` without an image; and that a false success is seen through.
    fn kexec(&mut self) {
        use Operation as Op;
        use kexec_op::{Image, Range};

        let operation = Op::KEXEC_CMD_kexec_get_range;
        let crash = self.run(operation, |xen| kexec_op::range(xen, Range::Crash));
        if let Some((_, size)) = crash.done() {
            let nothing = size == 0;
            self.check(
                operation,
                nothing,
                format_args!("{size:#x} bytes for a crash image"),
            );
        }
        if self.machine().real() {
            for range in [Range::Cpu(0), Range::Vmcoreinfo] {
                // Notes are kept where there is memory for a crash image.
                let found = self.run_or(operation, &[Errno::EINVAL], |xen| {
                    kexec_op::range(xen, range)
                });
                if let Some((start, size)) = found.done() {
                    self.check(
                        operation,
                        start != 0 && size != 0,
                        format_args!("{range:?}: {size:#x} bytes at {start:#x}"),
                    );
                }
            }
            self.refused(operation, &[Errno::ERANGE, Errno::EINVAL], |xen| {
                kexec_op::range(xen, Range::Cpu(0x7777))
            });
        }
        // An older one gives no answer, and says that it has: no false "nothing is loaded".
        for image in [Image::Default, Image::Crash] {
            let operation = Op::KEXEC_CMD_kexec_status;
            let loaded = self.run(operation, |xen| kexec_op::status(xen, image));
            if let Some(loaded) = loaded.done() {
                self.check(operation, !loaded, format_args!("{image:?} is loaded"));
            }
            let _ = self.run(Op::KEXEC_CMD_kexec_unload, |xen| {
                kexec_op::unload(xen, image)
            });
        }
    }

    /// The security module: whether its policy is enforced.
    fn flask(&mut self) {
        let operation = Operation::FLASK_GETENFORCE;
        let enforcing = self.run(operation, xsm_op::enforcing).done();
        self.report()
            .say(format_args!("security policy enforced: {enforcing:?}"));
        if enforcing.is_some() {
            let _ = self.run_real(Operation::FLASK_POLICYVERS, &[], xsm_op::policy_version);
        }
    }

    /// The processors' counters, in both ways that there were.
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    fn counters(&mut self) {
        use Operation as Op;
        use xen_abi::hypercall::xenpmu_op;
        use xen_abi::xen_public::xen::VcpuId;

        let mode = self.run_real(Op::XENPMU_mode_get, &[], xenpmu_op::mode_get);
        self.report()
            .say(format_args!("counters: {:?}", mode.done()));
        let _ = self.run_real(Op::XENPMU_feature_get, &[], xenpmu_op::feature_get);
        let _ = self.run_real(Op::XENPMU_finish, &[], |xen| {
            xenpmu_op::finish(xen, VcpuId::new(0))
        });
    }

    /// The processors' counters are nobody's on this processor.
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
    fn counters(&mut self) {
        use Operation as Op;
        self.not_here(&[
            Op::XENPMU_mode_get,
            Op::XENPMU_feature_get,
            Op::XENPMU_finish,
            Op::XENOPROF_init,
            Op::XENOPROF_reset_active_list,
            Op::XENOPROF_stop,
            Op::XENOPROF_get_ibs_caps,
            Op::XENOPROF_shutdown,
        ]);
    }

    /// The record of the machine's errors.
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    fn machine_checks(&mut self) {
        use Operation as Op;
        use xen_abi::hypercall::mca::{self, Urgency};
        use xen_abi::xen_public::native::arch_x86::xen_mca::{mc_info, mcinfo_logical_cpu};

        if self.left_to_real(Op::__HYPERVISOR_mca) {
            return;
        }
        let mut info = mc_info::ZERO;
        for urgency in [Urgency::NonUrgent, Urgency::Urgent] {
            let record = self.run(Op::XEN_MC_fetch, |xen| mca::fetch(xen, urgency, &mut info));
            if let Some(record) = record.done() {
                self.check(
                    Op::XEN_MC_fetch,
                    record.is_none(),
                    format_args!("the machine had errors: {record:?}"),
                );
            }
        }
        let operation = Op::XEN_MC_physcpuinfo;
        let count = self.run(operation, mca::physcpus);
        if let Some(count) = count.done() {
            self.check(operation, count == 1, format_args!("{count} processors"));
        }
        let mut places = [mcinfo_logical_cpu::ZERO; 2];
        let count = self.run(operation, |xen| mca::physcpuinfo(xen, &mut places));
        if let Some(count) = count.done() {
            self.check(operation, count == 1, format_args!("{count} were told of"));
        }
        self.refused(Op::XEN_MC_notifydomain, &[Errno::EINVAL], |xen| {
            mca::notifydomain(xen, NOBODY, 0, 0)
        });
    }

    /// There is no such record on this processor.
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
    fn machine_checks(&mut self) {
        use Operation as Op;
        self.not_here(&[
            Op::XEN_MC_fetch,
            Op::XEN_MC_physcpuinfo,
            Op::XEN_MC_notifydomain,
        ]);
    }
}
