//! `HYPERVISOR_mmuext_op`: what a PV guest does to its page tables besides changing entries: pins
//! them, makes them the current ones, flushes what the processors have cached
//! (`xen/include/public/xen.h`).
//!
//! Operations go in batches of [`MmuExtOp`]s, made by a function for each kind and carried out by
//! [`operate`] in order, up to the first that Xen refuses. The functions themselves do nothing.
//!
//! An HVM domain that builds PV domains may pin and unpin their tables from Xen 4.7 on, and nothing
//! else.
#![allow(unsafe_code)]

use core::marker::PhantomData;

use xen_public::native::xen::mmuext_op;
use xen_public::xen::{DomId, Mfn};

use super::mmu_update::{Batch, countable};
use super::{Conduit, Error, Result, Xen};
use crate::version::Operation;

const CALL: &str = "__HYPERVISOR_mmuext_op";

/// A set of virtual processors: a bit for each, by number, the lowest first.
///
/// Xen reads a bit for each processor that the domain may have, so the words must cover those.
#[doc(alias = "vcpumask")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VcpuMask<'a>(&'a [usize]);

impl<'a> VcpuMask<'a> {
    /// The set in these words; `None` if there are none.
    pub const fn new(words: &'a [usize]) -> Option<Self> {
        if words.is_empty() {
            None
        } else {
            Some(Self(words))
        }
    }

    /// Its address, for Xen to read.
    pub(super) fn address(self) -> usize {
        self.0.as_ptr().expose_provenance()
    }
}

/// One operation, as Xen reads it, with the memory that it points at.
#[doc(alias = "mmuext_op_t")]
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct MmuExtOp<'a>(mmuext_op, PhantomData<&'a [usize]>);

/// The operations by number.
const OPERATIONS: [Operation; 21] = [
    Operation::MMUEXT_PIN_L1_TABLE,
    Operation::MMUEXT_PIN_L2_TABLE,
    Operation::MMUEXT_PIN_L3_TABLE,
    Operation::MMUEXT_PIN_L4_TABLE,
    Operation::MMUEXT_UNPIN_TABLE,
    Operation::MMUEXT_NEW_BASEPTR,
    Operation::MMUEXT_TLB_FLUSH_LOCAL,
    Operation::MMUEXT_INVLPG_LOCAL,
    Operation::MMUEXT_TLB_FLUSH_MULTI,
    Operation::MMUEXT_INVLPG_MULTI,
    Operation::MMUEXT_TLB_FLUSH_ALL,
    Operation::MMUEXT_INVLPG_ALL,
    Operation::MMUEXT_FLUSH_CACHE,
    Operation::MMUEXT_SET_LDT,
    Operation::MMUEXT_REASSIGN_PAGE,
    Operation::MMUEXT_NEW_USER_BASEPTR,
    Operation::MMUEXT_CLEAR_PAGE,
    Operation::MMUEXT_COPY_PAGE,
    Operation::MMUEXT_FLUSH_CACHE_GLOBAL,
    Operation::MMUEXT_MARK_SUPER,
    Operation::MMUEXT_UNMARK_SUPER,
];

const _: () = {
    let mut at = 0;
    while at < OPERATIONS.len() {
        assert!(OPERATIONS[at].number() as usize == at);
        at += 1;
    }
};

/// A frame's number as wide as the ABI has it.
fn narrow(operation: Operation, frame: Mfn) -> Result<usize> {
    usize::try_from(frame.get()).map_err(|_| Error::Argument {
        call: operation.name(),
        argument: "mfn",
        value: frame.get(),
    })
}

/// Functions that take a machine frame and nothing else.
macro_rules! of_a_frame {
    ($($(#[$doc:meta])* $name:ident $operation:ident $text:literal;)*) => {$(
        $(#[$doc])*
        #[doc = gate_row!($operation)]
        ///
        /// # Errors
        ///
        /// [`Error::Argument`] on x86_32 for a frame of more than 32 bits.
        #[doc(alias = $text)]
        pub fn $name(frame: Mfn) -> Result<Self> {
            let operation = Operation::$operation;
            Ok(Self::new(operation, narrow(operation, frame)?, 0))
        }
    )*};
}

impl<'a> MmuExtOp<'a> {
    fn new(operation: Operation, first: usize, second: usize) -> Self {
        let mut argument = mmuext_op {
            cmd: operation.number(),
            ..mmuext_op::ZERO
        };
        // Frames, addresses and handles are as long as a register in both ABIs of x86.
        argument.arg1._bytes = first.to_ne_bytes();
        argument.arg2._bytes = second.to_ne_bytes();
        Self(argument, PhantomData)
    }

    of_a_frame! {
        /// Makes a frame a page table of the lowest level, for as long as it is pinned
        /// (`MMUEXT_PIN_L1_TABLE`): Xen checks its entries now and not at each use.
        pin_l1_table MMUEXT_PIN_L1_TABLE "MMUEXT_PIN_L1_TABLE";
        /// The same for the second level (`MMUEXT_PIN_L2_TABLE`) and all that it leads to.
        pin_l2_table MMUEXT_PIN_L2_TABLE "MMUEXT_PIN_L2_TABLE";
        /// The same for the third level (`MMUEXT_PIN_L3_TABLE`) and all that it leads to.
        pin_l3_table MMUEXT_PIN_L3_TABLE "MMUEXT_PIN_L3_TABLE";
        /// The same for the fourth level (`MMUEXT_PIN_L4_TABLE`) and all that it leads to. It has
        /// no effect in a 32-bit guest.
        pin_l4_table MMUEXT_PIN_L4_TABLE "MMUEXT_PIN_L4_TABLE";
        /// Lets a pinned table go (`MMUEXT_UNPIN_TABLE`): once nothing else uses it as one it is an
        /// ordinary page again.
        unpin_table MMUEXT_UNPIN_TABLE "MMUEXT_UNPIN_TABLE";
        /// Makes a top-level table the processor's current one (`MMUEXT_NEW_BASEPTR`), as a write
        /// to control register 3 would.
        new_baseptr MMUEXT_NEW_BASEPTR "MMUEXT_NEW_BASEPTR";
        /// Fills a frame with zeros (`MMUEXT_CLEAR_PAGE`). Where Xen has no such operation, a guest
        /// maps the frame and does it itself.
        clear_page MMUEXT_CLEAR_PAGE "MMUEXT_CLEAR_PAGE";
        /// Marks the 2 MiB that begin at a frame as one page (`MMUEXT_MARK_SUPER`). Only a Xen that
        /// was started to let PV guests have such pages does it.
        mark_super MMUEXT_MARK_SUPER "MMUEXT_MARK_SUPER";
        /// Takes such a mark back (`MMUEXT_UNMARK_SUPER`).
        unmark_super MMUEXT_UNMARK_SUPER "MMUEXT_UNMARK_SUPER";
        /// Gives a frame to the other domain of the batch (`MMUEXT_REASSIGN_PAGE`). Xen 3.0.0 and
        /// 3.0.1 have it; later ones transfer pages with `GNTTABOP_transfer`.
        reassign_page MMUEXT_REASSIGN_PAGE "MMUEXT_REASSIGN_PAGE";
    }

    /// Makes a top-level table the one that user mode runs with (`MMUEXT_NEW_USER_BASEPTR`). Xen
    /// changes between the two when the guest enters and leaves its kernel.
    #[doc = gate_row!(MMUEXT_NEW_USER_BASEPTR)]
    ///
    /// # Errors
    ///
    /// None: frame numbers have 64 bits here.
    #[cfg(target_arch = "x86_64")]
    #[doc(alias = "MMUEXT_NEW_USER_BASEPTR")]
    pub fn new_user_baseptr(frame: Mfn) -> Result<Self> {
        let operation = Operation::MMUEXT_NEW_USER_BASEPTR;
        Ok(Self::new(operation, narrow(operation, frame)?, 0))
    }

    /// Copies a frame's contents to another (`MMUEXT_COPY_PAGE`). Where Xen has no such operation,
    /// a guest maps both and does it itself.
    #[doc = gate_row!(MMUEXT_COPY_PAGE)]
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] on x86_32 for a frame of more than 32 bits.
    #[doc(alias = "MMUEXT_COPY_PAGE")]
    pub fn copy_page(to: Mfn, from: Mfn) -> Result<Self> {
        let operation = Operation::MMUEXT_COPY_PAGE;
        let (to, from) = (narrow(operation, to)?, narrow(operation, from)?);
        Ok(Self::new(operation, to, from))
    }

    /// Flushes this processor's cached translations (`MMUEXT_TLB_FLUSH_LOCAL`).
    #[doc = gate_row!(MMUEXT_TLB_FLUSH_LOCAL)]
    #[doc(alias = "MMUEXT_TLB_FLUSH_LOCAL")]
    pub fn tlb_flush_local() -> Self {
        Self::new(Operation::MMUEXT_TLB_FLUSH_LOCAL, 0, 0)
    }

    /// Flushes this processor's cached translation of the page at an address
    /// (`MMUEXT_INVLPG_LOCAL`).
    #[doc = gate_row!(MMUEXT_INVLPG_LOCAL)]
    #[doc(alias = "MMUEXT_INVLPG_LOCAL")]
    pub fn invlpg_local(address: usize) -> Self {
        Self::new(Operation::MMUEXT_INVLPG_LOCAL, address, 0)
    }

    /// Flushes the cached translations of these processors (`MMUEXT_TLB_FLUSH_MULTI`).
    #[doc = gate_row!(MMUEXT_TLB_FLUSH_MULTI)]
    #[doc(alias = "MMUEXT_TLB_FLUSH_MULTI")]
    pub fn tlb_flush_multi(processors: VcpuMask<'a>) -> Self {
        Self::new(Operation::MMUEXT_TLB_FLUSH_MULTI, 0, processors.address())
    }

    /// Flushes these processors' cached translations of the page at an address
    /// (`MMUEXT_INVLPG_MULTI`).
    #[doc = gate_row!(MMUEXT_INVLPG_MULTI)]
    #[doc(alias = "MMUEXT_INVLPG_MULTI")]
    pub fn invlpg_multi(address: usize, processors: VcpuMask<'a>) -> Self {
        let operation = Operation::MMUEXT_INVLPG_MULTI;
        Self::new(operation, address, processors.address())
    }

    /// Flushes the cached translations of all the domain's processors (`MMUEXT_TLB_FLUSH_ALL`).
    #[doc = gate_row!(MMUEXT_TLB_FLUSH_ALL)]
    #[doc(alias = "MMUEXT_TLB_FLUSH_ALL")]
    pub fn tlb_flush_all() -> Self {
        Self::new(Operation::MMUEXT_TLB_FLUSH_ALL, 0, 0)
    }

    /// Flushes all the domain's processors' cached translations of the page at an address
    /// (`MMUEXT_INVLPG_ALL`).
    #[doc = gate_row!(MMUEXT_INVLPG_ALL)]
    #[doc(alias = "MMUEXT_INVLPG_ALL")]
    pub fn invlpg_all(address: usize) -> Self {
        Self::new(Operation::MMUEXT_INVLPG_ALL, address, 0)
    }

    /// Writes this processor's caches back and empties them (`MMUEXT_FLUSH_CACHE`): for domains
    /// with devices of their own.
    #[doc = gate_row!(MMUEXT_FLUSH_CACHE)]
    #[doc(alias = "MMUEXT_FLUSH_CACHE")]
    pub fn flush_cache() -> Self {
        Self::new(Operation::MMUEXT_FLUSH_CACHE, 0, 0)
    }

    /// The same for all of the machine's processors (`MMUEXT_FLUSH_CACHE_GLOBAL`).
    ///
    /// There is no older way that a call could take by itself. [`flush_cache`](Self::flush_cache) is
    /// about the processor that makes it, so a guest without this one makes that on each of its virtual
    /// processors, and only the guest can bring them to it. It is less even then: a processor of the
    /// machine on which none of them runs at that time keeps what one left there before.
    #[doc = gate_row!(MMUEXT_FLUSH_CACHE_GLOBAL)]
    #[doc(alias = "MMUEXT_FLUSH_CACHE_GLOBAL")]
    pub fn flush_cache_global() -> Self {
        Self::new(Operation::MMUEXT_FLUSH_CACHE_GLOBAL, 0, 0)
    }

    /// Makes the memory at a page's address the local descriptor table (`MMUEXT_SET_LDT`), with at
    /// most 8192 entries; none for no table.
    #[doc = gate_row!(MMUEXT_SET_LDT)]
    #[doc(alias = "MMUEXT_SET_LDT")]
    pub fn set_ldt(address: usize, entries: u16) -> Self {
        let mut operation = Self::new(Operation::MMUEXT_SET_LDT, address, 0);
        operation.0.arg2.nr_ents = entries.into();
        operation
    }

    /// Which operation it is.
    pub fn operation(&self) -> Operation {
        OPERATIONS[self.0.cmd as usize]
    }
}

impl core::fmt::Debug for MmuExtOp<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple(self.operation().name()).finish()
    }
}

/// Carries out a batch of operations (`HYPERVISOR_mmuext_op`).
///
/// `owner` is the domain whose frames they name, [`DomId::SELF`] for the caller; another takes the
/// right to control it. An empty batch is done without a call. Header: `xen/include/public/xen.h`.
#[doc = gate_row!(__HYPERVISOR_mmuext_op)]
///
/// # Errors
///
/// [`Error::Unsupported`] where Xen has one of the operations not, and nothing is sent;
/// [`Error::TooLong`] likewise. Where the first operation is refused: [`Error::Refused`] (EINVAL
/// for a frame that is not the owner's or can't be such a table, EPERM and ESRCH for the owner,
/// EFAULT for a set of processors that can't be read, EACCES for a cache flush without devices).
/// Where a later one is, [`Error::PartialBatch`]: those before it were carried out.
///
/// # Safety
///
/// Sets of processors cover all that the domain may have. As for
/// [`mmu_update::update`](super::mmu_update::update), the memory that is mapped afterwards is what
/// its users take it for: new base pointers lead to tables that map what this code and the others
/// that run on them need, frames that are cleared, copied to or given away are nobody's, pinned
/// tables are only read, and an LDT's descriptors are meant as such.
#[doc(alias = "HYPERVISOR_mmuext_op")]
pub unsafe fn operate(
    xen: &Xen<impl Conduit>,
    operations: &[MmuExtOp<'_>],
    owner: DomId,
) -> Result<()> {
    xen.can(Operation::__HYPERVISOR_mmuext_op)?;
    countable(CALL, operations.len())?;
    for operation in operations {
        xen.can(operation.operation())?;
    }
    if operations.is_empty() {
        return Ok(());
    }
    let mut done = 0_u32;
    let entries = operations.as_ptr().expose_provenance();
    let arguments = [
        entries,
        operations.len(),
        (&raw mut done).expose_provenance(),
        owner.get().into(),
        0,
    ];
    // SAFETY: the call reads `operations.len()` entries, all of them `operations`' own, and the sets
    // that they borrow, and writes one word, which is this function's; the caller vouches for the
    // size of the sets and for what the operations do.
    let answer = unsafe { xen.hypercall(Operation::__HYPERVISOR_mmuext_op.hypercall(), arguments) };
    Batch::whole(CALL, operations.len()).outcome(xen, answer, done as usize, |at| {
        Some(operations[at].operation())
    })
}

#[cfg(test)]
#[path = "mmuext_op_tests.rs"]
mod tests;
