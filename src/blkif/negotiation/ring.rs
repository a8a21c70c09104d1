//! Rings of one page and of several.

use core::fmt;

use xen_public::event_channel::EvtchnPort;
use xen_public::grant_table::GrantRef;

use super::nodes::{number, optional};
use super::{Error, Fault, Node, Nodes, ValueError, names};
use crate::blkif::{DecimalFault, Excerpt};

/// How many pages a ring has: a power of two from 1 to 16.
///
/// The header sets no limit. 16 pages, order 4, is the most that Linux's xenbus can map for a ring and that
/// QEMU offers, and no driver is known that uses more.
///
/// ```
/// use xen_abi::blkif::negotiation::RingPages;
///
/// let ring = RingPages::from_order(2).unwrap();
/// assert_eq!((ring.pages(), ring.order()), (4, 2));
/// assert_eq!(RingPages::from_pages(3), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct RingPages {
    order: u8,
}

impl RingPages {
    /// A ring of one page, which every driver can do.
    pub const ONE: Self = Self { order: 0 };

    /// The largest ring: 16 pages.
    #[doc(alias = "XENBUS_MAX_RING_GRANT_ORDER")]
    pub const MAX: Self = Self { order: 4 };

    /// A ring of 2 to the power of `order` pages; none if that is too large.
    pub const fn from_order(order: u32) -> Option<Self> {
        if order <= Self::MAX.order() {
            Some(Self { order: order as u8 })
        } else {
            None
        }
    }

    /// A ring of that many pages; none if it is no power of two or too large.
    pub const fn from_pages(pages: u32) -> Option<Self> {
        if pages.is_power_of_two() {
            Self::from_order(pages.trailing_zeros())
        } else {
            None
        }
    }

    /// The number of pages.
    pub const fn pages(self) -> u32 {
        // The order is at most 4.
        1_u32.wrapping_shl(self.order as u32)
    }

    /// The power of two that is the number of pages.
    pub const fn order(self) -> u32 {
        self.order as u32
    }

    /// What a backend offers, in both schemes, cut down to what can be used.
    pub(super) fn read_offer<N: Nodes + ?Sized>(nodes: &mut N) -> Result<Self, Error<N::Error>> {
        let order = optional(nodes, Node::new(names::MAX_RING_PAGE_ORDER), |value| {
            Ok(Self::from_order(number(value)?).unwrap_or(Self::MAX))
        })?;
        let pages = optional(nodes, Node::new(names::MAX_RING_PAGES), |value| {
            let pages = number(value)?;
            check_power_of_two(pages)?;
            Ok(Self::from_pages(pages).unwrap_or(Self::MAX))
        })?;
        // The header makes the larger of the two the limit.
        Ok(order.max(pages).unwrap_or(Self::ONE))
    }

    /// What a frontend chose, in either scheme; none if it wrote neither.
    pub(super) fn read_choice<N: Nodes + ?Sized>(
        nodes: &mut N,
        limit: Self,
    ) -> Result<Option<Self>, Error<N::Error>> {
        let too_large = |max: u32| Fault::Number(DecimalFault::TooLarge { max: max.into() });
        let order = optional(nodes, Node::new(names::RING_PAGE_ORDER), |value| {
            Self::from_order(number(value)?)
                .filter(|ring| *ring <= limit)
                .ok_or(too_large(limit.order()))
        })?;
        let pages = optional(nodes, Node::new(names::NUM_RING_PAGES), |value| {
            let pages = number(value)?;
            check_power_of_two(pages)?;
            let ring = Self::from_pages(pages)
                .filter(|ring| *ring <= limit)
                .ok_or(too_large(limit.pages()))?;
            match order {
                Some(order) if order != ring => Err(Fault::Contradicts {
                    other: names::RING_PAGE_ORDER,
                }),
                _ => Ok(ring),
            }
        })?;
        Ok(order.or(pages))
    }
}

fn check_power_of_two(pages: u32) -> Result<(), Fault> {
    match pages {
        0 => Err(Fault::TooSmall { min: 1 }),
        _ if !pages.is_power_of_two() => Err(Fault::NotPowerOfTwo),
        _ => Ok(()),
    }
}

/// The grants of a ring's pages, in the order in which the pages make up the ring.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RingRefs {
    refs: [GrantRef; Self::CAPACITY],
    pages: RingPages,
}

impl RingRefs {
    /// The most pages.
    pub const CAPACITY: usize = RingPages::MAX.pages() as usize;

    /// The grants of a ring; none if no ring has that many pages.
    pub fn new(grants: &[GrantRef]) -> Option<Self> {
        let pages = RingPages::from_pages(u32::try_from(grants.len()).ok()?)?;
        let mut refs = [GrantRef::new(0); Self::CAPACITY];
        for (to, from) in refs.iter_mut().zip(grants) {
            *to = *from;
        }
        Some(Self { refs, pages })
    }

    /// The grants, as many as the ring has pages.
    pub fn as_slice(&self) -> &[GrantRef] {
        let pages = self.pages.pages() as usize;
        self.refs.get(..pages).unwrap_or(&self.refs)
    }

    /// How many pages the ring has.
    pub const fn pages(&self) -> RingPages {
        self.pages
    }

    /// Reads the grants of a ring whose nodes are those that `place` gives.
    ///
    /// With one page the header says `ring-ref`, but Linux and QEMU look for `ring-ref0` once one of the nodes
    /// with the number of pages is there (`counted`). Either is taken then, and not two that differ.
    pub(super) fn read<N: Nodes + ?Sized>(
        nodes: &mut N,
        pages: RingPages,
        counted: bool,
        place: impl Fn(Node) -> Node,
    ) -> Result<Self, Error<N::Error>> {
        let sole = place(Node::new(names::RING_REF));
        let mut grant = |node| optional(nodes, node, |value| number(value).map(GrantRef::new));
        let missing = |node| ValueError::without_value(node, Fault::Missing);

        let mut refs = [GrantRef::new(0); Self::CAPACITY];
        if pages == RingPages::ONE {
            let first = if counted {
                grant(sole.of_page(0))?
            } else {
                None
            };
            let only = grant(sole)?;
            if let (Some(first), Some(only)) = (first, only) {
                if first != only {
                    let other = names::RING_REF;
                    let fault = Fault::Contradicts { other };
                    let value = Excerpt::printed(&first);
                    return Err(ValueError::new(sole.of_page(0), value, fault).into());
                }
            }
            let only = first.or(only).ok_or(missing(sole))?;
            if let Some(place) = refs.first_mut() {
                *place = only;
            }
        } else {
            for (page, place) in (0..pages.pages()).zip(&mut refs) {
                let node = sole.of_page(page);
                *place = grant(node)?.ok_or(missing(node))?;
            }
        }
        Ok(Self { refs, pages })
    }
}

impl fmt::Debug for RingRefs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}

/// What makes one ring reachable: written by the frontend, for each queue once, read by the backend.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Queue {
    /// The port in the frontend's domain that the backend is to bind to. Never 0.
    pub event_channel: EvtchnPort,
    /// The ring's pages.
    pub ring: RingRefs,
}
