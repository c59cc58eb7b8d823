// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hotplugged memory. Its blocks are offline when the test starts, and their DIMM is
 * ejected at the end.
 */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "dimm.h"
#include "hvo.h"

static int online_and_mapped_right(void)
{
	bool expected = hvo_base_mapped() && !hosts_itself();
	int i;

	CHECK(nr_blocks, "was the guest booted with memhp_default_state=offline?");
	for (i = 0; i < nr_blocks; i++) {
		CHECK(!block_write(blocks[i], "online_movable"), "block %lu", blocks[i]);
		CHECK(mapped_by_ptes(blocks[i]) == expected, "block %lu", blocks[i]);
	}
	return KSFT_PASS;
}

/* Takes nearly all free memory, so that hotplugged memory must be used. */
static long big_pool(void)
{
	return hvo_pool(hvo_meminfo("MemFree") / 2048 - 100);
}

static int pool_on_hot_memory(void)
{
	long pool, optimized = 0, hot = 0, i;
	uint64_t ptes[1 + TAILS_2M], pfn;
	char *map;

	NEED(nr_blocks, "no memory block is offline");
	pool = big_pool();
	CHECK(pool > 0, "no pool");
	map = hvo_map(pool * HUGE_2M, HUGE_2M);
	CHECK(map, "no mapping of %ld pages", pool);
	for (i = 0; i < pool; i++) {
		pfn = hvo_pfn(map + i * HUGE_2M);
		if (!is_hot(pfn))
			continue;
		hot++;
		hvo_fill(map + i * HUGE_2M, HUGE_2M, i);
		optimized += !hvo_huge_ptes(pfn, ptes, 1 + TAILS_2M) &&
			!hvo_wrong_tails(ptes, TAILS_2M);
	}
	for (i = 0; i < pool; i++)
		CHECK(!is_hot(hvo_pfn(map + i * HUGE_2M)) ||
		      hvo_filled(map + i * HUGE_2M, HUGE_2M, i), "content of page %ld", i);
	munmap(map, pool * HUGE_2M);
	ksft_print_msg("%ld of %ld pages on hotplugged memory, %ld optimized\n",
		       hot, pool, optimized);
	CHECK(hot, "no page is on hotplugged memory");
	CHECK(optimized == (hvo_optimizing() && !hosts_itself() ? hot : 0), "%ld", optimized);
	if (hvo_optimizing())
		CHECK(hvo_optimized() == pool - (hosts_itself() ? hot : 0), "%ld of %ld",
		      hvo_optimized(), pool);
	return KSFT_PASS;
}

/* Offlining a block dissolves its free pool pages and restores their vmemmap. */
static int offline_dissolves_the_pool(void)
{
	long before = hvo_vmemmap_pages(), pool, left;

	NEED(nr_blocks, "no memory block is offline");
	pool = big_pool();
	CHECK(!block_write(blocks[0], "offline"), "cannot go offline");
	left = hvo_read(POOL_2M "nr_hugepages");
	ksft_print_msg("%ld pages dissolved\n", pool - left);
	CHECK(left < pool, "no page was dissolved");
	CHECK(!block_write(blocks[0], "online_movable"), "cannot go online again");
	CHECK(hvo_pool(0) == 0, "pool not emptied");
	CHECK(hvo_vmemmap_pages() == before, "%ld missing", before - hvo_vmemmap_pages());
	return KSFT_PASS;
}

static int removal_gives_everything_back(void)
{
	long tables = hvo_table_kib(), pages = hvo_vmemmap_pages();
	long memory = nr_blocks * block_pages();
	long gone = memory * (STRUCT_PAGE + hvo_page_ext()) / PAGE;
	long gone_tables = memory * STRUCT_PAGE / HUGE_2M * 4;
	bool ejected = false;
	glob_t found;
	size_t i;
	int j;

	NEED(nr_blocks, "no memory block is offline");
	big_pool();
	for (j = 0; j < nr_blocks; j++)
		CHECK(!block_write(blocks[j], "offline"), "block %lu", blocks[j]);
	CHECK(hvo_pool(0) == 0, "pool not emptied");
	glob("/sys/bus/acpi/devices/PNP0C80:*/eject", 0, NULL, &found);
	for (i = 0; i < found.gl_pathc; i++)
		ejected |= !hvo_write(found.gl_pathv[i], 1);
	globfree(&found);
	CHECK(ejected, "no DIMM could be ejected");

	/* an ACPI work item removes the memory, so wait up to 10 seconds */
	for (j = 0; j < 100 && hvo_vmemmap_pages() > pages - gone; j++)
		usleep(100000);
	for (j = 0; j < nr_blocks; j++)
		CHECK(block_write(blocks[j], "online") == -ENOENT, "block %lu is still there",
		      blocks[j]);
	CHECK(pages - hvo_vmemmap_pages() == gone, "%ld pages freed, not %ld",
	      pages - hvo_vmemmap_pages(), gone);
	if (hvo_base_mapped() && !hosts_itself())
		CHECK(tables - hvo_table_kib() == gone_tables,
		      "%ld KiB of tables freed", tables - hvo_table_kib());
	for (j = 0; j < nr_blocks; j++)
		CHECK(!mapped_by_ptes(blocks[j]), "block %lu still has PTEs",
		      blocks[j]);
	return KSFT_PASS;
}

static const struct hvo_case cases[] = {
	HVO_CASE(online_and_mapped_right),
	HVO_CASE(pool_on_hot_memory),
	HVO_CASE(offline_dissolves_the_pool),
	HVO_CASE(removal_gives_everything_back),
};

int main(void)
{
	find_blocks("state", "offline");
	HVO_RUN(cases);
}
