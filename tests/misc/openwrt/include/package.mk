# SPDX-License-Identifier: Apache-2.0
#
# See ../rules.mk.

MAKE_FLAGS = CC="$(TARGET_CC)"

# WHAT names a part of what is built, where not all is wanted.
define BuildPackage
$$(eval $$(Package/$(1)))

prepare:
	$$(Build/Prepare)

compile: prepare
	+$$(MAKE) -C $$(PKG_BUILD_DIR) $$(MAKE_FLAGS) $$(WHAT)

install:
	$$(call Package/$(1)/install,$$(DESTDIR))

show:
	@echo '$$($$(NAME))'

.PHONY: prepare compile install show
endef
