//! What a PV guest does to its page tables, descriptors and registers, by the calls that only it has.
//!
//! Other guests have none of it, which is then what is looked for.
#![cfg_attr(any(target_arch = "x86", target_arch = "x86_64"), allow(unsafe_code))]

use super::Program;
#[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
use crate::machine::Machine;

#[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
impl<M: Machine> Program<'_, '_, M> {
    /// There is nothing like it on this processor.
    pub fn tables(&mut self) {
        use xen_abi::version::Operation as Op;
        self.not_here(&[
            Op::__HYPERVISOR_update_va_mapping,
            Op::__HYPERVISOR_update_va_mapping_otherdomain,
            Op::MMU_NORMAL_PT_UPDATE,
            Op::MMU_MACHPHYS_UPDATE,
            Op::MMU_PT_UPDATE_PRESERVE_AD,
            Op::MMU_PT_UPDATE_NO_TRANSLATE,
            Op::MMUEXT_PIN_L1_TABLE,
            Op::MMUEXT_UNPIN_TABLE,
            Op::MMUEXT_NEW_BASEPTR,
            Op::MMUEXT_TLB_FLUSH_LOCAL,
            Op::MMUEXT_SET_LDT,
            Op::MMUEXT_CLEAR_PAGE,
            Op::__HYPERVISOR_set_gdt,
            Op::__HYPERVISOR_update_descriptor,
            Op::__HYPERVISOR_set_trap_table,
            Op::__HYPERVISOR_stack_switch,
            Op::SEGBASE_FS,
            Op::__HYPERVISOR_fpu_taskswitch,
            Op::__HYPERVISOR_set_debugreg,
            Op::__HYPERVISOR_get_debugreg,
            Op::__HYPERVISOR_iret,
        ]);
    }
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
mod x86 {
    use core::ptr::NonNull;

    use xen_abi::hypercall::debugreg::{self, DebugRegister};
    use xen_abi::hypercall::fpu_taskswitch::fpu_taskswitch;
    use xen_abi::hypercall::mmu_update::{self, MmuUpdate, Owners};
    use xen_abi::hypercall::mmuext_op::{self, MmuExtOp, VcpuMask};
    use xen_abi::hypercall::set_trap_table::{self, TrapInfo};
    use xen_abi::hypercall::stack_switch::stack_switch;
    use xen_abi::hypercall::update_va_mapping::{self, Flush, Processors};
    use xen_abi::hypercall::{Errno, Plan, set_gdt, update_descriptor};
    use xen_abi::version::{Guest, Operation as Op};
    use xen_abi::xen_public::abi::x86_64::arch_x86::xen_x86_64::FLAT_RING3_SS64;
    use xen_abi::xen_public::xen::{DomId, Mfn, PAGE_SHIFT, PAGE_SIZE, Pfn};

    use super::Program;
    use crate::machine::{Machine, Page, SOFTWARE_INTERRUPT, WINDOWS, Window};

    /// An entry's bits: present, writable, accessed, dirty.
    const PRESENT: u64 = 1;
    const WRITABLE: u64 = 2;
    const USED: u64 = 0x60;
    /// A descriptor of data of all privileges, from 0 to 4 GB.
    const DATA: u64 = 0x00cf_f300_0000_ffff;

    /// A page of the program's own.
    #[derive(Clone, Copy)]
    struct Own {
        page: NonNull<Page>,
        address: usize,
        frame: u64,
    }

    impl Own {
        fn entry(self, flags: u64) -> u64 {
            self.frame << PAGE_SHIFT | flags | PRESENT
        }

        fn fill(self, byte: u8) {
            // SAFETY: the page is the program's own, and mapped for writing; nobody has a reference.
            unsafe { self.page.cast::<u8>().write_bytes(byte, PAGE_SIZE) };
        }

        fn word(self, offset: usize) -> u64 {
            let word = self.page.as_ptr().cast::<u64>().wrapping_byte_add(offset);
            // SAFETY: the page is mapped, and others than this code may have written it.
            unsafe { word.read_volatile() }
        }
    }

    impl<M: Machine> Program<'_, '_, M> {
        /// Everything that a PV guest does to its page tables, descriptors and registers.
        pub fn tables(&mut self) {
            let window = self.machine().window(WINDOWS - 2);
            let (first, second) = (self.own(), self.own());
            let (Some(window), Some(first), Some(second)) = (window, first, second) else {
                self.report().fail(format_args!("no pages for tables"));
                return;
            };
            self.mappings(window, first);
            self.updates(window, first);
            self.flushes(window);
            self.contents(first, second);
            self.pins(first);
            self.descriptors(first);
            self.traps();
            self.registers(first, second);
            self.round_trip(first);
        }

        fn own(&self) -> Option<Own> {
            let page = self.machine().page()?;
            let address = page.addr().get();
            page.as_ptr().expose_provenance();
            let frame = self.machine().frame(address);
            Some(Own {
                page,
                address,
                frame,
            })
        }

        /// The window shows the page, both ways.
        fn shows(&mut self, operation: Op, window: Window, own: Own) {
            let seen = self.machine().behind(window).map(|behind| {
                own.fill(0x5a);
                let behind = behind.cast::<u8>();
                // SAFETY: the page is mapped there, and nobody has a reference to it.
                let first = unsafe { behind.as_ptr().read_volatile() };
                // SAFETY: as above.
                unsafe { behind.as_ptr().wrapping_byte_add(9).write_volatile(0x99) };
                (first, own.word(8) >> 8 & 0xff)
            });
            self.check(
                operation,
                seen == Some((0x5a, 0x99)),
                format_args!("the window shows {seen:x?}"),
            );
        }

        /// A second place for a page, by address.
        fn mappings(&mut self, window: Window, own: Own) {
            let operation = Op::__HYPERVISOR_update_va_mapping;
            let all = [1_usize];
            let Some(mask) = VcpuMask::new(&all) else {
                return;
            };
            let entry = own.entry(WRITABLE | USED);
            use Flush::{Address, Tlb};
            use Processors::{All, Local, These};
            for (flush, rows) in [
                (Address(Local), [Op::UVMF_INVLPG, Op::UVMF_LOCAL]),
                (Address(All), [Op::UVMF_INVLPG, Op::UVMF_ALL]),
                (Address(These(mask)), [Op::UVMF_INVLPG, Op::UVMF_MULTI]),
                (Tlb(Local), [Op::UVMF_TLB_FLUSH, Op::UVMF_LOCAL]),
                (Tlb(All), [Op::UVMF_TLB_FLUSH, Op::UVMF_ALL]),
                (Tlb(These(mask)), [Op::UVMF_TLB_FLUSH, Op::UVMF_MULTI]),
                (Flush::None, [Op::UVMF_NONE, Op::UVMF_FLUSHTYPE_MASK]),
            ] {
                // SAFETY: nothing is in the window, and the page has no reference.
                let done = self.run(operation, |xen| unsafe {
                    update_va_mapping::update(xen, window.address, entry, flush)
                });
                if done.done().is_some() {
                    self.shows(operation, window, own);
                    self.unmap(window);
                    rows.into_iter().for_each(|row| self.mark(row, true));
                }
            }
            // A page table can be mapped, but not for writing.
            if let Some(pv) = self.machine().paravirtual() {
                let writable = pv.base() << PAGE_SHIFT | PRESENT | WRITABLE;
                // SAFETY: Xen refuses it.
                self.refused(operation, &[Errno::EBUSY, Errno::EINVAL], |xen| unsafe {
                    update_va_mapping::update(xen, window.address, writable, Flush::None)
                });
            }
            let operation = Op::__HYPERVISOR_update_va_mapping_otherdomain;
            let flush = Flush::Address(Processors::All);
            // SAFETY: as above; the owner is this domain.
            let done = self.run(operation, |xen| unsafe {
                update_va_mapping::update_otherdomain(
                    xen,
                    window.address,
                    entry,
                    flush,
                    DomId::SELF,
                )
            });
            if done.done().is_some() {
                self.shows(operation, window, own);
                self.unmap(window);
            }
            // SAFETY: there is no such domain.
            self.refused(operation, &[Errno::ESRCH], |xen| unsafe {
                update_va_mapping::update_otherdomain(
                    xen,
                    window.address,
                    entry,
                    flush,
                    DomId::new(0x77),
                )
            });
        }

        fn unmap(&mut self, window: Window) {
            let flush = Flush::Address(Processors::All);
            // SAFETY: nobody has a reference to what the window shows.
            let _ = self.run(Op::__HYPERVISOR_update_va_mapping, |xen| unsafe {
                update_va_mapping::update(xen, window.address, 0, flush)
            });
        }

        /// Makes a change to the tables; whether it was made.
        fn change(&mut self, operation: Op, update: Option<MmuUpdate>) -> bool {
            let Some(update) = update else {
                self.check(operation, false, format_args!("no such entry"));
                return false;
            };
            if self.left_to_real(operation) {
                return false;
            }
            // SAFETY: the callers change what is theirs.
            let done = self.run(operation, |xen| unsafe {
                mmu_update::update(xen, &[update], Owners::SELF)
            });
            done.done().is_some()
        }

        /// The same by the entry's own address, in all kinds.
        fn updates(&mut self, window: Window, own: Own) {
            let paravirtual = self.machine().paravirtual();
            let entry = || paravirtual.map_or(Some((0, 0)), |pv| pv.entry(window.address));
            let Some((place, _)) = entry() else {
                let operation = Op::MMU_NORMAL_PT_UPDATE;
                return self.check(operation, false, format_args!("the window has no entry"));
            };
            let value = || entry().map_or(0, |(_, value)| value);
            for (operation, update) in [
                (
                    Op::MMU_NORMAL_PT_UPDATE,
                    MmuUpdate::page_table(place, own.entry(WRITABLE)),
                ),
                (
                    Op::MMU_PT_UPDATE_NO_TRANSLATE,
                    MmuUpdate::page_table_untranslated(place, own.entry(WRITABLE)),
                ),
            ] {
                if self.change(operation, update.ok()) {
                    self.shows(operation, window, own);
                    self.unmap(window);
                }
            }
            // Accessed and dirty stay, though the new value does not have them.
            let operation = Op::MMU_PT_UPDATE_PRESERVE_AD;
            let with = MmuUpdate::page_table(place, own.entry(WRITABLE | USED));
            if paravirtual.is_some() {
                self.change(Op::MMU_NORMAL_PT_UPDATE, with.ok());
            }
            let without = MmuUpdate::page_table_preserving_ad(place, own.entry(WRITABLE));
            if self.change(operation, without.ok()) {
                let left = value();
                self.check(
                    operation,
                    left & USED == USED,
                    format_args!("left {left:#x}"),
                );
                self.shows(operation, window, own);
            }
            let nothing = MmuUpdate::page_table(place, 0);
            if self.change(Op::MMU_NORMAL_PT_UPDATE, nothing.ok()) {
                let left = value();
                self.check(operation, left == 0, format_args!("left {left:#x}"));
            }

            let operation = Op::MMU_MACHPHYS_UPDATE;
            let physical = || paravirtual.map_or(0, |pv| pv.physical(own.frame));
            let before = physical();
            for wanted in [before ^ 1, before] {
                let update = MmuUpdate::machine_to_physical(Mfn::new(own.frame), Pfn::new(wanted));
                if self.change(operation, update.ok()) {
                    let shown = physical();
                    self.check(
                        operation,
                        shown == wanted,
                        format_args!("{shown:#x}, not {wanted:#x}"),
                    );
                }
            }
        }

        /// Carries out one of the other operations.
        fn extended(&mut self, operation: Op, extended: Option<MmuExtOp<'_>>) -> bool {
            let Some(extended) = extended else {
                self.check(operation, false, format_args!("can't be put into words"));
                return false;
            };
            // SAFETY: the callers name what is theirs; the domain has one processor.
            let done = self.run(operation, |xen| unsafe {
                mmuext_op::operate(xen, &[extended], DomId::SELF)
            });
            done.done().is_some()
        }

        fn flushes(&mut self, window: Window) {
            let all = [1_usize];
            let Some(mask) = VcpuMask::new(&all) else {
                return;
            };
            let address = window.address;
            for (operation, flush) in [
                (Op::MMUEXT_TLB_FLUSH_LOCAL, MmuExtOp::tlb_flush_local()),
                (Op::MMUEXT_INVLPG_LOCAL, MmuExtOp::invlpg_local(address)),
                (Op::MMUEXT_TLB_FLUSH_MULTI, MmuExtOp::tlb_flush_multi(mask)),
                (
                    Op::MMUEXT_INVLPG_MULTI,
                    MmuExtOp::invlpg_multi(address, mask),
                ),
                (Op::MMUEXT_TLB_FLUSH_ALL, MmuExtOp::tlb_flush_all()),
                (Op::MMUEXT_INVLPG_ALL, MmuExtOp::invlpg_all(address)),
                (Op::MMUEXT_FLUSH_CACHE, MmuExtOp::flush_cache()),
            ] {
                self.extended(operation, Some(flush));
            }
            // Where it is missing, it is for the caller to go round the processors.
            let operation = Op::MMUEXT_FLUSH_CACHE_GLOBAL;
            if !matches!(self.xen().plan(operation), Plan::Fallback(_)) {
                self.extended(operation, Some(MmuExtOp::flush_cache_global()));
            }
        }

        /// Pages are copied and cleared by Xen.
        fn contents(&mut self, first: Own, second: Own) {
            first.fill(0x11);
            second.fill(0x22);
            let (one, two) = (Mfn::new(first.frame), Mfn::new(second.frame));
            let operation = Op::MMUEXT_COPY_PAGE;
            if self.extended(operation, MmuExtOp::copy_page(two, one).ok()) {
                let word = second.word(PAGE_SIZE - 8);
                self.check(
                    operation,
                    word == u64::MAX / 15,
                    format_args!("left {word:#x}"),
                );
            }
            let operation = Op::MMUEXT_CLEAR_PAGE;
            if self.extended(operation, MmuExtOp::clear_page(two).ok()) {
                let word = second.word(PAGE_SIZE - 8);
                self.check(operation, word == 0, format_args!("left {word:#x}"));
            }
        }

        /// Gives or takes the right to write a page of one's own.
        fn writable(&mut self, own: Own, writable: bool) {
            if self.machine().paravirtual().is_none() {
                return;
            }
            let flags = if writable { WRITABLE | USED } else { USED };
            let flush = Flush::Address(Processors::All);
            // SAFETY: the page stays where it is; nobody writes to it while it is only read.
            let _ = self.run(Op::__HYPERVISOR_update_va_mapping, |xen| unsafe {
                update_va_mapping::update(xen, own.address, own.entry(flags), flush)
            });
        }

        /// A page becomes a table and an ordinary page again; base pointers are loaded.
        fn pins(&mut self, own: Own) {
            own.fill(0);
            self.writable(own, false);
            let frame = Mfn::new(own.frame);
            let pins = [
                (Op::MMUEXT_PIN_L1_TABLE, MmuExtOp::pin_l1_table(frame)),
                (Op::MMUEXT_UNPIN_TABLE, MmuExtOp::unpin_table(frame)),
                (Op::MMUEXT_PIN_L2_TABLE, MmuExtOp::pin_l2_table(frame)),
                (Op::MMUEXT_UNPIN_TABLE, MmuExtOp::unpin_table(frame)),
                (Op::MMUEXT_PIN_L3_TABLE, MmuExtOp::pin_l3_table(frame)),
                (Op::MMUEXT_UNPIN_TABLE, MmuExtOp::unpin_table(frame)),
                (Op::MMUEXT_PIN_L4_TABLE, MmuExtOp::pin_l4_table(frame)),
                (Op::MMUEXT_UNPIN_TABLE, MmuExtOp::unpin_table(frame)),
            ];
            for (operation, pin) in pins {
                if self.left_to_real(operation) {
                    continue;
                }
                if self.xen().guest() == Guest::Pv {
                    self.extended(operation, pin.ok());
                    continue;
                }
                // Other guests pin the tables of domains that they build, and have none themselves.
                // SAFETY: Xen refuses it.
                self.refused(operation, &[Errno::EINVAL], |xen| unsafe {
                    mmuext_op::operate(xen, &[pin?], DomId::SELF)
                });
            }
            self.writable(own, true);
            // An ordinary page again: it can be written.
            own.fill(0);
            let base = self.machine().paravirtual().map_or(0, |pv| pv.base());
            if !self.left_to_real(Op::MMUEXT_NEW_BASEPTR) {
                let current = MmuExtOp::new_baseptr(Mfn::new(base)).ok();
                self.extended(Op::MMUEXT_NEW_BASEPTR, current);
                #[cfg(target_arch = "x86_64")]
                for user in [base, 0] {
                    let user = MmuExtOp::new_user_baseptr(Mfn::new(user));
                    self.extended(Op::MMUEXT_NEW_USER_BASEPTR, user.ok());
                }
                self.extended(Op::MMUEXT_SET_LDT, Some(MmuExtOp::set_ldt(0, 0)));
            }
            for (operation, gone) in [
                (Op::MMUEXT_MARK_SUPER, MmuExtOp::mark_super(frame)),
                (Op::MMUEXT_UNMARK_SUPER, MmuExtOp::unmark_super(frame)),
                (Op::MMUEXT_REASSIGN_PAGE, MmuExtOp::reassign_page(frame)),
            ] {
                if self.xen().can(operation).is_err() {
                    self.extended(operation, gone.ok());
                }
            }
        }

        /// A descriptor table of one page, in which a descriptor is changed.
        fn descriptors(&mut self, own: Own) {
            own.fill(0);
            self.writable(own, false);
            let operation = Op::__HYPERVISOR_set_gdt;
            let frames = [Mfn::new(own.frame)];
            // SAFETY: no descriptor of it is loaded.
            let set = self.run(operation, |xen| unsafe { set_gdt::set(xen, &frames, 512) });
            let operation = Op::__HYPERVISOR_update_descriptor;
            let place = (own.frame << PAGE_SHIFT) + 3 * 8;
            // SAFETY: as above.
            let changed = self.run(operation, |xen| unsafe {
                update_descriptor::update(xen, place, DATA)
            });
            if changed.done().is_some() {
                // The processor notes that a descriptor was used.
                let word = own.word(24);
                self.check(
                    operation,
                    word | 1 << 40 == DATA | 1 << 40,
                    format_args!("left {word:#x}"),
                );
            }
            // SAFETY: there is none at this address.
            self.refused(operation, &[Errno::EINVAL], |xen| unsafe {
                update_descriptor::update(xen, place + 1, DATA)
            });
            if set.done().is_some() {
                let operation = Op::__HYPERVISOR_set_gdt;
                // SAFETY: as above.
                let _ = self.run(operation, |xen| unsafe { set_gdt::set(xen, &[], 0) });
            }
            self.writable(own, true);
            own.fill(0);
        }

        /// A handler for a software interrupt, and the interrupt.
        fn traps(&mut self) {
            let operation = Op::__HYPERVISOR_set_trap_table;
            let paravirtual = self.machine().paravirtual();
            let (selector, address) = paravirtual.map_or((0, 1), |pv| pv.handler());
            let Ok(handler) = TrapInfo::new(SOFTWARE_INTERRUPT, 3, false, selector, address) else {
                return self.check(operation, false, format_args!("no handler"));
            };
            // SAFETY: the machine's handler; a simulated one never runs.
            let set = self.run(operation, |xen| unsafe {
                set_trap_table::set(xen, &[handler, TrapInfo::END])
            });
            if let (Some(pv), Some(())) = (paravirtual, set.done()) {
                let (first, second) = (pv.interrupt(), pv.interrupt());
                self.check(
                    operation,
                    (first, second) == (1, 2),
                    format_args!("the handler ran {first} times, then {second}"),
                );
            }
        }

        fn registers(&mut self, first: Own, second: Own) {
            let operation = Op::__HYPERVISOR_stack_switch;
            // SAFETY: this kernel has no user mode to come from; the page is its own.
            let _ = self.run(operation, |xen| unsafe {
                stack_switch(xen, FLAT_RING3_SS64 as u16, first.address + PAGE_SIZE)
            });
            let operation = Op::__HYPERVISOR_fpu_taskswitch;
            for set in [true, false] {
                // SAFETY: this kernel does not use the unit.
                let _ = self.run(operation, |xen| unsafe { fpu_taskswitch(xen, set) });
            }
            for (register, value, left) in [
                (DebugRegister::Dr0, first.address, 0),
                (DebugRegister::Dr3, second.address, 0),
            ] {
                for value in [value, left] {
                    let operation = Op::__HYPERVISOR_set_debugreg;
                    let _ = self.run(operation, |xen| debugreg::set(xen, register, value));
                    let operation = Op::__HYPERVISOR_get_debugreg;
                    let read = self.run(operation, |xen| debugreg::get(xen, register));
                    if let Some(read) = read.done() {
                        self.check(
                            operation,
                            read == value,
                            format_args!("{read:#x}, not {value:#x}"),
                        );
                    }
                }
            }
            for register in [DebugRegister::Dr6, DebugRegister::Dr7] {
                let operation = Op::__HYPERVISOR_get_debugreg;
                let read = self.run(operation, |xen| debugreg::get(xen, register));
                if let (Some(read), true) = (read.done(), self.machine().real()) {
                    // No breakpoint is set, nor was one met.
                    self.check(
                        operation,
                        read & 0xf == 0,
                        format_args!("{register:?} is {read:#x}"),
                    );
                }
            }
            #[cfg(target_arch = "x86_64")]
            self.segments(first, second);
        }

        #[cfg(target_arch = "x86_64")]
        fn segments(&mut self, first: Own, second: Own) {
            use xen_abi::hypercall::set_segment_base;

            first.fill(0xf5);
            second.fill(0x65);
            let pv = self.machine().paravirtual();
            // SAFETY: this kernel uses neither fs nor gs but to look.
            let set = self.run(Op::SEGBASE_FS, |xen| unsafe {
                set_segment_base::fs(xen, first.address)
            });
            if let (Some(pv), Some(())) = (pv, set.done()) {
                let word = pv.word_by_fs();
                self.check(
                    Op::SEGBASE_FS,
                    word == first.word(0),
                    format_args!("fs shows {word:#x}"),
                );
            }
            // SAFETY: as above.
            let set = self.run(Op::SEGBASE_GS_KERNEL, |xen| unsafe {
                set_segment_base::gs_kernel(xen, second.address)
            });
            if let (Some(pv), Some(())) = (pv, set.done()) {
                let word = pv.word_by_gs();
                self.check(
                    Op::SEGBASE_GS_KERNEL,
                    word == second.word(0),
                    format_args!("gs shows {word:#x}"),
                );
            }
            // SAFETY: as above.
            let _ = self.run(Op::SEGBASE_GS_USER, |xen| unsafe {
                set_segment_base::gs_user(xen, first.address)
            });
            // SAFETY: as above.
            let _ = self.run(Op::SEGBASE_GS_USER_SEL, |xen| unsafe {
                set_segment_base::gs_user_selector(xen, 0)
            });
            // SAFETY: as above.
            let _ = self.run(Op::SEGBASE_FS, |xen| unsafe {
                set_segment_base::fs(xen, 0)
            });
            // SAFETY: as above.
            let _ = self.run(Op::SEGBASE_GS_KERNEL, |xen| unsafe {
                set_segment_base::gs_kernel(xen, 0)
            });
        }

        /// From the kernel to the kernel, on another stack; no conduit carries this call.
        fn round_trip(&mut self, own: Own) {
            let operation = Op::__HYPERVISOR_iret;
            let Some(pv) = self.machine().paravirtual() else {
                if !self.left_to_real(operation) {
                    let _ = self.run(operation, |xen| Ok(xen.can(operation)?));
                }
                return;
            };
            self.check(
                operation,
                self.xen().plan(operation) == Plan::Direct,
                format_args!("not there by the table"),
            );
            for (way, back) in pv.iret(own.page) {
                match back {
                    Ok(()) => {
                        self.report().direct();
                        self.mark(operation, true);
                    }
                    Err(what) => self.check(operation, false, format_args!("by {way}: {what}")),
                }
            }
        }
    }
}
