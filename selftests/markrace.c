// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory errors in a free page that becomes a tail of a HugeTLB page while they are
 * handled. The debug kernel delays the handler at three points: after it has found
 * that the page is not HugeTLB, while it sets the mark (PG_hwpoison), and before it
 * counts the error. hvo.skip= disables one of the precautions. Then a case must
 * fail.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "hvo.h"

#define RACE		"/sys/kernel/debug/hvo_race/"
#define POOL		4L
#define SUBPAGES	(HUGE_2M / PAGE)
#define IN_A_TAIL	200	/* its struct page is in the fourth vmemmap page */

static const char * const windows[] = {
	RACE "before_mark_ms", RACE "while_marking_ms", RACE "after_mark_ms",
};

enum { BEFORE, WHILE, AFTER };

static uint64_t heads[POOL];		/* of the pool, when it was last mapped */
static long corrupted_before;
static bool met;

static bool is_debug_kernel(void)
{
	return !access(windows[BEFORE], F_OK) && hvo_optimizing();
}

/* The pfn of some page of the pool, or @head if the pool has it; else 0 */
static uint64_t find_in_pool(uint64_t head)
{
	char *map = hvo_map(POOL * HUGE_2M, HUGE_2M);
	uint64_t found = 0;
	long i;

	for (i = 0; map && i < POOL; i++) {
		heads[i] = hvo_pfn(map + i * HUGE_2M);
		if (!head || heads[i] == head)
			found = heads[i];
	}
	if (map)
		munmap(map, POOL * HUGE_2M);
	return found;
}

/* The target has just left the pool, so the pool will probably take it again. */
static int free_target(uint64_t *head)
{
	NEED(is_debug_kernel(), "not the debug kernel, or nothing is optimized");
	CHECK(hvo_pool(POOL) == POOL, "no pool");
	*head = find_in_pool(0);
	CHECK(*head, "no page");
	CHECK(hvo_pool(0) == 0, "pool not emptied");
	corrupted_before = hvo_meminfo("HardwareCorrupted");
	return KSFT_PASS;
}

static void set_windows(long before, long during, long after)
{
	hvo_write(windows[BEFORE], before);
	hvo_write(windows[WHILE], during);
	hvo_write(windows[AFTER], after);
}

/*
 * The handler is delayed, so it runs in a task of its own. Returns once its delay has
 * begun, or after half a minute.
 */
static pid_t fail_page(uint64_t pfn)
{
	pid_t pid;
	int tries;

	hvo_write(RACE "at_mark", 0);
	pid = fork();
	if (!pid) {
		mlockall(MCL_CURRENT | MCL_FUTURE);
		hvo_write(RACE "walker", getpid());
		_exit(hvo_poison(pfn) ? 1 : 0);
	}
	for (tries = 0; tries < 3000 && !hvo_read(RACE "at_mark"); tries++)
		usleep(10000);
	return pid;
}

static bool ended_well(pid_t pid)
{
	int status = -1;

	return waitpid(pid, &status, 0) == pid && !status;
}

static uint64_t flags_of(uint64_t pfn)
{
	return hvo_kernel_word(hvo_vmemmap_base() + pfn * STRUCT_PAGE);
}

/*
 * In tails that are shared, a mark would be one in every folio. Of a tail
 * /proc/kpageflags tells its head's mark, so compare it with the tail behind it.
 */
static bool is_marked(uint64_t head)
{
	return hvo_poisoned(head, SUBPAGES) ||
	       flags_of(head + IN_A_TAIL) != flags_of(head + IN_A_TAIL + 1);
}

static int marks_elsewhere(uint64_t head)
{
	int i, marks = 0;

	for (i = 0; i < POOL; i++)
		marks += heads[i] != head && is_marked(heads[i]);
	return marks;
}

/* In every case the error is counted once, and can be undone. */
static int one_error_and_no_more(uint64_t head)
{
	CHECK(hvo_read(RACE "walker") == 0, "the handler was not delayed");
	CHECK(!marks_elsewhere(head), "%d marks on other pages", marks_elsewhere(head));
	CHECK(hvo_pool(0) == 0, "pool not emptied");
	CHECK(hvo_poisoned(head, SUBPAGES) == 1 && hvo_poisoned(head + IN_A_TAIL, 1) == 1,
	      "%d marks", hvo_poisoned(head, SUBPAGES));
	CHECK(hvo_meminfo("HardwareCorrupted") == corrupted_before + 4, "%ld KiB more",
	      hvo_meminfo("HardwareCorrupted") - corrupted_before);
	CHECK(!hvo_unpoison(head + IN_A_TAIL), "it cannot be unpoisoned");
	CHECK(hvo_meminfo("HardwareCorrupted") == corrupted_before, "%ld KiB more",
	      hvo_meminfo("HardwareCorrupted") - corrupted_before);
	return KSFT_PASS;
}

/* The page is found not to be HugeTLB, and then enters the pool and is optimized. */
static int mark_after_an_old_answer(void)
{
	uint64_t head;
	pid_t pid;
	int ret = free_target(&head);

	if (ret != KSFT_PASS)
		return ret;
	set_windows(6000, 0, 0);
	pid = fail_page(head + IN_A_TAIL);
	met = hvo_pool(POOL) == POOL && find_in_pool(head);
	CHECK(ended_well(pid), "the error was not handled");
	return one_error_and_no_more(head);
}

/*
 * The mark is set when the page is already HugeTLB, and counted seconds later. The
 * page must not be optimized, or the mark is lost.
 */
static int mark_as_the_first_of_all(void)
{
	uint64_t head;
	long optimized;
	pid_t pid;
	int ret = free_target(&head);

	if (ret != KSFT_PASS)
		return ret;
	set_windows(0, 4000, 6000);
	pid = fail_page(head + IN_A_TAIL);
	met = hvo_pool(POOL) == POOL && find_in_pool(head);
	optimized = hvo_optimized();
	CHECK(!met || corrupted_before == hvo_meminfo("HardwareCorrupted"), "counted too early");
	CHECK(ended_well(pid), "the error was not handled");
	CHECK(!met || optimized == POOL - 1, "%ld of %ld optimized", optimized, POOL);
	return one_error_and_no_more(head);
}

/* A test cannot choose which free memory the pool takes, so retry. */
static int until_they_meet(int (*meet)(void))
{
	int tries, ret = KSFT_PASS;

	met = false;
	for (tries = 0; tries < 5 && !met && ret == KSFT_PASS; tries++)
		ret = meet();
	CHECK(ret != KSFT_PASS || met, "the page was never in the pool");
	return ret;
}

static int first_error_of_all(void)
{
	return until_they_meet(mark_as_the_first_of_all);
}

static int answer_that_is_out_of_date(void)
{
	return until_they_meet(mark_after_an_old_answer);
}

static const struct hvo_case cases[] = {
	HVO_CASE(first_error_of_all),
	HVO_CASE(answer_that_is_out_of_date),
};

/* hvo.skip=8 skips the second check for HugeTLB, 16 the announcement of a mark. */
int main(void)
{
	char skip[8];

	if (!hvo_cmdline("hvo.skip", skip, sizeof(skip)))
		HVO_RUN(cases);
	hvo_write_str(RACE "skip", skip);
	hvo_run(&cases[atoi(skip) == 8], 1, true);
}
