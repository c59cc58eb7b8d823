// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mapping the vmemmap by PMDs again, once it does not change any more
 *
 * Page tables map the vmemmap so that single pages of it can be swapped. After the
 * seal none is swapped any more, and outside the pool a table says nothing that a
 * PMD would not. Such tables are replaced by PMDs and freed. Small mappings, and
 * their price, remain where pages are, or once were, optimized, and in memory that
 * was added after boot and before the seal.
 */
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/vmemmap_base.h>
#include <asm/tlbflush.h>

static unsigned long collapsed;

/**
 * vmemmap_collapsed - how much is mapped by PMDs again
 *
 * Context: Any.
 * Return: number of PMDs, and so of page tables that were freed.
 */
unsigned long vmemmap_collapsed(void)
{
	return READ_ONCE(collapsed);
}

/*
 * Address, protection and memory type must be equal, because a CPU may use the old
 * and the new translation side by side until the flush. Only memory from boot: when
 * memory is removed, x86 frees what a PMD maps as one block or as 512 reserved
 * pages, and hot-added vmemmap is 512 pages that are neither.
 */
static bool maps_one_block(pte_t *pte)
{
	unsigned long i, pfn = pte_pfn(ptep_get(pte));

	if (!IS_ALIGNED(pfn, PTRS_PER_PTE))
		return false;
	for (i = 0; i < PTRS_PER_PTE; i++)
		if (!pte_same(ptep_get(pte + i), pfn_pte(pfn + i, PAGE_KERNEL)) ||
		    !PageReserved(pfn_to_page(pfn + i)))
			return false;
	return true;
}

static void collapse(unsigned long addr, struct list_head *tables)
{
	pmd_t *pmd = pmd_off_k(addr);
	pte_t *pte;

	if (pmd_none(*pmd) || pmd_leaf(*pmd) ||
	    boot_cpu_has_bug(X86_BUG_AMD_TLB_MMATCH))
		return;
	pte = pte_offset_kernel(pmd, addr);
	if (!maps_one_block(pte))
		return;
	list_add(&pmd_page(*pmd)->lru, tables);
	set_pmd(pmd, pfn_pmd(pte_pfn(ptep_get(pte)), PAGE_KERNEL_LARGE));
	WRITE_ONCE(collapsed, collapsed + 1);
}

/**
 * vmemmap_collapse - map the vmemmap by PMDs where nothing needs page tables
 *
 * Replaces each page table of the vmemmap whose entries are one aligned block of
 * writable pages from boot. Optimized compound pages keep theirs. Memory that is
 * added from now on gets PMDs. Nothing is allocated.
 *
 * Who else could use these tables is kept out, or waited for:
 *
 * - The caller sees to it that nobody optimizes or restores any more.
 * - Memory hotplug populates and frees the vmemmap with mem_hotplug_lock held for
 *   writing.
 * - ptdump walks the tables under the write lock of init_mm (mm/ptdump.c).
 * - perf_get_pgtable_size() walks them with interrupts off. So do the handlers of
 *   faults. The flush interrupts every CPU and waits, and so waits for them.
 * - /proc/kcore and all other readers of struct pages go through the MMU.
 *
 * CPUs go on reading and writing struct pages meanwhile. Both translations of an
 * address are equal but for their size, also in Accessed and Dirty, which are set
 * from the start, so that no CPU writes to either. Then a CPU may hold entries of
 * both sizes until they are flushed, and use any of them (Intel SDM volume 3, "Details
 * of TLB Use"). AMD's family 10h may stop with a machine check (erratum 383, revision
 * guide 41322), so nothing is collapsed there.
 *
 * A CPU may also have cached the PMD as a reference to the table. INVLPG drops such
 * entries for the current PCID alone (SDM, "Operations that Invalidate TLBs and
 * Paging-Structure Caches"), so that flush_tlb_kernel_range() is not enough.
 * flush_tlb_all() drops them for each PCID; tables are freed after it.
 *
 * Context: Process context, may sleep. mem_hotplug_lock is not held.
 */
void vmemmap_collapse(void)
{
	const unsigned long step = PMD_SIZE / sizeof(struct page);
	struct page *table, *next;
	unsigned long pfn;
	LIST_HEAD(tables);

	get_online_mems();
	vmemmap_base_enabled = false;
	mmap_write_lock(&init_mm);
	for (pfn = 0; pfn < max_pfn; pfn += step) {
		if (valid_section_nr(pfn_to_section_nr(pfn)))
			collapse((unsigned long)pfn_to_page(pfn), &tables);
		cond_resched();
	}
	flush_tlb_all();
	mmap_write_unlock(&init_mm);
	put_online_mems();

	/* Tables of memory from boot are from boot themselves. */
	list_for_each_entry_safe(table, next, &tables, lru) {
		vmemmap_pages_release_boot(table, 1);
		__free_page(table);
	}
}
