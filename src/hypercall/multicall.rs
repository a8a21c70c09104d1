//! `HYPERVISOR_multicall`: several hypercalls at the price of one (`xen/include/public/xen.h`).
//!
//! A [`Batch`] is filled with calls and [made](Batch::make), which runs them in their order; then each has
//! its own result. An entry is built from an [`Operation`], and a batch with one that this Xen does not
//! offer is not sent at all: inside of a multicall, too, Xen 3.0.0 to 3.0.2 would take its number for
//! another hypercall. Where multicall itself is missing, to HVM guests before Xen 4.16, the same entries
//! are made one by one.
#![allow(unsafe_code)]

use xen_public::native::xen::multicall_entry;

use super::xen::only_zero;
use super::{Conduit, Error, Result, Xen};
use crate::version::Operation;

/// The words of an entry, by ABI (`xen_ulong_t`).
#[cfg(target_arch = "x86")]
type Word = u32;
/// The words of an entry, by ABI (`xen_ulong_t`).
#[cfg(not(target_arch = "x86"))]
type Word = u64;

/// What stands for a result until there is one. No hypercall answers it: it is neither an error nor a
/// count nor the number of a frame.
const NOT_MADE: Word = Word::MAX >> 1;

/// How a batch was carried out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Made {
    /// By one hypercall.
    Together,
    /// By a hypercall for each entry, as this Xen does not offer multicall.
    OneByOne,
}

/// Up to `N` hypercalls to be made together.
///
/// ```
/// use xen_abi::hypercall::multicall::Batch;
/// use xen_abi::hypercall::{Conduit, Error, Xen};
/// use xen_abi::version::Operation;
///
/// /// Asks for the version twice.
/// fn twice(xen: &Xen<impl Conduit>) -> Result<[usize; 2], Error> {
///     let mut batch = Batch::<2>::new();
///     batch.push(Operation::XENVER_version, [0; 4])?;
///     batch.push(Operation::XENVER_version, [0; 4])?;
///     // SAFETY: the question takes no pointer and changes nothing.
///     unsafe { batch.make(xen) }?;
///     Ok([batch.result(xen, 0)?, batch.result(xen, 1)?])
/// }
/// ```
#[doc(alias = "multicall_entry")]
#[doc(alias = "multicall_entry_t")]
#[derive(Clone)]
pub struct Batch<const N: usize> {
    entries: [multicall_entry; N],
    operations: [Option<Operation>; N],
    len: usize,
}

impl<const N: usize> Batch<N> {
    const CALL: &'static str = "__HYPERVISOR_multicall";

    /// An empty batch.
    pub const fn new() -> Self {
        Self {
            entries: [multicall_entry::ZERO; N],
            operations: [None; N],
            len: 0,
        }
    }

    /// How many calls are in it.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes all calls out.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Adds a call of a sub-op, with what follows the sub-op's number.
    ///
    /// # Errors
    ///
    /// [`Error::TooLong`] for one more than `N`.
    pub fn push(&mut self, operation: Operation, arguments: [usize; 4]) -> Result<()> {
        let [second, third, fourth, fifth] = arguments;
        let number = operation.number() as usize;
        self.push_plain(operation, [number, second, third, fourth, fifth])
    }

    /// Adds a call with all of its arguments.
    ///
    /// # Errors
    ///
    /// [`Error::TooLong`] for one more than `N`.
    pub fn push_plain(&mut self, operation: Operation, arguments: [usize; 5]) -> Result<()> {
        if self.len == N {
            return Err(Error::TooLong {
                call: Self::CALL,
                length: N + 1,
                limit: N,
            });
        }
        let mut entry = multicall_entry {
            op: operation.hypercall() as Word,
            result: NOT_MADE,
            ..multicall_entry::ZERO
        };
        for (word, argument) in entry.args.iter_mut().zip(arguments) {
            *word = argument as Word;
        }
        self.entries[self.len] = entry;
        self.operations[self.len] = Some(operation);
        self.len += 1;
        Ok(())
    }

    fn operations(&self) -> impl Iterator<Item = Operation> {
        self.operations[..self.len].iter().copied().flatten()
    }

    /// Makes the calls. Each one's outcome is its own [`result`](Self::result): a call that Xen refuses
    /// does not stop those after it. To make them again, [clear](Self::clear) the batch and fill it anew:
    /// what Xen leaves in the arguments is not defined.
    ///
    /// Any domain may, as far as it may make the calls. Header: `xen/include/public/xen.h`.
    #[doc = gate_row!(__HYPERVISOR_multicall)]
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] for an entry that this Xen does not offer, in which case nothing was made;
    /// [`Error::PartialBatch`] where Xen stopped, with the number of calls that have a result.
    ///
    /// # Safety
    ///
    /// As for [`Conduit::hypercall`], for each of the calls, in their order.
    #[doc(alias = "HYPERVISOR_multicall")]
    #[doc(alias = "__HYPERVISOR_multicall")]
    pub unsafe fn make(&mut self, xen: &Xen<impl Conduit>) -> Result<Made> {
        let operation = Operation::__HYPERVISOR_multicall;
        for operation in self.operations() {
            xen.can(operation)?;
        }
        for entry in &mut self.entries[..self.len] {
            entry.result = NOT_MADE;
        }
        let address = self.entries.as_mut_ptr().expose_provenance();
        // SAFETY: the call reads and writes `len` entries, which are this batch's own and borrowed for it;
        // what the entries do is what the caller vouches for.
        match unsafe { xen.call_plain(operation, [address, self.len, 0, 0, 0]) } {
            Ok(answer) => {
                only_zero(operation, answer)?;
                let done = self.made();
                if done == self.len {
                    return Ok(Made::Together);
                }
                Err(self.partial(done, None))
            }
            Err(Error::Unsupported(_)) => {
                // SAFETY: the caller keeps the contract of these calls.
                unsafe { self.one_by_one(xen) };
                Ok(Made::OneByOne)
            }
            Err(Error::Refused { errno, .. }) => Err(self.partial(self.made(), Some(errno.into()))),
            Err(error) => Err(error),
        }
    }

    /// Makes each call on its own.
    ///
    /// # Safety
    ///
    /// As for [`make`](Self::make), and all operations are offered.
    #[cold]
    unsafe fn one_by_one(&mut self, xen: &Xen<impl Conduit>) {
        for entry in &mut self.entries[..self.len] {
            let [first, second, third, fourth, fifth, _] = entry.args;
            let arguments = [first, second, third, fourth, fifth].map(|word| word as usize);
            // SAFETY: the caller vouches for each of the calls.
            let answer = unsafe { xen.hypercall(entry.op as u32, arguments) };
            entry.result = answer as Word;
        }
    }

    /// How many calls from the start have a result.
    fn made(&self) -> usize {
        let entries = &self.entries[..self.len];
        let made = |entry: &&multicall_entry| entry.result != NOT_MADE;
        entries.iter().take_while(made).count()
    }

    fn partial(&self, done: usize, cause: Option<super::Cause>) -> Error {
        Error::PartialBatch {
            call: Self::CALL,
            done,
            total: self.len,
            cause,
        }
    }

    /// The raw result of a call: what it left in the result register, `None` for one that was not made.
    pub fn raw(&self, index: usize) -> Option<isize> {
        let result = self.entries[..self.len].get(index)?.result;
        (result != NOT_MADE).then_some(result as isize)
    }

    /// The result of a call whose answer is a C `int`, as most are.
    ///
    /// # Errors
    ///
    /// As [`Xen::call`] for that call: [`Error::Refused`], or [`Error::Unsupported`] where the answer says
    /// that it is not there after all; [`Error::Argument`] for an index that has no result.
    pub fn result(&self, xen: &Xen<impl Conduit>, index: usize) -> Result<usize> {
        self.decode(xen, index, |raw| raw as i32 as isize)
    }

    /// The result of a call whose answer is a C `long`, such as the number of a frame.
    ///
    /// # Errors
    ///
    /// As [`result`](Self::result).
    pub fn result_long(&self, xen: &Xen<impl Conduit>, index: usize) -> Result<usize> {
        self.decode(xen, index, |raw| raw)
    }

    fn decode(
        &self,
        xen: &Xen<impl Conduit>,
        index: usize,
        width: fn(isize) -> isize,
    ) -> Result<usize> {
        let missing = Error::Argument {
            call: Self::CALL,
            argument: "index",
            value: index as u64,
        };
        let raw = self.raw(index).ok_or(missing)?;
        let operation = self.operations[index].ok_or(missing)?;
        let answer = width(raw);
        usize::try_from(answer).map_err(|_| xen.refusal(operation, answer))
    }
}

impl<const N: usize> Default for Batch<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> core::fmt::Debug for Batch<N> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.operations()).finish()
    }
}

#[cfg(test)]
mod tests;
