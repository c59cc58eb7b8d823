// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vmemmap mapped by base pages
 *
 * The struct pages of a compound page nearly all say the same: "I am a tail,
 * my head is over there". So the vmemmap pages that hold nothing but tails can
 * be one page, mapped many times. To exchange single pages of the vmemmap,
 * page tables must map it, and usually PMDs do. Instead of splitting PMDs when
 * memory may be short, this file populates the vmemmap with page tables from
 * the start. Everything later is a swap of PTEs in tables that already exist:
 *
 *   optimize:  first | tail | tail | tail      the first page stays, read-write
 *                |      |      |      |
 *                v      v      v      v
 *              page0  page0  page0  page0      read-only; the others are freed
 *
 *   restore:   every tail gets a page of its own again, complete before it is
 *              mapped, read-write
 *
 * Who calls must own the compound page: its refcount is zero and stays so. As
 * no one else then touches its PTEs, and tables go away only with the memory
 * that they describe, no lock is taken here. What remains are readers without
 * a reference, the pfn walkers, and CPUs that still hold an old translation:
 *
 * - A walker checks a struct page and then writes to its refcount. What it saw
 *   before the page was frozen, or before its tails were remapped, must not be
 *   acted upon later; vmemmap_base_wait_walkers() waits for it at both points.
 * - A CPU may read, or write, through an old translation until the TLB flush.
 *   So a page taken out of the vmemmap is freed only after the flush, and the
 *   compound page is handed on only then.
 * - Restoring needs no waiting: old and new translation show a tail with a
 *   refcount of zero, or a fake head that is told from a real one.
 *
 * What differs from kernel to kernel is in vmemmap_layout.h.
 */
#define pr_fmt(fmt) "vmemmap: " fmt

#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/pgtable.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/vmemmap_base.h>
#include <linux/vmstat.h>
#include <linux/workqueue.h>
#include <asm/pgalloc.h>
#include <asm/tlbflush.h>

#include "vmemmap_layout.h"

static bool base_enabled __ro_after_init;

/**
 * vmemmap_base_enabled - whether the vmemmap is populated with base pages
 *
 * Memory that brings its own vmemmap (an altmap) is not: it keeps PMDs.
 *
 * Context: Any. The answer is final once early parameters are parsed.
 */
bool vmemmap_base_enabled(void)
{
	return base_enabled;
}

/**
 * vmemmap_base_enable - choose how the vmemmap will be populated
 * @enable: true for base pages, false for what the architecture does
 *
 * Context: Early boot, before the first section is populated.
 */
void __init vmemmap_base_enable(bool enable)
{
	base_enabled = enable;
}

static int __init vmemmap_base_init(void)
{
	if (base_enabled)
		vmemmap_layout_init();
	return 0;
}
early_initcall(vmemmap_base_init);

static pmd_t * __meminit populate_table(unsigned long addr, int node)
{
	pgd_t *pgd = vmemmap_pgd_populate(addr, node);
	p4d_t *p4d = pgd ? vmemmap_p4d_populate(pgd, addr, node) : NULL;
	pud_t *pud = p4d ? vmemmap_pud_populate(p4d, addr, node) : NULL;

	return pud ? vmemmap_pmd_populate(pud, addr, node) : NULL;
}

/*
 * One contiguous, aligned block behind a whole table: neighbouring PTEs can
 * then share a TLB entry on CPUs that coalesce, and freed neighbours merge.
 */
static bool __meminit populate_block(pmd_t *pmd, unsigned long addr, int node)
{
	pte_t *pte = pte_offset_kernel(pmd, addr);
	struct page *page;
	unsigned long pfn;
	void *block;
	int i;

	block = vmemmap_alloc_block_buf(PMD_SIZE, node, NULL);
	if (!block)
		return false;

	page = virt_to_page(block);
	/* The pages part company later; memblock's are separate already. */
	if (slab_is_available())
		split_page(page, get_order(PMD_SIZE));

	pfn = PHYS_PFN(__pa(block));
	for (i = 0; i < PTRS_PER_PTE; i++)
		set_pte_at(&init_mm, addr + i * PAGE_SIZE, pte + i,
			   pfn_pte(pfn + i, PAGE_KERNEL));
	vmemmap_verify(pte, node, addr, addr + PMD_SIZE);
	return true;
}

/**
 * vmemmap_base_populate - map a range of the vmemmap with base pages
 * @start: first vmemmap address, page aligned
 * @end: address behind the range, page aligned
 * @node: preferred node of the vmemmap pages and their tables
 *
 * Backs each whole table with one block where there is one to be had, and with
 * single pages otherwise. The architecture synchronises its page tables
 * afterwards.
 *
 * Context: Boot, with memblock, or memory hotplug with mem_hotplug_lock held
 *	for writing. May sleep then.
 * Return: 0, or -ENOMEM. What is mapped by then stays; memory hotplug removes it,
 *	and boot goes on without the section.
 */
int __meminit vmemmap_base_populate(unsigned long start, unsigned long end,
				    int node)
{
	unsigned long addr, next;
	pmd_t *pmd;

	for (addr = start; addr < end; addr = next) {
		next = pmd_addr_end(addr, end);
		pmd = populate_table(addr, node);
		if (!pmd)
			return -ENOMEM;
		if (next - addr == PMD_SIZE && populate_block(pmd, addr, node))
			continue;
		if (vmemmap_populate_basepages(addr, next, node, NULL))
			return -ENOMEM;
	}
	return 0;
}

static bool section_has_table(unsigned long nr)
{
	pmd_t *pmd;

	if (!present_section_nr(nr))
		return false;
	pmd = pmd_off_k((unsigned long)pfn_to_page(section_nr_to_pfn(nr)));
	return pmd_present(*pmd) && !pmd_leaf(*pmd);
}

/**
 * vmemmap_base_table_pages - page tables that PMD mappings would not need
 *
 * Counted afresh from the page tables: the vmemmap of a section is one table
 * (2 MiB for 128 MiB of memory), or one PMD.
 *
 * Context: Process context, takes mem_hotplug_lock for reading.
 * Return: number of pages.
 */
unsigned long vmemmap_base_table_pages(void)
{
	unsigned long nr, tables = 0;

	get_online_mems();
	for (nr = 0; nr <= __highest_present_section_nr; nr++) {
		tables += section_has_table(nr);
		cond_resched();
	}
	put_online_mems();
	return tables;
}

/*
 * The reserve: a few pages for restoring when the allocator has none. What is
 * restored with them yields far more memory, so they need to last only once;
 * but whoever keeps the machine short of memory may be quick, so taking them
 * starts a work that asks for new ones until it gets them.
 */
static LIST_HEAD(reserve);
static DEFINE_SPINLOCK(reserve_lock);
static unsigned int reserve_target;
static unsigned int reserve_pages;
static unsigned long reserve_used;

static void reserve_refill(struct work_struct *work);
static DECLARE_DELAYED_WORK(reserve_work, reserve_refill);

/*
 * Neither kills for it nor complains: a failure is reported to the one who
 * asked. Memory that restoring has just yielded may still hide from the
 * watermarks in a per-CPU list, from where reclaim without progress does not
 * fetch it.
 */
static struct page *alloc_vmemmap_page(int node, gfp_t effort)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_NOWARN | effort;
	struct page *page = alloc_pages_node(node, gfp, 0);

	if (page)
		return page;
	drain_all_pages(NULL);
	return alloc_pages_node(node, gfp, 0);
}

static void reserve_add(struct page *page)
{
	spin_lock(&reserve_lock);
	list_add(&page->lru, &reserve);
	reserve_pages++;
	spin_unlock(&reserve_lock);
}

/* Does not sleep, as workqueues start another thread for work that does. */
static void reserve_refill(struct work_struct *work)
{
	struct page *page;

	while (READ_ONCE(reserve_pages) < reserve_target) {
		page = alloc_page(GFP_NOWAIT | __GFP_NOWARN);
		if (!page) {
			schedule_delayed_work(&reserve_work, HZ);
			return;
		}
		reserve_add(page);
	}
}

/* Only as a whole: a part would not see a compound page restored. */
static bool reserve_take(struct list_head *pages)
{
	bool enough;

	spin_lock(&reserve_lock);
	enough = reserve_pages == reserve_target;
	if (enough) {
		list_splice_init(&reserve, pages);
		reserve_pages = 0;
		reserve_used++;
	}
	spin_unlock(&reserve_lock);
	if (enough)
		schedule_delayed_work(&reserve_work, 0);
	return enough;
}

/**
 * vmemmap_base_set_reserve - keep pages back for restoring
 * @nr_pages: as many as vmemmap_base_restore() needs for one compound page
 *
 * Context: Boot, once, before the first restore.
 */
void __init vmemmap_base_set_reserve(unsigned int nr_pages)
{
	reserve_target = nr_pages;
	reserve_refill(NULL);
}

/**
 * vmemmap_base_reserve_pages - size of the reserve at this moment
 *
 * Context: Any.
 * Return: number of pages; less than was set while they are being replaced.
 */
unsigned int vmemmap_base_reserve_pages(void)
{
	return READ_ONCE(reserve_pages);
}

/**
 * vmemmap_base_reserve_used - how often restoring had to take the reserve
 *
 * Context: Any.
 */
unsigned long vmemmap_base_reserve_used(void)
{
	return READ_ONCE(reserve_used);
}

static void free_vmemmap_pages(struct list_head *pages)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, pages, lru)
		__free_page(page);
	INIT_LIST_HEAD(pages);
}

static bool alloc_vmemmap_pages(unsigned long nr_pages, int node, gfp_t effort,
				struct list_head *pages)
{
	struct page *page;
	unsigned long i;

	for (i = 0; i < nr_pages; i++) {
		page = alloc_vmemmap_page(node, effort);
		if (!page) {
			free_vmemmap_pages(pages);
			return false;
		}
		list_add_tail(&page->lru, pages);
	}
	return true;
}

/*
 * What the reserve is meant for yields far more memory at once. So it need not
 * reclaim hard, but may have the reserve and, while that is being replaced, what
 * the allocator itself keeps for those who free.
 */
static bool get_vmemmap_pages(unsigned long nr_pages, int node,
			      struct list_head *pages)
{
	if (nr_pages != reserve_target)
		return alloc_vmemmap_pages(nr_pages, node, __GFP_RETRY_MAYFAIL,
					   pages);
	return alloc_vmemmap_pages(nr_pages, node, __GFP_NORETRY, pages) ||
		reserve_take(pages) ||
		alloc_vmemmap_pages(nr_pages, node,
				    __GFP_NORETRY | __GFP_MEMALLOC, pages);
}

static pte_t *vmemmap_pte(unsigned long addr)
{
	return pte_offset_kernel(pmd_off_k(addr), addr);
}

static bool range_has_tables(unsigned long start, unsigned long end)
{
	unsigned long addr;

	for (addr = start; addr < end; addr = pmd_addr_end(addr, end))
		if (pmd_leaf(*pmd_off_k(addr)))
			return false;
	return true;
}

static void batch_add_range(struct vmemmap_batch *batch, unsigned long start,
			    unsigned long end)
{
	batch->start = min(batch->start, start);
	batch->end = max(batch->end, end);
}

/**
 * vmemmap_base_wait_walkers - wait until walkers have seen the present state
 * @expedite: for a single page, where the wait is all of the work
 *
 * To be called before vmemmap_base_optimize(), for all compound pages that are
 * frozen by now, and again after vmemmap_base_flush(), before any of them may
 * be unfrozen.
 *
 * Context: Process context, may sleep.
 */
void vmemmap_base_wait_walkers(bool expedite)
{
	vmemmap_layout_wait_walkers(expedite);
}

static void share_tails(unsigned long addr, unsigned long end, pte_t shared,
			struct list_head *freed)
{
	pte_t *pte = vmemmap_pte(addr);

	for (; addr < end; addr += PAGE_SIZE, pte++) {
		list_add_tail(&pte_page(ptep_get(pte))->lru, freed);
		set_pte_at(&init_mm, addr, pte, shared);
	}
}

/**
 * vmemmap_base_optimize - map the tails of a compound page to one page
 * @start: vmemmap address of the head struct page, page aligned
 * @end: vmemmap address behind the last tail, page aligned
 * @batch: takes the pages that are no longer mapped
 *
 * The first page of the range stays where it is. The others become read-only
 * views, and what was behind them waits in @batch for vmemmap_base_flush().
 * Nothing is allocated and nothing is read from the tails, so they need not be
 * initialised yet.
 *
 * Context: Any; the caller owns the frozen compound page and has called
 *	vmemmap_base_wait_walkers() since it was frozen.
 * Return: 0, or -EOPNOTSUPP if a part of the range is mapped by a PMD, as that
 *	of memory with an altmap is; then nothing has changed.
 */
int vmemmap_base_optimize(unsigned long start, unsigned long end,
			  struct vmemmap_batch *batch)
{
	unsigned long addr, next;
	struct page *first, *tail;
	pte_t shared;

	if (!range_has_tables(start, end))
		return -EOPNOTSUPP;

	first = pte_page(ptep_get(vmemmap_pte(start)));
	tail = vmemmap_layout_tail_page((struct page *)start, first);
	shared = mk_pte(tail, PAGE_KERNEL_RO);

	for (addr = start + PAGE_SIZE; addr < end; addr = next) {
		next = pmd_addr_end(addr, end);
		share_tails(addr, next, shared, &batch->freed);
	}
	batch_add_range(batch, start + PAGE_SIZE, end);
	return 0;
}

static void restore_tails(unsigned long addr, unsigned long end,
			  const struct page *head, struct list_head *pages)
{
	pte_t *pte = vmemmap_pte(addr);
	struct page *page;

	for (; addr < end; addr += PAGE_SIZE, pte++) {
		page = list_first_entry(pages, struct page, lru);
		list_del(&page->lru);
		vmemmap_layout_fill(page_to_virt(page), head);
		/* A walker that finds the new page must find tails in it. */
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
 * Return: 0, or -ENOMEM if neither the allocator nor the reserve has enough
 *	pages; then nothing has changed.
 */
int vmemmap_base_restore(unsigned long start, unsigned long end,
			 struct vmemmap_batch *batch)
{
	const struct page *head = (struct page *)start;
	unsigned long addr, next, nr_pages;
	LIST_HEAD(pages);

	start += PAGE_SIZE;
	nr_pages = (end - start) >> PAGE_SHIFT;
	if (!get_vmemmap_pages(nr_pages, page_to_nid(head), &pages))
		return -ENOMEM;

	for (addr = start; addr < end; addr = next) {
		next = pmd_addr_end(addr, end);
		restore_tails(addr, next, head, &pages);
	}
	memmap_pages_add(nr_pages);
	batch_add_range(batch, start, end);
	return 0;
}

/**
 * vmemmap_base_flush - end a batch: flush the TLBs, then free
 * @batch: the batch, not to be used again
 *
 * Nobody reaches the freed pages through the vmemmap from here on, and what
 * was restored is what every CPU sees. An empty batch costs nothing.
 *
 * Context: Process context with interrupts enabled.
 */
void vmemmap_base_flush(struct vmemmap_batch *batch)
{
	struct page *page, *next;
	long boot = 0, buddy = 0;

	if (!batch->end)
		return;
	flush_tlb_kernel_range(batch->start, batch->end);

	list_for_each_entry_safe(page, next, &batch->freed, lru) {
		if (PageReserved(page)) {
			vmemmap_layout_free_boot_page(page);
			boot++;
		} else {
			__free_page(page);
			buddy++;
		}
		cond_resched();
	}
	memmap_boot_pages_add(-boot);
	memmap_pages_add(-buddy);
}
