package io.n0stack.n0core.examples.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** Compares a host, from outside, with all that should be on it. */
final class Residue {
  private Residue() {}

  /** Checks that what the models say is there, and nothing else: processes, links, files. */
  static void requireExactly(IsolatedHost host, List<Model> models) throws IOException {
    for (Model model : models) {
      requireEmulator(host, model);
    }
    TreeSet<String> links = new TreeSet<>();
    TreeSet<String> records = new TreeSet<>();
    records.add("life");
    TreeSet<String> machines = new TreeSet<>();
    TreeSet<String> volumes = new TreeSet<>();
    for (Model model : models) {
      Setup setup = model.setup();
      for (String kind : model.specs().keySet()) {
        records.add("resource." + kind + "." + setup.name(kind));
        switch (kind) {
          case "network", "port" -> links.add(setup.name(kind));
          case "machine" -> machines.add(model.uids().get(kind));
          default -> {
            String directory = setup.volume() + "." + model.uids().get(kind);
            volumes.addAll(
                List.of(directory, directory + "/disk.qcow2", directory + "/volume.json"));
          }
        }
      }
    }
    assertThat(host.links().keySet()).isEqualTo(links);
    assertThat(host.files("data/agent/records")).containsExactlyElementsOf(records);
    assertThat(host.files("data/agent/quarantine")).isEmpty();
    assertThat(host.files("data/agent"))
        .as("temporary files")
        .noneMatch(file -> file.contains(".tmp-"));
    assertThat(host.files("data/volumes"))
        .filteredOn(file -> !file.equals(".lock")) // the pool's, of whichever agent works on it
        .containsExactlyElementsOf(volumes);
    List<String> kvm = host.files("data/kvm");
    assertThat(kvm.stream().filter(file -> !file.contains("/")).collect(Collectors.toList()))
        .containsExactlyElementsOf(machines);
    assertThat(kvm).as("temporary files").noneMatch(file -> file.contains(".tmp-"));
    for (String machine : machines) {
      assertThat(kvm)
          .as("launches of %s", machine)
          .filteredOn(file -> file.matches(machine + "/run\\.[0-9a-f]+"))
          .hasSizeLessThan(2);
    }
  }

  private static void requireEmulator(IsolatedHost host, Model model) {
    List<Long> expected = new ArrayList<>();
    if (model.has("machine") && !model.pid().equals("-")) {
      expected.add(Long.valueOf(model.pid()));
    }
    // A launch that was fenced before it had its lock needs a moment to find out.
    IsolatedHost.soon("the emulators of " + model.name() + " " + expected)
        .untilAsserted(() -> assertThat(host.emulators(model.name()))
            .extracting(IsolatedHost.Running::pid)
            .containsExactlyElementsOf(expected));
    if (!expected.isEmpty()) {
      assertThat(host.emulators(model.name()).get(0).commandLine())
          .as("memory of %s", model)
          .contains("size=" + (model.setup().memoryMib() * 1024 + 64) + "K"); // it has no KVM
    }
  }
}
