//! blkif by the letter: requests read from bytes at offsets written down by hand, and checked with
//! numbers too large to overflow. It shares nothing with the code under test but the result types.

use super::*;

/// What a disk is and offers, as plain numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Disk {
    pub(super) sectors: u64,
    pub(super) sector_size: u32,
    pub(super) read_only: bool,
    pub(super) barrier: bool,
    pub(super) flush: bool,
    /// Granularity and alignment in bytes, and whether it can be secure.
    pub(super) discard: Option<(u32, u32, bool)>,
    pub(super) indirect: u16,
}

impl Disk {
    pub(super) fn limits(&self) -> Limits {
        let mut limits = Limits::new(self.sectors)
            .with_sector_size(self.sector_size)
            .unwrap()
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
        if let Some((granularity, alignment, secure)) = self.discard {
            let mut discard = DiscardLimits::new(granularity, alignment).unwrap();
            if secure {
                discard = discard.with_secure();
            }
            limits = limits.with_discard(discard);
        }
        limits
    }

    fn block(&self) -> u64 {
        u64::from(self.sector_size / 512)
    }

    /// What is wrong with a run of sectors.
    fn run(&self, sector: u64, sectors: u64) -> Result<(), BadRequest> {
        if sector % self.block() != 0 || sectors % self.block() != 0 {
            return Err(BadRequest::Alignment {
                sector,
                sectors,
                block: self.block() as u8,
            });
        }
        if u128::from(sector) + u128::from(sectors) > u128::from(self.sectors) {
            return Err(BadRequest::OutOfRange {
                sector,
                sectors,
                capacity: self.sectors,
            });
        }
        Ok(())
    }

    /// A segment from its eight bytes.
    pub(super) fn segment(&self, index: usize, bytes: &[u8]) -> Result<Segment, BadRequest> {
        let (first_sect, last_sect) = (bytes[4], bytes[5]);
        let index = index as u16;
        if first_sect > last_sect || last_sect > 7 {
            return Err(BadRequest::SegmentRange {
                index,
                first_sect,
                last_sect,
            });
        }
        let (first, end) = (u64::from(first_sect), u64::from(last_sect) + 1);
        if first % self.block() != 0 || end % self.block() != 0 {
            return Err(BadRequest::SegmentAlignment {
                index,
                first_sect,
                last_sect,
                block: self.block() as u8,
            });
        }
        Ok(Segment::new(GrantRef::new(u32_at(bytes, 0)), first_sect, last_sect).unwrap())
    }

    /// All segments of an indirect request from their bytes: those before the first bad one, and
    /// what is wrong with that.
    pub(super) fn indirect(&self, sector: u64, bytes: &[u8]) -> (Vec<Segment>, Option<BadRequest>) {
        let mut good = Vec::new();
        let mut sectors = 0;
        for (index, bytes) in bytes.chunks(8).enumerate() {
            match self.segment(index, bytes) {
                Ok(segment) => {
                    sectors += u64::from(segment.last_sect() - segment.first_sect() + 1);
                    if u128::from(sector) + u128::from(sectors) > u128::from(self.sectors) {
                        let capacity = self.sectors;
                        let bad = BadRequest::OutOfRange {
                            sector,
                            sectors,
                            capacity,
                        };
                        return (good, Some(bad));
                    }
                    good.push(segment);
                }
                Err(bad) => return (good, Some(bad)),
            }
        }
        (good, None)
    }

    /// The request in a slot, or its refusal.
    pub(super) fn verdict(&self, layout: Layout, slot: &[u8]) -> Result<Request, Refusal> {
        // Where id, sector and the rest are.
        let (id_at, sector_at, rest) = match layout {
            Layout::X86_32 => (4, 12, 20),
            Layout::X86_64 => (8, 16, 24),
        };
        let id = u64_at(slot, id_at);
        let sector = u64_at(slot, sector_at);
        let (operation, second) = (slot[0], slot[1]);
        let mut handle = u16_at(slot, 2);
        let mut answer = operation;
        let body = match operation {
            0 => self
                .transfer(Operation::Read, sector, second, &slot[rest..])
                .map(Body::Read),
            1 => self
                .transfer(Operation::Write, sector, second, &slot[rest..])
                .map(Body::Write),
            2 if self.barrier => self
                .transfer(Operation::Barrier, sector, second, &slot[rest..])
                .map(Body::Barrier),
            3 if self.flush => match second {
                0 => Ok(Body::Flush),
                count => Err(BadRequest::FlushWithSegments { count }),
            },
            5 if self.discard.is_some() => self
                .discard(sector, second, u64_at(slot, rest))
                .map(Body::Discard),
            6 if self.indirect != 0 => {
                answer = second;
                handle = u16_at(slot, rest);
                self.indirect_request(slot, second, sector, rest + 4)
                    .map(Body::Indirect)
            }
            2 => Err(not_offered(Operation::Barrier)),
            3 => Err(not_offered(Operation::Flush)),
            5 => Err(not_offered(Operation::Discard)),
            6 => Err(not_offered(Operation::Indirect)),
            _ => Err(BadRequest::UnknownOperation { operation }),
        };
        match body {
            Ok(body) => Ok(Request { id, handle, body }),
            Err(reason) => Err(Refusal {
                id,
                operation: answer,
                reason,
            }),
        }
    }

    fn transfer(
        &self,
        operation: Operation,
        sector: u64,
        count: u8,
        bytes: &[u8],
    ) -> Result<Transfer, BadRequest> {
        if count > 11 {
            let count = count.into();
            return Err(BadRequest::SegmentCount { count, max: 11 });
        }
        if count == 0 {
            return if operation == Operation::Barrier {
                Ok(Transfer::new(sector, &[]).unwrap())
            } else {
                Err(BadRequest::NoSegments)
            };
        }
        if self.read_only && operation != Operation::Read {
            return Err(BadRequest::ReadOnly { operation });
        }
        let mut segments = Vec::new();
        let mut sectors = 0;
        for index in 0..usize::from(count) {
            let segment = self.segment(index, &bytes[index * 8..index * 8 + 8])?;
            sectors += u64::from(segment.last_sect() - segment.first_sect() + 1);
            segments.push(segment);
        }
        self.run(sector, sectors)?;
        Ok(Transfer::new(sector, &segments).unwrap())
    }

    fn discard(&self, sector: u64, flag: u8, sectors: u64) -> Result<Discard, BadRequest> {
        let (granularity, alignment, secure) = self.discard.unwrap();
        if flag > 1 {
            return Err(BadRequest::DiscardFlag { flag });
        }
        if self.read_only {
            let operation = Operation::Discard;
            return Err(BadRequest::ReadOnly { operation });
        }
        if sectors == 0 {
            return Err(BadRequest::EmptyDiscard);
        }
        // In bytes, as the nodes have them, and far enough up to take the alignment away.
        let (unit, offset) = (i128::from(granularity), i128::from(alignment));
        if (i128::from(sector) * 512 - offset) % unit != 0 {
            let granularity = u64::from(granularity / 512);
            let alignment = u64::from(alignment / 512) % granularity;
            return Err(BadRequest::DiscardAlignment {
                sector,
                granularity,
                alignment,
            });
        }
        self.run(sector, sectors)?;
        Ok(Discard {
            sector,
            sectors,
            secure: secure && flag == 1,
        })
    }

    fn indirect_request(
        &self,
        slot: &[u8],
        operation: u8,
        sector: u64,
        grants: usize,
    ) -> Result<Indirect, BadRequest> {
        let direction = match operation {
            0 => Direction::Read,
            1 => Direction::Write,
            _ => return Err(BadRequest::IndirectOperation { operation }),
        };
        let count = u16_at(slot, 2);
        let max = self.indirect;
        if count == 0 {
            return Err(BadRequest::NoSegments);
        }
        if count > max {
            return Err(BadRequest::SegmentCount { count, max });
        }
        if self.read_only && direction == Direction::Write {
            let operation = Operation::Write;
            return Err(BadRequest::ReadOnly { operation });
        }
        // No segment is shorter than a block.
        self.run(sector, u64::from(count) * self.block())?;
        let pages = usize::from(count).div_ceil(512);
        let grants: Vec<_> = (0..pages)
            .map(|page| GrantRef::new(u32_at(slot, grants + page * 4)))
            .collect();
        Ok(Indirect::new(direction, sector, count, &grants).unwrap())
    }
}

fn not_offered(operation: Operation) -> BadRequest {
    BadRequest::NotOffered { operation }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_ne_bytes(bytes[at..at + 2].try_into().unwrap())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// The bytes of a slot with a request, as far as the request has any: the rest stays as it was.
pub(super) fn written(layout: Layout, id: u64, handle: u16, body: &Body) -> Vec<Option<u8>> {
    let (len, id_at, sector_at, rest) = match layout {
        Layout::X86_32 => (108, 4, 12, 20),
        Layout::X86_64 => (112, 8, 16, 24),
    };
    let mut slot = alloc::vec![None; len];
    let mut put = |at: usize, bytes: &[u8]| {
        for (to, from) in slot[at..].iter_mut().zip(bytes) {
            *to = Some(*from);
        }
    };
    let head = |operation: u8, second: u8, third: u16| {
        let [a, b] = third.to_ne_bytes();
        [operation, second, a, b]
    };
    // Padding before an aligned id is written as zeros.
    put(4, &[0; 4]);
    put(id_at, &id.to_ne_bytes());
    put(sector_at, &0u64.to_ne_bytes());
    match body {
        Body::Read(transfer) | Body::Write(transfer) | Body::Barrier(transfer) => {
            let operation = match body {
                Body::Read(_) => 0,
                Body::Write(_) => 1,
                _ => 2,
            };
            put(0, &head(operation, transfer.segments.len() as u8, handle));
            put(sector_at, &transfer.sector.to_ne_bytes());
            for (index, segment) in transfer.segments.iter().enumerate() {
                put(rest + index * 8, &segment_bytes(segment));
            }
        }
        Body::Flush => put(0, &head(3, 0, handle)),
        Body::Discard(discard) => {
            put(0, &head(5, discard.secure.into(), handle));
            put(sector_at, &discard.sector.to_ne_bytes());
            put(rest, &discard.sectors.to_ne_bytes());
        }
        Body::Indirect(indirect) => {
            let operation = u8::from(indirect.direction() == Direction::Write);
            put(0, &head(6, operation, indirect.nr_segments()));
            put(sector_at, &indirect.sector().to_ne_bytes());
            put(rest, &[0; 64][rest..]);
            put(rest, &handle.to_ne_bytes());
            for (page, grant) in indirect.page_grants().iter().enumerate() {
                put(rest + 4 + page * 4, &grant.get().to_ne_bytes());
            }
        }
    }
    slot
}

/// The bytes of a segment.
pub(super) fn segment_bytes(segment: &Segment) -> [u8; 8] {
    let [a, b, c, d] = segment.gref().get().to_ne_bytes();
    [a, b, c, d, segment.first_sect(), segment.last_sect(), 0, 0]
}
