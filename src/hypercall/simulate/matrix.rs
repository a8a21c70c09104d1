//! Which operation a domain of a simulated hypervisor reaches by which way.

use alloc::vec::Vec;
use core::fmt;

use crate::hypercall::{Plan, Unsupported, Why, Xen};
use crate::version::{Guest, Needs, Operation};

use super::Simulated;
use super::build::{Build, Builder, Setup};

/// By which way a domain reaches an operation, once calls have told it what the build leaves out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Way {
    /// By the operation's own hypercall.
    Direct,
    /// By this older operation.
    Older(Operation),
    /// Not at all, for the release or the kind of guest.
    Absent(Unsupported),
    /// Not at all, since the build leaves it out, or its older way, that the release has. Only a call can
    /// tell, if not one of those by which probing tries it.
    LeftOut,
}

/// How many operations are reached by which way.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Totals {
    /// By the operation's own hypercall.
    pub direct: usize,
    /// By an older way.
    pub older: usize,
    /// Not at all.
    pub absent: usize,
    /// Not at all, since the build leaves it out.
    pub left_out: usize,
}

impl Totals {
    /// Counts one more.
    pub fn add(&mut self, way: Way) {
        *match way {
            Way::Direct => &mut self.direct,
            Way::Older(_) => &mut self.older,
            Way::Absent(_) => &mut self.absent,
            Way::LeftOut => &mut self.left_out,
        } += 1;
    }
}

/// `3 direct, 2 by an older way, 1 not at all, 0 left out by the build`.
impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            direct,
            older,
            absent,
            left_out,
        } = self;
        write!(
            f,
            "{direct} direct, {older} by an older way, {absent} not at all, {left_out} left out by the build"
        )
    }
}

/// The ways of a domain to all operations.
///
/// It is what [`Xen::plan`] says, of a hypervisor whose build the domain has come to know: what the
/// table of gates says that an option leaves out, and this hypervisor was made without, is
/// [withheld](Xen::withhold). A refused call does that by itself, unless its error may as well mean something
/// else, such as tmem's ENODEV. The crate's tests make the calls and find the same.
#[derive(Clone, Debug)]
pub struct Ways(Vec<Way>);

impl Ways {
    /// The ways to what a hypervisor offers that is made like this.
    ///
    /// # Panics
    ///
    /// If that release had no such guests: see [`Simulated::exists`].
    pub fn of(builder: Builder) -> Self {
        let setup = builder.0.clone();
        let xen = Xen::probe(builder.build()).expect("a simulated hypervisor answers a probe");
        let first = plans(&xen);
        for operation in Operation::all() {
            if left_out(&setup, operation) {
                xen.withhold(operation);
            }
        }
        let known = first.iter().zip(plans(&xen));
        Self(
            known
                .map(|(first, then)| match (first, then) {
                    (_, Plan::Direct) => Way::Direct,
                    (_, Plan::Fallback(older)) => Way::Older(older),
                    (Plan::Unsupported(known), _) if !matches!(known.why, Why::Build { .. }) => {
                        Way::Absent(*known)
                    }
                    (_, Plan::Unsupported(_)) => Way::LeftOut,
                })
                .collect(),
        )
    }

    /// The way to an operation.
    pub fn to(&self, operation: Operation) -> Way {
        self.0[operation.index()]
    }
}

fn plans(xen: &Xen<Simulated>) -> Vec<Plan> {
    Operation::all()
        .map(|operation| xen.plan(operation))
        .collect()
}

/// Whether the table of gates names an option for an operation, or for what it belongs to, without which
/// the hypervisor was made.
fn left_out(setup: &Setup, operation: Operation) -> bool {
    let mut rows = core::iter::successors(Some(operation), |row| row.parent());
    rows.any(|row| {
        let mut options = row.build().iter();
        options.any(|build| {
            build.needs == Needs::Option
                && build.matters(setup.guest, setup.release)
                && !has(setup, row, build.option)
        })
    })
}

/// Whether a hypervisor has, of an operation that is left out without it, what the table of gates calls by
/// the name of Xen's option. What it plays in any case it has.
fn has(setup: &Setup, operation: Operation, option: &str) -> bool {
    let arm = setup.guest == Guest::Arm;
    match option {
        "CONFIG_ARGO" | "argo=1" => setup.has(Build::Argo),
        "CONFIG_EVTCHN_FIFO" => setup.has(Build::Fifo),
        "CONFIG_GRANT_TABLE" => setup.has(Build::GrantTable),
        // No device of a simulated ARM machine is on a bus.
        // Nor are pages shared, sent to a disk, or seen in more ways than one.
        "CONFIG_MEM_PAGING" | "CONFIG_MEM_SHARING" | "altp2m" => false,
        "CONFIG_HAS_PCI" | "pci-passthrough=on" => !arm,
        "CONFIG_HVM" => setup.has(Build::Hvm) || operation == Operation::__HYPERVISOR_hvm_op,
        "CONFIG_HYPFS" => setup.has(Build::Hypfs),
        "CONFIG_IOREQ_SERVER" => setup.has(if arm { Build::IoreqServer } else { Build::Hvm }),
        "CONFIG_KEXEC" => setup.has(Build::Kexec),
        "CONFIG_SYSCTL" => setup.has(Build::Sysctl),
        "tmem" => setup.has(Build::Tmem),
        "CONFIG_XENOPROF" => setup.has(Build::Xenoprof),
        "CONFIG_XSM" => setup.has(Build::Xsm),
        "vpmu" => setup.has(Build::Vpmu),
        // `gnttab=max-ver:1` too: it leaves a set_version that takes version 1.
        _ => true,
    }
}
