/* SPDX-License-Identifier: GPL-2.0-only */
/* How a program talks to the plugins and to perf; without them it has no effect. */
#ifndef WINDOW_H
#define WINDOW_H

#include <sys/cdefs.h>

/*
 * A mark is a nop with a displacement that no compiler would choose: "HVO" in the upper
 * three bytes, the kind of mark in the lowest.
 */
#define WINDOW_OPENS	0x4f564801
#define WINDOW_CLOSES	0x4f564802
#define WINDOW_MAP	0x4f564803	/* see map.c */
#define WINDOW_WAKES	0x4f564804	/* wakes the plugin, as any first mark does */

/*
 * Between WINDOW_MAP and the next mark the program reports how the vmemmap is mapped:
 * for each PMD that is not a leaf, it reads the byte at WINDOW_MAP_BASE +
 * number * WINDOW_PMD_KINDS + kind.
 */
#define WINDOW_MAP_BASE	0x4f5600000000UL
#define WINDOW_PMD_SIZE	(2UL << 20)

enum window_pmd {
	WINDOW_PMD_LEAF,	/* one 2 MiB page */
	WINDOW_PMD_TABLE,	/* by 4 KiB pages */
	WINDOW_PMD_TAILS,	/* the same, some of them shared tails */
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

/* Open and close the window that is measured; window_close() returns its seconds. */
void window_open(void);
double window_close(void);

#endif
