//! What a kernel offers to the program that runs on it: a few pages, places to map foreign frames,
//! the page that Xen shares with the domain, and a clock.
//!
//! Each kernel implements [`Machine`]. Xen writes `evtchn_upcall_pending` and `evtchn_pending` in the shared
//! page, or the event words of FIFO channels, whether or not the domain takes upcalls; whoever waits for
//! them does so with an end, by [`Machine::ticks`]. A kernel that takes upcalls says so by
//! [`Machine::callback`]: Xen then interrupts it where it has let one in, and [`Machine::upcalls`] counts.

use core::ptr::NonNull;

use xen_abi::hypercall::{Conduit, Result};
use xen_abi::version::Guest;
use xen_abi::xen_public::xen::PAGE_SIZE;

/// How many free pages each kernel has.
pub const PAGES: usize = 64;
/// How many windows each kernel has.
pub const WINDOWS: usize = 16;

/// A page of memory, aligned as Xen wants it.
#[derive(Clone, Copy)]
#[repr(C, align(4096))]
pub struct Page(pub [u8; PAGE_SIZE]);

/// A place for a frame that is not the kernel's own: a page of addresses without memory of its own
/// behind it.
///
/// What `GNTTABOP_map_grant_ref` takes as `host_addr` is [`address`](Self::address) for every kind
/// of kernel, because addresses below a window are the same before and after the page tables.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// The virtual address; on guests whose memory Xen translates, the physical one as well.
    pub address: usize,
    /// The guest frame number, for `XENMEM_add_to_physmap` and the like; `None` on PV, where a
    /// page is put into the window by its page table entry.
    pub frame: Option<u64>,
}

/// How Xen interrupts a kernel for an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Callback {
    /// By entering a PV kernel at this address, which is to be registered.
    Entry(usize),
    /// By this vector of a PVH kernel's interrupt table, which is to be set.
    Vector(u8),
    /// By the private interrupt of this number, which Xen itself has chosen and the kernel has let through
    /// its controller: on ARM.
    Interrupt(u32),
}

/// A domain with one virtual processor, seen by the program that runs in it.
///
/// # Safety
///
/// What the functions return is true: a page belongs to the caller alone and is never returned
/// twice, its frame is the one that Xen knows it by, and a window is a page of addresses which
/// nothing else uses and behind which there is no memory until somebody maps some.
pub unsafe trait Machine {
    /// The way to Xen.
    type Way: Conduit;

    /// The way to Xen.
    fn xen(&self) -> &Self::Way;

    /// The kind of guest that this is.
    fn guest(&self) -> Guest;

    /// Whether this is a domain of a real hypervisor, which carries out what it has. A simulated one
    /// does not play page tables, devices or a toolstack's calls.
    fn real(&self) -> bool {
        cfg!(kernel)
    }

    /// What only the kernel of a PV guest has.
    fn paravirtual(&self) -> Option<&dyn Paravirtual> {
        None
    }

    /// The kernel's command line.
    fn command_line(&self) -> &str;

    /// A free page filled with zeros, of [`PAGES`] that there are; `None` when they are used up.
    fn page(&self) -> Option<NonNull<Page>>;

    /// The number by which Xen knows the frame below an address of the kernel's own memory: the
    /// machine frame on PV, the guest frame everywhere else.
    fn frame(&self, address: usize) -> u64;

    /// Takes a page out of the kernel's own mapping where it would otherwise keep the frame from going
    /// back to Xen: on PV.
    ///
    /// # Errors
    ///
    /// What Xen answered.
    ///
    /// # Safety
    ///
    /// Nobody uses the page until [`occupy`](Self::occupy) has given it memory again.
    unsafe fn vacate(&self, _page: NonNull<Page>) -> Result<()> {
        Ok(())
    }

    /// Puts the frame that Xen gave in place of a page's own there, and returns where the page is now.
    ///
    /// # Errors
    ///
    /// What Xen answered.
    ///
    /// # Safety
    ///
    /// The page's own frame was given back to Xen, and Xen gave this one for it, for nobody else.
    unsafe fn occupy(&self, page: NonNull<Page>, _frame: u64) -> Result<NonNull<Page>> {
        Ok(page)
    }

    /// A window, of [`WINDOWS`] that there are; `None` for a greater index. What was mapped there
    /// before stays mapped.
    fn window(&self, index: usize) -> Option<Window>;

    /// The memory behind a window that something is mapped to; `None` if nothing is.
    ///
    /// A kernel can't tell: the address is the window's own, and looking there while nothing is
    /// mapped is an exception.
    fn behind(&self, window: Window) -> Option<NonNull<Page>> {
        NonNull::new(core::ptr::with_exposed_provenance_mut(window.address))
    }

    /// An address at which the domain has no memory, aligned to a page.
    fn nowhere(&self) -> usize {
        let last = self.window(WINDOWS - 1);
        last.map_or(usize::MAX & !(PAGE_SIZE - 1), |window| window.address)
    }

    /// The page that Xen shares with the domain. The first call maps it.
    ///
    /// # Errors
    ///
    /// What Xen answered when it was mapped.
    fn shared_info(&self) -> Result<NonNull<u8>>;

    /// How Xen interrupts the kernel for an event, if the kernel takes upcalls at all. The handler is ready
    /// after this; whether Xen has to be told of it depends on the way.
    fn callback(&self) -> Option<Callback> {
        None
    }

    /// Lets one upcall in: the processor is interrupted as soon as Xen has an event for it. The handler
    /// counts it, touches no event, and keeps out what comes next. On PV the processor lets everything
    /// in, and `evtchn_upcall_mask` keeps it out.
    fn let_in(&self) {}

    /// Keeps upcalls out, as they are kept out in the beginning.
    fn keep_out(&self) {}

    /// How often Xen has interrupted the kernel for an event.
    fn upcalls(&self) -> u32 {
        0
    }

    /// Sets the processor's own timer to so many ticks from now, or stops it; whether there is such a timer:
    /// on ARM. Its interrupt wakes a processor that sleeps, and is let in and kept out as upcalls are.
    fn set_alarm(&self, _ticks: Option<u64>) -> bool {
        false
    }

    /// How often that timer has interrupted the kernel.
    fn alarms(&self) -> u32 {
        0
    }

    /// The vector of this processor's own at which a PVH kernel takes an interrupt for events that it ends
    /// at the local APIC, which is on after this.
    fn own_vector(&self) -> Option<u8> {
        None
    }

    /// How often such an interrupt was ended. They are let in and kept out as upcalls are, but not counted
    /// among them.
    fn ended(&self) -> u32 {
        0
    }

    /// A clock that never stops and never goes back.
    fn ticks(&self) -> u64;

    /// How many ticks the clock makes in a second, roughly.
    fn ticks_per_second(&self) -> u64;
}

/// The vector of the software interrupt that [`Paravirtual::interrupt`] raises: the one to which Xen leads
/// straight. It emulates others, after a fault that QEMU 7.2 reports with the wrong vector.
pub const SOFTWARE_INTERRUPT: u8 = 0x80;

/// What only the kernel of a PV guest has: page tables that it reads and Xen writes, and a processor that
/// Xen has a hand in.
///
/// # Safety
///
/// What the functions return is true, and the handler can be entered as one.
pub unsafe trait Paravirtual {
    /// The machine frame of the top-level page table in use.
    fn base(&self) -> u64;

    /// The machine address of the lowest page table's entry for an address, and what it holds; `None`
    /// where there is no such table.
    fn entry(&self, address: usize) -> Option<(u64, u64)>;

    /// Which of the domain's frames a machine frame is, by the table that Xen shows.
    fn physical(&self, frame: u64) -> u64;

    /// The handler of [`SOFTWARE_INTERRUPT`]: selector and address.
    fn handler(&self) -> (u16, usize);

    /// Raises [`SOFTWARE_INTERRUPT`], whose handler is set; how often the handler has run.
    fn interrupt(&self) -> u32;

    /// The first word of the memory that fs begins at, which is mapped.
    fn word_by_fs(&self) -> u64;

    /// The first word of the memory that gs begins at, which is mapped.
    fn word_by_gs(&self) -> u64;

    /// Leaves for a place in the kernel by `HYPERVISOR_iret`, with a stack in this page, in both ways that
    /// there are: what was not as told, by the name of the way.
    fn iret(
        &self,
        room: NonNull<Page>,
    ) -> [(&'static str, core::result::Result<(), &'static str>); 2];
}

/// The frequency of the processor's time stamp counter, in hertz, by the conversion factors that Xen
/// shows in a `vcpu_time_info` (`tsc_to_system_mul` and `tsc_shift`, `xen/include/public/xen.h`): a
/// tick, shifted left by `shift` (right if it is negative), times `factor` / 2^32 is a nanosecond.
/// `None` for factors that make no sense.
pub fn tsc_frequency(factor: u32, shift: i8) -> Option<u64> {
    let hertz = (1_000_000_000_u64 << 32).checked_div(factor.into())?;
    if shift < 0 {
        hertz.checked_mul(1_u64.checked_shl(shift.unsigned_abs().into())?)
    } else {
        hertz.checked_shr(shift.unsigned_abs().into())
    }
    .filter(|&hertz| hertz > 0)
}

/// A machine on the host, for tests: its hypervisor is the simulated one.
#[cfg(test)]
pub(crate) mod host {
    use super::*;
    use std::cell::Cell;
    use xen_abi::hypercall::Error;
    use xen_abi::hypercall::simulate::Simulated;
    use xen_abi::xen_public::errno::Errno;

    /// The machine, and what is to be wrong with it.
    pub(crate) struct Host {
        xen: Simulated,
        taken: Cell<usize>,
        ticks: Cell<u64>,
        shared_page: NonNull<Page>,
        /// How many pages there are.
        pub(crate) pages: usize,
        /// What they are filled with.
        pub(crate) fill: u8,
        /// Whether all have one frame.
        pub(crate) same_frame: bool,
        /// How many windows there are.
        pub(crate) windows: usize,
        /// The shared page's first byte, or why it can't be mapped.
        pub(crate) shared: Result<u8>,
        /// Whether the clock stands.
        pub(crate) stopped: bool,
    }

    fn leaked(fill: u8) -> NonNull<Page> {
        NonNull::from(Box::leak(Box::new(Page([fill; PAGE_SIZE]))))
    }

    impl Host {
        pub(crate) fn new(xen: Simulated) -> Self {
            Self {
                xen,
                taken: Cell::new(0),
                ticks: Cell::new(0),
                shared_page: leaked(0),
                pages: PAGES,
                fill: 0,
                same_frame: false,
                windows: WINDOWS,
                shared: Ok(0),
                stopped: false,
            }
        }

        /// An answer that Xen could give.
        pub(crate) fn refused(&self) -> Error {
            Error::Refused {
                call: "XENMEM_add_to_physmap",
                errno: Errno::EINVAL,
            }
        }
    }

    // SAFETY: pages are leaked boxes, each returned once; the numbers of frames and windows are made
    // up, and lead nowhere else because the simulated hypervisor maps nothing.
    unsafe impl Machine for Host {
        type Way = Simulated;

        fn xen(&self) -> &Simulated {
            &self.xen
        }

        fn guest(&self) -> Guest {
            Guest::Hvm
        }

        fn command_line(&self) -> &str {
            "expect=any"
        }

        fn page(&self) -> Option<NonNull<Page>> {
            self.taken.set(self.taken.get() + 1);
            (self.taken.get() <= self.pages).then(|| leaked(self.fill))
        }

        fn frame(&self, address: usize) -> u64 {
            if self.same_frame {
                1
            } else {
                (address / PAGE_SIZE) as u64
            }
        }

        fn window(&self, index: usize) -> Option<Window> {
            (index < self.windows).then_some(Window {
                address: (index + 1) * PAGE_SIZE,
                frame: Some(index as u64 + 1),
            })
        }

        fn shared_info(&self) -> Result<NonNull<u8>> {
            let shared = self.shared_page.cast();
            self.shared.map(|byte| {
                // SAFETY: the page is this machine's own.
                unsafe { shared.write(byte) };
                shared
            })
        }

        fn ticks(&self) -> u64 {
            if !self.stopped {
                self.ticks.set(self.ticks.get() + 1);
            }
            self.ticks.get()
        }

        fn ticks_per_second(&self) -> u64 {
            1_000
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_of_the_time_stamp_counter_are_a_frequency() {
        assert_eq!(tsc_frequency(1 << 31, 0), Some(2_000_000_000));
        assert_eq!(tsc_frequency(1 << 31, -1), Some(4_000_000_000));
        assert_eq!(tsc_frequency(1 << 31, 1), Some(1_000_000_000));
        assert_eq!(tsc_frequency(0, 0), None);
        assert_eq!(tsc_frequency(1, -128), None);
        assert_eq!(tsc_frequency(u32::MAX, 127), None);
    }
}
