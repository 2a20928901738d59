package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.Optional;

/**
 * A memory device.
 *
 * @since 0.1
 */
public sealed interface MemoryDevice {
  /**
   * Returns its kind.
   *
   * @return a word such as {@code dimm} or {@code virtio-mem}
   */
  String type();

  /**
   * Returns its id.
   *
   * @return the id, empty if it has none
   */
  Optional<String> id();

  /**
   * Reads a device.
   *
   * @param result what QEMU sent
   * @return the device
   */
  static MemoryDevice from(QmpResult result) {
    String type = result.text("/type");
    return switch (type) {
      case "dimm", "nvdimm" ->
        new Dimm(
            type,
            Read.optText(result, "/data/id"),
            result.number("/data/addr"),
            result.number("/data/size"),
            result.number("/data/slot"),
            result.number("/data/node"),
            result.text("/data/memdev"),
            result.flag("/data/hotplugged"),
            result.flag("/data/hotpluggable"));
      case "virtio-mem" ->
        new VirtioMem(
            Read.optText(result, "/data/id"),
            result.number("/data/memaddr"),
            result.number("/data/requested-size"),
            result.number("/data/size"),
            result.number("/data/max-size"),
            result.number("/data/block-size"),
            result.number("/data/node"),
            result.text("/data/memdev"));
      case "virtio-pmem" ->
        new VirtioPmem(
            Read.optText(result, "/data/id"),
            result.number("/data/memaddr"),
            result.number("/data/size"),
            result.text("/data/memdev"));
      case "sgx-epc" ->
        new SgxEpc(
            Read.optText(result, "/data/id"),
            result.number("/data/memaddr"),
            result.number("/data/size"),
            result.number("/data/node"),
            result.text("/data/memdev"));
      default -> new Other(type, Read.optText(result, "/data/id"), result);
    };
  }

  /**
   * A memory module.
   *
   * @param type {@code dimm}, or {@code nvdimm} if it is persistent
   * @param id its id
   * @param address where the guest sees it
   * @param sizeBytes its size
   * @param slot its slot
   * @param node its NUMA node
   * @param backend the object path of its host memory
   * @param hotplugged whether it was added later
   * @param hotpluggable whether it can be removed
   * @since 0.1
   */
  record Dimm(
      String type,
      Optional<String> id,
      long address,
      long sizeBytes,
      long slot,
      long node,
      String backend,
      boolean hotplugged,
      boolean hotpluggable)
      implements MemoryDevice {}

  /**
   * Memory whose size the guest changes on request.
   *
   * @param id its id
   * @param address where the guest sees it
   * @param requestedBytes the size that the guest is asked for
   * @param sizeBytes the size that it has
   * @param maxBytes the most it can have
   * @param blockBytes the step of its size
   * @param node its NUMA node
   * @param backend the object path of its host memory
   * @since 0.1
   */
  record VirtioMem(
      Optional<String> id,
      long address,
      long requestedBytes,
      long sizeBytes,
      long maxBytes,
      long blockBytes,
      long node,
      String backend)
      implements MemoryDevice {
    @Override
    public String type() {
      return "virtio-mem";
    }
  }

  /**
   * A file of the host as persistent memory.
   *
   * @param id its id
   * @param address where the guest sees it
   * @param sizeBytes its size
   * @param backend the object path of its host memory
   * @since 0.1
   */
  record VirtioPmem(Optional<String> id, long address, long sizeBytes, String backend)
      implements MemoryDevice {
    @Override
    public String type() {
      return "virtio-pmem";
    }
  }

  /**
   * Memory that the processor encrypts.
   *
   * @param id its id
   * @param address where the guest sees it
   * @param sizeBytes its size
   * @param node its NUMA node
   * @param backend the object path of its host memory
   * @since 0.1
   */
  record SgxEpc(Optional<String> id, long address, long sizeBytes, long node, String backend)
      implements MemoryDevice {
    @Override
    public String type() {
      return "sgx-epc";
    }
  }

  /**
   * A kind that a newer QEMU added.
   *
   * @param type its kind
   * @param id its id
   * @param device all that QEMU said
   * @since 0.1
   */
  record Other(String type, Optional<String> id, QmpResult device) implements MemoryDevice {}
}
