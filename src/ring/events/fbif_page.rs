//! The head of a framebuffer's page: what the screen is like and where its memory lies.
#![allow(unsafe_code)]

use xen_public::abi::{x86_32, x86_64};

use super::{EVENT_PAGE_BYTES, checked};
use crate::ring::error::AttachError;
use crate::ring::memory::{SharedMemory, join, split};

/// What a framebuffer is like, as the frontend says. None of it is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Screen {
    /// Width in pixels.
    pub width: i32,
    /// Height in pixels.
    pub height: i32,
    /// From a row to the next, in bytes.
    pub line_length: u32,
    /// Length of the framebuffer in bytes.
    pub mem_length: u32,
    /// Bits of a pixel.
    pub depth: u8,
}

/// How wide the entries of the page directory are, which C leaves to the frontend's `unsigned long`.
///
/// The `protocol` node of the frontend tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directory {
    /// 32 bits: x86_32 and arm32.
    Bits32,
    /// 64 bits: x86_64 and arm64.
    Bits64,
}

impl Directory {
    /// Where the first entry lies.
    const fn offset(self) -> usize {
        match self {
            Self::Bits32 => core::mem::offset_of!(x86_32::io::fbif::xenfb_page, pd),
            Self::Bits64 => core::mem::offset_of!(x86_64::io::fbif::xenfb_page, pd),
        }
    }

    /// The size of an entry in bytes.
    const fn bytes(self) -> usize {
        match self {
            Self::Bits32 => 4,
            Self::Bits64 => 8,
        }
    }

    /// The number of entries that can be used: 247 or 123.
    ///
    /// C's structure has 256, but the slots of the events begin before they end.
    #[allow(clippy::len_without_is_empty)] // It is never empty.
    pub const fn len(self) -> usize {
        (x86_64::io::fbif::XENFB_IN_RING_OFFS as usize - self.offset()) / self.bytes()
    }
}

/// The head of a framebuffer's page. The frontend writes it before it connects, the backend reads it.
///
/// The events of the page go through ends of their own, made of [`memory`](Self::memory):
///
/// ```
/// # use core::ptr::NonNull;
/// use xen_abi::ring::events::{Directory, EventProducer, FbifOut, FbifPage, Screen};
/// # use xen_abi::ring::Mapping;
///
/// # #[repr(align(4096))]
/// # struct Page([u8; 4096]);
/// # let mut page = Page([0; 4096]);
/// # // SAFETY: the page lives longer than the mapping, and is touched only through it.
/// # let memory = unsafe { Mapping::new(NonNull::from(&mut page).cast(), 4096) }?;
/// let page = FbifPage::new(memory)?;
/// let screen = Screen {
///     width: 640,
///     height: 480,
///     line_length: 640 * 4,
///     mem_length: 640 * 4 * 480,
///     depth: 32,
/// };
/// page.set_screen(&screen);
/// assert!(page.set_directory(Directory::Bits64, 0, 0x12345));
/// let updates = EventProducer::<FbifOut, _>::attach(page.memory());
/// let mut updates = updates.map_err(|error| error.reason)?;
///
/// // The backend reads:
/// assert_eq!(page.screen(), screen);
/// assert_eq!(page.directory(Directory::Bits64, 0), Some(0x12345));
/// assert_eq!(page.directory(Directory::Bits64, 123), None);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
///
/// Header: `xen/include/public/io/fbif.h` (`struct xenfb_page`).
#[derive(Debug)]
#[doc(alias = "xenfb_page")]
pub struct FbifPage<M> {
    /// At least `EVENT_PAGE_BYTES` long.
    memory: M,
}

/// Where the screen's fields lie: the same in all ABIs, and each in a word of 32 bits.
const WIDTH: usize = core::mem::offset_of!(x86_64::io::fbif::xenfb_page, width);
const HEIGHT: usize = core::mem::offset_of!(x86_64::io::fbif::xenfb_page, height);
const LINE_LENGTH: usize = core::mem::offset_of!(x86_64::io::fbif::xenfb_page, line_length);
const MEM_LENGTH: usize = core::mem::offset_of!(x86_64::io::fbif::xenfb_page, mem_length);
const DEPTH: usize = core::mem::offset_of!(x86_64::io::fbif::xenfb_page, depth);
const _: () = assert!(Directory::Bits32.offset() == DEPTH + 4);
const _: () = assert!(Directory::Bits64.offset() % 4 == 0 && EVENT_PAGE_BYTES > DEPTH + 4);

impl<M: SharedMemory> FbifPage<M> {
    /// Takes a page. The frontend takes a zeroed one.
    ///
    /// # Errors
    ///
    /// [`AttachError`] with the memory, if that is smaller than a page.
    pub fn new(memory: M) -> Result<Self, AttachError<M>> {
        let memory = checked(memory)?;
        Ok(Self { memory })
    }

    /// The memory, of which the ends of the page's events can be made.
    pub fn memory(&self) -> &M {
        &self.memory
    }

    /// The memory, given back.
    pub fn into_memory(self) -> M {
        self.memory
    }

    /// Loads a word of the head, which ends where the events begin.
    fn load(&self, offset: usize) -> u32 {
        // SAFETY: all callers stay below the slots, which lie in the page, at multiples of 4; the
        // memory is a page (`new`).
        unsafe { self.memory.load_u32(offset) }
    }

    /// Stores a word of the head.
    fn store(&self, offset: usize, value: u32) {
        // SAFETY: as in `load`.
        unsafe { self.memory.store_u32(offset, value) };
    }

    /// What the frontend says of its screen, each field loaded once.
    pub fn screen(&self) -> Screen {
        let [depth, ..] = self.load(DEPTH).to_ne_bytes();
        Screen {
            width: self.load(WIDTH) as i32,
            height: self.load(HEIGHT) as i32,
            line_length: self.load(LINE_LENGTH),
            mem_length: self.load(MEM_LENGTH),
            depth,
        }
    }

    /// Says what the screen is like.
    pub fn set_screen(&self, screen: &Screen) {
        self.store(WIDTH, screen.width as u32);
        self.store(HEIGHT, screen.height as u32);
        self.store(LINE_LENGTH, screen.line_length);
        self.store(MEM_LENGTH, screen.mem_length);
        self.store(DEPTH, u32::from_ne_bytes([screen.depth, 0, 0, 0]));
    }

    /// An entry of the page directory: a page with the frame numbers of the framebuffer's pages.
    /// Nothing if there is no such entry. Entries of 64 bits are loaded in two halves.
    pub fn directory(&self, directory: Directory, entry: usize) -> Option<u64> {
        if entry >= directory.len() {
            return None;
        }
        let offset = directory.offset() + entry * directory.bytes();
        let first = self.load(offset);
        Some(match directory {
            Directory::Bits32 => first.into(),
            Directory::Bits64 => join([first, self.load(offset + 4)]),
        })
    }

    /// Sets an entry of the page directory. False, and nothing is stored, if there is no such entry or
    /// if the value is too wide for it.
    #[must_use]
    pub fn set_directory(&self, directory: Directory, entry: usize, frame: u64) -> bool {
        if entry >= directory.len() {
            return false;
        }
        let offset = directory.offset() + entry * directory.bytes();
        match directory {
            Directory::Bits32 => match u32::try_from(frame) {
                Ok(frame) => self.store(offset, frame),
                Err(_) => return false,
            },
            Directory::Bits64 => {
                let [first, second] = split(frame);
                self.store(offset, first);
                self.store(offset + 4, second);
            }
        }
        true
    }
}
