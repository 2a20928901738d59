package io.n0stack.n0core.net.netlink;

/** Numbers of linux/rtnetlink.h, linux/neighbour.h and linux/fib_rules.h beyond those of links. */
final class RouteNumbers {
  static final int RTM_NEWROUTE = 24;
  static final int RTM_DELROUTE = 25;
  static final int RTM_GETROUTE = 26;
  static final int RTM_NEWNEIGH = 28;
  static final int RTM_DELNEIGH = 29;
  static final int RTM_GETNEIGH = 30;
  static final int RTM_NEWRULE = 32;
  static final int RTM_DELRULE = 33;
  static final int RTM_GETRULE = 34;

  static final int NDMSG = 12; // struct ndmsg
  static final int NDMSG_INDEX = 4;
  static final int NDMSG_STATE = 8;
  static final int NDMSG_FLAGS = 10;
  static final int NDA_DST = 1;
  static final int NDA_LLADDR = 2;
  static final int NDA_VLAN = 5;
  static final int NDA_PORT = 6;
  static final int NDA_VNI = 7;
  static final int NDA_IFINDEX = 8;
  static final int NDA_MASTER = 9;
  static final int NTF_SELF = 0x02;
  static final int NTF_MASTER = 0x04;
  static final int NTF_PROXY = 0x08;
  static final int NTF_EXT_LEARNED = 0x10;
  static final int NTF_STICKY = 0x40;
  static final int NTF_ROUTER = 0x80;
  static final int NUD_REACHABLE = 0x02;
  static final int NUD_NOARP = 0x40;
  static final int NUD_PERMANENT = 0x80;

  static final int RTMSG = 12; // struct rtmsg
  static final int RTMSG_DST_LEN = 1;
  static final int RTMSG_SRC_LEN = 2;
  static final int RTMSG_TABLE = 4;
  static final int RTMSG_PROTOCOL = 5;
  static final int RTMSG_SCOPE = 6;
  static final int RTMSG_TYPE = 7;
  static final int RTMSG_FLAGS = 8;
  static final int RTM_F_LOOKUP_TABLE = 0x1000;
  static final int RTM_F_FIB_MATCH = 0x2000;
  static final int RT_TABLE_COMPAT = 252; // says that the table is in RTA_TABLE
  static final int RTA_DST = 1;
  static final int RTA_SRC = 2;
  static final int RTA_IIF = 3;
  static final int RTA_OIF = 4;
  static final int RTA_GATEWAY = 5;
  static final int RTA_PRIORITY = 6;
  static final int RTA_PREFSRC = 7;
  static final int RTA_METRICS = 8;
  static final int RTA_MULTIPATH = 9;
  static final int RTA_TABLE = 15;
  static final int RTA_MARK = 16;
  static final int RTA_VIA = 18;
  static final int RTAX_MTU = 2;
  static final int RTVIA_FAMILY = 2; // in struct rtvia, before the address
  static final int RTNEXTHOP = 8; // struct rtnexthop
  static final int RTNEXTHOP_FLAGS = 2;
  static final int RTNEXTHOP_HOPS = 3; // the weight less one
  static final int RTNEXTHOP_INDEX = 4;
  static final int RTNH_F_DEAD = 0x01;
  static final int RTNH_F_ONLINK = 0x04;
  static final int RTNH_F_LINKDOWN = 0x10;

  static final int FIB_RULE = 12; // struct fib_rule_hdr
  static final int FIB_RULE_DST_LEN = 1;
  static final int FIB_RULE_SRC_LEN = 2;
  static final int FIB_RULE_TABLE = 4;
  static final int FIB_RULE_ACTION = 7;
  static final int FIB_RULE_FLAGS = 8;
  static final int FIB_RULE_INVERT = 0x02;
  static final int FRA_DST = 1;
  static final int FRA_SRC = 2;
  static final int FRA_IIFNAME = 3;
  static final int FRA_GOTO = 4;
  static final int FRA_PRIORITY = 6;
  static final int FRA_FWMARK = 10;
  static final int FRA_SUPPRESS_PREFIXLEN = 14;
  static final int FRA_TABLE = 15;
  static final int FRA_FWMASK = 16;
  static final int FRA_OIFNAME = 17;
  static final int FRA_L3MDEV = 19;
  static final int FRA_PROTOCOL = 21;

  private RouteNumbers() {}
}
