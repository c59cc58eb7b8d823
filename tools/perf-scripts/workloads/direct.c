// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "work.h"

#define FILE_SIZE (1UL << 20)

static char *memory;
static int file;

/* A small file will do: the struct pages that count are those of the buffers. */
static void prepare(void)
{
	char path[4096];

	memory = work_memory(work_size);
	snprintf(path, sizeof(path), "%s/direct.XXXXXX", work_dir);
	file = mkstemp(path);
	if (file < 0)
		work_fail(path);
	unlink(path);
	if (write(file, memory, FILE_SIZE) != FILE_SIZE || fsync(file))
		work_fail(path);
	if (fcntl(file, F_SETFL, O_DIRECT))
		work_fail("the file system does not support O_DIRECT; use --dir");
}

static long run(void)
{
	long i;

	for (i = 0; i < work_operations; i++)
		if (pread(file, memory + work_random(work_size / PAGE) * PAGE, PAGE,
			  i * PAGE % FILE_SIZE) != PAGE)
			work_fail("pread");
	return i;
}

const struct work work = {
	"direct", "Reads a file with O_DIRECT into pages at random.", 50000, prepare, run,
};
