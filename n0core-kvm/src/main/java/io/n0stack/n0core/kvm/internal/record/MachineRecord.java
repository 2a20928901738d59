package io.n0stack.n0core.kvm.internal.record;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.driver.ResourceId;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import java.util.TreeMap;
import java.util.UUID;

/**
 * What {@code machine.json} says: the stamp, the spec, and what came of it so far.
 *
 * @param id the machine
 * @param spec what it is to be
 * @param running what the board was launched from, or will be; differs from the spec while a change waits
 *     for a cold start
 * @param addresses where each device is, or was until it is proved to be gone; see {@link Addresses}
 * @param unfinished what of the spec is not true yet
 */
public record MachineRecord(
    ResourceId id,
    MachineSpec spec,
    MachineSpec running,
    Map<String, Integer> addresses,
    Unfinished unfinished) {
  private static final int FORMAT = 1;
  private static final ObjectMapper JSON = new ObjectMapper()
      .registerModule(new Jdk8Module())
      .addMixIn(Firmware.class, FirmwareTypes.class);

  /** What of a spec is not true yet. */
  public enum Unfinished {
    /** Nothing. */
    NONE,
    /** Devices are being plugged and unplugged. */
    DEVICES,
    /** The guest is being shut down to be started with another board. */
    RESTART
  }

  @JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
  @JsonSubTypes({
    @JsonSubTypes.Type(value = Firmware.Bios.class, name = "bios"),
    @JsonSubTypes.Type(value = Firmware.Uefi.class, name = "uefi"),
    @JsonSubTypes.Type(value = Firmware.Kernel.class, name = "kernel"),
    @JsonSubTypes.Type(value = Firmware.Rom.class, name = "rom")
  })
  private interface FirmwareTypes {}

  /** Copies the addresses. */
  public MachineRecord {
    addresses = Map.copyOf(addresses);
  }

  /**
   * Describes a machine that was not launched yet, its devices at their addresses for life.
   *
   * @param id the machine
   * @param spec what it is to be
   */
  public MachineRecord(ResourceId id, MachineSpec spec) {
    this(id, spec, spec, Addresses.of(Map.of(), spec), Unfinished.NONE);
  }

  /**
   * Writes all of it as {@link #decode} reads it.
   *
   * @return JSON
   */
  public String encode() {
    ObjectNode tree = JSON.createObjectNode()
        .put("format", FORMAT)
        .put("kind", id.kind())
        .put("name", id.name())
        .put("uid", id.uid().toString())
        .put("unfinished", unfinished.name());
    tree.set("spec", JSON.valueToTree(spec));
    if (!running.equals(spec)) {
      tree.set("running", JSON.valueToTree(running));
    }
    ObjectNode places = tree.putObject("addresses");
    new TreeMap<>(addresses).forEach(places::put);
    return tree.toPrettyString() + "\n";
  }

  /**
   * Reads what {@link #encode} wrote, also an earlier version of it.
   *
   * @param text JSON
   * @return the record
   * @throws IOException if it is damaged, or of a format that is not known
   */
  public static MachineRecord decode(String text) throws IOException {
    JsonNode tree = JSON.readTree(text);
    if (tree.path("format").asInt() != FORMAT) {
      throw new IOException("format is " + tree.path("format") + ", not " + FORMAT);
    }
    if (!tree.path("spec").isObject()) {
      throw new IOException("there is no spec");
    }
    try {
      ResourceId id = new ResourceId(
          tree.path("kind").asText(),
          tree.path("name").asText(),
          UUID.fromString(tree.path("uid").asText()));
      MachineSpec spec = spec(tree.path("spec"));
      MachineSpec running = tree.has("running") ? spec(tree.path("running")) : spec;
      Map<String, Integer> places =
          tree.has("addresses") ? addresses(tree.path("addresses")) : Addresses.of(Map.of(), spec);
      Unfinished rest = Unfinished.valueOf(tree.path("unfinished").asText("NONE"));
      return new MachineRecord(id, spec, running, places, rest);
    } catch (JsonProcessingException | IllegalArgumentException | N0Exception e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  /** Reads also what was written before there were CD-ROM drives. */
  private static MachineSpec spec(JsonNode tree) throws JsonProcessingException {
    if (tree.path("hardware") instanceof ObjectNode hardware && !hardware.has("cdroms")) {
      hardware.putArray("cdroms");
    }
    return JSON.treeToValue(tree, MachineSpec.class);
  }

  private static Map<String, Integer> addresses(JsonNode tree) throws IOException {
    Map<String, Integer> places = new TreeMap<>();
    for (Map.Entry<String, JsonNode> entry : tree.properties()) {
      if (!entry.getValue().canConvertToInt()) {
        throw new IOException("address " + entry + " is no number");
      }
      places.put(entry.getKey(), entry.getValue().intValue());
    }
    return places;
  }

  /**
   * Names what differs between two specs.
   *
   * @param from a spec
   * @param to another
   * @return the fields' names
   */
  public static List<String> differences(MachineSpec from, MachineSpec to) {
    JsonNode mine = JSON.valueToTree(from);
    JsonNode other = JSON.valueToTree(to);
    List<String> changed = new ArrayList<>();
    mine.fieldNames().forEachRemaining(field -> {
      if (!mine.path(field).equals(other.path(field))) {
        changed.add(field);
      }
    });
    return changed;
  }

  /**
   * Asks for another spec. Devices that are new get addresses which no other has or may still have.
   *
   * @param desired what it is to be
   * @param rest what is to be done about it
   * @return a changed copy
   */
  public MachineRecord wanting(MachineSpec desired, Unfinished rest) {
    return new MachineRecord(id, desired, running, Addresses.of(addresses, desired), rest);
  }

  /**
   * Notes that the next launch is made from the spec. A device keeps its address; those of devices that are not
   * wanted are free again, since nothing is plugged into a board that is not there yet.
   *
   * @return a changed copy
   */
  public MachineRecord launched() {
    boolean sameBoard = running.chipset() == spec.chipset();
    Map<String, Integer> kept = sameBoard ? Addresses.only(addresses, spec) : Map.of();
    return new MachineRecord(id, spec, spec, Addresses.of(kept, spec), unfinished);
  }

  /**
   * Describes the board as its guest sees it: what came with the launch, and what was plugged and where.
   * Memory that was written on one board can be read on no other.
   *
   * @return the same for the same board
   */
  public String board() {
    Firmware firmware = running.firmware();
    StringJoiner board = new StringJoiner(", ")
        .add(running.chipset().name())
        .add(running.vcpus() + " vCPUs")
        .add(running.memoryBytes() + " bytes")
        .add("display " + running.display())
        .add(
            firmware instanceof Firmware.Uefi
                ? firmware.toString()
                : firmware.getClass().getSimpleName());
    running.hardware().ifPresent(hardware -> {
      hardware.cpu().ifPresent(cpu -> board.add(cpu.toString()));
      hardware
          .memory()
          .flatMap(Hardware.Memory::mostBytes)
          .ifPresent(most -> board.add("at most " + most + " bytes"));
      hardware.tpm().ifPresent(tpm -> board.add("TPM " + tpm));
      hardware.watchdog().ifPresent(watchdog -> board.add("a watchdog"));
      hardware.rawArguments().forEach(board::add);
    });
    running.cloudInit().ifPresent(seed -> board.add("a seed"));
    return board.add(new TreeMap<>(addresses).toString()).toString();
  }

  /**
   * Notes other addresses.
   *
   * @param other all of them
   * @return a changed copy
   */
  public MachineRecord at(Map<String, Integer> other) {
    return new MachineRecord(id, spec, running, other, unfinished);
  }

  /**
   * Notes that the spec is true, as far as the guest can be given it while it runs.
   *
   * @return a changed copy
   */
  public MachineRecord finished() {
    return new MachineRecord(id, spec, running, addresses, Unfinished.NONE);
  }
}
