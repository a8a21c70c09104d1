//! What is compared: which loop, on which data, how many requests at a time.

use std::ptr::NonNull;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use xen_abi::ring::{FrontRing, HEADER_BYTES, Mapping, RingTypes, kinds};
use xen_public::abi::x86_64::io::netif::netif_rx_request;
use xen_public::abi::{x86_32, x86_64};

use crate::loops::{BROKEN, FLEX_ORDER, Loop, PAGE, RINGFUL};
use crate::sides::Side;

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    /// What it is, for readers.
    pub(crate) name: &'static str,
    /// The loops it runs.
    work: Work,
    /// What the loops are given.
    data: Data,
    /// How many at a time.
    at_a_time: u64,
    /// How many operations one round is.
    pub(crate) operations: u64,
}

#[derive(Clone, Copy, Debug)]
enum Work {
    /// One loop on one thread.
    Alone(&'static str),
    /// A frontend and a backend, each on its own thread.
    Pair(&'static str, &'static str),
}

#[derive(Clone, Copy, Debug)]
enum Data {
    /// Requests to send through an empty ring.
    Blkif,
    /// As above.
    NetifRx,
    /// A ring full of an x86_32 frontend's requests.
    Ring32 { segments: u8 },
    /// A ring full of an x86_64 frontend's requests.
    Ring64 { segments: u8 },
    /// Bytes to send through an empty flex ring.
    Bytes,
}

const fn alone(name: &'static str, work: &'static str, data: Data, batch: u64) -> Case {
    Case {
        name,
        work: Work::Alone(work),
        data,
        at_a_time: batch,
        operations: batch,
    }
}

const fn take(name: &'static str, work: &'static str, data: Data) -> Case {
    let (Data::Ring32 { segments } | Data::Ring64 { segments }) = data else {
        panic!("requests are taken from a ring that has some");
    };
    Case {
        name,
        work: Work::Alone(work),
        data,
        at_a_time: segments as u64,
        operations: RINGFUL as u64,
    }
}

const fn packet(name: &'static str, bytes: u64) -> Case {
    Case {
        name,
        work: Work::Alone("flex_packets"),
        data: Data::Bytes,
        at_a_time: bytes,
        operations: 1,
    }
}

const fn pair(name: &'static str, depth: u64) -> Case {
    Case {
        name,
        work: Work::Pair("blkif_front", "blkif_back"),
        data: Data::Blkif,
        at_a_time: depth,
        operations: 1,
    }
}

/// All of them.
pub(crate) const CASES: &[Case] = &[
    alone("blkif, 1 at a time", "blkif_alone", Data::Blkif, 1),
    alone("blkif, 8 at a time", "blkif_alone", Data::Blkif, 8),
    alone("blkif, 32 at a time", "blkif_alone", Data::Blkif, 32),
    alone("netif, 1 at a time", "netif_rx_alone", Data::NetifRx, 1),
    alone("netif, 8 at a time", "netif_rx_alone", Data::NetifRx, 8),
    alone("netif, 32 at a time", "netif_rx_alone", Data::NetifRx, 32),
    take(
        "x86_32 request, 1 segment",
        "blkif_32_take",
        Data::Ring32 { segments: 1 },
    ),
    take(
        "x86_32 request, 11 segments",
        "blkif_32_take",
        Data::Ring32 { segments: 11 },
    ),
    take(
        "x86_64 request, 1 segment",
        "blkif_64_take",
        Data::Ring64 { segments: 1 },
    ),
    take(
        "x86_64 request, 11 segments",
        "blkif_64_take",
        Data::Ring64 { segments: 11 },
    ),
    take(
        "x86_32, 11 segments; C: memcpy",
        "blkif_32_memcpy",
        Data::Ring32 { segments: 11 },
    ),
    take(
        "x86_64, 11 segments; C: memcpy",
        "blkif_64_memcpy",
        Data::Ring64 { segments: 11 },
    ),
    packet("flex packet, 64 bytes", 64),
    packet("flex packet, 1 KiB", 1024),
    packet("flex packet, 4 KiB", 4096),
    pair("two threads, ping-pong", 1),
    pair("two threads, streaming", 32),
];

/// The memory that loops work on, and what they send.
pub(crate) struct Bench {
    shared: Box<Pages>,
    blkif: Box<[x86_64::io::blkif::blkif_request; RINGFUL]>,
    netif: Box<[netif_rx_request; RINGFUL]>,
    bytes: Box<[u8; PAGE]>,
}

/// A ring, or a flex ring's page of indices and its data ring.
const SHARED: usize = PAGE + (PAGE << FLEX_ORDER);

#[repr(align(4096))]
struct Pages([u8; SHARED]);

/// The request of a number in an ABI's layout.
macro_rules! request {
    ($abi:ident, $number:expr, $segments:expr) => {{
        let (number, segments): (u32, u8) = ($number, $segments);
        let mut request = $abi::io::blkif::blkif_request::ZERO;
        request.operation = (number % 2) as u8;
        request.nr_segments = segments;
        request.id = 1000 + u64::from(number);
        request.sector_number = 88 * u64::from(number);
        for (at, segment) in (0..segments).zip(&mut request.seg) {
            segment.gref = 11 * number + u32::from(at);
            segment.last_sect = 7;
        }
        request
    }};
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self {
            shared: Box::new(Pages([0; SHARED])),
            blkif: Box::new(std::array::from_fn(|at| request!(x86_64, at as u32, 11))),
            netif: Box::new(std::array::from_fn(|at| netif_rx_request {
                id: at as u16,
                gref: 500 + at as u32,
                ..netif_rx_request::ZERO
            })),
            bytes: Box::new(std::array::from_fn(|at| (at * 7 + at / 256) as u8)),
        }
    }

    /// Makes the page a ring full of requests.
    fn fill<K: RingTypes>(&mut self, request: impl Fn(u32) -> K::Request) -> Result<()> {
        let page = NonNull::from(&mut self.shared.0).cast();
        // SAFETY: nothing else uses the page until the mapping is gone, at the end of this function.
        let memory = unsafe { Mapping::new(page, PAGE) }?;
        let mut ring = FrontRing::<K, _>::init(memory).context("a ring in a page")?;
        for number in 0..RINGFUL as u32 {
            ring.put(&request(number))?;
        }
        ring.push();
        Ok(())
    }

    /// Runs a case for so many rounds on one side. What its loop returned, and how long it took.
    pub(crate) fn run(&mut self, case: &Case, side: &Side, rounds: u64) -> Result<(u64, Duration)> {
        self.shared.0.fill(0);
        let data = match case.data {
            Data::Blkif => (&raw const *self.blkif).cast(),
            Data::NetifRx => (&raw const *self.netif).cast(),
            Data::Ring32 { segments } => {
                self.fill::<kinds::BlkifX86_32>(|number| request!(x86_32, number, segments))?;
                std::ptr::null()
            }
            Data::Ring64 { segments } => {
                self.fill::<kinds::BlkifX86_64>(|number| request!(x86_64, number, segments))?;
                std::ptr::null()
            }
            Data::Bytes => (&raw const *self.bytes).cast(),
        };
        if matches!(case.data, Data::Blkif | Data::NetifRx) {
            // An empty ring: both events are at 1, all else is 0.
            for event in [4, 12] {
                self.shared.0[event..event + 4].copy_from_slice(&1u32.to_ne_bytes());
            }
        }
        let page = Shared(self.shared.0.as_mut_ptr());
        let data = Data8(data);
        let go = |run: Loop| {
            let (page, data) = (page, data);
            let start = Instant::now();
            // SAFETY: pages that nothing but the loops of this case touches while they run, and
            // data of the kind that the loop sends.
            let sum = unsafe { run(page.0, data.0, rounds, case.at_a_time) };
            (sum, start.elapsed())
        };
        Ok(match case.work {
            Work::Alone(work) => go(side.find(work)?),
            Work::Pair(front, back) => {
                let (front, back) = (side.find(front)?, side.find(back)?);
                let start = Barrier::new(2);
                std::thread::scope(|scope| {
                    let other = scope.spawn(|| {
                        start.wait();
                        go(back).0
                    });
                    start.wait();
                    let (sum, time) = go(front);
                    let served = other.join().expect("a backend's thread");
                    // The backend has answered as many as were sent, or the sum is none.
                    let sum = if served == rounds { sum } else { BROKEN };
                    (sum, time)
                })
            }
        })
    }

    /// The indices, as the last run left them.
    pub(crate) fn header(&self) -> &[u8] {
        &self.shared.0[..HEADER_BYTES]
    }
}

impl Case {
    /// Whether it runs on one thread, so that the instructions it takes are always the same.
    pub(crate) fn is_alone(&self) -> bool {
        matches!(self.work, Work::Alone(_))
    }
}

/// The page's address, for a thread.
#[derive(Clone, Copy)]
struct Shared(*mut u8);

/// The data's address, for a thread.
#[derive(Clone, Copy)]
struct Data8(*const u8);

// SAFETY: an address of memory that outlives the threads; the loops access it as shared memory.
unsafe impl Sync for Shared {}
// SAFETY: as above, for memory that nobody writes.
unsafe impl Sync for Data8 {}
