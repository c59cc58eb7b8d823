#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Tests the error paths of the scripts: each must end with a non-zero status, say what to
# do, and leave no partial result that looks complete.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
export V=${V:-6.12}
tmp=$(mktemp -d)
mounted=
cleanup() {
	[ -z "$mounted" ] || umount "$mounted"
	rm -rf "$tmp"
}
trap cleanup EXIT
unset HVO_LOCKED

fail() {
	echo "FAILED: $1" >&2
	[ ! -s "$tmp/said" ] || sed 's/^/  said: /' "$tmp/said" >&2
	exit 1
}

# refused TITLE PATTERN COMMAND...: it must fail with a message that matches
refused() {
	local title=$1 pattern=$2
	shift 2
	! "$@" > "$tmp/said" 2>&1 || fail "$title: it succeeded"
	grep -qE "$pattern" "$tmp/said" || fail "$title: the output does not match /$pattern/"
}

# A copy of the project, with only those files of the kernel source that we patch
small=$tmp/small
mkdir -p "$small/build/$V/src"
(cd "$top" && git ls-files -co --exclude-standard | grep -v '^build/' | cpio -pdm --quiet "$small")
(cd "$top" && git ls-files -co --exclude-standard '*.patch' | grep -vE "^kernels/|^tests/race/[0-9]" &&
	git ls-files -co --exclude-standard "kernels/$V/**.patch" "tests/race/$V/**.patch") > "$tmp/patches"
(cd "$top" && xargs sed -n 's|^--- a/||p' < "$tmp/patches") | grep -vE 'vmemmap_(base|layout)' | sort -u > "$tmp/files"
(cd "$top/build/$V/src" && cpio -pdm --quiet "$small/build/$V/src" < "$tmp/files")
echo "$V.0-test" > "$small/build/$V/src/.hvo-package"

shim() {
	mkdir -p "$tmp/bin"
	printf '#!/bin/sh\n%s\n' "$2" > "$tmp/bin/$1"
	chmod +x "$tmp/bin/$1"
}
with_shims() {
	PATH=$tmp/bin:$PATH "$@"
}

refused 'unknown V' "V='7.77' .*known: .*6.12" env V=7.77 "$small/vm/build"
refused 'V that is a path' 'no kernel version' env V=../.. "$small/vm/build"
refused 'unknown ACCEL' "ACCEL='warp' .*tcg" env ACCEL=warp "$small/vm/build"
refused 'unknown flavour' 'base, stock, debug or kcsan' "$small/vm/build" fast
refused 'unknown boot' "no boot 'nowhere'" "$small/tests/run" nowhere
refused 'invalid seconds' 'no number of seconds' env HVO_SECONDS=1h "$small/tests/run" on
refused 'invalid minutes' 'no number of minutes' env HVO_MINUTES=soon "$small/tests/run" on
refused 'no kernel yet' 'make build' "$small/vm/boot" -r show

echo '# Linux/x86 6.1.176 Kernel Configuration' > "$tmp/old.config"
refused 'unknown flavour of a package' 'cloud-amd64 or amd64' env FLAVOUR=rt "$small/packaging/deb"
refused 'a configuration of another version' "is for Linux 6.1.176, and this is $V" \
	env CONFIG="$tmp/old.config" "$small/packaging/deb"
refused 'no configuration' 'no configuration of Linux' env CONFIG=/etc/passwd "$small/packaging/deb"
refused 'a configuration that is not there' 'cannot be read' env CONFIG=/none/of/it "$small/packaging/deb"
refused 'no name of a package' "NAME='a b'" env NAME='a b' "$small/packaging/deb"

"$small/vm/overlay" base || fail 'the patches do not apply to the small tree'
[ -L "$small/build/$V/tree/base/mm/vmemmap_base.c" ] || fail 'our files are not linked in'

"$small/vm/overlay" debug || fail 'the patches do not apply to the small debug tree'
grep -q hvo_race "$small/build/$V/tree/debug/mm/vmemmap_base.c" || fail 'the races are not patched in'
! grep -q hvo_race "$small/mm/vmemmap_base.c" || fail 'our file was patched in place'

sed -i 's/sparse-vmemmap\.o/sparse2.o/' "$small/build/$V/src/mm/Makefile"
echo "$V.1-test" > "$small/build/$V/src/.hvo-package"
refused 'a patch that no longer applies' "mm/Makefile.patch does not apply to $V.1-test" \
	"$small/vm/overlay" base
[ ! -e "$small/build/$V/tree/base.new" ] || fail 'half a tree is left'
grep -q "$V.0-test" "$small/build/$V/tree/base/.hvo-overlay" || fail 'the old tree was changed'

shim apt-get 'echo "Could not resolve" >&2; exit 100'
mkdir -p "$small/build/$V/src/mm"
echo '/* a fix */' > "$small/build/$V/src/mm/hugetlb_vmemmap.c"
cp "$small/build/$V/src/mm/hugetlb_vmemmap.c" "$small/build/$V/src/mm/hugetlb_vmemmap.h"
refused 'a replaced file that changed' 'WATCH: mm/hugetlb_vmemmap.c has changed' \
	with_shims "$small/vm/watch-replaced"
grep -q 'no longer available' "$tmp/said" || fail 'no message for a diff without a network'

mv "$small/build/$V/src" "$tmp/src"
refused 'no network' 'is there a network' with_shims "$small/vm/fetch"
[ ! -e "$small/build/$V/src" ] || fail 'half a source is left'
[ ! -e "$small/build/$V/.fetch" ] || fail 'a partial download is left'

shim id 'echo 1000'
shim dpkg-query 'exit 1'
refused 'packages missing, not root' 'apt-get install .*qemu-system-x86' with_shims "$small/vm/deps"

# a program that holds dpkg's lock, for as long as it takes and for ever
locked=$(stat -c %i /var/lib/dpkg/lock-frontend)
echo "1: POSIX  ADVISORY  WRITE 4711 fe:00:$locked 0 EOF" > "$tmp/locks"
shim id 'echo 0'
shim apt-get 'exit 0'
refused 'apt is busy for ever' 'busy for 2 seconds' \
	with_shims env HVO_LOCKS="$tmp/locks" HVO_PATIENCE=2 "$small/vm/deps"

: > "$tmp/said"
unlock_once_it_waits() {
	until grep -qs 'waiting for it to end' "$tmp/said"; do
		[ -d "$tmp" ] || return 0
		sleep 0.1
	done
	: > "$tmp/locks"
}
unlock_once_it_waits &
with_shims env HVO_LOCKS="$tmp/locks" HVO_PATIENCE=60 "$small/vm/deps" > "$tmp/said" 2>&1 || fail 'apt was busy for a while'
grep -q 'waiting for it to end' "$tmp/said" || fail 'no line says why it waits'
rm -rf "${tmp:?}/bin"

if [ "$(id -u)" -eq 0 ] && mkdir "$tmp/full" && mount -t tmpfs -o size=1m none "$tmp/full" 2>/dev/null; then
	mounted=$tmp/full
	rm -rf "$small/build"
	ln -s "$tmp/full" "$small/build"
	refused 'a disk too small' 'MiB free and needs' "$small/vm/fetch"
fi

(
	exec 9> "$tmp/lock"
	rm -rf "$small/build"
	mkdir -p "$small/build"
	exec 8> "$small/build/.lock"
	flock 8
	refused 'two at a time' 'another make' "$small/vm/fetch"
)
