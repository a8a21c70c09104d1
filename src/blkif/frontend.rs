//! The frontend's end of a blkif ring, and its table of requests in flight.

use core::fmt;

use super::codec;
use super::message::{Operation, Status};
use super::protocol::Layout;
use super::refusal::BadRequest;
use super::request::Body;
use super::wire::Wire;
use crate::ring::kinds::{BlkifX86_32, BlkifX86_64};
use crate::ring::{self, AttachError, Corrupt, Notify, PutError, SharedMemory};

/// The frontend's end of a block device's ring.
///
/// Each request is kept in a table until its response comes. Its id says which place of the table
/// it has, and how many requests, modulo 2^32, had that place before. The table is the caller's: any
/// storage of [`Shadow`]s, as an array, a slice or a vector, one for each request that may be in
/// flight. A response names the request that it ends by the caller's own tag.
///
/// A response that answers no request is a [`BadResponse`]. It is dropped and changes nothing: the
/// request that it may have been meant for stays in flight, with all that was lent for it, as
/// nothing can say whether the backend is done with that. It also stays among the
/// [`pending`](Self::pending), and its slot of the table stays in use. The ring goes on, as the
/// other requests are not touched by it; but the backend is broken or hostile, and Linux's frontend
/// gives up the device then.
///
/// ```
/// # use core::ptr::NonNull;
/// use xen_abi::blkif::{BackRing, Body, FrontRing, Layout, Limits, Segment, Shadow, Status, Transfer};
/// use xen_abi::ring::Mapping;
/// use xen_public::grant_table::GrantRef;
///
/// # #[repr(align(4096))]
/// # struct Page([u8; 4096]);
/// # let mut page = Page([0; 4096]);
/// # let base = NonNull::from(&mut page).cast();
/// # // SAFETY: the page lives longer than the rings, and is touched only through mappings.
/// # let ours = unsafe { Mapping::new(base, 4096) }?;
/// # // SAFETY: as above.
/// # let theirs = unsafe { Mapping::new(base, 4096) }?;
/// let mut front = FrontRing::init(Layout::X86_64, ours, [Shadow::FREE; 32], 51712)?;
/// let frames = [Segment::whole(GrantRef::new(300)), Segment::new(GrantRef::new(301), 0, 1)?];
/// front.put(&Body::Read(Transfer::new(2048, &frames)?), 7)?;
/// assert!(front.push_and_check_notify().is_needed());
///
/// // In the other domain:
/// let mut back = BackRing::attach(Layout::X86_64, theirs, 0)?;
/// let limits = Limits::new(1 << 20);
/// while let Some(request) = back.take(&limits)? {
///     let request = request?;
///     let Body::Read(read) = request.body else { panic!() };
///     assert_eq!((read.sector, read.segments.sectors()), (2048, 10));
///     back.put(&request.respond(Status::Okay))?;
/// }
/// assert!(back.push_and_check_notify().is_needed());
///
/// while let Some(done) = front.take()? {
///     let done = done?;
///     assert_eq!((done.tag, done.status), (7, Status::Okay));
/// }
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
///
/// Header: `xen/include/public/io/blkif.h`.
#[doc(alias = "blkif_front_ring")]
#[derive(Debug)]
pub struct FrontRing<M: SharedMemory, S> {
    ring: Ring<M>,
    table: Table<S>,
    handle: u16,
}

#[derive(Debug)]
enum Ring<M: SharedMemory> {
    X86_32(ring::FrontRing<BlkifX86_32, M>),
    X86_64(ring::FrontRing<BlkifX86_64, M>),
}

/// What a frontend remembers of a request, so that it need not believe the page.
#[derive(Clone, Copy, Debug)]
pub struct Shadow {
    /// How many requests had this place before, modulo 2^32. It is the upper half of the id.
    generation: u32,
    state: State,
}

impl Shadow {
    /// A place without a request.
    pub const FREE: Self = Self {
        generation: 0,
        state: State::Free { next: 0 },
    };
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// No request; the next free place.
    Free { next: u32 },
    /// A request without a response.
    InFlight {
        operation: Operation,
        /// What else a response may have for the operation.
        inner: Operation,
        tag: u64,
    },
}

/// The requests in flight.
#[derive(Debug)]
struct Table<S> {
    shadows: S,
    /// How many of the places are used: not more than the ring has slots.
    len: u32,
    /// The first free place, or `len`.
    free: u32,
    in_flight: u32,
}

/// A request that was answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Completion {
    /// The id it had.
    pub id: u64,
    /// What the caller called it.
    pub tag: u64,
    /// What it was.
    pub operation: Operation,
    /// How it ended.
    pub status: Status,
}

/// A request without a response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pending {
    /// Its id.
    pub id: u64,
    /// What the caller called it.
    pub tag: u64,
    /// What it is.
    pub operation: Operation,
}

#[inline]
fn id(index: u32, generation: u32) -> u64 {
    u64::from(generation) << 32 | u64::from(index)
}

impl<S: AsRef<[Shadow]> + AsMut<[Shadow]>> Table<S> {
    fn new(mut shadows: S, size: u32) -> Self {
        let mut len = 0;
        for (shadow, index) in shadows.as_mut().iter_mut().zip(0..size) {
            let next = index.wrapping_add(1);
            if let State::InFlight { .. } = shadow.state {
                // Of an earlier ring: its id is not to be used again.
                shadow.generation = shadow.generation.wrapping_add(1);
            }
            shadow.state = State::Free { next };
            len = next;
        }
        Self {
            shadows,
            len,
            free: 0,
            in_flight: 0,
        }
    }

    /// The place that the next request takes.
    #[inline]
    fn vacant(&mut self) -> Option<(u32, &mut Shadow, u32)> {
        let index = self.free;
        if index >= self.len {
            return None;
        }
        let shadow = self.shadows.as_mut().get_mut(index as usize)?;
        match shadow.state {
            State::Free { next } => Some((index, shadow, next)),
            State::InFlight { .. } => None,
        }
    }

    /// Finds the request of a response and strikes it out.
    #[inline]
    fn complete(&mut self, id: u64, operation: u8, status: i16) -> Result<Completion, BadResponse> {
        let (index, generation) = (id as u32, (id >> 32) as u32);
        let shadow = match self.shadows.as_mut().get_mut(index as usize) {
            Some(shadow) if index < self.len => shadow,
            _ => return Err(BadResponse::UnknownId { id }),
        };
        let (expected, inner, tag) = match shadow.state {
            State::InFlight {
                operation,
                inner,
                tag,
            } if generation == shadow.generation => (operation, inner, tag),
            _ if generation < shadow.generation => return Err(BadResponse::RepeatedId { id }),
            _ => return Err(BadResponse::UnknownId { id }),
        };
        if operation != expected.code() && operation != inner.code() {
            return Err(BadResponse::Operation {
                id,
                operation,
                expected,
            });
        }
        let Some(status) = Status::from_code(status) else {
            return Err(BadResponse::Status { id, status });
        };
        shadow.generation = generation.wrapping_add(1);
        shadow.state = State::Free { next: self.free };
        self.free = index;
        self.in_flight = self.in_flight.wrapping_sub(1);
        Ok(Completion {
            id,
            tag,
            operation: expected,
            status,
        })
    }
}

impl<M: SharedMemory, S: AsRef<[Shadow]> + AsMut<[Shadow]>> FrontRing<M, S> {
    /// Makes an empty ring in a memory and attaches to it. The backend must not be using it yet.
    ///
    /// The slots keep what they hold, and so does what a request leaves of its slot, so take zeroed
    /// memory. `shadows` is the table of requests in flight; places beyond the ring's size are not
    /// used. `handle` is the disk's number, [`VirtualDevice`](super::vbd::VirtualDevice), cut to 16 bits as the
    /// field is; backends don't look at it.
    ///
    /// # Errors
    ///
    /// [`AttachError`] with the memory, if it has no room for a slot.
    pub fn init(
        layout: Layout,
        memory: M,
        shadows: S,
        handle: u16,
    ) -> Result<Self, AttachError<M>> {
        Ok(Self::new(
            match layout {
                Layout::X86_32 => Ring::X86_32(ring::FrontRing::init(memory)?),
                Layout::X86_64 => Ring::X86_64(ring::FrontRing::init(memory)?),
            },
            shadows,
            handle,
        ))
    }

    /// Attaches to a ring that is there, all of whose requests before `index` have their response
    /// and none was published after it. The shared memory is not touched.
    ///
    /// # Errors
    ///
    /// [`AttachError`] with the memory, if it has no room for a slot.
    pub fn attach(
        layout: Layout,
        memory: M,
        shadows: S,
        handle: u16,
        index: u32,
    ) -> Result<Self, AttachError<M>> {
        Ok(Self::new(
            match layout {
                Layout::X86_32 => Ring::X86_32(ring::FrontRing::attach(memory, index)?),
                Layout::X86_64 => Ring::X86_64(ring::FrontRing::attach(memory, index)?),
            },
            shadows,
            handle,
        ))
    }

    fn new(ring: Ring<M>, shadows: S, handle: u16) -> Self {
        let size = either!(&ring, ring => ring.size());
        Self {
            ring,
            table: Table::new(shadows, size),
            handle,
        }
    }

    /// Lets go of the ring and gives the memory and the table back.
    pub fn into_parts(self) -> (M, S) {
        let memory = either!(self.ring, ring => ring.into_memory());
        (memory, self.table.shadows)
    }

    /// The layout of what is in the slots.
    pub fn layout(&self) -> Layout {
        match self.ring {
            Ring::X86_32(_) => Layout::X86_32,
            Ring::X86_64(_) => Layout::X86_64,
        }
    }

    /// The number of slots, a power of two.
    #[inline]
    pub fn size(&self) -> u32 {
        either!(&self.ring, ring => ring.size())
    }

    /// The number of requests without a response.
    #[inline]
    pub fn in_flight(&self) -> u32 {
        self.table.in_flight
    }

    /// How many more requests can be put now.
    #[inline]
    pub fn free_requests(&self) -> u32 {
        let places = self.table.len.saturating_sub(self.table.in_flight);
        either!(&self.ring, ring => ring.free_requests()).min(places)
    }

    /// The requests without a response: to be put again after the backend was lost, or given up.
    pub fn pending(&self) -> impl Iterator<Item = Pending> {
        let shadows = self.table.shadows.as_ref();
        (0..self.table.len)
            .zip(shadows)
            .filter_map(|(index, shadow)| match shadow.state {
                State::InFlight { operation, tag, .. } => Some(Pending {
                    id: id(index, shadow.generation),
                    tag,
                    operation,
                }),
                State::Free { .. } => None,
            })
    }

    /// Puts a request into the next free slot and returns its id. The backend sees it after the
    /// next push. The tag is what its [`Completion`] will have.
    ///
    /// Whether the backend's limits allow the request is for [`Body::check`] to say.
    ///
    /// # Errors
    ///
    /// [`SubmitError`]; nothing has changed then.
    #[inline]
    pub fn put(&mut self, body: &Body, tag: u64) -> Result<u64, SubmitError> {
        if let Body::Read(transfer) | Body::Write(transfer) = body {
            if transfer.segments.is_empty() {
                return Err(BadRequest::NoSegments.into());
            }
        }
        let limit = self.table.len;
        let Some((index, shadow, next)) = self.table.vacant() else {
            return Err(SubmitError::TableFull { places: limit });
        };
        let id = id(index, shadow.generation);
        either!(&mut self.ring, ring => put(ring, id, self.handle, body))?;
        shadow.state = State::InFlight {
            operation: body.operation(),
            inner: body.response_operation(),
            tag,
        };
        self.table.free = next;
        self.table.in_flight = self.table.in_flight.wrapping_add(1);
        Ok(id)
    }

    /// Publishes the requests that were put, without asking whether the backend waits for them.
    #[inline]
    pub fn push(&mut self) {
        either!(&mut self.ring, ring => ring.push());
    }

    /// Publishes the requests that were put and says whether the backend wants an event for them.
    #[inline]
    pub fn push_and_check_notify(&mut self) -> Notify {
        either!(&mut self.ring, ring => ring.push_and_check_notify())
    }

    /// The number of responses that wait to be taken.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the backend claims more than it can have produced.
    #[inline]
    pub fn unconsumed_responses(&mut self) -> Result<u32, Corrupt> {
        either!(&mut self.ring, ring => ring.unconsumed_responses())
    }

    /// Takes the next response, or nothing if there is none. One that answers no request is taken
    /// too, and is an error in place of the completion.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the backend claims more responses than it can have produced.
    #[inline]
    pub fn take(&mut self) -> Result<Option<Result<Completion, BadResponse>>, Corrupt> {
        let response = either!(&mut self.ring, ring => take(ring))?;
        Ok(response.map(|(id, operation, status)| self.table.complete(id, operation, status)))
    }

    /// The responses that are there now, to be taken one by one. Those that are not taken stay.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the backend claims more responses than it can have produced.
    #[inline]
    pub fn completions(&mut self) -> Result<Completions<'_, M, S>, Corrupt> {
        let left = self.unconsumed_responses()?;
        Ok(Completions { ring: self, left })
    }

    /// To be called when all responses are taken and the frontend is about to wait for an event:
    /// asks for one with the next response, and says whether there is a response already, in which
    /// case there may be no event.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the backend claims more responses than it can have produced.
    #[must_use = "with responses waiting there may be no event"]
    #[inline]
    pub fn final_check(&mut self) -> Result<bool, Corrupt> {
        either!(&mut self.ring, ring => ring.final_check())
    }

    /// As [`final_check`](Self::final_check), but asks for an event only with the `count`-th
    /// response from here.
    ///
    /// # Errors
    ///
    /// As [`final_check`](Self::final_check).
    #[must_use = "with responses waiting there may be no event"]
    #[inline]
    pub fn final_check_after(&mut self, count: u32) -> Result<bool, Corrupt> {
        either!(&mut self.ring, ring => ring.final_check_after(count))
    }
}

#[inline(always)]
fn put<W: Wire, M: SharedMemory>(
    ring: &mut ring::FrontRing<W, M>,
    id: u64,
    handle: u16,
    body: &Body,
) -> Result<(), PutError> {
    ring.put_slot(|slot| codec::encode(&slot, id, handle, body))
}

#[inline(always)]
fn take<W: Wire, M: SharedMemory>(
    ring: &mut ring::FrontRing<W, M>,
) -> Result<Option<(u64, u8, i16)>, Corrupt> {
    Ok(ring.take()?.map(|response| W::parts(&response)))
}

/// The responses that were there when [`FrontRing::completions`] looked.
#[derive(Debug)]
#[must_use = "responses are taken as the iterator advances"]
pub struct Completions<'a, M: SharedMemory, S> {
    ring: &'a mut FrontRing<M, S>,
    left: u32,
}

impl<M: SharedMemory, S: AsRef<[Shadow]> + AsMut<[Shadow]>> Iterator for Completions<'_, M, S> {
    type Item = Result<Completion, BadResponse>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let left = self.left.checked_sub(1)?;
        let taken = self.ring.take().unwrap_or(None);
        self.left = if taken.is_some() { left } else { 0 };
        taken
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.left as usize))
    }
}

impl<M: SharedMemory, S: AsRef<[Shadow]> + AsMut<[Shadow]>> core::iter::FusedIterator
    for Completions<'_, M, S>
{
}

/// A response that answers no request in flight.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum BadResponse {
    /// No request had this id.
    UnknownId {
        /// The response's id.
        id: u64,
    },
    /// The request with this id has its response already.
    RepeatedId {
        /// The response's id.
        id: u64,
    },
    /// The request with this id asked for something else.
    Operation {
        /// The response's id.
        id: u64,
        /// The response's operation.
        operation: u8,
        /// The request's.
        expected: Operation,
    },
    /// The status has no meaning.
    Status {
        /// The response's id.
        id: u64,
        /// The response's status.
        status: i16,
    },
}

impl fmt::Display for BadResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownId { id } => write!(f, "a response to {id:#x}, which was never asked"),
            Self::RepeatedId { id } => write!(f, "another response to {id:#x}"),
            Self::Operation {
                id,
                operation,
                expected,
            } => write!(
                f,
                "a response with operation {operation} to {id:#x}, which is a {expected}"
            ),
            Self::Status { id, status } => {
                write!(f, "a response with status {status} to {id:#x}")
            }
        }
    }
}

impl core::error::Error for BadResponse {}

/// Why a request was not put on the ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SubmitError {
    /// The ring is full or of no more use.
    Ring(PutError),
    /// Every place in the table has a request in flight.
    TableFull {
        /// How many places there are.
        places: u32,
    },
    /// No backend takes such a request.
    Bad(BadRequest),
}

impl fmt::Display for SubmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ring(error) => error.fmt(f),
            Self::TableFull { places } => {
                write!(f, "all {places} places for requests in flight are taken")
            }
            Self::Bad(bad) => bad.fmt(f),
        }
    }
}

impl core::error::Error for SubmitError {}

impl From<PutError> for SubmitError {
    fn from(error: PutError) -> Self {
        Self::Ring(error)
    }
}

impl From<BadRequest> for SubmitError {
    fn from(bad: BadRequest) -> Self {
        Self::Bad(bad)
    }
}
