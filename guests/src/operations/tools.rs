//! The rest of what domain 0 may ask: what changes nothing because it is already so, what is set and set
//! back, and what must be refused because this machine has nothing for it.
#![allow(unsafe_code)]

use xen_abi::hypercall::dm_op::{self, Event, IoRange};
use xen_abi::hypercall::event_channel_op::{self, Binding};
use xen_abi::hypercall::hvm_op::MemType;
use xen_abi::hypercall::kexec_op::{self, Image, Range};
use xen_abi::hypercall::sched_op::{self, Announced, ShutdownReason};
use xen_abi::hypercall::{Errno, Result, hypfs_op, platform_op};
use xen_abi::version::{Guest, Operation as Op};
use xen_abi::xen_public::native::hvm::dm_op::xen_dm_op_modified_memory_extent as Extent;
use xen_abi::xen_public::native::platform as p;
use xen_abi::xen_public::xen::{DomId, Gfn, VcpuId};

use super::entries::{OWN, wide};
use super::{Hypervisor, Program};
use crate::checks;
use crate::machine::Machine;

/// A processor that the machine does not have.
const NO_PROCESSOR: u32 = 0x7fff;

impl<'a, M: Machine> Program<'a, '_, M> {
    /// All of it.
    pub(super) fn tools(&mut self) {
        self.cached();
        self.processors_of_machine();
        self.told();
        self.kexec_images();
        self.kexec_older();
        self.models();
        self.log_level();
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        {
            self.errors_injected();
            self.profiled();
            self.callback_for_nmi();
        }
    }

    /// How a range far from all memory is cached is set, shown and taken back.
    fn cached(&mut self) {
        use platform_op::commands::{add_memtype, del_memtype, read_memtype};
        const FRAME: u64 = 0xf_0000;
        const FRAMES: u64 = 0x100;
        let operation = Op::XENPF_add_memtype;
        let mut range = p::xenpf_add_memtype::ZERO;
        range.mfn = FRAME as _;
        range.nr_mfns = FRAMES;
        // Not every processor has such registers, or one of them free.
        let refusals = &[Errno::EINVAL, Errno::ENXIO, Errno::ENOSPC, Errno::ENODEV];
        // SAFETY: there is no memory in the range.
        let added = self.run_real(operation, refusals, |xen| unsafe {
            add_memtype(xen, &mut range)
        });
        let mut gone = p::xenpf_del_memtype::ZERO;
        if added.done().is_none() {
            gone.reg = NO_PROCESSOR;
            // SAFETY: there is no such register.
            let _ = self.run_real(Op::XENPF_del_memtype, refusals, |xen| unsafe {
                del_memtype(xen, &mut gone)
            });
            return;
        }
        let mut shown = p::xenpf_read_memtype::ZERO;
        shown.reg = range.reg;
        let _ = self.run(Op::XENPF_read_memtype, |xen| read_memtype(xen, &mut shown));
        // Where a larger range has it cached so already, that one serves.
        let (first, count) = (wide(shown.mfn), shown.nr_mfns);
        let within = first <= FRAME && FRAME + FRAMES <= first.saturating_add(count);
        self.check(
            operation,
            within && shown.r#type == range.r#type,
            format_args!("{count:#x} frames from {first:#x}: {}", shown.r#type),
        );
        gone.reg = range.reg;
        // SAFETY: it is what was added before.
        let _ = self.run(Op::XENPF_del_memtype, |xen| unsafe {
            del_memtype(xen, &mut gone)
        });
        let _ = self.run(Op::XENPF_read_memtype, |xen| read_memtype(xen, &mut shown));
        let left = if count == FRAMES { 0 } else { count };
        self.check(
            Op::XENPF_del_memtype,
            shown.nr_mfns == left,
            format_args!("{:#x} frames are left", { shown.nr_mfns }),
        );
    }

    /// Processors that are there, or not.
    fn processors_of_machine(&mut self) {
        let _ = self.run_real(Op::XENPF_cpu_online, &[Errno::EINVAL], |xen| {
            platform_op::cpu_online(xen, 0)
        });
        let none = &[Errno::EINVAL, Errno::EOPNOTSUPP];
        self.refused_real(Op::XENPF_cpu_online, none, |xen| {
            platform_op::cpu_online(xen, NO_PROCESSOR)
        });
        self.refused_real(Op::XENPF_cpu_offline, none, |xen| {
            platform_op::cpu_offline(xen, NO_PROCESSOR)
        });
        self.refused_real(Op::XENPF_cpu_hotadd, none, |xen| {
            platform_op::cpu_add(xen, u32::MAX, u32::MAX, 0)
        });
        let mut memory = p::xenpf_mem_hotadd::ZERO;
        (memory.spfn, memory.epfn) = (2, 1);
        // SAFETY: no memory is added.
        self.refused_real(Op::XENPF_mem_hotadd, none, |xen| unsafe {
            platform_op::commands::mem_hotadd(xen, &mut memory)
        });
        // No processor takes this for its microcode.
        let refusals = &[
            Errno::EINVAL,
            Errno::ENOENT,
            Errno::EIO,
            Errno::EOPNOTSUPP,
            Errno::ENODEV,
        ];
        for row in [Op::XENPF_microcode_update, Op::XENPF_microcode_update2] {
            let newer = [Op::XENPF_microcode_update2];
            let withheld = if row == newer[0] { &[] } else { &newer[..] };
            self.without_only(withheld, |program| {
                program.refused_real(row, refusals, |xen| {
                    platform_op::update_microcode(xen, &[0x5a; 64], false)
                });
            });
        }
    }

    /// Xen is told of the machine what it knows, or can't be true.
    fn told(&mut self) {
        use platform_op::commands;
        let mut quirk = p::xenpf_platform_quirk::ZERO;
        quirk.quirk_id = p::QUIRK_IOAPIC_GOOD_REGSEL as u32;
        let _ = self.run_real(Op::XENPF_platform_quirk, &[], |xen| {
            commands::platform_quirk(xen, &mut quirk)
        });
        quirk.quirk_id = 0x77;
        self.refused_real(Op::XENPF_platform_quirk, &[Errno::EINVAL], |xen| {
            commands::platform_quirk(xen, &mut quirk)
        });
        let mut call = p::xenpf_efi_runtime_call::ZERO;
        // Started without EFI.
        let none = [Errno::EOPNOTSUPP, Errno::ENOSYS, Errno::EINVAL];
        // SAFETY: there is no firmware to be called.
        let _ = self.run_real(Op::XENPF_efi_runtime_call, &none, |xen| unsafe {
            commands::efi_runtime_call(xen, &mut call)
        });
        let mut sleep = p::xenpf_enter_acpi_sleep::ZERO;
        sleep.sleep_state = 0x77;
        sleep.flags = u32::MAX;
        let refusals = &[
            Errno::EPERM,
            Errno::EINVAL,
            Errno::ERANGE,
            Errno::EOPNOTSUPP,
        ];
        self.refused_real(Op::XENPF_enter_acpi_sleep, refusals, |xen| {
            commands::enter_acpi_sleep(xen, &mut sleep)
        });
        let mut frequency = p::xenpf_change_freq::ZERO;
        frequency.flags = u32::MAX;
        // Not where it is Xen that drives the processors' frequencies.
        let _ = self.run_real(
            Op::XENPF_change_freq,
            &[Errno::ENOSYS, Errno::EINVAL],
            |xen| commands::change_freq(xen, &mut frequency),
        );
        let mut states = p::xenpf_set_processor_pminfo::ZERO;
        states.r#type = 0x77;
        // SAFETY: there is no such type, so that no handle is looked at.
        self.refused_real(
            Op::XENPF_set_processor_pminfo,
            &[Errno::EINVAL],
            |xen| unsafe { commands::set_processor_pminfo(xen, &mut states) },
        );
        self.without_only(&[Op::XENPF_settime64], |program| program.clock());
    }

    /// No image is loaded, and none can be from nothing; where things are is shown.
    fn kexec_images(&mut self) {
        if self.not_real(Op::KEXEC_CMD_kexec) {
            return;
        }
        let _ = self.run_or(Op::KEXEC_CMD_kexec, &[Errno::ENOENT], |xen| {
            // SAFETY: nothing is loaded that could be started.
            Err::<(), _>(unsafe { kexec_op::kexec(xen, Image::Default) })
        });
        // SAFETY: there is no such processor's code, and nothing to load.
        self.refused_real(Op::KEXEC_CMD_kexec_load, &[Errno::EINVAL], |xen| unsafe {
            kexec_op::load(xen, Image::Default, 0xdead, 0, &[], || None)
        });
        for (row, range) in [
            (Op::KEXEC_RANGE_MA_CRASH, Range::Crash),
            (Op::KEXEC_RANGE_MA_XEN, Range::Xen),
            (Op::KEXEC_RANGE_MA_CPU, Range::Cpu(0)),
            (Op::KEXEC_RANGE_MA_VMCOREINFO, Range::Vmcoreinfo),
        ] {
            let found = self.run_or(row, &[Errno::EINVAL], |xen| kexec_op::range(xen, range));
            if let (Range::Xen, Some((start, size))) = (range, found.done()) {
                self.check(
                    row,
                    start != 0 && size > 0x1_0000,
                    format_args!("{size:#x} bytes at {start:#x}"),
                );
            }
        }
    }

    /// No image is taken back in the older way, either.
    fn kexec_older(&mut self) {
        let operation = Op::KEXEC_CMD_kexec_unload;
        if self.not_real(operation) {
            return;
        }
        self.without_only(&[operation], |program| {
            let _ = program.run(operation, |xen| kexec_op::unload(xen, Image::Default));
        });
    }

    /// Nobody is their own device model.
    fn models(&mut self) {
        let event = Event {
            vcpu: VcpuId::new(0),
            vector: 3,
            kind: 0,
            insn_len: 0,
            error_code: None,
            cr2: 0,
        };
        let (page, range) = (Gfn::new(1), IoRange::Port(1, 2));
        // Its sub-ops' numbers stand in memory, where the sweep does not look.
        let hypercall = Op::__HYPERVISOR_dm_op;
        if self.build_unknown() && self.xen().can(hypercall).is_ok() {
            let answer = self.ask_past(hypercall.hypercall(), [OWN.get().into(), 0, 0, 0, 0]);
            if answer == Errno::ENOSYS.to_return() as i32 {
                self.xen().withhold_hypercall(hypercall);
            }
        }
        self.of_oneself(Op::XEN_DMOP_get_ioreq_server_info, |xen| {
            dm_op::get_ioreq_server_info(xen, OWN, 0, false)
        });
        self.of_oneself(Op::XEN_DMOP_map_io_range_to_ioreq_server, |xen| {
            dm_op::map_io_range_to_ioreq_server(xen, OWN, 0, range)
        });
        self.of_oneself(Op::XEN_DMOP_unmap_io_range_from_ioreq_server, |xen| {
            dm_op::unmap_io_range_from_ioreq_server(xen, OWN, 0, range)
        });
        self.of_oneself(Op::XEN_DMOP_set_ioreq_server_state, |xen| {
            dm_op::set_ioreq_server_state(xen, OWN, 0, false)
        });
        self.of_oneself(Op::XEN_DMOP_destroy_ioreq_server, |xen| {
            dm_op::destroy_ioreq_server(xen, OWN, 0)
        });
        self.of_oneself(Op::XEN_DMOP_track_dirty_vram, |xen| {
            dm_op::track_dirty_vram(xen, OWN, page, 8, &mut [0])
        });
        self.of_oneself(Op::XEN_DMOP_set_isa_irq_level, |xen| {
            dm_op::set_isa_irq_level(xen, OWN, 5, false)
        });
        self.of_oneself(Op::XEN_DMOP_set_pci_link_route, |xen| {
            dm_op::set_pci_link_route(xen, OWN, 0, 0)
        });
        self.of_oneself(Op::XEN_DMOP_modified_memory, |xen| {
            dm_op::modified_memory(xen, OWN, &mut [Extent::ZERO])
        });
        self.of_oneself(Op::XEN_DMOP_set_mem_type, |xen| {
            dm_op::set_mem_type(xen, OWN, page, 1, MemType::RAM)
        });
        self.of_oneself(Op::XEN_DMOP_inject_event, |xen| {
            dm_op::inject_event(xen, OWN, event)
        });
        self.of_oneself(Op::XEN_DMOP_inject_msi, |xen| {
            dm_op::inject_msi(xen, OWN, 0, 0)
        });
        self.of_oneself(Op::XEN_DMOP_map_mem_type_to_ioreq_server, |xen| {
            dm_op::map_mem_type_to_ioreq_server(xen, OWN, 0, MemType::RAM, 0)
        });
        // The older ways would be taken: it would be shut down.
        if self.xen().can(Op::__HYPERVISOR_dm_op).is_err() {
            return;
        }
        self.of_oneself(Op::XEN_DMOP_remote_shutdown, |xen| {
            dm_op::remote_shutdown(xen, OWN, 0)
        });
        self.of_oneself(Op::XEN_DMOP_relocate_memory, |xen| {
            // SAFETY: the domain is refused as its own device model.
            unsafe { dm_op::relocate_memory(xen, OWN, page, page, 1) }
        });
        self.of_oneself(Op::XEN_DMOP_pin_memory_cacheattr, |xen| {
            dm_op::pin_memory_cacheattr(xen, OWN, page, page, 6)
        });
    }

    /// What only a device model may do, tried by the domain itself.
    fn of_oneself<T>(&mut self, operation: Op, work: impl FnOnce(&Hypervisor<'a, M>) -> Result<T>) {
        self.refused_real(operation, &[Errno::EPERM], work);
    }

    /// A parameter of Xen's is written, read and written back, and the folder of parameters shown.
    fn log_level(&mut self) {
        let operation = Op::XEN_HYPFS_OP_write_contents;
        if self.not_real(operation) || self.xen().can(operation).is_err() {
            return;
        }
        let path = c"/params/loglvl";
        let mut buffer = [0; 512];
        let found = hypfs_op::read(self.xen(), c"/params", &mut buffer);
        if !matches!(found, Ok(hypfs_op::Found::Whole(..))) {
            return self.check(operation, false, format_args!("/params: {found:?}"));
        }
        for wanted in [c"none/warning", c"all"] {
            let _ = self.run(operation, |xen| {
                hypfs_op::write_contents(xen, path, wanted.to_bytes_with_nul())
            });
            let shown = self.run(Op::XEN_HYPFS_OP_read, |xen| {
                let found = hypfs_op::read(xen, path, &mut buffer)?;
                Ok(match found {
                    hypfs_op::Found::Whole(_, content) => content.starts_with(wanted.to_bytes()),
                    _ => false,
                })
            });
            let same = shown.done() == Some(true);
            self.check(operation, same, format_args!("not {wanted:?} is read"));
        }
    }

    /// At the very end: the reason for it is announced, and all event channels are closed.
    pub(super) fn last(&mut self) {
        let operation = Op::SCHEDOP_shutdown_code;
        // Whoever is to end otherwise could not any more.
        if checks::argument(self.machine().command_line(), "end").is_none() && self.machine().real()
        {
            let reason = match self.machine().guest() {
                Guest::Arm => ShutdownReason::POWEROFF,
                _ => ShutdownReason::REBOOT,
            };
            let told = self.run(operation, |xen| sched_op::shutdown_code(xen, reason));
            self.check(
                operation,
                told.done() == Some(Announced::Latched),
                format_args!("{told:?}"),
            );
        }
        let operation = Op::EVTCHNOP_reset;
        let made = event_channel_op::bind_ipi(self.xen(), VcpuId::new(0));
        let reset = self.run_real(operation, &[], |xen| {
            event_channel_op::reset(xen, DomId::SELF)
        });
        if let (Some(()), Ok(port)) = (reset.done(), made) {
            let status = event_channel_op::status(self.xen(), DomId::SELF, port);
            let closed = status.is_ok_and(|status| status.binding == Binding::Closed);
            self.check(operation, closed, format_args!("{port}: {status:?}"));
        }
    }

    /// [`refused`](Self::refused), where only a real hypervisor carries the operation out.
    fn refused_real<T>(
        &mut self,
        operation: Op,
        refusals: &[Errno],
        work: impl FnOnce(&Hypervisor<'a, M>) -> Result<T>,
    ) {
        let mut succeeded = false;
        let _ = self.run_real(operation, refusals, |xen| {
            let result = work(xen);
            succeeded = result.is_ok();
            result
        });
        self.check(operation, !succeeded, format_args!("it was not refused"));
    }
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
impl<'a, M: Machine> Program<'a, '_, M> {
    /// No error of the machine is played: nothing is written, or no processor is there for it.
    fn errors_injected(&mut self) {
        use xen_abi::hypercall::mca::{self, Injection, Target};
        // Not every processor has the registers.
        let none = &[Errno::ENODEV, Errno::ENOENT];
        // SAFETY: no register is written.
        let _ = self.run_real(Op::XEN_MC_msrinject, none, |xen| unsafe {
            mca::msrinject(xen, 0, true, None, &[])
        });
        let none = &[Errno::EINVAL, Errno::ENODEV];
        // SAFETY: there is no such processor.
        self.refused_real(Op::XEN_MC_mceinject, none, |xen| unsafe {
            mca::mceinject(xen, NO_PROCESSOR)
        });
        // SAFETY: no processor is named.
        self.refused_real(Op::XEN_MC_inject_v2, none, |xen| unsafe {
            mca::inject_v2(xen, Injection::Mce, Target::These(&[0x80]))
        });
    }

    /// The machine is profiled, with a counter that counts nothing, as far as its processor lets it; where
    /// `XENOPROF_init` is refused, nothing else goes.
    fn profiled(&mut self) {
        use xen_abi::hypercall::xenoprof_op as prof;
        use xen_abi::xen_public::native::xenoprof::{xenoprof_counter, xenoprof_ibs_counter};
        self.profiles(Op::XENOPROF_init, prof::init);
        self.profiles(Op::XENOPROF_reset_active_list, prof::reset_active_list);
        self.profiles(Op::XENOPROF_reset_passive_list, prof::reset_passive_list);
        self.profiles(Op::XENOPROF_get_buffer, |xen| {
            // SAFETY: nobody uses what is shared.
            unsafe { prof::get_buffer(xen, 16, 0) }
        });
        self.profiles(Op::XENOPROF_set_active, |xen| prof::set_active(xen, OWN));
        self.profiles(Op::XENOPROF_set_passive, |xen| {
            // SAFETY: nothing is shared, since the domain is an active one.
            unsafe { prof::set_passive(xen, OWN, 1, 0) }
        });
        self.profiles(Op::XENOPROF_reserve_counters, prof::reserve_counters);
        self.profiles(Op::XENOPROF_counter, |xen| {
            prof::counter(xen, xenoprof_counter::ZERO)
        });
        self.profiles(Op::XENOPROF_ibs_counter, |xen| {
            prof::ibs_counter(xen, xenoprof_ibs_counter::ZERO)
        });
        self.profiles(Op::XENOPROF_set_backtrace, |xen| {
            prof::set_backtrace(xen, 1)
        });
        self.profiles(Op::XENOPROF_setup_events, prof::setup_events);
        self.profiles(Op::XENOPROF_enable_virq, prof::enable_virq);
        self.profiles(Op::XENOPROF_start, prof::start);
        self.profiles(Op::XENOPROF_stop, prof::stop);
        self.profiles(Op::XENOPROF_disable_virq, prof::disable_virq);
        self.profiles(Op::XENOPROF_release_counters, prof::release_counters);
        self.profiles(Op::XENOPROF_get_ibs_caps, prof::get_ibs_caps);
        self.profiles(Op::XENOPROF_shutdown, prof::shutdown);
    }

    fn profiles<T>(&mut self, operation: Op, work: impl FnOnce(&Hypervisor<'a, M>) -> Result<T>) {
        let refusals = &[Errno::EPERM, Errno::EINVAL, Errno::ENODEV, Errno::EBUSY];
        let _ = self.run_real(operation, refusals, work);
    }

    /// An entry for NMIs, which nobody sends, and no more.
    fn callback_for_nmi(&mut self) {
        use crate::machine::Callback;
        use xen_abi::hypercall::nmi_op;
        let entry = match self.machine().callback() {
            Some(Callback::Entry(entry)) => entry,
            _ => 0,
        };
        let _ = self.run_real(Op::XENNMI_register_callback, &[], |xen| {
            // SAFETY: it is never entered.
            unsafe { nmi_op::register_callback(xen, entry) }
        });
        let _ = self.run_real(Op::XENNMI_unregister_callback, &[], |xen| {
            nmi_op::unregister_callback(xen)
        });
    }
}
