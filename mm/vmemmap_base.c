// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vmemmap mapped by base pages
 *
 * The struct pages of a compound page nearly all say the same: "I am a tail,
 * my head is over there". So the vmemmap pages that hold nothing but tails can
 * be one page, mapped many times. To exchange single pages of the vmemmap,
 * page tables must map it, and usually PMDs do. Instead of splitting PMDs when
 * memory may be short, mm/sparse-vmemmap.c populates the vmemmap with page tables
 * from the start. Everything later is a swap of PTEs in tables that already exist:
 *
 *   optimize:  first | tail | tail | tail      the first page stays
 *                |      |      |      |
 *                v      v      v      v
 *              page0  common page of tails      what was behind the tails is freed
 *
 *   restore:   every tail gets a page of its own again, complete before it is
 *              mapped, read-write
 *
 * The caller must own the compound page: its refcount is frozen at zero. Nobody
 * else then touches its PTEs, and tables are freed only with the memory that
 * they describe, so no lock is taken here. Two kinds of readers remain: pfn
 * walkers, which hold no reference, and CPUs with an old TLB entry:
 *
 * - A walker sees a refcount in use, and writes to it. Where the shared page is
 *   page0, that must not happen: vmemmap_layout_wait_walkers() waits for each
 *   walker that may have seen the refcount before the page was frozen. A later one
 *   sees zero until the compound page is handed on, and a fake head afterwards.
 *   Where the shared page holds nothing but tails, a late write changes nothing.
 * - A CPU may read, or write, through an old translation until the TLB flush.
 *   So a page taken out of the vmemmap is freed only after the flush, and the
 *   compound page is handed on only then.
 * - Restoring needs no waiting: old and new translation show a tail with a
 *   refcount of zero, or a fake head, which walkers recognize.
 *
 * What differs from kernel to kernel is in vmemmap_layout.h. Where pages come from
 * and where they go is in vmemmap_pages.c.
 */
#include <linux/build_bug.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/vmemmap_base.h>
#include <linux/vmstat.h>
#include <asm/tlbflush.h>

#include "vmemmap_layout.h"

/* NULL where a PMD maps the vmemmap by itself */
static pte_t *vmemmap_pte(unsigned long addr)
{
	pmd_t *pmd = pmd_off_k(addr);

	return pmd_leaf(*pmd) ? NULL : pte_offset_kernel(pmd, addr);
}

static bool range_has_tables(unsigned long addr, unsigned long end)
{
	for (; addr < end; addr = pmd_addr_end(addr, end))
		if (!vmemmap_pte(addr))
			return false;
	return true;
}

static void batch_add_range(struct vmemmap_batch *batch, unsigned long start,
			    unsigned long end)
{
	batch->start = min(batch->start, start);
	batch->end = max(batch->end, end);
}

static void share_tails(unsigned long addr, unsigned long end, pte_t tail,
			struct vmemmap_batch *batch)
{
	pte_t *pte = vmemmap_pte(addr);

	for (; addr < end; addr += PAGE_SIZE, pte++) {
		list_add_tail(&pte_page(ptep_get(pte))->lru, &batch->freed);
		set_pte_at(&init_mm, addr, pte, tail);
	}
}

/**
 * vmemmap_base_optimize - map the tails of a compound page to one page
 * @start: vmemmap address of the head struct page, page aligned
 * @end: vmemmap address behind the last tail, page aligned
 * @batch: takes the pages that are no longer mapped
 *
 * The first page of the range stays where it is. The others become views of one
 * page, and what was behind them waits in @batch for vmemmap_base_flush().
 * Nothing is allocated and nothing is read from the tails, so they need not be
 * initialized yet.
 *
 * Context: Any; the caller owns the frozen compound page and has called
 *	vmemmap_layout_wait_walkers() since it was frozen, once for all compound
 *	pages that were frozen by then.
 * Return: 0, or -EOPNOTSUPP if a part of the range is mapped by a PMD, as that
 *	of memory with an altmap is; then nothing has changed.
 */
int vmemmap_base_optimize(unsigned long start, unsigned long end,
			  struct vmemmap_batch *batch)
{
	unsigned long addr, next;
	pte_t tail;

	if (!range_has_tables(start, end))
		return -EOPNOTSUPP;

	tail = vmemmap_layout_tail((struct page *)start,
				   pte_page(ptep_get(vmemmap_pte(start))));
	for (addr = start + PAGE_SIZE; addr < end; addr = next) {
		next = pmd_addr_end(addr, end);
		share_tails(addr, next, tail, batch);
	}
	batch_add_range(batch, start + PAGE_SIZE, end);
	return 0;
}

/*
 * All struct pages of a tail vmemmap page are alike. The compound page's own first
 * page has such tails too, but only behind struct folio: those in front carry the
 * folio's own data, which must not appear a second time. The shared page is no
 * source where others share it: it shows a stray write to any of their tails.
 */
static void fill_tails(void *to, const struct page *head)
{
	BUILD_BUG_ON(2 * sizeof(struct folio) > PAGE_SIZE);
	copy_page(to, (void *)head);
	memcpy(to, (void *)head + sizeof(struct folio), sizeof(struct folio));
}

static void restore_tails(unsigned long addr, unsigned long end,
			  void *tails, struct vmemmap_batch *batch)
{
	pte_t *pte = vmemmap_pte(addr);
	struct page *page;

	for (; addr < end; addr += PAGE_SIZE, pte++) {
		page = vmemmap_pages_take(batch);
		if (page_to_virt(page) != tails)
			copy_page(page_to_virt(page), tails);
		/* A walker that reaches the new page must see tails in it. */
		smp_wmb();
		set_pte_at(&init_mm, addr, pte, mk_pte(page, PAGE_KERNEL));
	}
}

/**
 * vmemmap_base_restore - give the tails of a compound page their own pages
 * @start: vmemmap address of the head struct page, page aligned
 * @end: vmemmap address behind the last tail, page aligned
 * @batch: remembers what has to be flushed
 *
 * Undoes vmemmap_base_optimize(). The compound page may be handed on after
 * vmemmap_base_flush().
 *
 * Context: Process context, may sleep to reclaim memory, but never invokes the
 *	OOM killer. The caller owns the frozen compound page.
 * Return: 0; -EAGAIN if others in @batch were restored and memory is short:
 *	flush, free them, and call again; -ENOMEM if neither the allocator nor
 *	the reserve has enough pages. Nothing has changed after an error.
 */
int vmemmap_base_restore(unsigned long start, unsigned long end,
			 struct vmemmap_batch *batch)
{
	const struct page *head = (struct page *)start;
	unsigned long nr_pages, addr, next;
	void *tails;
	int ret;

	start += PAGE_SIZE;
	nr_pages = (end - start) >> PAGE_SHIFT;
	ret = vmemmap_pages_alloc(batch, nr_pages, page_to_nid(head));
	if (ret)
		return ret;

	tails = page_to_virt(list_first_entry(&batch->spare, struct page, lru));
	fill_tails(tails, head);
	for (addr = start; addr < end; addr = next) {
		next = pmd_addr_end(addr, end);
		restore_tails(addr, next, tails, batch);
	}
	memmap_pages_add(nr_pages);
	batch->nr_restored += nr_pages;
	batch_add_range(batch, start, end);
	return 0;
}

/**
 * vmemmap_base_flush - end a batch: flush the TLBs, then free
 * @batch: the batch, not to be used again
 *
 * From here on no CPU reaches the freed pages through the vmemmap, and every CPU
 * sees the restored ones. An empty batch costs nothing.
 *
 * Context: Process context with interrupts enabled.
 */
void vmemmap_base_flush(struct vmemmap_batch *batch)
{
	if (!batch->end)
		return;
	flush_tlb_kernel_range(batch->start, batch->end);
	vmemmap_pages_free(batch);
}
