// SPDX-License-Identifier: GPL-2.0-only
#include <sys/mman.h>
#include "work.h"

static long run(void)
{
	long i, done = 0;
	char *map;

	while (done < work_operations) {
		map = work_map(work_size);
		for (i = 0; i < (long)(work_size / PAGE) && done < work_operations; i++, done++)
			map[i * PAGE] = 1;
		munmap(map, work_size);
	}
	return done;
}

const struct work work = {
	"touch", "Touches pages of anonymous memory, and frees them.", 100000, NULL, run,
};
