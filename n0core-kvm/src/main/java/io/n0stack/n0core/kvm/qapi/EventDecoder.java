package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.kvm.qmp.QmpEvent;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.time.Instant;
import java.util.Map;
import java.util.Set;
import java.util.function.BiFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Finds the record for an event. */
final class EventDecoder {
  private static final Logger LOG = LoggerFactory.getLogger(Event.class);
  private static final Map<String, BiFunction<QmpResult, Instant, Event>> KNOWN = Map.ofEntries(
      Map.entry("STOP", RunEvent.Stop::from),
      Map.entry("RESUME", RunEvent.Resume::from),
      Map.entry("SHUTDOWN", RunEvent.Shutdown::from),
      Map.entry("RESET", RunEvent.Reset::from),
      Map.entry("POWERDOWN", RunEvent.Powerdown::from),
      Map.entry("SUSPEND", RunEvent.Suspend::from),
      Map.entry("SUSPEND_DISK", RunEvent.SuspendDisk::from),
      Map.entry("WAKEUP", RunEvent.Wakeup::from),
      Map.entry("GUEST_PANICKED", RunEvent.GuestPanicked::from),
      Map.entry("GUEST_CRASHLOADED", RunEvent.GuestCrashloaded::from),
      Map.entry("WATCHDOG", RunEvent.Watchdog::from),
      Map.entry("RTC_CHANGE", RunEvent.RtcChange::from),
      Map.entry("MEMORY_FAILURE", RunEvent.MemoryFailure::from),
      Map.entry("BLOCK_IO_ERROR", BlockEvent.IoError::from),
      Map.entry("BLOCK_IMAGE_CORRUPTED", BlockEvent.ImageCorrupted::from),
      Map.entry("BLOCK_WRITE_THRESHOLD", BlockEvent.WriteThreshold::from),
      Map.entry("QUORUM_FAILURE", BlockEvent.QuorumFailure::from),
      Map.entry("QUORUM_REPORT_BAD", BlockEvent.QuorumReportBad::from),
      Map.entry("BLOCK_EXPORT_DELETED", BlockEvent.ExportDeleted::from),
      Map.entry("PR_MANAGER_STATUS_CHANGED", BlockEvent.PrManagerStatusChanged::from),
      Map.entry("BLOCK_JOB_COMPLETED", JobEvent.Completed::from),
      Map.entry("BLOCK_JOB_CANCELLED", JobEvent.Cancelled::from),
      Map.entry("BLOCK_JOB_ERROR", JobEvent.Failing::from),
      Map.entry("BLOCK_JOB_READY", JobEvent.Ready::from),
      Map.entry("BLOCK_JOB_PENDING", JobEvent.Pending::from),
      Map.entry("JOB_STATUS_CHANGE", JobEvent.StatusChange::from),
      Map.entry("DEVICE_DELETED", DeviceEvent.DeviceDeleted::from),
      Map.entry("DEVICE_UNPLUG_GUEST_ERROR", DeviceEvent.DeviceUnplugGuestError::from),
      Map.entry("DEVICE_TRAY_MOVED", DeviceEvent.DeviceTrayMoved::from),
      Map.entry("MEMORY_DEVICE_SIZE_CHANGE", DeviceEvent.MemoryDeviceSizeChange::from),
      Map.entry("MEM_UNPLUG_ERROR", DeviceEvent.MemUnplugError::from),
      Map.entry("NIC_RX_FILTER_CHANGED", DeviceEvent.NicRxFilterChanged::from),
      Map.entry("BALLOON_CHANGE", DeviceEvent.BalloonChange::from),
      Map.entry("VSERPORT_CHANGE", DeviceEvent.VserportChange::from),
      Map.entry("UNPLUG_PRIMARY", DeviceEvent.UnplugPrimary::from),
      Map.entry("FAILOVER_NEGOTIATED", DeviceEvent.FailoverNegotiated::from),
      Map.entry("ACPI_DEVICE_OST", DeviceEvent.AcpiDeviceOst::from),
      Map.entry("NETDEV_STREAM_CONNECTED", DeviceEvent.NetdevStreamConnected::from),
      Map.entry("NETDEV_STREAM_DISCONNECTED", DeviceEvent.NetdevStreamDisconnected::from),
      Map.entry("VFU_CLIENT_HANGUP", DeviceEvent.VfuClientHangup::from),
      Map.entry("RDMA_GID_STATUS_CHANGED", DeviceEvent.RdmaGidStatusChanged::from),
      Map.entry("MIGRATION", MigrationEvent.Migration::from),
      Map.entry("MIGRATION_PASS", MigrationEvent.MigrationPass::from),
      Map.entry("DUMP_COMPLETED", MigrationEvent.DumpCompleted::from),
      Map.entry("COLO_EXIT", MigrationEvent.ColoExit::from),
      Map.entry("VNC_CONNECTED", DisplayEvent.VncConnected::from),
      Map.entry("VNC_INITIALIZED", DisplayEvent.VncInitialized::from),
      Map.entry("VNC_DISCONNECTED", DisplayEvent.VncDisconnected::from),
      Map.entry("SPICE_CONNECTED", DisplayEvent.SpiceConnected::from),
      Map.entry("SPICE_INITIALIZED", DisplayEvent.SpiceInitialized::from),
      Map.entry("SPICE_DISCONNECTED", DisplayEvent.SpiceDisconnected::from),
      Map.entry("SPICE_MIGRATE_COMPLETED", DisplayEvent.SpiceMigrateCompleted::from));

  private EventDecoder() {}

  static Set<String> names() {
    return KNOWN.keySet();
  }

  static Event decode(QmpEvent event) {
    BiFunction<QmpResult, Instant, Event> known = KNOWN.get(event.name());
    if (known != null) {
      try {
        return known.apply(event.data(), event.at());
      } catch (N0Exception e) {
        LOG.warn("event {} is not of the known form: {}", event.name(), e.getMessage());
      }
    }
    return new Event.Other(event.name(), event.data(), event.at());
  }
}
