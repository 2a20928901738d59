package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.api.N0Exception;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Writes closed families as QAPI's unions. */
final class Encode {
  private Encode() {}

  static Args address(SocketAddress address) {
    if (address instanceof SocketAddress.Inet inet) {
      return Args.of("type", "inet").put("host", inet.host()).put("port", inet.port());
    } else if (address instanceof SocketAddress.Unix unix) {
      return Args.of("type", "unix").put("path", unix.path());
    } else if (address instanceof SocketAddress.Vsock vsock) {
      return Args.of("type", "vsock").put("cid", vsock.cid()).put("port", vsock.port());
    } else if (address instanceof SocketAddress.Descriptor descriptor) {
      return Args.of("type", "fd").put("str", descriptor.name());
    }
    throw unknown("address", address);
  }

  /** Writes an address as {@code nbd-server-start} wants it, which is older. */
  static Args legacyAddress(SocketAddress address) {
    Map<String, Object> flat = new LinkedHashMap<>(address(address).map());
    Object type = Objects.requireNonNull(flat.remove("type"));
    return Args.of("type", type).put("data", flat);
  }

  static Args yank(YankInstance instance) {
    if (instance instanceof YankInstance.Node node) {
      return Args.of("type", "block-node").put("node-name", node.name());
    } else if (instance instanceof YankInstance.CharacterDevice device) {
      return Args.of("type", "chardev").put("id", device.id());
    } else if (instance instanceof YankInstance.Migration) {
      return Args.of("type", "migration");
    }
    throw unknown("instance", instance);
  }

  static Args key(Key key) {
    if (key instanceof Key.Named named) {
      return Args.of("type", "qcode").put("data", named.name());
    } else if (key instanceof Key.Numbered numbered) {
      return Args.of("type", "number").put("data", numbered.number());
    }
    throw unknown("key", key);
  }

  static Args input(InputEvent event) {
    if (event instanceof InputEvent.KeyEvent key) {
      return data("key", Args.of("key", key(key.key())).put("down", down(key.motion())));
    } else if (event instanceof InputEvent.ButtonEvent button) {
      return data("btn", Args.of("button", button.button()).put("down", down(button.motion())));
    } else if (event instanceof InputEvent.Relative move) {
      return data("rel", Args.of("axis", move.axis()).put("value", move.value()));
    } else if (event instanceof InputEvent.Absolute place) {
      return data("abs", Args.of("axis", place.axis()).put("value", place.value()));
    }
    throw unknown("event", event);
  }

  private static boolean down(InputEvent.Motion motion) {
    return motion == InputEvent.Motion.DOWN;
  }

  static String expiry(PasswordExpiry expiry) {
    if (expiry instanceof PasswordExpiry.Now) {
      return "now";
    } else if (expiry instanceof PasswordExpiry.Never) {
      return "never";
    } else if (expiry instanceof PasswordExpiry.After after) {
      return "+" + after.time().toSeconds();
    } else if (expiry instanceof PasswordExpiry.At at) {
      return String.valueOf(at.time().getEpochSecond());
    }
    throw unknown("expiry", expiry);
  }

  static Args transaction(List<? extends TransactionAction> actions) {
    return Args.of("actions", actions.stream().map(Encode::action).toList());
  }

  private static Args action(TransactionAction action) {
    if (action instanceof TransactionAction.BitmapAdd add) {
      return data("block-dirty-bitmap-add", data(add));
    } else if (action instanceof TransactionAction.BitmapMerge merge) {
      return data("block-dirty-bitmap-merge", data(merge));
    } else if (action instanceof TransactionAction.BitmapRemove remove) {
      return data("block-dirty-bitmap-remove", data(remove.bitmap()));
    } else if (action instanceof TransactionAction.BitmapClear clear) {
      return data("block-dirty-bitmap-clear", data(clear.bitmap()));
    } else if (action instanceof TransactionAction.BitmapEnable enable) {
      return data("block-dirty-bitmap-enable", data(enable.bitmap()));
    } else if (action instanceof TransactionAction.BitmapDisable disable) {
      return data("block-dirty-bitmap-disable", data(disable.bitmap()));
    } else if (action instanceof TransactionAction.Backup backup) {
      return data("blockdev-backup", backup.request().arguments());
    }
    return snapshot(action);
  }

  private static Args snapshot(TransactionAction action) {
    if (action instanceof TransactionAction.Snapshot snapshot) {
      return data(
          "blockdev-snapshot", Args.of("node", snapshot.node()).put("overlay", snapshot.overlay()));
    } else if (action instanceof TransactionAction.SnapshotFile snapshot) {
      return data("blockdev-snapshot-sync", data(snapshot));
    } else if (action instanceof TransactionAction.InternalSnapshot snapshot) {
      return data(
          "blockdev-snapshot-internal-sync",
          Args.of("device", snapshot.device()).put("name", snapshot.name()));
    } else if (action instanceof TransactionAction.Abort) {
      return data("abort", Args.of());
    }
    throw unknown("action", action);
  }

  static Args data(BitmapName bitmap) {
    return Args.of("node", bitmap.node()).put("name", bitmap.name());
  }

  static Args data(TransactionAction.BitmapAdd add) {
    return Args.of("node", add.node())
        .put("name", add.name())
        .put("granularity", add.granularity())
        .put("persistent", add.persistent())
        .put("disabled", add.disabled());
  }

  static Args data(TransactionAction.BitmapMerge merge) {
    return Args.of("node", merge.node())
        .put("target", merge.target())
        .put("bitmaps", merge.sources().stream().map(Encode::data).toList());
  }

  static Args data(TransactionAction.SnapshotFile snapshot) {
    return Args.of("node-name", snapshot.node())
        .put("snapshot-node-name", snapshot.overlay())
        .put("snapshot-file", snapshot.file().toString())
        .put("format", "qcow2");
  }

  private static Args data(String type, Args data) {
    return Args.of("type", type).put("data", data);
  }

  private static N0Exception unknown(String field, Object value) {
    return N0Exception.invalid(field, value, "must be of a kind that this version can send");
  }
}
