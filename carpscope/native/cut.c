#include "cut.h"

#include <string.h>

enum {
    ETHERNET = 1,
    SLL = 113,
    SLL2 = 276,
    PROTOCOL = 112,
    TAIL = 30, /* CARP checksum, counter, HMAC: the end of a plain frame */
    TAGS_MOST = 2,
    NOT_LAID_OUT = -1
};
#define NOBODY (UINT64_MAX - 1)
#define ANYBODY UINT64_MAX

static unsigned half(const uint8_t *data) {
    return (unsigned)(data[0] << 8 | data[1]);
}

static uint64_t eight(const uint8_t *data) {
    uint64_t value = 0;
    for (int at = 0; at < 8; at++) value = value << 8 | data[at];
    return value;
}

static int is_tag(unsigned ethertype) {
    return ethertype == 0x8100 || ethertype == 0x88a8 || ethertype == 0x9100 ||
           ethertype == 0x9200 || ethertype == 0x9300;
}

static int is_raw(uint32_t link) {
    return link == 12 || link == 14 || link == 101;
}

/* Find where IP begins in a plain frame of that link type and length; NOT_LAID_OUT where none
 * is so long. */
static int ip_of(uint32_t link, uint32_t size, int *version) {
    int first = link == ETHERNET ? 14 : link == SLL ? 16 : link == SLL2 ? 20 : 0;
    int last = link == ETHERNET ? first + 4 * TAGS_MOST : first;
    if (!first && !is_raw(link)) return NOT_LAID_OUT;
    for (int ip = first; ip <= last; ip += 4)
        if (size == (uint32_t)ip + 56 || size == (uint32_t)ip + 76) {
            *version = size == (uint32_t)ip + 56 ? 4 : 6;
            return ip;
        }
    return NOT_LAID_OUT;
}

/* VLANs, at most two and none of them 0, and vhid, as one number. */
static uint64_t group_key(const unsigned *vlans, int count, unsigned vhid) {
    uint64_t key = (uint64_t)count << 40 | (uint64_t)vhid << 32;
    for (int at = 0; at < count; at++) key |= (uint64_t)vlans[at] << (16 * at);
    return key;
}

static uint64_t mixed(uint64_t value) {
    value = (value ^ value >> 32) * 0xd6e8feb86659fd93u;
    value = (value ^ value >> 32) * 0xd6e8feb86659fd93u;
    return value ^ value >> 32;
}

/* Forget all senders; trains that are open go on without. */
static void forget(struct cutter *cutter) {
    memset(cutter->sender_at, 0, sizeof cutter->sender_at);
    memset(cutter->group_at, 0, sizeof cutter->group_at);
    cutter->senders = cutter->groups = 0;
}

static void close_train(struct cutter *cutter, uint32_t group) {
    uint32_t train = cutter->group[group].open;
    struct sender *sender = &cutter->sender[cutter->sender_of[train]];
    cutter->train[train].is_seen = sender->is_seen;
    sender->is_seen = 1;
}

/* End the open train of a group, which then has none. */
static void end(struct cutter *cutter, uint32_t group) {
    struct group *one = &cutter->group[group];
    if (one->open == NO_ROW) return;
    close_train(cutter, group);
    uint32_t moved = cutter->open[--cutter->open_count];
    cutter->open[one->place] = moved;
    cutter->group[moved].place = one->place;
    one->open = NO_ROW;
}

static void end_all(struct cutter *cutter) {
    while (cutter->open_count) end(cutter, cutter->open[cutter->open_count - 1]);
}

/* Find a group; NO_ROW where there is none and none is to be made. */
static uint32_t group_of(struct cutter *cutter, uint64_t key, int makes) {
    uint32_t at = (uint32_t)(mixed(key ^ cutter->seed) % (2 * SENDERS_KEPT));
    for (; cutter->group_at[at]; at = (at + 1) % (2 * SENDERS_KEPT)) {
        uint32_t found = cutter->group_at[at] - 1;
        if (cutter->group[found].key == key) return found;
    }
    if (!makes) return NO_ROW;
    uint32_t made = cutter->groups++; /* no more than senders */
    cutter->group_at[at] = made + 1;
    cutter->group[made] = (struct group){.key = key, .open = NO_ROW};
    return made;
}

/* Tell whether what does not move is a plain advertisement; say of which group it is. */
static int is_plain(const uint8_t *frame, uint32_t link, int ip, int version, uint64_t *key) {
    unsigned vlans[TAGS_MOST];
    int count = 0;
    if (link == ETHERNET)
        for (int at = 12; at + 2 < ip; at += 4) {
            if (!is_tag(half(frame + at))) return 0;
            unsigned vlan = half(frame + at + 2) & 0xfff;
            if (vlan) vlans[count++] = vlan;
        }
    if (!is_raw(link)) {
        unsigned type = half(link == SLL2 ? frame : frame + ip - 2);
        if (type != (version == 4 ? 0x0800 : 0x86dd)) return 0;
    }
    const uint8_t *head = frame + ip, *carp = head + (version == 4 ? 20 : 40);
    if (version == 4) {
        static const uint8_t group[4] = {224, 0, 0, 18};
        if (head[0] != 0x45 || half(head + 2) != 56 || (head[6] & 0xbf) != 0 || head[7] != 0 ||
            head[8] != 255 || head[9] != PROTOCOL || memcmp(head + 16, group, 4) != 0)
            return 0;
    } else {
        static const uint8_t group[16] = {0xff, 2, [15] = 18};
        if (head[0] >> 4 != 6 || half(head + 4) != 36 || head[6] != PROTOCOL || head[7] != 255 ||
            memcmp(head + 24, group, 16) != 0)
            return 0;
    }
    if (carp[0] != 0x21 || carp[3] != 7 || (carp[2] == 255 && carp[5] == 255)) return 0;
    *key = group_key(vlans, count, carp[1]);
    return 1;
}

/* Find or make the sender of a frame; NO_ROW where the frame is not plain. */
static uint32_t sender_of(struct cutter *cutter, const uint8_t *frame, uint32_t link, int ip,
                          int version, uint32_t capture) {
    uint8_t name[NAME_SIZE] = {0};
    uint32_t size = (uint32_t)ip + (version == 4 ? 56 : 76);
    memcpy(name, &capture, 4);
    name[4] = (uint8_t)(link >> 8);
    name[5] = (uint8_t)link;
    name[6] = (uint8_t)size;
    uint8_t *into = name + 8;
    if (version == 4) { /* what lies around id and header checksum */
        memcpy(into, frame, (size_t)ip + 4);
        memcpy(into + ip + 4, frame + ip + 6, 4);
        memcpy(into + ip + 8, frame + ip + 12, 14);
    } else
        memcpy(into, frame, (size_t)ip + 46);
    uint64_t hash = cutter->seed, word;
    for (int part = 0; part < NAME_SIZE; part += 8) {
        memcpy(&word, name + part, 8);
        hash = mixed(hash ^ word);
    }
    uint32_t at = (uint32_t)(hash % (2 * SENDERS_KEPT));
    for (; cutter->sender_at[at]; at = (at + 1) % (2 * SENDERS_KEPT)) {
        uint32_t found = cutter->sender_at[at] - 1;
        if (memcmp(cutter->sender[found].name, name, NAME_SIZE) == 0)
            return cutter->sender[found].is_plain ? found : NO_ROW;
    }
    if (cutter->senders == SENDERS_KEPT) {
        end_all(cutter);
        forget(cutter);
        at = (uint32_t)(hash % (2 * SENDERS_KEPT));
    }
    uint64_t key = 0;
    uint32_t made = cutter->senders++;
    struct sender *sender = &cutter->sender[made];
    cutter->sender_at[at] = made + 1;
    memset(sender, 0, sizeof *sender);
    memcpy(sender->name, name, NAME_SIZE);
    sender->id = ++cutter->ids;
    sender->version = (uint8_t)version;
    sender->is_plain = (uint8_t)is_plain(frame, link, ip, version, &key);
    if (!sender->is_plain) return NO_ROW;
    const uint8_t *carp = frame + size - TAIL - 6;
    sender->rest = (uint16_t)((half(carp) + half(carp + 2) + half(carp + 4)) % 65535);
    sender->group = group_of(cutter, key, 1);
    return made;
}

static int sums_up(const struct sender *sender, const uint8_t *tail) {
    uint32_t sum = sender->rest;
    for (int at = 0; at < TAIL; at += 2) sum += half(tail + at);
    return sum % 65535 == 0;
}

/* Say of whose group a packet that is in no train may be. */
static uint64_t concerned(const uint8_t *packet, size_t size, uint32_t link) {
    unsigned vlans[TAGS_MOST], type;
    int count = 0;
    size_t at;
    if (link == ETHERNET) {
        if (size < 14) return NOBODY;
        type = half(packet + 12);
        at = 14;
        while (is_tag(type) && at + 4 <= size) {
            unsigned vlan = half(packet + at) & 0xfff;
            if (vlan && count++ < TAGS_MOST) vlans[count - 1] = vlan;
            type = half(packet + at + 2);
            at += 4;
        }
        if (type < 0x0600 && at + 2 <= size && half(packet + at) == 0x4242) return NOBODY;
    } else if (is_raw(link)) {
        at = 0;
        type = size && packet[0] >> 4 == 4 ? 0x0800 : 0x86dd;
    } else if (link == SLL || link == SLL2) {
        at = link == SLL ? 16 : 20;
        if (size < at) return ANYBODY;
        type = half(link == SLL ? packet + 14 : packet);
    } else
        return ANYBODY;
    if (type == 0x0806 || type == 0x88cc) return NOBODY;
    const uint8_t *carp;
    if (type == 0x0800 && at + 22 <= size && packet[at] == 0x45) {
        if (packet[at + 9] == 2) return NOBODY;
        if (packet[at + 9] != PROTOCOL || (half(packet + at + 6) & 0x3fff) != 0) return ANYBODY;
        carp = packet + at + 20;
    } else if (type == 0x86dd && at + 42 <= size && packet[at] >> 4 == 6) {
        if (packet[at + 6] == 58) return NOBODY;
        if (packet[at + 6] != PROTOCOL) return ANYBODY;
        carp = packet + at + 40;
    } else
        return ANYBODY;
    if (carp[0] >> 4 == 3 || count > TAGS_MOST) return NOBODY;
    return group_key(vlans, count, carp[1]);
}

static void loose(struct cutter *cutter, const struct batch *batch, uint32_t row) {
    cutter->unit[row] = LOOSE;
    if (!cutter->open_count) return;
    uint64_t key = concerned(batch->data + batch->offset[row], batch->captured[row],
                             batch->links[batch->interface[row]]);
    if (key == NOBODY) return;
    if (key == ANYBODY) {
        end_all(cutter);
        return;
    }
    uint32_t group = group_of(cutter, key, 0);
    if (group != NO_ROW) end(cutter, group);
}

static const uint8_t *tail_of(const struct batch *batch, uint32_t row) {
    return batch->data + batch->offset[row] + batch->captured[row] - TAIL;
}

void cutter_moving(const struct batch *batch, uint32_t row, int version, uint8_t *into) {
    const uint8_t *tail = tail_of(batch, row);
    memset(into, 0, 4);
    if (version == 4) {
        memcpy(into, tail - 22, 2);     /* id, 4 bytes into the header */
        memcpy(into + 2, tail - 16, 2); /* checksum, 10 bytes into it */
    }
    memcpy(into + 4, tail, TAIL);
}

/* Find the place of the row that a packet is a copy of; NO_ROW where it is none. */
static uint32_t copied(const struct cutter *cutter, const struct batch *batch,
                       const struct train *train, uint32_t row) {
    uint8_t mine[MOVING_SIZE], other[MOVING_SIZE];
    cutter_moving(batch, row, train->version, mine);
    for (uint32_t back = 1; back <= LOOKED_BACK && back <= train->count; back++) {
        uint32_t place = train->count - back, before = train->recent[place % LOOKED_BACK];
        int64_t at = batch->at[row], then = batch->at[before];
        if (at < then || (uint64_t)at - (uint64_t)then > (uint64_t)cutter->window) return NO_ROW;
        cutter_moving(batch, before, train->version, other);
        if (memcmp(mine, other, MOVING_SIZE) == 0) return place;
    }
    return NO_ROW;
}

static void begin(struct cutter *cutter, uint32_t group, uint32_t sender, uint32_t row) {
    uint32_t made = cutter->trains++;
    cutter->group[group].open = made;
    cutter->sender_of[made] = sender;
    cutter->unit[row] = made;
    struct train *train = &cutter->train[made];
    memset(train, 0, sizeof *train);
    train->first = train->last = row;
    train->first_copy = train->last_copy = NO_ROW;
    train->count = 1;
    train->group = group;
    train->sender = cutter->sender[sender].id;
    train->version = cutter->sender[sender].version;
    train->recent[0] = row;
}

/* Take a row whose group's open train is of the same sender. */
static void go_on(struct cutter *cutter, const struct batch *batch, uint32_t group,
                  uint32_t sender, uint32_t row) {
    struct train *train = &cutter->train[cutter->group[group].open];
    uint32_t place = copied(cutter, batch, train, row);
    if (place != NO_ROW) {
        cutter->place[row] = place;
        if (train->copies++) cutter->next_row[train->last_copy] = row;
        else train->first_copy = row;
        train->last_copy = row;
        return;
    }
    const uint8_t *tail = tail_of(batch, row), *before = tail_of(batch, train->last);
    uint8_t kind = JUMPS;
    if (memcmp(tail, before, TAIL) == 0) kind = SAME;
    else if (eight(before + 2) != UINT64_MAX && eight(tail + 2) == eight(before + 2) + 1)
        kind = COUNTS;
    if (train->kind != ONE && train->kind != kind) {
        close_train(cutter, group);
        begin(cutter, group, sender, row);
        return;
    }
    train->kind = kind;
    cutter->next_row[train->last] = row;
    train->recent[train->count++ % LOOKED_BACK] = row;
    train->last = row;
}

void cutter_cut(struct cutter *cutter, const struct batch *batch) {
    cutter->trains = 0;
    for (uint32_t row = 0; row < batch->count; row++) {
        cutter->unit[row] = cutter->next_row[row] = NO_ROW;
        const uint8_t *frame = batch->data + batch->offset[row];
        uint32_t link = batch->links[batch->interface[row]], size = batch->captured[row];
        int version = 0, ip = ip_of(link, size, &version);
        uint32_t sender = NO_ROW;
        if (ip != NOT_LAID_OUT && batch->wire[row] == size)
            sender = sender_of(cutter, frame, link, ip, version, batch->capture);
        if (sender == NO_ROW || !sums_up(&cutter->sender[sender], frame + size - TAIL)) {
            loose(cutter, batch, row);
            continue;
        }
        uint32_t group = cutter->sender[sender].group;
        struct group *one = &cutter->group[group];
        if (one->open != NO_ROW && cutter->sender_of[one->open] == sender) {
            go_on(cutter, batch, group, sender, row);
            continue;
        }
        if (one->open != NO_ROW)
            close_train(cutter, group);
        else {
            one->place = cutter->open_count;
            cutter->open[cutter->open_count++] = group;
        }
        begin(cutter, group, sender, row);
    }
    end_all(cutter);
}
