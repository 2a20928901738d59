package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.benchmarks.MembershipSvg.Moment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;

/**
 * What the members told after something was done to one of them.
 *
 * @param name to whom
 * @param events what was told, in order
 */
record MembershipTimeline(String name, List<Event> events) {
  private static final String SWIM = "swim ";

  /** Something told, and how many milliseconds after it was done. */
  record Event(double millis, String by, String text) {}

  static MembershipTimeline of(
      MembershipSide side, String name, Map<String, Integer> marks, long start) {
    List<Event> events = new ArrayList<>();
    for (String member : side.names()) {
      for (MembershipProcess.Line line : side.member(member).from(marks.getOrDefault(member, 0))) {
        double millis = (line.nanos() - start) / 1e6;
        if (millis >= 0) {
          events.add(new Event(millis, member, line.text()));
        }
      }
    }
    events.sort(Comparator.comparingDouble(Event::millis));
    return new MembershipTimeline(name, List.copyOf(events));
  }

  /** The moments from a death to its being known. */
  List<Moment> death() {
    List<Moment> moments = new ArrayList<>(List.of(new Moment(0, "kill -9 of " + name)));
    add(moments, "a probe of it is missed", swim("Failed to probe"), false);
    add(moments, "those asked to probe it have missed it, too", swim("Failed all probes"), false);
    add(moments, "SUSPECT", swim("unreachable"), false);
    add(moments, "SUSPECT at the API", byApi(swim("unreachable")), false);
    add(moments, "REMOVE at the API: no member of its view", byApi(this::without), false);
    add(moments, "NOT_READY", change("NOT_READY"), false);
    add(moments, "REMOVE at the last of the others", this::without, true);
    return sorted(moments);
  }

  /** The moments from the wish to stop to its being known. */
  List<Moment> departure() {
    List<Moment> moments = new ArrayList<>(List.of(new Moment(0, name + " is asked to stop")));
    add(moments, "its record is removed", change("UNREGISTERED"), false);
    add(moments, "it has said goodbye: ABSENT at the API", change("ABSENT"), false);
    add(moments, "REMOVE at the first", this::without, false);
    add(moments, "REMOVE at the last of the others", this::without, true);
    return sorted(moments);
  }

  private static List<Moment> sorted(List<Moment> moments) {
    moments.sort(Comparator.comparingDouble(Moment::x));
    return moments;
  }

  /** The first or the last such event that each member told first. */
  private void add(List<Moment> moments, String label, Predicate<Event> wanted, boolean last) {
    List<String> told = new ArrayList<>();
    List<Event> firsts = new ArrayList<>();
    for (Event event : events) {
      if (wanted.test(event) && !told.contains(event.by())) {
        told.add(event.by());
        firsts.add(event);
      }
    }
    if (!firsts.isEmpty()) {
      Event event = firsts.get(last ? firsts.size() - 1 : 0);
      moments.removeIf(moment -> moment.x() == event.millis()); // the same, of less account
      moments.add(new Moment(
          event.millis(),
          String.format(Locale.ROOT, "%.0f ms: %s (%s)", event.millis(), label, event.by())));
    }
  }

  private Predicate<Event> swim(String what) {
    return event -> event.text().startsWith(SWIM)
        && event.text().contains(what)
        && event.text().indexOf(name + "@", event.text().indexOf(what)) >= 0;
  }

  private static Predicate<Event> byApi(Predicate<Event> wanted) {
    return event -> event.by().equals(MembershipSide.API) && wanted.test(event);
  }

  private Predicate<Event> change(String state) {
    return event -> event.text().equals("change " + name + " " + state);
  }

  /** Whether an event is another's view without it. */
  private boolean without(Event event) {
    return !event.by().equals(name)
        && event.text().startsWith("members ")
        && !List.of(event.text().substring(8).split(",", -1)).contains(name);
  }
}
