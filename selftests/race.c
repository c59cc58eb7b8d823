// SPDX-License-Identifier: GPL-2.0-only
/*
 * The races that the grace periods and the TLB flush close, with windows of
 * seconds: the debug kernel holds a walker up on its way to a refcount while
 * the page that it looks at becomes a tail of an optimised huge page. With
 * hvo.skip= one step of the protocol is left out, and then a case must fail.
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
/* Small: the debug kernel takes a millisecond for each page of it */
#define REGION		(24UL << 20)
#define POOL		32L
#define PAGES		(REGION / PAGE)
#define HUGE_SUBPAGES	(HUGE_2M / PAGE)
#define PFNS_PER_TAIL	(PAGE / STRUCT_PAGE)
#define KPF_COMPOUND_TAIL	(1UL << 16)
#define KPF_HUGE		(1UL << 17)

static struct shared {
	atomic_bool ready, look, stop;
	atomic_ulong flags;	/* those that were always seen */
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

/* At once, because a call for each takes minutes in the debug kernel */
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
 * A small page whose struct page will be the first one of a tail vmemmap page,
 * a fake head, when the huge page around it is formed; all of that is ours now.
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

/* Asks whether the page is idle, which takes a reference, and is held up. */
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

/* Looks at the struct page, and at nothing else, as long as it is told to. */
static void watch(void)
{
	int file = open("/proc/kpageflags", O_RDONLY);
	uint64_t flags;

	while (!shared->stop) {
		if (pread(file, &flags, sizeof(flags), target * 8) != sizeof(flags))
			_exit(1);
		if (shared->look)
			shared->flags &= flags;
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
	shared->flags = -1UL;
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

/* Uses the huge pages; whether the target is one of theirs */
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
	hvo_write(RACE "before_count_ms", 0);
	hvo_write(RACE "before_write_ms", 0);
	hvo_write(RACE "after_first_wait_ms", 0);
}

static int find_place(void)
{
	NEED(is_debug_kernel(), "not the debug kernel, or nothing is optimised");
	run_on(0);
	CHECK(map_region(), "no memory");
	target = find_target();
	CHECK(target, "no huge page of our own");
	return KSFT_PASS;
}

static int walk_meanwhile(void)
{
	bool formed, well;
	pid_t pid;

	pid = start(walk);
	formed = form_huge_pages() && use_huge_pages();
	well = ended_well(pid);
	CHECK(hvo_read(RACE "walker") == 0, "the walker was not held up");
	let_go();
	CHECK(well, "the walker was hit");
	CHECK(formed, "the page is not in the pool");
	return KSFT_PASS;
}

/* It has seen a refcount in use, and is about to write: the first wait is for it. */
static int walker_that_is_about_to_write(void)
{
	int ret = find_place();

	if (ret != KSFT_PASS)
		return ret;
	hvo_write(RACE "before_write_ms", 10000);
	return walk_meanwhile();
}

/*
 * It comes after the first wait, finds a page that is no fake head yet, and reads
 * the refcount when it is one: the second wait is for it.
 */
static int walker_that_is_about_to_read(void)
{
	int ret = find_place();

	if (ret != KSFT_PASS)
		return ret;
	hvo_write(RACE "before_check_ms", 6000);
	hvo_write(RACE "after_first_wait_ms", 7000);
	hvo_write(RACE "before_count_ms", 12000);
	return walk_meanwhile();
}

/* What the page allocator hands out next are the pages that were just freed. */
static void write_over_freed_pages(void)
{
	size_t size = 4 * POOL * TAILS_2M * PAGE;
	char *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return;
	memset(map, 0xa5, size);
	munmap(map, size);
}

/* Soon, before the CPU forgets the translation by itself */
static int look_meanwhile(void)
{
	bool formed, well;
	uint64_t flags;
	pid_t pid;

	pid = start(watch);
	formed = form_huge_pages();
	shared->look = true;
	write_over_freed_pages();
	shared->look = false;
	well = ended_well(pid);
	flags = shared->flags;
	formed = formed && use_huge_pages();
	let_go();
	CHECK(well, "who looked was hit");
	CHECK(formed, "the page is not in the pool");
	CHECK((flags & KPF_HUGE) && (flags & KPF_COMPOUND_TAIL), "it saw flags %lx", flags);
	return KSFT_PASS;
}

static int cpu_with_an_old_translation(void)
{
	int tries, ret;

	for (tries = 0; tries < 4; tries++) {
		ret = find_place();
		if (ret == KSFT_PASS)
			ret = look_meanwhile();
		if (ret != KSFT_PASS)
			return ret;
		CHECK(hvo_pool(0) == 0, "pool not emptied");
	}
	return KSFT_PASS;
}

static const struct hvo_case cases[] = {
	HVO_CASE(walker_that_is_about_to_write),
	HVO_CASE(walker_that_is_about_to_read),
	HVO_CASE(cpu_with_an_old_translation),
};

int main(void)
{
	char skip[8];

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (hvo_cmdline("hvo.skip", skip, sizeof(skip)))
		hvo_write_str(RACE "skip", skip);
	HVO_RUN(cases);
}
