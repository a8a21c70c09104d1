//! `HYPERVISOR_mmu_update`: a PV guest's changes to its page tables, and to the table from machine
//! frames to its own (`xen/include/public/xen.h`).
//!
//! A PV guest reads its page tables and Xen writes them, after a check that no entry gives the
//! guest more than it owns. Changes go in batches of [`MmuUpdate`]s, carried out in order up to the
//! first that Xen refuses, and [`Error::PartialBatch`] says how many were. A batch may take long:
//! Xen then lets events in between and goes on by itself.
//!
//! One entry of the address space in use is changed at less cost by
//! [`update_va_mapping`](super::update_va_mapping).
#![allow(unsafe_code)]

use xen_public::features::Features;
use xen_public::native::xen::mmu_update;
use xen_public::xen::{DomId, Mfn, Pfn};

use super::error::checked;
use super::{Conduit, Error, Result, Xen};
use crate::version::Operation;

const CALL: &str = "__HYPERVISOR_mmu_update";

/// The bits of `ptr` that do not belong to the address: an entry is as long as a register, or twice
/// as long where a 32-bit guest has three levels of page tables.
const TYPE: u64 = (size_of::<usize>() - 1) as u64;

/// The greatest number of entries in a batch: Xen marks a batch that it goes on with by the bit
/// above.
#[doc(alias = "MMU_UPDATE_PREEMPTED")]
const LIMIT: usize = i32::MAX as usize;

/// One change, as Xen reads it: an address with the kind of change in its lowest bits, and a value.
#[doc(alias = "mmu_update")]
#[doc(alias = "mmu_update_t")]
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct MmuUpdate(mmu_update);

impl MmuUpdate {
    fn new(address: u64, operation: Operation, value: u64) -> Result<Self> {
        if address & TYPE != 0 {
            return Err(Error::Argument {
                call: operation.name(),
                argument: "ptr",
                value: address,
            });
        }
        Ok(Self(mmu_update {
            ptr: address | u64::from(operation.number()),
            val: value,
        }))
    }

    /// Writes an entry of a page table (`MMU_NORMAL_PT_UPDATE`). `entry` is the entry's machine
    /// address, `value` its new contents.
    ///
    /// The processor may set the entry's accessed and dirty bits between a read of the old entry
    /// and this write, which then loses them: see
    /// [`page_table_preserving_ad`](Self::page_table_preserving_ad).
    #[doc = gate_row!(MMU_NORMAL_PT_UPDATE)]
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] for an address that is no multiple of the size of an entry.
    #[doc(alias = "MMU_NORMAL_PT_UPDATE")]
    pub fn page_table(entry: u64, value: u64) -> Result<Self> {
        Self::new(entry, Operation::MMU_NORMAL_PT_UPDATE, value)
    }

    /// Writes an entry of a page table and keeps the accessed and dirty bits that are set in it
    /// (`MMU_PT_UPDATE_PRESERVE_AD`). Where Xen does not announce it, [`update`] makes it a plain
    /// [`page_table`](Self::page_table).
    #[doc = gate_row!(MMU_PT_UPDATE_PRESERVE_AD)]
    ///
    /// # Errors
    ///
    /// As [`page_table`](Self::page_table).
    #[doc(alias = "MMU_PT_UPDATE_PRESERVE_AD")]
    pub fn page_table_preserving_ad(entry: u64, value: u64) -> Result<Self> {
        Self::new(entry, Operation::MMU_PT_UPDATE_PRESERVE_AD, value)
    }

    /// Writes an entry of a page table whose frame is a machine frame even if the frames' owner is
    /// a translated domain, whose own numbers other changes take (`MMU_PT_UPDATE_NO_TRANSLATE`).
    ///
    /// There is no older way: before, the frame of a translated owner was always read as one of its own
    /// numbers, so that a plain change would map another frame, and a guest can't ask whether a domain
    /// is translated. Where the owner is not, such as a PV guest itself, [`page_table`](Self::page_table)
    /// does the same on every release.
    #[doc = gate_row!(MMU_PT_UPDATE_NO_TRANSLATE)]
    ///
    /// # Errors
    ///
    /// As [`page_table`](Self::page_table).
    #[doc(alias = "MMU_PT_UPDATE_NO_TRANSLATE")]
    pub fn page_table_untranslated(entry: u64, value: u64) -> Result<Self> {
        Self::new(entry, Operation::MMU_PT_UPDATE_NO_TRANSLATE, value)
    }

    /// Says which frame of the guest's a machine frame is (`MMU_MACHPHYS_UPDATE`): an entry of the
    /// table that Xen shows to all guests.
    #[doc = gate_row!(MMU_MACHPHYS_UPDATE)]
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] for a machine frame whose address has more than 64 bits.
    #[doc(alias = "MMU_MACHPHYS_UPDATE")]
    pub fn machine_to_physical(machine: Mfn, physical: Pfn) -> Result<Self> {
        let operation = Operation::MMU_MACHPHYS_UPDATE;
        let wrong = Error::Argument {
            call: operation.name(),
            argument: "ptr",
            value: machine.get(),
        };
        Self::new(machine.addr().ok_or(wrong)?, operation, physical.get())
    }

    /// What kind of change it is.
    pub fn operation(&self) -> Operation {
        // The lowest two bits: a constructor put nothing else there.
        match { self.0.ptr } & 3 {
            0 => Operation::MMU_NORMAL_PT_UPDATE,
            1 => Operation::MMU_MACHPHYS_UPDATE,
            2 => Operation::MMU_PT_UPDATE_PRESERVE_AD,
            _ => Operation::MMU_PT_UPDATE_NO_TRANSLATE,
        }
    }

    /// The same for a kind that not every Xen has.
    fn optional(&self) -> Option<Operation> {
        match self.operation() {
            Operation::MMU_NORMAL_PT_UPDATE | Operation::MMU_MACHPHYS_UPDATE => None,
            operation => Some(operation),
        }
    }
}

impl core::fmt::Debug for MmuUpdate {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (address, value) = ({ self.0.ptr } & !TYPE, { self.0.val });
        write!(f, "{}({address:#x}, {value:#x})", self.operation())
    }
}

/// Whose pages a batch is about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Owners {
    /// The owner of the page tables; `None` for the caller.
    pub tables: Option<DomId>,
    /// The owner of the frames that entries map: [`DomId::SELF`], another domain,
    /// [`DomId::IO`] for the pages of devices only, [`DomId::XEN`] for some of Xen's own.
    pub frames: DomId,
}

impl Owners {
    /// The caller's page tables and frames.
    pub const SELF: Self = Self {
        tables: None,
        frames: DomId::SELF,
    };

    /// The caller's page tables, with the frames of another domain.
    pub const fn frames_of(domain: DomId) -> Self {
        Self {
            tables: None,
            frames: domain,
        }
    }

    /// The argument: the frames' owner in the lower half, the tables' owner and 1 in the upper.
    fn raw(self) -> usize {
        let tables = match self.tables {
            None | Some(DomId::SELF) => 0,
            Some(domain) => u32::from(domain.get()) + 1,
        };
        (tables << 16 | u32::from(self.frames.get())) as usize
    }
}

/// Changes page tables and the table of machine frames (`HYPERVISOR_mmu_update`).
///
/// For any PV guest and its own pages; other owners take the right to control them. Where Xen does
/// not announce `XENFEAT_mmu_pt_update_preserve_ad`, changes that preserve bits are made as plain
/// ones. Old releases take no other owner of page tables; they look up the caller's and refuse the
/// others'. An empty batch is done without a call. Header: `xen/include/public/xen.h`.
#[doc = gate_row!(__HYPERVISOR_mmu_update)]
///
/// # Errors
///
/// Where the first change is refused: [`Error::Refused`] (EINVAL for an entry that would give more
/// than the guest has, ESRCH for an owner that is not there, EPERM for one that may not be
/// changed). Where a later one is, [`Error::PartialBatch`]: those before it were made.
/// [`Error::Unsupported`] and [`Error::TooLong`] for a batch of which nothing was sent.
///
/// # Safety
///
/// The memory that is mapped afterwards, in every address space whose tables change, is what
/// its users take it for: no page goes away or changes its contents or its permissions under a
/// reference to it, and no page gets a second place where Rust relies on one. Entries that
/// the processors may have cached are flushed before somebody relies on their absence.
#[doc(alias = "HYPERVISOR_mmu_update")]
pub unsafe fn update(xen: &Xen<impl Conduit>, updates: &[MmuUpdate], owners: Owners) -> Result<()> {
    xen.can(Operation::__HYPERVISOR_mmu_update)?;
    countable(CALL, updates.len())?;
    let kinds = updates
        .iter()
        .fold(0, |kinds, update| kinds | 1_u32 << ({ update.0.ptr } & 3));
    if kinds & 1 << Operation::MMU_PT_UPDATE_NO_TRANSLATE.number() != 0 {
        xen.can(Operation::MMU_PT_UPDATE_NO_TRANSLATE)?;
    }
    if kinds & 1 << Operation::MMU_PT_UPDATE_PRESERVE_AD.number() != 0
        && !(xen.features().contains(Features::MMU_PT_UPDATE_PRESERVE_AD)
            && xen.can(Operation::MMU_PT_UPDATE_PRESERVE_AD).is_ok())
    {
        // SAFETY: the caller keeps the contract of these changes.
        return unsafe { without_preserving(xen, updates, owners) };
    }
    let batch = Batch::whole(CALL, updates.len());
    // SAFETY: the caller keeps the contract of these changes.
    let (answer, done) = unsafe { send(xen, updates, owners) };
    batch.outcome(xen, answer, done, |at| updates[at].optional())
}

/// Sends a batch, and returns Xen's answer and how many it says it made.
///
/// # Safety
///
/// As for [`update`].
unsafe fn send(xen: &impl Conduit, updates: &[MmuUpdate], owners: Owners) -> (isize, usize) {
    if updates.is_empty() {
        return (0, 0);
    }
    let mut done = 0_u32;
    let entries = updates.as_ptr().expose_provenance();
    let arguments = [
        entries,
        updates.len(),
        (&raw mut done).expose_provenance(),
        owners.raw(),
        0,
    ];
    // SAFETY: the call reads `updates.len()` entries, all of them `updates`' own, and writes one word,
    // which is this function's; the caller vouches for what the changes do.
    let answer =
        unsafe { xen.hypercall(Operation::__HYPERVISOR_mmu_update.hypercall(), arguments) };
    (answer, done as usize)
}

/// How many changes are copied at a time.
const PART: usize = 32;

/// Sends a batch in parts, with plain changes for those that preserve bits.
///
/// # Safety
///
/// As for [`update`].
#[cold]
#[inline(never)]
unsafe fn without_preserving<C: Conduit>(
    xen: &Xen<C>,
    updates: &[MmuUpdate],
    owners: Owners,
) -> Result<()> {
    let mut batch = Batch::whole(CALL, updates.len());
    for part in updates.chunks(PART) {
        let mut plain = [MmuUpdate(mmu_update::ZERO); PART];
        for (to, from) in plain.iter_mut().zip(part) {
            *to = *from;
            if from.operation() == Operation::MMU_PT_UPDATE_PRESERVE_AD {
                to.0.ptr = { from.0.ptr } & !TYPE;
            }
        }
        let plain = &plain[..part.len()];
        batch.sent = part.len();
        // SAFETY: the caller keeps the contract of these changes.
        let (answer, done) = unsafe { send(xen, plain, owners) };
        batch.outcome(xen, answer, done, |at| plain[at].optional())?;
        batch.before += part.len();
    }
    Ok(())
}

/// A batch, or the part of one that a call carries.
pub(super) struct Batch {
    call: &'static str,
    /// How many entries earlier calls have carried out.
    before: usize,
    /// How many this one was given.
    sent: usize,
    /// How many there are in all.
    total: usize,
}

impl Batch {
    /// A batch that one call carries.
    pub(super) fn whole(call: &'static str, total: usize) -> Self {
        Self {
            call,
            before: 0,
            sent: total,
            total,
        }
    }

    /// What Xen's answer means, with the number of entries that it says were carried out.
    /// `operation` is what the entry at a place asks for, if a Xen may be without it.
    pub(super) fn outcome<C>(
        &self,
        xen: &Xen<C>,
        answer: isize,
        done: usize,
        operation: impl Fn(usize) -> Option<Operation>,
    ) -> Result<()> {
        let &Self {
            call,
            before,
            sent,
            total,
        } = self;
        // The answer is a C `int`.
        let answer = answer as i32 as isize;
        if answer == 0 && done == sent {
            return Ok(());
        }
        let error = match checked(call, answer) {
            Err(error) if done <= sent => error,
            // Success without all of it, or more than there was.
            _ => {
                let answer = if answer > 0 { answer } else { done as isize };
                // What this call did can't be told; those before it are certain.
                return Err(Error::Nonsense { call, answer }.after(call, before, total));
            }
        };
        if !matches!(error, Error::Refused { .. }) {
            return Err(error.after(call, before, total));
        }
        // Xen stopped at an entry, and its error is about that one.
        let at = operation(done.min(sent.saturating_sub(1)));
        let error = at.map_or(error, |operation| xen.refusal(operation, answer));
        Err(error.after(call, before + done, total))
    }
}

/// Refuses a batch with more entries than its count can say.
pub(super) fn countable(call: &'static str, length: usize) -> Result<()> {
    if length > LIMIT {
        return Err(Error::TooLong {
            call,
            length,
            limit: LIMIT,
        });
    }
    Ok(())
}

#[cfg(test)]
#[path = "mmu_update_tests.rs"]
mod tests;
