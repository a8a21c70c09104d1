//! Probing and resuming, against a hypervisor that says whatever it is told to.
#![allow(unsafe_code)]

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::error::Error as _;

use super::*;
use crate::hypercall::{Unsupported, Why};

const ENOSYS: isize = Errno::ENOSYS.to_return() as isize;

/// What it says. Everything but the questions of a probe works.
struct Oracle {
    version: Cell<isize>,
    extraversion: RefCell<&'static [u8]>,
    capabilities: &'static [u8],
    /// The answer, and the features if it is 0.
    features: Cell<(isize, Features)>,
    guest: Option<Guest>,
    refused: Cell<Option<(u32, isize)>>,
    calls: RefCell<Vec<u32>>,
}

impl Oracle {
    fn new(major: isize, minor: isize, extraversion: &'static [u8]) -> Self {
        Self {
            version: Cell::new(major << 16 | minor),
            extraversion: RefCell::new(extraversion),
            capabilities: b"xen-3.0-x86_64 \0",
            features: Cell::new((0, Features::EMPTY)),
            guest: None,
            refused: Cell::new(None),
            calls: RefCell::default(),
        }
    }

    /// The same to a conduit that is one kind of guest's.
    fn to(self, guest: Guest) -> Self {
        Self {
            guest: Some(guest),
            ..self
        }
    }
}

// SAFETY: it writes no more than the questions have room for.
unsafe impl Conduit for Oracle {
    unsafe fn hypercall(&self, number: u32, [sub_op, address, ..]: [usize; 5]) -> isize {
        self.calls.borrow_mut().push(number);
        if let Some((refused, answer)) = self.refused.get() {
            if refused == number {
                return answer;
            }
        }
        let write = |bytes: &[u8]| {
            let to = core::ptr::with_exposed_provenance_mut::<u8>(address);
            // SAFETY: the buffers have at least 16 bytes, or for the features 8.
            unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        };
        match (number, sub_op) {
            (17, 0) => return self.version.get(),
            (17, 1) => write(*self.extraversion.borrow()),
            (17, 3) => write(self.capabilities),
            (17, 6) => {
                let (answer, features) = self.features.get();
                if answer == 0 {
                    let mut info = [0; 8];
                    info[4..].copy_from_slice(&features.bits().to_ne_bytes());
                    write(&info);
                }
                return answer;
            }
            _ => {}
        }
        0
    }

    fn guest(&self) -> Option<Guest> {
        self.guest
    }
}

#[test]
fn a_probe_finds_release_guest_and_features() {
    let oracle = Oracle::new(4, 17, b".5\0").to(Guest::Pv);
    oracle.features.set((0, Features::DOM0));
    let xen = Xen::probe(&oracle).unwrap();
    assert_eq!(xen.release(), Release::new(4, 17, 5));
    assert_eq!(xen.guest(), Guest::Pv);
    assert_eq!(xen.features(), Features::DOM0);
    assert_eq!(
        xen.to_string(),
        "Xen 4.17.5 (.5), x86 PV guest; can run xen-3.0-x86_64 ; features: XENFEAT_dom0"
    );
    assert!(format!("{xen:?}").contains("4.17.5"));
}

#[test]
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
fn the_features_tell_the_guest_where_the_conduit_does_not() {
    for (features, guest) in [
        (Features::EMPTY, Guest::Pv),
        (Features::DOM0, Guest::Pv),
        (Features::AUTO_TRANSLATED_PHYSMAP, Guest::Hvm),
    ] {
        let oracle = Oracle::new(4, 17, b".5\0");
        oracle.features.set((0, features));
        assert_eq!(Xen::probe(&oracle).unwrap().guest(), guest);
    }
    let oracle = Oracle::new(4, 17, b".5\0").to(Guest::Arm);
    assert_eq!(Xen::probe(&oracle).unwrap().guest(), Guest::Arm);
}

#[test]
fn a_xen_without_features_has_none() {
    let oracle = Oracle::new(3, 0, b".0\0").to(Guest::Pv);
    oracle.features.set((ENOSYS, Features::EMPTY));
    let xen = Xen::probe(&oracle).unwrap();
    assert_eq!(xen.release(), Release::new(3, 0, 0));
    assert_eq!(xen.features(), Features::EMPTY);
    let oracle = Oracle::new(4, 17, b".5\0");
    oracle.features.set((-1, Features::EMPTY));
    let refused = Error::Refused {
        call: "XENVER_get_features",
        errno: Errno::EPERM,
    };
    assert_eq!(Xen::probe(&oracle).unwrap_err(), ProbeError::Call(refused));
}

#[test]
fn a_version_that_is_none_is_not_guessed() {
    for (major, minor) in [(3, 5), (0x100, 0), (4, 0x100), (0x7fff, 0xffff)] {
        let version = (major << 16 | minor) as u32;
        let error = Xen::probe(Oracle::new(major, minor, b".0\0")).unwrap_err();
        let expected = ProbeError::Release(ReleaseError::Version(version));
        assert_eq!(error, expected, "{major}.{minor}");
        assert_eq!(
            error.to_string(),
            format!("{version:#010x} is no version of Xen")
        );
        assert!(error.source().is_some());
    }
    for (major, minor) in [(0, 0), (2, 0), (2, 0xffff)] {
        let error = Xen::probe(Oracle::new(major, minor, b".0\0")).unwrap_err();
        assert!(
            matches!(error, ProbeError::Call(Error::Nonsense { .. })),
            "{major}.{minor}: {error}"
        );
    }
    let error = Xen::probe(Oracle::new(-1, -38, b".0\0")).unwrap_err();
    assert!(matches!(error, ProbeError::Call(_)), "{error}");
}

#[test]
fn the_releases_of_3_0_need_their_text() {
    for point in 0..=4_u8 {
        let texts: [&[u8]; 5] = [b".0\0", b".1\0", b".2-3\0", b".3\0", b".4-1\0"];
        let oracle = Oracle::new(3, 0, texts[point as usize]).to(Guest::Pv);
        let xen = Xen::probe(&oracle).unwrap();
        assert_eq!(xen.release(), Release::new(3, 0, point));
        let sends = xen.can(Operation::EVTCHNOP_send).is_ok();
        assert_eq!(sends, point >= 3, "number 32 is set_trap_table before");
    }
    let texts: [&[u8]; 4] = [b"\0", b"-unstable\0", b"<denied>\0", b".5\0"];
    for text in texts {
        let oracle = Oracle::new(3, 0, text);
        let error = Xen::probe(&oracle).unwrap_err();
        let version = 0x3_0000;
        let expected = ProbeError::Release(ReleaseError::Extraversion { version });
        assert_eq!(error, expected);
        assert_eq!(
            error.to_string(),
            "version 0x00030000 alone names no release, and the text after it does not help"
        );
        assert_eq!(*oracle.calls.borrow(), [17, 17], "nothing else was asked");
    }
}

#[test]
fn a_text_without_an_end_is_an_error() {
    let error = Xen::probe(Oracle::new(4, 17, b"0123456789abcdef")).unwrap_err();
    let unterminated = Error::Unterminated {
        call: "XENVER_extraversion",
        size: 16,
    };
    assert_eq!(error, ProbeError::Call(unterminated));
    assert_eq!(error.to_string(), unterminated.to_string());
}

#[test]
fn a_resume_says_what_changed() {
    let oracle = Oracle::new(4, 17, b".5\0").to(Guest::Pv);
    let mut xen = Xen::probe(&oracle).unwrap();
    let changes = xen.resume().unwrap();
    assert!(changes.is_empty());
    assert_eq!(changes.operations().count(), 0);
    assert_eq!(changes.to_string(), "nothing changed");

    // To an older Xen, and what was learned is forgotten.
    xen.withhold(Operation::EVTCHNOP_send);
    oracle.version.set(0x4_000d);
    *oracle.extraversion.borrow_mut() = b".0\0";
    let changes = xen.resume().unwrap();
    assert!(!changes.is_empty());
    assert_eq!(xen.release(), Release::new(4, 13, 0));
    assert_eq!(
        (changes.before.release, changes.after.release),
        (Release::new(4, 17, 5), Release::new(4, 13, 0))
    );
    let of = |wanted| {
        changes
            .operations()
            .find(|&(operation, _)| operation == wanted)
    };
    let hypfs = Operation::XEN_HYPFS_OP_read;
    assert_eq!(of(hypfs), Some((hypfs, false)));
    let send = Operation::EVTCHNOP_send;
    assert_eq!(of(send), Some((send, true)));
    assert_eq!(of(Operation::EVTCHNOP_close), None);
    let text = changes.to_string();
    assert!(
        text.starts_with("Xen 4.17.5 became Xen 4.13; gone: "),
        "{text}"
    );
    assert!(text.contains("XEN_HYPFS_OP_read"), "{text}");
    assert!(
        text.contains("; new: FLASK_DISABLE, EVTCHNOP_send, "),
        "{text}"
    );
    let why = Why::Release {
        running: Release::new(4, 13, 0),
        guest: Guest::Pv,
        span: hypfs.span(Guest::Pv).unwrap(),
    };
    let operation = hypfs;
    assert_eq!(xen.can(hypfs), Err(Unsupported { operation, why }));
}

#[test]
fn a_resume_tries_out_again() {
    let oracle = Oracle::new(4, 17, b".5\0").to(Guest::Hvm);
    let mut xen = Xen::probe(&oracle).unwrap();
    assert!(xen.can(Operation::XEN_HYPFS_OP_read).is_ok());
    oracle.refused.set(Some((42, ENOSYS)));
    let changes = xen.resume().unwrap();
    assert!(xen.can(Operation::XEN_HYPFS_OP_read).is_err());
    assert_eq!(
        changes.to_string(),
        "still Xen 4.17.5; gone: __HYPERVISOR_hypfs_op, XEN_HYPFS_OP_get_version, \
         XEN_HYPFS_OP_read, XEN_HYPFS_OP_write_contents"
    );
}

#[test]
fn a_resume_that_fails_leaves_what_was_known() {
    let oracle = Oracle::new(4, 17, b".5\0").to(Guest::Pv);
    let mut xen = Xen::probe(&oracle).unwrap();
    let before = xen.known().clone();
    oracle.version.set(0x0005_0000_0000_0000_u64 as isize);
    oracle.refused.set(Some((17, -1)));
    assert!(xen.resume().is_err());
    assert_eq!(*xen.known(), before);
    assert!(xen.can(Operation::EVTCHNOP_send).is_ok());
}
