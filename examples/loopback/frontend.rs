//! The frontend: does the workload on its part of the disk, with many requests in flight.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use xen_abi::blkif::negotiation::{
    BackendProperties, BackendTransport, FrontendTransport, Queue, RingPages, RingRefs,
};
use xen_abi::blkif::{
    Body, Direction, Discard, FrontRing, Indirect, Operation, Segment, Shadow, Status, Transfer,
    write_indirect_segments,
};
use xen_abi::ring::{Mapping, const_ring_size, kinds};
use xen_public::event_channel::EvtchnPort;
use xen_public::grant_table::GrantRef;

use super::device::{Device, Error};
use super::disk::SECTOR;
use super::domain::{self, PAGE};
use super::store::State;
use super::workload::{Job, Kind, MOST, PER_PAGE, Part};

/// The pages of one request: one for the segments of an indirect one, then the data's. Data that
/// begins within a page needs one more.
const PAGES: usize = 1 + DATA_PAGES;
const DATA_PAGES: usize = (MOST / PER_PAGE) as usize + 1;

/// The most pages of a ring.
const RING_PAGES: usize = RingPages::MAX.pages() as usize;

/// The pages that a frontend with this many requests in flight has.
pub(crate) fn pages(depth: u32) -> usize {
    RING_PAGES + depth as usize * PAGES
}

/// The pages of a ring for this many requests in flight.
fn ring_pages(depth: u32) -> Option<RingPages> {
    // The slots of x86_64's layout are the larger ones.
    (0..=RingPages::MAX.order())
        .filter_map(RingPages::from_order)
        .find(|ring| const_ring_size::<kinds::BlkifX86_64>(ring.pages() as usize * PAGE) >= depth)
}

/// What a frontend did.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) reads: u64,
    pub(crate) writes: u64,
    pub(crate) indirect: u64,
    pub(crate) discards: u64,
    pub(crate) flushes: u64,
    pub(crate) bytes: u64,
    pub(crate) time: Duration,
    /// The hash of all data as last read over the ring, in the order of the disk.
    pub(crate) hash: [u8; 32],
}

impl Report {
    pub(crate) fn requests(&self) -> u64 {
        self.reads + self.writes + self.indirect + self.discards + self.flushes
    }
}

/// Runs the workload over a device. `progress` hears of bytes as they are done.
pub(crate) fn run(
    device: &Device<'_>,
    depth: u32,
    rounds: u32,
    progress: &dyn Fn(u64),
) -> Result<Report, Error> {
    let done = connect(device, depth).and_then(|frontend| frontend.work(rounds, progress));
    device.front.set_state(State::Closing);
    device.to_back.send();
    done
}

/// A place for a request in flight.
struct Place {
    /// The page for the segments of an indirect request.
    indirect: Mapping,
    indirect_grant: GrantRef,
    data: Mapping,
    data_grants: Vec<GrantRef>,
}

/// A frontend with its backend connected.
struct Frontend<'a> {
    device: &'a Device<'a>,
    ring: FrontRing<Mapping, Vec<Shadow>>,
    places: Vec<Place>,
    /// The job of each place, or none.
    jobs: Vec<Option<Job>>,
    report: Report,
}

fn connect<'a>(device: &'a Device<'a>, depth: u32) -> Result<Frontend<'a>, Error> {
    device.back.wait_for(State::InitWait)?;
    let offer = BackendTransport::read(&mut device.back.clone())?;
    let ring_pages = ring_pages(depth).ok_or("so many requests fit into no ring")?;
    if ring_pages > offer.ring {
        return Err(format!(
            "a ring of {} pages, where the backend takes {}",
            ring_pages.pages(),
            offer.ring.pages()
        )
        .into());
    }
    let count = ring_pages.pages() as usize;
    let grants: Vec<_> = (0..count).map(|page| device.domain.grant(page)).collect();
    let ring = FrontRing::init(
        device.protocol.layout(),
        device.domain.own(0, count),
        vec![Shadow::FREE; depth as usize],
        0,
    )?;
    let transport = FrontendTransport::new(device.protocol).with_ring(ring_pages);
    transport.write(|name, value| device.front.write(name, value))?;
    let queue = Queue {
        event_channel: EvtchnPort::new(1),
        ring: RingRefs::new(&grants).ok_or("no ring has so many pages")?,
    };
    transport.write_queue(0, &queue, |name, value| device.front.write(name, value))?;
    device.front.set_state(State::Initialised);

    device.back.wait_for(State::Connected)?;
    let properties = BackendProperties::read(&mut device.back.clone())?;
    let enough = u64::from(properties.max_indirect_segments) >= DATA_PAGES as u64;
    if !enough || !properties.flush_cache || properties.discard.is_none() {
        return Err("the backend lacks indirect requests, flush or discard".into());
    }
    device.front.set_state(State::Connected);

    let place = |index: u32| {
        let first = RING_PAGES + index as usize * PAGES;
        let grant = |page| device.domain.grant(page);
        Place {
            indirect: device.domain.own(first, 1),
            indirect_grant: grant(first),
            data: device.domain.own(first + 1, DATA_PAGES),
            data_grants: (first + 1..first + PAGES).map(grant).collect(),
        }
    };
    Ok(Frontend {
        device,
        ring,
        places: (0..depth).map(place).collect(),
        jobs: vec![None; depth as usize],
        report: Report::default(),
    })
}

impl Frontend<'_> {
    fn work(mut self, rounds: u32, progress: &dyn Fn(u64)) -> Result<Report, Error> {
        let begin = Instant::now();
        for round in 0..rounds {
            let mut part = self.device.part;
            part.seed = part.seed.wrapping_add(u64::from(round) << 48);
            self.all(part, part.cover(Kind::Write), false, &mut |_, data| {
                progress(data.len() as u64);
            })?;
            self.flush()?;
            self.all(part, part.cover(Kind::Read), false, &mut |_, data| {
                progress(data.len() as u64);
            })?;
            self.all(part, part.discards(), false, &mut |_, _| ())?;
            self.flush()?;
            let mut ordered = Ordered::new(part.first);
            self.all(part, part.cover(Kind::Read), true, &mut |sector, data| {
                progress(data.len() as u64);
                ordered.add(sector, data);
            })?;
            self.report.hash = ordered.finish(part)?;
        }
        self.report.time = begin.elapsed();
        Ok(self.report)
    }

    /// Does all jobs, as many at a time as there are places, and hands out each one's data.
    fn all(
        &mut self,
        part: Part,
        jobs: impl Iterator<Item = Job>,
        discarded: bool,
        done: &mut dyn FnMut(u64, &[u8]),
    ) -> Result<(), Error> {
        let mut jobs = jobs.peekable();
        let mut free: Vec<usize> = (0..self.places.len()).collect();
        let mut data = Vec::new();
        loop {
            while let (Some(job), Some(place)) = (jobs.peek().copied(), free.last().copied()) {
                self.submit(part, job, place)?;
                jobs.next();
                free.pop();
            }
            let notify = self.ring.push_and_check_notify();
            self.device.to_back.notify(notify);
            if free.len() == self.places.len() {
                return Ok(());
            }
            for place in self.collect()? {
                let job = self.jobs[place].take().ok_or("an answer to no request")?;
                free.push(place);
                if job.kind == Kind::Discard {
                    continue;
                }
                data.resize((job.sectors * SECTOR) as usize, 0);
                domain::read(
                    &self.places[place].data,
                    (job.within * SECTOR) as usize,
                    &mut data,
                );
                check(part, job, discarded, &data)?;
                self.report.bytes += data.len() as u64;
                done(job.sector, &data);
            }
        }
    }

    /// Puts a job on the ring.
    fn submit(&mut self, part: Part, job: Job, place: usize) -> Result<(), Error> {
        let pages = &self.places[place];
        if job.kind == Kind::Write {
            let mut data = vec![0; (job.sectors * SECTOR) as usize];
            for (sector, bytes) in (job.sector..).zip(data.chunks_exact_mut(SECTOR as usize)) {
                part.fill(sector, false, bytes);
            }
            domain::write(&pages.data, (job.within * SECTOR) as usize, &data);
        }
        let direction = match job.kind {
            Kind::Read => Direction::Read,
            Kind::Write => Direction::Write,
            Kind::Discard => {
                let body = Body::Discard(Discard {
                    sector: job.sector,
                    sectors: job.sectors,
                    secure: false,
                });
                self.ring.put(&body, place as u64)?;
                self.report.discards += 1;
                self.jobs[place] = Some(job);
                return Ok(());
            }
        };
        let end = job.within + job.sectors;
        let segments: Result<Vec<_>, _> = (0..job.segments())
            .zip(&pages.data_grants)
            .map(|(page, grant)| {
                let first = job.within.saturating_sub(page * PER_PAGE);
                let last = (end - page * PER_PAGE).min(PER_PAGE) - 1;
                Segment::new(*grant, first as u8, last as u8)
            })
            .collect();
        let segments = segments?;
        let body = if job.is_indirect() {
            write_indirect_segments(core::slice::from_ref(&pages.indirect), &segments)?;
            let count = segments.len() as u16;
            let grants = [pages.indirect_grant];
            self.report.indirect += 1;
            Body::Indirect(Indirect::new(direction, job.sector, count, &grants)?)
        } else {
            let transfer = Transfer::new(job.sector, &segments)?;
            match direction {
                Direction::Read => {
                    self.report.reads += 1;
                    Body::Read(transfer)
                }
                Direction::Write => {
                    self.report.writes += 1;
                    Body::Write(transfer)
                }
            }
        };
        self.ring.put(&body, place as u64)?;
        self.jobs[place] = Some(job);
        Ok(())
    }

    /// Waits for at least one answer, and returns the places of all that are there.
    fn collect(&mut self) -> Result<Vec<usize>, Error> {
        let mut places = Vec::new();
        loop {
            while let Some(completion) = self.ring.take()? {
                let completion = completion?;
                if completion.status != Status::Okay {
                    return Err(format!(
                        "the backend answers {:?} to {:?}",
                        completion.status, completion.operation
                    )
                    .into());
                }
                if completion.operation != Operation::Flush {
                    places.push(completion.tag as usize);
                } else {
                    return Ok(places);
                }
            }
            if !places.is_empty() {
                return Ok(places);
            }
            // An event for every answer would be many: a quarter of what is in flight at a time.
            if self.ring.final_check_after(self.ring.in_flight() / 4)? {
                continue;
            }
            if self.device.back.state() >= State::Closing {
                return Err("the backend went away".into());
            }
            self.device.to_front.wait()?;
        }
    }

    /// Makes what was written last. Nothing else is in flight.
    fn flush(&mut self) -> Result<(), Error> {
        self.ring.put(&Body::Flush, 0)?;
        let notify = self.ring.push_and_check_notify();
        self.device.to_back.notify(notify);
        self.collect()?;
        self.report.flushes += 1;
        Ok(())
    }
}

/// Compares data with what it must be.
fn check(part: Part, job: Job, discarded: bool, data: &[u8]) -> Result<(), Error> {
    let mut expected = [0; SECTOR as usize];
    for (sector, bytes) in (job.sector..).zip(data.chunks_exact(SECTOR as usize)) {
        part.fill(sector, discarded, &mut expected);
        if bytes != expected {
            return Err(format!("sector {sector} has other data than was written").into());
        }
    }
    Ok(())
}

/// A hash over data that comes in any order.
struct Ordered {
    hash: Sha256,
    next: u64,
    waiting: BTreeMap<u64, Vec<u8>>,
}

impl Ordered {
    fn new(first: u64) -> Self {
        Self {
            hash: Sha256::new(),
            next: first,
            waiting: BTreeMap::new(),
        }
    }

    fn add(&mut self, sector: u64, data: &[u8]) {
        self.waiting.insert(sector, data.to_vec());
        while let Some(data) = self.waiting.remove(&self.next) {
            self.hash.update(&data);
            self.next += data.len() as u64 / SECTOR;
        }
    }

    fn finish(self, part: Part) -> Result<[u8; 32], Error> {
        if self.next != part.first + part.sectors {
            return Err(format!("no data came for sector {}", self.next).into());
        }
        Ok(self.hash.finalize().into())
    }
}
