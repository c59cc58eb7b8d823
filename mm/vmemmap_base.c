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
 * The caller must own the compound page: its refcount is frozen at zero. Nobody
 * else then touches its PTEs, and tables are freed only with the memory that
 * they describe, so no lock is taken here. Two kinds of readers remain: pfn
 * walkers, which hold no reference, and CPUs with an old TLB entry:
 *
 * - A walker sees a refcount in use, sees that the page is no fake head, and
 *   writes to the refcount. vmemmap_base_wait_walkers() waits for each walker
 *   that may have seen the refcount before the page was frozen. A later one
 *   sees zero until the compound page is handed on, and a fake head afterwards.
 * - A CPU may read, or write, through an old translation until the TLB flush.
 *   So a page taken out of the vmemmap is freed only after the flush, and the
 *   compound page is handed on only then.
 * - Restoring needs no waiting: old and new translation show a tail with a
 *   refcount of zero, or a fake head, which page_is_fake_head() recognizes.
 *
 * What differs from kernel to kernel is in vmemmap_layout.h.
 */
#define pr_fmt(fmt) "vmemmap: " fmt

#include <linux/alloc_tag.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/kmemleak.h>
#include <linux/log2.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/page-flags.h>
#include <linux/page_owner.h>
#include <linux/page_ref.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
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

/*
 * kmemleak must not track what will be freed page by page, or with its memory.
 * It scans struct pages without being told of them.
 */
static void __meminit untrack(phys_addr_t phys, size_t size)
{
	if (!slab_is_available())
		kmemleak_free_part_phys(phys, size);
}

static pmd_t * __meminit populate_table(unsigned long addr, int node)
{
	pgd_t *pgd = vmemmap_pgd_populate(addr, node);
	p4d_t *p4d = pgd ? vmemmap_p4d_populate(pgd, addr, node) : NULL;
	pud_t *pud = p4d ? vmemmap_pud_populate(p4d, addr, node) : NULL;
	pmd_t *pmd = pud ? vmemmap_pmd_populate(pud, addr, node) : NULL;

	if (pmd)
		untrack(PFN_PHYS(pmd_pfn(*pmd)), PAGE_SIZE);
	return pmd;
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

	untrack(__pa(block), PMD_SIZE);
	page = virt_to_page(block);
	/* The pages are freed one by one; memblock's are separate already. */
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
 * The reserve: a few pages for restoring when the allocator has none. The
 * compound page that is restored with them yields far more memory. Others may
 * take that memory first, so a work item refills the reserve, retrying.
 */
static LIST_HEAD(reserve);
static DEFINE_SPINLOCK(reserve_lock);
static unsigned int reserve_target;
static unsigned int reserve_pages;
static unsigned long reserve_used;

static void reserve_refill(struct work_struct *work);
static DECLARE_DELAYED_WORK(reserve_work, reserve_refill);

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

/*
 * Only as a whole: a part does not restore a compound page. It is not refilled at
 * once, because for a second work item beside the caller's the workqueue would
 * start another thread while memory is short.
 */
static bool reserve_take(struct vmemmap_batch *batch)
{
	bool enough;

	spin_lock(&reserve_lock);
	enough = reserve_pages == reserve_target;
	if (enough) {
		list_splice_init(&reserve, &batch->spare);
		batch->nr_spare += reserve_pages;
		reserve_pages = 0;
		reserve_used++;
	}
	spin_unlock(&reserve_lock);
	if (enough)
		schedule_delayed_work(&reserve_work, HZ);
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

/*
 * Pages are allocated and freed in aligned blocks where possible, of the largest
 * order that has per-CPU lists. That is less work than page by page, and adjacent
 * pages stay adjacent.
 */
#define BLOCK_ORDER	PAGE_ALLOC_COSTLY_ORDER

static void add_spare(struct vmemmap_batch *batch, struct page *page)
{
	list_add_tail(&page->lru, &batch->spare);
	batch->nr_spare++;
}

static struct page *first_spare(struct vmemmap_batch *batch)
{
	return list_first_entry(&batch->spare, struct page, lru);
}

static struct page *take_spare(struct vmemmap_batch *batch)
{
	struct page *page = first_spare(batch);

	list_del(&page->lru);
	batch->nr_spare--;
	return page;
}

static void free_spare(struct vmemmap_batch *batch)
{
	while (batch->nr_spare)
		__free_page(take_spare(batch));
}

/*
 * No reclaim, and no other node, as single pages will do. A block has one page
 * too many: the next compound page on that node uses it.
 */
static bool add_block(struct vmemmap_batch *batch, int node)
{
	const gfp_t gfp = __GFP_THISNODE | __GFP_NOMEMALLOC | __GFP_NOWARN;
	struct page *block;
	int i;

	block = alloc_pages_node(node, gfp, BLOCK_ORDER);
	if (!block)
		return false;
	split_page(block, BLOCK_ORDER);
	for (i = 0; i < 1 << BLOCK_ORDER; i++)
		add_spare(batch, block + i);
	return true;
}

static bool add_single(struct vmemmap_batch *batch, int node, gfp_t gfp)
{
	struct page *page = alloc_pages_node(node, gfp | __GFP_NOWARN, 0);

	if (page)
		add_spare(batch, page);
	return page;
}

/*
 * All or nothing. What is left over from the last compound page is of one block,
 * and so of one node.
 */
static bool alloc_vmemmap_pages(unsigned long nr_pages, int node, gfp_t gfp,
				struct vmemmap_batch *batch)
{
	if (batch->nr_spare && page_to_nid(first_spare(batch)) != node)
		free_spare(batch);
	while (batch->nr_spare < nr_pages && add_block(batch, node))
		;
	while (batch->nr_spare < nr_pages && add_single(batch, node, gfp))
		;
	if (batch->nr_spare >= nr_pages)
		return true;
	free_spare(batch);
	return false;
}

/*
 * For the first compound page of a batch. Restoring it frees more than it takes,
 * so reclaim need not try hard. Pages that were freed just now may sit on per-CPU
 * lists, where the watermarks do not see them. Far below the watermarks, nothing
 * that is freed reaches the reserve; one compound page at a time may then use what
 * the allocator keeps for tasks that free memory. For a work item that sleeps in
 * reclaim the workqueue would start another thread, which needs memory itself.
 */
static bool get_first_pages(unsigned long nr_pages, int node,
			    struct vmemmap_batch *batch)
{
	const gfp_t gfp = current->flags & PF_WQ_WORKER ?
		GFP_NOWAIT : GFP_KERNEL | __GFP_NORETRY;

	if (alloc_vmemmap_pages(nr_pages, node, gfp, batch))
		return true;
	drain_all_pages(NULL);
	return alloc_vmemmap_pages(nr_pages, node, gfp, batch) ||
		reserve_take(batch) ||
		alloc_vmemmap_pages(nr_pages, node, gfp | __GFP_MEMALLOC, batch);
}

/*
 * Others would run short of memory before the batch ends. So one zone at the least
 * keeps as much free above its high watermark as the batch has taken.
 */
static bool leaves_enough(int node, const struct vmemmap_batch *batch)
{
	const enum zone_type highest = gfp_zone(GFP_NOWAIT);
	struct zoneref *ref;
	struct zone *zone;

	for_each_zone_zonelist(zone, ref, node_zonelist(node, GFP_NOWAIT), highest)
		if (zone_watermark_ok(zone, 0, high_wmark_pages(zone) +
				      batch->nr_restored, highest, 0))
			return true;
	return false;
}

/*
 * For the others. Where memory is short, the caller frees the first ones instead
 * of reclaiming.
 */
static bool get_more_pages(unsigned long nr_pages, int node,
			   struct vmemmap_batch *batch)
{
	return leaves_enough(node, batch) &&
		alloc_vmemmap_pages(nr_pages, node, GFP_NOWAIT, batch);
}

static int get_vmemmap_pages(unsigned long nr_pages, int node,
			     struct vmemmap_batch *batch)
{
	/* The reserve is too small, and demotion does not come back for the rest. */
	if (nr_pages != reserve_target)
		return alloc_vmemmap_pages(nr_pages, node, GFP_KERNEL |
					   __GFP_RETRY_MAYFAIL, batch) ?
			0 : -ENOMEM;
	if (!batch->nr_restored)
		return get_first_pages(nr_pages, node, batch) ? 0 : -ENOMEM;
	return get_more_pages(nr_pages, node, batch) ? 0 : -EAGAIN;
}

/* NULL where a PMD maps the vmemmap by itself */
static pte_t *vmemmap_pte(unsigned long addr)
{
	pmd_t *pmd = pmd_off_k(addr);

	return pmd_leaf(*pmd) ? NULL : pte_offset_kernel(pmd, addr);
}

static bool range_has_tables(unsigned long start, unsigned long end)
{
	unsigned long addr;

	for (addr = start; addr < end; addr = pmd_addr_end(addr, end))
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

/**
 * vmemmap_base_wait_walkers - wait for speculative page references
 * @expedite: use an expedited grace period, which interrupts every CPU
 *
 * A walker that saw a refcount in use before the page was frozen is done with it
 * afterwards. To be called before vmemmap_base_optimize(), once for all compound
 * pages that are frozen by now.
 *
 * Context: Process context, may sleep.
 */
void vmemmap_base_wait_walkers(bool expedite)
{
	vmemmap_layout_wait_walkers(expedite);
}

/* Adjacent pages are kept as a run: its first page knows how many there are. */
static void gather(struct page *page, unsigned long nr_pages,
		   struct list_head *freed)
{
	struct page *run = list_last_entry(freed, struct page, lru);

	if (!list_empty(freed) && page == run + page_private(run)) {
		set_page_private(run, page_private(run) + nr_pages);
		return;
	}
	set_page_private(page, nr_pages);
	list_add_tail(&page->lru, freed);
}

static void share_tails(unsigned long addr, unsigned long end, pte_t *pte,
			pte_t shared, struct list_head *freed)
{
	struct page *run = pte_page(ptep_get(pte));
	pte_t next = ptep_get(pte);
	unsigned long nr_pages = 0;

	for (; addr < end; addr += PAGE_SIZE, pte++) {
		if (!pte_same(ptep_get(pte), next)) {
			gather(run, nr_pages, freed);
			run = pte_page(ptep_get(pte));
			nr_pages = 0;
		}
		nr_pages++;
		next = pte_next_pfn(ptep_get(pte));
		set_pte_at(&init_mm, addr, pte, shared);
	}
	gather(run, nr_pages, freed);
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
 * initialized yet.
 *
 * Context: Any; the caller owns the frozen compound page and has called
 *	vmemmap_base_wait_walkers() since it was frozen.
 * Return: 0, or -EOPNOTSUPP if a part of the range is mapped by a PMD, as that
 *	of memory with an altmap is; then nothing has changed.
 */
int vmemmap_base_optimize(unsigned long start, unsigned long end,
			  struct vmemmap_batch *batch)
{
	unsigned long addr, next = pmd_addr_end(start, end);
	pte_t *pte = vmemmap_pte(start);
	struct page *first, *tail;
	pte_t shared;

	if (!pte || !range_has_tables(next, end))
		return -EOPNOTSUPP;

	first = pte_page(ptep_get(pte));
	tail = vmemmap_layout_tail_page((struct page *)start, first);
	shared = mk_pte(tail, PAGE_KERNEL_RO);

	share_tails(start + PAGE_SIZE, next, pte + 1, shared, &batch->freed);
	for (addr = next; addr < end; addr = next) {
		next = pmd_addr_end(addr, end);
		share_tails(addr, next, vmemmap_pte(addr), shared, &batch->freed);
	}
	batch_add_range(batch, start + PAGE_SIZE, end);
	return 0;
}

static void restore_tails(unsigned long addr, unsigned long end,
			  void *tails, struct vmemmap_batch *batch)
{
	pte_t *pte = vmemmap_pte(addr);
	struct page *page;

	for (; addr < end; addr += PAGE_SIZE, pte++) {
		page = take_spare(batch);
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
	unsigned long addr, next, nr_pages;
	void *tails;
	int ret;

	start += PAGE_SIZE;
	nr_pages = (end - start) >> PAGE_SHIFT;
	ret = get_vmemmap_pages(nr_pages, page_to_nid(head), batch);
	if (ret)
		return ret;

	tails = page_to_virt(first_spare(batch));
	vmemmap_layout_fill(tails, head);
	for (addr = start; addr < end; addr = next) {
		next = pmd_addr_end(addr, end);
		restore_tails(addr, next, tails, batch);
	}
	memmap_pages_add(nr_pages);
	batch->nr_restored += nr_pages;
	batch_add_range(batch, start, end);
	return 0;
}

/*
 * In a block, the allocator expects a reference to the first page alone. A pfn
 * walker may hold a speculative reference; its put_page() then frees that page.
 * The allocator notices a hwpoisoned page only if it is freed by itself.
 */
static bool freeze_rest(struct page *block, unsigned long nr_pages)
{
	unsigned long i;

	if (PageHWPoison(block))
		return nr_pages == 1;
	for (i = 1; i < nr_pages; i++)
		if (PageHWPoison(block + i) || !page_ref_freeze(block + i, 1))
			break;
	if (i == nr_pages)
		return true;
	while (--i)
		page_ref_unfreeze(block + i, 1);
	return false;
}

static void free_block(struct page *block, unsigned int order)
{
	unsigned long i;

	if (freeze_rest(block, 1UL << order)) {
		__free_pages(block, order);
		return;
	}
	for (i = 0; i < 1UL << order; i++)
		__free_page(block + i);
}

#ifdef CONFIG_PAGE_OWNER
static bool page_owner_enabled(void)
{
	return static_branch_unlikely(&page_owner_inited);
}
#else
static bool page_owner_enabled(void)
{
	return false;
}
#endif

/*
 * The largest aligned block that begins with this page. page_owner and allocation
 * profiling track single pages.
 */
static unsigned int block_order(const struct page *page, unsigned long nr_pages)
{
	unsigned long aligned = __ffs(page_to_pfn(page));
	unsigned long room = ilog2(nr_pages);

	if (page_owner_enabled() || mem_alloc_profiling_enabled())
		return 0;
	return min3(aligned, room, (unsigned long)BLOCK_ORDER);
}

static unsigned long release_boot_pages(struct page *page,
					unsigned long nr_pages)
{
	unsigned long i, boot = 0;

	for (i = 0; i < nr_pages; i++) {
		if (PageReserved(page + i)) {
			vmemmap_layout_release_boot_page(page + i);
			boot++;
		}
	}
	if (boot)
		adjust_managed_page_count(page, boot);
	return boot;
}

/* A run may cross zones, a block does not. Returns how many came from memblock. */
static unsigned long free_run(struct page *page, unsigned long nr_pages)
{
	unsigned long boot = 0;
	unsigned int order;

	for (; nr_pages; nr_pages -= 1UL << order, page += 1UL << order) {
		order = block_order(page, nr_pages);
		boot += release_boot_pages(page, 1UL << order);
		free_block(page, order);
	}
	return boot;
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
	unsigned long boot = 0, all = 0, nr_pages;
	struct page *run, *next;

	if (!batch->end)
		return;
	flush_tlb_kernel_range(batch->start, batch->end);

	list_for_each_entry_safe(run, next, &batch->freed, lru) {
		nr_pages = page_private(run);
		set_page_private(run, 0);
		boot += free_run(run, nr_pages);
		all += nr_pages;
		cond_resched();
	}
	free_spare(batch);
	memmap_boot_pages_add(-boot);
	memmap_pages_add(boot - all);
}
