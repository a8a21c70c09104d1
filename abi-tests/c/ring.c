/*
 * The rings of ring.h, driven by cases from the standard input. tests/ring_differential.rs makes the
 * cases, drives the Rust rings with them too, and compares every byte of the output.
 *
 * Input, in the machine's byte order, which is little-endian:
 *   case:       u8 kind, u8 pages, u16 operations, u32 first index
 *   operation:  u8 what, u8 a, u32 value
 * Output of an operation:
 *   what it returns; then u16 count and, for each 32-bit word of the shared memory that it changed,
 *   u16 number, u32 new value, in ascending order.
 */
#include <stdint.h>
#include <stddef.h>
#include <string.h>

/* One thread: only the compiler has to keep the order. */
#define xen_mb() __asm__ volatile("" : : : "memory")
#define xen_rmb() xen_mb()
#define xen_wmb() xen_mb()

#include <public/xen.h>
#include <public/io/ring.h>
#include <public/io/blkif.h>
#include <public/io/netif.h>
#include <public/io/usbif.h>
#include <public/io/vscsiif.h>

/* What older releases don't have yet, as drivers of their time wrote it out. */
#ifndef XEN_FRONT_RING_INIT
#define XEN_FRONT_RING_INIT(r, s, size) do { SHARED_RING_INIT(s); FRONT_RING_INIT(r, s, size); } while (0)
#endif
#ifndef XEN_RING_NR_UNCONSUMED_RESPONSES
#define XEN_RING_NR_UNCONSUMED_RESPONSES(r) RING_HAS_UNCONSUMED_RESPONSES(r)
#define XEN_RING_NR_UNCONSUMED_REQUESTS(r) RING_HAS_UNCONSUMED_REQUESTS(r)
#endif
#ifndef RING_COPY_RESPONSE
#define RING_COPY_RESPONSE(r, i, to) (*(to) = *(volatile __typeof__(to))RING_GET_RESPONSE(r, i))
#endif
#ifndef RING_RESPONSE_PROD_OVERFLOW
#define RING_RESPONSE_PROD_OVERFLOW(r, prod) ((prod) - (r)->rsp_cons > RING_SIZE(r))
#endif

#include "blkif_other.h"
#include "stream.h"

int memcmp(const void *, const void *, size_t);

enum {
    INIT, ATTACH, REATTACH,
    FRONT_PUT, FRONT_PUSH, FRONT_PUSH_CHECK, FRONT_LOOK, FRONT_TAKE, FRONT_DRAIN, FRONT_FINAL, FRONT_STATE,
    BACK_PUT, BACK_PUSH, BACK_PUSH_CHECK, BACK_LOOK, BACK_TAKE, BACK_DRAIN, BACK_FINAL, BACK_STATE,
    PREDICATES, SIZES, PRIVATE, POKE
};

/* How an operation ended. */
enum {
    FINE, FULL, UNASKED,
    /* ring.h's own predicate says that the other end's index is wrong. */
    OVERFLOW,
    /* It does not, but the index can't be right: ahead of all requests, or behind what was taken. */
    STRICTER,
    /* One of both was found before. */
    DEAD
};

#define PAGE 4096
#define MOST (16 * PAGE)
static uint32_t page[MOST / 4] __attribute__((aligned(PAGE)));
static uint32_t shadow[MOST / 4];
static uint32_t noise[MOST / 4];

/* The bytes of a message; the largest has 252. */
APART const void *message(uint32_t value)
{
    return (const uint8_t *)noise + value % (MOST - PAGE);
}

/* What changed since the last call. */
APART void changes(size_t bytes)
{
    size_t at, word;
    uint16_t count = 0;
    static uint16_t changed[MOST / 4];

    for (at = 0; at < bytes / 4; at += PAGE / 4) {
        if (!memcmp(page + at, shadow + at, PAGE))
            continue;
        for (word = at; word < at + PAGE / 4; word++)
            if (page[word] != shadow[word]) {
                shadow[word] = page[word];
                changed[count++] = word;
            }
    }
    put16(count);
    for (at = 0; at < count; at++) {
        put16(changed[at]);
        put32(page[changed[at]]);
    }
}

APART uint32_t round_down(uint32_t value)
{
    return __RD32(value);
}

struct operation {
    uint8_t what, a;
    uint32_t value;
};

#define KIND blkif
#include "ring_kind.h"
#define KIND blkif_other
#include "ring_kind.h"
#define KIND netif_tx
#include "ring_kind.h"
#define KIND netif_rx
#include "ring_kind.h"
#define KIND xen_netif_ctrl
#include "ring_kind.h"
#define KIND vscsiif
#include "ring_kind.h"
#define KIND usbif_conn
#include "ring_kind.h"

#ifdef __i386__
#define BLKIF_X86_64 run_blkif_other
#define BLKIF_X86_32 run_blkif
#else
#define BLKIF_X86_64 run_blkif
#define BLKIF_X86_32 run_blkif_other
#endif

static void (*const kinds[])(size_t, uint32_t, unsigned) = {
    BLKIF_X86_64, BLKIF_X86_32, run_netif_tx, run_netif_rx, run_xen_netif_ctrl, run_vscsiif, run_usbif_conn,
};

int main(void)
{
    uint32_t x = 0x2545f491;
    size_t i;

    for (i = 0; i < MOST / 4; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        noise[i] = x;
    }
    fill();
    while (in_at < in_bytes) {
        uint8_t kind, pages;
        uint16_t operations;
        uint32_t index;

        get(&kind, 1);
        get(&pages, 1);
        get(&operations, 2);
        get(&index, 4);
        if (kind >= sizeof(kinds) / sizeof(*kinds) || pages < 1 || pages > 16)
            exit(6);
        memcpy(page, noise, pages * PAGE);
        kinds[kind](pages * PAGE, index, operations);
    }
    flush();
    return 0;
}
