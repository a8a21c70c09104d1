//! Whose frames there are: memory exchanged for other memory, claimed, taken from a certain node; maps
//! that are set, and rights that only others give.
#![allow(unsafe_code)]

use core::ptr::NonNull;

use xen_abi::hypercall::memory_op::{
    self, Access, E820Entry, Extents, FrameWord, MemFlags, Paging, Resource, Space,
};
use xen_abi::hypercall::{Errno, Result};
use xen_abi::version::{Guest, Operation as Op};
use xen_abi::xen_public::xen::{DomId, Gfn, PAGE_SHIFT, PAGE_SIZE, VcpuId};

use super::entries::{OWN, wide};
use super::memory::{mark, marked, reached};
use super::{Outcome, Program};
use crate::machine::{Machine, Page};

/// Pages that are one extent together, and its order.
const TOGETHER: usize = 4;
const ORDER: u32 = 2;
/// The window of frames that are not the domain's own.
pub(super) const FOREIGN: usize = 7;
/// The window of a device's registers, which stay there, and of the page that Xen shares.
const DEVICE: usize = 8;
const SHARED: usize = 9;
/// Where QEMU's `virt` machine has its clock (PL031), which Xen leaves to domain 0, and in that page the
/// register with the lowest byte of the part's number.
const CLOCK: u64 = 0x901_0000 >> PAGE_SHIFT;
const PART: usize = 0xfe0;

impl<M: Machine> Program<'_, '_, M> {
    /// What [`memory`](Self::memory) leaves: it takes a real hypervisor, all of it.
    pub(super) fn frames(&mut self) {
        self.exchanged();
        self.claimed();
        self.taken_from_node();
        self.map_set();
        self.shared_page_moved();
        self.of_xen();
        self.device();
        self.in_a_range();
        self.on_demand();
        self.resources_of_others();
        self.for_others();
    }

    fn pages<const N: usize>(&mut self) -> Option<[NonNull<Page>; N]> {
        let pages = [(); N].map(|()| self.machine().page());
        if pages.iter().any(Option::is_none) {
            self.report().fail(format_args!("no pages are left"));
            return None;
        }
        Some(pages.map(|page| page.expect("there is one")))
    }

    fn mfn(&self, page: NonNull<Page>) -> FrameWord {
        self.machine().frame(page.addr().get()) as FrameWord
    }

    /// Single pages are exchanged for as many in a row, and these for single ones again.
    fn exchanged(&mut self) {
        let operation = Op::XENMEM_exchange;
        if self.not_real(operation) || self.xen().can(operation).is_err() {
            return;
        }
        let Some(pages) = self.pages::<TOGETHER>() else {
            return;
        };
        let address = |index: usize| pages[index].addr().get();
        let in_a_row = (1..TOGETHER).all(|at| address(at) == address(at - 1) + PAGE_SIZE);
        if self.machine().guest() != Guest::Pv {
            // Frames that a guest numbers itself are in a row anyway, and stay.
            let mut give = pages.map(|page| self.mfn(page));
            let mut take = [give[0]];
            mark(pages[0], 0x41);
            // SAFETY: Xen does not do it for such guests.
            let refused = self.run_or(
                operation,
                &[Errno::EOPNOTSUPP, Errno::EINVAL],
                |xen| unsafe { exchange(xen, (0, &mut give), (ORDER, &mut take)) },
            );
            let kept = refused == Outcome::Not && marked(pages[0], 0x41);
            return self.check(operation, kept, format_args!("{refused:?}, or bytes lost"));
        }
        let mut single = pages.map(|page| self.mfn(page));
        let mut numbers = pages.map(|page| (page.addr().get() >> PAGE_SHIFT) as FrameWord);
        let mut row = [numbers[0]];
        if !in_a_row || !self.let_go(&pages) {
            return self.check(operation, false, format_args!("pages are not in a row"));
        }
        // SAFETY: the pages are the program's own, and not mapped.
        let done = self.run(operation, |xen| unsafe {
            exchange(xen, (0, &mut single), (ORDER, &mut row))
        });
        if done.done().is_none() {
            return;
        }
        let aligned = row[0] % TOGETHER as FrameWord == 0;
        self.check(operation, aligned, format_args!("frame {:#x}", row[0]));
        let frames: [_; TOGETHER] = core::array::from_fn(|index| wide(row[0]) + index as u64);
        self.got(operation, &pages, &frames);
        if !self.let_go(&pages) {
            return;
        }
        // SAFETY: as above.
        let done = self.run(operation, |xen| unsafe {
            exchange(xen, (ORDER, &mut row), (0, &mut numbers))
        });
        if done.done().is_some() {
            self.got(operation, &pages, &numbers.map(wide));
        }
    }

    /// Unmaps pages; whether that was done.
    fn let_go(&mut self, pages: &[NonNull<Page>]) -> bool {
        pages.iter().all(|&page| {
            // SAFETY: nobody has a reference to the page.
            let gone = unsafe { self.machine().vacate(page) };
            self.report().check(gone.is_ok(), format_args!("{gone:?}"));
            gone.is_ok()
        })
    }

    /// Pages have got these frames, which keep what is written.
    fn got(&mut self, operation: Op, pages: &[NonNull<Page>], frames: &[u64]) {
        for (index, (&page, &frame)) in pages.iter().zip(frames).enumerate() {
            // SAFETY: the page's own frame went back to Xen, and this one came for it.
            let place = unsafe { self.machine().occupy(page, frame) };
            let Ok(page) = place else {
                return self.check(operation, false, format_args!("{frame:#x}: {place:?}"));
            };
            mark(page, index as u8);
            let known = self.machine().paravirtual().map(|pv| pv.physical(frame));
            let number = (page.addr().get() >> PAGE_SHIFT) as u64;
            self.check(
                operation,
                marked(page, index as u8) && known.is_none_or(|known| known == number),
                format_args!("frame {frame:#x} is page {known:x?}, not {number:#x}"),
            );
        }
    }

    /// A page more than there is now is claimed, and the claim given up.
    fn claimed(&mut self) {
        let operation = Op::XENMEM_claim_pages;
        if self.not_real(operation) {
            return;
        }
        let pages = memory_op::current_reservation(self.xen(), DomId::SELF);
        let most = memory_op::maximum_reservation(self.xen(), DomId::SELF);
        let (Ok(pages), Ok(most)) = (pages, most) else {
            return self.check(operation, false, format_args!("{pages:?}, {most:?}"));
        };
        let wanted = pages as u64 + 1;
        let claim = |xen: &_, pages| memory_op::claim_pages(xen, OWN, pages);
        if pages >= most {
            self.refused(operation, &[Errno::EINVAL], |xen| claim(xen, wanted));
        } else if self
            .run(operation, |xen| claim(xen, wanted))
            .done()
            .is_some()
        {
            // One at a time.
            self.refused(operation, &[Errno::EINVAL], |xen| claim(xen, wanted));
        }
        let _ = self.run(operation, |xen| claim(xen, 0));
        // Less than there is can't be claimed.
        self.refused(operation, &[Errno::EINVAL], |xen| claim(xen, 1));
        self.refused(operation, &[Errno::EINVAL], |xen| {
            memory_op::claim_pages(xen, DomId::new(0x7abc), 1)
        });
    }

    /// A page is taken from the one node that there is, by all flags that ask for it.
    fn taken_from_node(&mut self) {
        let operation = Op::XENMEM_populate_physmap;
        if self.not_real(operation) {
            return;
        }
        let Some([page]) = self.pages() else { return };
        for (flags, row) in [
            (MemFlags::ANY.exact_node(0), Op::XENMEMF_exact_node_request),
            (MemFlags::ANY.virtual_node(), Op::XENMEMF_vnode),
            (MemFlags::ANY.address_bits(40), operation),
        ] {
            let old = [self.mfn(page)];
            let mut new = match self.machine().guest() {
                Guest::Pv => [(page.addr().get() >> PAGE_SHIFT) as FrameWord],
                _ => old,
            };
            if !self.let_go(&[page]) {
                return;
            }
            // SAFETY: the page is the program's own, and nobody uses it.
            let down = self.run(Op::XENMEM_decrease_reservation, |xen| unsafe {
                memory_op::decrease_reservation(xen, DomId::SELF, 0, &old)
            });
            // SAFETY: there is nothing at the page's frame.
            let up = self.run(row, |xen| unsafe {
                memory_op::populate_physmap(xen, DomId::SELF, 0, flags, &mut new)
            });
            if down.done().is_none() || up.done().is_none() {
                return;
            }
            self.got(operation, &[page], &[wide(new[0])]);
        }
    }

    /// The domain's own map, and what of it is to be filled when it is touched.
    fn map_set(&mut self) {
        let operation = Op::XENMEM_set_memory_map;
        let map = [E820Entry {
            start: 0,
            size: 0x10_0000,
            ..E820Entry::EMPTY
        }];
        let mut old = [E820Entry::EMPTY; 64];
        let length = memory_op::memory_map(self.xen(), &mut old);
        let set = self.run_real(operation, &[], |xen| {
            memory_op::set_memory_map(xen, DomId::SELF, &map)
        });
        if set.done().is_some() {
            let mut shown = [E820Entry::EMPTY; 64];
            let count = self.run(Op::XENMEM_memory_map, |xen| {
                memory_op::memory_map(xen, &mut shown)
            });
            let same = count == Outcome::Done(1) && shown[0] == map[0];
            self.check(operation, same, format_args!("{count:?}: {:?}", shown[0]));
            if let Ok(length) = length {
                let _ = self.run(operation, |xen| {
                    memory_op::set_memory_map(xen, DomId::SELF, &old[..length])
                });
            }
        }
        let operation = Op::XENMEM_get_pod_target;
        let pv = self.machine().guest() == Guest::Pv;
        let refusals: &[Errno] = if pv { &[Errno::EINVAL] } else { &[] };
        let target = self.run_real(operation, refusals, |xen| {
            memory_op::get_pod_target(xen, OWN)
        });
        if let Some(target) = target.done() {
            self.check(
                operation,
                target.tot_pages > 0 && target.cache_pages == 0 && target.entries == 0,
                format_args!("{target:?}"),
            );
            let _ = self.run(Op::XENMEM_set_pod_target, |xen| {
                memory_op::set_pod_target(xen, OWN, target.tot_pages)
            });
        } else if pv {
            let _ = self.run_real(Op::XENMEM_set_pod_target, refusals, |xen| {
                memory_op::set_pod_target(xen, OWN, 0)
            });
        }
    }

    /// The page that Xen shares with the domain goes to another frame, and back.
    fn shared_page_moved(&mut self) {
        let operation = Op::XENMAPSPACE_shared_info;
        if self.not_real(operation) {
            return;
        }
        let window = self.machine().window(SHARED);
        let home = self.machine().shared_info();
        let (Some(window), Ok(home)) = (window, home) else {
            return self.check(operation, false, format_args!("{window:?}, {home:?}"));
        };
        let put = |program: &mut Self, to: u64, refusals: &[Errno]| {
            // SAFETY: nobody looks at the page but the code below.
            program.run_or(operation, refusals, |xen| unsafe {
                memory_op::add_to_physmap(xen, DomId::SELF, Space::SharedInfo, Gfn::new(to))
            })
        };
        let Some(there) = window.frame else {
            // A PV guest maps it by its page tables.
            let _ = put(self, 1, &[Errno::EACCES, Errno::EINVAL]);
            return;
        };
        // SAFETY: the page is mapped for as long as the kernel runs, and the bytes are those of the wall
        // clock and what is around it: read once here, without a reference.
        let look = |page: NonNull<u8>| unsafe { page.cast::<[u64; 512]>().read_volatile() };
        let before = look(home);
        // It is where addresses are the same before and after the page tables.
        let from = (home.addr().get() >> PAGE_SHIFT) as u64;
        if self.machine().guest() == Guest::Arm {
            self.emptied(from);
        }
        if put(self, there, &[]).done().is_some() {
            let behind = self.machine().behind(window);
            let same = behind.is_some_and(|page| {
                let after = look(page.cast());
                // Events and the clock's records may change meanwhile; the masks do not.
                after[PAGE_SIZE / 16..] == before[PAGE_SIZE / 16..]
            });
            self.check(operation, same, format_args!("another page is there"));
            if self.machine().guest() == Guest::Arm {
                self.emptied(there);
            }
        }
        let _ = put(self, from, &[]);
    }

    /// Takes what is at a frame out of it.
    pub(super) fn emptied(&mut self, frame: u64) {
        let operation = Op::XENMEM_remove_from_physmap;
        // SAFETY: nobody uses what is there.
        let _ = self.run(operation, |xen| unsafe {
            memory_op::remove_from_physmap(xen, DomId::SELF, Gfn::new(frame))
        });
    }

    /// On ARM the registers of a device that the domain may reach are put into a window, for good.
    fn device(&mut self) {
        let operation = Op::XENMAPSPACE_dev_mmio;
        let window = self.machine().window(DEVICE);
        let Some((window, frame)) = window.and_then(|window| Some((window, window.frame?))) else {
            return;
        };
        // SAFETY: the window is empty, and only read.
        let put = self.run_real(operation, &[], |xen| unsafe {
            let space = Space::DevMmio(Gfn::new(CLOCK));
            memory_op::add_to_physmap(xen, DomId::SELF, space, Gfn::new(frame))
        });
        if let (Some(()), Some(page)) = (put.done(), self.machine().behind(window)) {
            // SAFETY: the register is in the page.
            let part = unsafe { page.cast::<u8>().add(PART) }.cast::<u32>();
            // SAFETY: as above; reading it has no effect.
            let part = unsafe { part.read_volatile() };
            self.check(operation, part == 0x31, format_args!("part {part:#x}"));
        }
    }

    /// Two pages go to other frames in one call, and back.
    fn in_a_range(&mut self) {
        let operation = Op::XENMAPSPACE_gmfn_range;
        let window = self.machine().window(FOREIGN);
        let Some((window, there)) = window.and_then(|window| Some((window, window.frame?))) else {
            return;
        };
        if self.not_real(operation) || self.xen().can(operation).is_err() {
            return;
        }
        let Some([first, second]) = self.pages() else {
            return;
        };
        mark(first, 0x71);
        mark(second, 0x72);
        let home = wide(self.mfn(first));
        let follows = wide(self.mfn(second)) == home + 1;
        self.check(operation, follows, format_args!("pages are not in a row"));
        for (from, to) in [(home, there), (there, home)] {
            let space = Space::GmfnRange {
                first: Gfn::new(from),
                size: 2,
            };
            // SAFETY: the pages are the program's own, and at the other frames there is nothing.
            let moved = self.run(operation, |xen| unsafe {
                memory_op::add_to_physmap(xen, DomId::SELF, space, Gfn::new(to))
            });
            if moved.done().is_none() {
                return;
            }
            let page = if to == home {
                Some(first)
            } else {
                self.machine().behind(window)
            };
            let both = page.is_some_and(|page| {
                // SAFETY: the next page was moved with it.
                marked(page, 0x71) && marked(unsafe { page.add(1) }, 0x72)
            });
            self.check(operation, both, format_args!("not at {to:#x}"));
        }
    }

    /// Only whoever builds a domain has its memory filled when it is touched.
    fn on_demand(&mut self) {
        let row = Op::XENMEMF_populate_on_demand;
        let window = self.machine().window(FOREIGN);
        let mut frames = [window.and_then(|window| window.frame).unwrap_or(1) as FrameWord];
        // SAFETY: there is nothing in the window.
        let filled = self.run_real(row, &[Errno::EINVAL], |xen| unsafe {
            let flags = MemFlags::from_bits(row.number());
            reached(
                memory_op::populate_physmap(xen, OWN, 0, flags, &mut frames),
                1,
            )
        });
        self.check(
            row,
            matches!(filled, Outcome::Not | Outcome::Done((0, 1))),
            format_args!("{filled:?}"),
        );
    }

    /// Resources of domains that this one could serve, which it can't be itself.
    fn resources_of_others(&mut self) {
        let refusals = &[Errno::EPERM, Errno::EINVAL, Errno::EOPNOTSUPP];
        for (row, resource) in [
            (
                Op::XENMEM_resource_grant_table_id_status,
                Resource::GrantStatus,
            ),
            (Op::XENMEM_resource_ioreq_server, Resource::IoreqServer(0)),
            (
                Op::XENMEM_resource_vmtrace_buf,
                Resource::VmtraceBuf(VcpuId::new(0)),
            ),
        ] {
            if self.xen().can(row).is_err() {
                continue;
            }
            let mut frames = [0; 1];
            // SAFETY: it is refused.
            let acquired = self.run_real(row, refusals, |xen| unsafe {
                memory_op::acquire_resource(xen, OWN, resource, 0, &mut frames)
            });
            self.check(row, acquired == Outcome::Not, format_args!("{acquired:?}"));
            if row == Op::XENMEM_resource_ioreq_server {
                self.mark(Op::XENMEM_resource_ioreq_server_frame_bufioreq, false);
            }
        }
    }

    /// What a domain may do to others, but not to itself.
    fn for_others(&mut self) {
        let own = [
            Errno::EPERM,
            Errno::EINVAL,
            Errno::ENODEV,
            Errno::EOPNOTSUPP,
        ];
        let page = Gfn::new(1);
        if self.not_real(Op::XENMEM_access_op_get_access) {
            return;
        }
        let _ = self.run_real(Op::XENMEM_access_op_get_access, &own, |xen| {
            memory_op::get_access(xen, OWN, Some(page))
        });
        let _ = self.run_real(Op::XENMEM_access_op_set_access, &own, |xen| {
            memory_op::set_access(xen, OWN, Some(page), 1, Access::R)
        });
        let _ = self.run_real(Op::XENMEM_access_op_set_access_multi, &own, |xen| {
            memory_op::set_access_multi(xen, OWN, &[1], &[Access::R.0])
        });
        for (operation, step) in [
            (Op::XENMEM_paging_op_nominate, Paging::Nominate),
            (Op::XENMEM_paging_op_evict, Paging::Evict),
            (Op::XENMEM_paging_op_prep, Paging::Prepare(None)),
        ] {
            let _ = self.run_real(operation, &own, |xen| {
                memory_op::paging_op(xen, OWN, page, step)
            });
        }
    }
}

/// Exchanges memory of this domain: order and extents, both ways.
///
/// # Safety
///
/// As for [`memory_op::exchange`].
unsafe fn exchange(
    xen: &xen_abi::hypercall::Xen<impl xen_abi::hypercall::Conduit>,
    give: (u32, &mut [FrameWord]),
    take: (u32, &mut [FrameWord]),
) -> Result<()> {
    let side = |(order, frames)| Extents {
        order,
        flags: MemFlags::ANY,
        frames,
    };
    // SAFETY: the caller vouches for what is given away.
    unsafe { memory_op::exchange(xen, DomId::SELF, side(give), side(take)) }
}
