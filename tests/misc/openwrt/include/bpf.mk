# SPDX-License-Identifier: Apache-2.0
#
# See ../rules.mk.

CLANG := clang
BPF_TARGET := bpf$(if $(CONFIG_BIG_ENDIAN),eb,el)
BPF_DEPENDS := @HAS_BPF_TOOLCHAIN
