// SPDX-License-Identifier: GPL-2.0-only
/*
 * Races that are closed by the grace period, or by tails that are writable, by the
 * walker's order of loads, and by the TLB flush. The debug kernel makes the windows
 * seconds wide: it delays a pfn walker before it changes a refcount, while the page
 * becomes a tail of an optimized huge page. With hvo.skip= one of these steps is left
 * out, and then a case must fail.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "hvo.h"

#define RACE		"/sys/kernel/debug/hvo_race/"
/* small, as the debug kernel needs a millisecond for each page of it */
#define REGION		(24UL << 20)
#define POOL		32L
#define PAGES		(REGION / PAGE)
#define HUGE_SUBPAGES	(HUGE_2M / PAGE)
#define PFNS_PER_TAIL	(PAGE / STRUCT_PAGE)
/* in struct page */
#define LINK		8
#define INDEX		32

static struct shared {
	atomic_bool ready, look, stop, tail_before;
	atomic_ulong looks, tail_after;
} *shared;

static char *region, *pool;
static uint64_t target;

static bool is_debug_kernel(void)
{
	return !access(RACE "skip", F_OK) && hvo_optimizing();
}

static bool map_region(void)
{
	region = mmap(NULL, REGION, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (region == MAP_FAILED)
		return false;
	madvise(region, REGION, MADV_NOHUGEPAGE);
	memset(region, 1, REGION);
	return true;
}

/* One read for all pages, as one for each takes minutes in the debug kernel. */
static bool read_pfns(uint64_t *pfns)
{
	int file = open("/proc/self/pagemap", O_RDONLY);
	ssize_t size = PAGES * sizeof(*pfns);
	bool good = pread(file, pfns, size, (uintptr_t)region / PAGE * 8) == size;
	size_t i;

	close(file);
	for (i = 0; i < PAGES; i++)
		pfns[i] &= (1UL << 55) - 1;
	return good;
}

/*
 * A small page whose struct page is the first one in a vmemmap page of tails. It
 * becomes a fake head when the huge page around it is optimized. All small pages of
 * that huge page are in the region now.
 */
static uint64_t find_target(void)
{
	static unsigned short owned[1 << 20];
	static uint64_t pfns[PAGES];
	size_t i;

	memset(owned, 0, sizeof(owned));
	if (!read_pfns(pfns))
		return 0;
	for (i = 0; i < PAGES; i++)
		owned[pfns[i] / HUGE_SUBPAGES]++;
	for (i = PAGES / 2; i < PAGES; i++)
		if (owned[pfns[i] / HUGE_SUBPAGES] == HUGE_SUBPAGES)
			return pfns[i] / HUGE_SUBPAGES * HUGE_SUBPAGES + PFNS_PER_TAIL;
	return 0;
}

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* Reads the idle flag of the page, which takes a reference and is delayed. */
static void walk(void)
{
	int file = open("/sys/kernel/mm/page_idle/bitmap", O_RDONLY);
	uint64_t bits;

	/* its own page faults take references too */
	mlockall(MCL_CURRENT | MCL_FUTURE);
	hvo_write(RACE "walker", getpid());
	shared->ready = true;
	if (pread(file, &bits, sizeof(bits), target / 64 * 8) != sizeof(bits))
		_exit(1);
	_exit(0);
}

/*
 * Whether a struct page is a tail of its own. After the remap a fake head is at its
 * address, which has no link to a head, or else a shared tail, which never was a page
 * of the region, with an index.
 */
static bool is_own_tail(unsigned long page, unsigned long head)
{
	unsigned long link = hvo_kernel_word(page + LINK);

	return hvo_fake_heads() ? link == (head | 1) : link & 1 && hvo_kernel_word(page + INDEX);
}

/*
 * How many tail vmemmap pages still show a tail of their own in their first struct page.
 * The read is by virtual address, so through the TLB of this CPU.
 */
static int tails_seen(unsigned long head)
{
	int i, seen = 0;

	for (i = 1; i <= TAILS_2M; i++)
		seen += is_own_tail(head + i * PAGE, head);
	return seen;
}

/* Reads until stop is set. Once look is set, a tail that is seen is stale. */
static void watch(void)
{
	unsigned long head = hvo_vmemmap_base() +
			     target / HUGE_SUBPAGES * HUGE_SUBPAGES * STRUCT_PAGE;

	while (!shared->stop) {
		int seen = tails_seen(head);

		shared->tail_before |= seen > 0;
		if (shared->look) {
			shared->looks++;
			shared->tail_after += seen > 0;
		}
		shared->ready = true;
	}
	_exit(0);
}

static pid_t start(void (*body)(void))
{
	pid_t pid;

	shared->ready = false;
	shared->look = false;
	shared->stop = false;
	shared->tail_before = false;
	shared->looks = 0;
	shared->tail_after = 0;
	pid = fork();
	if (!pid) {
		munmap(region, REGION);
		run_on(1);
		body();
	}
	while (!shared->ready && !waitpid(pid, NULL, WNOHANG))
		usleep(1000);
	usleep(300000);
	return pid;
}

static bool ended_well(pid_t pid)
{
	int status = -1;

	shared->stop = true;
	return waitpid(pid, &status, 0) == pid && !status;
}

/* Frees the small pages and makes huge ones of them. */
static bool form_huge_pages(void)
{
	munmap(region, REGION);
	return hvo_pool(POOL) == POOL;
}

/* Maps the huge pages; returns whether the target is in one of them. */
static bool use_huge_pages(void)
{
	long i;

	pool = hvo_map(POOL * HUGE_2M, HUGE_2M);
	for (i = 0; pool && i < POOL; i++)
		if (hvo_pfn(pool + i * HUGE_2M) == target / HUGE_SUBPAGES * HUGE_SUBPAGES)
			return true;
	return false;
}

static void let_go(void)
{
	if (pool)
		munmap(pool, POOL * HUGE_2M);
	pool = NULL;
	hvo_write(RACE "before_check_ms", 0);
	hvo_write(RACE "between_ms", 0);
	hvo_write(RACE "before_write_ms", 0);
	hvo_write(RACE "after_wait_ms", 0);
}

static int find_place(void)
{
	NEED(is_debug_kernel(), "not the debug kernel, or nothing is optimized");
	run_on(0);
	CHECK(map_region(), "no memory");
	target = find_target();
	CHECK(target, "no 2 MiB with all pages in the region");
	return KSFT_PASS;
}

/* Runs a walker while the pool grows. *formed is set if the pool has the target. */
static int walk_meanwhile(bool *formed)
{
	pid_t pid = start(walk);
	bool well;

	*formed = form_huge_pages() && use_huge_pages();
	well = ended_well(pid);
	CHECK(hvo_read(RACE "walker") == 0, "the walker was not delayed");
	let_go();
	CHECK(well, "the walker crashed");
	CHECK(hvo_pool(0) == 0, "pool not emptied");
	return KSFT_PASS;
}

/* The walker has seen a refcount in use, and is delayed before it writes. */
static int walk_and_write(bool *formed)
{
	hvo_write(RACE "before_write_ms", 10000);
	return walk_meanwhile(formed);
}

/*
 * The walker starts after the wait for walkers. Its first check is before the remap,
 * the second one when the folio is in use.
 */
static int walk_and_read(bool *formed)
{
	hvo_write(RACE "before_check_ms", 6000);
	hvo_write(RACE "after_wait_ms", 7000);
	hvo_write(RACE "between_ms", 12000);
	return walk_meanwhile(formed);
}

/* Reads soon after the remap, before the CPU evicts the TLB entry by itself. */
static int look_meanwhile(bool *formed)
{
	pid_t pid = start(watch);
	bool well;
	int tries;

	*formed = form_huge_pages();
	shared->look = true;
	for (tries = 0; tries < 5000 && shared->looks < 3; tries++)
		usleep(1000);
	well = ended_well(pid);
	*formed = *formed && use_huge_pages();
	let_go();
	CHECK(well, "the reader crashed");
	CHECK(!*formed || (shared->tail_before && shared->looks), "no read around the remap");
	CHECK(!*formed || !shared->tail_after, "an old translation, in %lu of %lu looks",
	      shared->tail_after, shared->looks);
	CHECK(hvo_pool(0) == 0, "pool not emptied");
	return KSFT_PASS;
}

/* A test cannot choose which free memory the pool takes, so try up to 5 times. */
static int until_they_meet(int (*meet)(bool *formed))
{
	bool formed = false;
	int tries, ret;

	for (tries = 0; tries < 5 && !formed; tries++) {
		ret = find_place();
		if (ret == KSFT_PASS)
			ret = meet(&formed);
		if (ret != KSFT_PASS)
			return ret;
	}
	CHECK(formed, "the page was never in the pool");
	ksft_print_msg("raced on attempt %d\n", tries);
	return KSFT_PASS;
}

static int walker_that_is_about_to_write(void)
{
	return until_they_meet(walk_and_write);
}

static int walker_that_is_about_to_read(void)
{
	return until_they_meet(walk_and_read);
}

/* Three times, as a CPU sometimes evicts the TLB entry by itself. */
static int cpu_with_an_old_translation(void)
{
	int i, ret = KSFT_PASS;

	for (i = 0; i < 3 && ret == KSFT_PASS; i++)
		ret = until_they_meet(look_meanwhile);
	return ret;
}

/*
 * The batch of a growing pool is delayed before its first remap. A write to the seal
 * meanwhile waits for the last remap. No later case can change the vmemmap.
 */
static int sealing_waits_for_the_last_change(void)
{
	long ended;
	pid_t pid;

	NEED(is_debug_kernel(), "not the debug kernel, or nothing is optimized");
	hvo_write(RACE "after_wait_ms", 9000);
	pid = fork();
	if (!pid)
		_exit(hvo_pool(POOL) != POOL);
	sleep(3);
	CHECK(hvo_optimized() == 0, "the batch was not delayed");
	CHECK(!hvo_write(SYSCTL_SEAL, 1), "cannot seal");
	ended = hvo_optimized();
	CHECK(ended_well(pid), "no pool");
	let_go();
	CHECK(ended == POOL, "%ld of %ld pages were optimized when the write returned",
	      ended, POOL);
	return KSFT_PASS;
}

/* The first one where there are fake heads: elsewhere a walker checks only once. */
static const struct hvo_case cases[] = {
	HVO_CASE(walker_that_is_about_to_read),
	HVO_CASE(walker_that_is_about_to_write),
	HVO_CASE(cpu_with_an_old_translation),
	HVO_CASE(sealing_waits_for_the_last_change),
};

/* hvo.skip= 1, 2 or 4 leaves out one step. Then only the case for this step runs. */
int main(void)
{
	static const int case_of[] = { [1] = 1, [2] = 0, [4] = 2 };
	const int first = !hvo_fake_heads();
	char skip[8];

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	/* small per-CPU lists, so that freed pages can become huge pages */
	hvo_write("/proc/sys/vm/percpu_pagelist_high_fraction", 1 << 20);
	if (!hvo_cmdline("hvo.skip", skip, sizeof(skip)))
		hvo_run(&cases[first], sizeof(cases) / sizeof(cases[0]) - first, true);
	hvo_write_str(RACE "skip", skip);
	hvo_run(&cases[case_of[atoi(skip)]], 1, true);
}
