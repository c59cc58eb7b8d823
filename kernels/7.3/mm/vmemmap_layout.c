// SPDX-License-Identifier: GPL-2.0-only
/*
 * The part of the layout of Linux 7.3 that the rest of the kernel links to: the shared
 * tail pages, and gigantic pages that are optimized before the memory map exists.
 *
 * 7.3 takes gigantic pages from memblock before it populates the vmemmap, and stops
 * if what is left has no room for that. So theirs is populated as that of optimized
 * folios from the start: a machine can have nearly all of its memory in them.
 */
#include <linux/gfp.h>
#include <linux/hugetlb.h>
#include <linux/init.h>
#include <linux/memblock.h>
#include <linux/memory.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/notifier.h>
#include <linux/vmemmap_base.h>
#include <linux/vmstat.h>

#include "hugetlb_vmemmap.h"
#include "internal.h"
#include "vmemmap_layout.h"

/* Optimizing must not allocate, so that they exist before the first folio does. */
static int make_tail_page(struct zone *zone, unsigned int order)
{
	struct page **shared = &zone->vmemmap_tails[order - VMEMMAP_TAIL_MIN_ORDER];
	struct page *page, *tails;
	unsigned long i;

	if (*shared)
		return 0;
	page = alloc_pages_node(zone_to_nid(zone), GFP_KERNEL | __GFP_NORETRY |
				__GFP_NOWARN | __GFP_ZERO, 0);
	if (!page)
		return -ENOMEM;
	tails = page_to_virt(page);
	for (i = 0; i < PAGE_SIZE / sizeof(struct page); i++)
		init_compound_tail(tails + i, NULL, order, zone);
	*shared = page;
	return 0;
}

/* Of both sizes of HugeTLB pages */
static int make_tail_pages(struct zone *zone)
{
	return make_tail_page(zone, PMD_SHIFT - PAGE_SHIFT) ?:
		make_tail_page(zone, PUD_SHIFT - PAGE_SHIFT);
}

static int memory_goes_online(struct notifier_block *self, unsigned long action,
			      void *arg)
{
	const struct memory_notify *added = arg;

	if (action != MEM_GOING_ONLINE)
		return NOTIFY_DONE;
	return notifier_from_errno(make_tail_pages(page_zone(pfn_to_page(added->start_pfn))));
}

static int __init vmemmap_layout_init(void)
{
	struct zone *zone;

	if (!vmemmap_base_enabled)
		return 0;
	for_each_populated_zone(zone)
		if (make_tail_pages(zone))
			panic("no memory for the tails of zone %s\n", zone->name);
	return hotplug_memory_notifier(memory_goes_online, DEFAULT_CALLBACK_PRI);
}
early_initcall(vmemmap_layout_init);

static struct zone *zone_of(int nid, unsigned long pfn)
{
	struct zone *zone = NODE_DATA(nid)->node_zones;

	while (!zone_spans_pfn(zone, pfn))
		zone++;
	return zone;
}

static void __init populate_optimized(int nid, struct huge_bootmem_page *huge)
{
	unsigned long pfn = PHYS_PFN(virt_to_phys(huge)), i;
	unsigned long start = (unsigned long)pfn_to_page(pfn);
	unsigned long nr_pages = pages_per_huge_page(huge->hstate);

	if (!IS_ALIGNED(pfn | nr_pages, PAGES_PER_SECTION))
		return;
	if (vmemmap_populate_hvo(start, start + hugetlb_vmemmap_size(huge->hstate),
				 huge_page_order(huge->hstate), zone_of(nid, pfn),
				 HUGETLB_VMEMMAP_RESERVE_SIZE))
		panic("no memory for the memory map of a HugeTLB page\n");
	memmap_boot_pages_add(HUGETLB_VMEMMAP_RESERVE_SIZE / PAGE_SIZE);
	for (i = 0; i < nr_pages; i += PAGES_PER_SECTION)
		sparse_init_early_section(nid, pfn_to_page(pfn + i),
					  pfn_to_section_nr(pfn + i),
					  SECTION_IS_VMEMMAP_PREINIT);
	huge->flags |= HUGE_BOOTMEM_HVO;
}

/**
 * hugetlb_vmemmap_init_early - populate the vmemmap of a node's gigantic pages
 * @nid: the node
 *
 * Context: Boot, before the rest of the node's vmemmap is populated.
 */
void __init hugetlb_vmemmap_init_early(int nid)
{
	struct huge_bootmem_page *huge;

	if (!hvo_state.optimize)
		return;
	list_for_each_entry(huge, &huge_boot_pages[nid], list)
		populate_optimized(nid, huge);
}

/**
 * hugetlb_vmemmap_optimize_bootmem_folios - optimize the gigantic folios from boot
 * @h: hstate of all folios on the list; NULL if there are none
 * @folio_list: folios that are entering the pool, refcounts zero
 *
 * Those that hugetlb_vmemmap_init_early() has populated are optimized already, and
 * counted here.
 *
 * Context: Boot, in one thread a node. May sleep.
 */
void hugetlb_vmemmap_optimize_bootmem_folios(struct hstate *h,
					     struct list_head *folio_list)
{
	struct folio *folio;

	list_for_each_entry(folio, folio_list, lru)
		if (folio_test_hugetlb_vmemmap_optimized(folio))
			atomic_long_add(hugetlb_vmemmap_optimizable_size(h) >> PAGE_SHIFT,
					&hvo_state.saved_pages);
	hugetlb_vmemmap_optimize_folios(h, folio_list);
}
