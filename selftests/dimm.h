/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory blocks in sysfs, and requests to the host, which plugs DIMMs. */
#ifndef HVO_DIMM_H
#define HVO_DIMM_H

#include <stdbool.h>
#include <stdint.h>

#define MAX_BLOCKS 64

extern unsigned long blocks[MAX_BLOCKS];
extern int nr_blocks;

/*
 * Fills blocks[] with up to MAX_BLOCKS memory blocks whose sysfs @file has this
 * content, for example "state" and "offline". If @file is NULL, every block matches.
 */
void find_blocks(const char *file, const char *content);
/* Fills blocks[] with the blocks above 4 GiB: the DIMMs. Boot memory is below. */
void find_added_blocks(void);
unsigned long block_pages(void);
int block_write(unsigned long block, const char *state);
bool block_is(unsigned long block, const char *file, const char *content);
/* How many of blocks[] are in @state; if it is NULL, how many exist */
int count_blocks(const char *state);
/* Whether the page is in one of blocks[] */
bool is_hot(uint64_t pfn);
/* Whether PTEs map the first and the last vmemmap page of the block */
bool mapped_by_ptes(unsigned long block);
/* Whether hotplugged memory holds its own vmemmap, which PMDs map in every mode */
bool hosts_itself(void);

/* Sends a request to vm/monitor; returns its answer, which is "ok" on success. */
const char *ask_host(const char *request);
#define ASK_HOST(request) do {						\
	const char *answer = ask_host(request);				\
									\
	CHECK(!strcmp(answer, "ok"), "%s: %s", request, answer);	\
} while (0)

#endif
