//! The names of the nodes, relative to the directory of the end that has them.
//!
//! Numbers are decimal unless said otherwise, booleans `0` or `1`.

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* #[doc = ""] #[doc = concat!("The node `", $text, "`.")] pub const $name: &str = $text;)*
        #[cfg(test)]
        pub(super) const ALL: &[&str] = &[$($text),*];
    };
}

names! {
    /// Backend, by the toolstack: `r` or `w`, what the frontend may do with the disk.
    MODE = "mode";
    /// Backend, by the toolstack: free text that tells the hotplug script what the disk is made of.
    /// Private to the host, of any length; no type of this module reads it.
    PARAMS = "params";
    /// Backend, by the toolstack: what kind of thing backs the disk.
    TYPE = "type";
    /// Backend, by the hotplug script: major and minor number of the backing device, in hexadecimal.
    PHYSICAL_DEVICE = "physical-device";
    /// Backend, by the hotplug script: the path of what backs the disk. Private to the host, of any
    /// length; no type of this module reads it.
    PHYSICAL_DEVICE_PATH = "physical-device-path";
    /// Backend, by the toolstack: whether the device is to stay when the frontend closes it.
    ONLINE = "online";
    /// Backend, by the toolstack: whether `O_DIRECT` is safe on what backs the disk. Default 0.
    DIRECT_IO_SAFE = "direct-io-safe";
    /// Backend, by the toolstack: whether discard may be offered. Default 1.
    DISCARD_ENABLE = "discard-enable";
    /// Both, by the toolstack: `disk`, `cdrom` or the like.
    DEVICE_TYPE = "device-type";

    /// Backend: the most pages of a ring, as the power of two. Default 0.
    MAX_RING_PAGE_ORDER = "max-ring-page-order";
    /// Backend: the most pages of a ring, a power of two. Default 1. Deprecated.
    MAX_RING_PAGES = "max-ring-pages";
    /// Backend: the most queues. Default 1.
    MULTI_QUEUE_MAX_QUEUES = "multi-queue-max-queues";

    /// Backend: whether it serves `BLKIF_OP_WRITE_BARRIER`. Default 0.
    FEATURE_BARRIER = "feature-barrier";
    /// Backend: whether it serves `BLKIF_OP_FLUSH_DISKCACHE`. Default 0.
    FEATURE_FLUSH_CACHE = "feature-flush-cache";
    /// Backend: whether it serves `BLKIF_OP_DISCARD`. Default 0.
    FEATURE_DISCARD = "feature-discard";
    /// Both: whether grants stay mapped from request to request. Default 0.
    FEATURE_PERSISTENT = "feature-persistent";
    /// Backend: the most segments of an indirect request. Absent where it serves none.
    FEATURE_MAX_INDIRECT_SEGMENTS = "feature-max-indirect-segments";
    /// Backend: bytes from the disk's start to the first discardable extent. Default 0.
    DISCARD_ALIGNMENT = "discard-alignment";
    /// Backend: the bytes of one discardable extent. Default: the sector size.
    DISCARD_GRANULARITY = "discard-granularity";
    /// Backend: whether it serves discards with `BLKIF_DISCARD_SECURE`. Default 0.
    DISCARD_SECURE = "discard-secure";
    /// Backend: `VDISK_*` bits.
    INFO = "info";
    /// Backend: the bytes of a logical sector, which requests must be aligned to. No unit of anything.
    SECTOR_SIZE = "sector-size";
    /// Backend: the bytes of a physical sector. Default: the sector size.
    PHYSICAL_SECTOR_SIZE = "physical-sector-size";
    /// Backend: the size of the disk in units of 512 bytes, whatever the sector size.
    SECTORS = "sectors";

    /// Frontend, by the toolstack: the [number](crate::blkif::vbd) of the virtual disk.
    VIRTUAL_DEVICE = "virtual-device";
    /// Frontend, by the toolstack: whether the frontend may trust the backend. Default 1.
    TRUSTED = "trusted";

    /// Frontend: the [ABI](crate::blkif::Protocol) of the rings.
    PROTOCOL = "protocol";
    /// Frontend: the event channel of a ring. With several queues, below `queue-N/`.
    EVENT_CHANNEL = "event-channel";
    /// Frontend: the grant of a ring of one page. With several pages, `ring-ref0` and so on; with
    /// several queues, below `queue-N/`.
    RING_REF = "ring-ref";
    /// Frontend: the pages of a ring, as the power of two. Default 0.
    RING_PAGE_ORDER = "ring-page-order";
    /// Frontend: the pages of a ring, a power of two. Default 1. Deprecated.
    NUM_RING_PAGES = "num-ring-pages";
    /// Frontend: the queues. Default 1.
    MULTI_QUEUE_NUM_QUEUES = "multi-queue-num-queues";
    /// Frontend: whether it counts in units of `sector-size`. Deprecated: frontends should not write it
    /// and backends not heed it, so no type of this module does either.
    FEATURE_LARGE_SECTOR_SIZE = "feature-large-sector-size";
}
