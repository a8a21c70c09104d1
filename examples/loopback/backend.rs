//! The backend: serves the disk to a frontend of any ABI, from one code path.

use std::path::Path;

use xen_abi::blkif::negotiation::{
    BackendProperties, BackendTransport, DiscardProperties, FrontendTransport, RingPages,
};
use xen_abi::blkif::{
    BackRing, Body, Direction, IndirectError, IndirectSegments, Limits, Protocol, Request,
    Response, Segment, Status,
};
use xen_abi::ring::Mapping;

use super::device::{Device, Error};
use super::disk::{Disk, SECTOR};
use super::domain;
use super::store::State;
use super::workload::MOST;

/// The most segments of an indirect request.
const INDIRECT: u16 = 64;

/// What the backend offers before it knows the frontend.
const OFFER: BackendTransport = {
    let mut offer = BackendTransport::MINIMAL;
    offer.ring = RingPages::MAX;
    offer
};

/// Serves one frontend until that closes. `sectors` is the size of the disk.
pub(crate) fn serve(device: &Device<'_>, path: &Path, sectors: u64) -> Result<(), Error> {
    let served = connect(device, path, sectors).and_then(|backend| backend.run());
    device.back.set_state(State::Closed);
    device.to_front.send();
    served
}

/// A backend with its frontend connected.
struct Backend<'a> {
    device: &'a Device<'a>,
    ring: BackRing<Mapping>,
    limits: Limits,
    disk: Disk,
    buffer: Vec<u8>,
    /// Why the first request failed that did. The ring can't tell the frontend so much.
    failure: Option<Error>,
}

fn connect<'a>(device: &'a Device<'a>, path: &Path, sectors: u64) -> Result<Backend<'a>, Error> {
    let disk = Disk::open(path)?;
    OFFER.write(|name, value| device.back.write(name, value))?;
    device.back.set_state(State::InitWait);

    device.front.wait_for(State::Initialised)?;
    let nodes = &mut device.front.clone();
    let absent = Protocol::NATIVE.unwrap_or(Protocol::X86_64);
    let chosen = FrontendTransport::read(nodes, &OFFER, absent)?;
    let queue = chosen.read_queue(nodes, 0)?;
    let memory = device.domain.map(queue.ring.as_slice())?;
    let ring = BackRing::attach(chosen.protocol().layout(), memory, 0)?;

    let mut properties = BackendProperties::new(sectors, SECTOR as u32);
    properties.flush_cache = true;
    properties.max_indirect_segments = INDIRECT;
    properties.discard = Some(DiscardProperties::new(SECTOR as u32, 0));
    properties.write(|name, value| device.back.write(name, value))?;
    device.back.set_state(State::Connected);
    Ok(Backend {
        device,
        ring,
        limits: properties.limits()?,
        disk,
        buffer: vec![0; (MOST * SECTOR) as usize],
        failure: None,
    })
}

impl Backend<'_> {
    fn run(mut self) -> Result<(), Error> {
        loop {
            while let Some(taken) = self.ring.take(&self.limits)? {
                let response = match taken {
                    Ok(request) => self.answer(&request)?,
                    Err(refusal) => refusal.response(),
                };
                self.ring.put(&response)?;
                self.device
                    .to_front
                    .notify(self.ring.push_and_check_notify());
            }
            if self.ring.final_check()? {
                continue;
            }
            if self.device.front.state() >= State::Closing {
                return self.failure.map_or(Ok(()), Err);
            }
            self.device.to_back.wait()?;
        }
    }

    /// Does what a request asks for. What fails is an answer; an error means that nothing works.
    fn answer(&mut self, request: &Request) -> Result<Response, Error> {
        let status = match &request.body {
            Body::Read(read) => self.transfer(Direction::Read, read.sector, &read.segments),
            Body::Write(write) => self.transfer(Direction::Write, write.sector, &write.segments),
            Body::Indirect(indirect) => {
                let pages = indirect.page_grants();
                let pages: Result<Vec<_>, _> = pages
                    .iter()
                    .map(|page| self.device.domain.map(&[*page]))
                    .collect();
                let Ok(pages) = pages else {
                    return Ok(request.respond(Status::Error));
                };
                let segments = IndirectSegments::new(indirect, &pages, &self.limits)
                    .and_then(|segments| Ok(segments.collect::<Result<Vec<_>, _>>()?));
                match segments {
                    Ok(segments) => {
                        self.transfer(indirect.direction(), indirect.sector(), &segments)
                    }
                    Err(IndirectError::Bad(reason)) => {
                        return Ok(request.refuse(reason).response());
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            Body::Flush => self.disk.flush().map_err(Error::from),
            Body::Discard(discard) => self.discard(discard.sector, discard.sectors),
            _ => return Ok(request.respond(Status::NotSupported)),
        };
        Ok(request.respond(match status {
            Ok(()) => Status::Okay,
            Err(error) => {
                self.failure.get_or_insert(error);
                Status::Error
            }
        }))
    }

    /// Moves sectors between the disk and the frontend's pages.
    fn transfer(
        &mut self,
        direction: Direction,
        sector: u64,
        segments: &[Segment],
    ) -> Result<(), Error> {
        let bytes = segments.iter().map(|segment| segment.len()).sum();
        self.buffer.resize(bytes, 0);
        if direction == Direction::Read {
            self.disk.read(sector, &mut self.buffer)?;
        }
        let mut rest = &mut self.buffer[..];
        for segment in segments {
            let page = self.device.domain.map(&[segment.gref()])?;
            let (here, behind) = rest.split_at_mut(segment.len());
            match direction {
                Direction::Read => domain::write(&page, segment.offset(), here),
                Direction::Write => domain::read(&page, segment.offset(), here),
            }
            rest = behind;
        }
        if direction == Direction::Write {
            self.disk.write(sector, &self.buffer)?;
        }
        Ok(())
    }

    /// Discards: here what is discarded reads as zeros.
    fn discard(&mut self, mut sector: u64, mut sectors: u64) -> Result<(), Error> {
        self.buffer.resize((MOST * SECTOR) as usize, 0);
        self.buffer.fill(0);
        while sectors > 0 {
            let count = sectors.min(MOST);
            self.disk
                .write(sector, &self.buffer[..(count * SECTOR) as usize])?;
            sector += count;
            sectors -= count;
        }
        Ok(())
    }
}
