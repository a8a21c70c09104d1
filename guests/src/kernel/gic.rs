//! The interrupt controller of an ARM domain 0: version 2, as Xen shows it, with the two interrupts that the
//! kernels take.
//!
//! Both are the processor's own: the upcall, which Xen raises when it sets `evtchn_upcall_pending`, and the
//! virtual timer's, which the processor raises (Xen, while it sleeps) at the time that it was set to. The
//! processor keeps interrupts out but where it is told to let them in, and where `SCHEDOP_block` does; the
//! handler takes all that wait, counts them, and keeps out what comes next.
//!
//! Xen's emulation of the registers reads the access from the processor's report of the fault, which is there
//! for plain loads and stores of one register alone: the processors' files have them.

use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use guests::device_tree::Told;
use guests::machine::Callback;

use super::{die, processor};

/// The distributor's switch, and the first of its words of interrupts that are let through.
const DISTRIBUTOR_CONTROL: usize = 0x000;
const SET_ENABLE: usize = 0x100;
/// The processor interface's switch, the priority from which on nothing comes through, the interrupt to be
/// taken, and where it is told that one is done with.
const INTERFACE_CONTROL: usize = 0x00;
const PRIORITY_MASK: usize = 0x04;
const ACKNOWLEDGE: usize = 0x0c;
const END: usize = 0x10;
/// The interrupt's number, among what stands in the acknowledged word.
const NUMBER: u32 = 0x3ff;
/// From here on numbers stand for no interrupt that could be taken; the last one says that none waits.
const SPECIAL: u32 = 1020;

/// How Xen interrupts these kernels.
pub(super) fn callback() -> Callback {
    Callback::Interrupt(UPCALL.load(Ordering::Relaxed))
}

static INTERFACE: AtomicUsize = AtomicUsize::new(0);
static UPCALL: AtomicU32 = AtomicU32::new(0);
static TIMER: AtomicU32 = AtomicU32::new(0);
static UPCALLS: AtomicU32 = AtomicU32::new(0);
static ALARMS: AtomicU32 = AtomicU32::new(0);

/// Lets the two interrupts through to the processor, which still keeps them out.
///
/// # Safety
///
/// The controller's registers are mapped as those of a device at the addresses that the tree tells. The
/// processor's vector for interrupts leads to [`handle`]. It is done once.
pub(super) unsafe fn start(told: &Told<'_>) {
    INTERFACE.store(told.interface.start, Ordering::Relaxed);
    UPCALL.store(told.upcall, Ordering::Relaxed);
    TIMER.store(told.timer, Ordering::Relaxed);
    let both = 1 << told.upcall | 1 << told.timer;
    let distributor = |register| told.distributor.start + register;
    let interface = |register| told.interface.start + register;
    for (register, value) in [
        (distributor(SET_ENABLE), both),
        (distributor(DISTRIBUTOR_CONTROL), 1),
        (interface(PRIORITY_MASK), 0xff),
        (interface(INTERFACE_CONTROL), 1),
    ] {
        // SAFETY: it is one of the controller's registers, by the caller's word; what interrupts come is
        // handled.
        unsafe { processor::store(register, value) };
    }
}

/// How many upcalls have been taken.
pub(super) fn upcalls() -> u32 {
    UPCALLS.load(Ordering::Relaxed)
}

/// How many of the timer's interrupts have been taken.
pub(super) fn alarms() -> u32 {
    ALARMS.load(Ordering::Relaxed)
}

/// What the vector for interrupts calls, with interrupts kept out.
pub(super) extern "C" fn handle() {
    let interface = INTERFACE.load(Ordering::Relaxed);
    loop {
        // SAFETY: interrupts come through after `start` alone, whose caller vouches for the registers.
        let taken = unsafe { processor::load(interface + ACKNOWLEDGE) };
        let number = taken & NUMBER;
        if number >= SPECIAL {
            return;
        }
        if number == UPCALL.load(Ordering::Relaxed) {
            UPCALLS.fetch_add(1, Ordering::Relaxed);
        } else if number == TIMER.load(Ordering::Relaxed) {
            // It would ring on and on.
            processor::set_timer(None);
            ALARMS.fetch_add(1, Ordering::Relaxed);
        } else {
            die(format_args!("interrupt {number}"));
        }
        // SAFETY: as above.
        unsafe { processor::store(interface + END, taken) };
    }
}
