package io.n0stack.n0core.net.netlink;

/** Numbers of linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h and linux/if.h. */
final class Rtnetlink {
  static final int RTM_NEWLINK = 16;
  static final int RTM_DELLINK = 17;
  static final int RTM_GETLINK = 18;
  static final int RTM_SETLINK = 19;
  static final int RTM_NEWADDR = 20;
  static final int RTM_DELADDR = 21;
  static final int RTM_GETADDR = 22;
  static final int RTM_NEWLINKPROP = 108;
  static final int RTM_DELLINKPROP = 109;

  static final int AF_UNSPEC = 0;
  static final int AF_INET = 2;
  static final int AF_BRIDGE = 7;
  static final int AF_INET6 = 10;

  static final int IFINFO = 16; // struct ifinfomsg
  static final int IFINFO_INDEX = 4;
  static final int IFINFO_FLAGS = 8;
  static final int IFINFO_CHANGE = 12;
  static final int IFF_UP = 0x1;
  static final int IFF_LOOPBACK = 0x8;
  static final int IFF_PROMISC = 0x100;
  static final int IFF_TAP = 0x2; // linux/if_tun.h

  static final int IFLA_ADDRESS = 1;
  static final int IFLA_IFNAME = 3;
  static final int IFLA_MTU = 4;
  static final int IFLA_LINK = 5;
  static final int IFLA_QDISC = 6;
  static final int IFLA_MASTER = 10;
  static final int IFLA_TXQLEN = 13;
  static final int IFLA_OPERSTATE = 16;
  static final int IFLA_LINKINFO = 18;
  static final int IFLA_NET_NS_PID = 19;
  static final int IFLA_IFALIAS = 20;
  static final int IFLA_STATS64 = 23;
  static final int IFLA_AF_SPEC = 26;
  static final int IFLA_GROUP = 27;
  static final int IFLA_NET_NS_FD = 28;
  static final int IFLA_PROMISCUITY = 30;
  static final int IFLA_NUM_TX_QUEUES = 31;
  static final int IFLA_NUM_RX_QUEUES = 32;
  static final int IFLA_CARRIER = 33;
  static final int IFLA_LINK_NETNSID = 37;
  static final int IFLA_MIN_MTU = 50;
  static final int IFLA_MAX_MTU = 51;
  static final int IFLA_PROP_LIST = 52;
  static final int IFLA_ALT_IFNAME = 53;

  static final int IFLA_INFO_KIND = 1;
  static final int IFLA_INFO_DATA = 2;
  static final int IFLA_INFO_SLAVE_KIND = 4;
  static final int IFLA_INFO_SLAVE_DATA = 5;
  static final int IFLA_INET6_ADDR_GEN_MODE = 8;
  static final int IN6_ADDR_GEN_MODE_NONE = 1;

  static final int VETH_INFO_PEER = 1; // linux/veth.h

  static final int IFLA_TUN_OWNER = 1;
  static final int IFLA_TUN_GROUP = 2;
  static final int IFLA_TUN_TYPE = 3;
  static final int IFLA_TUN_VNET_HDR = 5;
  static final int IFLA_TUN_PERSIST = 6;
  static final int IFLA_TUN_MULTI_QUEUE = 7;

  static final int IFLA_BR_AGEING_TIME = 4;
  static final int IFLA_BR_STP_STATE = 5;
  static final int IFLA_BR_VLAN_FILTERING = 7;
  static final int IFLA_BR_MCAST_SNOOPING = 23;
  static final int IFLA_BR_VLAN_DEFAULT_PVID = 39;

  static final int IFLA_VLAN_ID = 1;
  static final int IFLA_VLAN_EGRESS_QOS = 3;
  static final int IFLA_VLAN_INGRESS_QOS = 4;
  static final int IFLA_VLAN_PROTOCOL = 5;
  static final int IFLA_VLAN_QOS_MAPPING = 1;

  static final int IFLA_VXLAN_ID = 1;
  static final int IFLA_VXLAN_GROUP = 2;
  static final int IFLA_VXLAN_LINK = 3;
  static final int IFLA_VXLAN_LOCAL = 4;
  static final int IFLA_VXLAN_TTL = 5;
  static final int IFLA_VXLAN_LEARNING = 7;
  static final int IFLA_VXLAN_PORT = 15;
  static final int IFLA_VXLAN_GROUP6 = 16;
  static final int IFLA_VXLAN_LOCAL6 = 17;
  static final int IFLA_VXLAN_COLLECT_METADATA = 25;

  static final int IFLA_MACVLAN_MODE = 1;
  static final int IFLA_BOND_MODE = 1;
  static final int IFLA_BOND_MIIMON = 3;
  static final int IFLA_VRF_TABLE = 1;

  static final int IFADDR = 8; // struct ifaddrmsg
  static final int IFA_ADDRESS = 1;
  static final int IFA_LOCAL = 2;
  static final int IFA_LABEL = 3;
  static final int IFA_BROADCAST = 4;
  static final int IFA_CACHEINFO = 6;
  static final int IFA_FLAGS = 8;
  static final int IFA_F_NODAD = 0x02;
  static final int IFA_F_TENTATIVE = 0x40;
  static final int IFA_F_PERMANENT = 0x80;
  static final int IFA_F_NOPREFIXROUTE = 0x200;

  private Rtnetlink() {}
}
