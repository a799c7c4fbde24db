/* Two parties of many calls, G.711: rtp_stream FILE SECONDS WARM A_HOST A_PORT B_HOST B_PORT [flood]
   FILE: one call a line "A_TO_HOST A_TO_PORT B_TO_HOST B_TO_PORT": where party A and party B of this call send to. What A sends must come
   to B and the reverse; which call and when it was sent are in the packet. Every stream has its own moment within the 20 ms.
   In one call of ten it is B who begins.
   Prints a line of JSON: what was sent and lost after WARM seconds, delays in us, what the own sockets had to drop, how
   often it was late itself, and on how many streams something (on how many everything) was lost. With "flood" everything
   is sent as fast as it goes after the first WARM seconds: then "cpu" is the CPU time of a packet with all that is done with it on this core. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#define BATCH 16
#define BUCKETS 1000000
#define SIZE 172
#define STREAMS 8192
#define PTIME 20000000LL

struct packet {
    uint8_t version, kind;
    uint16_t seq;
    uint32_t stamp, ssrc;
    int64_t sent_at;
    uint32_t stream;
    uint8_t sound[SIZE - 24];
} __attribute__((packed));

static uint32_t delays[BUCKETS], sent_of[STREAMS], got_of[STREAMS];
static uint64_t got, stray;
static uint32_t dropped[2];
static int64_t measured_from;

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static double quantile(double share) {
    uint64_t seen = 0, wanted = got * share;
    for (int i = 0; i < BUCKETS; i++)
        if ((seen += delays[i]) > wanted) return i;
    return BUCKETS;
}

static struct sockaddr_in address(const char *host, int port) {
    struct sockaddr_in made = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, host, &made.sin_addr) != 1) exit(2);
    return made;
}

static int party(const char *host, int port) {
    int sock = socket(AF_INET, SOCK_DGRAM, 0), big = 4 << 20, on = 1;
    struct sockaddr_in own = address(host, port);
    setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big);
    setsockopt(sock, SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof big);
    setsockopt(sock, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
    if (bind(sock, (void *)&own, sizeof own)) { perror(host); exit(1); }
    return sock;
}

static void receive(int sock, int side) {
    static uint8_t room[64][2048], told[64][64];
    struct mmsghdr messages[64];
    struct iovec parts[64];
    for (;;) {
        for (int i = 0; i < 64; i++) {
            parts[i] = (struct iovec){room[i], sizeof room[i]};
            messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1, .msg_control = told[i], .msg_controllen = sizeof told[i]};
        }
        int count = recvmmsg(sock, messages, 64, MSG_DONTWAIT, 0);
        int64_t at = now();
        for (int i = 0; i < count; i++) {
            struct packet *packet = (void *)room[i];
            for (struct cmsghdr *c = CMSG_FIRSTHDR(&messages[i].msg_hdr); c; c = CMSG_NXTHDR(&messages[i].msg_hdr, c))
                if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) dropped[side] = *(uint32_t *)CMSG_DATA(c);
            if (messages[i].msg_len != SIZE || packet->stream >= STREAMS || (int)(packet->stream & 1) == side) { stray++; continue; }
            if (packet->sent_at < measured_from) continue;
            int64_t delay = (at - packet->sent_at) / 1000;
            delays[delay < 0 ? 0 : delay >= BUCKETS ? BUCKETS - 1 : delay]++;
            got_of[packet->stream]++;
            got++;
        }
        if (count < 64) return;
    }
}

int main(int argc, char **argv) {
    if (argc < 8) return 2;
    static struct sockaddr_in towards[STREAMS];
    static struct packet packets[2][BATCH];
    static struct mmsghdr messages[2][BATCH];
    static struct iovec parts[2][BATCH];
    FILE *file = fopen(argv[1], "r");
    char a[64], b[64];
    int a_port, b_port, streams = 0, filled[2] = {0, 0};
    while (file && streams < STREAMS && fscanf(file, "%63s %d %63s %d", a, &a_port, b, &b_port) == 4) {
        towards[streams++] = address(a, a_port);
        towards[streams++] = address(b, b_port);
    }
    if (!streams) return 2;
    int sock[2] = {party(argv[4], atoi(argv[5])), party(argv[6], atoi(argv[7]))};
    for (int side = 0; side < 2; side++)
        for (int i = 0; i < BATCH; i++) {
            packets[side][i].version = 0x80;
            memset(packets[side][i].sound, 0xd5, sizeof packets[side][i].sound);
            parts[side][i] = (struct iovec){&packets[side][i], SIZE};
            messages[side][i].msg_hdr = (struct msghdr){.msg_iov = &parts[side][i], .msg_iovlen = 1, .msg_namelen = sizeof towards[0]};
        }
    packets[1][0].stream = STREAMS;
    for (int stream = 19; stream < streams; stream += 20)
        sendto(sock[1], &packets[1][0], SIZE, 0, (void *)&towards[stream], sizeof towards[stream]);
    struct rusage before, after;
    int64_t start = now() + 20000000, end = start + (int64_t)(atof(argv[2]) * 1e9);
    uint64_t index = 0, sent = 0, unsent = 0, late = 0;
    measured_from = start + (int64_t)(atof(argv[3]) * 1e9);
    int measuring = 0, flood = argc > 8;
    uint64_t sent_before = 0;
    for (;;) {
        int64_t at = now();
        if (at > end) break;
        if (!measuring && at >= measured_from) { measuring = 1; sent_before = index; getrusage(RUSAGE_SELF, &before); }
        for (;;) {
            int64_t due = start + (int64_t)(index / streams) * PTIME + (int64_t)(index % streams) * PTIME / streams;
            if (due > at && !(flood && measuring)) break;
            int stream = index % streams, side = stream & 1;
            struct packet *packet = &packets[side][filled[side]];
            packet->seq = htons(index / streams);
            packet->stamp = htonl(index / streams * 160);
            packet->ssrc = htonl(0x1000 + stream);
            packet->stream = stream;
            packet->sent_at = now();
            messages[side][filled[side]++].msg_hdr.msg_name = &towards[stream];
            if (packet->sent_at >= measured_from) { sent++; sent_of[stream]++; late += !flood && at - due > 2000000; }
            index++;
            if (filled[side] == BATCH) break;
        }
        for (int side = 0; side < 2; side++) {
            for (int done = 0; done < filled[side];) {
                int count = sendmmsg(sock[side], messages[side] + done, filled[side] - done, 0);
                if (count <= 0) { unsent++; count = 1; }
                done += count;
            }
            filled[side] = 0;
            receive(sock[side], side);
        }
    }
    getrusage(RUSAGE_SELF, &after);
    for (int64_t until = now() + 300000000; now() < until;) { receive(sock[0], 0); receive(sock[1], 1); }
    int some = 0, all = 0;
    for (int i = 0; i < streams; i++) { some += got_of[i] < sent_of[i]; all += sent_of[i] && !got_of[i]; }
    double system = (after.ru_stime.tv_sec - before.ru_stime.tv_sec) + (after.ru_stime.tv_usec - before.ru_stime.tv_usec) / 1e6;
    double user = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) + (after.ru_utime.tv_usec - before.ru_utime.tv_usec) / 1e6;
    double cpu = 1e6 * (system + user) / (index - sent_before + 1);
    printf("{\"streams\":%d,\"sent\":%lu,\"lost\":%ld,\"p50\":%.0f,\"p99\":%.0f,\"p999\":%.0f,\"dropped\":%u,\"unsent\":%lu,\"stray\":%lu,"
           "\"late\":%lu,\"streams_hit\":%d,\"streams_silent\":%d,\"cpu\":%.3f}\n",
           streams, sent, (long)(sent - got), quantile(.5), quantile(.99), quantile(.999), dropped[0] + dropped[1], unsent, stray, late,
           some, all, cpu);
}
