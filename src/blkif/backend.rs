//! The backend's end of a blkif ring of any layout.

use super::codec;
use super::limits::Limits;
use super::message::Response;
use super::protocol::Layout;
use super::refusal::Refusal;
use super::request::Request;
use super::wire::Wire;
use crate::ring::kinds::{BlkifX86_32, BlkifX86_64};
use crate::ring::{self, AttachError, Corrupt, Notify, PutError, SharedMemory};

/// The backend's end of a block device's ring, whatever the layout of its frontend.
///
/// A request that is [taken](Self::take) is native, owned and within the given [`Limits`]; one that
/// is not comes as a [`Refusal`], with the response that it gets. The frontend may rewrite its slot
/// at any time: each byte is loaded once, and what was checked is what is handed out.
///
/// ```
/// use xen_abi::blkif::{BackRing, Body, Limits, Request, Status};
/// use xen_abi::ring::{Corrupt, Notify, PutError, SharedMemory};
///
/// /// Serves what is there; to be called again at the next event.
/// fn serve<M: SharedMemory>(
///     ring: &mut BackRing<M>,
///     limits: &Limits,
///     mut disk: impl FnMut(&Request) -> Status,
///     mut notify: impl FnMut(),
/// ) -> Result<(), PutError> {
///     loop {
///         while let Some(request) = ring.take(limits)? {
///             let response = match request {
///                 Ok(request) => request.respond(disk(&request)),
///                 Err(refusal) => refusal.response(),
///             };
///             ring.put(&response)?;
///             if ring.push_and_check_notify() == Notify::Needed {
///                 notify();
///             }
///         }
///         if !ring.final_check()? {
///             return Ok(());
///         }
///     }
/// }
/// ```
///
/// Header: `xen/include/public/io/blkif.h`.
#[doc(alias = "blkif_back_ring")]
#[derive(Debug)]
pub struct BackRing<M: SharedMemory>(Ring<M>);

#[derive(Debug)]
enum Ring<M: SharedMemory> {
    X86_32(ring::BackRing<BlkifX86_32, M>),
    X86_64(ring::BackRing<BlkifX86_64, M>),
}

impl<M: SharedMemory> BackRing<M> {
    /// Attaches to a ring of which all requests before `index` have their response. For a new ring
    /// that is 0. The shared memory is not touched.
    ///
    /// # Errors
    ///
    /// [`AttachError`] with the memory, if it has no room for a slot.
    pub fn attach(layout: Layout, memory: M, index: u32) -> Result<Self, AttachError<M>> {
        Ok(Self(match layout {
            Layout::X86_32 => Ring::X86_32(ring::BackRing::attach(memory, index)?),
            Layout::X86_64 => Ring::X86_64(ring::BackRing::attach(memory, index)?),
        }))
    }

    /// Attaches again to a ring that was in use: requests without a response are taken once more.
    ///
    /// # Errors
    ///
    /// As [`ring::BackRing::reattach`].
    pub fn reattach(layout: Layout, memory: M) -> Result<Self, AttachError<M>> {
        Ok(Self(match layout {
            Layout::X86_32 => Ring::X86_32(ring::BackRing::reattach(memory)?),
            Layout::X86_64 => Ring::X86_64(ring::BackRing::reattach(memory)?),
        }))
    }

    /// Lets go of the ring and gives the memory back. Responses that were put and not pushed are
    /// forgotten.
    pub fn into_memory(self) -> M {
        either!(self.0, ring => ring.into_memory())
    }

    /// The layout of what is in the slots.
    pub fn layout(&self) -> Layout {
        match self.0 {
            Ring::X86_32(_) => Layout::X86_32,
            Ring::X86_64(_) => Layout::X86_64,
        }
    }

    /// The number of slots, a power of two.
    #[inline]
    pub fn size(&self) -> u32 {
        either!(&self.0, ring => ring.size())
    }

    /// The number of requests that were taken and have no response yet.
    #[inline]
    pub fn unanswered(&self) -> u32 {
        either!(&self.0, ring => ring.unanswered())
    }

    /// The number of requests that wait to be taken.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the frontend claims more than there are free slots, or fewer than were taken.
    #[inline]
    pub fn unconsumed_requests(&mut self) -> Result<u32, Corrupt> {
        either!(&mut self.0, ring => ring.unconsumed_requests())
    }

    /// Takes the next request, or nothing if there is none. One that is not within the limits
    /// counts as taken too, and is to be answered by its [`Refusal::response`].
    ///
    /// As with [`ring::BackRing::take`], a frontend can keep a loop over this busy;
    /// [`requests`](Self::requests) ends.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the frontend claims more requests than there are free slots.
    #[doc(alias = "blkif_get_x86_32_req")]
    #[doc(alias = "blkif_get_x86_64_req")]
    #[inline]
    pub fn take(&mut self, limits: &Limits) -> Result<Option<Result<Request, Refusal>>, Corrupt> {
        let mut request = Request::EMPTY;
        match self.take_into(limits, &mut request) {
            Ok(Some(Ok(()))) => Ok(Some(Ok(request))),
            Ok(Some(Err(refusal))) => Ok(Some(Err(refusal))),
            Ok(None) => Ok(None),
            Err(corrupt) => Err(corrupt),
        }
    }

    /// As [`take`](Self::take), but makes the request in a place of the caller's, which is faster
    /// by the time that it takes to move one.
    ///
    /// After a refusal the place holds [`Request::EMPTY`], and without a request what it held.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the frontend claims more requests than there are free slots.
    ///
    /// ```
    /// use xen_abi::blkif::{BackRing, Limits, Request, Status};
    /// use xen_abi::ring::{PutError, SharedMemory};
    ///
    /// /// Refuses all that is there, as for a disk that is gone.
    /// fn refuse<M: SharedMemory>(ring: &mut BackRing<M>) -> Result<(), PutError> {
    ///     let mut request = Request::EMPTY;
    ///     while let Some(taken) = ring.take_into(&Limits::new(0), &mut request)? {
    ///         ring.put(&match taken {
    ///             Ok(()) => request.respond(Status::Error),
    ///             Err(refusal) => refusal.response(),
    ///         })?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    #[inline]
    pub fn take_into(
        &mut self,
        limits: &Limits,
        request: &mut Request,
    ) -> Result<Option<Result<(), Refusal>>, Corrupt> {
        either!(&mut self.0, ring => take(ring, limits, request))
    }

    /// The requests that are there now, to be taken one by one. Those that are not taken stay.
    ///
    /// The frontend's index is loaded once, so however fast it produces, this ends.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the frontend claims more requests than there are free slots.
    #[inline]
    pub fn requests<'a>(&'a mut self, limits: &'a Limits) -> Result<Requests<'a, M>, Corrupt> {
        let left = self.unconsumed_requests()?;
        Ok(Requests {
            ring: self,
            limits,
            left,
        })
    }

    /// Puts a response into the next slot. The frontend sees it after the next push.
    ///
    /// # Errors
    ///
    /// As [`ring::BackRing::put`].
    #[inline]
    pub fn put(&mut self, response: &Response) -> Result<(), PutError> {
        either!(&mut self.0, ring => put(ring, response))
    }

    /// Publishes the responses that were put, without asking whether the frontend waits for them.
    #[inline]
    pub fn push(&mut self) {
        either!(&mut self.0, ring => ring.push());
    }

    /// Publishes the responses that were put and says whether the frontend wants an event for them.
    #[inline]
    pub fn push_and_check_notify(&mut self) -> Notify {
        either!(&mut self.0, ring => ring.push_and_check_notify())
    }

    /// To be called when all requests are taken and the backend is about to wait for an event: asks
    /// for one with the next request, and says whether there is a request already, in which case
    /// there may be no event.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the frontend claims more requests than there are free slots.
    #[must_use = "with requests waiting there may be no event"]
    #[inline]
    pub fn final_check(&mut self) -> Result<bool, Corrupt> {
        either!(&mut self.0, ring => ring.final_check())
    }

    /// As [`final_check`](Self::final_check), but asks for an event only with the `count`-th
    /// request from here.
    ///
    /// # Errors
    ///
    /// As [`final_check`](Self::final_check).
    #[must_use = "with requests waiting there may be no event"]
    #[inline]
    pub fn final_check_after(&mut self, count: u32) -> Result<bool, Corrupt> {
        either!(&mut self.0, ring => ring.final_check_after(count))
    }
}

#[inline(always)]
fn take<W: Wire, M: SharedMemory>(
    ring: &mut ring::BackRing<W, M>,
    limits: &Limits,
    request: &mut Request,
) -> Result<Option<Result<(), Refusal>>, Corrupt> {
    match ring.take_slot() {
        Ok(Some(slot)) => Ok(Some(codec::decode(&slot, limits, request))),
        Ok(None) => Ok(None),
        Err(corrupt) => Err(corrupt),
    }
}

#[inline(always)]
fn put<W: Wire, M: SharedMemory>(
    ring: &mut ring::BackRing<W, M>,
    response: &Response,
) -> Result<(), PutError> {
    let status = response.status.code();
    ring.put(&W::response(response.id, response.operation, status))
}

/// The requests that were there when [`BackRing::requests`] looked.
#[derive(Debug)]
#[must_use = "requests are taken as the iterator advances"]
pub struct Requests<'a, M: SharedMemory> {
    ring: &'a mut BackRing<M>,
    limits: &'a Limits,
    left: u32,
}

impl<M: SharedMemory> Requests<'_, M> {
    /// The ring, to put responses as the requests come.
    #[inline]
    pub fn ring(&mut self) -> &mut BackRing<M> {
        self.ring
    }
}

impl<M: SharedMemory> Iterator for Requests<'_, M> {
    type Item = Result<Request, Refusal>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let left = self.left.checked_sub(1)?;
        // Whoever has the ring may have taken some, or found it corrupt.
        let taken = self.ring.take(self.limits).unwrap_or(None);
        self.left = if taken.is_some() { left } else { 0 };
        taken
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.left as usize))
    }
}

impl<M: SharedMemory> core::iter::FusedIterator for Requests<'_, M> {}
