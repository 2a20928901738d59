package io.n0stack.n0core.kvm.qapi;

/** What a balloon's guest-stats may be, as QEMU's balloon device makes it. */
final class BalloonSample {
  static final String JSON = "{\"stats\": {\"stat-swap-in\": 1, \"stat-swap-out\": 2, "
      + "\"stat-major-faults\": 3, \"stat-minor-faults\": 4, \"stat-free-memory\": 5, "
      + "\"stat-total-memory\": 6, \"stat-available-memory\": 7, \"stat-disk-caches\": 8, "
      + "\"stat-htlb-pgalloc\": 9, \"stat-htlb-pgfail\": 10}, \"last-update\": 11}";

  private BalloonSample() {}
}
