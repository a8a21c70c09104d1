//! A hypervisor that has been asked what it is: a conduit and what is known of its other end.
//!
//! [`Xen`] is what the operations of this crate take. It holds one bit for each [`Operation`]: whether
//! the hypervisor offers it to this kind of guest. The bits come from the table of gates by the
//! release that [`Xen::probe`] found, and a call that finds the table wrong corrects them. So the
//! question costs a load and a branch, and no call goes out that would run into another one.
#![allow(unsafe_code)]

use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering};

use xen_public::features::Features;

use super::error::checked;
use super::xen_version::{CAPABILITIES_LEN, EXTRAVERSION_LEN, Text};
use super::{Conduit, Error, Result, Unsupported, Why, int};
use crate::version::{Build, Guest, Needs, Operation, Reason, Release};

/// How many words hold a bit for each operation.
pub(super) const WORDS: usize = Operation::COUNT.div_ceil(32);

/// What a hypervisor said of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Known {
    /// The release, from version and extraversion.
    pub release: Release,
    /// The kind of guest that this domain is.
    pub guest: Guest,
    /// What follows the version.
    pub extraversion: Text<EXTRAVERSION_LEN>,
    /// The features that Xen gives to this domain. A Xen that can't be asked has none.
    pub features: Features,
    /// The kinds of guest that Xen can run.
    pub capabilities: Text<CAPABILITIES_LEN>,
}

/// `Xen 4.17.5 (.5), x86 PV guest; can run xen-3.0-x86_64; features: ...`
impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            release,
            guest,
            extraversion,
            features,
            capabilities,
        } = self;
        write!(
            f,
            "Xen {release} ({extraversion}), {guest} guest; can run {capabilities}; features: {features}"
        )
    }
}

/// How an operation will be carried out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Plan {
    /// By the hypercall that is made for it.
    Direct,
    /// By an older one, since this Xen does not have it.
    Fallback(Operation),
    /// Not at all.
    Unsupported(Unsupported),
}

/// A conduit, and what is known of the hypervisor at its other end.
///
/// Made by [`Xen::probe`]. It may be shared between processors: what one call learns, all know.
///
/// After a migration or a resume the hypervisor may be another one: see [`Xen::resume`].
pub struct Xen<C> {
    conduit: C,
    known: Known,
    /// One bit for each operation: whether it is offered. Each bit stands for itself, so that no order
    /// between them matters.
    offered: [AtomicU32; WORDS],
}

impl<C> Xen<C> {
    /// A hypervisor of which this is known, by the table alone.
    pub(super) fn by_table(conduit: C, known: Known) -> Self {
        let offered = predicted(&known).map(AtomicU32::new);
        Self {
            conduit,
            known,
            offered,
        }
    }

    /// The conduit.
    pub fn conduit(&self) -> &C {
        &self.conduit
    }

    /// The conduit, without what was known.
    pub fn into_conduit(self) -> C {
        self.conduit
    }

    /// What Xen said of itself.
    pub fn known(&self) -> &Known {
        &self.known
    }

    /// The release of Xen that is running.
    pub fn release(&self) -> Release {
        self.known.release
    }

    /// The kind of guest that this domain is.
    pub fn guest(&self) -> Guest {
        self.known.guest
    }

    /// The features that Xen gives to this domain.
    pub fn features(&self) -> Features {
        self.known.features
    }

    /// Whether the hypervisor offers an operation, as far as is known. This is about the hypervisor:
    /// whether it lets this domain do it is another question, and an offered operation may turn out
    /// not to be there, after which the answer changes.
    ///
    /// # Errors
    ///
    /// What is missing.
    #[inline(always)]
    pub fn can(&self, operation: Operation) -> core::result::Result<(), Unsupported> {
        if self.missing(operation) == 0 {
            Ok(())
        } else {
            Err(self.unsupported(operation))
        }
    }

    /// 0 for an operation that is offered, and not 0 for another.
    #[inline(always)]
    fn missing(&self, operation: Operation) -> u32 {
        let index = operation.index();
        let word = self.offered[index / 32].load(Ordering::Relaxed);
        !word & (1 << (index % 32))
    }

    /// How an operation will be carried out: directly, by the first of its older ways that is
    /// offered or has one itself, or not at all.
    pub fn plan(&self, operation: Operation) -> Plan {
        let Err(unsupported) = self.can(operation) else {
            return Plan::Direct;
        };
        let mut older = operation.via(self.known.release);
        older
            .find_map(|older| match self.plan(older) {
                Plan::Direct => Some(Plan::Fallback(older)),
                // An older way may have one itself.
                Plan::Fallback(oldest) => Some(Plan::Fallback(oldest)),
                Plan::Unsupported(_) => None,
            })
            .unwrap_or(Plan::Unsupported(unsupported))
    }

    /// Takes an operation for absent from now on, so that its older way is taken or there is none:
    /// for tests, and where a hypervisor is known to have it broken. What the table lists below it (types,
    /// flags) keeps its own answer, for it may belong to another way too.
    pub fn withhold(&self, operation: Operation) {
        let index = operation.index();
        let word = &self.offered[index / 32];
        let others = !(1 << (index % 32));
        // Not every processor that has 32-bit atomics has a read-modify-write for them; those that have
        // none run one program at a time.
        cfg_if::cfg_if! {
            if #[cfg(target_has_atomic = "32")] {
                word.fetch_and(others, Ordering::Relaxed);
            } else {
                word.store(word.load(Ordering::Relaxed) & others, Ordering::Relaxed);
            }
        }
    }

    /// [Withholds](Self::withhold) all operations of the hypercall that this one belongs to.
    pub fn withhold_hypercall(&self, operation: Operation) {
        let number = operation.hypercall();
        for operation in Operation::all().filter(|other| other.hypercall() == number) {
            self.withhold(operation);
        }
    }

    /// The error for a call that was not made, since the operation is not offered, or whose answer is none
    /// of a success.
    #[cold]
    #[inline(never)]
    pub(super) fn failure(&self, operation: Operation, answer: Option<isize>) -> Error {
        match answer {
            None => Error::Unsupported(self.unsupported(operation)),
            Some(answer) => self.refusal(operation, answer),
        }
    }

    /// [`failure`](Self::failure) for the error of [`attempt_done`](Self::attempt_done).
    #[cold]
    #[inline(never)]
    pub(super) fn undone(&self, operation: Operation, answer: i32) -> Error {
        self.failure(operation, (answer != 0).then_some(answer as isize))
    }

    /// Why an operation that is not offered is not.
    #[cold]
    #[inline(never)]
    fn unsupported(&self, operation: Operation) -> Unsupported {
        let Known { release, guest, .. } = self.known;
        let why = match operation.reason(guest, release) {
            None => match unmet(operation, &self.known) {
                Some(Needs::Feature(feature)) => Why::Feature(feature),
                Some(Needs::LongMode) => Why::LongMode,
                _ => Why::Build { running: release },
            },
            Some(Reason::Release { span }) => Why::Release {
                running: release,
                guest,
                span,
            },
            Some(_) => Why::Guest(guest),
        };
        Unsupported { operation, why }
    }

    /// The error for a negative answer to an offered operation; what it teaches is kept.
    #[cold]
    pub(super) fn refusal(&self, operation: Operation, answer: isize) -> Error {
        let call = operation.name();
        match checked(call, answer) {
            Err(Error::Refused { errno, .. })
                if operation.is_sticky() && operation.means_absent(self.known.guest, errno) =>
            {
                self.withhold(operation);
                Error::Unsupported(Unsupported {
                    operation,
                    why: Why::Build {
                        running: self.known.release,
                    },
                })
            }
            Err(error) => error,
            Ok(_) => Error::Nonsense { call, answer },
        }
    }

    /// Starts again from what is known now.
    pub(super) fn set(&mut self, known: Known) {
        self.offered = predicted(&known).map(AtomicU32::new);
        self.known = known;
    }

    /// The bits as they are now.
    pub(super) fn bits(&self) -> [u32; WORDS] {
        core::array::from_fn(|word| self.offered[word].load(Ordering::Relaxed))
    }
}

impl<C: Conduit> Xen<C> {
    /// Makes the hypercall of an operation that is a sub-op: number, then these arguments. The answer
    /// is a C `int`; what stands above it in the register does not count.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] for what this Xen does not have: without any hypercall where that is
    /// known, and else with the bit for it cleared. [`Error::Refused`] with Xen's error,
    /// [`Error::Nonsense`] for a negative answer that is none.
    ///
    /// # Safety
    ///
    /// As for [`Conduit::hypercall`].
    #[inline(always)]
    pub unsafe fn call(&self, operation: Operation, arguments: [usize; 4]) -> Result<usize> {
        let [second, third, fourth, fifth] = arguments;
        let all = [operation.number() as usize, second, third, fourth, fifth];
        // SAFETY: the caller keeps the contract of this call.
        unsafe { self.call_plain(operation, all) }
    }

    /// Makes the hypercall of an operation whose arguments these are, all of them: one without
    /// sub-ops, or whose sub-op stands elsewhere. The answer is a C `int`.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    ///
    /// # Safety
    ///
    /// As for [`Conduit::hypercall`].
    #[inline(always)]
    pub unsafe fn call_plain(&self, operation: Operation, arguments: [usize; 5]) -> Result<usize> {
        // SAFETY: the caller keeps the contract of this call.
        let answer = unsafe { self.attempt(operation, 0, arguments) };
        self.counted(operation, answer.map(int))
    }

    /// The same as [`call`](Self::call) for an operation whose answer is a C `long`, such as the
    /// number of a frame.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    ///
    /// # Safety
    ///
    /// As for [`Conduit::hypercall`].
    #[inline(always)]
    pub unsafe fn call_long(&self, operation: Operation, arguments: [usize; 4]) -> Result<usize> {
        let [second, third, fourth, fifth] = arguments;
        let all = [operation.number() as usize, second, third, fourth, fifth];
        // SAFETY: the caller keeps the contract of this call.
        let answer = unsafe { self.attempt(operation, 0, all) };
        self.counted(operation, answer)
    }

    /// The gate, and the call behind it: `None` where the operation is not offered, or where `hindrance`, a
    /// reason of the caller's, is not 0. Both are looked at in one branch.
    ///
    /// # Safety
    ///
    /// As for [`Conduit::hypercall`].
    #[inline(always)]
    unsafe fn attempt(
        &self,
        operation: Operation,
        hindrance: usize,
        arguments: [usize; 5],
    ) -> Option<isize> {
        if self.missing(operation) as usize | hindrance != 0 {
            return None;
        }
        // SAFETY: the caller keeps the contract of this call.
        Some(unsafe { self.conduit.hypercall(operation.hypercall(), arguments) })
    }

    /// The result of an operation that answers with a number.
    #[inline(always)]
    fn counted(&self, operation: Operation, answer: Option<isize>) -> Result<usize> {
        match answer {
            Some(number @ 0..) => Ok(number as usize),
            answer => Err(self.failure(operation, answer)),
        }
    }

    /// [`call`](Self::call) with the address of one structure, for operations whose only success is 0.
    ///
    /// # Safety
    ///
    /// As for [`Conduit::hypercall`]; the call reads and writes no more than `argument` at the
    /// address, apart from what handles in it name.
    #[cfg_attr(
        not(any(
            target_arch = "x86",
            target_arch = "x86_64",
            target_arch = "arm",
            target_arch = "aarch64"
        )),
        allow(dead_code)
    )]
    #[inline(always)]
    pub(crate) unsafe fn call_with<T>(&self, operation: Operation, argument: &mut T) -> Result<()> {
        let address = (&raw mut *argument).expose_provenance();
        // SAFETY: the caller keeps the contract of this call, and `argument` is borrowed for it.
        unsafe { self.call_done(operation, [address, 0, 0, 0]) }
    }

    /// [`call`](Self::call) for operations whose only success is 0, which costs one look at the answer.
    ///
    /// # Safety
    ///
    /// As for [`Conduit::hypercall`].
    #[inline(always)]
    pub(crate) unsafe fn call_done(&self, operation: Operation, rest: [usize; 4]) -> Result<()> {
        // SAFETY: the caller keeps the contract of this call.
        match unsafe { self.attempt_done(operation, 0, rest) } {
            Ok(()) => Ok(()),
            Err(answer) => Err(self.undone(operation, answer)),
        }
    }

    /// [`call_done`](Self::call_done) for an operation that has an older way, which is taken where it turns
    /// out not to be there.
    ///
    /// # Safety
    ///
    /// As for [`Conduit::hypercall`]; `older` holds no reference to what the call reads or writes, for Xen
    /// would write beneath it.
    #[cfg_attr(
        not(any(
            target_arch = "x86",
            target_arch = "x86_64",
            target_arch = "arm",
            target_arch = "aarch64"
        )),
        allow(dead_code)
    )]
    #[inline(always)]
    pub(crate) unsafe fn call_or(
        &self,
        operation: Operation,
        rest: [usize; 4],
        older: impl FnOnce(&Self, Unsupported) -> Result<()>,
    ) -> Result<()> {
        // SAFETY: the caller keeps the contract of this call.
        match unsafe { self.attempt_done(operation, 0, rest) } {
            Ok(()) => Ok(()),
            Err(answer) => self.otherwise(operation, answer, older),
        }
    }

    /// What is left of [`call_or`](Self::call_or) where the call did not succeed.
    #[cold]
    #[inline(never)]
    fn otherwise(
        &self,
        operation: Operation,
        answer: i32,
        older: impl FnOnce(&Self, Unsupported) -> Result<()>,
    ) -> Result<()> {
        match self.undone(operation, answer) {
            Error::Unsupported(unsupported) => older(self, unsupported),
            error => Err(error),
        }
    }

    /// [`attempt`](Self::attempt) for an operation whose only success is the C `int` 0. The error is the
    /// answer, or 0 where the call was not made: one number, so that all that went wrong leads to one
    /// place off the way.
    ///
    /// # Safety
    ///
    /// As for [`Conduit::hypercall`].
    #[inline(always)]
    pub(super) unsafe fn attempt_done(
        &self,
        operation: Operation,
        hindrance: usize,
        rest: [usize; 4],
    ) -> core::result::Result<(), i32> {
        let [second, third, fourth, fifth] = rest;
        let all = [operation.number() as usize, second, third, fourth, fifth];
        // SAFETY: the caller keeps the contract of this call.
        match unsafe { self.attempt(operation, hindrance, all) }.map(|answer| answer as i32) {
            None => Err(0),
            Some(0) => Ok(()),
            Some(answer) => Err(answer),
        }
    }
}

/// The result of an operation whose only success is 0.
#[cfg_attr(
    not(any(
        target_arch = "x86",
        target_arch = "x86_64",
        target_arch = "arm",
        target_arch = "aarch64"
    )),
    allow(dead_code)
)]
#[inline]
pub(crate) fn only_zero(operation: Operation, answer: usize) -> Result<()> {
    if answer == 0 {
        Ok(())
    } else {
        Err(Error::Nonsense {
            call: operation.name(),
            answer: answer as isize,
        })
    }
}

/// The bits that the table gives.
pub(super) fn predicted(known: &Known) -> [u32; WORDS] {
    let mut words = [0; WORDS];
    for operation in Operation::all() {
        if operation.offered(known.guest, known.release) && unmet(operation, known).is_none() {
            words[operation.index() / 32] |= 1 << (operation.index() % 32);
        }
    }
    words
}

/// What an operation, or one that it is part of, needs beside the release and is not there, as far as that
/// is known before a call.
fn unmet(operation: Operation, known: &Known) -> Option<Needs> {
    let missing = |needs: &Needs| match needs {
        Needs::Feature(feature) => known.features.bits() & (1 << feature.number()) == 0,
        Needs::LongMode => cfg!(target_arch = "x86"),
        _ => false,
    };
    let matter = |build: &&Build| build.matters(known.guest, known.release);
    let rows = core::iter::successors(Some(operation), |row| row.parent());
    let builds = rows.flat_map(|row| row.build().iter()).filter(matter);
    builds.map(|build| build.needs).find(missing)
}

// SAFETY: the same conduit.
unsafe impl<C: Conduit> Conduit for Xen<C> {
    #[inline(always)]
    unsafe fn hypercall(&self, number: u32, arguments: [usize; 5]) -> isize {
        // SAFETY: the caller keeps the contract of this same call.
        unsafe { self.conduit.hypercall(number, arguments) }
    }

    fn guest(&self) -> Option<Guest> {
        Some(self.known.guest)
    }
}

impl<C> fmt::Display for Xen<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.known, f)
    }
}

impl<C> fmt::Debug for Xen<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Xen")
            .field("known", &self.known)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
