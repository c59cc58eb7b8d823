// SPDX-License-Identifier: GPL-2.0-only
#include <sys/mman.h>
#include "work.h"

static char *map_some(void)
{
	char *map = mmap(NULL, work_size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		work_fail("no memory");
	madvise(map, work_size, MADV_NOHUGEPAGE);
	return map;
}

static long run(void)
{
	long i, done = 0;
	char *map;

	while (done < work_operations) {
		map = map_some();
		for (i = 0; i < (long)(work_size / PAGE) && done < work_operations; i++, done++)
			map[i * PAGE] = 1;
		munmap(map, work_size);
	}
	return done;
}

const struct work work = {
	"touch", "Touches pages of anonymous memory, and frees them.", 100000, NULL, run,
};
