//! The result word of PV SCSI responses (`xen/include/public/io/vscsiif.h`).
//!
//! A backend answers a SCSI command with `vscsiif_response.rslt`: bits 0 to 7 are the status that the
//! device gave, bits 16 to 23 what became of the command on the way to it. The backend writes the word, the
//! frontend takes it apart with these functions. The results of reset operations
//! (`XEN_VSCSIIF_RSLT_RESET_*`) are whole words and are not taken apart.

/// The SCSI status of the device, as SCSI numbers it; 0 is good.
#[doc(alias = "XEN_VSCSIIF_RSLT_STATUS")]
pub const fn xen_vscsiif_rslt_status(rslt: i32) -> u8 {
    rslt as u8
}

/// What became of the command on the backend's host: one of the `XEN_VSCSIIF_RSLT_HOST_*`, or a number
/// that these headers do not know.
///
/// ```
/// use xen_public::abi::x86_64::io::vscsiif::XEN_VSCSIIF_RSLT_HOST_BUS_BUSY;
/// use xen_public::io::vscsiif::{xen_vscsiif_rslt_host, xen_vscsiif_rslt_status};
/// let rslt = 0x0002_0008;
/// assert_eq!(i32::from(xen_vscsiif_rslt_host(rslt)), XEN_VSCSIIF_RSLT_HOST_BUS_BUSY);
/// assert_eq!(xen_vscsiif_rslt_status(rslt), 8);
/// ```
#[doc(alias = "XEN_VSCSIIF_RSLT_HOST")]
pub const fn xen_vscsiif_rslt_host(rslt: i32) -> u8 {
    (rslt >> 16) as u8
}
