package io.n0stack.n0core.net.netlink;

/**
 * A queueing discipline to be made.
 *
 * @param parent where it is attached
 * @param handle its name; {@link TrafficHandle#NONE} for one that the kernel chooses
 * @param kind what it is
 * @since 0.1
 */
public record QdiscSpec(TrafficHandle parent, TrafficHandle handle, QdiscKind kind) {
  /**
   * Asks for one that sees all that a link sends.
   *
   * @param kind what it is
   * @return one whose name the kernel chooses
   */
  public static QdiscSpec root(QdiscKind kind) {
    return new QdiscSpec(TrafficHandle.ROOT, TrafficHandle.NONE, kind);
  }

  /**
   * Asks for one below a class.
   *
   * @param parent the class
   * @param kind what it is
   * @return one whose name the kernel chooses
   */
  public static QdiscSpec below(TrafficHandle parent, QdiscKind kind) {
    return new QdiscSpec(parent, TrafficHandle.NONE, kind);
  }

  /**
   * Asks for one that carries filters of what a link receives.
   *
   * @return one that is named {@code ffff:}
   */
  public static QdiscSpec ingress() {
    return new QdiscSpec(
        TrafficHandle.INGRESS, TrafficHandle.qdisc(0xffff), new QdiscKind.Ingress());
  }

  /**
   * Asks for one that carries filters of what a link receives and of what it sends.
   *
   * @return one that is named {@code ffff:}
   */
  public static QdiscSpec clsact() {
    return new QdiscSpec(
        TrafficHandle.INGRESS, TrafficHandle.qdisc(0xffff), new QdiscKind.Clsact());
  }

  /**
   * Names it.
   *
   * @param major 1 to 65535
   * @return a changed copy
   */
  public QdiscSpec named(int major) {
    return new QdiscSpec(parent, TrafficHandle.qdisc(major), kind);
  }
}
