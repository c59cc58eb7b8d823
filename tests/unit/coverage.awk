# SPDX-License-Identifier: GPL-2.0-only
# Of what gcov says: how many lines of the two kernel files were reached. Fails
# below 95 %, or if one is missing.
/^File/ {
	gsub(/^File '.*\/|'$/, "")
	file = $0
}
/^Lines/ && (file == "vmemmap_base.c" || file == "hugetlb_vmemmap.c") {
	sub(/.*:/, "")
	said = said ", " $1 " of " $3 " lines of " file
	good += $1 + 0 >= 95
}
END {
	print "result" said
	exit good != 2
}
