// SPDX-License-Identifier: GPL-2.0-only
#include <sys/wait.h>
#include <unistd.h>
#include "work.h"

static void prepare(void)
{
	work_memory(work_size);
}

static long run(void)
{
	long i;
	pid_t pid;

	for (i = 0; i < work_operations; i++) {
		pid = fork();
		if (!pid)
			_exit(0);
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			work_fail("no child");
	}
	return i;
}

const struct work work = {
	"fork", "Forks a large process, whose child exits.", 3, prepare, run,
};
