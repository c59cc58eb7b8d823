// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <sys/uio.h>
#include <unistd.h>
#include "work.h"

static char *memory;

static void prepare(void)
{
	memory = work_memory(work_size);
}

/* Reads its own memory, but through the page tables, as for any other task. */
static long run(void)
{
	uint64_t word;
	long i;

	for (i = 0; i < work_operations; i++) {
		struct iovec here = { &word, sizeof(word) };
		struct iovec there = { memory + work_random(work_size / PAGE) * PAGE,
				       sizeof(word) };

		if (process_vm_readv(getpid(), &here, 1, &there, 1, 0) != sizeof(word))
			work_fail("process_vm_readv");
	}
	return i;
}

const struct work work = {
	"readv", "Reads words at random with process_vm_readv().", 100000, prepare, run,
};
