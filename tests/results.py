# SPDX-License-Identifier: GPL-2.0-only
"""Reads what tests say: TAP, and the output of the kernel's runner of selftests."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

RESULT = re.compile(r"^(not ok|ok) (\d+) ?(?:- )?(.*)$")
PLAN = re.compile(r"^1\.\.(\d+)(?: # SKIP (.*))?$")
OF_RUNNER = re.compile(r"^(?:not )?ok \d+ selftests: \w+: (\w+)")


@dataclass
class Result:
    """One line of TAP: verdict is pass, fail or skip."""
    number: str
    title: str
    verdict: str
    why: str = ""


def result_of(found: re.Match[str], said: list[str]) -> Result:
    number, title = found[2], found[3]
    if found[1] == "not ok":
        return Result(number, title, "fail", "; ".join(said) or "see the output")
    # "# SKIP title: reason" is what ksft_test_result_skip() writes; others put it last
    title, skips, why = title.partition("# SKIP")
    if not skips:
        return Result(number, title, "pass")
    if not title:
        title, _, why = why.partition(": ")
    return Result(number, title.strip(), "skip", why.strip() or "skipped")


def of_tap(lines: Iterable[str]) -> Iterator[Result]:
    """Yields each result of one TAP stream, and a failure where its plan was not kept.

    What is said in comments in front of a failure is its reason.
    """
    planned, seen = -1, 0
    said: list[str] = []
    for line in lines:
        if plan := PLAN.match(line):
            if plan[2]:	# all of them, and the runner says it once more
                yield Result("0", "", "skip", plan[2])
                return
            planned = int(plan[1])
        elif found := RESULT.match(line):
            seen += 1
            yield result_of(found, said)
            said = []
        elif line.startswith("# ") and not line.startswith("# Totals"):
            said.append(line[2:])
    if seen < planned or planned < 0:
        yield Result("plan", "plan", "fail", f"{seen} of {max(planned, 0)} results; it ended early")


def of_runner(text: str) -> dict[str, tuple[list[Result], str]]:
    """Splits what the kernel's runner wrote into tests.

    Returns the results of each, and the runner's own line about it.
    """
    tests = {}
    lines: list[str] = []
    for line in text.splitlines():
        if done := OF_RUNNER.match(line):
            tests[done[1]] = (list(of_tap(lines)), line)
            lines = []
        elif line.startswith("# "):
            lines.append(line[2:])
    return tests
