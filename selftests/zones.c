// SPDX-License-Identifier: GPL-2.0-only
/*
 * kernelcore= lets ZONE_MOVABLE begin inside a naturally aligned GiB. A gigantic
 * page that is allocated at boot may cross this border. One allocated at run time
 * may not.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "hvo.h"

#define MAX_ZONES 16

struct zone {
	char name[16];
	long free, spanned, present, managed, start;
};

static struct zone zones[MAX_ZONES];
static int nr_zones;

/* Sets *number if the line matches @format. */
static void take(const char *line, const char *format, long *number)
{
	long value;

	if (sscanf(line, format, &value) == 1)
		*number = value;
}

static void read_zones(void)
{
	FILE *file = fopen("/proc/zoneinfo", "r");
	struct zone *zone = NULL;
	char line[256];

	nr_zones = 0;
	while (file && fgets(line, sizeof(line), file)) {
		if (nr_zones < MAX_ZONES &&
		    sscanf(line, "Node %*d, zone %15s", zones[nr_zones].name) == 1)
			zone = &zones[nr_zones++];
		if (!zone)
			continue;
		take(line, " pages free %ld", &zone->free);
		take(line, " spanned %ld", &zone->spanned);
		take(line, " present %ld", &zone->present);
		take(line, " managed %ld", &zone->managed);
		take(line, " start_pfn: %ld", &zone->start);
	}
	if (file)
		fclose(file);
}

static long border(void)
{
	int i;

	read_zones();
	for (i = 0; i < nr_zones; i++)
		if (!strcmp(zones[i].name, "Movable") && zones[i].present)
			return zones[i].start;
	return 0;
}

static bool across_the_border(uint64_t pfn)
{
	return (long)pfn < border() && border() < (long)(pfn + HUGE_1G / PAGE);
}

static int zones_add_up(void)
{
	long managed = 0;
	int i;

	read_zones();
	for (i = 0; i < nr_zones; i++) {
		ksft_print_msg("%s: free %ld, spanned %ld, present %ld, managed %ld, from %lx\n",
			       zones[i].name, zones[i].free, zones[i].spanned,
			       zones[i].present, zones[i].managed, zones[i].start);
		managed += zones[i].managed;
	}
	CHECK(managed * 4 == hvo_meminfo("MemTotal"), "%ld pages managed, %ld KiB in total",
	      managed, hvo_meminfo("MemTotal"));
	return KSFT_PASS;
}

static int set_pool(long pages)
{
	long before = hvo_whole_vmemmap();

	hvo_write(POOL_1G "nr_hugepages", pages);
	NEED(hvo_read(POOL_1G "nr_hugepages") == pages, "no contiguous GiB of memory is free");
	CHECK(hvo_saved_kib() == hvo_optimizing() * pages * SAVED_1G, "%ld KiB saved",
	      hvo_saved_kib());
	CHECK(hvo_whole_vmemmap() == before, "%ld vmemmap pages missing",
	      before - hvo_whole_vmemmap());
	return zones_add_up();
}

/* Filling a whole GiB takes too long under emulation. */
#define STEP	(16UL << 20)

static int content_holds(char *map)
{
	size_t at;

	for (at = 0; at < HUGE_1G; at += STEP)
		hvo_fill(map + at, 4 * PAGE, at);
	for (at = 0; at < HUGE_1G; at += STEP)
		CHECK(hvo_filled(map + at, 4 * PAGE, at), "at %zu MiB", at >> 20);
	return KSFT_PASS;
}

static int use_page(bool across)
{
	char *map = hvo_map(HUGE_1G, HUGE_1G);
	uint64_t pfn;
	int ret;

	CHECK(map, "no mapping");
	pfn = hvo_pfn(map);
	ret = content_holds(map);
	munmap(map, HUGE_1G);
	CHECK(across_the_border(pfn) == across, "page frames %lx to %lx", pfn,
	      pfn + HUGE_1G / PAGE);
	return ret;
}

static int border_is_inside_a_gigantic_page(void)
{
	CHECK(border(), "no movable zone; boot with kernelcore=");
	CHECK(border() & (HUGE_1G / PAGE - 1), "it is aligned to 1 GiB, %lx", border());
	return zones_add_up();
}

static int was_given_back(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	int lines = hvo_log_lines(log, "freed 1 cross-zone hugepages");

	close(log);
	CHECK(lines == 1, "there is no such page, and the log has %d lines about it", lines);
	CHECK(!hvo_saved_kib(), "%ld KiB saved", hvo_saved_kib());
	return zones_add_up();
}

/* Linux 7.3 gives it back while it boots, before its memory map exists. */
static int boot_time_page_lies_across(void)
{
	if (!hvo_read(POOL_1G "nr_hugepages"))
		return was_given_back();
	CHECK(hvo_saved_kib() == hvo_base_mapped() * SAVED_1G, "%ld KiB saved", hvo_saved_kib());
	return use_page(true);
}

static int boot_time_page_is_returned(void)
{
	return set_pool(0);
}

/* Uses nearly all free memory, most of it from the freed gigantic page. */
static int its_memory_is_ordinary_memory(void)
{
	size_t size = (hvo_meminfo("MemFree") - (128 << 10)) << 10, at;
	char *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(map != MAP_FAILED && size > HUGE_1G, "no memory");
	/* only for speed */
	madvise(map, size, MADV_HUGEPAGE);
	for (at = 0; at < size; at += PAGE)
		hvo_fill(map + at, 16, at);
	for (at = 0; at < size; at += PAGE)
		CHECK(hvo_filled(map + at, 16, at), "at %zu KiB", at >> 10);
	munmap(map, size);
	return zones_add_up();
}

static int run_time_page_stays_on_one_side(void)
{
	int i, ret;

	for (i = 0; i < 3; i++) {
		ret = set_pool(1);
		if (ret == KSFT_PASS)
			ret = use_page(false);
		if (ret == KSFT_PASS)
			ret = set_pool(0);
		if (ret != KSFT_PASS)
			return ret;
	}
	return KSFT_PASS;
}

static const struct hvo_case cases[] = {
	HVO_CASE(border_is_inside_a_gigantic_page),
	HVO_CASE(boot_time_page_lies_across),
	HVO_CASE(boot_time_page_is_returned),
	HVO_CASE(run_time_page_stays_on_one_side),
	HVO_CASE(its_memory_is_ordinary_memory),
};

int main(void)
{
	char value[16];

	if (!hvo_cmdline("kernelcore", value, sizeof(value)))
		ksft_exit_skip("no movable zone was asked for (kernelcore=)\n");
	HVO_RUN_AS_IS(cases);
}
