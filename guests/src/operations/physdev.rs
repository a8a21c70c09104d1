//! Real interrupts, ports and PCI devices: what a domain 0 without any driver can ask for without harm.
#![allow(unsafe_code)]

use xen_abi::hypercall::physdev_op::{
    self as physdev, DbgpBus, DbgpReset, PciDevice, Pirq, PirqChoice, PirqKind, Polarity, Reset,
    Source, Trigger,
};
use xen_abi::hypercall::{Errno, Plan};
use xen_abi::version::Operation;
use xen_abi::xen_public::xen::{DomId, Gfn};

use super::Program;
use crate::machine::Machine;

/// Where the first interrupt controller of a PC has its registers.
const IO_APIC: usize = 0xfec0_0000;
/// Lines of a PC that none of the machine's devices uses.
const LINES: [u32; 3] = [5, 10, 11];
/// More than any interrupt's number.
const NO_PIRQ: Pirq = Pirq::new(0x7fff_0000);
/// A place on the PCI bus where nothing is.
const NOWHERE: PciDevice = PciDevice {
    segment: 0,
    bus: 0xfe,
    devfn: 0xf8,
};

impl<M: Machine> Program<'_, '_, M> {
    /// Everything of `physdev_op`.
    pub fn physdev(&mut self) {
        self.ports();
        self.lines();
        self.pirqs();
        self.devices();
        use Operation as Op;
        let newest = [
            Op::PHYSDEVOP_pci_device_add,
            Op::PHYSDEVOP_pci_device_remove,
        ];
        self.without_only(&newest, |program| program.announced());
        let newer = [newest[0], newest[1], Op::PHYSDEVOP_manage_pci_add_ext];
        self.without_only(&newer, |program| program.announced());
        self.without_only(&[Op::PHYSDEVOP_pirq_eoi_gmfn_v2], |program| {
            if let Some(page) = program.machine().page() {
                let frame = Gfn::new(program.machine().frame(page.addr().get()));
                // SAFETY: the page is given away for good.
                let _ = program.run_or(
                    Op::PHYSDEVOP_pirq_eoi_gmfn_v2,
                    &[Errno::EBUSY],
                    |xen| unsafe { physdev::pirq_eoi_gmfn(xen, frame) },
                );
            }
        });
        self.without(&[Op::__HYPERVISOR_physdev_op], |program| {
            program.ports();
            program.controller();
        });
        self.without_only(&[Op::PHYSDEVOP_restore_msi_ext], |program| {
            let unknown = &[Errno::ENODEV, Errno::ESRCH];
            let _ = program.run_real(Op::PHYSDEVOP_restore_msi, unknown, |xen| {
                physdev::restore_msi(xen, NOWHERE)
            });
        });
    }

    fn ports(&mut self) {
        for level in [1, 0] {
            // SAFETY: this program uses no ports.
            let _ = self.run(Operation::PHYSDEVOP_set_iopl, |xen| unsafe {
                physdev::set_iopl(xen, level)
            });
        }
        // SAFETY: no ports, so that no bit is looked at.
        let _ = self.run(Operation::PHYSDEVOP_set_iobitmap, |xen| unsafe {
            physdev::set_iobitmap(xen, core::ptr::null(), 0)
        });
    }

    fn lines(&mut self) {
        self.controller();
        self.inputs();
    }

    fn controller(&mut self) {
        let operation = Operation::PHYSDEVOP_apic_read;
        let version = self.run(operation, |xen| physdev::apic_read(xen, IO_APIC, 1));
        if let (Some(version), true) = (version.done(), self.machine().real()) {
            let last = version >> 16 & 0xff;
            self.check(
                operation,
                (1..240).contains(&last) && version & 0xff != 0,
                format_args!("the register with version and size is {version:#x}"),
            );
        }
        // SAFETY: the register with the controller's number, which Xen leaves alone.
        let _ = self.run(Operation::PHYSDEVOP_apic_write, |xen| unsafe {
            physdev::apic_write(xen, IO_APIC, 0, 0)
        });
        let operation = Operation::PHYSDEVOP_alloc_irq_vector;
        let vector = self.run(operation, |xen| physdev::alloc_irq_vector(xen, LINES[0]));
        if let Some(vector) = vector.done() {
            self.check(operation, vector < 256, format_args!("vector {vector:#x}"));
            let _ = self.run(Operation::PHYSDEVOP_free_irq_vector, |xen| {
                physdev::free_irq_vector(xen, LINES[0], vector)
            });
        }
    }

    fn inputs(&mut self) {
        let operation = Operation::PHYSDEVOP_setup_gsi;
        let _ = self.run(operation, |xen| {
            physdev::setup_gsi(xen, LINES[0], Trigger::Edge, Polarity::High)
        });
        self.refused(operation, &[Errno::EINVAL], |xen| {
            physdev::setup_gsi(xen, 0x7fff, Trigger::Edge, Polarity::High)
        });
    }

    fn pirqs(&mut self) {
        let operation = Operation::PHYSDEVOP_irq_status_query;
        let _ = self.run(operation, |xen| {
            physdev::irq_status_query(xen, Pirq::new(LINES[1]))
        });
        self.refused(operation, &[Errno::EINVAL], |xen| {
            physdev::irq_status_query(xen, NO_PIRQ)
        });
        self.mapped_line(LINES[1], PirqChoice::This(Pirq::new(LINES[1])));
        let operation = Operation::PHYSDEVOP_get_free_pirq;
        let free = self.run(operation, |xen| physdev::get_free_pirq(xen, PirqKind::Gsi));
        if let Some(choice) = free.done() {
            self.mapped_line(LINES[2], choice);
        }
        let operation = Operation::PHYSDEVOP_unmap_pirq;
        self.refused(operation, &[Errno::EINVAL], |xen| {
            physdev::unmap_pirq(xen, DomId::SELF, NO_PIRQ)
        });
        let operation = Operation::PHYSDEVOP_eoi;
        if let Plan::Fallback(_) = self.xen().plan(operation) {
            // The older way is about all of them.
            let _ = self.run(operation, |xen| physdev::eoi(xen, NO_PIRQ));
        } else {
            self.refused(operation, &[Errno::EINVAL], |xen| {
                physdev::eoi(xen, NO_PIRQ)
            });
        }
        let _ = self.run(
            Operation::PHYSDEVOP_IRQ_UNMASK_NOTIFY,
            physdev::irq_unmask_notify,
        );
        self.shared_bits();
    }

    /// A line is mapped, asked about and let go.
    fn mapped_line(&mut self, line: u32, choice: PirqChoice) {
        let operation = Operation::PHYSDEVOP_map_pirq;
        let mapped = self.run(operation, |xen| {
            physdev::map_pirq(xen, DomId::SELF, Source::Gsi(line), choice)
        });
        let Some(mapped) = mapped.done() else {
            return;
        };
        let pirq = mapped.pirq;
        self.mark(Operation::MAP_PIRQ_TYPE_GSI, true);
        if let PirqChoice::This(wanted) = choice {
            self.check(
                operation,
                pirq == wanted,
                format_args!("pirq {pirq}, not {wanted}"),
            );
        }
        let _ = self.run(Operation::PHYSDEVOP_irq_status_query, |xen| {
            physdev::irq_status_query(xen, pirq)
        });
        let _ = self.run(Operation::PHYSDEVOP_unmap_pirq, |xen| {
            physdev::unmap_pirq(xen, DomId::SELF, pirq)
        });
    }

    /// A page for the bits of all pirqs, once; Xen keeps it.
    fn shared_bits(&mut self) {
        let operation = Operation::PHYSDEVOP_pirq_eoi_gmfn_v2;
        let Some(page) = self.machine().page() else {
            self.check(operation, false, format_args!("no page is left"));
            return;
        };
        let frame = Gfn::new(self.machine().frame(page.addr().get()));
        // SAFETY: the page is given away for good.
        let given = self.run(operation, |xen| unsafe {
            physdev::pirq_eoi_gmfn(xen, frame)
        });
        if given.done().is_some() {
            // SAFETY: the page is given away; Xen refuses it.
            self.refused(operation, &[Errno::EBUSY], |xen| unsafe {
                physdev::pirq_eoi_gmfn(xen, frame)
            });
        }
    }

    fn devices(&mut self) {
        use Operation as Op;
        let unknown = &[Errno::ENODEV];
        self.refused(Op::PHYSDEVOP_pci_device_remove, unknown, |xen| {
            physdev::pci_device_remove(xen, NOWHERE)
        });
        self.refused(Op::PHYSDEVOP_restore_msi_ext, unknown, |xen| {
            physdev::restore_msi(xen, NOWHERE)
        });
        self.refused(Op::PHYSDEVOP_prepare_msix, unknown, |xen| {
            physdev::prepare_msix(xen, NOWHERE)
        });
        self.refused(Op::PHYSDEVOP_release_msix, unknown, |xen| {
            physdev::release_msix(xen, NOWHERE)
        });
        self.refused(Op::PHYSDEVOP_pci_device_reset, unknown, |xen| {
            physdev::pci_device_reset(xen, NOWHERE, Reset::Function)
        });
        // What a simulated hypervisor says to these is no more than that it has them.
        if !self.left_to_real(Op::PHYSDEVOP_pci_mmcfg_reserved) {
            self.refused(Op::PHYSDEVOP_pci_mmcfg_reserved, unknown, |xen| {
                physdev::pci_mmcfg_reserved(xen, 0x10_0000_0000, 0x7777, (0, 1), false)
            });
        }
        // By an older way there are no messages.
        let messages = self.xen().can(Op::PHYSDEVOP_map_pirq).is_ok();
        if messages && !self.left_to_real(Op::PHYSDEVOP_map_pirq) {
            self.refused(Op::PHYSDEVOP_map_pirq, unknown, |xen| {
                physdev::map_pirq(xen, DomId::SELF, Source::Msi(NOWHERE), PirqChoice::Any)
            });
        }
        if messages {
            self.messages();
        }
        let operation = Op::PHYSDEVOP_dbgp_op;
        // Where the console is on no such port, there is nothing to prepare.
        for moment in [DbgpReset::Prepare, DbgpReset::Done] {
            let _ = self.run_real(operation, &[Errno::ENOSYS, Errno::EINVAL], |xen| {
                physdev::dbgp_op(xen, moment, DbgpBus::Pci(NOWHERE))
            });
        }
        self.announced();
    }

    /// Messages of a device that is not there, by all types that ask for them. A machine without means to
    /// take several has another error for these.
    fn messages(&mut self) {
        use Operation as Op;
        let unknown = &[Errno::ENODEV, Errno::EOPNOTSUPP];
        let one = [Op::MAP_PIRQ_TYPE_MSI_SEG, Op::MAP_PIRQ_TYPE_MSI];
        if self.not_real(one[0]) {
            return;
        }
        for (index, row) in one.into_iter().enumerate() {
            self.without_only(&one[..index], |program| {
                let _ = program.run_real(row, unknown, |xen| {
                    physdev::map_pirq(xen, DomId::SELF, Source::Msi(NOWHERE), PirqChoice::Any)
                });
            });
        }
        self.without_only(&[], |program| {
            let _ = program.run_real(Op::MAP_PIRQ_TYPE_MULTI_MSI, unknown, |xen| {
                let mut count = 2;
                physdev::map_multi_msi(xen, DomId::SELF, NOWHERE, &mut count, PirqChoice::Any)
            });
        });
    }

    /// Xen is told of a device, and that it is gone.
    fn announced(&mut self) {
        let operation = Operation::PHYSDEVOP_pci_device_add;
        let plan = self.xen().plan(operation);
        // A domain 0 whose devices Xen has to show to it is refused one of a type that Xen does not know.
        let refusals = &[Errno::ENODEV, Errno::EOPNOTSUPP];
        let added = self.run_real(operation, refusals, |xen| {
            physdev::pci_device_add(xen, NOWHERE, Default::default())
        });
        let Some(told_by) = added.done() else {
            return;
        };
        let as_planned = match plan {
            Plan::Direct => told_by == operation,
            Plan::Fallback(_) => told_by != operation,
            _ => false,
        };
        self.check(operation, as_planned, format_args!("told by {told_by}"));
        let _ = self.run(Operation::PHYSDEVOP_pci_device_remove, |xen| {
            physdev::pci_device_remove(xen, NOWHERE)
        });
    }
}
