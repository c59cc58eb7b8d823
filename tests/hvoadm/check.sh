#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# hvoadm on made-up machines: with the feature, without it, and with files that are wrong.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
tmp=$(mktemp -d)
fuzzer=
cleanup() {
	[ -z "$fuzzer" ] || kill "$fuzzer" 2> /dev/null || true
	rm -rf "$tmp"
}
trap cleanup EXIT
unset NO_COLOR MAKEFLAGS

fail() {
	echo "FAILED: $1" >&2
	[ ! -s "$tmp/out" ] || sed 's/^/  said: /' "$tmp/out" >&2
	[ ! -s "$tmp/err" ] || sed 's/^/  error: /' "$tmp/err" >&2
	exit 1
}

make -s -C "$top/tools/mm" OUT="$tmp/built" CFLAGS='-O2 -Wall -Wextra -Werror' VERSION=1.2 > "$tmp/out" 2>&1 ||
	fail 'hvoadm does not build without warnings'
program=$tmp/built/hvoadm
tree=$tmp/tree
vm=proc/sys/vm
feature=sys/kernel/mm/hugetlb_vmemmap
pool=sys/kernel/mm/hugepages/hugepages

put() {
	[ -d "$tree/${1%/*}" ] || mkdir -p "$tree/${1%/*}"
	printf '%s\n' "$2" > "$tree/$1"
}

pages() {
	put "$pool-$1/nr_hugepages" "$2"
	put "$pool-$1/free_hugepages" "$3"
	put "$pool-$1/surplus_hugepages" "$4"
}

# 4 GiB, 1,024 pages of 2 MiB and 1 of 1 GiB, and no kernel of hvo-base
plain() {
	rm -rf "$tree"
	mkdir -p "$tree"/{run,$vm,proc/sys/kernel/random,$pool-{2048,1048576}kB}
	put proc/meminfo $'MemTotal:        4194304 kB\nMemFree:  1 kB'
	put proc/cmdline 'BOOT_IMAGE=/boot/vmlinuz root=/dev/vda1 quiet'
	put proc/sys/kernel/osrelease 6.1.0-28-amd64
	put proc/sys/kernel/random/boot_id 7e31f0c4-0f0c-4a36-a3a9-9b1f0a2f5d11
	pages 2048kB 1024 1000 3
	pages 1048576kB 1 1 0
}

grub() {
	put etc/default/grub GRUB_DEFAULT=0
	put boot/grub/grub.cfg "menuentry 'Debian GNU/Linux' --class debian {
}
submenu 'Advanced options for Debian GNU/Linux' \$menuentry_id_option 'x' {
	menuentry 'Debian GNU/Linux, with Linux 6.12.9+hvo1-amd64' --class debian {
	}
	menuentry 'Debian GNU/Linux, with Linux 6.12.117+hvo1-amd64' --class debian {
	}
	menuentry 'Debian GNU/Linux, with Linux 6.12.118+hvo1-amd64 (recovery mode)' --class debian {
	}
	menuentry 'Debian GNU/Linux, with Linux 6.13.1-amd64' --class debian {
	}
}"
}

# hvo MODE: the same with a kernel of hvo-base, as it is booted and filled
hvo() {
	plain
	mkdir "$tree/$feature"
	put proc/sys/kernel/osrelease 6.12.117+hvo1-amd64
	put $feature/mode "$1"
	put $feature/sealed 0
	put $feature/collapsed_kb 0
	put $feature/saved_kb $((1024 * 28 + 16380))
	put $feature/reserve_kb 32
	put $feature/reserve_used 0
	put $feature/restore_failures 0
	put $vm/hugetlb_optimize_vmemmap 1
	put $vm/hugetlb_vmemmap_seal 0
	put proc/cmdline "quiet hugetlb_free_vmemmap=$1"
}

off() {
	hvo off
	put $feature/saved_kb 0
	put $feature/reserve_kb 0
	put $vm/hugetlb_optimize_vmemmap 0
}

sealed() {
	hvo "$1"
	put $feature/sealed 1
	put $feature/collapsed_kb 20480
	put $feature/reserve_kb 0
	put $vm/hugetlb_optimize_vmemmap 0
}

stock() {
	plain
	put $vm/hugetlb_optimize_vmemmap "$1"
}

empty() {
	plain
	rm -r "$tree/sys"
}

run() {
	status=0
	"$program" --root "$tree" "$@" > "$tmp/out" 2> "$tmp/err" < /dev/null || status=$?
}

# said PATTERN FILE...: whether a line of them matches; without a process, as it is often asked
said() {
	local line lines
	cat_lines "${@:2}"
	for line in "${lines[@]}"; do
		[[ ! $line =~ $1 ]] || return 0
	done
	return 1
}

cat_lines() {
	local file
	lines=()
	for file; do
		mapfile -t -O "${#lines[@]}" lines < "$file"
	done
}

# gives STATUS ARGUMENT...: it exits with that, and says so on the right stream
gives() {
	local wanted=$1
	shift
	run "$@"
	[ "$status" -eq "$wanted" ] || fail "hvoadm $*: exit status $status, not $wanted"
	[ "$1" = check ] || [ "$wanted" -eq 0 ] || said '^hvoadm: .*[;(] *.' "$tmp/err" ||
		fail "hvoadm $*: no error that says what to do"
	[ "$wanted" -ne 0 ] || [ ! -s "$tmp/err" ] || fail "hvoadm $*: success with an error"
}

# says PATTERN...: each is in what the last one said, on either stream
says() {
	local pattern
	for pattern; do
		said "$pattern" "$tmp/out" "$tmp/err" || fail "nothing said about: $pattern"
	done
}

holds() {
	/usr/bin/python3 -c 'import json, sys
said = json.load(open(sys.argv[1]))
assert eval(sys.argv[2], {}, said), said' "$tmp/out" "$1" 2> "$tmp/err" || fail "JSON: not $1"
}

no_leftovers() {
	! find "$tree" -name '*.??????' | grep -q . || fail 'a temporary file is left'
}

options() {
	local command wrong
	plain
	gives 0 --help
	says '^usage: hvoadm COMMAND' 'hvoadm seal'
	gives 0 --version
	says '^hvoadm 1.2$'
	for command in estimate status check prometheus enable disable seal; do
		gives 0 $command --help
		says "^usage: hvoadm $command"
		wrong=2
		[ $command != check ] || wrong=3
		gives $wrong $command --bogus
		says '--bogus is unknown'
	done
	gives 2 frob
	gives 2 frob --help
	run
	[ "$status" -eq 2 ] || fail 'no command is no error'
	gives 2 status --yes
	says '--yes is no option of status'
	gives 2 status -xy
	says 'hvoadm: -xy is unknown'
	gives 2 status now
	says 'now is one word too many'
	gives 2 enable on boot
	says 'boot is one word too many'
	gives 2 enable
	gives 2 enable off
	says 'enable needs a mode'
	gives 2 estimate --pages
	gives 3 check --json
}

# What is told of it elsewhere is complete.
documents() {
	local word
	for word in estimate status check prometheus enable disable seal root dry-run json pages state textfile yes; do
		[[ $(< "$top/tools/mm/hvoadm.8") == *"${word/-/\\-}"* ]] || fail "hvoadm.8 does not know $word"
		[[ $(< "$top/tools/mm/hvoadm.bash-completion") == *"$word"* ]] || fail "bash does not complete $word"
	done
	if command -v man > /dev/null; then
		man --warnings -E UTF-8 -l -Tutf8 -Z "$top/tools/mm/hvoadm.8" 2> "$tmp/err" > /dev/null || true
		[ ! -s "$tmp/err" ] || fail 'hvoadm.8 has errors'
	fi
	# shellcheck disable=SC2016 # for the inner bash
	[ "$(bash -c '. "$1" && COMP_WORDS=(hvoadm enable --d) COMP_CWORD=2 && _hvoadm && echo "${COMPREPLY[*]}"' bash \
		"$top/tools/mm/hvoadm.bash-completion")" = --dry-run ] || fail 'bash does not complete enable --d'
}

package() {
	"$top/packaging/tools-deb" 1.2+hvo1 "$tmp/deb" > "$tmp/out" 2>&1 || fail 'no package'
	[ "$(dpkg-deb -c "$tmp/deb/hvo-tools_1.2+hvo1_amd64.deb" | awk '!/\/$/ { print $1, $2, $6 }')" = \
'-rwxr-xr-x root/root ./usr/sbin/hvoadm
-rw-r--r-- root/root ./usr/share/bash-completion/completions/hvoadm
-rw-r--r-- root/root ./usr/share/doc/hvo-tools/copyright
-rwxr-xr-x root/root ./usr/share/hvo-tools/hvo-invariants
-rw-r--r-- root/root ./usr/share/man/man8/hvoadm.8.gz' ] || fail 'the package has other files'
	! "$top/packaging/tools-deb" '1 2' "$tmp/deb" > "$tmp/out" 2>&1 || fail 'a package of no version'
}

estimates() {
	plain
	gives 0 estimate
	says '^share of memory +75.0 %' '^saved +44.0 MiB' '^page tables +128 KiB' '^reserve +32 KiB' \
		'^net saving +43.8 MiB' 'pays from +6 pages of 2M on, 0.3 %' '0.2 to 2 %' \
		'^  hugetlb_free_vmemmap=on$'
	[[ $(tail -n 1 "$tmp/out") == 'worth it: 43.8 MiB more to use, 1.07 % of memory' ]] || fail 'no verdict'
	gives 0 estimate --pages 2048kB:205
	says '^pool +205 pages of 2M' '^pool +0 pages of 1G' 'hugepagesz=2M hugepages=205$' '^worth it: 5.4 MiB'
	gives 0 estimate --pages 2M:204
	says '^not worth it: less than a tenth'
	gives 0 estimate --pages 1G:2 --pages 2m:5
	says 'hugepagesz=2M hugepages=5 hugepagesz=1G hugepages=2$' '^worth it: 32.0 MiB'
	gives 0 estimate --pages 2M:5
	says '^not worth it: page tables' '^net saving +-20 KiB'
	gives 0 estimate --pages 2M:0
	says '^not worth it: no memory'
	gives 0 estimate --pages 2M:2048
	gives 1 estimate --pages 2M:2049
	says 'larger than the memory of 4.0 GiB'
	for plan in 4M:1 2M 2M: 2M:-1 2M:1x :1 M:1 2:1 2MM:1 2M:18446744073709551617 18446744073709551618M:1 -1G:1 2M:1:1 02M:1; do
		gives 2 estimate --pages $plan
		says "no plan: --pages $plan;"
	done
	gives 2 estimate --pages 2M:1 --pages 2048kB:1
	says 'each once'
	gives 2 estimate --pages 2M:1 --pages 1G:1 --pages 2M:2
	empty
	gives 0 estimate
	says '^not worth it: no memory is in the pool'
}

statuses() {
	hvo on
	gives 0 status
	says '^mode +on' '^sealed +no' '^pool 2M +1024$' '^pool free 2M +1000$' '^pool surplus 2M +3$' '^saved +44.0 MiB' \
		'^page tables +128 KiB' '^net +43.8 MiB' '^restore failures +0$'
	gives 0 status --json
	holds 'mode == "on" and sealed is False and saved_kb == 45052 and net_kb == 44892'
	holds 'pool_2M == 1024 and pool_free_2M == 1000 and pool_surplus_2M == 3 and pool_1G == 1'
	holds 'pool_free_1G == 1 and pool_surplus_1G == 0 and reserve_used == 0 and restore_failures == 0'
	sealed on
	gives 0 status --json
	holds 'sealed is True and collapsed_kb == 20480 and page_tables_kb == 88 and net_kb == 44964'
	off
	gives 0 status --json
	holds 'mode == "off" and page_tables_kb == 0 and net_kb == 0'
	stock 1
	gives 1 status
	says 'Linux 6.1.0-28-amd64 is no kernel of hvo-base' 'its own HVO on'
	stock 0
	gives 1 status --json
	says 'its own HVO off'
	holds 'feature is False and stock_hvo is True'
	plain
	gives 1 status
	says 'no HVO of its own'
}

# checks STATUS NAME PATTERN
checks() {
	gives "$1" check
	says "^HVO $2 - $3"
	[ "$(wc -l < "$tmp/out")" -eq 1 ] || fail 'check says more than a line'
}

the_check() {
	hvo on
	checks 0 OK 'mode on, 44.0 MiB saved \| saved=45052KB expected=45052KB reserve_used=0c restore_failures=0c$'
	put $feature/saved_kb 45024
	checks 1 WARNING 'not all pages are optimized, they save 45024 KiB of 45052 \|'
	put $vm/hugetlb_optimize_vmemmap 0
	checks 0 OK 'mode on'
	hvo boot
	put $feature/saved_kb 0
	checks 0 OK 'mode boot'
	hvo on
	put $feature/reserve_used 2
	checks 1 WARNING 'the reserve was used'
	sealed on
	checks 0 OK 'mode on, sealed'
	off
	checks 0 OK 'mode off'
	put proc/cmdline 'hugetlb_free_vmemmap=off hugetlb_free_vmemmap=Y'
	checks 2 CRITICAL '/proc/cmdline asks for the feature, but it is off'
	put proc/cmdline 'hugetlb_free_vmemmap=boot hugetlb_free_vmemmap=off x.hugetlb_free_vmemmap=on'
	checks 0 OK 'mode off'
	put etc/default/grub.d/hvo.cfg 'GRUB_CMDLINE_LINUX="quiet hugetlb_free_vmemmap=boot"'
	checks 2 CRITICAL '/etc/default/grub.d/hvo.cfg asks for the feature, but it is off'
	put etc/default/grub.d/hvo.cfg ' # GRUB_CMDLINE_LINUX="quiet hugetlb_free_vmemmap=boot"'
	checks 0 OK 'mode off'
	plain
	checks 3 UNKNOWN 'no kernel of hvo-base, and nothing asks for it'
	put proc/cmdline 'hugetlb_free_vmemmap=on'
	checks 2 CRITICAL '/proc/cmdline asks for the feature, but Linux 6.1.0-28-amd64 has none'
}

the_state() {
	hvo on
	checks 0 OK mode
	[ ! -e "$tree/run/hvoadm.check" ] || fail 'a state without failures is written'
	put $feature/restore_failures 2
	checks 2 CRITICAL '2 new restore failures'
	checks 0 OK mode
	put $feature/restore_failures 5
	put $feature/reserve_used 1
	checks 2 CRITICAL '3 new restore failures.*; the reserve was used'
	put $feature/reserve_used 0
	checks 0 OK mode
	put $feature/restore_failures 1
	checks 2 CRITICAL '1 new restore failures'
	put proc/sys/kernel/random/boot_id 5ce5c06b-4a83-4f3b-8f67-5cf5d4f2ad10
	checks 2 CRITICAL '1 new restore failures'
	checks 0 OK mode
	for state in '' 5 '- 1' '5ce5c06b-4a83-4f3b-8f67-5cf5d4f2ad10 x'; do
		put run/hvoadm.check "$state"
		checks 2 CRITICAL '1 new restore failures'
	done
	rm "$tree/run/hvoadm.check"
	gives 2 check --state /run/other
	[ "$(cat "$tree/run/other")" = '5ce5c06b-4a83-4f3b-8f67-5cf5d4f2ad10 1' ] || fail 'no state in --state'
	rm -r "$tree/proc/sys/kernel/random"
	checks 2 CRITICAL '1 new restore failures'
	checks 0 OK mode
	gives 2 check --state /none/other
	says 'failures.*; /none/other cannot be written: No such file'
	no_leftovers
}

metrics() {
	sealed on
	put $feature/restore_failures 2
	gives 0 prometheus
	says '^hvo_feature 1$' '^hvo_saved_bytes 46133248$' '^hvo_collapsed_bytes 20971520$' '^hvo_sealed 1$' \
		'^# TYPE hvo_restore_failures_total counter$' '^hvo_restore_failures_total 2$' \
		'^hvo_pool_pages\{size="1G"\} 1$' '^hvo_pool_free_pages\{size="2M"\} 1000$' \
		'^# TYPE hvo_saved_bytes gauge$' '^hvo_mode\{mode="on"\} 1$' '^hvo_page_tables_bytes 90112$'
	awk '/^# HELP/ { helped[$3] = 1; next } /^# TYPE/ { typed[$3] = helped[$3]; next }
		{ sub(/{.*/, "", $1); if (!typed[$1]) exit 1 }' "$tmp/out" || fail 'a metric without HELP and TYPE'
	cp "$tmp/out" "$tmp/metrics"
	gives 0 prometheus --textfile /run/hvo.prom
	cmp -s "$tmp/metrics" "$tree/run/hvo.prom" || fail 'the file is not what is printed'
	[ "$(stat -c %a "$tree/run/hvo.prom")" = 644 ] || fail 'mode of the file'
	put $feature/saved_kb x
	gives 1 prometheus --textfile /run/hvo.prom
	cmp -s "$tmp/metrics" "$tree/run/hvo.prom" || fail 'the old file is lost'
	sealed on
	gives 1 prometheus --textfile /none/hvo.prom
	mkdir "$tree/run/folder"
	gives 1 prometheus --textfile /run/folder
	no_leftovers
	plain
	gives 0 prometheus
	says '^hvo_feature 0$'
	! grep -q saved "$tmp/out" || fail 'metrics of a feature that is not there'
	[ "$("$program" --root "$tree" prometheus 2>&1 > /dev/full || echo "status $?")" = \
		$'hvoadm: what it says cannot be written: No space left on device; is the disk full?\nstatus 1' ] ||
		fail 'a full disk is no error'
}

grubs() {
	local cfg=$tree/etc/default/grub.d/hvo.cfg
	plain
	gives 1 enable on
	says 'GRUB does not boot this kernel \(no .*/etc/default/grub\); add hugetlb_free_vmemmap=on to'
	grub
	gives 0 enable on --dry-run
	[ ! -e "$cfg" ] || fail 'a dry run writes'
	gives 0 enable on
	says 'would run update-grub' 'At the next boot: Linux 6.12.117\+hvo1-amd64, mode on'
	# as update-grub reads it
	# shellcheck disable=SC1090 # what was written
	[ "$(GRUB_CMDLINE_LINUX=quiet && . "$cfg" && echo "$GRUB_DEFAULT:$GRUB_CMDLINE_LINUX")" = \
		'Advanced options for Debian GNU/Linux>Debian GNU/Linux, with Linux 6.12.117+hvo1-amd64:quiet hugetlb_free_vmemmap=on' ] ||
		fail "not pinned: $(cat "$cfg")"
	[ "$(stat -c %a "$cfg")" = 644 ] || fail 'mode of hvo.cfg'
	gives 0 enable boot
	says 'There is no hugepages= in /etc/default/grub'
	grep -q 'hugetlb_free_vmemmap=boot"$' "$cfg" || fail 'not the mode boot'
	[ ! -e "$cfg.old" ] || fail 'own file kept'
	put etc/default/grub 'GRUB_CMDLINE_LINUX="hugepages=64"'
	gives 0 enable boot
	! grep -q 'There is no' "$tmp/out" || fail 'hugepages= is not seen'
	gives 0 disable --dry-run
	[ -e "$cfg" ] || fail 'a dry run removes'
	gives 0 disable
	[ ! -e "$cfg" ] || fail 'not removed'
	gives 0 disable
	says 'Nothing to remove'
	put etc/default/grub.d/hvo.cfg 'GRUB_TIMEOUT=1'
	gives 0 enable on
	says 'kept as hvo.cfg.old'
	[ "$(cat "$cfg.old")" = 'GRUB_TIMEOUT=1' ] || fail 'what a person wrote is lost'
	rm "$cfg"
	mkdir "$cfg"
	gives 1 enable on
	gives 1 disable
	no_leftovers
}

# pinned TITLE LINE...: what is pinned with these lines in grub.cfg
pinned() {
	put boot/grub/grub.cfg "$(printf '%s\n' "${@:2}")"
	gives 0 enable on
	[ "$(sed -n 's/^GRUB_DEFAULT=//p' "$tree/etc/default/grub.d/hvo.cfg")" = "${1:+\"$1\"}" ] ||
		fail "pinned $(cat "$tree/etc/default/grub.d/hvo.cfg"), and not $1"
}

pins() {
	plain
	grub
	pinned '' "submenu 'Advanced' {" "	menuentry 'Debian, with Linux 6.1.0-28-amd64' {" '}'
	says 'No kernel is pinned'
	pinned 'D, with Linux 6.12.1+hvo1' "menuentry 'D, with Linux 6.12.1+hvo1' {" '}'
	pinned 'Erweitert>D, mit Linux 6.12.1+hvo1' "submenu 'Erweitert' {" "	menuentry 'D, mit Linux 6.12.1+hvo1' {" '}'
	pinned '' "submenu 'It'\\''s' {" "	menuentry 'D, with Linux 6.12.1+hvo1' {" '}'
	pinned '' "menuentry 'D \$(x), with Linux 6.12.1+hvo1' {" '}'
	pinned '' "menuentry 'D>E, with Linux 6.12.1+hvo1' {" '}'
	pinned '' "menuentry 'D, with Linux 6.12.1+hvo1"
	pinned '' "menuentry 'D, with Linux 6.12.1+hvo1-$(printf %0300d 0)' {"
	pinned 'B, with Linux 6.12.1+hvo1' "submenu 'It'\\''s' {" '}' "menuentry 'B, with Linux 6.12.1+hvo1' {" '}'
	rm "$tree/boot/grub/grub.cfg"
	gives 0 enable on
	says 'No kernel is pinned'
	hvo on
	grub
	put proc/sys/kernel/osrelease 6.12.5-mine
	pinned 'D, with Linux 6.12.5-mine' "menuentry 'D, with Linux 6.12.6-mine' {" "menuentry 'D, with Linux 6.12.5-mine' {"
	pinned 'D, with Linux 6.12.1+hvo1' "menuentry 'D, with Linux 6.12.1+hvo1' {" "menuentry 'D, with Linux 6.12.5-mine' {"
	pinned 'D, with Linux 6.12.1+hvo1' "menuentry 'D, with Linux 6.12.5-mine' {" "menuentry 'D, with Linux 6.12.1+hvo1' {"
}

# What only works on the root of a machine: in a mount namespace of its own
real_grub() {
	mount -t tmpfs tmpfs /etc/default
	mount -t tmpfs tmpfs /boot
	mkdir /boot/grub /boot/bin
	echo 'GRUB_DEFAULT=0' > /etc/default/grub
	PATH=/boot/bin:$PATH
	local cfg=/etc/default/grub.d/hvo.cfg
	say_update_grub() {
		printf '#!/bin/sh\n%s\n' "$1" > /boot/bin/update-grub
		chmod +x /boot/bin/update-grub
	}
	# own STATUS TITLE ARGUMENT...
	own() {
		status=0
		# whoever runs this in the background has SIGINT ignored
		env --default-signal=INT "$program" "${@:3}" > "$tmp/out" 2> "$tmp/err" || status=$?
		[ "$status" -eq "$1" ] || fail "$2: exit status $status"
	}
	as_seen() {
		cmp -s "$cfg" /boot/seen || fail "$1"
	}
	own 1 'no update-grub' enable on
	says 'no update-grub in PATH.*add hugetlb_free_vmemmap=on'
	say_update_grub 'echo broken >&2; exit 1'
	own 1 'update-grub fails' enable on
	says 'update-grub failed.*as it was'
	[ ! -e "$cfg" ] || fail 'update-grub failed, and hvo.cfg stays'
	say_update_grub "cp $cfg /boot/seen 2> /dev/null || echo none > /boot/seen"
	own 0 'update-grub works' enable on
	as_seen 'update-grub is not run, or too early'
	# shellcheck disable=SC2016 # for update-grub
	say_update_grub 'kill -INT $$'
	own 1 'update-grub is interrupted' enable boot
	as_seen 'the former hvo.cfg is not put back by enable'
	own 1 'update-grub is interrupted' disable
	as_seen 'the former hvo.cfg is not put back by disable'
	say_update_grub "cp $cfg /boot/seen 2> /dev/null || echo none > /boot/seen"
	own 0 'update-grub works' disable
	[ "$(cat /boot/seen)" = none ] || fail 'not disabled before update-grub'
	[ "$(ls -A /etc/default/grub.d)" = '' ] || fail 'something is left in grub.d'
	chmod 755 "$tmp"
	! setpriv --reuid=65534 --clear-groups "$program" enable on 2> "$tmp/err" || fail 'anyone can enable'
	says 'only root can set up GRUB'
}

seals() {
	plain
	gives 1 seal --yes
	says 'does not have the feature'
	off
	gives 1 seal --yes
	says 'booted without the feature'
	sealed on
	gives 0 seal
	says 'sealed already'
	hvo on
	gives 1 seal
	says 'without a terminal' 'cannot be undone' 'stay in the pool'
	[ "$(cat "$tree/$vm/hugetlb_vmemmap_seal")" = 0 ] || fail 'sealed without a terminal'
	gives 1 seal --yes
	says 'took the seal, but is not sealed'
	# a kernel that takes it
	put $vm/hugetlb_vmemmap_seal 0
	ln -sf ../../../../$vm/hugetlb_vmemmap_seal "$tree/$feature/sealed"
	put $feature/collapsed_kb 2048
	script -qec "$program --root $tree seal" /dev/null <<< n > "$tmp/out" 2>&1 && fail 'no is no error'
	says 'not sealed: the answer was not y' $'\e\\[31mhvoadm:'
	[ "$(cat "$tree/$vm/hugetlb_vmemmap_seal")" = 0 ] || fail 'sealed without a yes'
	script -qec "$program --root $tree seal" /dev/null <<< y > "$tmp/out" 2>&1 || fail 'yes does not seal'
	says 'Sealed. Mapped by 2 MiB again: 2.0 MiB'
	hvo on
	rm "$tree/$vm/hugetlb_vmemmap_seal"
	gives 1 seal --yes
	says 'cannot be written: No such file'
	[ ! -e "$tree/$vm/hugetlb_vmemmap_seal" ] || fail 'a knob is made'
}

# broken FILE COMMAND...: none of them takes it for good
broken() {
	local command
	for command in "${@:2}"; do
		if [ "$command" = check ]; then
			gives 3 check
			says "^HVO UNKNOWN - .*$1: "
		else
			gives 1 "$command"
			says "^hvoadm: .*$1: "
		fi
	done
}

# Files that hold what no kernel says
wrong_files() {
	local file value all=(estimate status check prometheus)
	for file in proc/meminfo $pool-2048kB/nr_hugepages $pool-1048576kB/surplus_hugepages; do
		hvo on
		rm "$tree/$file"
		broken "$file" estimate
		mkdir "$tree/$file"
		broken "$file" "${all[@]}"
		says 'Is a directory'
		rmdir "$tree/$file"
		: > "$tree/$file"
		broken "$file" check
	done
	hvo on
	for value in MemTotal: 'MemTotal: x kB' 'MemTotal: 99999999999999999999 kB' 'MemTotal: 0 kB' 'MemTotal: 1' \
		'MemTotal: -1 kB'; do
		put proc/meminfo "$value"
		broken proc/meminfo estimate
	done
	hvo on
	for value in '' -1 0x10 ' 1' '1 1' 1.5 4398046511105 18446744073709551617; do
		put $feature/saved_kb "$value"
		broken $feature/saved_kb status
	done
	for file in mode sealed collapsed_kb saved_kb reserve_kb reserve_used restore_failures; do
		hvo on
		put $feature/$file onn
		broken $feature/$file check
		rm "$tree/$feature/$file"
		broken $feature/$file seal
	done
	gives 0 estimate
	hvo on
	put $feature/sealed 2
	broken $feature/sealed status
	hvo on
	put proc/sys/kernel/osrelease '6.12 "x"'
	broken proc/sys/kernel/osrelease status
	for file in proc/cmdline etc/default/grub.d/hvo.cfg; do
		hvo on
		rm -f "$tree/$file"
		mkdir -p "$tree/$file"
		broken "$file" check
	done
	hvo on
	put $pool-2048kB/nr_hugepages 4398046511104
	gives 1 estimate
	gives 0 status --json
	holds 'expected_kb == 4398046511104 * 28 + 16380'
}

every_command() {
	local command
	for command in estimate status check prometheus 'enable on' disable 'seal --yes'; do
		# shellcheck disable=SC2086 # words
		run $command
		[ "$status" -le 3 ] || fail "$1: hvoadm $command: exit status $status"
	done
}

# A few commands read all that there is.
under_valgrind() {
	cat > "$tmp/valgrind" <<-END
		#!/bin/sh
		exec valgrind -q --error-exitcode=99 --leak-check=full $program "\$@"
	END
	chmod +x "$tmp/valgrind"
	local program=$tmp/valgrind command
	hvo on
	grub
	put $feature/restore_failures 1
	for command in 'status --json' check 'enable on'; do
		# shellcheck disable=SC2086 # words
		run $command
		[ "$status" -le 3 ] || fail "hvoadm $command under valgrind: exit status $status"
	done
}

sanitized() {
	local sources tree=$tmp/fuzzed/tree tmp=$tmp/fuzzed flags=(-O1 -g -fsanitize=address -fsanitize=undefined -fno-sanitize-recover=all)
	mkdir "$tmp"
	mapfile -t sources < <(find "$top/tools/mm" -name '*.c' ! -name hvoadm.c)
	gcc "${flags[@]}" -DVERSION='"1"' -Dmain=hvoadm_main -c -o "$tmp/hvoadm.o" "$top/tools/mm/hvoadm.c"
	gcc "${flags[@]}" -o "$tmp/fuzz" "$top/tests/hvoadm/fuzz.c" "$tmp/hvoadm.o" "${sources[@]}"
	hvo on
	grub
	put etc/default/grub.d/hvo.cfg 'GRUB_CMDLINE_LINUX="quiet hugetlb_free_vmemmap=boot"'
	put run/hvoadm.check '7e31f0c4-0f0c-4a36-a3a9-9b1f0a2f5d11 1'
	find "$tree" -type f | sort > "$tmp/files"
	export ASAN_OPTIONS=detect_leaks=0:log_path=$tmp/log UBSAN_OPTIONS=log_path=$tmp/log
	# shellcheck disable=SC2046 # file names without spaces
	"$tmp/fuzz" "$tree" "${ROUNDS:-200}" $(cat "$tmp/files") > "$tmp/rounds" || {
		tail -n 1 "$tmp/rounds" > "$tmp/out"
		cat "$tmp"/log* > "$tmp/err" 2> /dev/null
		fail 'hvoadm fails where a file was changed at random'
	}
}

# as it takes long, beside the others
sanitized &
fuzzer=$!
options
documents
package
estimates
statuses
the_check
the_state
metrics
grubs
pins
seals
wrong_files
for machine in plain 'stock 0' 'stock 1' empty off 'hvo on' 'hvo boot' 'sealed on' 'sealed boot'; do
	$machine
	every_command "$machine"
done
if [ "$(id -u)" -eq 0 ] && unshare --mount true 2> /dev/null; then
	export -f fail said cat_lines says real_grub
	export program tmp
	unshare --mount bash -euc real_grub
fi
! command -v valgrind > /dev/null || under_valgrind
wait "$fuzzer"
