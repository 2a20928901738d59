#!/bin/sh
# The first process of the user-mode-linux guest: loads the modules that ./modules names, runs the program that ./java names
# with ./arguments, leaves its exit status in ./status and powers off. If ./init says so, systemd comes in between.
#
# The guest's root is the host's, read-only. Of the host it writes to the directory of this script alone.
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
shared=$(dirname "$0")

power_off() {
  sync
  echo o > /proc/sysrq-trigger
  sleep 60
}

program() {
  trap power_off EXIT
  status=0
  cd /run
  "$(cat "$shared/java")" "@$shared/arguments" || status=$?
  echo "$status" > "$shared/status"
}

if [ "${1:-}" = program ]; then
  program
  exit
fi

mount -t proc proc /proc
trap power_off EXIT
mount -t sysfs sys /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs tmpfs /run
mkdir /run/netns /run/tmp /run/shared
mount -t hostfs -o "$shared" shared /run/shared

modules=/usr/lib/uml/modules/$(uname -r)

# Here and not by modprobe, which looks nowhere but in /lib/modules.
load() {
  awk -v file="/$1.ko:" 'substr($1, length($1) - length(file) + 1) == file {
    sub(":", "", $1)
    for (i = NF; i > 0; i--) print $i
  }' "$modules/modules.dep" | while read -r module; do
    # What another one needed is there already.
    busybox insmod "$modules/$module" 2> /dev/null || true
  done
  [ -d "/sys/module/$1" ] || echo "cannot load $1"
}

while read -r module; do
  load "$module"
done < /run/shared/modules

[ "$(cat /run/shared/init)" = SYSTEMD ] || {
  shared=/run/shared
  program
  exit
}

mkdir -p /run/systemd/system /run/systemd/system.conf.d
# What the kernel was told to tell everybody.
cat > /run/systemd/system.conf.d/environment.conf << END
[Manager]
DefaultEnvironment=${GLIBC_TUNABLES:+GLIBC_TUNABLES=$GLIBC_TUNABLES} ${JAVA_TOOL_OPTIONS:+JAVA_TOOL_OPTIONS=$JAVA_TOOL_OPTIONS}
END
cat > /run/systemd/system/program.service << 'END'
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
Environment=TMPDIR=/run HOME=/run
ExecStart=/bin/sh /run/shared/init.sh program
StandardOutput=tty
StandardError=tty
TTYPath=/dev/console
END
exec /lib/systemd/systemd --unit=program.service --show-status=no
