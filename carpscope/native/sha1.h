/* The HMAC-SHA1 of advertisements, from hash states that are prepared once. */
#ifndef CARPSCOPE_SHA1_H
#define CARPSCOPE_SHA1_H

#include <stddef.h>
#include <stdint.h>

enum {
    SHA1_BLOCK = 64,
    SHA1_SIZE = 20,
    SIGNED_SIZE = 34, /* a row of auth/digest.py: 6 bytes, counter 8, HMAC 20 */
};

struct verifier {
    uint32_t inner[5], outer[5]; /* after all whole blocks that do not change */
    uint8_t rest[SHA1_BLOCK];    /* of the message before the counter: what fills no block */
    size_t rest_size;
    uint64_t hashed; /* bytes in the inner state */
};

/* Take a key of up to 64 bytes and what is signed before the counter. */
void verifier_begin(struct verifier *verifier, const uint8_t *key, size_t key_size,
                    const uint8_t *message, size_t size);

/* Return how many of `count` rows verify before one that does not. */
size_t verifier_verifies(const struct verifier *verifier, const uint8_t *rows, size_t count);

enum { SUBSETS_OF_MOST = 24, SUBSETS_CHUNK = 1 << 14 };

/* Add every subset of some addresses but the empty one, in their order, to what is signed before
 * the counter, until one of them verifies the row, or `room` is reached behind a chunk; return
 * how many there were. `found` has the bits of those that verify it, 0 where none does. */
size_t verifier_subsets(const struct verifier *verifier, const uint8_t *addresses,
                        const uint8_t *widths, size_t count, const uint8_t *row, size_t room,
                        uint32_t *found);

/* Whether the processor's own instructions are used; 0 as an argument leaves them unused. */
int sha1_choose(int wanted);

#endif
