package io.n0stack.n0core.tck.sim;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The enumerator finds out every runtime that was broken on purpose, or it would prove nothing. */
class BrokenRuntimesTest {
  @TempDir
  Path directory;

  private static List<Mutant> mutants() {
    return List.of(
        Mutant.of(
                "takes what cannot be seen for absent",
                "leave the unseen alone",
                "Inspection",
                "if (seen instanceof Observed.Unknown<?> unknown) {",
                "if (seen instanceof Observed.Unknown<?> unknown && unknown.why().isEmpty()) {")
            .and(
                "Host",
                "if (seen instanceof Observed.Unknown<?> unknown) {",
                "if (seen instanceof Observed.Unknown<?> unknown && unknown.why().isEmpty()) {"),
        Mutant.of(
            "reaps orphans when it is opened",
            "create",
            "Reconciler",
            "    recovered.complete(recovery);",
            "    orphans.forEach(id -> engine.get().reap(id));\n    recovered.complete(recovery);"),
        Mutant.of(
            "writes the intent after the effect",
            "create",
            "Ledger",
            "long revision = store.put(key(intent.id()),",
            "long revision = intent.revision() == Store.NONE ? Store.NONE : store.put(key(intent.id()),"),
        Mutant.of(
            "forgets the record before the deletion",
            "delete",
            "Convergence",
            "    try {\n      deleteAndProve(id, running);",
            "    try {\n      ledger.find(reference).ifPresent(ledger::remove);\n"
                + "      deleteAndProve(id, running);"),
        Mutant.of(
            "does not go on with a deletion",
            "delete",
            "Inspection",
            "ledger.needers(intent.id().reference()).isEmpty()",
            "ledger.needers(intent.id().reference()) == null"),
        Mutant.of(
            "does not go on with a creation",
            "create",
            "Inspection",
            "case APPLYING -> repair(lane, intent);",
            "case APPLYING -> Done.of(Outcome.FINE, \"\");"),
        Mutant.of(
            "rolls back what was READY",
            "roll back",
            "Convergence",
            "policy == OnFailure.ROLL_BACK && !known.onceReady()",
            "policy == OnFailure.ROLL_BACK"),
        Mutant.of(
            "forgets of what is lost that it was READY",
            "roll back what was lost",
            "Intent",
            "options, false, onceReady, LOST, revision",
            "options, false, false, LOST, revision"),
        Mutant.of(
            "gives a changed resource a new uid",
            "change live",
            "Admission",
            "record(known.asking(spec, options));",
            "record(Intent.fresh(ResourceId.fresh(reference.kind(), reference.name()), spec, options)"
                + ".at(known.revision()));"),
        Mutant.of(
            "replaces a lost volume by an empty one",
            "repair drift",
            "Convergence",
            "onLoss() == Driver.Loss.REPORT",
            "onLoss() == null"),
        Mutant.of(
            "takes the note of an action back before the action",
            "act",
            "Engine",
            "      R result;\n",
            "      R result;\n      ledger.takeBack(note);\n"),
        Mutant.of(
            "forgets an interrupted action once it has reported it",
            "act",
            "Ledger",
            "      loadAction(action);\n",
            "      loadAction(action);\n      store.delete(action.key(), action.revision());\n"),
        Mutant.of(
            "deletes what others still need",
            "delete the unseen",
            "Inspection",
            "ledger.needers(intent.id().reference()).isEmpty()",
            "ledger.needers(intent.id().reference()).size() >= 0"),
        Mutant.of(
            "adopts under a new uid",
            "adopt",
            "Admission",
            "record(Intent.existing(orphan, spec,",
            "record(Intent.existing(ResourceId.fresh(orphan.kind(), orphan.name()), spec,"),
        Mutant.of(
            "deletes a damaged record",
            "damaged record",
            "Ledger",
            "      store.put(key, record.value(), old);\n",
            "      assert old >= 0;\n"),
        Mutant.of(
                "applies everything again when it is opened",
                "adopt",
                "Inspection",
                "case READY -> Host.finished(seen) ? Done.of(Outcome.FINE, \"\") : drifted(lane, intent, seen);",
                "case READY -> repair(lane, intent);")
            .and(
                "Convergence",
                "if (Host.finished(before) && intent.phase() == Phase.READY) {",
                "if (intent.phase() == Phase.DELETING) {"),
        Mutant.of(
            "restores under new uids",
            "restore",
            "Backup",
            "value(\"uid\", entry, UUID::fromString, \"must be a UUID\")",
            "UUID.randomUUID()"),
        Mutant.of(
            "forgets across a crash what may be disrupted",
            "change by restart",
            "Ledger",
            "        .put(\"disruption\", intent.options().disruption().name())\n",
            ""));
  }

  @Test
  void everyBrokenRuntimeIsRejected() throws Exception {
    List<String> accepted = new ArrayList<>();
    int number = 0;
    for (Mutant mutant : mutants()) {
      Path own = Files.createDirectory(directory.resolve("mutant-" + number++));
      String violation = mutant.judge(own, "find");
      System.out.println("rejected: a runtime that " + mutant.name() + " ("
          + violation.lines().findFirst().map(line -> cut(line)).orElse("NOT REJECTED") + ")");
      if (violation.isEmpty()) {
        accepted.add(mutant.name());
      }
    }
    System.out.println(
        "rejected " + (number - accepted.size()) + " of " + number + " broken runtimes");
    assertThat(accepted).isEmpty();
    assertThat(number).isGreaterThanOrEqualTo(8);
  }

  @Test
  void theRuntimeAsItIsIsNotRejectedByTheSameMeans() throws Exception {
    for (String scenario : List.of("act", "restore", "full disk")) {
      assertThat(new Mutant("is whole", scenario, List.of()).judge(directory, "findIn"))
          .isEmpty();
    }
  }

  private static String cut(String line) {
    return line.length() > 160 ? line.substring(0, 160) + "…" : line;
  }
}
