// SPDX-License-Identifier: GPL-2.0-only
/*
 * A page that leaves the pool needs memory. Each of these allocations is made to
 * fail, one after the other. The page then leaves, or stays in the pool and is
 * still optimized, and a retry without the fault works.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "hvo.h"

#define KNOBS	"/sys/kernel/debug/fail_page_alloc/"
#define POOL	4L
#define MANY	1000000L

static long vmemmap_before;
static int nth = -1, make_it_fail = -1;

/* Returns whether @value was written. */
static bool put(int fd, long value)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%ld", value);

	if (pwrite(fd, text, len, 0) == len)
		return true;
	ksft_print_msg("writing %ld: %s\n", value, strerror(errno));
	return false;
}

/* Kworkers restore and free surplus pages, and refill the reserve. */
static void workers_may_fail(bool yes)
{
	DIR *proc = opendir("/proc");
	char path[300], name[32];
	struct dirent *entry;

	while (proc && (entry = readdir(proc))) {
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		if (!atoi(entry->d_name) || hvo_read_word(path, name, sizeof(name)) ||
		    strncmp(name, "kworker", 7))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/make-it-fail", entry->d_name);
		hvo_write(path, yes);
	}
	if (proc)
		closedir(proc);
}

/* Fail the @n-th allocation if @single, else @times allocations from page @n on. */
struct fault {
	bool single;
	long n, times;
};

static void arm(const struct fault *fault)
{
	hvo_write(KNOBS "space", fault->n);
	hvo_write(KNOBS "times", fault->single ? 0 : fault->times);
	if (fault->single)
		put(nth, fault->n);
	else
		put(make_it_fail, 1);
}

/* Returns whether the fault was injected. */
static bool disarm(const struct fault *fault)
{
	char left[24] = "";
	bool reached;

	put(make_it_fail, 0);
	if (fault->single) {
		if (pread(nth, left, sizeof(left) - 1, 0) < 0)
			return false;
		put(nth, 0);
		reached = atol(left) == 0;
	} else {
		reached = hvo_read(KNOBS "times") < fault->times;
	}
	hvo_write(KNOBS "times", 0);
	return reached;
}

static bool have_faults(void)
{
	nth = open("/proc/self/fail-nth", O_RDWR);
	make_it_fail = open("/proc/self/make-it-fail", O_RDWR);
	if (nth < 0 || make_it_fail < 0 || hvo_write(KNOBS "times", 0))
		return false;
	hvo_write(KNOBS "min-order", 0);
	hvo_write_str(KNOBS "ignore-gfp-wait", "N");
	hvo_write_str(KNOBS "task-filter", "Y");
	hvo_write(KNOBS "probability", 100);
	hvo_write(KNOBS "verbose", 0);
	hvo_write("/sys/kernel/debug/failslab/verbose", 0);
	return true;
}

/* A work item fills the reserve. It is full or empty; wait up to 5 seconds. */
static int reserve_is_full(void)
{
	int tries;

	for (tries = 0; tries < 500 && hvo_read(HVO_SYSFS "reserve_kb") != RESERVE_KIB; tries++)
		usleep(10000);
	CHECK(hvo_read(HVO_SYSFS "reserve_kb") == RESERVE_KIB, "%ld KiB",
	      hvo_read(HVO_SYSFS "reserve_kb"));
	return KSFT_PASS;
}

static int pool_is(long pages, long surplus)
{
	CHECK(hvo_read(POOL_2M "nr_hugepages") == pages, "%ld pages",
	      hvo_read(POOL_2M "nr_hugepages"));
	CHECK(hvo_read(POOL_2M "surplus_hugepages") == surplus, "%ld surplus",
	      hvo_read(POOL_2M "surplus_hugepages"));
	CHECK(hvo_optimized() == pages, "%ld optimized", hvo_optimized());
	CHECK(vmemmap_before - hvo_vmemmap_pages() == pages * TAILS_2M, "%ld freed",
	      vmemmap_before - hvo_vmemmap_pages());
	return KSFT_PASS;
}

static int empty_the_pool(void)
{
	CHECK(hvo_empty_pool() == 0, "%ld pages are stuck", hvo_read(POOL_2M "nr_hugepages"));
	TRY(pool_is(0, 0));
	return reserve_is_full();
}

/* Takes one page out of the pool, with @fault; *stuck is set if the page stayed. */
static int shrink(const struct fault *fault, bool *reached, bool *stuck)
{
	long failures = hvo_read(HVO_SYSFS "restore_failures");
	int pages = open(POOL_2M "nr_hugepages", O_WRONLY);
	bool written;

	CHECK(hvo_pool(POOL) == POOL, "no pool");
	arm(fault);
	written = put(pages, POOL - 1);
	*reached = disarm(fault);
	close(pages);
	/* The fault may hit the buffer of this write: nothing is shrunk then. */
	*stuck = written && hvo_read(POOL_2M "nr_hugepages") == POOL;
	TRY(pool_is(POOL - (written && !*stuck), *stuck));
	CHECK((hvo_read(HVO_SYSFS "restore_failures") > failures) == *stuck,
	      "counted wrong");
	return empty_the_pool();
}

/* Like shrink(), but with a surplus page, which a work item restores */
static int unmap_surplus(const struct fault *fault, bool *reached, bool *stuck)
{
	char *map;

	hvo_write(POOL_2M "nr_overcommit_hugepages", 1);
	map = hvo_map(HUGE_2M, HUGE_2M);
	CHECK(map, "no surplus page");
	workers_may_fail(true);
	arm(fault);
	put(make_it_fail, 0);
	munmap(map, HUGE_2M);
	hvo_pool(0); /* waits for the work item */
	*reached = disarm(fault);
	workers_may_fail(false);
	*stuck = hvo_read(POOL_2M "nr_hugepages") == 1;
	TRY(*stuck ? pool_is(1, 1) : pool_is(0, 0));
	return empty_the_pool();
}

typedef int (*operation)(const struct fault *fault, bool *reached, bool *stuck);

/*
 * Runs @operation with a fault at the first allocated page, then at the second,
 * until the fault is not reached. At least @nr_pages faults must be reached. The
 * page must leave the pool each time.
 */
static int each_in_turn(operation operation, bool single, long times, long nr_pages)
{
	struct fault fault = { .single = single, .times = times };
	bool reached = true, stuck;
	int nr_stuck = 0;

	NEED(hvo_optimizing(), "pages are not being optimized");
	for (fault.n = 1; reached && fault.n < 100; fault.n++) {
		if (operation(&fault, &reached, &stuck) != KSFT_PASS) {
			ksft_print_msg("failed with a fault at page %ld\n", fault.n);
			return KSFT_FAIL;
		}
		nr_stuck += stuck;
	}
	ksft_print_msg("%ld faults, %d times the page stayed\n", fault.n - 2, nr_stuck);
	CHECK(!reached && fault.n - 2 >= nr_pages, "wrong number of faults reached");
	CHECK(!nr_stuck, "the page stayed %d times", nr_stuck);
	return KSFT_PASS;
}

/* If the block allocation fails, single pages are used: one fault has no effect. */
static int shrinking_with_one_fault(void)
{
	return each_in_turn(shrink, true, 1, 1);
}

/* The block allocation fails, and later that of a single page: both are retried. */
static int shrinking_with_two_faults(void)
{
	return each_in_turn(shrink, false, 2, TAILS_2M);
}

/* From some point on every allocation fails, so the reserve must be used. */
static int shrinking_with_nothing_more(void)
{
	long used = hvo_read(HVO_SYSFS "reserve_used");
	int ret = each_in_turn(shrink, false, MANY, TAILS_2M);

	if (ret != KSFT_PASS)
		return ret;
	CHECK(hvo_read(HVO_SYSFS "reserve_used") - used >= TAILS_2M,
	      "used only %ld times", hvo_read(HVO_SYSFS "reserve_used") - used);
	return KSFT_PASS;
}

/* Includes the slab, because the debug kernel delays the freeing of slab objects. */
static long unused_kib(void)
{
	return hvo_free_kib() + hvo_meminfo("Slab");
}

static int surplus_page_with_two_faults(void)
{
	return each_in_turn(unmap_surplus, false, 2, TAILS_2M);
}

static int surplus_page_with_nothing_more(void)
{
	return each_in_turn(unmap_surplus, false, MANY, TAILS_2M);
}

/*
 * The reserve is enough for one page, and the refill fails too. The other pages stay
 * in the pool as surplus pages, and leave when memory is free again.
 */
static int reserve_lasts_for_one_page(void)
{
	const struct fault fault = { .n = 1, .times = MANY };
	long failures = hvo_read(HVO_SYSFS "restore_failures");
	long used = hvo_read(HVO_SYSFS "reserve_used");
	int pages = open(POOL_2M "nr_hugepages", O_WRONLY);
	int tries = 0;
	bool written;

	NEED(hvo_optimizing(), "pages are not being optimized");
	CHECK(hvo_pool(POOL) == POOL, "no pool");
	workers_may_fail(true);
	do { /* until there is memory for the buffer of this write */
		arm(&fault);
		written = put(pages, 0);
		CHECK(disarm(&fault), "no allocation failed");
	} while (!written && tries++ < 10);
	close(pages);
	TRY(pool_is(POOL - 1, POOL - 1));
	failures = hvo_read(HVO_SYSFS "restore_failures") - failures;
	CHECK(hvo_read(HVO_SYSFS "reserve_used") == used + 1,
	      "the reserve was not used exactly once");
	CHECK(hvo_read(HVO_SYSFS "reserve_kb") == 0, "the reserve was refilled");
	CHECK(failures >= POOL - 1, "%ld failures counted", failures);
	workers_may_fail(false);
	return empty_the_pool();
}

/*
 * The block allocation fails, then that of a single page. Demotion returns -ENOMEM,
 * and the 1 GiB page stays. Ten faults instead of two, because the debug kernel
 * has allocations of its own.
 */
static int demote_once(long n)
{
	const struct fault fault = { .n = n, .times = 10 };
	int demote = open(POOL_1G "demote", O_WRONLY);
	bool reached;
	int ret;

	arm(&fault);
	ret = pwrite(demote, "1", 1, 0) == 1 ? 0 : errno;
	reached = disarm(&fault);
	close(demote);
	CHECK(reached, "page %ld is not reached", n);
	CHECK(ret == ENOMEM, "page %ld: %s", n, strerror(ret));
	CHECK(hvo_read(POOL_1G "nr_hugepages") == 1,
	      "page %ld: the 1 GiB page is gone", n);
	CHECK(hvo_saved_kib() == SAVED_1G, "page %ld: %ld KiB saved", n,
	      hvo_saved_kib());
	CHECK(vmemmap_before - hvo_vmemmap_pages() == TAILS_1G,
	      "page %ld: %ld freed", n, vmemmap_before - hvo_vmemmap_pages());
	return KSFT_PASS;
}

/*
 * Pages allocated before the fault must be freed. The last three faults come after
 * nearly 16 MiB each, so a leak exceeds the limit of 32 MiB. The debug kernel itself
 * allocates less than that.
 */
static int demotion_with_faults(void)
{
	static const long numbers[] = {
		1, 64, 512, 513, TAILS_1G, TAILS_1G, TAILS_1G,
	};
	long free;
	unsigned int i;

	NEED(hvo_optimizing(), "pages are not being optimized");
	hvo_write(POOL_1G "nr_hugepages", 1);
	NEED(hvo_read(POOL_1G "nr_hugepages") == 1, "no contiguous GiB of memory is free");
	free = unused_kib();
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		TRY(demote_once(numbers[i]));
	free -= unused_kib();
	ksft_print_msg("%ld KiB less free memory\n", free);
	CHECK(free < 32 * 1024, "%ld KiB are lost", free);
	CHECK(!hvo_write(POOL_1G "demote", 1), "cannot demote without a fault");
	CHECK(hvo_read(POOL_2M "nr_hugepages") == 512, "%ld pages",
	      hvo_read(POOL_2M "nr_hugepages"));
	return empty_the_pool();
}

static const struct hvo_case cases[] = {
	HVO_CASE(shrinking_with_one_fault),
	HVO_CASE(shrinking_with_two_faults),
	HVO_CASE(shrinking_with_nothing_more),
	HVO_CASE(surplus_page_with_two_faults),
	HVO_CASE(surplus_page_with_nothing_more),
	HVO_CASE(reserve_lasts_for_one_page),
	HVO_CASE(demotion_with_faults),
};

int main(void)
{
	if (!have_faults())
		ksft_exit_skip("no fault injection in this kernel\n");
	hvo_pool(0);
	vmemmap_before = hvo_vmemmap_pages();
	HVO_RUN(cases);
}
