//! The rings of Xen's protocols: which messages each carries.
//!
//! A kind is a name for the compiler only; there are no values of it. Where a protocol's messages
//! are laid out alike in all ABIs there is one kind, which the compiler holds against all of them.
//! blkif differs on x86_32, so it has a kind for each layout; Arm's is that of x86_64.
#![allow(unsafe_code)]

use xen_public::abi::{arm32, arm64, x86_32, x86_64};

use super::types::{HEADER_BYTES, RingTypes, plain, slot_bytes};

/// Declares a kind of ring by its messages and by C's structure of the shared ring.
macro_rules! kind {
    (
        $(#[$attribute:meta])*
        $name:ident: $header:ident { $request:ident, $response:ident }, $entry:ident, $sring:ident,
        of $abi:ident, like $($other:ident),*
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug)]
        #[allow(clippy::module_name_repetitions)]
        pub enum $name {}

        impl RingTypes for $name {
            type Request = $abi::io::$header::$request;
            type Response = $abi::io::$header::$response;
        }

        plain!($abi::io::$header::$request, $abi::io::$header::$response);

        const _: () = {
            assert!(slot_bytes::<$name>() == size_of::<$abi::io::$header::$entry>());
            assert!(HEADER_BYTES == core::mem::offset_of!($abi::io::$header::$sring, ring));
            $(
                assert!(slot_bytes::<$name>() == size_of::<$other::io::$header::$entry>());
                assert!(HEADER_BYTES == core::mem::offset_of!($other::io::$header::$sring, ring));
            )*
        };
    };
}

kind! {
    /// A block device whose frontend has x86_64's layout, or Arm's, which is the same: slots of 112
    /// bytes, 32 to a page.
    ///
    /// Header: `xen/include/public/io/blkif.h`. See [`blkif`](crate::blkif) for what is in the slots.
    #[doc(alias = "blkif_sring")]
    BlkifX86_64: blkif { blkif_request, blkif_response }, blkif_sring_entry, blkif_sring,
    of x86_64, like arm32, arm64
}

kind! {
    /// A block device whose frontend has x86_32's layout: slots of 108 bytes, 32 to a page.
    ///
    /// Header: `xen/include/public/io/blkif.h`. See [`blkif`](crate::blkif) for what is in the slots.
    #[doc(alias = "blkif_sring")]
    BlkifX86_32: blkif { blkif_request, blkif_response }, blkif_sring_entry, blkif_sring,
    of x86_32, like
}

kind! {
    /// A network device's packets to send. Extra information takes a slot of its own, after the
    /// request that announces it by `NETTXF_extra_info`.
    ///
    /// Header: `xen/include/public/io/netif.h`.
    #[doc(alias = "netif_tx_sring")]
    NetifTx: netif { netif_tx_request, netif_tx_response }, netif_tx_sring_entry, netif_tx_sring,
    of x86_64, like x86_32, arm32, arm64
}

kind! {
    /// A network device's buffers to receive into. Extra information takes a slot of its own, after
    /// the response that announces it by `NETRXF_extra_info`.
    ///
    /// Header: `xen/include/public/io/netif.h`.
    #[doc(alias = "netif_rx_sring")]
    NetifRx: netif { netif_rx_request, netif_rx_response }, netif_rx_sring_entry, netif_rx_sring,
    of x86_64, like x86_32, arm32, arm64
}

kind! {
    /// A network device's control messages.
    ///
    /// Header: `xen/include/public/io/netif.h`.
    #[doc(alias = "xen_netif_ctrl_sring")]
    NetifCtrl: netif { xen_netif_ctrl_request, xen_netif_ctrl_response },
    xen_netif_ctrl_sring_entry, xen_netif_ctrl_sring,
    of x86_64, like x86_32, arm32, arm64
}

kind! {
    /// A SCSI device.
    ///
    /// Header: `xen/include/public/io/vscsiif.h`.
    #[doc(alias = "vscsiif_sring")]
    Vscsiif: vscsiif { vscsiif_request, vscsiif_response }, vscsiif_sring_entry, vscsiif_sring,
    of x86_64, like x86_32, arm32, arm64
}

kind! {
    /// A USB controller's ports: what is plugged in and out.
    ///
    /// Header: `xen/include/public/io/usbif.h`.
    #[doc(alias = "usbif_conn_sring")]
    UsbifConn: usbif { usbif_conn_request, usbif_conn_response },
    usbif_conn_sring_entry, usbif_conn_sring,
    of x86_64, like x86_32, arm32, arm64
}
