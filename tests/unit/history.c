// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs the project's unmodified kernel files in user space, with world.c as the rest of
 * the kernel. A history is a sequence of steps: pools grow and shrink, sysctls are
 * written, memory is plugged and unplugged, allocations fail, TLB entries are stale.
 * After each step the whole state is checked. A random seed or the bytes of an input
 * select the steps. Every history starts from the same state.
 *
 * Included by unit.c and fuzz.c.
 */
#include "kernel.h"
#include "world.h"
#include "vmemmap_layout.c"
#include "population.c"
#include "mm/vmemmap_pages.c"
#include "mm/vmemmap_collapse.c"
#include "mm/vmemmap_base.c"
#include "mm/hugetlb_vmemmap.c"
#undef pr_fmt
#include "mm/hugetlb_vmemmap_sysfs.c"

#define SMALL (&hstates[0])
#define BIG (&hstates[1])
#define TAILS 7
#define RESERVE_KB 32
#define BIG_TAILS 1023
#define NR_SMALL 256		/* in tables 0 to 4, 64 to a table */
#define LEAF_TABLE 5UL
#define PLUG_TABLE 8UL		/* of memory that is plugged and unplugged */
#define HOT_PAGES (2L * PTRS_PER_PTE)	/* tables 6 and 7 are hot-added */
#define FIRST_SMALL 32UL	/* struct pages below are those of the vmemmap itself */

/* The state of a huge page, which mm/hugetlb.c keeps in the kernel */
struct slot {
	struct folio *folio;
	const struct hstate *h;
	bool in_pool, optimized;
};

static struct slot smalls[NR_SMALL], big, on_leaf;
static bool plugged;

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

/* Sets up a frozen compound page as HugeTLB gets it from the page allocator. */
static void prepare(struct slot *slot)
{
	struct page *head = &slot->folio->page;
	unsigned long i;

	memset(head, 0, pages_per_huge_page(slot->h) * sizeof(*head));
	head->flags = PG_head_bit;
	INIT_LIST_HEAD(&head->lru);
	head[1].private = slot->h->order;
	for (i = 1; i < pages_per_huge_page(slot->h); i++) {
		head[i].flags = unit_tail_flags(head);
		head[i].compound_head = unit_compound_info(head);
		head[i].mapping = TAIL_MAPPING;
		head[i]._mapcount = -1;
	}
	/* data of the folio in its first tails, which no other tail may show */
	for (i = 1; i < 4; i++)
		head[i].mapping = (void *)0xf0110;
	world.frozen_at = world.grace_periods;
}

/* Frees to the page allocator, which reads and writes every struct page. */
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
	unsigned long first = first_vpage(slot), i;
	bool optimized = slot->in_pool && slot->optimized;
	pte_t pte = pte_of(first);

	ENSURE(pte.v & 2);
	if (slot->in_pool)
		ENSURE(!!folio_test_hugetlb_vmemmap_optimized(slot->folio) == optimized);
	for (i = 0; i < vpages(slot->h); i++) {
		ENSURE(unit_tlb_is_true(first + i));
		if (i && optimized)
			ENSURE(pte_of(first + i).v == unit_shared_pte(&slot->folio->page, pte.v));
		else if (i)
			ENSURE(!unit_is_shared(pte_of(first + i).v) &&
			       pte_pfn(pte_of(first + i)) != pte_pfn(pte));
	}
}

static long number(const char *name)
{
	return atol(world_sysfs(name));
}

static void check_world(void)
{
	long nr = 0, freed, i;

	for (i = 0; i < NR_SMALL; i++) {
		check_slot(&smalls[i]);
		nr += smalls[i].in_pool && smalls[i].optimized;
	}
	check_slot(&big);
	if (on_leaf.in_pool)
		ENSURE(!folio_test_hugetlb_vmemmap_optimized(on_leaf.folio));
	freed = nr * TAILS + (big.in_pool && big.optimized) * BIG_TAILS;
	ENSURE(world.memmap_pages + world.memmap_boot_pages ==
	       HOT_PAGES + plugged * PTRS_PER_PTE - freed);
	ENSURE(world.memmap_boot_pages <= 0 && world.memmap_pages >= 0);
	ENSURE(world.managed == (long)vmemmap_collapsed() - world.memmap_boot_pages);
	ENSURE(!world.online_mems && !init_mm.locked);
	ENSURE(number("saved_kb") == freed * 4);
	/* every allocated page is in the vmemmap or in the reserve */
	ENSURE(world.taken == world.memmap_pages + number("reserve_kb") / 4 + UNIT_LAYOUT_PAGES);
	ENSURE(world.readers == 0);
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

static void list_slot(struct slot *slot, struct list_head *list)
{
	prepare(slot);
	list_add_randomly(&slot->folio->lru, list);
	enter_pool(slot);
}

static void grow(int count)
{
	LIST_HEAD(list);
	long before = world.flushes, taken = world.taken, periods = world.grace_periods;
	long expedited = world.expedited, nr;
	bool surplus = unit_random(2);
	int i, got = 0;

	if (!on_leaf.in_pool && !unit_random(4))
		list_slot(&on_leaf, &list);
	for (i = 0; i < NR_SMALL && got < count; i++) {
		if (smalls[i].in_pool || (count < NR_SMALL && unit_random(3)))
			continue;
		list_slot(&smalls[i], &list);
		got++;
	}
	nr = list_count_nodes(&list);
	if (surplus)
		hugetlb_vmemmap_optimize_surplus_folios(SMALL, &list);
	else
		hugetlb_vmemmap_optimize_folios(SMALL, &list);
	ENSURE(world.grace_periods - periods == (nr && optimizing() ? UNIT_WAITS : 0));
	ENSURE(world.expedited - expedited ==
	       (nr && nr <= 8 && !surplus && optimizing() ? UNIT_WAITS : 0));
	ENSURE(world.flushes - before == (got && optimizing()));
	ENSURE(world.taken <= taken);
}

static void grow_by_one(struct slot *slot)
{
	long periods = world.grace_periods, expedited = world.expedited;

	if (slot->in_pool)
		return;
	prepare(slot);
	enter_pool(slot);
	hugetlb_vmemmap_optimize_folio(slot->h, slot->folio);
	ENSURE(world.grace_periods - periods == (optimizing() ? UNIT_WAITS : 0));
	ENSURE(world.expedited == expedited);
	ENSURE(list_empty(&slot->folio->lru));
}

static struct slot *slot_of(struct folio *folio)
{
	int i;

	for (i = 0; i < NR_SMALL; i++)
		if (smalls[i].folio == folio)
			return &smalls[i];
	ENSURE(folio == on_leaf.folio);
	return &on_leaf;
}

static void release_list(struct list_head *list)
{
	struct folio *folio, *next;

	list_for_each_entry_safe(folio, next, list, lru) {
		list_del(&folio->lru);
		release(slot_of(folio));
	}
}

/*
 * Only the first folio may reclaim, drain per-CPU lists, take the reserve and use
 * emergency memory. A batch takes no more pages than it leaves free.
 */
static long restore_batch(struct list_head *list, struct list_head *done)
{
	long taken = world.taken, reclaims = world.reclaims, drains = world.drains;
	unsigned long used = reserve_used, failures = hvo_state.restore_failures.counter;
	long emergencies = world.emergencies;
	long ret = hugetlb_vmemmap_restore_folios(SMALL, list, done);

	ENSURE(world.zone_free < 0 || world.taken - taken <= world.zone_free + 2 * TAILS);
	ENSURE(world.reclaims - reclaims <= 3 * TAILS && world.drains - drains <= 1);
	ENSURE(reserve_used - used <= 1 && world.emergencies - emergencies <= TAILS);
	ENSURE(hvo_state.restore_failures.counter - failures == (ret == -ENOMEM));
	ENSURE(ret != -EAGAIN || !list_empty(done));
	return ret;
}

/* Frees many folios like mm/hugetlb.c, including its error path. */
static void shrink(int count)
{
	struct folio *folio, *next;
	LIST_HEAD(list);
	LIST_HEAD(done);
	bool all = count == NR_SMALL;
	long ret;
	int i;

	if (on_leaf.in_pool && (all || !unit_random(4)))
		list_add_randomly(&on_leaf.folio->lru, &list);
	for (i = NR_SMALL - 1; i >= 0 && count; i--) {
		if (!smalls[i].in_pool || (!all && unit_random(3)))
			continue;
		list_add_randomly(&smalls[i].folio->lru, &list);
		count--;
	}
	while (!list_empty(&list)) {
		ret = restore_batch(&list, &done);
		ENSURE(ret <= 0 || !world_sysctl_read("hugetlb_vmemmap_seal"));
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
	current->flags = unit_random(2) ? PF_WQ_WORKER : 0;
	ret = hugetlb_vmemmap_restore_folio(slot->h, slot->folio);
	current->flags = 0;
	if (slot->optimized && world_sysctl_read("hugetlb_vmemmap_seal"))
		ENSURE(ret == -EPERM);
	else
		ENSURE(ret == 0 || (ret == -ENOMEM && slot->optimized));
	if (!ret)
		release(slot);
}

static void grow_or_dissolve(struct slot *slot)
{
	if (slot->in_pool)
		dissolve(slot);
	else
		grow_by_one(slot);
}

static void scarce_memory(void)
{
	world.no_memory = !unit_choose(4);
	world.zone_free = unit_choose(2) ? (long)unit_choose(4000) : -1;
	world.emergency = unit_choose(2) ? (long)unit_choose(20) : 0;
	world.pages_left = unit_choose(2) ? (long)unit_choose(100) : -1;
	world.hidden = unit_choose(2) ? (long)unit_choose(50) : -1;
	world.scattered = unit_choose(4);
}

static void enough_memory(void)
{
	world.no_memory = false;
	world.pages_left = -1;
	world.hidden = -1;
	world.zone_free = -1;
	world.emergency = 0;
	world.scattered = 0;
}

static void unplug(void)
{
	world_unplug(PLUG_TABLE);
	world.memmap_pages -= plugged * PTRS_PER_PTE;
	plugged = false;
}

/* Populates a table in one or two parts; any of the allocations can fail. */
static void plug(void)
{
	unsigned long start = VMEMMAP_START + PLUG_TABLE * PMD_SIZE, i;
	unsigned long first = unit_choose(2) ? unit_choose(PTRS_PER_PTE) : 0;
	unsigned long middle = start + first * PAGE_SIZE;
	long refused = world.refused;
	int ret = 0;

	world.fail_blocks = unit_choose(2);
	world.fail_table = unit_choose(16);
	world.fail_page = unit_choose(1024);
	if (middle > start)
		ret = vmemmap_populate_base(start, middle, 0);
	if (!ret)
		ret = vmemmap_populate_base(middle, start + PMD_SIZE, 0);
	ENSURE(ret == (world.refused > refused ? -ENOMEM : 0));
	world.fail_blocks = false;
	world.fail_table = 0;
	world.fail_page = 0;
	if (ret) {
		unplug();
		return;
	}
	for (i = 0; i < PTRS_PER_PTE; i++)
		ENSURE(pte_of(PLUG_TABLE * PTRS_PER_PTE + i).v & 2);
	world.memmap_pages += PTRS_PER_PTE;
	plugged = true;
}

/* The late initcall of sysfs: an allocation failure is logged, but is not an error. */
static void show_sysfs(int fail_object)
{
	int lines = world.log_lines;
	long refused = world.refused;

	world.fail_object = fail_object;
	ENSURE(!hugetlb_vmemmap_sysfs_init());
	world.fail_object = 0;
	ENSURE(world.log_lines == lines + (world.refused > refused));
}

static void late_init(void)
{
	int lines = world.log_lines;

	ENSURE(!hugetlb_vmemmap_init());
	ENSURE(world.log_lines == lines + 1);
	show_sysfs(0);
}

static void turn_knobs(void)
{
	bool on = optimizing(), enable = unit_choose(3), killed = !unit_choose(4);
	int ret;

	world.killed = killed;
	ret = world_sysctl_write("hugetlb_optimize_vmemmap", enable);
	world.killed = false;
	if (killed)
		ENSURE(ret == -EINTR);
	else
		ENSURE(ret == (enable && world_sysctl_read("hugetlb_vmemmap_seal") ? -EPERM : 0));
	ENSURE(optimizing() == (ret ? on : enable));
}

/* Of the tables, exactly those are replaced by a PMD that could be. */
static void seal(void)
{
	bool first = !world_sysctl_read("hugetlb_vmemmap_seal"), whole[NR_TABLES];
	long nr = number("collapsed_kb") / 2048;
	unsigned long table;

	for (table = 0; table < NR_TABLES; table++) {
		whole[table] = world_is_one_block(table);
		nr += whole[table];
	}
	ENSURE(!world_sysctl_write("hugetlb_vmemmap_seal", 1));
	ENSURE(number("reserve_kb") == 0 && !world_run_work());
	ENSURE(!vmemmap_base_enabled && number("collapsed_kb") == nr * 2048);
	for (table = 0; first && table < NR_TABLES; table++)
		ENSURE(world_is_collapsed(table) == whole[table]);
}

static void set_seal(void)
{
	world.killed = unit_choose(2);
	if (world.killed)
		ENSURE(world_sysctl_write("hugetlb_vmemmap_seal", 1) == -EINTR);
	else
		seal();
	world.killed = false;
}

#define NR_CHOICES 16
#define LONGEST 200UL		/* bytes of a history, about three per step */

static void step(unsigned int choice)
{
	switch (choice) {
	case 0:
	case 1:
		grow(unit_choose(40));
		break;
	case 2:
	case 3:
		shrink(unit_choose(100));
		break;
	case 4:
	case 5:
		grow_by_one(&smalls[unit_choose(NR_SMALL)]);
		break;
	case 6:
	case 7:
		dissolve(&smalls[unit_choose(NR_SMALL)]);
		break;
	case 8:
		if (!unit_choose(3))	/* it is slow */
			grow_or_dissolve(&big);
		break;
	case 9:
	case 10:
		scarce_memory();
		break;
	case 11:
		enough_memory();
		world_run_work();
		break;
	case 12:
		turn_knobs();
		break;
	case 13:
		grow_or_dissolve(&on_leaf);
		break;
	case 14:
		if (unit_choose(2))
			show_sysfs(unit_choose(2));
		else if (plugged)
			unplug();
		else
			plug();
		break;
	case 15:
		if (!unit_choose(6))
			set_seal();
		else
			world_run_work();
		break;
	}
}

static void undo_collapsing(void)
{
	world_undo_collapsing();
	collapsed = 0;
	vmemmap_base_enabled = true;
}

static void break_the_seal(void)
{
	if (!vmemmap_base_enabled) {
		undo_collapsing();
		vmemmap_pages_keep_reserve();
	}
	hvo_state.sealed = false;
	ENSURE(!world_sysctl_write("hugetlb_optimize_vmemmap", 1));
}

/* Resets the static variables of the code; if one is missing, the digests differ. */
static void start_over(void)
{
	int i;

	undo_collapsing();
	world_rewind();
	for (i = 0; i < NR_SMALL; i++)
		smalls[i].in_pool = false;
	big.in_pool = false;
	on_leaf.in_pool = false;
	plugged = false;
	reserve = NULL;
	reserve_used = 0;
	hvo_state = (struct hvo_state){ .mode = "on", .optimize = true };
	late_init();
}

/* Undoes everything: all pages must be back afterwards. */
static void tidy_up(void)
{
	enough_memory();
	break_the_seal();
	world_run_work();
	shrink(NR_SMALL);
	dissolve(&big);
	if (plugged)
		unplug();
	check_world();
	ENSURE(world.memmap_pages + world.memmap_boot_pages == HOT_PAGES);
	ENSURE(number("reserve_kb") == RESERVE_KB);
}

/*
 * A step takes its choices from the input. Its first byte is a seed for those that would
 * need too many bytes, so that changing one step does not change the others.
 */
static unsigned long history_of(const uint8_t *input, size_t size, unsigned long nr)
{
	start_over();
	world.seed = nr;
	world.input = input;
	world.input_left = size;
	for (; world.input_left; world.step++) {
		world.rng = (unit_choose(256) + 1) * 2654435761UL;
		step(unit_choose(NR_CHOICES));
		check_world();
	}
	tidy_up();
	return world_digest() ^ number("restore_failures") << 16 ^
		number("reserve_used");
}

static void population(void)
{
	unsigned long table, start;
	int level;

	for (table = 0; table < 5; table++) {
		start = VMEMMAP_START + table * PMD_SIZE;
		world.fail_blocks = table == 4;
		ENSURE(!vmemmap_populate_base(start, start + PMD_SIZE, 0));
	}
	world.fail_blocks = false;
	ENSURE(world.untracked_tables == 5);
	world_boot_is_over();

	/* hot-added: a part of a table, then the rest of it; then a block */
	start = VMEMMAP_START + 6 * PMD_SIZE;
	for (level = 1; level <= 4; level++) {
		world.fail_table = level;
		ENSURE(vmemmap_populate_base(start, start + PAGE_SIZE, 0) == -ENOMEM);
	}
	ENSURE(pte_of(6 * PTRS_PER_PTE).v == 0);
	ENSURE(!vmemmap_populate_base(start, start + 8 * PAGE_SIZE, 0));
	world.fail_page = 1;
	ENSURE(vmemmap_populate_base(start + 8 * PAGE_SIZE, start + PMD_SIZE, 0) == -ENOMEM);
	ENSURE(!vmemmap_populate_base(start + 8 * PAGE_SIZE, start + PMD_SIZE, 0));
	start += PMD_SIZE;
	ENSURE(!vmemmap_populate_base(start, start + PMD_SIZE, 0));
	world_map_leaf(LEAF_TABLE);
}

static void make_slots(void)
{
	int i;

	for (i = 0; i < NR_SMALL; i++) {
		smalls[i].h = SMALL;
		smalls[i].folio = (struct folio *)pfn_to_page((FIRST_SMALL + i) * 512);
	}
	big.h = BIG;
	big.folio = (struct folio *)pfn_to_page(6UL * PAGES_PER_SECTION);
	on_leaf.h = SMALL;
	on_leaf.folio = (struct folio *)pfn_to_page(LEAF_TABLE * PAGES_PER_SECTION);
}

static void boot(void)
{
	world_create();
	enough_memory();
	ENSURE(!unit_early_param("on"));
	population();
	ENSURE(!vmemmap_layout_init());
	make_slots();
	world.memmap_pages = HOT_PAGES;
	world_save();
	start_over();
	check_world();
}
