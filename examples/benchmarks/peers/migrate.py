"""Migrates a guest to and fro between QEMUs, as a script over QMP does it:  migrate.py DIRECTORY KERNEL INITRD APPEND

Prints "ready" once the guest is up. For each line that it then reads it moves the guest into a fresh QEMU and prints the
microseconds from the first command until the guest runs, and from its stop until it runs.
"""
import json
import os
import socket
import subprocess
import sys
import time

directory, kernel, initrd, append = sys.argv[1:5]


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
        self.read()
        self.run("qmp_capabilities")

    def read(self):
        message = json.loads(self.stream.readline())
        if "event" in message:
            if message["event"] == "STOP":
                self.stopped = time.monotonic()
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
    process = subprocess.Popen(
        ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-S", "-machine", "q35", "-accel", "tcg", "-cpu", "max",
         "-m", "192M", "-display", "none", "-kernel", kernel, "-initrd", initrd, "-append", append,
         "-chardev", "file,id=serial,path=" + path + ".log", "-serial", "chardev:serial",
         "-qmp", "unix:" + path + ",server=on,wait=off", *more], stdin=subprocess.DEVNULL)
    return process, Monitor(path), path


def ready(log):
    try:
        with open(log, errors="replace") as file:
            return "N0: READY" in file.read()
    except OSError:
        return False


process, source, path = start("s0")
try:
    source.run("cont")
    while not ready(path + ".log"):
        time.sleep(0.05)
    print("ready", flush=True)
    for number, line in enumerate(sys.stdin):
        other, target, _ = start("s%d" % (number + 1), "-incoming", "defer")
        uri = "unix:" + os.path.join(directory, "r%d" % number)
        target.run("migrate-incoming", uri=uri)
        begin = time.monotonic()
        source.run("migrate-set-capabilities", capabilities=[
            {"capability": name, "state": True} for name in ("events", "return-path", "auto-converge")])
        source.run("migrate-set-parameters", **{"max-bandwidth": 1 << 40, "downtime-limit": int(line)})
        source.events = []
        source.run("migrate", uri=uri)
        source.wait("completed")
        target.run("cont")
        end = time.monotonic()
        print("%d %d" % ((end - begin) * 1e6, (end - source.stopped) * 1e6), flush=True)
        source.run("quit")
        process.wait()
        process, source = other, target
finally:
    process.kill()
    process.wait()
