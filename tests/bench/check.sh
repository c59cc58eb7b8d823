#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# tools/bench/report with counts of our own making: whether it calculates right, sees
# what got worse, and says what is missing.
set -euo pipefail
report=$(cd "$(dirname "$0")/../.." && pwd)/tools/bench/report
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# wants STATUS PATTERN ARGUMENT...
wants() {
	local status=0
	"$report" "${@:3}" > "$tmp/said" 2>&1 || status=$?
	if [ "$status" -ne "$1" ] || ! grep -qE "$2" "$tmp/said"; then
		echo "report-bench ${*:3}: status $status, wanted $1 and /$2/" >&2
		sed 's/^/  said: /' "$tmp/said" >&2
		exit 1
	fi
}

# window A_PAGE FLUSHES: so many instructions for each of 1,024 pages
window() {
	echo "{\"instructions\": $(($1 * 1024)), \"functions\": {\"flush_tlb_all\": [$2, 9], \"work\": [1, $(($1 * 1024 - 9))]}}"
}

# guest WHO FIRST SHRINK AGAIN FLUSHES FLUSHES_OF_NONE SINGLE ALLOCATED [FLUSHES_OF_SHRINKING]
guest() {
	printf '%s\n' "grow_single $7" 'shrink_single 1000' "allocated $8" > "$tmp/steps-$1.out"
	printf '[%s,%s,%s,%s,%s,%s]\n' "$(window 9 0)" "$(window "$2" "$5")" "$(window "$3" "${9:-1}")" \
		"$(window "$4" 1)" "$(window "$3" 1)" "$(window 10 "$6")" > "$tmp/steps-$1.calls"
}

wants 1 'steps-off.out is not there; run' --short "$tmp"
guest off 100 200 100 0 0 2000 50
guest stock 1100 1200 1100 2 2 9000000 1074
guest base 400 800 300 1 0 100000 82
wants 0 '^ok 1 optimize_2m_first$' --short "$tmp"
wants 0 '^# optimize_2m_first: 300 instructions a page, stock 1,000; wanted: at most 0.43 of stock$' --short "$tmp"
wants 0 '^# single_page_resize: 100 virtual' --short "$tmp"
wants 0 '^1..8$' --short "$tmp"

# too_much NUMBER NAME FIGURES...: seen by the smallest step too far
too_much() {
	guest base "${@:3}"
	wants 1 "^not ok $1 $2\$" --short "$tmp"
}
too_much 1 optimize_2m_first 531 800 300 1 0 100000 82
too_much 2 optimize_2m_again 400 800 301 1 0 100000 82
too_much 3 restore_2m 400 801 300 1 0 100000 82
too_much 4 single_page_resize 400 800 300 1 0 100001 82
too_much 5 tlb_flushes_batch 400 800 300 2 0 100000 82
too_much 6 tlb_flushes_shrink 400 800 300 1 0 100000 82 2
too_much 7 tlb_flushes_empty 400 800 300 1 1 100000 82
too_much 8 allocations_optimize 400 800 300 1 0 100000 83
too_much 8 allocations_optimize 400 800 300 1 0 100000 17

echo '[{}]' > "$tmp/steps-base.calls"
wants 1 'steps-base.calls has only 1 windows' --short "$tmp"
guest base 400 800 300 1 0 100000 82

wants 0 '^ +1,024,000 +307,200  work$' --profile grow_2m_first "$tmp"
wants 1 "no window 'lunch'; there are boot, grow_1g," --profile lunch "$tmp"
