#include "sha1.h"

#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define HAS_SHA_INSTRUCTIONS 1
#include <cpuid.h>
#include <immintrin.h>
#endif

static uint32_t rotated(uint32_t value, int by) {
    return value << by | value >> (32 - by);
}

static uint32_t big(const uint8_t *data) {
    return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

static void put(uint8_t *data, uint32_t value) {
    for (int at = 0; at < 4; at++) data[at] = (uint8_t)(value >> (24 - 8 * at));
}

/* FIPS 180-4, 6.1.2. */
static void compress_portably(uint32_t state[5], const uint8_t *block) {
    uint32_t w[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (int t = 0; t < 16; t++) w[t] = big(block + 4 * t);
    for (int t = 16; t < 80; t++) w[t] = rotated(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
    for (int t = 0; t < 80; t++) {
        uint32_t f = t < 20   ? ((b & c) | (~b & d)) + 0x5a827999
                     : t < 40 ? (b ^ c ^ d) + 0x6ed9eba1
                     : t < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
                              : (b ^ c ^ d) + 0xca62c1d6;
        uint32_t next = rotated(a, 5) + f + e + w[t];
        e = d;
        d = c;
        c = rotated(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

#ifdef HAS_SHA_INSTRUCTIONS
/* Four rounds; the words of the message four rounds on are made meanwhile. */
#define FOUR(e, other, w0, w1, w2, w3, kind)             \
    do {                                                 \
        e = _mm_sha1nexte_epu32(e, w0);                  \
        other = abcd;                                    \
        w1 = _mm_sha1msg2_epu32(w1, w0);                 \
        abcd = _mm_sha1rnds4_epu32(abcd, e, kind);       \
        w3 = _mm_sha1msg1_epu32(w3, w0);                 \
        w2 = _mm_xor_si128(w2, w0);                      \
    } while (0)

__attribute__((target("sha,sse4.1,ssse3")))
static void compress_by_instructions(uint32_t state[5], const uint8_t *block) {
    const __m128i order = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
    __m128i abcd = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0x1b);
    __m128i e0 = _mm_set_epi32((int)state[4], 0, 0, 0), e1;
    const __m128i abcd_before = abcd, e_before = e0;
    __m128i w[4];
    for (int at = 0; at < 4; at++)
        w[at] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)block + at), order);

    e0 = _mm_add_epi32(e0, w[0]); /* rounds 0 to 3 */
    e1 = abcd;
    abcd = _mm_sha1rnds4_epu32(abcd, e0, 0);
    e1 = _mm_sha1nexte_epu32(e1, w[1]); /* 4 to 7 */
    e0 = abcd;
    abcd = _mm_sha1rnds4_epu32(abcd, e1, 0);
    w[0] = _mm_sha1msg1_epu32(w[0], w[1]);
    e0 = _mm_sha1nexte_epu32(e0, w[2]); /* 8 to 11 */
    e1 = abcd;
    abcd = _mm_sha1rnds4_epu32(abcd, e0, 0);
    w[1] = _mm_sha1msg1_epu32(w[1], w[2]);
    w[0] = _mm_xor_si128(w[0], w[2]);
    FOUR(e1, e0, w[3], w[0], w[1], w[2], 0); /* 12 to 15 */
    FOUR(e0, e1, w[0], w[1], w[2], w[3], 0);
    FOUR(e1, e0, w[1], w[2], w[3], w[0], 1); /* 20 to 23 */
    FOUR(e0, e1, w[2], w[3], w[0], w[1], 1);
    FOUR(e1, e0, w[3], w[0], w[1], w[2], 1);
    FOUR(e0, e1, w[0], w[1], w[2], w[3], 1);
    FOUR(e1, e0, w[1], w[2], w[3], w[0], 1);
    FOUR(e0, e1, w[2], w[3], w[0], w[1], 2); /* 40 to 43 */
    FOUR(e1, e0, w[3], w[0], w[1], w[2], 2);
    FOUR(e0, e1, w[0], w[1], w[2], w[3], 2);
    FOUR(e1, e0, w[1], w[2], w[3], w[0], 2);
    FOUR(e0, e1, w[2], w[3], w[0], w[1], 2);
    FOUR(e1, e0, w[3], w[0], w[1], w[2], 3); /* 60 to 63 */
    FOUR(e0, e1, w[0], w[1], w[2], w[3], 3);
    FOUR(e1, e0, w[1], w[2], w[3], w[0], 3);
    FOUR(e0, e1, w[2], w[3], w[0], w[1], 3);
    FOUR(e1, e0, w[3], w[0], w[1], w[2], 3); /* 76 to 79 */

    e0 = _mm_sha1nexte_epu32(e0, e_before);
    abcd = _mm_add_epi32(abcd, abcd_before);
    _mm_storeu_si128((__m128i *)state, _mm_shuffle_epi32(abcd, 0x1b));
    state[4] = (uint32_t)_mm_extract_epi32(e0, 3);
}

static int has_instructions(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSE4_1) || !(c & bit_SSSE3)) return 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & 1u << 29) != 0;
}
#endif

static void (*compress)(uint32_t state[5], const uint8_t *block) = compress_portably;

int sha1_choose(int wanted) {
    compress = compress_portably;
#ifdef HAS_SHA_INSTRUCTIONS
    if (wanted && has_instructions()) compress = compress_by_instructions;
#endif
    (void)wanted;
    return compress != compress_portably;
}

static const uint32_t begin[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};

void verifier_begin(struct verifier *verifier, const uint8_t *key, size_t key_size,
                    const uint8_t *message, size_t size) {
    uint8_t pad[SHA1_BLOCK];
    uint32_t *const states[] = {verifier->inner, verifier->outer};
    for (int which = 0; which < 2; which++) {
        memset(pad, which ? 0x5c : 0x36, sizeof pad);
        for (size_t at = 0; at < key_size && at < SHA1_BLOCK; at++) pad[at] ^= key[at];
        memcpy(states[which], begin, sizeof begin);
        compress(states[which], pad);
    }
    memset(pad, 0, sizeof pad);
    verifier->hashed = SHA1_BLOCK;
    for (; size >= SHA1_BLOCK; size -= SHA1_BLOCK, message += SHA1_BLOCK) {
        compress(verifier->inner, message);
        verifier->hashed += SHA1_BLOCK;
    }
    if (size) memcpy(verifier->rest, message, size);
    verifier->rest_size = size;
}

/* Put the end of a message of so many bytes into its last block. */
static void finish(uint8_t *block, uint64_t bytes) {
    put(block + SHA1_BLOCK - 8, (uint32_t)(bytes >> 29));
    put(block + SHA1_BLOCK - 4, (uint32_t)(bytes << 3));
}

size_t verifier_verifies(const struct verifier *verifier, const uint8_t *rows, size_t count) {
    uint8_t inner[2 * SHA1_BLOCK] = {0}, outer[SHA1_BLOCK] = {0}, digest[SHA1_SIZE];
    size_t signed_size = verifier->rest_size + 8; /* 71 at the most */
    size_t blocks = signed_size + 9 <= SHA1_BLOCK ? 1 : 2;
    memcpy(inner, verifier->rest, verifier->rest_size);
    inner[signed_size] = 0x80;
    finish(inner + (blocks - 1) * SHA1_BLOCK, verifier->hashed + signed_size);
    outer[SHA1_SIZE] = 0x80;
    finish(outer, SHA1_BLOCK + SHA1_SIZE);
    for (size_t row = 0; row < count; row++, rows += SIGNED_SIZE) {
        uint32_t state[5];
        memcpy(inner + verifier->rest_size, rows + 6, 8);
        memcpy(state, verifier->inner, sizeof state);
        for (size_t at = 0; at < blocks; at++) compress(state, inner + at * SHA1_BLOCK);
        for (int at = 0; at < 5; at++) put(outer + 4 * at, state[at]);
        memcpy(state, verifier->outer, sizeof state);
        compress(state, outer);
        for (int at = 0; at < 5; at++) put(digest + 4 * at, state[at]);
        if (memcmp(digest, rows + 14, SHA1_SIZE) != 0) return row;
    }
    return count;
}

static void add(struct verifier *verifier, const uint8_t *data, size_t size) {
    while (size) {
        size_t room = SHA1_BLOCK - verifier->rest_size, part = size < room ? size : room;
        memcpy(verifier->rest + verifier->rest_size, data, part);
        verifier->rest_size += part;
        data += part;
        size -= part;
        if (verifier->rest_size == SHA1_BLOCK) {
            compress(verifier->inner, verifier->rest);
            verifier->hashed += SHA1_BLOCK;
            verifier->rest_size = 0;
        }
    }
}

size_t verifier_subsets(const struct verifier *verifier, const uint8_t *addresses,
                        const uint8_t *widths, size_t count, const uint8_t *row, size_t room,
                        uint32_t *found) {
    /* each subset that is taken off is followed by at most as many as there are addresses */
    struct {
        struct verifier state;
        size_t first;
        uint32_t taken;
    } stack[SUBSETS_OF_MOST * (SUBSETS_OF_MOST + 1) / 2 + 1], one;
    size_t starts[SUBSETS_OF_MOST], held = 1, done = 0, counted = 0;
    *found = 0;
    if (count == 0 || count > SUBSETS_OF_MOST) return 0;
    for (size_t at = 0, start = 0; at < count; start += widths[at++]) starts[at] = start;
    stack[0].state = *verifier;
    stack[0].first = 0;
    stack[0].taken = 0;
    while (held) {
        one = stack[--held];
        for (size_t at = one.first; at < count; at++) {
            struct verifier next = one.state;
            add(&next, addresses + starts[at], widths[at]);
            if (verifier_verifies(&next, row, 1)) {
                *found = one.taken | (uint32_t)1 << at;
                return counted + done + at + 1 - one.first;
            }
            if (at + 1 < count) {
                stack[held].state = next;
                stack[held].first = at + 1;
                stack[held++].taken = one.taken | (uint32_t)1 << at;
            }
        }
        done += count - one.first;
        if (done > SUBSETS_CHUNK) {
            counted += done;
            done = 0;
            if (counted >= room) break;
        }
    }
    return counted + done;
}
