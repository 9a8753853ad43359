# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034  # variables are for those who source this
#
# The other CPUs that flowtally is built for and tested on. To be sourced.
#
#   arm64    64 bits, little endian
#   armhf    32 bits, little endian; its kernel has no BTF
#   s390x    64 bits, big endian; its kernel has neither BTF nor a JIT for BPF
#
# Debian 12 is made for no CPU of 32 bits that is big endian.

CPUS=(arm64 armhf s390x)

# select_cpu CPU: sets
#   triplet     of its compiler and libraries
#   emulator    of its programs
#   kernel      its package
#   machine     the emulator of a whole one
#   console     the kernel's name for the machine's serial port
#   serial      the device which carries ports of virtio
#   root        where tests/foreign/root unpacks its packages
select_cpu() {
	case $1 in
	arm64)
		triplet=aarch64-linux-gnu
		emulator=qemu-aarch64
		kernel=linux-image-cloud-arm64
		machine=(qemu-system-aarch64 -machine virt -cpu cortex-a72)
		console=ttyAMA0
		serial=virtio-serial-device
		;;
	armhf)
		triplet=arm-linux-gnueabihf
		emulator=qemu-arm
		kernel=linux-image-armmp
		machine=(qemu-system-arm -machine virt -cpu cortex-a15)
		console=ttyAMA0
		serial=virtio-serial-device
		;;
	s390x)
		triplet=s390x-linux-gnu
		emulator=qemu-s390x
		kernel=linux-image-s390x
		machine=(qemu-system-s390x -machine s390-ccw-virtio -cpu max)
		console=ttysclp0
		serial=virtio-serial-ccw
		;;
	*)
		echo "${0##*/}: $1: not one of ${CPUS[*]}" >&2
		return 2
		;;
	esac
	root=$(readlink -m "${BASH_SOURCE[0]%/*}/../../build/foreign/$1")
}
