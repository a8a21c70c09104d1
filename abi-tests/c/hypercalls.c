/*
 * Calls as a kernel in C makes them: the argument's structure on the stack, and the hypercall in inline
 * assembly with its registers, for each way of the processor. Their instructions are counted beside
 * those of Rust's.
 *
 * The assembly is right for a kernel that is compiled as such: without a red zone, so that the page's
 * `call` may push its return address, which needs no alignment. The address of the page is the linker's.
 */
#include <stdint.h>
#include <stddef.h>
#include <public/xen.h>
#include <public/event_channel.h>
#include <public/grant_table.h>
#include <public/sched.h>

#if defined(__x86_64__) || defined(__i386__)
/* A call of three arguments, or, for the two of a call that has no more, without loading the third. */
#define CALLS(way, instruction, ...)                                          \
    static inline long way##2(unsigned int nr, unsigned long a, unsigned long b) \
    {                                                                         \
        unsigned long answer, c;                                              \
        __asm__ volatile(instruction : "=a"(answer), "+" A(a), "+" B(b),      \
                         "=d"(c) : __VA_ARGS__ : LOST);                       \
        return answer;                                                        \
    }                                                                         \
    static inline long way##3(unsigned int nr, unsigned long a, unsigned long b, \
                              unsigned long c)                                \
    {                                                                         \
        unsigned long answer;                                                 \
        __asm__ volatile(instruction : "=a"(answer), "+" A(a), "+" B(b),      \
                         "+d"(c) : __VA_ARGS__ : LOST);                       \
        return answer;                                                        \
    }
#ifdef __x86_64__
#define A "D"
#define B "S"
#define LOST "memory", "cc", "rcx", "r10", "r8", "r11"
CALLS(syscall, "syscall", "0"((unsigned long)nr))
#else
#define A "b"
#define B "c"
#define LOST "memory", "cc"
CALLS(int82, "int $0x82", "0"((unsigned long)nr))
#endif
CALLS(vmcall, "vmcall", "0"((unsigned long)nr))
CALLS(vmmcall, "vmmcall", "0"((unsigned long)nr))
CALLS(page, "call hypercall_page + %c[stub]", [stub] "i"(nr * 32))
#elif defined(__aarch64__) || defined(__arm__)
#ifdef __aarch64__
#define IN(n) "x" #n
#define NUMBER "x16"
#define VIRT ""
#define LOST "memory", "cc", "x3", "x4"
#else
#define IN(n) "r" #n
#define NUMBER "r12"
#define VIRT ".arch_extension virt\n\t"
#define LOST "memory", "cc", "r3"
#endif
static inline long hvc2(unsigned int nr, unsigned long a, unsigned long b)
{
    register unsigned long one __asm__(IN(0)) = a;
    register unsigned long two __asm__(IN(1)) = b;
    register unsigned long number __asm__(NUMBER) = nr;
    __asm__ volatile(VIRT "hvc #0xea1"
                     : "+r"(one), "+r"(two), "+r"(number) : : LOST, IN(2));
    return one;
}
static inline long hvc3(unsigned int nr, unsigned long a, unsigned long b, unsigned long c)
{
    register unsigned long one __asm__(IN(0)) = a;
    register unsigned long two __asm__(IN(1)) = b;
    register unsigned long three __asm__(IN(2)) = c;
    register unsigned long number __asm__(NUMBER) = nr;
    __asm__ volatile(VIRT "hvc #0xea1"
                     : "+r"(one), "+r"(two), "+r"(three), "+r"(number) : : LOST);
    return one;
}
#endif

/* A list of copies to be made. */
struct copies {
    struct gnttab_copy *first;
    unsigned long count;
};

/* What is known of the hypervisor: a bit for each operation. Another processor may clear one. */
struct xen {
    volatile unsigned int offered[32];
};

/* What is done about an error stands elsewhere. */
__attribute__((cold)) int refused(long answer);
__attribute__((cold)) int failed(struct xen *xen, unsigned int operation, long answer);

/* An answer where the operation, of some number, is offered. */
#define GATED(xen, operation, call)                                           \
    ({                                                                        \
        int answer = 0;                                                       \
        int absent = !((xen)->offered[(operation) / 32] & 1u << (operation) % 32); \
        if (__builtin_expect(absent, 0) ||                                    \
            __builtin_expect((answer = (call)) != 0, 0))                      \
            answer = failed(xen, operation, answer);                          \
        answer;                                                               \
    })

#define FUNCTIONS(way)                                                        \
    int way##_send(evtchn_port_t port)                                        \
    {                                                                         \
        struct evtchn_send send = { .port = port };                           \
        return way##2(__HYPERVISOR_event_channel_op, EVTCHNOP_send,           \
                      (unsigned long)&send);                                  \
    }                                                                         \
    int way##_copy(struct gnttab_copy *copies, unsigned int count)            \
    {                                                                         \
        return way##3(__HYPERVISOR_grant_table_op, GNTTABOP_copy,             \
                      (unsigned long)copies, count);                          \
    }                                                                         \
    int way##_yield(void)                                                     \
    {                                                                         \
        return way##2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);               \
    }                                                                         \
    int way##_block(void)                                                     \
    {                                                                         \
        return way##2(__HYPERVISOR_sched_op, SCHEDOP_block, 0);               \
    }                                                                         \
    int way##_checked_send(evtchn_port_t port)                                \
    {                                                                         \
        int answer = way##_send(port);                                        \
        return __builtin_expect(answer, 0) ? refused(answer) : 0;             \
    }                                                                         \
    int way##_checked_copy(struct copies *copies)                             \
    {                                                                         \
        int answer = way##_copy(copies->first, copies->count);                \
        return __builtin_expect(answer, 0) ? refused(answer) : 0;             \
    }                                                                         \
    int way##_checked_yield(void)                                             \
    {                                                                         \
        int answer = way##_yield();                                           \
        return __builtin_expect(answer, 0) ? refused(answer) : 0;             \
    }                                                                         \
    int way##_checked_block(void)                                             \
    {                                                                         \
        int answer = way##_block();                                           \
        return __builtin_expect(answer, 0) ? refused(answer) : 0;             \
    }                                                                         \
    int way##_checked_one(struct gnttab_copy *copy)                           \
    {                                                                         \
        int answer = way##_copy(copy, 1);                                     \
        return __builtin_expect(answer, 0) ? refused(answer) : 0;             \
    }                                                                         \
    int way##_gated_send(struct xen *xen, evtchn_port_t port)                 \
    {                                                                         \
        return GATED(xen, 374, way##_send(port));                             \
    }                                                                         \
    int way##_gated_copy(struct xen *xen, struct copies *copies)              \
    {                                                                         \
        return GATED(xen, 216, way##_copy(copies->first, copies->count));     \
    }                                                                         \
    int way##_gated_one(struct xen *xen, struct gnttab_copy *copy)            \
    {                                                                         \
        return GATED(xen, 216, way##_copy(copy, 1));                          \
    }                                                                         \
    int way##_gated_yield(struct xen *xen)                                    \
    {                                                                         \
        return GATED(xen, 326, way##_yield());                                \
    }                                                                         \
    int way##_gated_block(struct xen *xen)                                    \
    {                                                                         \
        return GATED(xen, 327, way##_block());                                \
    }

#if defined(__x86_64__)
FUNCTIONS(syscall)
#elif defined(__i386__)
FUNCTIONS(int82)
#endif
#if defined(__x86_64__) || defined(__i386__)
FUNCTIONS(vmcall)
FUNCTIONS(vmmcall)
FUNCTIONS(page)
#else
FUNCTIONS(hvc)
#endif
