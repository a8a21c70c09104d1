//! Each question's buffer, and the older ways.

use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::hypercall::fake::{Fake, read, write};
use crate::version::{Guest, Release};

const NEW: Release = Release::new(4, 20, 0);
const OLD: Release = Release::new(4, 19, 0);
const OLDEST: Release = Release::new(3, 0, 0);

/// A hypervisor that answers `xen_version`'s sub-op at an address.
fn telling<'a>(release: Release, answer: impl Fn(usize, usize) -> isize + 'a) -> Xen<Fake<'a>> {
    Fake::new(release, Guest::Pv, move |number, [sub_op, address, ..]| {
        assert_eq!(number, 17);
        answer(sub_op, address)
    })
    .xen()
}

/// A hypervisor that fills a text of `N` bytes, up to its last one.
fn filling<const N: usize>(release: Release, wanted: usize, end: u8) -> Xen<Fake<'static>> {
    telling(release, move |sub_op, address| {
        assert_eq!(sub_op, wanted);
        let mut text = [b'x'; N];
        text[N - 1] = end;
        // SAFETY: the sub-op has so many bytes to fill.
        unsafe { write(address, text) };
        0
    })
}

#[test]
fn texts_of_fixed_size_end_within_it() {
    let x = |length| vec![b'x'; length];
    let xen = filling::<64>(OLDEST, 4, 0);
    assert_eq!(changeset(&xen).unwrap().as_bytes(), x(63));
    let xen = filling::<1024>(OLD, 9, 0);
    assert_eq!(commandline(&xen).unwrap().as_bytes(), x(1023));
    let unterminated = |call, size| Some(Error::Unterminated { call, size });
    let xen = filling::<64>(NEW, 4, b'x');
    assert_eq!(changeset(&xen).err(), unterminated("XENVER_changeset", 64));
    let xen = filling::<1024>(NEW, 9, b'x');
    assert_eq!(
        commandline(&xen).err(),
        unterminated("XENVER_commandline", 1024)
    );
    let silent = telling(NEW, |_, _| 0);
    assert_eq!(
        changeset(&silent).err(),
        unterminated("XENVER_changeset", 64)
    );
    let old = telling(Release::new(3, 4, 0), |_, _| 0);
    assert!(matches!(commandline(&old), Err(Error::Unsupported(_))));
}

#[test]
fn a_build_is_told_in_four_texts() {
    let whole = |last: u8| {
        telling(NEW, move |sub_op, address| {
            assert_eq!(sub_op, 2);
            let mut info = xen_compile_info::ZERO;
            info.compiler[..3].copy_from_slice(b"gcc");
            info.compile_by[..2].copy_from_slice(b"me");
            info.compile_domain[..4].copy_from_slice(b"here");
            info.compile_date = [last; 32];
            info.compile_date[0] = b'd';
            // SAFETY: the sub-op has an `xen_compile_info` to fill.
            unsafe { write(address, info) };
            0
        })
    };
    let info = compile_info(&whole(0)).unwrap();
    let texts = [
        info.compiler.as_bytes(),
        info.by.as_bytes(),
        info.domain.as_bytes(),
        info.date.as_bytes(),
    ];
    assert_eq!(texts, [&b"gcc"[..], b"me", b"here", b"d"]);
    let unterminated = Error::Unterminated {
        call: "XENVER_compile_info",
        size: 32,
    };
    assert_eq!(compile_info(&whole(b'x')), Err(unterminated));
}

#[test]
fn parameters_and_handle_are_what_xen_wrote() {
    let xen = telling(NEW, |sub_op, address| {
        match sub_op {
            // SAFETY: the sub-op has a word to fill.
            5 => unsafe { write(address, 0xf580_0000_usize) },
            // SAFETY: the sub-op has 16 bytes to fill.
            8 => unsafe { write(address, [7_u8; 16]) },
            other => panic!("{other}"),
        }
        0
    });
    assert_eq!(platform_parameters(&xen), Ok(0xf580_0000));
    assert_eq!(guest_handle(&xen), Ok(Uuid([7; 16])));
    let old = telling(Release::new(3, 0, 2), |_, _| 0);
    assert!(matches!(guest_handle(&old), Err(Error::Unsupported(_))));
}

#[test]
fn a_page_has_a_size_that_pages_have() {
    let xen = |release, answer| {
        telling(release, move |sub_op, address| {
            assert_eq!((sub_op, address), (7, 0));
            answer
        })
    };
    assert_eq!(pagesize(&xen(NEW, 4096)), Ok(4096));
    assert_eq!(pagesize(&xen(NEW, 65536)), Ok(65536));
    for answer in [0, 2048, 4097] {
        let nonsense = Error::Nonsense {
            call: "XENVER_pagesize",
            answer,
        };
        assert_eq!(pagesize(&xen(NEW, answer)), Err(nonsense));
    }
    let old = xen(Release::new(3, 0, 2), 0);
    assert_eq!(pagesize(&old), Ok(4096));
    assert_eq!(old.conduit().calls(), []);
}

/// A hypervisor whose text of any length is this one, by the sub-op that is wanted.
fn long<'a>(wanted: usize, text: &'a [u8]) -> Xen<Fake<'a>> {
    telling(NEW, move |sub_op, address| {
        assert_eq!(sub_op, wanted);
        if address == 0 {
            return text.len() as isize;
        }
        // SAFETY: the argument begins with its length.
        if (unsafe { read::<u32>(address) } as usize) < text.len() {
            return Errno::ENOBUFS.to_return() as isize;
        }
        for (at, &byte) in text.iter().enumerate() {
            // SAFETY: so many bytes follow.
            unsafe { write(address + 4 + at, byte) };
        }
        text.len() as isize
    })
}

type Question = fn(&Xen<Fake<'_>>, &mut [u8]) -> Result<Vec<u8>>;

const QUESTIONS: [(usize, &str, Question); 5] = [
    (10, "XENVER_build_id", |xen, buffer| {
        build_id(xen, buffer).map(<[u8]>::to_vec)
    }),
    (11, "XENVER_extraversion2", |xen, buffer| {
        extraversion2(xen, buffer).map(<[u8]>::to_vec)
    }),
    (12, "XENVER_capabilities2", |xen, buffer| {
        capabilities2(xen, buffer).map(<[u8]>::to_vec)
    }),
    (13, "XENVER_changeset2", |xen, buffer| {
        changeset2(xen, buffer).map(<[u8]>::to_vec)
    }),
    (14, "XENVER_commandline2", |xen, buffer| {
        commandline2(xen, buffer).map(<[u8]>::to_vec)
    }),
];

// Alignment is no matter: the length is read byte by byte in the fakes' only other place.
#[repr(align(4))]
struct Aligned<const N: usize>([u8; N]);

#[test]
fn a_text_of_any_length_fits_or_its_length_is_told() {
    let text = [b'y'; 20];
    for (sub_op, call, ask) in QUESTIONS {
        let xen = long(sub_op, &text);
        for length in [24, 40] {
            let mut buffer = Aligned([0; 40]);
            assert_eq!(ask(&xen, &mut buffer.0[..length]), Ok(text.to_vec()));
            assert_eq!(buffer.0[24..], [0; 16]);
        }
        for given in [23, 4, 3, 0] {
            let mut buffer = Aligned([0; 40]);
            let short = Error::Short {
                call,
                needed: 24,
                given,
            };
            assert_eq!(ask(&xen, &mut buffer.0[..given]), Err(short), "{call}");
            assert_eq!(buffer.0[4..], [0; 36], "nothing else was written");
        }
        let empty = long(sub_op, &[]);
        assert_eq!(ask(&empty, &mut Aligned([0; 4]).0), Ok(Vec::new()));
    }
}

#[test]
fn more_than_there_is_room_for_is_nonsense() {
    for (_, call, ask) in QUESTIONS {
        let xen = telling(NEW, |_, _| 21);
        let nonsense = Error::Nonsense { call, answer: 21 };
        assert_eq!(ask(&xen, &mut Aligned([0; 24]).0), Err(nonsense));
        let xen = telling(NEW, |_, _| Errno::EPERM.to_return() as isize);
        let refused = ask(&xen, &mut Aligned([0; 24]).0);
        assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
    }
}

#[test]
fn older_releases_have_texts_of_fixed_size() {
    for (release, withheld) in [(OLD, false), (NEW, true)] {
        let xen = telling(release, |sub_op, address| {
            assert!(matches!(sub_op, 4 | 9), "{sub_op}");
            // SAFETY: the sub-op has 64 bytes to fill, or more.
            unsafe { write(address, *b"text\0") };
            0
        });
        if withheld {
            xen.withhold(Operation::XENVER_changeset2);
            xen.withhold(Operation::XENVER_commandline2);
            xen.withhold(Operation::XENVER_extraversion2);
            xen.withhold(Operation::XENVER_capabilities2);
        }
        // The fake answers these two itself.
        for (question, text) in [(1, &b".0"[..]), (2, b"xen-3.0"), (3, b"text"), (4, b"text")] {
            let (_, call, ask) = QUESTIONS[question];
            let mut buffer = [0; 16];
            assert_eq!(ask(&xen, &mut buffer).as_deref(), Ok(text), "{release}");
            for given in [0, 4, 3 + text.len()] {
                let short = Error::Short {
                    call,
                    needed: 4 + text.len(),
                    given,
                };
                assert_eq!(ask(&xen, &mut buffer[..given]), Err(short), "{release}");
            }
        }
    }
    let (_, _, build_id) = QUESTIONS[0];
    let xen = telling(Release::new(4, 6, 0), |_, _| 0);
    let answer = build_id(&xen, &mut [0; 16]);
    assert!(matches!(answer, Err(Error::Unsupported(_))), "{answer:?}");
}

#[test]
fn a_new_sub_op_that_turns_out_to_be_missing_is_the_older_one() {
    let xen = telling(NEW, |sub_op, address| {
        if sub_op != 4 {
            return Errno::ENOSYS.to_return() as isize;
        }
        // SAFETY: the sub-op has 64 bytes to fill.
        unsafe { write(address, *b"text\0") };
        0
    });
    for _ in 0..2 {
        let mut buffer = [0; 16];
        assert_eq!(changeset2(&xen, &mut buffer), Ok(&b"text"[..]));
    }
    assert_eq!(xen.conduit().numbers(), ["17.13", "17.4", "17.4"]);
}
