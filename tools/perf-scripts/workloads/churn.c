// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include "work.h"

#define FILES 64L

static void path_of(char *path, size_t size, long number)
{
	snprintf(path, size, "%s/churn.%d.%ld", work_dir, (int)getpid(), number);
}

/* Writes and reads, or truncates, random files; removes all of them in the end. */
static long run(void)
{
	static char block[16 * PAGE];
	char path[4096];
	long i, file;

	for (i = 0; i < work_operations; i++) {
		path_of(path, sizeof(path), work_random(FILES));
		file = open(path, O_RDWR | O_CREAT, 0600);
		if (file < 0)
			work_fail(path);
		if (i % 4 == 3 ? ftruncate(file, 0) < 0 :
		    write(file, block, PAGE * (1 + work_random(16))) < 0 ||
		    pread(file, block, sizeof(block), 0) < 0)
			work_fail(path);
		close(file);
	}
	for (i = 0; i < FILES; i++) {
		path_of(path, sizeof(path), i);
		unlink(path);
	}
	return work_operations;
}

const struct work work = {
	"churn", "Writes, reads, truncates and removes small files.", 20000, NULL, run,
};
