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

#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/rcupdate.h>

#include "internal.h"
#include "page_alloc.h"	/* drain_all_pages(), elsewhere in linux/gfp.h */

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

#endif /* _MM_VMEMMAP_LAYOUT_H */
