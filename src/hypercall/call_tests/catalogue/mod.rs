//! All operations that the crate has a function for, each once, with arguments that are safe on a
//! simulated domain.
//!
//! An entry says which row of the table of gates its function belongs to and which answers the simulated
//! hypervisor may give where the operation is there: `Done`, or refusals that belong to these arguments
//! (`ESRCH` where there is no second domain), each for the guests and releases that give it. EIO is what the simulation answers to what it does not
//! play: an entry that lists it says so, and no other may have it.
#![allow(unsafe_code, unused_unsafe, clippy::multiple_unsafe_ops_per_block)]

mod domain;
mod memory;
#[cfg(feature = "toolstack")]
mod sharing;
mod toolstack;
#[cfg(any(
    target_arch = "x86",
    all(target_arch = "x86_64", target_pointer_width = "64")
))]
mod x86;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::Cell;

use xen_public::xen::{Gfn, Mfn};

use super::super::simulate::{Call, Peer, Simulated};
use super::super::{Conduit, Error, Result, Xen};
use crate::version::{Guest, Operation, Release};

/// What a call runs on.
pub(super) struct Ground<'a> {
    pub(super) xen: &'a Xen<&'a Simulated>,
    frames: &'a [u64],
    /// Frame numbers from here on stand for nothing.
    hole: u64,
    wrong: Cell<bool>,
}

impl<'a> Ground<'a> {
    /// A domain as it is now; `frames` are those that it began with.
    pub(super) fn new(xen: &'a Xen<&'a Simulated>, frames: &'a [u64]) -> Self {
        let top = frames.iter().max().copied().unwrap_or(0);
        Self {
            xen,
            frames,
            hole: top + 0x10_0000,
            wrong: Cell::new(false),
        }
    }

    /// The number of a frame that the domain began with.
    fn own(&self, index: usize) -> u64 {
        self.frames[index]
    }

    fn gfn(&self, index: usize) -> Gfn {
        Gfn::new(self.own(index))
    }

    #[allow(dead_code)]
    fn mfn(&self, index: usize) -> Mfn {
        Mfn::new(self.own(index))
    }

    /// A frame number at which there is nothing.
    fn nothing(&self, index: u64) -> Gfn {
        Gfn::new(self.hole + index)
    }

    /// What the second domain does, where there is one.
    fn theirs<T>(&self, act: impl FnOnce(Peer<'_>) -> T) -> Option<T> {
        let hypervisor = self.xen.conduit();
        hypervisor.has_peer().then(|| act(hypervisor.peer()))
    }

    /// What a call did is seen in the second domain. Where there is none only a lie says that it was done.
    fn there(&self, seen: impl FnOnce(Peer<'_>) -> bool) {
        self.right(self.theirs(seen).unwrap_or(true));
    }

    /// The address of a frame's bytes.
    fn bytes(&self, index: usize) -> *mut u8 {
        self.xen.conduit().page(self.own(index)).unwrap().as_ptr()
    }

    /// A result is as it has to be, or this entry was answered wrongly.
    fn right(&self, right: bool) {
        if !right {
            self.wrong.set(true);
        }
    }

    /// Whether a result was not as it has to be.
    pub(super) fn is_wrong(&self) -> bool {
        self.wrong.get()
    }
}

/// How a function comes to its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ways {
    /// By the row: directly where it is offered, else by the table's older way, else not at all.
    Row,
    /// Directly or not at all: the table's older way is another function.
    Alone,
    /// By more than this row: another row has a say (a resource's own, a sub-op's old number), or what
    /// there is without the call is known (2-level events, a page's size).
    More,
    /// It asks before anything is known, as probing does.
    Asks,
}

impl Ways {
    /// [`Row`](Self::Row) on x86_32, for whose callers two operations mean the same; else
    /// [`Alone`](Self::Alone).
    const ROW_OF_X86_32: Self = if cfg!(target_arch = "x86") {
        Self::Row
    } else {
        Self::Alone
    };
}

/// A function of the crate.
pub(super) struct Entry {
    /// The row of the table that it belongs to.
    pub(super) operation: Operation,
    /// The call, as it is written.
    pub(super) call: &'static str,
    /// How it comes to its way.
    pub(super) ways: Ways,
    /// How it may end where the operation is there, in words (see `allows`); behind a bar, beside a
    /// second domain. To a domain without privilege it may also say so.
    pub(super) answers: &'static str,
    /// Makes it.
    pub(super) run: fn(&Ground<'_>) -> Result<()>,
}

impl Entry {
    /// Whether it may end with a word.
    pub(super) fn may_end(&self, hypervisor: &Simulated, word: &str) -> bool {
        let both = self.answers.split_once(" | ");
        let (alone, beside) = both.unwrap_or((self.answers, self.answers));
        let answers = if hypervisor.has_peer() { beside } else { alone };
        let of = (hypervisor.guest(), hypervisor.release());
        answers.split(' ').any(|answer| allows(answer, of, word))
    }
}

/// Whether an answer of an entry is a word: `Done`, `pv:EINVAL` for one kind of guest, and
/// `pv:EINVAL@..4.14` or `pv:EACCES@4.14..` in some releases.
fn allows(answer: &str, (guest, release): (Option<Guest>, Release), word: &str) -> bool {
    let (kind, answer) = answer.split_once(':').unwrap_or(("", answer));
    let named = match guest {
        Some(Guest::Pv) => "pv",
        Some(Guest::Hvm) => "hvm",
        _ => "arm",
    };
    let (name, span) = answer.split_once('@').unwrap_or((answer, ".."));
    let (first, end) = span.split_once("..").expect("a span has two ends");
    let since = |text: &str| {
        let mut parts = text.split('.').map(|part| part.parse().unwrap());
        let mut part = || parts.next().unwrap_or(0);
        !release.before(Release::new(part(), part(), part()))
    };
    name == word
        && (kind.is_empty() || kind == named)
        && (first.is_empty() || since(first))
        && (end.is_empty() || !since(end))
}

/// `row Ways "answers" => call;` for each entry.
macro_rules! entries {
    ($xen:ident, $ground:ident; $($operation:ident $ways:ident $answers:literal => $call:expr;)*) => {
        pub(in crate::hypercall::call_tests) const ENTRIES:
            &[$crate::hypercall::call_tests::catalogue::Entry] =
            &[$($crate::hypercall::call_tests::catalogue::Entry {
                operation: $crate::version::Operation::$operation,
                call: stringify!($call),
                ways: $crate::hypercall::call_tests::catalogue::Ways::$ways,
                answers: $answers,
                run: |$ground| {
                    let $xen = $ground.xen;
                    // SAFETY: the conduit is a simulated hypervisor. What it is told to use are frames of
                    // its own that nothing else uses, or memory that lives until the call returns.
                    let result = unsafe { $call };
                    result.map(|_| ())
                },
            }),*];
    };
}
use entries;

/// All of them, in an order in which each has what it needs: what ends the domain comes last.
pub(super) fn all() -> Vec<&'static Entry> {
    let lists = [
        memory::ENTRIES,
        #[cfg(feature = "toolstack")]
        sharing::ENTRIES,
        toolstack::ENTRIES,
        #[cfg(any(
            target_arch = "x86",
            all(target_arch = "x86_64", target_pointer_width = "64")
        ))]
        x86::ENTRIES,
        #[cfg(all(target_arch = "x86_64", target_pointer_width = "64"))]
        x86::long_mode::ENTRIES,
        domain::ENTRIES,
    ];
    lists.into_iter().flatten().collect()
}

/// The hypercalls whose sub-op stands in the first register.
const IN_REGISTER: [u32; 19] = [
    6, 12, 17, 18, 20, 21, 24, 25, 28, 29, 30, 31, 32, 33, 34, 37, 39, 40, 42,
];

/// The operation whose number stands in the first register: that of a sub-op of a sub-op is in memory.
fn outer(operation: Operation) -> Operation {
    match operation.parent() {
        Some(parent) if parent.parent().is_some() => outer(parent),
        _ => operation,
    }
}

/// Whether a call is that of an operation, as far as registers tell.
pub(super) fn is_of(call: &Call, operation: Operation) -> bool {
    let number = operation.hypercall();
    let plain = operation.parent().is_none() || !IN_REGISTER.contains(&number);
    call.number == number && (plain || call.arguments[0] as u32 == outer(operation).number())
}

/// The sub-op that stands in the first register for an operation, if one does.
pub(super) fn sub_op(operation: Operation) -> Option<usize> {
    let there = operation.parent().is_some() && IN_REGISTER.contains(&operation.hypercall());
    there.then(|| outer(operation).number() as usize)
}

/// How a call ended, in a word.
pub(super) fn said(result: &Result<()>) -> String {
    match result {
        Ok(()) => "Done".to_string(),
        Err(Error::Refused { errno, .. }) => {
            let text = errno.to_string();
            text.split(' ').next().unwrap_or_default().to_string()
        }
        Err(Error::Unsupported(_)) => "Unsupported".to_string(),
        Err(Error::Status { status, .. }) => status.to_string(),
        Err(Error::PartialBatch { .. }) => "PartialBatch".to_string(),
        Err(Error::VersionMismatch { .. }) => "VersionMismatch".to_string(),
        Err(Error::Nonsense { .. }) => "Nonsense".to_string(),
        Err(Error::Short { .. }) => "Short".to_string(),
        Err(Error::Unterminated { .. }) => "Unterminated".to_string(),
        Err(Error::TooLong { .. }) => "TooLong".to_string(),
        Err(Error::Argument { .. }) => "Argument".to_string(),
    }
}
