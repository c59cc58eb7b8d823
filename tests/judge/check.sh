#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Tests tests/judge/judge: it must report every line of dirty.log and none of clean.log,
# and an allow-list must excuse only what it matches.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
judge=$here/judge
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

fail() {
	echo "$1" >&2
	exit 1
}

"$judge" "$here/clean.log" || fail 'a line of clean.log is reported'

while read -r line; do
	printf '%s\n' "$line" > "$tmp/one.log"
	! "$judge" "$tmp/one.log" > /dev/null || fail "not reported: $line"
done < <(grep -v '^#' "$here/dirty.log")

# Each pattern is needed: without it, a line of dirty.log is not reported.
echo '# nothing' > "$tmp/allow"
first=$(grep -nx 'suspicious=(' "$judge" | cut -d : -f 1)
last=$(sed -n "$first,\$ { /^)/ { =; q } }" "$judge")
all=$(grep -vc '^#' "$here/dirty.log")
[ $((last - first)) -gt 1 ] || fail 'no patterns to try'
for ((line = first + 1; line < last; line++)); do
	sed "${line}d" "$judge" > "$tmp/judge"
	found=$({ HVO_ALLOW=$tmp/allow bash "$tmp/judge" "$here/dirty.log" || true; } | wc -l)
	[ "$found" -gt 0 ] || fail 'a judge with one pattern less does not run'
	[ "$found" -lt "$all" ] || fail "no line needs the pattern$(sed -n "${line}p" "$judge")"
done

echo 'WARNING: CPU: 0 PID: 1 at mm/page_alloc.c' > "$tmp/allow"
echo '[ 1.0] WARNING: CPU: 0 PID: 1 at mm/page_alloc.c:1' > "$tmp/one.log"
HVO_ALLOW=$tmp/allow "$judge" "$tmp/one.log" || fail 'the allow-list excuses nothing'
echo '[ 1.0] WARNING: CPU: 0 PID: 1 at mm/slub.c:1' > "$tmp/one.log"
! HVO_ALLOW=$tmp/allow "$judge" "$tmp/one.log" > /dev/null || fail 'the allow-list excuses too much'

printf '%s\n' WARNING 'CPU: 0' 'RIP: 0010:f+0x1/0x2' 'Call Trace:' > "$tmp/trace"
{ echo '[ 1.0] WARNING: CPU: 0 PID: 1 at mm/page_alloc.c:1'; cat "$tmp/trace"; } > "$tmp/one.log"
HVO_ALLOW=$tmp/allow "$judge" "$tmp/one.log" || fail 'the backtrace of an allowed line is reported'
{ cat "$tmp/one.log"; seq 3; cat "$tmp/trace"; } > "$tmp/two.log"
! HVO_ALLOW=$tmp/allow "$judge" "$tmp/two.log" > /dev/null || fail 'a backtrace further on is excused'

status=0
"$judge" "$tmp/missing.log" 2> /dev/null || status=$?
[ $status -eq 2 ] || fail 'a missing log is not an error'
