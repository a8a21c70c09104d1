//! How the x86_64 kernel starts as a PV guest, and what it has there.
//!
//! Xen's domain builder loads the kernel at 1 MB (`x86.ld`), maps it, fills the hypercall page and
//! enters at `_start` in 64-bit mode with the address of `start_info` in rsi
//! (`xen/include/public/xen.h`).
//!
//! What the kernel maps it maps over pages of its own memory: page tables for them are there, and
//! `HYPERVISOR_update_va_mapping` and grant mappings replace their entries. Xen masks further upcalls as it
//! enters for an event, and the entry does nothing but count and return: they stay masked.

use core::arch::global_asm;
use core::cell::Cell;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering};

use guests::machine::{self, Callback, Machine, Paravirtual, WINDOWS, Window};
use guests::report::Report;
use guests::{checks, start_info};
use xen_abi::hypercall::cpu::PvSyscall;
use xen_abi::hypercall::update_va_mapping::{Flush, Processors, update};
use xen_abi::hypercall::{Result, Xen};
use xen_abi::version::Guest;
use xen_abi::xen_public::features::Features;
use xen_abi::xen_public::xen::{PAGE_SHIFT, StartInfoX86_64};

use super::super::{Pages, ask, finish, known, pool_page, x86};
use super::{Way, memory, traps, way};

global_asm!(
    r#"
    .pushsection .text.entry, "ax", @progbits
    .global _start
_start:
    cld
    lea rsp, [rip + boot_stack_end]
    xor ebp, ebp
    mov rdi, rsi
    call {start}
    ud2
    .popsection

    # Xen pushes rcx and r11 above the frame, masks further upcalls, and names the segment of its own
    # ring: the kernel's is 3.
    .pushsection .text.event, "ax", @progbits
    .global event_entry
event_entry:
    lock inc dword ptr [rip + {upcalls}]
    pop rcx
    pop r11
    or qword ptr [rsp + 8], 3
    iretq
    .popsection

    "#,
    start = sym start,
    upcalls = sym UPCALLS,
);

/// How often Xen has entered for events.
static UPCALLS: AtomicU32 = AtomicU32::new(0);

unsafe extern "C" {
    /// Where the linker script ends the kernel's memory.
    #[link_name = "kernel_end"]
    static KERNEL_END: u8;
    /// Where Xen enters for events.
    #[link_name = "event_entry"]
    static EVENT_ENTRY: u8;
}

/// The kernel, on its own stack.
extern "C" fn start(start_info: *const StartInfoX86_64) -> ! {
    let xen = way();
    let mut report = Report::new(&xen);
    if let Err(error) = traps::handle_by_xen(&known()) {
        report.fail(format_args!("{error}"));
    }
    // SAFETY: Xen enters with the address of a start info in a page of this domain's, aligned to
    // the page. It wrote it before, and nothing writes it now. All bit patterns are values of it.
    let info = unsafe { start_info.read() };
    let command_line = core::str::from_utf8(info.command_line()).unwrap_or_default();

    start_info::say(&info, &mut report);
    let kernel_end = (&raw const KERNEL_END).addr() as u64;
    start_info::check(&info, start_info.addr() as u64, kernel_end, &mut report);
    // SAFETY: this is the start info, and the kernel has changed nothing.
    unsafe { memory::check(&info, &mut report) };

    let machine = Pv {
        xen: known(),
        info: &info,
        command_line,
        shared: Cell::new(None),
        emptied: Cell::new(0),
    };
    // SAFETY: this is the kernel of a PV guest.
    let direct = unsafe { PvSyscall::new() };
    ask(&machine, &mut report, "hypercall page", NEEDED, OTHERS);
    // SAFETY: this is the start info, and what became of the frames since stands in its list.
    unsafe { memory::check(&info, &mut report) };
    checks::same_xen(&xen, &direct, &mut report, "syscall");
    checks::unknown_hypercall(&direct, &mut report, "syscall");
    checks::five_arguments(&direct, &mut report, "syscall", command_line);
    finish(&machine, report)
}

/// The pages whose addresses are the windows, and one for the shared page.
static PLACES: Pages<{ WINDOWS + 1 }> = Pages::new();

/// The machine of a PV guest.
pub(super) struct Pv<'a> {
    xen: Xen<Way>,
    pub(super) info: &'a StartInfoX86_64,
    command_line: &'a str,
    shared: Cell<Option<NonNull<u8>>>,
    /// The windows, a bit each, whose own page was taken away.
    emptied: Cell<u32>,
}

/// What a page table entry says of a page: present, writable, accessed, dirty.
const FLAGS: u64 = 0x63;

const _: () = assert!(WINDOWS <= u32::BITS as usize);

impl Pv<'_> {
    /// Sets the page table entry of one of the [`PLACES`].
    fn map(&self, index: usize, entry: u64) -> Result<NonNull<machine::Page>> {
        let page = PLACES.page(index).expect("one of the places");
        self.enter(page, entry).map(|()| page)
    }

    /// Sets the page table entry of one of the kernel's pages.
    fn enter(&self, page: NonNull<machine::Page>, entry: u64) -> Result<()> {
        let flush = Flush::Address(Processors::Local);
        // SAFETY: nobody has a reference to what was mapped at the page.
        unsafe { update(&self.xen, page.addr().get(), entry, flush) }
    }
}

// SAFETY: pages come from the pool, which gives each once; Xen's list has their frames, and the
// windows are pages whose mapping was taken away.
unsafe impl Machine for Pv<'_> {
    type Way = Way;

    fn xen(&self) -> &Self::Way {
        self.xen.conduit()
    }

    fn guest(&self) -> Guest {
        Guest::Pv
    }

    fn paravirtual(&self) -> Option<&dyn Paravirtual> {
        Some(self)
    }

    fn command_line(&self) -> &str {
        self.command_line
    }

    fn page(&self) -> Option<NonNull<machine::Page>> {
        pool_page()
    }

    fn frame(&self, address: usize) -> u64 {
        let list = core::ptr::with_exposed_provenance::<u64>(self.info.mfn_list as usize);
        // SAFETY: the kernel's own addresses are those of the first pages, of which each has an
        // entry in the list; nobody has a reference to it.
        unsafe { list.wrapping_add(address >> PAGE_SHIFT).read() }
    }

    unsafe fn vacate(&self, page: NonNull<machine::Page>) -> Result<()> {
        self.enter(page, 0)
    }

    unsafe fn occupy(
        &self,
        page: NonNull<machine::Page>,
        frame: u64,
    ) -> Result<NonNull<machine::Page>> {
        self.enter(page, frame << PAGE_SHIFT | FLAGS)?;
        let list = core::ptr::with_exposed_provenance_mut::<u64>(self.info.mfn_list as usize);
        let entry = list.wrapping_add(page.addr().get() >> PAGE_SHIFT);
        // SAFETY: the page is one of the domain's first ones, of which each has an entry in the list,
        // and nobody has a reference to the list.
        unsafe { entry.write(frame) };
        Ok(page)
    }

    fn window(&self, index: usize) -> Option<Window> {
        if index >= WINDOWS {
            return None;
        }
        let page = PLACES.page(index)?;
        let (emptied, bit) = (self.emptied.get(), 1 << index);
        if emptied & bit == 0 {
            self.map(index, 0).ok()?;
            self.emptied.set(emptied | bit);
        }
        Some(Window {
            address: page.addr().get(),
            frame: None,
        })
    }

    fn shared_info(&self) -> Result<NonNull<u8>> {
        if let Some(shared) = self.shared.get() {
            return Ok(shared);
        }
        let shared = self.map(WINDOWS, self.info.shared_info | FLAGS)?.cast();
        self.shared.set(Some(shared));
        Ok(shared)
    }

    fn callback(&self) -> Option<Callback> {
        Some(Callback::Entry((&raw const EVENT_ENTRY).addr()))
    }

    fn upcalls(&self) -> u32 {
        UPCALLS.load(Ordering::Relaxed)
    }

    fn ticks(&self) -> u64 {
        x86::ticks()
    }

    fn ticks_per_second(&self) -> u64 {
        x86::ticks_per_second(self)
    }
}

/// What a PV domain 0 relies on.
const NEEDED: Features = Features::MMU_PT_UPDATE_PRESERVE_AD
    .union(Features::HIGHMEM_ASSIST)
    .union(Features::GNTTAB_MAP_AVAIL_BITS)
    .union(Features::DOM0)
    .union(Features::MEMORY_OP_VNODE_SUPPORTED);

/// What belongs to guests whose memory Xen translates.
const OTHERS: Features = Features::WRITABLE_PAGE_TABLES
    .union(Features::AUTO_TRANSLATED_PHYSMAP)
    .union(Features::HVM_CALLBACK_VECTOR)
    .union(Features::HVM_SAFE_PVCLOCK)
    .union(Features::HVM_PIRQS)
    .union(Features::NOT_DIRECT_MAPPED);
