#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Tests tests/foreign/report, which compares three kernels. Ours must pass what stock
# passes. If both fail a test, or do not run it, the list must have a reason for that.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

cat > "$tmp/tests" <<'END'
# a comment
128 | one -a |
128 | two | needs hardware
END

# guest NAME FREED < OUTPUT of the two tests; LOG: what tests/judge/judge found in the log
guest() {
	{
		echo "== freed $2"
		cat
		echo 'guest-exit 0'
	} > "$tmp/foreign-$1.out"
	printf '%s' "${LOG:-}" > "$tmp/foreign-$1.judged"
}

# good: three guests that pass everything but the test that has a reason
good() {
	local name freed
	for name in stock-off stock-on base-on; do
		freed=896
		[ "$name" != stock-off ] || freed=0
		guest "$name" $freed <<-'END'
			== start one -a
			1..2
			ok 1 first
			# said
			ok 2 second

			== end 0 1
			== start two
			Testing zeropage on hugetlb... done
			Testing minor on shmem... failed [reason: none of ours]
			Testing minor on hugetlb... failed [reason: no such device]

			== end 1 1
		END
	done
}

# verdict TITLE STATUS PATTERN: the report must end with STATUS, and its text must match
verdict() {
	local status=0
	"$top/tests/foreign/report" "$tmp/tests" "$tmp" "$tmp/json" "$tmp/text" > /dev/null || status=$?
	[ "$status" -eq "$2" ] || { echo "$1: status $status, not $2" >&2; cat "$tmp/text" >&2; exit 1; }
	grep -qE "$3" "$tmp/text" || { echo "$1: the text does not match /$3/" >&2; cat "$tmp/text" >&2; exit 1; }
	[ "$(grep -c '"verdict": ' "$tmp/json")" -eq 15 ] || { echo "$1: not 15 cases" >&2; exit 1; }
}

# spoilt GUEST EXPRESSION: changes the output of that guest
spoilt() {
	good
	cp "$tmp/foreign-$1.out" "$tmp/before"
	sed -i "$2" "$tmp/foreign-$1.out"
	! cmp -s "$tmp/foreign-$1.out" "$tmp/before" || { echo "$2 changes nothing" >&2; exit 1; }
}

good
verdict 'all is well' 0 '^two +xfail +xfail +xfail$'
verdict 'the reason is shown' 0 'xfail foreign-base-on: two: needs hardware.*no such device'

spoilt base-on 's/^ok 2 second/not ok 2 other words/'
verdict 'ours alone fails a line' 1 '^fail +foreign-base-on: one -a: other words: said'
spoilt base-on 's/^ok 2 second/ok 2 # SKIP second/'
verdict 'ours alone skips a line' 1 '^fail +foreign-base-on: one -a: second: skipped'
spoilt base-on 's/^ok 2 second/ok 2 second # SKIP why/'
verdict 'ours alone skips a line, as others write it' 1 '^fail +foreign-base-on: one -a: second: why'
spoilt base-on '/^ok 2/d'
verdict 'ours alone lacks a line' 1 '^fail +foreign-base-on: one -a: .*1 of 2 results'
spoilt base-on '0,/^== end 0 1/s//== end 3 1/'
verdict 'ours alone has another status' 1 '^fail +foreign-base-on: one -a: .*exit status 3'
spoilt base-on '0,/^== end 0 1/s//== end 137 60/'
verdict 'ours alone takes too long' 1 'it took too long'
spoilt base-on '0,/^== end 0 1/s//== end 4 1/'
verdict 'ours alone is skipped' 1 '^one -a +pass +pass +fail$'
spoilt base-on '/^== start one/,/^== end/d'
verdict 'ours did not run' 1 'foreign-base-on: one -a: it did not run'
spoilt base-on 's/minor on hugetlb/minor on hugetlb-private/'
verdict 'ours fails another case' 1 'foreign-base-on: two: minor on hugetlb-private'
spoilt base-on '/zeropage/d'
verdict 'ours lacks a case' 1 'foreign-base-on: two: zeropage on hugetlb: no result'

spoilt stock-on 's/^ok 2 second/not ok 2 second/'
verdict 'stock-on fails: not ours' 0 '^one -a +pass +xfail +pass$'
spoilt stock-on '/^== start one/,/^== end/d'
verdict 'stock-on did not run: not ours' 0 'xfail foreign-stock-on: one -a: stock only .it did not run'
spoilt stock-on '/^guest-exit/d'
verdict 'stock-on crashed: not ours' 0 'xfail foreign-stock-on: the guest ended by itself: it hung'
spoilt stock-on '/^/d'
verdict 'stock-on never began' 1 'fail +foreign-stock-on: a pool of 128 pages frees vmemmap'

# A failure of stock-off alone is stock's problem. If ours fails too, it needs a reason.
neither() {
	spoilt base-on "$1"
	cp "$tmp/foreign-base-on.out" "$tmp/ours"
	spoilt stock-off "$1"
	cp "$tmp/ours" "$tmp/foreign-base-on.out"
}
spoilt stock-off 's/^ok 2 second/not ok 2 second/'
verdict 'stock-off fails alone' 0 '^one -a +xfail +pass +pass$'
neither 's/^ok 2 second/not ok 2 second/'
verdict 'stock-off fails too, unexplained' 1 'foreign-stock-off: one -a: not explained'
neither '0,/^== end 0 1/s//== end 4 1/'
verdict 'stock-off skips too, unexplained' 1 'foreign-stock-off: one -a: not explained'
spoilt stock-off '/^== start one/,/^== end/d'
verdict 'stock-off did not run' 0 'xfail foreign-stock-off: one -a: stock only .it did not run'
neither '/^== start one/,/^== end/d'
verdict 'neither ran' 1 'foreign-stock-off: one -a: not explained.*it did not run'

spoilt base-on 's/^== freed.*/== freed 0/'
verdict 'ours does not optimize' 1 'foreign-base-on: a pool of 128 pages frees vmemmap: 0 pages'
spoilt stock-off 's/^== freed.*/== freed 896/'
verdict 'off is not off' 1 'foreign-stock-off: a pool of 128 pages frees vmemmap: 896 pages'
spoilt base-on '/^guest-exit/d'
verdict 'the guest crashed' 1 'foreign-base-on: the guest ended by itself: it hung'
good
printf 'WARNING: x' > "$tmp/foreign-base-on.judged"
verdict 'our log is dirty' 1 'fail +foreign-base-on: the kernel log is clean: WARNING: x'
good
printf 'WARNING: x' > "$tmp/foreign-stock-on.judged"
verdict 'the log of stock is dirty: not ours' 0 'xfail foreign-stock-on: the kernel log is clean: WARNING: x'
