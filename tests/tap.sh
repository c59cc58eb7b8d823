# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Sourced behind vm/lib.sh: TAP, by the helpers that the kernel's own tests have.

. "$KDIR/src/tools/testing/selftests/kselftest/ktap_helpers.sh"

# begin NUMBER: so many results will follow, and then ktap_finished
begin() {
	ktap_print_header
	ktap_set_plan "$1"
}

# result TITLE COMMAND...: what the command says is told where it fails
result() {
	local title=$1 said
	shift
	if said=$("$@" 2>&1); then
		ktap_test_pass "$title"
	else
		[ -z "$said" ] || printf '# %s\n' "${said//$'\n'/$'\n# '}"
		ktap_test_fail "$title"
	fi
}
