/* The floor: what the work on every advertisement costs a program that does nothing else.
 *
 *     floor PASSPHRASE ADDRESS[,ADDRESS...] FILE
 *
 * Reads with libpcap and its filter; decodes Ethernet, VLAN tags, IPv4 and IPv6; tests the IP
 * and the CARP checksum, version, type, authlen and TTL; verifies each HMAC-SHA1 under the
 * passphrase and all addresses or one of them, whichever fits the group; looks for replayed
 * counters and for another master. As carpscope, it begins each HMAC from copied hash states;
 * it checks every advertisement, also one that is equal to the one before. It keeps no history,
 * finds no cause and prints one line.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* the plain functions cost less per call than EVP */
#include <arpa/inet.h>
#include <openssl/sha.h>
#include <pcap/pcap.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CARP = 112, SIZE = 36, ADDRESSES_MAX = 256 };

struct group {
    SHA_CTX inner, outer; /* of the key and message that fit, where one did */
    uint8_t last[SIZE], master[16];
    uint64_t counter;
    int keyed, seen;
};

struct address {
    uint8_t bytes[16];
    int size;
};

static struct address addresses[ADDRESSES_MAX];
static int address_count;
static uint8_t key[64];
static struct group *groups[4096 * 256];
static unsigned long adverts, bad_ip, bad_carp, refused, good, wrong, replays, changes, group_count;

static unsigned sum(const uint8_t *data, int size) {
    uint64_t total = 0;
    for (int at = 0; at + 1 < size; at += 2) total += (unsigned)(data[at] << 8 | data[at + 1]);
    while (total >> 16) total = (total & 0xffff) + (total >> 16);
    return (unsigned)total;
}

static void prepare(struct group *group, int vhid, int first, int count) {
    uint8_t pad[64], head[3] = {2, 1, (uint8_t)vhid};
    for (int at = 0; at < 64; at++) pad[at] = key[at] ^ 0x36;
    SHA1_Init(&group->inner);
    SHA1_Update(&group->inner, pad, 64);
    SHA1_Update(&group->inner, head, 3);
    for (int size = 4; size <= 16; size += 12) /* IPv4 first */
        for (int at = first; at < first + count; at++)
            if (addresses[at].size == size) SHA1_Update(&group->inner, addresses[at].bytes, size);
    for (int at = 0; at < 64; at++) pad[at] = key[at] ^ 0x5c;
    SHA1_Init(&group->outer);
    SHA1_Update(&group->outer, pad, 64);
}

static int fits(const struct group *group, const uint8_t *advert) {
    uint8_t digest[20];
    SHA_CTX state = group->inner;
    SHA1_Update(&state, advert + 8, 8);
    SHA1_Final(digest, &state);
    state = group->outer;
    SHA1_Update(&state, digest, 20);
    SHA1_Final(digest, &state);
    return memcmp(digest, advert + 16, 20) == 0;
}

static int verified(struct group *group, const uint8_t *advert) {
    if (group->keyed) return fits(group, advert);
    for (int at = -1; at < address_count; at++) {
        prepare(group, advert[1], at < 0 ? 0 : at, at < 0 ? address_count : 1);
        if (fits(group, advert)) return group->keyed = 1;
    }
    return 0;
}

static void carp(const uint8_t *advert, int vlan, const uint8_t *source, int source_size) {
    adverts++;
    if (advert[0] != 0x21 || advert[3] != 7) { refused++; return; }
    struct group **place = &groups[vlan << 8 | advert[1]], *group = *place;
    if (group == NULL) {
        group = *place = calloc(1, sizeof *group);
        if (group == NULL) exit(2);
        group_count++;
    }
    if (sum(advert, SIZE) != 0xffff) { bad_carp++; return; }
    if (verified(group, advert)) good++; else wrong++;
    uint64_t counter;
    memcpy(&counter, advert + 8, 8);
    counter = be64toh(counter);
    if (group->seen && counter <= group->counter && memcmp(group->last, advert, SIZE) != 0)
        replays++;
    group->counter = counter;
    memcpy(group->last, advert, SIZE);
    if (memcmp(group->master, source, (size_t)source_size) != 0) {
        if (group->seen) changes++;
        memcpy(group->master, source, (size_t)source_size);
    }
    group->seen = 1;
}

static void packet(uint8_t *unused, const struct pcap_pkthdr *header, const uint8_t *data) {
    (void)unused;
    const uint8_t *end = data + header->caplen, *at = data + 12;
    int vlan = 0;
    if (end - data < 14) { refused++; return; }
    while (end - at >= 6 && ((at[0] == 0x81 && at[1] == 0) || (at[0] == 0x88 && at[1] == 0xa8))) {
        vlan = (at[2] & 15) << 8 | at[3];
        at += 4;
    }
    int type = at[0] << 8 | at[1];
    at += 2;
    if (type == 0x0800 && end - at >= 20) {
        int head = (at[0] & 15) * 4, total = at[2] << 8 | at[3];
        if (at[0] >> 4 != 4 || head < 20 || total < head + SIZE || end - at < head + SIZE ||
            ((at[6] & 0x3f) | at[7]) != 0 || at[8] != 255 || at[9] != CARP) { refused++; return; }
        if (sum(at, head) != 0xffff) { bad_ip++; return; }
        carp(at + head, vlan, at + 12, 4);
    } else if (type == 0x86dd && end - at >= 40 + SIZE && at[0] >> 4 == 6 && at[6] == CARP &&
               at[7] == 255 && (at[4] << 8 | at[5]) >= SIZE) {
        carp(at + 40, vlan, at + 8, 16);
    } else refused++;
}

int main(int count, char **words) {
    char error[PCAP_ERRBUF_SIZE];
    if (count != 4 || strlen(words[1]) > 20) {
        fprintf(stderr, "usage: floor PASSPHRASE ADDRESS[,ADDRESS...] FILE\n");
        return 2;
    }
    memcpy(key, words[1], strlen(words[1]));
    for (char *text = strtok(words[2], ","); text != NULL; text = strtok(NULL, ",")) {
        if (address_count == ADDRESSES_MAX) return 2;
        struct address *address = &addresses[address_count++];
        address->size = strchr(text, ':') ? 16 : 4;
        if (inet_pton(address->size == 4 ? AF_INET : AF_INET6, text, address->bytes) != 1) return 2;
    }
    pcap_t *capture = pcap_open_offline(words[3], error);
    if (capture == NULL) {
        fprintf(stderr, "%s\n", error);
        return 2;
    }
    struct bpf_program filter;
    const char *wanted = "ip proto 112 or ip6 proto 112 or "
                         "(vlan and (ip proto 112 or ip6 proto 112 or "
                         "(vlan and (ip proto 112 or ip6 proto 112))))";
    if (pcap_datalink(capture) != DLT_EN10MB ||
        pcap_compile(capture, &filter, wanted, 1, PCAP_NETMASK_UNKNOWN) != 0 ||
        pcap_setfilter(capture, &filter) != 0 || pcap_loop(capture, -1, packet, NULL) != 0) {
        fprintf(stderr, "%s\n", pcap_geterr(capture));
        return 2;
    }
    printf("adverts %lu groups %lu good %lu wrong %lu bad-ip %lu bad-carp %lu refused %lu "
           "replays %lu changes %lu\n",
           adverts, group_count, good, wrong, bad_ip, bad_carp, refused, replays, changes);
    return 0;
}
