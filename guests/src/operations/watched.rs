//! A conduit that keeps what went over it last.
#![allow(unsafe_code)]

use core::cell::{Cell, RefCell};

use xen_abi::hypercall::Conduit;
use xen_abi::version::{Guest, Kind, Operation};

/// Hypercalls whose sub-op's number stands in a structure.
const IN_ARGUMENT: [u32; 2] = [
    Operation::__HYPERVISOR_dm_op.hypercall(),
    Operation::__HYPERVISOR_tmem_op.hypercall(),
];

/// How many calls are kept.
const KEPT: usize = 32;

/// A hypercall and its answer.
#[derive(Clone, Copy, Debug)]
pub struct Made {
    /// The hypercall's number.
    pub number: u32,
    /// Its arguments.
    pub arguments: [usize; 5],
    /// Which of the hypercall's operations it was; meaningless where there is but one.
    pub sub_op: u32,
    /// What Xen answered.
    pub answer: isize,
}

impl Made {
    const NONE: Self = Self {
        number: u32::MAX,
        arguments: [0; 5],
        sub_op: 0,
        answer: 0,
    };

    /// Whether this is the operation's own hypercall; for what stands in an argument (a flag, a type, a
    /// parameter, the sub-op of a sub-op), whether it is that of the sub-op it belongs to.
    pub fn is(&self, operation: Operation) -> bool {
        if self.number != operation.hypercall() {
            return false;
        }
        let mut sub_op = operation;
        while let Some(parent) = sub_op
            .parent()
            .filter(|parent| parent.kind() != Kind::Hypercall)
        {
            sub_op = parent;
        }
        IN_ARGUMENT.contains(&self.number)
            || operation.kind() == Kind::Hypercall
            || self.sub_op == sub_op.number()
    }
}

/// The hypercalls whose first argument is the address of a structure, or of several, that begins with
/// the operation's number.
const IN_MEMORY: [Operation; 4] = [
    Operation::__HYPERVISOR_platform_op,
    Operation::__HYPERVISOR_mmuext_op,
    Operation::__HYPERVISOR_xsm_op,
    Operation::__HYPERVISOR_mca,
];

/// Which of a hypercall's operations a call asks for.
///
/// # Safety
///
/// The call's own contract is kept: what it would read at an address is there.
unsafe fn sub_op(number: u32, arguments: [usize; 5]) -> u32 {
    let update = Operation::__HYPERVISOR_mmu_update;
    let [first, count, ..] = arguments;
    let listed =
        update.hypercall() == number || Operation::__HYPERVISOR_mmuext_op.hypercall() == number;
    let in_memory = update.hypercall() == number
        || IN_MEMORY
            .iter()
            .any(|operation| operation.hypercall() == number);
    if !in_memory || (listed && count == 0) {
        return first as u32;
    }
    let word = core::ptr::with_exposed_provenance::<u32>(first);
    // SAFETY: Xen reads at least this word there, so the caller has put it there.
    let word = unsafe { word.read_unaligned() };
    // An update has its kind in the lowest bits of an address.
    if update.hypercall() == number {
        word & 3
    } else {
        word
    }
}

/// A conduit that keeps what went over it since it was told to start, up to a number that no
/// operation of this crate reaches.
#[derive(Debug)]
pub struct Watched<C> {
    inner: C,
    made: RefCell<[Made; KEPT]>,
    count: Cell<usize>,
}

impl<C> Watched<C> {
    /// Watches a conduit.
    pub fn new(inner: C) -> Self {
        Self {
            inner,
            made: RefCell::new([Made::NONE; KEPT]),
            count: Cell::new(0),
        }
    }

    /// The conduit itself, past the watch.
    pub fn inner(&self) -> &C {
        &self.inner
    }

    /// Forgets what was made.
    pub fn start(&self) {
        self.count.set(0);
    }

    /// How many calls were made since.
    pub fn count(&self) -> usize {
        self.count.get()
    }

    /// Whether a call for which `wanted` holds was made since; of more than are kept, only the first
    /// ones are seen.
    pub fn any(&self, wanted: impl Fn(&Made) -> bool) -> bool {
        self.made.borrow()[..self.count.get().min(KEPT)]
            .iter()
            .any(wanted)
    }

    /// The last of the calls made since, if it was kept.
    pub fn last(&self) -> Option<Made> {
        let index = self.count.get().checked_sub(1)?;
        self.made.borrow().get(index).copied()
    }
}

// SAFETY: the same conduit; what is kept is numbers.
unsafe impl<C: Conduit> Conduit for Watched<C> {
    unsafe fn hypercall(&self, number: u32, arguments: [usize; 5]) -> isize {
        // SAFETY: the caller keeps the contract of this same call.
        let sub_op = unsafe { sub_op(number, arguments) };
        // SAFETY: as above.
        let answer = unsafe { self.inner.hypercall(number, arguments) };
        if let Some(place) = self.made.borrow_mut().get_mut(self.count.get()) {
            *place = Made {
                number,
                arguments,
                sub_op,
                answer,
            };
        }
        self.count.set(self.count.get() + 1);
        answer
    }

    fn guest(&self) -> Option<Guest> {
        self.inner.guest()
    }
}
