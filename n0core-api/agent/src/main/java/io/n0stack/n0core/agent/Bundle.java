package io.n0stack.n0core.agent;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Reference;
import io.n0stack.n0core.api.driver.Spec;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Several resources that belong together.
 *
 * @param entries the resources, each once, so ordered that each comes after what it depends on
 * @since 0.1
 */
public record Bundle(List<Entry> entries) {
  /**
   * One resource of a bundle.
   *
   * @param reference its kind and name
   * @param spec what it is to be
   */
  public record Entry(Reference reference, Spec spec) {}

  /** Checks that each is there once and that nothing depends on itself, and sorts. */
  public Bundle {
    entries = sorted(entries);
  }

  /**
   * Makes an empty bundle.
   *
   * @return a bundle to which entries are added
   */
  public static Bundle empty() {
    return new Bundle(List.of());
  }

  /**
   * Adds a resource.
   *
   * @param kind its kind
   * @param name its name
   * @param spec what it is to be
   * @return a changed copy
   * @throws N0Exception INVALID if the bundle has it already, or with it something depends on itself
   */
  public Bundle with(String kind, String name, Spec spec) {
    List<Entry> more = new ArrayList<>(entries);
    more.add(new Entry(new Reference(kind, name), spec));
    return new Bundle(more);
  }

  private static List<Entry> sorted(List<Entry> entries) {
    Map<Reference, Entry> all = new LinkedHashMap<>();
    for (Entry entry : entries) {
      if (all.put(entry.reference(), entry) != null) {
        throw N0Exception.invalid("bundle", entry.reference(), "must name each resource once");
      }
    }
    List<Entry> order = new ArrayList<>();
    Set<Reference> placed = new HashSet<>();
    for (Entry entry : all.values()) {
      place(entry, all, new ArrayList<>(), placed, order);
    }
    return List.copyOf(order);
  }

  private static void place(
      Entry entry,
      Map<Reference, Entry> all,
      List<Reference> path,
      Set<Reference> placed,
      List<Entry> order) {
    if (placed.contains(entry.reference())) {
      return;
    }
    if (path.contains(entry.reference())) {
      throw N0Exception.invalid("bundle", path, "must not depend on itself");
    }
    path.add(entry.reference());
    List<Reference> needs = new ArrayList<>(entry.spec().dependencies());
    needs.sort(Comparator.comparing(Reference::kind).thenComparing(Reference::name));
    for (Reference dependency : needs) {
      Entry other = all.get(dependency);
      if (other != null) {
        place(other, all, path, placed, order);
      }
    }
    path.remove(path.size() - 1);
    placed.add(entry.reference());
    order.add(entry);
  }
}
