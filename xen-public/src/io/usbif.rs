//! The pipe word of PV USB requests (`xen/include/public/io/usbif.h`).
//!
//! A frontend says with 32 bits where a USB request goes and what kind of transfer it is:
//!
//! | bits | meaning |
//! |---|---|
//! | 0 to 4 | port of the virtual hub, 1 to 31 |
//! | 5 | 1: cancel an earlier request; 0: a new one |
//! | 7 | 1: data flows from the device; 0: towards it |
//! | 8 to 14 | the device's address |
//! | 15 to 18 | its endpoint |
//! | 30, 31 | isochronous, interrupt, control or bulk |
//!
//! It stands in `usbif_urb_request.pipe`. The frontend writes it; a backend takes it apart with these
//! functions. Each is defined for every word, also for one that a hostile frontend made up: the parts are
//! masked to the widths above, and whether there is such a port, device or endpoint is the backend's to
//! check.

use crate::abi::x86_64::io::usbif as c;

const UNLINK: u32 = c::USBIF_PIPE_UNLINK as u32;

/// The port of the virtual hub: 0 to 31, of which 0 is no port.
///
/// ```
/// use xen_public::io::usbif::*;
/// // Bulk, from endpoint 2 of device 5 at port 3.
/// let pipe = 0xc001_0583;
/// assert_eq!(usbif_pipeportnum(pipe), 3);
/// assert_eq!((usbif_pipedevice(pipe), usbif_pipeendpoint(pipe)), (5, 2));
/// assert!(usbif_pipebulk(pipe) && usbif_pipein(pipe) && usbif_pipesubmit(pipe));
/// ```
pub const fn usbif_pipeportnum(pipe: u32) -> u32 {
    pipe & c::USBIF_PIPE_PORT_MASK as u32
}

/// The word with the bits of `portnum` (1 to 31) set. A port that the word had before stays mixed in, and a
/// larger number runs into the other bits, as they do in C.
#[must_use]
pub const fn usbif_setportnum_pipe(pipe: u32, portnum: u32) -> u32 {
    pipe | portnum
}

/// Whether the request cancels an earlier one.
pub const fn usbif_pipeunlink(pipe: u32) -> bool {
    pipe & UNLINK != 0
}

/// Whether the request is a new one: not [`usbif_pipeunlink`].
pub const fn usbif_pipesubmit(pipe: u32) -> bool {
    !usbif_pipeunlink(pipe)
}

/// The word as one that cancels.
#[must_use]
pub const fn usbif_setunlink_pipe(pipe: u32) -> u32 {
    pipe | UNLINK
}

/// Whether data flows from the device to the guest.
pub const fn usbif_pipein(pipe: u32) -> bool {
    pipe & c::USBIF_PIPE_DIR as u32 != 0
}

/// Whether data flows from the guest to the device: not [`usbif_pipein`].
pub const fn usbif_pipeout(pipe: u32) -> bool {
    !usbif_pipein(pipe)
}

/// The address of the device, 0 to 127.
pub const fn usbif_pipedevice(pipe: u32) -> u32 {
    pipe >> c::USBIF_PIPE_DEV_SHIFT & c::USBIF_PIPE_DEV_MASK as u32
}

/// The endpoint of the device, 0 to 15.
pub const fn usbif_pipeendpoint(pipe: u32) -> u32 {
    pipe >> c::USBIF_PIPE_EP_SHIFT & c::USBIF_PIPE_EP_MASK as u32
}

/// The kind of transfer, 0 to 3: one of the `USBIF_PIPE_TYPE_*`.
pub const fn usbif_pipetype(pipe: u32) -> u32 {
    pipe >> c::USBIF_PIPE_TYPE_SHIFT & c::USBIF_PIPE_TYPE_MASK as u32
}

/// Whether the transfer is isochronous.
pub const fn usbif_pipeisoc(pipe: u32) -> bool {
    usbif_pipetype(pipe) == c::USBIF_PIPE_TYPE_ISOC as u32
}

/// Whether it is an interrupt transfer.
pub const fn usbif_pipeint(pipe: u32) -> bool {
    usbif_pipetype(pipe) == c::USBIF_PIPE_TYPE_INT as u32
}

/// Whether it is a control transfer.
pub const fn usbif_pipectrl(pipe: u32) -> bool {
    usbif_pipetype(pipe) == c::USBIF_PIPE_TYPE_CTRL as u32
}

/// Whether it is a bulk transfer.
pub const fn usbif_pipebulk(pipe: u32) -> bool {
    usbif_pipetype(pipe) == c::USBIF_PIPE_TYPE_BULK as u32
}
