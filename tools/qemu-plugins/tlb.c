// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include "tlb.h"

#define SHIFT_4K	12
#define SHIFT_16K	14
#define SHIFT_2M	21
#define SHIFT_1G	30
#define SHIFT_512G	39

/*
 * Few sources document the caches of paging structures, so all CPUs have the sizes that
 * were measured on Skylake.
 */
#define WALK_CACHES .pde = { 32, 4 }, .pdpte = { 4, 4 }, .pml4e = { 2, 2 }

const struct tlb_cpu tlb_cpus[] = {
	{
		.name = "skylake", .cores = "Intel Skylake, Cascade Lake",
		.source = "Intel optimization reference manual (248966), Skylake",
		.l1 = { { 64, 4 }, { 32, 4 } }, .l2 = { 1536, 12 }, WALK_CACHES,
	}, {
		.name = "icelake", .cores = "Intel Ice Lake",
		.source = "Intel optimization reference manual (248966), Ice Lake",
		.l1 = { { 64, 4 }, { 32, 4 } }, .l2 = { 2048, 16 }, WALK_CACHES,
	}, {
		.name = "sapphire", .cores = "Intel Sapphire Rapids to Granite Rapids",
		.source = "Intel optimization reference manual (248966), Golden Cove",
		.l1 = { { 96, 6 }, { 32, 4 } }, .l2 = { 2048, 16 }, WALK_CACHES,
	}, {
		.name = "zen3", .cores = "AMD Zen 3",
		.source = "AMD software optimization guide (56665), family 19h",
		.l1 = { { 64, 64 } }, .l2 = { 2048, 16 }, WALK_CACHES, .coalesces = true,
	}, {
		.name = "zen4", .cores = "AMD Zen 4",
		.source = "AMD software optimization guide (57647), family 19h, models 10h and up",
		.l1 = { { 72, 72 } }, .l2 = { 3072, 24 }, WALK_CACHES, .coalesces = true,
	}, {
		.name = "zen5", .cores = "AMD Zen 5",
		.source = "AMD software optimization guide (58455), family 1Ah",
		.l1 = { { 96, 96 } }, .l2 = { 4096, 16 }, WALK_CACHES, .coalesces = true,
	},
};

const unsigned int tlb_nr_cpus = sizeof(tlb_cpus) / sizeof(tlb_cpus[0]);

/* Tag 0 is an empty entry: any other tag includes the page's size. */
struct entry {
	uint64_t tag, used;
};

struct tlb_cache {
	unsigned int sets, ways;
	struct entry *last;
	uint64_t clock;
	struct entry entries[];
};

static struct tlb_cache *cache_new(struct tlb_shape shape)
{
	struct tlb_cache *cache = calloc(1, sizeof(*cache) + shape.entries * sizeof(struct entry));

	if (cache && shape.entries) {
		cache->ways = shape.ways;
		cache->sets = shape.entries / shape.ways;
	}
	return cache;
}

/*
 * Returns whether the tag is cached. If not, it replaces the least recently used entry of
 * its set. The entry that was used last needs no update: it is the youngest already.
 */
static bool cache_touch(struct tlb_cache *cache, uint64_t number, uint64_t tag)
{
	struct entry *set, *oldest;
	unsigned int i;

	if (!cache->sets)
		return false;
	if (cache->last && cache->last->tag == tag)
		return true;
	set = &cache->entries[number % cache->sets * cache->ways];
	oldest = set;
	cache->clock++;
	for (i = 0; i < cache->ways; i++) {
		if (set[i].tag == tag) {
			set[i].used = cache->clock;
			cache->last = &set[i];
			return true;
		}
		if (set[i].used < oldest->used)
			oldest = &set[i];
	}
	oldest->tag = tag;
	oldest->used = cache->clock;
	cache->last = oldest;
	return false;
}

/* Looks up a translation of 1 << @shift bytes; the size is part of the tag. */
static bool cache_translates(struct tlb_cache *cache, uint64_t addr, unsigned int shift)
{
	return cache_touch(cache, addr >> shift, addr >> shift << shift | shift);
}

/*
 * A walk begins at the lowest table whose address is cached. It reads each entry below,
 * and caches it. The entry that maps the page is cached by the TLBs only.
 */
static unsigned int walk(struct tlb *tlb, uint64_t addr, enum tlb_page page)
{
	unsigned int reads = 1;
	bool known = false;

	if (page == TLB_4K) {
		known = cache_translates(tlb->pde, addr, SHIFT_2M);
		reads += !known;
	}
	if (!known) {
		known = cache_translates(tlb->pdpte, addr, SHIFT_1G);
		reads += !known;
	}
	if (!known)
		reads += !cache_translates(tlb->pml4e, addr, SHIFT_512G);
	return reads;
}

void tlb_access(struct tlb *tlb, struct tlb_counts *counts, uint64_t addr, enum tlb_page page,
		bool adjacent)
{
	unsigned int shift = page == TLB_2M ? SHIFT_2M : SHIFT_4K;
	struct tlb_cache *l1 = tlb->l1[page];

	if (page == TLB_4K && adjacent && tlb->cpu->coalesces)
		shift = SHIFT_16K;
	if (!l1->sets)
		l1 = tlb->l1[TLB_4K];
	counts->accesses++;
	if (cache_translates(l1, addr, shift))
		return;
	counts->l1_misses++;
	if (cache_translates(tlb->l2, addr, shift))
		return;
	counts->walks++;
	counts->reads += walk(tlb, addr, page);
}

void tlb_free(struct tlb *tlb)
{
	int page;

	if (!tlb)
		return;
	for (page = 0; page < TLB_PAGES; page++)
		free(tlb->l1[page]);
	free(tlb->l2);
	free(tlb->pde);
	free(tlb->pdpte);
	free(tlb->pml4e);
	free(tlb);
}

struct tlb *tlb_new(const struct tlb_cpu *cpu)
{
	struct tlb *tlb = calloc(1, sizeof(*tlb));
	int page;

	if (!tlb)
		return NULL;
	tlb->cpu = cpu;
	for (page = 0; page < TLB_PAGES; page++)
		tlb->l1[page] = cache_new(cpu->l1[page]);
	tlb->l2 = cache_new(cpu->l2);
	tlb->pde = cache_new(cpu->pde);
	tlb->pdpte = cache_new(cpu->pdpte);
	tlb->pml4e = cache_new(cpu->pml4e);
	if (tlb->l1[TLB_4K] && tlb->l1[TLB_2M] && tlb->l2 && tlb->pde && tlb->pdpte && tlb->pml4e)
		return tlb;
	tlb_free(tlb);
	return NULL;
}
