//! Frames that are Xen's own, of which it shows some to domain 0: its table from machine frames back.
#![allow(unsafe_code)]

use xen_abi::hypercall::Errno;
use xen_abi::hypercall::memory_op::{self, Batch, FrameWord, Mapped};
use xen_abi::version::{Guest, Operation as Op};
use xen_abi::xen_public::xen::DomId;
#[cfg(target_arch = "x86_64")]
use xen_abi::xen_public::xen::PAGE_SHIFT;

use super::entries::{OWN, wide};
use super::frames::FOREIGN;
use super::{Outcome, Program};
use crate::machine::Machine;
#[cfg(target_arch = "x86_64")]
use crate::machine::Window;

impl<M: Machine> Program<'_, '_, M> {
    /// A frame of Xen's table from machine frames back, which it shows to domain 0 for reading.
    pub(super) fn of_xen(&mut self) {
        let operation = Op::XENMAPSPACE_gmfn_foreign;
        if self.not_real(operation) {
            return;
        }
        let mut list = [0; 1];
        let found = memory_op::machphys_mfn_list(self.xen(), &mut list);
        let frame = found.is_ok().then(|| wide(list[0]));
        let window = self.machine().window(FOREIGN);
        let Some(window) = window else { return };
        let pv = self.machine().guest() == Guest::Pv;
        let (mut errors, to) = ([0], [window.frame.unwrap_or(1) as FrameWord]);
        for (domain, index, errno) in [
            // Its own pages are not foreign, and nobody has none.
            (OWN, 1, Some(Errno::EINVAL)),
            (DomId::new(0x7abc), 0, Some(Errno::ESRCH)),
            (
                DomId::XEN,
                frame.unwrap_or(0),
                frame.map_or(Some(Errno::EINVAL), |_| None),
            ),
        ] {
            let index = [index as memory_op::LongWord];
            let space = Batch::Foreign(domain);
            // SAFETY: the window is empty, and only read.
            let mapped = self.run_or(
                Op::XENMEM_add_to_physmap_batch,
                &[Errno::EACCES, Errno::EINVAL, Errno::ESRCH, Errno::EPERM],
                |xen| unsafe {
                    memory_op::add_to_physmap_batch(
                        xen,
                        DomId::SELF,
                        space,
                        &index,
                        &to,
                        &mut errors,
                    )
                },
            );
            let good = match (errno, mapped) {
                _ if pv => mapped == Outcome::Not || mapped == Outcome::Done(Mapped { refused: 1 }),
                (None, Outcome::Done(Mapped { refused })) => refused == 0,
                (Some(_), Outcome::Done(Mapped { refused })) => refused == 1,
                (errno, _) => errno.is_some(),
            };
            self.mark(operation, good && errno.is_none() && !pv);
            self.check(
                operation,
                good,
                format_args!("of {domain}: {mapped:?} {errors:?}"),
            );
        }
        let behind = self.machine().behind(window);
        if let (Some(_), Some(page), false) = (frame, behind, pv) {
            // SAFETY: the frame is mapped there; Xen may write it.
            let words = unsafe { page.cast::<[u64; 512]>().read_volatile() };
            self.table_of_xen(operation, &words);
            self.emptied(window.frame.unwrap_or(0));
        }
        #[cfg(target_arch = "x86_64")]
        if let (Some(frame), true) = (frame, pv) {
            self.mapped_of_xen(window, frame);
        }
    }

    /// What the first entries of the table are: page numbers of the domain, or none.
    fn table_of_xen(&mut self, operation: Op, words: &[u64; 512]) {
        let strange = |word: &&u64| **word >> 32 != 0 && **word >> 56 == 0;
        let found = words.iter().find(strange);
        let all = words.iter().all(|word| *word == 0);
        self.check(
            operation,
            found.is_none() && !all,
            format_args!("{found:x?} stands in the table, or nothing"),
        );
    }

    /// The same by a page table entry that names another owner.
    #[cfg(target_arch = "x86_64")]
    fn mapped_of_xen(&mut self, window: Window, frame: u64) {
        use xen_abi::hypercall::mmu_update::{self, MmuUpdate, Owners};
        use xen_abi::hypercall::update_va_mapping::{self, Flush, Processors};

        let flush = Flush::Address(Processors::Local);
        let (read, write) = (frame << PAGE_SHIFT | 1, frame << PAGE_SHIFT | 3);
        let operation = Op::__HYPERVISOR_update_va_mapping_otherdomain;
        // SAFETY: nobody has a reference to the window; Xen refuses to have its table written.
        self.refused(operation, &[Errno::EBUSY, Errno::EINVAL], |xen| unsafe {
            update_va_mapping::update_otherdomain(xen, window.address, write, flush, DomId::XEN)
        });
        // SAFETY: as above.
        let seen = self.run(operation, |xen| unsafe {
            update_va_mapping::update_otherdomain(xen, window.address, read, flush, DomId::XEN)
        });
        self.seen_of_xen(operation, window, seen);
        let paravirtual = self.machine().paravirtual();
        let Some((place, _)) = paravirtual.and_then(|pv| pv.entry(window.address)) else {
            return self.check(operation, false, format_args!("the window has no entry"));
        };
        let operation = Op::MMU_NORMAL_PT_UPDATE;
        let owners = Owners {
            tables: None,
            frames: DomId::XEN,
        };
        let Ok(update) = MmuUpdate::page_table(place, read) else {
            return self.check(operation, false, format_args!("no such entry"));
        };
        // SAFETY: as above.
        let seen = self.run(operation, |xen| unsafe {
            mmu_update::update(xen, &[update], owners).map(drop)
        });
        self.seen_of_xen(operation, window, seen);
    }

    /// The window shows what Xen shows at its own address, and is emptied.
    #[cfg(target_arch = "x86_64")]
    fn seen_of_xen(&mut self, operation: Op, window: Window, seen: Outcome<()>) {
        use xen_abi::hypercall::update_va_mapping::{self, Flush, Processors};

        let behind = self.machine().behind(window);
        let (Some(()), Some(page)) = (seen.done(), behind) else {
            return;
        };
        // SAFETY: the frame is mapped there; Xen may write it.
        let words = unsafe { page.cast::<[u64; 512]>().read_volatile() };
        self.table_of_xen(operation, &words);
        let pv = self.machine().paravirtual();
        let same = pv.is_some_and(|pv| (0..512).all(|at| pv.physical(at) == words[at as usize]));
        self.check(operation, same, format_args!("it is another table"));
        let flush = Flush::Address(Processors::Local);
        // SAFETY: nobody has a reference to what the window shows.
        let _ = self.run(Op::__HYPERVISOR_update_va_mapping, |xen| unsafe {
            update_va_mapping::update(xen, window.address, 0, flush)
        });
    }
}
