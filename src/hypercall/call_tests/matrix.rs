//! Every function of the [catalogue](super::catalogue) on every release, for every kind of guest and
//! several builds: what is done, by which way, and whether the table foresaw it.

extern crate std;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use alloc::{format, vec};
use std::println;

use xen_public::xen::DomId;

use super::catalogue::{self, Entry, Ground, Ways, is_of, said};
use crate::hypercall::simulate::{Build, Builder, Simulated};
use crate::hypercall::{Plan, Xen};
use crate::version::{Guest, Operation, Release};

/// Point releases that took changes over from newer ones.
const POINTS: [Release; 7] = [
    Release::new(4, 0, 1),
    Release::new(4, 1, 3),
    Release::new(4, 1, 5),
    Release::new(4, 2, 2),
    Release::new(4, 10, 1),
    Release::new(4, 12, 4),
    Release::new(4, 20, 3),
];

/// Releases that nobody knows yet, in which all is as in the newest.
const LATER: [Release; 2] = [Release::new(4, 23, 0), Release::new(5, 0, 0)];

/// The second domain, where there is one.
const OTHER: DomId = DomId::new(7);

/// By which way a function did what it was asked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Way {
    /// By the hypercall of its row.
    Direct,
    /// By something older.
    Older,
    /// Not at all.
    Absent,
    /// Not at all, which only the call could tell: the build leaves it out.
    LeftOut,
}

/// Whether the table names something that a build can leave the operation out for.
fn optional(xen: &Xen<&Simulated>, operation: Operation) -> bool {
    let mut rows = core::iter::successors(Some(operation), |row| row.parent());
    rows.any(|row| {
        let mut builds = row.build().iter();
        builds.any(|build| build.matters(xen.guest(), xen.release()))
    })
}

/// Runs an entry and judges what came of it.
pub(super) fn judge(entry: &Entry, xen: &Xen<&Simulated>, frames: &[u64]) -> Result<Way, String> {
    let hypervisor = *xen.conduit();
    let plan = xen.plan(entry.operation);
    let earlier = hypervisor.calls().len();
    let (unplayed, harmed) = (hypervisor.unmodelled().len(), hypervisor.harm().len());
    let ground = Ground::new(xen, frames);
    let result = (entry.run)(&ground);
    let calls = hypervisor.calls().split_off(earlier);
    let own = calls.iter().any(|call| is_of(call, entry.operation));
    let word = said(&result);
    let wrong = |what: &str| Err(format!("{what} [{word}], planned {plan:?}"));
    if hypervisor.harm().len() > harmed {
        return wrong("harm was done");
    }
    if ground.is_wrong() {
        return wrong("the result is not right");
    }
    let learned = plan == Plan::Direct && xen.can(entry.operation).is_err();
    // What HVM guests may do of physical devices is for the hardware domain, and ENOSYS to others.
    let reserved = !hypervisor.is_privileged() && entry.operation.hypercall() == 33;
    if learned && !(own && (reserved || optional(xen, entry.operation))) {
        return wrong("taken out, though no build leaves it out");
    }
    let absent = word == "Unsupported";
    let known = |word: &str| entry.may_end(hypervisor, word);
    let forbidden = !hypervisor.is_privileged() && ["EPERM", "EACCES"].contains(&word.as_str());
    if !absent && !forbidden && !known(&word) {
        return wrong("no answer that is expected");
    }
    if hypervisor.unmodelled().len() > unplayed && !known("EIO") {
        return wrong("not played");
    }
    let older = calls.iter().any(|call| match plan {
        Plan::Fallback(older) => is_of(call, older),
        _ => false,
    });
    let as_planned = match (plan, entry.ways) {
        (_, Ways::Asks) => own,
        (Plan::Direct, Ways::More) => true,
        (Plan::Direct, _) => own && (!absent || learned),
        (_, Ways::More) => true,
        (Plan::Fallback(_), Ways::Row) => older && (!own || same_number(entry.operation, plan)),
        (Plan::Fallback(_), Ways::Alone) | (Plan::Unsupported(_), _) => absent && !own,
    };
    if !as_planned {
        return wrong(if own {
            "own call made"
        } else {
            "own call not made"
        });
    }
    Ok(match () {
        () if learned && absent => Way::LeftOut,
        () if absent => Way::Absent,
        () if own && plan == Plan::Direct => Way::Direct,
        () => Way::Older,
    })
}

/// Whether an older way has the number of the newer one, so that registers can't tell them apart.
fn same_number(operation: Operation, plan: Plan) -> bool {
    let alike = |older: Operation| {
        older.hypercall() == operation.hypercall()
            && (older.number() == operation.number() || operation.hypercall() == 7)
    };
    matches!(plan, Plan::Fallback(older) if alike(older))
}

/// Runs the whole catalogue on a hypervisor, and gives what was wrong and by which way each went.
pub(super) fn run(name: &str, builder: Builder) -> (Vec<String>, Vec<(&'static Entry, Way)>) {
    let hypervisor = builder.vcpus(2).record_harm().build();
    let frames = hypervisor.frames();
    let xen = Xen::probe(&hypervisor).unwrap();
    let (mut wrong, mut ways) = (Vec::new(), Vec::new());
    // Of what probing tries out, argo's ring and the features of counting are not played.
    if !hypervisor.harm().is_empty() || hypervisor.unmodelled().len() > 2 {
        wrong.push(format!("{name}: probing did {:?}", hypervisor.harm()));
    }
    for entry in catalogue::all() {
        match judge(entry, &xen, &frames) {
            Ok(way) => ways.push((entry, way)),
            Err(what) => {
                let (release, guest) = (xen.release(), xen.guest());
                let call: Vec<&str> = entry.call.split_whitespace().collect();
                let call = call.join(" ");
                wrong.push(format!(
                    "{}: {call}: {what} on {release} for {guest}, {name}",
                    entry.operation
                ));
            }
        }
    }
    (wrong, ways)
}

/// A release's hypervisors, one of each build that differs in much.
pub(super) fn builds(release: Release, guest: Guest) -> Vec<(&'static str, Builder)> {
    const OPTIONAL: [Build; 16] = [
        Build::Argo,
        Build::Hypfs,
        Build::Kexec,
        Build::Xsm,
        Build::Xenoprof,
        Build::Fifo,
        Build::GrantTable,
        Build::GrantV2,
        Build::Hvm,
        Build::IoreqServer,
        Build::Vpmu,
        Build::Tmem,
        Build::Sysctl,
        Build::HvmPirqs,
        Build::VerboseConsole,
        Build::SecretVersion,
    ];
    let plain = || Simulated::builder(release, guest);
    let other = match guest {
        Guest::Pv if Simulated::exists(release, Guest::Hvm) => Guest::Hvm,
        guest => guest,
    };
    let none = OPTIONAL.into_iter().fold(plain(), Builder::without);
    let all = OPTIONAL.into_iter().fold(plain(), Builder::with);
    vec![
        ("as usual", plain()),
        ("beside another domain", plain().peer(OTHER, other)),
        ("without privilege", plain().privileged(false)),
        ("with everything", all.clone().peer(OTHER, other)),
        ("with nothing", none.clone()),
        ("with everything, without privilege", all.privileged(false)),
        ("with nothing, without privilege", none.privileged(false)),
    ]
}

pub(super) fn everywhere() -> impl Iterator<Item = (Release, Guest)> {
    let releases = Release::ALL.into_iter().chain(POINTS).chain(LATER);
    releases
        .flat_map(|release| Guest::ALL.map(|guest| (release, guest)))
        .filter(|&(release, guest)| Simulated::exists(release, guest))
}

#[test]
fn each_function_is_right_or_unsupported_everywhere_and_does_no_harm() {
    let mut wrong: Vec<String> = Vec::new();
    let mut runs = 0;
    for (release, guest) in everywhere() {
        for (name, builder) in builds(release, guest) {
            wrong.extend(run(name, builder).0);
            runs += catalogue::all().len();
        }
    }
    println!("{runs} runs of {} functions", catalogue::all().len());
    assert!(
        wrong.is_empty(),
        "{} surprises:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// What the table plans and what was seen are the same, row by row; the counts are those of the example
/// `matrix`, for the rows that have a function.
#[test]
fn the_matrix_that_is_planned_is_the_one_that_is_seen() {
    for guest in Guest::ALL {
        let mut seen: BTreeMap<Way, usize> = BTreeMap::new();
        let mut planned = [0; 3];
        let mut rows = BTreeSet::new();
        for release in Release::ALL {
            if !Simulated::exists(release, guest) {
                continue;
            }
            let xen = Xen::probe(Simulated::new(release, guest)).unwrap();
            let mut done = BTreeSet::new();
            for (entry, way) in run("as usual", Simulated::builder(release, guest)).1 {
                let row = entry.operation;
                if entry.ways != Ways::Row || !done.insert(row.index()) {
                    continue;
                }
                rows.insert(row.index());
                *seen.entry(way).or_default() += 1;
                let plan = xen.plan(row);
                let kept = match plan {
                    Plan::Direct => matches!(way, Way::Direct | Way::LeftOut),
                    Plan::Fallback(_) => way == Way::Older,
                    Plan::Unsupported(_) => way == Way::Absent,
                };
                assert!(kept, "{row} on {release} for {guest}: {plan:?}, {way:?}");
                planned[match plan {
                    Plan::Direct => 0,
                    Plan::Fallback(_) => 1,
                    Plan::Unsupported(_) => 2,
                }] += 1;
            }
        }
        let count = |way| seen.get(&way).copied().unwrap_or(0);
        let left_out = count(Way::LeftOut);
        println!(
            "{guest}: {} rows seen: {} direct, {} by an older way, {} not at all, {left_out} left out by the build",
            rows.len(),
            count(Way::Direct),
            count(Way::Older),
            count(Way::Absent),
        );
        println!("{guest}: planned: {planned:?}");
        let found = [
            count(Way::Direct) + left_out,
            count(Way::Older),
            count(Way::Absent),
        ];
        assert_eq!(found, planned, "{guest}");
    }
}

/// An older way may be absent too and have one of its own.
#[test]
fn a_plan_follows_older_ways_to_the_oldest() {
    let plan = |release, guest, operation| {
        let xen = Xen::probe(Simulated::new(release, guest)).unwrap();
        xen.plan(operation)
    };
    let (oldest, code) = (Release::new(3, 0, 0), Operation::SCHEDOP_shutdown_code);
    let compat = Operation::__HYPERVISOR_sched_op_compat;
    assert_eq!(plan(oldest, Guest::Pv, code), Plan::Fallback(compat));
    let later = Release::new(3, 0, 2);
    let shutdown = Operation::SCHEDOP_shutdown;
    assert_eq!(plan(later, Guest::Pv, code), Plan::Fallback(shutdown));
    let hvm = plan(Release::new(3, 0, 3), Guest::Hvm, code);
    assert!(matches!(hvm, Plan::Unsupported(_)), "{hvm:?}");
}
