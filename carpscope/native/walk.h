/* Walks capture files of pcap and pcapng in a buffer; knows nothing of Python.
 *
 * The readers in Python (carpscope/capture/pcap.py, pcapng.py) are the reference: what is
 * counted, given and refused here is what they count, give and refuse. What is rare is left to
 * them: the walk then stops in front of it.
 */
#ifndef CARPSCOPE_WALK_H
#define CARPSCOPE_WALK_H

#include <stddef.h>
#include <stdint.h>

enum {
    PACKET_LIMIT = 262144,  /* as in pcap.py: what claims more is damage */
    BLOCK_MOST = 1048572,   /* as in blocks.py */
    INTERFACES_MOST = 65536 /* as in pcapng.py */
};

/* The packets that are given, in columns, and their bytes. */
struct columns {
    int64_t *at;         /* nanoseconds since 1970 */
    uint64_t *number;    /* from 1, over all packets of the file */
    uint64_t *offset;    /* of its bytes in data */
    uint32_t *captured;  /* how many of them there are */
    uint32_t *wire;      /* and were on the wire */
    uint32_t *interface; /* of the file, from 0 */
    size_t count, room;
    uint8_t *data;
    size_t used, size;
};

/* How times of an interface become nanoseconds: ticks * scale / divisor + offset. */
struct interface {
    uint64_t scale, divisor;
    int64_t offset;
    uint32_t link;
    uint32_t fits; /* 0: only Python's integers are wide enough */
};

enum stop {
    MORE,   /* what follows is not all there yet */
    FULL,   /* no room for another packet */
    UNUSUAL /* the reader in Python has to look at what follows */
};

struct walk {
    int big;                /* order of bytes of the file */
    int selects;            /* leave out what no analysis needs */
    uint32_t record;        /* bytes of a record's header */
    uint32_t scale;         /* nanoseconds in a unit of a record's fraction */
    uint32_t link;          /* of all packets of a pcap file */
    uint32_t interfaces;    /* of the section of a pcapng file */
    uint32_t before;        /* interfaces of the sections before */
    struct interface *table;
    /* what was counted, all of it since the beginning */
    uint64_t number, late, snapped, left_out, comments, lost;
    int64_t first, last;
    int begun;     /* whether first and last hold */
    int has_lost;  /* whether packets told of losses */
};

/* Give what is in data[*here .. end), whose numbers the walk counts on; *here is then where it
 * stopped. */
enum stop walk_records(struct walk *walk, const uint8_t *data, size_t *here, size_t end,
                       struct columns *out);
enum stop walk_blocks(struct walk *walk, const uint8_t *data, size_t *here, size_t end,
                      struct columns *out);

/* Count a packet. */
void count_packet(struct walk *walk, int64_t at, uint32_t captured, uint32_t wire);

/* Give the packet that was counted last; 0 where there is no room for it. */
int give_packet(const struct walk *walk, const uint8_t *packet, int64_t at, uint32_t captured,
                uint32_t wire, uint32_t interface, struct columns *out);

/* Tell whether no analysis needs an Ethernet frame: carpscope/adverts/select.py. */
int is_left_out(const uint8_t *frame, size_t size);

#endif
