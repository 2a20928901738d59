#!/bin/sh
# Assembles nano.S into the ROM that the jar carries; needs binutils.
set -eu
cd "$(dirname "$0")"
out=../resources/io/n0stack/n0core/kvm/internal/host/nano.rom
trap 'rm -f nano.o' EXIT
as --32 -o nano.o nano.S
ld -m elf_i386 -Ttext 0 --oformat binary -e _start -o "$out" nano.o
chmod 644 "$out"
