//! Messages that hold unions.
//!
//! A request is often a few common fields and a union of what each operation adds. Written as a value
//! of the generated structure, such a request has bytes that nobody set: those of the union beyond the
//! member that was written. They would be whatever our memory held before, and the page would carry them
//! to the other domain. So these protocols' rings carry a [`Message`]: the same bytes, all of them
//! initialised from the start, and set and read field by field.
#![allow(unsafe_code)]

use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;

use super::types::{AnyBytes, Plain};

/// The bytes of a `T`, every one of which is initialised.
///
/// It begins [zeroed](Self::zeroed) or comes from a ring. Fields are named by [`field!`](super::field),
/// through unions too, and the compiler knows their types and places:
///
/// ```
/// use xen_abi::ring::{Message, field};
/// use xen_public::abi::x86_64::io::displif::{XENDISPL_OP_PG_FLIP, xendispl_req};
///
/// let request = Message::<xendispl_req>::zeroed()
///     .with(field!(xendispl_req, id), 7)
///     .with(field!(xendispl_req, operation), XENDISPL_OP_PG_FLIP as u8)
///     .with(field!(xendispl_req, op.pg_flip.fb_cookie), 0x1234);
/// assert_eq!(request.at(field!(xendispl_req, op.pg_flip.fb_cookie)), 0x1234);
/// // What the other members of the union have beyond that is zero, not a remnant of something.
/// assert_eq!(request.at(field!(xendispl_req, op.reserved))[8..], [0; 48]);
/// ```
///
/// Reading a member that the operation does not have gives bytes of another one: wrong, but as valid
/// as all that comes from the other end.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Message<T: AnyBytes> {
    /// All bytes are initialised. They stay so when the message is copied: such a copy keeps every
    /// byte that some member of `T` covers, and by the contract of `AnyBytes` those are all.
    bytes: MaybeUninit<T>,
}

// SAFETY: a message has the layout of `T`, of whose bytes none is padding, and any bytes are a message.
unsafe impl<T: AnyBytes> AnyBytes for Message<T> {}
// SAFETY: as above, and the bytes of each message are all initialised.
unsafe impl<T: AnyBytes> Plain for Message<T> {}

impl<T: AnyBytes> Message<T> {
    /// A message of zeros.
    #[inline]
    pub const fn zeroed() -> Self {
        Self {
            bytes: MaybeUninit::zeroed(),
        }
    }

    /// The whole as the structure of C. Reading a union in it takes `unsafe`, which
    /// [`at`](Self::at) does not.
    #[inline]
    pub const fn get(&self) -> T {
        // SAFETY: all bytes are initialised, and any such bytes are a value of the type.
        unsafe { self.bytes.assume_init() }
    }

    /// What a field holds.
    #[inline]
    pub const fn at<F: AnyBytes>(&self, field: Field<T, F>) -> F {
        let whole = self.bytes.as_ptr().cast::<u8>();
        // SAFETY: a field lies in `T`.
        let place = unsafe { whole.add(field.offset) };
        // SAFETY: the whole field lies in `T`, where all bytes are initialised, and any such bytes are
        // a value of the field's type.
        unsafe { place.cast::<F>().read_unaligned() }
    }

    /// The same with a field set: for writing a message in one expression.
    #[inline]
    #[must_use = "the message itself is not changed"]
    pub const fn with<F: Plain>(mut self, field: Field<T, F>, value: F) -> Self {
        self.set(field, value);
        self
    }

    /// Sets a field.
    #[inline]
    pub const fn set<F: Plain>(&mut self, field: Field<T, F>, value: F) {
        let whole = self.bytes.as_mut_ptr().cast::<u8>();
        // SAFETY: a field lies in `T`.
        let place = unsafe { whole.add(field.offset) };
        // SAFETY: the whole field lies in `T`, and a plain value has no byte that is not initialised.
        unsafe { place.cast::<F>().write_unaligned(value) };
    }

    /// The bytes as they stand in the ring.
    #[inline]
    pub const fn as_bytes(&self) -> &[u8] {
        let bytes = self.bytes.as_ptr().cast::<u8>();
        // SAFETY: these are the bytes of `self`, all initialised, and they don't change while it is
        // borrowed.
        unsafe { core::slice::from_raw_parts(bytes, size_of::<T>()) }
    }
}

impl<T: AnyBytes> Default for Message<T> {
    fn default() -> Self {
        Self::zeroed()
    }
}

impl<T: Plain> From<T> for Message<T> {
    /// A plain value's bytes are all initialised.
    fn from(value: T) -> Self {
        Self {
            bytes: MaybeUninit::new(value),
        }
    }
}

impl<T: AnyBytes> PartialEq for Message<T> {
    /// Whether all bytes are the same, reserved ones included.
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl<T: AnyBytes> Eq for Message<T> {}

impl<T: AnyBytes> fmt::Debug for Message<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({:02x?})", self.as_bytes())
    }
}

/// The place and the type of a field of `T`, made by [`field!`](super::field).
pub struct Field<T, F> {
    /// Where it begins; the whole of it lies in `T`.
    offset: usize,
    types: PhantomData<fn(T) -> F>,
}

impl<T, F> Field<T, F> {
    /// The field at `offset`, or nothing if it does not lie in `T`. [`field!`](super::field) is the
    /// way to get the offset right; this is for what has no name, such as the elements that follow a
    /// structure with an open end.
    ///
    /// The assignment is never made: it is where the compiler finds the field's type.
    pub const fn new(offset: usize, _assignment: fn(&mut T, F)) -> Option<Self> {
        if offset > size_of::<T>() || size_of::<F>() > size_of::<T>() - offset {
            return None;
        }
        Some(Self {
            offset,
            types: PhantomData,
        })
    }

    /// Where the field begins, in bytes from the beginning of `T`.
    pub const fn offset(self) -> usize {
        self.offset
    }
}

impl<T, F> Copy for Field<T, F> {}
impl<T, F> Clone for Field<T, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, F> fmt::Debug for Field<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (offset, size) = (self.offset, size_of::<F>());
        write!(f, "Field({size} bytes at {offset})")
    }
}

/// The field of a structure, for [`Message`]: `field!(xendispl_req, op.pg_flip.fb_cookie)`.
///
/// Its offset and its type come from the structure, at compile time.
#[doc(hidden)]
#[macro_export]
macro_rules! __xen_abi_ring_field {
    ($type:ty, $($path:tt)+) => {
        const {
            let assignment = |whole: &mut $type, value| whole.$($path)+ = value;
            match $crate::ring::Field::<$type, _>::new(
                ::core::mem::offset_of!($type, $($path)+),
                assignment,
            ) {
                ::core::option::Option::Some(field) => field,
                ::core::option::Option::None => ::core::panic!("a field beyond its structure"),
            }
        }
    };
}
