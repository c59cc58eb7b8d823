#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What is wrong in a list of boots is named; and in ours each test and each reason for
# a skip exists, and each test is run.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

load() {
	PYTHONPATH=$top/tests /usr/bin/python3 -c 'import boots, pathlib, sys
print(*[boot.options() for boot in boots.load(pathlib.Path(sys.argv[1]))])' "$1"
}

# says PATTERN < list
says() {
	cat > "$tmp/list"
	load "$tmp/list" > "$tmp/said" 2>&1 || true
	grep -qE "$1" "$tmp/said" || { echo "nothing about $1:" >&2; cat "$tmp/said" >&2; exit 1; }
}

says "'-k', 'debug', '-n', 'a', '-m', '2', '-c', '1', '-q', 'b c', '-l'" <<'END'
machine.m = { memory = 1, qemu = "b c" }
[[boot]]
name = "a"
kernel = "debug"
machine = "m"
memory = 2
cpus = 1
kaslr = true
tests = ["t"]
END
says "boot 'a': there is no machine 'm'" <<< 'boot = [{ name = "a", tests = ["t"], machine = "m" }]'
says "boot 'a': unknown key cmdlime" <<< 'boot = [{ name = "a", tests = ["t"], cmdlime = "" }]'
says "boot 'a': there is no kernel 'k'" <<< 'boot = [{ name = "a", tests = ["t"], kernel = "k" }]'
says "boot 'a' needs a name and tests" <<< 'boot = [{ name = "a" }]'
says 'more than one boot is called a' <<< 'boot = [{ name = "a", tests = ["t"] }, { name = "a", tests = ["t"] }]'
says 'error: .*list: Invalid value' <<< 'boot = ['
rm "$tmp/list"
PYTHONPATH=$top/tests /usr/bin/python3 -c 'import boots
some = boots.Boot("a", ["t"], versions=["1.0"])
every = boots.Boot("b", ["t", "u"], without={"2.0": ["t"]})
assert [boot.name for boot in boots.of_version([some, every], "1.0")] == ["a", "b"]
assert [boot.tests for boot in boots.of_version([some, every], "2.0")] == [["u"]]'
! load "$tmp/list" > "$tmp/said" 2>&1 || { echo 'a list that is missing is no error' >&2; exit 1; }
grep -q "error: .*list: " "$tmp/said"

PYTHONPATH=$top/tests /usr/bin/python3 - "$top/selftests" <<'END'
import pathlib, sys, boots
sources = {path.stem: path.read_text() for path in pathlib.Path(sys.argv[1]).glob("*.c")}
all_boots = boots.load()
for boot in all_boots:
    for test in boot.tests:
        assert test in sources, f"{boot.name}: there is no test {test}"
    for reason in boot.skips + boot.may_skip:
        assert any(f'"{reason}"' in sources[test] or f'skip("{reason}\\n' in sources[test]
                   for test in boot.tests), f"{boot.name}: no test says '{reason}'"
# what is no test, and what tests/machine-check starts
unused = sources.keys() - {test for boot in all_boots for test in boot.tests}
assert unused == {"hvo", "dimm", "machinecheck"}, f"in no boot: {unused}"
END
