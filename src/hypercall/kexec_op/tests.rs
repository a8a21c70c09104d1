use core::cell::Cell;

use super::*;
use crate::hypercall::fake::{Fake, read, write};
use crate::hypercall::{Errno, Unsupported, Why};
use crate::version::{Guest, Release};

const LOAD_V1: usize = 1;
const UNLOAD_V1: usize = 2;
const GET_RANGE: usize = 3;
const LOAD: usize = 4;
const UNLOAD: usize = 5;
const STATUS: usize = 6;

/// A Xen that has the commands up to a number, and answers the others like this.
fn having<'a>(release: Release, newest: usize, absent: isize) -> Xen<Fake<'a>> {
    Fake::new(release, Guest::Pv, move |number, [command, address, ..]| {
        assert_eq!(number, 37);
        if command > newest {
            return absent;
        }
        // SAFETY (of all): the command's argument, which is alive.
        match command {
            LOAD_V1 | UNLOAD_V1 => {
                // SAFETY: as above.
                let argument = unsafe { read::<xen_kexec_load_v1>(address) };
                assert_eq!(argument.r#type, KEXEC_TYPE_CRASH);
                if command == LOAD_V1 {
                    assert_eq!(argument.image.start_address, 0x5000);
                }
                0
            }
            LOAD => {
                // SAFETY: as above.
                let argument = unsafe { read::<xen_kexec_load>(address) };
                if argument.nr_segments > 16 {
                    return -22;
                }
                assert_eq!((argument.r#type, argument.arch), (1, 62));
                assert_eq!((argument.nr_segments, argument.entry_maddr), (1, 0x10_0000));
                // SAFETY: what the call put there.
                let at = unsafe { argument.segments.h }.raw() as usize;
                // SAFETY: the list has one segment.
                let segment = unsafe { read::<xen_kexec_segment>(at) };
                assert_eq!((segment.buf_size, segment.dest_size), (5, 4096));
                assert_eq!(segment.dest_maddr, 0x10_0000);
                0
            }
            // SAFETY: as above.
            UNLOAD | STATUS => match unsafe { read::<u8>(address) } {
                0 => 0,
                1 => isize::from(command == STATUS),
                _ => -22,
            },
            _ => panic!("command {command}"),
        }
    })
    .xen()
}

const OLD: Release = Release::new(4, 3, 4);
const NEW: Release = Release::new(4, 17, 5);

fn load_crash(xen: &Xen<Fake<'_>>, older: bool) -> Result<Loaded> {
    let segments = [segment(b"image", 0x10_0000, 4096)];
    let mut image = xen_kexec_image::ZERO;
    image.start_address = 0x5000;
    let older = || older.then_some(image);
    // SAFETY: the fake starts nothing.
    unsafe { load(xen, Image::Crash, 62, 0x10_0000, &segments, older) }
}

#[test]
fn an_image_is_loaded_the_newer_way_where_it_is() {
    let xen = having(NEW, STATUS, 0);
    assert_eq!(load_crash(&xen, false), Ok(Loaded::Segments));
    // Once for real, and once to be sure.
    assert_eq!(xen.conduit().numbers(), ["37.4", "37.4"]);
    assert_eq!(unload(&xen, Image::Crash), Ok(()));
    assert_eq!(xen.conduit().numbers()[2..], ["37.5", "37.5"]);
}

#[test]
fn an_older_release_gets_the_list_of_pages() {
    let xen = having(OLD, GET_RANGE, 0);
    assert_eq!(load_crash(&xen, true), Ok(Loaded::PageList));
    assert_eq!(unload(&xen, Image::Crash), Ok(()));
    // The newer commands are not even tried.
    assert_eq!(xen.conduit().numbers(), ["37.1", "37.2"]);
    let error = load_crash(&xen, false).unwrap_err();
    let Error::Unsupported(Unsupported { operation, why }) = error else {
        panic!("{error}");
    };
    assert_eq!(operation, Operation::KEXEC_CMD_kexec_load);
    assert!(matches!(why, Why::Release { span, .. } if span.first == Release::new(4, 4, 0)));
}

#[test]
fn a_success_that_is_none_is_recognised() {
    // By its number it has the newer commands, but it only claims to.
    let xen = having(NEW, GET_RANGE, 0);
    assert_eq!(load_crash(&xen, true), Ok(Loaded::PageList));
    assert_eq!(unload(&xen, Image::Crash), Ok(()));
    assert_eq!(
        xen.conduit().numbers(),
        ["37.4", "37.4", "37.1", "37.5", "37.5", "37.2"]
    );
    // It is kept in mind.
    assert_eq!(load_crash(&xen, true), Ok(Loaded::PageList));
    assert_eq!(xen.conduit().numbers()[6..], ["37.1"]);
    let why = Why::Build { running: NEW };
    let operation = Operation::KEXEC_CMD_kexec_status;
    let unsupported = Error::Unsupported(Unsupported { operation, why });
    assert_eq!(status(&xen, Image::Default), Err(unsupported));
}

#[test]
fn a_release_that_says_so_is_believed() {
    // Late ones of 4.20 answer as 4.22 does.
    for release in [Release::new(4, 20, 3), Release::new(4, 22, 0)] {
        let xen = having(release, GET_RANGE, -95);
        assert_eq!(load_crash(&xen, true), Ok(Loaded::PageList));
        assert_eq!(unload(&xen, Image::Crash), Ok(()));
        assert_eq!(xen.conduit().numbers(), ["37.4", "37.1", "37.5", "37.2"]);
    }
}

#[test]
fn other_refusals_stand() {
    let xen = Fake::new(NEW, Guest::Pv, |_, _| -1).xen();
    let refused = |call| {
        let errno = Errno::EPERM;
        Error::Refused { call, errno }
    };
    assert_eq!(load_crash(&xen, true), Err(refused("KEXEC_CMD_kexec_load")));
    assert_eq!(
        unload(&xen, Image::Default),
        Err(refused("KEXEC_CMD_kexec_unload"))
    );
    assert_eq!(xen.conduit().numbers(), ["37.4", "37.5"]);
    // SAFETY: the fake starts nothing.
    let error = unsafe { kexec(&xen, Image::Default) };
    assert_eq!(error, refused("KEXEC_CMD_kexec"));
    let xen = Fake::new(NEW, Guest::Pv, |_, _| 0).xen();
    // SAFETY: the fake starts nothing.
    let error = unsafe { kexec(&xen, Image::Default) };
    let call = "KEXEC_CMD_kexec";
    assert_eq!(error, Error::Nonsense { call, answer: 0 });
}

#[test]
fn status_tells_loaded_from_not_loaded_from_not_known() {
    let xen = having(NEW, STATUS, 0);
    assert_eq!(status(&xen, Image::Default), Ok(false));
    assert_eq!(status(&xen, Image::Crash), Ok(true));
    assert_eq!(xen.conduit().numbers(), ["37.6", "37.6", "37.6"]);
    let old = having(Release::new(4, 8, 5), UNLOAD, 0);
    assert!(matches!(
        status(&old, Image::Crash),
        Err(Error::Unsupported(_))
    ));
    assert!(old.conduit().calls().is_empty());
    let two = Fake::new(NEW, Guest::Pv, |_, _| 2).xen();
    let call = "KEXEC_CMD_kexec_status";
    assert_eq!(
        status(&two, Image::Crash),
        Err(Error::Nonsense { call, answer: 2 })
    );
}

#[test]
fn a_range_is_what_xen_wrote() {
    let answers = Cell::new(true);
    let xen = Fake::new(NEW, Guest::Pv, |_, [command, address, ..]| {
        assert_eq!(command, GET_RANGE);
        // SAFETY: the call's argument, which is alive.
        let mut argument = unsafe { read::<xen_kexec_range>(address) };
        assert_eq!((argument.range, argument.nr), (KEXEC_RANGE_MA_CPU, 3));
        argument.start = 0x7000;
        argument.size = 0x400;
        if answers.get() {
            // SAFETY: the same argument.
            unsafe { write(address, argument) };
        }
        0
    })
    .xen();
    assert_eq!(range(&xen, Range::Cpu(3)), Ok((0x7000, 0x400)));
    answers.set(false);
    assert!(matches!(
        range(&xen, Range::Cpu(3)),
        Err(Error::Unsupported(_))
    ));
    // It is not asked again, and what this architecture never had is not asked at all.
    assert!(range(&xen, Range::Cpu(3)).is_err());
    assert!(matches!(
        range(&xen, Range::XenHeap),
        Err(Error::Unsupported(_))
    ));
    assert_eq!(xen.conduit().calls().len(), 2);
}

#[test]
fn other_guests_have_none_of_it() {
    for guest in [Guest::Hvm, Guest::Arm] {
        let xen = Fake::new(NEW, guest, |_, _| 0).xen();
        let unsupported = |error: Error| match error {
            Error::Unsupported(Unsupported { why, .. }) => assert_eq!(why, Why::Guest(guest)),
            other => panic!("{other}"),
        };
        unsupported(load_crash(&xen, true).unwrap_err());
        unsupported(unload(&xen, Image::Crash).unwrap_err());
        unsupported(status(&xen, Image::Crash).unwrap_err());
        unsupported(range(&xen, Range::Crash).unwrap_err());
        // SAFETY: the fake starts nothing.
        unsupported(unsafe { kexec(&xen, Image::Crash) });
        assert!(xen.conduit().calls().is_empty());
    }
}
