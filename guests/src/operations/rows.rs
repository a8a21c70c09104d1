//! At the end: which rows of the table were run, and which were not, and why.

use xen_abi::version::{Guest, Operation};

use super::{Program, lineage};
use crate::machine::Machine;
use crate::rows::How;

/// Why a row that Xen offers is not run by this program.
fn left(row: Operation, guest: Guest) -> Option<&'static str> {
    use Operation as Op;
    let pv = guest == Guest::Pv;
    Some(match row {
        Op::SCHEDOP_shutdown | Op::SHUTDOWN_poweroff | Op::SHUTDOWN_reboot => {
            "what ends the kernel, after this"
        }
        Op::SHUTDOWN_suspend
        | Op::SHUTDOWN_crash
        | Op::SHUTDOWN_watchdog
        | Op::SHUTDOWN_soft_reset => "ends the domain, and the machine",
        Op::EVTCHNOP_reset_cont => "how Xen goes on with EVTCHNOP_reset",
        Op::GNTCOPY_can_fail | Op::GNTMAP_can_fail => "for memory that may be paged out",
        Op::GNTMAP_device_map | Op::GNTMAP_application_map | Op::GNTMAP_contains_pte if !pv => {
            "for PV guests"
        }
        Op::XENMAPSPACE_grant_table | Op::XENMAPSPACE_gmfn_range if pv => {
            "for guests whose memory Xen translates"
        }
        Op::HVM_PARAM_CALLBACK_TYPE_GSI | Op::HVM_PARAM_CALLBACK_TYPE_PCI_INTX => {
            "another way to be interrupted than the kernel's"
        }
        Op::HVM_PARAM_CALLBACK_TYPE_VECTOR if pv => "for HVM guests",
        Op::__HYPERVISOR_physdev_op if guest == Guest::Arm => {
            "for PCI devices, which the build may be without"
        }
        Op::KEXEC_CMD_kexec_load_v1 => "takes an image that is laid out by the caller",
        _ => return None,
    })
}

impl<M: Machine> Program<'_, '_, M> {
    /// The rows that Xen offers and the program has not run, by more than their number.
    fn not_run(&mut self) -> impl Iterator<Item = Operation> + use<M> {
        let rows = self.report().rows().clone();
        let offered = self.offered();
        Operation::all().filter(move |row| {
            let run = matches!(rows.best(*row), Some(How::Done | How::Older | How::Refused));
            offered[row.index()] && !run
        })
    }

    /// Which rows Xen offers, and all that they belong to.
    fn offered(&self) -> [bool; Operation::COUNT] {
        let mut offered = [false; Operation::COUNT];
        for row in Operation::all() {
            offered[row.index()] = lineage(row).all(|whole| self.xen().can(whole).is_ok());
        }
        offered
    }

    /// Tells how many rows were run in which way, and names those that were not done. On a real hypervisor
    /// one that was not run, and for no reason, is a surprise.
    pub(super) fn rows(&mut self) {
        let offered = self.offered();
        let (mut done, mut older, mut refused) = (0, 0, 0);
        for row in Operation::all().filter(|row| offered[row.index()]) {
            match self.report().rows().best(row) {
                Some(How::Done) => done += 1,
                Some(How::Older) => older += 1,
                Some(How::Refused) => {
                    refused += 1;
                    self.report()
                        .say(format_args!("only refused, as it had to be: {row}"));
                }
                _ => {}
            }
        }
        let (guest, real) = (self.machine().guest(), self.machine().real());
        let mut without = 0;
        for row in self.not_run() {
            match left(row, guest) {
                Some(why) => self.report().say(format_args!("not run: {row}: {why}")),
                None if real => self.check(
                    row,
                    false,
                    format_args!("is offered, and was not run for no reason"),
                ),
                None => {}
            }
            without += 1;
        }
        let all = offered.iter().filter(|offered| **offered).count();
        self.report().say(format_args!(
            "rows of the table: {all} offered, of which {done} done, {older} by an older way, \
             {refused} only refused, {without} not run"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::super::host::Host;
    use super::*;
    use crate::report::Report;
    use xen_abi::version::Release;

    #[test]
    fn rows_that_were_not_run_are_found() {
        let host = Host::new(Release::new(4, 20, 0), Guest::Pv);
        let mut report = Report::new(host.xen());
        let mut program = Program::new(&host, &mut report).unwrap();
        let nothing: Vec<_> = program.not_run().collect();
        assert!(nothing.contains(&Operation::EVTCHNOP_send));
        assert!(!nothing.contains(&Operation::__HYPERVISOR_tmem_op));
        program.all();
        let rest: Vec<_> = program.not_run().collect();
        assert!(!rest.contains(&Operation::EVTCHNOP_send));
        assert!(!rest.contains(&Operation::__HYPERVISOR_event_channel_op));
        // It was asked for by its number, and is left to the real hypervisors.
        assert!(rest.contains(&Operation::XENMEM_exchange));
        assert!(left(Operation::XENMEM_exchange, Guest::Pv).is_none());
        assert!(left(Operation::SCHEDOP_block, Guest::Hvm).is_none());
        assert!(left(Operation::SHUTDOWN_crash, Guest::Pv).is_some());
        assert!(
            host.console()
                .contains("not run: SHUTDOWN_crash: ends the domain")
        );
        assert!(host.console().contains("rows of the table: "));
    }
}
