//! Flex rings against the functions of `ring.h`: the same cases to C and to Rust.
//!
//! `c/flex.c` does with `DEFINE_XEN_FLEX_RING_AND_INTF` and `DEFINE_XEN_FLEX_RING`, in 9pfs's and in
//! pvcalls' headers, what [`Front`] and [`Back`] do here. A case is a connection whose indices stand
//! somewhere, often just before they wrap, and a list of operations of either end, and of a peer that
//! writes other indices. After each operation the results and the bytes read must be the same, and the same 32-bit
//! words of the memory must have changed to the same values.

use std::ptr::NonNull;
use std::sync::LazyLock;

use abi_tests::alter;
use abi_tests::compiler::{FAMILIES, Family};
use abi_tests::differential::{self, Case, Trace};
use abi_tests::program::Program;
use anyhow::{Context, Result};
use quickcheck::{Arbitrary, Gen};
use xen_abi::ring::flex::{Back, Front, Interface, Order, PacketError, Pvcalls, Xen9pfs};
use xen_abi::ring::flex::{Reader, Writer};
use xen_abi::ring::flex::{mask, queued};
use xen_abi::ring::{Mapping, SharedMemory};
use xen_public::grant_table::GrantRef;
use xtask::headers::{Abi, Mode, NEWEST, View};

/// How many cases, in batches of how many each.
const CASES: (usize, usize) = (10, 10_000);
/// quickcheck's measure of a case's length.
const SIZE: usize = 12;

const PAGE: usize = 4096;
/// The index page, and the largest data ring that is used.
const MOST: usize = PAGE + 4 * PAGE;

/// How an operation ended.
const FINE: u8 = 0;
const LATER: u8 = 1;
const NEVER: u8 = 2;
const DEAD: u8 = 3;

/// What is counted.
const WRAPPED: &str = "copies across the end of a ring";
const INDEX_WRAPPED: &str = "indices that wrapped";
const PARTLY: &str = "copies of less than was asked for";
const REFUSED: &str = "packets without room, or not all there";
const TOO_LONG: &str = "packets longer than the ring";
const CORRUPT: &str = "operations on a ring whose peer lied";
const FULL: &str = "rings filled to the last byte";

#[derive(Clone, Copy, Debug)]
enum What {
    Read,
    ReadPacket,
    Skip,
    Write,
    WritePacket,
    State,
    Functions,
    Poke,
}

#[derive(Clone, Debug)]
struct Operation {
    what: What,
    /// 0 is the frontend.
    end: u8,
    length: u16,
    value: u32,
}

impl Arbitrary for Operation {
    fn arbitrary(g: &mut Gen) -> Self {
        let what = match u8::arbitrary(g) % 32 {
            0..=6 => What::Read,
            7..=11 => What::ReadPacket,
            12 | 13 => What::Skip,
            14..=20 => What::Write,
            21..=27 => What::WritePacket,
            28 | 29 => What::State,
            30 => What::Functions,
            _ => What::Poke,
        };
        let random = u16::arbitrary(g);
        let length = match u8::arbitrary(g) % 32 {
            0..=22 => random % 80,
            23..=28 => random % 400,
            29 => random % 8192,
            // All of the smallest ring, or about that.
            _ => 2040 + random % 12,
        };
        let value = match what {
            // Somewhere near the indices, or anywhere.
            What::Poke if random % 4 != 0 => u32::arbitrary(g) % 5000,
            _ => u32::arbitrary(g),
        };
        Self {
            what,
            end: u8::from(bool::arbitrary(g)),
            length,
            value,
        }
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        let this = self.clone();
        Box::new(self.length.shrink().map(move |length| Self {
            length,
            ..this.clone()
        }))
    }
}

#[derive(Clone, Debug)]
struct FlexCase {
    pvcalls: bool,
    order: u8,
    first: u32,
    operations: Vec<Operation>,
}

impl Arbitrary for FlexCase {
    fn arbitrary(g: &mut Gen) -> Self {
        let order = match u8::arbitrary(g) % 16 {
            0..=12 => 0,
            13 | 14 => 1,
            _ => 2,
        };
        let near = u32::from(u16::arbitrary(g) % 3000);
        Self {
            pvcalls: bool::arbitrary(g),
            order,
            first: if bool::arbitrary(g) {
                0u32.wrapping_sub(near)
            } else {
                u32::arbitrary(g)
            },
            operations: Vec::arbitrary(g),
        }
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        let this = self.clone();
        Box::new(self.operations.shrink().map(move |operations| Self {
            operations,
            ..this.clone()
        }))
    }
}

impl Case for FlexCase {
    fn encode(&self, to: &mut Vec<u8>) {
        to.push(u8::from(self.pvcalls));
        to.push(self.order);
        to.extend((self.operations.len() as u16).to_le_bytes());
        to.extend(self.first.to_le_bytes());
        for operation in &self.operations {
            to.extend([operation.what as u8, operation.end]);
            to.extend(operation.length.to_le_bytes());
            to.extend(operation.value.to_le_bytes());
        }
    }

    fn run(&self, trace: &mut Trace) {
        if self.pvcalls {
            run::<Pvcalls>(self, trace);
        } else {
            run::<Xen9pfs>(self, trace);
        }
    }
}

#[repr(C, align(4096))]
struct Memory([u8; MOST]);

/// The shared memory of a case, and what it held when it was last looked at.
struct Shared {
    base: NonNull<u8>,
    len: usize,
    shadow: Vec<u8>,
    now: Vec<u8>,
}

impl Shared {
    fn map(&self, from: usize, len: usize) -> Mapping {
        assert!(from + len <= self.len);
        // SAFETY: `from` lies in the array.
        let base = unsafe { self.base.add(from) };
        // SAFETY: in the array, which outlives the case and is only touched through mappings.
        unsafe { Mapping::new(base, len) }.expect("pages are aligned")
    }

    fn set(&self, at: usize, value: u32) {
        assert!(at + 4 <= self.len && at % 4 == 0);
        // SAFETY: just checked.
        unsafe { self.map(0, self.len).store_u32(at, value) };
    }

    /// Traces the words that changed.
    fn changes(&mut self, trace: &mut Trace) {
        // SAFETY: all of the memory.
        unsafe { self.map(0, self.len).read_bytes(0, &mut self.now) };
        let mut changed = Vec::new();
        let blocks = self.now.chunks(BLOCK).zip(self.shadow.chunks_mut(BLOCK));
        for (block, (now, old)) in blocks.enumerate() {
            if now == old {
                continue;
            }
            let words = now.chunks_exact(4).zip(old.chunks_exact(4));
            for (n, (now, old)) in words.enumerate() {
                if now != old {
                    changed.push(((block * BLOCK / 4 + n) as u16, now));
                }
            }
            old.copy_from_slice(now);
        }
        trace.put16(changed.len() as u16);
        for (n, word) in changed {
            trace.put16(n);
            trace.put(word);
        }
    }
}

/// How many bytes are compared before words are.
const BLOCK: usize = 64;

/// How many bytes there are to write from.
const NOISE: usize = 1 << 16;

/// The same bytes as C has to write from.
static TEXT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut seed = 1u32;
    let next = |_| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    };
    (0..NOISE).map(next).collect()
});

fn run<P: Interface>(case: &FlexCase, trace: &mut Trace) {
    let mut memory = Box::new(Memory([0x55; MOST]));
    let order = Order::new(case.order.into()).expect("a small order");
    let len = PAGE + 2 * order.ring_size();
    let mut shared = Shared {
        base: NonNull::from(&mut *memory).cast(),
        len,
        shadow: vec![0x55; len],
        now: vec![0; len],
    };
    trace.step("Init");
    let refs: Vec<_> = (0..1 << case.order)
        .map(|n| GrantRef::new(1000 + n))
        .collect();
    let map = |shared: &Shared| (shared.map(0, PAGE), shared.map(PAGE, len - PAGE));
    let (page, data) = map(&shared);
    let front = Front::<P, _>::init(page, data, &refs).expect("room for all of it");
    shared.changes(trace);
    for at in [P::IN_CONS, P::IN_PROD, P::OUT_CONS, P::OUT_PROD] {
        shared.set(at, case.first);
    }
    shared.changes(trace);
    let (page, data) = front.into_memory();
    let data = data.expect("a data ring");
    let mut front = Front::<P, _>::attach(page, data, order).expect("empty rings");
    let (page, data) = map(&shared);
    let mut back = Back::<P, _>::attach(page, data, order).expect("empty rings");
    // How far each end's reader and writer have come.
    let mut at = [[case.first; 2]; 2];
    for operation in &case.operations {
        let (reader, writer) = match operation.end {
            0 => front.split(),
            _ => back.split(),
        };
        let at = &mut at[usize::from(operation.end)];
        trace.step(name(operation.what));
        match operation.what {
            What::Read | What::ReadPacket | What::Skip => {
                read(operation, reader, &mut at[0], trace)
            }
            What::Write | What::WritePacket => write(operation, writer, &mut at[1], trace),
            What::State => state(reader, writer, trace),
            What::Functions => functions(operation, case.first, trace),
            What::Poke => {
                let index = [P::IN_CONS, P::IN_PROD, P::OUT_CONS, P::OUT_PROD];
                let value = case.first.wrapping_add(operation.value);
                shared.set(index[usize::from(operation.length % 4)], value);
            }
        }
        shared.changes(trace);
    }
}

fn name(what: What) -> &'static str {
    match what {
        What::Read => "Read",
        What::ReadPacket => "ReadPacket",
        What::Skip => "Skip",
        What::Write => "Write",
        What::WritePacket => "WritePacket",
        What::State => "State",
        What::Functions => "Functions",
        What::Poke => "Poke",
    }
}

/// Traces that so many bytes were moved from an index on.
fn moved(index: &mut u32, count: usize, size: usize, wanted: usize, trace: &mut Trace) -> u32 {
    let old = *index;
    *index = old.wrapping_add(count as u32);
    let masked = mask(old, size as u32) as usize;
    for (happened, what) in [
        (masked + count > size, WRAPPED),
        (*index < old, INDEX_WRAPPED),
        (count < wanted, PARTLY),
    ] {
        if happened {
            trace.count(what);
        }
    }
    mask(*index, size as u32)
}

fn failed(error: PacketError, trace: &mut Trace) {
    let (ended, there, what) = match error {
        PacketError::Incomplete { unread, .. } => (LATER, Some(unread), REFUSED),
        PacketError::NoRoom { free, .. } => (LATER, Some(free), REFUSED),
        PacketError::TooLong { .. } => (NEVER, None, TOO_LONG),
        PacketError::Corrupt(_) => (DEAD, None, CORRUPT),
        other => panic!("{other}"),
    };
    trace.put8(ended);
    trace.count(what);
    if let Some(there) = there {
        trace.put32(there as u32);
    }
}

fn read(operation: &Operation, mut reader: Reader<'_, Mapping>, at: &mut u32, trace: &mut Trace) {
    let wanted = usize::from(operation.length);
    let mut bytes = vec![0; wanted];
    let done = match operation.what {
        What::Read => reader.read(&mut bytes).map_err(PacketError::from),
        What::Skip => reader.skip(wanted).map_err(PacketError::from),
        _ => reader
            .read_packet(&mut bytes)
            .map(|notify| xen_abi::ring::flex::Moved {
                bytes: wanted,
                notify,
            }),
    };
    match done {
        Err(error) => failed(error, trace),
        Ok(done) => {
            assert_eq!(done.notify.is_needed(), done.bytes > 0);
            trace.put8(FINE);
            trace.put32(done.bytes as u32);
            if !matches!(operation.what, What::Skip) {
                trace.put(&bytes[..done.bytes]);
            }
            let masked = moved(at, done.bytes, reader.size(), wanted, trace);
            trace.put32(masked);
        }
    }
}

fn write(operation: &Operation, mut writer: Writer<'_, Mapping>, at: &mut u32, trace: &mut Trace) {
    let wanted = usize::from(operation.length);
    let bytes = &TEXT[operation.value as usize % (NOISE / 2)..][..wanted];
    let done = match operation.what {
        What::Write => writer.write(bytes).map_err(PacketError::from),
        // In two parts, of which C knows nothing.
        _ => writer
            .write_parts(&[&bytes[..wanted / 3], &bytes[wanted / 3..]])
            .map(|notify| xen_abi::ring::flex::Moved {
                bytes: wanted,
                notify,
            }),
    };
    match done {
        Err(error) => failed(error, trace),
        Ok(done) => {
            assert_eq!(done.notify.is_needed(), done.bytes > 0);
            trace.put8(FINE);
            trace.put32(done.bytes as u32);
            let masked = moved(at, done.bytes, writer.size(), wanted, trace);
            trace.put32(masked);
        }
    }
}

fn state(mut reader: Reader<'_, Mapping>, mut writer: Writer<'_, Mapping>, trace: &mut Trace) {
    let size = writer.size();
    for (found, full) in [(reader.unread(), size), (writer.free(), 0)] {
        match found {
            Ok(found) => {
                trace.put8(FINE);
                trace.put32(found as u32);
                if found == full {
                    trace.count(FULL);
                }
            }
            Err(_) => {
                trace.put8(DEAD);
                trace.count(CORRUPT);
            }
        }
    }
}

fn functions(operation: &Operation, first: u32, trace: &mut Trace) {
    let order = Order::new(u32::from(operation.length % 10)).expect("at most 9");
    trace.put32(order.ring_size() as u32);
    let size = 1 << (operation.length % 32);
    trace.put32(mask(operation.value, size));
    trace.put32(mask(operation.value, PAGE as u32));
    trace.put32(queued(operation.value, first, size));
    trace.put32(queued(first, operation.value, size));
}

fn compile(abi: Abi, family: Family, options: &[String]) -> Result<Program> {
    let view = View::new(NEWEST, abi, Mode::Guest);
    Program::optimised(view, family, "flex.c", options)
}

#[test]
fn both_ends_do_what_the_functions_do() -> Result<()> {
    let mut programs = Vec::new();
    for abi in [Abi::X86_64, Abi::X86_32] {
        for family in FAMILIES {
            programs.push(compile(abi, family, &[])?);
        }
    }
    let emulated = [compile(Abi::Arm64, Family::Gcc, &[])?];
    let title = "flex ring differential";
    let counts = differential::compare::<FlexCase>(title, &programs, &emulated, CASES, SIZE)?;
    // A case that is never drawn proves nothing.
    for what in [
        WRAPPED,
        INDEX_WRAPPED,
        PARTLY,
        REFUSED,
        TOO_LONG,
        CORRUPT,
        FULL,
    ] {
        assert!(counts.of(what) > 100, "{what}: {}", counts.of(what));
    }
    Ok(())
}

/// How many cases it may take until an error shows.
const TRIES: usize = 5000;

#[test]
fn errors_in_the_header_are_noticed() -> Result<()> {
    // Edits, and the operations in which they are due to show.
    let altered: &[(&str, &str, &[&str])] = &[
        (
            "size - (ring_size - *masked_cons));",
            "size - (ring_size - *masked_cons) - 1);",
            &["Read", "ReadPacket"],
        ),
        (
            "size - (ring_size - *masked_prod));",
            "size - (ring_size - *masked_prod) - 1);",
            &["Write", "WritePacket"],
        ),
        (
            "size = ring_size - (cons - prod);",
            "size = ring_size - (cons - prod) - 1;",
            &[
                "Read",
                "ReadPacket",
                "Skip",
                "Write",
                "WritePacket",
                "State",
                "Functions",
            ],
        ),
        (
            "RING_IDX out_cons, out_prod;",
            "RING_IDX out_prod, out_cons;",
            &["Read", "ReadPacket", "Skip", "Write", "WritePacket", "Poke"],
        ),
        ("uint8_t pad1[56];", "uint8_t pad1[60];", &["Init"]),
        (
            "(1UL << ((order) + XEN_PAGE_SHIFT - 1))",
            "(1UL << ((order) + XEN_PAGE_SHIFT - 2))",
            &[
                "Read",
                "ReadPacket",
                "Skip",
                "Write",
                "WritePacket",
                "State",
                "Functions",
            ],
        ),
    ];
    for (old, new, due) in altered {
        let dir = tempfile::tempdir()?;
        let public = dir.path().join("public");
        alter::copy(&NEWEST.include_dir().join("public"), &public)?;
        alter::edit(&public.join("io/ring.h"), old, new)?;
        let include = format!("-I{}", dir.path().display());
        let program = compile(Abi::X86_64, Family::Gcc, &[include])?;
        let step = differential::first_difference::<FlexCase>(&program, TRIES, SIZE)?;
        let step = step.with_context(|| format!("`{new}` went unnoticed"))?;
        assert!(
            due.contains(&step),
            "`{new}` noticed in {step}, not in {due:?}"
        );
    }
    Ok(())
}
