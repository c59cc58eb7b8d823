/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the vmemmap of an optimized compound page looks like on Linux 7.3.
 *
 * 7.3 finds the head of a tail by a mask of its address. So the tails of all compound
 * pages of one order in one zone are alike, and can be one page, which belongs to the
 * zone: zone->vmemmap_tails[].
 *
 * Included by the files of the optimization alone.
 */
#ifndef _MM_VMEMMAP_LAYOUT_H
#define _MM_VMEMMAP_LAYOUT_H

#include <linux/build_bug.h>
#include <linux/kmemleak.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/pfn.h>
#include <linux/pgalloc_tag.h>
#include <linux/rcupdate.h>

#include "internal.h"
#include "page_alloc.h"

/**
 * vmemmap_layout_tail - what the tail vmemmap is mapped to
 * @head: head struct page of the compound page, at its vmemmap address
 * @first: the page that @head lies in
 *
 * Return: the PTE in place of that of every tail vmemmap page. Writable, because a
 *	pfn walker may have seen the refcount before the page became a tail.
 *	page_ref_add_unless_zero() is LOCK CMPXCHG then, which finds the zero of all
 *	tails and fails, but needs write access even for that.
 */
static inline pte_t vmemmap_layout_tail(const struct page *head,
					struct page *first)
{
	unsigned int order = compound_order((struct page *)head);

	return mk_pte(page_zone(head)->vmemmap_tails[order - VMEMMAP_TAIL_MIN_ORDER],
		      PAGE_KERNEL);
}

/**
 * vmemmap_layout_fill - write the tail struct pages of one vmemmap page
 * @to: kernel address of the page to fill, PAGE_SIZE bytes
 * @head: head struct page of the compound page; its refcount is zero
 *
 * The shared page is no source: a stray write to any tail shows in it. The compound
 * page's own first page has tails behind struct folio, which none but this compound
 * page has used.
 */
static inline void vmemmap_layout_fill(void *to, const struct page *head)
{
	BUILD_BUG_ON(2 * sizeof(struct folio) > PAGE_SIZE);
	copy_page(to, (void *)head);
	memcpy(to, (void *)head + sizeof(struct folio), sizeof(struct folio));
}

/**
 * vmemmap_layout_wait_walkers - wait for marks of memory errors, if there may be any
 * @expedite: unused, as this is rare
 *
 * A walker needs no waiting: it may write to its tail when it is late, and does not
 * change it. But memory_failure() sets a mark in an RCU read section in which it has
 * seen that the page is not HugeTLB yet. Either it saw that before the folios became
 * HugeTLB, and has announced its mark, or it sees the folio and sets none.
 *
 * Context: Process context, may sleep.
 */
static inline void vmemmap_layout_wait_walkers(bool expedite)
{
	/* Pairs with smp_store_mb() in memory_failure(). */
	smp_mb();
	if (IS_ENABLED(CONFIG_MEMORY_FAILURE) && READ_ONCE(memory_failure_begun))
		synchronize_rcu();
}

/**
 * vmemmap_layout_release_boot_page - make a page from memblock freeable
 * @page: the page; PageReserved
 *
 * The page has one reference then, like an allocated one. The caller adds it to
 * the managed pages of its zone.
 */
static inline void vmemmap_layout_release_boot_page(struct page *page)
{
	kmemleak_free_part_phys(PFN_PHYS(page_to_pfn(page)), PAGE_SIZE);
	clear_page_tag_ref(page);
	ClearPageReserved(page);
}

#endif /* _MM_VMEMMAP_LAYOUT_H */
