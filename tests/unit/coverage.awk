# SPDX-License-Identifier: GPL-2.0-only
# Summarizes gcov's line coverage of the kernel files. Fails if one is below 95 % or
# missing.
BEGIN {
	split("population.c vmemmap_pages.c vmemmap_collapse.c vmemmap_base.c hugetlb_vmemmap.c hugetlb_vmemmap_sysfs.c vmemmap_layout.c", files)
	for (i in files)
		wanted[files[i]] = 1
}
/^File/ {
	gsub(/^File '.*\/|'$/, "")
	file = $0
}
/^Lines/ && file in wanted {
	sub(/.*:/, "")
	said = said ", " $1 " of " $3 " lines of " file
	if ($1 + 0 >= 95)
		delete wanted[file]
}
END {
	print "result" said
	for (file in wanted)
		exit 1
}
