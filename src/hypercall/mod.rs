//! Hypercalls: the way to Xen, and the calls that go over it.
//!
//! A *conduit* is the way a hypercall takes. On a processor it is a zero-sized value that stands
//! for an instruction sequence
#![cfg_attr(
    all(target_arch = "x86_64", target_pointer_width = "64"),
    doc = "([`x86_64`]),"
)]
#![cfg_attr(
    not(all(target_arch = "x86_64", target_pointer_width = "64")),
    doc = "(so far those of x86_64),"
)]
//! in tests a hypervisor in memory
#![cfg_attr(any(test, feature = "simulate"), doc = "([`simulate`]).")]
#![cfg_attr(
    not(any(test, feature = "simulate")),
    doc = "(`simulate`, by feature)."
)]
//! Which one is chosen is a type parameter, so a kernel that boots in two modes holds two, and
//! nothing is decided by a cargo feature.
//!
//! The calls are small functions in modules named after the hypercall: [`xen_version`],
//! [`console_io`], [`sched_op`]. Each takes a conduit, makes one hypercall and turns the answer
//! into a typed result. An answer outside of what the ABI allows is an [`Error`] too: nothing is
//! guessed and nothing panics, because what a hypervisor answers is foreign data like any other.
//!
//! ```
//! use xen_abi::hypercall::{Conduit, Error, console_io, xen_version};
//!
//! /// Runs on whatever way to Xen its caller has.
//! fn greet(xen: &impl Conduit) -> Result<(), Error> {
//!     if xen_version::version(xen)?.major >= 4 {
//!         console_io::write(xen, b"hello from a guest\n")?;
//!     }
//!     Ok(())
//! }
//! ```

mod error;
#[macro_use]
mod everywhere;

pub mod console_io;
pub mod sched_op;
pub mod xen_version;

#[cfg(any(test, feature = "simulate"))]
pub mod simulate;
#[cfg(all(target_arch = "x86_64", target_pointer_width = "64"))]
pub mod x86_64;

pub use error::{Error, Result};
pub use xen_public::errno::Errno;

use crate::version::Guest;

/// A way to Xen: carries one hypercall there and its answer back.
///
/// Values are cheap to pass by reference and usually have no size. Making one is where a program
/// vouches that the way leads to a hypervisor (see the constructors); from there on the functions
/// of this module are safe to call.
///
/// # Safety
///
/// An implementation hands number and arguments to Xen, or to something that behaves like Xen,
/// unaltered and exactly once. It reads and writes only the memory which the ABI gives to that
/// call, and it keeps no pointer longer than the ABI says Xen does.
#[allow(unsafe_code)]
pub unsafe trait Conduit {
    /// Makes the hypercall `number` with five arguments and returns what Xen left in the result
    /// register, sign-extended. A call with fewer arguments has zeros in the others, which Xen
    /// does not look at.
    ///
    /// A pointer argument is an address made by `expose_provenance`, since Xen reads and writes
    /// there without Rust's knowledge.
    ///
    /// # Safety
    ///
    /// The caller knows the call and keeps what the ABI asks of it: each pointer argument holds
    /// the address of memory that is valid for the reads and writes the call makes there, for as
    /// long as it makes them, and whatever else the call changes (mappings, page tables, grants,
    /// the life of the domain) breaks no promise that other code relies on. A call that does not
    /// come back as a function does (`HYPERVISOR_iret`) can't be made this way.
    unsafe fn hypercall(&self, number: u32, arguments: [usize; 5]) -> isize;

    /// The kind of guest that this way belongs to, if it belongs to one only: `syscall` to PV, `hvc`
    /// to ARM. A hypercall page serves PV and HVM, and Xen's features tell which it is.
    fn guest(&self) -> Option<Guest> {
        None
    }
}

// SAFETY: the same conduit, by another name.
#[allow(unsafe_code)]
unsafe impl<C: Conduit + ?Sized> Conduit for &C {
    #[inline]
    unsafe fn hypercall(&self, number: u32, arguments: [usize; 5]) -> isize {
        // SAFETY: the caller keeps the contract of this same call.
        unsafe { C::hypercall(self, number, arguments) }
    }

    fn guest(&self) -> Option<Guest> {
        C::guest(self)
    }
}
