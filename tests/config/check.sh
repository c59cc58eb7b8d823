#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Tests tests/config/drift: each kind of difference must be reported.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"

# two made-up options in each file
for file in mm/Kconfig mm/Kconfig.debug mm/damon/Kconfig kernel/Kconfig.preempt \
	kernel/rcu/Kconfig security/Kconfig.hardening lib/Kconfig.kfence; do
	mkdir -p "src/$(dirname "$file")"
	name=${file//[^a-zA-Z]/_}
	printf 'config %s\n\tbool\n\nmenuconfig %s_MENU\n\tdefault y\n' "${name^^}" "${name^^}" > "src/$file"
done

# compare STATUS TEXT: what drift must report for the files debian, ours and except
compare() {
	local status=0 said
	said=$("$here/drift" src debian ours except) || status=$?
	[[ $status -eq $1 && $said == *"$2"* ]] || {
		echo "line ${BASH_LINENO[0]}: status $status, not $1: $said" >&2
		exit 1
	}
}

printf 'CONFIG_MM_KCONFIG=y\nCONFIG_KERNEL_RCU_KCONFIG_MENU=m\nCONFIG_NET=y\n' > debian
printf 'CONFIG_MM_KCONFIG=y\nCONFIG_KERNEL_RCU_KCONFIG_MENU=y\n' > ours
printf '# nothing\n\n' > except
compare 0 ', 0 differ)'

: > ours
compare 1 'MM_KCONFIG: Debian has y, we have n'
compare 1 'KERNEL_RCU_KCONFIG_MENU: Debian has y, we have n'

printf 'MM_KCONFIG for a reason\nKERNEL_RCU_KCONFIG_MENU for another\n' > except
compare 0 ', 2 differ)'

echo 'MM_KCONFIG' > except
compare 1 'MM_KCONFIG: except gives no reason'

cp debian ours
echo 'LIB_KCONFIG_KFENCE once it did differ' > except
compare 1 'LIB_KCONFIG_KFENCE: no longer differs'

: > except
echo 'CONFIG_MM_KCONFIG=64' > ours
echo 'CONFIG_MM_KCONFIG=65536' > debian
compare 1 'MM_KCONFIG: Debian has 65536, we have 64'

echo 'CONFIG_VMAP_STACK=y' > ours
echo 'CONFIG_VMAP_STACK=n' > debian
: > except
compare 1 'VMAP_STACK: Debian has n, we have y'

: > src/mm/Kconfig
status=0
"$here/drift" src debian ours except > /dev/null 2>&1 || status=$?
[ $status -eq 1 ] || { echo 'a Kconfig file without options is not reported' >&2; exit 1; }
