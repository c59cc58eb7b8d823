// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reports to the simulation how the kernel has mapped the vmemmap, and prints it as one
 * line of JSON. Needs root, debugfs, and a kernel with PTDUMP_DEBUGFS.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include "window.h"

#define DUMP		"/sys/kernel/debug/page_tables/kernel"
#define VMEMMAP		0xffffea0000000000UL
#define VMEMMAP_END	0xffffeb0000000000UL
#define MAX_PMDS	(1UL << 16)

static unsigned char kinds[MAX_PMDS];
static unsigned long nr[WINDOW_PMD_KINDS];

/* A line is a range, its size, flags, and the level of the entries. */
static void take(unsigned long start, unsigned long end, const char *flags)
{
	unsigned long pmd = (start - VMEMMAP) / WINDOW_PMD_SIZE;
	unsigned long last = (end - 1 - VMEMMAP) / WINDOW_PMD_SIZE;
	int kind = WINDOW_PMD_LEAF;

	if (strstr(flags, " pte"))
		kind = strncmp(flags, "ro", 2) ? WINDOW_PMD_TABLE : WINDOW_PMD_TAILS;
	for (; pmd <= last && pmd < MAX_PMDS; pmd++)
		if (kind > kinds[pmd])
			kinds[pmd] = kind;
}

static int read_dump(void)
{
	unsigned long start, end, first = -1UL, last = 0;
	FILE *file = fopen(DUMP, "r");
	char line[256], flags[200];

	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "0x%lx-0x%lx %*s %199[^\n]", &start, &end, flags) != 3 ||
		    start < VMEMMAP || end > VMEMMAP_END ||
		    !(strstr(flags, "NX pmd") || strstr(flags, "NX pte")) || !strstr(flags, "GLB"))
			continue;
		take(start, end, flags);
		first = start < first ? start : first;
		last = end > last ? end : last;
	}
	fclose(file);
	for (start = first; start < last; start += WINDOW_PMD_SIZE)
		nr[kinds[(start - VMEMMAP) / WINDOW_PMD_SIZE]]++;
	return last ? 0 : -1;
}

static int tell(void)
{
	unsigned long i;
	const char *base = mmap((void *)WINDOW_MAP_BASE, MAX_PMDS * WINDOW_PMD_KINDS, PROT_READ,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (base == MAP_FAILED)
		return -1;
	window_mark(WINDOW_MAP);
	for (i = 0; i < MAX_PMDS; i++)
		if (kinds[i] != WINDOW_PMD_LEAF)
			__asm__ volatile("" : : "r" (base[i * WINDOW_PMD_KINDS + kinds[i]]));
	window_mark(WINDOW_CLOSES);
	return 0;
}

int main(void)
{
	window_mark(WINDOW_WAKES);
	if (read_dump() || tell()) {
		perror("map: " DUMP);
		return 1;
	}
	printf("{\"leaf\": %lu, \"table\": %lu, \"tails\": %lu}\n", nr[WINDOW_PMD_LEAF],
	       nr[WINDOW_PMD_TABLE], nr[WINDOW_PMD_TAILS]);
	return 0;
}
