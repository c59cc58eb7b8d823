/* SPDX-License-Identifier: GPL-2.0-only */
/* TLBs and paging-structure caches of a CPU, as far as data accesses see them. */
#ifndef TLB_H
#define TLB_H

#include <stdbool.h>
#include <stdint.h>

enum tlb_page { TLB_4K, TLB_2M, TLB_PAGES };

/* A cache of so many entries in sets of so many ways; no entries: there is none */
struct tlb_shape {
	unsigned int entries, ways;
};

/**
 * struct tlb_cpu - one row of the table of CPUs
 * @name: as it is asked for, one word
 * @cores: the processors that have it
 * @source: where the figures are from
 * @l1: first level for each page size; with no entries for TLB_2M one for both
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
 * @tlb: whose
 * @counts: where to count it
 * @addr: virtual address; what crosses a page is two accesses
 * @page: how the address is mapped
 * @adjacent: the pages around it, in an aligned group of four, are adjacent in
 *	physical memory too and mapped alike
 */
void tlb_access(struct tlb *tlb, struct tlb_counts *counts, uint64_t addr, enum tlb_page page,
		bool adjacent);

#endif
