#include "arch-x86/xen.h"

/* Alignment: a u64 at 4 on x86_32, at 8 elsewhere, with and without a hole. */
struct mixed {
    uint8_t first;
    uint64_t second;
    uint16_t third[3];
};

/* Aligned through a typedef also where the ABI would not. */
struct aligned {
    uint32_t before;
    uint64_aligned_t wide;
};

struct holds_aligned {
    uint8_t tag;
    struct aligned inner[2];
};

/* Nameless members, two levels deep, siblings alike. */
struct nameless {
    union { uint32_t low; uint8_t low_bytes[4]; };
    union { uint32_t high; struct { uint16_t high_half; uint16_t other_half; }; };
    union { uint64_t all; struct { uint32_t a, b; } named; } deep;
};

/* Bitfields: one run in an integer, one cut by a field, one that no integer fits. */
struct bitfields {
    uint32_t one : 1, seven : 7, rest : 24;
    uint8_t middle;
    uint8_t small : 3;
    uint8_t : 1;
    uint8_t after : 4;
    uint16_t apart : 9;
};

struct odd_bits {
    uint8_t vector;
    uint8_t mode : 3;
    uint8_t status : 1;
    uint8_t gap[1];
    uint8_t mask : 1, reserved : 7;
};

union bits_or_word {
    uint64_t word;
    struct {
        uint8_t head;
        uint8_t low : 4, high : 4;
        uint8_t mid : 2, more : 6;
        uint8_t last : 8;
        uint32_t tail;
    } fields;
};

/* A flexible tail, one that begins inside the padding, one of C's older spelling. */
struct tail {
    uint32_t length;
    uint32_t data[];
};

struct tail_in_padding {
    uint64_t id;
    uint8_t flags;
    char name[];
};

struct tail_of_one {
    uint16_t count;
    uint16_t data[1];
};

/* Fields that are named like our own padding, and like Rust's keywords. */
struct collides {
    uint8_t _pad;
    uint32_t _pad0;
    uint8_t type, ref, gen, fn;
};

/* An anonymous typedef, a nested tag, an enum with and without a negative value. */
typedef struct {
    struct inside { uint16_t x; } first;
    enum color { red, green = 7 } color;
    enum { below = -1, above } level;
} untagged_t;

typedef untagged_t second_name_t;
typedef uint8_t bytes16_t[16];

struct holds_names {
    second_name_t other;
    bytes16_t id;
    signed char sign;
    long word;
    void *pointer;
};

DEFINE_XEN_GUEST_HANDLE(untagged_t);

struct holds_handle {
    uint16_t count;
    XEN_GUEST_HANDLE(untagged_t) list;
    XEN_GUEST_HANDLE(void) any;
};

struct nothing { };

#define SIGNED_INT -5
#define UNSIGNED_INT 0x10u
#define LONG_INT 1L
#define UNSIGNED_LONG (~0UL)
#define LONG_LONG (-1LL << 40)
#define BIT_63 (1ULL << 63)
#define HIGH_HEX 0xffffffff
#define CAST ((uint16_t)~0U)
#define SIZE sizeof(struct mixed)
#define TEXT "a \"quoted\" word"
#define JOINED "a" "b"
#define FORWARD LATER
#define LATER 12
#define NAMES_A_TYPE untagged_t
#define NAMES_A_TAG mixed
#define NAMES_A_FIELD inner.deep
#define EMPTY
#define GONE 3
#undef GONE
#define TWICE 1
#undef TWICE
#define TWICE 2
#define CALL(x) ((x) + 1)
static inline int inlined(int x) { return CALL(x); }
