// SPDX-License-Identifier: GPL-2.0-only
/* The content of pages does not change when their vmemmap does. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "hvo.h"

#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE 101
#endif
#define MPOL_MF_MOVE 2

#define PAGES 32L
#define NODE_POOL(node)	"/sys/devices/system/node/node" #node \
			"/hugepages/hugepages-2048kB/nr_hugepages"

static int survives_growing_and_shrinking(void)
{
	char *map;
	int i;

	CHECK(hvo_pool(PAGES) == PAGES, "no pool");
	map = hvo_map(PAGES * HUGE_2M, HUGE_2M);
	CHECK(map, "no mapping");
	hvo_fill(map, PAGES * HUGE_2M, 1);
	for (i = 0; i < 5; i++) {
		CHECK(hvo_pool(PAGES * 4) == PAGES * 4, "cannot grow");
		CHECK(hvo_pool(PAGES + i) == PAGES + i, "cannot shrink");
	}
	CHECK(hvo_filled(map, PAGES * HUGE_2M, 1), "content changed");
	munmap(map, PAGES * HUGE_2M);
	return KSFT_PASS;
}

#define FREED	128L

static uint64_t freed[FREED];

static int make_and_free_pool(void)
{
	char *map;
	long i;

	CHECK(hvo_pool(FREED) == FREED, "no pool");
	map = hvo_map(FREED * HUGE_2M, HUGE_2M);
	CHECK(map, "no mapping");
	for (i = 0; i < FREED; i++)
		freed[i] = hvo_pfn(map + i * HUGE_2M) * PAGE / HUGE_2M;
	munmap(map, FREED * HUGE_2M);
	CHECK(hvo_pool(0) == 0, "pool not emptied");
	return KSFT_PASS;
}

static bool was_of_the_pool(uint64_t pfn)
{
	long i;

	for (i = 0; i < FREED; i++)
		if (pfn * PAGE / HUGE_2M == freed[i])
			return true;
	return false;
}

/* Memory of a freed pool is ordinary memory again, with a restored vmemmap. */
static int freed_pool_is_ordinary_memory(void)
{
	size_t size = 256UL << 20, at;
	long again = 0;
	char *map;
	int i;

	for (i = 0; i < 3; i++) {
		TRY(make_and_free_pool());
		map = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		CHECK(map != MAP_FAILED, "no memory");
		hvo_fill(map, size, i);
		CHECK(hvo_filled(map, size, i), "content changed");
		for (at = 0; at < size; at += HUGE_2M)
			again += was_of_the_pool(hvo_pfn(map + at));
		munmap(map, size);
	}
	ksft_print_msg("memory of %ld freed huge pages was reused\n", again);
	CHECK(again > 0, "no memory of the pool was reused");
	return KSFT_PASS;
}

static int survives_fork_and_copy_on_write(void)
{
	char *map;
	int status;

	CHECK(hvo_pool(2 * 8) == 2 * 8, "no pool");
	map = hvo_map(8 * HUGE_2M, HUGE_2M);
	CHECK(map, "no mapping");
	hvo_fill(map, 8 * HUGE_2M, 2);
	if (!fork()) {
		if (!hvo_filled(map, 8 * HUGE_2M, 2))
			_exit(1);
		hvo_fill(map, 8 * HUGE_2M, 3);
		_exit(!hvo_filled(map, 8 * HUGE_2M, 3));
	}
	wait(&status);
	CHECK(!status, "wrong content in the child");
	CHECK(hvo_filled(map, 8 * HUGE_2M, 2), "the child changed parent pages");
	munmap(map, 8 * HUGE_2M);
	return KSFT_PASS;
}

static int survives_migration(void)
{
	int node = 1, status = -1, i;
	void *page;
	char *map;

	NEED(!access(NODE_POOL(1), W_OK), "one node only");
	CHECK(!hvo_write(NODE_POOL(0), 8), "no pool on node 0");
	map = hvo_map(8 * HUGE_2M, HUGE_2M);
	CHECK(map, "no mapping");
	hvo_fill(map, 8 * HUGE_2M, 4);
	CHECK(!hvo_write(NODE_POOL(1), 8), "no pool on node 1");
	for (i = 0; i < 8; i++) {
		page = map + i * HUGE_2M;
		CHECK(!syscall(SYS_move_pages, 0, 1UL, &page, &node, &status, MPOL_MF_MOVE),
		      "page %d: %s", i, strerror(errno));
		CHECK(status == 1, "page %d has status %d", i, status);
	}
	CHECK(hvo_filled(map, 8 * HUGE_2M, 4), "content changed");
	if (hvo_optimizing())
		CHECK(hvo_optimized() == hvo_read(POOL_2M "nr_hugepages"), "%ld optimized of %ld",
		      hvo_optimized(), hvo_read(POOL_2M "nr_hugepages"));
	munmap(map, 8 * HUGE_2M);
	return KSFT_PASS;
}

static int survives_soft_offline(void)
{
	long before = hvo_vmemmap_pages(), bad;
	char *map;

	CHECK(hvo_pool(4) == 4, "no pool");
	map = hvo_map(2 * HUGE_2M, HUGE_2M);
	CHECK(map, "no mapping");
	hvo_fill(map, 2 * HUGE_2M, 5);
	bad = hvo_pfn(map);
	CHECK(!madvise(map + 5 * PAGE, PAGE, MADV_SOFT_OFFLINE), "%s", strerror(errno));
	CHECK((long)hvo_pfn(map) != bad, "the page did not move");
	CHECK(hvo_filled(map, 2 * HUGE_2M, 5), "content changed");
	munmap(map, 2 * HUGE_2M);
	CHECK(hvo_pool(0) == 0, "pool not emptied");
	CHECK(hvo_vmemmap_pages() == before, "%ld vmemmap pages missing",
	      before - hvo_vmemmap_pages());
	return KSFT_PASS;
}

/* Content of a hugetlbfs file, which keeps its pages while it is not mapped */
static int survives_in_files(void)
{
	int fd = memfd_create("hvo", MFD_HUGETLB);
	char *map;

	CHECK(fd >= 0, "%s", strerror(errno));
	CHECK(hvo_pool(16) == 16, "no pool");
	CHECK(!ftruncate(fd, 16 * HUGE_2M), "%s", strerror(errno));
	map = mmap(NULL, 16 * HUGE_2M, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(map != MAP_FAILED, "%s", strerror(errno));
	hvo_fill(map, 16 * HUGE_2M, 6);
	munmap(map, 16 * HUGE_2M);
	CHECK(hvo_pool(100) == 100 && hvo_pool(16) == 16, "cannot resize");
	map = mmap(NULL, 16 * HUGE_2M, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(map != MAP_FAILED && hvo_filled(map, 16 * HUGE_2M, 6), "content changed");
	munmap(map, 16 * HUGE_2M);
	close(fd);
	return KSFT_PASS;
}

static const struct hvo_case cases[] = {
	HVO_CASE(survives_growing_and_shrinking),
	HVO_CASE(freed_pool_is_ordinary_memory),
	HVO_CASE(survives_fork_and_copy_on_write),
	HVO_CASE(survives_migration),
	HVO_CASE(survives_soft_offline),
	HVO_CASE(survives_in_files),
};

int main(void)
{
	HVO_RUN(cases);
}
