// SPDX-License-Identifier: GPL-2.0-only
/* How the vmemmap is mapped: level, protection, shared and private pages */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "dimm.h"
#include "hvo.h"

#define MAX_RANGES 65536

static struct hvo_range ranges[MAX_RANGES];

static unsigned long kib_where(int nr, bool leaf_pmd, bool read_only)
{
	unsigned long kib = 0;
	int i;

	for (i = 0; i < nr; i++)
		if (ranges[i].leaf_pmd == leaf_pmd && ranges[i].read_only == read_only)
			kib += (ranges[i].end - ranges[i].start) >> 10;
	return kib;
}

static int level_is_as_the_mode_says(void)
{
	int nr = hvo_vmemmap_ranges(ranges, MAX_RANGES);

	CHECK(nr > 0 && nr < MAX_RANGES, "%d ranges", nr);
	if (hvo_base_mapped())
		CHECK(!kib_where(nr, true, false), "some of it is mapped by PMDs");
	else
		CHECK(!kib_where(nr, false, false), "some of it is mapped by PTEs");
	CHECK(!kib_where(nr, true, true), "a PMD is read-only");
	CHECK(hvo_fake_heads() || !kib_where(nr, false, true), "a PTE is read-only");
	return KSFT_PASS;
}

/* 128 MiB of memory need 2 MiB of vmemmap, which is one full PTE table. */
static int tables_cost_what_the_manual_says(void)
{
	int nr = hvo_vmemmap_ranges(ranges, MAX_RANGES);
	unsigned long kib = kib_where(nr, false, false) + kib_where(nr, false, true);
	long memory_mib, tables = hvo_table_kib();

	find_blocks(NULL, NULL);
	CHECK(nr_blocks > 0 && nr_blocks < MAX_BLOCKS, "%d memory blocks", nr_blocks);
	memory_mib = nr_blocks * (block_pages() * PAGE >> 20);
	CHECK(tables == hvo_base_mapped() * memory_mib / 128 * 4, "%ld KiB for %ld MiB of memory",
	      tables, memory_mib);
	CHECK(tables == (long)(kib / 2048 * 4), "%ld KiB, %lu KiB are mapped by PTEs", tables,
	      kib);
	return KSFT_PASS;
}

static int exactly_the_tails_are_shared(void)
{
	unsigned long kib;

	NEED(hvo_optimizing(), "pages are not being optimized");
	HVO_POOL(100);
	CHECK(hvo_optimized() == 100, "%ld optimized", hvo_optimized());
	kib = hvo_tail_kib();
	CHECK(kib == 100 * SAVED_2M, "%lu KiB are tails", kib);
	HVO_POOL(0);
	kib = hvo_tail_kib();
	CHECK(!kib, "%lu KiB are left", kib);
	return KSFT_PASS;
}

static int tails_are_shared_and_heads_private(void)
{
	uint64_t a[1 + TAILS_2M], b[1 + TAILS_2M];
	char *map;

	NEED(hvo_optimizing(), "pages are not being optimized");
	CHECK(hvo_pool(2) == 2, "no pool");
	map = hvo_map(2 * HUGE_2M, HUGE_2M);
	CHECK(map, "no mapping");
	CHECK(!hvo_huge_ptes(hvo_pfn(map), a, 1 + TAILS_2M), "no PTEs");
	CHECK(!hvo_huge_ptes(hvo_pfn(map + HUGE_2M), b, 1 + TAILS_2M), "no PTEs");
	munmap(map, 2 * HUGE_2M);

	CHECK(a[0] & PTE_RW && b[0] & PTE_RW, "a head is read-only");
	CHECK(PTE_FRAME(a[0]) != PTE_FRAME(b[0]), "two heads share a page");
	CHECK(!hvo_wrong_tails(a, TAILS_2M), "%d tail pages", hvo_wrong_tails(a, TAILS_2M));
	CHECK(!hvo_wrong_tails(b, TAILS_2M), "%d tail pages", hvo_wrong_tails(b, TAILS_2M));
	CHECK((PTE_FRAME(a[1]) != PTE_FRAME(b[1])) == hvo_fake_heads(), "tails of two pages");
	return KSFT_PASS;
}

static int restored_tails_are_private_and_writable(void)
{
	uint64_t ptes[1 + TAILS_2M], pfn;
	char *map;
	int i, j;

	NEED(hvo_optimizing(), "pages are not being optimized");
	CHECK(hvo_pool(1) == 1, "no pool");
	map = hvo_map(HUGE_2M, HUGE_2M);
	CHECK(map, "no mapping");
	pfn = hvo_pfn(map);
	munmap(map, HUGE_2M);
	HVO_POOL(0);
	CHECK(!hvo_huge_ptes(pfn, ptes, 1 + TAILS_2M), "no PTEs");
	for (i = 0; i <= TAILS_2M; i++) {
		CHECK(ptes[i] & PTE_RW, "page %d is read-only", i);
		for (j = 0; j < i; j++)
			CHECK(PTE_FRAME(ptes[i]) != PTE_FRAME(ptes[j]),
			      "pages %d and %d are the same", i, j);
	}
	return KSFT_PASS;
}

/* The vmemmap of a 1 GiB page has eight PTE tables, and all must be changed. */
static int gigantic_tails_are_shared_over_all_tables(void)
{
	uint64_t *ptes;
	char *map;
	int wrong;

	NEED(hvo_optimizing(), "pages are not being optimized");
	hvo_write(POOL_1G "nr_hugepages", 1);
	NEED(hvo_read(POOL_1G "nr_hugepages") == 1, "no contiguous GiB of memory is free");
	CHECK(hvo_saved_kib() == SAVED_1G, "%ld KiB saved", hvo_saved_kib());
	map = hvo_map(HUGE_1G, HUGE_1G);
	CHECK(map, "no mapping");
	ptes = calloc(1 + TAILS_1G, sizeof(*ptes));
	CHECK(!hvo_huge_ptes(hvo_pfn(map), ptes, 1 + TAILS_1G), "no PTEs");
	wrong = hvo_wrong_tails(ptes, TAILS_1G);
	munmap(map, HUGE_1G);
	free(ptes);
	CHECK(!wrong, "%d of %d tail pages are wrong", wrong, TAILS_1G);
	return KSFT_PASS;
}

static const struct hvo_case cases[] = {
	HVO_CASE(level_is_as_the_mode_says),
	HVO_CASE(tables_cost_what_the_manual_says),
	HVO_CASE(exactly_the_tails_are_shared),
	HVO_CASE(tails_are_shared_and_heads_private),
	HVO_CASE(restored_tails_are_private_and_writable),
	HVO_CASE(gigantic_tails_are_shared_over_all_tables),
};

int main(void)
{
	HVO_RUN(cases);
}
