// SPDX-License-Identifier: GPL-2.0-only
/* Memory pressure: no OOM kill, no logged allocation failure, and pools shrink. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "hvo.h"

#define CGROUP "/sys/fs/cgroup/hvo-pressure/"

static long oom_kills;

static void watch(void)
{
	hvo_log_mark();
	oom_kills = hvo_vmstat("oom_kill");
}

static int nothing_bad_happened(void)
{
	CHECK(hvo_vmstat("oom_kill") == oom_kills, "%ld kills",
	      hvo_vmstat("oom_kill") - oom_kills);
	CHECK(!hvo_logged("allocation failure"), "logged");
	return KSFT_PASS;
}

static void write_number(int fd, long value)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%ld", value);

	if (pwrite(fd, text, len, 0) != len)
		ksft_print_msg("writing %ld: %s\n", value, strerror(errno));
}

/* Page faults must not need memory later, when none is free. */
static void settle_down(void)
{
	char stack[256 << 10];

	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		ksft_print_msg("mlockall: %s\n", strerror(errno));
	explicit_bzero(stack, sizeof(stack));
}

static long read_number(int fd)
{
	char text[24] = "";

	return pread(fd, text, sizeof(text) - 1, 0) > 0 ? atol(text) : -1;
}

static struct { long got, saved_kib; } *asked;

/*
 * A child asks for the pages, and the OOM killer would choose it first. With all
 * memory in the pool, other tasks may fail to get memory. So the child empties the
 * pool at once, and its results are checked later.
 *
 * lowmem_reserve_ratio keeps 1/32 of ZONE_MOVABLE free in the zone below, for
 * allocations that cannot be movable: 4 MiB (see tests/boots.toml) for kernel
 * threads and other tasks. That is less than one page for each page of the pool,
 * which is what stock takes.
 */
static pid_t start_overasking(long wanted)
{
	int pages = open(POOL_2M "nr_hugepages", O_RDWR);
	int saved = open(HVO_SYSFS "saved_kb", O_RDONLY);
	pid_t pid = fork();

	if (!pid) {
		hvo_write("/proc/self/oom_score_adj", 1000);
		settle_down();
		write_number(pages, wanted);
		asked->got = read_number(pages);
		asked->saved_kib = read_number(saved);
		write_number(pages, 0);
		_exit(0);
	}
	close(pages);
	close(saved);
	return pid;
}

static int overasking_kills_nobody(void)
{
	long wanted = hvo_meminfo("MemTotal") / 2048 * 4, before = hvo_vmemmap_pages();
	int status = 0;
	pid_t pid;

	hvo_write("/proc/sys/vm/watermark_boost_factor", 0);
	hvo_write_str("/proc/sys/vm/lowmem_reserve_ratio", "256 32");
	asked = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	CHECK(asked != MAP_FAILED, "%s", strerror(errno));
	watch();
	pid = start_overasking(wanted);
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid, "%s", strerror(errno));
	CHECK(hvo_pool(0) == 0, "pool not emptied");
	CHECK(hvo_vmemmap_pages() == before, "%ld missing", before - hvo_vmemmap_pages());

	ksft_print_msg("asked for %ld, got %ld pages; %ld killed\n", wanted, asked->got,
		       hvo_vmstat("oom_kill") - oom_kills);
	/* with the feature off a kill is stock behavior, and depends on chance */
	if (status && hvo_mode_is("off"))
		return KSFT_PASS;
	CHECK(!status, "status %x", status);
	CHECK(asked->got > 0 && asked->got < wanted, "%ld", asked->got);
	CHECK(asked->saved_kib == hvo_optimizing() * asked->got * SAVED_2M, "%ld KiB saved",
	      asked->saved_kib);
	return hvo_mode_is("off") ? KSFT_PASS : nothing_bad_happened();
}

/* In large steps first, and in small ones near @leave_kib */
static void take_memory(long leave_kib)
{
	long free;
	char *map;

	while ((free = hvo_meminfo("MemFree")) > leave_kib) {
		map = mmap(NULL, free > leave_kib + (128 << 10) ? 64UL << 20 : 64UL << 10,
			   PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS |
			   MAP_LOCKED | MAP_POPULATE, -1, 0);
		if (map == MAP_FAILED)
			break;
	}
}

/*
 * Starts a task that allocates memory, locks it, and keeps it until it is killed. It
 * leaves @leave_kib free, so that the kernel does not have to reclaim.
 */
static pid_t start_hog(long leave_kib)
{
	char step = 0;
	int ready[2];
	pid_t pid;

	if (pipe(ready))
		return -1;
	pid = fork();
	if (!pid) {
		take_memory(leave_kib);
		if (write(ready[1], "x", 1) == 1)
			pause();
		_exit(0);
	}
	close(ready[1]);
	/* copy-on-write after fork() must happen now, while there is memory */
	settle_down();
	if (read(ready[0], &step, 1) != 1 || step != 'x')
		pid = -1;
	close(ready[0]);
	return pid;
}

static char *mapped;
static size_t mapped_size;

static void unmap(void)
{
	if (mapped)
		munmap(mapped, mapped_size);
	mapped = NULL;
}

/* Sum of @key in /proc/zoneinfo over @zones, in which a blank follows each name */
static long zone_pages(const char *zones, const char *key)
{
	FILE *file = fopen("/proc/zoneinfo", "r");
	char line[256], name[16] = "", *found;
	long pages = 0;

	while (file && fgets(line, sizeof(line), file)) {
		found = strstr(line, key);
		if (sscanf(line, "Node %*d, zone %14s", name) == 1)
			strcat(name, " ");
		else if (found && strstr(zones, name))
			pages += atol(found + strlen(key));
	}
	if (file)
		fclose(file);
	return pages;
}

/* Not ZONE_DMA (see prepare_and_hog()), and no kernel memory is in ZONE_MOVABLE. */
#define REACHABLE "DMA32 Normal "

/*
 * Raises the watermarks @kib above free memory, as if none were left, and shrinks
 * the pool to @pool. If @kib is small, the first freed page of 2 MiB lifts free
 * memory above the watermarks again. min_free_kbytes is split between the zones by
 * size, ZONE_DMA included. This task must not need memory while the watermarks are
 * raised.
 */
static bool shrink_below_watermarks(long pool, long kib)
{
	long reachable = zone_pages(REACHABLE, "managed ");
	long all = reachable + zone_pages("DMA ", "managed ");
	int watermark = open("/proc/sys/vm/min_free_kbytes", O_RDWR);
	int pages = open(POOL_2M "nr_hugepages", O_WRONLY);
	long before = hvo_read("/proc/sys/vm/min_free_kbytes"), free;

	free = zone_pages(REACHABLE, "pages free ") + zone_pages(REACHABLE, "count: ");
	write_number(watermark, (free * 4 + kib) * all / reachable);
	unmap();
	write_number(pages, pool);
	write_number(watermark, before);
	close(watermark);
	close(pages);
	return hvo_read(POOL_2M "nr_hugepages") == pool;
}

/*
 * Runs @body with half of the free memory in the pool and a hog that takes the rest.
 * @prepare runs before the hog and may still use memory. The watermark boost is off:
 * the hog takes pages from blocks for unmovable pages, so the kernel would boost the
 * watermarks, and kill the hog. kswapd, which lowers them again, has given up in an
 * earlier case.
 */
static int prepare_and_hog(int (*prepare)(long pool), int (*body)(long pool))
{
	long pool;
	pid_t hog;
	int ret;

	NEED(hvo_optimizing(), "pages are not being optimized");
	hvo_write("/proc/sys/vm/watermark_boost_factor", 0);
	/* the first ratio: no ZONE_DMA for allocations that can use other zones */
	hvo_write("/proc/sys/vm/lowmem_reserve_ratio", 1);
	settle_down();
	pool = hvo_pool(hvo_meminfo("MemFree") / 2 / 2048);
	CHECK(pool > 100, "pool %ld", pool);
	if (prepare && prepare(pool) != KSFT_PASS)
		return KSFT_FAIL;
	hog = start_hog(2 * hvo_read("/proc/sys/vm/min_free_kbytes"));
	CHECK(hog > 0, "no hog");
	watch();
	ret = body(pool);
	kill(hog, SIGKILL);
	waitpid(hog, NULL, 0);
	munlockall();
	return ret == KSFT_PASS ? nothing_bad_happened() : ret;
}

static int with_a_hog(int (*body)(long pool))
{
	return prepare_and_hog(NULL, body);
}

static bool shrink_with_nothing_free(long pool)
{
	return shrink_below_watermarks(pool, 512);
}

static int one_by_one(long pool)
{
	long used = hvo_read(HVO_SYSFS "reserve_used");
	int i, tries;

	for (i = 1; i <= 5; i++) {
		CHECK(shrink_with_nothing_free(pool - i), "page %d is stuck", i);
		for (tries = 0; tries < 50 && hvo_read(HVO_SYSFS "reserve_kb") == 0; tries++)
			usleep(100000);
		CHECK(hvo_read(HVO_SYSFS "reserve_kb") == RESERVE_KIB, "%ld KiB in reserve",
		      hvo_read(HVO_SYSFS "reserve_kb"));
	}
	used = hvo_read(HVO_SYSFS "reserve_used") - used;
	ksft_print_msg("reserve used %ld times\n", used);
	CHECK(used == 5, "memory was left, so the reserve was not needed");
	return KSFT_PASS;
}

static int shrinking_without_memory_makes_progress(void)
{
	long before = hvo_vmemmap_pages();
	int ret = with_a_hog(one_by_one);

	if (ret != KSFT_PASS)
		return ret;
	CHECK(hvo_pool(0) == 0, "the pool is stuck");
	CHECK(hvo_vmemmap_pages() == before, "%ld missing", before - hvo_vmemmap_pages());
	return KSFT_PASS;
}

/* Empties the pool with only the reserve and the pages that are freed meanwhile. */
static int all_at_once(long pool)
{
	CHECK(shrink_with_nothing_free(0), "%ld of %ld pages are stuck",
	      hvo_read(POOL_2M "nr_hugepages"), pool);
	return KSFT_PASS;
}

static int shrinking_all_without_memory(void)
{
	long failures = hvo_read(HVO_SYSFS "restore_failures");
	int ret = with_a_hog(all_at_once);

	ksft_print_msg("%ld restore failures\n",
		       hvo_read(HVO_SYSFS "restore_failures") - failures);
	return ret;
}

/* Several pages have to be freed before even one page can be allocated. */
static int all_from_far_below(long pool)
{
	CHECK(shrink_below_watermarks(0, 16 * 1024), "%ld of %ld pages are stuck",
	      hvo_read(POOL_2M "nr_hugepages"), pool);
	return KSFT_PASS;
}

static int shrinking_far_below_the_watermarks(void)
{
	return with_a_hog(all_from_far_below);
}

/*
 * Empties the pool with free memory 4 MiB above the watermarks. If the memory needed
 * does not grow with the pool, that is enough, and the reserve is not used. A pool
 * that needed 28 KiB for each page at once would need more than three times as much.
 */
static int all_with_a_little(long pool)
{
	long used = hvo_read(HVO_SYSFS "reserve_used");
	long failures = hvo_read(HVO_SYSFS "restore_failures");

	CHECK(pool * SAVED_2M > 3 * 4096, "a pool of %ld pages is too small", pool);
	CHECK(shrink_below_watermarks(0, -4096), "%ld are stuck",
	      hvo_read(POOL_2M "nr_hugepages"));
	CHECK(hvo_read(HVO_SYSFS "reserve_used") == used, "4 MiB were not enough");
	CHECK(hvo_read(HVO_SYSFS "restore_failures") == failures, "4 MiB were not enough");
	return KSFT_PASS;
}

static int shrinking_needs_little(void)
{
	return with_a_hog(all_with_a_little);
}

/* The hog is a child and must not inherit the mapping. */
static int map_the_pool(long pool)
{
	mapped_size = pool * HUGE_2M;
	mapped = hvo_map(mapped_size, HUGE_2M);
	CHECK(mapped, "no mapping");
	CHECK(!madvise(mapped, mapped_size, MADV_DONTFORK), "%s", strerror(errno));
	return KSFT_PASS;
}

/* Pages in use become surplus when the pool shrinks; a work item frees them. */
static int map_surplus_pages(long pool)
{
	if (map_the_pool(pool) != KSFT_PASS)
		return KSFT_FAIL;
	hvo_pool(0);
	CHECK(hvo_read(POOL_2M "surplus_hugepages") == pool, "%ld surplus",
	      hvo_read(POOL_2M "surplus_hugepages"));
	return KSFT_PASS;
}

/* Runs all_at_once() after @prepare; no vmemmap page may be lost. */
static int all_leave_after(int (*prepare)(long pool))
{
	long before = hvo_vmemmap_pages();
	int ret = prepare_and_hog(prepare, all_at_once);

	if (ret != KSFT_PASS)
		return ret;
	CHECK(hvo_vmemmap_pages() == before, "%ld missing", before - hvo_vmemmap_pages());
	return KSFT_PASS;
}

static int unmapped_with_nothing_free(void)
{
	return all_leave_after(map_the_pool);
}

static int surplus_unmapped_with_nothing_free(void)
{
	return all_leave_after(map_surplus_pages);
}

/* A task whose memory.max is 64 KiB above its use shrinks the pool. */
static int shrink_in_cgroup(void)
{
	int pages = open(POOL_2M "nr_hugepages", O_WRONLY), status;
	pid_t pid = fork();

	if (!pid) {
		if (hvo_write(CGROUP "cgroup.procs", getpid()))
			_exit(1);
		settle_down();
		if (hvo_write(CGROUP "memory.max",
			      hvo_read(CGROUP "memory.current") + 64 * 1024))
			_exit(2);
		write_number(pages, 0);
		_exit(0);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid, "no child");
	CHECK(status == 0, "the child ended with status %d", status);
	close(pages);
	return KSFT_PASS;
}

static int memory_cgroup_does_not_limit_it(void)
{
	long before = hvo_vmemmap_pages();

	hvo_write_str("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	mkdir(CGROUP, 0755);
	NEED(!access(CGROUP "memory.max", W_OK), "no memory cgroup controller");
	CHECK(hvo_pool(200) == 200, "no pool");
	watch();
	if (shrink_in_cgroup() != KSFT_PASS)
		return KSFT_FAIL;
	CHECK(hvo_read(POOL_2M "nr_hugepages") == 0, "%ld are stuck",
	      hvo_read(POOL_2M "nr_hugepages"));
	CHECK(hvo_keyed(CGROUP "memory.events", "oom_kill") == 0, "a task was killed");
	CHECK(hvo_keyed(CGROUP "memory.events", "oom") == 0, "the limit was reached");
	rmdir(CGROUP);
	CHECK(hvo_vmemmap_pages() == before, "%ld missing", before - hvo_vmemmap_pages());
	return nothing_bad_happened();
}

static const struct hvo_case cases[] = {
	HVO_CASE(overasking_kills_nobody),
	HVO_CASE(shrinking_without_memory_makes_progress),
	HVO_CASE(shrinking_all_without_memory),
	HVO_CASE(shrinking_far_below_the_watermarks),
	HVO_CASE(shrinking_needs_little),
	HVO_CASE(unmapped_with_nothing_free),
	HVO_CASE(surplus_unmapped_with_nothing_free),
	HVO_CASE(memory_cgroup_does_not_limit_it),
};

int main(void)
{
	HVO_RUN(cases);
}
