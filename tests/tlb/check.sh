#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# tlb-record and tlb-report with a perf and a machine of our own making: what they
# say when something cannot be measured, and whether they calculate right.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tools=$here/../../tools/perf-scripts
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

make -s -j "$(nproc)" -C "$tools" OUT="$tmp/out"
make -s -j "$(nproc)" -C "$tools/../qemu-plugins" OUT="$tmp/plugins" all test

fail() {
	echo "$1" >&2
	[ ! -e "$tmp/said" ] || sed 's/^/  said: /' "$tmp/said" >&2
	exit 1
}

# wants STATUS PATTERN COMMAND...
wants() {
	local status=0
	"${@:3}" > "$tmp/said" 2>&1 || status=$?
	[ "$status" -eq "$1" ] || fail "${*:3}: status $status, not $1"
	grep -qE "$2" "$tmp/said" || fail "${*:3}: nothing about $2"
}

# A workload that does 1,000 operations in a second, or in as long as SECONDS_TAKEN
mkdir -p "$tmp/bin" "$tmp/root/proc/sys/vm" "$tmp/root/proc/sys/kernel"
cat > "$tmp/bin/work" <<'END'
#!/bin/sh
echo "{\"name\": \"work\", \"operations\": 1000, \"seconds\": ${SECONDS_TAKEN:-1.0}, \"mib\": 1}"
END
# A perf that gives each event the value of PERF_VALUE, or the trouble named there
cat > "$tmp/perf" <<'END'
#!/bin/bash
while [ "$1" != -- ]; do
	case $1 in -o) out=$2 ;; -e) events=$2 ;; esac
	shift
done
shift
if [[ $events == *"${PERF_REFUSES:-nothing}"* ]]; then echo "event syntax error" >&2; exit 129; fi
echo '# started on' > "$out"
sed 's/,\([a-z]*=\)/;\1/g' <<< "$events" | tr , '\n' | while read -r event; do
	value=${PERF_VALUE:-500}
	case $event in instructions:k) value=${PERF_INSTRUCTIONS:-1000000} ;; esac
	printf '{"counter-value" : "%s", "event" : "%s", "pcnt-running" : %s}\n' "$value" "$event" "${PERF_RUNNING:-100.00}"
done >> "$out"
exec "$@"
END
chmod +x "$tmp/bin/work" "$tmp/perf"
export HVO_SYSROOT=$tmp/root
printf 'vendor_id\t: %s\ncpu family\t: %s\nmodel\t\t: %s\nmodel name\t: a CPU\n' GenuineIntel 6 143 > "$tmp/root/proc/cpuinfo"
printf 'MemTotal: 1000000 kB\nMemAvailable: 900000 kB\nHugepagesize: 2048 kB\nHugetlb: 500000 kB\n' > "$tmp/root/proc/meminfo"
echo 1 > "$tmp/root/proc/sys/kernel/perf_event_paranoid"

record() {
	"$tools/tlb-record" --workloads "$tmp/bin" --perf "$tmp/perf" --repeat 2 --out "$tmp/r.json" "$@"
}

wants 0 'recorded in' record
python3 - "$tmp/r.json" <<'END' || fail 'not what was counted'
import json, sys
one, = json.load(open(sys.argv[1]))["recordings"]
assert one["machine"]["known_as"].startswith("Intel Sapphire"), one
assert one["machine"]["pool_share"] == 0.5, one
assert len(one["runs"]) == 2 and not one["not_measured"], one
assert one["runs"][0]["events"]["dtlb_load_misses.walk_completed"] == 500, one
END
# with_perf NAME VALUE: recorded with a perf that is in this trouble
with_perf() {
	(export "$1=$2" && record)
}
wants 0 'not measured: .*not supported' with_perf PERF_VALUE '<not supported>'
grep -q 'often have no PMU' "$tmp/said" || fail 'no word on what to do without a PMU'
wants 0 'turns with other events' with_perf PERF_RUNNING 40.0
wants 0 'no free counter' with_perf PERF_VALUE '<not counted>'
wants 0 'refuses it on this machine' with_perf PERF_REFUSES umask
wants 1 'install linux-perf' "$tools/tlb-record" --workloads "$tmp/bin" --perf "$tmp/no-perf"
wants 1 'make -C' "$tools/tlb-record" --workloads "$tmp/nothing"
wants 1 "no workload 'play'" record --only play
wants 2 'at least 1' record --repeat 0
printf '#!/bin/sh\necho no disk >&2; exit 3\n' > "$tmp/bin/broken"
chmod +x "$tmp/bin/broken"
wants 1 'ended with 3 and said: no disk' record
printf '#!/bin/sh\necho play is not installed >&2; exit 77\n' > "$tmp/bin/broken"
wants 0 'broken is left out: play is not installed' record
rm "$tmp/bin/broken"

# one boot: refused where it would harm or show nothing, and everything put back
pools=$tmp/root/sys/kernel/mm/hugepages/hugepages-2048kB
mkdir -p "$pools" "$tmp/root/sys/kernel/mm/hugetlb_vmemmap"
pool=$tmp/root/proc/sys/vm/nr_hugepages
setting=$tmp/root/proc/sys/vm/hugetlb_optimize_vmemmap
echo 3 > "$pool"
wants 1 'CONFIG_HUGETLB_PAGE_OPTIMIZE_VMEMMAP' record --one-boot
echo 0 > "$setting"
echo 3 > "$pools/nr_hugepages"
wants 1 'HugeTLB pages already' record --one-boot
echo 0 > "$pools/nr_hugepages"
echo on > "$tmp/root/sys/kernel/mm/hugetlb_vmemmap/mode"
wants 1 'for a stock kernel' record --one-boot
rm "$tmp/root/sys/kernel/mm/hugetlb_vmemmap/mode"
wants 0 'recorded in' record --one-boot
[ "$(cat "$pool") $(cat "$setting")" = '3 0' ] ||
	fail 'the settings are not as they were'
wants 0 'Measured: .* against PMD-mapped' "$tools/tlb-report" "$tmp/r.json"

# stopped half-way, while the pool is being filled: a pipe is as slow as that can be
rm "$pool"
mkfifo "$pool"
record --one-boot > "$tmp/said" 2>&1 &
recorder=$!
echo 3 > "$pool"
becomes() {
	local tries
	for ((tries = 0; tries < 200; tries++)); do
		[ "$(cat "$setting")" != "$1" ] || return 0
		sleep 0.1
	done
	fail "the setting never was $1"
}
becomes 1
pkill -TERM -P "$recorder"
# the pool is put back last, and must find nobody who reads before
becomes 0
restored=$(timeout 20 cat "$pool") || fail 'the pool was not put back after a signal'
! wait "$recorder" || fail 'a signal was no failure'
[ "$restored $(cat "$setting")" = '3 0' ] || fail 'not as before the signal'
grep -q 'stopped by signal 15' "$tmp/said" || fail 'nothing is said of the signal'
rm "$pool"
echo 3 > "$pool"

# half the speed, and 500 + 500 walks in a million instructions are 1 in a thousand
record --label one > /dev/null 2>&1
mv "$tmp/r.json" "$tmp/one.json"
SECONDS_TAKEN=2.0 record --label two > /dev/null 2>&1
wants 0 '^work +1 +1 +500 +0.5 +0.5 +0.5$' "$tools/tlb-report" --details "$tmp/one.json" "$tmp/r.json"
wants 0 '^work +\+100.0%$' "$tools/tlb-report" "$tmp/one.json" "$tmp/r.json"
wants 0 'Nothing is added with: one\.' "$tools/tlb-report" "$tmp/one.json" "$tmp/r.json" --html "$tmp/m.html"
wants 1 'no recording' "$tools/tlb-report" "$tmp/bin/work"

# modelled: 30 walks more in 10,000 instructions are 3 in a thousand
cat > "$tmp/m.json" <<'END'
{"recordings": [{"label": "m", "kind": "modelled", "machine": {"pool_share": 0.5}, "runs": [
 {"name": "work", "operations": 10, "seconds": 1, "kernel_instructions": 10000, "cpus": {"x": {
  "pmd": {"l1_misses": 9, "walks": 10, "reads": 20}, "pte": {"l1_misses": 9, "walks": 40, "reads": 90},
  "as_is": {"l1_misses": 9, "walks": 25, "reads": 50}}}}]}]}
END
wants 0 '^work +1 +4 +2.5 +2 +9 +5$' "$tools/tlb-report" "$tmp/m.json" --details --html "$tmp/m.html" --json "$tmp/rows.json"
grep -q '<svg' "$tmp/m.html" || fail 'there is no picture'
grep -q '<td>work<td>+4.5%' "$tmp/m.html" || fail 'there is no table'
grep -q '50% of memory in the pool, 6.97 MiB of each GiB are saved. The kernel takes longer by at most 4.5% in work. It' "$tmp/m.html" ||
	fail 'there is no verdict'
# the cost of stock is not ours
sed 's/"label": "m"/"label": "other"/; s/"pool_share": 0.5/"pool_share": 0.5, "kernel": "stock"/; s/"walks": 25/"walks": 99/' \
	"$tmp/m.json" > "$tmp/other.json"
wants 0 '^work +\+4.5% +\+26.7%$' "$tools/tlb-report" "$tmp/m.json" "$tmp/other.json" --html "$tmp/both.html"
grep -q 'longer by at most 4.5% in work\. It' "$tmp/both.html" || fail "the verdict has stock's cost"
# and neither is that after the seal that before it
sed 's/"kernel": "stock"/"kernel": "sealed"/' "$tmp/other.json" > "$tmp/sealed.json"
wants 0 '^work +\+4.5% +\+26.7%$' "$tools/tlb-report" "$tmp/m.json" "$tmp/sealed.json" --html "$tmp/both.html"
grep -q 'longer by at most 4.5% in work\. After the seal it takes longer by at most 26.7% in work\. It' "$tmp/both.html" ||
	fail 'the verdict mixes before and after the seal'
# as it is 15 more: 1.5 walks of 30 cycles in a thousand
wants 0 '^work +\+4.5%$' "$tools/tlb-report" "$tmp/m.json"
wants 0 '^work +\+15.0%$' "$tools/tlb-report" "$tmp/m.json" --walk-cycles 100
# 28 of 2,048 KiB are saved, and 4 KiB for 128 MiB spent
wants 0 'With 50% of memory .* saves 6.97 MiB of each GiB' "$tools/tlb-report" "$tmp/m.json"
wants 0 'A pool of more than 0.22% of memory saves' "$tools/tlb-report" "$tmp/m.json"
