#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The judge of test results is tested: what did not clearly pass has failed.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

cat > "$tmp/skips" <<'END'
# reason | boots
no reason | hugetlb_free_vmemmap=on
not here | not hugetlb_free_vmemmap=off
not in this kernel | [|]debug[|]
END

# boot NAME STATUS TESTS < output of the guest; LOG: what the log's judge found; IN: where
# it is, if not alone; MODE: of its command line
boot() {
	local dir=$tmp/${IN:-$1}
	mkdir -p "$dir"
	cat > "$dir/$1.out"
	printf '%s\n%s|base|-m 2048|hugetlb_free_vmemmap=%s|%s\n' "$2" "$1" "${MODE:-on}" "$3" > "$dir/$1.boot"
	printf '%s' "${LOG:-}" > "$dir/$1.judged"
}

# left_out DIR TESTS
left_out() {
	printf 'left out\nlate|debug|||%s\n' "$2" > "$tmp/$1/late.boot"
}

# verdict NAME STATUS LAST-LINE: what report-test must say of it
verdict() {
	local status=0
	"$top/vm/report-test" "$tmp/$1" "$tmp/skips" "$tmp/json" "$tmp/text" > /dev/null || status=$?
	[ "$status" -eq "$2" ] || { echo "$1: status $status, not $2" >&2; exit 1; }
	[ "$(tail -n 1 "$tmp/text")" = "$3" ] || { echo "$1: $(tail -n 1 "$tmp/text")" >&2; exit 1; }
}

# says LINE: which report-test must have written
says() {
	grep -qxF "$1" "$tmp/text" || { printf 'not said: %s\n' "$1" >&2; cat "$tmp/text" >&2; exit 1; }
}

boot good 0 mapping,seal <<'END'
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
grep -q '"mode": "boot"' "$tmp/json" || { echo 'the mode is lost' >&2; exit 1; }
grep -q '"why": "no reason"' "$tmp/json" || { echo 'the reason of a skip is lost' >&2; exit 1; }

left_out good mapping
verdict good 0 '4 passed, 0 failed, 3 skipped'
grep -q 'late: no time was left' "$tmp/text" || { echo 'what was left out is lost' >&2; exit 1; }

boot failing 0 mapping <<'END'
# TAP version 13
# 1..2
# # line 7: a == b: 3
# not ok 1 one
# ok 2 two
not ok 1 selftests: hugetlb_vmemmap: mapping # exit=1
END
verdict failing 1 '3 passed, 1 failed, 0 skipped'
grep -q '"why": "line 7: a == b: 3"' "$tmp/json" || { echo 'the reason of a failure is lost' >&2; exit 1; }

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
grep -q 'BUG: something; in inner < outer.part.0$' "$tmp/text" || { echo 'the backtrace is lost' >&2; exit 1; }
grep -q 'its last words: nothing; bye$' "$tmp/text" || { echo 'the last words are lost' >&2; exit 1; }
head -n 1 "$tmp/text" | grep -q '^skip late' || { echo 'failures are not last' >&2; exit 1; }

# a script's TAP; its file says with what it ran
mkdir "$tmp/script" "$tmp/broken"
printf '1..2\nok 1 one\n# line 9\nnot ok 2 two\n' > "$tmp/script/debug.on.races.tap"
verdict script 1 '1 passed, 1 failed, 0 skipped'
grep -q '"name": "races: two"' "$tmp/json" || { echo 'the name of a script is lost' >&2; exit 1; }
grep -q '"kernel": "debug"' "$tmp/json" || { echo 'the kernel of a script is lost' >&2; exit 1; }
: > "$tmp/broken/base.off.faults.tap"
verdict broken 1 '0 passed, 1 failed, 0 skipped'

# mapping_is RESULT...: the output of a guest that runs this test alone
mapping_is() {
	printf '# 1..%d\n' $#
	printf '# %s\n' "$@"
	echo 'ok 1 selftests: hugetlb_vmemmap: mapping'
}

# a skip that is not expected in this boot, or nowhere
mapping_is 'ok 1 one' 'ok 2 # SKIP two: no reason' | MODE=off boot elsewhere 0 mapping
verdict elsewhere 1 '3 passed, 1 failed, 0 skipped'
says 'fail elsewhere: mapping: two: skipped, and vm/skips does not say so: no reason'
mapping_is 'ok 1 one' 'ok 2 # SKIP two: no memory' | boot unknown 0 mapping
verdict unknown 1 '3 passed, 1 failed, 0 skipped'
mapping_is 'ok 1 one' 'ok 2 # SKIP two: not here' | boot negated 0 mapping
verdict negated 0 '3 passed, 0 failed, 1 skipped'

# nothing ran at all
mapping_is 'ok 1 # SKIP one: no reason' | boot idle 0 mapping
verdict idle 1 '2 passed, 1 failed, 1 skipped'
says 'fail idle: a case ran: all were skipped'

# a case that ran in no boot, once all boots have run; and a rule that nothing needs
mapping_is 'ok 1 one' 'ok 2 # SKIP two: no reason' | boot alone 0 mapping
verdict alone 0 '3 passed, 0 failed, 1 skipped'
touch "$tmp/alone/complete"
verdict alone 1 '3 passed, 2 failed, 1 skipped'
says 'fail mapping: two: it ran in no boot: no reason'
says 'fail vm/skips: nothing was skipped for this: not here'
sed -i.kept 's/^not here/? &/' "$tmp/skips"
verdict alone 1 '3 passed, 1 failed, 1 skipped'
mv "$tmp/skips.kept" "$tmp/skips"
left_out alone seal
verdict alone 1 '3 passed, 1 failed, 2 skipped'
rm "$tmp/alone/late.boot"
mapping_is '1..0 # SKIP not here' | IN=alone boot other 0 mapping
verdict alone 1 '5 passed, 2 failed, 2 skipped'
left_out alone seal
verdict alone 1 '5 passed, 2 failed, 3 skipped'
left_out alone seal,mapping
verdict alone 1 '5 passed, 1 failed, 3 skipped'
rm "$tmp/alone/late.boot" "$tmp/alone/other."*
mapping_is 'ok 1 # SKIP one: not here' 'not ok 2 two' | IN=alone boot other 0 mapping
verdict alone 1 '5 passed, 1 failed, 2 skipped'
says 'fail other: mapping: two: see the output'

# the rules of vm/skips: each reason is one that a selftest gives, each is for some boot
while IFS= read -r rule; do
	reason=${rule%% | *} boots=${rule#* | }
	reason=${reason#\? }
	grep -qF -e "\"$reason\"" -e "ksft_exit_skip(\"$reason\\n" "$top"/selftests/*.c || { echo "no test says '$reason'" >&2; exit 1; }
	match=(-cE)
	[ "$boots" = "${boots#not }" ] || match=(-cvE)
	[ "$(grep -v -e '^#' -e '^$' "$top/vm/boots" | sed 's/ *| */|/g' | grep "${match[@]}" -e "${boots#not }")" -gt 0 ] ||
		{ echo "no boot for '$rule'" >&2; exit 1; }
done < <(grep -v '^#' "$top/vm/skips")

mkdir "$tmp/empty"
verdict empty 1 '0 passed, 0 failed, 0 skipped'
