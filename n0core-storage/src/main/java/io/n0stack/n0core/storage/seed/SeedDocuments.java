package io.n0stack.n0core.storage.seed;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.n0stack.n0core.storage.seed.CloudInitSeed.DefaultUser;
import io.n0stack.n0core.storage.seed.SeedNic.Dhcp;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;

/** Writes the documents of a seed as JSON, which is YAML, so that nothing is left to be quoted. */
final class SeedDocuments {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final DefaultIndenter LINES = new DefaultIndenter("  ", "\n");
  private static final ObjectWriter WRITER =
      JSON.writer(new DefaultPrettyPrinter().withObjectIndenter(LINES).withArrayIndenter(LINES));

  private SeedDocuments() {}

  static String metaData(CloudInitSeed seed) {
    // cloud-init takes the part before the first dot for the hostname, and all for the FQDN.
    return text(JSON.createObjectNode()
        .put("instance-id", seed.instanceId())
        .put("local-hostname", seed.fqdn().orElse(seed.hostname())));
  }

  static String cloudConfig(CloudInitSeed seed) {
    ObjectNode config = JSON.createObjectNode();
    seed.timezone().ifPresent(zone -> config.put("timezone", zone));
    if (!seed.authorizedKeys().isEmpty()) {
      texts(config, "ssh_authorized_keys", seed.authorizedKeys());
    }
    if (!seed.users().isEmpty()) {
      ArrayNode users = config.putArray("users");
      if (seed.defaultUser() == DefaultUser.KEPT) {
        users.add("default");
      }
      seed.users().forEach(user -> putUser(user, users.addObject()));
    }
    if (!seed.files().isEmpty()) {
      ArrayNode files = config.putArray("write_files");
      seed.files().forEach(file -> putFile(file, files.addObject()));
    }
    if (!seed.commands().isEmpty()) {
      ArrayNode commands = config.putArray("runcmd");
      seed.commands().forEach(command -> command.forEach(commands.addArray()::add));
    }
    return "#cloud-config\n" + text(config);
  }

  private static void putUser(SeedUser user, ObjectNode into) {
    into.put("name", user.name()).put("shell", user.shell().toString());
    into.put("lock_passwd", user.passwordHash().isEmpty());
    user.passwordHash().ifPresent(hash -> into.put("passwd", hash));
    if (!user.authorizedKeys().isEmpty()) {
      texts(into, "ssh_authorized_keys", user.authorizedKeys());
    }
    user.sudo().ifPresent(rule -> into.put("sudo", rule));
    if (!user.groups().isEmpty()) {
      into.put("groups", String.join(",", user.groups()));
    }
  }

  private static void putFile(SeedFile file, ObjectNode into) {
    into.put("path", file.path().toString())
        .put("permissions", file.permissions())
        .put("encoding", "b64")
        .put("content", file.base64());
    file.owner().ifPresent(owner -> into.put("owner", owner).put("defer", true));
  }

  static String networkConfig(List<SeedNic> nics) {
    ObjectNode config = JSON.createObjectNode().put("version", 2);
    ObjectNode ethernets = config.putObject("ethernets");
    for (int i = 0; i < nics.size(); i++) {
      putNic(nics.get(i), ethernets.putObject("nic" + i));
    }
    return text(config);
  }

  private static void putNic(SeedNic nic, ObjectNode into) {
    into.putObject("match").put("macaddress", nic.mac().toString());
    nic.name().ifPresent(name -> into.put("set-name", name));
    into.put("dhcp4", nic.dhcp().contains(Dhcp.V4)).put("dhcp6", nic.dhcp().contains(Dhcp.V6));
    nic.mtu().ifPresent(mtu -> into.put("mtu", mtu));
    if (!nic.addresses().isEmpty()) {
      texts(into, "addresses", nic.addresses().stream().map(Object::toString).toList());
    }
    putRoutes(nic, into);
    if (!nic.nameservers().isEmpty() || !nic.searchDomains().isEmpty()) {
      ObjectNode nameservers = into.putObject("nameservers");
      texts(
          nameservers,
          "addresses",
          nic.nameservers().stream().map(InetAddress::getHostAddress).toList());
      texts(nameservers, "search", nic.searchDomains());
    }
  }

  /** As gateways where that says the same: as a route, cloud-init 22.4 makes ::/64 of ::/0. */
  private static void putRoutes(SeedNic nic, ObjectNode into) {
    List<SeedRoute> rest = new ArrayList<>(nic.routes());
    for (SeedRoute route : nic.routes()) {
      int length = route.via().getAddress().length;
      String gateway = length == 4 ? "gateway4" : "gateway6";
      if (route.to().prefixLength() == 0
          && route.metric().isEmpty()
          && !into.has(gateway)
          && nic.addresses().stream().anyMatch(a -> a.address().getAddress().length == length)) {
        into.put(gateway, route.via().getHostAddress());
        rest.remove(route);
      }
    }
    if (!rest.isEmpty()) {
      ArrayNode routes = into.putArray("routes");
      rest.forEach(route -> putRoute(route, routes.addObject()));
    }
  }

  private static void putRoute(SeedRoute route, ObjectNode into) {
    into.put("to", route.to().toString()).put("via", route.via().getHostAddress());
    route.metric().ifPresent(metric -> into.put("metric", metric));
  }

  private static void texts(ObjectNode into, String name, List<String> values) {
    values.forEach(into.putArray(name)::add);
  }

  /** As a string first: Jackson's bytes have surrogates as two escapes, which YAML does not join. */
  private static String text(ObjectNode node) {
    try {
      return WRITER.writeValueAsString(node) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a tree of texts and numbers cannot be written", e);
    }
  }
}
