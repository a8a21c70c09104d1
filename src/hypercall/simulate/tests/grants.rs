//! Grants that the domain gives to itself, against a model that counts.

use alloc::collections::BTreeMap;
use core::sync::atomic::Ordering::SeqCst;

use quickcheck::quickcheck;
use xen_public::native::grant_table::*;
use xen_public::native::memory::xen_add_to_physmap;

use super::*;

const CALL: u32 = 20;
const REFS: u32 = 4;
/// Where HVM guests have nothing.
const HOLE: u64 = 0x5000;

fn put_entry(xen: &Simulated, reference: u32, flags: u16, domid: u16, frame: u64) {
    let machine = xen.machine.borrow();
    let (page, offset) = machine.grants.entry(reference);
    machine.memory.u16(page, offset + 2).store(domid, SeqCst);
    machine
        .memory
        .u32(page, offset + 4)
        .store(frame as u32, SeqCst);
    machine.memory.u16(page, offset).store(flags, SeqCst);
}

fn flags(xen: &Simulated, reference: u32) -> u16 {
    {
        let machine = xen.machine.borrow();
        machine
            .grants
            .flags(&machine.memory, reference)
            .load(SeqCst)
    }
}

fn map(xen: &Simulated, reference: u32, address: u64, readonly: bool, dom: u16) -> (i16, u32) {
    let mut request = [gnttab_map_grant_ref {
        host_addr: address,
        flags: 2 | u32::from(readonly) << 2,
        r#ref: reference,
        dom,
        status: 99,
        ..gnttab_map_grant_ref::ZERO
    }];
    assert_eq!(ops(xen, CALL, 0, &mut request), 0);
    (request[0].status, request[0].handle)
}

fn unmap(xen: &Simulated, address: u64, handle: u32) -> i16 {
    let mut request = [gnttab_unmap_grant_ref {
        host_addr: address,
        handle,
        status: 99,
        ..gnttab_unmap_grant_ref::ZERO
    }];
    assert_eq!(ops(xen, CALL, 1, &mut request), 0);
    request[0].status
}

fn first_byte(xen: &Simulated, address: u64) -> Option<u8> {
    let page = xen.mapped(address)?;
    Some(peek(page.as_ptr()))
}

fn set_first_byte(xen: &Simulated, frame: u64, byte: u8) {
    let page = xen.page(frame).unwrap();
    // SAFETY: the page lives as long as the hypervisor, and nothing else uses it now.
    unsafe { page.write(byte) };
}

/// Gives a frame memory again if it has none.
fn refill(xen: &Simulated, frame: u64) {
    let memory = &mut xen.machine.borrow_mut().memory;
    if memory.place(frame).is_none() {
        let machine = memory.fresh();
        memory.put_ram(frame, machine);
    }
}

#[derive(Clone, Copy)]
struct Entry {
    /// 0 none, 1 for reading and writing, 2 for reading.
    given: u8,
    readers: u32,
    writers: u32,
}

quickcheck! {
    /// Maps and unmaps answer as counted, and the flags say what is in use.
    fn grants_do_as_the_model(steps: Vec<(u8, u8, u8)>, kind: bool) -> Result<(), String> {
        let guest = if kind { Guest::Pv } else { Guest::Hvm };
        let xen = Simulated::new(V4_17, guest);
        let frames = xen.frames();
        let mut entries = [Entry { given: 0, readers: 0, writers: 0 }; REFS as usize];
        let mut maps: BTreeMap<u32, (u64, u32, bool)> = BTreeMap::new();
        for (reference, frame) in (0..REFS).zip(&frames) {
            set_first_byte(&xen, *frame, 0x40 + reference as u8);
        }
        for (index, (what, which, place)) in steps.into_iter().take(40).enumerate() {
            let reference = u32::from(which) % REFS;
            let entry = &mut entries[reference as usize];
            let address = (HOLE + u64::from(place % 6)) << 12;
            let say = |got: i16, expected: i16| {
                if got == expected {
                    Ok(())
                } else {
                    Err(alloc::format!("step {index}: {got}, not {expected}"))
                }
            };
            match what % 5 {
                0 if entry.readers + entry.writers == 0 => {
                    entry.given = place % 3;
                    let word = [0, 1, 1 | 4][entry.given as usize];
                    put_entry(&xen, reference, word, 0, frames[reference as usize]);
                }
                1 | 2 if maps.values().all(|map| map.0 != address) => {
                    let readonly = place & 8 != 0;
                    let (status, handle) = map(&xen, reference, address, readonly, 0);
                    let in_use = entry.readers + entry.writers != 0;
                    let allowed = match entry.given {
                        0 => in_use && readonly,
                        1 => true,
                        _ => readonly,
                    };
                    say(status, if allowed { 0 } else { -1 })?;
                    if allowed {
                        maps.insert(handle, (address, reference, readonly));
                        if readonly {
                            entry.readers += 1;
                        } else {
                            entry.writers += 1;
                        }
                        let byte = first_byte(&xen, address);
                        if byte != Some(0x40 + reference as u8) {
                            return Err(alloc::format!("step {index}: {byte:?} is there"));
                        }
                        let stays = xen.page(frames[reference as usize]).is_some();
                        if !in_use && stays != kind {
                            return Err(alloc::format!("step {index}: only HVM loses it"));
                        }
                    }
                }
                3 => {
                    let handle = u32::from(which) % 8;
                    let known = maps.get(&handle).copied();
                    let address = known.map_or(address, |map| map.0);
                    let status = unmap(&xen, address, handle);
                    say(status, if known.is_some() { 0 } else { -4 })?;
                    if let Some((_, reference, readonly)) = maps.remove(&handle) {
                        let entry = &mut entries[reference as usize];
                        if readonly {
                            entry.readers -= 1;
                        } else {
                            entry.writers -= 1;
                        }
                        if first_byte(&xen, address).is_some() {
                            return Err(alloc::format!("step {index}: still there"));
                        }
                        let frame = frames[reference as usize];
                        refill(&xen, frame);
                        set_first_byte(&xen, frame, 0x40 + reference as u8);
                    }
                }
                4 => {
                    let target = frames[8 + which as usize % 4];
                    let mut copy = [gnttab_copy::ZERO];
                    copy[0].source.u.r#ref = reference;
                    copy[0].dest.u.gmfn = target as _;
                    copy[0].dest.domid = DOMID_SELF;
                    (copy[0].len, copy[0].flags, copy[0].status) = (16, 1, 99);
                    assert_eq!(ops(&xen, CALL, 5, &mut copy), 0);
                    let in_use = entry.readers + entry.writers != 0;
                    let allowed = entry.given != 0 || in_use;
                    say(copy[0].status, if allowed { 0 } else { -1 })?;
                    if allowed {
                        let byte = first_byte(&xen, target << 12).or_else(|| Some(peek(xen.page(target)?.as_ptr())));
                        if byte != Some(0x40 + reference as u8) {
                            return Err(alloc::format!("step {index}: {byte:?} was copied"));
                        }
                    }
                }
                _ => {}
            }
            for (reference, entry) in (0..).zip(&entries) {
                let bits = u16::from(entry.readers + entry.writers != 0) << 3
                    | u16::from(entry.writers != 0) << 4;
                let found = flags(&xen, reference) & 0x18;
                if found != bits {
                    return Err(alloc::format!("step {index}: flags {found:#x}, not {bits:#x}"));
                }
            }
        }
        Ok(())
    }
}

#[test]
fn a_domain_is_known_by_its_number() {
    let xen = Simulated::builder(V4_20, Guest::Hvm).domid(5).build();
    put_entry(&xen, 3, 1, 5, xen.frames()[0]);
    let address = HOLE << 12;
    assert_eq!(map(&xen, 3, address, false, DOMID_SELF).0, -2);
    assert_eq!(map(&xen, 3, address, false, 0).0, -2);
    assert_eq!(map(&xen, 4096, address, false, 5).0, -3);
    assert_eq!(map(&xen, 4, address, false, 5).0, -1);
    let (status, handle) = map(&xen, 3, address, false, 5);
    assert_eq!(status, 0);
    assert_eq!(unmap(&xen, address + 4096, handle), -1, "another address");
    assert_eq!(unmap(&xen, address, handle), 0);
    assert_eq!(unmap(&xen, address, handle), -4);
}

/// What a domain maps over its own page is gone; over a grant or a page of Xen's, the domain is.
#[test]
fn mapping_over_something_does_harm() {
    let xen = Simulated::builder(V4_17, Guest::Hvm).record_harm().build();
    let frames = xen.frames();
    put_entry(&xen, 0, 1, 0, frames[0]);
    let before = xen.frames().len();
    assert_eq!(map(&xen, 0, frames[9] << 12, false, 0).0, 0);
    // The page that was there, and the one that was mapped from where it was.
    assert_eq!(xen.frames().len(), before - 2);
    assert_eq!(xen.harm(), []);
    assert_eq!(map(&xen, 0, frames[9] << 12, false, 0).0, -1);
    let shared = xen_add_to_physmap {
        domid: DOMID_SELF,
        gpfn: HOLE as _,
        ..xen_add_to_physmap::ZERO
    };
    assert_eq!(op(&xen, 12, 7, &mut { shared }), 0);
    assert_eq!(map(&xen, 0, HOLE << 12, false, 0).0, -1);
    let harm: Vec<Harm> = xen.harm().into_iter().map(|(_, harm)| harm).collect();
    assert_eq!(harm, [Harm::Overwrites(frames[9]), Harm::Overwrites(HOLE)]);
}

#[test]
fn a_table_of_version_2_has_status_words() {
    let xen = Simulated::new(V4_17, Guest::Pv);
    let mut version = gnttab_set_version { version: 2 };
    assert_eq!(ops(&xen, CALL, 8, core::slice::from_mut(&mut version)), 0);
    let mut found = [gnttab_get_version {
        dom: DOMID_SELF,
        ..gnttab_get_version::ZERO
    }];
    assert_eq!(ops(&xen, CALL, 10, &mut found), 0);
    assert_eq!(found[0].version, 2);
    let mut frame = [0_u64];
    let mut status = [gnttab_get_status_frames::ZERO];
    status[0].nr_frames = 1;
    status[0].dom = DOMID_SELF;
    status[0].frame_list =
        crate::hypercall::native::Handle::of(frame.as_mut_ptr().expose_provenance());
    assert_eq!(ops(&xen, CALL, 9, &mut status), 0);
    assert_eq!(status[0].status, 0);
    let words = xen.page(frame[0]).unwrap().cast::<u16>();
    let own = xen.frames()[0];
    {
        let machine = xen.machine.borrow();
        let (page, offset) = machine.grants.entry(9);
        assert_eq!(offset, 9 * 16);
        machine
            .memory
            .u32(page, offset + 8)
            .store(own as u32, SeqCst);
        machine.memory.u16(page, offset).store(1, SeqCst);
    }
    let (mapped, handle) = map(&xen, 9, HOLE << 12, false, 0);
    assert_eq!(mapped, 0);
    let word = || peek(words.as_ptr().wrapping_add(9));
    assert_eq!((word(), flags(&xen, 9)), (0x18, 1));
    let mut busy = gnttab_set_version { version: 1 };
    assert_eq!(
        ops(&xen, CALL, 8, core::slice::from_mut(&mut busy)),
        errno(Errno::EBUSY)
    );
    assert_eq!(unmap(&xen, HOLE << 12, handle), 0);
    assert_eq!(word(), 0);
}

#[test]
fn a_table_grows_as_far_as_it_may() {
    for (release, first, most) in [
        (Release::new(3, 0, 4), 4, 4),
        (Release::new(4, 9, 0), 4, 32),
        (V4_14, 1, 64),
    ] {
        let xen = pv(release);
        let mut size = [gnttab_query_size {
            dom: DOMID_SELF,
            ..gnttab_query_size::ZERO
        }];
        let there = release >= Release::new(3, 1, 0);
        let expected = if there { 0 } else { ENOSYS };
        assert_eq!(ops(&xen, CALL, 6, &mut size), expected);
        if there {
            assert_eq!((size[0].nr_frames, size[0].max_nr_frames), (first, most));
        }
        let mut table = [gnttab_setup_table::ZERO];
        (table[0].dom, table[0].nr_frames) = (DOMID_SELF, most + 1);
        assert_eq!(ops(&xen, CALL, 2, &mut table), 0);
        assert_eq!(table[0].status, -1);
        let mut frames = alloc::vec![0 as Bits; most as usize];
        let address = frames.as_mut_ptr().expose_provenance();
        (table[0].nr_frames, table[0].status) = (most, 99);
        table[0].frame_list = handle(address);
        assert_eq!(ops(&xen, CALL, 2, &mut table), 0);
        assert_eq!(table[0].status, 0);
        for frame in frames {
            assert!(xen.page(wide(frame)).is_some());
        }
    }
}

#[test]
fn an_hvm_guest_finds_its_table_by_its_map() {
    let xen = Simulated::new(V4_20, Guest::Hvm);
    let mut request = xen_add_to_physmap {
        domid: DOMID_SELF,
        space: 1,
        idx: 3,
        gpfn: HOLE as _,
        ..xen_add_to_physmap::ZERO
    };
    assert_eq!(op(&xen, 12, 7, &mut request), 0);
    assert!(xen.page(HOLE).is_some());
    request.idx = 64;
    assert_eq!(op(&xen, 12, 7, &mut request), errno(Errno::EINVAL));
    let mut size = [gnttab_query_size {
        dom: DOMID_SELF,
        ..gnttab_query_size::ZERO
    }];
    assert_eq!(ops(&xen, CALL, 6, &mut size), 0);
    assert_eq!(size[0].nr_frames, 4);
}

#[test]
fn entries_swap_while_they_are_not_in_use() {
    let xen = pv(V4_17);
    let frames = xen.frames();
    put_entry(&xen, 10, 1, 0, frames[0]);
    put_entry(&xen, 11, 5, 7, frames[1]);
    let mut swap = [gnttab_swap_grant_ref {
        ref_a: 10,
        ref_b: 11,
        ..gnttab_swap_grant_ref::ZERO
    }];
    assert_eq!(ops(&xen, CALL, 11, &mut swap), 0);
    assert_eq!(
        (swap[0].status, flags(&xen, 10), flags(&xen, 11)),
        (0, 5, 1)
    );
    assert_eq!(map(&xen, 11, HOLE << 12, true, 0).0, 0);
    assert_eq!(ops(&xen, CALL, 11, &mut swap), 0);
    assert_eq!(swap[0].status, -12);
}
