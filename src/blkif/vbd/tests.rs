//! Numbers and names against a naive model: multiplication and a counter of letters, no bits.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use quickcheck::{Arbitrary, Gen, quickcheck};

use super::*;
use crate::blkif::Excerpt;

/// What a number means by the table of the document: every format tried in turn.
fn naive(number: u32) -> Option<(DiskKind, u32, u32)> {
    let formats = [
        (DiskKind::Xvd, 202 * 256, 0, 16, 16),
        (DiskKind::Sd, 8 * 256, 0, 16, 16),
        (DiskKind::Hd, 3 * 256, 0, 2, 64),
        (DiskKind::Hd, 22 * 256, 2, 2, 64),
        (DiskKind::Xvd, 268_435_456, 0, 1_048_576, 256),
    ];
    formats
        .iter()
        .find_map(|&(kind, base, first, disks, partitions)| {
            let place = number.checked_sub(base)?;
            let (disk, partition) = (place / partitions, place % partitions);
            let long_for_nothing = partitions == 256 && disk < 16 && partition < 16;
            (disk < disks && !long_for_nothing).then_some((kind, first + disk, partition))
        })
}

/// One number: the meaning is the model's, and leads back to the number.
fn number_is_the_models(number: u32) {
    let device = VirtualDevice::new(number);
    let meaning = device.disk();
    let parts = |disk: VirtualDisk| (disk.kind(), disk.disk(), u32::from(disk.partition()));
    assert_eq!(meaning.ok().map(parts), naive(number), "{number:#x}");
    if let Ok(disk) = meaning {
        assert_eq!(disk.number(), device);
        let made = VirtualDisk::new(disk.kind(), disk.disk(), disk.partition());
        assert_eq!(made, Ok(disk));
    }
}

/// One disk: its name is the given one, and leads back to it.
fn name_is(disk: VirtualDisk, name: &str) {
    assert_eq!(disk.to_string(), name);
    assert_eq!(name.parse(), Ok(disk));
    assert_eq!(VirtualDevice::from_configuration(name), Ok(disk.number()));
}

/// Counts one up: a, ..., z, aa, ab, ...
fn count(letters: &mut Vec<u8>) {
    for letter in letters.iter_mut().rev() {
        if *letter != b'z' {
            *letter += 1;
            return;
        }
        *letter = b'a';
    }
    letters.push(b'a');
}

#[test]
fn numbers_up_to_16_bits_and_at_each_border() {
    let (step, near) = if cfg!(miri) { (61, 20) } else { (1, 300) };
    (0..1 << 16).step_by(step).for_each(number_is_the_models);
    for border in [1 << 28, 1 << 28 | 16 << 8, 2 << 28, 3 << 28, 1 << 31] {
        (border - near..border + near).for_each(number_is_the_models);
    }
    number_is_the_models(u32::MAX);
}

/// All of them, where that is a matter of seconds.
#[cfg(not(debug_assertions))]
#[test]
fn every_number() {
    (0..1 << 29).for_each(number_is_the_models);
}

#[test]
fn names_count_in_letters() {
    // All of xvd's disks are few enough for an optimised build.
    let disks = match (cfg!(miri), cfg!(debug_assertions)) {
        (true, _) => 4,
        (_, true) => 20_000,
        _ => 1 << 20,
    };
    let mut letters = b"a".to_vec();
    for disk in 0..disks {
        let text = String::from_utf8(letters.clone()).unwrap();
        for kind in DiskKind::ALL {
            for partition in [0, 1, 9, 10, 15, 16, 63, 64, 255] {
                let digits = if partition == 0 {
                    String::new()
                } else {
                    partition.to_string()
                };
                let name = format!("{kind}{text}{digits}");
                match VirtualDisk::new(kind, disk, partition) {
                    Ok(disk) => name_is(disk, &name),
                    Err(_) => assert!(name.parse::<VirtualDisk>().is_err(), "{name}"),
                }
            }
        }
        count(&mut letters);
    }
}

#[test]
fn names_of_the_document() {
    for (name, kind, disk, partition, number) in [
        ("xvda", DiskKind::Xvd, 0, 0, 0xca00),
        ("xvdb2", DiskKind::Xvd, 1, 2, 0xca12),
        ("xvdp15", DiskKind::Xvd, 15, 15, 0xcaff),
        ("xvdq", DiskKind::Xvd, 16, 0, 0x1000_1000),
        ("xvda16", DiskKind::Xvd, 0, 16, 0x1000_0010),
        ("xvdz", DiskKind::Xvd, 25, 0, 0x1000_1900),
        ("xvdaa", DiskKind::Xvd, 26, 0, 0x1000_1a00),
        ("xvdtq37", DiskKind::Xvd, 536, 37, 0x1002_1825),
        ("xvdbgqcv255", DiskKind::Xvd, 0xf_ffff, 255, 0x1fff_ffff),
        ("sdb3", DiskKind::Sd, 1, 3, 0x813),
        ("sdp15", DiskKind::Sd, 15, 15, 0x8ff),
        ("hda", DiskKind::Hd, 0, 0, 0x300),
        ("hdc2", DiskKind::Hd, 2, 2, 0x1602),
        ("hdd63", DiskKind::Hd, 3, 63, 0x167f),
    ] {
        let expected = VirtualDisk::new(kind, disk, partition).unwrap();
        name_is(expected, name);
        assert_eq!(expected.number(), VirtualDevice::new(number), "{name}");
    }
    assert_eq!("d0".parse(), "xvda".parse::<VirtualDisk>());
    assert_eq!("d0p0".parse(), "xvda".parse::<VirtualDisk>());
    assert_eq!("d1p2".parse(), "xvdb2".parse::<VirtualDisk>());
}

#[test]
fn malformed_names_and_where() {
    let [xvd, sd, hd] = DiskKind::ALL;
    for (name, at, fault) in [
        ("", 0, NameFault::UnknownPrefix),
        ("vda", 0, NameFault::UnknownPrefix),
        (" xvda", 0, NameFault::UnknownPrefix),
        ("XVDA", 0, NameFault::UnknownPrefix),
        ("xv", 0, NameFault::UnknownPrefix),
        ("51712", 0, NameFault::UnknownPrefix),
        ("xvd", 3, NameFault::NoLetter),
        ("xvd1", 3, NameFault::NoLetter),
        ("xvdA", 3, NameFault::NoLetter),
        ("sd", 2, NameFault::NoLetter),
        ("xvda ", 4, NameFault::NotInAName),
        ("xvda\0", 4, NameFault::NotInAName),
        ("xvda-1", 4, NameFault::NotInAName),
        ("xvda1b", 5, NameFault::NotInAName),
        ("xvda1 ", 5, NameFault::NotInAName),
        ("xvdaB", 4, NameFault::NotInAName),
        ("xvdä", 3, NameFault::NoLetter),
        ("xvda0", 4, NameFault::LeadingZero),
        ("xvda01", 4, NameFault::LeadingZero),
        ("xvda256", 4, NameFault::PartitionTooHigh { kind: xvd }),
        (
            "xvda4294967296",
            4,
            NameFault::PartitionTooHigh { kind: xvd },
        ),
        (
            "xvda99999999999999999999",
            4,
            NameFault::PartitionTooHigh { kind: xvd },
        ),
        ("xvdbgqcw", 3, NameFault::DiskTooHigh { kind: xvd }),
        (
            "xvdzzzzzzzzzzzzzzzz",
            3,
            NameFault::DiskTooHigh { kind: xvd },
        ),
        ("sdq", 2, NameFault::DiskTooHigh { kind: sd }),
        ("sda16", 3, NameFault::PartitionTooHigh { kind: sd }),
        ("hde", 2, NameFault::DiskTooHigh { kind: hd }),
        ("hda64", 3, NameFault::PartitionTooHigh { kind: hd }),
        ("d", 1, NameFault::NoDigit),
        ("da", 1, NameFault::NoDigit),
        ("d-1p0", 1, NameFault::NoDigit),
        ("d00", 1, NameFault::LeadingZero),
        ("d0x1p0", 2, NameFault::NotInAName),
        ("d1048576", 1, NameFault::DiskTooHigh { kind: xvd }),
        ("d4294967296p0", 1, NameFault::DiskTooHigh { kind: xvd }),
        ("d0p", 3, NameFault::NoDigit),
        ("d0p01", 3, NameFault::LeadingZero),
        ("d0p256", 3, NameFault::PartitionTooHigh { kind: xvd }),
        ("d0p1p", 4, NameFault::NotInAName),
        ("d0q1", 2, NameFault::NotInAName),
    ] {
        let error = name.parse::<VirtualDisk>().unwrap_err();
        assert_eq!((error.at(), error.fault()), (at, fault), "{name}");
        assert_eq!(error.name(), Excerpt::of(name.as_bytes()));
    }
}

#[test]
fn numbers_of_a_configuration() {
    let read = |text| VirtualDevice::from_configuration(text).map(VirtualDevice::get);
    assert_eq!(read("0"), Ok(0));
    assert_eq!(read("2147483647"), Ok(0x7fff_ffff));
    assert_eq!(read("0XCA01"), Ok(0xca01));
    assert_eq!(read("017"), Ok(15));
    for wrong in [
        "2147483648",
        "0x",
        "08",
        "1 ",
        "0x1g",
        "99999999999999999999",
    ] {
        assert_eq!(read(wrong).unwrap_err().fault(), NameFault::BadNumber);
    }
    for wrong in ["", "-1", "+1", " 1"] {
        assert_eq!(read(wrong).unwrap_err().fault(), NameFault::UnknownPrefix);
    }
}

#[test]
fn numbers_of_xenstore() {
    let read = |text: &[u8]| VirtualDevice::from_xenstore(text).map(VirtualDevice::get);
    assert_eq!(read(b"51712"), Ok(51712));
    assert_eq!(read(b"4294967295"), Ok(u32::MAX));
    let error = read(b"4294967296").unwrap_err();
    let max = u32::MAX.into();
    assert_eq!(error.fault(), DecimalFault::TooLarge { max });
    assert_eq!(error.value(), Excerpt::of(b"4294967296"));
    for wrong in [
        &b""[..],
        b"-1",
        b"0xca00",
        b"051712",
        b"51712\n",
        b"51712\0",
    ] {
        assert_eq!(read(wrong).unwrap_err().value(), Excerpt::of(wrong));
    }
}

#[test]
fn out_of_range_disks_are_refused() {
    for kind in DiskKind::ALL {
        let disk = kind.last_disk() + 1;
        let error = VirtualDisk::new(kind, disk, 0);
        assert_eq!(error, Err(OutOfRange::Disk { kind, disk }));
        if let Some(partition) = kind.last_partition().checked_add(1) {
            let error = VirtualDisk::new(kind, 0, partition);
            assert_eq!(error, Err(OutOfRange::Partition { kind, partition }));
        }
    }
}

/// A text that is often nearly a name.
#[derive(Clone, Debug)]
struct Nearly(Vec<u8>);

impl Arbitrary for Nearly {
    fn arbitrary(g: &mut Gen) -> Self {
        let parts = [
            "xvd", "sd", "hd", "d", "p", "a", "z", "q", "0", "1", "16", "63", "255", " ", "\0", "Z",
        ];
        let count = u8::arbitrary(g) % 6;
        let mut text: Vec<u8> = (0..count)
            .flat_map(|_| g.choose(&parts).unwrap().bytes())
            .collect();
        if u8::arbitrary(g) % 8 == 0 {
            text.push(u8::arbitrary(g));
        }
        Self(text)
    }
}

quickcheck! {
    fn any_number_is_the_models(number: u32) -> bool {
        number_is_the_models(number);
        number_is_the_models(number % (2 << 28));
        number_is_the_models((1 << 28) | (number % (1 << 28)));
        true
    }

    fn any_number_prints_as_xenstore_reads_it(number: u32) -> bool {
        let device = VirtualDevice::new(number);
        VirtualDevice::from_xenstore(device.to_string().as_bytes()) == Ok(device)
    }

    fn any_extended_disk_has_both_names(number: u32) -> bool {
        match VirtualDevice::new((1 << 28) | (number % (1 << 28))).disk() {
            Ok(disk) => [disk.to_string(), format!("{disk:#}")]
                .iter()
                .all(|name| name.parse() == Ok(disk)),
            Err(_) => number % (1 << 28) < 1 << 12,
        }
    }

    fn any_text_is_refused_or_the_name(text: Nearly) -> bool {
        match VirtualDisk::from_name(&text.0) {
            Ok(disk) => {
                let text = String::from_utf8(text.0).unwrap();
                // A disk's own number may go without `p0`.
                disk.to_string() == text || [text.clone(), text + "p0"].contains(&format!("{disk:#}"))
            }
            Err(error) => error.at() <= text.0.len() && error.name() == Excerpt::of(&text.0),
        }
    }

    fn any_bytes_are_refused_or_the_number(text: Vec<u8>) -> bool {
        match VirtualDevice::from_xenstore(&text) {
            Ok(device) => device.to_string().as_bytes() == text,
            Err(error) => error.value() == Excerpt::of(&text),
        }
    }
}
