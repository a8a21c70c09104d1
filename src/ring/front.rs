//! The frontend's half of a ring: requests go in, responses come out.

use super::error::{AttachError, Corrupt, PutError};
use super::memory::SharedMemory;
use super::shared::{Index, Shared, Slot};
use super::types::{ExtraRequest, ExtraResponse, Plain, RingTypes};
use super::{Notify, passed};

/// The frontend's half of a ring over memory that the backend writes too.
///
/// Requests are [put](Self::put) into free slots and become visible all at once by a
/// [push](Self::push_and_check_notify), which says whether the backend waits for an event. Responses
/// are [taken](Self::take) one by one, and before the frontend sleeps it makes a
/// [final check](Self::final_check), which asks for an event and looks once more.
///
/// Nothing that the backend writes is believed: its producer index is checked against the requests
/// that it can answer, and a bad one ends the ring with [`Corrupt`].
///
/// ```
/// # use core::ptr::NonNull;
/// use xen_abi::ring::{BackRing, FrontRing, Mapping, kinds::NetifRx};
/// use xen_public::abi::x86_64::io::netif::{netif_rx_request, netif_rx_response};
///
/// # #[repr(align(4096))]
/// # struct Page([u8; 4096]);
/// # let mut page = Page([0; 4096]);
/// # let base = NonNull::from(&mut page).cast();
/// # // SAFETY: the page lives longer than the rings, and is touched only through mappings.
/// # let ours = unsafe { Mapping::new(base, 4096) }?;
/// # // SAFETY: as above.
/// # let theirs = unsafe { Mapping::new(base, 4096) }?;
/// let mut front = FrontRing::<NetifRx, _>::init(ours)?;
/// front.put(&netif_rx_request { id: 7, gref: 300, ..netif_rx_request::ZERO })?;
/// assert!(front.push_and_check_notify().is_needed());
///
/// // In the other domain:
/// let mut back = BackRing::<NetifRx, _>::attach(theirs, 0)?;
/// while let Some(request) = back.take()? {
///     back.put(&netif_rx_response { id: request.id, status: 60, ..netif_rx_response::ZERO })?;
/// }
/// assert!(back.push_and_check_notify().is_needed());
/// assert!(!back.final_check()?);
///
/// for response in front.responses()? {
///     assert_eq!((response.id, response.status), (7, 60));
/// }
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
///
/// Header: `xen/include/public/io/ring.h` (`struct NAME_front_ring`).
#[derive(Debug)]
pub struct FrontRing<R: RingTypes, M: SharedMemory> {
    shared: Shared<R, M>,
    /// Requests put, published or not.
    req_prod_pvt: u32,
    /// Requests published: our own copy of what the page says, which the backend could change.
    req_prod: u32,
    /// Responses taken.
    rsp_cons: u32,
    /// Responses that are known to be there: the backend's index when it was last loaded and
    /// checked. At least `rsp_cons`.
    rsp_prod: u32,
    /// What the backend did wrong.
    corrupt: Option<Corrupt>,
}

impl<R: RingTypes, M: SharedMemory> FrontRing<R, M> {
    /// Makes an empty ring in a memory and attaches to it. The backend must not be using it yet.
    ///
    /// The slots keep what they hold, so take zeroed memory.
    ///
    /// # Errors
    ///
    /// [`AttachError`] with the memory, if it has no room for a slot.
    #[doc(alias = "XEN_FRONT_RING_INIT")]
    #[doc(alias = "SHARED_RING_INIT")]
    #[doc(alias = "FRONT_RING_INIT")]
    pub fn init(memory: M) -> Result<Self, AttachError<M>> {
        let ring = Self::attach(memory, 0)?;
        ring.shared.init();
        Ok(ring)
    }

    /// Attaches to a ring that is there, all of whose requests before `index` have their response
    /// and none was published after it. The shared memory is not touched.
    ///
    /// # Errors
    ///
    /// [`AttachError`] with the memory, if it has no room for a slot.
    #[doc(alias = "FRONT_RING_ATTACH")]
    pub fn attach(memory: M, index: u32) -> Result<Self, AttachError<M>> {
        Ok(Self {
            shared: Shared::new(memory)?,
            req_prod_pvt: index,
            req_prod: index,
            rsp_cons: index,
            rsp_prod: index,
            corrupt: None,
        })
    }

    /// Lets go of the ring and gives the memory back. Requests that were put and not pushed are
    /// forgotten.
    pub fn into_memory(self) -> M {
        self.shared.into_memory()
    }

    /// The number of slots, a power of two.
    #[doc(alias = "RING_SIZE")]
    #[inline]
    pub fn size(&self) -> u32 {
        self.shared.size()
    }

    /// The number of slots that are free for requests.
    #[doc(alias = "RING_FREE_REQUESTS")]
    #[inline]
    pub fn free_requests(&self) -> u32 {
        // The count in flight is at most the size: `slot_to_put` sees to it, and responses are only
        // taken up to the requests published.
        self.size()
            .wrapping_sub(self.req_prod_pvt.wrapping_sub(self.rsp_cons))
    }

    /// Whether no slot is free for a request.
    #[doc(alias = "RING_FULL")]
    #[inline]
    pub fn is_full(&self) -> bool {
        self.free_requests() == 0
    }

    /// The index of the next request to put. It wraps around.
    pub fn req_prod_pvt(&self) -> u32 {
        self.req_prod_pvt
    }

    /// The index of the next response to take. It wraps around.
    pub fn rsp_cons(&self) -> u32 {
        self.rsp_cons
    }

    /// Whether a backend that claims to have produced `rsp_prod` responses in all is ill-behaved.
    ///
    /// This is what C's macro says, which only knows the ring's size. [`take`](Self::take) and its
    /// like are stricter: there are no more responses than requests.
    #[doc(alias = "RING_RESPONSE_PROD_OVERFLOW")]
    pub fn response_prod_overflow(&self, rsp_prod: u32) -> bool {
        rsp_prod.wrapping_sub(self.rsp_cons) > self.size()
    }

    /// Puts a request into the next free slot. The backend sees it after the next push.
    ///
    /// # Errors
    ///
    /// [`PutError::Full`] if every slot holds a request without a response,
    /// [`PutError::Corrupt`] if the ring is of no more use.
    #[doc(alias = "RING_GET_REQUEST")]
    #[inline]
    pub fn put(&mut self, request: &R::Request) -> Result<(), PutError> {
        self.put_slot(|slot| slot.write(request))
    }

    /// Puts something into the next free slot that the request before it announced.
    ///
    /// # Errors
    ///
    /// As for [`put`](Self::put).
    #[inline]
    pub fn put_extra<T: Plain>(&mut self, extra: &T) -> Result<(), PutError>
    where
        R: ExtraRequest<T>,
    {
        self.put_slot(|slot| slot.write(extra))
    }

    /// Lets `fill` write to the next free slot, which then counts as a request.
    #[inline]
    pub(crate) fn put_slot(&mut self, fill: impl FnOnce(Slot<'_, R, M>)) -> Result<(), PutError> {
        if let Some(corrupt) = self.corrupt {
            return Err(corrupt.into());
        }
        if self.is_full() {
            return Err(PutError::Full { size: self.size() });
        }
        fill(self.shared.slot(self.req_prod_pvt));
        self.req_prod_pvt = self.req_prod_pvt.wrapping_add(1);
        Ok(())
    }

    /// Publishes the requests that were put, without asking whether the backend waits for them.
    /// It is for a frontend that knows the backend to be polling.
    #[doc(alias = "RING_PUSH_REQUESTS")]
    #[inline]
    pub fn push(&mut self) {
        // The backend loads req_prod and then the slots; the slots' stores must not arrive behind
        // that of req_prod. And it may overwrite a slot with a response as soon as it has seen
        // req_prod, so our loads of the slot's last response must be done, too.
        self.shared.memory().wmb();
        self.shared.store(Index::RequestProducer, self.req_prod_pvt);
        self.req_prod = self.req_prod_pvt;
    }

    /// Publishes the requests that were put and says whether the backend wants an event for them.
    ///
    /// ```text
    /// we                          the backend, about to sleep
    /// store req_prod              store req_event
    /// mb                          mb
    /// load req_event              load req_prod
    /// ```
    ///
    /// One of both sees what the other stored: we send an event, or it stays awake.
    #[doc(alias = "RING_PUSH_REQUESTS_AND_CHECK_NOTIFY")]
    #[inline]
    pub fn push_and_check_notify(&mut self) -> Notify {
        let old = self.req_prod;
        self.push();
        self.shared.memory().mb();
        passed(old, self.req_prod, self.shared.load(Index::RequestEvent))
    }

    /// The number of responses that wait to be taken.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the backend claims more than it can have produced.
    #[doc(alias = "XEN_RING_NR_UNCONSUMED_RESPONSES")]
    #[doc(alias = "RING_HAS_UNCONSUMED_RESPONSES")]
    #[inline]
    pub fn unconsumed_responses(&mut self) -> Result<u32, Corrupt> {
        if let Some(corrupt) = self.corrupt {
            return Err(corrupt);
        }
        let rsp_prod = self.shared.load(Index::ResponseProducer);
        let waiting = rsp_prod.wrapping_sub(self.rsp_cons);
        if waiting > self.req_prod.wrapping_sub(self.rsp_cons) {
            return Err(self.condemn(rsp_prod));
        }
        // The slots must not be loaded before the index that says they are filled.
        self.shared.memory().rmb();
        self.rsp_prod = rsp_prod;
        Ok(waiting)
    }

    /// Notes that the backend's index can't be right.
    #[cold]
    fn condemn(&mut self, rsp_prod: u32) -> Corrupt {
        let corrupt = Corrupt::ResponseProducer {
            rsp_prod,
            rsp_cons: self.rsp_cons,
            req_prod: self.req_prod,
        };
        self.corrupt = Some(corrupt);
        // Nothing that was found before is handed out any more.
        self.rsp_prod = self.rsp_cons;
        corrupt
    }

    /// Takes the next response, copied out of the ring, or nothing if there is none.
    ///
    /// The backend's index is only loaded when all responses that it has announced are taken.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the backend claims more responses than it can have produced.
    #[doc(alias = "RING_COPY_RESPONSE")]
    #[doc(alias = "RING_COPY_")]
    #[doc(alias = "RING_GET_RESPONSE")]
    #[inline]
    pub fn take(&mut self) -> Result<Option<R::Response>, Corrupt> {
        Ok(self.take_slot()?.map(|slot| slot.read()))
    }

    /// Takes the next slot as what the response before it announced.
    ///
    /// # Errors
    ///
    /// As for [`take`](Self::take).
    #[inline]
    pub fn take_extra<T: Plain>(&mut self) -> Result<Option<T>, Corrupt>
    where
        R: ExtraResponse<T>,
    {
        Ok(self.take_slot()?.map(|slot| slot.read()))
    }

    /// Takes the next slot with a response.
    #[inline]
    pub(crate) fn take_slot(&mut self) -> Result<Option<Slot<'_, R, M>>, Corrupt> {
        if self.rsp_cons == self.rsp_prod && self.unconsumed_responses()? == 0 {
            return Ok(None);
        }
        let slot = self.shared.slot(self.rsp_cons);
        self.rsp_cons = self.rsp_cons.wrapping_add(1);
        Ok(Some(slot))
    }

    /// The responses that are there now, to be taken one by one. Those that are not taken stay.
    ///
    /// The backend's index is loaded once, so however fast it produces, this ends.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the backend claims more responses than it can have produced.
    #[inline]
    pub fn responses(&mut self) -> Result<Responses<'_, R, M>, Corrupt> {
        self.unconsumed_responses()?;
        Ok(Responses { ring: self })
    }

    /// To be called when all responses are taken and the frontend is about to wait for an event:
    /// asks for one with the next response, and says whether there is a response already, in which
    /// case there may be no event.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the backend claims more responses than it can have produced.
    #[doc(alias = "RING_FINAL_CHECK_FOR_RESPONSES")]
    #[must_use = "with responses waiting there may be no event"]
    #[inline]
    pub fn final_check(&mut self) -> Result<bool, Corrupt> {
        self.final_check_after(1)
    }

    /// As [`final_check`](Self::final_check), but asks for an event only with the `count`-th
    /// response from here, for fewer events.
    ///
    /// A `count` beyond the requests that wait for a response would wait for ever, so it is taken
    /// for that many; zero is taken for one.
    ///
    /// # Errors
    ///
    /// As for [`final_check`](Self::final_check).
    #[must_use = "with responses waiting there may be no event"]
    #[inline]
    pub fn final_check_after(&mut self, count: u32) -> Result<bool, Corrupt> {
        if self.unconsumed_responses()? != 0 {
            return Ok(true);
        }
        let in_flight = self.req_prod.wrapping_sub(self.rsp_cons);
        let count = count.min(in_flight).max(1);
        let event = self.rsp_cons.wrapping_add(count);
        self.shared.store(Index::ResponseEvent, event);
        // The backend stores rsp_prod and then loads rsp_event, so the order here must be the
        // reverse: otherwise both could miss what the other stored, and nobody would wake us.
        self.shared.memory().mb();
        Ok(self.unconsumed_responses()? >= count)
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

/// The responses that were there when [`FrontRing::responses`] looked.
#[derive(Debug)]
#[must_use = "responses are taken as the iterator advances"]
pub struct Responses<'a, R: RingTypes, M: SharedMemory> {
    ring: &'a mut FrontRing<R, M>,
}

impl<R: RingTypes, M: SharedMemory> Iterator for Responses<'_, R, M> {
    type Item = R::Response;

    #[inline]
    fn next(&mut self) -> Option<R::Response> {
        if self.ring.rsp_cons == self.ring.rsp_prod {
            return None;
        }
        let response = self.ring.shared.slot(self.ring.rsp_cons).read();
        self.ring.rsp_cons = self.ring.rsp_cons.wrapping_add(1);
        Some(response)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.ring.rsp_prod.wrapping_sub(self.ring.rsp_cons) as usize;
        (left, Some(left))
    }
}

impl<R: RingTypes, M: SharedMemory> ExactSizeIterator for Responses<'_, R, M> {}
impl<R: RingTypes, M: SharedMemory> core::iter::FusedIterator for Responses<'_, R, M> {}
