//! What the kernels have in common: the program they run, their pages, and how they end.
//!
//! A kernel ends itself with a hypercall that ends QEMU as well, for good and for bad: domain 0's
//! reboot resets an x86 machine (QEMU has `-no-reboot`), and its power-off switches an ARM machine
//! off. It works on every release without any device, and it is a hypercall under test itself. Being
//! the same for both, the status does not tell the verdict: the lines on the console do.
//!
//! Interrupts are few: Xen's for events, and on ARM the timer's, let in where one is expected. An exception is
//! a surprise: its handler writes a line `FAIL: exception ..` with the registers that matter, and ends the
//! kernel.

#[cfg(any(target_arch = "arm", target_arch = "aarch64"))]
mod arm;
#[cfg(target_arch = "arm")]
mod arm32;
#[cfg(target_arch = "aarch64")]
mod arm64;
#[cfg(any(target_arch = "arm", target_arch = "aarch64"))]
mod gic;
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
mod interrupts;
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
mod pvh;
mod translated;
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
mod x86;
#[cfg(target_arch = "x86")]
mod x86_32;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "arm")]
use arm32 as processor;
#[cfg(target_arch = "aarch64")]
use arm64 as processor;
#[cfg(any(target_arch = "arm", target_arch = "aarch64"))]
use gic as interrupts;
#[cfg(target_arch = "x86")]
use x86_32 as processor;
#[cfg(target_arch = "x86_64")]
use x86_64 as processor;

use core::cell::UnsafeCell;
use core::fmt;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use guests::machine::{Machine, PAGES, Page};
use guests::report::Report;
use guests::{checks, operations};
use xen_abi::hypercall::sched_op::{self, ShutdownReason};
use xen_abi::hypercall::{Conduit, Xen};
use xen_abi::xen_public::features::Features;
use xen_abi::xen_public::xen::PAGE_SIZE;

/// Pages in the kernel's own memory that nobody has a reference to.
#[repr(C, align(4096))]
struct Pages<const N: usize>(UnsafeCell<[Page; N]>);

// SAFETY: nobody gets more than the address of a page from this.
unsafe impl<const N: usize> Sync for Pages<N> {}

impl<const N: usize> Pages<N> {
    const fn new() -> Self {
        Self(UnsafeCell::new([Page([0; PAGE_SIZE]); N]))
    }

    /// The address of the page of this index, if there are as many.
    fn page(&self, index: usize) -> Option<NonNull<Page>> {
        let first = NonNull::new(self.0.get().cast::<Page>())?;
        // SAFETY: the page is one of the `N` of this object.
        (index < N).then(|| unsafe { first.add(index) })
    }
}

/// The pages that are given away one by one.
static POOL: Pages<PAGES> = Pages::new();

/// A page of the pool that was not given away before.
fn pool_page() -> Option<NonNull<Page>> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    POOL.page(NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The way to Xen, with what a probe finds there.
fn known() -> Xen<processor::Way> {
    match Xen::probe(processor::way()) {
        Ok(known) => known,
        Err(error) => die(format_args!("probe: {error}")),
    }
}

/// What all kernels ask by the way to Xen that they have: `way` is its name, `needed` are the
/// features that this kind of domain 0 relies on, and `others` those of other kinds.
fn ask<'a, M: Machine>(
    machine: &'a M,
    report: &mut Report<'a, M::Way>,
    way: &str,
    needed: Features,
    others: Features,
) {
    let (xen, command_line) = (machine.xen(), machine.command_line());
    checks::version(xen, report, command_line);
    checks::features(xen, report, needed, others);
    checks::unknown_hypercall(xen, report, way);
    checks::five_arguments(xen, report, way, command_line);
    checks::machine(machine, report);
    operations::run(machine, report);
}

/// Writes the verdict, or does what `end=` on the command line says instead, and ends the kernel.
fn finish<M: Machine>(machine: &M, mut report: Report<'_, M::Way>) -> ! {
    match checks::argument(machine.command_line(), "end") {
        None => _ = report.verdict(),
        Some("silence") => report.say(format_args!("keeping silent as told")),
        Some("panic") => panic!("as told"),
        Some("hang") => {
            report.say(format_args!("hanging as told"));
            stand_still()
        }
        Some("fault") => {
            report.say(format_args!("faulting as told"));
            processor::fault()
        }
        Some("watchdog") => {
            report.say(format_args!("ending otherwise as told"));
            end(machine.xen(), ShutdownReason::WATCHDOG)
        }
        Some(other) => report.fail(format_args!("no such end={other}")),
    }
    end(machine.xen(), processor::END)
}

/// Ends the domain, and the machine with it, or stands still if Xen does not let it.
fn end(xen: &impl Conduit, reason: ShutdownReason) -> ! {
    match Xen::probe(xen) {
        Ok(known) => {
            if let Err(error) = sched_op::shutdown(&known, reason) {
                Report::new(xen).fail(format_args!("shutdown: {error}"));
            }
        }
        Err(error) => Report::new(xen).fail(format_args!("probe: {error}")),
    }
    stand_still()
}

fn stand_still() -> ! {
    loop {
        core::hint::spin_loop();
    }
}

/// Reports what no kernel survives, and ends. A second time, while the first is reported, there is
/// nothing left to do.
fn die(reason: fmt::Arguments<'_>) -> ! {
    static DYING: AtomicBool = AtomicBool::new(false);
    if DYING.swap(true, Ordering::Relaxed) {
        stand_still();
    }
    let xen = processor::way();
    Report::new(&xen).fail(reason);
    end(&xen, processor::END)
}

/// A panic is a surprise like any other.
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    die(format_args!("{info}"))
}
