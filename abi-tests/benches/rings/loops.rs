//! The benchmarks' loops in Rust; `loops.c` has each of them under the same name.

use std::hint::spin_loop;
use std::ptr::NonNull;

use xen_abi::blkif::{self as disk, Body, Layout, Limits};
use xen_abi::ring::flex::{Back, Front, Order, Xen9pfs};
use xen_abi::ring::{BackRing, FrontRing, Mapping, PutError, RingTypes, SharedMemory, kinds};
use xen_public::abi::x86_64::io::{blkif, netif};

/// The size of the shared memory of a ring.
pub(crate) const PAGE: usize = 4096;
/// How large a flex ring's data ring is: so many pages, to the power of two.
pub(crate) const FLEX_ORDER: u32 = 2;
/// How many requests there are to send.
pub(crate) const RINGFUL: usize = 32;
/// What a loop returns that found its ring out of order.
pub(crate) const BROKEN: u64 = u64::MAX;

/// A loop: shared page, data, how often, how many at a time. Returns a sum over what came back.
pub(crate) type Loop = unsafe extern "C" fn(*mut u8, *const u8, u64, u64) -> u64;

/// The loop of that name.
pub(crate) fn find(name: &str) -> Option<Loop> {
    Some(match name {
        "blkif_alone" => alone::<kinds::BlkifX86_64>,
        "blkif_front" => front::<kinds::BlkifX86_64>,
        "blkif_back" => back::<kinds::BlkifX86_64>,
        "netif_rx_alone" => alone::<kinds::NetifRx>,
        "blkif_32_take" | "blkif_32_memcpy" => take_32,
        "blkif_64_take" | "blkif_64_memcpy" => take_64,
        "flex_packets" => packets,
        _ => return None,
    })
}

/// What is behind the reference is used: the same empty instruction as in C.
#[inline(always)]
fn opaque<T: ?Sized>(value: &T) {
    let value = std::ptr::from_ref(value).cast::<u8>();
    // SAFETY: there is no instruction. That the block may read all memory is what it is for.
    unsafe { std::arch::asm!("/* {0} */", in(reg) value, options(nostack, preserves_flags)) };
}

/// A protocol with a backend that answers at once.
trait Answers: RingTypes {
    fn answer(request: &Self::Request) -> Self::Response;
    fn value(response: &Self::Response) -> u64;
}

impl Answers for kinds::BlkifX86_64 {
    #[inline(always)]
    fn answer(request: &blkif::blkif_request) -> blkif::blkif_response {
        blkif::blkif_response {
            id: request.id,
            operation: request.operation,
            status: request.nr_segments.into(),
            ..blkif::blkif_response::ZERO
        }
    }
    #[inline(always)]
    fn value(response: &blkif::blkif_response) -> u64 {
        let sum = response.id.wrapping_add(response.operation.into());
        sum.wrapping_add(response.status as u64)
    }
}

impl Answers for kinds::NetifRx {
    #[inline(always)]
    fn answer(request: &netif::netif_rx_request) -> netif::netif_rx_response {
        netif::netif_rx_response {
            id: request.id,
            offset: 0,
            flags: 0,
            status: request.gref as i16,
        }
    }
    #[inline(always)]
    fn value(response: &netif::netif_rx_response) -> u64 {
        let sum = u64::from(response.id) + u64::from(response.flags) + u64::from(response.offset);
        sum.wrapping_add(response.status as u64)
    }
}

/// Sends up to `count` requests, the first of which has number `first`.
#[inline(always)]
fn send<K: Answers, M: SharedMemory>(
    front: &mut FrontRing<K, M>,
    requests: &[K::Request; RINGFUL],
    first: u64,
    count: u64,
    notified: &mut u64,
) -> Result<u64, PutError> {
    let mut sent = 0;
    while sent < count && !front.is_full() {
        front.put(&requests[(first + sent) as usize % RINGFUL])?;
        sent += 1;
    }
    if sent != 0 {
        *notified += u64::from(front.push_and_check_notify().is_needed());
    }
    Ok(sent)
}

/// Answers all requests that are there.
#[inline(always)]
fn serve<K: Answers, M: SharedMemory>(
    back: &mut BackRing<K, M>,
    notified: &mut u64,
) -> Result<u64, PutError> {
    let mut served = 0;
    let mut requests = back.requests()?;
    while let Some(request) = requests.next() {
        opaque(&request);
        requests.ring().put(&K::answer(&request))?;
        served += 1;
    }
    if served != 0 {
        *notified += u64::from(back.push_and_check_notify().is_needed());
    }
    Ok(served)
}

/// Takes all responses that are there.
#[inline(always)]
fn reap<K: Answers, M: SharedMemory>(
    front: &mut FrontRing<K, M>,
    sum: &mut u64,
) -> Result<u64, PutError> {
    let mut reaped = 0;
    for response in front.responses()? {
        opaque(&response);
        *sum = sum.wrapping_add(K::value(&response));
        reaped += 1;
    }
    Ok(reaped)
}

/// The page as the loops get it.
///
/// # Safety
///
/// As for [`Mapping::new`], for [`PAGE`] bytes.
unsafe fn mapping(page: *mut u8) -> Mapping {
    // SAFETY: the caller's promise.
    unsafe { mapping_of(page, PAGE) }
}

/// As [`mapping`], of so many bytes.
///
/// # Safety
///
/// As for [`Mapping::new`].
unsafe fn mapping_of(page: *mut u8, bytes: usize) -> Mapping {
    let page = NonNull::new(page).expect("a page");
    // SAFETY: the caller's promise.
    unsafe { Mapping::new(page, bytes) }.expect("pages are aligned")
}

/// Both ends by turns.
unsafe extern "C" fn alone<K: Answers>(
    page: *mut u8,
    data: *const u8,
    rounds: u64,
    batch: u64,
) -> u64 {
    // SAFETY: the caller has a page of shared memory.
    let ours = unsafe { mapping(page) };
    // SAFETY: as above.
    let theirs = unsafe { mapping(page) };
    // SAFETY: the data are requests of this kind, RINGFUL of them.
    let requests = unsafe { &*data.cast::<[K::Request; RINGFUL]>() };
    let mut front = FrontRing::<K, _>::attach(ours, 0).expect("room for a ring");
    let mut back = BackRing::<K, _>::attach(theirs, 0).expect("room for a ring");
    let (mut sum, mut notified) = (0, 0);
    for _ in 0..rounds {
        if send(&mut front, requests, 0, batch, &mut notified) != Ok(batch)
            || serve(&mut back, &mut notified) != Ok(batch)
            || reap(&mut front, &mut sum) != Ok(batch)
        {
            return BROKEN;
        }
    }
    sum.wrapping_add(notified)
}

/// The frontend's thread.
unsafe extern "C" fn front<K: Answers>(
    page: *mut u8,
    data: *const u8,
    count: u64,
    depth: u64,
) -> u64 {
    // SAFETY: the caller has a page of shared memory.
    let memory = unsafe { mapping(page) };
    // SAFETY: the data are requests of this kind, RINGFUL of them.
    let requests = unsafe { &*data.cast::<[K::Request; RINGFUL]>() };
    let mut front = FrontRing::<K, _>::attach(memory, 0).expect("room for a ring");
    let (mut sent, mut reaped, mut sum, mut notified) = (0, 0, 0, 0);
    while reaped < count {
        let room = (depth - (sent - reaped)).min(count - sent);
        let Ok(now) = send(&mut front, requests, sent, room, &mut notified) else {
            return BROKEN;
        };
        sent += now;
        let Ok(now) = reap(&mut front, &mut sum) else {
            return BROKEN;
        };
        if now == 0 {
            spin_loop();
        }
        reaped += now;
    }
    opaque(&notified);
    sum
}

/// The backend's thread.
unsafe extern "C" fn back<K: Answers>(page: *mut u8, _: *const u8, count: u64, _: u64) -> u64 {
    // SAFETY: the caller has a page of shared memory.
    let memory = unsafe { mapping(page) };
    let mut back = BackRing::<K, _>::attach(memory, 0).expect("room for a ring");
    let (mut served, mut notified) = (0, 0);
    while served < count {
        let Ok(now) = serve(&mut back, &mut notified) else {
            return BROKEN;
        };
        if now == 0 {
            spin_loop();
        }
        served += now;
    }
    opaque(&notified);
    served
}

/// Takes a ring full of an x86_32 frontend's requests, again and again.
unsafe extern "C" fn take_32(page: *mut u8, _: *const u8, rounds: u64, _: u64) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { take(page, rounds, Layout::X86_32) }
}

/// As [`take_32`], of an x86_64 frontend's.
unsafe extern "C" fn take_64(page: *mut u8, _: *const u8, rounds: u64, _: u64) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { take(page, rounds, Layout::X86_64) }
}

#[inline(always)]
unsafe fn take(page: *mut u8, rounds: u64, layout: Layout) -> u64 {
    let limits = Limits::new(1 << 20);
    opaque(&limits);
    let (mut sum, mut request) = (0, disk::Request::EMPTY);
    for _ in 0..rounds {
        // SAFETY: the caller has a page of shared memory.
        let memory = unsafe { mapping(page) };
        let mut back = disk::BackRing::attach(layout, memory, 0).expect("room for a ring");
        let Ok(waiting) = back.unconsumed_requests() else {
            return BROKEN;
        };
        for _ in 0..waiting {
            let Ok(Some(Ok(()))) = back.take_into(&limits, &mut request) else {
                return BROKEN;
            };
            opaque(&request);
            let (Body::Read(transfer) | Body::Write(transfer)) = &request.body else {
                return BROKEN;
            };
            sum += request.id + transfer.segments.len() as u64;
        }
    }
    sum
}

/// A packet into the ring, and out of it again. The data ring follows the page with its indices.
unsafe extern "C" fn packets(page: *mut u8, data: *const u8, rounds: u64, bytes: u64) -> u64 {
    // SAFETY: the data are a page's worth of bytes, and no packet is longer.
    let data = unsafe { std::slice::from_raw_parts(data, bytes as usize) };
    let order = Order::new(FLEX_ORDER).expect("a small order");
    let memories = || {
        // SAFETY: the caller has the data ring behind the page of indices.
        let ring = unsafe { page.add(PAGE) };
        // SAFETY: as above.
        let ring = unsafe { mapping_of(ring, PAGE << FLEX_ORDER) };
        // SAFETY: as above.
        (unsafe { mapping(page) }, ring)
    };
    let (indices, ring) = memories();
    let mut front = Front::<Xen9pfs, _>::attach(indices, ring, order).expect("room for a ring");
    let (indices, ring) = memories();
    let mut back = Back::<Xen9pfs, _>::attach(indices, ring, order).expect("room for a ring");
    let mut packet = [0; PAGE];
    let packet = &mut packet[..data.len()];
    let mut sum = 0;
    for _ in 0..rounds {
        let (Ok(_), Ok(_)) = (
            front.writer().write_packet(data),
            back.reader().read_packet(packet),
        ) else {
            return BROKEN;
        };
        opaque(&*packet);
        sum += u64::from(packet[data.len() - 1]);
    }
    sum
}
