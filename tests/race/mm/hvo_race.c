// SPDX-License-Identifier: GPL-2.0-only
/*
 * Wide windows for races, in the debug kernel only
 *
 * Under /sys/kernel/debug/hvo_race a test names a task, how long to hold it up
 * before it reads a refcount and before it writes to one, and what to leave out
 * of the protocol with walkers and TLBs. Nothing is different until then.
 */
#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/init.h>
#include <linux/page_ref.h>
#include <linux/sched.h>

#include "hvo_race.h"

#define SKIP_FIRST_WAIT		1	/* between freezing and remapping */
#define SKIP_SECOND_WAIT	2	/* between remapping and handing on */
#define SKIP_FLUSH		4

static u32 walker;		/* thread ID of the task to hold up, 0 for none */
static u32 before_count_ms;
static u32 before_write_ms;
static u32 held_up;		/* how often it was */
static u32 skip;
static bool flushed;		/* the next wait is the second one */

static void hold_up(u32 ms)
{
	if (!ms || READ_ONCE(walker) != current->pid)
		return;
	WRITE_ONCE(held_up, held_up + 1);
	mdelay(ms);
}

/* Returns true, to stand in the middle of a condition. */
bool hvo_race_before_count(void)
{
	hold_up(READ_ONCE(before_count_ms));
	return true;
}

/* What atomic_add_unless() does, with time to spare before each attempt */
bool hvo_race_add_unless(atomic_t *count, int nr, int unless)
{
	int seen = atomic_read(count);

	do {
		if (seen == unless)
			return false;
		hold_up(READ_ONCE(before_write_ms));
	} while (!atomic_try_cmpxchg(count, &seen, seen + nr));
	return true;
}

bool hvo_race_skips_wait(void)
{
	u32 which = flushed ? SKIP_SECOND_WAIT : SKIP_FIRST_WAIT;

	flushed = false;
	return skip & which;
}

bool hvo_race_skips_flush(bool optimizing)
{
	flushed = optimizing;
	return skip & SKIP_FLUSH;
}

static int __init hvo_race_init(void)
{
	struct dentry *dir = debugfs_create_dir("hvo_race", NULL);

	debugfs_create_u32("walker", 0600, dir, &walker);
	debugfs_create_u32("before_count_ms", 0600, dir, &before_count_ms);
	debugfs_create_u32("before_write_ms", 0600, dir, &before_write_ms);
	debugfs_create_u32("held_up", 0600, dir, &held_up);
	debugfs_create_u32("skip", 0600, dir, &skip);
	return 0;
}
late_initcall(hvo_race_init);
