/*
 * rtnetlink and taps with nothing in it that could be left out: what Netlink and Tap are measured against.
 *
 * Reads commands from its input, does each as often as it says, and prints the microseconds that passed and those of CPU:
 *
 *   find COUNT NAME             looks the link up by its name
 *   list COUNT LINKS            lists all links, of which there must be that many
 *   create COUNT PREFIX         creates bridges PREFIX0, PREFIX1, ... and reads back what was made
 *   set COUNT NAME              gives the link another MTU each time
 *   ensure COUNT BRIDGE PORT    looks PORT0 up, then BRIDGE0, which is missing; creates it, and attaches the port, both up; ...
 *   nic COUNT BRIDGE PREFIX     creates the persistent tap PREFIX0, looks it up, attaches it to the bridge and sets it up; ...
 *   frames COUNT                sends frames of 1500 bytes from a tap over a bridge to another tap
 *
 * Numbers go on where the last command of that kind ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAME 1500
#define ETHERTYPE 0x88b5 /* for experiments: nobody else's */

struct request {
  struct nlmsghdr header;
  struct ifinfomsg info;
  char attributes[512];
};

/* What a Link holds in Java. The texts are last, and cleared by their first byte. */
struct link {
  int index, mtu, least_mtu, largest_mtu, master, parent, parent_namespace;
  unsigned flags, group, promiscuity, transmit_queue_length, transmit_queues, receive_queues, alternatives;
  unsigned char mac[8], operational_state, carrier;
  union {
    struct {
      unsigned ageing, spanning_tree;
      unsigned short pvid;
      unsigned char vlan_filtering, multicast_snooping;
    } bridge;
    struct {
      unsigned owner, group;
      unsigned char type, persistent, header, queues;
    } tun;
  } data;
  char name[16], kind[16], queueing[16], alias[256], alternative[4][128];
};

static int kernel;
static unsigned sequence;
static char received[1 << 15] __attribute__((aligned(8))); /* the kernel fills no more in a dump */
static struct link links[1 << 15];
static double began, began_cpu;

static void fail(const char *what) {
  fprintf(stderr, "netlink: %s: %s\n", what, strerror(errno));
  exit(1);
}

static double micros(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

/* From here on it counts. */
static void begin(void) {
  began = micros(CLOCK_MONOTONIC);
  began_cpu = micros(CLOCK_THREAD_CPUTIME_ID);
}

static void connect_to_kernel(void) {
  static const int options[] = {NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK};
  struct sockaddr_nl address = {.nl_family = AF_NETLINK};
  int on = 1;
  kernel = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (kernel < 0 || bind(kernel, (struct sockaddr *)&address, sizeof address) != 0) fail("socket");
  for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
    if (setsockopt(kernel, SOL_NETLINK, options[i], &on, sizeof on) != 0) fail("setsockopt");
  }
}

static void start(struct request *request, int type, int flags, int index) {
  memset(request, 0, sizeof request->header + sizeof request->info);
  request->header.nlmsg_len = NLMSG_LENGTH(sizeof request->info);
  request->header.nlmsg_type = type;
  request->header.nlmsg_flags = NLM_F_REQUEST | flags;
  request->header.nlmsg_seq = ++sequence;
  request->info.ifi_index = index;
}

static struct rtattr *put(struct request *request, int type, const void *value, size_t length) {
  struct rtattr *attribute = (void *)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len));
  attribute->rta_type = type;
  attribute->rta_len = RTA_LENGTH(length);
  if (length > 0) memcpy(RTA_DATA(attribute), value, length);
  request->header.nlmsg_len = NLMSG_ALIGN(request->header.nlmsg_len) + RTA_ALIGN(attribute->rta_len);
  return attribute;
}

static void put_text(struct request *request, int type, const char *text) { put(request, type, text, strlen(text) + 1); }

static void send_request(struct request *request) {
  if (send(kernel, request, request->header.nlmsg_len, 0) < 0) fail("send");
}

static void copy_text(char *to, size_t size, struct rtattr *from) {
  size_t length = RTA_PAYLOAD(from);
  if (length >= size) length = size - 1;
  memcpy(to, RTA_DATA(from), length);
  to[length] = '\0';
}

static void copy(void *to, size_t size, struct rtattr *from) {
  if (RTA_PAYLOAD(from) >= size) memcpy(to, RTA_DATA(from), size);
}

static void parse_bridge(struct rtattr *at, int left, struct link *link) {
  for (; RTA_OK(at, left); at = RTA_NEXT(at, left)) {
    switch (at->rta_type) {
      case IFLA_BR_AGEING_TIME: copy(&link->data.bridge.ageing, sizeof link->data.bridge.ageing, at); break;
      case IFLA_BR_STP_STATE: copy(&link->data.bridge.spanning_tree, sizeof link->data.bridge.spanning_tree, at); break;
      case IFLA_BR_VLAN_FILTERING: copy(&link->data.bridge.vlan_filtering, 1, at); break;
      case IFLA_BR_VLAN_DEFAULT_PVID: copy(&link->data.bridge.pvid, sizeof link->data.bridge.pvid, at); break;
      case IFLA_BR_MCAST_SNOOPING: copy(&link->data.bridge.multicast_snooping, 1, at); break;
    }
  }
}

static void parse_tun(struct rtattr *at, int left, struct link *link) {
  for (; RTA_OK(at, left); at = RTA_NEXT(at, left)) {
    switch (at->rta_type) {
      case IFLA_TUN_OWNER: copy(&link->data.tun.owner, sizeof link->data.tun.owner, at); break;
      case IFLA_TUN_GROUP: copy(&link->data.tun.group, sizeof link->data.tun.group, at); break;
      case IFLA_TUN_TYPE: copy(&link->data.tun.type, 1, at); break;
      case IFLA_TUN_PERSIST: copy(&link->data.tun.persistent, 1, at); break;
      case IFLA_TUN_VNET_HDR: copy(&link->data.tun.header, 1, at); break;
      case IFLA_TUN_MULTI_QUEUE: copy(&link->data.tun.queues, 1, at); break;
    }
  }
}

static void parse_kind(struct rtattr *at, int left, struct link *link) {
  for (; RTA_OK(at, left); at = RTA_NEXT(at, left)) {
    if (at->rta_type == IFLA_INFO_KIND) copy_text(link->kind, sizeof link->kind, at);
    else if (at->rta_type != IFLA_INFO_DATA) continue;
    else if (strcmp(link->kind, "bridge") == 0) parse_bridge(RTA_DATA(at), RTA_PAYLOAD(at), link);
    else if (strcmp(link->kind, "tun") == 0) parse_tun(RTA_DATA(at), RTA_PAYLOAD(at), link);
  }
}

static void parse_alternatives(struct rtattr *at, int left, struct link *link) {
  for (; RTA_OK(at, left) && link->alternatives < 4; at = RTA_NEXT(at, left)) {
    copy_text(link->alternative[link->alternatives++], sizeof *link->alternative, at);
  }
}

static void parse(struct nlmsghdr *message, struct link *link) {
  struct ifinfomsg *info = NLMSG_DATA(message);
  int left = IFLA_PAYLOAD(message);
  memset(link, 0, offsetof(struct link, name));
  link->name[0] = link->kind[0] = link->queueing[0] = link->alias[0] = '\0';
  link->index = info->ifi_index;
  link->flags = info->ifi_flags;
  for (struct rtattr *at = IFLA_RTA(info); RTA_OK(at, left); at = RTA_NEXT(at, left)) {
    switch (at->rta_type & NLA_TYPE_MASK) {
      case IFLA_IFNAME: copy_text(link->name, sizeof link->name, at); break;
      case IFLA_IFALIAS: copy_text(link->alias, sizeof link->alias, at); break;
      case IFLA_QDISC: copy_text(link->queueing, sizeof link->queueing, at); break;
      case IFLA_ADDRESS: copy(link->mac, 6, at); break;
      case IFLA_MTU: copy(&link->mtu, sizeof link->mtu, at); break;
      case IFLA_MIN_MTU: copy(&link->least_mtu, sizeof link->least_mtu, at); break;
      case IFLA_MAX_MTU: copy(&link->largest_mtu, sizeof link->largest_mtu, at); break;
      case IFLA_MASTER: copy(&link->master, sizeof link->master, at); break;
      case IFLA_LINK: copy(&link->parent, sizeof link->parent, at); break;
      case IFLA_LINK_NETNSID: copy(&link->parent_namespace, sizeof link->parent_namespace, at); break;
      case IFLA_GROUP: copy(&link->group, sizeof link->group, at); break;
      case IFLA_PROMISCUITY: copy(&link->promiscuity, sizeof link->promiscuity, at); break;
      case IFLA_TXQLEN: copy(&link->transmit_queue_length, sizeof link->transmit_queue_length, at); break;
      case IFLA_NUM_TX_QUEUES: copy(&link->transmit_queues, sizeof link->transmit_queues, at); break;
      case IFLA_NUM_RX_QUEUES: copy(&link->receive_queues, sizeof link->receive_queues, at); break;
      case IFLA_OPERSTATE: copy(&link->operational_state, 1, at); break;
      case IFLA_CARRIER: copy(&link->carrier, 1, at); break;
      case IFLA_LINKINFO: parse_kind(RTA_DATA(at), RTA_PAYLOAD(at), link); break;
      case IFLA_PROP_LIST: parse_alternatives(RTA_DATA(at), RTA_PAYLOAD(at), link); break;
    }
  }
}

/* Reads until the request is answered, and returns how many links were told or -errno; what ends a dump has the place of an errno, too. */
static int answer(struct request *request, struct link *into) {
  int count = 0;
  for (;;) {
    int length = recv(kernel, received, sizeof received, 0);
    if (length < 0) fail("recv");
    for (struct nlmsghdr *at = (void *)received; NLMSG_OK(at, length); at = NLMSG_NEXT(at, length)) {
      if (at->nlmsg_seq != request->header.nlmsg_seq) continue;
      if (at->nlmsg_type == NLMSG_ERROR || at->nlmsg_type == NLMSG_DONE) {
        int error = *(int *)NLMSG_DATA(at);
        return error == 0 ? count : error;
      }
      parse(at, &into[count++]);
      if ((request->header.nlmsg_flags & (NLM_F_ACK | NLM_F_DUMP)) == 0) return count;
    }
  }
}

static int ask(struct request *request, struct link *into) {
  send_request(request);
  return answer(request, into);
}

static void want(int answered, const char *what) {
  if (answered >= 0) return;
  errno = -answered;
  fail(what);
}

static int find(const char *name, struct link *into) {
  struct request request;
  start(&request, RTM_GETLINK, 0, 0);
  put_text(&request, IFLA_IFNAME, name);
  return ask(&request, into);
}

static int list(void) {
  struct request request;
  start(&request, RTM_GETLINK, NLM_F_DUMP, 0);
  return ask(&request, links);
}

static int create_bridge(const char *name, unsigned flags, struct link *into) {
  static const char kind[] = "bridge";
  struct request request;
  start(&request, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK | NLM_F_ECHO, 0);
  request.info.ifi_flags = request.info.ifi_change = flags;
  put_text(&request, IFLA_IFNAME, name);
  struct rtattr *info = put(&request, IFLA_LINKINFO | NLA_F_NESTED, NULL, 0);
  put_text(&request, IFLA_INFO_KIND, kind);
  info->rta_len = (char *)&request + request.header.nlmsg_len - (char *)info;
  return ask(&request, into);
}

static int set_mtu(int index, int mtu) {
  struct request request;
  start(&request, RTM_SETLINK, NLM_F_ACK, index);
  put(&request, IFLA_MTU, &mtu, sizeof mtu);
  return ask(&request, links);
}

static int attach(int index, int master) {
  struct request request;
  start(&request, RTM_SETLINK, NLM_F_ACK, index);
  request.info.ifi_flags = request.info.ifi_change = IFF_UP;
  put(&request, IFLA_MASTER, &master, sizeof master);
  return ask(&request, links);
}

static int open_tap(const char *name) {
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL};
  int tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (tap < 0 || ioctl(tap, TUNSETIFF, &request) != 0) fail("open tap");
  return tap;
}

static void numbered(char *name, const char *prefix, int number) { snprintf(name, IFNAMSIZ, "%s%d", prefix, number); }

static void finds(long count, const char *name) {
  struct link link;
  begin();
  for (long i = 0; i < count; i++) want(find(name, &link), name);
}

static void lists(long count, const char *expected) {
  begin();
  for (long i = 0; i < count; i++) {
    int listed = list();
    want(listed, "list");
    if (listed != atoi(expected)) {
      fprintf(stderr, "netlink: %d links are listed, not %s\n", listed, expected);
      exit(1);
    }
  }
}

static void creates(long count, const char *prefix) {
  static int made;
  char name[IFNAMSIZ];
  struct link link;
  begin();
  for (long i = 0; i < count; i++) {
    numbered(name, prefix, made++);
    want(create_bridge(name, 0, &link), name);
  }
}

static void sets(long count, const char *name) {
  struct link link;
  want(find(name, &link), name);
  begin();
  for (long i = 0; i < count; i++) want(set_mtu(link.index, 1400 + i % 2), name);
}

static void ensures(long count, const char *bridges, const char *ports) {
  static int made;
  char bridge[IFNAMSIZ], port[IFNAMSIZ];
  struct link master, link;
  begin();
  for (long i = 0; i < count; i++, made++) {
    numbered(bridge, bridges, made);
    numbered(port, ports, made);
    want(find(port, &link), port);
    if (find(bridge, &master) != -ENODEV) fail(bridge);
    want(create_bridge(bridge, IFF_UP, &master), bridge);
    want(attach(link.index, master.index), port);
  }
}

static void nics(long count, const char *bridge, const char *prefix) {
  static int made;
  char name[IFNAMSIZ];
  struct link master, link;
  want(find(bridge, &master), bridge);
  begin();
  for (long i = 0; i < count; i++) {
    numbered(name, prefix, made++);
    int tap = open_tap(name);
    if (ioctl(tap, TUNSETPERSIST, 1) != 0) fail("TUNSETPERSIST");
    close(tap);
    want(find(name, &link), name);
    want(attach(link.index, master.index), name);
  }
}

static void address(unsigned char *frame, unsigned char to, unsigned char from) {
  memset(frame, 0, FRAME);
  frame[0] = frame[6] = 2; /* locally administered */
  frame[5] = to;
  frame[11] = from;
  frame[12] = ETHERTYPE >> 8;
  frame[13] = ETHERTYPE & 0xff;
}

static int arrived(int tap) {
  static unsigned char frame[2048];
  for (;;) {
    ssize_t length = read(tap, frame, sizeof frame);
    if (length < 0) return 0;
    if (length == FRAME && frame[12] == ETHERTYPE >> 8 && frame[13] == (ETHERTYPE & 0xff)) return 1;
  }
}

static int carry(int from, int to, const unsigned char *frame) {
  if (write(from, frame, FRAME) != FRAME) fail("write");
  return arrived(to);
}

static void frames(long count) {
  static int first = -1, second;
  static unsigned char frame[FRAME];
  if (first < 0) {
    unsigned char back[FRAME];
    struct link bridge, link;
    want(create_bridge("c-frames", IFF_UP, &bridge), "c-frames");
    first = open_tap("c-first");
    second = open_tap("c-second");
    want(find("c-first", &link), "c-first");
    want(attach(link.index, bridge.index), "c-first");
    want(find("c-second", &link), "c-second");
    want(attach(link.index, bridge.index), "c-second");
    address(frame, 2, 1);
    address(back, 1, 2);
    /* Carriers come up a moment later; then the bridge learns where the addresses are. */
    for (int i = 0; !carry(first, second, frame) || !carry(second, first, back); i++) {
      if (i == 5000) fail("a frame does not arrive");
      usleep(1000);
    }
  }
  begin();
  for (long i = 0; i < count; i++) {
    if (carry(first, second, frame)) continue;
    /* The kernel hands over in the call that sends, unless the link is busy with a frame of its own. */
    double end = micros(CLOCK_MONOTONIC) + 5e6;
    while (!arrived(second)) {
      if (micros(CLOCK_MONOTONIC) > end) fail("a frame does not arrive");
    }
  }
}

int main(void) {
  char line[256], verb[16], first[32], second[32];
  long count;
  connect_to_kernel();
  while (fgets(line, sizeof line, stdin) != NULL) {
    first[0] = second[0] = '\0';
    if (sscanf(line, "%15s %ld %31s %31s", verb, &count, first, second) < 2) fail(line);
    if (strcmp(verb, "find") == 0) finds(count, first);
    else if (strcmp(verb, "list") == 0) lists(count, first);
    else if (strcmp(verb, "create") == 0) creates(count, first);
    else if (strcmp(verb, "set") == 0) sets(count, first);
    else if (strcmp(verb, "ensure") == 0) ensures(count, first, second);
    else if (strcmp(verb, "nic") == 0) nics(count, first, second);
    else if (strcmp(verb, "frames") == 0) frames(count);
    else fail(line);
    printf("%.1f %.1f\n", micros(CLOCK_MONOTONIC) - began, micros(CLOCK_THREAD_CPUTIME_ID) - began_cpu);
    fflush(stdout);
  }
  return 0;
}
