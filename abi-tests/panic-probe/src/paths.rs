//! The paths, each in a function with a name that the test looks for.

use core::hint::black_box;

use xen_abi::blkif::negotiation::{
    BackendConfiguration, BackendProperties, BackendTransport, FrontendConfiguration,
    FrontendTransport, Nodes,
};
use xen_abi::blkif::vbd::{VirtualDevice, VirtualDisk};
use xen_abi::blkif::{
    self, Body, DiscardLimits, Indirect, IndirectSegments, Layout, Limits, Protocol, Request,
    Segment, Shadow, Transfer, write_indirect_segments,
};
use xen_abi::ring::events::{
    CameraifIn, Directory, DisplifIn, EventConsumer, EventProducer, EventTypes, FbifIn, FbifOut,
    FbifPage, KbdifIn, KbdifOut, SndifIn,
};
use xen_abi::ring::kinds::{BlkifX86_32, BlkifX86_64, NetifRx, NetifTx, UsbifUrb};
use xen_abi::ring::{BackRing, FrontRing, Mapping, RingTypes, SharedMemory, const_ring_size, rd32};
use xen_public::grant_table::GrantRef;

use super::{Shared, bytes};

/// Takes all paths.
pub(crate) fn all(memory: Shared) {
    sizes(memory);
    ring_ends::<NetifRx>(memory);
    ring_ends::<NetifTx>(memory);
    ring_ends::<UsbifUrb>(memory);
    ring_ends::<BlkifX86_32>(memory);
    ring_ends::<BlkifX86_64>(memory);
    blkif_backend(memory);
    blkif_frontend(memory);
    blkif_indirect(memory);
    blkif_names(memory);
    blkif_nodes(memory);
    bytes::all(memory);
    event_pages::<FbifIn>(memory);
    event_pages::<FbifOut>(memory);
    event_pages::<KbdifIn>(memory);
    event_pages::<KbdifOut>(memory);
    event_pages::<DisplifIn>(memory);
    event_pages::<SndifIn>(memory);
    event_pages::<CameraifIn>(memory);
    fbif_head(memory);
    #[cfg(feature = "control")]
    control(memory);
}

/// A number of which nothing is known.
pub(crate) fn any(memory: Shared) -> u32 {
    memory.map().map_or(0, |memory| {
        // SAFETY: the memory has several pages.
        black_box(unsafe { memory.load_u32(2048) })
    })
}

/// Bytes of which nothing is known, and not how many they are.
fn some_bytes(memory: Shared, to: &mut [u8; 64]) -> &[u8] {
    if let Some(memory) = memory.map() {
        // SAFETY: the memory has several pages.
        unsafe { memory.read_bytes(1024, to) };
    }
    let count = any(memory) as usize % 65;
    black_box(to.get(..count).unwrap_or(&[]))
}

#[inline(never)]
fn sizes(memory: Shared) {
    black_box(rd32(any(memory)));
    black_box(const_ring_size::<BlkifX86_32>(any(memory) as usize));
}

#[inline(never)]
fn ring_ends<R: RingTypes>(memory: Shared) {
    let (Some(a), Some(b), Some(c), Some(d)) =
        (memory.map(), memory.map(), memory.map(), memory.map())
    else {
        return;
    };
    let (Ok(mut front), Ok(mut attached)) = (
        FrontRing::<R, _>::init(a),
        FrontRing::<R, _>::attach(b, any(memory)),
    ) else {
        return;
    };
    let (Ok(mut back), Ok(mut again)) = (
        BackRing::<R, _>::attach(c, any(memory)),
        BackRing::<R, _>::reattach(d),
    ) else {
        return;
    };
    for front in [&mut front, &mut attached] {
        front_end(front, memory);
    }
    for back in [&mut back, &mut again] {
        back_end(back, memory);
    }
    black_box((front.into_memory(), back.into_memory()));
}

#[inline(never)]
fn front_end<R: RingTypes>(front: &mut FrontRing<R, Mapping>, memory: Shared) {
    let mut request = None;
    black_box(&mut request);
    while any(memory) != 0 {
        if let Some(request) = &request {
            black_box(front.put(request).is_ok());
        }
        front.push();
        let _ = black_box(front.push_and_check_notify());
        black_box(front.unconsumed_responses().is_ok());
        black_box(front.take().is_ok());
        if let Ok(responses) = front.responses() {
            black_box(responses.size_hint());
            responses.for_each(|response| {
                black_box(response);
            });
        }
        black_box(front.final_check().is_ok());
        black_box(front.final_check_after(any(memory)).is_ok());
        black_box((front.size(), front.free_requests(), front.is_full()));
        black_box((front.req_prod_pvt(), front.rsp_cons()));
        black_box(front.response_prod_overflow(any(memory)));
        front.set_pvt(black_box(front.pvt()));
    }
}

#[inline(never)]
fn back_end<R: RingTypes>(back: &mut BackRing<R, Mapping>, memory: Shared) {
    let mut response = None;
    black_box(&mut response);
    while any(memory) != 0 {
        if let Some(response) = &response {
            black_box(back.put(response).is_ok());
        }
        back.push();
        let _ = black_box(back.push_and_check_notify());
        black_box(back.unconsumed_requests().is_ok());
        black_box(back.take().is_ok());
        if let Ok(requests) = back.requests() {
            black_box(requests.size_hint());
            requests.for_each(|request| {
                black_box(request);
            });
        }
        black_box(back.final_check().is_ok());
        black_box(back.final_check_after(any(memory)).is_ok());
        black_box((back.size(), back.unanswered()));
        black_box((back.rsp_prod_pvt(), back.req_cons()));
        black_box(back.request_cons_overflow(any(memory)));
        black_box(back.request_prod_overflow(any(memory)));
        back.set_pvt(black_box(back.pvt()));
    }
}

#[inline(never)]
fn event_pages<E: EventTypes>(memory: Shared) {
    let (Some(a), Some(b)) = (memory.map(), memory.map()) else {
        return;
    };
    let (Ok(mut producer), Ok(mut consumer)) = (
        EventProducer::<E, _>::attach(a),
        EventConsumer::<E, _>::attach(b),
    ) else {
        return;
    };
    let mut event = None;
    black_box(&mut event);
    while any(memory) != 0 {
        if let Some(event) = &event {
            black_box(producer.put(event).is_ok());
        }
        let _ = black_box(producer.push());
        black_box(consumer.unconsumed().is_ok());
        black_box(consumer.take().is_ok());
        if let Ok(events) = consumer.events() {
            events.for_each(|event| {
                black_box(event);
            });
        }
        black_box(consumer.confirm());
    }
    black_box((producer.into_memory(), consumer.into_memory()));
}

#[inline(never)]
fn fbif_head(memory: Shared) {
    let Some(Ok(page)) = memory.map().map(FbifPage::new) else {
        return;
    };
    page.set_screen(&black_box(page.screen()));
    let entry = any(memory) as usize;
    for directory in [Directory::Bits32, Directory::Bits64] {
        let frame = page.directory(directory, entry).unwrap_or(0);
        black_box(page.set_directory(directory, entry, frame));
    }
}

/// Some limits, all of them met by some requests.
fn limits(memory: Shared) -> Option<Limits> {
    let discard = DiscardLimits::new(any(memory), any(memory)).ok()?;
    let limits = Limits::new(any(memory).into())
        .with_sector_size(any(memory))
        .ok()?
        .with_flush()
        .with_barrier()
        .with_discard(discard.with_secure())
        .with_indirect(any(memory) as u16);
    Some(if any(memory) == 0 {
        limits.with_read_only()
    } else {
        limits
    })
}

/// One layout or the other.
fn layout(memory: Shared) -> Layout {
    if any(memory) == 0 {
        Layout::X86_32
    } else {
        Layout::X86_64
    }
}

#[inline(never)]
fn blkif_backend(memory: Shared) {
    let (Some(limits), Some(a), Some(b)) = (limits(memory), memory.map(), memory.map()) else {
        return;
    };
    let layout = layout(memory);
    let (Ok(mut ring), Ok(again)) = (
        blkif::BackRing::attach(layout, a, any(memory)),
        blkif::BackRing::reattach(layout, b),
    ) else {
        return;
    };
    black_box(again);
    while any(memory) != 0 {
        let Ok(Some(taken)) = ring.take(&limits) else {
            black_box(ring.final_check().is_ok());
            black_box(ring.unconsumed_requests().is_ok());
            return;
        };
        let response = match taken {
            Ok(request) => respond(&request, memory),
            Err(refusal) => refusal.response(),
        };
        black_box(ring.put(&response).is_ok());
        let _ = black_box(ring.push_and_check_notify());
        if let Ok(requests) = ring.requests(&limits) {
            requests.for_each(|request| {
                black_box(request.is_ok());
            });
        }
    }
}

fn respond(request: &Request, memory: Shared) -> blkif::Response {
    if let Body::Read(transfer) | Body::Write(transfer) | Body::Barrier(transfer) = &request.body {
        for segment in &transfer.segments {
            black_box((segment.gref(), segment.offset(), segment.len()));
        }
        black_box(transfer.segments.sectors());
    }
    let status = blkif::Status::from_code(any(memory) as i16);
    request.respond(status.unwrap_or(blkif::Status::Error))
}

#[inline(never)]
fn blkif_frontend(memory: Shared) {
    let (Some(limits), Some(a), Some(b)) = (limits(memory), memory.map(), memory.map()) else {
        return;
    };
    let layout = layout(memory);
    let shadows = [Shadow::FREE; 40];
    let (Ok(mut ring), Ok(attached)) = (
        blkif::FrontRing::init(layout, a, shadows, any(memory) as u16),
        blkif::FrontRing::attach(layout, b, shadows, 0, any(memory)),
    ) else {
        return;
    };
    black_box(attached);
    while any(memory) != 0 {
        if let Some(body) = body(memory) {
            black_box(body.check(&limits).is_ok());
            black_box(ring.put(&body, any(memory).into()).is_ok());
        }
        let _ = black_box(ring.push_and_check_notify());
        black_box(ring.take().is_ok());
        if let Ok(completions) = ring.completions() {
            completions.for_each(|completion| {
                black_box(completion.is_ok());
            });
        }
        ring.pending().for_each(|pending| {
            black_box(pending);
        });
        black_box(ring.final_check_after(any(memory)).is_ok());
        black_box((ring.free_requests(), ring.in_flight()));
    }
    black_box(ring.into_parts());
}

/// A request of any kind.
fn body(memory: Shared) -> Option<Body> {
    let (sector, gref) = (any(memory).into(), GrantRef::new(any(memory)));
    let segment = Segment::new(gref, any(memory) as u8, any(memory) as u8).ok()?;
    let segments = [segment; 12];
    let transfer = Transfer::new(sector, segments.get(..any(memory) as usize)?).ok()?;
    let direction = if any(memory) == 0 {
        blkif::Direction::Read
    } else {
        blkif::Direction::Write
    };
    Some(match any(memory) {
        0 => Body::Read(transfer),
        1 => Body::Write(transfer),
        2 => Body::Barrier(transfer),
        3 => Body::Flush,
        4 => Body::Discard(blkif::Discard {
            sector,
            sectors: any(memory).into(),
            secure: any(memory) == 0,
        }),
        _ => {
            let grants = [gref; 8];
            let grants = grants.get(..any(memory) as usize)?;
            let indirect = Indirect::new(direction, sector, any(memory) as u16, grants).ok()?;
            Body::Indirect(indirect)
        }
    })
}

#[inline(never)]
fn blkif_indirect(memory: Shared) {
    let (Some(limits), Some(page)) = (limits(memory), memory.map()) else {
        return;
    };
    let pages = [page];
    let Some(Body::Indirect(indirect)) = body(memory) else {
        return;
    };
    let mut buffer = [Segment::whole(GrantRef::new(0)); 16];
    if let Ok(segments) = IndirectSegments::new(&indirect, &pages, &limits) {
        black_box(segments.read_into(&mut buffer).is_ok());
    }
    if let Ok(segments) = IndirectSegments::new(&indirect, &pages, &limits) {
        segments.for_each(|segment| {
            black_box(segment.is_ok());
        });
    }
    let segments = buffer.get(..any(memory) as usize).unwrap_or(&buffer);
    black_box(write_indirect_segments(&pages, segments).is_ok());
}

#[inline(never)]
fn blkif_names(memory: Shared) {
    let mut buffer = [0; 64];
    let name = some_bytes(memory, &mut buffer);
    black_box(Protocol::from_value(name).is_ok());
    black_box(VirtualDisk::from_name(name).is_ok());
    if let Ok(device) = VirtualDevice::from_xenstore(name) {
        if let Ok(disk) = device.disk() {
            black_box((disk.kind(), disk.disk(), disk.partition(), disk.number()));
        }
    }
}

/// Nodes that hold anything.
struct Anything(Shared);

impl Nodes for Anything {
    type Error = ();

    fn read(&mut self, name: &str, buffer: &mut [u8]) -> Result<Option<usize>, ()> {
        black_box(name.len());
        if any(self.0) == 0 {
            return Err(());
        }
        for byte in buffer.iter_mut() {
            *byte = any(self.0) as u8;
        }
        Ok(Some(any(self.0) as usize))
    }
}

#[inline(never)]
fn blkif_nodes(memory: Shared) {
    let nodes = &mut Anything(memory);
    black_box(BackendConfiguration::read(nodes).is_ok());
    black_box(FrontendConfiguration::read(nodes).is_ok());
    black_box(BackendProperties::read(nodes).is_ok());
    if let Ok(offer) = BackendTransport::read(nodes) {
        if let Ok(transport) = FrontendTransport::read(nodes, &offer, Protocol::X86_32) {
            black_box(transport.read_queue(nodes, any(memory)).is_ok());
        }
    }
}

/// What must be seen: an index that nobody has checked.
#[cfg(feature = "control")]
#[inline(never)]
fn control(memory: Shared) {
    let table = black_box([1u32, 2, 3]);
    black_box(table[any(memory) as usize]);
}
