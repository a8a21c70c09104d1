//! What is drawn: requests of every kind, good and bad, and responses.

use abi_tests::differential::{Case, Trace};
use quickcheck::{Arbitrary, Gen};
use xen_abi::blkif::{DiscardLimits, Layout, Limits};

use crate::rust;

/// The operations, by the header's numbers.
pub(crate) const READ: u8 = 0;
pub(crate) const WRITE: u8 = 1;
pub(crate) const BARRIER: u8 = 2;
pub(crate) const FLUSH: u8 = 3;
pub(crate) const DISCARD: u8 = 5;
pub(crate) const INDIRECT: u8 = 6;

/// A slot of the larger layout.
pub(crate) type Slot = [u8; 112];

/// Where a layout has its parts: its slot's size, the id, the sector, and what follows it.
pub(crate) struct Places {
    pub(crate) slot: usize,
    pub(crate) id: usize,
    pub(crate) sector: usize,
    pub(crate) rest: usize,
}

pub(crate) const fn places(layout: Layout) -> Places {
    match layout {
        Layout::X86_32 => Places {
            slot: 108,
            id: 4,
            sector: 12,
            rest: 20,
        },
        Layout::X86_64 => Places {
            slot: 112,
            id: 8,
            sector: 16,
            rest: 24,
        },
    }
}

fn any<T: Copy>(g: &mut Gen, of: &[T]) -> T {
    *g.choose(of).expect("there are some")
}

/// One time of so many.
fn once(g: &mut Gen, of: u8) -> bool {
    u8::arbitrary(g) % of == 0
}

fn layout(g: &mut Gen) -> Layout {
    any(g, &[Layout::X86_32, Layout::X86_64])
}

/// The C programs' number of a layout.
fn number(layout: Layout) -> u8 {
    match layout {
        Layout::X86_64 => 0,
        Layout::X86_32 => 1,
    }
}

/// Bytes that a slot holds before.
fn noise(g: &mut Gen) -> Slot {
    let mut slot = [0; 112];
    for piece in slot.chunks_exact_mut(8) {
        piece.copy_from_slice(&u64::arbitrary(g).to_le_bytes());
    }
    slot
}

/// What a backend has agreed to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    capacity: u64,
    /// In sectors.
    granularity: u32,
    /// In sectors.
    alignment: u32,
    indirect: u16,
    /// One less than the sectors of a block.
    mask: u8,
    read_only: bool,
    barrier: bool,
    flush: bool,
    discard: bool,
    secure: bool,
}

impl Terms {
    fn arbitrary(g: &mut Gen) -> Self {
        let granularity = any(g, &[1, 1, 8, 64, 24]);
        Self {
            capacity: any(g, &[1 << 11, 1 << 30, u64::MAX, 1000]),
            granularity,
            alignment: any(g, &[0, 0, 7]) % granularity,
            indirect: any(g, &[0, 32, 256, 4096]),
            mask: any(g, &[0, 0, 0, 1, 7]),
            read_only: once(g, 8),
            barrier: !once(g, 4),
            flush: !once(g, 4),
            discard: !once(g, 4),
            secure: once(g, 2),
        }
    }

    fn encode(&self, to: &mut Vec<u8>) {
        to.extend(self.capacity.to_le_bytes());
        to.extend(self.granularity.to_le_bytes());
        to.extend(self.alignment.to_le_bytes());
        to.extend(self.indirect.to_le_bytes());
        to.push(self.mask);
        let flags = [
            self.read_only,
            self.barrier,
            self.flush,
            self.discard,
            self.secure,
        ];
        to.extend(flags.map(u8::from));
    }

    /// As the backend takes them.
    pub(crate) fn limits(&self) -> Limits {
        let bytes = 512 * (u32::from(self.mask) + 1);
        let mut limits = Limits::new(self.capacity)
            .with_sector_size(bytes)
            .expect("a power of two")
            .with_indirect(self.indirect);
        if self.read_only {
            limits = limits.with_read_only();
        }
        if self.barrier {
            limits = limits.with_barrier();
        }
        if self.flush {
            limits = limits.with_flush();
        }
        if self.discard {
            let (granularity, alignment) = (self.granularity * 512, self.alignment * 512);
            let mut discard = DiscardLimits::new(granularity, alignment).expect("whole sectors");
            if self.secure {
                discard = discard.with_secure();
            }
            limits = limits.with_discard(discard);
        }
        limits
    }
}

/// All that any request has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields {
    pub(crate) operation: u8,
    /// `nr_segments`, `flag` or `indirect_op`.
    pub(crate) second: u8,
    /// Of an indirect request.
    pub(crate) nr_segments: u16,
    pub(crate) handle: u16,
    pub(crate) id: u64,
    pub(crate) sector: u64,
    pub(crate) nr_sectors: u64,
    /// Grant, first and last sector.
    pub(crate) seg: [(u32, u8, u8); 11],
    pub(crate) grefs: [u32; 8],
}

impl Fields {
    /// A request that is good where `mask` is that of the blocks and the disk is large enough.
    fn good(g: &mut Gen, mask: u8) -> Self {
        let operation = any(g, &[READ, WRITE, BARRIER, FLUSH, DISCARD, INDIRECT]);
        let blocks = 8 / (mask + 1);
        let mut seg = [(0, 0, 0); 11];
        for s in &mut seg {
            let first = u8::arbitrary(g) % blocks;
            let last = first + u8::arbitrary(g) % (blocks - first);
            let last = last * (mask + 1) + mask;
            *s = (u32::arbitrary(g), first * (mask + 1), last);
        }
        let mut grefs = [0; 8];
        grefs.fill_with(|| u32::arbitrary(g));
        let fewest = u8::from(operation != BARRIER);
        let block = !u64::from(mask);
        Self {
            operation,
            second: match operation {
                FLUSH => 0,
                DISCARD | INDIRECT => u8::arbitrary(g) % 2,
                _ => fewest + u8::arbitrary(g) % (12 - fewest),
            },
            nr_segments: 1 + u16::arbitrary(g) % any(g, &[32, 256, 4096]),
            handle: u16::arbitrary(g),
            id: u64::arbitrary(g),
            sector: (u64::arbitrary(g) % any(g, &[64, 1 << 11, 1 << 30])) & block,
            nr_sectors: (1 + u64::arbitrary(g) % 256) * (u64::from(mask) + 1),
            seg,
            grefs,
        }
    }

    /// Makes one or another thing as the frontend likes.
    fn spoil(&mut self, g: &mut Gen) {
        let sector = any(g, &[u64::MAX, 1 << 11, 1 << 30, 1000]);
        let at = usize::arbitrary(g) % 11;
        match u8::arbitrary(g) % 8 {
            0 => self.operation = u8::arbitrary(g) % 12,
            1 => self.operation = u8::arbitrary(g),
            2 => self.second = u8::arbitrary(g) % 16,
            3 => self.second = u8::arbitrary(g),
            4 => {
                self.nr_segments = any(g, &[0, 32, 33, 256, 257, 512, 513, 4096, 4097, u16::MAX]);
            }
            5 => self.sector = sector.wrapping_sub(u64::arbitrary(g) % 20),
            6 => self.nr_sectors = any(g, &[0, 3, sector, sector.wrapping_sub(self.sector)]),
            _ => {
                self.seg[at].1 = u8::arbitrary(g) % 10;
                self.seg[at].2 = u8::arbitrary(g) % any(g, &[9, 255]);
            }
        }
    }

    fn encode(&self, to: &mut Vec<u8>) {
        to.extend([self.operation, self.second]);
        to.extend(self.nr_segments.to_le_bytes());
        to.extend(self.handle.to_le_bytes());
        to.extend(self.id.to_le_bytes());
        to.extend(self.sector.to_le_bytes());
        to.extend(self.nr_sectors.to_le_bytes());
        for (gref, first, last) in self.seg {
            to.extend(gref.to_le_bytes());
            to.extend([first, last]);
        }
        for gref in self.grefs {
            to.extend(gref.to_le_bytes());
        }
    }

    /// Writes the fields that the operation has over what a slot holds.
    pub(crate) fn write(&self, layout: Layout, slot: &mut Slot) {
        let Places {
            id, sector, rest, ..
        } = places(layout);
        let mut set = |at: usize, bytes: &[u8]| slot[at..at + bytes.len()].copy_from_slice(bytes);
        set(0, &[self.operation, self.second]);
        set(id, &self.id.to_le_bytes());
        set(sector, &self.sector.to_le_bytes());
        let third = match self.operation {
            INDIRECT => self.nr_segments,
            _ => self.handle,
        };
        set(2, &third.to_le_bytes());
        match self.operation {
            DISCARD => set(rest, &self.nr_sectors.to_le_bytes()),
            INDIRECT => {
                set(rest, &self.handle.to_le_bytes());
                for (at, gref) in self.grefs.iter().enumerate() {
                    set(rest + 4 + at * 4, &gref.to_le_bytes());
                }
            }
            _ => {
                for (at, (gref, first, last)) in self.seg.iter().enumerate() {
                    set(rest + at * 8, &gref.to_le_bytes());
                    set(rest + at * 8 + 4, &[*first, *last]);
                }
            }
        }
    }
}

/// A request that C writes, Rust takes and both judge.
#[derive(Clone, Debug)]
pub(crate) struct RequestFromC {
    pub(crate) layout: Layout,
    pub(crate) terms: Terms,
    pub(crate) fields: Fields,
    pub(crate) slot: Slot,
    /// Its index in the ring.
    pub(crate) index: u32,
}

impl Arbitrary for RequestFromC {
    fn arbitrary(g: &mut Gen) -> Self {
        let terms = Terms::arbitrary(g);
        let mut fields = Fields::good(g, terms.mask);
        for _ in 0..any(g, &[0, 0, 1, 1, 2, 4]) {
            fields.spoil(g);
        }
        Self {
            layout: layout(g),
            terms,
            fields,
            slot: noise(g),
            index: u32::arbitrary(g),
        }
    }
}

impl Case for RequestFromC {
    fn encode(&self, to: &mut Vec<u8>) {
        to.extend([0, number(self.layout)]);
        self.terms.encode(to);
        self.fields.encode(to);
        to.extend(self.slot);
    }

    fn run(&self, trace: &mut Trace) {
        rust::take_request(self, trace);
    }
}

/// A request that Rust writes and C reads.
#[derive(Clone, Debug)]
pub(crate) struct RequestFromRust {
    pub(crate) layout: Layout,
    /// But for the id, which the ring gives.
    pub(crate) fields: Fields,
    pub(crate) slot: Slot,
    pub(crate) index: u32,
    /// How many requests had the same place before; this shows in the id.
    pub(crate) before: u8,
}

impl Arbitrary for RequestFromRust {
    fn arbitrary(g: &mut Gen) -> Self {
        let fields = Fields::good(g, 0);
        Self {
            layout: layout(g),
            fields: Fields {
                sector: u64::arbitrary(g),
                nr_sectors: u64::arbitrary(g),
                ..fields
            },
            slot: noise(g),
            index: u32::arbitrary(g),
            before: u8::arbitrary(g) % 3,
        }
    }
}

impl Case for RequestFromRust {
    fn encode(&self, to: &mut Vec<u8>) {
        to.extend([1, number(self.layout)]);
        let (slot, _) = rust::put_request(self);
        to.extend(slot);
    }

    fn run(&self, trace: &mut Trace) {
        rust::trace_request(self, trace);
    }
}

/// A response that C writes and Rust takes for the answer to a request.
#[derive(Clone, Debug)]
pub(crate) struct ResponseFromC {
    pub(crate) layout: Layout,
    /// The request: its operation, the one in it, and its id.
    pub(crate) operation: u8,
    pub(crate) inner: u8,
    pub(crate) asked: u8,
    pub(crate) answered: u64,
    pub(crate) answer: u8,
    pub(crate) status: i16,
    pub(crate) slot: Slot,
    pub(crate) index: u32,
}

impl Arbitrary for ResponseFromC {
    fn arbitrary(g: &mut Gen) -> Self {
        let operation = any(g, &[READ, WRITE, BARRIER, FLUSH, DISCARD, INDIRECT]);
        let inner = match operation {
            INDIRECT => any(g, &[READ, WRITE]),
            _ => operation,
        };
        let asked = u8::arbitrary(g) % 8;
        let (answered, answer) = (u64::arbitrary(g), u8::arbitrary(g));
        Self {
            layout: layout(g),
            operation,
            inner,
            asked,
            answered: any(g, &[asked.into(), asked.into(), asked.into(), answered]),
            answer: any(g, &[operation, inner, inner, answer]),
            status: any(g, &[0, 0, -1, -2, 1, -3, i16::MIN, 256]),
            slot: noise(g),
            index: u32::arbitrary(g),
        }
    }
}

impl Case for ResponseFromC {
    fn encode(&self, to: &mut Vec<u8>) {
        to.extend([2, number(self.layout)]);
        to.extend(u64::from(self.asked).to_le_bytes());
        to.extend([self.operation, self.inner]);
        to.extend(self.answered.to_le_bytes());
        to.push(self.answer);
        to.extend(self.status.to_le_bytes());
        to.extend(self.slot);
    }

    fn run(&self, trace: &mut Trace) {
        rust::take_response(self, trace);
    }
}

/// A response that Rust writes and C reads.
#[derive(Clone, Debug)]
pub(crate) struct ResponseFromRust {
    pub(crate) layout: Layout,
    pub(crate) id: u64,
    pub(crate) operation: u8,
    pub(crate) status: i16,
    pub(crate) slot: Slot,
    pub(crate) index: u32,
}

impl Arbitrary for ResponseFromRust {
    fn arbitrary(g: &mut Gen) -> Self {
        Self {
            layout: layout(g),
            id: u64::arbitrary(g),
            operation: u8::arbitrary(g),
            status: any(g, &[0, -1, -2]),
            slot: noise(g),
            index: u32::arbitrary(g),
        }
    }
}

impl Case for ResponseFromRust {
    fn encode(&self, to: &mut Vec<u8>) {
        to.extend([3, number(self.layout)]);
        let slot = rust::put_response(self);
        to.extend(slot);
    }

    fn run(&self, trace: &mut Trace) {
        trace.step("response");
        trace.put64(self.id);
        trace.put8(self.operation);
        trace.put(&self.status.to_le_bytes());
    }
}
