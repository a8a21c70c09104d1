/*
 * blkif's messages as C writes and reads them, driven by cases from the standard input.
 * tests/blkif_differential.rs makes the cases and compares every byte of the output with Rust's.
 *
 * Input, in the machine's byte order, which is little-endian:
 *   case:  u8 what, u8 layout (0 is x86_64, 1 is x86_32), then what the functions of blkif_layout.h get
 */
#include <stdint.h>
#include <stddef.h>
#include <string.h>

#include <public/xen.h>
#include <public/io/ring.h>
#include <public/io/blkif.h>

#include "blkif_other.h"
#include "stream.h"

#define SEGMENTS BLKIF_MAX_SEGMENTS_PER_REQUEST
#define PAGES BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST
#define SECTORS_PER_FRAME 8

/* What a backend has agreed to do, in sectors of 512 bytes. */
struct limits {
    uint64_t capacity;
    uint32_t granularity, alignment;
    uint16_t indirect;
    /* One less than the sectors of a block. */
    uint8_t mask;
    uint8_t read_only, barrier, flush, discard, secure;
};

static void get_limits(struct limits *l)
{
    get(&l->capacity, 8);
    get(&l->granularity, 4);
    get(&l->alignment, 4);
    get(&l->indirect, 2);
    get(&l->mask, 1);
    get(&l->read_only, 1);
    get(&l->barrier, 1);
    get(&l->flush, 1);
    get(&l->discard, 1);
    get(&l->secure, 1);
}

/* All that any request has. */
struct fields {
    uint8_t operation;
    /* nr_segments, flag or indirect_op */
    uint8_t second;
    uint16_t nr_segments, handle;
    uint64_t id, sector, nr_sectors;
    struct blkif_request_segment seg[SEGMENTS];
    uint32_t grefs[PAGES];
};

static void get_fields(struct fields *f)
{
    int i;

    get(&f->operation, 1);
    get(&f->second, 1);
    get(&f->nr_segments, 2);
    get(&f->handle, 2);
    get(&f->id, 8);
    get(&f->sector, 8);
    get(&f->nr_sectors, 8);
    for (i = 0; i < SEGMENTS; i++) {
        get(&f->seg[i].gref, 4);
        get(&f->seg[i].first_sect, 1);
        get(&f->seg[i].last_sect, 1);
    }
    get(f->grefs, sizeof(f->grefs));
}

/* The fields that the operation has. */
static void put_fields(const struct fields *f)
{
    int i;

    put8(f->operation);
    put16(f->handle);
    put64(f->id);
    switch (f->operation) {
    case BLKIF_OP_FLUSH_DISKCACHE:
        break;
    case BLKIF_OP_DISCARD:
        put8(f->second);
        put64(f->sector);
        put64(f->nr_sectors);
        break;
    case BLKIF_OP_INDIRECT:
        put8(f->second);
        put64(f->sector);
        put16(f->nr_segments);
        for (i = 0; i < (f->nr_segments + 511) / 512; i++)
            put32(f->grefs[i]);
        break;
    default:
        put64(f->sector);
        put8(f->second);
        for (i = 0; i < f->second; i++) {
            put32(f->seg[i].gref);
            put8(f->seg[i].first_sect);
            put8(f->seg[i].last_sect);
        }
    }
}

/* Whether a run of sectors is on the disk and made of whole blocks. */
static int run_is_good(const struct limits *l, uint64_t sector, uint64_t sectors)
{
    if (sector & l->mask || sectors & l->mask)
        return 0;
    return sectors <= l->capacity && sector <= l->capacity - sectors;
}

/* How a backend answers a request by what the header says of it, before it touches the disk. */
static int judge(const struct limits *l, struct fields *f)
{
    uint64_t sectors = 0;
    int i;

    switch (f->operation) {
    case BLKIF_OP_WRITE_BARRIER:
        if (!l->barrier)
            return BLKIF_RSP_EOPNOTSUPP;
        if (f->second == 0)
            return BLKIF_RSP_OKAY;
        /* fall through */
    case BLKIF_OP_READ:
    case BLKIF_OP_WRITE:
#ifndef SEEDED_COUNT
        if (f->second > SEGMENTS)
            return BLKIF_RSP_ERROR;
#else
        if (f->second > SEGMENTS)
            f->second = SEGMENTS;
#endif
        if (f->second == 0)
            return BLKIF_RSP_ERROR;
        if (l->read_only && f->operation != BLKIF_OP_READ)
            return BLKIF_RSP_ERROR;
        for (i = 0; i < f->second; i++) {
            const struct blkif_request_segment *s = &f->seg[i];

            if (s->last_sect < s->first_sect || s->last_sect >= SECTORS_PER_FRAME)
                return BLKIF_RSP_ERROR;
            if (s->first_sect & l->mask || (s->last_sect + 1) & l->mask)
                return BLKIF_RSP_ERROR;
            sectors += s->last_sect - s->first_sect + 1;
        }
        return run_is_good(l, f->sector, sectors) ? BLKIF_RSP_OKAY : BLKIF_RSP_ERROR;
    case BLKIF_OP_FLUSH_DISKCACHE:
        if (!l->flush)
            return BLKIF_RSP_EOPNOTSUPP;
        return f->second ? BLKIF_RSP_ERROR : BLKIF_RSP_OKAY;
    case BLKIF_OP_DISCARD:
        if (!l->discard)
            return BLKIF_RSP_EOPNOTSUPP;
        if (f->second & ~BLKIF_DISCARD_SECURE || l->read_only || !f->nr_sectors)
            return BLKIF_RSP_ERROR;
        if (f->sector % l->granularity != l->alignment)
            return BLKIF_RSP_ERROR;
        /* A hint that was not offered means nothing. */
        if (!l->secure)
            f->second = 0;
        return run_is_good(l, f->sector, f->nr_sectors) ? BLKIF_RSP_OKAY : BLKIF_RSP_ERROR;
    case BLKIF_OP_INDIRECT:
        if (!l->indirect)
            return BLKIF_RSP_EOPNOTSUPP;
        if (f->second != BLKIF_OP_READ && f->second != BLKIF_OP_WRITE)
            return BLKIF_RSP_ERROR;
        if (!f->nr_segments || f->nr_segments > l->indirect)
            return BLKIF_RSP_ERROR;
        if (l->read_only && f->second == BLKIF_OP_WRITE)
            return BLKIF_RSP_ERROR;
        /* Each segment has at least a block. */
        sectors = (uint64_t)f->nr_segments * (l->mask + 1);
        return run_is_good(l, f->sector, sectors) ? BLKIF_RSP_OKAY : BLKIF_RSP_ERROR;
    default:
        return BLKIF_RSP_EOPNOTSUPP;
    }
}

/* Room for a slot of the larger layout. */
#define SLOT 112
static uint8_t slot[SLOT] __attribute__((aligned(8)));

#define LAYOUT(what) what##_native
#define REQUEST struct blkif_request
#define DISCARD struct blkif_request_discard
#define INDIRECT struct blkif_request_indirect
#define RESPONSE struct blkif_response
#define ENTRY union blkif_sring_entry
#include "blkif_layout.h"
#define LAYOUT(what) what##_other
#define REQUEST struct blkif_other_request
#define DISCARD struct blkif_other_discard
#define INDIRECT struct blkif_other_indirect
#define RESPONSE struct blkif_other_response
#define ENTRY union blkif_other_sring_entry
#include "blkif_layout.h"

#ifdef __i386__
#define NATIVE 1
#else
#define NATIVE 0
#endif

static void (*const work[2][4])(void) = {
    { write_request_native, read_request_native, write_response_native, read_response_native },
    { write_request_other, read_request_other, write_response_other, read_response_other },
};

int main(void)
{
    fill();
    while (in_at < in_bytes) {
        uint8_t what, layout;

        get(&what, 1);
        get(&layout, 1);
        if (what >= 4 || layout >= 2)
            exit(6);
        work[layout != NATIVE][what]();
    }
    flush();
    return 0;
}
