"""Migrates a guest to and fro between QEMUs, as a script over QMP does it:  migrate.py DIRECTORY ARGUMENTS

ARGUMENTS is a file with one argument for QEMU in each line, @DIRECTORY@ in it being a fresh directory for each launch, with the
monitor's socket qmp and the serial port's log serial.log. The guest does not run until it is told.
Prints "ready" once the guest is up. For each line that it then reads it moves the guest into a fresh QEMU and prints the
microseconds from the first command until the guest runs, and from its stop until it runs, both by the clock of QEMU's own
events.
"""
import json
import os
import socket
import subprocess
import sys
import time

directory = sys.argv[1]
with open(sys.argv[2]) as file:
    arguments = file.read().splitlines()


class Monitor:
    def __init__(self, path):
        while True:
            try:
                self.socket = socket.socket(socket.AF_UNIX)
                self.socket.connect(path)
                break
            except OSError:
                time.sleep(0.005)
        self.stream = self.socket.makefile("rw")
        self.events = []
        self.times = {}
        self.read()
        self.run("qmp_capabilities")

    def read(self):
        message = json.loads(self.stream.readline())
        if "event" in message:
            at = message["timestamp"]
            self.times[message["event"]] = at["seconds"] * 1000000 + at["microseconds"]
            self.events.append(message)
        return message

    def run(self, command, **arguments):
        self.stream.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.stream.flush()
        while True:
            message = self.read()
            if "error" in message:
                raise RuntimeError(message)
            if "return" in message:
                return message["return"]

    def wait(self, status):
        while True:
            for event in self.events:
                if event["event"] == "MIGRATION":
                    if event["data"]["status"] == status:
                        return
                    if event["data"]["status"] == "failed":
                        raise RuntimeError("it failed")
            self.events = []
            self.read()


def start(name, *more):
    path = os.path.join(directory, name)
    os.mkdir(path)
    command = [word.replace("@DIRECTORY@", path) for word in arguments]
    process = subprocess.Popen([*command, *more], stdin=subprocess.DEVNULL)
    return process, Monitor(os.path.join(path, "qmp")), path


def ready(log):
    try:
        with open(log, errors="replace") as file:
            return "N0: READY" in file.read()
    except OSError:
        return False


process, source, path = start("s0")
try:
    source.run("cont")
    while not ready(os.path.join(path, "serial.log")):
        time.sleep(0.05)
    print("ready", flush=True)
    for number, line in enumerate(sys.stdin):
        other, target, _ = start("s%d" % (number + 1), "-incoming", "defer")
        uri = "unix:" + os.path.join(directory, "r%d" % number)
        target.run("migrate-incoming", uri=uri)
        begin = time.time() * 1e6
        source.times = {}
        source.run("migrate-set-capabilities", capabilities=[
            {"capability": name, "state": True} for name in ("events", "return-path", "auto-converge")])
        source.run("migrate-set-parameters", **{"max-bandwidth": 1 << 40, "downtime-limit": int(line)})
        source.events = []
        source.run("migrate", uri=uri)
        source.wait("completed")
        target.run("cont")
        while "RESUME" not in target.times:
            target.read()
        end = target.times["RESUME"]
        print("%d %d" % (end - begin, end - source.times["STOP"]), flush=True)
        source.run("quit")
        process.wait()
        process, source = other, target
finally:
    process.kill()
    process.wait()
