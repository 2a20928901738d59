package io.n0stack.n0core.kvm.internal.migration;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.kvm.internal.record.MachineRecord;
import java.io.IOException;

/** What the target of a migration must know to build the same board. */
record Board(MachineRecord record, String type, Accelerator accelerator) {
  private static final ObjectMapper JSON = new ObjectMapper();

  String encode() {
    return JSON.createObjectNode()
        .put("type", type)
        .put("accelerator", accelerator.name())
        .put("record", record.encode())
        .toString();
  }

  static Board decode(String text) {
    try {
      JsonNode tree = JSON.readTree(text);
      return new Board(
          MachineRecord.decode(tree.path("record").asText()),
          // It becomes an argument of QEMU.
          requireType(tree.path("type").asText()),
          Accelerator.valueOf(tree.path("accelerator").asText()));
    } catch (JsonProcessingException e) {
      throw N0Exception.invalid("board", text, "must be JSON");
    } catch (IOException | IllegalArgumentException e) {
      throw N0Exception.invalid(
          "board", text, "must be what a driver of this kind wrote: " + e.getMessage());
    }
  }

  private static String requireType(String type) throws IOException {
    if (!type.matches("[a-z0-9][a-z0-9.-]{0,63}")) {
      throw new IOException("the machine type");
    }
    return type;
  }
}
