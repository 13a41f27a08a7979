/* Cuts a batch into trains and single packets; the reference is carpscope/adverts/cut.py.
 *
 * A train is rows of one sender in which only IPv4 id and header checksum, CARP checksum, counter
 * and HMAC differ. One train of a group is open at a time; whatever else may concern the group
 * ends it. Nothing is remembered from one batch to the next but which bytes are a sender's.
 */
#ifndef CARPSCOPE_CUT_H
#define CARPSCOPE_CUT_H

#include <stddef.h>
#include <stdint.h>

enum {
    SENDERS_KEPT = 16384,
    NAME_SIZE = 80,    /* of a sender: capture, link type, length, and all that does not move */
    MOVING_SIZE = 34,  /* id 2, IPv4 checksum 2, CARP checksum 2, counter 8, HMAC 20 */
    ROWS_MOST = 65536, /* of one batch */
    LOOKED_BACK = 8,   /* rows before, of which a packet may be a copy */
};

enum kind { ONE, SAME, COUNTS, JUMPS };

#define NO_ROW UINT32_MAX

/* What is cut; every packet lies within data. */
struct batch {
    const int64_t *at;
    const uint64_t *number, *offset;
    const uint32_t *captured, *wire, *interface;
    size_t count;
    const uint8_t *data;
    const uint32_t *links; /* link types by interface */
    uint32_t capture;
};

struct train {
    uint32_t first, last, count; /* rows, chained by next_row */
    uint32_t first_copy, last_copy, copies;
    uint32_t group;
    uint64_t sender;
    uint8_t kind, version, is_seen;
    uint32_t recent[LOOKED_BACK]; /* the last rows, that of place n at n modulo LOOKED_BACK */
};

struct sender {
    uint8_t name[NAME_SIZE];
    uint64_t id; /* no other sender ever has it */
    uint32_t group;
    uint16_t rest; /* sum of what the checksum covers and does not move, modulo 65535 */
    uint8_t version, ip, is_plain, is_seen;
};

struct group {
    uint64_t key;   /* VLANs and vhid */
    uint32_t open;  /* its open train, or NO_ROW */
    uint32_t place; /* of it among those that are open */
};

struct cutter {
    int64_t window; /* how soon behind a row its copies come */
    uint64_t seed, ids;
    uint32_t senders, groups, open_count, trains;
    struct sender sender[SENDERS_KEPT];
    struct group group[SENDERS_KEPT];
    uint32_t sender_at[2 * SENDERS_KEPT], group_at[2 * SENDERS_KEPT]; /* by hash, 0: none */
    uint32_t open[SENDERS_KEPT];                                      /* groups */
    struct train train[ROWS_MOST];
    uint32_t sender_of[ROWS_MOST];                    /* of the train, while it is open */
    uint32_t next_row[ROWS_MOST], place[ROWS_MOST];   /* of a row, and of what a copy is of */
    uint32_t unit[ROWS_MOST]; /* the train that begins there, LOOSE, or NO_ROW */
};

#define LOOSE (UINT32_MAX - 1)

/* Cut; units are then in unit[], trains in train[]. */
void cutter_cut(struct cutter *cutter, const struct batch *batch);

/* Write what moves in a row. */
void cutter_moving(const struct batch *batch, uint32_t row, int version, uint8_t *into);

#endif
