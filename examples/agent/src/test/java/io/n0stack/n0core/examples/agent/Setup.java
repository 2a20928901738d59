package io.n0stack.n0core.examples.agent;

import io.n0stack.n0core.agent.Bundle;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.PowerPolicy;
import io.n0stack.n0core.api.driver.Spec;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.NetworkSpec;
import io.n0stack.n0core.api.network.PortSpec;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.VolumeSpec;
import java.nio.file.Path;

/**
 * A machine with a network, a port and a volume of its own. Its text, {@code NAME:MEMORY:POLICY:DISK} with
 * sizes in MiB, is how an order names it.
 */
record Setup(String name, int memoryMib, PowerPolicy policy, int diskMib) {
  private static final long MIB = 1 << 20;

  static Setup parse(String text) {
    String[] part = text.split(":", -1);
    return new Setup(
        part[0],
        Integer.parseInt(part[1]),
        PowerPolicy.valueOf(part[2]),
        Integer.parseInt(part[3]));
  }

  static Path rom(Path home) {
    return home.resolve("nano.rom");
  }

  static Path image(Path home) {
    return home.resolve("base.qcow2");
  }

  String network() {
    return name + "-lan";
  }

  String port() {
    return name + "-eth0";
  }

  String volume() {
    return name + "-root";
  }

  String name(String kind) {
    return switch (kind) {
      case "network" -> network();
      case "port" -> port();
      case "volume" -> volume();
      default -> name;
    };
  }

  Setup with(PowerPolicy other) {
    return new Setup(name, memoryMib, other, diskMib);
  }

  Bundle bundle(Path home) {
    return Bundle.empty()
        .with("machine", name, spec("machine", home))
        .with("network", network(), spec("network", home))
        .with("port", port(), spec("port", home))
        .with("volume", volume(), spec("volume", home));
  }

  Spec spec(String kind, Path home) {
    return switch (kind) {
      case "network" ->
        NetworkSpec.Flat.isolated()
            .withGateway(NetworkSpec.Gateway.of(
                CidrAddress.parse("10.77." + (int) name.charAt(name.length() - 1) + ".1/24")));
      case "port" ->
        PortSpec.builder(network())
            .ownerUid(0)
            .antiSpoof(PortSpec.AntiSpoof.OFF)
            .isolation(PortSpec.Isolation.SHARED)
            .build();
      case "volume" ->
        VolumeSpec.from(new ImageSource.Backing(image(home), ImageFormat.QCOW2))
            .withSizeBytes(diskMib * MIB);
      case "machine" ->
        MachineSpec.builder(1, memoryMib * MIB)
            .disk(volume())
            .nic(port())
            .firmware(new Firmware.Rom(rom(home)))
            .accelerator(Accelerator.TCG)
            .powerPolicy(policy)
            .build();
      default -> throw new IllegalArgumentException(kind);
    };
  }

  @Override
  public String toString() {
    return name + ":" + memoryMib + ":" + policy + ":" + diskMib;
  }
}
