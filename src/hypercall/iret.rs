//! `HYPERVISOR_iret`: how a PV guest's kernel goes to user mode, or back to what a trap or an event
//! has interrupted.
//!
//! A PV kernel does not run at the highest privilege, and the instruction that returns from an
//! interrupt can neither restore the flag for interrupts, which for a PV guest is the mask of
//! events, nor exchange the kernel's address space for that of user mode. This call does both at
//! once. It has no arguments in registers: Xen takes the frame from the stack. And it has no
//! answer, since the program goes on where the frame says. So no [`Conduit`](super::Conduit) makes
//! it; the conduits for PV guests have a function `iret` of their own, which takes a [`Context`]
//! with all registers.
//!
//! An HVM or ARM guest uses the processor's own instruction.
//!
//! The number is that of two other calls in Xen 3.0.0 and 3.0.1, which leave the kernel of an
//! x86_64 guest (`switch_to_user`) or enter virtual 8086 mode (`switch_vm86`); a guest that means
//! to run there asks [`Xen::can`](super::Xen::can) first.
#[doc = gate_row!(__HYPERVISOR_iret)]
pub use super::cpu::Context;
