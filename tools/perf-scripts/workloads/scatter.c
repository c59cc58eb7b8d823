// SPDX-License-Identifier: GPL-2.0-only
#include <sys/mman.h>
#include "work.h"

static char *memory;

static void prepare(void)
{
	memory = work_memory(work_size);
}

/* Keeps the mapping: to split it a million times would measure something else. */
static long run(void)
{
	long i;

	for (i = 0; i < work_operations; i++)
		if (madvise(memory + work_random(work_size / PAGE) * PAGE, PAGE, MADV_DONTNEED))
			work_fail("madvise");
	return i;
}

const struct work work = {
	"scatter", "Frees pages at random out of a large mapping.", 100000, prepare, run,
};
