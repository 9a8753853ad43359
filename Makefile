# flowtally: an eBPF traffic meter and IPFIX exporter
#
#   make                the agent: build/flowtally
#   make check          unit tests; no privilege needed
#   make check-tsan     those of what has threads, with the thread sanitizer
#   make check-valgrind  all of those under valgrind, for some minutes
#   make check-fuzz     each parser of what strangers send, with inputs that are made up: the ones in tests/fuzz/seeds and
#                       some ten thousand changes of them; needs root
#   make fuzz           the same, each for FUZZ_SECONDS (600); what is found goes to build-fuzz/found
#   make check-bpf      the classifier by BPF_PROG_TEST_RUN; needs root
#   make check-e2e      everything, in network namespaces, with real collectors; needs root
#   make check-e2e-short  what of that covers most in a minute or two: with SAN=1 for sanitizers
#   make check-model    the sweep as a model, all its states by spin; no privilege needed
#   make check-misc     what is in misc; needs root
#   make image          the container image, without a registry: in build/image; needs root
#   make check-image    that image in containers; needs root
#   make check-vm       check-bpf and check-e2e under older kernels, in virtual machines, for about an
#                       hour; check-vm-quick: what depends on the kernel most; need root
#   make check-foreign  the unit tests on other CPUs, arm64, armhf and s390x, in emulators, and a smoke test under
#                       a kernel of each; FOREIGN=s390x: on that one; with -j2 side by side
#   make check-all      lint and all of the above
#   make bench          the cost of a packet and of a sweep, side by side with bare ones, and of 100,000 flows; then, for
#                       some ten minutes, the same traffic with others' meters (misc/dependencies bench); needs root
#   make coverage       which lines of the agent unit, BPF and end-to-end tests run, in build-cov/coverage; needs root
#   make soak           with everything on, for SOAK_SECONDS (3600): memory and descriptors stay as they are; needs root
#   make faults         disks, descriptors and memory that end, clocks that are set, and kills at random moments for
#                       FAULTS_SECONDS (600), FAULTS_SEED=N again; check-e2e has them for some seconds each; needs root
#   make leaks          ten thousand sweeps, reloads, sessions and changes of interfaces leave nothing behind; needs root
#   make lint           formatting, shell scripts, manual pages, headers that compile alone
#   make install        to $(DESTDIR)$(PREFIX), and the service's units below it
#   make clean
#
# V=1 shows the commands, SAN=1 builds with address and undefined-behaviour sanitizers (in build-san),
# O=DIR builds elsewhere. CFLAGS and LDFLAGS are yours.

ifdef FUZZ
CC := clang
O ?= build-fuzz
endif

VERSION := 0.1.0
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
CC ?= cc
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
PKG_CONFIG ?= pkg-config
O ?= build$(if $(SAN),-san)$(if $(TSAN),-tsan)$(if $(COV),-cov)

PACKAGES := libbpf libelf zlib libcap libseccomp libmnl libfixbuf glib-2.0 yaml-0.1 jansson ncursesw \
	    libmicrohttpd gnutls
DEPS_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PACKAGES))
DEPS_LIBS := $(shell $(PKG_CONFIG) --libs $(PACKAGES)) -lcrypt -lm

# With -O1 instrumented code compiles in half the time.
CFLAGS ?= $(if $(SAN)$(TSAN)$(FUZZ)$(COV),-O1,-O2) -g
comma := ,
SYSROOT_FLAGS := $(SYSROOT:%=--sysroot=%)
SAN_FLAGS := $(if $(SAN)$(FUZZ),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer) \
	     $(if $(FUZZ),-fsanitize=fuzzer-no-link) $(if $(TSAN),-fsanitize=thread) \
	     $(if $(COV),--coverage -fprofile-update=atomic)
TIME_BITS := -D_TIME_BITS=64
ALL_CFLAGS = -std=gnu11 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	     -Wno-unused-parameter -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 $(TIME_BITS) \
	     -DG_LOG_USE_STRUCTURED -DG_LOG_DOMAIN='"flowtally"' -D_FORTIFY_SOURCE=2 -fstack-protector-strong \
	     -DFLOWTALLY_VERSION='"$(VERSION)"' -Iagent -Iebpf -I$(O)/ebpf -I$(O) \
	     $(DEPS_CFLAGS) $(SYSROOT_FLAGS) $(SAN_FLAGS) $(CFLAGS)
ALL_LDFLAGS = -Wl,-z,relro,-z,now $(SYSROOT_FLAGS) $(SAN_FLAGS) $(LDFLAGS)

# Who calls functions of GnuTLS with a time_t has that of the library, which is the system's own.
TIMES_OF_GNUTLS := agent/config/tlsclient agent/config/tlsclient_test agent/export/collector_dtls_test \
		   agent/export/transport_tls_test
$(TIMES_OF_GNUTLS:%=$(O)/%.o): TIME_BITS :=

# A file system of the tests' own.
$(O)/tests/tools/failfs.o: ALL_CFLAGS += $(shell $(PKG_CONFIG) --cflags fuse3)
$(O)/tests/tools/failfs: DEPS_LIBS = $(shell $(PKG_CONFIG) --libs fuse3)

# The byte order and the headers of <asm/> are those of the CPU that the agent is built for.
BPF_TARGET ?= $(if $(shell echo __BYTE_ORDER__ | $(CC) -E -P - | grep 4321),bpfeb,bpfel)
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
BPF_INCLUDES ?= $(if $(MULTIARCH),-idirafter $(SYSROOT)/usr/include/$(MULTIARCH))
BPF_CFLAGS := -g -O2 -Wall -Wextra -target $(BPF_TARGET) -Iebpf $(SYSROOT_FLAGS) $(BPF_INCLUDES)

SKELETONS := $(patsubst %.bpf.c,$(O)/%.skel.h,$(wildcard ebpf/*.bpf.c tests/*/*.bpf.c))
TEST_SOURCES := $(wildcard agent/*/*_test.c)
AGENT_SOURCES := $(filter-out $(TEST_SOURCES),$(wildcard agent/*.c agent/*/*.c))
AGENT_OBJECTS := $(AGENT_SOURCES:%.c=$(O)/%.o)
# Everything but main(): what the tests link against.
LIBRARY := $(O)/libflowtally.a
UNIT_TESTS := $(TEST_SOURCES:%.c=$(O)/%)
BPF_TESTS := $(patsubst %.c,$(O)/%,$(wildcard tests/bpf/*_test.c))
TOOLS := $(patsubst %.c,$(O)/%,$(filter-out %.bpf.c,$(wildcard tests/tools/*.c)))
FUZZERS := $(patsubst %.c,$(O)/%,$(wildcard tests/fuzz/*.c))
BENCHES := $(patsubst %.c,$(O)/%,$(filter-out %.bpf.c,$(wildcard tests/bench/*.c)))

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),@:,@printf '  %-5s %s\n' $(1) $(@:$(O)/%=%))

all: $(O)/flowtally

$(O)/flowtally: $(O)/agent/cli/main.o $(LIBRARY)
	$(call say,LINK)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(DEPS_LIBS) -o $@

$(LIBRARY): $(filter-out $(O)/agent/cli/main.o,$(AGENT_OBJECTS))
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(O)/%.bpf.o: %.bpf.c Makefile
	$(call say,BPF)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@

$(O)/%.skel.h: $(O)/%.bpf.o
	$(call say,SKEL)
	$(Q)$(BPFTOOL) gen skeleton $< name $(subst -,_,$(notdir $*))_bpf > $@

$(O)/%.o: %.c Makefile | $(SKELETONS)
	$(call say,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

ifdef COV
$(LIBRARY): $(O)/tests/coverage/exit.o
LDFLAGS += -Wl,--wrap=_exit
endif

ifdef TSAN
$(UNIT_TESTS): $(O)/tests/tsan/glib.o
$(UNIT_TESTS): LDFLAGS += $(TSAN_WRAPPED:%=-Wl$(comma)--wrap=%)
endif
$(UNIT_TESTS) $(BPF_TESTS): $(O)/%: $(O)/%.o $(LIBRARY)
	$(call say,LINK)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(DEPS_LIBS) -lcmocka -o $@

$(TOOLS) $(BENCHES): $(O)/%: $(O)/%.o $(LIBRARY)
	$(call say,LINK)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(DEPS_LIBS) -o $@

$(FUZZERS): $(O)/%: $(O)/%.o $(LIBRARY)
	$(call say,LINK)
	$(Q)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer $^ $(DEPS_LIBS) -lcmocka -o $@

# All tests speak TAP; misc/tap runs one and counts.
PROVE := prove --failures --comments --exec misc/tap
TAP := CMOCKA_MESSAGE_OUTPUT=TAP

check: all $(UNIT_TESTS)
	$(Q)$(TAP) $(PROVE) $(UNIT_TESTS)

VALGRIND := valgrind -q --leak-check=full --errors-for-leak-kinds=definite --error-exitcode=9 \
	    --suppressions=$(CURDIR)/tests/valgrind/suppressions
# Under it a filter of system calls is its own, and a program that cannot be run ends it.
NOT_VALGRIND := $(addprefix $(O)/agent/kernel/,program_test sandbox_test)

check-valgrind: all $(UNIT_TESTS)
	$(Q)TAP_SECONDS=3600 EMULATOR="$(VALGRIND)" $(TAP) $(PROVE) $(filter-out $(NOT_VALGRIND),$(UNIT_TESTS))

# What has threads.
TSAN_TESTS := $(addprefix $(O)/agent/,base/passwords_test export/resolver_test export/collector_test http/http_test)
TSAN_WRAPPED := g_async_queue_push g_async_queue_try_pop g_thread_pool_new g_thread_pool_push g_thread_pool_free

check-tsan:
	$(Q)$(MAKE) --no-print-directory TSAN=1 check-threads

check-threads: $(TSAN_TESTS)
	$(Q)TSAN_OPTIONS=suppressions=$(CURDIR)/tests/tsan/suppressions $(TAP) $(PROVE) $(TSAN_TESTS)

check-bpf: all $(BPF_TESTS)
	$(Q)$(TAP) $(PROVE) $(BPF_TESTS)

# They mostly wait, so several run at once, the longest first; but some count what is of all agents, or take
# all CPUs.
LONG := $(addprefix tests/e2e/,life.bats http.bats names.bats top.bats faults_disk.bats)
E2E := $(LONG) $(filter-out $(LONG),$(wildcard tests/e2e/*.bats))
ALONE := $(addprefix tests/e2e/,churn.bats doctor.bats flow_truth.bats load.bats race.bats)

check-e2e: all $(TOOLS)
	$(Q)export BUILD=$(abspath $(O)) SLOW=$${SLOW:-$(if $(SAN),2,1)}; status=0; \
	$(PROVE) --jobs 3 $(filter-out $(ALONE),$(E2E)) || status=1; \
	$(PROVE) $(ALONE) && exit $$status

# All processes, most kinds of records, and what comes and goes.
SHORT := $(addprefix tests/e2e/,hooks_of_lines.bats leaks.bats interfaces.bats outputs.bats templates.bats follow.bats)

check-e2e-short: all $(TOOLS)
	$(Q)BUILD=$(abspath $(O)) $(PROVE) --jobs 3 $(SHORT)

# Which lines of the agent no test runs. Processes of other users write what they have run, too: that is what
# the default access is for.
coverage:
	$(Q)$(MAKE) --no-print-directory COV=1 all
	$(Q)find build-cov -name '*.gcda' -delete
	$(Q)setfacl -R -d -m other::rwX build-cov/agent
	$(Q)status=0; $(MAKE) --no-print-directory --keep-going COV=1 check check-bpf check-e2e || status=1; \
	tests/coverage/report build-cov && exit $$status

# Each test is a search of its own.
check-model:
	$(Q)$(PROVE) --jobs 2 $(wildcard tests/model/*.bats)

check-misc: all
	$(Q)BUILD=$(abspath $(O)) $(PROVE) $(wildcard tests/misc/*.bats)

fuzzers: $(FUZZERS)

check-fuzz:
	$(Q)$(MAKE) --no-print-directory FUZZ=1 fuzzers
	$(Q)BUILD=$(abspath build-fuzz) $(PROVE) $(wildcard tests/fuzz/*.bats)

FUZZ_SECONDS ?= 600

fuzz:
	$(Q)$(MAKE) --no-print-directory FUZZ=1 fuzzers
	$(Q)tests/fuzz/search build-fuzz $(FUZZ_SECONDS)

SOAK_SECONDS ?= 3600

soak: all $(TOOLS)
	$(Q)BUILD=$(abspath $(O)) SOAK_SECONDS=$(SOAK_SECONDS) BATS_TEST_TIMEOUT=$$(($(SOAK_SECONDS) * 2)) bats tests/soak/soak.bats

FAULTS_SECONDS ?= 600

faults: all $(TOOLS)
	$(Q)export BUILD=$(abspath $(O)) FAULTS_SECONDS=$(FAULTS_SECONDS) BATS_TEST_TIMEOUT=$$(($(FAULTS_SECONDS) * 2 + 600)); \
	$(PROVE) --jobs 3 $(wildcard tests/e2e/faults*.bats)

leaks: all $(TOOLS)
	$(Q)BUILD=$(abspath $(O)) TIMES=10000 BATS_TEST_TIMEOUT=7200 bats tests/e2e/leaks.bats

image:
	$(Q)misc/image $(O)/image

check-image: all image $(TOOLS)
	$(Q)BUILD=$(abspath $(O)) $(PROVE) $(wildcard tests/image/*.bats)

# The second kernel has PPP, too.
check-vm: all $(BPF_TESTS) $(TOOLS)
	$(Q)BUILD=$(abspath $(O)) tests/vm/check 6.1 $(BPF_TESTS) $(E2E) -- 6.12-plain $(BPF_TESTS) $(E2E)

# The first kernel's are two guests, each as long as the second's.
LOADING := $(filter %/capabilities_test %/flow_test %/meter_test,$(BPF_TESTS))

check-vm-quick: all $(BPF_TESTS) $(TOOLS)
	$(Q)BUILD=$(abspath $(O)) tests/vm/check \
		6.1 $(LOADING) tests/e2e/hooks.bats -- \
		6.1 $(filter-out $(LOADING),$(BPF_TESTS)) tests/e2e/packets_life.bats tests/e2e/offload.bats -- \
		6.12-plain $(LOADING) tests/e2e/hooks.bats tests/e2e/devices.bats

# Debian's names of CPUs.
FOREIGN ?= arm64 armhf s390x

check-foreign:
	$(Q)$(MAKE) --no-print-directory --keep-going --output-sync=recurse $(FOREIGN:%=check-foreign-%)

check-foreign-%:
	$(Q)tests/foreign/cross $* $(MAKE) check check-guest

# In the environment of tests/foreign/cross.
check-guest: all $(BPF_TESTS) $(TOOLS)
	$(Q)$(PROVE) $(wildcard tests/foreign/*.bats)

check-all: lint check check-tsan check-valgrind check-fuzz check-bpf check-model check-e2e check-misc check-image check-vm check-foreign

bench: all $(BENCHES) $(O)/tests/tools/pour
	$(Q)for bench in $(BENCHES); do $$bench || exit 1; done
	$(Q)BUILD=$(abspath $(O)) tests/bench/beside

# clang-format of one version only: each lays out code a little differently. Each page that scdoc makes
# has paragraph macros which mandoc finds superfluous.
lint: $(SKELETONS) lint-service
	$(Q)clang-format --dry-run --Werror $(wildcard agent/*.[ch] agent/*/*.[ch] ebpf/*.[ch] tests/*/*.[ch])
	$(Q)printf '%s\n' $(wildcard agent/*.h agent/*/*.h ebpf/records.h ebpf/packets.h) | \
		xargs -P 2 -n 16 $(CC) $(ALL_CFLAGS) -Werror -fsyntax-only -x c
	$(Q)git ls-files | xargs grep -lE '^#!.*(bash|/sh|bats)|^# shellcheck shell=bash' | xargs -P 2 -n 8 shellcheck -x
	$(Q)for page in $(wildcard man/*.scd); do scdoc < $$page > $(O)/page && \
		! mandoc -T lint -W warning $(O)/page | grep -v 'skipping paragraph macro' || exit 1; done

# With the path of the program that is given.
service = sed 's|@PREFIX@/sbin/flowtally|$(1)|' config/flowtally.service

# What systemd itself has to say of the unit; the level of exposure is out of 100.
lint-service: all
	$(Q)$(call service,$(abspath $(O))/flowtally) > $(O)/flowtally.service
	$(Q)systemd-analyze security --offline=true --threshold=25 --no-pager $(O)/flowtally.service \
		> $(O)/security || { cat $(O)/security; exit 1; }
	$(Q)systemd-analyze verify --man=false $(O)/flowtally.service

install: all
	install -D -m 755 $(O)/flowtally $(DESTDIR)$(PREFIX)/sbin/flowtally
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	$(call service,$(PREFIX)/sbin/flowtally) > $(DESTDIR)$(PREFIX)/lib/systemd/system/flowtally.service
	install -D -m 644 config/flowtally.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/flowtally.conf
	install -D -m 644 config/flowtally.tmpfiles $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/flowtally.conf
	test -e $(DESTDIR)$(SYSCONFDIR)/flowtally/flowtally.yaml || \
		install -D -m 644 config/flowtally.yaml $(DESTDIR)$(SYSCONFDIR)/flowtally/flowtally.yaml
	$(Q)for page in $(wildcard man/*.scd); do \
		name=$${page#man/}; name=$${name%.scd}; \
		mkdir -p $(DESTDIR)$(PREFIX)/share/man/man$${name##*.} && \
		scdoc < $$page > $(DESTDIR)$(PREFIX)/share/man/man$${name##*.}/$$name || exit 1; done

clean:
	rm -rf build build-*

# The storage of images and packages of other CPUs have other things by that name.
-include $(shell find $(O) \( -path $(O)/image -o -path $(O)/foreign \) -prune -o -name '*.d' -print 2>/dev/null)

.DELETE_ON_ERROR:
.PHONY: all check check-valgrind check-tsan check-threads fuzzers check-fuzz fuzz check-bpf check-e2e check-e2e-short check-model check-misc image check-image check-vm check-vm-quick check-foreign \
	check-guest check-all bench coverage faults soak leaks lint lint-service install clean
.SECONDARY:
