package io.n0stack.n0core.examples.agent;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.ser.std.ToStringSerializer;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.n0stack.n0core.agent.Agent;
import io.n0stack.n0core.agent.Bundle;
import io.n0stack.n0core.agent.Resource;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.ComputeDriver;
import io.n0stack.n0core.api.compute.Power;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.Observed;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;

/**
 * An HTTP door on loopback for people and scripts: {@code PUT /bundle} applies, {@code DELETE /bundle}
 * deletes what the body names, {@code POST /plan} says what applying would do, {@code GET /resources} lists,
 * {@code GET /explain/KIND/NAME} says why, {@code POST /power/MACHINE/ACTION}. It lets in whoever can
 * reach loopback: a program for more than one user needs a door with a lock.
 */
final class ControlServer implements AutoCloseable {
  private static final int LARGEST_REQUEST = 1 << 20;
  private static final Duration LIMIT = Duration.ofMinutes(10);

  private final Agent agent;
  private final HttpServer server;
  private final ExecutorService threads = Executors.newFixedThreadPool(4);
  private final JsonMapper json = JsonMapper.builder()
      .addModules(
          new Jdk8Module(),
          new SimpleModule().addSerializer(Path.class, new ToStringSerializer(Path.class)))
      .build();

  private ControlServer(Agent agent, HttpServer server) {
    this.agent = agent;
    this.server = server;
  }

  static ControlServer start(Agent agent, InetSocketAddress address) throws IOException {
    ControlServer control = new ControlServer(agent, HttpServer.create(address, 0));
    control.server.createContext("/", control::serve);
    control.server.setExecutor(control.threads);
    control.server.start();
    return control;
  }

  InetSocketAddress address() {
    return server.getAddress();
  }

  private void serve(HttpExchange exchange) throws IOException {
    try (exchange) {
      int status = 200;
      String answer;
      try {
        answer = answer(exchange);
      } catch (N0Exception e) {
        status = e.code() == N0Exception.Code.INVALID ? 400 : 409;
        answer = e.code() + ": " + e.getMessage() + "\n";
      }
      byte[] body = answer.getBytes(StandardCharsets.UTF_8);
      exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
      exchange.getResponseBody().write(body);
    }
  }

  private String answer(HttpExchange exchange) throws IOException {
    String body =
        new String(exchange.getRequestBody().readNBytes(LARGEST_REQUEST), StandardCharsets.UTF_8);
    List<String> path = List.of(exchange.getRequestURI().getPath().substring(1).split("/", -1));
    String request = exchange.getRequestMethod() + " " + path.get(0);
    switch (request) {
      case "PUT bundle" -> {
        Bundle bundle = agent.parse(body);
        agent.apply(bundle);
        return lines(bundle.entries().stream()
            .flatMap(e -> agent.find(e.reference().kind(), e.reference().name()).stream())
            .toList());
      }
      case "DELETE bundle" -> {
        agent.delete(agent.parse(body));
        return "";
      }
      case "POST plan" -> {
        return agent.plan(agent.parse(body)).entries().stream()
            .map(entry -> entry.reference() + ": " + entry.action() + " "
                + (entry.changes().isEmpty() ? entry.why() : entry.changes()) + "\n")
            .collect(Collectors.joining());
      }
      case "GET explain" -> {
        requireParts(path, "explain/KIND/NAME");
        return agent.explain(path.get(1), path.get(2)) + "\n";
      }
      case "GET resources" -> {
        return lines(agent.resources());
      }
      case "POST power" -> {
        return power(path);
      }
      default ->
        throw N0Exception.invalid(
            "request",
            request,
            "must be PUT bundle, DELETE bundle, POST plan, GET resources, GET explain or POST power");
    }
  }

  private static void requireParts(List<String> path, String form) {
    if (path.size() != 3) {
      throw N0Exception.invalid("path", path, "must be " + form);
    }
  }

  private String power(List<String> path) {
    requireParts(path, "power/MACHINE/ACTION");
    String verb = path.get(2);
    PowerAction action = List.of(PowerAction.values()).stream()
        .filter(one -> one.name().equals(verb.toUpperCase(Locale.ROOT).replace('-', '_')))
        .findFirst()
        .orElseThrow(() ->
            N0Exception.invalid("action", verb, "must be one of " + List.of(PowerAction.values())));
    agent
        .act(ComputeDriver.KIND, path.get(1), verb, Power.class, (power, cx, id) -> {
          power.power(cx, id, action);
          return id;
        })
        .await(LIMIT);
    return "";
  }

  private String lines(List<Resource> resources) throws JsonProcessingException {
    StringBuilder out = new StringBuilder();
    for (Resource resource : resources) {
      Map<String, Object> line = new LinkedHashMap<>();
      line.put("kind", resource.id().kind());
      line.put("name", resource.id().name());
      line.put("uid", resource.id().uid());
      line.put("phase", resource.phase());
      line.put("message", resource.message());
      line.put("status", status(resource));
      out.append(json.writeValueAsString(line)).append('\n');
    }
    return out.toString();
  }

  private Object status(Resource resource) {
    Observed<Object> seen = agent.observe(resource.id().kind(), resource.id().name(), Object.class);
    if (seen instanceof Observed.Present<Object> present) {
      return present.status();
    }
    return seen.toString();
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdown();
  }
}
