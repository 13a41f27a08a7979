#include "walk.h"

#include <string.h>

enum {
    ETHERNET = 1,
    ENHANCED_PACKET = 6,
    ENHANCED_MIN = 32,
    LEFT_OUT_SIZE = 38, /* shorter frames are given: as in adverts/select.py */
    TAGS_MOST = 2
};

static uint32_t word(const uint8_t *data, int big) {
    uint32_t value;
    memcpy(&value, data, 4);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return big ? value : __builtin_bswap32(value);
#else
    return big ? __builtin_bswap32(value) : value;
#endif
}

static unsigned half(const uint8_t *data, int big) {
    return big ? (unsigned)(data[0] << 8 | data[1]) : (unsigned)(data[1] << 8 | data[0]);
}

static int is_tag(unsigned ethertype) {
    return ethertype == 0x8100 || ethertype == 0x88a8 || ethertype == 0x9100 ||
           ethertype == 0x9200 || ethertype == 0x9300;
}

static int is_tunnel(unsigned port) {
    switch (port) { /* TUNNEL_PORTS of adverts/select.py */
    case 1701: case 2152: case 3544: case 4341: case 4789:
    case 4790: case 6081: case 6635: case 8472: case 37008:
        return 1;
    default:
        return 0;
    }
}

int is_left_out(const uint8_t *frame, size_t size) {
    if (size < LEFT_OUT_SIZE) return 0;
    size_t at = 14; /* where the payload begins: ethertype and 24 bytes of it are there */
    unsigned type = half(frame + 12, 1);
    for (int tags = 0; is_tag(type); tags++) {
        if (tags == TAGS_MOST || size < at + 4 + 24) return 0;
        type = half(frame + at + 2, 1);
        at += 4;
    }
    const uint8_t *packet = frame + at;
    if (type == 0x0800) {
        if (packet[9] == 17) return packet[0] == 0x45 && !is_tunnel(half(packet + 22, 1));
        return packet[9] == 6 || packet[9] == 1;
    }
    if (type == 0x86dd && size >= at + 44) {
        if (packet[6] == 17) return !is_tunnel(half(packet + 42, 1));
        return packet[6] == 6;
    }
    return 0;
}

void count_packet(struct walk *walk, int64_t at, uint32_t captured, uint32_t wire) {
    walk->number++;
    if (!walk->begun) {
        walk->begun = 1;
        walk->first = walk->last = at;
    } else if (at < walk->last) {
        walk->late++;
        if (at < walk->first) walk->first = at;
    } else
        walk->last = at;
    if (wire > captured) walk->snapped++;
}

int give_packet(const struct walk *walk, const uint8_t *packet, int64_t at, uint32_t captured,
                uint32_t wire, uint32_t interface, struct columns *out) {
    if (out->count >= out->room || captured > out->size - out->used) return 0;
    size_t row = out->count++;
    out->at[row] = at;
    out->number[row] = walk->number;
    out->offset[row] = out->used;
    out->captured[row] = captured;
    out->wire[row] = wire;
    out->interface[row] = interface;
    memcpy(out->data + out->used, packet, captured);
    out->used += captured;
    return 1;
}

enum stop walk_records(struct walk *walk, const uint8_t *data, size_t *here, size_t end,
                       struct columns *out) {
    int leave_out = walk->selects && walk->link == ETHERNET;
    while (end - *here >= walk->record) {
        const uint8_t *head = data + *here, *packet = head + walk->record;
        uint32_t captured = word(head + 8, walk->big), wire = word(head + 12, walk->big);
        if (captured > PACKET_LIMIT) return UNUSUAL;
        if (captured > end - *here - walk->record) return MORE;
        int left_out = leave_out && is_left_out(packet, captured);
        if (!left_out && (out->count == out->room || captured > out->size - out->used)) return FULL;
        int64_t at = (int64_t)word(head, walk->big) * 1000000000 +
                     (int64_t)word(head + 4, walk->big) * walk->scale;
        count_packet(walk, at, captured, wire);
        if (left_out)
            walk->left_out++;
        else
            give_packet(walk, packet, at, captured, wire, 0, out);
        *here += walk->record + captured;
    }
    return MORE;
}

/* Find the time of a packet; 0 where 64 bits are too few. */
static int time_of(const struct interface *from, uint64_t ticks, int64_t *at) {
    uint64_t whole;
    if (!from->fits) return 0;
    if (__builtin_mul_overflow(ticks, from->scale, &whole)) {
#ifdef __SIZEOF_INT128__
        unsigned __int128 wide = (unsigned __int128)ticks * from->scale / from->divisor;
        if (wide > INT64_MAX) return 0;
        whole = (uint64_t)wide;
#else
        return 0;
#endif
    } else if (from->divisor != 1)
        whole /= from->divisor;
    /* the ends of the range stand for what lies beyond them (carpscope/capture/native.py) */
    return whole <= INT64_MAX && !__builtin_add_overflow((int64_t)whole, from->offset, at) &&
           *at != INT64_MAX && *at != INT64_MIN;
}

/* Count comments and losses that the options of a packet tell of; 0 where 64 bits are too few. */
static int read_options(struct walk *walk, const uint8_t *data, size_t size) {
    uint64_t comments = 0, lost = walk->lost;
    int has_lost = walk->has_lost;
    for (size_t at = 0; size - at >= 4;) {
        unsigned code = half(data + at, walk->big), length = half(data + at + 2, walk->big);
        if (code == 0 || length > size - at - 4) break;
        if (code == 1)
            comments++;
        else if (code == 4 && length == 8) {
            uint64_t first = word(data + at + 4, walk->big), second = word(data + at + 8, walk->big);
            uint64_t more = walk->big ? first << 32 | second : second << 32 | first;
            if (__builtin_add_overflow(lost, more, &lost)) return 0;
            has_lost = 1;
        }
        at += 4 + ((length + 3u) & ~3u);
        if (at > size) break;
    }
    walk->comments += comments;
    walk->lost = lost;
    walk->has_lost = has_lost;
    return 1;
}

enum stop walk_blocks(struct walk *walk, const uint8_t *data, size_t *here, size_t end,
                      struct columns *out) {
    int big = walk->big;
    while (end - *here >= ENHANCED_MIN) {
        const uint8_t *block = data + *here, *packet = block + 28;
        uint32_t size = word(block + 4, big), which = word(block + 8, big);
        uint32_t captured = word(block + 20, big), wire = word(block + 24, big);
        if (word(block, big) != ENHANCED_PACKET || size < ENHANCED_MIN || size > BLOCK_MOST ||
            size & 3 || size > end - *here || captured > size - ENHANCED_MIN ||
            word(block + size - 4, big) != size || which >= walk->interfaces)
            return UNUSUAL;
        const struct interface *from = walk->table + which;
        int left_out = walk->selects && from->link == ETHERNET && is_left_out(packet, captured);
        if (!left_out && (out->count == out->room || captured > out->size - out->used)) return FULL;
        int64_t at;
        if (!time_of(from, (uint64_t)word(block + 12, big) << 32 | word(block + 16, big), &at))
            return UNUSUAL;
        uint32_t padded = (captured + 3) & ~3u, after = size - ENHANCED_MIN - padded;
        if (after && !read_options(walk, packet + padded, after)) return UNUSUAL;
        count_packet(walk, at, captured, wire);
        if (left_out)
            walk->left_out++;
        else
            give_packet(walk, packet, at, captured, wire, walk->before + which, out);
        *here += size;
    }
    return *here == end ? MORE : UNUSUAL;
}
