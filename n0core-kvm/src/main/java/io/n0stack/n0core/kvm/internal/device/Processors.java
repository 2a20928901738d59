package io.n0stack.n0core.kvm.internal.device;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Plugs processors, in the order of their places. None is ever taken out while the guest runs. */
final class Processors {
  private static final List<String> COORDINATES =
      List.of("node-id", "socket-id", "die-id", "cluster-id", "core-id", "thread-id");

  private static final Comparator<Place> ORDER = COORDINATES.stream()
      .map(name -> Comparator.<Place>comparingLong(place -> place.at(name)))
      .reduce(Comparator::thenComparing)
      .orElseThrow();

  private record Place(String type, Map<String, Long> coordinates, boolean taken) {
    String id() {
      StringBuilder id = new StringBuilder("cpu");
      coordinates.forEach((name, value) -> {
        if (!name.equals("node-id")) {
          id.append('-').append(value);
        }
      });
      return id.toString();
    }

    long at(String coordinate) {
      return coordinates.getOrDefault(coordinate, 0L);
    }
  }

  private final Monitor monitor;

  Processors(Monitor monitor) {
    this.monitor = monitor;
  }

  /** Lists the ids of the devices that are missing, in the order of plugging. */
  List<String> missing(int wanted) {
    return absent(wanted).stream().map(Place::id).toList();
  }

  private List<Place> absent(int wanted) {
    List<Place> free = new ArrayList<>();
    int present = 0;
    for (QmpResult one : monitor.execute("query-hotpluggable-cpus").list("")) {
      Place place = place(one);
      if (place.taken()) {
        present += (int) one.number("/vcpus-count");
      } else {
        free.add(place);
      }
    }
    int count = Math.max(0, wanted - present);
    if (count > free.size()) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          "vcpus",
          "plug " + count + " vCPUs: the board has room for " + free.size()
              + " more; it gets more when it is started anew");
    }
    return free.stream().sorted(ORDER).limit(count).toList();
  }

  private static Place place(QmpResult one) {
    Map<String, Long> coordinates = new LinkedHashMap<>();
    for (String name : COORDINATES) {
      one.find("/props/" + name).ifPresent(value -> coordinates.put(name, value.number("")));
    }
    return new Place(one.text("/type"), coordinates, one.find("/qom-path").isPresent());
  }

  /** Lists the ids of the processors that were plugged, in the order of their places. */
  List<String> plugged() {
    return monitor.execute("query-hotpluggable-cpus").list("").stream()
        .filter(one -> one.find("/qom-path")
            .filter(path -> path.text("").startsWith("/machine/peripheral/"))
            .isPresent())
        .map(Processors::place)
        .sorted(ORDER)
        .map(Place::id)
        .toList();
  }

  /** Plugs what is missing. */
  void plug(int wanted) {
    for (Place place : absent(wanted)) {
      Map<String, Object> device = new LinkedHashMap<>(place.coordinates());
      device.put("driver", place.type());
      device.put("id", place.id());
      monitor.execute("device_add", device);
    }
  }
}
