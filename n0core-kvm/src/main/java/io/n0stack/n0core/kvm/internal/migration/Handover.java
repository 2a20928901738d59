package io.n0stack.n0core.kvm.internal.migration;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.Migration.Phase;
import io.n0stack.n0core.api.compute.Migration.Verdict;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * What one host has durably on record of a machine's ownership: the state machine of a migration. Each change is
 * on the disk before what it allows is done, but for one: that a target takes the machine is only certain to
 * survive the agent then, and is on the disk before anybody is told.
 *
 * @param phase where the machine is on its way
 * @param token the attempt in hand, empty if there is none
 * @param boot target: during which run of this host's kernel the attempt was begun; empty if none is in hand
 * @param guest whether the guest is to run or to stand still
 * @param taken the tokens under which it came to this host
 * @param refused the tokens under which it never will
 */
record Handover(
    Phase phase,
    Optional<UUID> token,
    Optional<String> boot,
    MachineState guest,
    List<UUID> taken,
    List<UUID> refused) {
  private static final int FORMAT = 1;
  private static final ObjectMapper JSON = new ObjectMapper();

  Handover {
    taken = List.copyOf(taken);
    refused = List.copyOf(refused);
  }

  /** Returns what is true of a machine that never moved. */
  static Handover none() {
    return new Handover(
        Phase.SETTLED,
        Optional.empty(),
        Optional.empty(),
        MachineState.RUNNING,
        List.of(),
        List.of());
  }

  boolean settled() {
    return phase == Phase.SETTLED;
  }

  /** Source: begins an attempt. */
  Handover sending(UUID attempt, MachineState guestNow) {
    require("send", Phase.SETTLED);
    return new Handover(
        Phase.SENDING, Optional.of(attempt), Optional.empty(), guestNow, taken, refused);
  }

  /** Source: its memory may be sent, and once all of it is the machine may be given away. */
  Handover handingOver() {
    return from("hand over", Phase.HANDING_OVER, Phase.SENDING);
  }

  /** Source: has given the machine away; only once its guest has stopped and cannot start by itself. */
  Handover released() {
    return from("release", Phase.RELEASED, Phase.HANDING_OVER);
  }

  /** Source: takes it back; only once the target has refused it. */
  Handover resuming() {
    return from("resume", Phase.RESUMING, Phase.HANDING_OVER, Phase.RELEASED);
  }

  /** Source: knows that the target has it. */
  Handover migrated() {
    return from("leave", Phase.MIGRATED, Phase.HANDING_OVER, Phase.RELEASED);
  }

  /** Source: the machine stays, as it was never given away or was taken back. Target: it has come. */
  Handover owned() {
    require("keep", Phase.SENDING, Phase.HANDING_OVER, Phase.RESUMING, Phase.TAKING);
    return at(Phase.SETTLED, taken, refused);
  }

  /** Source: a person has said that the target has lost it. */
  Handover reclaimed() {
    require("reclaim", Phase.MIGRATED);
    return at(Phase.SETTLED, taken, refused);
  }

  /** Target: a person has said that the source has lost it, before its memory came. */
  Handover inherited() {
    require("inherit", Phase.EXPECTED, Phase.INCOMING, Phase.REFUSED);
    return at(Phase.SETTLED, taken, withCurrentRefused());
  }

  /** Target: reserves the first place that it ever had here. */
  Handover firstExpected() {
    require("expect", Phase.SETTLED);
    return at(Phase.EXPECTED, taken, refused);
  }

  /** Target: reserves a place. */
  Handover expected() {
    require("expect", Phase.EXPECTED, Phase.INCOMING, Phase.REFUSED, Phase.MIGRATED);
    List<UUID> never = phase == Phase.MIGRATED ? refused : withCurrentRefused();
    return at(Phase.EXPECTED, taken, never);
  }

  private Handover at(Phase to, List<UUID> takenThen, List<UUID> refusedThen) {
    return new Handover(to, Optional.empty(), Optional.empty(), guest, takenThen, refusedThen);
  }

  /** Target: ends the attempt before. */
  Handover expectedAgain() {
    require("receive", Phase.EXPECTED, Phase.INCOMING, Phase.REFUSED);
    return expected();
  }

  /** Target: begins an attempt; only once no emulator of another is left. */
  Handover incoming(UUID attempt, String bootNow) {
    require("receive", Phase.EXPECTED);
    return new Handover(
        Phase.INCOMING, Optional.of(attempt), Optional.of(bootNow), guest, taken, refused);
  }

  /**
   * Target: says whether the machine may have run here without that being on record, because the host was restarted
   * before the record was on the disk.
   */
  boolean unsure(String bootNow) {
    return phase == Phase.INCOMING && boot.filter(then -> !then.equals(bootNow)).isPresent();
  }

  /** Target: takes the machine; only once the source has released it. */
  Handover taking(MachineState guestThen) {
    require("take over", Phase.INCOMING);
    List<UUID> more = new ArrayList<>(taken);
    token.ifPresent(more::add);
    return new Handover(Phase.TAKING, token, Optional.empty(), guestThen, more, refused);
  }

  /** Target: will never take it under this token. */
  Handover refusing() {
    require("refuse", Phase.INCOMING);
    return new Handover(Phase.REFUSED, token, Optional.empty(), guest, taken, withCurrentRefused());
  }

  /** Target: says what became of a token, empty if that is still open. */
  Optional<Verdict> verdict(UUID attempt) {
    if (taken.contains(attempt)) {
      return Optional.of(Verdict.TAKEN);
    }
    if (refused.contains(attempt)) {
      return Optional.of(Verdict.REFUSED);
    }
    if (phase == Phase.INCOMING && token.filter(attempt::equals).isPresent()) {
      return Optional.empty();
    }
    // It may have been issued before all that was known here was deleted.
    throw new N0Exception(
        N0Exception.Code.NOT_FOUND, "token", "find token " + attempt + ": not issued here");
  }

  private List<UUID> withCurrentRefused() {
    List<UUID> more = new ArrayList<>(refused);
    token.filter(current -> !more.contains(current)).ifPresent(more::add);
    return more;
  }

  private Handover from(String verb, Phase to, Phase... allowed) {
    require(verb, allowed);
    return new Handover(to, token, boot, guest, taken, refused);
  }

  private void require(String verb, Phase... allowed) {
    Set<Phase> all = EnumSet.noneOf(Phase.class);
    all.addAll(List.of(allowed));
    if (!all.contains(phase)) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          "migration",
          verb + " a machine that is " + phase + ": must be one of " + all);
    }
  }

  String encode() {
    ObjectNode tree = JSON.createObjectNode()
        .put("format", FORMAT)
        .put("phase", phase.name())
        .put("guest", guest.name());
    token.ifPresent(current -> tree.put("token", current.toString()));
    boot.ifPresent(then -> tree.put("boot", then));
    tree.set("taken", JSON.valueToTree(taken));
    tree.set("refused", JSON.valueToTree(refused));
    return tree.toPrettyString() + "\n";
  }

  static Handover decode(String text) throws IOException {
    try {
      JsonNode tree = JSON.readTree(text);
      if (tree.path("format").asInt() != FORMAT) {
        throw new IOException("format is " + tree.path("format") + ", not " + FORMAT);
      }
      return new Handover(
          Phase.valueOf(tree.path("phase").asText()),
          tree.has("token")
              ? Optional.of(UUID.fromString(tree.path("token").asText()))
              : Optional.empty(),
          tree.has("boot") ? Optional.of(tree.path("boot").asText()) : Optional.empty(),
          MachineState.valueOf(tree.path("guest").asText()),
          uuids(tree.path("taken")),
          uuids(tree.path("refused")));
    } catch (JsonProcessingException | IllegalArgumentException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  private static List<UUID> uuids(JsonNode list) throws IOException {
    if (!list.isArray()) {
      throw new IOException("a list of tokens is missing");
    }
    List<UUID> all = new ArrayList<>();
    list.forEach(item -> all.add(UUID.fromString(item.asText())));
    return all;
  }
}
