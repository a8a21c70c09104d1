//! The machine of a guest whose memory Xen translates: PVH and ARM.
//!
//! The windows and the shared page stand in a hole of the domain's physical addresses, where there is
//! neither memory nor a device; the kernel's page tables map it at the same virtual addresses, with
//! nothing behind them until Xen puts something there.

use core::cell::Cell;
use core::ptr::NonNull;

use guests::machine::{Callback, Machine, Page, WINDOWS, Window};
use xen_abi::hypercall::memory_op::{Space, add_to_physmap};
use xen_abi::hypercall::{Conduit, Result, Xen};
use xen_abi::version::Guest;
use xen_abi::xen_public::xen::{DomId, Gfn, PAGE_SHIFT, PAGE_SIZE};

use super::{interrupts, pool_page, processor};

/// How many pages of the hole are used: the windows, and behind them the shared page.
pub(super) const HOLE_PAGES: usize = WINDOWS + 1;

/// A guest whose memory Xen translates.
pub(super) struct Translated<C> {
    xen: Xen<C>,
    guest: Guest,
    command_line: &'static str,
    /// How far the kernel's virtual addresses are above its physical ones, modulo the size of the
    /// address space.
    above: usize,
    hole: usize,
    shared: Cell<Option<NonNull<u8>>>,
}

impl<C> Translated<C> {
    /// # Safety
    ///
    /// The kernel's virtual addresses are its physical ones plus `above`. At `hole`, an address of a
    /// page, are [`HOLE_PAGES`] pages of physical addresses without anything behind them, mapped at
    /// the same virtual addresses for reading and writing, for nobody else's use.
    pub(super) const unsafe fn new(
        xen: Xen<C>,
        guest: Guest,
        command_line: &'static str,
        above: usize,
        hole: usize,
    ) -> Self {
        Self {
            xen,
            guest,
            command_line,
            above,
            hole,
            shared: Cell::new(None),
        }
    }
}

// SAFETY: pages come from the pool, which gives each once; address and frame differ by what `new`
// was told, and the windows are pages of the hole.
unsafe impl<C: Conduit> Machine for Translated<C> {
    type Way = C;

    fn xen(&self) -> &C {
        self.xen.conduit()
    }

    fn guest(&self) -> Guest {
        self.guest
    }

    fn command_line(&self) -> &str {
        self.command_line
    }

    fn page(&self) -> Option<NonNull<Page>> {
        pool_page()
    }

    fn frame(&self, address: usize) -> u64 {
        (address.wrapping_sub(self.above) >> PAGE_SHIFT) as u64
    }

    fn window(&self, index: usize) -> Option<Window> {
        let address = self.hole + index.checked_mul(PAGE_SIZE)?;
        (index < WINDOWS).then_some(Window {
            address,
            frame: Some((address >> PAGE_SHIFT) as u64),
        })
    }

    fn shared_info(&self) -> Result<NonNull<u8>> {
        if let Some(shared) = self.shared.get() {
            return Ok(shared);
        }
        let address = self.hole + WINDOWS * PAGE_SIZE;
        let frame = Gfn::new((address >> PAGE_SHIFT) as u64);
        // SAFETY: by `new`'s contract, nothing is there where the shared page comes, and nobody else puts
        // anything there.
        unsafe { add_to_physmap(&self.xen, DomId::SELF, Space::SharedInfo, frame) }?;
        let shared = NonNull::new(core::ptr::with_exposed_provenance_mut(address))
            .expect("the hole is not at address 0");
        self.shared.set(Some(shared));
        Ok(shared)
    }

    fn callback(&self) -> Option<Callback> {
        Some(interrupts::callback())
    }

    fn let_in(&self) {
        processor::let_in();
    }

    fn keep_out(&self) {
        processor::keep_out();
    }

    fn upcalls(&self) -> u32 {
        interrupts::upcalls()
    }

    #[cfg(any(target_arch = "arm", target_arch = "aarch64"))]
    fn set_alarm(&self, ticks: Option<u64>) -> bool {
        processor::set_timer(ticks.map(|ticks| processor::ticks().wrapping_add(ticks)));
        true
    }

    #[cfg(any(target_arch = "arm", target_arch = "aarch64"))]
    fn alarms(&self) -> u32 {
        interrupts::alarms()
    }

    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    fn own_vector(&self) -> Option<u8> {
        interrupts::own_vector()
    }

    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    fn ended(&self) -> u32 {
        interrupts::ended()
    }

    fn ticks(&self) -> u64 {
        processor::ticks()
    }

    fn ticks_per_second(&self) -> u64 {
        processor::ticks_per_second(self)
    }
}
