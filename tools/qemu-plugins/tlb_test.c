// SPDX-License-Identifier: GPL-2.0-only
/* Cases that can be worked out by hand */
#include <stdio.h>
#include <stdlib.h>
#include "tlb.h"

#define K4	4096UL
#define M2	(2UL << 20)
#define BASE	0xffffea0000000000UL

/* of the TLB that is being tested */
static struct tlb_counts counts;

#define ENSURE(cond) do {							\
	if (!(cond)) {								\
		fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);	\
		exit(1);							\
	}									\
} while (0)

static const struct tlb_cpu small = {
	.name = "small", .l1 = { { 64, 4 }, { 4, 2 } }, .l2 = { 128, 8 },
	.pde = { 4, 4 }, .pdpte = { 2, 2 }, .pml4e = { 1, 1 },
};

static const struct tlb_cpu pairs = {
	.name = "pairs", .l1 = { { 4, 4 } }, .l2 = { 4, 4 },
	.pde = { 4, 4 }, .pdpte = { 2, 2 }, .pml4e = { 1, 1 }, .coalesces = true,
};

static struct tlb *start(const struct tlb_cpu *cpu)
{
	counts = (struct tlb_counts){ 0 };
	return tlb_new(cpu);
}

/* Runs over @pages pages, @rounds times; returns the counts of the last round. */
static struct tlb_counts rounds(struct tlb *tlb, int pages, int rounds, enum tlb_page page,
				unsigned long step, bool adjacent)
{
	struct tlb_counts before = { 0 }, after;
	int i;

	while (rounds--) {
		before = counts;
		for (i = 0; i < pages; i++)
			tlb_access(tlb, &counts, BASE + i * step, page, adjacent);
	}
	after = counts;
	after.accesses -= before.accesses;
	after.l1_misses -= before.l1_misses;
	after.walks -= before.walks;
	after.reads -= before.reads;
	return after;
}

static void what_fits_is_not_missed(void)
{
	struct tlb *tlb = start(&small);
	struct tlb_counts last = rounds(tlb, 64, 2, TLB_4K, K4, false);

	ENSURE(last.accesses == 64 && !last.l1_misses && !last.walks);
	ENSURE(counts.l1_misses == 64 && counts.walks == 64);
	tlb_free(tlb);
}

/* 16 sets of 4 ways: with a fifth page in one set, each access evicts the next page. */
static void one_more_than_the_ways_misses_all(void)
{
	struct tlb *tlb = start(&small);
	struct tlb_counts last = rounds(tlb, 5, 3, TLB_4K, 16 * K4, false);

	ENSURE(last.l1_misses == 5 && !last.walks);
	tlb_free(tlb);
}

static void oldest_leaves_first(void)
{
	static const int order[] = { 0, 1, 2, 3, 0, 4, 0, 1 };
	static const int missed[] = { 1, 1, 1, 1, 0, 1, 0, 1 };
	struct tlb *tlb = start(&small);
	uint64_t before;
	unsigned int i;

	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		before = counts.l1_misses;
		tlb_access(tlb, &counts, BASE + order[i] * 16 * K4, TLB_4K, false);
		ENSURE(counts.l1_misses - before == (uint64_t)missed[i]);
	}
	tlb_free(tlb);
}

static void second_level_has_its_own_reach(void)
{
	struct tlb *tlb = start(&small);
	struct tlb_counts last = rounds(tlb, 128, 2, TLB_4K, K4, false);

	ENSURE(last.l1_misses == 128 && !last.walks);
	tlb_free(tlb);
	tlb = start(&small);
	last = rounds(tlb, 16 * 9, 2, TLB_4K, K4, false);
	/* 16 sets of 8, and 9 pages in each */
	ENSURE(last.l1_misses == 144 && last.walks == 144);
	tlb_free(tlb);
}

/* The first walk reads all four levels; in the same 2 MiB the next reads one. */
static void walks_begin_where_the_way_is_known(void)
{
	struct tlb *tlb = start(&small);

	tlb_access(tlb, &counts, BASE, TLB_4K, false);
	ENSURE(counts.reads == 4);
	tlb_access(tlb, &counts, BASE + K4, TLB_4K, false);
	ENSURE(counts.reads == 5);
	tlb_access(tlb, &counts, BASE + M2, TLB_4K, false);
	ENSURE(counts.reads == 7);
	tlb_access(tlb, &counts, BASE + (1UL << 30), TLB_4K, false);
	ENSURE(counts.reads == 10);
	tlb_free(tlb);
	tlb = start(&small);
	tlb_access(tlb, &counts, BASE, TLB_2M, false);
	ENSURE(counts.reads == 3);
	tlb_access(tlb, &counts, BASE + M2, TLB_2M, false);
	ENSURE(counts.reads == 4);
	tlb_free(tlb);
}

static void sizes_are_apart(void)
{
	struct tlb *tlb = start(&small);

	tlb_access(tlb, &counts, BASE, TLB_2M, false);
	tlb_access(tlb, &counts, BASE, TLB_4K, false);
	ENSURE(counts.walks == 2);
	tlb_access(tlb, &counts, BASE + 511 * K4, TLB_2M, false);
	ENSURE(counts.walks == 2 && counts.l1_misses == 2);
	tlb_free(tlb);
}

/* 16 adjacent pages use 4 entries, but only on a CPU that coalesces */
static void neighbours_share_an_entry(void)
{
	struct tlb *tlb = start(&pairs);
	struct tlb_counts last = rounds(tlb, 16, 2, TLB_4K, K4, true);

	ENSURE(!last.l1_misses && counts.walks == 4);
	last = rounds(tlb, 16, 2, TLB_4K, K4, false);
	ENSURE(last.walks == 16);
	tlb_free(tlb);
	tlb = start(&small);
	rounds(tlb, 16, 1, TLB_4K, K4, true);
	ENSURE(counts.walks == 16);
	tlb_free(tlb);
}

/* Both levels of every CPU in the table hold as many pages as they have entries. */
static void cpus_reach_what_they_say(void)
{
	unsigned int i;

	for (i = 0; i < tlb_nr_cpus; i++) {
		const struct tlb_cpu *cpu = &tlb_cpus[i];
		struct tlb *tlb = start(cpu);

		ENSURE(cpu->l1[TLB_4K].entries % cpu->l1[TLB_4K].ways == 0);
		ENSURE(cpu->l2.entries % cpu->l2.ways == 0);
		ENSURE(!rounds(tlb, cpu->l1[TLB_4K].entries, 2, TLB_4K, K4, false).l1_misses);
		ENSURE(!rounds(tlb, cpu->l2.entries, 2, TLB_4K, K4, false).walks);
		ENSURE(rounds(tlb, cpu->l2.entries + cpu->l2.entries / cpu->l2.ways, 2, TLB_4K,
			      K4, false).walks >= cpu->l2.entries);
		tlb_free(tlb);
	}
}

int main(void)
{
	what_fits_is_not_missed();
	one_more_than_the_ways_misses_all();
	oldest_leaves_first();
	second_level_has_its_own_reach();
	walks_begin_where_the_way_is_known();
	sizes_are_apart();
	neighbours_share_an_entry();
	cpus_reach_what_they_say();
	return 0;
}
