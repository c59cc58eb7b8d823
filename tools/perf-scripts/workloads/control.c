// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <unistd.h>
#include "work.h"

/* A system call that reads no struct page */
static long run(void)
{
	long i;

	for (i = 0; i < work_operations; i++)
		syscall(SYS_getppid);
	return i;
}

const struct work work = {
	"control", "Calls getppid(), which reads no struct page.", 200000, NULL, run,
};
