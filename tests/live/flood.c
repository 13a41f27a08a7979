/* Sends CARP advertisements from an AF_PACKET socket at a given rate, for tests/live/flood.py.
 *
 * flood INTERFACE RATE SECONDS VHIDS [FIRST]: half of the groups count as FreeBSD does, half repeat
 * one cookie as OpenBSD does. HMACs are random bytes, as to somebody without the passphrase.
 * Those that repeat it have an IPv4 id of their own, as OpenBSD gives them.
 * With FIRST, every advertisement has a source address and a counter of its own, and vhids begin
 * with that one: senders that somebody invents.
 *
 * flood INTERFACE RATE SECONDS CAPTURE sends the packets of a pcap file, in their order.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <fcntl.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FRAME = 70, BATCH = 64 };

static uint16_t sum16(const uint8_t *data, int length) {
  uint32_t total = 0;
  for (int i = 0; i < length; i += 2) total += (uint32_t)data[i] << 8 | data[i + 1];
  while (total >> 16) total = (total & 0xffff) + (total >> 16);
  return (uint16_t)~total;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Sends what a capture holds; returns how many frames. */
static uint64_t replay(int fd, const char *path, double rate, double seconds) {
  int file = open(path, O_RDONLY);
  struct stat about;
  if (file < 0 || fstat(file, &about)) { perror(path); exit(1); }
  uint8_t *all = mmap(0, (size_t)about.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
  if (all == MAP_FAILED) { perror(path); exit(1); }
  struct iovec parts[BATCH];
  struct mmsghdr messages[BATCH];
  memset(messages, 0, sizeof messages);
  for (int i = 0; i < BATCH; i++) {
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  uint64_t sent = 0;
  off_t next = 24;
  double begin = now();
  while (now() - begin < seconds && next + 16 < about.st_size) {
    if (now() < begin + (double)sent / rate) { usleep(200); continue; }
    unsigned count = 0;
    for (; count < BATCH && next + 16 < about.st_size; count++) {
      uint32_t length;
      memcpy(&length, all + next + 8, 4);
      parts[count] = (struct iovec){all + next + 16, length};
      next += 16 + (off_t)length;
    }
    for (unsigned given = 0; given < count;) {
      int done = sendmmsg(fd, messages + given, count - given, 0);
      if (done > 0) { given += (unsigned)done; sent += (uint64_t)done; }
    }
  }
  return sent;
}

int main(int argc, char **argv) {
  if (argc < 5) return 2;
  double rate = atof(argv[2]), seconds = atof(argv[3]);
  int vhids = atoi(argv[4]), first = argc > 5 ? atoi(argv[5]) : 1, invented = argc > 5;
  int fd = socket(AF_PACKET, SOCK_RAW, 0);
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(argv[1])};
  int on = 1;
  setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on);
  if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof to)) { perror("flood"); return 1; }
  if (vhids == 0) {
    double start = now();
    uint64_t given = replay(fd, argv[4], rate, seconds);
    printf("%llu %.3f\n", (unsigned long long)given, now() - start);
    return 0;
  }
  static uint8_t frames[BATCH][FRAME];
  struct iovec parts[BATCH];
  struct mmsghdr messages[BATCH];
  static uint64_t counters[256];
  memset(messages, 0, sizeof messages);
  for (int i = 0; i < BATCH; i++) {
    parts[i] = (struct iovec){frames[i], FRAME};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  uint64_t sent = 0;
  double begin = now();
  while (now() - begin < seconds) {
    double due = begin + (double)sent / rate;
    if (now() < due) { usleep(200); continue; }
    for (int i = 0; i < BATCH; i++) {
      int vhid = first + (int)((sent + (uint64_t)i) % (uint64_t)vhids);
      uint8_t *f = frames[i], *ip = f + 14, *carp = ip + 20;
      memcpy(f, "\x01\x00\x5e\x00\x00\x12\x00\x00\x5e\x00\x01", 11);
      f[11] = (uint8_t)vhid; f[12] = 8; f[13] = 0;
      memcpy(ip, "\x45\x10\x00\x38\x00\x00\x40\x00\xff\x70\x00\x00\xc0\x00\x02\x01\xe0\x00\x00\x12", 20);
      ip[15] = (uint8_t)vhid;
      uint64_t number = sent + (uint64_t)i;
      if (invented) {
        ip[12] = 10; ip[13] = (uint8_t)(number >> 16); ip[14] = (uint8_t)(number >> 8); ip[15] = (uint8_t)number;
      }
      if (!invented && vhid % 2 == 0) {
        uint16_t id = (uint16_t)(++counters[vhid] * 40503u) ? : 1;
        ip[4] = (uint8_t)(id >> 8); ip[5] = (uint8_t)id;
      }
      uint16_t check = sum16(ip, 20);
      ip[10] = (uint8_t)(check >> 8); ip[11] = (uint8_t)check;
      memset(carp, 0, 36);
      carp[0] = 0x21; carp[1] = (uint8_t)vhid; carp[3] = 7; carp[5] = 1;
      uint64_t counter = invented ? (number + 1) * 0x9e3779b97f4a7c15u : vhid % 2 ? ++counters[vhid] : 0x1122334455667788u;
      for (int b = 0; b < 8; b++) carp[8 + b] = (uint8_t)(counter >> (56 - 8 * b));
      for (int b = 0; b < 20; b++) carp[16 + b] = (uint8_t)(counter * 2654435761u >> (b % 8)) ^ (uint8_t)b;
      check = sum16(carp, 36);
      carp[6] = (uint8_t)(check >> 8); carp[7] = (uint8_t)check;
    }
    int done = sendmmsg(fd, messages, BATCH, 0);
    if (done > 0) sent += (uint64_t)done;
  }
  printf("%llu %.3f\n", (unsigned long long)sent, now() - begin);
  return 0;
}
