//! The hand-written code against naive models, on arbitrary input.

use quickcheck::{Arbitrary, Gen, TestResult, quickcheck};

use xen_public::arch_x86::hvm::start_info::{self, HvmMemmapTableEntry, HvmStartInfo, ReadError};
use xen_public::elfnote::{self, TruncatedNote};
use xen_public::errno::Errno;
use xen_public::features::{Feature, Features, note_names};
use xen_public::grant_table::{GrantBodyV2, GrantEntryV2, GrantType};
use xen_public::xen::{
    DomId, Mfn, StartConsole, StartFlags, StartInfoX86_32, StartInfoX86_64, TimeScale, VcpuTimeInfo,
};

/// `(ticks << shift) * mul >> 32`, one doubling or halving at a time.
fn nanoseconds_by_steps(ticks: u64, mul: u32, shift: i8) -> Option<u64> {
    let mut ticks = ticks;
    for _ in shift..0 {
        ticks /= 2;
    }
    let mut product = u128::from(ticks) * u128::from(mul);
    for _ in 0..shift {
        // Beyond 128 bits the result is beyond 64 for sure.
        product = product.checked_mul(2)?;
    }
    u64::try_from(product >> 32).ok()
}

fn hertz_by_steps(mul: u32, shift: i8) -> Option<u64> {
    let mut hertz = (1_000_000_000_u128 << 32).checked_div(u128::from(mul))?;
    for _ in 0..shift {
        hertz /= 2;
    }
    for _ in shift..0 {
        hertz = hertz.checked_mul(2)?;
    }
    u64::try_from(hertz).ok()
}

/// Shifts near the edges as often as any.
#[derive(Clone, Copy, Debug)]
struct Shift(i8);

impl Arbitrary for Shift {
    fn arbitrary(g: &mut Gen) -> Self {
        let edges = [
            -128, -127, -65, -64, -63, -33, -32, -1, 0, 1, 31, 32, 33, 63, 64, 127,
        ];
        Self(if bool::arbitrary(g) {
            *g.choose(&edges).unwrap()
        } else {
            i8::arbitrary(g)
        })
    }
}

quickcheck! {
    fn ticks_scale_as_step_by_step(ticks: u64, mul: u32, shift: Shift) -> bool {
        let scale = TimeScale { mul, shift: shift.0 };
        [ticks, ticks >> 32, ticks >> 60].into_iter().all(|ticks| {
            [mul, mul >> 16, mul >> 31].into_iter().all(|mul| {
                TimeScale { mul, ..scale }.nanoseconds(ticks) == nanoseconds_by_steps(ticks, mul, shift.0)
            })
        })
    }

    fn frequency_is_as_step_by_step(mul: u32, shift: Shift) -> bool {
        (0..32).all(|down| {
            let mul = mul >> down;
            TimeScale { mul, shift: shift.0 }.frequency() == hertz_by_steps(mul, shift.0)
        })
    }

    fn time_never_runs_backwards(tsc: u64, later: u64, mul: u32, shift: Shift, system_time: u64) -> bool {
        let (first, second) = (tsc.min(later), tsc.max(later));
        let info = VcpuTimeInfo {
            tsc_timestamp: tsc / 2,
            system_time: system_time / 2,
            tsc_to_system_mul: mul,
            tsc_shift: shift.0,
            ..VcpuTimeInfo::ZERO
        };
        match (info.system_time_at(first), info.system_time_at(second)) {
            (Some(a), Some(b)) => info.system_time <= a && a <= b,
            (None, Some(_)) => false,
            (_, None) => true,
        }
    }
}

#[test]
fn single_bits_scale_as_step_by_step() {
    for shift in i8::MIN..=i8::MAX {
        for (ticks, mul) in (0..64).flat_map(|i| (0..32).map(move |j| (1 << i, 1 << j))) {
            assert_eq!(
                TimeScale { mul, shift }.nanoseconds(ticks),
                nanoseconds_by_steps(ticks, mul, shift),
                "{ticks:#x} {mul:#x} {shift}"
            );
        }
    }
}

/// What a hypercall may return, errors as often as values.
#[derive(Clone, Copy, Debug)]
struct Returned(i64);

impl Arbitrary for Returned {
    fn arbitrary(g: &mut Gen) -> Self {
        Self(if bool::arbitrary(g) {
            i64::arbitrary(g)
        } else {
            i64::from(i16::arbitrary(g))
        })
    }
}

quickcheck! {
    fn a_return_value_is_an_error_or_itself(returned: Returned) -> bool {
        let Returned(returned) = returned;
        match Errno::check(returned) {
            Ok(value) => value == returned && !(-4095..0).contains(&returned),
            Err(errno) => errno.to_return() == returned && (1..=4095).contains(&errno.get()),
        }
    }

    fn narrow_and_wide_registers_agree(returned: i32) -> bool {
        Errno::check32(returned).map(i64::from) == Errno::check(returned.into())
    }

    fn flag_words_keep_every_bit(a: u32, b: u32) -> bool {
        let (x, y) = (Features::from_bits(a), Features::from_bits(b));
        (x | y).bits() == a | b
            && (x - y).bits() == a & !b
            && (x & y).bits() == a & b
            && x.contains(y) == (a & b == b)
            && x.intersects(y) == (a & b != 0)
            && x.is_empty() == (a == 0)
            && u32::from(x) == a
    }

    fn flag_words_print_every_bit(bits: u32) -> bool {
        let text = Features::from_bits(bits).to_string();
        let mut seen = 0;
        for item in text.split(" | ") {
            seen |= match item.strip_prefix("0x") {
                Some(hex) => u32::from_str_radix(hex, 16).unwrap(),
                None => Features::NAMED.iter().find(|(name, _)| *name == item).unwrap().1.bits(),
            };
        }
        seen == bits
    }

    fn a_feature_is_set_if_its_bit_is(bits: u32, number: u8) -> bool {
        let feature = Feature::new(number.into());
        let bit = if number < 32 { bits >> number & 1 } else { 0 };
        Features::from_bits(bits).has(feature) == (bit == 1)
            && feature.submap() * 32 + feature.mask().trailing_zeros() == u32::from(number)
    }

    fn feature_names_are_read_back(items: Vec<(bool, String)>) -> bool {
        let items: Vec<_> = items
            .into_iter()
            .map(|(required, name)| (required, name.replace(['|', '!'], "")))
            .filter(|(_, name)| !name.is_empty())
            .collect();
        let written: Vec<_> = items
            .iter()
            .map(|(required, name)| format!("{}{name}", if *required { "!" } else { "" }))
            .collect();
        let read: Vec<_> = note_names(&written.join("|"))
            .map(|item| (item.required, item.name.to_string()))
            .collect();
        read == items
    }

    fn a_frame_begins_at_or_before_its_addresses(addr: u64) -> bool {
        Mfn::containing(addr).addr() == Some(addr / 4096 * 4096)
    }

    fn a_frame_fits_32_bits_or_is_told(frame: u64, down: u8) -> bool {
        let frame = frame >> (down % 64);
        match Mfn::new(frame).to_pfn32() {
            Ok(narrow) => u64::from(narrow) == frame,
            Err(error) => error.0 == frame && frame >> 32 != 0,
        }
    }

    fn an_address_is_given_if_it_has_64_bits(frame: u64, down: u8) -> bool {
        let frame = frame >> (down % 64);
        Mfn::new(frame).addr() == frame.checked_mul(4096)
    }

    fn reserved_domains_are_those_from_7ff0_on(number: u16) -> bool {
        let domain = DomId::new(number);
        domain.is_reserved() == (number >= 0x7ff0)
            && (domain.name().is_none() || domain.is_reserved())
            && domain.to_string() == number.to_string()
    }
}

/// Bytes of a note segment: whole notes, some spoilt, some cut off.
#[derive(Clone, Debug)]
struct NoteBytes(Vec<u8>);

impl Arbitrary for NoteBytes {
    fn arbitrary(g: &mut Gen) -> Self {
        let mut bytes = Vec::new();
        for _ in 0..u8::arbitrary(g) % 5 {
            let name = if bool::arbitrary(g) {
                elfnote::NAME.to_vec()
            } else {
                Vec::arbitrary(g)
            };
            let desc = Vec::<u8>::arbitrary(g);
            for word in [name.len() as u32, desc.len() as u32, u32::arbitrary(g)] {
                bytes.extend(word.to_le_bytes());
            }
            for part in [name, desc] {
                bytes.extend(part);
                bytes.resize(bytes.len().next_multiple_of(4), 0);
            }
        }
        if !bytes.is_empty() && u8::arbitrary(g) % 4 == 0 {
            let at = usize::arbitrary(g) % bytes.len();
            bytes[at] = *g.choose(&[0, 1, 5, 0x80, 0xff]).unwrap();
        }
        if u8::arbitrary(g) % 4 == 0 {
            bytes.truncate(usize::arbitrary(g) % (bytes.len() + 1));
        }
        Self(bytes)
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        Box::new(self.0.shrink().map(Self))
    }
}

/// What a model of the reader saw: a note, or where it was cut, what it needs, what is there.
type Seen = Result<(Vec<u8>, u32, Vec<u8>), (usize, u64, usize)>;

/// Reads notes a byte at a time.
fn notes_byte_by_byte(bytes: &[u8]) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let left = bytes.len() - start;
        if left < 12 {
            seen.push(Err((start, 12, left)));
            break;
        }
        let mut words = [0_u64; 3];
        for word in &mut words {
            for i in 0..4 {
                *word |= u64::from(bytes[at]) << (8 * i);
                at += 1;
            }
        }
        let [name_size, desc_size, kind] = words;
        let padding = (4 - name_size % 4) % 4;
        let needed = 12
            + name_size
            + if desc_size > 0 {
                padding + desc_size
            } else {
                0
            };
        if needed > left as u64 {
            seen.push(Err((start, needed, left)));
            break;
        }
        let mut part = |size: u64| {
            let mut part = Vec::new();
            for _ in 0..size {
                part.push(bytes[at]);
                at += 1;
            }
            while (at - start) % 4 != 0 && at < bytes.len() {
                at += 1;
            }
            part
        };
        let name = part(name_size);
        let desc = part(desc_size);
        seen.push(Ok((name, kind as u32, desc)));
    }
    seen
}

fn notes_agree(bytes: &[u8]) -> bool {
    let read: Vec<Seen> = elfnote::notes(bytes)
        .map(|note| match note {
            Ok(note) => {
                // Whatever the content, asking for it is no harm.
                let _ = (note.xen(), note.number(), note.text());
                Ok((note.name.to_vec(), note.kind, note.desc.to_vec()))
            }
            Err(TruncatedNote {
                offset,
                needed,
                found,
            }) => Err((offset, needed, found)),
        })
        .collect();
    read == notes_byte_by_byte(bytes)
}

quickcheck! {
    fn notes_read_as_byte_by_byte(bytes: NoteBytes) -> bool {
        notes_agree(&bytes.0)
    }

    fn any_bytes_read_as_notes_byte_by_byte(bytes: Vec<u8>) -> bool {
        notes_agree(&bytes)
    }

    fn a_grant_entry_means_what_it_is_rewritten_as(low: u64, high: u64) -> bool {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&low.to_ne_bytes());
        bytes[8..].copy_from_slice(&high.to_ne_bytes());
        let entry = GrantEntryV2 { bytes };
        let (header, body) = (entry.header(), entry.body());
        let again = GrantEntryV2::new(header, body);
        // The flag for a part of a page says nothing in entries of other types.
        let same_header = match header.flags.grant_type() {
            GrantType::PermitAccess => again.header() == header,
            kind => again.header().domid == header.domid && again.header().flags.grant_type() == kind,
        };
        same_header && again.body() == body && (body == GrantBodyV2::Invalid) == (header.flags.bits() & 3 == 0)
    }

    fn start_info_reads_every_field_or_says_why(bytes: Vec<u8>, version: u8, magic: bool) -> bool {
        let mut bytes = bytes;
        let version = u32::from(version % 4);
        if magic && bytes.len() >= 8 {
            bytes[..4].copy_from_slice(&start_info::MAGIC.to_le_bytes());
            bytes[4..8].copy_from_slice(&version.to_le_bytes());
        }
        let number = |at: usize, size: usize| -> u64 {
            bytes[at..at + size].iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
        };
        match HvmStartInfo::read(&bytes) {
            Ok(info) => {
                let map = if number(4, 4) > 0 { (number(40, 8), number(48, 4), number(52, 4)) } else { (0, 0, 0) };
                number(0, 4) == 0x336e_c578
                    && u64::from(info.version) == number(4, 4)
                    && u64::from(info.flags.bits()) == number(8, 4)
                    && u64::from(info.nr_modules) == number(12, 4)
                    && (info.modlist_paddr, info.cmdline_paddr, info.rsdp_paddr)
                        == (number(16, 8), number(24, 8), number(32, 8))
                    && (info.memmap_paddr, info.memmap_entries.into(), info.reserved.into()) == map
                    && info.modules().is_none_or(|table| table.paddr != 0 && table.entries != 0)
            }
            Err(ReadError::TooShort { needed, found }) => {
                found == bytes.len() && (found as u64) < needed && needed <= 56
            }
            Err(ReadError::BadMagic { found }) => number(0, 4) == u64::from(found) && found != 0x336e_c578,
        }
    }

    fn memory_map_entries_are_as_many_as_asked_or_none(bytes: Vec<u8>, entries: u32) -> bool {
        [entries, entries % 8].into_iter().all(|entries| {
            match HvmMemmapTableEntry::read_table(&bytes, entries) {
                Ok(table) => table.count() == entries as usize && bytes.len() / 24 >= entries as usize,
                Err(_) => (bytes.len() as u64) < 24 * u64::from(entries),
            }
        })
    }

    fn consoles_are_read_back(offset: u32, size: u32, mfn: u64, port: u32, initial: bool) -> TestResult {
        let console = if initial {
            StartConsole::Screen { offset, size }
        } else {
            StartConsole::Ring { mfn, port: port.into() }
        };
        let mut wide = StartInfoX86_64::ZERO;
        let mut narrow = StartInfoX86_32::ZERO;
        if initial {
            wide.flags = StartFlags::INITDOMAIN;
            narrow.flags = StartFlags::INITDOMAIN;
        }
        wide.set_console(console).unwrap();
        let fits = narrow.set_console(console).is_ok();
        TestResult::from_bool(
            wide.console() == console
                && fits == (initial || mfn <= u32::MAX.into())
                && (!fits || narrow.console() == console),
        )
    }

    fn a_magic_text_is_right_only_with_its_platform(text: Vec<u8>, cut: u8, tail: Vec<u8>) -> bool {
        // A right text, cut and continued at will, and any text.
        let good = &b"xen-3.0-x86_64"[..];
        let spoilt = [&good[..usize::from(cut) % (good.len() + 1)], &tail[..]].concat();
        [text, spoilt].into_iter().all(|text| {
            let mut info = StartInfoX86_64::ZERO;
            let size = text.len().min(32);
            info.magic[..size].copy_from_slice(&text[..size]);
            let is_right = String::from_utf8_lossy(&info.magic)
                .split_once("xen-3.")
                .filter(|(before, _)| before.is_empty())
                .and_then(|(_, after)| after.split_once("-x86_64"))
                .is_some_and(|(minor, _)| !minor.is_empty() && minor.bytes().all(|b| b.is_ascii_digit()));
            info.check_magic().is_ok() == is_right
        })
    }
}
