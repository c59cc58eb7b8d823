// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pools reserved on the command line: hugepages= and hugepagesz=1G hugepages=.
 * hvo.boot_2m= and hvo.boot_1g= tell this test how many pages to expect; "all" is for
 * hugepages= that asks for more than there is.
 * In mode "boot" all of them are optimized, and the vmemmap does not change later.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "hvo.h"

static long promised(const char *name)
{
	char value[16];

	if (!hvo_cmdline(name, value, sizeof(value)))
		return -1;
	return strcmp(value, "all") ? atol(value) : hvo_read(POOL_2M "nr_hugepages");
}

static bool asked_for_all(void)
{
	char value[16];

	return hvo_cmdline("hvo.boot_2m", value, sizeof(value)) && !strcmp(value, "all");
}

/* What both pools save when they are optimized */
static long promised_kib(void)
{
	return promised("hvo.boot_2m") * SAVED_2M + promised("hvo.boot_1g") * SAVED_1G;
}

static int pools_are_there(void)
{
	long small = promised("hvo.boot_2m"), big = promised("hvo.boot_1g");

	CHECK(hvo_read(POOL_2M "nr_hugepages") == small, "%ld",
	      hvo_read(POOL_2M "nr_hugepages"));
	CHECK(hvo_read(POOL_1G "nr_hugepages") == big, "%ld", hvo_read(POOL_1G "nr_hugepages"));
	CHECK(!asked_for_all() || small * 2048 + big * 1048576 > hvo_meminfo("MemTotal") / 10 * 9,
	      "%ld and %ld pages are too few", small, big);
	return KSFT_PASS;
}

static bool is_stock(void)
{
	return access(HVO_SYSFS "mode", F_OK);
}

static int pools_are_optimized(void)
{
	NEED(!is_stock(), "stock does not tell");
	CHECK(hvo_saved_kib() == hvo_base_mapped() * promised_kib(), "%ld KiB saved",
	      hvo_saved_kib());
	return KSFT_PASS;
}

/* How many pages of the pool have shared tails; -1 if the pool cannot be mapped */
static long sharing(long pages, size_t size, int tails)
{
	char *map = hvo_map(pages * size, size);
	long i, found = 0;

	if (!map)
		return -1;
	for (i = 0; i < pages; i++)
		found += hvo_shares_tails(hvo_pfn(map + i * size), tails);
	munmap(map, pages * size);
	return found;
}

/* saved_kb is the sum for both sizes, so check each size separately. */
static int each_page_shares_its_tails(void)
{
	long small = promised("hvo.boot_2m"), big = promised("hvo.boot_1g"), found;

	NEED(!is_stock(), "stock does not tell");
	found = sharing(small, HUGE_2M, TAILS_2M);
	CHECK(found == hvo_base_mapped() * small, "%ld of 2 MiB", found);
	found = sharing(big, HUGE_1G, TAILS_1G);
	CHECK(found == hvo_base_mapped() * big, "%ld of 1 GiB", found);
	return KSFT_PASS;
}

static int content_holds(void)
{
	long small = promised("hvo.boot_2m"), big = promised("hvo.boot_1g");
	char *map;

	map = hvo_map(small * HUGE_2M, HUGE_2M);
	CHECK(map, "no mapping of 2 MiB pages");
	hvo_fill(map, small * HUGE_2M, 1);
	CHECK(hvo_filled(map, small * HUGE_2M, 1), "content of 2 MiB pages");
	munmap(map, small * HUGE_2M);
	map = hvo_map(big * HUGE_1G, HUGE_1G);
	CHECK(map, "no mapping of 1 GiB pages");
	hvo_fill(map, big * HUGE_1G, 2);
	CHECK(hvo_filled(map, big * HUGE_1G, 2), "content of 1 GiB pages");
	munmap(map, big * HUGE_1G);
	return KSFT_PASS;
}

/* Mode "boot": new pages are not optimized, and boot-time pages stay surplus. */
static int sealed_pool_keeps_its_pages(void)
{
	long small = promised("hvo.boot_2m");
	long vmemmap = hvo_vmemmap_pages();

	NEED(hvo_mode_is("boot"), "the mode is not boot");
	CHECK(hvo_pool(small + 10) == small + 10, "cannot grow");
	CHECK(hvo_saved_kib() == promised_kib(), "%ld KiB saved", hvo_saved_kib());
	hvo_pool(0);
	CHECK(hvo_read(POOL_2M "nr_hugepages") == small, "%ld left",
	      hvo_read(POOL_2M "nr_hugepages"));
	CHECK(hvo_read(POOL_2M "surplus_hugepages") == small, "%ld surplus",
	      hvo_read(POOL_2M "surplus_hugepages"));
	CHECK(hvo_pool(small) == small, "cannot take back surplus pages");
	CHECK(hvo_read(POOL_2M "surplus_hugepages") == 0, "%ld surplus",
	      hvo_read(POOL_2M "surplus_hugepages"));
	CHECK(hvo_vmemmap_pages() == vmemmap, "the vmemmap has changed");
	return KSFT_PASS;
}

static int sealed_pool_cannot_be_demoted(void)
{
	NEED(hvo_mode_is("boot"), "the mode is not boot");
	CHECK(hvo_write(POOL_1G "demote", 1) < 0, "demoted a sealed page");
	CHECK(hvo_read(POOL_1G "nr_hugepages") == promised("hvo.boot_1g"), "%ld",
	      hvo_read(POOL_1G "nr_hugepages"));
	return KSFT_PASS;
}

static int unsealed_pool_returns_all(void)
{
	long whole;

	NEED(!is_stock(), "stock does not tell");
	NEED(!hvo_mode_is("boot"), "the mode is boot");
	whole = hvo_whole_vmemmap();
	CHECK(hvo_pool(0) == 0, "2 MiB pages are left");
	hvo_write(POOL_1G "nr_hugepages", 0);
	CHECK(hvo_read(POOL_1G "nr_hugepages") == 0, "1 GiB pages are left");
	CHECK(hvo_vmemmap_pages() == whole, "%ld pages, %ld expected", hvo_vmemmap_pages(),
	      whole);
	return KSFT_PASS;
}

static const struct hvo_case cases[] = {
	HVO_CASE(pools_are_there),
	HVO_CASE(pools_are_optimized),
	HVO_CASE(each_page_shares_its_tails),
	HVO_CASE(content_holds),
	HVO_CASE(sealed_pool_keeps_its_pages),
	HVO_CASE(sealed_pool_cannot_be_demoted),
	HVO_CASE(unsealed_pool_returns_all),
};

int main(void)
{
	if (promised("hvo.boot_2m") < 0)
		ksft_exit_skip("no pool was asked for at boot (hvo.boot_2m=)\n");
	HVO_RUN_AS_IS(cases);
}
