//! The backend's half of a ring: requests come out, responses go in.

use super::error::{AttachError, AttachReason, Corrupt, PutError};
use super::memory::SharedMemory;
use super::shared::{Index, Shared, Slot};
use super::types::{ExtraRequest, ExtraResponse, Plain, RingTypes};
use super::{Notify, passed};

/// The backend's half of a ring over memory that the frontend writes too.
///
/// Requests are [taken](Self::take) one by one, each copied into private memory once. Every request
/// gets a response, [put](Self::put) in any order and made visible by a
/// [push](Self::push_and_check_notify), which says whether the frontend waits for an event. Before
/// the backend sleeps it makes a [final check](Self::final_check), which asks for an event and
/// looks once more.
///
/// Nothing that the frontend writes is believed: its producer index is checked against the free
/// slots, and a bad one ends the ring with [`Corrupt`]. [`FrontRing`](super::FrontRing) has an
/// example of both ends.
///
/// Header: `xen/include/public/io/ring.h` (`struct NAME_back_ring`).
#[derive(Debug)]
pub struct BackRing<R: RingTypes, M: SharedMemory> {
    shared: Shared<R, M>,
    /// Responses put, published or not.
    rsp_prod_pvt: u32,
    /// Responses published: our own copy of what the page says, which the frontend could change.
    rsp_prod: u32,
    /// Requests taken. Never more than the size ahead of `rsp_prod_pvt`.
    req_cons: u32,
    /// Requests that are known to be there: the frontend's index when it was last loaded and
    /// checked. At least `req_cons`.
    req_prod: u32,
    /// What the frontend did wrong.
    corrupt: Option<Corrupt>,
}

impl<R: RingTypes, M: SharedMemory> BackRing<R, M> {
    /// Attaches to a ring that the frontend has made, of whose requests those before `index` have
    /// their response. For a new ring that is 0. The shared memory is not touched.
    ///
    /// # Errors
    ///
    /// [`AttachError`] with the memory, if it has no room for a slot.
    #[doc(alias = "BACK_RING_ATTACH")]
    #[doc(alias = "BACK_RING_INIT")]
    pub fn attach(memory: M, index: u32) -> Result<Self, AttachError<M>> {
        Ok(Self {
            shared: Shared::new(memory)?,
            rsp_prod_pvt: index,
            rsp_prod: index,
            req_cons: index,
            req_prod: index,
            corrupt: None,
        })
    }

    /// Attaches again to a ring that was in use, as after the backend was restarted: goes on behind
    /// the last response that the page knows of, and takes the requests of all slots from there on
    /// once more.
    ///
    /// Those are the requests without a response if the backend before answered them in the order of
    /// the slots, and pushed each response that it put. If not, the ring does not know: a response that
    /// was put and not pushed has overwritten the request of its slot, and after responses in
    /// another order some of the requests here are answered already, while others are gone. Such a
    /// backend has to remember its requests, or leave it to the frontend to send them again over a new
    /// ring.
    ///
    /// # Errors
    ///
    /// [`AttachError`] with the memory, if it has no room for a slot, or if between both producer
    /// indices there are more requests than the ring has slots.
    #[doc(alias = "BACK_RING_ATTACH")]
    pub fn reattach(memory: M) -> Result<Self, AttachError<M>> {
        let mut ring = Self::attach(memory, 0)?;
        let index = ring.shared.load(Index::ResponseProducer);
        ring.rsp_prod_pvt = index;
        ring.rsp_prod = index;
        ring.req_cons = index;
        ring.req_prod = index;
        match ring.unconsumed_requests() {
            Ok(_) => Ok(ring),
            Err(corrupt) => Err(AttachError {
                memory: ring.into_memory(),
                reason: AttachReason::Corrupt(corrupt),
            }),
        }
    }

    /// Lets go of the ring and gives the memory back. Responses that were put and not pushed are
    /// forgotten, and so are the requests in whose slots they are.
    pub fn into_memory(self) -> M {
        self.shared.into_memory()
    }

    /// The number of slots, a power of two.
    #[doc(alias = "RING_SIZE")]
    #[inline]
    pub fn size(&self) -> u32 {
        self.shared.size()
    }

    /// The index of the next response to put. It wraps around.
    pub fn rsp_prod_pvt(&self) -> u32 {
        self.rsp_prod_pvt
    }

    /// The index of the next request to take. It wraps around.
    pub fn req_cons(&self) -> u32 {
        self.req_cons
    }

    /// The number of requests that were taken and have no response yet.
    #[inline]
    pub fn unanswered(&self) -> u32 {
        self.req_cons.wrapping_sub(self.rsp_prod_pvt)
    }

    /// Whether a request with the index `req_cons` would lie in a slot that waits for a response:
    /// the condition on which C's loops end.
    #[doc(alias = "RING_REQUEST_CONS_OVERFLOW")]
    pub fn request_cons_overflow(&self, req_cons: u32) -> bool {
        req_cons.wrapping_sub(self.rsp_prod_pvt) >= self.size()
    }

    /// Whether a frontend that claims to have produced `req_prod` requests in all is ill-behaved.
    ///
    /// This is what C's macro says. [`take`](Self::take) and its like also see a frontend that
    /// takes requests back.
    #[doc(alias = "RING_REQUEST_PROD_OVERFLOW")]
    pub fn request_prod_overflow(&self, req_prod: u32) -> bool {
        req_prod.wrapping_sub(self.rsp_prod_pvt) > self.size()
    }

    /// The number of requests that wait to be taken.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the frontend claims more than there are free slots, or fewer than were taken.
    #[doc(alias = "XEN_RING_NR_UNCONSUMED_REQUESTS")]
    #[doc(alias = "RING_HAS_UNCONSUMED_REQUESTS")]
    #[inline]
    pub fn unconsumed_requests(&mut self) -> Result<u32, Corrupt> {
        if let Some(corrupt) = self.corrupt {
            return Err(corrupt);
        }
        let req_prod = self.shared.load(Index::RequestProducer);
        let waiting = req_prod.wrapping_sub(self.req_cons);
        // Slots that wait for a response are not free for a request.
        if waiting > self.size().wrapping_sub(self.unanswered()) {
            return Err(self.condemn(req_prod));
        }
        // The slots must not be loaded before the index that says they are filled.
        self.shared.memory().rmb();
        self.req_prod = req_prod;
        Ok(waiting)
    }

    /// Notes that the frontend's index can't be right.
    #[cold]
    fn condemn(&mut self, req_prod: u32) -> Corrupt {
        let corrupt = Corrupt::RequestProducer {
            req_prod,
            req_cons: self.req_cons,
            rsp_prod_pvt: self.rsp_prod_pvt,
            size: self.size(),
        };
        self.corrupt = Some(corrupt);
        // Nothing that was found before is handed out any more.
        self.req_prod = self.req_cons;
        corrupt
    }

    /// Takes the next request, copied out of the ring, or nothing if there is none.
    ///
    /// The frontend's index is only loaded when all requests that it has announced are taken. A
    /// frontend that gets its responses at once can keep a loop over this busy for as long as it
    /// likes; [`requests`](Self::requests) ends.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the frontend claims more requests than there are free slots.
    #[doc(alias = "RING_COPY_REQUEST")]
    #[doc(alias = "RING_COPY_")]
    #[doc(alias = "RING_GET_REQUEST")]
    #[inline]
    pub fn take(&mut self) -> Result<Option<R::Request>, Corrupt> {
        Ok(self.take_slot()?.map(|slot| slot.read()))
    }

    /// Takes the next slot as what the request before it announced.
    ///
    /// # Errors
    ///
    /// As for [`take`](Self::take).
    #[inline]
    pub fn take_extra<T: Plain>(&mut self) -> Result<Option<T>, Corrupt>
    where
        R: ExtraRequest<T>,
    {
        Ok(self.take_slot()?.map(|slot| slot.read()))
    }

    /// Takes the next slot with a request.
    #[inline]
    pub(crate) fn take_slot(&mut self) -> Result<Option<Slot<'_, R, M>>, Corrupt> {
        if self.req_cons == self.req_prod && self.unconsumed_requests()? == 0 {
            return Ok(None);
        }
        let slot = self.shared.slot(self.req_cons);
        self.req_cons = self.req_cons.wrapping_add(1);
        Ok(Some(slot))
    }

    /// The requests that are there now, to be taken one by one. Those that are not taken stay.
    ///
    /// The frontend's index is loaded once, so however fast it produces, this ends.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the frontend claims more requests than there are free slots.
    #[inline]
    pub fn requests(&mut self) -> Result<Requests<'_, R, M>, Corrupt> {
        let left = self.unconsumed_requests()?;
        Ok(Requests { ring: self, left })
    }

    /// Puts a response into the next slot. The frontend sees it after the next push.
    ///
    /// # Errors
    ///
    /// [`PutError::Unasked`] if every request that was taken has its response,
    /// [`PutError::Corrupt`] if the ring is of no more use.
    #[doc(alias = "RING_GET_RESPONSE")]
    #[inline]
    pub fn put(&mut self, response: &R::Response) -> Result<(), PutError> {
        self.put_slot(|slot| slot.write(response))
    }

    /// Puts something into the next slot that the response before it announced.
    ///
    /// # Errors
    ///
    /// As for [`put`](Self::put).
    #[inline]
    pub fn put_extra<T: Plain>(&mut self, extra: &T) -> Result<(), PutError>
    where
        R: ExtraResponse<T>,
    {
        self.put_slot(|slot| slot.write(extra))
    }

    /// Lets `fill` write to the next slot, which then counts as a response.
    #[inline]
    pub(crate) fn put_slot(&mut self, fill: impl FnOnce(Slot<'_, R, M>)) -> Result<(), PutError> {
        if let Some(corrupt) = self.corrupt {
            return Err(corrupt.into());
        }
        if self.unanswered() == 0 {
            return Err(PutError::Unasked {
                req_cons: self.req_cons,
            });
        }
        fill(self.shared.slot(self.rsp_prod_pvt));
        self.rsp_prod_pvt = self.rsp_prod_pvt.wrapping_add(1);
        Ok(())
    }

    /// Publishes the responses that were put, without asking whether the frontend waits for them.
    #[doc(alias = "RING_PUSH_RESPONSES")]
    #[inline]
    pub fn push(&mut self) {
        // The frontend loads rsp_prod and then the slots; the slots' stores must not arrive behind
        // that of rsp_prod. And it may overwrite a slot with a request as soon as it has seen
        // rsp_prod, so our loads of the slot's last request must be done, too.
        self.shared.memory().wmb();
        self.shared
            .store(Index::ResponseProducer, self.rsp_prod_pvt);
        self.rsp_prod = self.rsp_prod_pvt;
    }

    /// Publishes the responses that were put and says whether the frontend wants an event for them.
    ///
    /// ```text
    /// we                          the frontend, about to sleep
    /// store rsp_prod              store rsp_event
    /// mb                          mb
    /// load rsp_event              load rsp_prod
    /// ```
    ///
    /// One of both sees what the other stored: we send an event, or it stays awake.
    #[doc(alias = "RING_PUSH_RESPONSES_AND_CHECK_NOTIFY")]
    #[inline]
    pub fn push_and_check_notify(&mut self) -> Notify {
        let old = self.rsp_prod;
        self.push();
        self.shared.memory().mb();
        passed(old, self.rsp_prod, self.shared.load(Index::ResponseEvent))
    }

    /// To be called when all requests are taken and the backend is about to wait for an event: asks
    /// for one with the next request, and says whether there is a request already, in which case
    /// there may be no event.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the frontend claims more requests than there are free slots.
    #[doc(alias = "RING_FINAL_CHECK_FOR_REQUESTS")]
    #[must_use = "with requests waiting there may be no event"]
    #[inline]
    pub fn final_check(&mut self) -> Result<bool, Corrupt> {
        self.final_check_after(1)
    }

    /// As [`final_check`](Self::final_check), but asks for an event only with the `count`-th
    /// request from here, for fewer events.
    ///
    /// Only a backend that looks again on its own can ask for more than one: the frontend need not
    /// have more to send. A `count` beyond the free slots is taken for that many, and zero for one.
    ///
    /// # Errors
    ///
    /// As for [`final_check`](Self::final_check).
    #[must_use = "with requests waiting there may be no event"]
    #[inline]
    pub fn final_check_after(&mut self, count: u32) -> Result<bool, Corrupt> {
        if self.unconsumed_requests()? != 0 {
            return Ok(true);
        }
        let free = self.size().wrapping_sub(self.unanswered());
        let count = count.min(free).max(1);
        let event = self.req_cons.wrapping_add(count);
        self.shared.store(Index::RequestEvent, event);
        // The frontend stores req_prod and then loads req_event, so the order here must be the
        // reverse: otherwise both could miss what the other stored, and nobody would wake us.
        self.shared.memory().mb();
        Ok(self.unconsumed_requests()? >= count)
    }

    /// The four bytes of the header that protocols use as they like.
    ///
    /// Header: `xen/include/public/io/ring.h` (`pvt`).
    #[doc(alias = "pvt_pad")]
    #[doc(alias = "smartpoll_active")]
    #[doc(alias = "msg")]
    pub fn pvt(&self) -> [u8; 4] {
        self.shared.pvt()
    }

    /// Writes the four bytes that [`pvt`](Self::pvt) reads. Byte 0 is netif's `smartpoll_active`.
    pub fn set_pvt(&mut self, bytes: [u8; 4]) {
        self.shared.set_pvt(bytes);
    }
}

/// The requests that were there when [`BackRing::requests`] looked.
#[derive(Debug)]
#[must_use = "requests are taken as the iterator advances"]
pub struct Requests<'a, R: RingTypes, M: SharedMemory> {
    ring: &'a mut BackRing<R, M>,
    /// How many are left of them.
    left: u32,
}

impl<R: RingTypes, M: SharedMemory> Requests<'_, R, M> {
    /// The ring, to put responses as the requests come.
    #[inline]
    pub fn ring(&mut self) -> &mut BackRing<R, M> {
        self.ring
    }
}

impl<R: RingTypes, M: SharedMemory> Iterator for Requests<'_, R, M> {
    type Item = R::Request;

    #[inline]
    fn next(&mut self) -> Option<R::Request> {
        let left = self.left.checked_sub(1)?;
        // Whoever has the ring may have taken some, or found it corrupt.
        if self.ring.req_cons == self.ring.req_prod {
            self.left = 0;
            return None;
        }
        self.left = left;
        let request = self.ring.shared.slot(self.ring.req_cons).read();
        self.ring.req_cons = self.ring.req_cons.wrapping_add(1);
        Some(request)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let known = self.ring.req_prod.wrapping_sub(self.ring.req_cons);
        let left = known.min(self.left) as usize;
        (left, Some(left))
    }
}

impl<R: RingTypes, M: SharedMemory> ExactSizeIterator for Requests<'_, R, M> {}
impl<R: RingTypes, M: SharedMemory> core::iter::FusedIterator for Requests<'_, R, M> {}
