package io.n0stack.n0core.membership.etcd;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.node.Reservation;
import io.n0stack.n0core.api.node.Reservation.Address;
import io.n0stack.n0core.api.node.Resources;
import io.n0stack.n0core.membership.StoreReservations;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Random;
import java.util.Set;
import java.util.UUID;

/** A server process that reserves and releases at random: ENDPOINT PREFIX SEED TIMES. */
final class ReserverProgram {
  private ReserverProgram() {}

  public static void main(String[] args) throws UnknownHostException, InterruptedException {
    Random random = new Random(Long.parseLong(args[2]));
    try (EtcdStore store = EtcdStore.open(EtcdConfig.of(args[0]).withPrefix(args[1]))) {
      System.out.println("open");
      StoreReservations reservations = StoreReservations.of(store);
      Thread second = new Thread(() -> work(reservations, new Random(random.nextLong()), args[3]));
      second.start();
      work(reservations, random, args[3]);
      second.join();
      System.out.println("done");
    }
  }

  private static void work(StoreReservations reservations, Random random, String times) {
    for (int i = 0; i < Integer.parseInt(times); i++) {
      UUID owner = new UUID(1, random.nextInt(6));
      try {
        if (random.nextInt(3) == 0) {
          reservations.release(owner);
        } else {
          InetAddress ip = InetAddress.getByName("192.0.2." + (1 + random.nextInt(4)));
          reservations.reserve(
              Reservation.of("node-" + (1 + random.nextInt(2)), owner, new Resources(900, 1, 1))
                  .withAddresses(Set.of(new Address("lan", ip))));
        }
      } catch (UnknownHostException e) {
        throw new IllegalStateException(e);
      } catch (N0Exception e) {
        if (e.code() != N0Exception.Code.EXHAUSTED && e.code() != N0Exception.Code.PRECONDITION) {
          throw e;
        }
      }
    }
  }
}
