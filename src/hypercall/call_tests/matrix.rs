//! Every function of the [catalogue](super::catalogue) on every release, for every kind of guest and
//! several builds: what is done, by which way, and whether the table foresaw it.

extern crate std;

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use alloc::{format, vec};
use std::println;

use xen_public::xen::DomId;

use super::catalogue::{self, Entry, Ground, is_of, said};
use crate::hypercall::simulate::{self, Build, Builder, Simulated, Totals, Ways};
use crate::hypercall::{Plan, Why, Xen};
use crate::version::{Guest, Kind, Operation, Release};

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
    /// Not at all: the build leaves it out.
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

/// Whether an error is the one by which an operation is refused that the build leaves out.
fn left_out(xen: &Xen<&Simulated>, operation: Operation, word: &str) -> bool {
    let mut rows = core::iter::successors(Some(operation), |row| row.parent());
    rows.any(|row| {
        let mut builds = row.build().iter();
        builds.any(|build| {
            build.matters(xen.guest(), xen.release())
                && format!("{}", build.absent).split(' ').next() == Some(word)
        })
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
        (_, catalogue::Ways::Asks) => own,
        (Plan::Direct, catalogue::Ways::More) => true,
        (Plan::Direct, _) => own && (!absent || learned),
        (_, catalogue::Ways::More) => true,
        (Plan::Fallback(_), catalogue::Ways::Row) => {
            older && (!own || same_number(entry.operation, plan))
        }
        (Plan::Fallback(_), catalogue::Ways::Alone) | (Plan::Unsupported(_), _) => absent && !own,
    };
    if !as_planned {
        return wrong(if own {
            "own call made"
        } else {
            "own call not made"
        });
    }
    // The older way was there by its release, and the build leaves that out; or probing had found out.
    let led = match plan {
        Plan::Fallback(_) => entry.ways == catalogue::Ways::Row,
        Plan::Unsupported(known) => matches!(known.why, Why::Build { .. }),
        Plan::Direct => false,
    };
    Ok(match () {
        () if absent && (learned || led) || left_out(xen, entry.operation, &word) => Way::LeftOut,
        () if absent => Way::Absent,
        () if learned => Way::Older,
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
    let plain = || Simulated::builder(release, guest);
    let other = match guest {
        Guest::Pv if Simulated::exists(release, Guest::Hvm) => Guest::Hvm,
        guest => guest,
    };
    let none = Build::ALL.into_iter().fold(plain(), Builder::without);
    let all = Build::ALL.into_iter().fold(plain(), Builder::with);
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

/// Whether this is code for ARM's processors.
pub(super) const ON_ARM: bool = cfg!(any(target_arch = "arm", target_arch = "aarch64"));

/// All releases with all kinds of guests. Code for ARM's processors is of one kind, and may be running on an
/// emulated one.
pub(super) fn everywhere() -> impl Iterator<Item = (Release, Guest)> {
    let releases = Release::ALL.into_iter().chain(POINTS).chain(LATER);
    releases
        .flat_map(|release| Guest::ALL.map(|guest| (release, guest)))
        .filter(|&(_, guest)| guest == Guest::Arm || !ON_ARM)
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

/// What was seen, as [`Ways`] counts it.
fn counted(ways: &[Way]) -> Totals {
    let count = |way| ways.iter().filter(|&&seen| seen == way).count();
    Totals {
        direct: count(Way::Direct),
        older: count(Way::Older),
        absent: count(Way::Absent),
        left_out: count(Way::LeftOut),
    }
}

/// Runs the catalogue, and gives by which way the rows went that have a function that goes by its row
/// alone, and by which the example `matrix` says that they go.
fn both(name: &str, builder: &Builder) -> Vec<(Operation, Way, simulate::Way)> {
    let ways = Ways::of(builder.clone());
    let mut done = BTreeSet::new();
    let runs = run(name, builder.clone()).1.into_iter();
    runs.filter(|(entry, _)| entry.ways == catalogue::Ways::Row)
        .filter(|(entry, _)| done.insert(entry.operation.index()))
        .map(|(entry, way)| (entry.operation, way, ways.to(entry.operation)))
        .collect()
}

/// What the example `matrix` prints and what is seen are the same, row by row, in each of these builds.
#[test]
fn the_matrix_that_is_printed_is_the_one_that_is_seen() {
    let mut wrong = Vec::new();
    for (release, guest) in everywhere() {
        for (name, builder) in builds(release, guest) {
            if name.ends_with("without privilege") {
                continue;
            }
            for (operation, seen, printed) in both(name, &builder) {
                let same = match printed {
                    simulate::Way::Direct => seen == Way::Direct,
                    simulate::Way::Older(_) => seen == Way::Older,
                    simulate::Way::Absent(_) => seen == Way::Absent,
                    simulate::Way::LeftOut => seen == Way::LeftOut,
                };
                if !same {
                    wrong.push(format!(
                        "{operation} on {release} for {guest}, {name}: {printed:?}, seen {seen:?}"
                    ));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// The totals of the example `matrix`, for all hypercalls and sub-ops on all releases, and those of the
/// rows among them that the catalogue has a function for: direct, by an older way, not at all, left out by
/// the build. Each row that is added, each release and each correction of the table changes them, and
/// what the example prints with them.
#[cfg(all(
    target_arch = "x86_64",
    target_pointer_width = "64",
    feature = "toolstack"
))]
const TOTALS: [(Guest, [usize; 4], [usize; 4]); 3] = [
    (Guest::Pv, [7242, 644, 4522, 1418], [4846, 366, 2069, 655]),
    (Guest::Hvm, [3721, 497, 7492, 1224], [2542, 251, 4031, 600]),
    (Guest::Arm, [2200, 270, 6760, 136], [1147, 115, 3997, 117]),
];

/// Other targets and features have fewer functions, and other totals.
#[cfg(not(all(
    target_arch = "x86_64",
    target_pointer_width = "64",
    feature = "toolstack"
)))]
const TOTALS: [(Guest, [usize; 4], [usize; 4]); 0] = [];

#[test]
fn the_totals_of_the_matrix_are_these() {
    let mut found = Vec::new();
    for guest in Guest::ALL {
        let (mut all, mut printed, mut seen) = (Totals::default(), Totals::default(), Vec::new());
        for release in Release::ALL {
            if !Simulated::exists(release, guest) {
                continue;
            }
            let builder = Simulated::builder(release, guest);
            let ways = Ways::of(builder.clone());
            let rows =
                Operation::all().filter(|row| matches!(row.kind(), Kind::Hypercall | Kind::Op));
            rows.for_each(|row| all.add(ways.to(row)));
            for (_, way, expected) in both("as usual", &builder) {
                seen.push(way);
                printed.add(expected);
            }
        }
        println!("{guest}: {all}; compared: {printed}");
        assert_eq!(counted(&seen), printed, "{guest}");
        found.push((guest, all, printed));
    }
    let totals = |[direct, older, absent, left_out]: [usize; 4]| Totals {
        direct,
        older,
        absent,
        left_out,
    };
    for ((guest, whole, compared), found) in TOTALS.into_iter().zip(found) {
        assert_eq!((guest, totals(whole), totals(compared)), found);
    }
}

/// What a plan names is there, for every row on every release, whatever is withheld: the older way of a
/// way that is gone is looked for in turn.
#[test]
fn the_older_way_that_a_plan_names_is_there() {
    let mut planned = 0;
    for (release, guest) in everywhere() {
        let hypervisor = Simulated::new(release, guest);
        let xen = Xen::probe(&hypervisor).unwrap();
        let mut check = |xen: &Xen<&Simulated>| {
            for row in Operation::all() {
                match xen.plan(row) {
                    Plan::Direct => assert_eq!(xen.can(row), Ok(())),
                    Plan::Fallback(older) => {
                        planned += 1;
                        assert_eq!(xen.can(older), Ok(()), "{row} on {release} for {guest}");
                        assert!(xen.can(row).is_err(), "{row} on {release} for {guest}");
                        assert!(older.offered(guest, release), "{row} on {release}: {older}");
                    }
                    Plan::Unsupported(why) => assert_eq!(xen.can(row), Err(why)),
                }
            }
        };
        check(&xen);
        for row in Operation::all().step_by(7) {
            xen.withhold(row);
        }
        check(&xen);
    }
    assert!(planned > if ON_ARM { 500 } else { 1000 }, "{planned}");
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
