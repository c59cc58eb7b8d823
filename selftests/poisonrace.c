// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory errors while a page leaves the pool or goes back to it, so while it changes
 * from HugeTLB to free memory and its vmemmap is restored. Another task injects the
 * error, after a delay that is varied over the whole operation.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "hvo.h"

#define POOL 4L
#define ROUNDS 150

/* Shared by both tasks. The poisoner waits for a pfn, and clears it when done. */
static struct shared {
	_Atomic uint64_t pfn;
	_Atomic long delay_ns;
	_Atomic int result;
} *shared;

static pid_t poisoner;
static long vmemmap_before, corrupted_before;
static unsigned int handled, busy, known, lost;

static long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

/* Allocates nothing in the loop, as it could get the page that it has poisoned. */
static void poison_forever(void)
{
	int fd = open("/sys/kernel/debug/hwpoison/corrupt-pfn", O_WRONLY);
	long start;
	char text[32];
	int len;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	mlockall(MCL_CURRENT | MCL_FUTURE);
	for (;;) {
		while (!atomic_load(&shared->pfn))
			;
		len = snprintf(text, sizeof(text), "0x%lx", atomic_load(&shared->pfn));
		for (start = now_ns(); now_ns() - start < atomic_load(&shared->delay_ns); )
			;
		atomic_store(&shared->result, write(fd, text, len) == len ? 0 : errno);
		atomic_store(&shared->pfn, 0);
	}
}

static bool start_poisoner(void)
{
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return false;
	mlockall(MCL_CURRENT | MCL_FUTURE);
	poisoner = fork();
	if (!poisoner)
		poison_forever();
	return poisoner > 0;
}

/* The mapping of the pool, and the pfns of its pages */
struct victims {
	char *map;
	uint64_t pfn[POOL];
};

static bool map_victims(struct victims *victims)
{
	long i;

	victims->map = hvo_map(POOL * HUGE_2M, HUGE_2M);
	for (i = 0; victims->map && i < POOL; i++)
		victims->pfn[i] = hvo_pfn(victims->map + i * HUGE_2M);
	return victims->map;
}

/*
 * Runs @body while the other task poisons a subpage of one of the pages. In even
 * rounds it is the head, whose mark is also the mark of the folio. The delay is up
 * to 49/40 of the time that the previous @body took.
 */
static uint64_t poison_during(void (*body)(char *map), struct victims *victims, int round)
{
	static long duration;
	uint64_t pfn = victims->pfn[random() % POOL] + round % 2 * (random() % 512);
	long start;

	atomic_store(&shared->delay_ns, duration * (round % 50) / 40);
	atomic_store(&shared->pfn, pfn);
	start = now_ns();
	body(victims->map);
	duration = now_ns() - start;
	while (atomic_load(&shared->pfn))
		;
	return pfn;
}

static void count_result(void)
{
	int result = atomic_load(&shared->result);

	handled += !result;
	busy += result == EBUSY;
	known += result == EHWPOISON;
}

/*
 * The page allocator reads all flags of a page that it frees and writes them back: a mark
 * that is set in between is gone (kernels/6.12/stock-bugs.md). That is rare, so that a
 * second mark that is lost is a bug of another kind.
 */
static bool lost_in_the_allocator(int marks)
{
	if (marks || lost++)
		return false;
	corrupted_before += 4;
	ksft_print_msg("one mark was lost\n");
	return true;
}

/*
 * In any case one error is counted, and the vmemmap is whole. One page is marked, but for
 * the above, and unpoison undoes both.
 */
static int one_error_and_no_more(uint64_t pfn, struct victims *victims)
{
	int marks = 0, i;

	CHECK(hvo_meminfo("HardwareCorrupted") == corrupted_before + 4, "%ld KiB more",
	      hvo_meminfo("HardwareCorrupted") - corrupted_before);
	for (i = 0; i < POOL; i++)
		marks += hvo_poisoned(victims->pfn[i], 512);
	if (!lost_in_the_allocator(marks)) {
		CHECK(marks == 1 && hvo_poisoned(pfn, 1) == 1, "%d marks", marks);
		CHECK(!hvo_unpoison(pfn), "it cannot be unpoisoned");
	}
	CHECK(hvo_meminfo("HardwareCorrupted") == corrupted_before, "%ld KiB more",
	      hvo_meminfo("HardwareCorrupted") - corrupted_before);
	CHECK(hvo_vmemmap_pages() == vmemmap_before, "%ld missing",
	      vmemmap_before - hvo_vmemmap_pages());
	CHECK(hvo_optimized() == 0, "%ld optimized", hvo_optimized());
	return KSFT_PASS;
}

static int many_rounds(bool (*prepare)(struct victims *victims), void (*body)(char *map))
{
	struct victims victims;
	uint64_t pfn;
	int round;

	vmemmap_before = hvo_vmemmap_pages();
	corrupted_before = hvo_meminfo("HardwareCorrupted");
	handled = 0, busy = 0, known = 0;
	for (round = 0; round < ROUNDS; round++) {
		CHECK(prepare(&victims), "round %d: no pages", round);
		pfn = poison_during(body, &victims, round);
		count_result();
		CHECK(hvo_pool(0) == 0, "pool not emptied");
		if (one_error_and_no_more(pfn, &victims) != KSFT_PASS) {
			ksft_print_msg("round %d, page %ld: %s\n", round, pfn % 512,
				       strerror(atomic_load(&shared->result)));
			return KSFT_FAIL;
		}
	}
	ksft_print_msg("%u handled, %u EBUSY, %u EHWPOISON\n", handled, busy, known);
	CHECK(handled + busy == ROUNDS && handled, "unexpected results");
	return KSFT_PASS;
}

static bool prepare_surplus(struct victims *victims)
{
	hvo_write(POOL_2M "nr_overcommit_hugepages", POOL);
	return map_victims(victims);
}

static void unmap(char *map)
{
	munmap(map, POOL * HUGE_2M);
}

static int while_surplus_pages_are_unmapped(void)
{
	return many_rounds(prepare_surplus, unmap);
}

static bool prepare_pool(struct victims *victims)
{
	return hvo_pool(POOL) == POOL && map_victims(victims);
}

static void unmap_and_shrink(char *map)
{
	munmap(map, POOL * HUGE_2M);
	hvo_pool(0);
}

static int while_pages_go_back_and_the_pool_shrinks(void)
{
	return many_rounds(prepare_pool, unmap_and_shrink);
}

static bool prepare_free_pool(struct victims *victims)
{
	if (!prepare_pool(victims))
		return false;
	munmap(victims->map, POOL * HUGE_2M);
	return true;
}

static void shrink(char *map)
{
	(void)map;
	hvo_pool(0);
}

static int while_the_pool_shrinks(void)
{
	return many_rounds(prepare_free_pool, shrink);
}

static const struct hvo_case cases[] = {
	HVO_CASE(while_surplus_pages_are_unmapped),
	HVO_CASE(while_pages_go_back_and_the_pool_shrinks),
	HVO_CASE(while_the_pool_shrinks),
};

int main(void)
{
	char value[16];

	if (access("/sys/kernel/debug/hwpoison/corrupt-pfn", W_OK))
		ksft_exit_skip("no hwpoison-inject\n");
	/* the kernel or another task must not get the poisoned page meanwhile */
	if (!hvo_cmdline("movablecore", value, sizeof(value)))
		ksft_exit_skip("no movablecore=\n");
	ksft_print_header();
	if (!start_poisoner())
		ksft_exit_fail_msg("cannot start the poisoner\n");
	hvo_run(cases, sizeof(cases) / sizeof(cases[0]), true);
}
