// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <unistd.h>
#include "work.h"

/* Into the kernel and out again, where no struct page is */
static long run(void)
{
	long i;

	for (i = 0; i < work_operations; i++)
		syscall(SYS_getppid);
	return i;
}

const struct work work = {
	"control", "Asks for its parent: no struct page is read for that.", 200000, NULL, run,
};
