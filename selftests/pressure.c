// SPDX-License-Identifier: GPL-2.0-only
/* Too little memory: nobody is killed, nothing is logged, and pools shrink. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "hvo.h"

static long long oom_kills;

static void watch(void)
{
	hvo_log_mark();
	oom_kills = hvo_vmstat("oom_kill");
}

static int nothing_bad_happened(void)
{
	CHECK(hvo_vmstat("oom_kill") == oom_kills, "%lld kills",
	      hvo_vmstat("oom_kill") - oom_kills);
	CHECK(!hvo_logged("allocation failure"), "the log tells of it");
	return KSFT_PASS;
}

static int overasking_kills_nobody(void)
{
	long wanted = hvo_meminfo("MemTotal") / 2048 * 4, before = hvo_vmemmap_pages();
	int status = 0;
	long got;

	watch();
	if (!fork())
		_exit(!!hvo_write(POOL_2M "nr_hugepages", wanted));
	wait(&status);
	CHECK(!status, "the asker did not survive (status %x)", status);
	got = hvo_read(POOL_2M "nr_hugepages");
	ksft_print_msg("asked for %ld, got %ld pages\n", wanted, got);
	CHECK(got > 0 && got < wanted, "%ld", got);
	if (hvo_optimizing())
		CHECK(hvo_optimized() == got, "%ld of %ld optimised", hvo_optimized(), got);
	CHECK(nothing_bad_happened() == KSFT_PASS, "see above");
	CHECK(hvo_pool(0) == 0, "pool not emptied");
	CHECK(hvo_vmemmap_pages() == before, "%ld missing", before - hvo_vmemmap_pages());
	return nothing_bad_happened();
}

/*
 * A task that takes memory, locks it, and keeps it until it is killed; it takes
 * what the kernel gives without trouble, down to @leave_kib.
 */
static pid_t start_hog(long leave_kib)
{
	size_t step = 64 << 10;
	int ready[2];
	pid_t pid;
	char *map;

	if (pipe(ready))
		return -1;
	pid = fork();
	if (!pid) {
		while (hvo_meminfo("MemFree") > leave_kib) {
			map = mmap(NULL, step, PROT_READ | PROT_WRITE, MAP_PRIVATE |
				   MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);
			if (map == MAP_FAILED)
				break;
		}
		if (write(ready[1], "x", 1) == 1)
			pause();
		_exit(0);
	}
	if (read(ready[0], &step, 1) != 1)
		pid = -1;
	close(ready[0]);
	close(ready[1]);
	return pid;
}

/*
 * The hog leaves a little, and then raising the watermarks puts even that out
 * of reach of ordinary allocations, as if it were gone.
 */
static int shrinking_without_memory_makes_progress(void)
{
	long watermark = hvo_read("/proc/sys/vm/min_free_kbytes");
	long used = hvo_read(HVO_SYSFS "reserve_used");
	long before = hvo_vmemmap_pages();
	pid_t hog;
	long pool, i;

	NEED(hvo_optimizing(), "pages are not being optimised");
	mlockall(MCL_CURRENT | MCL_FUTURE);
	pool = hvo_pool(hvo_meminfo("MemFree") / 2 / 2048);
	CHECK(pool > 100, "pool %ld", pool);
	hog = start_hog(watermark + 48 * 1024);
	CHECK(hog > 0, "no hog");
	watch();
	CHECK(!hvo_write("/proc/sys/vm/min_free_kbytes", hvo_meminfo("MemFree") + 64 * 1024),
	      "watermark");
	/* one by one: each must succeed before its memory pays for the next */
	for (i = 1; i <= 3; i++) {
		CHECK(hvo_pool(pool - i) == pool - i, "page %ld was not restored", i);
		usleep(100000);
	}
	ksft_print_msg("reserve used %ld times\n", hvo_read(HVO_SYSFS "reserve_used") - used);
	CHECK(hvo_read(HVO_SYSFS "reserve_used") > used, "the reserve was not needed");
	CHECK(!hvo_write("/proc/sys/vm/min_free_kbytes", watermark), "watermark");
	CHECK(hvo_pool(0) == 0, "the pool is stuck");
	CHECK(nothing_bad_happened() == KSFT_PASS, "see above");
	kill(hog, SIGKILL);
	waitpid(hog, NULL, 0);
	munlockall();
	CHECK(hvo_vmemmap_pages() == before, "%ld missing", before - hvo_vmemmap_pages());
	sleep(2);
	CHECK(hvo_read(HVO_SYSFS "reserve_kb") == TAILS_2M * 4, "the reserve has %ld KiB",
	      hvo_read(HVO_SYSFS "reserve_kb"));
	return KSFT_PASS;
}

static const struct hvo_case cases[] = {
	HVO_CASE(overasking_kills_nobody),
	HVO_CASE(shrinking_without_memory_makes_progress),
};

int main(void)
{
	HVO_RUN(cases);
}
