# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
# Sourced by the scripts beside it: where things are, and how to speak.

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

# One at a time: two builds in one tree would spoil each other. Scripts called
# by the one that holds the lock inherit it.
take_lock() {
	[ -z "${HVO_LOCKED:-}" ] || return 0
	mkdir -p "$BUILD"
	exec 9> "$BUILD/.lock"
	flock -n 9 || die "another make uses $BUILD; wait for it to end"
	export HVO_LOCKED=1
}

# A /dev/kvm that opens is not yet one that works: boot once before relying on it.
probe_accel() {
	[ "$ACCEL" = kvm ] || return 0
	[ -w /dev/kvm ] || die "ACCEL=kvm, but /dev/kvm is missing or not writable; use ACCEL=tcg"
	"$TOP/vm/boot" -n probe -r probe -m 512 -c 1 -t 30 2> /dev/null ||
		die "ACCEL=kvm, but a guest does not boot with this machine's /dev/kvm; use ACCEL=tcg"
}

need_space() {
	local kib=$1 dir=$2 free
	mkdir -p "$dir"
	free=$(df --output=avail -k "$dir" | tail -n 1)
	[ "$free" -ge "$kib" ] ||
		die "$dir has $((free / 1024)) MiB free and needs $((kib / 1024)) MiB; make room, or link build/ to a larger disk"
}

# Waits until there is one job in the background at the most: two cores, two guests.
at_most_one_more() {
	while [ "$(jobs -rp | wc -l)" -ge 2 ]; do
		wait -n
	done
}

# copy_libraries ROOT FILE...: what these programs are linked with
copy_libraries() {
	local root=$1 library
	shift
	ldd "$@" | grep -o '/[^ ]* (' | tr -d ' (' | sort -u | while read -r library; do
		install -D "$library" "$root$library"
	done
}

# copy_programs ROOT FOLDER FILE...: and what they are linked with
copy_programs() {
	cp "${@:3}" "$1/$2/"
	copy_libraries "$1" "${@:3}"
}
