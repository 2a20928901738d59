package io.n0stack.n0core.net.netlink;

/**
 * Numbers of linux/pkt_sched.h, linux/pkt_cls.h, linux/tc_act, linux/gen_stats.h and, for messages,
 * linux/rtnetlink.h.
 */
final class TrafficNumbers {
  static final int RTM_NEWQDISC = 36;
  static final int RTM_DELQDISC = 37;
  static final int RTM_GETQDISC = 38;
  static final int RTM_NEWTCLASS = 40;
  static final int RTM_DELTCLASS = 41;
  static final int RTM_GETTCLASS = 42;
  static final int RTM_NEWTFILTER = 44;
  static final int RTM_DELTFILTER = 45;
  static final int RTM_GETTFILTER = 46;

  static final int TCMSG = 20; // struct tcmsg
  static final int TCM_IFINDEX = 4;
  static final int TCM_HANDLE = 8;
  static final int TCM_PARENT = 12;
  static final int TCM_INFO = 16;

  static final int TCA_KIND = 1;
  static final int TCA_OPTIONS = 2;
  static final int TCA_STATS2 = 7;

  static final int TCA_STATS_BASIC = 1;
  static final int TCA_STATS_QUEUE = 3;
  static final int TCA_STATS_PKT64 = 8;

  static final int RATESPEC = 12; // struct tc_ratespec
  static final int RATESPEC_RATE = 8;
  static final int TC_LINKLAYER_ETHERNET = 1;
  static final int RTAB_ENTRIES = 256; // TC_RTAB_SIZE / 4

  static final int TBF_QOPT = 36; // struct tc_tbf_qopt
  static final int TCA_TBF_PARMS = 1;
  static final int TCA_TBF_RATE64 = 4;
  static final int TCA_TBF_PRATE64 = 5;
  static final int TCA_TBF_BURST = 6;
  static final int TCA_TBF_PBURST = 7;

  static final int HTB_OPT = 44; // struct tc_htb_opt
  static final int HTB_GLOB = 20; // struct tc_htb_glob
  static final int TC_HTB_PROTOVER = 3;
  static final int TCA_HTB_PARMS = 1;
  static final int TCA_HTB_INIT = 2;
  static final int TCA_HTB_RATE64 = 6;
  static final int TCA_HTB_CEIL64 = 7;

  static final int NETEM_QOPT = 24; // struct tc_netem_qopt

  static final int TCA_U32_CLASSID = 1;
  static final int TCA_U32_SEL = 5;
  static final int TCA_U32_ACT = 7;
  static final int U32_SEL = 16; // struct tc_u32_sel
  static final int U32_KEY = 16; // struct tc_u32_key
  static final int TC_U32_TERMINAL = 1;
  static final int U32_NODE = 0xfff; // TC_U32_NODE

  static final int TCA_MATCHALL_CLASSID = 1;
  static final int TCA_MATCHALL_ACT = 2;

  static final int TCA_ACT_KIND = 1;
  static final int TCA_ACT_OPTIONS = 2;
  static final int TCA_ACT_STATS = 4;
  static final int ACTION_VERDICT = 8; // in tc_gen

  static final int GACT = 20; // struct tc_gact
  static final int TCA_GACT_PARMS = 2;

  static final int MIRRED = 28; // struct tc_mirred
  static final int MIRRED_EACTION = 20;
  static final int MIRRED_IFINDEX = 24;
  static final int TCA_MIRRED_PARMS = 2;

  static final int POLICE = 56; // struct tc_police
  static final int POLICE_EXCEED = 4;
  static final int POLICE_BURST = 12;
  static final int POLICE_MTU = 16;
  static final int POLICE_RATE = 20;
  static final int TCA_POLICE_TBF = 1;
  static final int TCA_POLICE_RATE = 2;
  static final int TCA_POLICE_RESULT = 5;
  static final int TCA_POLICE_RATE64 = 8;

  private TrafficNumbers() {}
}
