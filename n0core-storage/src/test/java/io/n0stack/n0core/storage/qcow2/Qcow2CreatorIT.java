package io.n0stack.n0core.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.storage.Images;
import io.n0stack.n0core.tck.Repetition;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Requires(Requirement.QEMU)
class Qcow2CreatorIT {
  private static final int CASES = 240; // of the matrix; all with N0CORE_REPEAT=1000
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir
  Path directory;

  @Test
  void whatIsMadeIsCleanAndLooksToQemuLikeItsOwn() throws IOException {
    Path base = directory.resolve("a base, with: odd name.qcow2");
    Path raw = Files.write(directory.resolve("base.raw"), new byte[4096]);
    Qcow2Creator.create(base, Qcow2Options.of(1 << 20));
    List<CreatedCase> cases = CreatedCase.matrix(base, raw);
    assertThat(cases).hasSizeGreaterThan(1300);
    long seed = System.nanoTime();
    Collections.shuffle(cases, new Random(seed));
    cases = cases.subList(0, Math.min(cases.size(), Repetition.of(CASES)));

    int same = compare(cases, seed);

    assertThat(same).as("files of the same bytes, seed %s", seed).isGreaterThan(cases.size() / 3);
  }

  @Test
  void theLargestImagesAreAsQemuMakesThemButForTheHole() throws IOException {
    List<CreatedCase> cases = CreatedCase.largest();

    assertThat(compare(cases, 0)).isEqualTo(cases.size());
  }

  @Test
  void whatIsCountedInManyBlocksIsClean() throws IOException {
    CreatedCase counted = CreatedCase.countedInManyBlocks();
    assertThat(new CreationLayout(counted.options()).tableClusters()).isGreaterThan(1);

    compare(List.of(counted), 0);
  }

  /** Compares with images of qemu-img; returns how many are the same byte for byte. */
  private int compare(List<CreatedCase> cases, long seed) throws IOException {
    Path ours = Files.createDirectory(directory.resolve("ours" + seed));
    Path theirs = Files.createDirectory(directory.resolve("theirs" + seed));
    Batch batch = new Batch(directory);
    for (int i = 0; i < cases.size(); i++) {
      String name = i + ".qcow2";
      Qcow2Creator.create(ours.resolve(name), cases.get(i).options());
      String info = "qemu-img info -f qcow2 --output=json " + name;
      batch.add("cd '" + theirs + "' && " + cases.get(i).qemuImg(name) + " && " + info
          + "; echo @@; cd '" + ours + "' && " + info + " && echo @@ && qemu-img check -f qcow2 "
          + name + "; echo @@ $?; cmp -s " + name + " '" + theirs + "'/" + name
          + " && echo same; rm '" + theirs + "'/" + name);
    }
    int same = 0;
    List<String> results = batch.run();
    for (int i = 0; i < cases.size(); i++) {
      String[] parts = results.get(i).split("@@", -1);
      assertThat(parts).as("seed %s: %s %s", seed, cases.get(i), results.get(i)).hasSize(4);
      assertThat(info(parts[1])).as("%s", cases.get(i)).isEqualTo(info(parts[0]));
      assertThat(parts[2]).as("%s", cases.get(i)).startsWith("\nNo errors were found");
      assertThat(parts[3]).as("%s", cases.get(i)).startsWith(" 0\n");
      same += parts[3].contains("same") ? 1 : 0;
    }
    return same;
  }

  private static JsonNode info(String text) throws IOException {
    ObjectNode info = (ObjectNode) JSON.readTree(text);
    assertThat(info.remove("actual-size")).as(text).isNotNull();
    info.remove("children"); // newer than 7.2; it tells the length of the file
    return info;
  }

  @Test
  void anyOptionsThatAreTakenMakeAnImageThatQemuFindsClean() throws IOException {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    Batch batch = new Batch(directory);
    for (int i = 0; i < Repetition.of(120); i++) {
      Path image = directory.resolve("any" + i + ".qcow2");
      if (AnyOptions.tried(random, image) && Qcow2Header.read(image).l1Size() < 1 << 17) {
        // Without the backing file, which is not there.
        batch.add("qemu-img check -q 'json:{\"driver\":\"qcow2\",\"backing\":null,"
            + "\"file\":{\"driver\":\"file\",\"filename\":\"" + image + "\"}}'; echo $?");
      }
    }

    assertThat(batch.run()).as("seed %s", seed).isNotEmpty().allMatch("0\n"::equals);
  }

  @Test
  void whatIsRefusedIsRefusedByQemuToo() throws IOException {
    Batch batch = new Batch(directory);
    String create = "qemu-img create -q -u -f qcow2 -o ";
    for (int bits = 9; bits <= 21; bits++) {
      for (boolean extended : new boolean[] {false, true}) {
        long size = L1Tables.mostBytes(bits, extended) + 512;
        batch.add(create + "cluster_size=" + (1 << bits) + (extended ? ",extended_l2=on" : "")
            + " large " + size + " >/dev/null 2>&1; echo $?");
      }
    }
    for (int length : new int[] {377, 889, 1024}) {
      int cluster = length == 1024 ? 65536 : (length + 135) / 512 * 512;
      batch.add(create + "cluster_size=" + cluster + " -b /" + "n".repeat(length - 1)
          + " -F qcow2 long 1M >/dev/null 2>&1; echo $?");
    }
    batch.add(create + "cluster_size=8k,extended_l2=on small 1M >/dev/null 2>&1; echo $?");
    batch.add(create + "refcount_bits=3 odd 1M >/dev/null 2>&1; echo $?");
    batch.add(create + "cluster_size=4M odd 1M >/dev/null 2>&1; echo $?");

    assertThat(batch.run()).allMatch("1\n"::equals);
  }

  @Test
  void theLongestNamesOfBackingFilesAreFollowed() throws IOException {
    List<Path> images = new ArrayList<>();
    for (int[] longest : new int[][] {{512, 376}, {1024, 888}, {4096, 1022}, {65536, 1023}}) {
      Path base = longName(longest[1]);
      Qcow2Creator.create(base, Qcow2Options.of(1 << 20));
      Path image = directory.resolve("clone" + longest[0]);
      Qcow2Creator.create(
          image,
          Qcow2Options.builder(1 << 20)
              .clusterSizeBytes(longest[0])
              .backing(base, ImageFormat.QCOW2)
              .build());
      images.add(image);
    }

    for (Path image : images) {
      Images.qemuImg("check", "-f", "qcow2", image);
      assertThat(Images.qemuImg("info", "--backing-chain", "-f", "qcow2", image))
          .contains("backing file: /");
    }
  }

  private Path longName(int length) throws IOException {
    Path path = directory;
    while (length - path.toString().length() > 200) {
      path = Files.createDirectories(path.resolve("d".repeat(150)));
    }
    return path.resolve("b".repeat(length - path.toString().length() - 1));
  }

  @Test
  void dataWrittenByQemuReadsBackAndClonesReadTheirBase() throws IOException {
    List<CreatedCase> cases = CreatedCase.matrix(Path.of("/unused"), Path.of("/unused")).stream()
        .filter(made -> made.options().sizeBytes() == 10L << 30)
        .filter(made -> made.options().backing().isEmpty())
        .filter(made -> made.options().refcountBits() % 15 <= 2)
        .toList();
    assertThat(cases).hasSizeGreaterThan(20);
    Batch batch = new Batch(directory);
    for (int i = 0; i < cases.size(); i++) {
      Qcow2Options options = cases.get(i).options();
      Path base = directory.resolve("base" + i);
      Path clone = directory.resolve("clone" + i);
      Qcow2Creator.create(base, options);
      Qcow2Creator.create(
          clone,
          Qcow2Options.builder(options.sizeBytes() + (1 << 20))
              .clusterSizeBytes(options.clusterSizeBytes())
              .backing(base, ImageFormat.QCOW2)
              .build());
      String last = options.sizeBytes() - 4096 + " 4k";
      batch.add("set -- " + base + " " + clone + "; qemu-io -f qcow2 -c 'write -P 17 1M 300k'"
          + " -c 'write -P 18 " + last + "' $1 >/dev/null && qemu-io -f qcow2"
          + " -c 'write -P 19 1100k 8k' $2 >/dev/null && qemu-io -r -f qcow2"
          + " -c 'read -P 17 1M 76k' -c 'read -P 19 1100k 8k' -c 'read -P 17 1108k 216k'"
          + " -c 'read -P 18 " + last + "' -c 'read -P 0 10G 1M' -c 'read -P 0 2M 1M' $2"
          + " && qemu-io -r -f qcow2 -c 'read -P 17 1M 300k' $1"
          + " && qemu-img check -q -f qcow2 $1 && qemu-img check -q -f qcow2 $2; echo $?");
    }

    assertThat(batch.run())
        .allSatisfy(result -> assertThat(result).endsWith("\n0\n").doesNotContain("fail"));
  }
}
