/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory blocks as sysfs shows them, and the host that plugs DIMMs. */
#ifndef HVO_DIMM_H
#define HVO_DIMM_H

#include <stdbool.h>
#include <stdint.h>

#define MAX_BLOCKS 64

extern unsigned long blocks[MAX_BLOCKS];
extern int nr_blocks;

/*
 * Makes blocks[] those whose @file has just this content, say "state" "offline", or
 * all with no @file (NULL). Not more than MAX_BLOCKS.
 */
void find_blocks(const char *file, const char *content);
/* Those from 4 GiB on, where DIMMs are: what the guest boots with is below. */
void find_added_blocks(void);
unsigned long block_pages(void);
int block_write(unsigned long block, const char *state);
bool block_is(unsigned long block, const char *file, const char *content);
/* How many of blocks[] are in that state, or are there at all (NULL) */
int count_blocks(const char *state);
/* Whether blocks[] has the page */
bool is_hot(uint64_t pfn);
/* Whether the first and the last vmemmap page of the block are */
bool mapped_by_ptes(unsigned long block);
/* Memory that hosts its own vmemmap keeps PMDs, in every mode. */
bool hosts_itself(void);

/* Asks vm/monitor; returns what it answered, "ok" if all went well. */
const char *ask_host(const char *request);
#define ASK_HOST(request) do {						\
	const char *answer = ask_host(request);				\
									\
	CHECK(!strcmp(answer, "ok"), "%s: %s", request, answer);	\
} while (0)

#endif
