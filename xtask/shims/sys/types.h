/* Xen's headers include this for the integer types alone. */
#include <stddef.h>
#include <stdint.h>
