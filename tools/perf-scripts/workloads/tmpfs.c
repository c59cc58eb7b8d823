// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <sys/mman.h>
#include <unistd.h>
#include "work.h"

static int file;

static void prepare(void)
{
	static char block[256 * PAGE];
	size_t at;

	file = memfd_create("tmpfs", 0);
	if (file < 0)
		work_fail("no file in memory");
	for (at = 0; at < work_size; at += sizeof(block))
		if (write(file, block, sizeof(block)) != sizeof(block))
			work_fail("no memory");
}

static long run(void)
{
	uint64_t word;
	long i;

	for (i = 0; i < work_operations; i++)
		if (pread(file, &word, sizeof(word), work_random(work_size / PAGE) * PAGE) !=
		    sizeof(word))
			work_fail("pread");
	return i;
}

const struct work work = {
	"tmpfs", "Reads words at random from a file in memory.", 100000, prepare, run,
};
