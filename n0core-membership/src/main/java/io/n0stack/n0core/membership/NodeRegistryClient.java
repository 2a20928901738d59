package io.n0stack.n0core.membership;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.UnknownOutcomeException;
import io.n0stack.n0core.api.node.Node;
import io.n0stack.n0core.api.node.NodeRegistry;
import io.n0stack.n0core.membership.internal.Waits;
import io.n0stack.n0core.membership.internal.record.NodeJson;
import io.n0stack.n0core.membership.internal.registry.NodeWatch;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol.Batch;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol.Reply;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol.Request;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol.Rest;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol.Verb;
import java.net.ConnectException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

/**
 * The agents' side of the node registry: asks the members that serve it, and the seeds, one after
 * the other, until one answers or the time is up.
 *
 * <p>Works before the agent has joined; the first call then also starts listening, which is bounded
 * by 10 s of its own. Thread-safe; owns nothing, so it is not closed.
 *
 * @since 0.1
 */
public final class NodeRegistryClient implements NodeRegistry {
  private static final Duration DEADLINE = Duration.ofSeconds(10);
  private static final Duration ONE_TRY = Duration.ofSeconds(2);
  private static final Duration WATCH_TRY =
      Duration.ofMillis(RegistryProtocol.WATCH_MILLIS).plus(ONE_TRY);
  private static final long FIRST_PAUSE_MILLIS = 100;
  private static final long LONGEST_PAUSE_MILLIS = 1000;

  private final AtomixMembership membership;
  private final Duration deadline;
  private volatile Optional<HostPort> lastWatched = Optional.empty();

  private NodeRegistryClient(AtomixMembership membership, Duration deadline) {
    this.membership = membership;
    this.deadline = deadline;
  }

  /**
   * Asks over a member's connections, for at most 10 s a call.
   *
   * @param membership the agent's member, joined or not
   * @return a client
   */
  public static NodeRegistryClient of(AtomixMembership membership) {
    return new NodeRegistryClient(membership, DEADLINE);
  }

  /**
   * Sets how long a call may take.
   *
   * @param limit 10 ms to 10 min
   * @return a changed copy
   * @throws N0Exception INVALID if it is outside that
   */
  public NodeRegistryClient withDeadline(Duration limit) {
    if (limit.compareTo(Duration.ofMillis(10)) < 0 || limit.compareTo(Duration.ofMinutes(10)) > 0) {
      throw N0Exception.invalid("deadline", limit, "must be 10 ms to 10 min");
    }
    return new NodeRegistryClient(membership, limit);
  }

  /**
   * Saves this agent's own record, bound to this start of it: the node is READY only while this very
   * process is alive.
   *
   * @param node the record, of the member's name; its boot id is replaced
   * @throws N0Exception INVALID if it has another name; UNAVAILABLE if no registry can be reached
   */
  public void saveSelf(Node node) {
    String self = membership.self().name();
    if (!node.name().equals(self)) {
      throw N0Exception.invalid("name", node.name(), "must be the member's name \"" + self + "\"");
    }
    Node own = node.withBootId(membership.self().bootId());
    save(membership.member().identityKey().map(own::withIdentityKey).orElse(own));
  }

  @Override
  public void save(Node node) {
    NodeJson.encode(node); // says that it is too large before anybody is asked
    ask("save node \"" + node.name() + "\"", Request.save(node));
  }

  @Override
  public void remove(String name) {
    ask("remove node \"" + name + "\"", Request.of(Verb.REMOVE, name));
  }

  @Override
  public Optional<Entry> find(String name) {
    Reply reply = ask("find node \"" + name + "\"", Request.of(Verb.FIND, name));
    return reply.nodes().stream().findFirst();
  }

  @Override
  public Optional<Revised> findRevised(String name) {
    Reply reply = ask("find node \"" + name + "\"", Request.of(Verb.FIND, name));
    return reply.nodes().stream()
        .findFirst()
        .map(entry -> new Revised(entry.node(), reply.revision().orElse(0L)));
  }

  /**
   * Saves a record if nobody has changed it meanwhile.
   *
   * @throws UnknownOutcomeException if a registry was asked and did not answer: the record may have
   *     been saved, so look before asking again
   * @throws N0Exception BUSY if too many of this member's requests are not answered yet: nothing was done
   */
  @Override
  public long saveIf(Node node, long expectedRevision) {
    NodeJson.encode(node);
    String operation = "save node \"" + node.name() + "\"";
    return once(operation, Request.saveIf(node, expectedRevision)).revision().orElse(0L);
  }

  /**
   * Removes a record if nobody has changed it meanwhile.
   *
   * @throws UnknownOutcomeException if a registry was asked and did not answer: the record may have
   *     been removed, so look before asking again
   * @throws N0Exception BUSY if too many of this member's requests are not answered yet: nothing was done
   */
  @Override
  public void removeIf(String name, long expectedRevision) {
    Reply unused = once("remove node \"" + name + "\"", Request.removeIf(name, expectedRevision));
  }

  /** Asks what must not be asked twice: the second answer would say that the first was too late. */
  private Reply once(String operation, Request request) {
    byte[] json = NodeJson.bytes(request);
    N0Exception last = unreachable(operation, "there is none to ask");
    for (HostPort registry : candidates()) {
      try {
        return askOne(operation, registry, json, deadline);
      } catch (N0Exception e) {
        if (e.code() != Code.UNAVAILABLE) {
          throw e;
        }
        if (!neverSent(e)) {
          throw new UnknownOutcomeException(operation, e);
        }
        last = e;
      }
    }
    throw last;
  }

  private static boolean neverSent(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof ConnectException) {
        return true;
      }
    }
    return false;
  }

  @Override
  public Subscription watch(String after, Executor executor, Watcher watcher) {
    NodeWatch watch = new NodeWatch(this::next, after, executor, watcher::nodeChanged);
    watch.begin(membership.self().name());
    return watch;
  }

  private Batch next(String position) {
    byte[] json = NodeJson.bytes(Request.watch(position));
    N0Exception last = unreachable("watch nodes", "there is none to ask");
    // The one that answered last knows the position; another would have to tell of all nodes.
    Set<HostPort> order = new LinkedHashSet<>(lastWatched.stream().toList());
    order.addAll(candidates());
    for (HostPort registry : order) {
      try {
        Reply reply = askOne("watch nodes", registry, json, WATCH_TRY);
        lastWatched = Optional.of(registry);
        return reply
            .batch()
            .orElseThrow(() -> N0Exception.invalid("reply", reply, "must have a batch"));
      } catch (N0Exception e) {
        last = e;
      }
    }
    lastWatched = Optional.empty();
    throw last;
  }

  private static N0Exception unreachable(String operation, String why) {
    return new N0Exception(Code.UNAVAILABLE, operation, operation + ": " + why);
  }

  @Override
  public List<Entry> nodes() {
    List<Entry> all = new ArrayList<>();
    String after = "";
    Reply page;
    do {
      page = ask("list nodes", Request.of(Verb.LIST, after));
      all.addAll(page.nodes());
      after = page.nodes().isEmpty() ? after : all.get(all.size() - 1).node().name();
    } while (page.rest() == Rest.MORE && !page.nodes().isEmpty());
    return List.copyOf(all);
  }

  private Reply ask(String operation, Request request) {
    byte[] json = NodeJson.bytes(request);
    long end = System.nanoTime() + deadline.toNanos();
    long pause = FIRST_PAUSE_MILLIS;
    String why = "no seed is configured and no member serves the node registry";
    while (true) {
      for (HostPort registry : candidates()) {
        Duration left = Duration.ofNanos(end - System.nanoTime());
        if (left.toMillis() <= 0) {
          break;
        }
        try {
          return askOne(operation, registry, json, left.compareTo(ONE_TRY) < 0 ? left : ONE_TRY);
        } catch (N0Exception e) {
          if (e.code() != Code.UNAVAILABLE && e.code() != Code.BUSY) {
            throw e;
          }
          why = registry + ": " + e.getMessage();
        }
      }
      if (System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(pause) >= end) {
        throw new N0Exception(
            Code.UNAVAILABLE,
            operation,
            operation + ": no answer within " + deadline.toMillis() + " ms; last, " + why);
      }
      pause(operation, pause);
      pause = Math.min(2 * pause, LONGEST_PAUSE_MILLIS);
    }
  }

  private Set<HostPort> candidates() {
    Set<HostPort> candidates =
        new LinkedHashSet<>(membership.member().registries().values());
    candidates.addAll(membership.member().config().seeds());
    candidates.remove(membership.member().config().listen());
    return candidates;
  }

  private Reply askOne(String operation, HostPort registry, byte[] json, Duration timeout) {
    byte[] answer;
    try {
      answer = Waits.await(
          operation,
          membership.member().request(registry, RegistryProtocol.SUBJECT, json, timeout),
          timeout.plusMillis(200));
    } catch (ExecutionException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new N0Exception(Code.UNAVAILABLE, operation, String.valueOf(cause), cause);
    }
    Reply reply = RegistryProtocol.reply(answer);
    if (reply.failure().isPresent()) {
      throw reply.failure().get().exception();
    }
    return reply;
  }

  private static void pause(String operation, long millis) {
    try {
      TimeUnit.MILLISECONDS.sleep(millis);
    } catch (InterruptedException e) {
      throw N0Exception.interrupted(operation, e);
    }
  }
}
