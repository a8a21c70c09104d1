use alloc::vec;
use core::cell::Cell;

use xen_public::errno::Errno;
use xen_public::native::memory::{xen_add_to_physmap, xen_mem_acquire_resource};
use xen_public::xen::DomId;

use super::*;

#[test]
fn a_resource_is_acquired_and_measured() {
    let xen = Fake::new(NEW, Guest::Pv, |_, [op, address, ..]| {
        assert_eq!(op, 28);
        let mut acquire: xen_mem_acquire_resource = argument(address);
        assert_eq!((acquire.domid, acquire.r#type, acquire.id), (3, 0, 7));
        assert_eq!(acquire.pad, 0);
        if acquire.frame_list.is_null() {
            assert_eq!(acquire.nr_frames, 0);
            acquire.nr_frames = 2;
            answer(address, acquire);
        } else {
            assert_eq!(({ acquire.frame }, acquire.nr_frames), (1, 1));
            answer(address!(acquire.frame_list), 0x77 as FrameWord);
        }
        0
    })
    .xen();
    let server = Resource::IoreqServer(7);
    assert_eq!(acquire_resource_size(&xen, DomId::new(3), server), Ok(2));
    let mut frames = [0];
    // SAFETY: nothing is put at frames of a PV guest.
    let acquired = unsafe { acquire_resource(&xen, DomId::new(3), server, 1, &mut frames) };
    assert_eq!(
        acquired,
        Ok(Acquired {
            caller_owned: false
        })
    );
    assert_eq!(frames, [0x77]);
}

#[test]
fn older_releases_take_few_frames_at_once_and_own_some() {
    let xen = Fake::new(release(4, 12, 0), Guest::Hvm, |_, [_, address, ..]| {
        let mut acquire: xen_mem_acquire_resource = argument(address);
        acquire.pad = 1;
        answer(address, acquire);
        let frame = acquire.frame;
        match frame {
            0 => 0,
            32 => -22,
            frame => panic!("{frame}"),
        }
    })
    .xen();
    let mut frames = [5; 40];
    let acquire = |frames: &mut [FrameWord]| {
        // SAFETY: there is no memory that could be replaced.
        unsafe { acquire_resource(&xen, DomId::new(2), Resource::GrantTable, 0, frames) }
    };
    let expected = Error::PartialBatch {
        call: "XENMEM_acquire_resource",
        done: 32,
        total: 40,
        cause: Some(Errno::EINVAL.into()),
    };
    assert_eq!(acquire(&mut frames), Err(expected));
    let own = acquire(&mut frames[..32]);
    assert_eq!(own, Ok(Acquired { caller_owned: true }));
}

#[test]
fn a_grant_table_comes_by_the_older_ways() {
    use xen_public::native::grant_table::{gnttab_query_size, gnttab_setup_table};
    let pv = Fake::new(
        release(4, 10, 0),
        Guest::Pv,
        |number, [op, address, count, ..]| {
            assert_eq!((number, count), (20, 1));
            match op {
                2 => {
                    let mut setup: gnttab_setup_table = argument(address);
                    assert_eq!(setup.nr_frames, 3);
                    answer(address!(setup.frame_list), [10 as FrameWord, 11, 12]);
                    setup.status = 0;
                    answer(address, setup);
                }
                6 => {
                    let mut query: gnttab_query_size = argument(address);
                    (query.nr_frames, query.max_nr_frames, query.status) = (1, 33, 0);
                    answer(address, query);
                }
                op => panic!("{op}"),
            }
            0
        },
    )
    .xen();
    let mut frames = [0; 2];
    // SAFETY: nothing is put at frames of a PV guest.
    let acquired =
        unsafe { acquire_resource(&pv, DomId::SELF, Resource::GrantTable, 1, &mut frames) };
    assert_eq!(acquired, Ok(Acquired { caller_owned: true }));
    assert_eq!(frames, [11, 12]);
    let size = |resource| acquire_resource_size(&pv, DomId::SELF, resource);
    assert_eq!(size(Resource::GrantTable), Ok(33));
    assert_eq!(size(Resource::GrantStatus), Ok(5));
    unsupported(size(Resource::IoreqServer(0)));
}

#[test]
fn frames_that_were_put_before_a_refusal_are_counted() {
    // Before 4.15 the frames go in parts of 32.
    for release in [release(4, 10, 0), NEW] {
        for refused in [0, 1, 31, 32, 33, 39] {
            let left = Cell::new(refused);
            let hvm = Fake::new(release, Guest::Hvm, |_, _| match left.get() {
                0 => -12,
                more => {
                    left.set(more - 1);
                    0
                }
            })
            .xen();
            let mut frames: Vec<FrameWord> = (90..130).collect();
            let resource = Resource::GrantTable;
            // SAFETY: there is no memory that could be replaced.
            let answer = unsafe { acquire_resource(&hvm, DomId::SELF, resource, 0, &mut frames) };
            let expected = match refused {
                0 => Error::Refused {
                    call: "XENMEM_add_to_physmap",
                    errno: Errno::ENOMEM,
                },
                done => Error::PartialBatch {
                    call: "XENMEM_acquire_resource",
                    done,
                    total: 40,
                    cause: Some(Errno::ENOMEM.into()),
                },
            };
            assert_eq!(answer, Err(expected), "{release} {refused}");
        }
    }
}

#[test]
fn a_translated_guest_has_its_own_grant_table_put_at_frames() {
    let seen = Cell::new(vec![]);
    for release in [release(4, 10, 0), NEW] {
        let hvm = Fake::new(release, Guest::Hvm, |number, [op, address, ..]| {
            assert_eq!((number, op), (12, 7));
            let add: xen_add_to_physmap = argument(address);
            assert_eq!(add.domid, 0x7ff0);
            let mut all = seen.take();
            all.push((wide(add.idx), wide(add.gpfn)));
            seen.set(all);
            0
        })
        .xen();
        let mut frames = [90, 91];
        let mut acquire = |domain| {
            let resource = Resource::GrantStatus;
            // SAFETY: there is no memory that could be replaced.
            unsafe { acquire_resource(&hvm, domain, resource, 2, &mut frames) }
        };
        acquire(DomId::SELF).unwrap();
        assert_eq!(seen.take(), [(0x8000_0002, 90), (0x8000_0003, 91)]);
        // That of another domain would go into the other's physmap.
        if release != NEW {
            unsupported(acquire(DomId::new(1)));
            assert_eq!(seen.take(), []);
        }
    }
}
