// SPDX-License-Identifier: GPL-2.0-only
/* The counters of vmemmap pages and saved memory are exact. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include "hvo.h"

#define PAGES 512L
#define NODE_1 "/sys/devices/system/node/node1"

/* Allocation events of all zones, in pages */
static long allocated_pages(void)
{
	return hvo_vmstat("pgalloc_dma") + hvo_vmstat("pgalloc_dma32") +
		hvo_vmstat("pgalloc_normal") + hvo_vmstat("pgalloc_movable");
}

static long extra_first, extra_again;

static int grow_and_count(long *extra)
{
	long before = allocated_pages();

	HVO_POOL(PAGES);
	*extra = allocated_pages() - before - PAGES * 512;
	ksft_print_msg("%ld pages allocated besides the pool\n", *extra);
	return KSFT_PASS;
}

static int growing_frees_seven_of_eight(void)
{
	long before = hvo_vmemmap_pages();
	long optimize = hvo_optimizing();

	TRY(grow_and_count(&extra_first));
	CHECK(before - hvo_vmemmap_pages() == optimize * PAGES * TAILS_2M,
	      "%ld freed", before - hvo_vmemmap_pages());
	CHECK(hvo_saved_kib() == optimize * PAGES * SAVED_2M, "%ld KiB saved", hvo_saved_kib());
	return KSFT_PASS;
}

/* Checks two growths of the pool. The limit leaves room for other tasks. */
static int growing_allocates_nothing_else(void)
{
	CHECK(extra_first < PAGES / 8, "%ld pages the first time", extra_first);
	CHECK(hvo_pool(0) == 0, "pool not emptied");
	TRY(grow_and_count(&extra_again));
	CHECK(extra_again < PAGES / 8, "one for each huge page would be %ld", PAGES);
	return KSFT_PASS;
}

/*
 * A restored vmemmap page always comes from the page allocator, even if the freed
 * one came from memblock. So nr_memmap_boot_pages never grows and nr_memmap_pages
 * ends no lower. Their sum is the same as before.
 */
static int counters_return(void)
{
	long boot, buddy, sum = hvo_vmemmap_pages();

	hvo_pool(PAGES);
	CHECK(hvo_pool(0) == 0, "pool not emptied");
	CHECK(hvo_vmemmap_pages() == sum, "%ld pages, before %ld", hvo_vmemmap_pages(), sum);
	CHECK(hvo_saved_kib() == 0, "%ld KiB saved", hvo_saved_kib());

	boot = hvo_vmstat("nr_memmap_boot_pages");
	buddy = hvo_vmstat("nr_memmap_pages");
	hvo_pool(1);
	hvo_pool(0);
	CHECK(hvo_vmemmap_pages() == sum, "%ld pages, before %ld", hvo_vmemmap_pages(), sum);
	CHECK(hvo_vmstat("nr_memmap_boot_pages") <= boot,
	      "more boot pages than before");
	CHECK(hvo_vmstat("nr_memmap_pages") >= buddy, "fewer pages than before");
	return KSFT_PASS;
}

static int free_memory_returns(void)
{
	long before, after;

	hvo_pool(PAGES);
	hvo_pool(0);
	before = hvo_free_kib();
	hvo_pool(PAGES);
	hvo_pool(0);
	after = hvo_free_kib();
	ksft_print_msg("%ld KiB free, before %ld\n", after, before);
	CHECK(after > before - 1024, "%ld KiB lost", before - after);
	return KSFT_PASS;
}

static int one_by_one_is_the_same(void)
{
	long before = hvo_vmemmap_pages(), i;
	long optimize = hvo_optimizing();

	for (i = 1; i <= 20; i++) {
		CHECK(hvo_pool(i) == i, "pool %ld", i);
		CHECK(before - hvo_vmemmap_pages() == optimize * i * TAILS_2M,
		      "%ld freed for %ld", before - hvo_vmemmap_pages(), i);
	}
	for (i = 19; i >= 0; i--) {
		CHECK(hvo_pool(i) == i, "pool %ld", i);
		CHECK(before - hvo_vmemmap_pages() == optimize * i * TAILS_2M,
		      "%ld freed for %ld", before - hvo_vmemmap_pages(), i);
	}
	return KSFT_PASS;
}

static int gigantic_frees_all_but_one(void)
{
	long before = hvo_vmemmap_pages();
	long optimize = hvo_optimizing();

	hvo_write(POOL_1G "nr_hugepages", 1);
	NEED(hvo_read(POOL_1G "nr_hugepages") == 1, "no contiguous GiB of memory is free");
	CHECK(before - hvo_vmemmap_pages() == optimize * TAILS_1G,
	      "%ld freed", before - hvo_vmemmap_pages());
	CHECK(hvo_saved_kib() == optimize * SAVED_1G, "%ld KiB saved", hvo_saved_kib());
	hvo_write(POOL_1G "nr_hugepages", 0);
	CHECK(hvo_saved_kib() == 0, "%ld KiB saved", hvo_saved_kib());
	CHECK(hvo_vmemmap_pages() == before, "%ld missing", before - hvo_vmemmap_pages());
	return KSFT_PASS;
}

/* Pages that enter the pool while the sysctl is 0 are not optimized. */
static int mixed_pool_is_counted_right(void)
{
	long before = hvo_vmemmap_pages();

	NEED(hvo_optimizing(), "pages are not being optimized");
	CHECK(hvo_pool(30) == 30, "no pool");
	CHECK(!hvo_write(SYSCTL_OPTIMIZE, 0), "sysctl");
	CHECK(hvo_pool(100) == 100, "no pool");
	CHECK(hvo_optimized() == 30, "%ld optimized", hvo_optimized());
	CHECK(!hvo_write(SYSCTL_OPTIMIZE, 1), "sysctl");
	CHECK(hvo_pool(150) == 150, "no pool");
	CHECK(hvo_optimized() == 80, "%ld optimized", hvo_optimized());
	CHECK(hvo_pool(0) == 0, "pool not emptied");
	CHECK(hvo_vmemmap_pages() == before, "%ld missing", before - hvo_vmemmap_pages());
	return KSFT_PASS;
}

/* A memory block is 128 MiB, which is 2^15 pages. */
static bool is_on_node_1(uint64_t pfn)
{
	char block[64];

	snprintf(block, sizeof(block), NODE_1 "/memory%lu", (unsigned long)pfn >> 15);
	return !access(block, F_OK);
}

/* Spare vmemmap pages of one node must not go to a huge page of the other node. */
static int restored_pages_stay_on_their_node(void)
{
	uint64_t pfns[64], ptes[1 + TAILS_2M];
	int i, j, remote = 0;
	char *map;

	NEED(!access(NODE_1, F_OK), "one node only");
	NEED(hvo_base_mapped(), "PMDs map the vmemmap");
	CHECK(hvo_pool(64) == 64, "no pool");
	map = hvo_map(64 * HUGE_2M, HUGE_2M);
	CHECK(map, "no mapping");
	for (i = 0; i < 64; i++) {
		map[i * HUGE_2M] = 1;
		pfns[i] = hvo_pfn(map + i * HUGE_2M);
	}
	munmap(map, 64 * HUGE_2M);
	CHECK(hvo_pool(0) == 0, "pool not emptied");
	for (i = 0; i < 64; i++) {
		CHECK(!hvo_huge_ptes(pfns[i], ptes, 1 + TAILS_2M), "page %d has no PTEs", i);
		for (j = 1; j <= TAILS_2M; j++)
			remote += is_on_node_1(PTE_FRAME(ptes[j])) != is_on_node_1(pfns[i]);
	}
	CHECK(!remote, "%d of %d pages on the wrong node", remote, 64 * TAILS_2M);
	return KSFT_PASS;
}

static const struct hvo_case cases[] = {
	HVO_CASE(growing_frees_seven_of_eight),
	HVO_CASE(growing_allocates_nothing_else),
	HVO_CASE(counters_return),
	HVO_CASE(free_memory_returns),
	HVO_CASE(one_by_one_is_the_same),
	HVO_CASE(gigantic_frees_all_but_one),
	HVO_CASE(mixed_pool_is_counted_right),
	HVO_CASE(restored_pages_stay_on_their_node),
};

int main(void)
{
	HVO_RUN(cases);
}
