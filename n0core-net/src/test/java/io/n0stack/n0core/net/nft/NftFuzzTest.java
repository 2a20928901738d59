package io.n0stack.n0core.net.nft;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.n0stack.n0core.net.internal.Decoder;
import io.n0stack.n0core.net.netlink.Decoding;
import io.n0stack.n0core.net.netlink.Recorded;
import io.n0stack.n0core.net.nft.Stored.StoredChain;
import io.n0stack.n0core.net.nft.Stored.StoredElements;
import io.n0stack.n0core.net.nft.Stored.StoredRule;
import io.n0stack.n0core.net.nft.Stored.StoredSet;
import io.n0stack.n0core.net.nft.Stored.StoredTable;
import java.nio.ByteOrder;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.provider.MethodSource;

/** Gives the decoders of nftables what no kernel writes, beginning with what one wrote. */
class NftFuzzTest {
  private static final List<Integer> TYPES = List.of(
      NfTables.NFT_MSG_NEWTABLE,
      NfTables.NFT_MSG_NEWCHAIN,
      NfTables.NFT_MSG_NEWRULE,
      NfTables.NFT_MSG_NEWSET,
      NfTables.NFT_MSG_NEWSETELEM);
  private static final Decoder<?>[] DECODERS = {
    (Decoder<StoredTable>) StoredTable::decode,
    (Decoder<StoredChain>) StoredChain::decode,
    (Decoder<StoredRule>) StoredRule::decode,
    (Decoder<StoredSet>) StoredSet::decode,
    (Decoder<StoredElements>) StoredElements::decode
  };

  @BeforeEach
  void requireTheRecordingsByteOrder() {
    assumeTrue(
        ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN,
        "the bytes are those of a little-endian");
  }

  static Stream<byte[]> messages() {
    return Recorded.messages("nft-").stream();
  }

  @MethodSource
  @FuzzTest(maxDuration = "5m")
  void messages(byte[] message) {
    for (int type : TYPES) {
      Decoding.check(message, NfTables.type(type), DECODERS);
    }
  }
}
