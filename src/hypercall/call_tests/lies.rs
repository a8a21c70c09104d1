//! Random sequences of the [catalogue](super::catalogue)'s functions on random hypervisors, some of which
//! lie, and with operations taken away in between: no panic, no harm, and no lie taken for success where
//! the ABI lets us see it.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use quickcheck::{Arbitrary, Gen, QuickCheck};

use super::catalogue::{self, Ground, is_of, said, sub_op};
use super::matrix::{builds, everywhere};
use crate::hypercall::simulate::{Harm, Simulated};
use crate::hypercall::{Errno, Error, Xen};
use crate::version::{Guest, Operation, Release};

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// A function is called.
    Call(usize),
    /// An operation is taken for absent.
    Withhold(usize),
    /// An operation is answered with this from now on.
    Lie(usize, isize),
    /// What was learned is forgotten, as after a migration.
    Resume,
}

impl Arbitrary for Step {
    fn arbitrary(g: &mut Gen) -> Self {
        let which = usize::arbitrary(g);
        match u8::arbitrary(g) % 16 {
            0 | 1 => Self::Withhold(which),
            2 | 3 => {
                let small = -(isize::from(u8::arbitrary(g)));
                let any = isize::arbitrary(g);
                Self::Lie(which, *g.choose(&[small, any]).unwrap_or(&0))
            }
            4 => Self::Resume,
            _ => Self::Call(which),
        }
    }
}

/// Goes through the steps, and says what was wrong.
fn follow(place: usize, build: usize, steps: &[Step]) -> Result<(), String> {
    let places: Vec<(Release, Guest)> = everywhere().collect();
    let (release, guest) = places[place % places.len()];
    let mut builds = builds(release, guest);
    let (name, builder) = builds.swap_remove(build % builds.len());
    let hypervisor = builder.vcpus(2).record_harm().build();
    let frames = hypervisor.frames();
    let mut xen = Xen::probe(&hypervisor).map_err(|error| format!("{error}"))?;
    let entries = catalogue::all();
    let mut lied = false;
    for step in steps {
        match *step {
            Step::Call(which) => {
                let entry = entries[which % entries.len()];
                let ground = Ground::new(&xen, &frames);
                let result = (entry.run)(&ground);
                if ground.is_wrong() && !lied {
                    // Earlier steps may have given away what this one counts on, but not its result.
                    return Err(format!(
                        "{}: {} is not right: {} on {release} for {guest}, {name}",
                        entry.operation,
                        entry.call,
                        said(&result)
                    ));
                }
            }
            Step::Withhold(which) => {
                let all = Operation::all();
                let count = all.len();
                all.clone()
                    .nth(which % count)
                    .into_iter()
                    .for_each(|operation| xen.withhold(operation));
            }
            Step::Lie(which, answer) => {
                let operation = entries[which % entries.len()].operation;
                // Who told the truth about the version was probed.
                if operation.hypercall() != Operation::XENVER_version.hypercall() {
                    if let Some(sub_op) = sub_op(operation) {
                        hypervisor.falsify(operation.hypercall(), sub_op, answer);
                        lied = true;
                    }
                }
            }
            Step::Resume => {
                let _ = xen.resume();
            }
        }
    }
    let harm = hypervisor.harm();
    // Who waits for an event that Xen pretended to raise, or after an earlier step has taken away the
    // place where events show, waits for long. `matrix` sees that nobody does who has done nothing else.
    match harm
        .into_iter()
        .find(|&(_, harm)| harm != Harm::SleepsForever)
    {
        Some((call, harm)) => Err(format!("{call:?} does harm: {harm}")),
        None => Ok(()),
    }
}

#[test]
fn random_sequences_do_no_harm() {
    let tests = if cfg!(miri) { 2 } else { 300 };
    QuickCheck::new()
        .tests(tests)
        .quickcheck(follow_steps as fn(usize, usize, Vec<Step>) -> Result<(), String>);
}

fn follow_steps(place: usize, build: usize, steps: Vec<Step>) -> Result<(), String> {
    follow(place, build, &steps)
}

/// The hypervisors whose direct calls are lied about.
fn newest() -> impl Iterator<Item = Simulated> {
    let guests = Guest::ALL.into_iter();
    guests.map(|guest| {
        let mut builds = builds(Release::new(4, 20, 0), guest);
        // With everything.
        builds.swap_remove(2).1.vcpus(2).record_harm().build()
    })
}

/// Answers each direct call with the same lie, and gives what the function made of it.
fn told(lie: isize) -> Vec<(&'static str, Operation, Result<(), Error>)> {
    let mut found = Vec::new();
    for entry in catalogue::all() {
        let Some(sub_op) = sub_op(entry.operation) else {
            continue;
        };
        for hypervisor in newest() {
            let frames = hypervisor.frames();
            let xen = Xen::probe(&hypervisor).unwrap();
            if xen.can(entry.operation).is_err() {
                continue;
            }
            hypervisor.falsify(entry.operation.hypercall(), sub_op, lie);
            let earlier = hypervisor.calls().len();
            let ground = Ground::new(&xen, &frames);
            let result = (entry.run)(&ground);
            let calls = hypervisor.calls().split_off(earlier);
            // Where the way asked is the direct one, and the only one.
            if calls.iter().any(|call| is_of(call, entry.operation)) {
                found.push((entry.call, entry.operation, result));
            }
        }
    }
    assert!(found.len() > 300, "{}", found.len());
    found
}

#[test]
fn a_number_that_is_no_error_is_nonsense() {
    let mut taken = Vec::new();
    for (call, operation, result) in told(-5000) {
        if !matches!(result, Err(Error::Nonsense { .. })) {
            taken.push(format!("{operation}: {call}: {result:?}"));
        }
    }
    assert!(taken.is_empty(), "{}", taken.join("\n"));
}

#[test]
fn an_error_that_nobody_knows_goes_out_as_it_is() {
    let mut taken = Vec::new();
    for (call, operation, result) in told(-4000) {
        let goes_out = match &result {
            Err(Error::Refused { errno, .. }) => errno.get() == 4000,
            Err(Error::PartialBatch { cause, .. }) => {
                cause.and_then(|cause| cause.errno()).map(Errno::get) == Some(4000)
            }
            _ => false,
        };
        if !goes_out {
            taken.push(format!("{operation}: {call}: {result:?}"));
        }
    }
    assert!(taken.is_empty(), "{}", taken.join("\n"));
}

/// Whose answer is a number of which the ABI says no more.
const NUMBERS: [Operation; 10] = [
    Operation::XENMEM_current_reservation,
    Operation::XENMEM_maximum_reservation,
    Operation::XENMEM_maximum_gpfn,
    Operation::XENMEM_maximum_ram_page,
    Operation::XENMEM_get_sharing_freed_pages,
    Operation::XENMEM_get_sharing_shared_pages,
    Operation::XENMEM_sharing_op_audit,
    Operation::XEN_HYPFS_OP_get_version,
    Operation::XENOPROF_get_ibs_caps,
    // Probing looks closer.
    Operation::XENVER_version,
];

#[test]
fn a_number_where_only_zero_is_done_is_nonsense() {
    let mut taken = Vec::new();
    for (call, operation, result) in told(0x7fff_fff1) {
        if result.is_ok() && !NUMBERS.contains(&operation) {
            taken.push(format!("{operation}: {call}"));
        }
    }
    assert!(taken.is_empty(), "{}", taken.join("\n"));
}
