//! Event pages: how a keyboard or a display tells what happened.
//!
//! Besides its ring of requests, or instead of one, a device can have a page of events. Events go one
//! way and get no answer: the producer writes one into a slot and moves its index `prod`, the consumer
//! copies it out and moves its index `cons`. A page can hold a second such ring the other way: fbif's
//! and kbdif's have one for what the backend tells and one for what the frontend tells.
//!
//! | page | in: backend to frontend | out: frontend to backend |
//! |---|---|---|
//! | framebuffer, with a [head](FbifPage) | [`FbifIn`] | [`FbifOut`] |
//! | keyboard and pointer | [`KbdifIn`] | [`KbdifOut`] |
//! | display | [`DisplifIn`] | |
//! | sound | [`SndifIn`] | |
//! | camera | [`CameraifIn`] | |
//!
//! [`EventProducer`] and [`EventConsumer`] are the two ends. Nobody says here with which event to be
//! woken, so a producer notifies after each push; and a consumer that takes events until there are none
//! each time it is notified misses none.
//!
//! ```
//! # use core::ptr::NonNull;
//! use xen_abi::ring::events::{EventConsumer, EventProducer, KbdifIn};
//! use xen_abi::ring::{Mapping, Message, field};
//! use xen_public::abi::x86_64::io::kbdif::{XENKBD_TYPE_KEY, xenkbd_in_event};
//!
//! # #[repr(align(4096))]
//! # struct Page([u8; 4096]);
//! # let mut page = Page([0; 4096]);
//! # let base = NonNull::from(&mut page).cast();
//! # // SAFETY: the page lives longer than the ends, and is touched only through mappings.
//! # let theirs = unsafe { Mapping::new(base, 4096) }?;
//! # // SAFETY: as above.
//! # let ours = unsafe { Mapping::new(base, 4096) }?;
//! // The backend: a key goes down.
//! let mut keys = EventProducer::<KbdifIn, _>::attach(theirs)?;
//! let event = Message::zeroed()
//!     .with(field!(xenkbd_in_event, key.r#type), XENKBD_TYPE_KEY as u8)
//!     .with(field!(xenkbd_in_event, key.pressed), 1)
//!     .with(field!(xenkbd_in_event, key.keycode), 30);
//! keys.put(&event)?;
//! assert!(keys.push().is_needed());
//!
//! // The frontend, notified:
//! let mut keyboard = EventConsumer::<KbdifIn, _>::attach(ours)?;
//! while let Some(event) = keyboard.take()? {
//!     match i32::from(event.at(field!(xenkbd_in_event, r#type))) {
//!         XENKBD_TYPE_KEY => {
//!             assert_eq!(event.at(field!(xenkbd_in_event, key.keycode)), 30);
//!         }
//!         _ => {} // Unknown events are to be ignored.
//!     }
//! }
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # When the indices wrap
//!
//! The slot of an index is its remainder by the number of slots, which is no power of two here: 25, 51
//! or 63. Where an index goes from 2^32 - 1 to 0, the slot does not go on to the next: of 25 slots it
//! goes from number 20 to number 0. C's macros do the same, so both ends agree. But with more than 21
//! events on the way, the one with index 0 lies where one from before the wrap still waits. C writes
//! over it. [`EventProducer`] says that the ring is full a little earlier there, and no event is lost.
//!
//! Headers: `xen/include/public/io/fbif.h`, `kbdif.h`, `displif.h`, `sndif.h` and `cameraif.h`.
#![allow(unsafe_code)]

use xen_public::abi::{arm32, arm64, x86_32, x86_64};

use x86_64::io::{cameraif, displif, fbif, kbdif, sndif};

use super::Notify;
use super::error::{AttachError, AttachReason, Corrupt, PutError};
use super::memory::SharedMemory;
use super::message::Message;
use super::types::{Plain, generated};

mod fbif_page;
mod page;
#[cfg(test)]
mod tests;

pub use fbif_page::{Directory, FbifPage, Screen};
use page::Page;

/// The size of an event page in bytes.
#[doc(alias = "XENDISPL_EVENT_PAGE_SIZE")]
#[doc(alias = "XENSND_EVENT_PAGE_SIZE")]
#[doc(alias = "XENCAMERA_EVENT_PAGE_SIZE")]
pub const EVENT_PAGE_BYTES: usize = 4096;

/// Events that go one way: what they are and where in the page they lie.
///
/// Whatever is said here is checked at compile time, where an end is made: indices and slots lie in the
/// page, at multiples of 4 and 8, and apart.
pub trait EventTypes {
    /// One event, with all of its slot.
    type Event: Plain;
    /// Where the consumer's index lies in the page.
    const CONS: usize;
    /// Where the producer's index lies in the page.
    const PROD: usize;
    /// Where the first slot lies in the page.
    const OFFSET: usize;
    /// The number of slots. It need not be a power of two.
    const LEN: u32;
}

/// Where in the page the slot of an index begins: that of its remainder by the number of slots.
///
/// ```
/// use xen_abi::ring::events::{DisplifIn, FbifIn, slot_offset};
///
/// assert_eq!(slot_offset::<FbifIn>(26), 1024 + 40);
/// assert_eq!(slot_offset::<DisplifIn>(62), 4096 - 64);
/// // Where the index wraps around, the slot jumps.
/// assert_eq!(slot_offset::<FbifIn>(u32::MAX), 1024 + 20 * 40);
/// assert_eq!(slot_offset::<FbifIn>(0), 1024);
/// ```
#[doc(alias = "XENFB_IN_RING_REF")]
#[doc(alias = "XENFB_OUT_RING_REF")]
#[doc(alias = "XENKBD_IN_RING_REF")]
#[doc(alias = "XENKBD_OUT_RING_REF")]
#[doc(alias = "XENDISPL_IN_RING_REF")]
#[doc(alias = "XENSND_IN_RING_REF")]
#[doc(alias = "XENCAMERA_IN_RING_REF")]
#[inline]
pub const fn slot_offset<E: EventTypes>(index: u32) -> usize {
    const { check::<E>() };
    E::OFFSET + (index % E::LEN) as usize * size_of::<E::Event>()
}

/// Refuses, at compile time, what does not lie in the page as it should.
const fn check<E: EventTypes>() {
    let size = size_of::<E::Event>();
    assert!(E::LEN > 0 && size > 0);
    assert!(E::OFFSET <= EVENT_PAGE_BYTES);
    assert!((E::LEN as usize) <= (EVENT_PAGE_BYTES - E::OFFSET) / size);
    assert!(E::CONS % 4 == 0 && E::PROD % 4 == 0 && E::OFFSET % 8 == 0);
    assert!(E::CONS != E::PROD);
    let end = E::OFFSET + E::LEN as usize * size;
    assert!(E::CONS < E::OFFSET || E::CONS >= end);
    assert!(E::PROD < E::OFFSET || E::PROD >= end);
    assert!(E::CONS <= EVENT_PAGE_BYTES - 4 && E::PROD <= EVENT_PAGE_BYTES - 4);
}

/// The width of the accesses to slots: the widest that divides an event, but not wider than the
/// host's registers.
const fn word_bytes<E: EventTypes>() -> usize {
    let mut word = if size_of::<usize>() < 8 { 4 } else { 8 };
    while size_of::<E::Event>() % word != 0 {
        word /= 2;
    }
    word
}

/// Whether there is no slot for the event with index `prod`, with the consumer at `cons`.
///
/// Indices from before the wrap have other slots than they would have after it: the slot of an index
/// below `jump` is also that of the index `jump` places before.
const fn is_full<E: EventTypes>(prod: u32, cons: u32) -> bool {
    // 2^32 modulo LEN.
    let jump = (u32::MAX % E::LEN + 1) % E::LEN;
    let waiting = prod.wrapping_sub(cons);
    waiting >= E::LEN || prod < jump && waiting >= jump
}

/// The memory, if it is a page.
fn checked<M: SharedMemory>(memory: M) -> Result<M, AttachError<M>> {
    let len = memory.len();
    if len < EVENT_PAGE_BYTES {
        let needed = EVENT_PAGE_BYTES;
        let reason = AttachReason::TooSmall { len, needed };
        return Err(AttachError { memory, reason });
    }
    Ok(memory)
}

/// The end that tells what happens.
///
/// Events are [put](Self::put) into free slots and become visible by a [push](Self::push). Nothing that
/// the consumer writes is believed: an index that it can't have reached ends the ring with [`Corrupt`].
///
/// The module has an [example](self) of both ends.
#[derive(Debug)]
pub struct EventProducer<E: EventTypes, M: SharedMemory> {
    page: Page<E, M>,
    /// Events put, published or not.
    prod_pvt: u32,
    /// Events published: our own copy of what the page says, which the consumer could change.
    prod: u32,
    /// Events that the consumer has taken, when its index was last loaded and checked.
    cons: u32,
    /// What the consumer did wrong.
    corrupt: Option<Corrupt>,
}

impl<E: EventTypes, M: SharedMemory> EventProducer<E, M> {
    /// Attaches to a page, behind the last event that it knows of. A zeroed page is one without events.
    ///
    /// # Errors
    ///
    /// [`AttachError`] with the memory, if that is smaller than a page, or if more events wait there
    /// than there are slots.
    pub fn attach(memory: M) -> Result<Self, AttachError<M>> {
        let page = Page::<E, M>::new(memory)?;
        let (prod, cons) = (page.load_prod(), page.load_cons());
        if prod.wrapping_sub(cons) > E::LEN {
            let len = E::LEN;
            return Err(AttachError {
                memory: page.memory,
                reason: AttachReason::Corrupt(Corrupt::EventProducer { prod, cons, len }),
            });
        }
        // The slots must not be stored to before the index that says they are free is loaded.
        page.memory.rmb();
        Ok(Self {
            page,
            prod_pvt: prod,
            prod,
            cons,
            corrupt: None,
        })
    }

    /// Lets go of the page and gives the memory back. Events that were put and not pushed are
    /// forgotten.
    pub fn into_memory(self) -> M {
        self.page.memory
    }

    /// Puts an event into the next free slot. The consumer sees it after the next push.
    ///
    /// # Errors
    ///
    /// [`PutError::Full`] if there is no free slot: the consumer is too slow, and whether the event is
    /// dropped, merged with another or kept for later is for the device to say.
    /// [`PutError::Corrupt`] if the ring is of no more use.
    #[inline]
    pub fn put(&mut self, event: &E::Event) -> Result<(), PutError> {
        if let Some(corrupt) = self.corrupt {
            return Err(corrupt.into());
        }
        if is_full::<E>(self.prod_pvt, self.cons) {
            self.look()?;
            if is_full::<E>(self.prod_pvt, self.cons) {
                return Err(PutError::Full { size: E::LEN });
            }
        }
        self.page.write(self.prod_pvt, event);
        self.prod_pvt = self.prod_pvt.wrapping_add(1);
        Ok(())
    }

    /// Looks how far the consumer is.
    fn look(&mut self) -> Result<(), Corrupt> {
        let cons = self.page.load_cons();
        // It can only take what is published, and not give back what it has taken.
        if cons.wrapping_sub(self.cons) > self.prod.wrapping_sub(self.cons) {
            let corrupt = Corrupt::EventConsumer {
                cons,
                before: self.cons,
                prod: self.prod,
            };
            self.corrupt = Some(corrupt);
            return Err(corrupt);
        }
        // The slots must not be stored to before the index that says they are free is loaded.
        self.page.memory.rmb();
        self.cons = cons;
        Ok(())
    }

    /// Publishes the events that were put. [`Notify::Needed`] if there were any: the consumer always
    /// wants to know.
    #[inline]
    pub fn push(&mut self) -> Notify {
        if self.prod == self.prod_pvt {
            return Notify::Suppressed;
        }
        // The consumer loads the index and then the slots; the slots' stores must not arrive behind
        // that of the index.
        self.page.memory.wmb();
        self.page.store_prod(self.prod_pvt);
        self.prod = self.prod_pvt;
        Notify::Needed
    }
}

/// The end that is told what happens.
///
/// Events are [taken](Self::take) one by one, each copied into private memory once. Nothing that the
/// producer writes is believed: an index that it can't have reached ends the ring with [`Corrupt`].
///
/// The module has an [example](self) of both ends.
#[derive(Debug)]
pub struct EventConsumer<E: EventTypes, M: SharedMemory> {
    page: Page<E, M>,
    /// Events taken.
    cons: u32,
    /// Events taken that the producer knows to be: what we last stored to the page.
    confirmed: u32,
    /// Events that are known to be there: the producer's index when it was last loaded and checked.
    prod: u32,
    /// What the producer did wrong.
    corrupt: Option<Corrupt>,
}

impl<E: EventTypes, M: SharedMemory> EventConsumer<E, M> {
    /// Attaches to a page, behind the last event that was taken from it. A zeroed page is one without
    /// events.
    ///
    /// # Errors
    ///
    /// [`AttachError`] with the memory, if that is smaller than a page, or if more events wait there
    /// than there are slots.
    pub fn attach(memory: M) -> Result<Self, AttachError<M>> {
        let page = Page::<E, M>::new(memory)?;
        let cons = page.load_cons();
        let mut consumer = Self {
            page,
            cons,
            confirmed: cons,
            prod: cons,
            corrupt: None,
        };
        match consumer.unconsumed() {
            Ok(_) => Ok(consumer),
            Err(corrupt) => Err(AttachError {
                memory: consumer.into_memory(),
                reason: AttachReason::Corrupt(corrupt),
            }),
        }
    }

    /// Lets go of the page and gives the memory back. Events that were taken and not confirmed will be
    /// there for whoever attaches next.
    pub fn into_memory(self) -> M {
        self.page.memory
    }

    /// The number of events that wait to be taken.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the producer claims more than there are slots, or takes some back.
    #[inline]
    pub fn unconsumed(&mut self) -> Result<u32, Corrupt> {
        if let Some(corrupt) = self.corrupt {
            return Err(corrupt);
        }
        let prod = self.page.load_prod();
        let waiting = prod.wrapping_sub(self.confirmed);
        if waiting > E::LEN || waiting < self.prod.wrapping_sub(self.confirmed) {
            return Err(self.condemn(prod));
        }
        // The slots must not be loaded before the index that says they are filled.
        self.page.memory.rmb();
        self.prod = prod;
        Ok(prod.wrapping_sub(self.cons))
    }

    /// Notes that the producer's index can't be right.
    #[cold]
    fn condemn(&mut self, prod: u32) -> Corrupt {
        let corrupt = Corrupt::EventProducer {
            prod,
            cons: self.confirmed,
            len: E::LEN,
        };
        self.corrupt = Some(corrupt);
        // Nothing that was found before is handed out any more.
        self.prod = self.cons;
        corrupt
    }

    /// Takes the next event, copied out of the page, or nothing if there is none.
    ///
    /// The slots of what was taken are [confirmed](Self::confirm) when all events that were known to be
    /// there are taken, so a loop to the end does it all. A producer can keep such a loop busy for as
    /// long as it likes; [`events`](Self::events) ends.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if the producer claims more events than there are slots, or takes some back.
    #[inline]
    pub fn take(&mut self) -> Result<Option<E::Event>, Corrupt> {
        if self.cons == self.prod {
            self.confirm();
            if self.unconsumed()? == 0 {
                return Ok(None);
            }
        }
        Ok(Some(self.copy()))
    }

    /// Copies out the next event, which is known to be there.
    #[inline]
    fn copy(&mut self) -> E::Event {
        let event = self.page.read(self.cons);
        self.cons = self.cons.wrapping_add(1);
        event
    }

    /// Tells the producer that the slots of all that was taken are free again. True if there were any;
    /// a producer that waits for a free slot then wants an event.
    #[inline]
    pub fn confirm(&mut self) -> bool {
        if self.confirmed == self.cons {
            return false;
        }
        // The producer may overwrite the slots as soon as it has seen the index, so our loads of them
        // must be done.
        self.page.memory.wmb();
        self.page.store_cons(self.cons);
        self.confirmed = self.cons;
        true
    }

    /// The events that are there now, to be taken one by one. Those that are not taken stay. What was
    /// taken is [confirmed](Self::confirm) when the iterator ends or is dropped.
    ///
    /// The producer's index is loaded once, so however fast it produces, this ends.
    ///
    /// # Errors
    ///
    /// As for [`take`](Self::take).
    #[inline]
    pub fn events(&mut self) -> Result<Events<'_, E, M>, Corrupt> {
        self.unconsumed()?;
        Ok(Events { consumer: self })
    }
}

/// The events that were there when [`EventConsumer::events`] looked.
#[derive(Debug)]
#[must_use = "events are taken as the iterator advances"]
pub struct Events<'a, E: EventTypes, M: SharedMemory> {
    consumer: &'a mut EventConsumer<E, M>,
}

impl<E: EventTypes, M: SharedMemory> Iterator for Events<'_, E, M> {
    type Item = E::Event;

    #[inline]
    fn next(&mut self) -> Option<E::Event> {
        if self.consumer.cons == self.consumer.prod {
            self.consumer.confirm();
            return None;
        }
        Some(self.consumer.copy())
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.consumer.prod.wrapping_sub(self.consumer.cons) as usize;
        (left, Some(left))
    }
}

impl<E: EventTypes, M: SharedMemory> Drop for Events<'_, E, M> {
    /// Confirms what was taken: a producer without a free slot sends nothing that could wake us.
    fn drop(&mut self) {
        self.consumer.confirm();
    }
}

impl<E: EventTypes, M: SharedMemory> ExactSizeIterator for Events<'_, E, M> {}
impl<E: EventTypes, M: SharedMemory> core::iter::FusedIterator for Events<'_, E, M> {}

generated! {
    GENERATED:
    fbif {
        plain: xenfb_update xenfb_resize xenfb_refresh_period;
        with_union: xenfb_in_event xenfb_out_event;
    }
    kbdif {
        plain: xenkbd_motion xenkbd_key xenkbd_position xenkbd_mtouch_u_pos xenkbd_mtouch_u_shape;
        with_union: xenkbd_mtouch xenkbd_mtouch_u xenkbd_in_event xenkbd_out_event;
    }
}

/// Declares events by their type, the names of their indices in C's structure of the page, and C's
/// constants, which the compiler holds against those of the other ABIs.
macro_rules! events {
    (
        $(#[$attribute:meta])*
        $name:ident { $header:ident::$event:ident }
        $page:ident [$cons:ident, $prod:ident] $offset:ident $len:ident
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug)]
        pub enum $name {}

        impl EventTypes for $name {
            type Event = Message<$header::$event>;
            const CONS: usize = core::mem::offset_of!($header::$page, $cons);
            const PROD: usize = core::mem::offset_of!($header::$page, $prod);
            const OFFSET: usize = $header::$offset as usize;
            const LEN: u32 = $header::$len as u32;
        }

        const _: () = {
            check::<$name>();
            events!(@alike $name $header $event $page $cons $prod $offset $len, x86_64);
            events!(@alike $name $header $event $page $cons $prod $offset $len, x86_32);
            events!(@alike $name $header $event $page $cons $prod $offset $len, arm32);
            events!(@alike $name $header $event $page $cons $prod $offset $len, arm64);
        };
    };
    (@alike $name:ident $header:ident $event:ident $page:ident $cons:ident $prod:ident
        $offset:ident $len:ident, $abi:ident) => {
        assert!($name::CONS == core::mem::offset_of!($abi::io::$header::$page, $cons));
        assert!($name::PROD == core::mem::offset_of!($abi::io::$header::$page, $prod));
        assert!($name::OFFSET as u64 == $abi::io::$header::$offset as u64);
        assert!($name::LEN as u64 == $abi::io::$header::$len as u64);
        assert!(size_of::<$abi::io::$header::$event>() == size_of::<$header::$event>());
    };
}

events! {
    /// What a framebuffer's backend tells: how often the screen needs a refresh. 25 slots of 40 bytes.
    ///
    /// Header: `xen/include/public/io/fbif.h`.
    #[doc(alias = "XENFB_IN_RING")]
    FbifIn { fbif::xenfb_in_event } xenfb_page [in_cons, in_prod] XENFB_IN_RING_OFFS XENFB_IN_RING_LEN
}

events! {
    /// What a framebuffer's frontend tells, if the backend has asked for it: what was drawn, and a new
    /// size of the screen. 51 slots of 40 bytes.
    ///
    /// Header: `xen/include/public/io/fbif.h`.
    #[doc(alias = "XENFB_OUT_RING")]
    FbifOut { fbif::xenfb_out_event } xenfb_page [out_cons, out_prod]
    XENFB_OUT_RING_OFFS XENFB_OUT_RING_LEN
}

events! {
    /// Keys, and what pointer and touch screen do. 51 slots of 40 bytes.
    ///
    /// Header: `xen/include/public/io/kbdif.h`.
    #[doc(alias = "XENKBD_IN_RING")]
    #[doc(alias = "xenkbd_page")]
    KbdifIn { kbdif::xenkbd_in_event } xenkbd_page [in_cons, in_prod]
    XENKBD_IN_RING_OFFS XENKBD_IN_RING_LEN
}

events! {
    /// The way from frontend to backend, for which there are no events so far. 25 slots of 40 bytes.
    ///
    /// Header: `xen/include/public/io/kbdif.h`.
    #[doc(alias = "XENKBD_OUT_RING")]
    KbdifOut { kbdif::xenkbd_out_event } xenkbd_page [out_cons, out_prod]
    XENKBD_OUT_RING_OFFS XENKBD_OUT_RING_LEN
}

events! {
    /// A display's completed page flips. 63 slots of 64 bytes.
    ///
    /// Header: `xen/include/public/io/displif.h`.
    #[doc(alias = "XENDISPL_IN_RING")]
    #[doc(alias = "xendispl_event_page")]
    DisplifIn { displif::xendispl_evt } xendispl_event_page [in_cons, in_prod]
    XENDISPL_IN_RING_OFFS XENDISPL_IN_RING_LEN
}

events! {
    /// How far a sound stream has come. 63 slots of 64 bytes.
    ///
    /// Header: `xen/include/public/io/sndif.h`.
    #[doc(alias = "XENSND_IN_RING")]
    #[doc(alias = "xensnd_event_page")]
    SndifIn { sndif::xensnd_evt } xensnd_event_page [in_cons, in_prod]
    XENSND_IN_RING_OFFS XENSND_IN_RING_LEN
}

events! {
    /// A camera's frames, and changes of its controls. 63 slots of 64 bytes.
    ///
    /// Header: `xen/include/public/io/cameraif.h`.
    #[doc(alias = "XENCAMERA_IN_RING")]
    #[doc(alias = "xencamera_event_page")]
    CameraifIn { cameraif::xencamera_evt } xencamera_event_page [in_cons, in_prod]
    XENCAMERA_IN_RING_OFFS XENCAMERA_IN_RING_LEN
}
