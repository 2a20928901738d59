package io.n0stack.n0core.net.nft;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.net.internal.MessageWriter;
import io.n0stack.n0core.net.internal.Wire;
import io.n0stack.n0core.net.nft.Expression.Other;
import io.n0stack.n0core.net.nft.Stored.StoredChain;
import io.n0stack.n0core.net.nft.Stored.StoredElements;
import io.n0stack.n0core.net.nft.Stored.StoredRule;
import io.n0stack.n0core.net.nft.Stored.StoredSet;
import io.n0stack.n0core.net.nft.Stored.StoredTable;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class StoredTest {
  private static final Table EVERYTHING = NftIT.everything();
  private static final TableId TABLE = EVERYTHING.id();

  /** What makes a table is of the same form as what the kernel tells of it. */
  private static List<byte[]> messages() {
    List<NftMessage> messages = new ArrayList<>();
    messages.add(NftMessage.addTable(TABLE, "owner"));
    for (Chain chain : EVERYTHING.chains()) {
      messages.add(NftMessage.addChain(TABLE, chain));
      chain.rules().forEach(rule -> messages.add(NftMessage.addRule(TABLE, chain.name(), rule)));
    }
    for (NamedSet set : EVERYTHING.sets()) {
      messages.add(NftMessage.addSet(TABLE, set, 1));
      messages.addAll(NftMessage.addElements(TABLE, set.name(), set.elements()));
    }
    return messages.stream()
        .map(message -> {
          MessageWriter writer = new MessageWriter();
          message.write(writer);
          return writer.copy();
        })
        .toList();
  }

  @Test
  void whatIsWrittenIsRead() {
    List<Object> read = new ArrayList<>();
    for (byte[] message : messages()) {
      decodeAll(Wire.order(message), 0, message.length, read);
    }

    List<Object> expected = new ArrayList<>();
    expected.add(new StoredTable(TABLE, Optional.of("owner")));
    for (Chain chain : EVERYTHING.chains()) {
      expected.add(new StoredChain(TABLE, chain.withRules(List.of())));
      chain.rules().forEach(rule -> expected.add(new StoredRule(TABLE, chain.name(), 0, rule)));
    }
    for (NamedSet set : EVERYTHING.sets()) {
      expected.add(new StoredSet(TABLE, set.withElements(List.of())));
      expected.add(new StoredElements(TABLE, set.name(), set.elements()));
    }
    assertThat(read).isEqualTo(expected);
  }

  private static void decodeAll(ByteBuffer bytes, int from, int to, List<Object> into) {
    Object[] found = {
      StoredTable.decode(bytes, from, to),
      StoredChain.decode(bytes, from, to),
      StoredRule.decode(bytes, from, to),
      StoredSet.decode(bytes, from, to),
      StoredElements.decode(bytes, from, to),
      Stored.generation(bytes, from, to)
    };
    Arrays.stream(found).filter(each -> each != null).forEach(into::add);
  }

  static LongStream seeds() {
    return LongStream.range(0, 40);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void damagedBytesAreReadWithoutFailing(long seed) {
    Random random = new Random(seed);
    List<Object> read = new ArrayList<>();
    for (byte[] good : messages()) {
      for (int i = 0; i < 100; i++) {
        byte[] bytes = Arrays.copyOf(good, Math.max(17, good.length - random.nextInt(30)));
        for (int j = random.nextInt(5); j > 0; j--) {
          // Type and length of the message itself stay mostly, or nothing would be looked at.
          int at = random.nextInt(8) == 0
              ? random.nextInt(bytes.length)
              : 16 + random.nextInt(bytes.length - 16);
          bytes[at] = (byte) (random.nextBoolean() ? random.nextInt() : random.nextInt(9));
        }
        decodeAll(Wire.order(bytes), 0, bytes.length, read);
      }
    }
    assertThat(read).isNotEmpty();
    assertThat(read.toString()).isNotEmpty();
  }

  @Test
  void messageThatIsCutShortIsNothing() {
    List<Object> read = new ArrayList<>();
    for (int length = 0; length < 20; length++) {
      decodeAll(Wire.order(new byte[length]), 0, length, read);
    }

    assertThat(read).isEmpty();
  }

  @Test
  void expressionWithMoreThanWeKnowIsKeptWhole() {
    // meta with an attribute 40 that no kernel has yet
    byte[] bytes = HexFormat.of()
        .parseHex("09000100" + "6d65746100000000" + "1c000280" + "0800010000000001"
            + "0800020000000007" + "0800280000000001");

    Expression read = ExpressionReader.decode(Wire.order(bytes), 0, bytes.length);

    assertThat(read)
        .isEqualTo(new Other(
            "meta", new Octets("0800010000000001" + "0800020000000007" + "0800280000000001")));
  }
}
