/* SPDX-License-Identifier: GPL-2.0-only */
/* The simulated rest of the kernel: faults to inject, counters, and controls */
#ifndef HVO_UNIT_WORLD_H
#define HVO_UNIT_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#define GIGANTIC_ORDER 16	/* its vmemmap fills two tables */

struct world {
	unsigned long seed, rng;	/* with an input, seed is its number */
	const uint8_t *input;		/* its unused bytes, NULL: choose at random */
	size_t input_left;
	int step;
	/* faults to inject */
	bool no_memory;			/* nothing can be allocated */
	long pages_left;		/* that can be allocated, -1: no limit */
	long hidden;			/* pages_left after a drain, -1: no change */
	long zone_free;			/* pages above the high watermark, -1: enough */
	long emergency;			/* pages for __GFP_MEMALLOC alone */
	bool killed;			/* waiting for a lock is interrupted */
	int fail_table, fail_page;	/* the n-th allocation fails, 0: none */
	int fail_object;		/* the same for sysfs */
	bool fail_blocks;
	bool cpu_bug;			/* a CPU that cannot have two sizes of one page */
	bool tracked_alone;		/* allocation profiling tracks single pages */
	unsigned long scattered;		/* one in so many blocks fails, 0: none */
	/* what has happened */
	long grace_periods, expedited, frozen_at, flushes, drains, reclaims, emergencies;
	long memmap_pages, memmap_boot_pages, taken, managed, freed_blocks;
	long refused, untracked_tables;
	int readers;
	int online_mems;
	char log[256];
	int log_lines;
};

/* Where the code allocates; unit_refusals[] counts the failures of each */
enum unit_site {
	AT_PGD, AT_P4D, AT_PUD, AT_PMD, AT_BLOCK, AT_PAGE,	/* populating */
	AT_GROUP,						/* sysfs */
	AT_REFILL, AT_RUN, AT_FIRST, AT_LAST_RESORT, AT_MORE, AT_BIG,	/* restoring */
	NR_SITES
};

extern struct world world;
extern long unit_refusals[NR_SITES];

#define ENSURE(cond) ((cond) ? (void)0 : unit_fail(__FILE__, __LINE__, #cond))
void unit_fail(const char *file, int line, const char *what);
unsigned long unit_random(unsigned long below);
unsigned long unit_choose(unsigned long below);
bool unit_tlb_is_true(unsigned long vpage);

void world_create(void);
void world_boot_is_over(void);
void world_map_leaf(unsigned long table);
void world_unplug(unsigned long table);
bool world_is_one_block(unsigned long table);
bool world_is_collapsed(unsigned long table);
void world_undo_collapsing(void);
void world_save(void);
void world_rewind(void);
unsigned long world_digest(void);
bool world_run_work(void);
int world_sysctl_write(const char *name, int value);
int world_sysctl_read(const char *name);
const char *world_sysfs(const char *name);

#endif
