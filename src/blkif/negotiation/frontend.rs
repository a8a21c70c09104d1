//! What the frontend chose.

use core::fmt;
use core::num::NonZeroU32;

use xen_public::event_channel::EvtchnPort;

use super::nodes::{Writer, boolean, number, optional, required};
use super::{
    BackendTransport, Error, Fault, Node, Nodes, Queue, RingPages, RingRefs, ValueError, names,
};
use crate::blkif::{DecimalFault, Excerpt, Protocol};

/// How the frontend wants to talk: written by it before it goes to `Initialised`, read by the backend.
///
/// The grants and event channels of the rings come beside it, one [`Queue`] for each.
///
/// A frontend that connects anew, after a restore or after another driver had the device, must remove
/// what it does not write this time: a leftover `ring-page-order` or `multi-queue-num-queues` would
/// tell the backend something else.
///
/// ```
/// use core::convert::Infallible;
/// use xen_abi::blkif::Protocol;
/// use xen_abi::blkif::negotiation::{FrontendTransport, Queue, RingRefs};
///
/// let ring = RingRefs::new(&[8.into(), 9.into()]).ok_or("no ring has that many pages")?;
/// let queue = Queue { event_channel: 5.into(), ring };
/// let transport = FrontendTransport::new(Protocol::Arm).with_ring(ring.pages());
///
/// let mut nodes = Vec::new();
/// let mut write = |name: &str, value: &dyn core::fmt::Display| {
///     nodes.push(format!("{name} = {value}"));
///     Ok::<(), Infallible>(())
/// };
/// transport.write(&mut write)?;
/// transport.write_queue(0, &queue, &mut write)?;
/// assert_eq!(nodes, [
///     "protocol = arm-abi",
///     "ring-page-order = 1",
///     "num-ring-pages = 2",
///     "feature-persistent = 0",
///     "ring-ref0 = 8",
///     "ring-ref1 = 9",
///     "event-channel = 5",
/// ]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrontendTransport {
    protocol: Protocol,
    ring: RingPages,
    queues: NonZeroU32,
    persistent: bool,
    /// Whether a node says how many pages a ring has.
    counted: bool,
}

impl FrontendTransport {
    /// One ring of one page, without persistent grants: what every backend serves.
    pub const fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            ring: RingPages::ONE,
            queues: NonZeroU32::MIN,
            persistent: false,
            counted: false,
        }
    }

    /// The same with rings of that many pages. At most what the backend's [`BackendTransport`] says.
    #[must_use]
    pub fn with_ring(self, ring: RingPages) -> Self {
        let counted = ring != RingPages::ONE;
        Self {
            ring,
            counted,
            ..self
        }
    }

    /// The same with that many queues. At most what the backend's [`BackendTransport`] says.
    #[must_use]
    pub const fn with_queues(self, queues: NonZeroU32) -> Self {
        Self { queues, ..self }
    }

    /// The same with a statement on persistent grants.
    #[must_use]
    pub const fn with_persistent(self, persistent: bool) -> Self {
        Self { persistent, ..self }
    }

    /// The ABI of the rings.
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// How many pages each ring has.
    pub const fn ring(&self) -> RingPages {
        self.ring
    }

    /// How many queues there are, each with a ring and an event channel of its own.
    pub const fn queues(&self) -> NonZeroU32 {
        self.queues
    }

    /// Whether the frontend uses the same grants again and lets the backend keep them mapped, writable.
    pub const fn persistent(&self) -> bool {
        self.persistent
    }

    /// Reads a frontend's choice, which must be within what the backend `offer`ed. `absent` is the
    /// protocol of a frontend that names none ([`Protocol::of_frontend`]).
    ///
    /// # Errors
    ///
    /// If the nodes can't be read, or a value is wrong, beyond the offer or in contradiction to another:
    /// a ring's pages stand in `ring-page-order`, in `num-ring-pages` or alike in both.
    pub fn read<N: Nodes + ?Sized>(
        nodes: &mut N,
        offer: &BackendTransport,
        absent: Protocol,
    ) -> Result<Self, Error<N::Error>> {
        let protocol = optional(nodes, Node::new(names::PROTOCOL), |value| {
            Protocol::from_value(value).map_err(|_| Fault::UnknownWord)
        })?;
        let ring = RingPages::read_choice(nodes, offer.ring)?;
        let queues = optional(nodes, Node::new(names::MULTI_QUEUE_NUM_QUEUES), |value| {
            let queues = NonZeroU32::new(number(value)?).ok_or(Fault::TooSmall { min: 1 })?;
            if queues > offer.queues {
                let max = offer.queues.get().into();
                return Err(DecimalFault::TooLarge { max }.into());
            }
            Ok(queues)
        })?;
        Ok(Self {
            protocol: protocol.unwrap_or(absent),
            ring: ring.unwrap_or(RingPages::ONE),
            queues: queues.unwrap_or(NonZeroU32::MIN),
            persistent: boolean(nodes, names::FEATURE_PERSISTENT, false)?,
            counted: ring.is_some(),
        })
    }

    /// Reads the grants and the event channel of one of the queues, counted from 0.
    ///
    /// # Errors
    ///
    /// If there is no such queue, the nodes can't be read, or one is missing or wrong. Event channel 0
    /// is wrong: it never works.
    pub fn read_queue<N: Nodes + ?Sized>(
        &self,
        nodes: &mut N,
        queue: u32,
    ) -> Result<Queue, Error<N::Error>> {
        self.check_queue(queue)?;
        let place = |node| self.place(queue, node);
        let event_channel = place(Node::new(names::EVENT_CHANNEL));
        let event_channel = required(nodes, event_channel, |value| match number(value)? {
            0 => Err(Fault::TooSmall { min: 1 }),
            port => Ok(EvtchnPort::new(port)),
        })?;
        let ring = RingRefs::read(nodes, self.ring, self.counted, place)?;
        Ok(Queue {
            event_channel,
            ring,
        })
    }

    /// Writes the nodes: the protocol always, the number of pages in both schemes if there is more than
    /// one, the number of queues if there is more than one.
    ///
    /// # Errors
    ///
    /// The first error of `write`.
    pub fn write<E>(
        &self,
        write: impl FnMut(&str, &dyn fmt::Display) -> Result<(), E>,
    ) -> Result<(), Error<E>> {
        let mut writer = Writer(write);
        writer.value(Node::new(names::PROTOCOL), &self.protocol)?;
        if self.ring != RingPages::ONE {
            writer.value(Node::new(names::RING_PAGE_ORDER), &self.ring.order())?;
            writer.value(Node::new(names::NUM_RING_PAGES), &self.ring.pages())?;
        }
        if self.queues != NonZeroU32::MIN {
            writer.value(Node::new(names::MULTI_QUEUE_NUM_QUEUES), &self.queues)?;
        }
        writer.boolean(names::FEATURE_PERSISTENT, self.persistent)
    }

    /// Writes the nodes of one of the queues, counted from 0: in the directory itself if there is only
    /// one, else below `queue-N/`, which xenstore makes by itself.
    ///
    /// # Errors
    ///
    /// If there is no such queue, its ring has not the pages that [`ring`](Self::ring) says or its event
    /// channel is 0, and the first error of `write`.
    pub fn write_queue<E>(
        &self,
        queue: u32,
        nodes: &Queue,
        write: impl FnMut(&str, &dyn fmt::Display) -> Result<(), E>,
    ) -> Result<(), Error<E>> {
        self.check_queue(queue)?;
        let place = |name| self.place(queue, Node::new(name));
        let sole = place(names::RING_REF);
        if nodes.ring.pages() != self.ring {
            let pages = Excerpt::printed(&nodes.ring.pages().pages());
            let agreed = self.ring.pages();
            return Err(ValueError::new(sole, pages, Fault::OtherPages { agreed }).into());
        }
        let event_channel = place(names::EVENT_CHANNEL);
        if nodes.event_channel.get() == 0 {
            let fault = Fault::TooSmall { min: 1 };
            return Err(ValueError::new(event_channel, Excerpt::of(b"0"), fault).into());
        }
        let mut writer = Writer(write);
        for (page, grant) in (0..).zip(nodes.ring.as_slice()) {
            let node = if self.ring == RingPages::ONE {
                sole
            } else {
                sole.of_page(page)
            };
            writer.value(node, grant)?;
        }
        writer.value(event_channel, &nodes.event_channel)
    }

    fn check_queue(&self, queue: u32) -> Result<(), ValueError> {
        if queue < self.queues.get() {
            return Ok(());
        }
        let queues = self.queues.get();
        let node = Node::new(names::EVENT_CHANNEL).of_queue(queue);
        Err(ValueError::without_value(
            node,
            Fault::NoSuchQueue { queues },
        ))
    }

    /// Where a queue's nodes are.
    fn place(&self, queue: u32, node: Node) -> Node {
        if self.queues == NonZeroU32::MIN {
            node
        } else {
            node.of_queue(queue)
        }
    }
}
