// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include "work.h"

static int file;
static uint64_t first, nr;

/* Uses the largest range of System RAM; other addresses have no struct pages. */
static void prepare(void)
{
	FILE *iomem = fopen("/proc/iomem", "r");
	uint64_t start, end;
	char line[256], what[64];

	while (iomem && fgets(line, sizeof(line), iomem))
		if (sscanf(line, "%lx-%lx : %63[^\n]", &start, &end, what) == 3 && line[0] != ' ' &&
		    what[0] == 'S' && what[7] == 'R' && end / PAGE - start / PAGE > nr) {
			first = start / PAGE;
			nr = end / PAGE - first;
		}
	if (iomem)
		fclose(iomem);
	file = open("/proc/kpageflags", O_RDONLY);
	if (file < 0 || !nr)
		work_fail("/proc/kpageflags (only root can read it)");
}

static long run(void)
{
	uint64_t flags;
	long i;

	for (i = 0; i < work_operations; i++)
		if (pread(file, &flags, sizeof(flags),
			  (first + WHERE) * sizeof(flags)) != sizeof(flags))
			work_fail("/proc/kpageflags");
	return i;
}
