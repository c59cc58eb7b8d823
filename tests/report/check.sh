#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The judge of test results is tested: what did not clearly pass has failed.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# record NAME STATUS TESTS: as tests/run writes it, but for a busy host
record() {
	/usr/bin/python3 - "$@" <<-'END'
	import json, os, sys
	name, status, tests = sys.argv[1:]
	boot = {"name": name, "kernel": "base", "tests": tests.split(","),
	        "skips": os.environ.get("SKIPS", "").split("|") if "SKIPS" in os.environ else [],
	        "may_skip": [os.environ["MAY"]] if "MAY" in os.environ else []}
	print(json.dumps({"boot": boot, "status": int(status) if status.isdigit() else status,
	                  "judged": os.environ.get("LOG", "")}))
	END
}

# boot NAME STATUS TESTS < output of the guest; LOG: what the log's judge found; IN: where
# it is, if not alone; SKIPS, MAY: for which reasons it skips, or may
boot() {
	local dir=$tmp/${IN:-$1}
	mkdir -p "$dir"
	cat > "$dir/$1.out"
	record "$@" > "$dir/$1.boot"
}

# left_out DIR TESTS
left_out() {
	record late 'left out' "$2" > "$tmp/$1/late.boot"
}

# verdict NAME STATUS LAST-LINE: what the report must say of it
verdict() {
	local status=0
	"$top/tests/report/report" "$tmp/$1" "$tmp" > /dev/null || status=$?
	[ "$status" -eq "$2" ] || { echo "$1: status $status, not $2" >&2; exit 1; }
	[ "$(tail -n 1 "$tmp/test.txt")" = "$3" ] || { echo "$1: $(tail -n 1 "$tmp/test.txt")" >&2; exit 1; }
}

# says LINE: which the report must have written
says() {
	grep -qxF "$1" "$tmp/test.txt" || { printf 'not said: %s\n' "$1" >&2; cat "$tmp/test.txt" >&2; exit 1; }
}

SKIPS='no reason|not here' boot good 0 mapping,seal <<'END'
mode boot
TAP version 13
1..2
# timeout set to 300
# selftests: hugetlb_vmemmap: mapping
# TAP version 13
# 1..3
# ok 1 one
# ok 2 # SKIP two: no reason
# # something was said
# ok 3 three
# # Totals: pass:2 fail:0 xfail:0 xpass:0 skip:1 error:0
ok 1 selftests: hugetlb_vmemmap: mapping
# selftests: hugetlb_vmemmap: seal
# TAP version 13
# 1..0 # SKIP not here
ok 2 selftests: hugetlb_vmemmap: seal # SKIP
END
verdict good 0 '4 passed, 0 failed, 2 skipped'
grep -q '"mode": "boot"' "$tmp/test.json" || { echo 'the mode is lost' >&2; exit 1; }
grep -q '"why": "no reason"' "$tmp/test.json" || { echo 'the reason of a skip is lost' >&2; exit 1; }

left_out good mapping
verdict good 0 '4 passed, 0 failed, 3 skipped'
grep -q 'late: no time was left' "$tmp/test.txt" || { echo 'what was left out is lost' >&2; exit 1; }

boot failing 0 mapping <<'END'
# TAP version 13
# 1..2
# # line 7: a == b: 3
# not ok 1 one
# ok 2 two
not ok 1 selftests: hugetlb_vmemmap: mapping # exit=1
END
verdict failing 1 '3 passed, 1 failed, 0 skipped'
grep -q '"why": "line 7: a == b: 3"' "$tmp/test.json" || { echo 'the reason of a failure is lost' >&2; exit 1; }

boot cut 0 mapping <<'END'
# TAP version 13
# 1..3
# ok 1 one
not ok 1 selftests: hugetlb_vmemmap: mapping # exit=139
END
verdict cut 1 '3 passed, 1 failed, 0 skipped'

boot exit 0 mapping <<'END'
# TAP version 13
# 1..1
# ok 1 one
not ok 1 selftests: hugetlb_vmemmap: mapping # exit=139
END
verdict exit 1 '3 passed, 1 failed, 0 skipped'

boot missing 0 mapping,seal <<'END'
# TAP version 13
# 1..1
# ok 1 one
ok 1 selftests: hugetlb_vmemmap: mapping
END
verdict missing 1 '3 passed, 1 failed, 0 skipped'

boot hung 2 mapping < /dev/null
verdict hung 1 '1 passed, 2 failed, 0 skipped'

LOG='WARNING: something' boot dirty 0 mapping <<'END'
# TAP version 13
# 1..1
# ok 1 one
ok 1 selftests: hugetlb_vmemmap: mapping
END
verdict dirty 1 '2 passed, 1 failed, 0 skipped'

# a finding in the log is reported with its backtrace, and failures come last
LOG='2:BUG: something' boot crashed 2 mapping < /dev/null
printf '%s\n' fine 'BUG: something' 'RIP: 0010:inner+0x4c/0x2d0' 'Call Trace:' ' outer.part.0+0x1/0x2' bye > "$tmp/crashed/crashed.console"
left_out crashed mapping
verdict crashed 1 '0 passed, 3 failed, 1 skipped'
grep -q 'BUG: something; in inner < outer.part.0$' "$tmp/test.txt" || { echo 'the backtrace is lost' >&2; exit 1; }
grep -q 'its last words: nothing; bye$' "$tmp/test.txt" || { echo 'the last words are lost' >&2; exit 1; }
head -n 1 "$tmp/test.txt" | grep -q '^skip late' || { echo 'failures are not last' >&2; exit 1; }

# a script's TAP; its file says with what it ran
mkdir "$tmp/script" "$tmp/broken"
printf '1..2\nok 1 one\n# line 9\nnot ok 2 two\n' > "$tmp/script/debug.on.races.tap"
verdict script 1 '1 passed, 1 failed, 0 skipped'
grep -q '"name": "races: two"' "$tmp/test.json" || { echo 'the name of a script is lost' >&2; exit 1; }
grep -q '"kernel": "debug"' "$tmp/test.json" || { echo 'the kernel of a script is lost' >&2; exit 1; }
: > "$tmp/broken/base.off.faults.tap"
verdict broken 1 '0 passed, 1 failed, 0 skipped'

# what is said in front of one result is not the reason of the next
printf '1..2\n# said\nok 1 one\nnot ok 2 two\n' > "$tmp/script/debug.on.races.tap"
verdict script 1 '1 passed, 1 failed, 0 skipped'
says 'fail races: two: see the output'
# the cases of a script that ended too early
mkdir "$tmp/early"
: > "$tmp/early/foreign.cases"
verdict early 1 '0 passed, 1 failed, 0 skipped'
says 'fail foreign: it ended early'

# mapping_is RESULT...: the output of a guest that runs this test alone
mapping_is() {
	printf '# 1..%d\n' $#
	printf '# %s\n' "$@"
	echo 'ok 1 selftests: hugetlb_vmemmap: mapping'
}

# a skip that is not expected, one that did not happen, and one by chance
mapping_is 'ok 1 one' 'ok 2 # SKIP two: no memory' | SKIPS='no reason' boot unknown 0 mapping
verdict unknown 1 '3 passed, 2 failed, 0 skipped'
says 'fail unknown: mapping: two: skipped, and tests/boots.toml does not say so: no memory'
says 'fail unknown: skips: nothing was skipped for this: no reason'
mapping_is 'ok 1 one' 'ok 2 # SKIP two: no memory' | MAY='no memory' boot chance 0 mapping
verdict chance 0 '3 passed, 0 failed, 1 skipped'
mapping_is 'ok 1 one' | MAY='no memory' boot chance 0 mapping
verdict chance 0 '3 passed, 0 failed, 0 skipped'

# nothing ran at all
mapping_is 'ok 1 # SKIP one: no reason' | SKIPS='no reason' boot idle 0 mapping
verdict idle 1 '2 passed, 1 failed, 1 skipped'
says 'fail idle: a case ran: all were skipped'

# a case that ran in no boot, once all boots have run
export MAY='no reason'
mapping_is 'ok 1 one' 'ok 2 # SKIP two: no reason' | boot alone 0 mapping
verdict alone 0 '3 passed, 0 failed, 1 skipped'
touch "$tmp/alone/complete"
verdict alone 1 '3 passed, 1 failed, 1 skipped'
says 'fail mapping: two: it ran in no boot: no reason'
left_out alone seal
verdict alone 1 '3 passed, 1 failed, 2 skipped'
rm "$tmp/alone/late.boot"
mapping_is '1..0 # SKIP no reason' | IN=alone boot other 0 mapping
verdict alone 1 '5 passed, 2 failed, 2 skipped'
left_out alone seal
verdict alone 1 '5 passed, 2 failed, 3 skipped'
left_out alone seal,mapping
verdict alone 1 '5 passed, 1 failed, 3 skipped'
rm "$tmp/alone/late.boot" "$tmp/alone/other."*
mapping_is 'ok 1 # SKIP one: no reason' 'not ok 2 two' | IN=alone boot other 0 mapping
verdict alone 1 '5 passed, 1 failed, 2 skipped'
says 'fail other: mapping: two: see the output'
unset MAY

mkdir "$tmp/empty"
verdict empty 1 '0 passed, 0 failed, 0 skipped'
