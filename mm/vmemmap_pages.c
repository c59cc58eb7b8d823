// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where vmemmap pages come from when a compound page is restored, and where they
 * go when one was optimized
 *
 * A pool that shrinks needs pages before it yields any: 28 KiB for each 2 MiB. The
 * machine may have none. So the first compound page of a batch tries everything:
 * reclaim, the per-CPU lists, a reserve, and emergency memory. The others only take
 * what is free. Where that is too little the batch ends, and its compound pages are
 * freed before the next one begins.
 */
#include <linux/alloc_tag.h>
#include <linux/kmemleak.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/pgalloc_tag.h>
#include <linux/sched.h>
#include <linux/vmemmap_base.h>
#include <linux/vmstat.h>
#include <linux/workqueue.h>

#include "internal.h"
#include "vmemmap_layout.h"

/*
 * Pages are allocated and freed in aligned blocks where possible, up to the largest
 * order that has per-CPU lists. That is a quarter of the work, and adjacent pages
 * stay adjacent. One block is enough for a PMD-sized compound page.
 */
#define BLOCK_ORDER	PAGE_ALLOC_COSTLY_ORDER

/* NULL, or a block that was not split yet */
static struct page *reserve;
static unsigned long reserve_used;

static void reserve_refill(struct work_struct *work);
static DECLARE_DELAYED_WORK(reserve_work, reserve_refill);

/* Does not sleep, as workqueues start another thread for work that does. */
static void reserve_refill(struct work_struct *work)
{
	struct page *block = alloc_pages(GFP_NOWAIT | __GFP_NOWARN, BLOCK_ORDER);

	if (block)
		xchg(&reserve, block);
	else
		schedule_delayed_work(&reserve_work, HZ);
}

/**
 * vmemmap_pages_keep_reserve - keep a block of pages back for restoring
 *
 * Context: Boot, once, before the first restore.
 */
void __init vmemmap_pages_keep_reserve(void)
{
	reserve_refill(NULL);
}

/**
 * vmemmap_pages_drop_reserve - give the reserve back
 *
 * Context: Process context, may sleep, when nothing will be restored any more.
 */
void vmemmap_pages_drop_reserve(void)
{
	struct page *block;

	cancel_delayed_work_sync(&reserve_work);
	block = xchg(&reserve, NULL);
	if (block)
		__free_pages(block, BLOCK_ORDER);
}

/**
 * vmemmap_pages_reserve - size of the reserve at this moment
 *
 * Context: Any.
 * Return: number of pages; 0 while there is no reserve.
 */
unsigned long vmemmap_pages_reserve(void)
{
	return READ_ONCE(reserve) ? 1UL << BLOCK_ORDER : 0;
}

/**
 * vmemmap_pages_reserve_used - how often restoring had to take the reserve
 *
 * Context: Any.
 */
unsigned long vmemmap_pages_reserve_used(void)
{
	return READ_ONCE(reserve_used);
}

static void add_spare(struct vmemmap_batch *batch, struct page *block,
		      unsigned int order)
{
	unsigned long i;

	split_page(block, order);
	for (i = 0; i < 1UL << order; i++)
		list_add_tail(&block[i].lru, &batch->spare);
	batch->nr_spare += 1UL << order;
}

static bool alloc_spare(struct vmemmap_batch *batch, int node, gfp_t gfp,
			unsigned int order)
{
	struct page *block = alloc_pages_node(node, gfp | __GFP_NOWARN, order);

	if (block)
		add_spare(batch, block, order);
	return block;
}

static struct page *first_spare(const struct vmemmap_batch *batch)
{
	return list_first_entry_or_null(&batch->spare, struct page, lru);
}

/**
 * vmemmap_pages_take - take one of the pages that were allocated
 * @batch: the batch that vmemmap_pages_alloc() has supplied
 *
 * Context: As vmemmap_pages_alloc().
 * Return: a page with a reference, not cleared.
 */
struct page *vmemmap_pages_take(struct vmemmap_batch *batch)
{
	struct page *page = first_spare(batch);

	list_del(&page->lru);
	batch->nr_spare--;
	return page;
}

static void free_spare(struct vmemmap_batch *batch)
{
	while (batch->nr_spare)
		__free_page(vmemmap_pages_take(batch));
}

/*
 * All or nothing. Blocks are tried without reclaim and on this node alone, because
 * single pages will do. What a block has too many is for the next compound page on
 * its node.
 */
static bool alloc_all(struct vmemmap_batch *batch, unsigned long nr_pages,
		      int node, gfp_t gfp)
{
	const gfp_t gfp_block = __GFP_THISNODE | __GFP_NOMEMALLOC;

	if (batch->nr_spare && page_to_nid(first_spare(batch)) != node)
		free_spare(batch);
	while (batch->nr_spare < nr_pages &&
	       alloc_spare(batch, node, gfp_block, BLOCK_ORDER))
		;
	while (batch->nr_spare < nr_pages && alloc_spare(batch, node, gfp, 0))
		;
	if (batch->nr_spare >= nr_pages)
		return true;
	free_spare(batch);
	return false;
}

/*
 * The refill waits, because for a second work item beside the caller's the workqueue
 * would start another thread while memory is short.
 */
static bool take_reserve(struct vmemmap_batch *batch)
{
	struct page *block = xchg(&reserve, NULL);

	if (!block)
		return false;
	add_spare(batch, block, BLOCK_ORDER);
	reserve_used++;
	schedule_delayed_work(&reserve_work, HZ);
	return true;
}

/*
 * Pages that were freed just now may sit on per-CPU lists, where the watermarks do
 * not see them. Far below the watermarks, nothing that is freed reaches the
 * reserve; one compound page at a time may then use what the allocator keeps for
 * tasks that free memory. For a work item that sleeps in reclaim the workqueue
 * would start another thread, which needs memory itself.
 */
static bool alloc_first(struct vmemmap_batch *batch, unsigned long nr_pages,
			int node)
{
	const gfp_t gfp = current->flags & PF_WQ_WORKER ?
		GFP_NOWAIT : GFP_KERNEL | __GFP_NORETRY;

	if (alloc_all(batch, nr_pages, node, gfp))
		return true;
	drain_all_pages(NULL);
	return alloc_all(batch, nr_pages, node, gfp) || take_reserve(batch) ||
		alloc_all(batch, nr_pages, node, gfp | __GFP_MEMALLOC);
}

/*
 * A batch keeps what it has taken until it ends. So that nobody runs short of memory
 * meanwhile, one zone keeps eight times as much free, above its high watermark. That
 * costs few batches: each yields 73 times what it took, for the next.
 */
static bool leaves_enough(const struct vmemmap_batch *batch, int node)
{
	const enum zone_type highest = gfp_zone(GFP_NOWAIT);
	struct zoneref *ref;
	struct zone *zone;

	for_each_zone_zonelist(zone, ref, node_zonelist(node, GFP_NOWAIT), highest)
		if (zone_watermark_ok(zone, 0, high_wmark_pages(zone) +
				      8 * batch->nr_restored, highest, 0))
			return true;
	return false;
}

/**
 * vmemmap_pages_alloc - allocate the vmemmap pages of one compound page
 * @batch: takes the pages, see vmemmap_pages_take()
 * @nr_pages: how many are needed
 * @node: where the compound page is
 *
 * Context: Process context, may sleep to reclaim memory for the first compound page
 *	of the batch. Never invokes the OOM killer.
 * Return: 0; -EAGAIN if compound pages of this batch were restored and memory is
 *	short; -ENOMEM if neither the allocator nor the reserve has enough.
 */
int vmemmap_pages_alloc(struct vmemmap_batch *batch, unsigned long nr_pages,
			int node)
{
	/* Gigantic: the reserve is too small, and demotion does not come back. */
	if (nr_pages > 1UL << BLOCK_ORDER)
		return alloc_all(batch, nr_pages, node, GFP_KERNEL |
				 __GFP_RETRY_MAYFAIL) ? 0 : -ENOMEM;
	if (!batch->nr_restored)
		return alloc_first(batch, nr_pages, node) ? 0 : -ENOMEM;
	return leaves_enough(batch, node) &&
		alloc_all(batch, nr_pages, node, GFP_NOWAIT) ? 0 : -EAGAIN;
}

/*
 * How many pages, with those behind it on the list, are an aligned block. The
 * allocator expects a reference to its first page alone. A pfn walker may hold a
 * speculative reference, and its put_page() frees the page then. A hwpoisoned page
 * is noticed only if it is freed by itself. page_owner and allocation profiling
 * track single pages.
 */
static unsigned long freeze_block(struct page *page)
{
	unsigned long nr = 1, max = 1UL << min(__ffs(page_to_pfn(page)), BLOCK_ORDER);
	unsigned long block;

	if (IS_ENABLED(CONFIG_PAGE_OWNER) || mem_alloc_profiling_enabled() ||
	    PageHWPoison(page))
		return 1;
	while (nr < max && page[nr - 1].lru.next == &page[nr].lru &&
	       !PageHWPoison(&page[nr]) && page_ref_freeze(&page[nr], 1))
		nr++;
	block = rounddown_pow_of_two(nr);
	while (nr > block)
		page_ref_unfreeze(&page[--nr], 1);
	return block;
}

/**
 * vmemmap_pages_release_boot - make pages from memblock freeable
 * @page: the first page. PageReserved tells those from memblock, which have no
 *	bootmem info: base-mapped memory is not registered there. Others stay as they are
 * @nr_pages: how many follow each other in one zone
 *
 * Each has one reference then, like an allocated page, and is among the managed
 * pages of its zone.
 *
 * Context: Any.
 * Return: how many of the pages came from memblock.
 */
unsigned long vmemmap_pages_release_boot(struct page *page, unsigned long nr_pages)
{
	unsigned long i, boot = 0;

	for (i = 0; i < nr_pages; i++) {
		if (!PageReserved(page + i))
			continue;
		kmemleak_free_part_phys(PFN_PHYS(page_to_pfn(page + i)), PAGE_SIZE);
		clear_page_tag_ref(page + i);
		ClearPageReserved(page + i);
		boot++;
	}
	if (boot)
		adjust_managed_page_count(page, boot);
	return boot;
}

/**
 * vmemmap_pages_free - free what a batch took out of the vmemmap, and its spares
 * @batch: the batch, after its TLB flush
 *
 * Context: Process context with interrupts enabled.
 */
void vmemmap_pages_free(struct vmemmap_batch *batch)
{
	unsigned long boot = 0, all = 0, nr_pages;
	struct page *page, *next;

	list_for_each_entry_safe(page, next, &batch->freed, lru) {
		nr_pages = freeze_block(page);
		next = list_next_entry(page + nr_pages - 1, lru);
		boot += vmemmap_pages_release_boot(page, nr_pages);
		__free_pages(page, ilog2(nr_pages));
		all += nr_pages;
		cond_resched();
	}
	free_spare(batch);
	memmap_boot_pages_add(-boot);
	memmap_pages_add(boot - all);
}
