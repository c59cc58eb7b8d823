// SPDX-License-Identifier: GPL-2.0-only
/*
 * A node with movable memory only (movable_node, and a DIMM that is present at
 * boot). Its vmemmap pages must not be on the node itself, so that the node can go
 * offline. The last case seals the vmemmap.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "dimm.h"
#include "hvo.h"

#define NODES	"/sys/devices/system/node/"
#define POOL_OF(node) NODES "node" #node "/hugepages/hugepages-2048kB/"
#define PAGES	100L
#define USED	40L
#define LOOPS	5

static int set_state(const char *state)
{
	int i, ret;

	for (i = 0; i < nr_blocks; i++) {
		ret = block_write(blocks[i], state);
		CHECK(!ret, "block %lu does not go %s: %s", blocks[i], state, strerror(-ret));
	}
	return KSFT_PASS;
}

static bool has_memory(const char *nodes)
{
	char word[32];

	return !hvo_read_word(NODES "has_memory", word, sizeof(word)) && !strcmp(word, nodes);
}

static int node_is_movable(void)
{
	int i;

	NEED(nr_blocks, "no memory block is offline");
	CHECK(has_memory("0"), "node 1 has memory already");
	TRY(set_state("online"));
	CHECK(has_memory("0-1"), "node 1 has no memory");
	for (i = 0; i < nr_blocks; i++) {
		CHECK(block_is(blocks[i], "valid_zones", "Movable"), "block %lu", blocks[i]);
		CHECK(mapped_by_ptes(blocks[i]) == hvo_base_mapped(), "block %lu", blocks[i]);
	}
	return KSFT_PASS;
}

static int set_node_pool(long pages)
{
	CHECK(!hvo_write(POOL_OF(1) "nr_hugepages", pages), "refused");
	CHECK(hvo_read(POOL_OF(1) "nr_hugepages") == pages, "%ld pages",
	      hvo_read(POOL_OF(1) "nr_hugepages"));
	CHECK(hvo_optimized() == hvo_optimizing() * pages, "%ld optimized", hvo_optimized());
	return KSFT_PASS;
}

/*
 * The vmemmap pages of a huge page on node 1 are not on node 1 themselves. The
 * tails are those of an optimized page if @shared, and else pages of their own.
 */
static int vmemmap_is_elsewhere(uint64_t pfn, bool shared)
{
	uint64_t ptes[1 + TAILS_2M];
	int i;

	CHECK(is_hot(pfn), "the page is not on node 1");
	CHECK(!hvo_huge_ptes(pfn, ptes, 1 + TAILS_2M), "no PTEs");
	for (i = 0; i <= TAILS_2M; i++)
		CHECK(!is_hot(PTE_FRAME(ptes[i])), "vmemmap page %d is in movable memory", i);
	for (i = 1; !shared && i <= TAILS_2M; i++)
		CHECK(PTE_FRAME(ptes[i]) != PTE_FRAME(ptes[i - 1]) && ptes[i] & PTE_RW,
		      "vmemmap page %d", i);
	CHECK(!shared || !hvo_wrong_tails(ptes, TAILS_2M), "%d tail pages",
	      hvo_wrong_tails(ptes, TAILS_2M));
	return KSFT_PASS;
}

static int vmemmap_stays_out_of_the_node(void)
{
	long before = hvo_vmemmap_pages(), i;
	uint64_t pfns[PAGES];
	char *map;

	NEED(nr_blocks && hvo_optimizing(), "no such node, or pages are not being optimized");
	TRY(set_node_pool(PAGES));
	CHECK(before - hvo_vmemmap_pages() == PAGES * TAILS_2M, "%ld freed",
	      before - hvo_vmemmap_pages());
	map = hvo_map(PAGES * HUGE_2M, HUGE_2M);
	CHECK(map, "no mapping");
	for (i = 0; i < PAGES; i++) {
		pfns[i] = hvo_pfn(map + i * HUGE_2M);
		TRY(vmemmap_is_elsewhere(pfns[i], true));
	}
	munmap(map, PAGES * HUGE_2M);
	TRY(set_node_pool(0));
	for (i = 0; i < PAGES; i++)
		TRY(vmemmap_is_elsewhere(pfns[i], false));
	CHECK(hvo_vmemmap_pages() == before, "%ld missing", before - hvo_vmemmap_pages());
	return KSFT_PASS;
}

static int node_leaves_and_returns(uint64_t seed)
{
	long before = hvo_whole_vmemmap(), i;
	char *map;

	TRY(set_node_pool(PAGES));
	map = hvo_map(USED * HUGE_2M, HUGE_2M);
	CHECK(map, "no mapping");
	hvo_fill(map, USED * HUGE_2M, seed);
	TRY(set_state("offline"));
	CHECK(has_memory("0"), "node 1 has memory");
	CHECK(hvo_filled(map, USED * HUGE_2M, seed), "content changed");
	for (i = 0; i < USED; i++)
		CHECK(!is_hot(hvo_pfn(map + i * HUGE_2M)), "page %ld has not moved", i);
	CHECK(hvo_read(POOL_OF(0) "nr_hugepages") == USED, "%ld pages on node 0",
	      hvo_read(POOL_OF(0) "nr_hugepages"));
	CHECK(hvo_read(POOL_2M "nr_hugepages") == USED, "%ld pages in all",
	      hvo_read(POOL_2M "nr_hugepages"));
	CHECK(hvo_optimized() == hvo_optimizing() * USED, "%ld optimized", hvo_optimized());
	munmap(map, USED * HUGE_2M);
	CHECK(hvo_pool(0) == 0, "pool not emptied");
	/* page_ext goes offline too and counts as vmemmap: compare after onlining */
	TRY(set_state("online"));
	CHECK(hvo_whole_vmemmap() == before, "%ld vmemmap pages missing",
	      before - hvo_whole_vmemmap());
	return KSFT_PASS;
}

static int node_leaves_and_returns_in_a_loop(void)
{
	long total = hvo_meminfo("MemTotal") + hvo_vmstat("nr_memmap_boot_pages") * 4;
	int i;

	NEED(nr_blocks, "no memory block is offline");
	for (i = 0; i < LOOPS; i++)
		TRY(node_leaves_and_returns(i));
	total -= hvo_meminfo("MemTotal") + hvo_vmstat("nr_memmap_boot_pages") * 4;
	CHECK(!total, "%ld KiB are missing", total);
	return KSFT_PASS;
}

static struct hvo_range before[4096], after[4096];

/* No page on the block is in use, but it cannot go offline. Nothing changes. */
static int sealed_block_stays_online(unsigned long block)
{
	long pool = hvo_read(POOL_OF(1) "nr_hugepages"), vmemmap = hvo_vmemmap_pages();
	long total = hvo_meminfo("MemTotal");
	int nr = hvo_vmemmap_ranges(before, 4096), ret = block_write(block, "offline");

	CHECK(nr > 0 && nr < 4096, "%d ranges", nr);
	CHECK(ret == -EPERM, "block %lu: %s", block, strerror(-ret));
	CHECK(block_is(block, "state", "online"), "block %lu", block);
	CHECK(hvo_read(POOL_OF(1) "nr_hugepages") == pool &&
	      hvo_read(POOL_OF(1) "free_hugepages") == pool &&
	      hvo_read(POOL_2M "surplus_hugepages") == 0, "the pool has changed");
	CHECK(hvo_vmemmap_pages() == vmemmap && hvo_meminfo("MemTotal") == total,
	      "counters have changed");
	CHECK(hvo_vmemmap_ranges(after, 4096) == nr &&
	      !memcmp(before, after, nr * sizeof(before[0])), "the mapping has changed");
	return KSFT_PASS;
}

static int sealed_blocks_stay_online(void)
{
	long optimized = 0;
	char *map;
	int i, j;

	NEED(nr_blocks && hvo_optimizing(), "no such node, or pages are not being optimized");
	/* take the whole node, so that every block has pages of the pool */
	hvo_write(POOL_OF(1) "nr_hugepages", nr_blocks * 64L);
	optimized = hvo_optimized();
	CHECK(optimized > (nr_blocks - 1) * 64L, "%ld optimized", optimized);
	hvo_write(POOL_OF(1) "nr_hugepages", optimized);
	CHECK(!hvo_write(SYSCTL_SEAL, 1), "cannot seal");
	for (j = 0; j < 3; j++)
		for (i = 0; i < nr_blocks; i++)
			TRY(sealed_block_stays_online(blocks[i]));
	CHECK(hvo_optimized() == optimized, "%ld optimized", hvo_optimized());
	map = hvo_map(optimized * HUGE_2M, HUGE_2M);
	CHECK(map, "no mapping");
	hvo_fill(map, optimized * HUGE_2M, 77);
	CHECK(hvo_filled(map, optimized * HUGE_2M, 77), "content changed");
	munmap(map, optimized * HUGE_2M);
	return KSFT_PASS;
}

static const struct hvo_case cases[] = {
	HVO_CASE(node_is_movable),
	HVO_CASE(vmemmap_stays_out_of_the_node),
	HVO_CASE(node_leaves_and_returns_in_a_loop),
	HVO_CASE(sealed_blocks_stay_online),
};

int main(void)
{
	find_blocks("state", "offline");
	HVO_RUN(cases);
}
