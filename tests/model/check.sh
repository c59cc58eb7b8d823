#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Checks the model exhaustively. It must hold as it is, and must be violated without any
# one of its steps or with stock's order of loads.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"

# errors [-DSTEP]: prints the number of violations that the search finds, 0 or 1
errors() {
	spin -a "$@" "$here/protocol.pml" > spin.log
	gcc -O0 -w -DSAFETY -o pan pan.c
	./pan -m100000 > pan.log
	! grep -q 'Search not completed' pan.log || [ "${1:-}" ] || { echo 'search not completed' >&2; exit 1; }
	! grep -q 'max search depth too small' pan.log || { echo 'not exhaustive' >&2; exit 1; }
	sed -n 's/.*errors: //p' pan.log
}

[ "$(errors)" -eq 0 ] || { echo 'the protocol is wrong:' >&2; cat pan.log >&2; exit 1; }
for step in NO_WAIT NO_FLUSH NO_FLUSH2 NO_BARRIER STOCK_ORDER; do
	[ "$(errors -D$step)" -gt 0 ] || { echo "$step makes no difference" >&2; exit 1; }
done
