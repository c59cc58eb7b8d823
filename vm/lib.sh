# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
# Paths and common functions, sourced by the scripts in vm/ and tests/.

set -euo pipefail

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
V=${V:-6.12}
ACCEL=${ACCEL:-tcg}
BUILD=$TOP/build
KDIR=$BUILD/$V
REPORT=$BUILD/report

if [ -t 2 ]; then
	bold=$'\e[1m' red=$'\e[31m' plain=$'\e[0m'
else
	bold='' red='' plain=''
fi

say() {
	printf '%s%s%s\n' "$bold" "$*" "$plain" >&2
}

die() {
	printf '%serror:%s %s\n' "$red" "$plain" "$*" >&2
	exit 1
}

# The suite of Debian that has this version of the kernel, if it is none of the machine's
own_suite() {
	grep -vs '^#' "$TOP/kernels/$V/suite" || true
}

known_versions() {
	local dir
	for dir in "$TOP"/kernels/*/; do
		basename "$dir"
	done | tr '\n' ' '
}

check_choices() {
	case $V in
	*/* | . | .. | '') die "V='$V' is no kernel version; known: $(known_versions)" ;;
	esac
	[ -d "$TOP/kernels/$V" ] ||
		die "V='$V' is no kernel version known here; known: $(known_versions)"
	case $ACCEL in
	tcg | kvm) ;;
	*) die "ACCEL='$ACCEL' is unknown; use tcg (works everywhere) or kvm" ;;
	esac
}

# Only one make at a time may use the build folder. Scripts called by the one that holds
# the lock inherit it.
take_lock() {
	[ -z "${HVO_LOCKED:-}" ] || return 0
	mkdir -p "$BUILD"
	exec 9> "$BUILD/.lock"
	flock -n 9 || die "another make uses $BUILD; wait for it to end"
	export HVO_LOCKED=1
}

# On some machines /dev/kvm can be opened but does not work: boot a guest to find out.
probe_accel() {
	[ "$ACCEL" = kvm ] || return 0
	[ -w /dev/kvm ] || die "ACCEL=kvm, but /dev/kvm is missing or not writable; use ACCEL=tcg"
	"$TOP/vm/boot" -n probe -r probe -m 512 -c 1 -t 30 2> /dev/null ||
		die "ACCEL=kvm, but a guest does not boot with this machine's /dev/kvm; use ACCEL=tcg"
}

# The three locks of apt-get and dpkg, as the kernel lists them in /proc/locks
apt_is_locked() {
	local lock inode
	for lock in /var/lib/dpkg/lock-frontend /var/lib/apt/lists/lock /var/cache/apt/archives/lock; do
		inode=$(stat -c %i "$lock" 2>/dev/null) || continue
		! grep -q "POSIX.*WRITE.*:$inode " "${HVO_LOCKS:-/proc/locks}" || return 0
	done
	return 1
}

# A fresh machine upgrades itself for some minutes after its first boot, and apt-get would
# fail meanwhile.
wait_for_apt() {
	local since=$SECONDS patience=${HVO_PATIENCE:-900}
	apt_is_locked || return 0
	say "apt is busy with another installation; waiting for it to end"
	while apt_is_locked; do
		[ $((SECONDS - since)) -lt "$patience" ] ||
			die "apt has been busy for $patience seconds; find out with what: fuser -v /var/lib/dpkg/lock-frontend"
		sleep 1
	done
}

need_space() {
	local kib=$1 dir=$2 free
	mkdir -p "$dir"
	free=$(df --output=avail -k "$dir" | tail -n 1)
	[ "$free" -ge "$kib" ] ||
		die "$dir has $((free / 1024)) MiB free and needs $((kib / 1024)) MiB; make room, or link build/ to a larger disk"
}

# Waits until at most one background job is left, so that with the next one there are
# two: one guest for each of two cores.
at_most_one_more() {
	while [ "$(jobs -rp | wc -l)" -ge 2 ]; do
		wait -n
	done
}

# copy_libraries ROOT FILE...: copies the libraries that these programs are linked with
copy_libraries() {
	local root=$1 library
	shift
	ldd "$@" | grep -o '/[^ ]* (' | tr -d ' (' | sort -u | while read -r library; do
		install -D "$library" "$root$library"
	done
}

# copy_programs ROOT FOLDER FILE...: copies programs, and the libraries they need
copy_programs() {
	cp "${@:3}" "$1/$2/"
	copy_libraries "$1" "${@:3}"
}

# crash_image NAME SCRIPTS ROOT: as vm/guest-image, and with our kernel as /crash/vmlinuz and
# the same files as /crash/initrd, for a crash kernel
crash_image() {
	"$TOP/vm/guest-image" dump "$2" "$3"
	install -D "$KDIR/base/arch/x86/boot/bzImage" "$3/crash/vmlinuz"
	install "$KDIR/dump.cpio" "$3/crash/initrd"
	"$TOP/vm/guest-image" "$1" "$2" "$3"
}

# stop_jobs [SIGNAL]: for a trap, under set -m. Each job is then a process group of its own,
# so that who stops a script stops all of each.
stop_jobs() {
	local job
	for job in $(jobs -rp); do
		kill "-${1:-TERM}" -- "-$job" 2>/dev/null || true
	done
}

# kernel_make TREE ARGUMENT...: builds in TREE/out
# Objects depend only on their source, headers and options, so that ccache finds them
# again for a second tree. Without CCACHE_DEPEND it would preprocess each file first:
# that finds a few more objects, but takes a third longer with an empty cache.
# The key of the cache has no options of which no C file asks: our symbol for the
# architecture, which is all that base and stock differ in, and those of pahole, which is
# installed for packages alone.
# For tools/dumps vmlinux always tells how HugeTLB looks. Where it tells all, the compiler
# takes 14 % more time, and without -fno-var-tracking 28.
kernel_make() {
	local chosen=$1/out/.hvo-chosen
	sed -nE '/^CONFIG_(ARCH_HAS_BASE_VMEMMAP|PAHOLE_[A-Z_]*)=/d; /^CONFIG_/p' "$1/out/.config" > "$chosen" 2> /dev/null || true
	CCACHE_DIR=$BUILD/ccache CCACHE_NOHASHDIR=1 CCACHE_COMPILERCHECK=content \
		CCACHE_DEPEND=1 CCACHE_MAXSIZE=5G \
		CCACHE_IGNOREHEADERS=include/generated/autoconf.h CCACHE_EXTRAFILES=$(realpath "$chosen") \
		KBUILD_BUILD_TIMESTAMP="${KBUILD_BUILD_TIMESTAMP:-@1704067200}" KBUILD_BUILD_USER=hvo KBUILD_BUILD_HOST=base \
		make -C "$1" O=out -j"$(nproc)" CC="$TOP/vm/cc" HOSTCC="$TOP/vm/cc" CFLAGS_hugetlb.o=-g \
		KCFLAGS=-fno-var-tracking "${@:2}" < /dev/null
}

# show_progress WHAT LOG [STEPS]: until it is killed, tells how far the make that writes
# LOG is, and for how long it goes on at this pace if it has so many steps. On a terminal
# one line is rewritten; elsewhere a new line is printed every minute.
show_progress() {
	local what=$1 log=$2 total=${3:-0} since=$SECONDS last=0 count said
	while sleep 2; do
		count=$(grep -c '^  [A-Z]' "$log" || true)
		said="$what: $count steps, $((SECONDS - since)) s"
		[ "$count" -eq 0 ] || [ "$count" -ge "$total" ] ||
			said+=", about $(((SECONDS - since) * (total - count) / count / 60 + 1)) minutes left"
		if [ -t 2 ]; then
			printf '\r\e[K  %s ' "$said" >&2
		elif [ $((SECONDS - since - last)) -ge 60 ]; then
			last=$((SECONDS - since))
			printf '  %s\n' "$said" >&2
		fi
	done
}

# show_errors LOG: of a make that failed
show_errors() {
	grep -n -m 5 -e ' error: ' -e 'No space left' "$1" >&2 || tail -n 20 "$1" >&2
}
