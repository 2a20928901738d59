#!/bin/sh
# The first process of the user-mode-linux guest: loads modules, runs the program that ./java names with ./arguments, leaves
# its exit status in ./status and powers off.
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

mount -t proc proc /proc
trap power_off EXIT
mount -t sysfs sys /sys
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

for module in ipv6 8021q bridge dummy veth vrf bonding tun vxlan ifb macvlan macvtap sch_tbf sch_htb sch_ingress sch_netem \
  act_police act_mirred act_gact cls_u32 cls_matchall; do
  load "$module"
done

status=0
cd /run
"$(cat /run/shared/java)" @/run/shared/arguments || status=$?
echo "$status" > /run/shared/status
