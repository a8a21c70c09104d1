//! The rings of Xen's protocols: which messages each carries.
//!
//! A kind is a name for the compiler only; there are no values of it. Where a protocol's messages
//! are laid out alike in all ABIs there is one kind, which the compiler holds against all of them.
//! blkif differs on x86_32, so it has a kind for each layout; Arm's is that of x86_64.
//!
//! Messages without a union are the generated structures. Those with one travel as [`Message`], which
//! has no byte that nobody set.
#![allow(unsafe_code)]

use xen_public::abi::{arm32, arm64, x86_32, x86_64};

use x86_32::io::blkif as blkif_x86_32;
use x86_64::io::{blkif, cameraif, displif, fsif, netif, pvcalls, sndif, usbif, vscsiif};

use super::message::Message;
use super::types::{ExtraRequest, ExtraResponse, HEADER_BYTES, RingTypes, generated, slot_bytes};

#[cfg(feature = "toolstack")]
mod vm_event;
#[cfg(all(test, feature = "toolstack"))]
pub(super) use vm_event::GENERATED_VM_EVENT;
#[cfg(feature = "toolstack")]
pub use vm_event::{VmEventV4_14, VmEventV4_17, VmEventV4_20};

/// Declares a kind of ring by its messages and by C's structure of the shared ring, which the compiler
/// holds against what the ring code computes, in each ABI.
macro_rules! kind {
    (
        $(#[$attribute:meta])*
        $name:ident { $request:ty, $response:ty }
        $sring:ident [$entry:ident] of $($($module:ident)::+),+
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug)]
        #[allow(clippy::module_name_repetitions)]
        pub enum $name {}

        impl RingTypes for $name {
            type Request = $request;
            type Response = $response;
        }

        const _: () = {
            $(
                assert!(slot_bytes::<$name>() == size_of::<$($module)::+::$entry>());
                assert!(HEADER_BYTES == core::mem::offset_of!($($module)::+::$sring, ring));
            )+
        };
    };
}
#[cfg(feature = "toolstack")]
use kind;

generated! {
    GENERATED:
    blkif {
        plain: blkif_request blkif_response;
        with_union: ;
    }
    blkif_x86_32 {
        plain: blkif_request blkif_response;
        with_union: ;
    }
    netif {
        plain: netif_tx_request netif_tx_response netif_rx_request netif_rx_response
            xen_netif_ctrl_request xen_netif_ctrl_response
            netif_extra_info_u_gso netif_extra_info_u_mcast netif_extra_info_u_hash;
        with_union: netif_extra_info netif_extra_info_u;
    }
    vscsiif {
        plain: vscsiif_request vscsiif_response;
        with_union: ;
    }
    usbif {
        plain: usbif_conn_request usbif_conn_response usbif_urb_response usbif_request_segment
            usbif_urb_request_u_isoc usbif_urb_request_u_intr usbif_urb_request_u_unlink;
        with_union: usbif_urb_request usbif_urb_request_u;
    }
    pvcalls {
        plain: xen_pvcalls_socket xen_pvcalls_connect xen_pvcalls_release xen_pvcalls_bind
            xen_pvcalls_listen xen_pvcalls_accept xen_pvcalls_poll xen_pvcalls_dummy
            _xen_pvcalls_socket _xen_pvcalls_connect _xen_pvcalls_release _xen_pvcalls_bind
            _xen_pvcalls_listen _xen_pvcalls_accept _xen_pvcalls_poll _xen_pvcalls_dummy;
        with_union: xen_pvcalls_request xen_pvcalls_request_u
            xen_pvcalls_response xen_pvcalls_response_u;
    }
    displif {
        plain: xendispl_dbuf_create_req xendispl_dbuf_destroy_req xendispl_fb_attach_req
            xendispl_fb_detach_req xendispl_set_config_req xendispl_page_flip_req
            xendispl_get_edid_req xendispl_get_edid_resp xendispl_pg_flip_evt;
        with_union: xendispl_req xendispl_req_op xendispl_resp xendispl_resp_op
            xendispl_evt xendispl_evt_op;
    }
    sndif {
        plain: xensnd_open_req xensnd_rw_req xensnd_trigger_req xensnd_query_hw_param
            xensnd_query_hw_param_rates xensnd_query_hw_param_channels
            xensnd_query_hw_param_buffer xensnd_query_hw_param_period xensnd_cur_pos_evt;
        with_union: xensnd_req xensnd_req_op xensnd_resp xensnd_resp_resp
            xensnd_evt xensnd_evt_op;
    }
    cameraif {
        plain: xencamera_config_req xencamera_frame_rate_req xencamera_buf_request
            xencamera_buf_create_req xencamera_index xencamera_ctrl_value xencamera_get_ctrl_req
            xencamera_config_resp xencamera_buf_get_layout_resp xencamera_ctrl_enum_resp
            xencamera_frame_avail_evt;
        with_union: xencamera_req xencamera_req_req xencamera_resp xencamera_resp_resp
            xencamera_evt xencamera_evt_evt;
    }
    fsif {
        plain: fsif_open_request fsif_close_request fsif_read_request fsif_write_request
            fsif_stat_request fsif_stat_response fsif_truncate_request fsif_remove_request
            fsif_rename_request fsif_create_request fsif_list_request fsif_chmod_request
            fsif_space_request fsif_sync_request;
        with_union: fsif_request fsif_request_u fsif_response fsif_response_u fsif_sring_entry;
    }
}

kind! {
    /// A block device whose frontend has x86_64's layout, or Arm's, which is the same: slots of 112
    /// bytes, 32 to a page.
    ///
    /// Header: `xen/include/public/io/blkif.h`. See [`blkif`](crate::blkif) for what is in the slots.
    #[doc(alias = "blkif_sring")]
    BlkifX86_64 { blkif::blkif_request, blkif::blkif_response }
    blkif_sring [blkif_sring_entry] of x86_64::io::blkif, arm32::io::blkif, arm64::io::blkif
}

kind! {
    /// A block device whose frontend has x86_32's layout: slots of 108 bytes, 32 to a page.
    ///
    /// Header: `xen/include/public/io/blkif.h`. See [`blkif`](crate::blkif) for what is in the slots.
    #[doc(alias = "blkif_sring")]
    BlkifX86_32 { blkif_x86_32::blkif_request, blkif_x86_32::blkif_response }
    blkif_sring [blkif_sring_entry] of x86_32::io::blkif
}

kind! {
    /// A network device's packets to send. Extra information takes a slot of its own, after the
    /// request that announces it by `NETTXF_extra_info`:
    /// [`put_extra`](super::FrontRing::put_extra) and [`take_extra`](super::BackRing::take_extra),
    /// as long as one has the flag `XEN_NETIF_EXTRA_FLAG_MORE`.
    ///
    /// ```
    /// # use core::ptr::NonNull;
    /// use xen_abi::ring::{BackRing, FrontRing, Mapping, Message, field, kinds::NetifTx};
    /// use xen_public::abi::x86_64::io::netif::*;
    ///
    /// # #[repr(align(4096))]
    /// # struct Page([u8; 4096]);
    /// # let mut page = Page([0; 4096]);
    /// # let base = NonNull::from(&mut page).cast();
    /// # // SAFETY: the page lives longer than the rings, and is touched only through mappings.
    /// # let ours = unsafe { Mapping::new(base, 4096) }?;
    /// # // SAFETY: as above.
    /// # let theirs = unsafe { Mapping::new(base, 4096) }?;
    /// # let mut front = FrontRing::<NetifTx, _>::init(ours)?;
    /// # let mut back = BackRing::<NetifTx, _>::attach(theirs, 0)?;
    /// let extra_info = NETTXF_extra_info as u16;
    /// front.put(&netif_tx_request { flags: extra_info, size: 1500, ..netif_tx_request::ZERO })?;
    /// front.put_extra(
    ///     &Message::<netif_extra_info>::zeroed()
    ///         .with(field!(netif_extra_info, r#type), XEN_NETIF_EXTRA_TYPE_GSO as u8)
    ///         .with(field!(netif_extra_info, u.gso.size), 1448),
    /// )?;
    /// front.push();
    ///
    /// let request = back.take()?.unwrap();
    /// if request.flags & extra_info != 0 {
    ///     let extra = back.take_extra::<Message<netif_extra_info>>()?.unwrap();
    ///     assert_eq!(extra.at(field!(netif_extra_info, u.gso.size)), 1448);
    /// }
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    ///
    /// Header: `xen/include/public/io/netif.h`.
    #[doc(alias = "netif_tx_sring")]
    NetifTx { netif::netif_tx_request, netif::netif_tx_response }
    netif_tx_sring [netif_tx_sring_entry]
    of x86_64::io::netif, x86_32::io::netif, arm32::io::netif, arm64::io::netif
}

impl ExtraRequest<Message<netif::netif_extra_info>> for NetifTx {}

kind! {
    /// A network device's buffers to receive into. Extra information takes a slot of its own, after
    /// the response that announces it by `NETRXF_extra_info`.
    ///
    /// Header: `xen/include/public/io/netif.h`.
    #[doc(alias = "netif_rx_sring")]
    NetifRx { netif::netif_rx_request, netif::netif_rx_response }
    netif_rx_sring [netif_rx_sring_entry]
    of x86_64::io::netif, x86_32::io::netif, arm32::io::netif, arm64::io::netif
}

impl ExtraResponse<Message<netif::netif_extra_info>> for NetifRx {}

kind! {
    /// A network device's control messages.
    ///
    /// Header: `xen/include/public/io/netif.h`.
    #[doc(alias = "xen_netif_ctrl_sring")]
    NetifCtrl { netif::xen_netif_ctrl_request, netif::xen_netif_ctrl_response }
    xen_netif_ctrl_sring [xen_netif_ctrl_sring_entry]
    of x86_64::io::netif, x86_32::io::netif, arm32::io::netif, arm64::io::netif
}

kind! {
    /// A SCSI device.
    ///
    /// Header: `xen/include/public/io/vscsiif.h`.
    #[doc(alias = "vscsiif_sring")]
    Vscsiif { vscsiif::vscsiif_request, vscsiif::vscsiif_response }
    vscsiif_sring [vscsiif_sring_entry]
    of x86_64::io::vscsiif, x86_32::io::vscsiif, arm32::io::vscsiif, arm64::io::vscsiif
}

kind! {
    /// A USB controller's transfers.
    ///
    /// Header: `xen/include/public/io/usbif.h`.
    #[doc(alias = "usbif_urb_sring")]
    UsbifUrb { Message<usbif::usbif_urb_request>, usbif::usbif_urb_response }
    usbif_urb_sring [usbif_urb_sring_entry]
    of x86_64::io::usbif, x86_32::io::usbif, arm32::io::usbif, arm64::io::usbif
}

kind! {
    /// A USB controller's ports: what is plugged in and out.
    ///
    /// Header: `xen/include/public/io/usbif.h`.
    #[doc(alias = "usbif_conn_sring")]
    UsbifConn { usbif::usbif_conn_request, usbif::usbif_conn_response }
    usbif_conn_sring [usbif_conn_sring_entry]
    of x86_64::io::usbif, x86_32::io::usbif, arm32::io::usbif, arm64::io::usbif
}

kind! {
    /// Socket calls that another domain carries out. The bytes of a connection go through a ring of
    /// their own.
    ///
    /// Header: `xen/include/public/io/pvcalls.h`.
    #[doc(alias = "xen_pvcalls_sring")]
    Pvcalls { Message<pvcalls::xen_pvcalls_request>, Message<pvcalls::xen_pvcalls_response> }
    xen_pvcalls_sring [xen_pvcalls_sring_entry]
    of x86_64::io::pvcalls, x86_32::io::pvcalls, arm32::io::pvcalls, arm64::io::pvcalls
}

kind! {
    /// A display.
    ///
    /// Header: `xen/include/public/io/displif.h`.
    #[doc(alias = "xen_displif_sring")]
    Displif { Message<displif::xendispl_req>, Message<displif::xendispl_resp> }
    xen_displif_sring [xen_displif_sring_entry]
    of x86_64::io::displif, x86_32::io::displif, arm32::io::displif, arm64::io::displif
}

kind! {
    /// A sound card's stream.
    ///
    /// Header: `xen/include/public/io/sndif.h`.
    #[doc(alias = "xen_sndif_sring")]
    Sndif { Message<sndif::xensnd_req>, Message<sndif::xensnd_resp> }
    xen_sndif_sring [xen_sndif_sring_entry]
    of x86_64::io::sndif, x86_32::io::sndif, arm32::io::sndif, arm64::io::sndif
}

kind! {
    /// A camera.
    ///
    /// Header: `xen/include/public/io/cameraif.h`.
    #[doc(alias = "xen_cameraif_sring")]
    Cameraif { Message<cameraif::xencamera_req>, Message<cameraif::xencamera_resp> }
    xen_cameraif_sring [xen_cameraif_sring_entry]
    of x86_64::io::cameraif, x86_32::io::cameraif, arm32::io::cameraif, arm64::io::cameraif
}

kind! {
    /// A file system of another domain.
    ///
    /// A request to read or write ends with the grants of its pages, as many as the slot still holds:
    /// six, whatever `FSIF_NR_READ_GNTS` says, which counts from a size that the slot does not have.
    /// So a request is here the whole slot, with the structure as its member `req`.
    ///
    /// Header: `xen/include/public/io/fsif.h`.
    #[doc(alias = "fsif_sring")]
    Fsif { Message<fsif::fsif_sring_entry>, Message<fsif::fsif_response> }
    fsif_sring [fsif_sring_entry]
    of x86_64::io::fsif, x86_32::io::fsif, arm32::io::fsif, arm64::io::fsif
}
