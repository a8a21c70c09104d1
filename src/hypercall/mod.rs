//! Hypercalls: the ways to Xen, what the Xen at their end can do, and the calls.
//!
//! # The way
//!
//! A [`Conduit`] carries one hypercall to Xen and its answer back. On a processor it is a value that
//! stands for an instruction sequence and mostly has no size; those of the compile target are in [`cpu`].
//! Which one is used is a type parameter, so a kernel that boots in two modes holds two, and nothing is
//! decided by a cargo feature.
//!
//! | processor | conduit | guests | shown by |
//! |---|---|---|---|
//! | x86_64, x86_32 | `Page`: the stubs of the hypercall page | PV, PVH, HVM | real hypervisors (PV on x86_64 only), disassembly |
//! | x86_64 | `PvSyscall`: `syscall` | PV | a real hypervisor, disassembly |
//! | x86_32 | `PvInt82`: `int 0x82` | PV | disassembly only |
//! | x86_64, x86_32 | `Vmmcall`: `vmmcall`, on AMD's processors | PVH, HVM | real hypervisors, disassembly |
//! | x86_64, x86_32 | `Vmcall`: `vmcall`, on Intel's processors | PVH, HVM | disassembly only |
//! | x86_64, x86_32 | `HvmCall`: the one of these two that CPUID tells of | PVH, HVM | as these two |
//! | arm64, arm32 | `Hvc`: `hvc #0xEA1` | all | real hypervisors, disassembly |
//! | any with an ABI | `simulate::Simulated`, by the feature `simulate` | all | its own tests |
//!
//! A real hypervisor here is Xen under QEMU's emulation, which has no Intel virtualisation, and Debian's
//! Xen, which runs no 32-bit PV guests. A PVH or HVM guest finds Xen and has its page made by
//! `XenLeaves`. `HYPERVISOR_iret`, which does not come back, is no conduit's: the PV conduits have a
//! function `iret` of their own.
//!
//! # What it can do
//!
//! [`Xen::probe`] asks the hypervisor once, with questions that are harmless on every release: version,
//! features, capabilities. By the release and the kind of guest the [table of gates](crate::version) says
//! which [operations](crate::version::Operation) there are, and a few questions more which of them this
//! build left out. A version that is no release of Xen is a [`ProbeError`] and not a guess, because
//! 3.0.0 to 3.0.2 take a hypercall number above 31 for another call's.
//!
//! From then on a call begins with the test of one bit, and what is known to be missing is not called at
//! all. An answer that says "not there" is remembered: what happens at run time wins over the table.
//! [`Xen::can`] and [`Xen::plan`] tell beforehand, [`Xen::withhold`] forces an older way, and after a
//! migration [`Xen::resume`] asks again and reports what changed.
//!
//! # The calls
//!
//! Each hypercall has a module named after it, and each of its sub-ops a small function there, with typed
//! arguments, slices for batches, and its row of the table in its documentation. [`xen_version`] and
//! [`console_io`] compile for every target; the others where Xen has an ABI for it, those of PV
//! guests on x86 only, `domctl` and `sysctl` by the feature `toolstack` (`toolstack` is where to begin with
//! them: their structures differ from release to release, and the release is found at run time).
//!
//! Where a hypervisor lacks an operation that an older one can stand in for, the function takes the older
//! way by itself, and says so in its result where it makes a difference:
//!
//! ```
//! use xen_abi::hypercall::{Conduit, ProbeError, Xen, event_channel_op};
//! use xen_abi::xen_public::event_channel::EvtchnPort;
//! use xen_abi::xen_public::xen::DomId;
//!
//! /// A port for domain 1 to bind, whatever the way to Xen and its release.
//! fn open(way: impl Conduit) -> Result<EvtchnPort, ProbeError> {
//!     let xen = Xen::probe(way)?;
//!     let port = event_channel_op::alloc_unbound(&xen, DomId::SELF, DomId::new(1))?;
//!     event_channel_op::unmask(&xen, port)?;
//!     Ok(port)
//! }
//! ```
//!
//! What can break memory safety (mappings, page tables, pages that Xen goes on writing, addresses of code)
//! is `unsafe` with a contract. A safe function lets Xen read and write only what is borrowed for the call.
//!
//! # Cost
//!
//! A call is inlined to its instruction and the loads of the arguments it has. These are instructions
//! executed, in brackets the conditional branches among them, for a kernel at a fixed address; "C" is the
//! same call by inline assembly (the better of gcc 12 and clang), as it is right in a kernel without a red
//! zone. First the calls of a conduit, beside C:
//!
//! | call | traps, x86_64 | C | page, x86_64 | C | traps, x86_32 | C | page, x86_32 | C | arm64 | C | arm32 | C |
//! |---|---|---|---|---|---|---|---|---|---|---|---|---|
//! | send, its structure on the stack | 8 | 8 | 7 | 7 | 11 | 11 | 11 | 10 | 8 | 8 | 8 | 8 |
//! | copy | 7 | 7 | 5 | 6 | 8 | 8 | 10 | 7 | 6 | 6 | 6 | 6 |
//! | yield, block | 5 | 5 | 3 | 4 | 7 | 7 | 9 | 6 | 5 | 5 | 5 | 5 |
//!
//! The traps are `syscall`, `int 0x82`, `vmcall` and `vmmcall`. On x86_64 a stub of the page is called as a
//! function: where the linker knows the page's address, the instruction names the stub, and a call that is the
//! last thing to do is a jump. On x86_32 no calling convention fits, and assembly that serves any page
//! can't name one: the stub's address is loaded into a register first, and the stack of a function that has
//! nothing on it is aligned for the call, one instruction and two that C does without. Assembly that pushes,
//! as `call` does, has to leave the alignment to the compiler; that is Rust's rule.
//!
//! Then the functions that ask [`Xen`] first, beside C that looks at the answer only, and C that asks the same:
//!
//! | call | traps, x86_64 | C | C asks | page, x86_64 | C | C asks | arm64 | C | C asks |
//! |---|---|---|---|---|---|---|---|---|---|
//! | send | 16 (2) | 12 (1) | 16 (2) | 17 (2) | 11 (1) | 15 (2) | 16 (2) | 9 (1) | 12 (2) |
//! | copy, one entry | 13 (2) | 9 (1) | 11 (2) | 16 (2) | 8 (1) | 10 (2) | 11 (2) | 7 (1) | 9 (2) |
//! | copy, a list | 23 (2) | 9 (1) | 13 (2) | 24 (2) | 8 (1) | 12 (2) | 25 (2) | 8 (1) | 11 (2) |
//! | yield, block | 13 (2) | 8 (1) | 11 (2) | 16 (2) | 7 (1) | 10 (2) | 11 (2) | 6 (1) | 9 (2) |
//!
//! The gate is a load, a test and one branch, always taken the same way. A list of copies is held against the
//! length that every Xen takes in the same branch; C's is not. The rest is room for the error and registers
//! kept for what makes it. The tests hold every way of the four ABIs to these figures, but for a few
//! instructions of room in those of the second table.
//!
//! # What comes back
//!
//! An answer of Xen is foreign data like any other: counts are held against what was asked for, texts
//! must end, and what the ABI does not know is [`Error::Nonsense`]. Nothing panics. [`Error::Unsupported`]
//! tells apart whether the release, the kind of guest, a feature, the caller's mode or Xen's build is what
//! stands in the way ([`Why`]); [`Error::Refused`] has Xen's own error number; batches that
//! ended early say how far they came ([`Error::PartialBatch`]).
//!
//! With the feature `simulate` there is a hypervisor in memory for tests, `simulate`: of any release and for
//! any kind of guest, it answers what that one would and complains of calls that would do harm there.

mod error;
#[macro_use]
mod everywhere;

pub mod console_io;
pub mod xen_version;

cfg_if::cfg_if! {
    if #[cfg(any(
        target_arch = "x86",
        target_arch = "x86_64",
        target_arch = "arm",
        target_arch = "aarch64"
    ))] {
        mod native;

        pub mod argo_op;
        #[cfg(test)]
        mod call_tests;
        pub mod dm_op;
        #[cfg(feature = "toolstack")]
        pub mod domctl;
        pub mod event_channel_op;
        pub mod grant_table_op;
        pub mod hvm_op;
        pub mod hypfs_op;
        pub mod kexec_op;
        pub mod memory_op;
        pub mod multicall;
        pub mod physdev_op;
        pub mod platform_op;
        pub mod sched_op;
        pub mod set_timer_op;
        #[cfg(feature = "toolstack")]
        pub mod sysctl;
        pub mod tmem_op;
        #[cfg(feature = "toolstack")]
        pub mod toolstack;
        mod trials;
        pub mod vcpu_op;
        pub mod vm_assist;
        pub mod xsm_op;
    }
}

// What only x86 has, most of it for PV guests.
cfg_if::cfg_if! {
    if #[cfg(any(
        target_arch = "x86",
        all(target_arch = "x86_64", target_pointer_width = "64")
    ))] {
        pub mod callback_op;
        pub mod debugreg;
        pub mod fpu_taskswitch;
        pub mod iret;
        pub mod mca;
        pub mod mmu_update;
        pub mod mmuext_op;
        pub mod nmi_op;
        #[cfg(test)]
        mod pv_tests;
        pub mod set_callbacks;
        pub mod set_gdt;
        #[cfg(target_arch = "x86_64")]
        pub mod set_segment_base;
        pub mod set_trap_table;
        pub mod stack_switch;
        pub mod update_descriptor;
        pub mod update_va_mapping;
        pub mod xenoprof_op;
        pub mod xenpmu_op;
    }
}

#[cfg(test)]
#[allow(dead_code)]
mod fake;
mod probe;
mod xen;

#[cfg(all(
    any(test, feature = "simulate"),
    any(
        target_arch = "x86",
        target_arch = "x86_64",
        target_arch = "arm",
        target_arch = "aarch64"
    )
))]
pub mod simulate;

#[cfg(any(
    target_arch = "x86",
    target_arch = "arm",
    all(
        any(target_arch = "x86_64", target_arch = "aarch64"),
        target_pointer_width = "64"
    )
))]
mod arguments;
#[cfg(any(
    target_arch = "arm",
    all(target_arch = "aarch64", target_pointer_width = "64")
))]
mod arm;
#[cfg(any(
    target_arch = "x86",
    all(target_arch = "x86_64", target_pointer_width = "64")
))]
mod x86;

cfg_if::cfg_if! {
    if #[cfg(all(target_arch = "x86_64", target_pointer_width = "64"))] {
        pub mod x86_64;
        pub use x86_64 as cpu;
    } else if #[cfg(target_arch = "x86")] {
        pub mod x86_32;
        pub use x86_32 as cpu;
    } else if #[cfg(all(target_arch = "aarch64", target_pointer_width = "64"))] {
        pub mod arm64;
        pub use arm64 as cpu;
    } else if #[cfg(target_arch = "arm")] {
        pub mod arm32;
        pub use arm32 as cpu;
    } else {
        #[path = "elsewhere.rs"]
        pub mod cpu;
    }
}

pub use error::{Cause, Error, Result, Unsupported, Why};
pub use probe::{Changes, ProbeError};
pub use xen::{Known, Plan, Xen};
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
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no way to Xen",
    label = "this is no conduit",
    note = "the ways of x86_64, x86_32, arm64 and arm32 are in `xen_abi::hypercall::cpu`, on these processors only (x32 and ILP32 code has none)",
    note = "on another processor, implement `xen_abi::hypercall::Conduit` for a type of your own, or leave this code out with `#[cfg(target_arch = ...)]`",
    note = "for tests on any machine there is `xen_abi::hypercall::simulate`, by the feature `simulate`"
)]
#[allow(unsafe_code)]
pub unsafe trait Conduit {
    /// Makes the hypercall `number` with five arguments and returns what Xen left in the result
    /// register. Of a call that has fewer arguments, the others are not looked at, by Xen or before.
    ///
    /// That is the whole register, of 32 or 64 bits, and Xen does not fill it for every call: where
    /// Xen's function returns a C `int`, what stands above 32 bits is whatever was there. arm64's
    /// `physdev_op` of Xen 4.14 answers `-38` with `0x0000_0000_ffff_ffda`. A conduit can't tell, so
    /// whoever makes the call takes the lower 32 bits, sign-extended ([`int`]), of every answer but
    /// that of a call whose value may be wider: `get_debugreg`, and the sub-ops of `memory_op` that
    /// answer with a number of pages or of a frame.
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

/// The answer of a hypercall whose value is a C `int`, from what [`Conduit::hypercall`] returned: its
/// lower 32 bits, sign-extended.
///
/// ```
/// use xen_abi::hypercall::int;
///
/// assert_eq!(int(0xffff_ffda_u32 as isize), -38);
/// assert_eq!(int(7), 7);
/// ```
#[inline]
#[must_use]
pub const fn int(answer: isize) -> isize {
    answer as i32 as isize
}

// SAFETY: the same conduit, by another name.
#[allow(unsafe_code)]
unsafe impl<C: Conduit + ?Sized> Conduit for &C {
    #[inline(always)]
    unsafe fn hypercall(&self, number: u32, arguments: [usize; 5]) -> isize {
        // SAFETY: the caller keeps the contract of this same call.
        unsafe { C::hypercall(self, number, arguments) }
    }

    fn guest(&self) -> Option<Guest> {
        C::guest(self)
    }
}
