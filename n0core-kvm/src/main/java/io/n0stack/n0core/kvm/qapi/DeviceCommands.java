package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.List;
import java.util.Map;

/**
 * Devices, objects and network back ends.
 *
 * <p>Thread-safe. What every command may throw is said at {@link Qapi}.
 *
 * @since 0.1
 */
public final class DeviceCommands {
  private final Call call;

  DeviceCommands(Call call) {
    this.call = call;
  }

  /**
   * Adds a device.
   *
   * @param options {@code driver}, {@code id}, {@code bus} and the driver's own properties
   */
  public void deviceAdd(Map<String, ?> options) {
    call.run("device_add", Args.of().putAll(options));
  }

  /**
   * Asks the guest to let go of a device. It is gone when the event DEVICE_DELETED names it; a
   * stopped guest does nothing, and any guest may refuse.
   *
   * @param id the device's id or object path
   */
  public void deviceDel(String id) {
    call.run("device_del", Args.of("id", id));
  }

  /**
   * Reads a property.
   *
   * @param path the object, such as {@code /machine/peripheral/nic0}
   * @param property the property's name
   * @return its value
   */
  public QmpResult qomGet(String path, String property) {
    return call.run("qom-get", Args.of("path", path).put("property", property));
  }

  /**
   * Sets a property.
   *
   * @param path the object
   * @param property the property's name
   * @param value a text, number, truth value, list or map
   */
  public void qomSet(String path, String property, Object value) {
    call.run("qom-set", Args.of("path", path).put("property", property).put("value", value));
  }

  /**
   * Lists an object's properties and children.
   *
   * @param path the object
   * @return its properties
   */
  public List<QomProperty> qomList(String path) {
    return Read.list(call.run("qom-list", Args.of("path", path)), "", QomProperty::from);
  }

  /**
   * Lists the types of object that are of a type.
   *
   * @param supertype the type, such as {@code device}
   * @return the types that can be created
   */
  public List<QomType> qomTypes(String supertype) {
    return Read.list(
        call.run("qom-list-types", Args.of("implements", supertype).put("abstract", false)),
        "",
        QomType::from);
  }

  /**
   * Lists the properties that a driver takes.
   *
   * @param driver the driver's name
   * @return its properties
   */
  public List<QomProperty> deviceProperties(String driver) {
    return Read.list(
        call.run("device-list-properties", Args.of("typename", driver)), "", QomProperty::from);
  }

  /**
   * Lists the properties of a type of object.
   *
   * @param type the type's name
   * @return its properties
   */
  public List<QomProperty> objectProperties(String type) {
    return Read.list(
        call.run("qom-list-properties", Args.of("typename", type)), "", QomProperty::from);
  }

  /**
   * Creates an object.
   *
   * @param options {@code qom-type}, {@code id} and the type's own properties
   */
  public void objectAdd(Map<String, ?> options) {
    call.run("object-add", Args.of().putAll(options));
  }

  /**
   * Deletes an object.
   *
   * @param id its id
   */
  public void objectDel(String id) {
    call.run("object-del", Args.of("id", id));
  }

  /**
   * Creates a network back end.
   *
   * @param options {@code type}, {@code id} and the type's own options
   */
  public void netdevAdd(Map<String, ?> options) {
    call.run("netdev_add", Args.of().putAll(options));
  }

  /**
   * Deletes a network back end.
   *
   * @param id its id
   */
  public void netdevDel(String id) {
    call.run("netdev_del", Args.of("id", id));
  }

  /**
   * Plugs the cable of a network card or back end in.
   *
   * @param name its id
   */
  public void linkUp(String name) {
    call.run("set_link", Args.of("name", name).put("up", true));
  }

  /**
   * Pulls the cable of a network card or back end.
   *
   * @param name its id
   */
  public void linkDown(String name) {
    call.run("set_link", Args.of("name", name).put("up", false));
  }

  /**
   * Lists what the network cards let through, and lets each report its next change by the
   * event NIC_RX_FILTER_CHANGED.
   *
   * @return one filter per card that has one
   */
  public List<RxFilter> rxFilters() {
    return Read.list(call.run("query-rx-filter"), "", RxFilter::from);
  }

  /**
   * Asks what a network card lets through.
   *
   * @param name its id
   * @return its filter
   */
  public RxFilter rxFilter(String name) {
    return Read.one(call.run("query-rx-filter", Args.of("name", name)), "/0", RxFilter::from);
  }

  /**
   * Lists the PCI devices as the guest sees them.
   *
   * @return the buses
   */
  public List<PciBus> pci() {
    return Read.list(call.run("query-pci"), "", PciBus::from);
  }

  /**
   * Lists the trusted platform modules.
   *
   * @return the modules
   */
  public List<Tpm> tpms() {
    return Read.list(call.run("query-tpm"), "", Tpm::from);
  }

  /**
   * Lists the helpers for persistent reservations.
   *
   * @return the helpers
   */
  public List<PrManager> prManagers() {
    return Read.list(call.run("query-pr-managers"), "", PrManager::from);
  }
}
