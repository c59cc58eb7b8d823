/* SPDX-License-Identifier: GPL-2.0-only */
/* What a program tells the simulation, and perf: nothing happens anywhere else. */
#ifndef WINDOW_H
#define WINDOW_H

#include <sys/cdefs.h>

/*
 * An instruction without effect, whose displacement no compiler would choose: "HVO"
 * in its upper three bytes, what is meant in the lowest.
 */
#define WINDOW_OPENS	0x4f564801
#define WINDOW_CLOSES	0x4f564802
#define WINDOW_MAP	0x4f564803	/* see map.c */
#define WINDOW_WAKES	0x4f564804	/* soon after the first mark the plugin is awake */

/*
 * After WINDOW_MAP and until the next mark the program tells how the vmemmap is
 * mapped, by reading: one byte for each PMD, at WINDOW_MAP_BASE, and in it which of
 * WINDOW_PMD_KINDS it is.
 */
#define WINDOW_MAP_BASE	0x4f5600000000UL
#define WINDOW_PMD_SIZE	(2UL << 20)

enum window_pmd {
	WINDOW_PMD_LEAF,	/* 2 MiB at once */
	WINDOW_PMD_TABLE,	/* by 4 KiB pages */
	WINDOW_PMD_TAILS,	/* likewise, some of them shared tails */
	WINDOW_PMD_KINDS
};

#ifdef __x86_64__
static __always_inline void window_mark(int number)
{
	__asm__ volatile("nopl %c0(%%rax,%%rax,1)" : : "i" (number) : "memory");
}
#else
#error "the marks are x86-64 instructions"
#endif

/* From here to there it is counted; the seconds between them are returned. */
void window_open(void);
double window_close(void);

#endif
