/* SPDX-License-Identifier: GPL-2.0-only */
/* A model of the TLBs and paging-structure caches of a CPU, for data accesses */
#ifndef TLB_H
#define TLB_H

#include <stdbool.h>
#include <stdint.h>

enum tlb_page { TLB_4K, TLB_2M, TLB_PAGES };

/* Size of a cache and ways of each set; with no entries, the CPU has no such cache */
struct tlb_shape {
	unsigned int entries, ways;
};

/**
 * struct tlb_cpu - one row of the table of CPUs
 * @name: one word, for the option cpu=
 * @cores: the processors that have it
 * @source: the document that the figures are from
 * @l1: first level for each page size; if TLB_2M has no entries, TLB_4K is for both
 * @l2: second level, for both page sizes
 * @pde: cache of page-directory entries that point to a page table
 * @pdpte: cache of entries that point to a page directory
 * @pml4e: cache of entries that point to a page-directory-pointer table
 * @coalesces: four adjacent PTEs of adjacent pages, aligned, share one entry
 */
struct tlb_cpu {
	const char *name, *cores, *source;
	struct tlb_shape l1[TLB_PAGES], l2, pde, pdpte, pml4e;
	bool coalesces;
};

extern const struct tlb_cpu tlb_cpus[];
extern const unsigned int tlb_nr_cpus;

struct tlb_counts {
	uint64_t accesses;
	uint64_t l1_misses;
	uint64_t walks;		/* missed by the second level too */
	uint64_t reads;		/* of page-table entries, by the walks */
};

struct tlb {
	const struct tlb_cpu *cpu;
	struct tlb_cache *l1[TLB_PAGES], *l2, *pde, *pdpte, *pml4e;
};

/* Returns NULL if there is no memory. */
struct tlb *tlb_new(const struct tlb_cpu *cpu);
void tlb_free(struct tlb *tlb);

/**
 * tlb_access - one access to one address
 * @tlb: the TLBs of one CPU
 * @counts: where to count it
 * @addr: virtual address; an access that crosses a page needs two calls
 * @page: how the address is mapped
 * @adjacent: the pages around it, in an aligned group of four, are adjacent in
 *	physical memory too and mapped alike
 */
void tlb_access(struct tlb *tlb, struct tlb_counts *counts, uint64_t addr, enum tlb_page page,
		bool adjacent);

#endif
