package io.n0stack.n0core.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.n0stack.n0core.storage.Images;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Requires(Requirement.QEMU)
class Qcow2HeaderIT {
  @TempDir
  Path directory;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "compat=0.10",
        "compat=1.1",
        "cluster_size=512",
        "cluster_size=2M",
        "refcount_bits=1",
        "refcount_bits=64",
        "lazy_refcounts=on",
        "extended_l2=on",
        "compression_type=zstd",
        "preallocation=metadata",
        "cluster_size=4096,refcount_bits=8,lazy_refcounts=on"
      })
  void readsWhatQemuImgReads(String options) throws Exception {
    Path image = directory.resolve("image.qcow2");
    Images.qemuImg("create", "-q", "-f", "qcow2", "-o", options, image, "123456K");
    Images.qemuImg("snapshot", "-c", "before", image);
    Images.qemuImg("snapshot", "-c", "after", image);

    Qcow2Header header = Qcow2Header.read(image);
    JsonNode info = info(image);
    JsonNode data = info.path("format-specific").path("data");

    assertThat(header.sizeBytes()).isEqualTo(info.path("virtual-size").longValue());
    assertThat(header.clusterSizeBytes()).isEqualTo(info.path("cluster-size").intValue());
    assertThat(header.version()).isEqualTo(data.path("compat").asText().equals("1.1") ? 3 : 2);
    assertThat(header.refcountBits()).isEqualTo(data.path("refcount-bits").intValue());
    assertThat(header.features().extendedL2())
        .isEqualTo(data.path("extended-l2").booleanValue());
    assertThat(Qcow2Header.snapshotNames(image)).containsExactly("before", "after");
  }

  @Test
  void readsBackingFileDataFileAndEncryptionAsQemuImgWritesThem() throws Exception {
    Path base = directory.resolve("a base, with: odd name.qcow2");
    Path overlay = directory.resolve("overlay.qcow2");
    Path outside = directory.resolve("outside.qcow2");
    Path secret = directory.resolve("secret.qcow2");
    Images.qemuImg("create", "-q", "-f", "qcow2", base, "10M");
    Images.qemuImg("create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", overlay);
    Images.qemuImg(
        "create", "-q", "-f", "qcow2", "-o", "data_file=" + directory + "/data", outside, "1M");
    Images.qemuImg(
        "create",
        "-q",
        "-f",
        "qcow2",
        "--object",
        "secret,id=s,data=x",
        "-o",
        "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10",
        secret,
        "1M");

    assertThat(Qcow2Header.read(overlay).backingFile()).contains(base.toString());
    assertThat(Qcow2Header.read(overlay).backingFormat()).contains("qcow2");
    assertThat(Qcow2Header.read(outside).features().externalDataFile()).isTrue();
    assertThat(Qcow2Header.read(outside).dataFile()).contains(directory + "/data");
    assertThat(Qcow2Header.read(secret).encryption()).isEqualTo(2);
  }

  private static JsonNode info(Path image) throws Exception {
    return new ObjectMapper()
        .readTree(Images.qemuImg("info", "-f", "qcow2", "--output=json", image));
  }
}
