//! Which hypercall numbers lead somewhere.
//!
//! Written from the hypervisors' dispatch tables of each release, and not from this crate's own
//! table of gates, which the simulation is there to check.

use crate::version::{Guest, Release};

use super::build::{Build, Setup};

/// Whether the release has guests of this kind at all.
pub(super) fn guest_exists(release: Release, guest: Guest) -> bool {
    match guest {
        Guest::Pv => true,
        Guest::Hvm => release >= Release::new(3, 0, 3),
        Guest::Arm => release >= Release::new(4, 2, 0),
    }
}

/// The number that runs: the oldest releases look at its lowest five bits only.
pub(super) fn effective(setup: &Setup, number: u32) -> u32 {
    if setup.pv() && !setup.since_3_0(3) {
        number & 31
    } else {
        number
    }
}

/// Whether the release's table for this kind of guest has something for a number. What a domain
/// without privilege may do there is asked later.
pub(super) fn hypercall(setup: &Setup, number: u32) -> bool {
    let there = match setup.guest {
        Guest::Pv => pv(setup, number),
        Guest::Hvm => hvm(setup, number),
        Guest::Arm => arm(setup, number),
    };
    there && built(setup, number)
}

fn pv(setup: &Setup, number: u32) -> bool {
    match number {
        0..=10 | 12..=27 => true,
        28 | 29 => setup.since_3_0(2),
        30..=36 => setup.since_3_0(3),
        37 => setup.since_3_0(4),
        38 => setup.since(4, 0) && setup.before(4, 13),
        39 => setup.since(4, 12),
        40 => setup.since(4, 6),
        41 => setup.since(4, 9),
        42 => setup.since(4, 14),
        48 => setup.since(3, 3),
        49 => setup.since(4, 8),
        _ => false,
    }
}

fn hvm(setup: &Setup, number: u32) -> bool {
    match number {
        12 | 17 | 32 | 34 => true,
        // 32-bit hypervisors to 3.1 had it as well; this one has 64 bits.
        13 => setup.since(4, 16),
        29 => setup.since(3, 1),
        20 => setup.since(3, 2),
        24 => setup.since(3, 4),
        15 | 33 | 35 => setup.since(4, 1),
        38 => setup.since(4, 1) && setup.before(4, 13),
        27 | 36 => setup.since(4, 3),
        18 => setup.since(4, 4),
        49 => setup.since(4, 5),
        7 | 26 | 40 => setup.since(4, 7),
        41 => setup.since(4, 9),
        39 => setup.since(4, 12),
        21 | 42 => setup.since(4, 14),
        _ => false,
    }
}

fn arm(setup: &Setup, number: u32) -> bool {
    match number {
        12 | 17 | 18 | 29 | 32..=36 => true,
        20 | 24 => setup.since(4, 3),
        13 | 27 => setup.since(4, 5),
        7 => setup.since(4, 7),
        21 => setup.since(4, 8),
        39 => setup.since(4, 12),
        42 => setup.since(4, 14),
        41 => setup.since(4, 15),
        // Prints a word, for those who debug the hypervisor.
        48 => setup.before(4, 4),
        _ => false,
    }
}

fn built(setup: &Setup, number: u32) -> bool {
    match number {
        20 => setup.has(Build::GrantTable) || setup.before(4, 13),
        31 => setup.has(Build::Xenoprof) && setup.before(4, 22),
        35 => setup.has(Build::Sysctl) || setup.before(4, 21),
        37 => setup.has(Build::Kexec),
        39 => setup.has(Build::Argo),
        41 if setup.arm() => setup.has(Build::IoreqServer),
        41 => setup.has(Build::Hvm),
        42 => setup.has(Build::Hypfs),
        _ => true,
    }
}
