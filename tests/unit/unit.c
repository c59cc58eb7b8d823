// SPDX-License-Identifier: GPL-2.0-only
/*
 * Single cases, then the stored histories, then random ones
 */
#include "history.c"
#include "cases.c"		/* those of the kernel version */

static void parameters(void)
{
	static const struct { char *text, *mode; int warnings; } cases[] = {
		{ "boot", "boot", 0 }, { "off", "off", 0 }, { "1", "on", 0 },
		{ "y", "on", 0 }, { "true", "on", 0 }, { "0", "off", 0 },
		{ "n", "off", 0 }, { "false", "off", 0 }, { "banana", "off", 1 },
		{ "", "off", 1 }, { NULL, "off", 1 }, { "Boot", "off", 1 },
		{ "boots", "off", 1 }, { "on", "on", 0 },
	};
	size_t i;

	ENSURE(!strcmp(hvo_state.mode, "off") && !vmemmap_base_enabled && !hvo_state.optimize);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		world.log_lines = 0;
		ENSURE(!unit_early_param(cases[i].text));
		ENSURE(!strcmp(hvo_state.mode, cases[i].mode) && world.log_lines == cases[i].warnings);
		ENSURE(vmemmap_base_enabled == !!strcmp(cases[i].mode, "off"));
		ENSURE(hvo_state.optimize == vmemmap_base_enabled);
		ENSURE(seal_early == !strcmp(cases[i].mode, "boot"));
		if (cases[i].warnings)
			ENSURE(strstr(world.log, "off, on or boot"));
	}
}

/* Blocks are contiguous and aligned, so that CPUs can coalesce their PTEs. */
static void blocks_are_contiguous(void)
{
	unsigned long i, base = pte_of(0).v >> PAGE_SHIFT;

	ENSURE(base % PTRS_PER_PTE == 0);
	for (i = 0; i < PTRS_PER_PTE; i++)
		ENSURE(pte_of(i).v == ((base + i) << PAGE_SHIFT | 3));
}

static void knobs(void)
{
	ENSURE(!strcmp(world_sysfs("mode"), "on"));
	ENSURE(number("sealed") == 0);
	ENSURE(number("saved_kb") == 0);
	ENSURE(number("reserve_kb") == RESERVE_KB);
	ENSURE(world_sysctl_write("hugetlb_optimize_vmemmap", 2) == -EINVAL);
	ENSURE(world_sysctl_write("hugetlb_vmemmap_seal", 0) == -EINVAL);
	vmemmap_base_enabled = false;
	ENSURE(world_sysctl_write("hugetlb_optimize_vmemmap", 1) == -EOPNOTSUPP);
	vmemmap_base_enabled = true;
	ENSURE(!world_sysctl_write("hugetlb_vmemmap_seal", 1));
	ENSURE(world_sysctl_write("hugetlb_optimize_vmemmap", 1) == -EPERM);
	ENSURE(!world_sysctl_write("hugetlb_optimize_vmemmap", 0));
	ENSURE(world_sysctl_read("hugetlb_vmemmap_seal") == 1);
	break_the_seal();
	world.killed = true;
	ENSURE(world_sysctl_write("hugetlb_vmemmap_seal", 1) == -EINTR);
	ENSURE(world_sysctl_write("hugetlb_optimize_vmemmap", 0) == -EINTR);
	world.killed = false;
	ENSURE(!hvo_state.sealed && optimizing());
	/* an empty write: nothing parsed, no error */
	ENSURE(!world_sysctl_write("hugetlb_vmemmap_seal", INT_MIN));
	ENSURE(!hvo_state.sealed);
}

static void leaf_is_left_alone(void)
{
	grow_by_one(&on_leaf);
	ENSURE(!folio_test_hugetlb_vmemmap_optimized(on_leaf.folio));
	ENSURE(!hugetlb_vmemmap_restore_folio(SMALL, on_leaf.folio));
	release(&on_leaf);
	check_world();
}

/* The vmemmap of this folio spans two PMDs, and the second one is a leaf. */
static void folio_that_ends_on_a_leaf_is_left_alone(void)
{
	struct slot slot = {
		.h = BIG, .folio = (struct folio *)pfn_to_page((LEAF_TABLE - 1) * PAGES_PER_SECTION),
	};

	prepare(&slot);
	hugetlb_vmemmap_optimize_folio(BIG, slot.folio);
	ENSURE(!folio_test_hugetlb_vmemmap_optimized(slot.folio));
	check_world();
}

/* All of its struct pages are in one vmemmap page. */
static void too_small_to_optimize(void)
{
	struct hstate h = { 6, "hugepages-256kB" };
	struct slot slot = { .h = &h, .folio = smalls[0].folio };
	long periods = world.grace_periods;

	prepare(&slot);
	hugetlb_vmemmap_optimize_folio(&h, slot.folio);
	ENSURE(world.grace_periods == periods);
	check_world();
}

static void marked_folio_is_left_alone(void)
{
	static const int marked[] = { 0, 1, 63, 64, 511 };
	LIST_HEAD(list);
	size_t i;

	memory_failure_begun = true;
	for (i = 0; i < sizeof(marked) / sizeof(marked[0]); i++) {
		struct page *page = &smalls[0].folio->page + marked[i];

		list_slot(&smalls[0], &list);
		list_slot(&smalls[1], &list);
		page->flags |= PG_hwpoison_bit;
		smalls[0].optimized = false;
		hugetlb_vmemmap_optimize_folios(SMALL, &list);
		check_world();
		ENSURE(PageHWPoison(page) && smalls[1].optimized);
		page->flags &= ~PG_hwpoison_bit;
		INIT_LIST_HEAD(&list);
		dissolve(&smalls[0]);
		dissolve(&smalls[1]);
		check_world();
	}
	memory_failure_begun = false;
}

static void empty_batch_costs_nothing(void)
{
	long flushes = world.flushes, periods = world.grace_periods;
	LIST_HEAD(none);

	hugetlb_vmemmap_optimize_folios(SMALL, &none);
	ENSURE(world.flushes == flushes && world.grace_periods == periods);
	ENSURE(!hugetlb_vmemmap_restore_folios(SMALL, &none, &none));
	ENSURE(world.flushes == flushes);
}

static void reserve_saves_the_first_page(void)
{
	long used = number("reserve_used");
	long failures = number("restore_failures");

	grow(2);
	world.no_memory = true;
	shrink(NR_SMALL);
	ENSURE(number("reserve_used") == used + 1);
	ENSURE(number("reserve_kb") == 0);
	ENSURE(number("restore_failures") > failures);
	check_world();
	ENSURE(world_run_work());	/* allocation fails, to be retried later */
	enough_memory();
	ENSURE(world_run_work());
	ENSURE(number("reserve_kb") == RESERVE_KB);
	ENSURE(!world_run_work());
	shrink(NR_SMALL);
	check_world();
}

static void sealed_pages_stay(void)
{
	LIST_HEAD(list);
	LIST_HEAD(done);

	grow_by_one(&smalls[0]);
	ENSURE(!world_sysctl_write("hugetlb_vmemmap_seal", 1));
	dissolve(&smalls[0]);
	ENSURE(smalls[0].in_pool);
	list_add(&smalls[0].folio->lru, &list);
	ENSURE(hugetlb_vmemmap_restore_folios(SMALL, &list, &done) == -EPERM);
	ENSURE(list_empty(&done));
	list_del(&smalls[0].folio->lru);
	ENSURE(hugetlb_vmemmap_sealed(smalls[0].folio));
	check_world();
	break_the_seal();
	ENSURE(!hugetlb_vmemmap_sealed(smalls[0].folio));
	dissolve(&smalls[0]);
}

/* Tables 0 to 4 are of memory from boot; the first 32 folios are in table 0. */
static void the_seal_collapses_what_is_not_in_the_pool(void)
{
	start_over();
	grow_by_one(&smalls[0]);
	seal();
	ENSURE(!world_is_collapsed(0) && number("collapsed_kb") == 4 * 2048);
	check_world();
	seal();		/* again: nothing happens */
	check_world();
	break_the_seal();
	dissolve(&smalls[0]);
	/* with restored pages in it, it is no block from boot any more */
	seal();
	ENSURE(!world_is_collapsed(0) && number("collapsed_kb") == 4 * 2048);
	check_world();
	break_the_seal();
	start_over();
	seal();
	ENSURE(world_is_collapsed(0) && number("collapsed_kb") == 5 * 2048);
	check_world();
	break_the_seal();
	world.cpu_bug = true;
	ENSURE(!world_sysctl_write("hugetlb_vmemmap_seal", 1));
	ENSURE(number("collapsed_kb") == 0 && number("reserve_kb") == 0);
	world.cpu_bug = false;
	check_world();
	break_the_seal();
}

static void only_one_aligned_writable_block_can_be_collapsed(void)
{
	pte_t table[PTRS_PER_PTE];
	int i;

	memcpy(table, unit_tables[3], sizeof(table));
	ENSURE(maps_one_block(table));
	table[9] = pfn_pte(pte_pfn(table[9]), PAGE_KERNEL_RO);
	ENSURE(!maps_one_block(table));
	table[9] = table[8];
	ENSURE(!maps_one_block(table));
	for (i = 0; i < PTRS_PER_PTE; i++)
		table[i] = pfn_pte(pte_pfn(unit_tables[3][i]) + 1, PAGE_KERNEL);
	ENSURE(!maps_one_block(table));
}

static void sealing_while_off_changes_nothing(void)
{
	start_over();
	vmemmap_base_enabled = false;
	ENSURE(!world_sysctl_write("hugetlb_vmemmap_seal", 1));
	ENSURE(number("collapsed_kb") == 0 && !world_is_collapsed(0));
	vmemmap_base_enabled = true;
	break_the_seal();
}

/* Only the first folio of a batch may take the reserve; the batch ends at the next. */
static void only_the_first_takes_the_reserve(void)
{
	long used = number("reserve_used");
	LIST_HEAD(list);
	LIST_HEAD(done);
	int i;

	for (i = 0; i < 3; i++) {
		grow_by_one(&smalls[i]);
		list_add_tail(&smalls[i].folio->lru, &list);
	}
	world.no_memory = true;
	ENSURE(restore_batch(&list, &done) == -EAGAIN);
	ENSURE(list_entry(list.next, struct folio, lru) == smalls[1].folio);
	ENSURE(number("reserve_used") == used + 1);
	release_list(&done);
	ENSURE(restore_batch(&list, &done) == -ENOMEM && list_empty(&done));
	enough_memory();
	world_run_work();
	ENSURE(restore_batch(&list, &done) == 2);
	release_list(&done);
	check_world();
}

/* Nothing is free and the reserve is used: emergency memory restores one at a time. */
static void emergency_memory_is_the_last(void)
{
	long used = number("reserve_used");

	grow(100);
	world.no_memory = true;
	world.emergency = number("saved_kb") / 4 - TAILS;
	shrink(NR_SMALL);
	ENSURE(number("reserve_used") == used + 1);
	ENSURE(number("saved_kb") == 0 && !world.emergency);
	check_world();
	enough_memory();
	world_run_work();
}

/* A later optimization can then free adjacent pages together. */
static void restored_pages_are_adjacent(void)
{
	unsigned long first, n, i;

	for (n = 0; n < 2; n++)
		grow_by_one(&smalls[n]);
	for (n = 0; n < 2; n++) {
		dissolve(&smalls[n]);
		first = first_vpage(&smalls[n]) + 1;
		ENSURE(pte_pfn(pte_of(first)) % 8 == 0);
		for (i = 1; i < TAILS; i++)
			ENSURE(pte_pfn(pte_of(first + i)) == pte_pfn(pte_of(first)) + i);
	}
	world.scattered = 1;
	grow_by_one(&smalls[0]);
	dissolve(&smalls[0]);
	enough_memory();
	check_world();
}

/* The seven tail pages of an aligned block are freed in blocks of one, two and four. */
static void blocks_are_freed_as_blocks(void)
{
	long freed = world.freed_blocks;

	grow_by_one(&smalls[0]);
	ENSURE(world.freed_blocks == freed + 2);
	dissolve(&smalls[0]);
	check_world();
	world.tracked_alone = true;
	grow_by_one(&smalls[0]);
	ENSURE(world.freed_blocks == freed + 2);
	dissolve(&smalls[0]);
	world.tracked_alone = false;
	check_world();
}

/* A hwpoisoned page that is freed as part of a block would be allocated again. */
static void a_failed_page_is_freed_alone(void)
{
	struct page *failed;
	long taken;
	int i;

	for (i = 1; i <= TAILS; i++) {
		grow_by_one(&smalls[0]);
		dissolve(&smalls[0]);
		taken = world.taken;
		failed = pte_page(pte_of(first_vpage(&smalls[0]) + i));
		failed->flags |= PG_hwpoison_bit;
		grow_by_one(&smalls[0]);
		ENSURE(world.taken == taken - TAILS);
		failed->flags &= ~PG_hwpoison_bit;
		dissolve(&smalls[0]);
		check_world();
	}
}

/* If a walker has a speculative reference, the page is freed by its put_page(). */
static void a_walker_frees_its_page(void)
{
	struct page *held;
	long taken;

	grow_by_one(&smalls[0]);
	dissolve(&smalls[0]);
	taken = world.taken;
	held = pte_page(pte_of(first_vpage(&smalls[0]) + 4));
	held->_refcount++;
	grow_by_one(&smalls[0]);
	ENSURE(world.taken == taken - TAILS + 1 && held->_refcount == 1);
	__free_page(held);
	check_world();
	dissolve(&smalls[0]);
}

static void hidden_memory_is_fetched(void)
{
	long used = number("reserve_used");

	grow(3);
	world.pages_left = 5;
	world.hidden = 100;
	shrink(NR_SMALL);
	ENSURE(number("reserve_used") == used);
	enough_memory();
	check_world();
}

/* With enough memory one batch restores all, else at most an eighth of what is free. */
static void a_batch_leaves_eight_times_as_much(void)
{
	long flushes = world.flushes;
	LIST_HEAD(list);
	LIST_HEAD(done);
	int i;

	grow(NR_SMALL);
	for (i = 0; i < 100; i++)
		list_add_tail(&smalls[i].folio->lru, &list);
	flushes = world.flushes;
	ENSURE(restore_batch(&list, &done) == 100 && world.flushes == flushes + 1);
	release_list(&done);
	for (i = 100; i < 200; i++)
		list_add_tail(&smalls[i].folio->lru, &list);
	world.zone_free = 8 * 10 * TAILS;
	ENSURE(restore_batch(&list, &done) == -EAGAIN);
	ENSURE(list_entry(list.next, struct folio, lru) == smalls[110].folio);
	release_list(&done);
	world.zone_free = 0;
	ENSURE(restore_batch(&list, &done) == -EAGAIN);
	ENSURE(list_entry(list.next, struct folio, lru) == smalls[111].folio);
	release_list(&done);
	enough_memory();
	ENSURE(restore_batch(&list, &done) == 89);
	release_list(&done);
	shrink(NR_SMALL);
	check_world();
}

static void boot_mode_seals(void)
{
	start_over();
	seal_early = true;
	world.killed = true;
	world.log_lines = 0;
	ENSURE(!hugetlb_vmemmap_init());
	ENSURE(!hvo_state.sealed && world.log_lines == 2);
	world.killed = false;
	late_init();
	ENSURE(hvo_state.sealed && !optimizing());
	seal_early = false;
	break_the_seal();
}

static void allocation_fails_at_every_point(void)
{
	long n;

	for (n = 0; n < TAILS; n++) {
		grow_by_one(&smalls[0]);
		world.pages_left = n;
		dissolve(&smalls[0]);
		ENSURE(!smalls[0].in_pool);	/* with the reserve */
		world.pages_left = n;
		grow_by_one(&smalls[1]);
		dissolve(&smalls[1]);
		ENSURE(smalls[1].in_pool);	/* the reserve is used up */
		check_world();
		enough_memory();
		while (world_run_work())
			continue;
		dissolve(&smalls[1]);
		check_world();
	}
	for (n = 0; n < BIG_TAILS; n += 341) {
		grow_by_one(&big);
		world.pages_left = n;
		dissolve(&big);
		ENSURE(big.in_pool);
		check_world();
		enough_memory();
		dissolve(&big);
		check_world();
	}
}

static void random_history(unsigned long seed)
{
	int steps = 30 + seed % 50;

	start_over();
	world.seed = seed;
	world.rng = seed * 2654435761UL + 1;
	for (; world.step < steps; world.step++) {
		step(unit_choose(NR_CHOICES));
		check_world();
	}
	tidy_up();
}

/* The folio is where the small ones are: there the blocks from boot are adjacent. */
static void boot_pages_are_counted_zone_by_zone(void)
{
	struct slot slot = {
		.h = BIG, .folio = (struct folio *)pfn_to_page(2UL * PAGES_PER_SECTION),
	};

	start_over();
	grow_by_one(&slot);
	ENSURE(slot.optimized && world.managed == BIG_TAILS);
	dissolve(&slot);
	ENSURE(!slot.in_pool);
	check_world();
}

/* Histories that the fuzzer kept, one per line, in hexadecimal */
static unsigned long replay(const char *name)
{
	FILE *file = fopen(name, "r");
	uint8_t input[LONGEST];
	char line[2 * LONGEST + 2];
	unsigned long nr = 0, digest;
	size_t size;

	ENSURE(file);
	while (fgets(line, sizeof(line), file)) {
		for (size = 0; sscanf(line + 2 * size, "%2hhx", &input[size]) == 1; size++)
			continue;
		if (line[0] == '#')
			continue;
		nr++;
		ENSURE(size && strcspn(line, "\n") == 2 * size);
		digest = history_of(input, size, nr);
		/* The result depends on nothing but the input. */
		ENSURE(history_of(input, size, nr) == digest);
	}
	fclose(file);
	return nr;
}

static void random_histories(unsigned long histories)
{
	unsigned long seed;
	int site;

	memset(unit_refusals, 0, sizeof(unit_refusals));
	for (seed = 1; seed <= histories; seed++)
		random_history(seed);
	for (site = 0; site < NR_SITES; site++)
		if (histories >= 100 && !unit_refusals[site])
			fprintf(stderr, "no allocation failed at site %d of world.h\n", site);
	for (site = 0; site < NR_SITES; site++)
		ENSURE(histories < 100 || unit_refusals[site] > 0);
}

int main(int argc, char **argv)
{
	unsigned long histories = argc > 1 ? strtoul(argv[1], NULL, 0) : 100;
	unsigned long replayed = 0;

	parameters();
	boot();
	blocks_are_contiguous();
	knobs();
	empty_batch_costs_nothing();
	leaf_is_left_alone();
	folio_that_ends_on_a_leaf_is_left_alone();
	too_small_to_optimize();
	marked_folio_is_left_alone();
	sealed_pages_stay();
	the_seal_collapses_what_is_not_in_the_pool();
	only_one_aligned_writable_block_can_be_collapsed();
	sealing_while_off_changes_nothing();
	reserve_saves_the_first_page();
	only_the_first_takes_the_reserve();
	emergency_memory_is_the_last();
	restored_pages_are_adjacent();
	blocks_are_freed_as_blocks();
	a_failed_page_is_freed_alone();
	a_walker_frees_its_page();
	hidden_memory_is_fetched();
	a_batch_leaves_eight_times_as_much();
	allocation_fails_at_every_point();
	boot_pages_are_counted_zone_by_zone();
	layout_cases();
	if (argc > 2)
		replayed = replay(argv[2]);
	random_histories(histories);
	boot_mode_seals();
	printf("%lu histories, %lu replayed\n", histories, replayed);
	return 0;
}
