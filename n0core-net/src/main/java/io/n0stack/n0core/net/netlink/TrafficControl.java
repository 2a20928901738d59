package io.n0stack.n0core.net.netlink;

import static io.n0stack.n0core.net.internal.Wire.NLM_F_ACK;
import static io.n0stack.n0core.net.internal.Wire.NLM_F_CREATE;
import static io.n0stack.n0core.net.internal.Wire.NLM_F_DUMP;
import static io.n0stack.n0core.net.internal.Wire.NLM_F_ECHO;
import static io.n0stack.n0core.net.internal.Wire.NLM_F_EXCL;
import static io.n0stack.n0core.net.internal.Wire.NLM_F_REPLACE;

import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.net.internal.Conversation;
import io.n0stack.n0core.net.internal.MessageWriter;
import io.n0stack.n0core.net.internal.Request;
import java.util.List;
import java.util.Optional;

/**
 * Queueing disciplines, their classes and filters, see tc(8). Thread-safe; part of a {@link Netlink},
 * whose errors it has: NOT_FOUND if there is no such link, and UNSUPPORTED if the kernel does not have
 * the kind of discipline, filter or action.
 *
 * @since 0.1
 */
public final class TrafficControl {
  private static final int ENOENT = 2; // asm-generic/errno-base.h

  private final Conversation kernel;

  TrafficControl(Conversation kernel) {
    this.kernel = kernel;
  }

  /**
   * Lists the queueing disciplines of all links.
   *
   * @return also those that are there by themselves, such as noqueue
   */
  public List<Qdisc> qdiscs() {
    return Netlink.consistent(
        kernel,
        new Listing(TrafficNumbers.RTM_GETQDISC, 0, TrafficHandle.NONE, "list qdiscs"),
        TrafficReader::qdisc);
  }

  /**
   * Lists the queueing disciplines of a link. The kernel lists those of all links for it; {@link
   * #findQdisc} costs less on a host with many.
   *
   * @param link its index
   * @return empty also if there is no such link
   */
  public List<Qdisc> qdiscs(int link) {
    Netlink.requireIndex(link);
    return qdiscs().stream().filter(qdisc -> qdisc.link() == link).toList();
  }

  /**
   * Finds the queueing discipline that is attached somewhere. Does not list the others.
   *
   * @param link index of the link
   * @param parent {@link TrafficHandle#ROOT}, {@link TrafficHandle#INGRESS} or a class
   * @return the discipline, also one that is there by itself; empty if the kernel shows none
   * @throws NetlinkException NOT_FOUND if there is no such link
   */
  public Optional<Qdisc> findQdisc(int link, TrafficHandle parent) {
    Netlink.requireIndex(link);
    return kernel.findAcknowledged(
        new Question(link, parent),
        (bytes, from, to) -> {
          Qdisc qdisc = TrafficReader.qdisc(bytes, from, to);
          return qdisc != null && qdisc.link() == link ? qdisc : null;
        },
        ENOENT);
  }

  /**
   * Attaches a queueing discipline. What everybody has at the root from the beginning does not count.
   *
   * @param link index of the link
   * @param spec the discipline
   * @throws NetlinkException ALREADY_EXISTS if another is attached there
   */
  public void addQdisc(int link, QdiscSpec spec) {
    kernel.change(addingQdisc(link, spec).request());
  }

  /**
   * Attaches a queueing discipline in the place of whatever is there. One of the same kind is changed,
   * and keeps what waits in it.
   *
   * @param link index of the link
   * @param spec the discipline
   */
  public void replaceQdisc(int link, QdiscSpec spec) {
    kernel.change(replacingQdisc(link, spec).request());
  }

  /**
   * Changes a queueing discipline.
   *
   * @param link index of the link
   * @param spec the discipline, of the same kind
   * @throws NetlinkException NOT_FOUND if there is none
   */
  public void changeQdisc(int link, QdiscSpec spec) {
    kernel.change(changingQdisc(link, spec).request());
  }

  /**
   * Detaches a queueing discipline, with its classes, filters, and what waits in it.
   *
   * @param link index of the link
   * @param parent where it is attached
   * @throws NetlinkException NOT_FOUND if there is none that somebody attached
   */
  public void deleteQdisc(int link, TrafficHandle parent) {
    kernel.change(deletingQdisc(link, parent).request());
  }

  /**
   * Describes {@link #addQdisc}.
   *
   * @param link index of the link
   * @param spec the discipline
   * @return the change
   */
  public static Change addingQdisc(int link, QdiscSpec spec) {
    return qdisc("add", NLM_F_CREATE | NLM_F_EXCL, link, spec);
  }

  /**
   * Describes {@link #replaceQdisc}.
   *
   * @param link index of the link
   * @param spec the discipline
   * @return the change
   */
  public static Change replacingQdisc(int link, QdiscSpec spec) {
    return qdisc("replace", NLM_F_CREATE | NLM_F_REPLACE, link, spec);
  }

  /**
   * Describes {@link #changeQdisc}.
   *
   * @param link index of the link
   * @param spec the discipline, of the same kind
   * @return the change
   */
  public static Change changingQdisc(int link, QdiscSpec spec) {
    return qdisc("change", 0, link, spec);
  }

  private static Change qdisc(String verb, int flags, int link, QdiscSpec spec) {
    Netlink.requireIndex(link);
    return Change.of(
        () -> verb + " qdisc " + spec.kind().kernelName() + " at " + spec.parent() + " of link "
            + link,
        message -> {
          begin(
              message,
              TrafficNumbers.RTM_NEWQDISC,
              flags,
              link,
              spec.handle().wire(),
              spec.parent());
          TrafficWriter.write(message, spec.kind());
        });
  }

  /**
   * Describes {@link #deleteQdisc}.
   *
   * @param link index of the link
   * @param parent where it is attached
   * @return the change
   */
  public static Change deletingQdisc(int link, TrafficHandle parent) {
    Netlink.requireIndex(link);
    return Change.of(
        () -> "delete qdisc at " + parent + " of link " + link,
        message -> begin(message, TrafficNumbers.RTM_DELQDISC, 0, link, 0, parent));
  }

  /**
   * Lists the classes of a link's queueing disciplines.
   *
   * @param link its index
   * @return empty also if there is no such link
   */
  public List<TrafficClass> classes(int link) {
    Netlink.requireIndex(link);
    return Netlink.consistent(
        kernel,
        new Listing(
            TrafficNumbers.RTM_GETTCLASS,
            link,
            TrafficHandle.NONE,
            "list traffic classes of link " + link),
        TrafficReader::trafficClass);
  }

  /**
   * Adds a class.
   *
   * @param link index of the link
   * @param spec the class
   * @throws NetlinkException ALREADY_EXISTS if there is one of its name
   */
  public void addClass(int link, TrafficClassSpec spec) {
    kernel.change(addingClass(link, spec).request());
  }

  /**
   * Adds a class, or changes the one of its name.
   *
   * @param link index of the link
   * @param spec the class
   */
  public void replaceClass(int link, TrafficClassSpec spec) {
    kernel.change(replacingClass(link, spec).request());
  }

  /**
   * Deletes a class.
   *
   * @param link index of the link
   * @param handle its name
   * @throws NetlinkException NOT_FOUND if there is none; BUSY if it has classes or filters
   */
  public void deleteClass(int link, TrafficHandle handle) {
    kernel.change(deletingClass(link, handle).request());
  }

  /**
   * Describes {@link #addClass}.
   *
   * @param link index of the link
   * @param spec the class
   * @return the change
   */
  public static Change addingClass(int link, TrafficClassSpec spec) {
    return trafficClass("add", NLM_F_CREATE | NLM_F_EXCL, link, spec);
  }

  /**
   * Describes {@link #replaceClass}.
   *
   * @param link index of the link
   * @param spec the class
   * @return the change
   */
  public static Change replacingClass(int link, TrafficClassSpec spec) {
    return trafficClass("replace", NLM_F_CREATE | NLM_F_REPLACE, link, spec);
  }

  private static Change trafficClass(String verb, int flags, int link, TrafficClassSpec spec) {
    Netlink.requireIndex(link);
    return Change.of(
        () -> verb + " traffic class " + spec.handle() + " of link " + link, message -> {
          begin(
              message,
              TrafficNumbers.RTM_NEWTCLASS,
              flags,
              link,
              spec.handle().wire(),
              spec.parent());
          TrafficWriter.write(message, spec.kind());
        });
  }

  /**
   * Describes {@link #deleteClass}.
   *
   * @param link index of the link
   * @param handle its name
   * @return the change
   */
  public static Change deletingClass(int link, TrafficHandle handle) {
    Netlink.requireIndex(link);
    return Change.of(
        () -> "delete traffic class " + handle + " of link " + link,
        message -> begin(
            message, TrafficNumbers.RTM_DELTCLASS, 0, link, handle.wire(), TrafficHandle.NONE));
  }

  /**
   * Lists the filters of a queueing discipline or class.
   *
   * @param link index of the link
   * @param parent what they are attached to
   * @return in the order of their turns; empty also if there is no such link or parent
   */
  public List<Filter> filters(int link, TrafficHandle parent) {
    Netlink.requireIndex(link);
    return Netlink.consistent(
        kernel,
        new Listing(
            TrafficNumbers.RTM_GETTFILTER,
            link,
            parent,
            "list filters at " + parent + " of link " + link),
        TrafficReader::filter);
  }

  /**
   * Adds a filter.
   *
   * @param link index of the link
   * @param spec the filter
   * @throws NetlinkException ALREADY_EXISTS if there is one of its name and priority; NOT_FOUND or
   *     INVALID if what it is to be attached to does not exist
   */
  public void addFilter(int link, FilterSpec spec) {
    kernel.change(addingFilter(link, spec).request());
  }

  /**
   * Adds a filter, or changes the one of its name and priority. Packets see the old one or the new one.
   *
   * @param link index of the link
   * @param spec the filter; one without a name is added
   */
  public void replaceFilter(int link, FilterSpec spec) {
    kernel.change(replacingFilter(link, spec).request());
  }

  /**
   * Deletes a filter.
   *
   * @param filter as it was listed
   * @throws NetlinkException NOT_FOUND if it is gone
   */
  public void deleteFilter(Filter filter) {
    kernel.change(deletingFilter(filter).request());
  }

  /**
   * Deletes all filters of a priority.
   *
   * @param link index of the link
   * @param parent what they are attached to
   * @param priority 1 to 65535
   * @throws NetlinkException NOT_FOUND if there are none; INVALID if there is no such parent
   */
  public void deleteFilters(int link, TrafficHandle parent, int priority) {
    kernel.change(deletingFilters(link, parent, priority).request());
  }

  /**
   * Describes {@link #addFilter}.
   *
   * @param link index of the link
   * @param spec the filter
   * @return the change
   */
  public static Change addingFilter(int link, FilterSpec spec) {
    return filter("add", NLM_F_CREATE | NLM_F_EXCL, link, spec);
  }

  /**
   * Describes {@link #replaceFilter}.
   *
   * @param link index of the link
   * @param spec the filter
   * @return the change
   */
  public static Change replacingFilter(int link, FilterSpec spec) {
    return filter("replace", NLM_F_CREATE, link, spec);
  }

  private static Change filter(String verb, int flags, int link, FilterSpec spec) {
    Netlink.requireIndex(link);
    return Change.of(
        () -> verb + " filter " + spec.kind().kernelName() + " of priority " + spec.priority()
            + " at " + spec.parent() + " of link " + link,
        message -> {
          begin(message, TrafficNumbers.RTM_NEWTFILTER, flags, link, spec.handle(), spec.parent());
          message.header32(TrafficNumbers.TCM_INFO, info(spec.priority(), spec.etherType()));
          TrafficWriter.write(message, spec.kind());
        });
  }

  /**
   * Describes {@link #deleteFilter}.
   *
   * @param filter as it was listed
   * @return the change
   */
  public static Change deletingFilter(Filter filter) {
    FilterSpec spec = filter.spec();
    return Change.of(
        () -> "delete filter " + Integer.toHexString(spec.handle()) + " of priority "
            + spec.priority() + " at " + spec.parent() + " of link " + filter.link(),
        message -> {
          begin(
              message,
              TrafficNumbers.RTM_DELTFILTER,
              0,
              filter.link(),
              spec.handle(),
              spec.parent());
          message.header32(TrafficNumbers.TCM_INFO, info(spec.priority(), spec.etherType()));
          message.text(TrafficNumbers.TCA_KIND, spec.kind().kernelName());
        });
  }

  /**
   * Describes {@link #deleteFilters}.
   *
   * @param link index of the link
   * @param parent what they are attached to
   * @param priority 1 to 65535
   * @return the change
   */
  public static Change deletingFilters(int link, TrafficHandle parent, int priority) {
    Netlink.requireIndex(link);
    Rules.range("priority", priority, 1, 0xffff);
    return Change.of(
        () -> "delete filters of priority " + priority + " at " + parent + " of link " + link,
        message -> {
          begin(message, TrafficNumbers.RTM_DELTFILTER, 0, link, 0, parent);
          message.header32(TrafficNumbers.TCM_INFO, priority << Short.SIZE);
        });
  }

  private static int info(int priority, int etherType) {
    return priority << Short.SIZE | TrafficWriter.networkShort(etherType);
  }

  private static void begin(
      MessageWriter message, int type, int flags, int link, int handle, TrafficHandle parent) {
    message.begin(type, flags | NLM_F_ACK, TrafficNumbers.TCMSG);
    message.header32(TrafficNumbers.TCM_IFINDEX, link);
    message.header32(TrafficNumbers.TCM_HANDLE, handle);
    message.header32(TrafficNumbers.TCM_PARENT, parent.wire());
  }

  /** Asks for one discipline. The kernel answers the asker only if it is to echo. */
  private record Question(int link, TrafficHandle parent) implements Request {
    @Override
    public void write(MessageWriter message) {
      begin(message, TrafficNumbers.RTM_GETQDISC, NLM_F_ECHO, link, 0, parent);
    }

    @Override
    public String toString() {
      return "find qdisc at " + parent + " of link " + link;
    }
  }

  private record Listing(int type, int link, TrafficHandle parent, String words)
      implements Request {
    @Override
    public void write(MessageWriter message) {
      message.begin(type, NLM_F_DUMP, TrafficNumbers.TCMSG);
      message.header32(TrafficNumbers.TCM_IFINDEX, link);
      message.header32(TrafficNumbers.TCM_PARENT, parent.wire());
    }

    @Override
    public String toString() {
      return words;
    }
  }
}
