#!/bin/sh
# The first process of a user-mode-linux guest: mounts the image that is its disk in each of the ways that isofs knows, and
# says in ./seen what it finds. The guest's root is the host's, read-only.
set -u
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
shared=$(dirname "$0")
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mkdir /run/shared /run/image
mount -t hostfs -o "$shared" shared /run/shared
mount -t devtmpfs dev /dev 2> /dev/null
modules=/usr/lib/uml/modules/$(uname -r)/kernel
for module in drivers/cdrom/cdrom fs/isofs/isofs fs/nls/nls_utf8; do busybox insmod "$modules/$module.ko"; done

look() {
  mount -t iso9660 -o "ro,iocharset=utf8$2" /dev/ubda /run/image || return
  cd /run/image || return
  # Few processes: each takes such a guest long to start.
  stat -c "$1 %a %u %s %Y %n" -- *
  sha256sum -- * | sed "s/^/$1 /"
  cd /
  umount /run/image
}

{
  look rock-ridge ''
  look joliet ,norock
  look plain ,norock,nojoliet,map=off
} > /run/shared/seen
sync
echo o > /proc/sysrq-trigger
sleep 60
