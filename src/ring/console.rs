//! The PV console's ring: 1024 bytes of input to a guest and 2048 bytes of its output.
//!
//! Both are in one page, which the toolstack makes and zeroes. A PV guest finds its frame in
//! `start_info`, an HVM guest in the parameter `HVM_PARAM_CONSOLE_PFN`, and each further console's in
//! xenstore. The guest is the [`Front`]: it writes `out` and reads `in`. The console daemon is the [`Back`].
//! Whoever changed an index notifies the other end; what comes back says so.
//!
//! Indices need not start at zero: whoever was there before, a bootloader say, may have used the ring. Both
//! ends go on from what is in the page.
//!
//! Header: `xen/include/public/io/console.h`.

use core::mem::offset_of;

use xen_public::abi::x86_64::io::console::xencons_interface;

use super::bytes::{Areas, Connection, Place, halves};
pub use super::bytes::{AttachError, Corrupt, Moved, PacketError, Reader, Writer};
use super::memory::SharedMemory;

/// Bytes of input that the ring holds.
pub const IN_SIZE: usize = offset_of!(xencons_interface, out);
/// Bytes of output that the ring holds.
pub const OUT_SIZE: usize = offset_of!(xencons_interface, in_cons) - IN_SIZE;

const IN: Place = Place {
    cons: offset_of!(xencons_interface, in_cons),
    prod: offset_of!(xencons_interface, in_prod),
    area: 0,
    data: offset_of!(xencons_interface, r#in),
    size: IN_SIZE as u32,
};

const OUT: Place = Place {
    cons: offset_of!(xencons_interface, out_cons),
    prod: offset_of!(xencons_interface, out_prod),
    area: 0,
    data: offset_of!(xencons_interface, out),
    size: OUT_SIZE as u32,
};

/// The page, as the core has memories.
fn areas<M>(page: M) -> Areas<M> {
    Areas {
        page,
        others: [None, None],
    }
}

/// The guest's end: reads `in` and writes `out`.
///
/// ```
/// # use core::ptr::NonNull;
/// use xen_abi::ring::{Mapping, console};
///
/// # #[repr(align(4096))]
/// # struct Page([u8; 4096]);
/// # let mut page = Page([0; 4096]);
/// # let base = NonNull::from(&mut page).cast();
/// # // SAFETY: the page outlives the rings and is touched only through mappings.
/// # let ours = unsafe { Mapping::new(base, 4096) }?;
/// # // SAFETY: as above.
/// # let theirs = unsafe { Mapping::new(base, 4096) }?;
/// let mut guest = console::Front::attach(ours)?;
/// let moved = guest.writer().write(b"Hello\n")?;
/// assert_eq!(moved.bytes, 6);
/// assert!(moved.notify.is_needed()); // now send an event to the console's port
///
/// let mut daemon = console::Back::attach(theirs)?;
/// let mut line = [0; 80];
/// assert_eq!(daemon.reader().read(&mut line)?.bytes, 6);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
///
/// Header: `xen/include/public/io/console.h` (`struct xencons_interface`).
#[doc(alias = "xencons_interface")]
#[derive(Debug)]
pub struct Front<M> {
    connection: Connection<M>,
}

impl<M: SharedMemory> Front<M> {
    /// Attaches to the ring in a page.
    ///
    /// # Errors
    ///
    /// [`AttachError`] if the page is too short or the indices can't be right.
    pub fn attach(page: M) -> Result<Self, AttachError> {
        let connection = Connection::attach(areas(page), IN, OUT)?;
        Ok(Self { connection })
    }

    halves!("in", "out");

    /// Lets go of the ring and gives back the page.
    pub fn into_memory(self) -> M {
        self.connection.into_areas().page
    }
}

/// The console daemon's end: reads `out` and writes `in`.
#[doc(alias = "xencons_interface")]
#[derive(Debug)]
pub struct Back<M> {
    connection: Connection<M>,
}

impl<M: SharedMemory> Back<M> {
    /// Makes an empty ring in a page. The guest must not be using it yet.
    ///
    /// # Errors
    ///
    /// [`AttachError`] if the page is too short.
    pub fn init(page: M) -> Result<Self, AttachError> {
        let connection = Connection::init(areas(page), OUT, IN)?;
        Ok(Self { connection })
    }

    /// Attaches to the ring in a page.
    ///
    /// # Errors
    ///
    /// [`AttachError`] if the page is too short or the indices can't be right.
    pub fn attach(page: M) -> Result<Self, AttachError> {
        let connection = Connection::attach(areas(page), OUT, IN)?;
        Ok(Self { connection })
    }

    halves!("out", "in");

    /// Lets go of the ring and gives back the page.
    pub fn into_memory(self) -> M {
        self.connection.into_areas().page
    }
}
