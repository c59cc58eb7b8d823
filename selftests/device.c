// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device memory: a legacy pmem region (memmap=<size>!<start> at boot). If its struct
 * pages are in ordinary memory, they are mapped as the mode requires. If they are on
 * the device itself (an altmap), PMDs map them in every mode.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "hvo.h"

#define ND	"/sys/bus/nd/"
#define REGION	ND "devices/region0/"
#define PFN	ND "devices/pfn0.0/"
#define MAX	65536

static struct hvo_range ranges[MAX];

static unsigned long hex(const char *path)
{
	unsigned long value = 0;
	char word[64];

	if (!hvo_read_word(path, word, sizeof(word)))
		sscanf(word, "%li", (long *)&value);
	return value;
}

/* How many KiB of the region's part of the vmemmap are mapped at this level */
static unsigned long mapped_kib(bool leaf_pmd)
{
	unsigned long start = hvo_vmemmap_base() + hex(REGION "resource") / PAGE * STRUCT_PAGE;
	unsigned long end = start + hex(REGION "size") / PAGE * STRUCT_PAGE;
	unsigned long kib = 0, from, to;
	int nr = hvo_vmemmap_ranges(ranges, MAX), i;

	for (i = 0; i < nr; i++) {
		from = ranges[i].start > start ? ranges[i].start : start;
		to = ranges[i].end < end ? ranges[i].end : end;
		if (from < to && ranges[i].leaf_pmd == leaf_pmd)
			kib += (to - from) >> 10;
	}
	return kib;
}

static unsigned long region_kib(void)
{
	return (hex(REGION "size") / PAGE * STRUCT_PAGE) >> 10;
}

static int without_altmap_as_the_mode_says(void)
{
	NEED(region_kib(), "no device memory");
	CHECK(mapped_kib(!hvo_base_mapped()) == region_kib(), "%lu of %lu KiB",
	      mapped_kib(!hvo_base_mapped()), region_kib());
	return KSFT_PASS;
}

static int with_altmap_by_pmds(void)
{
	long pages = hvo_vmemmap_pages();

	NEED(region_kib(), "no device memory");
	CHECK(!hvo_write_str(ND "drivers/nd_pmem/unbind", "namespace0.0"), "unbind");
	CHECK(!mapped_kib(true) && !mapped_kib(false), "the vmemmap is still there");
	CHECK(pages - hvo_vmemmap_pages() == (long)region_kib() / 4,
	      "%ld pages freed, not %lu", pages - hvo_vmemmap_pages(),
	      region_kib() / 4);

	CHECK(!hvo_write_str(PFN "mode", "pmem"), "mode");
	CHECK(!hvo_write_str(PFN "uuid", "11111111-2222-3333-4444-555555555555"), "uuid");
	CHECK(!hvo_write_str(PFN "namespace", "namespace0.0"), "namespace");
	CHECK(!hvo_write_str(ND "drivers/nd_pmem/bind", "pfn0.0"), "bind");
	CHECK(mapped_kib(true) == region_kib(), "%lu of %lu KiB by PMDs", mapped_kib(true),
	      region_kib());
	return KSFT_PASS;
}

/* Huge pages in ordinary memory are still optimized. */
static int pool_beside_it_is_not_disturbed(void)
{
	long before = hvo_vmemmap_pages();

	NEED(region_kib(), "no device memory");
	CHECK(hvo_pool(200) == 200, "no pool");
	CHECK(hvo_optimized() == hvo_optimizing() * 200, "%ld optimized", hvo_optimized());
	CHECK(hvo_pool(0) == 0, "pool not emptied");
	CHECK(hvo_vmemmap_pages() == before, "%ld missing", before - hvo_vmemmap_pages());
	return KSFT_PASS;
}

static const struct hvo_case cases[] = {
	HVO_CASE(without_altmap_as_the_mode_says),
	HVO_CASE(with_altmap_by_pmds),
	HVO_CASE(pool_beside_it_is_not_disturbed),
};

int main(void)
{
	HVO_RUN(cases);
}
