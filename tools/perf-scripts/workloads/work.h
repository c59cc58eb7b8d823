/* SPDX-License-Identifier: GPL-2.0-only */
/* What the workloads share: options, the window, and a line of JSON at the end. */
#ifndef WORK_H
#define WORK_H

#include <stddef.h>
#include <stdint.h>

#define PAGE 4096UL

/* From the command line */
extern size_t work_size;		/* bytes of memory to work on */
extern long work_operations;		/* how many to do */
extern const char *work_dir;		/* for workloads that need files */

struct work {
	const char *name;
	const char *does;		/* one sentence, for --help */
	long operations;		/* the default of --operations */
	void (*prepare)(void);		/* outside the window */
	long (*run)(void);		/* returns the operations done */
};

/* Defined by each workload */
extern const struct work work;

/* Ends the program with a message and errno's reason. */
void work_fail(const char *what);
/* Memory in small pages; work_memory() also touches all of it. */
char *work_map(size_t size);
char *work_memory(size_t size);
/* Pseudo-random; the same numbers in every run */
uint64_t work_random(uint64_t below);

#endif
