package io.n0stack.n0core.kvm.internal;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.PowerPolicy;
import io.n0stack.n0core.api.driver.ResourceId;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/**
 * What {@code machine.json} says: the stamp and the spec.
 *
 * @param id the machine
 * @param spec what it was made from
 */
public record MachineRecord(ResourceId id, MachineSpec spec) {
  private static final int FORMAT = 1;
  private static final ObjectMapper JSON = new ObjectMapper()
      .registerModule(new Jdk8Module())
      .addMixIn(Firmware.class, FirmwareTypes.class);

  @JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
  @JsonSubTypes({
    @JsonSubTypes.Type(value = Firmware.Bios.class, name = "bios"),
    @JsonSubTypes.Type(value = Firmware.Uefi.class, name = "uefi"),
    @JsonSubTypes.Type(value = Firmware.Kernel.class, name = "kernel"),
    @JsonSubTypes.Type(value = Firmware.Rom.class, name = "rom")
  })
  private interface FirmwareTypes {}

  String encode() {
    ObjectNode tree = JSON.createObjectNode()
        .put("format", FORMAT)
        .put("kind", id.kind())
        .put("name", id.name())
        .put("uid", id.uid().toString());
    tree.set("spec", JSON.valueToTree(spec));
    return tree.toPrettyString() + "\n";
  }

  static MachineRecord decode(String text) throws IOException {
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
      return new MachineRecord(id, JSON.treeToValue(tree.path("spec"), MachineSpec.class));
    } catch (JsonProcessingException | IllegalArgumentException | N0Exception e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  /**
   * Names what differs beyond the power policy.
   *
   * @param desired another spec
   * @return the fields' names
   */
  public List<String> fixedFieldsChangedBy(MachineSpec desired) {
    JsonNode mine = JSON.valueToTree(spec);
    JsonNode other = JSON.valueToTree(desired);
    List<String> changed = new ArrayList<>();
    mine.fieldNames().forEachRemaining(field -> {
      if (!field.equals("powerPolicy") && !mine.path(field).equals(other.path(field))) {
        changed.add(field);
      }
    });
    return changed;
  }

  /**
   * Changes the power policy.
   *
   * @param policy the new one
   * @return a changed copy
   */
  public MachineRecord withPowerPolicy(PowerPolicy policy) {
    return new MachineRecord(
        id, spec.toBuilder(spec.vcpus(), spec.memoryBytes()).powerPolicy(policy).build());
  }
}
