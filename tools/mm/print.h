/* SPDX-License-Identifier: GPL-2.0-only */
/* Lines of text for people. fail() is the exit status of all that fails. */
#ifndef HVOADM_PRINT_H
#define HVOADM_PRINT_H

#include <stdint.h>
#include <stdio.h>

#define row(name, format, ...)	printf("%-18s " format "\n", name, ##__VA_ARGS__)
#define fail(format, ...)							\
	(fflush(stdout), fprintf(stderr, "%shvoadm:%s " format "\n",		\
				 colour("\033[31m", 2), colour("\033[0m", 2), ##__VA_ARGS__), 1)

const char *colour(const char *code, int fd);
const char *amount(int64_t kb);

#endif
