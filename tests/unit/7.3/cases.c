// SPDX-License-Identifier: GPL-2.0-only
/* Cases of Linux 7.3 alone: tail pages of zones, gigantic pages from boot */
static void gigantic_pages_are_populated_optimized(void)
{
	struct huge_bootmem_page huge = { .hstate = BIG, .unit_pfn = 2 * PAGES_PER_SECTION };
	long boot_pages = world.memmap_boot_pages;

	INIT_LIST_HEAD(&huge_boot_pages[0]);
	INIT_LIST_HEAD(&huge_boot_pages[1]);
	list_add(&huge.list, &huge_boot_pages[1]);
	hvo_state.optimize = false;
	hugetlb_vmemmap_init_early(1);
	hvo_state.optimize = true;
	hugetlb_vmemmap_init_early(0);
	huge.unit_pfn += PAGES_PER_SECTION / 2;
	hugetlb_vmemmap_init_early(1);
	ENSURE(!unit_seen.populated && !huge.flags);

	huge.unit_pfn -= PAGES_PER_SECTION / 2;
	hugetlb_vmemmap_init_early(1);
	ENSURE(unit_seen.populated == 1 && unit_seen.sections == 2 && huge.flags == HUGE_BOOTMEM_HVO);
	ENSURE(unit_seen.addr == VMEMMAP_START + 2 * PMD_SIZE && unit_seen.end == unit_seen.addr + 2 * PMD_SIZE);
	ENSURE(unit_seen.zone == &unit_zones[1] && world.memmap_boot_pages == boot_pages + 1);
	world.memmap_boot_pages = boot_pages;
}

/* A folio that is optimized already is counted and stays as it is. */
static void gigantic_pages_from_boot_are_counted(void)
{
	LIST_HEAD(list);

	start_over();
	hugetlb_vmemmap_optimize_bootmem_folios(NULL, &list);
	grow_by_one(&big);
	hvo_state.saved_pages.counter = 0;
	list_add(&big.folio->lru, &list);
	hugetlb_vmemmap_optimize_bootmem_folios(BIG, &list);
	list_del_init(&big.folio->lru);
	check_world();
	dissolve(&big);
	prepare(&big);
	enter_pool(&big);
	list_add(&big.folio->lru, &list);
	hugetlb_vmemmap_optimize_bootmem_folios(BIG, &list);
	check_world();
	dissolve(&big);
}

/* Each zone has tail pages before memory of it can be in a pool. */
static void memory_that_goes_online_has_tail_pages(void)
{
	struct page **shared = unit_tails_of(&unit_zones[0], SMALL->order), *page = *shared;
	struct memory_notify added = { .start_pfn = 0 };
	long taken = world.taken;

	ENSURE(!memory_goes_online(NULL, MEM_GOING_ONLINE, &added) && world.taken == taken);
	*shared = NULL;
	ENSURE(!memory_goes_online(NULL, MEM_GOING_ONLINE + 1, &added) && !*shared);
	world.no_memory = true;
	ENSURE(memory_goes_online(NULL, MEM_GOING_ONLINE, &added) == ENOMEM && !*shared);
	world.no_memory = false;
	ENSURE(!memory_goes_online(NULL, MEM_GOING_ONLINE, &added) && *shared);
	ENSURE(world.taken == taken + 1);
	__free_page(*shared);
	*shared = page;
}

/* memory_failure() can mark the shared page. No restored page may show that. */
static void a_stray_mark_is_not_restored(void)
{
	struct page *tail = &smalls[0].folio->page + 200;
	struct page *shared = page_to_virt(*unit_tails_of(page_zone(tail), SMALL->order));

	grow_by_one(&smalls[0]);
	tail->flags |= PG_hwpoison_bit;
	dissolve(&smalls[0]);
	check_world();
	shared[200 % 64].flags &= ~PG_hwpoison_bit;
}

static void no_tails_when_off(void)
{
	struct zone zone = unit_zones[1];

	memset(&unit_zones[1], 0, sizeof(zone));
	vmemmap_base_enabled = false;
	ENSURE(!vmemmap_layout_init() && !*unit_tails_of(&unit_zones[1], SMALL->order));
	vmemmap_base_enabled = true;
	unit_zones[1] = zone;
}

/* Marks may be under way once memory_failure() has begun. */
static void optimizing_waits_for_marks(void)
{
	long periods = world.grace_periods;
	LIST_HEAD(list);

	memory_failure_begun = true;
	list_slot(&smalls[0], &list);
	list_slot(&smalls[1], &list);
	hugetlb_vmemmap_optimize_folios(SMALL, &list);
	ENSURE(world.grace_periods == periods + 1);
	memory_failure_begun = false;
	INIT_LIST_HEAD(&list);
	dissolve(&smalls[0]);
	dissolve(&smalls[1]);
}

static void layout_cases(void)
{
	optimizing_waits_for_marks();
	no_tails_when_off();
	gigantic_pages_are_populated_optimized();
	gigantic_pages_from_boot_are_counted();
	memory_that_goes_online_has_tail_pages();
	a_stray_mark_is_not_restored();
}
