# SPDX-License-Identifier: GPL-2.0-only
# Each target is one script in vm/, which also runs by itself.
V ?= 6.12
ACCEL ?= tcg
export V ACCEL

MINUTES ?= 10

.PHONY: help run test test-instrumented test-deb soak check mutants fuzz bench tlb series series-check deb shell build build-stock build-debug build-kcsan clean distclean

help:
	@echo 'hvo-base: HugeTLB vmemmap optimization on a base-mapped vmemmap'
	@echo
	@echo '  make run          build, boot with the feature off and on, and show the difference'
	@echo '  make test         build, boot and run the selftests; BOOTS="on stress" for some of them'
	@echo '  make test-instrumented   the same under KASAN, lockdep, KCSAN and others, and races made to happen'
	@echo '  make test-deb     install the packages on Debian, boot it through GRUB, run programs that use HugeTLB pages'
	@echo '  make soak         the stress test alone, for MINUTES=10, on the base and the debug kernel'
	@echo '  make check        all that needs no kernel build, in one to four minutes'
	@echo '  make mutants      seed faults into the kernel files; the unit tests must find each'
	@echo '  make fuzz         search for histories that go wrong; SECONDS=60, KEEP=1 to keep new ones'
	@echo '  make bench        instructions side by side with stock, with HVO on and off'
	@echo '  make tlb          compare TLB misses with stock, before and after the seal, by simulation'
	@echo '  make series       patches for git am and quilt, with a cover letter'
	@echo '  make series-check  build the kernel after each of them'
	@echo '  make deb          Debian packages of this kernel; FLAVOUR=amd64 for any machine, CONFIG= for your own'
	@echo '  make shell        an interactive guest with the feature on; CMDLINE= for other words'
	@echo '  make build        the kernel of this project (build-stock, build-debug, build-kcsan likewise)'
	@echo '  make clean        remove what was built, keep the kernel source and the compiler cache'
	@echo '  make distclean    remove build/ as a whole'
	@echo
	@echo '  V=6.12            kernel version; known:' $(notdir $(patsubst %/,%,$(wildcard kernels/*/)))
	@echo '  ACCEL=tcg|kvm     how QEMU runs the guest; kvm only where /dev/kvm really works'

run:
	@tests/main-job/run

test:
	@tests/run $(BOOTS)

test-instrumented:
	@tests/run --instrumented

test-deb:
	@tests/deb/run

soak:
	@HVO_SECONDS=$$(( $(MINUTES) * 60 )) tests/run stress debug-stress

check:
	@tests/check

mutants:
	@tests/unit/mutants

fuzz:
	@tests/unit/fuzz $(or $(SECONDS),60) $(KEEP:%=keep)

bench:
	@tools/bench/run

tlb:
	@tools/perf-scripts/tlb

series:
	@packaging/series

series-check:
	@packaging/series-check

deb:
	@packaging/deb

shell: build
	@vm/guest-image
	@vm/boot -- $(or $(CMDLINE),hugetlb_free_vmemmap=on)

build:
	@vm/deps
	@vm/build base

build-stock build-debug build-kcsan: build-%:
	@vm/deps
	@vm/build $*

clean:
	@rm -rf build/*/tree build/*/base build/*/stock build/*/debug build/*/kcsan build/*/guest* build/*/selftests build/*/deb-test build/*/dumps build/*/log build/*/*.log build/report

distclean:
	@rm -rf build/* build/.lock build
