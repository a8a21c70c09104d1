/*
 * The benchmarks' loops in C, on the macros of Xen's headers, as a careful driver writes them: indices
 * loaded once per batch and checked, messages copied out before they are used. Each has its counterpart
 * of the same name in loops.rs.
 *
 * All loops take the shared page, which holds an empty ring; the requests to send, RINGFUL of them; how
 * often to go round; and how many requests are on the way at a time. They return a sum over what came
 * back, or BROKEN.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Linux's barriers for guests on x86: ordinary memory is only reordered by a store ahead of a load. */
#define compiler_barrier() __asm__ volatile("" : : : "memory")
#if defined(__x86_64__)
#define xen_mb() __asm__ volatile("lock; addl $0, -4(%%rsp)" : : : "memory", "cc")
#define xen_rmb() compiler_barrier()
#define xen_wmb() compiler_barrier()
#define relax() __asm__ volatile("pause" : : : "memory")
#elif defined(__aarch64__)
#define xen_mb() __asm__ volatile("dmb ish" : : : "memory")
#define xen_rmb() __asm__ volatile("dmb ishld" : : : "memory")
#define xen_wmb() __asm__ volatile("dmb ishst" : : : "memory")
#define relax() __asm__ volatile("yield" : : : "memory")
#else
#error "no barriers for this processor"
#endif

#include <public/xen.h>
#include <public/io/ring.h>
#include <public/io/blkif.h>
#include <public/io/netif.h>

#define PAGE 4096
#define RINGFUL 32
#define BROKEN (~(uint64_t)0)

/* What is behind the pointer is used, and may be anything afterwards. */
#define opaque(pointer) __asm__ volatile("" : : "r"(pointer) : "memory")
#define load(word) (*(volatile __typeof__(word) *)&(word))

static inline void blkif_answer(const blkif_request_t *request, blkif_response_t *response)
{
    response->id = request->id;
    response->operation = request->operation;
    response->status = (int16_t)request->nr_segments;
}

static inline uint64_t blkif_value(const blkif_response_t *response)
{
    return response->id + response->operation + (uint64_t)response->status;
}

typedef struct netif_rx_request netif_rx_request_t;
typedef struct netif_rx_response netif_rx_response_t;

static inline void netif_rx_answer(const netif_rx_request_t *request, netif_rx_response_t *response)
{
    response->id = request->id;
    response->offset = 0;
    response->flags = 0;
    response->status = (int16_t)request->gref;
}

static inline uint64_t netif_rx_value(const netif_rx_response_t *response)
{
    return response->id + response->flags + response->offset + (uint64_t)response->status;
}

#define RING_LOOPS(name)                                                                          \
    /* Sends up to `count` requests, the first of which has number `first`. */                    \
    static inline uint64_t name##_send(name##_front_ring_t *front,                                \
                                       const name##_request_t *requests, uint64_t first,          \
                                       uint64_t count, uint64_t *notified)                        \
    {                                                                                             \
        uint64_t sent = 0;                                                                        \
        int notify;                                                                               \
        while (sent < count && !RING_FULL(front)) {                                               \
            *RING_GET_REQUEST(front, front->req_prod_pvt) = requests[(first + sent) % RINGFUL];   \
            front->req_prod_pvt++;                                                                \
            sent++;                                                                               \
        }                                                                                         \
        if (sent) {                                                                               \
            RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(front, notify);                                   \
            *notified += notify;                                                                  \
        }                                                                                         \
        return sent;                                                                              \
    }                                                                                             \
                                                                                                  \
    /* Answers all requests that are there. */                                                    \
    static inline uint64_t name##_serve(name##_back_ring_t *back, uint64_t *notified)             \
    {                                                                                             \
        RING_IDX cons = back->req_cons, prod = load(back->sring->req_prod);                       \
        uint64_t served = 0;                                                                      \
        int notify;                                                                               \
        xen_rmb();                                                                                \
        if (RING_REQUEST_PROD_OVERFLOW(back, prod))                                               \
            return BROKEN;                                                                        \
        while (cons != prod) {                                                                    \
            name##_request_t request;                                                             \
            if (RING_REQUEST_CONS_OVERFLOW(back, cons))                                           \
                break;                                                                            \
            RING_COPY_REQUEST(back, cons, &request);                                              \
            back->req_cons = ++cons;                                                              \
            opaque(&request);                                                                     \
            name##_answer(&request, RING_GET_RESPONSE(back, back->rsp_prod_pvt));                 \
            back->rsp_prod_pvt++;                                                                 \
            served++;                                                                             \
        }                                                                                         \
        if (served) {                                                                             \
            RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(back, notify);                                   \
            *notified += notify;                                                                  \
        }                                                                                         \
        return served;                                                                            \
    }                                                                                             \
                                                                                                  \
    /* Takes all responses that are there. */                                                     \
    static inline uint64_t name##_reap(name##_front_ring_t *front, uint64_t *sum)                 \
    {                                                                                             \
        RING_IDX cons = front->rsp_cons, prod = load(front->sring->rsp_prod);                     \
        uint64_t reaped = 0;                                                                      \
        xen_rmb();                                                                                \
        if (RING_RESPONSE_PROD_OVERFLOW(front, prod))                                             \
            return BROKEN;                                                                        \
        for (; cons != prod; cons++) {                                                            \
            name##_response_t response;                                                           \
            RING_COPY_RESPONSE(front, cons, &response);                                           \
            opaque(&response);                                                                    \
            *sum += name##_value(&response);                                                      \
            reaped++;                                                                             \
        }                                                                                         \
        front->rsp_cons = cons;                                                                   \
        return reaped;                                                                            \
    }                                                                                             \
                                                                                                  \
    /* Both ends by turns. */                                                                     \
    uint64_t name##_alone(void *page, const void *data, uint64_t rounds, uint64_t batch)          \
    {                                                                                             \
        name##_sring_t *sring = page;                                                             \
        name##_front_ring_t front;                                                                \
        name##_back_ring_t back;                                                                  \
        uint64_t sum = 0, notified = 0;                                                           \
        FRONT_RING_ATTACH(&front, sring, 0, PAGE);                                                \
        BACK_RING_ATTACH(&back, sring, 0, PAGE);                                                  \
        for (; rounds; rounds--) {                                                                \
            if (name##_send(&front, data, 0, batch, &notified) != batch ||                        \
                name##_serve(&back, &notified) != batch ||                                        \
                name##_reap(&front, &sum) != batch)                                               \
                return BROKEN;                                                                    \
        }                                                                                         \
        return sum + notified;                                                                    \
    }                                                                                             \
                                                                                                  \
    /* The frontend's thread. */                                                                  \
    uint64_t name##_front(void *page, const void *data, uint64_t count, uint64_t depth)           \
    {                                                                                             \
        name##_front_ring_t front;                                                                \
        uint64_t sent = 0, reaped = 0, sum = 0, notified = 0;                                     \
        FRONT_RING_ATTACH(&front, (name##_sring_t *)page, 0, PAGE);                               \
        while (reaped < count) {                                                                  \
            uint64_t room = depth - (sent - reaped), left = count - sent, now;                    \
            sent += name##_send(&front, data, sent, left < room ? left : room, &notified);        \
            now = name##_reap(&front, &sum);                                                      \
            if (now == BROKEN)                                                                    \
                return BROKEN;                                                                    \
            if (!now)                                                                             \
                relax();                                                                          \
            reaped += now;                                                                        \
        }                                                                                         \
        opaque(&notified);                                                                        \
        return sum;                                                                               \
    }                                                                                             \
                                                                                                  \
    /* The backend's thread. */                                                                   \
    uint64_t name##_back(void *page, const void *data, uint64_t count, uint64_t depth)            \
    {                                                                                             \
        name##_back_ring_t back;                                                                  \
        uint64_t served = 0, notified = 0;                                                        \
        (void)data, (void)depth;                                                                  \
        BACK_RING_ATTACH(&back, (name##_sring_t *)page, 0, PAGE);                                 \
        while (served < count) {                                                                  \
            uint64_t now = name##_serve(&back, &notified);                                        \
            if (now == BROKEN)                                                                    \
                return BROKEN;                                                                    \
            if (!now)                                                                             \
                relax();                                                                          \
            served += now;                                                                        \
        }                                                                                         \
        opaque(&notified);                                                                        \
        return served;                                                                            \
    }

RING_LOOPS(blkif)
RING_LOOPS(netif_rx)

/* A 32-bit frontend's messages, and those of a frontend with our own alignment. */
struct blkif_32_request {
    uint8_t operation, nr_segments;
    uint16_t handle;
    uint64_t id, sector_number;
    struct blkif_request_segment seg[BLKIF_MAX_SEGMENTS_PER_REQUEST];
} __attribute__((packed, aligned(4)));

struct blkif_32_response {
    uint64_t id;
    uint8_t operation;
    int16_t status;
} __attribute__((packed, aligned(4)));

DEFINE_RING_TYPES(blkif_32, struct blkif_32_request, struct blkif_32_response);
DEFINE_RING_TYPES(blkif_64, struct blkif_request, struct blkif_response);

/* What the disk can do: so many sectors, blocks of so many sectors less one. */
struct limits {
    uint64_t sectors;
    uint8_t mask, read_only;
};

/* Whether a request to read or write is one that a disk with these limits can serve. */
static inline int is_good(const blkif_request_t *request, const struct limits *limits)
{
    uint64_t sectors = 0, end;
    if (!request->nr_segments || request->nr_segments > BLKIF_MAX_SEGMENTS_PER_REQUEST)
        return 0;
    if (limits->read_only && request->operation != BLKIF_OP_READ)
        return 0;
    for (unsigned i = 0; i < request->nr_segments; i++) {
        const struct blkif_request_segment *segment = &request->seg[i];
        if (segment->last_sect >= PAGE / 512 || segment->last_sect < segment->first_sect ||
            ((segment->first_sect | (segment->last_sect + 1)) & limits->mask))
            return 0;
        sectors += segment->last_sect - segment->first_sect + 1;
    }
    end = request->sector_number + sectors;
    return !((request->sector_number | sectors) & limits->mask) && end >= sectors &&
           end <= limits->sectors;
}

#define CONVERSION_LOOPS(name, bytes)                                                             \
    /* Makes a native request, with as many segments as there are. */                             \
    static inline int name##_convert(const volatile struct bytes *from, blkif_request_t *to,      \
                                     const struct limits *limits)                                 \
    {                                                                                             \
        unsigned count;                                                                           \
        to->operation = from->operation;                                                          \
        switch (to->operation) {                                                                  \
        case BLKIF_OP_READ:                                                                       \
        case BLKIF_OP_WRITE:                                                                      \
            to->nr_segments = from->nr_segments;                                                  \
            to->handle = from->handle;                                                            \
            to->id = from->id;                                                                    \
            to->sector_number = from->sector_number;                                              \
            compiler_barrier();                                                                   \
            count = to->nr_segments;                                                              \
            if (count > BLKIF_MAX_SEGMENTS_PER_REQUEST)                                           \
                count = BLKIF_MAX_SEGMENTS_PER_REQUEST;                                           \
            for (unsigned i = 0; i < count; i++)                                                  \
                to->seg[i] = ((const struct bytes *)from)->seg[i];                                \
            compiler_barrier();                                                                   \
            return is_good(to, limits);                                                           \
        default:                                                                                  \
            return 0;                                                                             \
        }                                                                                         \
    }                                                                                             \
                                                                                                  \
    /* Takes a ring full of requests, again and again. */                                         \
    uint64_t name##_take(void *page, const void *data, uint64_t rounds, uint64_t segments)        \
    {                                                                                             \
        uint64_t sum = 0;                                                                         \
        struct limits limits = { 1 << 20, 0, 0 };                                                 \
        (void)data, (void)segments;                                                               \
        opaque(&limits);                                                                          \
        for (; rounds; rounds--) {                                                                \
            name##_back_ring_t back;                                                              \
            RING_IDX prod;                                                                        \
            BACK_RING_ATTACH(&back, (name##_sring_t *)page, 0, PAGE);                             \
            prod = load(back.sring->req_prod);                                                    \
            xen_rmb();                                                                            \
            if (RING_REQUEST_PROD_OVERFLOW(&back, prod))                                          \
                return BROKEN;                                                                    \
            while (back.req_cons != prod) {                                                       \
                blkif_request_t request;                                                          \
                if (RING_REQUEST_CONS_OVERFLOW(&back, back.req_cons))                             \
                    break;                                                                        \
                if (!name##_convert(RING_GET_REQUEST(&back, back.req_cons), &request, &limits))   \
                    return BROKEN;                                                                \
                back.req_cons++;                                                                  \
                opaque(&request);                                                                 \
                sum += request.id + request.nr_segments;                                          \
            }                                                                                     \
        }                                                                                         \
        return sum;                                                                               \
    }                                                                                             \
                                                                                                  \
    /* Only copies the bytes of the requests. */                                                  \
    uint64_t name##_memcpy(void *page, const void *data, uint64_t rounds, uint64_t segments)      \
    {                                                                                             \
        name##_sring_t *sring = page;                                                             \
        uint64_t sum = 0;                                                                         \
        size_t used = offsetof(struct bytes, seg) + segments * sizeof(sring->ring[0].req.seg[0]); \
        (void)data;                                                                               \
        for (; rounds; rounds--) {                                                                \
            for (unsigned i = 0; i < RINGFUL; i++) {                                              \
                struct bytes request;                                                             \
                if (segments == BLKIF_MAX_SEGMENTS_PER_REQUEST)                                   \
                    memcpy(&request, &sring->ring[i].req, sizeof(request));                       \
                else                                                                              \
                    memcpy(&request, &sring->ring[i].req, used);                                  \
                opaque(&request);                                                                 \
                sum += request.id + request.nr_segments;                                          \
            }                                                                                     \
        }                                                                                         \
        return sum;                                                                               \
    }

CONVERSION_LOOPS(blkif_32, blkif_32_request)
CONVERSION_LOOPS(blkif_64, blkif_request)

DEFINE_XEN_FLEX_RING_AND_INTF(flex);

#define FLEX_ORDER 2

/* A packet into the ring, and out of it again. The data ring follows the page with its indices. */
uint64_t flex_packets(void *page, const void *data, uint64_t rounds, uint64_t bytes)
{
    struct flex_data_intf *intf = page;
    unsigned char *out = (unsigned char *)page + PAGE + XEN_FLEX_RING_SIZE(FLEX_ORDER);
    const RING_IDX size = XEN_FLEX_RING_SIZE(FLEX_ORDER);
    unsigned char packet[PAGE];
    uint64_t sum = 0;

    for (; rounds; rounds--) {
        RING_IDX prod, cons, masked_prod, masked_cons;

        prod = intf->out_prod;
        cons = load(intf->out_cons);
        xen_rmb();
        if (size - flex_queued(prod, cons, size) < bytes)
            return BROKEN;
        masked_prod = flex_mask(prod, size);
        masked_cons = flex_mask(cons, size);
        flex_write_packet(out, data, bytes, &masked_prod, masked_cons, size);
        xen_wmb();
        intf->out_prod = prod + bytes;

        cons = intf->out_cons;
        prod = load(intf->out_prod);
        xen_rmb();
        if (flex_queued(prod, cons, size) < bytes)
            return BROKEN;
        masked_prod = flex_mask(prod, size);
        masked_cons = flex_mask(cons, size);
        flex_read_packet(packet, out, bytes, masked_prod, &masked_cons, size);
        xen_wmb();
        intf->out_cons = cons + bytes;

        opaque(packet);
        sum += packet[bytes - 1];
    }
    return sum;
}
