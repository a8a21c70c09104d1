/* The standard input as a whole, and the standard output in large pieces. */
int read(int, void *, size_t);
int write(int, const void *, size_t);
void exit(int);

static uint8_t in[1 << 23], out[1 << 20];
static size_t in_bytes, in_at, out_bytes;

static void flush(void)
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

/* Not into each of the thousand places that use it: compilers take long enough. */
#define APART static __attribute__((noinline, unused))

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
APART void put64(uint64_t value) { put(&value, 8); }

APART void get(void *to, size_t bytes)
{
    if (bytes > in_bytes - in_at)
        exit(4);
    memcpy(to, in + in_at, bytes);
    in_at += bytes;
}

/* Takes in all of the standard input. */
APART void fill(void)
{
    int got;

    while ((got = read(0, in + in_bytes, sizeof(in) - in_bytes)) > 0)
        in_bytes += got;
    if (got < 0 || in_bytes == sizeof(in))
        exit(5);
}
