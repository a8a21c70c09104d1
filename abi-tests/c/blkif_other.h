/*
 * blkif's messages in the layout of the x86 ABI that this is not compiled for. The two differ in the
 * alignment of 64-bit integers alone, so one set of structures serves both ways.
 */
#ifdef __i386__
#define OTHER_ALIGNMENT 8
#elif !defined(OTHER_ALIGNMENT)
#define OTHER_ALIGNMENT 4
#endif

typedef uint64_t other_u64 __attribute__((aligned(OTHER_ALIGNMENT)));

struct blkif_other_request {
    uint8_t operation, nr_segments;
    blkif_vdev_t handle;
    other_u64 id, sector_number;
    struct blkif_request_segment seg[BLKIF_MAX_SEGMENTS_PER_REQUEST];
};

struct blkif_other_discard {
    uint8_t operation, flag;
    blkif_vdev_t handle;
    other_u64 id, sector_number, nr_sectors;
};

/* Where 64-bit integers are aligned, nothing pads it to 64 bytes. */
struct blkif_other_indirect {
    uint8_t operation, indirect_op;
    uint16_t nr_segments;
    other_u64 id, sector_number;
    blkif_vdev_t handle;
    grant_ref_t indirect_grefs[BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST];
#if OTHER_ALIGNMENT == 4
    other_u64 pad;
#endif
};

struct blkif_other_response {
    other_u64 id;
    uint8_t operation;
    int16_t status;
};

DEFINE_RING_TYPES(blkif_other, struct blkif_other_request, struct blkif_other_response);
