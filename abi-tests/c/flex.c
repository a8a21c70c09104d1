/*
 * The flex rings of ring.h, driven by cases from the standard input. tests/flex_differential.rs makes the
 * cases, drives the Rust rings with them too, and compares every byte of the output.
 *
 * ring.h has functions that copy and count, and leaves the rest to drivers. The rest is done here as
 * the Rust rings document it: an own index in private memory, the other end's index loaded when what is
 * known of it is not enough, and refused if it can't be right.
 *
 * Input, little-endian:
 *   case:       u8 protocol, u8 order, u16 operations, u32 first index
 *   operation:  u8 what, u8 end, u16 length, u32 value
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
#include <public/io/9pfs.h>
#include <public/io/pvcalls.h>

int read(int, void *, size_t);
int write(int, const void *, size_t);
int memcmp(const void *, const void *, size_t);
void exit(int);

enum { READ, READ_PACKET, SKIP, WRITE, WRITE_PACKET, STATE, FUNCTIONS, POKE };

/* How an operation ended. */
enum { FINE, LATER, NEVER, DEAD };

#define PAGE 4096
/* The index page, and the largest data ring that is used. */
#define MOST (PAGE + 4 * PAGE)
static uint32_t memory[MOST / 4] __attribute__((aligned(PAGE)));
static uint32_t shadow[MOST / 4];

static uint8_t in[1 << 23], out[1 << 20];
static size_t in_bytes, in_at, out_bytes;

#define APART static __attribute__((noinline))

APART void flush(void)
{
    size_t at = 0;

    while (at < out_bytes) {
        int done = write(1, out + at, out_bytes - at);
        if (done <= 0)
            exit(3);
        at += done;
    }
    out_bytes = 0;
}

APART void put(const void *from, size_t bytes)
{
    if (out_bytes + bytes > sizeof(out))
        flush();
    memcpy(out + out_bytes, from, bytes);
    out_bytes += bytes;
}

APART void put8(uint8_t value) { put(&value, 1); }
APART void put16(uint16_t value) { put(&value, 2); }
APART void put32(uint32_t value) { put(&value, 4); }

APART void get(void *to, size_t bytes)
{
    if (bytes > in_bytes - in_at)
        exit(4);
    memcpy(to, in + in_at, bytes);
    in_at += bytes;
}

/* What changed since the last call, in so many bytes; 256 at a time are looked at. */
APART void changes(size_t bytes)
{
    size_t at, word;
    uint16_t count = 0;
    static uint16_t changed[MOST / 4];

    for (at = 0; at < bytes / 4; at += 64) {
        if (!memcmp(memory + at, shadow + at, 256))
            continue;
        for (word = at; word < at + 64; word++)
            if (memory[word] != shadow[word]) {
                shadow[word] = memory[word];
                changed[count++] = word;
            }
    }
    put16(count);
    for (at = 0; at < count; at++) {
        put16(changed[at]);
        put32(memory[changed[at]]);
    }
}

/* One half of an end. */
struct half {
    volatile RING_IDX *cons_shared, *prod_shared;
    unsigned char *buffer;
    RING_IDX cons, prod, size;
    int dead;
};

/* Both ends' reading and writing halves: the frontend's are the first. */
static struct half reading[2], writing[2];

/* What is read, and what to write. */
static uint8_t bytes[1 << 16], noise[1 << 16];

APART void look_reading(struct half *h)
{
    RING_IDX prod = *h->prod_shared, unread = prod - h->cons;

    if (h->dead)
        return;
    if (unread > h->size || unread < h->prod - h->cons) {
        h->dead = 1;
        h->prod = h->cons;
        return;
    }
    h->prod = prod;
}

APART void look_writing(struct half *h)
{
    RING_IDX cons = *h->cons_shared;

    if (h->dead)
        return;
    if (h->prod - cons > h->prod - h->cons) {
        h->dead = 1;
        h->cons = h->prod - h->size;
        return;
    }
    h->cons = cons;
}

#define DRIVE(name)                                                                                \
APART void name##_start(uint32_t order, uint32_t first)                                            \
{                                                                                                  \
    struct name##_data_intf *intf = (void *)memory;                                                \
    uint32_t size = XEN_FLEX_RING_SIZE(order), n;                                                  \
    struct name##_data data;                                                                       \
    int end;                                                                                       \
                                                                                                   \
    data.in = (unsigned char *)memory + PAGE;                                                      \
    data.out = data.in + size;                                                                     \
    /* What an old user left there. */                                                             \
    memset(memory, 0x55, PAGE + 2 * size);                                                         \
    memset(shadow, 0x55, PAGE + 2 * size);                                                         \
    name##_zero(intf);                                                                             \
    intf->ring_order = order;                                                                      \
    for (n = 0; n < (uint32_t)1 << order; n++)                                                     \
        intf->ref[n] = 1000 + n;                                                                   \
    changes(PAGE + 2 * size);                                                                      \
    intf->in_cons = intf->in_prod = intf->out_cons = intf->out_prod = first;                       \
    for (end = 0; end < 2; end++) {                                                                \
        struct half *i = end ? &writing[1] : &reading[0], *o = end ? &reading[1] : &writing[0];    \
        i->cons_shared = &intf->in_cons;                                                           \
        i->prod_shared = &intf->in_prod;                                                           \
        i->buffer = data.in;                                                                       \
        o->cons_shared = &intf->out_cons;                                                          \
        o->prod_shared = &intf->out_prod;                                                          \
        o->buffer = data.out;                                                                      \
        i->cons = i->prod = o->cons = o->prod = first;                                             \
        i->size = o->size = size;                                                                  \
        i->dead = o->dead = 0;                                                                     \
    }                                                                                              \
    changes(PAGE + 2 * size);                                                                      \
}                                                                                                  \
                                                                                                   \
APART void name##_run(uint8_t what, uint8_t end, uint16_t length, uint32_t value, uint32_t first)  \
{                                                                                                  \
    struct name##_data_intf *intf = (void *)memory;                                                \
    struct half *r = &reading[end], *w = &writing[end];                                            \
    RING_IDX masked_cons, masked_prod, there, count;                                               \
                                                                                                   \
    switch (what) {                                                                                \
    case READ:                                                                                     \
    case READ_PACKET:                                                                              \
    case SKIP:                                                                                     \
        if (what == READ_PACKET && length > r->size) {                                             \
            put8(NEVER);                                                                           \
            break;                                                                                 \
        }                                                                                          \
        there = name##_queued(r->prod, r->cons, r->size);                                          \
        if (!length || length > there)                                                             \
            look_reading(r);                                                                       \
        if (r->dead) {                                                                             \
            put8(DEAD);                                                                            \
            break;                                                                                 \
        }                                                                                          \
        xen_rmb();                                                                                 \
        there = name##_queued(r->prod, r->cons, r->size);                                          \
        if (what == READ_PACKET && length > there) {                                               \
            put8(LATER);                                                                           \
            put32(there);                                                                          \
            break;                                                                                 \
        }                                                                                          \
        count = length < there ? length : there;                                                   \
        put8(FINE);                                                                                \
        put32(count);                                                                              \
        if (what == SKIP) {                                                                        \
            masked_cons = name##_mask(r->cons + count, r->size);                                   \
        } else {                                                                                   \
            masked_prod = name##_mask(r->prod, r->size);                                           \
            masked_cons = name##_mask(r->cons, r->size);                                           \
            name##_read_packet(bytes, r->buffer, count, masked_prod, &masked_cons, r->size);       \
            put(bytes, count);                                                                     \
        }                                                                                          \
        xen_mb();                                                                                  \
        r->cons += count;                                                                          \
        if (count)                                                                                 \
            *r->cons_shared = r->cons;                                                             \
        put32(masked_cons);                                                                        \
        break;                                                                                     \
    case WRITE:                                                                                    \
    case WRITE_PACKET:                                                                             \
        if (what == WRITE_PACKET && length > w->size) {                                            \
            put8(NEVER);                                                                           \
            break;                                                                                 \
        }                                                                                          \
        there = w->size - name##_queued(w->prod, w->cons, w->size);                                \
        if (!length || length > there)                                                             \
            look_writing(w);                                                                       \
        if (w->dead) {                                                                             \
            put8(DEAD);                                                                            \
            break;                                                                                 \
        }                                                                                          \
        xen_mb();                                                                                  \
        there = w->size - name##_queued(w->prod, w->cons, w->size);                                \
        if (what == WRITE_PACKET && length > there) {                                              \
            put8(LATER);                                                                           \
            put32(there);                                                                          \
            break;                                                                                 \
        }                                                                                          \
        count = length < there ? length : there;                                                   \
        put8(FINE);                                                                                \
        put32(count);                                                                              \
        masked_prod = name##_mask(w->prod, w->size);                                               \
        masked_cons = name##_mask(w->cons, w->size);                                               \
        name##_write_packet(w->buffer, noise + value % (sizeof(noise) / 2), count, &masked_prod,   \
                            masked_cons, w->size);                                                 \
        xen_wmb();                                                                                 \
        w->prod += count;                                                                          \
        if (count)                                                                                 \
            *w->prod_shared = w->prod;                                                             \
        put32(masked_prod);                                                                        \
        break;                                                                                     \
    case STATE:                                                                                    \
        look_reading(r);                                                                           \
        put8(r->dead ? DEAD : FINE);                                                               \
        if (!r->dead)                                                                              \
            put32(name##_queued(r->prod, r->cons, r->size));                                       \
        look_writing(w);                                                                           \
        put8(w->dead ? DEAD : FINE);                                                               \
        if (!w->dead)                                                                              \
            put32(w->size - name##_queued(w->prod, w->cons, w->size));                             \
        break;                                                                                     \
    case FUNCTIONS:                                                                                \
        put32(XEN_FLEX_RING_SIZE(length % 10));                                                    \
        count = 1u << length % 32;                                                                 \
        put32(name##_mask(value, count));                                                          \
        put32(name##_get_ring_ptr((unsigned char *)memory, value, PAGE) - (unsigned char *)memory);\
        put32(name##_queued(value, first, count));                                                 \
        put32(name##_queued(first, value, count));                                                 \
        break;                                                                                     \
    case POKE:                                                                                     \
        switch (length % 4) {                                                                      \
        case 0: intf->in_cons = first + value; break;                                              \
        case 1: intf->in_prod = first + value; break;                                              \
        case 2: intf->out_cons = first + value; break;                                             \
        case 3: intf->out_prod = first + value; break;                                             \
        }                                                                                          \
        break;                                                                                     \
    default:                                                                                       \
        exit(5);                                                                                   \
    }                                                                                              \
    changes(PAGE + 2 * r->size);                                                                   \
}

static void xen_9pfs_zero(struct xen_9pfs_data_intf *intf)
{
    intf->in_cons = intf->in_prod = intf->out_cons = intf->out_prod = 0;
}

static void pvcalls_zero(struct pvcalls_data_intf *intf)
{
    intf->in_cons = intf->in_prod = intf->out_cons = intf->out_prod = 0;
    intf->in_error = intf->out_error = 0;
}

DRIVE(xen_9pfs)
DRIVE(pvcalls)

int main(void)
{
    uint32_t seed = 1, at;
    int done;

    for (at = 0; at < sizeof(noise); at++) {
        seed = seed * 1664525 + 1013904223;
        noise[at] = seed >> 24;
    }
    while ((done = read(0, in + in_bytes, sizeof(in) - in_bytes)) > 0)
        in_bytes += done;
    if (done < 0 || in_bytes == sizeof(in))
        return 2;
    while (in_at < in_bytes) {
        uint8_t protocol, order, what, end;
        uint16_t operations, length;
        uint32_t first, value;

        get(&protocol, 1);
        get(&order, 1);
        get(&operations, 2);
        get(&first, 4);
        if (protocol > 1 || order > 2)
            return 6;
        if (protocol)
            pvcalls_start(order, first);
        else
            xen_9pfs_start(order, first);
        while (operations--) {
            get(&what, 1);
            get(&end, 1);
            get(&length, 2);
            get(&value, 4);
            if (end > 1)
                return 7;
            if (protocol)
                pvcalls_run(what, end, length, value, first);
            else
                xen_9pfs_run(what, end, length, value, first);
        }
    }
    flush();
    return 0;
}
