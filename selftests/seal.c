// SPDX-License-Identifier: GPL-2.0-only
/* Once sealed, the vmemmap does not change any more, in either direction. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "hvo.h"

#define WATCHED 20

/* with hugetlb_cma= nearly all memory, so that the pool has pages of the CMA area */
static long pages = WATCHED;

static struct hvo_range before[4096], after[4096];
static int nr_before;
static long vmemmap_before, failures_before;

/* vmemmap PTEs of some pages of the pool, saved right after sealing */
static uint64_t pfns[WATCHED], ptes_before[WATCHED][1 + TAILS_2M];

static int note_frames(void)
{
	char *map = hvo_map(WATCHED * HUGE_2M, HUGE_2M);
	int i;

	CHECK(map, "no mapping");
	for (i = 0; i < WATCHED; i++) {
		pfns[i] = hvo_pfn(map + i * HUGE_2M);
		CHECK(!hvo_huge_ptes(pfns[i], ptes_before[i], 1 + TAILS_2M), "no PTEs");
	}
	munmap(map, WATCHED * HUGE_2M);
	return KSFT_PASS;
}

static int sealing_goes_one_way(void)
{
	CHECK(hvo_pool(pages) == pages, "no pool");
	CHECK(hvo_write(SYSCTL_SEAL, 0) == -EINVAL, "0 was accepted");
	CHECK(hvo_read(SYSCTL_SEAL) == 0, "sealed by 0");
	CHECK(!hvo_write(SYSCTL_SEAL, 1), "cannot seal");
	CHECK(hvo_write(SYSCTL_SEAL, 0) == -EINVAL, "unsealed");
	CHECK(!hvo_write(SYSCTL_SEAL, 1), "cannot seal twice");
	CHECK(hvo_read(SYSCTL_SEAL) == 1 && hvo_read(HVO_SYSFS "sealed") == 1, "not sealed");
	nr_before = hvo_vmemmap_ranges(before, 4096);
	CHECK(nr_before > 0 && nr_before < 4096, "%d ranges", nr_before);
	TRY(note_frames());
	vmemmap_before = hvo_vmemmap_pages();
	failures_before = hvo_read(HVO_SYSFS "restore_failures");
	return KSFT_PASS;
}

static int sysctl_tells_and_refuses(void)
{
	CHECK(hvo_read(SYSCTL_OPTIMIZE) == 0, "%ld", hvo_read(SYSCTL_OPTIMIZE));
	CHECK(hvo_write(SYSCTL_OPTIMIZE, 1) == -EPERM, "1 was accepted");
	CHECK(!hvo_write(SYSCTL_OPTIMIZE, 0), "0 was refused");
	return KSFT_PASS;
}

static int new_pages_stay_whole(void)
{
	CHECK(hvo_pool(pages + 20) == pages + 20, "cannot grow");
	CHECK(hvo_optimized() == pages, "%ld optimized", hvo_optimized());
	return KSFT_PASS;
}

static int optimized_pages_stay_in_the_pool(void)
{
	hvo_pool(0);
	CHECK(hvo_read(POOL_2M "nr_hugepages") == pages, "%ld left",
	      hvo_read(POOL_2M "nr_hugepages"));
	CHECK(hvo_optimized() == pages, "%ld optimized", hvo_optimized());
	CHECK(hvo_read(HVO_SYSFS "restore_failures") == failures_before, "refusals were counted");
	return KSFT_PASS;
}

/*
 * All are surplus pages now, which stock frees by a work item. With a pool of nearly all
 * memory only some are taken, as 20 rounds of all would take a slow host five minutes.
 */
static int freed_pages_can_be_taken_at_once(void)
{
	char *map;
	int i;

	for (i = 0; i < 20; i++) {
		map = hvo_map(WATCHED * HUGE_2M, HUGE_2M);
		CHECK(map, "no mapping in round %d", i);
		munmap(map, WATCHED * HUGE_2M);
		CHECK(hvo_read(POOL_2M "free_hugepages") == pages, "%ld are free in round %d",
		      hvo_read(POOL_2M "free_hugepages"), i);
	}
	return KSFT_PASS;
}

static int they_can_still_be_used(void)
{
	char *map;
	int i;

	CHECK(hvo_pool(pages) == pages, "cannot take back surplus pages");
	for (i = 0; i < 3; i++) {
		map = hvo_map(pages * HUGE_2M, HUGE_2M);
		CHECK(map, "no mapping");
		hvo_fill(map, pages * HUGE_2M, i);
		CHECK(hvo_filled(map, pages * HUGE_2M, i), "content changed");
		munmap(map, pages * HUGE_2M);
	}
	return KSFT_PASS;
}

/*
 * Allocating a gigantic page from CMA migrates the pages in the area, and replaces
 * free huge pages there by new ones. Sealed pages must not be replaced, and the pool
 * must not grow.
 */
static int contiguous_allocation_goes_around_them(void)
{
	char value[16];
	int i;

	NEED(hvo_cmdline("hugetlb_cma", value, sizeof(value)), "no hugetlb_cma=");
	CHECK(hvo_meminfo("CmaFree") < hvo_meminfo("CmaTotal") / 2, "the pool is not in CMA");
	for (i = 0; i < 5; i++)
		hvo_write(POOL_1G "nr_hugepages", 1);
	CHECK(hvo_read(POOL_2M "nr_hugepages") == pages, "%ld pages",
	      hvo_read(POOL_2M "nr_hugepages"));
	CHECK(hvo_optimized() == pages, "%ld optimized", hvo_optimized());
	return KSFT_PASS;
}

/* The dump shows changes of level and protection, the PTEs changes of frame. */
static int page_tables_have_not_changed(void)
{
	uint64_t ptes[1 + TAILS_2M];
	int i, j;

	for (i = 0; i < WATCHED; i++) {
		CHECK(!hvo_huge_ptes(pfns[i], ptes, 1 + TAILS_2M), "no PTEs");
		for (j = 0; j <= TAILS_2M; j++)
			CHECK(PTE_FRAME(ptes[j]) == PTE_FRAME(ptes_before[i][j]),
			      "vmemmap page %d of page %d", j, i);
	}
	CHECK(hvo_vmemmap_ranges(after, 4096) == nr_before, "ranges changed");
	CHECK(!memcmp(before, after, nr_before * sizeof(before[0])), "ranges changed");
	CHECK(hvo_vmemmap_pages() == vmemmap_before, "%ld pages", hvo_vmemmap_pages());
	return KSFT_PASS;
}

static const struct hvo_case cases[] = {
	HVO_CASE(sealing_goes_one_way),
	HVO_CASE(sysctl_tells_and_refuses),
	HVO_CASE(new_pages_stay_whole),
	HVO_CASE(optimized_pages_stay_in_the_pool),
	HVO_CASE(freed_pages_can_be_taken_at_once),
	HVO_CASE(they_can_still_be_used),
	HVO_CASE(contiguous_allocation_goes_around_them),
	HVO_CASE(page_tables_have_not_changed),
};

int main(void)
{
	char value[16];

	if (!hvo_optimizing())
		ksft_exit_skip("pages are not being optimized\n");
	hvo_pool(0);
	if (hvo_cmdline("hugetlb_cma", value, sizeof(value)))
		pages = hvo_meminfo("MemFree") / 2048 - 128;
	HVO_RUN_AS_IS(cases);
}
