// SPDX-License-Identifier: GPL-2.0-only
/* Other HugeTLB features: surplus, demotion, cgroups, hwpoison, gigantic pages. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "hvo.h"

#define CGROUP "/sys/fs/cgroup/hvo/"

static int surplus_pages_come_and_go(void)
{
	long before = hvo_vmemmap_pages();
	long optimize = hvo_optimizing();
	char *map;

	CHECK(!hvo_write(POOL_2M "nr_overcommit_hugepages", 8), "refused");
	map = hvo_map(8 * HUGE_2M, HUGE_2M);
	CHECK(map, "no mapping");
	CHECK(hvo_read(POOL_2M "surplus_hugepages") == 8, "%ld surplus",
	      hvo_read(POOL_2M "surplus_hugepages"));
	CHECK(hvo_optimized() == optimize * 8, "%ld optimized", hvo_optimized());
	hvo_fill(map, 8 * HUGE_2M, 7);
	CHECK(hvo_filled(map, 8 * HUGE_2M, 7), "content changed");
	munmap(map, 8 * HUGE_2M);
	/* a work item frees them, and the write to nr_hugepages waits for it */
	HVO_POOL(0);
	CHECK(hvo_vmemmap_pages() == before, "%ld missing", before - hvo_vmemmap_pages());
	return KSFT_PASS;
}

static int demotion_splits_a_gigantic_page(void)
{
	long before = hvo_vmemmap_pages();
	long optimize = hvo_optimizing();

	hvo_write(POOL_1G "nr_hugepages", 1);
	NEED(hvo_read(POOL_1G "nr_hugepages") == 1, "no contiguous GiB of memory is free");
	CHECK(!hvo_write(POOL_1G "demote", 1), "cannot demote");
	CHECK(hvo_read(POOL_1G "nr_hugepages") == 0, "the page is still there");
	CHECK(hvo_read(POOL_2M "nr_hugepages") == 512, "%ld pages of 2 MiB",
	      hvo_read(POOL_2M "nr_hugepages"));
	/* less than the 1 GiB page saved, which must no longer be counted */
	CHECK(hvo_saved_kib() == optimize * 512 * SAVED_2M, "%ld KiB saved", hvo_saved_kib());
	CHECK(hvo_pool(0) == 0, "pool not emptied");
	CHECK(hvo_vmemmap_pages() == before, "%ld missing", before - hvo_vmemmap_pages());
	return KSFT_PASS;
}

static int demotion_twice_with_content(void)
{
	char *map;

	hvo_write(POOL_1G "nr_hugepages", 2);
	NEED(hvo_read(POOL_1G "nr_hugepages") == 2, "no two contiguous GiB of memory are free");
	map = hvo_map(HUGE_1G, HUGE_1G);
	CHECK(map, "no mapping");
	hvo_fill(map, 64UL << 20, 8);
	CHECK(!hvo_write(POOL_1G "demote", 1), "cannot demote the free one");
	CHECK(hvo_read(POOL_2M "nr_hugepages") == 512, "%ld", hvo_read(POOL_2M "nr_hugepages"));
	CHECK(hvo_filled(map, 64UL << 20, 8), "the page in use has changed");
	munmap(map, HUGE_1G);
	return KSFT_PASS;
}

static void join(const char *group)
{
	char path[128];

	snprintf(path, sizeof(path), "%scgroup.procs", group);
	hvo_write(path, getpid());
}

static int cgroup_counts_and_limits(void)
{
	char *fits, *too_much;

	hvo_write_str("/sys/fs/cgroup/cgroup.subtree_control", "+hugetlb");
	mkdir(CGROUP, 0755);
	NEED(!access(CGROUP "hugetlb.2MB.max", W_OK), "no hugetlb cgroup controller");
	CHECK(hvo_pool(10) == 10, "no pool");
	CHECK(!hvo_write(CGROUP "hugetlb.2MB.max", 4 * HUGE_2M), "cannot set limit");
	join(CGROUP);
	fits = hvo_map(4 * HUGE_2M, HUGE_2M);
	CHECK(fits, "4 pages should fit");
	CHECK(hvo_read(CGROUP "hugetlb.2MB.current") == (long)(4 * HUGE_2M), "%ld",
	      hvo_read(CGROUP "hugetlb.2MB.current"));
	too_much = mmap(NULL, HUGE_2M, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	CHECK(too_much != MAP_FAILED, "no mapping");
	/* a page fault over the limit raises SIGBUS, madvise() returns an error */
	CHECK(madvise(too_much, HUGE_2M, 23 /* MADV_POPULATE_WRITE */) < 0, "no limit");
	munmap(too_much, HUGE_2M);
	munmap(fits, 4 * HUGE_2M);
	CHECK(hvo_read(CGROUP "hugetlb.2MB.current") == 0, "%ld",
	      hvo_read(CGROUP "hugetlb.2MB.current"));
	join("/sys/fs/cgroup/");
	rmdir(CGROUP);
	return KSFT_PASS;
}

/* Only the poisoned 4 KiB are lost. The rest of the huge page is freed. */
static int soft_offline_of_a_free_page(void)
{
	long before = hvo_vmemmap_pages(), poisoned = hvo_meminfo("HardwareCorrupted");
	char text[32], *map;
	uint64_t pfn;

	CHECK(hvo_pool(4) == 4, "no pool");
	map = hvo_map(HUGE_2M, HUGE_2M);
	CHECK(map, "no mapping");
	pfn = hvo_pfn(map);
	munmap(map, HUGE_2M);
	snprintf(text, sizeof(text), "0x%lx", (pfn + 70) * PAGE);
	NEED(!access("/sys/devices/system/memory/soft_offline_page", W_OK),
	     "no soft_offline_page");
	CHECK(!hvo_write_str("/sys/devices/system/memory/soft_offline_page", text), "refused");
	CHECK(hvo_meminfo("HardwareCorrupted") == poisoned + 4, "%ld KiB",
	      hvo_meminfo("HardwareCorrupted"));
	CHECK(hvo_pool(0) == 0, "pool not emptied");
	CHECK(hvo_vmemmap_pages() == before, "%ld missing", before - hvo_vmemmap_pages());
	snprintf(text, sizeof(text), "0x%lx", pfn + 70);
	CHECK(!hvo_write_str("/sys/kernel/debug/hwpoison/unpoison-pfn", text),
	      "refused");
	CHECK(hvo_meminfo("HardwareCorrupted") == poisoned, "%ld KiB",
	      hvo_meminfo("HardwareCorrupted"));
	return KSFT_PASS;
}

static const struct hvo_case cases[] = {
	HVO_CASE(surplus_pages_come_and_go),
	HVO_CASE(demotion_splits_a_gigantic_page),
	HVO_CASE(demotion_twice_with_content),
	HVO_CASE(cgroup_counts_and_limits),
	HVO_CASE(soft_offline_of_a_free_page),
};

int main(void)
{
	HVO_RUN(cases);
}
