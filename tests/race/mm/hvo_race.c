// SPDX-License-Identifier: GPL-2.0-only
/*
 * Wide windows for races, in the debug kernel only
 *
 * In /sys/kernel/debug/hvo_race a test sets the task to delay (the walker), the delay
 * at each point, and the steps to leave out of the protocol with walkers, TLBs and
 * memory failures. By default there is no delay and no step is left out.
 */
#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/init.h>
#include <linux/page_ref.h>
#include <linux/sched.h>

#include "hvo_race.h"

#define SKIP_WAIT	1	/* for walkers; on 7.3: map tails read-only */
#define SKIP_ORDER	2	/* stock's order: fake head first, then the refcount */
#define SKIP_FLUSH	4
#define SKIP_SECOND_ANSWER	8	/* the second check for HugeTLB, before the mark */
#define SKIP_MARKS_BEGIN	16	/* the announcement of the first mark */

static u32 walker;		/* its thread ID; reset to 0 when it was delayed */
static u32 before_check_ms;	/* outside the RCU section */
static u32 between_ms;		/* the two checks of page_ref_add_unless() */
static u32 before_write_ms;
static u32 after_wait_ms;
static u32 before_mark_ms;	/* outside the RCU section */
static u32 while_marking_ms;
static u32 after_mark_ms;	/* but before the error is counted */
static u32 at_mark;		/* set as one of the two delays before it begins */
static u32 skip;

static bool is_walker(void)
{
	return unlikely(READ_ONCE(walker) == current->pid);
}

void hvo_race_before_check(void)
{
	if (is_walker() && before_check_ms)
		msleep(before_check_ms);
}

static void __maybe_unused between(void)
{
	if (is_walker() && between_ms) {
		WRITE_ONCE(walker, 0);
		mdelay(between_ms);
	}
}

#include "hvo_race_walker.h"	/* that of the kernel version */

/* Like atomic_add_unless(), with a delay before the attempt */
bool hvo_race_add_unless(atomic_t *count, int nr, int unless)
{
	int seen = atomic_read(count);

	if (is_walker() && before_write_ms) {
		WRITE_ONCE(walker, 0);
		mdelay(before_write_ms);
	}
	do {
		if (seen == unless)
			return false;
	} while (!atomic_try_cmpxchg(count, &seen, seen + nr));
	return true;
}

bool hvo_race_skips_wait(void)
{
	return skip & SKIP_WAIT;
}

void hvo_race_after_wait(void)
{
	if (after_wait_ms)
		msleep(after_wait_ms);
}

bool hvo_race_skips_flush(void)
{
	return skip & SKIP_FLUSH;
}

void hvo_race_before_mark(void)
{
	if (is_walker() && before_mark_ms) {
		WRITE_ONCE(walker, 0);
		WRITE_ONCE(at_mark, 1);
		msleep(before_mark_ms);
	}
}

bool hvo_race_skips_second_answer(void)
{
	return skip & SKIP_SECOND_ANSWER;
}

void hvo_race_while_marking(void)
{
	if (is_walker() && while_marking_ms) {
		WRITE_ONCE(at_mark, 1);
		mdelay(while_marking_ms);
	}
}

void hvo_race_after_mark(void)
{
	if (!is_walker())
		return;
	WRITE_ONCE(walker, 0);
	if (after_mark_ms)
		msleep(after_mark_ms);
}

bool hvo_race_skips_marks_begin(void)
{
	return skip & SKIP_MARKS_BEGIN;
}

static int __init hvo_race_init(void)
{
	struct dentry *dir = debugfs_create_dir("hvo_race", NULL);

	debugfs_create_u32("walker", 0600, dir, &walker);
	debugfs_create_u32("before_check_ms", 0600, dir, &before_check_ms);
	debugfs_create_u32("between_ms", 0600, dir, &between_ms);
	debugfs_create_u32("before_write_ms", 0600, dir, &before_write_ms);
	debugfs_create_u32("after_wait_ms", 0600, dir, &after_wait_ms);
	debugfs_create_u32("before_mark_ms", 0600, dir, &before_mark_ms);
	debugfs_create_u32("while_marking_ms", 0600, dir, &while_marking_ms);
	debugfs_create_u32("after_mark_ms", 0600, dir, &after_mark_ms);
	debugfs_create_u32("at_mark", 0600, dir, &at_mark);
	debugfs_create_u32("skip", 0600, dir, &skip);
	return 0;
}
late_initcall(hvo_race_init);
