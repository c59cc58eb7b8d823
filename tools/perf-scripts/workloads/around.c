// SPDX-License-Identifier: GPL-2.0-only
/* Runs any program as a workload: in a window, followed by the line of JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "window.h"

/* Standard output is for the line of JSON, so the program writes to stderr. */
static int run(char **command)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execvp(command[0], command);
		perror(command[0]);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

int main(int argc, char **argv)
{
	double seconds;
	int status;

	if (argc < 4) {
		fprintf(stderr, "usage: around NAME OPERATIONS COMMAND...\n");
		return 2;
	}
	window_open();
	status = run(&argv[3]);
	seconds = window_close();
	if (status) {
		fprintf(stderr, "around: %s ended with %d\n", argv[3], status);
		return 1;
	}
	printf("{\"name\": \"%s\", \"operations\": %ld, \"seconds\": %.6f, \"mib\": 0}\n", argv[1],
	       atol(argv[2]), seconds);
	return 0;
}
