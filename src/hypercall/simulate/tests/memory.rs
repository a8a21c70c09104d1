//! Reservations and the physical map.

use alloc::collections::BTreeSet;

use quickcheck::quickcheck;
use xen_public::native::memory::*;

use super::*;

const CALL: u32 = 12;

/// Changes the reservation by a list of single frames.
fn change(xen: &Simulated, sub_op: usize, frames: &mut [Bits]) -> isize {
    let mut request = xen_memory_reservation::ZERO;
    request.extent_start = handle(frames.as_mut_ptr().expose_provenance());
    request.nr_extents = frames.len() as _;
    request.domid = DOMID_SELF;
    op(xen, CALL, sub_op, &mut request)
}

fn ask(xen: &Simulated, sub_op: usize) -> isize {
    op(
        xen,
        CALL,
        sub_op,
        &mut xen_memory_domain { domid: DOMID_SELF },
    )
}

quickcheck! {
    /// Counts are those of what was there, and the reservation follows.
    fn reservations_do_as_the_model(steps: Vec<(bool, Vec<u8>)>, kind: u8) -> Result<(), String> {
        let guest = Guest::ALL[kind as usize % 3];
        let xen = Simulated::builder(V4_17, guest).memory(16, 20).build();
        let base = xen.frames()[0];
        // What the domain can see, and how many pages it has. ARM's first domain keeps them all.
        let mut own: BTreeSet<u64> = xen.frames().into_iter().collect();
        let mut total = 16;
        for (index, (down, list)) in steps.into_iter().take(20).enumerate() {
            // PV frames are any of the machine's, and one that is nobody's.
            let pool: Vec<u64> = match guest {
                Guest::Pv => own.iter().copied().chain([0x9999]).collect(),
                _ => (base..base + 24).collect(),
            };
            let frame = |number: &u8| pool[*number as usize % pool.len()] as Bits;
            let mut frames: Vec<Bits> = list.iter().take(9).map(frame).collect();
            let asked = frames.clone();
            let got = change(&xen, if down { 1 } else { 6 }, &mut frames);
            let mut expected = 0;
            for (frame, fresh) in asked.iter().zip(&frames) {
                let (frame, fresh) = (wide(*frame), wide(*fresh));
                let ok = match (down, guest) {
                    (true, _) => own.remove(&frame),
                    (false, Guest::Arm) => frame < base + 16,
                    (false, _) => total < 20,
                };
                if !ok {
                    break;
                }
                expected += 1;
                match (down, guest) {
                    (_, Guest::Arm) => {}
                    (true, _) => total -= 1,
                    (false, _) => total += 1,
                }
                if !down {
                    // PV gets a frame of the machine's choice.
                    own.insert(if guest == Guest::Pv { fresh } else { frame });
                }
            }
            let now: BTreeSet<u64> = xen.frames().into_iter().collect();
            if (got, ask(&xen, 3)) != (expected, total) || now != own {
                return Err(alloc::format!(
                    "step {index}, {asked:x?}: {got} and {}, not {expected} and {total}; {now:x?}, not {own:x?}",
                    ask(&xen, 3)
                ));
            }
        }
        Ok(())
    }
}

#[test]
fn pages_go_and_come_back() {
    for (release, guest) in everywhere() {
        let xen = Simulated::new(release, guest);
        let frame = xen.frames()[7];
        let before = ask(&xen, 3);
        assert_eq!(before, 256);
        assert_eq!(ask(&xen, 4), 512);
        let mut list = [frame as Bits, 0xf_0000];
        assert_eq!(
            change(&xen, 1, &mut list),
            1,
            "{release} {guest}: the second is a hole"
        );
        assert_eq!(xen.page(frame), None);
        // ARM's first domain keeps what it gives back.
        let kept = isize::from(guest != Guest::Arm);
        assert_eq!(ask(&xen, 3), before - kept, "{release} {guest}");
        let there = release >= Release::new(3, 0, 2);
        let mut list = [frame as Bits];
        let got = change(&xen, 6, &mut list);
        assert_eq!(got, if there { 1 } else { ENOSYS }, "{release} {guest}");
        if there {
            assert!(xen.page(wide(list[0])).is_some());
            assert_eq!(ask(&xen, 3), before);
        }
        assert_eq!(xen.harm(), []);
        assert_eq!(xen.unmodelled(), []);
    }
}

#[test]
fn a_bad_list_counts_as_nothing() {
    let xen = Simulated::builder(V4_17, Guest::Pv).record_harm().build();
    assert_eq!(plain(&xen, CALL, [1, 0, 0, 0, 0]), 0);
    assert_eq!(xen.harm().len(), 1);
    let oldest = Simulated::builder(Release::new(3, 0, 0), Guest::Pv)
        .record_harm()
        .build();
    assert_eq!(plain(&oldest, CALL, [1, 0, 0, 0, 0]), EFAULT);
    let mut other = xen_memory_domain { domid: 77 };
    assert_eq!(op(&xen, CALL, 3, &mut other), errno(Errno::ESRCH));
}

#[test]
fn the_shared_page_moves_in_the_map() {
    let xen = Simulated::new(V4_14, Guest::Hvm);
    let at = |gpfn: u64| xen_add_to_physmap {
        domid: DOMID_SELF,
        gpfn: gpfn as _,
        ..xen_add_to_physmap::ZERO
    };
    assert_eq!(op(&xen, CALL, 7, &mut at(0x9000)), 0);
    assert_eq!(xen.page(0x9000), Some(xen.shared_info().cast()));
    assert_eq!(op(&xen, CALL, 7, &mut at(0x9001)), 0);
    assert_eq!(xen.page(0x9000), None);
    let mut remove = xen_remove_from_physmap {
        domid: DOMID_SELF,
        gpfn: 0x9001,
        ..xen_remove_from_physmap::ZERO
    };
    assert_eq!(op(&xen, CALL, 15, &mut remove), 0);
    assert_eq!(op(&xen, CALL, 15, &mut remove), errno(Errno::ENOENT));
    // A page of the domain's own moves too, and leaves a hole.
    let own = xen.frames()[3];
    let mut moves = xen_add_to_physmap {
        space: 2,
        idx: own as _,
        ..at(0x9002)
    };
    assert_eq!(op(&xen, CALL, 7, &mut moves), 0);
    assert_eq!(ask(&xen, 3), 256);
    assert_eq!(xen.page(own), None);
}

#[test]
fn a_batch_tells_of_each() {
    let xen = Simulated::new(V4_20, Guest::Arm);
    let (mut indices, mut frames) = ([0 as Bits, 1, 99], [0x9000 as Bits, 0x9001, 0x9002]);
    let mut errors = [7_i32; 3];
    let mut batch = xen_add_to_physmap_batch::ZERO;
    (batch.domid, batch.space, batch.size) = (DOMID_SELF, 1, 3);
    batch.idxs = handle(indices.as_mut_ptr().expose_provenance());
    batch.gpfns = handle(frames.as_mut_ptr().expose_provenance());
    batch.errs = handle(errors.as_mut_ptr().expose_provenance());
    assert_eq!(op(&xen, CALL, 23, &mut batch), 0);
    let einval = -Errno::EINVAL.get();
    assert_eq!(peek(&raw const errors), [0, 0, einval]);
    let old = Simulated::new(Release::new(4, 3, 0), Guest::Pv);
    assert_eq!(op(&old, CALL, 23, &mut batch), ENOSYS);
}

#[test]
fn a_memory_map_is_read_and_set() {
    let xen = Simulated::new(V4_17, Guest::Hvm);
    let mut entries = [[0_u32; 5]; 4];
    let mut map = xen_memory_map::ZERO;
    map.nr_entries = 4;
    map.buffer = handle(entries.as_mut_ptr().expose_provenance());
    assert_eq!(op(&xen, CALL, 9, &mut map), 0);
    let first = peek(&raw const entries[0]);
    assert_eq!((map.nr_entries, first), (1, [0, 0, 256 * 4096, 0, 1]));
    assert_eq!(op(&pv(V4_17), CALL, 9, &mut map), ENOSYS);
    assert_eq!(
        op(
            &Simulated::new(Release::new(4, 5, 0), Guest::Hvm),
            CALL,
            9,
            &mut map
        ),
        ENOSYS
    );
}
