#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Checks the model exhaustively, for both layouts of tails. It must hold as it is, and must
# be violated without any one of its steps or with what stock does.
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
	! grep -q 'Search not completed' pan.log || [ "$(sed -n 's/.*errors: //p' pan.log)" -gt 0 ] || { echo 'search not completed' >&2; exit 1; }
	! grep -q 'max search depth too small' pan.log || { echo 'not exhaustive' >&2; exit 1; }
	sed -n 's/.*errors: //p' pan.log
}

# holds [-DVERSION] STEP...: as it is, and not without any of the steps
holds() {
	local version=() step
	[[ $1 != -D* ]] || { version=("$1"); shift; }
	[ "$(errors "${version[@]}")" -eq 0 ] || { echo "the protocol is wrong ${version[*]}:" >&2; cat pan.log >&2; exit 1; }
	for step in "$@"; do
		[ "$(errors "${version[@]}" "-D$step")" -gt 0 ] ||
			{ echo "$step makes no difference ${version[*]}" >&2; exit 1; }
	done
}

holds NO_WAIT NO_FLUSH NO_FLUSH2 NO_BARRIER STOCK_ORDER
holds -DZONE_TAILS READ_ONLY NO_FLUSH NO_FLUSH2 NO_BARRIER COUNT_IN_SHARED=head_count
