# SPDX-License-Identifier: Apache-2.0
#
# For tests: of OpenWrt's build system what our recipes use, so that they can be run where there is none. This and
# include/ stand for its files of the same names; `make -f RECIPE TOPDIR=THIS_DIRECTORY` and
#
#   prepare compile install     what the recipe does, in WORK, and then to DESTDIR
#   show                        the variable of the recipe that NAME names
#
# CONFIG_BIG_ENDIAN=y is for a target of that byte order; TOOLCHAIN_DIR and STAGING_DIR have the target's headers.

INCLUDE_DIR := $(TOPDIR)/include
STAGING_DIR ?= $(WORK)/staging
TOOLCHAIN_DIR ?= $(WORK)/toolchain
STAGING_DIR_HOST :=
PKG_BUILD_DIR = $(WORK)/$(PKG_NAME)-$(PKG_VERSION)
TARGET_CC := cc
TARGET_CFLAGS := -O0
TARGET_CPPFLAGS :=
TARGET_LDFLAGS :=
SHELL := /bin/bash
CP := cp -fpR
LN := ln -sf
INSTALL_DIR := install -d -m0755
INSTALL_BIN := install -m0755
INSTALL_DATA := install -m0644
INSTALL_CONF := install -m0600
