// SPDX-License-Identifier: GPL-2.0-only
/*
 * The project's two files, as they are, in a world that watches. First what can
 * be told case by case, then random histories: pools grow and shrink, knobs are
 * turned, memory runs out, TLBs lag; after each step everything is checked.
 */
#include "kernel.h"
#include "world.h"
#include "mm/vmemmap_base.c"
#undef pr_fmt
#include "mm/hugetlb_vmemmap.c"

#define SMALL (&hstates[0])
#define BIG (&hstates[1])
#define TAILS 7
#define BIG_TAILS 1023
#define NR_SMALL 256		/* in tables 0 to 3, 64 to a table */
#define LEAF_TABLE 7UL
#define HOT_PAGES (2L * PTRS_PER_PTE)	/* tables 5 and 6 are hot-added */
#define FIRST_SMALL 32UL	/* below lie the struct pages of the vmemmap's own pages */

/* What the tests know of a huge page; what mm/hugetlb.c would know */
struct slot {
	struct folio *folio;
	const struct hstate *h;
	bool in_pool, optimized;
};

static struct slot smalls[NR_SMALL], big, on_leaf;

bool unit_key_is_on(void)
{
	return hugetlb_optimize_vmemmap_key.on;
}

static unsigned long vpages(const struct hstate *h)
{
	return pages_per_huge_page(h) * sizeof(struct page) / PAGE_SIZE;
}

static unsigned long first_vpage(const struct slot *slot)
{
	return ((unsigned long)slot->folio - VMEMMAP_START) / PAGE_SIZE;
}

static pte_t pte_of(unsigned long vpage)
{
	return unit_tables[vpage / PTRS_PER_PTE][vpage % PTRS_PER_PTE];
}

/* A compound page as the page allocator hands it to HugeTLB, frozen */
static void prepare(struct slot *slot)
{
	struct page *head = &slot->folio->page;
	unsigned long i;

	memset(head, 0, pages_per_huge_page(slot->h) * sizeof(*head));
	head->flags = PG_head_bit;
	INIT_LIST_HEAD(&head->lru);
	for (i = 1; i < pages_per_huge_page(slot->h); i++) {
		head[i].compound_head = (unsigned long)head + 1;
		head[i].mapping = TAIL_MAPPING;
		head[i]._mapcount = -1;
	}
	/* the folio's own data in its first tails must not be seen elsewhere */
	for (i = 1; i < 4; i++)
		head[i].mapping = (void *)0xf0110;
	world.frozen_at = world.grace_periods;
}

/* Back to the page allocator: it reads, and writes, every struct page. */
static void release(struct slot *slot)
{
	struct page *head = &slot->folio->page;
	unsigned long i;

	ENSURE(!folio_test_hugetlb_vmemmap_optimized(slot->folio));
	for (i = 4; i < pages_per_huge_page(slot->h); i++) {
		ENSURE(unit_is_tail(head + i, head));
		head[i].compound_head = 0;
	}
	slot->in_pool = false;
	slot->optimized = false;
}

static void check_slot(const struct slot *slot)
{
	unsigned long first = first_vpage(slot), i, frame = pte_of(first).v >> PAGE_SHIFT;
	bool optimized = slot->in_pool && slot->optimized;

	ENSURE(pte_of(first).v & 2);
	if (slot->in_pool)
		ENSURE(!!folio_test_hugetlb_vmemmap_optimized(slot->folio) == optimized);
	for (i = 0; i < vpages(slot->h); i++) {
		ENSURE(unit_tlb_is_true(first + i));
		if (i && optimized)
			ENSURE(pte_of(first + i).v == (frame << PAGE_SHIFT | 1));
		else if (i)
			ENSURE(pte_of(first + i).v & 2 && pte_of(first + i).v >> PAGE_SHIFT != frame);
	}
}

static long number(const char *dir, const char *name)
{
	return atol(world_sysfs(dir, name));
}

static void check_world(void)
{
	long nr = 0, freed, i;

	for (i = 0; i < NR_SMALL; i++) {
		check_slot(&smalls[i]);
		nr += smalls[i].in_pool && smalls[i].optimized;
	}
	check_slot(&big);
	freed = nr * TAILS + (big.in_pool && big.optimized) * BIG_TAILS;
	ENSURE(world.memmap_pages + world.memmap_boot_pages == HOT_PAGES - freed);
	ENSURE(world.memmap_boot_pages <= 0 && world.memmap_pages >= 0);
	ENSURE(number("hugepages-2048kB", "optimized_pages") == nr);
	ENSURE(number("hugepages-2048kB", "saved_kb") == nr * TAILS * 4);
	ENSURE(number("hugepages-gigantic", "optimized_pages") == (big.in_pool && big.optimized));
	/* every page taken is in the vmemmap or in the reserve */
	ENSURE(world.taken == world.memmap_pages + number("hugetlb_vmemmap", "reserve_kb") / 4);
	ENSURE(world.readers == 0 && !world.spinning);
}

/* Nobody may be about to write to a tail when the folio is handed on. */
static void check_walkers_waited(void)
{
	ENSURE(world.read_only_at < 0 || world.grace_periods > world.read_only_at);
}

static bool optimizing(void)
{
	return world_sysctl_read("hugetlb_optimize_vmemmap") == 1;
}

static void enter_pool(struct slot *slot)
{
	slot->in_pool = true;
	slot->optimized = optimizing() && table_of((unsigned long)slot->folio) != LEAF_TABLE;
}

static void list_add_randomly(struct list_head *entry, struct list_head *list)
{
	if (unit_random(2))
		list_add(entry, list);
	else
		list_add_tail(entry, list);
}

static void grow(int count)
{
	LIST_HEAD(list);
	long before = world.flushes, taken = world.taken;
	int i, got = 0;

	world.read_only_at = -1;
	for (i = 0; i < NR_SMALL && got < count; i++) {
		if (smalls[i].in_pool || (count < NR_SMALL && unit_random(3)))
			continue;
		prepare(&smalls[i]);
		list_add_randomly(&smalls[i].folio->lru, &list);
		enter_pool(&smalls[i]);
		got++;
	}
	hugetlb_vmemmap_optimize_folios(SMALL, &list);
	check_walkers_waited();
	ENSURE(world.flushes - before == (got && optimizing()));
	ENSURE(world.taken <= taken);
}

static void grow_by_one(struct slot *slot)
{
	if (slot->in_pool)
		return;
	world.read_only_at = -1;
	prepare(slot);
	enter_pool(slot);
	hugetlb_vmemmap_optimize_folio(slot->h, slot->folio);
	check_walkers_waited();
	ENSURE(list_empty(&slot->folio->lru));
}

static struct slot *slot_of(struct folio *folio)
{
	int i;

	for (i = 0; i < NR_SMALL; i++)
		if (smalls[i].folio == folio)
			return &smalls[i];
	ENSURE(folio == big.folio);
	return &big;
}

static void release_list(struct list_head *list)
{
	struct folio *folio, *next;

	list_for_each_entry_safe(folio, next, list, lru) {
		list_del(&folio->lru);
		release(slot_of(folio));
	}
}

/* mm/hugetlb.c's way of freeing many pages, with its way out of an error */
static void shrink(int count)
{
	struct folio *folio, *next;
	LIST_HEAD(list);
	LIST_HEAD(done);
	bool all = count == NR_SMALL;
	long peak, ret;
	int i;

	for (i = NR_SMALL - 1; i >= 0 && count; i--) {
		if (!smalls[i].in_pool || (!all && unit_random(3)))
			continue;
		list_add_randomly(&smalls[i].folio->lru, &list);
		count--;
	}
	while (!list_empty(&list)) {
		peak = world.taken;
		ret = hugetlb_vmemmap_restore_folios(SMALL, &list, &done);
		ENSURE(world.taken - peak <= 512);
		if (ret >= 0)
			ENSURE(list_empty(&list));
		if (!list_empty(&done)) {
			release_list(&done);
			continue;
		}
		list_for_each_entry_safe(folio, next, &list, lru) {
			ret = hugetlb_vmemmap_restore_folio(SMALL, folio);
			list_del(&folio->lru);
			if (ret)
				continue;	/* it stays in the pool */
			release(slot_of(folio));
			break;
		}
	}
}

static void dissolve(struct slot *slot)
{
	int ret;

	if (!slot->in_pool)
		return;
	ret = hugetlb_vmemmap_restore_folio(slot->h, slot->folio);
	if (slot->optimized && world_sysctl_read("hugetlb_vmemmap_seal"))
		ENSURE(ret == -EPERM);
	else
		ENSURE(ret == 0 || (ret == -ENOMEM && slot->optimized));
	if (!ret)
		release(slot);
}

static void random_memory(void)
{
	world.no_memory = !unit_random(4);
	world.emergency = unit_random(2) ? (long)unit_random(600) : 0;
	world.pages_left = unit_random(2) ? (long)unit_random(100) : -1;
	world.hidden = unit_random(2) ? (long)unit_random(50) : -1;
}

static void enough_memory(void)
{
	world.no_memory = false;
	world.pages_left = -1;
	world.hidden = -1;
	world.emergency = 0;
}

static void step(unsigned int choice)
{
	switch (choice % 10) {
	case 0:
	case 1:
		grow(unit_random(40));
		break;
	case 2:
	case 3:
		shrink(unit_random(100));
		break;
	case 4:
		grow_by_one(&smalls[unit_random(NR_SMALL)]);
		break;
	case 5:
		dissolve(&smalls[unit_random(NR_SMALL)]);
		break;
	case 6:
		if (unit_random(4))	/* it is slow */
			break;
		if (big.in_pool)
			dissolve(&big);
		else
			grow_by_one(&big);
		break;
	case 7:
		random_memory();
		break;
	case 8:
		enough_memory();
		world_run_work();
		break;
	case 9:
		world_sysctl_write("hugetlb_optimize_vmemmap", unit_random(3) > 0);
		break;
	}
}

static void break_the_seal(void)
{
	sealed = false;
	ENSURE(!world_sysctl_write("hugetlb_optimize_vmemmap", 1));
}

static void history(unsigned long seed)
{
	int steps = 30 + seed % 50;

	world.seed = seed;
	world.rng = seed * 2654435761UL + 1;
	for (world.step = 0; world.step < steps; world.step++) {
		step(unit_random(10));
		if (!unit_random(200))
			ENSURE(!world_sysctl_write("hugetlb_vmemmap_seal", 1));
		check_world();
	}
	enough_memory();
	break_the_seal();
	world_run_work();
	shrink(NR_SMALL);
	dissolve(&big);
	check_world();
	ENSURE(world.memmap_pages + world.memmap_boot_pages == HOT_PAGES);
	ENSURE(number("hugetlb_vmemmap", "reserve_kb") == TAILS * 4);
}

/* ---- what can be told case by case ----------------------------------------- */

static void parameters(void)
{
	static const struct { char *text; enum hvo_mode mode; int warnings; } cases[] = {
		{ "boot", HVO_BOOT, 0 }, { "off", HVO_OFF, 0 }, { "1", HVO_ON, 0 },
		{ "y", HVO_ON, 0 }, { "true", HVO_ON, 0 }, { "0", HVO_OFF, 0 },
		{ "n", HVO_OFF, 0 }, { "false", HVO_OFF, 0 }, { "banana", HVO_OFF, 1 },
		{ "", HVO_OFF, 1 }, { NULL, HVO_OFF, 1 }, { "Boot", HVO_OFF, 1 },
		{ "boots", HVO_OFF, 1 }, { "on", HVO_ON, 0 },
	};
	size_t i;

	ENSURE(mode == HVO_OFF && !vmemmap_base_enabled() && !optimize_enabled);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		world.log_lines = 0;
		ENSURE(!unit_early_param(cases[i].text));
		ENSURE(mode == cases[i].mode && world.log_lines == cases[i].warnings);
		ENSURE(vmemmap_base_enabled() == (mode != HVO_OFF));
		if (cases[i].warnings)
			ENSURE(strstr(world.log, "off, on or boot"));
	}
}

static void population(void)
{
	unsigned long table, start;

	for (table = 0; table < 5; table++) {
		start = VMEMMAP_START + table * PMD_SIZE;
		world.fail_blocks = table == 4;
		ENSURE(!vmemmap_base_populate(start, start + PMD_SIZE, 0));
	}
	world.fail_blocks = false;
	world_boot_is_over();

	/* hot-added: a part of a table, then the rest of it; then a block */
	start = VMEMMAP_START + 5 * PMD_SIZE;
	for (world.fail_tables = 4; world.fail_tables; )
		if (vmemmap_base_populate(start, start + PAGE_SIZE, 0) != -ENOMEM)
			break;
	ENSURE(pte_of(5 * PTRS_PER_PTE).v == 0);
	world.fail_tables = 0;
	ENSURE(!vmemmap_base_populate(start, start + 8 * PAGE_SIZE, 0));
	world.fail_basepages = true;
	ENSURE(vmemmap_base_populate(start + 8 * PAGE_SIZE, start + PMD_SIZE, 0) == -ENOMEM);
	world.fail_basepages = false;
	ENSURE(!vmemmap_base_populate(start + 8 * PAGE_SIZE, start + PMD_SIZE, 0));
	start += PMD_SIZE;
	ENSURE(!vmemmap_base_populate(start, start + PMD_SIZE, 0));
	ENSURE(world.split);
	world_map_leaf(LEAF_TABLE);
	ENSURE(vmemmap_base_table_pages() == 7);
}

/* Blocks are contiguous and aligned, so that CPUs can coalesce their PTEs. */
static void blocks_are_contiguous(void)
{
	unsigned long i, base = pte_of(0).v >> PAGE_SHIFT;

	ENSURE(base % PTRS_PER_PTE == 0);
	for (i = 0; i < PTRS_PER_PTE; i++)
		ENSURE(pte_of(i).v == ((base + i) << PAGE_SHIFT | 3));
}

static void make_slots(void)
{
	int i;

	for (i = 0; i < NR_SMALL; i++) {
		smalls[i].h = SMALL;
		smalls[i].folio = (struct folio *)pfn_to_page((FIRST_SMALL + i) * 512);
	}
	big.h = BIG;
	big.folio = (struct folio *)pfn_to_page(5UL * PAGES_PER_SECTION);
	on_leaf.h = SMALL;
	on_leaf.folio = (struct folio *)pfn_to_page(LEAF_TABLE * PAGES_PER_SECTION);
}

static void knobs(void)
{
	ENSURE(!strcmp(world_sysfs("hugetlb_vmemmap", "mode"), "on"));
	ENSURE(number("hugetlb_vmemmap", "sealed") == 0);
	ENSURE(number("hugetlb_vmemmap", "page_table_kb") == 7 * 4);
	ENSURE(number("hugetlb_vmemmap", "reserve_kb") == TAILS * 4);
	ENSURE(world_sysctl_write("hugetlb_optimize_vmemmap", 2) == -EINVAL);
	ENSURE(world_sysctl_write("hugetlb_vmemmap_seal", 0) == -EINVAL);
	mode = HVO_OFF;
	ENSURE(world_sysctl_write("hugetlb_optimize_vmemmap", 1) == -EOPNOTSUPP);
	mode = HVO_ON;
	ENSURE(!world_sysctl_write("hugetlb_vmemmap_seal", 1));
	ENSURE(world_sysctl_write("hugetlb_optimize_vmemmap", 1) == -EPERM);
	ENSURE(!world_sysctl_write("hugetlb_optimize_vmemmap", 0));
	ENSURE(world_sysctl_read("hugetlb_vmemmap_seal") == 1);
	break_the_seal();
	world.killed = true;
	ENSURE(world_sysctl_write("hugetlb_vmemmap_seal", 1) == -EINTR);
	ENSURE(world_sysctl_write("hugetlb_optimize_vmemmap", 0) == -EINTR);
	world.killed = false;
	ENSURE(!sealed && optimizing());
	/* an empty write: nothing parsed, no error */
	ENSURE(!world_sysctl_write("hugetlb_vmemmap_seal", INT_MIN));
	ENSURE(!sealed);
}

static void leaf_is_left_alone(void)
{
	grow_by_one(&on_leaf);
	ENSURE(!folio_test_hugetlb_vmemmap_optimized(on_leaf.folio));
	ENSURE(!hugetlb_vmemmap_restore_folio(SMALL, on_leaf.folio));
	release(&on_leaf);
	check_world();
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
	long used = number("hugetlb_vmemmap", "reserve_used");
	long failures = number("hugetlb_vmemmap", "restore_failures");

	grow(2);
	world.no_memory = true;
	shrink(NR_SMALL);
	ENSURE(number("hugetlb_vmemmap", "reserve_used") == used + 1);
	ENSURE(number("hugetlb_vmemmap", "reserve_kb") == 0);
	ENSURE(number("hugetlb_vmemmap", "restore_failures") > failures);
	check_world();
	ENSURE(world_run_work());	/* finds nothing, and asks again later */
	enough_memory();
	ENSURE(world_run_work());
	ENSURE(number("hugetlb_vmemmap", "reserve_kb") == TAILS * 4);
	ENSURE(!world_run_work());
	shrink(NR_SMALL);
	check_world();
}

/* Nothing at all is free, and the reserve has gone: those who free may go on. */
static void emergency_memory_is_the_last(void)
{
	long used = number("hugetlb_vmemmap", "reserve_used");

	grow(100);
	world.no_memory = true;
	world.emergency = (number("hugepages-2048kB", "optimized_pages") - 1) * TAILS;
	shrink(NR_SMALL);
	ENSURE(number("hugetlb_vmemmap", "reserve_used") == used + 1);
	ENSURE(number("hugepages-2048kB", "optimized_pages") == 0 && !world.emergency);
	check_world();
	enough_memory();
	world_run_work();
}

static void hidden_memory_is_fetched(void)
{
	long used = number("hugetlb_vmemmap", "reserve_used");

	grow(3);
	world.pages_left = 5;
	world.hidden = 100;
	shrink(NR_SMALL);
	ENSURE(number("hugetlb_vmemmap", "reserve_used") == used);
	enough_memory();
	check_world();
}

/* Never more at once than one restored page pays for */
static void restoring_stops_in_time(void)
{
	LIST_HEAD(list);
	LIST_HEAD(done);
	int i;

	grow(NR_SMALL);
	for (i = 0; i < 74; i++)
		list_add_tail(&smalls[i].folio->lru, &list);
	ENSURE(hugetlb_vmemmap_restore_folios(SMALL, &list, &done) == -EAGAIN);
	ENSURE(list_entry(list.next, struct folio, lru) == smalls[73].folio);
	release_list(&done);
	ENSURE(hugetlb_vmemmap_restore_folios(SMALL, &list, &done) == 1);
	release_list(&done);
	check_world();
	for (i = 74; i < 147; i++)
		list_add_tail(&smalls[i].folio->lru, &list);
	ENSURE(hugetlb_vmemmap_restore_folios(SMALL, &list, &done) == 73);
	release_list(&done);
	shrink(NR_SMALL);
	check_world();
}

static void boot_mode_seals(void)
{
	mode = HVO_BOOT;
	ENSURE(!unit_initcall());
	ENSURE(sealed && !optimizing());
	mode = HVO_ON;
	break_the_seal();
}

static void allocation_fails_at_every_point(void)
{
	long n;

	for (n = 0; n < TAILS; n++) {
		grow_by_one(&smalls[0]);
		world.pages_left = n;
		dissolve(&smalls[0]);
		ENSURE(!smalls[0].in_pool);	/* the reserve */
		world.pages_left = n;
		grow_by_one(&smalls[1]);
		dissolve(&smalls[1]);
		ENSURE(smalls[1].in_pool);	/* used up */
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

int main(int argc, char **argv)
{
	unsigned long histories = argc > 1 ? strtoul(argv[1], NULL, 0) : 100, seed;

	world_create();
	enough_memory();
	parameters();
	ENSURE(!unit_early_initcall());
	population();
	blocks_are_contiguous();
	make_slots();
	ENSURE(!unit_initcall());
	ENSURE(world.log_lines == 1);
	world.memmap_pages = HOT_PAGES;
	check_world();
	knobs();
	empty_batch_costs_nothing();
	leaf_is_left_alone();
	reserve_saves_the_first_page();
	emergency_memory_is_the_last();
	hidden_memory_is_fetched();
	restoring_stops_in_time();
	allocation_fails_at_every_point();
	for (seed = 1; seed <= histories; seed++)
		history(seed);
	boot_mode_seals();
	printf("%lu histories\n", histories);
	return 0;
}
